//! Frames: every way to cut them, and what hostile peers send.

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use crate::limits::Limits;
use crate::msrp::{
    ByteRange, Continuation, FailureReport, Fault, Field, Frame, FrameFault, Framer, Head, Method, MsrpUri, Path,
    RangeFault, Start, Status, Unwritable, UriFault, Writer, end_line, has_end_line,
};
use crate::sip::Text;

/// A frame put together.
#[derive(Debug)]
struct Whole {
    head: Head,
    body: Bytes,
    flag: Continuation,
}

/// All frames, fed in these pieces, and what ended the reading.
fn frames<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, limits: &Limits) -> (Vec<Whole>, Option<FrameFault>) {
    let (mut framer, mut whole) = (Framer::new(), Vec::new());
    let mut begun: Option<(Head, BytesMut)> = None;
    for piece in pieces {
        framer.feed(Bytes::copy_from_slice(piece));
        while let Some(frame) = framer.next(limits) {
            match frame {
                Ok(Frame::Head(head)) => assert!(begun.replace((head, BytesMut::new())).is_none()),
                Ok(Frame::Body(data)) => {
                    assert!(!data.is_empty());
                    begun.as_mut().unwrap().1.extend_from_slice(&data);
                }
                Ok(Frame::End(flag)) => {
                    let (head, body) = begun.take().unwrap();
                    whole.push(Whole { head, body: body.freeze(), flag });
                }
                Err(fault) => {
                    assert!(framer.next(limits).is_none());
                    return (whole, Some(fault));
                }
            }
        }
    }
    (whole, None)
}

fn one(data: &[u8]) -> Whole {
    let (mut whole, fault) = frames([data], &Limits::default());
    assert_eq!((whole.len(), fault), (1, None), "{}", data.escape_ascii());
    whole.remove(0)
}

fn same(a: &[Whole], b: &[Whole]) -> bool {
    let key = |whole: &Whole| (whole.head.bytes().clone(), whole.head.has_body(), whole.body.clone(), whole.flag);
    a.iter().map(key).eq(b.iter().map(key))
}

const SEND: &str = "MSRP d93kswow SEND\r\nTo-Path: msrp://b.example:8888/9di4;tcp\r\nFrom-Path: msrp://a.example:7777/iau3;tcp\r\n\
    Message-ID: 12339sdqwer\r\n";

fn send(rest: &str) -> Vec<u8> {
    format!("{SEND}{rest}").into_bytes()
}

#[test]
fn a_request_is_taken_apart() {
    let whole = one(&send(
        "Byte-Range: 1-*/8\r\nsuccess-report: yes\r\nFailure-Report: partial\r\nX-Own: a\tb \r\nContent-Type: text/plain\r\n\r\n\
         abcd\r\n-------d93kswow+\r\n",
    ));
    let head = &whole.head;
    assert_eq!(head.fault(), None);
    assert_eq!(head.method(), Some(&Method::Send));
    assert_eq!(head.transaction(), "d93kswow");
    assert_eq!(head.to_path().unwrap().last().session.as_deref(), Some("9di4"));
    assert_eq!(head.from_path().unwrap().to_string(), "msrp://a.example:7777/iau3;tcp");
    assert_eq!(head.message_id().unwrap(), "12339sdqwer");
    assert_eq!(head.byte_range().unwrap(), ByteRange { start: 1, end: None, total: Some(8) });
    assert_eq!(head.success_report(), Ok(true));
    assert_eq!(head.failure_report(), Ok(FailureReport::Partial));
    assert_eq!(head.value(Field::ContentType).unwrap(), "text/plain");
    assert_eq!(head.other("x-own").unwrap(), "a\tb");
    assert_eq!((whole.body.as_ref(), whole.flag), (b"abcd".as_ref(), Continuation::More));
}

#[test]
fn what_is_not_said_has_its_default() {
    let head = one(&send("-------d93kswow$\r\n")).head;
    assert_eq!(head.byte_range(), Ok(ByteRange::WHOLE));
    assert_eq!((head.success_report(), head.failure_report()), (Ok(false), Ok(FailureReport::Yes)));
    assert!(!head.has_body());
}

