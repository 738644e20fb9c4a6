//! RFC 6665 section 4.2, and the EVT properties that concern the notifier.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

use bytes::Bytes;

use super::*;
use crate::config::{Config, context};
use crate::id::TransactionId;
use crate::limits::Limits;
use crate::random::{Random, Seed};
use crate::sip::{Message, Received, Request};
use crate::transport::CloseCause;

const SECOND: Duration = Duration::from_secs(1);

struct Run {
    now: Instant,
    random: Random,
    config: Config,
    usage: Option<Notifier>,
    out: Outbox<Output<NotifierEvent>>,
    cseq: u32,
    /// Where the subscriber is.
    host: &'static str,
}

#[derive(Debug, Default)]
struct Said {
    requests: Vec<(Ticket, Request)>,
    answers: Vec<Response>,
    events: Vec<NotifierEvent>,
    dialogs: Vec<char>,
}

impl Said {
    fn names(&self) -> Vec<&'static str> {
        let names = self.events.iter().map(|event| event.names()[0].trim_start_matches("SIPIncomingSubscription"));
        names.filter(|name| *name != "ChangedState").collect()
    }

    fn codes(&self) -> Vec<u16> {
        self.answers.iter().map(Response::code).collect()
    }

    /// The Subscription-State and the body of the only NOTIFY.
    fn notify(&self) -> (String, String) {
        assert_eq!(self.requests.len(), 1, "{self:?}");
        let request = &self.requests[0].1;
        assert_eq!(*request.method(), Method::Notify);
        let state = request.text(HeaderName::SubscriptionState).unwrap().unwrap().to_string();
        (state, String::from_utf8(request.body().to_vec()).unwrap())
    }
}

fn contact() -> Uri {
    Uri::parse(&Text::from("sip:bob@192.0.2.4")).unwrap()
}

fn text(body: &str) -> Content {
    Content::new("text/plain", body)
}

impl Run {
    fn new() -> Self {
        Self {
            now: Instant::ZERO,
            random: Random::new(&Seed::from_u64(1)),
            config: Config::default(),
            usage: None,
            out: Outbox::new(),
            cseq: 0,
            host: "192.0.2.1",
        }
    }

    fn subscribe(&mut self, headers: &str) -> Incoming {
        self.cseq += 1;
        let tag = self.usage.as_ref().map_or(String::new(), |usage| format!(";tag={}", usage.id().local_tag()));
        let message = format!(
            "SUBSCRIBE sip:bob@192.0.2.4 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{cseq}\r\nMax-Forwards: 70\r\n\
             Record-Route: <sip:p1;lr>\r\nFrom: <sip:alice@atlanta.com>;tag=A\r\nTo: <sip:bob@biloxi.com>{tag}\r\nCall-ID: c\r\n\
             CSeq: {cseq} SUBSCRIBE\r\nContact: <sip:alice@{host}>\r\n{headers}\r\n",
            cseq = self.cseq,
            host = self.host,
        );
        let Message::Request(request) = Message::parse(Bytes::from(message), &Limits::default()).unwrap() else {
            panic!("a response")
        };
        Incoming {
            transaction: TransactionId::from_u64(self.cseq.into()),
            essentials: request.validate().unwrap(),
            request,
            received: Received { from: "192.0.2.1:5060".parse().unwrap() },
        }
    }

    /// One whose SUBSCRIBE came.
    fn incoming(headers: &str) -> Result<Self, Refusal> {
        let mut run = Self::new();
        let incoming = run.subscribe(headers);
        let mut cx = context!(run.now, run.random, run.config);
        run.usage = Some(Notifier::incoming(&mut cx, incoming, contact(), None, &mut run.out)?);
        Ok(run)
    }

