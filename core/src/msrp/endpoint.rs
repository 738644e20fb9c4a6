//! The sessions of one endpoint on their connections (RFC 4975 sections 5.4, 7 and 8; RFC 4976 section 5; RFC 6135).
//!
//! A session is named by the media stream that it belongs to. The side that is active opens the connection, or shares one that is open to
//! the same place, and binds the session with an empty SEND; the other side learns from the first SEND on which connection the
//! session is.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::agenda::{Agenda, Whose};
use super::connection::Connection;
use super::listener::Listener;
use super::outgoing::Ends;
use super::sender::{Asked, News};
use super::session::{Session, State};
use super::{
    ByteRange, Connect, Continuation, End, Event, Field, Head, LogEvent, LogLevel, Message, Method, Output, Path,
    SendError, SessionStart, Setup, Status, TraceDirection, Wish, Writer, reason_phrase,
};
use crate::id::{ConnId, Counter, SocketId, StreamId};
use crate::limits::Limits;
use crate::outbox::Outbox;
use crate::random::Random;
use crate::sip::Text;
use crate::time::Instant;
use crate::transport::{CloseCause, CloseHow, Fingerprint, Peer as TlsPeer, Security, TlsInfo, judge};

/// How long a connection may take to open and to be bound.
pub(super) const BIND: Duration = Duration::from_secs(30);
/// Bytes of responses and reports that wait for the peer to read before the peer is not read any longer.
const BACKLOG: usize = 64 * 1024;

/// What comes with every call: the time, chance, limits.
#[derive(Debug)]
pub struct Context<'a> {
    /// Now.
    pub now: Instant,
    /// Chance.
    pub random: &'a mut Random,
    /// Limits.
    pub limits: &'a Limits,
    /// Whether what goes over connections that open now is traced.
    pub trace: bool,
}

pub(super) type Out<'a> = &'a mut Outbox<Output>;

/// The sessions of one endpoint, and their connections.
#[derive(Debug, Default)]
pub struct Endpoint {
    pub(super) sessions: BTreeMap<StreamId, Session>,
    /// Sessions by the identifier in their URI.
    pub(super) names: BTreeMap<Text, StreamId>,
    pub(super) connections: BTreeMap<ConnId, Connection>,
    pub(super) listeners: BTreeMap<SocketId, Listener>,
    agenda: Agenda,
    /// Sessions that were told that there is no room.
    full: BTreeSet<StreamId>,
    pub(super) named_sockets: Counter,
    pub(super) named_connections: Counter,
}

impl Endpoint {
    /// An endpoint without sessions.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A session is prepared: its URI can be told to the peer.
    pub fn prepare(&mut self, stream: StreamId, setup: Setup) {
        if let Some(name) = &setup.local.session {
            self.names.insert(name.clone(), stream);
        }
        self.sessions.insert(stream, Session::new(setup));
        self.plan_session(stream);
    }

    /// Gives a session the connection to a place that is there, or opens one under this name.
    pub(super) fn connect(
        &mut self,
        cx: &mut Context<'_>,
        stream: StreamId,
        name: ConnId,
        place: (SocketAddr, Security),
        out: Out<'_>,
    ) {
        let shared = self.connections.iter().find(|(_, c)| !c.closing && c.ours.as_ref() == Some(&place));
        let shared = shared.map(|(conn, connection)| (*conn, connection.open));
        let (conn, is_open) = shared.unwrap_or((name, false));
        if let Some(session) = self.sessions.get_mut(&stream) {
            session.conn = Some(conn);
        }
        if shared.is_none() {
            let (to, security) = place.clone();
            self.connections.insert(conn, Connection::new(Some(place), None));
            out.push(Output::Open { conn, to, security });
        }
        self.join(conn, stream);
        if is_open {
            self.introduce(cx, conn, stream, out);
        }
    }

