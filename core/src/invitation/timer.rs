//! Session timers (RFC 4028): who refreshes a session, when, and what happens when nobody does.
//!
//! ```text
//!             2xx with Session-Expires
//!  (none) ─────────────────────────────► Running ──┐ refreshed by either side: starts again
//!     ▲                                   │  │  ▲──┘
//!     └── 2xx without Session-Expires ────┘  │
//!                                            └── shortly before the interval is over: BYE
//! ```
//!
//! The refresher sends UPDATE where the peer understands it, else a re-INVITE that offers the same again, when half of the interval is over.

use std::time::Duration;

use crate::cause::{By, Cause};
use crate::config::{Config, Context};
use crate::dialog::Role;
use crate::outbox::Outbox;
use crate::random::Random;
use crate::sip::{
    Builder, CSeq, HeaderName, Headers, Kind, Method, MinSe, Refresher, Request, Response, SessionExpires,
};
use crate::time::{Instant, earliest};

use super::client::ClientInvite;
use super::leg::Leg;
use super::output::{Event, Output};
use super::state::State;
use super::{Invitation, InvitationError};

/// The option tag (RFC 4028 section 7.1).
pub(super) const TIMER: &str = "timer";

/// No interval is shorter, in seconds (RFC 4028 section 4).
const FLOOR: u32 = 90;

/// How often a refused refresh is tried again before the next one succeeds.
const RETRIES: u8 = 4;

/// After how long a refresh is tried that another request was in the way of.
const BUSY: Duration = Duration::from_secs(2);

/// The timer of a dialog that has one.
#[derive(Debug)]
pub(super) struct Timer {
    /// The interval in seconds.
    interval: u32,
    /// Whether this side refreshes.
    ours: bool,
    refresh: Option<Instant>,
    bye: Instant,
    refused: u8,
}

impl Timer {
    fn start(now: Instant, interval: u32, ours: bool) -> Self {
        let whole = Duration::from_secs(u64::from(interval));
        let early = Duration::from_secs(32).min(whole / 3);
        Self { interval, ours, refresh: ours.then_some(now + whole / 2), bye: now + (whole - early), refused: 0 }
    }
}

