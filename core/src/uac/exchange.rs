//! One request until its final answer. The diagram stands at the [room](super).

use std::collections::VecDeque;
use std::time::Duration;

use crate::cause::{By, Cause};
use crate::config::Context;
use crate::outbox::Outbox;
use crate::sip::digest::{Attempt, Authenticator, Credentials, Refusal};
use crate::sip::{BuildError, Contact, Request, Response, Text, reason_phrase};
use crate::time::Instant;
use crate::transaction::End;
use crate::transport::CloseCause;

use super::{Hop, Output, Target, Ticket};

/// What a usage keeps for all of its requests: credentials, the challenges in force, and the names of its requests.
#[derive(Debug, Default)]
pub struct Client {
    authenticator: Authenticator,
    tickets: u32,
}

impl Client {
    /// One that authenticates with these credentials.
    #[must_use]
    pub const fn new(credentials: Option<Credentials>) -> Self {
        Self { authenticator: Authenticator::new(credentials), tickets: 0 }
    }

    /// Authenticates with these credentials from now on.
    pub fn set_credentials(&mut self, credentials: Option<Credentials>) {
        self.authenticator = Authenticator::new(credentials);
    }

    /// The realm whose challenge was answered last.
    #[must_use]
    pub fn realm(&self) -> Option<&Text> {
        self.authenticator.realm()
    }

    fn ticket(&mut self) -> Ticket {
        let ticket = Ticket::new(self.tickets);
        self.tickets = self.tickets.wrapping_add(1);
        ticket
    }
}

/// How long an exchange may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// All of it: when this is used up no further target is tried.
    pub total: Duration,
    /// What one target gets at least.
    pub least: Duration,
    /// What one target gets at most.
    pub most: Duration,
}

impl Patience {
    /// 30 s in all, and 1 to 10 s for each target.
    pub const USUAL: Self =
        Self { total: Duration::from_secs(30), least: Duration::from_secs(1), most: Duration::from_secs(10) };

    /// So long in all, for however many targets.
    #[must_use]
    pub const fn of(total: Duration) -> Self {
        Self { total, least: Duration::ZERO, most: total }
    }
}

/// One request under way.
#[derive(Debug)]
pub struct Exchange {
    ticket: Ticket,
    /// Without the Contact toward a target, and without credentials.
    draft: Request,
    /// As it was sent last, without Via.
    request: Request,
    number: u32,
    hop: Hop,
    targets: VecDeque<Target>,
    attempt: Attempt,
    patience: Patience,
    /// When no further target is tried.
    until: Instant,
    /// When the present target is given up.
    target_until: Instant,
}

/// An exchange that is over.
#[derive(Debug)]
pub struct Done {
    /// The final answer, or why there is none that counts.
    pub result: Result<Response, Failure>,
    /// Over which hop it ended.
    pub hop: Hop,
    /// The CSeq number that was used last.
    pub number: u32,
}

/// Why an exchange failed.
#[derive(Clone, Debug)]
pub enum Failure {
    /// No answer in time, from any target.
    Timeout,
    /// There is no way to any target.
    Transport(CloseCause),
    /// A challenge could not be answered, or the credentials were refused.
    Authentication {
        /// The 401 or 407.
        response: Response,
        /// Why it is not answered.
        refusal: Refusal,
    },
    /// The request could not be written.
    Unwritable(BuildError),
}

impl Failure {
    /// The same, as the cause of an ending.
    #[must_use]
    pub fn cause(&self) -> Cause {
        match self {
            Self::Timeout => Cause::status(By::Timeout, 408, reason_phrase(408)),
            Self::Transport(cause) => Cause { by: By::Network, code: None, reason: Some(cause.to_string().into()) },
            Self::Authentication { response, .. } => {
                Cause::status(By::Remote, response.code(), "Authentication failed")
            }
            Self::Unwritable(error) => Cause::new(By::Local, error.to_string()),
        }
    }
}

/// What becomes of an exchange when the present target has failed.
enum Moved {
    Next,
    Exhausted,
}

impl Exchange {
    /// Sends a request to the first of its targets. It has no Via, no credentials, and no Contact that depends on the target yet.
    ///
    /// # Errors
    /// When it cannot be written, or there is no target.
    pub fn start<E>(
        cx: &Context<'_>,
        client: &mut Client,
        request: Request,
        targets: Vec<Target>,
        patience: Patience,
        out: &mut Outbox<Output<E>>,
    ) -> Result<Self, Failure> {
        let mut targets: VecDeque<Target> = targets.into();
        let first = targets.pop_front().ok_or(Failure::Transport(CloseCause::Unreachable))?;
        let number = request.cseq().map_or(0, |cseq| cseq.number);
        let sent = toward(&request, &first).map_err(Failure::Unwritable)?;
        let sent = client.authenticator.authorize(&sent, None).map_err(Failure::Unwritable)?;
        let mut exchange = Self {
            ticket: client.ticket(),
            draft: request,
            request: sent,
            number,
            hop: first.hop,
            targets,
            attempt: Attempt::default(),
            patience,
            until: cx.now + patience.total,
            target_until: cx.now,
        };
        exchange.send(cx, out);
        Ok(exchange)
    }

