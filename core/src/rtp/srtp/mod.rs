//! SRTP and SRTCP (RFC 3711) with the ciphers of RFC 6188 and RFC 7714: packets are sealed and opened where they lie.
//!
//! ```text
//!  MasterKey ── key derivation (3711 section 4.3) ──► keys of RTP, keys of RTCP
//!
//!  RTP  ──► Sender::protect      ──► SRTP   ──► Receiver::unprotect      ──► RTP
//!  RTCP ──► Sender::protect_rtcp ──► SRTCP  ──► Receiver::unprotect_rtcp ──► RTCP
//! ```
//!
//! A sender never encrypts one index twice under one key; a receiver changes nothing before a packet has proved to be
//! the peer's. Neither allocates for a packet, if the buffer has room for [`MAX_TRAILER`] more bytes.

mod counter;
mod derive;
mod galois;
mod index;
mod key;
mod receiver;
mod sender;
mod suite;
mod transform;

pub use key::{KeyError, MasterKey, Mki};
pub use receiver::{Receiver, Refused};
pub use sender::{Sender, Unsafe};
pub use suite::Suite;

/// The most bytes that protection adds to a packet: a tag, the index of SRTCP, and a master key identifier.
pub const MAX_TRAILER: usize = galois::TAG_LEN + INDEX_LEN + key::MAX_MKI;

/// Bytes of the word with the E flag and the index in SRTCP (RFC 3711 section 3.4).
const INDEX_LEN: usize = 4;
/// The flag in that word that says that the packet is encrypted.
const ENCRYPTED: u32 = 1 << 31;
/// Bytes of an RTCP packet that are never encrypted: its first header and the sender's SSRC.
const RTCP_HEADER: usize = 8;

/// Bytes of an RTP packet that are not encrypted: its header with the contributing sources and the extension. `None` when it is shorter than it says.
fn header_len(packet: &[u8]) -> Option<usize> {
    let &[first, ..] = packet else { return None };
    let mut len = crate::rtp::packet::HEADER_LEN + usize::from(first & 0x0f) * 4;
    if first & 0x10 != 0 {
        let words = packet.get(len.checked_add(2)?..)?.first_chunk::<2>()?;
        len += 4 + usize::from(u16::from_be_bytes(*words)) * 4;
    }
    (first >> 6 == 2 && len <= packet.len()).then_some(len)
}

/// The sequence number and the SSRC of an RTP packet.
fn identity(packet: &[u8]) -> Option<(u16, u32)> {
    let &[_, _, s0, s1, _, _, _, _, c0, c1, c2, c3, ..] = packet else { return None };
    Some((u16::from_be_bytes([s0, s1]), u32::from_be_bytes([c0, c1, c2, c3])))
}

/// The SSRC of the sender of an RTCP packet.
fn reporter(packet: &[u8]) -> Option<u32> {
    let &[first, _, _, _, c0, c1, c2, c3, ..] = packet else { return None };
    (first >> 6 == 2).then(|| u32::from_be_bytes([c0, c1, c2, c3]))
}

#[cfg(test)]
mod tests;
