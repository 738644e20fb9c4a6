//! MAT, VIA: what belongs together, and which way a response takes (RFC 3261 sections 8.1.3.3, 17.1.3, 17.2.3, 18.2; RFC 3581).

use std::net::SocketAddr;

use sipsimple_core::transport::Transport;
use sipsimple_testsuite::draft::Draft;
use sipsimple_testsuite::script::Way;

use crate::scene::{Scene, accepted, answering, peer, response};

/// MAT-1: a response is for the transaction with its branch and its method.
#[test]
fn a_response_of_another_method_or_branch_is_not_for_the_invite() {
    let mut scene = Scene::new();
    scene.call(Transport::Udp);
    let invite = scene.next("INVITE");
    let number = invite.sip.cseq().0;
    for method in ["CANCEL", "BYE", "invite"] {
        scene.reply(&invite, &accepted(&invite.sip, "b").set("CSeq", format!("{number} {method}")));
    }
    let via = invite.sip.header("via").unwrap();
    for other in [format!("{}x", invite.sip.branch()), invite.sip.branch().to_uppercase()] {
        let via = via.replace(invite.sip.branch(), &other);
        scene.reply(&invite, &accepted(&invite.sip, "b").set("Via", via));
    }
    assert_eq!(scene.within(400), [""; 0]);
    assert_eq!(scene.count("SIPSessionDidStart"), 0);
    scene.reply(&invite, &response(&invite.sip, 486, "b"));
    assert_eq!(scene.within(100), ["ACK"]);
    scene.quiet();
}

/// MAT-4.
#[test]
fn a_response_with_two_vias_or_the_via_of_another_is_dropped() {
    let mut scene = Scene::new();
    scene.call(Transport::Udp);
    let invite = scene.next("INVITE");
    let via = invite.sip.header("via").unwrap().to_owned();
    let busy = response(&invite.sip, 486, "b");
    scene.reply(&invite, &busy.clone().with("Via", "SIP/2.0/UDP 10.5.0.1;branch=z9hG4bKx"));
    scene.reply(&invite, &busy.clone().with_first("Via", "SIP/2.0/UDP 10.5.0.1;branch=z9hG4bKx"));
    scene.reply(&invite, &busy.clone().set("Via", format!("{via}, SIP/2.0/UDP 10.5.0.1;branch=z9hG4bKx")));
    for other in ["10.0.0.2:5060", "10.0.0.1:5062", "alice.example:5060"] {
        scene.reply(&invite, &busy.clone().set("Via", via.replace("10.0.0.1:5060", other)));
    }
    scene.reply(&invite, &busy.clone().set("Via", via.replace("/UDP", "/TCP")));
    assert_eq!(scene.within(400), [""; 0]);
    assert_eq!(scene.count("SIPSessionDidFail"), 0);
    scene.reply(&invite, &busy);
    assert_eq!(scene.within(100), ["ACK"]);
    scene.quiet();
}

/// MAT-2: change any one of branch, sent-by and method, and it is another transaction.
#[test]
fn a_request_is_known_by_branch_sent_by_and_method() {
    let mut scene = Scene::new();
    let plain = scene.request("OPTIONS");
    let via = "SIP/2.0/UDP 10.9.0.1:5060;branch=z9hG4bK-a;rport";
    let options = plain.set("Via", via);
    scene.send(&options);
    let first = scene.next("200 OPTIONS").sip;
    // What else differs does not matter, nor does the case of the host, nor a port that is the default.
    let same = [options.clone().set("CSeq", "9 OPTIONS"), options.clone().set("Subject", "again")];
    for same in same {
        scene.send(&same);
        assert_eq!(scene.next("200 OPTIONS").sip.data(), first.data());
    }
    scene.send(&options.clone().set("Via", via.replace(":5060", "")));
    assert_eq!(scene.next("200 OPTIONS").sip.data(), first.data());
    let others = ["10.9.0.1:5061;branch=z9hG4bK-a", "10.9.0.9:5060;branch=z9hG4bK-a", "10.9.0.1:5060;branch=z9hG4bK-A"];
    for other in others {
        let via = format!("SIP/2.0/UDP {other};rport");
        scene.send(&options.clone().set("Via", &via));
        // Another transaction, with a request that came before by another way (RFC 3261 section 8.2.2.2).
        let answer = scene.next("482 OPTIONS").sip;
        assert!(answer.header("via").unwrap().starts_with(via.trim_end_matches(";rport")), "{answer:?}");
    }
    let bye = options.start("BYE sip:alice@10.0.0.1 SIP/2.0").set("CSeq", "1 BYE");
    scene.send(&bye);
    scene.next("481 BYE");
    scene.quiet();
}

