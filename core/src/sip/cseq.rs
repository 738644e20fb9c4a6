//! CSeq (RFC 3261 section 20.16).

use std::fmt;

use super::grammar::TOKEN;
use super::{Cursor, Header, HeaderError, HeaderName, Method};

/// The number of a request in its dialog, and its method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CSeq {
    /// The number. The RFC wants it below 2³¹; larger ones are read.
    pub number: u32,
    /// The method.
    pub method: Method,
}

impl CSeq {
    /// A number and a method.
    #[must_use]
    pub const fn new(number: u32, method: Method) -> Self {
        Self { number, method }
    }
}

impl Header for CSeq {
    const NAME: HeaderName = HeaderName::CSeq;

    fn read(cursor: &mut Cursor<'_>) -> Result<Self, HeaderError> {
        cursor.space();
        let number = u32::try_from(cursor.number(u64::from(u32::MAX))?).unwrap_or_default();
        let digits_end = cursor.at();
        cursor.space();
        if cursor.at() == digits_end {
            return Err(cursor.expected("white space after the number"));
        }
        let method = cursor.run(TOKEN);
        if method.is_empty() {
            return Err(cursor.expected("a method"));
        }
        cursor.end()?;
        Ok(Self { number, method: cursor.method(method) })
    }

    fn is_sound(&self) -> bool {
        self.method.is_sound()
    }
}

impl fmt::Display for CSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.method)
    }
}
