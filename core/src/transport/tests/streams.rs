//! What comes on a connection: messages, keep-alives, and what makes no sense.

use proptest::prelude::*;

use super::*;

const VIA: &str = "TCP 192.0.2.1:5060;branch=z9hG4bK1";

fn connected() -> (World, ConnId) {
    let mut w = World::new();
    let socket = w.listen("tcp:192.0.2.9:5060");
    let conn = w.accept(socket, "192.0.2.1:7000");
    (w, conn)
}

#[test]
fn messages_come_out_of_the_stream_uncopied() {
    let (mut w, conn) = connected();
    let (one, two) = (text("MESSAGE", VIA, "hello"), text("OPTIONS", VIA, ""));
    let data = Bytes::from(format!("{one}{two}{one}"));
    w.data(conn, data.clone());
    let received = w.received();
    let bytes: Vec<&Bytes> = received.iter().map(|received| received.message.bytes()).collect();
    assert_eq!(bytes, [one.as_bytes(), two.as_bytes(), one.as_bytes()]);
    assert_eq!(bytes[1].as_ptr(), data[one.len()..].as_ptr());
}

#[test]
fn a_ping_is_answered_and_a_pong_noted() {
    let cases = [("\r\n", 0, 1), ("\r\n\r\n", 1, 1), ("\r\n\r\n\r\n", 1, 2), ("\r\n\r\n\r\n\r\n", 2, 2), ("\r", 0, 0)];
    for (data, pongs, keep_alives) in cases {
        let (mut w, conn) = connected();
        w.data(conn, data);
        let expected: Vec<String> =
            if pongs == 0 { vec![] } else { vec![format!("write conn-1: {:?}", "\r\n".repeat(pongs))] };
        assert_eq!(w.lines(), expected, "{data:?}");
        assert_eq!(w.t.counters().keep_alives, keep_alives);
        // A message may follow.
        w.data(conn, if data == "\r" { "\n" } else { "" });
        w.data(conn, text("OPTIONS", VIA, ""));
        assert_eq!(w.received().len(), 1, "{data:?}");
    }
}

#[test]
fn a_line_break_before_and_one_after_a_message_are_no_ping() {
    let (mut w, conn) = connected();
    w.data(conn, format!("\r\n{}\r\n", text("OPTIONS", VIA, "")));
    assert_eq!(w.received().len(), 1);
    w.data(conn, "\r\n");
    assert_eq!(w.lines(), ["write conn-1: \"\\r\\n\""]);
}

#[test]
fn a_stream_that_makes_no_sense_is_answered_and_closed() {
    let good = text("OPTIONS", VIA, "");
    let response = answer(200, &[VIA]);
    let huge = format!("Subject: {}\r\nCall-ID", "x".repeat(1000));
    let cases = [
        ("no Content-Length", good.replace("Content-Length: 0\r\n", ""), Some(400)),
        ("a negative one", good.replace("Length: 0", "Length: -1"), Some(400)),
        ("one above 2^63", good.replace("Length: 0", "Length: 9223372036854775809"), Some(400)),
        ("one above 2^64", good.replace("Length: 0", "Length: 18446744073709551616"), Some(400)),
        ("hexadecimal", good.replace("Length: 0", "Length: 0x10"), Some(400)),
        ("two that differ", good.replace("Content-Length: 0", "Content-Length: 0\r\nl: 5"), Some(400)),
        ("a huge body", good.replace("Length: 0", "Length: 2001"), Some(413)),
        ("a huge head", good.replace("Call-ID", &huge), Some(513)),
        ("a head without end", format!("OPTIONS {}", "x".repeat(2000)), None),
        ("a response without Content-Length", response.replace("Content-Length: 0\r\n", ""), None),
        ("an ACK without Content-Length", text("ACK", VIA, "").replace("Content-Length: 0\r\n", ""), None),
        ("TLS on the plain port", "\u{16}\u{3}\u{1}".to_owned(), None),
        ("a CR alone", format!("\r{good}"), None),
        ("a LF alone", format!("\n{good}"), None),
        ("NUL", format!("\0{good}"), None),
    ];
    for (what, data, code) in cases {
        let mut w = World::limited(|limits| (limits.head_bytes, limits.body_bytes) = (1000, 2000));
        let socket = w.listen("tcp:192.0.2.9:5060");
        let conn = w.accept(socket, "192.0.2.1:7000");
        // What was right before is taken in, what follows is not.
        w.data(conn, format!("{good}{data}"));
        w.data(conn, good.clone());
        let outputs = w.outputs();
        let lines: Vec<String> = outputs.iter().map(line).collect();
        assert!(lines[0].starts_with("received conn-1 "), "{what}: {lines:?}");
        let rest = match code {
            Some(code) => {
                assert!(lines[1].starts_with(&format!("write conn-1: {code} ")), "{what}: {lines:?}");
                &lines[2..]
            }
            None => &lines[1..],
        };
        assert!(
            matches!(rest, [malformed, close, failed] if malformed.starts_with("malformed conn-1: ")
            && close == "close conn-1 Flush" && failed.starts_with("flow failed conn-1: ")),
            "{what}: {lines:?}"
        );
        let answered = |output: &Output| matches!(output, Output::Malformed { answered, .. } if *answered == code);
        assert!(outputs.iter().any(answered), "{what}: {lines:?}");
        assert_eq!(w.t.read_budget(conn), 0);
        w.closed(conn, CloseCause::Local);
        assert_eq!((w.lines().len(), w.t.connections(), w.t.counters().driver_faults), (0, 0, 0), "{what}");
    }
}

