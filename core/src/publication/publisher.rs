//! One publication after the other: what an account, or an application that wants to stay published, keeps.
//!
//! How long it waits after a failure is decided by [`Persistence`] from the reason.

use std::time::Duration;

use crate::config::Context;
use crate::outbox::Outbox;
use crate::sip::{BuildError, Response, Text};
use crate::time::{Instant, earliest};
use crate::transaction::End;
use crate::uac::{Client, Located, Output, Ticket};
use crate::usage::{Content, Ended, Persistence, check};

use super::{Out, Publication, PublicationError, PublicationEvent, Publish, State};

/// How long the server may take to remove the state when we leave it.
const PARTING: Duration = Duration::from_secs(2);

/// One who stays published.
#[derive(Debug)]
pub struct Publisher {
    publish: Publish,
    /// Whether it begins anew by itself.
    persistent: bool,
    phase: Phase,
    wanted: bool,
    /// When the present publication is not waited for any longer.
    part_by: Option<Instant>,
    persistence: Persistence,
    located: bool,
}

#[derive(Debug)]
enum Phase {
    Published(Box<Publication>),
    /// Until then, or for ever.
    Waiting(Client, Option<Instant>),
    Done,
}

impl Publisher {
    /// Publishes; with `persistent` again and again.
    ///
    /// # Errors
    /// When what it says cannot be written into a message.
    pub fn begin(
        cx: &mut Context<'_>,
        publish: Publish,
        client: Client,
        persistent: bool,
        out: Out<'_>,
    ) -> Result<Self, BuildError> {
        let publication = Publication::publish(cx, publish.clone(), client, out)?;
        let mut persistence = Persistence::default();
        persistence.begin(cx.now);
        let phase = Phase::Published(Box::new(publication));
        Ok(Self { publish, persistent, phase, wanted: true, part_by: None, persistence, located: false })
    }

    /// The present publication.
    #[must_use]
    pub fn publication(&self) -> Option<&Publication> {
        match &self.phase {
            Phase::Published(publication) => Some(publication),
            Phase::Waiting(..) | Phase::Done => None,
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
        self.publication().is_none_or(Publication::is_idle)
    }

    /// When [`timeout`](Self::timeout) is next wanted.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Published(publication) => earliest(self.part_by, publication.deadline()),
            Phase::Waiting(_, until) => *until,
            Phase::Done => None,
        }
    }

    /// Works off the deadlines that have come.
    pub fn timeout(&mut self, cx: &mut Context<'_>, out: Out<'_>) {
        if let Phase::Waiting(_, until) = &self.phase {
            if until.is_some_and(|until| until <= cx.now) {
                self.publish(cx, out);
            }
            return;
        }
        let part = self.part_by.is_some_and(|by| by <= cx.now);
        self.with(cx, out, |publication, cx, out| {
            publication.timeout(cx, out);
            if part {
                publication.abandon(out);
            }
        });
    }

    /// Publishes a new state in place of the last; between two attempts it goes along with the next.
    ///
    /// # Errors
    /// When it has ended, or the content cannot be written.
    pub fn change(&mut self, cx: &mut Context<'_>, content: Content, out: Out<'_>) -> Result<(), PublicationError> {
        if !self.wanted || self.is_done() {
            return Err(PublicationError::Ended);
        }
        check(Some(&content))?;
        self.publish.content = content.clone();
        self.with(cx, out, |publication, _, out| publication.change(content, out)).unwrap_or(Ok(()))
    }

    /// The places to send the PUBLISH to, or why they cannot be found.
    pub fn located(&mut self, cx: &mut Context<'_>, places: Result<Vec<Located>, Text>, out: Out<'_>) {
        self.located = places.as_ref().is_ok_and(|places| !places.is_empty());
        self.with(cx, out, |publication, cx, out| publication.located(cx, places, out));
    }

    /// A response came to a request of ours.
    pub fn response(&mut self, cx: &mut Context<'_>, ticket: Ticket, response: &Response, out: Out<'_>) {
        self.with(cx, out, |publication, cx, out| publication.response(cx, ticket, response, out));
    }

    /// The transaction of a request of ours is over.
    pub fn client_ended(&mut self, cx: &mut Context<'_>, ticket: Ticket, end: &End, out: Out<'_>) {
        self.with(cx, out, |publication, cx, out| publication.client_ended(cx, ticket, end, out));
    }

    /// The network has changed: the server is asked whether it still knows the state, or the next attempt begins.
    pub fn renew(&mut self, cx: &mut Context<'_>, out: Out<'_>) {
        if matches!(self.phase, Phase::Waiting(..)) {
            self.publish(cx, out);
        } else {
            self.with(cx, out, |publication, _, out| publication.refresh(out));
        }
    }

    /// Ends it: the state is removed. One that is persistent does not wait for that for long.
    pub fn end(&mut self, cx: &mut Context<'_>, out: Out<'_>) {
        self.wanted = false;
        if matches!(self.phase, Phase::Waiting(..)) {
            self.phase = Phase::Done;
            return;
        }
        if self.persistent {
            self.part_by = Some(cx.now + PARTING);
        }
        self.with(cx, out, |publication, _, out| publication.end(out));
    }

    /// Calls the present publication, and looks at what it says.
    fn with<T>(
        &mut self,
        cx: &mut Context<'_>,
        out: Out<'_>,
        act: impl FnOnce(&mut Publication, &mut Context<'_>, Out<'_>) -> T,
    ) -> Option<T> {
        let Phase::Published(publication) = &mut self.phase else { return None };
        let mut own = Outbox::new();
        let result = act(publication, cx, &mut own);
        let mut pause = None;
        while let Some(output) = own.pop() {
            if let Output::Event(PublicationEvent::DidFail { cause, min_expires, retry }) = &output {
                if let Some(min) = min_expires {
                    self.publish.expires = *min;
                }
                let ended = Ended { cause, min_expires: *min_expires, retry: *retry };
                pause = self.persistence.pause(cx, &ended, self.located);
            }
            out.push(output);
        }
        if publication.state() == State::Ended {
            let Phase::Published(over) = std::mem::replace(&mut self.phase, Phase::Done) else { return None };
            self.part_by = None;
            if self.persistent && self.wanted {
                self.phase = Phase::Waiting(over.into_client(), pause.map(|pause| cx.now + pause));
            }
        }
        Some(result)
    }

    fn publish(&mut self, cx: &mut Context<'_>, out: Out<'_>) {
        let Phase::Waiting(client, _) = std::mem::replace(&mut self.phase, Phase::Done) else { return };
        self.located = false;
        self.persistence.begin(cx.now);
        // It could be written before.
        if let Ok(publication) = Publication::publish(cx, self.publish.clone(), client, out) {
            self.phase = Phase::Published(Box::new(publication));
        }
    }
}
