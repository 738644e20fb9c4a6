//! Ports and bridges of an engine, tick by tick.

use sipsimple_audio::bridge::{BridgeError, Member};
use sipsimple_audio::device::NullDevice;
use sipsimple_audio::engine::{AudioEvent, Engine, EngineConfig, MixerId, PlugError, PortId};
use sipsimple_audio::measure;
use sipsimple_audio::mixer::{MixerFull, Slot, Volume};
use sipsimple_audio::port::{AudioPort, Capture, Roles};
use sipsimple_audio::rate::SampleRate;
use sipsimple_audio::tone::{ToneGenerator, sine};
use sipsimple_audio::wave::{Wave, WavePlayer};
use sipsimple_core::time::Instant;

/// Says one number all the time, and remembers the last it heard.
#[derive(Debug)]
struct Voice {
    says: i16,
    heard: i16,
    roles: Roles,
}

impl Voice {
    fn new(says: i16) -> Self {
        Self { says, heard: 0, roles: Roles::BOTH }
    }
}

impl AudioPort for Voice {
    fn roles(&self) -> Roles {
        self.roles
    }
    fn produce(&mut self, frame: &mut [i16]) {
        frame.fill(self.says);
    }
    fn consume(&mut self, frame: &[i16]) {
        assert!(frame.iter().all(|sample| *sample == frame[0]));
        self.heard = frame[0];
    }
}

fn engine() -> Engine {
    Engine::new(EngineConfig::default())
}

fn voices(engine: &mut Engine, says: &[i16]) -> Vec<PortId> {
    says.iter().map(|says| engine.add_port(Voice::new(*says)).unwrap()).collect()
}

/// What each of the ports hears in the next tick; 0 when nothing is connected to it.
fn heard(engine: &mut Engine, ports: &[PortId]) -> Vec<i16> {
    for port in ports {
        engine.port_mut::<Voice>(*port).unwrap().heard = 0;
    }
    engine.tick(Instant::ZERO);
    ports.iter().map(|port| engine.port::<Voice>(*port).unwrap().heard).collect()
}

fn pairs(engine: &Engine) -> Vec<(u16, u16)> {
    engine.mixer().connected_slots().iter().map(|(from, to)| (from.number(), to.number())).collect()
}

#[test]
fn a_bridge_connects_everybody_but_nobody_to_himself() {
    let mut engine = engine();
    let ports = voices(&mut engine, &[1, 10, 100]);
    let bridge = engine.add_bridge();
    for port in &ports {
        engine.bridge(bridge, *port).unwrap();
        engine.bridge(bridge, *port).unwrap();
    }
    assert_eq!(heard(&mut engine, &ports), [110, 101, 11]);
    assert_eq!(pairs(&engine), [(1, 2), (1, 3), (2, 1), (2, 3), (3, 1), (3, 2)]);
    engine.unbridge(bridge, ports[1]).unwrap();
    assert_eq!(engine.unbridge(bridge, ports[1]), Err(BridgeError::NotAMember(ports[1].into())));
    assert_eq!(heard(&mut engine, &ports), [100, 0, 1]);
    engine.stop_bridge(bridge).unwrap();
    assert_eq!(heard(&mut engine, &ports), [0, 0, 0]);
    assert_eq!(pairs(&engine), []);
    engine.remove_bridge(bridge).unwrap();
    assert_eq!(engine.bridge(bridge, ports[0]), Err(BridgeError::NoBridge(bridge)));
}

#[test]
fn roles_decide_who_speaks_and_who_hears() {
    let mut engine = engine();
    let ports = voices(&mut engine, &[1, 10, 100]);
    let bridge = engine.add_bridge();
    for port in &ports {
        engine.bridge(bridge, *port).unwrap();
    }
    engine.port_mut::<Voice>(ports[0]).unwrap().roles = Roles::PRODUCER;
    engine.port_mut::<Voice>(ports[1]).unwrap().roles = Roles::CONSUMER;
    assert_eq!(heard(&mut engine, &ports), [0, 101, 1]);
    assert_eq!(pairs(&engine), [(1, 2), (1, 3), (3, 2)]);
    assert_eq!(engine.producer_slot(ports[1]), None);
    assert_eq!(engine.consumer_slot(ports[1]), engine.slot(ports[1]));
    engine.port_mut::<Voice>(ports[0]).unwrap().roles = Roles::NONE;
    assert_eq!(heard(&mut engine, &ports), [0, 100, 0]);
    let mut changes = Vec::new();
    while let Some(event) = engine.poll_event() {
        if let AudioEvent::AudioPortDidChangeSlots { port, old_producer_slot, new_producer_slot, .. } = event
            && port == ports[0]
        {
            changes.push((old_producer_slot.map(Slot::number), new_producer_slot.map(Slot::number)));
        }
    }
    assert_eq!(changes, [(None, Some(1)), (Some(1), None)]);
}

