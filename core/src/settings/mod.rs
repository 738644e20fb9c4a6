//! Settings (the seeds' configuration framework): typed, with defaults, kept as text, and told of when they change.
//!
//! A setting is defined once, by [`settings!`](crate::settings!): a field of a struct, with its kind, its default and its documentation. The
//! program reads fields; people and files use names.
//!
//! ```
//! use sipsimple_core::limits::Limits;
//! use sipsimple_core::outbox::Outbox;
//! use sipsimple_core::settings::*;
//!
//! let mut settings = ConfigurationManager::new(&Limits::default());
//! let mut out = Outbox::new();
//! settings.register::<AccountSettings>();
//! settings.start(Backend::Memory, &mut out);
//!
//! let account = settings.open::<AccountSettings>("alice@example.com", &mut out)?;
//! account.set_text("nat_traversal.msrp_relay", "relay.example.com")?;
//! assert_eq!(
//!     account.set_text("sip.register_interval", "soon").unwrap_err().to_string(),
//!     "sip.register_interval: 'soon' is not a time in seconds, 0 or more",
//! );
//! let typed = settings.get_mut::<AccountSettings>("alice@example.com").unwrap();
//! assert_eq!(typed.nat_traversal.msrp_relay.as_ref().unwrap().port, 2855);
//! typed.enabled = true;
//! settings.save(&AccountSettings::key("alice@example.com"), &mut out)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | file | what it is |
//! |---|---|
//! | `kind`, `value` | the kinds of values, and how they are stored |
//! | `group` | groups of settings, and their definition |
//! | `sipsimple`, `account`, `bonjour` | the settings there are |
//! | `config` | what the agent's configuration says of them, and they of it |
//! | `media` | the objects of seed 000 for RTP and MSRP |
//! | `record`, `key`, `manager` | live objects, their names, and all of them |
//! | `change` | changes as data |
//! | `tree`, `format` | what is stored, and its text |
//! | `event`, `error` | notifications, what the driver is asked, refusals |

mod account;
mod bonjour;
mod change;
mod config;
mod error;
mod event;
pub mod format;
mod group;
mod key;
pub mod kind;
mod manager;
mod media;
mod record;
mod sipsimple;
#[cfg(test)]
mod tests;
mod tree;
mod value;

pub use account::{
    AccountSettings, Auth, DialogEvent, MessageSummary, MsrpSettings, NatTraversal, Presence, RtpAccount, SipAccount,
    TlsAccount, Xcap,
};
pub use bonjour::{BonjourAccountSettings, BonjourMsrp, BonjourSip};
pub use change::{Change, NewValue};
pub(crate) use config::defaults as configured_defaults;
pub use error::{ExtensionError, ObjectError, SaveError, SettingError};
pub use event::{Modifications, Modified, Output, SettingsEvent};
pub use group::{Conflict, Group, Setting, settings};
pub use key::{Identity, ObjectClass, ObjectKey};
pub use kind::{Kind, kind_of_text};
pub use manager::{Backend, ConfigurationManager, LoadError};
pub use media::{MsrpConfiguration, RtpConfiguration};
pub use record::Record;
pub use sipsimple::{Audio, Dns, FileTransfer, Logs, Msrp, Rtp, Sip, SipSimpleSettings, Tls};
pub use tree::{Node, NotAGroup, Tree};
pub use value::{BadValue, Value};
