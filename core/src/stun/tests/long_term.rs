//! A client with long-term credentials, and a server that asks for them (RFC 8489 section 9.2).

use super::*;
use crate::sip::digest::Secret;

const ALLOCATE: u16 = 3;

fn client() -> LongTerm {
    LongTerm::new("alice".into(), Secret::from("secret"))
}

fn sign(client: &LongTerm) -> Message {
    Message::parse(client.sign(Builder::new(Class::Request, ALLOCATE, TransactionId([1; 12])))).unwrap()
}

fn challenge(code: u16, nonce: &str) -> Builder {
    Builder::new(Class::Error, ALLOCATE, TransactionId([1; 12]))
        .error(code, "")
        .attribute(attribute::REALM, b"lab.test")
        .attribute(attribute::NONCE, nonce.as_bytes())
}

fn read(message: Builder) -> Message {
    Message::parse(message.finish()).unwrap()
}

fn success() -> Builder {
    Builder::new(Class::Success, ALLOCATE, TransactionId([1; 12]))
}

#[test]
fn a_request_is_signed_once_the_server_asks() {
    let mut client = client();
    let bare = sign(&client);
    assert_eq!((bare.integrity(), bare.attribute(attribute::USERNAME)), (None, None));
    assert_eq!(client.judge(&read(success())), Verdict::Authentic, "a server may want no credentials");
    assert_eq!(client.judge(&read(challenge(401, "n1"))), Verdict::Retry);
    let key = Key::long_term(Algorithm::Md5, "alice", "lab.test", &Secret::from("secret"));
    let signed = sign(&client);
    assert!(signed.is_from(&key));
    for (kind, value) in [(attribute::USERNAME, "alice"), (attribute::REALM, "lab.test"), (attribute::NONCE, "n1")] {
        assert_eq!(signed.text(kind), Some(value));
    }
    assert_eq!(client.judge(&read(success())), Verdict::Ignored, "nothing vouches for it");
    let vouched = |integrity| Message::parse(success().finish_with(integrity, &key)).unwrap();
    assert_eq!(client.judge(&vouched(Integrity::Sha1)), Verdict::Authentic);
    let other = Key::long_term(Algorithm::Md5, "alice", "lab.test", &Secret::from("other"));
    let forged = Message::parse(success().finish_with(Integrity::Sha1, &other)).unwrap();
    assert_eq!(client.judge(&forged), Verdict::Ignored);
    assert_eq!(client.judge(&read(challenge(401, "n2"))), Verdict::Refused);
    assert_eq!(sign(&client).text(attribute::NONCE), Some("n1"));
}

#[test]
fn a_stale_nonce_is_replaced_but_not_for_ever() {
    let mut client = client();
    assert_eq!(client.judge(&read(challenge(438, "n0"))), Verdict::Refused, "there was none");
    assert_eq!(client.judge(&read(challenge(401, "n1"))), Verdict::Retry);
    for nonce in ["n2", "n3", "n4"] {
        assert_eq!(client.judge(&read(challenge(438, nonce))), Verdict::Retry);
        assert_eq!(sign(&client).text(attribute::NONCE), Some(nonce));
    }
    assert_eq!(client.judge(&read(challenge(438, "n5"))), Verdict::Refused);
}

#[test]
fn the_strongest_ways_are_taken_when_the_nonce_says_so() {
    let mut client = client();
    let list = [0, 2, 0, 0, 0, 1, 0, 0];
    let asked = challenge(401, "obMatJos2wAAAx").attribute(attribute::PASSWORD_ALGORITHMS, &list);
    assert_eq!(client.judge(&read(asked)), Verdict::Retry);
    let signed = sign(&client);
    assert_eq!(signed.attribute(attribute::USERHASH).unwrap(), userhash("alice", "lab.test"));
    assert_eq!(signed.attribute(attribute::USERNAME), None);
    assert_eq!(signed.attribute(attribute::PASSWORD_ALGORITHMS).unwrap(), list);
    assert_eq!(signed.attribute(attribute::PASSWORD_ALGORITHM).unwrap(), [0, 2, 0, 0]);
    let key = Key::long_term(Algorithm::Sha256, "alice", "lab.test", &Secret::from("secret"));
    assert_eq!((signed.integrity(), signed.is_from(&key)), (Some(Integrity::Sha256), true));
    let weak = Message::parse(success().finish_with(Integrity::Sha1, &key)).unwrap();
    assert_eq!(client.judge(&weak), Verdict::Ignored);
    let strong = Message::parse(success().finish_with(Integrity::Sha256, &key)).unwrap();
    assert_eq!(client.judge(&strong), Verdict::Authentic);
}

#[test]
fn a_challenge_that_was_tampered_with_is_not_followed() {
    let unknown = [0, 9, 0, 0];
    for asked in [
        // The list was taken out.
        challenge(401, "obMatJos2gAAA"),
        challenge(401, "obMatJos2gAAA").attribute(attribute::PASSWORD_ALGORITHMS, &unknown),
        challenge(401, &"n".repeat(764)),
        Builder::new(Class::Error, ALLOCATE, TransactionId([1; 12])).error(401, ""),
        Builder::new(Class::Error, ALLOCATE, TransactionId([1; 12])).error(401, "").attribute(attribute::NONCE, b"n"),
    ] {
        let mut client = client();
        assert_eq!(client.judge(&read(asked)), Verdict::Refused);
        assert_eq!(sign(&client).integrity(), None);
    }
}
