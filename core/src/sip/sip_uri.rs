//! `sip:` and `sips:` URIs (RFC 3261 section 19.1).

use std::fmt;
use std::ops::Range;

use memchr::{memchr, memchr2, memchr3};

use super::cursor;
use super::escape;
use super::grammar::{self, DIGIT, EMBEDDED, PARAM, PASSWORD, USER};
use super::{HeaderName, Host, Params, Text, UriError, UriFault};

/// A `sip:` or `sips:` URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SipUri {
    /// `sips`: every hop is to be secured.
    pub secure: bool,
    /// The user with its escapes, as it is written. What an application gives goes through [`SipUri::new`] or
    /// [`escape_user`](SipUri::escape_user).
    pub user: Option<Text>,
    /// The password with its escapes; deprecated by the RFC.
    pub password: Option<Text>,
    /// The host.
    pub host: Host,
    /// The port; none when it is not written, which is not the same as the default port.
    pub port: Option<u16>,
    /// The parameters, such as `;transport=tcp;lr`, with their escapes.
    pub params: Params,
    /// The headers after the question mark with their escapes: `Subject=hi&Priority=urgent`. Empty when there are none.
    pub headers: Text,
}

impl SipUri {
    /// A `sip:` URI; the user is escaped where it must be.
    #[must_use]
    pub fn new(user: Option<&str>, host: Host, port: Option<u16>) -> Self {
        Self {
            secure: false,
            user: user.map(Self::escape_user),
            password: None,
            host,
            port,
            params: Params::new(),
            headers: Text::new(),
        }
    }

    /// A user with everything escaped that may not stand in one plainly.
    #[must_use]
    pub fn escape_user(user: &str) -> Text {
        Text::from(escape::escaped(user, USER))
    }

    /// Reads what follows the scheme, at `range` of `text`.
    pub(crate) fn at(text: &Text, range: Range<usize>, secure: bool) -> Result<Self, UriError> {
        let bytes = text.as_bytes();
        let part = |range: Range<usize>| bytes.get(range).unwrap_or_default();
        let error = |at: usize, fault: UriFault| Err(UriError { at, fault });
        if range.is_empty() {
            return error(range.start, UriFault::Empty);
        }
        let mut at = range.start;
        let (mut user, mut password) = (None, None);
        // No part but the one before it may hold an `@`.
        if let Some(len) = memchr(b'@', part(range.clone())) {
            let userinfo = at..at + len;
            let user_end = memchr(b':', part(userinfo.clone())).map_or(userinfo.end, |len| at + len);
            if user_end == at {
                return error(at, UriFault::User);
            }
            if let Err(bad) = grammar::escaped(part(at..user_end), USER) {
                return error(at + bad, UriFault::User);
            }
            user = Some(text.sub(at..user_end));
            if user_end < userinfo.end {
                if let Err(bad) = grammar::escaped(part(user_end + 1..userinfo.end), PASSWORD) {
                    return error(user_end + 1 + bad, UriFault::Password);
                }
                password = Some(text.sub(user_end + 1..userinfo.end));
            }
            at = userinfo.end + 1;
        }
        let host_end = match bytes.get(at) {
            Some(b'[') => memchr(b']', part(at..range.end)).map_or(range.end, |len| at + len + 1),
            _ => memchr3(b':', b';', b'?', part(at..range.end)).map_or(range.end, |len| at + len),
        };
        let Some(host) = Host::at(text, at..host_end) else { return error(at, UriFault::Host) };
        at = host_end;
        let mut port = None;
        if bytes.get(at) == Some(&b':') && at < range.end {
            let end = memchr2(b';', b'?', part(at..range.end)).map_or(range.end, |len| at + len);
            port = read_port(part(at + 1..end));
            if port.is_none() {
                return error(at + 1, UriFault::Port);
            }
            at = end;
        }
        let params_end = memchr(b'?', part(at..range.end)).map_or(range.end, |len| at + len);
        if let Err(bad) = check_params(part(at..params_end)) {
            return error(at + bad, if bytes.get(at) == Some(&b';') { UriFault::Parameter } else { UriFault::Host });
        }
        let params = Params::checked(text.sub(at..params_end));
        let mut headers = Text::new();
        if params_end < range.end {
            if let Err(bad) = check_headers(part(params_end + 1..range.end)) {
                return error(params_end + 1 + bad, UriFault::Header);
            }
            headers = text.sub(params_end + 1..range.end);
        }
        Ok(Self { secure, user, password, host, port, params, headers })
    }

