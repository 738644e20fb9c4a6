//! The loop that runs one agent: sockets, one timer, the application's commands and the media's news in; effects and
//! events out.
//!
//! It is the only owner of the agent, on a thread of its own. Everything it waits for arrives through a channel or its
//! timer, so it does one thing at a time and needs no lock.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_io::Timer;
use futures_lite::FutureExt;
use sipsimple_audio::rate::SampleRate;
use sipsimple_core::agent::{self, AccountEvent, Agent, Answer, ConnectionEvent, Effect, Input, Intent, Question};
use sipsimple_core::id::{AccountId, AskId, ConnId, SessionId, StreamId};
use sipsimple_core::session::SessionEvent;
use sipsimple_core::settings::{Modifications, ObjectClass, SettingsEvent, SipSimpleSettings};
use sipsimple_core::sip::Text;
use sipsimple_core::stream::{FileAnswer, FileQuestion, StreamEvent};
use sipsimple_core::time::{Instant, Utc};
use smol::LocalExecutor;
use smol::channel::{Receiver, Sender};

use crate::application::{ApplicationEvent, AudioChanged, Disk, Event, EventKind, LogFiles, Ringer, Tones};
use crate::clock::Clock;
use crate::disk::TransferFiles;
use crate::media;
use crate::network::{Network, News, TlsSettings};
use crate::trace_file::TraceFile;

/// News of sockets that wait for the agent. When it is full the sockets are not read, and the system's buffers fill.
const NEWS: usize = 256;

/// Events that wait for the application. The agent keeps what comes beyond.
pub(crate) const EVENTS: usize = 4096;

/// News taken before commands and timers get their turn again.
const BATCH: usize = 64;

/// The shortest sleep before a deadline that a tick did not move.
const PAUSE: Duration = Duration::from_millis(1);

/// How long the media thread may take to close its files.
const MEDIA: Duration = Duration::from_secs(1);

/// How long connections may take to say that they end.
const CLOSE: Duration = Duration::from_millis(500);

/// What the application wants of the loop.
pub(crate) enum Command {
    /// Run this on the agent.
    Run(Run),
    /// There is room for events again.
    Room,
    /// News of something that the application does beside the agent.
    Beside(Box<EventKind>),
    /// The settings are stored, or could not be.
    Stored { ask: AskId, result: Result<(), Text> },
    /// These are the ring tones from now on.
    Ringtones(Tones),
    /// Tell the application this.
    Tell(ApplicationEvent),
    /// End every session within this time, then end.
    Stop { within: Duration },
}

/// Something to run on the agent.
pub(crate) type Run = Box<dyn FnOnce(&mut Agent, Instant) + Send>;

/// The loop of one agent.
pub(crate) struct EventLoop {
    agent: Agent,
    clock: Clock,
    executor: Rc<LocalExecutor<'static>>,
    network: Network,
    news: Receiver<News>,
    commands: Receiver<Command>,
    media: media::Link,
    ringer: Ringer,
    events: Sender<Event>,
    trace: Option<TraceFile>,
    logs: LogFiles,
    /// What others look at: the rate of the mixers, and whether a setting of the audio has changed.
    audio: (Arc<AtomicU32>, AudioChanged),
    disk: Option<Disk>,
    /// The thread for the files of file transfers, once there was one, and its answers.
    files: Option<TransferFiles>,
    answers: (Sender<Answered>, Receiver<Answered>),
    /// The questions about files whose answer is wanted.
    asked: BTreeSet<AskId>,
    timer: Timer,
    armed: Option<Instant>,
    /// When the loop ends at the latest.
    stop_at: Option<Instant>,
    /// The sessions that have begun and not ended.
    sessions: BTreeSet<SessionId>,
    /// The accounts that are active, or have something to end before they are not.
    accounts: BTreeSet<AccountId>,
    /// The streams that have started and not ended.
    streams: BTreeSet<StreamId>,
    shut_down: bool,
}

/// The answer to a question about a file.
type Answered = (AskId, FileAnswer);

/// What the loop woke up for.
enum Wake {
    File(Answered),
    Command(Command),
    News(News),
    Media(media::News),
    Due,
    /// The application is gone.
    Abandoned,
}

