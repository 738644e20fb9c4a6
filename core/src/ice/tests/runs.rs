//! Whole negotiations.

use std::time::Duration;

use super::network::{Flight, Network};
use super::*;
use crate::stun::{Class, Message, attribute};
use crate::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

fn pair() -> Network {
    Network::new([agent(Role::Controlling, 1, "192.0.2.1"), agent(Role::Controlled, 2, "192.0.2.2")])
}

fn read(flight: &Flight) -> Message {
    Message::parse(flight.data.clone()).unwrap()
}

fn requests(network: &Network, side: usize) -> Vec<(Instant, Flight)> {
    let of_side = network.sent.iter().filter(|(_, sender, _)| *sender == side);
    let requests = of_side.filter(|(_, _, flight)| read(flight).class() == Class::Request);
    requests.map(|(at, _, flight)| (*at, flight.clone())).collect()
}

#[test]
fn two_hosts_find_each_other_and_say_how() {
    let mut network = pair();
    network.start(Duration::ZERO);
    network.run(SECOND);
    network.assert_agreed();
    let expected = [("192.0.2.1:4000", "192.0.2.2:4000"), ("192.0.2.1:4001", "192.0.2.2:4001")];
    assert_eq!(network.chosen(0), expected.map(|(local, remote)| (at(local), at(remote))));
    for events in &network.events {
        let [Event::Started, Event::Succeeded(outcome)] = &events[..] else { panic!("{events:?}") };
        assert_eq!((outcome.local_candidates.len(), outcome.remote_candidates.len()), (2, 2));
        assert!(outcome.duration > Duration::from_millis(40) && outcome.duration < SECOND);
        let done = |check: &CheckResult| check.state == PairState::Succeeded && check.nominated;
        assert!(outcome.checks.len() == 2 && outcome.checks.iter().all(done));
    }
    let nominating = |(_, flight): &(Instant, Flight)| read(flight).attribute(attribute::USE_CANDIDATE).is_some();
    assert_eq!(requests(&network, 0).iter().filter(|one| nominating(one)).count(), 2, "one for each component");
    assert!(!requests(&network, 1).iter().any(nominating));
}

#[test]
fn the_same_seeds_give_the_same_bytes() {
    let bytes = || {
        let mut network = pair();
        network.start(Duration::from_millis(30));
        network.run(SECOND * 60);
        network.sent.into_iter().map(|(at, side, flight)| (at, side, flight.data)).collect::<Vec<_>>()
    };
    assert_eq!(bytes(), bytes());
}

#[test]
fn checks_are_paced_and_repeated_as_the_rfcs_say() {
    let mut network = pair();
    for candidate in 3..6 {
        let reflexive = SocketAddr::new(format!("198.51.100.{candidate}").parse().unwrap(), 4000);
        network.agents[1].add_local(Local::host(RTP, reflexive, u16::MAX - candidate));
    }
    network.lose(|_, _| true);
    network.start(Duration::ZERO);
    network.run(SECOND * 9);
    let mut first: Vec<(Instant, Vec<u8>)> = Vec::new();
    let mut times = std::collections::BTreeMap::<_, Vec<_>>::new();
    for (at, flight) in requests(&network, 0) {
        let id = read(&flight).transaction();
        times.entry(id).or_default().push(at);
        if !first.iter().any(|(_, known)| *known == id.0) {
            first.push((at, id.0.to_vec()));
        }
    }
    assert_eq!(first.len(), 5, "four pairs of RTP and one of RTCP");
    assert!(first.windows(2).all(|two| two[1].0 >= two[0].0 + Duration::from_millis(50)), "{first:?}");
    let longest = times.values().max_by_key(|times| times.len()).unwrap();
    let apart: Vec<_> = longest.windows(2).map(|two| (two[1] - two[0]).as_millis()).collect();
    assert_eq!(apart, [500, 1000, 2000, 4000]);
}

#[test]
fn checks_that_come_before_the_answer_are_not_lost() {
    let mut network = pair();
    network.start(Duration::from_millis(130));
    network.run(SECOND);
    network.assert_agreed();
}

#[test]
fn what_was_lost_on_the_way_does_not_keep_them_apart() {
    // The first of everything is lost, in each direction.
    let mut network = pair();
    let mut seen = std::collections::BTreeSet::new();
    network.lose(move |_, flight| {
        let message = read(flight);
        seen.insert((message.class() == Class::Request, message.transaction()))
    });
    network.start(Duration::ZERO);
    network.run(SECOND * 8);
    network.assert_agreed();
}

#[test]
fn a_way_that_is_open_in_one_direction_only_is_not_taken() {
    let mut network = pair();
    network.lose(|_, flight| flight.from.ip() == at("192.0.2.2:0").ip());
    network.start(Duration::ZERO);
    network.run(SECOND * 11);
    for (agent, events) in network.agents.iter().zip(&network.events) {
        assert_eq!(agent.state(), State::Failed);
        assert_eq!(events.last(), Some(&Event::Failed(Failure::TimedOut)));
        assert_eq!(agent.deadline(), None);
    }
}

#[test]
fn the_best_way_is_taken_though_its_check_was_lost_once() {
    let mut network = pair();
    network.agents[1].add_local(Local::host(RTP, at("198.51.100.9:4000"), 1));
    let mut lost = false;
    network.lose(move |_, flight| {
        let best = flight.to == at("192.0.2.2:4000") || flight.from == at("192.0.2.2:4000");
        best && !std::mem::replace(&mut lost, true)
    });
    network.start(Duration::ZERO);
    network.run(SECOND * 2);
    network.assert_agreed();
    assert_eq!(network.chosen(0)[0].1, at("192.0.2.2:4000"));
}

