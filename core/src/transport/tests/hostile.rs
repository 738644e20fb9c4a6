//! Anything in any order: no panic, no growth beyond the limits, everything told once, nothing left in the end.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// Something that the driver, a peer or the layer above does. Small numbers pick among a few sockets, connections and addresses.
#[derive(Clone, Debug)]
enum Act {
    Bind(u8),
    Bound(u8),
    SocketFails(u8),
    Unbind(u8),
    Accept(u8, u8),
    Opened(u8),
    Data(u8, Vec<u8>),
    Message(u8, u8),
    Drained(u8, u16),
    Closed(u8, bool),
    Datagram(u8, u8, Vec<u8>),
    Request(u8, u16),
    RequestOn(u8),
    Respond(u8),
    Hold(u8, bool),
    Learn(u8),
    Wait(u16),
}

fn act() -> impl Strategy<Value = Act> {
    let small = || 0_u8..6;
    prop_oneof![
        1 => small().prop_map(Act::Bind),
        1 => small().prop_map(Act::Bound),
        1 => small().prop_map(Act::SocketFails),
        1 => small().prop_map(Act::Unbind),
        1 => (small(), small()).prop_map(|(socket, peer)| Act::Accept(socket, peer)),
        4 => any::<u8>().prop_map(Act::Opened),
        1 => (any::<u8>(), proptest::collection::vec(any::<u8>(), 0..40)).prop_map(|(conn, data)| Act::Data(conn, data)),
        4 => (any::<u8>(), small()).prop_map(|(conn, kind)| Act::Message(conn, kind)),
        2 => (any::<u8>(), any::<u16>()).prop_map(|(conn, bytes)| Act::Drained(conn, bytes)),
        2 => (any::<u8>(), any::<bool>()).prop_map(|(conn, refused)| Act::Closed(conn, refused)),
        1 => (small(), small(), proptest::collection::vec(any::<u8>(), 0..40)).prop_map(|(s, p, data)| Act::Datagram(s, p, data)),
        4 => (small(), 0..3000_u16).prop_map(|(peer, len)| Act::Request(peer, len)),
        1 => any::<u8>().prop_map(Act::RequestOn),
        2 => any::<u8>().prop_map(Act::Respond),
        1 => (any::<u8>(), any::<bool>()).prop_map(|(conn, hold)| Act::Hold(conn, hold)),
        1 => small().prop_map(Act::Learn),
        2 => any::<u16>().prop_map(Act::Wait),
    ]
}

const PEERS: [&str; 6] = [
    "192.0.2.1:5060",
    "192.0.2.1:7000",
    "192.0.2.2:5060",
    "[2001:db8::1]:5060",
    "[2001:db8::2]:5060",
    "127.0.0.1:5060",
];
const SOCKETS: [&str; 6] = [
    "udp:192.0.2.9:5060",
    "tcp:192.0.2.9:5060",
    "udp:0.0.0.0:5062",
    "tcp:[::]:5060",
    "udp:[2001:db8::9]:5060",
    "tcp:0.0.0.0:5064",
];
const WRITE_BYTES: usize = 4000;
const CONNECTIONS: usize = 4;

/// What a run has seen, to be held against the rules.
#[derive(Default)]
struct Ledger {
    lines: Vec<String>,
    /// Connections that are there, and whether the driver was asked to close them.
    conns: BTreeMap<ConnId, bool>,
    sockets: BTreeSet<SocketId>,
    open: BTreeSet<ConnId>,
    failed: BTreeSet<ConnId>,
    unwritten: BTreeMap<ConnId, usize>,
    requests: Vec<Received>,
}

