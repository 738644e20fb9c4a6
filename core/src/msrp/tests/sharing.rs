//! Listeners and connections that sessions share (RFC 4975 section 5.4), and strangers (security class M).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;

use super::harness::{Pair, S1, S2, bytes, names, plain, setup, text, tls};
use crate::id::{ConnId, SocketId, StreamId};
use crate::limits::Limits;
use crate::msrp::{Content, Context, Delivery, Endpoint, Event, FailureReport, Message, Output, RelaySetup};
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

/// A message of two chunks, the first of 3000 bytes, and what comes of it.
fn fed(pair: &mut Pair, stream: StreamId, id: &str) {
    pair.send(stream, text(id, bytes(3000)));
}

#[test]
fn a_session_that_must_wait_lets_others_pass() {
    let mut pair = Pair::bound();
    pair.session(S2, Delivery::Whole);
    pair.run();
    let (conn, now) = (names(0).1, pair.now);
    pair.passive.call(now, |e, cx, out| e.hold(cx, S1, true, out));
    fed(&mut pair, S1, "m001");
    pair.send(S2, text("m002", "passes"));
    fed(&mut pair, S1, "m003");
    pair.run_in(100);
    assert_eq!(pair.passive.messages(), [Bytes::from("passes")]);
    assert!(!pair.passive.endpoint.is_paused(conn));
    // What waits is not answered, and comes in its order.
    let answered = |pair: &Pair| pair.passive.tap.seen.iter().filter(|seen| seen.is("200")).count();
    let before = answered(&pair);
    pair.passive.call(now, |e, cx, out| e.hold(cx, S1, false, out));
    pair.run();
    assert!(answered(&pair) > before);
    assert_eq!(pair.passive.messages()[1..], [bytes(3000), bytes(3000)]);
    assert_eq!(pair.active.events.iter().filter(|(_, event)| matches!(event, Event::Delivered { .. })).count(), 3);
}

#[test]
fn a_session_may_have_to_wait_in_the_midst_of_a_chunk() {
    for held in [1, 2, 5, 20] {
        let mut pair = Pair::bound();
        pair.session(S2, Delivery::Whole);
        pair.run();
        let now = pair.now;
        fed(&mut pair, S1, "m001");
        for _ in 0..held {
            pair.step(100);
        }
        pair.passive.call(now, |e, cx, out| e.hold(cx, S1, true, out));
        pair.send(S2, text("m002", "passes"));
        pair.step(100);
        // Let go while its chunk is under way, or when it has come.
        if held == 2 {
            pair.passive.call(now, |e, cx, out| e.hold(cx, S1, false, out));
        }
        pair.run_in(100);
        pair.passive.call(now, |e, cx, out| e.hold(cx, S1, false, out));
        pair.run_in(100);
        let mut messages = pair.passive.messages();
        messages.sort_by_key(Bytes::len);
        assert_eq!(messages, [Bytes::from("passes"), bytes(3000)], "{held}");
    }
}

#[test]
fn a_sender_does_not_fill_one_that_waits() {
    let mut pair = Pair::new();
    pair.session(S1, Delivery::Pieces(None));
    pair.connect(0, None, None);
    pair.run();
    let (conn, now) = (names(0).1, pair.now);
    pair.passive.call(now, |e, cx, out| e.hold(cx, S1, true, out));
    pair.active.file = bytes(20_000_000);
    pair.send(S1, Message { content: Content::Fed(20_000_000), ..text("m001", "") });
    pair.run();
    assert!(!pair.passive.endpoint.is_paused(conn), "our own sender waits for answers");
    assert!(pair.passive.events_of(S1).iter().all(|event| !matches!(event, Event::Piece { .. })));
    pair.passive.call(now, |e, cx, out| e.hold(cx, S1, false, out));
    pair.pass(1, true);
    let whole = |event: &&Event| matches!(event, Event::ChunkEnded { bytes: 20_000_000, whole: true, .. });
    assert_eq!(pair.passive.events_of(S1).into_iter().filter(whole).count(), 1);
    assert!(matches!(pair.active.events_of(S1).last(), Some(Event::Delivered { .. })));
}

