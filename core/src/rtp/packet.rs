//! RTP data packets (RFC 3550 section 5): reading that trusts no length field, and writing.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::wire;

/// Bytes of the fixed header (RFC 3550 section 5.1).
pub const HEADER_LEN: usize = 12;

/// The fixed header of a data packet, without the fields that say how long the rest is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The marker bit: in audio, the first packet after a silence (RFC 3551 section 4.1).
    pub marker: bool,
    /// The payload type, 0 to 127.
    pub payload_type: u8,
    /// The sequence number: one more with each packet, modulo 2^16.
    pub sequence: u16,
    /// The sampling instant of the first octet of the payload, in units of the payload's clock, modulo 2^32.
    pub timestamp: u32,
    /// The synchronisation source.
    pub ssrc: u32,
}

impl Header {
    /// Appends a header that announces no contributing sources, no extension and no padding: the payload follows.
    pub fn write(&self, out: &mut BytesMut) {
        self.write_with(out, 0, false);
    }

    fn write_with(&self, out: &mut BytesMut, sources: u8, extension: bool) {
        out.put_u8(0x80 | (u8::from(extension) << 4) | (sources & 0x0f));
        out.put_u8((u8::from(self.marker) << 7) | (self.payload_type & 0x7f));
        out.put_u16(self.sequence);
        out.put_u32(self.timestamp);
        out.put_u32(self.ssrc);
    }
}

/// A header extension (RFC 3550 section 5.3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// The 16 bits that the profile defines.
    pub profile: u16,
    /// The extension's data, a multiple of four bytes.
    pub data: Bytes,
}

/// The contributing sources of a mixed packet, at most 15: a slice of the packet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Csrcs(Bytes);

impl Csrcs {
    /// A list to write; the header has room for 15, what is beyond is left out.
    #[must_use]
    pub fn new(sources: &[u32]) -> Self {
        let mut bytes = BytesMut::new();
        for source in sources.iter().take(15) {
            bytes.put_u32(*source);
        }
        Self(bytes.freeze())
    }

    /// The sources, in the packet's order.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        wire::words(&self.0)
    }
}

/// A data packet whose parts are slices of the datagram.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packet {
    /// The fixed header.
    pub header: Header,
    /// Contributing sources.
    pub csrcs: Csrcs,
    /// The header extension, if there is one.
    pub extension: Option<Extension>,
    /// The payload, without padding.
    pub payload: Bytes,
}

/// Why a datagram is no RTP packet (RFC 3550 appendix A.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// Fewer bytes than the fixed header has.
    #[error("{0} bytes are too few for an RTP header")]
    Short(usize),
    /// The version is not 2.
    #[error("RTP version {0}")]
    Version(u8),
    /// This many contributing sources do not fit.
    #[error("{0} contributing sources do not fit")]
    Csrcs(u8),
    /// The header extension does not fit.
    #[error("the header extension does not fit")]
    Extension,
    /// The padding is empty or longer than what is left of the packet.
    #[error("{0} bytes of padding")]
    Padding(u8),
}

