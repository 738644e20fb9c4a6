//! Sending: the choice of transport and flow, the Via of a request, the way of a response (RFC 3261 sections 18.1.1 and 18.2.2, RFC 3581).

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;

use super::connection::{Fallback, State};
use super::output::{Output, SendError, Sent};
use super::socket::NoLocal;
use super::stream::Server;
use super::{Flow, Route, TlsPolicy, Transport, Transports, reply};
use crate::id::{ConnId, SocketId};
use crate::outbox::Outbox;
use crate::sip::{Host, Request, Response, Text, Uri, Via};
use crate::time::Instant;

/// Where a request is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// To an address, over whatever flow there is or can be had.
    Route(Route),
    /// The same, with this asked of the certificate there, whatever the configuration says.
    Judged(Route, TlsPolicy),
    /// On a flow that is known already, such as the one its dialog was made on.
    Flow(Flow),
}

impl From<Route> for Target {
    fn from(route: Route) -> Self {
        Self::Route(route)
    }
}

impl From<Flow> for Target {
    fn from(flow: Flow) -> Self {
        Self::Flow(flow)
    }
}

impl Transports {
    /// Sends a request that has no Via of ours yet, with one of this branch on top: [`prepare_request`](Self::prepare_request) and then
    /// [`send_on`](Self::send_on).
    ///
    /// # Errors
    /// As both of them. Nothing was sent.
    pub fn send_request(
        &mut self,
        now: Instant,
        target: impl Into<Target>,
        request: &Request,
        branch: &str,
        out: &mut Outbox<Output>,
    ) -> Result<Sent, SendError> {
        let sent = self.prepare_request(now, target, request, branch, out)?;
        self.send_on(now, sent.flow, sent.request.bytes().clone(), out)?;
        Ok(sent)
    }

    /// Chooses the flow of a request, opens a connection where one is needed, and puts the Via on top. What comes back is sent in the
    /// same call of the layer above, by [`send_on`](Self::send_on): a transaction may do that.
    ///
    /// A request for UDP that is larger than [`datagram_bytes`](super::TransportConfig::datagram_bytes) goes over TCP, if we listen for TCP,
    /// and comes back to UDP by [`Output::FellBack`] if nobody listens for TCP there. Over TCP and TLS the connection that is there
    /// is used, or one is opened and what is sent waits for it.
    ///
    /// # Errors
    /// When there is no socket, no local address, no connection or no room for it.
    pub fn prepare_request(
        &mut self,
        now: Instant,
        target: impl Into<Target>,
        request: &Request,
        branch: &str,
        out: &mut Outbox<Output>,
    ) -> Result<Sent, SendError> {
        self.check_running()?;
        let draft = Draft { request, branch };
        let next = next_hop(request);
        let target = target.into();
        let (route, source) = match target {
            Target::Route(route) | Target::Judged(route, _) => (route, self.source(route, None)?),
            Target::Flow(Flow::Datagram { socket, peer }) => {
                self.check_datagrams(socket)?;
                let route = Route::new(Transport::Udp, peer);
                (route, self.sockets.local_of(socket, route).map_err(|why| no_source(route, why))?)
            }
            Target::Flow(Flow::Stream(conn)) => {
                let connection = self.connections.get(conn).filter(|c| c.is_usable()).ok_or(SendError::Gone)?;
                let route = Route::new(connection.transport, connection.peer);
                next.allows(route)?;
                let (_, local) = self.source(route, connection.local.map(|local| local.ip()))?;
                return self.on_stream(conn, draft.with_via(route, local), local);
            }
        };
        next.allows(route)?;
        if route.transport.is_reliable() {
            let policy = if let Target::Judged(_, policy) = target { policy } else { self.servers() };
            return self.over_stream(now, route, Server { domain: next.domain, policy }, source.1, draft, out);
        }
        let request = draft.with_via(route, source.1);
        if request.bytes().len() > self.config.datagram_bytes && !route.address.is_multicast() {
            let tcp = Route { transport: Transport::Tcp, ..route };
            // From another address than the datagram's it might not get there.
            let local = self.source(tcp, Some(source.1.ip())).map(|(_, local)| local);
            if let Some(local) = local.ok().filter(|local| local.ip() == source.1.ip()) {
                let server = Server { domain: next.domain, policy: self.servers() };
                let sent = self.over_stream(now, tcp, server, local, draft, out)?;
                self.remember_way_back(sent.flow, Fallback { route, source, branch: Text::from(branch), request });
                return Ok(sent);
            }
        }
        Ok(self.as_datagram(route, source, request))
    }

