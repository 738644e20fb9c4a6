//! Who owns which transaction and dialog: responses, endings, and requests inside a dialog go to their owner.

use std::collections::BTreeMap;

use crate::dialog::DialogId;
use crate::id::{AccountId, SessionId, TransactionId};
use crate::uac::Ticket;

/// A usage that sends requests, or answers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Owner {
    /// A session.
    Session(SessionId),
    /// The registration of an account.
    Registration(AccountId),
}

impl Owner {
    /// The session, if it is one.
    pub(super) const fn session(self) -> Option<SessionId> {
        match self {
            Self::Session(id) => Some(id),
            Self::Registration(_) => None,
        }
    }

    /// The account that it belongs to, if it is one of those that end with it: sessions go on without.
    pub(super) const fn account(self) -> Option<AccountId> {
        match self {
            Self::Session(_) => None,
            Self::Registration(id) => Some(id),
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
