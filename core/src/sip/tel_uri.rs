//! `tel:` URIs (RFC 3966).

use std::fmt;
use std::ops::Range;

use super::cursor::Cursor;
use super::grammar::{self, DIGIT, HEX};
use super::{Params, Text, UriError, UriFault, escape, sip_uri};

/// A telephone number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TelUri {
    /// The number as it is written: `+1-201-555-0123` is global, without the plus it is local and needs `;phone-context`.
    pub number: Text,
    /// The parameters, such as `;ext=12;phone-context=example.com`, with their escapes.
    pub params: Params,
}

impl TelUri {
    /// Takes what follows the scheme: as much as can belong to it.
    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Result<Self, UriError> {
        let number = number(cursor)?;
        let params_start = cursor.at();
        sip_uri::params(cursor)?;
        let params = Params::checked(cursor.slice(params_start..cursor.at()));
        Ok(Self { number: cursor.slice(number), params })
    }

    /// Whether the number is global: it begins with a plus.
    #[must_use]
    pub fn is_global(&self) -> bool {
        self.number.starts_with('+')
    }

    /// The number without visual separators.
    #[must_use]
    pub fn digits(&self) -> String {
        self.number.chars().filter(|letter| !is_separator(*letter)).collect()
    }

    /// Whether both mean the same (RFC 3966 section 5): separators and the order of parameters do not count, case neither.
    #[must_use]
    pub fn equivalent(&self, other: &Self) -> bool {
        let sorted = |params: &Params| {
            let mut sorted: Vec<(String, Option<String>)> = params
                .iter()
                .map(|(name, value)| {
                    let name = escape::normal(&name).to_ascii_lowercase();
                    let value = value.map(|value| {
                        let value = escape::normal(&value).to_ascii_lowercase();
                        let is_number = name == "ext" || name == "phone-context" && value.starts_with('+');
                        if is_number { value.chars().filter(|letter| !is_separator(*letter)).collect() } else { value }
                    });
                    (name, value)
                })
                .collect();
            sorted.sort();
            sorted
        };
        self.digits().eq_ignore_ascii_case(&other.digits()) && sorted(&self.params) == sorted(&other.params)
    }

    /// A copy that does not keep the buffer of a message alive.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self { number: self.number.detached(), params: self.params.detached() }
    }

    /// Whether it reads back as itself.
    pub(crate) fn is_sound(&self) -> bool {
        sip_uri::fits(&self.number, number) && sip_uri::fits(self.params.text(), sip_uri::params)
    }
}

const fn is_separator(letter: char) -> bool {
    matches!(letter, '-' | '.' | '(' | ')')
}

/// Takes `global-number-digits / local-number-digits`: at least one digit among separators.
fn number(cursor: &mut Cursor<'_>) -> Result<Range<usize>, UriError> {
    let start = cursor.at();
    let global = cursor.eat(b'+');
    let is_digit = |byte: u8| match byte {
        b'*' | b'#' => !global,
        byte => grammar::is(byte, if global { DIGIT } else { HEX }),
    };
    let mut digits = 0;
    while let Some(byte) = cursor.peek() {
        if is_digit(byte) {
            digits += 1;
        } else if !is_separator(char::from(byte)) {
            break;
        }
        cursor.go(cursor.at() + 1);
    }
    if digits > 0 { Ok(start..cursor.at()) } else { Err(UriError { at: cursor.at(), fault: UriFault::Number }) }
}

impl fmt::Display for TelUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tel:{}{}", self.number, self.params)
    }
}
