//! The servers of a service: STUN servers and MSRP relays (RFC 8489 section 8, RFC 4976 section 4.1.1, seed `lookup_service`).

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::known::Known;
use super::{LookupError, Name, srv};
use crate::limits::Limits;
use crate::random::Random;
use crate::sip::{Host, Text};

/// A service whose servers can be looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// STUN servers, over UDP.
    Stun,
    /// MSRP relays, over TLS.
    MsrpRelay,
}

/// The service is none that can be looked up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Unknown service: {0}")]
pub struct UnknownService(pub String);

impl Service {
    /// The name in the seeds.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stun => "stun",
            Self::MsrpRelay => "msrprelay",
        }
    }

    const fn srv(self) -> &'static str {
        match self {
            Self::Stun => "_stun._udp",
            Self::MsrpRelay => "_msrps._tcp",
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Stun => 3478,
            Self::MsrpRelay => 2855,
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Service {
    type Err = UnknownService;

    fn from_str(text: &str) -> Result<Self, UnknownService> {
        let known = [Self::Stun, Self::MsrpRelay].into_iter().find(|service| service.as_str() == text);
        known.ok_or_else(|| UnknownService(text.to_owned()))
    }
}

/// Which records lead to the servers of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// SRV records; where there are none, addresses.
    Either,
    /// SRV records.
    Srv,
    /// Addresses.
    Address,
}

/// The servers, best first; `None` while something has to be asked. Without SRV records the domain's own addresses serve, at the port of
/// the service.
pub(super) fn servers(
    service: Service,
    host: &Host,
    port: Option<u16>,
    by: By,
    known: &mut Known,
    random: &mut Random,
    limits: &Limits,
) -> Option<Result<Vec<SocketAddr>, LookupError>> {
    if let Some(address) = host.ip() {
        return Some(Ok(vec![SocketAddr::new(address, port.unwrap_or_else(|| service.default_port()))]));
    }
    let servers = match Name::parse(&host.to_string()) {
        Ok(domain) if by == By::Address => {
            let port = port.unwrap_or_else(|| service.default_port());
            known.addresses(&domain)?.into_iter().map(|address| SocketAddr::new(address, port)).collect()
        }
        Ok(domain) => find(service, &domain, by, known, random, limits)?,
        Err(_) => Vec::new(),
    };
    if !servers.is_empty() {
        return Some(Ok(servers));
    }
    let domain = Text::from(host.to_string());
    Some(Err(match known.unasked() {
        Some(name) => LookupError::NoNameservers(name.clone()),
        None if known.timed_out() => LookupError::ServersTimeout { service, domain },
        None => LookupError::NoServers { service, domain },
    }))
}

fn find(
    service: Service,
    domain: &Name,
    by: By,
    known: &mut Known,
    random: &mut Random,
    limits: &Limits,
) -> Option<Vec<SocketAddr>> {
    let records = match domain.under(service.srv()) {
        Ok(name) => known.srv(&name)?,
        Err(_) => Vec::new(),
    };
    let (targets, any) = srv::usable(records, limits.dns_targets);
    if !any && by == By::Srv {
        return Some(Vec::new());
    }
    if !any {
        let addresses = known.addresses(domain)?;
        return Some(addresses.into_iter().map(|address| SocketAddr::new(address, service.default_port())).collect());
    }
    let mut missing = false;
    for server in &targets {
        missing |= known.addresses(&server.target).is_none();
    }
    if missing {
        return None;
    }
    let mut found = Vec::new();
    for server in srv::in_order(targets, random) {
        for address in known.addresses(&server.target)? {
            let address = SocketAddr::new(address, server.port);
            if !found.contains(&address) {
                found.push(address);
            }
        }
    }
    Some(found)
}
