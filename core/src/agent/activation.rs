//! Accounts come to life and go (behaviour 5.5 and 5.6): activation, registration, the default account.

use std::net::SocketAddr;

use crate::config::Context;
use crate::id::AccountId;
use crate::outbox::Outbox;
use crate::registration::{Registration, RegistrationEvent};
use crate::sip::digest::Credentials;
use crate::sip::{ServiceRoute, Uri};
use crate::transport::Transport;

use super::accounts::Phase;
use super::intent::{AccountError, AccountSpec};
use super::machine::{Happening, Machine, said};
use super::owner::Owner;
use super::requests::contact_uri;
use super::{AccountEvent, Agent, EventKind, Shutdown};

impl Agent {
    /// Adds an account, and remembers the name of its settings if it has any.
    pub(super) fn add_account(&mut self, spec: AccountSpec, settings: Option<&str>) -> Result<AccountId, AccountError> {
        if self.shutdown != Shutdown::No {
            return Err(AccountError::ShuttingDown);
        }
        let enabled = spec.enabled;
        let id = self.accounts.add(spec, &mut self.random)?;
        if let Some(settings) = settings {
            self.managed.remember(settings, id);
        }
        self.tell_account(id, AccountEvent::DidAdd);
        if enabled {
            self.activate(id);
        }
        Ok(id)
    }

    /// Gives an account other settings; what depends on them is done anew.
    pub(super) fn change_account(&mut self, id: AccountId, spec: AccountSpec) -> Result<(), AccountError> {
        if self.shutdown != Shutdown::No {
            return Err(AccountError::ShuttingDown);
        }
        self.accounts.change(id, spec)?;
        let Some(account) = self.accounts.get(id) else { return Ok(()) };
        match (account.phase, account.spec.enabled) {
            (Phase::Inactive, true) => self.activate(id),
            (Phase::Active, true) => {
                self.locate_stun(id);
                self.register_as_wanted(id);
                self.supervise(id);
            }
            (Phase::Active, false) => self.deactivate(id, Phase::Deactivating),
            // Once it is inactive its settings are looked at again.
            (Phase::Inactive, false) | (Phase::Deactivating | Phase::Leaving, _) => {}
        }
        Ok(())
    }

    pub(super) fn remove_account(&mut self, id: AccountId) -> Result<(), AccountError> {
        let account = self.accounts.get(id).ok_or(AccountError::Unknown(id))?;
        match account.phase {
            Phase::Active => self.deactivate(id, Phase::Leaving),
            Phase::Deactivating => {
                if let Some(phase) = self.accounts.phase_mut(id) {
                    *phase = Phase::Leaving;
                }
            }
            Phase::Inactive | Phase::Leaving => self.forget_account(id),
        }
        Ok(())
    }

    pub(super) fn set_default_account(&mut self, id: AccountId) -> Result<(), AccountError> {
        let account = self.accounts.get(id).ok_or(AccountError::Unknown(id))?;
        if account.phase != Phase::Active {
            return Err(AccountError::Disabled(id));
        }
        self.default_account_is(Some(id));
        Ok(())
    }

    /// All accounts are deactivated: the program ends.
    pub(super) fn deactivate_accounts(&mut self) {
        let active: Vec<AccountId> =
            self.accounts.iter().filter(|(_, account)| account.phase == Phase::Active).map(|(id, _)| id).collect();
        for id in active {
            self.deactivate(id, Phase::Deactivating);
        }
    }

    fn activate(&mut self, id: AccountId) {
        self.tell_account(id, AccountEvent::WillActivate);
        if let Some(phase) = self.accounts.phase_mut(id) {
            *phase = Phase::Active;
        }
        self.tell_account(id, AccountEvent::DidActivate);
        if self.accounts.default.is_none() {
            self.default_account_is(Some(id));
        }
        self.locate_stun(id);
        self.register_as_wanted(id);
        self.supervise(id);
    }

    /// Deactivates an active account: its usages end first.
    fn deactivate(&mut self, id: AccountId, to: Phase) {
        self.tell_account(id, AccountEvent::WillDeactivate);
        if let Some(phase) = self.accounts.phase_mut(id) {
            *phase = to;
        }
        if self.accounts.default == Some(id) && self.shutdown == Shutdown::No {
            self.default_account_is(self.accounts.first_active_but(id));
        }
        self.compositions.forget(Some(id));
        self.drop_messages(Some(id));
        self.forget_stun(id);
        for owner in self.usages.of_account(id) {
            self.usage(owner, |machine, cx, out| machine.end(cx, out));
        }
        self.account_left(id);
    }

