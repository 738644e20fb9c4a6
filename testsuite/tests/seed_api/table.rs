//! The rows, and which of them have been read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::path::PathBuf;
use std::process::Command;

/// A row of the seeds' API.
#[derive(Debug)]
struct Row {
    class: String,
    kind: String,
    name: String,
    /// What the notification tells.
    fields: BTreeSet<String>,
    /// What of that has been seen.
    seen: BTreeSet<String>,
    /// Whether it has been read, or heard.
    is_read: bool,
}

/// Fields that have another name here, in the notifications whose names begin so.
const ALIASES: [(&str, &str, &str); 13] = [
    ("SIPAccountManagerDidAddAccount", "account", "id"),
    ("SIPAccountManagerDidRemoveAccount", "account", "id"),
    ("SIPAccountManagerDidChangeDefaultAccount", "account", "new"),
    ("SIPAccountManagerDidChangeDefaultAccount", "old_account", "old"),
    ("SIPAccountRegistration", "contact_header", "contact"),
    ("SIPAccountRegistration", "contact_header_list", "contacts"),
    // There is one registration of an account, which names it.
    ("SIPAccountRegistration", "registration", "account"),
    ("SCSession", "file_name", "filename"),
    ("SCSession", "proposer", "originator"),
    ("SIPApplicationFailedToStartTLS", "error", "cause"),
    // A message is told as what was read in it.
    ("SCSessionGotMessage", "cpim_headers", "additional_headers"),
    ("SCSessionDidDeliverMessage", "message", "chunk"),
    ("SCSessionDidNotDeliverMessage", "message", "chunk"),
];

/// All rows.
pub(crate) struct Table {
    rows: BTreeMap<String, Row>,
    pending: BTreeSet<String>,
}

fn lines(path: &str) -> Vec<Vec<String>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().skip(1).map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

/// The rows that were pending in the commit before this one. Sources without a history have none.
fn pending_before() -> Option<BTreeSet<String>> {
    let show = ["show", "HEAD^:./tests/seed_api/pending.tsv"];
    let output = Command::new("git").args(show).current_dir(env!("CARGO_MANIFEST_DIR")).output().ok()?;
    let text = String::from_utf8(output.stdout).ok().filter(|_| output.status.success());
    if text.is_none() {
        println!("There is no commit before this one: whether rows are pending again is not checked.");
    }
    Some(text?.lines().skip(1).filter_map(|line| Some(line.split_once('\t')?.1.to_owned())).collect())
}

fn names(fields: &str) -> BTreeSet<String> {
    fields.split(", ").filter(|field| !field.is_empty()).map(str::to_owned).collect()
}

impl Table {
    pub(crate) fn load() -> Self {
        let mut rows = BTreeMap::new();
        for line in lines("../vectors/seeds/seed-api.tsv") {
            let [seed, class, kind, name, fields] = line.try_into().expect("five columns");
            let key = format!("{seed} {class}.{name}");
            let fields = if kind == "notifications" { names(&fields) } else { BTreeSet::new() };
            let row = Row { class, kind, name, fields, seen: BTreeSet::new(), is_read: false };
            assert!(rows.insert(key.clone(), row).is_none(), "{key} stands twice");
        }
        let pending = lines("tests/seed_api/pending.tsv").into_iter().map(|line| {
            let [step, key] = line.try_into().expect("two columns");
            assert!((2..=9).contains(&step.parse::<u8>().expect("a step")), "{key}");
            assert!(rows.contains_key(&key), "{key} is pending and no row");
            key
        });
        let pending = pending.collect();
        Self { rows, pending }
    }

    /// The item of this row was read, and has this value.
    #[track_caller]
    pub(crate) fn is<T: PartialEq + Debug>(&mut self, key: &str, actual: T, expected: T) {
        assert_eq!(actual, expected, "{key}");
        let row = self.rows.get_mut(key).unwrap_or_else(|| panic!("{key} is no row"));
        assert_ne!(row.kind, "notifications", "{key} is heard, not read");
        row.is_read = true;
    }

