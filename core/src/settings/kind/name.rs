//! Names of things.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Unfit, kind_of_text};
use crate::sip::Host;

macro_rules! name {
    ($($(#[$doc:meta])* $name:ident $expected:literal $fits:expr;)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// A name of the program itself.
            pub(crate) fn known(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl FromStr for $name {
            type Err = Unfit;

            fn from_str(text: &str) -> Result<Self, Unfit> {
                let fits: fn(&str) -> bool = $fits;
                if fits(text) { Ok(Self::known(text)) } else { Err(Unfit::new($expected)) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }

        kind_of_text! { $name: $expected }
    )* };
}

name! {
    /// A text of one line that is not empty.
    NotEmpty "a text of one line" |text| !text.is_empty() && !text.chars().any(char::is_control);
    /// The encoding name of a codec, as `a=rtpmap` writes it (RFC 8866 section 6.6). It need not be built in: those that are not are skipped.
    CodecName "the name of a codec" is_token;
    /// A name in the DNS.
    DomainName "a domain name" |text| matches!(text.parse(), Ok(Host::Name(_))) && text.len() <= 253;
    /// A file or a directory; what a leading `~` means, and relative to what it is, is the driver's matter.
    FilePath "a path" |text| !text.is_empty() && !text.contains('\0');
    /// The root of an XCAP server (RFC 4825 section 6.1).
    XcapRoot "an http: or https: URI" is_http_uri;
    /// What names this device among all of its user's (RFC 5626 section 4.1).
    InstanceId "a urn:uuid: of 36 characters" is_uuid_urn;
}

/// RFC 3261 `token`, RFC 8866 `token`: what both allow.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte))
}

fn is_http_uri(text: &str) -> bool {
    let rest = ["http://", "https://"].iter().find_map(|scheme| {
        let (head, rest) = text.split_at_checked(scheme.len())?;
        head.eq_ignore_ascii_case(scheme).then_some(rest)
    });
    let is_visible = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    rest.is_some_and(|rest| is_visible(rest) && !rest.is_empty() && !rest.starts_with(['/', '?', '#', ':', '@']))
}

fn is_uuid_urn(text: &str) -> bool {
    text.strip_prefix("urn:uuid:").is_some_and(|uuid| {
        uuid.len() == 36
            && uuid.bytes().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            })
    })
}

/// A sound card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AudioDevice {
    /// The one that the system prefers.
    SystemDefault,
    /// The one of this name.
    Named(NotEmpty),
}

const SYSTEM_DEFAULT: &str = "system_default";
const AUDIO_DEVICE: &str = "system_default or the name of a sound card";

impl FromStr for AudioDevice {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        match text {
            SYSTEM_DEFAULT => Ok(Self::SystemDefault),
            name => name.parse().map(Self::Named).map_err(|_| Unfit::new(AUDIO_DEVICE)),
        }
    }
}

impl fmt::Display for AudioDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SystemDefault => f.write_str(SYSTEM_DEFAULT),
            Self::Named(name) => fmt::Display::fmt(name, f),
        }
    }
}

kind_of_text! { AudioDevice: AUDIO_DEVICE }
