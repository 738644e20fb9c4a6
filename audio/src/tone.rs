//! Tones: sines for tests and files, and the tone generator (ToneGenerator of the reference) with DTMF (ITU-T Q.23).

use std::collections::VecDeque;
use std::f64::consts::TAU;

use crate::port::{AudioPort, PortEvent, Roles};
use crate::rate::SampleRate;

/// Frequencies of the rows of the keypad in Hz.
pub const DTMF_LOW: [u32; 4] = [697, 770, 852, 941];
/// Frequencies of the columns of the keypad in Hz.
pub const DTMF_HIGH: [u32; 4] = [1_209, 1_336, 1_477, 1_633];
/// The keypad, rows of columns.
pub const DTMF_KEYS: [[char; 4]; 4] =
    [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];

/// How long a digit of [`ToneGenerator::play_dtmf`] sounds, in milliseconds.
const DTMF_ON: u32 = 200;
/// How long the silence after a digit lasts, in milliseconds.
const DTMF_OFF: u32 = 50;
/// Tones that may wait in a generator.
const MAX_TONES: usize = 32;
/// Level of each of the one or two sines of a tone, in dB relative to a full-scale sine.
const LEVEL: f64 = -12.0;

/// The low and the high frequency of a digit in Hz: `0`–`9`, `*`, `#`, `A`–`D` in any case.
#[must_use]
pub fn dtmf_frequencies(digit: char) -> Option<(u32, u32)> {
    let digit = digit.to_ascii_uppercase();
    for (keys, low) in DTMF_KEYS.iter().zip(DTMF_LOW) {
        for (key, high) in keys.iter().zip(DTMF_HIGH) {
            if *key == digit {
                return Some((low, high));
            }
        }
    }
    None
}

/// `len` samples of a sine of `frequency` Hz at `level` dB relative to a full-scale sine.
#[must_use]
pub fn sine(frequency: f64, level: f64, rate: u32, len: usize) -> Vec<i16> {
    let step = frequency / f64::from(rate);
    let amplitude = amplitude(level);
    // The index is exact as a float for all lengths that fit into memory.
    (0..len).map(|n| sample(amplitude * (TAU * (n as f64 * step).fract()).sin())).collect()
}

fn amplitude(level: f64) -> f64 {
    32_767.0 * 10_f64.powf(level / 20.0)
}

/// The nearest sample; a cast from a float saturates.
fn sample(value: f64) -> i16 {
    value.round() as i16
}

/// One or two sines at once, for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tone {
    /// One frequency in Hz; 0 is silent.
    pub frequency1: u32,
    /// The other frequency in Hz; 0 is silent.
    pub frequency2: u32,
    /// How long, in milliseconds.
    pub millis: u32,
}

/// Why a generator does not play what it was given; it then plays none of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ToneError {
    /// Not a key of the keypad.
    #[error("{0:?} is not a DTMF digit")]
    NotADigit(char),
    /// More than 32 tones would wait.
    #[error("too many tones are waiting")]
    TooMany,
}

/// Plays tones one after the other (ToneGenerator of the reference).
#[derive(Debug)]
pub struct ToneGenerator {
    rate: SampleRate,
    waiting: VecDeque<Tone>,
    playing: Option<Playing>,
    finished: bool,
}

/// The tone that sounds, its phases in turns.
#[derive(Debug)]
struct Playing {
    step: [f64; 2],
    phase: [f64; 2],
    amplitude: [f64; 2],
    left: usize,
}

impl ToneGenerator {
    /// A generator for a mixer of this rate.
    #[must_use]
    pub fn new(rate: SampleRate) -> Self {
        Self { rate, waiting: VecDeque::with_capacity(MAX_TONES), playing: None, finished: false }
    }

    /// Plays tones after those that still wait.
    ///
    /// # Errors
    ///
    /// [`ToneError::TooMany`] when more than 32 would wait.
    pub fn play_tones(&mut self, tones: &[Tone]) -> Result<(), ToneError> {
        if self.waiting.len() + tones.len() > MAX_TONES {
            return Err(ToneError::TooMany);
        }
        self.waiting.extend(tones);
        Ok(())
    }

    /// Plays a DTMF digit after what still waits: 200 ms of it and 50 ms of silence.
    ///
    /// # Errors
    ///
    /// [`ToneError::NotADigit`], and [`ToneError::TooMany`] when more than 32 tones and silences would wait.
    pub fn play_dtmf(&mut self, digit: char) -> Result<(), ToneError> {
        let (frequency1, frequency2) = dtmf_frequencies(digit).ok_or(ToneError::NotADigit(digit))?;
        self.play_tones(&[
            Tone { frequency1, frequency2, millis: DTMF_ON },
            Tone { frequency1: 0, frequency2: 0, millis: DTMF_OFF },
        ])
    }

    /// Falls silent and forgets what waits.
    pub fn stop(&mut self) {
        self.waiting.clear();
        self.playing = None;
    }

