//! `sip:` and `sips:` URIs (RFC 3261 section 19.1).

use std::fmt;

use memchr::memchr;

use super::cursor::Cursor;
use super::grammar::{EMBEDDED, PARAM, PASSWORD, USER};
use super::{HeaderName, Host, Params, Text, UriError, UriFault, escape};

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

    /// Takes what follows the scheme: as much as can belong to it.
    #[inline]
    pub(crate) fn read(cursor: &mut Cursor<'_>, secure: bool) -> Result<Self, UriError> {
        let start = cursor.at();
        let (user, password) = userinfo(cursor)?;
        let host_start = cursor.at();
        let Some(host) = Host::read(cursor) else {
            let fault = if host_start == start && cursor.is_done() { UriFault::Empty } else { UriFault::Host };
            return Err(UriError { at: cursor.at(), fault });
        };
        let port = match cursor.eat(b':') {
            true => Some(cursor.port().map_err(|error| UriError { at: error.at, fault: UriFault::Port })?),
            false => None,
        };
        let start = cursor.at();
        params(cursor)?;
        let params = Params::checked(cursor.slice(start..cursor.at()));
        let headers = if cursor.eat(b'?') { embedded(cursor)? } else { Text::new() };
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
    /// Few of them may be honoured: see [`HeaderName::may_be_embedded`].
    pub fn embedded(&self) -> impl Iterator<Item = (HeaderName, String, String)> {
        self.headers.split('&').filter_map(|header| {
            let (name, value) = header.split_once('=')?;
            let (name, value) = (escape::unescaped(name)?, escape::unescaped(value)?);
            Some((HeaderName::of(name.as_bytes()), name, value))
        })
    }

    /// The same asking for one more header; name and value are escaped where they must be.
    #[must_use]
    pub fn with_embedded(mut self, name: &str, value: &str) -> Self {
        let separator = if self.headers.is_empty() { "" } else { "&" };
        let (name, value) = (escape::escaped(name, EMBEDDED), escape::escaped(value, EMBEDDED));
        self.headers = Text::from(format!("{}{separator}{name}={value}", self.headers));
        self
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
        self.host.is_sound()
            && self.user.as_ref().is_none_or(|user| is_run(user, USER))
            && self
                .password
                .as_ref()
                .is_none_or(|password| self.user.is_some() && (password.is_empty() || is_run(password, PASSWORD)))
            && fits(self.params.text(), params)
            && (self.headers.is_empty() || fits(&self.headers, embedded))
    }
}

/// Takes `[ user [ ":" password ] "@" ]`. Only the `@` tells a user from a host with parameters, which may look alike up to there.
#[inline]
fn userinfo(cursor: &mut Cursor<'_>) -> Result<(Option<Text>, Option<Text>), UriError> {
    let start = cursor.at();
    let user = cursor.run_escaped(USER);
    let mut password = None;
    if cursor.eat(b':') {
        password = Some(cursor.run_escaped(PASSWORD));
    }
    if !cursor.eat(b'@') {
        cursor.go(start);
        return Ok((None, None));
    }
    if user.is_empty() {
        return Err(UriError { at: start, fault: UriFault::User });
    }
    Ok((Some(cursor.slice(user)), password.map(|password| cursor.slice(password))))
}

/// Takes `*( ";" pname [ "=" pvalue ] )`.
#[inline]
pub(crate) fn params(cursor: &mut Cursor<'_>) -> Result<(), UriError> {
    while cursor.eat(b';') {
        if cursor.run_escaped(PARAM).is_empty() || cursor.eat(b'=') && cursor.run_escaped(PARAM).is_empty() {
            return Err(UriError { at: cursor.at(), fault: UriFault::Parameter });
        }
    }
    Ok(())
}

/// Takes `hname "=" hvalue *( "&" hname "=" hvalue )`.
fn embedded(cursor: &mut Cursor<'_>) -> Result<Text, UriError> {
    let start = cursor.at();
    loop {
        if cursor.run_escaped(EMBEDDED).is_empty() || !cursor.eat(b'=') {
            return Err(UriError { at: cursor.at(), fault: UriFault::Header });
        }
        cursor.run_escaped(EMBEDDED);
        if !cursor.eat(b'&') {
            return Ok(cursor.slice(start..cursor.at()));
        }
    }
}

/// Whether `text` is one run of `class` and escapes, which is not empty.
fn is_run(text: &Text, class: u32) -> bool {
    let mut cursor = Cursor::new(text);
    !cursor.run_escaped(class).is_empty() && cursor.is_done()
}

/// Whether `read` takes all of `text` without a fault.
pub(crate) fn fits<T>(text: &Text, read: impl FnOnce(&mut Cursor<'_>) -> Result<T, UriError>) -> bool {
    let mut cursor = Cursor::new(text);
    read(&mut cursor).is_ok() && cursor.is_done()
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
