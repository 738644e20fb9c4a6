//! TLS as the settings say (`tls.*` of SIPSimpleSettings, and the certificate of the default account, which goes first): what they say is in effect
//! as soon as the driver can use the files. Whether an account has the certificates of servers checked is looked at when it sends.
//!
//! ```text
//!               the settings say otherwise
//!   in effect ─────────────────────────────► asked ──── the driver can use them ────► in effect: sockets bound anew, accounts registered anew
//!                                              │ it cannot
//!                                              └──► failed: told; no TLS, and no socket for it, until the settings say otherwise
//! ```
//!
//! Connections that are there stay, and no new request takes one of them.

use crate::config::{Config, Listen};
use crate::settings::kind::SipAddress;
use crate::settings::{AccountSettings, ObjectClass, SipSimpleSettings, Tls as TlsSettings};
use crate::sip::Text;
use crate::transport::{CloseCause, Fingerprint, Port, TlsConfig, TlsPolicy, Transport};

use super::super::asks::About;
use super::super::effect::TlsFiles;
use super::super::{Agent, Effect, EventKind, Question};
use super::Phase;

/// TLS as it was configured, and as it is wanted.
#[derive(Debug, Default)]
pub(super) struct Tls {
    /// What the configuration says, and the fingerprints of its identity.
    configured: (Option<TlsConfig>, Vec<Fingerprint>),
    /// What the settings said last, and the driver was asked for.
    wanted: Wanted,
    /// Sockets of others than the settings that were closed, to be bound anew.
    places: Vec<Listen>,
}

/// What the settings say. The default is to leave all as it is configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Wanted {
    files: TlsFiles,
    /// Whether the certificates of servers are checked, where the configuration says otherwise.
    verify_server: Option<bool>,
}

impl Tls {
    /// Remembers what the configuration says, before any setting does.
    pub(super) fn configured_as(&mut self, config: &Config) {
        self.configured = (config.tls.clone(), config.msrp.fingerprints.clone());
    }

    /// The sockets that are to be bound anew.
    pub(super) fn take_places(&mut self) -> Vec<Listen> {
        std::mem::take(&mut self.places)
    }

    /// What is in effect once the driver can use the files.
    fn in_effect(&self, fingerprint: Option<Fingerprint>) -> (Option<TlsConfig>, Vec<Fingerprint>) {
        if self.wanted == Wanted::default() {
            return self.configured.clone();
        }
        let mut tls = self.configured.0.clone().unwrap_or_default();
        match self.wanted.verify_server {
            Some(true) => tls.servers = TlsPolicy::Chain,
            Some(false) => tls.servers = TlsPolicy::None,
            None if self.configured.0.is_none() => tls.servers = TlsPolicy::None,
            None => {}
        }
        if self.wanted.files.certificate.is_none() {
            return (Some(tls), self.configured.1.clone());
        }
        tls.identity = Some(TlsFiles::IDENTITY);
        (Some(tls), fingerprint.into_iter().collect())
    }
}

impl Agent {
    /// Asks the driver for TLS as the settings say, if they say otherwise than before; whether it was asked.
    pub(super) fn secure(&mut self) -> bool {
        let Some(wanted) = self.tls_of_settings().filter(|wanted| *wanted != self.managed.tls.wanted) else {
            return false;
        };
        if let Some(ask) = self.asks.of_tls() {
            self.asks.close(ask);
            self.effects.push_back(Effect::Abandon { ask });
        }
        self.managed.tls.wanted = wanted.clone();
        self.ask(About::Tls, Question::Tls(wanted.files));
        true
    }

    fn tls_of_settings(&self) -> Option<Wanted> {
        let settings = self.settings.record(&SipSimpleSettings::key(""))?.saved::<SipSimpleSettings>()?;
        let account = self.default_account_settings(settings);
        let (tls, unset) = (&settings.tls, TlsSettings::default());
        let certificate = account.and_then(|account| account.tls.certificate.as_ref()).or(tls.certificate.as_ref());
        let verifies = self.managed.tls.configured.0.as_ref().is_some_and(|tls| tls.servers != TlsPolicy::None);
        let files = TlsFiles {
            ca_list: tls.ca_list.clone(),
            certificate: certificate.cloned(),
            protocol: Some(tls.protocol).filter(|protocol| *protocol != unset.protocol),
            timeout: Some(tls.timeout).filter(|timeout| *timeout != unset.timeout),
        };
        Some(Wanted { files, verify_server: Some(tls.verify_server).filter(|verify| *verify != verifies) })
    }

    /// The settings of the default account; before accounts come to life, of the one that will be it.
    fn default_account_settings(&self, settings: &SipSimpleSettings) -> Option<&AccountSettings> {
        if let Some(default) = self.accounts.default {
            return self.settings.record(&self.managed.object_of(default)?)?.saved();
        }
        let named = settings.default_account.as_ref().map(SipAddress::to_string);
        let named = named.and_then(|id| self.settings.record(&AccountSettings::key(&id)));
        let others = self.settings.records().filter(|record| record.class() == AccountSettings::NAME);
        let mut accounts = named.into_iter().chain(others).filter_map(|record| record.saved::<AccountSettings>());
        accounts.find(|account| account.enabled)
    }

    /// The driver can use what the settings say, or cannot.
    pub(in super::super) fn tls_answered(&mut self, answer: Result<Option<Fingerprint>, Text>) {
        let (tls, fingerprints) = match answer {
            Ok(fingerprint) => self.managed.tls.in_effect(fingerprint),
            Err(error) => {
                self.tell(EventKind::TlsFailed { cause: CloseCause::Tls(error) });
                (None, Vec::new())
            }
        };
        self.config.tls.clone_from(&tls);
        self.config.msrp.fingerprints = fingerprints;
        self.transports.set_tls(tls);
        self.listen_anew();
        if self.managed.phase == Phase::Securing {
            self.managers_start();
        } else if self.managed.closing.is_empty() && self.managed.replacing.is_empty() {
            self.renew_usages();
        }
    }

    /// The certificate of an identity was renewed: descriptions from now on carry its fingerprint.
    pub(in super::super) fn certificate_renewed(&mut self, identity: &Text, fingerprint: Fingerprint) {
        let is_of = |tls: &Option<TlsConfig>| tls.as_ref().is_some_and(|tls| tls.identity.as_ref() == Some(identity));
        if is_of(&self.managed.tls.configured.0) {
            self.managed.tls.configured.1 = vec![fingerprint];
        }
        if is_of(&self.config.tls) {
            self.config.msrp.fingerprints = vec![fingerprint];
        }
    }

    /// Closes the sockets of TLS, and binds them again where TLS can still be done.
    fn listen_anew(&mut self) {
        let sockets: Vec<_> = self.transports.sockets(Transport::Tls).collect();
        for (socket, local) in sockets {
            let managed = self.managed.sockets.values().any(|managed| *managed == socket);
            self.managed.sockets.retain(|_, managed| *managed != socket);
            if let Some(local) = local.filter(|_| !managed) {
                let (transport, address, port) = (Transport::Tls, local.ip(), Port::Fixed(local.port()));
                self.managed.tls.places.push(Listen { transport, address, port });
            }
            if self.transports.unbind(socket, &mut self.transport_out).is_ok() {
                self.managed.closing.insert(socket);
            }
        }
        self.listen_as_set();
    }
}
