//! The side that took the INVITE.

use super::*;

fn tag(run: &Run) -> String {
    run.usage().dialog().unwrap().id().local_tag().to_string()
}

/// A call that we accepted and the peer has acknowledged.
fn connected() -> Run {
    let mut run = Run::called(Some(OFFER));
    run.act(|usage, cx, out| usage.accept(cx, Some(ANSWER), out)).unwrap();
    let tag = tag(&run);
    acknowledge(&mut run, &request("ACK", 1, &tag, None));
    run.said();
    assert_eq!(run.usage().state(), State::Connected);
    run
}

fn acknowledge(run: &mut Run, ack: &Request) {
    let id = run.usage().dialog().unwrap().id().clone();
    run.act(|usage, cx, out| usage.acknowledged(cx, &id, ack, out));
}

fn seconds(times: &[Duration]) -> Vec<f64> {
    times.iter().map(Duration::as_secs_f64).collect()
}

#[test]
fn the_2xx_is_repeated_until_the_ack() {
    let mut run = Run::called(Some(OFFER));
    run.act(|usage, cx, out| usage.accept(cx, Some(ANSWER), out)).unwrap();
    assert_eq!(words(&run.said()), ["began", "200"]);
    // T1, doubling to T2 (IST-7).
    assert_eq!(seconds(&run.pass(Duration::from_secs(12))), [0.5, 1.5, 3.5, 7.5, 11.5]);
    assert_eq!(words(&run.said()), ["200 again"; 5]);
    let tag = tag(&run);
    acknowledge(&mut run, &request("ACK", 1, &tag, None));
    assert_eq!(words(&run.said()), ["Acknowledged"]);
    assert_eq!(run.usage().deadline(), None);
    // A repeated ACK is nothing new.
    acknowledge(&mut run, &request("ACK", 1, &tag, None));
    assert!(run.said().is_empty());
}

#[test]
fn without_an_ack_a_bye_ends_it_after_64_t1() {
    let mut run = Run::called(Some(OFFER));
    run.act(|usage, cx, out| usage.accept(cx, Some(ANSWER), out)).unwrap();
    run.said();
    let woken = seconds(&run.pass(Duration::from_secs(60)));
    assert_eq!(woken.last(), Some(&32.0));
    let said = run.said();
    assert_eq!(words(&said[said.len() - 2..]), ["NotAcknowledged", "BYE"]);
    let Some(Output::Request { ticket, request, .. }) = said.last() else { panic!("{said:?}") };
    assert!(request.text(crate::sip::HeaderName::Reason).unwrap().unwrap().contains("Missing ACK"));
    let ticket = *ticket;
    run.client_ended(ticket, End::Timeout);
    assert_eq!(words(&run.said()), ["ended", "Ended"]);
    assert!(run.usage().is_done());
}

#[test]
fn ringing_is_repeated_each_minute() {
    let mut run = Run::called(Some(OFFER));
    run.act(|usage, cx, out| usage.provisional(cx, 180, None, out)).unwrap();
    assert_eq!(run.usage().state(), State::Early);
    assert_eq!(words(&run.said()), ["began", "180"]);
    assert_eq!(seconds(&run.pass(Duration::from_secs(150))), [60.0, 120.0]);
    assert_eq!(words(&run.said()), ["180 again"; 2]);
}

#[test]
fn all_responses_carry_one_tag() {
    let mut run = Run::called(Some(OFFER));
    run.act(|usage, cx, out| usage.provisional(cx, 180, None, out)).unwrap();
    run.act(|usage, cx, out| usage.provisional(cx, 183, Some(ANSWER), out)).unwrap();
    run.act(|usage, cx, out| usage.accept(cx, Some(ANSWER), out)).unwrap();
    let tag = tag(&run);
    for output in run.said() {
        if let Output::Respond { response, .. } = output {
            assert_eq!(response.to().unwrap().tag(), Some(tag.as_str()));
            assert_eq!(response.cseq().unwrap().number, 1);
        }
    }
}

#[test]
fn a_refusal_is_done_when_it_is_acknowledged_or_given_up() {
    for acknowledged in [true, false] {
        let mut run = Run::called(Some(OFFER));
        run.act(|usage, cx, out| usage.reject(cx, 486, Some("Not now"), &[], out)).unwrap();
        assert_eq!(words(&run.said()), ["began", "486"]);
        assert_eq!(run.usage().state(), State::Disconnecting);
        let transaction = TransactionId::from_u64(1);
        if acknowledged {
            run.act(|usage, _, out| usage.refusal_acknowledged(transaction, out));
        } else {
            run.act(|usage, _, out| usage.server_ended(transaction, &End::NoAck, out));
        }
        let said = run.said();
        assert_eq!(words(&said), ["ended", "RefusalDone"]);
        let Output::Event(Event::RefusalDone { acknowledged: told }) = &said[1] else { panic!("{said:?}") };
        assert_eq!(*told, acknowledged);
        assert!(run.usage().is_done());
        run.act(|usage, _, out| usage.server_ended(transaction, &End::Done, out));
        assert!(run.said().is_empty());
    }
}