impl Packet {
    /// Reads one datagram.
    ///
    /// # Errors
    /// When the version is not 2, or a length in the packet points past its end.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use sipsimple_core::rtp::Packet;
    ///
    /// let packet = Packet::parse(Bytes::from_static(&[0x80, 0x80, 0, 1, 0, 0, 0, 160, 0, 0, 0, 7, 0xff])).unwrap();
    /// assert!(packet.header.marker);
    /// assert_eq!((packet.header.sequence, packet.header.timestamp, packet.header.ssrc), (1, 160, 7));
    /// assert_eq!(&packet.payload[..], [0xff]);
    /// ```
    pub fn parse(mut data: Bytes) -> Result<Self, PacketError> {
        let &[first, second, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3, ..] = &data[..] else {
            return Err(PacketError::Short(data.len()));
        };
        if first >> 6 != 2 {
            return Err(PacketError::Version(first >> 6));
        }
        let header = Header {
            marker: second & 0x80 != 0,
            payload_type: second & 0x7f,
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([c0, c1, c2, c3]),
        };
        if first & 0x20 != 0 {
            let padding = data.last().copied().unwrap_or(0);
            match data.len().checked_sub(usize::from(padding)) {
                Some(left) if padding > 0 && left >= HEADER_LEN => data.truncate(left),
                _ => return Err(PacketError::Padding(padding)),
            }
        }
        data.advance(HEADER_LEN);
        let mut rest = data;
        let sources = first & 0x0f;
        let csrcs = match sources {
            0 => Csrcs::default(),
            _ => Csrcs(wire::take(&mut rest, usize::from(sources) * 4).ok_or(PacketError::Csrcs(sources))?),
        };
        let extension = if first & 0x10 == 0 {
            None
        } else {
            let mut read = || {
                let profile = wire::take_u16(&mut rest)?;
                let words = wire::take_u16(&mut rest)?;
                Some(Extension { profile, data: wire::take(&mut rest, usize::from(words) * 4)? })
            };
            Some(read().ok_or(PacketError::Extension)?)
        };
        Ok(Self { header, csrcs, extension, payload: rest })
    }

    /// Appends the packet, without padding.
    ///
    /// An extension is cut to whole words and to the 65,535 of them that its length field can say.
    pub fn write(&self, out: &mut BytesMut) {
        let sources = u8::try_from(self.csrcs.iter().count()).unwrap_or(0);
        self.header.write_with(out, sources, self.extension.is_some());
        out.put_slice(&self.csrcs.0);
        if let Some(extension) = &self.extension {
            let words = u16::try_from(extension.data.len() / 4).unwrap_or(u16::MAX);
            out.put_u16(extension.profile);
            out.put_u16(words);
            out.put_slice(extension.data.get(..usize::from(words) * 4).unwrap_or_default());
        }
        out.put_slice(&self.payload);
    }
}

