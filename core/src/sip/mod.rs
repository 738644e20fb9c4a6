//! SIP messages (RFC 3261): parse, type lazily, build, print.

mod text;

pub use text::Text;
