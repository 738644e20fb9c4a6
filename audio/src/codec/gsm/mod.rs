//! GSM 06.10 full rate (ETSI EN 300 961; RFC 3551 section 4.5.8): 33 bytes for 20 ms of 8 kHz, 13 kbit/s.
//!
//! ```text
//!  160 samples ─► offset, pre-emphasis ─► short-term filter ─► long-term filter ─► regular pulses    (encoder)
//!  pulses ─► long-term filter ─► short-term filter ─► de-emphasis ─► 160 samples                     (decoder)
//! ```
//!
//! The arithmetic is that of the standard, in 16 and 32 bits with saturation, so that every bit comes out as there.

mod analysis;
mod arithmetic;
mod bits;
mod pulses;
mod short_term;
mod synthesis;

use sipsimple_core::media::Format;

use super::{Codec, DecodeError, Decoder, Encoder};
use analysis::Analysis;
use bits::FRAME_BYTES;
use synthesis::Synthesis;

/// Samples in a frame.
const FRAME: usize = 160;
/// Samples in each quarter of it.
const QUARTER: usize = 40;
/// The longest and the shortest distance of the long-term predictor.
const FARTHEST: usize = 120;
const NEAREST: usize = 40;

/// Payload type 3.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gsm;

/// One frame, as the standard numbers its parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Parameters {
    /// Logarithmic area ratios, of 6, 6, 5, 5, 4, 4, 3 and 3 bits.
    ratios: [i16; 8],
    quarters: [Quarter; 4],
}

/// The parameters of a quarter of a frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Quarter {
    /// The distance of the long-term predictor: 7 bits, 40 to 120.
    lag: i16,
    /// Its gain, of 2 bits.
    gain: i16,
    /// Which of four grids the pulses lie on.
    grid: i16,
    /// The size of the largest pulse, of 6 bits.
    largest: i16,
    /// The pulses, of 3 bits.
    pulses: [i16; 13],
}

impl Codec for Gsm {
    fn encoding(&self) -> &'static str {
        "GSM"
    }

    fn payload_type(&self) -> Option<u8> {
        Some(3)
    }

    fn clock_rate(&self) -> u32 {
        8_000
    }

    fn sample_rate(&self) -> u32 {
        8_000
    }

    fn frame_millis(&self) -> u32 {
        20
    }

    fn encoder(&self, _format: &Format) -> Box<dyn Encoder> {
        Box::new(GsmEncoder::default())
    }

    fn decoder(&self, _format: &Format) -> Box<dyn Decoder> {
        Box::new(GsmDecoder::default())
    }
}

/// The sending half of [`Gsm`].
#[derive(Debug, Default)]
struct GsmEncoder(Analysis);

/// The receiving half of [`Gsm`].
#[derive(Debug, Default)]
struct GsmDecoder(Synthesis);

impl Encoder for GsmEncoder {
    fn encode(&mut self, samples: &[i16], payload: &mut [u8]) -> usize {
        let frames = samples.as_chunks::<FRAME>().0;
        let places = payload.as_chunks_mut::<FRAME_BYTES>().0;
        let count = frames.len().min(places.len());
        for (frame, place) in frames.iter().zip(places) {
            *place = self.0.encode(frame).to_bytes();
        }
        count * FRAME_BYTES
    }
}

impl Decoder for GsmDecoder {
    fn decode(&mut self, payload: &[u8], samples: &mut [i16]) -> Result<usize, DecodeError> {
        let (frames, rest) = payload.as_chunks::<FRAME_BYTES>();
        let refused = DecodeError { encoding: "GSM", bytes: payload.len() };
        if frames.is_empty() || !rest.is_empty() {
            return Err(refused);
        }
        let places = samples.as_chunks_mut::<FRAME>().0;
        let count = frames.len().min(places.len());
        for (frame, place) in frames.iter().zip(places) {
            *place = self.0.decode(&Parameters::from_bytes(frame).ok_or(refused)?);
        }
        Ok(count * FRAME)
    }
}

#[cfg(test)]
mod tests;
