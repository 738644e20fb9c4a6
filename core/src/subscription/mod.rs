//! The subscriber's side of a subscription (RFC 6665 section 4.1): SUBSCRIBE, the NOTIFYs that come, refreshes.
//!
//! A [`Subscription`] is one attempt, from its SUBSCRIBE to its end: it never begins anew by itself, but tells when that
//! makes sense ([`Retry`]); a [`Subscriber`] follows that. Its states and their diagram stand at [`State`]. The dialog is made by the first NOTIFY,
//! which may overtake the 2xx, or by the 2xx; where the package lets a SUBSCRIBE fork, there is one for each notifier.
//!
//! | file | what it does |
//! |---|---|
//! | `initial` | the SUBSCRIBE outside of any dialog: routes, 423, the 2xx |
//! | `notify` | NOTIFYs: judged, answered, and what they change |
//! | `refresh` | the SUBSCRIBEs inside the dialogs |
//! | `leg` | one dialog and its time |
//! | `known` | what its NOTIFYs add up to |
//! | `subscriber` | one subscription after the other |

mod event;
mod initial;
mod known;
mod leg;
mod notify;
mod refresh;
mod state;
mod subscriber;
#[cfg(test)]
mod tests;

pub use event::{Notify, SubscriptionEvent};
pub use known::EventState;
pub use state::State;
pub use subscriber::Subscriber;

use crate::cause::{By, Cause};
use crate::config::Context;
use crate::dialog::DialogId;
use crate::outbox::Outbox;
use crate::package::Forking;
use crate::sip::{BuildError, Event, NameAddr, Request, Response, ServiceRoute, Text, Uri};
use crate::time::{Instant, earliest};
use crate::transaction::End;
use crate::uac::{Client, Destination, Exchange, Output, Patience, Ticket};
use crate::usage::{Content, Retry, Sender, Unsupported};

use leg::{Leg, Words};

/// What a REFER says, where one makes the subscription (RFC 3515).
#[derive(Clone, Debug)]
pub struct Refer {
    /// Whom the other side is to call.
    pub refer_to: NameAddr,
    /// Whether we want to be told what comes of it (RFC 4488).
    pub subscription: bool,
}

/// What a subscription asks for.
#[derive(Clone, Debug)]
pub struct Subscribe {
    /// Our name and URI; the tag is ours to add.
    pub from: NameAddr,
    /// Whose state.
    pub to: NameAddr,
    /// The package, and the subscription's id.
    pub event: Event,
    /// The REFER that makes it, in place of a SUBSCRIBE.
    pub refer: Option<Refer>,
    /// The media types that we understand.
    pub accept: Vec<Text>,
    /// Whether several notifiers may answer.
    pub forking: Forking,
    /// Whether a list of resources may answer (RFC 4662).
    pub eventlist: bool,
    /// For how many seconds; 0 fetches the state once.
    pub expires: u32,
    /// The body, which narrows down what is told.
    pub content: Option<Content>,
    /// Where to send it.
    pub destination: Destination,
    /// The proxies that requests outside of dialogs go through first (RFC 3608).
    pub routes: Vec<ServiceRoute>,
    /// How long each place may take; without it as long as a transaction, shared among the places.
    pub patience: Option<Patience>,
    /// How long a notifier is left alone that does not know the package, by one who stays subscribed.
    pub unsupported: Unsupported,
    /// The user part of our Contact.
    pub contact_user: Text,
    /// The URI that reaches us from anywhere, which is our Contact where there is one (RFC 5627 section 4.4).
    pub gruu: Option<Uri>,
    /// Whether our registrar keeps requests on the flow that they came by, where our Contact asks for that (RFC 5626 section 4.3).
    pub outbound: bool,
    /// Whether it goes over TCP or TLS only.
    pub reliable: bool,
}

type Out<'a> = &'a mut Outbox<Output<SubscriptionEvent>>;

