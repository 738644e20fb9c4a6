//! The sessions, and whose a stream is.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::dialog::DialogId;
use crate::id::{Counter, SessionId, StreamId, TransactionId};
use crate::invitation::Incoming;
use crate::session::{Session, SessionState};
use crate::sip::{Method, Request};
use crate::stream::Line;
use crate::time::Instant;
use crate::transport::{Flow, Route};
use crate::uac::{Hop, Ticket};

use super::sending::Sending;
use super::transfers::Follows;

/// One session, with what the agent keeps for it.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) session: Session,
    pub(super) sending: Sending,
    /// The transaction of the last INVITE that it sent: the only one that it may cancel.
    pub(super) invite: Option<(Ticket, TransactionId)>,
    /// The ACKs that a retransmitted 2xx brings out again.
    pub(super) acks: Vec<Ack>,
    /// The session that it follows.
    pub(super) follows: Option<Follows>,
    known: Known,
}

/// What the tables know of a call.
#[derive(Debug, Default)]
struct Known {
    deadline: Option<Instant>,
    /// Whether nobody has answered it yet.
    incoming: bool,
    /// Whether it waits for a local address.
    waits: bool,
    streams: Vec<StreamId>,
}

/// An ACK of a 2xx.
#[derive(Debug)]
pub(super) struct Ack {
    pub(super) ticket: Ticket,
    pub(super) dialog: DialogId,
    /// Without a Via: to be sent anew when the flow that it took is gone.
    pub(super) request: Request,
    pub(super) hop: Hop,
    /// The flow that it took, and its bytes with the Via.
    pub(super) sent: Option<(Flow, Bytes)>,
    /// Whether it waits for the local address toward its hop.
    pub(super) waits: bool,
}

impl Call {
    pub(super) fn new(session: Session) -> Self {
        Self {
            sending: Sending::of(session.account()),
            session,
            invite: None,
            acks: Vec::new(),
            follows: None,
            known: Known::default(),
        }
    }

    /// The streams that are over.
    pub(super) fn ended_streams(&self) -> Vec<StreamId> {
        let live = |id: &&StreamId| self.session.lines().any(|line| line.id() == **id && !line.is_ended());
        self.known.streams.iter().filter(|id| !live(id)).copied().collect()
    }

    /// Whether it waits for a local address.
    fn is_waiting(&self) -> bool {
        self.sending.is_waiting() || self.acks.iter().any(|ack| ack.waits)
    }
}

/// An INVITE that waits for the local address toward its sender.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) incoming: Incoming,
    pub(super) flow: Flow,
    pub(super) route: Route,
}

/// The requests outside of any dialog whose transactions live: by what a merged one has in common with the first (RFC 3261 section 8.2.2.2).
#[derive(Debug, Default)]
pub(super) struct Outside {
    known: BTreeSet<(DialogId, u32, Method)>,
    transactions: BTreeMap<TransactionId, (DialogId, u32, Method)>,
}

/// What all copies of a request have in common.
fn key(incoming: &Incoming) -> (DialogId, u32, Method) {
    let essentials = &incoming.essentials;
    let name = DialogId::new(&essentials.call_id, "", essentials.from.tag().unwrap_or_default());
    (name, essentials.cseq.number, incoming.request.method().clone())
}

impl Outside {
    /// Remembers a request that is not known.
    pub(super) fn insert(&mut self, incoming: &Incoming) {
        let key = key(incoming);
        self.known.insert(key.clone());
        self.transactions.insert(incoming.transaction, key);
    }

    /// Whether the same request has come by another way (RFC 3261 section 8.2.2.2).
    pub(super) fn knows(&self, incoming: &Incoming) -> bool {
        self.known.contains(&key(incoming))
    }

