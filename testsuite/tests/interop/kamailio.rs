//! Kamailio as registrar and proxy: a launcher for all tests that need one, and registrations and calls through it.

use std::path::PathBuf;
use std::time::Duration;

use crate::baresip::{Baresip, THEIRS, assert_tone, tone_file};
use crate::nat::{self, Nats, ROUTER};
use crate::peer::{
    LOOPBACKS, PLAIN_CODECS, Running, find, free_port, has_address, host_port, sipsimple, wait_until_bound,
};
use crate::pki::Pki;

/// How long something may take that takes no time.
const SOON: Duration = Duration::from_secs(20);
const LIMIT: Duration = Duration::from_secs(60);

/// A Kamailio of its own on a port of its own, in the domain `lab.test`; every user's password is `secret`.
pub(crate) struct Kamailio {
    program: PathBuf,
    address: &'static str,
    pub(crate) port: u16,
    /// What the configuration is told to be with (`-A`).
    switches: Vec<&'static str>,
    /// The authority of its certificate, when it speaks TLS.
    pki: Option<Pki>,
    running: Option<Running>,
}

impl Kamailio {
    /// Starts one with these switches of its configuration; `None` when it is not installed.
    pub(crate) fn start(address: &'static str, switches: &[&'static str]) -> Option<Self> {
        let program = find("kamailio")?;
        let (port, switches) = (free_port(address), switches.to_vec());
        let pki = switches.contains(&"WITH_TLS").then(Pki::new);
        let mut kamailio = Self { program, address, port, switches, pki, running: None };
        kamailio.run();
        Some(kamailio)
    }

    /// Starts one that stands between NATs, and speaks TLS.
    pub(crate) fn between(nats: &Nats) -> Option<Self> {
        let (program, switches, pki) = (find("kamailio")?, vec!["WITH_TLS"], Some(Pki::new()));
        let mut kamailio = Self { program, address: ROUTER, port: 5060, switches, pki, running: None };
        let (args, folder) = kamailio.prepare();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let running = nats.serve(&kamailio.program, &args, folder);
        nat::wait_until_bound(&running, kamailio.port + 1);
        kamailio.running = Some(running);
        Some(kamailio)
    }

    /// Starts it once more, on the same port.
    pub(crate) fn run(&mut self) {
        let (args, folder) = self.prepare();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        self.running = Some(Running::start_in(&self.program, &args, folder));
        wait_until_bound(self.address, self.port);
    }

    /// Its command line, and its folder with all that it reads.
    fn prepare(&self) -> (Vec<String>, tempfile::TempDir) {
        let folder = tempfile::tempdir().expect("a folder");
        let home = folder.path().to_str().expect("a name in UTF-8").to_owned();
        let ip = if self.address.contains(':') { format!("[{}]", self.address) } else { self.address.to_owned() };
        let config = concat!(env!("CARGO_MANIFEST_DIR"), "/interop/kamailio/kamailio.cfg");
        let (address, port) = (format!("ADDRESS={ip}"), format!("PORT={}", self.port));
        let (tls_port, tls_config) = (format!("TLS_PORT={}", self.port + 1), format!("TLS_CONFIG=\"{home}/tls.cfg\""));
        if let Some(pki) = &self.pki {
            let certificate = pki.issue("kamailio.pem", &["lab.test", self.address]);
            let file = certificate.display();
            let server = format!("method = TLSv1.2+\nprivate_key = {file}\ncertificate = {file}\n");
            let config = format!("[server:default]\n{server}[client:default]\nmethod = TLSv1.2+\n");
            std::fs::write(format!("{home}/tls.cfg"), config).expect("a file");
        }
        let (tables, server) =
            (format!("DB_URL=\"text://{home}/tables\""), format!("SERVER_ADDRESS=\"sip:{ip}:{}\"", self.port));
        if self.switches.contains(&"WITH_PRESENCE") {
            copy_tables(&folder.path().join("tables"));
        }
        let msrp = [("MSRP_PORT", 2), ("MSRPS_PORT", 3)].map(|(name, at)| format!("{name}={}", self.port + at));
        let pid = format!("{home}/pid");
        let mut args = vec!["-DD", "-E", "-m", "64", "-M", "8", "-f", config, "-w", &home, "-Y", &home, "-P", &pid];
        for define in [&address, &port, &tls_port, &tls_config, &tables, &server, &msrp[0], &msrp[1]] {
            args.extend_from_slice(&["-A", define]);
        }
        for switch in &self.switches {
            args.extend_from_slice(&["-A", switch]);
        }
        (args.into_iter().map(str::to_owned).collect(), folder)
    }

    /// Ends it: its children too, which a kill would leave behind.
    pub(crate) fn stop(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.dismiss(SOON);
        }
    }

    /// Where it listens, as the program wants it.
    pub(crate) fn route(&self, transport: &str) -> String {
        let port = if transport == "tls" { self.port + 1 } else { self.port };
        format!("{transport}:{}", host_port(self.address, port))
    }

    /// A file with a certificate of the same authority for these addresses.
    pub(crate) fn certificate(&self, addresses: &[&str]) -> String {
        let pki = self.pki.as_ref().expect("it speaks TLS");
        pki.issue("client.pem", addresses).display().to_string()
    }

    /// The relay for MSRP, as the program wants it.
    pub(crate) fn relay(&self, transport: &str) -> String {
        let port = self.port + if transport == "tls" { 3 } else { 2 };
        format!("{};transport={transport}", host_port(self.address, port))
    }

    /// The file with the authority of its certificate.
    pub(crate) fn ca(&self) -> String {
        self.pki.as_ref().expect("it speaks TLS").ca().display().to_string()
    }
}