    /// The item of this row was used, and did what it is for.
    #[track_caller]
    pub(crate) fn does(&mut self, key: &str, what_it_is_for: bool) {
        self.is(key, what_it_is_for, true);
    }

    /// Notifications came under these names.
    pub(crate) fn heard(&mut self, names: &[&str], event: &impl Debug) {
        self.heard_from(None, names, event);
    }

    /// Notifications of an object of this class came under these names.
    pub(crate) fn heard_of(&mut self, class: &str, names: &[&str], event: &impl Debug) {
        self.heard_from(Some(class), names, event);
    }

    fn heard_from(&mut self, class: Option<&str>, names: &[&str], event: &impl Debug) {
        if names.is_empty() {
            return;
        }
        let told = told(&format!("{event:?}"));
        for row in self.rows.values_mut().filter(|row| row.kind == "notifications") {
            if !names.contains(&row.name.as_str()) || class.is_some_and(|class| row.class != class) {
                continue;
            }
            row.is_read = true;
            for field in &row.fields {
                let alias = ALIASES.iter().find(|(name, theirs, _)| row.name.starts_with(name) && field == theirs);
                let ours = alias.map_or(field.as_str(), |(_, _, ours)| ours);
                if told.contains(ours) {
                    row.seen.insert(field.clone());
                }
            }
        }
    }

    /// What is wrong: rows neither read nor pending, pending rows that are there, and rows that the commit before did not list as pending.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (key, row) in &self.rows {
            let missing: Vec<_> = row.fields.difference(&row.seen).map(String::as_str).collect();
            let is_there = row.is_read && missing.is_empty();
            match (is_there, self.pending.contains(key)) {
                (true, true) => faults.push(format!("there, and pending\t{key}")),
                (false, false) if row.is_read => faults.push(format!("without {}\t{key}", missing.join(", "))),
                (false, false) => faults.push(format!("missing\t{key}")),
                (true, false) | (false, true) => {}
            }
        }
        if let Some(before) = pending_before() {
            faults.extend(self.pending.difference(&before).map(|key| format!("pending again\t{key}")));
        }
        faults
    }
}

/// The names of the fields that a value shows in its `Debug`, those aside that are `None`.
fn told(shown: &str) -> BTreeSet<String> {
    let mut told = BTreeSet::new();
    let mut name = String::new();
    let mut rest = shown.chars();
    while let Some(character) = rest.next() {
        match character {
            // What a text says is no field.
            '"' => {
                name.clear();
                while let Some(quoted) = rest.next() {
                    match quoted {
                        '\\' => drop(rest.next()),
                        '"' => break,
                        _ => {}
                    }
                }
            }
            ':' if !name.is_empty() && rest.as_str().starts_with(' ') => {
                let name = std::mem::take(&mut name);
                if !rest.as_str().starts_with(" None") {
                    told.insert(name);
                }
            }
            'a'..='z' | '_' | '0'..='9' => name.push(character),
            _ => name.clear(),
        }
    }
    told
}

#[test]
fn fields_are_found_in_what_is_shown() {
    #[derive(Debug)]
    #[expect(dead_code, reason = "they are shown")]
    struct Event {
        file_name: &'static str,
        code: u16,
        reason: Option<u8>,
        inner: Option<(u8, Inner)>,
    }
    #[derive(Debug)]
    #[expect(dead_code, reason = "it is shown")]
    struct Inner {
        streams: Vec<u8>,
    }
    let event =
        Event { file_name: "a\": b: 1", code: 200, reason: None, inner: Some((1, Inner { streams: Vec::new() })) };
    let names: Vec<_> = told(&format!("{event:?}")).into_iter().collect();
    assert_eq!(names, ["code", "file_name", "inner", "streams"]);
}
