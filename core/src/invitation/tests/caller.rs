//! The side that sent the INVITE.

use super::*;
use crate::cause::By;
use crate::transport::CloseCause;

/// A call that fork `b` has accepted; its INVITE.
fn connected() -> (Run, Ticket, Request) {
    let mut run = Run::calling(1, Some(OFFER));
    let (ticket, invite, _) = run.sent();
    run.answer(ticket, &invite, 200, "b", Some(ANSWER));
    assert_eq!(words(&run.said()), ["began", "ACK", "Accepted"]);
    assert_eq!(run.usage().state(), State::Connected);
    (run, ticket, invite)
}

#[test]
fn each_2xx_is_acknowledged_again_and_told_once() {
    let (mut run, ticket, invite) = connected();
    for _ in 0..3 {
        run.answer(ticket, &invite, 200, "b", Some(ANSWER));
        assert_eq!(words(&run.said()), ["ACK again"]);
    }
}

#[test]
fn provisional_responses_make_early_dialogs() {
    let mut run = Run::calling(1, Some(OFFER));
    let (ticket, invite, _) = run.sent();
    run.answer(ticket, &invite, 100, "", None);
    assert_eq!(run.usage().state(), State::Outgoing);
    run.answer(ticket, &invite, 180, "b", None);
    run.answer(ticket, &invite, 183, "c", Some(ANSWER));
    run.answer(ticket, &invite, 180, "b", None);
    assert_eq!(words(&run.said()), ["began", "Provisional", "began", "Provisional", "Provisional"]);
    assert_eq!(run.usage().state(), State::Early);
    // The answer of one ends the other.
    run.answer(ticket, &invite, 200, "c", Some(ANSWER));
    assert_eq!(words(&run.said()), ["ended", "ACK", "Accepted"]);
    assert_eq!(run.usage().dialog().unwrap().id().remote_tag(), "c");
}

#[test]
fn a_fork_bomb_makes_no_more_dialogs_than_the_limit() {
    let mut run = Run::calling(1, Some(OFFER));
    let (ticket, invite, _) = run.sent();
    for fork in 0..1000 {
        run.answer(ticket, &invite, 180, &format!("t{fork}"), None);
    }
    let began = words(&run.said()).into_iter().filter(|word| word == "began").count();
    assert_eq!(began, run.config.limits.forks);
}

#[test]
fn another_fork_is_acknowledged_and_ended() {
    let (mut run, ticket, invite) = connected();
    run.answer(ticket, &invite, 200, "other", Some(ANSWER));
    let said = run.said();
    assert_eq!(words(&said), ["ACK", "BYE"]);
    let Output::Request { ticket: bye, request, .. } = &said[1] else { panic!("{said:?}") };
    assert_eq!(request.to().unwrap().tag(), Some("other"));
    let (bye, request) = (*bye, request.clone());
    run.answer(ticket, &invite, 200, "other", Some(ANSWER));
    assert_eq!(words(&run.said()), ["ACK again"]);
    run.answer(bye, &request, 200, "other", None);
    run.client_ended(bye, End::Done);
    assert!(run.said().is_empty());
    assert_eq!(run.usage().state(), State::Connected);
}

#[test]
fn numbers_go_on_in_an_early_dialog_whose_2xx_comes_late() {
    let mut run = Run::calling(1, Some(OFFER));
    let (ticket, invite, _) = run.sent();
    let reliable = |builder: crate::sip::Builder<Response>| {
        builder.field(crate::sip::HeaderName::Require, "100rel").field(crate::sip::HeaderName::RSeq, 1)
    };
    run.answer_with(ticket, &invite, 180, "b", None, reliable);
    let (_, prack, _) = run.sent();
    run.answer(ticket, &invite, 200, "c", Some(ANSWER));
    run.said();
    run.answer(ticket, &invite, 200, "b", Some(ANSWER));
    let (_, bye, _) = run.sent();
    assert_eq!(*bye.method(), Method::Bye);
    assert_eq!(bye.cseq().unwrap().number, prack.cseq().unwrap().number + 1);

    // The same where the call is over before.
    let mut run = Run::calling(1, Some(OFFER));
    let (ticket, invite, _) = run.sent();
    run.answer_with(ticket, &invite, 180, "b", None, reliable);
    let (_, prack, _) = run.sent();
    run.act(|usage, cx, out| usage.end(cx, None, out));
    run.answer(ticket, &invite, 200, "c", Some(ANSWER));
    let (bye, request) = run
        .said()
        .into_iter()
        .find_map(|output| match output {
            Output::Request { ticket, request, .. } => Some((ticket, request)),
            _ => None,
        })
        .unwrap();
    run.answer(bye, &request, 200, "c", None);
    run.said();
    run.answer(ticket, &invite, 200, "b", Some(ANSWER));
    let (_, bye, _) = run.sent();
    assert_eq!(bye.cseq().unwrap().number, prack.cseq().unwrap().number + 1);
}

