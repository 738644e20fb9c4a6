//! Why settings cannot be changed, saved, renamed or deleted.

use super::key::ObjectKey;
use super::value::BadValue;

/// Why a setting does not take a value. Nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingError {
    /// There is no setting of this name.
    #[error("there is no setting {0}")]
    Unknown(String),
    /// The value is not what the setting takes.
    #[error("{name}: {error}")]
    Bad {
        /// The setting.
        name: String,
        /// The value, and what is taken.
        error: BadValue,
    },
    /// The value does not go together with that of another setting.
    #[error("{name}: '{}' does not go with {sibling}: {why}", .value.escape_debug())]
    Conflict {
        /// The setting.
        name: String,
        /// The value.
        value: String,
        /// The other setting.
        sibling: String,
        /// Why.
        why: &'static str,
    },
}

/// Why there is no object of settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectError {
    /// The settings have not been loaded.
    #[error("the settings have not been loaded")]
    NotLoaded,
    /// Its class has not been registered.
    #[error("there is no class of settings '{0}'")]
    UnknownClass(&'static str),
    /// There is no live object of this name.
    #[error("there are no settings {0}")]
    Unknown(ObjectKey),
    /// The class names its objects otherwise.
    #[error("the id {0}")]
    BadId(BadValue),
    /// There is another object of this name.
    #[error("there are settings {0} already")]
    Taken(ObjectKey),
    /// There is exactly one object of this class, by one name.
    #[error("{0} can be neither deleted nor renamed")]
    Global(ObjectKey),
}

/// Why an object of settings cannot be saved. Nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SaveError {
    /// There is no such object, or its new id is taken.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// Two of its settings contradict each other.
    #[error(transparent)]
    Setting(#[from] SettingError),
}

/// Why an extension cannot be grafted onto a class.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExtensionError {
    /// The class has not been registered.
    #[error("there is no class of settings '{0}'")]
    UnknownClass(&'static str),
    /// The class has a setting or a group of this name already.
    #[error("the name {0} is taken")]
    Taken(String),
}
