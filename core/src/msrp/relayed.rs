//! Sessions that go through a relay of their own, and paths that change (RFC 4976 section 5.1, RFC 4975 section 8.4).

use std::sync::Arc;

use super::endpoint::{BIND, Out};
use super::outgoing::Ends;
use super::relay::{Relay, Step};
use super::sender::Asked;
use super::session::State;
use super::{Context, End, Endpoint, Event, Head, LogEvent, LogLevel, Output, Path, RelaySetup};
use crate::id::{ConnId, StreamId};

impl Endpoint {
    /// A session that is prepared asks a relay for a path: `Relayed` tells it.
    pub fn relay(&mut self, cx: &mut Context<'_>, stream: StreamId, setup: &RelaySetup, out: Out<'_>) {
        let Some(session) = self.sessions.get_mut(&stream) else { return };
        session.relay = Some(Box::new(Relay::new(setup)));
        session.state = State::Starting(cx.now + BIND);
        session.passive = false;
        self.plan_session(stream);
        self.connect(cx, stream, setup.conn, (setup.to, setup.security.clone()), out);
    }

    /// The relay is to be asked anew, or its path has expired.
    pub(super) fn relay_late(&mut self, cx: &mut Context<'_>, stream: StreamId, out: Out<'_>) {
        let relay = self.sessions.get(&stream).and_then(|session| session.relay.as_deref());
        match relay.and_then(|relay| relay.expired(cx.now)) {
            Some(reason) => self.end(cx, stream, End::Relay(reason), out),
            None => self.ask_relay(cx, stream, out),
        }
    }

    pub(super) fn ask_relay(&mut self, cx: &mut Context<'_>, stream: StreamId, out: Out<'_>) {
        let Some(session) = self.sessions.get_mut(&stream) else { return };
        let (Some(conn), Some(relay)) = (session.conn, session.relay.as_mut()) else { return };
        let transaction = cx.random.token(16);
        let frame = relay.request(&transaction, &session.local);
        self.plan_session(stream);
        if let Some(connection) = self.connections.get_mut(&conn) {
            // A realm that cannot be written comes to the same as no answer.
            let _ = connection.sender.ask_for(cx.now, stream, Asked::Auth, transaction.into(), frame);
        }
        self.pump(cx, conn, out);
    }

    pub(super) fn relay_answered(&mut self, cx: &mut Context<'_>, stream: StreamId, head: Option<&Head>, out: Out<'_>) {
        let Some(session) = self.sessions.get_mut(&stream) else { return };
        let Some(relay) = session.relay.as_mut() else { return };
        match relay.answered(cx.now, head, cx.random) {
            Step::Again => self.ask_relay(cx, stream, out),
            Step::Later(reason) => {
                if let Some(conn) = session.conn {
                    let message = format!("{} keeps its path for now: {}", session.local, End::Relay(reason));
                    out.push(Output::Log(conn, LogEvent::line(LogLevel::Warning, message)));
                }
                self.plan_session(stream);
            }
            Step::Granted(path) => {
                if session.granted.as_ref() != Some(&path) {
                    let own = path.reversed().then(&Path::of(session.local.clone()));
                    session.granted = Some(path);
                    out.push(Output::Session(stream, Event::Relayed { path: own }));
                }
                if matches!(session.state, State::Starting(_)) && session.ends.is_none() {
                    session.state = State::Prepared;
                }
                self.plan_session(stream);
            }
            Step::Refused(reason) => self.end(cx, stream, End::Relay(reason), out),
        }
    }

    /// A path has changed of a session that has started: the peer's, or our own, which the relay has granted. Where the next hop stays the
    /// same the session goes on by the new path, and who is active shows that it leads there. False where a new session is needed (RFC
    /// 4975 section 8.4).
    pub fn redirect(
        &mut self,
        cx: &mut Context<'_>,
        stream: StreamId,
        remote: &Path,
        active: bool,
        out: Out<'_>,
    ) -> bool {
        let Some(session) = self.sessions.get_mut(&stream) else { return false };
        let to = session.path_to(remote);
        if !session.ends.as_ref().is_some_and(|ends| ends.to.first().is_beside(to.first())) {
            return false;
        }
        // What is under way goes on by the old one, which leads there for as long as it was granted.
        session.ends = Some(Arc::new(Ends { to, from: Path::of(session.local.clone()) }));
        let is_open = |conn: &ConnId| self.connections.get(conn).is_some_and(|connection| connection.open);
        if let Some(conn) = session.conn.filter(is_open).filter(|_| active) {
            self.bind(cx, conn, stream, out);
        }
        true
    }
}
