//! The races of RFC 5407 section 3, message by message. In each one alice, the agent, is the RFC's Alice or its Bob, and the peer says what the other
//! does; where two messages cross, each order is played in which they can arrive at her.

use std::time::Duration;

use sipsimple_core::id::SessionId;
use sipsimple_core::session::SessionState;
use sipsimple_core::transport::Transport;
use sipsimple_testsuite::application::Answering;
use sipsimple_testsuite::draft::{Draft, Side, audio};
use sipsimple_testsuite::post::Letter;
use sipsimple_testsuite::sip::Sip;

use crate::scene::{Scene, accepted, answering, peer, response};

/// A user who rings, and accepts at once.
fn quick() -> Answering {
    Answering::after(Duration::ZERO)
}

/// The peer calls, without an offer if that is `late`, and alice's 200 has come, which is not acknowledged.
fn called(late: bool) -> (Scene, Draft, Side, Letter) {
    let mut scene = Scene::answering(quick());
    let invite = if late { scene.request("INVITE") } else { scene.invite() };
    scene.send(&invite);
    scene.next("180 INVITE");
    let ok = scene.next("200 INVITE");
    let side = Side::caller(&invite.sip(), &ok.sip, peer());
    (scene, invite, side, ok)
}

/// A call of the peer's that alice holds.
fn holding() -> (Scene, SessionId, Side) {
    let mut scene = Scene::answering(quick());
    let (side, _) = scene.established_by_peer();
    let session = scene.incoming();
    scene.session(session, |session| session.hold()).unwrap();
    (scene, session, side)
}

/// An offer of another version than the last.
fn offer(version: u32) -> String {
    audio(peer(), 4000).replace("o=- 1 1", &format!("o=- 1 {version}"))
}

impl Scene {
    fn reinvite(&mut self, side: &mut Side, version: u32) -> Draft {
        let name = self.name();
        side.request("INVITE", &name).body("application/sdp", offer(version))
    }

    /// The final answer to a request of the peer's, among whatever comes.
    #[track_caller]
    fn answer_to(&mut self, request: &Draft) -> Sip {
        let number = request.sip().cseq().0;
        loop {
            let letter = self.next_any();
            if letter.sip.cseq().0 == number && letter.sip.code() >= 200 {
                return letter.sip;
            }
        }
    }

    /// The first letter that is no repetition of another.
    #[track_caller]
    fn next_but(&mut self, repeated: &str, name: &str) -> Letter {
        loop {
            let letter = self.next_any();
            if letter.sip.to_string() != repeated {
                assert_eq!(letter.sip.to_string(), name, "{letter:?}");
                return letter;
            }
        }
    }

    /// Alice's BYE is answered, and all is over.
    #[track_caller]
    fn ends(mut self, session: SessionId) {
        self.end(session);
        let bye = self.next("BYE");
        self.reply(&bye, &Draft::response(&bye.sip, 200, "b"));
        self.wait(100);
        assert_eq!(self.count("SIPSessionDidEnd"), 1);
        self.quiet();
    }
}

/// 3.1.1, alice is Bob: the INVITE comes again after, and while, she answers it.
#[test]
fn an_invite_that_comes_again_is_no_new_one() {
    for wait in [0, 15] {
        let mut scene = Scene::answering(quick());
        let invite = scene.invite();
        scene.send(&invite);
        scene.wait(wait);
        scene.send(&invite);
        let ok = loop {
            let letter = scene.next_but("180 INVITE", "200 INVITE");
            if letter.sip.code() == 200 {
                break letter.sip;
            }
        };
        let ack = Draft::ack(&invite.sip(), &ok);
        scene.send(&ack);
        scene.wait(100);
        while let Some(again) = scene.world.take_letter(scene.peer) {
            assert_eq!(again.sip.to_string(), "200 INVITE", "only the answer may come again");
        }
        assert_eq!((scene.count("SIPSessionNewIncoming"), scene.count("SIPSessionDidStart")), (1, 1));
        let session = scene.incoming();
        scene.ends(session);
    }
}

