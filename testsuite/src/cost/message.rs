//! SIP messages: parse, type, print, build.

use std::hint::black_box;

use bytes::{Bytes, BytesMut};

use sipsimple_core::limits::Limits;
use sipsimple_core::sip::{
    CSeq, Contact, From, Header, HeaderName, Message, Method, NameAddr, Received, Request, Response, To, Uri, Via,
};

use super::{Round, Work, allocations, bar};

/// Twenty messages as softphones and proxies send them, of 930 bytes on average.
pub const MESSAGES: [&[u8]; 20] = [
    include_bytes!("../../../vectors/bench/01-register.sip"),
    include_bytes!("../../../vectors/bench/02-register-auth.sip"),
    include_bytes!("../../../vectors/bench/03-register-401.sip"),
    include_bytes!("../../../vectors/bench/04-register-200.sip"),
    include_bytes!("../../../vectors/bench/05-invite-audio.sip"),
    include_bytes!("../../../vectors/bench/06-invite-auth-big.sip"),
    include_bytes!("../../../vectors/bench/07-invite-msrp.sip"),
    include_bytes!("../../../vectors/bench/08-invite-file.sip"),
    include_bytes!("../../../vectors/bench/09-100-trying.sip"),
    include_bytes!("../../../vectors/bench/10-180-ringing.sip"),
    include_bytes!("../../../vectors/bench/11-200-invite-many.sip"),
    include_bytes!("../../../vectors/bench/12-ack.sip"),
    include_bytes!("../../../vectors/bench/13-bye.sip"),
    include_bytes!("../../../vectors/bench/14-200-bye.sip"),
    include_bytes!("../../../vectors/bench/15-subscribe.sip"),
    include_bytes!("../../../vectors/bench/16-notify-pidf.sip"),
    include_bytes!("../../../vectors/bench/17-notify-mwi.sip"),
    include_bytes!("../../../vectors/bench/18-publish.sip"),
    include_bytes!("../../../vectors/bench/19-message-cpim.sip"),
    include_bytes!("../../../vectors/bench/20-refer.sip"),
];

/// The pieces of work of this file.
pub const WORKS: &[Work] = &[
    Work { name: "parse", unit: "message", units: 20, target: bar(4_500, 1), prepare: parse },
    Work { name: "parse_typed", unit: "message", units: 20, target: bar(11_000, 4), prepare: parse_typed },
    Work { name: "print", unit: "message", units: 20, target: bar(3_500, 0), prepare: print },
    Work { name: "build_invite", unit: "INVITE", units: 1, target: None, prepare: build_invite },
    Work { name: "build_200", unit: "200", units: 1, target: allocations(4), prepare: build_200 },
];

fn received() -> Vec<Bytes> {
    MESSAGES.into_iter().map(Bytes::from_static).collect()
}

fn read(data: &Bytes, limits: &Limits) -> Message {
    Message::parse(data.clone(), limits).expect("the message is sound")
}

/// To an index of its header fields.
fn parse() -> Round {
    let (messages, limits) = (received(), Limits::default());
    Box::new(move || {
        for data in &messages {
            black_box(read(black_box(data), &limits));
        }
    })
}

/// The same, with everything typed that a dialog is made of: Request-URI, each Via, From, To, Call-ID, CSeq, Max-Forwards, and each
/// Contact, Route and Record-Route.
fn parse_typed() -> Round {
    let (messages, limits) = (received(), Limits::default());
    Box::new(move || {
        for data in &messages {
            let message = read(black_box(data), &limits);
            if let Message::Request(request) = &message {
                black_box(request.uri().is_ok());
            }
            type_dialog(&message);
            black_box(message);
        }
    })
}

fn type_dialog(message: &Message) {
    let headers = message.headers();
    for via in headers.all::<Via>() {
        black_box(via.expect("a Via"));
    }
    black_box(headers.from().expect("From"));
    black_box(headers.to().expect("To"));
    black_box(headers.call_id().expect("Call-ID"));
    black_box(headers.cseq().expect("CSeq"));
    black_box(headers.max_forwards().expect("Max-Forwards"));
    for contact in headers.contacts() {
        black_box(contact.expect("a Contact"));
    }
    for route in headers.routes().chain(headers.record_routes()) {
        black_box(route.expect("a route"));
    }
}

/// Into a buffer of the caller.
fn print() -> Round {
    let limits = Limits::default();
    let messages: Vec<Message> = received().iter().map(|data| read(data, &limits)).collect();
    let mut buffer = BytesMut::with_capacity(8192);
    Box::new(move || {
        for message in &messages {
            buffer.clear();
            black_box(message).print(&mut buffer);
            black_box(&buffer);
        }
    })
}

fn name_addr(text: &str) -> NameAddr {
    NameAddr::parse(&text.into()).expect("an address")
}

/// With Via, Contact, Allow and a body of 407 bytes.
fn build_invite() -> Round {
    let uri: Uri = "sip:bob@example.com".parse().expect("a URI");
    let via = Via::parse(&"SIP/2.0/UDP 192.0.2.10:5060;rport;branch=z9hG4bKPj1234abcd".into()).expect("a Via");
    let from = From(name_addr("\"Alice Liddell\" <sip:alice@example.com>;tag=9fxced76sl"));
    let to = To(name_addr("<sip:bob@example.com>"));
    let contact = Contact::Address(name_addr("<sip:37218650@192.0.2.10:5060>"));
    let cseq = CSeq::new(24001, Method::Invite);
    let body = super::description::BODIES[0];
    Box::new(move || {
        let request = Request::build(Method::Invite, black_box(&uri))
            .header(&via)
            .field(HeaderName::MaxForwards, 70)
            .header(&from)
            .header(&to)
            .field(HeaderName::CallId, "3848276298220188511-blink-7f@192.0.2.10")
            .header(&cseq)
            .header(&contact)
            .field(HeaderName::Allow, "INVITE, ACK, CANCEL, BYE, OPTIONS")
            .field(HeaderName::UserAgent, "sipsimple")
            .body("application/sdp", body)
            .finish();
        black_box(request.expect("it can be written"));
    })
}

/// In answer to an INVITE, with tag, Contact and a body of 407 bytes.
fn build_200() -> Round {
    let Message::Request(invite) = read(&Bytes::from_static(MESSAGES[4]), &Limits::default()) else {
        unreachable!("it is an INVITE")
    };
    let received = Received { from: "192.0.2.10:5060".parse().expect("an address") };
    let contact = Contact::Address(name_addr("<sip:bob@198.51.100.1:5060>"));
    let body = super::description::BODIES[0];
    Box::new(move || {
        let response = Response::reply(black_box(&invite), 200, None, Some("a6c85cf"), Some(&received))
            .header(&contact)
            .field(HeaderName::Server, "sipsimple")
            .body("application/sdp", body)
            .finish();
        black_box(response.expect("it can be written"));
    })
}
