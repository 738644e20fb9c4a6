//! Connections: opening, judging, reading, writing, closing (RFC 3261 sections 18 and 18.4, RFC 5626 section 4.4.1).

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;

use super::connection::{Connection, State, source_of};
use super::frame::{Frame, FrameError};
use super::judge::{Distrust, Peer, judge};
use super::output::{Malformed, Output, SendError};
use super::receive::Origin;
use super::{CloseCause, CloseHow, Flow, Identities, Route, TlsInfo, TlsPolicy, Transport, Transports};
use crate::id::{ConnId, SocketId};
use crate::outbox::Outbox;
use crate::sip::{Host, Text};
use crate::time::Instant;

/// The answer to a keep-alive (RFC 5626 section 4.4.1).
const PONG: &[u8] = b"\r\n";

/// Whom we want to reach over a stream.
#[derive(Debug)]
pub(super) struct Server {
    /// The domain that its peer must be able to speak for.
    pub(super) domain: Option<Host>,
    /// What is asked of its certificate, over TLS.
    pub(super) policy: TlsPolicy,
}

impl Transports {
    /// A peer opened a connection. Where there are too many, of all or of those of its source, it takes the place of an idle one, or is closed
    /// at once.
    pub fn accepted(&mut self, now: Instant, conn: ConnId, on: SocketId, peer: SocketAddr, out: &mut Outbox<Output>) {
        let transport = self.sockets.get(on).map(|socket| socket.transport).filter(|t| t.is_reliable());
        let (Some(transport), true, None) = (transport, conn.is_accepted(), self.connections.get(conn)) else {
            self.counters.driver_faults += 1;
            return;
        };
        let full = !self.shutting_down && !self.make_room(now, peer, out);
        self.connections.insert(conn, Connection::new(now, transport, peer));
        if full {
            self.counters.shed += 1;
        }
        if full || self.shutting_down {
            self.connections.begin_close(conn, now, CloseHow::Abort);
            out.push(Output::Close { conn, how: CloseHow::Abort });
        }
        self.connections.settle(conn, &self.config.limits);
    }

    /// Whether there is room for a connection from this peer, be it that of an idle one.
    fn make_room(&mut self, now: Instant, peer: SocketAddr, out: &mut Outbox<Output>) -> bool {
        let limits = &self.config.limits;
        let source = source_of(peer.ip());
        let (from_there, opening) = self.connections.crowd(source);
        if opening >= limits.handshakes {
            return false;
        }
        let evicted = if from_there >= limits.connections_per_source {
            self.connections.idlest_accepted(Some(source))
        } else if self.connections.usable() >= limits.connections {
            self.connections.idlest_accepted(None)
        } else {
            return true;
        };
        let Some(evicted) = evicted else { return false };
        self.counters.shed += 1;
        // Without waiting for the peer: what it does not close in its turn would take the place all the same.
        self.fail(now, evicted, CloseCause::Local, CloseHow::Abort, out);
        true
    }

    /// A connection is open. What the TLS handshake told is judged before a byte is written or delivered.
    pub fn opened(
        &mut self,
        now: Instant,
        conn: ConnId,
        local: SocketAddr,
        peer: SocketAddr,
        tls: Option<&TlsInfo>,
        out: &mut Outbox<Output>,
    ) {
        let transport = match self.connections.get(conn).map(|connection| (connection.state, connection.transport)) {
            Some((State::Opening, transport)) => transport,
            // It opened while it was asked to close.
            Some((State::Closing, _)) => return,
            Some((State::Open, _)) | None => {
                self.counters.driver_faults += 1;
                return;
            }
        };
        let identities = match self.judge(conn, transport, tls) {
            Ok(identities) => identities,
            Err(distrust) => {
                self.fail(now, conn, CloseCause::Tls(Text::from(distrust.to_string())), CloseHow::Abort, out);
                return;
            }
        };
        let Some(connection) = self.connections.get_mut(conn) else { return };
        connection.state = State::Open;
        connection.fallbacks = Vec::new();
        connection.local = Some(local);
        connection.identities = identities;
        connection.used = now;
        if conn.is_accepted() {
            connection.peer = peer;
        }
        for data in std::mem::take(&mut connection.queue) {
            out.push(Output::Write { conn, data });
        }
        if transport == Transport::Tcp {
            // Requests to the address a plain connection came from may take it (RFC 3261 section 18). One protected by TLS vouches for the peer's
            // name only when we opened it and judged it (RFC 5923 section 9.2), and is offered since then.
            self.connections.offer(conn);
        }
        self.connections.settle(conn, &self.config.limits);
    }

