//! A microphone in a room with a loudspeaker: the echo goes, the voice stays; noise goes, soft speech becomes louder.
#![cfg(feature = "processing")]

use std::time::Duration;

use allocation_counter::measure as count;
use sipsimple_audio::device::Processing;
use sipsimple_audio::engine::{Engine, EngineConfig};
use sipsimple_audio::measure;
use sipsimple_audio::port::{AudioPort, Capture, Roles};
use sipsimple_audio::rate::SampleRate;
use sipsimple_core::time::Instant;

const CANCEL: Processing = Processing { tail_length: Duration::from_millis(200), ..Processing::NONE };

/// Syllables: harmonics of a voice that glides, louder and softer four times a second, with pauses between the words.
#[derive(Clone, Debug)]
struct Voice {
    rate: f64,
    pitch: f64,
    /// Of its loudest sample.
    amplitude: f64,
    phase: f64,
    at: f64,
}

impl Voice {
    fn new(rate: SampleRate, pitch: f64, amplitude: f64) -> Self {
        Self { rate: f64::from(rate.hz()), pitch, amplitude, phase: 0.0, at: 0.0 }
    }

    fn next(&mut self) -> f64 {
        use std::f64::consts::TAU;
        let time = self.at / self.rate;
        self.at += 1.0;
        let glide = 1.0 + 0.2 * (TAU * time * 0.7).sin() + 0.1 * (TAU * time * 1.9).sin();
        self.phase = (self.phase + self.pitch * glide / self.rate).fract();
        let syllable = (TAU * time * 4.0).sin().max(0.0);
        let word = if (time * 0.6).fract() < 0.8 { 1.0 } else { 0.0 };
        let formant = 700.0 + 400.0 * (TAU * time * 1.3).sin();
        let harmonics = (1..=16).map(|number| {
            let number = f64::from(number);
            let off = (self.pitch * number - formant) / 500.0;
            (TAU * self.phase * number).sin() * (0.2 + (-off * off).exp()) / number.sqrt()
        });
        self.amplitude * 0.3 * syllable * word * harmonics.sum::<f64>()
    }
}

/// The far end's voice, as a port of the mixer.
#[derive(Debug)]
struct Far(Voice);

impl AudioPort for Far {
    fn roles(&self) -> Roles {
        Roles::PRODUCER
    }

    fn produce(&mut self, frame: &mut [i16]) {
        frame.iter_mut().for_each(|sample| *sample = self.0.next() as i16);
    }
}

/// A room: what the loudspeaker plays comes back to the microphone later, weaker and from several walls; somebody may
/// speak there, and there is noise.
#[derive(Debug)]
struct Room {
    roles: Roles,
    played: Vec<f64>,
    /// Delays in samples, and how much comes back.
    walls: Vec<(usize, f64)>,
    voice: Voice,
    /// The seconds in which somebody speaks.
    speaks: std::ops::Range<usize>,
    noise: f64,
    random: u32,
    heard: usize,
    rate: usize,
}

impl Room {
    /// With a loudspeaker whose sound comes back `delay` milliseconds later.
    fn new(rate: SampleRate, delay: u32) -> Self {
        let direct = rate.samples_in(delay);
        let wall = |millis: u32, part: f64| (direct + rate.samples_in(millis), part);
        Self {
            roles: Roles::BOTH,
            played: Vec::new(),
            walls: vec![wall(0, 0.4), wall(3, -0.2), wall(11, 0.15), wall(25, 0.08)],
            voice: Voice::new(rate, 190.0, 8_000.0),
            speaks: 0..0,
            noise: 3.0,
            random: 1,
            heard: 0,
            rate: rate.hz() as usize,
        }
    }
}

impl AudioPort for Room {
    fn roles(&self) -> Roles {
        self.roles
    }

    fn is_microphone(&self) -> bool {
        true
    }

