//! One Binding transaction over datagrams (RFC 8489 section 6.2.1).
//!
//! ```text
//!  start ──► Waiting ──response──► (the mapped address)
//!             │   ▲
//!             └───┘ again after RTO, 2·RTO, 4·RTO …, 7 times in all
//!             └── 16·RTO after the last ──► (failed)
//! ```

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use super::{BINDING, Builder, Class, Message, TransactionId};
use crate::random::Random;
use crate::time::Instant;

/// The time to the first repetition.
const RTO: Duration = Duration::from_millis(500);

/// How often a request is sent in all (Rc).
const REQUESTS: u32 = 7;

/// How long the answer to the last one is waited for, in RTO (Rm).
const LAST: u32 = 16;

/// A Binding transaction.
#[derive(Clone, Debug)]
pub struct Binding {
    transaction: TransactionId,
    request: Bytes,
    sent: u32,
    due: Instant,
}

/// What a deadline brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It has not come yet.
    Wait,
    /// Send the request again.
    Send(Bytes),
    /// Nobody answers.
    Failed,
}

impl Binding {
    /// Starts one; the request is to be sent now.
    pub fn start(now: Instant, random: &mut Random) -> (Self, Bytes) {
        let transaction = TransactionId::random(random);
        let request = Builder::new(Class::Request, BINDING, transaction).finish();
        (Self { transaction, request: request.clone(), sent: 1, due: now + RTO }, request)
    }

    /// When [`timeout`](Self::timeout) is next due.
    #[must_use]
    pub const fn deadline(&self) -> Instant {
        self.due
    }

    /// Time has passed.
    pub fn timeout(&mut self, now: Instant) -> Step {
        if now < self.due {
            return Step::Wait;
        }
        if self.sent >= REQUESTS {
            return Step::Failed;
        }
        let factor = if self.sent + 1 == REQUESTS { LAST } else { 1 << self.sent };
        self.sent += 1;
        self.due = now + RTO * factor;
        Step::Send(self.request.clone())
    }

    /// What a message that came tells: nothing if it is not the response; otherwise the mapped address, if that is in it.
    #[must_use]
    pub fn response(&self, message: &Message) -> Option<Option<SocketAddr>> {
        let is_ours = message.transaction() == self.transaction && message.is_binding();
        match message.class() {
            Class::Success if is_ours => Some(message.mapped_address()),
            Class::Error if is_ours => Some(None),
            Class::Success | Class::Error | Class::Request | Class::Indication => None,
        }
    }
}
