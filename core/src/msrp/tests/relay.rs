//! A relay, scripted: AUTH with digest, the path that it grants, expiry and bounds (MSR-15, security class M8).

use bytes::Bytes;

use super::harness::{Pair, S1, Seen, names, setup, start, text};
use crate::msrp::{Connect, Delivery, End, Event, Field, RelaySetup};
use crate::sip::digest::Credentials;
use crate::transport::{CertificateChain, Security, TlsInfo, TlsPolicy};

const OWN: &str = "msrps://192.0.2.1:2855/a1;tcp";
const RELAY: &str = "msrps://example.com:2855;tcp";
const CHALLENGE: &str = "WWW-Authenticate: Digest realm=\"relay.example\", nonce=\"n1\", qop=\"auth\"\r\n";
const GRANT: &str = "Use-Path: msrps://example.com:2855/r1;tcp msrps://outer.example:2855/r2;tcp\r\nExpires: 900\r\n";

/// Names `example.com`, and no `relay.example`.
const CERTIFICATE: &[u8] = include_bytes!("../../../../vectors/tls/hosts.der");

/// Connected to the relay, and asked.
fn asked(credentials: Option<Credentials>) -> Pair {
    met(RELAY, TlsPolicy::Chain, credentials, CertificateChain::Trusted)
}

/// Connected to this relay, which showed its certificate.
fn met(relay: &str, policy: TlsPolicy, credentials: Option<Credentials>, chain: CertificateChain) -> Pair {
    let mut pair = Pair::new();
    let (now, conn) = (pair.now, names(0).0);
    pair.active.call(now, |e, _, _| e.prepare(S1, setup(OWN, Delivery::Whole)));
    let relay = RelaySetup {
        conn,
        to: "192.0.2.9:2855".parse().unwrap(),
        security: Security::Tls { identity: None, server_name: None, policy },
        uri: relay.parse().unwrap(),
        credentials,
        expires: None,
    };
    pair.active.call(now, |e, cx, out| e.relay(cx, S1, &relay, out));
    assert_eq!(pair.active.opened, [conn]);
    let shown = TlsInfo { chain, certificates: vec![Bytes::from_static(CERTIFICATE)] };
    pair.active.call(now, |e, cx, out| e.opened(cx, conn, Some(shown), out));
    pair
}

fn alice() -> Option<Credentials> {
    Some(Credentials::new("alice", "secret"))
}

/// The relay answers the last request.
fn answers(pair: &mut Pair, status: &str, fields: &str) {
    let tid = last(pair).head.transaction().clone();
    let data = format!("MSRP {tid} {status}\r\nTo-Path: {OWN}\r\nFrom-Path: {RELAY}\r\n{fields}-------{tid}$\r\n");
    let now = pair.now;
    pair.active.call(now, |e, cx, out| e.data(cx, names(0).0, data.into(), out));
}

fn last(pair: &Pair) -> &Seen {
    pair.active.tap.seen.last().unwrap()
}

fn ended(pair: &Pair) -> bool {
    matches!(pair.active.events_of(S1).last(), Some(Event::Ended(End::Relay(_))))
}

/// RFC 4976 section 9.2: nothing is said to a relay whose certificate does not name it, or is not trusted.
#[test]
fn a_relay_must_be_who_it_should_be() {
    let expired = || CertificateChain::Untrusted("expired".into());
    let other = "msrps://relay.example:2855;tcp";
    let refused = [
        (
            met(other, TlsPolicy::Chain, alice(), CertificateChain::Trusted),
            "the peer's certificate is not for relay.example",
        ),
        (met(RELAY, TlsPolicy::Chain, alice(), expired()), "the peer's certificate is not trusted: expired"),
    ];
    for (pair, reason) in refused {
        assert_eq!(pair.active.tap.seen.len(), 0, "{reason}");
        assert_eq!(pair.active.events_of(S1), [&Event::Ended(End::Distrusted(reason.into()))]);
    }
    let told_to_trust = met(other, TlsPolicy::None, alice(), expired());
    assert!(last(&told_to_trust).is("AUTH"));
}

