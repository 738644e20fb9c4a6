//! Calls between engines, from sample to packet to sample, in virtual time.

use std::path::Path;
use std::time::Duration;

use crate::net::{Net, format, parameters, stream};
use sipsimple_audio::conference::ConferenceError;
use sipsimple_audio::engine::{AudioEvent, EngineConfig, NoLeg, PlayError, Recorded, RecordingError};
use sipsimple_audio::measure;
use sipsimple_audio::mixer::Volume;
use sipsimple_audio::port::PortEvent;
use sipsimple_audio::rate::SampleRate;
use sipsimple_audio::tone::{Tone, sine};
use sipsimple_audio::wave::{Wave, WavePlayer, WaveRecorder};
use sipsimple_core::media::{Command, Event, Parameters};
use sipsimple_core::sdp::Direction;

const A: (usize, sipsimple_core::id::StreamId) = (0, sipsimple_core::id::StreamId::from_u64(1));
const B: (usize, sipsimple_core::id::StreamId) = (1, sipsimple_core::id::StreamId::from_u64(2));
const RATE: SampleRate = SampleRate::HZ_8000;

fn tone_of(path: &Path, frequency: f64) -> measure::Reading {
    let wave = Wave::open(path).unwrap();
    let samples = measure::trim(wave.samples(), wave.rate(), -50.0);
    // The edges of a tone are where it sets in and where it fades out.
    let edge = usize::try_from(wave.rate() / 10).unwrap();
    measure::tone(&samples[edge..samples.len() - edge], wave.rate(), frequency)
}

fn has_tone(samples: &[i16], rate: SampleRate, frequency: f64) -> bool {
    measure::tone(samples, rate.hz(), frequency).level > -40.0
}

#[test]
fn both_sides_record_the_tone_of_the_other() {
    let directory = tempfile::tempdir().unwrap();
    for (codec, ptime, a, b) in [
        ("PCMU", 20, SampleRate::HZ_8000, SampleRate::HZ_8000),
        ("PCMA", 20, SampleRate::HZ_16000, SampleRate::HZ_8000),
        ("PCMU", 30, SampleRate::HZ_48000, SampleRate::HZ_16000),
        ("PCMA", 10, SampleRate::HZ_8000, SampleRate::HZ_44100),
        ("PCMU", 60, SampleRate::HZ_8000, SampleRate::HZ_8000),
        ("PCMU", 20, SampleRate::HZ_44100, SampleRate::HZ_44100),
    ] {
        let mut net = Net::pair(a, b);
        let number = if codec == "PCMU" { 0 } else { 8 };
        net.join(A, B, &Parameters { formats: vec![format(codec, number, 8_000)], ptime, ..parameters() });
        for (at, frequency, rate) in [(A, 440.0, a), (B, 1_000.0, b)] {
            let voice = Wave::new(16_000, sine(frequency, -12.0, 16_000, 16_000));
            net.engines[at.0].play(at.1, WavePlayer::from_wave(voice, rate)).unwrap();
            let recorder = WaveRecorder::new(directory.path().join(format!("{}.wav", at.0)), rate);
            net.engines[at.0].start_recording(at.1, recorder, Recorded::Received).unwrap();
        }
        net.run(75);
        for (at, other) in [(A, 1_000.0), (B, 440.0)] {
            net.engines[at.0].stop_recording(at.1).unwrap();
            let tone = tone_of(&directory.path().join(format!("{}.wav", at.0)), other);
            let case = format!("{codec} {ptime} ms {a:?} {b:?}: {tone:?}");
            assert!((tone.level + 12.0).abs() < 0.2 && tone.ratio > 33.0, "{case}");
        }
    }
}

