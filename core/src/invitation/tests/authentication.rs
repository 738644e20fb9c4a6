//! Challenges to requests of the usage, and to those of others in its dialog.

use super::*;
use crate::sip::digest::Credentials;
use crate::sip::{Headers, ProxyAuthorization};

/// A call with credentials.
fn calling(routes: u16) -> (Run, Ticket, Request) {
    let mut run = Run::calling(routes, Some(OFFER));
    run.act(|usage, _, _| usage.set_credentials(Some(Credentials::new("alice", "secret"))));
    let (ticket, invite, _) = run.sent();
    (run, ticket, invite)
}

impl Run {
    fn challenge(&mut self, ticket: Ticket, request: &Request, nonce: &str) {
        let via = Via::new("UDP", Host::from(std::net::IpAddr::from([192, 0, 2, 1])), None);
        let request = request.with_via(&via.with_param("branch", Some("z9hG4bKx")));
        let challenge = format!(r#"Digest realm="proxy", nonce="{nonce}", qop="auth""#);
        let response = Response::reply(&request, 407, None, Some("proxy"), None)
            .field(crate::sip::HeaderName::ProxyAuthenticate, challenge)
            .finish()
            .unwrap();
        self.act(|usage, cx, out| usage.response(cx, ticket, &response, out));
    }

    /// A call that the peer has accepted after a challenge; the number of its INVITE.
    fn connected() -> (Self, u32) {
        let (mut run, ticket, invite) = calling(1);
        run.challenge(ticket, &invite, "1");
        let (ticket, invite, _) = run.sent();
        run.answer(ticket, &invite, 200, "b", Some(ANSWER));
        run.said();
        let number = invite.cseq().unwrap().number;
        (run, number)
    }
}

/// The nonce and count of the credentials of a message.
fn credentials(message: &Headers) -> Option<(String, String)> {
    let auth = message.all::<ProxyAuthorization>().next()?.unwrap();
    Some((auth.nonce()?.to_string(), auth.params.get("nc")?.to_string()))
}

fn counted(nonce: &str, count: u32) -> Option<(String, String)> {
    Some((nonce.to_owned(), format!("{count:08x}")))
}

#[test]
fn a_challenged_invite_is_sent_once_more_and_acknowledged_with_its_credentials() {
    let (mut run, first, invite) = calling(1);
    run.answer(first, &invite, 180, "b", None);
    run.said();
    run.challenge(first, &invite, "1");
    let said = run.said();
    assert_eq!(words(&said), ["ended", "INVITE"]);
    let Output::Request { ticket, request, .. } = &said[1] else { panic!("{said:?}") };
    assert_eq!(request.cseq().unwrap().number, invite.cseq().unwrap().number + 1);
    assert_eq!((request.call_id().unwrap(), request.body()), (invite.call_id().unwrap(), invite.body()));
    assert_eq!(request.from().unwrap().tag(), invite.from().unwrap().tag());
    assert_eq!(credentials(request), counted("1", 1));
    run.client_ended(first, End::Done);
    assert_eq!(run.usage().state(), State::Outgoing);
    run.answer(*ticket, request, 200, "b", Some(ANSWER));
    let said = run.said();
    assert_eq!(words(&said), ["began", "ACK", "Accepted"]);
    let Output::Ack { request: ack, .. } = &said[1] else { panic!("{said:?}") };
    assert_eq!(ack.cseq().unwrap().number, request.cseq().unwrap().number);
    assert_eq!(
        ack.text(crate::sip::HeaderName::ProxyAuthorization).unwrap(),
        request.text(crate::sip::HeaderName::ProxyAuthorization).unwrap()
    );
}

#[test]
fn refused_credentials_end_the_call() {
    let (mut run, ticket, invite) = calling(1);
    run.challenge(ticket, &invite, "1");
    let (ticket, invite, _) = run.sent();
    run.challenge(ticket, &invite, "2");
    let [Event::Refused { cause, answered: true, .. }] = &run.events()[..] else { panic!("no refusal") };
    assert_eq!(cause.code, Some(407));
}

#[test]
fn without_credentials_a_challenge_is_a_refusal() {
    let mut run = Run::calling(2, Some(OFFER));
    let (ticket, invite, _) = run.sent();
    run.challenge(ticket, &invite, "1");
    assert_eq!(words(&run.said()), ["Refused"]);
}

#[test]
fn a_cancelled_invite_is_not_sent_again() {
    let (mut run, ticket, invite) = calling(1);
    run.act(|usage, cx, out| usage.end(cx, None, out));
    run.said();
    run.challenge(ticket, &invite, "1");
    assert_eq!(words(&run.said()), ["Refused"]);
}

#[test]
fn the_next_route_gets_credentials_that_are_counted_on() {
    let (mut run, ticket, invite) = calling(2);
    run.challenge(ticket, &invite, "1");
    let (ticket, invite, _) = run.sent();
    run.answer(ticket, &invite, 503, "x", None);
    let (_, again, hop) = run.sent();
    assert_eq!(hop, Hop::Route("udp:192.0.2.4:5061".parse().unwrap()));
    assert_eq!(credentials(&again), counted("1", 2));
    assert_eq!(again.cseq().unwrap(), invite.cseq().unwrap());
}

#[test]
fn a_bye_carries_credentials_and_answers_a_challenge() {
    let (mut run, number) = Run::connected();
    run.act(|usage, cx, out| usage.end(cx, None, out));
    let (ticket, bye, _) = run.sent();
    assert_eq!(credentials(&bye), counted("1", 2));
    run.challenge(ticket, &bye, "2");
    let (ticket, bye, _) = run.sent();
    assert_eq!((bye.method().as_str(), bye.cseq().unwrap().number), ("BYE", number + 2));
    assert_eq!(credentials(&bye), counted("2", 1));
    run.challenge(ticket, &bye, "3");
    assert_eq!(words(&run.said()), ["ended", "Ended"]);
}

#[test]
fn a_reinvite_carries_credentials_and_answers_a_challenge() {
    let (mut run, number) = Run::connected();
    run.act(|usage, cx, out| usage.propose(cx, Some((OFFER, &[])), out)).unwrap();
    let (ticket, reinvite, _) = run.sent();
    assert_eq!(credentials(&reinvite), counted("1", 2));
    run.challenge(ticket, &reinvite, "2");
    let (again, reinvite, _) = run.sent();
    assert_eq!(reinvite.cseq().unwrap().number, number + 2);
    run.client_ended(ticket, End::Done);
    assert_eq!(run.usage().sub_state(), SubState::SentProposal);
    run.answer(again, &reinvite, 200, "b", Some(ANSWER));
    assert_eq!(words(&run.said()), ["ACK", "ProposalAnswered"]);
}

#[test]
fn challenges_to_a_callee_are_answered_for_the_known_realm_only() {
    for (realm, answered) in [("proxy", true), ("elsewhere", false)] {
        let mut run = Run::called(Some(OFFER));
        let credentials = Credentials { realm: Some(realm.into()), ..Credentials::new("bob", "secret") };
        run.act(|usage, _, _| usage.set_credentials(Some(credentials)));
        run.act(|usage, cx, out| usage.accept(cx, Some(ANSWER), out)).unwrap();
        let tag = run.usage().dialog().unwrap().id().local_tag().to_string();
        let ack = request("ACK", 1, &tag, None);
        let id = run.usage().dialog().unwrap().id().clone();
        run.act(|usage, cx, out| usage.acknowledged(cx, &id, &ack, out));
        run.said();
        run.act(|usage, cx, out| usage.end(cx, None, out));
        let (ticket, bye, _) = run.sent();
        run.challenge(ticket, &bye, "1");
        assert_eq!(words(&run.said()) == ["BYE"], answered, "{realm}");
    }
}

/// What is sent again when this request of ours is challenged, and that a second challenge is not answered.
fn challenged_within(run: &mut Run, method: &str) -> Ticket {
    let (ticket, request, _) = run.sent();
    run.challenge(ticket, &request, "2");
    let (again, second, _) = run.sent();
    assert_eq!((second.method().as_str(), second.body()), (method, request.body()));
    assert_eq!(second.cseq().unwrap().number, request.cseq().unwrap().number + 1);
    assert_eq!(credentials(&second), counted("2", 1));
    run.client_ended(ticket, End::Done);
    run.challenge(again, &second, "3");
    assert!(!words(&run.said()).iter().any(|word| word == method), "{method} a third time");
    run.client_ended(again, End::Done);
    again
}

#[test]
fn an_update_answers_a_challenge() {
    let (mut run, ticket, invite) = calling(1);
    run.challenge(ticket, &invite, "1");
    let (ticket, invite, _) = run.sent();
    run.answer_with(ticket, &invite, 200, "b", Some(ANSWER), |builder| {
        builder.field(crate::sip::HeaderName::Allow, "INVITE, UPDATE")
    });
    run.said();
    run.act(|usage, cx, out| usage.update(cx, Some(OFFER), out)).unwrap();
    challenged_within(&mut run, "UPDATE");
    run.act(|usage, cx, out| usage.update(cx, Some(OFFER), out)).unwrap();
}

#[test]
fn a_prack_answers_a_challenge() {
    let (mut run, ticket, invite) = calling(1);
    run.challenge(ticket, &invite, "1");
    let (ticket, invite, _) = run.sent();
    run.answer_with(ticket, &invite, 180, "b", None, |builder| {
        builder.field(crate::sip::HeaderName::Require, "100rel").field(crate::sip::HeaderName::RSeq, 7)
    });
    challenged_within(&mut run, "PRACK");
    assert_eq!(run.usage().state(), State::Early);
}

#[test]
fn requests_of_other_usages_answer_a_challenge() {
    for method in [Method::Refer, Method::Notify, Method::Info] {
        let (mut run, number) = Run::connected();
        let name = method.as_str().to_owned();
        let (first, _) = run.act(|usage, cx, out| usage.send_within(cx, method, |builder| builder, out)).unwrap();
        let again = challenged_within(&mut run, &name);
        assert_ne!(first, again);
        assert_eq!(run.usage().sent_again(first), None, "it is over");
        run.act(|usage, cx, out| usage.end(cx, None, out));
        assert!(run.sent().1.cseq().unwrap().number > number + 2);
    }
}