#[test]
fn responses_and_reports_are_told_apart() {
    let paths = "To-Path: msrp://a.example:7777/iau3;tcp\r\nFrom-Path: msrp://b.example:8888/9di4;tcp\r\n";
    let head = one(format!("MSRP a786hjs2 200 OK\r\n{paths}-------a786hjs2$\r\n").as_bytes()).head;
    assert_eq!((head.what(), head.fault()), (&Start::Response(200, "OK".into()), None));
    let head = one(format!("MSRP a786hjs2 481\r\n{paths}-------a786hjs2$\r\n").as_bytes()).head;
    assert_eq!(head.what(), &Start::Response(481, Text::new()));
    let report =
        format!("MSRP dkei REPORT\r\n{paths}Message-ID: 4564\r\nStatus: 000 413 no thanks\r\n-------dkei$\r\n");
    let head = one(report.as_bytes()).head;
    assert_eq!(head.status(), Ok(Status { namespace: 0, code: 413, comment: "no thanks".into() }));
}

#[test]
fn a_body_may_hold_what_looks_like_its_end() {
    for body in [
        "-------d93kswow",
        "x\r\n-------d93kswow",
        "x\r\n-------d93kswow!\r\n",
        "x\r\n-------d93kswow$x\r\n",
        "x\r\n-------d93kswow$\n",
        "x\n-------d93kswow$\r\n",
        "x\r\n-------d93kswox$\r\n",
        "x\r\n------d93kswow$\r\n",
        "x\r\n--------d93kswow$\r\n",
        "\r\n\r\n-------",
        "MSRP d93kswow SEND\r\n",
        "x\r\n-------d93kswow$\r",
        "",
    ] {
        let data = send(&format!("Content-Type: a/b\r\n\r\n{body}\r\n-------d93kswow$\r\n"));
        let whole = one(&data);
        assert_eq!(whole.body, body.as_bytes(), "{body:?}");
        for cut in 1..data.len() {
            let (pieces, fault) = frames([&data[..cut], &data[cut..]], &Limits::default());
            assert_eq!(fault, None);
            assert!(same(&pieces, std::slice::from_ref(&whole)), "{body:?} cut at {cut}");
        }
        assert!(same(&frames(data.chunks(1), &Limits::default()).0, &[whole]), "{body:?}");
    }
}

#[test]
fn an_empty_body_may_lack_its_line_end() {
    let whole = one(&send("Content-Type: a/b\r\n\r\n-------d93kswow$\r\n"));
    assert!(whole.head.has_body() && whole.body.is_empty());
}

#[test]
fn bodies_are_slices_of_what_was_read() {
    let data = Bytes::from(send("Content-Type: a/b\r\n\r\nabcd\r\n-------d93kswow$\r\n"));
    let mut framer = Framer::new();
    framer.feed(data.clone());
    let mut bodies = 0;
    while let Some(Ok(frame)) = framer.next(&Limits::default()) {
        match frame {
            Frame::Body(body) => {
                let start = body.as_ptr() as usize - data.as_ptr() as usize;
                assert_eq!(&data[start..start + 4], b"abcd");
                bodies += 1;
            }
            Frame::Head(head) => assert_eq!(head.bytes().as_ptr(), data.as_ptr()),
            Frame::End(_) => {}
        }
    }
    assert_eq!(bodies, 1);
    assert!(!framer.in_frame());
}

#[test]
fn faults_of_a_head_do_not_end_the_stream() {
    let good = "To-Path: msrp://b:1/s;tcp\r\nFrom-Path: msrp://a:1/s;tcp\r\n";
    for (text, fault) in [
        (format!("MSRP abc SEND\r\n{good}Message-ID: 1234\r\n-------abc$\r\n"), Fault::TransactionId),
        (format!("MSRP .bcd SEND\r\n{good}Message-ID: 1234\r\n-------.bcd$\r\n"), Fault::TransactionId),
        (format!("MSRP abcd SEND\r\n{good}Message-ID: 1234\r\nno field\r\n-------abcd$\r\n"), Fault::Line),
        (format!("MSRP abcd SEND\r\n{good}Message-ID: 1234\r\n: x\r\n-------abcd$\r\n"), Fault::Line),
        (format!("MSRP abcd SEND\r\n{good}Message-ID: 1\t2\u{1}\r\n-------abcd$\r\n"), Fault::Line),
        (format!("MSRP abcd SEND\r\n{good}-------abce$\r\nMessage-ID: 1234\r\n-------abcd$\r\n"), Fault::Line),
        (format!("MSRP abcd SEND\r\n{good}-------abcd$\r\n"), Fault::Missing(Field::MessageId)),
        (format!("MSRP abcd REPORT\r\n{good}Message-ID: 1234\r\n-------abcd$\r\n"), Fault::Missing(Field::Status)),
        (format!("MSRP abcd SEND\r\nMessage-ID: 1\r\n{good}-------abcd$\r\n"), Fault::NoPaths),
        ("MSRP abcd SEND\r\nFrom-Path: msrp://a:1/s;tcp\r\nTo-Path: x\r\n-------abcd$\r\n".into(), Fault::NoPaths),
        ("MSRP abcd SEND\r\n-------abcd$\r\n".into(), Fault::NoPaths),
        (
            format!("MSRP abcd SEND\r\n{good}Message-ID: 1\r\nmessage-id: 1\r\n-------abcd$\r\n"),
            Fault::Repeated(Field::MessageId),
        ),
        (format!("MSRP abcd SEND\r\n{good}Message-ID: 1\r\n\r\nx\r\n-------abcd$\r\n"), Fault::NoContentType),
        (format!("MSRP abcd 200 OK\r\n{good}\r\nx\r\n-------abcd$\r\n"), Fault::ResponseBody),
    ] {
        let twice = format!("{text}{text}");
        let (whole, ended) = frames([twice.as_bytes()], &Limits::default());
        assert_eq!((whole.len(), ended), (2, None), "{text}");
        assert_eq!(whole[1].head.fault(), Some(fault), "{text}");
    }
}

