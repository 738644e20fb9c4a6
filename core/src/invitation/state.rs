//! The states of an INVITE usage.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The state of an INVITE usage, under the names of the reference.
///
/// ```text
///             invite                         INVITE
///  Null ───────────────► Outgoing   Incoming ◄─────── Null
///                 1xx │     │          │  │ 18x
///                     ▼     │ 2xx      │  ▼
///                   Early ──┤          │ Early
///                           ▼          ▼  │ 2xx
///                      Connecting   Connecting
///                       ACK │          │ ACK
///                           ▼          ▼
///                           Connected ◄──────┐
///                             │  │           │ re-INVITE answered
///            re-INVITE ───────┼──┴─► Connected with a proposal sent or received
///                     end,BYE │
///                             ▼
///  (any) ── end ──► Disconnecting ── BYE answered, 487, ACK of a refusal, 64·T1 ──► Disconnected
///  (any) ── refused, BYE received, CANCEL received, transport lost ───────────────► Disconnected
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The INVITE that we sent has no answer above 100 yet.
    Outgoing,
    /// The INVITE that came has no answer above 100 yet.
    Incoming,
    /// A provisional response was sent or received.
    Early,
    /// A 2xx was sent or received, and the ACK not yet.
    Connecting,
    /// The ACK was sent or received.
    Connected,
    /// We ended it, and wait for the peer's word.
    Disconnecting,
    /// Over. The usage may linger to answer late messages: see [`Invitation::is_done`](super::Invitation::is_done).
    Disconnected,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Outgoing => "outgoing",
            Self::Incoming => "incoming",
            Self::Early => "early",
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Disconnecting => "disconnecting",
            Self::Disconnected => "disconnected",
        })
    }
}

/// What a connected usage is busy with (the reference's `sub_state`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubState {
    /// Nothing.
    Normal,
    /// A re-INVITE of ours is unanswered.
    SentProposal,
    /// A re-INVITE of the peer is unanswered.
    ReceivedProposal,
}
