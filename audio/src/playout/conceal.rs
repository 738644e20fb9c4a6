//! What is heard instead of audio that did not come.
//!
//! Speech is nearly periodic over a few hundredths of a second. The last period that was heard is repeated, at full level for
//! 10 ms and then softer and softer until silence after 60 ms; when audio comes again, its first 5 ms are faded in over
//! the repetition. The period is the shift between 2.5 and 15 ms at which the end of the past resembles itself most.

use std::ops::Range;

/// Rate, in Hz, at which the period is looked for before it is looked at closely.
const COARSE_RATE: u32 = 8_000;

/// Makes up for missing audio in one stream of samples.
#[derive(Debug)]
pub(super) struct Concealer {
    /// The last 25 ms that were heard, oldest first.
    past: Vec<i16>,
    /// Samples made up since the last that came, 0 while audio comes.
    made_up: usize,
    /// The period that is being repeated, in samples.
    period: usize,
    /// Step of the coarse search in samples.
    stride: usize,
    periods: Range<usize>,
    /// Samples of the end of the past that are compared.
    compared: usize,
    /// Samples at full level, and samples until silence.
    full: usize,
    silent: usize,
    /// Samples that are faded in over the repetition.
    overlap: usize,
}

impl Concealer {
    /// For audio of `rate` Hz.
    pub(super) fn new(rate: u32) -> Self {
        let tenths = |number: u32| usize::try_from(rate * number / 10_000).unwrap_or(1).max(1);
        Self {
            past: vec![0; tenths(250)],
            made_up: 0,
            period: 1,
            stride: usize::try_from(rate / COARSE_RATE).unwrap_or(1).max(1),
            periods: tenths(25)..tenths(150) + 1,
            compared: tenths(100),
            full: tenths(100),
            silent: tenths(600),
            overlap: tenths(50),
        }
    }

    /// Audio came: it is remembered, and its beginning joined to what was made up before it.
    pub(super) fn heard(&mut self, samples: &mut [i16]) {
        if self.made_up > 0 {
            let overlap = self.overlap.min(samples.len());
            let steps = i32::try_from(overlap).unwrap_or(i32::MAX);
            for (sample, step) in samples.iter_mut().zip(0..steps) {
                let (old, new) = (i32::from(self.next()), i32::from(*sample));
                // Between two values of 16 bits.
                *sample = i16::try_from((old * (steps - step) + new * step) / steps).unwrap_or(0);
            }
            self.made_up = 0;
        }
        let keep = self.past.len();
        match samples.len().checked_sub(keep) {
            Some(surplus) => self.past.copy_from_slice(&samples[surplus..]),
            None => {
                self.past.copy_within(samples.len().., 0);
                self.past[keep - samples.len()..].copy_from_slice(samples);
            }
        }
    }

    /// Audio is missing: makes some up.
    pub(super) fn missing(&mut self, samples: &mut [i16]) {
        if self.made_up == 0 {
            self.period = self.find_period();
        }
        for sample in samples {
            *sample = self.next();
        }
    }

    /// What was made up is not joined to what comes next.
    pub(super) const fn forget(&mut self) {
        self.made_up = 0;
    }

    /// Whether it has faded to silence, or never heard anything.
    pub(super) const fn is_silent(&self) -> bool {
        self.made_up >= self.silent
    }

    /// The next sample of the repetition.
    fn next(&mut self) -> i16 {
        if self.is_silent() {
            return 0;
        }
        let sample = self.past[self.past.len() - self.period + self.made_up % self.period];
        let fade = self.silent - self.made_up.max(self.full);
        self.made_up += 1;
        let (level, of) = (i64::try_from(fade).unwrap_or(0), i64::try_from(self.silent - self.full).unwrap_or(1));
        // Not louder than it was.
        i16::try_from(i64::from(sample) * level / of).unwrap_or(0)
    }

