//! What the tests of this room have in common: messages, and machines run on a clock of their own.

mod invite_client;
mod invite_server;
mod limits;
mod matching;
mod non_invite_client;
mod non_invite_server;
mod random;
mod table;

use bytes::Bytes;

use super::{Action, Timers};
use crate::limits::Limits;
use crate::outbox::Outbox;
use crate::sip::{Message, Request, Response};
use crate::time::Instant;

/// T1 500 ms, T2 4 s, T4 5 s.
fn timers() -> Timers {
    Timers::default()
}

fn ms(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn parse(text: &str) -> Message {
    Message::parse(Bytes::from(text.replace('\n', "\r\n")), &Limits::default()).unwrap()
}

/// A request from its text with bare line ends.
fn request(text: &str) -> Request {
    match parse(text) {
        Message::Request(request) => request,
        Message::Response(_) => panic!("{text}"),
    }
}

/// A response from its text with bare line ends.
fn response(text: &str) -> Response {
    match parse(text) {
        Message::Response(response) => response,
        Message::Request(_) => panic!("{text}"),
    }
}

/// A request with this method and this branch, of CSeq 1.
fn of(method: &str, branch: &str) -> Request {
    request(&format!(
        "{method} sip:bob@biloxi.com SIP/2.0\n\
         Via: SIP/2.0/UDP pc33.atlanta.com;branch={branch}\n\
         Max-Forwards: 70\n\
         To: Bob <sip:bob@biloxi.com>\n\
         From: Alice <sip:alice@atlanta.com>;tag=1928301774\n\
         Call-ID: a84b4c76e66710@pc33.atlanta.com\n\
         CSeq: 1 {method}\n\
         Content-Length: 0\n\n"
    ))
}

/// The response with this code to the request that [`of`] makes.
fn to(code: u16, method: &str, branch: &str) -> Response {
    response(&format!(
        "SIP/2.0 {code} Whatever\n\
         Via: SIP/2.0/UDP pc33.atlanta.com;branch={branch}\n\
         To: Bob <sip:bob@biloxi.com>;tag=a6c85cf\n\
         From: Alice <sip:alice@atlanta.com>;tag=1928301774\n\
         Call-ID: a84b4c76e66710@pc33.atlanta.com\n\
         CSeq: 1 {method}\n\
         Content-Length: 0\n\n"
    ))
}

/// A message as its method or its code.
fn name(data: &[u8]) -> String {
    let line = std::str::from_utf8(data).unwrap().lines().next().unwrap();
    let mut words = line.split(' ');
    let first = words.next().unwrap();
    if first == "SIP/2.0" { words.next().unwrap().to_owned() } else { first.to_owned() }
}

/// The actions of a machine in short: `send INVITE`, `up`, `cancel`, `confirmed`, `failed`, `end Timeout`.
fn shown(out: &mut Outbox<Action>) -> String {
    let mut shown = Vec::new();
    while let Some(action) = out.pop() {
        shown.push(match action {
            Action::Send(data) => format!("send {}", name(&data)),
            Action::Deliver => "up".to_owned(),
            Action::Cancel(_) => "cancel".to_owned(),
            Action::Confirmed => "confirmed".to_owned(),
            Action::SendFailed(_) => "failed".to_owned(),
            Action::End(end) => format!("end {end:?}"),
        });
    }
    shown.join(", ")
}