    fn produce(&mut self, frame: &mut [i16]) {
        for sample in frame {
            let echo: f64 = self
                .walls
                .iter()
                .filter_map(|(delay, part)| Some(self.played.get(self.heard.checked_sub(*delay)?)? * part))
                .sum();
            let speaks = self.speaks.contains(&(self.heard / self.rate));
            let voice = if speaks { self.voice.next() } else { 0.0 };
            self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = self.noise * f64::from(self.random.cast_signed()) / 2_147_483_648.0;
            *sample = (echo + voice + noise) as i16;
            self.heard += 1;
        }
    }

    fn consume(&mut self, frame: &[i16]) {
        self.played.extend(frame.iter().copied().map(f64::from));
    }
}

/// What the mixer hears of the room in so many seconds, while the far end speaks this loud.
fn hear(rate: SampleRate, room: Room, far: f64, processing: Processing, seconds: u32) -> Vec<i16> {
    let mut engine = Engine::new(EngineConfig { sample_rate: rate, ..EngineConfig::default() });
    engine.set_device(room).unwrap();
    engine.device_mut().processing = processing;
    let far = engine.add_port(Far(Voice::new(rate, 120.0, far))).unwrap();
    let capture = engine.add_port(Capture::new(rate.samples_in(seconds * 1_000))).unwrap();
    engine.connect(far, engine.device_port()).unwrap();
    engine.connect(engine.device_port(), capture).unwrap();
    for _ in 0..seconds * 50 {
        engine.tick(Instant::ZERO);
    }
    engine.port::<Capture>(capture).unwrap().samples().to_vec()
}

/// The level in these seconds.
fn level(samples: &[i16], rate: SampleRate, seconds: std::ops::Range<u32>) -> f64 {
    let at = |second: u32| rate.samples_in(second * 1_000);
    measure::level(&samples[at(seconds.start)..at(seconds.end)])
}

#[test]
fn the_echo_goes_by_20_db_at_least() {
    for rate in [SampleRate::HZ_8000, SampleRate::HZ_16000, SampleRate::HZ_44100, SampleRate::HZ_48000] {
        for delay in [20, 80, 200] {
            let heard = |processing| hear(rate, Room::new(rate, delay), 10_000.0, processing, 10);
            let (before, after) = (heard(Processing::NONE), heard(CANCEL));
            let (echo, rest) = (level(&before, rate, 5..10), level(&after, rate, 5..10));
            assert!(echo > -35.0, "{rate:?}, {delay} ms: there is an echo of {echo} dB");
            assert!(echo - rest >= 20.0, "{rate:?}, {delay} ms: {echo} dB became {rest} dB");
        }
    }
}

#[test]
fn who_speaks_in_the_room_is_heard_also_while_the_far_end_speaks() {
    let rate = SampleRate::HZ_16000;
    let room = || Room { speaks: 6..12, ..Room::new(rate, 60) };
    let alone = level(&hear(rate, room(), 0.0, Processing::NONE, 12), rate, 7..12);
    for far in [0.0, 6_000.0] {
        let heard = hear(rate, room(), far, CANCEL, 12);
        let voice = level(&heard, rate, 7..12);
        assert!((voice - alone).abs() < 6.0, "far end {far}: a voice of {alone} dB is heard at {voice} dB");
        let before = level(&heard, rate, 4..6);
        assert!(voice - before > 15.0, "far end {far}: it stands out of {before} dB");
    }
}

#[test]
fn without_a_loudspeaker_or_a_tail_nothing_is_cancelled() {
    let rate = SampleRate::HZ_16000;
    let plain = hear(rate, Room::new(rate, 60), 10_000.0, Processing::NONE, 3);
    let none = Processing { tail_length: Duration::ZERO, ..CANCEL };
    assert_eq!(hear(rate, Room::new(rate, 60), 10_000.0, none, 3), plain);
    let alone = || Room { roles: Roles::PRODUCER, speaks: 0..3, ..Room::new(rate, 60) };
    assert_eq!(hear(rate, alone(), 0.0, CANCEL, 3), hear(rate, alone(), 0.0, Processing::NONE, 3));
}

