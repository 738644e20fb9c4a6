//! The `sipsimple` program from outside: exit codes, and what goes to which output.

use std::process::{Command, Output};

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
        &["call", "sip:a@127.0.0.1", "--route", "tls:127.0.0.1:5061"],
        &["answer", "--listen", "tls:127.0.0.1:5061"],
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
        (&["call", "sip:a@example.com"], "--route"),
        (&["call", "mailto:a@example.com"], "not a SIP URI"),
        (&["call", "sip:a@127.0.0.1\r\nX: y"], "not a SIP URI"),
        (&["call", "sip:a@127.0.0.1:0"], "port 0"),
        (&["ladder", "/dev/null"], "no SIP messages"),
        (&["call", "sip:a@127.0.0.1", "--trace", "/nowhere/trace"], "/nowhere/trace"),
        (&["--trace", "/nowhere/trace", "answer", "--listen", "udp:127.0.0.1:0"], "/nowhere/trace"),
        // TEST-NET-1 of RFC 5737: no machine has it.
        (
            &["answer", "--listen", "tcp:127.0.0.1:0", "--listen", "udp:192.0.2.1:0"],
            "cannot listen on udp:192.0.2.1:0",
        ),
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
