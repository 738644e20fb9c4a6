//! The header fields of a message: an index of spans over its bytes (RFC 3261 section 7.3), typed when asked for.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;

use super::line;
use super::list::Members;
use super::{Header, HeaderError, HeaderFault, HeaderName, Occurs, Text};

/// One field, as offsets into the message. 16 bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) start: u32,
    pub(crate) value_start: u32,
    pub(crate) value_end: u32,
    pub(crate) name_len: u16,
    pub(crate) name: HeaderName,
    /// Whether the value spans several lines.
    pub(crate) folded: bool,
}

impl Field {
    pub(crate) const fn name_range(&self) -> Range<usize> {
        let start = self.start as usize;
        start..start + self.name_len as usize
    }

    pub(crate) const fn value_range(&self) -> Range<usize> {
        self.value_start as usize..self.value_end as usize
    }

    /// The same field `by` bytes further on.
    pub(crate) fn shifted(&self, by: u32) -> Self {
        Self {
            start: self.start.saturating_add(by),
            value_start: self.value_start.saturating_add(by),
            value_end: self.value_end.saturating_add(by),
            ..*self
        }
    }
}

/// The header fields and the body of a message, in the bytes it came in.
///
/// Offsets in errors are offsets into [`bytes`](Self::bytes).
#[derive(Clone)]
pub struct Headers {
    pub(crate) bytes: Bytes,
    pub(crate) fields: Vec<Field>,
    pub(crate) body: Range<usize>,
}

impl Headers {
    /// The whole message, from its start line to the end of its body.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The body, sharing the bytes of the message.
    #[must_use]
    pub fn body(&self) -> Bytes {
        self.bytes.slice(self.body.clone())
    }

    /// The number of fields.
    #[must_use]
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there are no fields.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Whether there is a field of this name.
    #[must_use]
    pub fn has(&self, name: HeaderName) -> bool {
        self.fields.iter().any(|field| field.name == name)
    }

    /// The value of each field of this name as received: folded lines as they are, white space around it cut off.
    pub fn raw(&self, name: HeaderName) -> impl Iterator<Item = &[u8]> {
        self.fields.iter().filter(move |field| field.name == name).map(|field| self.part(field.value_range()))
    }

    /// The same for fields that are not in [`HeaderName`], by their name in any case.
    pub fn other(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.fields
            .iter()
            .filter(move |field| {
                field.name == HeaderName::Other && self.part(field.name_range()).eq_ignore_ascii_case(name.as_bytes())
            })
            .map(|field| self.part(field.value_range()))
    }

    /// Every field in the order of the message: its name as received, which field it is, and its value as [`raw`](Self::raw) gives it.
    pub fn fields(&self) -> impl Iterator<Item = (&str, HeaderName, &[u8])> {
        self.fields.iter().map(|field| {
            let name = std::str::from_utf8(self.part(field.name_range())).unwrap_or_default();
            (name, field.name, self.part(field.value_range()))
        })
    }

