//! The life of connections: opening, credit, limits, idling, closing.

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

fn opening() -> (World, ConnId) {
    opening_with(|_| {})
}

fn opening_with(change: impl FnOnce(&mut Limits)) -> (World, ConnId) {
    let mut w = World::limited(change);
    w.listen("tcp:192.0.2.9:5060");
    let sent = w.send(route("tcp:192.0.2.1:5060"), &request(0), "z9hG4bKa").unwrap();
    assert_eq!(w.lines(), ["open conn-0 192.0.2.1:5060 from 192.0.2.9"]);
    (w, sent.flow.conn().unwrap())
}

fn write(w: &mut World, conn: ConnId, len: usize) -> Result<(), SendError> {
    w.t.send_on(w.now, Flow::Stream(conn), Bytes::from(vec![b'x'; len]), &mut w.out)
}

#[test]
fn what_is_sent_while_it_opens_is_written_in_order_once_it_is_open() {
    let (mut w, conn) = opening();
    w.send(route("tcp:192.0.2.1:5060"), &request(0), "z9hG4bKb").unwrap();
    write(&mut w, conn, 1).unwrap();
    assert_eq!(w.lines(), [""; 0]);
    w.opened(conn, "192.0.2.1:5060");
    let request = |branch: &str| {
        format!("write conn-0: OPTIONS sip:bob@example.com | SIP/2.0/TCP 192.0.2.9:5060;branch={branch}")
    };
    assert_eq!(w.lines(), [request("z9hG4bKa"), request("z9hG4bKb"), "write conn-0: \"x\"".to_owned()]);
}

#[test]
fn a_connection_that_cannot_be_opened_is_told_once_and_at_once() {
    for cause in [CloseCause::Refused, CloseCause::Unreachable, CloseCause::Tls("no".into())] {
        let (mut w, conn) = opening();
        w.closed(conn, cause.clone());
        assert_eq!(w.lines(), [format!("flow failed conn-0: {cause}")]);
        w.pass(1000 * SECOND);
        assert_eq!((w.lines().len(), w.t.connections(), w.t.is_quiescent()), (0, 0, true));
    }
}

#[test]
fn opening_has_its_time() {
    let (mut w, conn) = opening();
    assert!(!w.t.is_quiescent());
    w.pass(Limits::default().connection_open - MS);
    assert_eq!(w.lines(), [""; 0]);
    w.pass(MS);
    assert_eq!(w.lines(), ["close conn-0 Abort", "flow failed conn-0: timed out"]);
    // It opens after all: too late.
    w.opened(conn, "192.0.2.1:5060");
    assert_eq!((w.lines().len(), w.t.deadline()), (0, None));
    assert!(!w.t.is_quiescent());
    w.closed(conn, CloseCause::Local);
    assert_eq!((w.lines().len(), w.t.counters().driver_faults), (0, 0));
    assert!(w.t.is_quiescent());
}

#[test]
fn a_connection_of_a_peer_that_never_gets_ready_is_closed_silently() {
    let mut w = World::new();
    let socket = w.listen("tcp:192.0.2.9:5060");
    let conn = w.accept_only(socket, "192.0.2.1:7000");
    w.pass(Limits::default().connection_open);
    assert_eq!(w.lines(), ["close conn-1 Abort"]);
    w.closed(conn, CloseCause::Local);
    let conn = w.accept_only(socket, "192.0.2.1:7001");
    w.closed(conn, CloseCause::Reset);
    assert_eq!((w.lines().len(), w.t.connections()), (0, 0));
}

#[test]
fn writing_spends_credit_that_draining_gives_back() {
    let (mut w, conn) = opening_with(|limits| limits.write_bytes = 1000);
    let request = w.t.connections.get(conn).unwrap().backlog;
    // What waits for the connection to open counts too.
    write(&mut w, conn, 1000 - request).unwrap();
    assert_eq!(write(&mut w, conn, 1), Err(SendError::Full));
    let full = w.send(route("tcp:192.0.2.1:5060"), &super::request(0), "z9hG4bKb");
    assert_eq!(full.unwrap_err(), SendError::Full);
    w.opened(conn, "192.0.2.1:5060");
    assert_eq!(w.lines().len(), 2);
    assert_eq!(write(&mut w, conn, 1), Err(SendError::Full));
    w.t.drained(conn, 10, &mut w.out);
    assert_eq!(write(&mut w, conn, 11), Err(SendError::Full));
    assert_eq!(write(&mut w, conn, 10), Ok(()));
    assert_eq!(w.lines(), ["write conn-0: \"xxxxxxxxxx\""]);
    assert!(!w.t.is_quiescent());
    w.t.drained(conn, 1000, &mut w.out);
    assert!(w.t.is_quiescent());
    assert_eq!(w.t.counters().driver_faults, 0);
    // More than was written: the driver cannot count.
    w.t.drained(conn, 1, &mut w.out);
    assert_eq!(w.t.counters().driver_faults, 1);
}

