//! Sessions on connections: binding, delivery, reports, fairness, endings. Each test names the property that it is of.

use bytes::Bytes;

use super::harness::{Pair, S1, S2, bytes, names, plain, setup, start, text, tls};
use crate::id::ConnId;
use crate::limits::Limits;
use crate::msrp::{
    ByteRange, Connect, Content, Continuation, Delivery, End, Event, FailureReport, Field, Message, SendError, Start,
    has_end_line,
};
use crate::sip::Text;
use crate::transport::{CertificateChain, CloseCause, Fingerprint, Security, TlsInfo, TlsPolicy};

fn id(text: &str) -> Text {
    text.into()
}

fn delivered(name: &str) -> Event {
    Event::Delivered { id: id(name), code: 200, reason: "OK".into(), chunk: None }
}

#[test]
fn the_active_side_binds_with_an_empty_send() {
    // MSR-13.
    let pair = Pair::bound();
    assert_eq!(pair.active.opened, [names(0).0]);
    let first = &pair.active.tap.seen[0];
    assert!(first.is("SEND") && !first.head.has_body());
    assert_eq!(first.head.byte_range(), Ok(ByteRange { start: 1, end: Some(0), total: Some(0) }));
    assert_eq!(pair.active.events_of(S1), [&Event::Started]);
    assert_eq!(pair.passive.events_of(S1), [&Event::Started]);
    // MSR-11: the response goes to the previous hop, and the paths come first.
    let response = &pair.passive.tap.seen[0];
    assert!(response.is("200"));
    assert_eq!(response.head.to_path(), first.head.from_path());
    assert_eq!(response.head.from_path(), first.head.to_path());
}

#[test]
fn messages_wait_for_the_session_and_are_delivered_once() {
    let mut pair = Pair::new();
    pair.session(S1, Delivery::Whole);
    pair.send(S1, text("m001", "early"));
    assert!(pair.active.wire.is_empty());
    pair.connect(0, None, None);
    pair.run();
    pair.send(S1, text("m002", "late"));
    pair.run();
    assert_eq!(pair.passive.messages(), ["early", "late"]);
    let events = pair.active.events_of(S1);
    for name in ["m001", "m002"] {
        let of: Vec<_> = events.iter().filter(|event| ***event == delivered(name)).collect();
        assert_eq!(of.len(), 1, "{name}");
    }
    // Nothing is left to tell of them.
    pair.pass(40_000, true);
    assert_eq!(pair.active.events_of(S1).iter().filter(|e| matches!(e, Event::NotDelivered { .. })).count(), 0);
}

#[test]
fn every_cut_of_the_stream_gives_the_same() {
    for piece in [1, 2, 3, 7, 64, 1000] {
        let mut pair = Pair::bound();
        pair.send(S1, text("m001", bytes(5000)));
        pair.send(S1, text("m002", "short"));
        pair.run_in(piece);
        let mut got = pair.passive.messages();
        got.sort_by_key(Bytes::len);
        assert_eq!(got, [Bytes::from("short"), bytes(5000)], "{piece}");
        assert!(pair.active.events_of(S1).contains(&&delivered("m001")), "{piece}");
    }
}

#[test]
fn reports_are_as_asked_for() {
    // MSR-3, MSR-10.
    for (success, failure, responses, reports) in [
        (false, FailureReport::Yes, 1, 0),
        (false, FailureReport::Partial, 0, 0),
        (false, FailureReport::No, 0, 0),
        (true, FailureReport::Yes, 1, 1),
        (true, FailureReport::No, 0, 1),
    ] {
        let mut pair = Pair::bound();
        let before = pair.passive.tap.seen.len();
        pair.send(S1, Message { success_report: success, failure_report: failure, ..text("m001", "hello") });
        pair.run();
        let seen = &pair.passive.tap.seen[before..];
        assert_eq!(seen.iter().filter(|seen| seen.is("200")).count(), responses, "{success} {failure:?}");
        let told: Vec<_> = seen.iter().filter(|seen| seen.is("REPORT")).collect();
        assert_eq!(told.len(), reports, "{success} {failure:?}");
        for report in told {
            assert_eq!(report.head.value(Field::ByteRange).unwrap(), "1-5/5");
            assert_eq!(report.head.value(Field::Status).unwrap(), "000 200 OK");
            // MSR-2.
            assert_eq!(
                (report.head.value(Field::SuccessReport), report.head.value(Field::FailureReport)),
                (None, None)
            );
        }
        let knows = success || failure == FailureReport::Yes;
        assert_eq!(pair.active.events_of(S1).contains(&&delivered("m001")), knows, "{success} {failure:?}");
        assert_eq!(pair.passive.messages(), ["hello"]);
    }
}

