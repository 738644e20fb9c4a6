//! The file that the trace of an agent goes to.
//!
//! A trace holds passwords and keys: only its owner may read it. It holds the bytes of every file that is transferred, too, since without
//! them nothing would replay; so it ends at a limit, before an input, and what is there of it replays.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Error, ErrorKind, Result, Write};
use std::path::Path;

/// How long a trace may become before no further input is added, in bytes: some hundred MB of files, or thousands of calls.
const LONGEST: u64 = 512 * 1024 * 1024;

/// An open trace file.
#[derive(Debug)]
pub struct TraceFile {
    out: BufWriter<File>,
    dirty: bool,
    /// Bytes that may be added.
    left: u64,
}

impl TraceFile {
    /// Creates the file, or empties it, readable and writable by its owner only.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub fn create(path: &Path) -> Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path)?;
        // A file that was there before keeps its mode when it is opened.
        #[cfg(unix)]
        if file.metadata()?.is_file() {
            file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        }
        Ok(Self { out: BufWriter::new(file), dirty: false, left: LONGEST })
    }

    /// Adds a line.
    ///
    /// # Errors
    /// When the system does not take what was written so far, or the trace is as long as it may be: nothing is added any more.
    pub fn line(&mut self, line: &str) -> Result<()> {
        let len = line.len() as u64 + 1;
        let begins = ["{\"input\":", "{\"intent\":"].iter().any(|begin| line.starts_with(begin));
        if begins && len > self.left {
            let full = format!("it has reached {LONGEST} bytes; what is there replays, what follows is not in it");
            return Err(Error::new(ErrorKind::StorageFull, full));
        }
        // What follows from an input stands behind it, whatever its length.
        self.left = self.left.saturating_sub(len);
        self.dirty = true;
        self.out.write_all(line.as_bytes())?;
        self.out.write_all(b"\n")
    }

    /// Hands to the system what was added, so that little is missing should the process die.
    ///
    /// # Errors
    /// When the system does not take it.
    pub fn flush(&mut self) -> Result<()> {
        if std::mem::take(&mut self.dirty) { self.out.flush() } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_before_an_input_when_it_is_long() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("trace");
        let mut file = TraceFile::create(&path).unwrap();
        file.left = 40;
        file.line("{\"input\":1}").unwrap();
        file.line("{\"effect\":\"much that follows from it\"}").unwrap();
        for more in ["{\"input\":2}", "{\"intent\":3}"] {
            assert_eq!(file.line(more).unwrap_err().kind(), ErrorKind::StorageFull);
        }
        file.flush().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 2);
    }

    #[test]
    fn only_the_owner_can_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("trace");
        std::fs::write(&path, "what was there before").unwrap();
        let mut file = TraceFile::create(&path).unwrap();
        file.line("{\"a\":1}").unwrap();
        file.line("{}").unwrap();
        file.flush().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"a\":1}\n{}\n");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            let fresh = dir.path().join("fresh");
            TraceFile::create(&fresh).unwrap();
            assert_eq!(std::fs::metadata(&fresh).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
