//! A frame as RTP carries it (RFC 3551 section 4.5.8.1): a signature of four bits, then the parameters, most significant bit first.

use super::{FARTHEST, NEAREST, Parameters};

/// Bytes of a frame.
pub(super) const FRAME_BYTES: usize = 33;
/// The four bits that each frame begins with.
const SIGNATURE: i16 = 0xd;
/// Bits of the eight ratios.
const RATIO_BITS: [u32; 8] = [6, 6, 5, 5, 4, 4, 3, 3];

impl Parameters {
    /// The frame, packed.
    pub(super) fn to_bytes(&self) -> [u8; FRAME_BYTES] {
        let mut bytes = [0; FRAME_BYTES];
        let (mut held, mut bits, mut at) = (0u32, 0, 0);
        let mut put = |value: i16, width: u32| {
            held = held << width | u32::from(value.unsigned_abs()) & ((1 << width) - 1);
            bits += width;
            while bits >= 8 {
                bits -= 8;
                bytes[at] = u8::try_from(held >> bits & 0xff).unwrap_or(0);
                at += 1;
            }
        };
        put(SIGNATURE, 4);
        for (ratio, width) in self.ratios.iter().zip(RATIO_BITS) {
            put(*ratio, width);
        }
        for quarter in &self.quarters {
            put(quarter.lag, 7);
            put(quarter.gain, 2);
            put(quarter.grid, 2);
            put(quarter.largest, 6);
            for pulse in quarter.pulses {
                put(pulse, 3);
            }
        }
        bytes
    }

    /// Reads a frame; `None` when it has not the signature.
    pub(super) fn from_bytes(bytes: &[u8; FRAME_BYTES]) -> Option<Self> {
        let (mut held, mut bits, mut rest) = (0u32, 0, bytes.iter());
        let mut take = |width: u32| {
            while bits < width {
                held = held << 8 | rest.next().copied().map_or(0, u32::from);
                bits += 8;
            }
            bits -= width;
            i16::try_from(held >> bits & ((1 << width) - 1)).unwrap_or(0)
        };
        if take(4) != SIGNATURE {
            return None;
        }
        let mut read = Self::default();
        for (ratio, width) in read.ratios.iter_mut().zip(RATIO_BITS) {
            *ratio = take(width);
        }
        for quarter in &mut read.quarters {
            quarter.lag = take(7);
            quarter.gain = take(2);
            quarter.grid = take(2);
            quarter.largest = take(6);
            for pulse in &mut quarter.pulses {
                *pulse = take(3);
            }
        }
        Some(read)
    }
}

/// A distance that the long-term predictor can have; others are an error of the line, and the one before is taken (section 5.3.2).
pub(super) fn lag(read: i16) -> Option<usize> {
    usize::try_from(read).ok().filter(|lag| (NEAREST..=FARTHEST).contains(lag))
}
