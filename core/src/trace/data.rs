//! Bytes in a trace: as text where they are text, so that a trace can be read; as hexadecimal digits where they are not.

use std::fmt::Write as _;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serializer, de::Error};

/// What text in a trace begins with.
const TEXT: &str = "text:";
/// What hexadecimal digits in a trace begin with.
const HEX: &str = "hex:";

/// For `#[serde(serialize_with)]`.
pub(crate) fn serialize<S: Serializer>(data: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    let mut written = String::with_capacity(TEXT.len() + data.len());
    match std::str::from_utf8(data) {
        Ok(text) => {
            written.push_str(TEXT);
            written.push_str(text);
        }
        Err(_) => {
            written.push_str(HEX);
            for byte in data {
                let _ = write!(written, "{byte:02x}");
            }
        }
    }
    serializer.serialize_str(&written)
}

/// For `#[serde(deserialize_with)]`.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
    let written = String::deserialize(deserializer)?;
    if let Some(text) = written.strip_prefix(TEXT) {
        return Ok(Bytes::copy_from_slice(text.as_bytes()));
    }
    let digits = written.strip_prefix(HEX).ok_or_else(|| D::Error::custom("neither text: nor hex:"))?;
    let wrong = || D::Error::custom("not hexadecimal digits");
    digits
        .as_bytes()
        .chunks(2)
        .map(|pair| {
            let pair = std::str::from_utf8(pair).map_err(|_| wrong())?;
            if pair.len() == 2 { u8::from_str_radix(pair, 16).map_err(|_| wrong()) } else { Err(wrong()) }
        })
        .collect()
}
