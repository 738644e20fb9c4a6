//! What the usages other than INVITE (RFC 5057 section 2: subscriptions, publications, messages) have in common: who sends, what is sent, and what an ending means.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::random::Random;
use crate::sip::{
    BuildError, Builder, CSeq, From, HeaderName, Headers, Host, Method, MinExpires, NameAddr, Request, Response,
    RetryAfter, SipUri, Text, To, Uri,
};
use crate::transport::Transport;
use crate::uac::{Failure, Hop, Located, Patience, Target};

/// A body with its type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Its media type, with parameters.
    pub content_type: Text,
    /// Its bytes.
    #[serde(serialize_with = "crate::trace::data::serialize", deserialize_with = "crate::trace::data::deserialize")]
    pub body: Bytes,
}

impl Content {
    /// A body of this type.
    #[must_use]
    pub fn new(content_type: &str, body: impl AsRef<[u8]>) -> Self {
        Self { content_type: Text::from(content_type), body: Bytes::copy_from_slice(body.as_ref()) }
    }

    /// The body of a message, copied out of it; none when it is empty. A body without a readable type is `application/octet-stream`.
    #[must_use]
    pub fn of(message: &Headers) -> Option<Self> {
        let body = message.body();
        if body.is_empty() {
            return None;
        }
        let content_type = message.text(HeaderName::ContentType).ok().flatten();
        let content_type =
            content_type.map_or_else(|| Text::from_static("application/octet-stream"), |text| text.detached());
        Some(Self { content_type, body: Bytes::copy_from_slice(&body) })
    }
}

/// When something that has failed or ended is worth another attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// At once.
    Now,
    /// Not before this time has passed.
    After(Duration),
    /// When it suits.
    Later,
    /// Never: it would end the same way.
    Never,
}

/// The seconds of a Retry-After header.
#[must_use]
pub fn retry_after(message: &Headers) -> Option<Duration> {
    message.get::<RetryAfter>().ok().flatten().map(|header| Duration::from_secs(header.seconds.into()))
}

/// What a refusal with this status code means for another attempt.
#[must_use]
pub fn retry_of(code: u16, headers: Option<&Headers>) -> Retry {
    match (headers.and_then(retry_after), code) {
        (Some(time), _) => Retry::After(time),
        (None, 481) => Retry::Now,
        (None, 400 | 403..=406 | 410 | 414..=420 | 489 | 501 | 505 | 600..=699) => Retry::Never,
        (None, _) => Retry::Later,
    }
}

/// The longest time that a 423 can bring us to ask for: a day.
const LONGEST: u32 = 24 * 3600;

/// The longer time that a 423 asks for, if it makes sense.
#[must_use]
pub fn longer(response: &Headers, asked: u32) -> Option<u32> {
    let min = response.get::<MinExpires>().ok().flatten()?.0;
    (min > asked && min <= LONGEST).then_some(min)
}

/// What a failure means for another attempt: refused credentials are refused again.
#[must_use]
pub const fn retry_of_failure(failure: &Failure) -> Retry {
    match failure {
        Failure::Timeout | Failure::Transport(_) => Retry::Later,
        Failure::Authentication { .. } | Failure::Unwritable(_) => Retry::Never,
    }
}

/// One who sends requests outside of any dialog, under one Call-ID and tag, with numbers that go up.
#[derive(Clone, Debug)]
pub struct Sender {
    from: NameAddr,
    to: NameAddr,
    call_id: Text,
    tag: Text,
    number: u32,
}

impl Sender {
    /// One with a Call-ID and a tag of its own. What an application may write into a URI, but a request line must not hold, is left out of `to`.
    #[must_use]
    pub fn new(random: &mut Random, from: NameAddr, to: NameAddr) -> Self {
        let tag: Text = random.token(13).into();
        let uri = to.uri.as_sip().map_or_else(|| to.uri.clone(), |uri| Uri::Sip(uri.as_request_uri()));
        Self {
            from: from.with_tag(&tag),
            to: NameAddr { display_name: to.display_name, ..NameAddr::new(uri) },
            call_id: random.token(22).into(),
            tag,
            number: u32::from(random.u16()),
        }
    }

