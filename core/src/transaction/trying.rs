//! The 100 that a server transaction sends by itself (RFC 3261 sections 8.2.6.1 and 17.2.1).

use bytes::Bytes;

use crate::limits::Limits;
use crate::sip::{HeaderName, Message, Received, Request, Response};
use crate::time::Instant;

/// What a 100 is made from, should it come to that.
///
/// It seldom does: so the bytes are kept, which cost nothing as they are shared, and read again.
#[derive(Debug)]
pub struct Trying {
    request: Bytes,
    received: Received,
    at: Instant,
}

impl Trying {
    /// The request, where it came from and when.
    #[must_use]
    pub fn new(request: &Request, received: Received, at: Instant) -> Self {
        Self { request: request.bytes().clone(), received, at }
    }

    /// The 100: no tag in To, and the request's Timestamp with the delay since, in seconds.
    pub(super) fn response(&self, now: Instant) -> Option<Bytes> {
        // It was read before, within whatever limits there are.
        let limits =
            Limits { head_bytes: usize::MAX, body_bytes: usize::MAX, header_fields: usize::MAX, ..Limits::default() };
        let Ok(Message::Request(request)) = Message::parse(self.request.clone(), &limits) else { return None };
        let trying = Response::reply(&request, 100, None, None, Some(&self.received)).finish().ok()?;
        let Ok(Some(timestamp)) = request.text(HeaderName::Timestamp) else { return Some(trying.bytes().clone()) };
        let delay = now.saturating_since(self.at);
        let timestamp = format_args!("{timestamp} {}.{:03}", delay.as_secs(), delay.subsec_millis());
        let stamped = Response::build(100, None)
            .copy_but(&trying, &[HeaderName::Timestamp])
            .field(HeaderName::Timestamp, timestamp);
        Some(stamped.finish().unwrap_or(trying).bytes().clone())
    }
}
