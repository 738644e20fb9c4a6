//! `sipsimple receive`: receives files, over MSRP.

use std::any::Any;
use std::path::{Path, PathBuf};

use clap::Args;
use sipsimple_core::agent::Agent;
use sipsimple_core::id::{SessionId, StreamId};
use sipsimple_core::msrp::{FileSelector, safe_name};
use sipsimple_core::stream::{
    Command, FileTransferCommand, FileTransferEvent, FileTransferStream, MediaStream, StreamEvent,
};
use sipsimple_core::transport::Route;
use sipsimple_drivers::Application;

use crate::failure::Failure;
use crate::output::Output;
use crate::progress::Progress;
use crate::talk::{Talk, Turn};
use crate::{account, msrp, value, words};

/// Options of `sipsimple receive`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Where to store the files
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Where to listen, udp|tcp|tls:ADDRESS:PORT; port 0 is any. Default: udp and tcp, 0.0.0.0:5060
    #[arg(long, value_name = "SOCKET", value_parser = value::socket)]
    listen: Vec<Route>,
    /// End after N files
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    #[command(flatten)]
    account: account::Options,
    #[command(flatten)]
    msrp: msrp::Options,
}

/// A file that is offered.
#[derive(Debug)]
pub(crate) struct Offered {
    pub(crate) stream: StreamId,
    pub(crate) selector: FileSelector,
    pub(crate) offset: u64,
}

/// Receives files until `--count` of them are there, or somebody interrupts.
pub(crate) fn run(options: &Options, trace: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    std::fs::create_dir_all(&options.dir)
        .map_err(|error| Failure::new(format!("cannot make {}: {error}", options.dir.display())))?;
    let mut talk = Talk::listen(&options.account, &options.msrp, &options.listen, trace, out)?;
    let result = receive(options, &mut talk, out);
    talk.stop(result)
}

fn receive(options: &Options, talk: &mut Talk, out: Output) -> Result<(), Failure> {
    let mut left = options.count;
    let mut current: Option<(PathBuf, Progress)> = None;
    while left != Some(0) {
        // A session that fails leaves the others be.
        let turn = match talk.next(None) {
            Ok(turn) => turn,
            Err(failure) => {
                out.line(format_args!("{failure}"));
                talk.again();
                continue;
            }
        };
        match turn {
            Turn::Incoming { session, streams } => {
                let offered = offered(&talk.client.application, session, streams)?.into_iter().next();
                if let Some(offered) = &offered {
                    let place = place(&options.dir, &offered.selector, offered.offset);
                    let size = offered.selector.size.unwrap_or_default();
                    out.at(talk.now(), format_args!("receiving {} of {size} bytes", place.display()));
                    let file = place.to_string_lossy().as_ref().into();
                    talk.command(offered.stream, Command::FileTransfer(FileTransferCommand::SetFile(file)))?;
                    current = Some((place, Progress::new(out, talk.now(), size, offered.offset)));
                }
                talk.accept(session, offered.iter().map(|offered| offered.stream).collect::<Vec<_>>().as_slice())?;
            }
            Turn::Stream { at, event: StreamEvent::FileTransfer(event), .. } => match (event, &mut current) {
                (FileTransferEvent::GotChunk { transferred_bytes, .. }, Some((_, progress))) => {
                    progress.set(at, transferred_bytes);
                }
                (FileTransferEvent::DidFinish { .. }, Some((place, progress))) => {
                    progress.end();
                    out.at(at, format_args!("received {}, and its hash is right", place.display()));
                    left = left.map(|left| left - 1);
                }
                (FileTransferEvent::DidNotFinish { reason, .. }, Some((place, progress))) => {
                    progress.end();
                    out.at(at, format_args!("{} is not whole: {}", place.display(), words::printable(&reason)));
                    // A file that is another than was announced is none of ours.
                    if reason == "File hash mismatch" {
                        let _ = std::fs::remove_file(place);
                    }
                }
                _ => {}
            },
            Turn::Over => current = None,
            Turn::Interrupt => return Ok(()),
            Turn::Stream { .. } | Turn::Due => {}
        }
    }
    // The sender hears that all has arrived, and ends the session.
    while current.is_some() {
        match talk.next(Some(talk.now() + crate::client::GRACE))? {
            Turn::Over | Turn::Due | Turn::Interrupt => current = None,
            Turn::Incoming { .. } | Turn::Stream { .. } => {}
        }
    }
    Ok(())
}

/// The files that these streams of a session offer.
pub(crate) fn offered(
    application: &Application,
    session: SessionId,
    streams: Vec<StreamId>,
) -> Result<Vec<Offered>, Failure> {
    let look = move |agent: &mut Agent, now| {
        let Some(session) = agent.session(now, session) else { return Vec::new() };
        let offered = |stream| {
            let held: &dyn MediaStream = session.stream(stream)?;
            let file = (held as &dyn Any).downcast_ref::<FileTransferStream>().filter(|file| !file.sends())?;
            Some(Offered { stream, selector: file.selector().clone(), offset: file.offset() })
        };
        streams.into_iter().filter_map(offered).collect()
    };
    Ok(application.with_agent(look)?)
}

/// Where to store a file: under its own name, or with a number when another has that. What resumes has its old place.
pub(crate) fn place(dir: &Path, selector: &FileSelector, offset: u64) -> PathBuf {
    let name = safe_name(selector.name.as_deref().unwrap_or("file"));
    let first = dir.join(&name);
    if offset > 0 {
        return first;
    }
    let (stem, ending) =
        name.rsplit_once('.').map_or((name.as_str(), String::new()), |(stem, ending)| (stem, format!(".{ending}")));
    let others = (1..).map(|number: u32| dir.join(format!("{stem}-{number}{ending}")));
    std::iter::once(first.clone()).chain(others).find(|place| !place.exists()).unwrap_or(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_never_takes_the_place_of_another() {
        let dir = tempfile::tempdir().unwrap();
        let named = |name: &str| FileSelector { name: Some(name.into()), ..FileSelector::default() };
        let place = |name: &str, offset| place(dir.path(), &named(name), offset);
        assert_eq!(place("a.txt", 0), dir.path().join("a.txt"));
        std::fs::write(dir.path().join("a.txt"), "x").unwrap();
        assert_eq!(place("a.txt", 0), dir.path().join("a-1.txt"));
        assert_eq!(place("a.txt", 5), dir.path().join("a.txt"), "it resumes");
        assert_eq!(place("../../b", 0), dir.path().join("b"));
    }
}
