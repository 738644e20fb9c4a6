//! Session timers (RFC 4028, the TMR properties).

use super::*;
use crate::sip::{HeaderName, MinSe, SessionExpires};

const UPDATES: &str = "INVITE, ACK, BYE, CANCEL, UPDATE";

/// A call of ours whose 2xx says this of timers.
fn called(allow: &str, session_expires: Option<&str>) -> Run {
    let mut run = Run::calling(1, Some(OFFER));
    let (ticket, invite, _) = run.sent();
    run.answer_with(ticket, &invite, 200, "B", Some(ANSWER), |builder| {
        let builder = builder.field(HeaderName::Allow, allow);
        match session_expires {
            Some(value) => builder.field(HeaderName::SessionExpires, value).field(HeaderName::Require, "timer"),
            None => builder,
        }
    });
    run.client_ended(ticket, End::Done);
    run.said();
    run
}

/// The 2xx to a call that came with these headers.
fn granted(headers: &str) -> (Run, Response) {
    let mut run = Run::new();
    let plain = request("INVITE", 1, "", Some(OFFER));
    let text = String::from_utf8(plain.bytes().to_vec()).unwrap();
    let text = text.replacen("Contact:", &format!("{headers}Contact:"), 1);
    let Message::Request(request) = Message::parse(text.into(), &crate::limits::Limits::default()).unwrap() else {
        unreachable!("a request was written")
    };
    let incoming = run.incoming(&request);
    let contact = Uri::parse(&Text::from("sip:bob@192.0.2.4")).unwrap();
    let (usage, _) = run.with(|cx, out| Invitation::incoming(cx, incoming, contact, out)).unwrap();
    run.usage = Some(usage);
    run.act(|usage, cx, out| usage.accept(cx, Some(ANSWER), out)).unwrap();
    let response = run.said().into_iter().find_map(|output| match output {
        Output::Respond { response, .. } => Some(response),
        _ => None,
    });
    let dialog = run.usage().dialog().unwrap().id().clone();
    let ack = super::request("ACK", 1, dialog.local_tag(), None);
    run.act(|usage, cx, out| usage.acknowledged(cx, &dialog, &ack, out));
    run.said();
    (run, response.unwrap())
}

fn expires(message: &crate::sip::Headers) -> Option<String> {
    message.get::<SessionExpires>().unwrap().map(|value| value.to_string())
}

/// The next request that is sent, and when.
fn next(run: &mut Run, within: u64) -> (f64, Ticket, Request) {
    let until = run.now + Duration::from_secs(within);
    while let Some(at) = run.usage().deadline().filter(|at| *at <= until) {
        run.now = at;
        run.act(|usage, cx, out| usage.timeout(cx, out));
        for output in run.said() {
            match output {
                Output::Request { ticket, request, .. } => {
                    return ((at - Instant::ZERO).as_secs_f64(), ticket, request);
                }
                Output::Event(Event::RefreshDue) => {
                    run.act(|usage, cx, out| usage.refresh(cx, OFFER, out)).unwrap();
                    let (ticket, request, _) = run.sent();
                    return ((at - Instant::ZERO).as_secs_f64(), ticket, request);
                }
                _ => {}
            }
        }
    }
    panic!("nothing was sent within {within} s")
}

#[test]
fn an_invite_asks_for_a_timer_and_every_request_supports_it() {
    let mut run = Run::calling(1, Some(OFFER));
    let (_, invite, _) = run.sent();
    assert!(invite.supports("timer"));
    assert_eq!(expires(&invite).as_deref(), Some("1800"));
    assert!(!invite.has(HeaderName::MinSe));
    let mut run = called(UPDATES, None);
    run.act(|usage, cx, out| usage.end(cx, None, out));
    assert!(run.sent().1.supports("timer"));
}

#[test]
fn the_answer_follows_table_2() {
    // TMR-3: whether the caller supports it, what it asks for, what the answer says, whether it requires.
    for (headers, answer, requires) in [
        ("Session-Expires: 600\r\n", Some("600;refresher=uas"), false),
        ("Session-Expires: 600;refresher=uas\r\n", Some("600;refresher=uas"), false),
        ("Supported: timer\r\nSession-Expires: 600\r\n", Some("600;refresher=uac"), true),
        ("Supported: timer\r\nSession-Expires: 600;refresher=uac\r\n", Some("600;refresher=uac"), true),
        ("Supported: timer\r\nSession-Expires: 600;refresher=uas\r\n", Some("600;refresher=uas"), true),
        ("Supported: timer\r\n", None, false),
        ("", None, false),
        // Below the floor, from one who cannot be told so.
        ("Session-Expires: 1\r\n", None, false),
    ] {
        let (_, response) = granted(headers);
        assert_eq!(expires(&response).as_deref(), answer, "{headers}");
        assert_eq!(response.requires().flatten().any(|option| option.is("timer")), requires, "{headers}");
    }
}

