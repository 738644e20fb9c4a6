//! Knot DNS (Debian's `knot`) answers `sipsimple lookup`, and so does a name server that misbehaves.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::peer::{Running, find, free_port, has_address, host_port, sipsimple, wait_until_bound};

const LIMIT: Duration = Duration::from_secs(30);

/// A name server, and its address.
pub(crate) struct Server {
    _running: Running,
    pub(crate) address: String,
}

fn file(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/dns");
    folder.join(name).to_str().expect("a name in UTF-8").to_owned()
}

/// Knot with the zone `lab.test`. `None` where it is not installed.
fn knot() -> Option<Server> {
    knot_at("127.0.0.1")
}

fn knot_at(host: &str) -> Option<Server> {
    let mut zone = fs::read_to_string(file("lab.test.zone")).expect("the zone");
    for host in 0..60 {
        let name = format!("a-rather-long-host-name-number-{host:03}.hosts.big");
        writeln!(zone, "_sip._udp.big SRV {host} 10 5070 {name}\n{name} A 127.0.0.{}", host + 1).expect("memory");
    }
    knot_with(host, &zone)
}

/// Knot with this zone for `lab.test`, in which `aonly` has an address. `None` where it is not installed.
pub(crate) fn knot_with(host: &str, zone: &str) -> Option<Server> {
    let program = find("knotd")?;
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().to_str().expect("a name in UTF-8").to_owned();
    fs::write(format!("{home}/lab.test.zone"), zone).expect("a file");
    let port = free_port(host);
    let config = format!(
        "server:\n    rundir: \"{home}\"\n    listen: [ {host}@{port} ]\n    udp-max-payload: 1232\n\
         log:\n  - target: stderr\n    any: warning\ndatabase:\n    storage: \"{home}\"\n\
         zone:\n  - domain: lab.test\n    file: \"{home}/lab.test.zone\"\n    semantic-checks: off\n    \
         zonefile-sync: -1\n    journal-content: none\n"
    );
    fs::write(format!("{home}/knot.conf"), config).expect("a file");
    let running = Running::start_in(&program, &["-c", &format!("{home}/knot.conf")], folder);
    wait_until_bound(host, port);
    let server = Server { _running: running, address: host_port(host, port) };
    // It is bound before it has read its zone.
    for _ in 0..100 {
        if look_up(&[&server], "sip", "aonly.lab.test:5060", &[]).0 {
            return Some(server);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("knotd does not know its zone");
}

/// The name server that misbehaves. `None` where there is no Python.
fn bad() -> Option<Server> {
    let program = find("python3")?;
    let port = free_port("127.0.0.1");
    let mut running = Running::start(&program, &[&file("bad.py"), &port.to_string()]);
    running.wait_for("ready", LIMIT);
    Some(Server { _running: running, address: format!("127.0.0.1:{port}") })
}

/// Runs `sipsimple lookup`: whether it succeeded, and what it printed.
fn look_up(servers: &[&Server], what: &str, name: &str, more: &[&str]) -> (bool, Vec<String>) {
    let mut args = vec!["lookup", what, name];
    for server in servers {
        args.extend(["--nameserver", &server.address]);
    }
    args.extend(more);
    let mut running = Running::start(sipsimple(), &args);
    let status = running.wait(LIMIT);
    assert!(status.success() || status.code() == Some(1), "{status}: {}", running.output());
    (status.success(), running.output().lines().map(str::to_owned).collect())
}

fn found(server: &Server, what: &str, name: &str, more: &[&str]) -> Vec<String> {
    let (succeeded, lines) = look_up(&[server], what, name, more);
    assert!(succeeded, "{what} {name} {more:?}: {lines:?}");
    lines
}

fn not_found(server: &Server, what: &str, name: &str, more: &[&str]) -> String {
    let (succeeded, lines) = look_up(&[server], what, name, more);
    assert!(!succeeded, "{what} {name} {more:?}: {lines:?}");
    lines.join(" ")
}

const TCP: [&str; 3] = ["tcp ::1 5070", "tcp 127.0.0.1 5070", "tcp 127.0.0.2 5072"];

#[test]
fn a_domain_leads_to_the_servers_of_rfc_3263_in_its_order() {
    let Some(knot) = knot() else { return };
    let lines = found(&knot, "sip", "lab.test", &[]);
    assert_eq!(lines[0], "tls 127.0.0.1 5071");
    assert_eq!(lines[1..4], TCP);
    // The first two hosts over UDP are drawn by weight.
    let mut drawn = lines[4..7].to_vec();
    drawn.sort();
    assert_eq!(drawn, ["udp 127.0.0.1 5070", "udp 127.0.0.2 5072", "udp ::1 5070"]);
    assert_eq!(lines[7..], ["udp ::1 5074", "udp 127.0.0.1 5074"]);
    for (name, transports, expected) in [
        ("sips:lab.test", "udp,tcp,tls", &["tls 127.0.0.1 5071"][..]),
        ("lab.test", "tcp", &TCP),
        ("lab.test;transport=tcp", "tls,tcp,udp", &TCP),
        ("lab.test;transport=tls", "tls,tcp,udp", &["tls 127.0.0.1 5071"]),
        ("badnaptr.lab.test", "tls,tcp,udp", &["udp 127.0.0.2 5070"]),
        ("pref.lab.test", "tls,tcp,udp", &["tcp 127.0.0.2 5070", "udp 127.0.0.2 5070"]),
        ("srvonly.lab.test", "udp,tls", &["udp 127.0.0.2 5070", "tls 127.0.0.2 5071"]),
        ("srvonly.lab.test", "tls,udp", &["tls 127.0.0.2 5071", "udp 127.0.0.2 5070"]),
        ("sips:srvonly.lab.test", "tls,tcp,udp", &["tls 127.0.0.2 5071"]),
        ("failover.lab.test", "udp", &["udp 127.0.0.2 5070"]),
        ("cnamed.lab.test", "udp", &["udp 127.0.0.2 5070"]),
        ("aonly.lab.test", "tls,tcp,udp", &["udp 127.0.0.1 5060", "udp 127.0.0.2 5060"]),
        ("aonly.lab.test;transport=tcp", "tls,tcp,udp", &["tcp 127.0.0.1 5060", "tcp 127.0.0.2 5060"]),
        ("sips:aonly.lab.test", "tls,tcp,udp", &["tls 127.0.0.1 5061", "tls 127.0.0.2 5061"]),
        ("v6only.lab.test", "udp", &["udp ::1 5060"]),
        ("c1.lab.test", "udp", &["udp 127.0.0.2 5060"]),
        ("lab.test:5099", "udp", &["udp 127.0.0.1 5099"]),
        ("sip1.lab.test:5099;transport=tcp", "tcp", &["tcp ::1 5099", "tcp 127.0.0.1 5099"]),
        ("sips:lab.test:5099", "tls", &["tls 127.0.0.1 5099"]),
        ("192.0.2.7", "tls,tcp,udp", &["udp 192.0.2.7 5060"]),
        ("[2001:db8::7]:5080;transport=tcp", "tls,tcp,udp", &["tcp 2001:db8::7 5080"]),
        ("sips:192.0.2.7", "tls,tcp,udp", &["tls 192.0.2.7 5061"]),
    ] {
        assert_eq!(found(&knot, "sip", name, &["--transports", transports]), expected, "{name} over {transports}");
    }
}

/// The other tests ask over IPv4; the server that misbehaves listens there only.
#[test]
fn a_name_server_is_asked_over_ipv6() {
    if !has_address("::1") {
        return;
    }
    let Some(knot) = knot_at("::1") else { return };
    assert_eq!(found(&knot, "sip", "lab.test", &[])[0], "tls 127.0.0.1 5071");
    assert_eq!(found(&knot, "sip", "v6only.lab.test", &["--transports", "udp"]), ["udp ::1 5060"]);
    // Too much for a datagram: it comes over a connection.
    assert_eq!(found(&knot, "sip", "big.lab.test", &["--transports", "udp"]).len(), 60);
}

#[test]
fn what_is_not_there_is_said_in_a_sentence() {
    let Some(knot) = knot() else { return };
    for (name, transports, sentence) in [
        ("nothere.lab.test", "udp", "No routes found for SIP URI sip:nothere.lab.test"),
        ("dotsrv.lab.test", "udp", "No routes found for SIP URI sip:dotsrv.lab.test"),
        ("loop1.lab.test", "udp", "No routes found for SIP URI sip:loop1.lab.test"),
        ("dangling.lab.test", "udp", "No routes found for SIP URI sip:dangling.lab.test"),
        ("aonly.lab.test", "tls", "No routes found for SIP URI sip:aonly.lab.test"),
        ("lab.test;transport=udp", "tls,tcp", "Transport udp dictated by URI is not supported"),
        ("sips:lab.test", "tcp,udp", "Transport tls dictated by URI is not supported"),
        ("lab.test", "", "No transports are supported"),
        ("other.example", "udp", "No routes found for SIP URI sip:other.example"),
    ] {
        let said = not_found(&knot, "sip", name, &["--transports", transports]);
        assert_eq!(said, format!("sipsimple: {sentence}"));
    }
}

#[test]
fn servers_of_services_are_found() {
    let Some(knot) = knot() else { return };
    assert_eq!(found(&knot, "stun", "lab.test", &[]), ["udp 127.0.0.1 3479"]);
    assert_eq!(found(&knot, "stun", "aonly.lab.test", &[]), ["udp 127.0.0.1 3478", "udp 127.0.0.2 3478"]);
    assert_eq!(found(&knot, "msrprelay", "lab.test", &[]), ["tls 127.0.0.1 2856"]);
    assert_eq!(found(&knot, "msrprelay", "v6only.lab.test", &[]), ["tls ::1 2855"]);
    assert_eq!(found(&knot, "xcap", "lab.test", &[]), ["http://127.0.0.1:8070/xcap-root"]);
    let said = not_found(&knot, "stun", "nothere.lab.test", &[]);
    assert_eq!(said, "sipsimple: No stun servers found for domain nothere.lab.test");
}

#[test]
fn answers_that_do_not_fit_come_over_tcp() {
    let Some(knot) = knot() else { return };
    let lines = found(&knot, "sip", "big.lab.test", &["--transports", "udp"]);
    let expected: Vec<String> = (1..=60).map(|host| format!("udp 127.0.0.{host} 5070")).collect();
    assert_eq!(lines, expected);
}

#[test]
fn weights_decide_who_comes_first() {
    let Some(knot) = knot() else { return };
    let runs = 80;
    let heavy = (0..runs)
        .filter(|_| found(&knot, "sip", "w31.lab.test", &["--transports", "udp"])[0].ends_with("5070"))
        .count();
    // Three of four, by chance: fewer than half, or all but four, come once in ten thousand.
    assert!((40..=76).contains(&heavy), "{heavy} of {runs}");
}

#[test]
fn every_question_can_be_seen() {
    let Some(knot) = knot() else { return };
    let lines = found(&knot, "sip", "srvonly.lab.test", &["--transports", "udp", "--trace-dns"]);
    for part in ["NAPTR srvonly.lab.test @127.0.0.1:", "SRV _sip._udp.srvonly.lab.test", "A sip2.lab.test", "127.0.0.2"]
    {
        assert!(lines.iter().any(|line| line.contains(part)), "{part}: {lines:#?}");
    }
}

#[test]
fn a_name_server_that_misbehaves_is_survived() {
    let Some(bad) = bad() else { return };
    let quick = ["--transports", "udp", "--timeout", "0.5", "--lifetime", "1.5"];
    for fault in ["ok", "trunc", "spoof"] {
        assert_eq!(found(&bad, "sip", &format!("{fault}.x:5060"), &quick), ["udp 127.0.0.1 5060"], "{fault}");
    }
    assert_eq!(found(&bad, "sip", "late.x:5060", &["--transports", "udp"]), ["udp 127.0.0.1 5060"]);
    for (fault, sentence) in [
        ("servfail", "No routes found"),
        ("refused", "No routes found"),
        ("nxdomain", "No routes found"),
        ("short", "No routes found"),
        ("loop", "No routes found"),
        ("badrdlen", "No routes found"),
        ("trunc-notcp", "No routes found"),
        ("drop", "Timeout in lookup for routes"),
        ("garbage", "Timeout in lookup for routes"),
        ("wrongid", "Timeout in lookup for routes"),
        ("wrongq", "Timeout in lookup for routes"),
    ] {
        let said = not_found(&bad, "sip", &format!("{fault}.x:5060"), &quick);
        assert_eq!(said, format!("sipsimple: {sentence} for SIP URI sip:{fault}.x:5060"));
    }
}

#[test]
fn a_good_name_server_is_asked_after_a_bad_one() {
    let (Some(knot), Some(bad)) = (knot(), bad()) else { return };
    for fault in ["drop", "servfail", "refused", "garbage", "wrongid", "trunc-notcp", "badrdlen"] {
        let name = format!("{fault}.lab.test:5060");
        let (succeeded, lines) = look_up(&[&bad, &knot], "sip", &name, &["--transports", "udp", "--timeout", "0.3"]);
        assert!(succeeded, "{fault}: {lines:?}");
        assert_eq!(lines, ["udp 127.0.0.9 5060"], "{fault}");
    }
}
