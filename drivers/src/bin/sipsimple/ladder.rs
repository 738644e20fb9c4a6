//! `sipsimple ladder`: draws the SIP messages of a recorded trace.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, json};
use sipsimple_core::trace::{Messages, Reader, mask};
use sipsimple_core::transport::Transport;

use crate::diagram::{self, Arrow};
use crate::failure::Failure;
use crate::output::Output;
use crate::{output, words};

/// Options of `sipsimple ladder`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// A trace that was written with --trace
    #[arg(value_name = "TRACE")]
    file: PathBuf,
}

/// What the agent of the trace is called in the diagram.
const AGENT: &str = "agent";

/// Draws the diagram, and prints the messages after it. A trace that ends in the middle is drawn as far as it goes.
pub(crate) fn run(options: &Options, trace: Option<&Path>, out: Output) -> Result<(), Failure> {
    if trace.is_some() {
        eprintln!("sipsimple: no agent runs when a trace is drawn, so --trace writes nothing");
    }
    let mut arrows = Vec::new();
    let read = read(&options.file, AGENT, |peer| peer.to_string(), &mut arrows);
    if out.is_json() {
        for arrow in &arrows {
            let mut data = Map::new();
            data.insert("from".into(), json!(arrow.from));
            data.insert("to".into(), json!(arrow.to));
            data.insert("transport".into(), json!(arrow.transport));
            data.insert("message".into(), json!(mask(&String::from_utf8_lossy(&arrow.message))));
            out.object(arrow.at, "SIPMessage", data);
        }
        return read;
    }
    if !arrows.is_empty() {
        out.line(diagram::draw(&arrows));
    } else if read.is_ok() {
        return Err(Failure::new(format!("{} holds no SIP messages", options.file.display())));
    }
    for (number, arrow) in arrows.iter().enumerate().take_while(|_| !output::is_closed()) {
        let Arrow { at, from, to, transport, message } = arrow;
        out.line(format_args!("{}. {from} → {to} over {transport} at {at}\n", number + 1));
        for line in mask(&String::from_utf8_lossy(message)).lines() {
            out.line(format_args!("    {}", words::printable(line)));
        }
        out.line("");
    }
    read
}

/// Adds the messages of a trace to `arrows`, as far as it can be read.
pub(crate) fn read(
    file: &Path,
    agent: &str,
    peer: impl Fn(SocketAddr) -> String,
    arrows: &mut Vec<Arrow>,
) -> Result<(), Failure> {
    let cannot = |error: std::io::Error| Failure::new(format!("cannot read {}: {error}", file.display()));
    let (mut reader, mut messages) = (Reader::default(), Messages::default());
    for (number, line) in BufReader::new(File::open(file).map_err(cannot)?).lines().enumerate() {
        let entry = reader
            .read(&line.map_err(cannot)?)
            .map_err(|error| Failure::new(format!("{}, line {}: {error}", file.display(), number + 1)))?;
        arrows.extend(messages.entry(&entry).into_iter().map(|message| {
            let (us, them) = (agent.to_owned(), peer(message.peer));
            let (from, to) = if message.sent { (us, them) } else { (them, us) };
            let transport = Transport::as_str(message.transport);
            Arrow { at: message.at, from, to, transport, message: message.data.to_vec() }
        }));
    }
    Ok(())
}