    /// Whether something sounds or waits.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.playing.is_some() || !self.waiting.is_empty()
    }

    fn next_tone(&mut self) -> Option<Playing> {
        let tone = self.waiting.pop_front()?;
        let frequencies = [tone.frequency1, tone.frequency2];
        Some(Playing {
            step: frequencies.map(|frequency| f64::from(frequency) / f64::from(self.rate.hz())),
            phase: [0.0; 2],
            amplitude: frequencies.map(|frequency| if frequency == 0 { 0.0 } else { amplitude(LEVEL) }),
            left: self.rate.samples_in(tone.millis),
        })
    }
}

impl AudioPort for ToneGenerator {
    fn roles(&self) -> Roles {
        if self.is_active() { Roles::PRODUCER } else { Roles::NONE }
    }

    fn sample_rate(&self) -> Option<SampleRate> {
        Some(self.rate)
    }

    fn produce(&mut self, mut frame: &mut [i16]) {
        while !frame.is_empty() {
            if self.playing.is_none() {
                self.playing = self.next_tone();
            }
            let Some(playing) = &mut self.playing else {
                frame.fill(0);
                return;
            };
            let (now, later) = frame.split_at_mut(playing.left.min(frame.len()));
            playing.fill(now);
            if playing.left == 0 {
                self.playing = None;
                self.finished |= self.waiting.is_empty();
            }
            frame = later;
        }
    }

    fn poll_event(&mut self) -> Option<PortEvent> {
        std::mem::take(&mut self.finished).then_some(PortEvent::ToneGeneratorDidFinishPlaying)
    }
}

impl Playing {
    fn fill(&mut self, samples: &mut [i16]) {
        for place in samples.iter_mut() {
            let mut value = 0.0;
            for ((phase, step), amplitude) in self.phase.iter_mut().zip(self.step).zip(self.amplitude) {
                value += amplitude * (TAU * *phase).sin();
                *phase = (*phase + step).fract();
            }
            *place = sample(value);
        }
        self.left -= samples.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure;

    fn play(generator: &mut ToneGenerator, frames: usize) -> Vec<i16> {
        let mut samples = vec![7; frames * generator.rate.frame_len()];
        for frame in samples.chunks_mut(generator.rate.frame_len()) {
            generator.produce(frame);
        }
        samples
    }

    #[test]
    fn a_sine_has_its_level() {
        let samples = sine(1_000.0, 0.0, 48_000, 480);
        assert_eq!(samples.iter().max(), Some(&32_767));
        let samples = sine(1_000.0, -20.0, 48_000, 480);
        assert_eq!(samples.iter().max(), Some(&3_277));
    }

    #[test]
    fn tones_sound_one_after_the_other_and_then_end() {
        let mut generator = ToneGenerator::new(SampleRate::HZ_16000);
        let tones = [
            Tone { frequency1: 440, frequency2: 0, millis: 105 },
            Tone { frequency1: 0, frequency2: 0, millis: 50 },
            Tone { frequency1: 350, frequency2: 600, millis: 100 },
        ];
        generator.play_tones(&tones).unwrap();
        assert_eq!(generator.roles(), Roles::PRODUCER);
        let samples = play(&mut generator, 20);
        assert!(matches!(generator.poll_event(), Some(PortEvent::ToneGeneratorDidFinishPlaying)));
        assert!(generator.poll_event().is_none());
        assert_eq!(generator.roles(), Roles::NONE);
        let first = measure::tone(&samples[..1_680], 16_000, 440.0);
        assert!((first.level + 12.0).abs() < 0.05 && first.ratio > 60.0, "{first:?}");
        assert_eq!(measure::level(&samples[1_680..2_480]), f64::NEG_INFINITY);
        let third = measure::tone(&samples[2_480..4_080], 16_000, 600.0);
        assert!((third.level + 12.0).abs() < 0.1, "{third:?}");
        assert_eq!(measure::level(&samples[4_080..]), f64::NEG_INFINITY);
    }

    #[test]
    fn a_digit_sounds_for_200_milliseconds() {
        for key in "0123456789*#abcd".chars() {
            let mut generator = ToneGenerator::new(SampleRate::HZ_8000);
            generator.play_dtmf(key).unwrap();
            let samples = play(&mut generator, 13);
            assert_eq!(measure::dtmf(&samples[..1_600], 8_000), Some(key.to_ascii_uppercase()));
            assert_eq!(measure::level(&samples[1_600..]), f64::NEG_INFINITY);
            assert!(!generator.is_active());
        }
    }

    #[test]
    fn what_cannot_be_played_is_refused_whole() {
        let mut generator = ToneGenerator::new(SampleRate::HZ_8000);
        assert_eq!(generator.play_dtmf('E'), Err(ToneError::NotADigit('E')));
        let tone = Tone { frequency1: 440, frequency2: 0, millis: 10 };
        generator.play_tones(&[tone; 32]).unwrap();
        assert_eq!(generator.play_tones(&[tone]), Err(ToneError::TooMany));
        generator.stop();
        assert!(!generator.is_active());
        assert!(generator.poll_event().is_none());
    }

    #[test]
    fn a_tone_of_no_time_ends() {
        let mut generator = ToneGenerator::new(SampleRate::HZ_8000);
        generator.play_tones(&[Tone { frequency1: 440, frequency2: 0, millis: 0 }; 3]).unwrap();
        assert_eq!(play(&mut generator, 1), vec![0; 160]);
        assert!(!generator.is_active());
    }
}
