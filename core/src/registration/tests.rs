//! Against a scripted registrar: what is sent when, and what is told.

use std::time::Duration;

use super::*;
use crate::config::{Config, Context, context};
use crate::outbox::Outbox;
use crate::random::{Random, Seed};
use crate::sip::digest::Credentials;
use crate::sip::{Authorization, HeaderName, NameAddr, Request, Response, Uri};
use crate::time::Instant;
use crate::transaction::End;
use crate::transport::{CloseCause, Route};
use crate::uac::{Destination, Hop, Located, Ticket};

struct Script {
    now: Instant,
    random: Random,
    config: Config,
    registration: Registration,
    sent: Vec<(Ticket, Request)>,
    events: Vec<RegistrationEvent>,
    locates: usize,
    /// Where REGISTER goes; none when it cannot be found.
    places: Option<Vec<Located>>,
    /// Every REGISTER, by CSeq number, and when it went.
    history: Vec<(u32, Instant)>,
}

fn uri(text: &str) -> Uri {
    text.parse().unwrap()
}

fn place(route: &str, local: &str) -> Located {
    Located { route: route.parse().unwrap(), local: local.parse().unwrap() }
}

fn settings() -> Settings {
    let Uri::Sip(domain) = uri("sip:example.com") else { panic!() };
    Settings {
        identity: NameAddr::new(uri("sip:alice@example.com")),
        contact_user: "abcdefgh".into(),
        credentials: Some(Credentials::new("alice", "secret")),
        destination: Destination::Uri(domain),
        interval: 600,
        instance_id: None,
    }
}

impl Script {
    fn with(settings: Settings) -> Self {
        let (mut random, config) = (Random::new(&Seed::from_u64(1)), Config::default());
        let mut cx = context!(Instant::ZERO, random, config);
        let registration = Registration::new(&mut cx, settings);
        Self {
            now: Instant::ZERO,
            random,
            config,
            registration,
            sent: Vec::new(),
            events: Vec::new(),
            locates: 0,
            places: Some(vec![place("udp:192.0.2.1:5060", "198.51.100.9:5070")]),
            history: Vec::new(),
        }
    }

    /// A registration that has asked to register.
    fn started(settings: Settings) -> Self {
        let mut script = Self::with(settings);
        script.act(|registration, cx, out| registration.register(cx, out));
        script
    }

    fn registered() -> Self {
        let mut script = Self::started(settings());
        script.accept(600, "");
        assert!(script.registration.is_registered());
        script
    }