#[test]
fn a_request_that_can_never_be_written_opens_nothing() {
    let mut w = World::limited(|limits| limits.write_bytes = 1000);
    w.listen("tcp:192.0.2.9:5060");
    assert_eq!(w.send(route("tcp:192.0.2.1:5060"), &request(1000), "z9hG4bKa").unwrap_err(), SendError::Full);
    assert_eq!((w.lines().len(), w.t.connections()), (0, 0));
}

#[test]
fn a_peer_that_does_not_read_is_not_read() {
    let (mut w, conn) = opening_with(|limits| (limits.write_bytes, limits.read_bytes) = (1000, 77));
    w.opened(conn, "192.0.2.1:5060");
    w.t.drained(conn, w.t.connections.get(conn).unwrap().backlog, &mut w.out);
    w.lines();
    assert_eq!(w.t.read_budget(conn), 77);
    write(&mut w, conn, 500).unwrap();
    assert_eq!(w.t.read_budget(conn), 77);
    write(&mut w, conn, 1).unwrap();
    assert_eq!(w.t.read_budget(conn), 0);
    w.t.drained(conn, 250, &mut w.out);
    assert_eq!((w.t.read_budget(conn), w.lines().len()), (0, 2));
    w.t.drained(conn, 1, &mut w.out);
    assert_eq!(w.lines(), ["resume conn-0"]);
    assert_eq!(w.t.read_budget(conn), 77);
    w.t.drained(conn, 250, &mut w.out);
    assert_eq!(w.lines(), [""; 0]);
    assert_eq!(w.t.read_budget(ConnId::opened(99)), 0);
}

#[test]
fn an_endless_row_of_pings_fills_nothing() {
    let (mut w, conn) = opening_with(|limits| limits.write_bytes = 1000);
    w.opened(conn, "192.0.2.1:5060");
    w.lines();
    let mut written = 0;
    for _ in 0..1000 {
        w.data(conn, "\r\n".repeat(1000));
        for output in w.outputs() {
            if let Output::Write { data, .. } = output {
                written += data.len();
            }
        }
    }
    assert!(written <= 1000, "{written}");
    assert!(w.t.counters().shed > 0);
}

#[test]
fn an_idle_connection_is_closed_unless_someone_holds_it() {
    let idle = Limits::default().connection_idle;
    let (mut w, conn) = opening();
    let flow = Flow::Stream(conn);
    w.opened(conn, "192.0.2.1:5060");
    w.lines();
    // Whatever is sent starts the time anew.
    w.pass(idle - SECOND);
    write(&mut w, conn, 1).unwrap();
    w.pass(idle - SECOND);
    // Holds count.
    w.t.hold(flow);
    w.t.hold(flow);
    w.t.release(w.now, flow);
    w.pass(10 * idle);
    assert_eq!(w.lines().len(), 1);
    let backlog = w.t.connections.get(conn).unwrap().backlog;
    w.t.drained(conn, backlog, &mut w.out);
    assert!(!w.t.is_quiescent());
    w.t.release(w.now, flow);
    w.pass(idle - MS);
    assert_eq!(w.lines(), [""; 0]);
    w.pass(MS);
    assert_eq!(w.lines(), ["close conn-0 Flush", "flow failed conn-0: closed"]);
    // What is not there, or never was held, is not harmed.
    w.t.release(w.now, flow);
    w.closed(conn, CloseCause::Local);
    w.t.hold(flow);
    w.t.release(w.now, Flow::Stream(ConnId::opened(77)));
    assert!(w.t.is_quiescent());
}

