//! REFER alone, from RFC 3515, RFC 3891 and RFC 4488 (REF-1).

use std::time::Duration;

use super::*;
use crate::sip::{HeaderName, Message, NameAddr, Replaces, Request, Response, Text, Uri};
use crate::time::Instant;

fn request(method: &str, headers: &str, body: &str) -> Request {
    let text = format!("{method} sip:bob@192.0.2.4 SIP/2.0\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len());
    match Message::parse(text.into(), &crate::limits::Limits::default()).unwrap() {
        Message::Request(request) => request,
        Message::Response(_) => unreachable!("a request was written"),
    }
}

fn read(headers: &str) -> Result<ReferTarget, u16> {
    ReferTarget::read(&request("REFER", headers, "")).map_err(|BadRefer(code)| code)
}

#[test]
fn exactly_one_refer_to_that_can_be_called() {
    assert_eq!(read("").unwrap_err(), 400);
    assert_eq!(read("Refer-To: <sip:a@h>\r\nRefer-To: <sip:b@h>\r\n").unwrap_err(), 400);
    assert_eq!(read("Refer-To: nonsense\r\n").unwrap_err(), 400);
    assert_eq!(read("Refer-To: <http://h/>\r\n").unwrap_err(), 416);
    assert_eq!(read("Refer-To: <sip:a@h;method=BYE>\r\n").unwrap_err(), 403);
    let target = read("r: \"Carol\" <sip:carol@h;method=INVITE?Subject=x>\r\nb: <sip:alice@h>;cid=1\r\n").unwrap();
    assert_eq!(target.to.to_string(), "\"Carol\" <sip:carol@h>");
    assert_eq!((target.replaces, target.referred_by.as_deref()), (None, Some("<sip:alice@h>;cid=1")));
    assert!(target.subscribes);
    assert!(!read("Refer-To: <sip:a@h>\r\nRefer-Sub: false\r\n").unwrap().subscribes);
}

#[test]
fn a_dialog_to_replace_goes_there_and_back() {
    // The escapes of RFC 3891 section 6.
    let target = read("Refer-To: <sip:c@h?Replaces=98732%40h%3Bfrom-tag%3Dr33%3Bto-tag%3Df44>\r\n").unwrap();
    let replaces = target.replaces.unwrap();
    assert_eq!((replaces.receivers_tag(), replaces.others_tag()), (Some("f44"), Some("r33")));
    assert_eq!(replaces.call_id, "98732@h");
    assert_eq!(read("Refer-To: <sip:c@h?Replaces=x>\r\n").unwrap_err(), 400);
    let twice = "Refer-To: <sip:c@h?Replaces=a%3Bfrom-tag%3D1%3Bto-tag%3D2&Replaces=a%3Bfrom-tag%3D1%3Bto-tag%3D2>\r\n";
    assert_eq!(read(twice).unwrap_err(), 400);

    let to = NameAddr::new(Uri::parse(&Text::from("sip:carol@h")).unwrap());
    let address = refer_to(&to, Some(&Replaces::new("a&b=c@h", "t%1", "f")));
    let again = read(&format!("Refer-To: {address}\r\n")).unwrap().replaces.unwrap();
    assert_eq!(
        (again.call_id.as_str(), again.receivers_tag(), again.others_tag()),
        ("a&b=c@h", Some("t%1"), Some("f"))
    );
}

#[test]
fn status_lines_are_read_and_written() {
    assert_eq!(status_line(180, "Ringing"), "SIP/2.0 180 Ringing\r\n");
    assert_eq!(status_line(200, "a\r\nb"), "SIP/2.0 200 ab\r\n");
    assert_eq!(status_of(b"SIP/2.0 180 Ringing\r\nVia: x\r\n"), Some((180, "Ringing".into())));
    assert_eq!(status_of(b"SIP/2.0 200"), Some((200, "".into())));
    for wrong in [&b""[..], b"SIP/2.0 20 OK", b"SIP/2.0 700 X", b"SIP/2.0 2000 X", b"INVITE x", b"SIP/2.0 \xff"] {
        assert_eq!(status_of(wrong), None, "{wrong:?}");
    }
}

const SIPFRAG: &str = "Content-Type: message/sipfrag\r\n";

fn notify(event: &str, state: &str, body: &str) -> Request {
    request("NOTIFY", &format!("Event: {event}\r\nSubscription-State: {state}\r\n{SIPFRAG}"), body)
}

fn answer(code: u16, headers: &[(HeaderName, &str)]) -> Response {
    let mut builder = Response::build(code, None);
    for (name, value) in headers {
        builder = builder.field(*name, value);
    }
    builder.finish().unwrap()
}

fn progress(code: u16, reason: &str) -> News {
    News::Progress(code, reason.into())
}

#[test]
fn a_referral_is_told_of_to_its_end() {
    let mut referral = Referral::sent(Instant::ZERO, 7);
    assert_eq!(referral.answered(&answer(202, &[])), [News::Started]);
    let news = referral.notified(&notify("refer", "active;expires=60", "SIP/2.0 100 Trying\r\n"));
    assert_eq!(news, (200, vec![progress(100, "Trying")]));
    // The same again is nothing new.
    assert_eq!(referral.notified(&notify("refer;id=7", "active", "SIP/2.0 100 Trying\r\n")), (200, vec![]));
    let news = referral.notified(&notify("refer", "terminated;reason=noresource", "SIP/2.0 200 OK\r\n"));
    assert_eq!(news, (200, vec![progress(200, "OK"), News::Ended]));
    assert!(referral.is_over() && referral.deadline().is_none());
    assert_eq!(referral.notified(&notify("refer", "terminated", "SIP/2.0 200 OK\r\n")), (200, vec![]));
}

#[test]
fn a_notify_may_come_before_the_answer() {
    let mut referral = Referral::sent(Instant::ZERO, 7);
    let news = referral.notified(&notify("refer", "terminated;reason=noresource", "SIP/2.0 486 Busy Here\r\n"));
    assert_eq!(news.1, [News::Started, progress(486, "Busy Here"), News::Failed(486, "Busy Here".into())]);
    assert!(referral.answered(&answer(202, &[])).is_empty());
}

#[test]
fn what_is_not_a_notify_of_it_is_refused() {
    let mut referral = Referral::sent(Instant::ZERO, 7);
    let code =
        |referral: &mut Referral, headers: &str, body: &str| referral.notified(&request("NOTIFY", headers, body)).0;
    assert_eq!(code(&mut referral, "", ""), 400);
    assert_eq!(code(&mut referral, "Event: presence\r\nSubscription-State: active\r\n", ""), 481);
    assert_eq!(code(&mut referral, "Event: refer;id=8\r\nSubscription-State: active\r\n", ""), 481);
    assert_eq!(code(&mut referral, "Event: refer\r\n", ""), 400);
    assert_eq!(code(&mut referral, "Event: refer\r\nSubscription-State: active\r\n", ""), 415);
    assert_eq!(code(&mut referral, &format!("Event: refer\r\nSubscription-State: active\r\n{SIPFRAG}"), "x"), 400);
    assert!(!referral.is_over());
}

#[test]
fn without_a_subscription_the_answer_is_the_end() {
    let mut referral = Referral::sent(Instant::ZERO, 7);
    assert_eq!(referral.answered(&answer(200, &[(HeaderName::ReferSub, "false")])), [News::Started, News::Ended]);
    let mut refused = Referral::sent(Instant::ZERO, 7);
    assert_eq!(refused.answered(&answer(603, &[])), [News::Failed(603, "Decline".into())]);
}

#[test]
fn it_fails_after_90_seconds_or_with_the_call() {
    let mut referral = Referral::sent(Instant::ZERO, 7);
    referral.answered(&answer(202, &[]));
    assert_eq!(referral.deadline(), Some(Instant::ZERO + Duration::from_secs(90)));
    assert!(referral.timeout(Instant::ZERO + Duration::from_secs(89)).is_empty());
    let failed = [News::Failed(408, "Request Timeout".into())];
    assert_eq!(referral.timeout(Instant::ZERO + Duration::from_secs(90)), failed);
    assert!(referral.abandoned().is_empty());
    assert_eq!(Referral::sent(Instant::ZERO, 7).abandoned(), [News::Failed(0, "session ended".into())]);
    let mut expired = Referral::sent(Instant::ZERO, 7);
    let news = expired.notified(&notify("refer", "terminated;reason=timeout", "SIP/2.0 100 Trying\r\n"));
    assert_eq!(news.1.last(), Some(&News::Failed(0, "timeout".into())));
}

fn asked(headers: &str, first: bool) -> Referee {
    let target = read(&format!("Refer-To: <sip:carol@h>\r\n{headers}")).unwrap();
    Referee::asked(Instant::ZERO, target, 9, first)
}

#[test]
fn notifies_follow_one_another_and_the_last_ends_it() {
    let mut referee = asked("", true);
    let now = Instant::ZERO;
    let first = referee.accept(now).unwrap();
    assert_eq!((first.event.as_str(), first.state.as_str(), first.code), ("refer", "active;expires=180", 100));
    // While one is unanswered, what is newer takes the place of what waits.
    assert_eq!(referee.tell(now, 180, "Ringing"), None);
    assert_eq!(referee.tell(now, 183, "Session Progress"), None);
    assert_eq!(referee.notified(now, 200).unwrap().code, 183);
    assert_eq!(referee.tell(now, 200, "OK"), None);
    // Nothing comes after the final one.
    assert_eq!(referee.tell(now, 486, "Busy Here"), None);
    let last = referee.notified(now, 200).unwrap();
    assert_eq!((last.code, last.state.as_str()), (200, "terminated;reason=noresource"));
    assert!(referee.is_over());
    assert_eq!(referee.notified(now, 200), None);
}

#[test]
fn a_second_refer_of_a_dialog_has_an_id() {
    assert_eq!(asked("", false).accept(Instant::ZERO).unwrap().event, "refer;id=9");
}

#[test]
fn without_a_subscription_nothing_is_told() {
    let mut referee = asked("Refer-Sub: false\r\n", true);
    assert_eq!(referee.accept(Instant::ZERO), None);
    assert_eq!(referee.tell(Instant::ZERO, 200, "OK"), None);
}

#[test]
fn a_notify_that_is_refused_is_the_last() {
    let mut referee = asked("", true);
    referee.accept(Instant::ZERO);
    referee.tell(Instant::ZERO, 200, "OK");
    assert_eq!(referee.notified(Instant::ZERO, 481), None);
    assert!(referee.is_over());
}

#[test]
fn nobody_decides_or_nothing_comes_of_it() {
    let mut referee = asked("", true);
    let late = Instant::ZERO + Duration::from_secs(20);
    assert_eq!(referee.deadline(), Some(late));
    assert_eq!(referee.timeout(late), (true, None));
    assert!(referee.is_over());

    let mut referee = asked("", true);
    referee.accept(Instant::ZERO);
    referee.notified(Instant::ZERO, 200);
    let (undecided, last) = referee.timeout(Instant::ZERO + Duration::from_secs(180));
    assert_eq!((undecided, last.unwrap().state.as_str()), (false, "terminated;reason=timeout"));
}
