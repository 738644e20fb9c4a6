//! Streams are added and removed.

use sipsimple_core::session::SessionState;
use sipsimple_testsuite::text;

use super::duo::{ALICE, BOB, Duo, audio};

#[test]
fn a_stream_is_added() {
    let mut duo = Duo::established(&[audio()]);
    let added = duo.with(ALICE, |session| session.add_streams(&[text::spec()]).unwrap());
    assert_eq!(duo.proposed(ALICE), added);
    duo.pass(500);
    assert_eq!(duo.told(ALICE), ["-> sending_proposal", "proposal local 1"]);
    assert_eq!(duo.told(BOB), ["-> received_proposal", "proposal remote 1"]);
    let proposed = duo.proposed(BOB);
    duo.with(BOB, |session| session.accept_proposal(&proposed).unwrap());
    duo.pass(500);
    assert_eq!(
        duo.told(BOB),
        [
            "-> accepting_proposal",
            "INVITE remote 200",
            "-> connected",
            "accepted remote 1/1",
            "renegotiated remote add 1"
        ]
    );
    assert_eq!(duo.told(ALICE), ["INVITE local 200", "-> connected", "accepted local 1/1", "renegotiated local add 1"]);
    assert_eq!(duo.streams(ALICE)[1..], added);
    assert_eq!(duo.streams(BOB)[1..], proposed);
    assert_eq!(duo.with(BOB, |session| session.proposed_streams()), None);
    duo.over();
}

#[test]
fn a_part_of_a_proposal_is_accepted() {
    let mut duo = Duo::established(&[audio()]);
    duo.with(ALICE, |session| session.add_streams(&[text::spec(), audio()]).unwrap());
    duo.pass(500);
    let proposed = duo.proposed(BOB);
    duo.with(BOB, |session| session.accept_proposal(&proposed[1..]).unwrap());
    duo.pass(500);
    assert_eq!(duo.told(ALICE)[3..], ["-> connected", "accepted local 1/2", "renegotiated local add 1"]);
    assert_eq!(duo.told(BOB)[4..], ["-> connected", "accepted remote 1/2", "renegotiated remote add 1"]);
    for host in [ALICE, BOB] {
        assert_eq!(duo.streams(host).len(), 2);
    }
    duo.over();
}

#[test]
fn a_proposal_is_rejected() {
    let mut duo = Duo::established(&[audio()]);
    duo.with(ALICE, |session| session.add_streams(&[text::spec()]).unwrap());
    duo.pass(500);
    duo.with(BOB, |session| session.reject_proposal(488, None).unwrap());
    assert_eq!(duo.state(BOB), SessionState::RejectingProposal);
    duo.pass(500);
    assert_eq!(duo.told(ALICE)[2..], ["INVITE local 488", "-> connected", "rejected local 488 1"]);
    assert_eq!(
        duo.told(BOB)[2..],
        ["-> rejecting_proposal", "INVITE remote 488", "-> connected", "rejected remote 488 1"]
    );
    duo.over();
}

#[test]
fn a_stream_is_removed() {
    let mut duo = Duo::established(&[audio(), text::spec()]);
    let text = duo.streams(ALICE)[1..].to_vec();
    duo.with(ALICE, |session| session.remove_streams(&text).unwrap());
    duo.pass(500);
    assert_eq!(
        duo.told(ALICE),
        ["-> sending_proposal", "INVITE local 200", "-> connected", "renegotiated local remove 1"]
    );
    assert_eq!(duo.told(BOB), ["INVITE remote 200", "renegotiated remote remove 1"]);
    assert_eq!((duo.streams(ALICE).len(), duo.streams(BOB).len()), (1, 1));
    duo.over();
}

#[test]
fn the_last_stream_may_be_removed_and_another_added() {
    let mut duo = Duo::established(&[audio()]);
    let all = duo.streams(ALICE);
    duo.with(ALICE, |session| session.remove_streams(&all).unwrap());
    duo.pass(500);
    assert_eq!((duo.streams(ALICE).len(), duo.streams(BOB).len()), (0, 0));
    duo.with(BOB, |session| session.add_streams(&[text::spec()]).unwrap());
    duo.pass(500);
    let proposed = duo.proposed(ALICE);
    duo.with(ALICE, |session| session.accept_proposal(&proposed).unwrap());
    duo.pass(500);
    assert_eq!((duo.streams(ALICE).len(), duo.streams(BOB).len()), (1, 1));
    duo.over();
}

