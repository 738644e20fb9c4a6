//! G.722 at 64, 56 and 48 kbit/s (ITU-T G.722; RFC 3551 section 4.5.2): 7 kHz of sound in two bands, each an adaptive difference.
//!
//! ```text
//!  16 kHz ─► two bands at 8 kHz ─► low:  6 bits ─┐
//!                                  high: 2 bits ─┴─► an octet for every two samples
//! ```
//!
//! In the modes of 56 and 48 kbit/s the last one or two bits of the octet are not the codec's but data of somebody else's.
//! In RTP they are always the codec's (RFC 3551), and nothing in a session description says otherwise: a decoder of these
//! modes is for an application that knows its peer, and registers [`G722::with_mode`] in the place of the usual one.
//!
//! The clock of its RTP timestamp runs at 8,000 Hz although it samples 16,000 times a second: an old error that was kept.

mod band;
mod qmf;

use sipsimple_core::media::Format;

use super::{Codec, DecodeError, Decoder, Encoder};
use band::Band;
use qmf::{Analysis, Synthesis};

/// Payload type 9.
#[derive(Clone, Copy, Debug, Default)]
pub struct G722 {
    mode: Mode,
}

/// How much of an octet is sound (G.722 section 1.4). The encoder is the same in all modes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Mode 1: all of it, 64 kbit/s.
    #[default]
    Kbit64,
    /// Mode 2: all but the last bit, 56 kbit/s.
    Kbit56,
    /// Mode 3: all but the last two bits, 48 kbit/s.
    Kbit48,
}

impl G722 {
    /// Decodes in this mode.
    #[must_use]
    pub const fn with_mode(mode: Mode) -> Self {
        Self { mode }
    }
}

impl Codec for G722 {
    fn encoding(&self) -> &'static str {
        "G722"
    }

    fn payload_type(&self) -> Option<u8> {
        Some(9)
    }

    fn clock_rate(&self) -> u32 {
        8_000
    }

    fn sample_rate(&self) -> u32 {
        16_000
    }

    fn frame_millis(&self) -> u32 {
        1
    }

    fn encoder(&self, _format: &Format) -> Box<dyn Encoder> {
        Box::new(G722Encoder::default())
    }

    fn decoder(&self, _format: &Format) -> Box<dyn Decoder> {
        Box::new(G722Decoder::new(self.mode))
    }
}

/// The sending half of [`G722`].
#[derive(Debug)]
struct G722Encoder {
    filter: Analysis,
    low: Band,
    high: Band,
}

/// The receiving half of [`G722`].
#[derive(Debug)]
struct G722Decoder {
    mode: Mode,
    filter: Synthesis,
    low: Band,
    high: Band,
}

impl Default for G722Encoder {
    fn default() -> Self {
        Self { filter: Analysis::default(), low: Band::low(), high: Band::high() }
    }
}

impl G722Decoder {
    fn new(mode: Mode) -> Self {
        Self { mode, filter: Synthesis::default(), low: Band::low(), high: Band::high() }
    }
}

impl Encoder for G722Encoder {
    fn encode(&mut self, samples: &[i16], payload: &mut [u8]) -> usize {
        let pairs = samples.as_chunks::<2>().0;
        for (pair, octet) in pairs.iter().zip(payload.iter_mut()) {
            let (low, high) = self.filter.split(*pair);
            *octet = self.high.encode_high(high) << 6 | self.low.encode_low(low);
        }
        pairs.len().min(payload.len())
    }
}

impl Decoder for G722Decoder {
    fn decode(&mut self, payload: &[u8], samples: &mut [i16]) -> Result<usize, DecodeError> {
        let pairs = samples.as_chunks_mut::<2>().0;
        let count = pairs.len().min(payload.len());
        for (pair, octet) in pairs.iter_mut().zip(payload) {
            let low = self.low.decode_low(octet & 0x3f, self.mode);
            let high = self.high.decode_high(octet >> 6);
            *pair = self.filter.join(low, high);
        }
        Ok(2 * count)
    }
}

#[cfg(test)]
mod tests;
