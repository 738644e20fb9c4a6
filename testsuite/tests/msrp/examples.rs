//! The frames of RFC 4975, 4976, 5547 and 7701 against the verdicts of `vectors/msrp/verdicts.tsv`, whole and byte by byte, by the framer
//! and by the watchers' own reader; and the messages of RFC 3862.

use std::path::Path;

use bytes::Bytes;
use sipsimple_core::limits::Limits;
use sipsimple_core::msrp::{Continuation, Frame, Framer};
use sipsimple_core::payload::cpim::{Address, FieldName, Message, Subject};
use sipsimple_core::payload::multipart::Multipart;
use sipsimple_core::sip::{MediaType, Text};
use sipsimple_testsuite::msrp::Cutter;

/// The verdict on a frame, its body and its end.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<(String, Vec<u8>, Continuation)> {
    let (mut framer, mut frames, mut begun) = (Framer::new(), Vec::new(), None);
    for piece in pieces {
        framer.feed(Bytes::copy_from_slice(piece));
        while let Some(frame) = framer.next(&Limits::default()) {
            match frame.unwrap() {
                Frame::Head(head) => {
                    let verdict = head.fault().map_or_else(|| "accept".to_owned(), |fault| fault.to_string());
                    begun = Some((verdict, Vec::new()));
                }
                Frame::Body(data) => begun.as_mut().unwrap().1.extend_from_slice(&data),
                Frame::End(flag) => {
                    let (verdict, body) = begun.take().unwrap();
                    frames.push((verdict, body, flag));
                }
            }
        }
    }
    frames
}

#[test]
fn the_examples_of_the_rfcs_have_their_verdicts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors/msrp");
    let verdicts = std::fs::read_to_string(folder.join("verdicts.tsv")).unwrap();
    let mut seen = 0;
    for row in verdicts.lines().skip(1) {
        let [name, verdict, len, ..] = *row.split('\t').collect::<Vec<_>>() else { panic!("{row}") };
        let data = std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let whole = read([data.as_slice()]);
        let [(found, body, flag)] = whole.as_slice() else { panic!("{name}: {whole:?}") };
        assert_eq!((found.as_str(), body.len().to_string().as_str()), (verdict, len), "{name}");
        assert_eq!(read(data.chunks(1)), whole, "{name}");
        if verdict == "accept" {
            let cut = Cutter::default().feed(&data);
            let [Ok(frame)] = cut.as_slice() else { panic!("{name}: {cut:?}") };
            let end = match flag {
                Continuation::Complete => '$',
                Continuation::More => '+',
                Continuation::Abort => '#',
            };
            assert_eq!((frame.body.clone().unwrap_or_default(), frame.flag), (body.clone(), end), "{name}");
        }
        seen += 1;
    }
    assert_eq!(seen, 53);
}

/// What both examples of RFC 3862 section 5 say.
fn check(message: &Message, donkey: &str) {
    let address = |name: &str, uri: &str| Address { name: Some(name.into()), uri: uri.into() };
    assert_eq!(message.from, Some(address("MR SANDERS", "im:piglet@100akerwood.com")));
    assert_eq!(message.to, [address(donkey, "im:eeyore@100akerwood.com")]);
    assert_eq!(message.date_time.unwrap().unix_millis, 976_743_600_000);
    let subject =
        |language: Option<&str>, text: &str| Subject { language: language.map(Into::into), text: text.into() };
    let french = "beau temps prevu pour aujourd'hui";
    assert_eq!(message.subjects, [subject(None, "the weather will be fine today"), subject(Some("fr"), french)]);
    let features = "mid:MessageFeatures@id.foo.com";
    assert_eq!(message.required, [FieldName::new(features, "VitalMessageOption")]);
    assert_eq!(message.field(features, "VitalMessageOption"), Some("Confirmation-requested"));
    assert_eq!(message.field(features, "WackyMessageOption"), Some("Use-silly-font"));
    // Who does not know what is vital must not show it as if it were understood.
    assert_eq!(message.not_understood(|_| false).count(), 1);
    assert_eq!(message.content.field("Content-Type"), Some("text/xml; charset=utf-8"));
    assert_eq!(message.content.content_id(), Some("1234567890@foo.com"));
    assert!(message.content.body.starts_with(b"<body>\r\nHere is the text of my message.\r\n</body>"));
}

#[test]
fn the_messages_of_rfc_3862_are_read_and_written_back() {
    let limits = Limits::default();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors/cpim/rfc3862");
    let read = |name: &str| Bytes::from(std::fs::read(folder.join(name)).unwrap());
    let message = Message::parse(&read("5.1.cpim"), &limits).unwrap();
    check(&message, "Depressed Donkey");
    assert_eq!(Message::parse(&message.write(), &limits).unwrap(), message);
    // Its own Content-Type has a parameter with a slash that is not quoted, as RFC 2045 wants it.
    let signed = read("5.2.signed");
    let kind = MediaType::parse(&Text::from("multipart/signed; boundary=next")).unwrap();
    let parts = Multipart::parse(&kind, &signed, &limits).unwrap().parts;
    assert!(parts[0].content_type().unwrap().is("message/cpim"));
    check(&Message::parse(&parts[0].body, &limits).unwrap(), "Dopey Donkey");
}
