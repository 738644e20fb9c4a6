//! ICE (RFC 8445): which of the addresses of two peers reach each other, found by checks with STUN.
//!
//! | of RFC 8445 and its companions | here |
//! |---|---|
//! | 5.1.1: candidates, priorities, foundations | [`Candidate`], [`Kind`], gathered by an [`Endpoint`] |
//! | 5.3, RFC 8839: descriptions in SDP | [`Description`] |
//! | 6.1.2: pairs, pruning, states | [`PairState`], the check list |
//! | 6.1.4, 7, 8: checks, roles, nomination | [`Agent`] |
//! | 9: restarts | [`Agent::restart`] |
//! | 11: keep-alives; RFC 7675: consent | [`Agent`] |
//! | aggressive nomination (RFC 5245) | understood, not done |
//! | lite peers | understood; we are full |
//! | trickling (RFC 8838), TCP candidates (RFC 6544) | not here; their lines are passed over |
//!
//! Each data stream has an agent of its own: foundations thaw, and checks are paced, per stream.

mod agent;
mod candidate;
mod checklist;
mod description;
mod endpoint;
mod event;
mod pair;

pub use agent::{Agent, Arrival, Config, Transmit};
pub use candidate::{Candidate, Foundation, Kind, Local};
pub use description::{Credentials, Description, Exchange, Support};
pub use endpoint::{Endpoint, Incoming, Servers};
pub use event::{CheckResult, Event, Failure, Outcome, Selected, State};
pub use pair::{PairState, Role};

/// The component of RTP, and of RTCP where both share it.
pub const RTP: u8 = 1;

/// The component of RTCP.
pub const RTCP: u8 = 2;

#[cfg(test)]
mod tests;
