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
                    selector.name = Some(quoted.and_then(decoded).ok_or_else(fault)?.into());
                }
                _ if kind.eq_ignore_ascii_case("type") => {
                    let is_type = value.split_once('/').is_some_and(|(kind, sub)| !kind.is_empty() && !sub.is_empty());
                    selector.content_type = Some(is_type.then(|| value.into()).ok_or_else(fault)?);
                }
                _ if kind.eq_ignore_ascii_case("size") => {
                    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
                    let size = if is_number { value.parse().ok() } else { None };
                    selector.size = Some(size.ok_or_else(fault)?);
                }
                _ if kind.eq_ignore_ascii_case("hash") => {
                    selector.hash = selector.hash.or_else(|| FileHash::parse(value));
                }
                _ => return Err(fault()),
            }
            at += kind.len() + 1 + len;
        }
        Ok(selector)
    }

    /// The value of the attribute `file-selector` (seed attribute `sdp_repr`).
    #[must_use]
    pub fn sdp_repr(&self) -> String {
        let mut parts = Vec::new();
        if let Some(name) = &self.name {
            parts.push(format!("name:\"{}\"", encoded(name)));
        }
        if let Some(content_type) = &self.content_type {
            parts.push(format!("type:{content_type}"));
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

fn encoded(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            '\0' | '\r' | '\n' | '"' | '%' => out.push_str(&format!("%{:02X}", u32::from(character))),
            _ => out.push(character),
        }
    }
    out
}

/// None when a percent sign is followed by no hexadecimal digits, or what comes of it is not UTF-8.
fn decoded(name: &str) -> Option<String> {
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

/// Which part of a file is meant (RFC 5547 section 6): `1-*`, `4097-10000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRange {
    /// The number of the first byte, 1 at least.
    pub start: u64,
    /// The number of the last byte; none for the end of the file.
    pub stop: Option<u64>,
}

impl FileRange {
    /// Reads the value of the attribute `file-range`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let number = |text: &str| -> Option<u64> {
            if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
        };
        let (start, stop) = text.split_once('-')?;
        let start = number(start).filter(|start| *start > 0)?;
        let stop = if stop == "*" { None } else { Some(number(stop).filter(|stop| *stop >= start)?) };
        Some(Self { start, stop })
    }
}

impl fmt::Display for FileRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-", self.start)?;
        match self.stop {
            Some(stop) => write!(f, "{stop}"),
            None => f.write_str("*"),
        }
    }
}
