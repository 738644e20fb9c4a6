//! Groups of settings, and the one place where a setting is defined: [`settings!`](crate::settings!).

use std::any::Any;
use std::fmt;

use super::kind::Kind;
use super::value::{BadValue, Value};

/// A group of settings, which may hold groups. Made by [`settings!`](crate::settings!).
pub trait Group: Any + fmt::Debug + Send {
    /// Calls `visit` with the name of each setting, those of inner groups with the group's name and a dot in front.
    fn names(&self, prefix: &str, visit: &mut dyn FnMut(String));

    /// The setting of this name.
    fn setting(&self, name: &str) -> Option<&dyn Setting>;

    /// The setting of this name, to be changed.
    fn setting_mut(&mut self, name: &str) -> Option<&mut dyn Setting>;

    /// What the setting of this name contradicts.
    fn conflict(&self, name: &str) -> Option<Conflict>;

    /// A copy.
    fn boxed(&self) -> Box<dyn Group>;
}

/// A setting of any kind.
pub trait Setting: Any {
    /// What it takes, for people.
    fn expected(&self) -> String;

    /// Its value as it is stored.
    fn value(&self) -> Value;

    /// Takes a stored value.
    ///
    /// # Errors
    /// When the setting does not take it; nothing changes.
    fn assign(&mut self, value: &Value) -> Result<(), BadValue>;

    /// Takes what a person typed.
    ///
    /// # Errors
    /// When the setting does not take it; nothing changes.
    fn assign_text(&mut self, text: &str) -> Result<(), BadValue>;
}

impl<T: Kind> Setting for T {
    fn expected(&self) -> String {
        T::expected()
    }

    fn value(&self) -> Value {
        self.to_value()
    }

    fn assign(&mut self, value: &Value) -> Result<(), BadValue> {
        *self = T::from_value(value)?;
        Ok(())
    }

    fn assign_text(&mut self, text: &str) -> Result<(), BadValue> {
        *self = T::from_text(text)?;
        Ok(())
    }
}

/// Two settings that do not go together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The name of the other setting.
    pub sibling: String,
    /// Why.
    pub why: &'static str,
}

impl Conflict {
    /// The same, seen from the group around.
    #[must_use]
    pub fn inside(self, group: &str) -> Self {
        Self { sibling: format!("{group}.{}", self.sibling), ..self }
    }
}

/// Defines a group of settings: a struct with a field for each, and with names, kinds and defaults by which they are stored and typed in.
///
/// ```
/// use sipsimple_core::settings::{Group, settings};
///
/// settings! {
///     /// Sounds of the phone.
///     pub struct Sounds {
///         /// Played for a call that comes in.
///         audio_inbound: Option<String> = Some("ring.wav".into()),
///         /// Played first.
///         first: u16 = 0 => differs(second),
///         /// Played then.
///         second: u16 = 1 => differs(first),
///     }
/// }
///
/// /// Why two settings do not go together.
/// fn differs(a: &u16, b: &u16) -> Option<&'static str> {
///     (a == b).then_some("they are the same")
/// }
///
/// settings! {
///     /// Settings of an application.
///     pub struct Extension {
///         /// Whether it says hello.
///         polite: bool = true,
///     }
///     groups {
///         /// Sounds.
///         sounds: Sounds,
///     }
/// }
///
/// let mut extension = Extension::default();
/// assert!(extension.polite);
/// extension.setting_mut("sounds.first").unwrap().assign_text("1").unwrap();
/// assert_eq!(extension.sounds.first, 1);
/// assert_eq!(extension.conflict("sounds.first").unwrap().sibling, "sounds.second");
/// ```
#[macro_export]
macro_rules! settings {
    (
        $(#[$meta:meta])*
        $visibility:vis struct $Name:ident {
            $($(#[$doc:meta])* $setting:ident: $kind:ty = $default:expr $(=> $rule:ident($sibling:ident))?,)*
        }
        $(groups {
            $($(#[$group_doc:meta])* $group:ident: $Group:ty,)*
        })?
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        $visibility struct $Name {
            $($(#[$doc])* pub $setting: $kind,)*
            $($($(#[$group_doc])* pub $group: $Group,)*)?
        }

        impl Default for $Name {
            fn default() -> Self {
                Self {
                    $($setting: $default,)*
                    $($($group: <$Group>::default(),)*)?
                }
            }
        }

        impl $crate::settings::Group for $Name {
            #[allow(unused_variables, reason = "not all structs hold settings")]
            fn names(&self, prefix: &str, visit: &mut dyn FnMut(String)) {
                $(visit(format!("{prefix}{}", stringify!($setting)));)*
                $($($crate::settings::Group::names(&self.$group, &format!("{prefix}{}.", stringify!($group)), visit);)*)?
            }

            fn setting(&self, name: &str) -> Option<&dyn $crate::settings::Setting> {
                match name.split_once('.') {
                    None => match name {
                        $(stringify!($setting) => Some(&self.$setting),)*
                        _ => None,
                    },
                    Some(within) => match within {
                        $($((stringify!($group), name) => $crate::settings::Group::setting(&self.$group, name),)*)?
                        _ => None,
                    },
                }
            }

            fn setting_mut(&mut self, name: &str) -> Option<&mut dyn $crate::settings::Setting> {
                match name.split_once('.') {
                    None => match name {
                        $(stringify!($setting) => Some(&mut self.$setting),)*
                        _ => None,
                    },
                    Some(within) => match within {
                        $($((stringify!($group), name) => {
                            $crate::settings::Group::setting_mut(&mut self.$group, name)
                        })*)?
                        _ => None,
                    },
                }
            }

            fn conflict(&self, name: &str) -> Option<$crate::settings::Conflict> {
                match name.split_once('.') {
                    None => match name {
                        $($(stringify!($setting) => $rule(&self.$setting, &self.$sibling)
                            .map(|why| $crate::settings::Conflict { sibling: stringify!($sibling).to_owned(), why }),)?)*
                        _ => None,
                    },
                    Some(within) => match within {
                        $($((stringify!($group), name) => $crate::settings::Group::conflict(&self.$group, name)
                            .map(|conflict| conflict.inside(stringify!($group))),)*)?
                        _ => None,
                    },
                }
            }

            fn boxed(&self) -> Box<dyn $crate::settings::Group> {
                Box::new(self.clone())
            }
        }
    };
}
pub use settings;
