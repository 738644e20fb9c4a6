//! Putting a message together of chunks that come in any order, cut anyhow, overlapping and repeated (RFC 4975 section 7.3.1).
//!
//! ```text
//!             piece                             every byte is there, and the last chunk
//!            ┌─────┐                            ┌────────────────────────────────────► whole
//!            ▼     │                            │
//!          gathering ──────────── end of chunk ─┤
//!            ▲     │                            └── `#` ─────────────────────────────► given up
//!            └─────┘
//! ```
//!
//! What counts is how long bodies are, not what their Byte-Range says of the end. Of bytes that come twice the last ones stay.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};

use super::{Continuation, Intervals, TooManyGaps};
use crate::limits::Limits;

/// How a message is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// When it is whole.
    Whole,
    /// Piece by piece, as it comes; not more bytes than these, if they are given.
    Pieces(Option<u64>),
}

/// Why a message is refused, as the status code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A piece lies beyond the end of the message.
    #[error("a chunk lies beyond the end of its message")]
    Beyond,
    /// The message is too large, or has too many gaps.
    #[error("the message is too large")]
    TooLarge,
}

impl Refused {
    /// The status code.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Beyond => 400,
            Self::TooLarge => 413,
        }
    }
}

/// What the end of a chunk makes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More is to come.
    More,
    /// It is whole; with its bytes when it was wanted so.
    Whole(Bytes),
    /// Its sender gave it up.
    Aborted,
}

/// A message that comes in.
#[derive(Debug)]
pub struct Assembly {
    delivery: Delivery,
    have: Intervals,
    /// How long it is, as chunks claim.
    claimed: Option<u64>,
    /// How long it is: its last chunk has come.
    total: Option<u64>,
    buffer: Buffer,
}

impl Assembly {
    /// A message of which nothing has come.
    #[must_use]
    pub const fn new(delivery: Delivery) -> Self {
        Self { delivery, have: Intervals::EMPTY, claimed: None, total: None, buffer: Buffer::new() }
    }

    /// A chunk begins whose Byte-Range claims this length of the message.
    ///
    /// # Errors
    /// When that is more than is wanted. Nothing is kept in memory for what is only claimed.
    pub fn claim(&mut self, total: Option<u64>, limits: &Limits) -> Result<(), Refused> {
        if let Some(total) = total {
            self.admits(total, limits)?;
            self.claimed = Some(total);
        }
        Ok(())
    }

    /// Bytes came; the first one has the number `at`, counted from 1.
    ///
    /// # Errors
    /// When the message is refused: nothing more of it is wanted.
    pub fn piece(&mut self, at: u64, data: &[u8], limits: &Limits) -> Result<(), Refused> {
        let len = u64::try_from(data.len()).unwrap_or(u64::MAX);
        let end = at.checked_add(len).ok_or(Refused::Beyond)?;
        if self.total.or(self.claimed).is_some_and(|total| end - 1 > total) {
            return Err(Refused::Beyond);
        }
        self.admits(end - 1, limits)?;
        self.have.insert(at..end, limits.msrp_gaps).map_err(|_| Refused::TooLarge)?;
        if self.delivery == Delivery::Whole {
            self.buffer.write(at, data, limits.msrp_gaps).map_err(|_| Refused::TooLarge)?;
        }
        Ok(())
    }

    /// A chunk ended; `next` is the number of the byte behind its last one.
    ///
    /// # Errors
    /// When it was the last chunk, and others lie beyond it.
    pub fn end(&mut self, next: u64, flag: Continuation) -> Result<Progress, Refused> {
        match flag {
            Continuation::Abort => return Ok(Progress::Aborted),
            Continuation::Complete => self.total = Some(next.saturating_sub(1)),
            Continuation::More => {}
        }
        let Some(total) = self.total else { return Ok(Progress::More) };
        if self.have.end() > total.saturating_add(1) {
            return Err(Refused::Beyond);
        }
        if self.have.covered() < total {
            return Ok(Progress::More);
        }
        Ok(Progress::Whole(self.buffer.take()))
    }

    /// Which bytes have come, counted from 1.
    #[must_use]
    pub const fn have(&self) -> &Intervals {
        &self.have
    }

    /// How long the message is, as far as is known.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        self.total.or(self.claimed)
    }

    /// Bytes that are kept.
    #[must_use]
    pub const fn kept(&self) -> usize {
        self.buffer.len
    }

    fn admits(&self, total: u64, limits: &Limits) -> Result<(), Refused> {
        let most = match self.delivery {
            Delivery::Whole => Some(u64::try_from(limits.msrp_message_bytes).unwrap_or(u64::MAX)),
            Delivery::Pieces(most) => most,
        };
        if most.is_some_and(|most| total > most) { Err(Refused::TooLarge) } else { Ok(()) }
    }
}

/// The bytes of a message, in runs that do not overlap. A run grows at its end only, so that every byte is written once for each time
/// that it came.
#[derive(Debug)]
struct Buffer {
    runs: BTreeMap<u64, BytesMut>,
    len: usize,
}

impl Buffer {
    const fn new() -> Self {
        Self { runs: BTreeMap::new(), len: 0 }
    }

    fn write(&mut self, mut at: u64, mut data: &[u8], most: usize) -> Result<(), TooManyGaps> {
        while !data.is_empty() {
            let next = self.runs.range(at.saturating_add(1)..).next().map(|(start, _)| *start);
            let room = next.map_or(usize::MAX, |next| usize::try_from(next - at).unwrap_or(usize::MAX));
            let (part, rest) = data.split_at(data.len().min(room));
            let before = self.runs.range_mut(..=at).next_back();
            let touching = before.filter(|(start, run)| at - **start <= run.len() as u64);
            let written = if let Some((start, run)) = touching {
                let offset = usize::try_from(at - *start).unwrap_or(usize::MAX);
                let old = run.get_mut(offset..).unwrap_or_default();
                if old.is_empty() {
                    run.extend_from_slice(part);
                    self.len += part.len();
                    part.len()
                } else {
                    let both = old.len().min(part.len());
                    for (old, new) in old.iter_mut().zip(part) {
                        *old = *new;
                    }
                    both
                }
            } else {
                if self.runs.len() >= most {
                    return Err(TooManyGaps);
                }
                self.runs.insert(at, BytesMut::from(part));
                self.len += part.len();
                part.len()
            };
            at += written as u64;
            data = if written == part.len() { rest } else { data.get(written..).unwrap_or_default() };
        }
        Ok(())
    }

    /// All bytes, in order.
    fn take(&mut self) -> Bytes {
        self.len = 0;
        let mut runs = std::mem::take(&mut self.runs).into_values();
        let mut whole = runs.next().unwrap_or_default();
        for run in runs {
            whole.extend_from_slice(&run);
        }
        whole.freeze()
    }
}
