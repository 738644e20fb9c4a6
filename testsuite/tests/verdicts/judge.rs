//! The judgement of one message.

use bytes::Bytes;
use sipsimple_core::limits::Limits;
use sipsimple_core::sip::Message;

use super::facts::{self, Fact};
use super::table::{Case, Kind, Layer, Verdict};

/// What the core makes of a message.
enum Seen {
    /// It cannot be read: the answer that is due, and the offending byte.
    Unreadable(Option<u16>, usize),
    /// It can, and the checks that need no state refuse it.
    Refused(Message, Option<u16>, usize),
    /// It passes.
    Passed(Message),
}

fn see(data: &Bytes, limits: &Limits) -> Seen {
    let message = match Message::parse(data.clone(), limits) {
        Ok(message) => message,
        Err(error) => return Seen::Unreadable(error.response(), error.at),
    };
    let rejection = match &message {
        Message::Request(request) => request.validate().err(),
        Message::Response(response) => response.validate().err(),
    };
    match rejection {
        None => Seen::Passed(message),
        Some(rejection) => Seen::Refused(message, (rejection.code != 0).then_some(rejection.code), rejection.at),
    }
}

/// Everything in which the core's reading of `data` differs from what is due; empty when nothing does.
pub(crate) fn judge(case: &Case, data: &Bytes, limits: &Limits) -> Vec<String> {
    let mut complaints = Vec::new();
    let due = match case.verdict {
        Verdict::Accept => None,
        Verdict::Drop => Some(None),
        Verdict::Code(code) => Some(Some(code)),
    };
    let mut point = |at: usize| {
        if !case.at.iter().any(|due| field(data, *due) == field(data, at)) {
            complaints.push(format!("byte {at} named, {:?} due", case.at));
        }
    };
    let message = match (see(data, limits), case.layer) {
        (Seen::Unreadable(code, at), Layer::Frame) => {
            point(at);
            if Some(code) != due {
                complaints.push(format!("unreadable, answered with {}", said(code)));
            }
            None
        }
        (Seen::Unreadable(code, at), _) => {
            complaints.push(format!("unreadable at byte {at}, answered with {}", said(code)));
            None
        }
        (Seen::Refused(message, code, at), Layer::Validate) => {
            point(at);
            if Some(code) != due {
                complaints.push(format!("refused at byte {at} with {}", said(code)));
            }
            Some(message)
        }
        // Who needs the field, or the user agent, would say the same.
        (Seen::Refused(message, code, at), Layer::Header | Layer::Ua) if Some(code) == due => {
            point(at);
            Some(message)
        }
        (Seen::Refused(_, code, at), _) => {
            complaints.push(format!("refused at byte {at} with {}", said(code)));
            None
        }
        (Seen::Passed(message), Layer::Frame) => {
            complaints.push("read and passed".to_owned());
            Some(message)
        }
        (Seen::Passed(message), Layer::Validate) => {
            if due.is_some() {
                complaints.push("passed".to_owned());
            }
            Some(message)
        }
        (Seen::Passed(message), Layer::Header | Layer::Ua) => Some(message),
    };
    let Some(message) = message else { return complaints };
    if matches!(message, Message::Request(_)) != (case.kind == Kind::Request) {
        complaints.push("request and response confused".to_owned());
    }
    for (key, value) in &case.checks {
        match facts::of(&message, key, value.as_deref()) {
            Fact::Is(found) if found == *value => {}
            Fact::Is(found) => {
                complaints.push(format!("{key} is {}, {} due", shown(found.as_deref()), shown(value.as_deref())))
            }
            Fact::Error(at) if value.as_deref() == Some(b"yes") && key.starts_with("error.") => {
                if case.layer == Layer::Header && !case.at.iter().any(|due| field(data, *due) == field(data, at)) {
                    complaints.push(format!("byte {at} named in {key}, {:?} due", case.at));
                }
            }
            Fact::Error(at) => {
                complaints.push(format!("{key} is an error at byte {at}, {} due", shown(value.as_deref())))
            }
        }
    }
    complaints
}

/// Which line of the head a byte is in, folded lines being one; the start line is 0, the body the last.
fn field(data: &[u8], at: usize) -> usize {
    let head = data.windows(4).position(|four| four == b"\r\n\r\n").map_or(data.len(), |end| end + 4);
    let ends = (0..head.min(at))
        .filter(|&end| data[..=end].ends_with(b"\r\n") && !matches!(data.get(end + 1), Some(b' ' | b'\t')));
    ends.count()
}

fn said(code: Option<u16>) -> String {
    code.map_or_else(|| "nothing".to_owned(), |code| code.to_string())
}

fn shown(value: Option<&[u8]>) -> String {
    value.map_or_else(|| "absent".to_owned(), |value| format!("\"{}\"", value.escape_ascii()))
}
