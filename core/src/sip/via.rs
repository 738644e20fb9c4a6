//! Via (RFC 3261 section 20.42; `rport` RFC 3581).

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use memchr::memchr;

use super::cursor::Cursor;
use super::grammar::{self, HOST, TOKEN};
use super::{Header, HeaderError, HeaderName, Host, Params, Text, ValueError};

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
    /// the host is a name or another address, and, when `rport` is asked for, `rport` with the port and `received` in any case.
    #[must_use]
    pub fn with_received(&self, from: SocketAddr) -> Self {
        let mut via = self.clone();
        let asks = via.params.has("rport");
        if asks {
            via.params.set("rport", Some(&from.port().to_string()));
        }
        if asks || via.host.ip() != Some(from.ip()) {
            via.params.set("received", Some(&from.ip().to_string()));
        }
        via
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

    fn read(value: &Text) -> Result<Self, ValueError> {
        let mut cursor = Cursor::new(value);
        if cursor.rest().starts_with(b"SIP/2.0/") {
            cursor.go(cursor.at() + 8);
        } else {
            let start = cursor.at();
            let protocol = cursor.run(TOKEN);
            let is = |range: Range<usize>, name: &str| {
                value.as_bytes().get(range).is_some_and(|part| part.eq_ignore_ascii_case(name.as_bytes()))
            };
            if !is(protocol, "SIP") || !cursor.separator(b'/') {
                return Err(ValueError::expected(start, "SIP/2.0/"));
            }
            let version = cursor.run(TOKEN);
            if !is(version, "2.0") || !cursor.separator(b'/') {
                return Err(ValueError::expected(start, "SIP/2.0/"));
            }
        }
        let transport = cursor.run(TOKEN);
        let name = value.as_bytes().get(transport.clone()).unwrap_or_default();
        if name.is_empty() {
            return Err(cursor.expected("a transport"));
        }
        let transport = known_transport(name).unwrap_or_else(|| value.sub(transport));
        let after = cursor.at();
        cursor.space();
        if cursor.at() == after {
            return Err(cursor.expected("white space after the transport"));
        }
        let start = cursor.at();
        if cursor.peek() == Some(b'[') {
            let len = memchr(b']', cursor.rest()).map_or_else(|| cursor.rest().len(), |len| len + 1);
            cursor.go(start + len);
        } else {
            cursor.run(HOST);
        }
        let host = Host::at(value, start..cursor.at()).ok_or_else(|| ValueError::expected(start, "a host"))?;
        let port = if cursor.separator(b':') {
            Some(u16::try_from(cursor.number(u64::from(u16::MAX))?).unwrap_or_default())
        } else {
            None
        };
        let params = Params::parse(&mut cursor)?;
        Ok(Self { transport, host, port, params })
    }
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

    fn parse(value: &Text) -> Result<Self, HeaderError> {
        Self::read(value).map_err(|error| error.of(Self::NAME))
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
