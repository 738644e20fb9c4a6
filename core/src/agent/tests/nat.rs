//! A registrar beyond a NAT.

use super::*;
use crate::stun::{BINDING, Builder, Class};

const REGISTRAR: &str = "192.0.2.4:5060";
const SEEN: &str = "203.0.113.1:4000";

/// A registration that begins anew leaves the one before it so much time.
const APART: Duration = Duration::from_secs(1);

impl Script {
    fn registering(&mut self) -> AccountId {
        let spec = AccountSpec { register: true, ..AccountSpec::new("sip:alice@192.0.2.4") };
        match self.intend(Intent::AddAccount(spec)).unwrap() {
            Outcome::Account(id) => id,
            other => panic!("{other:?}"),
        }
    }

    /// The registrar accepts a REGISTER that it saw come from this address, saying this too.
    fn accept_from(&mut self, register: &Request, seen: &str, more: &[(HeaderName, &str)]) {
        let contact = register.contacts().last().unwrap().unwrap();
        let contact = contact.address().unwrap().uri.clone();
        let source = crate::sip::Received { from: address(seen) };
        let mut builder = Response::reply(register, 200, None, Some("registrar"), Some(&source));
        builder = builder.field(HeaderName::Contact, format_args!("<{contact}>;expires=600"));
        for (name, value) in more {
            builder = builder.field(*name, value);
        }
        let response = builder.finish().unwrap();
        self.datagram(REGISTRAR, response.bytes().to_vec());
    }

    /// The STUN messages that went out.
    fn stun(&mut self) -> Vec<crate::stun::Message> {
        let sent = std::mem::take(&mut self.keep_alives);
        sent.into_iter().filter_map(|data| crate::stun::Message::parse(data).ok()).collect()
    }

    /// The REGISTER that went out, and the host and port of its Contact: the last, behind one that it removes.
    fn register(&mut self) -> Option<(Request, String)> {
        let (_, register) = self.request()?;
        let contact = register.contacts().last().unwrap().unwrap();
        let uri = contact.address().unwrap().uri.clone();
        let uri = uri.as_sip().unwrap();
        let place = format!("{}:{}", uri.host, uri.port.unwrap());
        Some((register, place))
    }
}

#[test]
fn the_contact_is_where_the_registrar_sees_us() {
    let mut script = Script::new(OURS);
    let account = script.registering();
    let (register, contact) = script.register().unwrap();
    assert_eq!(contact, "192.0.2.9:5060");
    script.accept_from(&register, SEEN, &[]);
    script.pass(APART);
    let (register, contact) = script.register().expect("another REGISTER");
    assert_eq!(contact, SEEN);
    script.accept_from(&register, SEEN, &[]);
    assert!(script.request().is_none());
    let route: Route = "udp:192.0.2.4:5060".parse().unwrap();
    let contact = script.agent.account(script.now, account).unwrap().contact(route).unwrap();
    assert!(contact.to_string().ends_with(SEEN), "{contact}");
    // A NAT that gives another port each time is not followed at every step.
    script.pass(Duration::from_secs(29));
    script.handle(Input::Network(NetworkChange::Addresses));
    for port in 4001..4010 {
        let Some((register, _)) = script.register() else { return };
        script.accept_from(&register, &format!("203.0.113.1:{port}"), &[]);
        assert!(port < 4003, "registered for every port");
    }
}

#[test]
fn a_registrar_with_outbound_is_asked_where_it_sees_us_and_is_missed_when_it_is_gone() {
    let mut script = Script::new(OURS);
    let account = script.registering();
    let (register, _) = script.register().unwrap();
    let outbound = [(HeaderName::Require, "outbound"), (HeaderName::FlowTimer, "30")];
    script.accept_from(&register, "192.0.2.9:5060", &outbound);
    script.pass(Duration::from_millis(1));
    let request = script.stun().pop().expect("a Binding request");
    let answer = Builder::new(Class::Success, BINDING, request.transaction()).mapped_address(address(SEEN)).finish();
    script.datagram(REGISTRAR, answer);
    // What STUN tells is registered as well.
    script.pass(APART);
    let (register, contact) = script.register().expect("another REGISTER");
    assert_eq!(contact, SEEN);
    script.accept_from(&register, SEEN, &outbound);
    assert!(script.agent.account(script.now, account).unwrap().is_registered());
    // Nobody answers any more: the flow has failed, and it registers anew.
    script.pass(Duration::from_secs(75));
    assert!(script.stun().len() >= 7);
    assert!(script.register().is_some(), "no new REGISTER");
}

#[test]
fn a_network_that_cannot_deliver_ends_the_transaction_at_once() {
    let mut script = Script::new(OURS);
    script.registering();
    assert!(script.register().is_some());
    script.events.clear();
    let to = address(REGISTRAR);
    script.handle(Input::Undelivered { socket: script.udp, to, cause: CloseCause::Refused });
    let names = script.names();
    assert!(names.contains(&"SIPAccountRegistrationDidFail"), "{names:?}");
}

#[test]
fn a_contact_in_a_dialog_asks_a_registrar_with_outbound_to_stay_on_the_flow() {
    let ob = |message: &crate::sip::Headers| {
        let contact = message.contacts().next().unwrap().unwrap();
        let uri = contact.address().unwrap().uri.clone();
        uri.as_sip().unwrap().params.get("ob").is_some()
    };
    for (require, gruu) in [(false, false), (true, false), (true, true)] {
        let mut script = Script::new(OURS);
        let account = script.registering();
        let (register, _) = script.register().unwrap();
        assert!(!ob(&register));
        let contact = register.contacts().last().unwrap().unwrap().to_string();
        let gruu = if gruu { ";pub-gruu=\"sip:alice@192.0.2.4;gr=1\"" } else { "" };
        let mut answer = Response::reply(&register, 200, None, Some("registrar"), None)
            .field(HeaderName::Contact, format_args!("{contact};expires=600{gruu}"));
        if require {
            answer = answer.field(HeaderName::Require, "outbound");
        }
        script.datagram(REGISTRAR, answer.finish().unwrap().bytes().to_vec());
        let asks = require && gruu.is_empty();
        let routes = vec!["udp:192.0.2.4:5060".parse().unwrap()];
        let streams = vec![StreamSpec::Audio(AudioSpec::default())];
        let to = Text::from("sip:them@192.0.2.4");
        let connect = Intent::Connect { account, to: to.clone(), routes: routes.clone(), streams, late_offer: false };
        script.intend(connect).unwrap();
        let event = Text::from("message-summary");
        let (expires, content, eventlist, persistent) = (None, None, false, false);
        script
            .intend(Intent::Subscribe { account, to, event, expires, content, eventlist, persistent, routes })
            .unwrap();
        let sent: Vec<Request> = std::iter::from_fn(|| script.request()).map(|(_, request)| request).collect();
        assert_eq!(sent.len(), 2);
        for request in &sent {
            assert_eq!(ob(request), asks, "{request:?}");
        }
        let invite = script.theirs("INVITE", 1, "", "Contact: <sip:them@192.0.2.4>\r\n", OFFER);
        script.datagram(PEER, invite.replace("sip:us@192.0.2.9", "sip:alice@192.0.2.4"));
        let session = script.incoming();
        script.accept(session);
        let (code, response) = script.answers().pop().unwrap();
        assert_eq!((code, ob(&response)), (200, asks));
    }
}