/// One subscription.
#[derive(Debug)]
pub struct Subscription {
    state: State,
    sender: Sender,
    client: Client,
    words: Words,
    /// The REFER that makes it, in place of a SUBSCRIBE.
    refer: Option<Refer>,
    forking: Forking,
    /// For how many seconds we ask.
    expires: u32,
    patience: Option<Patience>,
    contact_user: Text,
    gruu: Option<Uri>,
    outbound: bool,
    /// Our Contact toward the place that was taken last.
    contact: Option<NameAddr>,
    /// The SUBSCRIBE outside of any dialog, while it is under way.
    exchange: Option<Exchange>,
    /// As it was sent last, without a Via: dialogs are made of it.
    request: Option<Request>,
    /// Whether it had its final response, or none will come.
    answered: bool,
    /// Until when further NOTIFYs may make dialogs, and the first must (timer N).
    timer_n: Option<Instant>,
    /// Whether a longer time was asked for, after a 423.
    lengthened: bool,
    started: bool,
    /// Whether the application wants it to end.
    ending: bool,
    legs: Vec<Leg>,
    /// The tags of notifiers that have ended theirs: a 2xx that comes late makes no dialog with them.
    gone: Vec<Text>,
}

impl Subscription {
    /// Starts a subscription: [`located`](Self::located) goes on with it.
    ///
    /// # Errors
    /// When what it says cannot be written into a message.
    pub fn subscribe(
        cx: &mut Context<'_>,
        subscribe: Subscribe,
        client: Client,
        out: Out<'_>,
    ) -> Result<Self, BuildError> {
        let mut sender = Sender::new(cx.random, subscribe.from, subscribe.to, subscribe.routes);
        let words = Words {
            event: subscribe.event,
            accept: subscribe.accept,
            content: subscribe.content,
            eventlist: subscribe.eventlist,
        };
        words.open(cx, &mut sender, subscribe.refer.as_ref(), subscribe.expires)?;
        let subscription = Self {
            state: State::Null,
            sender,
            client,
            words,
            refer: subscribe.refer,
            forking: subscribe.forking,
            expires: subscribe.expires,
            patience: subscribe.patience,
            contact_user: subscribe.contact_user,
            gruu: subscribe.gruu,
            outbound: subscribe.outbound,
            contact: None,
            exchange: None,
            request: None,
            answered: false,
            timer_n: None,
            lengthened: false,
            started: false,
            ending: false,
            legs: Vec::new(),
            gone: Vec::new(),
        };
        out.push(Output::Event(SubscriptionEvent::WillStart));
        out.push(Output::Locate(subscribe.destination));
        Ok(subscription)
    }

    /// Its state.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// The package and the subscription's id.
    #[must_use]
    pub const fn event(&self) -> &Event {
        &self.words.event
    }

    /// For how many seconds it asks.
    #[must_use]
    pub const fn expires(&self) -> u32 {
        self.expires
    }

    /// How many notifiers it has.
    pub fn dialogs(&self) -> impl Iterator<Item = &DialogId> {
        self.legs.iter().map(|leg| leg.dialog.id())
    }

    /// What another attempt needs, so that no answer to this one is taken for one to that.
    #[must_use]
    pub fn into_client(self) -> Client {
        self.client
    }

