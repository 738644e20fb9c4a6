//! Settings of the application, grafted onto classes, and classes of its own.

use super::*;

settings! {
    /// Tones.
    struct Tones {
        /// In the sound, too.
        inband_dtmf: bool = false,
    }
}

settings! {
    /// What a phone adds to each account.
    struct Phone {
        /// A colour.
        colour: Option<String> = None,
    }
    groups {
        /// Goes on where the account's own group ends.
        rtp: Tones,
    }
}

settings! {
    /// Takes a name of the account.
    struct Thief {
        /// Taken.
        enabled: bool = true,
    }
}

settings! {
    /// Takes the name of a group of the account.
    struct Robber {
        /// Taken.
        rtp: bool = true,
    }
}

settings! {
    /// A room of the application's own.
    struct Room {
        /// How many fit in.
        seats: u16 = 4,
    }
}

impl ObjectClass for Room {
    const NAME: &'static str = "Room";
    const GROUP: &'static str = "Rooms";
    const IDENTITY: Identity = Identity::Each(|id| match id {
        "" => Err(BadValue::new(&Value::from(id), "a name")),
        _ => Ok(()),
    });
}

#[test]
fn an_extension_joins_the_names_of_its_class() {
    let mut desk = Desk::stored(
        "Accounts:\n  alice@example.com:\n    colour = green\n    rtp:\n      inband_dtmf = true\n      srtp_encryption = optional\n",
    );
    desk.open::<AccountSettings>(ALICE);
    assert_eq!(desk.manager.record(&alice()).unwrap().value("colour"), None);
    desk.manager.register_extension::<AccountSettings, Phone>(&mut desk.out).unwrap();
    let record = desk.manager.record_mut(&alice()).unwrap();
    assert_eq!(record.value("colour"), Some(Value::from("green")));
    let phone = record.group_mut::<Phone>().unwrap();
    assert!(phone.rtp.inband_dtmf);
    phone.colour = Some("blue".to_owned());
    record.group_mut::<AccountSettings>().unwrap().rtp.use_srtp_without_tls = true;
    assert!(record.names().contains(&"rtp.inband_dtmf".to_owned()));
    desk.outputs();
    desk.save(&alice());
    let text = desk.text();
    assert_eq!(
        text,
        "Accounts:
    alice@example.com:
        colour = blue
        rtp:
            inband_dtmf = true
            srtp_encryption = optional
            use_srtp_without_tls = true



"
    );
    let other = desk.open::<AccountSettings>("bob@example.com");
    assert_eq!(other.group::<Phone>().unwrap(), &Phone::default());
}

#[test]
fn an_extension_takes_no_name_that_is_there() {
    let mut desk = Desk::in_memory();
    let out = &mut desk.out;
    let taken = |name: &str| Err(ExtensionError::Taken(name.to_owned()));
    assert_eq!(desk.manager.register_extension::<AccountSettings, Thief>(out), taken("enabled"));
    assert_eq!(desk.manager.register_extension::<AccountSettings, Robber>(out), taken("rtp"));
    assert_eq!(desk.manager.register_extension::<AccountSettings, Phone>(out), Ok(()));
    assert_eq!(desk.manager.register_extension::<AccountSettings, Phone>(out), taken("colour"));
    assert_eq!(desk.manager.register_extension::<Room, Phone>(out), Err(ExtensionError::UnknownClass("Room")));
}

#[test]
fn an_application_has_classes_of_its_own() {
    let mut desk = Desk::in_memory();
    assert_eq!(desk.manager.open::<Room>("hall", &mut desk.out).unwrap_err(), ObjectError::UnknownClass("Room"));
    desk.manager.register::<Room>();
    let refused = desk.manager.open::<Room>("", &mut desk.out).unwrap_err();
    assert_eq!(refused.to_string(), "the id '' is not a name");
    desk.open::<Room>("hall").set_text("seats", "9").unwrap();
    desk.open::<Room>("attic");
    desk.save(&Room::key("hall"));
    desk.save(&Room::key("attic"));
    assert_eq!(desk.manager.stored_ids::<Room>(), ["attic", "hall"]);
    assert_eq!(desk.manager.get::<Room>("hall").unwrap().seats, 9);
    assert!(desk.manager.get::<Room>("cellar").is_none());
}

#[test]
fn a_default_can_be_the_applications() {
    let mut desk = Desk::in_memory();
    let name = Value::from("Alice van Damme");
    desk.manager.set_default::<BonjourAccountSettings>("display_name", &name).unwrap();
    let refused = desk.manager.set_default::<BonjourAccountSettings>("enabled", &name).unwrap_err();
    assert_eq!(refused.to_string(), "enabled: 'Alice van Damme' is not one of true, false");
    assert!(desk.manager.set_default::<BonjourAccountSettings>("colour", &name).is_err());
    let record = desk.open::<BonjourAccountSettings>("");
    assert_eq!(record.value("display_name"), Some(name));
    record.set_text("display_name", "").unwrap();
    assert_eq!(record.group::<BonjourAccountSettings>().unwrap().display_name, None);
    record.reset("display_name").unwrap();
    assert!(record.stored().is_empty());
}
