//! The client: asks name servers, and believes only what answers (RFC 1035 section 7, RFC 5452).
//!
//! A response counts when it comes to the socket of its question from the server that was asked, with the id and the question of the
//! query; everything else is ignored, and the wait goes on. What a question leaves behind when it is over, sockets and connections that
//! close, is remembered until the driver says that it is gone.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::BytesMut;

use super::answer::{self, Absence, Reading};
use super::cache::Cache;
use super::query::{Query, Question, State};
use super::wire::{self, Code};
use super::{Answer, Context, Kind, Output, Record, Unanswered};
use crate::id::{ConnId, Counter, SocketId};
use crate::outbox::Outbox;
use crate::time::Instant;

/// The resolver's sockets and connections are counted from here, so that nobody else has their names.
const FIRST_NAME: u64 = 1 << 32;

/// A question of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QuestionId(u64);

/// What became of a question at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It was known.
    Known(Answer),
    /// It is on its way: [`Client::pop`] tells the answer.
    Pending(QuestionId),
}

/// A question that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// The question.
    pub id: QuestionId,
    /// Its answer.
    pub answer: Answer,
    /// What the server said beyond it.
    pub additional: Vec<Record>,
}

/// The questions on their way, their sockets and connections, and what is known already.
#[derive(Debug, Default)]
pub struct Client {
    ids: Counter,
    sockets_bound: Counter,
    conns_opened: Counter,
    queries: BTreeMap<QuestionId, Query>,
    deadlines: BTreeSet<(Instant, QuestionId)>,
    /// Whose each is; `None` while it closes.
    sockets: BTreeMap<SocketId, Option<QuestionId>>,
    conns: BTreeMap<ConnId, Option<QuestionId>>,
    cache: Cache,
    finished: VecDeque<Finished>,
    /// Responses that answered nothing that was asked.
    stray: u64,
}

impl Client {
    /// Whether the resolver gave this name to a socket.
    #[must_use]
    pub const fn owns_socket(socket: SocketId) -> bool {
        socket.as_u64() >= FIRST_NAME && !socket.is_msrp() && socket.stream().is_none()
    }

    /// Whether the resolver gave this name to a connection.
    #[must_use]
    pub const fn owns_connection(conn: ConnId) -> bool {
        let is_named = !conn.is_accepted() && conn.as_u64() >= ConnId::opened(FIRST_NAME).as_u64();
        is_named && !conn.is_msrp() && conn.stream().is_none()
    }

    /// Asks a question, unless the answer is known.
    pub fn ask(&mut self, cx: &mut Context<'_>, question: Question, out: &mut Outbox<Output>) -> Asked {
        let known = self.cache.get(cx.now, &question.name, question.kind);
        if let Some(answer) = known.filter(|_| !question.fresh) {
            return Asked::Known(answer);
        }
        if question.servers.is_empty() {
            return Asked::Known(Err(Unanswered::NoNameservers));
        }
        if question.until <= cx.now {
            return Asked::Known(Err(Unanswered::Timeout));
        }
        let id = QuestionId(self.ids.take());
        let Some(server) = question.servers.first().copied() else {
            return Asked::Known(Err(Unanswered::NoNameservers));
        };
        let state = self.bind(id, server, out);
        self.queries.insert(id, Query::new(question, state));
        self.begin(cx, id);
        Asked::Pending(id)
    }

    /// Nobody wants the answer any more.
    pub fn cancel(&mut self, id: QuestionId, out: &mut Outbox<Output>) {
        if let Some(query) = self.take(id) {
            self.leave(query.state, out);
        }
    }

    /// The next question that is over.
    #[must_use]
    pub fn pop(&mut self) -> Option<Finished> {
        self.finished.pop_front()
    }

    /// Forgets all answers.
    pub fn clear_cache(&mut self) {
        self.cache.clear();
    }

