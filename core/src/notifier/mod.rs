//! The notifier's side of a subscription (RFC 6665 section 4.2): a SUBSCRIBE that came, and the NOTIFYs that we send.
//!
//! A [`Notifier`] is one incoming subscription (the reference's IncomingSubscription), or the one that a REFER brings
//! with it (RFC 3515). NOTIFYs leave one at a time, so that they cannot overtake each other. Its states stand at [`State`].

mod event;
mod state;
#[cfg(test)]
mod tests;

pub use event::NotifierEvent;
pub use state::State;

use std::collections::VecDeque;
use std::time::Duration;

use crate::cause::{By, Cause};
use crate::config::Context;
use crate::dialog::{Dialog, DialogError, DialogId};
use crate::invitation::Incoming;
use crate::outbox::Outbox;
use crate::package::AllowEvents;
use crate::sip::digest::Credentials;
use crate::sip::{
    BuildError, Contact, Event, HeaderName, Item, Method, NameAddr, Response, SubscriptionState, Text, Uri,
    reason_phrase,
};
use crate::time::{Instant, earliest};
use crate::transaction::End;
use crate::transfer::{BadRefer, CONTENT_TYPE, ReferTarget, status_line};
use crate::uac::{Client, Done, Exchange, Hop, Output, Patience, Target, Ticket};
use crate::usage::{Content, check, ends_subscription};

/// How many seconds a subscription lasts that names none (RFC 6665 section 4.2.1.1).
pub const DEFAULT_EXPIRES: u32 = 3600;
/// How many seconds it lasts at most.
pub const MAX_EXPIRES: u32 = 3600;
/// A shorter one is refused with 423.
pub const MIN_EXPIRES: u32 = 60;

/// How long the application may think about a SUBSCRIBE before it is taken as pending: nobody must wait for a person (RFC 6665 section 4.2.1.1).
const ANSWER_TIME: Duration = Duration::from_secs(2);

/// How long somebody may think about a REFER: below the time after which the other side gives it up.
const THOUGHT: Duration = Duration::from_secs(20);

/// How many seconds the subscription lasts that a REFER brings along.
const REFER_EXPIRES: u32 = 180;

/// NOTIFYs that wait for the one under way. Beyond it the newest takes the place of the one before.
const QUEUE: usize = 16;

/// Why a call is refused. Nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotifierError {
    /// Not in this state.
    #[error("cannot {what} a subscription that is {state}")]
    IllegalState {
        /// What was tried.
        what: &'static str,
        /// The state.
        state: State,
    },
    /// A subscription cannot be rejected with this code.
    #[error("{0} does not reject a subscription")]
    BadCode(u16),
    /// What the application gave cannot be written into a message.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// How a SUBSCRIBE is refused without the application being asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status code.
    pub code: u16,
    /// A header that goes with it.
    pub header: Option<(HeaderName, String)>,
}

impl From<DialogError> for Refusal {
    fn from(_: DialogError) -> Self {
        Self { code: 400, header: None }
    }
}

/// A NOTIFY to send.
#[derive(Debug)]
struct Notice {
    content: Option<Content>,
    /// Of the last one: why, and when to try again.
    last: Option<(Text, Option<u32>)>,
}

/// One incoming subscription.
#[derive(Debug)]
pub struct Notifier {
    state: State,
    event: Event,
    /// Whom a REFER asks to call, and its CSeq number, where one has brought it along.
    refer: Option<Box<(ReferTarget, u32)>>,
    dialog: Dialog,
    contact: Uri,
    /// The SUBSCRIBE or REFER that is not answered yet, and when it is taken as pending, or is refused.
    unanswered: Option<(Box<Incoming>, Instant)>,
    /// For how many seconds it was asked.
    expires: u32,
    until: Option<Instant>,
    /// The last state that was told.
    content: Option<Content>,
    queue: VecDeque<Notice>,
    client: Client,
    in_flight: Option<Exchange>,
}

