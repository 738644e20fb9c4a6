//! A place in a header value, and the small steps that the grammars of section 25.1 are made of.

use std::ops::Range;

use bytes::Bytes;
use memchr::{memchr, memchr2};
use nom::Parser;
use nom::error::Error;

use super::grammar::{self, DIGIT, HEX, NAME, QUOTED, SPACE, TEXT};
use super::{HeaderError, HeaderFault, Method, Text, line};

/// A reader of one value, which gives slices of the message it stands in.
#[derive(Debug)]
pub struct Cursor<'a> {
    source: &'a Bytes,
    /// The source up to the end of the value.
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// At the start of `text`.
    #[inline]
    #[must_use]
    pub fn new(text: &'a Text) -> Self {
        Self { source: text.as_bytes(), bytes: text.as_bytes(), at: 0 }
    }

    /// At the start of the part of `source` at `range`.
    #[inline]
    pub(crate) fn within(source: &'a Bytes, range: Range<usize>) -> Self {
        Self { source, bytes: source.get(..range.end).unwrap_or_default(), at: range.start }
    }

    /// The bytes at `range`, which the runs that were taken found to be UTF-8.
    #[inline]
    pub(crate) fn slice(&self, range: Range<usize>) -> Text {
        if range.is_empty() || range.end > self.bytes.len() {
            return Text::new();
        }
        Text::known(self.source.slice(range))
    }

    /// Takes all that is left.
    ///
    /// # Errors
    /// When it is not UTF-8.
    pub fn all(&mut self) -> Result<Text, HeaderError> {
        let range = line::trim(self.bytes, self.at..self.bytes.len());
        self.at = self.bytes.len();
        self.check_utf8(range.clone())?;
        Ok(self.slice(range))
    }

    /// Whether the bytes at `range` are UTF-8.
    fn check_utf8(&self, range: Range<usize>) -> Result<(), HeaderError> {
        let part = self.bytes.get(range.clone()).unwrap_or_default();
        if part.is_ascii() {
            return Ok(());
        }
        match std::str::from_utf8(part) {
            Ok(_) => Ok(()),
            Err(error) => Err(HeaderError::at(range.start + error.valid_up_to(), HeaderFault::NotUtf8)),
        }
    }

    /// The offset of the next byte.
    #[inline]
    #[must_use]
    pub const fn at(&self) -> usize {
        self.at
    }

    /// Goes to `at`.
    #[inline]
    pub(crate) const fn go(&mut self, at: usize) {
        self.at = at;
    }

    /// What is left.
    #[inline]
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The bytes at `range`.
    #[inline]
    pub(crate) fn part(&self, range: Range<usize>) -> &'a [u8] {
        self.bytes.get(range).unwrap_or_default()
    }

    /// The next byte.
    #[inline]
    pub(crate) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Skips spaces and tabs.
    #[inline]
    pub(crate) fn space(&mut self) {
        while self.peek().is_some_and(|byte| grammar::is(byte, SPACE)) {
            self.at += 1;
        }
    }

    /// Takes `byte` if it is next.
    #[inline]
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Takes `byte` with the white space around it, if it is next.
    #[inline]
    pub(crate) fn separator(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.eat(byte);
        if found {
            self.space();
        }
        found
    }

    /// Takes the longest run of bytes of `class`, which may be empty.
    #[inline]
    pub(crate) fn run(&mut self, class: u32) -> Range<usize> {
        let start = self.at;
        self.at += grammar::run(self.rest(), class);
        start..self.at
    }

    /// The same for runs that are long as a rule.
    #[inline]
    pub(crate) fn long_run(&mut self, class: u32) -> Range<usize> {
        let start = self.at;
        self.at += grammar::long_run(self.rest(), class);
        start..self.at
    }

    /// Takes a run of the characters of a display name.
    pub(crate) fn name(&mut self) -> Result<Range<usize>, HeaderError> {
        let range = self.run(NAME);
        self.check_utf8(range.clone())?;
        Ok(range)
    }

    /// Takes a run of bytes of `class` and escapes: `%` with two hexadecimal digits.
    #[inline]
    pub(crate) fn run_escaped(&mut self, class: u32) -> Range<usize> {
        let start = self.run(class).start;
        while let [b'%', high, low, ..] = self.rest()
            && grammar::is(*high, HEX)
            && grammar::is(*low, HEX)
        {
            self.at += 3;
            self.run(class);
        }
        start..self.at
    }

    /// Takes a run of `class` that is not empty; `what` says in the error what should stand there.
    pub(crate) fn some(&mut self, class: u32, what: &'static str) -> Result<Text, HeaderError> {
        let range = self.long_run(class);
        if range.is_empty() { Err(self.expected(what)) } else { Ok(self.slice(range)) }
    }

    /// Takes a quoted string, with its quotes.
    pub(crate) fn quoted(&mut self) -> Result<Range<usize>, HeaderError> {
        let start = self.at;
        if !self.eat(b'"') {
            return Err(self.expected("a quoted string"));
        }
        loop {
            self.long_run(QUOTED);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    self.check_utf8(start..self.at)?;
                    return Ok(start..self.at);
                }
                Some(b'\\') => {
                    self.at += 1;
                    if self.peek().is_none_or(|byte| byte == b'\r' || byte == b'\n') {
                        return Err(self.expected("a character after the backslash"));
                    }
                    self.at += 1;
                }
                Some(_) => return Err(self.expected("a character that may stand in quotes")),
                None => return Err(self.expected("a closing quote")),
            }
        }
    }

    /// Takes a comment with its parentheses, which may nest.
    pub(crate) fn comment(&mut self) -> Result<Text, HeaderError> {
        let start = self.at;
        if self.peek() != Some(b'(') {
            return Err(self.expected("a comment"));
        }
        let mut depth = 0_usize;
        loop {
            match self.peek() {
                Some(b'(') => depth += 1,
                Some(b')') => depth = depth.saturating_sub(1),
                Some(b'\\') if self.rest().len() > 1 => self.at += 1,
                Some(byte) if grammar::is(byte, TEXT) => {}
                Some(_) | None => return Err(self.expected("the end of the comment")),
            }
            self.at += 1;
            if depth == 0 {
                self.check_utf8(start..self.at)?;
                return Ok(self.slice(start..self.at));
            }
        }
    }

    /// Takes a number of at most `most`.
    pub(crate) fn number(&mut self, most: u64) -> Result<u64, HeaderError> {
        let range = self.run(DIGIT);
        let digits = self.bytes.get(range.clone()).unwrap_or_default();
        if digits.is_empty() {
            return Err(self.expected("a number"));
        }
        number(digits, most).ok_or_else(|| HeaderError::at(range.start, HeaderFault::OutOfRange))
    }

    /// The method at `range`, which is a token.
    pub(crate) fn method(&self, range: Range<usize>) -> Method {
        Method::in_message(self.source, range)
    }

    /// Takes a port.
    pub(crate) fn port(&mut self) -> Result<u16, HeaderError> {
        self.number(u64::from(u16::MAX)).map(|port| u16::try_from(port).unwrap_or_default())
    }

    /// Takes a number of 32 bits; a larger one counts as the largest, which is what a duration of 136 years comes to.
    pub(crate) fn saturating(&mut self) -> Result<u32, HeaderError> {
        let range = self.run(DIGIT);
        let digits = self.bytes.get(range).unwrap_or_default();
        if digits.is_empty() {
            return Err(self.expected("a number"));
        }
        let number = number(digits, u64::from(u32::MAX)).and_then(|number| u32::try_from(number).ok());
        Ok(number.unwrap_or(u32::MAX))
    }

    /// A reader of what is left before `end`.
    pub(crate) fn up_to(&self, end: usize) -> Self {
        Self { source: self.source, bytes: self.bytes.get(..end).unwrap_or_default(), at: self.at }
    }

    /// Whether nothing is left.
    pub(crate) const fn is_done(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// Takes what a parser of nom takes; `what` says in the error what should stand there.
    pub(crate) fn take<O>(
        &mut self,
        what: &'static str,
        mut parser: impl Parser<&'a [u8], Output = O, Error = Error<&'a [u8]>>,
    ) -> Result<O, HeaderError> {
        let place = |left: &[u8]| self.bytes.len() - left.len();
        match parser.parse(self.rest()) {
            Ok((left, output)) => {
                self.at = place(left);
                Ok(output)
            }
            Err(nom::Err::Error(error) | nom::Err::Failure(error)) => {
                Err(HeaderError::expected(place(error.input), what))
            }
            Err(nom::Err::Incomplete(_)) => Err(HeaderError::expected(self.bytes.len(), what)),
        }
    }

    /// The rest must be white space.
    pub(crate) fn end(&mut self) -> Result<(), HeaderError> {
        self.space();
        if self.is_done() { Ok(()) } else { Err(self.expected("the end of the value")) }
    }

    /// The error that `what` should stand here.
    pub(crate) const fn expected(&self, what: &'static str) -> HeaderError {
        HeaderError::expected(self.at, what)
    }
}

