//! Values as they are stored: nothing, a text, or a list of texts.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::sip::digest::Secret;

/// The value of a setting in the form in which it is stored and told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// No value, where a setting may have none.
    None,
    /// One value.
    Text(String),
    /// Several.
    List(Vec<String>),
    /// A text that is not to be shown. It is told as stars.
    Secret(#[serde(serialize_with = "stars")] Secret),
}

pub(super) const STARS: &str = "********";

fn stars<S: serde::Serializer>(_: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(STARS)
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl fmt::Display for Value {
    /// For people: a list with commas, nothing for no value, and a secret as stars.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Text(text) => f.write_str(text),
            Self::List(items) => f.write_str(&items.join(", ")),
            Self::Secret(secret) if secret.expose().is_empty() => Ok(()),
            Self::Secret(_) => f.write_str(STARS),
        }
    }
}

/// A value that a setting does not take. It is not shown when it is a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("'{}' is not {expected}", .value.escape_debug())]
pub struct BadValue {
    /// The value.
    pub value: String,
    /// What the setting takes, as in `a port, 0 to 65535`.
    pub expected: String,
}

impl BadValue {
    /// This value is not what was expected.
    #[must_use]
    pub fn new(value: &Value, expected: &str) -> Self {
        Self { value: value.to_string(), expected: expected.to_owned() }
    }
}
