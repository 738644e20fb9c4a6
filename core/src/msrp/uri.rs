//! MSRP URIs and paths (RFC 4975 sections 6 and 8.2).
//!
//! ```text
//! msrps://alice@relay.example.com:2855/s3271;tcp;x=y
//! scheme  user  host              port session transport, parameters
//! ```

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::UriFault;
use crate::sip::{Host, Text};

/// URIs of one path that are looked at: RFC 4976 has two relays on a side.
const LONGEST_PATH: usize = 16;

/// An MSRP URI.
///
/// Two are equal when scheme, host, port, session identifier and transport are; user information and other parameters do not count
/// (RFC 4975 section 6.1).
#[derive(Clone, Debug)]
pub struct MsrpUri {
    /// Whether its scheme is `msrps`: TLS.
    pub secure: bool,
    /// The user information.
    pub user: Option<Text>,
    /// The host.
    pub host: Host,
    /// The port, if it has one.
    pub port: Option<u16>,
    /// The session identifier, if it has one. Its case matters.
    pub session: Option<Text>,
    /// The transport: `tcp`.
    pub transport: Text,
    /// The other parameters, each with its semicolon.
    pub params: Text,
}

impl MsrpUri {
    /// The port where nothing else is said (RFC 4975 section 6).
    pub const PORT: u16 = 2855;

    /// A URI over TCP.
    #[must_use]
    pub fn new(secure: bool, host: Host, port: u16, session: impl Into<Text>) -> Self {
        let (session, transport) = (Some(session.into()), Text::from_static("tcp"));
        Self { secure, user: None, host, port: Some(port), session, transport, params: Text::new() }
    }

    /// Reads a URI.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &Text) -> Result<Self, UriFault> {
        let (scheme, rest) = text.split_once("://").ok_or(UriFault::Scheme)?;
        let secure = match scheme {
            _ if scheme.eq_ignore_ascii_case("msrp") => false,
            _ if scheme.eq_ignore_ascii_case("msrps") => true,
            _ => return Err(UriFault::Scheme),
        };
        let (place, params) = rest.split_once(';').ok_or(UriFault::Transport)?;
        let (authority, session) = match place.split_once('/') {
            Some((authority, session)) => (authority, Some(session)),
            None => (place, None),
        };
        if session.is_some_and(|session| session.is_empty() || !session.bytes().all(is_session)) {
            return Err(UriFault::SessionId);
        }
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, authority),
        };
        if user.is_some_and(|user| !user.bytes().all(is_user)) {
            return Err(UriFault::User);
        }
        let bracket = place.rfind(']').unwrap_or(0);
        let (host, port) = match place.get(bracket..).and_then(|end| end.find(':')) {
            Some(colon) => (place.get(..bracket + colon), place.get(bracket + colon + 1..)),
            None => (Some(place), None),
        };
        let host = host.and_then(|host| Host::parse(&text.slice_of(host))).ok_or(UriFault::Host)?;
        let port = port.map(|port| number(port).ok_or(UriFault::Port)).transpose()?;
        let (transport, others) = params.split_at(params.find(';').unwrap_or(params.len()));
        if transport.is_empty() || !transport.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(UriFault::Transport);
        }
        if !others.split(';').skip(1).all(is_parameter) {
            return Err(UriFault::Parameter);
        }
        let part = |part: &str| text.slice_of(part);
        let (user, session) = (user.map(part), session.map(part));
        Ok(Self { secure, user, host, port, session, transport: part(transport), params: part(others) })
    }

    /// The port to connect to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(Self::PORT)
    }

    /// Whether both lead to the same place, whatever their sessions.
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        let place = |uri: &Self| (uri.secure, uri.host.clone(), uri.port());
        place(self) == place(other)
    }

    /// A copy that does not keep the buffer of a frame alive.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self {
            secure: self.secure,
            user: self.user.as_ref().map(Text::detached),
            host: self.host.detached(),
            port: self.port,
            session: self.session.as_ref().map(Text::detached),
            transport: self.transport.detached(),
            params: self.params.detached(),
        }
    }
}

