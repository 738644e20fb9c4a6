//! Calls between two processes of the `sipsimple` program, over loopback sockets.

mod waiting;

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::Output;

use serde_json::Value;
use waiting::{PLAIN, Waiting, sipsimple};

fn call(uri: &str, args: &[&str]) -> Output {
    sipsimple().args(["call", uri, "--codec", PLAIN]).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The names of the events in lines of JSON.
fn names(output: &str) -> Vec<String> {
    let name = |line: &str| {
        let value: Value = serde_json::from_str(line).unwrap();
        assert!(value["t"].is_number(), "{line}");
        value["name"].as_str().unwrap().to_owned()
    };
    output.lines().map(name).collect()
}

#[test]
fn calls_are_answered_over_both_transports_and_address_families() {
    for socket in ["udp:127.0.0.1:0", "tcp:127.0.0.1:0", "udp:[::1]:0", "tcp:[::1]:0"] {
        let answering = Waiting::answering(socket, &["--count", "1", "--echo"]);
        let output = call(&answering.uri, &["--duration", "0.2"]);
        assert_eq!(output.status.code(), Some(0), "{socket}: {}", text(&output.stderr));
        assert!(text(&output.stdout).contains("call established"), "{socket}: {}", text(&output.stdout));
        let ended = answering.end();
        assert_eq!(ended.code, Some(0), "{socket}");
        let printed = ended.printed;
        assert!(printed.contains("call 1: call ended by the remote party"), "{socket}: {printed}");
    }
}

#[test]
fn a_rejected_call_fails_and_says_why() {
    let answering = Waiting::answering("udp:127.0.0.1:0", &["--count", "1", "--reject", "486"]);
    let output = call(&answering.uri, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("486 Busy Here"), "{}", text(&output.stderr));
    assert_eq!(answering.end().code, Some(0));
}

#[test]
fn a_call_to_nobody_fails() {
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output = call(&format!("sip:nobody@{free};transport=tcp"), &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("connection refused"), "{}", text(&output.stderr));
}

#[cfg(target_os = "linux")]
#[test]
fn a_call_to_where_the_network_knows_nobody_fails_at_once() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let free = std::net::UdpSocket::bind(address).unwrap().local_addr().unwrap();
        let start = std::time::Instant::now();
        let output = call(&format!("sip:nobody@{free}"), &[]);
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains("connection refused"), "{}", text(&output.stderr));
        // Timer B would have taken 32 s.
        assert!(start.elapsed().as_secs() < 16, "{:?}", start.elapsed());
    }
}

#[test]
fn keys_arrive_and_files_are_played_and_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let (tone, recording) = (dir.path().join("tone.wav"), dir.path().join("heard.wav"));
    let samples = sipsimple_audio::tone::sine(440.0, -12.0, 8000, 16_000);
    sipsimple_audio::wave::Wave::new(8000, samples).save(&tone).unwrap();
    let record = ["--count", "1", "--record", recording.to_str().unwrap()];
    let answering = Waiting::answering("udp:127.0.0.1:0", &record);
    let play = ["--duration", "1.5", "--dtmf", "4#", "--play", tone.to_str().unwrap()];
    let output = call(&answering.uri, &play);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let ended = answering.end();
    assert_eq!(ended.code, Some(0));
    let printed = ended.printed;
    assert!(printed.contains("DTMF 4") && printed.contains("DTMF #"), "{printed}");
    let heard = sipsimple_audio::wave::Wave::open(&recording).unwrap();
    assert!(heard.samples().iter().any(|sample| sample.abs() > 1000), "silence");
}

#[test]
fn an_interrupted_program_ends_its_calls() {
    // The one that answers is interrupted: its caller sees an ordinary end.
    let answering = Waiting::answering("tcp:127.0.0.1:0", &[]);
    let mut caller = sipsimple().args(["call", &answering.uri]).spawn().unwrap();
    let mut out = BufReader::new(caller.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("call established") {
        line.clear();
        assert_ne!(out.read_line(&mut line).unwrap(), 0, "the call was not established");
    }
    answering.signal("INT");
    assert_eq!(answering.end().code, Some(0));
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("call ended by the remote party"), "{rest}");
    assert_eq!(caller.wait().unwrap().code(), Some(0));
    // So does one that has no call.
    let answering = Waiting::answering("udp:127.0.0.1:0", &[]);
    answering.signal("TERM");
    assert_eq!(answering.end().code, Some(0));
}

#[test]
fn events_are_lines_of_json_under_the_seeds_names() {
    let answering = Waiting::answering("udp:127.0.0.1:0", &["--count", "1"]);
    let output = call(&answering.uri, &["--json", "--duration", "0.1"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let names = names(&text(&output.stdout));
    let expected = [
        "SIPApplicationWillStart",
        "SIPApplicationDidStart",
        "SIPSessionNewOutgoing",
        "SIPSessionDidStart",
        "SIPSessionWillEnd",
        "SIPSessionDidEnd",
        "SIPApplicationWillEnd",
        "SIPApplicationDidEnd",
    ];
    let found: Vec<&str> = names.iter().map(String::as_str).filter(|name| expected.contains(name)).collect();
    assert_eq!(found, expected, "{names:?}");
    answering.end();
}

#[test]
fn a_trace_replays_and_is_drawn() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("trace");
    let path = trace.to_str().unwrap();
    let answering = Waiting::answering("udp:127.0.0.1:0", &["--count", "1"]);
    let output = call(&answering.uri, &["--trace", path, "--duration", "0.1"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    answering.end();
    only_for_its_owner(&trace);

    let replay = |file: &Path| sipsimple().arg("replay").arg(file).output().unwrap();
    let output = replay(&trace);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));

    let output = sipsimple().args(["ladder", path]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let drawn = text(&output.stdout);
    for word in ["INVITE (sdp) ─", "200 OK (sdp) ─", "─ ACK ─", "─ BYE ─", "    a=rtpmap:0 PCMU/8000"] {
        assert!(drawn.contains(word), "{word} in {drawn}");
    }
    let output = sipsimple().args(["ladder", path, "--json"]).output().unwrap();
    assert_eq!(names(&text(&output.stdout)), vec!["SIPMessage"; drawn.matches("    CSeq: ").count()]);

    let changed = std::fs::read_to_string(&trace).unwrap().replacen("BYE sip:", "BYE Sip:", 1);
    std::fs::write(&trace, changed).unwrap();
    let output = replay(&trace);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    assert!(text(&output.stderr).contains("line "), "{}", text(&output.stderr));
}

#[cfg(unix)]
fn only_for_its_owner(file: &Path) {
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[cfg(not(unix))]
fn only_for_its_owner(_file: &Path) {}

#[test]
fn a_message_is_announced_and_shown() {
    let answering = Waiting::answering("udp:127.0.0.1:0", &["--count", "1"]);
    let message = |words: &str, more: &[&str]| {
        let output = sipsimple().args(["message", &answering.uri, words]).args(more).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    };
    message("hello", &["--composing", "0.3"]);
    message("in an envelope", &["--cpim", "--wait", "0.1"]);
    assert_eq!(call(&answering.uri, &["--duration", "0.1"]).status.code(), Some(0));
    let ended = answering.end();
    for words in ["is writing", "writes no more", ": hello", ": in an envelope"] {
        assert!(ended.printed.contains(words), "{words} in {}", ended.printed);
    }
}
