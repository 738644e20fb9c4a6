//! The notifications of a stream.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::media;
use crate::sip::Text;

/// News of a stream. `DidInitialize` comes once, `DidStart` once, and one of `DidEnd` and `DidFail` ends it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StreamEvent {
    /// Its sockets are bound (`MediaStreamDidInitialize`).
    DidInitialize,
    /// Media can flow (`MediaStreamDidStart`).
    DidStart {
        /// What was agreed on.
        parameters: media::Parameters,
        /// The local RTP address.
        local: SocketAddr,
    },
    /// The parameters changed (`AudioStreamDidChangeRTPParameters`).
    DidChangeParameters {
        /// What is agreed on now.
        parameters: media::Parameters,
    },
    /// It failed (`MediaStreamDidFail`).
    DidFail {
        /// Why.
        reason: Text,
    },
    /// About to end (`MediaStreamWillEnd`).
    WillEnd,
    /// Ended (`MediaStreamDidEnd`).
    DidEnd,
    /// The peer pressed a key (`AudioStreamGotDTMF`).
    GotDtmf {
        /// The digit.
        digit: char,
    },
    /// No audio came for the time in the configuration.
    GotNoAudio {
        /// Whether any has ever come.
        got_any: bool,
    },
    /// The first packet came, or packets now come from another address.
    Source {
        /// The address.
        address: SocketAddr,
    },
    /// A report of the packet counters.
    Statistics(Box<media::Statistics>),
}

impl StreamEvent {
    /// The seeds' names: 002's first, then 000's.
    #[must_use]
    pub const fn names(&self) -> &'static [&'static str] {
        match self {
            Self::DidInitialize => &["MediaStreamDidInitialize"],
            Self::DidStart { .. } => &["MediaStreamDidStart"],
            Self::DidChangeParameters { .. } => &["AudioStreamDidChangeRTPParameters"],
            Self::DidFail { .. } => &["MediaStreamDidFail"],
            Self::WillEnd => &["MediaStreamWillEnd"],
            Self::DidEnd => &["MediaStreamDidEnd"],
            Self::GotDtmf { .. } => &["AudioStreamGotDTMF", "SCSessionGotDTMF"],
            Self::GotNoAudio { .. } => &["SCSessionGotNoAudio"],
            Self::Source { .. } | Self::Statistics(_) => &[],
        }
    }
}
