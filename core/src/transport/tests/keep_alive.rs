//! Keep-alive of flows, and public addresses.

use super::*;
use crate::random::Seed;
use crate::sip::Via;
use crate::stun::{BINDING, Builder, Class, Message as Stun};

const ANSWERED: KeepAlive = KeepAlive { answered: true, flow_timer: None };
const BLIND: KeepAlive = KeepAlive { answered: false, flow_timer: None };
const SECOND: Duration = Duration::from_secs(1);

fn seed() -> Seed {
    Seed::from_u64(7)
}

/// A connection of ours that is open.
fn stream(how: KeepAlive) -> (World, ConnId) {
    let mut w = World::new();
    w.listen("tcp:192.0.2.9:5060");
    let conn = w.send(route("tcp:192.0.2.1:5060"), &request(0), "z9hG4bKa").unwrap().flow.conn().unwrap();
    w.opened(conn, "192.0.2.1:5060");
    w.t.hold(Flow::Stream(conn));
    w.t.keep_alive(w.now, Flow::Stream(conn), how, &seed());
    w.lines();
    (w, conn)
}

/// Lets time pass, second by second, until a ping goes out.
fn until_pinged(w: &mut World) {
    let lines = loop {
        w.pass(SECOND);
        let lines = w.lines();
        if !lines.is_empty() {
            break lines;
        }
    };
    assert_eq!(lines, ["write conn-0: \"\\r\\n\\r\\n\""]);
}

#[test]
fn a_connection_is_pinged_and_lives_as_long_as_it_is_answered() {
    let (mut w, conn) = stream(ANSWERED);
    for _ in 0..20 {
        let before = w.now;
        until_pinged(&mut w);
        let waited = w.now - before;
        assert!((95..=121).contains(&waited.as_secs()), "{waited:?}");
        w.data(conn, "\r\n");
    }
    until_pinged(&mut w);
    // No answer within 10 s.
    w.pass(10 * SECOND);
    assert_eq!(w.lines(), ["close conn-0 Abort", "flow failed conn-0: timed out"]);
    w.pass(1000 * SECOND);
    assert_eq!(w.lines(), [""; 0]);
}

#[test]
fn where_no_answer_is_expected_none_is_missed() {
    let (mut w, _) = stream(BLIND);
    w.pass(1000 * SECOND);
    let lines = w.lines();
    assert!((8..=10).contains(&lines.len()) && lines.iter().all(|line| line.starts_with("write conn-0")), "{lines:?}");
    let mut w = World::new();
    let socket = w.listen("udp:192.0.2.9:5060");
    let flow = Flow::Datagram { socket, peer: addr("192.0.2.1:5060") };
    w.t.keep_alive(w.now, flow, BLIND, &seed());
    w.pass(290 * SECOND);
    let lines = w.lines();
    assert!((10..=12).contains(&lines.len()), "{lines:?}");
    assert!(lines.iter().all(|line| line == "send socket-0 192.0.2.1:5060: \"\\r\\n\\r\\n\""), "{lines:?}");
    w.t.let_die(flow);
    assert_eq!(w.t.deadline(), None);
}

#[test]
fn a_flow_timer_says_how_often_whatever_it_says() {
    for (seconds, low, high) in [(30, 24, 31), (0, 0, 2), (u64::from(u32::MAX), 69_120, 86_401)] {
        let flow_timer = Some(Duration::from_secs(seconds));
        let (mut w, _) = stream(KeepAlive { answered: false, flow_timer });
        let before = w.now;
        w.pass(w.t.deadline().unwrap() - w.now);
        assert!((low..=high).contains(&(w.now - before).as_secs()), "{seconds}: {:?}", w.now - before);
        assert_eq!(w.lines().len(), 1);
    }
}

/// What came out last as a datagram: a Binding request.
fn asked(w: &mut World) -> Stun {
    let data = |output| if let Output::Send { data, .. } = output { Some(data) } else { None };
    let sent = w.outputs().into_iter().filter_map(data);
    Stun::parse(sent.last().expect("nothing was sent")).unwrap()
}

fn answer_to(request: &Stun, public: &str) -> Bytes {
    Builder::new(Class::Success, BINDING, request.transaction()).mapped_address(addr(public)).finish()
}

