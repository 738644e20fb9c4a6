//! Where each property of calls, their sessions and MSRP is asserted. A test keeps it true: what is listed is there, and what is there is listed.
//!
//! Most are watched in every world; some want two runs to be compared, or a model of all that users do, or the inside of the core. Where
//! only a part can be seen from outside, the watcher says which.
//!
//! | property | asserted by |
//! |---|---|
//! | CAN-1 | testsuite/src/property/cancel.rs |
//! | CAN-2 | testsuite/src/property/cancel.rs |
//! | CAN-3 | testsuite/src/property/cancel.rs |
//! | CAN-4 | testsuite/src/property/forks.rs |
//! | CAN-5 | testsuite/src/property/cancel.rs |
//! | DLG-1 | testsuite/src/property/dialog.rs |
//! | DLG-2 | testsuite/src/property/dialog.rs |
//! | DLG-3 | testsuite/src/property/dialog.rs |
//! | DLG-4 | testsuite/src/property/dialog.rs |
//! | DLG-5 | testsuite/src/property/dialog.rs |
//! | DLG-6 | testsuite/src/property/dialog.rs |
//! | DLG-7 | testsuite/src/property/invite_client.rs |
//! | DLG-8 | testsuite/src/property/forks.rs |
//! | DLG-9 | testsuite/src/property/forks.rs |
//! | DLG-10 | testsuite/src/property/reinvites.rs |
//! | DLG-11 | testsuite/src/property/reinvites.rs |
//! | DLG-12 | testsuite/src/property/usages.rs |
//! | DLG-13 | testsuite/src/property/dialog.rs |
//! | DLG-14 | testsuite/src/property/dialog.rs |
//! | DLG-15 | testsuite/src/property/usages.rs |
//! | DLG-16 | testsuite/src/property/usages.rs |
//! | GEN-1 | testsuite/tests/hostile_sip/main.rs |
//! | GEN-2 | testsuite/src/world/closing.rs |
//! | GEN-3 | testsuite/tests/sessions/main.rs |
//! | GEN-4 | testsuite/src/property/matching.rs |
//! | GEN-5 | testsuite/src/world/closing.rs |
//! | GEN-6 | testsuite/tests/sessions/main.rs |
//! | GEN-7 | testsuite/src/property/lifecycle.rs |
//! | MSR-1 | testsuite/src/property/mod.rs |
//! | MSR-2 | testsuite/src/property/msrp_frames.rs |
//! | MSR-3 | testsuite/src/property/msrp_frames.rs |
//! | MSR-4 | testsuite/src/property/msrp_messages.rs |
//! | MSR-5 | testsuite/src/property/msrp_messages.rs |
//! | MSR-6 | testsuite/src/property/msrp_frames.rs |
//! | MSR-7 | testsuite/src/property/msrp_messages.rs |
//! | MSR-8 | testsuite/src/property/msrp_frames.rs |
//! | MSR-9 | testsuite/src/property/msrp_frames.rs |
//! | MSR-10 | testsuite/src/property/msrp_frames.rs |
//! | MSR-11 | testsuite/src/property/msrp_frames.rs |
//! | MSR-12 | core/src/msrp/tests/hostile.rs |
//! | MSR-13 | testsuite/src/property/msrp_frames.rs |
//! | MSR-14 | testsuite/src/property/msrp_messages.rs |
//! | MSR-15 | testsuite/src/property/msrp_lines.rs |
//! | MSR-16 | testsuite/src/property/msrp_messages.rs |
//! | MSR-17 | testsuite/src/property/msrp_lines.rs |
//! | OA-1 | testsuite/src/property/reinvites.rs |
//! | OA-2 | testsuite/src/property/offer_answer.rs |
//! | OA-3 | testsuite/src/property/offer_answer.rs |
//! | OA-4 | testsuite/src/property/offer_answer.rs |
//! | OA-5 | testsuite/src/property/offer_answer.rs |
//! | OA-6 | testsuite/src/property/offer_answer.rs |
//! | OA-7 | testsuite/src/property/offer_answer.rs |
//! | OA-8 | testsuite/src/property/offer_answer.rs |
//! | OA-9 | testsuite/tests/scripted/offer_answer.rs |
//! | OA-10 | testsuite/src/property/offer_answer.rs |
//! | OA-11 | testsuite/src/property/offer_answer.rs |
//! | OA-12 | testsuite/src/property/msrp_lines.rs |
//! | OA-13 | testsuite/src/property/msrp_lines.rs |
//! | OA-14 | testsuite/src/sessions/views.rs |
//! | SES-1 | testsuite/src/sessions/reference.rs |
//! | SES-2 | testsuite/src/sessions/reference.rs |
//! | SES-3 | testsuite/src/sessions/mod.rs |
//! | SES-4 | testsuite/src/sessions/reference.rs |
//! | SES-5 | testsuite/src/sessions/traffic.rs |
//! | SES-6 | testsuite/src/sessions/traffic.rs |
//! | SES-7 | testsuite/src/sessions/traffic.rs |

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::Path;

    const AREAS: [(&str, u32); 6] = [("CAN", 5), ("DLG", 16), ("GEN", 7), ("MSR", 17), ("OA", 14), ("SES", 7)];

    /// All properties that a text names.
    fn named(text: &str) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for word in text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-') {
            let Some((area, number)) = word.split_once('-') else { continue };
            if AREAS.iter().any(|(known, _)| *known == area) && number.parse::<u32>().is_ok() {
                names.insert(word.to_owned());
            }
        }
        names
    }

    fn table() -> BTreeMap<String, String> {
        let row = |line: &str| {
            let (name, file) = line.strip_prefix("//! | ")?.strip_suffix(" |")?.split_once(" | ")?;
            (!named(name).is_empty()).then(|| (name.to_owned(), file.to_owned()))
        };
        include_str!("table.rs").lines().filter_map(row).collect()
    }

    #[test]
    fn every_property_is_asserted_where_the_table_says() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let table = table();
        let all = AREAS.iter().flat_map(|(area, count)| (1..=*count).map(move |number| format!("{area}-{number}")));
        assert_eq!(table.keys().cloned().collect::<BTreeSet<_>>(), all.collect());
        for (name, file) in &table {
            let text =
                std::fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{name}: {file}: {error}"));
            assert!(named(&text).contains(name), "{file} does not name {name}");
            // A watcher says the name when the property is broken, and not only in what is said of it.
            let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            let watches = file.starts_with("testsuite/src/") && !file.ends_with("/table.rs");
            assert!(!watches || named(&code).contains(name), "{file} does not assert {name}");
        }
    }

    #[test]
    fn whatever_is_asserted_is_in_the_table() {
        let (table, folder) = (table(), Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
        let mut seen = 0;
        for area in ["property", "sessions", "world"] {
            for file in std::fs::read_dir(folder.join(area)).unwrap() {
                let path = file.unwrap().path();
                if path.extension().is_some_and(|end| end == "rs") {
                    for name in named(&std::fs::read_to_string(&path).unwrap()) {
                        assert!(table.contains_key(&name), "{}: {name}", path.display());
                        seen += 1;
                    }
                }
            }
        }
        assert!(seen >= table.len());
    }
}
