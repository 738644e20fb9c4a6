//! Ports, bridges, players and recorders of an audio engine.

use std::time::Duration;

use sipsimple_audio::device::AudioDevice;
use sipsimple_audio::engine::{Engine, EngineConfig, PortId};
use sipsimple_audio::mixer::Volume;
use sipsimple_audio::port::{AudioPort, Capture, Roles};
use sipsimple_audio::rate::SampleRate;
use sipsimple_audio::wave::{Wave, WavePlayer, WaveRecorder};
use sipsimple_core::time::Instant;

use super::table::Table;

const RATE: SampleRate = SampleRate::HZ_16000;

/// Says one number as long as it has a voice.
#[derive(Debug)]
struct Voice(Roles);

impl AudioPort for Voice {
    fn roles(&self) -> Roles {
        self.0
    }

    fn produce(&mut self, frame: &mut [i16]) {
        frame.fill(7);
    }
}

fn engine() -> Engine {
    Engine::new(EngineConfig { sample_rate: RATE, ..EngineConfig::default() })
}

fn tick(engine: &mut Engine, table: &mut Table, times: u64) {
    for time in 0..times {
        engine.tick(Instant::from_millis(20 * time));
        while let Some(event) = engine.poll_event() {
            table.heard(event.names(), &event);
        }
    }
}

fn heard(engine: &Engine, port: PortId) -> Vec<i16> {
    engine.port::<Capture>(port).unwrap().samples().to_vec()
}

pub(crate) fn scenarios(table: &mut Table) {
    ports_and_bridges(table);
    devices(table);
    waves(table);
}

fn ports_and_bridges(table: &mut Table) {
    let mut engine = engine();
    let voice = engine.add_port(Voice(Roles::BOTH)).unwrap();
    let ear = engine.add_port(Capture::new(320)).unwrap();
    tick(&mut engine, table, 1);
    table.is("002 IAudioPort.mixer", voice.mixer(), engine.device_port().mixer());
    table.is("002 IAudioPort.consumer_slot", engine.consumer_slot(voice), engine.slot(voice));
    table.is("002 IAudioPort.producer_slot", engine.producer_slot(ear), None);
    let bridge = engine.add_bridge();
    table.is("002 AudioBridge.__init__", engine.bridge_members(bridge), Ok(vec![]));
    engine.bridge(bridge, voice).unwrap();
    engine.bridge(bridge, ear).unwrap();
    tick(&mut engine, table, 1);
    table.is("002 AudioBridge.add", heard(&engine, ear), vec![7; RATE.frame_len()]);
    engine.unbridge(bridge, ear).unwrap();
    table.is("002 AudioBridge.remove", engine.bridge_members(bridge), Ok(vec![voice.into()]));
    for roles in [Roles::NONE, Roles::BOTH, Roles::CONSUMER] {
        engine.port_mut::<Voice>(voice).unwrap().0 = roles;
        tick(&mut engine, table, 1);
    }
}

fn devices(table: &mut Table) {
    let mut device = AudioDevice::new(Voice(Roles::BOTH));
    table.is("002 AudioDevice.__init__", device.roles(), Roles::BOTH);
    device.input_muted = true;
    table.is("002 AudioDevice.input_muted", device.roles(), Roles::CONSUMER);
    device.output_muted = true;
    table.is("002 AudioDevice.output_muted", device.roles(), Roles::NONE);
}

fn waves(table: &mut Table) {
    let dir = tempfile::tempdir().unwrap();
    let (played, recorded) = (dir.path().join("played.wav"), dir.path().join("recorded.wav"));
    Wave::new(RATE.hz(), vec![1000; 320]).save(&played).unwrap();

    let mut engine = engine();
    let recorder = engine.add_port(WaveRecorder::new(&recorded, RATE)).unwrap();
    let recording = |engine: &mut Engine, act: fn(&mut WaveRecorder)| {
        let recorder = engine.port_mut::<WaveRecorder>(recorder).unwrap();
        act(recorder);
        recorder.is_active()
    };
    table.is("002 WaveRecorder.__init__", recording(&mut engine, |_| ()), false);
    table.is("002 WaveRecorder.start", recording(&mut engine, |recorder| recorder.start().unwrap()), true);
    table.is("002 WaveRecorder.is_active", recording(&mut engine, |_| ()), true);

    let player = WavePlayer::new(&played, RATE).volume(Volume::from_percent(50)).loop_count(2);
    let player = engine.add_port(player.pause_time(Duration::from_millis(20)).initial_play(false)).unwrap();
    let playing = |engine: &mut Engine, act: fn(&mut WavePlayer)| {
        let player = engine.port_mut::<WavePlayer>(player).unwrap();
        act(player);
        player.is_active()
    };
    engine.connect(player, recorder).unwrap();
    table.is("002 WavePlayer.start", playing(&mut engine, WavePlayer::start), true);
    table.is("002 WavePlayer.is_active", playing(&mut engine, |_| ()), true);
    tick(&mut engine, table, 10);
    assert!(!playing(&mut engine, |_| ()), "it has played twice");
    playing(&mut engine, WavePlayer::start);
    table.is("002 WavePlayer.stop", playing(&mut engine, WavePlayer::stop), false);
    table.is("002 WaveRecorder.stop", recording(&mut engine, |recorder| recorder.stop().unwrap()), false);
    let samples = Wave::open(&recorded).unwrap().samples().to_vec();
    let loud = samples.iter().filter(|sample| **sample != 0).count();
    table.is("002 WavePlayer.__init__", (loud, samples.iter().max()), (640, Some(&500)));

    let missing = engine.add_port(WavePlayer::new(dir.path().join("missing.wav"), RATE)).unwrap();
    engine.port_mut::<WavePlayer>(missing).unwrap().start();
    tick(&mut engine, table, 3);
}
