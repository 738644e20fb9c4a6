//! Whether one side of the demo heard what the other one said.

use std::fmt;

use serde_json::{Value, json};
use sipsimple_audio::measure::{self, Reading};
use sipsimple_audio::wave::Wave;
use sipsimple_core::transport::Transport;

use super::conversation::Heard;
use super::party::{LEVEL, Party};

/// The most that a tone's level may be off, and the least that it must stand over everything else, in dB.
const LEVEL_ERROR: f64 = 1.0;
const NOISE_DISTANCE: f64 = 30.0;

/// The least that must be heard of a tone, in seconds.
const LENGTH: f64 = 1.0;

/// What is quieter than this, in dB, at the beginning and at the end was before the tone and after it.
const FLOOR: f64 = -40.0;

/// What one side heard of the other, measured.
#[derive(Debug)]
pub(super) struct Verdict {
    listener: &'static str,
    speaker: &'static str,
    transport: Transport,
    frequency: f64,
    tone: Reading,
    /// Seconds of the recording without silence at its ends.
    length: f64,
    keys: String,
    expected: &'static str,
    error: Option<String>,
}

impl Verdict {
    /// Measures what `listener` heard of `speaker`.
    pub(super) fn of(listener: &'static str, speaker: &Party, transport: Transport, heard: Heard) -> Self {
        let mut verdict = Self {
            listener,
            speaker: speaker.name,
            transport,
            frequency: speaker.frequency,
            tone: Reading { level: f64::NEG_INFINITY, ratio: f64::NEG_INFINITY },
            length: 0.0,
            keys: heard.keys,
            expected: speaker.keys,
            error: None,
        };
        match Wave::open(&heard.recording) {
            Ok(wave) => {
                let samples = measure::trim(wave.samples(), wave.rate(), FLOOR);
                verdict.tone = measure::tone(samples, wave.rate(), speaker.frequency);
                verdict.length = samples.len() as f64 / f64::from(wave.rate());
            }
            Err(error) => verdict.error = Some(error.to_string()),
        }
        verdict
    }

    /// What is wrong, as a part of a sentence.
    pub(super) fn fault(&self) -> Option<String> {
        let of = format!("{} over {}", self.listener, self.transport);
        if let Some(error) = &self.error {
            Some(format!("{of} has no recording: {error}"))
        } else if (self.tone.level - LEVEL).abs().is_nan() || (self.tone.level - LEVEL).abs() > LEVEL_ERROR {
            Some(format!("{of} heard the tone at {:.1} dB instead of {LEVEL:.1} dB", self.tone.level))
        } else if self.tone.ratio.is_nan() || self.tone.ratio < NOISE_DISTANCE {
            Some(format!("{of} heard the tone only {:.1} dB over noise", self.tone.ratio))
        } else if self.length < LENGTH {
            Some(format!("{of} heard only {:.1} s of the tone", self.length))
        } else if self.keys != self.expected {
            Some(format!("{of} heard the keys '{}' instead of '{}'", self.keys, self.expected))
        } else {
            None
        }
    }

    /// The same for programs.
    pub(super) fn data(&self) -> Value {
        json!({
            "listener": self.listener, "speaker": self.speaker, "transport": self.transport, "frequency": self.frequency,
            "level": self.tone.level, "ratio": self.tone.ratio, "seconds": self.length, "keys": self.keys,
            "good": self.fault().is_none(),
        })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} over {}: {:5} heard {:5} for {:.1} s, {} Hz at {:.1} dB, {:.0} dB over noise, keys {}",
            if self.fault().is_none() { "good" } else { "BAD " },
            self.transport,
            self.listener,
            self.speaker,
            self.length,
            self.frequency,
            self.tone.level,
            self.tone.ratio,
            if self.keys.is_empty() { "none" } else { &self.keys },
        )
    }
}
