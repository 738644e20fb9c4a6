//! Messages as wholes: parsed, judged, built, printed.

use bytes::{Bytes, BytesMut};

use super::*;
use crate::limits::Limits;

const INVITE: &str = "INVITE sip:bob@biloxi.com SIP/2.0\r\n\
    Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK776asdhds\r\n\
    Max-Forwards: 70\r\n\
    To: Bob <sip:bob@biloxi.com>\r\n\
    From: Alice <sip:alice@atlanta.com>;tag=1928301774\r\n\
    Call-ID: a84b4c76e66710@pc33.atlanta.com\r\n\
    CSeq: 314159 INVITE\r\n\
    Contact: <sip:alice@pc33.atlanta.com>\r\n\
    X-Unknown: \"kept, as it is\r\n\
    Content-Type: application/sdp\r\n\
    Content-Length: 4\r\n\
    \r\n\
    v=0\n";

fn parse(text: &str) -> Result<Message, ParseError> {
    Message::parse(Bytes::copy_from_slice(text.as_bytes()), &Limits::default())
}

fn request(text: &str) -> Request {
    match parse(text) {
        Ok(Message::Request(request)) => request,
        other => panic!("no request: {other:?}"),
    }
}

fn response(text: &str) -> Response {
    match parse(text) {
        Ok(Message::Response(response)) => response,
        other => panic!("no response: {other:?}"),
    }
}

fn printed(message: &Message) -> String {
    let mut out = BytesMut::new();
    message.print(&mut out);
    String::from_utf8(out.to_vec()).unwrap()
}

#[test]
fn a_request_is_read() {
    let request = request(INVITE);
    assert_eq!(*request.method(), Method::Invite);
    assert_eq!(request.uri_text(), "sip:bob@biloxi.com");
    assert_eq!(request.uri().unwrap().as_sip().unwrap().host.to_string(), "biloxi.com");
    assert_eq!(request.len(), 10);
    assert_eq!(&request.body()[..], b"v=0\n");
    assert_eq!(request.other("x-unKnown").collect::<Vec<_>>(), [b"\"kept, as it is"]);
    assert!(request.content_type().unwrap().unwrap().is("Application/SDP"));
    let essentials = request.validate().unwrap();
    assert_eq!(essentials.via.branch(), Some("z9hG4bK776asdhds"));
    assert_eq!(essentials.via_count, 1);
    assert_eq!(essentials.from.tag(), Some("1928301774"));
    assert_eq!(essentials.from.display_name.as_ref().unwrap(), "Alice");
    assert_eq!(essentials.to.tag(), None);
    assert_eq!(essentials.call_id, "a84b4c76e66710@pc33.atlanta.com");
    assert_eq!(essentials.cseq, CSeq::new(314_159, Method::Invite));
    assert_eq!(essentials.max_forwards, Some(70));
}

#[test]
fn values_are_slices_of_the_message() {
    let request = request(INVITE);
    let bytes = request.bytes().as_ptr_range();
    for part in [request.body(), request.call_id().unwrap().as_bytes().clone(), request.uri_text().as_bytes().clone()] {
        assert!(bytes.contains(&part.as_ptr()));
    }
}

#[test]
fn a_response_is_read() {
    let text = "SIP/2.0 486 Busy Here\r\nv: SIP/2.0/TCP a;branch=z9hG4bK1, SIP/2.0/UDP b\r\nf: <sip:a@b>;tag=1\r\nt: <sip:c@d>\r\ni: x\r\nCSeq: 1 BYE\r\n\r\n";
    let response = response(text);
    assert_eq!(response.code(), 486);
    assert_eq!(response.reason(), "Busy Here");
    let essentials = response.validate().unwrap();
    assert_eq!((essentials.via_count, essentials.via.transport.as_str()), (2, "TCP"));
    assert!(response.body().is_empty());
}

#[test]
fn the_body_ends_where_it_says() {
    assert_eq!(&request(&format!("{INVITE}trailing")).body()[..], b"v=0\n");
    assert_eq!(request(&format!("{INVITE}trailing")).bytes().len(), INVITE.len());
    let without = INVITE.replace("Content-Length: 4\r\n", "");
    assert_eq!(&request(&format!("{without}more")).body()[..], b"v=0\nmore");
    let error = parse(&INVITE.replace("Length: 4", "Length: 5")).unwrap_err();
    assert_eq!((error.fault, error.response()), (Fault::Truncated, Some(400)));
    assert_eq!(error.at, INVITE.find("Length: 4").unwrap() + 8);
    assert_eq!(error.request.unwrap().call_id().unwrap(), "a84b4c76e66710@pc33.atlanta.com");
}

