//! Properties of reading, printing and building, over generated messages and text.

use std::fmt::Debug;

use bytes::{Bytes, BytesMut};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::limits::Limits;

/// Bytes that mean something to the grammars, mostly.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let telling = prop::sample::select(b"\r\n \t:;,=\"\\<>@%?&/()[]{}*+-.'`~0a9Zz_#\0\x7f\xc3\xa9\xff".to_vec());
    vec(prop_oneof![4 => telling, 1 => any::<u8>()], 0..40)
}

/// Text of the same kind.
fn text() -> impl Strategy<Value = String> {
    noise().prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// Pieces that fields are often made of.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        "\r\n",
        "\r\n ",
        "\r\nVia: ",
        "\r\nf:",
        "To",
        "SIP/2.0/UDP ",
        "SIP/2.0",
        "a.example",
        "192.0.2.1",
        "[2001:db8::1]",
        ":5060",
        ";branch=z9hG4bK1",
        ";tag=x",
        ";lr",
        "sip:",
        "sips:a@",
        "tel:+1-2",
        "<sip:a@b>",
        "\"a, b\" ",
        "Content-Length: 0",
        "l:5",
        "1 INVITE",
        "70",
        ", ",
        ";q=0.5",
        "*",
        "Digest ",
        "realm=\"x\"",
        "text/plain",
        "Fri, 01 Jan 2010 16:00:00 GMT",
        "\r\n\r\n",
        "100rel",
        "(c)",
    ]);
    prop_oneof![3 => known.prop_map(|piece| piece.as_bytes().to_vec()), 1 => noise()]
}

const HEAD: &str = "INVITE sip:bob@biloxi.com SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n";

/// A message with something wrong or unusual in it: fields of every name, made of pieces.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let name = prop_oneof![
        prop::sample::select(HeaderName::ALL.to_vec()).prop_map(|name| name.as_str().to_owned()),
        prop::sample::select(vec!["i", "m", "v", "X-Y", "TO ", "f\t"]).prop_map(str::to_owned),
    ];
    let field = (name, vec(piece(), 0..5))
        .prop_map(|(name, pieces)| [name.as_bytes(), b": ", &pieces.concat(), b"\r\n"].concat());
    let start = prop_oneof![
        Just(HEAD.as_bytes().to_vec()),
        Just(HEAD.replace("INVITE sip:bob@biloxi.com SIP/2.0", "SIP/2.0 200 OK").into_bytes()),
        piece().prop_map(|piece| [b"A ", &piece[..], b" SIP/2.0\r\n"].concat()),
        Just(Vec::new()),
    ];
    (start, vec(field, 0..6), noise())
        .prop_map(|(start, fields, body)| [start, fields.concat(), b"\r\n".to_vec(), body].concat())
}

fn parse(data: &[u8]) -> Result<Message, ParseError> {
    Message::parse(Bytes::copy_from_slice(data), &Limits::default())
}

fn print(message: &Message) -> Vec<u8> {
    let mut out = BytesMut::new();
    message.print(&mut out);
    out.to_vec()
}

/// The fields with their values on one line.
fn fields(headers: &Headers) -> Vec<(HeaderName, Vec<u8>)> {
    headers.fields().map(|(_, name, value)| (name, line::unfolded(value))).collect()
}

/// Everything that can be asked of a message.
fn ask_everything(message: &Message) {
    let headers = message.headers();
    for error in headers.faults() {
        assert!(error.at <= headers.bytes().len(), "{error}");
    }
    for name in HeaderName::ALL {
        let _ = (headers.values(*name).count(), headers.text(*name), headers.raw(*name).count(), headers.count(*name));
    }
    let rejection = match message {
        Message::Request(request) => {
            let _ = (request.uri(), request.uri_text());
            let reply = Response::reply(
                request,
                400,
                None,
                Some("t"),
                Some(&Received { from: "192.0.2.1:5060".parse().unwrap() }),
            );
            if let Ok(reply) = reply.finish() {
                assert_eq!(fields(parse(reply.bytes()).unwrap().headers()), fields(&reply));
            }
            request.validate().err()
        }
        Message::Response(response) => response.validate().err(),
    };
    assert!(rejection.is_none_or(|rejection| rejection.at <= headers.bytes().len()));
}

