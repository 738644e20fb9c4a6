//! The signalling of chats and file transfers (RFC 4975 section 8, RFC 5547, RFC 6135), with SIPp: scenarios of our own, in both roles.
//! SIPp does not speak MSRP: what is looked at are the descriptions, refusals, and that the call ends in order.

use std::time::Duration;

use crate::peer::{LOOPBACKS, Running, find, free_port, has_address, host_port, sipsimple};
use crate::sipp::{scenario, sipp_answers, sipp_calls};

const LIMIT: Duration = Duration::from_secs(60);

/// SIPp calls the program that runs this command, in this scenario.
fn called(name: &str, command: &[&str]) {
    for address in LOOPBACKS.into_iter().filter(|address| has_address(address)) {
        if find("sipp").is_none() {
            return;
        }
        let port = free_port(address);
        let listen = format!("udp:{}", host_port(address, port));
        let mut program = Running::start(sipsimple(), &[command, &["--listen", &listen]].concat());
        program.wait_for("listening", LIMIT);
        sipp_calls(address, port, &["-sf", &scenario(name), "-m", "1"]);
    }
}

/// The program calls SIPp in this scenario, by this command with the URI in the place of `URI`; what it says.
fn calling(name: &str, command: &[&str], said: &str) {
    for address in LOOPBACKS.into_iter().filter(|address| has_address(address)) {
        let port = free_port(address);
        let own = ["-sf", &scenario(name), "-m", "1", "-timeout", "60", "-timeout_error"];
        let Some(mut sipp) = sipp_answers(address, port, &own) else { return };
        let uri = format!("sip:service@{}", host_port(address, port));
        let command: Vec<&str> = command.iter().map(|word| if *word == "URI" { uri.as_str() } else { word }).collect();
        let mut program = Running::start(sipsimple(), &command);
        // Nobody listens at the place that SIPp names, so it never succeeds.
        assert!(!program.wait(LIMIT).success(), "{}", program.output());
        assert!(program.output().contains(said), "{name} {address}: {}", program.output());
        sipp.succeed(LIMIT);
    }
}

#[test]
fn chats_are_answered_and_refused() {
    for name in ["uac_chat", "uac_chat_actpass", "uac_chat_passive", "uac_chat_nowhere"] {
        called(name, &["chat"]);
    }
}

#[test]
fn files_are_answered_and_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().display().to_string();
    for name in ["uac_file", "uac_file_unknown"] {
        called(name, &["receive", "--dir", &dir]);
    }
}

#[test]
fn chats_are_offered() {
    let chat = ["chat", "URI", "--say", "hello", "--timeout", "30"];
    calling("uas_chat", &chat, "");
    calling("uas_chat_acm", &[&chat[..], &["--connection-model", "acm"]].concat(), "");
    calling("uas_chat_refused", &chat, "488 Not Acceptable Here");
}

#[test]
fn files_are_offered() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("picture.png");
    std::fs::write(&file, [7; 4096]).expect("a file");
    calling("uas_file", &["send", "URI", &file.display().to_string()], "the file has not arrived: connection refused");
}