/// What was kept goes on in slices, and whoever takes it can stop it after each; what comes meanwhile comes behind it.
#[test]
fn what_is_kept_is_worked_off_slice_by_slice() {
    let mut pair = Pair::new();
    pair.session(S1, Delivery::Pieces(None));
    pair.connect(0, None, None);
    pair.session(S2, Delivery::Whole);
    pair.run();
    let now = pair.now;
    pair.passive.call(now, |e, cx, out| e.hold(cx, S1, true, out));
    pair.active.file = bytes(1_500_000);
    pair.send(S1, Message { content: Content::Fed(1_500_000), ..text("m001", "") });
    pair.run();
    let come = |pair: &Pair| -> u64 {
        let len = |event: &&Event| if let Event::Piece { data, .. } = event { data.len() as u64 } else { 0 };
        pair.passive.events_of(S1).iter().map(len).sum()
    };
    assert_eq!(come(&pair), 0);
    let turn = |pair: &mut Pair| {
        let due = pair.passive.endpoint.deadline().unwrap();
        assert!(due > pair.now && due.as_millis() == pair.now.as_millis(), "at once, when others had their turn");
        pair.now = due;
        pair.passive.call(due, |e, cx, out| e.timeout(cx, out));
    };
    pair.passive.call(now, |e, cx, out| e.hold(cx, S1, false, out));
    let mut before = 0;
    for _ in 0..5 {
        let slice = come(&pair) - before;
        assert!((48 * 1024..=96 * 1024).contains(&slice), "{slice}");
        before = come(&pair);
        turn(&mut pair);
    }
    // Whoever takes it has enough, and somebody else speaks.
    let (now, before) = (pair.now, come(&pair));
    pair.passive.call(now, |e, cx, out| e.hold(cx, S1, true, out));
    assert!(pair.passive.endpoint.deadline().is_none_or(|due| due.as_millis() > now.as_millis()));
    pair.send(S2, text("m002", "passes"));
    pair.send(S1, text("m003", "comes last"));
    pair.run();
    assert_eq!((come(&pair), pair.passive.messages()), (before, vec![Bytes::from("passes")]));
    pair.passive.call(now, |e, cx, out| e.hold(cx, S1, false, out));
    pair.passive.endpoint.check_agenda();
    pair.pass(1, true);
    assert_eq!(come(&pair), 1_500_000 + 10);
    let ends = pair.passive.events_of(S1).into_iter().filter_map(|event| {
        if let Event::ChunkEnded { wish, whole: true, .. } = event { Some(wish.id.as_str()) } else { None }
    });
    assert_eq!(ends.collect::<Vec<_>>(), ["m001", "m003"]);
    // In its order, and nothing twice.
    let mut next = 0;
    for event in pair.passive.events_of(S1) {
        if let Event::Piece { wish, at, data, .. } = event
            && wish.id == "m001"
        {
            assert_eq!((*at, &data[..]), (next, &bytes(1_500_000)[next as usize..][..data.len()]));
            next += data.len() as u64;
        }
    }
}

/// A session that must wait, on a connection that is not read any longer: its peer has sent on and on without waiting for answers.
fn kept_too_much() -> Pair {
    let mut pair = Pair::bound();
    pair.session(S2, Delivery::Whole);
    pair.run();
    let (conn, now) = (names(0).1, pair.now);
    pair.passive.call(now, |e, cx, out| e.hold(cx, S2, true, out));
    for number in 0..700 {
        let failure_report = FailureReport::No;
        pair.send(S2, Message { success_report: false, failure_report, ..text(&format!("m{number:03}"), bytes(7000)) });
        pair.run();
    }
    assert!(pair.passive.endpoint.is_paused(conn) && pair.passive.resumed.is_empty());
    pair
}

/// One that does not wait for answers is not read any longer at last, and goes on when there is room.
#[test]
fn what_is_kept_is_bounded() {
    let mut pair = kept_too_much();
    let (conn, now) = (names(0).1, pair.now);
    // It is read on as soon as there is room again, and not before.
    pair.passive.call(now, |e, cx, out| e.hold(cx, S2, false, out));
    assert!(pair.passive.endpoint.is_paused(conn) && pair.passive.resumed.is_empty());
    pair.passive.call(now, |e, cx, out| e.timeout(cx, out));
    for turn in 1..30 {
        let at = now + Duration::from_nanos(turn);
        pair.passive.call(at, |e, cx, out| e.timeout(cx, out));
    }
    assert!(!pair.passive.endpoint.is_paused(conn) && pair.passive.messages().len() < 700);
    assert_eq!(pair.passive.resumed, [conn]);
}

#[test]
fn what_is_kept_of_one_that_leaves_holds_nobody_up() {
    let mut pair = kept_too_much();
    let (conn, now) = (names(0).1, pair.now);
    pair.passive.call(now, |e, cx, out| e.close(cx, S2, out));
    assert!(!pair.passive.endpoint.is_paused(conn));
    assert_eq!(pair.passive.resumed, [conn]);
}

/// The earliest of all deadlines is at hand, whatever happens: found one by one, it is the same.
#[test]
fn deadlines_are_those_of_sessions_and_connections() {
    let mut pair = Pair::bound();
    for number in 2..20 {
        pair.session(StreamId::from_u64(number), Delivery::Whole);
    }
    pair.run();
    for number in 1..20_u64 {
        pair.now += Duration::from_millis(700);
        pair.send(StreamId::from_u64(number), text("m001", "x"));
        pair.active.endpoint.check_agenda();
        pair.passive.endpoint.check_agenda();
        if number % 3 == 0 {
            pair.run();
        }
        if number % 5 == 0 {
            let now = pair.now;
            pair.active.call(now, |e, cx, out| e.close(cx, StreamId::from_u64(number), out));
        }
        pair.pass(number * 1000, number % 2 == 0);
        pair.active.endpoint.check_agenda();
        pair.passive.endpoint.check_agenda();
    }
    pair.lose(0, &CloseCause::Reset);
    assert_eq!((pair.active.endpoint.deadline(), pair.passive.endpoint.deadline()), (None, None));
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
    let events = pair.active.events.iter().map(|(_, event)| event);
    let told = events.filter(|event| matches!(event, Event::NotDelivered { .. } | Event::Ended(_)));
    let fates: Vec<bool> = told.map(|event| matches!(event, Event::NotDelivered { .. })).collect();
    assert_eq!(fates, [true, true, false, false]);
}
