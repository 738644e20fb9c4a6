//! Random programs, from fixed seeds and from a few that are drawn anew each time.

use sipsimple_testsuite::program::Program;

#[test]
fn random_programs() {
    for seed in 0..3 {
        let report = Program { seed, calls: 30, hosts: 4, ..Program::default() }.run();
        println!("{report:?}");
    }
}
