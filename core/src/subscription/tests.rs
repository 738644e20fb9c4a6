//! RFC 6665 section 4.1, and the EVT properties that concern the subscriber.

use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::config::{Config, context};
use crate::id::TransactionId;
use crate::invitation::Incoming;
use crate::limits::Limits;
use crate::random::{Random, Seed};
use crate::sip::{CSeq, HeaderName, Message, Method, Received, Request, Uri};
use crate::transport::{CloseCause, Route, Transport};
use crate::uac::Located;

const SECOND: Duration = Duration::from_secs(1);

struct Run {
    now: Instant,
    random: Random,
    config: Config,
    usage: Option<Subscription>,
    out: Outbox<Output<SubscriptionEvent>>,
    transactions: u64,
    /// Where the notifier is.
    host: &'static str,
}

/// What was said, in few words.
#[derive(Debug, Default)]
struct Said {
    requests: Vec<(Ticket, Request)>,
    answers: Vec<u16>,
    events: Vec<SubscriptionEvent>,
    dialogs: Vec<String>,
}

impl Said {
    fn names(&self) -> Vec<&'static str> {
        self.events.iter().map(|event| event.names()[0].trim_start_matches("SIPSubscription")).collect()
    }

    fn request(self) -> (Ticket, Request) {
        assert_eq!(self.requests.len(), 1, "{self:?}");
        self.requests.into_iter().next().unwrap()
    }

    fn retry(&self) -> Option<Retry> {
        self.events.iter().find_map(|event| match event {
            SubscriptionEvent::DidFail { retry, .. } | SubscriptionEvent::DidEnd { retry, .. } => Some(*retry),
            SubscriptionEvent::WillStart
            | SubscriptionEvent::DidStart
            | SubscriptionEvent::ChangedState { .. }
            | SubscriptionEvent::GotNotify(_)
            | SubscriptionEvent::WillEnd => None,
        })
    }
}

fn uri(text: &str) -> Uri {
    Uri::parse(&Text::from(text)).unwrap()
}

fn route(port: u16) -> Located {
    let route = Route::new(Transport::Udp, ([192, 0, 2, 4], port).into());
    Located { route, local: ([192, 0, 2, 1], 5060).into() }
}

fn number(request: &Request) -> u32 {
    request.cseq().unwrap().number
}

fn expires(request: &Request) -> u32 {
    request.expires().unwrap().unwrap()
}

impl Run {
    fn new(forking: Forking, expires: u32) -> Self {
        let mut run = Self {
            now: Instant::ZERO,
            random: Random::new(&Seed::from_u64(1)),
            config: Config::default(),
            usage: None,
            out: Outbox::new(),
            transactions: 0,
            host: "192.0.2.4",
        };
        let subscribe = Subscribe {
            from: NameAddr::new(uri("sip:alice@atlanta.com")),
            to: NameAddr::new(uri("sip:bob@biloxi.com")),
            event: Event(crate::sip::Item::new("presence")),
            accept: vec!["application/pidf+xml".into()],
            forking,
            refer: None,
            eventlist: false,
            expires,
            content: None,
            destination: Destination::Routes(vec![route(5060).route]),
            routes: Vec::new(),
            patience: None,
            unsupported: Unsupported::Hour,
            contact_user: "alice".into(),
            gruu: None,
            outbound: false,
            reliable: false,
        };
        let mut cx = context!(run.now, run.random, run.config);
        run.usage = Some(Subscription::subscribe(&mut cx, subscribe, Client::default(), &mut run.out).unwrap());
        run
    }

    /// One whose SUBSCRIBE has left.
    fn sent(forking: Forking, expires: u32) -> (Self, Ticket, Request) {
        let mut run = Self::new(forking, expires);
        run.act(|usage, cx, out| usage.located(cx, Ok(vec![route(5060)]), out));
        let (ticket, request) = run.said().request();
        (run, ticket, request)
    }

    /// One with a notifier of tag `n1` that said "active".
    fn active() -> (Self, Request) {
        let (mut run, ticket, request) = Self::sent(Forking::One, 3600);
        run.answer(ticket, &request, 200, "n1", "Expires: 3600\r\n");
        run.notify(&request, "n1", 1, "active;expires=3600", "");
        run.said();
        (run, request)
    }

