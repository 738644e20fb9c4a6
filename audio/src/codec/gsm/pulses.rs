//! The long-term predictor's gains, and the pulses with their size: what the encoder decodes again, and the decoder too (sections 5.2.15 to 5.2.18).

use super::arithmetic::mult_r;
use super::{FARTHEST, QUARTER, Quarter};

/// What the four gains stand for.
pub(super) const GAINS: [i16; 4] = [3_277, 11_469, 21_299, 32_767];
/// The mantissas of the largest pulse.
const MANTISSAS: [i16; 8] = [18_431, 20_479, 22_527, 24_575, 26_623, 28_671, 30_719, 32_767];

/// What was excited of late, oldest first.
#[derive(Debug)]
pub(super) struct Excitation([i16; FARTHEST]);

impl Default for Excitation {
    fn default() -> Self {
        Self([0; FARTHEST])
    }
}

impl Excitation {
    /// The past as far as it is looked at.
    pub(super) const fn past(&self) -> &[i16; FARTHEST] {
        &self.0
    }

    /// What was excited so many samples ago, for a quarter.
    pub(super) fn ago(&self, lag: usize) -> [i16; QUARTER] {
        let mut samples = [0; QUARTER];
        samples.copy_from_slice(&self.0[FARTHEST - lag..FARTHEST - lag + QUARTER]);
        samples
    }

    /// Adds the pulses to what was predicted; gives the quarter, which is the past from now on.
    pub(super) fn excite(&mut self, quarter: &Quarter, predicted: &[i16; QUARTER]) -> [i16; QUARTER] {
        let pulses = decode(quarter);
        let mut excited = [0; QUARTER];
        for ((sample, pulse), predicted) in excited.iter_mut().zip(pulses).zip(predicted) {
            *sample = pulse.saturating_add(*predicted);
        }
        self.0.copy_within(QUARTER.., 0);
        self.0[FARTHEST - QUARTER..].copy_from_slice(&excited);
        excited
    }
}

/// Exponent and mantissa of the size of the largest pulse.
pub(super) fn scale(largest: i16) -> (i16, usize) {
    let mut exponent = if largest > 15 { (largest >> 3) - 1 } else { 0 };
    let mut mantissa = largest - (exponent << 3);
    if mantissa == 0 {
        return (-4, 7);
    }
    while mantissa <= 7 {
        mantissa = mantissa << 1 | 1;
        exponent -= 1;
    }
    (exponent, usize::try_from(mantissa - 8).unwrap_or(0))
}

/// The pulses on their grid.
fn decode(quarter: &Quarter) -> [i16; QUARTER] {
    let (exponent, mantissa) = scale(quarter.largest);
    let shift = 6 - exponent;
    let rounding = if shift > 0 { 1 << (shift - 1) } else { 0 };
    let mut pulses = [0; QUARTER];
    let grid = usize::try_from(quarter.grid).unwrap_or(0);
    for (place, pulse) in pulses.iter_mut().skip(grid).step_by(3).zip(quarter.pulses) {
        let value = mult_r(MANTISSAS[mantissa], ((pulse << 1) - 7) << 12);
        *place = value.saturating_add(rounding) >> shift;
    }
    pulses
}
