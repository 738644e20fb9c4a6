//! Streams that never get ready, never start, or fail.

use std::time::Duration;

use sipsimple_core::agent::Config;
use sipsimple_core::session::SessionState;
use sipsimple_testsuite::brittle::Habit;
use sipsimple_testsuite::text;

use super::duo::{ALICE, BOB, Duo, audio};

const NEVER_READY: Habit = Habit { initialize: None, ..Habit::SOUND };
const NEVER_STARTS: Habit = Habit { start: None, ..Habit::SOUND };
const SLOW: Habit = Habit { start: Some(Duration::from_secs(3)), ..Habit::SOUND };
const BREAKS: Habit = Habit { fail: Some(Duration::from_secs(5)), ..Habit::SOUND };

/// How long a stream may take to be initialised, and to start, in milliseconds.
const READY: u64 = 5_000;
const START: u64 = 15_000;

fn last(duo: &mut Duo, host: usize) -> String {
    duo.told(host).pop().unwrap_or_default()
}

#[test]
fn a_stream_that_never_gets_ready_fails_the_call_of_its_caller_unsent() {
    let mut duo = Duo::calling(&[NEVER_READY.spec()]);
    duo.pass(READY - 10);
    assert_eq!(duo.state(ALICE), SessionState::Outgoing);
    duo.pass(20);
    assert_eq!(duo.told(ALICE), ["-> outgoing", "outgoing 1", "-> terminated", "failed 0"]);
    assert_eq!(duo.told(BOB), [""; 0]);
    assert!(duo.world.run_until_quiescent(Duration::from_secs(100)));
    duo.world.finish();
}

#[test]
fn a_stream_that_never_gets_ready_at_the_callee_is_500() {
    let mut duo = Duo::calling_with(&Config::default(), NEVER_READY, &[Habit::SOUND.spec()]).rung();
    let proposed = duo.streams(BOB);
    duo.with(BOB, |session| session.accept(&proposed).unwrap());
    duo.pass(READY + 500);
    assert_eq!(last(&mut duo, BOB), "failed 500");
    let told = duo.told(ALICE);
    assert_eq!(told[told.len() - 3..], ["INVITE local 500", "-> terminated", "failed 500"]);
    assert!(duo.world.run_until_quiescent(Duration::from_secs(100)));
    duo.world.finish();
}

#[test]
fn a_call_whose_streams_do_not_start_in_time_ends() {
    // At the caller, then at the callee.
    for (own, offered, slow) in [(NEVER_STARTS, Habit::SOUND, ALICE), (Habit::SOUND, NEVER_STARTS, BOB)] {
        let mut duo = Duo::calling_with(&Config::default(), offered, &[own.spec()]).rung();
        let proposed = duo.streams(BOB);
        duo.with(BOB, |session| session.accept(&proposed).unwrap());
        duo.pass(START - 500);
        let waiting = if slow == ALICE { SessionState::Outgoing } else { SessionState::Accepting };
        assert_eq!(duo.state(slow), waiting);
        duo.pass(1500);
        let told = duo.told(slow);
        let ended = ["will end local", "BYE local 200", "-> terminated"];
        assert_eq!(told[told.len() - 4..told.len() - 1], ended, "{told:?}");
        assert_eq!(told[told.len() - 1], "ended local media stream timed out while starting");
        let told = last(&mut duo, 1 - slow);
        assert_eq!(told, "ended remote media stream timed out while starting");
        assert!(duo.world.run_until_quiescent(Duration::from_secs(100)));
        duo.world.finish();
    }
}

#[test]
fn a_proposal_whose_stream_never_gets_ready_fails_unsent() {
    let mut duo = Duo::established(&[audio()]);
    duo.with(ALICE, |session| session.add_streams(&[NEVER_READY.spec()]).unwrap());
    duo.pass(READY + 10);
    let failure = "failure local media stream timed out while initializing";
    assert_eq!(duo.told(ALICE), ["-> sending_proposal", "-> connected", failure]);
    assert_eq!(duo.told(BOB), [""; 0]);
    duo.over();
}

#[test]
fn a_proposal_whose_stream_does_not_start_is_taken_back() {
    let mut duo = Duo::established(&[audio()]);
    duo.with(ALICE, |session| session.add_streams(&[NEVER_STARTS.spec()]).unwrap());
    duo.pass(500);
    let proposed = duo.proposed(BOB);
    duo.with(BOB, |session| session.accept_proposal(&proposed).unwrap());
    duo.pass(START + 500);
    let told = duo.told(ALICE);
    assert!(told.contains(&"failure local media stream timed out while starting".to_owned()), "{told:?}");
    assert_eq!(last(&mut duo, BOB), "renegotiated remote remove 1");
    assert_eq!((duo.streams(ALICE).len(), duo.streams(BOB).len()), (1, 1));
    duo.over();
}

