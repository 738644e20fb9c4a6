//! The documents of RFCs against the verdicts of `vectors/payload/verdicts.tsv`: what reads them, and where the RFC's own defects lie.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Debug, Write};
use std::path::{Path, PathBuf};

use sipsimple_core::limits::Limits;
use sipsimple_core::payload::composing::IsComposing;
use sipsimple_core::payload::conference::ConferenceInfo;
use sipsimple_core::payload::dialog_info::DialogInfo;
use sipsimple_core::payload::imdn::Imdn;
use sipsimple_core::payload::policy::Ruleset;
use sipsimple_core::payload::presence::Presence;
use sipsimple_core::payload::reginfo::RegInfo;
use sipsimple_core::payload::resource_lists::{ResourceLists, RlsServices};
use sipsimple_core::payload::rlmi::List;
use sipsimple_core::payload::watcherinfo::WatcherInfo;
use sipsimple_core::payload::xcap::{XcapDiff, XcapError};
use sipsimple_core::payload::{Error, xml::Element};

/// Reads a document, writes it and reads it again.
type Trip = fn(&[u8], &Limits) -> Result<bool, Error>;

macro_rules! trips {
    ($($root:literal $kind:ty;)*) => {
        [$(($root, (|bytes, limits| {
            let first = <$kind>::parse(bytes, limits)?;
            Ok(<$kind>::parse(first.write().as_bytes(), limits)? == first)
        }) as Trip),)*]
    };
}

/// What reads the documents with a root of this name.
fn readers() -> BTreeMap<&'static str, Trip> {
    BTreeMap::from(trips! {
        "isComposing" IsComposing;
        "conference-info" ConferenceInfo;
        "dialog-info" DialogInfo;
        "imdn" Imdn;
        "ruleset" Ruleset;
        "presence" Presence;
        "reginfo" RegInfo;
        "resource-lists" ResourceLists;
        "rls-services" RlsServices;
        "list" List;
        "watcherinfo" WatcherInfo;
        "xcap-diff" XcapDiff;
        "xcap-error" XcapError;
    })
}

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors/payload")
}

fn read(path: impl AsRef<Path> + Debug) -> Vec<u8> {
    std::fs::read(vectors().join(&path)).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

/// File, root, verdict, byte.
fn verdicts() -> Vec<[String; 4]> {
    let table = String::from_utf8(read("verdicts.tsv")).expect("a table is UTF-8");
    let rows = table.lines().skip(1).map(|line| {
        let cells: Vec<_> = line.split('\t').map(str::to_owned).collect();
        let [file, root, verdict, byte, _] = cells.try_into().unwrap_or_else(|_| panic!("five columns: {line}"));
        [file, root, verdict, byte]
    });
    rows.collect()
}

fn told<T>(result: &Result<T, Error>) -> [String; 2] {
    match result {
        Ok(_) => ["accept".to_owned(), "-".to_owned()],
        Err(Error { at, fault, .. }) => [fault.to_string(), at.to_string()],
    }
}

#[test]
fn every_document_is_read_as_its_verdict_says() {
    let (readers, limits) = (readers(), Limits::default());
    let mut failures = String::new();
    for [file, root, verdict, byte] in verdicts() {
        let found = readers[root.as_str()](&read(&file), &limits);
        if told(&found) != [verdict.clone(), byte.clone()] {
            writeln!(failures, "{file}\t{root}\tdue: {verdict}, {byte}\tfound: {}", told(&found).join(", "))
                .expect("text");
        }
        assert_ne!(found, Ok(false), "{file} is not the same when it was written");
    }
    assert_eq!(failures, "");
}

#[test]
fn every_document_has_one_verdict() {
    let judged: Vec<_> = verdicts().into_iter().map(|[file, ..]| file).collect();
    let folders = std::fs::read_dir(vectors()).expect("a folder").map(|entry| entry.expect("an entry").path());
    let there: BTreeSet<_> = folders
        .filter(|path| path.is_dir())
        .flat_map(|folder| std::fs::read_dir(folder).expect("a folder"))
        .map(|file| file.expect("a file").path().strip_prefix(vectors()).expect("within").display().to_string())
        .collect();
    assert_eq!(judged.len(), there.len(), "each document once");
    assert_eq!(judged.into_iter().collect::<BTreeSet<_>>(), there);
}

#[test]
fn every_document_survives_as_a_tree() {
    let limits = Limits::default();
    for [file, ..] in verdicts() {
        if let Ok(tree) = Element::parse(&read(&file), &limits) {
            assert_eq!(Element::parse(tree.write().as_bytes(), &limits), Ok(tree), "{file}");
        }
    }
}

/// Each document with a piece cut out, doubled, or with a byte changed: an error or a document, and in linear time.
#[test]
fn damaged_documents_do_no_harm() {
    let (readers, limits) = (readers(), Limits::default());
    let mut read_well = 0;
    for (seed, [file, root, ..]) in verdicts().into_iter().enumerate() {
        let bytes = read(&file);
        let mut state = seed as u64 + 1;
        let mut draw = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below.max(1)
        };
        for _ in 0..100 {
            let (a, b) = (draw(bytes.len()), draw(bytes.len()));
            let (a, b) = (a.min(b), a.max(b));
            let damaged = match draw(3) {
                0 => [&bytes[..a], &bytes[b..]].concat(),
                1 => [&bytes[..b], &bytes[a..]].concat(),
                _ => [&bytes[..a], &[b"<>&\"'\0\xff/= "[draw(10)]], &bytes[a + 1..]].concat(),
            };
            match readers[root.as_str()](&damaged, &limits) {
                Ok(same) => {
                    assert!(same, "{file} {a} {b}");
                    read_well += 1;
                }
                Err(error) => assert!(error.at <= damaged.len(), "{file}: {error}"),
            }
        }
    }
    assert!(read_well > 0);
}
