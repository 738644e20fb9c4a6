//! What the table tells the rooms around it.

use bytes::Bytes;

use super::End;
use crate::id::TransactionId;
use crate::sip::{Request, Response};
use crate::transport::CloseCause;

/// Work for the transport, and news for the transaction user, oldest first.
#[derive(Debug)]
#[must_use]
pub enum Output<F> {
    /// Send this. When that fails, say so with [`Table::send_failed`](super::Table::send_failed).
    Send {
        /// The transaction; none where a request is refused without one.
        id: Option<TransactionId>,
        /// The way.
        flow: F,
        /// The message.
        data: Bytes,
    },
    /// A request arrived, and [`Table::respond`](super::Table::respond) awaits its responses. Retransmissions do not come here.
    Request {
        /// Its server transaction.
        id: TransactionId,
        /// The request.
        request: Request,
        /// Of a CANCEL: the transaction that it cancels, with its kind in [`Table::kind`](super::Table::kind); none calls for a 481 (RFC 3261 section 9.2).
        cancels: Option<TransactionId>,
    },
    /// An ACK for a 2xx arrived, or one that belongs to nothing.
    Ack {
        /// The transaction of its INVITE, if the ACK leads to it: a client of RFC 3261 gives it a branch of its own.
        id: Option<TransactionId>,
        /// The ACK.
        request: Request,
    },
    /// The ACK for a refusal arrived. It is news, not a request: the ACK belongs to the transaction.
    Confirmed {
        /// The INVITE server transaction.
        id: TransactionId,
    },
    /// A response arrived: each provisional one, the first final one, and every 2xx to an INVITE.
    Response {
        /// The client transaction.
        id: TransactionId,
        /// The response.
        response: Response,
    },
    /// A response arrived that no transaction waits for. It is not to be answered (RFC 6026 section 7.2).
    StrayResponse {
        /// The response.
        response: Response,
    },
    /// A CANCEL leaves, in a transaction of its own.
    Cancelled {
        /// The INVITE client transaction.
        id: TransactionId,
        /// The transaction of the CANCEL.
        cancel: TransactionId,
    },
    /// A response could not be sent. The server transaction goes on (RFC 6026 section 7.1).
    SendFailed {
        /// The server transaction.
        id: TransactionId,
        /// Why.
        cause: CloseCause,
    },
    /// A request was refused because the table is full. It was answered with 503.
    Shed {
        /// The request.
        request: Request,
    },
    /// A transaction is over, and its name will not be used again. Told exactly once for each.
    Ended {
        /// The transaction.
        id: TransactionId,
        /// How.
        end: End,
    },
}

/// Why a client transaction was not started. Nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// There are too many transactions.
    #[error("too many transactions")]
    Full,
    /// An ACK is not sent in a transaction.
    #[error("an ACK has no transaction")]
    Ack,
    /// The request has no Via of ours on top: one with a branch that starts with `z9hG4bK` and goes on.
    #[error("the request has no Via with a branch")]
    NoBranch,
    /// There is a transaction with this branch and method.
    #[error("the branch is in use")]
    BranchInUse,
}
