//! What changes of settings do (behaviour 6.5, effects of live changes).
//!
//! | setting | effect |
//! |---|---|
//! | `user_agent`, `rtp.*`, `msrp.*`, `sip.invite_timeout` | of sessions from now on |
//! | `dns.*` | of lookups from now on |
//! | `instance_id`, `sip.transport_list` | accounts register anew |
//! | `local_ip`, `sip.transport_list`, `sip.*_port` | sockets are closed, then others bound; accounts register anew once they are there |
//! | `tls.*`, those of the default account included | see [`tls`](super::tls) |
//! | `default_account` | another account is the default one |
//! | those of an account | it goes on with them, and registers anew |
//!
//! What the audio settings do, the application does.

use std::collections::BTreeSet;

use crate::dns::Resolver;
use crate::id::SocketId;
use crate::settings::{AccountSettings, Modifications, ObjectClass, ObjectKey, SettingsEvent, SipSimpleSettings};

use super::super::Agent;
use super::{Phase, Wanted, fixed};

/// The settings that decide which sockets there are.
const SOCKETS: [&str; 5] = ["local_ip", "sip.transport_list", "sip.udp_port", "sip.tcp_port", "sip.tls_port"];

impl Agent {
    /// What was stored is in effect before anything else is.
    pub(super) fn stored_settings_in_effect(&mut self) {
        if let Some(record) = self.settings.record(&SipSimpleSettings::key("")) {
            let stored = record.stored();
            self.configure(&stored);
        }
    }

    /// The configuration follows what has changed.
    fn configure(&mut self, changed: &Modifications) {
        let Some(settings) = self.settings.get::<SipSimpleSettings>("") else { return };
        changed.keys().for_each(|name| settings.configure(name, &mut self.config));
        let probes = settings.dns.probe_domain.is_some();
        self.resolver.configure(self.config.dns.clone());
        if !probes {
            self.resolve(|resolver, _, out| Resolver::stop_manager(resolver, out));
        }
    }

    /// Settings have changed.
    pub(super) fn settings_changed(&mut self, event: &SettingsEvent) {
        if self.managed.phase != Phase::Started {
            return;
        }
        match event {
            SettingsEvent::WasCreated { object } => {
                let is_account = |class| class == AccountSettings::NAME;
                if self.settings.record(object).is_some_and(|record| is_account(record.class()))
                    && let Some(id) = &object.id
                {
                    self.add_account_of_settings(id);
                }
            }
            SettingsEvent::DidChange { object, modified } if *object == SipSimpleSettings::key("") => {
                self.globals_changed(modified);
            }
            SettingsEvent::DidChange { object, .. } => self.account_settings_changed(object),
            SettingsEvent::DidChangeId { object, old_id, new_id } => {
                if let Some(account) = self.managed.accounts.remove(old_id.as_str()) {
                    self.managed.accounts.insert(new_id.to_string(), account);
                    self.account_settings_changed(object);
                    if self.accounts.default == Some(account) {
                        self.remember_default(Some(account));
                    }
                }
            }
            SettingsEvent::WasDeleted { object } => {
                if let Some(account) = object.id.as_ref().and_then(|id| self.managed.accounts.remove(id)) {
                    // It is there, as it had settings.
                    let _ = self.remove_account(account);
                }
            }
            SettingsEvent::WasActivated { .. }
            | SettingsEvent::SaveFailed { .. }
            | SettingsEvent::LoadFailed { .. } => {}
        }
    }

    fn globals_changed(&mut self, modified: &Modifications) {
        self.configure(modified);
        let changed = |name: &str| modified.contains_key(name);
        if changed("default_account") {
            self.default_account_as_set();
        }
        if self.managed.listen && SOCKETS.iter().any(|name| changed(name)) {
            self.listen_as_set();
        }
        if changed("instance_id") {
            for id in self.get_accounts() {
                self.register_if_active(id);
            }
        } else if changed("sip.transport_list") {
            self.renew_usages();
        }
        self.secure();
    }

    /// An account goes on with its settings of now. Most settings are looked at when they are needed.
    fn account_settings_changed(&mut self, object: &ObjectKey) {
        let Some(id) = &object.id else { return };
        let (Some(account), Some(spec)) = (self.managed.accounts.get(id).copied(), self.spec_of_settings(id)) else {
            return;
        };
        if self.accounts.get(account).is_some_and(|account| account.spec != spec) {
            // What settings take, accounts take.
            let _ = self.change_account(account, spec);
        }
        self.secure();
    }

    /// Binds the sockets that the settings speak of and that are not bound, once those are closed that they do not speak of.
    pub(super) fn listen_as_set(&mut self) {
        // Also where no certificate is shown: who calls others needs a socket.
        let has_tls = self.config.tls.is_some();
        let settings = self.settings.get::<SipSimpleSettings>("").filter(|_| self.managed.listen);
        let sockets = settings.map_or_else(Vec::new, |settings| settings.sockets(has_tls));
        let wanted: BTreeSet<Wanted> = sockets.iter().map(|on| (on.transport, on.address, fixed(on.port))).collect();
        let unwanted: Vec<Wanted> = self.managed.sockets.keys().filter(|has| !wanted.contains(has)).copied().collect();
        for socket in unwanted.iter().filter_map(|unwanted| self.managed.sockets.remove(unwanted)) {
            if self.transports.unbind(socket, &mut self.transport_out).is_ok() {
                self.managed.closing.insert(socket);
            }
        }
        if !self.managed.closing.is_empty() {
            return;
        }
        for listen in &sockets {
            let key = (listen.transport, listen.address, fixed(listen.port));
            if self.managed.sockets.contains_key(&key) {
                continue;
            }
            if let Ok(socket) = self.listen(listen) {
                self.managed.sockets.insert(key, socket);
                self.replaces_others(socket);
            }
        }
        if has_tls {
            for listen in self.managed.tls.take_places() {
                if let Ok(socket) = self.listen(&listen) {
                    self.replaces_others(socket);
                }
            }
        }
    }

    fn replaces_others(&mut self, socket: SocketId) {
        if self.managed.phase == Phase::Started {
            self.managed.replacing.insert(socket);
        }
    }

    /// A socket is bound: when it was the last of those that replace others, accounts register anew.
    pub(in super::super) fn socket_came(&mut self, socket: SocketId) {
        if self.managed.replacing.remove(&socket) && self.managed.replacing.is_empty() {
            self.renew_usages();
        }
    }

    /// A socket could not be bound, has broken, or is closed.
    pub(in super::super) fn socket_went(&mut self, socket: SocketId) {
        self.managed.sockets.retain(|_, bound| *bound != socket);
        if self.managed.closing.remove(&socket) && self.managed.closing.is_empty() {
            self.listen_as_set();
        }
        self.socket_came(socket);
    }
}
