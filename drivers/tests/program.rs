//! The `sipsimple` program from outside: exit codes, and what goes to which output.

mod waiting;

use std::io::{BufRead, BufReader};
use std::process::{Child, Output};

use waiting::{PLAIN, Waiting, run, sipsimple};

/// `sipsimple answer` on a port of the system's choice.
fn answering(args: &[&str]) -> Waiting {
    Waiting::answering("udp:127.0.0.1:0", args)
}

/// `sipsimple session`, as somebody types.
fn typing(args: &[&str]) -> Waiting {
    Waiting::typing(&[&["session", "--listen", "udp:127.0.0.1:0", "--codec", PLAIN], args].concat())
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
        &["call", "sip:a@127.0.0.1", "--do", "hold"],
        &["answer", "--do", "1s sing"],
        &["session", "--listen", "127.0.0.1:5060"],
        &["replay"],
        &["ladder", "a", "b"],
        &["demo", "--json", "--quietly"],
    ] {
        let output = run(args);
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
        let output = run(args);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {}", error(&output));
        assert!(output.stdout.is_empty(), "{args:?}");
        let error = error(&output);
        assert!(error.starts_with("sipsimple: ") && error.contains(words), "{args:?}: {error}");
        assert_eq!(error.lines().count(), 1, "{args:?}: {error}");
    }
}

