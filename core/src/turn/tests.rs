//! A client, and a server that says what a test wants.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::random::{Random, Seed};
use crate::sip::digest::Secret;
use crate::stun::{Algorithm, Builder, Class, Integrity, Key, Message, attribute};
use crate::time::Instant;

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

const RELAYED: &str = "203.0.113.1:49152";
const MAPPED: &str = "198.51.100.7:4000";
const PEER: &str = "192.0.2.9:7000";

struct Lab {
    now: Instant,
    client: Client,
    key: Key,
}

impl Lab {
    fn new() -> Self {
        let server =
            Server { address: at("203.0.113.1:3478"), username: "alice".into(), password: Secret::from("secret") };
        let now = Instant::from_millis(1000);
        Self {
            now,
            client: Client::new(now, &server, Random::new(&Seed::from_u64(1))),
            key: Key::long_term(Algorithm::Md5, "alice", "lab.test", &Secret::from("secret")),
        }
    }

    /// One that has its allocation, for ten minutes.
    fn allocated() -> Self {
        let mut lab = Self::new();
        lab.challenge(401, "n1");
        lab.allocate();
        assert!(matches!(lab.client.poll_event(), Some(Event::Allocated { .. })));
        lab
    }

    /// The next request, as the server reads it.
    fn request(&mut self) -> Message {
        Message::parse(self.client.poll_transmit().expect("a request")).unwrap()
    }

    fn arrive(&mut self, message: Bytes) -> Option<(SocketAddr, Bytes)> {
        self.client.datagram(self.now, message)
    }

    /// Answers the next request with a challenge.
    fn challenge(&mut self, code: u16, nonce: &str) {
        let request = self.request();
        let answer = Builder::new(Class::Error, request.method(), request.transaction())
            .error(code, "")
            .attribute(attribute::REALM, b"lab.test")
            .attribute(attribute::NONCE, nonce.as_bytes());
        self.arrive(answer.finish());
    }

    /// Answers the next request, which is of this method and signed, with success and what is added to it.
    fn accept(&mut self, method: u16, add: impl FnOnce(Builder) -> Builder) -> Message {
        let request = self.request();
        assert_eq!(request.method(), method);
        assert!(request.is_from(&self.key));
        let answer = add(Builder::new(Class::Success, method, request.transaction()));
        self.arrive(answer.finish_with(Integrity::Sha1, &self.key));
        request
    }

    fn allocate(&mut self) -> Message {
        self.accept(ALLOCATE, |answer| {
            answer
                .xor_address(attribute::XOR_RELAYED_ADDRESS, at(RELAYED))
                .mapped_address(at(MAPPED))
                .word(attribute::LIFETIME, 600)
        })
    }

    fn reject(&mut self, code: u16) {
        let request = self.request();
        let answer = Builder::new(Class::Error, request.method(), request.transaction()).error(code, "");
        self.arrive(answer.finish_with(Integrity::Sha1, &self.key));
    }

