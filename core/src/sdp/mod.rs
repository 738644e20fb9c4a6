//! The session description protocol (RFC 8866): model, parse, print.
//!
//! A [`Session`] keeps its bytes and types its lines when they are asked for; [`Builder`] writes one. What two sides
//! make of their descriptions is the matter of [`negotiation`](crate::negotiation).

mod attribute;
mod build;
mod direction;
mod line;
mod media;
mod parse;
mod payload;
mod session;
#[cfg(test)]
mod tests;

pub use attribute::{Attribute, Fmtp, Rtcp, Rtpmap};
pub use build::{BuildError, Builder};
pub use direction::Direction;
pub use line::{Bandwidth, Connection, Origin, Time};
pub use media::{Media, RtpFormat};
pub use parse::{Fault, ParseError};
pub use payload::StaticPayload;
pub use session::Session;

pub(crate) use build::{address_type, push_number};
pub(crate) use line::is_token;
pub(crate) use media::is_rtp;
