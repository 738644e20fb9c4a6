//! What became of a message (RFC 4975 sections 7.1.2 and 10): `Status: 000 200 OK`.

use std::fmt;

use crate::sip::Text;

/// The value of Status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// What the code is read in; 0 for the codes of responses.
    pub namespace: u16,
    /// The code.
    pub code: u16,
    /// A comment.
    pub comment: Text,
}

impl Status {
    /// Reads the value of the field.
    pub(super) fn parse(text: &Text) -> Option<Self> {
        let (namespace, rest) = text.split_once(' ')?;
        let (code, comment) = rest.split_once(' ').unwrap_or((rest, ""));
        Some(Self { namespace: digits(namespace)?, code: digits(code)?, comment: text.slice_of(comment.trim()) })
    }
}

/// Three digits.
pub(super) fn digits(text: &str) -> Option<u16> {
    if text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03} {:03}", self.namespace, self.code)?;
        if self.comment.is_empty() { Ok(()) } else { write!(f, " {}", self.comment) }
    }
}

/// What a code means (RFC 4975 section 10, RFC 4976 section 9, RFC 7701 section 10.5).
#[must_use]
pub const fn reason_phrase(code: u16) -> &'static str {
    match code {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        408 => "Request Timeout",
        413 => "Unwanted Message",
        415 => "Unsupported Media Type",
        423 => "Out of Bounds",
        425 => "Nickname Reserved or In Use",
        428 => "Private Messages Not Supported",
        481 => "No Such Session",
        501 => "Unknown Method",
        506 => "Wrong Connection",
        _ => "Unknown",
    }
}