/// 3.1.1, alice is Alice: her 180 was lost, and the 200 crosses her INVITE.
#[test]
fn an_invite_is_repeated_until_something_is_heard() {
    let mut scene = Scene::new();
    let session = scene.call(Transport::Udp);
    let invite = scene.next("INVITE");
    let again = scene.next("INVITE");
    assert_eq!(invite.sip.list("via"), again.sip.list("via"));
    scene.reply(&invite, &accepted(&invite.sip, "b"));
    scene.next("ACK");
    assert_eq!(scene.within(3000), [""; 0]);
    scene.ends(session);
}

/// 3.1.2, alice is Bob: the CANCEL comes when she has answered; and the other way round it comes first, and nothing is answered.
#[test]
fn a_cancel_that_comes_after_the_answer_changes_nothing() {
    let (mut scene, invite, mut side, ok) = called(false);
    scene.send(&Draft::cancel(&invite.sip()));
    scene.next("200 CANCEL");
    scene.send(&Draft::ack(&invite.sip(), &ok.sip));
    scene.wait(50);
    assert_eq!(scene.count("SIPSessionDidStart"), 1);
    scene.send(&side.request("BYE", "bye"));
    scene.next("200 BYE");
    assert_eq!((scene.count("SIPSessionDidEnd"), scene.count("SIPSessionDidFail")), (1, 0));
    scene.quiet();

    let mut scene = Scene::answering(answering());
    let invite = scene.invite();
    scene.send(&invite);
    scene.next("180 INVITE");
    scene.send(&Draft::cancel(&invite.sip()));
    scene.next("200 CANCEL");
    let refusal = scene.next("487 INVITE");
    scene.send(&Draft::ack(&invite.sip(), &refusal.sip));
    assert_eq!(scene.within(3000), [""; 0]);
    assert_eq!(scene.count("SIPSessionDidFail"), 1);
    scene.quiet();
}

/// 3.1.2, alice is Alice: the 200 to the INVITE comes before and after that to her CANCEL. The application's end is one.
#[test]
fn an_answer_that_crosses_the_cancel_is_ended() {
    for invite_first in [true, false] {
        let mut scene = Scene::new();
        let session = scene.call(Transport::Udp);
        let invite = scene.next("INVITE");
        scene.reply(&invite, &response(&invite.sip, 180, "b"));
        scene.wait(50);
        scene.end(session);
        let cancel = scene.next("CANCEL");
        let (ok, cancelled) = (accepted(&invite.sip, "b"), Draft::response(&cancel.sip, 200, "b"));
        if invite_first {
            scene.reply(&invite, &ok);
            scene.reply(&cancel, &cancelled);
        } else {
            scene.reply(&cancel, &cancelled);
            scene.reply(&invite, &ok);
        }
        scene.next("ACK");
        let bye = scene.next("BYE");
        scene.reply(&bye, &Draft::response(&bye.sip, 200, "b"));
        assert_eq!(scene.within(1000), [""; 0]);
        assert_eq!(scene.count("SIPSessionDidStart"), 0);
        scene.quiet();
    }
}

/// 3.1.3, alice is Bob: a BYE for the early dialog comes when she has answered, and before. (She never sends one herself: she cancels.)
#[test]
fn a_bye_for_an_early_dialog_ends_it_also_when_it_was_answered() {
    let (mut scene, invite, mut side, ok) = called(false);
    scene.send(&side.request("BYE", "bye"));
    scene.next_but("200 INVITE", "200 BYE");
    scene.send(&Draft::ack(&invite.sip(), &ok.sip));
    scene.wait(2000);
    assert_eq!(scene.count("SIPSessionDidEnd") + scene.count("SIPSessionDidFail"), 1);
    assert_eq!(scene.count("SIPSessionDidStart"), 0);
    scene.quiet();

    let mut scene = Scene::answering(answering());
    let invite = scene.invite();
    scene.send(&invite);
    let ringing = scene.next("180 INVITE");
    scene.send(&Side::caller(&invite.sip(), &ringing.sip, peer()).request("BYE", "bye"));
    let mut came = [scene.next_any(), scene.next_any()];
    came.sort_by_key(|letter| letter.sip.to_string());
    assert_eq!(came.each_ref().map(|letter| letter.sip.to_string()), ["200 BYE", "487 INVITE"]);
    scene.send(&Draft::ack(&invite.sip(), &came[1].sip));
    assert_eq!(scene.within(3000), [""; 0]);
    assert_eq!(scene.count("SIPSessionDidFail"), 1);
    scene.quiet();
}

