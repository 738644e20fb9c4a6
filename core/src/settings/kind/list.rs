//! Lists, and values that may be missing.

use super::{BadValue, Kind, Value};

impl<T: Kind> Kind for Option<T> {
    fn expected() -> String {
        format!("{} or nothing", T::expected())
    }

    fn from_value(value: &Value) -> Result<Self, BadValue> {
        match value {
            Value::None => Ok(None),
            Value::Text(_) | Value::List(_) | Value::Secret(_) => T::from_value(value).map(Some),
        }
    }

    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::None, T::to_value)
    }

    fn from_text(text: &str) -> Result<Self, BadValue> {
        if text.is_empty() { Ok(None) } else { T::from_text(text).map(Some) }
    }
}

/// A list keeps its order and each member once.
impl<T: Kind> Kind for Vec<T> {
    fn expected() -> String {
        format!("a list, each {}", T::expected())
    }

    fn from_value(value: &Value) -> Result<Self, BadValue> {
        let mut list = Self::new();
        let mut add = |member: T| {
            if !list.contains(&member) {
                list.push(member);
            }
        };
        match value {
            Value::Text(_) => add(T::from_value(value)?),
            Value::List(items) => {
                for item in items {
                    add(T::from_value(&Value::from(item.as_str()))?);
                }
            }
            Value::None | Value::Secret(_) => return Err(BadValue::new(value, &Self::expected())),
        }
        Ok(list)
    }

    fn to_value(&self) -> Value {
        let items = self.iter().map(|member| match member.to_value() {
            Value::Text(text) => text,
            Value::Secret(secret) => secret.expose().to_owned(),
            inner @ (Value::None | Value::List(_)) => inner.to_string(),
        });
        Value::List(items.collect())
    }

    fn from_text(text: &str) -> Result<Self, BadValue> {
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        Self::from_value(&Value::List(items.map(str::to_owned).collect()))
    }
}