#[test]
fn messages_and_pings_keep_a_connection_but_pings_alone_do_not() {
    let idle = Limits::default().connection_idle;
    let mut w = World::new();
    let socket = w.listen("tcp:192.0.2.9:5060");
    let useful = w.accept(socket, "192.0.2.1:7000");
    let useless = w.accept(socket, "192.0.2.1:7001");
    w.data(useful, text("OPTIONS", "TCP 192.0.2.1:5060;branch=z9hG4bK1", ""));
    w.lines();
    for _ in 0..4 {
        w.pass(idle / 2 - SECOND);
        w.data(useful, "\r\n\r\n");
        w.data(useless, "\r\n\r\n");
        for conn in [useful, useless] {
            let backlog = w.t.connections.get(conn).map_or(0, |connection| connection.backlog);
            if backlog > 0 {
                // Pongs that are drained are no use of it either.
                w.t.drained(conn, backlog, &mut w.out);
            }
        }
    }
    assert!(w.lines().contains(&"flow failed conn-3: closed".to_owned()));
    assert_eq!(w.t.read_budget(useful), Limits::default().read_bytes);
}

#[test]
fn beyond_the_limit_the_idlest_makes_room() {
    let mut w = World::limited(|limits| limits.connections = 3);
    let socket = w.listen("tcp:192.0.2.9:5060");
    let [first, second, third] = ["192.0.2.1:7000", "192.0.2.1:7001", "192.0.2.1:7002"].map(|peer| {
        w.now += SECOND;
        let conn = w.accept(socket, peer);
        w.data(conn, text("OPTIONS", "TCP 192.0.2.1;branch=z9hG4bK1", ""));
        conn
    });
    w.lines();
    w.t.hold(Flow::Stream(first));
    // The first is held, the second is the idlest.
    w.send(route("tcp:192.0.2.2:5060"), &request(0), "z9hG4bKa").unwrap();
    assert_eq!(
        w.lines(),
        ["close conn-3 Flush", "flow failed conn-3: closed", "open conn-0 192.0.2.2:5060 from 192.0.2.9"]
    );
    // For a peer too: a thousand idle connections lock nobody out.
    let fourth = w.accept(socket, "192.0.2.4:7003");
    assert_eq!(w.lines(), ["close conn-5 Abort", "flow failed conn-5: closed"]);
    // When all are of use there is no room: a peer is turned away, and so are we.
    w.data(fourth, "OPT");
    let error = w.send(route("tcp:192.0.2.3:5060"), &request(0), "z9hG4bKb").unwrap_err();
    assert_eq!(error, SendError::TooManyConnections);
    let fifth = w.accept_only(socket, "192.0.2.5:7004");
    assert_eq!(w.lines(), ["close conn-9 Abort"]);
    w.data(fifth, "\r\n\r\n");
    for conn in [fifth, second, third] {
        w.closed(conn, CloseCause::Local);
    }
    assert_eq!((w.lines().len(), w.t.counters().shed, w.t.counters().driver_faults), (0, 3, 0));
}

#[test]
fn of_idle_connections_those_that_never_said_anything_go_first() {
    let mut w = World::limited(|limits| limits.connections = 2);
    let socket = w.listen("tcp:192.0.2.9:5060");
    let speaker = w.accept(socket, "192.0.2.1:7000");
    w.data(speaker, text("OPTIONS", "TCP 192.0.2.1;branch=z9hG4bK1", ""));
    w.now += SECOND;
    let _silent = w.accept(socket, "192.0.2.2:7000");
    w.now += SECOND;
    w.lines();
    w.accept(socket, "192.0.2.3:7000");
    assert_eq!(w.lines(), ["close conn-3 Abort", "flow failed conn-3: closed"]);
}

#[test]
fn one_source_has_its_share_of_the_connections() {
    for (one, same, other) in [
        ("192.0.2.1:7000", "192.0.2.1:7001", "192.0.2.2:7000"),
        ("[2001:db8::1]:7000", "[2001:db8::ffff:1]:7001", "[2001:db8:0:1::1]:7000"),
    ] {
        let mut w = World::limited(|limits| limits.connections_per_source = 1);
        let any = if one.starts_with('[') { "tcp:[2001:db8::9]:5060" } else { "tcp:192.0.2.9:5060" };
        let socket = w.listen(any);
        let busy = w.accept(socket, one);
        w.data(busy, "OPT");
        // What is busy stays, and the source gets no other.
        let shed = w.accept_only(socket, same);
        assert_eq!(w.lines(), ["close conn-3 Abort"], "{same}");
        w.closed(shed, CloseCause::Local);
        w.accept(socket, other);
        assert_eq!(w.lines(), [""; 0], "{other}");
        // What is idle gives way to the next from there.
        w.closed(busy, CloseCause::Peer);
        w.accept(socket, one);
        w.lines();
        w.accept(socket, same);
        assert_eq!(w.lines(), ["close conn-7 Abort", "flow failed conn-7: closed"], "{same}");
    }
}

