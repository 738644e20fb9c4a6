//! The transports against a driver that is a script: every rule as a table, over IPv4 and IPv6.

mod connections;
mod datagrams;
mod hostile;
mod keep_alive;
mod requests;
mod responses;
mod streams;
mod tls;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::id::{ConnId, SocketId};
use crate::limits::Limits;
use crate::outbox::Outbox;
use crate::sip::{Message, Received as Source, Request, Response};
use crate::time::Instant;

/// The transports, their out-queue, and the time.
struct World {
    t: Transports,
    out: Outbox<Output>,
    now: Instant,
    accepted: u64,
}

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn route(text: &str) -> Route {
    text.parse().unwrap()
}

impl World {
    fn new() -> Self {
        Self::with(TransportConfig::default())
    }

    fn with(config: TransportConfig) -> Self {
        Self { t: Transports::new(config), out: Outbox::new(), now: Instant::from_millis(1000), accepted: 0 }
    }

    fn limited(change: impl FnOnce(&mut Limits)) -> Self {
        let mut config = TransportConfig::default();
        change(&mut config.limits);
        Self::with(config)
    }

    /// A socket that the driver has bound, as in `udp:127.0.0.1:5060`.
    fn listen(&mut self, at: &str) -> SocketId {
        let Route { transport, address, port } = route(at);
        let socket = self.t.bind(transport, address, Port::Fixed(port), &mut self.out).unwrap();
        self.t.socket_bound(socket, SocketAddr::new(address, port), &mut self.out);
        self.lines();
        socket
    }

    /// A connection that a peer opened to this socket, and that is ready.
    fn accept(&mut self, on: SocketId, peer: &str) -> ConnId {
        let conn = self.accept_only(on, peer);
        let peer = addr(peer);
        let local = if peer.is_ipv4() { "192.0.2.9:5060" } else { "[2001:db8::9]:5060" };
        self.t.opened(self.now, conn, addr(local), peer, None, &mut self.out);
        conn
    }

    fn accept_only(&mut self, on: SocketId, peer: &str) -> ConnId {
        let conn = ConnId::accepted(self.accepted);
        self.accepted += 1;
        self.t.accepted(self.now, conn, on, addr(peer), &mut self.out);
        conn
    }

    /// A connection of ours that the driver has opened.
    fn opened(&mut self, conn: ConnId, peer: &str) {
        let local = if addr(peer).is_ipv4() { "192.0.2.9:40000" } else { "[2001:db8::9]:40000" };
        self.t.opened(self.now, conn, addr(local), addr(peer), None, &mut self.out);
    }

    fn datagram(&mut self, socket: SocketId, from: &str, data: impl Into<Bytes>) {
        self.t.datagram(self.now, socket, addr(from), None, data.into(), &mut self.out);
    }

    fn data(&mut self, conn: ConnId, data: impl Into<Bytes>) {
        self.t.data(self.now, conn, data.into(), &mut self.out);
    }

    fn send(&mut self, target: impl Into<Target>, request: &Request, branch: &str) -> Result<Sent, SendError> {
        self.t.send_request(self.now, target, request, branch, &mut self.out)
    }

    fn closed(&mut self, conn: ConnId, cause: CloseCause) {
        self.t.closed(conn, cause, &mut self.out);
    }

    /// Lets time pass, and stops wherever the transports asked to be woken.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.t.deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.t.timeout(self.now, &mut self.out);
            assert!(self.t.deadline().is_none_or(|next| next > self.now), "woken for nothing");
        }
        self.now = end;
    }

    /// What came out, as it is.
    fn outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.out.pop()).collect()
    }

    /// What came out, a line each.
    fn lines(&mut self) -> Vec<String> {
        self.outputs().iter().map(line).collect()
    }

    /// The messages that came out.
    fn received(&mut self) -> Vec<Received> {
        let only = |output| if let Output::Received(received) = output { Some(*received) } else { None };
        self.outputs().into_iter().filter_map(only).collect()
    }
}

