//! The receiving end of a file transfer: what has come, what is written, what may be reported, and whether it is the right file.

use bytes::Bytes;

use crate::msrp::{FileHasher, Intervals, Wish};
use crate::sip::Text;

use super::super::FileQuestion;
use super::described::Described;

/// Bytes that wait to be written before the connection is not read any longer.
pub(super) const BEHIND: u64 = 1024 * 1024;
/// Bytes that are read back at once to compute a hash.
const READ: u64 = 256 * 1024;
/// Gaps in a file that comes in another order.
const GAPS: usize = 1024;

/// What is to be done about a file that is whole.
#[derive(Debug)]
pub(super) enum Verdict {
    /// This must be asked first, such as what was written, to compute its hash.
    Ask(FileQuestion),
    /// It is right; its last report is due.
    Right(Wish, u64),
    /// It is not, for this reason.
    Wrong(Wish, u64, &'static str),
}

#[derive(Debug)]
pub(super) struct Receiver {
    file: Option<Text>,
    /// Bytes that were there before.
    offset: u64,
    /// The message that carries it.
    id: Option<Text>,
    /// What has come, counted from `offset`.
    have: Intervals,
    /// Bytes that were given to be written, and that were.
    given: u64,
    written: u64,
    /// Reports that wait until so many bytes are written.
    due: Vec<(Wish, u64)>,
    /// The whole message, and its length.
    whole: Option<(Wish, u64)>,
    /// The hash of what has come in order; or of what was read back, after the last byte.
    hasher: Option<FileHasher>,
    reading: bool,
    /// Whether a file of which nothing came was made.
    made: bool,
}

impl Receiver {
    pub(super) fn new(described: &Described, file: Option<Text>) -> Self {
        let offset = described.offset();
        let hasher = described.selector.hash.as_ref().map(|hash| FileHasher::new(hash.algorithm));
        Self {
            file,
            offset,
            id: None,
            have: Intervals::EMPTY,
            given: 0,
            written: 0,
            due: Vec::new(),
            whole: None,
            // What was there before is not known.
            hasher: hasher.filter(|_| offset == 0),
            reading: false,
            made: false,
        }
    }

    /// The message that carries the file.
    pub(super) fn id(&self) -> Option<Text> {
        self.id.clone()
    }

    /// The whole message, and its length, if all of it has come.
    pub(super) fn whole(&self) -> Option<(Wish, u64)> {
        self.whole.clone()
    }

    /// How many bytes of the file are there, from its beginning.
    pub(super) fn come(&self) -> u64 {
        self.offset + self.have.first_gap(0)
    }

    /// Whether writing lags behind.
    pub(super) const fn is_behind(&self) -> bool {
        self.given - self.written > BEHIND
    }

    /// A piece came, `at` counted from 0; what is to be written, if anything. None when it is of another message.
    pub(super) fn piece(&mut self, wish: &Wish, at: u64, data: &Bytes) -> Option<Option<FileQuestion>> {
        if self.id.get_or_insert_with(|| wish.id.clone()) != &wish.id {
            return None;
        }
        match &mut self.hasher {
            Some(hasher) if hasher.processed() == at => hasher.update(data),
            Some(_) | None => self.hasher = None,
        }
        self.have.insert(at..at + data.len() as u64, GAPS).ok()?;
        let file = self.file.clone();
        let write = file.map(|file| FileQuestion::Write { file, at: self.offset + at, data: data.clone() });
        self.given += data.len() as u64;
        if write.is_none() {
            self.written = self.given;
        }
        Some(write)
    }

    pub(super) const fn written(&mut self, bytes: u64) {
        self.written += bytes;
    }

    /// A chunk ended: so many bytes have come without a gap.
    pub(super) fn chunk_ended(&mut self, wish: Wish, bytes: u64, whole: bool) {
        if whole {
            self.whole = Some((wish, bytes));
        } else {
            self.due.push((wish, bytes));
        }
    }

    /// What can be reported: it is written.
    pub(super) fn reportable(&mut self) -> Vec<(Wish, u64)> {
        let written = if self.written == self.given { u64::MAX } else { self.written };
        self.due.extract_if(.., |(_, bytes)| *bytes <= written).collect()
    }

    /// Bytes were read back.
    pub(super) fn read_back(&mut self, data: &[u8]) {
        self.reading = false;
        if let Some(hasher) = &mut self.hasher {
            // A file that became shorter has another hash.
            hasher.update(if data.is_empty() { b"\0" } else { data });
        }
    }

    /// What becomes of a file that is whole and written.
    pub(super) fn verdict(&mut self, described: &Described) -> Option<Verdict> {
        let (wish, bytes) = self.whole.clone().filter(|_| self.written == self.given && !self.reading)?;
        if self.given == 0
            && let Some(file) = self.file.clone().filter(|_| !std::mem::replace(&mut self.made, true))
        {
            // An empty file is a file, too.
            return Some(Verdict::Ask(FileQuestion::Write { file, at: self.offset, data: Bytes::new() }));
        }
        let size = self.offset + bytes;
        if described.end().is_some_and(|wanted| wanted != size) {
            return Some(Verdict::Wrong(wish, bytes, "Incomplete file"));
        }
        // The hash of a file says nothing of its beginning.
        let hash = described.selector.hash.as_ref().filter(|_| described.is_to_the_end());
        let Some(wanted) = hash else { return Some(Verdict::Right(wish, bytes)) };
        let hasher = self.hasher.get_or_insert_with(|| FileHasher::new(wanted.algorithm));
        if hasher.processed() < size {
            let Some(file) = self.file.clone() else {
                // Nobody has kept it in order.
                return Some(Verdict::Wrong(wish, bytes, "File hash mismatch"));
            };
            self.reading = true;
            let at = hasher.processed();
            return Some(Verdict::Ask(FileQuestion::Read { file, at, len: READ.min(size - at) }));
        }
        let hash = self.hasher.take().map(FileHasher::finish);
        Some(if hash.as_ref() == Some(wanted) {
            Verdict::Right(wish, bytes)
        } else {
            Verdict::Wrong(wish, bytes, "File hash mismatch")
        })
    }
}
