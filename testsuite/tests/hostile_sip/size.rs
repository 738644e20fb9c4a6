//! Messages that are large: refused by the limits, and read in linear time where the limits let them in (classes S6, S7, S8).

use std::fmt::Write;
use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sipsimple_core::limits::Limits;
use sipsimple_core::sip::Message;

use crate::read_all;
use crate::verdicts::table::octets;

/// A request that is made large: `what` of it, `count` times.
struct Large {
    what: &'static str,
    make: fn(usize) -> String,
    /// How many make a message of some kilobytes.
    few: usize,
}

const LARGE: &[Large] = &[
    Large { what: "a line of many bytes", make: |n| field(&format!("Subject: {}", "x".repeat(n))), few: 1_000 },
    Large { what: "many folds", make: |n| field(&format!("Subject: x{}", "\r\n y".repeat(n))), few: 1_000 },
    Large {
        what: "many folds of Contact",
        make: |n| field(&format!("Contact: <sip:a@b>{}", "\r\n ;x=y".repeat(n))),
        few: 1_000,
    },
    Large {
        what: "many lines of white space",
        make: |n| field(&format!("Subject: x{}", "\r\n ".repeat(n))),
        few: 1_000,
    },
    Large { what: "many fields", make: |n| "X: y\r\n".repeat(n), few: 100 },
    Large { what: "many fields of one known name", make: |n| "Accept: a/b\r\n".repeat(n), few: 100 },
    Large { what: "many Via fields", make: |n| "Via: SIP/2.0/UDP h\r\n".repeat(n), few: 100 },
    Large {
        what: "many Via values in one field",
        make: |n| field(&format!("Via: SIP/2.0/UDP h{}", ",SIP/2.0/UDP h".repeat(n))),
        few: 100,
    },
    Large { what: "many commas", make: |n| field(&format!("Via: {}", ",".repeat(n))), few: 1_000 },
    Large { what: "many values of Accept", make: |n| field(&format!("Accept: a/b{}", ",a/b".repeat(n))), few: 100 },
    Large {
        what: "many Contacts",
        make: |n| field(&format!("Contact: <sip:a@b>{}", ",<sip:a@b>".repeat(n))),
        few: 100,
    },
    Large { what: "many parameters", make: |n| field(&format!("Contact: <sip:a@b>{}", ";p=v".repeat(n))), few: 1_000 },
    Large {
        what: "many parameters of a URI",
        make: |n| field(&format!("Contact: <sip:a@b{}>", ";p=v".repeat(n))),
        few: 1_000,
    },
    Large { what: "many different parameters of From", make: |n| parameters("From: <sip:a@b>;tag=1", n), few: 1_000 },
    Large {
        what: "many headers of a URI",
        make: |n| field(&format!("Contact: <sip:a@b?a=b{}>", "&a=b".repeat(n))),
        few: 1_000,
    },
    Large { what: "many quotes", make: |n| field(&format!("Contact: {}", "\"\",".repeat(n))), few: 1_000 },
    Large {
        what: "many backslashes in quotes",
        make: |n| field(&format!("Contact: \"{}", "\\".repeat(n))),
        few: 1_000,
    },
    Large { what: "many open brackets", make: |n| field(&format!("Contact: {}", "<".repeat(n))), few: 1_000 },
    Large { what: "many open comments", make: |n| field(&format!("User-Agent: {}", "(".repeat(n))), few: 1_000 },
    Large {
        what: "many escapes in a user",
        make: |n| field(&format!("Contact: <sip:{}@b>", "%41".repeat(n))),
        few: 1_000,
    },
    Large { what: "a long Call-ID", make: |n| format!("Call-ID: {}\r\n", "x".repeat(n)), few: 1_000 },
    Large { what: "a long number of CSeq", make: |n| format!("CSeq: {}1 INVITE\r\n", "0".repeat(n)), few: 1_000 },
    Large { what: "a long method of CSeq", make: |n| format!("CSeq: 1 {}\r\n", "X".repeat(n)), few: 1_000 },
];

fn field(line: &str) -> String {
    format!("{line}\r\n")
}

