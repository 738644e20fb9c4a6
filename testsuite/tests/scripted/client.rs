//! ICT, NCT, UAC: what an agent sends as a client, and when (RFC 3261 sections 8.1, 17.1; RFC 6026).

use std::time::Duration;

use sipsimple_core::agent::Config;
use sipsimple_core::transport::Transport;
use sipsimple_testsuite::application::Idle;
use sipsimple_testsuite::draft::Draft;
use sipsimple_testsuite::sip::Sip;

use crate::scene::{Scene, TIMEOUT, accepted, peer, response};

fn times(sent: Vec<(u64, String)>, name: &str) -> Vec<u64> {
    sent.into_iter().filter(|(_, sent)| sent == name).map(|(at, _)| at).collect()
}

/// ICT-1, with the timers of the RFC and with others.
#[test]
fn an_invite_to_a_silent_peer_is_sent_seven_times() {
    for factor in [1, 2] {
        let mut config = Config::default();
        config.timers.t1 = Duration::from_millis(500) * factor;
        let mut scene = Scene::with(config, Box::new(Idle));
        scene.call(Transport::Udp);
        let factor = u64::from(factor);
        let sent = scene.timed(TIMEOUT * factor + 1000);
        let schedule = [0, 500, 1500, 3500, 7500, 15_500, 31_500].map(|at| at * factor);
        assert_eq!(times(sent, "INVITE"), schedule);
        assert_eq!(scene.failure(), (408, TIMEOUT * factor));
        scene.quiet();
    }
}

/// ICT-2.
#[test]
fn an_invite_on_a_stream_is_sent_once() {
    let mut scene = Scene::new();
    scene.call(Transport::Tcp);
    assert_eq!(scene.within(TIMEOUT + 1000), ["INVITE"]);
    // The connection took its time before the INVITE was written; the transaction began with the call.
    assert_eq!(scene.failure(), (408, TIMEOUT));
    scene.quiet();
}

/// ICT-3: timer B does not end what rings; CAN-4: the CANCEL of the user's patience does.
#[test]
fn after_a_provisional_response_nothing_is_sent_until_it_is_cancelled() {
    let mut scene = Scene::new();
    scene.call(Transport::Udp);
    let invite = scene.next("INVITE");
    scene.reply(&invite, &Draft::response(&invite.sip, 100, ""));
    // `invite_timeout` is 90 s.
    assert_eq!(scene.within(89_000), [""; 0]);
    assert_eq!(scene.count("SIPSessionDidFail"), 0);
    let cancel = scene.next("CANCEL");
    scene.reply(&cancel, &Draft::response(&cancel.sip, 200, "b"));
    assert_eq!(scene.within(TIMEOUT - 1000), [""; 0]);
    assert!(!scene.world.host(scene.alice).is_quiescent(), "a final response may still come");
    scene.wait(2000);
    assert!(scene.world.host(scene.alice).is_quiescent());
    assert_eq!(scene.failure().0, 487);
    scene.quiet();
}

/// ICT-4, UAC-1: a 1xx that nobody knows is one like 183, and is told too.
#[test]
fn provisional_responses_are_told_in_order() {
    let mut scene = Scene::new();
    scene.call(Transport::Udp);
    let invite = scene.next("INVITE");
    scene.reply(&invite, &Draft::response(&invite.sip, 100, ""));
    for (code, tag) in [(180, "b"), (199, "b"), (183, "c"), (182, "b")] {
        scene.reply(&invite, &response(&invite.sip, code, tag));
    }
    scene.wait(100);
    let told: Vec<u16> = scene.provisionals().into_iter().filter(|code| *code != 100).collect();
    assert_eq!(told, [180, 199, 183, 182]);
    scene.reply(&invite, &response(&invite.sip, 486, "b"));
    assert_eq!(scene.within(100), ["ACK"]);
    scene.quiet();
}