#[test]
fn a_type_that_is_not_taken_is_refused_at_once() {
    // MSR-12: 415, and no further chunks.
    let mut pair = Pair::bound();
    let message = Message { content_type: "image/png".into(), ..text("m001", bytes(300_000)) };
    pair.send(S1, message);
    pair.run();
    assert!(pair.passive.tap.seen.iter().any(|seen| seen.is("415")));
    let of: Vec<_> =
        pair.active.events_of(S1).into_iter().filter(|e| matches!(e, Event::NotDelivered { .. })).collect();
    let failed =
        Event::NotDelivered { id: id("m001"), code: 415, reason: "Unsupported Media Type".into(), chunk: None };
    assert_eq!(of, [&failed]);
    assert!(pair.passive.messages().is_empty());
    assert_eq!(pair.active.tap.seen.last().unwrap().flag, Continuation::Abort);
}

#[test]
fn partial_tells_failures_only() {
    let mut pair = Pair::bound();
    let message = text("m001", "x");
    pair.send(
        S1,
        Message {
            content_type: "image/png".into(),
            success_report: false,
            failure_report: FailureReport::Partial,
            ..message
        },
    );
    pair.run();
    let failed =
        Event::NotDelivered { id: id("m001"), code: 415, reason: "Unsupported Media Type".into(), chunk: None };
    assert!(pair.active.events_of(S1).contains(&&failed));
}

#[test]
fn what_is_larger_than_is_taken_is_refused_before_it_comes() {
    // MSR-6, MSR-7.
    let mut pair = Pair::bound();
    pair.passive.limits = Limits { msrp_message_bytes: 10_000, ..Limits::default() };
    pair.send(S1, text("m001", bytes(1_000_000)));
    pair.run();
    let failed = Event::NotDelivered { id: id("m001"), code: 413, reason: "Unwanted Message".into(), chunk: None };
    assert!(pair.active.events_of(S1).contains(&&failed));
    let sent: usize = pair.active.tap.seen.iter().map(|seen| seen.body.len()).sum();
    assert!(sent < 200_000, "{sent}");
    pair.send(S1, text("m002", "still there"));
    pair.run();
    assert_eq!(pair.passive.messages(), ["still there"]);
}

#[test]
fn no_answer_in_time_is_told_once() {
    // MSR-4.
    let mut pair = Pair::bound();
    pair.send(S1, text("m001", "lost"));
    pair.active.wire.clear();
    pair.pass(29_000, false);
    assert!(!pair.active.events_of(S1).iter().any(|e| matches!(e, Event::NotDelivered { .. })));
    pair.pass(70_000, false);
    let failed = Event::NotDelivered { id: id("m001"), code: 408, reason: "Request Timeout".into(), chunk: None };
    assert_eq!(pair.active.events_of(S1).into_iter().filter(|event| **event == failed).count(), 1);
}

#[test]
fn a_long_message_lets_others_pass() {
    // MSR-8: between two concurrent messages nobody waits for more than one quantum.
    let mut pair = Pair::bound();
    pair.active.limits = Limits { msrp_window: 8192, ..Limits::default() };
    pair.send(S1, text("m001", bytes(500_000)));
    for _ in 0..3 {
        pair.step(usize::MAX);
    }
    let before: usize = pair.active.tap.seen.len();
    pair.send(S1, text("m002", bytes(5000)));
    pair.send(S1, text("m003", "hi"));
    pair.run();
    let chunks: Vec<(Text, usize)> = (pair.active.tap.seen[before..].iter())
        .filter(|seen| seen.is("SEND"))
        .map(|seen| (seen.head.message_id().unwrap(), seen.body.len()))
        .collect();
    // The first one ends what was being written when the others came.
    let others: Vec<&(Text, usize)> = chunks.iter().skip(1).take(6).collect();
    for pair in others.windows(2) {
        assert!(pair[0].0 != pair[1].0, "{others:?}");
    }
    assert!(others.iter().all(|(_, len)| *len <= 2048), "{others:?}");
    let hi = chunks.iter().position(|(id, _)| id == "m003").unwrap();
    assert!(hi <= 3, "{chunks:?}");
    let mut got = pair.passive.messages();
    got.sort_by_key(Bytes::len);
    assert_eq!(got, [Bytes::from("hi"), bytes(5000), bytes(500_000)]);
}

