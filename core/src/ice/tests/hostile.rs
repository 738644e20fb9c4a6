//! What is not the peer's, or more than a peer has to say (security class R5 and R6).

use std::time::Duration;

use bytes::Bytes;

use super::network::Network;
use super::*;
use crate::sip::digest::Secret;
use crate::stun::{BINDING, Builder, Class, Integrity, Key, Message, TransactionId, attribute};
use crate::time::Instant;

const NOW: Instant = Instant::from_millis(1000);

fn arrival(from: SocketAddr) -> Arrival {
    Arrival { component: RTP, base: at("192.0.2.1:4000"), from }
}

fn request(agent: &Agent) -> Builder {
    Builder::new(Class::Request, BINDING, TransactionId([1; 12]))
        .attribute(attribute::USERNAME, format!("{}:theirs", agent.description().ufrag).as_bytes())
        .long(attribute::ICE_CONTROLLING, 7)
}

/// What the agent answers to this.
fn answer(agent: &mut Agent, request: Bytes) -> Option<Message> {
    agent.datagram(NOW, arrival(at("203.0.113.5:5")), &Message::parse(request).unwrap());
    let sent = agent.poll_transmit()?;
    assert_eq!((sent.to, sent.base), (at("203.0.113.5:5"), at("192.0.2.1:4000")));
    Some(Message::parse(sent.data).unwrap())
}

#[test]
fn only_what_our_password_vouches_for_is_a_check() {
    let mut agent = agent(Role::Controlled, 1, "192.0.2.1");
    let key = Key::short_term(&agent.description().password);
    let wrong = Key::short_term(&Secret::from("wrong"));
    let bare = Builder::new(Class::Request, BINDING, TransactionId([1; 12])).word(attribute::PRIORITY, 5);
    let good = request(&agent).word(attribute::PRIORITY, 5);
    let named = |name: &[u8]| bare.clone().attribute(attribute::USERNAME, name);
    let cases = [
        (bare.clone().finish(), 400),
        (good.clone().finish(), 400),
        (bare.clone().finish_with(Integrity::Sha1, &key), 400),
        (good.clone().finish_with(Integrity::Sha1, &wrong), 401),
        (good.clone().finish_with(Integrity::Sha256, &wrong), 401),
        (named(b"other:theirs").finish_with(Integrity::Sha1, &key), 401),
        (named(&[b'u'; 1000]).finish_with(Integrity::Sha1, &key), 401),
        (request(&agent).finish_with(Integrity::Sha1, &key), 400),
        (request(&agent).word(attribute::PRIORITY, 0).finish_with(Integrity::Sha1, &key), 400),
        (good.clone().attribute(0x7777, b"?").finish_with(Integrity::Sha1, &key), 420),
    ];
    for (request, code) in cases {
        let length = request.len();
        let answer = answer(&mut agent, request).unwrap();
        assert_eq!(answer.error_code(), Some(code));
        assert_eq!(answer.unknown_attributes().collect::<Vec<_>>(), if code == 420 { vec![0x7777] } else { vec![] });
        if answer.integrity().is_none() {
            assert!(
                Builder::new(Class::Error, BINDING, TransactionId([1; 12])).error(code, "").finish().len()
                    <= length + 8
            );
        }
    }
    for integrity in [Integrity::Sha1, Integrity::Sha256] {
        let answer = answer(&mut agent, good.clone().finish_with(integrity, &key)).unwrap();
        assert_eq!((answer.class(), answer.mapped_address()), (Class::Success, Some(at("203.0.113.5:5"))));
        assert!(answer.integrity() == Some(integrity) && answer.is_from(&key));
    }
    let indication = Builder::new(Class::Indication, BINDING, TransactionId([1; 12])).finish();
    assert!(answer(&mut agent, indication).is_none());
    let other = Builder::new(Class::Request, 3, TransactionId([1; 12])).finish();
    assert!(answer(&mut agent, other).is_none(), "we are no TURN server");
}

