//! ICE that finds no way (RFC 8445 section 7.2.5.3.3): the addresses of the descriptions are used, and the call goes on.

use std::time::Duration;

use sipsimple_core::ice::Failure;
use sipsimple_core::stream::{IceState, StreamEvent};
use sipsimple_testsuite::call::{ALICE, BOB, Call, Party};
use sipsimple_testsuite::link::Faults;

const SECOND: Duration = Duration::from_secs(1);

/// What a stream told until it started, and how long ago that was.
fn told(call: &Call, host: usize) -> Vec<String> {
    call.news(host, |_, event| match event {
        StreamEvent::IceNegotiationStateDidChange { state } => Some(state.name().to_owned()),
        StreamEvent::IceNegotiationDidSucceed { .. } => Some("found".to_owned()),
        StreamEvent::IceNegotiationDidFail { reason } => Some(reason.to_string()),
        StreamEvent::DidStart { .. } => Some("started".to_owned()),
        StreamEvent::DidFail { reason } => Some(format!("failed: {reason}")),
        _ => None,
    })
}

/// The two have a firewall between them that STUN does not pass, in this direction or in both.
fn call(blocked: [bool; 2]) -> Call {
    let parties = Party::both().map(|mut party| {
        party.account.use_ice = true;
        party
    });
    let mut call = Call::between(parties);
    let [alice, bob] = [ALICE, BOB].map(|host| call.world.host(host).addresses[0]);
    for (blocks_stun, (from, to)) in blocked.into_iter().zip([(alice, bob), (bob, alice)]) {
        call.world.set_link(from, to, Some(Faults { blocks_stun, ..Faults::none() }));
    }
    call.connect();
    call.world.run_for(SECOND * 20);
    call
}

#[test]
fn without_a_way_the_addresses_of_the_descriptions_are_used() {
    for blocked in [[true, true], [true, false], [false, true]] {
        let mut call = call(blocked);
        let timed_out = Failure::TimedOut.to_string();
        let states = [IceState::Gathering, IceState::GatheringComplete, IceState::InProgress, IceState::Failed];
        let mut expected: Vec<String> = states.map(|state| state.name().to_owned()).to_vec();
        expected.extend([timed_out, "started".to_owned()]);
        for host in [ALICE, BOB] {
            assert_eq!(told(&call, host), expected, "{blocked:?}: {host}");
            let [parameters] = &call.parameters(host)[..] else { panic!("{blocked:?}: {host}") };
            let other = call.parameters(1 - host);
            assert!(parameters.remote_rtp.is_some() && other[0].remote_rtp != parameters.remote_rtp);
            assert!(parameters.ice.is_some(), "the peer does ICE, too");
        }
        call.hang_up();
        call.world.finish();
        call.assert_heard(0.5..5.0);
    }
}

/// A hold, which is offered and answered with the same credentials, does not make them seek again.
#[test]
fn a_hold_after_that_seeks_nothing_again() {
    let mut call = call([true, true]);
    let before = [ALICE, BOB].map(|host| told(&call, host));
    for host in [ALICE, BOB] {
        call.hold(host, SECOND * 2);
    }
    assert_eq!([ALICE, BOB].map(|host| told(&call, host)), before);
    call.hang_up();
    call.world.finish();
    call.assert_heard(0.5..1.5);
}

/// Once STUN gets through, a restart finds the way.
#[test]
fn a_restart_finds_the_way_that_there_is_now() {
    for host in [ALICE, BOB] {
        let mut call = call([true, true]);
        call.world.heal();
        let stream = call.stream(host);
        call.with(host, |mut session| session.restart_ice(stream)).unwrap();
        call.world.run_for(SECOND * 5);
        for side in [ALICE, BOB] {
            let told = told(&call, side);
            let last = told.iter().skip_while(|word| *word != "started").skip(1);
            let found = [IceState::InProgress.name(), IceState::Succeeded.name(), "found"];
            assert_eq!(last.collect::<Vec<_>>(), found, "{host}: {side}");
        }
        call.hang_up();
        call.world.finish();
        call.assert_heard(0.5..3.0);
    }
}
