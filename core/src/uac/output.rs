//! What a usage asks of the layers below it, and tells the one above.

use crate::dialog::DialogId;
use crate::id::TransactionId;
use crate::sip::{Request, Response, SipUri};
use crate::transport::Route;

use super::{Hop, Ticket};

/// Where requests are to go, before it is looked up (RFC 3263).
#[derive(Clone, Debug, PartialEq)]
pub enum Destination {
    /// To these places, in order.
    Routes(Vec<Route>),
    /// To what this URI names: a domain, or an outbound proxy.
    Uri(SipUri),
}

/// Work for the layers below, and news for the one above, in order.
#[derive(Debug)]
pub enum Output<E> {
    /// Find the places that requests can go to, and our addresses toward them. Exactly one answer comes, unless another is asked for first.
    Locate(Destination),
    /// Send a request in a client transaction of its own. It has no Via yet.
    Request {
        /// Its name.
        ticket: Ticket,
        /// The request.
        request: Request,
        /// Where to.
        hop: Hop,
    },
    /// Answer a request.
    Respond {
        /// Its transaction.
        transaction: TransactionId,
        /// The response.
        response: Response,
    },
    /// From now on requests of this dialog belong to this usage.
    DialogBegan(DialogId),
    /// Requests of this dialog belong to nobody.
    DialogEnded(DialogId),
    /// News.
    Event(E),
}

impl<E> Output<E> {
    /// The same, with another kind of news.
    pub fn map<F>(self, with: impl FnOnce(E) -> F) -> Output<F> {
        match self {
            Self::Locate(destination) => Output::Locate(destination),
            Self::Request { ticket, request, hop } => Output::Request { ticket, request, hop },
            Self::Respond { transaction, response } => Output::Respond { transaction, response },
            Self::DialogBegan(dialog) => Output::DialogBegan(dialog),
            Self::DialogEnded(dialog) => Output::DialogEnded(dialog),
            Self::Event(event) => Output::Event(with(event)),
        }
    }
}