#[test]
fn empty_lines_in_front_are_skipped() {
    assert_eq!(request(&format!("\r\n\r\n{INVITE}")).bytes(), INVITE.as_bytes());
    let error = parse("\r\n\r\n").unwrap_err();
    assert_eq!((error.fault, error.response()), (Fault::Empty, None));
    let error = parse(&format!("\r\n{}", INVITE.replace("CSeq:", "CSeq"))).unwrap_err();
    assert_eq!((error.fault, error.at), (Fault::HeaderField, INVITE.find("CSeq").unwrap() + 2));
}

#[test]
fn what_is_no_message_is_refused_at_its_byte() {
    let via = "Via: SIP/2.0/UDP a\r\n";
    for (text, at, fault, response) in [
        ("hello\r\n\r\n".to_owned(), 5, Fault::StartLine, None),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), 6, Fault::StartLine, None),
        ("IN VITE sip:a SIP/2.0\r\n\r\n".to_owned(), 7, Fault::Spaces, None),
        (format!("INVITE  sip:a SIP/2.0\r\n{via}\r\n"), 7, Fault::Spaces, Some(400)),
        (format!("INVITE sip:a SIP/2.0 \r\n{via}\r\n"), 20, Fault::Spaces, Some(400)),
        (format!("INVITE sip:a; lr SIP/2.0\r\n{via}\r\n"), 13, Fault::Spaces, Some(400)),
        (format!("ACK sip:a  SIP/2.0\r\n{via}\r\n"), 10, Fault::Spaces, None),
        ("SIP/2.0 4294967301 x\r\n\r\n".to_owned(), 8, Fault::StatusCode, None),
        ("SIP/2.0 099 x\r\n\r\n".to_owned(), 8, Fault::StatusCode, None),
        ("SIP/2.0 700 x\r\n\r\n".to_owned(), 8, Fault::StatusCode, None),
        ("SIP/3.0 200 OK\r\n\r\n".to_owned(), 0, Fault::Version, None),
        (format!("A sip:a SIP/2.0\r\n{via}X: a\rb\r\n\r\n"), 41, Fault::BareLineBreak, Some(400)),
        (format!("A sip:a SIP/2.0\r\n{via}X: a\nVia: b\r\n\r\n"), 41, Fault::BareLineBreak, Some(400)),
        (format!("A sip:a SIP/2.0\r\n{via}X Y: a\r\n\r\n"), 38, Fault::HeaderField, Some(400)),
        (format!("A sip:a SIP/2.0\r\n{via}: a\r\n\r\n"), 37, Fault::HeaderField, Some(400)),
        (format!("A sip:a SIP/2.0\r\n{via}X\0: a\r\n\r\n"), 38, Fault::HeaderField, Some(400)),
        ("A sip:a SIP/2.0\r\n Via: a\r\n\r\n".to_owned(), 17, Fault::HeaderField, None),
        (format!("A sip:a SIP/2.0\r\n{via}"), 37, Fault::NoEnd, Some(400)),
        (format!("A sip:a SIP/2.0\r\n{via}l: 1\r\nl: 1\r\n\r\nx"), 43, Fault::ContentLengthRepeated, Some(400)),
    ] {
        let error = parse(&text).unwrap_err();
        assert_eq!((error.at, error.fault, error.response()), (at, fault, response), "{text:?}");
    }
}

#[test]
fn limits_bound_what_is_looked_at() {
    let limits = Limits { head_bytes: 120, header_fields: 4, body_bytes: 8, uri_bytes: 20, ..Limits::default() };
    let via = "Via: SIP/2.0/UDP a\r\n";
    let parse = |text: String| {
        Message::parse(Bytes::from(text), &limits).map_err(|error| (error.at, error.fault, error.response()))
    };
    let long = "x".repeat(200);
    assert!(parse(format!("A sip:a SIP/2.0\r\n{via}\r\n12345678")).is_ok());
    assert_eq!(
        parse(format!("A sip:a SIP/2.0\r\n{via}\r\n123456789")).unwrap_err(),
        (39, Fault::BodyTooLarge, Some(413))
    );
    assert_eq!(
        parse(format!("A sip:a SIP/2.0\r\n{via}X: {long}\r\n\r\n")).unwrap_err(),
        (120, Fault::HeadTooLarge, Some(513))
    );
    assert_eq!(
        parse(format!("A sip:a SIP/2.0\r\n{via}a:\r\na:\r\na:\r\na:\r\n\r\n")).unwrap_err(),
        (49, Fault::TooManyFields, Some(513))
    );
    assert_eq!(
        parse(format!("A sip:aaaaaaaaaaaaaaaaa SIP/2.0\r\n{via}\r\n")).unwrap_err(),
        (22, Fault::UriTooLong, Some(414))
    );
}