    fn act<T>(
        &mut self,
        act: impl FnOnce(&mut Subscription, &mut Context<'_>, &mut Outbox<Output<SubscriptionEvent>>) -> T,
    ) -> T {
        let mut cx = context!(self.now, self.random, self.config);
        act(self.usage.as_mut().unwrap(), &mut cx, &mut self.out)
    }

    fn state(&self) -> State {
        self.usage.as_ref().unwrap().state()
    }

    fn answer(&mut self, ticket: Ticket, request: &Request, code: u16, tag: &str, headers: &str) {
        let to = request.to().unwrap();
        let to = if to.tag().is_some() { to } else { to.with_tag(tag) };
        let text = format!(
            "SIP/2.0 {code} X\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: {}\r\nTo: {to}\r\nCall-ID: {}\r\nCSeq: {}\r\n\
             Contact: <sip:{tag}@192.0.2.4>\r\n{headers}\r\n",
            request.from().unwrap(),
            request.call_id().unwrap(),
            request.cseq().unwrap(),
        );
        let Message::Response(response) = Message::parse(Bytes::from(text), &Limits::default()).unwrap() else {
            panic!("a request")
        };
        self.act(|usage, cx, out| usage.response(cx, ticket, &response, out));
    }

    fn notify(&mut self, subscribe: &Request, tag: &str, cseq: u32, state: &str, extra: &str) {
        self.notify_of(subscribe, tag, cseq, "Event: presence\r\n", &format!("Subscription-State: {state}\r\n{extra}"));
    }

    fn notify_of(&mut self, subscribe: &Request, tag: &str, cseq: u32, event: &str, headers: &str) {
        let body = if headers.contains("Content-Type") { "<presence/>" } else { "" };
        let text = format!(
            "NOTIFY sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.4;branch=z9hG4bK{tag}{cseq}\r\nMax-Forwards: 70\r\n\
             From: <sip:bob@biloxi.com>;tag={tag}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {cseq} NOTIFY\r\n\
             Contact: <sip:{tag}@{}>\r\n{event}{headers}\r\n{body}",
            subscribe.from().unwrap(),
            subscribe.call_id().unwrap(),
            self.host,
        );
        let Message::Request(request) = Message::parse(Bytes::from(text), &Limits::default()).unwrap() else {
            panic!("a response")
        };
        self.transactions += 1;
        let incoming = Incoming {
            transaction: TransactionId::from_u64(self.transactions),
            essentials: request.validate().unwrap(),
            request,
            received: Received { from: "192.0.2.4:5060".parse().unwrap() },
        };
        self.act(|usage, cx, out| usage.notified(cx, &incoming, out));
    }

    /// Lets time pass, waking the usage whenever it wants to be; it must make progress each time.
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

    fn said(&mut self) -> Said {
        let mut said = Said::default();
        while let Some(output) = self.out.pop() {
            match output {
                Output::Request { ticket, request, .. } => said.requests.push((ticket, request)),
                Output::Respond { response, .. } => said.answers.push(response.code()),
                Output::DialogBegan(id) => said.dialogs.push(format!("+{}", id.remote_tag())),
                Output::DialogEnded(id) => said.dialogs.push(format!("-{}", id.remote_tag())),
                Output::Event(event) => said.events.push(event),
                Output::Locate(_) => {}
            }
        }
        said
    }
}

#[test]
fn a_subscribe_says_what_is_wanted() {
    let (mut run, _, request) = Run::sent(Forking::One, 3600);
    assert_eq!(*request.method(), Method::Subscribe);
    assert_eq!(request.uri_text().as_str(), "sip:bob@biloxi.com");
    assert_eq!(expires(&request), 3600);
    let text = |name| request.text(name).unwrap().unwrap().to_string();
    assert_eq!(text(HeaderName::Event), "presence");
    assert_eq!(text(HeaderName::Accept), "application/pidf+xml");
    assert_eq!(text(HeaderName::Contact), "<sip:alice@192.0.2.1:5060>");
    assert!(request.to().unwrap().tag().is_none() && request.from().unwrap().tag().is_some());
    assert_eq!(run.state(), State::Sent);
    assert!(run.said().events.is_empty());
}

#[test]
fn it_goes_from_sent_over_accepted_and_pending_to_active() {
    let (mut run, ticket, request) = Run::sent(Forking::One, 3600);
    run.answer(ticket, &request, 200, "n1", "Expires: 1800\r\n");
    let said = run.said();
    assert_eq!((said.names(), said.dialogs), (vec!["DidStart", "ChangedState"], vec!["+n1".to_owned()]));
    assert_eq!(run.state(), State::Accepted);
    run.notify(&request, "n1", 1, "pending;expires=1800", "");
    let said = run.said();
    assert_eq!((said.answers, said.events.len(), run.state()), (vec![200], 2, State::Pending));
    run.notify(&request, "n1", 2, "active;expires=1800", "Content-Type: application/pidf+xml\r\n");
    let said = run.said();
    assert_eq!((said.names(), run.state()), (vec!["ChangedState", "GotNotify"], State::Active));
    let SubscriptionEvent::GotNotify(notify) = &said.events[1] else { panic!("{said:?}") };
    assert_eq!(notify.content, Some(Content::new("application/pidf+xml", "<presence/>")));
    assert_eq!(notify.subscription_state.as_str(), "active;expires=1800");
}

#[test]
fn a_notify_may_overtake_the_answer() {
    let (mut run, ticket, request) = Run::sent(Forking::One, 3600);
    run.notify(&request, "n1", 1, "active;expires=3600", "");
    let said = run.said();
    assert_eq!(said.names(), ["DidStart", "ChangedState", "GotNotify"]);
    assert_eq!((said.answers, said.dialogs), (vec![200], vec!["+n1".to_owned()]));
    run.answer(ticket, &request, 200, "n1", "Expires: 3600\r\n");
    let said = run.said();
    assert!(said.events.is_empty() && said.dialogs.is_empty(), "{said:?}");
    assert_eq!(run.state(), State::Active);
    // Its routes are the NOTIFY's, and its numbers go on from the SUBSCRIBE's.
    run.pass(3570 * SECOND);
    let (_, refresh) = run.said().request();
    assert_eq!(number(&refresh), number(&request) + 1);
    assert_eq!(refresh.uri_text().as_str(), "sip:n1@192.0.2.4");
}

#[test]
fn without_a_notify_it_fails_after_timer_n() {
    let (mut run, ticket, request) = Run::sent(Forking::One, 3600);
    run.now += SECOND;
    run.answer(ticket, &request, 200, "n1", "");
    run.said();
    run.pass(30 * SECOND);
    assert_eq!(run.state(), State::Accepted);
    run.pass(2 * SECOND);
    let said = run.said();
    assert_eq!(said.names(), ["ChangedState", "DidFail"]);
    assert_eq!(said.retry(), Some(Retry::Later));
    assert_eq!(run.state(), State::Terminated);
    assert!(said.dialogs.contains(&"-n1".to_owned()) && said.dialogs.contains(&"-".to_owned()), "{said:?}");
}

#[test]
fn without_an_answer_it_fails_like_any_request() {
    let (mut run, _, _) = Run::sent(Forking::One, 3600);
    run.pass(32 * SECOND);
    assert_eq!(run.said().names(), ["ChangedState", "DidFail"]);
}

#[test]
fn only_one_fork_notifies_where_the_package_allows_one() {
    let (mut run, _, request) = Run::sent(Forking::One, 3600);
    run.notify(&request, "n1", 1, "active;expires=3600", "");
    run.notify(&request, "n2", 1, "active;expires=3600", "");
    assert_eq!(run.said().answers, [200, 481]);
    assert_eq!(run.usage.as_ref().unwrap().dialogs().count(), 1);
}

#[test]
fn several_forks_notify_until_timer_n_where_the_package_allows_them() {
    let (mut run, ticket, request) = Run::sent(Forking::Several, 3600);
    run.answer(ticket, &request, 200, "n1", "");
    run.notify(&request, "n1", 1, "active;expires=3600", "");
    run.notify(&request, "n2", 1, "pending;expires=1000", "");
    assert_eq!(run.said().answers, [200, 200]);
    run.pass(32 * SECOND);
    run.notify(&request, "n3", 1, "active;expires=3600", "");
    let said = run.said();
    assert_eq!((said.answers, said.events.len()), (vec![481], 0));
    // Each is refreshed in its own time, and ends alone.
    run.pass(938 * SECOND);
    let (_, refresh) = run.said().request();
    assert_eq!(refresh.to().unwrap().tag(), Some("n2"));
    run.notify(&request, "n2", 2, "terminated;reason=noresource", "");
    assert_eq!(run.state(), State::Active);
    assert_eq!(run.said().names(), ["GotNotify"]);
    run.notify(&request, "n1", 2, "terminated;reason=noresource", "");
    let said = run.said();
    assert_eq!(said.names(), ["GotNotify", "ChangedState", "DidEnd"]);
    assert_eq!(said.retry(), Some(Retry::Never));
}

#[test]
fn forks_are_bounded() {
    let (mut run, _, request) = Run::sent(Forking::Several, 3600);
    for fork in 0..100 {
        run.notify(&request, &format!("n{fork}"), 1, "active;expires=3600", "");
    }
    let said = run.said();
    assert_eq!(said.answers.iter().filter(|code| **code == 200).count(), run.config.limits.forks);
    assert_eq!(run.usage.as_ref().unwrap().dialogs().count(), run.config.limits.forks);
}

#[test]
fn notifies_that_do_not_belong_are_refused() {
    let (mut run, request) = Run::active();
    let active = "Subscription-State: active\r\n";
    run.notify_of(&request, "n1", 2, "Event: presence;id=7\r\n", active);
    run.notify_of(&request, "n1", 3, "Event: dialog\r\n", active);
    run.notify_of(&request, "n1", 4, "", active);
    run.notify_of(&request, "n1", 5, "Event: presence\r\n", "");
    run.notify_of(&request, "n1", 6, "Event: presence\r\n", "Subscription-State: \r\n");
    run.notify_of(&request, "n1", 3, "Event: presence\r\n", active);
    run.notify(&request, "n1", 7, "active", "Content-Type: text/plain\r\n");
    let said = run.said();
    assert_eq!((said.answers, said.events.len()), (vec![481, 481, 481, 400, 400, 500, 415], 0));
}

#[test]
fn it_is_refreshed_before_it_expires_and_keeps_its_call_id() {
    let (mut run, request) = Run::active();
    run.pass(3569 * SECOND);
    assert!(run.said().requests.is_empty());
    run.pass(SECOND);
    let (ticket, refresh) = run.said().request();
    assert_eq!((expires(&refresh), refresh.call_id().unwrap()), (3600, request.call_id().unwrap()));
    run.answer(ticket, &refresh, 200, "n1", "Expires: 100\r\n");
    run.notify(&request, "n1", 2, "active;expires=100", "");
    run.said();
    // The server shortened it: 70 s later it is refreshed again.
    run.pass(69 * SECOND);
    assert!(run.said().requests.is_empty());
    run.pass(SECOND);
    assert_eq!(run.said().requests.len(), 1);
}

#[test]
fn the_notifier_decides_how_long_it_lasts() {
    let (mut run, ticket, request) = Run::sent(Forking::One, 3600);
    run.answer(ticket, &request, 200, "n1", "Expires: 3600\r\n");
    run.notify(&request, "n1", 1, "active;expires=40", "");
    run.said();
    run.pass(20 * SECOND);
    assert_eq!(run.said().requests.len(), 1);
    // Nobody may lengthen it: the most that was asked for counts.
    let (mut run, _, request) = Run::sent(Forking::One, 60);
    run.notify(&request, "n1", 1, "active;expires=4000000", "");
    run.said();
    run.pass(30 * SECOND);
    assert_eq!(run.said().requests.len(), 1);
}

#[test]
fn no_answer_to_a_refresh_lengthens_it() {
    let (mut run, request) = Run::active();
    run.pass(3570 * SECOND);
    let (ticket, refresh) = run.said().request();
    run.answer(ticket, &refresh, 200, "n1", "Expires: 4000000\r\n");
    run.notify(&request, "n1", 2, "active", "");
    run.said();
    run.pass(3570 * SECOND);
    assert_eq!(run.said().requests.len(), 1);
}

/// A NOTIFY refreshes the target (RFC 6665 section 4.4.1).
#[test]
fn a_notifier_that_moves_is_followed() {
    let (mut run, request) = Run::active();
    run.host = "192.0.2.5";
    run.notify(&request, "n1", 2, "active", "");
    run.said();
    run.pass(3570 * SECOND);
    let (_, refresh) = run.said().request();
    assert_eq!(refresh.uri().unwrap().to_string(), "sip:n1@192.0.2.5");
}

#[test]
fn a_fork_that_has_ended_does_not_begin_again() {
    let (mut run, _, request) = Run::sent(Forking::Several, 3600);
    run.notify(&request, "n2", 1, "active;expires=3600", "");
    run.notify(&request, "n1", 1, "terminated;reason=rejected", "");
    run.notify(&request, "n1", 2, "active", "");
    assert_eq!(run.said().answers, [200, 200, 481]);
}

#[test]
fn a_refresh_without_a_notify_ends_it() {
    let (mut run, _) = Run::active();
    run.pass(3570 * SECOND);
    let (ticket, refresh) = run.said().request();
    run.answer(ticket, &refresh, 200, "n1", "Expires: 3600\r\n");
    run.pass(32 * SECOND);
    let said = run.said();
    assert_eq!((said.names(), said.retry()), (vec!["ChangedState", "DidFail"], Some(Retry::Now)));
}

#[test]
fn a_204_says_that_no_notify_will_come() {
    let (mut run, _) = Run::active();
    run.pass(3570 * SECOND);
    let (ticket, refresh) = run.said().request();
    run.answer(ticket, &refresh, 204, "n1", "Expires: 3600\r\n");
    run.pass(40 * SECOND);
    assert_eq!((run.said().events.len(), run.state()), (0, State::Active));
}

#[test]
fn a_refresh_that_is_refused_ends_it_or_not() {
    for (code, ends) in [(481, true), (408, true), (489, true), (404, true), (500, false), (403, false), (503, false)] {
        let (mut run, _) = Run::active();
        run.pass(3570 * SECOND);
        let (ticket, refresh) = run.said().request();
        run.answer(ticket, &refresh, code, "n1", "");
        assert_eq!(run.state() == State::Terminated, ends, "{code}");
        // What goes on tries again, and ends with its time.
        run.pass(3600 * SECOND);
        let said = run.said();
        assert_eq!(said.requests.is_empty(), ends, "{code}");
        assert_eq!(said.names().iter().filter(|name| **name == "DidFail").count(), 1, "{code}");
    }
}

#[test]
fn a_481_calls_for_a_new_one_at_once() {
    let (mut run, _) = Run::active();
    run.pass(3570 * SECOND);
    let (ticket, refresh) = run.said().request();
    run.answer(ticket, &refresh, 481, "n1", "");
    assert_eq!(run.said().retry(), Some(Retry::Now));
}

#[test]
fn reasons_say_when_to_begin_anew() {
    let after = |seconds| Retry::After(Duration::from_secs(seconds));
    for (state, expected) in [
        ("terminated;reason=deactivated", Retry::Now),
        ("terminated;reason=deactivated;retry-after=9", Retry::Now),
        ("terminated;reason=timeout", Retry::Now),
        ("terminated;reason=probation;retry-after=9", after(9)),
        ("terminated;reason=probation", Retry::Later),
        ("terminated;reason=giveup;retry-after=30", after(30)),
        ("terminated;reason=rejected;retry-after=9", Retry::Never),
        ("terminated;reason=noresource", Retry::Never),
        ("terminated;reason=invariant;retry-after=31536000", Retry::Never),
        ("terminated;reason=whatever;retry-after=5", after(5)),
        ("TERMINATED", Retry::Later),
    ] {
        let (mut run, request) = Run::active();
        run.notify(&request, "n1", 2, state, "");
        let said = run.said();
        assert_eq!((said.retry(), run.state()), (Some(expected), State::Terminated), "{state}");
        assert_eq!(said.names(), ["GotNotify", "ChangedState", "DidEnd"], "{state}");
        run.notify(&request, "n1", 3, "active", "");
        assert_eq!(run.said().answers, [481]);
    }
}

#[test]
fn an_end_waits_for_the_last_notify() {
    let (mut run, request) = Run::active();
    run.act(|usage, cx, out| usage.end(cx, out));
    let said = run.said();
    assert_eq!(said.names(), ["SCSubscriptionWillEnd"]);
    let (ticket, unsubscribe) = said.request();
    assert_eq!(expires(&unsubscribe), 0);
    run.answer(ticket, &unsubscribe, 200, "n1", "Expires: 0\r\n");
    assert_eq!(run.said().events.len(), 0);
    run.notify(&request, "n1", 2, "terminated;reason=timeout", "Content-Type: application/pidf+xml\r\n");
    let said = run.said();
    assert_eq!(said.names(), ["GotNotify", "ChangedState", "DidEnd"]);
    assert_eq!(said.retry(), Some(Retry::Never));
}

#[test]
fn an_end_does_not_wait_for_ever() {
    let (mut run, _) = Run::active();
    run.act(|usage, cx, out| usage.end(cx, out));
    let (ticket, unsubscribe) = run.said().request();
    run.answer(ticket, &unsubscribe, 200, "n1", "");
    run.pass(32 * SECOND);
    assert_eq!(run.said().names(), ["ChangedState", "DidEnd"]);
    let (mut run, _) = Run::active();
    run.act(|usage, cx, out| usage.end(cx, out));
    run.pass(32 * SECOND);
    assert_eq!(run.said().names(), ["SCSubscriptionWillEnd", "ChangedState", "DidEnd"]);
}

#[test]
fn an_end_before_the_answer_follows_it() {
    let (mut run, ticket, request) = Run::sent(Forking::One, 3600);
    run.act(|usage, cx, out| usage.end(cx, out));
    assert!(run.said().requests.is_empty());
    run.answer(ticket, &request, 200, "n1", "");
    let (_, unsubscribe) = run.said().request();
    assert_eq!((expires(&unsubscribe), unsubscribe.to().unwrap().tag()), (0, Some("n1")));
    // Before it was sent at all there is nothing to tell anyone.
    let mut run = Run::new(Forking::One, 3600);
    run.act(|usage, cx, out| usage.end(cx, out));
    let said = run.said();
    assert_eq!((said.requests.len(), run.state()), (0, State::Terminated));
}

#[test]
fn an_end_during_a_refresh_follows_it() {
    let (mut run, _) = Run::active();
    run.pass(3570 * SECOND);
    let (ticket, refresh) = run.said().request();
    run.act(|usage, cx, out| usage.end(cx, out));
    assert!(run.said().requests.is_empty());
    run.answer(ticket, &refresh, 200, "n1", "");
    let (_, unsubscribe) = run.said().request();
    assert_eq!((expires(&unsubscribe), number(&unsubscribe)), (0, number(&refresh) + 1));
}

#[test]
fn a_fetch_ends_with_the_state() {
    for overtakes in [false, true] {
        let (mut run, ticket, request) = Run::sent(Forking::One, 0);
        assert_eq!(expires(&request), 0);
        let state = "terminated;reason=timeout";
        let pidf = "Content-Type: application/pidf+xml\r\n";
        if overtakes {
            run.notify(&request, "n1", 1, state, pidf);
            run.answer(ticket, &request, 200, "n1", "Expires: 0\r\n");
        } else {
            run.answer(ticket, &request, 200, "n1", "Expires: 0\r\n");
            run.notify(&request, "n1", 1, state, pidf);
        }
        let said = run.said();
        assert_eq!(said.answers, [200]);
        let names: Vec<_> = said.names().into_iter().filter(|name| *name != "ChangedState").collect();
        assert_eq!(names, ["DidStart", "GotNotify", "DidEnd"], "overtakes: {overtakes}");
        assert_eq!(run.state(), State::Terminated);
    }
}

#[test]
fn a_423_lengthens_it_once() {
    let (mut run, ticket, request) = Run::sent(Forking::One, 60);
    run.answer(ticket, &request, 423, "x", "Min-Expires: 600\r\n");
    let (ticket, again) = run.said().request();
    assert_eq!((expires(&again), number(&again)), (600, number(&request) + 1));
    assert_eq!(again.call_id().unwrap(), request.call_id().unwrap());
    run.answer(ticket, &again, 423, "x", "Min-Expires: 1200\r\n");
    let said = run.said();
    assert!(said.requests.is_empty());
    let last = said.events.last().unwrap();
    assert!(matches!(last, SubscriptionEvent::DidFail { min_expires: Some(1200), .. }), "{last:?}");
    for absurd in ["", "Min-Expires: 10\r\n", "Min-Expires: 4000000000\r\n", "Min-Expires: x\r\n"] {
        let (mut run, ticket, request) = Run::sent(Forking::One, 60);
        run.answer(ticket, &request, 423, "x", absurd);
        assert_eq!((run.said().requests.len(), run.state()), (0, State::Terminated), "{absurd}");
    }
}

#[test]
fn a_423_to_a_refresh_lengthens_it_once() {
    let (mut run, _) = Run::active();
    run.pass(3570 * SECOND);
    let (ticket, refresh) = run.said().request();
    run.answer(ticket, &refresh, 423, "n1", "Min-Expires: 7200\r\n");
    let (ticket, again) = run.said().request();
    assert_eq!((expires(&again), number(&again)), (7200, number(&refresh) + 1));
    run.answer(ticket, &again, 423, "n1", "Min-Expires: 9000\r\n");
    assert_eq!((run.said().requests.len(), run.state()), (0, State::Active));
}

#[test]
fn it_is_tried_over_its_places() {
    let mut run = Run::new(Forking::One, 3600);
    run.act(|usage, cx, out| usage.located(cx, Ok(vec![route(1), route(2), route(3)]), out));
    let (ticket, first) = run.said().request();
    run.answer(ticket, &first, 503, "x", "");
    let (ticket, second) = run.said().request();
    assert_eq!(second.cseq().unwrap(), CSeq { number: number(&first), method: Method::Subscribe });
    let lost = End::TransportFailed(CloseCause::Refused);
    run.act(|usage, cx, out| usage.client_ended(cx, ticket, &lost, out));
    let (ticket, third) = run.said().request();
    run.answer(ticket, &third, 489, "x", "");
    let said = run.said();
    assert_eq!((said.names(), said.retry()), (vec!["ChangedState", "DidFail"], Some(Retry::Never)));
}

#[test]
fn no_place_is_a_failure() {
    let mut run = Run::new(Forking::One, 3600);
    run.act(|usage, cx, out| usage.located(cx, Ok(vec![]), out));
    assert_eq!(run.said().names(), ["WillStart", "ChangedState", "DidFail"]);
}

#[test]
fn a_message_that_cannot_be_written_is_refused_at_once() {
    let mut random = Random::new(&Seed::from_u64(1));
    let config = Config::default();
    let mut cx = context!(Instant::ZERO, random, config);
    let subscribe = Subscribe {
        from: NameAddr::new(uri("sip:alice@atlanta.com")),
        to: NameAddr::new(uri("sip:bob@biloxi.com")),
        event: Event(crate::sip::Item::new("presence")),
        accept: vec!["a/b\r\nEvil: yes".into()],
        forking: Forking::One,
        refer: None,
        eventlist: false,
        expires: 0,
        content: None,
        destination: Destination::Routes(Vec::new()),
        routes: Vec::new(),
        patience: None,
        unsupported: Unsupported::Hour,
        contact_user: "alice".into(),
        gruu: None,
        outbound: false,
        reliable: false,
    };
    let mut out = Outbox::new();
    assert!(Subscription::subscribe(&mut cx, subscribe, Client::default(), &mut out).is_err());
    assert!(out.is_empty());
}
