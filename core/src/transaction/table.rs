//! The table of transactions: it owns the machines, matches messages to them (RFC 3261 sections 17.1.3 and 17.2.3), and keeps their timers and their number.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::net::{IpAddr, SocketAddr};
use std::ops::Bound;

use bytes::Bytes;

use super::key::{Key, Lookup};
use super::machine::Machine;
use super::{
    Action, InviteClient, InviteServer, Kind, NonInviteClient, NonInviteServer, Output, RespondError, StartError,
    State, Timer, Timers, Trying,
};
use crate::id::{Counter, TransactionId};
use crate::limits::Limits;
use crate::outbox::Outbox;
use crate::random::Random;
use crate::sip::{Essentials, HeaderName, Method, Received, Request, Response, Text};
use crate::time::Instant;
use crate::transport::{CloseCause, source_of};

/// What a sender is asked to wait when its request is refused because the table is full, in seconds.
const RETRY_AFTER: u32 = 10;

/// Characters of the To tag of refusals without a transaction, 5 bits each.
const TAG_LEN: usize = 13;

/// All transactions of an agent. `F` names the ways that messages take; the table compares them, and no more.
///
/// A request that arrives when there are [`Limits::transactions`], or [`Limits::transactions_per_source`] of its sender, is answered with 503 and forgotten. BYE and CANCEL have an eighth more, so that
/// what is in progress can still end; those of our own side always have room, and an ACK takes none.
#[derive(Debug)]
pub struct Table<F> {
    timers: Timers,
    limit: usize,
    limit_per_source: usize,
    /// How many server transactions each source has: counted only while there are so many that one might have too many.
    sources: Option<BTreeMap<IpAddr, usize>>,
    /// The To tag of every refusal that is sent without a transaction: a repeated request gets the same one (RFC 3261 section 8.2.7).
    tag: Text,
    ids: Counter,
    entries: BTreeMap<TransactionId, Box<Entry<F>>>,
    keys: BTreeMap<Key, TransactionId>,
    deadlines: BTreeSet<(Instant, TransactionId)>,
    /// The ways of client transactions.
    flows: BTreeSet<(F, TransactionId)>,
    lookup: Lookup,
    actions: Outbox<Action>,
}

/// How a request came.
#[derive(Clone, Debug)]
pub struct Arrival<F> {
    /// The way, which its responses take back.
    pub flow: F,
    /// The address it came from.
    pub from: SocketAddr,
    /// Whether the transport is reliable.
    pub reliable: bool,
}

#[derive(Debug)]
struct Entry<F> {
    machine: Machine,
    flow: F,
    reliable: bool,
    key: Key,
    /// Where the request of a server transaction came from.
    source: Option<IpAddr>,
    /// Where the ACK for a refusal is found by another key (see [`Lookup::legacy_ack`]).
    ack_key: Option<Key>,
    deadline: Option<Instant>,
}

/// The message that is being handled.
enum Handled {
    Response(Response),
    Ack(Request),
    Nothing,
}

impl<F: Clone + Ord> Table<F> {
    /// An empty table.
    #[must_use]
    pub fn new(timers: Timers, limits: &Limits, random: &mut Random) -> Self {
        Self {
            timers,
            limit: limits.transactions,
            limit_per_source: limits.transactions_per_source,
            sources: None,
            tag: random.token(TAG_LEN).into(),
            ids: Counter::default(),
            entries: BTreeMap::new(),
            keys: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            flows: BTreeSet::new(),
            lookup: Lookup::default(),
            actions: Outbox::new(),
        }
    }

    /// Sends a request in a client transaction. Its top Via, with the branch, is already there. `reliable` says whether the transport is.
    ///
    /// # Errors
    /// When there is no room for it, or it cannot have a transaction.
    pub fn request(
        &mut self,
        now: Instant,
        request: Request,
        flow: F,
        reliable: bool,
        out: &mut Outbox<Output<F>>,
    ) -> Result<TransactionId, StartError> {
        if !is_ending(request.method()) && self.entries.len() >= self.limit {
            return Err(StartError::Full);
        }
        let id = self.start(now, request, flow, reliable)?;
        self.settle(now, id, Handled::Nothing, out);
        Ok(id)
    }

