//! A place in a header value, and the small steps that the grammars of section 25.1 are made of.

use std::ops::Range;

use memchr::memchr;

use super::grammar::{self, DIGIT, QUOTED, SPACE};
use super::{HeaderFault, Text, ValueError};

/// A reader of one value, which gives slices of it.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    text: &'a Text,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// At the start of `text`, after its white space.
    pub(crate) fn new(text: &'a Text) -> Self {
        let mut cursor = Self { text, bytes: text.as_bytes(), at: 0 };
        cursor.space();
        cursor
    }

    /// The text that is read.
    pub(crate) const fn text(&self) -> &'a Text {
        self.text
    }

    /// The offset of the next byte.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// Goes to `at`.
    pub(crate) const fn go(&mut self, at: usize) {
        self.at = at;
    }

    /// What is left.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The next byte.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Skips spaces and tabs.
    pub(crate) fn space(&mut self) {
        while self.peek().is_some_and(|byte| grammar::is(byte, SPACE)) {
            self.at += 1;
        }
    }

    /// Takes `byte` if it is next.
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Takes `byte` with the white space around it, if it is next.
    pub(crate) fn separator(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.eat(byte);
        if found {
            self.space();
        }
        found
    }

    /// Takes the longest run of bytes of `classes`, which may be empty.
    pub(crate) fn run(&mut self, classes: u16) -> Range<usize> {
        let start = self.at;
        while self.peek().is_some_and(|byte| grammar::is(byte, classes)) {
            self.at += 1;
        }
        start..self.at
    }

    /// Takes a run of `classes` that is not empty; `what` says in the error what should stand there.
    pub(crate) fn some(&mut self, classes: u16, what: &'static str) -> Result<Text, ValueError> {
        let range = self.run(classes);
        if range.is_empty() { Err(self.expected(what)) } else { Ok(self.text.sub(range)) }
    }

    /// Takes a quoted string, with its quotes.
    pub(crate) fn quoted(&mut self) -> Result<Range<usize>, ValueError> {
        let start = self.at;
        if !self.eat(b'"') {
            return Err(self.expected("a quoted string"));
        }
        loop {
            self.run(QUOTED);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
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

    /// Takes a number of at most `most`.
    pub(crate) fn number(&mut self, most: u64) -> Result<u64, ValueError> {
        let range = self.run(DIGIT);
        let digits = self.bytes.get(range.clone()).unwrap_or_default();
        if digits.is_empty() {
            return Err(self.expected("a number"));
        }
        number(digits, most).ok_or(ValueError { at: range.start, fault: HeaderFault::OutOfRange })
    }

    /// Takes a number of 32 bits; a larger one counts as the largest, which is what a duration of 136 years comes to.
    pub(crate) fn saturating(&mut self) -> Result<u32, ValueError> {
        let range = self.run(DIGIT);
        let digits = self.bytes.get(range).unwrap_or_default();
        if digits.is_empty() {
            return Err(self.expected("a number"));
        }
        let number = number(digits, u64::from(u32::MAX)).and_then(|number| u32::try_from(number).ok());
        Ok(number.unwrap_or(u32::MAX))
    }

    /// The rest must be white space.
    pub(crate) fn end(&mut self) -> Result<(), ValueError> {
        self.space();
        if self.at >= self.bytes.len() { Ok(()) } else { Err(self.expected("the end of the value")) }
    }

    /// The error that `what` should stand here.
    pub(crate) const fn expected(&self, what: &'static str) -> ValueError {
        ValueError::expected(self.at, what)
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

/// What the quoted string at `range` of `text` says: without its quotes and backslashes. Copies only when there are backslashes.
pub(crate) fn unquoted(text: &Text, range: Range<usize>) -> Text {
    let inner = text.sub(range.start + 1..range.end.saturating_sub(1));
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
