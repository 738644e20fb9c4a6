//! Two endpoints on connections that lose nothing, in virtual time, with every frame on the wire at hand.

use std::collections::VecDeque;
use std::net::Ipv4Addr;

use bytes::Bytes;

use crate::id::{ConnId, SocketId, StreamId};
use crate::limits::Limits;
use crate::msrp::{
    ByteRange, Chunk, Connect, Content, Context, Continuation, Delivery, Endpoint, Event, FailureReport, Frame, Framer,
    Head, LogEvent, Message, Output, SessionStart, Setup,
};
use crate::outbox::Outbox;
use crate::random::{Random, Seed};
use crate::sip::Text;
use crate::time::Instant;
use crate::transport::{CloseCause, Fingerprint, Port, Security, SocketKind, TlsInfo, TlsPolicy};

pub(super) const S1: StreamId = StreamId::from_u64(1);
pub(super) const S2: StreamId = StreamId::from_u64(2);

/// The connections' names at the side that opened them and at the other.
pub(super) fn names(at: usize) -> (ConnId, ConnId) {
    (ConnId::opened(at as u64), ConnId::accepted(at as u64))
}

/// A frame as it was on the wire.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) head: Head,
    pub(super) body: Vec<u8>,
    pub(super) flag: Continuation,
}

impl Seen {
    pub(super) fn is(&self, what: &str) -> bool {
        let line = self.head.bytes().split(|byte| *byte == b'\r').next().unwrap();
        std::str::from_utf8(line).unwrap().splitn(3, ' ').nth(2).unwrap().starts_with(what)
    }
}

/// The frames of one direction, taken apart again.
#[derive(Debug, Default)]
pub(super) struct Tap {
    framer: Framer,
    begun: Option<(Head, Vec<u8>)>,
    pub(super) seen: Vec<Seen>,
}

impl Tap {
    pub(super) fn write(&mut self, data: &Bytes) {
        self.framer.feed(data.clone());
        while let Some(frame) = self.framer.next(&Limits::default()) {
            match frame.unwrap() {
                Frame::Head(head) => self.begun = Some((head, Vec::new())),
                Frame::Body(data) => self.begun.as_mut().unwrap().1.extend_from_slice(&data),
                Frame::End(flag) => {
                    let (head, body) = self.begun.take().unwrap();
                    self.seen.push(Seen { head, body, flag });
                }
            }
        }
    }
}

/// One side.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) endpoint: Endpoint,
    random: Random,
    pub(super) limits: Limits,
    pub(super) out: Outbox<Output>,
    /// What was told; the chunks that said so stand by themselves.
    pub(super) events: Vec<(StreamId, Event)>,
    pub(super) chunks: Vec<Chunk>,
    pub(super) logs: Vec<(ConnId, LogEvent)>,
    /// What was written and not yet delivered, by connection.
    pub(super) wire: VecDeque<(ConnId, Bytes)>,
    pub(super) tap: Tap,
    pub(super) opened: Vec<ConnId>,
    pub(super) closed: Vec<ConnId>,
    pub(super) resumed: Vec<ConnId>,
    /// What fed messages hold.
    pub(super) file: Bytes,
}

impl Side {
    fn new(seed: u64) -> Self {
        Self {
            endpoint: Endpoint::new(),
            random: Random::new(&Seed::from_u64(seed)),
            limits: Limits::default(),
            out: Outbox::new(),
            events: Vec::new(),
            chunks: Vec::new(),
            logs: Vec::new(),
            wire: VecDeque::new(),
            tap: Tap::default(),
            opened: Vec::new(),
            closed: Vec::new(),
            resumed: Vec::new(),
            file: Bytes::new(),
        }
    }