    /// The user without its escapes. It may hold any character, NUL and line ends too; none when the escapes are not UTF-8.
    #[must_use]
    pub fn user_unescaped(&self) -> Option<String> {
        escape::unescaped(self.user.as_ref()?)
    }

    /// The value of the parameter `name`, as it is written. Names that hold escapes are understood.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<Option<Text>> {
        self.params.get(name).or_else(|| {
            memchr(b'%', self.params.as_str().as_bytes())?;
            self.params.iter().find(|(found, _)| escape::matches(found, name)).map(|(_, value)| value)
        })
    }

    /// The parameter `transport`, such as `tcp`.
    #[must_use]
    pub fn transport(&self) -> Option<&str> {
        self.params.value("transport")
    }

    /// Whether it has the parameter `lr`: a proxy that routes loosely (RFC 3261 section 16.12).
    #[must_use]
    pub fn is_loose_router(&self) -> bool {
        self.param("lr").is_some()
    }

    /// The parameter `maddr`: the address to send to instead of the host.
    #[must_use]
    pub fn maddr(&self) -> Option<Host> {
        let value = self.params.get("maddr")??;
        Host::parse(&value).or_else(|| value.parse().ok().map(Host::V6))
    }

    /// The parameter `method`.
    #[must_use]
    pub fn method(&self) -> Option<&str> {
        self.params.value("method")
    }

    /// The same with a parameter; name and value are escaped where they must be.
    #[must_use]
    pub fn with_param(mut self, name: &str, value: Option<&str>) -> Self {
        let name = escape::escaped(name, PARAM);
        let value = value.map(|value| format!("={}", escape::escaped(value, PARAM))).unwrap_or_default();
        self.params.replace(&name, &format!(";{name}{value}"));
        self
    }

    /// The headers after the question mark, without their escapes: which field, its name, its value. A header that is not UTF-8 is left out.
    pub fn embedded(&self) -> impl Iterator<Item = (HeaderName, String, String)> {
        self.headers.split('&').filter_map(|header| {
            let (name, value) = header.split_once('=')?;
            let (name, value) = (escape::unescaped(name)?, escape::unescaped(value)?);
            Some((HeaderName::of(name.as_bytes()), name, value))
        })
    }

    /// The same as it may stand in a request line: without headers and without `method` (RFC 3261 section 19.1.1, table 1).
    #[must_use]
    pub fn as_request_uri(&self) -> Self {
        let mut uri = self.clone();
        uri.headers = Text::new();
        uri.params.remove("method");
        uri
    }

    /// Whether both mean the same (RFC 3261 section 19.1.4).
    #[must_use]
    pub fn equivalent(&self, other: &Self) -> bool {
        let same = |a: &Option<Text>, b: &Option<Text>| match (a, b) {
            (Some(a), Some(b)) => escape::normal(a) == escape::normal(b),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        self.secure == other.secure
            && self.host == other.host
            && self.port == other.port
            && same(&self.user, &other.user)
            && same(&self.password, &other.password)
            && self.params_match(other)
            && Self::headers_match(&self.headers, &other.headers)
    }

    /// A parameter that both have must have the same value; some must be in both or in none; the others are ignored.
    fn params_match(&self, other: &Self) -> bool {
        let sorted = |params: &Params| {
            let lower = |text: &str| escape::normal(text).to_ascii_lowercase();
            let mut sorted: Vec<(String, Option<String>)> =
                params.iter().map(|(name, value)| (lower(&name), value.map(|value| lower(&value)))).collect();
            sorted.sort();
            sorted
        };
        let needed = |name: &str| matches!(name, "transport" | "user" | "ttl" | "method" | "maddr");
        let (own, others) = (sorted(&self.params), sorted(&other.params));
        let value = |params: &[(String, Option<String>)], name: &str| {
            let at = params.partition_point(|(found, _)| found.as_str() < name);
            params.get(at).filter(|(found, _)| found == name).map(|(_, value)| value.clone())
        };
        let fits = |params: &[(String, Option<String>)], others: &[(String, Option<String>)]| {
            params.iter().all(|(name, own)| value(others, name).map_or_else(|| !needed(name), |other| other == *own))
        };
        fits(&own, &others) && fits(&others, &own)
    }

    /// Headers are never ignored: both must have the same, in any order. Values are compared in any case.
    fn headers_match(own: &str, others: &str) -> bool {
        let sorted = |headers: &str| {
            let mut sorted: Vec<String> =
                headers.split('&').map(|header| escape::normal(header).to_ascii_lowercase()).collect();
            sorted.sort();
            sorted
        };
        own == others || sorted(own) == sorted(others)
    }

    /// A copy that does not keep the buffer of a message alive.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self {
            secure: self.secure,
            user: self.user.as_ref().map(Text::detached),
            password: self.password.as_ref().map(Text::detached),
            host: self.host.detached(),
            port: self.port,
            params: self.params.detached(),
            headers: self.headers.detached(),
        }
    }

    /// Whether it reads back as itself.
    pub(crate) fn is_sound(&self) -> bool {
        let fits = |text: &Option<Text>, classes| {
            text.as_ref().is_none_or(|text| grammar::escaped(text.as_bytes(), classes).is_ok())
        };
        self.host.is_sound()
            && fits(&self.user, USER)
            && self.user.as_ref().is_none_or(|user| !user.is_empty())
            && fits(&self.password, PASSWORD)
            && (self.password.is_none() || self.user.is_some())
            && check_params(self.params.as_str().as_bytes()).is_ok()
            && (self.headers.is_empty() || check_headers(self.headers.as_bytes()).is_ok())
    }
}

