//! UPDATE (RFC 3311, the UPD properties).

use super::*;
use crate::sip::{HeaderName, RetryAfter};

/// A connected call of ours, whose peer allows UPDATE, with its dialog's tags.
fn connected() -> Run {
    let mut run = Run::calling(1, Some(OFFER));
    let (ticket, invite, _) = run.sent();
    run.answer_with(ticket, &invite, 200, "B", Some(ANSWER), |builder| {
        builder.field(HeaderName::Allow, "INVITE, ACK, BYE, CANCEL, UPDATE")
    });
    run.client_ended(ticket, End::Done);
    run.said();
    assert_eq!(run.usage().state(), State::Connected);
    run
}

/// A request of the peer to our call.
fn from_peer(run: &Run, method: &str, cseq: u32, body: Option<&[u8]>) -> Request {
    let id = run.usage().dialog().unwrap().id().clone();
    let text = String::from_utf8(request(method, cseq, id.local_tag(), body).bytes().to_vec()).unwrap();
    let text = text.replacen(";tag=A", &format!(";tag={}", id.remote_tag()), 1);
    let text = text.replacen("Call-ID: c\r\n", &format!("Call-ID: {}\r\n", id.call_id()), 1);
    match Message::parse(text.into(), &crate::limits::Limits::default()).unwrap() {
        Message::Request(request) => request,
        Message::Response(_) => unreachable!("a request was written"),
    }
}

fn update(run: &mut Run, cseq: u32, body: Option<&[u8]>) -> Vec<Output> {
    let request = from_peer(run, "UPDATE", cseq, body);
    run.receive(&request);
    run.said()
}

fn answered(said: Vec<Output>) -> Response {
    said.into_iter()
        .find_map(|output| if let Output::Respond { response, .. } = output { Some(response) } else { None })
        .expect("a response")
}

#[test]
fn one_without_an_offer_is_answered_at_once() {
    let mut run = connected();
    let response = answered(update(&mut run, 1, None));
    assert_eq!(response.code(), 200);
    assert!(response.has(HeaderName::Contact) && response.has(HeaderName::Allow) && response.body().is_empty());
    // It refreshes the target.
    assert_eq!(run.usage().dialog().unwrap().remote_target().to_string(), "sip:alice@192.0.2.1");
}

#[test]
fn its_offer_is_answered_or_refused() {
    let mut run = connected();
    assert_eq!(words(&update(&mut run, 1, Some(OFFER))), ["Offered"]);
    // UPD-1: a second one before the first has its answer.
    let early = answered(update(&mut run, 2, None));
    assert_eq!(early.code(), 500);
    assert!(early.get::<RetryAfter>().unwrap().unwrap().seconds <= 10);
    run.act(|usage, cx, out| usage.accept_offer(cx, ANSWER, out)).unwrap();
    let response = answered(run.said());
    assert_eq!((response.code(), &response.body()[..]), (200, ANSWER));
    assert!(run.act(|usage, cx, out| usage.accept_offer(cx, ANSWER, out)).is_err());

    assert_eq!(words(&update(&mut run, 3, Some(OFFER))), ["Offered"]);
    run.act(|usage, cx, out| usage.refuse_offer(cx, 488, &[], out)).unwrap();
    assert_eq!(words(&run.said()), ["488"]);
    assert_eq!(words(&update(&mut run, 4, Some(OFFER))), ["Offered"]);
}

#[test]
fn glare_is_told_from_haste() {
    // UPD-1: our own offer waits: 491. The peer's waits: 500.
    let mut run = connected();
    run.act(|usage, cx, out| usage.propose(cx, Some((OFFER, &[])), out)).unwrap();
    run.said();
    assert_eq!(answered(update(&mut run, 1, Some(OFFER))).code(), 491);
    assert_eq!(answered(update(&mut run, 2, None)).code(), 200);

    let mut run = Run::called(Some(OFFER));
    run.said();
    let response = answered(update(&mut run, 2, Some(OFFER)));
    assert_eq!(response.code(), 500);
    assert!(response.has(HeaderName::RetryAfter));

    let mut run = connected();
    let reinvite = from_peer(&run, "INVITE", 1, Some(OFFER));
    run.receive(&reinvite);
    run.said();
    assert_eq!(answered(update(&mut run, 2, Some(OFFER))).code(), 500);

    let mut run = connected();
    run.act(|usage, cx, out| usage.update(cx, Some(OFFER), out)).unwrap();
    run.said();
    assert_eq!(answered(update(&mut run, 1, Some(OFFER))).code(), 491);
    let reinvite = from_peer(&run, "INVITE", 2, Some(OFFER));
    run.receive(&reinvite);
    assert_eq!(answered(run.said()).code(), 491);
}

