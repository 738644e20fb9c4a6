//! Event state and messages with SIPp: SUBSCRIBE and NOTIFY, PUBLISH, MESSAGE, both ways.

use std::time::Duration;

use crate::peer::{LOOPBACKS, Running, free_port, has_address, host_port, sipsimple};
use crate::sipp::{scenario, scenarios_call_us, sipp_answers};

/// How long a run may take.
const LIMIT: Duration = Duration::from_secs(60);

/// Scenarios in which SIPp is asked by us, what our side is told to do besides the address, whether that is to succeed, and what it is to print.
const ASKED: &[(&str, &[&str], bool, &str)] = &[
    ("uas_presence", &["subscribe", "presence", "URI", "--count", "2"], true, "<basic>open</basic>"),
    ("uas_mwi", &["subscribe", "message-summary", "URI", "--count", "2"], true, "Voice-Message: 2/8 (0/2)"),
    ("uas_bad_event", &["subscribe", "presence", "URI"], false, "489 Bad Event"),
    ("uas_message", &["message", "URI", "Hello, SIPp"], true, "delivered: 200 OK"),
    (
        "uas_publish",
        &["publish", "--status", "open", "--note", "here", "--account", "URI", "--duration", "3"],
        true,
        "removed",
    ),
];

#[test]
fn its_scenarios_are_asked_by_us() {
    for address in LOOPBACKS.into_iter().filter(|address| has_address(address)) {
        for transport in ["udp", "tcp"] {
            for (name, command, succeeds, words) in ASKED {
                let port = free_port(address);
                let mode = if transport == "tcp" { "t1" } else { "u1" };
                let args = ["-sf", &scenario(name), "-m", "1", "-t", mode, "-timeout", "40", "-timeout_error"];
                let Some(mut sipp) = sipp_answers(address, port, &args) else { return };
                let uri = format!("sip:service@{}", host_port(address, port));
                let route = format!("{transport}:{}", host_port(address, port));
                let mut args: Vec<&str> =
                    command.iter().map(|word| if *word == "URI" { uri.as_str() } else { word }).collect();
                args.extend_from_slice(&["--route", &route]);
                let mut ours = Running::start(sipsimple(), &args);
                let status = ours.wait(LIMIT);
                let said = ours.output();
                assert_eq!(status.success(), *succeeds, "{name} {transport} {address}:\n{said}");
                assert!(said.contains(words), "{name} {transport} {address}:\n{said}");
                sipp.succeed(LIMIT);
            }
        }
    }
}

#[test]
fn it_is_told_that_a_message_is_composed_and_gets_it_in_an_envelope() {
    for address in LOOPBACKS.into_iter().filter(|address| has_address(address)) {
        let port = free_port(address);
        // A request outside of any dialog is a call to SIPp.
        let args = ["-sf", &scenario("uas_composing"), "-m", "2", "-timeout", "40", "-timeout_error"];
        let Some(mut sipp) = sipp_answers(address, port, &args) else { return };
        let uri = format!("sip:service@{}", host_port(address, port));
        let mut ours = Running::start(sipsimple(), &["message", &uri, "Hello", "--cpim", "--composing", "1"]);
        ours.succeed(LIMIT);
        assert!(ours.output().contains("delivered: 200 OK"), "{}", ours.output());
        sipp.succeed(LIMIT);
    }
}

/// Scenarios in which SIPp asks us.
const ASKING: &[(&str, &[&str])] =
    &[("uac_message", &[]), ("uac_info", &[]), ("uac_bad_event", &[]), ("uac_stray_notify", &[]), ("uac_publish", &[])];

#[test]
fn its_scenarios_ask_us() {
    scenarios_call_us(ASKING);
}
