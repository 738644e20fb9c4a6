//! What the answers to a REGISTER mean, and the pauses after failures (RFC 3261 section 10.2.7 and 10.2.8).

use std::time::Duration;

use crate::cause::{By, Cause};
use crate::config::Context;
use crate::outbox::Outbox;
use crate::sip::{MinExpires, NameAddr, Response, RetryAfter, ServiceRoute, Text, reason_phrase};
use crate::transport::Route;
use crate::uac::{Done, Failure, Hop};
use crate::usage::Backoff;

use super::binding::{Binding, Registered};
use super::{Output, Phase, Registration, RegistrationEvent};

/// After refused credentials, or an expiry that the registrar still does not like: nothing will change soon.
const LONG: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(120));
/// After silence, or any other refusal.
const MIDDLE: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(40));
/// The longest expiry that a registrar may ask for, and the longest pause: a day and an hour.
const LONGEST_EXPIRY: u32 = 86_400;
const LONGEST_PAUSE: u32 = 3600;
/// What the pauses after failed flows start from where no other flow is left, and the longest (RFC 5626 section 4.5).
const ALL_FAILED: Duration = Duration::from_secs(30);
const LONGEST_RECOVERY: Duration = Duration::from_secs(1800);
/// By then the longest pause is reached.
const MOST_FAILURES: u32 = 6;
/// A registration that has lasted so long was a good one: its flow has been kept alive at least once.
const STABLE: Duration = Duration::from_secs(120);

impl Registration {
    /// A REGISTER has ended.
    pub(super) fn answered(
        &mut self,
        cx: &mut Context<'_>,
        done: Done,
        contact: Option<NameAddr>,
        out: &mut Outbox<Output>,
    ) {
        let Some(registrar) = route(&done.hop) else { return };
        match done.result {
            Ok(response) => {
                got_answer(&response, registrar, out);
                match (response.code(), contact) {
                    (200..=299, Some(contact)) => self.accepted(cx, &response, contact, registrar, out),
                    (code, _) => self.refused(cx, code, &response, out),
                }
            }
            Err(failure) => {
                if let Failure::Authentication { response, .. } = &failure {
                    got_answer(response, registrar, out);
                }
                self.failed(cx, &failure, out);
            }
        }
    }

    fn accepted(
        &mut self,
        cx: &mut Context<'_>,
        response: &Response,
        contact: NameAddr,
        registrar: Route,
        out: &mut Outbox<Output>,
    ) {
        let read = Registered::read(response, &contact, self.interval, cx.config.limits.list_members);
        if read.expires == 0 {
            let words = "the registrar did not keep the binding";
            self.binding = None;
            self.fail(cx, words, Cause::status(By::Remote, response.code(), words), MIDDLE, out);
            return;
        }
        let expires = Duration::from_secs(u64::from(read.expires));
        let limit = cx.config.limits.list_members;
        self.service_route = response.all::<ServiceRoute>().flatten().take(limit).map(detached).collect();
        if !std::mem::replace(&mut self.registered, true) {
            self.since = cx.now;
        }
        self.lengthened = false;
        self.backoff = Backoff::new();
        let text = Text::from(contact.to_string());
        let contact = contact.detached();
        let (outbound, public_gruu) = (read.outbound, read.public_gruu);
        self.binding = Some(Binding { contact, registrar, until: cx.now + expires, outbound, public_gruu });
        let (contacts, expires) = (read.contacts, read.expires);
        out.push(Output::Event(RegistrationEvent::DidSucceed { contact: text, contacts, expires, registrar }));
        self.phase = Phase::Waiting(cx.now + refresh(expires));
        if !self.wanted {
            self.part(cx, out);
        } else if self.again || self.next.is_some() {
            self.begin(cx, out);
        }
    }

    fn refused(&mut self, cx: &mut Context<'_>, code: u16, response: &Response, out: &mut Outbox<Output>) {
        let cause = Cause::status(By::Remote, code, response.reason());
        if code == 423 {
            let least = response.get::<MinExpires>().ok().flatten().map(|MinExpires(seconds)| seconds);
            let sound = least.filter(|least| (self.interval..=LONGEST_EXPIRY).contains(least));
            if let Some(least) = sound.filter(|least| *least > self.interval) {
                self.interval = least;
                if !std::mem::replace(&mut self.lengthened, true) && self.wanted {
                    self.phase = Phase::Locating;
                    out.push(Output::Locate(self.settings.destination.clone()));
                    return;
                }
            }
            self.fail(cx, "Interval too short", cause, LONG, out);
            return;
        }
        let reason = response.reason();
        let pause = match response.get::<RetryAfter>() {
            Ok(Some(RetryAfter { seconds, .. })) => {
                let wait = Duration::from_secs(u64::from(seconds.clamp(1, LONGEST_PAUSE)));
                (wait, wait + wait / 10)
            }
            Ok(None) | Err(_) => MIDDLE,
        };
        self.fail(cx, &reason, cause, pause, out);
    }