    /// The driver bound a socket: the query goes out.
    pub fn socket_bound(&mut self, cx: &mut Context<'_>, socket: SocketId, out: &mut Outbox<Output>) {
        let Some(id) = self.sockets.get(&socket).copied().flatten() else { return };
        let Some(query) = self.queries.get_mut(&id) else { return };
        if !matches!(query.state, State::Binding(binding) if binding == socket) {
            return;
        }
        query.state = State::Waiting(socket);
        self.send(cx, id, out);
    }

    /// The driver could not bind a socket, or it broke, or it is closed.
    pub fn socket_gone(&mut self, cx: &mut Context<'_>, socket: SocketId, out: &mut Outbox<Output>) {
        let Some(Some(id)) = self.sockets.remove(&socket) else { return };
        if let Some(query) = self.queries.get_mut(&id)
            && matches!(query.state, State::Binding(own) | State::Waiting(own) if own == socket)
        {
            query.strike(0);
            self.try_next(cx, id, out);
        }
    }

    /// A datagram came.
    pub fn datagram(
        &mut self,
        cx: &mut Context<'_>,
        socket: SocketId,
        from: SocketAddr,
        data: &[u8],
        out: &mut Outbox<Output>,
    ) {
        let id = self.sockets.get(&socket).copied().flatten();
        let query = id.and_then(|id| Some((id, self.queries.get_mut(&id)?)));
        match query {
            Some((id, query))
                if query.server() == Some(from)
                    && matches!(query.state, State::Waiting(own) if own == socket)
                    && wire::id(data) == Some(query.id) =>
            {
                self.response(cx, id, data, out);
            }
            Some(_) | None => self.stray += 1,
        }
    }

    /// A connection is open: the query goes out.
    pub fn opened(&mut self, cx: &mut Context<'_>, conn: ConnId, out: &mut Outbox<Output>) {
        let Some(id) = self.conns.get(&conn).copied().flatten() else { return };
        let Some(query) = self.queries.get_mut(&id) else { return };
        if !matches!(query.state, State::Opening(opening) if opening == conn) {
            return;
        }
        query.state = State::Reading(conn, BytesMut::new());
        self.write_message(cx, id);
        if let Some(query) = self.queries.get(&id) {
            out.push(Output::Write { conn, data: wire::framed(&query.message) });
        }
    }

    /// Bytes came on a connection. Messages that answer nothing are skipped.
    pub fn data(&mut self, cx: &mut Context<'_>, conn: ConnId, data: &[u8], out: &mut Outbox<Output>) {
        let Some(id) = self.conns.get(&conn).copied().flatten() else { return };
        let mut data = data;
        // Each turn takes a whole message out of the buffer, or ends.
        while let Some(query) = self.queries.get_mut(&id) {
            let State::Reading(reading, buffer) = &mut query.state else { return };
            if *reading != conn {
                return;
            }
            buffer.extend_from_slice(std::mem::take(&mut data));
            let Some((_, len)) = wire::unframed(buffer) else { return };
            let message = buffer.split_to(len).freeze();
            let message = message.get(2..).unwrap_or_default();
            if wire::id(message) == Some(query.id) {
                self.response(cx, id, message, out);
            } else {
                self.stray += 1;
            }
        }
    }

    /// A connection is closed, or could not be opened.
    pub fn closed(&mut self, cx: &mut Context<'_>, conn: ConnId, out: &mut Outbox<Output>) {
        let Some(Some(id)) = self.conns.remove(&conn) else { return };
        if let Some(query) = self.queries.get_mut(&id)
            && matches!(query.state, State::Opening(own) | State::Reading(own, _) if own == conn)
        {
            query.strike(0);
            self.try_next(cx, id, out);
        }
    }

    /// How many more bytes this connection may be fed now: a message with its length at most.
    #[must_use]
    pub fn read_budget(&self, conn: ConnId) -> usize {
        match self.conns.get(&conn) {
            Some(Some(_)) => usize::from(u16::MAX) + 2,
            Some(None) | None => 0,
        }
    }

