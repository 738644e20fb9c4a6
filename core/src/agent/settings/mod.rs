//! The settings of the agent (the seeds' configuration framework and AccountManager): loaded at the start, changed by intents, stored by the driver, and
//! in effect as soon as they are saved.
//!
//! ```text
//!                 Start, driver                 the answer: stored or nothing         nothing of TLS
//!   not started ───────────────► loading ─────────────────────────────► loaded ─────────────────────────► started ──ShutDown──► ended
//!        │  ▲                       │ the answer: unusable                ▲ │ something of TLS                 ▲
//!        │  └───────────────────────┘                                     │ └────────────► securing ───────────┘
//!        └─────────────────────────── Start, memory ──────────────────────┘                        the answer: it works, or not
//! ```
//!
//! The start is told in this order: the settings of the application, the account manager with each account, the session manager.
//!
//! | file | what it does |
//! |---|---|
//! | `effects` | what changes of settings do |
//! | `account` | the accounts of the settings |
//! | `tls` | TLS as the settings say |

mod account;
mod effects;
mod tls;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::id::{AccountId, SocketId};
use crate::limits::Limits;
use crate::settings::{
    AccountSettings, Backend, BonjourAccountSettings, Change, ConfigurationManager, ExtensionError, Group, ObjectClass,
    ObjectKey, Output, SipSimpleSettings, configured_defaults,
};
use crate::sip::Text;
use crate::sip::digest::Secret;
use crate::time::Instant;
use crate::transport::{Port, Transport};

use super::asks::About;
use super::intent::{Intent, IntentError, Outcome, SettingsRefusal};
use super::{Agent, Effect, EventKind, ManagerEvent, Question, Shutdown};

/// All classes of settings.
pub(super) fn classes(limits: &Limits) -> ConfigurationManager {
    let mut manager = ConfigurationManager::new(limits);
    manager.register::<SipSimpleSettings>();
    manager.register::<AccountSettings>();
    manager.register::<BonjourAccountSettings>();
    manager
}

/// What settings have started.
#[derive(Debug, Default)]
pub(super) struct Managed {
    phase: Phase,
    /// Whether the sockets that the settings speak of are bound.
    listen: bool,
    /// Those sockets.
    sockets: BTreeMap<Wanted, SocketId>,
    /// Those that are no longer wanted, and not closed yet.
    closing: BTreeSet<SocketId>,
    /// Those that replace others, and are not bound yet.
    replacing: BTreeSet<SocketId>,
    /// TLS as it was configured, and as it is.
    tls: tls::Tls,
    /// The accounts that have settings, by their ids.
    accounts: BTreeMap<String, AccountId>,
    /// The managers that have not told yet that they have ended.
    sessions_end: bool,
    accounts_end: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Idle,
    Loading,
    /// The driver looks whether TLS can be done as the settings say.
    Securing,
    /// The accounts are being loaded.
    Starting,
    Started,
}

/// A socket that settings speak of; no port is any.
type Wanted = (Transport, IpAddr, Option<u16>);

impl Managed {
    /// Whether an account has settings.
    pub(super) fn has_settings(&self, id: AccountId) -> bool {
        self.accounts.values().any(|account| *account == id)
    }

    /// Remembers whose account it is.
    pub(super) fn remember(&mut self, name: &str, id: AccountId) {
        self.accounts.insert(name.to_owned(), id);
    }

    /// The settings of an account.
    pub(super) fn object_of(&self, id: AccountId) -> Option<ObjectKey> {
        let (name, _) = self.accounts.iter().find(|(_, account)| **account == id)?;
        Some(AccountSettings::key(name))
    }
}

/// The settings.
impl Agent {
    /// All settings, as they are; nothing is open before [`Intent::Start`] has been done.
    #[must_use]
    pub const fn settings(&self) -> &ConfigurationManager {
        &self.settings
    }

    /// The settings of an account; `None` when it has none, as one of [`Intent::AddAccount`].
    #[must_use]
    pub fn account_settings(&self, id: AccountId) -> Option<&AccountSettings> {
        self.settings.record(&self.managed.object_of(id)?)?.group()
    }

    /// Grafts settings of the application onto a class, its live objects included (`SettingsObject.register_extension`). A trace does not hold it: a replay needs the same.
    ///
    /// # Errors
    /// When a name is taken.
    pub fn register_extension<O: ObjectClass, G: Group + Default>(&mut self) -> Result<(), ExtensionError> {
        let result = self.settings.register_extension::<O, G>(&mut self.settings_out);
        self.settle();
        result
    }

    /// Changes settings by their fields, and saves them: a veneer over [`Intent::ChangeSettings`]. `G` is the class of the object, or an extension of it.
    ///
    /// # Errors
    /// When there is no such object, or its settings contradict each other; nothing changes.
    pub fn change_settings<G: Group + Clone>(
        &mut self,
        now: Instant,
        object: &ObjectKey,
        change: impl FnOnce(&mut G),
    ) -> Result<(), IntentError> {
        let unknown = || SettingsRefusal::Object(format!("there are no settings {object}").into());
        let current = self.settings.record(object).and_then(|record| record.group::<G>()).ok_or_else(unknown)?;
        let mut changed = current.clone();
        change(&mut changed);
        let mut changes = Vec::new();
        changed.names("", &mut |name| {
            let value = |group: &G| group.setting(&name).map(|setting| setting.value());
            if let Some(value) = value(&changed).filter(|new| value(current).as_ref() != Some(new)) {
                changes.push(Change::value(name, value));
            }
        });
        self.intend(now, Intent::ChangeSettings { object: object.clone(), changes }).map(drop)
    }

