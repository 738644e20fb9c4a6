//! ICE that begins anew in the middle of a call (RFC 8445 section 9, RFC 8839 section 4.4.1.1.1), by either side: media goes on, and after a NAT has
//! forgotten everything, it goes on again.

use std::time::Duration;

use sipsimple_audio::measure;
use sipsimple_core::ice::Outcome;
use sipsimple_core::id::{SessionId, StreamId};
use sipsimple_core::stream::{IceState, StreamError, StreamEvent};
use sipsimple_testsuite::media::LEVEL;
use sipsimple_testsuite::nat::Kind;
use sipsimple_testsuite::world::World;

use super::{ALICE, BOB, User, behind, hang_up, news, world};

const SECOND: Duration = Duration::from_secs(1);

fn stream(world: &World, host: usize) -> StreamId {
    news(world, host)[0].0
}

fn restart(world: &mut World, host: usize) -> Result<(), StreamError> {
    let stream = stream(world, host);
    let session = match host {
        ALICE => SessionId::from_u64(0),
        _ => world.host(host).incoming_sessions().next().unwrap(),
    };
    world.with(host, |agent, now| agent.session(now, session).unwrap().restart_ice(stream))
}

fn outcomes(world: &World, host: usize) -> Vec<Outcome> {
    let of_stream = news(world, host).into_iter().filter_map(|(_, event)| match event {
        StreamEvent::IceNegotiationDidSucceed { outcome } => Some(*outcome),
        _ => None,
    });
    of_stream.collect()
}

/// Both hear the other's tone in the last seconds before the end.
fn assert_heard_at_the_end(world: &World, seconds: usize) {
    for host in [ALICE, BOB] {
        let heard = world.host(host).media.heard(stream(world, host)).expect("it has ended");
        let last = &heard[heard.len() - 8_000 * seconds..heard.len() - 4_000];
        let tone = measure::tone(last, 8_000, [1_000.0, 440.0][host]);
        assert!((tone.level - LEVEL).abs() < 0.5 && tone.ratio > 30.0, "{host}: {tone:?}");
    }
}

#[test]
fn either_side_begins_anew_and_media_goes_on_meanwhile() {
    for nats in [[Kind::open(), Kind::port_restricted()], [Kind::symmetric(), Kind::symmetric()]] {
        for host in [ALICE, BOB] {
            let mut world = world(nats.map(behind));
            restart(&mut world, host).unwrap();
            world.run_for(SECOND * 3);
            for side in [ALICE, BOB] {
                let outcomes = outcomes(&world, side);
                assert_eq!(outcomes.len(), 2, "{nats:?} {host}: {side}");
                let states = news(&world, side).into_iter().filter_map(|(_, event)| match event {
                    StreamEvent::IceNegotiationStateDidChange { state } => Some(state),
                    _ => None,
                });
                let expected = [
                    IceState::Gathering,
                    IceState::GatheringComplete,
                    IceState::InProgress,
                    IceState::Succeeded,
                    IceState::InProgress,
                    IceState::Succeeded,
                ];
                assert_eq!(states.collect::<Vec<_>>(), expected);
            }
            hang_up(&mut world);
            let now = world.now();
            assert_eq!(world.relay(0).allocations(now), 0, "what was lent was given back");
            assert_heard_at_the_end(&world, 5);
        }
    }
}

/// The peer's answers go to where nothing is any more; whoever is behind that NAT knows a new way.
#[test]
fn after_a_nat_forgot_everything_a_new_way_is_found() {
    let mut world = world([behind(Kind::symmetric()), behind(Kind::open())]);
    let before = outcomes(&world, ALICE);
    world.nat(0).forget();
    world.run_for(SECOND);
    restart(&mut world, ALICE).unwrap();
    world.run_for(SECOND * 6);
    let after = outcomes(&world, ALICE);
    assert_eq!((before.len(), after.len(), outcomes(&world, BOB).len()), (1, 2, 2));
    assert_ne!(before[0].selected[0].local.address, after[1].selected[0].local.address, "another place outside");
    hang_up(&mut world);
    assert_heard_at_the_end(&world, 4);
}

#[test]
fn a_peer_that_does_not_do_ice_is_not_asked_to() {
    let mut world = world([behind(Kind::open()), User { nat: None, use_ice: false, has_turn: false }]);
    assert!(matches!(restart(&mut world, ALICE), Err(StreamError::Refused(_))));
    hang_up(&mut world);
    assert_eq!(world.host(ALICE).names().last(), Some(&"SIPSessionDidEnd"));
}
