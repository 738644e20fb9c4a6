//! The running application as a command sees it: its events one by one, with Ctrl-C and a timer among them.

use std::convert::Infallible;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_io::Timer;
use async_signal::{Signal, Signals};
use futures_lite::{FutureExt, StreamExt};
use sipsimple_core::agent::{self, TransportEvent};
use sipsimple_core::time::Instant;
use sipsimple_core::transport::{Route, Transport};
use sipsimple_drivers::{Application, ApplicationEvent, Event, EventKind, Settings};

use crate::failure::Failure;
use crate::output::Output;
use crate::{output, words};

/// How long calls may take to end in good order when the program ends.
pub(crate) const GRACE: Duration = Duration::from_secs(3);

/// A running application, and the signals of the terminal.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) application: Arc<Application>,
    signals: Signals,
    out: Output,
    /// Whether it is known that nobody reads the output any more.
    unread: bool,
    /// What was asked for and could not be written: the first of it.
    unwritten: Option<Failure>,
}

/// What a command wakes up for.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and most are events")]
pub(crate) enum Wake {
    Event(Event),
    /// Ctrl-C or SIGTERM, the terminal is closed, or nobody reads the output any more.
    Interrupt,
    /// The time has come.
    Due,
    /// The application has stopped.
    Stopped,
}

impl Client {
    /// Starts an application with these settings.
    pub(crate) fn start(mut settings: Settings, trace: Option<PathBuf>, out: Output) -> Result<Self, Failure> {
        // A terminal that is closed takes its calls along, unless somebody has cut us off from it before (nohup).
        let hangup = std::io::stdin().is_terminal().then_some(Signal::Hup);
        let signals = Signals::new([Signal::Int, Signal::Term].into_iter().chain(hangup))?;
        settings.trace = trace;
        Ok(Self { application: Arc::new(Application::start(settings)?), signals, out, unread: false, unwritten: None })
    }

    /// Waits until the sockets that it was started on are bound; where they are.
    ///
    /// # Errors
    /// When one cannot be.
    pub(crate) fn bound(&mut self, listen: &[Route]) -> Result<Vec<(Transport, SocketAddr)>, Failure> {
        let mut bound = Vec::new();
        while bound.len() < listen.len() {
            let event = match self.next(None) {
                Wake::Event(event) => event,
                Wake::Interrupt => return Err(Failure::new("interrupted")),
                Wake::Due | Wake::Stopped => return Err(Failure::new("the application has stopped")),
            };
            match event.kind {
                EventKind::Agent(agent::EventKind::Transport {
                    event: TransportEvent::Listening { transport, local },
                    ..
                }) => bound.push((transport, local)),
                EventKind::Agent(agent::EventKind::Transport {
                    id,
                    event: TransportEvent::Failed { transport, cause },
                }) => {
                    // Sockets are counted in the order of the configuration.
                    let route = usize::try_from(id.as_u64()).ok().and_then(|number| listen.get(number));
                    let socket = route.map_or_else(|| transport.to_string(), Route::to_string);
                    return Err(Failure::new(format!("cannot listen on {socket}: {cause}")));
                }
                _ => {}
            }
        }
        Ok(bound)
    }

    /// The next event, printed when programs read the output; or what comes before it.
    pub(crate) fn next(&mut self, due: Option<Instant>) -> Wake {
        match self.next_or(due, std::future::pending::<Infallible>()) {
            Ok(wake) => wake,
            Err(never) => match never {},
        }
    }

    /// The same, unless something else comes before it.
    ///
    /// # Errors
    /// What that is.
    pub(crate) fn next_or<T>(&mut self, due: Option<Instant>, other: impl Future<Output = T>) -> Result<Wake, T> {
        if output::is_closed() && !self.unread {
            self.unread = true;
            self.unwritten.get_or_insert_with(|| Failure::new("nobody reads the output any more"));
            return Ok(Wake::Interrupt);
        }
        let Self { application, signals, .. } = self;
        let left = due.map(|at| at.saturating_since(application.now()));
        let event = async { application.event().await.map_or(Wake::Stopped, Wake::Event) };
        let interrupt = async {
            signals.next().await;
            Wake::Interrupt
        };
        let timer = async {
            match left {
                Some(left) => Timer::after(left).await,
                None => std::future::pending().await,
            };
            Wake::Due
        };
        let wake = async { Ok(interrupt.or(timer).or(event).await) };
        let woken = smol::block_on(wake.or(async { Err(other.await) }));
        if let Ok(Wake::Event(event)) = &woken {
            self.tell(event);
        }
        woken
    }

    /// Ends every session in good order. What is left to tell.
    pub(crate) fn stop(&mut self) -> Vec<Event> {
        self.application.stop(GRACE);
        let events: Vec<Event> = std::iter::from_fn(|| self.application.next_event()).collect();
        for event in &events {
            self.tell(event);
        }
        events
    }

    fn tell(&mut self, event: &Event) {
        self.out.event(event);
        if let EventKind::Application(ApplicationEvent::AudioDeviceFailed { error, .. }) = &event.kind {
            eprintln!("sipsimple: {error}");
        }
        if let Some(words) = words::unwritten(&event.kind) {
            self.not_written(event.at, words);
        }
    }

    /// Says what could not be written. Calls go on; the command fails at its end.
    pub(crate) fn not_written(&mut self, at: Instant, words: String) {
        self.out.at(at, &words);
        self.unwritten.get_or_insert_with(|| Failure::new(words));
    }

    /// The result of the command, when it did everything else that it was asked for.
    pub(crate) fn written(self) -> Result<(), Failure> {
        self.unwritten.map_or(Ok(()), Err)
    }
}
