//! Listeners and connections that sessions share (RFC 4975 section 5.4), and strangers (security class M).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bytes::Bytes;

use super::harness::{Pair, S1, S2, names, plain, setup, text, tls};
use crate::id::{ConnId, SocketId};
use crate::limits::Limits;
use crate::msrp::{Context, Delivery, Endpoint, Event, Output, RelaySetup};
use crate::outbox::Outbox;
use crate::random::{Random, Seed};
use crate::time::Instant;
use crate::transport::{CloseCause, Port, SocketKind};

const HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn listening() -> SocketKind {
    SocketKind::Listen(plain())
}

fn said(out: &mut Outbox<Output>) -> Vec<Output> {
    std::iter::from_fn(|| out.pop()).collect()
}

#[test]
fn sessions_share_a_listener_until_the_last_one_leaves() {
    let (mut endpoint, mut out) = (Endpoint::new(), Outbox::new());
    let (socket, local) = (SocketId::of_msrp(0), SocketAddr::new(HOST, 2855));
    endpoint.listen(S1, listening(), HOST, Port::Random, &mut out);
    endpoint.listen(S2, listening(), HOST, Port::Random, &mut out);
    assert_eq!(said(&mut out), [Output::Bind { socket, kind: listening(), addr: HOST, port: Port::Random }]);
    endpoint.socket_bound(socket, local, &mut out);
    assert_eq!(said(&mut out), [S1, S2].map(|stream| Output::Listening(stream, Ok(local))));
    // One of another kind, or on another address, is another.
    endpoint.listen(S1, SocketKind::Listen(tls()), HOST, Port::Random, &mut out);
    assert!(matches!(&said(&mut out)[..], [Output::Bind { socket: other, .. }] if *other == SocketId::of_msrp(1)));
    endpoint.unlisten(S2, &mut out);
    assert!(said(&mut out).is_empty());
    endpoint.unlisten(S1, &mut out);
    assert_eq!(said(&mut out).len(), 2);
    // Who comes now has one of its own.
    endpoint.listen(S2, listening(), HOST, Port::Random, &mut out);
    assert!(matches!(&said(&mut out)[..], [Output::Bind { socket: other, .. }] if *other == SocketId::of_msrp(2)));
    endpoint.socket_closed(SocketId::of_msrp(2), &CloseCause::Refused, &mut out);
    assert_eq!(said(&mut out), [Output::Listening(S2, Err(CloseCause::Refused))]);
    endpoint.socket_closed(socket, &CloseCause::Local, &mut out);
    endpoint.socket_closed(SocketId::of_msrp(1), &CloseCause::Local, &mut out);
    assert!(endpoint.is_idle());
}

#[test]
fn sessions_of_one_relay_share_the_connection_to_it() {
    let (mut endpoint, mut out) = (Endpoint::new(), Outbox::new());
    let (mut random, limits) = (Random::new(&Seed::from_u64(1)), Limits::default());
    let mut cx = Context { now: Instant::from_millis(1), random: &mut random, limits: &limits, trace: false };
    let relay = |endpoint: &mut Endpoint| RelaySetup {
        conn: endpoint.name_connection(),
        to: "192.0.2.9:2855".parse().unwrap(),
        security: plain(),
        uri: "msrp://192.0.2.9:2855;tcp".parse().unwrap(),
        credentials: None,
        expires: None,
    };
    let mut asked = 0;
    for (stream, own) in [(S1, "msrp://192.0.2.1:2855/a1;tcp"), (S2, "msrp://192.0.2.1:2855/a2;tcp")] {
        endpoint.prepare(stream, setup(own, Delivery::Whole));
        let setup = relay(&mut endpoint);
        endpoint.relay(&mut cx, stream, &setup, &mut out);
        let first = stream == S1;
        let opened = said(&mut out).iter().filter(|output| matches!(output, Output::Open { .. })).count();
        assert_eq!(opened, usize::from(first));
        if first {
            endpoint.opened(&mut cx, ConnId::of_msrp(0), None, &mut out);
            asked += said(&mut out).len();
        }
    }
    assert_eq!(asked, 1, "the first asks when the connection is open, the second at once");
}

#[test]
fn the_oldest_stranger_makes_room() {
    let mut pair = Pair::new();
    pair.passive.limits.msrp_strangers = 2;
    let now = pair.now;
    for count in 0..4 {
        pair.now = Instant::from_millis(now.as_millis() + count);
        let conn = ConnId::accepted(100 + count);
        pair.passive.accepted(pair.now, conn);
        let now = pair.now;
        pair.passive.call(now, |e, cx, out| e.opened(cx, conn, None, out));
    }
    assert_eq!(pair.passive.closed, [ConnId::accepted(100), ConnId::accepted(101)]);
    // A session that is bound is no stranger's.
    let mut pair = Pair::bound();
    pair.passive.limits.msrp_strangers = 1;
    for count in 0..3 {
        pair.passive.accepted(now, ConnId::accepted(100 + count));
    }
    assert_eq!(pair.passive.closed, [ConnId::accepted(100), ConnId::accepted(101)]);
    pair.send(S1, text("m001", "still here"));
    pair.run();
    assert_eq!(pair.passive.messages(), [Bytes::from("still here")]);
}

#[test]
fn a_session_that_must_wait_stops_its_connection_for_all() {
    let mut pair = Pair::bound();
    pair.session(S2, Delivery::Whole);
    pair.run();
    let conn = names(0).1;
    pair.passive.endpoint.hold(S1, true, &mut Outbox::new());
    pair.passive.endpoint.hold(S2, true, &mut Outbox::new());
    assert!(pair.passive.endpoint.is_paused(conn));
    let now = pair.now;
    pair.passive.call(now, |e, _, out| e.hold(S1, false, out));
    assert!(pair.passive.endpoint.is_paused(conn) && pair.passive.resumed.is_empty());
    // One that leaves does not keep the others waiting.
    pair.passive.call(now, |e, cx, out| e.close(cx, S2, out));
    assert!(!pair.passive.endpoint.is_paused(conn));
    assert_eq!(pair.passive.resumed, [conn]);
}

#[test]
fn what_the_peer_says_before_it_answers_the_first_send_is_heard() {
    let mut pair = Pair::new();
    pair.session(S1, Delivery::Whole);
    let now = pair.now;
    pair.passive.call(now, |e, cx, out| e.send(cx, S1, text("m001", "early"), out)).unwrap();
    pair.connect(0, None, None);
    pair.run();
    // It went out before the answer, and whoever takes messages of a session knows that the session has started.
    assert!(pair.passive.tap.seen[0].is("SEND") && pair.passive.tap.seen.iter().any(|frame| frame.is("200")));
    assert_eq!(pair.active.messages(), [Bytes::from("early")]);
    let events = pair.active.events_of(S1);
    assert_eq!(events.iter().position(|event| **event == Event::Started), Some(0));
    assert_eq!(events.iter().filter(|event| ***event == Event::Started).count(), 1);
}

#[test]
fn the_fates_of_all_messages_are_told_before_the_first_session_is_over() {
    let mut pair = Pair::bound();
    pair.session(S2, Delivery::Whole);
    pair.run();
    for stream in [S1, S2] {
        pair.send(stream, text("m001", "lost"));
    }
    pair.lose(0, &CloseCause::Reset);
    let fates: Vec<bool> = (pair.active.events.iter())
        .filter_map(|(_, event)| match event {
            Event::NotDelivered { .. } => Some(true),
            Event::Ended(_) => Some(false),
            _ => None,
        })
        .collect();
    assert_eq!(fates, [true, true, false, false]);
}
