//! `sipsimple devices`: the sound cards of this machine.

use clap::Args;

use crate::failure::Failure;
use crate::output::Output;

/// Options of `sipsimple devices`.
#[derive(Debug, Args)]
pub(crate) struct Options {}

/// Prints a line for each: `input` or `output`, and its name.
#[cfg(feature = "device")]
pub(crate) fn run(_options: &Options, out: Output) -> Result<(), Failure> {
    use serde_json::{Map, json};
    use sipsimple_audio::device::DeviceNames;
    use sipsimple_core::time::Instant;

    let DeviceNames { input, output } = DeviceNames::list();
    for (direction, names) in [("input", input), ("output", output)] {
        for name in names {
            out.line(format_args!("{direction:7}{}", crate::words::printable(&name)));
            let data = Map::from_iter([("direction".to_owned(), json!(direction)), ("device".to_owned(), json!(name))]);
            out.object(Instant::ZERO, "AudioDevice", data);
        }
    }
    Ok(())
}

/// No sound card is built in.
#[cfg(not(feature = "device"))]
pub(crate) fn run(_options: &Options, _out: Output) -> Result<(), Failure> {
    Err(Failure::new("this program was built without sound cards: build it with --features device"))
}
