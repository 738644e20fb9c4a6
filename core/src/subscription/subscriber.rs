//! One subscription after the other: what an account, or an application that wants to stay subscribed, keeps.
//!
//! ```text
//!  begin ──► Subscribed ── failed, or ended by the notifier ──► Waiting ── the time has come ──► Subscribed
//!                │  ▲                                             │
//!                │  └── the network has changed: anew ────────────┤
//!                └── end: 2 s at most ──► Done ◄──────────────────┘
//! ```
//!
//! How long it waits is decided by [`Persistence`] from the reason (RFC 6665 section 4.1.3).

use std::time::Duration;

use crate::config::Context;
use crate::invitation::Incoming;
use crate::outbox::Outbox;
use crate::sip::{BuildError, Response, Text};
use crate::time::{Instant, earliest};
use crate::transaction::End;
use crate::uac::{Client, Located, Output, Ticket};
use crate::usage::{Ended, Persistence};

use super::{Out, State, Subscribe, Subscription, SubscriptionEvent};

/// How long the notifier may take for its last word when we leave it.
const PARTING: Duration = Duration::from_secs(2);

/// One who stays subscribed.
#[derive(Debug)]
pub struct Subscriber {
    subscribe: Subscribe,
    /// Whether it begins anew by itself.
    persistent: bool,
    phase: Phase,
    /// Whether it is to go on when the present subscription is over.
    wanted: bool,
    /// Whether it is to begin anew at once then.
    again: bool,
    /// When the present subscription is not waited for any longer.
    part_by: Option<Instant>,
    persistence: Persistence,
    /// Whether there was a place to send the last SUBSCRIBE to.
    located: bool,
}

#[derive(Debug)]
enum Phase {
    Subscribed(Box<Subscription>),
    /// Until then, or for ever.
    Waiting(Client, Option<Instant>),
    Done,
}

impl Subscriber {
    /// Subscribes; with `persistent` again and again.
    ///
    /// # Errors
    /// When what it says cannot be written into a message.
    pub fn begin(
        cx: &mut Context<'_>,
        subscribe: Subscribe,
        client: Client,
        persistent: bool,
        out: Out<'_>,
    ) -> Result<Self, BuildError> {
        let subscription = Subscription::subscribe(cx, subscribe.clone(), client, out)?;
        let mut persistence = Persistence::new(subscribe.unsupported);
        persistence.begin(cx.now);
        Ok(Self {
            subscribe,
            persistent,
            phase: Phase::Subscribed(Box::new(subscription)),
            wanted: true,
            again: false,
            part_by: None,
            persistence,
            located: false,
        })
    }

    /// Whether it goes over TCP or TLS only.
    #[must_use]
    pub const fn is_reliable(&self) -> bool {
        self.subscribe.reliable
    }

    /// The present subscription.
    #[must_use]
    pub fn subscription(&self) -> Option<&Subscription> {
        match &self.phase {
            Phase::Subscribed(subscription) => Some(subscription),
            Phase::Waiting(..) | Phase::Done => None,
        }
    }

    /// The state of the present subscription; between two it is null.
    #[must_use]
    pub fn state(&self) -> State {
        match &self.phase {
            Phase::Subscribed(subscription) => subscription.state(),
            Phase::Waiting(..) => State::Null,
            Phase::Done => State::Terminated,
        }
    }