    /// Gives it up at this time, if not before.
    pub fn give_up_by(&mut self, at: Instant) {
        self.until = self.until.min(at);
        self.target_until = self.target_until.min(at);
    }

    /// The CSeq number that was used last.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// The request, as it was sent last.
    #[must_use]
    pub const fn request(&self) -> &Request {
        &self.request
    }

    /// When [`timeout`](Self::timeout) is next wanted.
    #[must_use]
    pub const fn deadline(&self) -> Instant {
        self.target_until
    }

    /// A response came to a request of the usage.
    pub fn response<E>(
        &mut self,
        cx: &mut Context<'_>,
        client: &mut Client,
        ticket: Ticket,
        response: &Response,
        out: &mut Outbox<Output<E>>,
    ) -> Option<Done> {
        if ticket != self.ticket || response.code() < 200 {
            return None;
        }
        match response.code() {
            401 | 407 => self.challenged(cx, client, response, out),
            408 | 503 => match self.next_target(cx, client, out) {
                Ok(Moved::Next) => None,
                Ok(Moved::Exhausted) => Some(self.done(Ok(response.clone()))),
                Err(failure) => Some(self.done(Err(failure))),
            },
            code => {
                if (200..300).contains(&code) {
                    client.authenticator.accepted(response, cx.random);
                }
                Some(self.done(Ok(response.clone())))
            }
        }
    }

    /// The transaction of a request of the usage is over.
    pub fn client_ended<E>(
        &mut self,
        cx: &Context<'_>,
        client: &mut Client,
        ticket: Ticket,
        end: &End,
        out: &mut Outbox<Output<E>>,
    ) -> Option<Done> {
        if ticket != self.ticket {
            return None;
        }
        let failure = match end {
            End::TransportFailed(cause) => Failure::Transport(cause.clone()),
            End::Timeout | End::NoAck | End::Done | End::Cancelled | End::Unanswered => Failure::Timeout,
        };
        self.target_failed(cx, client, failure, out)
    }

    /// Time has passed: a target that did not answer in time is given up.
    pub fn timeout<E>(&mut self, cx: &Context<'_>, client: &mut Client, out: &mut Outbox<Output<E>>) -> Option<Done> {
        if cx.now < self.target_until {
            return None;
        }
        self.target_failed(cx, client, Failure::Timeout, out)
    }

    fn target_failed<E>(
        &mut self,
        cx: &Context<'_>,
        client: &mut Client,
        failure: Failure,
        out: &mut Outbox<Output<E>>,
    ) -> Option<Done> {
        match self.next_target(cx, client, out) {
            Ok(Moved::Next) => None,
            Ok(Moved::Exhausted) => Some(self.done(Err(failure))),
            Err(failure) => Some(self.done(Err(failure))),
        }
    }

    fn challenged<E>(
        &mut self,
        cx: &mut Context<'_>,
        client: &mut Client,
        response: &Response,
        out: &mut Outbox<Output<E>>,
    ) -> Option<Done> {
        let answered = client.authenticator.challenged(&mut self.attempt, &self.request, response, cx.random);
        if let Err(refusal) = answered {
            return Some(self.done(Err(Failure::Authentication { response: response.clone(), refusal })));
        }
        match client.authenticator.authorize(&self.request, Some(self.number.saturating_add(1))) {
            Ok(request) => {
                self.number = self.number.saturating_add(1);
                self.request = request;
                self.ticket = client.ticket();
                self.send(cx, out);
                None
            }
            Err(error) => Some(self.done(Err(Failure::Unwritable(error)))),
        }
    }

    /// Sends the request to the next target: the same, but for the Contact and the credentials, whose nonces are counted.
    fn next_target<E>(
        &mut self,
        cx: &Context<'_>,
        client: &mut Client,
        out: &mut Outbox<Output<E>>,
    ) -> Result<Moved, Failure> {
        if cx.now >= self.until {
            return Ok(Moved::Exhausted);
        }
        let Some(target) = self.targets.pop_front() else { return Ok(Moved::Exhausted) };
        let request = toward(&self.draft, &target).map_err(Failure::Unwritable)?;
        self.request = client.authenticator.authorize(&request, Some(self.number)).map_err(Failure::Unwritable)?;
        self.hop = target.hop;
        self.ticket = client.ticket();
        self.send(cx, out);
        Ok(Moved::Next)
    }

    fn send<E>(&mut self, cx: &Context<'_>, out: &mut Outbox<Output<E>>) {
        let left = self.until.saturating_since(cx.now);
        self.target_until = cx.now + left.max(self.patience.least).min(self.patience.most);
        out.push(Output::Request { ticket: self.ticket, request: self.request.clone(), hop: self.hop.clone() });
    }

    fn done(&self, result: Result<Response, Failure>) -> Done {
        Done { result, hop: self.hop.clone(), number: self.number }
    }
}

/// The request as it goes to this target.
fn toward(request: &Request, target: &Target) -> Result<Request, BuildError> {
    match &target.contact {
        None => Ok(request.clone()),
        Some(contact) => request.amend(&[]).header(&Contact::Address(contact.clone())).finish(),
    }
}