#[test]
fn ours_waits_for_its_turn() {
    let mut run = connected();
    run.act(|usage, cx, out| usage.update(cx, Some(OFFER), out)).unwrap();
    let (ticket, request, _) = run.sent();
    assert_eq!((request.method(), &request.body()[..]), (&Method::Update, OFFER));
    assert!(request.has(HeaderName::Contact));
    let pending = Err(InvitationError::ProposalPending);
    assert_eq!(run.act(|usage, cx, out| usage.update(cx, None, out)), pending);
    assert_eq!(run.act(|usage, cx, out| usage.propose(cx, Some((OFFER, &[])), out)), pending);
    run.answer(ticket, &request, 200, "B", Some(ANSWER));
    let events = run.events();
    let description = Some(Description::Answer(Bytes::from_static(ANSWER)));
    assert_eq!(events, [Event::UpdateAnswered { code: 200, reason: "OK".into(), description }]);
    run.client_ended(ticket, End::Done);
    assert!(run.said().is_empty());
    run.act(|usage, cx, out| usage.update(cx, None, out)).unwrap();
}

#[test]
fn only_a_peer_that_allows_it_gets_one() {
    let mut run = Run::calling(1, Some(OFFER));
    let (ticket, invite, _) = run.sent();
    run.answer(ticket, &invite, 200, "B", Some(ANSWER));
    assert!(run.act(|usage, cx, out| usage.update(cx, None, out)).is_err());
}

#[test]
fn before_the_final_answer_it_needs_a_reliable_one() {
    // RFC 3311 section 5.1, the caller's side.
    let mut run = Run::calling(1, Some(OFFER));
    let (ticket, invite, _) = run.sent();
    let allow = |builder: crate::sip::Builder<Response>| builder.field(HeaderName::Allow, "UPDATE");
    run.answer_with(ticket, &invite, 183, "B", Some(ANSWER), allow);
    run.said();
    assert_eq!(run.act(|usage, cx, out| usage.update(cx, Some(OFFER), out)), Err(InvitationError::ProposalPending));
    run.answer_with(ticket, &invite, 183, "B", Some(ANSWER), |builder| {
        allow(builder).field(HeaderName::Require, "100rel").field(HeaderName::RSeq, 1)
    });
    run.said();
    run.act(|usage, cx, out| usage.update(cx, Some(OFFER), out)).unwrap();
    // The peer's crosses it.
    run.said();
    assert_eq!(answered(update(&mut run, 1, Some(OFFER))).code(), 491);
}

#[test]
fn which_final_answers_end_the_call() {
    // RFC 5057 section 5.1.
    for code in 300..700 {
        let ends = matches!(code, 404 | 405 | 408 | 410 | 416 | 480..=485 | 489 | 501 | 502 | 604);
        let mut run = connected();
        run.act(|usage, cx, out| usage.update(cx, None, out)).unwrap();
        let (ticket, request, _) = run.sent();
        run.answer(ticket, &request, code, "B", None);
        let expected: &[&str] = if ends { &["UpdateAnswered", "BYE"] } else { &["UpdateAnswered"] };
        assert_eq!(words(&run.said()), expected, "{code}");
    }
    let mut run = connected();
    run.act(|usage, cx, out| usage.update(cx, None, out)).unwrap();
    let (ticket, ..) = run.sent();
    run.client_ended(ticket, End::Timeout);
    assert_eq!(words(&run.said()), ["UpdateAnswered", "BYE"]);
}
