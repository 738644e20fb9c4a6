//! Loading, saving, renaming, deleting, and their notifications.

use super::*;

#[test]
fn nothing_is_opened_before_it_is_loaded() {
    let mut desk = Desk::new();
    let open = |desk: &mut Desk| desk.manager.open::<AccountSettings>(ALICE, &mut desk.out).map(drop);
    assert_eq!(open(&mut desk), Err(ObjectError::NotLoaded));
    assert_eq!(desk.manager.loaded(Ok(None)), Err(LoadError::NotAsked));
    desk.manager.start(Backend::Driver, &mut desk.out);
    desk.manager.start(Backend::Driver, &mut desk.out);
    assert!(matches!(desk.outputs().as_slice(), [Output::Load]));
    assert!(!desk.manager.is_quiescent());
    assert_eq!(open(&mut desk), Err(ObjectError::NotLoaded));
    desk.manager.loaded(Ok(None)).unwrap();
    assert!(desk.manager.is_quiescent());
    assert_eq!(open(&mut desk), Ok(()));
    assert_eq!(desk.events(), [SettingsEvent::WasActivated { object: alice() }]);
    // There is one live object of an id.
    assert_eq!(open(&mut desk), Ok(()));
    assert_eq!(desk.events(), []);
    assert_eq!(desk.manager.records().count(), 1);
}

#[test]
fn what_cannot_be_read_is_told_and_not_overwritten() {
    let mut desk = Desk::new();
    let limits = Limits { settings_bytes: 10, ..Limits::default() };
    desk.manager = ConfigurationManager::new(&limits);
    desk.manager.register::<AccountSettings>();
    for (stored, error) in [
        (Err(Text::from("no permission")), "the settings cannot be read: no permission"),
        (Ok(Some(&b"a = 1\nb"[..])), "the settings cannot be understood: line 2: neither ':' nor '=' follows the name"),
        (Ok(Some(&b"a = 1234567"[..])), "the settings are longer than 10 bytes"),
    ] {
        desk.manager.start(Backend::Driver, &mut desk.out);
        assert_eq!(desk.manager.loaded(stored).unwrap_err().to_string(), error);
        assert!(!desk.manager.is_loaded());
        assert_eq!(desk.manager.open::<AccountSettings>(ALICE, &mut desk.out).unwrap_err(), ObjectError::NotLoaded);
    }
    assert_eq!(desk.outputs().len(), 3, "only Load, each time");
    // What would be too long to be loaded again is not stored.
    desk.manager.start(Backend::Driver, &mut desk.out);
    desk.manager.loaded(Ok(None)).unwrap();
    desk.open::<AccountSettings>(ALICE);
    desk.outputs();
    desk.save(&alice());
    let events = desk.events();
    assert!(matches!(&events[..], [SettingsEvent::WasCreated { .. }, SettingsEvent::SaveFailed { .. }]), "{events:?}");
}

#[test]
fn a_bad_stored_value_is_told_and_the_default_used() {
    let mut desk = Desk::stored(
        "Accounts:
    alice@example.com:
        enabled = yes
        rtp = 5
        auth:
            password:
                x = 1
        sip:
            register_interval = soon
            subscribe_interval = 1, 2
            unknown = 1
    nobody:
        enabled = yes
    bonjour@local:
        enabled = false
    stray = 1
",
    );
    desk.manager.open_all::<AccountSettings>(&mut desk.out).unwrap();
    let mut told = Vec::new();
    for event in desk.events() {
        if let SettingsEvent::LoadFailed { attribute, container, error } = event {
            told.push(format!("{container} {attribute}: {error}"));
        } else {
            assert_eq!(event, SettingsEvent::WasActivated { object: alice() });
        }
    }
    assert_eq!(
        told,
        [
            "Accounts/alice@example.com auth.password: there is no setting auth.password, which is stored as a group",
            "Accounts/alice@example.com sip.register_interval: sip.register_interval: 'soon' is not a time in seconds, 0 or more",
            "Accounts/alice@example.com sip.subscribe_interval: sip.subscribe_interval: '1, 2' is not a time in seconds, 0 or more",
            "Accounts/nobody : the id 'nobody' is not a SIP address, user@domain",
        ]
    );
    let account = desk.manager.get::<AccountSettings>(ALICE).unwrap();
    assert!(account.enabled);
    assert_eq!(account.sip, SipAccount::default());
    assert!(!desk.manager.record(&alice()).unwrap().is_dirty());
    // What this version does not know survives; what it could not use does not.
    desk.manager.get_mut::<AccountSettings>(ALICE).unwrap().rtp.use_srtp_without_tls = true;
    desk.save(&alice());
    assert_eq!(
        desk.text(),
        "Accounts:
    stray = 1
    alice@example.com:
        enabled = true
        rtp:
            use_srtp_without_tls = true

        sip:
            unknown = 1


    bonjour@local:
        enabled = false

    nobody:
        enabled = yes


"
    );
}