#[test]
fn what_is_no_frame_ends_the_stream() {
    let limits = Limits { head_bytes: 300, ..Limits::default() };
    let long = format!("MSRP abcd SEND\r\nX: {}\r\n", "x".repeat(300));
    let endless = format!("MSRP abcd SEND\r\n{}", "X: y\r\n".repeat(100));
    for (text, fault) in [
        ("INVITE sip:a SIP/2.0\r\n", FrameFault::NotMsrp),
        ("MSRQ", FrameFault::NotMsrp),
        ("\n", FrameFault::NotMsrp),
        ("MSRP  SEND\r\n", FrameFault::NotMsrp),
        ("MSRP abcd\r\n", FrameFault::NotMsrp),
        ("MSRP abcd \r\n", FrameFault::NotMsrp),
        ("MSRP ab/d SEND\r\n", FrameFault::NotMsrp),
        ("MSRP abcd send\r\n-------abcd$\r\n", FrameFault::NotMsrp),
        ("MSRP abcd 20 OK\r\n-------abcd$\r\n", FrameFault::NotMsrp),
        ("MSRP abcd 2000 OK\r\n-------abcd$\r\n", FrameFault::NotMsrp),
        ("MSRP abcd SEND\nTo-Path: x\r\n", FrameFault::BareLineEnd),
        ("MSRP abcd SEND\r\nTo-Path: x\rFrom", FrameFault::BareLineEnd),
        (&long, FrameFault::HeadTooLarge(300)),
        (&endless, FrameFault::HeadTooLarge(300)),
    ] {
        assert_eq!(frames([text.as_bytes()], &limits).1, Some(fault), "{text}");
        assert_eq!(frames(text.as_bytes().chunks(1), &limits).1, Some(fault), "{text}");
    }
    let identifier = format!("MSRP {} SEND\r\n", "a".repeat(129));
    assert_eq!(frames([identifier.as_bytes()], &limits).1, Some(FrameFault::NotMsrp));
}

#[test]
fn too_many_fields_are_a_fault() {
    let limits = Limits { header_fields: 4, ..Limits::default() };
    let (whole, _) = frames([send("A: 1\r\nB: 2\r\n-------d93kswow$\r\n").as_slice()], &limits);
    assert_eq!(whole[0].head.fault(), Some(Fault::TooManyFields));
}

#[test]
fn a_body_without_end_is_not_kept() {
    let mut framer = Framer::new();
    framer.feed(Bytes::from(send("Content-Type: a/b\r\n\r\n")));
    assert!(matches!(framer.next(&Limits::default()), Some(Ok(Frame::Head(_)))));
    for _ in 0..1000 {
        framer.feed(Bytes::from_static(&[b'-'; 4096]));
        assert!(matches!(framer.next(&Limits::default()), Some(Ok(Frame::Body(body))) if body.len() == 4096));
        assert!(framer.next(&Limits::default()).is_none());
    }
    assert!(framer.in_frame());
}