/// 3.1.4, alice is Bob: a re-INVITE comes while she waits for the ACK, which was lost; it, and the ACK that comes again, arrive in both orders.
#[test]
fn a_reinvite_that_overtakes_the_ack_is_answered() {
    for ack_first in [true, false] {
        let (mut scene, invite, mut side, ok) = called(false);
        scene.next("200 INVITE");
        let (reinvite, ack) = (scene.reinvite(&mut side, 2), Draft::ack(&invite.sip(), &ok.sip));
        if ack_first {
            scene.send(&ack);
        }
        scene.send(&reinvite);
        scene.wait(1);
        if !ack_first {
            scene.send(&ack);
        }
        let answer = scene.answer_to(&reinvite);
        // Without the ACK the RFC has 200 or 491.
        assert!(answer.code() == 200 || (answer.code() == 491 && !ack_first), "{answer:?}");
        scene.send(&Draft::ack(&reinvite.sip(), &answer));
        scene.wait(1000);
        while scene.world.take_letter(scene.peer).is_some() {}
        assert_eq!((scene.count("SIPSessionDidStart"), scene.count("SIPSessionDidFail")), (1, 0), "{ack_first}");
        let session = scene.incoming();
        scene.ends(session);
    }
}

/// 3.1.4, alice is Alice: her ACK was lost, her user holds, and the 200 to the INVITE comes again before and after that to the re-INVITE.
#[test]
fn an_answer_that_comes_again_is_acknowledged_again() {
    for again_first in [true, false] {
        let mut scene = Scene::new();
        let session = scene.call(Transport::Udp);
        let invite = scene.next("INVITE");
        let ok = accepted(&invite.sip, "b");
        scene.reply(&invite, &ok);
        let ack = scene.next("ACK");
        scene.session(session, |session| session.hold()).unwrap();
        let reinvite = scene.next("INVITE");
        let held = response(&reinvite.sip, 200, "b").body("application/sdp", offer(2).replace("sendrecv", "recvonly"));
        let numbers = if again_first {
            scene.reply(&invite, &ok);
            let again = scene.next("ACK");
            scene.reply(&reinvite, &held);
            [again, scene.next("ACK")]
        } else {
            scene.reply(&reinvite, &held);
            let first = scene.next("ACK");
            scene.reply(&invite, &ok);
            [scene.next("ACK"), first]
        };
        assert_eq!(numbers[0].sip.cseq(), ack.sip.cseq());
        assert_eq!(numbers[1].sip.cseq().0, reinvite.sip.cseq().0);
        scene.wait(100);
        assert!(scene.session(session, |session| session.on_hold_by_local()));
        scene.ends(session);
    }
}

/// 3.1.5, alice is Bob: her offer waits for the answer in the ACK, which was lost, when an offer comes: 491. In the other order it is answered.
#[test]
fn an_offer_that_overtakes_the_answer_is_refused() {
    for ack_first in [true, false] {
        let (mut scene, invite, mut side, ok) = called(true);
        scene.next("200 INVITE");
        let (reinvite, ack) = (scene.reinvite(&mut side, 2), Draft::ack(&invite.sip(), &ok.sip));
        let ack = ack.body("application/sdp", audio(peer(), 4000));
        if ack_first {
            scene.send(&ack);
            scene.wait(50);
        }
        scene.send(&reinvite);
        let answer = scene.answer_to(&reinvite);
        assert_eq!(answer.code(), if ack_first { 200 } else { 491 });
        scene.send(&Draft::ack(&reinvite.sip(), &answer));
        if !ack_first {
            scene.send(&ack);
        }
        scene.wait(200);
        while scene.world.take_letter(scene.peer).is_some() {}
        assert_eq!(scene.count("SIPSessionDidStart"), 1, "{ack_first}");
        let session = scene.incoming();
        scene.ends(session);
    }
}