#[test]
fn a_challenge_is_answered_and_the_path_told() {
    let mut pair = asked(alice());
    assert!(last(&pair).is("AUTH"));
    assert_eq!(last(&pair).head.to_path().unwrap().to_string(), RELAY);
    assert_eq!(last(&pair).head.value(Field::Authorization), None);
    answers(&mut pair, "401 Unauthorized", CHALLENGE);
    let credentials = last(&pair).head.value(Field::Authorization).unwrap();
    assert!(
        credentials.starts_with("Digest username=\"alice\", realm=\"relay.example\", nonce=\"n1\""),
        "{credentials}"
    );
    answers(&mut pair, "200 OK", GRANT);
    // RFC 4976 section 5.1: to the peer the last relay comes first.
    let path = "msrps://outer.example:2855/r2;tcp msrps://example.com:2855/r1;tcp msrps://192.0.2.1:2855/a1;tcp";
    assert_eq!(pair.active.events_of(S1), [&Event::Relayed { path: path.parse().unwrap() }]);
    // The session goes on the same connection, and the first relay is visited first.
    let remote = start("msrps://bob.example:9999/b1;tcp", Connect::Relay { active: true }, vec![]);
    let now = pair.now;
    pair.active.call(now, |e, cx, out| e.start(cx, S1, remote, out));
    assert!(last(&pair).is("SEND") && !last(&pair).head.has_body());
    answers(&mut pair, "200 OK", "");
    assert!(pair.active.endpoint.is_bound(S1));
    pair.send(S1, text("m001", "through the relay"));
    let to = "msrps://example.com:2855/r1;tcp msrps://outer.example:2855/r2;tcp msrps://bob.example:9999/b1;tcp";
    assert_eq!(last(&pair).head.to_path().unwrap().to_string(), to);
    assert_eq!(last(&pair).head.from_path().unwrap().to_string(), OWN);
}

#[test]
fn who_is_called_waits_for_the_first_send_through_its_relay() {
    let mut pair = asked(alice());
    answers(&mut pair, "401 Unauthorized", CHALLENGE);
    answers(&mut pair, "200 OK", GRANT);
    let remote = start("msrps://bob.example:9999/b1;tcp", Connect::Relay { active: false }, vec![]);
    let now = pair.now;
    pair.active.call(now, |e, cx, out| e.start(cx, S1, remote, out));
    pair.send(S1, text("m001", "too early"));
    assert!(last(&pair).is("AUTH") && !pair.active.endpoint.is_bound(S1));
    let from = "msrps://outer.example:2855/r2;tcp msrps://bob.example:9999/b1;tcp";
    let bind = format!(
        "MSRP t001 SEND\r\nTo-Path: {OWN}\r\nFrom-Path: {from}\r\nMessage-ID: b001\r\nByte-Range: 1-0/0\r\n-------t001$\r\n"
    );
    pair.active.call(now, |e, cx, out| e.data(cx, names(0).0, bind.into(), out));
    assert!(pair.active.endpoint.is_bound(S1));
    assert!(pair.active.tap.seen.iter().any(|seen| seen.is("SEND") && seen.body == b"too early"));
}

#[test]
fn the_path_is_asked_for_before_it_expires() {
    let mut pair = asked(alice());
    answers(&mut pair, "401 Unauthorized", CHALLENGE);
    answers(&mut pair, "200 OK", GRANT);
    let before = pair.active.tap.seen.len();
    pair.pass(839_000, false);
    assert_eq!(pair.active.tap.seen.len(), before);
    pair.pass(2000, false);
    assert!(last(&pair).is("AUTH"));
    assert!(last(&pair).head.value(Field::Authorization).unwrap().contains("nc=00000002"));
    // A nonce that is too old is replaced once.
    answers(&mut pair, "401 Unauthorized", &CHALLENGE.replace("nonce=\"n1\"", "nonce=\"n2\", stale=true"));
    assert!(last(&pair).head.value(Field::Authorization).unwrap().contains("nonce=\"n2\""));
    answers(&mut pair, "200 OK", GRANT);
    assert_eq!(pair.active.events_of(S1).len(), 1);
}

