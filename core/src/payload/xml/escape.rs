//! Text and attribute values, from and to markup (XML 1.0 sections 2.2, 2.11, 3.3.3, 4.1, 4.6).

use super::name::is_char;
use crate::payload::{Error, Fault};

/// The text of a piece of content: line ends are LF, and there is no character that XML does not allow.
pub(crate) fn normalize_text(raw: &str, at: usize) -> Result<String, Error> {
    if let Some((offset, _)) = raw.char_indices().find(|(_, c)| !is_char(*c)) {
        return Err(Error::new(at + offset, Fault::Character));
    }
    if raw.contains('\r') { Ok(raw.replace("\r\n", "\n").replace('\r', "\n")) } else { Ok(raw.to_owned()) }
}

/// The character that a reference stands for: `lt`, `#10`, `#xA`.
pub(crate) fn resolve(reference: &str, at: usize) -> Result<char, Error> {
    let fail = |fault| Err(Error::new(at, fault));
    let number = match reference.strip_prefix('#') {
        None => {
            return match reference {
                "lt" => Ok('<'),
                "gt" => Ok('>'),
                "amp" => Ok('&'),
                "apos" => Ok('\''),
                "quot" => Ok('"'),
                _ => fail(Fault::Entity),
            };
        }
        Some(digits) => match digits.strip_prefix('x') {
            Some(hex) if hex.bytes().all(|byte| byte.is_ascii_hexdigit()) => u32::from_str_radix(hex, 16).ok(),
            None if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok(),
            Some(_) | None => None,
        },
    };
    match number.and_then(char::from_u32) {
        Some(c) if is_char(c) => Ok(c),
        Some(_) | None => fail(Fault::Character),
    }
}

/// The value of an attribute: references resolved, white space that stands as such made a space.
pub(crate) fn normalize_attribute(raw: &str, at: usize) -> Result<String, Error> {
    let mut value = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((text, after)) = rest.split_once('&') {
        push_attribute_text(&mut value, text, at)?;
        let (reference, after) = after.split_once(';').ok_or_else(|| Error::new(at, Fault::Syntax))?;
        value.push(resolve(reference, at)?);
        rest = after;
    }
    push_attribute_text(&mut value, rest, at)?;
    Ok(value)
}

fn push_attribute_text(value: &mut String, text: &str, at: usize) -> Result<(), Error> {
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '<' => return Err(Error::new(at, Fault::Syntax)),
            '\r' if chars.peek() == Some(&'\n') => {}
            '\t' | '\n' | '\r' => value.push(' '),
            c if is_char(c) => value.push(c),
            _ => return Err(Error::new(at, Fault::Character)),
        }
    }
    Ok(())
}

/// Appends text so that it is read back as it is. What XML cannot carry becomes U+FFFD.
pub(crate) fn push_text(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            // Alone it needs no escape, but `]]>` does.
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\r' => out.push_str("&#13;"),
            c => out.push(if is_char(c) { c } else { '\u{fffd}' }),
        }
    }
}

/// Appends the value of an attribute, to stand between double quotes.
pub(crate) fn push_attribute(out: &mut String, value: &str) {
    for c in value.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\t' => out.push_str("&#9;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            c => out.push(if is_char(c) { c } else { '\u{fffd}' }),
        }
    }
}
