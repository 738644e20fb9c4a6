//! Accounts that come and go, and register.

use super::*;
use crate::registration::RegistrationEvent;
use crate::sip::digest::Credentials;
use crate::sip::{Authorization, Uri};

const REGISTRAR: &str = "192.0.2.4:5060";

impl Script {
    fn add(&mut self, spec: AccountSpec) -> AccountId {
        match self.intend(Intent::AddAccount(spec)).unwrap() {
            Outcome::Account(id) => id,
            other => panic!("{other:?}"),
        }
    }

    /// The registrar answers a REGISTER with 200 and its Contact.
    pub(super) fn accept_register(&mut self, register: &Request) {
        let contact = register.text(HeaderName::Contact).unwrap().unwrap();
        let expires = register.expires().unwrap().unwrap();
        let mut builder = Response::reply(register, 200, None, Some("registrar"), None);
        if expires > 0 {
            builder = builder.field(HeaderName::Contact, format_args!("{contact};expires={expires}"));
        }
        let response = builder.field(HeaderName::ServiceRoute, "<sip:192.0.2.4;lr>").finish().unwrap();
        self.datagram(REGISTRAR, response.bytes().to_vec());
    }
}

fn registering() -> AccountSpec {
    AccountSpec {
        credentials: Some(Credentials::new("alice", "secret")),
        register: true,
        ..AccountSpec::new("sip:alice@192.0.2.4")
    }
}

