//! SIPp (Debian's `sip-tester`) calls us, and is called by us.

use std::time::Duration;

use crate::peer::{LOOPBACKS, Running, find, free_port, has_address, host_port, sipsimple, wait_until_bound};

/// How long a run of SIPp may take.
const LIMIT: Duration = Duration::from_secs(120);

/// Our program, answering on UDP and TCP.
pub(crate) fn answering(address: &str, port: u16, more: &[&str]) -> Running {
    let (udp, tcp) = (format!("udp:{}", host_port(address, port)), format!("tcp:{}", host_port(address, port)));
    let mut args = vec!["answer", "--listen", &udp, "--listen", &tcp];
    args.extend_from_slice(more);
    let mut answering = Running::start(sipsimple(), &args);
    answering.wait_for(&format!("listening tcp {}", host_port(address, port)), Duration::from_secs(20));
    answering
}

/// SIPp as the caller, with its built-in scenario, or one of ours.
pub(crate) fn sipp_calls(address: &str, port: u16, args: &[&str]) {
    let Some(sipp) = find("sipp") else { return };
    let (remote, own, media) =
        (host_port(address, port), free_port(address).to_string(), free_port(address).to_string());
    let mut all = vec![remote.as_str(), "-i", address, "-p", &own, "-mi", address, "-mp", &media, "-nostdin"];
    all.extend_from_slice(&["-timeout", "100", "-timeout_error", "-trace_err"]);
    all.extend_from_slice(args);
    let mut sipp = Running::start(&sipp, &all);
    let status = sipp.wait(LIMIT);
    assert!(status.success(), "sipp {args:?} on {address}: {status}\n{}", sipp.output());
}

/// SIPp as the callee, on this port.
pub(crate) fn sipp_answers(address: &str, port: u16, args: &[&str]) -> Option<Running> {
    let sipp = find("sipp")?;
    let (own, media) = (port.to_string(), free_port(address).to_string());
    let mut all = vec!["-i", address, "-p", &own, "-mi", address, "-mp", &media, "-nostdin", "-trace_err"];
    all.extend_from_slice(args);
    let sipp = Running::start(&sipp, &all);
    wait_until_bound(address, port);
    Some(sipp)
}

/// SIPp as the caller once in each of these scenarios of ours, on every address and transport; and what our side is told to do.
pub(crate) fn scenarios_call_us(scenarios: &[(&str, &[&str])]) {
    for address in LOOPBACKS.into_iter().filter(|address| has_address(address)) {
        for transport in ["u1", "t1"] {
            for (name, args) in scenarios {
                if find("sipp").is_none() {
                    return;
                }
                let port = free_port(address);
                let _answering = answering(address, port, args);
                sipp_calls(address, port, &["-sf", &scenario(name), "-m", "1", "-t", transport]);
            }
        }
    }
}

#[test]
fn two_hundred_calls_of_its_uac_are_echoed() {
    for address in LOOPBACKS.into_iter().filter(|address| has_address(address)) {
        for transport in ["u1", "t1"] {
            if find("sipp").is_none() {
                return;
            }
            let port = free_port(address);
            let _answering = answering(address, port, &["--echo"]);
            sipp_calls(address, port, &["-sn", "uac", "-m", "200", "-r", "50", "-t", transport]);
        }
    }
}

#[test]
fn a_hundred_calls_of_its_uac_survive_lost_messages() {
    for address in LOOPBACKS.into_iter().filter(|address| has_address(address)) {
        if find("sipp").is_none() {
            return;
        }
        let port = free_port(address);
        let _answering = answering(address, port, &[]);
        // 10 % of what SIPp sends and gets is lost; both sides have to send again.
        sipp_calls(address, port, &["-sn", "uac", "-m", "100", "-r", "25", "-lost", "10"]);
    }
}

/// SIPp's built-in callee.
const BUILT_IN: &[&str] = &["-sn", "uas"];

