//! The call flows of RFC 3665: each message against its verdict, and each flow as a whole: what a message is at odds with must be what
//! `vectors/callflows/rfc3665/flows.tsv` says of it, and nothing else; and the calls, played by a live agent.

mod compare;
mod flow;
mod replay;
mod rules;
mod stage;
#[path = "../verdicts/mod.rs"]
mod verdicts;

use std::collections::BTreeSet;
use std::fmt::Write;

use sipsimple_core::limits::Limits;

use flow::Flow;
use verdicts::judge::judge;
use verdicts::table::{Case, Kind, Layer, Verdict, octets, read, table};

const FOLDER: &str = "callflows/rfc3665";

fn kind_of(octets: &[u8]) -> Kind {
    if octets.starts_with(b"SIP/") { Kind::Response } else { Kind::Request }
}

#[test]
fn every_message_is_read_as_reviewed() {
    let mut failures = String::new();
    for row in table(&format!("{FOLDER}/flows.tsv")) {
        let at =
            row["byte"].split('|').filter(|byte| *byte != "-").map(|byte| byte.parse().expect("an offset")).collect();
        let data = octets(&format!("{FOLDER}/{}", row["file"]));
        let mut complaints = judge(&Case::of(&row, kind_of(&data), at), &data, &Limits::default());
        if row["amended"] != "-" {
            let amended = octets(&format!("{FOLDER}/{}", row["amended"]));
            let sound = Case {
                kind: kind_of(&amended),
                layer: Layer::Validate,
                verdict: Verdict::Accept,
                at: Vec::new(),
                checks: Vec::new(),
            };
            complaints.extend(judge(&sound, &amended, &Limits::default()));
        }
        for complaint in complaints {
            writeln!(failures, "{:5} {:4} {}: {complaint}", row["flow"], row["message"], row["file"]).expect("text");
        }
    }
    assert!(failures.is_empty(), "flow, message, found:\n{failures}");
}

#[test]
fn every_message_of_a_flow_follows_from_those_before_it() {
    let mut failures = String::new();
    let mut flow = Flow::default();
    let mut name = String::new();
    for row in table(&format!("{FOLDER}/flows.tsv")) {
        if row["flow"] != name {
            name.clone_from(&row["flow"]);
            flow = Flow::default();
        }
        let file = if row["amended"] == "-" { &row["file"] } else { &row["amended"] };
        let found = flow.step(&row["from"], &row["to"], &octets(&format!("{FOLDER}/{file}")));
        let known: BTreeSet<_> = row["defects"].split(' ').filter(|defect| *defect != "-").collect();
        if found != known {
            writeln!(failures, "{:5} {:4} {found:?} found, {known:?} known", row["flow"], row["message"])
                .expect("text");
        }
    }
    assert!(failures.is_empty(), "flow, message:\n{failures}");
}

#[test]
fn every_file_belongs_to_a_flow() {
    let rows = table(&format!("{FOLDER}/flows.tsv"));
    assert_eq!(rows.len(), 193);
    let named: BTreeSet<_> =
        rows.iter().flat_map(|row| [row["file"].clone(), row["amended"].clone()]).filter(|file| file != "-").collect();
    let flows: BTreeSet<_> = rows.iter().map(|row| row["flow"].clone()).collect();
    let there: BTreeSet<_> = flows
        .iter()
        .flat_map(|flow| read(&format!("{FOLDER}/{flow}")).into_iter().map(move |file| format!("{flow}/{file}")))
        .collect();
    assert_eq!(named, there);
    for flow in flows {
        let labels: Vec<_> = rows.iter().filter(|row| row["flow"] == flow).map(|row| row["message"].clone()).collect();
        let due: Vec<_> = (1..=labels.len()).map(|number| format!("F{number}")).collect();
        assert_eq!(labels, due, "{flow}");
    }
}

/// What is found at one message of a flow when something in it is replaced.
fn found_in_broken(flow_name: &str, message: &str, replace: &str, with: &str) -> BTreeSet<&'static str> {
    let mut flow = Flow::default();
    for row in table(&format!("{FOLDER}/flows.tsv")).iter().filter(|row| row["flow"] == flow_name) {
        let file = if row["amended"] == "-" { &row["file"] } else { &row["amended"] };
        let data = octets(&format!("{FOLDER}/{file}"));
        if row["message"] == message {
            let text = String::from_utf8(data.to_vec()).expect("UTF-8");
            assert!(text.contains(replace), "{replace} in {flow_name} {message}");
            return flow.step(&row["from"], &row["to"], &text.replace(replace, with).into());
        }
        flow.step(&row["from"], &row["to"], &data);
    }
    panic!("no {message} in {flow_name}");
}

#[test]
fn a_message_that_does_not_follow_is_noticed() {
    for (flow, message, replace, with, defect) in [
        ("3.1", "F2", "branch=z9hG4bK74bf9", "branch=z9hG4bK74bf8", "no-request"),
        ("3.1", "F2", "CSeq: 1 ", "CSeq: 2 ", "no-request"),
        ("3.1", "F2", "tag=9fxced76sl", "tag=9fxced76sm", "from-differs"),
        ("3.1", "F2", "Call-ID: 3", "Call-ID: 4", "from-differs"),
        ("3.1", "F3", "To: Bob <sip:bob@", "To: Bob <sip:rob@", "to-differs"),
        ("3.1", "F3", ";tag=8321234356", "", "to-tag-missing"),
        ("3.1", "F5", "tag=8321234356", "tag=8321234357", "dialog-unknown"),
        ("3.1", "F6", ";received=192.0.2.201", "", "received-missing"),
        ("3.2", "F5", "CSeq: 2 ", "CSeq: 9 ", "nothing-to-forward"),
        ("3.2", "F5", "Max-Forwards: 69", "Max-Forwards: 70", "max-forwards-differs"),
        ("3.2", "F5", "branch=z9hG4bK74bf9", "branch=z9hG4bK74bf8", "via-differs"),
        ("3.2", "F9", "<sip:ss2.biloxi.example.com;lr>,", "", "record-route-differs"),
        ("3.4", "F11", "CSeq: 2 ", "CSeq: 3 ", "number-differs"),
        ("3.4", "F18", "Route: <sip:ss2", "Route: <sip:ss3", "route-differs"),
        ("3.8", "F9", "CSeq: 1 ", "CSeq: 2 ", "no-invite"),
        ("3.8", "F9", "CANCEL sip:bob", "CANCEL sip:rob", "uri-differs"),
    ] {
        let found = found_in_broken(flow, message, replace, with);
        assert!(found.contains(defect), "{flow} {message}, {replace} to {with}: {defect} due, {found:?} found");
    }
}
