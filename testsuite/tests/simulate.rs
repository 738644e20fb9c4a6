//! Random programs, from fixed seeds and from one that is drawn anew each time.

use std::time::SystemTime;

use sipsimple_testsuite::program::Program;

#[test]
fn random_programs() {
    let drawn = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |now| now.as_secs());
    for seed in [0, 1, 2, drawn] {
        println!("seed {seed}");
        let report = Program { seed, calls: 30, hosts: 4, ..Program::default() }.run();
        println!("{report:?}");
    }
}
