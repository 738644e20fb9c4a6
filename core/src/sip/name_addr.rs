//! `name-addr / addr-spec` with parameters (RFC 3261 section 20.10): the value of From, To, Contact, Route and their like.

use std::fmt;

use memchr::memchr;

use super::cursor::{self, Cursor};
use super::grammar::{self, NAME, SPACE};
use super::{Params, Text, Uri, ValueError};

/// A URI with an optional name in front and parameters behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameAddr {
    /// The name without quotes and backslashes.
    pub display_name: Option<Text>,
    /// The URI.
    pub uri: Uri,
    /// The parameters of the header, such as `;tag=1928301774`; not those of the URI.
    pub params: Params,
}

impl NameAddr {
    /// Only a URI.
    #[must_use]
    pub const fn new(uri: Uri) -> Self {
        Self { display_name: None, uri, params: Params::new() }
    }

    /// Reads a value. Without angle brackets the parameters belong to the header, and the URI cannot have headers.
    ///
    /// # Errors
    /// Says at which byte the value stops being one.
    pub fn parse(text: &Text) -> Result<Self, ValueError> {
        let mut cursor = Cursor::new(text);
        let mut display_name = None;
        if cursor.peek() == Some(b'"') {
            display_name = Some(cursor::unquoted(text, cursor.quoted()?));
            cursor.space();
        } else if cursor.peek() != Some(b'<') {
            let start = cursor.at();
            let mut end = cursor.run(NAME).end;
            if cursor.peek() == Some(b':') {
                cursor.go(start);
                return Self::bare(cursor);
            }
            if end == start {
                return Err(cursor.expected("a display name or a URI"));
            }
            // Words of a display name up to the angle bracket.
            loop {
                cursor.space();
                let word = cursor.run(NAME);
                if word.is_empty() {
                    break;
                }
                end = word.end;
            }
            display_name = Some(text.sub(start..end));
        }
        if !cursor.eat(b'<') {
            return Err(cursor.expected("an angle bracket"));
        }
        let start = cursor.at();
        let Some(len) = memchr(b'>', cursor.rest()) else {
            cursor.go(text.len());
            return Err(cursor.expected("a closing angle bracket"));
        };
        let uri = Uri::at(text, start..start + len)?;
        cursor.go(start + len + 1);
        let params = Params::parse(&mut cursor)?;
        Ok(Self { display_name, uri, params })
    }

    /// The form without angle brackets.
    fn bare(mut cursor: Cursor<'_>) -> Result<Self, ValueError> {
        let start = cursor.at();
        let ends = |byte: u8| grammar::is(byte, SPACE) || matches!(byte, b';' | b'?' | b',');
        let len = cursor.rest().iter().position(|byte| ends(*byte)).unwrap_or_else(|| cursor.rest().len());
        cursor.go(start + len);
        if matches!(cursor.peek(), Some(b'?' | b',')) {
            return Err(cursor.expected("angle brackets around a URI with a question mark or comma"));
        }
        let uri = Uri::at(cursor.text(), start..start + len)?;
        let params = Params::parse(&mut cursor)?;
        Ok(Self { display_name: None, uri, params })
    }

    /// The parameter `tag`.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.params.value("tag")
    }

    /// The same with this tag.
    #[must_use]
    pub fn with_tag(self, tag: &str) -> Self {
        self.with_param("tag", Some(tag))
    }

    /// The same with this parameter.
    #[must_use]
    pub fn with_param(mut self, name: &str, value: Option<&str>) -> Self {
        self.params.set(name, value);
        self
    }

    /// The same with this name in front.
    #[must_use]
    pub fn with_display_name(mut self, name: &str) -> Self {
        self.display_name = Some(Text::from(name));
        self
    }

    /// A copy that does not keep the buffer of a message alive.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self {
            display_name: self.display_name.as_ref().map(Text::detached),
            uri: self.uri.detached(),
            params: self.params.detached(),
        }
    }

    /// Whether it reads back as itself. A name may hold anything but line ends.
    pub(crate) fn is_sound(&self) -> bool {
        let fits = |name: &Text| memchr::memchr2(b'\r', b'\n', name.as_bytes()).is_none();
        self.display_name.as_ref().is_none_or(fits) && self.uri.is_sound() && self.params.is_sound()
    }
}

impl From<Uri> for NameAddr {
    fn from(uri: Uri) -> Self {
        Self::new(uri)
    }
}

/// Always with angle brackets, and the name in quotes.
impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.display_name {
            cursor::quote(name, f)?;
            f.write_str(" ")?;
        }
        f.write_str("<")?;
        self.uri.fmt(f)?;
        f.write_str(">")?;
        self.params.fmt(f)
    }
}
