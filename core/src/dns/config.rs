//! The settings of the resolver.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::wire::PORT;
use crate::sip::Text;
use crate::transport::Transport;

/// The settings of the resolver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct DnsConfig {
    /// The name servers of the system, best first.
    pub nameservers: Vec<SocketAddr>,
    /// The name servers that the manager falls back to when those of the system do not answer as they should.
    pub fallback_nameservers: Vec<SocketAddr>,
    /// The domain whose NAPTR and SRV records the manager asks for to probe name servers.
    pub probe_domain: Text,
    /// Whether the authoritative servers of a zone are asked before those of the system, since some routers answer neither NAPTR nor SRV.
    pub authoritative_first: bool,
    /// How long one name server may take, where the application does not say it.
    pub timeout: Duration,
    /// How long a whole lookup may take, where the application does not say it.
    pub lifetime: Duration,
    /// The transports of requests that the agent locates servers for, best first; of those only the ones that it listens on.
    pub transports: Vec<Transport>,
}

impl Default for DnsConfig {
    fn default() -> Self {
        let public = |last| SocketAddr::new(IpAddr::V4(Ipv4Addr::new(8, 8, last, last)), PORT);
        Self {
            nameservers: Vec::new(),
            fallback_nameservers: vec![public(8), public(4)],
            probe_domain: Text::from_static("sip2sip.info"),
            authoritative_first: false,
            timeout: Duration::from_secs(3),
            lifetime: Duration::from_secs(15),
            transports: vec![Transport::Tls, Transport::Tcp, Transport::Udp],
        }
    }
}
