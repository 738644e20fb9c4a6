use proptest::prelude::*;

use super::rpid::{Activities, Activity, Feeling, Mood, Role, Sphere, Usage, UserInput};
use super::{Basic, Contact, Device, ModelNote, Note, Person, Presence, Priority, Status, Tuple};
use crate::limits::Limits;
use crate::payload::xml::name::{CIPID, DATA_MODEL, PIDF, RPID};
use crate::payload::xml::{Element, Value};
use crate::payload::{Error, Fault};
use crate::time::Utc;

fn parse(text: &str) -> Result<Presence, Error> {
    Presence::parse(text.as_bytes(), &Limits::default())
}

fn document(content: &str) -> Result<Presence, Error> {
    parse(&format!("<presence xmlns='{PIDF}' xmlns:d='{DATA_MODEL}' entity='pres:a@b'>{content}</presence>"))
}

#[test]
fn the_example_of_rich_presence_is_read() {
    let presence = parse(include_str!("../../../../vectors/payload/rfc4480/4.xml")).unwrap();
    assert_eq!((presence.entity.as_str(), presence.basic()), ("pres:someone@example.com", Some(Basic::Open)));
    let [mobile, secretary, mail] = &presence.tuples[..] else { panic!("three services") };
    assert_eq!(mobile.contact.as_ref().map(|contact| contact.uri.as_str()), Some("im:someone@mobile.example.net"));
    assert_eq!(mobile.contact.as_ref().and_then(|contact| contact.priority), Some(Priority::from_thousandths(800)));
    assert_eq!(mobile.notes[1].language.as_deref(), Some("fr"));
    assert_eq!(mobile.devices, ["urn:device:0003ba4811e3"]);
    assert_eq!(mobile.timestamp, Utc::parse_rfc3339("2005-10-27T16:49:29Z"));
    assert!(secretary.relationship.is_some());
    assert_eq!((mail.class.as_deref(), mail.status_icons.len()), (Some("email"), 1));
    let device = &presence.devices[0];
    let input = device.user_input.as_ref().unwrap();
    assert_eq!((input.usage, input.idle_threshold), (Usage::Idle, Some(600)));
    let person = &presence.persons[0];
    assert_eq!(person.activities[0].activities, [Activity::Away]);
    assert_eq!(person.activities[0].notes[0].text, "Far away");
    assert_eq!(person.moods[0].feelings, [Feeling::Angry, Feeling::Words("brooding".into())]);
    assert_eq!(person.time_offsets[0].minutes, -240);
    assert_eq!(person.notes[0].text, "Scoring 120");
    assert!(presence.tuples.iter().all(|tuple| tuple.extensions.is_empty()));
    assert_eq!(parse(&presence.write()), Ok(presence));
}

#[test]
fn capabilities_are_read() {
    let text = include_str!("../../../../vectors/payload/rfc4479/7.1.xml");
    assert_eq!(parse(text).expect_err("nobody's").fault, Fault::Missing("entity"));
    let presence = parse(&text.replacen("xmlns:xsi=", "entity='pres:a@b' xmlns:xsi=", 1)).unwrap();
    let capabilities = presence.tuples[0].capabilities.as_ref().unwrap();
    let methods = capabilities.methods.as_ref().unwrap();
    assert_eq!((methods.supports("MESSAGE"), methods.supports("INVITE")), (Some(true), None));
    assert_eq!(capabilities.option_tags.as_ref().unwrap().supports("pref"), Some(true));
    assert_eq!((capabilities.audio, capabilities.extensions.len()), (None, 0));
    assert_eq!(parse(&presence.write()), Ok(presence));
}

#[test]
fn extensions_are_kept_and_may_demand_to_be_understood() {
    let presence = parse(include_str!("../../../../vectors/payload/rfc3863/4.3.3.xml")).unwrap();
    assert!(presence.tuples[0].must_understand());
    assert_eq!((presence.tuples[0].extensions.len(), presence.extensions.len()), (1, 1));
    assert_eq!(parse(&presence.write()), Ok(presence));
    let plain = parse(include_str!("../../../../vectors/payload/rfc3863/4.3.2.xml")).unwrap();
    assert!(!plain.tuples[0].must_understand());
}

#[test]
fn a_document_is_written_in_the_order_of_its_schema() {
    let presence = Presence {
        entity: "sip:a@b".into(),
        tuples: vec![Tuple {
            id: "t".into(),
            status: Status { basic: Some(Basic::Open), ..Status::default() },
            extensions: vec![Element::new("urn:x", "x")],
            contact: Some(Contact { priority: Some(Priority::from_thousandths(1000)), uri: "sip:a@c".into() }),
            notes: vec![Note { language: Some("en".into()), text: "<&>".into() }],
            timestamp: Some(Utc { unix_millis: 0 }),
            ..Tuple::default()
        }],
        persons: vec![Person {
            id: "p".into(),
            activities: vec![Activities { activities: vec![Activity::Busy], ..Activities::default() }],
            display_name: Some("A".into()),
            ..Person::default()
        }],
        ..Presence::default()
    };
    assert_eq!(
        presence.write(),
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<presence xmlns=\"{PIDF}\" xmlns:ns1=\"urn:x\" xmlns:dm=\"{DATA_MODEL}\" \
             xmlns:rpid=\"{RPID}\" xmlns:c=\"{CIPID}\" entity=\"sip:a@b\"><tuple id=\"t\"><status><basic>open</basic></status><ns1:x/>\
             <contact priority=\"1.0\">sip:a@c</contact><note xml:lang=\"en\">&lt;&amp;&gt;</note>\
             <timestamp>1970-01-01T00:00:00Z</timestamp></tuple><dm:person id=\"p\"><rpid:activities><rpid:busy/></rpid:activities>\
             <c:display-name>A</c:display-name></dm:person></presence>\n"
        )
    );
}