    /// A usage of an account is over: when it was the last, the account's deactivation goes on.
    pub(super) fn account_left(&mut self, id: AccountId) {
        if !self.usages.of_account(id).is_empty() {
            return;
        }
        let Some(phase) = self.accounts.phase_mut(id) else { return };
        let leaving = match phase {
            Phase::Inactive | Phase::Active => return,
            Phase::Deactivating => false,
            Phase::Leaving => true,
        };
        *phase = Phase::Inactive;
        self.tell_account(id, AccountEvent::DidDeactivate);
        let wanted = self.accounts.get(id).is_some_and(|account| account.spec.enabled);
        if leaving {
            self.forget_account(id);
        } else if wanted && self.shutdown == Shutdown::No {
            self.activate(id);
        }
    }

    fn forget_account(&mut self, id: AccountId) {
        self.accounts.remove(id);
        self.tell_account(id, AccountEvent::DidRemove);
    }

    /// Registers an active account as its settings say.
    pub(super) fn register_if_active(&mut self, id: AccountId) {
        if self.accounts.get(id).is_some_and(|account| account.phase == Phase::Active) {
            self.register_as_wanted(id);
        }
    }

    /// Registers an active account, goes on with its new settings, or unregisters it.
    fn register_as_wanted(&mut self, id: AccountId) {
        let Some(account) = self.accounts.get(id) else { return };
        let settings = account.registration(self.config.instance_id.clone());
        let wanted = account.spec.register;
        let owner = Owner::Registration(id);
        match (self.usages.get(owner).is_some(), wanted) {
            (true, true) => {
                self.registration(id, |registration, cx, out| {
                    registration.reload(cx, settings, out);
                    registration.register(cx, out);
                });
            }
            (true, false) => {
                self.usage(owner, |machine, cx, out| machine.end(cx, out));
            }
            (false, true) => {
                let mut out = Outbox::new();
                let cx = &mut self.context();
                let mut registration = Registration::new(cx, settings);
                said(&mut out, Happening::Registration, |out| registration.register(cx, out));
                self.add_usage(owner, id, Machine::Registration(Box::new(registration)), out);
            }
            (false, false) => {}
        }
    }

    /// Calls the registration of an account.
    fn registration(
        &mut self,
        id: AccountId,
        act: impl FnOnce(&mut Registration, &Context<'_>, &mut Outbox<crate::uac::Output<RegistrationEvent>>),
    ) {
        self.usage(Owner::Registration(id), |machine, cx, out| {
            if let Machine::Registration(registration) = machine {
                said(out, Happening::Registration, |out| act(registration, cx, out));
            }
        });
    }

    /// The routes to an account's home proxy that its registrar told (RFC 3608).
    pub(super) fn service_route(&self, id: AccountId) -> Vec<ServiceRoute> {
        self.usages.registration(id).map(|registration| registration.service_route().to_vec()).unwrap_or_default()
    }

    /// An account's credentials for requests to whoever called: only for the realm that is configured, or that its registrar named.
    pub(super) fn known_credentials(&self, id: AccountId) -> Option<Credentials> {
        let mut credentials = self.accounts.get(id)?.spec.credentials.clone()?;
        if credentials.realm.is_none() {
            credentials.realm = Some(self.usages.registration(id)?.realm()?.clone());
        }
        Some(credentials)
    }

    /// Our Contact in requests and answers that make a dialog, toward a place that sees us at `local`: the URI that reaches us from anywhere where there is one
    /// (RFC 5627 section 4.4), else our address; with `ob` where the registrar keeps requests on their flow (RFC 5626 section 4.3).
    pub(super) fn dialog_contact(
        &self,
        id: AccountId,
        user: Option<&str>,
        local: SocketAddr,
        transport: Transport,
    ) -> Uri {
        self.public_gruu(id).unwrap_or_else(|| {
            let mut uri = contact_uri(user, local, transport);
            if self.is_outbound(id)
                && let Uri::Sip(uri) = &mut uri
            {
                uri.params.set("ob", None);
            }
            uri
        })
    }

    /// Whether the registrar of an account does what RFC 5626 asks of it.
    pub(super) fn is_outbound(&self, id: AccountId) -> bool {
        self.usages
            .registration(id)
            .is_some_and(|registration| registration.is_registered() && registration.is_outbound())
    }

    /// The URI that reaches an account's device from anywhere (RFC 5627).
    pub(super) fn public_gruu(&self, id: AccountId) -> Option<Uri> {
        self.usages.registration(id)?.public_gruu().cloned()
    }

    pub(super) fn default_account_is(&mut self, new: Option<AccountId>) {
        let old = std::mem::replace(&mut self.accounts.default, new);
        if old != new {
            self.tell(EventKind::DefaultAccount { old, new });
            self.remember_default(new);
        }
    }

    fn tell_account(&mut self, id: AccountId, event: AccountEvent) {
        self.tell(EventKind::Account { id, event });
    }
}
