//! Subscriptions and messages between two agents in the simulator: the EVT properties under loss, duplication and reordering.

use std::collections::BTreeMap;
use std::time::Duration;

use sipsimple_core::agent::{AccountSpec, Agent, Config, Event, EventKind, Intent, Outcome};
use sipsimple_core::id::{AccountId, IncomingSubscriptionId, SubscriptionId};
use sipsimple_core::message::MessageEvent;
use sipsimple_core::notifier::NotifierEvent;
use sipsimple_core::package::{Forking, Package};
use sipsimple_core::subscription::{State, SubscriptionEvent};
use sipsimple_core::time::Instant;
use sipsimple_core::trace;
use sipsimple_core::transport::{Route, Transport};
use sipsimple_core::usage::Content;
use sipsimple_testsuite::application::{Alarms, Application, Idle};
use sipsimple_testsuite::link::Faults;
use sipsimple_testsuite::property;
use sipsimple_testsuite::world::World;

const WATCHER: usize = 0;
const FORECASTER: usize = 1;
const ACCOUNT: AccountId = AccountId::from_u64(0);

/// One whose state is a number that goes up, and who tells it to everybody who subscribes.
#[derive(Debug)]
struct Forecaster {
    number: u32,
    last: u32,
    pace: Duration,
    subscribers: Vec<IncomingSubscriptionId>,
}

impl Forecaster {
    fn state(&self) -> Content {
        Content::new("text/plain", self.number.to_string())
    }
}

impl Application for Forecaster {
    fn event(&mut self, now: Instant, event: &Event, agent: &mut Agent, alarms: &mut Alarms) {
        let EventKind::IncomingSubscription { id, event, .. } = &event.kind else { return };
        match event {
            NotifierEvent::GotSubscribe { .. } => {
                let intent =
                    Intent::AcceptSubscription { subscription: *id, pending: false, content: Some(self.state()) };
                agent.intend(now, intent).unwrap();
                self.subscribers.push(*id);
                if self.number == 0 {
                    alarms.set.push((self.pace, 0));
                }
            }
            NotifierEvent::DidEnd { .. } => self.subscribers.retain(|subscriber| subscriber != id),
            _ => {}
        }
    }

    fn alarm(&mut self, now: Instant, _: u64, agent: &mut Agent, alarms: &mut Alarms) {
        self.number += 1;
        for subscriber in self.subscribers.clone() {
            // One that has just ended refuses it, and that is all right.
            let _ = agent.intend(now, Intent::Notify { subscription: subscriber, content: self.state() });
        }
        if self.number < self.last {
            alarms.set.push((self.pace, 0));
        }
    }
}

fn world(seed: u64, last: u32) -> World {
    let mut world = World::new(seed, Faults::none());
    world.watch(property::all());
    let mut config = Config::default();
    config.packages.push(Package::new("weather", &["text/plain"], Forking::One).with_notifier());
    world.add(config.clone(), Box::new(Idle));
    let forecaster = Forecaster { number: 0, last, pace: Duration::from_secs(7), subscribers: Vec::new() };
    world.add(config, Box::new(forecaster));
    for (number, name) in [(WATCHER, "watcher"), (FORECASTER, "forecaster")] {
        let spec = AccountSpec::new(format!("sip:{name}@{}", world.host(number).addresses[0]));
        world.with(number, |agent, now| agent.intend(now, Intent::AddAccount(spec))).unwrap();
    }
    world.run_for(Duration::from_millis(1));
    world
}

fn forecaster(world: &World, transport: Transport) -> (String, Vec<Route>) {
    let route = Route::new(transport, world.address(FORECASTER));
    (format!("sip:forecaster@{}", route.address), vec![route])
}

fn subscribe(world: &mut World, transport: Transport, expires: u32, persistent: bool) -> SubscriptionId {
    let (to, routes) = forecaster(world, transport);
    let intent = Intent::Subscribe {
        account: ACCOUNT,
        to: to.as_str().into(),
        event: "weather".into(),
        expires: Some(expires),
        content: None,
        eventlist: false,
        persistent,
        routes,
    };
    match world.with(WATCHER, |agent, now| agent.intend(now, intent)).unwrap() {
        Outcome::Subscription(id) => id,
        other => panic!("{other:?}"),
    }
}

/// What was heard: the notifier's tag, and the number.
fn heard(world: &World) -> Vec<(String, u32)> {
    let mut heard = Vec::new();
    for (_, event) in &world.host(WATCHER).events {
        if let EventKind::Subscription { event: SubscriptionEvent::GotNotify(notify), .. } = &event.kind
            && let Some(content) = &notify.content
        {
            let number = String::from_utf8_lossy(&content.body).parse().expect("a number");
            heard.push((notify.from.to_string(), number));
        }
    }
    heard
}

