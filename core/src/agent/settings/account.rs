//! The accounts of the settings (seed classes AccountManager and Account): each has an object of settings under its name.

use crate::id::AccountId;
use crate::outbox::Outbox;
use crate::settings::kind::SipAddress;
use crate::settings::{
    AccountSettings, BadValue, Change, Kind, NewValue, ObjectClass, ObjectKey, SettingError, SettingsEvent,
    SipSimpleSettings, Value,
};
use crate::sip::Text;
use crate::sip::digest::Credentials;

use super::super::accounts::Phase as AccountPhase;
use super::super::intent::{AccountSpec, Outcome, SettingsRefusal};
use super::super::msrp_account::MsrpAccount;
use super::super::{Agent, EventKind, Shutdown};
use super::Phase;

impl AccountSpec {
    /// The account of these settings.
    #[must_use]
    pub fn of_settings(id: &SipAddress, settings: &AccountSettings) -> Self {
        let authenticates = settings.auth.username.is_some() || !settings.auth.password.expose().is_empty();
        let credentials = || Credentials::new(settings.auth_username(id), settings.auth.password.clone());
        let codecs = settings.rtp.audio_codec_list.iter().flatten();
        let stun = settings.nat_traversal.stun_server_list.iter().flatten();
        Self {
            uri: id.uri().to_string().into(),
            display_name: settings.display_name.as_ref().map(|name| name.as_str().into()),
            any_user: false,
            enabled: settings.enabled,
            credentials: authenticates.then(credentials),
            outbound_proxy: settings.sip.outbound_proxy.as_ref().map(|proxy| proxy.to_string().into()),
            always_use_my_proxy: settings.sip.always_use_my_proxy,
            verify_server: settings.tls.verify_server,
            register: settings.sip.register,
            register_interval: settings.sip.register_interval.0,
            subscribe_interval: settings.sip.subscribe_interval.0,
            publish_interval: settings.sip.publish_interval.0,
            message_summary: settings.message_summary.enabled,
            presence: settings.presence.enabled,
            use_rls: settings.presence.use_rls,
            dialog_event: settings.dialog_event.enabled,
            xcap_diff: settings.xcap.enabled && settings.xcap.xcap_diff,
            voicemail_uri: settings.message_summary.voicemail_uri.as_ref().map(|uri| uri.uri().to_string().into()),
            msrp: MsrpAccount::of_settings(settings),
            audio_codecs: codecs.map(|codec| codec.as_str().into()).collect(),
            srtp_encryption: settings.rtp.srtp_encryption,
            use_srtp_without_tls: settings.rtp.use_srtp_without_tls,
            use_ice: settings.nat_traversal.use_ice,
            stun_servers: stun.map(|server| server.to_string().into()).collect(),
            turn_servers: Vec::new(),
        }
    }
}

impl Agent {
    /// Changes settings of an object and saves it.
    pub(in super::super) fn change_object(
        &mut self,
        object: &ObjectKey,
        changes: &[Change],
    ) -> Result<Outcome, SettingsRefusal> {
        self.check_changeable()?;
        self.check_default_account(object, changes)?;
        let unknown = || SettingsRefusal::Object(format!("there are no settings {object}").into());
        self.settings.record_mut(object).ok_or_else(unknown)?.change_all(changes)?;
        self.settings.save(object, &mut self.settings_out)?;
        Ok(Outcome::Done)
    }

    /// Makes an account with these settings.
    pub(in super::super) fn create_account(
        &mut self,
        id: &Text,
        changes: &[Change],
    ) -> Result<Outcome, SettingsRefusal> {
        self.check_changeable()?;
        let object = AccountSettings::key(id);
        if self.settings.record(&object).is_some() || self.has_account(id) {
            return Err(SettingsRefusal::Object(format!("there are settings {object} already").into()));
        }
        let mut out = Outbox::new();
        if let Err(error) = self.settings.open::<AccountSettings>(id, &mut out)?.change_all(changes) {
            // Nobody has heard of it.
            let _ = self.settings.delete(&object, &mut out);
            return Err(error.into());
        }
        self.settings.save(&object, &mut out)?;
        while let Some(output) = out.pop() {
            self.settings_out.push(output);
        }
        self.tell_settings();
        let unknown = || SettingsRefusal::Object(format!("there is no account {id}").into());
        self.managed.accounts.get(id.as_str()).copied().map(Outcome::Account).ok_or_else(unknown)
    }

