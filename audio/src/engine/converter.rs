//! Joins a port to a mixer of another rate than the one it was made for.

use crate::port::AudioPort;
use crate::rate::SampleRate;
use crate::resample::{Resampler, UnsupportedRatio};

/// Resamples what a port produces and consumes, a frame of a tick at a time.
#[derive(Debug)]
pub(super) struct Converter {
    to_mixer: Resampler,
    to_port: Resampler,
    /// A frame at the rate of the port.
    frame: Vec<i16>,
}

impl Converter {
    /// # Errors
    ///
    /// When the two rates have too little in common.
    pub(super) fn new(port: SampleRate, mixer: SampleRate) -> Result<Self, UnsupportedRatio> {
        Ok(Self {
            to_mixer: Resampler::new(port.hz(), mixer.hz())?,
            to_port: Resampler::new(mixer.hz(), port.hz())?,
            frame: vec![0; port.frame_len()],
        })
    }

    /// Fills a frame of the mixer with what the port produces.
    pub(super) fn produce(&mut self, port: &mut dyn AudioPort, frame: &mut [i16]) {
        port.produce(&mut self.frame);
        let written = self.to_mixer.process(&self.frame, frame);
        frame[written..].fill(0);
    }

    /// Lets the port hear a frame of the mixer.
    pub(super) fn consume(&mut self, port: &mut dyn AudioPort, frame: &[i16]) {
        let written = self.to_port.process(frame, &mut self.frame);
        self.frame[written..].fill(0);
        port.consume(&self.frame);
    }
}