/// Each attempt has one end, and in between the states go up only.
fn lives_are_whole(world: &World, seed: u64) {
    let mut begun = 0;
    let mut ended = 0;
    let mut state = State::Null;
    for (_, event) in &world.host(WATCHER).events {
        let EventKind::Subscription { event, .. } = &event.kind else { continue };
        match event {
            SubscriptionEvent::WillStart => {
                begun += 1;
                assert_eq!(begun, ended + 1, "seed {seed}: one attempt at a time");
                state = State::Null;
            }
            SubscriptionEvent::DidFail { .. } | SubscriptionEvent::DidEnd { .. } => {
                ended += 1;
                assert_eq!(state, State::Terminated, "seed {seed}");
            }
            SubscriptionEvent::ChangedState { prev_state, state: next } => {
                assert_eq!(*prev_state, state, "seed {seed}");
                assert!(*next > state, "seed {seed}: from {state} to {next}");
                state = *next;
            }
            _ => {}
        }
    }
    assert!(begun > 0 && begun == ended, "seed {seed}: {begun} begun, {ended} ended");
    let mut offered = BTreeMap::new();
    for (_, event) in &world.host(FORECASTER).events {
        let EventKind::IncomingSubscription { id, event, .. } = &event.kind else { continue };
        match event {
            NotifierEvent::GotSubscribe { .. } => assert_eq!(offered.insert(*id, false), None, "seed {seed}"),
            NotifierEvent::DidEnd { .. } => assert_eq!(offered.insert(*id, true), Some(false), "seed {seed}"),
            _ => {}
        }
    }
    assert!(offered.values().all(|ended| *ended), "seed {seed}: {offered:?}");
}

fn replays(world: &World, seed: u64) {
    for host in world.hosts() {
        trace::replay(host.trace.iter()).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    }
}

#[test]
fn every_state_is_told_in_order_over_a_good_network() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut world = world(1, 20);
        let id = subscribe(&mut world, transport, 60, false);
        world.run_for(Duration::from_secs(150));
        world.with(WATCHER, |agent, now| agent.intend(now, Intent::EndSubscription(id))).unwrap();
        assert!(world.run_until_quiescent(Duration::from_secs(120)));
        world.run_for(Duration::from_secs(1));
        let mut numbers: Vec<u32> = heard(&world).into_iter().map(|(_, number)| number).collect();
        numbers.dedup();
        assert_eq!(numbers, (0..=20).collect::<Vec<_>>(), "{transport}");
        lives_are_whole(&world, 1);
        replays(&world, 1);
    }
}

#[test]
fn a_fetch_is_over_with_its_answer() {
    let mut world = world(2, 0);
    subscribe(&mut world, Transport::Udp, 0, false);
    world.run_for(Duration::from_secs(1));
    assert_eq!(heard(&world).len(), 1);
    lives_are_whole(&world, 2);
}

#[test]
fn a_persistent_subscription_survives_a_bad_network() {
    for seed in 0..30 {
        let mut world = world(seed, 40);
        let faults = Faults::draw(world.random());
        world.set_faults(faults);
        let id = subscribe(&mut world, Transport::Udp, 120, true);
        world.run_for(Duration::from_secs(400));
        world.heal();
        world.run_for(Duration::from_secs(400));
        let heard = heard(&world);
        assert_eq!(heard.last().map(|(_, number)| *number), Some(40), "seed {seed}");
        for pair in heard.windows(2) {
            let [(before, old), (after, new)] = pair else { continue };
            assert!(before != after || old <= new, "seed {seed}: {new} after {old}");
        }
        world.with(WATCHER, |agent, now| agent.intend(now, Intent::EndSubscription(id))).unwrap();
        world.run_for(Duration::from_secs(200));
        assert!(world.run_until_quiescent(Duration::from_secs(300)), "seed {seed}");
        lives_are_whole(&world, seed);
        replays(&world, seed);
    }
}

#[test]
fn messages_arrive_once_and_in_order() {
    for seed in 0..30 {
        let mut world = world(seed, 0);
        let faults = Faults::draw(world.random());
        world.set_faults(faults);
        let (to, routes) = forecaster(&world, Transport::Udp);
        for number in 0..20 {
            let content = Content::new("text/plain", number.to_string());
            let (to, routes) = (to.as_str().into(), routes.clone());
            let intent = Intent::SendMessage { account: ACCOUNT, to, content, cpim: false, routes };
            world.with(WATCHER, |agent, now| agent.intend(now, intent)).unwrap();
        }
        world.run_for(Duration::from_secs(60));
        world.heal();
        world.run_for(Duration::from_secs(100));
        let got: Vec<u64> = world
            .host(FORECASTER)
            .events
            .iter()
            .filter_map(|(_, event)| match &event.kind {
                EventKind::GotMessage(message) => message.content.as_ref(),
                _ => None,
            })
            .map(|content| String::from_utf8_lossy(&content.body).parse().expect("a number"))
            .collect();
        assert!(got.windows(2).all(|pair| pair[0] < pair[1]), "seed {seed}: {got:?}");
        let mut fates = BTreeMap::new();
        for (_, event) in &world.host(WATCHER).events {
            if let EventKind::Message { id, event, .. } = &event.kind {
                let delivered = matches!(event, MessageEvent::DidSucceed { .. });
                assert_eq!(fates.insert(id.as_u64(), delivered), None, "seed {seed}: one fate for each");
            }
        }
        assert_eq!(fates.len(), 20, "seed {seed}");
        for (number, delivered) in fates {
            assert!(!delivered || got.contains(&number), "seed {seed}: {number} was not delivered");
        }
        assert!(world.run_until_quiescent(Duration::from_secs(100)), "seed {seed}");
        replays(&world, seed);
    }
}
