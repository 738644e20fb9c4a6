//! Encrypted calls between two hosts behind symmetric NATs: only coturn's relay joins them (RFC 8656).

use std::time::Duration;

use crate::baresip::{assert_tone, tone_file};
use crate::kamailio::{Kamailio, password};
use crate::nat::{self, HOSTS, Nats, ROUTER};
use crate::peer::{Running, find, sipsimple};

const LIMIT: Duration = Duration::from_secs(60);
/// Hz of what either side plays.
const TONES: [f64; 2] = [700.0, 1300.0];

/// A coturn between the NATs, with the user `alice`, whose password is `secret`.
fn coturn(nats: &Nats) -> Option<Running> {
    let program = find("turnserver")?;
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().to_str().expect("a name in UTF-8").to_owned();
    let (pid, users) = (format!("--pidfile={home}/pid"), format!("--userdb={home}/db"));
    let (listening, relay) = (format!("--listening-ip={ROUTER}"), format!("--relay-ip={ROUTER}"));
    let args = ["-n", &listening, &relay, "--realm=lab.test", "--lt-cred-mech", "--user=alice:secret", "--fingerprint"];
    let more = ["--no-cli", "--no-tls", "--no-dtls", "--no-tcp", "--log-file=stdout", &pid, &users];
    let running = nats.serve(&program, &[&args[..], &more].concat(), folder);
    nat::wait_until_bound(&running, 3478);
    Some(running)
}

/// The kinds of the pair that ICE chose, as in `host-relay`, and the two addresses.
fn pair(output: &str) -> (String, String, String) {
    let line = output.lines().find(|line| line.contains("ICE found a path")).unwrap_or_else(|| panic!("{output}"));
    let words: Vec<&str> = line.split_whitespace().collect();
    let place = words.iter().position(|word| *word == "to").expect("from an address to one");
    (words[place + 2].trim_matches(['(', ')']).to_owned(), words[place - 1].to_owned(), words[place + 1].to_owned())
}

/// Bob answers at host 1 and Alice calls him from host 0, through Kamailio over TLS, with these servers.
fn call(nats: &Nats, kamailio: &Kamailio, folder: &std::path::Path, servers: &[&str]) -> [Running; 2] {
    let (_folder, password) = password("secret");
    let text = |name: &str| folder.join(name).to_str().expect("UTF-8").to_owned();
    for (side, tone) in TONES.into_iter().enumerate() {
        tone_file(&folder.join(format!("play{side}.wav")), tone);
    }
    let (route, ca, certificate) = (kamailio.route("tls"), kamailio.ca(), kamailio.certificate(&[HOSTS[1]]));
    let listen = format!("tls:{}:5061", HOSTS[1]);
    let common = ["--password-file", &password, "--route", &route, "--tls-ca", &ca, "--srtp", "mandatory", "--ice"];
    let sound = [0, 1].map(|side| [text(&format!("play{side}.wav")), text(&format!("heard{side}.wav"))]);
    let sound = sound.each_ref().map(|[play, record]| ["--play", play, "--record", record]);
    let answer =
        ["answer", "--account", "bob@lab.test", "--listen", &listen, "--tls-cert", &certificate, "--count", "1"];
    let args = [&answer[..], &common, servers, &sound[1]].concat();
    let mut answering = nats.start_at(1, sipsimple(), &args);
    answering.wait_for("registered bob@lab.test", LIMIT);
    let call = ["call", "bob", "--account", "alice@lab.test", "--duration", "4"];
    let args = [&call[..], &common, servers, &sound[0]].concat();
    let mut calling = nats.start_at(0, sipsimple(), &args);
    calling.succeed(LIMIT);
    answering.succeed(LIMIT);
    [calling, answering]
}

#[test]
fn an_encrypted_call_between_symmetric_nats_goes_through_the_relay() {
    let Some(nats) = Nats::new() else { return };
    let (Some(_coturn), Some(kamailio)) = (coturn(&nats), Kamailio::between(&nats)) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let servers = ["--stun", ROUTER, "--turn", &format!("alice:secret@{ROUTER}")];
    let sides = call(&nats, &kamailio, folder.path(), &servers);
    for (side, running) in sides.iter().enumerate() {
        let output = running.output();
        assert!(output.contains(" encrypted "), "{output}");
        let (kinds, ours, theirs) = pair(&output);
        let kinds: Vec<&str> = kinds.split('-').collect();
        // One of the two ends of the pair is an address of the relay; the other may be a mapping that a NAT made toward it.
        let relayed: Vec<_> = kinds.iter().zip([&ours, &theirs]).filter(|(kind, _)| **kind == "relay").collect();
        assert!(!relayed.is_empty(), "{output}");
        assert!(relayed.iter().all(|(_, address)| address.starts_with(&format!("{ROUTER}:"))), "{output}");
        assert_tone(&folder.path().join(format!("heard{side}.wav")), TONES[1 - side], &format!("side {side}"));
    }
}

#[test]
fn without_the_relay_nothing_joins_them() {
    let Some(nats) = Nats::new() else { return };
    let (Some(_coturn), Some(kamailio)) = (coturn(&nats), Kamailio::between(&nats)) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let sides = call(&nats, &kamailio, folder.path(), &["--stun", ROUTER]);
    for running in &sides {
        let output = running.output();
        assert!(output.contains("ICE failed"), "{output}");
    }
}
