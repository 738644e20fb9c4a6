//! Calls between two agents in the simulator.

use std::time::Duration;

use sipsimple_core::agent::{AccountSpec, Config, EventKind, Intent, Outcome};
use sipsimple_core::id::SessionId;
use sipsimple_core::session::SessionEvent;
use sipsimple_core::stream::{AudioSpec, StreamSpec};
use sipsimple_core::trace;
use sipsimple_core::transport::{Route, Transport};
use sipsimple_testsuite::application::{Answering, Idle};
use sipsimple_testsuite::link::Faults;
use sipsimple_testsuite::property;
use sipsimple_testsuite::world::World;

const ALICE: usize = 0;
const BOB: usize = 1;

/// Two hosts: one that calls, one that answers as told.
fn world(seed: u64, faults: Faults, answering: Answering) -> World {
    let mut world = World::new(seed, faults);
    world.watch(property::all());
    for (number, name) in [(ALICE, "alice"), (BOB, "bob")] {
        let application: Box<dyn sipsimple_testsuite::application::Application> =
            if number == ALICE { Box::new(Idle) } else { Box::new(answering.clone()) };
        world.add(Config::default(), application);
        let uri = format!("sip:{name}@{}", world.host(number).addresses[0]);
        let spec = AccountSpec::new(uri);
        world.with(number, |agent, now| agent.intend(now, Intent::AddAccount(spec))).unwrap();
    }
    world.run_for(Duration::from_millis(1));
    world
}

fn connect(world: &mut World, transport: Transport) -> SessionId {
    let route = Route::new(transport, world.address(BOB));
    let to = format!("sip:bob@{}", route.address);
    let outcome = world.with(ALICE, |agent, now| {
        agent.intend(
            now,
            Intent::Connect {
                account: sipsimple_core::id::AccountId::from_u64(0),
                to: to.as_str().into(),
                routes: vec![route],
                streams: vec![StreamSpec::Audio(AudioSpec::default())],
                late_offer: false,
            },
        )
    });
    match outcome.unwrap() {
        Outcome::Session(session) => session,
        other => panic!("{other:?}"),
    }
}

fn session_names(world: &World, host: usize) -> Vec<&'static str> {
    world.host(host).names().into_iter().filter(|name| name.starts_with("SIPSession")).collect()
}

#[test]
fn a_call_is_answered_and_ended_by_the_caller() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut world = world(1, Faults::none(), Answering::after(Duration::from_secs(2)));
        let session = connect(&mut world, transport);
        world.run_for(Duration::from_secs(5));
        world.with(ALICE, |agent, now| agent.session(now, session).unwrap().end()).unwrap();
        assert!(world.run_until_quiescent(Duration::from_secs(120)));
        assert_eq!(
            session_names(&world, ALICE),
            [
                "SIPSessionNewOutgoing",
                "SIPSessionGotRingIndication",
                "SIPSessionGotProvisionalResponse",
                "SIPSessionDidProcessTransaction",
                "SIPSessionWillStart",
                "SIPSessionDidStart",
                "SIPSessionWillEnd",
                "SIPSessionDidProcessTransaction",
                "SIPSessionDidEnd",
            ],
            "{transport}"
        );
        assert_eq!(
            session_names(&world, BOB),
            [
                "SIPSessionNewIncoming",
                "SIPSessionWillStart",
                "SIPSessionDidProcessTransaction",
                "SIPSessionDidStart",
                "SIPSessionWillEnd",
                "SIPSessionDidProcessTransaction",
                "SIPSessionDidEnd",
            ],
            "{transport}"
        );
    }
}

#[test]
fn a_call_is_cancelled() {
    let mut world = world(2, Faults::none(), Answering::after(Duration::from_secs(60)));
    let session = connect(&mut world, Transport::Udp);
    world.run_for(Duration::from_secs(3));
    world.with(ALICE, |agent, now| agent.session(now, session).unwrap().end()).unwrap();
    assert!(world.run_until_quiescent(Duration::from_secs(120)));
    for host in [ALICE, BOB] {
        let failed = world.host(host).events.iter().find_map(|(_, event)| match &event.kind {
            EventKind::Session { event: SessionEvent::DidFail { code, reason, .. }, .. } => {
                Some((*code, reason.to_string()))
            }
            _ => None,
        });
        assert_eq!(failed, Some((487, "Session Cancelled".to_owned())), "{host}");
    }
}

#[test]
fn a_call_is_rejected() {
    let mut rejecting = Answering::after(Duration::from_secs(60));
    rejecting.reject = Some((Duration::from_secs(1), 486));
    let mut world = world(3, Faults::none(), rejecting);
    connect(&mut world, Transport::Udp);
    assert!(world.run_until_quiescent(Duration::from_secs(120)));
    assert_eq!(session_names(&world, ALICE).last(), Some(&"SIPSessionDidFail"));
    assert_eq!(session_names(&world, BOB).last(), Some(&"SIPSessionDidFail"));
}

#[test]
fn calls_over_a_bad_network_end_quiescent_and_replay() {
    for seed in 0..40 {
        let mut answering = Answering::after(Duration::from_secs(1));
        answering.end = Some(Duration::from_secs(7));
        let mut world = world(seed, Faults::none(), answering);
        let faults = Faults::draw(world.random());
        world.set_faults(faults);
        connect(&mut world, Transport::Udp);
        world.run_for(Duration::from_secs(60));
        world.heal();
        assert!(world.run_until_quiescent(Duration::from_secs(300)), "seed {seed}");
        for host in world.hosts() {
            let replayed = trace::replay(host.trace.iter()).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            assert!(replayed.effects > 0 && replayed.events > 0);
        }
    }
}