#[test]
fn steady_noise_becomes_softer() {
    let rate = SampleRate::HZ_16000;
    let room = || Room { roles: Roles::PRODUCER, noise: 500.0, ..Room::new(rate, 0) };
    let suppress = Processing { noise_suppression: true, ..Processing::NONE };
    let (before, after) = (hear(rate, room(), 0.0, Processing::NONE, 8), hear(rate, room(), 0.0, suppress, 8));
    let (noise, rest) = (level(&before, rate, 4..8), level(&after, rate, 4..8));
    assert!(noise - rest > 10.0, "{noise} dB became {rest} dB");
}

#[test]
fn soft_speech_becomes_louder() {
    let rate = SampleRate::HZ_16000;
    let voice = Voice::new(rate, 190.0, 1_000.0);
    let room = || Room { roles: Roles::PRODUCER, speaks: 0..12, voice: voice.clone(), ..Room::new(rate, 0) };
    let control = Processing { gain_control: true, ..Processing::NONE };
    let (before, after) = (hear(rate, room(), 0.0, Processing::NONE, 12), hear(rate, room(), 0.0, control, 12));
    let (soft, loud) = (level(&before, rate, 6..12), level(&after, rate, 6..12));
    assert!(loud - soft > 6.0 && loud < -3.0, "{soft} dB became {loud} dB");
}

#[test]
fn what_is_asked_for_may_change_at_any_time_and_the_same_comes_out_every_time() {
    let rate = SampleRate::HZ_16000;
    let run = || {
        let mut engine = Engine::new(EngineConfig { sample_rate: rate, ..EngineConfig::default() });
        engine.set_device(Room { speaks: 0..10, ..Room::new(rate, 40) }).unwrap();
        let capture = engine.add_port(Capture::new(rate.samples_in(5_000))).unwrap();
        engine.connect(engine.device_port(), capture).unwrap();
        let all = Processing { noise_suppression: true, gain_control: true, ..CANCEL };
        for (tick, processing) in (0..).zip([Processing::NONE, CANCEL, all, Processing::NONE, all]) {
            engine.device_mut().processing = processing;
            engine.device_mut().output_muted = tick % 2 == 0;
            for _ in 0..50 {
                engine.tick(Instant::ZERO);
            }
        }
        engine.port::<Capture>(capture).unwrap().samples().to_vec()
    };
    assert_eq!(run(), run());
}

#[test]
fn what_it_allocates_is_little_and_does_not_stay() {
    let rate = SampleRate::HZ_48000;
    let mut engine = Engine::new(EngineConfig { sample_rate: rate, ..EngineConfig::default() });
    let mut room = Room { speaks: 0..10, ..Room::new(rate, 40) };
    room.played.reserve(rate.samples_in(10_000));
    engine.set_device(room).unwrap();
    engine.device_mut().processing = Processing { noise_suppression: true, gain_control: true, ..CANCEL };
    let far = engine.add_port(Far(Voice::new(rate, 120.0, 8_000.0))).unwrap();
    engine.connect(far, engine.device_port()).unwrap();
    (0..100).for_each(|_| engine.tick(Instant::ZERO));
    // Sonora's own: buffers of a piece, which it makes anew for each.
    let counted = count(|| (0..100).for_each(|_| engine.tick(Instant::ZERO)));
    assert!(counted.count_total < 100 * 150 && counted.bytes_max < 10_000, "{counted:?}");
    assert!(counted.bytes_current <= 0, "{counted:?}");
    engine.device_mut().processing = Processing::NONE;
    engine.tick(Instant::ZERO);
    let counted = count(|| (0..100).for_each(|_| engine.tick(Instant::ZERO)));
    assert_eq!(counted.count_total, 0, "{counted:?}");
}
