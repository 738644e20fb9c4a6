//! Tests of the whole model: the RFCs' own descriptions, what peers get wrong, what attackers send, and round trips.

use proptest::prelude::*;

use super::*;
use crate::limits::Limits;

fn parse(body: &str) -> Result<Session, ParseError> {
    Session::parse(body.as_bytes(), &Limits::default())
}

const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n";

/// A description with one media section.
fn with_media(section: &str) -> Session {
    parse(&format!("{HEAD}{section}")).unwrap()
}

/// A media section in the words of `vectors/sdp/rfc8866.txt`.
fn summary(media: &Media<'_>) -> String {
    let address = media.connection().map_or("none", |connection| connection.address);
    let address = address.split('/').next().unwrap_or_default();
    let formats = media.rtp_formats();
    let formats = formats.iter().map(|f| format!(" {} {}/{}", f.payload, f.encoding, f.clock_rate));
    let head = format!("{} {} {} {address}", media.media_type(), media.port(), media.protocol());
    format!("{head} {}{}", media.direction(), formats.collect::<String>())
}

#[test]
fn the_descriptions_of_the_rfcs_read_as_they_say() {
    let mut blocks = include_str!("../../../vectors/sdp/rfc8866.txt").split("== ").skip(1);
    let mut count = 0;
    while let (Some(description), Some(expected)) = (blocks.next(), blocks.next()) {
        let (title, body) = description.split_once('\n').unwrap();
        for body in [body.to_owned(), body.replace('\n', "\r\n")] {
            let session = parse(&body).unwrap_or_else(|error| panic!("{title}: {error}"));
            let read: Vec<String> = session.media().map(|media| summary(&media)).collect();
            let expected: Vec<&str> = expected.lines().skip(1).collect();
            assert_eq!(read, expected, "{title}");
            assert_eq!(session.to_string(), body.replace("\r\n", "\n").replace('\n', "\r\n"));
        }
        count += 1;
    }
    assert_eq!(count, 3);
}

#[test]
fn every_line_can_be_asked_for() {
    let body = "v=0\r\no=jdoe 3724394400 3724394405 IN IP4 198.51.100.1\r\ns=Call to John Smith\r\ni=SDP Offer\r\n\
                b=CT:128\r\nt=1 2\r\nt=3 4\r\nk=prompt\r\na=tool:x\r\na=recvonly\r\n\
                m=message 7654 TCP/MSRP *\r\ni=A picture\r\nc=IN IP6 2001:db8::1\r\nb=AS:64\r\na=path:msrp://host:7654/a;tcp\r\n\
                a=x:\r\na=sendonly\r\nm=audio 0 RTP/AVP\r\n";
    let session = parse(body).unwrap();
    let origin = session.origin().unwrap();
    assert_eq!((origin.username, origin.session_id, origin.version), ("jdoe", "3724394400", "3724394405"));
    assert_eq!(session.name(), "Call to John Smith");
    assert_eq!(session.connection(), None);
    assert_eq!(session.times().collect::<Vec<_>>(), [Time { start: 1, stop: 2 }, Time { start: 3, stop: 4 }]);
    assert_eq!(session.bandwidths().collect::<Vec<_>>(), [Bandwidth { kind: "CT", value: 128 }]);
    assert_eq!(session.attributes().collect::<Vec<_>>(), [("tool", Some("x")), ("recvonly", None)]);
    assert_eq!(session.direction(), Some(Direction::RecvOnly));
    assert_eq!(session.media_count(), 2);
    let message = session.media_at(0).unwrap();
    assert_eq!((message.media_type(), message.port(), message.protocol()), ("message", 7654, "TCP/MSRP"));
    assert!(!message.is_rtp());
    assert_eq!(message.formats().collect::<Vec<_>>(), ["*"]);
    assert_eq!(message.title(), Some("A picture"));
    assert_eq!(message.bandwidths().collect::<Vec<_>>(), [Bandwidth { kind: "AS", value: 64 }]);
    assert_eq!(message.attribute("path"), Some(Some("msrp://host:7654/a;tcp")));
    assert_eq!(message.attribute("x"), Some(Some("")));
    assert_eq!(message.attribute("sendonly"), Some(None));
    assert_eq!(message.attribute("pat"), None);
    assert_eq!(message.attribute("tool"), None);
    assert_eq!(message.inherited_attribute("tool"), Some(Some("x")));
    assert_eq!(message.direction(), Direction::SendOnly);
    let audio = session.media_at(1).unwrap();
    assert_eq!(audio.direction(), Direction::RecvOnly);
    assert_eq!(audio.formats().count(), 0);
    assert!(session.media_at(2).is_none());
    assert_eq!(session.to_string(), body);
    assert_eq!(session.as_bytes(), body.as_bytes());
}

