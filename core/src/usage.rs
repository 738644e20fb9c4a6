//! What the usages other than INVITE (RFC 5057 section 2: subscriptions, publications, messages) have in common: who sends, what is sent, and what an ending means.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::cause::{By, Cause};
use crate::config::Context;
use crate::random::Random;
use crate::sip::{
    BuildError, Builder, CSeq, From, HeaderName, Headers, Host, Method, MinExpires, NameAddr, Request, Response,
    RetryAfter, ServiceRoute, SipUri, Text, To, Uri,
};
use crate::time::Instant;
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
    /// The proxies that requests go through first (RFC 3608).
    routes: Vec<ServiceRoute>,
}

impl Sender {
    /// One with a Call-ID and a tag of its own. What an application may write into a URI, but a request line must not hold, is left out of `to`.
    #[must_use]
    pub fn new(random: &mut Random, from: NameAddr, to: NameAddr, routes: Vec<ServiceRoute>) -> Self {
        let tag: Text = random.token(13).into();
        let uri = to.uri.as_sip().map_or_else(|| to.uri.clone(), |uri| Uri::Sip(uri.as_request_uri()));
        Self {
            from: from.with_tag(&tag),
            to: NameAddr { display_name: to.display_name, ..NameAddr::new(uri) },
            call_id: random.token(22).into(),
            tag,
            number: u32::from(random.u16()),
            routes,
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

    /// Our name and URI, with the tag.
    #[must_use]
    pub const fn from(&self) -> &NameAddr {
        &self.from
    }

    /// Numbers go on from this one, which was used last.
    pub fn used(&mut self, number: u32) {
        self.number = self.number.max(number);
    }

    /// Starts the next request.
    pub fn request(&mut self, method: Method) -> Builder<Request> {
        self.number = self.number.saturating_add(1);
        let mut builder = Request::build(method.clone(), &self.to.uri);
        for route in &self.routes {
            builder = builder.field(HeaderName::Route, route);
        }
        builder
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

/// A pause that doubles with each failure: from `w` to `2·w`, where `w` goes from 1 s to 30 s.
#[derive(Clone, Copy, Debug)]
pub struct Backoff(Duration);

impl Backoff {
    const LEAST: Duration = Duration::from_secs(1);
    const MOST: Duration = Duration::from_secs(30);

    /// The first pause is the shortest.
    #[must_use]
    pub const fn new() -> Self {
        Self(Self::LEAST)
    }

    /// The next pause.
    pub fn next(&mut self, random: &mut Random) -> Duration {
        let pause = random.duration(self.0, self.0 * 2);
        self.0 = (self.0 * 2).min(Self::MOST);
        pause
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}

/// How long a server is left alone that does not do what it was asked for at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unsupported {
    /// An hour; three, when it asks for a longer time than makes sense (behaviour 5.2).
    #[default]
    Hour,
    /// One to two minutes (behaviour 7.6).
    Minutes,
}

/// When what has failed is tried again, by one who does not give up (behaviour of the reference's account subscriptions and publications).
#[derive(Debug, Default)]
pub struct Persistence {
    backoff: Backoff,
    /// When the last attempt began.
    began: Option<Instant>,
    /// Whether it was followed at once by another, though it was short.
    hasty: bool,
    unsupported: Unsupported,
}

/// An attempt that lasted so long was a good one.
const STABLE: Duration = Duration::from_secs(60);

impl Persistence {
    /// One that leaves servers alone for so long that do not do what they are asked for.
    #[must_use]
    pub fn new(unsupported: Unsupported) -> Self {
        Self { unsupported, ..Self::default() }
    }

    /// An attempt begins.
    pub const fn begin(&mut self, now: Instant) {
        self.began = Some(now);
    }

    /// How long to wait after this failure or ending; `None` for ever. `located` tells whether there was a place to send to.
    pub fn pause(&mut self, cx: &mut Context<'_>, failure: &Ended<'_>, located: bool) -> Option<Duration> {
        let between = |low: u64, high: u64| (Duration::from_secs(low), Duration::from_secs(high));
        let stable = self.began.is_some_and(|began| cx.now.saturating_since(began) >= STABLE);
        if stable {
            self.backoff = Backoff::new();
            self.hasty = false;
        }
        let refused = failure.cause.code.filter(|_| failure.cause.by == By::Remote);
        let (low, high) = match (refused, failure.retry) {
            (Some(401 | 407), _) => between(60, 120),
            (Some(423), _) if failure.min_expires.is_some() => between(60, 120),
            (Some(405 | 406 | 423 | 489), _) if self.unsupported == Unsupported::Minutes => between(60, 120),
            (Some(423), _) => between(3 * 3600, 3 * 3600),
            (Some(405 | 406 | 489), _) => between(3600, 3600),
            (None, Retry::Never) if failure.cause.by == By::Remote => return None,
            (_, Retry::Now) if !std::mem::replace(&mut self.hasty, true) => between(0, 0),
            (_, Retry::Now) => return Some(self.backoff.next(cx.random)),
            (_, Retry::After(time)) => (time.max(Duration::from_secs(1)), time.max(Duration::from_secs(1))),
            (_, Retry::Later | Retry::Never) if !located => between(15, 30),
            (_, Retry::Later | Retry::Never) => between(60, 180),
        };
        Some(cx.random.duration(low, high))
    }
}

/// How an attempt has ended.
#[derive(Debug)]
pub struct Ended<'a> {
    /// Why.
    pub cause: &'a Cause,
    /// The shortest time in seconds that the server accepts, after a 423.
    pub min_expires: Option<u32>,
    /// When another attempt makes sense.
    pub retry: Retry,
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
    use crate::config::context;

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

    #[test]
    fn pauses_follow_the_reason() {
        use crate::config::Config;
        use crate::random::Seed;
        let config = Config::default();
        let mut random = Random::new(&Seed::from_u64(1));
        let mut pause = |cause: &Cause, min_expires, retry, located| {
            let mut cx = context!(Instant::ZERO, random, config);
            let mut persistence = Persistence::default();
            persistence.begin(Instant::ZERO);
            let pause = persistence.pause(&mut cx, &Ended { cause, min_expires, retry }, located);
            pause.map(|pause| pause.as_secs())
        };
        let refused = |code| Cause::status(By::Remote, code, "");
        for _ in 0..100 {
            assert!(pause(&refused(407), None, Retry::Never, true).is_some_and(|s| (60..=120).contains(&s)));
            assert!(pause(&refused(423), Some(900), Retry::Never, true).is_some_and(|s| (60..=120).contains(&s)));
            assert!(pause(&refused(500), None, Retry::Later, true).is_some_and(|s| (60..=180).contains(&s)));
            assert!(pause(&refused(403), None, Retry::Never, true).is_some_and(|s| (60..=180).contains(&s)));
            let lost = Cause::new(By::Network, "DNS lookup failed");
            assert!(pause(&lost, None, Retry::Later, false).is_some_and(|s| (15..=30).contains(&s)));
        }
        assert_eq!(pause(&refused(423), None, Retry::Never, true), Some(3 * 3600));
        assert_eq!(pause(&refused(489), None, Retry::Never, true), Some(3600));
        assert_eq!(pause(&refused(503), None, Retry::After(Duration::from_secs(7)), true), Some(7));
        assert_eq!(pause(&refused(481), None, Retry::Now, true), Some(0));
        let terminated = Cause::new(By::Remote, "rejected");
        assert_eq!(pause(&terminated, None, Retry::Never, true), None);
        assert_eq!(pause(&terminated, None, Retry::Now, true), Some(0));
    }

    #[test]
    fn at_once_is_not_a_loop() {
        use crate::config::Config;
        use crate::random::Seed;
        let config = Config::default();
        let mut random = Random::new(&Seed::from_u64(1));
        let cause = Cause::new(By::Remote, "deactivated");
        let mut persistence = Persistence::default();
        let mut now = Instant::ZERO;
        let mut pauses = Vec::new();
        for _ in 0..8 {
            persistence.begin(now);
            let mut cx = context!(now, random, config);
            let ended = Ended { cause: &cause, min_expires: None, retry: Retry::Now };
            let pause = persistence.pause(&mut cx, &ended, true).unwrap();
            pauses.push(pause.as_secs());
            now += pause;
        }
        assert_eq!(pauses[0], 0);
        assert!(pauses[1..].iter().all(|pause| *pause >= 1) && pauses[7] >= 30, "{pauses:?}");
        // One that lasted is followed at once again.
        persistence.begin(now);
        let mut cx = context!(now + Duration::from_secs(60), random, config);
        let ended = Ended { cause: &cause, min_expires: None, retry: Retry::Now };
        assert_eq!(persistence.pause(&mut cx, &ended, true), Some(Duration::ZERO));
    }
}
