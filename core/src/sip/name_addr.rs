//! `name-addr / addr-spec` with parameters (RFC 3261 section 20.10): the value of From, To, Contact, Route and their like.

use std::fmt;

use super::cursor::{self, Cursor};
use super::grammar::{self, SPACE};
use super::{HeaderError, Params, Text, Uri};

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
    pub fn parse(text: &Text) -> Result<Self, HeaderError> {
        Self::read(&mut Cursor::new(text))
    }

    /// Reads the value that is all that is left.
    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Result<Self, HeaderError> {
        cursor.space();
        let mut display_name = None;
        if cursor.peek() == Some(b'"') {
            let quoted = cursor.quoted()?;
            display_name = Some(cursor::unquoted(&cursor.slice(quoted)));
            cursor.space();
        } else if cursor.peek() != Some(b'<') {
            let start = cursor.at();
            let mut end = cursor.name()?.end;
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
                let word = cursor.name()?;
                if word.is_empty() {
                    break;
                }
                end = word.end;
            }
            display_name = Some(cursor.slice(start..end));
        }
        if !cursor.eat(b'<') {
            return Err(cursor.expected("an angle bracket"));
        }
        let uri = Uri::read(cursor)?;
        if !cursor.eat(b'>') {
            return Err(match cursor.is_done() {
                true => cursor.expected("a closing angle bracket"),
                false => uri.unfinished(cursor.at()).into(),
            });
        }
        let params = Params::parse(cursor)?;
        Ok(Self { display_name, uri, params })
    }

    /// The form without angle brackets.
    fn bare(cursor: &mut Cursor<'_>) -> Result<Self, HeaderError> {
        let ends = |byte: &u8| grammar::is(*byte, SPACE) || matches!(byte, b';' | b'?' | b',');
        let rest = cursor.rest();
        let end = cursor.at() + rest.iter().position(ends).unwrap_or(rest.len());
        let uri = cursor.up_to(end);
        cursor.go(end);
        if matches!(cursor.peek(), Some(b'?' | b',')) {
            return Err(cursor.expected("angle brackets around a URI with a question mark or comma"));
        }
        let uri = Uri::all(uri)?;
        let params = Params::parse(cursor)?;
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
        self.display_name.as_ref().is_none_or(|name| cursor::is_quotable(name))
            && self.uri.is_sound()
            && self.params.is_sound()
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
