//! The transports of an agent: its sockets and connections as one machine (RFC 3261 section 18).
//!
//! What the driver tells comes in by methods that take `now` and an out-queue; the [`Output`]s map one to one to the agent's effects, or
//! are news for the layer above. How sockets are chosen stands in `socket`, the states of a connection in `connection`.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::connection::{Connection, Connections, State};
use super::judge::Fingerprint;
use super::keep_alive::Keeping;
use super::output::{BindError, Counters, Malformed, Output, SendError};
use super::socket::{Local, NoLocal, Socket, SocketState, Sockets};
use super::stream::Server;
use super::{CloseCause, CloseHow, Flow, Port, Route, Security, SocketKind, TlsPolicy, Transport};
use crate::id::{ConnId, Counter, SocketId};
use crate::limits::Limits;
use crate::outbox::Outbox;
use crate::sip::{Host, Text};
use crate::time::{Instant, earliest};

/// What the transports need to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportConfig {
    /// Bytes above which a request leaves UDP for TCP (RFC 3261 section 18.1.1).
    pub datagram_bytes: usize,
    /// TLS; without it no TLS socket can be bound.
    pub tls: Option<TlsConfig>,
    /// Limits on everything.
    pub limits: Limits,
}

impl Default for TransportConfig {
    fn default() -> Self {
        Self { datagram_bytes: 1300, tls: None, limits: Limits::default() }
    }
}

/// How connections are protected by TLS. By default servers must show a trusted certificate of the right name, and clients need not show any.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TlsConfig {
    /// Which of the driver's identities is shown.
    pub identity: Option<Text>,
    /// What is asked of servers, to which connections are opened.
    pub servers: TlsPolicy,
    /// What is asked of clients, from which connections are accepted.
    pub clients: TlsPolicy,
    /// The certificates expected where the policy is [`TlsPolicy::Fingerprint`].
    pub fingerprints: Vec<Fingerprint>,
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self { identity: None, servers: TlsPolicy::Chain, clients: TlsPolicy::None, fingerprints: Vec::new() }
    }
}

/// How many local addresses that our Vias have carried are remembered.
const SENT_BY: usize = 64;

/// All sockets and connections for SIP.
///
/// ```
/// use sipsimple_core::outbox::Outbox;
/// use sipsimple_core::sip::{Method, Request, Uri};
/// use sipsimple_core::time::Instant;
/// use sipsimple_core::transport::{Output, Port, Route, Transport, TransportConfig, Transports};
///
/// let mut transports = Transports::new(TransportConfig::default());
/// let mut out = Outbox::new();
/// let socket = transports.bind(Transport::Udp, "192.0.2.9".parse()?, Port::Fixed(5060), &mut out)?;
/// // The driver binds it, and says so.
/// transports.socket_bound(socket, "192.0.2.9:5060".parse()?, &mut out);
///
/// let route: Route = "udp:192.0.2.1:5060".parse()?;
/// let request = Request::build(Method::Options, &"sip:bob@example.com".parse::<Uri>()?).finish()?;
/// let sent = transports.send_request(Instant::ZERO, route, &request, "z9hG4bK776asdhds", &mut out)?;
/// assert_eq!(sent.request.via()?.to_string(), "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK776asdhds;rport");
/// assert!(out.iter().any(|output| matches!(output, Output::Send { on, .. } if *on == socket)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Transports {
    pub(super) config: TransportConfig,
    pub(super) sockets: Sockets,
    pub(super) connections: Connections,
    pub(super) counters: Counters,
    /// What our Vias have carried, the latest first: a response whose Via carries anything else is not ours (RFC 3261 section 18.1.2).
    pub(super) sent_by: VecDeque<(Transport, IpAddr, u16)>,
    pub(super) keeping: Keeping,
    next_socket: Counter,
    pub(super) next_conn: Counter,
    pub(super) shutting_down: bool,
}

