//! Text that is a slice of a message.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Deref, Range};

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// UTF-8 text that shares its bytes with the message it was read from: cloning and slicing do not copy.
///
/// A `Text` keeps the whole buffer of its message alive; what is kept for long is copied out by [`Text::detached`].
#[derive(Clone, Default)]
pub struct Text(Bytes);

impl Text {
    /// The empty text.
    #[must_use]
    pub const fn new() -> Self {
        Self(Bytes::new())
    }

    /// Text that lives in the program.
    #[must_use]
    pub const fn from_static(text: &'static str) -> Self {
        Self(Bytes::from_static(text.as_bytes()))
    }

    /// The bytes as text, or the bytes again when they are not UTF-8.
    ///
    /// # Errors
    /// Gives the bytes back when they are not UTF-8.
    pub fn from_utf8(bytes: Bytes) -> Result<Self, Bytes> {
        // Nearly all text is ASCII, and that is told faster.
        if bytes.is_ascii() || std::str::from_utf8(&bytes).is_ok() { Ok(Self(bytes)) } else { Err(bytes) }
    }

    /// The bytes as text; what of them is not UTF-8 is replaced.
    #[must_use]
    pub fn from_utf8_lossy(bytes: Bytes) -> Self {
        Self::from_utf8(bytes).unwrap_or_else(|bytes| Self::from(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only UTF-8 comes in, and slices are cut at the borders of `&str`s; an empty answer is what is left of a bug.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The same text as bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// The part of this text that `part`, a slice of it, points to, sharing its bytes. A `part` that is not a slice of this text is copied.
    #[must_use]
    pub fn slice_of(&self, part: &str) -> Self {
        let (own, wanted) = (self.0.as_ptr() as usize, part.as_ptr() as usize);
        if part.is_empty() {
            return Self::new();
        }
        match wanted.checked_sub(own) {
            Some(start) if start + part.len() <= self.0.len() => Self(self.0.slice(start..start + part.len())),
            _ => Self::from(part),
        }
    }

    /// Bytes that are known to be UTF-8 because of the characters that were looked for in them.
    #[inline]
    pub(crate) const fn known(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// The bytes `range` of this text, sharing them; nothing when they reach beyond it. The caller cuts at characters: what a
    /// cut through a character leaves reads as empty text.
    #[inline]
    pub(crate) fn sub(&self, range: Range<usize>) -> Self {
        if range.start >= range.end || range.end > self.0.len() { Self::new() } else { Self(self.0.slice(range)) }
    }

    /// A copy that does not keep the buffer of the message alive.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self(Bytes::copy_from_slice(&self.0))
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Bytes::from(text.into_bytes()))
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Text {}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<Text> for str {
    fn eq(&self, other: &Text) -> bool {
        other == self
    }
}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from(String::deserialize(deserializer)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_share_and_strangers_are_copied() {
        let text = Text::from("sip:alice@atlanta.com");
        let user = text.slice_of(&text.as_str()[4..9]);
        assert_eq!(user, "alice");
        assert_eq!(user.as_bytes().as_ptr(), text.as_bytes()[4..].as_ptr());
        assert_eq!(text.slice_of("bob"), "bob");
        assert_eq!(text.slice_of(""), "");
    }

    #[test]
    fn only_utf8_comes_in() {
        assert!(Text::from_utf8(Bytes::from_static(b"\xff")).is_err());
        assert_eq!(Text::from_utf8(Bytes::from_static("é".as_bytes())).unwrap(), "é");
    }
}
