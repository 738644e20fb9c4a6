//! A REFER that we sent (RFC 3515 section 2.4).
//!
//! ```text
//!          2xx, or the first NOTIFY           NOTIFY terminated
//!  Sent ───────────────────────────► Under way ───────────────► Over
//!    └── refused, 2xx without a subscription, 90 s ───────────────┘
//! ```

use std::time::Duration;

use crate::sip::{Event, ReferSub, Request, Response, SubscriptionState, Text};
use crate::time::Instant;

use super::sipfrag::status_of;

/// How long all of it may take.
const LIMIT: Duration = Duration::from_secs(90);

/// A REFER that we sent.
#[derive(Debug)]
pub struct Referral {
    state: State,
    /// The CSeq number of the REFER.
    number: u32,
    until: Instant,
    last: Option<(u16, Text)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Sent,
    UnderWay,
    Over,
}

/// What has become of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// The other side does what it was asked.
    Started,
    /// What the one who is called has said.
    Progress(u16, Text),
    /// It is done.
    Ended,
    /// It came to nothing.
    Failed(u16, Text),
}

impl Referral {
    /// The REFER with this CSeq number is on its way.
    #[must_use]
    pub fn sent(now: Instant, number: u32) -> Self {
        Self { state: State::Sent, number, until: now + LIMIT, last: None }
    }

    /// The REFER was challenged and sent again with this CSeq number.
    pub const fn sent_again(&mut self, number: u32) {
        self.number = number;
    }

    /// Whether nothing more comes of it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// When [`timeout`](Self::timeout) is wanted.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        (self.state != State::Over).then_some(self.until)
    }

    /// The final response to the REFER. A 2xx may say that there is no subscription (RFC 4488 section 4): then it has done its part.
    pub fn answered(&mut self, response: &Response) -> Vec<News> {
        let code = response.code();
        if self.state == State::Over || code < 200 {
            return Vec::new();
        }
        if code >= 300 {
            return self.failed(code, response.reason());
        }
        let mut news = self.started();
        if matches!(response.get::<ReferSub>(), Ok(Some(ReferSub(item))) if item.value.eq_ignore_ascii_case("false")) {
            self.state = State::Over;
            news.push(News::Ended);
        }
        news
    }

    /// There was no response to the REFER.
    pub fn unanswered(&mut self, code: u16, reason: &str) -> Vec<News> {
        if self.state == State::Sent { self.failed(code, reason.into()) } else { Vec::new() }
    }

    /// A NOTIFY came inside the dialog; with what it is to be answered. One of another subscription is none of ours: 481.
    pub fn notified(&mut self, notify: &Request) -> (u16, Vec<News>) {
        let nothing = Vec::new();
        let Ok(Some(event)) = notify.get::<Event>() else { return (400, nothing) };
        let number = self.number.to_string();
        if event.value != "refer" || event.id().is_some_and(|id| id != number) {
            return (481, nothing);
        }
        let Ok(Some(state)) = notify.get::<SubscriptionState>() else { return (400, nothing) };
        let sipfrag = notify.content_type().ok().flatten().is_some_and(|own| own.is("message/sipfrag"));
        let status = if sipfrag { status_of(&notify.body()) } else { None };
        let terminated = state.value.eq_ignore_ascii_case("terminated");
        if status.is_none() && !terminated {
            return (if sipfrag { 400 } else { 415 }, nothing);
        }
        if self.state == State::Over {
            return (200, nothing);
        }
        let mut news = self.started();
        if let Some((code, reason)) = status
            && self.last.as_ref().is_none_or(|(last, _)| *last != code)
        {
            self.last = Some((code, reason.clone()));
            news.push(News::Progress(code, reason));
        }
        if terminated {
            match self.last.clone() {
                Some((200..=299, _)) => {
                    self.state = State::Over;
                    news.push(News::Ended);
                }
                Some((code @ 300.., reason)) => news.extend(self.failed(code, reason)),
                // It ended before it was known what came of it.
                Some(_) | None => {
                    let reason = state.reason().unwrap_or("noresource").into();
                    news.extend(self.failed(0, reason));
                }
            }
        }
        (200, news)
    }

    /// 90 s have gone.
    pub fn timeout(&mut self, now: Instant) -> Vec<News> {
        if self.state == State::Over || now < self.until {
            return Vec::new();
        }
        self.failed(408, "Request Timeout".into())
    }

    /// The call is over, and with it what was known of the transfer.
    pub fn abandoned(&mut self) -> Vec<News> {
        if self.state == State::Over { Vec::new() } else { self.failed(0, "session ended".into()) }
    }

    fn started(&mut self) -> Vec<News> {
        if self.state != State::Sent {
            return Vec::new();
        }
        self.state = State::UnderWay;
        vec![News::Started]
    }

    fn failed(&mut self, code: u16, reason: Text) -> Vec<News> {
        self.state = State::Over;
        vec![News::Failed(code, reason)]
    }
}
