//! A file that is replaced as a whole, or not at all: what is read is always one of the texts that were written.
//!
//! ```text
//!  create .NAME.N.new, 0600 ─► write ─► sync ─► rename to NAME ─► sync the directory
//!        a crash up to here leaves the old file, and    │    a crash from here on
//!        a left-over that the next reading removes      │    leaves the new one
//! ```

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Result, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// A file that holds secrets: only its owner may read it.
#[derive(Clone, Debug)]
pub struct WholeFile {
    path: PathBuf,
}

/// What is about to be done when a file is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Create,
    /// Write as many bytes.
    Write(usize),
    Sync,
    Rename,
    SyncDirectory,
}

/// Bytes written at a time.
const PIECE: usize = 64 * 1024;

impl WholeFile {
    /// The file at this path, which need not exist, nor the directories that lead to it.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was written last; nothing, if nothing was. Removes what crashes have left over. More than `max` bytes are not read, but one more is, so that it is noticed.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn read(&self, max: usize) -> Result<Option<Zeroizing<Vec<u8>>>> {
        let path = self.target()?;
        remove_left_overs(&path);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let limit = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
        let len = file.metadata()?.len().min(limit);
        // Growing would leave copies behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(len).unwrap_or(max) + 1));
        file.take(limit).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// Replaces what is there.
    ///
    /// # Errors
    /// When that cannot be done; then what was there still is.
    pub fn write(&self, bytes: &[u8]) -> Result<()> {
        let mut made = None;
        let result = self.replace(bytes, &mut made, |_| Ok(()));
        if let (Err(_), Some(temporary)) = (&result, made) {
            let _ = fs::remove_file(temporary);
        }
        result
    }

    /// Replaces what is there, step by step, and stops where `before` fails. `made` is the temporary file, as long as there is one.
    pub(super) fn replace(
        &self,
        bytes: &[u8],
        made: &mut Option<PathBuf>,
        mut before: impl FnMut(Step) -> Result<()>,
    ) -> Result<()> {
        let path = self.target()?;
        let directory = directory(&path);
        fs::create_dir_all(directory)?;
        before(Step::Create)?;
        let (mut file, temporary) = create(&path)?;
        *made = Some(temporary.clone());
        for piece in bytes.chunks(PIECE) {
            before(Step::Write(piece.len()))?;
            file.write_all(piece)?;
        }
        before(Step::Sync)?;
        file.sync_all()?;
        drop(file);
        before(Step::Rename)?;
        fs::rename(&temporary, &path)?;
        *made = None;
        before(Step::SyncDirectory)?;
        // Directories cannot be opened everywhere; the file is whole in any case.
        #[cfg(unix)]
        File::open(directory)?.sync_all()?;
        Ok(())
    }

    /// The file itself, where the path is a link to it.
    fn target(&self) -> Result<PathBuf> {
        match fs::canonicalize(&self.path) {
            Ok(path) => Ok(path),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(self.path.clone()),
            Err(error) => Err(error),
        }
    }
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => path,
    }
}

/// What the names of the temporary files of a file begin and end with.
fn frame(path: &Path) -> (OsString, &'static OsStr) {
    let mut start = OsString::from(".");
    start.push(path.file_name().unwrap_or_default());
    start.push(".");
    (start, OsStr::new(".new"))
}

/// Tries so many names for a temporary file.
const NAMES: u32 = 1000;

/// Makes a temporary file that nobody else has, in the same directory, for its owner only.
fn create(path: &Path) -> Result<(File, PathBuf)> {
    let (start, end) = frame(path);
    let mut number = 0;
    loop {
        let mut name = start.clone();
        name.push(format!("{}-{number}", std::process::id()));
        name.push(end);
        let temporary = directory(path).join(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&temporary) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists && number < NAMES => number += 1,
            result => return Ok((result?, temporary)),
        }
    }
}

/// Removes temporary files of a file. Where that cannot be done they do no harm.
fn remove_left_overs(path: &Path) {
    let (start, end) = frame(path);
    for entry in fs::read_dir(directory(path)).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let (name, start, end) = (name.as_encoded_bytes(), start.as_encoded_bytes(), end.as_encoded_bytes());
        if name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end) {
            let _ = fs::remove_file(entry.path());
        }
    }
}
