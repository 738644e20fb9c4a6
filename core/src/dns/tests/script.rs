//! A resolver with a driver that does what it is asked at once, and name servers that do what a test says.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use super::super::*;
use super::zone::{Asked, Zone, asked};
use super::{SERVER, addr};
use crate::id::{ConnId, SocketId};
use crate::limits::Limits;
use crate::outbox::Outbox;
use crate::random::{Random, Seed};
use crate::sip::{Text, Uri};
use crate::time::Instant;
use crate::transport::Transport;

/// What a name server does with a query.
pub(super) enum Reply {
    /// It sends this.
    Now(Vec<u8>),
    /// It sends this after a while.
    After(Duration, Vec<u8>),
    /// Somebody else sends this.
    From(SocketAddr, Vec<u8>),
    /// It closes the connection.
    Close,
}

/// A query that was sent.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) at: Instant,
    pub(super) to: SocketAddr,
    pub(super) socket: Option<SocketId>,
    pub(super) asked: Asked,
}

type Server = Box<dyn FnMut(SocketAddr, bool, &Asked) -> Vec<Reply>>;

enum Way {
    Datagram(SocketId, SocketAddr),
    Stream(ConnId),
}

pub(super) struct Script {
    pub(super) resolver: Resolver,
    out: Outbox<Output>,
    pub(super) now: Instant,
    random: Random,
    pub(super) limits: Limits,
    server: Server,
    pub(super) sent: Vec<Sent>,
    pub(super) events: Vec<LookupEvent>,
    pub(super) news: Vec<ResolverEvent>,
    /// When it was told, and by which lookup, how that has ended.
    pub(super) ended: BTreeMap<LookupId, (Instant, Result<LookupResult, String>)>,
    sockets: usize,
    pub(super) most_sockets: usize,
    conns: BTreeMap<ConnId, SocketAddr>,
    later: VecDeque<(Instant, Way, Vec<u8>)>,
    /// Whether sockets can be bound.
    pub(super) binds: bool,
    /// Whether connections can be opened.
    pub(super) opens: bool,
}

impl Script {
    /// A resolver with one name server, which does this.
    pub(super) fn new(server: impl FnMut(SocketAddr, bool, &Asked) -> Vec<Reply> + 'static) -> Self {
        let config = DnsConfig { nameservers: vec![addr(SERVER)], ..DnsConfig::default() };
        Self::with(config, server)
    }

    pub(super) fn with(
        config: DnsConfig,
        server: impl FnMut(SocketAddr, bool, &Asked) -> Vec<Reply> + 'static,
    ) -> Self {
        let mut out = Outbox::new();
        let resolver = Resolver::new(config, &mut out);
        Self {
            resolver,
            out,
            now: Instant::from_millis(1000),
            random: Random::new(&Seed::from_u64(7)),
            limits: Limits::default(),
            server: Box::new(server),
            sent: Vec::new(),
            events: Vec::new(),
            news: Vec::new(),
            ended: BTreeMap::new(),
            sockets: 0,
            most_sockets: 0,
            conns: BTreeMap::new(),
            later: VecDeque::new(),
            binds: true,
            opens: true,
        }
    }

    /// One that answers from a zone.
    pub(super) fn zone(zone: Zone) -> Self {
        Self::new(move |_, _, asked| vec![Reply::Now(zone.respond(asked))])
    }

