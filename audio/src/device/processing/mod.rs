//! What becomes of the microphone's sound before anybody hears it: the loudspeaker's echo is cancelled, noise suppressed, the level held.
//!
//! ```text
//! microphone ─► cancel echo ─► suppress noise ─► control gain ─► mixer
//!                    ▲                                             │
//! loudspeaker ◄──────┴─────────────────────────────────────────────┘
//! ```
//!
//! It stands between the rings of the sound card and the mixer, so that the callbacks of the card know nothing of it, and
//! neither does it matter to them that sonora allocates: about 110 small buffers per frame when it does everything. The
//! work is sonora's, a port of the audio processing of WebRTC. It seeks the delay of the echo itself, up to half a second,
//! and the length of its filters is fixed: a `tail_length` above 0 turns it on, whatever it is.

#[cfg(feature = "processing")]
mod stage;

use std::fmt;
use std::time::Duration;

#[cfg(feature = "processing")]
use stage::Stage;

use crate::port::Roles;

/// What is to be done with the microphone's sound. Without the feature `processing` nothing is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Processing {
    /// How long an echo may last that is cancelled (setting `audio.tail_length`); zero cancels none. Only where there is a loudspeaker, too.
    pub tail_length: Duration,
    /// Whether steady noise is suppressed (setting `audio.noise_suppression`).
    pub noise_suppression: bool,
    /// Whether soft speech is made louder (setting `audio.gain_control`).
    pub gain_control: bool,
}

impl Processing {
    /// Nothing is done.
    pub const NONE: Self = Self { tail_length: Duration::ZERO, noise_suppression: false, gain_control: false };
    /// Whether anything can be done: the feature `processing` is built in.
    pub const BUILT_IN: bool = cfg!(feature = "processing");

    /// What of it makes sense for a device with these roles.
    const fn fitting(mut self, roles: Roles) -> Self {
        if !roles.consumer {
            self.tail_length = Duration::ZERO;
        }
        self
    }
}

/// The processing of one device.
#[derive(Default)]
pub(super) struct Processor {
    #[cfg(feature = "processing")]
    stage: Option<Stage>,
}

impl fmt::Debug for Processor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Processor").finish_non_exhaustive()
    }
}

#[cfg(feature = "processing")]
impl Processor {
    /// A frame of the microphone of a device with these roles. Whatever has changed since the last takes effect, which costs memory and time once.
    pub(super) fn near(&mut self, processing: Processing, roles: Roles, frame: &mut [i16]) {
        let processing = processing.fitting(roles);
        if self.stage.as_ref().map_or(Processing::NONE, Stage::processing) != processing
            || self.stage.as_ref().is_some_and(|stage| stage.frame_len() != frame.len())
        {
            self.stage = Stage::new(processing, frame.len());
        }
        if let Some(stage) = &mut self.stage {
            stage.near(frame);
        }
    }

    /// A frame of the loudspeaker.
    pub(super) fn far(&mut self, frame: &[i16]) {
        if let Some(stage) = &mut self.stage {
            stage.far(frame);
        }
    }
}

#[cfg(not(feature = "processing"))]
impl Processor {
    pub(super) const fn near(&self, processing: Processing, roles: Roles, _frame: &mut [i16]) {
        let _ = processing.fitting(roles);
    }

    pub(super) const fn far(&self, _frame: &[i16]) {}
}
