//! baresip (Debian's `baresip-core`) calls us, and is called by us, with audio both ways.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sipsimple_audio::measure;
use sipsimple_audio::tone;
use sipsimple_audio::wave::Wave;

use crate::nat::{Nats, ROUTER};
use crate::peer::{LOOPBACKS, PLAIN_CODECS, Running, find, free_port, has_address, host_port, sipsimple};
use crate::pki::Pki;

const LIMIT: Duration = Duration::from_secs(60);

/// Hz of the tone that baresip plays, and of the one that we play.
pub(crate) const THEIRS: f64 = 440.0;
const OURS: f64 = 1000.0;

/// A baresip, and the folder it records into.
pub(crate) struct Baresip {
    pub(crate) running: Running,
    pki: Pki,
    control: u16,
}

impl Baresip {
    /// Starts one that listens on this address and port, and the next one for TLS, plays a tone into each call, and records what it hears.
    pub(crate) fn start(address: &str, port: u16) -> Option<Self> {
        let account = format!("<sip:baresip@{}>;regint=0;answermode=auto\n", host_port(address, port));
        Self::start_with(address, port, &account)
    }

    /// The same, with this line in its file of accounts.
    pub(crate) fn start_with(address: &str, port: u16, account: &str) -> Option<Self> {
        let program = find("baresip")?;
        let ports = [port, free_port("127.0.0.1"), free_port(address)];
        let (folder, pki) = configure(address, ports, account);
        let home = folder.path().to_str().expect("a name in UTF-8").to_owned();
        let mut running = Running::start_in(&program, &["-f", &home], folder);
        running.wait_for("baresip is ready", Duration::from_secs(20));
        Some(Self { running, pki, control: ports[1] })
    }

    /// One that stands between NATs, on port 5060, and takes every call with this attribute of its account.
    pub(crate) fn between(nats: &Nats, attribute: &str) -> Option<Self> {
        let program = find("baresip")?;
        let account = format!("<sip:baresip@{ROUTER}>;regint=0;answermode=auto;{attribute}\n");
        let (folder, pki) = configure(ROUTER, [5060, 4444, 20_000], &account);
        let home = folder.path().to_str().expect("a name in UTF-8").to_owned();
        let mut running = nats.serve(&program, &["-f", &home], folder);
        running.wait_for("baresip is ready", Duration::from_secs(20));
        Some(Self { running, pki, control: 4444 })
    }

    /// Gives it a command: a netstring of JSON.
    pub(crate) fn command(&self, command: &str, parameters: &str) {
        let json = format!(r#"{{"command":"{command}","params":"{parameters}","token":"test"}}"#);
        let mut control = TcpStream::connect(("127.0.0.1", self.control)).expect("baresip's control");
        write!(control, "{}:{json},", json.len()).expect("it reads");
        // What it answers is of no interest, but it must not be cut off.
        control.set_read_timeout(Some(Duration::from_millis(500))).expect("a timeout");
        let mut answer = [0; 4096];
        let _ = std::io::Read::read(&mut control, &mut answer);
    }

    /// What it recorded of us: the decoded side of the module `sndfile`.
    pub(crate) fn heard(&self) -> PathBuf {
        let recordings = fs::read_dir(self.running.folder()).expect("its folder");
        let mut decoded: Vec<PathBuf> = recordings
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.to_string_lossy().ends_with("dec.wav"))
            .collect();
        decoded.sort();
        decoded.pop().unwrap_or_else(|| panic!("baresip recorded nothing:\n{}", self.running.output()))
    }
}

