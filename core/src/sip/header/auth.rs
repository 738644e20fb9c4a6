//! Challenges and credentials (RFC 3261 sections 20.6, 20.7, 20.27, 20.28, 20.44; RFC 7616, 8760), taken apart. What a digest is computed of
//! is not known here.

use std::fmt;
use std::ops::Range;

use super::Header;
use crate::sip::cursor;
use crate::sip::grammar::{self, TOKEN, VALUE};
use crate::sip::{Cursor, HeaderError, HeaderName, Text};

/// `name=value` pairs separated by commas, in their order. Names are compared in any case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthParams(Text);

impl AuthParams {
    /// No parameters.
    #[must_use]
    pub const fn new() -> Self {
        Self(Text::new())
    }

    /// The value of `name` without its quotes.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Text> {
        self.walk().find(|(found, _)| self.is_named(found, name)).map(|(_, value)| self.plain(value))
    }

    /// Every parameter in its order, values without their quotes.
    pub fn iter(&self) -> impl Iterator<Item = (Text, Text)> {
        self.walk().map(|(name, value)| (self.0.sub(name), self.plain(value)))
    }

    /// Adds a parameter whose value stands in quotes.
    pub fn push_quoted(&mut self, name: &str, value: &str) {
        self.push(name, value, false);
    }

    /// Adds a parameter whose value is a token; another value is quoted.
    pub fn push_token(&mut self, name: &str, value: &str) {
        self.push(name, value, grammar::all(value.as_bytes(), TOKEN));
    }

    fn push(&mut self, name: &str, value: &str, plain: bool) {
        let mut text = String::from(self.0.as_str());
        if !text.is_empty() {
            text.push_str(", ");
        }
        // A name that is no token cannot be written: in quotes it makes the parameters unsound. Writing to a string cannot fail.
        if grammar::all(name.as_bytes(), TOKEN) {
            text.push_str(name);
        } else {
            let _ = cursor::quote(name, &mut text);
        }
        text.push('=');
        if plain {
            text.push_str(value);
        } else {
            let _ = cursor::quote(value, &mut text);
        }
        self.0 = Text::from(text);
    }

    fn read(cursor: &mut Cursor<'_>) -> Result<Self, HeaderError> {
        cursor.space();
        let start = cursor.at();
        loop {
            if cursor.run(TOKEN).is_empty() {
                return Err(cursor.expected("the name of a parameter"));
            }
            if !cursor.separator(b'=') {
                return Err(cursor.expected("an equals sign"));
            }
            if cursor.peek() == Some(b'"') {
                cursor.quoted()?;
            } else if cursor.long_run(VALUE).is_empty() {
                return Err(cursor.expected("the value of a parameter"));
            }
            let end = cursor.at();
            if !cursor.separator(b',') {
                cursor.end()?;
                return Ok(Self(cursor.slice(start..end)));
            }
        }
    }

    fn is_sound(&self) -> bool {
        Self::read(&mut Cursor::new(&self.0)).is_ok_and(|read| read == *self)
    }

    fn is_named(&self, found: &Range<usize>, name: &str) -> bool {
        self.0.as_bytes().get(found.clone()).is_some_and(|bytes| bytes.eq_ignore_ascii_case(name.as_bytes()))
    }

    fn plain(&self, value: Range<usize>) -> Text {
        let text = self.0.sub(value);
        if text.as_bytes().first() == Some(&b'"') { cursor::unquoted(&text) } else { text }
    }

    /// Walks over the text, which was checked before.
    fn walk(&self) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
        let mut cursor = Cursor::new(&self.0);
        std::iter::from_fn(move || {
            let name = cursor.run(TOKEN);
            if name.is_empty() || !cursor.separator(b'=') {
                return None;
            }
            let quoted = if cursor.peek() == Some(b'"') { cursor.quoted().ok() } else { None };
            let value = quoted.unwrap_or_else(|| cursor.long_run(VALUE));
            cursor.separator(b',');
            Some((name, value))
        })
    }
}

impl fmt::Display for AuthParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A scheme with its parameters: what a challenge and credentials have in common.
#[derive(Clone, PartialEq, Eq)]
pub struct Auth {
    /// The scheme, such as `Digest`; compared in any case by [`is_digest`](Self::is_digest).
    pub scheme: Text,
    /// The parameters.
    pub params: AuthParams,
}

impl Auth {
    /// The scheme `Digest` without parameters yet.
    #[must_use]
    pub const fn digest() -> Self {
        Self { scheme: Text::from_static("Digest"), params: AuthParams::new() }
    }

    /// Whether the scheme is `Digest`.
    #[must_use]
    pub fn is_digest(&self) -> bool {
        self.scheme.as_bytes().eq_ignore_ascii_case(b"Digest")
    }

    /// The parameter `realm`.
    #[must_use]
    pub fn realm(&self) -> Option<Text> {
        self.params.get("realm")
    }

    /// The parameter `nonce`.
    #[must_use]
    pub fn nonce(&self) -> Option<Text> {
        self.params.get("nonce")
    }

    /// The parameter `opaque`.
    #[must_use]
    pub fn opaque(&self) -> Option<Text> {
        self.params.get("opaque")
    }

    /// The parameter `algorithm`; MD5 is meant when it is absent.
    #[must_use]
    pub fn algorithm(&self) -> Option<Text> {
        self.params.get("algorithm")
    }

    /// The parameter `qop`: in a challenge a list such as `auth,auth-int`, in credentials one of it.
    #[must_use]
    pub fn qop(&self) -> Option<Text> {
        self.params.get("qop")
    }

