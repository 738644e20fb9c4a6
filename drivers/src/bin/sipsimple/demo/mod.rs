//! `sipsimple demo`: two agents on this machine call each other over real sockets, and what they heard is judged; they chat, one sends the other
//! a file, and one is transferred to a third.

mod conversation;
mod exchange;
mod party;
mod receipt;
mod transfer;
mod verdict;

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, json};
use sipsimple_core::transport::Transport;

use crate::diagram;
use crate::failure::Failure;
use crate::ladder;
use crate::output::Output;
use conversation::Conversation;
use exchange::Exchange;
use party::Party;
use receipt::Receipt;
use transfer::Transfer;
use verdict::Verdict;

/// Options of `sipsimple demo`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Write the recordings and traces to this folder; to a new one among the temporary files if not said
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Runs a call over UDP and one over TCP, a chat with a file, and a transfer; draws what was said, and judges what was heard.
pub(crate) fn run(options: &Options, trace: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    let dir = folder(options.out.as_deref())?;
    let trace = trace.unwrap_or_else(|| dir.join("alice.trace"));
    let parties = [
        Party::start("alice", 440.0, "159#", trace, &dir, out)?,
        Party::start("bob", 1000.0, "*260", dir.join("bob.trace"), &dir, out)?,
        Party::start("carol", 1600.0, "8", dir.join("carol.trace"), &dir, out)?,
    ];
    let mut verdicts = Vec::new();
    for transport in [Transport::Udp, Transport::Tcp] {
        let [alice, bob, _] = &parties;
        let heard = Conversation::new([alice, bob], transport, &dir, out).run()?;
        out.line(format_args!("{transport}: the call was held and taken off hold; a stream was added and removed"));
        verdicts.extend(
            parties
                .iter()
                .zip([1, 0])
                .zip(heard)
                .map(|((party, other), heard)| Verdict::of(party.name, &parties[other], transport, heard)),
        );
    }
    let [alice, bob, _] = &parties;
    let receipts = Exchange::new([alice, bob], Transport::Tcp, &dir, out)?.run()?;
    Transfer::new(&parties, Transport::Udp, out).run()?;
    out.line("udp: bob has transferred alice to carol");
    for party in &parties {
        party.stop(out);
    }
    let mut arrows = Vec::new();
    let carol = parties[2].route(Transport::Udp).map(|route| route.socket_addr());
    let name = |peer| if Some(peer) == carol { parties[2].name } else { parties[1].name };
    ladder::read(&parties[0].trace, parties[0].name, |peer| name(peer).into(), &mut arrows)?;
    out.line(diagram::draw(&arrows));
    let mut failed = Vec::new();
    for verdict in &verdicts {
        out.line(verdict);
        failed.extend(verdict.fault());
    }
    for receipt in &receipts {
        out.line(receipt);
        failed.extend(receipt.fault());
    }
    out.line(format_args!("recordings and traces are in {}", dir.display()));
    out.object(parties[0].application.now(), "DemoResult", result(&verdicts, &receipts, &dir));
    if failed.is_empty() { Ok(()) } else { Err(Failure::new(failed.join("; "))) }
}

fn result(verdicts: &[Verdict], receipts: &[Receipt], dir: &Path) -> Map<String, serde_json::Value> {
    let mut data = Map::new();
    data.insert("folder".into(), json!(dir));
    data.insert("heard".into(), verdicts.iter().map(Verdict::data).collect());
    data.insert("exchanged".into(), receipts.iter().map(Receipt::data).collect());
    data
}

/// The folder for the demo's files, made if it is missing.
fn folder(wanted: Option<&Path>) -> Result<PathBuf, Failure> {
    let folder = wanted
        .map_or_else(|| std::env::temp_dir().join(format!("sipsimple-demo-{}", std::process::id())), Path::to_owned);
    std::fs::create_dir_all(&folder)
        .map_err(|error| Failure::new(format!("cannot make the folder {}: {error}", folder.display())))?;
    Ok(folder)
}
