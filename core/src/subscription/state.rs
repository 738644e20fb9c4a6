//! The states of a subscription.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The state of a subscription (RFC 6665 section 4.1.2), under the names of the reference.
///
/// ```text
///          subscribe          2xx
///  Null ──────────────► Sent ─────► Accepted
///                        │  NOTIFY     │ NOTIFY
///                        ├─────────────┤
///                        ▼             ▼
///          Pending ◄── NOTIFY ──► Active        (NOTIFYs go on; refreshes keep it alive)
///             │                     │
///             └──────────┬──────────┘
///                        ▼
///  (any) ── refused, NOTIFY terminated, no NOTIFY for 64·T1, expired, ended ──► Terminated
/// ```
///
/// A subscription with several dialogs is in the state of the best of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing was sent yet.
    Null,
    /// The SUBSCRIBE is on its way.
    Sent,
    /// It was answered with 2xx; no NOTIFY has come.
    Accepted,
    /// The notifier does not know yet whether it is allowed.
    Pending,
    /// It is allowed.
    Active,
    /// Over.
    Terminated,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Sent => "sent",
            Self::Accepted => "accepted",
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Terminated => "terminated",
        })
    }
}