/// MAT-2: the ACK of a refusal is known by the branch of its INVITE, the CANCEL too.
#[test]
fn ack_and_cancel_share_the_branch_of_their_invite() {
    let mut scene = Scene::answering(crate::scene::refusing(486));
    let invite = scene.invite();
    scene.send(&invite);
    scene.next("100 INVITE");
    let refusal = scene.next("486 INVITE");
    // The ACK of another branch acknowledges nothing.
    let ack = Draft::ack(&invite.sip(), &refusal.sip);
    scene.send(&ack.clone().set("Via", "SIP/2.0/UDP 10.9.0.1:5060;branch=z9hG4bK-other;rport"));
    scene.wait(400);
    assert_eq!(scene.within(400), ["486 INVITE"]);
    scene.send(&ack);
    assert_eq!(scene.within(10_000), [""; 0]);
    scene.quiet();
}

/// MAT-3: without the cookie the rules of RFC 2543 hold.
#[test]
fn a_request_without_the_cookie_is_known_by_all_that_it_says() {
    for branch in ["", ";branch=1", ";branch=z9hG4bK"] {
        let mut scene = Scene::answering(answering());
        let via = format!("SIP/2.0/UDP 10.9.0.1:5060{branch}");
        let invite = scene.invite().set("Via", &via);
        scene.send(&invite);
        let ringing = scene.next("180 INVITE");
        scene.send(&invite);
        assert_eq!(scene.next("180 INVITE").sip.data(), ringing.sip.data());
        assert_eq!(scene.count("SIPSessionNewIncoming"), 1);
        // Another call with the same branch is another.
        let other = scene.invite().set("Via", &via);
        scene.send(&other);
        scene.next("180 INVITE");
        assert_eq!(scene.count("SIPSessionNewIncoming"), 2);
        let first = scene.next("200 INVITE").sip;
        let second = scene.next("200 INVITE").sip;
        for (invite, accepted) in [(&invite, &first), (&other, &second)] {
            scene.send(&Draft::ack(&invite.sip(), accepted).set("Via", &via));
        }
        assert_eq!(scene.within(5000), [""; 0], "{branch}");
        assert_eq!(scene.count("SIPSessionDidStart"), 2);
        let bye = Draft::of(&invite.sip())
            .start("BYE sip:alice@10.0.0.1 SIP/2.0")
            .set("To", first.header("to").unwrap())
            .set("CSeq", "2 BYE")
            .without("Content-Type");
        for (accepted, call) in [(&first, &invite), (&second, &other)] {
            let bye = bye
                .clone()
                .set("From", call.sip().header("from").unwrap())
                .set("To", accepted.header("to").unwrap())
                .set("Call-ID", accepted.call_id())
                .body("text/plain", "");
            scene.send(&bye);
            scene.next("200 BYE");
        }
        scene.quiet();
    }
}

/// MAT-3: the refusal of an INVITE without the cookie is acknowledged by an ACK that carries its tag.
#[test]
fn the_ack_of_rfc_2543_has_the_tag_of_the_refusal() {
    let mut scene = Scene::answering(crate::scene::refusing(486));
    let invite = scene.invite().set("Via", "SIP/2.0/UDP 10.9.0.1:5060");
    scene.send(&invite);
    scene.next("100 INVITE");
    let refusal = scene.next("486 INVITE");
    let ack = Draft::ack(&invite.sip(), &refusal.sip);
    scene.send(&ack.clone().set("To", "<sip:alice@10.0.0.1>;tag=other"));
    scene.wait(400);
    assert_eq!(scene.within(400), ["486 INVITE"]);
    scene.send(&ack);
    assert_eq!(scene.within(10_000), [""; 0]);
    scene.quiet();
}

