use bytes::Bytes;
use proptest::prelude::*;

use super::{Address, CPIM, Field, FieldName, Message, Subject};
use crate::limits::Limits;
use crate::payload::mime::Entity;
use crate::payload::{Error, Fault};
use crate::time::Utc;

const IMDN: &str = "urn:ietf:params:imdn";

fn parse(text: &str) -> Result<Message, Error> {
    Message::parse(&Bytes::copy_from_slice(text.as_bytes()), &Limits::default())
}

/// A message of these header lines.
fn head(lines: &str) -> Result<Message, Error> {
    parse(&format!("{lines}\r\nContent-Type: text/plain\r\n\r\nHi"))
}

/// The message of RFC 3862 section 5.1.
const EXAMPLE: &str = "From: MR SANDERS <im:piglet@100akerwood.com>\r\n\
    To: Depressed Donkey <im:eeyore@100akerwood.com>\r\n\
    DateTime: 2000-12-13T13:40:00-08:00\r\n\
    Subject: the weather will be fine today\r\n\
    Subject:;lang=fr beau temps prevu pour aujourd'hui\r\n\
    NS: MyFeatures <mid:MessageFeatures@id.foo.com>\r\n\
    Require: MyFeatures.VitalMessageOption\r\n\
    MyFeatures.VitalMessageOption: Confirmation-requested\r\n\
    MyFeatures.WackyMessageOption: Use-silly-font\r\n\
    \r\n\
    Content-type: text/xml; charset=utf-8\r\n\
    Content-ID: <1234567890@foo.com>\r\n\
    \r\n\
    <body>\r\nHere is the text of my message.\r\n</body>";

#[test]
fn the_example_is_read() {
    let message = parse(EXAMPLE).unwrap();
    let pooh = "mid:MessageFeatures@id.foo.com";
    assert_eq!(
        message.from,
        Some(Address { name: Some("MR SANDERS".into()), uri: "im:piglet@100akerwood.com".into() })
    );
    assert_eq!(message.to[0].name.as_deref(), Some("Depressed Donkey"));
    assert_eq!(message.date_time, Some(Utc { unix_millis: 976_743_600_000 }));
    assert_eq!(message.subjects[1].language.as_deref(), Some("fr"));
    assert_eq!(message.subjects[1].text, "beau temps prevu pour aujourd'hui");
    assert_eq!(message.field(pooh, "WackyMessageOption"), Some("Use-silly-font"));
    assert_eq!(message.required, [FieldName::new(pooh, "VitalMessageOption")]);
    assert_eq!(message.not_understood(|_| false).count(), 1);
    assert_eq!(message.not_understood(|name| name.namespace == pooh).count(), 0);
    assert!(message.content.content_type().is_some_and(|kind| kind.is("text/xml")));
    assert_eq!(message.content.content_id(), Some("1234567890@foo.com"));
    assert_eq!(message.content.body, "<body>\r\nHere is the text of my message.\r\n</body>");
    assert_eq!(Message::parse(&message.write(), &Limits::default()), Ok(message));
}

#[test]
fn a_message_is_written() {
    let message = Message {
        from: Some(Address { name: Some("Al \"the\" Ice\\".into()), uri: "sip:alice@example.com".into() }),
        to: vec![Address::new("sip:bob@example.com")],
        cc: vec![Address::new("sip:carol@example.com")],
        subjects: vec![Subject { language: Some("fr".into()), text: "D\u{e9}jeuner ?\r\nFrom: x".into() }],
        date_time: Some(Utc { unix_millis: 1_291_803_480_000 }),
        required: vec![FieldName::new(CPIM, "cc")],
        fields: vec![Field { name: FieldName::new(IMDN, "Message-ID"), language: None, value: "Jfsg2wLk\u{1}".into() }],
        content: Entity::new("text/plain; charset=utf-8", "Hello"),
    };
    let text = "From: \"Al \\\"the\\\" Ice\\\\\" <sip:alice@example.com>\r\nTo: <sip:bob@example.com>\r\n\
        cc: <sip:carol@example.com>\r\nSubject:;lang=fr D\u{e9}jeuner ?\\r\\nFrom: x\r\nDateTime: 2010-12-08T10:18:00Z\r\n\
        NS: imdn <urn:ietf:params:imdn>\r\nRequire: cc\r\nimdn.Message-ID: Jfsg2wLk\\u0001\r\n\r\n\
        Content-Type: text/plain; charset=utf-8\r\n\r\nHello";
    assert_eq!(std::str::from_utf8(&message.write()), Ok(text));
    assert_eq!(Message::parse(&message.write(), &Limits::default()), Ok(message));
}