    /// One that is active, whose first NOTIFY was taken.
    fn active() -> Self {
        let mut run = Self::incoming("Event: presence\r\nExpires: 600\r\n").unwrap();
        run.act(|usage, cx, out| usage.accept(cx, false, Some(text("one")), out)).unwrap();
        let ticket = run.said().requests[0].0;
        run.answer(ticket, 200);
        run.said();
        run
    }

    fn act<T>(
        &mut self,
        act: impl FnOnce(&mut Notifier, &mut Context<'_>, &mut Outbox<Output<NotifierEvent>>) -> T,
    ) -> T {
        let mut cx = context!(self.now, self.random, self.config);
        act(self.usage.as_mut().unwrap(), &mut cx, &mut self.out)
    }

    fn notify(&mut self, body: &str) {
        self.act(|usage, cx, out| usage.notify(cx, text(body), out)).unwrap();
    }

    fn request(&mut self, headers: &str) {
        let incoming = self.subscribe(headers);
        self.act(|usage, cx, out| usage.request(cx, &incoming, out));
    }

    fn answer(&mut self, ticket: Ticket, code: u16) {
        let response = Response::build(code, None).finish().unwrap();
        self.act(|usage, cx, out| usage.response(cx, ticket, &response, out));
    }

    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        let mut rounds = 0;
        while let Some(at) = self.usage.as_ref().unwrap().deadline().filter(|at| *at <= until) {
            rounds += 1;
            assert!(rounds < 100, "no progress at {at}");
            self.now = self.now.max(at);
            self.act(|usage, cx, out| usage.timeout(cx, out));
        }
        self.now = until;
    }

    fn state(&self) -> State {
        self.usage.as_ref().unwrap().state()
    }

    fn is_done(&self) -> bool {
        self.usage.as_ref().unwrap().is_done()
    }

    fn said(&mut self) -> Said {
        let mut said = Said::default();
        while let Some(output) = self.out.pop() {
            match output {
                Output::Request { ticket, request, .. } => said.requests.push((ticket, request)),
                Output::Respond { response, .. } => said.answers.push(response),
                Output::DialogBegan(_) => said.dialogs.push('+'),
                Output::DialogEnded(_) => said.dialogs.push('-'),
                Output::Event(event) => said.events.push(event),
                _ => panic!("nothing is to be located inside a dialog"),
            }
        }
        said
    }
}

#[test]
fn a_subscribe_is_offered_and_accepted_with_a_notify_at_once() {
    let mut run = Run::incoming("Event: presence;id=9\r\nExpires: 600\r\nAccept: a/b, c/d\r\n").unwrap();
    let said = run.said();
    let expected = NotifierEvent::GotSubscribe {
        from: "<sip:alice@atlanta.com>;tag=A".into(),
        to: "<sip:bob@biloxi.com>".into(),
        event: "presence;id=9".into(),
        expires: 600,
        accept: vec!["a/b".into(), "c/d".into()],
    };
    assert_eq!(said.events, [expected]);
    run.act(|usage, cx, out| usage.accept(cx, false, Some(text("one")), out)).unwrap();
    let said = run.said();
    let answer = &said.answers[0];
    assert_eq!((answer.code(), answer.expires().unwrap()), (200, Some(600)));
    assert!(answer.to().unwrap().tag().is_some() && answer.has(HeaderName::Contact));
    assert_eq!(answer.count(HeaderName::RecordRoute), 1);
    assert_eq!(said.notify(), ("active;expires=600".to_owned(), "one".to_owned()));
    let notify = &said.requests[0].1;
    assert_eq!(notify.uri_text().as_str(), "sip:alice@192.0.2.1");
    assert_eq!(notify.text(HeaderName::Event).unwrap().unwrap().as_str(), "presence;id=9");
    assert_eq!((notify.count(HeaderName::Route), notify.count(HeaderName::Contact)), (1, 1));
    assert_eq!(said.dialogs, ['+']);
    assert_eq!(run.state(), State::Active);
}

