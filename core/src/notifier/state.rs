//! The states of an incoming subscription.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The state of an incoming subscription (RFC 6665 section 4.2.2), under the names of the reference.
///
/// ```text
///        SUBSCRIBE, REFER
///  Null ───────────────► Incoming ── reject, or nobody for 20 s (REFER) ─┐
///                          │  │                                          │
///                   accept │  │ accept as pending, or nobody for 2 s     │
///                          │  ▼                                          │
///                          │ Pending ── end, expiry, NOTIFY failed ──┐   │
///                          ▼  │ accept                               ▼   ▼
///                        Active ── end, expiry, NOTIFY failed ──► Terminated
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The SUBSCRIBE or REFER is not answered yet.
    Incoming,
    /// It was taken, and whether it is allowed is not known yet.
    Pending,
    /// It is allowed.
    Active,
    /// Over. The last NOTIFY may still be under way: see [`Notifier::is_done`](super::Notifier::is_done).
    Terminated,
}

impl State {
    /// The name in a Subscription-State header.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Incoming | Self::Pending => "pending",
            Self::Active => "active",
            Self::Terminated => "terminated",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Incoming { "incoming" } else { self.as_str() })
    }
}
