//! Names of header fields (RFC 3261 section 7.3), recognised in any case and in their compact forms.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How often a header field may occur, and whether commas separate values in it (RFC 3261 section 7.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occurs {
    /// One field with one value. A request in which it is repeated is answered with 400.
    Once,
    /// One field with one value that only informs: a repeated one does no harm.
    Informs,
    /// Any number of values, in one field separated by commas or in several fields.
    List,
    /// Any number of fields, each with one value that may contain commas: challenges, credentials, unknown fields.
    Fields,
}

macro_rules! header_names {
    ($($(#[$doc:meta])* $name:ident $text:literal $($short:literal)? $occurs:ident;)*) => {
        /// A header field that is known here; everything else is [`Other`](Self::Other).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum HeaderName {
            $($(#[$doc])* $name,)*
            /// A field that is not known here; its name is in the message.
            Other,
        }

        impl HeaderName {
            /// Every name, [`Other`](Self::Other) not among them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The name as the RFCs write it; empty for [`Other`](Self::Other).
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                    Self::Other => "",
                }
            }

            /// How often the field may occur.
            #[must_use]
            pub const fn occurs(self) -> Occurs {
                match self {
                    $(Self::$name => Occurs::$occurs,)*
                    Self::Other => Occurs::Fields,
                }
            }
        }

        /// Every spelling: the names and the compact forms.
        const SPELLINGS: &[(HeaderName, &str)] = &[$((HeaderName::$name, $text), $((HeaderName::$name, $short),)?)*];
    };
}

header_names! {
    /// RFC 3261 20.1
    Accept "Accept" List;
    /// RFC 3841 9.2
    AcceptContact "Accept-Contact" "a" List;
    /// RFC 3261 20.2
    AcceptEncoding "Accept-Encoding" List;
    /// RFC 3261 20.3
    AcceptLanguage "Accept-Language" List;
    /// RFC 3261 20.4
    AlertInfo "Alert-Info" List;
    /// RFC 3261 20.5
    Allow "Allow" List;
    /// RFC 6665 8.2.2
    AllowEvents "Allow-Events" "u" List;
    /// RFC 5373 4
    AnswerMode "Answer-Mode" Once;
    /// RFC 3261 20.6
    AuthenticationInfo "Authentication-Info" Once;
    /// RFC 3261 20.7
    Authorization "Authorization" Fields;
    /// RFC 3261 20.8
    CallId "Call-ID" "i" Once;
    /// RFC 3261 20.9
    CallInfo "Call-Info" List;
    /// RFC 3261 20.10
    Contact "Contact" "m" List;
    /// RFC 3261 20.11
    ContentDisposition "Content-Disposition" Once;
    /// RFC 3261 20.12
    ContentEncoding "Content-Encoding" "e" List;
    /// RFC 3261 20.13
    ContentLanguage "Content-Language" List;
    /// RFC 3261 20.14
    ContentLength "Content-Length" "l" Once;
    /// RFC 3261 20.15
    ContentType "Content-Type" "c" Once;
    /// RFC 3261 20.16
    CSeq "CSeq" Once;
    /// RFC 3261 20.17
    Date "Date" Informs;
    /// RFC 3261 20.18
    ErrorInfo "Error-Info" List;
    /// RFC 6665 8.2.1
    Event "Event" "o" Once;
    /// RFC 3261 20.19
    Expires "Expires" Once;
    /// RFC 5626 11.3
    FlowTimer "Flow-Timer" Once;
    /// RFC 3261 20.20
    From "From" "f" Once;
    /// RFC 6442 4.1
    Geolocation "Geolocation" List;
    /// RFC 6442 4.3
    GeolocationError "Geolocation-Error" Once;
    /// RFC 6442 4.2
    GeolocationRouting "Geolocation-Routing" Once;
    /// RFC 7044 5
    HistoryInfo "History-Info" List;
    /// RFC 3261 20.21
    InReplyTo "In-Reply-To" List;
    /// RFC 3911 7.1
    Join "Join" Once;
    /// RFC 5393 5.3.3
    MaxBreadth "Max-Breadth" Once;
    /// RFC 3261 20.22
    MaxForwards "Max-Forwards" Once;
    /// RFC 3261 20.24
    MimeVersion "MIME-Version" Informs;
    /// RFC 3261 20.23
    MinExpires "Min-Expires" Once;
    /// RFC 4028 5
    MinSe "Min-SE" Once;
    /// RFC 3261 20.25
    Organization "Organization" Informs;
    /// RFC 3325 9.1
    PAssertedIdentity "P-Asserted-Identity" List;
    /// RFC 3325 9.2
    PPreferredIdentity "P-Preferred-Identity" List;
    /// RFC 3327 4
    Path "Path" List;
    /// RFC 3261 20.26
    Priority "Priority" Informs;
    /// RFC 3323 4.2
    Privacy "Privacy" Once;
    /// RFC 5373 4
    PrivAnswerMode "Priv-Answer-Mode" Once;
    /// RFC 3261 20.27
    ProxyAuthenticate "Proxy-Authenticate" Fields;
    /// RFC 3261 20.28
    ProxyAuthorization "Proxy-Authorization" Fields;
    /// RFC 3261 20.29
    ProxyRequire "Proxy-Require" List;
    /// RFC 3262 7.2
    RAck "RAck" Once;
    /// RFC 3326 2
    Reason "Reason" List;
    /// RFC 3261 20.30
    RecordRoute "Record-Route" List;
    /// RFC 4488 4
    ReferSub "Refer-Sub" Once;
    /// RFC 3515 2.1
    ReferTo "Refer-To" "r" Once;
    /// RFC 3892 3
    ReferredBy "Referred-By" "b" Once;
    /// RFC 3841 9.2
    RejectContact "Reject-Contact" "j" List;
    /// RFC 3891 6.1
    Replaces "Replaces" Once;
    /// RFC 3261 20.31
    ReplyTo "Reply-To" Informs;
    /// RFC 3841 9.1
    RequestDisposition "Request-Disposition" "d" List;
    /// RFC 3261 20.32
    Require "Require" List;
    /// RFC 3261 20.33
    RetryAfter "Retry-After" Once;
    /// RFC 3261 20.34
    Route "Route" List;
    /// RFC 3262 7.1
    RSeq "RSeq" Once;
    /// RFC 3261 20.35
    Server "Server" Informs;
    /// RFC 3608 5
    ServiceRoute "Service-Route" List;
    /// RFC 4028 4
    SessionExpires "Session-Expires" "x" Once;
    /// RFC 3903 11.3.1
    SipEtag "SIP-ETag" Once;
    /// RFC 3903 11.3.2
    SipIfMatch "SIP-If-Match" Once;
    /// RFC 3261 20.36
    Subject "Subject" "s" Informs;
    /// RFC 6665 8.2.3
    SubscriptionState "Subscription-State" Once;
    /// RFC 3261 20.37
    Supported "Supported" "k" List;
    /// RFC 5839 4
    SuppressIfMatch "Suppress-If-Match" Once;
    /// RFC 4538 7
    TargetDialog "Target-Dialog" Once;
    /// RFC 3261 20.38
    Timestamp "Timestamp" Informs;
    /// RFC 3261 20.39
    To "To" "t" Once;
    /// RFC 3261 20.40
    Unsupported "Unsupported" List;
    /// RFC 3261 20.41
    UserAgent "User-Agent" Informs;
    /// RFC 7433 4.1
    UserToUser "User-to-User" List;
    /// RFC 3261 20.42
    Via "Via" "v" List;
    /// RFC 3261 20.43
    Warning "Warning" List;
    /// RFC 3261 20.44
    WwwAuthenticate "WWW-Authenticate" Fields;
}

impl HeaderName {
    /// Whether a header of this name in a URI may be honoured (RFC 3261 section 19.1.5): it neither routes the request, nor identifies it, its
    /// sender or its body, nor says what the sender can do.
    #[must_use]
    pub const fn may_be_embedded(self) -> bool {
        matches!(
            self,
            Self::AcceptContact
                | Self::AlertInfo
                | Self::AnswerMode
                | Self::CallInfo
                | Self::Event
                | Self::Expires
                | Self::InReplyTo
                | Self::Join
                | Self::Priority
                | Self::Privacy
                | Self::ReferSub
                | Self::RejectContact
                | Self::Replaces
                | Self::ReplyTo
                | Self::RequestDisposition
                | Self::Require
                | Self::Subject
                | Self::TargetDialog
                | Self::UserToUser
        )
    }

    /// The name that `name` spells, in any case, in its long or compact form.
    #[must_use]
    #[inline]
    pub fn of(name: &[u8]) -> Self {
        let key = Key::of(name);
        match TABLE.get(key.slot()) {
            // A key tells all there is to tell of a name of up to 16 letters.
            Some(known) if known.key == key && (key.len <= 16 || known.text.as_bytes().eq_ignore_ascii_case(name)) => {
                known.name
            }
            Some(_) | None => Self::Other,
        }
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.as_str() {
            "" => "header field",
            name => name,
        })
    }
}

