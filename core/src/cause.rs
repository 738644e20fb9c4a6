//! Why something ended.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::sip::Text;

/// Who ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The application, or the core on its behalf.
    Local,
    /// The peer.
    Remote,
    /// The network: a connection that was refused, reset or lost, a host that cannot be reached.
    Network,
    /// Nobody: an answer did not come in time.
    Timeout,
}

/// Why something ended: every ending carries one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Who ended it.
    pub by: By,
    /// The SIP status code that ended it, if one did.
    pub code: Option<u16>,
    /// Words: a reason phrase, the text of a Reason header, or what the network said.
    pub reason: Option<Text>,
}

impl Cause {
    /// A cause with words only.
    #[must_use]
    pub fn new(by: By, reason: impl Into<Text>) -> Self {
        Self { by, code: None, reason: Some(reason.into()) }
    }

    /// A cause with a status code and its phrase.
    #[must_use]
    pub fn status(by: By, code: u16, reason: impl Into<Text>) -> Self {
        Self { by, code: Some(code), reason: Some(reason.into()) }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = match self.by {
            By::Local => "locally",
            By::Remote => "by the remote party",
            By::Network => "by the network",
            By::Timeout => "by a timeout",
        };
        f.write_str(by)?;
        if let Some(code) = self.code {
            write!(f, ": {code}")?;
        }
        if let Some(reason) = &self.reason {
            write!(f, "{} {reason}", if self.code.is_some() { "" } else { ":" })?;
        }
        Ok(())
    }
}
