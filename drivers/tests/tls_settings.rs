//! Settings of TLS that change while an application runs, over real TLS on the loopback interface.

mod pki;

use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_rustls::pki_types::pem::PemObject;
use futures_rustls::pki_types::{CertificateDer, ServerName};
use futures_rustls::rustls::crypto::ring;
use futures_rustls::rustls::version::{TLS12, TLS13};
use futures_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, SupportedProtocolVersion};
use pki::Pki;
use sipsimple_core::agent::{EventKind as AgentEvent, Intent, TransportEvent};
use sipsimple_core::session::SessionEvent;
use sipsimple_core::settings::{AccountSettings, Change, ObjectClass, ObjectKey, SipSimpleSettings};
use sipsimple_core::stream::{AudioSpec, StreamSpec};
use sipsimple_core::transport::Transport;
use sipsimple_drivers::{Application, EventKind, Settings};
use tempfile::TempDir;

/// Long enough for a loaded machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(30);

/// An application whose settings are in a folder of its own, and which speaks TLS only.
struct Party {
    application: Application,
    folder: TempDir,
    local: Option<SocketAddr>,
}

impl Party {
    /// These are its settings of TLS.
    fn new(name: &str, tls: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        let tls: String = tls.iter().map(|(name, value)| format!("        {name} = \"{value}\"\n")).collect();
        let stored = format!(
            "Accounts:\n    {name}@127.0.0.1:\n        enabled = true\n        sip:\n            register = false\n\n\
             SIPSimpleSettings:\n    local_ip = 127.0.0.1\n    sip:\n        transport_list = tls,\n    tls:\n{tls}"
        );
        std::fs::write(folder.path().join("config"), stored).unwrap();
        Self::in_folder(folder)
    }

    fn in_folder(folder: TempDir) -> Self {
        let application = Application::start(Settings::stored_in(folder.path())).unwrap();
        let mut party = Self { application, folder, local: None };
        party.listening();
        party
    }

    /// The same after a restart.
    fn restarted(self) -> Self {
        self.application.stop(PATIENCE);
        Self::in_folder(self.folder)
    }

    /// The next event that this makes something of.
    fn next<T>(&self, pick: impl Fn(&AgentEvent) -> Option<T>) -> T {
        loop {
            let event = self.application.next_event_within(PATIENCE).expect("nothing happens");
            if let EventKind::Agent(kind) = &event.kind
                && let Some(picked) = pick(kind)
            {
                return picked;
            }
        }
    }

    /// Waits until its socket is bound.
    fn listening(&mut self) -> SocketAddr {
        let local = self.next(|kind| match kind {
            AgentEvent::Transport { event: TransportEvent::Listening { transport: Transport::Tls, local }, .. } => {
                Some(*local)
            }
            AgentEvent::TlsFailed { cause } => panic!("{cause}"),
            _ => None,
        });
        self.local = Some(local);
        local
    }

    fn set(&self, object: ObjectKey, changes: &[(&str, &str)]) {
        let changes = changes.iter().map(|(name, text)| Change::typed(*name, text)).collect();
        self.application.intend(Intent::ChangeSettings { object, changes }).unwrap();
    }

    fn set_tls(&self, name: &str, value: &str) {
        self.set(SipSimpleSettings::key(""), &[(&format!("tls.{name}"), value)]);
    }