    pub(super) fn start_settings(&mut self, backend: Backend, listen: bool) -> Result<Outcome, SettingsRefusal> {
        if self.managed.phase != Phase::Idle || self.shutdown != Shutdown::No {
            return Err(SettingsRefusal::NotNow);
        }
        self.managed.phase = Phase::Loading;
        self.managed.listen = listen;
        for (name, value) in configured_defaults(&self.config) {
            // What the configuration says and no setting can stays as it is configured.
            let _ = self.settings.set_default::<SipSimpleSettings>(name, &value);
        }
        self.settings.start(backend, &mut self.settings_out);
        if self.settings.is_loaded() {
            self.settings_start();
        }
        Ok(Outcome::Done)
    }

    /// The driver has read what is stored.
    pub(super) fn settings_loaded(&mut self, stored: Result<Option<Secret>, Text>) {
        let stored = stored.as_ref().map(|text| text.as_ref().map(|text| text.expose().as_bytes()));
        match self.settings.loaded(stored.map_err(Text::clone)) {
            Ok(()) => self.settings_start(),
            Err(error) => {
                self.managed.phase = Phase::Idle;
                self.tell(EventKind::SettingsUnusable { error: error.to_string().into() });
            }
        }
    }

    /// The driver has stored what it was given last, or could not.
    pub(super) fn settings_persisted(&mut self, result: Result<(), Text>) {
        self.settings.persisted(result, &mut self.settings_out);
    }

    /// Everything is loaded: what it speaks of comes to life.
    fn settings_start(&mut self) {
        if self.shutdown != Shutdown::No {
            return;
        }
        // These classes are known, and settings are loaded.
        let _ = self.settings.open::<SipSimpleSettings>("", &mut self.settings_out);
        self.tell_settings();
        self.stored_settings_in_effect();
        if self.managed.listen {
            self.listen_as_set();
        }
        let _ = self.settings.open_all::<BonjourAccountSettings>(&mut self.settings_out);
        let _ = self.settings.open_all::<AccountSettings>(&mut self.settings_out);
        self.managed.tls.configured_as(&self.config);
        if self.secure() {
            self.managed.phase = Phase::Securing;
        } else {
            self.managers_start();
        }
    }

    /// The accounts come to life: TLS is ready, or there is none.
    fn managers_start(&mut self) {
        self.managed.phase = Phase::Starting;
        self.tell(EventKind::AccountManager(ManagerEvent::WillStart));
        self.tell_settings();
        self.add_stored_accounts();
        self.tell(EventKind::AccountManager(ManagerEvent::DidStart));
        self.managed.phase = Phase::Started;
        self.tell(EventKind::SessionManager(ManagerEvent::WillStart));
        self.tell(EventKind::SessionManager(ManagerEvent::DidStart));
    }

    /// Everything is about to end.
    pub(super) fn managers_will_end(&mut self) {
        if self.managed.phase == Phase::Started {
            self.managed.sessions_end = true;
            self.managed.accounts_end = true;
            self.tell(EventKind::SessionManager(ManagerEvent::WillEnd));
            self.tell(EventKind::AccountManager(ManagerEvent::WillEnd));
        }
    }

    /// Tells of the managers that have nothing more to end.
    pub(super) fn managers_end(&mut self) {
        if self.managed.sessions_end && self.calls.waiting.is_empty() && self.sessions().is_empty() {
            self.managed.sessions_end = false;
            self.tell(EventKind::SessionManager(ManagerEvent::DidEnd));
        }
        if self.managed.accounts_end && self.accounts.are_inactive() {
            self.managed.accounts_end = false;
            self.tell(EventKind::AccountManager(ManagerEvent::DidEnd));
        }
    }

    /// Tells what the settings have to tell.
    fn tell_settings(&mut self) {
        while let Some(output) = self.settings_out.pop() {
            self.settings_output(output);
        }
    }

    pub(super) fn settings_output(&mut self, output: Output) {
        match output {
            Output::Load => {
                let question = Question::LoadSettings { max: self.settings.max_bytes() };
                self.ask(About::Load, question);
            }
            Output::Persist(text) => {
                let text = Secret::from(text.as_str());
                self.ask(About::Persist, Question::PersistSettings { text });
            }
            Output::Event(event) => {
                self.tell(EventKind::Settings(event.clone()));
                self.settings_changed(&event);
            }
        }
    }

    fn ask(&mut self, about: About, question: Question) {
        let ask = self.asks.ask(about, self.now + self.config.limits.ask_time);
        self.effects.push_back(Effect::Ask { ask, question });
    }
}

/// A port of settings.
const fn fixed(port: Port) -> Option<u16> {
    match port {
        Port::Fixed(port) => Some(port),
        Port::Range(..) | Port::Random => None,
    }
}
