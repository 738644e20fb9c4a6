//! The torture messages of RFC 4475 and RFC 5118 against the verdicts of `vectors/torture/verdicts.tsv`.

mod live;
#[path = "../verdicts/mod.rs"]
mod verdicts;

use std::collections::BTreeSet;
use std::fmt::Write;

use sipsimple_core::limits::Limits;

use verdicts::judge::judge;
use verdicts::table::{Case, octets, read, table};

const FOLDERS: [&str; 3] = ["rfc4475", "rfc5118", "amended"];

#[test]
fn every_message_is_read_as_the_rfc_says() {
    let (mut failures, mut failed) = (String::new(), BTreeSet::new());
    for row in table("torture/verdicts.tsv") {
        let at =
            row["byte"].split('|').filter(|byte| *byte != "-").map(|byte| byte.parse().expect("an offset")).collect();
        let case = Case::of(&row, row["kind"].as_str().into(), at);
        for complaint in judge(&case, &octets(&format!("torture/{}", row["file"])), &Limits::default()) {
            let due = format!("{} {}", row["layer"], row["verdict"]);
            writeln!(failures, "{:45} {:15} {due:14} {complaint}", row["file"], row["section"]).expect("text");
            failed.insert(row["file"].clone());
        }
    }
    assert_eq!(failed, BTreeSet::new(), "message, section, due, found:\n{failures}");
}

#[test]
fn every_message_has_one_verdict() {
    let rows = table("torture/verdicts.tsv");
    let judged: BTreeSet<_> = rows.iter().map(|row| row["file"].clone()).collect();
    assert_eq!(judged.len(), rows.len(), "a message is judged twice");
    let there: BTreeSet<_> = FOLDERS
        .iter()
        .flat_map(|folder| read(&format!("torture/{folder}")).into_iter().map(move |name| format!("{folder}/{name}")))
        .collect();
    assert_eq!(judged, there);
    let of = |folder: &str| there.iter().filter(|name| name.starts_with(folder)).count();
    // The 49 messages that RFC 4475 describes and the one that its archive holds besides; the 12 of RFC 5118.
    assert_eq!([of("rfc4475/"), of("rfc5118/"), of("amended/")], [50, 12, 13]);
}
