//! What an application may try to put into a message (class S10): it is refused, or read back as it was given, and never adds a field.

use proptest::prelude::*;
use sipsimple_core::limits::Limits;
use sipsimple_core::sip::{
    BuildError, From, HeaderName, Host, Message, Method, NameAddr, Request, Response, SipUri, Text, Uri, Via,
};

/// What ends a line, a string, a URI or a field for some parser.
const SPITEFUL: &[&str] = &[
    "a\r\nX-Evil: 1",
    "a\r\n\r\nBYE sip:bob@biloxi.example.com SIP/2.0\r\n\r\n",
    "a\nX-Evil: 1",
    "a\rX-Evil: 1",
    "a\r\n b",
    "a\0b",
    "\0",
];

/// Harmless in a line of its own, but not everywhere.
const ODD: &[&str] = &[
    "",
    " ",
    "a b",
    "\"",
    "\\",
    "a\"b",
    "a\\",
    "<sip:evil@example.com>",
    ">",
    "a>;tag=1",
    "a;b=c",
    "a,b",
    "a@b",
    "a:b",
    "%",
    "%0d%0a",
    "é",
    "a?b=c",
    "[",
    "(",
    "\t",
];

fn uri(user: &str) -> Uri {
    Uri::Sip(SipUri::new(Some(user), Host::Name(Text::from("biloxi.example.com")), None))
}

/// What was built, read again; none when it was refused. However it was built, it has so many fields.
fn read_back(built: Result<Message, BuildError>, fields: usize) -> Option<Message> {
    let built = built.ok()?;
    let read = Message::parse(built.bytes().clone(), &Limits::default()).expect("what was built can be read");
    let names = |message: &Message| {
        message.headers().fields().map(|(name, _, value)| (name.to_owned(), value.to_vec())).collect::<Vec<_>>()
    };
    assert_eq!(names(&read), names(&built), "{:?}", built.bytes());
    // The builder adds Content-Length.
    assert_eq!(read.headers().len(), fields + 1, "{:?}", built.bytes());
    Some(read)
}

fn request(
    build: impl FnOnce(sipsimple_core::sip::Builder<Request>) -> sipsimple_core::sip::Builder<Request>,
) -> Result<Message, BuildError> {
    build(Request::build(Method::Invite, &uri("bob"))).finish().map(Message::Request)
}

fn subject(text: &str) -> Option<Message> {
    read_back(request(|builder| builder.field(HeaderName::Subject, text)), 1)
}

fn named(name: &str) -> Option<Message> {
    read_back(request(|builder| builder.other(name, "value")), 1)
}

fn phrase(text: &str) -> Option<Message> {
    read_back(Response::build(200, Some(text)).finish().map(Message::Response), 0)
}

fn method(text: &str) -> Option<Message> {
    read_back(Request::build(Method::Other(Text::from(text)), &uri("bob")).finish().map(Message::Request), 0)
}

fn content_type(text: &str) -> Option<Message> {
    read_back(request(|builder| builder.body(text, b"hello")), 1)
}

fn from(address: NameAddr) -> Option<NameAddr> {
    let message = read_back(request(|builder| builder.header(&From(address))), 1)?;
    message.headers().get::<From>().expect("a From that is read back").map(|From(from)| from)
}

fn display_name(text: &str) -> Option<String> {
    from(NameAddr::new(uri("alice")).with_display_name(text)).map(|from| {
        assert_eq!((from.uri, from.params.is_empty()), (uri("alice"), true), "{text:?}");
        from.display_name.map_or_else(String::new, |name| name.to_string())
    })
}

fn parameter(text: &str) -> Option<String> {
    from(NameAddr::new(uri("alice")).with_param("x", Some(text))).map(|from| {
        assert_eq!((from.uri, from.params.iter().count()), (uri("alice"), 1), "{text:?}");
        from.params.get("x").flatten().map_or_else(String::new, |value| value.to_string())
    })
}