    /// The transport moved a request to another way before anything answered it, and has sent it there: from TCP to UDP, where only its size had
    /// chosen TCP (RFC 3261 section 18.1.1). The branch is the same. False when no transaction waits for an answer to it.
    pub fn moved(&mut self, now: Instant, request: Request, flow: F, reliable: bool) -> bool {
        let Some(id) = self.find_client(&request) else { return false };
        let Some(entry) = self.entries.get_mut(&id) else { return false };
        let moved = match &mut entry.machine {
            Machine::InviteClient(machine) => machine.moved(now, request, reliable),
            Machine::NonInviteClient(machine) => machine.moved(now, request.bytes().clone(), reliable),
            Machine::InviteServer(_) | Machine::NonInviteServer(_) => false,
        };
        if moved {
            entry.reliable = reliable;
            let old = mem::replace(&mut entry.flow, flow.clone());
            self.flows.remove(&(old, id));
            self.flows.insert((flow, id));
            self.rearm(id);
        }
        moved
    }

    /// A request arrived. Its repetitions are dealt with here; a new one comes out as [`Output::Request`].
    pub fn receive_request(
        &mut self,
        now: Instant,
        request: Request,
        essentials: &Essentials,
        arrival: Arrival<F>,
        out: &mut Outbox<Output<F>>,
    ) {
        self.lookup.request(&request, essentials);
        let known = self.keys.get(self.lookup.bytes()).copied();
        match (known, request.method()) {
            (Some(id), _) => self.receive_again(now, id, request, out),
            (None, Method::Ack) => out.push(Output::Ack { id: None, request }),
            (None, method) if !self.has_room(method, arrival.from.ip()) => self.shed(request, arrival, out),
            (None, _) => self.receive_new(now, request, arrival, out),
        }
    }

