//! G.711: PCMU and PCMA (ITU-T G.711; RFC 3551 sections 4.5.14, 6).
//!
//! Both laws cut the magnitude of a sample into segments, each twice as coarse as the one below, and number sixteen steps
//! in each. The µ-law works on 14 bits, the A-law on 13; samples here are those values shifted to 16.

use sipsimple_core::media::Format;

use super::{Codec, DecodeError, Decoder, Encoder};

/// µ-law (payload type 0).
#[derive(Clone, Copy, Debug, Default)]
pub struct Pcmu;

/// A-law (payload type 8).
#[derive(Clone, Copy, Debug, Default)]
pub struct Pcma;

impl Codec for Pcmu {
    fn encoding(&self) -> &'static str {
        "PCMU"
    }

    fn payload_type(&self) -> Option<u8> {
        Some(0)
    }

    fn clock_rate(&self) -> u32 {
        8_000
    }

    fn sample_rate(&self) -> u32 {
        8_000
    }

    fn frame_millis(&self) -> u32 {
        1
    }

    fn encoder(&self, _format: &Format) -> Box<dyn Encoder> {
        Box::new(*self)
    }

    fn decoder(&self, _format: &Format) -> Box<dyn Decoder> {
        Box::new(*self)
    }
}

impl Encoder for Pcmu {
    fn encode(&mut self, samples: &[i16], payload: &mut [u8]) -> usize {
        each(samples, payload, ulaw_encode)
    }
}

impl Decoder for Pcmu {
    fn decode(&mut self, payload: &[u8], samples: &mut [i16]) -> Result<usize, DecodeError> {
        Ok(each(payload, samples, ulaw_decode))
    }
}

impl Codec for Pcma {
    fn encoding(&self) -> &'static str {
        "PCMA"
    }

    fn payload_type(&self) -> Option<u8> {
        Some(8)
    }

    fn clock_rate(&self) -> u32 {
        8_000
    }

    fn sample_rate(&self) -> u32 {
        8_000
    }

    fn frame_millis(&self) -> u32 {
        1
    }

    fn encoder(&self, _format: &Format) -> Box<dyn Encoder> {
        Box::new(*self)
    }

    fn decoder(&self, _format: &Format) -> Box<dyn Decoder> {
        Box::new(*self)
    }
}

impl Encoder for Pcma {
    fn encode(&mut self, samples: &[i16], payload: &mut [u8]) -> usize {
        each(samples, payload, alaw_encode)
    }
}

impl Decoder for Pcma {
    fn decode(&mut self, payload: &[u8], samples: &mut [i16]) -> Result<usize, DecodeError> {
        Ok(each(payload, samples, alaw_decode))
    }
}

/// Converts as many as both sides hold and tells how many that were.
fn each<A: Copy, B>(from: &[A], to: &mut [B], convert: impl Fn(A) -> B) -> usize {
    for (value, place) in from.iter().zip(to.iter_mut()) {
        *place = convert(*value);
    }
    from.len().min(to.len())
}

/// What the µ-law adds to a magnitude of 14 bits, so that every segment starts at a power of two.
const ULAW_BIAS: u16 = 33;
/// The largest biased magnitude.
const ULAW_CLIP: u16 = 0x1fff;

/// The µ-law code of a sample.
#[must_use]
pub(crate) fn ulaw_encode(sample: i16) -> u8 {
    let biased = ((magnitude(sample) >> 2) + ULAW_BIAS).min(ULAW_CLIP);
    // Segment 0 has its leading one in bit 5, segment 7 in bit 12.
    let segment = biased.ilog2() - 5;
    let step = (biased >> (segment + 1)) & 0xf;
    let code = !low_byte((segment as u16) << 4 | step);
    if sample < 0 { code & 0x7f } else { code }
}

/// The sample that a µ-law code stands for.
#[must_use]
pub(crate) fn ulaw_decode(code: u8) -> i16 {
    ULAW[usize::from(code)]
}

/// The A-law code of a sample.
#[must_use]
pub(crate) fn alaw_encode(sample: i16) -> u8 {
    let magnitude = magnitude(sample) >> 4;
    // Segments 0 and 1 have the same step; the leading one of segment 1 is bit 4, that of segment 7 is bit 10.
    let segment = magnitude.checked_ilog2().map_or(0, |bit| bit.saturating_sub(3));
    let step = (magnitude >> segment.saturating_sub(1)) & 0xf;
    let code = low_byte((segment as u16) << 4 | step);
    let sign = if sample < 0 { 0 } else { 0x80 };
    (code | sign) ^ 0x55
}

/// The sample that an A-law code stands for.
#[must_use]
pub(crate) fn alaw_decode(code: u8) -> i16 {
    ALAW[usize::from(code)]
}

/// The magnitude of a sample in ones' complement, as the recommendation's own software takes it: −1 is as far from the axis as 0.
const fn magnitude(sample: i16) -> u16 {
    (if sample < 0 { !sample } else { sample }).cast_unsigned()
}

const fn low_byte(value: u16) -> u8 {
    value.to_le_bytes()[0]
}

static ULAW: [i16; 256] = {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        let bits = !code & 0x7f;
        let (segment, step) = (bits >> 4, (bits & 0xf) as i16);
        // The middle of the step, in 14 bits and then in 16.
        let value = ((step * 2 + 33) << segment) - 33;
        table[code] = if code < 0x80 { -value * 4 } else { value * 4 };
        code += 1;
    }
    table
};

