//! RFC 3261 section 12, and the DLG properties that concern a dialog alone.

use bytes::Bytes;

use super::*;
use crate::limits::Limits;
use crate::sip::Message;

fn request(headers: &str) -> Request {
    let text = format!(
        "INVITE sip:bob@biloxi.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n\
         From: Alice <sip:alice@atlanta.com>;tag=A\r\nTo: Bob <sip:bob@biloxi.com>\r\nCall-ID: c@192.0.2.1\r\n\
         CSeq: 7 INVITE\r\n{headers}\r\n"
    );
    match Message::parse(Bytes::from(text), &Limits::default()).unwrap() {
        Message::Request(request) => request,
        Message::Response(_) => panic!("a response"),
    }
}

fn response(code: u16, tag: &str, headers: &str) -> Response {
    let text = format!(
        "SIP/2.0 {code} X\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: Alice <sip:alice@atlanta.com>;tag=A\r\n\
         To: Bob <sip:bob@biloxi.com>{tag}\r\nCall-ID: c@192.0.2.1\r\nCSeq: 7 INVITE\r\n{headers}\r\n"
    );
    match Message::parse(Bytes::from(text), &Limits::default()).unwrap() {
        Message::Response(response) => response,
        Message::Request(_) => panic!("a request"),
    }
}

fn caller(code: u16, headers: &str) -> Result<Dialog, DialogError> {
    let response = response(code, ";tag=B", headers);
    Dialog::from_response(&request("Contact: <sip:alice@192.0.2.1>\r\n"), &response, &response.validate().unwrap())
}

fn callee(headers: &str) -> Result<Dialog, DialogError> {
    let request = request(headers);
    Dialog::from_request(&request, &request.validate().unwrap(), "B")
}

const CONTACT: &str = "Contact: <sip:bob@192.0.2.4>\r\n";
const LOOSE: &str = "Record-Route: <sip:p2;lr>, <sip:p1;lr>\r\nContact: <sip:bob@192.0.2.4>\r\n";

fn lines(mut dialog: Dialog, method: Method) -> Vec<String> {
    let request = dialog.request(method).finish().unwrap();
    let text = String::from_utf8(request.bytes().to_vec()).unwrap();
    text.split("\r\n").map(str::to_owned).collect()
}

#[test]
fn the_two_sides_have_mirrored_names() {
    let (caller, callee) = (caller(200, CONTACT).unwrap(), callee("Contact: <sip:alice@192.0.2.1>\r\n").unwrap());
    assert_eq!(caller.id(), &DialogId::new("c@192.0.2.1", "A", "B"));
    assert_eq!(callee.id(), &DialogId::new("c@192.0.2.1", "B", "A"));
    assert_eq!((caller.role(), callee.role()), (Role::Caller, Role::Callee));
    assert_eq!(caller.local().tag(), callee.remote().tag());
    assert_eq!(caller.remote().tag(), callee.local().tag());
}

#[test]
fn tags_are_compared_byte_by_byte() {
    assert_ne!(DialogId::new("c", "a", "b"), DialogId::new("c", "A", "b"));
    assert_ne!(DialogId::new("c", "a", "b"), DialogId::new("c", "b", "a"));
}

#[test]
fn a_dialog_needs_a_tag_and_one_contact() {
    let error =
        |response: &Response| Dialog::from_response(&request(""), response, &response.validate().unwrap()).unwrap_err();
    assert_eq!(error(&response(180, "", CONTACT)), DialogError::NoTag);
    // A 2xx of an RFC 2543 peer may lack it (RFC 3261 section 12.1.2).
    let accepted = response(200, "", CONTACT);
    let dialog = Dialog::from_response(&request(""), &accepted, &accepted.validate().unwrap()).unwrap();
    assert_eq!(dialog.id(), &DialogId::new("c@192.0.2.1", "A", ""));
    assert_eq!(dialog.remote().tag(), None);
    assert_eq!(error(&response(200, ";tag=B", "")), DialogError::BadContact);
    assert_eq!(caller(200, "Contact: <sip:a@h>, <sip:b@h>\r\n").unwrap_err(), DialogError::BadContact);
    assert_eq!(caller(200, "Contact: *\r\n").unwrap_err(), DialogError::BadContact);
    assert_eq!(caller(200, "Contact: <tel:+123>\r\n").unwrap_err(), DialogError::BadContact);
    assert_eq!(callee("").unwrap_err(), DialogError::BadContact);
    // A provisional response may lack it.
    assert_eq!(caller(180, "").unwrap().remote_target().to_string(), "sip:bob@biloxi.com");
}

