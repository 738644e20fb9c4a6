//! Requests of the peer, and what is kept of them.

use super::*;
use crate::stream::Command;

const CONTACT: &str = "Contact: <sip:them@192.0.2.4>\r\n";

impl Script {
    /// Whether nothing is kept of any call.
    fn keeps_nothing(&self) -> bool {
        let calls = &self.agent.calls;
        calls.is_empty()
            && calls.streams.is_empty()
            && self.agent.owners.is_empty()
            && calls.waiting.is_empty()
            && calls.outside.is_empty()
    }
}

#[test]
fn an_invite_that_comes_by_two_ways_is_merged_as_long_as_its_transaction_lives() {
    let mut script = Script::new(OURS);
    let (session, _) = script.established("sip:them@192.0.2.4");
    let again = script.theirs("INVITE", 1, "", CONTACT, OFFER);
    script.datagram(PEER, again);
    assert_eq!(script.codes(), [482]);
    script.intend(Intent::End { session }).unwrap();
    let (_, bye) = script.request().unwrap();
    script.respond(&bye, 200, "", "");
    script.pass(Duration::from_secs(40));
    assert!(script.keeps_nothing());
    let later = script.theirs("INVITE", 1, "", CONTACT, OFFER);
    script.datagram(PEER, later);
    assert_eq!(script.names().iter().filter(|name| **name == "SIPSessionNewIncoming").count(), 2);
}

#[test]
fn an_invite_is_merged_while_the_first_waits_for_a_local_address() {
    let mut script = Script::new("0.0.0.0");
    for _ in 0..2 {
        let invite = script.theirs("INVITE", 1, "", CONTACT, OFFER);
        script.datagram(PEER, invite);
    }
    assert_eq!(script.codes(), [482]);
    script.answer_asks();
    assert_eq!(script.names().iter().filter(|name| **name == "SIPSessionNewIncoming").count(), 1);
}

#[test]
fn sessions_that_wait_for_a_local_address_do_not_exceed_the_limit() {
    let mut config = Config::default();
    config.limits.sessions = 1;
    let mut script = Script::with("0.0.0.0", config);
    for number in 0..3 {
        let invite =
            script.theirs("INVITE", 1, "", CONTACT, OFFER).replace("Call-ID: c", &format!("Call-ID: c{number}"));
        script.datagram(PEER, invite);
    }
    script.answer_asks();
    assert_eq!(script.agent.calls.len(), 1);
    assert_eq!(script.codes(), [503, 503]);
    // Without state: nothing is sent again, and an ACK finds nothing (RFC 3261 section 8.2.7).
    script.pass(Duration::from_secs(40));
    assert_eq!(script.codes(), [0; 0]);
    let stray = script.agent.stats().stray;
    let ack = script.theirs("ACK", 1, "", "", "").replace("Call-ID: c", "Call-ID: c1");
    script.datagram(PEER, ack);
    assert_eq!(script.agent.stats().stray, stray + 1);
}

#[test]
fn options_inside_a_dialog_is_told_what_outside_would_be_and_an_unknown_dialog_481() {
    let mut script = Script::new(OURS);
    let (_, tag) = script.established("sip:them@192.0.2.4");
    let options = script.theirs("OPTIONS", 7, &tag, "", "");
    script.datagram(PEER, options);
    let (code, response) = script.answers().pop().unwrap();
    assert_eq!((code, response.has(HeaderName::Allow)), (200, true));
    let late = script.theirs("OPTIONS", 6, &tag, "", "");
    script.datagram(PEER, late);
    assert_eq!(script.codes(), [500]);
    let stray = script.theirs("OPTIONS", 8, ";tag=stray", "", "");
    script.datagram(PEER, stray);
    assert_eq!(script.codes(), [481]);
}

#[test]
fn a_cancel_has_the_to_tag_of_what_it_cancels() {
    let mut script = Script::new("0.0.0.0");
    let invite = script.theirs("INVITE", 1, "", CONTACT, OFFER);
    let cancel = invite.replace("INVITE sip", "CANCEL sip").replace("1 INVITE", "1 CANCEL");
    let cancel = format!("{}\r\n\r\n", cancel.split("\r\nContact").next().unwrap());
    script.datagram(PEER, invite);
    script.datagram(PEER, cancel);
    let tags: Vec<_> = script
        .answers()
        .iter()
        .map(|(code, response)| (*code, response.to().unwrap().tag().unwrap().to_string()))
        .collect();
    assert_eq!(tags.iter().map(|(code, _)| *code).collect::<Vec<_>>(), [200, 487]);
    assert_eq!(tags[0].1, tags[1].1);
}

