//! Provisional responses that are sure to arrive (RFC 3262, the PRK properties).

use super::*;
use crate::sip::{HeaderName, RAck, RSeq};

/// An INVITE that says this about 100rel.
fn invited(headers: &str, offer: Option<&[u8]>) -> Run {
    let mut run = Run::new();
    let plain = request("INVITE", 1, "", offer);
    let text = String::from_utf8(plain.bytes().to_vec()).unwrap();
    let text = text.replacen("Contact:", &format!("{headers}Contact:"), 1);
    let Message::Request(request) = Message::parse(text.into(), &crate::limits::Limits::default()).unwrap() else {
        unreachable!("a request was written")
    };
    let incoming = run.incoming(&request);
    let contact = Uri::parse(&Text::from("sip:bob@192.0.2.4")).unwrap();
    let (usage, _) = run.with(|cx, out| Invitation::incoming(cx, incoming, contact, out)).unwrap();
    run.usage = Some(usage);
    run.said();
    run
}

const SUPPORTED: &str = "Supported: timer, 100rel\r\n";
const REQUIRED: &str = "Require: 100rel\r\n";

fn ring(run: &mut Run, code: u16, body: Option<&[u8]>) -> Option<Response> {
    run.act(|usage, cx, out| usage.provisional(cx, code, body, out)).unwrap();
    response(run.said())
}

fn response(said: Vec<Output>) -> Option<Response> {
    said.into_iter().find_map(|output| match output {
        Output::Respond { response, .. } => Some(response),
        _ => None,
    })
}

fn rseq(response: &Response) -> u32 {
    assert!(response.requires().flatten().any(|option| option.is("100rel")), "{response:?}");
    response.get::<RSeq>().unwrap().unwrap().0
}

/// A PRACK with this RAck, and the words that follow.
fn prack(run: &mut Run, cseq: u32, rack: &str, body: Option<&[u8]>) -> Vec<Output> {
    let tag = run.usage().dialog().unwrap().id().local_tag().to_string();
    let plain = request("PRACK", cseq, &tag, body);
    let text = String::from_utf8(plain.bytes().to_vec()).unwrap();
    let text = text.replacen("Contact:", &format!("RAck: {rack}\r\nContact:"), 1);
    let Message::Request(request) = Message::parse(text.into(), &crate::limits::Limits::default()).unwrap() else {
        unreachable!("a request was written")
    };
    run.receive(&request);
    run.said()
}

fn seconds(times: &[Duration]) -> Vec<f64> {
    times.iter().map(Duration::as_secs_f64).collect()
}

#[test]
fn only_where_the_invite_lists_it() {
    // PRK-1.
    for (headers, body, reliable) in [
        ("", None, false),
        ("", Some(ANSWER), false),
        (SUPPORTED, None, false),
        (SUPPORTED, Some(ANSWER), true),
        (REQUIRED, None, true),
        (REQUIRED, Some(ANSWER), true),
    ] {
        let mut run = invited(headers, Some(OFFER));
        let response = ring(&mut run, 183, body).unwrap();
        assert_eq!(response.has(HeaderName::RSeq), reliable, "{headers} {body:?}");
        assert_eq!(response.has(HeaderName::Require), reliable, "{headers} {body:?}");
    }
    let mut run = invited(SUPPORTED, Some(OFFER));
    run.config.reliable_provisionals = true;
    assert!(ring(&mut run, 180, None).unwrap().has(HeaderName::RSeq));
}

