//! STUN (RFC 8489): the messages and what vouches for them, the client's transaction and its credentials, and the Binding
//! transaction by which a flow is kept alive and tells its public address.
//!
//! | of RFC 8489 | here |
//! |---|---|
//! | 5, 14: messages, attributes | [`Message`], [`Builder`], [`attribute`] |
//! | 6.2.1: requests over datagrams | [`Transaction`] |
//! | 9.1, 14.5, 14.6: short-term credentials, integrity | [`Key`], [`Integrity`] |
//! | 9.2: long-term credentials | [`LongTerm`] |
//! | 6.2.2, 6.2.3, 8: streams, TLS and DTLS, DNS | not here: candidates are UDP, servers are found by the resolver |

pub mod attribute;
mod binding;
mod build;
mod integrity;
mod long_term;
mod message;
#[cfg(test)]
mod tests;
mod transaction;

pub use binding::Binding;
pub use build::Builder;
pub use integrity::{Algorithm, Integrity, Key, userhash};
pub use long_term::{LongTerm, Verdict};
pub use message::{Class, Message, StunError, TransactionId};
pub use transaction::{RTO, Step, Transaction};

/// The method of a Binding request (RFC 8489 section 18.2).
pub const BINDING: u16 = 1;

/// The value of the second word of every message (RFC 8489 section 5).
const MAGIC_COOKIE: u32 = 0x2112_a442;

/// What the CRC-32 of a FINGERPRINT is combined with (RFC 8489 section 14.7).
const FINGERPRINT_MASK: u32 = 0x5354_554e;

/// Whether these bytes begin as STUN does, and neither as SIP nor as media (RFC 7983 section 7).
#[must_use]
pub fn is_stun(data: &[u8]) -> bool {
    data.first().is_some_and(|byte| *byte < 4) && data.get(4..8) == Some(&MAGIC_COOKIE.to_be_bytes()[..])
}

/// CRC-32 as in ISO 3309 and ITU-T V.42, over pieces that follow each other.
fn crc32(pieces: &[&[u8]]) -> u32 {
    let step = |crc: u32, _: u32| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
    let bytes = pieces.iter().copied().flatten();
    !bytes.fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}
