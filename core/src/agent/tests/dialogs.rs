//! What comes inside of dialogs beside re-INVITE and BYE: INFO, PRACK, UPDATE; and early dialogs side by side.

use super::*;

const CONTACT: &str = "Contact: <sip:them@192.0.2.4>\r\n";

impl Script {
    fn remote_rtp(&self) -> Vec<String> {
        self.remote.iter().filter_map(|(_, remote)| remote.map(|remote| remote.to_string())).collect()
    }
}

#[test]
fn info_has_no_effect_and_is_answered_by_what_it_is() {
    // RFC 6086 section 4.2.2.
    let mut script = Script::new(OURS);
    let (_, tag) = script.established("sip:them@192.0.2.4");
    let mut info = |cseq, headers: &str, body: &str| {
        let info = script.theirs("INFO", cseq, &tag, headers, body);
        script.datagram(PEER, info);
        script.answers().pop().unwrap()
    };
    assert_eq!(info(2, "", "").0, 200);
    let (code, response) = info(3, "Info-Package: foo\r\n", "");
    assert_eq!((code, response.other("Recv-Info").count()), (469, 1));
    let (code, response) = info(4, "", "Signal=1");
    assert_eq!((code, response.has(HeaderName::Accept)), (415, true));
    assert_eq!(info(1, "", "").0, 500);
    let stray = script.theirs("INFO", 9, ";tag=stray", "", "");
    script.datagram(PEER, stray);
    assert_eq!(script.codes(), [481]);
}

#[test]
fn a_body_or_an_accept_that_does_not_fit_is_refused() {
    let mut script = Script::new(OURS);
    let mut code = |headers: &str| {
        let invite = script.theirs("INVITE", 1, "", &format!("{CONTACT}{headers}"), OFFER);
        script.datagram(PEER, invite);
        script.answers().pop().map(|(code, _)| code)
    };
    assert_eq!(code("Accept: text/plain, application/xml\r\n"), Some(406));
    assert_eq!(code("Content-Encoding: gzip\r\n"), Some(415));
    assert_eq!(code("Accept: text/plain, application/*\r\n"), None);
}

#[test]
fn an_update_negotiates_anew() {
    let mut script = Script::new(OURS);
    let (_, tag) = script.established("sip:them@192.0.2.4");
    let offer = OFFER.replace("o=- 1 1", "o=- 1 2").replace("m=audio 4002", "m=audio 6002");
    let update = script.theirs("UPDATE", 2, &tag, CONTACT, &offer);
    script.datagram(PEER, update);
    let (code, response) = script.answers().pop().unwrap();
    assert_eq!(code, 200);
    assert!(String::from_utf8_lossy(&response.body()).contains("m=audio 4000"), "{response:?}");
    assert_eq!(script.remote_rtp(), ["192.0.2.4:6002"]);
    let refused = OFFER.replace("o=- 1 1", "o=- 1 3").replace("RTP/AVP 0", "RTP/AVP 97\r\na=rtpmap:97 X/8000");
    let update = script.theirs("UPDATE", 3, &tag, CONTACT, &refused);
    script.datagram(PEER, update);
    assert_eq!(script.codes(), [488]);
    // The session is as it was (DLG-12).
    let bye = script.theirs("BYE", 4, &tag, "", "");
    script.datagram(PEER, bye);
    assert_eq!(script.codes(), [200]);
    assert!(script.names().contains(&"SIPSessionDidEnd"));
}

/// A provisional response to our INVITE from one fork, reliable if it has a number.
fn provisional(script: &mut Script, invite: &Request, code: u16, tag: &str, rseq: Option<u32>, body: &str) {
    let mut builder = Response::reply(invite, code, None, Some(tag), None)
        .field(HeaderName::Contact, format_args!("<sip:{tag}@192.0.2.4>"));
    if let Some(rseq) = rseq {
        builder = builder.field(HeaderName::Require, "100rel").field(HeaderName::RSeq, rseq);
    }
    if !body.is_empty() {
        builder = builder.body("application/sdp", body.as_bytes());
    }
    script.datagram(PEER, builder.finish().unwrap().bytes().to_vec());
}

#[test]
fn each_fork_has_its_own_answer_and_the_one_that_accepts_counts() {
    let mut script = Script::new(OURS);
    script.connect("udp:192.0.2.4:5060");
    script.answer_asks();
    let (_, invite) = script.request().unwrap();
    for (tag, port) in [("b", 4006), ("c", 4004)] {
        let answer = OFFER.replace("m=audio 4002", &format!("m=audio {port}"));
        provisional(&mut script, &invite, 183, tag, Some(1), &answer);
        let (_, prack) = script.request().unwrap();
        assert_eq!((prack.method(), prack.to().unwrap().tag()), (&crate::sip::Method::Prack, Some(tag)));
        let done = Response::reply(&prack, 200, None, None, None).finish().unwrap();
        script.datagram(PEER, done.bytes().to_vec());
    }
    assert_eq!(script.remote_rtp(), ["192.0.2.4:4004"]);
    assert_eq!(script.names().iter().filter(|name| **name == "SIPSessionWillStart").count(), 1);
    // The first one accepts, without saying its answer again.
    let accepted = Response::reply(&invite, 200, None, Some("b"), None)
        .field(HeaderName::Contact, "<sip:b@192.0.2.4>")
        .finish()
        .unwrap();
    script.datagram(PEER, accepted.bytes().to_vec());
    assert!(script.names().contains(&"SIPSessionDidStart"), "{:?}", script.names());
    assert_eq!(script.remote_rtp(), ["192.0.2.4:4006"]);
}