#[test]
fn an_invalid_request_says_its_response_and_byte() {
    let at = |what: &str| INVITE.find(what).unwrap();
    for (from, to, code, byte) in [
        (" SIP/2.0\r\nVia", " SIP/7.0\r\nVia", 505, 26),
        ("sip:bob@biloxi.com SIP", "<sip:bob@biloxi.com> SIP", 400, 7),
        ("sip:bob@biloxi.com SIP", "sip:bob@biloxi.com?a=b SIP", 400, 25),
        ("70", "256", 400, at("70")),
        ("To: Bob <sip:bob@biloxi.com>", "To: \"Bob <sip:bob@biloxi.com>", 400, at("To:") + 29),
        ("To: Bob", "X: Bob", 400, INVITE.len() - 7),
        ("Call-ID:", "To: <sip:x>\r\nCall-ID:", 400, at("Call-ID")),
        ("tag=1928301774", "tag=", 400, at("1928301774")),
        (";tag=1928301774", ";tag", 400, at("Alice <")),
        (";tag=1928301774", ";tag=1;tag=2", 400, at("Alice <")),
        ("314159 INVITE", "314159 BYE", 400, at("314159")),
        ("314159", "4294967296", 400, at("314159")),
        ("314159", "-1", 400, at("314159")),
        ("Contact: <", "Contact: \"Joe\" <sip:joe@example.org>;;;;\r\nm: <", 400, at("Contact") + 37),
        (
            "Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK776asdhds",
            "Via: SIP/2.0/UDP 192.0.2.15;;,;,,",
            400,
            35 + 28,
        ),
    ] {
        let text = INVITE.replace(from, to);
        let rejection = request(&text).validate().unwrap_err();
        assert_eq!((rejection.code, rejection.at), (code, byte), "{to}: {rejection}");
    }
    let no_via = INVITE.replace("Via:", "X:");
    assert_eq!(request(&no_via).validate().unwrap_err().code, 0);
    let ack = INVITE.replace("INVITE", "ACK").replace("314159 ACK", "314159 BYE");
    assert_eq!(request(&ack).validate().unwrap_err().code, 0);
}

#[test]
fn a_repeated_field_that_informs_does_no_harm() {
    assert!(request(&INVITE.replace("Call-ID:", "User-Agent: a\r\nUser-Agent: b\r\nCall-ID:")).validate().is_ok());
    let twice = INVITE.replace("Call-ID:", "Expires: 1\r\nExpires: 2\r\nCall-ID:");
    let rejection = request(&twice).validate().unwrap_err();
    assert_eq!(
        rejection,
        Rejection { code: 400, reason: Text::from("Repeated Expires"), at: twice.find("Expires: 2").unwrap() }
    );
    assert_eq!(request(&twice).expires().unwrap_err().fault, HeaderFault::Repeated);
}

#[test]
fn printing_is_a_fixed_point_and_keeps_what_is_unknown() {
    let text = "INVITE sip:a SIP/2.0\r\nTO :\r\n sip:b ;   tag    = 1\r\nX-y:  z,, \r\n\tw\r\nv:  SIP  /   2.0\r\n /UDP\r\n    192.0.2.2\r\ns :\r\nl:1\r\n\r\nb";
    let message = parse(text).unwrap();
    let once = printed(&message);
    assert_eq!(
        once,
        "INVITE sip:a SIP/2.0\r\nTo: sip:b ;   tag    = 1\r\nX-y: z,, w\r\nVia: SIP  /   2.0 /UDP 192.0.2.2\r\nSubject: \r\nContent-Length: 1\r\n\r\nb"
    );
    assert_eq!(printed(&parse(&once).unwrap()), once);
    assert_eq!(message.headers().to().unwrap().tag(), Some("1"));
    assert_eq!(message.headers().text(HeaderName::Subject).unwrap().unwrap(), "");
}

#[test]
fn errors_in_folded_values_know_their_byte() {
    let text = INVITE.replace("CSeq: 314159 INVITE", "CSeq: 314159\r\n   INVITE\r\n  @");
    let error = request(&text).cseq().unwrap_err();
    assert_eq!(
        (error.name, error.at),
        (HeaderName::CSeq, text.find('@').map(|_| text.find("  @").unwrap() + 2).unwrap())
    );
}

