//! The notifications of a publication.

use serde::{Deserialize, Serialize};

use crate::cause::Cause;
use crate::usage::Retry;

/// News of a publication. It has exactly one end: `DidFail`, `DidEnd` or `DidNotEnd`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PublicationEvent {
    /// The state was published (`SIPPublicationDidSucceed`, `SCPublicationDidSucceed`). Told for the first time, and for each change; refreshes pass silently.
    DidSucceed {
        /// For how many seconds it lasts, unless it is refreshed, which it is.
        expires: u32,
    },
    /// It could not be published or kept (`SIPPublicationDidFail`, `SCPublicationDidFail`).
    DidFail {
        /// Why.
        cause: Cause,
        /// The shortest time in seconds that the server accepts, after a 423.
        min_expires: Option<u32>,
        /// When another attempt makes sense.
        retry: Retry,
    },
    /// `end` was called (`SIPPublicationWillEnd`, `SCPublicationWillEnd`).
    WillEnd,
    /// It was removed (`SIPPublicationDidEnd`, `SCPublicationDidEnd`).
    DidEnd,
    /// It was not removed, and lasts until it expires (`SIPPublicationDidNotEnd`).
    DidNotEnd {
        /// Why.
        cause: Cause,
    },
}

impl PublicationEvent {
    /// The names of the reference, then those of seed 000.
    #[must_use]
    pub const fn names(&self) -> &'static [&'static str] {
        match self {
            Self::DidSucceed { .. } => &["SIPPublicationDidSucceed", "SCPublicationDidSucceed"],
            Self::DidFail { .. } => &["SIPPublicationDidFail", "SCPublicationDidFail"],
            Self::WillEnd => &["SIPPublicationWillEnd", "SCPublicationWillEnd"],
            Self::DidEnd => &["SIPPublicationDidEnd", "SCPublicationDidEnd"],
            Self::DidNotEnd { .. } => &["SIPPublicationDidNotEnd"],
        }
    }
}
