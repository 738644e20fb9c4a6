//! Exchanges over several targets, with challenges, silence and failures.

use std::time::Duration;

use super::*;
use crate::config::{Config, Context, context};
use crate::outbox::Outbox;
use crate::random::{Random, Seed};
use crate::sip::digest::Credentials;
use crate::sip::{Authorization, CSeq, HeaderName, Method, NameAddr, Request, Response, Uri};
use crate::time::Instant;
use crate::transaction::End;
use crate::transport::CloseCause;

struct Script {
    now: Instant,
    random: Random,
    config: Config,
    client: Client,
    exchange: Exchange,
    out: Outbox<Output<()>>,
}

fn uri(text: &str) -> Uri {
    text.parse().unwrap()
}

impl Script {
    /// An exchange over so many targets.
    fn new(targets: u8, credentials: Option<Credentials>) -> Self {
        let (mut random, config, now) = (Random::new(&Seed::from_u64(1)), Config::default(), Instant::ZERO);
        let mut client = Client::new(credentials);
        let mut out = Outbox::new();
        let request = Request::build(Method::Register, &uri("sip:example.com"))
            .field(HeaderName::CallId, "c")
            .header(&CSeq::new(5, Method::Register))
            .finish()
            .unwrap();
        let target = |number| Target {
            hop: Hop::Route(format!("udp:192.0.2.{number}:5060").parse().unwrap()),
            contact: Some(NameAddr::new(uri(&format!("sip:us@198.51.100.{number}")))),
        };
        let targets = (1..=targets).map(target).collect();
        let cx = context!(now, random, config);
        let exchange = Exchange::start(&cx, &mut client, request, targets, Patience::USUAL, &mut out).unwrap();
        Self { now, random, config, client, exchange, out }
    }