#[test]
fn times_and_rtcp_of_a_media_section() {
    let session =
        with_media("m=audio 5004 RTP/AVP 0\r\na=ptime:20\r\na=maxptime:0\r\na=rtcp:53020 IN IP6 2001:db8::9\r\n");
    let audio = session.media_at(0).unwrap();
    assert_eq!((audio.ptime(), audio.maxptime()), (Some(20), None));
    assert_eq!(audio.rtcp(), Some(Rtcp { port: 53020, address: Some("2001:db8::9".parse().unwrap()) }));
}

#[test]
fn what_peers_get_wrong_is_let_pass() {
    for (what, body) in [
        ("LF only", HEAD.replace("\r\n", "\n")),
        ("mixed", HEAD.replacen("\r\n", "\n", 2)),
        ("no end of the last line", HEAD.trim_end().to_owned()),
        ("cut between CR and LF", HEAD.strip_suffix('\n').unwrap().to_owned()),
        ("empty lines at the end", format!("{HEAD}\r\n\r\n\n")),
        ("no s=", HEAD.replace("s=-\r\n", "")),
        ("empty s=", HEAD.replace("s=-", "s=")),
        ("no t=", HEAD.replace("t=0 0\r\n", "")),
        ("empty t=", HEAD.replace("t=0 0", "t=")),
        ("spaces at the end", HEAD.replace("0 0\r\n", "0 0 \r\n").replace("v=0", "v=0 ")),
        ("b= after a=", format!("{HEAD}a=x\r\nb=AS:1\r\n")),
    ] {
        let session = parse(&body).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(session.connection().unwrap().ip(), Some("192.0.2.1".parse().unwrap()), "{what}");
    }
}

#[test]
fn bytes_that_are_not_utf8_become_question_marks() {
    let body = [b"v=0\r\no=J\xfcrgen 1 1 IN IP4 h\r\ns=caf\xe9\r\nx".as_slice(), b"=1\r\n"].concat();
    let error = Session::parse(&body, &Limits::default()).unwrap_err();
    assert_eq!(error, ParseError { at: 36, fault: Fault::UnknownType('x') });
    let session = Session::parse(body.get(..36).unwrap(), &Limits::default()).unwrap();
    assert_eq!((session.origin().unwrap().username, session.name()), ("J?rgen", "caf?"));
}

