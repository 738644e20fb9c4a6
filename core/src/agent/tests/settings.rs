//! The settings of the agent: loaded, changed, stored, and in effect.

use super::*;
use crate::settings::kind::{CodecName, NotEmpty, Seconds};
use crate::settings::{
    AccountSettings, Backend, BonjourAccountSettings, Change, ObjectClass, ObjectKey, SettingsEvent, SipSimpleSettings,
    Value, settings,
};
use crate::sip::Text;

const ALICE: &str = "alice@192.0.2.4";
const BOB: &str = "bob@192.0.2.4";

/// Longer than REGISTERs are kept apart.
const MOMENT: Duration = Duration::from_secs(2);

/// What was stored: two accounts, the second is the default one.
const STORED: &str = "\
Accounts:
    alice@192.0.2.4:
        enabled = true

        auth:
            password = secret

    bob@192.0.2.4:
        enabled = true
        sip:
            register = false

SIPSimpleSettings:
    default_account = bob@192.0.2.4
    user_agent = phone
";

fn alice() -> ObjectKey {
    AccountSettings::key(ALICE)
}

fn global() -> ObjectKey {
    SipSimpleSettings::key("")
}

impl Script {
    fn start(&mut self, settings: Backend, listen: bool) {
        self.intend(Intent::Start { settings, listen }).unwrap();
    }

    /// An agent whose settings are in memory, or are loaded from this text.
    fn settings(stored: Option<&str>) -> Self {
        let mut script = Self::new("0.0.0.0");
        match stored {
            None => script.start(Backend::Memory, false),
            Some(text) => {
                script.start(Backend::Driver, false);
                script.load(Ok(Some(text)));
            }
        }
        script
    }

    fn load(&mut self, stored: Result<Option<&str>, &str>) {
        let Some((ask, Question::LoadSettings { max: 4_194_304 })) = self.desk.pop_front() else {
            panic!("nothing is loaded")
        };
        let stored = stored.map(|text| text.map(Into::into)).map_err(Into::into);
        self.handle(Input::Answer { ask, answer: Answer::Settings(stored) });
    }

    fn change(&mut self, object: &ObjectKey, changes: &[(&str, &str)]) -> Result<Outcome, IntentError> {
        let changes = changes.iter().map(|(name, text)| Change::typed(*name, text)).collect();
        self.intend(Intent::ChangeSettings { object: object.clone(), changes })
    }

    fn create(&mut self, id: &str, changes: &[(&str, &str)]) -> Result<Outcome, IntentError> {
        let changes = changes.iter().map(|(name, text)| Change::typed(*name, text)).collect();
        self.intend(Intent::CreateAccount { id: id.into(), changes })
    }

    /// What the driver is to store, and the question's name.
    fn persisted(&mut self) -> Option<(AskId, String)> {
        self.desk.pop_front().map(|(ask, question)| match question {
            Question::PersistSettings { text } => (ask, text.expose().to_owned()),
            other => panic!("{other:?}"),
        })
    }

    fn told(&mut self) -> Vec<&'static str> {
        let names = self.names();
        self.events.clear();
        names
    }
}

