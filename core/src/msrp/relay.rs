//! The session's own relay: it is asked for a path, and asked again before the path expires (RFC 4976 sections 5 and 9.1).
//!
//! ```text
//!  Asking ── 401, not yet refused ──► Asking, with credentials
//!    │  ├─── 423 ──────────────────► Asking, for as long as the relay grants
//!    │  └─── 200, Use-Path ────────► Granted ── before it expires ──► Asking
//!    ├────── anything else, and a path lasts ──► Granted ── after a pause ──► Asking
//!    └────── anything else ────────► (gone)
//! ```
//!
//! A path that was granted leads to us until it expires, whatever becomes of the request for the next one (RFC 4976 sections 5.1 and 6.3):
//! only then is the session over.

use std::time::Duration;

use bytes::Bytes;

use super::{Continuation, Field, Head, Method, MsrpUri, Path, Start, Unwritable, Writer, reason_phrase};
use crate::random::Random;
use crate::sip::digest::{Credentials, Space, Subject};
use crate::sip::{Header, Host, Text, WwwAuthenticate};
use crate::time::Instant;

/// How often one request is sent again: for a challenge, for a nonce that was stale, for another expiry.
const TRIES: u8 = 4;

/// How long before its end a path is asked for anew, at most.
const MARGIN: Duration = Duration::from_secs(60);

/// How long after a refusal it is asked again while a path lasts, at first; twice as long after each further one.
const PAUSE: Duration = Duration::from_secs(2);

/// How to come to a relay.
#[derive(Clone, Debug)]
pub struct RelaySetup {
    /// The name of the connection to it.
    pub conn: crate::id::ConnId,
    /// Its address.
    pub to: std::net::SocketAddr,
    /// The security of the connection.
    pub security: crate::transport::Security,
    /// Its URI, without a session.
    pub uri: MsrpUri,
    /// Who we are to it.
    pub credentials: Option<Credentials>,
    /// How long the path should last; without it as long as the relay likes.
    pub expires: Option<u32>,
}

/// What the answer of a relay makes of it.
#[derive(Debug)]
pub(super) enum Step {
    /// Ask again.
    Again,
    /// The relay's URIs, the first one to visit in front.
    Granted(Path),
    /// No other path; the one that is there lasts.
    Later(Text),
    /// No path.
    Refused(Text),
}

/// One relay.
#[derive(Debug)]
pub(super) struct Relay {
    uri: MsrpUri,
    credentials: Option<Credentials>,
    space: Option<Space>,
    tries: u8,
    expires: Option<u32>,
    /// When the path is to be asked for anew; none while that is done.
    refresh: Option<Instant>,
    /// Until when the path lasts.
    until: Option<Instant>,
    /// How long to wait after the next refusal, and what the last one was.
    pause: Duration,
    refusal: Option<Text>,
}

impl Relay {
    pub(super) fn new(setup: &RelaySetup) -> Self {
        let (uri, credentials, expires) = (setup.uri.clone(), setup.credentials.clone(), setup.expires);
        let (space, tries, refresh, until, pause, refusal) = (None, 0, None, None, PAUSE, None);
        Self { uri, credentials, space, tries, expires, refresh, until, pause, refusal }
    }

    /// Whom its certificate must name.
    pub(super) const fn host(&self) -> &Host {
        &self.uri.host
    }

    /// The request for a path.
    pub(super) fn request(&mut self, transaction: &str, local: &MsrpUri) -> Result<Bytes, Unwritable> {
        self.refresh = None;
        let to = Path::of(self.uri.clone());
        let mut writer = Writer::request(transaction, &Method::Auth, &to, &Path::of(local.clone()));
        if let (Some(space), Some(who)) = (&mut self.space, &self.credentials) {
            let uri = self.uri.to_string();
            let auth = space.credentials(who, Subject { method: "AUTH", uri: &uri, body: &[] });
            writer = writer.field(Field::Authorization, format_args!("{} {}", auth.scheme, auth.params));
        }
        if let Some(expires) = self.expires {
            writer = writer.field(Field::Expires, expires);
        }
        writer.finish(Continuation::Complete)
    }

    /// The relay answered, or did not in time.
    pub(super) fn answered(&mut self, now: Instant, head: Option<&Head>, random: &mut Random) -> Step {
        let step = match head {
            Some(head) => self.judge(now, head, random),
            None => Step::Refused(reason_phrase(408).into()),
        };
        match (step, self.until) {
            (Step::Refused(reason), Some(until)) if now < until => {
                (self.space, self.tries) = (None, 0);
                self.refresh = Some((now + self.pause).min(until));
                self.pause *= 2;
                self.refusal = Some(reason.clone());
                Step::Later(reason)
            }
            (step, _) => step,
        }
    }

    fn judge(&mut self, now: Instant, head: &Head, random: &mut Random) -> Step {
        let Start::Response(code, comment) = head.what() else { return Step::Refused("no answer".into()) };
        self.tries += 1;
        let refused = || Step::Refused(format!("{code} {comment}").into());
        match code {
            200 => {
                self.tries = 0;
                self.granted(now, head)
            }
            _ if self.tries >= TRIES => Step::Refused("it asks again and again".into()),
            401 => {
                let challenge = head.value(Field::WwwAuthenticate);
                let challenge = challenge.and_then(|text| WwwAuthenticate::parse(&text).ok());
                let Some(WwwAuthenticate(challenge)) = challenge else { return refused() };
                if self.credentials.is_none() || (self.space.is_some() && !challenge.is_stale()) {
                    return refused();
                }
                self.space = Space::new(&challenge, false, random);
                if self.space.is_some() { Step::Again } else { refused() }
            }
            423 => {
                let bound = |field| head.seconds(field).ok().flatten();
                match (bound(Field::MinExpires), bound(Field::MaxExpires)) {
                    (Some(least), _) if self.expires.is_none_or(|own| own < least) => self.expires = Some(least),
                    (_, Some(most)) if self.expires.is_none_or(|own| own > most) => self.expires = Some(most),
                    _ => return refused(),
                }
                Step::Again
            }
            _ => refused(),
        }
    }

    fn granted(&mut self, now: Instant, head: &Head) -> Step {
        let path = match head.use_path() {
            Ok(path) => path.detached(),
            Err(fault) => return Step::Refused(fault.to_string().into()),
        };
        // A relay must not lead us to where nothing is protected, nor to somebody else first.
        let leads_away = path.iter().any(|uri| self.uri.secure && !uri.secure);
        if leads_away {
            return Step::Refused("its path is not protected".into());
        }
        let lasts = head.seconds(Field::Expires).ok().flatten().map(|seconds| Duration::from_secs(seconds.into()));
        if lasts.is_some_and(|lasts| lasts.is_zero()) {
            return Step::Refused("its path does not last".into());
        }
        self.refresh = lasts.map(|lasts| now + lasts.saturating_sub(MARGIN).max(lasts / 2));
        self.until = lasts.map(|lasts| now + lasts);
        (self.pause, self.refusal) = (PAUSE, None);
        Step::Granted(path)
    }

    /// When the path is to be asked for anew, or expires.
    pub(super) fn due(&self) -> Option<Instant> {
        self.refresh.or(self.until)
    }

    /// Why there is no path any longer, if it has expired.
    pub(super) fn expired(&self, now: Instant) -> Option<Text> {
        self.until.filter(|until| *until <= now)?;
        Some(self.refusal.clone().unwrap_or_else(|| "its path has expired".into()))
    }
}
