//! Header fields that name a call or a dialog by its Call-ID (RFC 3261 sections 20.8, 20.21; RFC 3891, 3911, 4538).

use std::fmt;

use super::Header;
use crate::sip::grammar::{self, WORD};
use crate::sip::{Cursor, HeaderError, HeaderName, Params, Text};

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

macro_rules! dialogs {
    ($($(#[$doc:meta])* $name:ident $local:literal $remote:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            /// The Call-ID of the dialog.
            pub call_id: Text,
            /// The parameters, the tags among them.
            pub params: Params,
        }

        impl $name {
            fn has_both_tags(&self) -> bool {
                [$local, $remote].iter().all(|name| self.params.count(name) == 1 && self.params.value(name).is_some())
            }

            /// Names a dialog by the tags that it has for the one who receives this.
            #[must_use]
            pub fn new(call_id: &str, receivers_tag: &str, others_tag: &str) -> Self {
                let mut params = Params::new();
                params.set($local, Some(receivers_tag));
                params.set($remote, Some(others_tag));
                Self { call_id: Text::from(call_id), params }
            }

            #[doc = concat!("The parameter `", $local, "`: the tag that the dialog has on the side of the one who receives this.")]
            #[must_use]
            pub fn receivers_tag(&self) -> Option<&str> {
                self.params.value($local)
            }

            #[doc = concat!("The parameter `", $remote, "`: the tag of the other side.")]
            #[must_use]
            pub fn others_tag(&self) -> Option<&str> {
                self.params.value($remote)
            }
        }

        impl Header for $name {
            const NAME: HeaderName = HeaderName::$name;

            fn read(cursor: &mut Cursor<'_>) -> Result<Self, HeaderError> {
                cursor.space();
                let call_id = cursor.some(WORD, "a Call-ID")?;
                let params = Params::parse(cursor)?;
                let dialog = Self { call_id, params };
                if dialog.has_both_tags() { Ok(dialog) } else { Err(cursor.expected("both tags once")) }
            }

            fn is_sound(&self) -> bool {
                grammar::all(self.call_id.as_bytes(), WORD) && self.params.is_sound() && self.has_both_tags()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.call_id)?;
                self.params.fmt(f)
            }
        }
    )*};
}

dialogs! {
    /// The dialog whose place this INVITE takes (RFC 3891).
    Replaces "to-tag" "from-tag";
    /// The dialog that this INVITE joins (RFC 3911).
    Join "to-tag" "from-tag";
    /// The dialog that authorises this request (RFC 4538).
    TargetDialog "local-tag" "remote-tag";
}

impl Replaces {
    /// Whether only a dialog that is not confirmed yet is to be replaced: the parameter `early-only`.
    #[must_use]
    pub fn is_early_only(&self) -> bool {
        self.params.has("early-only")
    }
}