    fn find_period(&self) -> usize {
        let coarse = self.best(self.periods.clone(), self.stride);
        let near = coarse.saturating_sub(self.stride - 1).max(self.periods.start)..coarse + self.stride;
        self.best(near.start..near.end.min(self.periods.end), 1)
    }

    /// The period among these at which every `stride`th sample of the end resembles the past most.
    fn best(&self, periods: Range<usize>, stride: usize) -> usize {
        let mut best = (f64::NEG_INFINITY, periods.start);
        for period in periods.step_by(stride) {
            let start = self.past.len() - self.compared;
            let (mut product, mut energy) = (0_i64, 0_i64);
            for at in (start..self.past.len()).step_by(stride) {
                let (now, then) = (i64::from(self.past[at]), i64::from(self.past[at - period]));
                product += now * then;
                energy += then * then;
            }
            // Sums of a few hundred products of 30 bits are exact as floats.
            let likeness = if energy == 0 { 0.0 } else { product as f64 / (energy as f64).sqrt() };
            if likeness > best.0 {
                best = (likeness, period);
            }
        }
        best.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure;
    use crate::tone::sine;

    #[test]
    fn a_gap_in_a_tone_is_filled_with_it() {
        for rate in [8_000, 16_000, 48_000] {
            for frequency in [200.0, 440.0, 1_000.0, 1_500.0] {
                let frame = usize::try_from(rate / 50).unwrap();
                let mut samples = sine(frequency, -6.0, rate, frame * 10);
                let mut concealer = Concealer::new(rate);
                for (number, frame) in samples.chunks_mut(frame).enumerate() {
                    if number == 4 { concealer.missing(frame) } else { concealer.heard(frame) }
                }
                let hole = measure::tone(&samples[frame * 4..frame * 4 + frame / 2], rate, frequency);
                assert!((hole.level + 6.0).abs() < 1.0 && hole.ratio > 15.0, "{rate} Hz, {frequency} Hz: {hole:?}");
                let after = measure::tone(&samples[frame * 6..], rate, frequency);
                assert!(after.ratio > 50.0, "{rate} Hz, {frequency} Hz: {after:?}");
            }
        }
    }

    #[test]
    fn a_long_gap_fades_to_silence() {
        let mut concealer = Concealer::new(8_000);
        concealer.heard(&mut sine(300.0, -6.0, 8_000, 800));
        let mut made_up = vec![1; 800];
        concealer.missing(&mut made_up);
        assert!(concealer.is_silent());
        let levels: Vec<_> = made_up.chunks(80).map(measure::level).collect();
        assert!((levels[0] + 6.0).abs() < 1.0, "{levels:?}");
        assert!(levels.is_sorted_by(|a, b| a >= b), "{levels:?}");
        assert_eq!(made_up[480..], [0; 320]);
    }

    #[test]
    fn audio_after_a_gap_is_joined_and_remembered() {
        let mut concealer = Concealer::new(8_000);
        concealer.heard(&mut [8_000; 400]);
        concealer.missing(&mut [0; 40]);
        let mut after = [0; 160];
        concealer.heard(&mut after);
        assert_eq!(after[0], 8_000);
        assert!(after[..41].is_sorted_by(|a, b| a >= b), "{after:?}");
        assert_eq!(after[40..], [0; 120]);
        let mut gap = [1; 80];
        concealer.missing(&mut gap);
        assert_eq!(gap, [0; 80]);
    }

    #[test]
    fn before_anything_was_heard_there_is_silence() {
        for rate in [8_000, 11_025, 48_000] {
            let mut gap = [1; 2_000];
            Concealer::new(rate).missing(&mut gap);
            assert_eq!(gap, [0; 2_000]);
        }
    }

    #[test]
    fn pieces_of_any_length_are_taken() {
        let mut concealer = Concealer::new(8_000);
        for len in [0, 1, 7, 199, 200, 201, 1_000] {
            let mut samples: Vec<i16> = (0..i16::try_from(len).unwrap()).collect();
            concealer.heard(&mut samples);
            concealer.missing(&mut samples);
        }
    }
}
