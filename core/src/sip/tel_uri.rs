//! `tel:` URIs (RFC 3966).

use std::fmt;
use std::ops::Range;

use memchr::memchr;

use super::grammar::{self, DIGIT, HEX};
use super::{Params, Text, UriError, UriFault, escape};

/// A telephone number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TelUri {
    /// The number as it is written: `+1-201-555-0123` is global, without the plus it is local and needs `;phone-context`.
    pub number: Text,
    /// The parameters, such as `;ext=12;phone-context=example.com`, with their escapes.
    pub params: Params,
}

impl TelUri {
    /// Reads what follows the scheme, at `range` of `text`.
    pub(crate) fn at(text: &Text, range: Range<usize>) -> Result<Self, UriError> {
        let bytes = text.as_bytes().get(range.clone()).unwrap_or_default();
        let len = memchr(b';', bytes).unwrap_or(bytes.len());
        let (number, params) = bytes.split_at_checked(len).unwrap_or_default();
        check_number(number).map_err(|bad| UriError { at: range.start + bad, fault: UriFault::Number })?;
        super::sip_uri::check_params(params)
            .map_err(|bad| UriError { at: range.start + len + bad, fault: UriFault::Parameter })?;
        Ok(Self {
            number: text.sub(range.start..range.start + len),
            params: Params::checked(text.sub(range.start + len..range.end)),
        })
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
        check_number(self.number.as_bytes()).is_ok()
            && super::sip_uri::check_params(self.params.as_str().as_bytes()).is_ok()
    }
}

const fn is_separator(letter: char) -> bool {
    matches!(letter, '-' | '.' | '(' | ')')
}

/// Checks `global-number-digits / local-number-digits`; gives the offset of what is wrong.
fn check_number(number: &[u8]) -> Result<(), usize> {
    let (local, digits) = number.strip_prefix(b"+").map_or((true, number), |digits| (false, digits));
    let at = number.len() - digits.len();
    let is_digit =
        |byte: u8| if local { grammar::is(byte, HEX) || matches!(byte, b'*' | b'#') } else { grammar::is(byte, DIGIT) };
    if let Some(bad) = digits.iter().position(|byte| !is_digit(*byte) && !is_separator(char::from(*byte))) {
        return Err(at + bad);
    }
    if digits.iter().any(|byte| is_digit(*byte)) { Ok(()) } else { Err(at) }
}

impl fmt::Display for TelUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tel:{}{}", self.number, self.params)
    }
}
