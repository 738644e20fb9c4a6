//! Protection of what is sent.

use bytes::BytesMut;

use super::transform::{Place, Protocol, Transform, transform};
use super::{MasterKey, Mki, header_len, identity, reporter};

/// Sources under one key. A path has one, and another after each collision.
const MAX_SOURCES: usize = 16;
/// Packets that may be sent of a source under one key (RFC 3711 section 9.2).
const MAX_RTP: u64 = 1 << 48;
/// The same for control packets.
const MAX_RTCP: u32 = 1 << 31;

/// Why a packet is not sent: nothing would be safe about it, or it is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsafe {
    /// Not an RTP or RTCP packet.
    #[error("not a packet")]
    NotAPacket,
    /// A packet of this index, or a later one, was sent already under this key.
    #[error("the index was used before")]
    Reused,
    /// The key has protected as many packets, or sources, as it may.
    #[error("the key is used up")]
    KeyUsedUp,
}

/// What one side sends under one master key.
#[derive(Debug)]
pub struct Sender {
    rtp: Box<dyn Transform>,
    rtcp: Box<dyn Transform>,
    mki: Option<Mki>,
    sources: Vec<Source>,
}

/// What was sent under an SSRC.
#[derive(Debug)]
struct Source {
    ssrc: u32,
    /// The index of the last packet; `None` before the first.
    rtp: Option<u64>,
    /// The index of the next control packet.
    rtcp: u32,
}

impl Sender {
    /// A sender that starts with roll-over counter 0. `None` never comes with a key that was made for its suite.
    #[must_use]
    pub fn new(master: &MasterKey) -> Option<Self> {
        Some(Self {
            rtp: transform(master, Protocol::Rtp)?,
            rtcp: transform(master, Protocol::Rtcp)?,
            mki: master.mki(),
            sources: Vec::with_capacity(MAX_SOURCES),
        })
    }

    /// Makes an SRTP packet of an RTP packet. Its sequence number must be newer than the last one's, modulo 2^16.
    ///
    /// # Errors
    /// When it must not be sent; what is in the buffer is then to be thrown away.
    pub fn protect(&mut self, packet: &mut BytesMut) -> Result<(), Unsafe> {
        let header = header_len(packet).ok_or(Unsafe::NotAPacket)?;
        let (sequence, ssrc) = identity(packet).ok_or(Unsafe::NotAPacket)?;
        let source = source(&mut self.sources, ssrc)?;
        let index = match source.rtp {
            None => u64::from(sequence),
            Some(last) => {
                let low = u16::try_from(last & 0xffff).unwrap_or(0);
                match sequence.wrapping_sub(low) {
                    0 | 0x8000.. => return Err(Unsafe::Reused),
                    ahead => last + u64::from(ahead),
                }
            }
        };
        if index >= MAX_RTP {
            return Err(Unsafe::KeyUsedUp);
        }
        source.rtp = Some(index);
        let sealed = self.rtp.seal_rtp(packet, header, Place { ssrc, index }, self.mki);
        if sealed { Ok(()) } else { Err(Unsafe::KeyUsedUp) }
    }

    /// Makes an SRTCP packet of a compound RTCP packet.
    ///
    /// # Errors
    /// When it must not be sent; what is in the buffer is then to be thrown away.
    pub fn protect_rtcp(&mut self, packet: &mut BytesMut) -> Result<(), Unsafe> {
        let ssrc = reporter(packet).ok_or(Unsafe::NotAPacket)?;
        let source = source(&mut self.sources, ssrc)?;
        let index = source.rtcp;
        if index >= MAX_RTCP {
            return Err(Unsafe::KeyUsedUp);
        }
        source.rtcp += 1;
        let sealed = self.rtcp.seal_rtcp(packet, Place { ssrc, index: u64::from(index) }, self.mki);
        if sealed { Ok(()) } else { Err(Unsafe::KeyUsedUp) }
    }
}

fn source(sources: &mut Vec<Source>, ssrc: u32) -> Result<&mut Source, Unsafe> {
    let known = sources.iter().position(|source| source.ssrc == ssrc);
    let at = known.unwrap_or(sources.len());
    if known.is_none() && at < MAX_SOURCES {
        sources.push(Source { ssrc, rtp: None, rtcp: 0 });
    }
    sources.get_mut(at).ok_or(Unsafe::KeyUsedUp)
}
