//! Header fields that hold text for humans (RFC 3261 sections 20.25, 20.35, 20.36, 20.41).

use std::fmt;

use super::Header;
use crate::sip::grammar::{self, TEXT};
use crate::sip::{Cursor, HeaderError, HeaderName, Text};

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(pub Text);

        impl Header for $name {
            const NAME: HeaderName = HeaderName::$name;

            fn read(cursor: &mut Cursor<'_>) -> Result<Self, HeaderError> {
                cursor.all().map(Self)
            }

            fn is_sound(&self) -> bool {
                let text = self.0.as_str();
                text.trim_matches([' ', '\t']) == text && (text.is_empty() || grammar::all(text.as_bytes(), TEXT))
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(Text::from(text))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

texts! {
    /// What the call is about (RFC 3261 section 20.36).
    Subject;
    /// Where the sender belongs (RFC 3261 section 20.25).
    Organization;
    /// The software that answers (RFC 3261 section 20.35).
    Server;
    /// The software that asks (RFC 3261 section 20.41).
    UserAgent;
}
