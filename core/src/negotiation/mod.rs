//! Offer and answer (RFC 3264, RFC 6337): what both sides make of their session descriptions.
//!
//! A [`Negotiator`] stands for one side of one dialog. It is told what this side's streams would like
//! ([`Description`]), writes offers and answers, judges those of the peer, and says what was agreed on ([`Agreed`]) in the
//! words of the media path. It knows nothing of SIP: who carries the descriptions keeps to RFC 6337 table 1.

mod agreed;
mod codec;
mod error;
mod lines;
mod local;
mod negotiator;
mod proposal;
mod sdes;
#[cfg(test)]
mod tests;

pub use agreed::{Agreed, AgreedMedia};
pub use codec::Codec;
pub use error::{AnswerError, OfferError, Refused};
pub use local::{Description, Formats, LocalAnswer, LocalMedia};
pub use negotiator::{Choice, Negotiator, Origin, State};
pub use proposal::{Change, Proposal, Proposed};
pub use sdes::{Crypto, Sdes, demands_srtp, has_srtp};
