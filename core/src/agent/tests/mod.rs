//! The agent alone, against scripted messages: what no single room can show.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

mod accounts;
mod dialogs;
mod events;
mod inside;
mod local_address;
mod location;
mod nat;
mod relay;
mod replay;
mod requests;
mod secure;
mod sessions;
mod settings;
mod shutdown;
mod supervised;
mod traced;
mod transfers;

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::id::{AccountId, AskId, SessionId, SocketId, StreamId};
use crate::media::{self, Candidate, Component};
use crate::session::SessionEvent;
use crate::sip::{HeaderName, Message, Request, Response};
use crate::stream::{AudioSpec, StreamSpec};
use crate::transport::{CloseCause, Port, Route, Security, Transport};

const PEER: &str = "192.0.2.4:5060";
const OURS: &str = "192.0.2.9";
const OFFER: &str =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.4\r\ns=-\r\nc=IN IP4 192.0.2.4\r\nt=0 0\r\nm=audio 4002 RTP/AVP 0\r\n";

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// Where something was written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Datagram(SocketAddr),
    Stream(ConnId),
}

/// An agent with a driver that does what it is asked, but answers questions only when told.
struct Script {
    agent: Agent,
    now: Instant,
    sent: VecDeque<(Way, Message)>,
    keep_alives: Vec<Bytes>,
    /// What was written on connections to MSRP relays.
    msrp: Vec<String>,
    opened: Vec<(ConnId, SocketAddr)>,
    /// What was asked of the connections that were opened.
    securities: Vec<Security>,
    asked: Vec<(AskId, SocketAddr)>,
    /// Questions about stored settings.
    desk: VecDeque<(AskId, Question)>,
    /// What sockets there were to be bound, with their ports, and to be closed.
    bound: Vec<(SocketId, IpAddr, Port)>,
    unbound: Vec<SocketId>,
    abandoned: Vec<AskId>,
    events: Vec<EventKind>,
    udp: SocketId,
    /// Streams that were told to start; they do at once, unless somebody `delays` them.
    starting: Vec<StreamId>,
    delays: bool,
    /// Where the streams' packets go, as they were told last.
    remote: Vec<(StreamId, Option<SocketAddr>)>,
    branches: u32,
}

impl Script {
    /// An agent that listens for UDP and TCP on port 5060 of this address, with an account for any user.
    fn new(listen: &str) -> Self {
        Self::with(listen, Config::default())
    }

    fn with(listen: &str, mut config: Config) -> Self {
        let ip: IpAddr = listen.parse().unwrap();
        for transport in [Transport::Udp, Transport::Tcp] {
            config.listen.push(Listen { transport, address: ip, port: Port::Fixed(5060) });
        }
        let agent = Agent::new_traced(config, Seed::from_u64(1), Instant::ZERO, Utc::default()).unwrap();
        let mut script = Self {
            agent,
            now: Instant::ZERO,
            sent: VecDeque::new(),
            keep_alives: Vec::new(),
            msrp: Vec::new(),
            opened: Vec::new(),
            securities: Vec::new(),
            asked: Vec::new(),
            desk: VecDeque::new(),
            bound: Vec::new(),
            unbound: Vec::new(),
            abandoned: Vec::new(),
            events: Vec::new(),
            udp: SocketId::from_u64(0),
            starting: Vec::new(),
            delays: false,
            remote: Vec::new(),
            branches: 0,
        };
        script.drain();
        let spec = AccountSpec { any_user: true, ..AccountSpec::new("sip:us@192.0.2.9") };
        script.intend(Intent::AddAccount(spec)).unwrap();
        script
    }

    fn intend(&mut self, intent: Intent) -> Result<Outcome, IntentError> {
        let result = self.agent.intend(self.now, intent);
        self.drain();
        result
    }

    fn handle(&mut self, input: Input) {
        self.agent.handle(self.now, input);
        self.drain();
    }

    /// Does what the agent asks.
    fn drain(&mut self) {
        loop {
            if let Some(effect) = self.agent.poll_effect() {
                self.effect(effect);
            } else if let Some(event) = self.agent.poll_event() {
                self.events.push(event.kind);
            } else {
                return;
            }
        }
    }

