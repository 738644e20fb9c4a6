//! TLS as the settings say: asked of the driver, in effect, and refused.

use super::*;
use crate::settings::{AccountSettings, Backend, Change, ObjectClass, ObjectKey, SipSimpleSettings};
use crate::transport::{CertificateChain, Fingerprint, TlsConfig, TlsInfo, TlsPolicy};

const ALICE: &str = "alice@192.0.2.4";
const STORED: &str = "\
Accounts:
    alice@192.0.2.4:
        enabled = true
        sip:
            register = false

SIPSimpleSettings:
    default_account = alice@192.0.2.4
    local_ip = 192.0.2.9
    sip:
        transport_list = tls,
        tls_port = 5061
";

fn global() -> ObjectKey {
    SipSimpleSettings::key("")
}

impl Script {
    /// The sockets are those of these settings, of TLS only.
    fn secured(stored: &str) -> Self {
        let mut script = Self::new(OURS);
        script.bound.clear();
        script.events.clear();
        script.intend(Intent::Start { settings: Backend::Driver, listen: true }).unwrap();
        let Some((ask, Question::LoadSettings { .. })) = script.desk.pop_front() else { panic!("nothing is loaded") };
        script.handle(Input::Answer { ask, answer: Answer::Settings(Ok(Some(stored.into()))) });
        script
    }

    fn set(&mut self, object: &ObjectKey, changes: &[(&str, &str)]) {
        let changes = changes.iter().map(|(name, text)| Change::typed(*name, text)).collect();
        self.intend(Intent::ChangeSettings { object: object.clone(), changes }).unwrap();
    }

    /// What the driver is asked to do TLS with.
    fn tls_files(&mut self) -> Option<(AskId, TlsFiles)> {
        let at = self.desk.iter().position(|(_, question)| matches!(question, Question::Tls(_)))?;
        match self.desk.remove(at)? {
            (ask, Question::Tls(files)) => Some((ask, files)),
            _ => None,
        }
    }

    fn answer_tls(&mut self, result: Result<Option<Fingerprint>, &str>) -> TlsFiles {
        let (ask, files) = self.tls_files().expect("the driver is asked");
        self.handle(Input::Answer { ask, answer: Answer::Tls(result.map_err(Into::into)) });
        files
    }

    fn tls(&self) -> Option<TlsConfig> {
        self.agent.config.tls.clone()
    }

    fn bound_since(&mut self) -> Vec<Port> {
        std::mem::take(&mut self.bound).into_iter().map(|(_, _, port)| port).collect()
    }
}

fn fingerprint() -> Fingerprint {
    Fingerprint::of(b"a certificate")
}

#[test]
fn accounts_wait_for_the_tls_that_is_stored() {
    let stored = format!(
        "{STORED}    tls:\n        certificate = own.pem\n        verify_server = true\n        timeout = 5000\n"
    );
    let mut script = Script::secured(&stored);
    let names = script.names();
    assert!(!names.contains(&"SIPAccountManagerWillStart"), "{names:?}");
    let files = script.answer_tls(Ok(Some(fingerprint())));
    assert_eq!(files.certificate.map(|file| file.to_string()).as_deref(), Some("own.pem"));
    assert_eq!((files.ca_list, files.protocol, files.timeout.map(|time| time.0)), (None, None, Some(5000)));
    assert_eq!(script.bound_since(), [Port::Fixed(5061)]);
    let tls = script.tls().unwrap();
    assert_eq!((tls.identity, tls.servers), (Some(TlsFiles::IDENTITY), TlsPolicy::Chain));
    assert_eq!(script.agent.config.msrp.fingerprints, [fingerprint()]);
    let names = script.names();
    let place = |name| names.iter().position(|told| *told == name).unwrap_or_else(|| panic!("no {name}: {names:?}"));
    assert!(place("SIPAccountManagerWillStart") < place("SIPAccountDidActivate"));

    // A driver that does not answer is no reason to wait for ever.
    let mut script = Script::secured(&stored);
    script.pass(Duration::from_secs(10));
    assert_eq!((script.abandoned.len(), script.tls()), (1, None));
    let names = script.names();
    assert!(names.contains(&"SIPApplicationFailedToStartTLS") && names.contains(&"SIPSessionManagerDidStart"));
}

