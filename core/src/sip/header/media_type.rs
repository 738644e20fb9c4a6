//! Media types (RFC 3261 sections 20.1 and 20.15).

use std::fmt;

use super::Header;
use crate::sip::grammar::{self, TOKEN};
use crate::sip::{Cursor, HeaderError, HeaderName, Params, Text};

/// A media type such as `application/sdp` or `multipart/mixed;boundary=x`; in Accept also a range such as `text/*`.
#[derive(Clone, Debug)]
pub struct MediaType {
    /// What stands before the slash.
    pub kind: Text,
    /// What stands behind it.
    pub subtype: Text,
    /// The parameters.
    pub params: Params,
}

impl MediaType {
    /// A type without parameters.
    #[must_use]
    pub fn new(kind: &str, subtype: &str) -> Self {
        Self { kind: Text::from(kind), subtype: Text::from(subtype), params: Params::new() }
    }

    /// Whether it is `kind/subtype`, in any case and with any parameters: `is("application/sdp")`.
    #[must_use]
    pub fn is(&self, essence: &str) -> bool {
        essence.split_once('/').is_some_and(|(kind, subtype)| {
            self.kind.eq_ignore_ascii_case(kind) && self.subtype.eq_ignore_ascii_case(subtype)
        })
    }

    /// Whether it is a range that `other` falls into: equal, or with a star for its subtype or for both.
    #[must_use]
    pub fn accepts(&self, other: &Self) -> bool {
        let matches = |own: &Text, other: &Text| own == "*" || own.eq_ignore_ascii_case(other);
        matches(&self.kind, &other.kind) && matches(&self.subtype, &other.subtype)
    }

    /// Reads a value.
    ///
    /// # Errors
    /// Says at which byte it stops being a media type.
    pub fn parse(value: &Text) -> Result<Self, HeaderError> {
        Self::read(&mut Cursor::new(value))
    }

    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Result<Self, HeaderError> {
        cursor.space();
        let kind = cursor.some(TOKEN, "a media type")?;
        if !cursor.separator(b'/') {
            return Err(cursor.expected("a slash"));
        }
        let subtype = cursor.some(TOKEN, "a media subtype")?;
        let params = Params::parse(cursor)?;
        Ok(Self { kind, subtype, params })
    }

    /// A copy that does not keep the buffer of a message alive.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self { kind: self.kind.detached(), subtype: self.subtype.detached(), params: self.params.detached() }
    }

    fn is_sound(&self) -> bool {
        grammar::all(self.kind.as_bytes(), TOKEN)
            && grammar::all(self.subtype.as_bytes(), TOKEN)
            && self.params.is_sound()
    }
}

/// Types are compared in any case.
impl PartialEq for MediaType {
    fn eq(&self, other: &Self) -> bool {
        self.kind.eq_ignore_ascii_case(&other.kind)
            && self.subtype.eq_ignore_ascii_case(&other.subtype)
            && self.params == other.params
    }
}

impl Eq for MediaType {}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}{}", self.kind, self.subtype, self.params)
    }
}

macro_rules! media_types {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(pub MediaType);

        impl Header for $name {
            const NAME: HeaderName = HeaderName::$name;

            fn read(cursor: &mut Cursor<'_>) -> Result<Self, HeaderError> {
                MediaType::read(cursor).map(Self)
            }

            fn is_sound(&self) -> bool {
                self.0.is_sound()
            }
        }

        impl std::ops::Deref for $name {
            type Target = MediaType;

            fn deref(&self) -> &MediaType {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

media_types! {
    /// The type of the body (RFC 3261 section 20.15).
    ContentType;
    /// A type that is accepted in the answer (RFC 3261 section 20.1).
    Accept;
}