impl Ledger {
    /// Checks and notes what came out.
    fn take(&mut self, w: &mut World) {
        for output in w.outputs() {
            self.lines.push(line(&output));
            match output {
                Output::Bind { socket, .. } => assert!(self.sockets.insert(socket)),
                Output::Unbind { socket } => assert!(self.sockets.contains(&socket)),
                Output::SocketFailed { socket, .. } | Output::SocketClosed { socket, .. } => {
                    assert!(self.sockets.remove(&socket), "{socket} ends once");
                }
                Output::Open { conn, .. } => {
                    assert!(!conn.is_accepted());
                    assert_eq!(self.conns.insert(conn, false), None);
                }
                Output::Write { conn, data } => {
                    assert!(self.open.contains(&conn), "{conn} is written to and not open");
                    assert_eq!(self.conns.get(&conn), Some(&false), "{conn} is written to and closing");
                    let unwritten = self.unwritten.entry(conn).or_default();
                    *unwritten += data.len();
                    assert!(*unwritten <= WRITE_BYTES);
                }
                Output::Close { conn, how } => {
                    let closing = self.conns.get_mut(&conn).expect("a connection that is there");
                    assert!(!*closing || how == CloseHow::Abort);
                    *closing = true;
                }
                Output::FlowFailed { flow, .. } => {
                    assert!(self.failed.insert(flow.conn().unwrap()), "told once");
                }
                Output::Received(received) => {
                    if let Flow::Stream(conn) = received.flow {
                        assert!(self.open.contains(&conn) && !self.failed.contains(&conn));
                    }
                    if received.message.as_request().is_some() {
                        self.requests.push(*received);
                    }
                }
                Output::Resume(conn) => assert!(w.t.read_budget(conn) > 0),
                Output::Send { on, .. } => assert!(self.sockets.contains(&on)),
                Output::Listening { .. }
                | Output::Malformed { .. }
                | Output::FellBack { .. }
                | Output::PublicAddress { .. } => {}
            }
        }
        let usable = self.conns.values().filter(|closing| !**closing).count();
        assert!(usable <= CONNECTIONS, "{usable} connections");
    }

    fn pick(&self, number: u8) -> Option<ConnId> {
        let count = self.conns.len().max(1);
        self.conns.keys().nth(usize::from(number) % count).copied()
    }

    fn socket(&self, number: u8) -> Option<SocketId> {
        let count = self.sockets.len().max(1);
        self.sockets.iter().nth(usize::from(number) % count).copied()
    }
}

fn run(acts: &[Act]) -> Vec<String> {
    let mut w = World::limited(|limits| {
        limits.connections = CONNECTIONS;
        limits.write_bytes = WRITE_BYTES;
        limits.head_bytes = 600;
        limits.body_bytes = 100;
    });
    let mut ledger = Ledger::default();
    for act in acts {
        one(&mut w, &mut ledger, act);
        ledger.take(&mut w);
    }
    // In the end everything is given back, by a driver that does what it is asked.
    w.t.shut_down(w.now, &mut w.out);
    ledger.take(&mut w);
    assert!(ledger.conns.values().all(|closing| *closing));
    for conn in std::mem::take(&mut ledger.conns).into_keys() {
        w.closed(conn, CloseCause::Local);
        let told = ledger.failed.contains(&conn);
        assert_eq!(told, !conn.is_accepted() || ledger.open.contains(&conn), "{conn} is told of if it was known");
    }
    for socket in ledger.sockets.clone() {
        w.t.socket_closed(socket, &mut w.out);
    }
    ledger.take(&mut w);
    assert!(w.t.is_quiescent() && ledger.sockets.is_empty());
    assert_eq!((w.t.deadline(), w.t.connections()), (None, 0));
    ledger.lines
}

