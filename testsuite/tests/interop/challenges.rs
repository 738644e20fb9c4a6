//! SIPp asks us for authentication: scenarios of our own. Debian's SIPp knows MD5 only; Kamailio asks for SHA-256.

use std::time::Duration;

use crate::kamailio::password;
use crate::peer::{LOOPBACKS, Running, find, free_port, has_address, host_port, sipsimple, wait_until_bound};
use crate::sipp::scenario;

const LIMIT: Duration = Duration::from_secs(60);

/// SIPp with this scenario, and our program with these arguments toward it: its exit code and what it said.
fn run(address: &str, transport: &str, name: &str, args: &[&str]) -> Option<(Option<i32>, String)> {
    let sipp = find("sipp")?;
    let port = free_port(address);
    let (own, media) = (port.to_string(), free_port(address).to_string());
    let (mode, file) = (if transport == "tcp" { "t1" } else { "u1" }, scenario(name));
    let all =
        ["-i", address, "-p", &own, "-mi", address, "-mp", &media, "-nostdin", "-sf", &file, "-m", "1", "-t", mode];
    let mut sipp = Running::start(&sipp, &[&all[..], &["-timeout", "60", "-timeout_error", "-trace_err"]].concat());
    wait_until_bound(address, port);
    let route = format!("{transport}:{}", host_port(address, port));
    let mut ours = Running::start(sipsimple(), &[args, &["--route", &route]].concat());
    let status = ours.wait(LIMIT);
    sipp.succeed(LIMIT);
    Some((status.code(), ours.output()))
}

fn everywhere(mut test: impl FnMut(&str, &str)) {
    for address in LOOPBACKS.into_iter().filter(|address| has_address(address)) {
        for transport in ["udp", "tcp"] {
            test(address, transport);
        }
    }
}

#[test]
fn a_registration_answers_challenges_and_stale_nonces_and_asks_for_longer() {
    let (_folder, password) = password("secret");
    everywhere(|address, transport| {
        for name in ["uas_register", "uas_register_stale", "uas_register_423"] {
            let args = ["register", "alice@lab.test", "--password-file", &password, "--once"];
            let Some((code, said)) = run(address, transport, name, &args) else { return };
            assert_eq!(code, Some(0), "{name} {transport} {address}:\n{said}");
        }
    });
}

#[test]
fn a_second_challenge_is_a_refusal() {
    let (_folder, password) = password("wrong");
    everywhere(|address, transport| {
        let args = ["register", "alice@lab.test", "--password-file", &password];
        let Some((code, said)) = run(address, transport, "uas_register_refused", &args) else { return };
        assert_eq!(code, Some(1));
        assert!(said.contains("did not accept the user name and password"), "{said}");
    });
}

#[test]
fn a_call_answers_challenges_to_invite_and_bye() {
    let (_folder, password) = password("secret");
    everywhere(|address, transport| {
        for name in ["uas_407", "uas_401"] {
            let args = ["call", "bob", "--account", "alice@lab.test", "--no-register", "--duration", "0.3"];
            let args = [&args[..], &["--password-file", &password]].concat();
            let Some((code, said)) = run(address, transport, name, &args) else { return };
            assert_eq!(code, Some(0), "{name} {transport} {address}:\n{said}");
        }
    });
}