#[test]
fn a_call_goes_on_when_its_mixer_gets_another_rate() {
    let directory = tempfile::tempdir().unwrap();
    let mut net = Net::pair(RATE, RATE);
    net.join(A, B, &Parameters { formats: vec![format("PCMU", 0, 8_000)], ..parameters() });
    let voice = Wave::new(16_000, sine(440.0, -12.0, 16_000, 48_000));
    net.engines[0].play(A.1, WavePlayer::from_wave(voice, RATE)).unwrap();
    let recorder = WaveRecorder::new(directory.path().join("heard.wav"), RATE);
    net.engines[1].start_recording(B.1, recorder, Recorded::Received).unwrap();
    net.run(20);
    for engine in &mut net.engines {
        engine.set_sample_rate(SampleRate::HZ_48000).unwrap();
    }
    net.run(60);
    net.engines[1].stop_recording(B.1).unwrap();
    let heard = Wave::open(directory.path().join("heard.wav")).unwrap();
    assert_eq!(heard.rate(), 8_000);
    let last = &heard.samples()[heard.samples().len() - 4_000..];
    let tone = measure::tone(last, 8_000, 440.0);
    assert!((tone.level + 12.0).abs() < 0.3 && tone.ratio > 30.0, "{tone:?}");
}

#[test]
fn two_percent_of_loss_are_hardly_heard() {
    let mut net = Net::pair(SampleRate::HZ_8000, SampleRate::HZ_16000);
    net.loss = 2;
    net.device(0, 440.0, -12.0);
    net.device(1, 1_000.0, -12.0);
    net.join(A, B, &parameters());
    net.run(500);
    for (at, rate, other) in [(A, SampleRate::HZ_8000, 1_000.0), (B, SampleRate::HZ_16000, 440.0)] {
        let heard = measure::trim(net.heard(at.0), rate.hz(), -50.0);
        let tone = measure::tone(&heard[rate.frame_len()..], rate.hz(), other);
        assert!((tone.level + 12.0).abs() < 0.3 && tone.ratio > 20.0, "{tone:?}");
        let counted = net.engines[at.0].leg(at.1).unwrap().playout();
        assert!((2..30).contains(&counted.concealed), "{counted:?}");
    }
}

#[test]
fn jitter_of_120_ms_is_hardly_heard_after_a_while() {
    let rate = SampleRate::HZ_16000;
    let mut net = Net::pair(rate, rate);
    net.device(0, 440.0, -12.0);
    net.device(1, 1_000.0, -12.0);
    net.join((0, stream(1)), (1, stream(1)), &parameters());
    let mut ratios = Vec::new();
    for (jitter, seconds) in [(0, 3), (120, 15), (0, 20)] {
        net.jitter = jitter;
        net.run(seconds * 50);
        let end = net.heard(1).len();
        let heard = measure::tone(&net.heard(1)[end - 2 * 16_000..], 16_000, 440.0);
        assert!((heard.level + 12.0).abs() < 1.0, "{jitter} ms: {heard:?}");
        ratios.push(heard.ratio);
    }
    assert!(ratios[0] > 30.0 && ratios[1] > 15.0 && ratios[2] > 30.0, "{ratios:?}");
    let leg = net.engines[1].leg(stream(1)).unwrap();
    assert!(leg.path().statistics().rx.discarded < 100, "{:?}", leg.path().statistics().rx);
}

#[test]
fn an_echo_is_exact_to_the_byte() {
    let mut net = Net::pair(RATE, RATE);
    net.device(0, 440.0, -6.0);
    net.join(A, B, &Parameters { formats: vec![format("PCMA", 8, 8_000)], ..parameters() });
    net.engines[1].echo(B.1, true).unwrap();
    net.run(100);
    let payloads = |from: usize| -> Vec<u8> {
        let port = u16::try_from(10_000 + from * 1_000).unwrap();
        let rtp =
            net.sent.iter().filter(|(sender, ..)| sender.port() / 1_000 == port / 1_000 && sender.port() % 2 == 0);
        rtp.flat_map(|(.., data)| data[12..].to_vec()).collect()
    };
    let (spoken, echoed) = (payloads(0), payloads(1));
    let start = echoed.iter().position(|byte| *byte != 0xd5).unwrap();
    let skip = spoken.iter().position(|byte| *byte != 0xd5).unwrap();
    assert_eq!(echoed[start..][..8_000], spoken[skip..][..8_000]);
    let heard = &net.heard(0)[8_000..];
    let tone = measure::tone(heard, 8_000, 440.0);
    assert!((tone.level + 6.0).abs() < 0.1 && tone.ratio > 35.0, "{tone:?}");
    net.engines[1].echo(B.1, false).unwrap();
    net.run(50);
    let heard = net.heard(0);
    // The A-law has no zero: the smallest value is 8.
    assert!(heard[heard.len() - 1_600..].iter().all(|sample| *sample == 8));
}

