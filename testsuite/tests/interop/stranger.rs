//! `openssl s_client` talks to us over TLS: a stranger to rustls, and to SIP.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::peer::{LOOPBACKS, Running, find, free_port, has_address, host_port, sipsimple};
use crate::pki::Pki;

#[test]
fn openssl_verifies_us_and_is_answered() {
    let Some(openssl) = find("openssl") else { return };
    let pki = Pki::new();
    let (ca, certificate) = (pki.ca(), pki.issue("good.pem", &["127.0.0.1", "::1", "sip.example.com"]));
    let certificate = certificate.to_str().expect("UTF-8");
    for address in LOOPBACKS.into_iter().filter(|address| has_address(address)) {
        for version in ["-tls1_2", "-tls1_3"] {
            let at = host_port(address, free_port(address));
            let listen = format!("tls:{at}");
            let mut answering =
                Running::start(sipsimple(), &["answer", "--listen", &listen, "--tls-cert", certificate]);
            answering.wait_for("listening", Duration::from_secs(20));
            let mut client = Command::new(&openssl)
                .args(["s_client", "-quiet", version, "-connect", &at, "-CAfile"])
                .arg(&ca)
                .args(["-verify_return_error", "-verify_hostname", "sip.example.com", "-servername", "sip.example.com"])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("openssl runs");
            let request = format!(
                "OPTIONS sip:us@{at};transport=tls SIP/2.0\r\nVia: SIP/2.0/TLS {at};branch=z9hG4bKstranger\r\n\
                 Max-Forwards: 70\r\nFrom: <sip:stranger@example.com>;tag=1\r\nTo: <sip:us@{at}>\r\nCall-ID: stranger\r\n\
                 CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
            );
            let mut stdin = client.stdin.take().expect("its input");
            stdin.write_all(request.as_bytes()).expect("it reads");
            // It stays until we close: our program ends, and says so on the connection.
            std::thread::sleep(Duration::from_millis(500));
            assert!(answering.terminate(Duration::from_secs(20)).success(), "{}", answering.output());
            drop(stdin);
            let output = client.wait_with_output().expect("its output");
            let (said, why) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert!(said.starts_with("SIP/2.0 200 "), "{version}: {said}\n{why}");
            assert!(!why.contains("unexpected eof"), "{version}: closed without close_notify: {why}");
        }
    }
}
