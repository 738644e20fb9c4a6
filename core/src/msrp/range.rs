//! Where in its message a chunk stands (RFC 4975 section 7.1.1): `Byte-Range: 1-2048/4385`, `2049-*/*`, `1-0/0`.

use std::fmt;

/// The value of Byte-Range. The first byte of a message is number 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    /// The number of the first byte, 1 at least.
    pub start: u64,
    /// The number of the last byte; none when it was not known, or the chunk may be interrupted.
    pub end: Option<u64>,
    /// The length of the whole message, if it is known.
    pub total: Option<u64>,
}

/// What is wrong with a Byte-Range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeFault {
    /// It is not of the grammar.
    #[error("it does not read")]
    Syntax,
    /// A number does not fit into 64 bits.
    #[error("a number is too large")]
    TooLarge,
    /// Bytes are counted from 1.
    #[error("it begins at 0")]
    Zero,
    /// It ends before it begins.
    #[error("it ends before it begins")]
    Backwards,
    /// It reaches beyond the end of the message.
    #[error("it reaches beyond the end of the message")]
    Beyond,
}

impl ByteRange {
    /// The range of a request that has none: all there is.
    pub const WHOLE: Self = Self { start: 1, end: None, total: None };

    /// Reads the value of the field.
    ///
    /// # Errors
    /// When it does not read, or contradicts itself.
    pub fn parse(text: &str) -> Result<Self, RangeFault> {
        let (range, total) = text.split_once('/').ok_or(RangeFault::Syntax)?;
        let (start, end) = range.split_once('-').ok_or(RangeFault::Syntax)?;
        let known = |text: &str| if text == "*" { Ok(None) } else { number(text).map(Some) };
        let (start, end, total) = (number(start)?, known(end)?, known(total)?);
        if start == 0 {
            return Err(RangeFault::Zero);
        }
        // An empty chunk ends one byte before it begins.
        if end.is_some_and(|end| end < start - 1) {
            return Err(RangeFault::Backwards);
        }
        if total.is_some_and(|total| start - 1 > total || end.is_some_and(|end| end > total)) {
            return Err(RangeFault::Beyond);
        }
        Ok(Self { start, end, total })
    }
}

fn number(digits: &str) -> Result<u64, RangeFault> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(RangeFault::Syntax);
    }
    digits.parse().map_err(|_| RangeFault::TooLarge)
}

impl fmt::Display for ByteRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-", self.start)?;
        match self.end {
            Some(end) => write!(f, "{end}/")?,
            None => f.write_str("*/")?,
        }
        match self.total {
            Some(total) => write!(f, "{total}"),
            None => f.write_str("*"),
        }
    }
}
