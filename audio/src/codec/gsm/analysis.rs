//! The encoder (section 5.2).

use super::arithmetic::{divide, mult, mult_r, narrow, norm, signed, size};
use super::pulses::{Excitation, GAINS, scale};
use super::short_term::{AnalysisFilter, Coefficients, LINES};
use super::{FARTHEST, FRAME, NEAREST, Parameters, QUARTER, Quarter};

/// Where the gain of the long-term predictor is divided into four.
const GAIN_LEVELS: [i16; 3] = [6_554, 16_384, 26_214];
/// The impulse response of the filter before the pulses are chosen.
const WEIGHTS: [i32; 11] = [-134, -374, 0, 2_054, 5_741, 8_192, 5_741, 2_054, 0, -374, -134];
/// The inverses of the mantissas of the largest pulse.
const INVERSES: [i16; 8] = [29_128, 26_215, 23_832, 21_846, 20_165, 18_725, 17_476, 16_384];

/// The state of an encoder.
#[derive(Debug, Default)]
pub(super) struct Analysis {
    /// Of the offset compensation, and of the pre-emphasis.
    last: i16,
    offset: i32,
    emphasis: i16,
    coefficients: Coefficients,
    filter: AnalysisFilter,
    excitation: Excitation,
}

impl Analysis {
    pub(super) fn encode(&mut self, frame: &[i16; FRAME]) -> Parameters {
        let mut samples = self.prepare(frame);
        let mut parameters =
            Parameters { ratios: quantise(reflections(correlate(&mut samples))), quarters: Default::default() };
        for (coefficients, part) in self.coefficients.next(&parameters.ratios) {
            self.filter.run(&coefficients, &mut samples[part]);
        }
        for (residual, quarter) in samples.as_chunks::<QUARTER>().0.iter().zip(&mut parameters.quarters) {
            let lag = predict(residual, self.excitation.past(), quarter);
            let gain = GAINS[usize::from(quarter.gain.unsigned_abs() & 3)];
            let predicted = self.excitation.ago(lag).map(|sample| mult_r(gain, sample));
            let mut left = *residual;
            for (sample, predicted) in left.iter_mut().zip(predicted) {
                *sample = sample.saturating_sub(predicted);
            }
            choose_pulses(&left, quarter);
            self.excitation.excite(quarter, &predicted);
        }
        parameters
    }

    /// Takes away the offset, and raises the high frequencies (sections 5.2.1 to 5.2.3).
    fn prepare(&mut self, frame: &[i16; FRAME]) -> [i16; FRAME] {
        frame.map(|sample| {
            let scaled = (sample >> 3) << 2;
            let change = scaled.saturating_sub(std::mem::replace(&mut self.last, scaled));
            let high = narrow(self.offset >> 15);
            let low = narrow(self.offset - (i32::from(high) << 15));
            let change = (i32::from(change) << 15) + i32::from(mult_r(low, 32_735));
            self.offset = (i32::from(high) * 32_735).saturating_add(change);
            let compensated = narrow(self.offset.saturating_add(16_384) >> 15);
            let raised = compensated.saturating_add(mult_r(self.emphasis, -28_180));
            self.emphasis = compensated;
            raised
        })
    }
}

/// The autocorrelation of a frame, scaled so that it fits; the samples lose the bits that the scaling costs (section 5.2.4).
fn correlate(samples: &mut [i16; FRAME]) -> [i32; 9] {
    let largest = samples.iter().copied().map(size).max().unwrap_or(0);
    let shift = if largest == 0 { 0 } else { 4u32.saturating_sub(norm(i32::from(largest) << 16)) };
    if shift > 0 {
        let factor = 16_384 >> (shift - 1);
        samples.iter_mut().for_each(|sample| *sample = mult_r(*sample, factor));
    }
    let mut sums = [0; 9];
    for (lag, sum) in sums.iter_mut().enumerate() {
        let products = samples[lag..].iter().zip(&samples[..]).map(|(a, b)| i32::from(*a) * i32::from(*b));
        *sum = products.sum::<i32>() << 1;
    }
    samples.iter_mut().for_each(|sample| *sample <<= shift);
    sums
}