/// ICT-5, ICT-6, ICT-8, UAC-1: an unknown refusal is one of its class.
#[test]
fn a_refusal_is_acknowledged_by_the_transaction() {
    for code in [302, 404, 486, 499, 599, 603] {
        let mut scene = Scene::new();
        scene.call(Transport::Udp);
        let invite = scene.next("INVITE");
        let refusal = response(&invite.sip, code, "b");
        scene.reply(&invite, &refusal);
        let ack = scene.next("ACK");
        let (invite, sip) = (&invite.sip, &ack.sip);
        assert_eq!((sip.uri(), sip.call_id(), sip.cseq()), (invite.uri(), invite.call_id(), (invite.cseq().0, "ACK")));
        assert_eq!((sip.header("from"), sip.header("to")), (invite.header("from"), refusal.sip().header("to")));
        assert_eq!(sip.list("via"), invite.list("via")[..1]);
        assert_eq!(scene.failure().0, code);
        // The last of them comes right before timer D ends it all.
        for pause in [500, 4000, 27_000] {
            scene.wait(pause);
            scene.reply(&ack, &refusal);
            let again = scene.next("ACK");
            assert_eq!(again.sip.data(), sip.data());
        }
        scene.wait(TIMEOUT);
        scene.reply(&ack, &refusal);
        assert_eq!(scene.within(1000), [""; 0], "timer D");
        assert_eq!(scene.failure().0, code);
        scene.quiet();
    }
}

/// ICT-8 on a stream: nothing lingers.
#[test]
fn a_refusal_on_a_stream_leaves_nothing_behind() {
    let mut scene = Scene::new();
    scene.call(Transport::Tcp);
    let invite = scene.next("INVITE");
    let refusal = response(&invite.sip, 486, "b");
    scene.reply(&invite, &refusal);
    let ack = scene.next("ACK");
    assert_eq!(ack.conn, invite.conn);
    assert!(scene.world.host(scene.alice).is_quiescent());
    scene.reply(&invite, &refusal);
    assert_eq!(scene.within(1000), [""; 0]);
    scene.quiet();
}

/// ICT-7, ICT-9, DLG-7, DLG-8: every 2xx is acknowledged, until timer M; what is not wanted is ended.
#[test]
fn a_success_is_acknowledged_as_often_as_it_comes() {
    let mut scene = Scene::new();
    let session = scene.call(Transport::Udp);
    let invite = scene.next("INVITE");
    let ok = accepted(&invite.sip, "b");
    scene.reply(&invite, &ok);
    let ack = scene.next("ACK");
    assert_ne!(ack.sip.branch(), invite.sip.branch());
    assert_eq!((ack.sip.cseq(), ack.sip.to_tag()), ((invite.sip.cseq().0, "ACK"), "b"));
    scene.wait(500);
    scene.reply(&invite, &ok);
    assert_eq!(scene.next("ACK").sip.data(), ack.sip.data());
    // Another fork answers too.
    scene.reply(&invite, &accepted(&invite.sip, "c"));
    let other = scene.next("ACK");
    let bye = scene.next("BYE");
    assert_eq!((other.sip.to_tag(), bye.sip.to_tag()), ("c", "c"));
    scene.reply(&bye, &Draft::response(&bye.sip, 200, "c"));
    scene.wait(31_000);
    scene.reply(&invite, &ok);
    assert_eq!(scene.next("ACK").sip.data(), ack.sip.data());
    scene.wait(1000);
    for tag in ["b", "d"] {
        scene.reply(&invite, &accepted(&invite.sip, tag));
        assert_eq!(scene.within(1000), [""; 0], "timer M is over");
    }
    assert_eq!((scene.count("SIPSessionDidStart"), scene.count("SIPSessionDidEnd")), (1, 0));
    scene.end(session);
    let bye = scene.next("BYE");
    assert_eq!((bye.sip.to_tag(), bye.sip.cseq().0), ("b", invite.sip.cseq().0 + 1));
    scene.reply(&bye, &Draft::response(&bye.sip, 200, "b"));
    scene.quiet();
}