    /// Whether a challenge offers this quality of protection.
    #[must_use]
    pub fn offers_qop(&self, qop: &str) -> bool {
        self.qop().is_some_and(|list| list.split(',').any(|offered| offered.trim().eq_ignore_ascii_case(qop)))
    }

    /// The parameter `stale` of a challenge: only the nonce was too old.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.params.get("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true"))
    }

    /// A copy that does not keep the buffer of a message alive.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self { scheme: self.scheme.detached(), params: AuthParams(self.params.0.detached()) }
    }

    fn read(cursor: &mut Cursor<'_>) -> Result<Self, HeaderError> {
        cursor.space();
        let scheme = cursor.some(TOKEN, "a scheme")?;
        let end = cursor.at();
        cursor.space();
        if cursor.at() == end {
            return Err(cursor.expected("white space after the scheme"));
        }
        let params = AuthParams::read(cursor)?;
        Ok(Self { scheme, params })
    }

    fn is_sound(&self) -> bool {
        grammar::all(self.scheme.as_bytes(), TOKEN) && self.params.is_sound()
    }
}

/// Only the scheme and the realm: credentials are not for logs.
impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth").field("scheme", &self.scheme).field("realm", &self.realm()).finish_non_exhaustive()
    }
}

impl fmt::Display for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.scheme, self.params)
    }
}

macro_rules! auths {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(pub Auth);

        impl Header for $name {
            const NAME: HeaderName = HeaderName::$name;

            fn read(cursor: &mut Cursor<'_>) -> Result<Self, HeaderError> {
                Auth::read(cursor).map(Self)
            }

            fn is_sound(&self) -> bool {
                self.0.is_sound()
            }
        }

        impl std::ops::Deref for $name {
            type Target = Auth;

            fn deref(&self) -> &Auth {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

auths! {
    /// A challenge of a user agent or a registrar (RFC 3261 section 20.44).
    WwwAuthenticate;
    /// A challenge of a proxy (RFC 3261 section 20.27).
    ProxyAuthenticate;
    /// Credentials for a user agent or a registrar (RFC 3261 section 20.7).
    Authorization;
    /// Credentials for a proxy (RFC 3261 section 20.28).
    ProxyAuthorization;
}

/// What the server says about credentials that it accepted (RFC 3261 section 20.6): `nextnonce`, `rspauth` and others.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthenticationInfo(pub AuthParams);

impl Header for AuthenticationInfo {
    const NAME: HeaderName = HeaderName::AuthenticationInfo;

    fn read(cursor: &mut Cursor<'_>) -> Result<Self, HeaderError> {
        AuthParams::read(cursor).map(Self)
    }

    fn is_sound(&self) -> bool {
        self.0.is_sound()
    }
}

/// Nothing of it: nonces are not for logs.
impl fmt::Debug for AuthenticationInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthenticationInfo(..)")
    }
}

impl fmt::Display for AuthenticationInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_taken_apart() {
        let text =
            r#"DIGEST realm="at\"lanta, x" ,nonce="84a4cc6f", algorithm=SHA-256,qop="auth, auth-int",STALE=TRUE,x=1="#;
        let challenge = WwwAuthenticate::parse(&Text::from(text)).unwrap();
        assert!(challenge.is_digest() && challenge.is_stale());
        assert_eq!(challenge.realm().unwrap(), "at\"lanta, x");
        assert_eq!(challenge.nonce().unwrap(), "84a4cc6f");
        assert_eq!(challenge.algorithm().unwrap(), "SHA-256");
        assert_eq!(challenge.opaque(), None);
        assert!(challenge.offers_qop("auth-int") && challenge.offers_qop("AUTH") && !challenge.offers_qop("aut"));
        assert_eq!(challenge.params.get("x").unwrap(), "1=");
        assert_eq!(challenge.params.iter().count(), 6);
        assert_eq!(WwwAuthenticate::parse(&Text::from(challenge.to_string())).unwrap(), challenge);
    }

    #[test]
    fn an_unknown_scheme_is_read_like_any() {
        let credentials = Authorization::parse(&Text::from("NoOneKnowsThisScheme opaque-data=here")).unwrap();
        assert!(!credentials.is_digest());
        assert_eq!(credentials.params.get("Opaque-Data").unwrap(), "here");
    }

    #[test]
    fn what_is_malformed_is_refused_at_its_byte() {
        for (text, at) in [
            ("", 0),
            ("Digest", 6),
            ("Digest ", 7),
            ("Digest realm", 12),
            ("Digest realm=", 13),
            ("Digest realm=\"x", 15),
            ("Digest realm=\"x\" nonce=y", 17),
            ("Digest realm=x,", 15),
            ("Digest realm=x,,nonce=y", 15),
            ("Digest=x", 6),
        ] {
            assert_eq!(ProxyAuthenticate::parse(&Text::from(text)).unwrap_err().at, at, "{text}");
        }
    }

    #[test]
    fn credentials_are_built_and_do_not_show() {
        let mut auth = Auth::digest();
        auth.params.push_quoted("username", "ali\"ce");
        auth.params.push_token("nc", "00000001");
        let credentials = Authorization(auth);
        assert_eq!(credentials.to_string(), "Digest username=\"ali\\\"ce\", nc=00000001");
        assert!(credentials.is_sound());
        assert!(!format!("{credentials:?}").contains("ali"));
        let mut evil = credentials.clone();
        evil.0.params.push_token("x", "1, nc=2");
        assert_eq!(evil.params.get("x").unwrap(), "1, nc=2");
        assert_eq!(evil.params.get("nc").unwrap(), "00000001");
        evil.0.params.push_token("y=1, z", "2");
        assert!(!evil.is_sound());
        let mut evil = credentials;
        evil.0.params.push_quoted("x", "1\r\nVia: y");
        assert!(!evil.is_sound());
    }
}
