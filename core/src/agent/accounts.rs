//! The accounts, and whose a request is (behaviour of AccountManager.find_account in the reference).

use std::collections::BTreeMap;

use crate::id::{AccountId, Counter};
use crate::random::Random;
use crate::sip::{NameAddr, SipUri, Text, Uri};

use super::intent::{AccountError, AccountSpec};

/// One account.
#[derive(Debug)]
pub(super) struct Account {
    /// Its name and URI, for From headers.
    pub(super) identity: NameAddr,
    /// The user part of its Contact URIs.
    pub(super) contact_user: Text,
    any_user: bool,
}

impl Account {
    fn user(&self) -> Option<&Text> {
        self.identity.uri.as_sip().and_then(|uri| uri.user.as_ref())
    }
}

/// The accounts.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    ids: Counter,
    accounts: BTreeMap<AccountId, Account>,
}

impl Accounts {
    pub(super) fn add(&mut self, spec: AccountSpec, random: &mut Random) -> Result<AccountId, AccountError> {
        let uri = Uri::parse(&spec.uri).ok().filter(|uri| uri.as_sip().is_some());
        let uri = uri.ok_or(AccountError::BadUri(spec.uri))?;
        if let Some(name) = spec.display_name.as_ref().filter(|name| name.chars().any(char::is_control)) {
            return Err(AccountError::BadDisplayName(name.clone()));
        }
        let id = AccountId::from_u64(self.ids.take());
        let identity = NameAddr { display_name: spec.display_name, ..NameAddr::new(uri) };
        let contact_user = random.token(8).into();
        self.accounts.insert(id, Account { identity, contact_user, any_user: spec.any_user });
        Ok(id)
    }

    pub(super) fn remove(&mut self, id: AccountId) -> Result<(), AccountError> {
        self.accounts.remove(&id).map(drop).ok_or(AccountError::Unknown(id))
    }

    pub(super) fn get(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(&id)
    }

    /// The account that a request to this URI is for: first the one whose Contact has that user, then the one of that user, whatever the domain, then one that takes any user.
    pub(super) fn find(&self, uri: &SipUri) -> Option<AccountId> {
        let by = |fits: &dyn Fn(&Account) -> bool| {
            self.accounts.iter().find(|(_, account)| fits(account)).map(|(id, _)| *id)
        };
        let user = uri.user.as_ref();
        by(&|account| user == Some(&account.contact_user))
            .or_else(|| by(&|account| user.is_some() && user == account.user()))
            .or_else(|| by(&|account| account.any_user))
    }
}