impl Notifier {
    /// Takes a SUBSCRIBE outside of any dialog, whose Event header names a package that the application notifies of. Our Contact is `contact`.
    ///
    /// # Errors
    /// How to refuse it: 423 when it asks for too short a time, 400 when what it holds cannot be used.
    pub fn incoming(
        cx: &mut Context<'_>,
        incoming: Incoming,
        contact: Uri,
        credentials: Option<Credentials>,
        out: &mut Outbox<Output<NotifierEvent>>,
    ) -> Result<Self, Refusal> {
        let malformed = Refusal { code: 400, header: None };
        let event = incoming.request.get::<Event>().ok().flatten().ok_or_else(|| malformed.clone())?;
        let expires = granted(&incoming)?;
        let local_tag = cx.random.token(13);
        let dialog = Dialog::from_request(&incoming.request, &incoming.essentials, &local_tag)?;
        let limit = cx.config.limits.list_members;
        let accept = incoming.request.values(HeaderName::Accept).filter_map(Result::ok).take(limit);
        out.push(Output::Event(NotifierEvent::GotSubscribe {
            from: incoming.essentials.from.to_string().into(),
            to: incoming.essentials.to.to_string().into(),
            event: event.to_string().into(),
            expires,
            accept: accept.map(|accept| accept.detached()).collect(),
        }));
        Ok(Self {
            state: State::Incoming,
            event: Event(event.detached()),
            refer: None,
            dialog,
            contact,
            unanswered: Some((Box::new(incoming), cx.now + ANSWER_TIME)),
            expires,
            until: None,
            content: None,
            queue: VecDeque::new(),
            client: Client::new(credentials),
            in_flight: None,
        })
    }

    /// Takes a REFER outside of any dialog, and the subscription that it brings with it (RFC 3515 section 2.4.4). Accepted, it makes the dialog and tells
    /// 100 at once; what follows is told by [`notify`](Self::notify), and the outcome by [`end`](Self::end).
    ///
    /// # Errors
    /// How to refuse it: as [`ReferTarget::read`] says, or with 400 when what it holds makes no dialog.
    pub fn referred(
        cx: &mut Context<'_>,
        incoming: Incoming,
        contact: Uri,
        credentials: Option<Credentials>,
        out: &mut Outbox<Output<NotifierEvent>>,
    ) -> Result<Self, Refusal> {
        let target = ReferTarget::read(&incoming.request).map_err(|BadRefer(code)| Refusal { code, header: None })?;
        let dialog = Dialog::from_request(&incoming.request, &incoming.essentials, &cx.random.token(13))?;
        out.push(Output::Event(NotifierEvent::GotRefer {
            from: incoming.essentials.from.to_string().into(),
            to: incoming.essentials.to.to_string().into(),
            refer_to: target.to.to_string().into(),
            referred_by: target.referred_by.clone(),
            attended: target.replaces.is_some(),
        }));
        Ok(Self {
            state: State::Incoming,
            event: Event(Item::new("refer")),
            refer: Some(Box::new((target, incoming.essentials.cseq.number))),
            dialog,
            contact,
            unanswered: Some((Box::new(incoming), cx.now + THOUGHT)),
            expires: REFER_EXPIRES,
            until: None,
            content: None,
            queue: VecDeque::new(),
            client: Client::new(credentials),
            in_flight: None,
        })
    }

    /// Whom a REFER asks to call, while nobody has decided.
    #[must_use]
    pub fn refer_target(&self) -> Option<&ReferTarget> {
        self.refer.as_ref().filter(|_| self.unanswered.is_some()).map(|refer| &refer.0)
    }

    /// The call that a REFER asked for has got this far; a final code ends the subscription.
    pub fn refer_progress(
        &mut self,
        cx: &Context<'_>,
        code: u16,
        reason: &str,
        out: &mut Outbox<Output<NotifierEvent>>,
    ) {
        let content = Content::new(CONTENT_TYPE, status_line(code, reason));
        // One that is over has nobody to tell; a status line can be written.
        let _ = match code {
            ..200 => self.notify(cx, content, out),
            _ => self.end(cx, "noresource", None, Some(content), out),
        };
    }

    /// Its state.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// The package and the subscription's id.
    #[must_use]
    pub const fn event(&self) -> &Event {
        &self.event
    }

    /// Its dialog.
    #[must_use]
    pub const fn dialog(&self) -> &Dialog {
        &self.dialog
    }

