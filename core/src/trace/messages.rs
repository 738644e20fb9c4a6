//! The SIP messages in a trace.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bytes::{Bytes, BytesMut};

use super::Entry;
use crate::agent::{ConnectionEvent, Effect, Input, SocketEvent};
use crate::dns::Resolver;
use crate::id::{ConnId, SocketId};
use crate::sip::frame;
use crate::time::Instant;
use crate::transport::Transport;

/// One SIP message of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracedMessage {
    /// When it came, or was sent.
    pub at: Instant,
    /// Whether the agent sent it.
    pub sent: bool,
    /// The transport.
    pub transport: Transport,
    /// The agent's address.
    pub local: SocketAddr,
    /// The peer's.
    pub peer: SocketAddr,
    /// The message. It may hold secrets: see [`mask`](super::mask).
    pub data: Bytes,
}

/// Finds the messages while the entries of a trace go by.
#[derive(Debug, Default)]
pub struct Messages {
    now: Instant,
    sockets: BTreeMap<SocketId, SocketAddr>,
    connections: BTreeMap<ConnId, Connection>,
}

#[derive(Debug)]
struct Connection {
    transport: Transport,
    local: SocketAddr,
    peer: SocketAddr,
    sent: BytesMut,
    received: BytesMut,
}

const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

impl Messages {
    /// The messages that this entry completes, in order.
    pub fn entry(&mut self, entry: &Entry) -> Vec<TracedMessage> {
        match entry {
            Entry::Header(_) | Entry::Event(_) => Vec::new(),
            Entry::Intent { at, .. } => {
                self.now = *at;
                Vec::new()
            }
            Entry::Input { at, input } => {
                self.now = *at;
                self.input(input)
            }
            Entry::Effect(effect) => self.effect(effect),
        }
    }

    fn input(&mut self, input: &Input) -> Vec<TracedMessage> {
        match input {
            Input::Socket { socket, event: SocketEvent::Bound { local } } => {
                self.sockets.insert(*socket, *local);
                Vec::new()
            }
            Input::Datagram { socket, from, to, data, .. } => self.datagram(false, *socket, *from, *to, data),
            // What a stream of a session listens for is not SIP.
            Input::Accepted { on, .. } if on.stream().is_some() || on.is_msrp() => Vec::new(),
            Input::Accepted { conn, on, peer } => {
                let local = self.sockets.get(on).copied().unwrap_or(NOWHERE);
                self.open(*conn, local, *peer, false);
                Vec::new()
            }
            Input::Stream { conn, event: ConnectionEvent::Open { local, peer, tls } }
                if !conn.is_accepted() || self.connections.contains_key(conn) =>
            {
                self.open(*conn, *local, *peer, tls.is_some());
                Vec::new()
            }
            Input::Stream { conn, event: ConnectionEvent::Data(data) } => self.stream(false, *conn, data),
            Input::Stream { conn, event: ConnectionEvent::Closed(_) } => {
                self.connections.remove(conn);
                Vec::new()
            }
            Input::Stream { .. }
            | Input::Socket { .. }
            | Input::Tick { .. }
            | Input::Media { .. }
            | Input::Undelivered { .. }
            | Input::Answer { .. }
            | Input::Network(_)
            | Input::Nameservers(_)
            | Input::Certificate { .. }
            | Input::Reseed(_) => Vec::new(),
        }
    }

    fn effect(&mut self, effect: &Effect) -> Vec<TracedMessage> {
        match effect {
            Effect::Send { on, to, data } => self.datagram(true, *on, *to, None, data),
            Effect::Write { conn, data } => self.stream(true, *conn, data),
            Effect::Bind { .. }
            | Effect::Unbind { .. }
            | Effect::Open { .. }
            | Effect::Close { .. }
            | Effect::Resume(_)
            | Effect::Ask { .. }
            | Effect::Abandon { .. }
            | Effect::Media { .. } => Vec::new(),
        }
    }

    fn open(&mut self, conn: ConnId, local: SocketAddr, peer: SocketAddr, secured: bool) {
        if Resolver::owns_connection(conn) {
            return;
        }
        let transport = if secured { Transport::Tls } else { Transport::Tcp };
        let (sent, received) = (BytesMut::new(), BytesMut::new());
        self.connections.insert(conn, Connection { transport, local, peer, sent, received });
    }

    fn datagram(
        &self,
        sent: bool,
        socket: SocketId,
        peer: SocketAddr,
        to: Option<IpAddr>,
        data: &Bytes,
    ) -> Vec<TracedMessage> {
        let mut local = self.sockets.get(&socket).copied().unwrap_or(NOWHERE);
        if let Some(to) = to {
            local.set_ip(to);
        }
        // Keep-alives and DNS are not messages.
        if Resolver::owns_socket(socket) || data.iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0) {
            return Vec::new();
        }
        vec![TracedMessage { at: self.now, sent, transport: Transport::Udp, local, peer, data: data.clone() }]
    }

    fn stream(&mut self, sent: bool, conn: ConnId, data: &Bytes) -> Vec<TracedMessage> {
        let at = self.now;
        let Some(connection) = self.connections.get_mut(&conn) else { return Vec::new() };
        let (transport, local, peer) = (connection.transport, connection.local, connection.peer);
        let buffer = if sent { &mut connection.sent } else { &mut connection.received };
        buffer.extend_from_slice(data);
        let mut messages = Vec::new();
        loop {
            let blank = buffer.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            let _ = buffer.split_to(blank);
            let Some(head) = frame::head_len(buffer) else { break };
            let body = buffer.get(..head).and_then(|head| frame::content_length(head).ok().flatten()).unwrap_or(0);
            if buffer.len() < head + body {
                break;
            }
            let data = buffer.split_to(head + body).freeze();
            messages.push(TracedMessage { at, sent, transport, local, peer, data });
        }
        messages
    }
}
