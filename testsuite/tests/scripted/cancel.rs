//! CAN: CANCEL, of ours and of the peer's (RFC 3261 section 9; RFC 5407 section 3.1).

use sipsimple_core::transport::Transport;
use sipsimple_testsuite::draft::{Draft, Side};

use crate::scene::{Scene, TIMEOUT, accepted, answering, peer, response};

/// CAN-1: it waits for the first provisional response, and leaves right after it.
#[test]
fn a_cancel_waits_for_a_provisional_response() {
    let mut scene = Scene::new();
    let session = scene.call(Transport::Udp);
    let invite = scene.next("INVITE");
    scene.end(session);
    assert_eq!(scene.within(900), ["INVITE"], "the INVITE is still repeated");
    scene.reply(&invite, &Draft::response(&invite.sip, 100, ""));
    scene.begin();
    let cancel = scene.next("CANCEL");
    // CAN-2.
    let (cancel_sip, invite_sip) = (&cancel.sip, &invite.sip);
    assert_eq!(cancel_sip.uri(), invite_sip.uri());
    assert_eq!(cancel_sip.list("via"), invite_sip.list("via")[..1]);
    for name in ["call-id", "from", "to", "route"] {
        assert_eq!(cancel_sip.header(name), invite_sip.header(name), "{name}");
    }
    assert_eq!(cancel_sip.cseq(), (invite_sip.cseq().0, "CANCEL"));
    assert!(cancel_sip.header("require").is_none() && cancel_sip.body().is_empty());
    assert_eq!((cancel.from, cancel.transport), (invite.from, invite.transport));
    scene.reply(&cancel, &Draft::response(&cancel.sip, 200, "b"));
    scene.reply(&invite, &response(&invite.sip, 487, "b"));
    assert_eq!(scene.within(100), ["ACK"]);
    assert_eq!(scene.failure().0, 487);
    scene.quiet();
}

/// CAN-1: when a final response is the first, none leaves.
#[test]
fn no_cancel_follows_a_final_response() {
    for code in [200, 486] {
        let mut scene = Scene::new();
        let session = scene.call(Transport::Udp);
        let invite = scene.next("INVITE");
        scene.end(session);
        let answer = if code == 200 { accepted(&invite.sip, "b") } else { response(&invite.sip, code, "b") };
        scene.reply(&invite, &answer);
        scene.next("ACK");
        if code == 200 {
            // CAN-5: the call that nobody wants is ended.
            let bye = scene.next("BYE");
            scene.reply(&bye, &Draft::response(&bye.sip, 200, "b"));
        }
        assert_eq!(scene.within(2000), [""; 0], "{code}");
        assert_eq!((scene.count("SIPSessionDidFail"), scene.count("SIPSessionDidEnd")), (1, 0), "{code}");
        scene.quiet();
    }
}

/// CAN-5: a 2xx crosses the CANCEL; the application sees one end.
#[test]
fn a_success_that_crosses_the_cancel_is_acknowledged_and_ended() {
    for late in [5, 900, 20_000] {
        let mut scene = Scene::new();
        let session = scene.call(Transport::Udp);
        let invite = scene.next("INVITE");
        scene.reply(&invite, &response(&invite.sip, 180, "b"));
        scene.wait(100);
        scene.end(session);
        let cancel = scene.next("CANCEL");
        scene.reply(&cancel, &Draft::response(&cancel.sip, 481, "b"));
        scene.wait(late);
        scene.reply(&invite, &accepted(&invite.sip, "b"));
        scene.next("ACK");
        let bye = scene.next("BYE");
        scene.reply(&bye, &Draft::response(&bye.sip, 200, "b"));
        assert_eq!(scene.within(1000), [""; 0], "{late}");
        let ends = scene.count("SIPSessionDidFail") + scene.count("SIPSessionDidEnd");
        assert_eq!((ends, scene.count("SIPSessionDidStart")), (1, 0), "{late}: {:?}", scene.names());
        scene.quiet();
    }
}

/// CAN-4, and the CANCEL itself is answered by nobody.
#[test]
fn an_invite_whose_cancel_nobody_answers_is_forgotten() {
    let mut scene = Scene::new();
    let session = scene.call(Transport::Udp);
    let invite = scene.next("INVITE");
    scene.reply(&invite, &response(&invite.sip, 180, "b"));
    scene.wait(100);
    scene.begin();
    scene.end(session);
    let sent = scene.timed(TIMEOUT - 100);
    assert!(sent.iter().all(|(_, name)| name == "CANCEL") && sent.len() == 11, "{sent:?}");
    // The application does not wait for that.
    assert_eq!(scene.failure(), (487, 1000));
    assert!(!scene.world.host(scene.alice).is_quiescent());
    scene.wait(1000);
    assert!(scene.world.host(scene.alice).is_quiescent());
    scene.quiet();
}

/// CAN-3.
#[test]
fn a_cancel_of_the_peers_is_answered_by_what_there_is() {
    let mut scene = Scene::answering(answering());
    let invite = scene.invite();
    // There is none.
    scene.send(&Draft::cancel(&invite.sip()));
    scene.next("481 CANCEL");
    // It waits.
    let invite = scene.invite();
    scene.send(&invite);
    let ringing = scene.next("180 INVITE").sip;
    scene.send(&Draft::cancel(&invite.sip()));
    let ok = scene.next("200 CANCEL").sip;
    let refusal = scene.next("487 INVITE").sip;
    assert_eq!((ok.to_tag(), refusal.to_tag()), (ringing.to_tag(), ringing.to_tag()));
    scene.send(&Draft::ack(&invite.sip(), &refusal));
    scene.wait(100);
    assert_eq!(scene.failure().0, 487);
    // It is refused already: the CANCEL has no effect.
    let again = Draft::cancel(&invite.sip()).set("Via", invite.sip().header("via").unwrap());
    scene.send(&again);
    assert_eq!(scene.next("200 CANCEL").sip.data(), ok.data(), "the same CANCEL once more");
    // It is answered.
    let invite = scene.invite();
    scene.send(&invite);
    scene.next("180 INVITE");
    let accepted = scene.next("200 INVITE").sip;
    scene.send(&Draft::cancel(&invite.sip()));
    scene.next("200 CANCEL");
    scene.send(&Draft::ack(&invite.sip(), &accepted));
    scene.wait(100);
    assert_eq!(scene.count("SIPSessionDidStart"), 1);
    let bye = Side::caller(&invite.sip(), &accepted, peer()).request("BYE", "bye");
    scene.send(&bye);
    scene.next("200 BYE");
    scene.quiet();
}

/// CAN-3: another way, another sender: not the same transaction.
#[test]
fn a_cancel_with_another_via_cancels_nothing() {
    let mut scene = Scene::answering(answering());
    let invite = scene.invite();
    scene.send(&invite);
    scene.next("180 INVITE");
    let via = invite.sip().header("via").unwrap().to_owned();
    for other in [via.replace("z9hG4bK", "z9hG4bKx"), via.replace(":5060", ":5070")] {
        scene.send(&Draft::cancel(&invite.sip()).set("Via", other));
        scene.next("481 CANCEL");
    }
    let accepted = scene.next("200 INVITE").sip;
    scene.send(&Draft::ack(&invite.sip(), &accepted));
    scene.wait(100);
    assert_eq!(scene.count("SIPSessionDidStart"), 1);
}
