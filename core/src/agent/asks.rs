//! Questions to the driver, each closed by exactly one answer or one abandonment.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::id::{AskId, Counter};
use crate::time::Instant;

/// The open questions: which local address leads to a remote one.
#[derive(Debug, Default)]
pub(super) struct Asks {
    ids: Counter,
    open: BTreeMap<AskId, (IpAddr, Instant)>,
    /// What is asked already is not asked again.
    toward: BTreeMap<IpAddr, AskId>,
    deadlines: BTreeSet<(Instant, AskId)>,
}

impl Asks {
    /// Asks for the local address toward `to`, unless that is asked already; tells the new question's name.
    pub(super) fn local_address(&mut self, now: Instant, to: SocketAddr, time: Duration) -> Option<AskId> {
        if self.toward.contains_key(&to.ip()) {
            return None;
        }
        let ask = AskId::from_u64(self.ids.take());
        let at = now + time;
        self.open.insert(ask, (to.ip(), at));
        self.toward.insert(to.ip(), ask);
        self.deadlines.insert((at, ask));
        Some(ask)
    }

    /// A name for a question of a stream, which keeps it itself.
    pub(super) fn name(&mut self) -> AskId {
        AskId::from_u64(self.ids.take())
    }

    /// Closes a question; tells which remote address it was about. `None` when it is not open.
    pub(super) fn close(&mut self, ask: AskId) -> Option<IpAddr> {
        let (toward, at) = self.open.remove(&ask)?;
        self.toward.remove(&toward);
        self.deadlines.remove(&(at, ask));
        Some(toward)
    }

    /// Closes the oldest question; tells its name.
    pub(super) fn close_first(&mut self) -> Option<AskId> {
        let ask = *self.open.first_key_value()?.0;
        self.close(ask).map(|_| ask)
    }

    /// A question that is overdue.
    pub(super) fn overdue(&self, now: Instant) -> Option<AskId> {
        self.deadlines.first().filter(|(at, _)| *at <= now).map(|(_, ask)| *ask)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}