#[test]
fn loose_routes_leave_the_target_in_the_request_line() {
    let lines = lines(caller(200, LOOSE).unwrap(), Method::Bye);
    assert_eq!(lines[0], "BYE sip:bob@192.0.2.4 SIP/2.0");
    let routes: Vec<_> = lines.iter().filter(|line| line.starts_with("Route:")).collect();
    assert_eq!(routes, ["Route: <sip:p1;lr>", "Route: <sip:p2;lr>"]);
    assert!(lines.contains(&"CSeq: 8 BYE".to_owned()), "{lines:?}");
    // The callee sees the proxies in the order of the message.
    let callee = callee(LOOSE).unwrap();
    assert_eq!(callee.next_hop().to_string(), "sip:p2;lr");
}

#[test]
fn a_strict_router_takes_the_request_line() {
    let strict =
        "Record-Route: <sip:p1;lr>\r\nRecord-Route: <sip:p0;method=BYE?Subject=x>\r\nContact: <sip:bob@192.0.2.4>\r\n";
    let dialog = caller(200, strict).unwrap();
    assert_eq!(dialog.routes().len(), 2);
    let lines = lines(dialog, Method::Bye);
    assert_eq!(lines[0], "BYE sip:p0 SIP/2.0");
    let routes: Vec<_> = lines.iter().filter(|line| line.starts_with("Route:")).collect();
    assert_eq!(routes, ["Route: <sip:p1;lr>", "Route: <sip:bob@192.0.2.4>"]);
}

#[test]
fn what_a_contact_must_not_hold_does_not_come_into_the_request_line() {
    let hostile = "Contact: <sip:bob@192.0.2.4;method=BYE?Route=%3Csip:evil%3E>\r\n";
    assert_eq!(lines(caller(200, hostile).unwrap(), Method::Bye)[0], "BYE sip:bob@192.0.2.4 SIP/2.0");
    let mut dialog = caller(200, CONTACT).unwrap();
    dialog.refresh_target(&request(hostile));
    assert_eq!(dialog.remote_target().to_string(), "sip:bob@192.0.2.4");
}

#[test]
fn numbers_go_up_by_one_and_the_ack_keeps_the_invites() {
    let mut dialog = caller(200, CONTACT).unwrap();
    for expected in 8..12 {
        let request = dialog.request(Method::Info).finish().unwrap();
        assert_eq!(request.cseq().unwrap().number, expected);
    }
    let ack = dialog.ack(7).finish().unwrap();
    assert_eq!(ack.cseq().unwrap(), CSeq { number: 7, method: Method::Ack });
    assert_eq!(dialog.local_cseq(), 11);
}

#[test]
fn a_lower_number_is_out_of_order_and_a_gap_is_not() {
    let mut dialog = callee(CONTACT).unwrap();
    let cseq = |number| CSeq { number, method: Method::Info };
    assert_eq!(dialog.receive(&cseq(6)), Err(OutOfOrder { got: 6, last: 7 }));
    assert_eq!(dialog.receive(&cseq(8)), Ok(()));
    assert_eq!(dialog.receive(&cseq(2000)), Ok(()));
    assert_eq!(dialog.receive(&cseq(1999)), Err(OutOfOrder { got: 1999, last: 2000 }));
    // The caller's side has seen no request of the peer: any number will do.
    assert_eq!(caller(200, CONTACT).unwrap().receive(&cseq(0)), Ok(()));
}

#[test]
fn confirming_computes_the_routes_once_more_and_only_once() {
    let mut dialog = caller(180, CONTACT).unwrap();
    assert_eq!((dialog.state(), dialog.routes().is_empty()), (State::Early, true));
    dialog.confirm(&response(200, ";tag=B", LOOSE)).unwrap();
    assert_eq!((dialog.state(), dialog.routes().len()), (State::Confirmed, 2));
    dialog.confirm(&response(200, ";tag=B", CONTACT)).unwrap();
    assert_eq!(dialog.routes().len(), 2);
}

#[test]
fn only_a_usable_contact_refreshes_the_target() {
    let mut dialog = caller(200, CONTACT).unwrap();
    dialog.refresh_target(&request("Contact: <sip:bob@192.0.2.9>\r\n"));
    assert_eq!(dialog.remote_target().to_string(), "sip:bob@192.0.2.9");
    for useless in ["", "Contact: *\r\n", "Contact: <sip:a@h>, <sip:b@h>\r\n", "Contact: <urn:x:y>\r\n"] {
        dialog.refresh_target(&request(useless));
        assert_eq!(dialog.remote_target().to_string(), "sip:bob@192.0.2.9", "{useless}");
    }
}
