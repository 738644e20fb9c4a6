//! Where responses go (VIA-1 and VIA-2).

use super::*;

/// Via of the request, where it came from, where the response goes, and the Via that it carries.
const CASES: [(&str, &str, &str, &str); 15] = [
    // The sent-by is right: nothing is noted, and its port counts.
    ("UDP 192.0.2.1:5070;branch=z9", "192.0.2.1:7000", "192.0.2.1:5070", "UDP 192.0.2.1:5070;branch=z9"),
    ("UDP 192.0.2.1;branch=z9", "192.0.2.1:7000", "192.0.2.1:5060", "UDP 192.0.2.1;branch=z9"),
    (
        "UDP [2001:db8::1]:5070;branch=z9",
        "[2001:db8::1]:7000",
        "[2001:db8::1]:5070",
        "UDP [2001:db8::1]:5070;branch=z9",
    ),
    ("UDP [2001:db8::1];branch=z9", "[2001:db8::1]:7000", "[2001:db8::1]:5060", "UDP [2001:db8::1];branch=z9"),
    // The sent-by is a name, or another address.
    (
        "UDP a.example:5070;branch=z9",
        "192.0.2.1:7000",
        "192.0.2.1:5070",
        "UDP a.example:5070;branch=z9;received=192.0.2.1",
    ),
    ("UDP a.example;branch=z9", "192.0.2.1:7000", "192.0.2.1:5060", "UDP a.example;branch=z9;received=192.0.2.1"),
    (
        "UDP 10.0.0.1:5070;branch=z9",
        "192.0.2.1:7000",
        "192.0.2.1:5070",
        "UDP 10.0.0.1:5070;branch=z9;received=192.0.2.1",
    ),
    (
        "UDP a.example;branch=z9",
        "[2001:db8::1]:7000",
        "[2001:db8::1]:5060",
        "UDP a.example;branch=z9;received=2001:db8::1",
    ),
    // rport: back to the port, and received in any case.
    (
        "UDP 10.0.0.1:5070;branch=z9;rport",
        "192.0.2.1:7000",
        "192.0.2.1:7000",
        "UDP 10.0.0.1:5070;branch=z9;rport=7000;received=192.0.2.1",
    ),
    (
        "UDP 192.0.2.1:5070;rport;branch=z9",
        "192.0.2.1:7000",
        "192.0.2.1:7000",
        "UDP 192.0.2.1:5070;rport=7000;branch=z9;received=192.0.2.1",
    ),
    (
        "UDP [2001:db8::1];branch=z9;rport",
        "[2001:db8::1]:7000",
        "[2001:db8::1]:7000",
        "UDP [2001:db8::1];branch=z9;rport=7000;received=2001:db8::1",
    ),
    // maddr goes first, with the port of the sent-by; one that cannot be reached from the socket does not count.
    (
        "UDP 192.0.2.1:5070;branch=z9;maddr=192.0.2.5",
        "192.0.2.1:7000",
        "192.0.2.5:5070",
        "UDP 192.0.2.1:5070;branch=z9;maddr=192.0.2.5",
    ),
    (
        "UDP 192.0.2.1;branch=z9;maddr=192.0.2.5;rport",
        "192.0.2.1:7000",
        "192.0.2.5:5060",
        "UDP 192.0.2.1;branch=z9;maddr=192.0.2.5;rport=7000;received=192.0.2.1",
    ),
    (
        "UDP 192.0.2.1;branch=z9;maddr=m.example",
        "192.0.2.1:7000",
        "192.0.2.1:5060",
        "UDP 192.0.2.1;branch=z9;maddr=m.example",
    ),
    (
        "UDP 192.0.2.1;branch=z9;maddr=[2001:db8::5]",
        "192.0.2.1:7000",
        "192.0.2.1:5060",
        "UDP 192.0.2.1;branch=z9;maddr=[2001:db8::5]",
    ),
];

#[test]
fn a_response_goes_where_the_via_says() {
    for (via, from, to, noted) in CASES {
        let mut w = World::new();
        // Two sockets: the response leaves from the one that the request came to.
        let v4 = addr(from).is_ipv4();
        w.listen(if v4 { "udp:192.0.2.9:5060" } else { "udp:[2001:db8::9]:5060" });
        let socket = w.listen(if v4 { "udp:192.0.2.9:5062" } else { "udp:[2001:db8::9]:5062" });
        w.datagram(socket, from, text("OPTIONS", via, ""));
        let received = w.received().pop().unwrap();
        let response = reply(&received, 200);
        let flow = w.t.send_response(w.now, received.flow, &response, &mut w.out).unwrap();
        assert_eq!(flow, Flow::Datagram { socket, peer: addr(to) }, "{via}");
        assert_eq!(w.lines(), [format!("send {socket} {to}: 200 OK | SIP/2.0/{noted}")], "{via}");
        // The flow was known beforehand, and a response sent to it goes the same way.
        assert_eq!(received.reply, flow, "{via}");
        assert_eq!(w.t.send_response(w.now, flow, &response, &mut w.out), Ok(flow), "{via}");
    }
}