#[test]
fn lists_are_split_and_typed() {
    let text = INVITE.replace(
        "Contact: <sip:alice@pc33.atlanta.com>",
        "Contact: \"a, b\" <sip:a,b@c>;q=0.5 ,\r\n *\r\nm: sip:d;expires=99999999999, x",
    );
    let request = request(&text);
    let contacts: Vec<_> = request.contacts().collect();
    assert_eq!(contacts.len(), 4);
    assert_eq!(contacts[0].as_ref().unwrap().q(), 500);
    assert_eq!(*contacts[1].as_ref().unwrap(), Contact::Star);
    assert_eq!(contacts[2].as_ref().unwrap().expires(), Some(u32::MAX));
    let error = contacts[3].as_ref().unwrap_err();
    assert_eq!(error.at, text.find(", x\r\n").unwrap() + 3);
    assert_eq!(request.count(HeaderName::Contact), 4);
    assert_eq!(request.values(HeaderName::Contact).count(), 4);
}

#[test]
fn what_is_built_is_read_back() {
    let uri: Uri = "sip:bob@biloxi.com;method=BYE?Subject=x".parse().unwrap();
    let from =
        NameAddr::new("sip:alice@atlanta.com".parse().unwrap()).with_display_name("A \"quoted\\\" name").with_tag("1");
    let request = Request::build(Method::Invite, &uri)
        .header(
            &Via::new("UDP", Host::from(std::net::IpAddr::from([192, 0, 2, 1])), Some(5060))
                .with_param("branch", Some("z9hG4bKx")),
        )
        .header(&From(from.clone()))
        .header(&To(NameAddr::new(uri.clone())))
        .header(&CallId(Text::from("c@d")))
        .header(&CSeq::new(1, Method::Invite))
        .header(&MaxForwards(70))
        .list(&[Route(NameAddr::new("sip:p1;lr".parse().unwrap())), Route(NameAddr::new("sip:p2;lr".parse().unwrap()))])
        .field(HeaderName::Subject, format_args!(" {} ", 5))
        .other("X-Mine", "y")
        .body("application/sdp", b"v=0\r\n")
        .finish()
        .unwrap();
    assert_eq!(request.bytes().len(), request.bytes().to_vec().capacity());
    let Message::Request(read) = Message::parse(request.bytes().clone(), &Limits::default()).unwrap() else {
        panic!("no request")
    };
    let all = |headers: &Headers| headers.fields().map(|(n, h, v)| (n.to_owned(), h, v.to_vec())).collect::<Vec<_>>();
    assert_eq!(all(&read), all(&request));
    assert_eq!((read.uri_text(), read.method()), (Text::from("sip:bob@biloxi.com"), request.method()));
    assert_eq!(read.from().unwrap(), from);
    assert_eq!(read.routes().count(), 2);
    assert_eq!(read.text(HeaderName::Subject).unwrap().unwrap(), "5");
    assert_eq!(read.body(), request.body());
    read.validate().unwrap();
}

#[test]
fn what_would_break_a_line_is_refused() {
    let uri: Uri = "sip:bob@biloxi.com".parse().unwrap();
    let build = || Request::build(Method::Options, &uri);
    let fault = |builder: Builder<Request>| builder.finish().unwrap_err().fault;
    let evil = "x\r\nVia: SIP/2.0/UDP evil";
    let address = NameAddr::new(uri.clone());
    assert_eq!(fault(build().field(HeaderName::Subject, evil)), BuildFault::LineBreak);
    assert_eq!(fault(build().field(HeaderName::Subject, "a\0b")), BuildFault::LineBreak);
    assert_eq!(fault(build().other("X-Mine", "a\nb")), BuildFault::LineBreak);
    assert_eq!(fault(build().other("X-Mine: y\r\nVia", "a")), BuildFault::Unsound);
    assert_eq!(fault(build().other("Content-length", "5")), BuildFault::Reserved);
    assert_eq!(fault(build().header(&From(address.clone().with_display_name(evil)))), BuildFault::Unsound);
    assert_eq!(fault(build().header(&From(address.with_tag(evil)))), BuildFault::Unsound);
    assert_eq!(fault(build().header(&CallId(Text::from("a b")))), BuildFault::Unsound);
    assert_eq!(fault(build().header(&Via::new("UDP a;x=", Host::Name(Text::from("b")), None))), BuildFault::Unsound);
    assert_eq!(fault(build().header(&Via::new("UDP", Host::Name(Text::from("b;x=1")), None))), BuildFault::Unsound);
    assert_eq!(fault(build().header(&MaxForwards(1)).header(&MaxForwards(2))), BuildFault::Repeated);
    assert_eq!(fault(build().body(evil, b"")), BuildFault::LineBreak);
    assert_eq!(fault(Request::build(Method::from("A B"), &uri)), BuildFault::Unsound);
    let mut sip = uri.as_sip().unwrap().clone();
    sip.user = Some(Text::from("a@b"));
    assert_eq!(fault(Request::build(Method::Options, &sip.into())), BuildFault::Unsound);
    assert_eq!(Response::build(200, Some(evil)).finish().unwrap_err().fault, BuildFault::LineBreak);
    assert_eq!(Response::build(99, None).finish().unwrap_err().fault, BuildFault::Unsound);
    let escaped = SipUri::new(Some(evil), Host::Name(Text::from("b")), None);
    assert_eq!(
        Request::build(Method::Options, &escaped.clone().into()).finish().unwrap().uri().unwrap(),
        Uri::Sip(escaped)
    );
}

