//! The usages other than sessions: their table, and doing what they ask.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::Context;
use crate::id::AccountId;
use crate::outbox::Outbox;
use crate::registration::Registration;
use crate::sip::{Response, Text};
use crate::time::Instant;
use crate::transaction::End;
use crate::transport::{Flow, Route};
use crate::uac::{Destination, Located, Output, Ticket};

use super::machine::{Happening, Machine, Queue};
use super::owner::Owner;
use super::sending::{Sending, Start, Unsent, is_named, route_of};
use super::{Agent, EventKind};

/// One usage, with what is kept for it.
#[derive(Debug)]
pub(super) struct Usage {
    pub(super) machine: Machine,
    pub(super) sending: Sending,
    /// The account that it belongs to, and ends with.
    pub(super) account: AccountId,
    deadline: Option<Instant>,
}

/// All usages other than sessions, by owner.
#[derive(Debug, Default)]
pub(super) struct Usages {
    usages: BTreeMap<Owner, Usage>,
    deadlines: BTreeSet<(Instant, Owner)>,
    /// Those that wait for a local address.
    unrouted: BTreeSet<Owner>,
}

impl Usages {
    pub(super) fn get(&self, owner: Owner) -> Option<&Machine> {
        self.usages.get(&owner).map(|usage| &usage.machine)
    }

    /// The registration of an account, where it has one.
    pub(super) fn registration(&self, id: AccountId) -> Option<&Registration> {
        self.get(Owner::Registration(id)).and_then(Machine::as_registration)
    }

    /// The account of the usage of an owner.
    pub(super) fn account(&self, owner: Owner) -> Option<AccountId> {
        self.usages.get(&owner).map(|usage| usage.account)
    }

    /// The usages that end with an account.
    pub(super) fn of_account(&self, account: AccountId) -> Vec<Owner> {
        let of_it = self.usages.iter().filter(|(_, usage)| usage.account == account);
        of_it.map(|(owner, _)| *owner).collect()
    }

    pub(super) fn owners(&self) -> Vec<Owner> {
        self.usages.keys().copied().collect()
    }

    pub(super) fn sendings(&mut self) -> impl Iterator<Item = &mut Sending> {
        self.usages.values_mut().map(|usage| &mut usage.sending)
    }

    /// The flow that the usage of an owner takes.
    pub(super) fn flow(&self, owner: Owner) -> Option<Flow> {
        self.usages.get(&owner)?.sending.flow.map(|(flow, _)| flow)
    }

    pub(super) fn unrouted(&self) -> Vec<Owner> {
        self.unrouted.iter().copied().collect()
    }

    pub(super) fn len(&self) -> usize {
        self.usages.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.usages.is_empty()
    }

    /// Whether none of them owes anything to anyone.
    pub(super) fn are_idle(&self) -> bool {
        self.usages.values().all(|usage| usage.machine.is_idle())
    }

    fn take(&mut self, owner: Owner) -> Option<Usage> {
        let usage = self.usages.remove(&owner)?;
        if let Some(at) = usage.deadline {
            self.deadlines.remove(&(at, owner));
        }
        self.unrouted.remove(&owner);
        Some(usage)
    }