    /// Sends a response to a request that came on this flow to where its top Via says: back on the connection, or on a new one if that is
    /// gone; as a datagram from the socket the request came to. Tells the flow that it took, for retransmissions by
    /// [`send_on`](Self::send_on); [`Received::reply`](super::Received::reply) knows it beforehand.
    ///
    /// # Errors
    /// When there is no way, or no room.
    pub fn send_response(
        &mut self,
        now: Instant,
        flow: Flow,
        response: &Response,
        out: &mut Outbox<Output>,
    ) -> Result<Flow, SendError> {
        self.check_running()?;
        let flow = match flow {
            Flow::Datagram { socket, peer } => {
                // A Via that cannot be read names no place: the answer goes back to where the request came from.
                let peer = response.via().map_or(peer, |via| reply::datagram_target(&via, peer));
                Flow::Datagram { socket, peer }
            }
            Flow::Stream(conn) if self.connections.get(conn).is_some_and(|c| c.is_usable()) => flow,
            Flow::Stream(_) => {
                let via = response.via().map_err(|_| SendError::NoAddress)?;
                let route = reply::stream_target(&via).ok_or(SendError::NoAddress)?;
                let server = Server { domain: Some(via.host), policy: self.servers() };
                Flow::Stream(self.connect(now, route, server, None, out)?)
            }
        };
        self.send_on(now, flow, response.bytes().clone(), out)?;
        Ok(flow)
    }

    /// Sends the bytes of a message on a flow: retransmissions, and what sticks to the flow of an earlier message.
    ///
    /// # Errors
    /// When the flow is gone, or too much waits to be written on it.
    pub fn send_on(
        &mut self,
        now: Instant,
        flow: Flow,
        data: Bytes,
        out: &mut Outbox<Output>,
    ) -> Result<(), SendError> {
        self.check_running()?;
        match flow {
            Flow::Datagram { socket, peer } => {
                self.check_datagrams(socket)?;
                out.push(Output::Send { on: socket, to: peer, data });
            }
            Flow::Stream(conn) => self.write(now, conn, data, out)?,
        }
        self.counters.sent += 1;
        Ok(())
    }

    fn as_datagram(&mut self, route: Route, (socket, local): (SocketId, SocketAddr), request: Request) -> Sent {
        self.remember_sent_by(Transport::Udp, local);
        let flow = Flow::Datagram { socket, peer: route.socket_addr() };
        Sent { flow, transport: Transport::Udp, request }
    }

    fn over_stream(
        &mut self,
        now: Instant,
        route: Route,
        server: Server,
        local: SocketAddr,
        draft: Draft<'_>,
        out: &mut Outbox<Output>,
    ) -> Result<Sent, SendError> {
        let request = draft.with_via(route, local);
        if request.bytes().len() > self.config.limits.write_bytes {
            return Err(SendError::Full);
        }
        let from = self.sockets.is_bound_to(route.transport, local).then(|| local.ip());
        let conn = self.connect(now, route, server, from, out)?;
        self.on_stream(conn, request, local)
    }

    fn on_stream(&mut self, conn: ConnId, request: Request, local: SocketAddr) -> Result<Sent, SendError> {
        let connection = self.connections.get(conn).ok_or(SendError::Gone)?;
        if connection.backlog.saturating_add(request.bytes().len()) > self.config.limits.write_bytes {
            return Err(SendError::Full);
        }
        let transport = connection.transport;
        self.remember_sent_by(transport, local);
        Ok(Sent { flow: Flow::Stream(conn), transport, request })
    }