#[test]
fn chunks_of_a_message_follow_each_other() {
    // MSR-9, and the star of MSR-8.
    let mut pair = Pair::bound();
    pair.send(S1, text("m001", bytes(600_000)));
    pair.run();
    let mut next = 1;
    let mut whole = Vec::new();
    for seen in pair.active.tap.seen.iter().filter(|seen| seen.head.has_body()) {
        let range = seen.head.byte_range().unwrap();
        assert_eq!((range.start, range.total), (next, Some(600_000)));
        assert_eq!(range.end.is_none(), seen.body.len() > 2048);
        assert_eq!(seen.head.value(Field::SuccessReport).unwrap(), "yes");
        next += seen.body.len() as u64;
        whole.extend_from_slice(&seen.body);
    }
    assert_eq!(whole, bytes(600_000));
    assert_eq!(pair.passive.messages(), [bytes(600_000)]);
}

#[test]
fn a_body_with_our_end_line_is_sent_under_another() {
    // MSR-1: what the sender would have chosen is known from a run with the same seed.
    for len in [0, 5000] {
        let mut pair = Pair::bound();
        pair.send(S1, text("m001", [b"x".repeat(len), b"first".to_vec()].concat()));
        pair.run();
        let chosen = pair.active.tap.seen[1].head.transaction().clone();
        let body = [b"y".repeat(len), format!("\r\n-------{chosen}$\r\n").into_bytes(), b"rest".to_vec()].concat();
        let mut pair = Pair::bound();
        pair.send(S1, text("m001", body.clone()));
        pair.run();
        assert_eq!(pair.passive.messages(), [Bytes::from(body)], "{len}");
        for seen in &pair.active.tap.seen {
            assert!(!has_end_line(&seen.body, seen.head.transaction()));
        }
    }
}

#[test]
fn several_sessions_share_one_connection() {
    let mut pair = Pair::bound();
    pair.session(S2, Delivery::Whole);
    pair.run();
    assert_eq!(pair.active.opened.len(), 1);
    pair.send(S2, text("m001", "two"));
    pair.send(S1, text("m001", "one"));
    pair.run();
    assert_eq!(pair.passive.events_of(S2).len(), 2);
    assert_eq!(pair.passive.messages(), ["two", "one"]);
    // One ends, the other goes on.
    let now = pair.now;
    pair.active.call(now, |e, cx, out| e.close(cx, S1, out));
    pair.send(S2, text("m002", "still"));
    pair.run();
    assert!(pair.active.closed.is_empty());
    pair.active.call(now, |e, cx, out| e.close(cx, S2, out));
    assert_eq!(pair.active.closed, [names(0).0]);
    // MSR-14: both sessions are told that their connection is gone.
    pair.lose(0, &CloseCause::Reset);
    for stream in [S1, S2] {
        let ended = Event::Ended(End::Connection(CloseCause::Reset));
        assert_eq!(pair.passive.events_of(stream).last(), Some(&&ended));
    }
    pair.passive.call(now, |e, _, out| e.unlisten(S1, out));
    assert!(pair.active.endpoint.is_idle() && pair.passive.endpoint.is_idle());
}

#[test]
fn what_has_not_arrived_when_the_connection_is_lost_fails_once() {
    // MSR-14.
    let mut pair = Pair::bound();
    for name in ["m001", "m002", "m003"] {
        pair.send(S1, text(name, bytes(100_000)));
    }
    pair.step(usize::MAX);
    pair.lose(0, &CloseCause::Reset);
    let events = pair.active.events_of(S1);
    for name in ["m001", "m002", "m003"] {
        let failed = Event::NotDelivered { id: id(name), code: 0, reason: "connection reset".into(), chunk: None };
        assert_eq!(events.iter().filter(|event| ***event == failed).count(), 1, "{name}");
    }
    assert_eq!(events.last(), Some(&&Event::Ended(End::Connection(CloseCause::Reset))));
    assert!(pair.active.endpoint.is_idle());
}

