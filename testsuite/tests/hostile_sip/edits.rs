//! The edits of `vectors/hostile/sip/edits.tsv`.

use std::collections::BTreeSet;
use std::fmt::Write;

use bytes::Bytes;
use sipsimple_core::limits::Limits;

use crate::verdicts::judge::judge;
use crate::verdicts::table::{Case, octets, read, table, unescape};

#[test]
fn every_edit_has_its_outcome() {
    let (mut failures, mut failed) = (String::new(), BTreeSet::new());
    for row in table("hostile/sip/edits.tsv") {
        let base = octets(&format!("hostile/sip/{}.sip", row["base"]));
        let (replaced, _) = unescape(&row["replace"]);
        let places: Vec<_> = (0..base.len()).filter(|&at| base[at..].starts_with(&replaced)).collect();
        let [place] = places[..] else {
            panic!("{} {}: what is replaced stands there once: {places:?}", row["class"], row["name"])
        };
        let (put, marks) = unescape(if row["with"] == "-" { "" } else { &row["with"] });
        let data: Bytes = [&base[..place], &put, &base[place + replaced.len()..]].concat().into();
        let mut at: Vec<_> = marks.iter().map(|mark| place + mark).collect();
        if at.is_empty() && row["verdict"] != "accept" {
            at.extend(data.windows(4).position(|four| four == b"\r\n\r\n").map(|end| end + 2));
        }
        let case = Case::of(&row, row["base"].as_str().into(), at);
        for complaint in judge(&case, &data, &Limits::default()) {
            let due = format!("{} {}", row["layer"], row["verdict"]);
            writeln!(failures, "{:4} {:40} {due:14} {complaint}", row["class"], row["name"]).expect("text");
            failed.insert(row["name"].clone());
        }
    }
    assert_eq!(failed, BTreeSet::new(), "class, case, due, found:\n{failures}");
}

#[test]
fn nothing_else_lies_in_the_folder() {
    assert_eq!(read("hostile/sip"), ["edits.tsv", "request.sip", "response.sip"]);
}