/// 3.1.6, alice is Bob: a BYE comes instead of the ACK, which comes again then; a session is not begun anew.
#[test]
fn a_bye_that_overtakes_the_ack_ends_the_session_for_good() {
    for late in [false, true] {
        let (mut scene, invite, mut side, ok) = called(late);
        scene.next("200 INVITE");
        scene.send(&side.request("BYE", "bye"));
        scene.next_but("200 INVITE", "200 BYE");
        let ack = Draft::ack(&invite.sip(), &ok.sip);
        scene.send(&if late { ack.body("application/sdp", audio(peer(), 4000)) } else { ack });
        assert_eq!(scene.within(3000), [""; 0]);
        assert_eq!(scene.count("SIPSessionDidStart"), 0);
        assert_eq!(scene.count("SIPSessionDidEnd") + scene.count("SIPSessionDidFail"), 1);
        scene.quiet();
    }
}

/// 3.1.6, alice is Alice: the 200 comes again when she has sent BYE; it is acknowledged, and begins nothing.
#[test]
fn an_answer_that_comes_again_after_the_bye_is_acknowledged() {
    for bye_first in [true, false] {
        let mut scene = Scene::new();
        let session = scene.call(Transport::Udp);
        let invite = scene.next("INVITE");
        let ok = accepted(&invite.sip, "b");
        scene.reply(&invite, &ok);
        scene.next("ACK");
        scene.end(session);
        let bye = scene.next("BYE");
        let ended = Draft::response(&bye.sip, 200, "b");
        if bye_first {
            scene.reply(&bye, &ended);
            scene.wait(50);
        }
        scene.reply(&invite, &ok);
        scene.next("ACK");
        if !bye_first {
            scene.reply(&bye, &ended);
        }
        assert_eq!(scene.within(1000), [""; 0]);
        assert_eq!((scene.count("SIPSessionDidStart"), scene.count("SIPSessionDidEnd")), (1, 1));
        scene.quiet();
    }
}

/// 3.2.1: both hang up, as caller and as callee, and the BYE of the peer comes before and after the answer to hers.
#[test]
fn two_byes_cross() {
    for caller in [true, false] {
        for answer_first in [true, false] {
            let mut scene = if caller { Scene::new() } else { Scene::answering(quick()) };
            let (session, mut side) = if caller {
                scene.established_by_alice()
            } else {
                let (side, _) = scene.established_by_peer();
                (scene.incoming(), side)
            };
            scene.end(session);
            let bye = scene.next("BYE");
            let (ended, own) = (Draft::response(&bye.sip, 200, "b"), side.request("BYE", "bye"));
            if answer_first {
                scene.reply(&bye, &ended);
                scene.wait(15);
                scene.send(&own);
                // The dialog is gone by then.
                let late = scene.next_any().sip.to_string();
                assert!(late == "481 BYE" || late == "200 BYE", "{late}");
            } else {
                scene.send(&own);
                scene.next("200 BYE");
                scene.reply(&bye, &ended);
            }
            assert_eq!(scene.within(1000), [""; 0]);
            assert_eq!((scene.count("SIPSessionWillEnd"), scene.count("SIPSessionDidEnd")), (1, 1));
            scene.quiet();
        }
    }
}

/// 3.2.2, alice is Alice: a re-INVITE crosses her BYE. Alice is Bob: her re-INVITE crosses the BYE, and is refused then.
#[test]
fn a_reinvite_crosses_a_bye() {
    let mut scene = Scene::new();
    let (session, mut side) = scene.established_by_alice();
    scene.end(session);
    let bye = scene.next("BYE");
    let reinvite = scene.reinvite(&mut side, 2);
    scene.send(&reinvite);
    let refusal = scene.next("481 INVITE");
    scene.send(&Draft::ack(&reinvite.sip(), &refusal.sip));
    scene.reply(&bye, &Draft::response(&bye.sip, 200, "b"));
    assert_eq!(scene.within(1000), [""; 0]);
    assert_eq!(scene.count("SIPSessionDidEnd"), 1);
    scene.quiet();

    for refused_first in [true, false] {
        let (mut scene, _, mut side) = holding();
        let reinvite = scene.next("INVITE");
        let (bye, refusal) = (side.request("BYE", "bye"), Draft::response(&reinvite.sip, 481, "b"));
        if refused_first {
            scene.reply(&reinvite, &refusal);
            scene.next("ACK");
            scene.send(&bye);
        } else {
            scene.send(&bye);
            scene.next("200 BYE");
            scene.reply(&reinvite, &refusal);
            scene.next("ACK");
        }
        scene.wait(50);
        // After a 481 she ends the dialog herself (RFC 3261 section 12.2.1.2).
        while let Some(letter) = scene.world.take_letter(scene.peer) {
            let name = letter.sip.to_string();
            assert!(refused_first && (name == "BYE" || name.ends_with(" BYE")), "{name}");
            if name == "BYE" {
                scene.reply(&letter, &Draft::response(&letter.sip, 481, "b"));
                scene.wait(50);
            }
        }
        assert_eq!(scene.count("SIPSessionDidEnd"), 1);
        scene.quiet();
    }
}

