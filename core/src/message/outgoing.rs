//! One MESSAGE that we send (RFC 3428 sections 4 and 8).
//!
//! ```text
//!  Null ── send ──► Sending ── 2xx ─────────────────────────────► delivered, or taken for delivery (202)
//!                      └────── refused, no answer, too large ──► not delivered
//! ```

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cause::{By, Cause};
use crate::config::Context;
use crate::outbox::Outbox;
use crate::sip::digest::Credentials;
use crate::sip::{BuildError, HeaderName, Method, NameAddr, Request, Response, ServiceRoute, Text};
use crate::time::Instant;
use crate::transaction::End;
use crate::transport::CloseCause;
use crate::uac::{Client, Destination, Done, Exchange, Failure, Located, Output, Patience, Ticket};
use crate::usage::{Content, Sender, patience, targets};

/// Bytes above which a MESSAGE needs a transport that controls congestion (RFC 3428 section 8).
const LARGEST: usize = 1300;

/// How long a message that is given up may take.
const PARTING: Duration = Duration::from_secs(2);

/// A message to send.
#[derive(Clone, Debug)]
pub struct SendMessage {
    /// Our name and URI.
    pub from: NameAddr,
    /// To whom.
    pub to: NameAddr,
    /// The message.
    pub content: Content,
    /// Where to send it.
    pub destination: Destination,
    /// The proxies that requests outside of dialogs go through first (RFC 3608).
    pub routes: Vec<ServiceRoute>,
    /// How long each place may take; without it as long as a transaction, shared among the places.
    pub patience: Option<Patience>,
    /// What answers challenges.
    pub credentials: Option<Credentials>,
}

/// Why a message is not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// What the application gave cannot be written into a message.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// News of a message. It has exactly one of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MessageEvent {
    /// It was delivered, or with 202 taken for delivery (`SIPMessageDidSucceed`).
    DidSucceed {
        /// The status code.
        code: u16,
        /// The reason phrase.
        reason: Text,
    },
    /// It was not delivered (`SIPMessageDidFail`).
    DidFail {
        /// Why: 513 when it is too large for the transports there are.
        cause: Cause,
    },
}

impl MessageEvent {
    /// The names of the reference.
    #[must_use]
    pub const fn names(&self) -> &'static [&'static str] {
        match self {
            Self::DidSucceed { .. } => &["SIPMessageDidSucceed"],
            Self::DidFail { .. } => &["SIPMessageDidFail"],
        }
    }
}

type Out<'a> = &'a mut Outbox<Output<MessageEvent>>;

/// One MESSAGE that we send.
#[derive(Debug)]
pub struct OutgoingMessage {
    request: Request,
    client: Client,
    patience: Option<Patience>,
    exchange: Option<Exchange>,
    done: bool,
}

impl OutgoingMessage {
    /// Sends a message: [`located`](Self::located) goes on with it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn send(cx: &mut Context<'_>, message: SendMessage, out: Out<'_>) -> Result<Self, MessageError> {
        let mut sender = Sender::new(cx.random, message.from, message.to, message.routes);
        let request = sender
            .request(Method::Message)
            .field(HeaderName::UserAgent, &cx.config.user_agent)
            .body(&message.content.content_type, &message.content.body)
            .finish()?;
        out.push(Output::Locate(message.destination));
        let client = Client::new(message.credentials);
        Ok(Self { request, client, patience: message.patience, exchange: None, done: false })
    }

    /// Whether its fate is known.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.done
    }

    /// When [`timeout`](Self::timeout) is next wanted.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.exchange.as_ref().map(Exchange::deadline)
    }

    /// The places to send it to are known; a large message only goes to those that are reached over a stream.
    pub fn located(&mut self, cx: &Context<'_>, located: Result<Vec<Located>, Text>, out: Out<'_>) {
        if self.done || self.exchange.is_some() {
            return;
        }
        let located = match located {
            Ok(located) => located,
            Err(reason) => return self.over(MessageEvent::DidFail { cause: Cause::new(By::Network, reason) }, out),
        };
        // Via and the credentials come on top.
        let large = self.request.bytes().len() > LARGEST;
        let fits = |located: &&Located| !large || located.route.transport.is_reliable();
        let fitting: Vec<Located> = located.iter().filter(fits).copied().collect();
        if fitting.is_empty() {
            let cause = if located.is_empty() {
                Failure::Transport(CloseCause::Unreachable).cause()
            } else {
                Cause::status(By::Local, 513, "Message Too Large")
            };
            self.over(MessageEvent::DidFail { cause }, out);
            return;
        }
        let targets = targets(&fitting, None);
        let patience = self.patience.unwrap_or_else(|| patience(targets.len(), cx.config.timers.timeout()));
        match Exchange::start(cx, &mut self.client, self.request.clone(), targets, patience, out) {
            Ok(exchange) => self.exchange = Some(exchange),
            Err(failure) => self.over(MessageEvent::DidFail { cause: failure.cause() }, out),
        }
    }

    /// A response came to a request that we sent.
    pub fn response(&mut self, cx: &mut Context<'_>, ticket: Ticket, response: &Response, out: Out<'_>) {
        let Some(exchange) = &mut self.exchange else { return };
        let done = exchange.response(cx, &mut self.client, ticket, response, out);
        self.answered(done, out);
    }

    /// The transaction of a request that we sent is over.
    pub fn client_ended(&mut self, cx: &Context<'_>, ticket: Ticket, end: &End, out: Out<'_>) {
        let Some(exchange) = &mut self.exchange else { return };
        let done = exchange.client_ended(cx, &mut self.client, ticket, end, out);
        self.answered(done, out);
    }

    /// Works off the deadline that has come.
    pub fn timeout(&mut self, cx: &Context<'_>, out: Out<'_>) {
        let Some(exchange) = &mut self.exchange else { return };
        let done = exchange.timeout(cx, &mut self.client, out);
        self.answered(done, out);
    }

    /// Gives it up soon: within 2 s if it is under way, else at once.
    pub fn end(&mut self, cx: &Context<'_>, out: Out<'_>) {
        match &mut self.exchange {
            Some(exchange) => exchange.give_up_by(cx.now + PARTING),
            None if !self.done => {
                self.over(MessageEvent::DidFail { cause: Cause::new(By::Local, "user request") }, out);
            }
            None => {}
        }
    }

    fn answered(&mut self, done: Option<Done>, out: Out<'_>) {
        let Some(done) = done else { return };
        let event = match done.result {
            Ok(response) => {
                let (code, reason) = (response.code(), response.reason().detached());
                if response.is_success() {
                    MessageEvent::DidSucceed { code, reason }
                } else {
                    MessageEvent::DidFail { cause: Cause::status(By::Remote, code, reason) }
                }
            }
            Err(failure) => MessageEvent::DidFail { cause: failure.cause() },
        };
        self.over(event, out);
    }

    fn over(&mut self, event: MessageEvent, out: Out<'_>) {
        self.done = true;
        self.exchange = None;
        out.push(Output::Event(event));
    }
}
