//! Calls over TLS between two processes of the `sipsimple` program.

mod pki;
mod waiting;

use std::path::Path;

use pki::Pki;
use waiting::{Waiting, run};

/// `sipsimple answer`, listening for TLS with this certificate; and its port.
fn answering(address: &str, certificate: &Path) -> (Waiting, u16) {
    let args = ["--count", "1", "--tls-cert", certificate.to_str().unwrap()];
    let waiting = Waiting::answering(&format!("tls:{address}:0"), &args);
    let port = waiting.address.rsplit(':').next().unwrap().parse().unwrap();
    (waiting, port)
}

/// Calls for a moment; what it printed to standard error when it failed.
fn call(uri: &str, args: &[&str]) -> Result<(), String> {
    let output = run(&[&["call", uri, "--duration", "0.3"], args].concat());
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
            let (answering, port) = answering(address, &certificate);
            let (uri, route) = &uris(port)[number];
            let mut args = vec!["--tls-ca", ca];
            args.extend(route.as_deref());
            assert_eq!(call(uri, &args), Ok(()), "{uri}");
            let ended = answering.end();
            assert!(ended.code == Some(0) && ended.printed.contains("ended"), "{}", ended.printed);
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
        let (answering, port) = answering("127.0.0.1", &certificate);
        let uri = format!("sip:bob@127.0.0.1:{port};transport=tls");
        let failure = call(&uri, args).unwrap_err();
        assert!(failure.contains(words), "{failure}");
        // Unless somebody says that it does not matter.
        assert_eq!(call(&uri, &["--tls-insecure"]), Ok(()), "{words}");
        assert_eq!(answering.end().code, Some(0));
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
        let output = run(args);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
        assert!(said.contains(words) && said.lines().count() == 1, "{args:?}: {said}");
    }
}
