//! The escapes of CPIM header values (RFC 3862 section 2.3).

/// Appends text so that it can stand in a header value; `quoted` also within double quotes.
pub(super) fn push(out: &mut String, text: &str, quoted: bool) {
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' if quoted => out.push_str("\\\""),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c if c.is_ascii_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
}

/// The text with its escapes undone. An unknown escape is the character behind the backslash, a backslash at the end is nothing. Half of a
/// surrogate pair without the other half is U+FFFD.
pub(super) fn undo(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, after)) = rest.split_once('\\') {
        out.push_str(plain);
        let mut chars = after.chars();
        let escaped = chars.next();
        rest = chars.as_str();
        match escaped {
            Some('b') => out.push('\u{8}'),
            Some('t') => out.push('\t'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('u') => match code_unit(rest) {
                Some((unit, after)) => {
                    let (c, after) = character(unit, after);
                    out.push(c);
                    rest = after;
                }
                None => out.push('u'),
            },
            Some(c) => out.push(c),
            None => {}
        }
    }
    out.push_str(rest);
    out
}

/// Four hexadecimal digits, and what follows them.
fn code_unit(text: &str) -> Option<(u16, &str)> {
    let (digits, after) = text.split_at_checked(4)?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_number.then(|| u16::from_str_radix(digits, 16).ok()).flatten().map(|unit| (unit, after))
}

/// The character of a code unit, and of the one that follows it if the two are a surrogate pair.
fn character(unit: u16, after: &str) -> (char, &str) {
    if let Some(c) = char::from_u32(u32::from(unit)) {
        return (c, after);
    }
    let low = after.strip_prefix("\\u").and_then(code_unit);
    if let Some((low, after)) = low
        && let Some(Ok(c)) = char::decode_utf16([unit, low]).next()
    {
        return (c, after);
    }
    (char::REPLACEMENT_CHARACTER, after)
}
