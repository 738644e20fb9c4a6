//! The states of a session.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The state of a session, under the seeds' names.
///
/// ```text
///                  connect                        INVITE
///  Null ─────────────────────► Outgoing   Incoming ◄──────── Null
///                                 │          │   │
///                                 │   accept │   │ reject, end
///                                 │          ▼   └───────────┐
///                                 │      Accepting           │
///                 2xx, streams    │          │ ACK, streams  │
///                 started         ▼          ▼ started       │
///                              Connected ◄───┘               │
///                                 │ end, BYE                 │
///                                 ▼                          │
///                            Terminating ◄───────────────────┘
///                                 │
///                                 ▼
///                             Terminated
/// ```
///
/// A failure in any state leads to `Terminated`. While it is established, proposals come and go; `end` and BYE are as in `Connected`:
///
/// ```text
///                  add_stream, remove_stream,
///                  hold, unhold                    cancel_proposal
///             ┌──► SendingProposal ──────────────► CancellingProposal ──┐
///             │      │      ▲ back-off                                  │
///             │      │      ▼                                           │
///  Connected ─┼──► ReceivedProposal ──┬─ accept_proposal ► AcceptingProposal ─┐
///      ▲      │    the peer's, with   └─ reject_proposal ► RejectingProposal ─┤
///      │      │    new streams                                          │     │
///      │      └──► ReceivedProposalRequest ── ACK ──────────────────────┤     │
///      │           the peer's, without an offer                         │     │
///      └────────────────────────────────────────────────────────────────┴─────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SessionState {
    /// Before `connect`, and before an INVITE was looked at.
    Null,
    /// `connect` was called: streams initialise, the INVITE is under way.
    Outgoing,
    /// An INVITE came and waits for the application.
    Incoming,
    /// `accept` was called: streams start, the ACK is awaited.
    Accepting,
    /// Established.
    Connected,
    /// Established, and the peer proposes to add streams: that waits for the application.
    ReceivedProposal,
    /// Established, and the peer has asked for an offer: that waits for its answer.
    ReceivedProposalRequest,
    /// Established, and `accept_proposal` was called: the new streams start.
    AcceptingProposal,
    /// Established, and `reject_proposal` was called: the ACK is awaited.
    RejectingProposal,
    /// Established, and a re-INVITE of ours is under way, or about to be.
    SendingProposal,
    /// Established, and `cancel_proposal` was called.
    CancellingProposal,
    /// Ending.
    Terminating,
    /// Over.
    Terminated,
}

impl SessionState {
    /// Whether the session is established, whatever is proposed in it.
    #[must_use]
    pub const fn is_established(self) -> bool {
        matches!(
            self,
            Self::Connected
                | Self::ReceivedProposal
                | Self::ReceivedProposalRequest
                | Self::AcceptingProposal
                | Self::RejectingProposal
                | Self::SendingProposal
                | Self::CancellingProposal
        )
    }

    /// The name of the seeds: `outgoing`, `connected` and so on; `null` for their `None`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Outgoing => "outgoing",
            Self::Incoming => "incoming",
            Self::Accepting => "accepting",
            Self::Connected => "connected",
            Self::ReceivedProposal => "received_proposal",
            Self::ReceivedProposalRequest => "received_proposal_request",
            Self::AcceptingProposal => "accepting_proposal",
            Self::RejectingProposal => "rejecting_proposal",
            Self::SendingProposal => "sending_proposal",
            Self::CancellingProposal => "cancelling_proposal",
            Self::Terminating => "terminating",
            Self::Terminated => "terminated",
        }
    }
}

impl fmt::Display for SessionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which side started a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The other side.
    Incoming,
    /// This side.
    Outgoing,
}

impl Direction {
    /// The seeds' word: `incoming` or `outgoing`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Incoming => "incoming",
            Self::Outgoing => "outgoing",
        }
    }
}
