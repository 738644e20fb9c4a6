//! One live object of settings: its own group, and those that the application has grafted onto its class.

use std::any::Any;

use super::change::{Change, NewValue};
use super::error::SettingError;
use super::event::{Modifications, Modified};
use super::group::Group;
use super::key::ObjectKey;
use super::value::Value;

/// A group as it is, as it was saved, and as it is without any setting.
#[derive(Debug)]
struct Part {
    current: Box<dyn Group>,
    saved: Box<dyn Group>,
    default: Box<dyn Group>,
}

/// A live object of settings, by the names of its settings. Changes take effect when it is saved.
#[derive(Debug)]
pub struct Record {
    pub(super) class: &'static str,
    pub(super) key: ObjectKey,
    /// The id that it gets when it is saved.
    pub(super) new_id: Option<String>,
    /// Whether it has been saved ever.
    pub(super) is_stored: bool,
    parts: Vec<Part>,
}

impl Record {
    pub(super) fn new(class: &'static str, key: ObjectKey, is_stored: bool) -> Self {
        Self { class, key, new_id: None, is_stored, parts: Vec::new() }
    }

    /// Adds a group with its defaults.
    pub(super) fn graft(&mut self, default: &dyn Group) {
        self.parts.push(Part { current: default.boxed(), saved: default.boxed(), default: default.boxed() });
    }

    /// Where it is stored.
    #[must_use]
    pub const fn key(&self) -> &ObjectKey {
        &self.key
    }