#[test]
fn byte_ranges_are_read_in_all_forms() {
    for (text, start, end, total) in [
        ("1-25/25", 1, Some(25), Some(25)),
        ("1-*/*", 1, None, None),
        ("2049-*/4385", 2049, None, Some(4385)),
        ("1-0/0", 1, Some(0), Some(0)),
        ("26-25/25", 26, Some(25), Some(25)),
        ("18446744073709551615-*/18446744073709551615", u64::MAX, None, Some(u64::MAX)),
    ] {
        let range = ByteRange { start, end, total };
        assert_eq!(ByteRange::parse(text), Ok(range));
        assert_eq!(range.to_string(), text);
    }
    for (text, fault) in [
        ("0-1/1", RangeFault::Zero),
        ("5-3/8", RangeFault::Backwards),
        ("1-9/8", RangeFault::Beyond),
        ("10-*/8", RangeFault::Beyond),
        ("1-18446744073709551616/*", RangeFault::TooLarge),
        ("1-2", RangeFault::Syntax),
        ("1/2", RangeFault::Syntax),
        ("*-2/2", RangeFault::Syntax),
        ("+1-2/2", RangeFault::Syntax),
        ("1-/2", RangeFault::Syntax),
        ("1-2/ 2", RangeFault::Syntax),
        ("", RangeFault::Syntax),
    ] {
        assert_eq!(ByteRange::parse(text), Err(fault), "{text}");
    }
}

#[test]
fn uris_are_equal_by_the_rules_of_section_6_1() {
    let uri = |text: &str| text.parse::<MsrpUri>().unwrap();
    let base = uri("msrp://bob@host.example:8493/asfd34;tcp");
    for equal in ["MSRP://HOST.example:8493/asfd34;TCP", "msrp://alice@host.EXAMPLE:8493/asfd34;tcp;x=y"] {
        assert_eq!(uri(equal), base, "{equal}");
    }
    for other in [
        "msrps://host.example:8493/asfd34;tcp",
        "msrp://host.example:8494/asfd34;tcp",
        "msrp://host.example/asfd34;tcp",
        "msrp://host.example:8493/ASFD34;tcp",
        "msrp://host.example:8493;tcp",
        "msrp://host.example:8493/asfd34;sctp",
        "msrp://other.example:8493/asfd34;tcp",
    ] {
        assert_ne!(uri(other), base, "{other}");
    }
    assert_eq!(uri("msrp://[2001:DB8::1]:1/s;tcp"), uri("msrp://[2001:db8:0::1]:1/s;tcp"));
    assert_eq!((uri("msrp://a/s;tcp").port(), uri("msrp://[::1]/s;tcp").port), (2855, None));
    assert_eq!(uri("msrp://[::1]:9/a/b;tcp").session.as_deref(), Some("a/b"));
}

#[test]
fn what_is_no_uri_is_refused() {
    for (text, fault) in [
        ("sip:a", UriFault::Scheme),
        ("http://a/s;tcp", UriFault::Scheme),
        ("msrp://a:1/s", UriFault::Transport),
        ("msrp://a:1/s;", UriFault::Transport),
        ("msrp://a:1/s;x=y", UriFault::Transport),
        ("msrp://a:1/;tcp", UriFault::SessionId),
        ("msrp://a:1/s?;tcp", UriFault::SessionId),
        ("msrp://a:x/s;tcp", UriFault::Port),
        ("msrp://a:65536/s;tcp", UriFault::Port),
        ("msrp://a:/s;tcp", UriFault::Port),
        ("msrp://:1/s;tcp", UriFault::Host),
        ("msrp://a b:1/s;tcp", UriFault::Host),
        ("msrp://<@a:1/s;tcp", UriFault::User),
        ("msrp://a:1/s;tcp;", UriFault::Parameter),
        ("msrp://a:1/s;tcp;a=b=c", UriFault::Parameter),
    ] {
        assert_eq!(text.parse::<MsrpUri>(), Err(fault), "{text}");
    }
    assert_eq!("".parse::<Path>(), Err(UriFault::Count));
    assert_eq!("msrp://a:1/s;tcp ".repeat(17).parse::<Path>(), Err(UriFault::Count));
    let path: Path = "msrps://r:1/x;tcp  msrps://a:2/y;tcp".parse().unwrap();
    assert_eq!((path.first().port, path.last().port, path.is_direct()), (Some(1), Some(2), false));
    assert_eq!(path.to_string(), "msrps://r:1/x;tcp msrps://a:2/y;tcp");
}

#[test]
fn what_is_written_is_read_back() {
    let (to, from) = ("msrp://b:1/s;tcp".parse().unwrap(), "msrp://a:2/t;tcp".parse().unwrap());
    let range = ByteRange { start: 1, end: None, total: Some(9000) };
    let head = Writer::request("tid12345", &Method::Send, &to, &from)
        .field(Field::MessageId, "m123")
        .field(Field::ByteRange, range)
        .with_body("text/plain")
        .unwrap();
    let data = [head, Bytes::from_static(b"body"), end_line("tid12345", Continuation::Abort)].concat();
    let whole = one(&data);
    assert_eq!((whole.head.byte_range(), whole.flag), (Ok(range), Continuation::Abort));
    assert_eq!((whole.body.as_ref(), whole.head.fault()), (b"body".as_ref(), None));
    assert!(data.starts_with(b"MSRP tid12345 SEND\r\nTo-Path: msrp://b:1/s;tcp\r\nFrom-Path: msrp://a:2/t;tcp\r\n"));
    let response = Writer::response("x", 481, &to, &from).finish(Continuation::Complete).unwrap();
    assert_eq!(one(&response).head.what(), &Start::Response(481, "No Such Session".into()));
}

