//! Published event state (RFC 3903): PUBLISH with its entity-tag, its refreshes, and its removal.
//!
//! ```text
//!            publish                 2xx with SIP-ETag
//!  Null ──────────────► Publishing ────────────────────► Published ◄──┐
//!                          │   ▲                          │ │  refresh, change
//!            412: anew, ───┘   └──────────────────────────┘ └─────────┘
//!            423: longer                                  │
//!                          │ refused, no answer           │ end: remove
//!                          ▼                              ▼
//!                        Ended ◄───────────────────── Removing
//! ```
//!
//! One PUBLISH at a time (section 4): a change that comes meanwhile waits, and only the newest of several is told.
//!
//! | operation | body | SIP-If-Match | Expires |
//! |---|---|---|---|
//! | initial | yes | no | > 0 |
//! | refresh | no | yes | > 0 |
//! | modify | yes | yes | > 0 |
//! | remove | no | yes | 0 |

mod event;
mod publisher;
#[cfg(test)]
mod tests;

pub use event::PublicationEvent;
pub use publisher::Publisher;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cause::{By, Cause};
use crate::config::Context;
use crate::outbox::Outbox;
use crate::sip::{BuildError, Event, HeaderName, Method, NameAddr, Response, ServiceRoute, SipEtag, SipIfMatch, Text};
use crate::time::{Instant, earliest};
use crate::transaction::End;
use crate::transport::CloseCause;
use crate::uac::{Client, Destination, Done, Exchange, Failure, Located, Output, Patience, Ticket};
use crate::usage::{
    Content, Retry, Sender, check, longer, patience, refresh_after, retry_after, retry_of, retry_of_failure, targets,
};

/// The state of a publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing was published yet.
    Publishing,
    /// The server holds the state.
    Published,
    /// It is being removed.
    Removing,
    /// Over.
    Ended,
}

/// What a publication says.
#[derive(Clone, Debug)]
pub struct Publish {
    /// Whose state it is: also where it is published.
    pub from: NameAddr,
    /// The package.
    pub event: Event,
    /// For how many seconds.
    pub expires: u32,
    /// The state.
    pub content: Content,
    /// Where to send it.
    pub destination: Destination,
    /// The proxies that requests outside of dialogs go through first (RFC 3608).
    pub routes: Vec<ServiceRoute>,
    /// How long each place may take; without it as long as a transaction, shared among the places.
    pub patience: Option<Patience>,
}

/// Why a call is refused. Nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublicationError {
    /// The publication has ended, or is about to.
    #[error("the publication has ended")]
    Ended,
    /// What the application gave cannot be written into a message.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// What a PUBLISH does (section 4.1, table 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Initial,
    Refresh,
    Modify,
    Remove,
}

type Out<'a> = &'a mut Outbox<Output<PublicationEvent>>;

/// One publication.
#[derive(Debug)]
pub struct Publication {
    state: State,
    sender: Sender,
    client: Client,
    event: Event,
    expires: u32,
    content: Content,
    destination: Destination,
    patience: Option<Patience>,
    /// The version of the state that the server holds.
    etag: Option<Text>,
    /// The PUBLISH under way.
    exchange: Option<(Exchange, Operation)>,
    /// The operation that waits for the places to send it to.
    locating: Option<Operation>,
    /// Whether the content is newer than what was sent.
    changed: bool,
    refresh_at: Option<Instant>,
    until: Option<Instant>,
    /// Whether a longer time was asked for, after a 423.
    lengthened: bool,
    /// Whether a 412 made us begin anew, with no success since.
    renewed: bool,
}

impl Publication {
    /// Starts a publication: [`located`](Self::located) goes on with it.
    ///
    /// # Errors
    /// When what it says cannot be written into a message.
    pub fn publish(cx: &mut Context<'_>, publish: Publish, client: Client, out: Out<'_>) -> Result<Self, BuildError> {
        let sender = Sender::new(cx.random, publish.from.clone(), publish.from, publish.routes);
        let mut publication = Self {
            state: State::Publishing,
            sender,
            client,
            event: publish.event,
            expires: publish.expires,
            content: publish.content,
            destination: publish.destination,
            patience: publish.patience,
            etag: None,
            exchange: None,
            locating: None,
            changed: false,
            refresh_at: None,
            until: None,
            lengthened: false,
            renewed: false,
        };
        publication.request(cx, Operation::Initial)?;
        publication.locate(Operation::Initial, out);
        Ok(publication)
    }

    /// Its state.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// The package.
    #[must_use]
    pub const fn event(&self) -> &Event {
        &self.event
    }

    /// The version of the state that the server holds.
    #[must_use]
    pub const fn etag(&self) -> Option<&Text> {
        self.etag.as_ref()
    }

    /// What another attempt needs, so that no answer to this one is taken for one to that.
    #[must_use]
    pub fn into_client(self) -> Client {
        self.client
    }

