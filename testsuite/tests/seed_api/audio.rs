//! Ports, bridges, players and recorders of an audio engine.

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use sipsimple_audio::bridge::Member;
use sipsimple_audio::conference::ConferenceError;
use sipsimple_audio::device::AudioDevice;
use sipsimple_audio::engine::{Engine, EngineConfig, PortId};
use sipsimple_audio::mixer::Volume;
use sipsimple_audio::port::{AudioPort, Capture, Roles};
use sipsimple_audio::rate::SampleRate;
use sipsimple_audio::ringtone::RingtoneConfiguration;
use sipsimple_audio::wave::{Wave, WavePlayer, WaveRecorder};
use sipsimple_core::id::StreamId;
use sipsimple_core::media::{Command, Format, Parameters, Setup};
use sipsimple_core::random::Seed;
use sipsimple_core::sdp::Direction;
use sipsimple_core::sip::{SipUri, Text};
use sipsimple_core::time::{Instant, Utc};

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
    conferences(table);
    ringtones(table);
}

/// A call of the engine, in G.722.
fn call(engine: &mut Engine, number: u64) -> StreamId {
    let stream = StreamId::from_u64(number);
    let setup = Setup {
        local: Ipv4Addr::LOCALHOST.into(),
        ports: (0, 0),
        seed: Seed::from_u64(number),
        ssrc: 1,
        cname: Text::from_static("call"),
        ice: None,
    };
    engine.add_leg(stream, &setup, Instant::ZERO, Utc::default()).unwrap();
    let format = Format {
        send_payload: 9,
        receive_payload: 9,
        encoding: Text::from_static("G722"),
        clock_rate: 8_000,
        channels: 1,
        remote_fmtp: None,
        local_fmtp: None,
    };
    let parameters = Parameters {
        remote_rtp: None,
        remote_rtcp: None,
        direction: Direction::SendRecv,
        formats: vec![format],
        telephone_event: None,
        comfort_noise: None,
        suppress_silence: false,
        ptime: 20,
        symmetric: false,
        timeout: None,
        srtp: None,
        ice: None,
    };
    engine.command(Instant::ZERO, stream, &Command::Start(parameters));
    stream
}

fn conferences(table: &mut Table) {
    let mut engine = engine();
    let (one, other) = (call(&mut engine, 1), call(&mut engine, 2));
    let rate = engine.leg(one).unwrap().codec().map(|codec| codec.sample_rate());
    table.is("002 AudioStream.sample_rate", rate, Some(16_000));
    table.is("000 Session.audio_sample_rate", rate, Some(16_000));
    let conference = engine.add_conference();
    let state = |engine: &Engine| engine.conference(conference).unwrap().clone();
    let members = |engine: &Engine| engine.bridge_members(state(engine).bridge()).unwrap();
    let device = Member::Port(engine.device_port());
    table.is("002 AudioConference.__init__", members(&engine), vec![device]);
    engine.join_conference(conference, one).unwrap();
    engine.join_conference(conference, other).unwrap();
    table.is("002 AudioConference.streams", state(&engine).streams().to_vec(), vec![one, other]);
    tick(&mut engine, table, 1);
    let [a, b] = [one, other].map(|stream| engine.slot(engine.leg(stream).unwrap().port()).unwrap());
    table.does("002 AudioConference.add", engine.mixer().connected_slots().contains(&(a, b)));
    let ear = engine.add_port(Capture::new(320)).unwrap();
    engine.bridge(state(&engine).bridge(), ear).unwrap();
    tick(&mut engine, table, 1);
    let to_ear = (a, engine.slot(ear).unwrap());
    table.does("002 AudioConference.bridge", engine.mixer().connected_slots().contains(&to_ear));
    engine.hold_conference(conference, true).unwrap();
    table.is("002 AudioConference.on_hold", state(&engine).on_hold(), true);
    table.is("002 AudioConference.hold", members(&engine).contains(&device), false);
    engine.hold_conference(conference, false).unwrap();
    table.is("002 AudioConference.unhold", members(&engine).contains(&device), true);
    engine.leave_conference(conference, one).unwrap();
    let gone = engine.leave_conference(conference, one);
    table.is("002 AudioConference.remove", gone, Err(ConferenceError::NotAMember(one)));
}

fn ringtones(table: &mut Table) {
    let mut ringtones = RingtoneConfiguration::default();
    let row = |name: &str| format!("000 RingtoneConfiguration.{name}");
    let uri = SipUri::new(Some("alice"), "example.com".parse().unwrap(), None);
    table.is(&row("__init__"), ringtones.get_ringtone_for_sipuri(&uri), None);
    ringtones.default_inbound_ringtone = Some("in.wav".into());
    ringtones.outbound_ringtone = Some("out.wav".into());
    table.is(&row("default_inbound_ringtone"), ringtones.get_ringtone_for_sipuri(&uri), Some(Path::new("in.wav")));
    table.is(&row("outbound_ringtone"), ringtones.outbound_ringtone.as_deref(), Some(Path::new("out.wav")));
    ringtones.add_ringtone_for_sipuri(uri.clone(), "alice.wav");
    table.is(&row("add_ringtone_for_sipuri"), ringtones.clone().remove_sipuri(&uri), true);
    table.is(&row("get_ringtone_for_sipuri"), ringtones.get_ringtone_for_sipuri(&uri), Some(Path::new("alice.wav")));
    ringtones.remove_sipuri(&uri);
    table.is(&row("remove_sipuri"), ringtones.get_ringtone_for_sipuri(&uri), Some(Path::new("in.wav")));
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