fn one(w: &mut World, ledger: &mut Ledger, act: &Act) {
    let peer = |number: &u8| PEERS[usize::from(*number)];
    match act {
        Act::Bind(number) => {
            let Route { transport, address, port } = route(SOCKETS[usize::from(*number)]);
            w.t.bind(transport, address, Port::Fixed(port), &mut w.out).unwrap();
        }
        Act::Bound(number) => {
            let Some(socket) = ledger.socket(*number) else { return };
            let local = route(SOCKETS[usize::from(*number)]).socket_addr();
            w.t.socket_bound(socket, local, &mut w.out);
        }
        Act::SocketFails(number) => {
            let Some(socket) = ledger.socket(*number) else { return };
            w.t.socket_failed(socket, CloseCause::Other("broken".into()), &mut w.out);
        }
        Act::Unbind(number) => {
            let Some(socket) = ledger.socket(*number) else { return };
            let _ = w.t.unbind(socket, &mut w.out);
        }
        Act::Accept(socket, from) => {
            let Some(socket) = ledger.socket(*socket) else { return };
            let before = w.t.connections();
            let conn = w.accept_only(socket, peer(from));
            if w.t.connections() > before {
                ledger.conns.insert(conn, false);
            }
        }
        Act::Opened(number) => {
            let Some(conn) = ledger.pick(*number) else { return };
            if !ledger.conns[&conn] {
                ledger.open.insert(conn);
            }
            w.opened(conn, peer(&(number % 6)));
        }
        Act::Data(number, data) => {
            let Some(conn) = ledger.pick(*number) else { return };
            w.data(conn, data.clone());
        }
        Act::Message(number, kind) => {
            let Some(conn) = ledger.pick(*number) else { return };
            let good = text("OPTIONS", "TCP 192.0.2.1:5060;branch=z9hG4bK1;rport", "body");
            let data = match kind {
                0 => "\r\n\r\n".to_owned(),
                1 => good[..good.len() / 2].to_owned(),
                2 => good.replace("Length: 4", "Length: 101"),
                3 => good.replace("Call-ID: c1\r\n", ""),
                4 => answer(200, &["TCP 192.0.2.9:5060;branch=z9hG4bKx"]),
                _ => good,
            };
            w.data(conn, data);
        }
        Act::Drained(number, bytes) => {
            let Some(conn) = ledger.pick(*number) else { return };
            let unwritten = ledger.unwritten.entry(conn).or_default();
            let bytes = usize::from(*bytes).min(*unwritten);
            *unwritten -= bytes;
            w.t.drained(conn, bytes, &mut w.out);
        }
        Act::Closed(number, refused) => {
            let Some(conn) = ledger.pick(*number) else { return };
            ledger.conns.remove(&conn);
            w.closed(conn, if *refused { CloseCause::Refused } else { CloseCause::Peer });
        }
        Act::Datagram(socket, from, data) => {
            let Some(socket) = ledger.socket(*socket) else { return };
            let whole = text("OPTIONS", "UDP 192.0.2.1:5060;branch=z9hG4bK1;rport", "");
            let data = if data.len() < 30 { whole.into_bytes() } else { data.clone() };
            w.datagram(socket, peer(from), data);
        }
        Act::Request(to, len) => {
            let transport = if len % 2 == 0 { Transport::Udp } else { Transport::Tcp };
            let to = Route::new(transport, addr(peer(to)));
            let _ = w.send(to, &request(usize::from(*len)), "z9hG4bKx");
        }
        Act::RequestOn(number) => {
            let Some(conn) = ledger.pick(*number) else { return };
            let _ = w.send(Flow::Stream(conn), &request(0), "z9hG4bKx");
        }
        Act::Respond(number) => {
            let count = ledger.requests.len().max(1);
            let Some(received) = ledger.requests.get(usize::from(*number) % count) else { return };
            let _ = w.t.send_response(w.now, received.flow, &reply(received, 200), &mut w.out);
        }
        Act::Hold(number, hold) => {
            let Some(conn) = ledger.pick(*number) else { return };
            if *hold { w.t.hold(Flow::Stream(conn)) } else { w.t.release(w.now, Flow::Stream(conn)) }
        }
        Act::Learn(number) => {
            let toward = addr(peer(number)).ip();
            let local = if toward.is_ipv4() { "192.0.2.9" } else { "2001:db8::9" };
            w.t.learn_local(toward, Some(local.parse().unwrap()));
        }
        Act::Wait(ms) => w.pass(Duration::from_millis(u64::from(*ms))),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn anything_may_happen_in_any_order(acts in proptest::collection::vec(act(), 0..80)) {
        let first = run(&acts);
        // The same calls give the same outputs.
        prop_assert_eq!(first, run(&acts));
    }
}
