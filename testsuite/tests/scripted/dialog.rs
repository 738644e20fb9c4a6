//! DLG: dialogs and the calls in them (RFC 3261 sections 12 to 15; RFC 5057; RFC 5407; RFC 6141).

use std::net::SocketAddr;
use std::time::Duration;

use sipsimple_core::transport::{Route, Transport};
use sipsimple_testsuite::application::Answering;
use sipsimple_testsuite::draft::{Draft, Side, audio};
use sipsimple_testsuite::sip::Sip;

use crate::scene::{Scene, TIMEOUT, accepted, answering, peer, response};

/// DLG-1, DLG-9: each tag is a dialog of its own; a refusal ends them all.
#[test]
fn a_refusal_ends_every_early_dialog() {
    let mut scene = Scene::new();
    scene.call(Transport::Udp);
    let invite = scene.next("INVITE");
    for tag in ["b", "B", "c"] {
        scene.reply(&invite, &response(&invite.sip, 180, tag));
    }
    scene.wait(100);
    scene.reply(&invite, &response(&invite.sip, 603, "c"));
    scene.next("ACK");
    assert_eq!(scene.failure().0, 603);
    // A request in one of them is unknown now.
    let mut side = Side::callee(&invite.sip, "B", peer());
    let bye = side.request("BYE", "late");
    scene.send(&bye);
    scene.next("481 BYE");
    scene.quiet();
}

/// DLG-9: so does a refusal of our own, also before its ACK.
#[test]
fn after_a_refusal_of_ours_the_early_dialog_is_unknown() {
    let refusing = Answering { reject: Some((Duration::from_secs(1), 486)), accept: None, ..answering() };
    let mut scene = Scene::answering(refusing);
    let invite = scene.invite();
    scene.send(&invite);
    let ringing = scene.next("180 INVITE").sip;
    let refusal = scene.next("486 INVITE");
    let bye = Side::caller(&invite.sip(), &ringing, peer()).request("BYE", "late");
    scene.send(&bye);
    scene.next("481 BYE");
    scene.send(&Draft::ack(&invite.sip(), &refusal.sip));
    scene.wait(100);
    assert_eq!((scene.failure().0, scene.count("SIPSessionDidFail")), (486, 1));
    scene.quiet();
}

/// DLG-1: tags and Call-ID are compared byte by byte.
#[test]
fn a_dialog_is_known_by_its_call_id_and_both_tags() {
    let mut scene = Scene::answering(answering());
    let (mut side, accepted) = scene.established_by_peer();
    let tag = accepted.to_tag().to_owned();
    let plain = side.request("BYE", "x");
    let call_id = side.call_id.clone();
    let wrong = [
        plain.clone().set("Call-ID", call_id.to_uppercase()),
        plain.clone().set("From", side.local.replace("from-", "FROM-")),
        plain.clone().set("To", side.remote.replace(&tag, &tag.to_uppercase())),
        plain.clone().set("To", side.remote.replace(&format!(";tag={tag}"), "")),
    ];
    for (number, wrong) in wrong.into_iter().enumerate() {
        scene.send(&wrong.set("Via", format!("SIP/2.0/UDP 10.9.0.1:5060;branch=z9hG4bKw{number};rport")));
        scene.next("481 BYE");
    }
    assert_eq!(scene.count("SIPSessionDidEnd"), 0);
    scene.send(&plain);
    scene.next("200 BYE");
    scene.quiet();
}

/// DLG-8: a fork that rings and never answers is gone 64·T1 after the 2xx of another.
#[test]
fn forks_that_never_answer_are_forgotten() {
    let mut scene = Scene::new();
    let session = scene.call(Transport::Udp);
    let invite = scene.next("INVITE");
    scene.reply(&invite, &response(&invite.sip, 180, "c"));
    scene.reply(&invite, &response(&invite.sip, 180, "b"));
    scene.wait(50);
    scene.reply(&invite, &accepted(&invite.sip, "b"));
    scene.next("ACK");
    scene.wait(TIMEOUT + 1000);
    scene.end(session);
    let bye = scene.next("BYE");
    assert_eq!(bye.sip.to_tag(), "b");
    scene.reply(&bye, &Draft::response(&bye.sip, 200, "b"));
    scene.quiet();
}

fn routes(loose: bool) -> (SocketAddr, [String; 2]) {
    let near: SocketAddr = "10.9.0.7:5060".parse().unwrap();
    let lr = if loose { ";lr" } else { "" };
    (near, [format!("<sip:{near}{lr};x=1>"), "<sip:far.example;lr>".to_owned()])
}

