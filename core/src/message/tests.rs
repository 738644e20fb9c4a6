//! RFC 3428 sections 4 and 8; RFC 3994 section 3 (ISC-1).

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::config::{Config, Context, context};
use crate::outbox::Outbox;
use crate::payload::composing::{IsComposing, State};
use crate::random::{Random, Seed};
use crate::sip::{HeaderName, NameAddr, Request, Response, Text, Uri};
use crate::time::Instant;
use crate::transport::{Route, Transport};
use crate::uac::{Destination, Hop, Located, Output, Ticket};
use crate::usage::Content;

const SECOND: Duration = Duration::from_secs(1);

struct Run {
    now: Instant,
    random: Random,
    config: Config,
    out: Outbox<Output<MessageEvent>>,
}

impl Run {
    fn new() -> Self {
        let (random, config) = (Random::new(&Seed::from_u64(1)), Config::default());
        Self { now: Instant::ZERO, random, config, out: Outbox::new() }
    }

    fn with<T>(&mut self, act: impl FnOnce(&mut Context<'_>, &mut Outbox<Output<MessageEvent>>) -> T) -> T {
        let mut cx = context!(self.now, self.random, self.config);
        act(&mut cx, &mut self.out)
    }

    fn send(&mut self, content: Content) -> Result<OutgoingMessage, MessageError> {
        let address = |text: &str| NameAddr::new(Uri::parse(&Text::from(text)).unwrap());
        let message = SendMessage {
            from: address("sip:alice@atlanta.com"),
            to: address("sip:bob@biloxi.com"),
            content,
            destination: Destination::Routes(Vec::new()),
            routes: Vec::new(),
            patience: None,
            credentials: None,
        };
        self.with(|cx, out| OutgoingMessage::send(cx, message, out))
    }

    fn request(&mut self) -> Option<(Ticket, Request, Hop)> {
        std::iter::from_fn(|| self.out.pop()).find_map(|output| match output {
            Output::Request { ticket, request, hop } => Some((ticket, request, hop)),
            _ => None,
        })
    }

    fn events(&mut self) -> Vec<MessageEvent> {
        std::iter::from_fn(|| self.out.pop())
            .filter_map(|output| match output {
                Output::Event(event) => Some(event),
                _ => None,
            })
            .collect()
    }
}

fn says(state: State, refresh: Option<u32>) -> IsComposing {
    IsComposing { state, refresh, ..IsComposing::default() }
}

fn located(transport: Transport) -> Located {
    let route = Route::new(transport, ([192, 0, 2, 4], 5060).into());
    Located { route, local: ([192, 0, 2, 1], 5060).into() }
}

#[test]
fn a_message_carries_its_type_and_no_contact() {
    let mut run = Run::new();
    let mut message = run.send(Content::new("text/plain;charset=utf-8", "hello")).unwrap();
    run.with(|cx, out| message.located(cx, Ok(vec![located(Transport::Udp)]), out));
    let (ticket, request, _) = run.request().unwrap();
    assert_eq!(request.text(HeaderName::ContentType).unwrap().unwrap().as_str(), "text/plain;charset=utf-8");
    assert_eq!((request.body().as_ref(), request.has(HeaderName::Contact)), (b"hello".as_slice(), false));
    let response = Response::build(202, None).finish().unwrap();
    run.with(|cx, out| message.response(cx, ticket, &response, out));
    assert_eq!(run.events(), [MessageEvent::DidSucceed { code: 202, reason: "Accepted".into() }]);
    assert!(message.is_done() && message.deadline().is_none());
}

#[test]
fn a_refusal_and_a_silence_are_told_once() {
    let mut run = Run::new();
    let mut message = run.send(Content::new("text/plain", "hello")).unwrap();
    run.with(|cx, out| message.located(cx, Ok(vec![located(Transport::Udp)]), out));
    let (ticket, ..) = run.request().unwrap();
    let response = Response::build(404, None).finish().unwrap();
    run.with(|cx, out| message.response(cx, ticket, &response, out));
    run.with(|cx, out| message.response(cx, ticket, &response, out));
    let events = run.events();
    assert!(matches!(&events[..], [MessageEvent::DidFail { cause }] if cause.code == Some(404)), "{events:?}");
    let mut message = run.send(Content::new("text/plain", "hello")).unwrap();
    run.with(|cx, out| message.located(cx, Ok(vec![located(Transport::Udp)]), out));
    run.now = message.deadline().unwrap();
    assert_eq!(run.now, Instant::ZERO + 32 * SECOND);
    run.with(|cx, out| message.timeout(cx, out));
    let events = run.events();
    assert!(matches!(&events[..], [MessageEvent::DidFail { cause }] if cause.code == Some(408)), "{events:?}");
}

#[test]
fn a_large_message_needs_a_stream() {
    let mut run = Run::new();
    let large = Content { content_type: "text/plain".into(), body: Bytes::from(vec![b'x'; 1300]) };
    let mut message = run.send(large.clone()).unwrap();
    run.with(|cx, out| message.located(cx, Ok(vec![located(Transport::Udp), located(Transport::Tcp)]), out));
    let (_, _, hop) = run.request().unwrap();
    assert_eq!(hop, Hop::Route(located(Transport::Tcp).route));
    let mut message = run.send(large).unwrap();
    run.with(|cx, out| message.located(cx, Ok(vec![located(Transport::Udp)]), out));
    let events = run.events();
    assert!(matches!(&events[..], [MessageEvent::DidFail { cause }] if cause.code == Some(513)), "{events:?}");
    let mut message = run.send(Content::new("text/plain", "small")).unwrap();
    run.with(|cx, out| message.located(cx, Ok(vec![]), out));
    let events = run.events();
    assert!(matches!(&events[..], [MessageEvent::DidFail { cause }] if cause.code.is_none()), "{events:?}");
}

#[test]
fn a_type_with_a_line_break_is_refused() {
    let mut run = Run::new();
    assert!(run.send(Content::new("a/b\r\nEvil: yes", "x")).is_err());
    assert!(run.out.is_empty());
}

#[test]
fn composing_is_said_once_and_again_after_the_refresh_interval() {
    let mut composer = Composer::new(90);
    let start = Instant::ZERO;
    let active = Some(says(State::Active, Some(90)));
    assert_eq!(composer.composing(start), active);
    for second in 1..90 {
        assert_eq!(composer.composing(start + second * SECOND), None);
        assert_eq!(composer.timeout(start + second * SECOND), None);
    }
    assert_eq!(composer.deadline(), Some(start + 90 * SECOND));
    assert_eq!(composer.timeout(start + 90 * SECOND), active);
    assert_eq!(composer.state(), State::Active);
    // Nothing more is typed: idle 15 s after the last key.
    assert_eq!(composer.deadline(), Some(start + 104 * SECOND));
    assert_eq!(composer.timeout(start + 104 * SECOND), Some(says(State::Idle, None)));
    assert_eq!((composer.deadline(), composer.state()), (None, State::Idle));
}

#[test]
fn a_sent_message_needs_no_word_of_idle() {
    let mut composer = Composer::new(60);
    assert!(composer.composing(Instant::ZERO).is_some());
    composer.sent();
    assert_eq!((composer.deadline(), composer.timeout(Instant::ZERO + 60 * SECOND)), (None, None));
    assert!(composer.composing(Instant::ZERO + SECOND).is_some());
}

#[test]
fn the_refresh_interval_is_a_minute_at_least_and_a_refused_composer_is_silent() {
    let mut composer = Composer::new(5);
    assert_eq!(composer.composing(Instant::ZERO).and_then(|status| status.refresh), Some(60));
    composer.refused();
    assert_eq!((composer.composing(Instant::ZERO + SECOND), composer.deadline()), (None, None));
}

#[test]
fn the_receiver_falls_to_idle_in_three_ways() {
    let mut watched = Watched::default();
    let start = Instant::ZERO;
    assert!(watched.told(start, &says(State::Active, None)));
    assert!(!watched.told(start, &says(State::Active, None)));
    assert_eq!(watched.deadline(), Some(start + 120 * SECOND));
    assert!(!watched.timeout(start + 119 * SECOND));
    assert!(watched.timeout(start + 120 * SECOND));
    assert_eq!(watched.state(), State::Idle);
    assert!(watched.told(start, &says(State::Active, Some(90))));
    assert_eq!(watched.deadline(), Some(start + 90 * SECOND));
    assert!(watched.told(start, &says(State::Idle, None)));
    assert!(watched.told(start, &says(State::Active, Some(90))));
    assert!(watched.message());
    assert!(!watched.message());
}
