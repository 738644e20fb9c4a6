//! What the four machines have in common: the names of their states, what they ask for, how they end.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::sip::Request;
use crate::transport::CloseCause;

/// Which of the four machines a transaction is (RFC 3261 section 17).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Section 17.1.1.
    InviteClient,
    /// Section 17.1.2.
    NonInviteClient,
    /// Section 17.2.1.
    InviteServer,
    /// Section 17.2.2.
    NonInviteServer,
}

/// The states of the machines, by their names in the RFCs. No machine has all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// An INVITE was sent, nothing came back.
    Calling,
    /// Another request was sent or received, no response yet.
    Trying,
    /// A provisional response was sent or received; of an INVITE server transaction, no final one was sent yet.
    Proceeding,
    /// A final response was sent or received; to an INVITE one that refuses it.
    Completed,
    /// The ACK for a response that refuses an INVITE was received.
    Confirmed,
    /// A 2xx to an INVITE was sent or received (RFC 6026).
    Accepted,
    /// It is over.
    Terminated,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Calling => "calling",
            Self::Trying => "trying",
            Self::Proceeding => "proceeding",
            Self::Completed => "completed",
            Self::Confirmed => "confirmed",
            Self::Accepted => "accepted",
            Self::Terminated => "terminated",
        })
    }
}

/// How a transaction ended. Each ends exactly once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// There was a final response, and its duplicates were awaited for as long as the RFC says.
    Done,
    /// A client transaction got no final response in time (timers B and F): as good as a 408 (RFC 3261 section 8.1.3.1).
    Timeout,
    /// A client transaction lost its transport: as good as a 503 (RFC 3261 section 8.1.3.1), unless there was a final response before, whose
    /// ACK could not be sent.
    TransportFailed(CloseCause),
    /// An INVITE was cancelled, and no final response came in 64·T1 (RFC 3261 section 9.1).
    Cancelled,
    /// An INVITE was refused, and the refusal was never acknowledged (timer H).
    NoAck,
    /// The transaction user did not answer a request other than INVITE for as long as its sender waits: nothing is sent any more (RFC 4320 section 4.2).
    Unanswered,
}

/// What a machine asks of whoever runs it, in this order.
#[derive(Debug)]
pub enum Action {
    /// Hand this to the transport. A retransmission shares the bytes of what was sent before.
    Send(Bytes),
    /// The message that is just being handled goes up to the transaction user.
    Deliver,
    /// Send this CANCEL in a transaction of its own, the same way as the INVITE.
    Cancel(Request),
    /// A refusal was acknowledged. The ACK itself does not go up.
    Confirmed,
    /// A response could not be sent. The transaction goes on (RFC 6026 section 7.1).
    SendFailed(CloseCause),
    /// The transaction is over.
    End(End),
}

/// Why a response was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RespondError {
    /// The transaction is over, or it is not a server transaction.
    #[error("no such server transaction")]
    Unknown,
    /// It already has its final response.
    #[error("the request has its final response")]
    Answered,
    /// A response that must not be sent: to a request other than INVITE 408, 101 to 199, and over an unreliable transport an early 100 (RFC 4320 section 4).
    #[error("{0} must not be sent to this request now")]
    Forbidden(u16),
}

/// The responses, as the machines tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// 100 to 199.
    Provisional,
    /// 200 to 299.
    Success,
    /// 300 to 699.
    Refusal,
}

impl Class {
    /// The class of a status code; none where SIP has none.
    pub(super) const fn of(code: u16) -> Option<Self> {
        match code {
            100..=199 => Some(Self::Provisional),
            200..=299 => Some(Self::Success),
            300..=699 => Some(Self::Refusal),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes() {
        for (code, class) in [
            (0, None),
            (99, None),
            (100, Some(Class::Provisional)),
            (199, Some(Class::Provisional)),
            (200, Some(Class::Success)),
            (299, Some(Class::Success)),
            (300, Some(Class::Refusal)),
            (699, Some(Class::Refusal)),
            (700, None),
        ] {
            assert_eq!(Class::of(code), class, "{code}");
        }
    }
}