    /// A session of ours has its connection, which is open: it asks its relay, or binds itself.
    fn introduce(&mut self, cx: &mut Context<'_>, conn: ConnId, stream: StreamId, out: Out<'_>) {
        match self.distrust(conn, stream) {
            Some(reason) => self.end(cx, stream, End::Distrusted(reason), out),
            None if self.sessions.get(&stream).is_some_and(|session| session.relay.is_some()) => {
                self.ask_relay(cx, stream, out);
            }
            None => self.bind(cx, conn, stream, out),
        }
    }

    /// The peer's side of a session is known: it starts.
    pub fn start(&mut self, cx: &mut Context<'_>, stream: StreamId, start: SessionStart, out: Out<'_>) {
        let Some(session) = self.sessions.get_mut(&stream) else { return };
        let to = session.path_to(&start.remote);
        session.ends = Some(Arc::new(Ends { to, from: Path::of(session.local.clone()) }));
        session.fingerprints = start.fingerprints;
        if session.state == State::Prepared {
            session.state = State::Starting(cx.now + BIND);
        }
        session.passive = match start.connect {
            Connect::Active { .. } => false,
            Connect::Passive => session.passive,
            Connect::Relay { active } => !active,
        };
        let bound_to = session.conn;
        self.plan_session(stream);
        match start.connect {
            Connect::Active { conn, to, security } => self.connect(cx, stream, conn, (to, security), out),
            Connect::Passive => {}
            Connect::Relay { active } => {
                if let Some(conn) = bound_to.filter(|_| active) {
                    self.bind(cx, conn, stream, out);
                }
            }
        }
        self.release(cx, stream, out);
    }