#[test]
fn digits_arrive_as_events_and_in_the_audio() {
    let mut net = Net::pair(RATE, SampleRate::HZ_16000);
    net.device(1, 1_000.0, -90.0);
    net.join(A, B, &parameters());
    net.run(20);
    let digit = |digit| Command::SendDtmf { digit, duration: Duration::from_millis(100) };
    net.command(A, &digit('5'));
    net.command(A, &digit('#'));
    net.command(A, &digit('x'));
    net.run(60);
    let digits: Vec<_> = net.media.iter().filter(|(.., event)| matches!(event, Event::Dtmf { .. })).collect();
    assert_eq!(digits, [&(1, B.1, Event::Dtmf { digit: '5' }), &(1, B.1, Event::Dtmf { digit: '#' })]);
    for key in "17D".chars() {
        net.engines[0].play_dtmf(A.1, key).unwrap();
        let before = net.heard(1).len();
        net.run(20);
        let heard = measure::trim(&net.heard(1)[before..], 16_000, -50.0);
        assert_eq!(measure::dtmf(&heard[320..2_880], 16_000), Some(key));
    }
    assert_eq!(net.engines[0].mixer().used_slot_count(), 2, "one generator for all");
    let tones = [Tone { frequency1: 300, frequency2: 0, millis: 1_000 }; 33];
    assert!(matches!(net.engines[0].play_tones(A.1, &tones), Err(PlayError::Tone(_))));
    net.engines[0].play_tones(A.1, &tones[..2]).unwrap();
    net.run(10);
    net.engines[0].stop_playing(A.1).unwrap();
    net.run(20);
    let heard = net.heard(1);
    assert_eq!(measure::level(&heard[heard.len() - 320..]), f64::NEG_INFINITY);
}

/// AudioStream.muted: its port produces no more, and goes on to consume.
#[test]
fn a_muted_stream_is_not_heard_and_goes_on_hearing() {
    let mut net = Net::pair(RATE, RATE);
    net.device(0, 440.0, -12.0);
    net.device(1, 1_000.0, -12.0);
    net.join(A, B, &parameters());
    net.run(50);
    let port = net.engines[0].leg(A.1).unwrap().port();
    let slot = net.engines[0].slot(port);
    for muted in [true, true, false] {
        net.audio.clear();
        let changes = net.engines[0].leg(A.1).unwrap().is_muted() != muted;
        net.engines[0].mute(A.1, muted).unwrap();
        assert_eq!(net.engines[0].leg(A.1).unwrap().is_muted(), muted);
        net.run(50);
        assert_eq!(net.engines[0].producer_slot(port), slot.filter(|_| !muted));
        assert_eq!(net.engines[0].consumer_slot(port), slot);
        let last = |engine: usize| &net.heard(engine)[net.heard(engine).len() - 6_000..];
        assert_eq!(has_tone(last(0), RATE, 1_000.0), !muted);
        assert!(muted || measure::level(last(0)) > -20.0);
        assert!(has_tone(last(1), RATE, 440.0), "the other side hears what it heard");
        let told = net.audio.iter().filter_map(|(_, event)| match event {
            AudioEvent::AudioPortDidChangeSlots {
                consumer_slot_changed: false,
                producer_slot_changed: true,
                old_consumer_slot,
                new_consumer_slot,
                old_producer_slot,
                new_producer_slot,
                ..
            } if old_consumer_slot == new_consumer_slot => Some((*old_producer_slot, *new_producer_slot)),
            _ => None,
        });
        let expected = if muted { (slot, None) } else { (None, slot) };
        assert_eq!(told.collect::<Vec<_>>(), if changes { vec![expected] } else { vec![] });
    }
    assert_eq!(net.engines[0].mute(B.1, true), Err(NoLeg(B.1)));
}

