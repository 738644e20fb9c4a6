//! Subscriptions, ours and to something of ours (RFC 6665): intents, SUBSCRIBE and NOTIFY requests.

use std::net::SocketAddr;

use crate::config::Context;
use crate::dialog::DialogId;
use crate::id::{AccountId, Counter, IncomingSubscriptionId, SubscriptionId};
use crate::invitation::Incoming;
use crate::notifier::{DEFAULT_EXPIRES, Notifier, NotifierError, NotifierEvent};
use crate::outbox::Outbox;
use crate::package::{self, AllowEvents};
use crate::sip::{Event, Header, HeaderName, Method, NameAddr, SipUri, Text, Uri};
use crate::subscription::{Refer, Subscribe, Subscriber};
use crate::transfer::refer_to;
use crate::transport::{Flow, Route, Transport};
use crate::uac::{Client, Destination, Output};
use crate::usage::{Content, Unsupported};

use super::intent::{Outcome, UsageError};
use super::machine::{Happening, Machine, said};
use super::owner::Owner;
use super::sending::{Sending, party};
use super::supervised::Supervised;
use super::{Agent, Shutdown};

/// The names of subscriptions.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    pub(super) ids: Counter,
    pub(super) incoming_ids: Counter,
}

/// A subscription that the application wants.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) to: Text,
    pub(super) event: Text,
    pub(super) expires: Option<u32>,
    pub(super) content: Option<Content>,
    pub(super) eventlist: bool,
    pub(super) persistent: bool,
    pub(super) routes: Vec<Route>,
}

impl Agent {
    pub(super) fn subscribe(&mut self, account: AccountId, wish: Wish) -> Result<SubscriptionId, UsageError> {
        let to = address(&wish.to)?;
        let expires = self.accounts.get(account).map_or(0, |account| account.spec.subscribe_interval);
        let event = event(&wish.event)?;
        let subscribe = Subscribe {
            from: self.identity(account)?,
            to: to.clone(),
            accept: self.accepted(&event, wish.eventlist),
            forking: package::forking(&self.config.packages, &event.value),
            event,
            refer: None,
            eventlist: wish.eventlist,
            expires: wish.expires.unwrap_or(expires),
            content: wish.content,
            destination: self.destination(account, &to, wish.routes),
            routes: self.service_route(account),
            patience: None,
            unsupported: Unsupported::Hour,
            contact_user: self.accounts.get(account).map(|account| account.contact_user.clone()).unwrap_or_default(),
            gruu: self.public_gruu(account),
            outbound: self.is_outbound(account),
            reliable: false,
        };
        self.start_subscription(account, subscribe, wish.persistent, None)
    }

    /// Sends a REFER outside of any dialog, and subscribes to what comes of it.
    pub(super) fn refer(
        &mut self,
        account: AccountId,
        to: &Text,
        target: &Text,
        subscription: bool,
        routes: Vec<Route>,
    ) -> Result<SubscriptionId, UsageError> {
        let (to, target) = (address(to)?, address(target)?);
        let event = event(&Text::from_static("refer"))?;
        let subscribe = Subscribe {
            from: self.identity(account)?,
            to: to.clone(),
            accept: self.accepted(&event, false),
            forking: package::forking(&self.config.packages, &event.value),
            event,
            refer: Some(Refer { refer_to: refer_to(&target, None), subscription }),
            eventlist: false,
            expires: DEFAULT_EXPIRES,
            content: None,
            destination: self.destination(account, &to, routes),
            routes: self.service_route(account),
            patience: None,
            unsupported: Unsupported::Hour,
            contact_user: self.accounts.get(account).map(|account| account.contact_user.clone()).unwrap_or_default(),
            gruu: self.public_gruu(account),
            outbound: self.is_outbound(account),
            reliable: false,
        };
        self.start_subscription(account, subscribe, false, None)
    }

    /// The types of bodies that are understood of a package, and of lists of its resources (RFC 4662 section 4.2).
    pub(super) fn accepted(&self, event: &Event, eventlist: bool) -> Vec<Text> {
        let known = package::find(&self.config.packages, &event.value);
        let mut accept = known.map(|package| package.accept.clone()).unwrap_or_default();
        if !accept.is_empty() && eventlist {
            for list in ["application/rlmi+xml", "multipart/related"] {
                if !accept.iter().any(|known| known.as_str() == list) {
                    accept.push(Text::from_static(list));
                }
            }
        }
        accept
    }