    /// The name of its class.
    #[must_use]
    pub const fn class(&self) -> &'static str {
        self.class
    }

    /// The names of its settings, those of groups with the group's name and a dot in front.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for part in &self.parts {
            part.current.names("", &mut |name| names.push(name));
        }
        names
    }

    /// The group of this type: that of its class, or an extension.
    #[must_use]
    pub fn group<G: Group>(&self) -> Option<&G> {
        self.parts.iter().find_map(|part| (&*part.current as &dyn Any).downcast_ref())
    }

    /// The group of this type, to be changed.
    #[must_use]
    pub fn group_mut<G: Group>(&mut self) -> Option<&mut G> {
        self.parts.iter_mut().find_map(|part| (&mut *part.current as &mut dyn Any).downcast_mut())
    }

    /// The group of this type as it was saved: what is in effect.
    #[must_use]
    pub fn saved<G: Group>(&self) -> Option<&G> {
        self.parts.iter().find_map(|part| (&*part.saved as &dyn Any).downcast_ref())
    }

    /// The value of a setting.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<Value> {
        self.parts.iter().find_map(|part| part.current.setting(name)).map(|setting| setting.value())
    }

    /// The default of a setting.
    #[must_use]
    pub fn default_value(&self, name: &str) -> Option<Value> {
        self.parts.iter().find_map(|part| part.default.setting(name)).map(|setting| setting.value())
    }

    /// What a setting takes, for people.
    #[must_use]
    pub fn expected(&self, name: &str) -> Option<String> {
        self.parts.iter().find_map(|part| part.default.setting(name)).map(|setting| setting.expected())
    }

    /// Changes a setting.
    ///
    /// # Errors
    /// When there is no such setting, it does not take the value, or another setting contradicts; nothing changes.
    pub fn set(&mut self, name: &str, value: &Value) -> Result<(), SettingError> {
        self.change(name, |setting| setting.assign(value))
    }

    /// Changes a setting to what a person typed: one value as it stands, several with commas between them, nothing for no value.
    ///
    /// # Errors
    /// When there is no such setting, it does not take the value, or another setting contradicts; nothing changes.
    pub fn set_text(&mut self, name: &str, text: &str) -> Result<(), SettingError> {
        self.change(name, |setting| setting.assign_text(text))
    }

    /// Gives a setting its default again (the seeds' `DefaultValue`).
    ///
    /// # Errors
    /// When there is no such setting, or another setting contradicts the default; nothing changes.
    pub fn reset(&mut self, name: &str) -> Result<(), SettingError> {
        let default = self.default_value(name).ok_or_else(|| SettingError::Unknown(name.to_owned()))?;
        self.set(name, &default)
    }

    /// Makes several changes, or none. They must not contradict each other in the end.
    ///
    /// # Errors
    /// When a setting does not take its value, or the changed settings contradict each other; nothing changes.
    pub fn change_all(&mut self, changes: &[Change]) -> Result<(), SettingError> {
        let mut before: Vec<(&str, Value)> = Vec::new();
        let result = changes.iter().try_for_each(|change| {
            let unknown = || SettingError::Unknown(change.name.clone());
            let default = self.default_value(&change.name).ok_or_else(unknown)?;
            let part = self.parts.iter_mut().find(|part| part.current.setting(&change.name).is_some());
            let setting = part.and_then(|part| part.current.setting_mut(&change.name)).ok_or_else(unknown)?;
            before.push((&change.name, setting.value()));
            let assigned = match &change.to {
                NewValue::Value(value) => setting.assign(value),
                NewValue::Typed(text) => setting.assign_text(text.expose()),
                NewValue::Default => setting.assign(&default),
            };
            assigned.map_err(|error| SettingError::Bad { name: change.name.clone(), error })
        });
        let result = result.and_then(|()| self.check());
        if result.is_err() {
            for (name, value) in before.iter().rev() {
                let setting = self.parts.iter_mut().find_map(|part| part.current.setting_mut(name));
                // It held this value a moment ago.
                let _ = setting.map(|setting| setting.assign(value));
            }
        }
        result
    }

    fn change(
        &mut self,
        name: &str,
        change: impl FnOnce(&mut dyn super::group::Setting) -> Result<(), super::value::BadValue>,
    ) -> Result<(), SettingError> {
        let part = self.parts.iter_mut().find(|part| part.current.setting(name).is_some());
        let unknown = || SettingError::Unknown(name.to_owned());
        let part = part.ok_or_else(unknown)?;
        let setting = part.current.setting_mut(name).ok_or_else(unknown)?;
        let before = setting.value();
        change(setting).map_err(|error| SettingError::Bad { name: name.to_owned(), error })?;
        let after = setting.value();
        match conflict(&*part.current, name, &after) {
            None => Ok(()),
            Some(error) => {
                if let Some(setting) = part.current.setting_mut(name) {
                    // It held this value a moment ago.
                    let _ = setting.assign(&before);
                }
                Err(error)
            }
        }
    }

    /// Refuses settings that contradict each other.
    pub(super) fn check(&self) -> Result<(), SettingError> {
        for part in &self.parts {
            let mut found = None;
            part.current.names("", &mut |name| {
                let value = part.current.setting(&name).map_or(Value::None, |setting| setting.value());
                found = found.take().or_else(|| conflict(&*part.current, &name, &value));
            });
            if let Some(error) = found {
                return Err(error);
            }
        }
        Ok(())
    }

    /// What differs from what was saved.
    #[must_use]
    pub fn modified(&self) -> Modifications {
        self.differences(|part| &*part.saved)
    }

    /// What differs from the defaults, as `old`: what is stored.
    #[must_use]
    pub fn stored(&self) -> Modifications {
        self.differences(|part| &*part.default)
    }

    fn differences(&self, from: impl Fn(&Part) -> &dyn Group) -> Modifications {
        let mut modified = Modifications::new();
        for part in &self.parts {
            part.current.names("", &mut |name| {
                let value = |group: &dyn Group| group.setting(&name).map(|setting| setting.value());
                let (old, new) = (value(from(part)), value(&*part.current));
                if let (Some(old), Some(new)) = (old, new)
                    && old != new
                {
                    modified.insert(name, Modified { old, new });
                }
            });
        }
        modified
    }

    /// Whether saving would change anything.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        !self.is_stored || self.new_id.is_some() || !self.modified().is_empty()
    }

    /// What is, is saved.
    pub(super) fn settle(&mut self) {
        for part in &mut self.parts {
            part.saved = part.current.boxed();
        }
    }
}

fn conflict(group: &dyn Group, name: &str, value: &Value) -> Option<SettingError> {
    group.conflict(name).map(|conflict| SettingError::Conflict {
        name: name.to_owned(),
        value: value.to_string(),
        sibling: conflict.sibling,
        why: conflict.why,
    })
}