/// Writes its files: it listens on this port of this address, and the next one for TLS, is controlled by the second, and takes RTP from the third on.
fn configure(address: &str, [port, control, rtp]: [u16; 3], account: &str) -> (tempfile::TempDir, Pki) {
    let modules = ["/usr/lib/baresip/modules", "/usr/lib/x86_64-linux-gnu/baresip/modules"];
    let modules = modules.into_iter().find(|folder| Path::new(folder).is_dir()).expect("baresip's modules");
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().to_str().expect("a name in UTF-8").to_owned();
    let play = format!("{home}/tone.wav");
    tone_file(Path::new(&play), THEIRS);
    let pki = Pki::new();
    let (ca, certificate) = (pki.ca(), pki.issue("baresip.pem", &["127.0.0.1", "::1"]));
    let (ca, certificate) = (ca.display(), certificate.display());
    let listen = host_port(address, port);
    let config = format!(
        "poll_method epoll\nsip_listen {listen}\nsip_certificate {certificate}\nsip_cafile {ca}\ncall_local_timeout 120\ncall_max_calls 4\n\
         audio_player aufile,{home}/heard.wav\naudio_source aufile,{play}\naudio_alert aufile,{home}/alert.wav\n\
         ausrc_srate 8000\nauplay_srate 8000\nausrc_channels 1\nauplay_channels 1\naudio_buffer 20-160\n\
         rtp_ports {rtp}-{}\nnet_interface {address}\nmodule_path {modules}\nmodule stdio.so\nmodule opus.so\nmodule g722.so\n\
         module g711.so\nmodule gsm.so\nmodule srtp.so\nmodule stun.so\nmodule turn.so\nmodule ice.so\nmodule sndfile.so\nmodule aufile.so\nmodule_tmp uuid.so\nmodule_tmp account.so\nmodule_app menu.so\n\
         module_app ctrl_tcp.so\nctrl_tcp_listen 127.0.0.1:{control}\nsnd_path {home}\n",
        rtp + 4
    );
    fs::write(format!("{home}/config"), config).expect("a file");
    fs::write(format!("{home}/accounts"), account).expect("a file");
    fs::write(format!("{home}/contacts"), "").expect("a file");
    (folder, pki)
}

/// Writes a tone of 20 s at -12 dB.
pub(crate) fn tone_file(path: &Path, frequency: f64) {
    let samples = tone::sine(frequency, -12.0, 8000, 20 * 8000);
    Wave::new(8000, samples).save(path).expect("a file");
}

/// Demands that a recording holds this tone at -12 dB, clearly.
pub(crate) fn assert_tone(path: &Path, frequency: f64, who: &str) {
    assert_tone_of(path, frequency, (1.0, 25.0), who);
}

/// The same, no further in dB from that level, and so many dB above what is not the tone.
pub(crate) fn assert_tone_of(path: &Path, frequency: f64, (deviation, clarity): (f64, f64), who: &str) {
    let wave = Wave::open(path).unwrap_or_else(|error| panic!("{who}: {error}"));
    let samples = measure::trim(wave.samples(), wave.rate(), -40.0);
    let seconds = samples.len() as f64 / f64::from(wave.rate());
    assert!(seconds > 1.0, "{who} heard only {seconds:.1} s");
    // In one second it is right in both. On a busy machine there are gaps, which peers fill and catch up on in their own ways: what is
    // clearest there need not be as loud as it was.
    let rate = wave.rate() as usize;
    let seconds = samples.windows(rate).step_by(rate / 10);
    let heard: Vec<_> = seconds.map(|second| measure::tone(second, wave.rate(), frequency)).collect();
    let is_right = |tone: &measure::Reading| (tone.level + 12.0).abs() < deviation && tone.ratio > clarity;
    let best = heard.iter().max_by(|a, b| a.ratio.total_cmp(&b.ratio)).expect("a second");
    let words = format!("{who} heard the tone at {:.1} dB, {:.1} dB over noise", best.level, best.ratio);
    assert!(heard.iter().any(is_right), "{words}, at best");
}

const TRANSPORTS: [&str; 3] = ["udp", "tcp", "tls"];

#[test]
fn it_answers_us_with_audio_both_ways() {
    for address in LOOPBACKS.into_iter().filter(|address| has_address(address)) {
        for transport in TRANSPORTS {
            let port = free_port(address);
            let Some(baresip) = Baresip::start(address, port) else { return };
            let folder = tempfile::tempdir().expect("a folder");
            let (play, record) = (folder.path().join("play.wav"), folder.path().join("record.wav"));
            tone_file(&play, OURS);
            let port = if transport == "tls" { port + 1 } else { port };
            let uri = format!("sip:baresip@{};transport={transport}", host_port(address, port));
            let (play, recording) = (play.to_str().expect("UTF-8"), record.to_str().expect("UTF-8"));
            let ca = baresip.pki.ca();
            let ca = ca.to_str().expect("UTF-8");
            let args = [
                "call",
                &uri,
                "--tls-ca",
                ca,
                "--codec",
                PLAIN_CODECS,
                "--play",
                play,
                "--record",
                recording,
                "--duration",
                "4",
            ];
            Running::start(sipsimple(), &args).succeed(LIMIT);
            assert_tone(&record, THEIRS, "we");
            assert_tone(&baresip.heard(), OURS, "baresip");
        }
    }
}

