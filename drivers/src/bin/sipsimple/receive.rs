//! `sipsimple receive`: receives files, over MSRP.

use std::any::Any;
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::ErrorKind;
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
    let mut files: BTreeMap<StreamId, (PathBuf, Progress)> = BTreeMap::new();
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
                let mut accepted = Vec::new();
                for offered in offered(&talk.client.application, session, streams)? {
                    let place = match place(&options.dir, &offered) {
                        Ok(place) => place,
                        Err(failure) => {
                            out.at(talk.now(), failure);
                            continue;
                        }
                    };
                    let size = offered.selector.size.unwrap_or_default();
                    out.at(talk.now(), format_args!("receiving {} of {size} bytes", place.display()));
                    let file = place.to_string_lossy().as_ref().into();
                    talk.command(offered.stream, Command::FileTransfer(FileTransferCommand::SetFile(file)))?;
                    accepted.push(offered.stream);
                    files.insert(offered.stream, (place, Progress::new(out, talk.now(), size, offered.offset)));
                }
                talk.accept(session, &accepted)?;
            }
            Turn::Stream { id, at, event: StreamEvent::FileTransfer(event) } => {
                let Some((place, progress)) = files.get_mut(&id) else { continue };
                match event {
                    FileTransferEvent::GotChunk { transferred_bytes, .. } => progress.set(at, transferred_bytes),
                    FileTransferEvent::DidFinish { .. } => {
                        progress.end();
                        out.at(at, format_args!("received {}, and its hash is right", place.display()));
                        left = left.map(|left| left.saturating_sub(1));
                    }
                    FileTransferEvent::DidNotFinish { reason, .. } => {
                        progress.end();
                        out.at(at, format_args!("{} is not whole: {}", place.display(), words::printable(&reason)));
                        // A file that is another than was announced is none of ours.
                        if reason == "File hash mismatch" {
                            let _ = std::fs::remove_file(place);
                        }
                    }
                    _ => {}
                }
            }
            Turn::Over => files.clear(),
            Turn::Interrupt => return Ok(()),
            Turn::Stream { .. } | Turn::Due => {}
        }
    }
    // The sender hears that all has arrived, and ends the session.
    while !files.is_empty() {
        match talk.next(Some(talk.now() + crate::client::GRACE))? {
            Turn::Over | Turn::Due | Turn::Interrupt => files.clear(),
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

/// How many names are tried for a file, where others have its own.
const NAMES: u32 = 10_000;

/// Where to store a file: under its own name, or with a number when another has that. The place is taken at once, so that of two files of one name
/// that come together each has its own. What resumes has its old place.
///
/// # Errors
/// When there is no place, or less of a file is there than a transfer that resumes takes for granted.
pub(crate) fn place(dir: &Path, offered: &Offered) -> Result<PathBuf, Failure> {
    let name = safe_name(offered.selector.name.as_deref().unwrap_or("file"));
    let first = dir.join(&name);
    if offered.offset > 0 {
        let there = first.metadata().ok().filter(std::fs::Metadata::is_file).map_or(0, |metadata| metadata.len());
        if there < offered.offset {
            let words = format!("{} has {there} bytes, not the {} to resume behind", first.display(), offered.offset);
            return Err(Failure::new(words));
        }
        return Ok(first);
    }
    let (stem, ending) =
        name.rsplit_once('.').map_or((name.as_str(), String::new()), |(stem, ending)| (stem, format!(".{ending}")));
    let others = (1..NAMES).map(|number| dir.join(format!("{stem}-{number}{ending}")));
    for place in std::iter::once(first.clone()).chain(others) {
        match OpenOptions::new().write(true).create_new(true).open(&place) {
            Ok(_) => return Ok(place),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Failure::new(format!("cannot make {}: {error}", place.display()))),
        }
    }
    Err(Failure::new(format!("too many files are called {}", first.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_never_takes_the_place_of_another() {
        let dir = tempfile::tempdir().unwrap();
        let place = |name: &str, offset| {
            let selector = FileSelector { name: Some(name.into()), ..FileSelector::default() };
            place(dir.path(), &Offered { stream: StreamId::from_u64(0), selector, offset })
        };
        let at = |name: &str| Ok(dir.path().join(name));
        assert_eq!(place("a.txt", 0), at("a.txt"));
        // Nothing has come of the first one yet.
        assert_eq!(place("a.txt", 0), at("a-1.txt"));
        assert_eq!(place("a.txt", 0), at("a-2.txt"));
        assert_eq!(place("../../b", 0), at("b"));
        std::fs::write(dir.path().join("a.txt"), "xyz").unwrap();
        assert_eq!(place("a.txt", 3), at("a.txt"), "it resumes");
        assert!(place("a.txt", 4).unwrap_err().to_string().contains("has 3 bytes, not the 4"));
        assert!(place("c.txt", 1).unwrap_err().to_string().contains("has 0 bytes"));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_elsewhere_is_not_followed() {
        let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::os::unix::fs::symlink(elsewhere.path().join("x"), dir.path().join("a")).unwrap();
        let selector = FileSelector { name: Some("a".into()), ..FileSelector::default() };
        let offered = Offered { stream: StreamId::from_u64(0), selector, offset: 0 };
        assert_eq!(place(dir.path(), &offered), Ok(dir.path().join("a-1")));
        assert!(!elsewhere.path().join("x").exists());
    }
}