impl EventLoop {
    pub(crate) fn new(
        agent: Agent,
        clock: Clock,
        commands: Receiver<Command>,
        media: media::Link,
        ringer: Ringer,
        events: Sender<Event>,
        tls: TlsSettings,
    ) -> Self {
        let executor = Rc::new(LocalExecutor::new());
        let (sender, news) = smol::channel::bounded(NEWS);
        let network = Network::new(executor.clone(), sender, tls);
        network.watch();
        Self {
            agent,
            clock,
            executor,
            network,
            news,
            commands,
            media,
            ringer,
            events,
            trace: None,
            logs: LogFiles::default(),
            audio: (Arc::default(), AudioChanged::default()),
            disk: None,
            files: None,
            answers: smol::channel::unbounded(),
            asked: BTreeSet::new(),
            timer: Timer::never(),
            armed: None,
            stop_at: None,
            sessions: BTreeSet::new(),
            accounts: BTreeSet::new(),
            streams: BTreeSet::new(),
            shut_down: false,
        }
    }

    /// Writes all that goes in and out to this file.
    pub(crate) fn traced(mut self, trace: Option<TraceFile>) -> Self {
        self.trace = trace;
        self
    }

    /// Writes messages that are told into these files.
    pub(crate) fn logging(mut self, logs: LogFiles) -> Self {
        self.logs = logs;
        self
    }

    /// Tells these of changes of the audio.
    pub(crate) fn telling_of_audio(mut self, audio: (Arc<AtomicU32>, AudioChanged)) -> Self {
        self.audio = audio;
        self
    }

    /// Runs until the application stops it or is gone.
    /// These effects are done first, and settings are stored on this disk.
    pub(crate) fn run(mut self, disk: Option<Disk>, effects: Vec<Effect>) {
        self.disk = disk;
        let executor = self.executor.clone();
        smol::block_on(executor.run(async {
            self.tell(ApplicationEvent::WillStart);
            effects.into_iter().for_each(|effect| self.execute_one(effect));
            self.settle();
            self.tell(ApplicationEvent::DidStart);
            while !self.has_ended() {
                let wake = self.wait().await;
                self.take(wake);
                self.settle();
            }
            self.stop_media().await;
            self.news.close();
            self.network.close_all(CLOSE).await;
            // What was saved is stored before the application has ended.
            self.disk = None;
            self.tell(ApplicationEvent::DidEnd);
        }));
    }

    /// Waits for something to do.
    async fn wait(&mut self) -> Wake {
        let now = self.clock.now();
        let due = self.agent.poll_timeout().map(|deadline| deadline.at);
        let due = sipsimple_core::time::earliest(due, self.stop_at);
        match due {
            Some(at) if at <= now && self.armed != due => {
                self.armed = due;
                return Wake::Due;
            }
            // A tick did not move it. That is a fault, but no reason to spin.
            Some(at) if at <= now => self.timer.set_after(PAUSE),
            _ if due == self.armed => {}
            _ => {
                self.armed = due;
                match due.and_then(|at| self.clock.system(at)) {
                    Some(at) => self.timer.set_at(at),
                    None => self.timer = Timer::never(),
                }
            }
        }
        let command = async { self.commands.recv().await.map_or(Wake::Abandoned, Wake::Command) };
        let due = async {
            (&mut self.timer).await;
            Wake::Due
        };
        let media = async {
            match self.media.news.recv().await {
                Ok(news) => Wake::Media(news),
                Err(_) => std::future::pending().await,
            }
        };
        let news = async {
            match self.news.recv().await {
                Ok(news) => Wake::News(news),
                Err(_) => std::future::pending().await,
            }
        };
        let file = async {
            match self.answers.1.recv().await {
                Ok(answered) => Wake::File(answered),
                Err(_) => std::future::pending().await,
            }
        };
        command.or(due).or(media).or(file).or(news).await
    }

    fn take(&mut self, wake: Wake) {
        match wake {
            Wake::Command(Command::Run(run)) => run(&mut self.agent, self.clock.now()),
            Wake::Command(Command::Room) => {}
            Wake::Command(Command::Beside(kind)) => self.send(Clock::utc(), *kind),
            Wake::Command(Command::Ringtones(tones)) => self.ringer.set(tones),
            Wake::Command(Command::Tell(event)) => self.tell(event),
            Wake::Command(Command::Stored { ask, result }) => {
                self.handle(Input::Answer { ask, answer: Answer::Persisted(result) });
            }
            Wake::Command(Command::Stop { within }) => self.stop(within),
            Wake::Abandoned => self.stop(Duration::ZERO),
            Wake::File((ask, answer)) => {
                if self.asked.remove(&ask) {
                    self.handle(Input::Answer { ask, answer: Answer::File(answer) });
                }
            }
            Wake::Due => self.handle(Input::Tick { utc: Some(Clock::utc()) }),
            Wake::Media(news) => self.take_media(news),
            Wake::News(news) => {
                self.take_news(news);
                for _ in 1..BATCH {
                    self.execute();
                    let Ok(news) = self.news.try_recv() else { break };
                    self.take_news(news);
                }
            }
        }
    }