/// VIA-1, VIA-2: what is added to the Via, and where the response goes.
#[test]
fn a_response_goes_where_the_via_and_the_datagram_say() {
    // The sent-by and its parameters; from which port it comes; what is added; where the answer goes.
    let cases = [
        ("10.9.0.1:5060", 5060, None, None, "10.9.0.1:5060"),
        ("10.9.0.1:5060;rport", 5060, Some("10.9.0.1"), Some("5060"), "10.9.0.1:5060"),
        ("10.9.0.1:5060;rport", 9999, Some("10.9.0.1"), Some("9999"), "10.9.0.1:9999"),
        ("10.9.0.1:5070", 9999, None, None, "10.9.0.1:5070"),
        ("10.9.0.1", 9999, None, None, "10.9.0.1:5060"),
        ("10.7.0.7:5070", 9999, Some("10.9.0.1"), None, "10.9.0.1:5070"),
        ("peer.example:5070", 9999, Some("10.9.0.1"), None, "10.9.0.1:5070"),
        ("peer.example", 9999, Some("10.9.0.1"), None, "10.9.0.1:5060"),
        ("peer.example;rport", 9999, Some("10.9.0.1"), Some("9999"), "10.9.0.1:9999"),
        // What the peer says of itself is not believed.
        ("10.9.0.1:5070;received=10.7.0.7", 9999, Some("10.9.0.1"), None, "10.9.0.1:5070"),
        ("10.9.0.1:5070;rport=1", 9999, Some("10.9.0.1"), Some("9999"), "10.9.0.1:9999"),
        // `maddr` is obeyed (RFC 3261 section 18.2.2).
        ("10.9.0.1:5070;maddr=10.9.0.2", 9999, None, None, "10.9.0.2:5070"),
    ];
    for (sent_by, port, received, rport, target) in cases {
        let mut scene = Scene::new();
        let to = scene.world.address(scene.alice);
        let target: SocketAddr = target.parse().unwrap();
        let post = if target == peer() { scene.peer } else { scene.world.add_post(target, false) };
        let options = scene.request("OPTIONS").set("Via", format!("SIP/2.0/UDP {sent_by};branch=z9hG4bK-v"));
        scene.world.inject(SocketAddr::new(peer().ip(), port), to, options.bytes());
        scene.wait(100);
        let letter = scene.world.take_letter(post).unwrap_or_else(|| panic!("{sent_by} from {port}: no answer"));
        assert_eq!(letter.from, to, "{sent_by}");
        let via = letter.sip.via().unwrap();
        let known = |name| via.param(name).flatten();
        match received {
            Some(_) => assert_eq!(known("received"), received, "{sent_by} from {port}: {}", via.value),
            // To add it although it says nothing new is allowed.
            None => assert!(known("received").is_none_or(|ip| ip == "10.9.0.1"), "{sent_by}: {}", via.value),
        }
        assert_eq!(known("rport"), rport, "{sent_by} from {port}: {}", via.value);
        scene.quiet();
    }
}

/// VIA-2: on a stream the response takes the connection that the request came on.
#[test]
fn a_response_takes_the_connection_of_its_request() {
    let mut scene = Scene::new();
    let to = scene.world.address(scene.alice);
    let conns = [0, 1].map(|_| scene.world.turn(scene.peer, |turn| turn.open(to)));
    scene.wait(50);
    for conn in [conns[1], conns[0], conns[1]] {
        let name = scene.name();
        let options =
            scene.request("OPTIONS").set("Via", format!("SIP/2.0/TCP nowhere.example:99;branch=z9hG4bK-{name}x"));
        scene.world.turn(scene.peer, |turn| turn.send(Way::Stream(conn), options.bytes()));
        assert_eq!(scene.next("200 OPTIONS").conn, Some(conn));
    }
    scene.quiet();
}
