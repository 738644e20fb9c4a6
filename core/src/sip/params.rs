//! Parameters (RFC 3261 section 7.3.1 and 19.1.1): `;name`, `;name=value`, `;name="quoted value"`.

use std::fmt;
use std::ops::Range;

use super::cursor::{self, Cursor};
use super::grammar::{self, BARE, PARAM_NAME, TOKEN, VALUE};
use super::{HeaderError, Text};

/// The parameters of a header value or of a URI, in their order, unknown ones too. Names are compared in any case.
///
/// They stay the text that was received, and are looked up in it.
#[derive(Clone, Debug, Default)]
pub struct Params(Text);

/// One parameter, as ranges of the text.
struct Found {
    /// From its semicolon on.
    start: usize,
    name: Range<usize>,
    /// With its quotes.
    value: Option<Range<usize>>,
}

impl Params {
    /// No parameters.
    #[must_use]
    pub const fn new() -> Self {
        Self(Text::new())
    }

    /// Text that was checked by the grammar it belongs to: empty, or from the first semicolon on.
    pub(crate) const fn checked(text: Text) -> Self {
        Self(text)
    }

    /// Reads the parameters of a header value from here to its end.
    pub(crate) fn parse(cursor: &mut Cursor<'_>) -> Result<Self, HeaderError> {
        cursor.space();
        let start = cursor.at();
        let mut end = start;
        while cursor.eat(b';') {
            cursor.space();
            if cursor.run(TOKEN).is_empty() {
                return Err(cursor.expected("the name of a parameter"));
            }
            end = cursor.at();
            if cursor.separator(b'=') {
                if cursor.peek() == Some(b'"') {
                    cursor.quoted()?;
                } else if cursor.long_run(VALUE).is_empty() {
                    return Err(cursor.expected("the value of a parameter"));
                }
                end = cursor.at();
            }
            cursor.space();
        }
        match cursor.peek() {
            None => Ok(Self(cursor.slice(start..end))),
            Some(_) => Err(cursor.expected("a semicolon or the end of the value")),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text they stand in.
    pub(crate) const fn text(&self) -> &Text {
        &self.0
    }

    /// The text: empty, or from the first semicolon on.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is a parameter `name`, with or without a value.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// The parameter `name`: none when it is absent, `Some(None)` when it has no value. Quotes are taken off.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Option<Text>> {
        self.find(name).map(|found| found.value.map(|range| self.plain(range)))
    }

    /// The value of `name`, when it has one, as it is written but without quotes.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        let value = self.0.as_str().get(self.find(name)?.value?)?;
        Some(value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value))
    }

    /// The value of `name`, when it has one and that stands without quotes.
    pub(crate) fn bare(&self, name: &str) -> Option<&str> {
        self.0.as_str().get(self.find(name)?.value?).filter(|value| !value.starts_with('"'))
    }

    /// The number that `name` has as its value.
    #[must_use]
    pub fn number<N: std::str::FromStr>(&self, name: &str) -> Option<N> {
        let value = self.value(name)?;
        if grammar::all(value.as_bytes(), grammar::DIGIT) { value.parse().ok() } else { None }
    }

    /// The seconds that `name` has as its value; more than 32 bits counts as the largest number, and none when it is no number.
    #[must_use]
    pub fn seconds(&self, name: &str) -> Option<u32> {
        let value = self.value(name)?.as_bytes();
        if !grammar::all(value, grammar::DIGIT) {
            return None;
        }
        Some(
            cursor::number(value, u64::from(u32::MAX))
                .and_then(|number| u32::try_from(number).ok())
                .unwrap_or(u32::MAX),
        )
    }

    /// Every parameter in its order; quotes are taken off the values.
    pub fn iter(&self) -> impl Iterator<Item = (Text, Option<Text>)> {
        self.walk().map(|found| (self.0.sub(found.name), found.value.map(|range| self.plain(range))))
    }

    /// How many parameters have this name.
    #[must_use]
    pub fn count(&self, name: &str) -> usize {
        self.walk().filter(|found| self.is_named(found, name)).count()
    }

    /// Sets a parameter: in its place when it is there, else at the end. A value that is neither a token nor a host is quoted.
    /// A name that is not a token cannot be written: the builder refuses the parameters then.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        let mut param = String::with_capacity(name.len() + value.map_or(0, |value| value.len() + 2) + 2);
        param.push(';');
        // Writing to a string cannot fail.
        if grammar::all(name.as_bytes(), TOKEN) {
            param.push_str(name);
        } else {
            let _ = cursor::quote(name, &mut param);
        }
        if let Some(value) = value {
            param.push('=');
            if grammar::all(value.as_bytes(), BARE) {
                param.push_str(value);
            } else {
                let _ = cursor::quote(value, &mut param);
            }
        }
        self.replace(name, &param);
    }

    /// Removes every parameter of this name.
    pub fn remove(&mut self, name: &str) {
        if self.has(name) {
            self.replace(name, "");
        }
    }

    /// The same with `param`, the text of one parameter, in the place of those named `name`.
    pub(crate) fn replace(&mut self, name: &str, param: &str) {
        let text = self.0.as_str();
        let mut all = String::with_capacity(text.len() + param.len());
        let mut param = Some(param);
        for found in self.walk() {
            if self.is_named(&found, name) {
                all.push_str(param.take().unwrap_or_default());
            } else {
                let end = found.value.as_ref().map_or(found.name.end, |value| value.end);
                all.push_str(text.get(found.start..end).unwrap_or_default());
            }
        }
        all.push_str(param.unwrap_or_default());
        self.0 = Text::from(all);
    }

    /// The same with the values of the parameters `names`, in one walk: in their places where they are there, else at the end. Names and
    /// values must be of the grammar.
    pub(crate) fn with_values(&self, values: &[(&str, Option<&str>)]) -> Self {
        let text = self.0.as_str();
        let added = values.iter().map(|(name, value)| name.len() + value.map_or(0, str::len) + 2).sum::<usize>();
        let mut all = String::with_capacity(text.len() + added);
        let mut written = 0_u32;
        let mut write = |all: &mut String, at: usize, name: &str, value: Option<&str>| {
            let bit = 1_u32 << at;
            if let Some(value) = value.filter(|_| written & bit == 0) {
                written |= bit;
                all.push(';');
                all.push_str(name);
                all.push('=');
                all.push_str(value);
            }
        };
        for found in self.walk() {
            let named =
                values.iter().enumerate().find(|(_, (name, value))| value.is_some() && self.is_named(&found, name));
            if let Some((at, (name, value))) = named {
                write(&mut all, at, name, *value);
            } else {
                let end = found.value.as_ref().map_or(found.name.end, |value| value.end);
                all.push_str(text.get(found.start..end).unwrap_or_default());
            }
        }
        for (at, (name, value)) in values.iter().enumerate() {
            write(&mut all, at, name, *value);
        }
        Self(Text::from(all))
    }

    /// A copy that does not keep the buffer of a message alive.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self(self.0.detached())
    }

    /// Whether they are of the grammar of header parameters.
    pub(crate) fn is_sound(&self) -> bool {
        let mut cursor = Cursor::new(&self.0);
        cursor.at() == 0 && Self::parse(&mut cursor).is_ok_and(|read| read.0.len() == self.0.len())
    }

    fn find(&self, name: &str) -> Option<Found> {
        self.walk().find(|found| self.is_named(found, name))
    }

    fn is_named(&self, found: &Found, name: &str) -> bool {
        let bytes = self.0.as_bytes().get(found.name.clone());
        bytes.is_some_and(|bytes| bytes.eq_ignore_ascii_case(name.as_bytes()))
    }

    fn plain(&self, range: Range<usize>) -> Text {
        if self.0.as_bytes().get(range.start) == Some(&b'"') {
            cursor::unquoted(&self.0.sub(range))
        } else {
            self.0.sub(range)
        }
    }

    /// Walks over the text, which was checked before, be it of a header or of a URI.
    fn walk(&self) -> impl Iterator<Item = Found> {
        let mut cursor = Cursor::new(&self.0);
        std::iter::from_fn(move || {
            let start = cursor.at();
            if !cursor.eat(b';') {
                return None;
            }
            cursor.space();
            let name = cursor.run(PARAM_NAME);
            let value = if cursor.separator(b'=') {
                let quoted = if cursor.peek() == Some(b'"') { cursor.quoted().ok() } else { None };
                Some(quoted.unwrap_or_else(|| cursor.long_run(VALUE)))
            } else {
                None
            };
            cursor.space();
            Some(Found { start, name, value })
        })
    }
}

