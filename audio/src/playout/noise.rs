//! What is heard while the peer does not send its silence (RFC 3389).

use crate::comfort_noise::{Description, NoiseGenerator};
use crate::rate::SampleRate;
use crate::resample::{Resampler, UnsupportedRatio};

/// Comfort noise at a mixer's rate.
#[derive(Debug)]
pub(super) struct Noise {
    generator: NoiseGenerator,
    resampler: Resampler,
    /// At the clock rate that it is described for.
    generated: Vec<i16>,
    resampled: Vec<i16>,
    is_on: bool,
}

impl Noise {
    pub(super) fn new(clock_rate: u32, rate: SampleRate) -> Result<Self, UnsupportedRatio> {
        let resampler = Resampler::new(clock_rate, rate.hz())?;
        let most = resampler.input_len(rate.frame_len());
        Ok(Self {
            generator: NoiseGenerator::default(),
            generated: vec![0; most],
            resampled: vec![0; resampler.output_len(most)],
            resampler,
            is_on: false,
        })
    }

    /// The noise is like this from now on; whether this is a description.
    pub(super) fn describe(&mut self, payload: &[u8]) -> bool {
        let Some(description) = Description::read(payload) else { return false };
        self.generator.describe(&description);
        self.is_on = true;
        true
    }

    /// The peer speaks.
    pub(super) const fn end(&mut self) {
        self.is_on = false;
    }

    /// Whether the peer is silent.
    pub(super) const fn is_on(&self) -> bool {
        self.is_on
    }

    /// So many samples of the mixer's, at most a frame, or a few more.
    pub(super) fn make(&mut self, len: usize) -> &[i16] {
        let generated = &mut self.generated;
        let len = self.resampler.input_len(len).min(generated.len());
        let generated = &mut generated[..len];
        self.generator.fill(generated);
        let len = self.resampler.process(generated, &mut self.resampled);
        &self.resampled[..len]
    }
}
