//! Via (RFC 3261 section 20.42; `rport` RFC 3581).

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::decimal::{Address, Digits};
use super::grammar::{self, TOKEN};
use super::{Cursor, Header, HeaderError, HeaderName, Host, Params, Text};

/// One hop that a request took, and where its response goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    /// The transport as it is written: `UDP`, `TCP`, `TLS`, or another token.
    pub transport: Text,
    /// Host of `sent-by`.
    pub host: Host,
    /// Port of `sent-by`; none when it is not written.
    pub port: Option<u16>,
    /// The parameters, such as `;rport;branch=z9hG4bK…`.
    pub params: Params,
}

impl Via {
    /// A Via without parameters.
    #[must_use]
    pub fn new(transport: &str, host: Host, port: Option<u16>) -> Self {
        let transport = known_transport(transport.as_bytes()).unwrap_or_else(|| Text::from(transport));
        Self { transport, host, port, params: Params::new() }
    }

    /// The parameter `branch`.
    #[must_use]
    pub fn branch(&self) -> Option<&str> {
        self.params.value("branch")
    }

    /// The parameter `received`: where the request came from. An IPv6 address may stand there with or without brackets.
    #[must_use]
    pub fn received(&self) -> Option<IpAddr> {
        let value = self.params.value("received")?;
        value.strip_prefix('[').and_then(|value| value.strip_suffix(']')).unwrap_or(value).parse().ok()
    }

    /// The parameter `rport`: none when it is absent, `Some(None)` when it asks for the port, and the port once it is filled in.
    /// A port that is none counts as not filled in.
    #[must_use]
    pub fn rport(&self) -> Option<Option<u16>> {
        self.params.has("rport").then(|| self.params.number("rport"))
    }

    /// The parameter `maddr`.
    #[must_use]
    pub fn maddr(&self) -> Option<Host> {
        let value = self.params.get("maddr")??;
        Host::parse(&value).or_else(|| value.parse().ok().map(Host::V6))
    }

    /// The parameter `ttl`.
    #[must_use]
    pub fn ttl(&self) -> Option<u8> {
        self.params.number("ttl")
    }

    /// The same with this parameter.
    #[must_use]
    pub fn with_param(mut self, name: &str, value: Option<&str>) -> Self {
        self.params.set(name, value);
        self
    }

    /// The same as the server notes it that got the request from `from` (RFC 3261 section 18.2.1, RFC 3581 section 4): `received` when
    /// the host is a name or another address, and, when `rport` is asked for, `rport` with the port and `received` in any case. A
    /// `received` of the sender's own that is not true is put right: responses may follow it (RFC 3261 section 18.2.2).
    #[must_use]
    pub fn with_received(&self, from: SocketAddr) -> Self {
        Self { params: self.noting(from).unwrap_or_else(|| self.params.clone()), ..self.clone() }
    }

    /// The parameters as [`with_received`](Self::with_received) has them; none when they stay as they are.
    pub(crate) fn noting(&self, from: SocketAddr) -> Option<Params> {
        let asks = self.params.has("rport");
        let lies = self.params.has("received") && self.received() != Some(from.ip());
        if !asks && !lies && self.host.ip() == Some(from.ip()) {
            return None;
        }
        let (port, address) = (Digits::of(from.port()), Address::of(from.ip()));
        Some(self.params.with_values(&[("rport", asks.then(|| port.as_str())), ("received", Some(address.as_str()))]))
    }

    /// A copy that does not keep the buffer of a message alive.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self {
            transport: self.transport.detached(),
            host: self.host.detached(),
            port: self.port,
            params: self.params.detached(),
        }
    }
}

/// Takes `SIP / 2.0 /` with white space anywhere.
fn protocol(cursor: &mut Cursor<'_>) -> Result<(), HeaderError> {
    let start = cursor.at();
    for word in ["SIP", "2.0"] {
        let range = cursor.run(TOKEN);
        if !cursor.part(range).eq_ignore_ascii_case(word.as_bytes()) || !cursor.separator(b'/') {
            return Err(HeaderError::expected(start, "SIP/2.0/"));
        }
    }
    Ok(())
}

/// The transports in use, without a copy.
fn known_transport(transport: &[u8]) -> Option<Text> {
    match transport {
        b"UDP" => Some(Text::from_static("UDP")),
        b"TCP" => Some(Text::from_static("TCP")),
        b"TLS" => Some(Text::from_static("TLS")),
        _ => None,
    }
}

impl Header for Via {
    const NAME: HeaderName = HeaderName::Via;

    fn read(cursor: &mut Cursor<'_>) -> Result<Self, HeaderError> {
        cursor.space();
        if cursor.rest().starts_with(b"SIP/2.0/") {
            cursor.go(cursor.at() + 8);
        } else {
            protocol(cursor)?;
        }
        let transport = cursor.run(TOKEN);
        if transport.is_empty() {
            return Err(cursor.expected("a transport"));
        }
        let transport = known_transport(cursor.part(transport.clone())).unwrap_or_else(|| cursor.slice(transport));
        let after = cursor.at();
        cursor.space();
        if cursor.at() == after {
            return Err(cursor.expected("white space after the transport"));
        }
        let host = Host::read(cursor).ok_or_else(|| cursor.expected("a host"))?;
        let port = if cursor.separator(b':') { Some(cursor.port()?) } else { None };
        let params = Params::parse(cursor)?;
        Ok(Self { transport, host, port, params })
    }

    fn is_sound(&self) -> bool {
        grammar::all(self.transport.as_bytes(), TOKEN) && self.host.is_sound() && self.params.is_sound()
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SIP/2.0/")?;
        f.write_str(&self.transport)?;
        f.write_str(" ")?;
        self.host.fmt(f)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        self.params.fmt(f)
    }
}
