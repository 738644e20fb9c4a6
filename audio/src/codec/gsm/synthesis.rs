//! The decoder (section 5.3).

use super::arithmetic::mult_r;
use super::bits::lag;
use super::pulses::{Excitation, GAINS};
use super::short_term::{Coefficients, SynthesisFilter};
use super::{FRAME, NEAREST, Parameters, QUARTER};

/// The state of a decoder.
#[derive(Debug)]
pub(super) struct Synthesis {
    excitation: Excitation,
    lag: usize,
    coefficients: Coefficients,
    filter: SynthesisFilter,
    emphasis: i16,
}

impl Default for Synthesis {
    fn default() -> Self {
        Self {
            excitation: Excitation::default(),
            lag: NEAREST,
            coefficients: Coefficients::default(),
            filter: SynthesisFilter::default(),
            emphasis: 0,
        }
    }
}

impl Synthesis {
    pub(super) fn decode(&mut self, parameters: &Parameters) -> [i16; FRAME] {
        let mut samples = [0; FRAME];
        for (place, quarter) in samples.as_chunks_mut::<QUARTER>().0.iter_mut().zip(&parameters.quarters) {
            self.lag = lag(quarter.lag).unwrap_or(self.lag);
            let gain = GAINS[usize::from(quarter.gain.unsigned_abs() & 3)];
            let predicted = self.excitation.ago(self.lag).map(|sample| mult_r(gain, sample));
            *place = self.excitation.excite(quarter, &predicted);
        }
        for (coefficients, part) in self.coefficients.next(&parameters.ratios) {
            self.filter.run(&coefficients, &mut samples[part]);
        }
        for sample in &mut samples {
            self.emphasis = sample.saturating_add(mult_r(self.emphasis, 28_180));
            // 13 bits.
            *sample = self.emphasis.saturating_add(self.emphasis) & !7;
        }
        samples
    }
}
