//! Certificates and keys in files.

use std::path::Path;
use std::time::SystemTime;

use futures_rustls::pki_types::pem::PemObject;
use futures_rustls::pki_types::{CertificateDer, PrivateKeyDer};
use futures_rustls::rustls::RootCertStore;
use futures_rustls::rustls::crypto::CryptoProvider;
use futures_rustls::rustls::sign::CertifiedKey;
use sipsimple_core::sip::Text;
use sipsimple_core::transport::Fingerprint;

/// By what a file is known to be another than before, without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
    #[cfg(unix)]
    inode: u64,
}

impl Stamp {
    /// That of the file that is there now; none where there is none.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(Self {
            modified: metadata.modified().ok(),
            bytes: metadata.len(),
            #[cfg(unix)]
            inode: std::os::unix::fs::MetadataExt::ino(&metadata),
        })
    }
}

/// The certificate, those that lead to its authority, and the key, all in one file in PEM.
///
/// # Errors
/// When the file cannot be read, lacks one of them, or they do not belong together.
pub(super) fn identity(path: &Path, provider: &CryptoProvider) -> Result<CertifiedKey, Text> {
    let pem = read(path)?;
    let chain = certificates(path, &pem)?;
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|error| wrong(path, &format!("no private key: {error}")))?;
    CertifiedKey::from_der(chain, key, provider).map_err(|error| wrong(path, &error))
}

/// The fingerprint of the certificate in a file in PEM.
///
/// # Errors
/// When the file cannot be read, or holds none.
pub(super) fn fingerprint(path: &Path) -> Result<Fingerprint, Text> {
    let chain = certificates(path, &read(path)?)?;
    let own = chain.first().ok_or_else(|| wrong(path, &"no certificate in it"))?;
    Ok(Fingerprint::of(own))
}

/// Authorities in a file in PEM.
///
/// # Errors
/// When the file cannot be read, or holds something that is no certificate.
pub(super) fn authorities(path: &Path) -> Result<RootCertStore, Text> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path, &read(path)?)? {
        roots.add(certificate).map_err(|error| wrong(path, &error))?;
    }
    Ok(roots)
}

/// The authorities that the system trusts; none where it tells of none.
pub(super) fn system_authorities() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::debug!(%error, "some of the system's authorities cannot be read");
    }
    roots.add_parsable_certificates(found.certs);
    roots
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Text> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates = certificates.map_err(|error| wrong(path, &error))?;
    if certificates.is_empty() {
        return Err(wrong(path, &"no certificate in it"));
    }
    Ok(certificates)
}

fn read(path: &Path) -> Result<Vec<u8>, Text> {
    std::fs::read(path).map_err(|error| wrong(path, &error))
}

fn wrong(path: &Path, what: &dyn std::fmt::Display) -> Text {
    Text::from(format!("{}: {what}", path.display()))
}