/// Copies the empty tables that the package brings.
fn copy_tables(to: &std::path::Path) {
    std::fs::create_dir(to).expect("a folder");
    for table in std::fs::read_dir("/usr/share/kamailio/dbtext/kamailio").expect("Kamailio's tables") {
        let table = table.expect("a table");
        std::fs::copy(table.path(), to.join(table.file_name())).expect("a copy");
    }
}

impl Drop for Kamailio {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(running) = &self.running
        {
            eprintln!("kamailio said:\n{}", running.output());
        }
        self.stop();
    }
}

/// A file that holds this password.
pub(crate) fn password(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("password");
    std::fs::write(&file, format!("{text}\n")).expect("a file");
    let name = file.to_str().expect("a name in UTF-8").to_owned();
    (folder, name)
}

/// `sipsimple register`, for this user.
fn registering(kamailio: &Kamailio, transport: &str, user: &str, password: &str, more: &[&str]) -> Running {
    let (account, route) = (format!("{user}@lab.test"), kamailio.route(transport));
    let mut args = vec!["register", &account, "--password-file", password, "--route", &route];
    args.extend_from_slice(more);
    Running::start(sipsimple(), &args)
}

#[test]
fn an_account_registers_and_unregisters() {
    let (_folder, password) = password("secret");
    for address in LOOPBACKS.into_iter().filter(|address| has_address(address)) {
        for switches in [&[][..], &["WITH_SHA256"]] {
            let Some(kamailio) = Kamailio::start(address, switches) else { return };
            for transport in ["udp", "tcp"] {
                let mut once = registering(&kamailio, transport, "alice", &password, &["--once"]);
                once.succeed(SOON);
                let said = once.output();
                assert!(said.contains("registered alice@lab.test at") && said.contains("unregistered"), "{said}");
                assert!(said.contains(";expires=600"), "the contact in {said}");
            }
        }
    }
}

#[test]
fn a_wrong_password_ends_the_program() {
    let (_folder, password) = password("wrong");
    for address in LOOPBACKS.into_iter().filter(|address| has_address(address)) {
        let Some(kamailio) = Kamailio::start(address, &[]) else { return };
        let mut running = registering(&kamailio, "udp", "alice", &password, &[]);
        assert_eq!(running.wait(SOON).code(), Some(1));
        let said = running.output();
        assert!(said.contains("the registrar did not accept the user name and password"), "{said}");
    }
}

#[test]
fn a_registration_is_refreshed_and_survives_the_registrar_over_tcp() {
    for address in LOOPBACKS.into_iter().filter(|address| has_address(address)) {
        survive(address, "tcp");
    }
}

#[test]
fn a_registration_is_refreshed_and_survives_the_registrar_over_tls() {
    for address in LOOPBACKS.into_iter().filter(|address| has_address(address)) {
        survive(address, "tls");
    }
}