#[test]
fn a_cancel_before_the_answer_refuses_with_487() {
    for ringing in [false, true] {
        let mut run = Run::called(Some(OFFER));
        if ringing {
            run.act(|usage, cx, out| usage.provisional(cx, 180, None, out)).unwrap();
        }
        run.said();
        let cancel = run.incoming(&request("CANCEL", 1, "", None));
        run.act(|usage, cx, out| usage.cancelled(cx, Some(TransactionId::from_u64(1)), &cancel, out));
        assert_eq!(words(&run.said()), ["200", "487", "ended", "Cancelled"]);
        assert!(!run.usage().is_done());
        run.act(|usage, _, out| usage.refusal_acknowledged(TransactionId::from_u64(1), out));
        assert!(run.usage().is_done());
    }
}

#[test]
fn a_cancel_after_the_answer_changes_nothing() {
    let mut run = Run::called(Some(OFFER));
    run.act(|usage, cx, out| usage.accept(cx, Some(ANSWER), out)).unwrap();
    run.said();
    let cancel = run.incoming(&request("CANCEL", 1, "", None));
    run.act(|usage, cx, out| usage.cancelled(cx, Some(TransactionId::from_u64(1)), &cancel, out));
    assert_eq!(words(&run.said()), ["200"]);
    assert_eq!(run.usage().state(), State::Connecting);
}

#[test]
fn the_bye_waits_for_the_ack_of_our_2xx() {
    for ack_comes in [true, false] {
        let mut run = Run::called(Some(OFFER));
        run.act(|usage, cx, out| usage.accept(cx, Some(ANSWER), out)).unwrap();
        run.said();
        run.act(|usage, cx, out| usage.end(cx, None, out));
        assert!(run.said().is_empty(), "DLG-13");
        assert_eq!(run.usage().state(), State::Disconnecting);
        if ack_comes {
            let tag = tag(&run);
            acknowledge(&mut run, &request("ACK", 1, &tag, None));
        } else {
            run.pass(Duration::from_secs(33));
        }
        let (bye, ..) = run.sent();
        run.client_ended(bye, End::Done);
        assert!(run.usage().is_done());
    }
}

#[test]
fn a_bye_before_the_ack_ends_it() {
    let mut run = Run::called(Some(OFFER));
    run.act(|usage, cx, out| usage.accept(cx, Some(ANSWER), out)).unwrap();
    run.said();
    let tag = tag(&run);
    run.receive(&request("BYE", 2, &tag, None));
    assert_eq!(words(&run.said()), ["200", "ended", "Ended"]);
    assert!(run.usage().is_done());
}

#[test]
fn a_bye_of_an_early_dialog_cancels_it() {
    let mut run = Run::called(Some(OFFER));
    run.act(|usage, cx, out| usage.provisional(cx, 180, None, out)).unwrap();
    run.said();
    let tag = tag(&run);
    run.receive(&request("BYE", 2, &tag, None));
    assert_eq!(words(&run.said()), ["200", "487", "ended", "Cancelled"]);
}

#[test]
fn our_offer_in_the_2xx_is_answered_by_the_ack() {
    let mut run = Run::called(None);
    run.act(|usage, cx, out| usage.accept(cx, Some(OFFER), out)).unwrap();
    run.said();
    let tag = tag(&run);
    acknowledge(&mut run, &request("ACK", 1, &tag, Some(ANSWER)));
    let events = run.events();
    let description = Some(Description::Answer(Bytes::from_static(ANSWER)));
    assert_eq!(events, [Event::Acknowledged { awaited: true, description }]);
}

#[test]
fn a_lower_number_is_refused_and_an_unknown_dialog_too() {
    let mut run = connected();
    let tag = tag(&run);
    run.receive(&request("BYE", 0, &tag, None));
    assert_eq!(words(&run.said()), ["500"]);
    run.receive(&request("BYE", 9, "other", None));
    assert_eq!(words(&run.said()), ["481"]);
    assert_eq!(run.usage().state(), State::Connected);
}

#[test]
fn wrong_calls_are_refused_and_change_nothing() {
    let mut run = connected();
    assert!(run.act(|usage, cx, out| usage.accept(cx, Some(ANSWER), out)).is_err());
    assert!(run.act(|usage, cx, out| usage.reject(cx, 486, None, &[], out)).is_err());
    assert!(run.act(|usage, cx, out| usage.provisional(cx, 180, None, out)).is_err());
    assert!(run.act(|usage, _, out| usage.cancel_proposal(out)).is_err());
    assert!(run.said().is_empty());
}
