//! Simulation and conformance tests on the command line.

mod sessions;
mod simulate;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Simulation and conformance tests of the SIP SIMPLE client.
#[derive(Debug, Parser)]
#[command(name = "sipsimple-test", version)]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run random programs of many users in virtual time.
    Simulate(simulate::Simulate),
}

fn main() -> ExitCode {
    match Options::parse().command {
        Command::Simulate(simulate) => simulate.run(),
    }
}
