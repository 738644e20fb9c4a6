//! How much of a message may be on its way without an answer.
//!
//! RFC 4975 section 7.1.1 lets requests follow each other without waiting for responses, and a connection has its own flow control; what is
//! kept here of a chunk is not its bytes. But a receiver that cannot take more of one session answers later and keeps what has come, so that
//! the other sessions of the connection go on (and an answer that takes longer than 30 s is none). So a message begins with what a receiver
//! can keep, and gets more where it is the way that is long and not the receiver that is slow:
//!
//! ```text
//!  answered within twice the time that the way takes, at least: it grows by what was answered (twice as much each round)
//!  answered after four times of that: it shrinks by as much
//! ```

use std::time::Duration;

/// What is always allowed, and enough for a way that is not long.
const LEAST: u64 = 2 * 1024 * 1024;
/// A way is long on which an answer takes longer than this.
const LONG: Duration = Duration::from_millis(5);

/// How an answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Haste {
    /// As soon as a long way allows.
    Soon,
    /// Neither soon nor late.
    Whenever,
    /// Its receiver, or something on the way, does not keep up.
    Late,
}

/// How long answers take on a connection.
#[derive(Debug, Default)]
pub(super) struct Pace {
    least: Option<Duration>,
}

impl Pace {
    /// An answer took so long.
    pub(super) fn judge(&mut self, took: Duration) -> Haste {
        let least = self.least.map_or(took, |least| least.min(took));
        self.least = Some(least);
        if took > (least * 4).max(LONG) {
            Haste::Late
        } else if least > LONG && took <= least * 2 {
            Haste::Soon
        } else {
            Haste::Whenever
        }
    }
}

/// How much of one message may be unanswered, and is.
#[derive(Debug)]
pub(super) struct Window {
    size: u64,
    most: u64,
    unanswered: u64,
    /// How much of that was under way when no more could be: it was the window that held it up.
    bound: u64,
}

impl Window {
    /// One that never is larger than this.
    pub(super) fn new(most: usize) -> Self {
        let most = most as u64;
        Self { size: LEAST.min(most), most, unanswered: 0, bound: 0 }
    }

    /// Whether another chunk may begin.
    pub(super) const fn is_open(&self) -> bool {
        self.unanswered < self.size
    }

    /// A chunk of so many bytes was sent whole.
    pub(super) const fn sent(&mut self, bytes: u64) {
        self.unanswered += bytes;
        if !self.is_open() {
            self.bound = self.unanswered;
        }
    }

    /// It was answered.
    pub(super) fn answered(&mut self, bytes: u64, haste: Haste) {
        let was_bound = self.bound > 0;
        self.bound = self.bound.saturating_sub(bytes);
        self.unanswered = self.unanswered.saturating_sub(bytes);
        let size = match haste {
            Haste::Soon if was_bound => self.size + bytes,
            Haste::Late => self.size.saturating_sub(bytes).max(LEAST),
            Haste::Soon | Haste::Whenever => self.size,
        };
        self.size = size.min(self.most);
    }
}