fn refusal(result: Result<Outcome, IntentError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn the_stored_accounts_come_to_life_in_order() {
    let mut script = Script::new("0.0.0.0");
    script.events.clear();
    script.start(Backend::Driver, false);
    assert_eq!(script.told(), [""; 0], "nothing before it is loaded");
    assert_eq!(refusal(script.change(&alice(), &[])), "the settings have not been loaded");
    assert!(script.intend(Intent::Start { settings: Backend::Memory, listen: false }).is_err(), "once");
    script.load(Ok(Some(STORED)));
    assert_eq!(
        script.told(),
        [
            "CFGSettingsObjectWasActivated",
            "SIPAccountManagerWillStart",
            "CFGSettingsObjectWasActivated",
            "CFGSettingsObjectWasActivated",
            "CFGSettingsObjectWasActivated",
            "SIPAccountManagerDidAddAccount",
            "SIPAccountWillActivate",
            "SIPAccountDidActivate",
            "SIPAccountWillRegister",
            "SIPAccountManagerDidAddAccount",
            "SIPAccountWillActivate",
            "SIPAccountDidActivate",
            "SIPAccountManagerDidChangeDefaultAccount",
            "SIPAccountManagerDidStart",
            "SIPSessionManagerWillStart",
            "SIPSessionManagerDidStart",
        ]
    );
    let bob = script.agent.get_account(BOB);
    assert!(bob.is_some() && script.agent.default_account() == bob);
    let alice = script.agent.get_account(ALICE).unwrap();
    let spec = script.agent.account(script.now, alice).unwrap().spec();
    let credentials = spec.credentials.unwrap();
    assert_eq!((credentials.username.as_str(), credentials.password.expose()), ("alice", "secret"));
    script.answer_asks();
    let (_, register) = script.request().expect("a REGISTER");
    assert_eq!(register.text(HeaderName::UserAgent).unwrap().unwrap(), "phone");
    assert!(script.persisted().is_none(), "nothing has changed");
}

#[test]
fn settings_that_cannot_be_used_are_told_and_not_overwritten() {
    for (stored, error) in [
        (Ok(Some("Accounts:\n  x y")), "the settings cannot be understood: "),
        (Err("permission denied"), "the settings cannot be read: permission denied"),
    ] {
        let mut script = Script::new("0.0.0.0");
        script.events.clear();
        script.start(Backend::Driver, true);
        script.load(stored);
        let [EventKind::SettingsUnusable { error: told }] = script.events.as_slice() else {
            panic!("{:?}", script.events)
        };
        assert!(told.starts_with(error), "{told}");
        assert_eq!(script.told(), ["CFGManagerLoadFailed"]);
        assert!(script.persisted().is_none() && script.agent.is_quiescent());
        // Once somebody has repaired them, the same agent can start.
        script.start(Backend::Driver, false);
        script.load(Ok(None));
        assert_eq!(script.told().last(), Some(&"SIPSessionManagerDidStart"));
    }
    let mut script = Script::new("0.0.0.0");
    script.start(Backend::Driver, false);
    script.pass(Duration::from_secs(10));
    assert_eq!(script.told().last(), Some(&"CFGManagerLoadFailed"), "the driver does not answer");
    assert_eq!(script.abandoned.len(), 1);
}

#[test]
fn one_bad_value_leaves_the_rest() {
    let stored = STORED.replace("enabled = true", "enabled = true\n        display_name = \"\"");
    let mut script = Script::settings(Some(&stored.replace("register = false", "register = perhaps")));
    let failed: Vec<String> = script
        .events
        .iter()
        .filter_map(|event| match event {
            EventKind::Settings(SettingsEvent::LoadFailed { attribute, container, .. }) => {
                Some(format!("{container} {attribute}"))
            }
            _ => None,
        })
        .collect();
    assert_eq!(failed.last().unwrap(), "Accounts/bob@192.0.2.4 sip.register");
    let bob = script.agent.get_account(BOB).unwrap();
    assert!(script.agent.account(script.now, bob).unwrap().spec().register, "the default");
}

#[test]
fn changes_are_told_with_old_and_new_and_stored() {
    let mut script = Script::settings(Some(STORED));
    script.events.clear();
    script.change(&global(), &[("sip.invite_timeout", "30"), ("rtp.port_range", "6000-6100")]).unwrap();
    let [EventKind::Settings(SettingsEvent::DidChange { object, modified })] = script.events.as_slice() else {
        panic!("{:?}", script.events)
    };
    assert_eq!(*object, global());
    let changed: Vec<String> =
        modified.iter().map(|(name, values)| format!("{name}: {} {}", values.old, values.new)).collect();
    assert_eq!(changed, ["rtp.port_range: 50000-50500 6000-6100", "sip.invite_timeout: 90 30"]);
    assert_eq!(script.agent.config.invite_timeout, Some(Duration::from_secs(30)));
    assert_eq!(script.agent.config.rtp.port_range, (6000, 6100));
    let (ask, text) = script.persisted().expect("they are stored");
    assert!(text.contains("invite_timeout = 30") && text.contains("password = secret"));
    script.events.clear();
    script.handle(Input::Answer { ask, answer: Answer::Persisted(Err("disk full".into())) });
    assert_eq!(script.told(), ["CFGManagerSaveFailed"]);
    assert!(script.agent.config.invite_timeout == Some(Duration::from_secs(30)), "it is in effect nevertheless");
}

#[test]
fn a_bad_value_is_refused_with_its_name_and_changes_nothing() {
    let mut script = Script::settings(None);
    script.create(ALICE, &[("enabled", "yes")]).unwrap();
    script.events.clear();
    let result = script.change(&alice(), &[("display_name", "Alice"), ("sip.register_interval", "soon")]);
    assert_eq!(refusal(result), "sip.register_interval: 'soon' is not a time in seconds, 0 or more");
    assert_eq!(refusal(script.change(&alice(), &[("sip.speed", "1")])), "there is no setting sip.speed");
    assert_eq!(refusal(script.change(&AccountSettings::key(BOB), &[])), "there are no settings Accounts/bob@192.0.2.4");
    assert_eq!(refusal(script.create(ALICE, &[])), "there are settings Accounts/alice@192.0.2.4 already");
    assert_eq!(refusal(script.create("bob", &[])), "the id 'bob' is not a SIP address, user@domain");
    assert_eq!(refusal(script.create(BOB, &[("enabled", "x")])), "enabled: 'x' is not one of true, false");
    assert!(
        script.agent.get_account(BOB).is_none() && script.agent.settings().record(&AccountSettings::key(BOB)).is_none()
    );
    let result = script.change(&global(), &[("default_account", BOB)]);
    assert_eq!(refusal(result), "default_account: 'bob@192.0.2.4' is not an account that is enabled");
    assert_eq!(script.told(), [""; 0]);
    let settings = script.agent.settings().get::<AccountSettings>(ALICE).unwrap();
    assert_eq!(settings.display_name, None);
}

#[test]
fn an_account_is_created_changed_renamed_and_deleted() {
    let mut script = Script::settings(None);
    script.events.clear();
    let Outcome::Account(id) = script.create(ALICE, &[("enabled", "yes"), ("auth.password", "secret")]).unwrap() else {
        panic!("no account")
    };
    assert_eq!(
        script.told(),
        [
            "CFGSettingsObjectWasActivated",
            "CFGSettingsObjectWasCreated",
            "SIPAccountManagerDidAddAccount",
            "SIPAccountWillActivate",
            "SIPAccountDidActivate",
            "SIPAccountWillRegister",
            "CFGSettingsObjectDidChange",
        ]
    );
    script.answer_asks();
    let (_, register) = script.request().expect("a REGISTER");
    script.accept_register(&register);

    // What is not of its registration does not make it register anew.
    script.change(&alice(), &[("nat_traversal.msrp_relay", "relay.example.com")]).unwrap();
    assert!(script.request().is_none());
    assert_eq!(script.agent.account_settings(id).unwrap().nat_traversal.msrp_relay.as_ref().unwrap().port, 2855);
    for change in [
        ("sip.register_interval", "300"),
        ("auth.password", "other"),
        ("auth.username", "al"),
        ("sip.outbound_proxy", "192.0.2.77:5080"),
    ] {
        script.sent.clear();
        script.change(&alice(), &[change]).unwrap();
        script.pass(MOMENT);
        script.answer_asks();
        let (_, register) = script.request().unwrap_or_else(|| panic!("no REGISTER after {change:?}"));
        assert_ne!(register.expires(), Ok(Some(0)));
        script.accept_register(&register);
    }
    let spec = AccountSpec::new("sip:alice@192.0.2.4");
    let error = script.intend(Intent::ChangeAccount { account: id, spec });
    assert_eq!(
        refusal(error),
        "the account 0 has settings, which are to be changed instead".replace('0', &id.as_u64().to_string())
    );

    script.sent.clear();
    script.change(&alice(), &[("sip.outbound_proxy", "")]).unwrap();
    script.pass(MOMENT);
    script.answer_asks();
    let (_, register) = script.request().unwrap();
    script.accept_register(&register);
    script.sent.clear();
    script.events.clear();
    script.intend(Intent::RenameSettings { object: alice(), id: BOB.into() }).unwrap();
    assert_eq!(script.told()[0], "CFGSettingsObjectDidChangeID");
    assert_eq!(script.agent.get_account(BOB), Some(id));
    let (_, register) = script.request().expect("it leaves its old address");
    assert_eq!((register.expires(), register.to().unwrap().uri.to_string()), (Ok(Some(0)), format!("sip:{ALICE}")));
    script.accept_register(&register);
    let (_, register) = script.request().expect("and goes on under the new one");
    assert_eq!(register.to().unwrap().uri.to_string(), format!("sip:{BOB}"));
    script.accept_register(&register);

    script.change(&AccountSettings::key(BOB), &[("enabled", "no")]).unwrap();
    let (_, register) = script.request().unwrap();
    script.accept_register(&register);
    assert_eq!(script.told().last(), Some(&"SIPAccountDidDeactivate"));
    script.intend(Intent::RemoveAccount(id)).unwrap();
    assert_eq!(script.told(), ["CFGSettingsObjectWasDeleted", "SIPAccountManagerDidRemoveAccount"]);
    assert_eq!(script.agent.get_account(BOB), None);
}

#[test]
fn the_default_account_is_remembered() {
    let mut script = Script::settings(Some(STORED));
    let (alice, bob) = (script.agent.get_account(ALICE).unwrap(), script.agent.get_account(BOB).unwrap());
    let stored = |script: &mut Script| {
        let (ask, text) = script.persisted().expect("it is stored");
        script.handle(Input::Answer { ask, answer: Answer::Persisted(Ok(())) });
        let line = text.lines().find(|line| line.contains("default_account")).unwrap_or("none").trim();
        line.replace("default_account =", "").trim().to_owned()
    };
    script.intend(Intent::SetDefaultAccount(alice)).unwrap();
    assert_eq!(stored(&mut script), ALICE);
    script.change(&global(), &[("default_account", BOB)]).unwrap();
    assert_eq!(stored(&mut script), BOB);
    assert_eq!(script.agent.default_account(), Some(bob));
    // The first that is enabled takes over, or nobody.
    script.change(&AccountSettings::key(BOB), &[("enabled", "no")]).unwrap();
    let (ask, _) = script.persisted().unwrap();
    script.handle(Input::Answer { ask, answer: Answer::Persisted(Ok(())) });
    let first = script.agent.default_account().unwrap();
    assert_ne!(first, bob);
    // An account without settings is gone after a restart: it is not remembered.
    assert_eq!(first, AccountId::from_u64(0));
    assert!(script.persisted().is_none());
}

#[test]
fn sockets_follow_the_settings() {
    let mut script = Script::new("192.0.2.9");
    script.bound.clear();
    script.start(Backend::Driver, true);
    script.load(Ok(Some("SIPSimpleSettings:\n    local_ip = 192.0.2.9\n    sip:\n        udp_port = 5070\n")));
    let ports = |script: &mut Script| -> Vec<Port> {
        std::mem::take(&mut script.bound).into_iter().map(|(_, _, port)| port).collect()
    };
    assert_eq!(ports(&mut script), [Port::Random, Port::Fixed(5070)], "TCP and UDP, no TLS");
    script.create(ALICE, &[("enabled", "yes")]).unwrap();
    script.answer_asks();
    let (_, register) = script.request().unwrap();
    script.accept_register(&register);
    script.change(&global(), &[("sip.udp_port", "5080")]).unwrap();
    assert_eq!((ports(&mut script), script.unbound.len()), (vec![Port::Fixed(5080)], 1));
    script.pass(MOMENT);
    script.answer_asks();
    assert!(script.request().is_some(), "its Contact is another now");
    script.change(&global(), &[("sip.transport_list", "tcp")]).unwrap();
    assert_eq!((ports(&mut script), script.unbound.len()), (vec![], 2));
    script.change(&global(), &[("local_ip", "192.0.2.8")]).unwrap();
    assert_eq!(script.bound.iter().map(|(_, address, _)| address.to_string()).collect::<Vec<_>>(), ["192.0.2.8"]);
}

#[test]
fn managers_tell_when_they_have_ended() {
    let mut script = Script::settings(None);
    script.create(ALICE, &[("enabled", "yes"), ("sip.register", "no")]).unwrap();
    script.datagram(PEER, script_invite());
    script.answer_asks();
    script.events.clear();
    script.intend(Intent::ShutDown).unwrap();
    script.pass(Duration::from_secs(60));
    assert_eq!(script.codes().last(), Some(&480), "nobody said no");
    let managers: Vec<&str> = script.told().into_iter().filter(|name| name.contains("Manager")).collect();
    assert_eq!(
        managers,
        ["SIPSessionManagerWillEnd", "SIPAccountManagerWillEnd", "SIPAccountManagerDidEnd", "SIPSessionManagerDidEnd"]
    );
    assert!(matches!(script.create(BOB, &[]), Err(IntentError::Settings(SettingsRefusal::NotNow))));
}

fn script_invite() -> String {
    format!(
        "INVITE sip:us@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP {PEER};branch=z9hG4bKstop\r\nMax-Forwards: 70\r\n\
         From: <sip:them@192.0.2.4>;tag=t\r\nTo: <sip:us@192.0.2.9>\r\nCall-ID: stop\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:them@{PEER}>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{OFFER}",
        OFFER.len()
    )
}

#[test]
fn what_was_saved_is_stored_before_the_end() {
    let mut script = Script::settings(Some(STORED));
    for name in ["one", "two"] {
        script.change(&global(), &[("user_agent", name)]).unwrap();
    }
    script.intend(Intent::ShutDown).unwrap();
    let (ask, text) = script.persisted().unwrap();
    assert!(text.contains("user_agent = one"), "one at a time");
    script.pass(Duration::from_secs(3));
    script.handle(Input::Answer { ask, answer: Answer::Persisted(Ok(())) });
    let (ask, text) = script.persisted().expect("the other is stored, too");
    assert!(text.contains("user_agent = two"));
    script.handle(Input::Answer { ask, answer: Answer::Persisted(Ok(())) });
    script.pass(Duration::from_secs(60));
    assert_eq!(script.events.last(), Some(&EventKind::ShutDown));
}

settings! {
    /// Settings of an application.
    struct Sounds {
        /// Whether there are any.
        enabled: bool = true,
        /// What rings.
        ringtone: Option<NotEmpty> = None,
    }
}

settings! {
    /// An extension of accounts.
    struct Extension {}
    groups {
        /// Sounds.
        sounds: Sounds,
    }
}

#[test]
fn an_application_adds_settings_of_its_own() {
    let mut script =
        Script::settings(Some("Accounts:\n    alice@192.0.2.4:\n        sounds:\n            ringtone = bell\n"));
    script.agent.register_extension::<AccountSettings, Extension>().unwrap();
    script.agent.register_extension::<AccountSettings, Extension>().unwrap_err();
    let record = script.agent.settings().record(&alice()).unwrap();
    assert_eq!(record.group::<Extension>().unwrap().sounds.ringtone, "bell".parse().ok());
    script.events.clear();
    script
        .agent
        .change_settings::<Extension>(script.now, &alice(), |extension| extension.sounds.enabled = false)
        .unwrap();
    script.drain();
    let [EventKind::Settings(SettingsEvent::DidChange { modified, .. })] = script.events.as_slice() else {
        panic!("{:?}", script.events)
    };
    assert_eq!(modified.keys().collect::<Vec<_>>(), ["sounds.enabled"]);
    assert!(script.persisted().unwrap().1.contains("ringtone = bell"));
}

#[test]
fn fields_are_changed_together() {
    let mut script = Script::settings(None);
    script.events.clear();
    let now = script.now;
    let change = |settings: &mut SipSimpleSettings| {
        settings.rtp.audio_codec_list = vec![CodecName::known("PCMA")];
        settings.rtp.timeout = Seconds(0);
    };
    script.agent.change_settings(now, &global(), change).unwrap();
    script.drain();
    assert_eq!(script.told(), ["CFGSettingsObjectWasCreated", "CFGSettingsObjectDidChange"]);
    assert_eq!(script.agent.config.rtp.audio_codecs, ["PCMA"]);
    assert_eq!(script.agent.config.rtp.timeout, None);
    let clash = |settings: &mut SipSimpleSettings| (settings.sip.tcp_port, settings.sip.tls_port) = (5060, 5060);
    script.agent.change_settings(now, &global(), clash).unwrap_err();
    assert!(script.agent.settings().record(&global()).unwrap().modified().is_empty());
    assert!(script.agent.change_settings::<BonjourAccountSettings>(now, &alice(), |_| {}).is_err());
}

#[test]
fn the_configuration_is_the_default_of_the_settings() {
    let config = Config { user_agent: "desk".into(), invite_timeout: None, ..Config::default() };
    let mut script = Script::with("0.0.0.0", config);
    script.start(Backend::Memory, false);
    let settings = script.agent.settings().get::<SipSimpleSettings>("").unwrap();
    assert_eq!((settings.user_agent.as_str(), settings.sip.invite_timeout), ("desk", None));
    assert_eq!(script.agent.config.rtp.audio_codecs, Config::default().rtp.audio_codecs);
    let reset = vec![Change::value("user_agent", Value::from("x")), Change::reset("user_agent")];
    script.intend(Intent::ChangeSettings { object: global(), changes: reset }).unwrap();
    assert_eq!(script.agent.config.user_agent, "desk");
}

#[test]
fn settings_replay() {
    let mut script = Script::settings(Some(STORED));
    script.change(&alice(), &[("auth.password", "other"), ("sip.register", "no")]).unwrap();
    let now = script.now;
    script
        .agent
        .change_settings(now, &alice(), |settings: &mut AccountSettings| settings.auth.password = "third".into())
        .unwrap();
    script.change(&alice(), &[("sip.speed", "1")]).unwrap_err();
    script.intend(Intent::ShutDown).unwrap();
    script.pass(Duration::from_secs(60));
    let lines: Vec<String> = std::iter::from_fn(|| script.agent.poll_trace()).collect();
    let replayed = crate::trace::replay(&lines).unwrap();
    assert!(replayed.intents >= 5, "{replayed:?}");
    let shown: Vec<Text> = script.events.iter().map(|event| format!("{event:?}").into()).collect();
    assert!(shown.iter().all(|event| !event.contains("third") && !event.contains("other")), "{shown:?}");
}
