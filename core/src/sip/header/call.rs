//! Header fields that name a call or a dialog by its Call-ID (RFC 3261 sections 20.8, 20.21; RFC 3891, 3911, 4538).

use std::fmt;

use super::Header;
use crate::sip::grammar::{self, WORD};
use crate::sip::{Cursor, HeaderError, HeaderName, Text};

macro_rules! call_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Text);

        impl Header for $name {
            const NAME: HeaderName = HeaderName::$name;

            fn read(cursor: &mut Cursor<'_>) -> Result<Self, HeaderError> {
                cursor.space();
                let text = cursor.some(WORD, "a Call-ID")?;
                cursor.end()?;
                Ok(Self(text))
            }

            fn is_sound(&self) -> bool {
                grammar::all(self.0.as_bytes(), WORD)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

call_ids! {
    /// The call a message belongs to (RFC 3261 section 20.8); compared with its case.
    CallId;
    /// A call that this one returns (RFC 3261 section 20.21).
    InReplyTo;
}
