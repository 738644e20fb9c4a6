//! Escapes of URIs: `%` and two hexadecimal digits (RFC 3261 section 19.1.2). They are undone once, never twice.

use super::grammar;

/// `text` with everything escaped that is not of `class`.
pub(crate) fn escaped(text: &str, class: u32) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if grammar::is(byte, class) {
            escaped.push(char::from(byte));
        } else {
            push_escape(&mut escaped, byte);
        }
    }
    escaped
}

/// `text` without its escapes; none when what they spell is not UTF-8. A `%` without two digits stays.
pub(crate) fn unescaped(text: &str) -> Option<String> {
    let mut plain = Vec::with_capacity(text.len());
    walk(text, |byte, _| plain.push(byte));
    String::from_utf8(plain).ok()
}

/// `text` in the form in which it is compared: escapes are undone, but for the characters that mean something else plainly (those
/// reserved, the percent sign, and what may not stand in a URI).
pub(crate) fn normal(text: &str) -> String {
    let mut normal = String::with_capacity(text.len());
    walk(text, |byte, was_escaped| {
        let reserved = matches!(byte, b';' | b'/' | b'?' | b':' | b'@' | b'&' | b'=' | b'+' | b'$' | b',' | b'%');
        if was_escaped && (reserved || !grammar::is(byte, grammar::URI)) {
            push_escape(&mut normal, byte);
        } else {
            normal.push(char::from(byte));
        }
    });
    normal
}

/// Whether `text`, its escapes undone, is `name` in any case.
pub(crate) fn matches(text: &str, name: &str) -> bool {
    unescaped(text).is_some_and(|plain| plain.eq_ignore_ascii_case(name))
}

fn push_escape(text: &mut String, byte: u8) {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0').to_ascii_uppercase();
    text.push('%');
    text.push(digit(byte >> 4));
    text.push(digit(byte & 15));
}

/// Each byte of `text`, and whether it was escaped.
fn walk(text: &str, mut each: impl FnMut(u8, bool)) {
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte == b'%'
            && let [high, low, after @ ..] = rest
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            each(high << 4 | low, true);
            rest = after;
        } else {
            each(*byte, false);
        }
    }
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone_once() {
        assert_eq!(unescaped("value%25%34%31").unwrap(), "value%41");
        assert_eq!(unescaped("null-%00-null").unwrap(), "null-\0-null");
        assert_eq!(unescaped("%zz%4").unwrap(), "%zz%4");
        assert_eq!(unescaped("%ff"), None);
        assert_eq!(unescaped("%c3%a9").unwrap(), "é");
    }

    #[test]
    fn what_may_not_stand_plainly_is_escaped() {
        assert_eq!(escaped("a@b\r\n%é", grammar::USER), "a%40b%0D%0A%25%C3%A9");
        assert_eq!(unescaped(&escaped("a@b\r\n%é", grammar::USER)).unwrap(), "a@b\r\n%é");
    }

    #[test]
    fn reserved_characters_keep_their_escape_when_compared() {
        assert_eq!(normal("%61lice"), "alice");
        assert_eq!(normal("a%3bb"), "a%3Bb");
        assert_ne!(normal("a%3bb"), normal("a;b"));
        assert_eq!(normal("%25"), "%25");
        assert_eq!(normal("%00"), "%00");
    }
}
