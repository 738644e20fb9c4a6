//! Describing noise: its level, and the reflection coefficients of an all-pole model by Levinson's recursion.

use super::{Description, HIGHEST, MAX_ORDER, OVERLOAD, SILENT, STEP, ZERO};

/// Coefficients in our descriptions: enough for the tilt and two or three humps of a room's noise.
const ORDER: usize = 6;

/// What is known of a noise: the mean products of its samples with those 0 to 6 samples before.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Autocorrelation([f64; ORDER + 1]);

impl Autocorrelation {
    /// Of these samples.
    pub(super) fn of(samples: &[i16]) -> Self {
        let mut means = [0.0; ORDER + 1];
        for (lag, mean) in means.iter_mut().enumerate() {
            let later = samples.get(lag..).unwrap_or_default();
            let sum: f64 = samples.iter().zip(later).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            *mean = sum / f64::from(u32::try_from(samples.len()).unwrap_or(u32::MAX)).max(1.0);
        }
        Self(means)
    }

    /// Takes in so much of a newer one.
    pub(super) fn blend(&mut self, newer: &Self, part: f64) {
        for (mean, newer) in self.0.iter_mut().zip(newer.0) {
            *mean += part * (newer - *mean);
        }
    }

    /// The mean square in dBov; never less than what silence is described as.
    pub(super) fn level(&self) -> f64 {
        let [power, ..] = self.0;
        (10.0 * (power / (OVERLOAD * OVERLOAD)).log10()).max(-f64::from(SILENT))
    }

    /// The description of the noise, with its spectrum or without.
    pub(super) fn describe(&self, spectrum: bool) -> Description {
        // From 0 to 127.
        let mut description = Description::white((-self.level()).round().clamp(0.0, f64::from(SILENT)) as u8);
        if spectrum && description.level < SILENT {
            description.order = ORDER;
            for (index, coefficient) in description.indices.iter_mut().zip(self.reflections()) {
                // From -127 to 127.
                let steps = (coefficient / STEP).round().clamp(-f64::from(ZERO), f64::from(HIGHEST - ZERO));
                *index = (steps + f64::from(ZERO)) as u8;
            }
        }
        description
    }

    fn reflections(&self) -> [f64; ORDER] {
        let means = self.0;
        let mut reflections = [0.0; ORDER];
        // The predictor's coefficients; the error of its prediction is less the more there are.
        let mut predictor = [0.0; ORDER + 1];
        let mut error = means[0];
        for order in 1..=ORDER {
            if error <= 0.0 {
                break;
            }
            let mut sum = means[order];
            for at in 1..order {
                sum += predictor[at] * means[order - at];
            }
            let k = -sum / error;
            let before = predictor;
            for at in 1..order {
                predictor[at] += k * before[order - at];
            }
            predictor[order] = k;
            reflections[order - 1] = k;
            error *= 1.0 - k * k;
        }
        reflections
    }
}

const _: () = assert!(ORDER <= MAX_ORDER, "more coefficients than a description holds");