#[test]
fn a_refusal_ends_all_early_dialogs() {
    let mut run = Run::calling(1, Some(OFFER));
    let (ticket, invite, _) = run.sent();
    run.answer(ticket, &invite, 180, "b", None);
    run.answer(ticket, &invite, 180, "c", None);
    run.said();
    run.answer(ticket, &invite, 486, "b", None);
    let said = run.said();
    assert_eq!(words(&said), ["ended", "ended", "Refused"]);
    let Output::Event(Event::Refused { cause, answered: true, .. }) = &said[2] else { panic!("{said:?}") };
    assert_eq!((cause.by, cause.code), (By::Remote, Some(486)));
    assert!(!run.usage().is_done());
    run.client_ended(ticket, End::Done);
    assert!(run.usage().is_done());
}

#[test]
fn a_redirection_tells_its_contacts() {
    let mut run = Run::calling(1, Some(OFFER));
    let (ticket, invite, _) = run.sent();
    run.answer(ticket, &invite, 302, "b", None);
    let events = run.events();
    let [Event::Refused { contacts, .. }] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(contacts, &["<sip:b@192.0.2.4>"]);
}

#[test]
fn the_next_route_is_tried_as_design_decision_1_says() {
    // What came from the first route, and whether the second is tried.
    let silent: &[(&[u16], End, bool)] = &[
        (&[], End::Timeout, true),
        (&[100], End::Timeout, false),
        (&[180], End::Timeout, false),
        (&[], End::TransportFailed(CloseCause::Refused), true),
        (&[100], End::TransportFailed(CloseCause::Reset), true),
        (&[180], End::TransportFailed(CloseCause::Reset), false),
    ];
    for (heard, end, moves_on) in silent {
        let mut run = Run::calling(2, Some(OFFER));
        let (ticket, invite, _) = run.sent();
        for code in *heard {
            run.answer(ticket, &invite, *code, "b", None);
        }
        run.said();
        run.client_ended(ticket, end.clone());
        assert_eq!(run.usage().state() == State::Outgoing, *moves_on, "{heard:?} {end:?}");
    }
    for (code, moves_on) in [(503, true), (486, false), (500, false), (603, false), (408, false)] {
        for provisional in [None, Some(180)] {
            let mut run = Run::calling(2, Some(OFFER));
            let (ticket, invite, hop) = run.sent();
            if let Some(provisional) = provisional {
                run.answer(ticket, &invite, provisional, "b", None);
            }
            run.said();
            run.answer(ticket, &invite, code, "b", None);
            if !moves_on {
                assert_eq!(run.usage().state(), State::Disconnected, "{code}");
                continue;
            }
            let (second, again, next) = run.sent();
            assert_ne!(second, ticket);
            assert_ne!(next, hop);
            // The same request but for the Via, which is not there yet.
            assert_eq!(again.bytes(), invite.bytes());
            run.client_ended(ticket, End::Done);
            run.answer(second, &again, 200, "b", Some(ANSWER));
            assert_eq!(run.usage().state(), State::Connected);
        }
    }
}

#[test]
fn the_last_route_fails_with_what_went_wrong() {
    for (end, code, by) in
        [(End::Timeout, Some(408), By::Timeout), (End::TransportFailed(CloseCause::Refused), None, By::Network)]
    {
        let mut run = Run::calling(1, Some(OFFER));
        let (ticket, ..) = run.sent();
        run.client_ended(ticket, end);
        let events = run.events();
        let [Event::Refused { cause, answered: false, .. }] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!((cause.code, cause.by), (code, by));
        assert!(run.usage().is_done());
    }
}

