//! What an INVITE usage asks of the layers below it, and what it tells the session above it.

use std::time::Duration;

use bytes::Bytes;

use crate::cause::Cause;
use crate::dialog::DialogId;
use crate::id::TransactionId;
use crate::sip::{Request, Response, Text};
pub use crate::uac::{Hop, Ticket};

/// Work for the layers below, and news for the one above, in order.
#[derive(Debug)]
pub enum Output {
    /// Send a request in a client transaction of its own. It has no Via yet.
    Request {
        /// Its name.
        ticket: Ticket,
        /// The request.
        request: Request,
        /// Where to.
        hop: Hop,
    },
    /// Send the ACK of a 2xx, outside of any transaction, and keep its bytes and flow. It has no Via yet.
    Ack {
        /// The INVITE's name.
        ticket: Ticket,
        /// The dialog: forks of one INVITE have an ACK each.
        dialog: DialogId,
        /// The ACK.
        request: Request,
        /// Where to.
        hop: Hop,
    },
    /// Send an ACK once more, as it was.
    AckAgain {
        /// The INVITE's name.
        ticket: Ticket,
        /// The dialog.
        dialog: DialogId,
    },
    /// Cancel a request (RFC 3261 section 9.1); the transaction layer knows when it may.
    Cancel {
        /// The INVITE's name.
        ticket: Ticket,
        /// The value of a Reason header for it (RFC 3326).
        reason: Option<Text>,
    },
    /// Answer a request.
    Respond {
        /// Its transaction.
        transaction: TransactionId,
        /// The response.
        response: Response,
    },
    /// Send a 2xx once more, as it was (RFC 3261 section 13.3.1.4), or a provisional response.
    RespondAgain {
        /// The INVITE's transaction.
        transaction: TransactionId,
        /// Its status code.
        code: u16,
        /// Its bytes.
        data: Bytes,
    },
    /// From now on requests of this dialog belong to this usage.
    DialogBegan(DialogId),
    /// Requests of this dialog belong to nobody.
    DialogEnded(DialogId),
    /// News for the session.
    Event(Event),
}

/// A session description that a message carried, and what it is (RFC 6337 table 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Description {
    /// An offer: it wants an answer.
    Offer(Bytes),
    /// The answer to our offer.
    Answer(Bytes),
    /// In an unreliable provisional response: what the answer will be (RFC 6337 section 3.1).
    Preview(Bytes),
}

/// News for the session.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A provisional response above 100 came. A reliable one is acknowledged already, unless it carried an offer: then [`Invitation::acknowledge_provisional`](super::Invitation::acknowledge_provisional) with the answer does it.
    Provisional {
        /// The early dialog that it belongs to; forks of one INVITE have one each.
        dialog: Option<DialogId>,
        /// Its status code.
        code: u16,
        /// Its reason phrase.
        reason: Text,
        /// What it carried.
        description: Option<Description>,
    },
    /// The INVITE was accepted. The ACK is sent already, unless the 2xx carried an offer: then [`Invitation::acknowledge`](super::Invitation::acknowledge) with the answer sends it.
    Accepted {
        /// The dialog that it confirmed.
        dialog: DialogId,
        /// The status code.
        code: u16,
        /// The reason phrase.
        reason: Text,
        /// What it carried.
        description: Option<Description>,
    },
    /// The INVITE failed: refused, cancelled, timed out, or there was no way to send it.
    Refused {
        /// Why; the code is 487 after a cancel, 408 after a timeout.
        cause: Cause,
        /// The text of the response's Reason header.
        text: Option<Text>,
        /// Whether a response said so, and not this side.
        answered: bool,
        /// The Contact values of a 3xx.
        contacts: Vec<Text>,
    },
    /// The ACK of our 2xx came.
    Acknowledged {
        /// Whether our 2xx carried an offer, which the ACK must answer.
        awaited: bool,
        /// The answer, then.
        description: Option<Description>,
    },
    /// The PRACK of our reliable provisional response, which carried an offer, came.
    ProvisionalAnswered {
        /// The answer; it must be there.
        description: Option<Description>,
    },
    /// No PRACK of our reliable provisional response came for 64·T1; the INVITE was refused.
    ProvisionalNotAcknowledged {
        /// The status code that refused it.
        code: u16,
    },
    /// An offer came in an UPDATE or a PRACK: answer it at once with [`Invitation::accept_offer`](super::Invitation::accept_offer) or [`Invitation::refuse_offer`](super::Invitation::refuse_offer).
    Offered {
        /// The dialog.
        dialog: DialogId,
        /// The offer.
        offer: Bytes,
    },
    /// It is time to refresh the session, and the peer does not understand UPDATE: offer the description that it has once more, by [`Invitation::refresh`](super::Invitation::refresh).
    RefreshDue,
    /// Our UPDATE has its final answer.
    UpdateAnswered {
        /// The status code.
        code: u16,
        /// The reason phrase.
        reason: Text,
        /// The answer to the offer that it carried.
        description: Option<Description>,
    },
    /// The ACK of our refusal came, or is no longer waited for.
    RefusalDone {
        /// Whether it came.
        acknowledged: bool,
    },
    /// No ACK of our 2xx came for 64·T1; a BYE is on its way.
    NotAcknowledged,
    /// The peer cancelled its INVITE; it was answered with 487.
    Cancelled {
        /// The text of its Reason header.
        reason: Option<Text>,
    },
    /// A re-INVITE came: answer it with [`Invitation::accept`](super::Invitation::accept) or [`Invitation::reject`](super::Invitation::reject).
    Proposal {
        /// The offer; `None` asks us for one.
        offer: Option<Bytes>,
    },
    /// The peer cancelled its re-INVITE; it was answered with 487.
    ProposalCancelled,
    /// Our re-INVITE has its final answer. After a 2xx the ACK is sent already, unless it carried an offer.
    ProposalAnswered {
        /// The status code.
        code: u16,
        /// The reason phrase.
        reason: Text,
        /// What its Retry-After header says.
        retry_after: Option<Duration>,
        /// What it carried.
        description: Option<Description>,
    },
    /// The usage is over after it was connected.
    Ended {
        /// Why.
        cause: Cause,
        /// Whether the BYE was the peer's.
        by_peer: bool,
        /// The status code of the BYE's answer.
        code: u16,
        /// Its reason phrase.
        reason: Text,
    },
}