/// A name in lower case: its length, its first letters and its last ones, which overlap in names of fewer than 16 letters.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key {
    len: usize,
    first: u64,
    last: u64,
}

impl Key {
    #[inline]
    const fn of(name: &[u8]) -> Self {
        // In the letters and the hyphen that names are made of, this bit is the case. A name that only it makes equal to a known one
        // holds a carriage return, which no line does.
        const LOWER: u64 = 0x2020_2020_2020_2020;
        let len = name.len();
        let (first, last) = match (name.first_chunk::<8>(), name.last_chunk::<8>()) {
            (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
            _ => match (name.first_chunk::<4>(), name.last_chunk::<4>()) {
                (Some(first), Some(last)) => (u32::from_le_bytes(*first) as u64, u32::from_le_bytes(*last) as u64),
                _ => match *name {
                    [one] => (one as u64, 0),
                    [one, two] => (u16::from_le_bytes([one, two]) as u64, 0),
                    [one, two, three] => (u32::from_le_bytes([one, two, three, 0]) as u64, 0),
                    _ => (0, 0),
                },
            },
        };
        Self { len, first: first | LOWER, last: last | LOWER }
    }

    /// Its slot in the table: a hash chosen so that no two spellings meet.
    #[inline]
    const fn slot(self) -> usize {
        let mixed = self.first ^ self.last.rotate_left(32) ^ self.len as u64;
        (mixed.wrapping_mul(MULTIPLIER) >> (u64::BITS - SLOTS.ilog2())) as usize
    }
}

/// Found by trial.
const MULTIPLIER: u64 = 0xeadc_4314_6bff_d517;
/// Slots of the table in which names are looked up.
const SLOTS: usize = 512;

/// A spelling with its key.
#[derive(Clone, Copy)]
struct Known {
    key: Key,
    name: HeaderName,
    text: &'static str,
}

/// In an empty slot: nothing has this key.
const NOTHING: Known = Known { key: Key { len: 0, first: 0, last: 0 }, name: HeaderName::Other, text: "" };

/// Each spelling in the slot of its key.
static TABLE: [Known; SLOTS] = table();

#[expect(clippy::indexing_slicing, reason = "runs in the compiler, which refuses what is out of bounds")]
const fn table() -> [Known; SLOTS] {
    let mut table = [NOTHING; SLOTS];
    let mut at = 0;
    while at < SPELLINGS.len() {
        let (name, text) = SPELLINGS[at];
        let key = Key::of(text.as_bytes());
        assert!(table[key.slot()].key.len == 0, "two spellings meet in one slot");
        table[key.slot()] = Known { key, name, text };
        at += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_recognised_in_any_case() {
        for (name, text) in SPELLINGS {
            assert_eq!(HeaderName::of(text.as_bytes()), *name);
            assert_eq!(HeaderName::of(text.to_uppercase().as_bytes()), *name);
            assert_eq!(HeaderName::of(text.to_lowercase().as_bytes()), *name);
        }
        assert_eq!(SPELLINGS.len(), HeaderName::ALL.len() + 18);
    }

    #[test]
    fn what_is_not_known_is_other() {
        for name in ["", "z", "Vi", "Vias", "X-Via", "C%6Fntact", "Contacu", "P-Charging-Vector"] {
            assert_eq!(HeaderName::of(name.as_bytes()), HeaderName::Other, "{name}");
        }
        assert_eq!(HeaderName::Other.as_str(), "");
    }
}