    /// Gives an object another id.
    pub(in super::super) fn rename_object(
        &mut self,
        object: &ObjectKey,
        id: &Text,
    ) -> Result<Outcome, SettingsRefusal> {
        self.check_changeable()?;
        if object.id.as_deref() != Some(id.as_str()) && self.has_account(id) {
            return Err(SettingsRefusal::Object(format!("there is an account {id} already").into()));
        }
        self.settings.rename(object, id)?;
        self.settings.save(object, &mut self.settings_out)?;
        Ok(Outcome::Done)
    }

    /// Deletes an object, and removes its account.
    pub(in super::super) fn delete_object(&mut self, object: &ObjectKey) -> Result<Outcome, SettingsRefusal> {
        self.check_changeable()?;
        self.settings.delete(object, &mut self.settings_out)?;
        Ok(Outcome::Done)
    }

    fn check_changeable(&self) -> Result<(), SettingsRefusal> {
        if self.managed.phase != Phase::Started {
            return Err(SettingsRefusal::Object("the settings have not been loaded".into()));
        }
        if self.shutdown != Shutdown::No { Err(SettingsRefusal::NotNow) } else { Ok(()) }
    }

    /// Only an account that is enabled can be the default one.
    fn check_default_account(&self, object: &ObjectKey, changes: &[Change]) -> Result<(), SettingsRefusal> {
        const NAME: &str = "default_account";
        if *object != SipSimpleSettings::key("") {
            return Ok(());
        }
        for change in changes.iter().filter(|change| change.name == NAME) {
            let wanted = match &change.to {
                NewValue::Default => continue,
                NewValue::Value(value) => Option::<SipAddress>::from_value(value),
                NewValue::Typed(text) => Option::<SipAddress>::from_text(text.expose()),
            };
            let is_active = |id: &SipAddress| self.active_account(&id.to_string()).is_some();
            if let Ok(Some(id)) = wanted
                && !is_active(&id)
            {
                let error = BadValue::new(&Value::Text(id.to_string()), "an account that is enabled");
                return Err(SettingError::Bad { name: NAME.to_owned(), error }.into());
            }
        }
        Ok(())
    }

    fn active_account(&self, name: &str) -> Option<AccountId> {
        let id = self.get_account(name)?;
        self.accounts.get(id).filter(|account| account.phase == AccountPhase::Active)?;
        Some(id)
    }

    /// The accounts that are stored come to life, and the default one is what it was.
    pub(super) fn add_stored_accounts(&mut self) {
        let class = AccountSettings::NAME;
        let stored = self.settings.records().filter(|record| record.class() == class);
        let ids: Vec<String> = stored.filter_map(|record| record.key().id.clone()).collect();
        for id in ids {
            self.add_account_of_settings(&id);
        }
        self.default_account_as_set();
    }

    /// Adds the account of this name, with what its settings say.
    pub(super) fn add_account_of_settings(&mut self, id: &str) {
        let Some(spec) = self.spec_of_settings(id) else { return };
        if let Err(error) = self.add_account(spec, Some(id)) {
            let (attribute, container) = (Text::new(), AccountSettings::key(id));
            let error = error.to_string().into();
            self.tell(EventKind::Settings(SettingsEvent::LoadFailed { attribute, container, error }));
        }
    }

    pub(super) fn spec_of_settings(&self, id: &str) -> Option<AccountSpec> {
        let settings = self.settings.record(&AccountSettings::key(id))?.saved()?;
        Some(AccountSpec::of_settings(&id.parse().ok()?, settings))
    }

    /// The account that the settings name is the default one, if it is active.
    pub(super) fn default_account_as_set(&mut self) {
        let settings = self.settings.get::<SipSimpleSettings>("");
        let name = settings.and_then(|settings| settings.default_account.as_ref()).map(SipAddress::to_string);
        if let Some(id) = name.and_then(|name| self.active_account(&name)) {
            self.default_account_is(Some(id));
        }
    }

    /// Another account is the default one: the settings remember it, if it has settings itself.
    pub(in super::super) fn remember_default(&mut self, new: Option<AccountId>) {
        if self.managed.phase != Phase::Started || self.shutdown != Shutdown::No {
            return;
        }
        self.secure();
        let value = match new.map(|id| self.managed.object_of(id).and_then(|object| object.id)) {
            Some(None) => return,
            Some(Some(name)) => Value::Text(name),
            None => Value::None,
        };
        let global = SipSimpleSettings::key("");
        if let Some(record) = self.settings.record_mut(&global) {
            // It is an id of an account, and the object is there.
            let _ = record.set("default_account", &value);
            let _ = self.settings.save(&global, &mut self.settings_out);
        }
    }
}