impl Transports {
    /// Transports without sockets.
    #[must_use]
    pub fn new(config: TransportConfig) -> Self {
        Self {
            config,
            sockets: Sockets::default(),
            connections: Connections::default(),
            counters: Counters::default(),
            sent_by: VecDeque::new(),
            keeping: Keeping::default(),
            next_socket: Counter::default(),
            next_conn: Counter::default(),
            shutting_down: false,
        }
    }

    /// Asks for a socket: of datagrams for UDP, listening for TCP and TLS.
    ///
    /// # Errors
    /// When TLS is not configured, or the transports shut down.
    pub fn bind(
        &mut self,
        transport: Transport,
        addr: IpAddr,
        port: Port,
        out: &mut Outbox<Output>,
    ) -> Result<SocketId, BindError> {
        if self.shutting_down {
            return Err(BindError::ShuttingDown);
        }
        let kind = match (transport, &self.config.tls) {
            (Transport::Udp, _) => SocketKind::Udp,
            (Transport::Tcp, _) => SocketKind::Listen(Security::Plain),
            (Transport::Tls, Some(tls)) => SocketKind::Listen(tls.security(tls.clients, None)),
            (Transport::Tls, None) => return Err(BindError::NoTls),
        };
        let socket = SocketId::from_u64(self.next_socket.take());
        self.sockets.insert(socket, transport);
        out.push(Output::Bind { socket, kind, addr, port });
        Ok(socket)
    }

    /// Asks for a socket to be closed. The connections that were accepted on it stay.
    ///
    /// # Errors
    /// When there is no such socket.
    pub fn unbind(&mut self, id: SocketId, out: &mut Outbox<Output>) -> Result<(), BindError> {
        match self.sockets.get_mut(id) {
            Some(socket) if socket.state != SocketState::Closing => {
                socket.state = SocketState::Closing;
                out.push(Output::Unbind { socket: id });
                Ok(())
            }
            Some(_) | None => Err(BindError::Unknown(id)),
        }
    }

    /// TLS is done so from now on, or not at all. Sockets and connections stay as they are, and new requests take none of those connections.
    pub fn set_tls(&mut self, tls: Option<TlsConfig>) {
        self.config.tls = tls;
        self.connections.withdraw_all(Transport::Tls);
    }

    /// The sockets of a transport that are bound or about to be, with the address of those that are.
    pub fn sockets(&self, transport: Transport) -> impl Iterator<Item = (SocketId, Option<SocketAddr>)> {
        let of = move |socket: &Socket| socket.transport == transport && socket.state != SocketState::Closing;
        self.sockets.iter().filter(move |(_, socket)| of(socket)).map(|(id, socket)| (id, socket.bound()))
    }

    /// The driver bound a socket.
    pub fn socket_bound(&mut self, id: SocketId, local: SocketAddr, out: &mut Outbox<Output>) {
        match self.sockets.get_mut(id) {
            Some(socket) if socket.state == SocketState::Binding => {
                socket.state = SocketState::Bound(local);
                out.push(Output::Listening { socket: id, transport: socket.transport, local });
            }
            // It was bound while it was asked to close: the closing follows.
            Some(socket) if socket.state == SocketState::Closing => {}
            Some(_) | None => self.counters.driver_faults += 1,
        }
    }

    /// The driver could not bind a socket, or it broke.
    pub fn socket_failed(&mut self, id: SocketId, cause: CloseCause, out: &mut Outbox<Output>) {
        self.keeping.forget_on(id);
        match self.sockets.remove(id) {
            Some(socket) if socket.state == SocketState::Closing => {
                out.push(Output::SocketClosed { socket: id, transport: socket.transport });
            }
            Some(socket) => out.push(Output::SocketFailed { socket: id, transport: socket.transport, cause }),
            None => self.counters.driver_faults += 1,
        }
    }