#[test]
fn nobody_is_answered_at_an_address_that_a_via_made_up() {
    for made_up in ["received=203.0.113.5", "received=203.0.113.5;rport=53", "rport=53"] {
        let mut w = World::new();
        let socket = w.listen("udp:192.0.2.9:5060");
        w.datagram(socket, "192.0.2.1:5060", text("OPTIONS", &format!("UDP 192.0.2.1:5060;branch=z9;{made_up}"), ""));
        let received = w.received().pop().unwrap();
        let flow = w.t.send_response(w.now, received.flow, &reply(&received, 200), &mut w.out).unwrap();
        assert_eq!(flow, Flow::Datagram { socket, peer: addr("192.0.2.1:5060") }, "{made_up}");
        assert_eq!(received.reply, flow);
    }
}

#[test]
fn the_scope_of_a_link_local_peer_is_kept() {
    let mut w = World::new();
    let socket = w.listen("udp:[::]:5060");
    for (via, to) in [
        ("UDP [fe80::1]:5070;branch=z9", "[fe80::1%7]:5070"),
        ("UDP [fe80::1]:5070;branch=z9;rport", "[fe80::1%7]:7000"),
    ] {
        w.datagram(socket, "[fe80::1%7]:7000", text("OPTIONS", via, ""));
        let received = w.received().pop().unwrap();
        assert_eq!(received.reply, Flow::Datagram { socket, peer: addr(to) });
    }
}

#[test]
fn over_a_connection_it_goes_back_on_it() {
    let mut w = World::new();
    let socket = w.listen("tcp:0.0.0.0:5060");
    let conn = w.accept(socket, "192.0.2.1:7000");
    w.data(conn, text("OPTIONS", "TCP 10.0.0.1:5070;branch=z9;maddr=192.0.2.5", ""));
    let received = w.received().pop().unwrap();
    assert_eq!((received.flow, received.reply), (Flow::Stream(conn), Flow::Stream(conn)));
    assert_eq!((received.from, received.local), (addr("192.0.2.1:7000"), addr("192.0.2.9:5060")));
    let flow = w.t.send_response(w.now, received.flow, &reply(&received, 200), &mut w.out).unwrap();
    assert_eq!(flow, Flow::Stream(conn));
    assert_eq!(w.lines().len(), 1);
}

#[test]
fn when_its_connection_is_gone_a_new_one_is_opened_to_the_sent_by() {
    let cases = [
        ("TCP 192.0.2.1:5070;branch=z9", "192.0.2.1:7000", Some("192.0.2.1:5070")),
        ("TCP 192.0.2.1;branch=z9;rport", "192.0.2.1:7000", Some("192.0.2.1:5060")),
        ("TCP a.example:5070;branch=z9", "192.0.2.1:7000", Some("192.0.2.1:5070")),
        ("TCP [2001:db8::1]:5070;branch=z9", "[2001:db8::1]:7000", Some("[2001:db8::1]:5070")),
        // TLS is not configured, and SCTP is not known.
        ("TLS 192.0.2.1;branch=z9", "192.0.2.1:7000", None),
        ("SCTP 192.0.2.1;branch=z9", "192.0.2.1:7000", None),
        ("UDP 192.0.2.1;branch=z9", "192.0.2.1:7000", None),
    ];
    for (via, from, to) in cases {
        let mut w = World::new();
        let socket = w.listen(if addr(from).is_ipv4() { "tcp:0.0.0.0:5060" } else { "tcp:[::]:5060" });
        let conn = w.accept(socket, from);
        w.data(conn, text("OPTIONS", via, ""));
        let received = w.received().pop().unwrap();
        w.closed(conn, CloseCause::Reset);
        assert_eq!(w.lines(), ["flow failed conn-1: connection reset"]);
        let response = reply(&received, 200);
        let sent = w.t.send_response(w.now, received.flow, &response, &mut w.out);
        let Some(to) = to else {
            assert!(sent.is_err(), "{via}");
            assert_eq!(w.lines(), [""; 0]);
            continue;
        };
        let flow = sent.unwrap();
        assert_eq!(w.lines(), [format!("open conn-0 {to}")], "{via}");
        w.opened(ConnId::opened(0), to);
        assert_eq!(w.lines().len(), 1);
        // A second response takes the connection that is there now.
        assert_eq!(w.t.send_response(w.now, received.flow, &response, &mut w.out), Ok(flow));
        assert_eq!(w.lines().len(), 1);
    }
}

#[test]
fn a_name_that_was_not_noted_cannot_be_answered_elsewhere() {
    let mut w = World::new();
    let socket = w.listen("tcp:0.0.0.0:5060");
    let conn = w.accept(socket, "192.0.2.1:7000");
    w.data(conn, text("OPTIONS", "TCP a.example;branch=z9", ""));
    let received = w.received().pop().unwrap();
    w.closed(conn, CloseCause::Peer);
    let request = received.message.as_request().unwrap();
    let response = Response::reply(request, 200, None, Some("b"), None).finish().unwrap();
    assert_eq!(w.t.send_response(w.now, received.flow, &response, &mut w.out), Err(SendError::NoAddress));
}
