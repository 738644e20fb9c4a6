//! A change of sample rate by a ratio of whole numbers.
//!
//! A polyphase filter: the input is thought to be filled with zeros to a common multiple of both rates, low-passed below half
//! of the lower one, and thinned out. The low-pass is a sine cardinal under a Kaiser window; only the products that are
//! not zero are ever computed. Everything is allocated by [`Resampler::new`].

use std::f64::consts::PI;

/// Zero crossings of the low-pass at the lower of the two rates: the filter looks at this many samples of it.
const CROSSINGS: u32 = 64;
/// Where the low-pass is half down, as a part of half the lower rate. The stop band starts just below it.
const CUTOFF: f64 = 0.925;
/// The Kaiser window's shape: 80 dB down in the stop band.
const BETA: f64 = 7.857;
/// Coefficients that one resampler may hold; the usual rates need a fraction of it.
const MAX_COEFFICIENTS: u64 = 1 << 20;
/// Input samples that are worked on at once.
const BLOCK: usize = 960;
/// Products that are summed side by side.
const LANES: usize = 16;

/// Two rates that no [`Resampler`] joins: one is 0, or their ratio is too odd to be worth a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot resample from {from} Hz to {to} Hz")]
pub struct UnsupportedRatio {
    /// Rate of the input in Hz.
    pub from: u32,
    /// Rate of the output in Hz.
    pub to: u32,
}

/// Changes the sample rate of a stream of samples.
#[derive(Debug)]
pub struct Resampler {
    /// Output samples in each period of the ratio.
    up: usize,
    /// Input samples in each period of the ratio.
    down: usize,
    /// Coefficients of one phase.
    taps: usize,
    /// The phases one after the other, each turned round so that it meets the samples in their order.
    phases: Vec<f32>,
    /// The last `taps - 1` samples of the past, and then the block that is worked on.
    window: Vec<f32>,
    /// Position of the next output: so many input samples after the newest one of the past, and so many parts of `up` more.
    ahead: usize,
    phase: usize,
}

impl Resampler {
    /// A resampler from one rate to another, in Hz.
    ///
    /// # Errors
    ///
    /// [`UnsupportedRatio`] when a rate is 0, or when the rates have so little in common that the filter would not fit into 4 MiB.
    pub fn new(from: u32, to: u32) -> Result<Self, UnsupportedRatio> {
        let unsupported = UnsupportedRatio { from, to };
        let common = greatest_common_divisor(from, to);
        if from == 0 || to == 0 {
            return Err(unsupported);
        }
        let (up, down) = (to / common, from / common);
        // Going down, the low-pass is as much longer as the output is slower.
        let crossings = u64::from(CROSSINGS) * u64::from(from.max(to)) / u64::from(to);
        let taps = if up == down { 0 } else { crossings.next_multiple_of(LANES as u64) };
        if taps * u64::from(up) > MAX_COEFFICIENTS {
            return Err(unsupported);
        }
        let (up, down, taps) = (as_usize(up), as_usize(down), usize::try_from(taps).map_err(|_| unsupported)?);
        let bandwidth = f64::from(to.min(from)) / f64::from(from) * CUTOFF;
        Ok(Self {
            up,
            down,
            taps,
            phases: phases(up, taps, bandwidth),
            window: vec![0.0; taps.saturating_sub(1) + BLOCK],
            ahead: 0,
            phase: 0,
        })
    }

    /// How many samples of output come before the first sample of input is heard.
    #[must_use]
    pub const fn delay(&self) -> usize {
        self.taps * self.up / (2 * self.down)
    }

    /// Room that the output of `input` samples takes at the most.
    #[must_use]
    pub const fn output_len(&self, input: usize) -> usize {
        if self.taps == 0 { input } else { (input * self.up).div_ceil(self.down) }
    }

    /// Samples of input that give at least `output` samples.
    #[must_use]
    pub const fn input_len(&self, output: usize) -> usize {
        if self.taps == 0 { output } else { (output * self.down).div_ceil(self.up) }
    }