    /// The values of this name in their order: members of lists one by one, other fields whole; folding undone.
    #[must_use]
    pub fn values(&self, name: HeaderName) -> Values<'_> {
        Values { headers: self, name, next: 0, current: None }
    }

    /// The whole value of the first field of this name, folding undone.
    ///
    /// # Errors
    /// When it is not UTF-8.
    pub fn text(&self, name: HeaderName) -> Result<Option<Text>, HeaderError> {
        self.find(name).map(|field| self.unfolded(field)).transpose()
    }

    /// The typed value of the field; of a list the first member. None when there is no such field.
    ///
    /// # Errors
    /// When it is not of its grammar, or a field that occurs once is repeated.
    pub fn get<H: Header>(&self) -> Result<Option<H>, HeaderError> {
        match H::NAME.occurs() {
            Occurs::Once => {
                let Some(field) = self.find(H::NAME) else { return Ok(None) };
                self.refuse_repeated(field)?;
                self.typed(field).map(Some)
            }
            Occurs::Informs | Occurs::Fields => self.find(H::NAME).map(|field| self.typed(field)).transpose(),
            Occurs::List => self.all().next().transpose(),
        }
    }

    /// The typed value of a field that must be there.
    ///
    /// # Errors
    /// When it is missing, repeated, or not of its grammar.
    pub fn need<H: Header>(&self) -> Result<H, HeaderError> {
        self.get()?.ok_or_else(|| self.missing(H::NAME))
    }

    /// Every typed value of the field in its order.
    pub fn all<H: Header>(&self) -> impl Iterator<Item = Result<H, HeaderError>> {
        let mut values = self.values(H::NAME);
        std::iter::from_fn(move || {
            let value = match values.step()? {
                Ok(value) => value,
                Err(error) => return Some(Err(error)),
            };
            Some(
                H::parse(&value.text)
                    .map_err(|error| HeaderError { at: self.offset(value.field, value.start + error.at), ..error }),
            )
        })
    }

    /// The number of values of this name, well-formed or not.
    #[must_use]
    pub fn count(&self, name: HeaderName) -> usize {
        let fields = self.fields.iter().filter(|field| field.name == name);
        match name.occurs() {
            Occurs::List => fields.map(|field| Members::new(self.part(field.value_range())).count()).sum(),
            Occurs::Once | Occurs::Informs | Occurs::Fields => fields.count(),
        }
    }

    /// The bytes at `range` of the message.
    pub(crate) fn part(&self, range: Range<usize>) -> &[u8] {
        self.bytes.get(range).unwrap_or_default()
    }

    /// The first field of this name.
    pub(crate) fn find(&self, name: HeaderName) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The value of `field` as text, folding undone.
    pub(crate) fn unfolded(&self, field: &Field) -> Result<Text, HeaderError> {
        let range = field.value_range();
        let bytes = if field.folded {
            Bytes::from(line::unfolded(self.part(range)))
        } else {
            self.bytes.slice(range.start.min(range.end)..range.end)
        };
        Text::from_utf8(bytes).map_err(|bytes| {
            let at = std::str::from_utf8(&bytes).map_or_else(|error| error.valid_up_to(), str::len);
            HeaderError { name: field.name, at: self.offset(field, at), fault: HeaderFault::NotUtf8 }
        })
    }

    /// Where byte `at` of the unfolded value of `field` stands in the message.
    pub(crate) fn offset(&self, field: &Field, at: usize) -> usize {
        let range = field.value_range();
        range.start + if field.folded { line::folded_offset(self.part(range), at) } else { at }
    }

    /// The error that there is no field of this name.
    pub(crate) fn missing(&self, name: HeaderName) -> HeaderError {
        HeaderError { name, at: self.head_end(), fault: HeaderFault::Missing }
    }

    /// Where the empty line after the fields stands.
    pub(crate) fn head_end(&self) -> usize {
        self.body.start.saturating_sub(2)
    }

    fn typed<H: Header>(&self, field: &Field) -> Result<H, HeaderError> {
        let value = self.unfolded(field)?;
        H::parse(&value).map_err(|error| HeaderError { at: self.offset(field, error.at), ..error })
    }

    fn refuse_repeated(&self, first: &Field) -> Result<(), HeaderError> {
        match self.fields.iter().find(|field| field.name == first.name && field.start > first.start) {
            None => Ok(()),
            Some(again) => {
                Err(HeaderError { name: again.name, at: again.name_range().start, fault: HeaderFault::Repeated })
            }
        }
    }
}

/// The names and values, but not the bytes around them.
impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        f.debug_map()
            .entries(self.fields().map(|(name, _, value)| (name.to_owned(), show(value))))
            .entry(&"body", &self.body.len())
            .finish()
    }
}

/// The values of one name; from [`Headers::values`].
#[derive(Clone, Debug)]
pub struct Values<'a> {
    headers: &'a Headers,
    name: HeaderName,
    next: usize,
    /// The field whose members are being given, its text, and where the next member begins.
    current: Option<(&'a Field, Text, Option<usize>)>,
}

/// One value and where it stands.
struct Value<'a> {
    field: &'a Field,
    text: Text,
    start: usize,
}

impl<'a> Values<'a> {
    fn step(&mut self) -> Option<Result<Value<'a>, HeaderError>> {
        loop {
            if let Some((field, text, at)) = &mut self.current {
                let mut members = Members::resume(text.as_bytes(), *at);
                if let Some(range) = members.next() {
                    *at = members.position();
                    let value = Value { field, start: range.start, text: text.sub(range) };
                    return Some(Ok(value));
                }
                self.current = None;
            }
            let (at, field) =
                self.headers.fields.iter().enumerate().skip(self.next).find(|(_, field)| field.name == self.name)?;
            self.next = at + 1;
            let text = match self.headers.unfolded(field) {
                Ok(text) => text,
                Err(error) => return Some(Err(error)),
            };
            match self.name.occurs() {
                Occurs::List => {
                    let at = Members::new(text.as_bytes()).position();
                    self.current = Some((field, text, at));
                }
                Occurs::Once | Occurs::Informs | Occurs::Fields => return Some(Ok(Value { field, text, start: 0 })),
            }
        }
    }
}

impl Iterator for Values<'_> {
    type Item = Result<Text, HeaderError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().map(|value| value.map(|value| value.text))
    }
}