#[test]
fn one_bad_line_spoils_the_whole_body_and_is_named() {
    use Fault::{
        Field, LineEnd, Misplaced, Missing, NotALine, Repeated, TooManyAttributes, TooManyMedia, UnknownType, Version,
    };
    let at_end = |line: &str, at, fault| (format!("{HEAD}{line}\r\n"), HEAD.len() + at, fault);
    let in_media = |line: &str, at, fault| {
        let media = "m=audio 1 RTP/AVP 0\r\n";
        (format!("{HEAD}{media}{line}\r\n"), HEAD.len() + media.len() + at, fault)
    };
    let name = HEAD.find("s=").unwrap();
    let many = |line: &str, count| format!("{HEAD}{}", line.repeat(count));
    for (body, at, fault) in [
        (String::new(), 0, Missing('v')),
        ("o=- 1 1 IN IP4 h\r\n".to_owned(), 0, Missing('v')),
        ("v=0\r\ns=-\r\n".to_owned(), 10, Missing('o')),
        ("v=1\r\n".to_owned(), 0, Version),
        ("v=0\r\no=- 1 IN IP4 h\r\n".to_owned(), 19, Field('o')),
        ("\r\nv=0\r\n".to_owned(), 2, NotALine),
        (HEAD.replace("s=-", "s"), name, NotALine),
        (HEAD.replace("s=-", "s =-"), name, NotALine),
        (HEAD.replace("s=-\r\n", "s=-\r\n\r\n"), name + 7, NotALine),
        (HEAD.replace("s=-", "s=a\rm=b"), name + 3, LineEnd),
        at_end("t=0", 3, Field('t')),
        at_end("c=IN IP4", 8, Field('c')),
        at_end("b=AS", 4, Field('b')),
        at_end("b=AS:x", 5, Field('b')),
        at_end("y=1", 0, UnknownType('y')),
        at_end("A=1", 0, UnknownType('A')),
        at_end("v=0", 0, Repeated('v')),
        at_end("o=- 1 1 IN IP4 h", 0, Repeated('o')),
        at_end("s=-", 0, Repeated('s')),
        at_end("m=audio 70000 RTP/AVP 0", 8, Field('m')),
        at_end("m=audio 5004 RTP/AVP", 20, Field('m')),
        in_media("t=0 0", 0, Misplaced('t')),
        in_media("v=0", 0, Misplaced('v')),
        (many("a=x\r\n", 513), HEAD.len() + 512 * 5, TooManyAttributes),
        (many("m=audio 0 RTP/AVP 0\r\n", 33), HEAD.len() + 32 * 21, TooManyMedia),
        (many("a=x\r\n", 20_000), 64 * 1024, Fault::TooLong),
    ] {
        assert_eq!(parse(&body).unwrap_err(), ParseError { at, fault }, "{body:?}");
    }
    assert_eq!(parse("v=0").unwrap_err().response(), 400);
    assert_eq!(parse("v=1").unwrap_err().response(), 488);
    assert_eq!(parse(&many("a=x\r\n", 513)).unwrap_err().response(), 413);
}

#[test]
fn hostile_formats_are_left_out() {
    let numbers: Vec<String> = (0..9000).map(|n| n.to_string()).collect();
    let session = with_media(&format!("m=audio 1 RTP/AVP -1 4294967296 128 0 0 {}\r\n", numbers.join(" ")));
    let formats = session.media_at(0).unwrap().rtp_formats();
    assert_eq!(formats.len(), 24, "the static ones, each once");
    assert_eq!(formats.first().map(|format| format.payload), Some(0));

    let session = with_media(
        "m=audio 1 RTP/AVP 96 97 98 99 8 100\r\na=fmtp\0:96 x\r\na=rtpmap:96 a/0\r\na=rtpmap:97\r\na=rtpmap:98 b/8000/4294967296\r\n\
         a=rtpmap:99 c/8000\r\na=rtpmap:99 d/8000\r\na=fmtp:99 first\r\na=fmtp:99 second\r\na=fmtp:101 unknown\r\n\
         a=rtpmap:8 e/16000\r\na=\r\na=:\r\na=rtpmap\r\n",
    );
    let media = session.media_at(0).unwrap();
    let format = |payload, encoding, clock_rate, fmtp| RtpFormat { payload, encoding, clock_rate, channels: 1, fmtp };
    assert_eq!(media.rtp_formats(), [format(99, "c", 8000, Some("first")), format(8, "e", 16000, None)]);
}

#[test]
fn keys_do_not_print() {
    let session = with_media(
        "m=audio 1 RTP/SAVP 0\r\nk=clear:secret1\r\na=crypto:1 AES inline:secret2|2^20\r\na=ice-pwd:secret3\r\na=x:y\r\n",
    );
    let shown = format!("{session:?}");
    assert!(!shown.contains("secret"), "{shown}");
    assert!(shown.contains("a=crypto:1 AES") && shown.contains("a=x:y"), "{shown}");
    assert!(session.to_string().contains("secret2"));
}