    /// Starts a subscription for an account.
    pub(super) fn start_subscription(
        &mut self,
        account: AccountId,
        subscribe: Subscribe,
        persistent: bool,
        supervised: Option<Supervised>,
    ) -> Result<SubscriptionId, UsageError> {
        self.check_room()?;
        let client = self.client(account);
        let mut out = Outbox::new();
        let cx = &mut self.context();
        let subscriber =
            said(&mut out, Happening::Subscription, |out| Subscriber::begin(cx, subscribe, client, persistent, out));
        let subscriber = subscriber.map_err(|error| UsageError::Unwritable(error.to_string().into()))?;
        let id = SubscriptionId::from_u64(self.subscriptions.ids.take());
        if let (Some(kind), Some(account)) = (supervised, self.accounts.get_mut(account)) {
            account.kept.subscriptions.insert(kind, id);
        }
        self.add_usage(Owner::Subscription(id), account, Machine::Subscriber(Box::new(subscriber)), out);
        Ok(id)
    }

    pub(super) fn refresh_subscription(&mut self, id: SubscriptionId) -> Result<Outcome, UsageError> {
        self.usage(Owner::Subscription(id), |machine, cx, out| {
            if let Machine::Subscriber(subscriber) = machine {
                said(out, Happening::Subscription, |out| subscriber.refresh(cx, out));
            }
        })
        .map(|()| Outcome::Done)
        .ok_or(UsageError::Unknown)
    }

    pub(super) fn end_subscription(&mut self, id: SubscriptionId) -> Result<Outcome, UsageError> {
        self.usage(Owner::Subscription(id), |machine, cx, out| machine.end(cx, out))
            .map(|()| Outcome::Done)
            .ok_or(UsageError::Unknown)
    }