#[test]
fn datagrams_tell_the_public_address_and_that_it_has_changed() {
    let mut w = World::new();
    let socket = w.listen("udp:192.0.2.9:5060");
    let peer = "192.0.2.1:5060";
    let flow = Flow::Datagram { socket, peer: addr(peer) };
    w.t.keep_alive(w.now, flow, ANSWERED, &seed());
    w.pass(Duration::ZERO);
    let request = asked(&mut w);
    assert!(request.has_fingerprint() && request.class() == Class::Request);
    // From elsewhere, for another transaction, or nonsense: of no interest.
    w.datagram(socket, "192.0.2.2:5060", answer_to(&request, "203.0.113.1:4000"));
    let other = Builder::new(Class::Success, BINDING, crate::stun::TransactionId([0; 12]));
    w.datagram(socket, peer, other.mapped_address(addr("203.0.113.2:4000")).finish());
    w.datagram(socket, peer, answer_to(&request, "203.0.113.1:4000").slice(..31));
    assert_eq!((w.lines(), w.t.public_address(flow)), (vec![], None));
    w.datagram(socket, peer, answer_to(&request, "203.0.113.1:4000"));
    assert_eq!(w.lines(), ["public address of socket-0 192.0.2.1:5060: 203.0.113.1:4000"]);
    assert_eq!(w.t.public_address(flow), Some(addr("203.0.113.1:4000")));
    // The same again says nothing; another one ends the flow (RFC 5626 section 4.4.2).
    w.pass(29 * SECOND);
    let request = asked(&mut w);
    w.datagram(socket, peer, answer_to(&request, "203.0.113.1:4000"));
    assert_eq!(w.lines(), [""; 0]);
    w.pass(29 * SECOND);
    let request = asked(&mut w);
    w.datagram(socket, peer, answer_to(&request, "203.0.113.1:4001"));
    assert_eq!(w.lines(), ["flow failed socket-0 192.0.2.1:5060: the public address of the flow has changed"]);
    assert_eq!(w.t.deadline(), None);
}

#[test]
fn a_peer_that_does_not_answer_stun_has_failed() {
    let mut w = World::new();
    let socket = w.listen("udp:192.0.2.9:5060");
    let flow = Flow::Datagram { socket, peer: addr("192.0.2.1:5060") };
    w.t.keep_alive(w.now, flow, ANSWERED, &seed());
    w.pass(39 * SECOND);
    assert_eq!(w.lines().len(), 7);
    w.pass(SECOND);
    assert_eq!(w.lines(), ["flow failed socket-0 192.0.2.1:5060: timed out"]);
    // With its socket a flow is over, and nothing is kept.
    w.t.keep_alive(w.now, flow, BLIND, &seed());
    w.t.unbind(socket, &mut w.out).unwrap();
    w.t.socket_closed(socket, &mut w.out);
    assert_eq!(w.t.deadline(), None);
}

#[test]
fn a_response_tells_where_its_request_was_seen_to_come_from() {
    for (via, seen) in [
        ("SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1;rport=4000;received=203.0.113.1", Some("203.0.113.1:4000")),
        ("SIP/2.0/UDP 10.0.0.1:5062;branch=z9hG4bK1;received=203.0.113.1", Some("203.0.113.1:5062")),
        ("SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1;rport=4000", Some("10.0.0.1:4000")),
        ("SIP/2.0/UDP [2001:db8::1]:5060;branch=z9hG4bK1;rport=9;received=2001:db8::9", Some("[2001:db8::9]:9")),
        ("SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1;rport", None),
        ("SIP/2.0/UDP host.example:5060;branch=z9hG4bK1;rport=4000", None),
    ] {
        let message = parse(answer(200, &[via.strip_prefix("SIP/2.0/").unwrap()]));
        let via: Via = message.headers().via().unwrap();
        assert_eq!(seen_address(&via), seen.map(addr), "{via}");
    }
}

#[test]
fn a_datagram_that_cannot_be_delivered_fails_its_flow_and_no_other() {
    let mut w = World::new();
    let socket = w.listen("udp:192.0.2.9:5060");
    let (gone, there) = (addr("192.0.2.1:5060"), addr("192.0.2.2:5060"));
    for peer in [gone, there] {
        w.t.keep_alive(w.now, Flow::Datagram { socket, peer }, BLIND, &seed());
    }
    w.t.undelivered(socket, gone, CloseCause::Refused, &mut w.out);
    assert_eq!(w.lines(), ["flow failed socket-0 192.0.2.1:5060: connection refused"]);
    w.pass(30 * SECOND);
    assert_eq!(w.lines(), ["send socket-0 192.0.2.2:5060: \"\\r\\n\\r\\n\""]);
    w.t.undelivered(SocketId::from_u64(9), gone, CloseCause::Refused, &mut w.out);
    assert_eq!((w.lines().len(), w.t.counters().driver_faults), (0, 1));
}
