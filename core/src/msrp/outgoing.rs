//! A message that we send: what of it can be sent, has been sent, and is known to have arrived (RFC 4975 section 7.1.1).

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::window::Window;
use super::{FailureReport, Intervals, Path};
use crate::id::StreamId;
use crate::sip::Text;

/// Bytes of a fed message that are kept ready.
const AHEAD: u64 = 256 * 1024;

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its name; nothing else of the session has it.
    pub id: Text,
    /// The type of what it holds.
    pub content_type: Text,
    /// What it holds.
    pub content: Content,
    /// Whether its receiver is asked to tell what has arrived.
    pub success_report: bool,
    /// Whether failures are told.
    pub failure_report: FailureReport,
}

/// What a message holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// These bytes.
    Bytes(Bytes),
    /// So many bytes, which are asked for as there is room for them.
    Fed(u64),
}

impl Content {
    /// How many bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            Self::Fed(len) => *len,
        }
    }

    /// How many need not be asked for.
    pub(super) fn ready(&self) -> u64 {
        match self {
            Self::Bytes(_) => self.len(),
            Self::Fed(_) => 0,
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The two ends of a session, as requests of ours name them.
#[derive(Clone, Debug)]
pub(super) struct Ends {
    pub(super) to: Path,
    pub(super) from: Path,
}

/// A message under way.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) stream: StreamId,
    pub(super) ends: Arc<Ends>,
    pub(super) id: Text,
    pub(super) content_type: Text,
    pub(super) success: bool,
    pub(super) failure: FailureReport,
    pub(super) total: u64,
    /// Whether its bytes are asked for.
    pub(super) fed: bool,
    /// Bytes that need not be asked for.
    pub(super) ready: u64,
    /// Bytes that can be sent, and how many.
    queue: VecDeque<Bytes>,
    pub(super) queued: u64,
    /// Bytes that were asked for, whether they have come or not.
    asked: u64,
    /// The number of the next byte to send, from 1.
    pub(super) next: u64,
    /// Whether its last chunk was sent.
    pub(super) sent: bool,
    /// Whether it waits for its turn.
    pub(super) waits: bool,
    /// Chunks that were not answered yet.
    pub(super) unanswered: u32,
    /// How many bytes may be sent before they are answered.
    pub(super) window: Window,
    /// What the receiver reported to have.
    pub(super) reported: Intervals,
    /// Whether it reported at all.
    pub(super) heard: bool,
}

impl Outgoing {
    pub(super) fn new(stream: StreamId, ends: Arc<Ends>, message: Message, window: Window) -> Self {
        let (total, fed) = (message.content.len(), matches!(message.content, Content::Fed(_)));
        let (queue, queued) = match message.content {
            Content::Bytes(bytes) => (VecDeque::from([bytes]), total),
            Content::Fed(_) => (VecDeque::new(), 0),
        };
        Self {
            stream,
            ends,
            id: message.id,
            content_type: message.content_type,
            success: message.success_report,
            failure: message.failure_report,
            total,
            fed,
            ready: queued,
            queue,
            queued,
            asked: queued,
            next: 1,
            sent: false,
            waits: false,
            unanswered: 0,
            window,
            reported: Intervals::EMPTY,
            heard: false,
        }
    }

    /// Bytes that were not sent yet.
    pub(super) const fn left(&self) -> u64 {
        self.total - (self.next - 1)
    }

    /// Bytes to ask for now: where they begin, counted from 0, and how many.
    pub(super) fn wants(&mut self) -> Option<(u64, u64)> {
        let ahead = self.asked - (self.next - 1);
        let (at, len) = (self.asked, AHEAD.saturating_sub(ahead).min(self.total - self.asked));
        // Small questions only at the end.
        if len == 0 || (len < AHEAD / 4 && self.asked + len < self.total) {
            return None;
        }
        self.asked += len;
        Some((at, len))
    }

    /// Takes bytes that were asked for; more than were are left out.
    pub(super) fn feed(&mut self, mut data: Bytes) {
        let room = usize::try_from(self.asked - (self.next - 1) - self.queued).unwrap_or(usize::MAX);
        data.truncate(room);
        if !data.is_empty() {
            self.queued += data.len() as u64;
            self.queue.push_back(data);
        }
    }

    /// Takes at most so many bytes to be sent.
    pub(super) fn take(&mut self, most: usize) -> Bytes {
        let Some(front) = self.queue.front_mut() else { return Bytes::new() };
        let part = front.split_to(most.min(front.len()));
        if front.is_empty() {
            self.queue.pop_front();
        }
        self.queued -= part.len() as u64;
        self.next += part.len() as u64;
        part
    }

    /// Gives back what was taken last.
    pub(super) fn give_back(&mut self, part: Bytes) {
        self.queued += part.len() as u64;
        self.next -= part.len() as u64;
        self.queue.push_front(part);
    }

    /// The receiver has all of it, as far as it was asked to tell.
    pub(super) fn has_arrived(&self) -> bool {
        // The receiver's word is worth more than an answer, which comes from the first hop.
        let told = match (self.success, self.failure) {
            (true, _) => self.heard && self.reported.covered() >= self.total,
            (false, FailureReport::Yes) => self.unanswered == 0,
            (false, FailureReport::Partial | FailureReport::No) => false,
        };
        self.sent && told
    }

    /// Whether nothing more will be told of it.
    pub(super) fn is_unwatched(&self) -> bool {
        self.sent && !self.success && self.failure != FailureReport::Yes
    }
}
