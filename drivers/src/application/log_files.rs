//! The messages of SIP and MSRP as they come and go, in files (settings `logs.trace_sip`, `logs.trace_msrp` and `logs.directory`). What is in them is
//! private: only their owner may read them.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Error, ErrorKind, Result, Write};
use std::path::{Path, PathBuf};

use sipsimple_core::agent::EventKind;
use sipsimple_core::msrp::{LogEvent, TraceDirection};
use sipsimple_core::settings::SipSimpleSettings;
use sipsimple_core::time::Utc;

/// How many bytes one run adds to a file: peers decide how much comes.
const LONGEST: u64 = 512 * 1024 * 1024;

/// The files of an application whose settings are on disk; where they are in memory nothing is written.
#[derive(Debug, Default)]
pub(crate) struct LogFiles {
    /// The directory of the application.
    directory: Option<PathBuf>,
    /// The files by their names, each where it is now.
    open: BTreeMap<&'static str, LogFile>,
}

#[derive(Debug)]
struct LogFile {
    path: PathBuf,
    /// None once it has failed: it is not tried again.
    file: Option<File>,
    /// Bytes that may be added.
    left: u64,
}

impl LogFiles {
    pub(crate) fn new(directory: Option<PathBuf>) -> Self {
        Self { directory, open: BTreeMap::new() }
    }

    /// Writes down what is told, if it is such a message.
    ///
    /// # Errors
    /// When it cannot be, with the file; that is said once.
    pub(crate) fn note(
        &mut self,
        settings: Option<&SipSimpleSettings>,
        at: Utc,
        kind: &EventKind,
    ) -> std::result::Result<(), (PathBuf, Error)> {
        let (name, text) = match kind {
            EventKind::SipTrace(trace) => {
                let way = if trace.received { "received" } else { "sent" };
                let (transport, from, to) = (trace.transport, trace.source, trace.destination);
                ("sip_trace.txt", format!("{at}: {way}, {transport} {from} -> {to}\n{}\n--\n", trace.data))
            }
            EventKind::MsrpLog { conn, event: LogEvent::TransportTrace { direction, data } } => {
                let way = if *direction == TraceDirection::Incoming { "received" } else { "sent" };
                ("msrp_trace.txt", format!("{at}: {way}, {conn}\n{data}\n--\n"))
            }
            _ => return Ok(()),
        };
        let (Some(directory), Some(settings)) = (&self.directory, settings) else { return Ok(()) };
        let path = directory.join(settings.logs.directory.as_str()).join(name);
        if self.open.get(name).is_none_or(|open| open.path != path) {
            let opened = open(&path);
            let (file, failed) = opened.map_or_else(|error| (None, Some(error)), |file| (Some(file), None));
            self.open.insert(name, LogFile { path: path.clone(), file, left: LONGEST });
            if let Some(error) = failed {
                return Err((path, error));
            }
        }
        let Some(open) = self.open.get_mut(name) else { return Ok(()) };
        open.write(&text).map_err(|error| (path, error))
    }
}

impl LogFile {
    fn write(&mut self, text: &str) -> Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let left = self.left.checked_sub(text.len() as u64);
        let full = || Error::new(ErrorKind::StorageFull, format!("{LONGEST} bytes were added"));
        let written = left.ok_or_else(full).and_then(|_| file.write_all(text.as_bytes()));
        if written.is_err() {
            self.file = None;
        }
        self.left = left.unwrap_or_default();
        written
    }
}

/// Opens a file to add to, and makes its directory if it is not there.
fn open(path: &Path) -> Result<File> {
    let mut directory = DirBuilder::new();
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        std::os::unix::fs::DirBuilderExt::mode(&mut directory, 0o700);
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    if let Some(parent) = path.parent() {
        directory.recursive(true).create(parent)?;
    }
    options.open(path)
}
