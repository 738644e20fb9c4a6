//! The name of a dialog (RFC 3261 section 12).

use std::fmt;

use crate::sip::Text;

/// Call-ID, local tag and remote tag: compared byte by byte.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DialogId {
    call_id: Text,
    local_tag: Text,
    remote_tag: Text,
}

impl DialogId {
    /// The dialog with these three; copied out of the message they came in.
    #[must_use]
    pub fn new(call_id: &str, local_tag: &str, remote_tag: &str) -> Self {
        Self { call_id: call_id.into(), local_tag: local_tag.into(), remote_tag: remote_tag.into() }
    }

    /// The Call-ID.
    #[must_use]
    pub const fn call_id(&self) -> &Text {
        &self.call_id
    }

    /// Our tag.
    #[must_use]
    pub const fn local_tag(&self) -> &Text {
        &self.local_tag
    }

    /// The peer's tag; empty for a peer of RFC 2543.
    #[must_use]
    pub const fn remote_tag(&self) -> &Text {
        &self.remote_tag
    }
}

impl fmt::Display for DialogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{};local={};remote={}", self.call_id, self.local_tag, self.remote_tag)
    }
}
