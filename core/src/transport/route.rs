//! Where a request goes: an address, a port and a transport.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::sip::{Host, SipUri};

/// A transport protocol of SIP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Datagrams; messages are retransmitted by the transactions.
    Udp,
    /// A stream.
    Tcp,
    /// A stream protected by TLS.
    Tls,
}

impl Transport {
    /// Whether the transport itself delivers every byte, so that transactions need not retransmit (RFC 3261 section 17).
    #[must_use]
    pub const fn is_reliable(self) -> bool {
        matches!(self, Self::Tcp | Self::Tls)
    }

    /// The name in a URI parameter and in the seeds: `udp`, `tcp`, `tls`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }

    /// The name in a Via header: `UDP`, `TCP`, `TLS`.
    #[must_use]
    pub const fn via(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        }
    }

    /// The port where none is named: 5060, and 5061 for TLS (RFC 3261 section 19.1.2).
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 5060,
            Self::Tls => 5061,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is wrong with the text of a transport or a [`Route`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not udp|tcp|tls:ADDRESS:PORT")]
pub struct RouteError(String);

impl FromStr for Transport {
    type Err = RouteError;

    /// Reads a name of a transport, in any case.
    fn from_str(text: &str) -> Result<Self, RouteError> {
        [Self::Udp, Self::Tcp, Self::Tls]
            .into_iter()
            .find(|transport| transport.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| RouteError(text.to_owned()))
    }
}

/// One place to send a request to (seed class `sipsimple.util.Route`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Route {
    /// The IP address, version 4 or 6.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
    /// The transport protocol.
    pub transport: Transport,
}

impl Route {
    /// The route to this address over this transport.
    #[must_use]
    pub const fn new(transport: Transport, to: SocketAddr) -> Self {
        Self { address: to.ip(), port: to.port(), transport }
    }

    /// The SIP URI of this place, as in `sip:192.0.2.1:5061;transport=tcp`: without a port where it is the transport's own, and without a
    /// transport where it is UDP.
    #[must_use]
    pub fn get_uri(&self) -> SipUri {
        let port = Some(self.port).filter(|port| *port != self.transport.default_port());
        let uri = SipUri::new(None, Host::from(self.address), port);
        match self.transport {
            Transport::Udp => uri,
            Transport::Tcp | Transport::Tls => uri.with_param("transport", Some(self.transport.as_str())),
        }
    }

    /// Address and port.
    #[must_use]
    pub const fn socket_addr(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }
}

impl fmt::Display for Route {
    /// As in `udp:127.0.0.1:5060` and `tls:[::1]:5061`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.transport, self.socket_addr())
    }
}

impl FromStr for Route {
    type Err = RouteError;

    /// Reads what [`Display`](fmt::Display) writes.
    fn from_str(text: &str) -> Result<Self, RouteError> {
        let wrong = || RouteError(text.to_owned());
        let (transport, address) = text.split_once(':').ok_or_else(wrong)?;
        let transport = transport.parse()?;
        let address = address.parse().map_err(|_| wrong())?;
        Ok(Self::new(transport, address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_uri_leaves_out_what_goes_without_saying() {
        for (route, uri) in [
            ("udp:192.0.2.1:5060", "sip:192.0.2.1"),
            ("udp:192.0.2.1:5061", "sip:192.0.2.1:5061"),
            ("tcp:192.0.2.1:5060", "sip:192.0.2.1;transport=tcp"),
            ("tls:1.2.3.4:1234", "sip:1.2.3.4:1234;transport=tls"),
            ("tls:[2001:db8::1]:5061", "sip:[2001:db8::1];transport=tls"),
        ] {
            assert_eq!(route.parse::<Route>().unwrap().get_uri().to_string(), uri);
        }
    }

    #[test]
    fn routes_read_what_they_write() {
        for text in ["udp:127.0.0.1:5060", "tls:[::1]:5061", "tcp:[fe80::1]:1"] {
            assert_eq!(text.parse::<Route>().unwrap().to_string(), text);
        }
        for wrong in ["", "udp", "udp:127.0.0.1", "sctp:127.0.0.1:1", "udp:localhost:5060", "udp:1.2.3.4:99999"] {
            assert!(wrong.parse::<Route>().is_err(), "{wrong}");
        }
    }
}
