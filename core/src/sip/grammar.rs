//! Which bytes stand where (RFC 3261 section 25.1), as one table of classes.

/// `token`: methods, parameter names, option tags.
pub(crate) const TOKEN: u32 = 1;
/// `user` of a URI without its escapes: `unreserved` and `user-unreserved`.
pub(crate) const USER: u32 = 1 << 1;
/// `password` of a URI without its escapes.
pub(crate) const PASSWORD: u32 = 1 << 2;
/// `paramchar` of a URI without its escapes.
pub(crate) const PARAM: u32 = 1 << 3;
/// Names and values of a URI's headers without their escapes.
pub(crate) const EMBEDDED: u32 = 1 << 4;
/// Labels of host names; also the underscore, which names in use have.
pub(crate) const LABEL: u32 = 1 << 5;
/// Call-IDs, which are compared and never taken apart: every visible character that ends nothing, so also `=`, which `word` lacks.
pub(crate) const WORD: u32 = 1 << 6;
/// Values of header parameters. Wider than `token / host`: every visible character that ends nothing.
pub(crate) const VALUE: u32 = 1 << 7;
/// Any character of any URI.
pub(crate) const URI: u32 = 1 << 8;
/// What a quoted string holds without an escape: no quote, no backslash, no control character but the tab.
pub(crate) const QUOTED: u32 = 1 << 9;
/// Hexadecimal digits.
pub(crate) const HEX: u32 = 1 << 10;
/// Decimal digits.
pub(crate) const DIGIT: u32 = 1 << 11;
/// Space and tab.
pub(crate) const SPACE: u32 = 1 << 12;
/// A display name without quotes: `token`, and characters beyond ASCII, which peers do not quote either.
pub(crate) const NAME: u32 = 1 << 13;
/// What a parameter value that we write needs no quotes for: `token / host`.
pub(crate) const BARE: u32 = 1 << 14;
/// Letters, which schemes begin with.
pub(crate) const ALPHA: u32 = 1 << 15;
/// Schemes.
pub(crate) const SCHEME: u32 = 1 << 16;
/// Text: everything but control characters; the tab is none of them here.
pub(crate) const TEXT: u32 = 1 << 18;
/// Names of parameters, be they of headers or of URIs.
pub(crate) const PARAM_NAME: u32 = 1 << 17;

/// Whether `byte` belongs to `class`.
#[inline]
pub(crate) fn is(byte: u8, class: u32) -> bool {
    classes_of(byte) & class != 0
}

/// Whether `bytes` has at least one byte and all of them belong to `class`.
pub(crate) fn all(bytes: &[u8], class: u32) -> bool {
    !bytes.is_empty() && run(bytes, class) == bytes.len()
}

/// How many bytes at the start of `bytes` belong to `class`: for runs that are short as a rule.
#[inline]
pub(crate) fn run(bytes: &[u8], class: u32) -> usize {
    bytes.iter().position(|byte| !is(*byte, class)).unwrap_or(bytes.len())
}

/// The same for runs that are long as a rule: four bytes at a time.
#[inline]
pub(crate) fn long_run(bytes: &[u8], class: u32) -> usize {
    let mut len = 0;
    for [a, b, c, d] in bytes.as_chunks::<4>().0 {
        if classes_of(*a) & classes_of(*b) & classes_of(*c) & classes_of(*d) & class == 0 {
            break;
        }
        len += 4;
    }
    len + run(bytes.get(len..).unwrap_or_default(), class)
}

#[inline]
fn classes_of(byte: u8) -> u32 {
    TABLE.get(usize::from(byte)).copied().unwrap_or(0)
}

static TABLE: [u32; 256] = table();

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "runs in the compiler, which refuses both"
)]
const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let byte = at as u8;
        table[at] = classes(byte);
        at += 1;
    }
    table
}