    pub(super) fn call<T>(
        &mut self,
        now: Instant,
        act: impl FnOnce(&mut Endpoint, &mut Context<'_>, &mut Outbox<Output>) -> T,
    ) -> T {
        let mut cx = Context { now, random: &mut self.random, limits: &self.limits, trace: true };
        let result = act(&mut self.endpoint, &mut cx, &mut self.out);
        self.settle(now);
        result
    }

    /// Somebody opened a connection to the listener, which is there from then on.
    pub(super) fn accepted(&mut self, now: Instant, conn: ConnId) {
        self.call(now, |endpoint, cx, out| {
            endpoint.listen(S1, SocketKind::Listen(plain()), Ipv4Addr::LOCALHOST.into(), Port::Random, out);
            endpoint.accepted(cx, conn, SocketId::of_msrp(0), out);
        });
    }

    fn settle(&mut self, now: Instant) {
        while let Some(output) = self.out.pop() {
            match output {
                Output::Bind { .. } | Output::Listening(..) => {}
                Output::Unbind { socket } => self.endpoint.socket_closed(socket, &CloseCause::Local, &mut self.out),
                Output::Open { conn, .. } => self.opened.push(conn),
                Output::Write { conn, data } => {
                    self.tap.write(&data);
                    self.wire.push_back((conn, data));
                }
                Output::Close { conn, .. } => self.closed.push(conn),
                Output::Resume(conn) => self.resumed.push(conn),
                Output::Log(conn, event) => self.logs.push((conn, event)),
                Output::Session(stream, mut event) => {
                    if let Event::Delivered { chunk, .. } | Event::NotDelivered { chunk, .. } = &mut event {
                        self.chunks.extend(chunk.take());
                    }
                    self.events.push((stream, event.clone()));
                    let mut cx = Context { now, random: &mut self.random, limits: &self.limits, trace: true };
                    if let Event::Wants { id, at, len } = &event {
                        let range = usize::try_from(*at).unwrap()..usize::try_from(at + len).unwrap();
                        let data = self.file.slice(range);
                        self.endpoint.feed(&mut cx, stream, id, data, &mut self.out);
                    }
                    // What has come is reported at once.
                    let come = if let Event::Message { wish, content, .. } = event {
                        let len = content.len() as u64;
                        Some((wish, ByteRange::first(len, Some(len))))
                    } else if let Event::ChunkEnded { wish, bytes, total, .. } = event {
                        Some((wish, ByteRange::first(bytes, total)))
                    } else {
                        None
                    };
                    if let Some((wish, range)) = come.filter(|(wish, _)| wish.success) {
                        self.endpoint.report(&mut cx, stream, &wish, range, 200, &mut self.out);
                    }
                }
            }
        }
    }

    pub(super) fn events_of(&self, stream: StreamId) -> Vec<&Event> {
        self.events.iter().filter(|(of, _)| *of == stream).map(|(_, event)| event).collect()
    }

    pub(super) fn messages(&self) -> Vec<Bytes> {
        let content = |(_, event): &(StreamId, Event)| {
            if let Event::Message { content, .. } = event { Some(content.clone()) } else { None }
        };
        self.events.iter().filter_map(content).collect()
    }
}

/// Two endpoints.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) now: Instant,
    pub(super) active: Side,
    pub(super) passive: Side,
}

pub(super) fn setup(uri: &str, delivery: Delivery) -> Setup {
    Setup { local: uri.parse().unwrap(), delivery, accept: vec![Text::from("text/*"), Text::from("a/b")] }
}

pub(super) fn plain() -> Security {
    Security::Plain
}

pub(super) fn tls() -> Security {
    Security::Tls { identity: None, server_name: None, policy: TlsPolicy::Fingerprint }
}

pub(super) fn start(remote: &str, connect: Connect, fingerprints: Vec<Fingerprint>) -> SessionStart {
    SessionStart { remote: remote.parse().unwrap(), connect, fingerprints }
}

impl Pair {
    pub(super) fn new() -> Self {
        Self { now: Instant::from_millis(1000), active: Side::new(1), passive: Side::new(2) }
    }

    /// With one session, bound.
    pub(super) fn bound() -> Self {
        let mut pair = Self::new();
        pair.session(S1, Delivery::Whole);
        pair.connect(0, None, None);
        pair.run();
        assert!(pair.active.endpoint.is_bound(S1) && pair.passive.endpoint.is_bound(S1));
        pair
    }

