//! What is not to be shown.

use super::{BadValue, Kind, Value};
use crate::settings::value::STARS;
use crate::sip::digest::Secret;

impl Kind for Secret {
    fn expected() -> String {
        "a password".to_owned()
    }

    fn from_value(value: &Value) -> Result<Self, BadValue> {
        match value {
            Value::Text(text) => Ok(Self::from(text.as_str())),
            Value::Secret(secret) => Ok(secret.clone()),
            Value::None | Value::List(_) => Err(BadValue { value: STARS.to_owned(), expected: Self::expected() }),
        }
    }

    fn to_value(&self) -> Value {
        Value::Secret(self.clone())
    }
}