    /// If the connection cannot be opened, there is a way back.
    fn remember_way_back(&mut self, flow: Flow, fallback: Fallback) {
        let connection = flow.conn().and_then(|conn| self.connections.get_mut(conn));
        if let Some(connection) = connection.filter(|connection| connection.state == State::Opening) {
            connection.fallbacks.push(fallback);
        }
    }

    /// Nobody listens for TCP where a large request was to go: sends it over UDP after all.
    pub(super) fn fall_back(&mut self, failed: Flow, fallback: Fallback, out: &mut Outbox<Output>) {
        let Fallback { route, source, request, branch } = fallback;
        if self.check_datagrams(source.0).is_err() {
            return;
        }
        let sent = self.as_datagram(route, source, request);
        out.push(Output::Send { on: source.0, to: route.socket_addr(), data: sent.request.bytes().clone() });
        self.counters.sent += 1;
        out.push(Output::FellBack { failed, branch, sent });
    }

    /// The socket for a route, and the address that the peer there sees; `seen` is that address, where it is known.
    fn source(&self, route: Route, seen: Option<IpAddr>) -> Result<(SocketId, SocketAddr), SendError> {
        self.sockets.local(route, seen).map_err(|why| no_source(route, why))
    }

    /// Whether datagrams can be sent from this socket.
    fn check_datagrams(&self, socket: SocketId) -> Result<(), SendError> {
        let entry = self.sockets.get(socket).filter(|entry| entry.transport == Transport::Udp);
        entry.and_then(|entry| entry.bound()).map(|_| ()).ok_or(SendError::Gone)
    }
}

/// What the next URI on the way of a request says: that of the topmost Route, or else the Request-URI.
struct NextHop {
    /// The domain that its peer must be able to speak for (RFC 5922 section 7.3).
    domain: Option<Host>,
    is_secure: bool,
}

fn next_hop(request: &Request) -> NextHop {
    let uri = match request.routes().next() {
        Some(Ok(route)) => Some(route.uri),
        Some(Err(_)) => None,
        None => request.uri().ok(),
    };
    let to_sips = request.uri().is_ok_and(|uri| is_secure(&uri));
    let is_secure = to_sips || uri.as_ref().is_some_and(is_secure);
    let domain = uri.and_then(|uri| uri.as_sip().map(|uri| uri.host.clone()));
    NextHop { domain, is_secure }
}

fn is_secure(uri: &Uri) -> bool {
    uri.as_sip().is_some_and(|uri| uri.secure)
}

impl NextHop {
    /// What is meant for `sips` leaves over TLS only (RFC 3261 section 26.2.2).
    const fn allows(&self, route: Route) -> Result<(), SendError> {
        match route.transport {
            Transport::Udp | Transport::Tcp if self.is_secure => Err(SendError::Insecure(route.transport)),
            Transport::Udp | Transport::Tcp | Transport::Tls => Ok(()),
        }
    }
}

/// A request without its Via, and the branch that this will have.
#[derive(Clone, Copy)]
struct Draft<'a> {
    request: &'a Request,
    branch: &'a str,
}

impl Draft<'_> {
    /// The request as it goes out. On UDP its Via asks for `rport` (RFC 3581 section 3), and toward a multicast group it names the group.
    fn with_via(self, route: Route, local: SocketAddr) -> Request {
        let via = Via::new(route.transport.via(), Host::from(local.ip()), Some(local.port()));
        let mut via = via.with_param("branch", Some(self.branch));
        if route.transport == Transport::Udp {
            via = via.with_param("rport", None);
            if route.address.is_multicast() {
                via = via.with_param("maddr", Some(&Host::from(route.address).to_string()));
            }
            if route.address.is_ipv4() && route.address.is_multicast() {
                via = via.with_param("ttl", Some("1"));
            }
        }
        self.request.with_via(&via)
    }
}

/// Why a request cannot take this route.
const fn no_source(route: Route, why: NoLocal) -> SendError {
    let to = route.socket_addr();
    match why {
        NoLocal::Ask => SendError::LocalUnknown(to),
        NoLocal::NoSocket => SendError::NoSocket(route.transport, to),
        NoLocal::NoRoute => SendError::NoRoute(to),
    }
}