fn parameters(start: &str, count: usize) -> String {
    let mut line = start.to_owned();
    for number in 0..count {
        write!(line, ";p{number}=v").expect("text");
    }
    field(&line)
}

/// A request with more lines in its head; what they name does not stand there twice.
fn request(lines: &str) -> Bytes {
    let base = String::from_utf8(octets("hostile/sip/request.sip").to_vec()).expect("UTF-8");
    let (head, body) = base.split_once("\r\n\r\n").expect("a head");
    let name = |line: &str| line.split_once(':').map_or("", |(name, _)| name).to_owned();
    let added = name(lines);
    let mut text = String::new();
    for line in head.split("\r\n").filter(|line| name(line) != added) {
        text.push_str(line);
        text.push_str("\r\n");
    }
    format!("{text}{lines}\r\n{body}").into()
}

fn unlimited() -> Limits {
    let mut limits = Limits::default();
    limits.head_bytes = usize::MAX;
    limits.header_fields = usize::MAX;
    limits
}

#[test]
fn what_is_beyond_the_limits_is_refused() {
    for large in LARGE {
        let data = request(&(large.make)(100_000));
        let error = Message::parse(data, &Limits::default()).expect_err(large.what);
        // Nobody can be answered when the line that is cut off says whom.
        let essential = ["Via", "Call-ID", "CSeq", "From"].iter().any(|name| (large.make)(1).starts_with(name));
        assert!(error.response() == Some(513) || essential && error.response().is_none(), "{}: {error}", large.what);
    }
    let long = |uri: String, method: &str| Bytes::from(format!("{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n\r\n"));
    let error = Message::parse(long(format!("sip:{}@b", "a".repeat(65_536)), "OPTIONS"), &Limits::default())
        .expect_err("a long URI");
    assert!(matches!(error.response(), Some(414 | 513) | None), "{error}");
    let error =
        Message::parse(long("sip:b".to_owned(), &"X".repeat(65_536)), &Limits::default()).expect_err("a long method");
    assert!(matches!(error.response(), Some(400 | 513) | None), "{error}");
}

#[test]
fn a_response_beyond_the_limits_is_dropped() {
    let response = String::from_utf8(octets("hostile/sip/response.sip").to_vec()).expect("UTF-8");
    let data = response.replace("Subject: lunch", &format!("Subject: {}", "x".repeat(100_000)));
    let error = Message::parse(data.into(), &Limits::default()).expect_err("a long line");
    assert_eq!(error.response(), None);
}

#[test]
fn a_body_beyond_the_limit_is_refused() {
    let body = "x".repeat(Limits::default().body_bytes + 1);
    let request = String::from_utf8(octets("hostile/sip/request.sip").to_vec()).expect("UTF-8");
    let request =
        request.replace("Content-Length: 5\r\n\r\nhello", &format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    let error = Message::parse(request.into(), &Limits::default()).expect_err("a large body");
    assert_eq!(error.response(), Some(413));
}

/// The least time that `times` readings take, of some runs: what else the machine does only adds to it.
fn time(data: &Bytes, limits: &Limits, times: usize) -> Duration {
    let run = || {
        let start = Instant::now();
        for _ in 0..times {
            black_box(read_all(black_box(data), limits));
        }
        start.elapsed()
    };
    (0..4).map(|_| run()).min().expect("a run")
}

#[test]
fn reading_takes_linear_time() {
    const TIMES: usize = 16;
    let limits = unlimited();
    let mut slow = String::new();
    for large in LARGE {
        let (short, long) = (request(&(large.make)(large.few)), request(&(large.make)(TIMES * large.few)));
        // As much to read in both, so whatever else the machine does hits both alike. A quadratic reading takes 16 times as long.
        let (short, long) = (time(&short, &limits, TIMES), time(&long, &limits, 1));
        if long > 5 * short {
            writeln!(slow, "{}: {TIMES} times {short:?}, {TIMES} times as large {long:?}", large.what).expect("text");
        }
    }
    assert!(slow.is_empty(), "not linear:\n{slow}");
}
