//! The text that settings are stored as.
//!
//! ```text
//! # A comment.
//! SIPSimpleSettings:
//!     user_agent = "Phone of Alice"
//!     rtp:
//!         audio_codec_list = G722, PCMA
//!         port_range = 50000-50100
//!
//! Accounts:
//!     alice@example.com:
//!         enabled = true
//! ```
//!
//! `name:` opens a group; what is in it stands deeper, by the same indent on each line. `name = value` is a setting, `name =` one without value,
//! `""` an empty text. A list has a comma behind its only member, and is a comma when it is empty. Names and values with one of `, " ' = : # \`
//! or white space in them are written in double quotes, with the escapes `\n`, `\r`, `\\` and `\"`.
//! What a person writes without quotes is read as far as its meaning is clear.

mod parse;
mod write;

pub use parse::{ParseError, ParseFault, parse};
pub use write::write;

/// How deep groups may stand in each other.
pub const MAX_DEPTH: usize = 16;

/// Whether this character has a meaning of its own outside quotes.
const fn is_special(character: char) -> bool {
    matches!(character, ',' | '"' | '\'' | '=' | ':' | '#' | '\\') || character.is_whitespace()
}