const fn classes(byte: u8) -> u32 {
    let mut classes = 0;
    if byte.is_ascii_alphanumeric() {
        classes |= TOKEN | USER | PASSWORD | PARAM | EMBEDDED | LABEL | BARE;
    }
    if byte.is_ascii_digit() {
        classes |= DIGIT;
    }
    if byte.is_ascii_alphabetic() {
        classes |= ALPHA;
    }
    if byte.is_ascii_hexdigit() {
        classes |= HEX;
    }
    if matches!(byte, b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')') {
        classes |= USER | PASSWORD | PARAM | EMBEDDED;
    }
    if matches!(byte, b'&' | b'=' | b'+' | b'$' | b',') {
        classes |= USER | PASSWORD;
    }
    if matches!(byte, b';' | b'?' | b'/') {
        classes |= USER;
    }
    if matches!(byte, b'[' | b']' | b'/' | b':' | b'&' | b'+' | b'$') {
        classes |= PARAM;
    }
    if matches!(byte, b'[' | b']' | b'/' | b'?' | b':' | b'+' | b'$') {
        classes |= EMBEDDED;
    }
    if matches!(byte, b'-' | b'_') {
        classes |= LABEL;
    }
    if matches!(byte, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~') {
        classes |= TOKEN | BARE;
    }
    if matches!(byte, b':' | b'[' | b']') {
        classes |= BARE;
    }
    if byte.is_ascii_graphic() {
        if !matches!(byte, b'"' | b',' | b';' | b'<' | b'>' | b'\\') {
            classes |= VALUE;
        }
        if !matches!(byte, b',' | b';') {
            classes |= WORD;
        }
        if !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}') {
            classes |= URI;
        }
    }
    if (byte >= 0x20 && byte != 0x7f && byte != b'"' && byte != b'\\') || byte == b'\t' {
        classes |= QUOTED;
    }
    if (byte >= 0x20 && byte != 0x7f) || byte == b'\t' {
        classes |= TEXT;
    }
    if matches!(byte, b' ' | b'\t') {
        classes |= SPACE;
    }
    if classes & TOKEN != 0 || byte >= 0x80 {
        classes |= NAME;
    }
    if byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.') {
        classes |= SCHEME;
    }
    if classes & (TOKEN | PARAM) != 0 {
        classes |= PARAM_NAME;
    }
    classes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_classes_are_those_of_section_25() {
        let members = |class| (0..=255).filter(|byte| is(*byte, class)).map(char::from).collect::<String>();
        assert_eq!(members(TOKEN), "!%'*+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_`abcdefghijklmnopqrstuvwxyz~");
        let marks = |class| members(class).chars().filter(|c| !c.is_alphanumeric()).collect::<String>();
        assert_eq!(marks(USER), "!$&'()*+,-./;=?_~");
        assert_eq!(marks(PASSWORD), "!$&'()*+,-.=_~");
        assert_eq!(marks(PARAM), "!$&'()*+-./:[]_~");
        assert_eq!(marks(EMBEDDED), "!$'()*+-./:?[]_~");
        assert!("-.!%*_+`'~()<>:\\\"/[]?{}@".bytes().all(|byte| is(byte, WORD)), "word, and the at sign between two");
        assert_eq!(members(HEX), "0123456789ABCDEFabcdef");
        assert_eq!(members(SPACE), "\t ");
    }

    #[test]
    fn runs_end_at_the_first_other_byte() {
        for len in 0..20 {
            let mut bytes = vec![b'a'; len];
            bytes.extend(b" aaaaa");
            assert_eq!((run(&bytes, TOKEN), long_run(&bytes, TOKEN)), (len, len));
            assert_eq!(long_run(&bytes[..len], TOKEN), len);
            assert_eq!(all(&bytes[..len], TOKEN), len > 0);
        }
        // A byte that shares another class with its neighbours does not pass for one of this class.
        assert_eq!(long_run(b"a/:aaaaa", PARAM), 8);
        assert_eq!(long_run(b"a/:aaaaa", TOKEN), 1);
    }
}
