use bytes::Bytes;
use proptest::prelude::*;

use super::Multipart;
use crate::limits::Limits;
use crate::payload::mime::Entity;
use crate::payload::{Error, Fault};
use crate::sip::{MediaType, Text};

fn kind(text: &str) -> MediaType {
    MediaType::parse(&Text::from(text)).unwrap()
}

fn parse(content_type: &str, body: &str) -> Result<Multipart, Error> {
    Multipart::parse(&kind(content_type), &Bytes::copy_from_slice(body.as_bytes()), &Limits::default())
}

/// The example of RFC 2046 section 5.1.1.
const SIMPLE: &str = "This is the preamble.  It is to be ignored, though it\r\n\
    is a handy place for composition agents to include an\r\nexplanatory note to non-MIME conformant readers.\r\n\r\n\
    --simple boundary\r\n\r\n\
    This is implicitly typed plain US-ASCII text.\r\nIt does NOT end with a linebreak.\r\n\
    --simple boundary\r\nContent-type: text/plain; charset=us-ascii\r\n\r\n\
    This is explicitly typed plain US-ASCII text.\r\nIt DOES end with a linebreak.\r\n\r\n\
    --simple boundary--\r\n\r\nThis is the epilogue.  It is also to be ignored.\r\n";

#[test]
fn the_example_is_taken_apart() {
    let multipart = parse("multipart/mixed; boundary=\"simple boundary\"", SIMPLE).unwrap();
    let [plain, typed] = &multipart.parts[..] else { panic!("two parts") };
    assert_eq!(plain.body, "This is implicitly typed plain US-ASCII text.\r\nIt does NOT end with a linebreak.");
    assert_eq!(plain.fields, []);
    assert_eq!(typed.body, "This is explicitly typed plain US-ASCII text.\r\nIt DOES end with a linebreak.\r\n");
    assert!(typed.content_type().is_some_and(|kind| kind.is("text/plain")));
}

#[test]
fn boundaries_are_whole_lines() {
    let body = "--b\n\na\n--bc\n--b \t\r\n\r\nx--b\r\n--b--";
    let multipart = parse("multipart/mixed;boundary=b", body).unwrap();
    let bodies: Vec<_> = multipart.parts.iter().map(|part| part.body.clone()).collect();
    assert_eq!(bodies, ["a\n--bc", "x--b"]);
    let empty = parse("multipart/mixed;boundary=b", "--b\r\n--b--\r\n").unwrap();
    assert_eq!(empty.parts, [Entity::default()]);
    assert_eq!(parse("multipart/mixed;boundary=b", "--b--").unwrap().parts, []);
}

#[test]
fn the_root_is_the_first_part_or_the_one_that_is_named() {
    let body = "--b\r\nContent-ID: <one@x>\r\n\r\n1\r\n--b\r\nContent-ID: <two@x>\r\n\r\n2\r\n--b--";
    for (content_type, root) in [
        ("multipart/related;boundary=b", Some("1")),
        ("multipart/related;boundary=b;start=\"<two@x>\"", Some("2")),
        ("multipart/related;boundary=b;start=\"<three@x>\"", None),
    ] {
        let multipart = parse(content_type, body).unwrap();
        let found = multipart.root(&kind(content_type)).map(|part| part.body.clone());
        assert_eq!(found, root.map(Bytes::from), "{content_type}");
    }
}

#[test]
fn what_is_no_multipart_body_is_refused() {
    for (content_type, body, at, fault) in [
        ("multipart/mixed", "--b--", 0, Fault::Boundary),
        ("text/plain;boundary=b", "--b--", 0, Fault::Boundary),
        ("multipart/mixed;boundary=\"\"", "----", 0, Fault::Boundary),
        ("multipart/mixed;boundary=\"a b \"", "--a b --", 0, Fault::Boundary),
        ("multipart/mixed;boundary=b", "", 0, Fault::Boundary),
        ("multipart/mixed;boundary=b", "--b\r\n\r\na\r\n", 10, Fault::Boundary),
        ("multipart/mixed;boundary=b", "--b\r\nnonsense\r\n\r\n--b--", 5, Fault::Field),
    ] {
        assert_eq!(parse(content_type, body), Err(Error { at, fault }), "{content_type} {body}");
    }
    let many = "--b\r\n\r\n\r\n".repeat(600) + "--b--";
    assert_eq!(parse("multipart/mixed;boundary=b", &many).expect_err("too many").fault, Fault::TooManyParts);
    let long = "x".repeat(Limits::default().payload_bytes + 1);
    assert_eq!(parse("multipart/mixed;boundary=b", &long).expect_err("too long").fault, Fault::TooLong);
}

#[test]
fn a_boundary_is_found_that_no_part_holds() {
    let multipart =
        Multipart { parts: vec![Entity::new("text/plain", "--b-0000000000000007\r\nb-0000000000000007-1")] };
    let (body, boundary) = multipart.write(7);
    assert_eq!(boundary, "b-0000000000000007-2");
    assert_eq!(
        Multipart::parse(&kind(&format!("multipart/mixed;boundary={boundary}")), &body, &Limits::default()),
        Ok(multipart)
    );
}

proptest! {
    #[test]
    fn what_is_written_is_read(bodies in prop::collection::vec("[-b0\r\n]{0,12}", 0..5), seed in any::<u64>()) {
        let parts = bodies.into_iter().map(|body| Entity::new("text/plain", body)).collect();
        let multipart = Multipart { parts };
        let (body, boundary) = multipart.write(seed);
        let content_type = kind(&format!("multipart/mixed;boundary=\"{boundary}\""));
        prop_assert_eq!(Multipart::parse(&content_type, &body, &Limits::default()), Ok(multipart));
    }

    #[test]
    fn reading_never_panics(body in "(--b|--|\r\n|\n|b|a: b|[a :]){0,30}") {
        let _ = parse("multipart/related;boundary=b", &body);
    }
}