/// Equal when they have the same parameters in the same order: names in any case, values without their quotes.
impl PartialEq for Params {
    fn eq(&self, other: &Self) -> bool {
        if self.0 == other.0 {
            return true;
        }
        let (mut own, mut others) = (self.iter(), other.iter());
        loop {
            match (own.next(), others.next()) {
                (Some((name, value)), Some((other_name, other_value))) => {
                    if !name.as_bytes().eq_ignore_ascii_case(other_name.as_bytes()) || value != other_value {
                        return false;
                    }
                }
                (None, None) => return true,
                (Some(_), None) | (None, Some(_)) => return false,
            }
        }
    }
}

impl Eq for Params {}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(text: &str) -> Params {
        let text = Text::from(text);
        Params::parse(&mut Cursor::new(&text)).unwrap()
    }

    #[test]
    fn names_are_found_in_any_case_and_values_without_quotes() {
        let params = params(" ; tag = 1918181833n;LR ; text=\"a \\\"b\\\";c\";q=0.33");
        assert_eq!(params.get("TAG"), Some(Some(Text::from("1918181833n"))));
        assert_eq!(params.get("lr"), Some(None));
        assert_eq!(params.get("text"), Some(Some(Text::from("a \"b\";c"))));
        assert_eq!(params.value("q"), Some("0.33"));
        assert_eq!(params.get("c"), None);
        assert_eq!(params.iter().count(), 4);
    }

    #[test]
    fn bad_parameters_are_refused_at_their_byte() {
        for (text, at) in [
            (";;", 1),
            (";a=", 3),
            (";=b", 1),
            (";a b", 3),
            (";a=\"x", 5),
            (";a=\"x\\", 6),
            (";a=b,c", 4),
            (";a=<x>", 3),
            ("a", 0),
            (";a;", 3),
            (";tag=;x", 5),
            (";a=\"\u{1}\"", 4),
        ] {
            let text = Text::from(text);
            assert_eq!(Params::parse(&mut Cursor::new(&text)).unwrap_err().at, at, "{text}");
        }
    }

    #[test]
    fn what_is_set_is_read_back() {
        let mut params = params(";a=1; b ;c=3");
        params.set("B", Some("two words"));
        params.set("d", None);
        params.set("a", Some("2001:db8::1"));
        params.remove("C");
        assert_eq!(params.to_string(), ";a=2001:db8::1;B=\"two words\";d");
        params.set("e", Some(""));
        assert_eq!(params.get("e"), Some(Some(Text::new())));
        assert!(params.is_sound());
    }

    #[test]
    fn what_cannot_be_written_is_not_sound() {
        for (name, value) in [("a b", None), ("", None), ("a;b", Some("c")), ("a", Some("x\r\ny")), ("a=b", None)] {
            let mut params = Params::new();
            params.set(name, value);
            assert!(!params.is_sound(), "{name} {value:?}");
        }
    }

    #[test]
    fn equality_ignores_case_of_names_and_white_space() {
        assert_eq!(params(";A=1 ; b"), params(";a=1;b"));
        assert_ne!(params(";a=1"), params(";a=2"));
        assert_ne!(params(";a"), params(";a;b"));
        assert_eq!(params(";a=\"1\""), params(";a=1"));
    }
}