    fn receive_again(&mut self, now: Instant, id: TransactionId, request: Request, out: &mut Outbox<Output<F>>) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        match &mut entry.machine {
            Machine::InviteServer(machine) if *request.method() == Method::Ack => {
                machine.acknowledged(now, &mut self.actions)
            }
            Machine::InviteServer(machine) => machine.retransmitted(&mut self.actions),
            Machine::NonInviteServer(machine) => machine.retransmitted(&mut self.actions),
            Machine::InviteClient(_) | Machine::NonInviteClient(_) => {}
        }
        self.settle(now, id, Handled::Ack(request), out);
    }

    fn receive_new(&mut self, now: Instant, request: Request, arrival: Arrival<F>, out: &mut Outbox<Output<F>>) {
        let key = Key::new(self.lookup.bytes());
        let Arrival { flow, from, reliable } = arrival;
        let trying = Trying::new(&request, Received { from }, now);
        let machine = if *request.method() == Method::Invite {
            Machine::InviteServer(InviteServer::start(now, trying, reliable, self.timers))
        } else {
            Machine::NonInviteServer(NonInviteServer::start(now, trying, reliable, self.timers))
        };
        let cancels = if *request.method() == Method::Cancel { self.find_cancelled() } else { None };
        let source = source_of(from.ip());
        if let Some(sources) = &mut self.sources {
            *sources.entry(source).or_default() += 1;
        }
        let id =
            self.insert(Entry { machine, flow, reliable, key, source: Some(source), ack_key: None, deadline: None });
        out.push(Output::Request { id, request, cancels });
        self.settle(now, id, Handled::Nothing, out);
    }

    /// The transaction that the CANCEL which is being looked up cancels: the one with its key, but for the method (section 9.2).
    fn find_cancelled(&mut self) -> Option<TransactionId> {
        self.lookup.set_method(&Method::Invite);
        if let Some(id) = self.keys.get(self.lookup.bytes()) {
            return Some(*id);
        }
        let others = self.lookup.without_method();
        let from = (Bound::Included(others), Bound::Unbounded);
        let (key, id) = self.keys.range::<[u8], _>(from).next()?;
        key.starts_with(others).then_some(*id)
    }

    /// Whether there is room for a request of this method from there.
    fn has_room(&mut self, method: &Method, from: IpAddr) -> bool {
        let room = |limit: usize| limit.saturating_add(if is_ending(method) { (limit / 8).max(1) } else { 0 });
        if self.entries.len() >= room(self.limit) {
            return false;
        }
        if self.entries.len() < self.limit_per_source {
            return true;
        }
        let entries = &self.entries;
        let sources = self.sources.get_or_insert_with(|| {
            let mut sources = BTreeMap::new();
            for source in entries.values().filter_map(|entry| entry.source) {
                *sources.entry(source).or_default() += 1;
            }
            sources
        });
        sources.get(&source_of(from)).copied().unwrap_or(0) < room(self.limit_per_source)
    }

    /// Answers with 503, without state.
    fn shed(&self, request: Request, arrival: Arrival<F>, out: &mut Outbox<Output<F>>) {
        let received = Received { from: arrival.from };
        let refusal = Response::reply(&request, 503, None, Some(&self.tag), Some(&received))
            .field(HeaderName::RetryAfter, RETRY_AFTER)
            .finish();
        if let Ok(refusal) = refusal {
            out.push(Output::Send { id: None, flow: arrival.flow, data: refusal.bytes().clone() });
        }
        out.push(Output::Shed { request });
    }

    /// Answers a request once, without state: its transaction is over, and an ACK or a repetition finds none (RFC 3261 sections 8.2.7 and 21.5.4).
    /// For requests that there is no room for, and before anything else was answered.
    pub fn turn_away(&mut self, id: TransactionId, response: &Response, out: &mut Outbox<Output<F>>) {
        let flow = self.entries.get(&id).map(|entry| entry.flow.clone());
        if let Some(flow) = flow {
            self.remove(id);
            out.push(Output::Send { id: None, flow, data: response.bytes().clone() });
            out.push(Output::Ended { id, end: super::End::Done });
        }
    }

    /// A response arrived.
    pub fn receive_response(
        &mut self,
        now: Instant,
        response: Response,
        essentials: &Essentials,
        out: &mut Outbox<Output<F>>,
    ) {
        let known = if self.lookup.response(essentials) { self.keys.get(self.lookup.bytes()).copied() } else { None };
        let entry = known.and_then(|id| Some((id, self.entries.get_mut(&id)?)));
        let Some((id, entry)) = entry else {
            out.push(Output::StrayResponse { response });
            return;
        };
        match &mut entry.machine {
            Machine::InviteClient(machine) => machine.receive(now, &response, &mut self.actions),
            Machine::NonInviteClient(machine) => machine.receive(now, response.code(), &mut self.actions),
            Machine::InviteServer(_) | Machine::NonInviteServer(_) => {}
        }
        self.settle(now, id, Handled::Response(response), out);
    }

    /// Answers a request, through its server transaction. A 2xx to an INVITE is sent again by passing it again.
    ///
    /// # Errors
    /// When the response must not be sent; nothing is.
    pub fn respond(
        &mut self,
        now: Instant,
        id: TransactionId,
        response: &Response,
        out: &mut Outbox<Output<F>>,
    ) -> Result<(), RespondError> {
        let entry = self.entries.get_mut(&id).ok_or(RespondError::Unknown)?;
        let (code, data) = (response.code(), response.bytes().clone());
        match &mut entry.machine {
            Machine::InviteServer(machine) => machine.respond(now, code, data, &mut self.actions)?,
            Machine::NonInviteServer(machine) => machine.respond(now, code, data, &mut self.actions)?,
            Machine::InviteClient(_) | Machine::NonInviteClient(_) => return Err(RespondError::Unknown),
        }
        if code >= 200 && entry.ack_key.is_none() && entry.machine.kind() == Kind::InviteServer {
            let to = response.to();
            let tag = to.as_ref().ok().and_then(|to| to.tag()).unwrap_or_default();
            if self.lookup.legacy_ack(&entry.key, tag) && !self.keys.contains_key(self.lookup.bytes()) {
                let key = Key::new(self.lookup.bytes());
                self.keys.insert(key.clone(), id);
                entry.ack_key = Some(key);
            }
        }
        self.settle(now, id, Handled::Nothing, out);
        Ok(())
    }

    /// Sends a response once more, as it was: a 2xx or a provisional response to an INVITE, which the transaction itself does not repeat.
    ///
    /// # Errors
    /// When it must not be sent any more; nothing is.
    pub fn respond_again(
        &mut self,
        now: Instant,
        id: TransactionId,
        code: u16,
        data: Bytes,
        out: &mut Outbox<Output<F>>,
    ) -> Result<(), RespondError> {
        let entry = self.entries.get_mut(&id).ok_or(RespondError::Unknown)?;
        let Machine::InviteServer(machine) = &mut entry.machine else { return Err(RespondError::Unknown) };
        match (machine.state(), code) {
            (State::Proceeding, 100..=199) | (State::Accepted, 200..=299) => {}
            (_, 100..=199) => return Err(RespondError::Answered),
            (_, _) => return Err(RespondError::Forbidden(code)),
        }
        machine.respond(now, code, data, &mut self.actions)?;
        self.settle(now, id, Handled::Nothing, out);
        Ok(())
    }

    /// Cancels an INVITE of ours: the CANCEL leaves at once when a provisional response was received, else right after the first one, and is told
    /// as [`Output::Cancelled`]. `reason` is the value of its Reason header (RFC 3326).
    ///
    /// False when there is nothing to cancel: no such INVITE, one that has its final response, or one that is cancelled already.
    pub fn cancel(
        &mut self,
        now: Instant,
        id: TransactionId,
        reason: Option<Text>,
        out: &mut Outbox<Output<F>>,
    ) -> bool {
        let Some(entry) = self.entries.get_mut(&id) else { return false };
        let Machine::InviteClient(machine) = &mut entry.machine else { return false };
        let cancelled = machine.cancel(now, reason, &mut self.actions);
        self.settle(now, id, Handled::Nothing, out);
        cancelled
    }

    /// A message of this transaction could not be sent: a client transaction ends, a server transaction goes on.
    pub fn send_failed(&mut self, now: Instant, id: TransactionId, cause: CloseCause, out: &mut Outbox<Output<F>>) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        entry.machine.transport_failed(cause, &mut self.actions);
        self.settle(now, id, Handled::Nothing, out);
    }

    /// This way is gone: a connection was closed, or a host cannot be reached. The client transactions end that await something on it.
    pub fn flow_failed(&mut self, now: Instant, flow: &F, cause: &CloseCause, out: &mut Outbox<Output<F>>) {
        let all = (flow.clone(), TransactionId::from_u64(0))..=(flow.clone(), TransactionId::from_u64(u64::MAX));
        let ids: Vec<_> = self.flows.range(all).map(|(_, id)| *id).collect();
        for id in ids {
            self.send_failed(now, id, cause.clone(), out);
        }
    }

    /// Does what is due by `now`.
    pub fn timeout(&mut self, now: Instant, out: &mut Outbox<Output<F>>) {
        while let Some((at, id)) = self.deadlines.first().copied()
            && at <= now
        {
            self.deadlines.pop_first();
            let Some(entry) = self.entries.get_mut(&id) else { continue };
            entry.deadline = None;
            entry.machine.timeout(now, &mut self.actions);
            self.settle(now, id, Handled::Nothing, out);
        }
    }

    /// When [`timeout`](Self::timeout) is next due, and for which timer.
    #[must_use]
    pub fn deadline(&self) -> Option<(Instant, Timer)> {
        let (_, id) = self.deadlines.first()?;
        self.entries.get(id)?.machine.deadline()
    }

    /// How many transactions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none: nothing is owed to any peer.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All transactions, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (TransactionId, Kind, State)> {
        self.entries.iter().map(|(id, entry)| (*id, entry.machine.kind(), entry.machine.state()))
    }

    /// Which machine a transaction is; none when it is over.
    #[must_use]
    pub fn kind(&self, id: TransactionId) -> Option<Kind> {
        Some(self.entries.get(&id)?.machine.kind())
    }

    /// The state of a transaction; none when it is over.
    #[must_use]
    pub fn state(&self, id: TransactionId) -> Option<State> {
        Some(self.entries.get(&id)?.machine.state())
    }

    /// The way that the messages of a transaction take; none when it is over.
    #[must_use]
    pub fn flow(&self, id: TransactionId) -> Option<&F> {
        Some(&self.entries.get(&id)?.flow)
    }

    /// A client transaction, whose first actions wait to be settled.
    fn start(&mut self, now: Instant, request: Request, flow: F, reliable: bool) -> Result<TransactionId, StartError> {
        if *request.method() == Method::Ack {
            return Err(StartError::Ack);
        }
        let via = request.via().map_err(|_| StartError::NoBranch)?;
        if !self.lookup.client(&via, request.method()) {
            return Err(StartError::NoBranch);
        }
        if self.keys.contains_key(self.lookup.bytes()) {
            return Err(StartError::BranchInUse);
        }
        let machine = if *request.method() == Method::Invite {
            Machine::InviteClient(InviteClient::start(now, request, reliable, self.timers, &mut self.actions))
        } else {
            let data = request.bytes().clone();
            Machine::NonInviteClient(NonInviteClient::start(now, data, reliable, self.timers, &mut self.actions))
        };
        let key = Key::new(self.lookup.bytes());
        let id = self.insert(Entry {
            machine,
            flow: flow.clone(),
            reliable,
            key,
            source: None,
            ack_key: None,
            deadline: None,
        });
        self.flows.insert((flow, id));
        Ok(id)
    }

    fn find_client(&mut self, request: &Request) -> Option<TransactionId> {
        let via = request.via().ok()?;
        if self.lookup.client(&via, request.method()) { self.keys.get(self.lookup.bytes()).copied() } else { None }
    }

    fn insert(&mut self, entry: Entry<F>) -> TransactionId {
        let id = TransactionId::from_u64(self.ids.take());
        self.keys.insert(entry.key.clone(), id);
        self.entries.insert(id, Box::new(entry));
        id
    }

    /// Does what a machine asked for, and no more is asked for then.
    fn settle(&mut self, now: Instant, id: TransactionId, mut handled: Handled, out: &mut Outbox<Output<F>>) {
        let mut wanted = None;
        while let Some(action) = self.actions.pop() {
            match action {
                Action::Send(data) => {
                    if let Some(entry) = self.entries.get(&id) {
                        out.push(Output::Send { id: Some(id), flow: entry.flow.clone(), data });
                    }
                }
                Action::Deliver => match mem::replace(&mut handled, Handled::Nothing) {
                    Handled::Response(response) => out.push(Output::Response { id, response }),
                    Handled::Ack(request) => out.push(Output::Ack { id: Some(id), request }),
                    Handled::Nothing => {}
                },
                Action::Cancel(request) => wanted = Some(request),
                Action::Confirmed => out.push(Output::Confirmed { id }),
                Action::SendFailed(cause) => out.push(Output::SendFailed { id, cause }),
                Action::End(end) => {
                    self.remove(id);
                    out.push(Output::Ended { id, end });
                }
            }
        }
        self.rearm(id);
        if let Some(request) = wanted {
            self.start_cancel(now, id, request, out);
        }
    }

    fn start_cancel(&mut self, now: Instant, id: TransactionId, request: Request, out: &mut Outbox<Output<F>>) {
        let Some(invite) = self.entries.get(&id) else { return };
        let (flow, reliable) = (invite.flow.clone(), invite.reliable);
        if let Ok(cancel) = self.start(now, request, flow, reliable) {
            out.push(Output::Cancelled { id, cancel });
            self.settle(now, cancel, Handled::Nothing, out);
        }
    }

    fn rearm(&mut self, id: TransactionId) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let deadline = entry.machine.deadline().map(|(at, _)| at);
        if deadline != entry.deadline {
            if let Some(old) = mem::replace(&mut entry.deadline, deadline) {
                self.deadlines.remove(&(old, id));
            }
            if let Some(new) = deadline {
                self.deadlines.insert((new, id));
            }
        }
    }

    fn remove(&mut self, id: TransactionId) {
        let Some(entry) = self.entries.remove(&id) else { return };
        let Entry { flow, key, source, ack_key, deadline, .. } = *entry;
        if let (Some(source), Some(sources)) = (source, &mut self.sources) {
            match sources.get_mut(&source) {
                Some(count) if *count > 1 => *count -= 1,
                Some(_) | None => drop(sources.remove(&source)),
            }
        }
        if self.entries.len() < self.limit_per_source / 2 {
            self.sources = None;
        }
        self.keys.remove(&key);
        if let Some(key) = ack_key {
            self.keys.remove(&key);
        }
        if let Some(at) = deadline {
            self.deadlines.remove(&(at, id));
        }
        self.flows.remove(&(flow, id));
        if self.entries.is_empty() {
            // Empty maps keep their last node, and the buffers what they once needed: an agent without transactions holds none of it.
            self.entries = BTreeMap::new();
            self.keys = BTreeMap::new();
            self.deadlines = BTreeSet::new();
            self.flows = BTreeSet::new();
            self.lookup = Lookup::default();
        }
    }
}

/// Whether a request of this method ends something.
fn is_ending(method: &Method) -> bool {
    matches!(method, Method::Bye | Method::Cancel)
}

#[cfg(test)]
impl<F: Ord> Table<F> {
    /// Whether the maps hold what the transactions need, and nothing else.
    pub(super) fn is_consistent(&self) -> bool {
        let count = |wanted: fn(&Entry<F>) -> bool| self.entries.values().filter(|entry| wanted(entry)).count();
        let clients = count(|entry| matches!(entry.machine.kind(), Kind::InviteClient | Kind::NonInviteClient));
        self.keys.len() == self.entries.len() + count(|entry| entry.ack_key.is_some())
            && self.deadlines.len() == count(|entry| entry.machine.deadline().is_some())
            && self.flows.len() == clients
            && self
                .sources
                .as_ref()
                .is_none_or(|sources| sources.values().sum::<usize>() == self.entries.len() - clients)
            && self.actions.is_empty()
    }
}
