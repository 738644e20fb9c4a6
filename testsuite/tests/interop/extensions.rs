//! PRACK, UPDATE, session timers, REFER, and calls without an offer with SIPp: scenarios of our own.

use std::time::Duration;

use crate::peer::{LOOPBACKS, Running, find, free_port, has_address, host_port, sipsimple};
use crate::sipp::{answering, scenario, scenarios_call_us, sipp_answers, sipp_calls};

const LIMIT: Duration = Duration::from_secs(60);

/// Scenarios in which SIPp calls, and what our side is told to do.
const CALLERS: &[(&str, &[&str])] = &[
    ("uac_prack", &["--100rel", "--ring", "1"]),
    ("uac_prack_required", &["--ring", "1"]),
    ("uac_prack_unknown", &["--100rel", "--ring", "1"]),
    ("uac_update", &[]),
    ("uac_update_early", &["--ring", "1"]),
    ("uac_update_glare", &[]),
    ("uac_timer", &[]),
];

/// Scenarios in which SIPp is called, and what our side is told to do.
const CALLEES: &[(&str, &[&str])] = &[
    ("uas_prack", &["--100rel"]),
    ("uas_late_offer", &["--no-offer"]),
    ("uas_late_offer_prack", &["--no-offer"]),
    ("uas_prack_forked", &["--100rel"]),
    ("uas_timer", &["--session-expires", "90"]),
    ("uas_bye_glare", &[]),
];

#[test]
fn its_extensions_call_us() {
    scenarios_call_us(CALLERS);
}

#[test]
fn its_extensions_are_called_by_us() {
    for address in LOOPBACKS.into_iter().filter(|address| has_address(address)) {
        for transport in ["udp", "tcp"] {
            for (name, args) in CALLEES {
                let port = free_port(address);
                let mode = if transport == "tcp" { "t1" } else { "u1" };
                let own = ["-sf", &scenario(name), "-m", "1", "-t", mode, "-timeout", "60", "-timeout_error"];
                let Some(mut sipp) = sipp_answers(address, port, &own) else { return };
                let uri = format!("sip:service@{};transport={transport}", host_port(address, port));
                let mut call = Running::start(sipsimple(), &[&["call", &uri, "--duration", "1"], *args].concat());
                let status = call.wait(LIMIT);
                assert!(status.success(), "{name} {transport} {address}:\n{}", call.output());
                sipp.succeed(LIMIT);
            }
        }
    }
}

#[test]
fn it_transfers_us_to_somebody_else() {
    for address in LOOPBACKS.into_iter().filter(|address| has_address(address)) {
        for transport in ["u1", "t1"] {
            if find("sipp").is_none() {
                return;
            }
            let (port, other) = (free_port(address), free_port(address));
            let mut transferred = answering(address, port, &["--transfer"]);
            let mut called = answering(address, other, &[]);
            let target = host_port(address, other);
            let args = ["-sf", &scenario("uac_refer"), "-m", "1", "-t", transport, "-key", "target", &target];
            sipp_calls(address, port, &args);
            called.wait_for("call established", LIMIT);
            transferred.wait_for("transferred", LIMIT);
        }
    }
}

#[test]
fn it_asks_us_outside_of_any_call_to_call_somebody() {
    for address in LOOPBACKS.into_iter().filter(|address| has_address(address)) {
        for transport in ["u1", "t1"] {
            if find("sipp").is_none() {
                return;
            }
            let (port, other) = (free_port(address), free_port(address));
            let _answering = answering(address, port, &["--transfer"]);
            let mut called = answering(address, other, &[]);
            let target = host_port(address, other);
            let args = ["-sf", &scenario("uac_refer_outside"), "-m", "1", "-t", transport, "-key", "target", &target];
            sipp_calls(address, port, &args);
            called.wait_for("call established", LIMIT);
        }
    }
}

#[test]
fn it_cannot_transfer_us_unless_we_are_told_that_it_may() {
    for address in LOOPBACKS.into_iter().filter(|address| has_address(address)) {
        if find("sipp").is_none() {
            return;
        }
        let port = free_port(address);
        let _answering = answering(address, port, &[]);
        let target = host_port(address, port);
        let args = ["-sf", &scenario("uac_refer_refused"), "-m", "1", "-key", "target", &target];
        sipp_calls(address, port, &args);
    }
}
