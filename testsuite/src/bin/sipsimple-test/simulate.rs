//! `sipsimple-test simulate`: random programs.

use std::process::ExitCode;
use std::time::{Instant, SystemTime};

use clap::{Args, Subcommand, ValueEnum};

use sipsimple_testsuite::host::Tracing;
use sipsimple_testsuite::media::Mode;
use sipsimple_testsuite::program::{Program, Ways};

use crate::sessions::Sessions;

/// The options of `sipsimple-test simulate`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Simulate {
    #[command(subcommand)]
    other: Option<Other>,
    /// The seed of the first run; without it one is drawn.
    #[arg(long)]
    seed: Option<u64>,
    /// How many runs, each with the next seed.
    #[arg(long, default_value_t = 1)]
    runs: u64,
    /// How many calls in each run.
    #[arg(long, default_value_t = Program::default().calls)]
    calls: usize,
    /// How many hosts.
    #[arg(long, default_value_t = Program::default().hosts, value_parser = hosts)]
    hosts: usize,
    /// How many calls start in a second of virtual time, on average.
    #[arg(long, default_value_t = Program::default().rate, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
    /// Over UDP only.
    #[arg(long, group = "ways")]
    udp: bool,
    /// Over TCP only.
    #[arg(long, group = "ways")]
    tcp: bool,
    /// Over UDP and TCP, IPv4 and IPv6 (the default).
    #[arg(long, group = "ways")]
    mixed: bool,
    /// Over a network without faults.
    #[arg(long)]
    calm: bool,
    /// What runs of the media.
    #[arg(long, value_enum, default_value_t = Media::Off)]
    media: Media,
    /// What becomes of the agents' traces.
    #[arg(long, value_enum, default_value_t = Trace::Replay)]
    trace: Trace,
    /// Print every message and event.
    #[arg(long)]
    show: bool,
}

/// What else can be run than calls.
#[derive(Debug, Subcommand)]
enum Other {
    /// Session programs: whatever users may do with their sessions, against a reference model.
    Sessions(Sessions),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Media {
    /// Nothing: commands are answered.
    Off,
    /// Packet paths without sound: RTCP and DTMF.
    Rtcp,
    /// Audio engines: tones both ways.
    Sound,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Trace {
    /// They are kept, and replayed at the end.
    Replay,
    /// They are hashed.
    Digest,
    /// There are none.
    Off,
}

fn hosts(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(hosts @ 1..) => Ok(hosts),
        Ok(0) | Err(_) => Err("at least one host is needed".to_owned()),
    }
}

impl Simulate {
    /// Runs it. A run that fails panics and prints the command that runs it again.
    pub(crate) fn run(&self) -> ExitCode {
        if let Some(Other::Sessions(sessions)) = &self.other {
            return sessions.run();
        }
        let first = self.seed.unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            u64::from(now.subsec_nanos())
        });
        for seed in first..first.saturating_add(self.runs) {
            let program = self.program(seed);
            let begun = Instant::now();
            let report = program.run();
            let (real, time) = (begun.elapsed().as_secs_f64(), report.time.as_secs_f64());
            let calls = f64::from(u32::try_from(report.calls).unwrap_or(u32::MAX));
            println!(
                "seed {seed}: {} calls, {} established, {} failed, {} intents refused; {} steps in {time:.0} s of \
                 virtual and {real:.2} s of real time: {:.2} and {:.0} calls a second; traces {:016x}",
                report.calls,
                report.established,
                report.failed,
                report.refused,
                report.steps,
                calls / time,
                calls / real,
                report.digest,
            );
        }
        ExitCode::SUCCESS
    }

    fn program(&self, seed: u64) -> Program {
        Program {
            seed,
            hosts: self.hosts,
            calls: self.calls,
            rate: self.rate,
            ways: match (self.udp, self.tcp) {
                (true, _) => Ways::Udp,
                (_, true) => Ways::Tcp,
                (false, false) => Ways::Mixed,
            },
            faults: !self.calm,
            media: match self.media {
                Media::Off => Mode::Answered,
                Media::Rtcp => Mode::Paths,
                Media::Sound => Mode::Sound { hertz: 440.0, keep: 0 },
            },
            tracing: match self.trace {
                Trace::Replay => Tracing::Keep,
                Trace::Digest => Tracing::Digest,
                Trace::Off => Tracing::Off,
            },
            show: self.show,
        }
    }
}