#[test]
fn a_session_that_is_not_bound_in_time_ends() {
    let mut pair = Pair::new();
    pair.session(S1, Delivery::Whole);
    pair.send(S1, text("m001", "x"));
    pair.pass(31_000, false);
    for side in [&pair.active, &pair.passive] {
        assert_eq!(side.events_of(S1).last(), Some(&&Event::Ended(End::NotBound)));
    }
    assert!(matches!(pair.active.events_of(S1)[0], Event::NotDelivered { code: 0, .. }));
    assert_eq!(pair.active.closed, [names(0).0]);
}

#[test]
fn silence_is_probed_and_a_dead_peer_noticed() {
    let mut pair = Pair::bound();
    let before = pair.active.tap.seen.len();
    pair.pass(61_000, true);
    let probes: Vec<_> = pair.active.tap.seen[before..].iter().filter(|seen| seen.is("SEND")).collect();
    assert_eq!(probes.len(), 1);
    assert_eq!(probes[0].head.other("Keep-Alive").unwrap(), "yes");
    assert!(pair.active.endpoint.is_bound(S1) && pair.passive.messages().is_empty());
    pair.pass(200_000, false);
    assert_eq!(pair.active.events_of(S1).last(), Some(&&Event::Ended(End::Connection(CloseCause::TimedOut))));
}

#[test]
fn a_stalled_connection_holds_back_what_is_sent() {
    let mut pair = Pair::bound();
    pair.active.limits = Limits { msrp_waiting: 4, ..Limits::default() };
    let now = pair.now;
    let mut sent = 0;
    while sent < 1000 {
        let message = text(&format!("m{sent:03}"), bytes(20_000));
        match pair.active.call(now, |e, cx, out| e.send(cx, S1, message, out)) {
            Ok(()) => sent += 1,
            Err(error) => {
                assert_eq!(error, SendError::Full);
                break;
            }
        }
    }
    assert!(sent < 12, "{sent}");
    let written: usize = pair.active.wire.iter().map(|(_, data)| data.len()).sum();
    assert!(written < 64 * 1024 + 20_000, "{written}");
    assert!(!pair.active.events_of(S1).contains(&&Event::Writable));
    pair.run();
    assert_eq!(pair.active.events_of(S1).into_iter().filter(|e| **e == Event::Writable).count(), 1);
    assert_eq!(pair.passive.messages().len(), sent);
}

#[test]
fn a_peer_that_does_not_read_is_not_read() {
    let mut pair = Pair::bound();
    let conn = names(0).1;
    let mut flood = Vec::new();
    for number in 0..4000 {
        let message = format!(
            "MSRP t{number:07} SEND\r\nTo-Path: msrp://192.0.2.2:7777/p1;tcp\r\nFrom-Path: msrp://192.0.2.1:2855/a1;tcp\r\n\
             Message-ID: f{number:07}\r\n-------t{number:07}$\r\n"
        );
        flood.extend_from_slice(message.as_bytes());
    }
    let now = pair.now;
    pair.passive.call(now, |e, cx, out| e.data(cx, conn, flood.into(), out));
    assert!(pair.passive.endpoint.is_paused(conn));
    let written: usize = pair.passive.wire.iter().map(|(_, data)| data.len()).sum();
    assert!(written < 70_000, "{written}");
    while let Some((conn, data)) = pair.passive.wire.pop_front() {
        pair.passive.call(now, |e, cx, out| e.drained(cx, conn, data.len(), out));
    }
    assert_eq!(pair.passive.resumed, [conn]);
    assert!(!pair.passive.endpoint.is_paused(conn));
}

