//! Why a stream refuses an intent.

use serde::{Deserialize, Serialize};

use crate::id::StreamId;
use crate::sip::Text;

/// Why a stream refuses an intent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StreamError {
    /// There is no such stream, or it has ended.
    #[error("there is no stream {}", .0.as_u64())]
    Unknown(StreamId),
    /// The stream has not started.
    #[error("stream {} has not started", .0.as_u64())]
    NotStarted(StreamId),
    /// The stream does not know this command.
    #[error("stream {} does not know this command", .0.as_u64())]
    Unsupported(StreamId),
    /// The stream refuses the command, for this reason.
    #[error("{0}")]
    Refused(Text),
    /// Too much waits to be sent; an event tells when there is room.
    #[error("stream {} has no room", .0.as_u64())]
    Full(StreamId),
    /// Not a DTMF digit.
    #[error("'{0}' is not a DTMF digit")]
    BadDigit(char),
}
