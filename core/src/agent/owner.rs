//! Who owns which transaction and dialog: responses, endings, and requests inside a dialog go to their owner.

use std::collections::BTreeMap;

use crate::dialog::DialogId;
use crate::id::{
    AccountId, IncomingSubscriptionId, MessageId, PublicationId, SessionId, SubscriptionId, TransactionId,
};
use crate::uac::Ticket;

/// A usage that sends requests, or answers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Owner {
    /// A session.
    Session(SessionId),
    /// The registration of an account.
    Registration(AccountId),
    /// A subscription of ours.
    Subscription(SubscriptionId),
    /// A subscription to something of ours.
    Notifier(IncomingSubscriptionId),
    /// A publication.
    Publication(PublicationId),
    /// A message that we send.
    Message(MessageId),
}

impl Owner {
    /// The session, if it is one.
    pub(super) const fn session(self) -> Option<SessionId> {
        match self {
            Self::Session(id) => Some(id),
            Self::Registration(_)
            | Self::Subscription(_)
            | Self::Notifier(_)
            | Self::Publication(_)
            | Self::Message(_) => None,
        }
    }
}

/// The transactions and dialogs that belong to somebody.
#[derive(Debug, Default)]
pub(super) struct Owners {
    /// Who sent the request of a client transaction, and under which name.
    pub(super) clients: BTreeMap<TransactionId, (Owner, Ticket)>,
    /// Whose a server transaction is, where its end is of interest: that of an INVITE.
    pub(super) servers: BTreeMap<TransactionId, Owner>,
    /// Whose a dialog is.
    pub(super) dialogs: BTreeMap<DialogId, Owner>,
}

impl Owners {
    /// The session whose server transaction this is.
    pub(super) fn server_session(&self, transaction: TransactionId) -> Option<SessionId> {
        self.servers.get(&transaction).and_then(|owner| owner.session())
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.clients.is_empty() && self.servers.is_empty() && self.dialogs.is_empty()
    }
}