#[test]
fn sections_are_compared_with_what_they_inherit() {
    let base = "m=audio 1 RTP/AVP 0\r\na=x\r\n";
    let same = |a: &str, b: &str| {
        let (a, b) = (parse(a).unwrap(), parse(b).unwrap());
        a.media_at(0).unwrap().same_as(&b.media_at(0).unwrap())
    };
    let (one, other) = (format!("{HEAD}{base}"), format!("{}{base}", HEAD.replace("- 1 1 IN", "- 1 2 IN")));
    assert!(same(&one, &other));
    assert!(parse(&one).unwrap().same_but_origin(&parse(&other).unwrap()));
    assert_ne!(parse(&one).unwrap(), parse(&other).unwrap());
    assert!(!same(&one, &format!("{}{base}", HEAD.replace("c=IN IP4 192.0.2.1", "c=IN IP4 192.0.2.2"))));
    assert!(!same(&one, &format!("{HEAD}a=inactive\r\n{base}")));
    assert!(!same(&one, &one.replace("a=x", "a=y")));
    assert_eq!(parse(&one).unwrap(), parse(&one.replace("\r\n", "\n")).unwrap());
}

fn origin() -> Origin<'static> {
    let (network_type, address_type, address) = ("IN", "IP4", "192.0.2.1");
    Origin { username: "-", session_id: "1", version: "1", network_type, address_type, address }
}

#[test]
fn what_is_built_is_what_is_read() {
    let mut builder = Session::builder(&origin());
    builder.name("").connection("2001:db8::1".parse().unwrap()).bandwidth("AS", 64).time(0, 0);
    builder.attribute("tool", Some("x y")).attribute("flag", None);
    builder.rtp_media("audio", 5004, "RTP/AVP", [111, 0]).title("voice").connection("192.0.2.7".parse().unwrap());
    builder.rtpmap(111, "opus", 48000, 2).fmtp(111, "useinbandfec=1").rtpmap(0, "PCMU", 8000, 1).number("ptime", 20);
    builder.direction(Direction::SendOnly);
    builder.media("message", 2855, "TCP/MSRP", ["*"]);
    let session = builder.finish().unwrap();
    let expected = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP6 2001:db8::1\r\nb=AS:64\r\nt=0 0\r\na=tool:x y\r\na=flag\r\n\
                    m=audio 5004 RTP/AVP 111 0\r\ni=voice\r\nc=IN IP4 192.0.2.7\r\na=rtpmap:111 opus/48000/2\r\n\
                    a=fmtp:111 useinbandfec=1\r\na=rtpmap:0 PCMU/8000\r\na=ptime:20\r\na=sendonly\r\nm=message 2855 TCP/MSRP *\r\n";
    assert_eq!(session.to_string(), expected);
    assert_eq!(session.as_bytes(), expected.as_bytes());
    assert_eq!(session, parse(expected).unwrap());
}

#[test]
fn what_would_not_read_back_is_not_built() {
    type Step = fn(&mut Builder) -> &mut Builder;
    let steps: [(char, &str, Step); 15] = [
        ('s', "a\r\nb", |b| b.name("a\r\nb")),
        ('s', "a\0", |b| b.name("a\0")),
        ('i', "a\nb", |b| b.title("a\nb")),
        ('b', "A S", |b| b.bandwidth("A S", 1)),
        ('m', "au dio", |b| b.rtp_media("au dio", 1, "RTP/AVP", [0])),
        ('m', "RTP/", |b| b.rtp_media("audio", 1, "RTP/", [0])),
        ('m', "", |b| b.media("audio", 1, "RTP/AVP", [""])),
        ('m', "0 8", |b| b.media("audio", 1, "RTP/AVP", ["0 8"])),
        ('m', "", |b| b.rtp_media("audio", 1, "RTP/AVP", [])),
        ('m', "", |b| b.media::<&str>("message", 1, "TCP/MSRP", [])),
        ('a', "", |b| b.attribute("", None)),
        ('a', "a:b", |b| b.attribute("a:b", None)),
        ('a', "x:1\ra=y", |b| b.attribute("x", Some("1\ra=y"))),
        ('a', "L/16", |b| b.rtpmap(96, "L/16", 8000, 1)),
        ('a', " ", |b| b.fmtp(96, " ")),
    ];
    for (line, value, step) in steps {
        let mut builder = Session::builder(&origin());
        step(&mut builder);
        builder.name("later");
        assert_eq!(builder.finish().unwrap_err(), BuildError { line, value: value.into() });
    }
    for bad in ["", "a b", "a\r\ns=b"] {
        assert!(Session::builder(&Origin { username: bad, ..origin() }).finish().is_err(), "{bad:?}");
        assert!(Session::builder(&Origin { address: bad, ..origin() }).finish().is_err(), "{bad:?}");
    }
}

