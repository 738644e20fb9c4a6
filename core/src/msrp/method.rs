//! Methods (RFC 4975 section 9, RFC 4976 section 9, RFC 7701 section 10). They are compared with their case.

use crate::sip::Text;

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Method {
    /// Delivers a chunk of a message.
    Send,
    /// Tells what became of a message; is never answered.
    Report,
    /// Asks a relay for a URI (RFC 4976).
    Auth,
    /// Asks for a nickname in a chat room (RFC 7701).
    Nickname,
    /// A method that is not known here.
    Other(Text),
}

impl Method {
    /// The method that `text` spells.
    #[must_use]
    pub fn of(text: &Text) -> Self {
        match text.as_str() {
            "SEND" => Self::Send,
            "REPORT" => Self::Report,
            "AUTH" => Self::Auth,
            "NICKNAME" => Self::Nickname,
            _ => Self::Other(text.clone()),
        }
    }

    /// The method as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Send => "SEND",
            Self::Report => "REPORT",
            Self::Auth => "AUTH",
            Self::Nickname => "NICKNAME",
            Self::Other(text) => text,
        }
    }
}
