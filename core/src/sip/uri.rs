//! URIs: `sip`, `sips` (RFC 3261 section 19.1), `tel` (RFC 3966), and all others, which are kept as they are.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::grammar::{self, ALPHA, DIGIT};
use super::{SipUri, TelUri, Text, UriError, UriFault};

/// Whom a request is for, or where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Uri {
    /// `sip:` or `sips:`.
    Sip(SipUri),
    /// `tel:`.
    Tel(TelUri),
    /// Any other scheme.
    Other {
        /// The scheme as it is written, such as `http`.
        scheme: Text,
        /// The whole URI, its scheme included.
        text: Text,
    },
}

impl Uri {
    /// Reads a URI that fills `text`.
    ///
    /// # Errors
    /// Says at which byte the text stops being a URI.
    pub fn parse(text: &Text) -> Result<Self, UriError> {
        Self::at(text, 0..text.as_bytes().len())
    }

    /// Reads the URI at `range` of `text`.
    pub(crate) fn at(text: &Text, range: Range<usize>) -> Result<Self, UriError> {
        let bytes = text.as_bytes().get(range.clone()).unwrap_or_default();
        let no_scheme = |at: usize| UriError { at: range.start + at, fault: UriFault::Scheme };
        let after_scheme = |len: usize| range.start + len..range.end;
        match bytes {
            [b's' | b'S', b'i' | b'I', b'p' | b'P', b':', ..] => {
                SipUri::at(text, after_scheme(4), false).map(Self::Sip)
            }
            [b's' | b'S', b'i' | b'I', b'p' | b'P', b's' | b'S', b':', ..] => {
                SipUri::at(text, after_scheme(5), true).map(Self::Sip)
            }
            [b't' | b'T', b'e' | b'E', b'l' | b'L', b':', ..] => TelUri::at(text, after_scheme(4)).map(Self::Tel),
            [first, ..] if grammar::is(*first, ALPHA) => {
                let is_scheme = |byte: u8| grammar::is(byte, ALPHA | DIGIT) || matches!(byte, b'+' | b'-' | b'.');
                let len = bytes.iter().position(|byte| !is_scheme(*byte)).ok_or_else(|| no_scheme(bytes.len()))?;
                if bytes.get(len) != Some(&b':') {
                    return Err(no_scheme(len));
                }
                let rest = bytes.get(len + 1..).unwrap_or_default();
                if rest.is_empty() {
                    return Err(UriError { at: range.end, fault: UriFault::Empty });
                }
                if let Some(at) = rest.iter().position(|byte| !grammar::is(*byte, grammar::URI)) {
                    return Err(UriError { at: range.start + len + 1 + at, fault: UriFault::Character });
                }
                Ok(Self::Other { scheme: text.sub(range.start..range.start + len), text: text.sub(range) })
            }
            _ => Err(no_scheme(0)),
        }
    }

    /// The URI, if it is `sip` or `sips`.
    #[must_use]
    pub const fn as_sip(&self) -> Option<&SipUri> {
        match self {
            Self::Sip(uri) => Some(uri),
            Self::Tel(_) | Self::Other { .. } => None,
        }
    }

    /// The scheme in lower case, or as it is written when it is not known here.
    #[must_use]
    pub fn scheme(&self) -> &str {
        match self {
            Self::Sip(uri) if uri.secure => "sips",
            Self::Sip(_) => "sip",
            Self::Tel(_) => "tel",
            Self::Other { scheme, .. } => scheme,
        }
    }

    /// Whether both mean the same (RFC 3261 section 19.1.4, RFC 3966 section 5). Not an equivalence in the mathematical sense: two URIs
    /// can match a third and not each other.
    #[must_use]
    pub fn equivalent(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Sip(a), Self::Sip(b)) => a.equivalent(b),
            (Self::Tel(a), Self::Tel(b)) => a.equivalent(b),
            (Self::Other { scheme, text }, Self::Other { scheme: other_scheme, text: other_text }) => {
                let rest = |scheme: &Text, text: &Text| text.as_bytes().slice(scheme.len().min(text.len())..);
                scheme.eq_ignore_ascii_case(other_scheme) && rest(scheme, text) == rest(other_scheme, other_text)
            }
            (Self::Sip(_) | Self::Tel(_) | Self::Other { .. }, _) => false,
        }
    }

    /// A copy that does not keep the buffer of a message alive.
    #[must_use]
    pub fn detached(&self) -> Self {
        match self {
            Self::Sip(uri) => Self::Sip(uri.detached()),
            Self::Tel(uri) => Self::Tel(uri.detached()),
            Self::Other { scheme, text } => Self::Other { scheme: scheme.detached(), text: text.detached() },
        }
    }

    /// Whether it reads back as itself.
    pub(crate) fn is_sound(&self) -> bool {
        match self {
            Self::Sip(uri) => uri.is_sound(),
            Self::Tel(uri) => uri.is_sound(),
            Self::Other { scheme, text } => match Self::parse(text) {
                Ok(Self::Other { scheme: read, .. }) => read == *scheme,
                Ok(Self::Sip(_) | Self::Tel(_)) | Err(_) => false,
            },
        }
    }
}

impl From<SipUri> for Uri {
    fn from(uri: SipUri) -> Self {
        Self::Sip(uri)
    }
}

impl From<TelUri> for Uri {
    fn from(uri: TelUri) -> Self {
        Self::Tel(uri)
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sip(uri) => uri.fmt(f),
            Self::Tel(uri) => uri.fmt(f),
            Self::Other { text, .. } => f.write_str(text),
        }
    }
}

impl FromStr for Uri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        Self::parse(&Text::from(text))
    }
}

impl Serialize for Uri {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Uri {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&Text::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
