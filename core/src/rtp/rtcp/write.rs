//! Writing of compound packets.

use bytes::{BufMut, BytesMut};

use super::packet::{ItemKind, ReportBlock, SenderInfo};
use super::packet_type;

/// The most that the five bits of a header can count.
const MAX_COUNT: usize = 31;

/// Appends packets to a buffer. A compound starts with a report and holds a source description with a CNAME (RFC 3550 section 6.1): the caller keeps that order.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut BytesMut,
}

impl<'a> Writer<'a> {
    /// Packets go to the end of `out`.
    #[must_use]
    pub const fn new(out: &'a mut BytesMut) -> Self {
        Self { out }
    }

    /// SR. Blocks beyond the 31 that fit are left out.
    pub fn sender_report(&mut self, ssrc: u32, info: &SenderInfo, blocks: &[ReportBlock]) {
        self.packet(packet_type::SENDER_REPORT, blocks.len(), |out| {
            out.put_u32(ssrc);
            out.put_u64(info.ntp.0);
            out.put_u32(info.timestamp);
            out.put_u32(info.packets);
            out.put_u32(info.octets);
            put_blocks(out, blocks);
        });
    }

    /// RR. Blocks beyond the 31 that fit are left out.
    pub fn receiver_report(&mut self, ssrc: u32, blocks: &[ReportBlock]) {
        self.packet(packet_type::RECEIVER_REPORT, blocks.len(), |out| {
            out.put_u32(ssrc);
            put_blocks(out, blocks);
        });
    }

    /// SDES with one chunk. Texts are cut to 255 bytes.
    pub fn source_description(&mut self, ssrc: u32, items: &[(ItemKind, &str)]) {
        self.packet(packet_type::SOURCE_DESCRIPTION, 1, |out| {
            out.put_u32(ssrc);
            for (kind, text) in items {
                out.put_u8(kind.number());
                put_text(out, text);
            }
            out.put_u8(0);
        });
    }

    /// BYE. Sources beyond the 31 that fit are left out.
    pub fn bye(&mut self, sources: &[u32], reason: Option<&str>) {
        self.packet(packet_type::BYE, sources.len(), |out| {
            for source in sources.iter().take(MAX_COUNT) {
                out.put_u32(*source);
            }
            if let Some(reason) = reason {
                put_text(out, reason);
            }
        });
    }

    /// APP. `subtype` is below 32; `data` is filled up to whole words with zeros.
    pub fn app(&mut self, ssrc: u32, subtype: u8, name: [u8; 4], data: &[u8]) {
        self.packet(packet_type::APP, usize::from(subtype & 0x1f), |out| {
            out.put_u32(ssrc);
            out.put_slice(&name);
            out.put_slice(data);
        });
    }

    /// Header, body, zeros up to the word border, and then the length that came of it.
    fn packet(&mut self, packet_type: u8, count: usize, body: impl FnOnce(&mut BytesMut)) {
        let start = self.out.len();
        self.out.put_u8(0x80 | u8::try_from(count.min(MAX_COUNT)).unwrap_or(0));
        self.out.put_u8(packet_type);
        self.out.put_u16(0);
        body(self.out);
        let len = self.out.len() - start;
        self.out.put_bytes(0, len.next_multiple_of(4) - len);
        let words = u16::try_from(len.div_ceil(4) - 1).unwrap_or(u16::MAX);
        if let Some(field) = self.out.get_mut(start + 2..start + 4) {
            field.copy_from_slice(&words.to_be_bytes());
        }
    }
}

fn put_blocks(out: &mut BytesMut, blocks: &[ReportBlock]) {
    for block in blocks.iter().take(MAX_COUNT) {
        out.put_u32(block.ssrc);
        out.put_u8(block.fraction_lost);
        out.put_int(i64::from(block.lost.clamp(-0x80_0000, 0x7f_ffff)), 3);
        out.put_u32(block.highest);
        out.put_u32(block.jitter);
        out.put_u32(block.last_sr);
        out.put_u32(block.delay);
    }
}

/// A length byte and the text, cut at a character if it is too long.
fn put_text(out: &mut BytesMut, text: &str) {
    let cut = text.get(..text.floor_char_boundary(255)).unwrap_or_default();
    out.put_u8(u8::try_from(cut.len()).unwrap_or(0));
    out.put_slice(cut.as_bytes());
}