    fn take_news(&mut self, news: News) {
        for input in self.network.take(news).into_iter().flatten() {
            self.handle(input);
        }
    }

    fn take_media(&mut self, news: media::News) {
        match news {
            media::News::Path { stream, event } => {
                // The agent has no more to tell of a stream that has ended; its last report comes after that.
                if let media::Event::Stats(statistics) = &event
                    && !self.streams.contains(&stream)
                {
                    let statistics = statistics.clone();
                    self.send(Clock::utc(), EventKind::Statistics { stream, statistics });
                }
                self.handle(Input::Media { stream, event });
            }
            media::News::Audio(event) => self.send(Clock::utc(), EventKind::Audio(event)),
        }
    }

    /// Tells the agent, and lets a connection that has brought something bring more.
    fn handle(&mut self, input: Input) {
        let reader = reader(&input);
        self.agent.handle(self.clock.now(), input);
        if let Some(conn) = reader {
            self.execute();
            self.network.grant(conn, self.agent.read_budget(conn));
        }
    }

    /// Does what the agent asks for, until it asks for nothing more.
    fn execute(&mut self) {
        while let Some(effect) = self.agent.poll_effect() {
            self.execute_one(effect);
        }
    }

    fn execute_one(&mut self, effect: Effect) {
        match effect {
            Effect::Media { stream, command } => self.media.command(stream, command),
            Effect::Resume(conn) => self.network.grant(conn, self.agent.read_budget(conn)),
            Effect::Ask { ask, question: Question::PersistSettings { text } } => {
                if let Some(disk) = &self.disk {
                    disk.store(ask, &text);
                }
            }
            Effect::Ask { ask, question: Question::File(question) } => self.ask_file(ask, question),
            Effect::Abandon { ask } if self.asked.remove(&ask) => {}
            effect => {
                if let Some(input) = self.network.execute(effect) {
                    self.agent.handle(self.clock.now(), input);
                }
            }
        }
    }

    /// Asks the thread for files, which starts with the first question.
    fn ask_file(&mut self, ask: AskId, question: FileQuestion) {
        self.asked.insert(ask);
        if self.files.is_none() {
            let answers = self.answers.0.clone();
            // Nobody wants the answer once the loop has ended.
            self.files = TransferFiles::start(move |ask, answer| drop(answers.try_send((ask, answer)))).ok();
        }
        match &self.files {
            Some(files) => files.ask(ask, question),
            None => drop(self.answers.0.try_send((ask, FileAnswer::Failed("the system gives no thread".into())))),
        }
    }

    /// Effects, events and the trace, until nothing is left to do. Events for which there is no room stay in the
    /// agent; at the end there is room for all, as nobody may be reading any more.
    fn settle(&mut self) {
        self.execute();
        while self.events.len() < EVENTS || self.stop_at.is_some() {
            let Some(event) = self.agent.poll_event() else { break };
            if let agent::EventKind::Session { id, event } = &event.kind {
                self.ringer.follow(*id, event, &self.media);
            }
            self.follow(&event.kind);
            self.log(&event);
            self.send(event.timestamp, EventKind::Agent(event.kind));
        }
        self.write_trace();
    }

    /// Keeps count of what is going on.
    fn follow(&mut self, kind: &agent::EventKind) {
        match kind {
            agent::EventKind::ShutDown => self.shut_down = true,
            agent::EventKind::Settings(SettingsEvent::DidChange { object, modified })
                if *object == SipSimpleSettings::key("") =>
            {
                self.follow_audio(modified);
            }
            agent::EventKind::Session { id, event } => match event {
                SessionEvent::NewIncoming { .. } | SessionEvent::NewOutgoing { .. } => {
                    self.sessions.insert(*id);
                }
                SessionEvent::DidFail { .. } | SessionEvent::DidEnd { .. } => {
                    self.sessions.remove(id);
                }
                _ => {}
            },
            agent::EventKind::Account { id, event } => match event {
                AccountEvent::WillActivate => {
                    self.accounts.insert(*id);
                }
                AccountEvent::DidDeactivate => {
                    self.accounts.remove(id);
                }
                _ => {}
            },
            agent::EventKind::Stream { id, event, .. } => match event {
                StreamEvent::DidStart { .. } => {
                    self.streams.insert(*id);
                }
                StreamEvent::DidFail { .. } | StreamEvent::DidEnd => {
                    self.streams.remove(id);
                }
                _ => {}
            },
            _ => {}
        }
    }

