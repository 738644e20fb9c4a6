//! UAS: how a request is judged before anything is done with it (RFC 3261 section 8.2).

use sipsimple_testsuite::draft::{Draft, audio};

use crate::scene::{Scene, answering, peer};

/// UAS-1: 420 names what is not known, and that alone.
#[test]
fn an_extension_that_is_not_supported_is_named() {
    let mut scene = Scene::new();
    let options = scene.request("OPTIONS").with("Require", "foo, nothing-like-it").with("Require", "bar");
    scene.send(&options);
    let refusal = scene.next("420 OPTIONS");
    assert_eq!(refusal.sip.list("unsupported"), ["foo", "nothing-like-it", "bar"]);
    let invite = scene.invite().with("Require", "foo");
    scene.send(&invite);
    let refusal = scene.next("420 INVITE");
    assert_eq!(refusal.sip.list("unsupported"), ["foo"]);
    scene.send(&Draft::ack(&invite.sip(), &refusal.sip));
    assert_eq!(scene.count("SIPSessionNewIncoming"), 0);
    // What proxies must support is none of our business.
    let options = scene.request("OPTIONS").with("Proxy-Require", "foo");
    scene.send(&options);
    scene.next("200 OPTIONS");
    scene.quiet();
}

/// UAS-1: it is never applied to ACK and CANCEL.
#[test]
fn ack_and_cancel_may_require_what_they_like() {
    let mut scene = Scene::answering(answering());
    let invite = scene.invite();
    scene.send(&invite);
    scene.next("180 INVITE");
    let accepted = scene.next("200 INVITE");
    scene.send(&Draft::ack(&invite.sip(), &accepted.sip).with("Require", "foo"));
    assert_eq!(scene.within(5000), [""; 0]);
    assert_eq!(scene.count("SIPSessionDidStart"), 1);

    let mut scene = Scene::answering(answering());
    let invite = scene.invite();
    scene.send(&invite);
    scene.next("180 INVITE");
    scene.send(&Draft::cancel(&invite.sip()).with("Require", "foo"));
    scene.next("200 CANCEL");
    let refusal = scene.next("487 INVITE");
    scene.send(&Draft::ack(&invite.sip(), &refusal.sip));
    scene.quiet();
}

/// UAS-1: each fault has its code, and the header that says what would do.
#[test]
fn each_fault_has_its_code() {
    let mut scene = Scene::new();
    let cases = [
        ("DANCE", "sip:alice@10.0.0.1", 405, Some("allow")),
        ("OPTIONS", "mailto:alice@10.0.0.1", 416, None),
        ("OPTIONS", "sip:nobody@10.0.0.1", 404, None),
        ("BYE", "sip:alice@10.0.0.1", 481, None),
    ];
    for (method, uri, code, header) in cases {
        let request = scene.request(method).start(format!("{method} {uri} SIP/2.0"));
        scene.send(&request);
        let answer = scene.next(&format!("{code} {method}"));
        assert!(header.is_none_or(|header| answer.sip.header(header).is_some()), "{:?}", answer.sip);
    }
    let request = scene.request("OPTIONS").start("OPTIONS sip:alice@10.0.0.1 SIP/7.0");
    scene.send(&request);
    scene.next("505 OPTIONS");
    let bodies = [("text/html", "", "accept"), ("application/sdp", "gzip", "accept-encoding")];
    for (kind, encoding, header) in bodies {
        let mut invite = scene.request("INVITE").body(kind, audio(peer(), 4000));
        if !encoding.is_empty() {
            invite = invite.with("Content-Encoding", encoding);
        }
        scene.send(&invite);
        let refusal = scene.next("415 INVITE");
        assert!(refusal.sip.header(header).is_some(), "{:?}", refusal.sip);
        scene.send(&Draft::ack(&invite.sip(), &refusal.sip));
    }
    assert_eq!(scene.count("SIPSessionNewIncoming"), 0);
    scene.quiet();
}

/// UAS-2.
#[test]
fn a_request_that_comes_by_two_ways_is_merged() {
    let mut scene = Scene::answering(answering());
    let invite = scene.invite();
    scene.send(&invite);
    scene.next("180 INVITE");
    let other = invite.clone().set("Via", "SIP/2.0/UDP 10.9.0.1:5060;branch=z9hG4bK-fork;rport");
    scene.send(&other);
    let refusal = scene.next("482 INVITE");
    scene.send(&Draft::ack(&other.sip(), &refusal.sip));
    assert_eq!(scene.count("SIPSessionNewIncoming"), 1);
    // The next request of the same call has another number.
    let accepted = scene.next("200 INVITE");
    scene.send(&Draft::ack(&invite.sip(), &accepted.sip));
    scene.wait(100);
    assert_eq!(scene.count("SIPSessionDidStart"), 1);
}

/// UAS-3: over provisional and final responses, with Vias and Record-Routes as they came.
#[test]
fn all_responses_to_a_request_agree() {
    let mut scene = Scene::answering(answering());
    let invite = scene
        .invite()
        .set("Via", "SIP/2.0/UDP 10.9.0.1:5060;branch=z9hG4bK-3;rport, SIP/2.0/TCP 10.8.0.1 ;branch=z9hG4bK-2")
        .with("Via", "SIP/2.0/TLS caller.example;branch=z9hG4bK-1;x=\"a,b\"")
        .with("Record-Route", "<sip:10.9.0.1;lr>, <sip:10.8.0.1;lr;x=y>")
        .with("Timestamp", "54");
    scene.send(&invite);
    let ringing = scene.next("180 INVITE").sip;
    let accepted = scene.next("200 INVITE").sip;
    let request = invite.sip();
    assert_eq!((ringing.to_tag(), ringing.to_tag().is_empty()), (accepted.to_tag(), false));
    for sip in [&ringing, &accepted] {
        assert_eq!(sip.list("via")[1..], request.list("via")[1..]);
        assert_eq!(sip.list("record-route"), request.list("record-route"));
        for name in ["from", "call-id", "cseq"] {
            assert_eq!(sip.header(name), request.header(name), "{name}");
        }
        assert_eq!(sip.contact(), "sip:alice@10.0.0.1:5060");
    }
    scene.send(&Draft::ack(&request, &accepted));
    scene.wait(100);
    assert_eq!(scene.count("SIPSessionDidStart"), 1);
}

/// RFC 3261 section 8.2.2: whom it is for, and whether it was here before, goes before what it requires and carries.
#[test]
fn whom_a_request_is_for_is_looked_at_first() {
    let mut scene = Scene::answering(answering());
    let stranger = |draft: Draft| draft.start("INVITE sip:nobody@10.0.0.1 SIP/2.0");
    for invite in [stranger(scene.invite()).with("Require", "foo"), stranger(scene.invite()).body("text/html", "x")] {
        scene.send(&invite);
        let refusal = scene.next("404 INVITE");
        scene.send(&Draft::ack(&invite.sip(), &refusal.sip));
    }
    let invite = scene.invite();
    scene.send(&invite);
    scene.next("180 INVITE");
    let other = invite.clone().set("Via", "SIP/2.0/UDP 10.9.0.1:5060;branch=z9hG4bK-fork;rport").with("Require", "foo");
    scene.send(&other);
    let refusal = scene.next("482 INVITE");
    scene.send(&Draft::ack(&other.sip(), &refusal.sip));
    let accepted = scene.next("200 INVITE");
    scene.send(&Draft::ack(&invite.sip(), &accepted.sip));
    scene.wait(100);
    assert_eq!(scene.count("SIPSessionDidStart"), 1);
}
