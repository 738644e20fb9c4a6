//! Where a SIP request goes (RFC 3263 section 4).
//!
//! | the URI has | is looked up |
//! |---|---|
//! | an IP address | nothing |
//! | a port | A and AAAA |
//! | a transport | SRV of this transport; without any, A and AAAA |
//! | neither | NAPTR; without any that serves, SRV of each supported transport; without any, A and AAAA |
//!
//! A `sips:` URI leads to TLS alone, at every step. Where SRV records exist, be it to say that the service is not offered, the addresses
//! of the domain itself are of no interest (RFC 2782).

use std::net::IpAddr;

use super::known::Known;
use super::{LookupError, Name, Naptr, srv};
use crate::limits::Limits;
use crate::random::Random;
use crate::sip::{Host, SipUri, Text};
use crate::transport::{Route, Transport};

/// What a SIP URI demands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    uri: Text,
    host: Host,
    port: Option<u16>,
    /// The one that the URI dictates; none where there is a choice.
    transport: Option<Transport>,
    /// In the order of preference.
    supported: Vec<Transport>,
    secure: bool,
}

impl Target {
    /// Reads what a URI demands of the transports that are supported.
    ///
    /// # Errors
    /// When that cannot be satisfied.
    pub(super) fn new(uri: &SipUri, supported: &[Transport]) -> Result<Self, LookupError> {
        if supported.is_empty() {
            return Err(LookupError::NoTransports);
        }
        let named = match uri.transport() {
            Some(name) => Some(name.parse().map_err(|_| LookupError::Dictated(Text::from(name)))?),
            None => None,
        };
        // A secure URI may name the transport below TLS (RFC 3261 section 26.2.2).
        let transport = match (uri.secure, named) {
            (true, Some(Transport::Udp)) => return Err(LookupError::dictated(Transport::Udp)),
            (true, _) => Some(Transport::Tls),
            (false, named) => named,
        };
        if let Some(transport) = transport.filter(|transport| !supported.contains(transport)) {
            return Err(LookupError::dictated(transport));
        }
        // Without a name in the URI, TLS is all there is a choice of.
        let transport = if named.is_none() { None } else { transport };
        let supported = if uri.secure { vec![Transport::Tls] } else { supported.to_vec() };
        Ok(Self {
            uri: Text::from(uri.to_string()),
            host: uri.maddr().unwrap_or_else(|| uri.host.clone()),
            port: uri.port,
            transport,
            supported,
            secure: uri.secure,
        })
    }

    /// The transport where nothing is looked up that could tell it.
    fn transport_without_lookup(&self) -> Result<Transport, LookupError> {
        let transport = self.transport.unwrap_or(if self.secure { Transport::Tls } else { Transport::Udp });
        if self.supported.contains(&transport) { Ok(transport) } else { Err(LookupError::dictated(transport)) }
    }
}

/// The routes, best first; `None` while something has to be asked.
pub(super) fn sip_proxy(
    target: &Target,
    known: &mut Known,
    random: &mut Random,
    limits: &Limits,
) -> Option<Result<Vec<Route>, LookupError>> {
    let routes = match find(target, known, random, limits)? {
        Ok(routes) => routes,
        Err(error) => return Some(Err(error)),
    };
    if !routes.is_empty() {
        return Some(Ok(routes));
    }
    Some(Err(match known.unasked() {
        Some(name) => LookupError::NoNameservers(name.clone()),
        None if known.timed_out() => LookupError::RoutesTimeout(target.uri.clone()),
        None => LookupError::NoRoutes(target.uri.clone()),
    }))
}