#[test]
fn a_file_is_asked_for_as_there_is_room_and_comes_in_pieces() {
    let mut pair = Pair::new();
    pair.session(S1, Delivery::Pieces(Some(2_000_000)));
    pair.connect(0, None, None);
    pair.run();
    pair.active.file = bytes(1_500_000);
    pair.send(S1, Message { content_type: "a/b".into(), content: Content::Fed(1_500_000), ..text("f001", "") });
    let asked = |pair: &Pair| -> u64 {
        pair.active.events.iter().map(|(_, e)| if let Event::Wants { len, .. } = e { *len } else { 0 }).sum()
    };
    assert!(asked(&pair) < 400_000, "{}", asked(&pair));
    pair.run();
    assert_eq!(asked(&pair), 1_500_000);
    let mut whole = Vec::new();
    for event in pair.passive.events_of(S1) {
        if let Event::Piece { at, total, data, .. } = event {
            assert_eq!((*at, *total), (whole.len() as u64, Some(1_500_000)));
            whole.extend_from_slice(data);
        }
    }
    assert_eq!(whole, bytes(1_500_000));
    let reported: Vec<u64> = (pair.active.events_of(S1).into_iter())
        .filter_map(|event| if let Event::Reported { bytes, .. } = event { Some(*bytes) } else { None })
        .collect();
    assert!(reported.len() >= 5 && reported.is_sorted() && reported.last() == Some(&1_500_000), "{reported:?}");
    assert!(pair.active.events_of(S1).contains(&&delivered("f001")));
}

#[test]
fn a_message_given_up_ends_with_a_hash() {
    // MSR-7.
    let mut pair = Pair::bound();
    pair.active.limits = Limits { msrp_window: 8192, ..Limits::default() };
    pair.send(S1, text("m001", bytes(100_000)));
    pair.step(usize::MAX);
    let now = pair.now;
    pair.active.call(now, |e, cx, out| e.cancel(cx, S1, &"m001".into(), out));
    pair.run();
    assert_eq!(pair.active.tap.seen.last().unwrap().flag, Continuation::Abort);
    assert!(pair.passive.events_of(S1).contains(&&Event::Aborted { id: id("m001") }));
    assert!(
        !pair.active.events_of(S1).iter().any(|e| matches!(e, Event::Delivered { .. } | Event::NotDelivered { .. }))
    );
}

#[test]
fn an_empty_message_is_delivered() {
    let mut pair = Pair::bound();
    pair.send(S1, text("m001", ""));
    pair.run();
    assert_eq!(pair.passive.messages(), [""]);
    assert!(pair.active.events_of(S1).contains(&&delivered("m001")));
}

#[test]
fn what_cannot_be_written_is_refused() {
    let mut pair = Pair::bound();
    let now = pair.now;
    for (name, content_type) in
        [("m001", "text/plain\r\nX: y"), ("m 01", "text/plain"), ("m", "text/plain"), ("m001", "")]
    {
        let message = Message { content_type: content_type.into(), ..text(name, "x") };
        let result = pair.active.call(now, |e, cx, out| e.send(cx, S1, message, out));
        assert_eq!(result, Err(SendError::Unwritable));
    }
    let nickname = pair.active.call(now, |e, cx, out| e.nickname(cx, S1, "a\r\nb", out));
    assert_eq!(nickname, Err(SendError::Unwritable));
}

#[test]
fn a_nickname_is_asked_for_and_answered() {
    // MSR-17: this peer is no chat room, and says so.
    let mut pair = Pair::bound();
    let now = pair.now;
    pair.active.call(now, |e, cx, out| e.nickname(cx, S1, "Alice \"the\" great", out)).unwrap();
    pair.run();
    let asked = pair.active.tap.seen.iter().find(|seen| seen.is("NICKNAME")).unwrap();
    assert_eq!(asked.head.nickname().unwrap(), "Alice \"the\" great");
    let answer = Event::Nickname { code: 501, reason: "Unknown Method".into() };
    assert!(pair.active.events_of(S1).contains(&&answer));
}

fn shown(certificate: &'static [u8]) -> TlsInfo {
    TlsInfo {
        chain: CertificateChain::Untrusted("self-signed".into()),
        certificates: vec![Bytes::from_static(certificate)],
    }
}