#[test]
fn a_held_stream_sends_silence_and_is_not_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("conversation.wav");
    let mut net = Net::pair(RATE, RATE);
    net.device(0, 440.0, -12.0);
    net.device(1, 1_000.0, -12.0);
    net.join(A, B, &parameters());
    net.engines[0].start_recording(A.1, WaveRecorder::new(&path, RATE), Recorded::Conversation).unwrap();
    net.run(50);
    net.engines[0].hold(A.1, true).unwrap();
    net.engines[0].hold(A.1, true).unwrap();
    let sent = net.sent.len();
    net.run(50);
    assert!(net.sent.len() >= sent + 100, "packets go on both ways");
    for engine in [0, 1] {
        let heard = net.heard(engine);
        assert_eq!(measure::level(&heard[heard.len() - 1_600..]), f64::NEG_INFINITY);
    }
    // A recording that is begun on hold waits as well.
    net.engines[0].stop_recording(A.1).unwrap();
    let later = directory.path().join("later.wav");
    net.engines[0].start_recording(A.1, WaveRecorder::new(&later, RATE), Recorded::Conversation).unwrap();
    net.run(25);
    net.engines[0].hold(A.1, false).unwrap();
    net.run(50);
    for (engine, other) in [(0, 1_000.0), (1, 440.0)] {
        let heard = net.heard(engine);
        assert!(has_tone(&heard[heard.len() - 1_600..], RATE, other));
    }
    net.engines[0].stop_recording(A.1).unwrap();
    for path in [path, later] {
        let recording = Wave::open(&path).unwrap();
        assert_eq!(recording.samples().len(), 50 * 160, "the time on hold is not in it");
        for frequency in [440.0, 1_000.0] {
            assert!(has_tone(&recording.samples()[1_600..6_400], RATE, frequency), "both sides are in it");
        }
    }
}

#[test]
fn the_direction_says_who_is_heard() {
    let mut net = Net::pair(RATE, RATE);
    net.device(0, 440.0, -12.0);
    net.device(1, 1_000.0, -12.0);
    net.join(A, B, &parameters());
    net.run(50);
    for (direction, a_hears, b_hears) in [
        (Direction::SendOnly, false, true),
        (Direction::RecvOnly, true, false),
        (Direction::Inactive, false, false),
        (Direction::SendRecv, true, true),
    ] {
        net.start(A, B, &Parameters { direction, ..parameters() });
        net.start(B, A, &Parameters { direction: direction.reversed(), ..parameters() });
        net.run(50);
        let last = |engine: usize| net.heard(engine)[net.heard(engine).len() - 1_600..].to_vec();
        assert_eq!(has_tone(&last(0), RATE, 1_000.0), a_hears, "{direction:?}");
        assert_eq!(has_tone(&last(1), RATE, 440.0), b_hears, "{direction:?}");
    }
    // The clock of the RTP timestamps has gone on while nothing was sent.
    let rtp = net.sent.iter().filter(|(from, to, _)| from.port() < 11_000 && to.port().is_multiple_of(2));
    let timestamps: Vec<_> = rtp.map(|(.., data)| u32::from_be_bytes(data[4..8].try_into().unwrap())).collect();
    let (first, last) = (timestamps[0], timestamps[timestamps.len() - 1]);
    assert_eq!((timestamps.len(), last.wrapping_sub(first)), (150, 249 * 160));
}

