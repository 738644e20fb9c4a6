//! Kamailio's module `msrp` as a relay (RFC 4976): chats and files through it, over TCP and TLS, with AUTH.

use std::time::Duration;

use crate::kamailio::{Kamailio, password};
use crate::knot::knot_with;
use crate::peer::{Running, free_port, host_port, sipsimple};

const LIMIT: Duration = Duration::from_secs(60);
/// The relay knows IPv4 only.
const ADDRESS: &str = "127.0.0.1";

/// Runs two programs: one waits, the other calls it. `waits` and `calls` are the commands, with what is theirs alone.
fn run(waits: &[&str], calls: &[&str], more: &[&str]) -> [Running; 2] {
    let at = host_port(ADDRESS, free_port(ADDRESS));
    let (listen, uri) = (format!("tcp:{at}"), format!("sip:bob@{at};transport=tcp"));
    let mut waiting = Running::start(sipsimple(), &[waits, &["--listen", &listen], more].concat());
    waiting.wait_for("listening", LIMIT);
    let calls: Vec<&str> = calls.iter().map(|word| if *word == "URI" { uri.as_str() } else { word }).collect();
    let mut calling = Running::start(sipsimple(), &[calls.as_slice(), more].concat());
    let called = calling.wait(LIMIT);
    assert!(called.success(), "{calls:?}: {}\n{waits:?}: {}", calling.output(), waiting.output());
    waiting.succeed(LIMIT);
    [waiting, calling]
}

#[test]
fn chats_and_files_go_through_it() {
    let (_folder, password) = password("secret");
    let switches = ["WITH_TLS", "WITH_MSRP", "MSRP_EXPIRES=600"];
    let Some(kamailio) = Kamailio::start(ADDRESS, &switches) else { return };
    let (ca, certificate) = (kamailio.ca(), kamailio.certificate(&["127.0.0.1", "::1"]));
    for transport in ["tcp", "tls"] {
        let relay = kamailio.relay(transport);
        let all = ["--msrp", transport, "--tls-ca", &ca, "--tls-cert", &certificate];
        let alice = ["--account", "alice@lab.test", "--password-file", &password, "--relay", &relay, "--no-register"];
        let bob = ["--account", "bob@lab.test", "--password-file", &password, "--relay", &relay, "--no-register"];
        // The caller's relay; the callee's; both.
        for (of_caller, of_callee) in [(true, false), (false, true), (true, true)] {
            let (alice, bob) = (if of_caller { &alice[..] } else { &[] }, if of_callee { &bob[..] } else { &[] });
            let waits = [&["chat", "--say", "and how are you", "--expect", "1"], bob].concat();
            let calls = [&["chat", "URI", "--say", "how are you", "--expect", "1"], alice].concat();
            let [waiting, calling] = run(&waits, &calls, &all);
            assert!(waiting.output().contains(": how are you"), "{}", waiting.output());
            assert!(calling.output().contains(": and how are you"), "{}", calling.output());
        }
        let folder = tempfile::tempdir().expect("a folder");
        let (file, store) = (folder.path().join("picture"), folder.path().join("store"));
        let bytes: Vec<u8> = (0..3_000_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        std::fs::write(&file, &bytes).expect("a file");
        let (file, dir) = (file.display().to_string(), store.display().to_string());
        let waits = [&["receive", "--dir", &dir, "--count", "1"], &bob[..]].concat();
        let calls = [&["send", "URI", &file], &alice[..]].concat();
        let [waiting, _] = run(&waits, &calls, &all);
        assert!(waiting.output().contains("its hash is right"), "{}", waiting.output());
        assert!(std::fs::read(store.join("picture")).expect("it has come") == bytes);
    }
}

#[test]
fn a_wrong_password_is_refused() {
    let (_folder, password) = password("wrong");
    let switches = ["WITH_TLS", "WITH_MSRP", "MSRP_EXPIRES=600"];
    let Some(kamailio) = Kamailio::start(ADDRESS, &switches) else { return };
    let relay = kamailio.relay("tcp");
    let args = ["chat", "sip:bob@127.0.0.1:9", "--say", "hello", "--msrp", "tcp", "--timeout", "20"];
    let alice = ["--account", "alice@lab.test", "--password-file", &password, "--relay", &relay];
    let mut calling = Running::start(sipsimple(), &[&args[..], &alice[..]].concat());
    assert!(!calling.wait(LIMIT).success());
    assert!(calling.output().contains("the relay refuses: 401"), "{}", calling.output());
}

#[test]
fn a_chat_outlives_the_path_that_was_granted_first() {
    let (_folder, password) = password("secret");
    let switches = ["WITH_TLS", "WITH_MSRP", "MSRP_EXPIRES=4"];
    let Some(kamailio) = Kamailio::start(ADDRESS, &switches) else { return };
    let relay = kamailio.relay("tcp");
    let at = host_port(ADDRESS, free_port(ADDRESS));
    let listen = format!("tcp:{at}");
    let bob = ["--account", "bob@lab.test", "--password-file", &password, "--relay", &relay, "--no-register"];
    let waits = [&["chat", "--expect", "2", "--listen", &listen], &bob[..]].concat();
    let mut waiting = Running::start(sipsimple(), &waits);
    waiting.wait_for("listening", LIMIT);
    let mut calling = Running::start(sipsimple(), &["chat", &format!("sip:bob@{at};transport=tcp")]);
    calling.say("one");
    waiting.wait_for(": one", LIMIT);
    // Twice as long as the path lasts.
    std::thread::sleep(Duration::from_secs(8));
    calling.say("two");
    waiting.succeed(LIMIT);
    assert!(waiting.output().contains(": two"), "{}", waiting.output());
}

#[test]
fn the_relay_of_a_domain_is_found_by_dns() {
    let (_folder, password) = password("secret");
    let switches = ["WITH_TLS", "WITH_MSRP", "MSRP_EXPIRES=600"];
    let Some(kamailio) = Kamailio::start(ADDRESS, &switches) else { return };
    let (tcp, tls) = (kamailio.port + 2, kamailio.port + 3);
    let zone = format!(
        "$ORIGIN lab.test.\n$TTL 60\n@ SOA ns admin 1 3600 600 86400 30\n@ NS ns\nns A 127.0.0.1\naonly A 127.0.0.1\n\
         relay A 127.0.0.1\n_msrps._tcp SRV 10 0 {tls} relay\n"
    );
    let Some(knot) = knot_with(ADDRESS, &zone) else { return };
    let (ca, certificate) = (kamailio.ca(), kamailio.certificate(&["127.0.0.1", "::1"]));
    let bob = ["--account", "bob@lab.test", "--password-file", &password, "--no-register"];
    // One that is named by its host, and one that is named by the domain alone.
    let named = format!("relay.lab.test:{tcp};transport=tcp");
    for (transport, relay) in [("tcp", &["--relay", &named][..]), ("tls", &[])] {
        let all = ["--msrp", transport, "--tls-ca", &ca, "--tls-cert", &certificate, "--nameserver", &knot.address];
        let waits = [&["chat", "--expect", "1", "--trace", "trace"], &bob[..], relay].concat();
        let [waiting, _] = run(&waits, &["chat", "URI", "--say", "found"], &all);
        assert!(waiting.output().contains(": found"), "{}", waiting.output());
        let trace = std::fs::read_to_string(waiting.folder().join("trace")).expect("a trace");
        let port = if transport == "tcp" { tcp } else { tls };
        assert!(trace.contains(&format!("127.0.0.1:{port}")), "{transport}: it did not go through the relay");
    }
}
