//! Crowds over good and bad networks, from fixed seeds and one that is drawn anew. `SIPSIMPLE_SEED` runs another, and with
//! `SIPSIMPLE_SHOW` every message and event is printed.

use std::time::{Duration, SystemTime};

use sipsimple_testsuite::crowd::{Count, Crowd};

fn run(seed: u64, faults: bool) -> Count {
    let show = std::env::var_os("SIPSIMPLE_SHOW").is_some();
    Crowd { seed, members: 3, time: Duration::from_secs(500), faults, show }.run()
}

#[test]
fn whatever_a_crowd_does_the_properties_hold_and_nothing_is_left() {
    let given = std::env::var("SIPSIMPLE_SEED").ok().and_then(|seed| seed.parse().ok());
    let drawn =
        || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |now| u64::from(now.subsec_nanos()));
    let seeds = given.map_or_else(|| (0..2).chain([drawn()]).collect(), |seed| vec![seed]);
    let mut all = Count::new();
    for seed in seeds {
        println!("seed {seed}");
        for faults in [false, true] {
            for (name, count) in run(seed, faults) {
                *all.entry(name).or_default() += count;
            }
        }
    }
    // They have not been idle.
    for name in [
        "SIPSessionDidStart",
        "SIPSessionTransferNewIncoming",
        "SIPSessionTransferDidEnd",
        "SIPAccountRegistrationDidSucceed",
        "SIPSubscriptionGotNotify",
        "SIPPublicationDidSucceed",
    ] {
        assert!(given.is_some() || all.get(name).is_some_and(|count| *count > 3), "{name}: {all:?}");
    }
}