#[test]
fn it_calls_us_with_audio_both_ways() {
    for address in LOOPBACKS.into_iter().filter(|address| has_address(address)) {
        for transport in TRANSPORTS {
            let (port, own) = (free_port(address), free_port(address));
            let Some(baresip) = Baresip::start(address, own) else { return };
            let folder = tempfile::tempdir().expect("a folder");
            let (play, record) = (folder.path().join("play.wav"), folder.path().join("record.wav"));
            tone_file(&play, OURS);
            let listen = format!("{transport}:{}", host_port(address, port));
            let (play, recording) = (play.to_str().expect("UTF-8"), record.to_str().expect("UTF-8"));
            let certificate = baresip.pki.issue("ours.pem", &["127.0.0.1", "::1"]);
            let certificate = certificate.to_str().expect("UTF-8");
            let mut args = vec!["answer", "--listen", &listen, "--play", play, "--record", recording, "--count", "1"];
            args.extend(["--tls-cert", certificate, "--codec", PLAIN_CODECS]);
            let mut answering = Running::start(sipsimple(), &args);
            answering.wait_for("listening", Duration::from_secs(20));
            baresip.command("dial", &format!("sip:us@{};transport={transport}", host_port(address, port)));
            answering.wait_for("established", Duration::from_secs(20));
            std::thread::sleep(Duration::from_secs(4));
            baresip.command("hangup", "");
            answering.succeed(LIMIT);
            assert_tone(&record, THEIRS, "we");
            assert_tone(&baresip.heard(), OURS, "baresip");
        }
    }
}

/// Codecs, and what they keep of a tone: how far its level may move, and how far it is above what is not it, in dB.
const CODECS: [(&str, (f64, f64)); 5] =
    [("opus", (2.0, 15.0)), ("PCMU", (1.0, 25.0)), ("PCMA", (1.0, 25.0)), ("G722", (1.0, 25.0)), ("GSM", (1.5, 10.0))];

#[test]
fn it_understands_our_codecs_and_we_its() {
    for (codec, kept) in CODECS {
        let port = free_port("127.0.0.1");
        let Some(baresip) = Baresip::start("127.0.0.1", port) else { return };
        let folder = tempfile::tempdir().expect("a folder");
        let (play, record) = (folder.path().join("play.wav"), folder.path().join("record.wav"));
        tone_file(&play, OURS);
        let uri = format!("sip:baresip@127.0.0.1:{port}");
        let (play, recording) = (play.to_str().expect("UTF-8"), record.to_str().expect("UTF-8"));
        let args = ["call", &uri, "--codec", codec, "--play", play, "--record", recording, "--duration", "4"];
        let mut call = Running::start(sipsimple(), &args);
        call.succeed(LIMIT);
        let output = call.output();
        assert!(output.contains(&format!("audio {codec}/")), "{output}");
        assert_tone_of(&record, THEIRS, kept, &format!("we, in {codec},"));
        assert_tone_of(&baresip.heard(), OURS, kept, &format!("baresip, in {codec},"));
    }
}

#[test]
fn media_is_encrypted_both_ways() {
    for (mediaenc, srtp) in [("srtp-mand", "mandatory"), ("srtp", "optional")] {
        let port = free_port("127.0.0.1");
        let account = format!("<sip:baresip@127.0.0.1:{port}>;regint=0;answermode=auto;mediaenc={mediaenc}\n");
        let Some(baresip) = Baresip::start_with("127.0.0.1", port, &account) else { return };
        let folder = tempfile::tempdir().expect("a folder");
        let (play, record) = (folder.path().join("play.wav"), folder.path().join("record.wav"));
        tone_file(&play, OURS);
        let (play, recording) = (play.to_str().expect("UTF-8"), record.to_str().expect("UTF-8"));
        let uri = format!("sip:baresip@127.0.0.1:{};transport=tls", port + 1);
        let ca = baresip.pki.ca();
        let mut args =
            vec!["call", &uri, "--tls-ca", ca.to_str().expect("UTF-8"), "--codec", PLAIN_CODECS, "--srtp", srtp];
        args.extend(["--play", play, "--record", recording, "--duration", "4"]);
        let mut call = Running::start(sipsimple(), &args);
        call.succeed(LIMIT);
        let output = call.output();
        assert!(output.contains(" encrypted "), "{mediaenc}, {srtp}: {output}");
        assert_tone(&record, THEIRS, "we");
        assert_tone(&baresip.heard(), OURS, "baresip");
    }
}