#[test]
fn escapes_are_undone() {
    for (escaped, text) in [
        (r"\\ \b\t\n\r \' \x", "\\ \u{8}\t\n\r ' x"),
        (r"\u0041\u00e9\u00E9", "A\u{e9}\u{e9}"),
        (r"\uD83D\uDE00!", "\u{1f600}!"),
        (r"\uD83D!", "\u{fffd}!"),
        (r"\uDE00\uD83D", "\u{fffd}\u{fffd}"),
        (r"\u12", "u12"),
        (r"\u+123", "u+123"),
        (r"end\", "end"),
    ] {
        assert_eq!(head(&format!("Subject: {escaped}\r\n")).unwrap().subjects[0].text, text, "{escaped}");
    }
}

#[test]
fn addresses_are_read_as_clients_send_them() {
    for (value, due) in [
        ("<sip:a@b>", Some((None, "sip:a@b"))),
        ("sip:a@b", Some((None, "sip:a@b"))),
        ("a@b", Some((None, "sip:a@b"))),
        ("<a.b:5060>", Some((None, "sip:a.b:5060"))),
        ("Anne B <im:a@b>", Some((Some("Anne B"), "im:a@b"))),
        ("\"A <b>\" <sip:a@b>", Some((Some("A <b>"), "sip:a@b"))),
        ("\"\" <sip:a@b>", Some((None, "sip:a@b"))),
        ("<>", None),
        ("<sip:a b>", None),
        ("\"A <sip:a@b>", None),
        ("sip:a@b>", None),
        ("", None),
    ] {
        let read = head(&format!("From: {value}\r\n")).map(|message| message.from);
        match due {
            Some((name, uri)) => {
                let address = Address { name: name.map(str::to_owned), uri: uri.to_owned() };
                assert_eq!(read, Ok(Some(address)), "{value}");
            }
            None => assert_eq!(read.expect_err(value).fault, Fault::Value("From".into()), "{value}"),
        }
    }
}

#[test]
fn namespaces_hold_from_where_they_are_declared() {
    let message = head(
        "x.Early: 1\r\nNS: x <urn:x>\r\nx.Late: 2\r\nNS: <urn:y>\r\nFrom: 3\r\nNS: c <urn:ietf:params:cpim-headers:>\r\nc.From: <sip:a@b>\r\n",
    );
    // Once the default is another namespace, NS itself is of that one.
    let message = message.unwrap();
    assert_eq!(message.field("urn:x", "Late"), Some("2"));
    assert_eq!(message.field("urn:y", "From"), Some("3"));
    assert_eq!(message.field("urn:y", "NS"), Some("c <urn:ietf:params:cpim-headers:>"));
    assert_eq!((message.from, message.fields.len()), (None, 3));
}

#[test]
fn names_are_told_by_their_case() {
    let message = head("from: <sip:a@b>\r\nsubject: x\r\n").unwrap();
    assert_eq!((message.from, message.subjects.len(), message.fields.len()), (None, 0, 2));
}

#[test]
fn parameters_are_skipped() {
    let message = head("Subject:;x=\"a; b\";lang=en;y=1 text\r\n").unwrap();
    assert_eq!(message.subjects[0], Subject { language: Some("en".into()), text: "text".into() });
}

#[test]
fn what_is_no_message_is_refused() {
    for (text, at, fault) in [
        ("", 0, Fault::Missing("Content-Type")),
        ("From: <sip:a@b>\r\n\r\n\r\nHi", 19, Fault::Missing("Content-Type")),
        ("From: <sip:a@b>\r\nnonsense\r\n\r\n", 17, Fault::Field),
        (" From: <sip:a@b>\r\n\r\n", 0, Fault::Field),
        ("From: <sip:a@b>\r\nFrom: <sip:a@b>\r\n\r\n", 17, Fault::Repeated("From")),
        ("DateTime: yesterday\r\n\r\n", 0, Fault::Value("DateTime".into())),
        ("Require: x.y\r\n\r\n", 0, Fault::Prefix),
        ("NS: x urn:x\r\n\r\n", 0, Fault::Value("NS".into())),
        ("\r\n: x\r\n\r\n", 2, Fault::Field),
        ("\r\n folded\r\n\r\n", 2, Fault::Field),
    ] {
        assert_eq!(parse(text), Err(Error { at, fault }), "{text}");
    }
    let many = "X: y\r\n".repeat(300);
    assert_eq!(head(&many).expect_err("too many").fault, Fault::TooManyFields);
    let long = format!("X: {}\r\n", "y".repeat(40_000));
    assert_eq!(head(&long).expect_err("too long").fault, Fault::TooLong);
    let not_utf_8 = Bytes::from_static(b"Subject: \xff\r\n\r\nContent-Type: a/b\r\n\r\n");
    assert_eq!(Message::parse(&not_utf_8, &Limits::default()).expect_err("no text").fault, Fault::NotUtf8);
}

#[test]
fn the_content_may_be_of_any_bytes_and_length() {
    let mut bytes = b"From: <sip:a@b>\r\n\r\nContent-Type: image/png\r\n\r\n".to_vec();
    let body = vec![0xff_u8; 1 << 20];
    bytes.extend_from_slice(&body);
    let message = Message::parse(&Bytes::from(bytes), &Limits::default()).unwrap();
    assert_eq!(message.content.body, body);
}

fn text() -> impl Strategy<Value = String> {
    any::<Vec<char>>().prop_map(|chars| chars.into_iter().take(12).collect())
}

fn address() -> impl Strategy<Value = Address> {
    (
        prop::option::of(text().prop_filter("a name is not empty", |name| !name.is_empty())),
        "(sip|im|tel):[a-z0-9@.;=]{1,12}",
    )
        .prop_map(|(name, uri)| Address { name, uri })
}

fn field_name() -> impl Strategy<Value = FieldName> {
    (prop_oneof![Just("urn:ietf:params:imdn"), Just("urn:x"), Just("mid:y@z")], "[A-Za-z0-9!~|^_-]{1,8}")
        .prop_map(|(namespace, name)| FieldName::new(namespace, &name))
}

fn message() -> impl Strategy<Value = Message> {
    let language = || prop::option::of("[a-z]{2}(-[A-Z]{2})?");
    let subject = (language(), text()).prop_map(|(language, text)| Subject { language, text });
    let field = (field_name(), language(), text()).prop_map(|(name, language, value)| Field { name, language, value });
    let utc = (0_i64..4_000_000_000_000).prop_map(|unix_millis| Utc { unix_millis });
    (
        prop::option::of(address()),
        prop::collection::vec(address(), 0..3),
        prop::collection::vec(address(), 0..3),
        prop::collection::vec(subject, 0..3),
        prop::option::of(utc),
        prop::collection::vec(field_name(), 0..3),
        prop::collection::vec(field, 0..4),
        any::<Vec<u8>>(),
    )
        .prop_map(|(from, to, cc, subjects, date_time, required, fields, body)| Message {
            from,
            to,
            cc,
            subjects,
            date_time,
            required,
            fields,
            content: Entity::new("application/octet-stream", body),
        })
}

proptest! {
    #[test]
    fn what_is_written_is_read(message in message()) {
        prop_assert_eq!(Message::parse(&message.write(), &Limits::default()), Ok(message));
    }

    #[test]
    fn reading_never_panics(text in "(From|To|NS|Require|Subject|[a-z.]{1,3}|:|;lang=|;x=\"|[<>\"\\\\, ]|\\\\u[0-9a-f]{0,5}|\r\n|\n|Content-Type: a/b){0,40}") {
        if let Ok(message) = parse(&text) {
            prop_assert_eq!(Message::parse(&message.write(), &Limits::default()).map(|message| message.content), Ok(message.content));
        }
    }
}