fn find(
    target: &Target,
    known: &mut Known,
    random: &mut Random,
    limits: &Limits,
) -> Option<Result<Vec<Route>, LookupError>> {
    let name = match &target.host {
        Host::V4(address) => return Some(numeric(target, IpAddr::V4(*address))),
        Host::V6(address) => return Some(numeric(target, IpAddr::V6(*address))),
        Host::Name(name) => name,
    };
    let Ok(domain) = Name::parse(name) else { return Some(Ok(Vec::new())) };
    if let Some(port) = target.port {
        return match target.transport_without_lookup() {
            Ok(transport) => host(&domain, port, transport, known).map(Ok),
            Err(error) => Some(Err(error)),
        };
    }
    let candidates: Vec<Transport> = match target.transport {
        Some(transport) => vec![transport],
        None => {
            let rules = usable(known.naptr(&domain)?, &target.supported, target.secure);
            let found = servers(&rules, known, random, limits)?;
            if !found.routes.is_empty() {
                return Some(Ok(found.routes));
            }
            target.supported.clone()
        }
    };
    let services: Vec<(Transport, Name)> =
        candidates.iter().filter_map(|transport| Some((*transport, domain.under(service(*transport)).ok()?))).collect();
    let found = servers(&services, known, random, limits)?;
    if found.any {
        return Some(Ok(found.routes));
    }
    match target.transport_without_lookup() {
        Ok(transport) => host(&domain, transport.default_port(), transport, known).map(Ok),
        // Nothing dictates that transport here: it is only the last that there is to try.
        Err(_) => Some(Ok(Vec::new())),
    }
}

/// The route to an address in the URI.
fn numeric(target: &Target, address: IpAddr) -> Result<Vec<Route>, LookupError> {
    let transport = target.transport_without_lookup()?;
    let port = target.port.unwrap_or_else(|| transport.default_port());
    Ok(vec![Route { address, port, transport }])
}

/// The routes to a host.
fn host(host: &Name, port: u16, transport: Transport, known: &mut Known) -> Option<Vec<Route>> {
    let addresses = known.addresses(host)?;
    Some(addresses.into_iter().map(|address| Route { address, port, transport }).collect())
}

/// The name of the SRV records of a transport, below the domain (RFC 3263 section 4.1).
const fn service(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "_sip._udp",
        Transport::Tcp => "_sip._tcp",
        Transport::Tls => "_sips._tcp",
    }
}

/// The rules that lead to SRV records of a supported transport, best first (RFC 3263 section 4.1, RFC 3403 section 4.1). Rules with a
/// substitution, and those that lead to further rules, are none of SIP's.
fn usable(mut rules: Vec<Naptr>, supported: &[Transport], secure: bool) -> Vec<(Transport, Name)> {
    rules.sort();
    let transport = |rule: &Naptr| {
        let offered = [("SIPS+D2T", Transport::Tls), ("SIP+D2T", Transport::Tcp), ("SIP+D2U", Transport::Udp)];
        let offered = offered.into_iter().find(|(name, _)| rule.services.eq_ignore_ascii_case(name))?.1;
        let fits = supported.contains(&offered) && (!secure || offered == Transport::Tls);
        let leads = rule.flags.eq_ignore_ascii_case("s") && rule.regexp.is_empty() && !rule.replacement.is_root();
        (fits && leads).then_some(offered)
    };
    rules.iter().filter_map(|rule| Some((transport(rule)?, rule.replacement.clone()))).collect()
}

/// What SRV records lead to.
#[derive(Debug, Default)]
struct Found {
    routes: Vec<Route>,
    /// Whether there is any, be it without a usable host.
    any: bool,
}

/// The routes that the SRV records of these names lead to, name by name.
fn servers(services: &[(Transport, Name)], known: &mut Known, random: &mut Random, limits: &Limits) -> Option<Found> {
    let all: Vec<Option<Vec<super::Srv>>> = services.iter().map(|(_, name)| known.srv(name)).collect();
    let all: Vec<Vec<super::Srv>> = all.into_iter().collect::<Option<_>>()?;
    let mut targets = Vec::new();
    for (servers, (transport, _)) in all.into_iter().zip(services) {
        targets.push((*transport, srv::usable(servers, limits.dns_targets)));
    }
    // All hosts are asked for at once, and drawn among when all is known.
    let mut missing = false;
    for server in targets.iter().flat_map(|(_, (servers, _))| servers) {
        missing |= known.addresses(&server.target).is_none();
    }
    if missing {
        return None;
    }
    let mut found = Found::default();
    for (transport, (servers, any)) in targets {
        found.any |= any;
        for server in srv::in_order(servers, random) {
            for route in host(&server.target, server.port, transport, known)? {
                if !found.routes.contains(&route) {
                    found.routes.push(route);
                }
            }
        }
    }
    Some(found)
}
