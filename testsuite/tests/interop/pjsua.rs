//! PJSIP (the wheel `pjsua2-python` from PyPI, which `interop/install` puts into the folder `pjsua2` of the target directory) calls us, and
//! is called by us, with audio both ways.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sipsimple_audio::tone::sine;
use sipsimple_audio::wave::Wave;

use crate::baresip::{assert_tone_of, tone_file};
use crate::nat::{Nats, ROUTER};
use crate::peer::{Running, free_port, sipsimple};
use crate::pki::Pki;

const LIMIT: Duration = Duration::from_secs(60);
/// Our user agent on PJSIP.
const AGENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/interop/pjsua/agent.py");
/// Hz of the tone that PJSIP plays, and of the one that we play.
const THEIRS: f64 = 440.0;
const OURS: f64 = 1000.0;

/// What one call is made of: the transport, the codec, and how PJSIP and we think of SRTP.
const CALLS: [(&str, &str, [&str; 2]); 6] = [
    ("udp", "PCMU", ["off", "disabled"]),
    ("tcp", "PCMA", ["off", "disabled"]),
    ("udp", "G722", ["off", "disabled"]),
    ("tls", "PCMA", ["mandatory", "mandatory"]),
    ("tls", "PCMU", ["optional", "optional"]),
    ("udp", "GSM", ["off", "disabled"]),
];

/// The Python that has the module `pjsua2`. Without it the test says so and is to return: it is no package of the distribution, and required nowhere.
fn python() -> Option<PathBuf> {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/pjsua2/bin/python3");
    if !python.is_file() {
        eprintln!("skipped: pjsua2 is not installed");
        return None;
    }
    Some(python)
}

/// Files and certificates of one call.
struct Call {
    folder: tempfile::TempDir,
    pki: Pki,
    certificate: String,
}

