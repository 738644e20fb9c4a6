//! How long each piece of work takes, and what it allocates, in rounds of [`Work::units`] units. Compare times within one run only.
//!
//! `cargo bench -p sipsimple-testsuite --bench time`

use divan::{AllocProfiler, Bencher, counter::ItemsCount};

use sipsimple_testsuite::cost::Work;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// One round.
#[divan::bench(args = Work::all())]
fn round(bencher: Bencher<'_, '_>, work: &Work) {
    let mut round = (work.prepare)();
    round();
    bencher.counter(ItemsCount::new(work.units)).bench_local(round);
}
