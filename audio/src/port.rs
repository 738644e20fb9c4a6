//! What can be plugged into a mixer (seed interface IAudioPort).
//!
//! A port produces audio, consumes audio, or both, and may change which of the two at any time: the bridges that it is in
//! follow at the next tick. It is asked once per tick, never more often, and never sleeps or allocates when asked.

use std::any::Any;
use std::fmt;

use crate::rate::SampleRate;
use crate::wave::WaveError;

/// Something that produces or consumes frames of samples at its mixer's rate.
pub trait AudioPort: Any + fmt::Debug + Send {
    /// Whether it produces and whether it consumes at present. What it is not, it is not asked for.
    fn roles(&self) -> Roles;

    /// The rate of the mixer that it was made for; `None` for one that fits any.
    fn sample_rate(&self) -> Option<SampleRate> {
        None
    }

    /// Whether it produces what a microphone hears: a room with its noise, and with what it consumes itself if that is played there.
    fn is_microphone(&self) -> bool {
        false
    }

    /// Fills the next frame. Whatever was in it is to be overwritten.
    fn produce(&mut self, frame: &mut [i16]) {
        frame.fill(0);
    }

    /// Takes the next frame.
    fn consume(&mut self, _frame: &[i16]) {}

    /// News of the port, oldest first; asked after every tick.
    fn poll_event(&mut self) -> Option<PortEvent> {
        None
    }
}

/// Which of the two slots of IAudioPort a port has: `producer_slot`, `consumer_slot`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    /// It produces audio.
    pub producer: bool,
    /// It consumes audio.
    pub consumer: bool,
}

impl Roles {
    /// Neither.
    pub const NONE: Self = Self { producer: false, consumer: false };
    /// Produces only.
    pub const PRODUCER: Self = Self { producer: true, consumer: false };
    /// Consumes only.
    pub const CONSUMER: Self = Self { producer: false, consumer: true };
    /// Produces and consumes.
    pub const BOTH: Self = Self { producer: true, consumer: true };
}

/// News of a port.
#[derive(Debug)]
#[non_exhaustive]
pub enum PortEvent {
    /// The player plays its file for the first time since it was started (`WavePlayerDidStart`).
    WavePlayerDidStart,
    /// The player is done or was stopped (`WavePlayerDidEnd`).
    WavePlayerDidEnd,
    /// The player cannot play its file (`WavePlayerDidFail`).
    WavePlayerDidFail {
        /// Why.
        error: WaveError,
    },
    /// The recorder could not go on writing and has stopped. What was written until then is in the file.
    WaveRecorderDidFail {
        /// Why.
        error: WaveError,
    },
    /// The sound card is gone or does not go on (AudioDevice); the mixer goes on without it.
    AudioDeviceDidFail,
    /// The generator has played all it was given (`ToneGeneratorDidFinishPlaying`).
    ToneGeneratorDidFinishPlaying,
}

/// A port that keeps what it hears in memory, up to a length given beforehand.
#[derive(Debug)]
pub struct Capture {
    samples: Vec<i16>,
}

impl Capture {
    /// Keeps the first `samples` samples; the memory is taken at once.
    #[must_use]
    pub fn new(samples: usize) -> Self {
        Self { samples: Vec::with_capacity(samples) }
    }

    /// What was heard so far.
    #[must_use]
    pub fn samples(&self) -> &[i16] {
        &self.samples
    }
}

impl AudioPort for Capture {
    fn roles(&self) -> Roles {
        Roles::CONSUMER
    }

    fn consume(&mut self, frame: &[i16]) {
        let room = self.samples.capacity() - self.samples.len();
        self.samples.extend_from_slice(&frame[..frame.len().min(room)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capture_keeps_what_fits() {
        let mut capture = Capture::new(5);
        let room = capture.samples.capacity();
        for start in 0..10 {
            capture.consume(&[start, start + 1, start + 2]);
        }
        assert_eq!(&capture.samples()[..5], &[0, 1, 2, 1, 2]);
        assert_eq!(capture.samples().len(), room, "it never grows");
    }
}
