//! `sipsimple-test simulate sessions`: session programs.

use std::process::ExitCode;
use std::time::{Instant, SystemTime};

use clap::Args;

use sipsimple_testsuite::sessions::{Program, Report};

/// The options of `sipsimple-test simulate sessions`.
#[derive(Debug, Args)]
pub(crate) struct Sessions {
    /// The seed of the first program; without it one is drawn.
    #[arg(long)]
    seed: Option<u64>,
    /// How many programs, each with the next seed.
    #[arg(long, default_value_t = 1)]
    runs: u64,
    /// How many steps in each program.
    #[arg(long)]
    steps: Option<usize>,
    /// Over a network without faults.
    #[arg(long)]
    calm: bool,
}

impl Sessions {
    /// Runs them. One that fails is made short and printed, with its ladder; the others are run all the same.
    pub(crate) fn run(&self) -> ExitCode {
        let first = self.seed.unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            u64::from(now.subsec_nanos())
        });
        let begun = Instant::now();
        let (mut all, mut failed) = (Report::default(), 0_u64);
        for seed in first..first.saturating_add(self.runs) {
            let plain = Program::new(seed);
            let program =
                Program { steps: self.steps.unwrap_or(plain.steps), faults: plain.faults && !self.calm, ..plain };
            match program.run() {
                Ok(report) => all.add(&report),
                Err(failure) => {
                    failed += 1;
                    println!("{failure}\n");
                }
            }
        }
        println!(
            "{} programs from seed {first}, {failed} failed; {} sides of sessions, {} established, {} pairs compared in \
             the end; {} messages and {} files arrived; {:.0} s of virtual and {:.1} s of real time",
            self.runs,
            all.sessions,
            all.established,
            all.compared,
            all.arrived.0,
            all.arrived.1,
            all.time.as_secs_f64(),
            begun.elapsed().as_secs_f64(),
        );
        for (name, count) in &all.told {
            println!("{count:>9} {name}");
        }
        if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
