//! Which body is the session description (RFC 3261 section 8.2.3, RFC 5621).

use super::super::body::{BodyFault, attachments, judge_body, session_description, with_offer, without_attachments};
use super::*;

fn message(content_type: &str, body: &str) -> Request {
    let text = format!(
        "INVITE sip:bob@192.0.2.4 SIP/2.0\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    match Message::parse(text.into(), &crate::limits::Limits::default()).unwrap() {
        Message::Request(request) => request,
        Message::Response(_) => unreachable!("a request was written"),
    }
}

fn found(content_type: &str, body: &str) -> (Option<String>, Result<(), BodyFault>) {
    let message = message(content_type, body);
    let text = session_description(&message).map(|body| String::from_utf8(body.to_vec()).unwrap());
    (text, judge_body(&message))
}

#[test]
fn alone_or_as_a_part() {
    let found_it = (Some("v=0\r\n".to_owned()), Ok(()));
    assert_eq!(found("application/sdp", "v=0\r\n"), found_it);
    assert_eq!(found("application/SDP;charset=utf-8", "v=0\r\n"), found_it);
    assert_eq!(found("application/sdp\r\nContent-Disposition: session", "v=0\r\n"), found_it);
    let parts = "--b1\r\nContent-Type: text/plain\r\nContent-Disposition: render;handling=optional\r\n\r\nhello\r\n\
                 --b1\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n--b1--\r\n";
    assert_eq!(found("multipart/mixed;boundary=b1", parts), found_it);
    assert_eq!(found("multipart/mixed;boundary=\"b1\"", parts), found_it);
    let alternatives =
        "--b\r\nContent-Type: text/html\r\n\r\n<p>\r\n--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n--b--";
    assert_eq!(found("multipart/alternative;boundary=b", alternatives), found_it);
    let nested = format!("--a\r\nContent-Type: multipart/alternative;boundary=b\r\n\r\n{alternatives}\r\n--a--");
    assert_eq!(found("multipart/mixed;boundary=a", &nested), found_it);
}

#[test]
fn what_must_be_understood_and_is_not() {
    assert_eq!(found("text/plain", "hello"), (None, Err(BodyFault::Type)));
    assert_eq!(found("text/plain\r\nContent-Disposition: render;handling=optional", "hello"), (None, Ok(())));
    assert_eq!(found("application/sdp\r\nContent-Encoding: gzip", "v=0"), (None, Err(BodyFault::Encoding)));
    let parts = "--b1\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b1\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n--b1--\r\n";
    assert_eq!(found("multipart/mixed;boundary=b1", parts), (Some("v=0\r\n".to_owned()), Err(BodyFault::Type)));
    let early = "application/sdp\r\nContent-Disposition: early-session;handling=optional";
    assert_eq!(found(early, "v=0\r\n"), (None, Ok(())));
    let encoded = "--b\r\nContent-Type: application/sdp\r\nContent-Transfer-Encoding: base64\r\n\r\ndj0w\r\n--b--";
    assert_eq!(found("multipart/mixed;boundary=b", encoded), (None, Err(BodyFault::Encoding)));
}

/// RFC 5547 section 9.1: a description with the icon of a file.
const RELATED: &str = "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n--b\r\nContent-Type: image/jpeg\r\n\
    Content-Transfer-Encoding: binary\r\nContent-ID: <id2@alicepc.example.com>\r\nContent-Disposition: icon\r\n\r\nicon\r\n--b--\r\n";

#[test]
fn what_a_description_refers_to_comes_along() {
    for kind in ["related;type=\"application/sdp\"", "mixed"] {
        let kind = format!("multipart/{kind};boundary=b");
        assert_eq!(found(&kind, RELATED), (Some("v=0\r\n".to_owned()), Ok(())), "{kind}");
        let parts = attachments(&message(&kind, RELATED));
        let [part] = parts.as_slice() else { panic!("{parts:?}") };
        assert_eq!(
            (part.content_id.as_deref(), part.body.as_ref()),
            (Some("id2@alicepc.example.com"), b"icon".as_slice())
        );
    }
    assert!(attachments(&message("application/sdp", "v=0")).is_empty());
}

#[test]
fn the_root_is_the_description() {
    let two = "--b\r\nContent-Type: application/sdp\r\nContent-ID: <one>\r\n\r\n1\r\n\
               --b\r\nContent-Type: application/sdp\r\nContent-ID: <two>\r\n\r\n2\r\n--b--";
    for (start, root) in [("", "1"), (";start=\"<two>\"", "2"), (";start=\"<three>\"", "1")] {
        let kind = format!("multipart/related;type=\"application/sdp\";boundary=b{start}");
        assert_eq!(found(&kind, two), (Some(root.to_owned()), Ok(())), "{start}");
    }
    // A root that is not understood is not helped by what it refers to.
    let other = two.replacen("application/sdp", "text/plain", 1);
    assert_eq!(found("multipart/related;boundary=b", &other), (None, Err(BodyFault::Type)));
}

#[test]
fn what_is_attached_can_be_left_out() {
    let icon = Entity::new("image/png", "--b\r\n").with("Content-ID", "<i>");
    let uri = Uri::parse(&Text::from("sip:bob@192.0.2.4")).unwrap();
    let builder = Request::build(Method::Invite, &uri).header(&CSeq { number: 1, method: Method::Invite });
    let request = with_offer(builder, b"v=0\r\n", &[icon]).finish().unwrap();
    assert_eq!(judge_body(&request), Ok(()));
    assert_eq!(session_description(&request).unwrap(), "v=0\r\n");
    assert_eq!(attachments(&request)[0].body, "--b\r\n");
    let alone = without_attachments(&request).unwrap().header(&CSeq { number: 2, method: Method::Invite });
    let alone = alone.finish().unwrap();
    assert_eq!((alone.body(), alone.content_type().unwrap().unwrap().is("application/sdp")), ("v=0\r\n".into(), true));
    assert!(without_attachments(&alone).is_none());
}

#[test]
fn hostile_parts_are_bounded() {
    // Nothing but delimiters, boundaries within each other, and no end.
    for body in ["--b\r\n".repeat(50_000), "--b".repeat(50_000), "--b\n\n".repeat(50_000), "\r\n--b--".repeat(2)] {
        let message = message("multipart/mixed;boundary=b", &body);
        assert!(message.parts().len() <= 64);
    }
    let mut deep = String::new();
    for level in 0..1000 {
        deep.push_str(&format!("--b{level}\r\nContent-Type: multipart/mixed;boundary=b{}\r\n\r\n", level + 1));
    }
    assert!(message("multipart/mixed;boundary=b0", &deep).parts().len() <= 1);
    assert!(session_description(&message("multipart/mixed", "--\r\n\r\nx")).is_none());
}