    /// Its transaction is over.
    pub(super) fn remove(&mut self, transaction: TransactionId) {
        if let Some(key) = self.transactions.remove(&transaction) {
            self.known.remove(&key);
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty() && self.transactions.is_empty()
    }
}

/// All sessions.
#[derive(Debug, Default)]
pub(super) struct Calls {
    session_ids: Counter,
    pub(super) stream_ids: Counter,
    sessions: BTreeMap<SessionId, Box<Call>>,
    deadlines: BTreeSet<(Instant, SessionId)>,
    /// The sessions that wait for a local address.
    unrouted: BTreeSet<SessionId>,
    /// How many sessions nobody has answered yet.
    incoming: usize,
    pub(super) streams: BTreeMap<StreamId, SessionId>,
    pub(super) waiting: BTreeMap<TransactionId, Waiting>,
    pub(super) outside: Outside,
}

impl Calls {
    /// What [`next_session`](Self::next_session) will be.
    pub(super) const fn upcoming_session(&self) -> SessionId {
        SessionId::from_u64(self.session_ids.upcoming())
    }

    pub(super) fn next_session(&mut self) -> SessionId {
        SessionId::from_u64(self.session_ids.take())
    }

    pub(super) fn get(&self, id: SessionId) -> Option<&Call> {
        self.sessions.get(&id).map(Box::as_ref)
    }

    pub(super) fn get_mut(&mut self, id: SessionId) -> Option<&mut Call> {
        self.sessions.get_mut(&id).map(Box::as_mut)
    }

    pub(super) fn ids(&self) -> Vec<SessionId> {
        self.sessions.keys().copied().collect()
    }

    pub(super) fn sendings(&mut self) -> impl Iterator<Item = &mut Sending> {
        self.sessions.values_mut().map(|call| &mut call.sending)
    }

    /// The sessions that wait for a local address.
    pub(super) fn unrouted(&self) -> Vec<SessionId> {
        self.unrouted.iter().copied().collect()
    }

    pub(super) fn len(&self) -> usize {
        self.sessions.len()
    }

    /// How many sessions nobody has answered yet.
    pub(super) fn unanswered(&self) -> usize {
        self.incoming + self.waiting.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.waiting.is_empty()
    }

    /// Whether a session, or an INVITE that is to become one, is not over for its peer.
    pub(super) fn any_goes_on(&self) -> bool {
        !self.waiting.is_empty() || self.sessions.values().any(|call| !call.session.is_over())
    }

    /// Takes a session out, to be called. What the tables know of it stays.
    pub(super) fn take(&mut self, id: SessionId) -> Option<Box<Call>> {
        self.sessions.remove(&id)
    }

    /// Puts a session back, and tells the tables what has changed.
    pub(super) fn put(&mut self, mut call: Box<Call>) {
        let id = call.session.id();
        let (incoming, waits) = (call.session.state() == SessionState::Incoming, call.is_waiting());
        let deadline = call.session.deadline();
        self.note(id, &mut call.known, deadline, incoming, waits);
        let streams = call.session.lines().map(Line::id);
        if !streams.eq(call.known.streams.iter().copied()) {
            self.forget_streams(&call.known);
            call.known.streams = call.session.lines().map(Line::id).collect();
            self.streams.extend(call.known.streams.iter().map(|stream| (*stream, id)));
        }
        self.sessions.insert(id, call);
    }

    /// Forgets a session that is over and was taken out.
    pub(super) fn forget(&mut self, call: &mut Call) {
        self.note(call.session.id(), &mut call.known, None, false, false);
        self.forget_streams(&call.known);
    }

    fn note(&mut self, id: SessionId, known: &mut Known, deadline: Option<Instant>, incoming: bool, waits: bool) {
        let before = std::mem::replace(&mut known.deadline, deadline);
        if before != deadline {
            before.map(|at| self.deadlines.remove(&(at, id)));
            deadline.map(|at| self.deadlines.insert((at, id)));
        }
        match (std::mem::replace(&mut known.incoming, incoming), incoming) {
            (false, true) => self.incoming += 1,
            (true, false) => self.incoming -= 1,
            (true, true) | (false, false) => {}
        }
        match (std::mem::replace(&mut known.waits, waits), waits) {
            (false, true) => drop(self.unrouted.insert(id)),
            (true, false) => drop(self.unrouted.remove(&id)),
            (true, true) | (false, false) => {}
        }
    }

    fn forget_streams(&mut self, known: &Known) {
        for stream in &known.streams {
            self.streams.remove(stream);
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// A session whose deadline has come.
    pub(super) fn due(&self, now: Instant) -> Option<SessionId> {
        self.deadlines.first().filter(|(at, _)| *at <= now).map(|(_, id)| *id)
    }
}