    /// Takes samples in and tells how many it gave out at the start of `output`. What does not fit there is lost;
    /// [`Resampler::output_len`] tells what does. A whole frame of a tick in gives a whole frame of a tick out.
    pub fn process(&mut self, input: &[i16], output: &mut [i16]) -> usize {
        if self.taps == 0 {
            let len = input.len().min(output.len());
            output[..len].copy_from_slice(&input[..len]);
            return len;
        }
        let past = self.taps - 1;
        let (whole, part) = (self.down / self.up, self.down % self.up);
        let mut written = 0;
        for block in input.chunks(BLOCK) {
            for (place, sample) in self.window[past..].iter_mut().zip(block) {
                *place = f32::from(*sample);
            }
            while self.ahead < block.len() {
                let coefficients = &self.phases[self.phase * self.taps..][..self.taps];
                if let Some(place) = output.get_mut(written) {
                    *place = round(dot(coefficients, &self.window[self.ahead..self.ahead + self.taps]));
                    written += 1;
                }
                self.ahead += whole;
                self.phase += part;
                if self.phase >= self.up {
                    self.phase -= self.up;
                    self.ahead += 1;
                }
            }
            self.ahead -= block.len();
            self.window.copy_within(block.len()..block.len() + past, 0);
        }
        written
    }

    /// Forgets the past.
    pub fn reset(&mut self) {
        self.window.fill(0.0);
        (self.ahead, self.phase) = (0, 0);
    }
}

/// The whole of a recording at another rate, as long as it was and without the delay of the filter.
///
/// # Errors
///
/// [`UnsupportedRatio`] as [`Resampler::new`].
pub fn resample(samples: &[i16], from: u32, to: u32) -> Result<Vec<i16>, UnsupportedRatio> {
    let mut resampler = Resampler::new(from, to)?;
    let (len, delay) = (resampler.output_len(samples.len()), resampler.delay());
    let tail = vec![0; resampler.taps];
    let mut output = vec![0; len + resampler.output_len(tail.len()) + 1];
    let written = resampler.process(samples, &mut output);
    resampler.process(&tail, &mut output[written..]);
    output.drain(..delay);
    output.truncate(len);
    Ok(output)
}

/// The low-pass at the common multiple of both rates, split into its phases. `bandwidth` is where it ends, as a part of half the input rate.
fn phases(up: usize, taps: usize, bandwidth: f64) -> Vec<f32> {
    let len = up * taps;
    let (centre, scale) = (as_f64(len) / 2.0, bandwidth / as_f64(up));
    let mut table = vec![0.0; len];
    for phase in 0..up {
        // Tap k of a phase meets the sample that is k samples old.
        let mut coefficients: Vec<f64> = (0..taps)
            .map(|k| {
                let x = as_f64(k * up + phase) - centre;
                sinc(x * scale) * bessel(BETA * (1.0 - (x / centre).powi(2)).max(0.0).sqrt())
            })
            .collect();
        // Each phase passes a constant as it is, so that no phase is louder than another.
        let sum: f64 = coefficients.iter().sum();
        coefficients.reverse();
        for (place, value) in table[phase * taps..].iter_mut().zip(coefficients) {
            *place = (value / sum) as f32;
        }
    }
    table
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

/// The modified Bessel function of order 0, as its series.
fn bessel(x: f64) -> f64 {
    let (mut sum, mut term, mut k) = (1.0, 1.0, 1.0);
    while term > sum * 1e-12 {
        term *= (x / (2.0 * k)).powi(2);
        sum += term;
        k += 1.0;
    }
    sum
}

/// The sum of products, in an order that lets many of them be computed at once.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0; LANES];
    for (a, b) in a.chunks_exact(LANES).zip(b.chunks_exact(LANES)) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum()
}

/// The nearest sample; what is too loud is clipped, for a cast from a float saturates.
fn round(value: f32) -> i16 {
    (value + 0.5_f32.copysign(value)) as i16
}

const fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

const fn as_usize(value: u32) -> usize {
    value as usize
}

