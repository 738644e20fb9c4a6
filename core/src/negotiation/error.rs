//! Why an offer or an answer is refused.

use crate::sdp::BuildError;

/// Why this side cannot make an offer. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OfferError {
    /// An offer of either side waits for its answer.
    #[error("an offer is outstanding")]
    Outstanding,
    /// There is no such slot.
    #[error("there is no media line {0}")]
    UnknownSlot(usize),
    /// The same slot is named twice.
    #[error("media line {0} is named twice")]
    RepeatedSlot(usize),
    /// A media line without a format.
    #[error("media line {0} has no format")]
    NoFormats(usize),
    /// A text that cannot stand in a description.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// Why this side cannot make an answer. Nothing has changed: the offer still waits for an answer, or for [`roll_back`](super::Negotiator::roll_back).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// There is no remote offer to answer.
    #[error("there is no offer to answer")]
    NoOffer,
    /// The offer has no such slot.
    #[error("there is no media line {0}")]
    UnknownSlot(usize),
    /// The same slot is named twice.
    #[error("media line {0} is named twice")]
    RepeatedSlot(usize),
    /// Not one stream of the offer is accepted, or has a format in common: the request is to be answered with 488.
    #[error("no stream is acceptable")]
    NothingInCommon,
    /// A text that cannot stand in a description.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// Why a description of the peer is refused. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// An offer crossed this side's own one.
    #[error("an own offer is outstanding")]
    Glare,
    /// An offer came while another one of the peer waits for its answer.
    #[error("an earlier offer waits for its answer")]
    Unanswered,
    /// An answer came, and there was no offer.
    #[error("there is no offer that this could answer")]
    NoOffer,
    /// An offer without media lines that the session has (RFC 3264 section 8).
    #[error("{lines} media lines where there were {before}")]
    LinesMissing {
        /// How many there were.
        before: usize,
        /// How many the offer has.
        lines: usize,
    },
    /// An answer with another number of media lines than the offer (RFC 3264 section 6).
    #[error("{lines} media lines in the answer to {offered}")]
    LineCount {
        /// How many the offer has.
        offered: usize,
        /// How many the answer has.
        lines: usize,
    },
    /// An answer with another media type at this slot (RFC 3264 section 6.1).
    #[error("media line {0} has another type than the offer's")]
    MediaType(usize),
    /// An answer that accepts this slot with another transport protocol.
    #[error("media line {0} has another transport protocol than the offer's")]
    Protocol(usize),
    /// A stream over RTP without an address (RFC 8866 section 5.7).
    #[error("media line {0} has no c= line")]
    NoConnection(usize),
}

impl Refused {
    /// The response to a request with such an offer: 491 for glare, 500 with Retry-After for a second offer (RFC 3261 section 14.2), else 488.
    #[must_use]
    pub const fn response(&self) -> u16 {
        match self {
            Self::Glare => 491,
            Self::Unanswered => 500,
            Self::NoOffer
            | Self::LinesMissing { .. }
            | Self::LineCount { .. }
            | Self::MediaType(_)
            | Self::Protocol(_)
            | Self::NoConnection(_) => 488,
        }
    }
}
