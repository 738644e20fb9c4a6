//! Everything by DNS: the program is told a name server, and finds the Kamailio of a domain by itself (RFC 3263).

use std::time::Duration;

use crate::kamailio::{Kamailio, password};
use crate::knot::{Server, knot_with};
use crate::peer::{LOOPBACKS, Running, has_address, sipsimple};
use crate::pki::Pki;

/// How long something may take that takes no time.
const SOON: Duration = Duration::from_secs(20);
const LIMIT: Duration = Duration::from_secs(60);

/// The zone in which `lab.test` is served at this address: TLS on the port after the one of UDP and TCP.
fn zone(address: &str, port: u16, transport: &str) -> String {
    let kind = if address.contains(':') { "AAAA" } else { "A" };
    let (service, name) = match transport {
        "udp" => ("SIP+D2U", "_sip._udp"),
        "tcp" => ("SIP+D2T", "_sip._tcp"),
        _ => ("SIPS+D2T", "_sips._tcp"),
    };
    let tls_port = port + 1;
    format!(
        "$ORIGIN lab.test.\n$TTL 60\n@ SOA ns admin 1 3600 600 86400 30\n@ NS ns\nns A 127.0.0.1\naonly A 127.0.0.1\n\
         @ NAPTR 10 10 \"s\" \"{service}\" \"\" {name}\npbx {kind} {address}\n_sip._udp SRV 10 0 {port} pbx\n\
         _sip._tcp SRV 10 0 {port} pbx\n_sips._tcp SRV 10 0 {tls_port} pbx\n"
    )
}

/// A Kamailio that is found over this transport.
struct Lab {
    kamailio: Kamailio,
    knot: Server,
    password: String,
    _folder: tempfile::TempDir,
}

impl Lab {
    fn start(address: &'static str, transport: &str) -> Option<Self> {
        let kamailio = Kamailio::start(address, &["WITH_PRESENCE", "WITH_TLS"])?;
        let knot = knot_with("127.0.0.1", &zone(address, kamailio.port, transport))?;
        let (folder, password) = password("secret");
        Some(Self { kamailio, knot, password, _folder: folder })
    }

    /// The program with this command, as this user.
    fn speak(&self, user: &str, command: &[&str]) -> Running {
        let (account, ca) = (format!("{user}@lab.test"), self.kamailio.ca());
        let more = ["--password-file", &self.password, "--nameserver", &self.knot.address, "--tls-ca", &ca];
        let who: &[&str] = if command.first() == Some(&"register") { &[] } else { &["--account", &account] };
        Running::start(sipsimple(), &[command, who, &more].concat())
    }
}

fn everywhere(transports: &[&str], mut test: impl FnMut(&Lab, &str)) {
    for address in LOOPBACKS.into_iter().filter(|address| has_address(address)) {
        for transport in transports {
            let Some(lab) = Lab::start(address, transport) else { return };
            test(&lab, transport);
        }
    }
}

#[test]
fn an_account_registers_where_its_domain_is_served() {
    everywhere(&["udp", "tcp", "tls"], |lab, transport| {
        let mut once = lab.speak("alice", &["register", "alice@lab.test", "--once"]);
        once.succeed(SOON);
        let said = once.output();
        assert!(said.contains(&format!("registered alice@lab.test at {transport}:")), "{said}");
    });
}

#[test]
fn a_call_and_a_message_find_their_way() {
    everywhere(&["udp", "tcp", "tls"], |lab, transport| {
        let listen = format!("{}:0", lab.kamailio.route(transport).rsplit_once(':').expect("a port").0);
        let pki = Pki::new();
        let certificate = pki.issue("bob.pem", &["127.0.0.1", "::1"]).display().to_string();
        let mut answering = lab.speak(
            "bob",
            &["answer", "--listen", &listen, "--tls-cert", &certificate, "--count", "1", "--echo", "--json"],
        );
        answering.wait_for("SIPAccountRegistrationDidSucceed", SOON);
        let mut message = lab.speak("alice", &["message", "bob", "by name"]);
        message.succeed(SOON);
        assert!(message.output().contains("delivered"), "{}", message.output());
        answering.wait_for("by name", SOON);
        let mut calling = lab.speak("alice", &["call", "sip:bob@lab.test", "--duration", "1"]);
        calling.succeed(LIMIT);
        assert!(calling.output().contains("call established"), "{}", calling.output());
        answering.succeed(LIMIT);
    });
}

#[test]
fn presence_is_published_and_seen() {
    // Over TLS this Kamailio does not notify over the connection that we opened.
    everywhere(&["udp", "tcp"], |lab, _| {
        let mut watching = lab.speak("alice", &["subscribe", "presence", "sip:bob@lab.test"]);
        watching.wait_for("NOTIFY active", SOON);
        let mut publishing = lab.speak("bob", &["publish", "--status", "open", "--note", "by name"]);
        publishing.wait_for("published for", SOON);
        watching.wait_for("by name", SOON);
        assert!(publishing.terminate(SOON).success(), "{}", publishing.output());
        assert!(watching.terminate(SOON).success(), "{}", watching.output());
    });
}

#[test]
fn a_certificate_that_is_not_trusted_ends_the_first_registration() {
    let strangers = Pki::new();
    let stranger = strangers.ca().display().to_string();
    let Some(lab) = Lab::start("127.0.0.1", "tls") else { return };
    let more = ["--nameserver", &lab.knot.address, "--password-file", &lab.password, "--tls-ca", &stranger];
    let mut refused = Running::start(sipsimple(), &[&["register", "alice@lab.test"], &more[..]].concat());
    assert_eq!(refused.wait(SOON).code(), Some(1));
    let said = refused.output();
    assert!(said.contains("cannot register") && said.contains("certificate is not trusted: "), "{said}");
    assert!(!said.contains("UnknownIssuer"), "{said}");
}

#[test]
fn what_dns_does_not_know_is_said_in_a_sentence() {
    let Some(lab) = Lab::start("127.0.0.1", "udp") else { return };
    for command in [
        &["call", "sip:bob@nowhere.lab.test"][..],
        &["message", "sip:bob@nowhere.lab.test", "hello"],
        &["subscribe", "presence", "sip:bob@nowhere.lab.test"],
        &["register", "alice@nowhere.lab.test", "--once"],
    ] {
        let args = [command, &["--nameserver", &lab.knot.address]].concat();
        let mut running = Running::start(sipsimple(), &args);
        assert_eq!(running.wait(SOON).code(), Some(1), "{command:?}");
        assert!(running.output().contains("nowhere.lab.test"), "{command:?}: {}", running.output());
    }
}
