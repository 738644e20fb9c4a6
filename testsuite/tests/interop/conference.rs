//! A conference of `sipsimple conference`, two of `sipsimple call` and baresip: everybody hears everybody else, and the recording holds them all.

use std::time::Duration;

use sipsimple_audio::measure;
use sipsimple_audio::wave::Wave;

use crate::baresip::{Baresip, THEIRS, tone_file};
use crate::peer::{PLAIN_CODECS, Running, free_port, sipsimple};

const LIMIT: Duration = Duration::from_secs(60);
/// Hz of the tones of the two callers.
const CALLERS: [f64; 2] = [700.0, 1300.0];

/// The loudest second of this tone in a recording, in dB.
fn level(path: &std::path::Path, frequency: f64) -> f64 {
    let wave = Wave::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let rate = wave.rate() as usize;
    let levels = wave
        .samples()
        .windows(rate)
        .step_by(rate / 10)
        .map(|second| measure::tone(second, wave.rate(), frequency).level);
    levels.fold(f64::NEG_INFINITY, f64::max)
}

#[test]
fn everybody_hears_everybody_else_and_the_recording_holds_all() {
    let (room, own) = (free_port("127.0.0.1"), free_port("127.0.0.1"));
    let Some(baresip) = Baresip::start("127.0.0.1", own) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let text = |name: &str| path(name).to_str().expect("UTF-8").to_owned();
    let listen = format!("udp:127.0.0.1:{room}");
    let args = ["conference", "--listen", &listen, "--record", &text("all.wav"), "--count", "3"];
    let mut conference = Running::start(sipsimple(), &args);
    conference.wait_for("listening", Duration::from_secs(20));
    baresip.command("dial", &format!("sip:room@127.0.0.1:{room}"));
    let uri = format!("sip:room@127.0.0.1:{room}");
    let mut calls: Vec<Running> = CALLERS
        .iter()
        .enumerate()
        .map(|(number, frequency)| {
            tone_file(&path(&format!("play{number}.wav")), *frequency);
            let (play, record) = (text(&format!("play{number}.wav")), text(&format!("heard{number}.wav")));
            Running::start(
                sipsimple(),
                &["call", &uri, "--codec", PLAIN_CODECS, "--play", &play, "--record", &record, "--duration", "8"],
            )
        })
        .collect();
    for call in &mut calls {
        call.succeed(LIMIT);
    }
    baresip.command("hangup", "");
    conference.succeed(LIMIT);
    for (number, own) in CALLERS.into_iter().enumerate() {
        let heard = path(&format!("heard{number}.wav"));
        for frequency in CALLERS.into_iter().chain([THEIRS]) {
            let level = level(&heard, frequency);
            if frequency == own {
                assert!(level < -40.0, "caller {number} hears himself at {level:.1} dB");
            } else {
                assert!((level + 12.0).abs() < 1.5, "caller {number} hears {frequency} Hz at {level:.1} dB");
            }
        }
    }
    for frequency in CALLERS {
        let level = level(&baresip.heard(), frequency);
        assert!((level + 12.0).abs() < 1.5, "baresip hears {frequency} Hz at {level:.1} dB");
    }
    for frequency in CALLERS.into_iter().chain([THEIRS]) {
        let level = level(&path("all.wav"), frequency);
        assert!((level + 12.0).abs() < 1.5, "the recording has {frequency} Hz at {level:.1} dB");
    }
}
