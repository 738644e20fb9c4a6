//! Engines joined by links in virtual time.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use sipsimple_audio::device::NullDevice;
use sipsimple_audio::engine::{AudioEvent, Engine, EngineConfig};
use sipsimple_audio::port::{AudioPort, Capture, Roles};
use sipsimple_audio::rate::{SampleRate, TICK};
use sipsimple_audio::tone::sine;
use sipsimple_audio::wave::{Wave, WavePlayer};
use sipsimple_core::id::StreamId;
use sipsimple_core::media::{Command, Component, Event, Format, Parameters, Setup, TelephoneEvent};
use sipsimple_core::random::{Random, Seed};
use sipsimple_core::sdp::Direction;
use sipsimple_core::sip::Text;
use sipsimple_core::time::{Instant, Utc};

/// How long a datagram is on its way.
const TRANSIT: Duration = Duration::from_millis(7);

pub(crate) struct Net {
    pub(crate) engines: Vec<Engine>,
    /// Events of the paths, with the number of the engine.
    pub(crate) media: Vec<(usize, StreamId, Event)>,
    pub(crate) audio: Vec<(usize, AudioEvent)>,
    /// Every datagram that was sent: from, to, bytes.
    pub(crate) sent: Vec<(SocketAddr, SocketAddr, Bytes)>,
    /// Percent of the datagrams that get lost.
    pub(crate) loss: u32,
    /// Milliseconds by which a datagram may take longer than the fastest: each another part of it.
    pub(crate) jitter: u64,
    pub(crate) now: Instant,
    random: Random,
    on_the_way: VecDeque<(Instant, SocketAddr, SocketAddr, Bytes)>,
}

impl Net {
    pub(crate) fn new(configs: impl IntoIterator<Item = EngineConfig>) -> Self {
        Self {
            engines: configs.into_iter().map(Engine::new).collect(),
            media: Vec::new(),
            audio: Vec::new(),
            sent: Vec::new(),
            loss: 0,
            jitter: 0,
            now: Instant::from_millis(1_000),
            random: Random::new(&Seed::from_u64(7)),
            on_the_way: VecDeque::new(),
        }
    }

    /// Two engines at these rates.
    pub(crate) fn pair(a: SampleRate, b: SampleRate) -> Self {
        Self::new([a, b].map(|sample_rate| EngineConfig { sample_rate, ..EngineConfig::default() }))
    }

    /// Joins a stream of one engine to a stream of another, and lets packets flow.
    pub(crate) fn join(&mut self, a: (usize, StreamId), b: (usize, StreamId), parameters: &Parameters) {
        self.add(a);
        self.add(b);
        self.start(a, b, parameters);
        self.start(b, a, parameters);
    }

    pub(crate) fn add(&mut self, (engine, stream): (usize, StreamId)) {
        let setup = Setup {
            local: Ipv4Addr::LOCALHOST.into(),
            ports: (0, 0),
            seed: Seed::from_u64(100 * engine as u64 + stream.as_u64()),
            ssrc: u32::try_from(engine * 1_000).unwrap() + stream.as_u64() as u32 + 1,
            cname: Text::from_static("test"),
            ice: None,
        };
        self.engines[engine].add_leg(stream, &setup, self.now, Utc::default()).unwrap();
    }

    pub(crate) fn start(&mut self, at: (usize, StreamId), peer: (usize, StreamId), parameters: &Parameters) {
        let (rtp, rtcp) = (address(peer, Component::Rtp), address(peer, Component::Rtcp));
        let parameters = Parameters { remote_rtp: Some(rtp), remote_rtcp: Some(rtcp), ..parameters.clone() };
        self.command(at, &Command::Start(parameters));
    }

    pub(crate) fn command(&mut self, (engine, stream): (usize, StreamId), command: &Command) {
        self.engines[engine].command(self.now, stream, command);
        self.drain();
    }

    /// Lets so many ticks go by. Datagrams arrive between them.
    pub(crate) fn run(&mut self, ticks: usize) {
        for _ in 0..ticks {
            for engine in &mut self.engines {
                engine.tick(self.now);
            }
            self.drain();
            self.deliver();
        }
    }

    /// Brings the datagrams that arrive before the next tick, and lets its time come.
    pub(crate) fn deliver(&mut self) {
        let next = self.now + TICK;
        while let Some((at, from, to, data)) = self.on_the_way.pop_front_if(|(at, ..)| *at < next) {
            let (engine, stream, component) = owner(to);
            self.engines[engine].datagram(at, stream, component, from, data);
        }
        self.now = next;
    }