    /// The driver closed a socket.
    pub fn socket_closed(&mut self, id: SocketId, out: &mut Outbox<Output>) {
        match self.sockets.get(id).map(|socket| socket.state) {
            // Nobody asked for it.
            Some(SocketState::Binding | SocketState::Bound(_)) => {
                self.counters.driver_faults += 1;
                self.socket_failed(id, CloseCause::Local, out);
            }
            Some(SocketState::Closing) => self.socket_failed(id, CloseCause::Local, out),
            None => self.counters.driver_faults += 1,
        }
    }

    /// The local address and port that the Via, the Contact and the session description toward this route carry.
    #[must_use]
    pub fn local(&self, route: Route) -> Local {
        match self.sockets.local(route, None) {
            Ok((_, local)) => Local::Known(local),
            Err(NoLocal::Ask) => Local::Ask { toward: route.socket_addr() },
            Err(NoLocal::NoSocket) => Local::NoSocket,
            Err(NoLocal::NoRoute) => Local::NoRoute,
        }
    }

    /// The operating system's answer to [`Local::Ask`]: which local address packets to `toward` carry, `None` where there is no way.
    pub fn learn_local(&mut self, toward: IpAddr, local: Option<IpAddr>) {
        self.sockets.learn(toward, local, self.config.limits.local_addresses);
    }

    /// The network changed: what [`learn_local`](Self::learn_local) told holds no longer.
    pub fn forget_local(&mut self) {
        self.sockets.forget();
    }

    /// Keeps a connection open although it is idle, until as many [`release`](Self::release)s. Of no effect on datagrams, and on what is gone.
    pub fn hold(&mut self, flow: Flow) {
        if let Some(conn) = flow.conn()
            && let Some(connection) = self.connections.get_mut(conn)
        {
            connection.holds = connection.holds.saturating_add(1);
            self.connections.settle(conn, &self.config.limits);
        }
    }

    /// Takes back a [`hold`](Self::hold): the connection may be closed once it is idle for long enough.
    pub fn release(&mut self, now: Instant, flow: Flow) {
        if let Some(conn) = flow.conn()
            && let Some(connection) = self.connections.get_mut(conn)
        {
            connection.holds = connection.holds.saturating_sub(1);
            if connection.state == State::Open {
                connection.used = connection.used.max(now);
            }
            self.connections.settle(conn, &self.config.limits);
        }
    }

    /// Whether there is a socket of this transport, bound or about to be.
    #[must_use]
    pub fn listens(&self, transport: Transport) -> bool {
        self.sockets(transport).next().is_some()
    }

    /// The local address and the peer's of a flow, while it is there.
    #[must_use]
    pub fn ends(&self, flow: Flow) -> Option<(SocketAddr, SocketAddr)> {
        match flow {
            Flow::Datagram { socket, peer } => Some((self.sockets.get(socket)?.bound()?, peer)),
            Flow::Stream(conn) => self.connections.get(conn).and_then(|on| Some((on.local?, on.peer))),
        }
    }

    /// The transport of a flow, while it is there.
    #[must_use]
    pub fn transport(&self, flow: Flow) -> Option<Transport> {
        match flow {
            Flow::Datagram { .. } => Some(Transport::Udp),
            Flow::Stream(conn) => self.connections.get(conn).map(|connection| connection.transport),
        }
    }

    /// How many more bytes this connection may be fed now. 0 while the peer does not read what it is sent, from the time that more than half of
    /// [`Limits::write_bytes`] waits until a quarter does; [`Output::Resume`] tells of the end of that.
    #[must_use]
    pub fn read_budget(&self, conn: ConnId) -> usize {
        match self.connections.get(conn) {
            Some(connection) if connection.is_usable() && !connection.paused => self.config.limits.read_bytes,
            Some(_) | None => 0,
        }
    }

