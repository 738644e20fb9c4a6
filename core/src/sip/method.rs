//! Methods (RFC 3261 section 7.1). They are compared with their case.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Text;
use super::grammar::{self, TOKEN};

macro_rules! methods {
    ($($(#[$doc:meta])* $name:ident $text:literal;)*) => {
        /// What a request asks for.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Method {
            $($(#[$doc])* $name,)*
            /// A method that is not known here.
            Other(Text),
        }

        impl Method {
            /// The method as it is written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$name => $text,)*
                    Self::Other(text) => text,
                }
            }

            /// The known method that `text` spells.
            fn known(text: &[u8]) -> Option<Self> {
                $(if text == $text.as_bytes() { return Some(Self::$name); })*
                None
            }
        }
    };
}

methods! {
    /// RFC 3261 13: begins a session, or changes it.
    Invite "INVITE";
    /// RFC 3261 13: confirms the final response to an INVITE.
    Ack "ACK";
    /// RFC 3261 15: ends a session.
    Bye "BYE";
    /// RFC 3261 9: gives up an INVITE that is not answered yet.
    Cancel "CANCEL";
    /// RFC 3261 11: asks for capabilities.
    Options "OPTIONS";
    /// RFC 3261 10: binds an address of record to contacts.
    Register "REGISTER";
    /// RFC 3262: acknowledges a provisional response.
    Prack "PRACK";
    /// RFC 3311: changes a session without touching the dialog's INVITE.
    Update "UPDATE";
    /// RFC 6665: asks for notifications.
    Subscribe "SUBSCRIBE";
    /// RFC 6665: notifies.
    Notify "NOTIFY";
    /// RFC 3515: asks to contact a third party.
    Refer "REFER";
    /// RFC 3428: carries an instant message.
    Message "MESSAGE";
    /// RFC 6086: carries what belongs to a session.
    Info "INFO";
    /// RFC 3903: publishes event state.
    Publish "PUBLISH";
}

impl Method {
    /// The method that `text` spells.
    #[must_use]
    pub fn of(text: &Text) -> Self {
        Self::known(text.as_bytes()).unwrap_or_else(|| Self::Other(text.clone()))
    }

    /// The method at `range` of a message, which is a token there.
    pub(crate) fn in_message(bytes: &Bytes, range: Range<usize>) -> Self {
        let known = bytes.get(range.clone()).and_then(Self::known);
        known.unwrap_or_else(|| Self::Other(Text::from_utf8_lossy(bytes.slice(range))))
    }

    /// A copy that does not keep the buffer of a message alive.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self::from(self.as_str())
    }

    /// Whether it reads back as itself.
    pub(crate) fn is_sound(&self) -> bool {
        grammar::all(self.as_str().as_bytes(), TOKEN)
    }
}

impl From<&str> for Method {
    fn from(text: &str) -> Self {
        Self::known(text.as_bytes()).unwrap_or_else(|| Self::Other(Text::from(text)))
    }
}

impl PartialEq<str> for Method {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Method {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Method {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::of(&Text::deserialize(deserializer)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_matters_and_percent_is_no_escape() {
        assert_eq!(Method::from("INVITE"), Method::Invite);
        assert_eq!(Method::from("Invite"), Method::Other(Text::from("Invite")));
        assert_eq!(Method::from("RE%47IST%45R").as_str(), "RE%47IST%45R");
        assert_eq!(Method::of(&Text::from("PUBLISH")).to_string(), "PUBLISH");
    }
}