#[test]
fn the_first_reliable_response_to_an_invite_without_an_offer_carries_one() {
    // RFC 3262 section 5: without one it is unreliable, or not sent at all.
    let mut run = invited(SUPPORTED, None);
    run.config.reliable_provisionals = true;
    assert!(!ring(&mut run, 180, None).unwrap().has(HeaderName::RSeq));
    assert!(ring(&mut invited(REQUIRED, None), 180, None).is_none());

    let mut run = invited(REQUIRED, None);
    let number = rseq(&ring(&mut run, 183, Some(OFFER)).unwrap());
    // The answer comes in the PRACK.
    let said = prack(&mut run, 2, &format!("{number} 1 INVITE"), Some(ANSWER));
    assert_eq!(words(&said), ["200", "ProvisionalAnswered"]);
    let answer = Some(Description::Answer(Bytes::from_static(ANSWER)));
    assert!(said.iter().any(
        |output| matches!(output, Output::Event(Event::ProvisionalAnswered { description }) if *description == answer)
    ));
    // Nothing is left to describe.
    run.act(|usage, cx, out| usage.accept(cx, None, out)).unwrap();
    assert!(response(run.said()).unwrap().body().is_empty());
}

#[test]
fn it_is_repeated_without_a_cap_until_the_prack() {
    // PRK-3, and PRK-4: T1, doubling, with no T2.
    let mut run = invited(REQUIRED, Some(OFFER));
    let number = rseq(&ring(&mut run, 180, None).unwrap());
    assert!((1..=0x7fff_ffff).contains(&number));
    assert_eq!(seconds(&run.pass(Duration::from_secs(20))), [0.5, 1.5, 3.5, 7.5, 15.5]);
    assert_eq!(words(&run.said()), ["180 again"; 5]);
    for wrong in [format!("{} 1 INVITE", number + 1), format!("{number} 2 INVITE"), format!("{number} 1 UPDATE")] {
        assert_eq!(words(&prack(&mut run, 2, &wrong, None)), ["481"], "{wrong}");
    }
    assert_eq!(words(&prack(&mut run, 2, "x", None)), ["400"]);
    assert_eq!(words(&prack(&mut run, 3, &format!("{number} 1 INVITE"), None)), ["200"]);
    assert!(run.pass(Duration::from_secs(100)).is_empty());
    // It is no longer unacknowledged.
    assert_eq!(words(&prack(&mut run, 4, &format!("{number} 1 INVITE"), None)), ["481"]);
}

#[test]
fn without_a_prack_the_invite_is_refused() {
    let mut run = invited(REQUIRED, Some(OFFER));
    ring(&mut run, 180, None);
    assert_eq!(seconds(&run.pass(Duration::from_secs(60))), [0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 32.0]);
    let said = run.said();
    assert_eq!(words(&said[said.len() - 2..]), ["504", "ProvisionalNotAcknowledged"]);
    assert_eq!(run.usage().state(), State::Disconnecting);
}

#[test]
fn one_that_was_overtaken_acknowledges_all_the_same() {
    let mut run = invited(SUPPORTED, Some(OFFER));
    let first = ring(&mut run, 183, Some(ANSWER)).unwrap();
    run.act(|usage, cx, out| usage.accept(cx, None, out)).unwrap();
    assert!(run.said().is_empty(), "the 2xx waits");
    let tag = run.usage().dialog().unwrap().id().local_tag().to_string();
    run.receive(&request("UPDATE", 5, &tag, None));
    run.said();
    // Its number is too low now, which its answer says; the INVITE goes on.
    assert_eq!(words(&prack(&mut run, 4, "9 1 INVITE", None)), ["500"]);
    let said = prack(&mut run, 4, &format!("{} 1 INVITE", rseq(&first)), None);
    assert_eq!(words(&said), ["500", "200"]);
}

#[test]
fn one_at_a_time_and_numbered_by_one() {
    // PRK-2.
    let mut run = invited(REQUIRED, Some(OFFER));
    let first = rseq(&ring(&mut run, 180, None).unwrap());
    assert!(ring(&mut run, 183, None).is_none());
    assert!(ring(&mut run, 182, None).is_none());
    let said = prack(&mut run, 2, &format!("{first} 1 INVITE"), None);
    assert_eq!(words(&said), ["200", "183"]);
    let last = said.into_iter().rev().find_map(|output| response(vec![output])).unwrap();
    assert_eq!(rseq(&last), first + 1);
    assert_eq!(words(&prack(&mut run, 3, &format!("{} 1 INVITE", first + 1), None)), ["200", "182"]);
}