#[test]
fn a_proposal_is_cancelled() {
    let mut duo = Duo::established(&[audio()]);
    duo.with(ALICE, |session| session.add_streams(&[text::spec()]).unwrap());
    duo.pass(500);
    duo.with(ALICE, |session| session.cancel_proposal().unwrap());
    duo.pass(500);
    assert_eq!(
        duo.told(ALICE)[2..],
        ["-> cancelling_proposal", "INVITE local 487", "-> connected", "rejected local 487 1"]
    );
    assert_eq!(duo.told(BOB)[2..], ["INVITE remote 487", "-> connected", "rejected remote 487 1"]);
    duo.over();
}

#[test]
fn a_proposal_that_is_cancelled_before_it_was_sent_is_never_sent() {
    let mut duo = Duo::established(&[audio()]);
    duo.with(ALICE, |session| {
        session.add_streams(&[text::spec()]).unwrap();
        session.cancel_proposal().unwrap();
    });
    duo.pass(500);
    assert_eq!(duo.told(ALICE), ["-> sending_proposal", "-> connected", "rejected local 487 1"]);
    assert_eq!(duo.told(BOB), [""; 0]);
    duo.over();
}

#[test]
fn a_proposal_that_is_accepted_while_it_is_cancelled_ends_the_session() {
    let mut duo = Duo::established(&[audio()]);
    duo.with(ALICE, |session| session.add_streams(&[text::spec()]).unwrap());
    duo.pass(500);
    let proposed = duo.proposed(BOB);
    duo.with(BOB, |session| session.accept_proposal(&proposed).unwrap());
    duo.with(ALICE, |session| session.cancel_proposal().unwrap());
    duo.pass(2000);
    assert_eq!(
        duo.told(ALICE)[2..],
        [
            "-> cancelling_proposal",
            "INVITE local 200",
            "-> connected",
            "rejected local 487 1",
            "-> terminating",
            "will end local",
            "BYE local 200",
            "-> terminated",
            "ended local user request"
        ]
    );
    duo.over();
}

#[test]
fn proposals_that_cross_settle_one_after_the_other() {
    let mut duo = Duo::established(&[audio()]);
    for host in [ALICE, BOB] {
        duo.with(host, |session| session.add_streams(&[text::spec()]).unwrap());
    }
    for _ in 0..100 {
        duo.pass(100);
        for host in [ALICE, BOB] {
            if duo.state(host) == SessionState::ReceivedProposal {
                let proposed = duo.proposed(host);
                duo.with(host, |session| session.accept_proposal(&proposed).unwrap());
            }
        }
    }
    for host in [ALICE, BOB] {
        assert_eq!((duo.state(host), duo.streams(host).len()), (SessionState::Connected, 3));
        let told = duo.told(host);
        assert!(told.contains(&"INVITE local 491".to_owned()), "{told:?}");
        assert_eq!(told.iter().filter(|told| *told == "proposal local 1").count(), 1, "{told:?}");
    }
    duo.over();
}

#[test]
fn removals_that_cross_settle() {
    for theirs in [0..1, 1..2, 0..2] {
        let mut duo = Duo::established(&[audio(), text::spec()]);
        let own = duo.streams(ALICE)[..1].to_vec();
        let other = duo.streams(BOB)[theirs.clone()].to_vec();
        duo.with(ALICE, |session| session.remove_streams(&own).unwrap());
        duo.with(BOB, |session| session.remove_streams(&other).unwrap());
        duo.pass(20_000);
        let left = if theirs == (0..1) { 1 } else { 0 };
        for host in [ALICE, BOB] {
            assert_eq!((duo.state(host), duo.streams(host).len()), (SessionState::Connected, left), "{theirs:?}");
        }
        duo.over();
    }
}

#[test]
fn a_session_that_ends_settles_what_was_proposed() {
    let mut duo = Duo::established(&[audio()]);
    duo.with(ALICE, |session| session.add_streams(&[text::spec()]).unwrap());
    duo.pass(500);
    duo.with(ALICE, |session| session.end().unwrap());
    duo.pass(2000);
    let expected = "failure local session ended".to_owned();
    assert!(duo.told(ALICE).contains(&expected));
    let expected = "failure remote session ended".to_owned();
    assert!(duo.told(BOB).contains(&expected));
    duo.over();
}