#[test]
fn help_names_every_command() {
    let output = run(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    let help = String::from_utf8(output.stdout).unwrap();
    for command in ["demo", "answer", "call", "session", "replay", "ladder", "--json", "--trace"] {
        assert!(help.contains(command), "{command} in {help}");
    }
}

#[test]
fn what_cannot_be_recorded_fails_the_command_and_not_its_calls() {
    let answer = answering(&["--count", "2", "--record", "/dev/null/bob.wav"]);
    let call = run(&["call", &answer.uri, "--codec", PLAIN, "--duration", "0.2"]);
    assert_eq!(call.status.code(), Some(0), "{}", error(&call));
    let call = run(&["call", &answer.uri, "--codec", PLAIN, "--duration", "0.2", "--record", "/dev/null/alice.wav"]);
    assert_eq!(call.status.code(), Some(1));
    assert!(error(&call).contains("cannot record to /dev/null/alice.wav"), "{}", error(&call));
    assert!(String::from_utf8_lossy(&call.stdout).contains("call ended by us"), "it was a whole call");
    let ended = answer.end();
    assert_eq!(ended.code, Some(1));
    let error = ended.error;
    assert!(error.starts_with("sipsimple: cannot record to /dev/null/bob.wav: "), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    let printed = ended.printed;
    assert_eq!(printed.matches("call established").count(), 2, "{printed}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_fails_the_command() {
    // A device that refuses every byte stands for a full disk.
    for option in ["--record", "--trace"] {
        let answer = answering(&["--count", "1"]);
        let call = run(&["call", &answer.uri, "--codec", PLAIN, "--duration", "0.2", option, "/dev/full"]);
        assert_eq!(call.status.code(), Some(1), "{option}");
        assert!(error(&call).contains("No space left"), "{option}: {}", error(&call));
        assert_eq!(answer.end().code, Some(0));
    }
}

#[test]
fn a_call_whose_output_nobody_reads_ends_in_good_order() {
    let answer = answering(&["--count", "1"]);
    let mut call = sipsimple().args(["call", &answer.uri, "--dtmf", "12", "--duration", "60"]).spawn().unwrap();
    let mut lines = BufReader::new(call.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("call established")));
    drop(lines);
    let call = call.wait_with_output().unwrap();
    assert_eq!((call.status.code(), error(&call).lines().count()), (Some(1), 1), "{}", error(&call));
    let ended = answer.end();
    assert!(ended.printed.contains("call ended by the remote party"), "{}", ended.printed);
}

#[test]
fn scripts_are_followed_in_calls_both_ways() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("call.wav");
    let record = format!("0.1s record {}; 0.3s record; 30s end", file.display());
    let answer = answering(&["--count", "2", "--do", &record]);
    let call = run(&["call", &answer.uri, "--codec", PLAIN, "--do", "0.2s dtmf 1#; 1s end"]);
    assert_eq!(call.status.code(), Some(0), "{}", error(&call));
    let said = String::from_utf8_lossy(&call.stdout).into_owned();
    assert!(said.contains("pressed 1") && said.contains("pressed #") && said.contains("call ended by us"), "{said}");
    let call = run(&["call", &answer.uri, "--codec", PLAIN, "--do", "0s accept; 1s end"]);
    assert_eq!(call.status.code(), Some(1), "there is nothing to accept");
    let ended = answer.end();
    assert_eq!(ended.code, Some(0), "{}", ended.error);
    assert!(ended.printed.contains("DTMF #"), "{}", ended.printed);
    assert!(std::fs::metadata(&file).unwrap().len() > 44, "it was recorded");
}

#[test]
fn a_script_holds_and_changes_a_call() {
    let script = "0.1s hold; 0.4s unhold; 0.7s add; 1.4s remove; 1.8s end";
    let answer = answering(&["--count", "1"]);
    let call = run(&["call", &answer.uri, "--codec", PLAIN, "--do", script]);
    assert_eq!(call.status.code(), Some(0), "{}", error(&call));
    let ended = answer.end();
    let said = ended.printed;
    for words in ["put on hold by the remote party", "taken off hold by the remote party", "wants to add a stream"] {
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn a_script_can_answer_or_refuse() {
    let answer = answering(&["--count", "1", "--do", "0.1s accept; 0.3s end"]);
    let call = run(&["call", &answer.uri, "--codec", PLAIN]);
    assert_eq!(call.status.code(), Some(0), "{}", error(&call));
    answer.end();
    let answer = answering(&["--count", "1", "--do", "0.1s reject 486"]);
    let call = run(&["call", &answer.uri, "--codec", PLAIN]);
    assert!(error(&call).contains("486"), "{}", error(&call));
    answer.end();
}

#[test]
fn a_session_has_many_calls_at_once() {
    let mut answer = answering(&["--count", "2", "--echo"]);
    let mut session = typing(&[]);
    session.types("/hold");
    session.says("there is no call");
    session.types(&format!("/call {}", answer.uri));
    session.says("call 1: call established");
    session.types(&format!("/audio {}", answer.uri));
    session.says("call 2: call established");
    session.types("/sessions");
    session.says("  call 1: sip:bob@");
    session.says("* call 2: sip:bob@");
    session.types("/prev");
    session.says("* call 1: sip:bob@");
    session.types("/dtmf 5");
    session.says("pressed 5");
    assert!(answer.lines.by_ref().map(Result::unwrap).any(|line| line.contains("call 1: DTMF 5")));
    session.types("/hold");
    session.says("call 1: put on hold by us");
    session.types("/sessions");
    session.says("on hold by us");
    session.types("/unhold");
    session.says("call 1: taken off hold by us");
    session.types("hello");
    session.says("the call has no chat");
    session.types("/accept");
    session.says("nothing waits to be accepted or rejected");
    session.types("/trace");
    session.says("every event is printed");
    session.types("/end");
    session.says("\"name\":\"SIPSessionDidEnd\"");
    session.types("/quit");
    session.says("call 2: call ended by us");
    let ended = session.end();
    assert_eq!(ended.code, Some(0), "{}", ended.error);
    assert_eq!(answer.end().code, Some(0));
}

/// A call to carol, who takes it; it is up at both sides when she hears a key.
fn call_of(carol: &mut Waiting, args: &[&str]) -> Child {
    let script = ["--do", "0s dtmf 1; 60s end"];
    let call = sipsimple().args(["call", &carol.uri, "--codec", PLAIN]).args(script).args(args).spawn().unwrap();
    carol.says("incoming call from");
    carol.types("/accept");
    carol.says("DTMF 1");
    call
}

#[test]
fn a_call_follows_a_transfer_if_that_is_said() {
    let answer = answering(&["--count", "1", "--do", "0.5s end"]);
    let mut carol = typing(&[]);
    let call = call_of(&mut carol, &[]);
    carol.types(&format!("/transfer {}", answer.uri));
    carol.says("not transferred: 603");
    carol.types("/end");
    assert_eq!(call.wait_with_output().unwrap().status.code(), Some(0));
    let call = call_of(&mut carol, &["--transfer"]);
    carol.types(&format!("/transfer {}", answer.uri));
    carol.says("call 2: transferred");
    let call = call.wait_with_output().unwrap();
    assert_eq!(call.status.code(), Some(0), "{}", error(&call));
    let said = String::from_utf8_lossy(&call.stdout).into_owned();
    assert!(said.contains("asked to call ") && said.matches("call established").count() == 2, "{said}");
    assert!(answer.end().printed.contains("call ended by us"));
    assert_eq!(carol.end().code, Some(0));
}

#[test]
fn a_session_is_asked_before_it_follows_a_transfer() {
    let answer = answering(&["--count", "1"]);
    let (mut carol, mut dave) = (typing(&[]), typing(&[]));
    dave.types(&format!("/call {}", carol.uri));
    carol.says("incoming call from");
    carol.types("/accept");
    carol.says("call established");
    dave.says("call 1: call established");
    carol.types(&format!("/transfer {}", answer.uri));
    dave.says("call 1: asked to call ");
    dave.types("/reject");
    carol.says("not transferred: 603");
    carol.types(&format!("/transfer {}", answer.uri));
    dave.says("call 1: asked to call ");
    dave.types("/accept");
    dave.says("call 2: call established");
    carol.says("transferred");
    dave.types("/end");
    dave.says("call 2: call ended by us");
    answer.end();
    assert_eq!((carol.end().code, dave.end().code), (Some(0), Some(0)));
}

#[test]
fn a_call_may_leave_the_offer_to_the_other_side() {
    let answer = answering(&["--count", "1"]);
    let call = run(&["call", &answer.uri, "--no-offer", "--do", "0.5s dtmf 7; 1.5s end"]);
    assert_eq!(call.status.code(), Some(0), "{}", error(&call));
    assert!(answer.end().printed.contains("DTMF 7"));
}

#[test]
fn sessions_chat_and_send_files() {
    let dir = tempfile::tempdir().unwrap();
    let (file, place) = (dir.path().join("a poem.txt"), dir.path().join("came"));
    std::fs::write(&file, "Roses are red").unwrap();
    let mut carol = typing(&["--dir", place.to_str().unwrap()]);
    let mut dave = typing(&[]);
    dave.types(&format!("/chat {}", carol.uri));
    carol.says("call 1: incoming call");
    carol.types("/accept");
    carol.says("call 1: the chat has begun");
    dave.says("call 1: the chat has begun");
    dave.types("Hello, Carol");
    assert!(carol.says(": Hello, Carol").contains("sip:"));
    carol.types("and hello, Dave");
    dave.says(": and hello, Dave");
    // A file, in the same call.
    dave.types(&format!("/send {}", file.display()));
    carol.says("wants to add a stream");
    carol.types("/accept");
    carol.says("received ");
    dave.says("sent ");
    assert_eq!(std::fs::read_to_string(place.join("a poem.txt")).unwrap(), "Roses are red");
    // And in a call of its own.
    dave.types(&format!("/send {} {}", carol.uri, file.display()));
    carol.says("call 2: incoming call");
    carol.types("/next");
    carol.says("* call 2");
    carol.types("/accept");
    carol.says("call 2: received ");
    dave.says("call 2: sent ");
    assert_eq!(std::fs::read_to_string(place.join("a poem-1.txt")).unwrap(), "Roses are red");
    dave.types("/send /nowhere/file");
    dave.says("cannot read /nowhere/file");
    // Audio joins a chat.
    dave.types("/prev");
    dave.says("* call 1");
    dave.types("/add");
    carol.says("call 1: the remote party wants to add a stream");
    carol.types("/prev");
    carol.says("* call 1");
    carol.types("/accept");
    carol.says("call 1: audio ");
    dave.says("call 1: audio ");
    dave.types("/dtmf 7");
    carol.says("call 1: DTMF 7");
    dave.types("/quit");
    assert_eq!(dave.end().code, Some(0));
    carol.says("call ended by the remote party");
    assert_eq!(carol.end().code, Some(0));
}

#[test]
fn a_session_takes_calls_and_keeps_its_settings() {
    let dir = tempfile::tempdir().unwrap();
    let mut session = typing(&["--config", dir.path().to_str().unwrap()]);
    let call = sipsimple().args(["call", &session.uri, "--do", "20s end"]).spawn().unwrap();
    session.says("call 1: incoming call from");
    session.types("/accept");
    session.says("call 1: call established");
    session.types("/record");
    let line = session.says("recording to ");
    let file = line.split_once("recording to ").unwrap().1.to_owned();
    assert!(file.starts_with(dir.path().join("history").to_str().unwrap()), "{file}");
    session.types("/record");
    session.says("recorded to ");
    // The end of the input is the end of the session.
    assert_eq!(session.end().code, Some(0));
    assert!(std::fs::metadata(&file).unwrap().len() >= 44);
    let call = call.wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&call.stdout).contains("call ended by the remote party"));
}