    fn judge(&self, conn: ConnId, transport: Transport, tls: Option<&TlsInfo>) -> Result<Identities, Distrust> {
        if transport != Transport::Tls {
            return Ok(Identities::default());
        }
        let (Some(config), Some(info)) = (&self.config.tls, tls) else { return Err(Distrust::Unprotected) };
        let (policy, peer) = if conn.is_accepted() {
            (config.clients, Peer::Client)
        } else {
            let connection = self.connections.get(conn);
            let policy = connection.map_or(config.servers, |connection| connection.policy);
            (policy, Peer::Server(connection.and_then(|connection| connection.server.as_ref())))
        };
        judge(info, policy, &config.fingerprints, peer)
    }

    /// What the configuration asks of the certificates of servers.
    pub(super) fn servers(&self) -> TlsPolicy {
        self.config.tls.as_ref().map_or(TlsPolicy::Chain, |tls| tls.servers)
    }

    /// Bytes came on a connection.
    pub fn data(&mut self, now: Instant, conn: ConnId, data: Bytes, out: &mut Outbox<Output>) {
        let Some(connection) = self.connections.get_mut(conn) else {
            self.counters.driver_faults += 1;
            return;
        };
        let local = match (connection.state, connection.local) {
            (State::Open, Some(local)) => local,
            // What comes after the decision to close is of no interest.
            (State::Closing, _) => return,
            (State::Opening | State::Open, _) => {
                self.counters.driver_faults += 1;
                return;
            }
        };
        let origin = Origin { flow: Flow::Stream(conn), transport: connection.transport, from: connection.peer, local };
        let mut framer = std::mem::take(&mut connection.framer);
        framer.feed(data);
        let (mut framed, mut pings, mut broken) = (false, 0, None);
        while let Some(frame) = framer.next(&self.config.limits) {
            framed = true;
            match frame {
                Ok(Frame::Message(bytes)) => {
                    if self.message(now, origin, bytes, out)
                        && let Some(connection) = self.connections.get_mut(conn)
                    {
                        connection.carried = true;
                        connection.used = now;
                    }
                }
                Ok(Frame::LineBreak) => {
                    self.counters.keep_alives += 1;
                    self.ponged(now, Flow::Stream(conn));
                }
                // Two answers in a row look like a ping.
                Ok(Frame::Ping) if self.ponged(now, Flow::Stream(conn)) => self.counters.keep_alives += 1,
                Ok(Frame::Ping) => pings += 1,
                Err(error) => broken = Some(error),
            }
        }
        if let Some(connection) = self.connections.get_mut(conn).filter(|connection| connection.is_usable()) {
            let begun = if framed { None } else { connection.message_since };
            connection.message_since = framer.in_message().then(|| begun.unwrap_or(now));
            connection.framer = framer;
        }
        self.pong(now, conn, pings, out);
        if let Some(error) = broken {
            self.cannot_frame(now, origin, conn, error, out);
        }
        self.connections.settle(conn, &self.config.limits);
    }

    /// Answers keep-alives. They keep a connection only if it has carried a message: pings alone are no use of it.
    fn pong(&mut self, now: Instant, conn: ConnId, pings: usize, out: &mut Outbox<Output>) {
        if pings == 0 {
            return;
        }
        let used = self.connections.get(conn).map(|connection| (connection.used, connection.carried));
        let pongs = if pings == 1 { Bytes::from_static(PONG) } else { Bytes::from(PONG.repeat(pings)) };
        // A peer that does not read what it is sent gets no pong, and finds out.
        let written = self.write(now, conn, pongs, out);
        self.counters.shed += u64::from(written == Err(SendError::Full));
        if let (Some((used, false)), Some(connection)) = (used, self.connections.get_mut(conn)) {
            connection.used = used;
        }
    }

    /// The stream makes no sense any more: answers what can be answered, and closes.
    fn cannot_frame(
        &mut self,
        now: Instant,
        origin: Origin,
        conn: ConnId,
        error: FrameError,
        out: &mut Outbox<Output>,
    ) {
        let FrameError { fault, head } = error;
        let answered = self.answer_head(now, origin, head, fault.code(), out);
        let cause = CloseCause::Other(Text::from(fault.to_string()));
        self.malformed(origin, Malformed::Frame(fault), answered, out);
        self.fail(now, conn, cause, CloseHow::Flush, out);
    }

    /// The system took so many bytes of what was written.
    pub fn drained(&mut self, conn: ConnId, bytes: usize, out: &mut Outbox<Output>) {
        let Some(connection) = self.connections.get_mut(conn) else {
            self.counters.driver_faults += 1;
            return;
        };
        if bytes > connection.backlog {
            self.counters.driver_faults += 1;
        }
        connection.backlog = connection.backlog.saturating_sub(bytes);
        if connection.state == State::Open
            && connection.paused
            && connection.backlog <= self.config.limits.write_bytes / 4
        {
            connection.paused = false;
            out.push(Output::Resume(conn));
        }
    }

