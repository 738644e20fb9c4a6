//! What an agent tells.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Candidate, Description, PairState};

/// How far an agent is.
///
/// ```text
///  New ──negotiate──► Running ──every component has a nominated pair──► Completed
///   ▲                   │  ▲                                               │
///   │                   │  └──────────── negotiate ── restart ◄────────────┤
///   └── restart ────────┴── out of time, or no pair ──► Failed ◄── consent ┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The peer's candidates are not known.
    New,
    /// Checks are made.
    Running,
    /// Every component has its pair.
    Completed,
    /// It has none, or may use it no longer.
    Failed,
}

/// Why ICE failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// No candidate of the peer's can be paired with one of ours.
    #[error("there are no candidate pairs")]
    NoPairs,
    /// No pair was nominated in time.
    #[error("no connectivity check was successful in time")]
    TimedOut,
    /// The peer answers no longer (RFC 7675).
    #[error("the peer no longer consents to receive")]
    ConsentLost,
}

/// The pair that a component uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selected {
    /// Where it leaves from: one of our bases.
    pub base: SocketAddr,
    /// Our candidate: the address that the peer sees.
    pub local: Candidate,
    /// The peer's candidate.
    pub remote: Candidate,
}

/// How the check of a pair ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckResult {
    /// Our candidate.
    pub local: Candidate,
    /// The peer's.
    pub remote: Candidate,
    /// The state of the pair.
    pub state: PairState,
    /// Whether it was nominated.
    pub nominated: bool,
}

/// What negotiation came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The pairs that are used, by component.
    pub selected: Vec<Selected>,
    /// How long it took since both sides' candidates were known.
    pub duration: Duration,
    /// Our candidates.
    pub local_candidates: Vec<Candidate>,
    /// The peer's.
    pub remote_candidates: Vec<Candidate>,
    /// What became of each pair.
    pub checks: Vec<CheckResult>,
}

/// News of an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// Candidates have been gathered: this is what the peer is to be told.
    Gathered {
        /// Our description.
        description: Box<Description>,
    },
    /// It has begun to check.
    Started,
    /// Every component has its pair.
    Succeeded(Box<Outcome>),
    /// After that, the peer chose a better pair.
    Moved {
        /// The component.
        component: u8,
        /// Its pair from now on.
        selected: Box<Selected>,
    },
    /// It failed.
    Failed(Failure),
}
