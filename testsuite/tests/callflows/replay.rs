//! The calls of RFC 3665 section 3, played against a live agent in each role. What it sends is what the flow has, but for what is listed here.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::FOLDER;
use crate::stage::{Line, Stage};
use crate::verdicts::table::{octets, table};

/// Flow, role, message, in what the agent differs, and why it may.
const DIFFERENT: &[(&str, &str, &str, &str, &str)] = &[
    ("3.2", "Alice", "F1", "Route", NEXT_HOP),
    ("3.2", "Alice", "F4", "Route", NEXT_HOP),
    ("3.3", "Alice", "F1", "Route", NEXT_HOP),
    ("3.3", "Alice", "F4", "Route", NEXT_HOP),
    ("3.4", "Alice", "F1", "Route", NEXT_HOP),
    ("3.4", "Alice", "F2", "Route", NEXT_HOP),
    ("3.4", "Alice", "F3", "Route", NEXT_HOP),
    ("3.4", "Alice", "F4", "Route", NEXT_HOP),
    ("3.4", "Alice", "F5", "Route", NEXT_HOP),
    ("3.4", "Alice", "F6", "Route", NEXT_HOP),
    ("3.4", "Alice", "F7", "Route", NEXT_HOP),
    ("3.5", "Alice", "F1", "Route", NEXT_HOP),
    ("3.8", "Alice", "F1", "Route", NEXT_HOP),
    ("3.8", "Alice", "F9", "Route", NEXT_HOP),
    ("3.9", "Alice", "F1", "Route", NEXT_HOP),
    ("3.10", "Alice", "F1", "Route", NEXT_HOP),
    ("3.11", "Alice", "F1", "Route", NEXT_HOP),
    ("3.2", "Alice", "F15", "credentials", ACK_OF_SUCCESS),
    ("3.4", "Alice", "F18", "credentials", ACK_OF_SUCCESS),
    ("3.5", "Alice", "F1", "credentials", FIRST_CALL),
    ("3.8", "Alice", "F1", "credentials", FIRST_CALL),
    ("3.8", "Alice", "F20", "credentials", FIRST_CALL),
    ("3.9", "Alice", "F1", "credentials", FIRST_CALL),
    ("3.9", "Alice", "F11", "credentials", FIRST_CALL),
    ("3.10", "Alice", "F1", "credentials", FIRST_CALL),
    ("3.10", "Alice", "F15", "credentials", FIRST_CALL),
    ("3.11", "Alice", "F1", "credentials", FIRST_CALL),
    ("3.11", "Alice", "F14", "credentials", FIRST_CALL),
    ("3.3", "Alice", "end", "open", NO_BYE),
    ("3.3", "Bob", "end", "open", NO_BYE),
    (
        "3.4",
        "Alice",
        "F8",
        "Call-ID",
        "the INVITE to the next destination is the same request in a new transaction (RFC 3261 section 8.1.2)",
    ),
    ("3.6", "Alice", "F1", "SDP", OFFER_FIRST),
    ("3.6", "Alice", "F4", "SDP", OFFER_FIRST),
    ("3.6", "Alice", "F11", "SDP", OFFER_FIRST),
    ("3.6", "Alice", "F4", "Call-ID", REDIRECTED),
    ("3.6", "Alice", "F4", "tag of From", REDIRECTED),
    ("3.6", "Alice", "F4", "address of To", REDIRECTED),
    ("3.6", "Alice", "F11", "address of To", REDIRECTED),
    ("3.7", "Bob", "F9", "missing", NO_MOVE),
    ("3.7", "Bob", "F10", "unasked", NO_MOVE),
    ("3.7", "Bob", "F11", "missing", NO_MOVE),
    (
        "3.8",
        "Bob",
        "F14",
        "tag of To",
        "every final response has a To tag (RFC 3261 section 8.2.6.2), and that to a CANCEL has the tag of the INVITE's (section 9.2)",
    ),
];

const NEXT_HOP: &str = "a configured next hop is a destination of the account's policy, not a part of the route set (RFC 3261 section 8.1.2)";
const ACK_OF_SUCCESS: &str =
    "the ACK of a success has the credentials of the INVITE (RFC 3261 section 13.2.2.4), as in 3.3 F19";