proptest! {
    #[test]
    fn nothing_a_peer_sends_does_harm(data in prop_oneof![message(), noise(), vec(piece(), 0..12).prop_map(|pieces| pieces.concat())]) {
        match parse(&data) {
            Ok(message) => ask_everything(&message),
            Err(error) => {
                prop_assert!(error.at <= data.len());
                if let Some(request) = error.request {
                    ask_everything(&Message::Request(*request));
                }
            }
        }
        let _ = (frame::head_len(&data), frame::content_length(&data));
    }

    #[test]
    fn printing_keeps_everything_and_is_a_fixed_point(data in message()) {
        if let Ok(message) = parse(&data) {
            let once = print(&message);
            let again = parse(&once).unwrap();
            prop_assert_eq!(fields(again.headers()), fields(message.headers()));
            prop_assert_eq!(again.headers().body(), message.headers().body());
            prop_assert_eq!(print(&again), once);
        }
    }

    #[test]
    fn a_frame_is_cut_where_the_message_ends(data in message(), next in noise()) {
        // Where both find the end of the head and its length, a stream is cut as a datagram is read.
        let stream = [&data[..], &next].concat();
        if let (Some(head), Ok(message)) = (frame::head_len(&stream), parse(&stream))
            && !stream.starts_with(b"\r\n")
            && let Ok(Some(length)) = frame::content_length(&stream[..head])
        {
            prop_assert_eq!(message.bytes(), &stream[..head + length]);
        }
    }

    #[test]
    fn a_list_is_split_where_it_was_joined(members in vec("[a-z]{1,3}|\"([a-z, ]|\\\\\\\\|\\\\\")*\"|<[a-z,\"]*>", 1..6), space in " ?[\t]?") {
        let value = members.join(&format!("{space},{space}"));
        let split: Vec<&str> = list::Members::new(value.as_bytes()).map(|range| &value[range]).collect();
        prop_assert_eq!(split, members);
    }

    #[test]
    fn a_user_survives_its_escapes(user in text()) {
        prop_assume!(!user.is_empty());
        let uri = Uri::Sip(SipUri::new(Some(&user), "a.example".parse().unwrap(), None));
        let read: Uri = uri.to_string().parse().unwrap();
        prop_assert_eq!(read.as_sip().unwrap().user_unescaped(), Some(user));
        prop_assert!(read.equivalent(&uri));
        prop_assert_eq!(read, uri);
    }

    #[test]
    fn a_uri_is_printed_as_it_is_read(text in prop_oneof![
        vec(prop::sample::select(vec!["sip:", "sips:", "tel:", "a", "@", ":", "1", ";", "lr", "=", "%41", "?", "&", "[::1]", ".", "+", "b.example"]), 1..10)
            .prop_map(|pieces| pieces.concat()),
        text(),
    ]) {
        if let Ok(uri) = text.parse::<Uri>() {
            let printed = uri.to_string();
            prop_assert_eq!(&printed.parse::<Uri>().unwrap(), &uri);
            prop_assert!(uri.equivalent(&uri));
            prop_assert!(uri.is_sound());
        }
    }

    #[test]
    fn equivalence_has_two_directions(one in "sip:(a@)?b(;(lr|x=1|X=2|ttl=1|maddr=c)){0,2}([?](s=1|S=1|t=2)(&s=1)?)?", other in "sip:(A@|%61@)?B(;(lr|x=1|X=2|ttl=1|maddr=c)){0,2}([?](s=1|S=1|t=2)(&s=1)?)?") {
        let (one, other): (Uri, Uri) = (one.parse().unwrap(), other.parse().unwrap());
        prop_assert_eq!(one.equivalent(&other), other.equivalent(&one));
    }
}

/// What is built of `header` is refused, or read back as it was given and as one field.
fn is_refused_or_read_back<H: Header + PartialEq + Debug>(header: &H) {
    let uri: Uri = "sip:b".parse().unwrap();
    let Ok(built) =
        Request::build(Method::Options, &uri).header(header).field(HeaderName::Organization, "end").finish()
    else {
        return;
    };
    let read = parse(built.bytes()).unwrap();
    assert_eq!(fields(read.headers()), fields(&built));
    assert_eq!(read.headers().len(), 3);
    let values: Vec<_> = read.headers().all::<H>().collect();
    assert!(matches!(&values[..], [Ok(value)] if value == header), "{header:?} became {values:?}");
}