#[test]
fn former_names_move() {
    let text = "Accounts:\n alice@example.com:\n  password = \"a b\"\n  registration:\n   enabled = no\n  sip:\n   register = yes\n";
    let mut desk = Desk::stored(text);
    let record = desk.open::<AccountSettings>(ALICE);
    let account = record.group_mut::<AccountSettings>().unwrap();
    assert_eq!(account.auth.password.expose(), "a b");
    assert!(account.sip.register, "the name of now counts");
    account.enabled = true;
    desk.outputs();
    desk.save(&alice());
    let expected = "Accounts:
    alice@example.com:
        enabled = true
        auth:
            password = \"a b\"



";
    assert_eq!(desk.text(), expected);
}

#[test]
fn changes_are_told_when_they_are_saved() {
    let mut desk = Desk::in_memory();
    let settings = desk.open::<SipSimpleSettings>("");
    assert_eq!(settings.class(), "SIPSimpleSettings");
    desk.save(&global());
    let created = [SettingsEvent::WasActivated { object: global() }, SettingsEvent::WasCreated { object: global() }];
    assert_eq!(desk.events(), created);
    desk.save(&global());
    assert_eq!(desk.events(), [], "nothing has changed");

    let settings = desk.manager.get_mut::<SipSimpleSettings>("").unwrap();
    settings.sip.udp_port = 5060;
    settings.audio.silent = true;
    desk.save(&global());
    let first = modified(&[("audio.silent", "false", "true"), ("sip.udp_port", "0", "5060")]);
    assert_eq!(desk.events(), [SettingsEvent::DidChange { object: global(), modified: first }]);

    let record = desk.manager.record_mut(&global()).unwrap();
    record.set_text("sip.udp_port", "1").unwrap();
    record.reset("sip.udp_port").unwrap();
    record.set_text("audio.silent", "false").unwrap();
    record.set_text("audio.silent", "true").unwrap();
    assert!(record.is_dirty());
    desk.save(&global());
    let second = modified(&[("sip.udp_port", "5060", "0")]);
    assert_eq!(desk.events(), [SettingsEvent::DidChange { object: global(), modified: second }]);
    assert!(!desk.manager.record(&global()).unwrap().is_dirty());
    assert_eq!(desk.manager.tree().names(&["SIPSimpleSettings"]).collect::<Vec<_>>(), ["audio"]);
}

#[test]
fn one_text_is_stored_at_a_time_and_failures_are_told() {
    let mut desk = Desk::stored("");
    desk.open::<AccountSettings>(ALICE).set_text("enabled", "true").unwrap();
    desk.open::<SipSimpleSettings>("").set_text("audio.silent", "true").unwrap();
    desk.outputs();
    desk.save(&alice());
    let change = modified(&[("enabled", "false", "true")]);
    let outputs = desk.outputs();
    assert!(
        matches!(&outputs[..], [
            Output::Event(SettingsEvent::WasCreated { .. }),
            Output::Event(SettingsEvent::DidChange { modified, .. }),
            Output::Persist(_),
        ] if *modified == change),
        "{outputs:?}"
    );
    desk.save(&global());
    desk.manager.record_mut(&alice()).unwrap().set_text("display_name", "Alice").unwrap();
    desk.save(&alice());
    assert_eq!(desk.events().len(), 3, "told at once, stored later");
    assert!(!desk.manager.is_quiescent());

    desk.manager.persisted(Err("disk full".into()), &mut desk.out);
    let outputs = desk.outputs();
    let exception = Text::from("disk full");
    let failed = SettingsEvent::SaveFailed { object: alice(), modified: change, exception };
    let expected = "Accounts:
    alice@example.com:
        display_name = Alice
        enabled = true


SIPSimpleSettings:
    audio:
        silent = true


";
    assert!(
        matches!(&outputs[..], [Output::Event(event), Output::Persist(text)] if *event == failed && ***text == *expected),
        "{outputs:?}"
    );
    desk.manager.persisted(Ok(()), &mut desk.out);
    assert!(desk.outputs().is_empty() && desk.manager.is_quiescent());
    assert_eq!(Desk::stored(expected).manager.tree(), desk.manager.tree());
}

