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
/// A failure in any state leads to `Terminated`. The states of proposals come with step 3.
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
    /// Ending.
    Terminating,
    /// Over.
    Terminated,
}

impl SessionState {
    /// The name of the seeds: `outgoing`, `connected` and so on; `null` for their `None`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Outgoing => "outgoing",
            Self::Incoming => "incoming",
            Self::Accepting => "accepting",
            Self::Connected => "connected",
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
