//! Lists of values in one field, separated by commas (RFC 3261 section 7.3.1). Commas in quotes and in angle brackets separate nothing.

use std::ops::Range;

use memchr::{memchr, memchr2, memchr3};

use super::line;

/// The members of a list, as ranges without the white space around them. An empty value has no members; between two commas there is an
/// empty one, which is of no grammar.
#[derive(Clone, Debug)]
pub(crate) struct Members<'a> {
    value: &'a [u8],
    /// Where the next member begins; none after the last.
    at: Option<usize>,
}

impl<'a> Members<'a> {
    /// The members of `value`.
    pub(crate) fn new(value: &'a [u8]) -> Self {
        Self { value, at: (!line::trim(value, 0..value.len()).is_empty()).then_some(0) }
    }

    /// The members from the one on that begins at `at`.
    pub(crate) const fn from(value: &'a [u8], at: usize) -> Self {
        Self { value, at: Some(at) }
    }

    /// Where the next member begins.
    pub(crate) const fn position(&self) -> Option<usize> {
        self.at
    }
}

impl Iterator for Members<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let start = self.at?;
        let end = member_end(self.value, start);
        self.at = (end < self.value.len()).then_some(end + 1);
        Some(line::trim(self.value, start..end))
    }
}

/// Where the member that begins at `start` ends: at a comma or the end of the value.
fn member_end(value: &[u8], start: usize) -> usize {
    let rest = |at: usize| value.get(at..).unwrap_or_default();
    let mut at = start;
    while let Some(len) = memchr3(b',', b'"', b'<', rest(at)) {
        at += len;
        match value.get(at) {
            Some(b'"') => at = quoted_end(value, at + 1),
            Some(b'<') => match memchr(b'>', rest(at)) {
                Some(len) => at += len,
                None => return value.len(),
            },
            _ => return at,
        }
    }
    value.len()
}

/// Behind the quote that closes the string whose inside begins at `at`; the end of the value when it is never closed.
fn quoted_end(value: &[u8], mut at: usize) -> usize {
    while let Some(len) = memchr2(b'"', b'\\', value.get(at..).unwrap_or_default()) {
        at += len;
        if value.get(at) == Some(&b'"') {
            return at + 1;
        }
        at += 2;
    }
    value.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(value: &str) -> Vec<&str> {
        Members::new(value.as_bytes()).map(|range| &value[range]).collect()
    }

    #[test]
    fn commas_in_quotes_and_brackets_separate_nothing() {
        assert_eq!(members("a,b , c"), ["a", "b", "c"]);
        assert_eq!(
            members(r#""x,\"y\\" <sip:a,b@c>;p="1,2" , <sip:d>"#),
            [r#""x,\"y\\" <sip:a,b@c>;p="1,2""#, "<sip:d>"]
        );
        assert_eq!(members(r#""\\",b"#), [r#""\\""#, "b"]);
    }

    #[test]
    fn empty_members_are_seen_and_empty_values_have_none() {
        assert_eq!(members(""), [""; 0]);
        assert_eq!(members("  "), [""; 0]);
        assert_eq!(members("a,,b,"), ["a", "", "b", ""]);
        assert_eq!(members(","), ["", ""]);
    }

    #[test]
    fn what_is_never_closed_reaches_to_the_end() {
        assert_eq!(members("\"a,b"), ["\"a,b"]);
        assert_eq!(members("<a,b"), ["<a,b"]);
        assert_eq!(members("\"a\\"), ["\"a\\"]);
    }
}
