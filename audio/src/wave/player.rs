//! Plays a WAV file into a mixer (seed class WavePlayer).
//!
//! ```text
//!            start                   done waiting              end of file, loops left
//!   Idle ───────────► (Waiting) ───────────────────► Playing ─────────────────────────► Waiting
//!    ▲                                                  │
//!    └──────────────── stop, last loop done ────────────┘
//! ```

use std::path::PathBuf;
use std::time::Duration;

use super::{Wave, WaveError};
use crate::mixer::Volume;
use crate::port::{AudioPort, PortEvent, Roles};
use crate::rate::SampleRate;

/// Plays a file some number of times, with a pause before each further time. Can be started again after it has ended.
#[derive(Debug)]
pub struct WavePlayer {
    source: Source,
    rate: SampleRate,
    volume: Volume,
    loop_count: u32,
    pause_time: Duration,
    initial_play: bool,
    state: State,
    started: bool,
    ended: bool,
    failed: Option<WaveError>,
}

#[derive(Debug)]
enum Source {
    File(PathBuf),
    Wave(Wave),
}

#[derive(Debug)]
enum State {
    Idle,
    /// Samples left of the pause, and how often the file was played already.
    Waiting {
        wave: Wave,
        left: usize,
        played: u32,
    },
    /// The next sample, and how often the file was played already.
    Playing {
        wave: Wave,
        at: usize,
        played: u32,
    },
}

impl WavePlayer {
    /// A player of a file, for a mixer of this rate: at full volume, once, at once.
    pub fn new(filename: impl Into<PathBuf>, rate: SampleRate) -> Self {
        Self::with_source(Source::File(filename.into()), rate)
    }

    /// A player of what is in memory, for a mixer of this rate.
    #[must_use]
    pub const fn from_wave(wave: Wave, rate: SampleRate) -> Self {
        Self::with_source(Source::Wave(wave), rate)
    }

    const fn with_source(source: Source, rate: SampleRate) -> Self {
        Self {
            source,
            rate,
            volume: Volume::FULL,
            loop_count: 1,
            pause_time: Duration::ZERO,
            initial_play: true,
            state: State::Idle,
            started: false,
            ended: false,
            failed: None,
        }
    }

    /// Plays at this volume.
    #[must_use]
    pub const fn volume(mut self, volume: Volume) -> Self {
        self.volume = volume;
        self
    }

    /// Plays the file this many times; 0 is for ever.
    #[must_use]
    pub const fn loop_count(mut self, count: u32) -> Self {
        self.loop_count = count;
        self
    }

    /// Waits this long between two plays of the file.
    #[must_use]
    pub const fn pause_time(mut self, pause: Duration) -> Self {
        self.pause_time = pause;
        self
    }

    /// Whether to play at once when started, or only after [`WavePlayer::pause_time`].
    #[must_use]
    pub const fn initial_play(mut self, at_once: bool) -> Self {
        self.initial_play = at_once;
        self
    }

    /// Reads the file and plays it from the next tick on; [`PortEvent::WavePlayerDidFail`] tells when it cannot be read.
    /// Nothing happens when it is active already.
    ///
    /// Reads from disk: not to be called where a tick is waited for, unless the player is of a [`Wave`] at the mixer's rate.
    pub fn start(&mut self) {
        if self.is_active() {
            return;
        }
        match self.load() {
            Ok(wave) if self.initial_play => self.state = State::Playing { wave, at: 0, played: 0 },
            Ok(wave) => self.state = State::Waiting { wave, left: self.pause_len(), played: 0 },
            Err(error) => self.failed = Some(error),
        }
    }

    /// Falls silent at once.
    pub fn stop(&mut self) {
        if self.is_active() {
            self.end();
        }
    }

    /// Whether it plays or waits for the next time.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        !matches!(self.state, State::Idle)
    }

    fn load(&self) -> Result<Wave, WaveError> {
        let wave = match &self.source {
            Source::File(path) => Wave::open(path)?.at_rate(self.rate)?,
            Source::Wave(wave) => wave.at_rate(self.rate)?,
        };
        // An empty one would be played for ever in no time.
        if wave.samples().is_empty() { Err(WaveError::Data) } else { Ok(wave) }
    }

    fn pause_len(&self) -> usize {
        let millis = u32::try_from(self.pause_time.as_millis()).unwrap_or(u32::MAX);
        self.rate.samples_in(millis)
    }

    fn end(&mut self) {
        self.state = State::Idle;
        self.ended = true;
    }
}

impl AudioPort for WavePlayer {
    fn roles(&self) -> Roles {
        if self.is_active() { Roles::PRODUCER } else { Roles::NONE }
    }

    fn sample_rate(&self) -> Option<SampleRate> {
        Some(self.rate)
    }

