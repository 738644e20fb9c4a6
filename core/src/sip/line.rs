//! The line splitter that SIP and MSRP share, and the folding of header lines (RFC 3261 section 7.3.1).

use std::ops::Range;

use memchr::memchr2;

/// Why there is no line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoLine {
    /// The data ends before a line end.
    Unfinished,
    /// A CR or LF stands alone at this offset.
    Bare(usize),
}

/// Where the CRLF of the line that begins at `start` stands; the next line begins two bytes behind it.
#[inline]
pub(crate) fn line_end(data: &[u8], start: usize) -> Result<usize, NoLine> {
    let rest = data.get(start..).unwrap_or_default();
    match memchr2(b'\r', b'\n', rest) {
        Some(len) if matches!(rest.get(len..), Some([b'\r', b'\n', ..])) => Ok(start + len),
        Some(len) if rest.get(len..) != Some(b"\r") => Err(NoLine::Bare(start + len)),
        Some(_) | None => Err(NoLine::Unfinished),
    }
}

/// Whether the line that begins at `at` continues the one before.
pub(crate) fn folds(data: &[u8], at: usize) -> bool {
    matches!(data.get(at), Some(b' ' | b'\t'))
}

/// The part of `range` without the white space and line ends around it.
#[inline]
pub(crate) fn trim(data: &[u8], range: Range<usize>) -> Range<usize> {
    let Range { mut start, mut end } = range;
    let is_space = |at: usize| matches!(data.get(at), Some(b' ' | b'\t' | b'\r' | b'\n'));
    while start < end && is_space(start) {
        start += 1;
    }
    while start < end && is_space(end - 1) {
        end -= 1;
    }
    start..end
}

/// A folded value as one line, in parts: each line end, with the white space around it, becomes one space.
pub(crate) fn unfold(value: &[u8], mut each: impl FnMut(&[u8])) {
    let mut begun = false;
    for part in value.split(|byte| *byte == b'\n') {
        let part = part.get(trim(part, 0..part.len())).unwrap_or_default();
        if part.is_empty() {
            continue;
        }
        if begun {
            each(b" ");
        }
        each(part);
        begun = true;
    }
}

/// A folded value as one line.
pub(crate) fn unfolded(value: &[u8]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(value.len());
    unfold(value, |part| whole.extend_from_slice(part));
    whole
}

/// Where the byte at `at` of the unfolded value stands in the folded one.
pub(crate) fn folded_offset(value: &[u8], at: usize) -> usize {
    let (mut unfolded, mut folded) = (0, 0);
    for part in value.split(|byte| *byte == b'\n') {
        let trimmed = trim(part, 0..part.len());
        if !trimmed.is_empty() {
            unfolded += usize::from(unfolded > 0);
            if at < unfolded + trimmed.len() {
                return folded + trimmed.start + at.saturating_sub(unfolded);
            }
            unfolded += trimmed.len();
        }
        folded += part.len() + 1;
    }
    value.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_with_both() {
        let data = b"ab\r\n\r\nc\rd\t\0\ne\r";
        assert_eq!(line_end(data, 0), Ok(2));
        assert_eq!(line_end(data, 4), Ok(4));
        assert_eq!(line_end(data, 6), Err(NoLine::Bare(7)));
        assert_eq!(line_end(data, 8), Err(NoLine::Bare(11)));
        assert_eq!(line_end(data, 12), Err(NoLine::Unfinished));
        assert_eq!(line_end(data, 99), Err(NoLine::Unfinished));
    }

    #[test]
    fn folds_become_one_space_and_offsets_lead_back() {
        let value = b"SIP  / 2.0\r\n   /UDP \t\r\n\t \r\n  192.0.2.2";
        assert_eq!(unfolded(value), b"SIP  / 2.0 /UDP 192.0.2.2");
        for (at, byte) in unfolded(value).into_iter().enumerate().filter(|(_, byte)| *byte != b' ') {
            assert_eq!(value[folded_offset(value, at)], byte, "{at}");
        }
        assert_eq!(unfolded(b"\r\n a"), b"a");
        assert_eq!(folded_offset(b"\r\n a", 0), 3);
        assert_eq!(folded_offset(b"\r\n a", 1), 4);
    }
}