/// A pair over TLS whose sides expect these certificates of each other, and see those.
fn secured(expected: [&'static [u8]; 2], seen: [Option<TlsInfo>; 2]) -> Pair {
    let mut pair = Pair::new();
    let (a, p) = ("msrps://192.0.2.1:2855/a1;tcp", "msrps://192.0.2.2:7777/p1;tcp");
    let (now, conn) = (pair.now, names(0).0);
    let [of_passive, of_active] = expected.map(|certificate| vec![Fingerprint::of(certificate)]);
    pair.active.call(now, |e, _, _| e.prepare(S1, setup(a, Delivery::Whole)));
    pair.passive.call(now, |e, _, _| e.prepare(S1, setup(p, Delivery::Whole)));
    pair.passive.call(now, |e, cx, out| e.start(cx, S1, start(a, Connect::Passive, of_active), out));
    let connect = Connect::Active { conn, to: "192.0.2.2:7777".parse().unwrap(), security: tls() };
    pair.active.call(now, |e, cx, out| e.start(cx, S1, start(p, connect, of_passive), out));
    let [at_active, at_passive] = seen;
    pair.connect(0, at_active, at_passive);
    pair.run();
    pair
}

#[test]
fn fingerprints_are_judged_on_both_sides() {
    let pair = secured([b"p", b"a"], [Some(shown(b"p")), Some(shown(b"a"))]);
    assert!(pair.active.endpoint.is_bound(S1) && pair.passive.endpoint.is_bound(S1));
    // The active side writes nothing to another.
    let pair = secured([b"p", b"a"], [Some(shown(b"x")), Some(shown(b"a"))]);
    assert!(matches!(pair.active.events_of(S1).last(), Some(Event::Ended(End::Distrusted(_)))));
    assert!(pair.active.tap.seen.is_empty());
    // Nor does the passive side bind one.
    for other in [Some(shown(b"x")), Some(TlsInfo { chain: CertificateChain::Missing, certificates: vec![] }), None] {
        let pair = secured([b"p", b"a"], [Some(shown(b"p")), other]);
        assert!(pair.passive.tap.seen[0].is("403"));
        assert!(!pair.passive.endpoint.is_bound(S1));
        assert_eq!(pair.active.events_of(S1).last(), Some(&&Event::Ended(End::Refused(403))));
    }
}

#[test]
fn who_joins_an_open_connection_judges_its_peer_too() {
    let mut pair = secured([b"p", b"a"], [Some(shown(b"p")), Some(shown(b"a"))]);
    let (a, p) = ("msrps://192.0.2.1:2855/a2;tcp", "msrps://192.0.2.2:7777/p2;tcp");
    for (expected, fits) in [(b"p", true), (b"x", false)] {
        let now = pair.now;
        pair.active.call(now, |e, _, _| e.prepare(S2, setup(a, Delivery::Whole)));
        pair.passive.call(now, |e, _, _| e.prepare(S2, setup(p, Delivery::Whole)));
        pair.passive.call(now, |e, cx, out| e.start(cx, S2, start(a, Connect::Passive, vec![]), out));
        let connect = Connect::Active { conn: names(1).0, to: "192.0.2.2:7777".parse().unwrap(), security: tls() };
        let fingerprints = vec![Fingerprint::of(expected)];
        pair.active.call(now, |e, cx, out| e.start(cx, S2, start(p, connect, fingerprints), out));
        pair.run();
        assert_eq!(pair.active.opened, [names(0).0], "the connection is shared");
        assert_eq!(pair.active.endpoint.is_bound(S2), fits);
        let distrusted = matches!(pair.active.events_of(S2).last(), Some(Event::Ended(End::Distrusted(_))));
        assert_eq!(distrusted, !fits);
        assert!(pair.active.endpoint.is_bound(S1));
        pair.active.call(now, |e, cx, out| e.close(cx, S2, out));
        pair.passive.call(now, |e, cx, out| e.close(cx, S2, out));
    }
}

/// Names `example.com`.
const HOSTS: &[u8] = include_bytes!("../../../../vectors/tls/hosts.der");

#[test]
fn without_a_fingerprint_the_peer_must_be_named_by_its_certificate() {
    let untrusted = CertificateChain::Untrusted("self-signed".into());
    for (host, policy, chain, fits) in [
        ("example.com", TlsPolicy::Chain, CertificateChain::Trusted, true),
        ("other.example", TlsPolicy::Chain, CertificateChain::Trusted, false),
        ("example.com", TlsPolicy::Chain, untrusted.clone(), false),
        // Who wants to know nothing of certificates is spared.
        ("other.example", TlsPolicy::None, untrusted, true),
    ] {
        let mut pair = Pair::new();
        let (now, conn) = (pair.now, names(0).0);
        pair.active.call(now, |e, _, _| e.prepare(S1, setup("msrps://192.0.2.1:2855/a1;tcp", Delivery::Whole)));
        let security = Security::Tls { identity: None, server_name: None, policy };
        let connect = Connect::Active { conn, to: "192.0.2.2:7777".parse().unwrap(), security };
        let remote = format!("msrps://{host}:7777/p1;tcp");
        pair.active.call(now, |e, cx, out| e.start(cx, S1, start(&remote, connect, vec![]), out));
        let shown = TlsInfo { chain, certificates: vec![Bytes::from_static(HOSTS)] };
        pair.active.call(now, |e, cx, out| e.opened(cx, conn, Some(shown), out));
        let ended = matches!(pair.active.events_of(S1).last(), Some(Event::Ended(End::Distrusted(_))));
        assert_eq!((ended, pair.active.tap.seen.is_empty()), (!fits, !fits), "{host}");
    }
}

#[test]
fn an_msrps_uri_is_spoken_to_over_tls_only() {
    let mut pair = Pair::new();
    let (a, p) = ("msrps://192.0.2.1:2855/a1;tcp", "msrps://192.0.2.2:7777/p1;tcp");
    let (now, conn) = (pair.now, names(0).0);
    pair.active.call(now, |e, _, _| e.prepare(S1, setup(a, Delivery::Whole)));
    let connect = Connect::Active { conn, to: "192.0.2.2:7777".parse().unwrap(), security: tls() };
    pair.active.call(now, |e, cx, out| e.start(cx, S1, start(p, connect, vec![]), out));
    pair.active.call(now, |e, cx, out| e.opened(cx, conn, None, out));
    assert!(matches!(pair.active.events_of(S1).last(), Some(Event::Ended(End::Distrusted(_)))));
    assert!(pair.active.tap.seen.is_empty());
}

#[test]
fn what_comes_before_the_peer_is_known_waits() {
    let mut pair = Pair::new();
    let (a, p) = ("msrp://192.0.2.1:2855/a1;tcp", "msrp://192.0.2.2:7777/p1;tcp");
    let (now, conn) = (pair.now, names(0).0);
    pair.active.call(now, |e, _, _| e.prepare(S1, setup(a, Delivery::Whole)));
    pair.passive.call(now, |e, _, _| e.prepare(S1, setup(p, Delivery::Whole)));
    let connect = Connect::Active { conn, to: "192.0.2.2:7777".parse().unwrap(), security: plain() };
    pair.active.call(now, |e, cx, out| e.start(cx, S1, start(p, connect, vec![]), out));
    pair.connect(0, None, None);
    pair.run();
    assert!(!pair.active.endpoint.is_bound(S1) && pair.passive.tap.seen.is_empty());
    assert!(!pair.passive.endpoint.is_paused(names(0).1), "others on it go on");
    pair.passive.call(now, |e, cx, out| e.start(cx, S1, start(a, Connect::Passive, vec![]), out));
    pair.run();
    assert!(pair.active.endpoint.is_bound(S1) && pair.passive.endpoint.is_bound(S1));
}

#[test]
fn a_connection_that_carries_nothing_is_closed() {
    let mut pair = Pair::new();
    let (conn, now) = (ConnId::accepted(9), pair.now);
    pair.passive.accepted(now, conn);
    pair.passive.call(now, |e, cx, out| e.opened(cx, conn, None, out));
    pair.pass(29_000, false);
    assert!(pair.passive.closed.is_empty());
    pair.pass(2000, false);
    assert_eq!(pair.passive.closed, [conn]);
}

#[test]
fn responses_are_known_by_their_transaction_only() {
    let mut pair = Pair::bound();
    pair.send(S1, text("m001", "x"));
    let (conn, now) = (names(0).0, pair.now);
    let stray = "MSRP stranger 413 No\r\nTo-Path: msrp://192.0.2.1:2855/a1;tcp\r\nFrom-Path: msrp://192.0.2.2:7777/p1;tcp\r\n-------stranger$\r\n";
    pair.active.call(now, |e, cx, out| e.data(cx, conn, Bytes::from(stray), out));
    pair.run();
    assert!(pair.active.events_of(S1).contains(&&delivered("m001")));
    assert!(matches!(pair.passive.tap.seen[0].head.what(), Start::Response(200, _)));
}
