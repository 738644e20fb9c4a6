//! Calls that change, with SIPp: hold, streams that come and go, offers that cross, CANCEL that comes late, transfers. Scenarios of our own, in both roles.

use std::time::Duration;

use crate::peer::{Running, find, free_port, has_address, host_port, sipsimple};
use crate::sipp::{answering, scenario, sipp_answers, sipp_calls};

const LIMIT: Duration = Duration::from_secs(60);

/// Where each scenario runs.
const PLACES: [(&str, &str); 2] = [("127.0.0.1", "udp"), ("::1", "tcp")];

/// Scenarios in which SIPp calls, what our side is told to do in the call, and what it says of it.
fn called(scenarios: &[(&str, &[&str], &str)]) {
    for (address, transport) in PLACES.into_iter().filter(|(address, _)| has_address(address)) {
        for (name, args, said) in scenarios {
            if find("sipp").is_none() {
                return;
            }
            let port = free_port(address);
            let mode = if transport == "tcp" { "t1" } else { "u1" };
            let mut answering = answering(address, port, args);
            sipp_calls(address, port, &["-sf", &scenario(name), "-m", "1", "-t", mode]);
            answering.wait_for(said, LIMIT);
        }
    }
}

/// Calls SIPp in this scenario; the call, and SIPp.
fn call(name: &str, address: &str, transport: &str, args: &[&str]) -> Option<(Running, Running)> {
    let port = free_port(address);
    let mode = if transport == "tcp" { "t1" } else { "u1" };
    let own = ["-sf", &scenario(name), "-m", "1", "-t", mode, "-timeout", "60", "-timeout_error"];
    let sipp = sipp_answers(address, port, &own)?;
    let uri = format!("sip:service@{};transport={transport}", host_port(address, port));
    Some((Running::start(sipsimple(), &[&["call", &uri], args].concat()), sipp))
}

/// Scenarios in which SIPp is called, what our side is told to do in the call, and what it says of it.
fn calling(scenarios: &[(&str, &[&str], &str)]) {
    for (address, transport) in PLACES.into_iter().filter(|(address, _)| has_address(address)) {
        for (name, args, said) in scenarios {
            let Some((mut call, mut sipp)) = call(name, address, transport, args) else { return };
            call.succeed(LIMIT);
            sipp.succeed(LIMIT);
            let output = call.output();
            assert!(output.contains(said), "{name} {transport} {address}: not '{said}' in\n{output}");
        }
    }
}

const HOLD: &[&str] = &["--do", "0.3s hold; 1s unhold; 1.7s end"];
const ADD: &[&str] = &["--do", "0.3s add; 1.3s remove; 2s end"];
/// Long enough for what is said again after both have refused.
const GLARE: &[&str] = &["--do", "0.3s add; 6s end"];
const TRANSFER: &[&str] = &["--do", "0.3s transfer sip:carol@lab.test"];

#[test]
fn calls_are_held_by_either_side() {
    called(&[("uac_hold_nowhere", &[], "put on hold by"), ("uac_held", HOLD, "taken off hold by")]);
    calling(&[("uas_hold_nowhere", &[], "put on hold by"), ("uas_held", HOLD, "taken off hold by")]);
}

#[test]
fn streams_are_added_and_removed_by_either_side() {
    let refuse: &[&str] = &["--do", "0s accept; 0.8s reject 488; 5s end"];
    called(&[
        ("uac_add", &[], "removed a stream"),
        ("uac_add_refused", refuse, "wants to add a stream"),
        ("uac_added", ADD, "removed a stream"),
    ]);
    let accept: &[&str] = &["--do", "0.8s accept; 8s end"];
    let refused: &[&str] = &["--do", "0.3s add; 1.5s end"];
    calling(&[
        ("uas_add", accept, "removed a stream"),
        ("uas_added", ADD, "removed a stream"),
        ("uas_added_refused", refused, "not added: 488"),
    ]);
}

#[test]
fn offers_that_cross_are_refused_and_come_again() {
    called(&[("uac_glare", GLARE, "added a stream")]);
    calling(&[("uas_glare", GLARE, "added a stream")]);
}

#[test]
fn offers_are_asked_for_inside_calls() {
    called(&[("uac_reinvite_late", &[], "call ended")]);
    calling(&[("uas_reinvite_late", &[], "call ended"), ("uas_update", &[], "taken off hold")]);
}

#[test]
fn cancel_crosses_what_it_cancels() {
    called(&[("uac_cancel_late", &[], "call established")]);
    for (address, transport) in PLACES.into_iter().filter(|(address, _)| has_address(address)) {
        for name in ["uas_cancelled", "uas_cancel_race"] {
            let Some((mut call, mut sipp)) = call(name, address, transport, &[]) else { return };
            call.wait_for("ringing", LIMIT);
            call.terminate(LIMIT);
            sipp.succeed(LIMIT);
        }
    }
}

#[test]
fn we_transfer_it_to_somebody_else() {
    called(&[("uac_referred", TRANSFER, "transferred")]);
    let goes_on: &[&str] = &["--do", "0.3s transfer sip:carol@lab.test; 3s end"];
    calling(&[
        ("uas_referred", TRANSFER, "transferred"),
        ("uas_referred_busy", goes_on, "not transferred: 486"),
        ("uas_referred_not", goes_on, "not transferred: 603"),
    ]);
}

#[test]
fn somebody_takes_the_place_of_another() {
    called(&[("uac_replaces", &[], "call 2: call established")]);
    for (address, transport) in PLACES.into_iter().filter(|(address, _)| has_address(address)) {
        let (port, other) = (free_port(address), free_port(address));
        let mode = if transport == "tcp" { "t1" } else { "u1" };
        let own = ["-sf", &scenario("uas_replaced"), "-m", "1", "-t", mode, "-timeout", "60", "-timeout_error"];
        let Some(mut replaced) = sipp_answers(address, other, &own) else { return };
        let _transferred = answering(address, port, &["--transfer"]);
        let target = format!("{};transport={transport}", host_port(address, other));
        let name = scenario("uac_refer_attended");
        sipp_calls(address, port, &["-sf", &name, "-m", "1", "-t", mode, "-key", "target", &target]);
        replaced.succeed(LIMIT);
    }
}
