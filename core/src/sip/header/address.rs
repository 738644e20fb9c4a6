//! Header fields that hold a [`NameAddr`] (RFC 3261 sections 20.10, 20.20, 20.30, 20.31, 20.34, 20.39; RFC 3325, 3327, 3515, 3608, 3892).

use std::fmt;
use std::ops::{Deref, DerefMut};

use super::Header;
use crate::sip::{Cursor, HeaderError, HeaderName, NameAddr};

macro_rules! addresses {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(pub NameAddr);

        impl Header for $name {
            const NAME: HeaderName = HeaderName::$name;

            #[inline]
            fn read(cursor: &mut Cursor<'_>) -> Result<Self, HeaderError> {
                NameAddr::read(cursor).map(Self)
            }

            fn is_sound(&self) -> bool {
                self.0.is_sound()
            }
        }

        impl Deref for $name {
            type Target = NameAddr;

            fn deref(&self) -> &NameAddr {
                &self.0
            }
        }

        impl DerefMut for $name {
            fn deref_mut(&mut self) -> &mut NameAddr {
                &mut self.0
            }
        }

        impl std::convert::From<NameAddr> for $name {
            fn from(address: NameAddr) -> Self {
                Self(address)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

addresses! {
    /// Who sends the request (RFC 3261 section 20.20).
    From;
    /// Whom the request is for (RFC 3261 section 20.39).
    To;
    /// A proxy that the request is to visit (RFC 3261 section 20.34).
    Route;
    /// A proxy that stays in the path of the dialog (RFC 3261 section 20.30).
    RecordRoute;
    /// Where an answer by a human is to go (RFC 3261 section 20.31).
    ReplyTo;
    /// Whom to contact (RFC 3515).
    ReferTo;
    /// Who asked for it (RFC 3892).
    ReferredBy;
    /// The identity that a trusted proxy vouches for (RFC 3325).
    PAssertedIdentity;
    /// The identity that the user wants to have vouched for (RFC 3325).
    PPreferredIdentity;
    /// A proxy between the registrar and the user (RFC 3327).
    Path;
    /// A proxy to visit for requests to the home domain (RFC 3608).
    ServiceRoute;
    /// One step in the request's history (RFC 7044): a URI and its `index`.
    HistoryInfo;
    /// Where the user is, or where to ask (RFC 6442 section 4.1).
    Geolocation;
    /// Another ringing tone (RFC 3261 section 20.4).
    AlertInfo;
    /// More about the caller or the callee (RFC 3261 section 20.9), told apart by the parameter `purpose`.
    CallInfo;
    /// More about an error (RFC 3261 section 20.18).
    ErrorInfo;
}

/// Where a user agent can be reached (RFC 3261 section 20.10).
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every Contact is an address; a box would cost an allocation each"
)]
pub enum Contact {
    /// `*`: every binding, in a REGISTER that removes them.
    Star,
    /// An address.
    Address(NameAddr),
}

impl Contact {
    /// The address; none for `*`.
    #[must_use]
    pub const fn address(&self) -> Option<&NameAddr> {
        match self {
            Self::Star => None,
            Self::Address(address) => Some(address),
        }
    }

    /// The parameter `expires` in seconds; one that is too large counts as the largest, none when it is malformed.
    #[must_use]
    pub fn expires(&self) -> Option<u32> {
        self.address()?.params.seconds("expires")
    }

    /// The parameter `q` in thousandths: 1000 when it is absent or malformed.
    #[must_use]
    pub fn q(&self) -> u16 {
        self.address()
            .and_then(|address| address.params.value("q"))
            .and_then(super::number::thousandths)
            .unwrap_or(1000)
    }
}

impl Header for Contact {
    const NAME: HeaderName = HeaderName::Contact;

    fn read(cursor: &mut Cursor<'_>) -> Result<Self, HeaderError> {
        cursor.space();
        if cursor.rest() == b"*" {
            return Ok(Self::Star);
        }
        NameAddr::read(cursor).map(Self::Address)
    }

    fn is_sound(&self) -> bool {
        self.address().is_none_or(NameAddr::is_sound)
    }
}

impl std::convert::From<NameAddr> for Contact {
    fn from(address: NameAddr) -> Self {
        Self::Address(address)
    }
}

impl fmt::Display for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Star => f.write_str("*"),
            Self::Address(address) => address.fmt(f),
        }
    }
}
