//! The malformed INVITEs of the PROTOS suite c07-sip, if they are at hand.
//!
//! They are under the GPL and are not part of this project. The environment variable `PROTOS_C07_SIP` names a folder with `groups.json` and
//! `cases/NNNNNNN`; without it the test says that it skips them. A case is two records, each its length, a space and the bytes; the second one
//! is a teardown. What a tester fills in stands in angle brackets.
//!
//! Each case is read by the parser, and then handed to a live agent: no panic, at most one final answer, nothing kept once its time is over.

use std::path::Path;

use bytes::Bytes;

use crate::live::Live;

/// A group of cases.
struct Group {
    name: String,
    cases: std::ops::Range<usize>,
}

fn groups(folder: &Path) -> Vec<Group> {
    let text = std::fs::read(folder.join("groups.json")).expect("groups.json");
    let json: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    let number = |group: &serde_json::Value, key: &str| group[key].as_u64().expect(key) as usize;
    let groups = json["groups"].as_array().expect("a list").iter().map(|group| {
        let first = number(group, "first");
        Group {
            name: group["group"].as_str().expect("a name").to_owned(),
            cases: first..first + number(group, "cases"),
        }
    });
    groups.collect()
}

/// The datagrams of a case, filled in.
fn datagrams(case: &[u8], number: usize) -> Vec<Bytes> {
    let mut rest = case;
    let mut records = Vec::new();
    while let Some(space) = rest.iter().position(|byte| *byte == b' ') {
        let length = std::str::from_utf8(&rest[..space]).ok().and_then(|text| text.parse::<usize>().ok());
        let Some(length) = length.filter(|length| space + 1 + length <= rest.len()) else { break };
        records.push(rest[space + 1..space + 1 + length].to_vec());
        rest = &rest[space + 1 + length..];
    }
    let body = |record: &[u8]| {
        let end = record.windows(4).position(|four| four == b"\r\n\r\n");
        end.map_or(0, |end| record.len() - end - 4)
    };
    let call_id = format!("{number}.protos");
    let fill = |record: Vec<u8>, sequence: &str| {
        let values = [
            ("<From-Address>", "192.0.2.4"),
            ("<From-IP>", "192.0.2.4"),
            ("<Local-Port>", "5060"),
            ("<Branch-ID>", "x"),
            ("<Call-ID>", call_id.as_str()),
            ("<CSeq>", sequence),
            ("<From>", "tester@192.0.2.4"),
            ("<To>", "us@192.0.2.9"),
            ("<Teardown-Method>", "CANCEL"),
        ];
        let filled =
            values.iter().fold(record, |record, (name, value)| replace(&record, name.as_bytes(), value.as_bytes()));
        let length = body(&filled).to_string();
        Bytes::from(replace(&filled, b"<Content-Length>", length.as_bytes()))
    };
    records.into_iter().map(|record| fill(record, "1")).collect()
}

fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with(from) {
            out.extend_from_slice(to);
            at += from.len();
        } else {
            out.push(text[at]);
            at += 1;
        }
    }
    out
}

#[test]
fn the_cases_of_the_suite_do_no_harm() {
    let Some(folder) = std::env::var_os("PROTOS_C07_SIP") else {
        eprintln!("skipped: PROTOS_C07_SIP names no folder with the suite");
        return;
    };
    let folder = Path::new(&folder);
    let mut live = Live::new();
    let mut total = 0;
    println!("{:28} {:>5} {:>6}  answers", "group", "cases", "read");
    for group in groups(folder) {
        let (mut cases, mut read) = (0, 0);
        let mut answers: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
        for number in group.cases {
            let Ok(case) = std::fs::read(folder.join(format!("cases/{number:07}"))) else { continue };
            let datagrams = datagrams(&case, number);
            cases += 1;
            let Some(invite) = datagrams.first() else { panic!("case {number} has no datagram") };
            let (is_read, answer) = live.judge(invite);
            read += usize::from(is_read);
            *answers.entry(answer.map_or_else(|| "none".to_owned(), |code| code.to_string())).or_default() += 1;
            for teardown in datagrams.into_iter().skip(1) {
                live.take(teardown);
            }
            assert!(live.agent.is_quiescent(), "case {number} has left something behind");
        }
        total += cases;
        println!("{:28} {cases:>5} {read:>6}  {answers:?}", group.name);
    }
    assert!(total > 0, "no case in {}", folder.display());
    println!("{total} cases");
}
