//! Which file is meant (RFC 5547 section 6): `name:"My picture.jpg" type:image/jpeg size:4092 hash:sha-1:72:24:…`, and which part of it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::FileHash;
use crate::sip::Text;

/// The longest name that file systems take, in bytes.
const LONGEST_NAME: usize = 255;

/// Which file is meant (seed class FileSelector). What is absent is not told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSelector {
    /// Its name, without folders. From a peer it may hold anything: [`safe_name`] makes it one to store under.
    pub name: Option<Text>,
    /// Its MIME type.
    pub content_type: Option<Text>,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// The hash of all its bytes.
    pub hash: Option<FileHash>,
}

/// A text that is no file selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no file selector from byte {at} on")]
pub struct NotASelector {
    /// The byte that cannot be understood.
    pub at: usize,
}

impl FileSelector {
    /// A selector for a file: named by the last part of its path, its type guessed from that unless it is told.
    #[must_use]
    pub fn for_file(path: &str, content_type: Option<&str>, size: Option<u64>, hash: Option<FileHash>) -> Self {
        let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
        let content_type = content_type.map_or_else(|| guess(name), str::to_owned);
        Self { name: (!name.is_empty()).then(|| name.into()), content_type: Some(content_type.into()), size, hash }
    }

    /// Reads the value of the attribute `file-selector`. Hashes of unknown algorithms are left out.
    ///
    /// # Errors
    /// When something of it is no selector.
    pub fn parse(text: &str) -> Result<Self, NotASelector> {
        let mut selector = Self::default();
        let mut at = 0;
        while at < text.len() {
            let rest = text.get(at..).unwrap_or_default();
            if rest.starts_with(' ') {
                at += 1;
                continue;
            }
            let fault = || NotASelector { at };
            let (kind, value) = rest.split_once(':').ok_or_else(fault)?;
            let len = value_len(value).ok_or_else(fault)?;
            let value = value.get(..len).unwrap_or_default();
            match kind {
                _ if kind.eq_ignore_ascii_case("name") => {
                    let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
                    selector.name = Some(quoted.and_then(percent_decoded).ok_or_else(fault)?.into());
                }
                _ if kind.eq_ignore_ascii_case("type") => {
                    selector.content_type = Some(read_type(value).ok_or_else(fault)?.into());
                }
                _ if kind.eq_ignore_ascii_case("size") => {
                    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
                    let size = if is_number { value.parse().ok() } else { None };
                    selector.size = Some(size.ok_or_else(fault)?);
                }
                _ if kind.eq_ignore_ascii_case("hash") => {
                    // Of several the longest says the most.
                    let known = selector.hash.as_ref().map_or(0, |known: &FileHash| known.digest.len());
                    selector.hash = FileHash::parse(value).filter(|hash| hash.digest.len() > known).or(selector.hash);
                }
                _ => return Err(fault()),
            }
            at += kind.len() + 1 + len;
        }
        Ok(selector)
    }

    /// Whether nothing at all is said: such a selector selects no file, and tells only that file transfers are understood (RFC 5547 section 8.5).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether both may mean the same file: nothing that both say is said otherwise.
    #[must_use]
    pub fn may_be(&self, other: &Self) -> bool {
        fn agree<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> bool {
            one.is_none() || other.is_none() || one == other
        }
        let algorithm = |selector: &Self| selector.hash.as_ref().map(|hash| hash.algorithm);
        agree(self.name.as_ref(), other.name.as_ref())
            && agree(self.content_type.as_ref(), other.content_type.as_ref())
            && agree(self.size.as_ref(), other.size.as_ref())
            && (algorithm(self) != algorithm(other) || self.hash == other.hash)
    }

    /// Takes over what it does not say itself.
    pub fn complete(&mut self, other: Self) {
        self.name = self.name.take().or(other.name);
        self.content_type = self.content_type.take().or(other.content_type);
        self.size = self.size.or(other.size);
        self.hash = self.hash.take().or(other.hash);
    }

    /// The value of the attribute `file-selector` (seed attribute `sdp_repr`).
    #[must_use]
    pub fn sdp_repr(&self) -> String {
        let mut parts = Vec::new();
        if let Some(name) = &self.name {
            parts.push(format!("name:\"{}\"", encoded(name)));
        }
        if let Some(content_type) = &self.content_type {
            parts.push(format!("type:{}", written_type(content_type)));
        }
        if let Some(size) = self.size {
            parts.push(format!("size:{size}"));
        }
        if let Some(hash) = &self.hash {
            parts.push(format!("hash:{hash}"));
        }
        parts.join(" ")
    }
}

impl fmt::Display for FileSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sdp_repr())
    }
}

/// The length of a value: up to a space outside of quotes.
fn value_len(value: &str) -> Option<usize> {
    let mut quoted = false;
    for (at, byte) in value.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b' ' if !quoted => return Some(at),
            _ => {}
        }
    }
    (!quoted).then_some(value.len())
}

