//! Kamailio as presence agent: presence is published and seen, and so is the number of messages that wait.

use std::time::Duration;

use crate::kamailio::{Kamailio, password};
use crate::peer::{LOOPBACKS, Running, find, has_address, sipsimple};
use crate::sipp::{scenario, sipp_calls};

/// How long something may take that takes no time.
const SOON: Duration = Duration::from_secs(20);

/// The program as a user of this Kamailio, over this transport.
fn speak(kamailio: &Kamailio, transport: &str, user: &str, password: &str, command: &[&str]) -> Running {
    let (account, route) = (format!("{user}@lab.test"), kamailio.route(transport));
    let mut args = command.to_vec();
    args.extend(["--account", &account, "--password-file", password, "--route", &route]);
    let ca = if transport == "tls" { kamailio.ca() } else { String::new() };
    if !ca.is_empty() {
        args.extend(["--tls-ca", &ca]);
    }
    Running::start(sipsimple(), &args)
}

#[test]
fn published_presence_is_seen_until_it_is_removed() {
    let (_folder, password) = password("secret");
    for address in LOOPBACKS.into_iter().filter(|address| has_address(address)) {
        let Some(kamailio) = Kamailio::start(address, &["WITH_PRESENCE", "WITH_TLS"]) else { return };
        for transport in ["tcp", "udp", "tls"] {
            let mut watching = speak(&kamailio, transport, "alice", &password, &["subscribe", "presence", "bob"]);
            watching.wait_for("NOTIFY active", SOON);
            let mut publishing = speak(
                &kamailio,
                transport,
                "bob",
                &password,
                &["publish", "--status", "open", "--note", "at the desk"],
            );
            publishing.wait_for("published for", SOON);
            watching.wait_for("<basic>open</basic>", SOON);
            watching.wait_for("at the desk", SOON);
            let before = watching.output().matches("NOTIFY active").count();
            assert!(publishing.terminate(SOON).success(), "{}", publishing.output());
            assert!(publishing.output().contains("removed"), "{}", publishing.output());
            let start = std::time::Instant::now();
            while watching.output().matches("NOTIFY active").count() == before {
                assert!(start.elapsed() < SOON, "the removal was not told:\n{}", watching.output());
                std::thread::sleep(Duration::from_millis(20));
            }
            assert!(watching.terminate(SOON).success(), "{}", watching.output());
            assert!(watching.output().contains("the subscription ended"), "{}", watching.output());
        }
    }
}

#[test]
fn who_watches_is_told_and_what_two_devices_publish_is_seen_as_one() {
    let (_folder, password) = password("secret");
    for address in LOOPBACKS.into_iter().filter(|address| has_address(address)) {
        let Some(kamailio) = Kamailio::start(address, &["WITH_PRESENCE"]) else { return };
        let mut watchers = speak(&kamailio, "tcp", "bob", &password, &["subscribe", "presence.winfo", "bob"]);
        watchers.wait_for("NOTIFY active", SOON);
        let mut watching = speak(&kamailio, "tcp", "alice", &password, &["subscribe", "presence", "bob"]);
        watching.wait_for("NOTIFY active", SOON);
        watchers.wait_for("sip:alice@lab.test", SOON);
        let device = |note| {
            let command = ["publish", "--status", "open", "--note", note];
            let mut device = speak(&kamailio, "tcp", "bob", &password, &command);
            device.wait_for("published for", SOON);
            device
        };
        let mut devices = [device("at the desk"), device("on the way")];
        let both = |watching: &Running| {
            let said = watching.output();
            let last = said.rfind("NOTIFY active").map_or("", |at| &said[at..]);
            last.contains("at the desk") && last.contains("on the way")
        };
        let start = std::time::Instant::now();
        while !both(&watching) {
            assert!(start.elapsed() < SOON, "not both in one:\n{}", watching.output());
            std::thread::sleep(Duration::from_millis(20));
        }
        for running in devices.iter_mut().chain([&mut watching, &mut watchers]) {
            assert!(running.terminate(SOON).success(), "{}", running.output());
        }
    }
}

#[test]
fn waiting_messages_are_told() {
    let (_folder, password) = password("secret");
    for address in LOOPBACKS.into_iter().filter(|address| has_address(address)) {
        let Some(kamailio) = Kamailio::start(address, &["WITH_PRESENCE"]) else { return };
        if find("sipp").is_none() {
            return;
        }
        for transport in ["tcp", "udp"] {
            let mut watching =
                speak(&kamailio, transport, "alice", &password, &["subscribe", "message-summary", "alice"]);
            watching.wait_for("NOTIFY active", SOON);
            sipp_calls(address, kamailio.port, &["-sf", &scenario("uac_summary"), "-m", "1", "-s", "alice"]);
            watching.wait_for("Voice-Message: 2/8 (0/2)", SOON);
            assert!(watching.terminate(SOON).success(), "{}", watching.output());
            assert!(watching.output().contains("the subscription ended"), "{}", watching.output());
        }
    }
}