    fn put(&mut self, owner: Owner, mut usage: Usage) {
        usage.deadline = usage.machine.deadline();
        if let Some(at) = usage.deadline {
            self.deadlines.insert((at, owner));
        }
        if usage.sending.is_waiting() {
            self.unrouted.insert(owner);
        }
        self.usages.insert(owner, usage);
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// A usage whose deadline has come.
    pub(super) fn due(&self, now: Instant) -> Option<Owner> {
        self.deadlines.first().filter(|(at, _)| *at <= now).map(|(_, owner)| *owner)
    }
}

impl Agent {
    /// Calls the usage of an owner, and does what it asks. `None` when there is none.
    pub(super) fn usage<T>(
        &mut self,
        owner: Owner,
        act: impl FnOnce(&mut Machine, &mut Context<'_>, &mut Queue) -> T,
    ) -> Option<T> {
        let mut usage = self.usages.take(owner)?;
        let mut out = Outbox::new();
        let result = act(&mut usage.machine, &mut self.context(), &mut out);
        self.finish_usage(owner, usage, out);
        Some(result)
    }

    /// Adds a usage, which has said this already.
    pub(super) fn add_usage(&mut self, owner: Owner, account: AccountId, machine: Machine, out: Queue) {
        self.add_usage_on(owner, account, machine, Sending::of(account), out);
    }

    /// The same, where the way that its messages take is known.
    pub(super) fn add_usage_on(
        &mut self,
        owner: Owner,
        account: AccountId,
        machine: Machine,
        sending: Sending,
        out: Queue,
    ) {
        self.finish_usage(owner, Usage { machine, sending, account, deadline: None }, out);
    }

    /// Does what a usage asks, and puts it back unless it is over.
    fn finish_usage(&mut self, owner: Owner, mut usage: Usage, mut out: Queue) {
        while let Some(output) = out.pop() {
            match output {
                Output::Locate(destination) => self.locate(owner, &mut usage, &destination, &mut out),
                Output::Request { ticket, request, hop } => {
                    self.send_usage(owner, &mut usage, Unsent { ticket, request, hop }, true, &mut out);
                }
                Output::Respond { transaction, response } => self.respond(transaction, &response),
                Output::DialogBegan(dialog) => {
                    self.owners.dialogs.insert(dialog, owner);
                }
                Output::DialogEnded(dialog) => {
                    self.owners.dialogs.remove(&dialog);
                }
                Output::Event(happening) => self.happened(owner, usage.account, happening),
            }
        }
        if usage.machine.is_done() {
            self.release(&usage.sending);
            if let Some((flow, _)) = usage.sending.flow {
                self.usage_left(flow);
            }
            self.forget_location(owner);
            self.usage_ended(owner, usage.account);
        } else {
            self.usages.put(owner, usage);
        }
    }

    /// Finds the places that a usage's requests can go to: at once where addresses are given, else by DNS.
    fn locate(&mut self, owner: Owner, usage: &mut Usage, destination: &Destination, out: &mut Queue) {
        match destination {
            Destination::Uri(uri) if is_named(uri) => self.locate_uri(owner, uri, usage.machine.is_reliable()),
            Destination::Routes(_) | Destination::Uri(_) => {
                self.forget_location(owner);
                let routes = if usage.machine.is_reliable() {
                    self.routes(&over_streams(destination))
                        .map(|routes| routes.into_iter().filter(|route| route.transport.is_reliable()).collect())
                } else {
                    self.routes(destination)
                };
                self.use_routes(usage, routes, out);
            }
        }
    }

    /// The places that a usage's requests go to are known, or why they are not.
    pub(super) fn usage_located(&mut self, owner: Owner, routes: Result<Vec<Route>, Text>) {
        let Some(mut usage) = self.usages.take(owner) else { return };
        let mut out = Outbox::new();
        self.use_routes(&mut usage, routes, &mut out);
        self.finish_usage(owner, usage, out);
    }

    fn use_routes(&mut self, usage: &mut Usage, routes: Result<Vec<Route>, Text>, out: &mut Queue) {
        match routes {
            Ok(routes) if !routes.is_empty() => {
                usage.sending.locate(routes);
                self.localize(usage, out);
            }
            Ok(_) => usage.machine.located(&mut self.context(), Ok(Vec::new()), out),
            Err(reason) => usage.machine.located(&mut self.context(), Err(reason), out),
        }
    }

    /// The routes to a destination that needs no lookup: those that were given, or the address in a URI.
    ///
    /// # Errors
    /// When there are none, with the reason.
    pub(super) fn routes(&self, destination: &Destination) -> Result<Vec<Route>, Text> {
        match destination {
            Destination::Routes(routes) => Ok(routes.clone()),
            Destination::Uri(uri) => {
                let route = route_of(&crate::sip::Uri::Sip(uri.clone()));
                route.map(|route| vec![route]).ok_or_else(|| format!("there is no route to '{uri}'").into())
            }
        }
    }

    /// Finds the local addresses toward the places; when all are known, the usage goes on.
    fn localize(&mut self, usage: &mut Usage, out: &mut Queue) {
        if let Some(known) = self.local_addresses(&mut usage.sending) {
            let places = known
                .into_iter()
                .map(|(route, local)| Located { route, local: self.contact_address(route, local) })
                .collect();
            usage.machine.located(&mut self.context(), Ok(places), out);
        }
    }

    fn send_usage(&mut self, owner: Owner, usage: &mut Usage, unsent: Unsent, may_ask: bool, out: &mut Queue) {
        let ticket = unsent.ticket;
        match self.send_request(owner, &mut usage.sending, unsent, may_ask) {
            Ok(Start::Sent(_) | Start::Waits) => {}
            Err(cause) => {
                usage.machine.client_ended(&mut self.context(), ticket, &End::TransportFailed(cause), out);
            }
        }
    }

    /// A local address is known now, or is known not to be: usages that waited for it go on.
    pub(super) fn usages_learned(&mut self) {
        for owner in self.usages.unrouted() {
            let Some(mut usage) = self.usages.take(owner) else { continue };
            let mut out = Outbox::new();
            self.localize(&mut usage, &mut out);
            for unsent in std::mem::take(&mut usage.sending.waiting) {
                self.send_usage(owner, &mut usage, unsent, false, &mut out);
            }
            self.finish_usage(owner, usage, out);
        }
    }

    /// A response came to a request of a usage.
    pub(super) fn usage_answered(&mut self, owner: Owner, ticket: Ticket, response: &Response) {
        self.usage(owner, |machine, cx, out| machine.response(cx, ticket, response, out));
        let is_registered = self.usages.get(owner).is_some_and(Machine::is_registered);
        if is_registered && (200..300).contains(&response.code()) {
            self.registered(owner, response);
        }
    }

    /// The transaction of a request of a usage is over.
    pub(super) fn usage_client_ended(&mut self, owner: Owner, ticket: Ticket, end: &End) {
        self.usage(owner, |machine, cx, out| machine.client_ended(cx, ticket, end, out));
    }

    /// The network has changed.
    pub(super) fn renew_usages(&mut self) {
        for owner in self.usages.owners() {
            self.usage(owner, |machine, cx, out| machine.renew(cx, out));
        }
    }

    fn happened(&mut self, owner: Owner, account: AccountId, happening: Happening) {
        if let (Owner::Message(id), Happening::Message(event)) = (owner, &happening)
            && self.status_answered(id, event)
        {
            return;
        }
        let kind = match (owner, happening) {
            (_, Happening::Registration(event)) => EventKind::Registration { account, event },
            (Owner::Subscription(id), Happening::Subscription(event)) => {
                let supervised = self.accounts.get_mut(account).and_then(|account| account.kept.supervised(id));
                self.supervised_news(account, supervised, &event);
                EventKind::Subscription { id, account, supervised, event }
            }
            (Owner::Notifier(id), Happening::Notifier(event)) => EventKind::IncomingSubscription { id, account, event },
            (Owner::Publication(id), Happening::Publication(event)) => {
                let published = self.accounts.get_mut(account).and_then(|account| account.kept.published(id));
                EventKind::Publication { id, account, published, event }
            }
            (Owner::Message(id), Happening::Message(event)) => EventKind::Message { id, account, event },
            // No usage tells of another.
            (
                Owner::Session(_)
                | Owner::Registration(_)
                | Owner::Subscription(_)
                | Owner::Notifier(_)
                | Owner::Publication(_)
                | Owner::Message(_),
                _,
            ) => return,
        };
        self.tell(kind);
    }

    /// A usage is over.
    fn usage_ended(&mut self, owner: Owner, account: AccountId) {
        if let Owner::Subscription(id) = owner {
            self.subscription_ended(id, account);
        }
        if let Owner::Publication(id) = owner {
            self.publication_ended(id, account);
        }
        if let Owner::Message(id) = owner {
            self.message_left(id);
        }
        self.account_left(account);
    }
}

/// The destination, whose URI means TCP where it names no transport.
fn over_streams(destination: &Destination) -> Destination {
    match destination {
        Destination::Uri(uri) if uri.transport().is_none() && !uri.secure => {
            let mut uri = uri.clone();
            uri.params.set("transport", Some("tcp"));
            Destination::Uri(uri)
        }
        Destination::Uri(_) | Destination::Routes(_) => destination.clone(),
    }
}
