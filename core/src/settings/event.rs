//! The notifications of settings, and what is asked of the driver.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::key::ObjectKey;
use super::value::Value;
use crate::sip::Text;

/// A value before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Modified {
    /// Before.
    pub old: Value,
    /// After.
    pub new: Value,
}

/// The values that changed, by the names of their settings, as in `rtp.port_range`.
pub type Modifications = BTreeMap<String, Modified>;

/// News of settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SettingsEvent {
    /// An object is live: loaded, or made (`CFGSettingsObjectWasActivated`).
    WasActivated {
        /// The object.
        object: ObjectKey,
    },
    /// A new object was saved for the first time (`CFGSettingsObjectWasCreated`).
    WasCreated {
        /// The object.
        object: ObjectKey,
    },
    /// An object was saved with changes (`CFGSettingsObjectDidChange`).
    DidChange {
        /// The object.
        object: ObjectKey,
        /// What changed.
        modified: Modifications,
    },
    /// An object was saved with another id (`CFGSettingsObjectDidChangeID`).
    DidChangeId {
        /// The object, by its new id.
        object: ObjectKey,
        /// The id before.
        old_id: Text,
        /// The id now.
        new_id: Text,
    },
    /// An object was deleted (`CFGSettingsObjectWasDeleted`).
    WasDeleted {
        /// The object.
        object: ObjectKey,
    },
    /// What was saved could not be stored; it is live nevertheless, and the next save stores it, too (`CFGManagerSaveFailed`).
    SaveFailed {
        /// The object.
        object: ObjectKey,
        /// What had changed.
        modified: Modifications,
        /// Why, in the driver's words.
        exception: Text,
    },
    /// A stored value could not be used; the setting has its default (`CFGManagerLoadFailed`).
    LoadFailed {
        /// The setting; none when it is the id of the object that cannot be used.
        attribute: Text,
        /// The object.
        container: ObjectKey,
        /// Why: it names the setting and the value.
        error: Text,
    },
}

impl SettingsEvent {
    /// The seeds' names.
    #[must_use]
    pub const fn names(&self) -> &'static [&'static str] {
        match self {
            Self::WasActivated { .. } => &["CFGSettingsObjectWasActivated"],
            Self::WasCreated { .. } => &["CFGSettingsObjectWasCreated"],
            Self::DidChange { .. } => &["CFGSettingsObjectDidChange"],
            Self::DidChangeId { .. } => &["CFGSettingsObjectDidChangeID"],
            Self::WasDeleted { .. } => &["CFGSettingsObjectWasDeleted"],
            Self::SaveFailed { .. } => &["CFGManagerSaveFailed"],
            Self::LoadFailed { .. } => &["CFGManagerLoadFailed"],
        }
    }
}

/// What settings ask of the driver, and their news, in order.
#[derive(Debug)]
pub enum Output {
    /// Read what is stored, and call [`loaded`](super::ConfigurationManager::loaded).
    Load,
    /// Store this instead of what is stored, all or nothing, and call [`persisted`](super::ConfigurationManager::persisted). There is one at a time. It holds passwords.
    Persist(Zeroizing<String>),
    /// News.
    Event(SettingsEvent),
}