/// Calls SIPp so many times, several at once.
fn call_sipp(address: &str, transport: &str, calls: usize, sipp_args: &[&str]) {
    let port = free_port(address);
    let mode = if transport == "tcp" { "t1" } else { "u1" };
    let mut args = vec!["-t", mode];
    args.extend_from_slice(sipp_args);
    let Some(_sipp) = sipp_answers(address, port, &args) else { return };
    let uri = format!("sip:service@{};transport={transport}", host_port(address, port));
    let mut left = calls;
    let mut failed = Vec::new();
    while left > 0 {
        let now = left.min(10);
        left -= now;
        let mut running: Vec<Running> =
            (0..now).map(|_| Running::start(sipsimple(), &["call", &uri, "--duration", "0.2"])).collect();
        for call in &mut running {
            if !call.wait(LIMIT).success() {
                failed.push(call.output());
            }
        }
    }
    assert!(failed.is_empty(), "{} of {calls} calls to SIPp on {address} failed:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn its_uas_is_called() {
    for address in LOOPBACKS.into_iter().filter(|address| has_address(address)) {
        for transport in ["udp", "tcp"] {
            call_sipp(address, transport, 1, BUILT_IN);
        }
    }
}

#[test]
fn its_uas_is_called_a_hundred_times() {
    for transport in ["udp", "tcp"] {
        call_sipp("127.0.0.1", transport, 100, BUILT_IN);
    }
    if has_address("::1") {
        call_sipp("::1", "udp", 20, BUILT_IN);
        call_sipp("::1", "tcp", 20, BUILT_IN);
    }
}

#[test]
fn its_uas_is_called_although_messages_are_lost() {
    for address in LOOPBACKS.into_iter().filter(|address| has_address(address)) {
        // SIPp 3.6.1 does not send its last response again when an INVITE comes again after it has answered (RFC 3261 section 17.2.1): it aborts the
        // call on an "unexpected message" and is silent from then on, until our timer B. An INVITE comes again when both the 180 and
        // the 200 of the built-in callee were dropped, one call in a hundred. Our scenario never drops the 180.
        call_sipp(address, "udp", 20, &["-sf", &scenario("uas_lossy"), "-lost", "20"]);
    }
}

/// One of our own scenarios for SIPp.
pub(crate) fn scenario(name: &str) -> String {
    format!("{}/interop/sipp/{name}.xml", env!("CARGO_MANIFEST_DIR"))
}

/// Scenarios in which SIPp calls, and what our side is told to do.
const CALLERS: &[(&str, &[&str])] = &[
    ("uac_cancel", &["--ring", "10"]),
    ("uac_late_offer", &[]),
    ("uac_late_offer_named", &["--offer", "chat,audio"]),
    ("uac_rejected", &["--reject", "486"]),
    ("uac_options", &[]),
    ("uac_unknown_method", &[]),
    ("uac_unsupported", &[]),
    ("uac_reinvite", &[]),
    ("uac_hold", &[]),
    ("uac_bye_unknown", &[]),
    ("uac_bad_sdp", &[]),
];

#[test]
fn its_scenarios_call_us() {
    scenarios_call_us(CALLERS);
}

/// Scenarios in which SIPp is called, whether the call is to succeed, and for how long it is to be.
const CALLEES: &[(&str, bool, &str)] = &[
    ("uas_busy", false, "1"),
    ("uas_redirect", false, "1"),
    ("uas_early_media", true, "1"),
    ("uas_forked", true, "1"),
    ("uas_bye", true, "30"),
    ("uas_hold", true, "30"),
    ("uas_no_sdp", false, "1"),
];

#[test]
fn its_scenarios_are_called_by_us() {
    for address in LOOPBACKS.into_iter().filter(|address| has_address(address)) {
        for transport in ["udp", "tcp"] {
            for (name, succeeds, duration) in CALLEES {
                let port = free_port(address);
                let mode = if transport == "tcp" { "t1" } else { "u1" };
                let args = ["-sf", &scenario(name), "-m", "1", "-t", mode, "-timeout", "60", "-timeout_error"];
                let Some(mut sipp) = sipp_answers(address, port, &args) else { return };
                let uri = format!("sip:service@{};transport={transport}", host_port(address, port));
                let mut call = Running::start(sipsimple(), &["call", &uri, "--duration", duration]);
                let status = call.wait(LIMIT);
                assert_eq!(status.success(), *succeeds, "{name} {transport} {address}:\n{}", call.output());
                sipp.succeed(LIMIT);
            }
        }
    }
}

#[test]
fn a_recorded_call_replays_and_one_with_a_changed_byte_does_not() {
    LOOPBACKS.into_iter().filter(|address| has_address(address)).for_each(replay);
}

fn replay(address: &str) {
    let port = free_port(address);
    let Some(_sipp) = sipp_answers(address, port, &["-sn", "uas"]) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let trace = folder.path().join("call.trace");
    let trace = trace.to_str().expect("a name in UTF-8");
    let uri = format!("sip:service@{}", host_port(address, port));
    Running::start(sipsimple(), &["--trace", trace, "call", &uri, "--duration", "0.5"]).succeed(LIMIT);
    Running::start(sipsimple(), &["replay", trace]).succeed(LIMIT);
    let recorded = std::fs::read(trace).expect("the trace");
    // A byte in the middle of each of many lines, whatever it is.
    for number in 1..40 {
        let mut changed = recorded.clone();
        let place = changed.len() * number / 40;
        let place = if changed[place] == b'\n' { place + 1 } else { place };
        changed[place] ^= 1;
        std::fs::write(trace, &changed).expect("the trace");
        let mut replay = Running::start(sipsimple(), &["replay", trace]);
        let status = replay.wait(LIMIT);
        assert_eq!(status.code(), Some(1), "byte {place} was changed:\n{}", replay.output());
    }
}