#[test]
fn a_cancelled_invite_ends_by_its_487() {
    let mut run = Run::calling(2, Some(OFFER));
    let (ticket, invite, _) = run.sent();
    run.answer(ticket, &invite, 180, "b", None);
    run.said();
    run.act(|usage, cx, out| usage.end(cx, None, out));
    assert_eq!(words(&run.said()), ["CANCEL"]);
    run.answer(ticket, &invite, 487, "b", None);
    let events = run.events();
    let [Event::Refused { cause, answered: true, .. }] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((cause.by, cause.code), (By::Local, Some(487)));
    run.client_ended(ticket, End::Done);
    assert!(run.usage().is_done());
}

#[test]
fn a_503_after_a_cancel_does_not_try_the_next_route() {
    let mut run = Run::calling(2, Some(OFFER));
    let (ticket, invite, _) = run.sent();
    run.act(|usage, cx, out| usage.end(cx, None, out));
    run.said();
    run.answer(ticket, &invite, 503, "b", None);
    assert_eq!(words(&run.said()), ["Refused"]);
}

#[test]
fn no_answer_to_a_cancel_counts_as_cancelled() {
    let mut run = Run::calling(1, Some(OFFER));
    let (ticket, ..) = run.sent();
    run.act(|usage, cx, out| usage.end(cx, None, out));
    run.said();
    run.client_ended(ticket, End::Cancelled);
    let events = run.events();
    let [Event::Refused { cause, answered: false, .. }] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(cause.code, Some(487));
    assert!(run.usage().is_done());
}

#[test]
fn a_2xx_that_crosses_the_cancel_is_acknowledged_and_ended() {
    let mut run = Run::calling(1, Some(OFFER));
    let (ticket, invite, _) = run.sent();
    run.answer(ticket, &invite, 180, "b", None);
    run.said();
    run.act(|usage, cx, out| usage.end(cx, None, out));
    run.said();
    run.answer(ticket, &invite, 200, "b", Some(ANSWER));
    let said = run.said();
    assert_eq!(words(&said), ["ACK", "began", "BYE"]);
    let Output::Request { ticket: bye, request, .. } = &said[2] else { panic!("{said:?}") };
    let (bye, request) = (*bye, request.clone());
    // The retransmission is acknowledged still.
    run.answer(ticket, &invite, 200, "b", Some(ANSWER));
    assert_eq!(words(&run.said()), ["ACK again"]);
    run.answer(bye, &request, 200, "b", None);
    assert_eq!(words(&run.said()), ["ended", "Ended"]);
    run.client_ended(bye, End::Done);
    assert!(!run.usage().is_done());
    run.client_ended(ticket, End::Done);
    assert!(run.usage().is_done());
}

#[test]
fn an_offer_in_the_2xx_is_answered_in_the_ack() {
    let mut run = Run::calling(1, None);
    let (ticket, invite, _) = run.sent();
    run.answer(ticket, &invite, 200, "b", Some(OFFER));
    assert_eq!(words(&run.said()), ["began", "Accepted"]);
    assert_eq!(run.usage().state(), State::Connecting);
    // While the session thinks about it the 2xx comes again.
    run.answer(ticket, &invite, 200, "b", Some(OFFER));
    assert!(run.said().is_empty());
    run.act(|usage, cx, out| usage.acknowledge(cx, ANSWER, out)).unwrap();
    assert_eq!(words(&run.said()), ["ACK with answer"]);
    assert_eq!(run.usage().state(), State::Connected);
    assert!(run.act(|usage, cx, out| usage.acknowledge(cx, ANSWER, out)).is_err());
    run.answer(ticket, &invite, 200, "b", Some(OFFER));
    assert_eq!(words(&run.said()), ["ACK again"]);
}

#[test]
fn an_unanswered_offer_is_refused_in_the_ack_before_the_bye() {
    let mut run = Run::calling(1, None);
    let (ticket, invite, _) = run.sent();
    run.answer(ticket, &invite, 200, "b", Some(OFFER));
    run.said();
    run.act(|usage, cx, out| usage.end(cx, None, out));
    let said = run.said();
    assert_eq!(words(&said), ["ACK with answer", "BYE"]);
    let Output::Ack { request, .. } = &said[0] else { panic!("{said:?}") };
    assert!(String::from_utf8_lossy(&request.body()).contains("m=audio 0 RTP/AVP"), "{request:?}");
}