proptest! {
    #[test]
    fn text_of_an_application_cannot_leave_its_place(a in text(), b in text(), c in option::of(text()), number in any::<u16>()) {
        let host = Host::Name(Text::from(b.as_str()));
        let c = c.as_deref();
        let mut uri = SipUri::new(Some(&a), "h.example".parse().unwrap(), Some(number));
        let address = |uri: SipUri| NameAddr::new(Uri::Sip(uri));
        is_refused_or_read_back(&From(address(uri.clone()).with_display_name(&a).with_tag(&b)));
        is_refused_or_read_back(&To(address(uri.clone()).with_param(&a, c)));
        is_refused_or_read_back(&Route(address(uri.clone().with_param(&b, c))));
        is_refused_or_read_back(&Contact::Address(address(SipUri { host: host.clone(), ..uri.clone() })));
        uri.user = Some(Text::from(a.as_str()));
        is_refused_or_read_back(&ReferTo(address(uri.clone())));
        uri.user = c.map(Text::from);
        uri.password = Some(Text::from(b.as_str()));
        uri.headers = Text::from(a.as_str());
        is_refused_or_read_back(&Path(address(uri)));
        let other = Uri::Other { scheme: Text::from(b.as_str()), text: Text::from(format!("{b}:{a}")) };
        is_refused_or_read_back(&AlertInfo(NameAddr::new(other)));
        let tel = TelUri { number: Text::from(a.as_str()), params: Params::new() };
        is_refused_or_read_back(&PAssertedIdentity(NameAddr::new(tel.into())));
        is_refused_or_read_back(&Via::new(&a, host.clone(), Some(number)));
        is_refused_or_read_back(&Via::new("UDP", host, None).with_param(&a, c));
        is_refused_or_read_back(&Via::new("UDP", "h.example".parse().unwrap(), None).with_param("branch", Some(&b)));
        is_refused_or_read_back(&CSeq::new(1, Method::from(a.as_str())));
        is_refused_or_read_back(&Allow(Method::from(a.as_str())));
        is_refused_or_read_back(&RAck { rseq: 1, cseq: 2, method: Method::from(a.as_str()) });
        is_refused_or_read_back(&CallId(Text::from(a.as_str())));
        is_refused_or_read_back(&Replaces::new(&a, &b, "x"));
        is_refused_or_read_back(&TargetDialog::new("x", &a, &b));
        is_refused_or_read_back(&Subject::from(a.as_str()));
        is_refused_or_read_back(&Supported::from(a.as_str()));
        is_refused_or_read_back(&Privacy(vec![Text::from(a.as_str()), Text::from(b.as_str())]));
        is_refused_or_read_back(&Event(Item::new(&a).with_param("id", c)));
        is_refused_or_read_back(&Reason::new(&a, number, c));
        is_refused_or_read_back(&ContentType(MediaType::new(&a, &b)));
        is_refused_or_read_back(&ContentType(MediaType { params: Params::new(), ..MediaType::new("text", "plain") }));
        is_refused_or_read_back(&UserToUser { data: Text::from(a.as_str()), params: Params::new() });
        is_refused_or_read_back(&Warning { code: number, agent: Text::from(a.as_str()), text: Text::from(b.as_str()) });
        is_refused_or_read_back(&RetryAfter { comment: c.map(Text::from), ..RetryAfter::new(u32::from(number)) });
        is_refused_or_read_back(&Timestamp { sent: Text::from(a.as_str()), delay: c.map(Text::from) });
        let mut auth = Auth::digest();
        auth.params.push_quoted("username", &a);
        auth.params.push_token(&b, c.unwrap_or("x"));
        is_refused_or_read_back(&Authorization(auth.clone()));
        is_refused_or_read_back(&AuthenticationInfo(auth.params));
    }

    #[test]
    fn fields_of_an_application_stay_one_line(name in text(), value in text(), reason in text(), body in noise()) {
        let uri: Uri = "sip:b".parse().unwrap();
        if let Ok(built) = Request::build(Method::from(name.as_str()), &uri).field(HeaderName::Subject, &value).body(&value, &body).finish() {
            let read = parse(built.bytes()).unwrap();
            prop_assert_eq!(fields(read.headers()), fields(&built));
            prop_assert_eq!((read.headers().len(), read.headers().body()), (3, Bytes::from(body)));
        }
        if let Ok(built) = Response::build(200, Some(&reason)).other(&name, &value).finish() {
            let read = parse(built.bytes()).unwrap();
            prop_assert_eq!(fields(read.headers()), fields(&built));
            prop_assert_eq!(read.as_response().unwrap().reason(), Text::from(reason));
            prop_assert_eq!(read.headers().len(), 2);
        }
    }
}
