//! Questions to the driver, each closed by exactly one answer or one abandonment.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::id::{AskId, Counter, StreamId};
use crate::time::Instant;

/// What a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// Which local address leads to this remote one.
    LocalAddress(IpAddr),
    /// What settings are stored.
    Load,
    /// Whether the settings could be stored.
    Persist,
    /// Whether TLS can be done with these files.
    Tls,
    /// What a stream asked about a file, under a name of its own.
    File(StreamId, u64),
}

/// The open questions.
#[derive(Debug, Default)]
pub(super) struct Asks {
    ids: Counter,
    open: BTreeMap<AskId, (About, Instant)>,
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
        let ask = self.ask(About::LocalAddress(to.ip()), now + time);
        self.toward.insert(to.ip(), ask);
        Some(ask)
    }

    /// Opens a question that is to be answered by then; tells its name.
    pub(super) fn ask(&mut self, about: About, at: Instant) -> AskId {
        let ask = AskId::from_u64(self.ids.take());
        self.open.insert(ask, (about, at));
        self.deadlines.insert((at, ask));
        ask
    }

    /// Closes a question; tells what it was about. `None` when it is not open.
    pub(super) fn close(&mut self, ask: AskId) -> Option<About> {
        let (about, at) = self.open.remove(&ask)?;
        if let About::LocalAddress(toward) = about {
            self.toward.remove(&toward);
        }
        self.deadlines.remove(&(at, ask));
        Some(about)
    }

    /// Closes the oldest question; tells its name.
    pub(super) fn close_first(&mut self) -> Option<AskId> {
        let ask = *self.open.first_key_value()?.0;
        self.close(ask).map(|_| ask)
    }

    /// The question about TLS.
    pub(super) fn of_tls(&self) -> Option<AskId> {
        self.open.iter().find(|(_, (about, _))| *about == About::Tls).map(|(ask, _)| *ask)
    }

    /// The questions of a stream.
    pub(super) fn of_stream(&self, stream: StreamId) -> Vec<AskId> {
        let of = |about: &About| matches!(about, About::File(of, _) if *of == stream);
        self.open.iter().filter(|(_, (about, _))| of(about)).map(|(ask, _)| *ask).collect()
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