#[test]
fn what_the_settings_say_of_tls_is_in_effect_at_once() {
    let mut script = Script::secured(STORED);
    assert!(script.tls_files().is_none() && script.tls().is_none(), "they say nothing of it");
    assert_eq!(script.bound_since(), []);
    script.set(&global(), &[("tls.ca_list", "ca.pem"), ("tls.protocol", "TLSv1.3")]);
    let files = script.answer_tls(Ok(None));
    assert_eq!(files.ca_list.map(|file| file.to_string()).as_deref(), Some("ca.pem"));
    assert_eq!(files.protocol.map(|protocol| protocol.to_string()).as_deref(), Some("TLSv1.3"));
    assert_eq!(script.tls().unwrap().servers, TlsPolicy::None, "nobody says that servers are checked");
    assert_eq!(script.bound_since(), [Port::Fixed(5061)]);

    // The socket is bound anew, and shows the certificate.
    script.set(&global(), &[("tls.certificate", "own.pem")]);
    assert_eq!(script.bound_since(), [], "the one there was goes on until the driver has looked");
    script.answer_tls(Ok(Some(fingerprint())));
    assert_eq!((script.bound_since(), script.unbound.len()), (vec![Port::Fixed(5061)], 1));
    assert_eq!(script.agent.config.msrp.fingerprints, [fingerprint()]);

    // The certificate of the default account goes first.
    script.set(&AccountSettings::key(ALICE), &[("tls.certificate", "alice.pem")]);
    let files = script.answer_tls(Ok(Some(fingerprint())));
    assert_eq!(files.certificate.map(|file| file.to_string()).as_deref(), Some("alice.pem"));
    assert_eq!(script.unbound.len(), 2);

    // What has nothing to do with it asks for nothing.
    script.set(&global(), &[("user_agent", "phone"), ("tls.certificate", "third.pem")]);
    assert!(script.tls_files().is_none());

    // Only the last answer counts.
    script.set(&global(), &[("tls.timeout", "100")]);
    script.set(&global(), &[("tls.timeout", "200")]);
    assert_eq!(script.abandoned.len(), 1);
    script.desk.retain(
        |(_, question)| !matches!(question, Question::Tls(files) if files.timeout.map(|time| time.0) == Some(100)),
    );
    assert_eq!(script.answer_tls(Ok(None)).timeout.map(|time| time.0), Some(200));
}

#[test]
fn tls_that_cannot_be_done_is_told_and_there_is_none_until_it_can() {
    let mut script = Script::secured(STORED);
    script.set(&global(), &[("tls.certificate", "own.pem")]);
    script.answer_tls(Ok(Some(fingerprint())));
    script.bound.clear();
    script.events.clear();
    script.set(&global(), &[("tls.certificate", "gone.pem")]);
    script.answer_tls(Err("gone.pem: no such file"));
    let failed = script.events.iter().find_map(|event| match event {
        EventKind::TlsFailed { cause } => Some((event.names()[0], cause.to_string())),
        _ => None,
    });
    assert_eq!(failed, Some(("SIPApplicationFailedToStartTLS", "TLS: gone.pem: no such file".to_owned())));
    assert_eq!((script.tls(), script.bound_since(), script.unbound.len()), (None, vec![], 1));
    assert!(script.agent.config.msrp.fingerprints.is_empty());
    script.set(&global(), &[("tls.certificate", "own.pem")]);
    script.answer_tls(Ok(Some(fingerprint())));
    assert_eq!(script.bound_since(), [Port::Fixed(5061)]);
    // Without any word of it there is no TLS, as it was configured.
    script.set(&global(), &[("tls.certificate", "")]);
    script.answer_tls(Ok(None));
    assert_eq!((script.tls(), script.bound_since()), (None, vec![]));
}

#[test]
fn what_was_configured_holds_where_the_settings_say_nothing() {
    let tls = TlsConfig { identity: Some("program".into()), ..TlsConfig::default() };
    let listen = Listen { transport: Transport::Tls, address: OURS.parse().unwrap(), port: Port::Fixed(5061) };
    let mut script = Script::with(OURS, Config { tls: Some(tls.clone()), listen: vec![listen], ..Config::default() });
    assert!(script.bound_since().contains(&Port::Fixed(5061)));
    script.intend(Intent::Start { settings: Backend::Memory, listen: false }).unwrap();
    let settings = script.agent.settings().get::<SipSimpleSettings>("").unwrap();
    assert!(settings.tls.verify_server, "as it is configured");
    assert!(script.tls_files().is_none());
    // A socket that no setting speaks of comes back where it was.
    script.set(&global(), &[("tls.verify_server", "no")]);
    script.answer_tls(Ok(None));
    assert_eq!(script.tls(), Some(TlsConfig { servers: TlsPolicy::None, ..tls.clone() }));
    assert_eq!((script.bound_since(), script.unbound.len()), (vec![Port::Fixed(5060)], 1), "what it was bound to");
    script.set(&global(), &[("tls.ca_list", "gone.pem")]);
    script.answer_tls(Err("gone"));
    assert_eq!((script.bound_since(), script.unbound.len()), (vec![], 2));
    script.set(&global(), &[("tls.ca_list", ""), ("tls.verify_server", "yes")]);
    script.answer_tls(Ok(None));
    assert_eq!((script.bound_since(), script.tls()), (vec![Port::Fixed(5060)], Some(tls)));
}