#[test]
fn an_interval_that_is_too_short_is_refused_with_the_shortest() {
    // TMR-1.
    let judge = |headers: &str, min_se: u32| {
        let plain = request("INVITE", 1, "", None);
        let text = String::from_utf8(plain.bytes().to_vec()).unwrap();
        let text = text.replacen("Contact:", &format!("{headers}Contact:"), 1);
        let Message::Request(request) = Message::parse(text.into(), &crate::limits::Limits::default()).unwrap() else {
            unreachable!("a request was written")
        };
        let mut config = Config::default();
        config.session_timer.min_se = min_se;
        judge_interval(&config, &request)
    };
    assert_eq!(judge("Supported: timer\r\nSession-Expires: 89\r\n", 0), Err(90));
    assert_eq!(judge("Supported: timer\r\nSession-Expires: 90\r\n", 0), Ok(()));
    assert_eq!(judge("Supported: timer\r\nSession-Expires: 119\r\n", 120), Err(120));
    assert_eq!(judge("Supported: timer\r\nSession-Expires: 120\r\n", 120), Ok(()));
    assert_eq!(judge("Session-Expires: 1\r\n", 120), Ok(()));
    assert_eq!(judge("", 120), Ok(()));
}

#[test]
fn a_422_is_followed_with_the_largest_min_se() {
    // TMR-1.
    let mut run = Run::calling(1, Some(OFFER));
    let (mut ticket, mut invite, _) = run.sent();
    let (call_id, from, cseq) = (invite.call_id().unwrap(), invite.from().unwrap(), invite.cseq().unwrap().number);
    for (round, least) in [(1, 3600), (2, 7200)] {
        run.answer_with(ticket, &invite, 422, "B", None, |builder| builder.header(&MinSe::new(least)));
        run.client_ended(ticket, End::Done);
        let (next, again, _) = run.sent();
        assert_eq!(expires(&again), Some(least.to_string()));
        assert_eq!(again.get::<MinSe>().unwrap().unwrap().seconds, least);
        assert_eq!((again.call_id().unwrap(), again.from().unwrap()), (call_id.clone(), from.clone()));
        assert_eq!(again.cseq().unwrap().number, cseq + round);
        assert_eq!((again.body(), again.to().unwrap().tag()), (Bytes::from_static(OFFER), None));
        (ticket, invite) = (next, again);
    }
    // What asks for no more than what was refused is not followed.
    run.answer_with(ticket, &invite, 422, "B", None, |builder| builder.header(&MinSe::new(7200)));
    assert!(matches!(&run.events()[..], [Event::Refused { .. }]));
}

#[test]
fn a_422_is_not_followed_for_ever() {
    let mut run = Run::calling(1, Some(OFFER));
    let (mut ticket, mut invite, _) = run.sent();
    let mut rounds = 0;
    for least in 2000..2100 {
        run.answer_with(ticket, &invite, 422, "B", None, |builder| builder.header(&MinSe::new(least)));
        let said = run.said();
        match said.into_iter().find_map(|output| match output {
            Output::Request { ticket, request, .. } => Some((ticket, request)),
            _ => None,
        }) {
            Some(next) => (ticket, invite) = next,
            None => break,
        }
        rounds += 1;
    }
    assert_eq!(rounds, 4);
    assert_eq!(run.usage().state(), State::Disconnected);
}

#[test]
fn the_refresher_updates_at_half_of_the_interval() {
    // TMR-2, TMR-3.
    let mut run = called(UPDATES, Some("600;refresher=uac"));
    for round in 1..4 {
        let (at, ticket, update) = next(&mut run, 1000);
        assert_eq!((at, update.method()), (300.0 * f64::from(round), &Method::Update));
        assert_eq!(expires(&update).as_deref(), Some("600;refresher=uac"));
        assert!(update.body().is_empty() && update.supports("timer"));
        run.answer_with(ticket, &update, 200, "B", None, |builder| {
            builder.field(HeaderName::SessionExpires, "600;refresher=uac").field(HeaderName::Require, "timer")
        });
        run.client_ended(ticket, End::Done);
        run.said();
    }
}

#[test]
fn without_update_it_offers_the_same_again() {
    let mut run = called("INVITE, ACK, BYE", Some("600;refresher=uac"));
    let (at, ticket, invite) = next(&mut run, 1000);
    assert_eq!((at, invite.method(), invite.body()), (300.0, &Method::Invite, Bytes::from_static(OFFER)));
    assert_eq!(expires(&invite).as_deref(), Some("600;refresher=uac"));
    // A 2xx without the header turns the timer off.
    run.answer(ticket, &invite, 200, "B", Some(ANSWER));
    run.client_ended(ticket, End::Done);
    run.said();
    assert_eq!(run.usage().deadline(), None);
}

