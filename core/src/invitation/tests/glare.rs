//! Re-INVITEs that meet, or are refused (RFC 3261 section 14, RFC 5407 section 3.1, RFC 5057).

use super::*;

/// A call that both sides have confirmed; our tag.
fn connected() -> (Run, String) {
    let mut run = Run::called(Some(OFFER));
    run.act(|usage, cx, out| usage.accept(cx, Some(ANSWER), out)).unwrap();
    let tag = run.usage().dialog().unwrap().id().local_tag().to_string();
    ack(&mut run, 1, &tag);
    run.said();
    (run, tag)
}

fn ack(run: &mut Run, cseq: u32, tag: &str) {
    let id = run.usage().dialog().unwrap().id().clone();
    let ack = request("ACK", cseq, tag, None);
    run.act(|usage, cx, out| usage.acknowledged(cx, &id, &ack, out));
}

fn propose(run: &mut Run) -> (Ticket, Request) {
    run.act(|usage, cx, out| usage.propose(cx, Some((OFFER, &[])), out)).unwrap();
    let (ticket, invite, _) = run.sent();
    (ticket, invite)
}

#[test]
fn a_proposal_is_sent_acknowledged_and_told() {
    let (mut run, _) = connected();
    let (ticket, invite) = propose(&mut run);
    assert_eq!(run.usage().sub_state(), SubState::SentProposal);
    assert_eq!(run.act(|usage, cx, out| usage.propose(cx, None, out)), Err(InvitationError::ProposalPending));
    run.answer(ticket, &invite, 200, "A", Some(ANSWER));
    assert_eq!(words(&run.said()), ["ACK", "ProposalAnswered"]);
    run.answer(ticket, &invite, 200, "A", Some(ANSWER));
    assert_eq!(words(&run.said()), ["ACK again"]);
    assert_eq!(run.usage().sub_state(), SubState::Normal);
    // The next may follow while the transaction of the last lingers.
    let (second, again) = propose(&mut run);
    assert_ne!(ticket, second);
    assert_eq!(again.cseq().unwrap().number, invite.cseq().unwrap().number + 1);
}

#[test]
fn a_2xx_is_acknowledged_when_the_dialog_has_ended_too() {
    let (mut run, tag) = connected();
    let (first, invite) = propose(&mut run);
    run.answer(first, &invite, 200, "A", Some(ANSWER));
    run.act(|usage, cx, out| usage.propose(cx, None, out)).unwrap();
    let said = run.said();
    let Some(Output::Request { ticket: second, request: asking, .. }) = said.last() else { panic!("{said:?}") };
    run.receive(&request("BYE", 2, &tag, None));
    // The one that is under way is cancelled: if the peer does not refuse it, nobody waits for it for ever.
    assert_eq!(words(&run.said()), ["200", "CANCEL", "ended", "Ended"]);
    // The first 2xx comes again, and the one that crossed the BYE comes twice.
    run.answer(first, &invite, 200, "A", Some(ANSWER));
    run.answer(*second, asking, 180, "A", None);
    run.answer(*second, asking, 200, "A", Some(OFFER));
    run.answer(*second, asking, 200, "A", Some(OFFER));
    assert_eq!(words(&run.said()), ["ACK again", "ACK with answer", "ACK again"]);
    assert!(!run.usage().is_done());
    run.client_ended(first, End::Done);
    run.client_ended(*second, End::Done);
    assert!(run.said().is_empty() && run.usage().is_done());
}

#[test]
fn theirs_while_ours_waits_gets_491() {
    let (mut run, tag) = connected();
    let (ticket, invite) = propose(&mut run);
    run.receive(&request("INVITE", 2, &tag, Some(OFFER)));
    assert_eq!(words(&run.said()), ["491"]);
    run.answer(ticket, &invite, 491, "A", None);
    assert_eq!(words(&run.said()), ["ProposalAnswered"]);
    assert_eq!(run.usage().state(), State::Connected);
}

#[test]
fn a_second_one_while_the_first_waits_gets_500_with_retry_after() {
    let (mut run, tag) = connected();
    run.receive(&request("INVITE", 2, &tag, Some(OFFER)));
    assert_eq!(words(&run.said()), ["Proposal"]);
    assert_eq!(run.usage().sub_state(), SubState::ReceivedProposal);
    run.receive(&request("INVITE", 3, &tag, Some(OFFER)));
    let said = run.said();
    assert_eq!(words(&said), ["500"]);
    let Output::Respond { response, .. } = &said[0] else { panic!("{said:?}") };
    let after: u32 = response.text(crate::sip::HeaderName::RetryAfter).unwrap().unwrap().parse().unwrap();
    assert!(after <= 10);
    assert_eq!(run.act(|usage, cx, out| usage.propose(cx, None, out)), Err(InvitationError::ProposalPending));
}

