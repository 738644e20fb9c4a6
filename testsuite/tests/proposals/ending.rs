//! What meets the end of a session.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use sipsimple_core::agent::Config;
use sipsimple_core::session::{SessionError, SessionState};
use sipsimple_testsuite::brittle::Habit;
use sipsimple_testsuite::link::Faults;
use sipsimple_testsuite::property::{Property, Seen, Violations};
use sipsimple_testsuite::text;

use super::duo::{ALICE, BOB, Duo, audio};

/// From now on nothing gets from one to the other, or everything does.
fn set_silence(duo: &mut Duo, from: usize, silent: bool) {
    let (here, there) = (duo.world.address(from).ip(), duo.world.address(1 - from).ip());
    duo.world.set_link(here, there, silent.then(Faults::silence));
}

#[test]
fn a_proposal_that_meets_the_end_of_the_session_ends_it_at_once() {
    let mut duo = Duo::established(&[audio()]);
    set_silence(&mut duo, BOB, true);
    duo.with(BOB, |session| session.end().unwrap());
    duo.pass(1);
    set_silence(&mut duo, BOB, false);
    // His BYE is lost for now; her re-INVITE is for a session that is over.
    duo.with(ALICE, |session| session.add_streams(&[text::spec()]).unwrap());
    duo.pass(24);
    assert_eq!(duo.state(ALICE), SessionState::Terminating);
    assert_eq!(
        duo.told(ALICE),
        [
            "-> sending_proposal",
            "proposal local 1",
            "INVITE local 481",
            "-> connected",
            "rejected local 481 1",
            "-> terminating",
            "will end remote"
        ]
    );
    duo.pass(1000);
    let told = duo.told(ALICE);
    assert_eq!(told.last().map(String::as_str), Some("ended remote Call/Transaction Does Not Exist"), "{told:?}");
    duo.over();
}

#[test]
fn a_2xx_is_acknowledged_again_after_the_end_and_not_sent_again_after_a_bye() {
    let mut duo = Duo::established(&[audio()]);
    duo.with(ALICE, |session| session.hold().unwrap());
    duo.pass(15);
    // His 200 is on its way. The watchers see to it that each copy of it is acknowledged, whatever ends.
    set_silence(&mut duo, ALICE, true);
    duo.pass(600);
    duo.with(ALICE, |session| session.end().unwrap());
    duo.with(BOB, |session| session.end().unwrap());
    set_silence(&mut duo, ALICE, false);
    duo.pass(5000);
    assert!(duo.world.host(ALICE).names().contains(&"SIPSessionDidEnd"));
    assert!(duo.world.host(BOB).names().contains(&"SIPSessionDidEnd"));
    assert!(duo.world.run_until_quiescent(Duration::from_secs(200)));
    duo.world.finish();
}

#[test]
fn a_transfer_waits_for_nobody_when_the_session_ends() {
    let mut duo = Duo::established(&[audio()]);
    duo.with(ALICE, |session| session.transfer("sip:carol@10.0.0.9", None).unwrap());
    duo.pass(100);
    set_silence(&mut duo, BOB, true);
    duo.with(BOB, |session| session.end().unwrap());
    let refused = duo.with(BOB, |session| session.accept_transfer(&[], &[audio()]).unwrap_err());
    assert_eq!(refused, SessionError::NoTransfer.into());
    assert_eq!(duo.with(BOB, |session| session.reject_transfer(603).unwrap_err()), SessionError::NoTransfer);
    set_silence(&mut duo, BOB, false);
    duo.over();
}

#[test]
fn one_transfer_at_a_time() {
    let mut duo = Duo::established(&[audio()]);
    duo.with(ALICE, |session| session.transfer("sip:carol@10.0.0.9", None).unwrap());
    duo.pass(100);
    let refused = duo.with(BOB, |session| session.transfer("sip:dave@10.0.0.9", None).unwrap_err());
    assert_eq!(refused, SessionError::TransferPending);
    duo.with(BOB, |session| session.reject_transfer(603).unwrap());
    duo.pass(100);
    // Those that cross are both refused, and each can be tried again.
    for host in [ALICE, BOB] {
        duo.told(host);
        duo.with(host, |session| session.transfer("sip:carol@10.0.0.9", None).unwrap());
    }
    duo.pass(100);
    for host in [ALICE, BOB] {
        assert_eq!(duo.told(host), ["transfer to sip:carol@10.0.0.9", "transfer failed 491"]);
    }
    duo.over();
}

#[test]
fn a_proposal_may_ring() {
    let mut duo = Duo::established(&[audio()]);
    duo.with(ALICE, |session| session.add_streams(&[text::spec()]).unwrap());
    duo.pass(100);
    duo.with(BOB, |session| session.send_ring_indication().unwrap());
    duo.pass(100);
    assert_eq!(duo.told(ALICE)[2..], ["rings", "provisional 180"]);
    let proposed = duo.proposed(BOB);
    duo.with(BOB, |session| session.accept_proposal(&proposed).unwrap());
    duo.pass(500);
    assert_eq!((duo.streams(ALICE).len(), duo.streams(BOB).len()), (2, 2));
    duo.over();
}

#[test]
fn an_answer_that_is_lost_with_the_session_is_not_waited_for_for_ever() {
    let mut duo = Duo::established(&[audio()]);
    duo.with(ALICE, |session| session.add_streams(&[text::spec()]).unwrap());
    duo.pass(500);
    // The re-INVITE has a provisional response, and nothing that ends its waiting.
    set_silence(&mut duo, BOB, true);
    let proposed = duo.proposed(BOB);
    duo.with(BOB, |session| session.accept_proposal(&proposed).unwrap());
    duo.pass(700);
    set_silence(&mut duo, BOB, false);
    duo.with(ALICE, |session| session.end().unwrap());
    duo.pass(100);
    assert_eq!(duo.told(BOB).last().map(String::as_str), Some("ended remote user request"));
    assert!(duo.world.run_until_quiescent(Duration::from_secs(200)));
    duo.world.finish();
}

/// Counts the requests that come after a BYE.
struct Late {
    ended: bool,
    count: Rc<Cell<u32>>,
}

impl Property for Late {
    fn seen(&mut self, seen: &Seen<'_>, _: &mut Violations) {
        let sent = seen.sight.fate == sipsimple_testsuite::wire::Fate::Sent && seen.sight.host == ALICE;
        let method = seen.sight.sip.request();
        if sent && method == "BYE" {
            self.ended = true;
        } else if sent && self.ended && !matches!(method, "" | "ACK" | "CANCEL") {
            self.count.set(self.count.get() + 1);
        }
    }
}

#[test]
fn nothing_is_sent_after_a_bye_that_could_overtake_it() {
    let mut config = Config::default();
    config.reliable_provisionals = true;
    let mut duo = Duo::calling_with(&config, Habit::SOUND, &[audio()]).rung().accepted();
    let count = Rc::new(Cell::new(0));
    duo.world.watch(vec![Box::new(Late { ended: false, count: Rc::clone(&count) })]);
    duo.with(ALICE, |session| session.add_streams(&[text::spec()]).unwrap());
    duo.pass(100);
    duo.with(BOB, |session| session.send_ring_indication().unwrap());
    duo.with(ALICE, |session| session.end().unwrap());
    duo.pass(5000);
    assert_eq!(count.get(), 0);
    assert!(duo.world.run_until_quiescent(Duration::from_secs(200)));
    duo.world.finish();
}
