//! Hold and unhold, in any state.

use sipsimple_core::session::SessionState;
use sipsimple_testsuite::text;

use super::duo::{ALICE, BOB, Duo, audio};

fn held(duo: &mut Duo, host: usize) -> (bool, bool) {
    duo.with(host, |session| (session.on_hold_by_local(), session.on_hold_by_remote()))
}

#[test]
fn hold_and_unhold() {
    let mut duo = Duo::established(&[audio()]);
    duo.with(ALICE, |session| session.hold().unwrap());
    assert_eq!((held(&mut duo, ALICE), duo.state(ALICE)), ((true, false), SessionState::SendingProposal));
    duo.pass(500);
    assert_eq!(duo.told(ALICE), ["-> sending_proposal", "INVITE local 200", "-> connected", "hold local true"]);
    assert_eq!(duo.told(BOB), ["INVITE remote 200", "hold remote true"]);
    assert_eq!((held(&mut duo, ALICE), held(&mut duo, BOB)), ((true, false), (false, true)));
    duo.with(ALICE, |session| session.hold().unwrap());
    duo.pass(500);
    assert_eq!(duo.told(ALICE), [""; 0], "it is held");
    duo.with(BOB, |session| session.hold().unwrap());
    duo.pass(500);
    assert_eq!((held(&mut duo, ALICE), held(&mut duo, BOB)), ((true, true), (true, true)));
    duo.with(ALICE, |session| session.unhold().unwrap());
    duo.pass(500);
    assert_eq!((held(&mut duo, ALICE), held(&mut duo, BOB)), ((false, true), (true, false)));
    duo.with(BOB, |session| session.unhold().unwrap());
    duo.pass(500);
    assert_eq!((held(&mut duo, ALICE), held(&mut duo, BOB)), ((false, false), (false, false)));
    assert!(duo.told(ALICE).contains(&"hold remote false".to_owned()));
    duo.over();
}

#[test]
fn a_hold_before_the_start_goes_with_the_offer() {
    let mut duo = Duo::calling(&[audio()]);
    duo.with(ALICE, |session| session.hold().unwrap());
    duo.pass(500);
    let callee = duo.world.with(BOB, |agent, _| agent.sessions())[0];
    duo.sessions[BOB] = callee;
    let proposed = duo.streams(BOB);
    duo.with(BOB, |session| session.accept(&proposed).unwrap());
    duo.pass(1000);
    let told = duo.told(ALICE);
    assert_eq!(told[told.len() - 2..], ["started 1", "hold local true"]);
    let told = duo.told(BOB);
    assert_eq!(told[told.len() - 2..], ["started 1", "hold remote true"]);
    duo.over();
}

#[test]
fn a_hold_while_it_rings_follows_the_start() {
    let mut duo = Duo::ringing(&[audio()]);
    duo.with(ALICE, |session| session.hold().unwrap());
    let proposed = duo.streams(BOB);
    duo.with(BOB, |session| session.accept(&proposed).unwrap());
    duo.pass(1000);
    let told = duo.told(ALICE);
    assert_eq!(
        told[told.len() - 5..],
        ["started 1", "-> sending_proposal", "INVITE local 200", "-> connected", "hold local true"]
    );
    assert_eq!(held(&mut duo, BOB), (false, true));
    duo.over();
}

#[test]
fn a_wish_that_changes_on_the_way_is_said_next() {
    let mut duo = Duo::established(&[audio()]);
    duo.with(ALICE, |session| {
        session.hold().unwrap();
        session.unhold().unwrap();
    });
    duo.pass(1000);
    let told = duo.told(ALICE);
    assert_eq!(told.last().map(String::as_str), Some("hold local false"), "{told:?}");
    assert_eq!((held(&mut duo, ALICE), held(&mut duo, BOB)), ((false, false), (false, false)));
    duo.over();
}

#[test]
fn a_hold_waits_while_the_peer_proposes_and_goes_with_the_answer() {
    let mut duo = Duo::established(&[audio()]);
    duo.with(ALICE, |session| session.add_streams(&[text::spec()]).unwrap());
    duo.pass(500);
    duo.with(BOB, |session| session.hold().unwrap());
    duo.pass(500);
    assert_eq!(held(&mut duo, ALICE), (false, false), "nobody has told her");
    let proposed = duo.proposed(BOB);
    duo.with(BOB, |session| session.accept_proposal(&proposed).unwrap());
    duo.pass(500);
    assert_eq!((held(&mut duo, ALICE), held(&mut duo, BOB)), ((false, true), (true, false)));
    duo.over();
}

#[test]
fn holds_that_cross_settle() {
    let mut duo = Duo::established(&[audio()]);
    for host in [ALICE, BOB] {
        duo.with(host, |session| session.hold().unwrap());
    }
    duo.pass(10_000);
    assert_eq!((held(&mut duo, ALICE), held(&mut duo, BOB)), ((true, true), (true, true)));
    for host in [ALICE, BOB] {
        assert_eq!(duo.state(host), SessionState::Connected);
    }
    duo.over();
}