    /// Whether nothing is under way now, and no NOTIFY is awaited.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let quiet = |leg: &Leg| leg.in_flight.is_none() && leg.timer_n.is_none();
        matches!(self.state, State::Pending | State::Active | State::Terminated)
            && self.exchange.is_none()
            && self.legs.iter().all(quiet)
    }

    /// Whether it is over.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.state == State::Terminated
    }

    /// When [`timeout`](Self::timeout) is next wanted.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        if self.state == State::Terminated {
            return None;
        }
        let own = self.exchange.as_ref().map_or(self.timer_n, |exchange| Some(exchange.deadline()));
        self.legs.iter().map(Leg::deadline).fold(own, earliest)
    }

    /// Works off the deadlines that have come.
    pub fn timeout(&mut self, cx: &Context<'_>, out: Out<'_>) {
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= cx.now);
        self.initial_timeout(cx, out);
        let mut ended = None;
        if due(self.timer_n) && self.exchange.is_none() {
            self.timer_n = None;
            self.answered = true;
            out.push(Output::DialogEnded(self.half()));
            ended = Some((Cause::new(By::Timeout, "no NOTIFY came"), Retry::Later));
        }
        self.refresh_timeout(cx, out);
        for index in (0..self.legs.len()).rev() {
            let Some(leg) = self.legs.get(index) else { continue };
            let silent = due(leg.timer_n) && leg.in_flight.is_none();
            if silent || (!leg.ending && leg.until <= cx.now) {
                let reason = if silent { "no NOTIFY came" } else { "the subscription has expired" };
                let retry = if leg.state == State::Accepted { Retry::Later } else { Retry::Now };
                self.drop_leg(index, out);
                ended = Some((Cause::new(By::Timeout, reason), retry));
            } else if due(leg.refresh_at) {
                self.subscribe_inside(cx, index, self.expires, out);
            }
        }
        if let Some((cause, retry)) = ended {
            self.settle(cause, retry, out);
        }
    }

    /// Asks for the state once more, and for the full time.
    pub fn refresh(&mut self, cx: &Context<'_>, out: Out<'_>) {
        for index in 0..self.legs.len() {
            if self.legs.get(index).is_some_and(|leg| leg.in_flight.is_none() && !leg.ending) {
                self.subscribe_inside(cx, index, self.expires, out);
            }
        }
    }

    /// Ends the subscription: its notifiers are told, and have the last word. A SUBSCRIBE that is not answered yet is ended as soon as it is.
    pub fn end(&mut self, cx: &Context<'_>, out: Out<'_>) {
        if self.ending || self.state == State::Terminated {
            return;
        }
        self.ending = true;
        out.push(Output::Event(SubscriptionEvent::WillEnd));
        if self.state == State::Null {
            self.over(Cause::new(By::Local, "user request"), None, Retry::Never, out);
        } else {
            self.end_legs(cx, out);
        }
    }

    /// Forgets it: its notifiers are not told, or not waited for any longer.
    pub fn abandon(&mut self, out: Out<'_>) {
        if self.state != State::Terminated {
            self.ending = true;
            self.over(Cause::new(By::Local, "user request"), None, Retry::Never, out);
        }
    }

    /// A response came to a request that we sent.
    pub fn response(&mut self, cx: &mut Context<'_>, ticket: Ticket, response: &Response, out: Out<'_>) {
        if self.state == State::Terminated {
            return;
        }
        self.initial_response(cx, ticket, response, out);
        self.refresh_response(cx, ticket, response, out);
    }

    /// The transaction of a request that we sent is over.
    pub fn client_ended(&mut self, cx: &Context<'_>, ticket: Ticket, end: &End, out: Out<'_>) {
        if self.state == State::Terminated {
            return;
        }
        self.initial_ended(cx, ticket, end, out);
        self.refresh_ended(cx, ticket, end, out);
    }

    fn drop_leg(&mut self, index: usize, out: Out<'_>) {
        if index < self.legs.len() {
            let leg = self.legs.remove(index);
            self.gone.push(leg.dialog.id().remote_tag().clone());
            out.push(Output::DialogEnded(leg.dialog.id().clone()));
        }
    }

    /// After a leg has gone or changed: the state of the best one, or the end if there is none and none can come.
    fn settle(&mut self, cause: Cause, retry: Retry, out: Out<'_>) {
        if self.state == State::Terminated {
            return;
        }
        match self.legs.iter().map(|leg| leg.state).max() {
            Some(best) => self.change(best, out),
            None if self.answered => self.over(cause, None, retry, out),
            None => {}
        }
    }

    /// The end, told once.
    fn over(&mut self, cause: Cause, min_expires: Option<u32>, retry: Retry, out: Out<'_>) {
        let by_notifier = cause.by == By::Remote && cause.code.is_none();
        for index in (0..self.legs.len()).rev() {
            self.drop_leg(index, out);
        }
        if self.timer_n.take().is_some() {
            out.push(Output::DialogEnded(self.half()));
        }
        self.exchange = None;
        self.change(State::Terminated, out);
        out.push(Output::Event(if self.ending {
            SubscriptionEvent::DidEnd { cause, retry: Retry::Never }
        } else if by_notifier {
            SubscriptionEvent::DidEnd { cause, retry }
        } else {
            SubscriptionEvent::DidFail { cause, min_expires, retry }
        }));
    }

    fn start(&mut self, out: Out<'_>) {
        if !std::mem::replace(&mut self.started, true) {
            out.push(Output::Event(SubscriptionEvent::DidStart));
        }
    }

    fn change(&mut self, state: State, out: Out<'_>) {
        if self.state != state {
            let prev_state = std::mem::replace(&mut self.state, state);
            out.push(Output::Event(SubscriptionEvent::ChangedState { prev_state, state }));
        }
    }

    /// What the dialogs that the notifiers may yet make have in common.
    fn half(&self) -> DialogId {
        DialogId::new(self.sender.call_id(), self.sender.tag(), "")
    }
}