    fn effect(&mut self, effect: Effect) {
        let now = self.now;
        match effect {
            Effect::Bind { socket, addr, port, .. } => {
                self.bound.push((socket, addr, port));
                let local = SocketAddr::new(addr, 5060);
                self.agent.handle(now, Input::Socket { socket, event: SocketEvent::Bound { local } });
            }
            Effect::Unbind { socket } => {
                self.unbound.push(socket);
                self.agent.handle(now, Input::Socket { socket, event: SocketEvent::Closed });
            }
            Effect::Send { to, data, .. } => self.record(Way::Datagram(to), data),
            Effect::Write { conn, data } => {
                let drained = ConnectionEvent::Drained(data.len());
                self.record(Way::Stream(conn), data);
                self.agent.handle(now, Input::Stream { conn, event: drained });
            }
            Effect::Open { conn, to, security, .. } => {
                self.opened.push((conn, to));
                self.securities.push(security);
            }
            Effect::Close { conn, .. } => {
                self.agent.handle(now, Input::Stream { conn, event: ConnectionEvent::Closed(CloseCause::Local) });
            }
            Effect::Ask { ask, question: Question::LocalAddress { toward } } => self.asked.push((ask, toward)),
            Effect::Ask { ask, question } => self.desk.push_back((ask, question)),
            Effect::Abandon { ask } => self.abandoned.push(ask),
            Effect::Media { stream, command } => {
                if let media::Command::Start(parameters) | media::Command::Update(parameters) = &command {
                    self.remote.retain(|(known, _)| *known != stream);
                    self.remote.push((stream, parameters.remote_rtp));
                }
                let event = match command {
                    media::Command::Prepare(_) => {
                        let at = |component, port| Candidate {
                            component,
                            address: SocketAddr::new(OURS.parse().unwrap(), port),
                        };
                        media::Event::Ready { candidates: vec![at(Component::Rtp, 4000), at(Component::Rtcp, 4001)] }
                    }
                    media::Command::Start(_) if self.delays => {
                        self.starting.push(stream);
                        return;
                    }
                    media::Command::Start(_) => media::Event::Started,
                    _ => return,
                };
                self.agent.handle(now, Input::Media { stream, event });
            }
            Effect::Resume(_) => {}
        }
    }

    fn record(&mut self, way: Way, data: Bytes) {
        // Line breaks, and STUN.
        if matches!(data.first(), Some(0..4 | b'\r')) {
            self.keep_alives.push(data);
            return;
        }
        if data.starts_with(b"MSRP ") {
            self.msrp.push(String::from_utf8(data.to_vec()).unwrap());
            return;
        }
        self.sent.push_back((way, Message::parse(data, &crate::limits::Limits::default()).unwrap()));
    }

    /// The next request that was sent, responses left out.
    fn request(&mut self) -> Option<(Way, Request)> {
        std::iter::from_fn(|| self.sent.pop_front()).find_map(|(way, message)| match message {
            Message::Request(request) => Some((way, request)),
            Message::Response(_) => None,
        })
    }

    /// The status codes and To tags of the responses that were sent, requests left out, 100 too.
    fn answers(&mut self) -> Vec<(u16, Response)> {
        let sent = std::iter::from_fn(|| self.sent.pop_front());
        sent.filter_map(|(_, message)| match message {
            Message::Response(response) if response.code() > 100 => Some((response.code(), response)),
            Message::Response(_) | Message::Request(_) => None,
        })
        .collect()
    }

    /// The status codes of the responses that were sent, and the requests beside them.
    fn codes_and_requests(&mut self) -> (Vec<u16>, Vec<Request>) {
        let sent: Vec<Message> = self.sent.drain(..).map(|(_, message)| message).collect();
        let code = |message: &Message| message.as_response().map(Response::code).filter(|code| *code > 100);
        let codes = sent.iter().filter_map(code).collect();
        (codes, sent.into_iter().filter_map(|message| message.as_request().cloned()).collect())
    }

    fn codes(&mut self) -> Vec<u16> {
        self.answers().into_iter().map(|(code, _)| code).collect()
    }

    /// The driver answers all open questions.
    fn answer_asks(&mut self) {
        for (ask, _) in std::mem::take(&mut self.asked) {
            self.handle(Input::Answer { ask, answer: Answer::LocalAddress(Some(OURS.parse().unwrap())) });
        }
    }

