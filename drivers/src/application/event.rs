//! The one ordered stream of events of an application: those of the agent, of the audio, and its own.

use std::path::PathBuf;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use sipsimple_audio::device::DeviceNames;
use sipsimple_audio::engine::{AudioEvent, MixerId};
use sipsimple_core::agent;
use sipsimple_core::id::{SessionId, StreamId};
use sipsimple_core::media::Statistics;
use sipsimple_core::session::SessionEvent;
use sipsimple_core::sip::Text;
use sipsimple_core::stream::StreamEvent;
use sipsimple_core::time::{Instant, Utc};

use crate::disk::{FileHashEvent, FileHashId};

/// News for the application.
#[derive(Debug)]
#[must_use]
pub struct Event {
    /// The time since the application started.
    pub at: Instant,
    /// The date (`timestamp` of every notification of the seeds).
    pub timestamp: Utc,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum EventKind {
    /// News of the application itself.
    Application(ApplicationEvent),
    /// News of the agent: accounts, sessions, streams, sockets.
    Agent(agent::EventKind),
    /// News of the audio: players, recordings, devices.
    Audio(AudioEvent),
    /// News of a file that is being hashed, before it is sent.
    FileHash {
        /// Which one.
        id: FileHashId,
        /// The news.
        event: FileHashEvent,
    },
    /// The last report of the packet counters of a stream that has ended.
    Statistics {
        /// The stream.
        stream: StreamId,
        /// The counters.
        statistics: Box<Statistics>,
    },
}

impl Event {
    /// The seeds' names of this notification, seed 002's first; empty for news that the seeds have no name for.
    #[must_use]
    pub fn names(&self) -> &'static [&'static str] {
        match &self.kind {
            EventKind::Application(event) => event.names(),
            EventKind::Agent(kind) => kind.names(),
            EventKind::Audio(event) => event.names(),
            EventKind::FileHash { event, .. } => event.names(),
            EventKind::Statistics { .. } => &[],
        }
    }

    /// The news, when it is of a session.
    #[must_use]
    pub const fn session(&self) -> Option<(SessionId, &SessionEvent)> {
        match &self.kind {
            EventKind::Agent(agent::EventKind::Session { id, event }) => Some((*id, event)),
            _ => None,
        }
    }

    /// The news, when it is of a stream.
    #[must_use]
    pub const fn stream(&self) -> Option<(StreamId, &StreamEvent)> {
        match &self.kind {
            EventKind::Agent(agent::EventKind::Stream { id, event, .. }) => Some((*id, event)),
            _ => None,
        }
    }
}

/// News of the application itself (seed class SIPApplication).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ApplicationEvent {
    /// It starts (`SIPApplicationWillStart`).
    WillStart,
    /// It has started: its sockets are being bound (`SIPApplicationDidStart`).
    DidStart,
    /// It was asked to stop: sessions are being ended (`SIPApplicationWillEnd`).
    WillEnd,
    /// The last news (`SIPApplicationDidEnd`).
    DidEnd,
    /// A mixer speaks and hears by these devices from now on; none is silent.
    AudioDeviceDidChange {
        /// The mixer, of voice or of alerts.
        #[serde(serialize_with = "mixer_name")]
        mixer: MixerId,
        /// The device that is spoken into.
        input: Option<String>,
        /// The device that is heard.
        output: Option<String>,
    },
    /// The devices that a mixer is to have cannot be opened: what the system prefers is tried, or it is silent.
    AudioDeviceFailed {
        /// The mixer.
        #[serde(serialize_with = "mixer_name")]
        mixer: MixerId,
        /// Why.
        error: Text,
    },
    /// Devices came or went.
    AudioDevicesDidChange {
        /// Those that there were.
        #[serde(serialize_with = "device_names")]
        old_devices: DeviceNames,
        /// Those that there are.
        #[serde(serialize_with = "device_names")]
        new_devices: DeviceNames,
    },
    /// The system prefers other devices.
    DefaultAudioDeviceDidChange {
        /// What it prefers to be spoken into, where that is another one.
        changed_input: Option<String>,
        /// What it prefers to be heard on, where that is another one.
        changed_output: Option<String>,
    },
    /// The trace could not be written; the application goes on without it.
    TraceFailed {
        /// The words of the operating system.
        error: Text,
    },
    /// Messages could not be written into this file, and are not from now on (settings `logs.*`).
    LogFailed {
        /// The file.
        file: PathBuf,
        /// The words of the operating system.
        error: Text,
    },
}

impl ApplicationEvent {
    /// The seeds' names of this notification.
    #[must_use]
    pub const fn names(&self) -> &'static [&'static str] {
        match self {
            Self::WillStart => &["SIPApplicationWillStart"],
            Self::DidStart => &["SIPApplicationDidStart"],
            Self::WillEnd => &["SIPApplicationWillEnd"],
            Self::DidEnd => &["SIPApplicationDidEnd"],
            Self::AudioDevicesDidChange { .. } => &["AudioDevicesDidChange"],
            Self::DefaultAudioDeviceDidChange { .. } => &["DefaultAudioDeviceDidChange"],
            Self::AudioDeviceDidChange { .. }
            | Self::AudioDeviceFailed { .. }
            | Self::TraceFailed { .. }
            | Self::LogFailed { .. } => &[],
        }
    }
}

/// As in the names of SIPApplication's mixers.
fn mixer_name<S: Serializer>(mixer: &MixerId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(if *mixer == MixerId::ALERT { "alert" } else { "voice" })
}

fn device_names<S: Serializer>(devices: &DeviceNames, serializer: S) -> Result<S::Ok, S::Error> {
    let mut both = serializer.serialize_struct("devices", 2)?;
    both.serialize_field("input", &devices.input)?;
    both.serialize_field("output", &devices.output)?;
    both.end()
}
