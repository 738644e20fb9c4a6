//! Resource records that location needs (RFC 1035 section 3.3, RFC 2782, RFC 3403, RFC 3596).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::Name;
use crate::sip::Text;

/// A type of record that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Kind {
    /// An IPv4 address.
    A,
    /// An IPv6 address.
    Aaaa,
    /// The name servers of a zone.
    Ns,
    /// The services of a domain.
    Naptr,
    /// The servers of a service.
    Srv,
    /// Text.
    Txt,
}

impl Kind {
    /// The two types of addresses.
    pub const ADDRESSES: [Self; 2] = [Self::A, Self::Aaaa];

    /// The name in zone files and in the seeds: `NAPTR`, `SRV`, `A` …
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Ns => "NS",
            Self::Naptr => "NAPTR",
            Self::Srv => "SRV",
            Self::Txt => "TXT",
        }
    }

    pub(super) const fn on_wire(self) -> simple_dns::TYPE {
        match self {
            Self::A => simple_dns::TYPE::A,
            Self::Aaaa => simple_dns::TYPE::AAAA,
            Self::Ns => simple_dns::TYPE::NS,
            Self::Naptr => simple_dns::TYPE::NAPTR,
            Self::Srv => simple_dns::TYPE::SRV,
            Self::Txt => simple_dns::TYPE::TXT,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Whose it is.
    pub name: Name,
    /// How long it holds, in seconds; 0 for this time only.
    pub ttl: u32,
    /// What it says.
    pub data: Data,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Data {
    /// An IPv4 address.
    A(Ipv4Addr),
    /// An IPv6 address.
    Aaaa(Ipv6Addr),
    /// The name is an alias of this one.
    Cname(Name),
    /// A name server of the zone.
    Ns(Name),
    /// The zone begins here; how long the absence of a name holds, in seconds (RFC 2308 section 4).
    Soa {
        /// The field MINIMUM.
        minimum: u32,
    },
    /// A server of a service.
    Srv(Srv),
    /// A rule that leads to a service.
    Naptr(Naptr),
    /// Strings.
    Txt(Vec<Text>),
}

impl Data {
    /// Whether it is of this type.
    #[must_use]
    pub const fn is(&self, kind: Kind) -> bool {
        matches!(
            (self, kind),
            (Self::A(_), Kind::A)
                | (Self::Aaaa(_), Kind::Aaaa)
                | (Self::Ns(_), Kind::Ns)
                | (Self::Srv(_), Kind::Srv)
                | (Self::Naptr(_), Kind::Naptr)
                | (Self::Txt(_), Kind::Txt)
        )
    }

    /// The address, if it is one.
    #[must_use]
    pub const fn address(&self) -> Option<IpAddr> {
        match self {
            Self::A(address) => Some(IpAddr::V4(*address)),
            Self::Aaaa(address) => Some(IpAddr::V6(*address)),
            Self::Cname(_) | Self::Ns(_) | Self::Soa { .. } | Self::Srv(_) | Self::Naptr(_) | Self::Txt(_) => None,
        }
    }
}

impl fmt::Display for Data {
    /// As zone files have it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::A(address) => write!(f, "{address}"),
            Self::Aaaa(address) => write!(f, "{address}"),
            Self::Cname(name) | Self::Ns(name) => write!(f, "{name}"),
            Self::Soa { minimum } => write!(f, "{minimum}"),
            Self::Srv(Srv { priority, weight, port, target }) => write!(f, "{priority} {weight} {port} {target}"),
            Self::Naptr(Naptr { order, preference, flags, services, regexp, replacement }) => {
                write!(f, "{order} {preference} {:?} {:?} {:?} {replacement}", &**flags, &**services, &**regexp)
            }
            Self::Txt(strings) => {
                for (place, string) in strings.iter().enumerate() {
                    write!(f, "{}{:?}", if place == 0 { "" } else { " " }, &**string)?;
                }
                Ok(())
            }
        }
    }
}

/// A server of a service (RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Srv {
    /// Lower ones are tried first.
    pub priority: u16,
    /// The share of the calls among those of one priority.
    pub weight: u16,
    /// The port.
    pub port: u16,
    /// The host; the root says that the service is not offered.
    pub target: Name,
}

/// A rule that leads to a service (RFC 3403 section 4.1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Naptr {
    /// Lower ones are processed first.
    pub order: u16,
    /// Among those of one order, lower ones are preferred.
    pub preference: u16,
    /// What the outcome is: `s` is a name of SRV records.
    pub flags: Text,
    /// The services, as in `SIP+D2T`.
    pub services: Text,
    /// A substitution; empty where there is a replacement.
    pub regexp: Text,
    /// The next name to look up.
    pub replacement: Name,
}
