//! Hashing a file that is to be sent (`FileSelector.for_file` of the seeds): as it is read, with progress, on a thread of its own.

use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;
use sipsimple_core::msrp::{FileHash, FileHasher, FileSelector, HashAlgorithm};
use sipsimple_core::sip::Text;

/// Bytes read at a time.
const PIECE: usize = 1024 * 1024;
/// How often progress is told of a file, at most.
const STEPS: u64 = 100;
/// Why a file has no hash that nobody wants any more.
const CANCELLED: &str = "Cancelled";

/// The hash of a file, and its size: what is read of it in the end. `progress` is told how many bytes of how many were hashed, at most a hundred times; `wanted`
/// is asked at each piece whether to go on.
///
/// # Errors
/// When the file cannot be read; of the kind `Interrupted` when it is not to go on.
pub fn hash_file(
    file: &mut File,
    algorithm: HashAlgorithm,
    mut progress: impl FnMut(u64, u64),
    wanted: impl Fn() -> bool,
) -> Result<(u64, FileHash)> {
    let total = file.metadata()?.len();
    let mut hasher = FileHasher::new(algorithm);
    let mut piece = vec![0; PIECE];
    let mut told = 0;
    loop {
        if !wanted() {
            return Err(Error::new(ErrorKind::Interrupted, CANCELLED));
        }
        let len = match file.read(&mut piece) {
            Ok(0) => return Ok((hasher.processed(), hasher.finish())),
            Ok(len) => len,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(piece.get(..len).unwrap_or_default());
        let processed = hasher.processed();
        let step = processed.saturating_mul(STEPS) / total.max(1);
        if step > told {
            told = step;
            progress(processed, total.max(processed));
        }
    }
}

/// The name of a file that is being hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct FileHashId(pub(crate) u64);

/// News of a file that is being hashed. One of `DidInitialize` and `DidNotInitialize` is the last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FileHashEvent {
    /// So many bytes of so many are hashed (`FileTransferHandlerHashProgress`).
    HashProgress {
        /// How many are.
        processed: u64,
        /// How many there are.
        total: u64,
    },
    /// The file can be offered (`FileTransferHandlerDidInitialize`).
    DidInitialize {
        /// What it is.
        selector: FileSelector,
    },
    /// It cannot (`FileTransferHandlerDidNotInitialize`).
    DidNotInitialize {
        /// Why: the words of the operating system, or `Cancelled`.
        reason: Text,
    },
}

impl FileHashEvent {
    /// The names of the reference's notifications: the seeds compute hashes without telling.
    #[must_use]
    pub const fn names(&self) -> &'static [&'static str] {
        match self {
            Self::HashProgress { .. } => &["FileTransferHandlerHashProgress"],
            Self::DidInitialize { .. } => &["FileTransferHandlerDidInitialize"],
            Self::DidNotInitialize { .. } => &["FileTransferHandlerDidNotInitialize"],
        }
    }
}

/// A file that is being hashed. It goes on when this is dropped.
#[derive(Clone, Debug)]
pub struct Hashing {
    pub(crate) id: FileHashId,
    goes_on: Arc<AtomicBool>,
}

impl Hashing {
    /// Starts a thread named `file-hash`, which tells what happens.
    ///
    /// # Errors
    /// When the file cannot be opened, or the system gives no thread.
    pub(crate) fn start(
        id: FileHashId,
        path: PathBuf,
        content_type: Option<String>,
        mut tell: impl FnMut(FileHashEvent) + Send + 'static,
    ) -> Result<Self> {
        let file = File::open(&path)?;
        if file.metadata()?.is_dir() {
            return Err(ErrorKind::IsADirectory.into());
        }
        let goes_on = Arc::new(AtomicBool::new(true));
        let wanted = goes_on.clone();
        let run = move || {
            let last = hash(file, &path, content_type.as_deref(), &wanted, &mut tell);
            tell(last);
        };
        std::thread::Builder::new().name("file-hash".into()).spawn(run)?;
        Ok(Self { id, goes_on })
    }

    /// Its name in events.
    #[must_use]
    pub const fn id(&self) -> FileHashId {
        self.id
    }

    /// Nobody wants the hash any more. Told as [`FileHashEvent::DidNotInitialize`], unless it is there already.
    pub fn cancel(&self) {
        self.goes_on.store(false, Ordering::Relaxed);
    }
}

fn hash(
    mut file: File,
    path: &Path,
    content_type: Option<&str>,
    wanted: &AtomicBool,
    tell: &mut impl FnMut(FileHashEvent),
) -> FileHashEvent {
    let progress = |processed, total| tell(FileHashEvent::HashProgress { processed, total });
    match hash_file(&mut file, HashAlgorithm::Sha1, progress, || wanted.load(Ordering::Relaxed)) {
        Ok((size, hash)) => {
            let selector = FileSelector::for_file(&path.to_string_lossy(), content_type, Some(size), Some(hash));
            FileHashEvent::DidInitialize { selector }
        }
        Err(error) => FileHashEvent::DidNotInitialize { reason: error.to_string().into() },
    }
}
