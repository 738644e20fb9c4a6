//! A sound card in real time: a PulseAudio of the test's own, whose sinks lead nowhere, is the machine's sound.
//!
//! The system's sound library reads from the environment where the server is, so each test runs itself once more with that said. A test whose
//! server is not installed skips, saying so; with `SIPSIMPLE_REQUIRE_PEERS=1` that is a failure.

#![cfg(feature = "device")]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use sipsimple_audio::device::{DeviceChoice, SoundCard};
use sipsimple_audio::measure;
use sipsimple_audio::port::AudioPort;
use sipsimple_audio::rate::SampleRate;
use sipsimple_audio::tone::sine;
use sipsimple_audio::wave::Wave;

const RATE: SampleRate = SampleRate::HZ_16000;
/// Samples of a tick.
const FRAME: usize = 320;
/// Hz of what we play, and of what is spoken.
const OURS: f64 = 1_000.0;
const SPOKEN: f64 = 440.0;

/// A process that ends with this.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The words that start a program of PulseAudio. `None` where it is not installed.
fn start(program: &str, args: &[&str]) -> Option<Running> {
    let child = Command::new(program).args(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    if child.is_err() {
        let required = std::env::var("SIPSIMPLE_REQUIRE_PEERS").is_ok_and(|value| value == "1");
        assert!(!required, "{program} is not installed, and SIPSIMPLE_REQUIRE_PEERS is 1");
        eprintln!("skipped: {program} is not installed");
    }
    child.ok().map(Running)
}

/// Says something to the server; whether it does it.
fn tell(server: &str, words: &str) -> Option<String> {
    let done = Command::new("pactl").env("PULSE_SERVER", server).args(words.split(' ')).output().ok()?;
    done.status.success().then(|| String::from_utf8_lossy(&done.stdout).trim().to_owned())
}

/// Runs the ignored test of this name with a sound server: a loudspeaker `speaker`, and a microphone that hears what is played to `mic`.
fn with_server(test: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().to_str().expect("a name in UTF-8");
    let server = format!("unix:{home}/native");
    let sink = |name| format!("module-null-sink sink_name={name} rate=48000 channels=2 norewinds=1");
    let (socket, speaker, mic) =
        (format!("module-native-protocol-unix socket={home}/native auth-anonymous=1"), sink("speaker"), sink("mic"));
    let runtime = [("HOME", home), ("XDG_RUNTIME_DIR", home), ("PULSE_RUNTIME_PATH", home)];
    let mut pulse = Command::new("env");
    pulse.args(runtime.map(|(name, value)| format!("{name}={value}")));
    pulse.args(["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--disallow-exit", "--use-pid-file=no"]);
    pulse.args(["-L", &socket, "-L", &speaker, "-L", &mic, "-L", "module-always-sink"]);
    if start("pulseaudio", &["--version"]).is_none() || start("pactl", &["--version"]).is_none() {
        return;
    }
    let _pulse = Running(pulse.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts"));
    let began = Instant::now();
    while tell(&server, "set-default-sink speaker").is_none() {
        assert!(began.elapsed() < Duration::from_secs(20), "the sound server does not answer");
        thread::sleep(Duration::from_millis(50));
    }
    tell(&server, "set-default-source mic.monitor").expect("it has a microphone");
    let program = std::env::current_exe().expect("this program");
    let done = Command::new(program)
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env("PULSE_SERVER", &server)
        .current_dir(folder.path())
        .status()
        .expect("it runs");
    assert!(done.success(), "{test}: {done}");
}

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

/// Demands a tone at -12 dB, in the best half second: the machine may be busy.
fn assert_tone(samples: &[i16], rate: u32, frequency: f64, who: &str) {
    let half = rate as usize / 2;
    let halves = samples.windows(half).step_by(half / 5).map(|half| measure::tone(half, rate, frequency));
    let best = halves.max_by(|a, b| a.ratio.total_cmp(&b.ratio)).unwrap_or_else(|| panic!("{who}: nothing"));
    assert!((best.level + 12.0).abs() < 1.0 && best.ratio > 25.0, "{who}: {best:?}");
}

/// Demands our tone in what was recorded of the loudspeaker.
fn assert_played(file: &Path) {
    let bytes = std::fs::read(file).expect("a recording");
    let samples: Vec<i16> = bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    assert_tone(&samples, 48_000, OURS, "the loudspeaker");
}

/// Records what is heard of the loudspeaker.
fn listen(file: &Path) -> Running {
    let name = file.to_str().expect("a name in UTF-8");
    let args = ["-d", "speaker.monitor", "--raw", "--format=s16le", "--channels=1", "--rate=48000", name];
    start("parecord", &args).expect("parecord")
}

#[test]
fn it_plays_and_records_in_real_time() {
    with_server("plays_and_records");
}

#[test]
fn a_sink_may_go_while_it_is_in_use() {
    with_server("outlives_its_sink");
}

#[test]
#[ignore = "run by another test, with a sound server"]
fn plays_and_records() {
    let (played, spoken) = (Path::new("played.raw"), Path::new("spoken.wav"));
    let tone = sine(SPOKEN, -12.0, 48_000, 48_000 * 10);
    Wave::new(48_000, tone).save(spoken).expect("a file");
    let recording = listen(played);
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
    let server = std::env::var("PULSE_SERVER").expect("a server");
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
    let recording = listen(played);
    run(&mut card, 3);
    drop(recording);
    assert_played(played);
}
