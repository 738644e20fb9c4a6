//! Effects in, inputs out, over real loopback sockets.

#[path = "../../tests/pki/mod.rs"]
mod pki;
mod tls;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use sipsimple_core::id::AskId;
use smol::channel::Receiver;

use super::*;

/// Long enough for a loaded machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(30);

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

struct Bench {
    executor: Rc<LocalExecutor<'static>>,
    network: Network,
    news: Receiver<News>,
    waiting: std::collections::VecDeque<Input>,
    /// The certificates that were told to be renewed.
    renewed: Vec<(Text, Fingerprint)>,
}

impl Bench {
    fn new() -> Self {
        Self::with(TlsSettings::default())
    }

    fn with(tls: TlsSettings) -> Self {
        let executor = Rc::new(LocalExecutor::new());
        let (sender, news) = smol::channel::bounded(16);
        let network = Network::new(executor.clone(), sender, tls);
        Self { executor, network, news, waiting: std::collections::VecDeque::new(), renewed: Vec::new() }
    }

    /// The next input.
    fn next(&mut self) -> Input {
        loop {
            if let Some(input) = self.waiting.pop_front() {
                return input;
            }
            let news = smol::block_on(self.executor.run(async { self.news.recv().await.ok() }.or(async {
                Timer::after(PATIENCE).await;
                None
            })));
            self.waiting.extend(self.network.take(news.expect("nothing happened")).into_iter().flatten());
        }
    }

    /// Runs the tasks until one has something to say, or none has for a moment.
    fn is_silent(&self) -> bool {
        smol::block_on(self.executor.run(async {
            for _ in 0..100 {
                smol::future::yield_now().await;
            }
        }));
        self.waiting.is_empty() && self.news.is_empty()
    }

    fn bind(&mut self, number: u64, kind: SocketKind, addr: IpAddr) -> SocketAddr {
        let socket = SocketId::from_u64(number);
        match self.network.execute(Effect::Bind { socket, kind, addr, port: Port::Random }) {
            Some(Input::Socket { event: SocketEvent::Bound { local }, .. }) => local,
            other => panic!("not bound: {other:?}"),
        }
    }

    /// A pair of connections: one opened, one accepted.
    fn connect(&mut self, addr: IpAddr) -> (ConnId, ConnId) {
        let to = self.bind(0, SocketKind::Listen(Security::Plain), addr);
        let opened = ConnId::opened(0);
        let effect = Effect::Open { conn: opened, to, security: Security::Plain, from: None };
        assert_eq!(self.network.execute(effect), None);
        let mut accepted = None;
        let mut open = 0;
        while open < 2 || accepted.is_none() {
            match self.next() {
                Input::Accepted { conn, on, .. } => {
                    assert_eq!(on, SocketId::from_u64(0));
                    assert!(conn.is_accepted());
                    accepted = Some(conn);
                }
                Input::Stream { event: ConnectionEvent::Open { local, peer, tls: None }, conn } => {
                    assert_eq!(if conn == opened { peer } else { local }, to);
                    open += 1;
                }
                other => panic!("unexpected: {other:?}"),
            }
        }
        (opened, accepted.unwrap())
    }

    fn write(&mut self, conn: ConnId, data: &[u8]) {
        assert_eq!(self.network.execute(Effect::Write { conn, data: Bytes::copy_from_slice(data) }), None);
    }

    fn close(&mut self, conn: ConnId, how: CloseHow) -> Option<Input> {
        self.network.execute(Effect::Close { conn, how })
    }
}

fn closed(conn: ConnId, cause: CloseCause) -> Input {
    event(conn, ConnectionEvent::Closed(cause))
}