#[test]
fn ringing_goes_on_by_new_ones() {
    // Every two and a half minutes, numbered on (RFC 3262 section 3).
    let mut run = invited(REQUIRED, Some(OFFER));
    let first = rseq(&ring(&mut run, 180, None).unwrap());
    prack(&mut run, 2, &format!("{first} 1 INVITE"), None);
    assert_eq!(seconds(&run.pass(Duration::from_secs(150))), [150.0]);
    let again = response(run.said()).unwrap();
    assert_eq!((again.code(), rseq(&again)), (180, first + 1));
}

#[test]
fn the_2xx_waits_for_what_was_described() {
    // PRK-6: not while a description is unacknowledged; what it said is not said again.
    let mut run = invited(SUPPORTED, Some(OFFER));
    let number = rseq(&ring(&mut run, 183, Some(ANSWER)).unwrap());
    run.act(|usage, cx, out| usage.accept(cx, Some(ANSWER), out)).unwrap();
    assert!(run.said().is_empty());
    assert_eq!(run.usage().state(), State::Early);
    assert!(run.act(|usage, cx, out| usage.accept(cx, Some(ANSWER), out)).is_err());
    let said = prack(&mut run, 2, &format!("{number} 1 INVITE"), None);
    assert_eq!(words(&said), ["200", "200"]);
    let last = said.into_iter().rev().find_map(|output| response(vec![output])).unwrap();
    assert!(last.body().is_empty());
    assert_eq!((last.cseq().unwrap().method, run.usage().state()), (Method::Invite, State::Connecting));
}

#[test]
fn without_a_description_the_2xx_does_not_wait() {
    let mut run = invited(REQUIRED, Some(OFFER));
    let number = rseq(&ring(&mut run, 180, None).unwrap());
    ring(&mut run, 183, None);
    run.act(|usage, cx, out| usage.accept(cx, Some(ANSWER), out)).unwrap();
    assert_eq!(words(&run.said()), ["200"]);
    // Only the 2xx is repeated now, and a PRACK that comes late is answered, once.
    assert_eq!(seconds(&run.pass(Duration::from_secs(2))), [0.5, 1.5]);
    assert_eq!(words(&run.said()), ["200 again"; 2]);
    assert_eq!(words(&prack(&mut run, 2, &format!("{number} 1 INVITE"), None)), ["200"]);
    assert_eq!(words(&prack(&mut run, 3, &format!("{number} 1 INVITE"), None)), ["481"]);
}

#[test]
fn while_the_2xx_waits_the_call_can_end() {
    let mut run = invited(SUPPORTED, Some(OFFER));
    ring(&mut run, 183, Some(ANSWER));
    run.act(|usage, cx, out| usage.accept(cx, Some(ANSWER), out)).unwrap();
    run.act(|usage, cx, out| usage.end(cx, None, out));
    assert_eq!(words(&run.said()), ["603"]);
    assert!(run.pass(Duration::from_secs(60)).is_empty());
}

#[test]
fn an_offer_in_a_prack_is_answered_in_its_2xx() {
    let mut run = invited(SUPPORTED, Some(OFFER));
    let number = rseq(&ring(&mut run, 183, Some(ANSWER)).unwrap());
    run.act(|usage, cx, out| usage.accept(cx, None, out)).unwrap();
    let said = prack(&mut run, 2, &format!("{number} 1 INVITE"), Some(OFFER));
    // The 2xx to the INVITE has nothing to do with that answer.
    assert_eq!(words(&said), ["Offered", "200"]);
    run.act(|usage, cx, out| usage.accept_offer(cx, ANSWER, out)).unwrap();
    let response = response(run.said()).unwrap();
    assert_eq!((response.cseq().unwrap().method, &response.body()[..]), (Method::Prack, ANSWER));
}

