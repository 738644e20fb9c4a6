//! Header fields that hold a token with parameters (RFC 3261 sections 20.2, 20.3, 20.11; RFC 3326, 3841, 4488, 5373, 6442, 6665, 7433).

use std::fmt;
use std::ops::{Deref, DerefMut};

use super::Header;
use crate::sip::cursor;
use crate::sip::grammar::{self, TOKEN};
use crate::sip::{Cursor, HeaderError, HeaderName, Params, Text};

/// A token with parameters, such as `terminated;reason=timeout`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The token. Compared with its case here; [`is`](Self::is) does not.
    pub value: Text,
    /// The parameters.
    pub params: Params,
}

impl Item {
    /// A token without parameters.
    #[must_use]
    pub fn new(value: &str) -> Self {
        Self { value: Text::from(value), params: Params::new() }
    }

    /// The same with this parameter.
    #[must_use]
    pub fn with_param(mut self, name: &str, value: Option<&str>) -> Self {
        self.params.set(name, value);
        self
    }

    /// Whether the token is `token`, in any case.
    #[must_use]
    pub fn is(&self, token: &str) -> bool {
        self.value.as_bytes().eq_ignore_ascii_case(token.as_bytes())
    }

    /// A copy that does not keep the buffer of a message alive.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self { value: self.value.detached(), params: self.params.detached() }
    }

    fn read(cursor: &mut Cursor<'_>) -> Result<Self, HeaderError> {
        cursor.space();
        let value = cursor.some(TOKEN, "a token")?;
        let params = Params::parse(cursor)?;
        Ok(Self { value, params })
    }

    fn is_sound(&self) -> bool {
        grammar::all(self.value.as_bytes(), TOKEN) && self.params.is_sound()
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.value)?;
        self.params.fmt(f)
    }
}

macro_rules! items {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(pub Item);

        impl Header for $name {
            const NAME: HeaderName = HeaderName::$name;

            fn read(cursor: &mut Cursor<'_>) -> Result<Self, HeaderError> {
                Item::read(cursor).map(Self)
            }

            fn is_sound(&self) -> bool {
                self.0.is_sound()
            }
        }

        impl Deref for $name {
            type Target = Item;

            fn deref(&self) -> &Item {
                &self.0
            }
        }

        impl DerefMut for $name {
            fn deref_mut(&mut self) -> &mut Item {
                &mut self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

items! {
    /// What the body is for: `session`, `render`, `icon` … (RFC 3261 section 20.11).
    ContentDisposition;
    /// An encoding that is accepted, or `*` (RFC 3261 section 20.2).
    AcceptEncoding;
    /// A language that is accepted, or `*` (RFC 3261 section 20.3).
    AcceptLanguage;
    /// The event package and the subscription's id (RFC 6665 section 8.2.1).
    Event;
    /// What has become of the subscription (RFC 6665 section 8.2.3).
    SubscriptionState;
    /// Why a request was sent or a response given (RFC 3326).
    Reason;
    /// Whether the call is to be answered by itself: `Manual` or `Auto` (RFC 5373).
    AnswerMode;
    /// The same, asked for by one who may (RFC 5373).
    PrivAnswerMode;
    /// Features that a contact should have; always `*` (RFC 3841 section 9.2).
    AcceptContact;
    /// Features that a contact must not have; always `*` (RFC 3841 section 9.2).
    RejectContact;
    /// Whether a REFER makes a subscription: `true` or `false` (RFC 4488).
    ReferSub;
    /// What is wrong with the location (RFC 6442 section 4.3).
    GeolocationError;
}

impl ContentDisposition {
    /// Whether a body that is not understood may be ignored: `handling=optional` (RFC 3261 section 20.11).
    #[must_use]
    pub fn is_optional(&self) -> bool {
        self.params.value("handling").is_some_and(|handling| handling.eq_ignore_ascii_case("optional"))
    }
}

impl Event {
    /// The parameter `id`, which tells subscriptions to one package in one dialog apart.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.params.value("id")
    }

    /// Whether both name the same subscription: the package with its case, and the id (RFC 6665 section 8.2.1).
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self.value == other.value && self.id() == other.id()
    }
}

impl SubscriptionState {
    /// The parameter `expires` in seconds.
    #[must_use]
    pub fn expires(&self) -> Option<u32> {
        self.params.seconds("expires")
    }

    /// The parameter `reason`: why it was terminated.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.params.value("reason")
    }

    /// The parameter `retry-after` in seconds.
    #[must_use]
    pub fn retry_after(&self) -> Option<u32> {
        self.params.seconds("retry-after")
    }
}

impl Reason {
    /// A cause of `protocol`: `SIP` with a status code, `Q.850` with a cause; and text for humans.
    #[must_use]
    pub fn new(protocol: &str, cause: u16, text: Option<&str>) -> Self {
        let mut item = Item::new(protocol).with_param("cause", Some(&cause.to_string()));
        if let Some(text) = text {
            // The grammar wants quotes even around a token.
            let mut param = String::from(";text=");
            // Writing to a string cannot fail.
            let _ = cursor::quote(text, &mut param);
            item.params.replace("text", &param);
        }
        Self(item)
    }

    /// The parameter `cause`.
    #[must_use]
    pub fn cause(&self) -> Option<u16> {
        self.params.number("cause")
    }

    /// The parameter `text`.
    #[must_use]
    pub fn text(&self) -> Option<Text> {
        self.params.get("text").flatten()
    }
}

/// Data of the users for each other, opaque to SIP (RFC 7433).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserToUser {
    /// The data, without quotes.
    pub data: Text,
    /// The parameters `purpose`, `content`, `encoding` and others.
    pub params: Params,
}

impl Header for UserToUser {
    const NAME: HeaderName = HeaderName::UserToUser;

    fn read(cursor: &mut Cursor<'_>) -> Result<Self, HeaderError> {
        cursor.space();
        let data = if cursor.peek() == Some(b'"') {
            let quoted = cursor.quoted()?;
            cursor::unquoted(&cursor.slice(quoted))
        } else {
            cursor.some(TOKEN, "a token or a quoted string")?
        };
        let params = Params::parse(cursor)?;
        Ok(Self { data, params })
    }

    fn is_sound(&self) -> bool {
        cursor::is_quotable(&self.data) && self.params.is_sound()
    }
}

impl fmt::Display for UserToUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if grammar::all(self.data.as_bytes(), TOKEN) {
            f.write_str(&self.data)?;
        } else {
            cursor::quote(&self.data, f)?;
        }
        self.params.fmt(f)
    }
}
