//! A REFER that came (RFC 3515 section 2.4): what becomes of the call that it asks for is told by NOTIFYs, one after the other.
//!
//! ```text
//!             accepted, 202                 final status, or 180 s
//!  Undecided ──────────────► Subscribed ────────────────────────► Over
//!      └── refused, or nobody decided for 20 s ─────────────────────┘
//! ```

use std::time::Duration;

use crate::sip::{Event, Text};
use crate::time::Instant;

use super::target::ReferTarget;

/// For how long what becomes of it is told.
const SUBSCRIPTION: Duration = Duration::from_secs(180);

/// For how long somebody may think about it: below the time after which the other side gives up its REFER.
const THOUGHT: Duration = Duration::from_secs(20);

/// A REFER that came.
#[derive(Debug)]
pub struct Referee {
    target: ReferTarget,
    state: State,
    /// The id of the subscription, where it is not the first of the dialog.
    id: Option<u32>,
    until: Instant,
    /// Whether a NOTIFY of ours has no answer yet.
    busy: bool,
    /// What is to be told next.
    next: Option<(u16, Text)>,
    /// What was told last.
    last: (u16, Text),
    /// The CSeq number of the REFER, by which its subscription may be named.
    number: u32,
    reason: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Undecided,
    Subscribed,
    Over,
}

/// A NOTIFY that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The value of its Event header.
    pub event: String,
    /// The value of its Subscription-State header.
    pub state: String,
    /// The status that it tells.
    pub code: u16,
    /// The reason phrase.
    pub reason: Text,
}

impl Referee {
    /// A REFER came with this CSeq number, the first of its dialog or not.
    #[must_use]
    pub fn asked(now: Instant, target: ReferTarget, number: u32, first: bool) -> Self {
        Self {
            target,
            state: State::Undecided,
            id: (!first).then_some(number),
            until: now + THOUGHT,
            busy: false,
            next: None,
            last: (100, Text::from_static("Trying")),
            number,
            reason: "noresource",
        }
    }

    /// Whom it asks to call.
    #[must_use]
    pub const fn target(&self) -> &ReferTarget {
        &self.target
    }

    /// Whether it waits for a decision.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        self.state == State::Undecided
    }

    /// Whether nothing more is told.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// When [`timeout`](Self::timeout) is wanted.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        (self.state != State::Over).then_some(self.until)
    }

    /// It was accepted: the first NOTIFY follows at once.
    pub fn accept(&mut self, now: Instant) -> Option<Notification> {
        if !self.target.subscribes {
            self.state = State::Over;
            return None;
        }
        self.state = State::Subscribed;
        self.until = now + SUBSCRIPTION;
        self.tell(now, 100, "Trying")
    }

    /// It was refused.
    pub fn refuse(&mut self) {
        self.state = State::Over;
    }

    /// The call that it asked for has got this far; a final code ends it. What is not told yet is replaced by what is newer.
    pub fn tell(&mut self, now: Instant, code: u16, reason: &str) -> Option<Notification> {
        if self.state != State::Subscribed || self.next.as_ref().is_some_and(|(next, _)| *next >= 200) {
            return None;
        }
        self.next = Some((code, reason.into()));
        self.next(now)
    }

    /// A NOTIFY has its final answer. One that is refused ends the subscription (RFC 6665 section 4.2.2).
    pub fn notified(&mut self, now: Instant, code: u16) -> Option<Notification> {
        self.busy = false;
        if code >= 300 {
            self.state = State::Over;
        }
        self.next(now)
    }

    /// A SUBSCRIBE came for what becomes of it, which prolongs that, or with 0 ends it: for how many seconds it goes on, and what is told at once (RFC 3515 section 2.4.4).
    ///
    /// # Errors
    /// With the code that refuses it.
    pub fn subscribed(
        &mut self,
        now: Instant,
        event: &Event,
        expires: Option<u32>,
    ) -> Result<(u32, Option<Notification>), u16> {
        let number = self.number.to_string();
        let ours = event.value == "refer" && event.id().is_none_or(|id| id == number);
        if self.state != State::Subscribed || !ours {
            return Err(481);
        }
        let granted = expires.map_or(SUBSCRIPTION, |seconds| Duration::from_secs(seconds.into())).min(SUBSCRIPTION);
        self.until = now + granted;
        if granted.is_zero() {
            return Ok((0, self.timeout(now).1));
        }
        if self.next.is_none() {
            self.next = Some(self.last.clone());
        }
        let seconds = u32::try_from(granted.as_secs()).unwrap_or(u32::MAX);
        Ok((seconds, self.next(now)))
    }

    /// Time has passed. True when nobody has decided: the REFER is to be refused.
    pub fn timeout(&mut self, now: Instant) -> (bool, Option<Notification>) {
        if now < self.until {
            return (false, None);
        }
        match self.state {
            State::Undecided => {
                self.state = State::Over;
                (true, None)
            }
            State::Subscribed => {
                // Whatever else was to be told, this is the last chance.
                self.busy = false;
                self.reason = "timeout";
                let (code, reason) = self.next.take().unwrap_or_else(|| self.last.clone());
                self.state = State::Over;
                (false, Some(self.notification(now, code, reason, true)))
            }
            State::Over => (false, None),
        }
    }

    fn next(&mut self, now: Instant) -> Option<Notification> {
        if self.busy || self.state != State::Subscribed {
            return None;
        }
        let (code, reason) = self.next.take()?;
        self.last = (code, reason.clone());
        let last = code >= 200;
        if last {
            self.state = State::Over;
        }
        self.busy = true;
        Some(self.notification(now, code, reason, last))
    }

    fn notification(&self, now: Instant, code: u16, reason: Text, last: bool) -> Notification {
        let event = self.id.map_or_else(|| "refer".to_owned(), |id| format!("refer;id={id}"));
        let state = if last {
            format!("terminated;reason={}", self.reason)
        } else {
            format!("active;expires={}", self.until.saturating_since(now).as_secs())
        };
        Notification { event, state, code, reason }
    }
}