#[test]
fn nothing_can_be_smuggled_into_a_head() {
    let path: Path = "msrp://b:1/s;tcp".parse().unwrap();
    let request = |tid: &str| Writer::request(tid, &Method::Send, &path, &path);
    let value = request("abcd").field(Field::UseNickname, "\"x\r\nY: z\"").finish(Continuation::Complete);
    assert_eq!(value, Err(Unwritable::Value(Field::UseNickname)));
    assert_eq!(request("abcd").with_body("a/b\r\n").unwrap_err(), Unwritable::Value(Field::ContentType));
    let identifier = request("abc").finish(Continuation::Complete);
    assert_eq!(identifier, Err(Unwritable::Identifier("abc".into())));
}

#[test]
fn a_nickname_is_read_without_its_quotes() {
    let paths = "To-Path: msrp://b:1/s;tcp\r\nFrom-Path: msrp://a:1/s;tcp\r\n";
    let nickname = |value: &str| {
        one(format!("MSRP abcd NICKNAME\r\n{paths}Use-Nickname: {value}\r\n-------abcd$\r\n").as_bytes())
            .head
            .nickname()
    };
    assert_eq!(nickname("\"Alice \\\"the\\\" great\"").unwrap(), "Alice \"the\" great");
    assert_eq!(nickname("\"\"").unwrap(), "");
    assert_eq!(nickname("Alice"), Err(Fault::Value(Field::UseNickname)));
}

#[test]
fn an_end_line_in_a_body_asks_for_another_identifier() {
    assert!(has_end_line(b"x\r\n-------abcd$\r\n", "abcd"));
    assert!(has_end_line(b"--------abcd", "abcd"));
    assert!(!has_end_line(b"x\r\n-------abce$\r\n", "abcd"));
}

/// Bodies made of what end lines are made of.
fn tricky() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        Just(b"\r".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"-".to_vec()),
        Just(b"-------".to_vec()),
        Just(b"\r\n-------".to_vec()),
        Just(b"\r\n-------tid12345".to_vec()),
        Just(b"\r\n-------tid12345$".to_vec()),
        Just(b"tid12345".to_vec()),
        Just(b"$".to_vec()),
        Just(b"+\r".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..5),
    ];
    proptest::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn frames_do_not_depend_on_how_they_are_cut(
        bodies in proptest::collection::vec(tricky(), 1..4),
        cuts in proptest::collection::vec(1_usize..40, 1..40),
    ) {
        let path: Path = "msrp://b:1/s;tcp".parse().unwrap();
        let mut data = Vec::new();
        for body in &bodies {
            let head = Writer::request("tid12345", &Method::Send, &path, &path).field(Field::MessageId, "m123");
            data.extend_from_slice(&head.with_body("a/b").unwrap());
            data.extend_from_slice(body);
            data.extend_from_slice(&end_line("tid12345", Continuation::Complete));
        }
        let (at_once, ended) = frames([data.as_slice()], &Limits::default());
        let mut pieces = Vec::new();
        let (mut rest, mut cut) = (data.as_slice(), cuts.iter().cycle());
        while !rest.is_empty() {
            let (piece, more) = rest.split_at((*cut.next().unwrap()).min(rest.len()));
            pieces.push(piece);
            rest = more;
        }
        let (cut_up, cut_ended) = frames(pieces, &Limits::default());
        prop_assert_eq!(ended, cut_ended);
        prop_assert!(same(&at_once, &cut_up));
        if bodies.iter().all(|body| !has_end_line(body, "tid12345")) {
            prop_assert_eq!(at_once.len(), bodies.len());
            for (whole, body) in at_once.iter().zip(&bodies) {
                prop_assert_eq!(&whole.body, body);
            }
        }
    }

    #[test]
    fn no_bytes_make_it_panic(data in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut text = b"MSRP abcd SEND\r\n".to_vec();
        text.extend_from_slice(&data);
        frames([data.as_slice()], &Limits::default());
        frames(text.chunks(3), &Limits::default());
    }
}