#[test]
fn an_offer_in_a_prack_cannot_be_refused() {
    // RFC 6337 section 2.3: its answer refuses the streams.
    let mut run = invited(SUPPORTED, Some(OFFER));
    let number = rseq(&ring(&mut run, 183, Some(ANSWER)).unwrap());
    prack(&mut run, 2, &format!("{number} 1 INVITE"), Some(OFFER));
    run.act(|usage, cx, out| usage.refuse_offer(cx, 488, &[], out)).unwrap();
    let response = response(run.said()).unwrap();
    assert_eq!(response.code(), 200);
    assert!(String::from_utf8_lossy(&response.body()).contains("m=audio 0 "), "{response:?}");
}

/// A reliable provisional response to our INVITE.
fn rung(run: &mut Run, ticket: Ticket, invite: &Request, code: u16, tag: &str, rseq: u32, body: Option<&[u8]>) {
    run.answer_with(ticket, invite, code, tag, body, |builder| {
        builder.field(HeaderName::Require, "100rel").field(HeaderName::RSeq, rseq)
    });
}

fn racks(said: &[Output]) -> Vec<(Ticket, String)> {
    let rack = |request: &Request| request.get::<RAck>().unwrap().unwrap().to_string();
    said.iter()
        .filter_map(|output| match output {
            Output::Request { ticket, request, .. } if *request.method() == Method::Prack => {
                Some((*ticket, rack(request)))
            }
            _ => None,
        })
        .collect()
}

#[test]
fn every_reliable_response_in_order_is_acknowledged_once() {
    // PRK-5.
    let mut run = Run::calling(1, Some(OFFER));
    let (ticket, invite, _) = run.sent();
    assert!(invite.supports("100rel") && !invite.has(HeaderName::Require));
    let cseq = invite.cseq().unwrap().number;
    rung(&mut run, ticket, &invite, 180, "B", 7, None);
    let said = run.said();
    assert_eq!(words(&said), ["began", "PRACK", "Provisional"]);
    assert_eq!(racks(&said)[0].1, format!("7 {cseq} INVITE"));
    let Output::Request { request, .. } = &said[1] else { panic!("{said:?}") };
    assert_eq!(
        (request.cseq().unwrap().number, request.uri().unwrap().to_string()),
        (cseq + 1, "sip:B@192.0.2.4".into())
    );
    // The same again, one from the past, and a gap.
    for rseq in [7, 6, 9] {
        rung(&mut run, ticket, &invite, 183, "B", rseq, None);
        assert!(run.said().is_empty(), "{rseq}");
    }
    rung(&mut run, ticket, &invite, 183, "B", 8, None);
    assert_eq!(words(&run.said()), ["PRACK", "Provisional"]);
    // Another fork counts for itself.
    rung(&mut run, ticket, &invite, 180, "C", 100, None);
    assert_eq!(words(&run.said()), ["began", "PRACK", "Provisional"]);
}

#[test]
fn what_cannot_be_acknowledged_is_not_processed() {
    let mut run = Run::calling(1, Some(OFFER));
    let (ticket, invite, _) = run.sent();
    run.answer_with(ticket, &invite, 180, "B", None, |builder| builder.field(HeaderName::Require, "100rel"));
    rung(&mut run, ticket, &invite, 180, "", 7, None);
    rung(&mut run, ticket, &invite, 100, "B", 7, None);
    assert!(run.said().is_empty());
    assert_eq!(run.usage().state(), State::Outgoing);
}

#[test]
fn its_description_is_the_answer_and_the_2xx_has_none() {
    let mut run = Run::calling(1, Some(OFFER));
    let (ticket, invite, _) = run.sent();
    let description = |events: Vec<Event>| match &events[0] {
        Event::Provisional { description, .. } | Event::Accepted { description, .. } => description.clone(),
        other => panic!("{other:?}"),
    };
    run.answer(ticket, &invite, 183, "B", Some(ANSWER));
    assert_eq!(description(run.events()), Some(Description::Preview(Bytes::from_static(ANSWER))));
    rung(&mut run, ticket, &invite, 183, "B", 1, Some(ANSWER));
    assert_eq!(description(run.events()), Some(Description::Answer(Bytes::from_static(ANSWER))));
    // Whatever is said after the answer is not one (OA-2).
    rung(&mut run, ticket, &invite, 183, "B", 2, Some(ANSWER));
    assert_eq!(description(run.events()), None);
    run.answer(ticket, &invite, 200, "B", Some(ANSWER));
    assert_eq!(description(run.events()), None);
}