    /// Takes what the engines have to send and to tell.
    pub(crate) fn drain(&mut self) {
        for (number, engine) in self.engines.iter_mut().enumerate() {
            for (stream, leg) in engine.legs_mut() {
                while let Some(event) = leg.poll_event() {
                    self.media.push((number, stream, event));
                }
                while let Some(transmit) = leg.poll_transmit() {
                    let from = address((number, stream), transmit.component);
                    self.sent.push((from, transmit.to, transmit.data.clone()));
                    if self.random.below(100) >= u64::from(self.loss) {
                        let longer = if self.jitter > 0 { self.random.below(self.jitter + 1) } else { 0 };
                        let at = self.now + TRANSIT + Duration::from_millis(longer);
                        let place = self.on_the_way.partition_point(|(other, ..)| *other <= at);
                        self.on_the_way.insert(place, (at, from, transmit.to, transmit.data));
                    }
                }
            }
            while let Some(event) = engine.poll_event() {
                self.audio.push((number, event));
            }
        }
    }

    /// Speaks a tone into the device of an engine, for ever, and hears what the device hears.
    pub(crate) fn device(&mut self, engine: usize, frequency: f64, level: f64) {
        let rate = self.engines[engine].sample_rate();
        self.engines[engine].set_device(Headset::new(rate, frequency, level)).unwrap();
    }

    /// What the device of [`Net::device`] heard.
    pub(crate) fn heard(&self, engine: usize) -> &[i16] {
        let device = self.engines[engine].device().device() as &dyn std::any::Any;
        device.downcast_ref::<Headset>().unwrap().heard.samples()
    }

    /// Takes the device away.
    pub(crate) fn mute(&mut self, engine: usize) {
        self.engines[engine].set_device(NullDevice).unwrap();
    }
}

/// A device that speaks a tone and remembers a minute of what it hears.
#[derive(Debug)]
struct Headset {
    voice: WavePlayer,
    heard: Capture,
}

impl Headset {
    fn new(rate: SampleRate, frequency: f64, level: f64) -> Self {
        let second = usize::try_from(rate.hz()).unwrap();
        let wave = Wave::new(rate.hz(), sine(frequency, level, rate.hz(), second));
        let mut voice = WavePlayer::from_wave(wave, rate).loop_count(0);
        voice.start();
        Self { voice, heard: Capture::new(60 * second) }
    }
}

impl AudioPort for Headset {
    fn roles(&self) -> Roles {
        Roles::BOTH
    }
    fn produce(&mut self, frame: &mut [i16]) {
        self.voice.produce(frame);
    }
    fn consume(&mut self, frame: &[i16]) {
        self.heard.consume(frame);
    }
}

pub(crate) fn stream(number: u64) -> StreamId {
    StreamId::from_u64(number)
}

/// PCMU and PCMA with telephone events.
pub(crate) fn parameters() -> Parameters {
    Parameters {
        remote_rtp: None,
        remote_rtcp: None,
        direction: Direction::SendRecv,
        formats: vec![format("PCMU", 0, 8_000), format("PCMA", 8, 8_000)],
        telephone_event: Some(TelephoneEvent { send_payload: 101, receive_payload: 101, clock_rate: 8_000 }),
        comfort_noise: None,
        suppress_silence: false,
        ptime: 20,
        symmetric: false,
        timeout: None,
        srtp: None,
        ice: None,
    }
}

pub(crate) fn format(encoding: &'static str, payload: u8, clock_rate: u32) -> Format {
    Format {
        send_payload: payload,
        receive_payload: payload,
        encoding: Text::from_static(encoding),
        clock_rate,
        channels: 1,
        remote_fmtp: None,
        local_fmtp: None,
    }
}

/// The address of a stream says whose it is.
pub(crate) fn address((engine, stream): (usize, StreamId), component: Component) -> SocketAddr {
    let port = 10_000 + 1_000 * u16::try_from(engine).unwrap() + 2 * u16::try_from(stream.as_u64()).unwrap();
    SocketAddr::from((Ipv4Addr::LOCALHOST, port + u16::from(component == Component::Rtcp)))
}

fn owner(address: SocketAddr) -> (usize, StreamId, Component) {
    let port = address.port() - 10_000;
    let component = if port.is_multiple_of(2) { Component::Rtp } else { Component::Rtcp };
    (usize::from(port / 1_000), stream(u64::from(port % 1_000 / 2)), component)
}