#[test]
fn requests_of_now_on_take_no_connection_of_before() {
    let tls = TlsConfig { servers: TlsPolicy::None, ..TlsConfig::default() };
    let listen = Listen { transport: Transport::Tls, address: OURS.parse().unwrap(), port: Port::Fixed(5061) };
    let mut script = Script::with(OURS, Config { tls: Some(tls), listen: vec![listen], ..Config::default() });
    script.intend(Intent::Start { settings: Backend::Memory, listen: false }).unwrap();
    script.opened.clear();
    let call = |script: &mut Script| {
        script.connect("tls:192.0.2.4:5061");
    };
    call(&mut script);
    let (first, to) = script.opened[0];
    let info =
        TlsInfo { chain: CertificateChain::Untrusted("alone".into()), certificates: vec![Bytes::from_static(b"none")] };
    let open = ConnectionEvent::Open { local: address("192.0.2.9:40000"), peer: to, tls: Some(info) };
    script.handle(Input::Stream { conn: first, event: open });
    call(&mut script);
    assert_eq!(script.opened.len(), 1, "the connection is there");
    script.set(&global(), &[("tls.verify_server", "yes")]);
    script.answer_tls(Ok(None));
    call(&mut script);
    assert_eq!(script.opened.len(), 2, "it was made when nobody looked at its certificate");
}

#[test]
fn an_account_says_for_itself_whether_servers_are_checked() {
    let mut script =
        Script::secured(&format!("{STORED}    tls:\n        verify_server = true\n        timeout = 5000\n"));
    script.answer_tls(Ok(None));
    let set = |script: &mut Script, value| script.set(&AccountSettings::key(ALICE), &[("tls.verify_server", value)]);
    let call = |script: &mut Script| {
        let opened = script.securities.len();
        let connect = Intent::Connect {
            account: script.agent.get_account(ALICE).unwrap(),
            to: "sip:them@192.0.2.4".into(),
            routes: vec!["tls:192.0.2.4:5061".parse().unwrap()],
            streams: vec![StreamSpec::Audio(AudioSpec::default())],
            late_offer: false,
        };
        script.intend(connect).unwrap();
        let policy = |security: &Security| match security {
            Security::Tls { policy, .. } => *policy,
            Security::Plain => panic!("it is not protected"),
        };
        script.securities.get(opened).map(policy)
    };
    set(&mut script, "no");
    assert_eq!(call(&mut script), Some(TlsPolicy::None));
    assert_eq!(call(&mut script), None, "what was not looked at is good enough for it");
    // It is open although its certificate leads nowhere.
    let (conn, to) = script.opened[0];
    let info =
        TlsInfo { chain: CertificateChain::Untrusted("alone".into()), certificates: vec![Bytes::from_static(b"none")] };
    let open = ConnectionEvent::Open { local: address("192.0.2.9:40000"), peer: to, tls: Some(info) };
    script.handle(Input::Stream { conn, event: open });
    assert_eq!(call(&mut script), None);
    // Nobody who looks takes it.
    set(&mut script, "");
    assert_eq!(call(&mut script), Some(TlsPolicy::Chain), "as is said for all");
    assert_eq!(call(&mut script), None);
    script.set(&global(), &[("tls.verify_server", "no")]);
    script.answer_tls(Ok(None));
    assert_eq!(call(&mut script), Some(TlsPolicy::None));
    set(&mut script, "yes");
    assert_eq!(call(&mut script), Some(TlsPolicy::Chain));
}

#[test]
fn descriptions_carry_the_fingerprint_of_a_certificate_that_was_renewed() {
    let mut script = Script::secured(STORED);
    script.set(&global(), &[("tls.certificate", "own.pem")]);
    script.answer_tls(Ok(Some(fingerprint())));
    let renewed = Fingerprint::of(b"its successor");
    script.handle(Input::Certificate { identity: "another".into(), fingerprint: renewed });
    assert_eq!(script.agent.config.msrp.fingerprints, [fingerprint()], "it is not the one that is shown");
    script.handle(Input::Certificate { identity: TlsFiles::IDENTITY, fingerprint: renewed });
    assert_eq!(script.agent.config.msrp.fingerprints, [renewed]);
    // One that was configured is told again when the settings name none any more.
    let tls = TlsConfig { identity: Some("program".into()), ..TlsConfig::default() };
    let mut script = Script::with(OURS, Config { tls: Some(tls), ..Config::default() });
    script.intend(Intent::Start { settings: Backend::Memory, listen: false }).unwrap();
    script.set(&global(), &[("tls.certificate", "own.pem")]);
    script.answer_tls(Ok(Some(fingerprint())));
    script.handle(Input::Certificate { identity: "program".into(), fingerprint: renewed });
    assert_eq!(script.agent.config.msrp.fingerprints, [fingerprint()]);
    script.set(&global(), &[("tls.certificate", "")]);
    script.answer_tls(Ok(None));
    assert_eq!(script.agent.config.msrp.fingerprints, [renewed]);
}