#[test]
fn datagrams_go_both_ways() {
    for addr in [V4, V6] {
        let mut bench = Bench::new();
        let (a, b) = (bench.bind(0, SocketKind::Udp, addr), bench.bind(1, SocketKind::Udp, addr));
        for (on, to, from, len) in [(0, b, a, 1), (1, a, b, 40_000), (0, b, a, 0)] {
            let data = Bytes::from(vec![7; len]);
            let on = SocketId::from_u64(on);
            assert_eq!(bench.network.execute(Effect::Send { on, to, data: data.clone() }), None);
            let socket = SocketId::from_u64(1 - on.as_u64());
            let expected = Input::Datagram { socket, from, to: Some(addr), interface: None, ttl: None, data };
            assert_eq!(bench.next(), expected);
        }
    }
}

#[test]
fn what_came_for_an_unbound_socket_is_not_told() {
    let mut bench = Bench::new();
    let (_, b) = (bench.bind(0, SocketKind::Udp, V4), bench.bind(1, SocketKind::Udp, V4));
    let socket = SocketId::from_u64(1);
    let data = Bytes::from_static(b"late");
    let _ = bench.network.execute(Effect::Send { on: SocketId::from_u64(0), to: b, data });
    while bench.is_silent() {}
    assert_eq!(bench.network.execute(Effect::Unbind { socket }), None);
    assert_eq!(bench.next(), Input::Socket { socket, event: SocketEvent::Closed });
    assert!(bench.is_silent());
    // The port is free again.
    assert!(bind::udp(V4, Port::Fixed(b.port())).is_ok());
}

#[test]
fn a_port_in_use_is_told() {
    let mut bench = Bench::new();
    let taken = bench.bind(0, SocketKind::Udp, V4);
    let socket = SocketId::from_u64(1);
    let port = Port::Fixed(taken.port());
    let event = SocketEvent::Failed(CloseCause::AddressUnavailable);
    let effect = Effect::Bind { socket, kind: SocketKind::Udp, addr: V4, port };
    assert_eq!(bench.network.execute(effect), Some(Input::Socket { socket, event }));
}

