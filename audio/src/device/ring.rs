//! The rings between the engine and the callbacks of a sound card.
//!
//! A sound card calls on a thread of its own, which must not wait, lock or allocate. Between it and the engine lies, each
//! way, a ring of samples of one writer and one reader, mono, at the card's rate. Both ends go by clocks of their own: a
//! ring is read when there is a frame more in it than is wanted; when it runs dry, silence is read until there is again; and
//! what comes to stand in it beyond five frames is skipped.
//!
//! ```text
//! card ─► Microphone ─► ring ─► Input  ─► resampler ─► mixer
//! card ◄─ Loudspeaker ◄─ ring ◄─ Output ◄─ resampler ◄─ mixer
//! ```

use cpal::{FromSample, Sample};
use rtrb::{Consumer, Producer, RingBuffer};

use crate::rate::SampleRate;
use crate::resample::{Resampler, UnsupportedRatio};

/// Frames that must be in a ring beyond what is wanted before it is read.
const SPARE: usize = 1;
/// Frames that may come to stand in a ring beyond what is wanted.
const MOST: usize = 5;
/// Frames that a ring has room for, a second: some cards call for much at once.
const ROOM: usize = 50;
/// Samples that are converted at once.
const BLOCK: usize = 64;

/// The reading end of a ring, and whether it has enough to be read.
#[derive(Debug)]
struct Reader {
    samples: Consumer<i16>,
    frame: usize,
    running: bool,
}

impl Reader {
    /// Before this many samples are read: whether there is enough to begin, or too much.
    fn begin(&mut self, wanted: usize) {
        let ready = self.samples.slots();
        self.running |= ready >= wanted + self.frame * SPARE;
        if ready > wanted + self.frame * MOST
            && let Ok(surplus) = self.samples.read_chunk(ready - wanted - self.frame * SPARE)
        {
            surplus.commit_all();
        }
    }

    /// Fills the places with what is there, the rest with silence.
    fn read(&mut self, places: &mut [i16]) {
        if !self.running {
            places.fill(0);
            return;
        }
        let (_, missing) = self.samples.pop_partial_slice(places);
        if !missing.is_empty() {
            missing.fill(0);
            self.running = false;
        }
    }
}

/// What the callback of a microphone writes to.
#[derive(Debug)]
pub(super) struct Microphone {
    ring: Producer<i16>,
    channels: usize,
}

impl Microphone {
    /// Takes interleaved samples of all channels; their mean goes into the ring. What does not fit is dropped.
    pub(super) fn take<T: Sample>(&mut self, samples: &[T])
    where
        i16: FromSample<T>,
    {
        let channels = i32::try_from(self.channels).unwrap_or(1);
        for moment in samples.chunks_exact(self.channels) {
            let sum: i32 = moment.iter().map(|sample| i32::from(i16::from_sample(*sample))).sum();
            // A mean of values of 16 bits is one; a full ring is what the engine is late for.
            let _ = self.ring.push(i16::try_from(sum / channels).unwrap_or(0));
        }
    }
}

/// What the callback of a loudspeaker reads from.
#[derive(Debug)]
pub(super) struct Loudspeaker {
    reader: Reader,
    channels: usize,
}

impl Loudspeaker {
    /// Fills interleaved samples of all channels with the same sound.
    pub(super) fn give<T: Sample + FromSample<i16>>(&mut self, samples: &mut [T]) {
        let mut block = [0; BLOCK];
        self.reader.begin(samples.len() / self.channels);
        for moments in samples.chunks_mut(BLOCK * self.channels) {
            let block = &mut block[..moments.len() / self.channels];
            self.reader.read(block);
            for (moment, sample) in moments.chunks_exact_mut(self.channels).zip(block) {
                moment.fill(T::from_sample(*sample));
            }
        }
    }
}

/// The engine's end of a microphone's ring.
#[derive(Debug)]
pub(super) struct Input {
    reader: Reader,
    resampler: Resampler,
    frame: Vec<i16>,
}

impl Input {
    /// A ring for a microphone of this rate and these channels.
    pub(super) fn new(
        card: SampleRate,
        channels: usize,
        mixer: SampleRate,
    ) -> Result<(Microphone, Self), UnsupportedRatio> {
        let (ring, samples) = RingBuffer::new(card.frame_len() * ROOM);
        let input = Self {
            reader: Reader { samples, frame: card.frame_len(), running: false },
            resampler: Resampler::new(card.hz(), mixer.hz())?,
            frame: vec![0; card.frame_len()],
        };
        Ok((Microphone { ring, channels: channels.max(1) }, input))
    }

    /// The next frame at the mixer's rate.
    pub(super) fn produce(&mut self, frame: &mut [i16]) {
        self.reader.begin(self.frame.len());
        self.reader.read(&mut self.frame);
        let written = self.resampler.process(&self.frame, frame);
        frame[written..].fill(0);
    }
}

/// The engine's end of a loudspeaker's ring.
#[derive(Debug)]
pub(super) struct Output {
    ring: Producer<i16>,
    resampler: Resampler,
    frame: Vec<i16>,
}

impl Output {
    /// A ring for a loudspeaker of this rate and these channels.
    pub(super) fn new(
        card: SampleRate,
        channels: usize,
        mixer: SampleRate,
    ) -> Result<(Loudspeaker, Self), UnsupportedRatio> {
        let (ring, samples) = RingBuffer::new(card.frame_len() * ROOM);
        let output =
            Self { ring, resampler: Resampler::new(mixer.hz(), card.hz())?, frame: vec![0; card.frame_len() + 1] };
        let reader = Reader { samples, frame: card.frame_len(), running: false };
        Ok((Loudspeaker { reader, channels: channels.max(1) }, output))
    }