    /// The Call-ID.
    #[must_use]
    pub const fn call_id(&self) -> &Text {
        &self.call_id
    }

    /// The tag.
    #[must_use]
    pub const fn tag(&self) -> &Text {
        &self.tag
    }

    /// Numbers go on from this one, which was used last.
    pub fn used(&mut self, number: u32) {
        self.number = self.number.max(number);
    }

    /// Starts the next request.
    pub fn request(&mut self, method: Method) -> Builder<Request> {
        self.number = self.number.saturating_add(1);
        Request::build(method.clone(), &self.to.uri)
            .field(HeaderName::MaxForwards, 70)
            .header(&From(self.from.clone()))
            .header(&To(self.to.clone()))
            .field(HeaderName::CallId, &self.call_id)
            .header(&CSeq { number: self.number, method })
    }
}

/// Our Contact toward a place.
#[must_use]
pub fn contact(user: &str, located: &Located) -> NameAddr {
    let mut uri = SipUri::new(Some(user), Host::from(located.local.ip()), Some(located.local.port()));
    // UDP is what a URI without a transport means.
    if located.route.transport != Transport::Udp {
        uri.params.set("transport", Some(located.route.transport.as_str()));
    }
    NameAddr::new(Uri::Sip(uri))
}

/// The places as targets; with this user in our Contact toward each, or without a Contact.
#[must_use]
pub fn targets(located: &[Located], user: Option<&str>) -> Vec<Target> {
    let target =
        |located: &Located| Target { hop: Hop::Route(located.route), contact: user.map(|user| contact(user, located)) };
    located.iter().map(target).collect()
}

/// How long a request of a transaction's usual time may take: the last of its targets gets all that is left, and others up to 10 s.
#[must_use]
pub fn patience(targets: usize, timeout: Duration) -> Patience {
    let most = if targets > 1 { timeout.min(Duration::from_secs(10)) } else { timeout };
    Patience { total: timeout, least: Duration::from_secs(1).min(timeout), most }
}

/// Whether content of this type can be written into a message.
///
/// # Errors
/// Why not.
pub fn check(content: Option<&Content>) -> Result<(), BuildError> {
    match content {
        Some(content) => Response::build(200, None).body(&content.content_type, &[]).finish().map(drop),
        None => Ok(()),
    }
}

/// When a soft state that lasts for `expires` is refreshed: half a minute before its end, or in the middle of a short one, or after a second.
#[must_use]
pub fn refresh_after(expires: Duration) -> Duration {
    Duration::from_secs(1).max(expires.saturating_sub(Duration::from_secs(30))).max(expires / 2)
}

/// The status codes to a request inside a dialog that end the subscription which it belongs to (RFC 6665 sections 4.1.2.2 and 4.2.2), and 408 (design of RFC 5057 section 5.1).
#[must_use]
pub const fn ends_subscription(code: u16) -> bool {
    matches!(code, 404 | 405 | 408 | 410 | 416 | 480..=485 | 489 | 501 | 604)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refresh_comes_before_the_end() {
        let after = |seconds| refresh_after(Duration::from_secs(seconds)).as_millis();
        assert_eq!(
            [3600, 600, 61, 60, 59, 10, 2, 1, 0].map(after),
            [3_570_000, 570_000, 31_000, 30_000, 29_500, 5000, 1000, 1000, 1000]
        );
    }

    #[test]
    fn retry_after_goes_before_the_code() {
        let response = |code, retry: Option<u32>| {
            let mut builder = Response::build(code, None);
            if let Some(seconds) = retry {
                builder = builder.field(HeaderName::RetryAfter, seconds);
            }
            builder.finish().unwrap()
        };
        let retry = |code, seconds| retry_of(code, Some(&response(code, seconds)));
        assert_eq!(retry(403, None), Retry::Never);
        assert_eq!(retry(489, None), Retry::Never);
        assert_eq!(retry(503, None), Retry::Later);
        assert_eq!(retry(503, Some(20)), Retry::After(Duration::from_secs(20)));
        assert_eq!(retry(603, Some(20)), Retry::After(Duration::from_secs(20)));
        assert_eq!(retry(481, None), Retry::Now);
    }
}
