//! Domain names (RFC 1035 sections 2.3.1 and 3.1, RFC 4343).

use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};

use crate::sip::Text;

/// The longest name on the wire, its last zero included (RFC 1035 section 2.3.4).
const NAME_OCTETS: usize = 255;

/// The longest label (RFC 1035 section 2.3.4).
const LABEL_OCTETS: usize = 63;

/// A domain name: in lower case and without the dot at its end, so that equal names are the same text. Octets that are no printable ASCII,
/// dots and backslashes inside a label are written as `\DDD`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Name(Text);

/// Why a text is not a domain name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a domain name")]
pub struct NameError(pub Text);

impl Name {
    /// The root of all names, which SRV and NAPTR records use for "none".
    pub const ROOT: Self = Self(Text::new());

    /// Reads a name, with or without a dot at its end.
    ///
    /// # Errors
    /// When a label is empty or longer than 63 octets, or the whole is longer than 255.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let error = || NameError(Text::from(text));
        let inner = text.strip_suffix('.').filter(|inner| !inner.ends_with('\\')).unwrap_or(text);
        if inner.is_empty() {
            return if text == "." { Ok(Self::ROOT) } else { Err(error()) };
        }
        if inner.starts_with('.') || inner.contains("..") {
            return Err(error());
        }
        let name = simple_dns::Name::new(inner).map_err(|_| error())?;
        Self::from_labels(name.as_bytes()).ok_or_else(error)
    }

    /// The name made of these labels; `None` when one is empty or too long, or all are.
    pub(super) fn from_labels<'a>(labels: impl Iterator<Item = &'a [u8]>) -> Option<Self> {
        let mut text = String::new();
        let mut octets = 1;
        for label in labels {
            octets += label.len() + 1;
            if label.is_empty() || label.len() > LABEL_OCTETS || octets > NAME_OCTETS {
                return None;
            }
            if !text.is_empty() {
                text.push('.');
            }
            for octet in label {
                match octet {
                    b'.' | b'\\' => write!(text, "\\{octet:03}").ok()?,
                    b'!'..=b'~' => text.push(char::from(octet.to_ascii_lowercase())),
                    _ => write!(text, "\\{octet:03}").ok()?,
                }
            }
        }
        Some(Self(Text::from(text)))
    }

    /// The name as the codec wants it.
    pub(super) fn on_wire(&self) -> Result<simple_dns::Name<'_>, simple_dns::SimpleDnsError> {
        simple_dns::Name::new(self.0.as_str())
    }

    /// The name as text; empty for the root.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether this is the root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// This name with more labels in front, as in `_sip._udp`.
    ///
    /// # Errors
    /// When the whole becomes too long.
    pub fn under(&self, labels: &str) -> Result<Self, NameError> {
        if self.is_root() { Self::parse(labels) } else { Self::parse(&format!("{labels}.{self}")) }
    }

    /// The name without its first label; `None` of the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        Some(self.0.split_once('.').map_or(Self::ROOT, |(_, rest)| Self(Text::from(rest))))
    }

    /// The domain of a service name: without the labels in front that begin with an underscore (RFC 2782).
    #[must_use]
    pub fn domain(&self) -> Self {
        let mut domain = self.clone();
        while domain.as_str().starts_with('_') {
            match domain.parent() {
                Some(parent) => domain = parent,
                None => break,
            }
        }
        domain
    }

    /// Whether this is `zone` or a name below it.
    #[must_use]
    pub fn is_within(&self, zone: &Self) -> bool {
        zone.is_root()
            || self.0.as_str().strip_suffix(zone.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_root() { "." } else { self.as_str() })
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
