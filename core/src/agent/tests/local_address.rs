//! Requests toward an address that the local address is not known for: on a socket that is bound to all.

use super::*;

/// A Contact that is not where the INVITE came from.
const ELSEWHERE: &str = "sip:them@198.51.100.7:5070";

#[test]
fn a_bye_goes_to_a_contact_elsewhere() {
    let mut script = Script::new("0.0.0.0");
    let invite = script.theirs("INVITE", 1, "", &format!("Contact: <{ELSEWHERE}>\r\n"), OFFER);
    script.datagram(PEER, invite);
    script.answer_asks();
    let session = script.incoming();
    script.accept(session);
    let (_, response) = script.answers().pop().unwrap();
    let tag = format!(";tag={}", response.to().unwrap().tag().unwrap());
    let ack = script.theirs("ACK", 1, &tag, "", "");
    script.datagram(PEER, ack);
    script.intend(Intent::End { session }).unwrap();
    assert_eq!(script.asked.iter().map(|(_, toward)| *toward).collect::<Vec<_>>(), [address("198.51.100.7:5070")]);
    script.answer_asks();
    let (way, bye) = script.request().expect("a BYE");
    assert_eq!((way, bye.method().as_str()), (Way::Datagram(address("198.51.100.7:5070")), "BYE"));
}

#[test]
fn an_ack_goes_to_a_contact_elsewhere_and_the_bye_after_it() {
    let mut script = Script::new("0.0.0.0");
    let session = script.connect("udp:192.0.2.4:5060");
    script.answer_asks();
    let (_, invite) = script.request().unwrap();
    script.respond(&invite, 200, ELSEWHERE, OFFER);
    script.intend(Intent::End { session }).unwrap();
    // The 2xx again, while the answer is awaited.
    script.respond(&invite, 200, ELSEWHERE, OFFER);
    assert_eq!(script.asked.len(), 1);
    script.answer_asks();
    let sent: Vec<_> =
        std::iter::from_fn(|| script.request()).map(|(way, request)| (way, request.method().to_string())).collect();
    let there = Way::Datagram(address("198.51.100.7:5070"));
    assert_eq!(sent, [(there, "ACK".to_owned()), (there, "BYE".to_owned())]);
}

#[test]
fn a_bye_that_has_no_way_ends_the_session() {
    let mut script = Script::new("0.0.0.0");
    let session = script.connect("udp:192.0.2.4:5060");
    script.answer_asks();
    let (_, invite) = script.request().unwrap();
    script.respond(&invite, 200, ELSEWHERE, OFFER);
    script.intend(Intent::End { session }).unwrap();
    script.pass(Duration::from_secs(60));
    assert_eq!(script.abandoned.len(), 1);
    assert_eq!(script.names().last(), Some(&"SIPSessionDidEnd"));
    assert!(script.agent.is_quiescent());
}

#[test]
fn a_call_goes_on_when_the_network_changes() {
    let mut script = Script::new("0.0.0.0");
    let session = script.connect("udp:192.0.2.4:5060");
    script.answer_asks();
    let (_, invite) = script.request().unwrap();
    script.respond(&invite, 200, "sip:them@192.0.2.4", OFFER);
    let (_, ack) = script.request().unwrap();
    assert_eq!(ack.method().as_str(), "ACK");
    script.handle(Input::Network(NetworkChange::Addresses));
    script.intend(Intent::End { session }).unwrap();
    script.answer_asks();
    assert_eq!(script.request().expect("a BYE").1.method().as_str(), "BYE");
}

#[test]
fn an_invite_that_waits_for_its_way_can_be_cancelled() {
    let mut script = Script::new("0.0.0.0");
    let session = script.connect("udp:192.0.2.4:5060");
    // Between the answer and the INVITE the network changes.
    let (ask, _) = script.asked.pop().unwrap();
    script.agent.handle(script.now, Input::Answer { ask, answer: Answer::LocalAddress(Some(OURS.parse().unwrap())) });
    script.agent.handle(script.now, Input::Network(NetworkChange::Addresses));
    script.drain();
    assert_eq!((script.asked.len(), script.request().is_none()), (1, true));
    script.intend(Intent::End { session }).unwrap();
    script.answer_asks();
    assert!(script.request().is_none());
    assert_eq!(script.names().last(), Some(&"SIPSessionDidFail"));
    assert!(script.agent.is_quiescent());
}

#[test]
fn where_there_was_no_way_it_is_asked_again() {
    let mut script = Script::new("0.0.0.0");
    for _ in 0..2 {
        script.connect("udp:192.0.2.4:5060");
        let (ask, _) = script.asked.pop().expect("a question");
        script.handle(Input::Answer { ask, answer: Answer::LocalAddress(None) });
        assert_eq!(script.names().last(), Some(&"SIPSessionDidFail"));
    }
    let invite = script.theirs("INVITE", 1, "", "Contact: <sip:them@192.0.2.4>\r\n", OFFER);
    script.datagram(PEER, invite);
    assert_eq!(script.asked.len(), 1);
    script.answer_asks();
    script.incoming();
}

#[test]
fn a_lost_connection_is_no_end_of_the_way() {
    let mut script = Script::new(OURS);
    let session = script.connect("tcp:192.0.2.4:5060");
    let (conn, _) = script.opened.pop().unwrap();
    let open = ConnectionEvent::Open { local: address("192.0.2.9:40000"), peer: address(PEER), tls: None };
    script.stream(conn, open.clone());
    let (_, invite) = script.request().unwrap();
    let accepted = Response::reply(&invite, 200, None, Some("them"), None)
        .field(HeaderName::Contact, "<sip:them@192.0.2.4;transport=tcp>")
        .body("application/sdp", OFFER.as_bytes())
        .finish()
        .unwrap();
    script.stream(conn, ConnectionEvent::Data(accepted.bytes().clone()));
    assert_eq!(script.request().unwrap().0, Way::Stream(conn));
    script.stream(conn, ConnectionEvent::Closed(CloseCause::Reset));
    // The ACK was lost with it: the 2xx comes on another connection, and the ACK takes a new one too.
    let other = script.accepted(0, "192.0.2.4:41000");
    script.stream(other, ConnectionEvent::Data(accepted.bytes().clone()));
    let (conn, to) = script.opened.pop().expect("a new connection");
    assert_eq!(to, address(PEER));
    script.stream(conn, open);
    let (way, ack) = script.request().expect("an ACK");
    assert_eq!((way, ack.method().as_str()), (Way::Stream(conn), "ACK"));
    script.stream(conn, ConnectionEvent::Closed(CloseCause::Reset));
    script.intend(Intent::End { session }).unwrap();
    let (conn, to) = script.opened.pop().expect("a new connection");
    assert_eq!(to, address(PEER));
    script.stream(conn, ConnectionEvent::Open { local: address("192.0.2.9:40002"), peer: address(PEER), tls: None });
    assert_eq!(script.request().expect("a BYE").1.method().as_str(), "BYE");
}
