//! Why a session refuses an intent.

use serde::{Deserialize, Serialize};

use crate::id::{SessionId, StreamId};
use crate::sip::Text;

use super::SessionState;

/// Why a session refuses an intent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SessionError {
    /// There is no such session, or it has ended.
    #[error("there is no session {}", .0.as_u64())]
    Unknown(SessionId),
    /// The session is in another state (the seeds' IllegalStateError).
    #[error("cannot call {method} in {state} state")]
    IllegalState {
        /// What was tried.
        method: Text,
        /// The state.
        state: SessionState,
    },
    /// The stream is not one of those proposed.
    #[error("stream {} is not proposed in this session", .0.as_u64())]
    UnknownStream(StreamId),
    /// No proposal to add streams is under way.
    #[error("no streams are being proposed")]
    NoProposal,
    /// A description cannot have so many streams.
    #[error("there are too many streams")]
    TooManyStreams,
    /// What is wrong with a stream that was to be added.
    #[error("stream {index} cannot be proposed: {reason}")]
    BadStream {
        /// Its number, from 0.
        index: usize,
        /// Why.
        reason: Text,
    },
    /// Another transfer is under way, of this side or of the other.
    #[error("a transfer is under way")]
    TransferPending,
    /// A request of this method of ours has no answer yet.
    #[error("the last {0} has no answer yet")]
    RequestPending(Text),
    /// The remote party does not listen to this INFO package (RFC 6086 section 4.2.1).
    #[error("the remote party does not listen to the INFO package '{0}'")]
    UnknownPackage(Text),
    /// What was to be sent cannot be written into a message.
    #[error("{0}")]
    Unwritable(Text),
    /// No transfer of the remote party waits for a decision.
    #[error("no transfer waits for a decision")]
    NoTransfer,
    /// The URI is not one that can be called.
    #[error("'{0}' is not a SIP URI or address")]
    BadUri(Text),
    /// The remote party has said itself which streams it wants.
    #[error("the remote party has made an offer")]
    Offered,
    /// No stream was named.
    #[error("at least one stream must be accepted")]
    NoStreams,
    /// Not a status code that rejects.
    #[error("{0} is not a status code that rejects")]
    BadCode(u16),
    /// The reason phrase holds a line break or another control character.
    #[error("the reason '{}' holds a control character", .0.escape_debug())]
    BadReason(Text),
}