fn number(port: &str) -> Option<u16> {
    if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) { port.parse().ok() } else { None }
}

/// Also what RFC 3986 lets stand in a path, which peers use.
const fn is_session(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'=' | b'/' | b'%' | b'@' | b':')
}

const fn is_user(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'/' | b'?' | b'#' | b'[' | b']' | b'@' | b'"' | b'<' | b'>' | b'\\')
}

fn is_parameter(param: &str) -> bool {
    let is_token = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]".contains(&byte))
    };
    match param.split_once('=') {
        Some((name, value)) => is_token(name) && is_token(value),
        None => is_token(param),
    }
}

impl PartialEq for MsrpUri {
    fn eq(&self, other: &Self) -> bool {
        self.secure == other.secure
            && self.host == other.host
            && self.port == other.port
            && self.session == other.session
            && self.transport.eq_ignore_ascii_case(&other.transport)
    }
}

impl Eq for MsrpUri {}

impl fmt::Display for MsrpUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.secure { "msrps://" } else { "msrp://" })?;
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        write!(f, "{}", self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        if let Some(session) = &self.session {
            write!(f, "/{session}")?;
        }
        write!(f, ";{}{}", self.transport, self.params)
    }
}

impl std::str::FromStr for MsrpUri {
    type Err = UriFault;

    fn from_str(text: &str) -> Result<Self, UriFault> {
        Self::parse(&Text::from(text))
    }
}

/// URIs, one after the other: To-Path, From-Path, Use-Path, and the attribute `path` of SDP. There is at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    first: MsrpUri,
    rest: Vec<MsrpUri>,
}

impl Path {
    /// A path of one URI.
    #[must_use]
    pub const fn of(uri: MsrpUri) -> Self {
        Self { first: uri, rest: Vec::new() }
    }

    /// Reads URIs with spaces between them.
    ///
    /// # Errors
    /// When one of them does not read, there is none, or there are too many.
    pub fn parse(text: &Text) -> Result<Self, UriFault> {
        let mut uris = text.split(' ').filter(|uri| !uri.is_empty()).map(|uri| MsrpUri::parse(&text.slice_of(uri)));
        let first = uris.next().ok_or(UriFault::Count)??;
        let mut rest = Vec::new();
        for uri in uris {
            if rest.len() + 1 >= LONGEST_PATH {
                return Err(UriFault::Count);
            }
            rest.push(uri?);
        }
        Ok(Self { first, rest })
    }

    /// The next hop.
    #[must_use]
    pub const fn first(&self) -> &MsrpUri {
        &self.first
    }

    /// The far end.
    #[must_use]
    pub fn last(&self) -> &MsrpUri {
        self.rest.last().unwrap_or(&self.first)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &MsrpUri> {
        std::iter::once(&self.first).chain(&self.rest)
    }

    /// Whether there is one only.
    #[must_use]
    pub const fn is_direct(&self) -> bool {
        self.rest.is_empty()
    }

    /// This path and `other` behind it.
    #[must_use]
    pub fn then(&self, other: &Self) -> Self {
        let mut path = self.clone();
        path.rest.extend(other.iter().cloned());
        path
    }

    /// The same URIs, the last one in front.
    #[must_use]
    pub fn reversed(&self) -> Self {
        let mut uris: Vec<MsrpUri> = self.iter().cloned().collect();
        let first = uris.pop().unwrap_or_else(|| self.first.clone());
        uris.reverse();
        Self { first, rest: uris }
    }

    /// A copy that does not keep the buffer of a frame alive.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self { first: self.first.detached(), rest: self.rest.iter().map(MsrpUri::detached).collect() }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        self.rest.iter().try_for_each(|uri| write!(f, " {uri}"))
    }
}

impl std::str::FromStr for Path {
    type Err = UriFault;

    fn from_str(text: &str) -> Result<Self, UriFault> {
        Self::parse(&Text::from(text))
    }
}

macro_rules! as_text {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(&Text::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

as_text!(MsrpUri);
as_text!(Path);
