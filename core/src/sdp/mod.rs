//! The session description protocol (RFC 8866): model, parse, print.

mod direction;

pub use direction::Direction;
