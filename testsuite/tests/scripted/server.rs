//! IST, NST: what an agent sends as a server, and when (RFC 3261 sections 13.3.1.4, 17.2; RFC 6026; RFC 4320).

use std::time::Duration;

use sipsimple_core::agent::{AccountSpec, Intent};
use sipsimple_core::transport::{CloseHow, Transport};
use sipsimple_testsuite::application::Answering;
use sipsimple_testsuite::draft::Draft;
use sipsimple_testsuite::script::Way;

use crate::scene::{Scene, TIMEOUT, TRANSIT, answering, peer, refusing};

/// A response that is repeated at T1, doubling up to T2, until 64·T1 after the first.
fn schedule(first: u64) -> Vec<u64> {
    [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500].map(|at| first + at).to_vec()
}

fn times(sent: &[(u64, String)], name: &str) -> Vec<u64> {
    sent.iter().filter(|(_, sent)| sent == name).map(|(at, _)| *at).collect()
}

/// IST-1.
#[test]
fn a_slow_user_is_covered_by_trying_and_a_quick_one_is_not() {
    for (ring, expected) in [(100, vec![(100, "180 INVITE")]), (900, vec![(200, "100 INVITE"), (900, "180 INVITE")])] {
        let ringing =
            Answering { ring: Some(Duration::from_millis(ring)), ..Answering::after(Duration::from_secs(1000)) };
        let mut scene = Scene::answering(ringing);
        let invite = scene.invite();
        scene.send(&invite);
        scene.wait(TRANSIT);
        scene.begin();
        let sent = scene.timed(2000);
        let sent: Vec<_> = sent.iter().map(|(at, name)| (*at, name.as_str())).collect();
        assert_eq!(sent, expected);
        scene.send(&Draft::cancel(&invite.sip()));
        let refused = loop {
            let letter = scene.world.take_letter(scene.peer);
            match letter {
                Some(letter) if letter.sip.code() == 487 => break letter,
                Some(_) => {}
                None => assert!(scene.world.step()),
            }
        };
        scene.send(&Draft::ack(&invite.sip(), &refused.sip));
        scene.quiet();
    }
}

/// IST-2: and a 100 is taken back by no user.
#[test]
fn a_repeated_invite_brings_the_last_provisional_response() {
    let mut scene = Scene::answering(Answering {
        ring: Some(Duration::from_secs(1)),
        ..Answering::after(Duration::from_secs(1000))
    });
    let invite = scene.invite();
    scene.send(&invite);
    let trying = scene.next("100 INVITE");
    scene.send(&invite);
    assert_eq!(scene.next("100 INVITE").sip.data(), trying.sip.data());
    let ringing = scene.next("180 INVITE");
    for _ in 0..3 {
        scene.send(&invite);
        assert_eq!(scene.next("180 INVITE").sip.data(), ringing.sip.data());
    }
    assert_eq!(scene.count("SIPSessionNewIncoming"), 1);
    scene.send(&Draft::cancel(&invite.sip()));
    scene.next("200 CANCEL");
    let refused = scene.next("487 INVITE");
    scene.send(&Draft::ack(&invite.sip(), &refused.sip));
    scene.quiet();
}

/// IST-3, IST-4.
#[test]
fn a_refusal_that_nobody_acknowledges_is_repeated_and_forgotten() {
    let mut scene = Scene::answering(refusing(486));
    let invite = scene.invite();
    scene.send(&invite);
    scene.wait(TRANSIT);
    scene.begin();
    let sent = scene.timed(TIMEOUT + 2000);
    assert_eq!(times(&sent, "486 INVITE"), schedule(1000));
    assert_eq!(scene.count("SIPSessionDidFail"), 1);
    assert!(scene.world.host(scene.alice).is_quiescent());
    scene.quiet();
}