#[test]
fn a_new_id_takes_effect_when_it_is_saved() {
    let mut desk = Desk::stored("");
    desk.open::<AccountSettings>(ALICE).set_text("enabled", "true").unwrap();
    desk.save(&alice());
    desk.outputs();
    desk.manager.persisted(Ok(()), &mut desk.out);

    let rename = |desk: &mut Desk, id: &str| desk.manager.rename(&alice(), id);
    let bad = rename(&mut desk, "ally").unwrap_err();
    assert_eq!(bad.to_string(), "the id 'ally' is not a SIP address, user@domain");
    let bonjour = BonjourAccountSettings::key("");
    assert_eq!(rename(&mut desk, "bonjour@local"), Err(ObjectError::Taken(bonjour.clone())));
    rename(&mut desk, "ally@example.com").unwrap();
    rename(&mut desk, ALICE).unwrap();
    assert!(!desk.manager.record(&alice()).unwrap().is_dirty(), "the same id");
    rename(&mut desk, "ally@example.com").unwrap();
    assert!(desk.manager.get::<AccountSettings>("ally@example.com").is_none());
    desk.manager.record_mut(&alice()).unwrap().set_text("display_name", "Ally").unwrap();
    desk.save(&alice());
    let ally = AccountSettings::key("ally@example.com");
    let text = match desk.outputs().as_slice() {
        [
            Output::Event(SettingsEvent::DidChangeId { object, old_id, new_id }),
            Output::Event(SettingsEvent::DidChange { object: changed, .. }),
            Output::Persist(text),
        ] => {
            assert_eq!((object, changed), (&ally, &ally));
            assert_eq!((old_id.as_str(), new_id.as_str()), (ALICE, "ally@example.com"));
            text.to_string()
        }
        other => panic!("{other:?}"),
    };
    assert!(text.contains("ally@example.com:") && !text.contains("alice"), "{text}");
    assert!(desk.manager.record(&alice()).is_none());
    assert_eq!(desk.manager.save(&alice(), &mut desk.out), Err(ObjectError::Unknown(alice()).into()));

    // The id is free again, and taken when another object wants it.
    desk.open::<AccountSettings>(ALICE);
    assert_eq!(desk.manager.rename(&ally, ALICE), Err(ObjectError::Taken(alice())));
    desk.open::<BonjourAccountSettings>("");
    assert_eq!(desk.manager.rename(&bonjour, ALICE), Err(ObjectError::Global(bonjour)));
}

#[test]
fn an_id_that_was_taken_meanwhile_cannot_be_saved() {
    let mut desk = Desk::in_memory();
    desk.open::<AccountSettings>(ALICE);
    desk.manager.rename(&alice(), "ally@example.com").unwrap();
    desk.open::<AccountSettings>("ally@example.com");
    let taken = ObjectError::Taken(AccountSettings::key("ally@example.com"));
    assert_eq!(desk.manager.save(&alice(), &mut desk.out), Err(taken.into()));
    assert!(desk.manager.record(&alice()).is_some());
}

