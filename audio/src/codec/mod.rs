//! Codecs: what turns frames of samples into RTP payloads and back.
//!
//! A [`Codec`] is known by its encoding name (RFC 3551 section 6, RFC 4855) and makes the two halves that a call needs, an
//! [`Encoder`] and a [`Decoder`]. [`Codecs`] is the registry; PCMU, PCMA,
//! G722 and GSM are built in, an application can register others.

mod g711;
mod g722;
mod gsm;
#[cfg(feature = "opus")]
mod opus;
mod registry;
#[cfg(test)]
mod signal;

use std::fmt;

use sipsimple_core::media::Format;

pub use g711::{Pcma, Pcmu};
pub(crate) use g711::{alaw_decode, ulaw_decode};
pub use g722::{G722, Mode as G722Mode};
pub use gsm::Gsm;
#[cfg(feature = "opus")]
pub use opus::Opus;
pub use registry::{Codecs, Selection, UnknownCodec};

/// One coding of audio.
pub trait Codec: fmt::Debug + Send + Sync {
    /// The encoding name in `a=rtpmap`, as in `PCMU`; compared in any case.
    fn encoding(&self) -> &'static str;

    /// The payload type that RFC 3551 section 6 fixed for it, if it did.
    fn payload_type(&self) -> Option<u8>;

    /// Clock rate of the RTP timestamp in Hz, as `a=rtpmap` writes it.
    fn clock_rate(&self) -> u32;

    /// Channels as `a=rtpmap` writes them. Samples given to the encoder and taken from the decoder are mono whatever this is.
    fn channels(&self) -> u8 {
        1
    }

    /// Samples per second that its encoder takes and its decoder gives; not always the clock rate (G722, RFC 3551 section 4.5.2).
    fn sample_rate(&self) -> u32;

    /// Milliseconds of audio in the smallest thing it can encode; packets hold a multiple of it.
    fn frame_millis(&self) -> u32;

    /// An encoder for what is sent in this format.
    fn encoder(&self, format: &Format) -> Box<dyn Encoder>;

    /// A decoder for what is received in this format.
    fn decoder(&self, format: &Format) -> Box<dyn Decoder>;
}

/// The sending half of a [`Codec`]. Allocates nothing that stays.
pub trait Encoder: fmt::Debug + Send {
    /// Encodes `samples` (a multiple of the codec's frame) into the start of `payload` and tells how many bytes that took; none when
    /// there is nothing to send. What does not fit is left out.
    fn encode(&mut self, samples: &[i16], payload: &mut [u8]) -> usize;
}

/// The receiving half of a [`Codec`]. Takes any bytes. Allocates nothing that stays.
pub trait Decoder: fmt::Debug + Send {
    /// Decodes one payload into the start of `samples` and tells how many samples that gave. What does not fit is left out.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when the payload is not of this coding; the packet then counts as lost.
    fn decode(&mut self, payload: &[u8], samples: &mut [i16]) -> Result<usize, DecodeError>;

    /// Fills `samples` with the codec's own guess at a lost packet. `false`: it has none, and the playout makes one up.
    fn conceal(&mut self, _samples: &mut [i16]) -> bool {
        false
    }

    /// Fills `samples`, those of a lost packet, with what the packet after it says about them (forward error correction); that packet is
    /// decoded next. `false`: it says nothing.
    fn recover(&mut self, _next: &[u8], _samples: &mut [i16]) -> bool {
        false
    }
}

/// A payload that is not what its payload type says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{bytes} bytes are no {encoding} payload")]
pub struct DecodeError {
    /// The encoding name of the codec that refused it.
    pub encoding: &'static str,
    /// Length of the payload.
    pub bytes: usize,
}