/// 3.2.3, alice is Bob: her user hangs up while her re-INVITE is unanswered. The 200 to it comes before and after that to the BYE, and is acknowledged.
#[test]
fn the_answer_to_a_reinvite_crosses_the_bye() {
    for invite_first in [true, false] {
        let (mut scene, session, _) = holding();
        let reinvite = scene.next("INVITE");
        scene.end(session);
        let bye = scene.next("BYE");
        let held = response(&reinvite.sip, 200, "b").body("application/sdp", offer(2).replace("sendrecv", "recvonly"));
        let ended = Draft::response(&bye.sip, 200, "b");
        if invite_first {
            scene.reply(&reinvite, &held);
            scene.next_but("BYE", "ACK");
            scene.reply(&bye, &ended);
        } else {
            scene.reply(&bye, &ended);
            scene.wait(50);
            scene.reply(&reinvite, &held);
            scene.next_but("BYE", "ACK");
        }
        scene.wait(100);
        assert_eq!(scene.count("SIPSessionDidEnd"), 1);
        scene.quiet();
    }
}

/// 3.2.4, alice is Bob: her user hangs up before the ACK comes. The application is told at once; the BYE waits for the ACK (RFC 3261 section 15),
/// and an answer in it begins nothing.
#[test]
fn an_ack_that_comes_when_she_has_hung_up_begins_nothing() {
    for late in [false, true] {
        let (mut scene, invite, _, ok) = called(late);
        let session = scene.incoming();
        scene.end(session);
        assert!(scene.within(300).iter().all(|name| name == "200 INVITE"));
        let ack = Draft::ack(&invite.sip(), &ok.sip);
        scene.send(&if late { ack.body("application/sdp", audio(peer(), 4000)) } else { ack });
        let bye = scene.next_but("200 INVITE", "BYE");
        scene.reply(&bye, &Draft::response(&bye.sip, 200, "b"));
        assert_eq!(scene.within(1000), [""; 0]);
        assert_eq!(scene.count("SIPSessionDidStart"), 0);
        assert_eq!(scene.count("SIPSessionDidEnd") + scene.count("SIPSessionDidFail"), 1);
        scene.quiet();
    }
}

/// 3.2.4, alice is Alice: the BYE comes with the 200, before her ACK can have arrived. (A callee may not send one before its 200 was acknowledged; it
/// is answered all the same.)
#[test]
fn a_bye_crosses_the_ack() {
    let mut scene = Scene::new();
    scene.call(Transport::Udp);
    let invite = scene.next("INVITE");
    scene.reply(&invite, &response(&invite.sip, 180, "b"));
    scene.wait(50);
    let mut side = Side::callee(&invite.sip, "b", peer());
    scene.reply(&invite, &accepted(&invite.sip, "b"));
    scene.send(&side.request("BYE", "bye"));
    scene.next("ACK");
    scene.next("200 BYE");
    assert_eq!(scene.within(1000), [""; 0]);
    assert_eq!(scene.count("SIPSessionDidEnd") + scene.count("SIPSessionDidFail"), 1, "{:?}", scene.names());
    scene.quiet();
}

