//! Writing frames: the head into a buffer, then the body as it is, then the end line, so that a body is never copied.

use std::fmt::{Display, Write};

use bytes::{Bytes, BytesMut};
use memchr::memmem;

use super::head::is_ident;
use super::status::reason_phrase;
use super::{Field, Method, Path};

/// What follows a chunk (RFC 4975 section 7.1): the flag of an end line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continuation {
    /// `$`: it was the last one of its message.
    Complete,
    /// `+`: more will follow.
    More,
    /// `#`: the message is given up.
    Abort,
}

impl Continuation {
    pub(super) const fn of(flag: u8) -> Option<Self> {
        match flag {
            b'$' => Some(Self::Complete),
            b'+' => Some(Self::More),
            b'#' => Some(Self::Abort),
            _ => None,
        }
    }

    const fn flag(self) -> char {
        match self {
            Self::Complete => '$',
            Self::More => '+',
            Self::Abort => '#',
        }
    }
}

/// Something that cannot stand in a frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// The identifier is not of the grammar.
    #[error("{0:?} is no identifier")]
    Identifier(String),
    /// The value has a control character.
    #[error("the value of {} has a control character", .0.as_str())]
    Value(Field),
}

/// Writes one frame.
#[derive(Debug)]
pub struct Writer {
    out: BytesMut,
    transaction: String,
    fault: Option<Unwritable>,
}

impl Writer {
    /// A request.
    #[must_use]
    pub fn request(transaction: &str, method: &Method, to: &Path, from: &Path) -> Self {
        Self::start(transaction, method.as_str()).field(Field::ToPath, to).field(Field::FromPath, from)
    }

    /// A response.
    #[must_use]
    pub fn response(transaction: &str, code: u16, to: &Path, from: &Path) -> Self {
        let what = format!("{code:03} {}", reason_phrase(code));
        let mut writer = Self::start(transaction, &what).field(Field::ToPath, to).field(Field::FromPath, from);
        // Whatever identifier the request had is the right one.
        writer.fault = writer.fault.filter(|fault| !matches!(fault, Unwritable::Identifier(_)));
        writer
    }

    fn start(transaction: &str, what: &str) -> Self {
        let mut out = BytesMut::with_capacity(512);
        let _ = write!(out, "MSRP {transaction} {what}\r\n");
        let fault = (!is_ident(transaction)).then(|| Unwritable::Identifier(transaction.to_owned()));
        Self { out, transaction: transaction.to_owned(), fault }
    }

    /// Adds a field.
    #[must_use]
    pub fn field(mut self, field: Field, value: impl Display) -> Self {
        let _ = write!(self.out, "{}: ", field.as_str());
        let begins = self.out.len();
        let _ = write!(self.out, "{value}");
        if self.out.get(begins..).is_some_and(|value| value.iter().any(u8::is_ascii_control)) {
            self.fault.get_or_insert(Unwritable::Value(field));
        }
        self.out.extend_from_slice(b"\r\n");
        self
    }

    /// The frame, which has no body.
    ///
    /// # Errors
    /// When something of it cannot be written.
    pub fn finish(mut self, flag: Continuation) -> Result<Bytes, Unwritable> {
        let _ = write!(self.out, "-------{}{}\r\n", self.transaction, flag.flag());
        self.fault.map_or(Ok(self.out.freeze()), Err)
    }

    /// The head of a frame with a body of this type; body and [`end_line`] follow.
    ///
    /// # Errors
    /// When something of it cannot be written.
    pub fn with_body(self, content_type: impl Display) -> Result<Bytes, Unwritable> {
        let mut whole = self.field(Field::ContentType, content_type);
        whole.out.extend_from_slice(b"\r\n");
        whole.fault.map_or(Ok(whole.out.freeze()), Err)
    }
}

/// The line that ends a body, with the line end before it.
#[must_use]
pub fn end_line(transaction: &str, flag: Continuation) -> Bytes {
    Bytes::from(format!("\r\n-------{transaction}{}\r\n", flag.flag()))
}

/// Whether this body may not be sent under this identifier: an end of the frame would be read in it.
#[must_use]
pub fn has_end_line(body: &[u8], transaction: &str) -> bool {
    memmem::find(body, format!("-------{transaction}").as_bytes()).is_some()
}
