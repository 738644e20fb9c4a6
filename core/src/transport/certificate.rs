//! Whom a certificate speaks for (RFC 5922 sections 7.1 and 7.2).

use std::net::IpAddr;

use x509_cert::certificate::{CertificateInner, Raw};
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use crate::sip::{Host, Text};

/// The SIP domain identities of a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identities {
    domains: Vec<Text>,
    addresses: Vec<IpAddr>,
}

impl Identities {
    /// The identities in this certificate in DER; none where it cannot be read. The subject's common name is not one: RFC 5922 section 7.1
    /// leaves that to us, and it has long been abandoned elsewhere.
    #[must_use]
    pub fn of(certificate: &[u8]) -> Self {
        let mut identities = Self::default();
        let Ok(certificate) = CertificateInner::<Raw>::from_der(certificate) else { return identities };
        let Ok(Some((_, names))) = certificate.tbs_certificate().get_extension::<SubjectAltName>() else {
            return identities;
        };
        let mut hosts = Vec::new();
        for name in &names.0 {
            match name {
                GeneralName::UniformResourceIdentifier(uri) => identities.domains.extend(domain_of(uri.as_str())),
                GeneralName::DnsName(host) => hosts.push(Text::from(host.as_str())),
                GeneralName::IpAddress(octets) => identities.addresses.extend(address(octets.as_bytes())),
                GeneralName::OtherName(_)
                | GeneralName::Rfc822Name(_)
                | GeneralName::DirectoryName(_)
                | GeneralName::EdiPartyName(_)
                | GeneralName::RegisteredId(_) => {}
            }
        }
        // The names of hosts count only where no SIP URI is among them.
        if identities.domains.is_empty() {
            identities.domains = hosts;
        }
        identities
    }

    /// Whether the certificate speaks for this domain: by its whole name in any case, never by a wildcard. For a host that is an address it
    /// must name that address (RFC 5280 section 4.2.1.6).
    #[must_use]
    pub fn cover(&self, domain: &Host) -> bool {
        match domain {
            Host::Name(name) => self.domains.iter().any(|known| bare(known).eq_ignore_ascii_case(bare(name))),
            Host::V4(address) => self.addresses.contains(&IpAddr::V4(*address)),
            Host::V6(address) => self.addresses.contains(&IpAddr::V6(*address)),
        }
    }
}

/// The domain of a `sip` URI without a user part.
fn domain_of(uri: &str) -> Option<Text> {
    let (scheme, rest) = uri.split_once(':')?;
    if !scheme.eq_ignore_ascii_case("sip") || rest.contains('@') {
        return None;
    }
    let end = rest.find([':', ';', '?']).unwrap_or(rest.len());
    match Host::parse(&Text::from(rest.get(..end)?))? {
        Host::Name(name) => Some(name),
        Host::V4(_) | Host::V6(_) => None,
    }
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).ok()
}

/// A name without the dot of the root.
fn bare(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTS: &[u8] = include_bytes!("../../../vectors/tls/hosts.der");
    const DOMAIN: &[u8] = include_bytes!("../../../vectors/tls/domain.der");
    const USER: &[u8] = include_bytes!("../../../vectors/tls/user.der");
    const BARE: &[u8] = include_bytes!("../../../vectors/tls/bare.der");

    fn covers(certificate: &[u8], host: &str) -> bool {
        Identities::of(certificate).cover(&Host::parse(&host.into()).unwrap())
    }

    #[test]
    fn names_of_hosts_are_compared_whole_and_in_any_case() {
        for host in ["example.com", "EXAMPLE.com", "example.com.", "sip.example.com", "192.0.2.1", "[2001:db8::1]"] {
            assert!(covers(HOSTS, host), "{host}");
        }
        // No suffix, no prefix, no wildcard (RFC 5922 section 7.2), no mail address, no common name.
        for host in ["a.example.com", "com", "example.co", "a.wild.example", "wild.example", "cn.example", "alice.com"]
        {
            assert!(!covers(HOSTS, host), "{host}");
        }
        assert!(!covers(HOSTS, "192.0.2.2") && !covers(HOSTS, "[2001:db8::2]"));
    }

    #[test]
    fn sip_uris_go_before_names_of_hosts() {
        for host in ["example.com", "Example.Com", "other.example", "192.0.2.1"] {
            assert!(covers(DOMAIN, host), "{host}");
        }
        // What a `sips` URI names is no identity, and beside a SIP URI the name of a host is none (RFC 5922 section 7.1).
        for host in ["host.example.com", "secret.example"] {
            assert!(!covers(DOMAIN, host), "{host}");
        }
    }

    #[test]
    fn a_user_is_not_a_domain() {
        assert!(!covers(USER, "example.com"));
        assert!(covers(USER, "host.example.com"));
    }

    #[test]
    fn what_names_nobody_speaks_for_nobody() {
        assert!(!covers(BARE, "cn.example"));
        for length in 0..HOSTS.len() {
            assert_eq!(Identities::of(&HOSTS[..length]), Identities::default(), "{length}");
        }
    }

    #[test]
    fn any_byte_may_be_wrong() {
        for at in 0..DOMAIN.len() {
            for byte in [0x00, 0x7f, 0x80, 0xff] {
                let mut certificate = DOMAIN.to_vec();
                certificate[at] = byte;
                let identities = Identities::of(&certificate);
                assert!(identities.domains.len() <= 4, "{at}");
            }
        }
    }
}