#[test]
fn a_message_that_is_wrong_in_itself_does_not_end_the_stream() {
    let (mut w, conn) = connected();
    let good = text("OPTIONS", VIA, "");
    let bad = good.replace("Call-ID: c1\r\n", "");
    w.data(conn, format!("{bad}{good}"));
    assert_eq!(
        w.lines(),
        [
            format!("write conn-1: 400 Missing Call-ID | SIP/2.0/{VIA}"),
            format!("malformed conn-1: 400 Missing Call-ID, at byte {} -> 400", bad.len() - 2),
            format!("received conn-1 192.0.2.1:7000: OPTIONS sip:bob@example.com | SIP/2.0/{VIA}"),
        ]
    );
}

#[test]
fn a_message_has_to_be_complete_in_time() {
    let good = text("OPTIONS", VIA, "");
    let (mut w, conn) = connected();
    let limit = Limits::default().message_time;
    let ms = Duration::from_millis(1);
    // A byte now and then does not win time; a complete message does.
    w.data(conn, good[..10].to_owned());
    w.pass(limit - ms);
    w.data(conn, format!("{}{}", &good[10..], &good[..10]));
    assert_eq!(w.received().len(), 1);
    w.pass(limit - ms);
    w.data(conn, good[10..11].to_owned());
    assert_eq!(w.lines(), [""; 0]);
    w.pass(ms);
    assert_eq!(
        w.lines(),
        [
            "malformed conn-1: the rest of the message did not come in time",
            "close conn-1 Abort",
            "flow failed conn-1: timed out",
        ]
    );
    assert_eq!(w.t.deadline(), None);
}

#[test]
fn frames_do_not_depend_on_how_the_bytes_come() {
    let stream = format!(
        "\r\n\r\n{}\r\n{}{}\r\n\r\n\r\n{}",
        text("MESSAGE", VIA, "hello\r\n\r\nworld"),
        text("OPTIONS", VIA, ""),
        text("OPTIONS", VIA, "").replace("Call-ID: c1\r\n", ""),
        text("MESSAGE", VIA, "x").replace("Length: 1", "Length: y"),
    );
    let whole = {
        let (mut w, conn) = connected();
        w.data(conn, stream.clone());
        w.lines()
    };
    assert_eq!(whole.len(), 9, "{whole:#?}");
    let written = |lines: &[String]| lines.iter().filter(|line| !line.contains("\\r\\n")).cloned().collect::<Vec<_>>();
    for at in 1..stream.len() {
        let (mut w, conn) = connected();
        w.data(conn, stream[..at].to_owned());
        w.data(conn, stream[at..].to_owned());
        let lines = w.lines();
        assert_eq!(written(&lines), written(&whole), "split at {at}");
    }
    let (mut w, conn) = connected();
    for byte in stream.bytes() {
        w.data(conn, vec![byte]);
    }
    assert_eq!(written(&w.lines()), written(&whole));
}

proptest! {
    #[test]
    fn noise_never_harms(chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..20)) {
        let (mut w, conn) = connected();
        for chunk in chunks {
            w.data(conn, chunk);
        }
        let failed = w.outputs().iter().filter(|output| matches!(output, Output::FlowFailed { .. })).count();
        prop_assert!(failed <= 1);
    }
}
