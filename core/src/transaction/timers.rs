//! The timers of transactions (RFC 3261 table 4, RFC 6026).

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The base intervals from which every timer of RFC 3261 is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timers {
    /// The round-trip time estimate.
    pub t1: Duration,
    /// The longest interval between retransmissions of a non-INVITE request and of a response.
    pub t2: Duration,
    /// How long a message may live in the network.
    pub t4: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        Self { t1: Duration::from_millis(500), t2: Duration::from_secs(4), t4: Duration::from_secs(5) }
    }
}

impl Timers {
    /// 64·T1: how long a transaction waits for a response, and how long its remains stay.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.t1.saturating_mul(64)
    }
}

/// The timers, by their letters in the RFCs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Timer {
    /// INVITE request retransmission, UDP only.
    A,
    /// INVITE client transaction timeout.
    B,
    /// How long responses to an INVITE are awaited for after a final one.
    D,
    /// Non-INVITE request retransmission, UDP only.
    E,
    /// Non-INVITE client transaction timeout.
    F,
    /// INVITE response retransmission, UDP only.
    G,
    /// How long an ACK is awaited.
    H,
    /// How long ACK retransmissions are absorbed.
    I,
    /// How long retransmissions of a non-INVITE request are answered.
    J,
    /// How long retransmissions of a final response to a non-INVITE are absorbed.
    K,
    /// How long retransmissions of an accepted INVITE are absorbed (RFC 6026).
    L,
    /// How long retransmitted and forked 2xx are passed up (RFC 6026).
    M,
    /// The 200 ms after which an unanswered INVITE is answered with 100 (RFC 3261 section 17.2.1), and the time after which another request is (RFC 4320 section 4.1).
    Trying,
}
