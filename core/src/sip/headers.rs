//! The header fields of a message: an index of spans over its bytes (RFC 3261 section 7.3), typed when asked for.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use memchr::memchr;

use super::line;
use super::list::Members;
use super::{Cursor, Header, HeaderError, HeaderFault, HeaderName, Occurs, Text};

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
        Values { headers: self, name, fields: self.fields.iter(), field: None, unfolded: None, next: None, end: 0 }
    }

    /// The whole value of the first field of this name, folding undone.
    ///
    /// # Errors
    /// When it is not UTF-8.
    pub fn text(&self, name: HeaderName) -> Result<Option<Text>, HeaderError> {
        self.find(name).map(|field| self.text_of(field)).transpose()
    }

    /// The typed value of the field; of a list the first member. None when there is no such field.
    ///
    /// # Errors
    /// When it is not of its grammar, or a field that occurs once is repeated.
    pub fn get<H: Header>(&self) -> Result<Option<H>, HeaderError> {
        self.read(H::NAME, H::read)
    }

    /// The typed value of a field that must be there.
    ///
    /// # Errors
    /// When it is missing, repeated, or not of its grammar.
    pub fn need<H: Header>(&self) -> Result<H, HeaderError> {
        self.need_as(H::NAME, H::read)
    }

    /// Every typed value of the field in its order.
    pub fn all<H: Header>(&self) -> impl Iterator<Item = Result<H, HeaderError>> {
        self.all_as(H::NAME, H::read)
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

    /// What `read` makes of the first value of this name.
    pub(crate) fn read<T>(
        &self,
        name: HeaderName,
        read: impl Fn(&mut Cursor<'_>) -> Result<T, HeaderError>,
    ) -> Result<Option<T>, HeaderError> {
        let Some(field) = self.find(name) else { return Ok(None) };
        match name.occurs() {
            Occurs::Once => self.refuse_repeated(field)?,
            Occurs::List => return self.all_as(name, read).next().transpose(),
            Occurs::Informs | Occurs::Fields => {}
        }
        self.read_field(field, read).map(Some)
    }

    /// What `read` makes of the first value of this name, which must be there.
    #[inline]
    pub(crate) fn need_as<T>(
        &self,
        name: HeaderName,
        read: impl Fn(&mut Cursor<'_>) -> Result<T, HeaderError>,
    ) -> Result<T, HeaderError> {
        let Some(field) = self.find(name) else { return Err(self.missing(name)) };
        match name.occurs() {
            Occurs::Once => self.refuse_repeated(field)?,
            Occurs::List => return self.all_as(name, read).next().unwrap_or_else(|| Err(self.missing(name))),
            Occurs::Informs | Occurs::Fields => {}
        }
        self.read_field(field, read)
    }

    /// What `read` makes of each value of this name.
    #[inline]
    pub(crate) fn all_as<T>(
        &self,
        name: HeaderName,
        read: impl Fn(&mut Cursor<'_>) -> Result<T, HeaderError>,
    ) -> impl Iterator<Item = Result<T, HeaderError>> {
        let mut values = self.values(name);
        std::iter::from_fn(move || {
            let range = values.step()?;
            let mut value = read(&mut Cursor::within(values.source(), range));
            if let Err(error) = &mut value {
                values.place(error);
            }
            Some(value)
        })
    }

    /// What `read` makes of the whole value of `field`.
    #[inline]
    pub(crate) fn read_field<T>(
        &self,
        field: &Field,
        read: impl Fn(&mut Cursor<'_>) -> Result<T, HeaderError>,
    ) -> Result<T, HeaderError> {
        if field.folded {
            let unfolded = self.unfolded(field);
            let mut value = read(&mut Cursor::within(&unfolded, 0..unfolded.len()));
            if let Err(error) = &mut value {
                self.tell(error, field, true);
            }
            return value;
        }
        let mut value = read(&mut Cursor::within(&self.bytes, field.value_range()));
        if let Err(error) = &mut value {
            self.tell(error, field, false);
        }
        value
    }

    /// The value of a folded field as one line.
    fn unfolded(&self, field: &Field) -> Bytes {
        Bytes::from(line::unfolded(self.part(field.value_range())))
    }

    /// The value of `field` as text, folding undone.
    pub(crate) fn text_of(&self, field: &Field) -> Result<Text, HeaderError> {
        self.read_field(field, |cursor| cursor.all())
    }

    /// Tells an error of `field` its name, and the place in the message when its value was unfolded.
    #[cold]
    fn tell(&self, error: &mut HeaderError, field: &Field, unfolded: bool) {
        error.name = field.name;
        if unfolded {
            let range = field.value_range();
            error.at = range.start + line::folded_offset(self.part(range), error.at);
        }
    }

    /// The error that there is no field of this name.
    pub(crate) fn missing(&self, name: HeaderName) -> HeaderError {
        HeaderError { name, at: self.head_end(), fault: HeaderFault::Missing }
    }

    /// Where the empty line after the fields stands.
    pub(crate) fn head_end(&self) -> usize {
        self.body.start.saturating_sub(2)
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
    /// The fields that were not looked at yet.
    fields: std::slice::Iter<'a, Field>,
    /// The field whose values are being given.
    field: Option<&'a Field>,
    /// Its value as one line, when it was folded.
    unfolded: Option<Bytes>,
    /// Where its next member begins; none after the last.
    next: Option<usize>,
    /// Where its value ends.
    end: usize,
}

impl Values<'_> {
    /// Where the next value stands in its source.
    #[inline]
    fn step(&mut self) -> Option<Range<usize>> {
        if let Some(at) = self.next {
            return Some(self.member(at));
        }
        loop {
            let name = self.name;
            let field = self.fields.find(|field| field.name == name)?;
            let mut range = field.value_range();
            self.field = Some(field);
            self.unfolded = None;
            if field.folded {
                let unfolded = self.headers.unfolded(field);
                range = 0..unfolded.len();
                self.unfolded = Some(unfolded);
            }
            if name.occurs() != Occurs::List {
                return Some(range);
            }
            if range.is_empty() {
                continue;
            }
            if memchr(b',', self.source().get(range.clone()).unwrap_or_default()).is_none() {
                return Some(range);
            }
            self.end = range.end;
            return Some(self.member(range.start));
        }
    }

    /// The member of the list that begins at `at`; the others come next.
    fn member(&mut self, at: usize) -> Range<usize> {
        let mut members = Members::from(self.source().get(..self.end).unwrap_or_default(), at);
        let range = members.next().unwrap_or_default();
        self.next = members.position();
        range
    }

    /// What the ranges are ranges of: the message, or a value that was unfolded.
    #[inline]
    fn source(&self) -> &Bytes {
        self.unfolded.as_ref().unwrap_or(&self.headers.bytes)
    }

    /// Tells an error of a value its place in the message.
    fn place(&self, error: &mut HeaderError) {
        if let Some(field) = self.field {
            self.headers.tell(error, field, self.unfolded.is_some());
        }
    }
}

impl Iterator for Values<'_> {
    type Item = Result<Text, HeaderError>;

    fn next(&mut self) -> Option<Self::Item> {
        let range = self.step()?;
        let mut value = Cursor::within(self.source(), range).all();
        if let Err(error) = &mut value {
            self.place(error);
        }
        Some(value)
    }
}