fn user(text: &str) -> Option<String> {
    let read = from(NameAddr::new(uri(text)))?;
    let sip = read.uri.as_sip().expect("a SIP URI").clone();
    assert!(sip.params.is_empty() && sip.headers.is_empty() && read.params.is_empty(), "{text:?}");
    sip.user_unescaped()
}

/// The parts of a URI that an application writes itself, without the help of `SipUri::new`.
fn raw_uri(text: &str) -> Option<Message> {
    let base = SipUri::new(Some("alice"), Host::Name(Text::from("atlanta.example.com")), None);
    for uri in [
        SipUri { user: Some(Text::from(text)), ..base.clone() },
        SipUri { password: Some(Text::from(text)), ..base.clone() },
        SipUri { host: Host::Name(Text::from(text)), ..base.clone() },
        SipUri { headers: Text::from(text), ..base.clone() },
        base.with_param("x", Some(text)),
    ] {
        let uri = Uri::Sip(uri);
        let read = from(NameAddr::new(uri.clone()));
        assert!(read.is_none_or(|read| read.uri.to_string() == uri.to_string() && read.params.is_empty()), "{uri}");
        read_back(Request::build(Method::Options, &uri).finish().map(Message::Request), 0);
    }
    let other = Uri::Other { scheme: Text::from(text), text: Text::from(text) };
    read_back(Request::build(Method::Options, &other).finish().map(Message::Request), 0)
}

fn via(text: &str) -> Option<Message> {
    let host = Host::Name(Text::from("atlanta.example.com"));
    let made = Via::new("UDP", host.clone(), None).with_param("branch", Some(text));
    let other = Via::new(text, host, None);
    let read = read_back(request(|builder| builder.header(&other)), 1);
    if let Some(message) = read_back(request(|builder| builder.header(&made)), 1) {
        assert_eq!(message.headers().values(HeaderName::Via).count(), 1, "{text:?}");
    }
    read
}

/// The text everywhere in a message where nothing escapes or quotes it. What is let in has not added a field: `read_back` sees to that.
fn everywhere(text: &str) -> [(&'static str, Option<Message>); 7] {
    [
        ("field", subject(text)),
        ("name", named(text)),
        ("phrase", phrase(text)),
        ("method", method(text)),
        ("content type", content_type(text)),
        ("uri", raw_uri(text)),
        ("via", via(text)),
    ]
}

/// The text where it can be quoted or escaped. What is let in comes back as it was.
fn quoted_or_escaped(text: &str) {
    for (place, read) in [("display name", display_name(text)), ("parameter", parameter(text)), ("user", user(text))] {
        assert!(read.as_deref().is_none_or(|read| read == text), "{place} {text:?} came back as {read:?}");
    }
}

/// What is left of a value at whose ends white space is cut off.
fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\r', '\n'])
}

#[test]
fn line_ends_and_nul_are_refused() {
    for text in SPITEFUL {
        for (place, built) in everywhere(text) {
            assert!(built.is_none(), "{text:?} as {place} built {:?}", built.map(|message| message.bytes().clone()));
        }
        quoted_or_escaped(text);
    }
}

#[test]
fn odd_text_stays_text() {
    for text in ODD {
        assert_eq!(display_name(text).as_deref(), Some(*text));
        let read = subject(text).expect("a line of its own holds it");
        assert_eq!(read.headers().text(HeaderName::Subject).expect("text").as_deref(), Some(trimmed(text)));
        everywhere(text);
        quoted_or_escaped(text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn whatever_is_built_is_read_back(text in "(?s)[a\"\\\\<>;:,@%=?\\r\\n\\x00 \\tzé\\[\\]()&/]{0,12}") {
        if let Some(message) = subject(&text) {
            let read = message.headers().text(HeaderName::Subject).expect("text");
            prop_assert_eq!(read.as_deref(), Some(trimmed(&text)));
        }
        everywhere(&text);
        quoted_or_escaped(&text);
    }
}