#[test]
fn a_2xx_without_a_contact_is_a_failure() {
    let mut run = Run::calling(1, Some(OFFER));
    let (ticket, invite, _) = run.sent();
    let via = Via::new("UDP", Host::from(std::net::IpAddr::from([192, 0, 2, 1])), None);
    let invite = invite.with_via(&via.with_param("branch", Some("z9hG4bKx")));
    let response = Response::reply(&invite, 200, None, Some("b"), None).finish().unwrap();
    run.act(|usage, cx, out| usage.response(cx, ticket, &response, out));
    assert_eq!(words(&run.said()), ["Refused"]);
}

#[test]
fn a_bye_of_the_peer_ends_it_at_once() {
    let (mut run, ticket, invite) = connected();
    let dialog = run.usage().dialog().unwrap().id().clone();
    let text = format!(
        "BYE sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.4;branch=z9hG4bKq\r\nMax-Forwards: 70\r\n\
         From: <sip:bob@biloxi.com>;tag=b\r\nTo: <sip:alice@atlanta.com>;tag={}\r\nCall-ID: {}\r\nCSeq: 1 BYE\r\n\
         Reason: Q.850;cause=16, SIP;cause=200;text=\"done, thanks\"\r\n\r\n",
        dialog.local_tag(),
        dialog.call_id()
    );
    let bye = match Message::parse(text.into(), &run.config.limits).unwrap() {
        Message::Request(request) => request,
        Message::Response(_) => unreachable!(),
    };
    run.receive(&bye);
    let said = run.said();
    assert_eq!(words(&said), ["200", "ended", "Ended"]);
    let Output::Event(Event::Ended { cause, .. }) = &said[2] else { panic!("{said:?}") };
    assert_eq!((cause.by, cause.reason.as_deref()), (By::Remote, Some("done, thanks")));
    // The 2xx may come again: its ACK may have been lost.
    run.answer(ticket, &invite, 200, "b", Some(ANSWER));
    assert_eq!(words(&run.said()), ["ACK again"]);
    run.client_ended(ticket, End::Done);
    assert!(run.usage().is_done());
}

#[test]
fn byes_that_cross_are_both_answered_and_told_once() {
    let (mut run, ticket, _) = connected();
    run.act(|usage, cx, out| usage.end(cx, Some("SIP;text=\"x\""), out));
    let (bye, sent, _) = run.sent();
    assert_eq!(sent.text(crate::sip::HeaderName::Reason).unwrap().unwrap(), "SIP;text=\"x\"");
    let dialog = run.usage().dialog().unwrap().id().clone();
    let text = format!(
        "BYE sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.4;branch=z9hG4bKq\r\nMax-Forwards: 70\r\n\
         From: <sip:bob@biloxi.com>;tag=b\r\nTo: <sip:alice@atlanta.com>;tag={}\r\nCall-ID: {}\r\nCSeq: 1 BYE\r\n\r\n",
        dialog.local_tag(),
        dialog.call_id()
    );
    let Message::Request(crossing) = Message::parse(text.into(), &run.config.limits).unwrap() else { unreachable!() };
    run.receive(&crossing);
    assert_eq!(words(&run.said()), ["200", "ended", "Ended"]);
    run.answer(bye, &sent, 481, "b", None);
    assert!(run.said().is_empty());
    run.client_ended(bye, End::Done);
    run.client_ended(ticket, End::Done);
    assert!(run.usage().is_done());
}

#[test]
fn a_bye_that_nobody_answers_ends_it_too() {
    for end in [End::Timeout, End::TransportFailed(CloseCause::Reset)] {
        let (mut run, ticket, _) = connected();
        run.act(|usage, cx, out| usage.end(cx, None, out));
        let (bye, ..) = run.sent();
        run.client_ended(bye, end);
        assert_eq!(words(&run.said()), ["ended", "Ended"]);
        run.client_ended(ticket, End::Done);
        assert!(run.usage().is_done());
    }
}