#[test]
fn in_a_conference_everybody_hears_all_but_himself() {
    // Engine 0 is the conference and speaks itself; the others call it.
    let mut net = Net::new((0..5).map(|_| EngineConfig::default()));
    let frequency = |engine: usize| 300.0 + 240.0 * engine as f64;
    for engine in 0..5 {
        net.device(engine, frequency(engine), -26.0);
    }
    for caller in 1..5 {
        let number = u64::try_from(caller).unwrap();
        net.join((0, stream(number)), (caller, stream(number)), &parameters());
    }
    let conference = net.engines[0].add_conference();
    for number in 1..5 {
        net.engines[0].join_conference(conference, stream(number)).unwrap();
        net.engines[0].join_conference(conference, stream(number)).unwrap();
    }
    net.run(150);
    for listener in 0..5 {
        let heard = &net.heard(listener)[8_000..];
        for speaker in 0..5 {
            let level = measure::tone(heard, 8_000, frequency(speaker)).level;
            if speaker == listener {
                assert!(level < -60.0, "{listener} hears himself at {level} dB");
            } else {
                assert!((level + 26.0).abs() < 1.0, "{listener} hears {speaker} at {level} dB");
            }
        }
    }
    // One leaves the conference: still in a call, but alone with the device.
    net.engines[0].leave_conference(conference, stream(4)).unwrap();
    net.run(100);
    let (left, stayed) = (net.heard(4), net.heard(3));
    assert!(!has_tone(&left[left.len() - 4_000..], RATE, frequency(1)));
    assert!(has_tone(&left[left.len() - 4_000..], RATE, frequency(0)));
    assert!(!has_tone(&stayed[stayed.len() - 4_000..], RATE, frequency(4)));
    assert!(has_tone(&stayed[stayed.len() - 4_000..], RATE, frequency(1)));
    // Held, the conference goes on without the device.
    net.engines[0].hold_conference(conference, true).unwrap();
    net.run(100);
    let (stayed, left, here) = (net.heard(3), net.heard(4), net.heard(0));
    assert!(!has_tone(&stayed[stayed.len() - 4_000..], RATE, frequency(0)));
    assert!(has_tone(&stayed[stayed.len() - 4_000..], RATE, frequency(1)));
    assert!(has_tone(&left[left.len() - 4_000..], RATE, frequency(0)), "who left is still in a call with the device");
    assert!(!has_tone(&here[here.len() - 4_000..], RATE, frequency(1)));
    net.engines[0].hold_conference(conference, false).unwrap();
    // A call that ends leaves.
    net.command((0, stream(1)), &Command::Stop);
    net.run(100);
    let (stayed, here) = (net.heard(3), net.heard(0));
    assert!(has_tone(&stayed[stayed.len() - 4_000..], RATE, frequency(0)));
    assert!(!has_tone(&stayed[stayed.len() - 4_000..], RATE, frequency(1)));
    assert!(has_tone(&here[here.len() - 4_000..], RATE, frequency(2)));
    assert_eq!(net.engines[0].conference(conference).unwrap().streams(), [stream(2), stream(3)]);
}

#[test]
fn a_stream_that_stops_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("call.wav");
    let mut net = Net::pair(RATE, RATE);
    net.join(A, B, &parameters());
    let endless = WavePlayer::from_wave(Wave::new(8_000, vec![1_000; 800]), RATE).loop_count(0);
    net.engines[0].play(A.1, endless).unwrap();
    net.engines[0].play_dtmf(A.1, '1').unwrap();
    net.engines[0].start_recording(A.1, WaveRecorder::new(&path, RATE), Recorded::Conversation).unwrap();
    net.run(50);
    assert_eq!(net.engines[0].mixer().used_slot_count(), 4);
    assert_eq!(net.engines[0].recording_filename(A.1), Some(path.as_path()));
    net.sent.clear();
    net.command(A, &Command::Stop);
    assert_eq!(net.engines[0].mixer().used_slot_count(), 0);
    assert_eq!(net.engines[0].mixer().connected_slots(), []);
    assert!(net.sent.iter().any(|(.., data)| data.windows(2).any(|word| word == [0x81, 203])), "RTCP BYE is sent");
    assert!(net.engines[0].leg(A.1).unwrap().is_finished());
    assert!(net.media.iter().any(|(engine, _, event)| *engine == 0 && matches!(event, Event::Stats(_))));
    assert!(Wave::open(&path).is_ok());
    net.run(10);
    net.command(A, &Command::Start(parameters()));
    net.run(10);
    assert!(net.engines[0].leg(A.1).unwrap().codec().is_none(), "what was stopped does not start again");
    assert!(net.engines[0].echo(A.1, true).is_err());
    assert!(net.engines[0].remove_leg(A.1) && !net.engines[0].remove_leg(A.1));
    assert!(net.engines[0].hold(A.1, true).is_err());
    let names: Vec<_> = net.audio.iter().flat_map(|(_, event)| event.names().first()).collect();
    for name in [
        "AudioStreamWillStartRecordingAudio",
        "AudioStreamDidStartRecordingAudio",
        "AudioStreamWillStopRecordingAudio",
        "AudioStreamDidStopRecordingAudio",
        "AudioPortDidChangeSlots",
        "WavePlayerDidStart",
    ] {
        assert!(names.iter().any(|seen| **seen == name), "{name} is not among {names:?}");
    }
}