    /// Whether it is over and no NOTIFY is under way.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.state == State::Terminated && self.in_flight.is_none() && self.queue.is_empty()
    }

    /// Whether nothing is under way now, and the SUBSCRIBE is answered.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.in_flight.is_none() && self.queue.is_empty() && self.unanswered.is_none()
    }

    /// When [`timeout`](Self::timeout) is next wanted.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let notify = self.in_flight.as_ref().map(Exchange::deadline);
        if self.state == State::Terminated {
            return notify;
        }
        earliest(notify, earliest(self.unanswered.as_ref().map(|(_, by)| *by), self.until))
    }

    /// Accepts the subscription, as pending or for good, and tells it the state; one that was pending can be accepted once more. One that asked for the state once is over with that.
    ///
    /// # Errors
    /// When it is neither incoming nor pending, or the content cannot be written.
    pub fn accept(
        &mut self,
        cx: &Context<'_>,
        pending: bool,
        content: Option<Content>,
        out: &mut Outbox<Output<NotifierEvent>>,
    ) -> Result<(), NotifierError> {
        check(content.as_ref())?;
        match self.state {
            State::Incoming if self.refer_target().is_some_and(|target| !target.subscribes) => {
                return self.accept_unsubscribed(cx, out);
            }
            State::Incoming => self.answer(cx, out)?,
            State::Pending if !pending => {}
            State::Pending | State::Active | State::Terminated => {
                return Err(NotifierError::IllegalState { what: "accept", state: self.state });
            }
        }
        if self.refer.is_some() {
            self.change(State::Active, out);
            let trying = Content::new(CONTENT_TYPE, status_line(100, reason_phrase(100)));
            self.tell(cx, Some(content.unwrap_or(trying)), out);
            return Ok(());
        }
        self.change(if pending { State::Pending } else { State::Active }, out);
        if self.expires == 0 {
            self.finish(cx, "timeout", None, content, Cause::new(By::Remote, "timeout"), out);
        } else {
            self.tell(cx, content, out);
        }
        Ok(())
    }

    /// Accepts a REFER whose sender does not want to be told what comes of it (RFC 4488 section 4): there is no subscription, and no dialog.
    fn accept_unsubscribed(
        &mut self,
        cx: &Context<'_>,
        out: &mut Outbox<Output<NotifierEvent>>,
    ) -> Result<(), NotifierError> {
        let Some((incoming, _)) = self.unanswered.take() else { return Ok(()) };
        let response = self.confirmation(cx, &incoming)?;
        out.push(Output::Respond { transaction: incoming.transaction, response });
        self.change(State::Terminated, out);
        out.push(Output::Event(NotifierEvent::DidEnd { cause: Cause::new(By::Remote, "norefersub") }));
        Ok(())
    }

    /// Refuses the subscription with a status code, 300 to 699.
    ///
    /// # Errors
    /// When it was answered already, or the code or reason phrase cannot be used.
    pub fn reject(
        &mut self,
        cx: &Context<'_>,
        code: u16,
        reason: Option<&str>,
        out: &mut Outbox<Output<NotifierEvent>>,
    ) -> Result<(), NotifierError> {
        if !(300..700).contains(&code) {
            return Err(NotifierError::BadCode(code));
        }
        let Some((incoming, _)) = &self.unanswered else {
            return Err(NotifierError::IllegalState { what: "reject", state: self.state });
        };
        let response = incoming.plain(code, reason, self.dialog.id().local_tag(), &cx.config.user_agent)?;
        let cause = Cause::status(By::Local, code, response.reason());
        out.push(Output::Respond { transaction: incoming.transaction, response });
        self.unanswered = None;
        self.change(State::Terminated, out);
        out.push(Output::Event(NotifierEvent::DidEnd { cause }));
        Ok(())
    }

    /// Tells the subscriber a new state.
    ///
    /// # Errors
    /// When the subscription is neither pending nor active, or the content cannot be written.
    pub fn notify(
        &mut self,
        cx: &Context<'_>,
        content: Content,
        out: &mut Outbox<Output<NotifierEvent>>,
    ) -> Result<(), NotifierError> {
        if !matches!(self.state, State::Pending | State::Active) {
            return Err(NotifierError::IllegalState { what: "notify", state: self.state });
        }
        check(Some(&content))?;
        self.tell(cx, Some(content), out);
        Ok(())
    }

    /// Ends the subscription: the last NOTIFY says why (RFC 6665 section 4.1.3: `deactivated`, `probation`, `rejected`, `timeout`, `giveup`, `noresource`, `invariant`) and after how many seconds another attempt makes sense. One that nobody answered is refused with 480.
    ///
    /// # Errors
    /// When it is over, or the content or reason cannot be written.
    pub fn end(
        &mut self,
        cx: &Context<'_>,
        reason: &str,
        retry_after: Option<u32>,
        content: Option<Content>,
        out: &mut Outbox<Output<NotifierEvent>>,
    ) -> Result<(), NotifierError> {
        match self.state {
            State::Incoming => self.reject(cx, 480, None, out),
            State::Pending | State::Active => {
                check(content.as_ref())?;
                let header = SubscriptionState(Item::new("terminated").with_param("reason", Some(reason)));
                Response::build(200, None).header(&header).finish()?;
                self.finish(cx, reason, retry_after, content, Cause::new(By::Local, reason), out);
                Ok(())
            }
            State::Terminated => Err(NotifierError::IllegalState { what: "end", state: self.state }),
        }
    }

    /// A SUBSCRIBE came inside the dialog.
    pub fn request(&mut self, cx: &Context<'_>, incoming: &Incoming, out: &mut Outbox<Output<NotifierEvent>>) {
        if self.dialog.receive(&incoming.essentials.cseq).is_err() {
            self.refuse(cx, incoming, 500, None, None, out);
            return;
        }
        if *incoming.request.method() != Method::Subscribe {
            self.refuse(cx, incoming, 405, None, Some((HeaderName::Allow, "SUBSCRIBE".to_owned())), out);
            return;
        }
        if !incoming.request.get::<Event>().is_ok_and(|event| event.is_some_and(|event| self.is_of(&event))) {
            // Another subscription in this dialog (RFC 6665 section 4.5.2).
            self.refuse(cx, incoming, 403, Some("Dialog Sharing Not Supported"), None, out);
            return;
        }
        if self.state == State::Terminated {
            self.refuse(cx, incoming, 481, None, None, out);
            return;
        }
        let expires = match granted(incoming) {
            Ok(expires) => expires,
            Err(Refusal { code, header }) => {
                self.refuse(cx, incoming, code, None, header, out);
                return;
            }
        };
        self.dialog.refresh_target(&incoming.request);
        self.expires = expires;
        if let Ok(response) = self.confirmation(cx, incoming) {
            out.push(Output::Respond { transaction: incoming.transaction, response });
        }
        let content = self.content.clone();
        if expires == 0 {
            out.push(Output::Event(NotifierEvent::GotUnsubscribe));
            self.finish(cx, "timeout", None, content, Cause::new(By::Remote, "unsubscribed"), out);
        } else {
            self.until = Some(cx.now + Duration::from_secs(expires.into()));
            out.push(Output::Event(NotifierEvent::GotRefreshingSubscribe { expires }));
            self.tell(cx, content, out);
        }
    }

    /// Whether an Event header names this subscription; that of a REFER may be named by the REFER's number (RFC 3515 section 2.4.6).
    fn is_of(&self, event: &Event) -> bool {
        let by_number =
            |number: u32| event.value == self.event.value && event.id() == Some(number.to_string().as_str());
        event.matches(&self.event) || self.refer.as_ref().is_some_and(|refer| by_number(refer.1))
    }

    /// A response came to a NOTIFY.
    pub fn response(
        &mut self,
        cx: &mut Context<'_>,
        ticket: Ticket,
        response: &Response,
        out: &mut Outbox<Output<NotifierEvent>>,
    ) {
        let Some(exchange) = &mut self.in_flight else { return };
        if let Some(done) = exchange.response(cx, &mut self.client, ticket, response, out) {
            self.answered(cx, &done, out);
        }
    }

    /// The transaction of a NOTIFY is over.
    pub fn client_ended(
        &mut self,
        cx: &Context<'_>,
        ticket: Ticket,
        end: &End,
        out: &mut Outbox<Output<NotifierEvent>>,
    ) {
        let Some(exchange) = &mut self.in_flight else { return };
        if let Some(done) = exchange.client_ended(cx, &mut self.client, ticket, end, out) {
            self.answered(cx, &done, out);
        }
    }

    fn answered(&mut self, cx: &Context<'_>, done: &Done, out: &mut Outbox<Output<NotifierEvent>>) {
        self.in_flight = None;
        self.dialog.continue_from(done.number);
        match &done.result {
            Ok(response) if response.is_success() => {
                self.dialog.refresh_target(response);
                let (code, reason) = (response.code(), response.reason().detached());
                out.push(Output::Event(NotifierEvent::NotifyDidSucceed { code, reason }));
                self.next(cx, out);
            }
            Ok(response) => {
                let cause = Cause::status(By::Remote, response.code(), response.reason().detached());
                self.failed(cx, cause, ends_subscription(response.code()), out);
            }
            Err(failure) => self.failed(cx, failure.cause(), true, out),
        }
    }

    /// Works off the deadlines that have come.
    pub fn timeout(&mut self, cx: &Context<'_>, out: &mut Outbox<Output<NotifierEvent>>) {
        if self.unanswered.as_ref().is_some_and(|(_, by)| *by <= cx.now) {
            // Without content nothing is written that was not read before.
            let _ = match self.refer {
                Some(_) => self.reject(cx, 480, None, out),
                None => self.accept(cx, true, None, out),
            };
        }
        if let Some(exchange) = &mut self.in_flight
            && let Some(done) = exchange.timeout(cx, &mut self.client, out)
        {
            self.answered(cx, &done, out);
        }
        if self.state != State::Terminated && self.until.is_some_and(|until| until <= cx.now) {
            let content = self.content.clone();
            self.finish(cx, "timeout", None, content, Cause::new(By::Timeout, "timeout"), out);
        }
    }

    /// Answers the SUBSCRIBE with 200, or the REFER with 202.
    fn answer(&mut self, cx: &Context<'_>, out: &mut Outbox<Output<NotifierEvent>>) -> Result<(), NotifierError> {
        let Some((incoming, _)) = &self.unanswered else { return Ok(()) };
        let response = self.confirmation(cx, incoming)?;
        out.push(Output::Respond { transaction: incoming.transaction, response });
        self.unanswered = None;
        self.dialog.confirm_locally();
        out.push(Output::DialogBegan(self.dialog.id().clone()));
        self.until = Some(cx.now + Duration::from_secs(self.expires.into()));
        Ok(())
    }

    fn confirmation(&self, cx: &Context<'_>, incoming: &Incoming) -> Result<Response, BuildError> {
        let refers = *incoming.request.method() == Method::Refer;
        let mut builder = incoming
            .reply(if refers { 202 } else { 200 }, None, self.dialog.id().local_tag(), &cx.config.user_agent)
            .copy(&incoming.request, HeaderName::RecordRoute)
            .header(&Contact::Address(NameAddr::new(self.contact.clone())));
        builder = AllowEvents(&cx.config.packages).on(builder);
        if !refers {
            builder = builder.field(HeaderName::Expires, self.expires);
        } else if self.refer.as_ref().is_some_and(|refer| !refer.0.subscribes) {
            builder = builder.field(HeaderName::ReferSub, "false");
        }
        builder.finish()
    }

    fn refuse(
        &self,
        cx: &Context<'_>,
        incoming: &Incoming,
        code: u16,
        reason: Option<&str>,
        header: Option<(HeaderName, String)>,
        out: &mut Outbox<Output<NotifierEvent>>,
    ) {
        let mut builder = incoming.reply(code, reason, self.dialog.id().local_tag(), &cx.config.user_agent);
        if let Some((name, value)) = header {
            builder = builder.field(name, value);
        }
        if let Ok(response) = builder.finish() {
            out.push(Output::Respond { transaction: incoming.transaction, response });
        }
    }

    fn tell(&mut self, cx: &Context<'_>, content: Option<Content>, out: &mut Outbox<Output<NotifierEvent>>) {
        self.content.clone_from(&content);
        if self.queue.len() >= QUEUE {
            self.queue.pop_back();
        }
        self.queue.push_back(Notice { content, last: None });
        self.next(cx, out);
    }

    /// Ends it with a last NOTIFY.
    fn finish(
        &mut self,
        cx: &Context<'_>,
        reason: &str,
        retry_after: Option<u32>,
        content: Option<Content>,
        cause: Cause,
        out: &mut Outbox<Output<NotifierEvent>>,
    ) {
        self.change(State::Terminated, out);
        // What waits is told with the last one, or is not of interest any more.
        self.queue.clear();
        self.queue.push_back(Notice { content, last: Some((Text::from(reason), retry_after)) });
        out.push(Output::Event(NotifierEvent::DidEnd { cause }));
        self.next(cx, out);
    }

    fn failed(&mut self, cx: &Context<'_>, cause: Cause, fatal: bool, out: &mut Outbox<Output<NotifierEvent>>) {
        out.push(Output::Event(NotifierEvent::NotifyDidFail { cause: cause.clone() }));
        if !fatal {
            self.next(cx, out);
            return;
        }
        self.queue.clear();
        if self.state != State::Terminated {
            self.change(State::Terminated, out);
            out.push(Output::Event(NotifierEvent::DidEnd { cause }));
        }
        self.settle(out);
    }

    /// Sends the next NOTIFY, unless one is under way.
    fn next(&mut self, cx: &Context<'_>, out: &mut Outbox<Output<NotifierEvent>>) {
        if self.in_flight.is_some() {
            return;
        }
        let Some(notice) = self.queue.pop_front() else {
            self.settle(out);
            return;
        };
        let left = self.until.map_or(Duration::ZERO, |until| until.saturating_since(cx.now)).as_secs();
        let state = match &notice.last {
            Some((reason, retry_after)) => {
                let item = Item::new("terminated").with_param("reason", Some(reason));
                match retry_after {
                    Some(seconds) => item.with_param("retry-after", Some(&seconds.to_string())),
                    None => item,
                }
            }
            None => Item::new(self.state.as_str()).with_param("expires", Some(&left.to_string())),
        };
        let mut builder = self
            .dialog
            .request(Method::Notify)
            .header(&Contact::Address(NameAddr::new(self.contact.clone())))
            .header(&self.event)
            .header(&SubscriptionState(state))
            .field(HeaderName::UserAgent, &cx.config.user_agent);
        if let Some(content) = &notice.content {
            builder = builder.body(&content.content_type, &content.body);
        }
        let hop = Hop::Uri(self.dialog.next_hop().clone());
        let target = vec![Target { hop, contact: None }];
        let patience = Patience::of(cx.config.timers.timeout());
        // All that goes in was checked when it came.
        let Ok(request) = builder.finish() else { return self.settle(out) };
        match Exchange::start(cx, &mut self.client, request, target, patience, out) {
            Ok(exchange) => {
                self.in_flight = Some(exchange);
                out.push(Output::Event(NotifierEvent::SentNotify));
            }
            Err(failure) => self.failed(cx, failure.cause(), true, out),
        }
    }

    /// When all is said, requests of the dialog belong to nobody.
    fn settle(&self, out: &mut Outbox<Output<NotifierEvent>>) {
        if self.is_done() {
            out.push(Output::DialogEnded(self.dialog.id().clone()));
        }
    }

    fn change(&mut self, state: State, out: &mut Outbox<Output<NotifierEvent>>) {
        if self.state != state {
            let prev_state = std::mem::replace(&mut self.state, state);
            out.push(Output::Event(NotifierEvent::ChangedState { prev_state, state }));
        }
    }

    /// The name of its dialog.
    #[must_use]
    pub const fn id(&self) -> &DialogId {
        self.dialog.id()
    }
}

/// For how many seconds a SUBSCRIBE is granted (RFC 6665 section 4.2.1.1).
fn granted(incoming: &Incoming) -> Result<u32, Refusal> {
    let expires = incoming.request.expires().map_err(|_| Refusal { code: 400, header: None })?;
    let expires = expires.unwrap_or(DEFAULT_EXPIRES);
    if expires > 0 && expires < MIN_EXPIRES {
        return Err(Refusal { code: 423, header: Some((HeaderName::MinExpires, MIN_EXPIRES.to_string())) });
    }
    Ok(expires.min(MAX_EXPIRES))
}
