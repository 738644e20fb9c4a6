//! The servers that speak for a zone themselves (seed class DNSLookup: queries for NS records come first).

use std::net::SocketAddr;

use super::Name;
use super::known::Known;
use super::wire::PORT;

/// The most servers of a zone that are asked.
const SERVERS: usize = 4;

/// The authoritative servers of the zone that a name is in: those of the name, else of its parents, the root excepted. Empty where none
/// are found, and the configured servers are to be asked; `None` while something has to be asked of these.
pub(super) fn servers(known: &mut Known, name: &Name) -> Option<Vec<SocketAddr>> {
    let mut zone = Some(name.domain());
    while let Some(current) = zone.filter(|zone| !zone.is_root()) {
        let names = known.name_servers(&current)?;
        if names.is_empty() {
            zone = current.parent();
            continue;
        }
        let mut missing = false;
        let mut servers = Vec::new();
        for name in names.iter().take(SERVERS) {
            match known.addresses(name) {
                Some(addresses) => servers.extend(addresses.into_iter().map(|ip| SocketAddr::new(ip, PORT))),
                None => missing = true,
            }
        }
        return if missing { None } else { Some(servers) };
    }
    Some(Vec::new())
}
