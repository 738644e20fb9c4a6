//! `sipsimple send`: sends a file in a session, over MSRP.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use sipsimple_core::msrp::{FileHash, FileHasher, FileSelector, HashAlgorithm};
use sipsimple_core::stream::{FileTransferEvent, FileTransferSpec, StreamEvent, StreamSpec};

use crate::failure::Failure;
use crate::output::Output;
use crate::progress::Progress;
use crate::talk::{Talk, Turn};
use crate::{account, msrp, words};

/// Options of `sipsimple send`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// To whom, as in sip:bob@example.com; with an account also bob
    uri: String,
    /// The file
    file: PathBuf,
    /// Send from this byte on: so many bytes were received before
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    offset: u64,
    #[command(flatten)]
    account: account::Options,
    #[command(flatten)]
    msrp: msrp::Options,
}

/// Sends the file, and waits until the other side has it whole.
pub(crate) fn run(options: &Options, trace: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    let (spec, size) = look(&options.file, options.offset, out)?;
    let streams = vec![StreamSpec::FileTransfer(spec)];
    let mut talk = Talk::call(&options.account, &options.msrp, &options.uri, streams, trace, out)?;
    let mut progress = Progress::new(out, talk.now(), size, options.offset);
    let result = follow(&mut talk, &mut progress, out);
    progress.end();
    talk.stop(result)
}

fn follow(talk: &mut Talk, progress: &mut Progress, out: Output) -> Result<(), Failure> {
    let mut reported = 0;
    loop {
        match talk.next(None)? {
            Turn::Stream { at, event: StreamEvent::FileTransfer(event), .. } => match event {
                FileTransferEvent::DidDeliverChunk { transferred_bytes, .. } => {
                    reported = transferred_bytes;
                    progress.set(at, transferred_bytes);
                }
                FileTransferEvent::DidFinish { .. } => {
                    out.at(at, "the file has arrived, and its hash is right");
                    return Ok(());
                }
                FileTransferEvent::DidNotFinish { reason, .. } => {
                    let reason = words::printable(&reason);
                    let words = format!("the file has not arrived: {reason}; to resume: --offset {reported}");
                    return Err(Failure::new(words));
                }
                _ => {}
            },
            Turn::Stream { .. } | Turn::Due | Turn::Incoming { .. } => {}
            Turn::Over => return Err(Failure::new("the session ended before the file had arrived")),
            Turn::Interrupt => return Err(Failure::new("interrupted")),
        }
    }
}

/// A file to propose, from this byte on: what it is called, its type and hash; and its size.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn look(path: &Path, offset: u64, out: Output) -> Result<(FileTransferSpec, u64), Failure> {
    let (size, hash) = measure(path)?;
    out.line(format_args!("{}: {size} bytes, {hash}", path.display()));
    let file = path.to_string_lossy();
    let selector = FileSelector::for_file(&file, None, Some(size), Some(hash));
    Ok((FileTransferSpec { selector, sends: true, file: Some(file.as_ref().into()), offset }, size))
}

/// The size of a file, and its hash.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn measure(path: &Path) -> Result<(u64, FileHash), Failure> {
    let wrong = |error: std::io::Error| Failure::new(format!("cannot read {}: {error}", path.display()));
    let mut file = File::open(path).map_err(wrong)?;
    let mut hasher = FileHasher::new(HashAlgorithm::Sha1);
    let mut part = vec![0; 1024 * 1024];
    loop {
        let len = file.read(&mut part).map_err(wrong)?;
        if len == 0 {
            return Ok((hasher.processed(), hasher.finish()));
        }
        hasher.update(part.get(..len).unwrap_or_default());
    }
}
