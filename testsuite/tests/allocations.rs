//! How often each piece of work allocates: the same number in every run, in every profile.

use sipsimple_testsuite::cost::Work;

/// Rounds after which buffers have their size, and tables are warm.
const WARM_UP: usize = 3;

/// Works that do not keep to their bar yet, with the number that they may not pass: it only falls.
const OVER: &[(&str, u64)] = &[("build_200", 9), ("call", 342)];

#[test]
fn nothing_allocates_more_often_than_its_bar_allows() {
    let mut failures = Vec::new();
    let mut held = 0;
    for work in Work::all() {
        let Some(target) = work.target else { continue };
        let over = OVER.iter().find(|(name, _)| *name == work.name).map(|(_, most)| *most);
        let mut round = (work.prepare)();
        for _ in 0..WARM_UP {
            round();
        }
        let counted = allocation_counter::measure(&mut round).count_total;
        // To the nearest: what a stream allocates for a report every few seconds is not its packets'.
        let each = (counted + work.units / 2) / work.units;
        held += 1;
        match over {
            None if each > target.allocations => {
                failures.push(format!("{}: {each} of {}", work.name, target.allocations));
            }
            Some(most) if each > most => failures.push(format!("{}: {each} where it was {most}", work.name)),
            Some(_) if each <= target.allocations => failures.push(format!("{} keeps to its bar now", work.name)),
            None | Some(_) => {}
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
    assert!(held > 5, "only {held} works have a bar");
}