/// DLG-2, DLG-3: as the caller, with the routes of the 2xx in reverse; frozen from then on.
#[test]
fn the_caller_routes_by_the_record_routes_of_the_success() {
    for loose in [true, false] {
        let mut scene = Scene::new();
        let (near, [first, second]) = routes(loose);
        let proxy = scene.world.add_post(near, true);
        let session = scene.call(Transport::Udp);
        let invite = scene.next("INVITE");
        // The early dialog's routes are not the confirmed one's (RFC 3261 section 13.2.2.4).
        scene.reply(&invite, &response(&invite.sip, 180, "b").with("Record-Route", "<sip:10.9.0.8;lr>"));
        scene.wait(50);
        let ok = accepted(&invite.sip, "b").with("Record-Route", format!("{second}, {first}"));
        scene.reply(&invite, &ok);
        scene.wait(100);
        let ack = scene.world.take_letter(proxy).expect("the ACK takes the route").sip;
        judge_routed(&ack, &near.to_string(), loose, "sip:bob@10.9.0.1:5060");
        scene.end(session);
        scene.wait(100);
        let bye = scene.world.take_letter(proxy).expect("the BYE takes the route");
        judge_routed(&bye.sip, &near.to_string(), loose, "sip:bob@10.9.0.1:5060");
        let ok = Draft::response(&bye.sip, 200, "b").with("Record-Route", "<sip:10.9.0.9;lr>");
        scene.world.turn(proxy, |turn| turn.reply(&bye, &ok));
        scene.quiet();
    }
}

/// DLG-2, DLG-3: as the callee, with the routes of the INVITE in order.
#[test]
fn the_callee_routes_by_the_record_routes_of_the_invite() {
    for loose in [true, false] {
        let mut scene = Scene::answering(answering());
        let (near, [first, second]) = routes(loose);
        let proxy = scene.world.add_post(near, true);
        let invite = scene.invite().with("Record-Route", first).with("Record-Route", second);
        scene.established_by(&invite);
        let session = scene.incoming();
        scene.end(session);
        scene.wait(100);
        let bye = scene.world.take_letter(proxy).expect("the BYE takes the route");
        judge_routed(&bye.sip, &near.to_string(), loose, "sip:script@10.9.0.1:5060");
        let ok = Draft::response(&bye.sip, 200, "b");
        scene.world.turn(proxy, |turn| turn.reply(&bye, &ok));
        scene.quiet();
    }
}

fn judge_routed(sip: &Sip, near: &str, loose: bool, target: &str) {
    if loose {
        assert_eq!(sip.uri(), target, "{sip:?}");
        assert_eq!(sip.list("route"), [&format!("<sip:{near};lr;x=1>"), "<sip:far.example;lr>"]);
    } else {
        assert_eq!(sip.uri(), format!("sip:{near};x=1"), "{sip:?}");
        assert_eq!(sip.list("route"), ["<sip:far.example;lr>", &format!("<{target}>")]);
    }
}

/// DLG-5.
#[test]
fn a_request_with_a_lower_number_is_refused_and_changes_nothing() {
    let mut scene = Scene::answering(answering());
    let (mut side, _) = scene.established_by_peer();
    // Gaps are fine.
    side.number = 99;
    let options = side.request("OPTIONS", "gap");
    scene.send(&options);
    scene.next("200 OPTIONS");
    for number in [1, 50] {
        side.number = number;
        let bye = side.request("BYE", &format!("low{number}"));
        scene.send(&bye);
        scene.next("500 BYE");
    }
    assert_eq!(scene.count("SIPSessionDidEnd"), 0);
    side.number = 100;
    let bye = side.request("BYE", "end");
    scene.send(&bye);
    scene.next("200 BYE");
    scene.quiet();
}