    /// When [`timeout`](Self::timeout) is next wanted.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// Time has passed: datagrams are sent again, the next servers are asked, questions time out.
    pub fn timeout(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        let mut due = Vec::new();
        while self.deadlines.first().is_some_and(|(at, _)| *at <= cx.now) {
            due.extend(self.deadlines.pop_first().map(|(_, id)| id));
        }
        for id in due {
            let Some(query) = self.queries.get(&id) else { continue };
            if query.question.until <= cx.now {
                self.finish(id, Err(Unanswered::Timeout), Vec::new(), out);
            } else if query.give_up <= cx.now {
                self.try_next(cx, id, out);
            } else {
                self.send(cx, id, out);
            }
        }
    }

    /// Ends every question, and closes every socket and connection.
    pub fn shut_down(&mut self, out: &mut Outbox<Output>) {
        for id in self.queries.keys().copied().collect::<Vec<_>>() {
            self.cancel(id, out);
        }
    }

    /// Whether no question is on its way.
    #[must_use]
    pub fn is_quiescent(&self) -> bool {
        self.queries.is_empty() && self.finished.is_empty()
    }

    /// Whether every socket and connection is gone.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.sockets.is_empty() && self.conns.is_empty()
    }

    /// How many responses answered nothing that was asked.
    #[must_use]
    pub const fn stray(&self) -> u64 {
        self.stray
    }

    /// Takes a response with the right id from the right server.
    fn response(&mut self, cx: &mut Context<'_>, id: QuestionId, data: &[u8], out: &mut Outbox<Output>) {
        let Some(query) = self.queries.get_mut(&id) else { return };
        let over_udp = matches!(query.state, State::Waiting(_));
        if over_udp && wire::is_truncated(data) {
            self.over_tcp(cx, id, out);
            return;
        }
        let kind = query.question.kind;
        let Ok(response) = wire::response(data, cx.limits) else {
            query.strike(0);
            self.try_next(cx, id, out);
            return;
        };
        let answers = match &response.question {
            Some((name, asked)) => *name == query.name && *asked == kind,
            // A server that did not understand the query may not repeat it.
            None => matches!(response.code, Code::Failure(_)),
        };
        if !answers {
            self.stray += 1;
            return;
        }
        let reading = answer::read(&response, &query.name, kind, &mut query.aliases, cx.limits.dns_aliases);
        let room = cx.limits.dns_cache;
        match reading {
            Reading::Records { records, ttl } => {
                let (ttl, name) = (ttl.min(query.ttl), query.question.name.clone());
                self.cache.insert(cx.now, name, kind, Ok(records.clone()), ttl, room);
                self.finish(id, Ok(records), response.additional, out);
            }
            Reading::Nothing { absence, ttl } => {
                let error = match absence {
                    Absence::Name => Unanswered::NoName,
                    Absence::Data => Unanswered::NoData,
                };
                let (ttl, name) = (ttl.min(query.ttl), query.question.name.clone());
                self.cache.insert(cx.now, name, kind, Err(error), ttl, room);
                self.finish(id, Err(error), Vec::new(), out);
            }
            Reading::Circle => self.finish(id, Err(Unanswered::Aliases), Vec::new(), out),
            Reading::Alias { to, ttl } => {
                query.name = to;
                query.ttl = query.ttl.min(ttl);
                self.attempt(cx, id, out);
            }
            Reading::Failure(code) => {
                query.strike(code);
                self.try_next(cx, id, out);
            }
        }
    }

    /// Asks the next server, or the same again where it is the only one left.
    fn try_next(&mut self, cx: &mut Context<'_>, id: QuestionId, out: &mut Outbox<Output>) {
        let Some(query) = self.queries.get_mut(&id) else { return };
        if query.next_server() {
            self.attempt(cx, id, out);
        } else {
            let failure = query.failure;
            self.finish(id, Err(Unanswered::Failure(failure)), Vec::new(), out);
        }
    }

    /// Asks the server that the question has come to, from a new port.
    fn attempt(&mut self, cx: &mut Context<'_>, id: QuestionId, out: &mut Outbox<Output>) {
        let Some(server) = self.queries.get(&id).and_then(Query::server) else { return };
        let state = self.bind(id, server, out);
        let Some(query) = self.queries.get_mut(&id) else { return };
        let old = std::mem::replace(&mut query.state, state);
        self.leave(old, out);
        self.begin(cx, id);
    }

    fn over_tcp(&mut self, cx: &mut Context<'_>, id: QuestionId, out: &mut Outbox<Output>) {
        let Some(query) = self.queries.get_mut(&id) else { return };
        let Some(to) = query.server() else { return };
        let conn = ConnId::opened(FIRST_NAME + self.conns_opened.take());
        self.conns.insert(conn, Some(id));
        out.push(Output::Open { conn, to });
        let old = std::mem::replace(&mut query.state, State::Opening(conn));
        self.leave(old, out);
        self.begin(cx, id);
    }

    fn bind(&mut self, id: QuestionId, server: SocketAddr, out: &mut Outbox<Output>) -> State {
        let socket = SocketId::from_u64(FIRST_NAME + self.sockets_bound.take());
        self.sockets.insert(socket, Some(id));
        let addr = match server.ip() {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        out.push(Output::Bind { socket, addr });
        State::Binding(socket)
    }

    /// The server has its time from now on, and gets a query with an id of its own.
    fn begin(&mut self, cx: &mut Context<'_>, id: QuestionId) {
        self.unschedule(id);
        if let Some(query) = self.queries.get_mut(&id) {
            query.begin(cx.now);
        }
        self.write_message(cx, id);
        self.schedule(id);
    }

    fn write_message(&mut self, cx: &mut Context<'_>, id: QuestionId) {
        let Some(query) = self.queries.get_mut(&id) else { return };
        query.id = cx.random.u16();
        // A name always fits into a query.
        query.message = wire::query(query.id, &query.name, query.question.kind).unwrap_or_default();
    }

    fn send(&mut self, cx: &Context<'_>, id: QuestionId, out: &mut Outbox<Output>) {
        self.unschedule(id);
        if let Some(query) = self.queries.get_mut(&id) {
            match (&query.state, query.server()) {
                (State::Waiting(on), Some(to)) => {
                    out.push(Output::Send { on: *on, to, data: query.message.clone() });
                    query.sent(cx.now);
                }
                (State::Binding(_) | State::Opening(_) | State::Reading(..) | State::Waiting(_), _) => {
                    query.again = None;
                }
            }
        }
        self.schedule(id);
    }

    fn finish(&mut self, id: QuestionId, answer: Answer, additional: Vec<Record>, out: &mut Outbox<Output>) {
        if let Some(query) = self.take(id) {
            self.leave(query.state, out);
            self.finished.push_back(Finished { id, answer, additional });
        }
    }

    /// Closes what an attempt has used.
    fn leave(&mut self, state: State, out: &mut Outbox<Output>) {
        match state {
            State::Binding(socket) | State::Waiting(socket) => {
                if let Some(owner) = self.sockets.get_mut(&socket) {
                    *owner = None;
                    out.push(Output::Unbind { socket });
                }
            }
            State::Opening(conn) | State::Reading(conn, _) => {
                if let Some(owner) = self.conns.get_mut(&conn) {
                    *owner = None;
                    out.push(Output::Close { conn });
                }
            }
        }
    }

    fn take(&mut self, id: QuestionId) -> Option<Query> {
        self.unschedule(id);
        self.queries.remove(&id)
    }

    fn schedule(&mut self, id: QuestionId) {
        if let Some(query) = self.queries.get(&id) {
            self.deadlines.insert((query.deadline(), id));
        }
    }

    fn unschedule(&mut self, id: QuestionId) {
        if let Some(query) = self.queries.get(&id) {
            self.deadlines.remove(&(query.deadline(), id));
        }
    }
}

/// Whether a question of this type is one for an address.
pub(super) const fn is_address(kind: Kind) -> bool {
    matches!(kind, Kind::A | Kind::Aaaa)
}