impl Call {
    fn new() -> Self {
        let (folder, pki) = (tempfile::tempdir().expect("a folder"), Pki::new());
        tone_file(&folder.path().join("theirs.wav"), THEIRS);
        tone_file(&folder.path().join("ours.wav"), OURS);
        let certificate = pki.issue("both.pem", &["127.0.0.1"]).display().to_string();
        Self { folder, pki, certificate }
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Starts PJSIP on this port.
    fn pjsip(&self, python: &Path, port: u16, codec: &str, srtp: &str, more: &[&str]) -> Running {
        let (port, ca) = (port.to_string(), self.pki.ca().display().to_string());
        let (play, record) = (self.file("theirs.wav"), self.file("pjsip.wav"));
        let args = [AGENT, "--port", &port, "--pem", &self.certificate, "--ca", &ca, "--codec", codec, "--srtp", srtp];
        let mut running = Running::start(python, &[&args[..], &["--play", &play, "--record", &record], more].concat());
        running.wait_for("ready", LIMIT);
        running
    }

    /// Judges what both have heard.
    fn judge(&self, codec: &str, encrypted: bool, output: &str) {
        assert!(output.contains(&format!("audio {codec}/")), "{output}");
        assert_eq!(output.contains(" encrypted "), encrypted, "{output}");
        let kept = match codec {
            // PJSIP halves what it codes with it, and doubles what it decodes.
            "G722" => (6.5, 25.0),
            // It codes the tone at -12.6 dB at the least, and PJSIP stretches that where packets are late.
            "GSM" => (2.0, 10.0),
            _ => (1.0, 25.0),
        };
        assert_tone_of(Path::new(&self.file("we.wav")), THEIRS, kept, &format!("we, in {codec},"));
        assert_tone_of(Path::new(&self.file("pjsip.wav")), OURS, kept, &format!("PJSIP, in {codec},"));
    }
}

/// How PJSIP and we think of SRTP, where ICE is done too.
const SECURED: [[&str; 2]; 2] = [["off", "disabled"], ["mandatory", "mandatory"]];
/// Where it calls from: the NAT that is a public host. On loopback it has no candidates.
const OUTSIDE: &str = "198.18.0.2";

/// ICE has found a path this often.
fn assert_paths(output: &str, times: usize) {
    assert_eq!(output.matches("ICE found a path").count(), times, "{output}");
}

#[test]
fn it_begins_ice_anew_and_changes_its_keys() {
    let (Some(python), Some(nats)) = (python(), Nats::new()) else { return };
    for [theirs, ours] in SECURED {
        let call = Call::new();
        let listen = format!("udp:{ROUTER}:5060");
        let args = ["answer", "--listen", &listen, "--codec", "PCMA", "--srtp", ours, "--srtp-without-tls", "--ice"];
        let sound = ["--play", &call.file("ours.wav"), "--record", &call.file("we.wav"), "--count", "1"];
        let folder = tempfile::tempdir().expect("a folder");
        let mut answering = nats.serve(sipsimple(), &[&args[..], &sound].concat(), folder);
        answering.wait_for("listening", LIMIT);
        let uri = format!("sip:us@{ROUTER}:5060");
        let (play, record) = (call.file("theirs.wav"), call.file("pjsip.wav"));
        let args = [AGENT, "--address", OUTSIDE, "--port", "5060", "--codec", "PCMA", "--srtp", theirs];
        let more = ["--ice", "--renew", "--call", &uri, "--play", &play, "--record", &record];
        let mut pjsip = nats.start_outside(0, &python, &[&args[..], &more].concat());
        answering.succeed(LIMIT);
        pjsip.succeed(LIMIT);
        assert_paths(&answering.output(), 2);
        call.judge("PCMA", ours != "disabled", &answering.output());
    }
}

#[test]
fn it_follows_when_we_begin_ice_anew() {
    let (Some(python), Some(nats)) = (python(), Nats::new()) else { return };
    // It is built before PJSIP waits for it.
    let program = sipsimple();
    for [theirs, ours] in SECURED {
        let call = Call::new();
        let (play, record) = (call.file("theirs.wav"), call.file("pjsip.wav"));
        let args = [AGENT, "--address", ROUTER, "--port", "5060", "--codec", "PCMU", "--srtp", theirs, "--ice"];
        let folder = tempfile::tempdir().expect("a folder");
        let mut pjsip = nats.serve(&python, &[&args[..], &["--play", &play, "--record", &record]].concat(), folder);
        pjsip.wait_for("ready", LIMIT);
        let uri = format!("sip:pjsua@{ROUTER}:5060");
        let args = ["call", &uri, "--codec", "PCMU", "--srtp", ours, "--srtp-without-tls", "--ice"];
        let sound = ["--play", &call.file("ours.wav"), "--record", &call.file("we.wav")];
        let script = ["--do", "2s restart-ice; 6s end"];
        let mut calling = nats.start_outside(0, program, &[&args[..], &sound, &script].concat());
        calling.succeed(LIMIT);
        pjsip.succeed(LIMIT);
        assert_paths(&calling.output(), 2);
        call.judge("PCMU", ours != "disabled", &calling.output());
    }
}

#[test]
fn it_answers_us() {
    let Some(python) = python() else { return };
    for (transport, codec, [theirs, ours]) in CALLS {
        let (call, port) = (Call::new(), free_port("127.0.0.1"));
        let mut pjsip = call.pjsip(&python, port, codec, theirs, &[]);
        let port = if transport == "tls" { port + 1 } else { port };
        let (uri, ca) =
            (format!("sip:pjsua@127.0.0.1:{port};transport={transport}"), call.pki.ca().display().to_string());
        let args = ["call", &uri, "--tls-ca", &ca, "--codec", codec, "--srtp", ours, "--duration", "4"];
        let sound = ["--play", &call.file("ours.wav"), "--record", &call.file("we.wav")];
        let mut calling = Running::start(sipsimple(), &[&args[..], &sound].concat());
        calling.succeed(LIMIT);
        pjsip.succeed(LIMIT);
        call.judge(codec, ours != "disabled", &calling.output());
    }
}

/// It sends no silence and does not describe it: that is no loss, and what it says then is heard.
#[test]
fn silence_that_it_does_not_send_is_no_loss() {
    let Some(python) = python() else { return };
    let (call, port) = (Call::new(), free_port("127.0.0.1"));
    // A second of the tone, 3 s of nothing, and the tone.
    let tone = |seconds: usize| sine(THEIRS, -12.0, 8_000, 8_000 * seconds);
    Wave::new(8_000, [tone(1), vec![0; 8_000 * 3], tone(20)].concat()).save(call.file("theirs.wav")).expect("a file");
    let mut pjsip = call.pjsip(&python, port, "PCMU", "off", &["--vad"]);
    let uri = format!("sip:pjsua@127.0.0.1:{port}");
    let args = ["call", &uri, "--codec", "PCMU", "--suppress-silence", "--duration", "8"];
    let sound = ["--play", &call.file("ours.wav"), "--record", &call.file("we.wav")];
    let mut calling = Running::start(sipsimple(), &[&args[..], &sound].concat());
    calling.succeed(LIMIT);
    pjsip.succeed(LIMIT);
    let output = calling.output();
    let received = output.split("received ").nth(1).and_then(|rest| rest.split(',').next()).expect("a count");
    let received: u32 = received.parse().expect("a number");
    // 400 go in 8 s; it needs a while to be sure that nobody speaks.
    assert!((150..370).contains(&received) && output.contains("lost 0"), "{output}");
    call.judge("PCMU", false, &output);
}

#[test]
fn it_calls_us() {
    let Some(python) = python() else { return };
    for (transport, codec, [theirs, ours]) in CALLS {
        let (call, port, own) = (Call::new(), free_port("127.0.0.1"), free_port("127.0.0.1"));
        let listen = format!("{transport}:127.0.0.1:{port}");
        let args = ["answer", "--listen", &listen, "--tls-cert", &call.certificate, "--codec", codec, "--srtp", ours];
        let sound = ["--play", &call.file("ours.wav"), "--record", &call.file("we.wav"), "--count", "1"];
        let mut answering = Running::start(sipsimple(), &[&args[..], &sound].concat());
        answering.wait_for("listening", LIMIT);
        let uri = format!("sip:us@127.0.0.1:{port};transport={transport}");
        let mut pjsip = call.pjsip(&python, own, codec, theirs, &["--call", &uri, "--transport", transport]);
        answering.succeed(LIMIT);
        pjsip.succeed(LIMIT);
        call.judge(codec, ours != "disabled", &answering.output());
    }
}
