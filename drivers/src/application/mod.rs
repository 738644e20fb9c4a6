//! A whole client: an agent with its sockets, timers and media, each on a thread of its own (seed class SIPApplication).

mod audio;
mod disk;
mod event;
mod log_files;
mod recording;
mod ringer;
mod settings;
mod sound;

#[cfg(test)]
mod tests;

pub use audio::AudioError;
pub(crate) use disk::Disk;
pub use event::{ApplicationEvent, Event, EventKind};
pub(crate) use log_files::LogFiles;
pub use recording::RecordingFileError;
pub(crate) use ringer::{Ringer, Tones};
pub use settings::{Settings, listen};
pub(crate) use sound::AudioChanged;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use async_io::Timer;
use futures_lite::FutureExt;
use sipsimple_audio::bridge::BridgeId;
use sipsimple_audio::engine::EngineConfig;
use sipsimple_audio::rate::SampleRate;
use sipsimple_audio::ringtone::RingtoneConfiguration;
use sipsimple_core::agent::{AccountSpec, Agent, ConfigError, Intent, IntentError, Outcome};
use sipsimple_core::id::{AccountId, SessionId, StreamId};
use sipsimple_core::random::Seed;
use sipsimple_core::settings::{ObjectClass, SipSimpleSettings};
use sipsimple_core::sip::Text;
use sipsimple_core::stream::{self, StreamSpec};
use sipsimple_core::time::Instant;
use sipsimple_core::transport::Route;
use smol::channel::{Receiver, Sender};

use crate::clock::Clock;
use crate::disk::{FileHashId, Hashing};
use crate::event_loop::{Command, EVENTS, EventLoop};
use crate::media;
use crate::nameservers::system_nameservers;
use crate::trace_file::TraceFile;

/// A running client. What happens comes as an ordered stream of [`Event`]s; what the program wants, it says by methods
/// that fail at once when they are wrong in this state.
///
/// The methods may be called from any thread, also while events wait. They return as soon as the agent has taken the
/// intent, which it does between two packets: they wait for microseconds, never for the network. Dropping an
/// application ends it at once; [`stop`](Self::stop) ends its sessions first.
#[derive(Debug)]
pub struct Application {
    commands: Sender<Command>,
    running: AtomicBool,
    events: Receiver<Event>,
    thread: Mutex<Option<JoinHandle<()>>>,
    clock: Clock,
    engine: Sender<media::Order>,
    /// Samples per second of the mixers.
    sample_rate: Arc<AtomicU32>,
    audio_changed: AudioChanged,
    /// The bridges of the voice and the alert device.
    bridges: [BridgeId; 2],
    ringtones: Mutex<RingtoneConfiguration>,
    /// Where its settings are stored, if on disk.
    directory: Option<PathBuf>,
    /// How many files were hashed.
    hashed: AtomicU64,
}

/// Why an application cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration contradicts itself.
    #[error("the configuration is refused: {0}")]
    Config(#[from] ConfigError),
    /// The trace file cannot be created.
    #[error("the trace cannot be written to {path}: {error}")]
    Trace {
        /// The file.
        path: PathBuf,
        /// The words of the operating system.
        error: std::io::Error,
    },
    /// The settings cannot be used. Nothing that is stored is overwritten.
    #[error("{path}: {error}")]
    Settings {
        /// The file.
        path: PathBuf,
        /// Why: with the line, where there is one.
        error: Text,
    },
    /// The operating system gives no randomness.
    #[error("the system gives no randomness: {0}")]
    Randomness(getrandom::Error),
    /// The operating system gives no thread.
    #[error("the system gives no thread: {0}")]
    Thread(std::io::Error),
}

/// Why an intent was refused. Nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApplicationError {
    /// The agent refuses it.
    #[error(transparent)]
    Intent(#[from] IntentError),
    /// The application has stopped.
    #[error("the application has stopped")]
    Stopped,
}