#[test]
fn encrypted_media_is_taken_when_it_calls() {
    let (port, own) = (free_port("127.0.0.1"), free_port("127.0.0.1"));
    let account = format!("<sip:baresip@127.0.0.1:{own}>;regint=0;answermode=auto;mediaenc=srtp-mand\n");
    let Some(baresip) = Baresip::start_with("127.0.0.1", own, &account) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (play, record) = (folder.path().join("play.wav"), folder.path().join("record.wav"));
    tone_file(&play, OURS);
    let listen = format!("tls:127.0.0.1:{port}");
    let (play, recording) = (play.to_str().expect("UTF-8"), record.to_str().expect("UTF-8"));
    let certificate = baresip.pki.issue("ours.pem", &["127.0.0.1", "::1"]);
    let mut args = vec!["answer", "--listen", &listen, "--play", play, "--record", recording, "--count", "1"];
    args.extend(["--tls-cert", certificate.to_str().expect("UTF-8"), "--srtp", "optional", "--codec", PLAIN_CODECS]);
    let mut answering = Running::start(sipsimple(), &args);
    answering.wait_for("listening", Duration::from_secs(20));
    baresip.command("dial", &format!("sip:us@127.0.0.1:{port};transport=tls"));
    answering.wait_for("encrypted", Duration::from_secs(20));
    std::thread::sleep(Duration::from_secs(4));
    baresip.command("hangup", "");
    answering.succeed(LIMIT);
    assert_tone(&record, THEIRS, "we");
    assert_tone(&baresip.heard(), OURS, "baresip");
}

/// Not from behind a NAT: it knows no peer-reflexive candidates.
#[test]
fn it_is_reached_by_ice() {
    let Some(nats) = Nats::new() else { return };
    let Some(baresip) = Baresip::between(&nats, "medianat=ice") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (play, record) = (folder.path().join("play.wav"), folder.path().join("record.wav"));
    tone_file(&play, OURS);
    let (play, recording) = (play.to_str().expect("UTF-8"), record.to_str().expect("UTF-8"));
    let uri = format!("sip:baresip@{ROUTER}");
    let args =
        ["call", &uri, "--ice", "--codec", PLAIN_CODECS, "--play", play, "--record", recording, "--duration", "4"];
    let mut call = nats.start_outside(0, sipsimple(), &args);
    call.succeed(LIMIT);
    let output = call.output();
    assert!(output.contains("ICE found a path") && output.contains("(host-host)"), "{output}");
    assert_tone(&record, THEIRS, "we");
    assert_tone(&baresip.heard(), OURS, "baresip");
}

/// Our program, that takes the calls of a baresip and its transfers; and where it is called.
fn called() -> (Running, String) {
    let port = free_port("127.0.0.1");
    let listen = format!("udp:127.0.0.1:{port}");
    let mut answering = Running::start(sipsimple(), &["answer", "--listen", &listen, "--transfer"]);
    answering.wait_for("listening", Duration::from_secs(20));
    (answering, format!("sip:us@127.0.0.1:{port}"))
}

#[test]
fn it_holds_a_call_and_is_held() {
    let own = free_port("127.0.0.1");
    let Some(baresip) = Baresip::start("127.0.0.1", own) else { return };
    let (mut answering, uri) = called();
    baresip.command("dial", &uri);
    answering.wait_for("call established", LIMIT);
    baresip.command("hold", "");
    answering.wait_for("put on hold by the remote party", LIMIT);
    baresip.command("resume", "");
    answering.wait_for("taken off hold by the remote party", LIMIT);
    baresip.command("hangup", "");
    answering.wait_for("call ended", LIMIT);

    let uri = format!("sip:baresip@127.0.0.1:{own}");
    let mut call = Running::start(sipsimple(), &["call", &uri, "--do", "1s hold; 2s unhold; 3s end"]);
    call.succeed(LIMIT);
    let output = call.output();
    assert!(output.contains("put on hold by us") && output.contains("taken off hold by us"), "{output}");
}

#[test]
fn it_transfers_us_and_is_transferred() {
    let own = free_port("127.0.0.1");
    let Some(baresip) = Baresip::start("127.0.0.1", own) else { return };
    let (mut transferred, uri) = called();
    let (mut target, third) = called();
    baresip.command("dial", &uri);
    transferred.wait_for("call established", LIMIT);
    baresip.command("transfer", &third);
    transferred.wait_for("call 2: call established", LIMIT);
    target.wait_for("call 1: call established", LIMIT);
    transferred.wait_for("call 1: call ended", LIMIT);

    let uri = format!("sip:baresip@127.0.0.1:{own}");
    let transfer = format!("1s transfer {third}; 20s end");
    let mut call = Running::start(sipsimple(), &["call", &uri, "--do", &transfer]);
    target.wait_for("call 2: call established", LIMIT);
    call.wait_for("transferred", LIMIT);
    call.succeed(LIMIT);
}