#[test]
fn a_nomination_whose_answer_is_lost_is_repeated() {
    let mut network = pair();
    let mut lost = 0;
    network.lose(move |_, flight| {
        let nominates = read(flight).attribute(attribute::USE_CANDIDATE).is_some();
        lost += u8::from(nominates);
        nominates && lost < 4
    });
    network.start(Duration::ZERO);
    network.run(SECOND * 5);
    network.assert_agreed();
}

#[test]
fn one_component_is_enough_where_the_peer_has_no_more() {
    let mut network = pair();
    let mut bob = Agent::new(Config::new(Role::Controlled), Random::new(&Seed::from_u64(9)));
    bob.add_local(Local::host(RTP, at("192.0.2.2:4000"), u16::MAX));
    network.agents[1] = bob;
    network.start(Duration::ZERO);
    network.run(SECOND);
    assert_eq!(network.agents.each_ref().map(Agent::state), [State::Completed; 2]);
    assert!(network.agents.iter().all(|agent| agent.selected(RTCP).is_none()));
}

#[test]
fn nothing_to_pair_fails_at_once() {
    let mut network = pair();
    let mut bob = Agent::new(Config::new(Role::Controlled), Random::new(&Seed::from_u64(9)));
    bob.add_local(Local::host(RTP, at("[2001:db8::1]:4000"), u16::MAX));
    network.agents[1] = bob;
    network.start(Duration::ZERO);
    for events in &network.events {
        assert_eq!(events[..], [Event::Started, Event::Failed(Failure::NoPairs)]);
    }
}

#[test]
fn consent_is_asked_for_and_its_loss_ends_all() {
    let mut network = pair();
    network.start(Duration::ZERO);
    network.run(SECOND * 60);
    network.assert_agreed();
    let asked: Vec<_> = requests(&network, 0)
        .into_iter()
        .filter(|(at, one)| *at > Instant::from_millis(3000) && one.component == RTP)
        .collect();
    assert!((9..=15).contains(&asked.len()), "{}", asked.len());
    let apart = asked.windows(2).map(|two| two[1].0 - two[0].0);
    assert!(apart.clone().all(|apart| apart >= SECOND * 4 && apart <= SECOND * 6));
    let silent = network.now;
    network.lose(|_, _| true);
    network.run(SECOND * 31);
    for (agent, events) in network.agents.iter().zip(&network.events) {
        assert_eq!((agent.state(), agent.is_lost()), (State::Failed, true));
        assert_eq!(events.last(), Some(&Event::Failed(Failure::ConsentLost)));
    }
    let last = network.sent.last().unwrap().0;
    assert!(last > silent + SECOND * 20 && last < silent + SECOND * 31);
    network.run(SECOND * 60);
    assert_eq!(network.sent.last().unwrap().0, last, "nothing is sent without consent");
}

#[test]
fn without_consent_an_indication_keeps_the_way_open() {
    let mut network = pair();
    let config = Config { consent: false, ..Config::new(Role::Controlling) };
    let mut alice = Agent::new(config, Random::new(&Seed::from_u64(5)));
    alice.add_local(Local::host(RTP, at("192.0.2.1:4000"), u16::MAX));
    network.agents[0] = alice;
    network.start(Duration::ZERO);
    network.run(SECOND * 100);
    let indications = |network: &Network| -> Vec<Instant> {
        let of_alice =
            network.sent.iter().filter(|(_, side, flight)| *side == 0 && read(flight).class() == Class::Indication);
        of_alice.map(|(at, _, _)| *at).collect()
    };
    let sent = indications(&network);
    assert_eq!(sent.len(), 4);
    assert!(sent.windows(2).all(|two| two[1] - two[0] >= SECOND * 20 && two[1] - two[0] <= SECOND * 25));
    for _ in 0..10 {
        let now = network.now;
        network.agents[0].sent(now, RTP);
        network.run(SECOND * 10);
    }
    assert_eq!(indications(&network).len(), 4, "media keeps it open");
}

#[test]
fn a_restart_finds_new_pairs_and_keeps_the_old_ones_until_then() {
    let mut network = pair();
    network.start(Duration::ZERO);
    network.run(SECOND * 2);
    let before = network.agents[0].description();
    let mut random = Random::new(&Seed::from_u64(7));
    network.agents.iter_mut().for_each(|agent| agent.restart(Credentials::new(&mut random)));
    let after = network.agents[0].description();
    assert!(before.ufrag != after.ufrag && before.password != after.password && before.candidates == after.candidates);
    network.run(SECOND * 10);
    assert_eq!(network.chosen(0).len(), 2, "media goes on");
    assert!(network.agents.iter().all(Agent::is_active), "and so does consent");
    network.start(Duration::from_millis(100));
    network.run(SECOND * 40);
    network.assert_agreed();
    let successes = |events: &Vec<Event>| events.iter().filter(|event| matches!(event, Event::Succeeded(_))).count();
    assert_eq!(network.events.each_ref().map(successes), [2, 2]);
}

#[test]
fn a_restart_outlives_the_pair_whose_consent_is_lost() {
    let mut network = pair();
    network.start(Duration::ZERO);
    network.run(SECOND * 2);
    network.lose(|_, _| true);
    network.run(SECOND * 26);
    let mut random = Random::new(&Seed::from_u64(7));
    network.agents.iter_mut().for_each(|agent| agent.restart(Credentials::new(&mut random)));
    network.start(Duration::from_millis(100));
    network.run(SECOND * 7);
    for agent in &network.agents {
        assert_eq!((agent.state(), agent.is_lost()), (State::Running, false));
        assert!(agent.selected(RTP).is_none() && agent.selected(RTCP).is_none(), "nobody consents to them");
    }
    network.lose(|_, _| false);
    network.run(SECOND * 4);
    network.assert_agreed();
}
