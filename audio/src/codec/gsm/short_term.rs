//! The short-term filters (sections 5.2.8 to 5.2.10 and 5.3.4): eight reflection coefficients that glide from frame to frame.

use super::FRAME;
use super::arithmetic::{mult_r, signed, size};

/// The straight line of each ratio's quantiser: factor, offset, least and most.
pub(super) const LINES: [(i16, i16, i16, i16); 8] = [
    (20_480, 0, -32, 31),
    (20_480, 0, -32, 31),
    (20_480, 2_048, -16, 15),
    (20_480, -2_560, -16, 15),
    (13_964, 94, -8, 7),
    (15_360, -1_792, -8, 7),
    (8_534, -341, -4, 3),
    (9_036, -1_144, -4, 3),
];
/// The inverse of each factor.
const INVERSES: [i16; 8] = [13_107, 13_107, 13_107, 13_107, 19_223, 17_476, 31_454, 29_708];

/// Where each part of a frame ends over which the coefficients stay as they are.
const PARTS: [usize; 4] = [13, 27, 40, FRAME];

/// The coefficients of a frame, and those of the one before.
#[derive(Debug, Default)]
pub(super) struct Coefficients {
    before: [i16; 8],
}

impl Coefficients {
    /// The coefficients of the four parts of a frame with these quantised ratios, and where the parts lie.
    pub(super) fn next(&mut self, quantised: &[i16; 8]) -> [([i16; 8], std::ops::Range<usize>); 4] {
        let mut ratios = [0; 8];
        for (index, ratio) in ratios.iter_mut().enumerate() {
            let (_, offset, least, _) = LINES[index];
            let level = (quantised[index] + least) << 10;
            let half = mult_r(INVERSES[index], level.saturating_sub(offset << 1));
            *ratio = half.saturating_add(half);
        }
        let before = std::mem::replace(&mut self.before, ratios);
        let mut start = 0;
        let mut part = 0;
        PARTS.map(|end| {
            let mut coefficients = [0; 8];
            for (index, coefficient) in coefficients.iter_mut().enumerate() {
                let (old, new) = (before[index], ratios[index]);
                let ratio = match part {
                    0 => (old >> 2).saturating_add(new >> 2).saturating_add(old >> 1),
                    1 => (old >> 1).saturating_add(new >> 1),
                    2 => (old >> 2).saturating_add(new >> 2).saturating_add(new >> 1),
                    _ => new,
                };
                *coefficient = reflection(ratio);
            }
            part += 1;
            (coefficients, std::mem::replace(&mut start, end)..end)
        })
    }
}

/// The reflection coefficient of a logarithmic area ratio.
fn reflection(ratio: i16) -> i16 {
    let large = size(ratio);
    let large = match large {
        ..11_059 => large << 1,
        11_059..20_070 => large + 11_059,
        20_070.. => (large >> 2).saturating_add(26_112),
    };
    signed(large, ratio)
}

/// The filter that takes away what the coefficients predict.
#[derive(Debug, Default)]
pub(super) struct AnalysisFilter([i16; 8]);

impl AnalysisFilter {
    pub(super) fn run(&mut self, coefficients: &[i16; 8], samples: &mut [i16]) {
        for sample in samples {
            let (mut forward, mut backward) = (*sample, *sample);
            for (state, coefficient) in self.0.iter_mut().zip(coefficients) {
                let next = state.saturating_add(mult_r(*coefficient, forward));
                forward = forward.saturating_add(mult_r(*coefficient, *state));
                *state = std::mem::replace(&mut backward, next);
            }
            *sample = forward;
        }
    }
}

/// The filter that puts it back.
#[derive(Debug, Default)]
pub(super) struct SynthesisFilter([i16; 9]);

impl SynthesisFilter {
    pub(super) fn run(&mut self, coefficients: &[i16; 8], samples: &mut [i16]) {
        for sample in samples {
            let mut value = *sample;
            for (index, coefficient) in coefficients.iter().enumerate().rev() {
                value = value.saturating_sub(mult_r(*coefficient, self.0[index]));
                self.0[index + 1] = self.0[index].saturating_add(mult_r(*coefficient, value));
            }
            self.0[0] = value;
            *sample = value;
        }
    }
}