#[test]
fn what_is_no_presence_is_refused() {
    for (content, fault) in [
        ("<tuple><status/></tuple>", Fault::Missing("id")),
        ("<tuple id='a'/>", Fault::Missing("status")),
        ("<tuple id='a'><status xmlns=''/></tuple>", Fault::Missing("status")),
        ("<tuple id='a'><status><basic>ajar</basic></status></tuple>", Fault::Value("basic".into())),
        ("<tuple id='a'><status/><status/></tuple>", Fault::Repeated("status")),
        ("<tuple id='a'><status/><contact priority='2'>x</contact></tuple>", Fault::Value("priority".into())),
        ("<tuple id='a'><status/></tuple><tuple id='a'><status/></tuple>", Fault::Repeated("id")),
        ("<d:person id='a'/><d:device id='a'><d:deviceID>x</d:deviceID></d:device>", Fault::Repeated("id")),
        ("<d:device id='a'/>", Fault::Missing("deviceID")),
    ] {
        assert_eq!(document(content).expect_err(content).fault, fault, "{content}");
    }
    assert_eq!(parse("<presence entity='a'/>").expect_err("no namespace").fault, Fault::Root("presence"));
    assert_eq!(parse(&format!("<presence xmlns='{PIDF}'/>")).expect_err("nobody's").fault, Fault::Missing("entity"));
}

#[test]
fn a_fault_is_where_its_element_begins() {
    let text = format!("<presence xmlns='{PIDF}' entity='a'>  <tuple/></presence>");
    assert_eq!(parse(&text).expect_err("no id").at, text.find("<tuple").unwrap());
}

#[test]
fn priorities_have_three_decimals() {
    for (text, thousandths) in [
        ("0", Some(0)),
        ("1", Some(1000)),
        ("1.000", Some(1000)),
        ("0.5", Some(500)),
        (".05", Some(50)),
        ("0.1239", Some(123)),
        ("1.1", None),
        ("-0", None),
        (".", None),
        ("", None),
        ("0.x", None),
    ] {
        assert_eq!(Priority::read(text).map(Priority::thousandths), thousandths, "{text}");
    }
    for thousandths in 0..=1000 {
        let priority = Priority::from_thousandths(thousandths);
        assert_eq!(Priority::read(&priority.write()), Some(priority));
    }
}

fn text() -> impl Strategy<Value = String> {
    "[a-z<&\"\u{e9}]([a-z<>&' \n]{0,8}[a-z])?"
}

fn tuple() -> impl Strategy<Value = Tuple> {
    let notes = prop::collection::vec((prop::option::of("[a-z]{2}"), text()), 0..3)
        .prop_map(|notes| notes.into_iter().map(|(language, text)| Note { language, text }).collect::<Vec<_>>());
    let basic = prop::option::of(prop_oneof![Just(Basic::Open), Just(Basic::Closed)]);
    let contact = prop::option::of((prop::option::of(0..=1000_u16), text()));
    let extension = text().prop_map(|value| Element::new("urn:x", "x").with_attribute("y", value));
    let timestamp = prop::option::of(0_i64..4_000_000_000_000);
    (notes, basic, contact, prop::collection::vec(extension, 0..2), timestamp, prop::option::of(text())).prop_map(
        |(notes, basic, contact, extensions, timestamp, class)| Tuple {
            status: Status { basic, extensions: extensions.clone() },
            class,
            extensions,
            contact: contact.map(|(priority, uri)| Contact { priority: priority.map(Priority::from_thousandths), uri }),
            notes,
            timestamp: timestamp.map(|unix_millis| Utc { unix_millis }),
            ..Tuple::default()
        },
    )
}

fn person() -> impl Strategy<Value = Person> {
    let activity = prop_oneof![Just(Activity::Away), Just(Activity::Tv), text().prop_map(Activity::Words)];
    (prop::collection::vec(activity, 0..3), prop::option::of(text()), text(), any::<bool>()).prop_map(
        |(activities, display_name, note, home)| Person {
            activities: vec![Activities { activities, from: Some(Utc { unix_millis: 5 }), ..Activities::default() }],
            moods: vec![Mood { feelings: vec![Feeling::InLove], ..Mood::default() }],
            spheres: vec![Sphere { roles: vec![if home { Role::Home } else { Role::Work }], ..Sphere::default() }],
            display_name,
            notes: vec![ModelNote { language: None, text: note }],
            ..Person::default()
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read(tuples in prop::collection::vec(tuple(), 0..3), persons in prop::collection::vec(person(), 0..2), idle in any::<u32>()) {
        let input = UserInput { id: None, idle_threshold: Some(idle), last_input: None, attributes: vec![], usage: Usage::Active };
        let mut presence = Presence { entity: "sip:a@b".into(), tuples, persons, ..Presence::default() };
        presence.devices.push(Device { id: "d".into(), device: "urn:x".into(), user_input: Some(input), ..Device::default() });
        for (number, tuple) in presence.tuples.iter_mut().enumerate() {
            tuple.id = format!("t{number}");
        }
        for (number, person) in presence.persons.iter_mut().enumerate() {
            person.id = format!("p{number}");
        }
        let text = presence.write();
        prop_assert_eq!(parse(&text), Ok(presence), "{}", text);
    }

    #[test]
    fn reading_never_panics(content in "(<tuple id='[ab]'>|</tuple>|<status>|</status>|<status/>|<basic>open</basic>|<note>|</note>|<d:person id='p'>|</d:person>|<contact/>|[a-z]){0,12}") {
        if let Ok(presence) = document(&content) {
            prop_assert_eq!(parse(&presence.write()), Ok(presence));
        }
    }
}