/// Whether a datagram that came where both are expected is RTCP: its second byte is a packet type of RTCP, which is why payload types 64 to 95 are not used where the two share a port (RFC 5761 section 4).
#[must_use]
pub fn is_rtcp(data: &[u8]) -> bool {
    matches!(data, [_, 192..=223, ..])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(bytes: &[u8]) -> Result<Packet, PacketError> {
        Packet::parse(Bytes::copy_from_slice(bytes))
    }

    /// A header with these first two bytes, and what follows it.
    fn packet(first: u8, second: u8, rest: &[u8]) -> Vec<u8> {
        let mut bytes = vec![first, second, 0x12, 0x34, 1, 2, 3, 4, 0xca, 0xfe, 0xba, 0xbe];
        bytes.extend_from_slice(rest);
        bytes
    }

    #[test]
    fn every_field_of_the_header_is_read() {
        let read = parse(&packet(0x80, 0xe5, b"abc")).unwrap();
        assert_eq!(
            read.header,
            Header { marker: true, payload_type: 101, sequence: 0x1234, timestamp: 0x0102_0304, ssrc: 0xcafe_babe }
        );
        assert_eq!(&read.payload[..], b"abc");
        assert_eq!(read.extension, None);
        assert_eq!(read.csrcs.iter().count(), 0);
    }

    #[test]
    fn sources_extension_and_padding_are_cut_out_of_the_payload() {
        let rest = [0, 0, 0, 1, 0, 0, 0, 2, 0xbe, 0xde, 0, 1, 9, 8, 7, 6, b'x', b'y', 0, 0, 3];
        let read = parse(&packet(0xb2, 0, &rest)).unwrap();
        assert_eq!(read.csrcs.iter().collect::<Vec<_>>(), [1, 2]);
        let extension = read.extension.unwrap();
        assert_eq!((extension.profile, &extension.data[..]), (0xbede, &[9, 8, 7, 6][..]));
        assert_eq!(&read.payload[..], b"xy");
    }

    #[test]
    fn lengths_that_point_past_the_end_are_refused() {
        assert_eq!(parse(&[]), Err(PacketError::Short(0)));
        assert_eq!(parse(&[0x80]), Err(PacketError::Short(1)));
        assert_eq!(parse(&packet(0x80, 0, &[])[..11]), Err(PacketError::Short(11)));
        assert_eq!(parse(&packet(0x40, 0, &[])), Err(PacketError::Version(1)));
        assert_eq!(parse(&packet(0xc0, 0, &[])), Err(PacketError::Version(3)));
        assert_eq!(parse(&packet(0x8f, 0, &[0; 59])), Err(PacketError::Csrcs(15)));
        assert_eq!(parse(&packet(0x90, 0, &[])), Err(PacketError::Extension));
        assert_eq!(parse(&packet(0x90, 0, &[0, 0, 0, 1, 1, 2, 3])), Err(PacketError::Extension));
        assert_eq!(parse(&packet(0x90, 0, &[0, 0, 0xff, 0xff, 1, 2, 3, 4])), Err(PacketError::Extension));
    }

    #[test]
    fn padding_is_at_least_one_and_within_the_packet() {
        assert_eq!(parse(&packet(0xa0, 0, &[1, 2, 0])), Err(PacketError::Padding(0)));
        assert_eq!(parse(&packet(0xa0, 0, &[1, 2, 4])), Err(PacketError::Padding(4)));
        assert_eq!(parse(&packet(0xa0, 0, &[1, 2, 255])), Err(PacketError::Padding(255)));
        assert_eq!(&parse(&packet(0xa0, 0, &[1, 2, 1])).unwrap().payload[..], [1, 2]);
        assert!(parse(&packet(0xa0, 0, &[1, 2, 3])).unwrap().payload.is_empty());
        // Padding must not eat into the contributing sources either.
        assert_eq!(parse(&packet(0xa1, 0, &[0, 0, 0, 2])), Err(PacketError::Csrcs(1)));
    }

    #[test]
    fn rtcp_is_told_from_rtp_by_its_second_byte() {
        for second in [200, 201, 202, 203, 204, 205, 206, 207] {
            assert!(is_rtcp(&[0x80, second, 0, 1]));
        }
        for second in [0, 8, 96, 101, 127, 128, 136, 128 + 96, 128 + 127] {
            assert!(!is_rtcp(&[0x80, second, 0, 1]));
        }
        assert!(!is_rtcp(&[0x80]));
    }

    prop_compose! {
        fn any_packet()(
            marker: bool, payload_type in 0..128u8, sequence: u16, timestamp: u32, ssrc: u32,
            csrcs in proptest::collection::vec(any::<u32>(), 0..16),
            extension in proptest::option::of((any::<u16>(), proptest::collection::vec(any::<[u8; 4]>(), 0..5))),
            payload in proptest::collection::vec(any::<u8>(), 0..64),
        ) -> Packet {
            Packet {
                header: Header { marker, payload_type, sequence, timestamp, ssrc },
                csrcs: Csrcs::new(&csrcs),
                extension: extension.map(|(profile, words)| Extension { profile, data: words.concat().into() }),
                payload: payload.into(),
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(packet in any_packet()) {
            let mut out = BytesMut::new();
            packet.write(&mut out);
            prop_assert_eq!(Packet::parse(out.freeze()), Ok(packet));
        }

        #[test]
        fn any_bytes_are_read_without_panic_and_within_the_datagram(
            first in prop_oneof![Just(0x80u8), 0x80..0xc0u8, any::<u8>()],
            rest in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let mut bytes = vec![first];
            bytes.extend(rest);
            if let Ok(packet) = parse(&bytes) {
                let extension = packet.extension.map_or(0, |extension| extension.data.len() + 4);
                prop_assert!(HEADER_LEN + packet.csrcs.iter().count() * 4 + extension + packet.payload.len() <= bytes.len());
            }
        }
    }
}