/// ICT-10: told once, and no timeout follows.
#[test]
fn a_connection_that_fails_ends_the_call_once() {
    for reset in [false, true] {
        let mut scene = Scene::new();
        if reset {
            scene.call(Transport::Tcp);
            scene.next("INVITE");
            let alice = scene.world.address(scene.alice).ip();
            scene.world.reset_connections(alice, peer().ip());
        } else {
            // A host without a listener: it refuses.
            let other = scene.world.add_post("10.9.0.2:5060".parse().unwrap(), false);
            let address = scene.world.post(other).address;
            scene.call_by(vec![sipsimple_core::transport::Route::new(Transport::Tcp, address)]);
        }
        scene.wait(100);
        let (code, at) = scene.failure();
        assert!(code == 0 && at < 100, "{code} after {at} ms");
        scene.wait(3 * TIMEOUT);
        scene.failure();
        scene.quiet();
    }
}

/// NCT-1, NCT-3.
#[test]
fn a_bye_to_a_silent_peer_is_sent_eleven_times() {
    let mut scene = Scene::new();
    let (session, _) = scene.established_by_alice();
    scene.begin();
    scene.end(session);
    let sent = scene.timed(TIMEOUT + 1000);
    let schedule = [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];
    assert_eq!(times(sent, "BYE"), schedule);
    assert_eq!(scene.count("SIPSessionDidEnd"), 1);
    scene.quiet();
}

/// NCT-2.
#[test]
fn after_a_provisional_response_a_bye_is_sent_every_t2() {
    let mut scene = Scene::new();
    let (session, _) = scene.established_by_alice();
    scene.begin();
    scene.end(session);
    let bye = scene.next("BYE");
    scene.wait(600);
    scene.reply(&bye, &Draft::response(&bye.sip, 100, ""));
    let sent = scene.timed(TIMEOUT + 1000);
    assert_eq!(times(sent, "BYE"), [500, 1500, 5500, 9500, 13_500, 17_500, 21_500, 25_500, 29_500]);
    assert_eq!(scene.count("SIPSessionDidEnd"), 1);
    scene.quiet();
}

/// NCT-4: and what comes after that is nobody's.
#[test]
fn a_final_response_that_comes_again_is_absorbed() {
    let mut scene = Scene::new();
    let (session, _) = scene.established_by_alice();
    scene.end(session);
    let bye = scene.next("BYE");
    let ok = Draft::response(&bye.sip, 200, "b");
    scene.reply(&bye, &ok);
    scene.wait(100);
    assert_eq!(scene.count("SIPSessionDidEnd"), 1);
    let events = scene.names().len();
    for _ in 0..8 {
        scene.reply(&bye, &ok);
        assert_eq!(scene.within(1000), [""; 0]);
    }
    assert_eq!(scene.names().len(), events);
    let stats = scene.world.host(scene.alice).agent.stats();
    // Timer K is 5 s.
    assert_eq!(stats.stray, 3, "{stats:?}");
    scene.quiet();
}

/// A BYE on a stream is sent once.
#[test]
fn a_bye_on_a_stream_is_sent_once() {
    let mut scene = Scene::new();
    let session = scene.call(Transport::Tcp);
    let invite = scene.next("INVITE");
    let contact = format!("<sip:bob@{};transport=tcp>", peer());
    scene.reply(&invite, &accepted(&invite.sip, "b").set("Contact", contact));
    assert_eq!(scene.next("ACK").conn, invite.conn);
    scene.wait(100);
    scene.end(session);
    let bye = scene.next("BYE");
    assert_eq!(bye.conn, invite.conn);
    assert_eq!(scene.within(TIMEOUT + 1000), [""; 0]);
    assert_eq!(scene.count("SIPSessionDidEnd"), 1);
    scene.quiet();
}

/// The 200 of a request that is not there reaches nobody.
#[test]
fn a_stray_response_is_dropped() {
    let mut scene = Scene::new();
    let options: Sip = scene.request("OPTIONS").set("Via", "SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKnone").sip();
    scene.send(&Draft::response(&options, 200, "b"));
    assert_eq!(scene.within(1000), [""; 0]);
    assert_eq!(scene.world.host(scene.alice).agent.stats().stray, 1);
    scene.quiet();
}