/// IST-3 on a stream: once, and timer H still runs.
#[test]
fn a_refusal_on_a_stream_is_sent_once() {
    let mut scene = Scene::answering(refusing(486));
    let to = scene.world.address(scene.alice);
    let conn = scene.world.turn(scene.peer, |turn| turn.open(to));
    scene.wait(50);
    let invite = scene.invite().set("Via", format!("SIP/2.0/TCP {};branch=z9hG4bKtcp", peer()));
    scene.world.turn(scene.peer, |turn| turn.send(Way::Stream(conn), invite.bytes()));
    let sent = scene.within(TIMEOUT);
    assert_eq!(sent, ["100 INVITE", "486 INVITE"]);
    assert!(!scene.world.host(scene.alice).is_quiescent(), "timer H");
    scene.wait(2000);
    assert!(scene.world.host(scene.alice).is_quiescent());
    scene.quiet();
}

/// IST-5.
#[test]
fn the_ack_of_a_refusal_is_absorbed() {
    let mut scene = Scene::answering(refusing(486));
    let invite = scene.invite();
    scene.send(&invite);
    scene.next("100 INVITE");
    let refusal = scene.next("486 INVITE");
    scene.wait(700);
    assert_eq!(scene.next("486 INVITE").sip.data(), refusal.sip.data());
    let ack = Draft::ack(&invite.sip(), &refusal.sip);
    for _ in 0..4 {
        scene.send(&ack);
        scene.send(&invite);
        assert_eq!(scene.within(1000), [""; 0]);
    }
    assert!(!scene.world.host(scene.alice).is_quiescent(), "timer I");
    scene.wait(1200);
    assert!(scene.world.host(scene.alice).is_quiescent());
    assert_eq!(scene.world.host(scene.alice).agent.stats().stray, 0);
    scene.quiet();
}

/// IST-6, IST-7, DLG-13: over every transport.
#[test]
fn a_success_that_nobody_acknowledges_is_repeated_and_ended() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut scene = Scene::answering(answering());
        let to = scene.world.address(scene.alice);
        let mut invite = scene.invite();
        let way = if transport == Transport::Tcp {
            let conn = scene.world.turn(scene.peer, |turn| turn.open(to));
            scene.wait(50);
            invite = invite
                .set("Via", format!("SIP/2.0/TCP {};branch=z9hG4bKtcp", peer()))
                .set("Contact", format!("<sip:script@{};transport=tcp>", peer()));
            Way::Stream(conn)
        } else {
            Way::Datagram(to)
        };
        scene.world.turn(scene.peer, |turn| turn.send(way, invite.bytes()));
        scene.wait(TRANSIT);
        scene.begin();
        let mut sent = scene.timed(5000);
        // The transaction absorbs it, and answers nothing.
        scene.world.turn(scene.peer, |turn| turn.send(way, invite.bytes()));
        sent.extend(scene.timed(TIMEOUT - 3000));
        assert_eq!(times(&sent, "200 INVITE"), schedule(1000), "{transport}");
        assert_eq!(times(&sent, "BYE")[0], 1000 + TIMEOUT, "{transport}");
        assert_eq!(scene.count("SIPSessionDidStart"), 0);
        assert_eq!(scene.count("SIPSessionDidFail"), 1, "{:?}", scene.names());
        scene.quiet();
    }
}

/// IST-6: the ACK ends the repetition, and comes as often as it likes.
#[test]
fn the_ack_of_a_success_ends_its_repetition() {
    let mut scene = Scene::answering(answering());
    let (mut side, accepted) = scene.established_by_peer();
    assert_eq!(scene.count("SIPSessionDidStart"), 1);
    let events = scene.names().len();
    let ack = side.request("ACK", "again").set("CSeq", format!("{} ACK", accepted.cseq().0));
    for _ in 0..3 {
        scene.send(&ack);
        assert_eq!(scene.within(3000), [""; 0]);
    }
    assert_eq!(scene.names().len(), events);
    side.number = accepted.cseq().0;
    let bye = side.request("BYE", "bye");
    scene.send(&bye);
    scene.next("200 BYE");
    scene.quiet();
}

