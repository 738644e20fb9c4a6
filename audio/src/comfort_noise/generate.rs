//! Noise as it is described: random samples through the lattice of the reflection coefficients.

use super::{Description, MAX_ORDER};

/// Makes noise.
#[derive(Debug)]
pub struct NoiseGenerator {
    description: Description,
    /// The state of the random numbers.
    random: u32,
    /// The greatest random sample.
    excitation: f64,
    coefficients: [f64; MAX_ORDER],
    /// Backward prediction errors of the sample before.
    backward: [f64; MAX_ORDER],
}

impl Default for NoiseGenerator {
    /// Silence.
    fn default() -> Self {
        Self {
            description: Description::white(super::SILENT),
            random: 1,
            excitation: 0.0,
            coefficients: [0.0; MAX_ORDER],
            backward: [0.0; MAX_ORDER],
        }
    }
}

impl NoiseGenerator {
    /// The noise is like this from now on.
    pub fn describe(&mut self, description: &Description) {
        if description.indices != self.description.indices {
            // What rang in another model may be far too loud in this one.
            self.backward = [0.0; MAX_ORDER];
        }
        self.description = *description;
        self.coefficients = [0.0; MAX_ORDER];
        let mut gain = 1.0;
        for (place, coefficient) in self.coefficients.iter_mut().zip(description.coefficients()) {
            *place = coefficient;
            // The model makes its input louder by this much.
            gain *= 1.0 - coefficient * coefficient;
        }
        // The mean square of numbers that are evenly distributed from -1 to 1 is a third.
        self.excitation = description.amplitude() * (3.0 * gain).sqrt();
    }

    /// Fills `samples` with noise.
    pub fn fill(&mut self, samples: &mut [i16]) {
        let order = self.description.order;
        for sample in samples {
            let mut forward = self.random() * self.excitation;
            for at in (0..order).rev() {
                let (k, backward) = (self.coefficients[at], self.backward[at]);
                forward -= k * backward;
                if let Some(next) = self.backward[..order].get_mut(at + 1) {
                    *next = backward + k * forward;
                }
            }
            if let Some(first) = self.backward.first_mut() {
                *first = forward;
            }
            // Saturates.
            *sample = forward.round() as i16;
        }
    }

    /// A number from -1 to 1 (a linear congruential generator: nobody has to be surprised by noise).
    fn random(&mut self) -> f64 {
        self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(self.random.cast_signed()) / 2_147_483_648.0
    }
}
