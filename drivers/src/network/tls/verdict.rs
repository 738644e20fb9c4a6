//! What a chain of certificates is worth, names aside: the core judges those.

use std::sync::Arc;

use bytes::Bytes;
use futures_rustls::pki_types::{CertificateDer, UnixTime};
use futures_rustls::rustls::RootCertStore;
use futures_rustls::rustls::client::verify_server_cert_signed_by_trust_anchor;
use futures_rustls::rustls::crypto::CryptoProvider;
use futures_rustls::rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use sipsimple_core::sip::Text;
use sipsimple_core::transport::{CertificateChain, TlsInfo};

use super::words;

/// What a server showed, and whether it leads to one of the authorities.
pub(super) fn of_server(
    certificates: &[CertificateDer<'static>],
    roots: &RootCertStore,
    provider: &CryptoProvider,
) -> TlsInfo {
    info(certificates, |own, intermediates| {
        let own = ParsedCertificate::try_from(own).map_err(|error| words::of(&error))?;
        let algorithms = provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&own, roots, intermediates, UnixTime::now(), algorithms)
            .map_err(|error| words::of(&error))
    })
}

/// What a client showed, and whether it leads to one of the authorities.
pub(super) fn of_client(
    certificates: &[CertificateDer<'static>],
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
) -> TlsInfo {
    info(certificates, |own, intermediates| {
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).build();
        let verifier = verifier.map_err(|error| error.to_string())?;
        let verified = verifier.verify_client_cert(own, intermediates, UnixTime::now());
        verified.map(drop).map_err(|error| words::of(&error))
    })
}

fn info(
    certificates: &[CertificateDer<'static>],
    verify: impl FnOnce(&CertificateDer<'static>, &[CertificateDer<'static>]) -> Result<(), String>,
) -> TlsInfo {
    let chain = match certificates.split_first() {
        None => CertificateChain::Missing,
        Some((own, intermediates)) => match verify(own, intermediates) {
            Ok(()) => CertificateChain::Trusted,
            Err(why) => CertificateChain::Untrusted(Text::from(why)),
        },
    };
    let certificates = certificates.iter().map(|certificate| Bytes::copy_from_slice(certificate)).collect();
    TlsInfo { chain, certificates }
}
