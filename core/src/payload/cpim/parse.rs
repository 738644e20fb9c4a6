//! Reading a CPIM message (RFC 3862 section 3.6). Lines may end with LF alone.

use bytes::Bytes;

use super::address::is_uri_char;
use super::{Address, CPIM, Field, FieldName, Message, Subject, escape};
use crate::limits::Limits;
use crate::payload::mime::{Entity, Lines};
use crate::payload::{Error, Fault};
use crate::time::Utc;

/// The fields of RFC 3862 section 4.
#[derive(Clone, Copy)]
pub(super) enum Known {
    From,
    To,
    Cc,
    DateTime,
    Subject,
    Ns,
    Require,
}

impl Known {
    pub(super) fn of(name: &str) -> Option<Self> {
        match name {
            "From" => Some(Self::From),
            "To" => Some(Self::To),
            "cc" => Some(Self::Cc),
            "DateTime" => Some(Self::DateTime),
            "Subject" => Some(Self::Subject),
            "NS" => Some(Self::Ns),
            // The RFC's section 4.7 calls it Require, and once Required, as others do.
            "Require" | "Required" => Some(Self::Require),
            _ => None,
        }
    }
}

pub(super) fn parse(bytes: &Bytes, limits: &Limits) -> Result<Message, Error> {
    let mut parser = Parser { message: Message::default(), namespaces: vec![(String::new(), CPIM.to_owned())] };
    let mut lines = Lines::new(bytes, 0);
    let mut fields = 0;
    while let Some((line, at)) = lines.next_line() {
        if line.is_empty() {
            break;
        }
        fields += 1;
        if fields > limits.header_fields {
            return Err(Error::new(at, Fault::TooManyFields));
        }
        if lines.at() > limits.head_bytes {
            return Err(Error::new(at, Fault::TooLong));
        }
        let line = std::str::from_utf8(line).map_err(|_| Error::new(at, Fault::NotUtf8))?;
        parser.line(line, at)?;
    }
    let at = lines.at();
    parser.message.content = Entity::read(bytes, at, limits)?;
    if parser.message.content.field("Content-Type").is_none() {
        return Err(Error::new(at, Fault::Missing("Content-Type")));
    }
    Ok(parser.message)
}

struct Parser {
    message: Message,
    /// Prefixes and their namespaces; the empty prefix is the default.
    namespaces: Vec<(String, String)>,
}

impl Parser {
    fn line(&mut self, line: &str, at: usize) -> Result<(), Error> {
        let (name, rest) = line.split_once(':').ok_or_else(|| Error::new(at, Fault::Field))?;
        if name.is_empty() || !name.bytes().all(|byte| is_name_byte(byte) || byte == b'.') {
            return Err(Error::new(at, Fault::Field));
        }
        let (language, value) = parameters(rest);
        // A prefix that was not declared leaves a field that nobody can know.
        let Some(name) = self.resolve(name) else { return Ok(()) };
        let known = if name.namespace == CPIM { Known::of(&name.name) } else { None };
        let bad = |what: &'static str| Error::new(at, Fault::Value(what.into()));
        let message = &mut self.message;
        match known {
            Some(Known::From) => {
                let from = Address::read(value).ok_or_else(|| bad("From"))?;
                if message.from.replace(from).is_some() {
                    return Err(Error::new(at, Fault::Repeated("From")));
                }
            }
            Some(Known::To) => message.to.push(Address::read(value).ok_or_else(|| bad("To"))?),
            Some(Known::Cc) => message.cc.push(Address::read(value).ok_or_else(|| bad("cc"))?),
            Some(Known::DateTime) => {
                let date = Utc::parse_rfc3339(value).ok_or_else(|| bad("DateTime"))?;
                if message.date_time.replace(date).is_some() {
                    return Err(Error::new(at, Fault::Repeated("DateTime")));
                }
            }
            Some(Known::Subject) => message.subjects.push(Subject { language, text: escape::undo(value) }),
            Some(Known::Ns) => {
                let (prefix, uri) = namespace(value).ok_or_else(|| bad("NS"))?;
                self.namespaces.push((prefix, uri));
            }
            Some(Known::Require) => {
                for name in value.split(',').map(str::trim_ascii) {
                    let name = self.resolve(name).ok_or_else(|| Error::new(at, Fault::Prefix))?;
                    self.message.required.push(name);
                }
            }
            None => message.fields.push(Field { name, language, value: escape::undo(value) }),
        }
        Ok(())
    }

    fn resolve(&self, name: &str) -> Option<FieldName> {
        let (prefix, name) = name.split_once('.').unwrap_or(("", name));
        let (_, namespace) = self.namespaces.iter().rev().find(|(known, _)| known == prefix)?;
        let is_name = !name.is_empty() && name.bytes().all(is_name_byte);
        is_name.then(|| FieldName::new(namespace, name))
    }
}

/// What stands behind the colon: parameters, of which the language matters, and the value behind one space.
fn parameters(rest: &str) -> (Option<String>, &str) {
    let mut rest = rest;
    let mut language = None;
    while let Some(parameter) = rest.strip_prefix(';') {
        let end = if parameter.contains("=\"") { end_of_quoted(parameter) } else { parameter.find([' ', ';']) };
        let (parameter, after) = parameter.split_at_checked(end.unwrap_or(parameter.len())).unwrap_or((parameter, ""));
        if let Some(tag) = parameter.strip_prefix("lang=")
            && is_language(tag)
        {
            language = Some(tag.to_owned());
        }
        rest = after;
    }
    (language, rest.strip_prefix(' ').unwrap_or(rest))
}

/// Where a parameter ends whose value may be quoted.
fn end_of_quoted(text: &str) -> Option<usize> {
    let mut quoted = false;
    let mut escaped = false;
    text.find(|c| {
        let was_escaped = std::mem::take(&mut escaped);
        match c {
            '\\' => escaped = quoted && !was_escaped,
            '"' if !was_escaped => quoted = !quoted,
            ' ' | ';' => return !quoted,
            _ => {}
        }
        false
    })
}

/// `imdn <urn:ietf:params:imdn>`, or without a prefix for the default.
fn namespace(value: &str) -> Option<(String, String)> {
    let (prefix, uri) = value.trim_ascii().strip_suffix('>')?.split_once('<')?;
    let prefix = prefix.trim_ascii();
    let is_sound = prefix.bytes().all(is_name_byte) && !uri.is_empty() && uri.chars().all(is_uri_char);
    is_sound.then(|| (prefix.to_owned(), uri.to_owned()))
}

/// Whether it can stand in a name (NAMECHAR).
pub(super) const fn is_name_byte(byte: u8) -> bool {
    matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'^'..=b'`' | b'|' | b'~') || byte.is_ascii_alphanumeric()
}

/// Whether it is a language tag.
pub(super) fn is_language(tag: &str) -> bool {
    !tag.is_empty() && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
