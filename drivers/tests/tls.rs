//! Calls over TLS between two processes of the `sipsimple` program.

mod pki;

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use pki::Pki;

/// `sipsimple answer`, listening for TLS with this certificate.
struct Answering {
    child: Child,
    out: BufReader<ChildStdout>,
    port: u16,
}

impl Answering {
    fn start(address: &str, certificate: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sipsimple"))
            .args(["answer", "--listen", &format!("tls:{address}:0"), "--count", "1", "--tls-cert"])
            .arg(certificate)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        assert!(line.starts_with("listening tls "), "{line}");
        let port = line.trim().rsplit(':').next().unwrap().parse().unwrap();
        Self { child, out, port }
    }

    /// Waits for its end.
    fn finish(mut self) -> String {
        let mut printed = String::new();
        self.out.read_to_string(&mut printed).unwrap();
        assert!(self.child.wait().unwrap().success(), "{printed}");
        printed
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Calls for a moment; what it printed to standard error when it failed.
fn call(uri: &str, args: &[&str]) -> Result<(), String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sipsimple"));
    let output = command.args(["call", uri, "--duration", "0.3"]).args(args).output().unwrap();
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

#[test]
fn a_call_goes_over_tls_to_who_it_should_be() {
    let pki = Pki::new();
    let (ca, certificate) = (pki.ca(), pki.issue("good.pem", &["127.0.0.1", "::1", "example.com"]));
    let ca = ca.to_str().unwrap();
    for address in ["127.0.0.1", "[::1]"] {
        let uris = |port: u16| {
            let by_name = format!("--route=tls:{address}:{port}");
            [
                (format!("sip:bob@{address}:{port};transport=tls"), None),
                (format!("sips:bob@{address}:{port}"), None),
                ("sip:bob@example.com".to_owned(), Some(by_name.clone())),
                ("sips:bob@EXAMPLE.com".to_owned(), Some(by_name)),
            ]
        };
        for number in 0..4 {
            let answering = Answering::start(address, &certificate);
            let (uri, route) = &uris(answering.port)[number];
            let mut args = vec!["--tls-ca", ca];
            args.extend(route.as_deref());
            assert_eq!(call(uri, &args), Ok(()), "{uri}");
            assert!(answering.finish().contains("ended"));
        }
    }
}

#[test]
fn nobody_else_is_called() {
    let pki = Pki::new();
    let ca = pki.ca();
    let ca = ["--tls-ca", ca.to_str().unwrap()];
    for (certificate, args, words) in [
        (pki.issue("other.pem", &["other.example"]), &ca[..], "not for 127.0.0.1"),
        (pki.issue("wild.pem", &["*.example.com"]), &ca, "not for 127.0.0.1"),
        (pki.expired("expired.pem", &["127.0.0.1"]), &ca, "expired"),
        (pki.self_signed("alone.pem", &["127.0.0.1"]), &ca, "not trusted"),
        // Without --tls-ca the system's authorities are asked.
        (pki.issue("good.pem", &["127.0.0.1"]), &[], "not trusted"),
    ] {
        let answering = Answering::start("127.0.0.1", &certificate);
        let uri = format!("sip:bob@127.0.0.1:{};transport=tls", answering.port);
        let failure = call(&uri, args).unwrap_err();
        assert!(failure.contains(words), "{failure}");
        // Unless somebody says that it does not matter.
        assert_eq!(call(&uri, &["--tls-insecure"]), Ok(()), "{words}");
        answering.finish();
    }
}

#[test]
fn what_tls_lacks_is_said_in_one_sentence() {
    let pki = Pki::new();
    let mismatched = pki.mismatched("mismatched.pem", &["127.0.0.1"]);
    let mismatched = mismatched.to_str().unwrap();
    for (args, words) in [
        (&["answer", "--listen", "tls:127.0.0.1:0"][..], "--tls-cert"),
        (&["answer", "--listen", "tls:127.0.0.1:0", "--tls-cert", "/nowhere/a.pem"], "/nowhere/a.pem"),
        (&["answer", "--listen", "tls:127.0.0.1:0", "--tls-cert", mismatched], "mismatched.pem"),
        (&["call", "sips:bob@127.0.0.1:1", "--tls-ca", "/nowhere/a.pem"], "/nowhere/a.pem"),
        (&["call", "sips:bob@127.0.0.1", "--route", "udp:127.0.0.1:9"], "sips"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_sipsimple")).args(args).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
        assert!(said.contains(words) && said.lines().count() == 1, "{args:?}: {said}");
    }
}