/// An attempt that failed is made again 15 to 40 s later, so both runs are made at once.
#[test]
fn a_registration_is_refreshed_and_survives_the_registrar_over_udp() {
    std::thread::scope(|scope| {
        for address in LOOPBACKS.into_iter().filter(|address| has_address(address)) {
            scope.spawn(move || survive(address, "udp"));
        }
    });
}

/// An account is registered, refreshed, loses its registrar, finds it again, and unregisters.
fn survive(address: &'static str, transport: &str) {
    let (_folder, password) = password("secret");
    let switches = if transport == "tls" { &["WITH_TLS"][..] } else { &[] };
    let Some(mut kamailio) = Kamailio::start(address, switches) else { return };
    let trusted = kamailio.pki.as_ref().map(|pki| pki.ca().display().to_string());
    let trust = trusted.as_ref().map(|ca| ["--tls-ca", ca]);
    // Too short for this registrar: it asks for 4 s.
    let more = [&["--expires", "2"][..], trust.as_ref().map_or(&[], |trust| &trust[..])].concat();
    let mut running = registering(&kamailio, transport, "alice", &password, &more);
    running.wait_for("registered alice@lab.test at", SOON);
    assert!(running.output().contains(" for 4 s"), "{}", running.output());
    let registered = |running: &Running| running.output().matches("  registered alice").count();
    let refreshed = |running: &mut Running, times: usize| {
        let start = std::time::Instant::now();
        while registered(running) < times {
            assert!(start.elapsed() < LIMIT, "not {times} times:\n{}", running.output());
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    refreshed(&mut running, 3);
    kamailio.stop();
    running.wait_for("not registered", LIMIT);
    kamailio.run();
    let before = registered(&running);
    refreshed(&mut running, before + 2);
    assert!(running.terminate(SOON).success());
    assert!(running.output().contains("unregistered alice@lab.test"), "{}", running.output());
}

#[test]
fn two_accounts_call_each_other_through_it() {
    let (_folder, password) = password("secret");
    for address in LOOPBACKS.into_iter().filter(|address| has_address(address)) {
        for (transport, switches) in [("udp", &[][..]), ("tcp", &[]), ("udp", &["WITH_SHA256"])] {
            let Some(kamailio) = Kamailio::start(address, switches) else { return };
            let route = kamailio.route(transport);
            let listen = format!("{transport}:{}", host_port(address, 0));
            let account = ["--password-file", &password, "--route", &route];
            let mut args = vec!["answer", "--account", "bob@lab.test", "--listen", &listen, "--echo", "--count", "1"];
            args.extend_from_slice(&account);
            let mut answering = Running::start(sipsimple(), &args);
            answering.wait_for("registered bob@lab.test", SOON);
            let mut args = vec!["call", "bob", "--account", "alice@lab.test", "--duration", "1"];
            args.extend_from_slice(&account);
            let mut calling = Running::start(sipsimple(), &args);
            calling.succeed(LIMIT);
            assert!(calling.output().contains("call established"), "{}", calling.output());
            answering.succeed(LIMIT);
            assert!(answering.output().contains("unregistered bob"), "{}", answering.output());
        }
    }
}

#[test]
fn an_account_that_does_not_register_calls_through_it_with_its_password() {
    let (_right, right) = password("secret");
    let (_wrong, wrong) = password("wrong");
    for address in LOOPBACKS.into_iter().filter(|address| has_address(address)) {
        let Some(kamailio) = Kamailio::start(address, &[]) else { return };
        let route = kamailio.route("udp");
        let call = |password: &str| {
            let args = ["call", "nobody", "--account", "alice@lab.test", "--no-register"];
            let more = ["--password-file", password, "--route", &route];
            let mut calling = Running::start(sipsimple(), &[&args[..], &more].concat());
            assert_eq!(calling.wait(SOON).code(), Some(1));
            calling.output()
        };
        let (found, refused) = (call(&right), call(&wrong));
        assert!(found.contains("404"), "{found}");
        assert!(refused.contains("407"), "{refused}");
    }
}

#[test]
fn baresip_is_called_through_it() {
    let (_folder, password) = password("secret");
    for address in LOOPBACKS.into_iter().filter(|address| has_address(address)) {
        for transport in ["udp", "tls"] {
            let Some(kamailio) = Kamailio::start(address, &["WITH_TLS"]) else { return };
            let port = free_port(address);
            let proxy = host_port(address, kamailio.port);
            let account =
                format!("<sip:carol@lab.test>;auth_pass=secret;outbound=\"sip:{proxy}\";regint=60;answermode=auto\n");
            let Some(mut baresip) = Baresip::start_with(address, port, &account) else { return };
            baresip.running.wait_for("200 OK", SOON);
            let folder = tempfile::tempdir().expect("a folder");
            let (play, record) = (folder.path().join("play.wav"), folder.path().join("record.wav"));
            tone_file(&play, 1000.0);
            let (play, recording) = (play.to_str().expect("UTF-8"), record.to_str().expect("UTF-8"));
            let (route, ca) = (kamailio.route(transport), kamailio.ca());
            let args = ["call", "carol", "--account", "alice@lab.test", "--password-file", &password];
            let more = [
                "--codec",
                PLAIN_CODECS,
                "--route",
                &route,
                "--tls-ca",
                &ca,
                "--play",
                play,
                "--record",
                recording,
                "--duration",
                "4",
            ];
            let mut calling = Running::start(sipsimple(), &[&args[..], &more].concat());
            calling.succeed(LIMIT);
            assert!(calling.output().contains("call established"), "{}", calling.output());
            assert_tone(&record, THEIRS, "alice");
            assert_tone(&baresip.heard(), 1000.0, "baresip");
        }
    }
}

#[test]
fn an_account_registers_over_tls() {
    let (_folder, password) = password("secret");
    for address in LOOPBACKS.into_iter().filter(|address| has_address(address)) {
        let Some(kamailio) = Kamailio::start(address, &["WITH_TLS"]) else { return };
        let ca = kamailio.ca();
        for more in [&["--tls-ca", &ca][..], &["--tls-insecure"]] {
            let mut once = registering(&kamailio, "tls", "alice", &password, &[&["--once"], more].concat());
            once.succeed(SOON);
            let said = once.output();
            assert!(said.contains("registered alice@lab.test at") && said.contains("unregistered"), "{said}");
            assert!(said.contains("transport=tls"), "the contact in {said}");
        }
        let strangers = Pki::new();
        let stranger = strangers.ca().display().to_string();
        let mut refused = registering(&kamailio, "tls", "alice", &password, &["--once", "--tls-ca", &stranger]);
        assert_eq!(refused.wait(SOON).code(), Some(1));
        let said = refused.output();
        assert!(said.contains("cannot register") && said.contains("certificate"), "{said}");
    }
}

#[test]
fn two_accounts_call_each_other_through_it_over_tls_with_audio() {
    let (_folder, password) = password("secret");
    for address in LOOPBACKS.into_iter().filter(|address| has_address(address)) {
        let Some(kamailio) = Kamailio::start(address, &["WITH_TLS"]) else { return };
        let (route, ca, listen) = (kamailio.route("tls"), kamailio.ca(), format!("tls:{}", host_port(address, 0)));
        let certificate = kamailio.pki.as_ref().expect("it speaks TLS").issue("bob.pem", &["127.0.0.1", "::1"]);
        let certificate = certificate.display().to_string();
        let account = ["--password-file", &password, "--route", &route, "--tls-ca", &ca];
        let args = ["answer", "--account", "bob@lab.test", "--listen", &listen, "--tls-cert", &certificate];
        let mut answering = Running::start(sipsimple(), &[&args[..], &account, &["--echo", "--count", "1"]].concat());
        answering.wait_for("registered bob@lab.test", SOON);
        let folder = tempfile::tempdir().expect("a folder");
        let (play, record) = (folder.path().join("play.wav"), folder.path().join("record.wav"));
        tone_file(&play, 1000.0);
        let (play, recording) = (play.to_str().expect("UTF-8"), record.to_str().expect("UTF-8"));
        let args = ["call", "bob", "--account", "alice@lab.test", "--duration", "4"];
        let sound = ["--play", play, "--record", recording];
        let mut calling = Running::start(sipsimple(), &[&args[..], &account, &sound].concat());
        calling.succeed(LIMIT);
        answering.succeed(LIMIT);
        assert!(answering.output().contains("unregistered bob"), "{}", answering.output());
        assert_tone(&record, 1000.0, "alice");
    }
}