static ALAW: [i16; 256] = {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        let bits = (code ^ 0x55) & 0x7f;
        let (segment, step) = (bits >> 4, (bits & 0xf) as i16);
        // The middle of the step, in 13 bits and then in 16.
        let value = if segment == 0 { step * 2 + 1 } else { (step * 2 + 33) << (segment - 1) };
        table[code] = if (code ^ 0x55) < 0x80 { -value * 8 } else { value * 8 };
        code += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The decision values of the µ-law in 14 bits (G.711 table 2a, column 6): one step of 1 and 15 of 2, then 16 of each power of two.
    fn ulaw_decisions() -> Vec<i32> {
        let mut values = vec![0, 1];
        values.extend((1..16).map(|n| 1 + 2 * n));
        for segment in 1..8 {
            let start = *values.last().unwrap();
            values.extend((1..=16).map(|n| start + n * (2 << segment)));
        }
        values
    }

    /// The decision values of the A-law in 13 bits (G.711 table 1a, column 6): 32 steps of 2, then 16 of each power of two.
    fn alaw_decisions() -> Vec<i32> {
        let mut values: Vec<i32> = (0..=32).map(|n| 2 * n).collect();
        for segment in 2..8 {
            let start = *values.last().unwrap();
            values.extend((1..=16).map(|n| start + n * (1 << segment)));
        }
        values
    }

    /// The number of the step that holds a magnitude, as the tables count them.
    fn step_of(decisions: &[i32], magnitude: i32) -> usize {
        decisions.partition_point(|value| *value <= magnitude).min(128) - 1
    }

    #[test]
    fn the_tables_of_the_recommendation_end_where_it_says() {
        let (ulaw, alaw) = (ulaw_decisions(), alaw_decisions());
        assert_eq!((ulaw.len(), alaw.len()), (129, 129));
        assert_eq!((ulaw[16], ulaw[112], ulaw[128]), (31, 4063, 8159));
        assert_eq!((alaw[32], alaw[112], alaw[128]), (64, 2048, 4096));
    }

    #[test]
    fn every_ulaw_code_decodes_to_the_middle_of_its_step() {
        let decisions = ulaw_decisions();
        for step in 0..128_u8 {
            let at = usize::from(step);
            let middle = if step == 0 { 0 } else { (decisions[at] + decisions[at + 1]) / 2 };
            assert_eq!(i32::from(ulaw_decode(0xff - step)), middle * 4, "code {:#04x}", 0xff - step);
            assert_eq!(i32::from(ulaw_decode(0x7f - step)), -middle * 4, "code {:#04x}", 0x7f - step);
        }
    }

    #[test]
    fn every_alaw_code_decodes_to_the_middle_of_its_step() {
        let decisions = alaw_decisions();
        for step in 0..128_u8 {
            let at = usize::from(step);
            let middle = (decisions[at] + decisions[at + 1]) / 2;
            assert_eq!(i32::from(alaw_decode((0x80 | step) ^ 0x55)), middle * 8, "step {step}");
            assert_eq!(i32::from(alaw_decode(step ^ 0x55)), -middle * 8, "step -{step}");
        }
    }

    #[test]
    fn every_sample_encodes_to_the_step_that_holds_it() {
        let (ulaw, alaw) = (ulaw_decisions(), alaw_decisions());
        for sample in i16::MIN..=i16::MAX {
            let magnitude = i32::from(if sample < 0 { -1 - sample } else { sample });
            let sign = if sample < 0 { 0 } else { 0x80 };
            let step = u8::try_from(step_of(&ulaw, magnitude / 4)).unwrap();
            assert_eq!(ulaw_encode(sample), (0x7f - step) | sign, "µ-law of {sample}");
            let step = u8::try_from(step_of(&alaw, magnitude / 8)).unwrap();
            assert_eq!(alaw_encode(sample), (step | sign) ^ 0x55, "A-law of {sample}");
        }
    }

    #[test]
    fn every_code_survives_another_round() {
        for code in 0..=255 {
            assert_eq!(ulaw_decode(ulaw_encode(ulaw_decode(code))), ulaw_decode(code));
            assert_eq!(alaw_decode(alaw_encode(alaw_decode(code))), alaw_decode(code));
            assert_eq!(alaw_encode(alaw_decode(code)), code);
            // µ-law has two zeros; the negative one comes back as the positive one.
            let expected = if code == 0x7f { 0xff } else { code };
            assert_eq!(ulaw_encode(ulaw_decode(code)), expected);
        }
    }

    #[test]
    fn well_known_codes() {
        assert_eq!((ulaw_encode(0), ulaw_encode(i16::MAX), ulaw_encode(i16::MIN)), (0xff, 0x80, 0x00));
        assert_eq!((alaw_encode(0), alaw_encode(i16::MAX), alaw_encode(i16::MIN)), (0xd5, 0xaa, 0x2a));
        assert_eq!((ulaw_decode(0x80), ulaw_decode(0x00)), (32_124, -32_124));
        assert_eq!((alaw_decode(0xaa), alaw_decode(0x2a)), (32_256, -32_256));
    }

    proptest! {
        #[test]
        fn any_payload_decodes_and_never_overruns(payload: Vec<u8>, room in 0_usize..400) {
            let mut samples = vec![1; room];
            prop_assert_eq!(Pcmu.decode(&payload, &mut samples), Ok(payload.len().min(room)));
            prop_assert_eq!(Pcma.decode(&payload, &mut samples), Ok(payload.len().min(room)));
            let mut bytes = vec![0; room];
            prop_assert_eq!(Pcmu.encode(&[1; 160], &mut bytes), room.min(160));
        }
    }
}
