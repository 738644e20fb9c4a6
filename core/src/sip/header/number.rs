//! Header fields that hold one number (RFC 3261 sections 20.19, 20.22, 20.23; RFC 3262, 5393, 5626).

use std::fmt;

use super::Header;
use crate::sip::{Cursor, HeaderError, HeaderName};

macro_rules! seconds {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(pub u32);

        impl Header for $name {
            const NAME: HeaderName = HeaderName::$name;

            fn read(cursor: &mut Cursor<'_>) -> Result<Self, HeaderError> {
                cursor.space();
                let number = cursor.saturating()?;
                cursor.end()?;
                Ok(Self(number))
            }

            fn is_sound(&self) -> bool {
                true
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

seconds! {
    /// For how many seconds something is valid (RFC 3261 section 20.19). More than 32 bits counts as the largest.
    Expires;
    /// The shortest time in seconds that a server accepts (RFC 3261 section 20.23). More than 32 bits counts as the largest.
    MinExpires;
}

/// How many more hops a request may take (RFC 3261 section 20.22).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MaxForwards(pub u8);

impl Header for MaxForwards {
    const NAME: HeaderName = HeaderName::MaxForwards;

    fn read(cursor: &mut Cursor<'_>) -> Result<Self, HeaderError> {
        cursor.space();
        let number = cursor.number(u64::from(u8::MAX))?;
        cursor.end()?;
        Ok(Self(u8::try_from(number).unwrap_or_default()))
    }

    fn is_sound(&self) -> bool {
        true
    }
}

impl fmt::Display for MaxForwards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The thousandths of a `qvalue`: `0`, `1`, or either with up to three decimals, at most 1.
pub(crate) fn thousandths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let parts = decimals
        .bytes()
        .chain(std::iter::repeat(b'0'))
        .take(3)
        .fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    match (whole, parts) {
        ("0", parts) => Some(parts),
        ("1", 0) => Some(1000),
        _ => None,
    }
}