    /// Calls an incoming subscription.
    pub(super) fn with_notifier(
        &mut self,
        id: IncomingSubscriptionId,
        act: impl FnOnce(&mut Notifier, &mut Context<'_>, &mut Outbox<Output<NotifierEvent>>) -> Result<(), NotifierError>,
    ) -> Result<Outcome, UsageError> {
        let result = self.usage(Owner::Notifier(id), |machine, cx, out| {
            let Machine::Notifier(notifier) = machine else { return None };
            Some(said(out, Happening::Notifier, |out| act(notifier, cx, out)))
        });
        match result.flatten() {
            None => Err(UsageError::Unknown),
            Some(Ok(())) => Ok(Outcome::Done),
            Some(Err(NotifierError::Build(error))) => Err(UsageError::Unwritable(error.to_string().into())),
            Some(Err(error @ (NotifierError::IllegalState { .. } | NotifierError::BadCode(_)))) => {
                Err(UsageError::IllegalState(error.to_string().into()))
            }
        }
    }

    /// A NOTIFY came: it belongs to a dialog, or makes one (RFC 6665 sections 4.1.3 and 4.4.1).
    pub(super) fn notified(&mut self, incoming: Incoming, dialog: Option<DialogId>) {
        let Some(dialog) = dialog else {
            self.refuse(&incoming, 481, &[]);
            return;
        };
        let half = DialogId::new(dialog.call_id(), dialog.local_tag(), "");
        let owner = self.owners.dialogs.get(&dialog).or_else(|| self.owners.dialogs.get(&half)).copied();
        match (owner, incoming.request.get::<Event>()) {
            (Some(Owner::Session(_)), _) => self.requested_inside(incoming, &dialog),
            (_, Err(_)) => self.refuse(&incoming, 400, &[]),
            (None, Ok(Some(event))) if package::find(&self.config.packages, &event.value).is_some() => {
                self.refuse(&incoming, 481, &[]);
            }
            (None, Ok(_)) => self.refuse_event(&incoming),
            (Some(owner), Ok(_)) => {
                let taken = self.usage(owner, |machine, cx, out| {
                    let Machine::Subscriber(subscriber) = machine else { return false };
                    said(out, Happening::Subscription, |out| subscriber.notified(cx, &incoming, out))
                });
                if taken != Some(true) {
                    self.refuse(&incoming, 481, &[]);
                }
            }
        }
    }

    /// A SUBSCRIBE outside of any dialog (RFC 6665 section 4.2.1.1).
    pub(super) fn subscribed(&mut self, incoming: Incoming, flow: Flow, transport: Transport, local: SocketAddr) {
        let uri = incoming.request.uri().ok();
        let account = uri.as_ref().and_then(Uri::as_sip).and_then(|uri| self.accounts.find(uri));
        let Some(account) = account else {
            self.refuse(&incoming, 404, &[]);
            return;
        };
        match incoming.request.get::<Event>() {
            Err(_) => {
                self.refuse(&incoming, 400, &[]);
                return;
            }
            // Only a REFER makes one (RFC 3515 section 2.4.4).
            Ok(Some(event)) if event.value == "refer" => {
                self.refuse(&incoming, 403, &[]);
                return;
            }
            Ok(Some(event)) if self.notifies(&event.value) => {}
            Ok(_) => {
                self.refuse_event(&incoming);
                return;
            }
        }
        if self.check_room().is_err() {
            self.shed(&incoming);
            return;
        }
        self.start_located(incoming, account, flow, transport, local);
    }

    /// Goes on with a SUBSCRIBE or a REFER when our address toward its sender is known.
    pub(super) fn start_notifier(
        &mut self,
        incoming: Incoming,
        account: AccountId,
        flow: Flow,
        transport: Transport,
        local: SocketAddr,
    ) {
        let from = incoming.received.from.ip();
        let refers = *incoming.request.method() == Method::Refer;
        let uri = incoming.request.uri().ok();
        let user = uri.as_ref().and_then(Uri::as_sip).and_then(|uri| uri.user.clone());
        let contact = self.dialog_contact(account, user.as_deref(), local, transport);
        let credentials = self.accounts.get(account).and_then(|account| account.spec.credentials.clone());
        let mut out = Outbox::new();
        let cx = &mut self.context();
        let notifier = said(&mut out, Happening::Notifier, |out| {
            let begin = if refers { Notifier::referred } else { Notifier::incoming };
            begin(cx, incoming.clone(), contact, credentials, out)
        });
        match notifier {
            Ok(notifier) => {
                let mut sending = Sending::of(account);
                self.use_flow(&mut sending.flow, flow, from);
                let id = IncomingSubscriptionId::from_u64(self.subscriptions.incoming_ids.take());
                let machine = Machine::Notifier(Box::new(notifier));
                self.add_usage_on(Owner::Notifier(id), account, machine, sending, out);
            }
            Err(refusal) => {
                let headers: Vec<_> = refusal.header.into_iter().collect();
                self.refuse(&incoming, refusal.code, &headers);
            }
        }
    }

    /// A request inside the dialog of an incoming subscription.
    pub(super) fn subscribed_inside(&mut self, owner: Owner, incoming: &Incoming) {
        self.usage(owner, |machine, cx, out| {
            if let Machine::Notifier(notifier) = machine {
                said(out, Happening::Notifier, |out| notifier.request(cx, incoming, out));
            }
        });
    }

    fn notifies(&self, package: &str) -> bool {
        package::find(&self.config.packages, package).is_some_and(|package| package.notifies)
    }

    /// 489 with the packages that we notify of (RFC 6665 section 4.4.4).
    fn refuse_event(&mut self, incoming: &Incoming) {
        let allowed = AllowEvents(&self.config.packages).to_string();
        self.refuse(incoming, 489, &[(HeaderName::AllowEvents, allowed)]);
    }

    /// The name and URI of an account.
    pub(super) fn identity(&self, account: AccountId) -> Result<NameAddr, UsageError> {
        let account = self.accounts.get(account).ok_or(UsageError::UnknownAccount(account))?;
        Ok(account.identity.clone())
    }

    /// What answers challenges for an account.
    pub(super) fn client(&self, account: AccountId) -> Client {
        Client::new(self.accounts.get(account).and_then(|account| account.spec.credentials.clone()))
    }

    /// Where a request of an account goes first: over these routes, or to the outbound proxy, the registrar's, or the target itself.
    pub(super) fn destination(&self, id: AccountId, to: &NameAddr, routes: Vec<Route>) -> Destination {
        if !routes.is_empty() {
            return Destination::Routes(routes);
        }
        let preloaded = self.service_route(id);
        let next = preloaded.first().map_or(&to.uri, |route| &route.uri);
        let found = self.accounts.get(id).zip(next.as_sip());
        // Whoever asks has found the account, and a SIP URI.
        found.map_or_else(|| Destination::Routes(Vec::new()), |(account, uri)| account.destination(uri))
    }

    /// Whether there is room for another usage.
    pub(super) fn check_room(&self) -> Result<(), UsageError> {
        if self.shutdown != Shutdown::No {
            return Err(UsageError::ShuttingDown);
        }
        if self.usages.len() >= self.config.limits.usages {
            return Err(UsageError::TooMany);
        }
        Ok(())
    }
}

/// A name with a SIP URI, or a URI alone.
pub(super) fn address(text: &Text) -> Result<NameAddr, UsageError> {
    party(text).ok_or_else(|| UsageError::BadUri(text.clone()))
}

/// What an Event header says.
pub(super) fn event(text: &Text) -> Result<Event, UsageError> {
    Event::parse(text).map_err(|_| UsageError::BadEvent(text.clone()))
}

/// The domain of a URI.
pub(super) fn domain(uri: &SipUri) -> SipUri {
    SipUri { user: None, ..uri.clone() }
}
