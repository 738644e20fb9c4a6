//! What stream to offer.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::sdp::Direction;
use crate::sip::Text;

use super::{ChatSpec, DesktopSharingSpec, FileTransferSpec};

/// A stream that an application offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StreamSpec {
    /// Audio over RTP (seed class AudioStream).
    Audio(AudioSpec),
    /// A chat over MSRP (seed class ChatStream).
    Chat(ChatSpec),
    /// A file transfer over MSRP (seed class FileTransferStream).
    FileTransfer(FileTransferSpec),
    /// Desktop sharing over MSRP (seed class DesktopSharingStream).
    DesktopSharing(DesktopSharingSpec),
    /// A stream of a kind that the application has registered.
    Custom {
        /// The kind.
        kind: Text,
        /// What its factory makes of it.
        #[serde(
            serialize_with = "crate::trace::data::serialize",
            deserialize_with = "crate::trace::data::deserialize"
        )]
        data: Bytes,
    },
}

impl StreamSpec {
    /// The kind of the stream.
    #[must_use]
    pub fn kind(&self) -> &str {
        match self {
            Self::Audio(_) => "audio",
            Self::Chat(_) => "chat",
            Self::DesktopSharing(_) => "desktop-sharing",
            Self::FileTransfer(_) => "file-transfer",
            Self::Custom { kind, .. } => kind,
        }
    }
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
