//! URIs: `sip`, `sips` (RFC 3261 section 19.1), `tel` (RFC 3966), and all others, which are kept as they are.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::cursor::Cursor;
use super::grammar::{self, ALPHA, SCHEME};
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
    /// The same place as a `sips` URI, if this is a `sip` URI. That says all of its transport (RFC 3261 section 26.2.2).
    #[must_use]
    pub fn secured(self) -> Self {
        match self {
            Self::Sip(mut uri) => {
                uri.secure = true;
                uri.params.remove("transport");
                Self::Sip(uri)
            }
            other @ (Self::Tel(_) | Self::Other { .. }) => other,
        }
    }

    /// Reads a URI that fills `text`.
    ///
    /// # Errors
    /// Says at which byte the text stops being a URI.
    pub fn parse(text: &Text) -> Result<Self, UriError> {
        Self::all(Cursor::new(text))
    }

    /// Reads the URI that is all that the cursor has left.
    pub(crate) fn all(mut cursor: Cursor<'_>) -> Result<Self, UriError> {
        let uri = Self::read(&mut cursor)?;
        if cursor.is_done() { Ok(uri) } else { Err(uri.unfinished(cursor.at())) }
    }

    /// Takes a URI from the cursor: as much as can belong to one.
    #[inline]
    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Result<Self, UriError> {
        let start = cursor.at();
        match cursor.rest() {
            [b's' | b'S', b'i' | b'I', b'p' | b'P', b':', ..] => {
                cursor.go(start + 4);
                SipUri::read(cursor, false).map(Self::Sip)
            }
            [b's' | b'S', b'i' | b'I', b'p' | b'P', b's' | b'S', b':', ..] => {
                cursor.go(start + 5);
                SipUri::read(cursor, true).map(Self::Sip)
            }
            _ => Self::read_other(cursor),
        }
    }

    fn read_other(cursor: &mut Cursor<'_>) -> Result<Self, UriError> {
        let start = cursor.at();
        let error = |at: usize, fault: UriFault| Err(UriError { at, fault });
        if !cursor.peek().is_some_and(|byte| grammar::is(byte, ALPHA)) {
            return error(start, UriFault::Scheme);
        }
        let scheme = cursor.run(SCHEME);
        if !cursor.eat(b':') {
            return error(cursor.at(), UriFault::Scheme);
        }
        if cursor.part(scheme.clone()).eq_ignore_ascii_case(b"tel") {
            return TelUri::read(cursor).map(Self::Tel);
        }
        if cursor.long_run(grammar::URI).is_empty() {
            return error(cursor.at(), if cursor.is_done() { UriFault::Empty } else { UriFault::Character });
        }
        Ok(Self::Other { scheme: cursor.slice(scheme), text: cursor.slice(start..cursor.at()) })
    }

    /// The error that the byte at `at` does not belong to this URI, which ends in front of it.
    pub(crate) fn unfinished(&self, at: usize) -> UriError {
        let fault = match self {
            Self::Sip(uri) if !uri.headers.is_empty() => UriFault::Header,
            Self::Sip(uri) if !uri.params.is_empty() => UriFault::Parameter,
            Self::Sip(uri) if uri.port.is_some() => UriFault::Port,
            Self::Sip(_) => UriFault::Host,
            Self::Tel(uri) if !uri.params.is_empty() => UriFault::Parameter,
            Self::Tel(_) => UriFault::Number,
            Self::Other { .. } => UriFault::Character,
        };
        UriError { at, fault }
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