/// 3.3.1: re-INVITEs cross. Each side refuses the other's; the one who made the Call-ID comes again after 2.1 to 4 s, the other within 2 s, and what
/// comes meanwhile goes first.
#[test]
fn reinvites_cross() {
    for caller in [true, false] {
        for ours_first in [true, false] {
            let mut scene = if caller { Scene::new() } else { Scene::answering(quick()) };
            let (session, mut side) = if caller {
                scene.established_by_alice()
            } else {
                let (side, _) = scene.established_by_peer();
                (scene.incoming(), side)
            };
            scene.session(session, |session| session.hold()).unwrap();
            let ours = scene.next("INVITE");
            let theirs = scene.reinvite(&mut side, 2);
            let pending = Draft::response(&ours.sip, 491, "b");
            let refused = if ours_first {
                scene.reply(&ours, &pending);
                let refused = scene.next("ACK").at;
                // It arrives when ours is settled, and before it comes again.
                scene.send(&theirs);
                let answer = scene.next("200 INVITE");
                scene.send(&Draft::ack(&theirs.sip(), &answer.sip));
                refused
            } else {
                scene.send(&theirs);
                let refusal = scene.next("491 INVITE");
                scene.send(&Draft::ack(&theirs.sip(), &refusal.sip));
                scene.reply(&ours, &pending);
                scene.next("ACK").at
            };
            let again = scene.next("INVITE");
            let at = (again.at - refused).as_millis();
            let due = if caller { 2100..=4000 } else { 0..=2000 };
            assert!(due.contains(&at), "caller {caller}: after {at} ms");
            let held = offer(3).replace("sendrecv", "recvonly");
            scene.reply(&again, &response(&again.sip, 200, "b").body("application/sdp", held));
            scene.next("ACK");
            scene.wait(100);
            assert!(scene.session(session, |session| session.on_hold_by_local()));
            assert_eq!(scene.session(session, |session| session.state()), SessionState::Connected);
            scene.ends(session);
        }
    }
}

/// 3.3.2, alice is Bob: an UPDATE with an offer crosses her re-INVITE, and is refused; one without does no harm. (She offers nothing in an UPDATE.)
#[test]
fn an_update_crosses_a_reinvite() {
    for with_offer in [true, false] {
        let (mut scene, session, mut side) = holding();
        let reinvite = scene.next("INVITE");
        let update = side.request("UPDATE", "update");
        scene.send(&if with_offer { update.body("application/sdp", offer(2)) } else { update });
        scene.next(if with_offer { "491 UPDATE" } else { "200 UPDATE" });
        let held = response(&reinvite.sip, 200, "b").body("application/sdp", offer(2).replace("sendrecv", "recvonly"));
        scene.reply(&reinvite, &held);
        scene.next("ACK");
        scene.wait(50);
        let after = side.request("UPDATE", "after").body("application/sdp", offer(3).replace("sendrecv", "recvonly"));
        scene.send(&after);
        scene.next("200 UPDATE");
        scene.ends(session);
    }
}

/// 3.3.3, alice is Alice: a REFER crosses her BYE. Alice is Bob: her REFER crosses the BYE.
#[test]
fn a_refer_crosses_a_bye() {
    let mut scene = Scene::new();
    let (session, mut side) = scene.established_by_alice();
    scene.end(session);
    let bye = scene.next("BYE");
    scene.send(&side.request("REFER", "refer").with("Refer-To", "<sip:carol@10.9.0.3>"));
    scene.next("481 REFER");
    scene.reply(&bye, &Draft::response(&bye.sip, 200, "b"));
    assert_eq!(scene.within(1000), [""; 0]);
    assert_eq!(scene.count("SIPSessionTransferNewIncoming"), 0);
    scene.quiet();

    for bye_first in [true, false] {
        let mut scene = Scene::answering(quick());
        let (mut side, _) = scene.established_by_peer();
        let session = scene.incoming();
        scene.session(session, |session| session.transfer("sip:carol@10.9.0.3", None)).unwrap();
        let refer = scene.next("REFER");
        let (bye, refused) = (side.request("BYE", "bye"), Draft::response(&refer.sip, 481, "b"));
        if bye_first {
            scene.send(&bye);
            scene.next("200 BYE");
            scene.reply(&refer, &refused);
        } else {
            scene.reply(&refer, &refused);
            scene.wait(20);
            scene.send(&bye);
            scene.next("200 BYE");
        }
        assert_eq!(scene.within(1000), [""; 0]);
        assert_eq!((scene.count("SIPSessionDidEnd"), scene.count("SIPSessionTransferDidFail")), (1, 1));
        scene.quiet();
    }
}