    /// Takes a frame at the mixer's rate. What does not fit, because the card does not call, is dropped.
    pub(super) fn consume(&mut self, frame: &[i16]) {
        let written = self.resampler.process(frame, &mut self.frame);
        let _ = self.ring.push_partial_slice(&self.frame[..written]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure;
    use crate::tone::sine;

    const CARD: SampleRate = SampleRate::HZ_48000;
    const MIXER: SampleRate = SampleRate::HZ_16000;

    fn stereo<T: Sample + FromSample<i16>>(samples: &[i16]) -> Vec<T> {
        samples.iter().flat_map(|sample| [T::from_sample(*sample); 2]).collect()
    }

    /// What the mixer hears of a microphone whose callbacks bring `sizes` samples in turn, one callback a tick.
    fn record<T: Sample + FromSample<i16>>(sizes: &[usize], ticks: usize) -> Vec<i16>
    where
        i16: FromSample<T>,
    {
        let (mut microphone, mut input) = Input::new(CARD, 2, MIXER).unwrap();
        let voice = sine(1_000.0, -10.0, CARD.hz(), 960 * ticks * 2);
        let mut heard = Vec::new();
        let mut at = 0;
        for tick in 0..ticks {
            let size = sizes[tick % sizes.len()];
            microphone.take::<T>(&stereo(&voice[at..at + size]));
            at += size;
            let mut frame = [7; 320];
            input.produce(&mut frame);
            heard.extend(frame);
        }
        heard
    }

    #[test]
    fn a_microphone_of_any_format_is_heard() {
        for heard in [record::<i16>(&[960], 50), record::<f32>(&[960], 50), record::<u16>(&[960], 50)] {
            assert_eq!(heard[..320], [0; 320], "two frames are waited for");
            let tone = measure::tone(&heard[640..], 16_000, 1_000.0);
            assert!((tone.level + 10.0).abs() < 0.1 && tone.ratio > 50.0, "{tone:?}");
        }
    }

    #[test]
    fn callbacks_of_uneven_size_are_not_heard() {
        let heard = record::<i16>(&[1_440, 480, 1_200, 720], 100);
        let tone = measure::tone(&heard[960..], 16_000, 1_000.0);
        assert!(tone.ratio > 50.0, "{tone:?}");
    }

    #[test]
    fn a_microphone_that_stops_is_silent_and_one_that_is_too_fast_is_skipped() {
        let heard = record::<i16>(&[960, 960, 960, 0, 0, 0, 0, 0], 8);
        assert_eq!(heard[5 * 320..], [0; 3 * 320]);
        let (mut microphone, mut input) = Input::new(CARD, 1, MIXER).unwrap();
        for _ in 0..1_000 {
            microphone.take(&[1_000_i16; 1_000]);
            input.produce(&mut [0; 320]);
            assert!(input.reader.samples.slots() <= 960 * MOST + 1_000);
        }
    }

    #[test]
    fn a_loudspeaker_of_any_size_of_callback_plays() {
        for size in [64, 441, 960, 1_024, 2_048] {
            let (mut loudspeaker, mut output) = Output::new(CARD, 2, MIXER).unwrap();
            let voice = sine(1_000.0, -10.0, MIXER.hz(), 320 * 100);
            let (mut played, mut wanted) = (Vec::new(), 0);
            for frame in voice.chunks(320) {
                output.consume(frame);
                wanted += 960;
                while wanted >= size {
                    let mut samples = vec![0.5_f32; size * 2];
                    loudspeaker.give(&mut samples);
                    assert!(samples.chunks(2).all(|moment| moment[0] == moment[1]));
                    played.extend(samples.chunks(2).map(|moment| i16::from_sample(moment[0])));
                    wanted -= size;
                }
            }
            let tone = measure::tone(&played[9_600..], 48_000, 1_000.0);
            assert!((tone.level + 10.0).abs() < 0.1 && tone.ratio > 50.0, "{size}: {tone:?}");
        }
    }

    /// A system's thread of sound must not wait for an allocator. The rings themselves are free of locks.
    #[test]
    fn callbacks_do_not_allocate() {
        let (mut microphone, mut input) = Input::new(CARD, 2, MIXER).unwrap();
        let (mut loudspeaker, mut output) = Output::new(CARD, 2, MIXER).unwrap();
        let mut samples = [0.25_f32; 1_920];
        for _ in 0..200 {
            let counted = allocation_counter::measure(|| {
                microphone.take(&samples);
                loudspeaker.give(&mut samples);
            });
            assert_eq!(counted.count_total, 0);
            let mut frame = [0; 320];
            input.produce(&mut frame);
            output.consume(&frame);
        }
    }

    #[test]
    fn a_loudspeaker_without_sound_is_silent() {
        let (mut loudspeaker, mut output) = Output::new(CARD, 1, MIXER).unwrap();
        let mut samples = [1_i16; 960];
        loudspeaker.give(&mut samples);
        assert_eq!(samples, [0; 960]);
        for _ in 0..100 {
            output.consume(&[1_000; 320]);
        }
        loudspeaker.give(&mut samples);
        assert_eq!(samples[900..], [1_000; 60]);
        assert!(loudspeaker.reader.samples.slots() <= 960 * MOST);
    }
}