    /// A session between the two.
    pub(super) fn session(&mut self, stream: StreamId, delivery: Delivery) {
        let number = stream.as_u64();
        let (a, p) = (format!("msrp://192.0.2.1:2855/a{number};tcp"), format!("msrp://192.0.2.2:7777/p{number};tcp"));
        let to = "192.0.2.2:7777".parse().unwrap();
        self.active.call(self.now, |e, _, _| e.prepare(stream, setup(&a, delivery)));
        self.passive.call(self.now, |e, _, _| e.prepare(stream, setup(&p, delivery)));
        self.passive.call(self.now, |e, cx, out| e.start(cx, stream, start(&a, Connect::Passive, vec![]), out));
        let conn = names(usize::try_from(number).unwrap() - 1).0;
        let connect = Connect::Active { conn, to, security: plain() };
        self.active.call(self.now, |e, cx, out| e.start(cx, stream, start(&p, connect, vec![]), out));
    }

    /// The connection with this number opens.
    pub(super) fn connect(&mut self, number: usize, active: Option<TlsInfo>, passive: Option<TlsInfo>) {
        let (a, p) = names(number);
        let now = self.now;
        self.passive.accepted(now, p);
        self.passive.call(now, |e, cx, out| e.opened(cx, p, passive, out));
        self.active.call(now, |e, cx, out| e.opened(cx, a, active, out));
    }

    /// Delivers what is on the wire, in pieces of at most this length, until nothing is.
    pub(super) fn run_in(&mut self, piece: usize) {
        while self.step(piece) {}
    }

    /// Delivers what is on the wire.
    pub(super) fn run(&mut self) {
        self.run_in(usize::MAX);
    }

    /// Delivers one write of each side.
    pub(super) fn step(&mut self, piece: usize) -> bool {
        let now = self.now;
        let mut moved = false;
        for from_active in [true, false] {
            let (from, to) =
                if from_active { (&mut self.active, &mut self.passive) } else { (&mut self.passive, &mut self.active) };
            let Some((conn, data)) = from.wire.pop_front() else { continue };
            moved = true;
            let number = usize::try_from(conn.as_u64() / 2).unwrap();
            let other = if from_active { names(number).1 } else { names(number).0 };
            from.call(now, |e, cx, out| e.drained(cx, conn, data.len(), out));
            let mut data = data;
            while !data.is_empty() {
                let part = data.split_to(piece.min(data.len()));
                to.call(now, |e, cx, out| e.data(cx, other, part, out));
            }
        }
        moved
    }

    /// Time passes, deadline after deadline.
    pub(super) fn pass(&mut self, millis: u64, deliver: bool) {
        let until = self.now.as_millis() + millis;
        loop {
            let due = [self.active.endpoint.deadline(), self.passive.endpoint.deadline()].into_iter().flatten().min();
            let Some(due) = due.filter(|due| due.as_millis() <= until) else { break };
            self.now = due.max(self.now);
            let now = self.now;
            self.active.call(now, |e, cx, out| e.timeout(cx, out));
            self.passive.call(now, |e, cx, out| e.timeout(cx, out));
            if deliver {
                self.run();
            }
        }
        self.now = Instant::from_millis(until);
    }

    pub(super) fn send(&mut self, stream: StreamId, message: Message) {
        let now = self.now;
        self.active.call(now, |e, cx, out| e.send(cx, stream, message, out)).unwrap();
    }

    pub(super) fn lose(&mut self, number: usize, cause: &CloseCause) {
        let ((a, p), now) = (names(number), self.now);
        self.active.wire.clear();
        self.passive.wire.clear();
        self.active.call(now, |e, cx, out| e.closed(cx, a, cause, out));
        self.passive.call(now, |e, cx, out| e.closed(cx, p, cause, out));
    }
}

pub(super) fn text(id: &str, content: impl Into<Bytes>) -> Message {
    Message {
        id: id.into(),
        content_type: "text/plain".into(),
        content: Content::Bytes(content.into()),
        success_report: true,
        failure_report: FailureReport::Yes,
    }
}

/// Bytes that are easy to tell apart.
pub(super) fn bytes(len: usize) -> Bytes {
    (0..len).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect::<Vec<u8>>().into()
}