#[test]
fn a_player_goes_when_it_has_ended() {
    let mut net = Net::pair(RATE, RATE);
    net.join(A, B, &parameters());
    let short = WavePlayer::from_wave(Wave::new(8_000, vec![1_000; 800]), RATE).volume(Volume::from_percent(50));
    net.engines[0].play(A.1, short).unwrap();
    net.engines[0].play(A.1, WavePlayer::new("/nonexistent.wav", RATE)).unwrap();
    assert_eq!(net.engines[0].mixer().used_slot_count(), 3);
    net.run(20);
    assert_eq!(net.engines[0].mixer().used_slot_count(), 1);
    let names: Vec<_> =
        net.audio.iter().filter(|(engine, _)| *engine == 0).flat_map(|(_, event)| event.names()).collect();
    let players: Vec<_> = names.into_iter().filter(|name| name.starts_with("WavePlayer")).collect();
    assert_eq!(players, [&"WavePlayerDidStart", &"WavePlayerDidFail", &"WavePlayerDidEnd"]);
}

#[test]
fn what_is_told_of_recordings_and_players_names_them() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name);
    let mut net = Net::pair(RATE, RATE);
    net.join(A, B, &parameters());
    net.run(5);
    net.audio.clear();
    net.engines[0].start_recording(A.1, WaveRecorder::new(file("a.wav"), RATE), Recorded::Conversation).unwrap();
    net.engines[1].start_recording(B.1, WaveRecorder::new(file("b.wav"), RATE), Recorded::Received).unwrap();
    let short = WavePlayer::from_wave(Wave::new(8_000, vec![1_000; 160]), RATE).loop_count(2);
    let plays = net.engines[0].play(A.1, short).unwrap();
    let missing = net.engines[0].play(A.1, WavePlayer::new(file("missing.wav"), RATE)).unwrap();
    net.run(10);
    net.engines[0].stop_recording(A.1).unwrap();
    net.command(B, &Command::Stop);
    net.run(1);
    let mut told = [Vec::new(), Vec::new()];
    for (engine, event) in &net.audio {
        told[*engine].push(match event {
            AudioEvent::WillStartRecording { stream, filename } => ("will start", *stream, filename.clone()),
            AudioEvent::DidStartRecording { stream, filename } => ("did start", *stream, filename.clone()),
            AudioEvent::WillStopRecording { stream, filename } => ("will stop", *stream, filename.clone()),
            AudioEvent::DidStopRecording { stream, filename, reason: None } => ("did stop", *stream, filename.clone()),
            _ => continue,
        });
    }
    for (engine, stream, name) in [(0, A.1, "a.wav"), (1, B.1, "b.wav")] {
        let steps = ["will start", "did start", "will stop", "did stop"];
        assert_eq!(told[engine], steps.map(|step| (step, stream, file(name))));
    }
    let told = net.audio.iter().filter_map(|(_, event)| match event {
        AudioEvent::Port { port, event: PortEvent::WavePlayerDidFail { error } } => Some((*port, error.to_string())),
        AudioEvent::Port { port, .. } => Some((*port, event.names().join(" "))),
        _ => None,
    });
    let told: Vec<_> = told.collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told.contains(&(plays, "WavePlayerDidStart".into())) && told.contains(&(plays, "WavePlayerDidEnd".into())));
    assert!(told.iter().any(|(port, error)| *port == missing && error.contains("No such file")), "{told:?}");
}

#[test]
fn a_recording_that_fails_is_told_once() {
    let mut net = Net::pair(RATE, RATE);
    net.device(1, 1_000.0, -12.0);
    net.join(A, B, &parameters());
    let unwritable = WaveRecorder::new("/nonexistent\0/call.wav", RATE);
    let error = net.engines[0].start_recording(A.1, unwritable, Recorded::Received).unwrap_err();
    assert!(matches!(error, RecordingError::Wave(_)));
    assert_eq!(net.engines[0].mixer().used_slot_count(), 1);
    net.engines[0].start_recording(A.1, WaveRecorder::new("/dev/full", RATE), Recorded::Received).unwrap();
    let again = net.engines[0].start_recording(A.1, WaveRecorder::new("/dev/full", RATE), Recorded::Received);
    assert!(matches!(again, Err(RecordingError::AlreadyRecording)));
    net.run(400);
    let stopped: Vec<_> =
        net.audio.iter().filter(|(_, event)| matches!(event, AudioEvent::DidStopRecording { .. })).collect();
    assert!(matches!(stopped[..], [(0, AudioEvent::DidStopRecording { reason: Some(_), .. })]), "{stopped:?}");
    assert_eq!(net.engines[0].recording_filename(A.1), None);
}

