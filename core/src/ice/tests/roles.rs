//! Conflicts of roles, lite peers, and peers that nominate with every check.

use std::time::Duration;

use bytes::Bytes;

use super::network::Network;
use super::*;
use crate::stun::{BINDING, Builder, Class, Integrity, Key, Message, TransactionId, attribute};
use crate::time::Instant;

#[test]
fn of_two_with_the_same_role_exactly_one_switches() {
    for role in [Role::Controlling, Role::Controlled] {
        for seed in 0..8 {
            for later in [0, 15, 35, 200] {
                let agents = [agent(role, seed, "192.0.2.1"), agent(role, seed + 100, "192.0.2.2")];
                let mut network = Network::new(agents);
                network.start(Duration::from_millis(later));
                network.run(Duration::from_secs(3));
                network.assert_agreed();
            }
        }
    }
}

/// A peer that the test plays.
struct Peer {
    agent: Agent,
    theirs: Description,
    now: Instant,
    sent: u8,
}

impl Peer {
    fn new(role: Role, addresses: &[&str]) -> Self {
        let mut agent = Agent::new(Config::new(role), Random::new(&Seed::from_u64(1)));
        agent.add_local(Local::host(RTP, at("192.0.2.1:4000"), u16::MAX));
        let candidates =
            addresses.iter().zip(0..).map(|(address, worse)| Local::host(RTP, at(address), u16::MAX - worse).candidate);
        let theirs = Description::new(Credentials::new(&mut Random::new(&Seed::from_u64(2))), candidates.collect());
        Self { agent, theirs, now: Instant::from_millis(5), sent: 0 }
    }

    fn arrive(&mut self, from: &str, data: Bytes) {
        let arrival = Arrival { component: RTP, base: at("192.0.2.1:4000"), from: at(from) };
        self.agent.datagram(self.now, arrival, &Message::parse(data).unwrap());
    }

    /// A check of the peer's that nominates.
    fn nominate(&mut self, from: &str) {
        let ours = self.agent.description();
        self.sent += 1;
        let request = Builder::new(Class::Request, BINDING, TransactionId([self.sent; 12]))
            .attribute(attribute::USERNAME, format!("{}:{}", ours.ufrag, self.theirs.ufrag).as_bytes())
            .word(attribute::PRIORITY, 1000)
            .long(attribute::ICE_CONTROLLING, 7)
            .attribute(attribute::USE_CANDIDATE, &[]);
        self.arrive(from, request.finish_with(Integrity::Sha1, &Key::short_term(&ours.password)));
    }

    /// Answers every request that the agent sends in this time to the addresses that are said to be open; tells those that nominated.
    fn answer(&mut self, time: Duration, open: &[&str]) -> Vec<SocketAddr> {
        let mut nominated = Vec::new();
        let end = self.now + time;
        while self.now < end {
            self.agent.timeout(self.now);
            while let Some(Transmit { to, data, .. }) = self.agent.poll_transmit() {
                let request = Message::parse(data).unwrap();
                let Some(from) = open.iter().find(|open| at(open) == to) else { continue };
                if request.class() != Class::Request {
                    continue;
                }
                if request.attribute(attribute::USE_CANDIDATE).is_some() {
                    nominated.push(to);
                }
                let success = Builder::new(Class::Success, BINDING, request.transaction());
                let success = success.mapped_address(at("192.0.2.1:4000"));
                let key = Key::short_term(&self.theirs.password);
                self.arrive(from, success.finish_with(Integrity::Sha1, &key));
            }
            self.now += Duration::from_millis(10);
        }
        nominated
    }

    fn chosen(&self) -> Option<SocketAddr> {
        self.agent.selected(RTP).map(|selected| selected.remote.address)
    }
}

#[test]
fn a_lite_peer_is_controlled_and_only_answers() {
    let mut peer = Peer::new(Role::Controlled, &["192.0.2.2:1", "192.0.2.3:1"]);
    peer.theirs.lite = true;
    peer.agent.negotiate(peer.now, &peer.theirs.clone());
    assert_eq!(peer.agent.role(), Role::Controlling);
    let nominated = peer.answer(Duration::from_secs(2), &["192.0.2.2:1", "192.0.2.3:1"]);
    assert_eq!(nominated, [at("192.0.2.2:1")]);
    assert_eq!((peer.agent.state(), peer.chosen()), (State::Completed, Some(at("192.0.2.2:1"))));
}

#[test]
fn of_pairs_that_are_all_nominated_the_best_that_works_is_used() {
    let addresses = ["192.0.2.2:1", "192.0.2.3:1", "192.0.2.4:1"];
    let mut peer = Peer::new(Role::Controlled, &addresses);
    peer.agent.negotiate(peer.now, &peer.theirs.clone());
    for from in addresses {
        peer.nominate(from);
    }
    // The best does not answer us at first.
    peer.answer(Duration::from_millis(400), &addresses[1..]);
    assert_eq!((peer.agent.state(), peer.chosen()), (State::Completed, Some(at("192.0.2.3:1"))));
    peer.nominate("192.0.2.4:1");
    peer.answer(Duration::from_millis(200), &addresses[1..]);
    assert_eq!(peer.chosen(), Some(at("192.0.2.3:1")), "a worse one changes nothing");
    peer.nominate("192.0.2.2:1");
    peer.answer(Duration::from_millis(2000), &addresses);
    assert_eq!(peer.chosen(), Some(at("192.0.2.2:1")));
    let events: Vec<_> = std::iter::from_fn(|| peer.agent.poll_event()).collect();
    assert!(
        matches!(&events[..], [Event::Started, Event::Succeeded(_), Event::Moved { component: RTP, .. }]),
        "{events:?}"
    );
}

#[test]
fn a_pair_that_fails_when_it_is_nominated_gives_way_to_another() {
    let mut peer = Peer::new(Role::Controlling, &["192.0.2.2:1", "192.0.2.3:1"]);
    peer.agent.negotiate(peer.now, &peer.theirs.clone());
    let mut rejected = 0;
    for _ in 0..300 {
        peer.agent.timeout(peer.now);
        while let Some(Transmit { to, data, .. }) = peer.agent.poll_transmit() {
            let request = Message::parse(data).unwrap();
            let bad = to == at("192.0.2.2:1") && request.attribute(attribute::USE_CANDIDATE).is_some();
            rejected += u32::from(bad);
            let class = if bad { Class::Error } else { Class::Success };
            let answer = Builder::new(class, BINDING, request.transaction());
            let answer = if bad { answer.error(500, "") } else { answer.mapped_address(at("192.0.2.1:4000")) };
            peer.arrive(&to.to_string(), answer.finish_with(Integrity::Sha1, &Key::short_term(&peer.theirs.password)));
        }
        peer.now += Duration::from_millis(10);
    }
    assert_eq!((peer.chosen(), rejected), (Some(at("192.0.2.3:1")), 1));
}
