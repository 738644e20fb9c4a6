//! Pairs of candidates (RFC 8445 sections 6.1.2.2 to 6.1.2.6).
//!
//! ```text
//!            its foundation         a check               answered
//!  Frozen ───────────────► Waiting ────────► In-Progress ─────────► Succeeded
//!                            ▲                   │   │
//!                            └── triggered ──────┘   └─ no answer, or a wrong one ──► Failed
//!                            └────────────────────────────── triggered ─────────────────┘
//! ```

use serde::{Deserialize, Serialize};

use crate::stun::{Transaction, TransactionId};

/// Who decides which pairs are used (RFC 8445 section 6.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// We do: we made the offer, or the peer is lite.
    Controlling,
    /// The peer does.
    Controlled,
}

impl Role {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Controlling => Self::Controlled,
            Self::Controlled => Self::Controlling,
        }
    }
}

/// How far the check of a pair is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PairState {
    /// One that is likely to end alike goes first.
    Frozen,
    /// It will be checked.
    Waiting,
    /// A request waits for its answer.
    InProgress,
    /// An answer came.
    Succeeded,
    /// No answer came, or a wrong one.
    Failed,
}

/// The priority of a pair (RFC 8445 section 6.1.2.3): the same on both sides.
pub(super) fn pair_priority(role: Role, local: u32, remote: u32) -> u64 {
    let (controlling, controlled) = match role {
        Role::Controlling => (u64::from(local), u64::from(remote)),
        Role::Controlled => (u64::from(remote), u64::from(local)),
    };
    (controlling.min(controlled) << 32) + 2 * controlling.max(controlled) + u64::from(controlling > controlled)
}

/// A request that was sent for a pair.
#[derive(Clone, Debug)]
pub(super) struct Check {
    pub(super) transaction: Transaction,
    /// Our role when it was sent.
    pub(super) role: Role,
    /// Whether it nominates.
    pub(super) nominates: bool,
}

/// A pair of the check list. Candidates are named by their places.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) local: usize,
    pub(super) remote: usize,
    pub(super) component: u8,
    pub(super) priority: u64,
    pub(super) state: PairState,
    /// The requests that wait for an answer: one, and those that a triggered check has replaced.
    pub(super) checks: Vec<Check>,
    /// The pair's place among the valid ones, once its check has succeeded.
    pub(super) valid: Option<usize>,
    /// Whether the peer has nominated it.
    pub(super) nominated_by_peer: bool,
    /// Whether its next check nominates.
    pub(super) nominate: bool,
    /// The last request of the peer's that triggered a check: its repetitions trigger none.
    pub(super) triggered_by: Option<TransactionId>,
}

impl Pair {
    pub(super) const fn new(local: usize, remote: usize, component: u8, priority: u64, state: PairState) -> Self {
        Self {
            local,
            remote,
            component,
            priority,
            state,
            checks: Vec::new(),
            valid: None,
            nominated_by_peer: false,
            nominate: false,
            triggered_by: None,
        }
    }

    /// Whether a check that nominates it is to be made, or is under way.
    pub(super) fn is_being_nominated(&self) -> bool {
        self.nominate || self.checks.iter().any(|check| check.nominates)
    }

    /// Whether it may still turn out to work.
    pub(super) const fn is_open(&self) -> bool {
        match self.state {
            PairState::Frozen | PairState::Waiting | PairState::InProgress => true,
            PairState::Succeeded | PairState::Failed => false,
        }
    }
}