#[test]
fn nobody_waits_for_a_person() {
    let mut run = Run::incoming("Event: presence\r\n").unwrap();
    run.said();
    run.pass(2 * SECOND);
    let said = run.said();
    assert_eq!((said.codes(), run.state()), (vec![200], State::Pending));
    assert_eq!(said.notify(), ("pending;expires=3600".to_owned(), String::new()));
    let ticket = said.requests[0].0;
    run.answer(ticket, 200);
    run.said();
    run.act(|usage, cx, out| usage.accept(cx, false, Some(text("one")), out)).unwrap();
    assert_eq!(run.said().notify(), ("active;expires=3600".to_owned(), "one".to_owned()));
}

#[test]
fn the_time_is_bounded_both_ways() {
    for (asked, granted) in [("", 3600), ("Expires: 60\r\n", 60), ("Expires: 999999\r\n", 3600)] {
        let mut run = Run::incoming(&format!("Event: presence\r\n{asked}")).unwrap();
        run.act(|usage, cx, out| usage.accept(cx, false, None, out)).unwrap();
        assert_eq!(run.said().answers[0].expires().unwrap(), Some(granted), "{asked}");
    }
    let refused = Run::incoming("Event: presence\r\nExpires: 59\r\n").err().unwrap();
    assert_eq!(refused, Refusal { code: 423, header: Some((HeaderName::MinExpires, "60".to_owned())) });
    assert_eq!(Run::incoming("Event: presence\r\nExpires: soon\r\n").err().unwrap().code, 400);
    assert_eq!(Run::incoming("Expires: 60\r\n").err().unwrap().code, 400);
}

#[test]
fn a_rejected_one_is_over() {
    let mut run = Run::incoming("Event: presence\r\n").unwrap();
    run.said();
    let bad = run.act(|usage, cx, out| usage.reject(cx, 200, None, out));
    assert_eq!(bad, Err(NotifierError::BadCode(200)));
    run.act(|usage, cx, out| usage.reject(cx, 403, Some("No"), out)).unwrap();
    let said = run.said();
    assert_eq!((said.codes(), said.names(), said.requests.len()), (vec![403], vec!["DidEnd"], 0));
    assert!(run.is_done() && run.usage.as_ref().unwrap().deadline().is_none());
    assert!(run.act(|usage, cx, out| usage.accept(cx, false, None, out)).is_err());
    assert!(run.act(|usage, cx, out| usage.notify(cx, text("x"), out)).is_err());
}

#[test]
fn notifies_leave_one_at_a_time_in_their_order() {
    let mut run = Run::active();
    for body in ["two", "three", "four"] {
        run.notify(body);
    }
    let mut seen = Vec::new();
    let mut numbers = Vec::new();
    loop {
        let said = run.said();
        if said.requests.is_empty() {
            break;
        }
        seen.push(said.notify().1);
        numbers.push(said.requests[0].1.cseq().unwrap().number);
        let ticket = said.requests[0].0;
        run.answer(ticket, 200);
    }
    assert_eq!(seen, ["two", "three", "four"]);
    assert_eq!(numbers, [2, 3, 4]);
}

#[test]
fn what_waits_is_bounded_and_the_newest_is_told() {
    let mut run = Run::active();
    for number in 0..1000 {
        run.notify(&number.to_string());
    }
    let mut last = String::new();
    for _ in 0..=QUEUE {
        let said = run.said();
        last = said.notify().1;
        let ticket = said.requests[0].0;
        run.answer(ticket, 200);
    }
    assert_eq!(last, "999");
    assert!(run.said().requests.is_empty());
}