/// A body made of lines that are mostly right.
fn bodies() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        Just("s=-".to_owned()),
        Just("t=0 0".to_owned()),
        Just("a=sendonly".to_owned()),
        Just("c=IN IP4 0.0.0.0".to_owned()),
        "m=(audio|message) [0-9]{1,5}(/[0-9])? (RTP/AVP|TCP/MSRP)( [0-9*]{1,3}){0,4}",
        "a=rtpmap:[0-9]{1,3} [a-zA-Z0-9-]{0,6}/[0-9]{1,6}(/[0-9])?",
        "a=(fmtp|rtcp|ptime):[ -~]{0,12}",
        "[a-z]=[ -~]{0,12}",
        "\\PC{0,8}",
    ];
    (proptest::collection::vec(line, 0..12), prop_oneof![Just("\r\n"), Just("\n")], any::<bool>()).prop_map(
        |(lines, end, ended)| {
            let mut body = format!("v=0{end}o=- 1 1 IN IP4 192.0.2.1{end}{}", lines.join(end));
            if ended {
                body.push_str(end);
            }
            body
        },
    )
}

fn look_everywhere(session: &Session) {
    for media in session.media() {
        let formats = media.rtp_formats();
        assert!(
            formats.iter().all(|f| f.payload < 128 && f.clock_rate > 0 && f.channels > 0 && !f.encoding.is_empty())
        );
        assert!(formats.len() <= 128);
        let _ = (media.connection(), media.direction(), media.rtcp(), media.ptime(), media.maxptime(), media.title());
        assert!(media.same_as(&media));
    }
    assert_eq!(session.media().count(), session.media_count());
    let lines = session.attributes().count() + session.media().map(|media| media.attributes().count()).sum::<usize>();
    assert_eq!(lines, session.lines().filter(|(kind, _)| *kind == 'a').count());
}

proptest! {
    #[test]
    fn parse_and_print_are_a_fixed_point(body in bodies()) {
        if let Ok(session) = parse(&body) {
            look_everywhere(&session);
            let printed = session.to_string();
            let again = parse(&printed).unwrap();
            prop_assert_eq!(&again, &session);
            prop_assert_eq!(again.to_string(), printed);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused_at_one_of_them(body in proptest::collection::vec(any::<u8>(), 0..200), at in 0_usize..100) {
        let mut mutated = format!("{HEAD}m=audio 5004 RTP/AVP 0 96\r\na=rtpmap:96 opus/48000/2\r\n").into_bytes();
        let at = at.min(mutated.len());
        mutated.splice(at..(at + body.len() / 50).min(mutated.len()), body.iter().copied().take(body.len() / 20));
        for body in [&body, &mutated] {
            match Session::parse(body, &Limits::default()) {
                Ok(session) => look_everywhere(&session),
                Err(error) => prop_assert!(error.at <= body.len()),
            }
        }
    }

    #[test]
    fn nothing_that_is_built_begins_a_line_of_its_own(
        name in "\\PC{0,6}|[\r\n\0a=:]{0,6}", value in "\\PC{0,8}|[\r\n\0a=:]{0,8}", format in "[\r\n 0-9*]{0,4}",
    ) {
        let mut builder = Session::builder(&origin());
        builder.name(&value).attribute(&name, Some(&value)).media("audio", 1, "RTP/AVP", [&format]).fmtp(96, &value).title(&value);
        if let Ok(session) = builder.finish() {
            prop_assert_eq!(session.lines().count(), 7);
            prop_assert_eq!(session.attribute(&name), Some(Some(value.as_str())));
            prop_assert_eq!(Session::parse(session.as_bytes(), &Limits::default()), Ok(session));
        }
    }
}
