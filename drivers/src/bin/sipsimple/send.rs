//! `sipsimple send`: sends a file in a session, over MSRP.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use clap::Args;
use sipsimple_core::msrp::{FileDates, FileDetails, FileHash, FileSelector, HashAlgorithm};
use sipsimple_core::stream::{FileTransferEvent, FileTransferSpec, StreamEvent, StreamSpec};
use sipsimple_core::time::{Instant, Utc};
use sipsimple_drivers::disk::hash_file;

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
    let (size, hash) = measure(path, out)?;
    out.line(format_args!("{}: {size} bytes, {hash}", path.display()));
    let selector = FileSelector::for_file(&path.to_string_lossy(), None, Some(size), Some(hash));
    Ok((spec(path, selector, offset), size))
}

/// A file to propose, of which is known what it is.
pub(crate) fn spec(path: &Path, selector: FileSelector, offset: u64) -> FileTransferSpec {
    let modified = path.metadata().and_then(|metadata| metadata.modified()).ok();
    let since = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let modification = since.map(|since| Utc { unix_millis: 0 } + since);
    let dates = FileDates { modification, ..FileDates::default() };
    FileTransferSpec {
        selector,
        sends: true,
        file: Some(path.to_string_lossy().as_ref().into()),
        offset,
        details: Box::new(FileDetails { dates, ..FileDetails::default() }),
        ..FileTransferSpec::default()
    }
}

/// The size of a file, and its hash; on a terminal with a bar that shows how much was read.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn measure(path: &Path, out: Output) -> Result<(u64, FileHash), Failure> {
    let wrong = |error: std::io::Error| Failure::new(format!("cannot read {}: {error}", path.display()));
    let mut file = File::open(path).map_err(wrong)?;
    let size = file.metadata().map_err(wrong)?.len();
    let progress = Progress::new(out, Instant::ZERO, size, 0);
    let measured = hash_file(&mut file, HashAlgorithm::Sha1, |processed, _| progress.show(processed), || true);
    progress.end();
    measured.map_err(wrong)
}