    fn act<T>(
        &mut self,
        act: impl FnOnce(&mut Exchange, &mut Context<'_>, &mut Client, &mut Outbox<Output<()>>) -> T,
    ) -> T {
        let mut cx = context!(self.now, self.random, self.config);
        act(&mut self.exchange, &mut cx, &mut self.client, &mut self.out)
    }

    /// The request that was sent, if one was.
    fn sent(&mut self) -> Option<(Ticket, Request, Hop)> {
        let output = self.out.pop()?;
        let Output::Request { ticket, request, hop } = output else { panic!("{output:?}") };
        Some((ticket, request, hop))
    }

    fn answer(&mut self, ticket: Ticket, response: &Response) -> Option<Done> {
        self.act(|exchange, cx, client, out| exchange.response(cx, client, ticket, response, out))
    }

    fn ended(&mut self, ticket: Ticket, end: &End) -> Option<Done> {
        self.act(|exchange, cx, client, out| exchange.client_ended(cx, client, ticket, end, out))
    }

    fn pass(&mut self) -> Option<Done> {
        self.now = self.exchange.deadline();
        self.act(|exchange, cx, client, out| exchange.timeout(cx, client, out))
    }
}

fn response(code: u16) -> Response {
    Response::build(code, None).finish().unwrap()
}

fn challenge(nonce: &str) -> Response {
    let value = format!(r#"Digest realm="example.com", nonce="{nonce}", qop="auth""#);
    Response::build(401, None).field(HeaderName::WwwAuthenticate, value).finish().unwrap()
}

fn code(done: Option<Done>) -> u16 {
    done.expect("an end").result.expect("a response").code()
}

#[test]
fn the_next_target_is_tried_on_503_and_failure_and_silence() {
    let mut script = Script::new(4, None);
    let (first, request, _) = script.sent().unwrap();
    assert_eq!(request.text(HeaderName::Contact).unwrap().unwrap(), "<sip:us@198.51.100.1>");
    assert!(script.answer(first, &response(100)).is_none());
    assert!(script.answer(first, &response(503)).is_none());
    let (second, request, hop) = script.sent().unwrap();
    assert_eq!(hop, Hop::Route("udp:192.0.2.2:5060".parse().unwrap()));
    assert_eq!(request.text(HeaderName::Contact).unwrap().unwrap(), "<sip:us@198.51.100.2>");
    assert_eq!(request.cseq().unwrap().number, 5);
    assert!(script.ended(second, &End::TransportFailed(CloseCause::Refused)).is_none());
    script.sent().unwrap();
    assert_eq!(script.exchange.deadline(), Instant::ZERO + Duration::from_secs(10));
    assert!(script.pass().is_none());
    let (last, ..) = script.sent().unwrap();
    // What comes late from a target that was given up counts no more.
    assert!(script.answer(second, &response(200)).is_none());
    let done = script.answer(last, &response(503)).unwrap();
    assert_eq!(done.hop, Hop::Route("udp:192.0.2.4:5060".parse().unwrap()));
    assert_eq!(done.result.unwrap().code(), 503);
}

#[test]
fn a_refusal_is_final() {
    let mut script = Script::new(2, None);
    let (ticket, ..) = script.sent().unwrap();
    assert_eq!(code(script.answer(ticket, &response(403))), 403);
    assert!(script.sent().is_none());
}

#[test]
fn silence_ends_when_the_time_is_used_up() {
    let mut script = Script::new(9, None);
    let mut tried = 0;
    let done = loop {
        script.sent().expect("a request");
        tried += 1;
        if let Some(done) = script.pass() {
            break done;
        }
    };
    assert!(matches!(done.result, Err(Failure::Timeout)));
    assert_eq!((tried, script.now), (3, Instant::ZERO + Duration::from_secs(30)));
}

#[test]
fn a_transport_failure_at_the_last_target_is_the_cause() {
    let mut script = Script::new(1, None);
    let (ticket, ..) = script.sent().unwrap();
    let done = script.ended(ticket, &End::TransportFailed(CloseCause::Refused)).unwrap();
    let Err(failure @ Failure::Transport(_)) = done.result else { panic!("{done:?}") };
    assert_eq!(failure.cause().by, crate::cause::By::Network);
}

#[test]
fn a_challenge_is_answered_once() {
    let mut script = Script::new(2, Some(Credentials::new("alice", "secret")));
    let (first, ..) = script.sent().unwrap();
    assert!(script.answer(first, &challenge("1")).is_none());
    let (second, request, hop) = script.sent().unwrap();
    assert_eq!(hop, Hop::Route("udp:192.0.2.1:5060".parse().unwrap()));
    assert_eq!(request.cseq().unwrap().number, 6);
    assert_eq!(request.all::<Authorization>().count(), 1);
    assert!(script.ended(first, &End::Done).is_none());
    let done = script.answer(second, &challenge("2")).unwrap();
    assert_eq!(done.number, 6);
    let Err(failure @ Failure::Authentication { .. }) = done.result else { panic!("{done:?}") };
    assert_eq!(failure.cause().code, Some(401));
}

#[test]
fn the_next_target_gets_credentials_that_are_counted_on() {
    let mut script = Script::new(2, Some(Credentials::new("alice", "secret")));
    let (ticket, ..) = script.sent().unwrap();
    assert!(script.answer(ticket, &challenge("1")).is_none());
    let (ticket, ..) = script.sent().unwrap();
    assert!(script.answer(ticket, &response(503)).is_none());
    let (ticket, request, _) = script.sent().unwrap();
    let auth = request.all::<Authorization>().next().unwrap().unwrap();
    assert_eq!(auth.params.get("nc").unwrap(), "00000002");
    assert_eq!(code(script.answer(ticket, &response(200))), 200);
}

#[test]
fn without_credentials_a_challenge_is_the_end() {
    let mut script = Script::new(2, None);
    let (ticket, ..) = script.sent().unwrap();
    let done = script.answer(ticket, &challenge("1")).unwrap();
    assert!(matches!(done.result, Err(Failure::Authentication { .. })));
}
