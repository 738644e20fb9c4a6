//! The sockets alone: one side writes chunks, the other one reads them.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_rustls::pki_types::pem::PemObject;
use futures_rustls::pki_types::{CertificateDer, PrivateKeyDer};
use futures_rustls::rustls::crypto::ring;
use futures_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
};

use crate::CHUNK;

/// A certificate of this machine, with its key, in a file.
pub(crate) fn certificate(folder: &Path) -> PathBuf {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    let path = folder.join("certificate.pem");
    std::fs::write(&path, made.cert.pem() + &made.signing_key.serialize_pem()).expect("a file");
    path
}

/// How long it takes until so many bytes have come.
fn pump(size: u64, mut from: impl Write + Send + 'static, mut to: impl Read) -> Duration {
    let begun = Instant::now();
    let write = move || {
        let chunk = vec![0; CHUNK];
        for _ in 0..size / CHUNK as u64 {
            from.write_all(&chunk).expect("it is read");
        }
        from.flush().expect("it is read");
    };
    let writer = std::thread::spawn(write);
    let (mut come, mut buffer) = (0, vec![0; CHUNK]);
    while come < size {
        come += to.read(&mut buffer).expect("it is written") as u64;
    }
    let time = begun.elapsed();
    writer.join().expect("it has ended");
    time
}

fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let one = TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
    (one, listener.accept().expect("a connection").0)
}

/// Over TCP.
pub(crate) fn tcp(size: u64) -> Duration {
    let (from, to) = sockets();
    pump(size, from, to)
}

/// Over TLS, with this certificate.
pub(crate) fn tls(size: u64, certificate: &Path) -> Duration {
    let own = CertificateDer::from_pem_file(certificate).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(certificate).expect("a key");
    let mut roots = RootCertStore::empty();
    roots.add(own.clone()).expect("an authority");
    let provider = Arc::new(ring::default_provider());
    let client = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
    let client = client.expect("versions").with_root_certificates(roots).with_no_client_auth();
    let server = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let server = server.expect("versions").with_no_client_auth().with_single_cert(vec![own], key);
    let client = ClientConnection::new(Arc::new(client), "127.0.0.1".try_into().expect("a name"));
    let server = ServerConnection::new(Arc::new(server.expect("a certificate")));
    let (from, to) = sockets();
    let from = StreamOwned::new(client.expect("a client"), from);
    pump(size, from, StreamOwned::new(server.expect("a server"), to))
}