/// The reflection coefficients, by Schur's recursion (section 5.2.5).
fn reflections(sums: [i32; 9]) -> [i16; 8] {
    let mut coefficients = [0; 8];
    if sums[0] == 0 {
        return coefficients;
    }
    let shift = norm(sums[0]);
    let mut p = sums.map(|sum| narrow((sum << shift) >> 16));
    let mut k = p;
    for n in 0..8 {
        let numerator = size(p[1]);
        if p[0] < numerator {
            return coefficients;
        }
        // The sign is the other one.
        let coefficient = signed(divide(numerator, p[0]), if p[1] > 0 { -1 } else { 1 });
        coefficients[n] = coefficient;
        if n == 7 {
            break;
        }
        p[0] = p[0].saturating_add(mult_r(p[1], coefficient));
        for m in 1..8 - n {
            p[m] = p[m + 1].saturating_add(mult_r(k[m], coefficient));
            k[m] = k[m].saturating_add(mult_r(p[m + 1], coefficient));
        }
    }
    coefficients
}

/// The quantised logarithmic area ratios (sections 5.2.6 and 5.2.7).
fn quantise(coefficients: [i16; 8]) -> [i16; 8] {
    let mut ratios = [0; 8];
    for ((ratio, coefficient), (factor, offset, least, most)) in ratios.iter_mut().zip(coefficients).zip(LINES) {
        let large = size(coefficient);
        let large = match large {
            ..22_118 => large >> 1,
            22_118..31_130 => large - 11_059,
            31_130.. => (large - 26_112) << 2,
        };
        let level = mult(factor, signed(large, coefficient)).saturating_add(offset).saturating_add(256) >> 9;
        *ratio = level.clamp(least, most) - least;
    }
    ratios
}

/// The distance and the gain of the long-term predictor (section 5.2.11).
fn predict(residual: &[i16; QUARTER], past: &[i16; FARTHEST], quarter: &mut Quarter) -> usize {
    let largest = residual.iter().copied().map(size).max().unwrap_or(0);
    let shift = if largest == 0 { 0 } else { 6u32.saturating_sub(norm(i32::from(largest) << 16)) };
    let (mut best, mut lag) = (0, NEAREST);
    for candidate in NEAREST..=FARTHEST {
        let ago = &past[FARTHEST - candidate..];
        let sum = residual.iter().zip(ago).map(|(a, b)| i32::from(a >> shift) * i32::from(*b)).sum::<i32>();
        if sum > best {
            (best, lag) = (sum, candidate);
        }
    }
    quarter.lag = i16::try_from(lag).unwrap_or(0);
    let best = (best << 1) >> (6 - shift);
    let ago = past[FARTHEST - lag..].iter().take(QUARTER);
    let power = ago.map(|sample| i32::from(sample >> 3).pow(2)).sum::<i32>() << 1;
    quarter.gain = if best <= 0 {
        0
    } else if best >= power {
        3
    } else {
        let shift = norm(power);
        let (part, whole) = (narrow((best << shift) >> 16), narrow((power << shift) >> 16));
        let above = GAIN_LEVELS.iter().take_while(|level| part > mult(whole, **level)).count();
        i16::try_from(above).unwrap_or(0)
    };
    lag
}

/// The grid with the most power, and its pulses (sections 5.2.13 to 5.2.15).
fn choose_pulses(left: &[i16; QUARTER], quarter: &mut Quarter) {
    let mut weighted = [0; QUARTER];
    for (at, place) in weighted.iter_mut().enumerate() {
        let terms = WEIGHTS.iter().enumerate().map(|(tap, weight)| {
            let sample = (at + tap).checked_sub(5).and_then(|index| left.get(index));
            sample.map_or(0, |sample| i32::from(*sample) * weight)
        });
        *place = narrow((terms.sum::<i32>() + 4_096) >> 13);
    }
    let power = |grid: usize| -> i32 {
        weighted.iter().skip(grid).step_by(3).take(13).map(|sample| i32::from(sample >> 2).pow(2)).sum()
    };
    let mut grid = 0;
    for candidate in 1..4 {
        if power(candidate) > power(grid) {
            grid = candidate;
        }
    }
    quarter.grid = i16::try_from(grid).unwrap_or(0);
    let chosen = weighted.iter().skip(grid).step_by(3).take(13);
    let largest = chosen.clone().copied().map(size).max().unwrap_or(0);
    // The exponent is that of the size in units of 512.
    let exponent = (i16::BITS - (largest >> 9).leading_zeros()).min(6);
    let exponent = i16::try_from(exponent).unwrap_or(0);
    quarter.largest = (largest >> (exponent + 5)).saturating_add(exponent << 3);
    let (exponent, mantissa) = scale(quarter.largest);
    for (pulse, sample) in quarter.pulses.iter_mut().zip(chosen) {
        *pulse = (mult(sample << (6 - exponent), INVERSES[mantissa]) >> 12) + 4;
    }
}