#[test]
fn an_object_is_deleted_with_what_is_stored_of_it() {
    let mut desk = Desk::stored("Accounts:\n  alice@example.com:\n    enabled = true\n");
    assert_eq!(desk.manager.delete(&alice(), &mut desk.out), Err(ObjectError::Unknown(alice())));
    desk.open::<AccountSettings>(ALICE);
    desk.open::<SipSimpleSettings>("");
    desk.outputs();
    desk.manager.delete(&alice(), &mut desk.out).unwrap();
    let outputs = desk.outputs();
    assert!(
        matches!(&outputs[..], [Output::Event(SettingsEvent::WasDeleted { .. }), Output::Persist(text)] if text.is_empty()),
        "{outputs:?}"
    );
    assert!(desk.manager.record(&alice()).is_none());
    assert_eq!(desk.manager.delete(&global(), &mut desk.out), Err(ObjectError::Global(global())));
    // One that was never saved leaves nothing behind.
    desk.manager.persisted(Ok(()), &mut desk.out);
    desk.open::<AccountSettings>(ALICE);
    desk.outputs();
    desk.manager.delete(&alice(), &mut desk.out).unwrap();
    assert_eq!(desk.events(), [SettingsEvent::WasDeleted { object: alice() }]);
}

#[test]
fn the_only_object_of_a_class_is_not_another_classs() {
    let mut desk = Desk::in_memory();
    let bonjour = BonjourAccountSettings::key("whatever");
    assert_eq!(bonjour.to_string(), "Accounts/bonjour@local");
    let refused = desk.manager.open::<AccountSettings>("bonjour@local", &mut desk.out).unwrap_err();
    assert_eq!(refused, ObjectError::Taken(bonjour));
    desk.open::<BonjourAccountSettings>("");
    assert!(desk.manager.get::<AccountSettings>("bonjour@local").is_none());
    assert!(desk.manager.get::<BonjourAccountSettings>("").unwrap().enabled);
}

#[test]
fn notifications_have_the_seeds_names() {
    let object = alice();
    let event = SettingsEvent::DidChange { object, modified: Modifications::new() };
    assert_eq!(event.names(), ["CFGSettingsObjectDidChange"]);
    let told = serde_json::to_string(&event).unwrap();
    assert_eq!(serde_json::from_str::<SettingsEvent>(&told).unwrap(), event);
}

#[test]
fn several_changes_are_made_together_or_not_at_all() {
    let mut desk = Desk::in_memory();
    let record = desk.open::<SipSimpleSettings>("");
    let ports = |record: &Record| {
        let sip = &record.group::<SipSimpleSettings>().unwrap().sip;
        (sip.tcp_port, sip.tls_port, sip.udp_port)
    };
    let change = |name, text| Change::typed(name, text);
    record.change_all(&[change("sip.tcp_port", "5060"), change("sip.tls_port", "5061")]).unwrap();
    // On the way both have the same port.
    record.change_all(&[change("sip.tcp_port", "5061"), change("sip.tls_port", "5060")]).unwrap();
    assert_eq!(ports(record), (5061, 5060, 0));
    for (second, error) in [
        (change("sip.tls_port", "x"), "sip.tls_port: 'x' is not a port, 0 to 65535"),
        (change("sip.sctp_port", "1"), "there is no setting sip.sctp_port"),
        (
            change("sip.tls_port", "5061"),
            "sip.tcp_port: '5061' does not go with sip.tls_port: TCP and TLS need a port each",
        ),
    ] {
        let error_of = record.change_all(&[change("sip.udp_port", "5060"), second]).unwrap_err().to_string();
        assert_eq!(error_of, error);
        assert_eq!(ports(record), (5061, 5060, 0));
    }
    let value = Change::value("sip.udp_port", Value::from("5070"));
    record.change_all(&[value, Change::reset("sip.tls_port")]).unwrap();
    assert_eq!(ports(record), (5061, 0, 5070));
}

#[test]
fn a_change_is_traced_whole_and_not_shown() {
    let changes = [
        Change::typed("auth.password", "hush"),
        Change::value("auth.password", Value::Secret("hush".into())),
        Change::value("sip.transport_list", Value::List(vec!["udp".to_owned()])),
        Change::value("display_name", Value::None),
        Change::reset("enabled"),
    ];
    assert!(!format!("{changes:?}").contains("hush"), "{changes:?}");
    let text = serde_json::to_string(&changes).unwrap();
    let read: [Change; 5] = serde_json::from_str(&text).unwrap();
    assert_eq!(read, changes);
}