/// One to five digits up to 65535.
fn read_port(digits: &[u8]) -> Option<u16> {
    if !grammar::all(digits, DIGIT) {
        return None;
    }
    cursor::number(digits, u64::from(u16::MAX)).and_then(|port| u16::try_from(port).ok())
}

/// Checks `*( ";" pname [ "=" pvalue ] )`; gives the offset of what is wrong.
pub(crate) fn check_params(bytes: &[u8]) -> Result<(), usize> {
    if bytes.is_empty() {
        return Ok(());
    }
    let mut at = 0;
    for param in bytes.strip_prefix(b";").ok_or(0_usize)?.split(|byte| *byte == b';') {
        at += 1;
        let name_len = memchr(b'=', param).unwrap_or(param.len());
        let (name, value) = param.split_at_checked(name_len).unwrap_or_default();
        if name.is_empty() || value.len() == 1 {
            return Err(at + param.len());
        }
        grammar::escaped(name, PARAM).map_err(|bad| at + bad)?;
        if let Some(value) = value.get(1..) {
            grammar::escaped(value, PARAM).map_err(|bad| at + name_len + 1 + bad)?;
        }
        at += param.len();
    }
    Ok(())
}

/// Checks `hname "=" hvalue *( "&" hname "=" hvalue )`; gives the offset of what is wrong.
fn check_headers(bytes: &[u8]) -> Result<(), usize> {
    let mut at = 0;
    for header in bytes.split(|byte| *byte == b'&') {
        let name_len = memchr(b'=', header).unwrap_or(0);
        if name_len == 0 {
            return Err(at);
        }
        let (name, value) = header.split_at_checked(name_len).unwrap_or_default();
        grammar::escaped(name, EMBEDDED).map_err(|bad| at + bad)?;
        grammar::escaped(value.get(1..).unwrap_or_default(), EMBEDDED).map_err(|bad| at + name_len + 1 + bad)?;
        at += header.len() + 1;
    }
    Ok(())
}

impl fmt::Display for SipUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.secure { "sips:" } else { "sip:" })?;
        if let Some(user) = &self.user {
            f.write_str(user)?;
            if let Some(password) = &self.password {
                f.write_str(":")?;
                f.write_str(password)?;
            }
            f.write_str("@")?;
        }
        self.host.fmt(f)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        self.params.fmt(f)?;
        if !self.headers.is_empty() {
            f.write_str("?")?;
            f.write_str(&self.headers)?;
        }
        Ok(())
    }
}