#[test]
fn streams_carry_bytes_and_give_credit_back() {
    for addr in [V4, V6] {
        let mut bench = Bench::new();
        let (opened, accepted) = bench.connect(addr);
        let sent: Vec<u8> = (0..300_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        for chunk in sent.chunks(100_000) {
            bench.write(opened, chunk);
        }
        assert!(!bench.network.is_flushed());
        bench.network.grant(accepted, 10);
        let (mut got, mut drained, mut reads) = (Vec::new(), 0, 0);
        while got.len() < sent.len() || drained < sent.len() {
            match bench.next() {
                Input::Stream { conn, event: ConnectionEvent::Data(data) } => {
                    assert_eq!(conn, accepted);
                    assert!(reads > 0 || data.len() <= 10);
                    got.extend_from_slice(&data);
                    reads += 1;
                    bench.network.grant(conn, 100_000);
                }
                Input::Stream { conn, event: ConnectionEvent::Drained(len) } => {
                    assert_eq!(conn, opened);
                    drained += len;
                }
                other => panic!("unexpected: {other:?}"),
            }
        }
        assert_eq!(got, sent);
        assert!(bench.network.is_flushed());
    }
}

#[test]
fn a_connection_without_budget_is_not_read() {
    let mut bench = Bench::new();
    let (opened, accepted) = bench.connect(V4);
    bench.write(opened, b"hello");
    assert_eq!(bench.next(), event(opened, ConnectionEvent::Drained(5)));
    bench.network.grant(accepted, 0);
    assert!(bench.is_silent());
    bench.network.grant(accepted, 3);
    bench.network.grant(accepted, 100);
    assert_eq!(bench.next(), event(accepted, ConnectionEvent::Data(Bytes::from_static(b"hel"))));
    assert!(bench.is_silent());
    bench.network.grant(accepted, 100);
    assert_eq!(bench.next(), event(accepted, ConnectionEvent::Data(Bytes::from_static(b"lo"))));
}

#[test]
fn a_flushed_connection_delivers_everything_first() {
    let mut bench = Bench::new();
    let (opened, accepted) = bench.connect(V4);
    let sent = vec![3; 1_000_000];
    bench.write(opened, &sent);
    assert_eq!(bench.close(opened, CloseHow::Flush), None);
    bench.network.grant(accepted, usize::MAX);
    let (mut got, mut ends) = (0, Vec::new());
    while ends.len() < 2 {
        match bench.next() {
            Input::Stream { event: ConnectionEvent::Data(data), conn } => {
                got += data.len();
                bench.network.grant(conn, usize::MAX);
            }
            Input::Stream { event: ConnectionEvent::Drained(len), .. } => assert_eq!(len, sent.len()),
            Input::Stream { event: ConnectionEvent::Closed(cause), conn } => ends.push((conn, cause)),
            other => panic!("unexpected: {other:?}"),
        }
    }
    assert_eq!(got, sent.len());
    ends.sort_by_key(|(conn, _)| *conn);
    assert_eq!(ends, [(opened, CloseCause::Local), (accepted, CloseCause::Peer)]);
    assert!(bench.network.connections.is_empty());
}

#[test]
fn an_aborted_connection_is_reset() {
    let mut bench = Bench::new();
    let (opened, accepted) = bench.connect(V4);
    bench.network.grant(accepted, 100);
    assert_eq!(bench.close(opened, CloseHow::Abort), Some(closed(opened, CloseCause::Local)));
    assert_eq!(bench.close(opened, CloseHow::Abort), None);
    assert_eq!(bench.next(), closed(accepted, CloseCause::Reset));
}

#[test]
fn what_cannot_be_opened_is_closed() {
    let mut bench = Bench::new();
    // A port that was free a moment ago, and that nothing else is told to use.
    let to = bench.bind(0, SocketKind::Listen(Security::Plain), V4);
    let socket = SocketId::from_u64(0);
    assert_eq!(bench.network.execute(Effect::Unbind { socket }), None);
    assert_eq!(bench.next(), Input::Socket { socket, event: SocketEvent::Closed });
    let conn = ConnId::opened(1);
    let open = |conn| Effect::Open { conn, to, security: Security::Plain, from: None };
    assert_eq!(bench.network.execute(open(conn)), None);
    assert_eq!(bench.next(), closed(conn, CloseCause::Refused));
    let conn = ConnId::opened(2);
    assert_eq!(bench.network.execute(open(conn)), None);
    assert_eq!(bench.close(conn, CloseHow::Flush), Some(closed(conn, CloseCause::Local)));
    assert!(bench.is_silent());
}

#[test]
fn the_local_address_is_answered() {
    let mut bench = Bench::new();
    let ask = AskId::from_u64(1);
    let question = Question::LocalAddress { toward: "[::1]:5060".parse().unwrap() };
    let answer = Input::Answer { ask, answer: Answer::LocalAddress(Some(V6)) };
    assert_eq!(bench.network.execute(Effect::Ask { ask, question }), Some(answer));
}

#[cfg(target_os = "linux")]
#[test]
fn a_datagram_to_where_nobody_listens_is_told_by_its_destination() {
    for addr in [V4, V6] {
        let mut bench = Bench::new();
        let there = bench.bind(0, SocketKind::Udp, addr);
        let from = bench.bind(1, SocketKind::Udp, addr);
        let gone = bind::udp(addr, Port::Random).unwrap().get_ref().local_addr().unwrap();
        let on = SocketId::from_u64(1);
        for to in [gone, there] {
            let data = Bytes::from_static(b"x");
            assert_eq!(bench.network.execute(Effect::Send { on, to, data }), None);
        }
        let mut news = [bench.next(), bench.next()];
        news.sort_by_key(|input| matches!(input, Input::Datagram { .. }));
        assert_eq!(news[0], Input::Undelivered { socket: on, to: gone, cause: CloseCause::Refused });
        // What goes elsewhere arrives all the same.
        assert!(matches!(&news[1], Input::Datagram { from: came, .. } if *came == from), "{news:?}");
    }
}
