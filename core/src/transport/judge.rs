//! Whether a connection's peer is who it should be, judged before a byte is written or delivered (RFC 3261 section 26.3, RFC 5922, RFC 8122).
//!
//! The driver proves that the peer holds the key of its certificate and evaluates the chain. What the chain is worth, and whose
//! fingerprint is expected, is decided here.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{CertificateChain, Identities, TlsInfo, TlsPolicy};
use crate::sip::{Host, Text};

/// The SHA-256 fingerprint of a certificate in DER (RFC 8122 section 5).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// The fingerprint of this certificate.
    #[must_use]
    pub fn of(certificate: &[u8]) -> Self {
        Self(Sha256::digest(certificate).into())
    }
}

impl fmt::Display for Fingerprint {
    /// Upper-case hexadecimal bytes between colons, as in `02:1A:CC`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02X}", if place == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// Why a peer is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// The peer showed no certificate.
    #[error("the peer showed no certificate")]
    NoCertificate,
    /// The chain leads to no authority that is trusted, or is out of date.
    #[error("the peer's certificate is not trusted: {0}")]
    Untrusted(Text),
    /// The certificate does not speak for the domain that the connection was opened for (RFC 5922 section 7.3).
    #[error("the peer's certificate is not for {0}")]
    WrongName(Host),
    /// The domain that the connection was opened for is not known, so that no certificate can speak for it.
    #[error("no domain is known for which the peer's certificate could speak")]
    NoName,
    /// The certificate is none of those expected.
    #[error("the peer's certificate has the unexpected fingerprint {0}")]
    Unexpected(Fingerprint),
    /// The connection should be protected and is not.
    #[error("the connection is not protected by TLS")]
    Unprotected,
}

/// Who the peer of a connection should be.
#[derive(Clone, Copy, Debug)]
pub enum Peer<'a> {
    /// A server for this domain, the host of the URI that was looked up.
    Server(Option<&'a Host>),
    /// A client, which may have any name.
    Client,
}

/// Judges what a TLS handshake told, and tells for whom the peer's certificate may speak from now on: nobody where its chain was not looked at.
///
/// # Errors
/// The reason to close the connection.
pub fn judge(
    info: &TlsInfo,
    policy: TlsPolicy,
    expected: &[Fingerprint],
    peer: Peer<'_>,
) -> Result<Identities, Distrust> {
    match policy {
        TlsPolicy::None => Ok(Identities::default()),
        TlsPolicy::Chain => {
            match &info.chain {
                CertificateChain::Trusted => {}
                CertificateChain::Untrusted(reason) => return Err(Distrust::Untrusted(reason.clone())),
                CertificateChain::Missing => return Err(Distrust::NoCertificate),
            }
            let own = info.certificates.first().ok_or(Distrust::NoCertificate)?;
            let identities = Identities::of(own);
            match peer {
                Peer::Client => Ok(identities),
                Peer::Server(None) => Err(Distrust::NoName),
                Peer::Server(Some(domain)) if identities.cover(domain) => Ok(identities),
                Peer::Server(Some(domain)) => Err(Distrust::WrongName(domain.detached())),
            }
        }
        TlsPolicy::Fingerprint => {
            let own = info.certificates.first().ok_or(Distrust::NoCertificate)?;
            let shown = Fingerprint::of(own);
            if expected.contains(&shown) { Ok(Identities::default()) } else { Err(Distrust::Unexpected(shown)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn shown(chain: CertificateChain, certificates: &[&'static [u8]]) -> TlsInfo {
        TlsInfo { chain, certificates: certificates.iter().map(|der| Bytes::from_static(der)).collect() }
    }

    #[test]
    fn a_fingerprint_is_written_as_the_rfc_does() {
        // SHA-256 of "abc" (FIPS 180-4).
        let text = Fingerprint::of(b"abc").to_string();
        assert_eq!(
            text,
            "BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD"
        );
        assert_eq!(format!("{:?}", Fingerprint::of(b"abc")), format!("Fingerprint({text})"));
    }

    #[test]
    fn each_policy_asks_for_its_own_proof() {
        let expired = || CertificateChain::Untrusted(Text::from_static("expired"));
        let ours = [Fingerprint::of(b"one"), Fingerprint::of(b"two")];
        let cases = [
            (
                shown(CertificateChain::Trusted, &[b"other"]),
                Ok(()),
                Err(Distrust::Unexpected(Fingerprint::of(b"other"))),
            ),
            (shown(expired(), &[b"two"]), Err(Distrust::Untrusted(Text::from_static("expired"))), Ok(())),
            (shown(CertificateChain::Missing, &[]), Err(Distrust::NoCertificate), Err(Distrust::NoCertificate)),
            // The fingerprint is that of the peer's own certificate, not of one that it shows beside it.
            (
                shown(expired(), &[b"other", b"one"]),
                Err(Distrust::Untrusted(Text::from_static("expired"))),
                Err(Distrust::Unexpected(Fingerprint::of(b"other"))),
            ),
        ];
        for (info, by_chain, by_fingerprint) in cases {
            let judge = |policy| judge(&info, policy, &ours, Peer::Client).map(|_| ());
            assert_eq!(judge(TlsPolicy::Chain), by_chain, "{info:?}");
            assert_eq!(judge(TlsPolicy::Fingerprint), by_fingerprint, "{info:?}");
            assert_eq!(judge(TlsPolicy::None), Ok(()), "{info:?}");
        }
    }

    #[test]
    fn no_fingerprint_expected_trusts_nobody() {
        let info = shown(CertificateChain::Trusted, &[b"one"]);
        let unexpected = Err(Distrust::Unexpected(Fingerprint::of(b"one")));
        assert_eq!(judge(&info, TlsPolicy::Fingerprint, &[], Peer::Client), unexpected);
    }

    #[test]
    fn a_server_must_be_for_the_domain_that_was_looked_up() {
        let info = shown(CertificateChain::Trusted, &[include_bytes!("../../../vectors/tls/domain.der")]);
        let by = |domain: Option<&Host>| judge(&info, TlsPolicy::Chain, &[], Peer::Server(domain)).map(|_| ());
        let host = |name: &'static str| Host::parse(&Text::from_static(name)).unwrap();
        assert_eq!(by(Some(&host("example.com"))), Ok(()));
        assert_eq!(by(Some(&host("evil.example"))), Err(Distrust::WrongName(host("evil.example"))));
        assert_eq!(by(None), Err(Distrust::NoName));
        // Where no name is asked for, the certificate vouches for none either.
        let unasked = judge(&info, TlsPolicy::None, &[], Peer::Server(None)).unwrap();
        assert!(!unasked.cover(&host("example.com")));
    }
}