/// Whether the interval that a session refresh request asks for is long enough (RFC 4028 section 9). One whose sender does not understand timers is not refused.
///
/// # Errors
/// When it is to be refused with 422, and this Min-SE.
pub fn judge_interval(config: &Config, request: &Request) -> Result<(), u32> {
    let least = least(config);
    match request.get::<SessionExpires>() {
        Ok(Some(asked)) if config.session_timer.enabled && asked.seconds < least && request.supports(TIMER) => {
            Err(least)
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// The shortest interval that this side accepts.
fn least(config: &Config) -> u32 {
    config.session_timer.min_se.max(FLOOR)
}

/// What an initial INVITE of ours says of timers.
pub(super) fn ask(config: &Config, builder: Builder<Request>) -> Builder<Request> {
    match config.session_timer.expires {
        Some(expires) if config.session_timer.enabled => {
            let least = least(config);
            let builder = builder.header(&SessionExpires::new(expires.max(least)));
            if least > FLOOR { builder.header(&MinSe::new(least)) } else { builder }
        }
        Some(_) | None => builder,
    }
}

/// The INVITE that a 422 asks for, and its CSeq number; none when it asks for no more than was refused, or was asked often enough.
pub(super) fn longer(config: &Config, invite: &ClientInvite, response: &Response) -> Option<(Request, u32)> {
    let least = response.get::<MinSe>().ok()??.seconds;
    let refused = invite.request.get::<SessionExpires>().ok()??.seconds;
    if !config.session_timer.enabled || least <= refused || invite.refusals >= RETRIES {
        return None;
    }
    let number = invite.cseq.saturating_add(1);
    let left_out = [HeaderName::CSeq, HeaderName::SessionExpires, HeaderName::MinSe];
    let request = invite
        .request
        .amend(&left_out)
        .header(&CSeq { number, method: Method::Invite })
        .header(&SessionExpires::new(least))
        .header(&MinSe::new(least))
        .finish();
    request.ok().map(|request| (request, number))
}

impl Leg {
    /// What a request of ours inside the dialog that refreshes the session says of timers (RFC 4028 section 7.4).
    pub(super) fn refresh<M: Kind>(&self, builder: Builder<M>) -> Builder<M> {
        let Some(timer) = &self.timer else { return builder };
        let refresher = if timer.ours { Refresher::Uac } else { Refresher::Uas };
        let interval = SessionExpires::new(timer.interval.max(self.min_se)).with_refresher(refresher);
        let builder = builder.header(&interval);
        if self.min_se > 0 { builder.header(&MinSe::new(self.min_se)) } else { builder }
    }

    /// What our 2xx to a session refresh request says of timers, and the timer that follows from it (RFC 4028 section 9, table 2).
    pub(super) fn grant(
        &mut self,
        cx: &Context<'_>,
        request: &Request,
        builder: Builder<Response>,
    ) -> Builder<Response> {
        self.timer = None;
        if !cx.config.session_timer.enabled {
            return builder;
        }
        self.learn_min_se(request);
        let supported = request.supports(TIMER);
        let Ok(Some(asked)) = request.get::<SessionExpires>() else { return builder };
        // Who cannot be refused is not followed below the floor: it would make us send without end.
        if asked.seconds < FLOOR {
            return builder;
        }
        let refresher = match asked.refresher() {
            Some(refresher) if supported => refresher,
            None if supported => Refresher::Uac,
            Some(_) | None => Refresher::Uas,
        };
        self.timer = Some(Timer::start(cx.now, asked.seconds, refresher == Refresher::Uas));
        let builder = builder.header(&SessionExpires::new(asked.seconds).with_refresher(refresher));
        if supported { builder.field(HeaderName::Require, TIMER) } else { builder }
    }

    /// The timer that follows from a 2xx to a session refresh request of ours (RFC 4028 section 7.2).
    pub(super) fn granted(&mut self, cx: &Context<'_>, response: &Response) {
        self.timer = match response.get::<SessionExpires>() {
            Ok(Some(granted)) if cx.config.session_timer.enabled => {
                let ours = granted.refresher() != Some(Refresher::Uas);
                Some(Timer::start(cx.now, granted.seconds.max(FLOOR), ours))
            }
            Ok(_) | Err(_) => None,
        };
    }

    /// Remembers the largest Min-SE that was seen in this dialog.
    fn learn_min_se(&mut self, message: &Headers) {
        if let Ok(Some(least)) = message.get::<MinSe>() {
            self.min_se = self.min_se.max(least.seconds);
        }
    }

    /// A request of ours that refreshes the session was refused: when it may be tried again, if ever.
    fn refused(&mut self, now: Instant, role: Role, random: &mut Random, response: &Response) {
        let before = self.min_se;
        if response.code() == 422 {
            self.learn_min_se(response);
        }
        let Some(timer) = &mut self.timer else { return };
        if !timer.ours || timer.refused >= RETRIES {
            return;
        }
        timer.refused += 1;
        let wait = match response.code() {
            422 if self.min_se <= before.max(timer.interval) => return,
            422 => Duration::ZERO,
            491 => glare(role, random),
            _ => match response.get::<crate::sip::RetryAfter>() {
                Ok(Some(after)) => Duration::from_secs(u64::from(after.seconds)),
                // Half of the time that is left.
                Ok(None) | Err(_) => timer.bye.saturating_since(now) / 2,
            },
        };
        timer.refresh = Some(now + wait).filter(|at| *at < timer.bye);
    }

    fn timer_deadline(&self) -> Option<Instant> {
        let timer = self.timer.as_ref()?;
        earliest(Some(timer.bye), timer.refresh)
    }
}

/// How long to wait after a 491 (RFC 3261 section 14.1): the owner of the Call-ID 2.1 to 4 seconds, the other side less than 2, in steps of 10 ms.
fn glare(role: Role, random: &mut Random) -> Duration {
    let steps = match role {
        Role::Caller => random.between(210, 400),
        Role::Callee => random.between(0, 200),
    };
    Duration::from_millis(steps * 10)
}

impl Invitation {
    /// When the session timer wants something.
    pub(super) fn timer_deadline(&self) -> Option<Instant> {
        if self.state == State::Connected { self.legs.first().and_then(Leg::timer_deadline) } else { None }
    }

    /// Refreshes the session, or ends it, when it is time.
    pub(super) fn timer_due(&mut self, cx: &Context<'_>, out: &mut Outbox<Output>) {
        if self.state != State::Connected {
            return;
        }
        let Some(leg) = self.legs.first_mut() else { return };
        let updates = leg.updates;
        let Some(timer) = &mut leg.timer else { return };
        if timer.bye <= cx.now {
            let cause = Cause::status(By::Timeout, 408, "session timer expired");
            self.end_by_bye(cx, Some(r#"SIP;cause=408;text="Session timer expired""#), Some(cause), out);
            return;
        }
        if timer.refresh.is_none_or(|at| at > cx.now) {
            return;
        }
        timer.refresh = None;
        if !updates {
            out.push(Output::Event(Event::RefreshDue));
        } else if self.update(cx, None, out).is_err() {
            self.refresh_later(cx);
        }
    }

    /// Refreshes the session by a re-INVITE with the description that the peer has already: for [`Event::RefreshDue`].
    ///
    /// # Errors
    /// As [`propose`](Self::propose). What was in the way refreshes the session itself, or it is tried again soon.
    pub fn refresh(&mut self, cx: &Context<'_>, offer: &[u8], out: &mut Outbox<Output>) -> Result<(), InvitationError> {
        self.propose(cx, Some((offer, &[])), out).inspect_err(|_| self.refresh_later(cx))
    }

    /// Something else is under way.
    fn refresh_later(&mut self, cx: &Context<'_>) {
        if let Some(timer) = self.legs.first_mut().and_then(|leg| leg.timer.as_mut()) {
            timer.refresh = Some(cx.now + BUSY).filter(|at| *at < timer.bye);
        }
    }

    /// A request of ours that refreshes the session has its final answer.
    pub(super) fn refreshed(&mut self, cx: &mut Context<'_>, response: &Response) {
        let role = self.role;
        let Some(leg) = self.legs.first_mut() else { return };
        if response.code() < 300 {
            leg.granted(cx, response);
        } else {
            leg.refused(cx.now, role, cx.random, response);
        }
    }
}
