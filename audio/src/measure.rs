//! What is in a recording: levels, and how far a tone stands out from everything else.
//!
//! Levels are in decibels relative to a full-scale sine, which is 0 dB; silence is minus infinity.

use std::f64::consts::TAU;

/// Length of the stretches that a tone is fitted to one by one, in milliseconds: a gap or a jump of phase spoils one of them only.
const STRETCH: u32 = 50;

/// The mean square of a full-scale sine.
const FULL_SCALE: f64 = 32_768.0 * 32_768.0 / 2.0;

/// How a tone stands in a recording.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// Level of the tone in dB, relative to a full-scale sine.
    pub level: f64,
    /// The tone's power over that of everything else, in dB: infinite for a tone that is nothing but itself, minus infinity for no tone at all.
    pub ratio: f64,
}

/// Fits a sine of `frequency` Hz and any phase to the samples by least squares, and tells it from the rest. A constant offset belongs to neither.
///
/// The recording is cut into stretches of 50 ms; an incomplete last one is left out, unless it is the only one.
#[must_use]
pub fn tone(samples: &[i16], rate: u32, frequency: f64) -> Reading {
    let stretch = usize::try_from(rate * STRETCH / 1000).unwrap_or(usize::MAX).clamp(1, samples.len().max(1));
    let (mut signal, mut rest, mut count) = (0.0, 0.0, 0.0);
    for samples in samples.chunks_exact(stretch) {
        let (tone_power, other_power) = fit(samples, TAU * frequency / f64::from(rate));
        signal += tone_power;
        rest += other_power;
        count += 1.0;
    }
    Reading { level: decibels(signal / f64::max(count, 1.0) / FULL_SCALE), ratio: decibels(signal / rest) }
}

/// Level of the whole, in dB relative to a full-scale sine.
#[must_use]
pub fn level(samples: &[i16]) -> f64 {
    let sum: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    decibels(sum / f64::max(length(samples), 1.0) / FULL_SCALE)
}

/// The recording without what is quieter than `floor` dB at its beginning and at its end, to 10 ms; empty when all of it is.
#[must_use]
pub fn trim(samples: &[i16], rate: u32, floor: f64) -> &[i16] {
    let step = usize::try_from(rate / 100).unwrap_or(usize::MAX).max(1);
    let mut loud = samples.chunks(step).enumerate().filter(|(_, part)| level(part) >= floor).map(|(number, _)| number);
    let Some(first) = loud.next() else { return &[] };
    let last = loud.next_back().unwrap_or(first);
    &samples[first * step..((last + 1) * step).min(samples.len())]
}

/// The DTMF digit that the samples hold (ITU-T Q.23): the strongest tone of each group, when the two of them are at least as strong as everything else.
#[must_use]
pub fn dtmf(samples: &[i16], rate: u32) -> Option<char> {
    let strongest = |group: [u32; 4]| {
        let tones = group.map(|frequency| fit(samples, TAU * f64::from(frequency) / f64::from(rate)).0);
        tones.into_iter().enumerate().max_by(|a, b| a.1.total_cmp(&b.1))
    };
    let (row, low) = strongest(crate::tone::DTMF_LOW)?;
    let (column, high) = strongest(crate::tone::DTMF_HIGH)?;
    let total = 10_f64.powf(level(samples) / 10.0) * FULL_SCALE;
    let found = low + high > total / 2.0 && low.min(high) > total / 8.0;
    found.then(|| crate::tone::DTMF_KEYS[row][column])
}

/// The mean square of the best sine of `step` radians per sample, and that of the rest.
fn fit(samples: &[i16], step: f64) -> (f64, f64) {
    // Normal equations of x = a·cos + b·sin + c. A turn by one step after the other gives all sines that are needed.
    let (turn_cos, turn_sin) = (step.cos(), step.sin());
    let (mut cos, mut sin) = (1.0, 0.0);
    let mut matrix = [[0.0; 4]; 3];
    let mut energy = 0.0;
    for sample in samples {
        let x = f64::from(*sample);
        for (row, a) in matrix.iter_mut().zip([cos, sin, 1.0]) {
            for (cell, b) in row.iter_mut().zip([cos, sin, 1.0, x]) {
                *cell += a * b;
            }
        }
        energy += x * x;
        (cos, sin) = (cos * turn_cos - sin * turn_sin, sin * turn_cos + cos * turn_sin);
    }
    let [cosines, sines, ones] = matrix;
    let len = f64::max(length(samples), 1.0);
    let Some([a, b, c]) = solve(matrix) else { return (0.0, energy / len) };
    let tone = a * a * cosines[0] + 2.0 * a * b * cosines[1] + b * b * sines[1];
    let rest = energy - a * cosines[3] - b * sines[3] - c * ones[3];
    (tone / len, rest.max(0.0) / len)
}

