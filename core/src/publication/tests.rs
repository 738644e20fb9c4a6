//! RFC 3903 sections 4 and 5, and EVT-7.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

use bytes::Bytes;

use super::*;
use crate::config::{Config, context};
use crate::limits::Limits;
use crate::random::{Random, Seed};
use crate::sip::{Item, Message, Request, Uri};
use crate::transport::{Route, Transport};

const SECOND: Duration = Duration::from_secs(1);

struct Run {
    now: Instant,
    random: Random,
    config: Config,
    usage: Option<Publication>,
    out: Outbox<Output<PublicationEvent>>,
}

fn pidf(body: &str) -> Content {
    Content::new("application/pidf+xml", body)
}

impl Run {
    fn new() -> Self {
        let mut run = Self {
            now: Instant::ZERO,
            random: Random::new(&Seed::from_u64(1)),
            config: Config::default(),
            usage: None,
            out: Outbox::new(),
        };
        let publish = Publish {
            from: NameAddr::new(Uri::parse(&Text::from("sip:alice@atlanta.com")).unwrap()),
            event: Event(Item::new("presence")),
            expires: 600,
            content: pidf("one"),
            destination: Destination::Routes(Vec::new()),
            routes: Vec::new(),
            patience: None,
        };
        let mut cx = context!(run.now, run.random, run.config);
        run.usage = Some(Publication::publish(&mut cx, publish, Client::default(), &mut run.out).unwrap());
        run
    }

    /// One that is published as `etag-1`.
    fn published() -> Self {
        let mut run = Self::new();
        let (ticket, request) = run.request();
        run.answer(ticket, &request, 200, "SIP-ETag: etag-1\r\nExpires: 600\r\n");
        assert_eq!(run.events(), ["SIPPublicationDidSucceed"]);
        run
    }

    fn act<T>(
        &mut self,
        act: impl FnOnce(&mut Publication, &mut Context<'_>, &mut Outbox<Output<PublicationEvent>>) -> T,
    ) -> T {
        let mut cx = context!(self.now, self.random, self.config);
        act(self.usage.as_mut().unwrap(), &mut cx, &mut self.out)
    }

    fn change(&mut self, body: &str) {
        self.act(|usage, _, out| usage.change(pidf(body), out)).unwrap();
    }

    /// Locates what it wants to be located; the only request that follows.
    fn request(&mut self) -> (Ticket, Request) {
        self.requests().pop().expect("a request")
    }

    fn requests(&mut self) -> Vec<(Ticket, Request)> {
        let mut kept = Vec::new();
        let mut requests = Vec::new();
        while let Some(output) = self.out.pop() {
            match output {
                Output::Locate(_) => {
                    let route = Route::new(Transport::Udp, ([192, 0, 2, 4], 5060).into());
                    let located = [Located { route, local: ([192, 0, 2, 1], 5060).into() }];
                    self.act(|usage, cx, out| usage.located(cx, Ok(located.to_vec()), out));
                }
                Output::Request { ticket, request, .. } => requests.push((ticket, request)),
                other => kept.push(other),
            }
        }
        for output in kept {
            self.out.push(output);
        }
        assert!(requests.len() <= 1, "one PUBLISH at a time");
        requests
    }

    fn events(&mut self) -> Vec<&'static str> {
        assert!(self.requests().is_empty());
        std::iter::from_fn(|| self.out.pop())
            .filter_map(|output| match output {
                Output::Event(event) => Some(event.names()[0]),
                _ => None,
            })
            .collect()
    }

