//! A dialog as one of its sides knows it.

use crate::sip::Sip;

/// A dialog at one of its sides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Side {
    /// The host.
    pub host: usize,
    /// The Call-ID.
    pub call_id: String,
    /// Its own tag.
    pub local: String,
    /// The other's tag.
    pub remote: String,
}

impl Side {
    /// Of a message: its sender's side if the host sent the request or got the response.
    #[must_use]
    pub fn of(host: usize, sip: &Sip, asks: bool) -> Self {
        let (from, to) = (sip.from_tag().to_owned(), sip.to_tag().to_owned());
        let (local, remote) = if asks { (from, to) } else { (to, from) };
        Self { host, call_id: sip.call_id().to_owned(), local, remote }
    }
}
