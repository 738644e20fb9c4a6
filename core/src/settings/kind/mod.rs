//! The kinds of values that settings have. Each reads what it writes.
//!
//! | file | kinds |
//! |---|---|
//! | `address` | SIP addresses, proxies, relays, STUN servers, nameservers |
//! | `choice` | one of a few words |
//! | `list` | lists, and settings that may have no value |
//! | `name` | codecs, domains, devices, files, XCAP roots, instance ids |
//! | `number` | times, ports, rates, levels |
//! | `password` | what is not to be shown |

mod address;
mod choice;
mod list;
mod name;
mod number;
mod password;

pub use address::{MsrpRelayAddress, Nameserver, SipAddress, SipProxyAddress, StunServer};
pub use choice::{ConnectionModel, MessageNotifications, MsrpTransport, SrtpEncryption, TlsProtocol};
pub use name::{AudioDevice, CodecName, DomainName, FilePath, InstanceId, NotEmpty, XcapRoot};
pub use number::{LogLevel, Milliseconds, PortRange, SampleRate, Seconds};

use super::value::{BadValue, Value};

/// A kind of value: what a setting holds, and how it is stored and typed in.
pub trait Kind: Clone + PartialEq + std::fmt::Debug + Send + 'static {
    /// What is taken, for the error: `a port, 0 to 65535`.
    fn expected() -> String;

    /// Reads a stored value.
    ///
    /// # Errors
    /// When the value is none of this kind.
    fn from_value(value: &Value) -> Result<Self, BadValue>;

    /// The value as it is stored. [`from_value`](Self::from_value) reads it back as it was.
    fn to_value(&self) -> Value;

    /// Reads what a person typed: one value as it stands, several with commas between them, nothing for no value.
    ///
    /// # Errors
    /// When the text is none of this kind.
    fn from_text(text: &str) -> Result<Self, BadValue> {
        Self::from_value(&Value::from(text))
    }
}

/// Makes types that are `FromStr` and `Display` kinds of values.
///
/// ```
/// use sipsimple_core::settings::{Kind, kind_of_text};
///
/// #[derive(Clone, Debug, PartialEq)]
/// struct Percent(u8);
/// impl std::str::FromStr for Percent {
///     type Err = ();
///     fn from_str(text: &str) -> Result<Self, ()> {
///         text.parse().ok().filter(|percent| *percent <= 100).map(Self).ok_or(())
///     }
/// }
/// impl std::fmt::Display for Percent {
///     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
///         write!(f, "{}", self.0)
///     }
/// }
/// kind_of_text! { Percent: "a percentage, 0 to 100" }
///
/// assert_eq!(Percent::from_text("40"), Ok(Percent(40)));
/// assert_eq!(Percent::from_text("140").unwrap_err().to_string(), "'140' is not a percentage, 0 to 100");
/// ```
#[macro_export]
macro_rules! kind_of_text {
    ($($kind:ty : $expected:expr),* $(,)?) => { $(
        impl $crate::settings::Kind for $kind {
            fn expected() -> String {
                $expected.to_owned()
            }

            fn from_value(value: &$crate::settings::Value) -> Result<Self, $crate::settings::BadValue> {
                let read = match value {
                    $crate::settings::Value::Text(text) => text.parse().ok(),
                    $crate::settings::Value::None
                    | $crate::settings::Value::List(_)
                    | $crate::settings::Value::Secret(_) => None,
                };
                read.ok_or_else(|| $crate::settings::BadValue::new(value, $expected))
            }

            fn to_value(&self) -> $crate::settings::Value {
                $crate::settings::Value::Text(self.to_string())
            }
        }
    )* };
}
pub use kind_of_text;

/// A text that is not of the kind it was to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not {0}")]
pub struct Unfit(&'static str);

impl Unfit {
    /// The text is not this.
    #[must_use]
    pub const fn new(expected: &'static str) -> Self {
        Self(expected)
    }
}

kind_of_text! {
    u16: "a port, 0 to 65535",
    std::net::IpAddr: "an IP address",
    crate::transport::Transport: "one of udp, tcp, tls",
    String: "a text",
}

impl Kind for bool {
    fn expected() -> String {
        "one of true, false".to_owned()
    }

    fn from_value(value: &Value) -> Result<Self, BadValue> {
        const WORDS: [(&str, bool); 8] = [
            ("true", true),
            ("yes", true),
            ("on", true),
            ("1", true),
            ("false", false),
            ("no", false),
            ("off", false),
            ("0", false),
        ];
        let found = match value {
            Value::Text(text) => WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)),
            Value::None | Value::List(_) | Value::Secret(_) => None,
        };
        found.map(|(_, meaning)| *meaning).ok_or_else(|| BadValue::new(value, &Self::expected()))
    }

    fn to_value(&self) -> Value {
        Value::Text(self.to_string())
    }
}