    /// Calls the resolver.
    pub(super) fn call<T>(&mut self, act: impl FnOnce(&mut Resolver, &mut Context<'_>, &mut Outbox<Output>) -> T) -> T {
        let mut cx = Context { now: self.now, random: &mut self.random, limits: &self.limits };
        act(&mut self.resolver, &mut cx, &mut self.out)
    }

    pub(super) fn begin(&mut self, request: &Request) -> LookupId {
        let (timeout, lifetime) = (Duration::from_secs(3), Duration::from_secs(15));
        self.call(|resolver, cx, out| resolver.lookup(cx, request, timeout, lifetime, out))
    }

    /// Looks up, and lets time pass until that is over.
    pub(super) fn lookup(&mut self, request: &Request) -> Result<LookupResult, String> {
        let id = self.begin(request);
        self.run_until(|script| script.ended.contains_key(&id));
        self.ended[&id].1.clone()
    }

    /// The routes to a URI over these transports, as text.
    pub(super) fn routes(&mut self, uri: &str, transports: &str) -> String {
        match self.lookup(&sip(uri, transports)) {
            Ok(LookupResult::Routes(routes)) => routes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
            Ok(other) => panic!("{other:?}"),
            Err(error) => error,
        }
    }

    /// Lets things happen until this is so.
    pub(super) fn run_until(&mut self, done: impl Fn(&Self) -> bool) {
        for _ in 0..100_000 {
            self.drain();
            if done(self) {
                return;
            }
            assert!(self.step(), "nothing is pending at {}", self.now);
        }
        panic!("this goes on for ever");
    }

    /// Lets so much time pass.
    pub(super) fn run_for(&mut self, time: Duration) {
        let until = self.now + time;
        self.drain();
        while self.next().is_some_and(|at| at <= until) {
            self.step();
            self.drain();
        }
        self.now = until;
    }

    fn next(&self) -> Option<Instant> {
        let later = self.later.iter().map(|(at, ..)| *at).min();
        crate::time::earliest(later, self.resolver.deadline())
    }

    fn step(&mut self) -> bool {
        let Some(at) = self.next() else { return false };
        self.now = self.now.max(at);
        if let Some(place) = self.later.iter().position(|(due, ..)| *due <= self.now) {
            let (_, way, data) = self.later.remove(place).unwrap();
            self.deliver(way, &data);
            return true;
        }
        self.call(|resolver, cx, out| resolver.timeout(cx, out));
        assert!(self.resolver.deadline().is_none_or(|at| at > self.now), "GEN-5: woken at {} in vain", self.now);
        true
    }

    fn deliver(&mut self, way: Way, data: &[u8]) {
        match way {
            Way::Datagram(socket, from) => {
                self.call(|resolver, cx, out| resolver.datagram(cx, socket, from, data, out));
            }
            Way::Stream(conn) => self.call(|resolver, cx, out| resolver.data(cx, conn, data, out)),
        }
    }

    /// Does what the resolver asks.
    pub(super) fn drain(&mut self) {
        while let Some(output) = self.out.pop() {
            match output {
                Output::Bind { socket, addr } => {
                    assert!(addr.is_unspecified());
                    self.sockets += 1;
                    self.most_sockets = self.most_sockets.max(self.sockets);
                    let binds = self.binds;
                    if !binds {
                        self.sockets -= 1;
                    }
                    self.call(|resolver, cx, out| match binds {
                        true => resolver.socket_bound(cx, socket, out),
                        false => resolver.socket_gone(cx, socket, out),
                    });
                }
                Output::Unbind { socket } => {
                    self.sockets -= 1;
                    self.call(|resolver, cx, out| resolver.socket_gone(cx, socket, out));
                }
                Output::Send { on, to, data } => {
                    let asked = asked(&data);
                    self.sent.push(Sent { at: self.now, to, socket: Some(on), asked: asked.clone() });
                    for reply in (self.server)(to, false, &asked) {
                        self.reply(reply, to, |from| Way::Datagram(on, from), None);
                    }
                }
                Output::Open { conn, to } => {
                    self.conns.insert(conn, to);
                    let opens = self.opens;
                    self.call(|resolver, cx, out| match opens {
                        true => resolver.opened(cx, conn, out),
                        false => resolver.closed(cx, conn, out),
                    });
                }
                Output::Write { conn, data } => {
                    let (message, len) = wire::unframed(&data).unwrap();
                    assert_eq!(len, data.len());
                    let (asked, to) = (asked(message), self.conns[&conn]);
                    self.sent.push(Sent { at: self.now, to, socket: None, asked: asked.clone() });
                    for reply in (self.server)(to, true, &asked) {
                        self.reply(reply, to, |_| Way::Stream(conn), Some(conn));
                    }
                }
                Output::Close { conn } => self.call(|resolver, cx, out| resolver.closed(cx, conn, out)),
                Output::Lookup { id, event } => {
                    let result = match &event {
                        LookupEvent::DidSucceed { result } => Some(Ok(result.clone())),
                        LookupEvent::DidFail { error } => Some(Err(error.to_string())),
                        LookupEvent::Trace(_) => None,
                    };
                    if let Some(result) = result {
                        let earlier = self.ended.insert(id, (self.now, result));
                        assert!(earlier.is_none(), "{id} has ended twice");
                    }
                    self.events.push(event);
                }
                Output::Resolver(event) => self.news.push(event),
            }
        }
    }

    fn reply(&mut self, reply: Reply, to: SocketAddr, way: impl Fn(SocketAddr) -> Way, conn: Option<ConnId>) {
        let frame = |data: Vec<u8>| if conn.is_some() { wire::framed(&data).to_vec() } else { data };
        match reply {
            Reply::Now(data) => self.deliver(way(to), &frame(data)),
            Reply::After(time, data) => self.later.push_back((self.now + time, way(to), frame(data))),
            Reply::From(from, data) => self.deliver(way(from), &frame(data)),
            Reply::Close => {
                let conn = conn.unwrap();
                self.call(|resolver, cx, out| resolver.closed(cx, conn, out));
            }
        }
    }

    /// How many sockets are bound.
    pub(super) fn sockets(&self) -> usize {
        self.sockets
    }

    /// The questions that were asked, as text, in order and without repetitions.
    pub(super) fn questions(&self) -> Vec<String> {
        let mut questions: Vec<String> = Vec::new();
        for sent in &self.sent {
            let question = format!("{} {}", sent.asked.name, sent.asked.kind);
            if questions.last() != Some(&question) {
                questions.push(question);
            }
        }
        questions
    }
}

/// The lookup of a URI's proxy over these transports.
pub(super) fn sip(uri: &str, transports: &str) -> Request {
    let transports: Vec<Transport> = transports.split(',').filter_map(|name| name.parse().ok()).collect();
    Request::SipProxy { uri: parse(uri), transports }
}

pub(super) fn parse(uri: &str) -> crate::sip::SipUri {
    Uri::parse(&Text::from(uri)).unwrap().as_sip().unwrap().clone()
}
