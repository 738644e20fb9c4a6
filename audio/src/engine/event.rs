//! News of an engine.

use std::path::PathBuf;

use sipsimple_core::id::StreamId;

use super::PortId;
use crate::mixer::Slot;
use crate::port::PortEvent;

/// What an engine tells the application.
#[derive(Debug)]
#[non_exhaustive]
pub enum AudioEvent {
    /// News of a player, recorder, generator or device.
    Port {
        /// Which one.
        port: PortId,
        /// The news.
        event: PortEvent,
    },
    /// A port produces or consumes now, or does not any more (`AudioPortDidChangeSlots`).
    AudioPortDidChangeSlots {
        /// Which one.
        port: PortId,
        /// Whether it consumes now and did not, or the other way round.
        consumer_slot_changed: bool,
        /// Whether it produces now and did not, or the other way round.
        producer_slot_changed: bool,
        /// The slot that it consumed by.
        old_consumer_slot: Option<Slot>,
        /// The slot that it consumes by now.
        new_consumer_slot: Option<Slot>,
        /// The slot that it produced by.
        old_producer_slot: Option<Slot>,
        /// The slot that it produces by now.
        new_producer_slot: Option<Slot>,
    },
    /// A stream is about to be recorded (`AudioStreamWillStartRecordingAudio`).
    WillStartRecording {
        /// The stream.
        stream: StreamId,
        /// The file.
        filename: PathBuf,
    },
    /// A stream is recorded from now on (`AudioStreamDidStartRecordingAudio`).
    DidStartRecording {
        /// The stream.
        stream: StreamId,
        /// The file.
        filename: PathBuf,
    },
    /// The recording of a stream is about to end (`AudioStreamWillStopRecordingAudio`).
    WillStopRecording {
        /// The stream.
        stream: StreamId,
        /// The file.
        filename: PathBuf,
    },
    /// The recording of a stream has ended (`AudioStreamDidStopRecordingAudio`).
    DidStopRecording {
        /// The stream.
        stream: StreamId,
        /// The file.
        filename: PathBuf,
        /// What went wrong, when it did not end because it was asked to.
        reason: Option<String>,
    },
}

impl AudioEvent {
    /// The seeds' names: 002's first, then 000's.
    #[must_use]
    pub const fn names(&self) -> &'static [&'static str] {
        match self {
            Self::Port { event, .. } => match event {
                PortEvent::WavePlayerDidStart => &["WavePlayerDidStart"],
                PortEvent::WavePlayerDidEnd => &["WavePlayerDidEnd"],
                PortEvent::WavePlayerDidFail { .. } => &["WavePlayerDidFail"],
                PortEvent::ToneGeneratorDidFinishPlaying => &["ToneGeneratorDidFinishPlaying"],
                PortEvent::WaveRecorderDidFail { .. } | PortEvent::AudioDeviceDidFail => &[],
            },
            Self::AudioPortDidChangeSlots { .. } => &["AudioPortDidChangeSlots"],
            Self::WillStartRecording { .. } => &[
                "AudioStreamWillStartRecordingAudio",
                "SIPSessionWillStartRecordingAudio",
                "SCSessionWillStartRecordingAudio",
            ],
            Self::DidStartRecording { .. } => &[
                "AudioStreamDidStartRecordingAudio",
                "SIPSessionDidStartRecordingAudio",
                "SCSessionDidStartRecordingAudio",
            ],
            Self::WillStopRecording { .. } => &[
                "AudioStreamWillStopRecordingAudio",
                "SIPSessionWillStopRecordingAudio",
                "SCSessionWillStopRecordingAudio",
            ],
            Self::DidStopRecording { .. } => &[
                "AudioStreamDidStopRecordingAudio",
                "SIPSessionDidStopRecordingAudio",
                "SCSessionDidStopRecordingAudio",
            ],
        }
    }
}
