//! A MIME entity: header fields, an empty line, a body (RFC 2045 section 3, RFC 822 section 3).

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Error, Fault};
use crate::limits::Limits;
use crate::sip::{MediaType, Text};

/// A header field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its name; compared in any case.
    pub name: String,
    /// Its value, folded lines joined, without white space around it.
    pub value: String,
}

/// An entity: a part of a multipart body, or the content of a CPIM message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entity {
    /// Its header fields, in their order.
    pub fields: Vec<Field>,
    /// Its body, as it is encoded.
    #[serde(serialize_with = "crate::trace::data::serialize", deserialize_with = "crate::trace::data::deserialize")]
    pub body: Bytes,
}

impl Entity {
    /// An entity of a type.
    #[must_use]
    pub fn new(content_type: &str, body: impl Into<Bytes>) -> Self {
        Self { fields: Vec::new(), body: body.into() }.with("Content-Type", content_type)
    }

    /// The entity with a header field more.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.push(Field { name: name.to_owned(), value: value.to_owned() });
        self
    }

    /// How many bytes it holds.
    #[must_use]
    pub fn size(&self) -> usize {
        self.fields.iter().map(|field| field.name.len() + field.value.len()).sum::<usize>() + self.body.len()
    }

    /// The value of the first field of this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value.as_str())
    }

    /// Its type; none when it has none that reads. RFC 2046 section 5.1 then takes a part as `text/plain`.
    #[must_use]
    pub fn content_type(&self) -> Option<MediaType> {
        MediaType::parse(&Text::from(self.field("Content-Type")?)).ok()
    }

    /// Its Content-ID without the angle brackets (RFC 2392).
    #[must_use]
    pub fn content_id(&self) -> Option<&str> {
        let id = self.field("Content-ID")?;
        Some(id.strip_prefix('<').and_then(|id| id.strip_suffix('>')).unwrap_or(id))
    }

    /// Reads the entity that `bytes` from `at` on are. The body shares the bytes.
    ///
    /// # Errors
    /// When a line is no field, or a limit on header fields is exceeded.
    pub(crate) fn read(bytes: &Bytes, at: usize, limits: &Limits) -> Result<Self, Error> {
        let mut fields: Vec<Field> = Vec::new();
        let mut lines = Lines::new(bytes, at);
        while let Some((line, start)) = lines.next_line() {
            if line.is_empty() {
                break;
            }
            if lines.at().saturating_sub(at) > limits.head_bytes {
                return Err(Error::new(start, Fault::TooLong));
            }
            let line = std::str::from_utf8(line).map_err(|_| Error::new(start, Fault::NotUtf8))?;
            if line.starts_with([' ', '\t']) {
                let field = fields.last_mut().ok_or_else(|| Error::new(start, Fault::Field))?;
                let more = line.trim_ascii();
                if !field.value.is_empty() && !more.is_empty() {
                    field.value.push(' ');
                }
                field.value.push_str(more);
                continue;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| Error::new(start, Fault::Field))?;
            let name = name.trim_ascii_end();
            if name.is_empty() || !name.bytes().all(is_name_byte) {
                return Err(Error::new(start, Fault::Field));
            }
            if fields.len() >= limits.header_fields {
                return Err(Error::new(start, Fault::TooManyFields));
            }
            fields.push(Field { name: name.to_owned(), value: value.trim_ascii().to_owned() });
        }
        Ok(Self { fields, body: bytes.slice(lines.at().min(bytes.len())..) })
    }

    /// Appends the entity. What cannot stand in a name or a value is left out of it.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        for Field { name, value } in &self.fields {
            out.extend(name.bytes().filter(|byte| is_name_byte(*byte)));
            out.extend_from_slice(b": ");
            out.extend(value.trim_ascii().bytes().map(|byte| if byte.is_ascii_control() { b' ' } else { byte }));
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&self.body);
    }
}

/// Whether it can stand in the name of a field.
pub(crate) const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b':'
}

/// The lines of a text, ended with CRLF or with LF alone.
#[derive(Debug)]
pub(crate) struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Lines<'a> {
    /// The lines of `bytes` from `at` on.
    pub(crate) const fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// Where the next line begins.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// The next line without its end, and where it begins.
    pub(crate) fn next_line(&mut self) -> Option<(&'a [u8], usize)> {
        let start = self.at;
        let rest = self.bytes.get(start..).filter(|rest| !rest.is_empty())?;
        let end = memchr::memchr(b'\n', rest);
        self.at = start + end.map_or(rest.len(), |end| end + 1);
        let line = rest.get(..end.unwrap_or(rest.len()))?;
        Some((line.strip_suffix(b"\r").unwrap_or(line), start))
    }
}