/// The number that `digits` spell, unless it is more than `most`. Nothing but digits comes in.
pub(crate) fn number(digits: &[u8], most: u64) -> Option<u64> {
    let mut number = 0_u64;
    for digit in digits {
        number = number.checked_mul(10)?.checked_add(u64::from(digit.wrapping_sub(b'0')))?;
        if number > most {
            return None;
        }
    }
    Some(number)
}

/// What a quoted string says, without its quotes and backslashes. Copies only when there are backslashes.
pub(crate) fn unquoted(quoted: &Text) -> Text {
    let inner = quoted.sub(1..quoted.as_bytes().len().saturating_sub(1));
    if memchr(b'\\', inner.as_bytes()).is_none() {
        return inner;
    }
    let mut plain = String::with_capacity(inner.len());
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        plain.push(if letter == '\\' { letters.next().unwrap_or(letter) } else { letter });
    }
    Text::from(plain)
}

/// Whether `text` can stand in quotes: it holds no line end.
pub(crate) fn is_quotable(text: &str) -> bool {
    memchr2(b'\r', b'\n', text.as_bytes()).is_none()
}

/// `text` as the inside of a quoted string: quotes and backslashes escaped, and so are control characters, which may not stand there
/// plainly. Line ends cannot be escaped; the builder refuses them.
pub(crate) fn quote(text: &str, out: &mut impl std::fmt::Write) -> std::fmt::Result {
    out.write_char('"')?;
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        if !grammar::is(byte, QUOTED) {
            out.write_str(text.get(plain..at).unwrap_or_default())?;
            out.write_char('\\')?;
            plain = at;
        }
    }
    out.write_str(text.get(plain..).unwrap_or_default())?;
    out.write_char('"')
}