#[test]
fn nested_bridges_hear_each_other_as_one() {
    let mut engine = engine();
    let ports = voices(&mut engine, &[1, 10, 100, 1_000]);
    let [outer, inner] = [(); 2].map(|()| engine.add_bridge());
    for (bridge, member) in
        [(outer, Member::Port(ports[0])), (outer, inner.into()), (inner, ports[1].into()), (inner, ports[2].into())]
    {
        engine.bridge(bridge, member).unwrap();
    }
    assert_eq!(heard(&mut engine, &ports), [110, 101, 11, 0]);
    assert_eq!(engine.bridge(inner, outer), Err(BridgeError::NotATree(outer)));
    engine.unbridge(outer, inner).unwrap();
    assert_eq!(heard(&mut engine, &ports), [0, 100, 10, 0]);
    assert_eq!(engine.bridge_members(inner), Ok(vec![Member::Port(ports[1]), Member::Port(ports[2])]));
}

#[test]
fn what_two_bridges_connect_stays_until_both_let_go() {
    let mut engine = engine();
    let ports = voices(&mut engine, &[1, 10]);
    let bridges = [(); 2].map(|()| engine.add_bridge());
    for bridge in bridges {
        for port in &ports {
            engine.bridge(bridge, *port).unwrap();
        }
    }
    engine.connect(ports[0], ports[1]).unwrap();
    engine.stop_bridge(bridges[0]).unwrap();
    assert_eq!(heard(&mut engine, &ports), [10, 1]);
    engine.disconnect(ports[0], ports[1]).unwrap();
    assert_eq!(heard(&mut engine, &ports), [10, 1]);
    engine.connect(ports[0], ports[1]).unwrap();
    engine.stop_bridge(bridges[1]).unwrap();
    assert_eq!(heard(&mut engine, &ports), [0, 1], "what was connected by hand stays");
}

#[test]
fn a_port_that_is_gone_is_in_no_bridge() {
    let mut engine = engine();
    let ports = voices(&mut engine, &[1, 10, 100]);
    let bridge = engine.add_bridge();
    for port in &ports {
        engine.bridge(bridge, *port).unwrap();
    }
    engine.connect(ports[0], ports[0]).unwrap();
    heard(&mut engine, &ports);
    assert!(engine.remove_port(ports[0]).is_some());
    assert!(engine.remove_port(ports[0]).is_none());
    assert_eq!(engine.bridge_members(bridge), Ok(vec![Member::Port(ports[1]), Member::Port(ports[2])]));
    assert_eq!(heard(&mut engine, &ports[1..]), [100, 10]);
    // The next port gets the slot, but neither the name nor the connections.
    let newcomer = engine.add_port(Voice::new(7)).unwrap();
    assert_eq!((engine.slot(newcomer).map(Slot::number), newcomer == ports[0]), (Some(1), false));
    assert_eq!(heard(&mut engine, &[newcomer, ports[1], ports[2]]), [0, 100, 10]);
    assert_eq!(engine.connect(ports[0], newcomer), Err(BridgeError::NoPort(ports[0])));
    assert!(engine.port::<Voice>(ports[0]).is_none());
    assert!(engine.port::<Capture>(newcomer).is_none(), "of another kind");
}

#[test]
fn a_port_of_another_mixer_is_refused() {
    let mut alert = Engine::new(EngineConfig { mixer: MixerId::ALERT, ..EngineConfig::default() });
    let mut voice = engine();
    let [port, _] = [alert.add_port(Voice::new(1)).unwrap(), voice.add_port(Voice::new(1)).unwrap()];
    let bridge = voice.add_bridge();
    assert_eq!(voice.bridge(bridge, port), Err(BridgeError::NoPort(port)));
    assert_eq!(voice.bridge(bridge, alert.device_port()), Err(BridgeError::NoPort(alert.device_port())));
    voice.bridge(bridge, voice.device_port()).unwrap();
    assert!(voice.remove_port(port).is_none());
}

#[test]
fn ports_that_wait_are_not_heard() {
    let mut engine = engine();
    let tones = engine.add_port(ToneGenerator::new(engine.sample_rate())).unwrap();
    let player = engine.add_port(WavePlayer::new("/nonexistent.wav", engine.sample_rate())).unwrap();
    let capture = engine.add_port(Capture::new(1_000)).unwrap();
    for port in [tones, player] {
        engine.connect(port, capture).unwrap();
    }
    engine.tick(Instant::ZERO);
    let heard = engine.port::<Capture>(capture).unwrap().samples();
    assert!(heard.is_empty(), "a consumer that hears nobody is left alone");
    engine.port_mut::<ToneGenerator>(tones).unwrap().play_dtmf('1').unwrap();
    engine.port_mut::<WavePlayer>(player).unwrap().start();
    engine.tick(Instant::ZERO);
    assert_eq!(engine.port::<Capture>(capture).unwrap().samples().len(), 160);
    let failed = std::iter::from_fn(|| engine.poll_event()).any(|event| event.names() == ["WavePlayerDidFail"]);
    assert!(failed && engine.port::<WavePlayer>(player).is_some(), "a port of the application's stays");
}