    /// When [`timeout`](Self::timeout) is next wanted.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        earliest(self.connections.deadline(), self.keeping.deadline())
    }

    /// Time has passed: closes connections that took too long to open, to complete a message or to close, and those that are idle; sends keep-alives.
    pub fn timeout(&mut self, now: Instant, out: &mut Outbox<Output>) {
        self.keep_alive_due(now, out);
        while let Some(conn) = self.connections.due(now) {
            let Some(connection) = self.connections.get_mut(conn) else { return };
            let (flow, from) = (Flow::Stream(conn), connection.peer);
            match connection.state {
                State::Opening => self.fail(now, conn, CloseCause::TimedOut, CloseHow::Abort, out),
                State::Open if connection.message_due(&self.config.limits).is_some_and(|due| due <= now) => {
                    self.counters.malformed += 1;
                    out.push(Output::Malformed { flow, from, fault: Malformed::TooSlow, answered: None });
                    self.fail(now, conn, CloseCause::TimedOut, CloseHow::Abort, out);
                }
                State::Open => self.fail(now, conn, CloseCause::Local, CloseHow::Flush, out),
                State::Closing => {
                    connection.aborted = true;
                    out.push(Output::Close { conn, how: CloseHow::Abort });
                    self.connections.settle(conn, &self.config.limits);
                }
            }
        }
    }

    /// Ends everything: what was handed over is written, then all connections and sockets close. Nothing is sent or taken in any more.
    pub fn shut_down(&mut self, now: Instant, out: &mut Outbox<Output>) {
        self.shutting_down = true;
        self.keeping.clear();
        for conn in self.connections.ids() {
            let how = match self.connections.get(conn).map(|connection| connection.state) {
                Some(State::Open) => CloseHow::Flush,
                Some(State::Opening) => CloseHow::Abort,
                Some(State::Closing) | None => continue,
            };
            self.fail(now, conn, CloseCause::Local, how, out);
        }
        for (socket, entry) in self.sockets.iter_mut() {
            if entry.state != SocketState::Closing {
                entry.state = SocketState::Closing;
                out.push(Output::Unbind { socket });
            }
        }
    }

    /// Whether nothing is owed to anyone: nothing opens or closes, nothing waits to be written or to be completed, nobody holds a connection.
    /// Sockets that are bound and connections that idle may remain; after [`shut_down`](Self::shut_down) they may not.
    #[must_use]
    pub fn is_quiescent(&self) -> bool {
        if self.shutting_down {
            return self.connections.iter().next().is_none() && self.sockets.iter().next().is_none();
        }
        self.connections.iter().all(Connection::is_idle)
            && self.sockets.iter().all(|(_, socket)| socket.bound().is_some())
    }

    /// How many connections there are, those that open or close included.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.iter().count()
    }

    /// What was counted.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// The security of connections that we open over this transport; `None` where it has none.
    pub(super) fn security(&self, transport: Transport, server: &Server) -> Option<Security> {
        match transport {
            Transport::Udp => None,
            Transport::Tcp => Some(Security::Plain),
            Transport::Tls => self.config.tls.as_ref().map(|tls| tls.security(server.policy, server.domain.as_ref())),
        }
    }

    pub(super) const fn check_running(&self) -> Result<(), SendError> {
        if self.shutting_down { Err(SendError::ShuttingDown) } else { Ok(()) }
    }

    /// Remembers what our Vias carry.
    pub(super) fn remember_sent_by(&mut self, transport: Transport, local: SocketAddr) {
        let value = (transport, local.ip(), local.port());
        if self.sent_by.front() == Some(&value) {
            return;
        }
        self.sent_by.retain(|known| *known != value);
        self.sent_by.truncate(SENT_BY - 1);
        self.sent_by.push_front(value);
    }
}

impl TlsConfig {
    fn security(&self, policy: TlsPolicy, server: Option<&Host>) -> Security {
        let server_name = server.and_then(|server| match server {
            Host::Name(name) => Some(name.detached()),
            // Addresses are not asked for in SNI (RFC 6066 section 3).
            Host::V4(_) | Host::V6(_) => None,
        });
        Security::Tls { identity: self.identity.clone(), server_name, policy }
    }
}