#[test]
fn a_peer_that_never_says_anything_is_not_kept_for_long() {
    let mut w = World::new();
    let socket = w.listen("tcp:192.0.2.9:5060");
    let silent = w.accept(socket, "192.0.2.1:7000");
    let speaker = w.accept(socket, "192.0.2.1:7001");
    w.data(speaker, text("OPTIONS", "TCP 192.0.2.1;branch=z9hG4bK1", ""));
    w.lines();
    w.pass(Limits::default().connection_silent);
    assert_eq!(w.lines(), ["close conn-1 Flush", "flow failed conn-1: closed"]);
    w.closed(silent, CloseCause::Local);
    w.pass(Limits::default().connection_idle);
    assert_eq!(w.lines()[0], "close conn-3 Flush");
}

#[test]
fn closing_has_its_time_too() {
    let (mut w, conn) = opening();
    w.opened(conn, "192.0.2.1:5060");
    w.t.shut_down(w.now, &mut w.out);
    w.lines();
    w.pass(Limits::default().message_time);
    assert_eq!(w.lines(), ["close conn-0 Abort"]);
    w.pass(1000 * SECOND);
    assert_eq!((w.lines().len(), w.t.deadline()), (0, None));
    w.closed(conn, CloseCause::Local);
}

#[test]
fn shutting_down_closes_everything_once_and_lets_nothing_in() {
    let mut w = World::new();
    let tcp = w.listen("tcp:192.0.2.9:5060");
    let udp = w.listen("udp:192.0.2.9:5060");
    let binding = w.t.bind(Transport::Udp, addr("192.0.2.9:0").ip(), Port::Random, &mut w.out).unwrap();
    let open = w.accept(tcp, "192.0.2.1:7000");
    let preparing = w.accept_only(tcp, "192.0.2.1:7001");
    w.send(route("tcp:192.0.2.2:5060"), &request(0), "z9hG4bKa").unwrap();
    w.lines();
    w.t.shut_down(w.now, &mut w.out);
    let expected = [
        "close conn-0 Abort",
        "flow failed conn-0: closed",
        "close conn-1 Flush",
        "flow failed conn-1: closed",
        "close conn-3 Abort",
        "unbind socket-0",
        "unbind socket-1",
        "unbind socket-2",
    ];
    assert_eq!(w.lines(), expected);
    w.t.shut_down(w.now, &mut w.out);
    assert_eq!(w.lines(), [""; 0]);
    // Whatever still comes has no effect.
    w.datagram(udp, "192.0.2.1:5060", text("OPTIONS", "UDP 192.0.2.1:5060;branch=z9hG4bK1", ""));
    w.data(open, "\r\n\r\n");
    w.t.socket_bound(binding, addr("192.0.2.9:1024"), &mut w.out);
    let late = w.accept_only(tcp, "192.0.2.1:7002");
    assert_eq!(w.lines(), ["close conn-5 Abort"]);
    assert_eq!(w.send(route("udp:192.0.2.1:5060"), &request(0), "z9hG4bKa").unwrap_err(), SendError::ShuttingDown);
    assert_eq!(write(&mut w, open, 1), Err(SendError::ShuttingDown));
    assert_eq!(
        w.t.bind(Transport::Udp, addr("192.0.2.9:0").ip(), Port::Random, &mut w.out),
        Err(BindError::ShuttingDown)
    );
    assert!(!w.t.is_quiescent());
    for conn in [ConnId::opened(0), open, preparing, late] {
        w.closed(conn, CloseCause::Local);
    }
    for socket in [tcp, udp, binding] {
        w.t.socket_closed(socket, &mut w.out);
    }
    assert_eq!(w.lines(), ["closed socket-0 tcp", "closed socket-1 udp", "closed socket-2 udp"]);
    assert_eq!((w.t.is_quiescent(), w.t.deadline(), w.t.counters().driver_faults), (true, None, 0));
}