/// RFC 4976 section 6.3: the path is valid until it expires, whatever the relay says to those who ask for the next one.
#[test]
fn a_refused_refresh_is_tried_again_until_the_path_expires() {
    let granted = || {
        let mut pair = asked(alice());
        answers(&mut pair, "401 Unauthorized", CHALLENGE);
        answers(&mut pair, "200 OK", GRANT);
        pair.pass(840_000, false);
        pair
    };
    let asked = |pair: &Pair| pair.active.tap.seen.iter().filter(|seen| seen.is("AUTH")).count();
    // Refused with whatever: after a pause, and twice that, and so on.
    let mut pair = granted();
    let mut pause = 2000;
    for status in ["403 Forbidden", "500 Out of order", "401 Unauthorized"] {
        let before = asked(&pair);
        answers(&mut pair, status, "");
        pair.pass(pause - 1, false);
        assert!(!ended(&pair) && asked(&pair) == before, "{status}");
        pair.pass(2, false);
        assert_eq!(asked(&pair), before + 1, "{status}");
        pause *= 2;
    }
    // It changes its mind: the next refresh is due as ever, and its pauses are short again.
    answers(&mut pair, "401 Unauthorized", CHALLENGE);
    answers(&mut pair, "200 OK", GRANT);
    let before = asked(&pair);
    pair.pass(839_000, false);
    assert_eq!(asked(&pair), before);
    pair.pass(2000, false);
    answers(&mut pair, "403 Forbidden", "");
    pair.pass(2001, false);
    assert_eq!(asked(&pair), before + 2);
    assert_eq!(pair.active.events_of(S1).len(), 1, "the path has stayed the same");
    // It does not: the path expires, and there is a reason.
    for _ in 0..20 {
        if last(&pair).is("AUTH") && !ended(&pair) {
            answers(&mut pair, "403 Forbidden", "");
        }
        let left = pair.active.endpoint.deadline().map_or(1, |due| due.as_millis() - pair.now.as_millis());
        pair.pass(left, false);
        pair.active.endpoint.check_agenda();
    }
    assert_eq!(pair.active.events_of(S1).last(), Some(&&Event::Ended(End::Relay("403 Forbidden".into()))));
    assert!((5..12).contains(&(asked(&pair) - before)), "{}", asked(&pair) - before);
    // Nothing is answered: the same, at the end of the path.
    let mut pair = granted();
    pair.pass(59_000, false);
    assert!(!ended(&pair) && asked(&pair) == 4, "{}", asked(&pair));
    pair.pass(1500, false);
    assert_eq!(pair.active.events_of(S1).last(), Some(&&Event::Ended(End::Relay("Request Timeout".into()))));
}

#[test]
fn bounds_of_the_expiry_are_kept() {
    let mut pair = asked(alice());
    answers(&mut pair, "401 Unauthorized", CHALLENGE);
    answers(&mut pair, "423 Out of Bounds", "Max-Expires: 600\r\n");
    assert_eq!(last(&pair).head.value(Field::Expires).unwrap(), "600");
    answers(&mut pair, "423 Out of Bounds", "Min-Expires: 700\r\n");
    assert_eq!(last(&pair).head.value(Field::Expires).unwrap(), "700");
    answers(&mut pair, "423 Out of Bounds", "Max-Expires: 600\r\n");
    assert!(ended(&pair), "it cannot be pleased");
}

#[test]
fn refusals_end_the_session() {
    let mut pair = asked(None);
    answers(&mut pair, "401 Unauthorized", CHALLENGE);
    assert!(ended(&pair));
    let mut pair = asked(alice());
    answers(&mut pair, "401 Unauthorized", CHALLENGE);
    answers(&mut pair, "401 Unauthorized", CHALLENGE);
    assert!(ended(&pair), "the credentials are wrong");
    for (status, fields) in [
        ("403 Forbidden", ""),
        ("401 Unauthorized", ""),
        ("401 Unauthorized", "WWW-Authenticate: Basic realm=\"x\"\r\n"),
        ("423 Out of Bounds", ""),
        ("200 OK", ""),
        ("200 OK", "Use-Path: msrp://example.com:2855/r1;tcp\r\n"),
        ("200 OK", "Use-Path: http://evil.example/\r\n"),
        ("200 OK", "Use-Path: msrps://example.com:2855/r1;tcp\r\nExpires: 0\r\n"),
    ] {
        let mut pair = asked(alice());
        answers(&mut pair, status, fields);
        assert!(ended(&pair), "{status} {fields}");
        assert_eq!(pair.active.closed, [names(0).0]);
    }
    let mut pair = asked(alice());
    for _ in 0..10 {
        if !ended(&pair) {
            answers(&mut pair, "401 Unauthorized", &CHALLENGE.replace("qop", "stale=true, qop"));
        }
    }
    assert!(ended(&pair), "it is challenged without end");
}

#[test]
fn no_answer_ends_the_session() {
    let mut pair = asked(alice());
    pair.pass(31_000, false);
    assert!(matches!(pair.active.events_of(S1).last(), Some(Event::Ended(_))));
}
