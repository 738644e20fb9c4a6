//! The direction of a media stream (RFC 8866 section 6.7, RFC 3264 section 6.1).

use std::fmt;

use serde::{Deserialize, Serialize};

/// Which way media flows, seen from the side whose SDP says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Both ways; what no attribute means.
    #[default]
    SendRecv,
    /// From this side only.
    SendOnly,
    /// To this side only.
    RecvOnly,
    /// Neither way.
    Inactive,
}

impl Direction {
    /// The direction that sends or not, and receives or not.
    #[must_use]
    pub const fn new(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Self::SendRecv,
            (true, false) => Self::SendOnly,
            (false, true) => Self::RecvOnly,
            (false, false) => Self::Inactive,
        }
    }

    /// Whether this side sends.
    #[must_use]
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// Whether this side receives.
    #[must_use]
    pub const fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    /// The same stream seen from the other side.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self::new(self.receives(), self.sends())
    }

    /// What an answerer that would like `self` says to an offer of `offered`: it sends only what the offerer receives, and the other way round (RFC 3264 section 6.1).
    #[must_use]
    pub const fn answer_to(self, offered: Self) -> Self {
        Self::new(self.sends() && offered.receives(), self.receives() && offered.sends())
    }

    /// The attribute's name, as in `a=sendrecv`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// The direction that this attribute name says, if it is one. Attribute names are case-sensitive (RFC 8866 section 5.13).
    #[must_use]
    pub fn from_attribute(name: &str) -> Option<Self> {
        match name {
            "sendrecv" => Some(Self::SendRecv),
            "sendonly" => Some(Self::SendOnly),
            "recvonly" => Some(Self::RecvOnly),
            "inactive" => Some(Self::Inactive),
            _ => None,
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Direction::{self, Inactive, RecvOnly, SendOnly, SendRecv};

    #[test]
    fn answers_follow_the_lattice_of_rfc_3264() {
        let allowed = |offered| match offered {
            SendRecv => vec![SendRecv, SendOnly, RecvOnly, Inactive],
            SendOnly => vec![RecvOnly, Inactive],
            RecvOnly => vec![SendOnly, Inactive],
            Inactive => vec![Inactive],
        };
        for offered in [SendRecv, SendOnly, RecvOnly, Inactive] {
            for wanted in [SendRecv, SendOnly, RecvOnly, Inactive] {
                assert!(allowed(offered).contains(&wanted.answer_to(offered)), "{wanted} to {offered}");
            }
            assert_eq!(SendRecv.answer_to(offered), offered.reversed());
            assert_eq!(Direction::from_attribute(offered.as_str()), Some(offered));
        }
    }
}