impl Application {
    /// Starts a client. Its sockets are bound while it runs: whether that went well comes as events.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn start(settings: Settings) -> Result<Self, StartError> {
        let Settings { mut config, trace, seed, mut audio, mut tls, directory } = settings;
        tls.directory.clone_from(&directory);
        if config.dns.nameservers.is_empty() {
            config.dns.nameservers = system_nameservers();
        }
        if let Some(identity) = config.tls.as_ref().and_then(|tls| tls.identity.as_ref())
            && config.msrp.fingerprints.is_empty()
        {
            config.msrp.fingerprints.extend(tls.fingerprint(identity));
        }
        let seed = seed.map_or_else(random_seed, Ok)?;
        let trace = match trace {
            Some(path) => Some(TraceFile::create(&path).map_err(|error| StartError::Trace { path, error })?),
            None => None,
        };
        let clock = Clock::start();
        let new = if trace.is_some() { Agent::new_traced } else { Agent::new };
        let listen = directory.is_some() && config.listen.is_empty();
        let mut agent = new(config, seed, clock.now(), Clock::utc())?;
        let (commands, orders) = smol::channel::unbounded();
        let (disk, effects) = disk::start(&mut agent, clock.now(), directory.as_deref(), listen, &commands)?;
        let (news, events) = smol::channel::unbounded();
        let silent = audio_as_set(&agent, &mut audio);
        let sample_rate = audio.sample_rate;
        let media = media::start(clock, audio).map_err(StartError::Thread)?;
        media.set_silent(silent);
        let bridges = media.bridges;
        let engine = media.orders.clone();
        let rate = Arc::new(AtomicU32::new(sample_rate.hz()));
        let audio_changed = AudioChanged::default();
        let audio = (Arc::clone(&rate), audio_changed.clone());
        let logs = LogFiles::new(directory.clone());
        let run = move || {
            EventLoop::new(agent, clock, orders, media, Ringer::new(sample_rate), news, tls)
                .traced(trace)
                .logging(logs)
                .telling_of_audio(audio)
                .run(disk, effects)
        };
        let thread = std::thread::Builder::new().name("sipsimple".into()).spawn(run).map_err(StartError::Thread)?;
        let running = AtomicBool::new(true);
        Ok(Self {
            commands,
            running,
            events,
            thread: Mutex::new(Some(thread)),
            clock,
            engine,
            sample_rate: rate,
            audio_changed,
            bridges,
            ringtones: Mutex::default(),
            directory,
            hashed: AtomicU64::new(0),
        })
    }

    /// The next event, as soon as there is one; `None` when the application has stopped and all were read.
    #[must_use]
    pub fn next_event(&self) -> Option<Event> {
        smol::block_on(self.event())
    }

    /// The next event; `None` when none comes within `time`, or the application has stopped and all were read.
    #[must_use]
    pub fn next_event_within(&self, time: Duration) -> Option<Event> {
        let timeout = async {
            Timer::after(time).await;
            None
        };
        smol::block_on(self.event().or(timeout))
    }

    /// The next event, without blocking the thread. No event is lost when the future is dropped.
    pub async fn event(&self) -> Option<Event> {
        let event = self.events.recv().await.ok();
        if self.events.len() == EVENTS - 1 {
            let _ = self.commands.try_send(Command::Room);
        }
        event
    }

    /// The time since the start, as in [`Event::at`].
    #[must_use]
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Adds an account with this SIP URI. It takes requests for its user only; see [`AccountSpec`] for more.
    ///
    /// # Errors
    /// When the URI is not a SIP URI.
    pub fn add_account(&self, uri: &str) -> Result<AccountId, ApplicationError> {
        self.add_account_spec(AccountSpec::new(uri))
    }

    /// Adds an account.
    ///
    /// # Errors
    /// When the URI or the display name is not valid.
    pub fn add_account_spec(&self, account: AccountSpec) -> Result<AccountId, ApplicationError> {
        match self.intend(Intent::AddAccount(account))? {
            Outcome::Account(id) => Ok(id),
            _ => Err(ApplicationError::Stopped),
        }
    }

    /// Calls `to`: starts an outgoing session (`Session.connect` of the seeds). Without routes it goes where the URI leads,
    /// which is looked up if it names a host (RFC 3263).
    ///
    /// # Errors
    /// See [`ConnectError`](sipsimple_core::agent::ConnectError).
    pub fn connect(
        &self,
        account: AccountId,
        to: &str,
        routes: &[Route],
        streams: &[StreamSpec],
    ) -> Result<SessionId, ApplicationError> {
        self.connect_with(account, to, routes, streams, false)
    }

    /// The same by an INVITE without an offer: the remote party makes one, of which such streams are accepted.
    ///
    /// # Errors
    /// See [`ConnectError`](sipsimple_core::agent::ConnectError).
    pub fn connect_without_offer(
        &self,
        account: AccountId,
        to: &str,
        routes: &[Route],
        streams: &[StreamSpec],
    ) -> Result<SessionId, ApplicationError> {
        self.connect_with(account, to, routes, streams, true)
    }

    fn connect_with(
        &self,
        account: AccountId,
        to: &str,
        routes: &[Route],
        streams: &[StreamSpec],
        late_offer: bool,
    ) -> Result<SessionId, ApplicationError> {
        let (to, routes, streams) = (to.into(), routes.to_vec(), streams.to_vec());
        match self.intend(Intent::Connect { account, to, routes, streams, late_offer })? {
            Outcome::Session(id) => Ok(id),
            _ => Err(ApplicationError::Stopped),
        }
    }

    /// Sends 180 Ringing on an incoming session.
    ///
    /// # Errors
    /// See [`SessionError`](sipsimple_core::agent::SessionError).
    pub fn send_ring_indication(&self, session: SessionId) -> Result<(), ApplicationError> {
        self.intend(Intent::SendRingIndication { session }).map(drop)
    }

    /// Accepts an incoming session with these of its proposed streams.
    ///
    /// # Errors
    /// See [`SessionError`](sipsimple_core::agent::SessionError).
    pub fn accept(&self, session: SessionId, streams: &[StreamId]) -> Result<(), ApplicationError> {
        self.intend(Intent::Accept { session, streams: streams.to_vec(), relay_password: None }).map(drop)
    }

    /// Accepts an incoming session whose INVITE brought no offer, with an offer of these streams.
    ///
    /// # Errors
    /// See [`SessionError`](sipsimple_core::agent::SessionError).
    pub fn accept_offering(&self, session: SessionId, streams: &[StreamSpec]) -> Result<(), ApplicationError> {
        let streams = streams.to_vec();
        self.intend(Intent::AcceptOffering { session, streams, relay_password: None }).map(drop)
    }

    /// Rejects an incoming session with this status code, 300 to 699.
    ///
    /// # Errors
    /// See [`SessionError`](sipsimple_core::agent::SessionError).
    pub fn reject(&self, session: SessionId, code: u16, reason: Option<&str>) -> Result<(), ApplicationError> {
        self.intend(Intent::Reject { session, code, reason: reason.map(Text::from) }).map(drop)
    }

    /// Ends a session, in any state.
    ///
    /// # Errors
    /// When it has ended already.
    pub fn end(&self, session: SessionId) -> Result<(), ApplicationError> {
        self.intend(Intent::End { session }).map(drop)
    }

    /// Finds out what a file is that is to be sent (`FileSelector.for_file` of the seeds): its name, its type unless that is given, its size, and its hash.
    /// It is read on a thread of its own; what comes of it is told by [`EventKind::FileHash`].
    ///
    /// # Errors
    /// When the file cannot be opened, or the system gives no thread.
    pub fn hash_file(&self, path: impl Into<PathBuf>, content_type: Option<&str>) -> std::io::Result<Hashing> {
        let id = FileHashId(self.hashed.fetch_add(1, Ordering::Relaxed));
        let commands = self.commands.clone();
        // Nobody wants to know once the application has stopped.
        let tell = move |event| drop(commands.try_send(Command::Beside(Box::new(EventKind::FileHash { id, event }))));
        Hashing::start(id, path.into(), content_type.map(str::to_owned), tell)
    }

    /// Sends a DTMF digit (`0`–`9`, `*`, `#`, `A`–`D`) on an audio stream.
    ///
    /// # Errors
    /// See [`StreamError`](sipsimple_core::agent::StreamError).
    pub fn send_dtmf(&self, stream: StreamId, digit: char, duration: Duration) -> Result<(), ApplicationError> {
        self.intend(Intent::Stream { stream, command: stream::Command::SendDtmf { digit, duration } }).map(drop)
    }

    /// Anything else that the agent can do for an application.
    ///
    /// # Errors
    /// When the agent refuses it, or the application has stopped.
    pub fn intend(&self, intent: Intent) -> Result<Outcome, ApplicationError> {
        Ok(self.with_agent(move |agent, now| agent.intend(now, intent))??)
    }

    /// Runs `run` on the agent, between two of its inputs, and waits for what it returns. Polling the agent there would
    /// take away what this application lives on.
    ///
    /// # Errors
    /// When the application has stopped.
    pub fn with_agent<R: Send + 'static>(
        &self,
        run: impl FnOnce(&mut Agent, Instant) -> R + Send + 'static,
    ) -> Result<R, ApplicationError> {
        let (reply, answer) = mpsc::sync_channel(1);
        let run = Box::new(move |agent: &mut Agent, now| {
            let _ = reply.send(run(agent, now));
        });
        self.commands.try_send(Command::Run(run)).map_err(|_| ApplicationError::Stopped)?;
        answer.recv().map_err(|_| ApplicationError::Stopped)
    }

    /// Whether it has started and was not told to stop.
    #[must_use]
    pub fn running(&self) -> bool {
        self.running.load(Ordering::Relaxed)
    }

    /// Ends every session, and returns when the peers have heard of it, after `within` at the latest. Then all sockets
    /// are closed, and recordings too. The last events can be read afterwards. Stopping again does nothing.
    pub fn stop(&self, within: Duration) {
        self.running.store(false, Ordering::Relaxed);
        let _ = self.commands.try_send(Command::Stop { within });
        let thread = self.thread.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

/// The mixers run at the rate that is stored, if one is, and the microphone's sound is processed as is stored; whether ringtones are to be quiet.
fn audio_as_set(agent: &Agent, audio: &mut EngineConfig) -> bool {
    let Some(record) = agent.settings().record(&SipSimpleSettings::key("")) else { return false };
    let Some(settings) = record.saved::<SipSimpleSettings>() else { return false };
    if record.stored().contains_key("audio.sample_rate")
        && let Ok(rate) = SampleRate::new(settings.audio.sample_rate.hz())
    {
        audio.sample_rate = rate;
    }
    media::process_as_set(&mut audio.processing, |name| record.stored().contains_key(name), &settings.audio);
    settings.audio.silent
}

fn random_seed() -> Result<Seed, StartError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(StartError::Randomness)?;
    Ok(Seed(bytes))
}