#[test]
fn a_flood_of_checks_does_not_grow_us() {
    let mut agent = agent(Role::Controlled, 1, "192.0.2.1");
    let key = Key::short_term(&agent.description().password);
    let check = request(&agent).word(attribute::PRIORITY, 5).finish_with(Integrity::Sha1, &key);
    let check = Message::parse(check).unwrap();
    let flood = |agent: &mut Agent, sent_most: usize| {
        for port in 1..=2000 {
            agent.datagram(NOW, arrival(SocketAddr::new("203.0.113.5".parse().unwrap(), port)), &check);
        }
        let sent = std::iter::from_fn(|| agent.poll_transmit()).count();
        assert!(sent <= sent_most, "{sent}");
    };
    flood(&mut agent, 64);
    let theirs = Description::new(
        Credentials::new(&mut Random::new(&Seed::from_u64(3))),
        vec![Local::host(RTP, at("192.0.2.2:1"), 1).candidate],
    );
    agent.negotiate(NOW, &theirs);
    flood(&mut agent, 64);
    assert!(agent.checks().count() <= 100);
    let mut checks = 0;
    let mut now = NOW;
    while now < NOW + Duration::from_secs(1) {
        now += Duration::from_millis(10);
        agent.timeout(now);
        let mut fresh = std::collections::BTreeSet::new();
        while let Some(sent) = agent.poll_transmit() {
            fresh.insert(Message::parse(sent.data).unwrap().transaction());
        }
        checks += fresh.len();
    }
    assert!(checks <= 60, "checks are paced: {checks}");
}

#[test]
fn no_check_goes_where_none_may() {
    let mut agent = agent(Role::Controlling, 1, "192.0.2.1");
    let addresses = [
        "127.0.0.1:80",
        "0.0.0.0:80",
        "224.0.0.1:80",
        "255.255.255.255:80",
        "192.0.2.2:0",
        "192.0.2.1:4000",
        "[::1]:80",
        "[ff02::1]:80",
        "[::ffff:127.0.0.1]:80",
    ];
    let candidates = addresses.iter().map(|address| Local::host(RTP, at(address), 1).candidate);
    let theirs = Description::new(Credentials::new(&mut Random::new(&Seed::from_u64(3))), candidates.collect());
    agent.negotiate(NOW, &theirs);
    assert_eq!(agent.state(), State::Failed);
    assert!(agent.poll_transmit().is_none());
    // On the loopback itself others on it may be checked.
    let mut local = Agent::new(Config::new(Role::Controlling), Random::new(&Seed::from_u64(1)));
    local.add_local(Local::host(RTP, at("127.0.0.1:4000"), u16::MAX));
    local.negotiate(NOW, &theirs);
    assert_eq!(local.poll_transmit().unwrap().to, at("127.0.0.1:80"));
}

#[test]
fn forged_answers_change_nothing() {
    let mut network = Network::new([agent(Role::Controlling, 1, "192.0.2.1"), agent(Role::Controlled, 2, "192.0.2.2")]);
    network.lose(|_, _| true);
    network.start(Duration::ZERO);
    network.run(Duration::from_secs(1));
    let (_, _, flight) = network.sent.iter().find(|(_, side, _)| *side == 0).unwrap().clone();
    let id = Message::parse(flight.data).unwrap().transaction();
    let key = Key::short_term(&network.agents[1].description().password);
    let success = Builder::new(Class::Success, BINDING, id).mapped_address(at("192.0.2.1:4000"));
    let error = Builder::new(Class::Error, BINDING, id).error(487, "");
    let now = network.now;
    let alice = &mut network.agents[0];
    for forged in [
        success.clone().finish(),
        error.finish(),
        success.clone().finish_with(Integrity::Sha1, &Key::short_term(&Secret::from("x"))),
    ] {
        alice.datagram(now, arrival(flight.to), &Message::parse(forged).unwrap());
        assert!(alice.checks().all(|check| check.state != PairState::Succeeded));
        assert_eq!(alice.role(), Role::Controlling);
    }
    // What is right but comes from elsewhere fails the pair (RFC 8445 section 7.2.5.2.1).
    let real = Message::parse(success.finish_with(Integrity::Sha1, &key)).unwrap();
    alice.datagram(now, arrival(at("203.0.113.66:6")), &real);
    assert!(alice.checks().any(|check| check.state == PairState::Failed));
}
