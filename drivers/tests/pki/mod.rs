//! A throw-away authority, and the certificates that it issues.

#![allow(dead_code, reason = "not every test needs everything")]

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    SanType, date_time_ymd,
};
use tempfile::TempDir;

/// The authority, and the folder with all that it has issued.
pub(crate) struct Pki {
    folder: TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl Pki {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(rcgen::DnType::CommonName, "test authority");
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        Self { folder, authority }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The file with the authority's certificate.
    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A file with a certificate for these names (`sip:` URIs, IP addresses, names of hosts) and its key.
    pub(crate) fn issue(&self, file: &str, names: &[&str]) -> PathBuf {
        self.sign(file, params(names))
    }

    /// One that was valid long ago.
    pub(crate) fn expired(&self, file: &str, names: &[&str]) -> PathBuf {
        let mut params = params(names);
        (params.not_before, params.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1));
        self.sign(file, params)
    }

    /// One that no authority has signed.
    pub(crate) fn self_signed(&self, file: &str, names: &[&str]) -> PathBuf {
        let key = KeyPair::generate().unwrap();
        let certificate = params(names).self_signed(&key).unwrap();
        self.write(file, &certificate.pem(), &key)
    }

    /// The certificate of one file with the key of another.
    pub(crate) fn mismatched(&self, file: &str, names: &[&str]) -> PathBuf {
        let certificate = params(names).self_signed(&KeyPair::generate().unwrap()).unwrap();
        self.write(file, &certificate.pem(), &KeyPair::generate().unwrap())
    }

    fn sign(&self, file: &str, params: CertificateParams) -> PathBuf {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.authority).unwrap();
        self.write(file, &certificate.pem(), &key)
    }

    fn write(&self, file: &str, certificate: &str, key: &KeyPair) -> PathBuf {
        let path = self.folder.path().join(file);
        std::fs::write(&path, format!("{certificate}{}", key.serialize_pem())).unwrap();
        path
    }
}

fn params(names: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.subject_alt_names = names.iter().map(|name| san(name)).collect();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params
}

fn san(name: &str) -> SanType {
    match name.parse() {
        Ok(address) => SanType::IpAddress(address),
        Err(_) if name.starts_with("sip:") => SanType::URI(name.try_into().unwrap()),
        Err(_) => SanType::DnsName(name.try_into().unwrap()),
    }
}
