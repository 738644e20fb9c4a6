//! What stream to offer.

use serde::{Deserialize, Serialize};

use crate::sdp::Direction;
use crate::sip::Text;

/// A stream that an outgoing session offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StreamSpec {
    /// Audio over RTP (seed class AudioStream).
    Audio(AudioSpec),
}

/// An audio stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AudioSpec {
    /// Encoding names, best first; empty for those of the configuration.
    pub codecs: Vec<Text>,
    /// The direction to offer.
    pub direction: Direction,
}
