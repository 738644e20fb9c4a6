//! `sipsimple replay`: runs a recorded trace again and compares.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, json};
use sipsimple_core::time::Instant;
use sipsimple_core::trace::{Replayed, replay};
use sipsimple_drivers::TraceFile;

use crate::failure::Failure;
use crate::output::Output;

/// Options of `sipsimple replay`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// A trace that was written with --trace
    #[arg(value_name = "TRACE")]
    file: PathBuf,
}

/// Replays the trace; a failure says where it differs first.
pub(crate) fn run(options: &Options, trace: Option<&Path>, out: Output) -> Result<(), Failure> {
    let file = options.file.display();
    let text =
        std::fs::read_to_string(&options.file).map_err(|error| Failure::new(format!("cannot read {file}: {error}")))?;
    let Replayed { inputs, intents, effects, events } =
        replay(text.lines()).map_err(|error| Failure::new(format!("{file} does not replay: {error}")))?;
    if let Some(copy) = trace {
        // The agent that was run again would have written the same trace.
        write(copy, &text).map_err(|error| Failure::new(format!("cannot write {}: {error}", copy.display())))?;
    }
    out.line(format_args!(
        "{file} replays: {inputs} inputs and {intents} intents made the same {effects} effects and {events} events, byte for byte"
    ));
    let mut data = Map::new();
    data.insert("inputs".into(), json!(inputs));
    data.insert("intents".into(), json!(intents));
    data.insert("effects".into(), json!(effects));
    data.insert("events".into(), json!(events));
    out.object(Instant::ZERO, "TraceDidReplay", data);
    Ok(())
}

fn write(path: &Path, trace: &str) -> std::io::Result<()> {
    let mut file = TraceFile::create(path)?;
    trace.lines().try_for_each(|line| file.line(line))?;
    file.flush()
}