    fn join(&mut self, conn: ConnId, stream: StreamId) {
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.sessions.insert(stream);
            connection.idle_until = None;
        }
        self.plan_connection(conn);
    }

    /// Binds a session of ours to a connection that is open.
    pub(super) fn bind(&mut self, cx: &mut Context<'_>, conn: ConnId, stream: StreamId, out: Out<'_>) {
        let ends = self.sessions.get(&stream).and_then(|session| session.ends.clone());
        if let (Some(ends), Some(connection)) = (ends, self.connections.get_mut(&conn)) {
            connection.sender.empty(cx.now, stream, Asked::Bind, &ends, cx.random);
        }
        self.pump(cx, conn, out);
    }

    /// A session is bound to this connection: what waited is sent.
    pub(super) fn bound(&mut self, cx: &mut Context<'_>, conn: ConnId, stream: StreamId, out: Out<'_>) {
        self.join(conn, stream);
        let Some(session) = self.sessions.get_mut(&stream) else { return };
        session.conn = Some(conn);
        session.state = State::Bound;
        self.plan_session(stream);
        let Some(session) = self.sessions.get_mut(&stream) else { return };
        let message = format!("{} is bound", session.local);
        out.push(Output::Log(conn, LogEvent::line(LogLevel::Info, message)));
        out.push(Output::Session(stream, Event::Started));
        let mut news = Vec::new();
        if let (Some(ends), Some(connection)) = (session.ends.clone(), self.connections.get_mut(&conn)) {
            session.waiting_bytes = 0;
            for message in session.waiting.drain(..) {
                connection.sender.send(stream, Arc::clone(&ends), message, cx.limits, &mut news);
            }
            for id in session.given_up.drain(..) {
                connection.sender.cancel(stream, &id, cx.random);
            }
        }
        self.told(cx, conn, news, None, out);
        self.pump(cx, conn, out);
    }

    /// Sends a message; before the session is bound it waits.
    ///
    /// # Errors
    /// When it cannot be sent; nothing was.
    pub fn send(
        &mut self,
        cx: &mut Context<'_>,
        stream: StreamId,
        message: Message,
        out: Out<'_>,
    ) -> Result<(), SendError> {
        let session = self.sessions.get_mut(&stream).ok_or(SendError::NoSession)?;
        let is_text = |text: &Text| !text.is_empty() && !text.bytes().any(|byte| byte.is_ascii_control());
        if !is_text(&message.content_type) || !super::head::is_ident(&message.id) {
            return Err(SendError::Unwritable);
        }
        let connection = session.conn.and_then(|conn| Some((conn, self.connections.get_mut(&conn)?)));
        let (messages, bytes) = match &connection {
            Some((_, connection)) => connection.sender.unsent(stream),
            None => (0, 0),
        };
        let bytes = bytes + session.waiting_bytes;
        if messages + session.waiting.len() >= cx.limits.msrp_waiting || bytes > cx.limits.msrp_waiting_bytes as u64 {
            self.full.insert(stream);
            return Err(SendError::Full);
        }
        match (connection, session.ends.clone()) {
            (Some((conn, connection)), Some(ends)) if session.state == State::Bound => {
                let mut news = Vec::new();
                connection.sender.send(stream, ends, message, cx.limits, &mut news);
                self.told(cx, conn, news, None, out);
                self.pump(cx, conn, out);
            }
            _ => {
                session.waiting_bytes += message.content.ready();
                session.waiting.push_back(message);
            }
        }
        Ok(())
    }

    /// Bytes that a message wanted.
    pub fn feed(&mut self, cx: &mut Context<'_>, stream: StreamId, id: &Text, data: Bytes, out: Out<'_>) {
        if let Some((conn, connection)) = self.connection_of(stream) {
            connection.sender.feed(stream, id, data);
            self.pump(cx, conn, out);
        }
    }

    /// Gives up a message of ours: nothing more is told of it. Its receiver hears so if it has heard of the message, or expects it: that of one that is fed
    /// was announced otherwise.
    pub fn cancel(&mut self, cx: &mut Context<'_>, stream: StreamId, id: &Text, out: Out<'_>) {
        if let Some(session) = self.sessions.get_mut(&stream) {
            session.give_up(id);
        }
        if let Some((conn, connection)) = self.connection_of(stream) {
            connection.sender.cancel(stream, id, cx.random);
            self.pump(cx, conn, out);
        }
    }

    /// Reports on bytes of a message that came: its sender hears what became of it.
    pub fn report(
        &mut self,
        cx: &mut Context<'_>,
        stream: StreamId,
        wish: &Wish,
        range: ByteRange,
        code: u16,
        out: Out<'_>,
    ) {
        let Some(local) = self.sessions.get(&stream).map(|session| Path::of(session.local.clone())) else { return };
        let Some((conn, connection)) = self.connection_of(stream) else { return };
        let status = Status { namespace: 0, code, comment: reason_phrase(code).into() };
        let frame = Writer::request(&cx.random.token(16), &Method::Report, &wish.from, &local)
            .field(Field::MessageId, &wish.id)
            .field(Field::ByteRange, range)
            .field(Field::Status, status)
            .finish(Continuation::Complete);
        // A peer whose own identifier cannot be written has none that it could know it by.
        if let Ok(frame) = frame {
            connection.sender.urgent(frame);
            self.pump(cx, conn, out);
        }
    }

    /// Refuses a message that is coming in: its sender is told so at its next chunk.
    pub fn refuse(&mut self, stream: StreamId, id: &Text) {
        if let Some(session) = self.sessions.get_mut(&stream) {
            session.finish(id, 413);
        }
    }

    /// Asks for a nickname (RFC 7701 section 7.1); an empty one gives it back.
    ///
    /// # Errors
    /// When the session is not bound, or the nickname cannot be written.
    pub fn nickname(
        &mut self,
        cx: &mut Context<'_>,
        stream: StreamId,
        nickname: &str,
        out: Out<'_>,
    ) -> Result<(), SendError> {
        let session = self.sessions.get(&stream).filter(|session| session.state == State::Bound);
        let ends = session.and_then(|session| session.ends.clone()).ok_or(SendError::NoSession)?;
        let (conn, connection) = self.connection_of(stream).ok_or(SendError::NoSession)?;
        let mut quoted = String::new();
        crate::sip::quote(nickname, &mut quoted).map_err(|_| SendError::Unwritable)?;
        let transaction = cx.random.token(16);
        let frame = Writer::request(&transaction, &Method::Nickname, &ends.to, &ends.from)
            .field(Field::UseNickname, quoted)
            .finish(Continuation::Complete);
        let asked = connection.sender.ask_for(cx.now, stream, Asked::Nickname, transaction.into(), frame);
        asked.map_err(|_| SendError::Unwritable)?;
        self.pump(cx, conn, out);
        Ok(())
    }

    /// A session is over for us. What has not arrived is told to have not; the connection closes with its last session.
    pub fn close(&mut self, cx: &mut Context<'_>, stream: StreamId, out: Out<'_>) {
        self.leave(cx, stream, &"the stream was closed".into(), out);
    }

    fn leave(&mut self, cx: &mut Context<'_>, stream: StreamId, reason: &Text, out: Out<'_>) {
        let Some(session) = self.sessions.remove(&stream) else { return };
        self.full.remove(&stream);
        self.plan_session(stream);
        let paused = self.forget_kept(stream, &session.kept);
        self.resume(&paused, out);
        if let Some(name) = &session.local.session {
            self.names.remove(name);
        }
        for message in session.waiting.into_iter().filter(|message| !session.given_up.contains(&message.id)) {
            let event = Event::NotDelivered { id: message.id, code: 0, reason: reason.clone(), chunk: None };
            out.push(Output::Session(stream, event));
        }
        let Some(conn) = session.conn else { return };
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        let mut news = Vec::new();
        connection.sender.fail_all(stream, 0, reason, &mut news);
        connection.sessions.remove(&stream);
        let is_last = connection.sessions.is_empty();
        if is_last && connection.open {
            connection.sender.flush(cx.now, &mut news);
        }
        self.told(cx, conn, news, None, out);
        if is_last {
            self.hang_up(conn, CloseHow::Flush, out);
        } else {
            self.pump(cx, conn, out);
        }
    }

    pub(super) fn hang_up(&mut self, conn: ConnId, how: CloseHow, out: Out<'_>) {
        if let Some(connection) = self.connections.get_mut(&conn)
            && !connection.closing
        {
            connection.closing = true;
            out.push(Output::Close { conn, how });
            self.plan_connection(conn);
        }
    }

    /// A session is over against our will.
    pub(super) fn end(&mut self, cx: &mut Context<'_>, stream: StreamId, end: End, out: Out<'_>) {
        self.end_all(cx, [stream], &end, out);
    }

    /// Sessions are over against our will. What becomes of their messages is told first, of all of them: with the first that is told to be
    /// over its whole call may end, and then nobody listens to the others.
    pub(super) fn end_all(
        &mut self,
        cx: &mut Context<'_>,
        streams: impl IntoIterator<Item = StreamId>,
        end: &End,
        out: Out<'_>,
    ) {
        let mut ended = Vec::new();
        for stream in streams {
            let Some(session) = self.sessions.get(&stream) else { continue };
            if let Some(conn) = session.conn {
                let message = format!("{} is over: {end}", session.local);
                out.push(Output::Log(conn, LogEvent::line(end.level(), message)));
            }
            self.leave(cx, stream, &Text::from(end.to_string()), out);
            ended.push(stream);
        }
        for stream in ended {
            out.push(Output::Session(stream, Event::Ended(end.clone())));
        }
    }

    fn connection_of(&mut self, stream: StreamId) -> Option<(ConnId, &mut Connection)> {
        let conn = self.sessions.get(&stream)?.conn?;
        Some((conn, self.connections.get_mut(&conn)?))
    }

    /// A peer opened a connection to a listener of ours. Of those that have not told their session the oldest makes room.
    pub fn accepted(&mut self, cx: &Context<'_>, conn: ConnId, on: SocketId, out: Out<'_>) {
        self.connections.insert(conn, Connection::new(None, Some(cx.now + BIND)));
        self.plan_connection(conn);
        if !self.is_listening(on) {
            return self.hang_up(conn, CloseHow::Abort, out);
        }
        let strangers = || self.connections.iter().filter(|(_, connection)| connection.is_strange());
        let oldest = strangers().min_by_key(|(_, connection)| connection.idle_until).map(|(conn, _)| *conn);
        if let Some(oldest) = oldest.filter(|_| strangers().count() > cx.limits.msrp_strangers) {
            self.hang_up(oldest, CloseHow::Abort, out);
        }
    }

    /// A connection is open.
    pub fn opened(&mut self, cx: &mut Context<'_>, conn: ConnId, tls: Option<TlsInfo>, out: Out<'_>) {
        let Some(connection) = self.connections.get_mut(&conn).filter(|connection| !connection.closing) else { return };
        connection.open = true;
        connection.tls = tls;
        connection.taps = cx.trace.then(Box::default);
        let sessions: Vec<StreamId> = connection.sessions.iter().copied().collect();
        self.plan_connection(conn);
        for stream in sessions {
            self.introduce(cx, conn, stream, out);
        }
    }

    /// Why the peer of this connection may not have this session.
    pub(super) fn distrust(&self, conn: ConnId, stream: StreamId) -> Option<Text> {
        let (session, connection) = (self.sessions.get(&stream)?, self.connections.get(&conn)?);
        if session.local.secure != connection.tls.is_some() {
            return Some("the connection is not protected as the URI says".into());
        }
        // A relay is known by its name (RFC 4976 section 9.2), whatever the peer's description says of the peer; without a fingerprint so
        // is whom we connect to (RFC 4975 section 14.2).
        let named = match &session.relay {
            Some(relay) => Some(relay.host()),
            None if session.fingerprints.is_empty() => session.ends.as_ref().map(|ends| &ends.to.first().host),
            None => None,
        };
        if let Some(host) = named {
            let Some((_, Security::Tls { policy, .. })) = &connection.ours else { return None };
            let verdict = judge(connection.tls.as_ref()?, *policy, &[], TlsPeer::Server(Some(host)));
            return verdict.err().map(|distrust| distrust.to_string().into());
        }
        let shown = connection.tls.as_ref().and_then(|tls| tls.certificates.first()).map(|own| Fingerprint::of(own));
        match shown {
            Some(shown) if session.fingerprints.contains(&shown) => None,
            Some(shown) => Some(format!("the peer's certificate has the unexpected fingerprint {shown}").into()),
            None => Some("the peer showed no certificate".into()),
        }
    }

    /// Bytes came.
    pub fn data(&mut self, cx: &mut Context<'_>, conn: ConnId, data: Bytes, out: Out<'_>) {
        if let Some(connection) = self.connections.get_mut(&conn).filter(|c| c.open && !c.closing) {
            connection.trace(TraceDirection::Incoming, conn, &data, cx.limits, out);
            connection.framer.feed(data);
            self.read(cx, conn, out);
        }
    }

    /// The system took so many bytes of what was written.
    pub fn drained(&mut self, cx: &mut Context<'_>, conn: ConnId, bytes: usize, out: Out<'_>) {
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.sender.drained(bytes);
            self.pump(cx, conn, out);
        }
    }

    /// A connection is closed, or could not be opened: its sessions are over.
    pub fn closed(&mut self, cx: &mut Context<'_>, conn: ConnId, cause: &CloseCause, out: Out<'_>) {
        let Some(mut connection) = self.connections.remove(&conn) else { return };
        self.plan_connection(conn);
        let (streams, mut news) = (std::mem::take(&mut connection.sessions), Vec::new());
        for stream in &streams {
            connection.sender.fail_all(*stream, 0, &Text::from(cause.to_string()), &mut news);
        }
        self.told(cx, conn, news, None, out);
        self.end_all(cx, streams, &End::Connection(cause.clone()), out);
    }

    /// Whether a connection is of this endpoint.
    #[must_use]
    pub fn owns_connection(&self, conn: ConnId) -> bool {
        self.connections.contains_key(&conn)
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.sessions.is_empty() && self.connections.is_empty() && self.listeners.is_empty()
    }

    /// Whether this session is bound.
    #[must_use]
    pub fn is_bound(&self, stream: StreamId) -> bool {
        self.sessions.get(&stream).is_some_and(|session| session.state == State::Bound)
    }

    /// Writes what there is credit for, and tells what follows.
    pub(super) fn pump(&mut self, cx: &mut Context<'_>, conn: ConnId, out: Out<'_>) {
        if let Some(connection) = self.connections.get_mut(&conn).filter(|c| c.open && !c.closing) {
            let mut news = Vec::new();
            connection.sender.pump(cx.now, cx.limits, cx.random, &mut news);
            let paused = connection.sender.backlog() > BACKLOG;
            let resumes = std::mem::replace(&mut connection.paused, paused) && !paused;
            if resumes && !self.is_paused(conn) {
                out.push(Output::Resume(conn));
            }
            self.told(cx, conn, news, None, out);
            self.wake(cx, conn, out);
        }
        self.plan_connection(conn);
    }

    /// Tells those who were told that there is no room that there is some again.
    fn wake(&mut self, cx: &Context<'_>, conn: ConnId, out: Out<'_>) {
        let Some(connection) = self.connections.get(&conn) else { return };
        let has_room = |stream: &StreamId| {
            let (messages, bytes) = connection.sender.unsent(*stream);
            self.sessions.get(stream).is_some_and(|session| session.conn == Some(conn))
                && messages <= cx.limits.msrp_waiting / 2
                && bytes <= cx.limits.msrp_waiting_bytes as u64 / 2
        };
        for stream in self.full.extract_if(.., has_room) {
            out.push(Output::Session(stream, Event::Writable));
        }
    }

    /// What a sender had to say, and the response that made it say so.
    pub(super) fn told(
        &mut self,
        cx: &mut Context<'_>,
        conn: ConnId,
        news: Vec<News>,
        head: Option<&Head>,
        out: Out<'_>,
    ) {
        for news in news {
            let (stream, event) = match news {
                News::Write(data) => {
                    if let Some(connection) = self.connections.get_mut(&conn) {
                        connection.trace(TraceDirection::Outgoing, conn, &data, cx.limits, out);
                    }
                    out.push(Output::Write { conn, data });
                    continue;
                }
                News::Answered { stream, what, code, reason } => {
                    self.answered(cx, conn, stream, what, code, reason, head, out);
                    continue;
                }
                News::Wants { stream, id, at, len } => (stream, Event::Wants { id, at, len }),
                News::Sent { stream, id, chunk } => (stream, Event::Sent { id, chunk }),
                News::Reported { stream, id, bytes, chunk } => (stream, Event::Reported { id, bytes, chunk }),
                News::Delivered { stream, id, code, reason, chunk } => {
                    (stream, Event::Delivered { id, code, reason, chunk })
                }
                News::NotDelivered { stream, id, code, reason, chunk } => {
                    out.push(Output::Session(stream, Event::NotDelivered { id, code, reason, chunk }));
                    // The peer does not know the session, or knows it elsewhere: there is nothing left to send on.
                    if matches!(code, 481 | 506) {
                        self.end(cx, stream, End::Refused(code), out);
                    }
                    continue;
                }
            };
            out.push(Output::Session(stream, event));
        }
    }

    #[expect(clippy::too_many_arguments, reason = "an answer, whose it is, and where it goes")]
    fn answered(
        &mut self,
        cx: &mut Context<'_>,
        conn: ConnId,
        stream: StreamId,
        what: Asked,
        code: u16,
        reason: Text,
        head: Option<&Head>,
        out: Out<'_>,
    ) {
        match (what, code) {
            // The peer may have said something on it before it answered.
            (Asked::Bind, 200) if self.is_bound(stream) => {}
            (Asked::Bind, 200) => self.bound(cx, conn, stream, out),
            (Asked::Bind | Asked::KeepAlive, 481 | 506) | (Asked::Bind, _) => {
                self.end(cx, stream, End::Refused(code), out);
            }
            (Asked::KeepAlive, 408) => {
                self.hang_up(conn, CloseHow::Abort, out);
                let sessions: Vec<StreamId> =
                    self.connections.get(&conn).into_iter().flat_map(|c| c.sessions.iter().copied()).collect();
                self.end_all(cx, sessions, &End::Connection(CloseCause::TimedOut), out);
            }
            // Whatever it says, the peer is there.
            (Asked::KeepAlive, _) => {}
            (Asked::Nickname, _) => out.push(Output::Session(stream, Event::Nickname { code, reason })),
            (Asked::Auth, _) => self.relay_answered(cx, stream, head, out),
        }
    }

    /// When [`timeout`](Self::timeout) is next wanted.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.agenda.first()
    }

    /// When something of a session is due.
    fn session_due(&self, stream: StreamId) -> Option<Instant> {
        let session = self.sessions.get(&stream)?;
        let due = match session.state {
            State::Starting(due) => Some(due),
            State::Prepared | State::Bound => session.relay.as_ref().and_then(|relay| relay.due()),
        };
        crate::time::earliest(due, session.kept_due())
    }

    /// When something of a connection is due.
    fn connection_due(&self, conn: ConnId) -> Option<Instant> {
        let connection = self.connections.get(&conn).filter(|connection| !connection.closing)?;
        let carries = connection.open && connection.sessions.iter().any(|stream| self.is_bound(*stream));
        crate::time::earliest(connection.idle_until, connection.sender.deadline(carries))
    }

    /// Something of a session has changed.
    pub(super) fn plan_session(&mut self, stream: StreamId) {
        self.agenda.set(Whose::Session(stream), self.session_due(stream));
    }

    /// Something of a connection has changed.
    pub(super) fn plan_connection(&mut self, conn: ConnId) {
        self.agenda.set(Whose::Connection(conn), self.connection_due(conn));
    }

    /// Looks whether what is planned is what is due of each.
    #[cfg(test)]
    pub(super) fn check_agenda(&self) {
        let of_sessions = self.sessions.keys().filter_map(|stream| self.session_due(*stream));
        let of_connections = self.connections.keys().filter_map(|conn| self.connection_due(*conn));
        assert_eq!(self.deadline(), of_sessions.chain(of_connections).min());
    }

    /// Works off what is due.
    pub fn timeout(&mut self, cx: &mut Context<'_>, out: Out<'_>) {
        for whose in self.agenda.due(cx.now) {
            match whose {
                Whose::Session(stream) => self.session_late(cx, stream, out),
                Whose::Connection(conn) => self.connection_late(cx, conn, out),
            }
        }
    }

    fn session_late(&mut self, cx: &mut Context<'_>, stream: StreamId, out: Out<'_>) {
        let Some(session) = self.sessions.get(&stream) else { return };
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= cx.now);
        if matches!(session.state, State::Starting(due) if due <= cx.now) {
            return self.end(cx, stream, End::NotBound, out);
        }
        let (asks, goes_on) =
            (is_due(session.relay.as_ref().and_then(|relay| relay.due())), is_due(session.kept_due()));
        if asks {
            self.relay_late(cx, stream, out);
        }
        if goes_on {
            self.release(cx, stream, out);
        }
    }

    fn connection_late(&mut self, cx: &mut Context<'_>, conn: ConnId, out: Out<'_>) {
        let Some(connection) = self.connections.get_mut(&conn).filter(|connection| !connection.closing) else { return };
        if connection.idle_until.is_some_and(|until| until <= cx.now) {
            return self.hang_up(conn, CloseHow::Abort, out);
        }
        let mut news = Vec::new();
        connection.sender.timeout(cx.now, &mut news);
        let bound = connection.sessions.iter().find_map(|stream| {
            let session = self.sessions.get(stream).filter(|session| session.state == State::Bound)?;
            Some((*stream, session.ends.clone()?))
        });
        if let Some((stream, ends)) = bound.filter(|_| connection.sender.is_silent(cx.now)) {
            connection.sender.empty(cx.now, stream, Asked::KeepAlive, &ends, cx.random);
        }
        self.told(cx, conn, news, None, out);
        self.pump(cx, conn, out);
    }
}