#[test]
fn nothing_is_kept_of_a_stream_that_is_not_accepted() {
    let mut script = Script::new(OURS);
    let two = format!("{OFFER}m=audio 4004 RTP/AVP 0\r\n");
    let invite = script.theirs("INVITE", 1, "", CONTACT, &two);
    script.datagram(PEER, invite);
    let session = script.incoming();
    let streams = script.agent.session(script.now, session).unwrap().streams();
    assert_eq!(streams.len(), 2);
    script.intend(Intent::Accept { session, streams: vec![streams[0]], relay_password: None }).unwrap();
    let (_, response) = script.answers().pop().unwrap();
    let tag = format!(";tag={}", response.to().unwrap().tag().unwrap());
    for (method, cseq) in [("ACK", 1), ("BYE", 2)] {
        let request = script.theirs(method, cseq, &tag, "", "");
        script.datagram(PEER, request);
    }
    script.pass(Duration::from_secs(60));
    assert!(script.keeps_nothing());
    let gone = Intent::Stream {
        stream: streams[1],
        command: Command::SendDtmf { digit: '1', duration: Duration::from_millis(100) },
    };
    assert!(script.intend(gone).is_err());
}

#[test]
fn nothing_is_kept_of_an_early_dialog_that_cannot_be_confirmed() {
    let mut script = Script::new(OURS);
    script.connect("udp:192.0.2.4:5060");
    let (_, invite) = script.request().unwrap();
    script.respond(&invite, 180, "sip:them@192.0.2.4", "");
    script.respond(&invite, 200, "", OFFER);
    assert_eq!(script.names().last(), Some(&"SIPSessionDidFail"));
    script.pass(Duration::from_secs(60));
    assert!(script.keeps_nothing());
}

#[test]
fn the_remote_identity_is_a_name_and_a_uri() {
    let mut script = Script::new(OURS);
    script.called("sip:them@192.0.2.4");
    let identity = script.events.iter().find_map(|event| match event {
        EventKind::Session { event: SessionEvent::NewIncoming { remote_identity, .. }, .. } => Some(remote_identity),
        _ => None,
    });
    assert_eq!(identity.unwrap(), "\"Them\" <sip:them@example.com>");
}

#[test]
fn datagrams_are_shed_while_nobody_takes_the_events() {
    let mut config = Config::default();
    config.limits.events = 20;
    let mut script = Script::with(OURS, config);
    for number in 0..100 {
        let invite =
            script.theirs("INVITE", 1, "", CONTACT, OFFER).replace("Call-ID: c", &format!("Call-ID: c{number}"));
        let (socket, data) = (script.udp, Bytes::from(invite));
        let (from, now) = (address(PEER), script.now);
        script.agent.handle(now, Input::Datagram { socket, from, to: None, interface: None, ttl: None, data });
        while script.agent.poll_effect().is_some() {}
    }
    assert!(script.agent.events.len() < 30, "{}", script.agent.events.len());
    assert!(script.agent.stats().shed > 50);
}

#[test]
fn a_request_of_any_method_that_comes_by_two_ways_is_merged() {
    for (method, headers, first) in [
        ("OPTIONS", "", 200),
        ("MESSAGE", "Content-Type: text/plain\r\n", 200),
        ("BYE", "", 481),
        ("SUBSCRIBE", "Event: earthquake\r\n", 489),
    ] {
        let mut script = Script::new(OURS);
        let text = script.theirs(method, 1, "", headers, "");
        script.datagram(PEER, text);
        assert_eq!(script.codes(), [first], "{method}");
        let again = script.theirs(method, 1, "", headers, "");
        script.datagram(PEER, again);
        assert_eq!(script.codes(), [482], "{method}");
        script.pass(Duration::from_secs(40));
        assert!(script.agent.is_quiescent() && script.agent.calls.outside.is_empty());
    }
}