#[test]
fn a_refresh_is_granted_and_told_the_last_state() {
    let mut run = Run::active();
    run.notify("two");
    let ticket = run.said().requests[0].0;
    run.answer(ticket, 200);
    run.said();
    run.now += 500 * SECOND;
    run.request("Event: presence\r\nExpires: 100\r\n");
    let said = run.said();
    assert_eq!((said.codes(), said.answers[0].expires().unwrap()), (vec![200], Some(100)));
    assert_eq!(said.notify(), ("active;expires=100".to_owned(), "two".to_owned()));
    let ticket = said.requests[0].0;
    run.answer(ticket, 200);
    run.said();
    run.pass(99 * SECOND);
    assert_eq!(run.state(), State::Active);
    run.pass(SECOND);
    let said = run.said();
    assert_eq!(said.notify().0, "terminated;reason=timeout");
    assert_eq!((said.names(), run.state()), (vec!["DidEnd", "SentNotify"], State::Terminated));
    // The dialog lives until the last NOTIFY has its answer.
    assert!(said.dialogs.is_empty() && !run.is_done());
    let ticket = said.requests[0].0;
    run.answer(ticket, 200);
    assert_eq!((run.said().dialogs, run.is_done()), (vec!['-'], true));
}

/// A SUBSCRIBE refreshes the target, and so does the 2xx to a NOTIFY (RFC 6665 section 4.4.1, RFC 3261 section 12.2.1.2).
#[test]
fn a_subscriber_that_moves_is_followed() {
    let mut run = Run::active();
    run.host = "192.0.2.7";
    run.request("Event: presence\r\nExpires: 100\r\n");
    let (ticket, notify) = run.said().requests.remove(0);
    assert_eq!(notify.uri().unwrap().to_string(), "sip:alice@192.0.2.7");
    let moved = Contact::Address(NameAddr::new(Uri::parse(&Text::from("sip:alice@192.0.2.8")).unwrap()));
    let response = Response::build(200, None).header(&moved).finish().unwrap();
    run.act(|usage, cx, out| usage.response(cx, ticket, &response, out));
    run.said();
    run.notify("two");
    assert_eq!(run.said().requests[0].1.uri().unwrap().to_string(), "sip:alice@192.0.2.8");
}

#[test]
fn what_is_pending_is_not_made_pending_again() {
    let mut run = Run::incoming("Event: presence\r\nExpires: 600\r\n").unwrap();
    run.act(|usage, cx, out| usage.accept(cx, true, None, out)).unwrap();
    let again = run.act(|usage, cx, out| usage.accept(cx, true, None, out));
    assert_eq!(again, Err(NotifierError::IllegalState { what: "accept", state: State::Pending }));
    run.act(|usage, cx, out| usage.accept(cx, false, None, out)).unwrap();
    assert_eq!(run.state(), State::Active);
}

#[test]
fn requests_that_do_not_belong_are_refused() {
    let mut run = Run::active();
    run.request("Event: dialog\r\n");
    run.request("Event: presence;id=1\r\n");
    run.request("Event: presence\r\nExpires: 5\r\n");
    run.cseq = 0;
    run.request("Event: presence\r\n");
    let said = run.said();
    assert_eq!((said.codes(), said.events.len(), said.requests.len()), (vec![403, 403, 423, 500], 0, 0));
}

#[test]
fn the_subscriber_ends_it() {
    let mut run = Run::active();
    run.request("Event: presence\r\nExpires: 0\r\n");
    let said = run.said();
    assert_eq!((said.codes(), said.names()), (vec![200], vec!["GotUnsubscribe", "DidEnd", "SentNotify"]));
    assert_eq!(said.notify(), ("terminated;reason=timeout".to_owned(), "one".to_owned()));
    run.request("Event: presence\r\n");
    assert_eq!(run.said().codes(), [481]);
}

#[test]
fn a_poll_gets_the_state_once() {
    let mut run = Run::incoming("Event: presence\r\nExpires: 0\r\n").unwrap();
    run.said();
    run.act(|usage, cx, out| usage.accept(cx, false, Some(text("one")), out)).unwrap();
    let said = run.said();
    assert_eq!(said.answers[0].expires().unwrap(), Some(0));
    assert_eq!(said.notify(), ("terminated;reason=timeout".to_owned(), "one".to_owned()));
    assert_eq!(run.state(), State::Terminated);
}