/// DLG-6: a re-INVITE that is accepted moves the target, one that is refused does not.
#[test]
fn a_target_moves_with_an_accepted_reinvite() {
    let mut scene = Scene::answering(answering());
    let (mut side, _) = scene.established_by_peer();
    let moved: SocketAddr = "10.9.0.6:5066".parse().unwrap();
    let post = scene.world.add_post(moved, true);
    let contact = format!("<sip:moved@{moved}>");

    let refused = side.request("INVITE", "refused").set("Contact", "<sip:x@10.9.0.66>").body("application/sdp", "v=1");
    scene.send(&refused);
    let refusal = loop {
        let letter = scene.world.take_letter(scene.peer);
        match letter {
            Some(letter) if letter.sip.code() >= 400 => break letter.sip,
            Some(letter) => assert!(letter.sip.code() < 200, "{letter:?}"),
            None => assert!(scene.world.step()),
        }
    };
    scene.send(&Draft::ack(&refused.sip(), &refusal));
    scene.wait(100);
    // DLG-12: the session goes on.
    assert_eq!(scene.count("SIPSessionDidEnd"), 0);

    let again = side.request("INVITE", "again").set("Contact", &contact).body("application/sdp", audio(peer(), 4002));
    scene.send(&again);
    let accepted = scene.next("200 INVITE").sip;
    scene.send(&Draft::ack(&again.sip(), &accepted));
    scene.wait(100);
    let session = scene.incoming();
    scene.end(session);
    scene.wait(100);
    let bye = scene.world.take_letter(post).expect("the BYE goes to the new target");
    assert_eq!(bye.sip.uri(), format!("sip:moved@{moved}"));
    let ok = Draft::response(&bye.sip, 200, "b");
    scene.world.turn(post, |turn| turn.reply(&bye, &ok));
    scene.quiet();
}

/// DLG-10: one INVITE of the peer's at a time.
#[test]
fn a_second_invite_waits_for_the_first() {
    let mut scene = Scene::answering(answering());
    let invite = scene.invite();
    scene.send(&invite);
    let ringing = scene.next("180 INVITE").sip;
    // In the early dialog, before the first is answered.
    let mut side = Side::caller(&invite.sip(), &ringing, peer());
    let second = side.request("INVITE", "second").body("application/sdp", audio(peer(), 4000));
    scene.send(&second);
    let refusal = scene.next("500 INVITE").sip;
    let wait: u32 = refusal.header("retry-after").expect("Retry-After").parse().unwrap();
    assert!(wait <= 10);
    scene.send(&Draft::ack(&second.sip(), &refusal));
    let accepted = scene.next("200 INVITE").sip;
    scene.send(&Draft::ack(&invite.sip(), &accepted));
    scene.wait(100);
    assert_eq!(scene.count("SIPSessionDidStart"), 1);
    let bye = side.request("BYE", "end");
    scene.send(&bye);
    scene.next("200 BYE");
    scene.quiet();
}

/// DLG-13: the callee that hangs up before the ACK waits for it.
#[test]
fn the_bye_of_the_callee_waits_for_the_ack() {
    let mut scene = Scene::answering(answering());
    let invite = scene.invite();
    scene.send(&invite);
    scene.next("180 INVITE");
    let accepted = scene.next("200 INVITE").sip;
    let session = scene.incoming();
    scene.end(session);
    let sent = scene.within(2000);
    assert!(sent.iter().all(|name| name == "200 INVITE"), "{sent:?}");
    scene.send(&Draft::ack(&invite.sip(), &accepted));
    let bye = scene.next("BYE");
    scene.reply(&bye, &Draft::response(&bye.sip, 200, ""));
    scene.quiet();
}

/// DLG-14: the BYE ends the call at once, and what waits in it is refused.
#[test]
fn a_bye_before_the_answer_refuses_the_invite() {
    let mut scene = Scene::answering(answering());
    let invite = scene.invite();
    scene.send(&invite);
    let ringing = scene.next("180 INVITE").sip;
    let bye = Side::caller(&invite.sip(), &ringing, peer()).request("BYE", "early");
    scene.send(&bye);
    let mut answers = [scene.world.take_letter(scene.peer), None].into_iter().flatten().collect::<Vec<_>>();
    scene.wait(100);
    while let Some(letter) = scene.world.take_letter(scene.peer) {
        answers.push(letter);
    }
    let mut names: Vec<_> = answers.iter().map(|letter| letter.sip.to_string()).collect();
    names.sort();
    assert_eq!(names, ["200 BYE", "487 INVITE"]);
    let refusal = answers.iter().find(|letter| letter.sip.code() == 487).unwrap();
    scene.send(&Draft::ack(&invite.sip(), &refusal.sip));
    scene.wait(100);
    assert_eq!(scene.failure().0, 487);
    scene.quiet();
}

/// DLG-14: both hang up.
#[test]
fn byes_that_cross_are_both_answered() {
    let mut scene = Scene::new();
    let (session, mut side) = scene.established_by_alice();
    let bye = side.request("BYE", "cross");
    scene.send(&bye);
    scene.end(session);
    let mut letters = Vec::new();
    scene.wait(100);
    while let Some(letter) = scene.world.take_letter(scene.peer) {
        letters.push(letter);
    }
    let names: Vec<_> = letters.iter().map(|letter| letter.sip.to_string()).collect();
    assert_eq!(names, ["BYE", "200 BYE"]);
    scene.reply(&letters[0], &Draft::response(&letters[0].sip, 481, "b"));
    scene.wait(100);
    assert_eq!(scene.count("SIPSessionDidEnd"), 1);
    scene.quiet();
}