#[test]
fn codecs_that_are_not_built_in_are_passed_over() {
    let mut net = Net::pair(RATE, RATE);
    net.device(0, 440.0, -12.0);
    net.device(1, 1_000.0, -12.0);
    let formats = vec![format("opus", 96, 48_000), format("PCMA", 8, 8_000), format("G722", 9, 8_000)];
    net.join(A, B, &Parameters { formats, ..parameters() });
    net.run(50);
    assert_eq!(net.engines[0].leg(A.1).unwrap().codec().unwrap().encoding(), "PCMA");
    let heard = net.heard(0);
    assert!(has_tone(&heard[heard.len() - 1_600..], RATE, 1_000.0));

    let mut net = Net::pair(RATE, RATE);
    net.join(A, B, &Parameters { formats: vec![format("opus", 96, 48_000)], ..parameters() });
    net.run(5);
    let failed = net.media.iter().filter(|(.., event)| matches!(event, Event::Failed(_))).count();
    assert_eq!(failed, 2);
    assert!(!net.media.iter().any(|(.., event)| matches!(event, Event::Started)));
}

#[test]
fn the_codec_changes_in_the_middle_of_a_call() {
    let mut net = Net::pair(RATE, RATE);
    net.device(0, 440.0, -12.0);
    net.device(1, 1_000.0, -12.0);
    net.join(A, B, &parameters());
    net.run(50);
    let other = Parameters { formats: vec![format("PCMA", 8, 8_000)], ptime: 40, ..parameters() };
    net.start(A, B, &other);
    net.start(B, A, &other);
    net.run(100);
    for (engine, frequency) in [(0, 1_000.0), (1, 440.0)] {
        let heard = net.heard(engine);
        let tone = measure::tone(&heard[heard.len() - 8_000..], 8_000, frequency);
        assert!((tone.level + 12.0).abs() < 0.2 && tone.ratio > 33.0, "{tone:?}");
    }
}

#[test]
fn the_same_call_gives_the_same_bytes() {
    let run = || {
        let mut net = Net::pair(SampleRate::HZ_16000, RATE);
        net.loss = 5;
        net.device(0, 440.0, -12.0);
        net.device(1, 1_000.0, -12.0);
        net.join(A, B, &parameters());
        net.run(100);
        (net.sent.clone(), net.heard(1).to_vec())
    };
    assert!(run() == run());
}

#[test]
fn a_device_that_is_taken_away_is_silent() {
    let mut net = Net::pair(RATE, RATE);
    net.device(0, 440.0, -12.0);
    net.device(1, 1_000.0, -12.0);
    net.join(A, B, &parameters());
    net.run(50);
    net.engines[0].device_mut().input_muted = true;
    net.run(30);
    let heard = net.heard(1);
    assert_eq!(measure::level(&heard[heard.len() - 800..]), f64::NEG_INFINITY);
    let device = net.engines[0].device_port();
    assert_eq!((net.engines[0].producer_slot(device), net.engines[0].consumer_slot(device).is_some()), (None, true));
    net.mute(0);
    net.run(10);
    assert_eq!(net.engines[0].consumer_slot(device), None);
}

#[test]
fn a_conference_refuses_who_is_elsewhere_or_nowhere() {
    let mut net = Net::pair(RATE, RATE);
    net.join((0, stream(1)), (1, stream(1)), &parameters());
    let engine = &mut net.engines[0];
    let (one, other) = (engine.add_conference(), engine.add_conference());
    assert_eq!(engine.join_conference(one, stream(9)), Err(ConferenceError::NoLeg(NoLeg(stream(9)))));
    assert_eq!(engine.leave_conference(one, stream(1)), Err(ConferenceError::NotAMember(stream(1))));
    engine.join_conference(one, stream(1)).unwrap();
    assert_eq!(engine.join_conference(other, stream(1)), Err(ConferenceError::Elsewhere(stream(1))));
    engine.remove_conference(one).unwrap();
    assert_eq!(engine.remove_conference(one), Err(ConferenceError::NoConference(one)));
    engine.join_conference(other, stream(1)).unwrap();
    assert_eq!(engine.conference(other).unwrap().streams(), [stream(1)]);
}
