//! Session programs from fixed seeds, and some from seeds that are drawn anew each time. `SIPSIMPLE_PROGRAMS` runs so many instead of the former, and
//! `SIPSIMPLE_SEED` begins with another.

use std::time::SystemTime;

use sipsimple_testsuite::sessions::{Program, Report};

/// How many are run where nothing else is said.
const PROGRAMS: u64 = 300;
/// How many are drawn.
const DRAWN: u64 = 30;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn whatever_users_do_with_their_sessions_both_sides_agree() {
    let (first, count) = (number("SIPSIMPLE_SEED", 0), number("SIPSIMPLE_PROGRAMS", PROGRAMS));
    let drawn = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |now| now.as_secs());
    let mut all = Report::default();
    for seed in (first..first + count).chain(drawn..drawn + DRAWN) {
        match Program::new(seed).run() {
            Ok(report) => all.add(&report),
            Err(failure) => panic!("{failure}"),
        }
    }
    println!("{all:?}");
}

/// How many programs are run again and again.
const AGAIN: u64 = 3;

#[test]
fn however_connections_are_cut_everybody_is_told_the_same() {
    // GEN-3.
    for seed in 0..AGAIN {
        let program = Program::new(seed);
        let whole = program.told(0, None);
        assert!(whole.len() > 50, "seed {seed}");
        for cut in [1, 500] {
            assert_eq!(program.told(cut, None), whole, "seed {seed}: pieces of {cut} bytes");
        }
    }
}

#[test]
fn what_arrives_twice_is_told_once() {
    // GEN-6.
    for seed in 0..AGAIN {
        let program = Program::new(seed);
        let once = program.told(0, None);
        for twice in (seed..60).step_by(17) {
            assert_eq!(program.told(0, Some(twice)), once, "seed {seed}: datagram {twice}");
        }
    }
}