    fn answer(&mut self, ticket: Ticket, request: &Request, code: u16, headers: &str) {
        let text = format!(
            "SIP/2.0 {code} X\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: {}\r\nTo: <sip:a@b>;tag=x\r\nCall-ID: {}\r\n\
             CSeq: {}\r\n{headers}\r\n",
            request.from().unwrap(),
            request.call_id().unwrap(),
            request.cseq().unwrap(),
        );
        let Message::Response(response) = Message::parse(Bytes::from(text), &Limits::default()).unwrap() else {
            panic!("a request")
        };
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
}

/// Body, SIP-If-Match and Expires: the columns of table 1.
fn columns(request: &Request) -> (String, Option<String>, u32) {
    assert_eq!(*request.method(), Method::Publish);
    let etag = request.text(HeaderName::SipIfMatch).unwrap().map(|etag| etag.to_string());
    let body = String::from_utf8(request.body().to_vec()).unwrap();
    assert_eq!(request.has(HeaderName::ContentType), !body.is_empty());
    assert!(!request.has(HeaderName::Contact));
    (body, etag, request.expires().unwrap().unwrap())
}

fn table(body: &str, etag: Option<&str>, expires: u32) -> (String, Option<String>, u32) {
    (body.to_owned(), etag.map(str::to_owned), expires)
}

#[test]
fn the_operations_are_those_of_table_1() {
    let mut run = Run::new();
    let (ticket, request) = run.request();
    assert_eq!(columns(&request), table("one", None, 600));
    assert_eq!(request.uri_text().as_str(), "sip:alice@atlanta.com");
    run.answer(ticket, &request, 200, "SIP-ETag: a\r\nExpires: 300\r\n");
    assert_eq!(run.events(), ["SIPPublicationDidSucceed"]);
    // The server shortened it: it is refreshed 30 s before 300 s.
    run.pass(269 * SECOND);
    assert!(run.requests().is_empty());
    run.pass(SECOND);
    let (ticket, refresh) = run.request();
    assert_eq!(columns(&refresh), table("", Some("a"), 600));
    assert_eq!(refresh.cseq().unwrap().number, request.cseq().unwrap().number + 1);
    assert_eq!(refresh.call_id().unwrap(), request.call_id().unwrap());
    run.answer(ticket, &refresh, 200, "SIP-ETag: b\r\nExpires: 600\r\n");
    assert_eq!(run.events(), [""; 0]);
    run.change("two");
    let (ticket, modify) = run.request();
    assert_eq!(columns(&modify), table("two", Some("b"), 600));
    run.answer(ticket, &modify, 200, "SIP-ETag: c\r\nExpires: 600\r\n");
    assert_eq!(run.events(), ["SIPPublicationDidSucceed"]);
    run.act(|usage, _, out| usage.end(out));
    let (ticket, remove) = run.request();
    assert_eq!(columns(&remove), table("", Some("c"), 0));
    run.answer(ticket, &remove, 200, "SIP-ETag: d\r\nExpires: 0\r\n");
    assert_eq!(run.events(), ["SIPPublicationWillEnd", "SIPPublicationDidEnd"]);
    assert!(run.usage.as_ref().unwrap().is_done());
}

#[test]
fn one_at_a_time_and_only_the_newest_change_is_told() {
    let mut run = Run::new();
    let (ticket, request) = run.request();
    run.change("two");
    run.change("three");
    assert!(run.requests().is_empty());
    run.answer(ticket, &request, 200, "SIP-ETag: a\r\n");
    let (ticket, modify) = run.request();
    assert_eq!(columns(&modify), table("three", Some("a"), 600));
    run.answer(ticket, &modify, 200, "SIP-ETag: b\r\n");
    assert!(run.requests().is_empty());
}

#[test]
fn a_412_publishes_all_of_it_once_more_at_once() {
    let mut run = Run::published();
    run.pass(570 * SECOND);
    let (ticket, refresh) = run.request();
    run.answer(ticket, &refresh, 412, "");
    let (ticket, initial) = run.request();
    assert_eq!(columns(&initial), table("one", None, 600));
    run.answer(ticket, &initial, 200, "SIP-ETag: etag-2\r\nExpires: 600\r\n");
    assert_eq!(run.usage.as_ref().unwrap().etag().unwrap().as_str(), "etag-2");
    assert_eq!(run.events(), ["SIPPublicationDidSucceed"]);
    // A server that says so for ever is not asked for ever.
    run.change("two");
    let (ticket, modify) = run.request();
    run.answer(ticket, &modify, 412, "");
    let (ticket, initial) = run.request();
    run.answer(ticket, &initial, 412, "");
    assert_eq!(run.events(), ["SIPPublicationDidFail"]);
}

#[test]
fn a_412_to_the_removal_says_that_it_is_gone() {
    let mut run = Run::published();
    run.act(|usage, _, out| usage.end(out));
    let (ticket, remove) = run.request();
    run.answer(ticket, &remove, 412, "");
    assert_eq!(run.events(), ["SIPPublicationWillEnd", "SIPPublicationDidEnd"]);
}

#[test]
fn a_423_lengthens_it_once() {
    let mut run = Run::new();
    let (ticket, request) = run.request();
    run.answer(ticket, &request, 423, "Min-Expires: 1800\r\n");
    let (ticket, again) = run.request();
    assert_eq!(columns(&again), table("one", None, 1800));
    run.answer(ticket, &again, 423, "Min-Expires: 3600\r\n");
    assert_eq!(run.events(), ["SIPPublicationDidFail"]);
}

#[test]
fn what_the_server_holds_outlives_a_failure() {
    let mut run = Run::published();
    run.pass(570 * SECOND);
    let (ticket, refresh) = run.request();
    run.answer(ticket, &refresh, 503, "Retry-After: 10\r\n");
    assert_eq!(run.events(), [""; 0]);
    run.pass(10 * SECOND);
    let (ticket, again) = run.request();
    assert_eq!(columns(&again), table("", Some("etag-1"), 600));
    run.answer(ticket, &again, 503, "Retry-After: 100\r\n");
    assert_eq!(run.events(), ["SIPPublicationDidFail"]);
    // A change that was not taken goes along with the next attempt.
    let mut run = Run::published();
    run.change("two");
    let (ticket, modify) = run.request();
    run.answer(ticket, &modify, 500, "Retry-After: 5\r\n");
    run.pass(5 * SECOND);
    let (_, again) = run.request();
    assert_eq!(columns(&again), table("two", Some("etag-1"), 600));
}

#[test]
fn a_refusal_for_good_ends_it() {
    for code in [403, 489, 404, 415] {
        let mut run = Run::new();
        let (ticket, request) = run.request();
        run.answer(ticket, &request, code, "");
        assert_eq!(run.events(), ["SIPPublicationDidFail"], "{code}");
        assert!(run.act(|usage, _, out| usage.change(pidf("two"), out)).is_err());
        assert_eq!(run.usage.as_ref().unwrap().deadline(), None);
    }
}

#[test]
fn no_answer_is_a_failure() {
    let mut run = Run::new();
    run.request();
    run.pass(32 * SECOND);
    assert_eq!(run.events(), ["SIPPublicationDidFail"]);
    let mut run = Run::published();
    run.act(|usage, _, out| usage.end(out));
    run.request();
    run.pass(32 * SECOND);
    assert_eq!(run.events(), ["SIPPublicationWillEnd", "SIPPublicationDidNotEnd"]);
}

#[test]
fn an_end_while_it_is_published_waits_for_that() {
    let mut run = Run::new();
    let (ticket, request) = run.request();
    run.act(|usage, _, out| usage.end(out));
    assert!(run.requests().is_empty());
    run.answer(ticket, &request, 200, "SIP-ETag: a\r\n");
    let (_, remove) = run.request();
    assert_eq!(columns(&remove), table("", Some("a"), 0));
    // What failed needs no removal.
    let mut run = Run::new();
    let (ticket, request) = run.request();
    run.act(|usage, _, out| usage.end(out));
    run.answer(ticket, &request, 500, "");
    assert_eq!(run.events(), ["SIPPublicationWillEnd", "SIPPublicationDidEnd"]);
}

#[test]
fn content_that_cannot_be_written_is_refused() {
    let mut run = Run::published();
    let evil = Content::new("a/b\r\nEvil: yes", "x");
    assert!(run.act(|usage, _, out| usage.change(evil, out)).is_err());
    assert!(run.requests().is_empty());
}