#[test]
fn volumes_and_mutes_are_those_of_the_port() {
    let mut engine = engine();
    let ports = voices(&mut engine, &[10, 200]);
    engine.connect(ports[0], ports[1]).unwrap();
    engine.connect(ports[1], ports[0]).unwrap();
    engine.set_input_volume(ports[0], Volume::from_percent(300)).unwrap();
    engine.set_output_volume(ports[0], Volume::from_percent(50)).unwrap();
    assert_eq!(heard(&mut engine, &ports), [100, 30]);
    engine.set_muted(ports[0], true).unwrap();
    assert_eq!(heard(&mut engine, &ports), [100, 0]);
    engine.set_muted(ports[0], false).unwrap();
    assert_eq!(heard(&mut engine, &ports), [100, 30]);
    engine.remove_port(ports[0]);
    for result in [
        engine.set_input_volume(ports[0], Volume::FULL),
        engine.set_output_volume(ports[0], Volume::FULL),
        engine.set_muted(ports[0], true),
    ] {
        assert_eq!(result, Err(BridgeError::NoPort(ports[0])));
    }
}

#[test]
fn a_full_mixer_refuses_and_goes_on() {
    let mut engine = Engine::new(EngineConfig { slot_count: 2, ..EngineConfig::default() });
    let ports = voices(&mut engine, &[1, 2]);
    assert_eq!(engine.add_port(Voice::new(3)), Err(PlugError::Full(MixerFull { slot_count: 2 })));
    engine.connect(ports[0], ports[1]).unwrap();
    assert_eq!(heard(&mut engine, &ports), [0, 1]);
}

#[test]
fn a_device_of_another_rate_is_refused() {
    let mut engine = engine();
    let (port, mixer) = (SampleRate::HZ_16000, engine.sample_rate());
    assert_eq!(engine.set_device(ToneGenerator::new(port)), Err(PlugError::Rate { port, mixer }));
}

/// Hears everything, at 16,000 Hz.
#[derive(Debug)]
struct Ear(Vec<i16>);

impl AudioPort for Ear {
    fn roles(&self) -> Roles {
        Roles::CONSUMER
    }
    fn sample_rate(&self) -> Option<SampleRate> {
        Some(SampleRate::HZ_16000)
    }
    fn consume(&mut self, frame: &[i16]) {
        assert_eq!(frame.len(), 320);
        self.0.extend(frame);
    }
}

#[test]
fn a_port_of_another_rate_is_resampled_also_when_the_mixer_gets_one() {
    let mut engine = engine();
    engine.set_device(NullDevice).unwrap();
    let player = |rate: SampleRate| {
        let mut player = WavePlayer::from_wave(Wave::new(rate.hz(), sine(440.0, -12.0, rate.hz(), 64_000)), rate);
        player.start();
        player
    };
    let ear = engine.add_port(Ear(Vec::new())).unwrap();
    let voice = engine.add_port(player(SampleRate::HZ_32000)).unwrap();
    engine.connect(voice, ear).unwrap();
    let tone = |engine: &mut Engine| {
        (0..20).for_each(|_| engine.tick(Instant::ZERO));
        let heard = std::mem::take(&mut engine.port_mut::<Ear>(ear).unwrap().0);
        assert_eq!(heard.len(), 6_400);
        measure::tone(&heard[3_200..], 16_000, 440.0)
    };
    for rate in [SampleRate::HZ_8000, SampleRate::HZ_44100, SampleRate::HZ_16000, SampleRate::HZ_48000] {
        engine.set_sample_rate(rate).unwrap();
        assert_eq!(engine.sample_rate(), rate);
        let tone = tone(&mut engine);
        assert!((tone.level + 12.0).abs() < 0.2 && tone.ratio > 33.0, "{rate:?}: {tone:?}");
    }
    // A device of another rate falls silent.
    engine.set_device(ToneGenerator::new(SampleRate::HZ_48000)).unwrap();
    engine.set_sample_rate(SampleRate::HZ_16000).unwrap();
    assert_eq!(engine.device().device().roles(), Roles::NONE);
}

#[test]
fn an_engine_without_anything_to_do_is_idle() {
    let mut engine = engine();
    let tones = engine.add_port(ToneGenerator::new(engine.sample_rate())).unwrap();
    let player = engine.add_port(WavePlayer::new("/nonexistent.wav", engine.sample_rate())).unwrap();
    assert!(engine.is_idle());
    engine.port_mut::<WavePlayer>(player).unwrap().start();
    assert!(engine.is_idle());
    assert_eq!(engine.poll_event().unwrap().names(), ["WavePlayerDidFail"]);
    engine.port_mut::<ToneGenerator>(tones).unwrap().play_dtmf('1').unwrap();
    assert!(!engine.is_idle());
    (0..13).for_each(|_| engine.tick(Instant::ZERO));
    assert!(engine.is_idle());
}

/// An engine may run on a thread of its own.
const _: fn() = || {
    const fn is_send<T: Send>() {}
    is_send::<Engine>();
};
