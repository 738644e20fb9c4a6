//! Session programs from fixed seeds. `SIPSIMPLE_PROGRAMS` runs so many instead, and `SIPSIMPLE_SEED` begins with another.

use sipsimple_testsuite::sessions::{Program, Report};

/// How many are run where nothing else is said.
const PROGRAMS: u64 = 300;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn whatever_users_do_with_their_sessions_both_sides_agree() {
    let (first, count) = (number("SIPSIMPLE_SEED", 0), number("SIPSIMPLE_PROGRAMS", PROGRAMS));
    let mut all = Report::default();
    for seed in first..first + count {
        match Program::new(seed).run() {
            Ok(report) => all.add(&report),
            Err(failure) => panic!("{failure}"),
        }
    }
    println!("{all:?}");
}
