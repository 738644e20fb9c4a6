//! What hostile peers send (security classes M1 to M9), and how it is answered.

use bytes::Bytes;

use super::harness::{Pair, S1, Seen, names};
use crate::id::ConnId;
use crate::limits::Limits;
use crate::msrp::{Event, MsrpUri, Start};

const TO: &str = "msrp://192.0.2.2:7777/p1;tcp";

/// What the passive side says to this, on the connection of its session or on another.
fn answer_on(pair: &mut Pair, conn: ConnId, data: &str) -> Vec<Seen> {
    let (before, now) = (pair.passive.tap.seen.len(), pair.now);
    pair.passive.call(now, |e, cx, out| e.data(cx, conn, Bytes::copy_from_slice(data.as_bytes()), out));
    pair.passive.tap.seen[before..].to_vec()
}

fn request(method: &str, to: &str, fields: &str) -> String {
    let from = "msrp://192.0.2.1:2855/a1;tcp";
    format!("MSRP evil1234 {method}\r\nTo-Path: {to}\r\nFrom-Path: {from}\r\n{fields}-------evil1234$\r\n")
}

fn send(id: &str, range: &str, body: &str) -> String {
    request(
        "SEND",
        TO,
        &format!("Message-ID: {id}\r\nByte-Range: {range}\r\nContent-Type: text/plain\r\n\r\n{body}\r\n"),
    )
}

fn codes(seen: &[Seen]) -> Vec<u16> {
    seen.iter()
        .filter_map(|seen| if let Start::Response(code, _) = seen.head.what() { Some(*code) } else { None })
        .collect()
}

fn codes_on(data: &str) -> Vec<u16> {
    let mut pair = Pair::bound();
    let seen = answer_on(&mut pair, names(0).1, data);
    assert!(pair.passive.messages().is_empty(), "{data}");
    codes(&seen)
}

#[test]
fn byte_ranges_that_contradict_themselves() {
    // M1.
    for range in ["0-1/1", "5-3/8", "1-18446744073709551616/*", "10-*/8", "1-9/8", "x"] {
        assert_eq!(codes_on(&send("m001", range, "x")), [400], "{range}");
    }
    assert_eq!(codes_on(&send("m001", "1-*/9223372036854775808", "x")), [413]);
    assert_eq!(codes_on(&send("m001", "9223372036854775808-*/*", "x")), [413]);
    assert_eq!(codes_on(&send("m001", "1-2/2", "xyz")), [400]);
}

#[test]
fn requests_without_what_they_need() {
    // M9.
    assert_eq!(codes_on(&request("SEND", TO, "")), [400]);
    assert_eq!(codes_on(&request("SEND", TO, "Message-ID: m001\r\nFailure-Report: maybe\r\n")), [400]);
    assert_eq!(codes_on(&request("SEND", TO, "Message-ID: m001\r\nMessage-ID: m002\r\n")), [400]);
    let long = "x".repeat(200);
    assert_eq!(codes_on(&request("SEND", TO, &format!("Message-ID: {long}\r\n"))), [400]);
    assert!(codes_on(&request("SEND", TO, "Message-ID: m001\r\nFailure-Report: no\r\nnonsense\r\n")).is_empty());
    assert_eq!(codes_on(&request("WHATEVER", TO, "")), [501]);
    assert_eq!(codes_on(&request("AUTH", TO, "")), [501]);
}

