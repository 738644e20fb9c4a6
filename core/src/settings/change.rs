//! Changes as data: what becomes of a setting, by its name.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::value::Value;
use crate::sip::digest::Secret;

/// What a setting is to become.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NewValue {
    /// This value.
    Value(#[serde(serialize_with = "whole", deserialize_with = "whole_again")] Value),
    /// What a person typed: one value as it stands, several with commas between them, nothing for no value. It may be a password, and is not shown.
    Typed(Secret),
    /// Its default (the seeds' `DefaultValue`).
    Default,
}

/// A change of one setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The setting, those of groups with the group's name and a dot in front.
    pub name: String,
    /// What it is to become.
    pub to: NewValue,
}

impl Change {
    /// To what a person typed.
    #[must_use]
    pub fn typed(name: impl Into<String>, text: &str) -> Self {
        Self { name: name.into(), to: NewValue::Typed(Secret::from(text)) }
    }

    /// To this value.
    #[must_use]
    pub fn value(name: impl Into<String>, value: Value) -> Self {
        Self { name: name.into(), to: NewValue::Value(value) }
    }

    /// To the default.
    #[must_use]
    pub fn reset(name: impl Into<String>) -> Self {
        Self { name: name.into(), to: NewValue::Default }
    }
}

/// A value in a trace of intents, which holds the secrets that a replay needs.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Whole {
    None,
    Text(String),
    List(Vec<String>),
    Secret(Secret),
}

fn whole<S: Serializer>(value: &Value, serializer: S) -> Result<S::Ok, S::Error> {
    let whole = match value {
        Value::None => Whole::None,
        Value::Text(text) => Whole::Text(text.clone()),
        Value::List(items) => Whole::List(items.clone()),
        Value::Secret(secret) => Whole::Secret(secret.clone()),
    };
    whole.serialize(serializer)
}

fn whole_again<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    Ok(match Whole::deserialize(deserializer)? {
        Whole::None => Value::None,
        Whole::Text(text) => Value::Text(text),
        Whole::List(items) => Value::List(items),
        Whole::Secret(secret) => Value::Secret(secret),
    })
}
