//! A card alone, called as an engine calls it.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use sipsimple_audio::device::{DeviceChoice, SoundCard};
use sipsimple_audio::port::AudioPort;
use sipsimple_audio::rate::SampleRate;
use sipsimple_audio::tone::sine;
use sipsimple_audio::wave::Wave;

use crate::server::{OURS, SPOKEN, assert_played, assert_tone, listen, server, start, tell, with_server};

const RATE: SampleRate = SampleRate::HZ_16000;
/// Samples of a tick.
const FRAME: usize = 320;

/// Calls the card as an engine does, for so many seconds: it is given our tone, and what it hears is kept.
fn run(card: &mut SoundCard, seconds: u64) -> Vec<i16> {
    let tone = sine(OURS, -12.0, RATE.hz(), FRAME * 50);
    let (began, mut heard) = (Instant::now(), Vec::new());
    for tick in 0..seconds * 50 {
        let at = usize::try_from(tick % 50).unwrap_or(0) * FRAME;
        card.consume(&tone[at..at + FRAME]);
        let mut frame = [0; FRAME];
        card.produce(&mut frame);
        heard.extend(frame);
        thread::sleep((began + Duration::from_millis((tick + 1) * 20)).saturating_duration_since(Instant::now()));
    }
    heard
}

#[test]
fn it_plays_and_records_in_real_time() {
    with_server("card::plays_and_records");
}

#[test]
fn a_sink_may_go_while_it_is_in_use() {
    with_server("card::outlives_its_sink");
}

#[test]
#[ignore = "run by another test, with a sound server"]
fn plays_and_records() {
    let (played, spoken) = (Path::new("played.raw"), Path::new("spoken.wav"));
    let tone = sine(SPOKEN, -12.0, 48_000, 48_000 * 10);
    Wave::new(48_000, tone).save(spoken).expect("a file");
    let recording = listen("speaker", played);
    let speaking = start("paplay", &["-d", "mic", "spoken.wav"]).expect("paplay");
    let mut card = SoundCard::open(&DeviceChoice::SystemDefault, &DeviceChoice::SystemDefault, RATE).expect("a card");
    assert!(card.input_name().is_some() && card.output_name().is_some(), "{card:?}");
    let heard = run(&mut card, 4);
    assert!(!card.watch().is_gone());
    drop((recording, speaking));
    assert_tone(&heard, RATE.hz(), SPOKEN, "the microphone");
    assert_played(played);
}

#[test]
#[ignore = "run by another test, with a sound server"]
fn outlives_its_sink() {
    let server = server();
    let headset = tell(&server, "load-module module-null-sink sink_name=headset norewinds=1").expect("another sink");
    tell(&server, "set-default-sink headset").expect("it is preferred");
    let mut card = SoundCard::open(&DeviceChoice::SystemDefault, &DeviceChoice::SystemDefault, RATE).expect("a card");
    run(&mut card, 1);
    tell(&server, &format!("unload-module {headset}")).expect("it goes");
    run(&mut card, 1);
    // The server moves its sound to another sink, or takes it away: then another card is opened.
    if card.watch().is_gone() {
        card = SoundCard::open(&DeviceChoice::SystemDefault, &DeviceChoice::SystemDefault, RATE).expect("a card");
    }
    let played = Path::new("played.raw");
    let recording = listen("speaker", played);
    run(&mut card, 3);
    drop(recording);
    assert_played(played);
}
