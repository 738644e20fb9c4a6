//! Addresses: of people, proxies, relays and servers.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{MsrpTransport, Unfit, kind_of_text};
use crate::sip::{Host, SipUri, Uri};
use crate::transport::Transport;

macro_rules! as_text {
    ($($name:ty)*) => { $(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )* };
}

as_text! { SipAddress SipProxyAddress MsrpRelayAddress StunServer Nameserver }

const SIP_ADDRESS: &str = "a SIP address, user@domain";
const SIP_PROXY: &str = "a proxy, host[:port][;transport=udp|tcp|tls]";
const MSRP_RELAY: &str = "a relay, host[:port][;transport=tls|tcp]";
const STUN_SERVER: &str = "a STUN server, host[:port]";
const NAMESERVER: &str = "a nameserver, ADDRESS[:port]";

kind_of_text! {
    SipAddress: SIP_ADDRESS,
    SipProxyAddress: SIP_PROXY,
    MsrpRelayAddress: MSRP_RELAY,
    StunServer: STUN_SERVER,
    Nameserver: NAMESERVER,
}

/// `user@domain`, as accounts are named (seed class `SIPAddress`). The user has the escapes of a SIP URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SipAddress {
    username: String,
    domain: Host,
}

impl SipAddress {
    /// The part before the `@`, with the escapes of a SIP URI.
    #[must_use]
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The part behind the `@`.
    #[must_use]
    pub const fn domain(&self) -> &Host {
        &self.domain
    }

    /// The `sip:` URI of this address.
    #[must_use]
    pub fn uri(&self) -> SipUri {
        SipUri { user: Some(self.username.as_str().into()), ..SipUri::new(None, self.domain.clone(), None) }
    }
}

impl FromStr for SipAddress {
    type Err = Unfit;

    /// Reads `user@domain`, also with `sip:` in front.
    fn from_str(text: &str) -> Result<Self, Unfit> {
        let text = text.strip_prefix("sip:").unwrap_or(text);
        match Uri::parse(&format!("sip:{text}").into()) {
            Ok(Uri::Sip(SipUri { user: Some(user), password: None, host, port: None, params, headers, .. }))
                if params.is_empty() && headers.is_empty() && !user.is_empty() =>
            {
                Ok(Self { username: user.to_string(), domain: host.detached() })
            }
            Ok(_) | Err(_) => Err(Unfit::new(SIP_ADDRESS)),
        }
    }
}

impl fmt::Display for SipAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.username, self.domain)
    }
}

/// Takes `host[:port]`; an IPv6 address may stand without its brackets when there is no port.
fn host_and_port(text: &str) -> Option<(Host, Option<u16>)> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some((address.into(), None));
    }
    if let Ok(host) = text.parse() {
        return Some((host, None));
    }
    let (host, port) = text.rsplit_once(':')?;
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
    let port = port.parse::<u16>().ok().filter(|port| is_number && *port != 0)?;
    Some((host.parse().ok()?, Some(port)))
}

/// Takes `host[:port][;transport=…]`.
fn with_transport<T: FromStr>(text: &str) -> Option<(Host, Option<u16>, Option<T>)> {
    let (address, transport) = match text.split_once(';') {
        Some((address, parameter)) => {
            let (name, value) = parameter.split_once('=')?;
            let transport = name.eq_ignore_ascii_case("transport").then(|| value.parse().ok())??;
            (address, Some(transport))
        }
        None => (text, None),
    };
    let (host, port) = host_and_port(address)?;
    Some((host, port, transport))
}

/// Where all requests of an account go first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SipProxyAddress {
    /// The proxy.
    pub host: Host,
    /// Its port, where one is written.
    pub port: Option<u16>,
    /// The transport, where one is written.
    pub transport: Option<Transport>,
}

impl SipProxyAddress {
    /// The transport: UDP where none is written.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.transport.unwrap_or(Transport::Udp)
    }

    /// The port: the transport's own where none is written.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or_else(|| self.transport().default_port())
    }
}

impl FromStr for SipProxyAddress {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        let (host, port, transport) = with_transport(text).ok_or(Unfit::new(SIP_PROXY))?;
        Ok(Self { host, port, transport })
    }
}

impl fmt::Display for SipProxyAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_address(f, &self.host, self.port)?;
        self.transport.map_or(Ok(()), |transport| write!(f, ";transport={transport}"))
    }
}

fn write_address(f: &mut fmt::Formatter<'_>, host: &Host, port: Option<u16>) -> fmt::Result {
    fmt::Display::fmt(host, f)?;
    port.map_or(Ok(()), |port| write!(f, ":{port}"))
}

/// An MSRP relay (RFC 4976). It is spoken to over TLS, unless `;transport=tcp` says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MsrpRelayAddress {
    /// The relay.
    pub host: Host,
    /// Its port.
    pub port: u16,
    /// What it is spoken to over.
    pub transport: MsrpTransport,
}

impl MsrpRelayAddress {
    /// The port where none is written.
    pub const DEFAULT_PORT: u16 = 2855;
}

impl FromStr for MsrpRelayAddress {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        let (host, port, transport) = with_transport(text).ok_or(Unfit::new(MSRP_RELAY))?;
        Ok(Self { host, port: port.unwrap_or(Self::DEFAULT_PORT), transport: transport.unwrap_or(MsrpTransport::Tls) })
    }
}

impl fmt::Display for MsrpRelayAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = (self.port != Self::DEFAULT_PORT).then_some(self.port);
        write_address(f, &self.host, port)?;
        match self.transport {
            MsrpTransport::Tls => Ok(()),
            MsrpTransport::Tcp => f.write_str(";transport=tcp"),
        }
    }
}

/// A STUN server (RFC 8489).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StunServer {
    /// The server.
    pub host: Host,
    /// Its port.
    pub port: u16,
}

impl StunServer {
    /// The port where none is written.
    pub const DEFAULT_PORT: u16 = 3478;
}

impl FromStr for StunServer {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        let (host, port) = host_and_port(text).ok_or(Unfit::new(STUN_SERVER))?;
        Ok(Self { host, port: port.unwrap_or(Self::DEFAULT_PORT) })
    }
}

impl fmt::Display for StunServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_address(f, &self.host, (self.port != Self::DEFAULT_PORT).then_some(self.port))
    }
}

/// A nameserver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nameserver(SocketAddr);

impl Nameserver {
    /// The port where none is written.
    pub const DEFAULT_PORT: u16 = 53;

    /// The nameserver at this address.
    #[must_use]
    pub const fn new(address: IpAddr) -> Self {
        Self(SocketAddr::new(address, Self::DEFAULT_PORT))
    }

    /// Address and port.
    #[must_use]
    pub const fn socket_addr(self) -> SocketAddr {
        self.0
    }
}

impl FromStr for Nameserver {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        let wrong = || Unfit::new(NAMESERVER);
        let (host, port) = host_and_port(text).ok_or_else(wrong)?;
        let address = host.ip().ok_or_else(wrong)?;
        Ok(Self(SocketAddr::new(address, port.unwrap_or(Self::DEFAULT_PORT))))
    }
}

impl fmt::Display for Nameserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = (self.0.port() != Self::DEFAULT_PORT).then_some(self.0.port());
        write_address(f, &self.0.ip().into(), port)
    }
}