    /// A connection is closed, or could not be opened.
    pub fn closed(&mut self, conn: ConnId, cause: CloseCause, out: &mut Outbox<Output>) {
        let Some(connection) = self.connections.remove(conn) else {
            self.counters.driver_faults += 1;
            return;
        };
        self.keeping.forget(Flow::Stream(conn));
        // Only what a TCP reset answers is taken for a host without TCP (RFC 3261 section 18.1.1).
        if matches!(cause, CloseCause::Refused | CloseCause::Reset) {
            for fallback in connection.fallbacks {
                self.fall_back(Flow::Stream(conn), fallback, out);
            }
        }
        tell_of_end(conn, connection.state, cause, out);
    }

    /// Gives up a connection: asks the driver to close it, and tells of it.
    pub(super) fn fail(
        &mut self,
        now: Instant,
        conn: ConnId,
        cause: CloseCause,
        how: CloseHow,
        out: &mut Outbox<Output>,
    ) {
        if let Some(state) = self.connections.begin_close(conn, now, how) {
            self.keeping.forget(Flow::Stream(conn));
            self.connections.settle(conn, &self.config.limits);
            out.push(Output::Close { conn, how });
            tell_of_end(conn, state, cause, out);
        }
    }

    /// Writes to a connection, or lets the bytes wait until it is open.
    ///
    /// # Errors
    /// When it is gone, or too much waits.
    pub(super) fn write(
        &mut self,
        now: Instant,
        conn: ConnId,
        data: Bytes,
        out: &mut Outbox<Output>,
    ) -> Result<(), SendError> {
        let limits = &self.config.limits;
        let connection =
            self.connections.get_mut(conn).filter(|connection| connection.is_usable()).ok_or(SendError::Gone)?;
        let backlog = connection.backlog.saturating_add(data.len());
        if backlog > limits.write_bytes {
            return Err(SendError::Full);
        }
        connection.backlog = backlog;
        connection.paused |= backlog > limits.write_bytes / 2;
        if connection.state == State::Opening {
            connection.queue.push(data);
            return Ok(());
        }
        connection.used = now;
        out.push(Output::Write { conn, data });
        self.connections.settle(conn, limits);
        Ok(())
    }

    /// The connection to this address for this domain: one there is, or a new one.
    ///
    /// # Errors
    /// When the transport is not configured, or there are too many connections in use.
    pub(super) fn connect(
        &mut self,
        now: Instant,
        route: Route,
        server: Server,
        from: Option<IpAddr>,
        out: &mut Outbox<Output>,
    ) -> Result<ConnId, SendError> {
        let to = route.socket_addr();
        if let Some(conn) = self.connections.toward(route.transport, to, |connection| server.is_behind(connection)) {
            return Ok(conn);
        }
        let security = self.security(route.transport, &server).ok_or(SendError::NoSocket(route.transport, to))?;
        if self.connections.usable() >= self.config.limits.connections {
            let idle = self.connections.idlest().ok_or(SendError::TooManyConnections)?;
            self.counters.shed += 1;
            self.fail(now, idle, CloseCause::Local, CloseHow::Flush, out);
        }
        let conn = ConnId::opened(self.next_conn.take());
        let mut connection = Connection::new(now, route.transport, to);
        connection.ours = true;
        connection.server = server.domain.map(|domain| domain.detached());
        connection.policy = server.policy;
        self.connections.insert(conn, connection);
        self.connections.offer(conn);
        self.connections.settle(conn, &self.config.limits);
        out.push(Output::Open { conn, to, security, from });
        Ok(conn)
    }
}

impl Server {
    /// Whether requests to it may take a connection that we opened, if it leads to the right address (RFC 5922 section 7.3 also on reuse):
    /// one whose peer was asked for no less. Where no name is asked for, any may.
    fn is_behind(&self, connection: &Connection) -> bool {
        if connection.transport != Transport::Tls || self.policy != TlsPolicy::Chain {
            return true;
        }
        let is_covered = self.domain.as_ref().is_some_and(|domain| connection.identities.cover(domain));
        connection.policy == TlsPolicy::Chain && (is_covered || connection.server == self.domain)
    }
}

/// Tells the layer above once that a connection that was in `state` is of no use any more, unless it never knew it.
fn tell_of_end(conn: ConnId, state: State, cause: CloseCause, out: &mut Outbox<Output>) {
    let known = match state {
        State::Opening => !conn.is_accepted(),
        State::Open => true,
        State::Closing => false,
    };
    if known {
        out.push(Output::FlowFailed { flow: Flow::Stream(conn), cause });
    }
}