    fn act(&mut self, act: impl FnOnce(&mut Registration, &mut Context<'_>, &mut Outbox<Output>)) {
        let mut out = Outbox::new();
        let mut cx = context!(self.now, self.random, self.config);
        act(&mut self.registration, &mut cx, &mut out);
        while let Some(output) = out.pop() {
            match output {
                Output::Locate(_) => {
                    self.locates += 1;
                    let places = self.places.clone().ok_or_else(|| "NXDOMAIN".into());
                    self.registration.located(&mut cx, places, &mut out);
                }
                Output::Request { ticket, request, hop } => {
                    assert!(matches!(hop, Hop::Route(_)));
                    self.history.push((request.cseq().unwrap().number, self.now));
                    self.sent.push((ticket, request));
                }
                Output::Event(event) => self.events.push(event),
                Output::Respond { .. } | Output::DialogBegan(_) | Output::DialogEnded(_) => panic!("{output:?}"),
            }
        }
    }

    fn answer(&mut self, ticket: Ticket, response: &Response) {
        self.act(|registration, cx, out| registration.response(cx, ticket, response, out));
    }

    /// The registrar answers the last REGISTER.
    fn respond(&mut self, code: u16, fields: &[(HeaderName, &str)]) {
        let (ticket, _) = self.sent.pop().expect("a REGISTER");
        let mut builder = Response::build(code, None);
        for (name, value) in fields {
            builder = builder.field(*name, value);
        }
        let response = builder.finish().unwrap();
        self.answer(ticket, &response);
    }

    /// The registrar accepts the last REGISTER, and lists our Contact and these.
    fn accept(&mut self, expires: u32, more: &str) {
        let contact = self.contact();
        self.respond(200, &[(HeaderName::Contact, &format!("{contact};expires={expires}{more}"))]);
    }

    /// The Contact of the last REGISTER that is ours.
    fn contact(&self) -> String {
        let (_, request) = self.sent.last().expect("a REGISTER");
        request.contacts().flatten().last().unwrap().to_string()
    }

    fn challenge(&mut self, nonce: &str) {
        let value = format!(r#"Digest realm="example.com", nonce="{nonce}", qop="auth""#);
        self.respond(401, &[(HeaderName::WwwAuthenticate, &value)]);
    }

    /// Goes to the next deadline; tells how long that took.
    fn pass(&mut self) -> Duration {
        let at = self.registration.deadline().expect("a deadline");
        let passed = at.saturating_since(self.now);
        self.now = at;
        self.act(|registration, cx, out| registration.timeout(cx, out));
        passed
    }

    fn names(&mut self) -> Vec<&'static str> {
        std::mem::take(&mut self.events).iter().map(|event| event.names()[0]).collect()
    }

    /// What the last failure says, and when it is tried again.
    fn failure(&mut self) -> (String, Duration) {
        let last = self.events.pop().expect("news");
        let RegistrationEvent::DidFail { error, timeout, .. } = last else { panic!("{last:?}") };
        assert_eq!(self.registration.deadline(), Some(self.now + timeout));
        assert!(!self.registration.is_registered());
        (error.to_string(), timeout)
    }
}

fn seconds(range: std::ops::RangeInclusive<u64>, pause: Duration) {
    let (low, high) = (Duration::from_secs(*range.start()), Duration::from_secs(*range.end()));
    assert!((low..=high).contains(&pause), "{pause:?}");
}

#[test]
fn a_register_says_what_it_must() {
    let script = Script::started(settings());
    let (_, request) = script.sent.first().unwrap();
    assert_eq!(request.uri_text(), "sip:example.com");
    assert_eq!(request.to().unwrap().to_string(), "<sip:alice@example.com>");
    assert!(request.from().unwrap().tag().is_some());
    assert_eq!(request.expires().unwrap(), Some(600));
    assert_eq!(script.contact(), "<sip:abcdefgh@198.51.100.9:5070>");
    assert!(request.supports("path") && !request.supports("gruu"));
    assert_eq!(script.events, [RegistrationEvent::WillRegister]);
}

#[test]
fn the_contact_has_the_transport_and_the_device() {
    let instance_id = Some("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6".into());
    let mut script = Script::with(Settings { instance_id, ..settings() });
    script.places = Some(vec![place("tcp:[2001:db8::1]:5060", "[2001:db8::9]:5070")]);
    script.act(|registration, cx, out| registration.register(cx, out));
    assert_eq!(
        script.contact(),
        "<sip:abcdefgh@[2001:db8::9]:5070;transport=tcp>;+sip.instance=\"<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>\";reg-id=1"
    );
    assert!(script.sent.last().unwrap().1.supports("outbound"));
    script.accept(600, ";pub-gruu=\"sip:alice@example.com;gr=urn:uuid:f81d4fae\"");
    assert_eq!(script.registration.public_gruu().unwrap().to_string(), "sip:alice@example.com;gr=urn:uuid:f81d4fae");
}

#[test]
fn it_registers_with_credentials_and_refreshes() {
    let mut script = Script::started(settings());
    script.challenge("1");
    script.accept(600, ", <sip:other@192.0.2.77>;expires=30");
    let registrar: Route = "udp:192.0.2.1:5060".parse().unwrap();
    let contact = "<sip:abcdefgh@198.51.100.9:5070>";
    let contacts = vec![format!("{contact};expires=600").into(), "<sip:other@192.0.2.77>;expires=30".into()];
    assert_eq!(
        script.events.get(1..).unwrap(),
        [
            RegistrationEvent::GotAnswer { code: 200, reason: "OK".into(), registrar },
            RegistrationEvent::DidSucceed { contact: contact.into(), contacts, expires: 600, registrar },
        ]
    );
    script.names();
    assert_eq!(script.pass(), Duration::from_secs(570));
    let (_, request) = script.sent.last().unwrap();
    let auth = request.all::<Authorization>().next().unwrap().unwrap();
    assert_eq!(auth.params.get("nc").unwrap(), "00000002");
    script.accept(600, "");
    assert_eq!(
        script.names(),
        ["SIPAccountRegistrationWillRefresh", "SIPAccountRegistrationGotAnswer", "SIPAccountRegistrationDidSucceed"]
    );
    let numbers: Vec<u32> = script.history.iter().map(|(number, _)| *number).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
}

#[test]
fn the_refresh_comes_before_the_expiry_that_the_registrar_says() {
    for (expires, refresh) in [(3600, 3570), (61, 31), (60, 30), (40, 20), (2, 1)] {
        let mut script = Script::started(settings());
        script.accept(expires, "");
        assert_eq!(script.pass(), Duration::from_secs(refresh), "{expires}");
    }
    // Without an expiry of our Contact that of the message counts; without any, an hour, or what was asked for.
    for (fields, refresh) in [
        (vec![(HeaderName::Expires, "100")], 70),
        (vec![], 570),
        (vec![(HeaderName::Contact, "<sip:abcdefgh@203.0.113.5:1>;expires=90")], 60),
        (vec![(HeaderName::Contact, "<sip:abcdefgh@198.51.100.9:5070>"), (HeaderName::Expires, "80")], 50),
    ] {
        let mut script = Script::started(settings());
        script.respond(200, &fields);
        assert_eq!(script.pass(), Duration::from_secs(refresh), "{fields:?}");
    }
}

#[test]
fn refused_credentials_are_tried_again_after_a_minute() {
    let mut script = Script::started(settings());
    script.challenge("1");
    script.challenge("2");
    assert_eq!(script.names().get(..2).unwrap(), ["SIPAccountWillRegister", "SIPAccountRegistrationGotAnswer"]);
    let mut script = Script::started(settings());
    script.challenge("1");
    script.challenge("2");
    let (error, pause) = script.failure();
    assert_eq!(error, "Authentication failed");
    seconds(60..=120, pause);
}

#[test]
fn a_longer_expiry_is_tried_at_once_and_once() {
    let mut script = Script::started(settings());
    script.respond(423, &[(HeaderName::MinExpires, "1800")]);
    assert_eq!(script.sent.last().unwrap().1.expires().unwrap(), Some(1800));
    script.respond(423, &[(HeaderName::MinExpires, "7200")]);
    let (_, pause) = script.failure();
    seconds(60..=120, pause);
    script.pass();
    assert_eq!(script.sent.last().unwrap().1.expires().unwrap(), Some(7200));
}

#[test]
fn an_absurd_minimum_is_not_followed() {
    for least in ["4294967295", "0", "600", "x"] {
        let mut script = Script::started(settings());
        script.respond(423, &[(HeaderName::MinExpires, least)]);
        seconds(60..=120, script.failure().1);
        script.pass();
        assert_eq!(script.sent.last().unwrap().1.expires().unwrap(), Some(600));
    }
}

#[test]
fn other_refusals_wait_as_long_as_they_say() {
    let mut script = Script::started(settings());
    script.respond(503, &[(HeaderName::RetryAfter, "100")]);
    let (error, pause) = script.failure();
    assert_eq!(error, "Service Unavailable");
    seconds(100..=110, pause);
    let mut script = Script::started(settings());
    script.respond(503, &[(HeaderName::RetryAfter, "4000000000")]);
    seconds(3600..=3960, script.failure().1);
    for code in [403, 404, 500, 503, 600] {
        let mut script = Script::started(settings());
        script.respond(code, &[]);
        seconds(15..=40, script.failure().1);
    }
}

#[test]
fn silence_and_lost_ways_are_tried_again() {
    let mut script = Script::started(settings());
    assert_eq!(script.pass(), Duration::from_secs(10));
    let (error, pause) = script.failure();
    assert_eq!(error, "Request Timeout");
    seconds(15..=40, pause);
    let mut script = Script::started(settings());
    for (low, high) in [(1, 2), (2, 4), (4, 8), (8, 16), (16, 32), (30, 60), (30, 60)] {
        let (ticket, _) = script.sent.pop().unwrap();
        let end = End::TransportFailed(CloseCause::Refused);
        script.act(|registration, cx, out| registration.client_ended(cx, ticket, &end, out));
        let (error, pause) = script.failure();
        assert_eq!(error, "No more routes to try");
        seconds(low..=high, pause);
        script.pass();
    }
}

#[test]
fn a_registrar_that_keeps_flows_is_left_alone_for_as_long_as_flow_recovery_says() {
    let mut script = Script::started(settings());
    let refuse = |script: &mut Script| {
        let (ticket, _) = script.sent.pop().unwrap();
        let end = End::TransportFailed(CloseCause::Refused);
        script.act(|registration, cx, out| registration.client_ended(cx, ticket, &end, out));
        script.failure().1
    };
    let accept = |script: &mut Script| {
        let contact = script.contact();
        let contact = format!("{contact};expires=3600");
        script.respond(200, &[(HeaderName::Require, "outbound"), (HeaderName::Contact, &contact)]);
        assert!(script.registration.is_outbound());
    };
    accept(&mut script);
    // Half an hour at most, whatever comes.
    script.pass();
    for (low, high) in [(30, 60), (60, 120), (120, 240), (240, 480), (480, 960), (900, 1800), (900, 1800), (900, 1800)]
    {
        seconds(low..=high, refuse(&mut script));
        script.pass();
    }
    // What has not lasted does not count, and what has begins anew.
    accept(&mut script);
    script.now += Duration::from_secs(60);
    script.act(|registration, cx, out| registration.renew(cx, out));
    seconds(900..=1800, refuse(&mut script));
    script.pass();
    accept(&mut script);
    script.now += Duration::from_secs(121);
    script.act(|registration, cx, out| registration.renew(cx, out));
    seconds(30..=60, refuse(&mut script));
}

#[test]
fn a_name_that_is_not_found_is_looked_up_again() {
    let mut script = Script::with(settings());
    script.places = None;
    script.act(|registration, cx, out| registration.register(cx, out));
    let (error, pause) = script.failure();
    assert_eq!(error, "DNS lookup failed: NXDOMAIN");
    seconds(1..=2, pause);
    script.pass();
    seconds(2..=4, script.failure().1);
    assert_eq!(script.locates, 2);
}

#[test]
fn each_place_is_tried_with_its_contact() {
    let mut script = Script::with(settings());
    script.places =
        Some(vec![place("udp:192.0.2.1:5060", "198.51.100.9:5070"), place("tcp:192.0.2.2:5060", "203.0.113.9:5070")]);
    script.act(|registration, cx, out| registration.register(cx, out));
    script.respond(503, &[]);
    assert_eq!(script.contact(), "<sip:abcdefgh@203.0.113.9:5070;transport=tcp>");
    script.accept(600, "");
    assert!(
        matches!(script.events.last(), Some(RegistrationEvent::DidSucceed { registrar, .. }) if registrar.to_string() == "tcp:192.0.2.2:5060")
    );
}

#[test]
fn it_unregisters_only_itself() {
    let mut script = Script::registered();
    script.names();
    script.act(|registration, cx, out| registration.unregister(cx, out));
    let (_, request) = script.sent.last().unwrap();
    assert_eq!(request.expires().unwrap(), Some(0));
    assert_eq!(request.text(HeaderName::Contact).unwrap().unwrap(), "<sip:abcdefgh@198.51.100.9:5070>");
    script.respond(200, &[]);
    assert_eq!(
        script.names(),
        ["SCRegistrationWillEnd", "SIPAccountRegistrationGotAnswer", "SIPAccountRegistrationDidEnd"]
    );
    assert!(script.registration.is_done() && script.registration.deadline().is_none());
}

#[test]
fn a_registrar_that_does_not_answer_is_left_after_two_seconds() {
    let mut script = Script::registered();
    script.act(|registration, cx, out| registration.unregister(cx, out));
    assert_eq!(script.pass(), Duration::from_secs(2));
    assert!(matches!(script.events.last(), Some(RegistrationEvent::DidNotEnd { code: 408, .. })));
    assert!(script.registration.is_done());
    let mut script = Script::registered();
    script.act(|registration, cx, out| registration.unregister(cx, out));
    script.respond(500, &[]);
    assert!(matches!(script.events.last(), Some(RegistrationEvent::DidNotEnd { code: 500, .. })));
    assert!(script.registration.is_done());
}

#[test]
fn whoever_leaves_while_registering_waits_for_the_answer() {
    let mut script = Script::started(settings());
    script.act(|registration, cx, out| registration.unregister(cx, out));
    assert_eq!(script.sent.len(), 1);
    script.accept(600, "");
    assert_eq!(script.sent.last().unwrap().1.expires().unwrap(), Some(0));
    script.respond(200, &[]);
    assert!(script.registration.is_done());
    let mut script = Script::started(settings());
    script.act(|registration, cx, out| registration.unregister(cx, out));
    assert_eq!(script.pass(), Duration::from_secs(2));
    assert!(script.registration.is_done());
}

#[test]
fn nothing_is_unregistered_that_never_was() {
    let mut script = Script::started(settings());
    script.respond(403, &[]);
    script.act(|registration, cx, out| registration.unregister(cx, out));
    assert!(script.registration.is_done() && script.sent.is_empty());
}

#[test]
fn a_changed_network_registers_anew_and_removes_what_is_lost() {
    let mut script = Script::registered();
    script.now += Duration::from_secs(60);
    script.places = Some(vec![place("udp:192.0.2.1:5060", "203.0.113.50:5070")]);
    script.act(|registration, cx, out| registration.renew(cx, out));
    let (_, request) = script.sent.last().unwrap();
    let contacts: Vec<String> = request.contacts().flatten().map(|contact| contact.to_string()).collect();
    assert_eq!(contacts, ["<sip:abcdefgh@198.51.100.9:5070>;expires=0", "<sip:abcdefgh@203.0.113.50:5070>"]);
    script.accept(600, "");
    script.now += Duration::from_secs(60);
    script.act(|registration, cx, out| registration.renew(cx, out));
    assert_eq!(script.sent.last().unwrap().1.contacts().count(), 1);
}

#[test]
fn between_two_attempts_lies_a_second() {
    let mut script = Script::registered();
    for _ in 0..50 {
        script.act(|registration, cx, out| registration.renew(cx, out));
        if script.sent.is_empty() {
            script.pass();
        }
        script.accept(1, "");
    }
    let times: Vec<Instant> = script.history.iter().map(|(_, at)| *at).collect();
    assert!(times.windows(2).all(|pair| pair[1].saturating_since(pair[0]) >= Duration::from_secs(1)), "{times:?}");
}

#[test]
fn other_settings_register_anew() {
    let mut script = Script::registered();
    script.now += Duration::from_secs(5);
    let changed = Settings { interval: 300, ..settings() };
    script.act(|registration, cx, out| registration.reload(cx, changed, out));
    assert_eq!(script.sent.last().unwrap().1.expires().unwrap(), Some(300));
    script.accept(300, "");
    script.now += Duration::from_secs(5);
    let moved = Settings { identity: NameAddr::new(uri("sip:bob@example.com")), ..settings() };
    script.act(|registration, cx, out| registration.reload(cx, moved, out));
    let (_, request) = script.sent.last().unwrap();
    assert_eq!(
        (request.expires().unwrap(), request.to().unwrap().to_string()),
        (Some(0), "<sip:alice@example.com>".into())
    );
    script.respond(200, &[]);
    let (_, request) = script.sent.last().unwrap();
    assert_eq!(
        (request.expires().unwrap(), request.to().unwrap().to_string()),
        (Some(600), "<sip:bob@example.com>".into())
    );
}

#[test]
fn the_service_route_is_that_of_the_latest_answer() {
    let mut script = Script::started(settings());
    script.respond(200, &[(HeaderName::ServiceRoute, "<sip:p1.example.com;lr>, <sip:p2.example.com;lr>")]);
    let routes: Vec<String> = script.registration.service_route().iter().map(ToString::to_string).collect();
    assert_eq!(routes, ["<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>"]);
    script.pass();
    script.accept(600, "");
    assert!(script.registration.service_route().is_empty());
}

#[test]
fn a_binding_that_the_registrar_does_not_keep_is_a_failure() {
    let mut script = Script::started(settings());
    script.accept(0, "");
    seconds(15..=40, script.failure().1);
}

#[test]
fn a_secure_account_has_a_secure_contact() {
    let identity = NameAddr::new(uri("sips:alice@example.com"));
    let mut script = Script::with(Settings { identity, ..settings() });
    script.places = Some(vec![place("tls:192.0.2.1:5061", "198.51.100.9:5071")]);
    script.act(|registration, cx, out| registration.register(cx, out));
    assert_eq!(script.contact(), "<sips:abcdefgh@198.51.100.9:5071>");
    assert_eq!(script.sent.last().unwrap().1.uri_text(), "sips:example.com");
}

#[test]
fn late_and_strange_answers_change_nothing() {
    let mut script = Script::registered();
    let before = script.registration.deadline();
    let late = Response::build(403, None).finish().unwrap();
    for number in 0..5 {
        script.answer(Ticket::new(number), &late);
    }
    assert!(script.registration.is_registered());
    assert_eq!(script.registration.deadline(), before);
}