#[test]
fn sessions_that_are_not_theirs() {
    // M5, MSR-12.
    let unknown = request("SEND", "msrp://192.0.2.2:7777/p9;tcp", "Message-ID: m001\r\n");
    assert_eq!(codes_on(&unknown), [481]);
    for uri in ["msrps://192.0.2.2:7777/p1;tcp", "msrp://192.0.2.3:7777/p1;tcp", "msrp://192.0.2.2:7778/p1;tcp"] {
        assert!(uri.parse::<MsrpUri>().is_ok());
        assert_eq!(codes_on(&request("SEND", uri, "Message-ID: m001\r\n")), [481], "{uri}");
    }
    let mut pair = Pair::bound();
    let (other, now) = (ConnId::accepted(7), pair.now);
    pair.passive.accepted(now, other);
    pair.passive.call(now, |e, cx, out| e.opened(cx, other, None, out));
    assert_eq!(codes(&answer_on(&mut pair, other, &send("m001", "1-1/1", "x"))), [506]);
    assert!(pair.passive.messages().is_empty());
    // A session that nobody has bound yet is bound by a SEND only.
    let mut pair = Pair::new();
    pair.session(S1, crate::msrp::Delivery::Whole);
    pair.connect(0, None, None);
    let report = request("REPORT", TO, "Message-ID: m001\r\nStatus: 000 200 OK\r\n");
    assert!(answer_on(&mut pair, names(0).1, &report).is_empty());
    assert_eq!(codes(&answer_on(&mut pair, names(0).1, &request("NICKNAME", TO, ""))), [481]);
    assert!(!pair.passive.endpoint.is_bound(S1));
}

#[test]
fn reports_and_responses_are_never_answered() {
    // M6, MSR-2.
    let mut pair = Pair::bound();
    for _ in 0..100 {
        for data in [
            request("REPORT", TO, "Message-ID: m001\r\nStatus: 000 413 no\r\n"),
            request("REPORT", TO, "nonsense\r\n"),
            request("REPORT", "msrp://192.0.2.2:7777/p9;tcp", "Message-ID: m001\r\nStatus: 000 200 OK\r\n"),
            request("200 OK", TO, ""),
            request("481", TO, ""),
        ] {
            assert!(answer_on(&mut pair, names(0).1, &data).is_empty(), "{data}");
        }
    }
}

#[test]
fn messages_without_end() {
    // M3.
    let mut pair = Pair::bound();
    let more = |id: usize| send(&format!("m{id:04}"), "1-*/100", "x").replace("-------evil1234$", "-------evil1234+");
    let mut refused = 0;
    for id in 0..200 {
        match codes(&answer_on(&mut pair, names(0).1, &more(id)))[..] {
            [200] => {}
            [413] => refused += 1,
            ref other => panic!("{other:?}"),
        }
    }
    assert_eq!(refused, 200 - Limits::default().msrp_messages);
}

#[test]
fn a_message_that_is_over_stays_so() {
    // M4, MSR-5, MSR-7.
    let mut pair = Pair::bound();
    assert_eq!(codes(&answer_on(&mut pair, names(0).1, &send("m001", "1-1/1", "x"))), [200]);
    assert_eq!(codes(&answer_on(&mut pair, names(0).1, &send("m001", "1-1/1", "y"))), [200]);
    assert_eq!(pair.passive.messages(), ["x"]);
    let abort = send("m002", "1-*/9", "x").replace("-------evil1234$", "-------evil1234#");
    assert_eq!(codes(&answer_on(&mut pair, names(0).1, &abort)), [200]);
    assert!(pair.passive.events_of(S1).contains(&&Event::Aborted { id: "m002".into() }));
    assert_eq!(codes(&answer_on(&mut pair, names(0).1, &send("m002", "1-1/1", "x"))), [413]);
    assert_eq!(pair.passive.messages(), ["x"]);
}

#[test]
fn what_is_not_msrp_closes_the_connection() {
    // M2.
    for data in ["GET / HTTP/1.1\r\n\r\n".to_owned(), format!("MSRP abcd SEND\r\nX: {}", "x".repeat(40_000))] {
        let mut pair = Pair::bound();
        assert!(answer_on(&mut pair, names(0).1, &data).is_empty());
        assert_eq!(pair.passive.closed, [names(0).1]);
        assert!(matches!(pair.passive.events_of(S1).last(), Some(Event::Ended(_))));
        assert!(!pair.passive.endpoint.is_bound(S1));
        // Nothing more is read.
        assert!(answer_on(&mut pair, names(0).1, &send("m001", "1-1/1", "x")).is_empty());
    }
}