    /// Calls somebody whom nobody there knows; what comes of it is `Not Found` where TLS does what it should.
    fn call(&self, to: SocketAddr) -> String {
        let account = self.application.with_agent(|agent, _| agent.default_account()).unwrap().unwrap();
        let streams = [StreamSpec::Audio(AudioSpec::default())];
        let to = format!("sip:nobody@{to};transport=tls");
        let session = self.application.connect(account, &to, &[], &streams).unwrap();
        self.next(|kind| match kind {
            AgentEvent::Session { id, event: SessionEvent::DidFail { code, failure_reason, .. } } if *id == session => {
                Some(if *code == 404 { "Not Found".to_owned() } else { failure_reason.to_string() })
            }
            _ => None,
        })
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Makes a handshake with whoever listens there, in this version only.
fn handshake(to: SocketAddr, ca: &Path, version: &'static SupportedProtocolVersion) -> Result<(), String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut client = ClientConnection::new(Arc::new(config), ServerName::from(to.ip())).unwrap();
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    while client.is_handshaking() {
        client.complete_io(&mut stream).map_err(|error| error.to_string())?;
    }
    Ok(())
}

#[test]
fn a_certificate_is_shown_as_soon_as_it_is_set_and_what_was_opened_before_stays() {
    let pki = Pki::new();
    let (good, other) = (pki.issue("good.pem", &["127.0.0.1"]), pki.issue("other.pem", &["other.example"]));
    let ca = pki.ca();
    let checks = [("ca_list", text(&ca)), ("verify_server", "true")];
    let mut bob = Party::new("bob", &[("certificate", text(&good))]);
    let (alice, first) = (Party::new("alice", &checks), bob.local.unwrap());
    assert_eq!(alice.call(first), "Not Found");

    bob.set_tls("certificate", text(&other));
    let second = bob.listening();
    assert_eq!(alice.call(first), "Not Found", "the connection is still there");
    let refused = Party::new("carol", &checks).call(second);
    assert!(refused.contains("not for 127.0.0.1"), "{refused}");

    // That of the default account goes first.
    bob.set(AccountSettings::key("bob@127.0.0.1"), &[("tls.certificate", text(&good))]);
    let third = bob.listening();
    assert_eq!(Party::new("dave", &checks).call(third), "Not Found");
    // It is honoured at the next start, too.
    let bob = bob.restarted();
    assert_eq!(Party::new("eve", &checks).call(bob.local.unwrap()), "Not Found");
}

#[test]
fn who_is_trusted_changes_at_once() {
    let (pki, stranger) = (Pki::new(), Pki::new());
    let good = pki.issue("good.pem", &["127.0.0.1"]);
    let bob = Party::new("bob", &[("certificate", text(&good))]);
    let bob = bob.local.unwrap();
    let mut alice = Party::new("alice", &[("ca_list", text(&stranger.ca()))]);
    assert_eq!(alice.call(bob), "Not Found", "nobody says that it is to be checked");
    alice.set_tls("verify_server", "yes");
    alice.listening();
    let refused = alice.call(bob);
    assert!(refused.contains("not trusted"), "{refused}");
    alice.set_tls("ca_list", text(&pki.ca()));
    alice.listening();
    assert_eq!(alice.call(bob), "Not Found");
}

#[test]
fn tls_that_cannot_start_is_told_and_starts_once_it_can() {
    let pki = Pki::new();
    let good = pki.issue("good.pem", &["127.0.0.1"]);
    let mut bob = Party::new("bob", &[("certificate", text(&good))]);
    let before = bob.local.unwrap();
    bob.set_tls("certificate", "nowhere.pem");
    let cause = bob.next(|kind| match kind {
        AgentEvent::TlsFailed { cause } => {
            assert_eq!(kind.names(), ["SIPApplicationFailedToStartTLS"]);
            Some(cause.to_string())
        }
        _ => None,
    });
    // A name without a folder is one in the folder of the settings.
    let path = bob.folder.path().join("nowhere.pem");
    assert!(cause.contains(text(&path)), "{cause}");
    bob.next(|kind| matches!(kind, AgentEvent::Transport { event: TransportEvent::Closed { .. }, .. }).then_some(()));
    assert_eq!(TcpStream::connect(before).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    std::fs::copy(&good, bob.folder.path().join("here.pem")).unwrap();
    bob.set_tls("certificate", "here.pem");
    let now = bob.listening();
    assert_eq!(Party::new("alice", &[("ca_list", text(&pki.ca()))]).call(now), "Not Found");
}

#[test]
fn the_port_the_version_and_the_time_for_a_handshake_change_at_once() {
    let pki = Pki::new();
    let (ca, good) = (pki.ca(), pki.issue("good.pem", &["127.0.0.1"]));
    let mut bob = Party::new("bob", &[("certificate", text(&good)), ("timeout", "600000")]);
    assert_eq!(handshake(bob.local.unwrap(), &ca, &TLS12), Ok(()));
    bob.set_tls("protocol", "TLSv1.3");
    let at = bob.listening();
    assert!(handshake(at, &ca, &TLS12).is_err(), "it is too old");
    assert_eq!(handshake(at, &ca, &TLS13), Ok(()));

    bob.set_tls("timeout", "100");
    let mut silent = TcpStream::connect(bob.listening()).unwrap();
    silent.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut rest = Vec::new();
    silent.read_to_end(&mut rest).expect("it is not waited for");

    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    bob.set(SipSimpleSettings::key(""), &[("sip.tls_port", &free.port().to_string())]);
    assert_eq!(bob.listening(), free);
    assert_eq!(handshake(free, &ca, &TLS13), Ok(()));
}