    /// Whether it is over.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.state == State::Ended
    }

    /// When [`timeout`](Self::timeout) is next wanted.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        if self.state == State::Ended {
            return None;
        }
        earliest(self.exchange.as_ref().map(|(exchange, _)| exchange.deadline()), self.refresh_at)
    }

    /// Publishes a new state in place of the last.
    ///
    /// # Errors
    /// When the publication has ended, or the content cannot be written.
    pub fn change(&mut self, content: Content, out: Out<'_>) -> Result<(), PublicationError> {
        if matches!(self.state, State::Removing | State::Ended) {
            return Err(PublicationError::Ended);
        }
        check(Some(&content))?;
        self.content = content;
        self.changed = true;
        self.next(out);
        Ok(())
    }

    /// Sends the state once more, whatever the server holds.
    pub fn refresh(&mut self, out: Out<'_>) {
        if self.state == State::Published && self.is_idle() {
            self.locate(Operation::Refresh, out);
        }
    }

    /// Removes the state from the server.
    pub fn end(&mut self, out: Out<'_>) {
        if matches!(self.state, State::Removing | State::Ended) {
            return;
        }
        out.push(Output::Event(PublicationEvent::WillEnd));
        self.state = State::Removing;
        self.refresh_at = None;
        self.next(out);
    }

    /// Forgets it: the server is not told, or not waited for any longer.
    pub fn abandon(&mut self, out: Out<'_>) {
        if self.state != State::Ended {
            self.over(PublicationEvent::DidNotEnd { cause: Cause::new(By::Local, "user request") }, out);
        }
    }

    /// The places to send the PUBLISH to are known; without any it has failed.
    pub fn located(&mut self, cx: &Context<'_>, located: Result<Vec<Located>, Text>, out: Out<'_>) {
        let Some(operation) = self.locating.take() else { return };
        // What was to be published is to be removed by now.
        let operation =
            if self.state == State::Removing && self.etag.is_some() { Operation::Remove } else { operation };
        if self.state == State::Removing && self.etag.is_none() {
            self.next(out);
            return;
        }
        let located = match located {
            Ok(located) => located,
            Err(reason) => {
                self.refused(cx, operation, Cause::new(By::Network, reason), None, Retry::Later, None, out);
                return;
            }
        };
        let targets = targets(&located, None);
        let patience = self.patience.unwrap_or_else(|| patience(targets.len(), cx.config.timers.timeout()));
        let exchange = if targets.is_empty() {
            Err(Failure::Transport(CloseCause::Unreachable))
        } else {
            let request = self.request(cx, operation).map_err(Failure::Unwritable);
            request.and_then(|request| Exchange::start(cx, &mut self.client, request, targets, patience, out))
        };
        match exchange {
            Ok(exchange) => {
                if matches!(operation, Operation::Initial | Operation::Modify) {
                    self.changed = false;
                }
                self.exchange = Some((exchange, operation));
            }
            Err(failure) => self.failed(cx, operation, &failure, out),
        }
    }

    /// A response came to a request that we sent.
    pub fn response(&mut self, cx: &mut Context<'_>, ticket: Ticket, response: &Response, out: Out<'_>) {
        let Some((exchange, operation)) = &mut self.exchange else { return };
        let operation = *operation;
        if let Some(done) = exchange.response(cx, &mut self.client, ticket, response, out) {
            self.answered(cx, operation, &done, out);
        }
    }

    /// The transaction of a request that we sent is over.
    pub fn client_ended(&mut self, cx: &Context<'_>, ticket: Ticket, end: &End, out: Out<'_>) {
        let Some((exchange, operation)) = &mut self.exchange else { return };
        let operation = *operation;
        if let Some(done) = exchange.client_ended(cx, &mut self.client, ticket, end, out) {
            self.answered(cx, operation, &done, out);
        }
    }

    /// Works off the deadlines that have come.
    pub fn timeout(&mut self, cx: &Context<'_>, out: Out<'_>) {
        if let Some((exchange, operation)) = &mut self.exchange {
            let operation = *operation;
            if let Some(done) = exchange.timeout(cx, &mut self.client, out) {
                self.answered(cx, operation, &done, out);
            }
        }
        if self.refresh_at.is_some_and(|at| at <= cx.now) {
            self.refresh_at = None;
            if self.is_idle() {
                // What was not taken before goes along.
                let operation = match (self.changed, &self.etag) {
                    (_, None) => Operation::Initial,
                    (true, Some(_)) => Operation::Modify,
                    (false, Some(_)) => Operation::Refresh,
                };
                self.locate(operation, out);
            }
        }
    }

    /// Whether nothing is under way now.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.exchange.is_none() && self.locating.is_none()
    }

    /// What is to be done next, when nothing is under way.
    fn next(&mut self, out: Out<'_>) {
        if !self.is_idle() {
            return;
        }
        match self.state {
            State::Removing if self.etag.is_some() => self.locate(Operation::Remove, out),
            // There is nothing to remove.
            State::Removing => self.over(PublicationEvent::DidEnd, out),
            State::Publishing | State::Published if self.changed => {
                self.locate(if self.etag.is_some() { Operation::Modify } else { Operation::Initial }, out);
            }
            State::Publishing | State::Published | State::Ended => {}
        }
    }

    fn locate(&mut self, operation: Operation, out: Out<'_>) {
        self.refresh_at = None;
        self.locating = Some(operation);
        out.push(Output::Locate(self.destination.clone()));
    }

    fn request(&mut self, cx: &Context<'_>, operation: Operation) -> Result<crate::sip::Request, BuildError> {
        let expires = if operation == Operation::Remove { 0 } else { self.expires };
        let mut builder = self
            .sender
            .request(Method::Publish)
            .header(&self.event)
            .field(HeaderName::Expires, expires)
            .field(HeaderName::UserAgent, &cx.config.user_agent);
        if operation != Operation::Initial
            && let Some(etag) = &self.etag
        {
            builder = builder.header(&SipIfMatch(etag.clone()));
        }
        if matches!(operation, Operation::Initial | Operation::Modify) {
            builder = builder.body(&self.content.content_type, &self.content.body);
        }
        builder.finish()
    }

    fn answered(&mut self, cx: &Context<'_>, operation: Operation, done: &Done, out: Out<'_>) {
        self.exchange = None;
        self.sender.used(done.number);
        let response = match &done.result {
            Ok(response) => response,
            Err(failure) => return self.failed(cx, operation, failure, out),
        };
        let code = response.code();
        if response.is_success() {
            self.succeeded(cx, operation, response, out);
            return;
        }
        if code == 412 {
            // The server does not know the state any more (section 5): all of it once more, but not for ever.
            self.etag = None;
            if self.state == State::Removing {
                self.over(PublicationEvent::DidEnd, out);
                return;
            }
            if !std::mem::replace(&mut self.renewed, true) {
                self.locate(Operation::Initial, out);
                return;
            }
        }
        let longer = if code == 423 { longer(response, self.expires) } else { None };
        if let Some(min) = longer
            && !self.lengthened
            && operation != Operation::Remove
        {
            self.lengthened = true;
            self.expires = min;
            self.locate(operation, out);
            return;
        }
        let cause = Cause::status(By::Remote, code, response.reason().detached());
        let retry = retry_of(code, Some(response));
        self.refused(cx, operation, cause, longer, retry, retry_after(response), out);
    }

    fn succeeded(&mut self, cx: &Context<'_>, operation: Operation, response: &Response, out: Out<'_>) {
        if operation == Operation::Remove {
            self.etag = None;
            self.over(PublicationEvent::DidEnd, out);
            return;
        }
        self.renewed = false;
        self.etag = response.get::<SipEtag>().ok().flatten().map(|etag| etag.0.detached());
        let expires = response.expires().ok().flatten().unwrap_or(self.expires).min(self.expires);
        let time = Duration::from_secs(expires.into());
        self.until = Some(cx.now + time);
        if self.state == State::Publishing {
            self.state = State::Published;
        }
        if self.state == State::Published {
            self.refresh_at = Some(cx.now + refresh_after(time));
            if operation != Operation::Refresh {
                out.push(Output::Event(PublicationEvent::DidSucceed { expires }));
            }
        }
        self.next(out);
    }

    fn failed(&mut self, cx: &Context<'_>, operation: Operation, failure: &Failure, out: Out<'_>) {
        self.refused(cx, operation, failure.cause(), None, retry_of_failure(failure), None, out);
    }

    #[expect(clippy::too_many_arguments, reason = "all that is known of the failure")]
    fn refused(
        &mut self,
        cx: &Context<'_>,
        operation: Operation,
        cause: Cause,
        min_expires: Option<u32>,
        retry: Retry,
        after: Option<Duration>,
        out: Out<'_>,
    ) {
        if operation == Operation::Remove {
            self.over(PublicationEvent::DidNotEnd { cause }, out);
            return;
        }
        if self.state == State::Removing {
            self.next(out);
            return;
        }
        // The state that the server holds lasts for a while: there may be time for another attempt.
        let left = self.until.map_or(Duration::ZERO, |until| until.saturating_since(cx.now));
        let wait = after.unwrap_or(left / 2).max(Duration::from_secs(1));
        if self.state == State::Published && self.etag.is_some() && retry != Retry::Never && wait < left {
            self.refresh_at = Some(cx.now + wait);
            self.changed |= operation == Operation::Modify;
            return;
        }
        self.over(PublicationEvent::DidFail { cause, min_expires, retry }, out);
    }

    fn over(&mut self, event: PublicationEvent, out: Out<'_>) {
        self.state = State::Ended;
        self.refresh_at = None;
        self.exchange = None;
        self.locating = None;
        out.push(Output::Event(event));
    }
}
