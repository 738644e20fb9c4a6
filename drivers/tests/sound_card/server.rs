//! A PulseAudio of the test's own.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use sipsimple_audio::measure;

/// Hz of what we play, and of what is spoken.
pub(crate) const OURS: f64 = 1_000.0;
pub(crate) const SPOKEN: f64 = 440.0;

/// Samples per second of a recording.
pub(crate) const RECORDED: u32 = 48_000;

/// A process that ends with this.
pub(crate) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The words that start a program of PulseAudio. `None` where it is not installed.
pub(crate) fn start(program: &str, args: &[&str]) -> Option<Running> {
    let child = Command::new(program).args(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    if child.is_err() {
        let required = std::env::var("SIPSIMPLE_REQUIRE_PEERS").is_ok_and(|value| value == "1");
        assert!(!required, "{program} is not installed, and SIPSIMPLE_REQUIRE_PEERS is 1");
        eprintln!("skipped: {program} is not installed");
    }
    child.ok().map(Running)
}

/// Says something to the server; whether it does it.
pub(crate) fn tell(server: &str, words: &str) -> Option<String> {
    let done = Command::new("pactl").env("PULSE_SERVER", server).args(words.split(' ')).output().ok()?;
    done.status.success().then(|| String::from_utf8_lossy(&done.stdout).trim().to_owned())
}

/// The server that the test runs with.
pub(crate) fn server() -> String {
    std::env::var("PULSE_SERVER").expect("a server")
}

/// What the sound library of the system calls sinks and sources of the server: it has no names for them itself.
const NAMED: &str = r#"
pcm.headset { type pulse device "headset" hint { show on description "Headset" } }
pcm.earphone { type pulse device "earphone" hint { show on description "Earphone" } }
pcm.mic { type pulse device "mic.monitor" hint { show on description "Microphone" } }
"#;

/// Runs the ignored test of this name with a sound server: a loudspeaker `speaker`, and a microphone that hears what is played to `mic`.
pub(crate) fn with_server(test: &str) {
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
    std::fs::write(folder.path().join(".asoundrc"), NAMED).expect("a file");
    let program = std::env::current_exe().expect("this program");
    let done = Command::new(program)
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env("PULSE_SERVER", &server)
        .env("HOME", home)
        .current_dir(folder.path())
        .status()
        .expect("it runs");
    assert!(done.success(), "{test}: {done}");
}

/// Looks for a tone at -12 dB, in the best half second: the machine may be busy. What there is instead.
pub(crate) fn find_tone(samples: &[i16], rate: u32, frequency: f64) -> Result<(), String> {
    let half = rate as usize / 2;
    let halves = samples.windows(half).step_by(half / 5).map(|half| measure::tone(half, rate, frequency));
    let best = halves.max_by(|a, b| a.ratio.total_cmp(&b.ratio)).ok_or("nothing")?;
    if (best.level + 12.0).abs() < 1.0 && best.ratio > 25.0 { Ok(()) } else { Err(format!("{best:?}")) }
}

/// Demands that tone.
pub(crate) fn assert_tone(samples: &[i16], rate: u32, frequency: f64, who: &str) {
    find_tone(samples, rate, frequency).unwrap_or_else(|instead| panic!("{who}: {instead}"));
}

/// What was recorded.
pub(crate) fn recorded(file: &Path) -> Vec<i16> {
    let bytes = std::fs::read(file).expect("a recording");
    bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

/// Demands our tone in what was recorded of a sink.
pub(crate) fn assert_played(file: &Path) {
    assert_tone(&recorded(file), RECORDED, OURS, "the loudspeaker");
}

/// Records what is heard of a sink.
pub(crate) fn listen(sink: &str, file: &Path) -> Running {
    let (sink, name, rate) = (format!("{sink}.monitor"), file.to_str().expect("a name in UTF-8"), RECORDED.to_string());
    let args = ["-d", &sink, "--raw", "--format=s16le", "--channels=1", "--rate", &rate, name];
    start("parecord", &args).expect("parecord")
}
