//! What news and logs show of the wire.

use super::harness::{Pair, S1, bytes, text};
use crate::msrp::{Content, Event, Field, LogEvent, LogLevel, Message, Method, TraceDirection};
use crate::transport::CloseCause;

fn traces(logs: &[(crate::id::ConnId, LogEvent)], way: TraceDirection) -> Vec<String> {
    let of = |(_, event): &(_, LogEvent)| match event {
        LogEvent::TransportTrace { direction, data } if *direction == way => Some(data.to_string()),
        LogEvent::TransportTrace { .. } | LogEvent::LibraryLog { .. } => None,
    };
    logs.iter().filter_map(of).collect()
}

#[test]
fn news_of_a_message_show_what_said_so() {
    let mut pair = Pair::bound();
    pair.send(S1, text("m001", "hello"));
    pair.run();
    let [report] = pair.active.chunks.as_slice() else { panic!("{:?}", pair.active.chunks) };
    let head = report.head().unwrap();
    assert_eq!(head.method(), Some(&Method::Report));
    assert_eq!(head.message_id().unwrap(), "m001");
    assert_eq!(head.status().unwrap().code, 200);
    assert!(report.as_str().ends_with("\r\nStatus: 000 200 OK\r\n"), "{report:?}");
    let sent = pair
        .active
        .events_of(S1)
        .into_iter()
        .find_map(|event| if let Event::Sent { chunk, .. } = event { chunk.head() } else { None });
    let sent = sent.unwrap();
    assert_eq!((sent.method(), sent.byte_range().unwrap().total), (Some(&Method::Send), Some(5)));
    assert_eq!(sent.value(Field::ContentType).as_deref(), Some("text/plain"));
}

#[test]
fn every_frame_is_traced_at_both_ends() {
    let mut pair = Pair::bound();
    pair.send(S1, text("m001", "hello"));
    pair.send(S1, text("m002", bytes(5000)));
    pair.run_in(7);
    let (written, come) =
        (traces(&pair.active.logs, TraceDirection::Outgoing), traces(&pair.passive.logs, TraceDirection::Incoming));
    assert_eq!(written.len(), pair.active.tap.seen.len());
    assert_eq!(written, come);
    assert_eq!(
        traces(&pair.passive.logs, TraceDirection::Outgoing),
        traces(&pair.active.logs, TraceDirection::Incoming)
    );
    // The empty SEND has no body, and the text stands there as it is.
    let lines: Vec<&str> = written[0].lines().collect();
    assert!(lines[0].ends_with(" SEND") && lines.last().unwrap().starts_with("-------"), "{lines:?}");
    assert!(written[1].contains("\r\n\r\nhello\r\n-------"), "{}", written[1]);
}

#[test]
fn what_is_no_text_is_not_traced() {
    let mut pair = Pair::bound();
    let message = Message { content_type: "a/b".into(), content: Content::Bytes(bytes(900)), ..text("m001", "") };
    pair.send(S1, message);
    pair.send(S1, text("m002", vec![b'x'; 40_000]));
    pair.run();
    let written = traces(&pair.active.logs, TraceDirection::Outgoing);
    assert!(written[1].contains("\r\n\r\n<stripped data>\r\n-------"), "{}", written[1]);
    let long: usize = written.iter().skip(2).map(String::len).sum();
    assert!(written[2].contains("xxx<stripped data>\r\n-------") && long < 18_000, "{long}");
}

#[test]
fn what_becomes_of_a_session_is_logged() {
    let mut pair = Pair::bound();
    pair.lose(0, &CloseCause::Reset);
    let lines = |logs: &[(crate::id::ConnId, LogEvent)]| {
        let of = |(_, event): &(_, LogEvent)| match event {
            LogEvent::LibraryLog { message, level } => Some((*level, message.to_string())),
            LogEvent::TransportTrace { .. } => None,
        };
        logs.iter().filter_map(of).collect::<Vec<_>>()
    };
    let uri = "msrp://192.0.2.1:2855/a1;tcp";
    let told =
        [(LogLevel::Info, format!("{uri} is bound")), (LogLevel::Warning, format!("{uri} is over: connection reset"))];
    assert_eq!(lines(&pair.active.logs), told);
}