    fn produce(&mut self, mut frame: &mut [i16]) {
        while !frame.is_empty() {
            let pause = self.pause_len();
            match &mut self.state {
                State::Idle => {
                    frame.fill(0);
                    return;
                }
                State::Waiting { wave, left, played } => {
                    let (now, later) = frame.split_at_mut((*left).min(frame.len()));
                    now.fill(0);
                    *left -= now.len();
                    frame = later;
                    if *left == 0 {
                        self.state = State::Playing { wave: wave.clone(), at: 0, played: *played };
                    }
                }
                State::Playing { wave, at, played } => {
                    self.started |= *at == 0 && *played == 0;
                    let rest = &wave.samples()[*at..];
                    let (now, later) = frame.split_at_mut(rest.len().min(frame.len()));
                    now.copy_from_slice(&rest[..now.len()]);
                    self.volume.apply(now);
                    *at += now.len();
                    frame = later;
                    if *at == wave.samples().len() {
                        let played = played.saturating_add(1);
                        if played == self.loop_count {
                            self.end();
                        } else {
                            self.state = State::Waiting { wave: wave.clone(), left: pause, played };
                        }
                    }
                }
            }
        }
    }

    fn poll_event(&mut self) -> Option<PortEvent> {
        if std::mem::take(&mut self.started) {
            return Some(PortEvent::WavePlayerDidStart);
        }
        if let Some(error) = self.failed.take() {
            return Some(PortEvent::WavePlayerDidFail { error });
        }
        std::mem::take(&mut self.ended).then_some(PortEvent::WavePlayerDidEnd)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure;
    use crate::tone::sine;

    const RATE: SampleRate = SampleRate::HZ_8000;

    /// What 20 ticks bring, and the names of the events after each.
    fn run(player: &mut WavePlayer) -> (Vec<i16>, Vec<(usize, &'static str)>) {
        let (mut samples, mut events) = (Vec::new(), Vec::new());
        for tick in 0..20 {
            let mut frame = [7; 160];
            player.produce(&mut frame);
            samples.extend_from_slice(&frame);
            while let Some(event) = player.poll_event() {
                events.push((
                    tick,
                    match event {
                        PortEvent::WavePlayerDidStart => "start",
                        PortEvent::WavePlayerDidEnd => "end",
                        _ => "fail",
                    },
                ));
            }
        }
        (samples, events)
    }

    fn ramp(len: i16) -> Wave {
        Wave::new(8_000, (1..=len).collect())
    }

    #[test]
    fn plays_once_and_ends() {
        let mut player = WavePlayer::from_wave(ramp(250), RATE);
        assert_eq!(player.roles(), Roles::NONE);
        player.start();
        assert_eq!(player.roles(), Roles::PRODUCER);
        let (samples, events) = run(&mut player);
        assert_eq!(events, [(0, "start"), (1, "end")]);
        let expected: Vec<i16> = (1..=250).chain([0; 3_200 - 250]).collect();
        assert_eq!(samples, expected);
        player.start();
        assert_eq!(run(&mut player), (samples, events), "it can be started again");
    }

    #[test]
    fn loops_with_pauses_to_the_sample() {
        let player = WavePlayer::from_wave(ramp(100), RATE);
        let mut player = player.loop_count(3).pause_time(Duration::from_millis(25)).initial_play(false);
        player.start();
        player.start();
        let (samples, events) = run(&mut player);
        let mut expected: Vec<i16> = Vec::new();
        for _ in 0..3 {
            expected.extend([0; 200].into_iter().chain(1..=100));
        }
        expected.resize(3_200, 0);
        assert_eq!(samples, expected);
        assert_eq!(events, [(1, "start"), (5, "end")]);
    }

    #[test]
    fn plays_for_ever_and_stops() {
        let mut player = WavePlayer::from_wave(ramp(100), RATE).loop_count(0);
        player.start();
        let (samples, events) = run(&mut player);
        assert_eq!(samples.iter().filter(|sample| **sample == 100).count(), 32);
        assert_eq!(events, [(0, "start")]);
        player.stop();
        player.stop();
        assert_eq!(run(&mut player), (vec![0; 3_200], vec![(0, "end")]));
    }

    #[test]
    fn stopping_in_a_pause_ends_too() {
        let mut player = WavePlayer::from_wave(ramp(100), RATE).pause_time(Duration::from_secs(60)).initial_play(false);
        player.start();
        assert_eq!(run(&mut player).1, []);
        player.stop();
        assert_eq!(run(&mut player).1, [(0, "end")]);
    }

    #[test]
    fn another_rate_is_resampled_and_the_volume_applied() {
        let wave = Wave::new(44_100, sine(1_000.0, -6.0, 44_100, 44_100));
        let mut player = WavePlayer::from_wave(wave, RATE).volume(Volume::from_percent(50));
        player.start();
        let tone = measure::tone(&run(&mut player).0[160..3_040], 8_000, 1_000.0);
        assert!((tone.level + 12.02).abs() < 0.05 && tone.ratio > 60.0, "{tone:?}");
    }

    #[test]
    fn what_cannot_be_played_fails() {
        let mut missing = WavePlayer::new("/nonexistent/file.wav", RATE);
        missing.start();
        assert!(!missing.is_active());
        assert_eq!(run(&mut missing).1, [(0, "fail")]);
        let mut empty = WavePlayer::from_wave(Wave::new(8_000, Vec::new()), RATE).loop_count(0);
        empty.start();
        assert_eq!(run(&mut empty), (vec![0; 3_200], vec![(0, "fail")]));
    }
}