#[test]
fn sockets_come_and_go() {
    let mut w = World::new();
    let ip = addr("192.0.2.9:0").ip();
    let udp = w.t.bind(Transport::Udp, ip, Port::Fixed(5060), &mut w.out).unwrap();
    let tcp = w.t.bind(Transport::Tcp, ip, Port::Range(5060, 5070), &mut w.out).unwrap();
    assert_eq!(
        w.lines(),
        ["bind socket-0 Udp 192.0.2.9 Fixed(5060)", "bind socket-1 Listen(Plain) 192.0.2.9 Range(5060, 5070)"]
    );
    assert!(!w.t.is_quiescent());
    w.t.socket_bound(udp, addr("192.0.2.9:5060"), &mut w.out);
    w.t.socket_failed(tcp, CloseCause::AddressUnavailable, &mut w.out);
    assert_eq!(
        w.lines(),
        ["listening socket-0 udp 192.0.2.9:5060", "failed socket-1 tcp: address in use or not available"]
    );
    assert!(w.t.is_quiescent());
    w.t.unbind(udp, &mut w.out).unwrap();
    assert_eq!(w.t.unbind(udp, &mut w.out), Err(BindError::Unknown(udp)));
    assert_eq!(w.t.unbind(tcp, &mut w.out), Err(BindError::Unknown(tcp)));
    w.t.socket_closed(udp, &mut w.out);
    assert_eq!(w.lines(), ["unbind socket-0", "closed socket-0 udp"]);
    // A socket may break later.
    let udp = w.listen("udp:192.0.2.9:5060");
    w.t.socket_failed(udp, CloseCause::Other("broken".into()), &mut w.out);
    assert_eq!(w.lines(), ["failed socket-2 udp: broken"]);
    assert_eq!(w.t.counters().driver_faults, 0);
}

#[test]
fn what_the_driver_gets_wrong_is_counted_and_of_no_effect() {
    let mut w = World::new();
    let tcp = w.listen("tcp:192.0.2.9:5060");
    let udp = w.listen("udp:192.0.2.9:5060");
    let nothing = SocketId::from_u64(99);
    let conn = w.accept(tcp, "192.0.2.1:7000");
    let preparing = w.accept_only(tcp, "192.0.2.1:7001");
    let unknown = ConnId::accepted(99);
    let peer = addr("192.0.2.1:7000");
    let mut faults = 0;
    let mut wrong = |w: &mut World, what: &str, act: &dyn Fn(&mut World)| {
        act(w);
        faults += 1;
        assert_eq!((w.lines().len(), w.t.counters().driver_faults), (0, faults), "{what}");
    };
    wrong(&mut w, "bound twice", &|w| w.t.socket_bound(udp, addr("192.0.2.9:1"), &mut w.out));
    wrong(&mut w, "bound unasked", &|w| w.t.socket_bound(nothing, addr("192.0.2.9:1"), &mut w.out));
    wrong(&mut w, "failed unasked", &|w| w.t.socket_failed(nothing, CloseCause::Reset, &mut w.out));
    wrong(&mut w, "closed unasked", &|w| w.t.socket_closed(nothing, &mut w.out));
    wrong(&mut w, "accepted on nothing", &|w| w.t.accepted(w.now, unknown, nothing, peer, &mut w.out));
    wrong(&mut w, "accepted on UDP", &|w| w.t.accepted(w.now, unknown, udp, peer, &mut w.out));
    wrong(&mut w, "accepted twice", &|w| w.t.accepted(w.now, conn, tcp, peer, &mut w.out));
    wrong(&mut w, "a number of ours", &|w| w.t.accepted(w.now, ConnId::opened(9), tcp, peer, &mut w.out));
    wrong(&mut w, "opened twice", &|w| w.opened(conn, "192.0.2.1:7000"));
    wrong(&mut w, "opened unasked", &|w| w.opened(unknown, "192.0.2.1:7000"));
    wrong(&mut w, "data too early", &|w| w.data(preparing, "\r\n\r\n"));
    wrong(&mut w, "data from nowhere", &|w| w.data(unknown, "\r\n\r\n"));
    wrong(&mut w, "drained nothing", &|w| w.t.drained(unknown, 1, &mut w.out));
    wrong(&mut w, "closed what was not", &|w| w.closed(unknown, CloseCause::Peer));
    assert_eq!(w.t.connections(), 2);
}
