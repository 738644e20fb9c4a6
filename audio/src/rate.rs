//! The sample rate of a mixer, and the length of a frame that follows from it.

use std::time::Duration;

/// The time that one tick, and so one frame, lasts.
pub const TICK: Duration = Duration::from_millis(20);

/// Ticks in a second.
const TICKS_PER_SECOND: u32 = 50;

/// Samples per second of a mixer and of everything plugged into it.
///
/// A multiple of 50 from 8,000 to 48,000 Hz, so that a frame of 20 ms holds a whole number of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SampleRate(u32);

/// A rate that no mixer can run at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{hz} Hz is not a multiple of 50 between 8000 and 48000 Hz")]
pub struct UnsupportedRate {
    /// The rate asked for, in Hz.
    pub hz: u32,
}

impl SampleRate {
    /// Narrow-band telephony.
    pub const HZ_8000: Self = Self(8_000);
    /// Wide-band telephony.
    pub const HZ_16000: Self = Self(16_000);
    /// Super-wide-band telephony.
    pub const HZ_32000: Self = Self(32_000);
    /// Compact discs.
    pub const HZ_44100: Self = Self(44_100);
    /// Full-band audio.
    pub const HZ_48000: Self = Self(48_000);

    /// The rate of `hz` samples per second.
    ///
    /// # Errors
    ///
    /// [`UnsupportedRate`] unless `hz` is a multiple of 50 from 8,000 to 48,000.
    pub const fn new(hz: u32) -> Result<Self, UnsupportedRate> {
        if hz < Self::HZ_8000.0 || hz > Self::HZ_48000.0 || !hz.is_multiple_of(TICKS_PER_SECOND) {
            return Err(UnsupportedRate { hz });
        }
        Ok(Self(hz))
    }

    /// Samples per second.
    #[must_use]
    pub const fn hz(self) -> u32 {
        self.0
    }

    /// Samples in a frame of one [`TICK`].
    #[must_use]
    pub const fn frame_len(self) -> usize {
        (self.0 / TICKS_PER_SECOND) as usize
    }

    /// Samples in `millis` milliseconds, rounded down.
    #[must_use]
    pub fn samples_in(self, millis: u32) -> usize {
        usize::try_from(u64::from(self.0) * u64::from(millis) / 1000).unwrap_or(usize::MAX)
    }
}

impl Default for SampleRate {
    /// 8,000 Hz: the rate of PCMU, PCMA and GSM, which are not resampled on their way through then.
    fn default() -> Self {
        Self::HZ_8000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_a_fiftieth_of_a_second() {
        for (hz, len) in [(8_000, 160), (16_000, 320), (32_000, 640), (44_100, 882), (48_000, 960)] {
            assert_eq!(SampleRate::new(hz).map(SampleRate::frame_len), Ok(len));
        }
        assert_eq!(SampleRate::HZ_44100.samples_in(10), 441);
    }

    #[test]
    fn rates_that_do_not_divide_into_frames_are_refused() {
        for hz in [0, 7_950, 11_025, 48_050, u32::MAX] {
            assert_eq!(SampleRate::new(hz), Err(UnsupportedRate { hz }));
        }
    }
}