#[test]
fn the_application_ends_it_with_a_reason() {
    let mut run = Run::active();
    run.notify("two");
    run.notify("three");
    run.said();
    run.act(|usage, cx, out| usage.end(cx, "probation", Some(30), None, out)).unwrap();
    // The NOTIFY under way goes first.
    assert!(run.said().requests.is_empty());
    run.answer(Ticket::new(1), 200);
    assert_eq!(run.said().notify(), ("terminated;reason=probation;retry-after=30".to_owned(), String::new()));
    assert!(run.act(|usage, cx, out| usage.end(cx, "probation", None, None, out)).is_err());
}

#[test]
fn a_notify_that_fails_ends_it_or_not() {
    for (code, ends) in [(481, true), (489, true), (404, true), (604, true), (500, false), (503, false), (415, false)] {
        let mut run = Run::active();
        run.notify("two");
        run.notify("three");
        let ticket = run.said().requests[0].0;
        run.answer(ticket, code);
        let said = run.said();
        assert_eq!(run.state() == State::Terminated, ends, "{code}");
        assert_eq!(said.requests.is_empty(), ends, "{code}");
        assert_eq!(said.dialogs, if ends { vec!['-'] } else { vec![] }, "{code}");
        let names = if ends { vec!["NotifyDidFail", "DidEnd"] } else { vec!["NotifyDidFail", "SentNotify"] };
        assert_eq!(said.names(), names, "{code}");
    }
    for end in [End::Timeout, End::TransportFailed(CloseCause::Reset)] {
        let mut run = Run::active();
        run.notify("two");
        let ticket = run.said().requests[0].0;
        run.act(|usage, cx, out| usage.client_ended(cx, ticket, &end, out));
        assert_eq!((run.said().names(), run.is_done()), (vec!["NotifyDidFail", "DidEnd"], true));
    }
}

#[test]
fn no_answer_to_a_notify_ends_it() {
    let mut run = Run::active();
    run.notify("two");
    run.pass(32 * SECOND);
    assert_eq!(run.state(), State::Terminated);
    assert!(run.is_done());
}

#[test]
fn content_that_cannot_be_written_is_refused_and_changes_nothing() {
    let mut run = Run::active();
    let evil = Content::new("a/b\r\nEvil: yes", "x");
    let refused = run.act(|usage, cx, out| usage.notify(cx, evil.clone(), out));
    assert!(matches!(refused, Err(NotifierError::Build(_))));
    assert!(run.act(|usage, cx, out| usage.end(cx, "x\r\ny", None, None, out)).is_err());
    assert!(run.act(|usage, cx, out| usage.end(cx, "ok", None, Some(evil), out)).is_err());
    assert_eq!((run.said().events.len(), run.state()), (0, State::Active));
}

impl Run {
    /// One whose REFER came.
    fn referred(headers: &str) -> Result<Self, Refusal> {
        let mut run = Self::new();
        let mut incoming = run.subscribe(headers);
        let text = String::from_utf8(incoming.request.bytes().to_vec()).unwrap().replace("SUBSCRIBE", "REFER");
        let Message::Request(request) = Message::parse(Bytes::from(text), &Limits::default()).unwrap() else {
            panic!("a response")
        };
        incoming.essentials = request.validate().unwrap();
        incoming.request = request;
        let mut cx = context!(run.now, run.random, run.config);
        run.usage = Some(Notifier::referred(&mut cx, incoming, contact(), None, &mut run.out)?);
        Ok(run)
    }

    fn progress(&mut self, code: u16, reason: &str) -> Said {
        self.act(|usage, cx, out| usage.refer_progress(cx, code, reason, out));
        self.said()
    }
}

