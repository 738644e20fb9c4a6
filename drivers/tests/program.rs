//! The `sipsimple` program from outside: exit codes, and what goes to which output.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

fn sipsimple(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sipsimple")).args(args).output().unwrap()
}

fn error(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_wrong_command_line_exits_with_2() {
    for args in [
        &[][..],
        &["dance"],
        &["call"],
        &["call", "sip:a@127.0.0.1", "--duration", "-1"],
        &["call", "sip:a@127.0.0.1", "--dtmf", "12x"],
        &["call", "sip:a@127.0.0.1", "--route", "udp:localhost:5060"],
        &["call", "sip:a@127.0.0.1", "--route", "tls:127.0.0.1"],
        &["call", "sip:a@127.0.0.1", "--route", "udp:127.0.0.1:0"],
        &["answer", "--listen", "127.0.0.1:5060"],
        &["answer", "--reject", "200"],
        &["answer", "--reject", "700"],
        &["answer", "--count", "0"],
        &["answer", "--ring", "soon"],
        &["replay"],
        &["ladder", "a", "b"],
        &["demo", "--json", "--quietly"],
    ] {
        let output = sipsimple(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", error(&output));
        assert!(error(&output).contains("--help"), "{args:?}: {}", error(&output));
        assert!(output.stdout.is_empty(), "{args:?}");
    }
}

#[test]
fn what_fails_exits_with_1_and_says_why() {
    for (args, words) in [
        (&["replay", "/nowhere/trace"][..], "/nowhere/trace"),
        (&["ladder", "/nowhere/trace"], "/nowhere/trace"),
        (&["answer", "--play", "/nowhere/a.wav"], "/nowhere/a.wav"),
        (&["call", "sip:a@127.0.0.1", "--play", "/nowhere/a.wav"], "/nowhere/a.wav"),
        (&["call", "mailto:a@example.com"], "not a SIP URI"),
        (&["call", "sip:a@127.0.0.1\r\nX: y"], "not a SIP URI"),
        (&["call", "sip:a@127.0.0.1:0"], "port 0"),
        (&["ladder", "/dev/null"], "no SIP messages"),
        (&["call", "sip:a@127.0.0.1", "--trace", "/nowhere/trace"], "/nowhere/trace"),
        (&["--trace", "/nowhere/trace", "answer", "--listen", "udp:127.0.0.1:0"], "/nowhere/trace"),
        // TEST-NET-1 of RFC 5737: no machine has it.
        (&["answer", "--listen", "tcp:127.0.0.1:0", "--listen", "udp:192.0.2.1:0"], "cannot listen on udp:192.0.2.1:0"),
        (&["demo", "--out", "/dev/null/folder"], "/dev/null/folder"),
    ] {
        let output = sipsimple(args);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {}", error(&output));
        assert!(output.stdout.is_empty(), "{args:?}");
        let error = error(&output);
        assert!(error.starts_with("sipsimple: ") && error.contains(words), "{args:?}: {error}");
        assert_eq!(error.lines().count(), 1, "{args:?}: {error}");
    }
}

#[test]
fn help_names_every_command() {
    let output = sipsimple(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    let help = String::from_utf8(output.stdout).unwrap();
    for command in ["demo", "answer", "call", "replay", "ladder", "--json", "--trace"] {
        assert!(help.contains(command), "{command} in {help}");
    }
}

/// `sipsimple answer` on a port of the system's choice, and what it prints.
struct Answer {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
    uri: String,
}

impl Answer {
    fn start(args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sipsimple"));
        command.args(["answer", "--listen", "udp:127.0.0.1:0"]).args(args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next().unwrap().unwrap();
        let uri = format!("sip:bob@{}", line.strip_prefix("listening udp ").unwrap());
        Self { child, lines, uri }
    }

    /// Waits until it ends; what it printed.
    fn end(mut self) -> (Vec<String>, Output) {
        let lines = self.lines.by_ref().map(Result::unwrap).collect();
        (lines, self.child.wait_with_output().unwrap())
    }
}

#[test]
fn what_cannot_be_recorded_fails_the_command_and_not_its_calls() {
    let answer = Answer::start(&["--count", "2", "--record", "/dev/null/bob.wav"]);
    let call = sipsimple(&["call", &answer.uri, "--duration", "0.2"]);
    assert_eq!(call.status.code(), Some(0), "{}", error(&call));
    let call = sipsimple(&["call", &answer.uri, "--duration", "0.2", "--record", "/dev/null/alice.wav"]);
    assert_eq!(call.status.code(), Some(1));
    assert!(error(&call).contains("cannot record to /dev/null/alice.wav"), "{}", error(&call));
    assert!(String::from_utf8_lossy(&call.stdout).contains("call ended by us"), "it was a whole call");
    let (lines, output) = answer.end();
    assert_eq!(output.status.code(), Some(1));
    let error = error(&output);
    assert!(error.starts_with("sipsimple: cannot record to /dev/null/bob.wav: "), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert_eq!(lines.iter().filter(|line| line.contains("call established")).count(), 2, "{lines:#?}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_fails_the_command() {
    // A device that refuses every byte stands for a full disk.
    for option in ["--record", "--trace"] {
        let answer = Answer::start(&["--count", "1"]);
        let call = sipsimple(&["call", &answer.uri, "--duration", "0.2", option, "/dev/full"]);
        assert_eq!(call.status.code(), Some(1), "{option}");
        assert!(error(&call).contains("No space left"), "{option}: {}", error(&call));
        assert_eq!(answer.end().1.status.code(), Some(0));
    }
}

#[test]
fn a_call_whose_output_nobody_reads_ends_in_good_order() {
    let answer = Answer::start(&["--count", "1"]);
    let mut call = Command::new(env!("CARGO_BIN_EXE_sipsimple"));
    call.args(["call", &answer.uri, "--dtmf", "12", "--duration", "60"]);
    let mut call = call.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(call.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("call established")));
    drop(lines);
    let call = call.wait_with_output().unwrap();
    assert_eq!((call.status.code(), error(&call).lines().count()), (Some(1), 1), "{}", error(&call));
    let (lines, _) = answer.end();
    assert!(lines.iter().any(|line| line.contains("call ended by the remote party")), "{lines:#?}");
}