#[test]
fn the_other_side_ends_what_is_not_refreshed() {
    // TMR-2: the smaller of 32 s and a third before the end.
    for (interval, at) in [(600, 568.0), (90, 60.0)] {
        let mut run = called(UPDATES, Some(&format!("{interval};refresher=uas")));
        let (sent, _, bye) = next(&mut run, 1000);
        assert_eq!((sent, bye.method()), (at, &Method::Bye));
        assert!(bye.has(HeaderName::Reason));
    }
    let (mut run, _) = granted("Supported: timer\r\nSession-Expires: 600\r\n");
    assert_eq!(next(&mut run, 1000).0, 568.0);
}

#[test]
fn the_peers_refresh_starts_it_again_and_roles_are_negotiated_anew() {
    let (mut run, _) = granted("Supported: timer\r\nSession-Expires: 600\r\n");
    run.now += Duration::from_secs(300);
    let tag = run.usage().dialog().unwrap().id().local_tag().to_string();
    let plain = request("UPDATE", 2, &tag, None);
    let text = String::from_utf8(plain.bytes().to_vec()).unwrap();
    let more = "Allow: UPDATE\r\nSupported: timer\r\nSession-Expires: 600;refresher=uas\r\nContact:";
    let Message::Request(update) =
        Message::parse(text.replacen("Contact:", more, 1).into(), &crate::limits::Limits::default()).unwrap()
    else {
        unreachable!("a request was written")
    };
    run.receive(&update);
    let said = run.said();
    let Some(Output::Respond { response, .. }) = said.first() else { panic!("{said:?}") };
    assert_eq!(expires(response).as_deref(), Some("600;refresher=uas"));
    // From now on it is ours.
    let (at, _, refresh) = next(&mut run, 1000);
    assert_eq!((at, refresh.method()), (600.0, &Method::Update));
}

#[test]
fn a_refresh_that_is_refused_is_tried_again_and_in_the_end_the_session_ends() {
    // TMR-4.
    for code in [422_u16, 488, 491, 500, 503] {
        let mut run = called(UPDATES, Some("600;refresher=uac"));
        let (mut at, mut ticket, mut update) = next(&mut run, 1000);
        let mut tries = 1;
        while *update.method() == Method::Update {
            run.answer_with(ticket, &update, code, "B", None, |builder| {
                if code == 422 { builder.header(&MinSe::new(600 + tries)) } else { builder }
            });
            run.client_ended(ticket, End::Done);
            run.said();
            tries += 1;
            let before = at;
            (at, ticket, update) = next(&mut run, 1000);
            if *update.method() == Method::Update {
                match code {
                    422 => assert_eq!(expires(&update), Some(format!("{};refresher=uac", 599 + tries))),
                    491 => assert!((2.1..=4.0).contains(&(at - before)), "{at} {before}"),
                    _ => assert!(at - before > 10.0),
                }
            }
        }
        assert_eq!((at, update.method()), (568.0, &Method::Bye), "{code}");
        assert!((3..=6).contains(&tries), "{code}: {tries}");
    }
    for code in [408, 481] {
        let mut run = called(UPDATES, Some("600;refresher=uac"));
        let (_, ticket, update) = next(&mut run, 1000);
        run.answer(ticket, &update, code, "B", None);
        assert!(words(&run.said()).contains(&"BYE".to_owned()));
    }
}

#[test]
fn turned_off_it_is_not_spoken_of() {
    let mut run = Run::new();
    run.config.session_timer.enabled = false;
    let plain = request("INVITE", 1, "", Some(OFFER));
    let text = String::from_utf8(plain.bytes().to_vec()).unwrap();
    let text = text.replacen("Contact:", "Supported: timer\r\nSession-Expires: 600\r\nContact:", 1);
    let Message::Request(invite) = Message::parse(text.into(), &crate::limits::Limits::default()).unwrap() else {
        unreachable!("a request was written")
    };
    let incoming = run.incoming(&invite);
    let contact = Uri::parse(&Text::from("sip:bob@192.0.2.4")).unwrap();
    let (usage, _) = run.with(|cx, out| Invitation::incoming(cx, incoming, contact, out)).unwrap();
    run.usage = Some(usage);
    run.act(|usage, cx, out| usage.accept(cx, Some(ANSWER), out)).unwrap();
    let said = run.said();
    let Some(Output::Respond { response, .. }) = said.get(1) else { panic!("{said:?}") };
    assert!(!response.supports("timer") && !response.has(HeaderName::SessionExpires));
}
