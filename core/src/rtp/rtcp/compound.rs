//! Compound packets, checked as a whole before anything in them is believed (RFC 3550 section 6.1 and appendix A.2).

use bytes::{Buf, Bytes};

use super::packet::Packet;
use super::packet_type;

/// A datagram that is a valid compound packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compound(Bytes);

/// Why a datagram is no compound packet; all of it is dropped then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompoundError {
    /// The lengths of the packets do not add up to the datagram's.
    #[error("the packet at byte {at} does not fit")]
    Length {
        /// Where the packet starts.
        at: usize,
    },
    /// A version is not 2.
    #[error("RTCP version {version} at byte {at}")]
    Version {
        /// Where the packet starts.
        at: usize,
        /// Its version.
        version: u8,
    },
    /// The first packet is no report.
    #[error("the first packet is of type {0} and no report")]
    First(u8),
    /// Padding in the first packet or in one that is not the last, or of a size that does not fit.
    #[error("padding of the packet at byte {at}")]
    Padding {
        /// Where the packet starts.
        at: usize,
    },
    /// The body of a packet contradicts its count or its inner lengths.
    #[error("the body of the packet at byte {at}, of type {packet_type}")]
    Body {
        /// Where the packet starts.
        at: usize,
        /// Its type.
        packet_type: u8,
    },
}

impl Compound {
    /// Checks a datagram: versions, the first type, padding, lengths, and the inside of every packet whose type is known. A packet of unknown type is passed over and spoils nothing.
    ///
    /// # Errors
    /// When any check fails.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use sipsimple_core::rtp::rtcp::{Compound, Packet};
    ///
    /// let datagram = Bytes::from_static(&[0x80, 201, 0, 1, 0, 0, 0, 7, 0x80, 209, 0, 0]);
    /// let compound = Compound::parse(datagram).unwrap();
    /// let packets: Vec<Packet> = compound.packets().collect();
    /// assert!(matches!(packets[..], [Packet::ReceiverReport(_), Packet::Unknown(_)]));
    /// ```
    pub fn parse(data: Bytes) -> Result<Self, CompoundError> {
        let mut packets = Packets { rest: data.clone(), at: 0 };
        while packets.try_next()?.is_some() {}
        if packets.at == 0 {
            return Err(CompoundError::Length { at: 0 });
        }
        Ok(Self(data))
    }

    /// The packets, in their order.
    #[must_use]
    pub fn packets(&self) -> Packets {
        Packets { rest: self.0.clone(), at: 0 }
    }

    /// Bytes of the datagram.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no byte; a compound has some.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The source that the first packet, which is a report, comes from.
    #[must_use]
    pub fn reporter(&self) -> Option<u32> {
        self.packets().next().and_then(|packet| packet.reporter())
    }
}

/// The packets of a compound.
#[derive(Clone, Debug)]
pub struct Packets {
    rest: Bytes,
    at: usize,
}

impl Packets {
    fn try_next(&mut self) -> Result<Option<Packet>, CompoundError> {
        let at = self.at;
        let &[first, packet_type, l0, l1, ..] = &self.rest[..] else {
            return if self.rest.is_empty() { Ok(None) } else { Err(CompoundError::Length { at }) };
        };
        if first >> 6 != 2 {
            return Err(CompoundError::Version { at, version: first >> 6 });
        }
        if at == 0 && !matches!(packet_type, packet_type::SENDER_REPORT | packet_type::RECEIVER_REPORT) {
            return Err(CompoundError::First(packet_type));
        }
        let len = (usize::from(u16::from_be_bytes([l0, l1])) + 1) * 4;
        if len > self.rest.len() {
            return Err(CompoundError::Length { at });
        }
        let mut body = self.rest.split_to(len);
        self.at += len;
        body.advance(4);
        if first & 0x20 != 0 {
            let padding = body.last().copied().unwrap_or(0);
            match body.len().checked_sub(usize::from(padding)) {
                Some(left) if padding > 0 && padding.is_multiple_of(4) && at > 0 && self.rest.is_empty() => {
                    body.truncate(left);
                }
                _ => return Err(CompoundError::Padding { at }),
            }
        }
        Packet::parse(packet_type, first & 0x1f, body).map(Some).ok_or(CompoundError::Body { at, packet_type })
    }
}

impl Iterator for Packets {
    type Item = Packet;

    fn next(&mut self) -> Option<Packet> {
        self.try_next().ok().flatten()
    }
}

#[cfg(test)]
mod tests;
