//! The single packets of RTCP, as slices of the datagram (RFC 3550 sections 6.4 to 6.7).

use std::str;

use bytes::Bytes;

use super::packet_type;
use crate::rtp::ntp::Ntp;
use crate::rtp::wire;

/// Bytes of a report block.
const BLOCK_LEN: usize = 24;

/// One packet of a compound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// SR.
    SenderReport(SenderReport),
    /// RR.
    ReceiverReport(ReceiverReport),
    /// SDES.
    SourceDescription(SourceDescription),
    /// BYE.
    Bye(Bye),
    /// APP.
    App(App),
    /// A packet type that is not of RFC 3550; to be passed over.
    Unknown(Unknown),
}

/// A sender report (RFC 3550 section 6.4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderReport {
    /// Who reports.
    pub ssrc: u32,
    /// What it has sent.
    pub info: SenderInfo,
    /// What it has received.
    pub reports: ReportBlocks,
}

/// What a sender says of its own packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderInfo {
    /// When the report was sent.
    pub ntp: Ntp,
    /// The same time in units and offset of the data packets' timestamps.
    pub timestamp: u32,
    /// Data packets sent so far, modulo 2^32.
    pub packets: u32,
    /// Payload bytes sent so far, modulo 2^32.
    pub octets: u32,
}

/// A receiver report (RFC 3550 section 6.4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiverReport {
    /// Who reports.
    pub ssrc: u32,
    /// What it has received.
    pub reports: ReportBlocks,
}

/// The report blocks of one report, at most 31.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportBlocks(Bytes);

/// What a receiver says of one source (RFC 3550 section 6.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportBlock {
    /// The source.
    pub ssrc: u32,
    /// Packets lost since the report before, in 1/256 of those expected.
    pub fraction_lost: u8,
    /// Packets lost since reception began: 24 bits, negative when more came twice than were lost.
    pub lost: i32,
    /// The extended highest sequence number received.
    pub highest: u32,
    /// The interarrival jitter in timestamp units.
    pub jitter: u32,
    /// The middle 32 bits of the last sender report's timestamp (LSR), 0 if none came.
    pub last_sr: u32,
    /// Time since that sender report came (DLSR), in 1/65536 s.
    pub delay: u32,
}

/// Source descriptions (RFC 3550 section 6.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceDescription {
    count: u8,
    chunks: Bytes,
}

/// What one source says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The source.
    pub ssrc: u32,
    items: Bytes,
}

/// One item of a source description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What the text is.
    pub kind: ItemKind,
    /// At most 255 bytes, meant to be UTF-8.
    pub text: Bytes,
}

/// The kinds of items (RFC 3550 section 12.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemKind {
    /// The canonical name, the same for all streams of a participant.
    Cname,
    /// The name of the user.
    Name,
    /// An address for electronic mail.
    Email,
    /// A phone number.
    Phone,
    /// A place.
    Loc,
    /// The application.
    Tool,
    /// A note on the state of the source.
    Note,
    /// A private extension.
    Priv,
    /// Another number.
    Other(u8),
}

impl ItemKind {
    /// The kind with this number; 0 ends a list and is no kind.
    #[must_use]
    pub const fn from_number(number: u8) -> Self {
        match number {
            1 => Self::Cname,
            2 => Self::Name,
            3 => Self::Email,
            4 => Self::Phone,
            5 => Self::Loc,
            6 => Self::Tool,
            7 => Self::Note,
            8 => Self::Priv,
            other => Self::Other(other),
        }
    }

    /// The number of this kind.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Cname => 1,
            Self::Name => 2,
            Self::Email => 3,
            Self::Phone => 4,
            Self::Loc => 5,
            Self::Tool => 6,
            Self::Note => 7,
            Self::Priv => 8,
            Self::Other(number) => number,
        }
    }
}

/// Sources that leave (RFC 3550 section 6.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bye {
    sources: Bytes,
    /// Why, if it is said.
    pub reason: Option<Bytes>,
}

/// A packet that an application defines (RFC 3550 section 6.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// A number below 32 that the application defines.
    pub subtype: u8,
    /// Who sends it.
    pub ssrc: u32,
    /// The application's name in ASCII.
    pub name: [u8; 4],
    /// The data, a multiple of four bytes.
    pub data: Bytes,
}

/// A packet of another type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// Its type.
    pub packet_type: u8,
    /// The five bits of the header that count or tell formats apart.
    pub count: u8,
    /// What follows the header's first word, without padding.
    pub data: Bytes,
}

impl ReportBlocks {
    fn take(data: &mut Bytes, count: u8) -> Option<Self> {
        wire::take(data, usize::from(count) * BLOCK_LEN).map(Self)
    }

    /// The blocks, in the packet's order.
    pub fn iter(&self) -> impl Iterator<Item = ReportBlock> {
        self.0.as_chunks::<BLOCK_LEN>().0.iter().map(ReportBlock::read)
    }
}

