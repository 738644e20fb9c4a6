//! What arrives on a stream, or in a datagram of its own (classes S12 and S14).

use bytes::Bytes;
use sipsimple_core::limits::Limits;
use sipsimple_core::sip::{Message, frame};

use crate::verdicts::table::octets;

#[test]
fn a_head_ends_where_its_empty_line_ends_and_nowhere_before() {
    let whole = octets("hostile/sip/request.sip");
    let end = whole.windows(4).position(|four| four == b"\r\n\r\n").expect("an empty line") + 4;
    for cut in 0..end {
        assert_eq!(frame::head_len(&whole[..cut]), None, "cut at {cut}");
    }
    for cut in end..=whole.len() {
        assert_eq!(frame::head_len(&whole[..cut]), Some(end), "cut at {cut}");
    }
    assert_eq!(frame::content_length(&whole[..end]).expect("a number"), Some(5));
}

#[test]
fn a_head_without_content_length_says_so() {
    let head = b"BYE sip:bob@biloxi.example.com SIP/2.0\r\nSubject: Content-Length: 5\r\n Content-Length: 6\r\n\r\n";
    assert_eq!(frame::content_length(head).expect("no fault"), None);
}

#[test]
fn a_length_that_cannot_be_trusted_is_an_error() {
    for length in ["-1", "five", "0x5", "", "5, 5", "18446744073709551621", "99999999999999999999999999", "5\r\nl: 6"] {
        let head = format!("BYE sip:bob@biloxi.example.com SIP/2.0\r\nContent-Length: {length}\r\n\r\n");
        assert!(frame::content_length(head.as_bytes()).is_err(), "{length}");
    }
    // What no memory can hold is still a number; it is for the limit on bodies to refuse it.
    let head = b"BYE sip:bob@biloxi.example.com SIP/2.0\r\nContent-Length: 4294967301\r\n\r\n";
    assert_ne!(frame::content_length(head).ok(), Some(Some(5)));
}

#[test]
fn a_datagram_of_nothing_is_no_message_and_gets_no_answer() {
    for data in ["", "\r\n", "\r\n\r\n", "\0", "\0\0\0\0", "jaK", " ", "\n\n\n\n"] {
        let error = Message::parse(Bytes::from(data), &Limits::default()).expect_err(data);
        assert_eq!(error.response(), None, "{data:?}");
    }
    let error =
        Message::parse(Bytes::from("\r\n".repeat(20_000)), &Limits::default()).expect_err("nothing but line ends");
    assert_eq!(error.response(), None);
}