#[test]
fn an_accepted_stream_that_never_gets_ready_refuses_the_proposal() {
    let mut duo = Duo::calling_with(&Config::default(), NEVER_READY, &[audio()]).rung().accepted();
    duo.with(ALICE, |session| session.add_streams(&[Habit::SOUND.spec()]).unwrap());
    duo.pass(500);
    let proposed = duo.proposed(BOB);
    duo.with(BOB, |session| session.accept_proposal(&proposed).unwrap());
    duo.pass(READY + 500);
    assert_eq!(last(&mut duo, BOB), "failure remote media stream timed out while initializing");
    assert_eq!(last(&mut duo, ALICE), "rejected local 500 1");
    duo.over();
}

#[test]
fn an_accepted_stream_that_does_not_start_is_taken_back() {
    let mut duo = Duo::calling_with(&Config::default(), NEVER_STARTS, &[audio()]).rung().accepted();
    duo.with(ALICE, |session| session.add_streams(&[Habit::SOUND.spec()]).unwrap());
    duo.pass(500);
    let proposed = duo.proposed(BOB);
    duo.with(BOB, |session| session.accept_proposal(&proposed).unwrap());
    duo.pass(START + 500);
    let told = duo.told(BOB);
    assert!(told.contains(&"failure remote media stream timed out while starting".to_owned()), "{told:?}");
    assert_eq!(last(&mut duo, ALICE), "renegotiated remote remove 1");
    assert_eq!((duo.streams(ALICE).len(), duo.streams(BOB).len()), (1, 1));
    duo.over();
}

/// Of a call with audio, where a stream with these habits was added and accepted just now.
fn starting(own: Habit, offered: Habit) -> Duo {
    let mut duo = Duo::calling_with(&Config::default(), offered, &[audio()]).rung().accepted();
    duo.with(ALICE, |session| session.add_streams(&[own.spec()]).unwrap());
    duo.pass(500);
    let proposed = duo.proposed(BOB);
    duo.with(BOB, |session| session.accept_proposal(&proposed).unwrap());
    duo.pass(500);
    duo
}

/// What is offered while a stream starts holds for that stream, too: on either side, whoever was to wait for it.
#[test]
fn a_stream_that_starts_stays_when_the_peer_offers_something_else() {
    for (own, offered, slow) in [(SLOW, Habit::SOUND, ALICE), (Habit::SOUND, SLOW, BOB)] {
        let mut duo = starting(own, offered);
        duo.told(slow);
        duo.with(1 - slow, |session| session.hold().unwrap());
        duo.pass(500);
        let told = duo.told(slow);
        assert_eq!(told, ["INVITE remote 200", "hold remote true"]);
        duo.pass(3000);
        let told = duo.told(slow);
        assert!(told.last().is_some_and(|last| last.ends_with("add 1")), "{told:?}");
        assert_eq!((duo.streams(ALICE).len(), duo.streams(BOB).len()), (2, 2));
        duo.over();
    }
}

#[test]
fn a_stream_that_the_peer_removes_while_it_starts_is_gone() {
    for (own, offered, slow, whose) in [(SLOW, Habit::SOUND, ALICE, "local"), (Habit::SOUND, SLOW, BOB, "remote")] {
        let mut duo = starting(own, offered);
        duo.told(slow);
        let added = duo.streams(1 - slow)[1];
        duo.with(1 - slow, |session| session.remove_streams(&[added]).unwrap());
        duo.pass(500);
        let told = duo.told(slow);
        let failure = format!("failure {whose} media stream was removed by the peer");
        assert_eq!(told, ["INVITE remote 200", "-> connected", &failure]);
        assert_eq!((duo.streams(ALICE).len(), duo.streams(BOB).len()), (1, 1));
        duo.pass(START);
        assert_eq!(duo.told(slow), [""; 0]);
        duo.over();
    }
}

#[test]
fn one_stream_of_two_that_fails_is_removed() {
    let mut duo = Duo::established(&[audio(), BREAKS.spec()]);
    duo.pass(5000);
    assert_eq!(
        duo.told(ALICE),
        ["-> sending_proposal", "INVITE local 200", "-> connected", "renegotiated local remove 1"]
    );
    assert_eq!(duo.told(BOB), ["INVITE remote 200", "renegotiated remote remove 1"]);
    assert_eq!((duo.streams(ALICE).len(), duo.streams(BOB).len()), (1, 1));
    duo.over();
}

