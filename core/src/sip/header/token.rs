//! Header fields that hold a token, or a list of them (RFC 3261 sections 20.5, 20.12, 20.13, 20.24, 20.26, 20.29, 20.32, 20.37, 20.40;
//! RFC 3841, 3903, 5839, 6442, 6665), and Allow, which lists methods.

use std::fmt;

use super::Header;
use crate::sip::grammar::{self, TOKEN};
use crate::sip::{Cursor, HeaderError, HeaderName, Method, Text};

macro_rules! tokens {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(pub Text);

        impl $name {
            /// Whether it is `token`, in any case.
            #[must_use]
            pub fn is(&self, token: &str) -> bool {
                self.0.as_bytes().eq_ignore_ascii_case(token.as_bytes())
            }
        }

        impl Header for $name {
            const NAME: HeaderName = HeaderName::$name;

            fn read(cursor: &mut Cursor<'_>) -> Result<Self, HeaderError> {
                cursor.space();
                let token = cursor.some(TOKEN, "a token")?;
                cursor.end()?;
                Ok(Self(token))
            }

            fn is_sound(&self) -> bool {
                grammar::all(self.0.as_bytes(), TOKEN)
            }
        }

        impl From<&str> for $name {
            fn from(token: &str) -> Self {
                Self(Text::from(token))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

tokens! {
    /// An extension that the sender understands (RFC 3261 section 20.37).
    Supported;
    /// An extension that the receiver must understand (RFC 3261 section 20.32).
    Require;
    /// An extension that proxies must understand (RFC 3261 section 20.29).
    ProxyRequire;
    /// An extension that was required and is not understood (RFC 3261 section 20.40).
    Unsupported;
    /// An event package that the sender understands (RFC 6665 section 8.2.2).
    AllowEvents;
    /// How the body was encoded (RFC 3261 section 20.12).
    ContentEncoding;
    /// A language of the body (RFC 3261 section 20.13).
    ContentLanguage;
    /// How proxies are to treat the request (RFC 3841 section 9.1).
    RequestDisposition;
    /// The version of published state (RFC 3903 section 11.3.1).
    SipEtag;
    /// The version of published state that a request refers to (RFC 3903 section 11.3.2).
    SipIfMatch;
    /// The version that needs no notification, or `*` (RFC 5839 section 4).
    SuppressIfMatch;
    /// How urgent the request is (RFC 3261 section 20.26).
    Priority;
    /// The version of MIME, `1.0` (RFC 3261 section 20.24).
    MimeVersion;
    /// Whether proxies may route by the location: `yes` or `no` (RFC 6442 section 4.2).
    GeolocationRouting;
}

/// A method that the sender understands (RFC 3261 section 20.5).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Allow(pub Method);

impl Header for Allow {
    const NAME: HeaderName = HeaderName::Allow;

    fn read(cursor: &mut Cursor<'_>) -> Result<Self, HeaderError> {
        cursor.space();
        let method = cursor.run(TOKEN);
        if method.is_empty() {
            return Err(cursor.expected("a method"));
        }
        cursor.end()?;
        Ok(Self(cursor.method(method)))
    }

    fn is_sound(&self) -> bool {
        self.0.is_sound()
    }
}

impl fmt::Display for Allow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What is to be kept private (RFC 3323 section 4.2), such as `id;critical`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Privacy(pub Vec<Text>);

impl Privacy {
    /// Whether `value` is asked for, in any case.
    #[must_use]
    pub fn has(&self, value: &str) -> bool {
        self.0.iter().any(|own| own.as_bytes().eq_ignore_ascii_case(value.as_bytes()))
    }
}

impl Header for Privacy {
    const NAME: HeaderName = HeaderName::Privacy;

    fn read(cursor: &mut Cursor<'_>) -> Result<Self, HeaderError> {
        cursor.space();
        let mut values = vec![cursor.some(TOKEN, "a token")?];
        while cursor.separator(b';') {
            values.push(cursor.some(TOKEN, "a token")?);
        }
        cursor.end()?;
        Ok(Self(values))
    }

    fn is_sound(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|value| grammar::all(value.as_bytes(), TOKEN))
    }
}

impl fmt::Display for Privacy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, value) in self.0.iter().enumerate() {
            f.write_str(if at > 0 { ";" } else { "" })?;
            f.write_str(value)?;
        }
        Ok(())
    }
}