/// DLG-14: what belongs to no dialog.
#[test]
fn strays_are_481_or_silence() {
    let mut scene = Scene::new();
    for method in ["BYE", "INVITE"] {
        let request = scene.request(method).set("To", "<sip:alice@10.0.0.1>;tag=none");
        scene.send(&request);
        let refusal = scene.next(&format!("481 {method}")).sip;
        if method == "INVITE" {
            scene.send(&Draft::ack(&request.sip(), &refusal));
        }
    }
    let ack = scene.request("ACK").set("To", "<sip:alice@10.0.0.1>;tag=none");
    scene.send(&ack);
    assert_eq!(scene.within(2000), [""; 0]);
    scene.quiet();
}

/// DLG-15: whatever the BYE is answered with, the call is over (RFC 3261 section 15.1.1).
#[test]
fn any_final_answer_to_a_bye_ends_the_call() {
    for code in [200, 403, 404, 408, 481, 500, 503, 603] {
        let mut scene = Scene::new();
        let (session, _) = scene.established_by_alice();
        scene.end(session);
        let bye = scene.next("BYE");
        scene.reply(&bye, &Draft::response(&bye.sip, code, "b"));
        assert_eq!(scene.within(1000), [""; 0], "{code}");
        assert_eq!(scene.count("SIPSessionDidEnd"), 1, "{code}");
        scene.quiet();
    }
}

/// DLG-16: an answer in an ACK cannot be refused; the call is ended.
#[test]
fn a_bad_answer_in_an_ack_ends_the_call() {
    let good = audio(peer(), 4000);
    let bad = [
        "v=1".to_owned(),
        String::new(),
        good.replace("m=audio 4000 RTP/AVP 0 8 101", "m=audio 0 RTP/AVP 0"),
        good.replace("m=audio", "m=video"),
    ];
    for answer in bad {
        let mut scene = Scene::answering(answering());
        let invite = scene.request("INVITE");
        scene.send(&invite);
        scene.next("180 INVITE");
        let accepted = scene.next("200 INVITE").sip;
        assert!(accepted.description().is_some(), "the offer");
        let ack = Draft::ack(&invite.sip(), &accepted);
        let ack = if answer.is_empty() { ack } else { ack.body("application/sdp", answer.clone()) };
        scene.send(&ack);
        let bye = scene.next("BYE");
        scene.reply(&bye, &Draft::response(&bye.sip, 200, ""));
        scene.wait(100);
        let ends = scene.count("SIPSessionDidFail") + scene.count("SIPSessionDidEnd");
        assert_eq!((ends, scene.count("SIPSessionDidStart")), (1, 0), "{answer}: {:?}", scene.names());
        scene.quiet();
    }
}

/// The next route is tried after a 503 or silence, and after nothing else (RFC 3263 section 4.3).
#[test]
fn the_next_route_is_tried_after_503_or_silence() {
    for (code, tried) in [(Some(503), true), (None, true), (Some(500), false), (Some(404), false)] {
        let mut scene = Scene::new();
        let other: SocketAddr = "10.9.0.5:5060".parse().unwrap();
        let second = scene.world.add_post(other, true);
        scene.call_by(vec![Route::new(Transport::Udp, peer()), Route::new(Transport::Udp, other)]);
        let invite = scene.next("INVITE");
        if let Some(code) = code {
            scene.reply(&invite, &response(&invite.sip, code, "b"));
            scene.next("ACK");
        }
        scene.wait(if code.is_some() { 100 } else { TIMEOUT + 100 });
        let letter = scene.world.take_letter(second);
        assert_eq!(letter.is_some(), tried, "{code:?}");
        if let Some(letter) = letter {
            let (new, old) = (&letter.sip, &invite.sip);
            assert_ne!(new.branch(), old.branch());
            assert_eq!((new.call_id(), new.cseq(), new.from_tag()), (old.call_id(), old.cseq(), old.from_tag()));
            let busy = response(new, 486, "b");
            scene.world.turn(second, |turn| turn.reply(&letter, &busy));
            scene.wait(100);
        }
        scene.failure();
        scene.quiet();
    }
}