/// An output in one line: of messages, the start line and the top Via.
fn line(output: &Output) -> String {
    match output {
        Output::Bind { socket, kind, addr, port } => format!("bind {socket} {kind:?} {addr} {port:?}"),
        Output::Unbind { socket } => format!("unbind {socket}"),
        Output::Send { on, to, data } => format!("send {on} {to}: {}", gist(data)),
        Output::Open { conn, to, security, from } => {
            let mut text = format!("open {conn} {to}");
            if *security != Security::Plain {
                write!(text, " {security:?}").unwrap();
            }
            if let Some(from) = from {
                write!(text, " from {from}").unwrap();
            }
            text
        }
        Output::Write { conn, data } => format!("write {conn}: {}", gist(data)),
        Output::Close { conn, how } => format!("close {conn} {how:?}"),
        Output::Resume(conn) => format!("resume {conn}"),
        Output::Listening { socket, transport, local } => format!("listening {socket} {transport} {local}"),
        Output::SocketFailed { socket, transport, cause } => format!("failed {socket} {transport}: {cause}"),
        Output::SocketClosed { socket, transport } => format!("closed {socket} {transport}"),
        Output::Received(received) => {
            let Received { flow, from, message, .. } = &**received;
            format!("received {} {from}: {}", way(*flow), gist(message.bytes()))
        }
        Output::Malformed { flow, fault, answered, .. } => match answered {
            Some(code) => format!("malformed {}: {fault} -> {code}", way(*flow)),
            None => format!("malformed {}: {fault}", way(*flow)),
        },
        Output::FellBack { failed, branch, sent } => {
            format!("fell back {} {branch}: {} {}", way(*failed), way(sent.flow), sent.transport)
        }
        Output::PublicAddress { flow, public } => format!("public address of {}: {public}", way(*flow)),
        Output::FlowFailed { flow, cause } => format!("flow failed {}: {cause}", way(*flow)),
    }
}

fn way(flow: Flow) -> String {
    match flow {
        Flow::Datagram { socket, peer } => format!("{socket} {peer}"),
        Flow::Stream(conn) => conn.to_string(),
    }
}

fn gist(data: &Bytes) -> String {
    match Message::parse(data.clone(), &Limits::default()) {
        Ok(message) => {
            let start = std::str::from_utf8(data).unwrap().lines().next().unwrap();
            let via = message.headers().via().unwrap();
            format!("{} | {via}", start.replace(" SIP/2.0", "").replace("SIP/2.0 ", ""))
        }
        Err(_) => format!("{:?}", String::from_utf8_lossy(data)),
    }
}

/// The text of a request with this Via and body.
fn text(method: &str, via: &str, body: &str) -> String {
    format!(
        "{method} sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/{via}\r\nMax-Forwards: 70\r\nFrom: <sip:alice@example.com>;tag=a\r\n\
         To: <sip:bob@example.com>\r\nCall-ID: c1\r\nCSeq: 1 {method}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The text of a response with these Via fields.
fn answer(code: u16, vias: &[&str]) -> String {
    let mut text = format!("SIP/2.0 {code} X\r\n");
    for via in vias {
        write!(text, "Via: SIP/2.0/{via}\r\n").unwrap();
    }
    text.push_str(
        "From: <sip:alice@example.com>;tag=a\r\nTo: <sip:bob@example.com>;tag=b\r\nCall-ID: c1\r\nCSeq: 1 OPTIONS\r\n",
    );
    text.push_str("Content-Length: 0\r\n\r\n");
    text
}

fn parse(text: impl Into<Bytes>) -> Message {
    Message::parse(text.into(), &Limits::default()).unwrap()
}

/// A request without a Via, of this many bytes or as few as there can be.
fn request(bytes: usize) -> Request {
    let text = |len: usize| {
        format!(
            "OPTIONS sip:bob@example.com SIP/2.0\r\nMax-Forwards: 70\r\nFrom: <sip:alice@example.com>;tag=a\r\nTo: <sip:bob@example.com>\r\n\
             Call-ID: c1\r\nCSeq: 1 OPTIONS\r\nSubject: {}\r\nContent-Length: 0\r\n\r\n",
            "x".repeat(len)
        )
    };
    let least = text(1).len();
    match parse(text(bytes.saturating_sub(least) + 1)) {
        Message::Request(request) => request,
        Message::Response(_) => unreachable!(),
    }
}

/// The response to a request, as a server makes it.
fn reply(received: &Received, code: u16) -> Response {
    let request = received.message.as_request().unwrap();
    Response::reply(request, code, None, Some("b"), Some(&Source { from: received.from })).finish().unwrap()
}