impl ReportBlock {
    fn read(block: &[u8; BLOCK_LEN]) -> Self {
        let [s0, s1, s2, s3, fraction, l0, l1, l2, h0, h1, h2, h3, j0, j1, j2, j3, r0, r1, r2, r3, d0, d1, d2, d3] =
            *block;
        Self {
            ssrc: u32::from_be_bytes([s0, s1, s2, s3]),
            fraction_lost: fraction,
            // The three bytes in the upper ones of an i32, then shifted down with their sign.
            lost: i32::from_be_bytes([l0, l1, l2, 0]) >> 8,
            highest: u32::from_be_bytes([h0, h1, h2, h3]),
            jitter: u32::from_be_bytes([j0, j1, j2, j3]),
            last_sr: u32::from_be_bytes([r0, r1, r2, r3]),
            delay: u32::from_be_bytes([d0, d1, d2, d3]),
        }
    }
}

impl SourceDescription {
    /// The chunks, one for each source.
    pub fn chunks(&self) -> impl Iterator<Item = Chunk> {
        let mut left = self.chunks.clone();
        (0..self.count).map_while(move |_| Chunk::take(&mut left))
    }
}

impl Chunk {
    /// Takes a chunk off the front: its source, items, one to four zero bytes up to the word border (RFC 3550 section 6.5).
    fn take(data: &mut Bytes) -> Option<Self> {
        let before = data.len();
        let ssrc = wire::take_u32(data)?;
        let mut rest = data.clone();
        while wire::take_u8(&mut rest)? != 0 {
            let len = wire::take_u8(&mut rest)?;
            wire::take(&mut rest, usize::from(len))?;
        }
        let items = wire::take(data, data.len() - rest.len())?;
        // `before` is at a word border, and so is what follows the chunk.
        let used = before - data.len();
        wire::take(data, used.next_multiple_of(4) - used)?;
        Some(Self { ssrc, items })
    }

    /// The items, in the packet's order.
    pub fn items(&self) -> impl Iterator<Item = Item> {
        let mut rest = self.items.clone();
        std::iter::from_fn(move || {
            let number = wire::take_u8(&mut rest).filter(|number| *number != 0)?;
            let len = wire::take_u8(&mut rest)?;
            Some(Item { kind: ItemKind::from_number(number), text: wire::take(&mut rest, usize::from(len))? })
        })
    }

    /// The canonical name, if it is told and UTF-8.
    #[must_use]
    pub fn cname(&self) -> Option<Bytes> {
        self.items()
            .find(|item| item.kind == ItemKind::Cname)
            .map(|item| item.text)
            .filter(|text| str::from_utf8(text).is_ok())
    }
}

impl Bye {
    /// The sources that leave.
    pub fn sources(&self) -> impl Iterator<Item = u32> {
        wire::words(&self.sources)
    }
}

impl Packet {
    /// Reads the body of a packet, what is between its first word and its padding; `None` when the body contradicts its header.
    pub(super) fn parse(packet_type: u8, count: u8, mut data: Bytes) -> Option<Self> {
        let body = &mut data;
        Some(match packet_type {
            packet_type::SENDER_REPORT => Self::SenderReport(SenderReport {
                ssrc: wire::take_u32(body)?,
                info: SenderInfo {
                    ntp: Ntp(wire::take_u64(body)?),
                    timestamp: wire::take_u32(body)?,
                    packets: wire::take_u32(body)?,
                    octets: wire::take_u32(body)?,
                },
                reports: ReportBlocks::take(body, count)?,
            }),
            packet_type::RECEIVER_REPORT => Self::ReceiverReport(ReceiverReport {
                ssrc: wire::take_u32(body)?,
                reports: ReportBlocks::take(body, count)?,
            }),
            packet_type::SOURCE_DESCRIPTION => {
                let mut rest = body.clone();
                for _ in 0..count {
                    Chunk::take(&mut rest)?;
                }
                Self::SourceDescription(SourceDescription { count, chunks: data })
            }
            packet_type::BYE => Self::Bye(Bye {
                sources: wire::take(body, usize::from(count) * 4)?,
                reason: match wire::take_u8(body) {
                    Some(len) => Some(wire::take(body, usize::from(len))?),
                    None => None,
                },
            }),
            packet_type::APP => Self::App(App {
                subtype: count,
                ssrc: wire::take_u32(body)?,
                name: wire::take_u32(body)?.to_be_bytes(),
                data,
            }),
            other => Self::Unknown(Unknown { packet_type: other, count, data }),
        })
    }

    /// The source that a report comes from.
    #[must_use]
    pub const fn reporter(&self) -> Option<u32> {
        match self {
            Self::SenderReport(report) => Some(report.ssrc),
            Self::ReceiverReport(report) => Some(report.ssrc),
            Self::SourceDescription(_) | Self::Bye(_) | Self::App(_) | Self::Unknown(_) => None,
        }
    }
}