/// Exact for the lengths of filters.
const fn as_f64(value: usize) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure;
    use crate::tone::sine;

    const RATES: [u32; 5] = [8_000, 16_000, 32_000, 44_100, 48_000];

    #[test]
    fn a_tone_keeps_its_level_and_gains_no_noise() {
        for from in RATES {
            for to in RATES {
                let mut resampler = Resampler::new(from, to).unwrap();
                for frequency in [300.0, 3_000.0] {
                    let mut output = vec![0; as_usize(to / 10)];
                    resampler.reset();
                    let len = resampler.process(&sine(frequency, -6.0, from, as_usize(from / 10)), &mut output);
                    assert_eq!(len, output.len());
                    let tone = measure::tone(&output[len / 2..], to, frequency);
                    assert!((tone.level + 6.0).abs() < 0.05, "{from} to {to}, {frequency} Hz: {tone:?}");
                    assert!(tone.ratio > 75.0, "{from} to {to}, {frequency} Hz: {tone:?}");
                }
            }
        }
    }

    #[test]
    fn a_recording_stays_as_long_and_in_time() {
        for (from, to) in [(8_000, 16_000), (44_100, 8_000), (48_000, 44_100)] {
            let mut input = vec![0; as_usize(from / 10)];
            input[as_usize(from / 20)] = i16::MAX;
            let output = resample(&input, from, to).unwrap();
            assert_eq!(output.len(), as_usize(to / 10));
            let peak = output.iter().enumerate().max_by_key(|(_, sample)| **sample).unwrap().0;
            assert!(peak.abs_diff(as_usize(to / 20)) <= 1, "{from} to {to}: {peak}");
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_carry_is_gone() {
        for (from, to, frequency) in [(16_000, 8_000, 4_500.0), (48_000, 8_000, 20_000.0), (48_000, 44_100, 23_500.0)] {
            let output = resample(&sine(frequency, -6.0, from, as_usize(from / 10)), from, to).unwrap();
            let edge = output.len() / 10;
            let level = measure::level(&output[edge..output.len() - edge]);
            assert!(level < -75.0, "{from} to {to}: {frequency} Hz left {level} dB");
        }
    }

    #[test]
    fn going_up_leaves_no_image() {
        // The image of 3.4 kHz at 8 kHz is 4.6 kHz.
        let output = resample(&sine(3_400.0, -6.0, 8_000, 1_600), 8_000, 16_000).unwrap();
        let image = measure::tone(&output[800..2_400], 16_000, 4_600.0);
        assert!(image.level < -75.0, "{image:?}");
    }

    #[test]
    fn a_frame_in_is_a_frame_out() {
        for from in RATES {
            for to in RATES {
                let mut resampler = Resampler::new(from, to).unwrap();
                let input = vec![100; as_usize(from / 50)];
                let mut output = vec![0; as_usize(to / 50) + 1];
                for _ in 0..100 {
                    assert_eq!(resampler.process(&input, &mut output), as_usize(to / 50));
                }
                assert!(output[..as_usize(to / 50)].iter().all(|sample| *sample == 100), "a constant stays");
            }
        }
    }

    #[test]
    fn the_cut_into_calls_does_not_matter() {
        let input = sine(440.0, -3.0, 44_100, 5_000);
        let whole = {
            let mut resampler = Resampler::new(44_100, 16_000).unwrap();
            let mut output = vec![0; resampler.output_len(input.len())];
            let len = resampler.process(&input, &mut output);
            output.truncate(len);
            output
        };
        let mut resampler = Resampler::new(44_100, 16_000).unwrap();
        let mut pieces = Vec::new();
        for piece in input.chunks(37) {
            let mut output = vec![0; resampler.output_len(piece.len())];
            let len = resampler.process(piece, &mut output);
            pieces.extend_from_slice(&output[..len]);
        }
        assert_eq!(pieces, whole);
    }

    #[test]
    fn odd_ratios_are_refused() {
        for (from, to) in [(0, 8_000), (8_000, 0), (44_099, 48_000), (u32::MAX, 8_000)] {
            assert_eq!(Resampler::new(from, to).unwrap_err(), UnsupportedRatio { from, to });
        }
        for from in [11_025, 12_000, 22_050, 24_000, 88_200, 96_000, 176_400, 192_000] {
            assert!(Resampler::new(from, 8_000).is_ok(), "{from}");
        }
    }

    #[test]
    fn loud_input_clips_and_does_not_wrap() {
        let square: Vec<i16> = (0..800).map(|n| if n / 8 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
        let output = resample(&square, 8_000, 16_000).unwrap();
        // A quarter of the period after each edge the output is on the side of the input.
        for (n, pair) in output.chunks(16).enumerate().skip(5).take(80) {
            assert_eq!(pair[8] > 0, n % 2 == 0, "period {n}");
        }
    }

    #[test]
    fn reset_forgets() {
        let mut resampler = Resampler::new(8_000, 16_000).unwrap();
        let mut output = [0; 320];
        resampler.process(&[10_000; 160], &mut output);
        resampler.reset();
        resampler.process(&[0; 160], &mut output);
        assert_eq!(output, [0; 320]);
    }
}