#[test]
fn an_account_registers_goes_on_and_leaves() {
    let mut script = Script::new("0.0.0.0");
    script.events.clear();
    let account = script.add(registering());
    assert_eq!(
        script.names(),
        ["SIPAccountManagerDidAddAccount", "SIPAccountWillActivate", "SIPAccountDidActivate", "SIPAccountWillRegister"]
    );
    script.answer_asks();
    let (_, register) = script.request().expect("a REGISTER");
    assert_eq!(register.uri_text(), "sip:192.0.2.4");
    let challenge = Response::reply(&register, 401, None, Some("registrar"), None)
        .field(HeaderName::WwwAuthenticate, r#"Digest realm="x", nonce="n", qop="auth", algorithm=SHA-256"#)
        .finish()
        .unwrap();
    script.datagram(REGISTRAR, challenge.bytes().to_vec());
    let (_, register) = script.request().expect("a REGISTER with credentials");
    assert_eq!(register.all::<Authorization>().count(), 1);
    assert!(!script.agent.is_quiescent());
    script.accept_register(&register);
    script.pass(Duration::from_secs(40));
    assert!(script.agent.account(script.now, account).unwrap().is_registered());
    assert!(script.agent.is_quiescent());
    script.events.clear();
    script.intend(Intent::RemoveAccount(account)).unwrap();
    assert!(script.agent.account(script.now, account).is_none());
    let (_, register) = script.request().expect("a REGISTER that unregisters");
    assert_eq!(register.expires().unwrap(), Some(0));
    script.accept_register(&register);
    assert_eq!(
        script.names(),
        [
            "SIPAccountWillDeactivate",
            "SCRegistrationWillEnd",
            "SIPAccountRegistrationGotAnswer",
            "SIPAccountRegistrationDidEnd",
            "SIPAccountDidDeactivate",
            "SIPAccountManagerDidRemoveAccount",
        ]
    );
    script.pass(Duration::from_secs(40));
    assert!(script.agent.is_quiescent() && script.agent.poll_timeout().is_none() && script.agent.owners.is_empty());
}

#[test]
fn a_shutdown_unregisters_and_does_not_wait_for_long() {
    let mut script = Script::new(OURS);
    script.add(registering());
    let (_, register) = script.request().expect("a REGISTER");
    script.accept_register(&register);
    script.events.clear();
    script.intend(Intent::ShutDown).unwrap();
    script.pass(Duration::from_millis(1900));
    // The other account has nothing to wait for.
    assert_eq!(script.names().iter().filter(|name| **name == "SIPAccountDidDeactivate").count(), 1);
    script.pass(Duration::from_millis(200));
    let ended: Vec<&str> = script.names().into_iter().filter(|name| name.contains("Registration")).collect();
    assert_eq!(ended, ["SCRegistrationWillEnd", "SIPAccountRegistrationDidNotEnd"]);
    script.pass(Duration::from_secs(40));
    assert!(matches!(script.events.last(), Some(EventKind::ShutDown)));
}

#[test]
fn settings_switch_an_account_off_and_on() {
    let mut script = Script::new(OURS);
    let account = script.add(registering());
    let (_, register) = script.request().expect("a REGISTER");
    script.accept_register(&register);
    script.events.clear();
    let off = AccountSpec { enabled: false, ..registering() };
    script.intend(Intent::ChangeAccount { account, spec: off }).unwrap();
    // On again before it is off.
    script.intend(Intent::ChangeAccount { account, spec: registering() }).unwrap();
    let (_, register) = script.request().expect("a REGISTER that unregisters");
    script.accept_register(&register);
    assert_eq!(script.names().iter().filter(|name| name.ends_with("Activate")).count(), 2);
    script.pass(Duration::from_secs(2));
    let (_, register) = script.request().expect("a REGISTER");
    assert_eq!(register.expires().unwrap(), Some(600));
    script.accept_register(&register);
    script.sent.clear();
    let unregistered = AccountSpec { register: false, ..registering() };
    script.intend(Intent::ChangeAccount { account, spec: unregistered }).unwrap();
    let (_, register) = script.request().expect("a REGISTER that unregisters");
    assert_eq!(register.expires().unwrap(), Some(0));
    assert_eq!(
        script.intend(Intent::ChangeAccount { account, spec: AccountSpec::new("tel:1") }),
        Err(IntentError::Account(AccountError::BadUri("tel:1".into())))
    );
    let proxy = AccountSpec { outbound_proxy: Some("x;transport=sctp".into()), ..registering() };
    assert_eq!(
        script.intend(Intent::ChangeAccount { account, spec: proxy }),
        Err(IntentError::Account(AccountError::BadProxy("x;transport=sctp".into())))
    );
}

#[test]
fn a_changed_network_registers_anew() {
    let mut script = Script::new("0.0.0.0");
    script.add(registering());
    script.answer_asks();
    let (_, register) = script.request().expect("a REGISTER");
    script.accept_register(&register);
    script.pass(Duration::from_secs(5));
    script.handle(Input::Network(NetworkChange::Addresses));
    let (ask, _) = script.asked.pop().expect("a question");
    script.handle(Input::Answer { ask, answer: Answer::LocalAddress(Some("192.0.2.200".parse().unwrap())) });
    let (_, register) = script.request().expect("a REGISTER");
    let contacts: Vec<String> = register.contacts().flatten().map(|contact| contact.to_string()).collect();
    assert_eq!(contacts.len(), 2);
    assert!(contacts[0].contains(OURS) && contacts[0].ends_with("expires=0") && contacts[1].contains("192.0.2.200"));
}

#[test]
fn requests_go_by_the_outbound_proxy() {
    let mut script = Script::new(OURS);
    let spec = AccountSpec { outbound_proxy: Some("192.0.2.77:5080;transport=udp".into()), ..registering() };
    let account = script.add(spec);
    let (way, _) = script.request().expect("a REGISTER");
    assert_eq!(way, Way::Datagram(address("192.0.2.77:5080")));
    let streams = [StreamSpec::Audio(AudioSpec::default())];
    script.agent.account(script.now, account).unwrap().connect("sip:bob@example.com", &[], &streams).unwrap();
    script.drain();
    let (way, invite) = script.request().expect("an INVITE");
    assert_eq!((way, invite.method().as_str()), (Way::Datagram(address("192.0.2.77:5080")), "INVITE"));
}

#[test]
fn calls_go_by_the_service_route() {
    let mut script = Script::new(OURS);
    let account = script.add(registering());
    let (_, register) = script.request().expect("a REGISTER");
    script.accept_register(&register);
    let streams = [StreamSpec::Audio(AudioSpec::default())];
    script.agent.account(script.now, account).unwrap().connect("sip:bob@example.com", &[], &streams).unwrap();
    script.drain();
    let (way, invite) = script.request().expect("an INVITE");
    assert_eq!(way, Way::Datagram(address(REGISTRAR)));
    assert_eq!(invite.text(HeaderName::Route).unwrap().unwrap(), "<sip:192.0.2.4;lr>");
}

#[test]
fn the_default_account_is_an_active_one() {
    let mut script = Script::new(OURS);
    let first = script.agent.default_account().expect("the account for any user");
    script.events.clear();
    let second = script.add(AccountSpec::new("sip:bob@example.com"));
    assert_eq!(script.agent.default_account(), Some(first));
    script.intend(Intent::SetDefaultAccount(second)).unwrap();
    assert_eq!(script.events.last(), Some(&EventKind::DefaultAccount { old: Some(first), new: Some(second) }));
    let disabled = AccountSpec { enabled: false, ..AccountSpec::new("sip:bob@example.com") };
    script.intend(Intent::ChangeAccount { account: second, spec: disabled }).unwrap();
    assert_eq!(script.agent.default_account(), Some(first));
    assert_eq!(
        script.intend(Intent::SetDefaultAccount(second)),
        Err(IntentError::Account(AccountError::Disabled(second)))
    );
    script.intend(Intent::RemoveAccount(first)).unwrap();
    assert_eq!(script.agent.default_account(), None);
}

#[test]
fn accounts_are_found_by_name_and_by_uri() {
    let mut script = Script::new(OURS);
    let any = script.agent.get_accounts()[0];
    let home = script.add(AccountSpec::new("sip:bob@home.example"));
    let work = script.add(AccountSpec::new("sip:bob@work.example"));
    let off = script.add(AccountSpec { enabled: false, ..AccountSpec::new("sip:carol@work.example") });
    assert!(script.agent.has_account("bob@work.example") && !script.agent.has_account("dave@work.example"));
    assert_eq!(script.agent.get_account("carol@work.example"), Some(off));
    assert_eq!(script.agent.iter_accounts().collect::<Vec<_>>(), [any, home, work, off]);
    let find = |uri: &str| {
        let Ok(Uri::Sip(uri)) = uri.parse() else { panic!("{uri}") };
        script.agent.find_account(&uri)
    };
    assert_eq!(find("sip:bob@work.example"), Some(work));
    assert_eq!(find("sip:bob@elsewhere.example"), Some(home));
    assert_eq!(find("sip:carol@work.example"), Some(any));
}

#[test]
fn a_failed_registration_is_told_with_its_pause() {
    let mut script = Script::new(OURS);
    script.add(AccountSpec { register: true, ..AccountSpec::new("sip:alice@example.com") });
    let Some(EventKind::Registration { event: RegistrationEvent::DidFail { error, timeout, .. }, .. }) =
        script.events.last()
    else {
        panic!("{:?}", script.events)
    };
    assert_eq!(*error, "DNS lookup failed: No name server is known to look up example.com");
    assert!(*timeout >= Duration::from_secs(1));
}