#[test]
fn an_offer_in_it_is_answered_in_the_prack() {
    let mut run = Run::calling(1, None);
    let (ticket, invite, _) = run.sent();
    rung(&mut run, ticket, &invite, 183, "B", 5, Some(OFFER));
    assert_eq!(words(&run.said()), ["began", "Provisional"]);
    let dialog = run.usage().dialogs().next().unwrap().clone();
    // What else is said in the dialog, or in another, brings out no PRACK without an answer.
    run.answer(ticket, &invite, 180, "B", None);
    assert_eq!(words(&run.said()), ["Provisional"]);
    rung(&mut run, ticket, &invite, 183, "C", 7, Some(OFFER));
    assert_eq!(words(&run.said()), ["began", "Provisional"]);
    run.act(|usage, cx, out| usage.acknowledge_provisional(cx, &dialog, ANSWER, out)).unwrap();
    let (_, prack, _) = run.sent();
    assert_eq!(prack.to().unwrap().tag(), Some("B"));
    assert_eq!((prack.method(), &prack.body()[..]), (&Method::Prack, ANSWER));
    // Once.
    assert!(run.act(|usage, cx, out| usage.acknowledge_provisional(cx, &dialog, ANSWER, out)).is_err());
    run.answer(ticket, &invite, 200, "B", None);
    assert_eq!(words(&run.said()), ["ended", "ACK", "Accepted"]);
}

#[test]
fn a_prack_that_fails_ends_its_early_dialog() {
    // RFC 5057 section 5.1: which final codes do.
    for code in 300..700 {
        let ends = matches!(code, 404 | 405 | 408 | 410 | 416 | 480..=485 | 489 | 501 | 502 | 604);
        let mut run = Run::calling(1, Some(OFFER));
        let (ticket, invite, _) = run.sent();
        rung(&mut run, ticket, &invite, 180, "B", 1, None);
        let said = run.said();
        let Output::Request { ticket: prack, request, .. } = &said[1] else { panic!("{said:?}") };
        run.answer(*prack, request, code, "B", None);
        let expected: &[&str] = if ends { &["CANCEL"] } else { &[] };
        assert_eq!(words(&run.said()), expected, "{code}");
        run.client_ended(*prack, End::Done);
        run.answer(ticket, &invite, 487, "B", None);
        let events = run.events();
        let Some(Event::Refused { cause, .. }) = events.last() else { panic!("{events:?}") };
        assert_eq!(cause.code, Some(if ends { code } else { 487 }));
    }
}

#[test]
fn one_fork_may_fail_alone() {
    let mut run = Run::calling(1, Some(OFFER));
    let (ticket, invite, _) = run.sent();
    rung(&mut run, ticket, &invite, 180, "B", 1, None);
    let said = run.said();
    let Output::Request { ticket: prack, request, .. } = &said[1] else { panic!("{said:?}") };
    let number = request.cseq().unwrap().number;
    run.answer(ticket, &invite, 180, "C", None);
    run.said();
    run.client_ended(*prack, End::Timeout);
    assert_eq!(words(&run.said()), ["ended"]);
    // It may be heard of once more.
    run.answer(ticket, &invite, 180, "B", None);
    assert_eq!(words(&run.said()), ["began", "Provisional"]);
    run.answer(ticket, &invite, 200, "C", Some(ANSWER));
    assert_eq!(words(&run.said()), ["ended", "ACK", "Accepted"]);
    assert!(run.usage().dialog().is_some_and(|dialog| dialog.id().remote_tag() == "C"));
    // It accepts all the same: it is ended by a BYE whose number goes on.
    run.answer(ticket, &invite, 200, "B", Some(ANSWER));
    let said = run.said();
    let Some(Output::Request { request: bye, .. }) = said.last() else { panic!("{said:?}") };
    assert_eq!((bye.method(), bye.cseq().unwrap().number), (&Method::Bye, number + 1));
}
