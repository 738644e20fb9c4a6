//! Which bytes stand where (RFC 3261 section 25.1), as one table of classes.

/// `token`: methods, parameter names, option tags.
pub(crate) const TOKEN: u16 = 1;
/// `user` of a URI without its escapes: `unreserved` and `user-unreserved`.
pub(crate) const USER: u16 = 1 << 1;
/// `password` of a URI without its escapes.
pub(crate) const PASSWORD: u16 = 1 << 2;
/// `paramchar` of a URI without its escapes.
pub(crate) const PARAM: u16 = 1 << 3;
/// Names and values of a URI's headers without their escapes.
pub(crate) const EMBEDDED: u16 = 1 << 4;
/// Host names; also the underscore, which names in use have.
pub(crate) const HOST: u16 = 1 << 5;
/// Call-IDs, which are compared and never taken apart: every visible character that ends nothing, so also `=`, which `word` lacks.
pub(crate) const WORD: u16 = 1 << 6;
/// Values of header parameters. Wider than `token / host`: every visible character that ends nothing.
pub(crate) const VALUE: u16 = 1 << 7;
/// Any character of any URI.
pub(crate) const URI: u16 = 1 << 8;
/// What a quoted string holds without an escape: no quote, no backslash, no control character but the tab.
pub(crate) const QUOTED: u16 = 1 << 9;
/// Hexadecimal digits.
pub(crate) const HEX: u16 = 1 << 10;
/// Decimal digits.
pub(crate) const DIGIT: u16 = 1 << 11;
/// Space and tab.
pub(crate) const SPACE: u16 = 1 << 12;
/// A display name without quotes: `token`, and characters beyond ASCII, which peers do not quote either.
pub(crate) const NAME: u16 = 1 << 13;
/// What a parameter value that we write needs no quotes for: `token / host`.
pub(crate) const BARE: u16 = 1 << 14;
/// Letters, of schemes.
pub(crate) const ALPHA: u16 = 1 << 15;

/// Whether `byte` belongs to one of `classes`.
pub(crate) fn is(byte: u8, classes: u16) -> bool {
    TABLE.get(usize::from(byte)).copied().unwrap_or(0) & classes != 0
}

/// Whether `bytes` has at least one byte and all of them belong to one of `classes`.
pub(crate) fn all(bytes: &[u8], classes: u16) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| is(*byte, classes))
}

/// Whether `bytes` are of one of `classes`, or `%` with two hexadecimal digits; the offset of the first that is neither.
pub(crate) fn escaped(bytes: &[u8], classes: u16) -> Result<(), usize> {
    let mut rest = bytes.iter().enumerate();
    while let Some((at, byte)) = rest.next() {
        if is(*byte, classes) {
            continue;
        }
        let hex = |next: Option<(usize, &u8)>| next.is_some_and(|(_, byte)| is(*byte, HEX));
        if *byte != b'%' || !hex(rest.next()) || !hex(rest.next()) {
            return Err(at);
        }
    }
    Ok(())
}

static TABLE: [u16; 256] = table();

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "runs in the compiler, which refuses both"
)]
const fn table() -> [u16; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let byte = at as u8;
        table[at] = classes(byte);
        at += 1;
    }
    table
}

const fn classes(byte: u8) -> u16 {
    let mut classes = 0;
    if byte.is_ascii_alphanumeric() {
        classes |= TOKEN | USER | PASSWORD | PARAM | EMBEDDED | HOST | BARE;
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
    if matches!(byte, b'-' | b'.' | b'_') {
        classes |= HOST;
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
    if matches!(byte, b' ' | b'\t') {
        classes |= SPACE;
    }
    if classes & TOKEN != 0 || byte >= 0x80 {
        classes |= NAME;
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
    fn escapes_need_two_digits() {
        assert_eq!(escaped(b"a%41b", USER), Ok(()));
        assert_eq!(escaped(b"a%4", USER), Err(1));
        assert_eq!(escaped(b"ab%zz", USER), Err(2));
        assert_eq!(escaped(b"a b", USER), Err(1));
        assert_eq!(escaped(b"", USER), Ok(()));
    }
}
