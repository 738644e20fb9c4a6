//! Header fields that hold numbers (RFC 3261 sections 20.14, 20.19, 20.22, 20.23, 20.33; RFC 3262, 4028, 5393, 5626).

use std::fmt;

use super::Header;
use crate::sip::grammar::TOKEN;
use crate::sip::{Cursor, HeaderError, HeaderFault, HeaderName, Method, Params, Text};

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident($number:ty) $take:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(pub $number);

        impl Header for $name {
            const NAME: HeaderName = HeaderName::$name;

            fn read(cursor: &mut Cursor<'_>) -> Result<Self, HeaderError> {
                cursor.space();
                let number = $take(cursor)?;
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

numbers! {
    /// For how many seconds something is valid (RFC 3261 section 20.19). More than 32 bits counts as the largest number.
    Expires(u32) seconds;
    /// The shortest time in seconds that a server accepts (RFC 3261 section 20.23). More than 32 bits counts as the largest number.
    MinExpires(u32) seconds;
    /// For how many seconds the flow is kept open (RFC 5626 section 11.3). More than 32 bits counts as the largest number.
    FlowTimer(u32) seconds;
    /// How many more hops a request may take (RFC 3261 section 20.22).
    MaxForwards(u8) exact;
    /// How many branches a request may still be forked into (RFC 5393 section 5.3.3).
    MaxBreadth(u32) exact;
    /// The number of a reliable provisional response (RFC 3262 section 7.1).
    RSeq(u32) exact;
    /// The number of bytes of the body (RFC 3261 section 20.14).
    ContentLength(u32) exact;
}

fn seconds(cursor: &mut Cursor<'_>) -> Result<u32, HeaderError> {
    cursor.saturating()
}

/// A number that must fit.
fn exact<N: TryFrom<u64>>(cursor: &mut Cursor<'_>) -> Result<N, HeaderError> {
    let start = cursor.at();
    N::try_from(cursor.number(u64::MAX)?).map_err(|_| HeaderError::at(start, HeaderFault::OutOfRange))
}

/// White space that must be there.
fn gap(cursor: &mut Cursor<'_>) -> Result<(), HeaderError> {
    let start = cursor.at();
    cursor.space();
    if cursor.at() > start { Ok(()) } else { Err(cursor.expected("white space")) }
}

/// The reliable provisional response that a PRACK acknowledges (RFC 3262 section 7.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RAck {
    /// The response's RSeq.
    pub rseq: u32,
    /// The number of the response's CSeq.
    pub cseq: u32,
    /// The method of the response's CSeq.
    pub method: Method,
}

impl Header for RAck {
    const NAME: HeaderName = HeaderName::RAck;

    fn read(cursor: &mut Cursor<'_>) -> Result<Self, HeaderError> {
        cursor.space();
        let rseq = exact(cursor)?;
        gap(cursor)?;
        let cseq = exact(cursor)?;
        gap(cursor)?;
        let method = cursor.run(TOKEN);
        if method.is_empty() {
            return Err(cursor.expected("a method"));
        }
        cursor.end()?;
        Ok(Self { rseq, cseq, method: cursor.method(method) })
    }

    fn is_sound(&self) -> bool {
        self.method.is_sound()
    }
}

impl fmt::Display for RAck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.rseq, self.cseq, self.method)
    }
}

macro_rules! intervals {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            /// The interval in seconds. More than 32 bits counts as the largest number.
            pub seconds: u32,
            /// The parameters.
            pub params: Params,
        }

        impl $name {
            /// An interval without parameters.
            #[must_use]
            pub const fn new(seconds: u32) -> Self {
                Self { seconds, params: Params::new() }
            }
        }

        impl Header for $name {
            const NAME: HeaderName = HeaderName::$name;

            fn read(cursor: &mut Cursor<'_>) -> Result<Self, HeaderError> {
                cursor.space();
                let seconds = cursor.saturating()?;
                let params = Params::parse(cursor)?;
                Ok(Self { seconds, params })
            }

            fn is_sound(&self) -> bool {
                self.params.is_sound()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", self.seconds, self.params)
            }
        }
    )*};
}

intervals! {
    /// After how long a session ends that is not refreshed (RFC 4028 section 4).
    SessionExpires;
    /// The shortest such interval that is accepted (RFC 4028 section 5).
    MinSe;
}

/// Who refreshes a session (RFC 4028 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresher {
    /// The one who sent the request that carries it.
    Uac,
    /// The one who got it.
    Uas,
}

impl SessionExpires {
    /// The parameter `refresher`; none when it is absent or neither `uac` nor `uas`.
    #[must_use]
    pub fn refresher(&self) -> Option<Refresher> {
        match self.params.value("refresher")? {
            value if value.eq_ignore_ascii_case("uac") => Some(Refresher::Uac),
            value if value.eq_ignore_ascii_case("uas") => Some(Refresher::Uas),
            _ => None,
        }
    }

    /// The same with this refresher.
    #[must_use]
    pub fn with_refresher(mut self, refresher: Refresher) -> Self {
        let value = match refresher {
            Refresher::Uac => "uac",
            Refresher::Uas => "uas",
        };
        self.params.set("refresher", Some(value));
        self
    }
}

/// When to try again (RFC 3261 section 20.33).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryAfter {
    /// After how many seconds. More than 32 bits counts as the largest number.
    pub seconds: u32,
    /// Why, with the parentheses around it.
    pub comment: Option<Text>,
    /// The parameters.
    pub params: Params,
}

impl RetryAfter {
    /// Only the seconds.
    #[must_use]
    pub const fn new(seconds: u32) -> Self {
        Self { seconds, comment: None, params: Params::new() }
    }

    /// For how many seconds the callee can be reached then: the parameter `duration`.
    #[must_use]
    pub fn duration(&self) -> Option<u32> {
        self.params.seconds("duration")
    }
}

impl Header for RetryAfter {
    const NAME: HeaderName = HeaderName::RetryAfter;

    fn read(cursor: &mut Cursor<'_>) -> Result<Self, HeaderError> {
        cursor.space();
        let seconds = cursor.saturating()?;
        cursor.space();
        let comment = if cursor.peek() == Some(b'(') { Some(cursor.comment()?) } else { None };
        let params = Params::parse(cursor)?;
        Ok(Self { seconds, comment, params })
    }

    fn is_sound(&self) -> bool {
        let is_comment = |comment: &Text| {
            let mut cursor = Cursor::new(comment);
            cursor.comment().is_ok() && cursor.is_done()
        };
        self.comment.as_ref().is_none_or(is_comment) && self.params.is_sound()
    }
}

impl fmt::Display for RetryAfter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.seconds.fmt(f)?;
        if let Some(comment) = &self.comment {
            write!(f, " {comment}")?;
        }
        self.params.fmt(f)
    }
}

/// The thousandths of a `qvalue`: `0`, `1`, or either with up to three decimals, at most 1.
pub(crate) fn thousandths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = decimals.bytes().chain(std::iter::repeat(b'0')).take(3);
    let parts = digits.fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    match (whole, parts) {
        ("0", parts) => Some(parts),
        ("1", 0) => Some(1000),
        _ => None,
    }
}