/// Gauss's elimination; `None` when the equations do not say enough, as of less than three samples.
fn solve(mut matrix: [[f64; 4]; 3]) -> Option<[f64; 3]> {
    for column in 0..3 {
        let pivot = (column..3).max_by(|a, b| matrix[*a][column].abs().total_cmp(&matrix[*b][column].abs()))?;
        matrix.swap(column, pivot);
        let lead = matrix[column];
        if lead[column].abs() < 1e-9 {
            return None;
        }
        for (number, row) in matrix.iter_mut().enumerate() {
            if number != column {
                let factor = row[column] / lead[column];
                for (cell, value) in row.iter_mut().zip(lead) {
                    *cell -= factor * value;
                }
            }
        }
    }
    Some([matrix[0][3] / matrix[0][0], matrix[1][3] / matrix[1][1], matrix[2][3] / matrix[2][2]])
}

fn decibels(power: f64) -> f64 {
    if power > 0.0 { 10.0 * power.log10() } else { f64::NEG_INFINITY }
}

/// Exact: recordings are shorter than 2^53 samples.
fn length(samples: &[i16]) -> f64 {
    samples.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone::{dtmf_frequencies, sine};

    fn mix(a: &[i16], b: &[i16]) -> Vec<i16> {
        a.iter().zip(b).map(|(a, b)| a + b).collect()
    }

    #[test]
    fn a_pure_tone_is_nothing_but_itself() {
        for (frequency, db) in [(300.0, -3.0), (440.0, -20.0), (1_000.0, -12.0), (3_333.0, -30.0)] {
            let tone = tone(&sine(frequency, db, 8_000, 8_000), 8_000, frequency);
            assert!((tone.level - db).abs() < 0.01, "{tone:?}");
            assert!(tone.ratio > 60.0, "{tone:?}");
        }
    }

    #[test]
    fn another_tone_counts_as_noise() {
        let both = mix(&sine(440.0, -12.0, 8_000, 8_000), &sine(1_000.0, -32.0, 8_000, 8_000));
        let strong = tone(&both, 8_000, 440.0);
        assert!((strong.level + 12.0).abs() < 0.05 && (strong.ratio - 20.0).abs() < 0.3, "{strong:?}");
        let weak = tone(&both, 8_000, 1_000.0);
        assert!((weak.level + 32.0).abs() < 0.5 && (weak.ratio + 20.0).abs() < 0.5, "{weak:?}");
        let absent = tone(&both, 8_000, 2_500.0);
        assert!(absent.ratio < -30.0, "{absent:?}");
    }

    #[test]
    fn an_offset_is_not_noise() {
        let offset: Vec<i16> = sine(440.0, -12.0, 8_000, 8_000).iter().map(|sample| sample + 5_000).collect();
        assert!(tone(&offset, 8_000, 440.0).ratio > 55.0);
    }

    #[test]
    fn silence_and_nothing_have_no_tone() {
        for samples in [&[0; 8_000][..], &[], &[1], &[1, 2]] {
            let tone = tone(samples, 8_000, 440.0);
            assert!(tone.level == f64::NEG_INFINITY && tone.ratio == f64::NEG_INFINITY, "{tone:?}");
        }
        assert_eq!(level(&[]), f64::NEG_INFINITY);
    }

    #[test]
    fn a_short_recording_is_one_stretch() {
        let tone = tone(&sine(1_000.0, -6.0, 8_000, 100), 8_000, 1_000.0);
        assert!((tone.level + 6.0).abs() < 0.01, "{tone:?}");
    }

    #[test]
    fn level_is_that_of_a_sine() {
        assert!((level(&sine(1_000.0, -10.0, 8_000, 8_000)) + 10.0).abs() < 0.01);
        // A full-scale square has twice the power of a full-scale sine.
        assert!((level(&[32_767; 100]) - 3.01).abs() < 0.01);
    }

    #[test]
    fn trim_keeps_gaps_and_drops_edges() {
        let tone = sine(500.0, -10.0, 8_000, 800);
        let recording = [&[0; 480][..], &tone, &[0; 800], &tone, &[1; 333]].concat();
        assert_eq!(trim(&recording, 8_000, -60.0).len(), 2_400);
        assert!(trim(&[0; 1_000], 8_000, -60.0).is_empty());
        assert_eq!(trim(&tone, 8_000, -60.0), tone);
    }

    #[test]
    fn every_digit_is_told_and_speech_like_noise_is_not() {
        for key in "0123456789*#ABCD".chars() {
            let (low, high) = dtmf_frequencies(key).unwrap();
            let both = mix(&sine(f64::from(low), -12.0, 8_000, 800), &sine(f64::from(high), -10.0, 8_000, 800));
            assert_eq!(dtmf(&both, 8_000), Some(key));
        }
        assert_eq!(dtmf(&sine(697.0, -10.0, 8_000, 800), 8_000), None);
        assert_eq!(dtmf(&[0; 800], 8_000), None);
        assert_eq!(dtmf(&mix(&sine(450.0, -10.0, 8_000, 800), &sine(2_000.0, -10.0, 8_000, 800)), 8_000), None);
    }
}