    /// What the settings of the audio say is in effect at once.
    fn follow_audio(&self, modified: &Modifications) {
        let Some(settings) = self.agent.settings().get::<SipSimpleSettings>("") else { return };
        self.media.set_silent(settings.audio.silent);
        self.media.set_processing(modified, &settings.audio);
        if modified.contains_key("audio.sample_rate")
            && let Ok(rate) = SampleRate::new(settings.audio.sample_rate.hz())
        {
            self.audio.0.store(rate.hz(), Ordering::Relaxed);
            self.media.set_sample_rate(rate);
        }
        if modified.keys().any(|name| name.starts_with("audio.")) {
            self.audio.1.tell();
        }
    }

    /// Writes down a message that is told.
    fn log(&mut self, event: &agent::Event) {
        let settings = self.agent.settings().get::<SipSimpleSettings>("");
        if let Err((file, error)) = self.logs.note(settings, event.timestamp, &event.kind) {
            self.tell(ApplicationEvent::LogFailed { file, error: error.to_string().into() });
        }
    }

    fn write_trace(&mut self) {
        let Some(file) = &mut self.trace else {
            // Nobody writes it any longer.
            while self.agent.poll_trace().is_some() {}
            return;
        };
        let mut written = Ok(());
        while let Some(line) = self.agent.poll_trace() {
            written = written.and_then(|()| file.line(&line));
        }
        if let Err(error) = written.and_then(|()| file.flush()) {
            self.trace = None;
            self.tell(ApplicationEvent::TraceFailed { error: error.to_string().into() });
        }
    }

    fn tell(&self, event: ApplicationEvent) {
        self.send(Clock::utc(), EventKind::Application(event));
    }

    fn send(&self, timestamp: Utc, kind: EventKind) {
        // Nobody listens once the application is gone.
        let _ = self.events.try_send(Event { at: self.clock.now(), timestamp, kind });
    }

    fn stop(&mut self, within: Duration) {
        let now = self.clock.now();
        if self.stop_at.is_none() {
            self.tell(ApplicationEvent::WillEnd);
            // Refused only when it shuts down already.
            let _ = self.agent.intend(now, Intent::ShutDown);
        }
        let at = now + within;
        self.stop_at = Some(self.stop_at.map_or(at, |earlier| earlier.min(at)));
    }

    /// Ends the media thread, which closes the files that are still being recorded.
    async fn stop_media(&mut self) {
        let _ = self.media.orders.try_send(media::Order::Stop);
        let news = self.media.news.clone();
        let last = async {
            while let Ok(last) = news.recv().await {
                self.take_media(last);
            }
        };
        let late = async {
            Timer::after(MEDIA).await;
        };
        last.or(late).await;
    }

    /// Whether nothing is left to wait for, or no time is left. What a transaction keeps for 32 s in case a peer repeats
    /// itself (RFC 3261 timer J) is not waited for: the application wants to go.
    fn has_ended(&self) -> bool {
        let Some(stop_at) = self.stop_at else { return false };
        let sessions = !self.sessions.is_empty() || self.agent.has_calls();
        let idle = !sessions && self.accounts.is_empty() && self.agent.settings().is_quiescent();
        let done = self.shut_down || idle;
        (done && self.network.is_flushed()) || self.clock.now() >= stop_at
    }
}

impl Drop for EventLoop {
    /// Commands that nobody will take are dropped, so that nobody waits for their answers.
    fn drop(&mut self) {
        self.commands.close();
        while self.commands.try_recv().is_ok() {}
    }
}

/// The connection that may be read after this input.
fn reader(input: &Input) -> Option<ConnId> {
    match input {
        Input::Stream { conn, event: ConnectionEvent::Open { .. } | ConnectionEvent::Data(_) } => Some(*conn),
        _ => None,
    }
}