/// IST-8, VIA-2: the connection is gone when the response is due; it takes another, and where there is none the INVITE is still known.
#[test]
fn a_response_that_cannot_be_sent_ends_nothing() {
    for listens in [true, false] {
        let mut scene = Scene::answering(answering());
        let other = "10.9.0.3:5060".parse().unwrap();
        let post = scene.world.add_post(other, listens);
        let to = scene.world.address(scene.alice);
        let conn = scene.world.turn(post, |turn| turn.open(to));
        scene.wait(50);
        let name = scene.name();
        let invite = Draft::request("INVITE", "sip:alice@10.0.0.1", other, &name)
            .set("Via", format!("SIP/2.0/TCP {other};branch=z9hG4bKtcp"))
            .set("Contact", format!("<sip:script@{other};transport=tcp>"))
            .body("application/sdp", sipsimple_testsuite::draft::audio(other, 4000));
        scene.world.turn(post, |turn| turn.send(Way::Stream(conn), invite.bytes()));
        scene.wait(500);
        scene.world.turn(post, |turn| turn.close(conn, CloseHow::Flush));
        scene.wait(3000);
        let letters = scene.world.take_letters(post);
        if listens {
            assert_eq!(letters, ["180 INVITE", "200 INVITE", "200 INVITE", "200 INVITE"]);
        } else {
            assert!(!letters.contains(&"200 INVITE".to_owned()), "{letters:?}");
        }
        // The same INVITE on another connection is the same.
        let conn = scene.world.turn(post, |turn| turn.open(to));
        scene.wait(50);
        scene.world.turn(post, |turn| turn.send(Way::Stream(conn), invite.bytes()));
        scene.wait(100);
        assert_eq!(scene.count("SIPSessionNewIncoming"), 1, "{listens}");
        let letters = scene.world.take_letters(post);
        assert!(letters.iter().all(|name| name == "200 INVITE"), "{letters:?}");
        scene.quiet();
    }
}

/// NST-2, NST-4.
#[test]
fn a_repeated_bye_brings_the_same_answer_while_timer_j_runs() {
    let mut scene = Scene::answering(answering());
    let (mut side, _) = scene.established_by_peer();
    let bye = side.request("BYE", "bye");
    scene.send(&bye);
    let ok = scene.next("200 BYE");
    assert_eq!(scene.count("SIPSessionDidEnd"), 1);
    for _ in 0..31 {
        scene.wait(1000);
        scene.send(&bye);
        assert_eq!(scene.next("200 BYE").sip.data(), ok.sip.data());
    }
    scene.wait(1100);
    scene.send(&bye);
    scene.next("481 BYE");
    assert_eq!(scene.count("SIPSessionDidEnd"), 1);
    scene.quiet();
}

/// NST-4 on a stream: timer J is 0 there.
#[test]
fn on_a_stream_an_answered_request_is_forgotten_at_once() {
    let mut scene = Scene::new();
    let to = scene.world.address(scene.alice);
    let conn = scene.world.turn(scene.peer, |turn| turn.open(to));
    scene.wait(50);
    let options = scene.request("OPTIONS").set("Via", format!("SIP/2.0/TCP {};branch=z9hG4bKtcp", peer()));
    scene.world.turn(scene.peer, |turn| turn.send(Way::Stream(conn), options.bytes()));
    scene.next("200 OPTIONS");
    assert!(scene.world.host(scene.alice).is_quiescent());
    scene.quiet();
}

/// NCT-5, UAS-3: what is answered at once needs no 100, and a 408 never comes.
#[test]
fn a_request_is_answered_once_and_the_same_again() {
    let mut scene = Scene::new();
    let spec = AccountSpec { any_user: true, ..AccountSpec::new("sip:any@10.0.0.1") };
    scene.world.with(scene.alice, |agent, now| agent.intend(now, Intent::AddAccount(spec))).unwrap();
    let options = scene.request("OPTIONS");
    scene.send(&options);
    let first = scene.next("200 OPTIONS");
    scene.send(&options);
    assert_eq!(scene.next("200 OPTIONS").sip.data(), first.sip.data());
    assert_eq!(scene.within(TIMEOUT + 1000), [""; 0]);
    scene.quiet();
}