#[test]
fn a_reply_copies_what_routes_it() {
    let text = INVITE
        .replace(
            "Via: ",
            "Via: SIP/2.0/TCP [2001:db8::1]:5061 ; rport;branch=z9hG4bK9 ,\r\n SIP/2.0/UDP second\r\nVia: ",
        )
        .replace("Call", "Timestamp: 54\r\nCall");
    let request = request(&text);
    let received = Received { from: "192.0.2.9:4444".parse().unwrap() };
    let reply = Response::reply(&request, 180, None, Some("8321234356"), Some(&received)).finish().unwrap();
    let vias: Vec<_> = reply.values(HeaderName::Via).map(Result::unwrap).collect();
    assert_eq!(
        vias[0],
        "SIP/2.0/TCP [2001:db8::1]:5061; rport=4444;branch=z9hG4bK9;received=192.0.2.9"
            .replace("; rport", ";rport")
            .as_str()
    );
    assert_eq!(vias[1], "SIP/2.0/UDP second");
    assert_eq!(vias[2], "SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK776asdhds");
    assert_eq!((reply.code(), reply.reason()), (180, Text::from("Ringing")));
    assert_eq!(reply.to().unwrap().tag(), Some("8321234356"));
    assert_eq!(reply.from().unwrap(), request.from().unwrap());
    assert_eq!(reply.call_id().unwrap(), request.call_id().unwrap());
    assert_eq!(reply.cseq().unwrap(), request.cseq().unwrap());
    assert!(!reply.has(HeaderName::Timestamp));
    assert!(Response::reply(&request, 100, None, None, None).finish().unwrap().has(HeaderName::Timestamp));
    reply.validate().unwrap();
    let reparsed = response(std::str::from_utf8(reply.bytes()).unwrap());
    assert_eq!(reparsed.fields().count(), reply.fields().count());
}

#[test]
fn a_reply_can_be_made_of_what_is_malformed() {
    let text = INVITE.replace("To: Bob <", "To: \"Bob <").replace("Call-ID", "To: <sip:x>\r\nCall-ID");
    let request = request(&text);
    let code = request.validate().unwrap_err().code;
    let reply = Response::reply(&request, code, Some("Repeated To"), Some("1"), None).finish().unwrap();
    assert_eq!(reply.raw(HeaderName::To).collect::<Vec<_>>(), [b"\"Bob <sip:bob@biloxi.com>"]);
}

#[test]
fn a_via_is_put_on_top() {
    let request = request(INVITE);
    let via = Via::new("TCP", "[::1]".parse().unwrap(), None).with_param("branch", Some("z9hG4bK2"));
    let sent = request.with_via(&via);
    assert_eq!(
        sent.values(HeaderName::Via).map(Result::unwrap).collect::<Vec<_>>()[0],
        "SIP/2.0/TCP [::1];branch=z9hG4bK2"
    );
    assert_eq!(sent.validate().unwrap().via_count, 2);
    assert_eq!(sent.body(), request.body());
    assert_eq!(
        std::str::from_utf8(sent.bytes()).unwrap(),
        INVITE.replacen("Via: ", "Via: SIP/2.0/TCP [::1];branch=z9hG4bK2\r\nVia: ", 1)
    );
    let evil = via.with_param("x\r\ny", None);
    assert_eq!(request.with_via(&evil).count(HeaderName::Via), 1);
}