#[test]
fn a_refer_brings_one_along() {
    let mut run = Run::referred("Refer-To: <sip:carol@192.0.2.7>\r\nReferred-By: <sip:alice@a>\r\n").unwrap();
    let expected = NotifierEvent::GotRefer {
        from: "<sip:alice@atlanta.com>;tag=A".into(),
        to: "<sip:bob@biloxi.com>".into(),
        refer_to: "<sip:carol@192.0.2.7>".into(),
        referred_by: Some("<sip:alice@a>".into()),
        attended: false,
    };
    assert_eq!(run.said().events, [expected]);
    run.act(|usage, cx, out| usage.accept(cx, false, None, out)).unwrap();
    let said = run.said();
    assert_eq!((said.codes(), said.dialogs.clone()), (vec![202], vec!['+']));
    assert!(said.answers[0].has(HeaderName::Contact) && !said.answers[0].has(HeaderName::Expires));
    assert_eq!(said.notify(), ("active;expires=180".to_owned(), "SIP/2.0 100 Trying\r\n".to_owned()));
    run.answer(said.requests[0].0, 200);
    run.said();
    assert_eq!(run.progress(180, "Ringing").notify().1, "SIP/2.0 180 Ringing\r\n");
    // The next waits until that is answered.
    assert!(run.progress(200, "OK").requests.is_empty());
    run.answer(Ticket::new(1), 200);
    let said = run.said();
    assert_eq!(said.notify(), ("terminated;reason=noresource".to_owned(), "SIP/2.0 200 OK\r\n".to_owned()));
    run.answer(said.requests[0].0, 200);
    assert!(run.is_done() && run.said().dialogs == ['-']);
}

#[test]
fn a_subscribe_refreshes_what_a_refer_brought() {
    let mut run = Run::referred("Refer-To: <sip:carol@192.0.2.7>\r\n").unwrap();
    run.act(|usage, cx, out| usage.accept(cx, false, None, out)).unwrap();
    run.answer(Ticket::new(0), 200);
    run.said();
    // By the number of the REFER, or without.
    for event in ["refer", "refer;id=1"] {
        run.request(&format!("Event: {event}\r\nExpires: 300\r\n"));
        let said = run.said();
        assert_eq!((said.codes(), said.answers[0].expires().unwrap()), (vec![200], Some(300)), "{event}");
        assert_eq!(said.notify(), ("active;expires=300".to_owned(), "SIP/2.0 100 Trying\r\n".to_owned()));
        run.answer(said.requests[0].0, 200);
        run.said();
    }
    run.request("Event: refer;id=9\r\n");
    assert_eq!(run.said().codes(), [403]);
    run.request("Event: refer\r\nExpires: 0\r\n");
    assert_eq!(run.said().notify().0, "terminated;reason=timeout");
}

#[test]
fn a_refer_without_a_subscription_ends_with_its_answer() {
    let mut run = Run::referred("Refer-To: <sip:carol@192.0.2.7>\r\nRefer-Sub: false\r\n").unwrap();
    run.act(|usage, cx, out| usage.accept(cx, false, None, out)).unwrap();
    let said = run.said();
    assert_eq!((said.codes(), said.requests.len(), said.dialogs.len()), (vec![202], 0, 0));
    assert_eq!(said.answers[0].text(HeaderName::ReferSub).unwrap().unwrap(), "false");
    assert!(run.is_done());
    assert!(run.progress(200, "OK").requests.is_empty());
}

#[test]
fn a_refer_that_nobody_decides_is_refused() {
    let mut run = Run::referred("Refer-To: <sip:carol@192.0.2.7>\r\n").unwrap();
    run.pass(21 * SECOND);
    assert_eq!(run.said().codes(), [480]);
    assert!(run.is_done());
    for (headers, code) in [("", 400), ("Refer-To: <tel:1>\r\n", 416), ("Refer-To: <sip:a@b;method=BYE>\r\n", 403)] {
        assert_eq!(Run::referred(headers).err().map(|refusal| refusal.code), Some(code), "{headers}");
    }
}