    /// A REGISTER had no answer that counts.
    pub(super) fn failed(&mut self, cx: &mut Context<'_>, failure: &Failure, out: &mut Outbox<Output>) {
        let cause = failure.cause();
        match failure {
            Failure::Authentication { .. } => self.fail(cx, "Authentication failed", cause, LONG, out),
            Failure::Timeout => self.fail(cx, reason_phrase(408), cause, MIDDLE, out),
            Failure::Transport(_) => {
                let pause = self.backoff.next(cx.random);
                self.fail(cx, "No more routes to try", cause, (pause, pause), out);
            }
            Failure::Unwritable(error) => self.fail(cx, &error.to_string(), cause, LONG, out),
        }
    }

    /// The registrar's address cannot be found.
    pub(super) fn not_located(&mut self, cx: &mut Context<'_>, reason: &str, out: &mut Outbox<Output>) {
        let pause = self.backoff.next(cx.random);
        let error = format!("DNS lookup failed: {reason}");
        self.fail(cx, &error, Cause::new(By::Network, error.as_str()), (pause, pause), out);
    }

    /// It is not registered now: tries again after a pause.
    fn fail(
        &mut self,
        cx: &mut Context<'_>,
        error: &str,
        cause: Cause,
        pause: (Duration, Duration),
        out: &mut Outbox<Output>,
    ) {
        if std::mem::replace(&mut self.registered, false) && cx.now >= self.since + STABLE {
            self.failures = 0;
        }
        self.failures = (self.failures + 1).min(MOST_FAILURES);
        let pause = if self.is_outbound() { self.recovery(pause) } else { pause };
        let timeout = if self.wanted { cx.random.duration(pause.0, pause.1) } else { Duration::ZERO };
        self.phase = Phase::Waiting(cx.now + timeout);
        out.push(Output::Event(RegistrationEvent::DidFail { error: error.into(), timeout, cause }));
        if !self.wanted {
            self.part(cx, out);
        } else if self.again || self.next.is_some() {
            self.begin(cx, out);
        }
    }

    /// The pause before the next attempt at a registrar that does what RFC 5626 asks of it, which has one flow of ours (section 4.5): from half of the upper
    /// bound to the bound, and never less than the failure itself asks for.
    fn recovery(&self, pause: (Duration, Duration)) -> (Duration, Duration) {
        let most = ALL_FAILED.saturating_mul(1 << self.failures).min(LONGEST_RECOVERY);
        (pause.0.max(most / 2), pause.1.max(most))
    }

    /// A REGISTER that unregisters has ended.
    pub(super) fn parting_answered(&mut self, cx: &Context<'_>, done: &Done, out: &mut Outbox<Output>) {
        let answer = match &done.result {
            Ok(response) | Err(Failure::Authentication { response, .. }) => Some(response),
            Err(Failure::Timeout | Failure::Transport(_) | Failure::Unwritable(_)) => None,
        };
        if let (Some(response), Some(registrar)) = (answer, route(&done.hop)) {
            got_answer(response, registrar, out);
        }
        match &done.result {
            Ok(response) if response.is_success() => out.push(Output::Event(RegistrationEvent::DidEnd)),
            Ok(response) => {
                let (code, reason) = (response.code(), response.reason());
                let cause = Cause::status(By::Remote, code, reason.clone());
                out.push(Output::Event(RegistrationEvent::DidNotEnd { code, reason, cause }));
            }
            Err(failure) => self.not_ended(failure, out),
        }
        self.parted(cx, out);
    }

    #[expect(clippy::unused_self, reason = "it is said of this registration")]
    pub(super) fn not_ended(&self, failure: &Failure, out: &mut Outbox<Output>) {
        let cause = failure.cause();
        // A transport failure counts as 503 (RFC 3261 section 8.1.3.1).
        let code = cause.code.unwrap_or(503);
        let reason = cause.reason.clone().unwrap_or_else(|| reason_phrase(code).into());
        out.push(Output::Event(RegistrationEvent::DidNotEnd { code, reason, cause }));
    }
}

/// When a binding that expires in so many seconds is refreshed: half a minute before, or at half of it if that is later.
fn refresh(expires: u32) -> Duration {
    let half = Duration::from_secs(u64::from(expires)) / 2;
    let before = Duration::from_secs(u64::from(expires.saturating_sub(30)));
    half.max(before).max(Duration::from_secs(1))
}

fn got_answer(response: &Response, registrar: Route, out: &mut Outbox<Output>) {
    let (code, reason) = (response.code(), response.reason().detached());
    out.push(Output::Event(RegistrationEvent::GotAnswer { code, reason, registrar }));
}

fn detached(route: ServiceRoute) -> ServiceRoute {
    ServiceRoute(route.0.detached())
}

/// REGISTER goes to routes only.
const fn route(hop: &Hop) -> Option<Route> {
    match hop {
        Hop::Route(route) => Some(*route),
        Hop::Uri(_) => None,
    }
}