#[test]
fn a_stream_that_comes_while_others_are_held_makes_the_hold_partial() {
    let mut duo = Duo::established(&[audio()]);
    duo.with(ALICE, |session| session.hold().unwrap());
    duo.pass(500);
    duo.with(ALICE, |session| session.add_streams(&[audio()]).unwrap());
    duo.pass(500);
    let proposed = duo.proposed(BOB);
    duo.with(BOB, |session| session.accept_proposal(&proposed).unwrap());
    duo.pass(500);
    let holds = duo.with(ALICE, |session| {
        let streams = session.streams();
        streams.iter().map(|id| session.stream(*id).unwrap().on_hold_by_local()).collect::<Vec<_>>()
    });
    assert_eq!(holds, [true, false]);
    duo.with(ALICE, |session| session.unhold().unwrap());
    duo.pass(500);
    assert_eq!((held(&mut duo, ALICE), held(&mut duo, BOB)), ((false, false), (false, false)));
    duo.over();
}

#[test]
fn where_nothing_can_be_held_nothing_is_sent() {
    let mut duo = Duo::established(&[text::spec()]);
    duo.with(ALICE, |session| session.hold().unwrap());
    duo.pass(500);
    assert_eq!(duo.told(ALICE), [""; 0]);
    assert_eq!(duo.told(BOB), [""; 0]);
    duo.over();
}

#[test]
fn with_the_streams_that_it_held_a_hold_is_over() {
    let mut duo = Duo::established(&[audio(), text::spec()]);
    duo.with(ALICE, |session| session.hold().unwrap());
    duo.pass(500);
    let sound = duo.streams(BOB)[..1].to_vec();
    duo.with(BOB, |session| session.remove_streams(&sound).unwrap());
    duo.told(ALICE);
    duo.pass(500);
    assert_eq!(duo.told(ALICE), ["INVITE remote 200", "hold local false", "renegotiated remote remove 1"]);
    duo.with(ALICE, |session| session.add_streams(&[audio()]).unwrap());
    duo.pass(500);
    let proposed = duo.proposed(BOB);
    duo.with(BOB, |session| session.accept_proposal(&proposed).unwrap());
    duo.pass(500);
    assert_eq!((held(&mut duo, ALICE), held(&mut duo, BOB)), ((false, false), (false, false)));
    duo.with(ALICE, |session| session.hold().unwrap());
    duo.pass(500);
    assert_eq!((held(&mut duo, ALICE), held(&mut duo, BOB)), ((true, false), (false, true)));
    duo.over();
}

#[test]
fn a_stream_that_joins_on_hold_is_told_to_be_held() {
    let mut duo = Duo::established(&[text::spec()]);
    duo.with(BOB, |session| session.add_streams(&[audio()]).unwrap());
    duo.pass(500);
    duo.with(ALICE, |session| session.hold().unwrap());
    let proposed = duo.proposed(ALICE);
    duo.with(ALICE, |session| session.accept_proposal(&proposed).unwrap());
    duo.pass(500);
    assert_eq!(duo.told(ALICE).last().map(String::as_str), Some("hold local true"));
    assert_eq!(duo.told(BOB).last().map(String::as_str), Some("hold remote true"));
    duo.over();
}

#[test]
fn a_partial_hold_is_completed_by_holding_once_more() {
    let mut duo = Duo::established(&[audio()]);
    duo.with(ALICE, |session| session.hold().unwrap());
    duo.pass(500);
    duo.with(BOB, |session| session.add_streams(&[audio()]).unwrap());
    duo.pass(500);
    let proposed = duo.proposed(ALICE);
    duo.with(ALICE, |session| session.accept_proposal(&proposed).unwrap());
    duo.pass(500);
    assert_eq!(duo.told(ALICE).last().map(String::as_str), Some("hold local true partial"));
    assert_eq!(duo.told(BOB).last().map(String::as_str), Some("hold remote true partial"));
    duo.with(ALICE, |session| session.hold().unwrap());
    duo.pass(500);
    assert_eq!(duo.told(ALICE).last().map(String::as_str), Some("hold local true"));
    assert_eq!(duo.told(BOB).last().map(String::as_str), Some("hold remote true"));
    duo.over();
}

#[test]
fn each_hold_that_the_peer_was_told_of_is_told() {
    let mut duo = Duo::established(&[audio()]);
    duo.with(ALICE, |session| {
        session.hold().unwrap();
        session.unhold().unwrap();
    });
    duo.pass(1000);
    let holds: Vec<String> = duo.told(ALICE).into_iter().filter(|told| told.starts_with("hold")).collect();
    assert_eq!(holds, ["hold local true", "hold local false"]);
    let holds: Vec<String> = duo.told(BOB).into_iter().filter(|told| told.starts_with("hold")).collect();
    assert_eq!(holds, ["hold remote true", "hold remote false"]);
    duo.over();
}
