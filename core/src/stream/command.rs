//! What an application wants of a stream.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::sip::Text;

use super::{ChatCommand, DesktopSharingCommand, FileTransferCommand};

/// What an application wants of a stream. A stream refuses what it does not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Command {
    /// Send a DTMF digit (`AudioStream.send_dtmf`).
    SendDtmf {
        /// The digit: `0`–`9`, `*`, `#`, `A`–`D`.
        digit: char,
        /// How long it sounds.
        duration: Duration,
    },
    /// Begin ICE anew, by an offer: for a host whose network has changed, or that suspects a better way (RFC 8445 section 9). Media goes on meanwhile.
    RestartIce,
    /// Something that a chat stream knows.
    Chat(ChatCommand),
    /// Something that a file transfer knows.
    FileTransfer(FileTransferCommand),
    /// Something that a desktop sharing stream knows.
    DesktopSharing(DesktopSharingCommand),
    /// Something that a stream of the application's own knows.
    Custom {
        /// What.
        name: Text,
        /// With what.
        #[serde(
            serialize_with = "crate::trace::data::serialize",
            deserialize_with = "crate::trace::data::deserialize"
        )]
        data: Bytes,
    },
}