/// A MIME type as a header field writes it: the values of its parameters stand percent-encoded in a selector, and quoted in a field.
fn read_type(value: &str) -> Option<String> {
    let mut pieces = pieces(value);
    let whole = pieces.next().filter(|whole| {
        let token = |text: &str| !text.is_empty() && text.bytes().all(is_token);
        whole.split_once('/').is_some_and(|(kind, sub)| token(kind) && token(sub))
    })?;
    let mut out = whole.to_owned();
    for piece in pieces {
        let (name, value) = piece.split_once('=').filter(|(name, _)| !name.is_empty() && name.bytes().all(is_token))?;
        let value = match value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) {
            Some(quoted) => percent_decoded(quoted)?,
            None => value.to_owned(),
        };
        if value.chars().any(char::is_control) {
            return None;
        }
        out.push_str(&format!(";{name}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")));
    }
    Some(out)
}

/// The reverse of [`read_type`]. What a selector cannot hold is left out.
fn written_type(content_type: &str) -> String {
    let mut pieces = pieces(content_type);
    let (kind, subtype) = pieces.next().and_then(|whole| whole.split_once('/')).unwrap_or_default();
    let token = |text: &str| text.chars().filter(|own| u8::try_from(*own).is_ok_and(is_token)).collect::<String>();
    let mut out = format!("{}/{}", token(kind), token(subtype));
    for piece in pieces {
        let Some((name, value)) = piece.split_once('=') else { continue };
        let name = name.trim();
        if name.is_empty() || !name.bytes().all(is_token) {
            continue;
        }
        let value = value.trim();
        let value = match value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) {
            Some(quoted) => unescaped(quoted),
            None => value.to_owned(),
        };
        let value: String = value.chars().filter(|own| !own.is_control()).collect();
        out.push_str(&format!(";{name}=\"{}\"", encoded(&value)));
    }
    out
}

/// What stands between semicolons that are in no quotes.
fn pieces(value: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    value.split(move |character| {
        let is_end = character == ';' && !quoted;
        quoted ^= character == '"' && !escaped;
        escaped = character == '\\' && quoted && !escaped;
        is_end
    })
}

fn unescaped(quoted: &str) -> String {
    let mut out = String::with_capacity(quoted.len());
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        let character = if character == '\\' { characters.next().unwrap_or(character) } else { character };
        out.push(character);
    }
    out
}

/// Whether a byte can stand in a token (RFC 2045 section 5.1).
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_graphic()
        && !matches!(
            byte,
            b'(' | b')' | b'<' | b'>' | b'@' | b',' | b';' | b':' | b'\\' | b'"' | b'/' | b'[' | b']' | b'?' | b'='
        )
}

fn encoded(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            // A folder of any system would be one for somebody.
            '\0' | '\r' | '\n' | '"' | '%' | '/' | '\\' => out.push_str(&format!("%{:02X}", u32::from(character))),
            _ => out.push(character),
        }
    }
    out
}

/// None when a percent sign is followed by no hexadecimal digits, or what comes of it is not UTF-8.
#[must_use]
pub(crate) fn percent_decoded(name: &str) -> Option<String> {
    let mut out = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((byte, more)) = rest.split_first() {
        rest = more;
        if *byte == b'%' {
            let pair = more.get(..2).filter(|pair| pair.iter().all(u8::is_ascii_hexdigit))?;
            out.push(u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?);
            rest = more.get(2..)?;
        } else {
            out.push(*byte);
        }
    }
    String::from_utf8(out).ok()
}

/// A name under which a file can be stored in a folder of ours, whatever its sender calls it: without folders, control characters,
/// names of devices, leading and trailing dots, and not too long.
#[must_use]
pub fn safe_name(name: &str) -> String {
    let base = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let mut safe = String::new();
    for character in base.chars() {
        let character = match character {
            ':' | '*' | '?' | '"' | '<' | '>' | '|' => '_',
            // Marks that change the order of reading hide what a name ends with.
            _ if character.is_control() => continue,
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => continue,
            _ => character,
        };
        if safe.len() + character.len_utf8() > LONGEST_NAME {
            break;
        }
        safe.push(character);
    }
    let safe = safe.trim_matches(|character: char| character == '.' || character.is_whitespace());
    let stem = safe.split('.').next().unwrap_or_default().to_ascii_uppercase();
    let numbered = |kind| stem.strip_prefix(kind).is_some_and(|rest: &str| rest.len() == 1 && rest != "0");
    let is_device = matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL") || numbered("COM") || numbered("LPT");
    match (safe.is_empty(), is_device) {
        (true, _) => "file".to_owned(),
        (_, true) => format!("_{safe}"),
        _ => safe.to_owned(),
    }
}

/// The type that goes with a name; of what is compressed the type of the compression.
fn guess(name: &str) -> String {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    let packed = match ending.as_deref() {
        Some("gz" | "tgz") => Some("gzip"),
        Some("bz2") => Some("bzip2"),
        Some("xz") => Some("xz"),
        Some("z") => Some("compress"),
        _ => None,
    };
    match packed {
        Some(packed) => format!("application/x-{packed}"),
        None => mime_guess::from_path(name).first_or_octet_stream().essence_str().to_owned(),
    }
}