/// Of two that fail one after the other the second is gone at once, and its line is closed by a re-INVITE of its own.
#[test]
fn a_stream_that_fails_while_something_else_is_under_way_is_gone_at_once() {
    let mut duo = Duo::established(&[audio(), BREAKS.spec()]);
    duo.pass(3000);
    duo.with(ALICE, |session| session.add_streams(&[text::spec()]).unwrap());
    duo.pass(2000);
    let told = duo.told(ALICE);
    assert_eq!(told, ["-> sending_proposal", "proposal local 1", "renegotiated remote remove 1"]);
    let proposed = duo.proposed(BOB);
    duo.with(BOB, |session| session.accept_proposal(&proposed).unwrap());
    duo.pass(2000);
    assert_eq!((duo.streams(ALICE).len(), duo.streams(BOB).len()), (2, 2));
    assert_eq!(last(&mut duo, BOB), "renegotiated remote remove 1");
    duo.over();
}

#[test]
fn the_only_stream_that_fails_ends_the_session() {
    let mut duo = Duo::established(&[BREAKS.spec()]);
    duo.pass(5000);
    let ended = "ended local media stream failed: it broke";
    assert_eq!(duo.told(ALICE), ["-> terminating", "will end local", "BYE local 200", "-> terminated", ended]);
    assert_eq!(last(&mut duo, BOB), "ended remote media stream failed: it broke");
    duo.over();
}

#[test]
fn a_proposal_yields_to_one_that_comes_while_its_streams_get_ready() {
    let mut duo = Duo::established(&[audio()]);
    let slow = Habit { initialize: Some(Duration::from_secs(1)), ..Habit::SOUND };
    duo.with(ALICE, |session| session.add_streams(&[slow.spec()]).unwrap());
    duo.with(BOB, |session| session.add_streams(&[text::spec()]).unwrap());
    duo.pass(500);
    assert_eq!(
        duo.told(ALICE),
        [
            "-> sending_proposal",
            "-> connected",
            "failure local received stream proposal",
            "-> received_proposal",
            "proposal remote 1"
        ]
    );
    let proposed = duo.proposed(ALICE);
    duo.with(ALICE, |session| session.accept_proposal(&proposed).unwrap());
    duo.pass(2000);
    assert_eq!((duo.streams(ALICE).len(), duo.streams(BOB).len()), (2, 2));
    duo.over();
}

/// After 491 nothing is offered for 2.1 to 4 s by who has called: that is no part of the time that the peer has for its answer.
#[test]
fn a_proposal_that_had_to_wait_has_all_its_time() {
    let mut config = Config::default();
    config.invite_timeout = Some(Duration::from_secs(2));
    let mut duo = Duo::calling_with(&config, Habit::SOUND, &[audio()]).rung().accepted();
    duo.with(ALICE, |session| session.add_streams(&[text::spec()]).unwrap());
    duo.with(BOB, |session| session.hold().unwrap());
    duo.pass(100);
    let told = duo.told(ALICE);
    assert_eq!(told[1..], ["proposal local 1", "INVITE local 491", "-> connected", "rejected local 491 1"]);
    duo.with(ALICE, |session| session.add_streams(&[text::spec()]).unwrap());
    duo.pass(4500);
    let proposed = duo.proposed(BOB);
    duo.with(BOB, |session| session.accept_proposal(&proposed).unwrap());
    duo.pass(500);
    assert_eq!(duo.told(ALICE).last().unwrap(), "renegotiated local add 1");
    duo.over();
}

#[test]
fn a_proposal_that_nobody_answers_is_cancelled_after_the_invite_timeout() {
    let mut config = Config::default();
    config.invite_timeout = Some(Duration::from_secs(3));
    let mut duo = Duo::calling_with(&config, Habit::SOUND, &[audio()]).rung().accepted();
    duo.with(ALICE, |session| session.add_streams(&[text::spec()]).unwrap());
    duo.pass(2900);
    assert_eq!(duo.told(ALICE), ["-> sending_proposal", "proposal local 1"]);
    duo.pass(500);
    assert_eq!(duo.told(ALICE), ["INVITE local 487", "-> connected", "rejected local 487 1"]);
    assert_eq!(duo.told(BOB)[2..], ["INVITE remote 487", "-> connected", "rejected remote 487 1"]);
    duo.over();
}

/// The CANCEL crosses the 200: what was accepted stays, since nobody has asked for its end.
#[test]
fn a_proposal_that_is_accepted_when_its_time_is_up_stays() {
    let mut config = Config::default();
    config.invite_timeout = Some(Duration::from_secs(3));
    let mut duo = Duo::calling_with(&config, Habit::SOUND, &[audio()]).rung().accepted();
    duo.with(ALICE, |session| session.add_streams(&[text::spec()]).unwrap());
    duo.pass(2995);
    let proposed = duo.proposed(BOB);
    duo.with(BOB, |session| session.accept_proposal(&proposed).unwrap());
    duo.pass(1000);
    let kept = ["INVITE local 200", "-> connected", "accepted local 1/1", "renegotiated local add 1"];
    assert_eq!(duo.told(ALICE)[2..], kept);
    assert_eq!((duo.streams(ALICE).len(), duo.streams(BOB).len()), (2, 2));
    duo.over();
}
