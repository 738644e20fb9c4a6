//! One of a few words, read in any case.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Unfit, kind_of_text};

macro_rules! choice {
    ($($(#[$doc:meta])* $name:ident $expected:literal { $($(#[$variant_doc:meta])* $variant:ident $word:literal,)* })*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word for it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl FromStr for $name {
            type Err = Unfit;

            fn from_str(text: &str) -> Result<Self, Unfit> {
                let found = Self::ALL.iter().find(|choice| choice.as_str().eq_ignore_ascii_case(text));
                found.copied().ok_or(Unfit::new($expected))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        kind_of_text! { $name: $expected }
    )* };
}

choice! {
    /// Whether RTP is encrypted (RFC 3711, keys by RFC 4568).
    SrtpEncryption "one of disabled, optional, mandatory" {
        /// Never.
        Disabled "disabled",
        /// When the peer can, too.
        Optional "optional",
        /// Always, or there is no stream.
        Mandatory "mandatory",
    }

    /// What MSRP runs over.
    MsrpTransport "one of tls, tcp" {
        /// TLS.
        Tls "tls",
        /// TCP.
        Tcp "tcp",
    }

    /// Which side opens the MSRP connection.
    ConnectionModel "one of relay, acm" {
        /// The side that calls, and a relay for the side that cannot be reached (RFC 4975, RFC 4976).
        Relay "relay",
        /// As both agree by `a=setup` (RFC 6135).
        Acm "acm",
    }

    /// What a sender who wants to know what became of a message is told (RFC 5438 section 14.2).
    MessageNotifications "one of send, forbid, ignore" {
        /// What became of it.
        Send "send",
        /// That it is not told.
        Forbid "forbid",
        /// Nothing.
        Ignore "ignore",
    }

    /// The oldest version of TLS that is spoken.
    TlsProtocol "one of TLSv1.2, TLSv1.3" {
        /// TLS 1.2 (RFC 5246).
        Tls12 "TLSv1.2",
        /// TLS 1.3 (RFC 8446).
        Tls13 "TLSv1.3",
    }
}
