//! Opening of what comes: nothing changes before a packet has proved to be the peer's (RFC 3711 section 3.3).

use bytes::BytesMut;

use super::index::Window;
use super::transform::{Place, Protocol, Transform, transform};
use super::{ENCRYPTED, MasterKey, Mki, header_len, identity, reporter};

/// Sources that are followed under one key. Only the peer can make new ones.
const MAX_SOURCES: usize = 32;

/// Why a packet is dropped. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not an SRTP or SRTCP packet.
    #[error("not a protected packet")]
    NotAPacket,
    /// A packet of this index came before, or it is too old to tell.
    #[error("the index came before")]
    Replayed,
    /// Not made by one who has the key, or damaged on its way.
    #[error("the tag is wrong")]
    Forged,
    /// The peer has sent under as many SSRCs as are followed.
    #[error("too many sources")]
    TooManySources,
}

/// What one side receives under one master key.
#[derive(Debug)]
pub struct Receiver {
    rtp: Box<dyn Transform>,
    rtcp: Box<dyn Transform>,
    mki: Option<Mki>,
    sources: Vec<Source>,
}

/// What came under an SSRC.
#[derive(Debug)]
struct Source {
    ssrc: u32,
    rtp: Option<Window>,
    rtcp: Option<Window>,
}

impl Receiver {
    /// A receiver that expects roll-over counter 0. `None` never comes with a key that was made for its suite.
    #[must_use]
    pub fn new(master: &MasterKey) -> Option<Self> {
        Some(Self {
            rtp: transform(master, Protocol::Rtp)?,
            rtcp: transform(master, Protocol::Rtcp)?,
            mki: master.mki(),
            sources: Vec::with_capacity(MAX_SOURCES),
        })
    }

    /// Makes the RTP packet again that an SRTP packet was.
    ///
    /// # Errors
    /// When it is to be dropped; what is in the buffer is then nobody's.
    pub fn unprotect(&mut self, packet: &mut BytesMut) -> Result<(), Refused> {
        let header = header_len(packet).ok_or(Refused::NotAPacket)?;
        let (sequence, ssrc) = identity(packet).ok_or(Refused::NotAPacket)?;
        let window = self.source(ssrc).and_then(|source| source.rtp.as_ref());
        let index = window.map_or_else(|| sequence.into(), |window| window.estimate(sequence));
        if window.is_some_and(|window| !window.admits(index)) {
            return Err(Refused::Replayed);
        }
        if !self.rtp.open_rtp(packet, header, Place { ssrc, index }, self.mki) {
            return Err(Refused::Forged);
        }
        note(&mut self.authentic(ssrc)?.rtp, index);
        Ok(())
    }

    /// Makes the RTCP packet again that an SRTCP packet was.
    ///
    /// # Errors
    /// When it is to be dropped; what is in the buffer is then nobody's.
    pub fn unprotect_rtcp(&mut self, packet: &mut BytesMut) -> Result<(), Refused> {
        let ssrc = reporter(packet).ok_or(Refused::NotAPacket)?;
        let word = self.rtcp.rtcp_word(packet, self.mki).ok_or(Refused::NotAPacket)?;
        let index = u64::from(word & !ENCRYPTED);
        let window = self.source(ssrc).and_then(|source| source.rtcp.as_ref());
        if window.is_some_and(|window| !window.admits(index)) {
            return Err(Refused::Replayed);
        }
        if !self.rtcp.open_rtcp(packet, ssrc, word, self.mki) {
            return Err(Refused::Forged);
        }
        note(&mut self.authentic(ssrc)?.rtcp, index);
        Ok(())
    }

    fn source(&self, ssrc: u32) -> Option<&Source> {
        self.sources.iter().find(|source| source.ssrc == ssrc)
    }

    /// The source of a packet that proved to be the peer's; a new one, if there is room.
    fn authentic(&mut self, ssrc: u32) -> Result<&mut Source, Refused> {
        let known = self.sources.iter().position(|source| source.ssrc == ssrc);
        let at = known.unwrap_or(self.sources.len());
        if known.is_none() && at < MAX_SOURCES {
            self.sources.push(Source { ssrc, rtp: None, rtcp: None });
        }
        self.sources.get_mut(at).ok_or(Refused::TooManySources)
    }
}

fn note(window: &mut Option<Window>, index: u64) {
    match window {
        Some(window) => window.take(index),
        None => *window = Some(Window::starting(index)),
    }
}