    /// Lets this time pass, and tells what was sent.
    fn run(&mut self, time: Duration) -> Vec<(Instant, Message)> {
        let end = self.now + time;
        let mut sent = Vec::new();
        while let Some(due) = self.client.deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.client.timeout(self.now);
            assert!(self.client.deadline().is_none_or(|due| due > self.now), "a client that does not rest");
            while let Some(data) = self.client.poll_transmit() {
                sent.push((self.now, Message::parse(data).unwrap()));
            }
        }
        self.now = end;
        sent
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn an_allocation_is_asked_for_with_credentials_once_the_server_wants_them() {
    let mut lab = Lab::new();
    lab.challenge(401, "n1");
    let request = lab.allocate();
    assert_eq!(request.word(attribute::REQUESTED_TRANSPORT), Some(17 << 24));
    assert_eq!(request.text(attribute::NONCE), Some("n1"));
    let event = Event::Allocated { relayed: at(RELAYED), mapped: at(MAPPED) };
    assert_eq!((lab.client.poll_event(), lab.client.relayed()), (Some(event), Some(at(RELAYED))));
}

#[test]
fn what_the_server_refuses_has_failed() {
    for code in [400, 420, 437, 441, 442, 486, 508] {
        let mut lab = Lab::new();
        lab.challenge(401, "n1");
        lab.reject(code);
        assert_eq!(lab.client.poll_event(), Some(Event::Failed(Failure::Refused(code))));
        assert!(lab.client.is_finished() && lab.client.deadline().is_none());
    }
    let mut lab = Lab::new();
    lab.challenge(401, "n1");
    lab.challenge(401, "n2");
    assert_eq!(lab.client.poll_event(), Some(Event::Failed(Failure::Unauthorized)));
    let mut lab = Lab::new();
    lab.challenge(401, "n1");
    lab.accept(ALLOCATE, |answer| answer);
    assert_eq!(lab.client.poll_event(), Some(Event::Failed(Failure::Nonsense)));
    let mut lab = Lab::new();
    let _ = lab.client.poll_transmit();
    assert_eq!(lab.run(SECOND * 40).len(), 6);
    assert_eq!(lab.client.poll_event(), Some(Event::Failed(Failure::TimedOut)));
}

#[test]
fn a_server_may_send_us_to_another_but_not_in_circles() {
    let mut lab = Lab::new();
    let send_to = |lab: &mut Lab, other: &str| {
        let request = lab.request();
        let at = at(other);
        let mut value = vec![0, 1];
        value.extend(at.port().to_be_bytes());
        let std::net::IpAddr::V4(ip) = at.ip() else { panic!() };
        value.extend(ip.octets());
        let answer = Builder::new(Class::Error, ALLOCATE, request.transaction()).error(300, "");
        lab.arrive(answer.attribute(attribute::ALTERNATE_SERVER, &value).finish());
    };
    for other in ["203.0.113.2:3478", "203.0.113.3:3478"] {
        send_to(&mut lab, other);
        assert_eq!(lab.client.server(), at(other));
    }
    send_to(&mut lab, "203.0.113.2:3478");
    assert_eq!(lab.client.poll_event(), Some(Event::Failed(Failure::Refused(300))));
    for wrong in ["127.0.0.1:3478", "224.0.0.1:3478", "0.0.0.0:1"] {
        let mut lab = Lab::new();
        send_to(&mut lab, wrong);
        assert_eq!(lab.client.poll_event(), Some(Event::Failed(Failure::Refused(300))), "{wrong}");
    }
}

#[test]
fn an_allocation_is_refreshed_before_it_ends_also_with_a_stale_nonce() {
    let mut lab = Lab::allocated();
    for nonce in ["n2", "n3", "n4", "n5"] {
        let sent = lab.run(SECOND * 540);
        assert_eq!(sent.len(), 1);
        let (_, request) = &sent[0];
        assert_eq!((request.method(), request.word(attribute::LIFETIME)), (REFRESH, Some(600)));
        let stale = Builder::new(Class::Error, REFRESH, request.transaction())
            .error(438, "")
            .attribute(attribute::REALM, b"lab.test")
            .attribute(attribute::NONCE, nonce.as_bytes());
        lab.arrive(stale.finish());
        let request = lab.accept(REFRESH, |answer| answer.word(attribute::LIFETIME, 600));
        assert_eq!(request.text(attribute::NONCE), Some(nonce));
    }
    assert_eq!(lab.client.poll_event(), None);
    let sent = lab.run(SECOND * 541);
    assert_eq!(sent.len(), 2);
    lab.run(SECOND * 60);
    assert_eq!((lab.client.poll_event(), lab.client.relayed()), (Some(Event::Failed(Failure::TimedOut)), None));
}

#[test]
fn a_peer_is_permitted_before_anything_goes_to_it() {
    let mut lab = Lab::allocated();
    let now = lab.now;
    for data in [&b"one"[..], b"two"] {
        lab.client.send(now, at(PEER), Bytes::from_static(data));
    }
    let request = lab.accept(CREATE_PERMISSION, |answer| answer);
    assert_eq!(request.xor_address(attribute::XOR_PEER_ADDRESS).unwrap().ip(), at(PEER).ip());
    for data in ["one", "two"] {
        let sent = lab.request();
        assert_eq!((sent.class(), sent.method()), (Class::Indication, SEND));
        assert_eq!(
            (sent.xor_address(attribute::XOR_PEER_ADDRESS), sent.text(attribute::DATA)),
            (Some(at(PEER)), Some(data))
        );
    }
    let data = |peer: &str, method| {
        let indication = Builder::new(Class::Indication, method, crate::stun::TransactionId([7; 12]));
        indication.xor_address(attribute::XOR_PEER_ADDRESS, at(peer)).attribute(attribute::DATA, b"hello").finish_bare()
    };
    assert_eq!(lab.arrive(data(PEER, DATA)), Some((at(PEER), Bytes::from_static(b"hello"))));
    assert_eq!(lab.arrive(data("192.0.2.8:1", DATA)), None, "nobody permitted it");
    assert_eq!(lab.arrive(data(PEER, SEND)), None);
    // It is asked for again after four minutes, for as long as the allocation lives.
    let sent = lab.run(SECOND * 241);
    assert_eq!(sent.iter().map(|(_, one)| one.method()).collect::<Vec<_>>(), [CREATE_PERMISSION, CREATE_PERMISSION]);
    let _ = lab.client.poll_transmit();
    lab.run(SECOND * 60);
    assert_eq!(lab.arrive(data(PEER, DATA)), None, "the permission has ended");
}

#[test]
fn a_permission_that_is_refused_lets_nothing_through() {
    let mut lab = Lab::allocated();
    let now = lab.now;
    lab.client.send(now, at(PEER), Bytes::from_static(b"x"));
    lab.reject(403);
    lab.client.send(now, at(PEER), Bytes::from_static(b"y"));
    assert!(lab.client.poll_transmit().is_none());
    assert_eq!(lab.client.relayed(), Some(at(RELAYED)));
}

#[test]
fn a_channel_carries_what_goes_to_its_peer() {
    let mut lab = Lab::allocated();
    let now = lab.now;
    lab.client.bind(now, at(PEER));
    let request = lab.accept(CHANNEL_BIND, |answer| answer);
    assert_eq!(request.word(attribute::CHANNEL_NUMBER), Some(0x4000 << 16));
    assert_eq!(request.xor_address(attribute::XOR_PEER_ADDRESS), Some(at(PEER)));
    lab.client.send(now, at(PEER), Bytes::from_static(b"media"));
    let message = lab.client.poll_transmit().unwrap();
    assert_eq!(message[..], *b"\x40\x00\x00\x05media");
    let hello = Some((at(PEER), Bytes::from_static(b"hello")));
    assert_eq!(lab.arrive(Bytes::from_static(b"\x40\x00\x00\x05hello")), hello);
    assert_eq!(lab.arrive(Bytes::from_static(b"\x40\x00\x00\x05hello\0\0\0")), hello, "padded");
    for wrong in [
        &b"\x40\x01\x00\x05hello"[..],
        b"\x40\x00\x00\x06hello",
        b"\x40\x00\x00\x01hello",
        b"\x50\x00\x00\x05hello",
        b"\x40\x00\x00",
        b"",
    ] {
        assert_eq!(lab.arrive(Bytes::from_static(wrong)), None, "{wrong:?}");
    }
    // A channel lasts ten minutes; asking again for it does so for the permission, too.
    let sent = lab.run(SECOND * 541);
    assert!(sent.iter().any(|(_, one)| one.method() == CHANNEL_BIND));
}

#[test]
fn an_allocation_is_given_back() {
    let mut lab = Lab::allocated();
    let now = lab.now;
    lab.client.release(now);
    assert_eq!(lab.client.relayed(), None);
    let request = lab.accept(REFRESH, |answer| answer.word(attribute::LIFETIME, 0));
    assert_eq!(request.word(attribute::LIFETIME), Some(0));
    assert!(lab.client.is_finished() && lab.client.poll_event().is_none());
    let mut silent = Lab::allocated();
    silent.client.release(now);
    let _ = silent.client.poll_transmit();
    assert_eq!(silent.run(SECOND * 10).len(), 2);
    assert!(silent.client.is_finished() && silent.client.poll_event().is_none());
}

#[test]
fn what_nobody_vouches_for_is_as_if_it_were_lost() {
    let mut lab = Lab::new();
    lab.challenge(401, "n1");
    let request = lab.request();
    let success = Builder::new(Class::Success, ALLOCATE, request.transaction())
        .xor_address(attribute::XOR_RELAYED_ADDRESS, at("192.0.2.66:6"))
        .mapped_address(at(MAPPED));
    lab.arrive(success.clone().finish());
    let forged = Key::long_term(Algorithm::Md5, "alice", "lab.test", &Secret::from("guess"));
    lab.arrive(success.finish_with(Integrity::Sha1, &forged));
    lab.arrive(Builder::new(Class::Error, ALLOCATE, request.transaction()).error(508, "").finish());
    assert_eq!((lab.client.poll_event(), lab.client.relayed()), (None, None));
    assert_eq!(lab.run(SECOND).len(), 1, "it is repeated");
    for length in 0..200 {
        lab.arrive(Bytes::from(vec![length; usize::from(length)]));
    }
    assert!(!format!("{:?}", lab.client).contains("secret"));
}
