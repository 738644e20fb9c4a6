//! One session of streams over MSRP, called or awaited, as the commands `chat`, `send` and `receive` see it.

use std::path::PathBuf;

use sipsimple_core::agent::{AccountSpec, Agent, EventKind as AgentEvent, Intent};
use sipsimple_core::id::{SessionId, StreamId};
use sipsimple_core::session::SessionEvent;
use sipsimple_core::stream::{Command, StreamEvent, StreamSpec};
use sipsimple_core::time::Instant;
use sipsimple_core::transport::{Route, Transport};
use sipsimple_drivers::{ApplicationError, EventKind, Settings};

use crate::client::{Client, Wake};
use crate::failure::Failure;
use crate::output::Output;
use crate::{account, msrp, way, words};

/// A session, or the wait for one.
#[derive(Debug)]
pub(crate) struct Talk {
    pub(crate) client: Client,
    out: Output,
    session: Option<SessionId>,
}

/// What has happened.
#[derive(Debug)]
pub(crate) enum Turn {
    /// Somebody calls: [`Talk::accept`] answers.
    Incoming {
        /// The session.
        session: SessionId,
        /// Its streams.
        streams: Vec<StreamId>,
    },
    /// News of a stream of the session.
    Stream {
        /// The stream.
        id: StreamId,
        /// When.
        at: Instant,
        /// The news.
        event: StreamEvent,
    },
    /// The session is over.
    Over,
    /// The time has come.
    Due,
    /// Ctrl-C.
    Interrupt,
}

impl Talk {
    /// Calls somebody.
    pub(crate) fn call(
        account: &account::Options,
        msrp: &msrp::Options,
        uri: &str,
        streams: Vec<StreamSpec>,
        trace: Option<PathBuf>,
        out: Output,
    ) -> Result<Self, Failure> {
        let to = account.complete(uri);
        let target = way::target(&to)?;
        let uris: Vec<_> = account.account.iter().chain([&target]).collect();
        let (settings, listen) = account.way.settings(&uris)?;
        let mut client = Client::start(settings, trace, out)?;
        client.bound(&listen)?;
        let mut spec = account.spec()?.unwrap_or_else(|| account.nobody(&listen));
        spec.register = false;
        msrp.apply(&mut spec);
        let from = spec.uri.clone();
        let account = client.application.add_account_spec(spec)?;
        let session = client.application.connect(account, &to, &[], &streams)?;
        out.at(client.application.now(), format_args!("calling {to} as {from}"));
        Ok(Self { client, out, session: Some(session) })
    }

    /// Waits for somebody who calls.
    pub(crate) fn listen(
        account: &account::Options,
        msrp: &msrp::Options,
        listen: &[Route],
        trace: Option<PathBuf>,
        out: Output,
    ) -> Result<Self, Failure> {
        let default =
            [Transport::Udp, Transport::Tcp].map(|transport| Route::new(transport, ([0, 0, 0, 0], 5060).into()));
        let listen = if listen.is_empty() { &default[..] } else { listen };
        account.way.tls.check(listen)?;
        let mut settings = Settings::listening(listen.iter().copied());
        account.way.apply(&mut settings);
        let mut client = Client::start(settings, trace, out)?;
        for (transport, local) in client.bound(listen)? {
            out.line(format_args!("listening {transport} {local}"));
        }
        let nobody = || AccountSpec { any_user: true, ..account.nobody(listen) };
        let mut spec = account.spec()?.unwrap_or_else(nobody);
        msrp.apply(&mut spec);
        client.application.add_account_spec(spec)?;
        Ok(Self { client, out, session: None })
    }

    /// The time.
    pub(crate) fn now(&self) -> Instant {
        self.client.application.now()
    }

    /// Wants something of a stream.
    pub(crate) fn command(&self, stream: StreamId, command: Command) -> Result<(), Failure> {
        Ok(self.client.application.intend(Intent::Stream { stream, command }).map(drop)?)
    }

    /// Those of the streams of a session that are of a kind.
    pub(crate) fn of_kind(
        &self,
        session: SessionId,
        streams: Vec<StreamId>,
        kind: &'static str,
    ) -> Result<Vec<StreamId>, Failure> {
        let look = move |agent: &mut Agent, now| {
            let session = agent.session(now, session)?;
            let is_it = |id: &StreamId| session.stream(*id).is_some_and(|stream| stream.kind() == kind);
            Some(streams.into_iter().filter(is_it).collect())
        };
        Ok(self.client.application.with_agent(look)?.unwrap_or_default())
    }

    /// Answers the session that calls, or refuses it when there is nothing to answer with.
    pub(crate) fn accept(&mut self, session: SessionId, streams: &[StreamId]) -> Result<(), Failure> {
        if streams.is_empty() {
            return Ok(self.client.application.reject(session, 488, None)?);
        }
        self.session = Some(session);
        Ok(self.client.application.accept(session, streams)?)
    }

    /// Waits for the next session.
    pub(crate) const fn again(&mut self) {
        self.session = None;
    }

    /// What happens next, or that this time has come.
    ///
    /// # Errors
    /// When the session fails.
    pub(crate) fn next(&mut self, due: Option<Instant>) -> Result<Turn, Failure> {
        loop {
            let event = match self.client.next(due) {
                Wake::Event(event) => event,
                Wake::Due => return Ok(Turn::Due),
                Wake::Interrupt => return Ok(Turn::Interrupt),
                Wake::Stopped => return Err(Failure::new("the application has stopped")),
            };
            match event.kind {
                EventKind::Agent(AgentEvent::Session { id, event: news }) => {
                    if let SessionEvent::NewIncoming { streams, .. } = &news {
                        if self.session.is_none() {
                            return Ok(Turn::Incoming { session: id, streams: streams.clone() });
                        }
                        self.refuse(id)?;
                    }
                    if Some(id) != self.session {
                        continue;
                    }
                    if let Some(words) = words::of_session(&news) {
                        self.out.at(event.at, words);
                    }
                    match news {
                        SessionEvent::DidFail { originator, code, reason, failure_reason, .. } => {
                            self.session = None;
                            let words = words::ending(originator, code, &reason, &failure_reason);
                            return Err(Failure::new(format!("the session was not established: {words}")));
                        }
                        SessionEvent::DidEnd { .. } => {
                            self.session = None;
                            return Ok(Turn::Over);
                        }
                        _ => {}
                    }
                }
                EventKind::Agent(AgentEvent::Stream { id, session, event: news, .. })
                    if Some(session) == self.session =>
                {
                    return Ok(Turn::Stream { id, at: event.at, event: news });
                }
                _ => {}
            }
        }
    }

    /// There is one session at a time.
    fn refuse(&self, session: SessionId) -> Result<(), Failure> {
        match self.client.application.reject(session, 486, None) {
            Ok(()) | Err(ApplicationError::Intent(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends the session, and the application.
    pub(crate) fn stop(mut self, result: Result<(), Failure>) -> Result<(), Failure> {
        self.client.stop();
        result.and_then(|()| self.client.written())
    }
}