    /// Whether nothing is under way, nor ever will be by itself.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        matches!(self.phase, Phase::Done)
    }

    /// Whether nothing is under way now.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.subscription().is_none_or(Subscription::is_idle)
    }

    /// When [`timeout`](Self::timeout) is next wanted.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Subscribed(subscription) => earliest(self.part_by, subscription.deadline()),
            Phase::Waiting(_, until) => *until,
            Phase::Done => None,
        }
    }

    /// Works off the deadlines that have come.
    pub fn timeout(&mut self, cx: &mut Context<'_>, out: Out<'_>) {
        if let Phase::Waiting(_, until) = &self.phase {
            if until.is_some_and(|until| until <= cx.now) {
                self.subscribe(cx, out);
            }
            return;
        }
        let part = self.part_by.is_some_and(|by| by <= cx.now);
        self.with(cx, out, |subscription, cx, out| {
            subscription.timeout(cx, out);
            if part {
                subscription.abandon(out);
            }
        });
    }

    /// The places to send the SUBSCRIBE to, or why they cannot be found.
    pub fn located(&mut self, cx: &mut Context<'_>, places: Result<Vec<Located>, Text>, out: Out<'_>) {
        self.located = places.as_ref().is_ok_and(|places| !places.is_empty());
        self.with(cx, out, |subscription, cx, out| subscription.located(cx, places, out));
    }

    /// A response came to a request of ours.
    pub fn response(&mut self, cx: &mut Context<'_>, ticket: Ticket, response: &Response, out: Out<'_>) {
        self.with(cx, out, |subscription, cx, out| subscription.response(cx, ticket, response, out));
    }

    /// The transaction of a request of ours is over.
    pub fn client_ended(&mut self, cx: &mut Context<'_>, ticket: Ticket, end: &End, out: Out<'_>) {
        self.with(cx, out, |subscription, cx, out| subscription.client_ended(cx, ticket, end, out));
    }

    /// A NOTIFY came. False when there is no subscription that it could belong to: it is not answered.
    pub fn notified(&mut self, cx: &mut Context<'_>, incoming: &Incoming, out: Out<'_>) -> bool {
        self.with(cx, out, |subscription, cx, out| subscription.notified(cx, incoming, out)).is_some()
    }

    /// Asks for the state once more.
    pub fn refresh(&mut self, cx: &mut Context<'_>, out: Out<'_>) {
        self.with(cx, out, |subscription, cx, out| subscription.refresh(cx, out));
    }

    /// Begins anew: the network has changed, and NOTIFYs may not reach us any more. One that is not persistent is refreshed.
    pub fn renew(&mut self, cx: &mut Context<'_>, out: Out<'_>) {
        if !self.wanted || !self.persistent {
            self.refresh(cx, out);
            return;
        }
        if matches!(self.phase, Phase::Waiting(..)) {
            self.subscribe(cx, out);
            return;
        }
        self.again = true;
        self.part_by = Some(cx.now + PARTING);
        self.with(cx, out, |subscription, cx, out| subscription.end(cx, out));
    }

    /// Ends it. The notifier is told, and has the last word; that is not waited for for long.
    pub fn end(&mut self, cx: &mut Context<'_>, out: Out<'_>) {
        self.wanted = false;
        self.again = false;
        if matches!(self.phase, Phase::Waiting(..)) {
            self.phase = Phase::Done;
            return;
        }
        self.part_by = Some(cx.now + PARTING);
        self.with(cx, out, |subscription, cx, out| subscription.end(cx, out));
    }

    /// Calls the present subscription, and looks at what it says.
    fn with<T>(
        &mut self,
        cx: &mut Context<'_>,
        out: Out<'_>,
        act: impl FnOnce(&mut Subscription, &mut Context<'_>, Out<'_>) -> T,
    ) -> Option<T> {
        let Phase::Subscribed(subscription) = &mut self.phase else { return None };
        let mut own = Outbox::new();
        let result = act(subscription, cx, &mut own);
        let mut pause = None;
        while let Some(output) = own.pop() {
            match &output {
                Output::Event(SubscriptionEvent::DidFail { cause, min_expires, retry }) => {
                    if let Some(min) = min_expires {
                        self.subscribe.expires = *min;
                    }
                    let ended = Ended { cause, min_expires: *min_expires, retry: *retry };
                    pause = self.persistence.pause(cx, &ended, self.located);
                }
                Output::Event(SubscriptionEvent::DidEnd { cause, retry }) => {
                    let ended = Ended { cause, min_expires: None, retry: *retry };
                    pause = self.persistence.pause(cx, &ended, self.located);
                }
                Output::Event(_)
                | Output::Locate(_)
                | Output::Request { .. }
                | Output::Respond { .. }
                | Output::DialogBegan(_)
                | Output::DialogEnded(_) => {}
            }
            out.push(output);
        }
        self.ended(cx, pause, out);
        Some(result)
    }

    /// If the present subscription is over: waits for the next, or begins it, or is done.
    fn ended(&mut self, cx: &mut Context<'_>, pause: Option<Duration>, out: Out<'_>) {
        if !self.subscription().is_some_and(Subscription::is_done) {
            return;
        }
        let Phase::Subscribed(over) = std::mem::replace(&mut self.phase, Phase::Done) else { return };
        self.part_by = None;
        if !self.persistent || !self.wanted {
            return;
        }
        let until = pause.map(|pause| cx.now + pause);
        self.phase = Phase::Waiting(over.into_client(), until);
        if std::mem::take(&mut self.again) {
            self.subscribe(cx, out);
        }
    }

    fn subscribe(&mut self, cx: &mut Context<'_>, out: Out<'_>) {
        let Phase::Waiting(client, _) = std::mem::replace(&mut self.phase, Phase::Done) else { return };
        self.located = false;
        self.persistence.begin(cx.now);
        // It could be written before.
        if let Ok(subscription) = Subscription::subscribe(cx, self.subscribe.clone(), client, out) {
            self.phase = Phase::Subscribed(Box::new(subscription));
        }
    }
}