const FIRST_CALL: &str = "the flow has credentials from a challenge before it, and the agent has met none";
const NO_BYE: &str = "the flow ends in the middle of the call";
const OFFER_FIRST: &str = "the agent offers in the INVITE (RFC 3261 section 13.2.1), and the ACK answers nothing";
const REDIRECTED: &str = "the user decides whether to follow, and then makes a new call (RFC 3261 section 8.1.3.4 only recommends the old ids)";
const NO_MOVE: &str = "the user has no way to move a call to another address";

/// The flows of section 3, each with its messages.
fn flows() -> BTreeMap<String, Vec<Line>> {
    let mut flows: BTreeMap<String, Vec<Line>> = BTreeMap::new();
    for row in table(&format!("{FOLDER}/flows.tsv")).iter().filter(|row| row["flow"].starts_with("3.")) {
        let file = if row["amended"] == "-" { &row["file"] } else { &row["amended"] };
        let line = Line::new(&row["message"], &row["from"], &row["to"], &octets(&format!("{FOLDER}/{file}")));
        flows.entry(row["flow"].clone()).or_default().push(line);
    }
    flows
}

#[test]
fn an_agent_plays_its_part_in_every_call() {
    let mut failures = String::new();
    let mut played = 0;
    for (flow, lines) in flows() {
        for role in ["Alice", "Bob"] {
            if !lines.iter().any(|line| line.from == role) {
                continue;
            }
            played += 1;
            let mut found = Stage::new(role, &lines).play(&lines);
            for (_, _, message, aspect, why) in DIFFERENT.iter().filter(|row| (row.0, row.1) == (flow.as_str(), role)) {
                if found.remove(&((*message).to_owned(), *aspect)).is_none() {
                    writeln!(failures, "{flow} {role} {message} {aspect}: as in the flow, although {why}")
                        .expect("text");
                }
            }
            for ((message, aspect), text) in found {
                writeln!(failures, "{flow} {role} {message} {aspect}: {text}").expect("text");
            }
        }
    }
    assert!(failures.is_empty(), "flow, role, message, aspect:\n{failures}");
    assert_eq!(played, 21, "both roles of eleven flows; Bob is silent in 3.10");
}

#[test]
fn what_an_agent_does_not_do_is_noticed() {
    let mut failures = String::new();
    for (flow, role, message, replace, with, aspect) in [
        ("3.2", "Alice", "F15", "CSeq: 2", "CSeq: 3", "CSeq"),
        ("3.2", "Alice", "F15", "<sip:192.0.2.111;lr>,", "", "Route"),
        ("3.2", "Alice", "F15", "tag=314159", "tag=314158", "tag of To"),
        ("3.2", "Alice", "F15", "tag=9fxced76sl", "tag=9fxced76sm", "tag of From"),
        ("3.2", "Alice", "F15", "Call-ID: 3", "Call-ID: 4", "Call-ID"),
        ("3.2", "Alice", "F15", "sip:bob@192.0.2.201", "sip:rob@192.0.2.201", "uri"),
        ("3.2", "Alice", "F3", "branch=z9hG4bK74b43", "branch=z9hG4bK74b44", "branch"),
        ("3.2", "Alice", "F4", "branch=z9hG4bK74bf9", "branch=z9hG4bK74b43", "branch"),
        ("3.2", "Bob", "F9", "<sip:192.0.2.222;lr>,", "", "Record-Route"),
        ("3.2", "Bob", "F9", "180 Ringing", "183 Progress", "before"),
        ("3.2", "Bob", "F12", "tag=314159", "tag=314158", "tag of To"),
        ("3.2", "Bob", "F12", "z9hG4bK2d4790.1", "z9hG4bK2d4790.2", "Via"),
        ("3.2", "Bob", "F12", "a=rtpmap:0 PCMU/8000", "a=rtpmap:0 PCMU/8000\r\na=sendonly", "SDP"),
        ("3.8", "Alice", "F9", "CSeq: 1", "CSeq: 2", "CSeq"),
        ("3.8", "Bob", "F15", "487 Request", "486 Request", "missing"),
    ] {
        let mut lines = flows().remove(flow).expect("a flow");
        lines.iter_mut().filter(|line| line.message == message).for_each(|line| line.edit(replace, with));
        let found = Stage::new(role, &lines).play(&lines);
        if !found.contains_key(&(message.to_owned(), aspect)) {
            writeln!(failures, "{flow} {role} {message}, {replace} to {with}: {aspect} due, {found:?} found")
                .expect("text");
        }
    }
    assert!(failures.is_empty(), "{failures}");
}
