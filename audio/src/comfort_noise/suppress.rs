//! Telling speech from silence, and when to describe the silence anew.
//!
//! ```text
//!          quiet for 200 ms                  level changed by 2 dB, or 2 s are over
//! speech ───────────────────► description ◄────────────────────────────────────────┐
//!   ▲                              └──► nothing ────────────────────────────────────┘
//!   └──────────── loud ─────────────────┘
//! ```
//!
//! Loud is what stands 6 dB above the quietest of the last 2 to 4 s, or above -40 dBov: a steady noise that is louder is
//! not taken for silence, so that a tone or music is not.

use super::Description;
use super::describe::Autocorrelation;

/// Decibels above the quietest of late that make speech.
const ABOVE: f64 = 6.0;
/// What is louder is speech, and what is quieter is not, in dBov.
const ALWAYS_SPEECH: f64 = -40.0;
const NEVER_SPEECH: f64 = -70.0;
/// Milliseconds of quiet after speech that are sent as they are, so that the ends of words are.
const HANG_OVER: u32 = 200;
/// Milliseconds over which the quietest is sought, twice.
const WINDOW: u32 = 2_000;
/// Milliseconds between two descriptions: at least, and at most.
const AT_LEAST: u32 = 100;
const AT_MOST: u32 = 2_000;
/// Decibels that make another noise of it.
const CHANGE: f64 = 2.0;
/// How much of the latest packet goes into what is known of the noise.
const BLEND: f64 = 0.2;

/// What is to be sent of a packet's samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// The samples.
    Speech,
    /// A description in their place.
    Noise(Description),
    /// Nothing: the noise is as it was described.
    Silence,
}

/// Suppresses the silence of one stream.
#[derive(Debug)]
pub struct Suppressor {
    rate: u32,
    /// Whether the spectrum is described.
    spectrum: bool,
    /// The quietest of this window and of the one before, in dBov, and the milliseconds of this window.
    quietest: f64,
    quietest_before: f64,
    watched: u32,
    /// Milliseconds of quiet since the last speech.
    quiet: u32,
    noise: Autocorrelation,
    /// The level last described, and how many milliseconds ago.
    described: Option<(f64, u32)>,
}

impl Suppressor {
    /// For samples of `rate` Hz, whose noise is described at the clock rate `clock_rate`: its spectrum only if they are the same.
    #[must_use]
    pub fn new(rate: u32, clock_rate: u32) -> Self {
        Self {
            rate,
            spectrum: rate == clock_rate,
            quietest: f64::INFINITY,
            quietest_before: f64::INFINITY,
            watched: 0,
            quiet: 0,
            noise: Autocorrelation::default(),
            described: None,
        }
    }

    /// Judges the samples of the next packet.
    pub fn judge(&mut self, samples: &[i16]) -> Activity {
        let millis = u32::try_from(samples.len()).unwrap_or(u32::MAX).saturating_mul(1_000) / self.rate.max(1);
        let heard = Autocorrelation::of(samples);
        if self.is_loud(heard.level(), millis) {
            (self.quiet, self.described) = (0, None);
            return Activity::Speech;
        }
        let part = if self.quiet == 0 { 1.0 } else { BLEND };
        self.noise.blend(&heard, part);
        self.quiet = self.quiet.saturating_add(millis);
        if self.quiet <= HANG_OVER {
            return Activity::Speech;
        }
        let level = self.noise.level();
        if let Some((described, ago)) = &mut self.described {
            *ago = ago.saturating_add(millis);
            let changed = (level - *described).abs() >= CHANGE && *ago >= AT_LEAST;
            if !changed && *ago < AT_MOST {
                return Activity::Silence;
            }
        }
        self.described = Some((level, 0));
        Activity::Noise(self.noise.describe(self.spectrum))
    }

    fn is_loud(&mut self, level: f64, millis: u32) -> bool {
        self.quietest = self.quietest.min(level);
        self.watched = self.watched.saturating_add(millis);
        let floor = self.quietest.min(self.quietest_before);
        if self.watched >= WINDOW {
            (self.quietest_before, self.quietest, self.watched) = (self.quietest, f64::INFINITY, 0);
        }
        level > (floor + ABOVE).clamp(NEVER_SPEECH, ALWAYS_SPEECH)
    }
}