#[test]
fn one_before_the_ack_of_the_first_depends_on_the_offer() {
    // The initial offer is answered: the re-INVITE can be considered (RFC 5407 section 3.1.4).
    let mut run = Run::called(Some(OFFER));
    run.act(|usage, cx, out| usage.accept(cx, Some(ANSWER), out)).unwrap();
    let tag = run.usage().dialog().unwrap().id().local_tag().to_string();
    run.said();
    run.receive(&request("INVITE", 2, &tag, Some(OFFER)));
    assert_eq!(words(&run.said()), ["Proposal"]);
    run.act(|usage, cx, out| usage.accept(cx, Some(ANSWER), out)).unwrap();
    assert_eq!(words(&run.said()), ["200"]);
    ack(&mut run, 2, &tag);
    ack(&mut run, 1, &tag);
    assert_eq!(words(&run.said()), ["Acknowledged", "Acknowledged"]);
    assert_eq!(run.usage().deadline(), None);
    // Our offer waits for the ACK with the answer: another offer is too early.
    let mut run = Run::called(None);
    run.act(|usage, cx, out| usage.accept(cx, Some(OFFER), out)).unwrap();
    let tag = run.usage().dialog().unwrap().id().local_tag().to_string();
    run.said();
    run.receive(&request("INVITE", 2, &tag, Some(OFFER)));
    assert_eq!(words(&run.said()), ["491"]);
}

#[test]
fn a_refused_proposal_leaves_the_call_as_it_is_unless_the_usage_is_gone() {
    for code in 300..700u16 {
        let (mut run, _) = connected();
        let (ticket, invite) = propose(&mut run);
        run.answer(ticket, &invite, code, "A", None);
        let said = words(&run.said());
        // RFC 5057 section 5.1: what ends the usage, or the dialog with it.
        let ends = matches!(code, 404 | 405 | 408 | 410 | 416 | 480..=485 | 489 | 501 | 502 | 604);
        if ends {
            assert_eq!(said, ["ProposalAnswered", "BYE"], "{code}");
        } else {
            assert_eq!(said, ["ProposalAnswered"], "{code}");
            assert_eq!(run.usage().state(), State::Connected);
        }
    }
}

#[test]
fn a_proposal_without_any_answer_ends_the_usage() {
    let (mut run, _) = connected();
    let (ticket, _) = propose(&mut run);
    run.client_ended(ticket, End::Timeout);
    assert_eq!(words(&run.said()), ["ProposalAnswered", "BYE"]);
}

#[test]
fn a_proposal_is_cancelled_both_ways() {
    let (mut run, tag) = connected();
    let (ticket, invite) = propose(&mut run);
    run.act(|usage, _, out| usage.cancel_proposal(out)).unwrap();
    assert!(run.act(|usage, _, out| usage.cancel_proposal(out)).is_err());
    assert_eq!(words(&run.said()), ["CANCEL"]);
    run.answer(ticket, &invite, 487, "A", None);
    assert_eq!(words(&run.said()), ["ProposalAnswered"]);
    run.client_ended(ticket, End::Done);
    let transaction = run.receive(&request("INVITE", 2, &tag, Some(OFFER)));
    let cancel = run.incoming(&request("CANCEL", 2, &tag, None));
    run.act(|usage, cx, out| usage.cancelled(cx, Some(transaction), &cancel, out));
    assert_eq!(words(&run.said()), ["Proposal", "200", "487", "ProposalCancelled"]);
    assert_eq!(run.usage().state(), State::Connected);
}

#[test]
fn ending_refuses_what_waits_and_a_bye_answers_it_with_487() {
    let (mut run, tag) = connected();
    run.receive(&request("INVITE", 2, &tag, Some(OFFER)));
    run.said();
    run.act(|usage, cx, out| usage.end(cx, None, out));
    assert_eq!(words(&run.said()), ["487", "BYE"]);
    let (mut run, tag) = connected();
    run.receive(&request("INVITE", 2, &tag, Some(OFFER)));
    run.said();
    run.receive(&request("BYE", 3, &tag, None));
    assert_eq!(words(&run.said()), ["200", "487", "ended", "Ended"]);
}

#[test]
fn a_target_refresh_moves_later_requests() {
    let (mut run, _) = connected();
    let (ticket, invite) = propose(&mut run);
    run.answer(ticket, &invite, 200, "A", Some(ANSWER));
    run.said();
    let (_, second) = propose(&mut run);
    assert_eq!(second.uri_text(), "sip:A@192.0.2.4");
}
