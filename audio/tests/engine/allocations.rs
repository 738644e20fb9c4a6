//! Nothing allocates while frames go through.

use crate::net::{Net, parameters, stream};
use allocation_counter::measure;
use sipsimple_audio::codec::Codecs;
use sipsimple_audio::engine::{Engine, EngineConfig, Recorded};
use sipsimple_audio::port::Capture;
use sipsimple_audio::rate::SampleRate;
use sipsimple_audio::tone::{Tone, ToneGenerator, sine};
use sipsimple_audio::wave::{Wave, WavePlayer, WaveRecorder};
use sipsimple_core::media::Format;
use sipsimple_core::sip::Text;
use sipsimple_core::time::Instant;

#[test]
fn ports_and_mixer_do_not_allocate() {
    let directory = tempfile::tempdir().unwrap();
    let mut engine = Engine::new(EngineConfig { sample_rate: SampleRate::HZ_16000, ..EngineConfig::default() });
    let rate = engine.sample_rate();
    let bridge = engine.add_bridge();
    let mut tones = ToneGenerator::new(rate);
    tones.play_tones(&[Tone { frequency1: 440, frequency2: 600, millis: 10_000 }]).unwrap();
    let mut player = WavePlayer::from_wave(Wave::new(16_000, vec![1_000; 500]), rate).loop_count(0);
    player.start();
    let mut recorder = WaveRecorder::new(directory.path().join("heard.wav"), rate);
    recorder.start().unwrap();
    let tones = engine.add_port(tones).unwrap();
    let player = engine.add_port(player).unwrap();
    let recorder = engine.add_port(recorder).unwrap();
    let capture = engine.add_port(Capture::new(100_000)).unwrap();
    for port in [tones, player, recorder, capture] {
        engine.bridge(bridge, port).unwrap();
    }
    let mut tick = || engine.tick(Instant::ZERO);
    tick();
    let counted = measure(|| (0..300).for_each(|_| tick()));
    assert_eq!(counted.count_total, 0, "{counted:?}");
}

#[test]
fn legs_allocate_nothing_but_their_datagrams() {
    let directory = tempfile::tempdir().unwrap();
    let mut net = Net::pair(SampleRate::HZ_16000, SampleRate::HZ_8000);
    net.device(0, 440.0, -12.0);
    net.device(1, 1_000.0, -12.0);
    net.join((0, stream(1)), (1, stream(1)), &parameters());
    let recorder = WaveRecorder::new(directory.path().join("heard.wav"), SampleRate::HZ_16000);
    net.engines[0].start_recording(stream(1), recorder, Recorded::Conversation).unwrap();
    net.loss = 5;
    net.run(100);
    let mut ticks = 0;
    let mut allocations = 0;
    for _ in 0..300 {
        // What the links hold and the packets' bytes are not the engine's: they are counted apart.
        net.deliver();
        let counted = measure(|| net.engines.iter_mut().for_each(|engine| engine.tick(net.now)));
        allocations += counted.count_total;
        ticks += net.engines.len() as u64;
        net.drain();
    }
    assert!(
        allocations <= ticks / 4,
        "{allocations} in {ticks} ticks: the buffers that packets are cut from, and no more"
    );
}

/// Its crate makes the arrays of a frame anew for each; there is no way to lend it any.
#[cfg(feature = "opus")]
#[test]
fn opus_gives_back_what_it_takes_for_a_frame() {
    let selection = Codecs::default().select(["opus"]);
    let codec = &selection.codecs[0];
    let format = Format {
        send_payload: 96,
        receive_payload: 96,
        encoding: Text::from_static("opus"),
        clock_rate: 48_000,
        channels: 2,
        remote_fmtp: None,
        local_fmtp: None,
    };
    let (mut encoder, mut decoder) = (codec.encoder(&format), codec.decoder(&format));
    let samples = sine(440.0, -10.0, 48_000, 960 * 100);
    let (mut payload, mut heard) = ([0; 1_400], [0; 960]);
    let mut frames = samples.chunks(960);
    let mut encoded = Vec::with_capacity(200_000);
    let mut lengths = Vec::with_capacity(100);
    let encoding = measure(|| {
        for frame in &mut frames {
            let len = encoder.encode(frame, &mut payload);
            encoded.extend_from_slice(&payload[..len]);
            lengths.push(len);
        }
    });
    let decoding = measure(|| {
        let mut rest = &encoded[..];
        for len in &lengths {
            let (packet, after) = rest.split_at(*len);
            decoder.decode(packet, &mut heard).unwrap();
            rest = after;
        }
    });
    for (what, counted, most) in [("encoding", encoding, 400), ("decoding", decoding, 40)] {
        assert!(counted.count_total <= 100 * most, "{what}: {counted:?}");
        assert_eq!(counted.bytes_current, 0, "{what}: {counted:?}");
    }
}

#[test]
fn codecs_do_not_allocate() {
    for encoding in ["G722", "PCMU", "PCMA", "GSM"] {
        let selection = Codecs::default().select([encoding]);
        let codec = &selection.codecs[0];
        let format = Format {
            send_payload: 96,
            receive_payload: 96,
            encoding: Text::from_static(codec.encoding()),
            clock_rate: codec.clock_rate(),
            channels: codec.channels(),
            remote_fmtp: None,
            local_fmtp: None,
        };
        let (mut encoder, mut decoder) = (codec.encoder(&format), codec.decoder(&format));
        let samples = sine(440.0, -10.0, codec.sample_rate(), codec.sample_rate() as usize / 50);
        let (mut payload, mut heard) = ([0; 1_400], vec![0; samples.len()]);
        let mut frame = || {
            let len = encoder.encode(&samples, &mut payload);
            decoder.decode(&payload[..len], &mut heard).unwrap();
        };
        frame();
        let counted = measure(|| (0..50).for_each(|_| frame()));
        assert_eq!(counted.count_total, 0, "{encoding}: {counted:?}");
    }
}