    /// Lets time pass.
    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(deadline) = self.agent.poll_timeout().filter(|deadline| deadline.at <= until) {
            assert!(deadline.at > self.now || self.now == Instant::ZERO, "{deadline:?} again at {}", self.now);
            self.now = deadline.at;
            self.handle(Input::Tick { utc: None });
        }
        self.now = until;
    }

    fn datagram(&mut self, from: &str, text: impl Into<Vec<u8>>) {
        let (socket, data) = (self.udp, Bytes::from(text.into()));
        self.handle(Input::Datagram { socket, from: address(from), to: None, interface: None, ttl: None, data });
    }

    fn stream(&mut self, conn: ConnId, event: ConnectionEvent) {
        self.handle(Input::Stream { conn, event });
    }

    fn accepted(&mut self, number: u64, peer: &str) -> ConnId {
        let conn = ConnId::accepted(number);
        self.handle(Input::Accepted { conn, on: SocketId::from_u64(1), peer: address(peer) });
        let local = SocketAddr::new(OURS.parse().unwrap(), 5060);
        self.stream(conn, ConnectionEvent::Open { local, peer: address(peer), tls: None });
        conn
    }

    fn connect(&mut self, route: &str) -> SessionId {
        let connect = Intent::Connect {
            account: AccountId::from_u64(0),
            to: "sip:them@example.com".into(),
            routes: vec![route.parse::<Route>().unwrap()],
            streams: vec![StreamSpec::Audio(AudioSpec::default())],
            late_offer: false,
        };
        match self.intend(connect).unwrap() {
            Outcome::Session(session) => session,
            other => panic!("{other:?}"),
        }
    }

    /// Accepts a session with all of its streams.
    fn accept(&mut self, session: SessionId) {
        let streams = self.agent.session(self.now, session).unwrap().streams();
        self.intend(Intent::Accept { session, streams, relay_password: None }).unwrap();
    }

    /// A request of the peer, from a transaction of its own.
    fn theirs(&mut self, method: &str, cseq: u32, to: &str, more: &str, body: &str) -> String {
        self.branches += 1;
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        format!(
            "{method} sip:us@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP {PEER};branch=z9hG4bKp{}\r\nMax-Forwards: 70\r\n\
             From: \"Them\" <sip:them@example.com>;tag=them\r\nTo: <sip:us@192.0.2.9>{to}\r\nCall-ID: c\r\nCSeq: {cseq} {method}\r\n\
             {more}{kind}Content-Length: {}\r\n\r\n{body}",
            self.branches,
            body.len()
        )
    }

    /// An INVITE of the peer with an offer; the session, and the branch is the last one.
    fn called(&mut self, contact: &str) -> SessionId {
        let contact = format!("Contact: <{contact}>\r\n");
        let invite = self.theirs("INVITE", 1, "", &contact, OFFER);
        self.datagram(PEER, invite);
        self.incoming()
    }

    /// The last session that came in.
    fn incoming(&self) -> SessionId {
        let incoming = self.events.iter().rev().find_map(|event| match event {
            EventKind::Session { id, event: SessionEvent::NewIncoming { .. } } => Some(*id),
            _ => None,
        });
        incoming.expect("a session")
    }

    /// A session of the peer that is established; the To parameters of requests inside it.
    fn established(&mut self, contact: &str) -> (SessionId, String) {
        let session = self.called(contact);
        self.accept(session);
        let (code, response) = self.answers().pop().expect("a response");
        assert_eq!(code, 200);
        let tag = format!(";tag={}", response.to().unwrap().tag().unwrap());
        let ack = self.theirs("ACK", 1, &tag, "", "");
        self.datagram(PEER, ack);
        (session, tag)
    }

    /// The peer answers a request of ours.
    fn respond(&mut self, request: &Request, code: u16, contact: &str, body: &str) {
        let mut builder = Response::reply(request, code, None, Some("them"), None);
        if !contact.is_empty() {
            builder = builder.field(HeaderName::Contact, format_args!("<{contact}>"));
        }
        if !body.is_empty() {
            builder = builder.body("application/sdp", body.as_bytes());
        }
        let response = builder.finish().unwrap();
        self.datagram(PEER, response.bytes().to_vec());
    }

    fn names(&self) -> Vec<&'static str> {
        self.events.iter().filter_map(|event| event.names().first().copied()).collect()
    }
}
