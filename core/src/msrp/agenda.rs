//! What is due when: of each session and each connection one instant, and the earliest of them at hand.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::{ConnId, StreamId};
use crate::time::Instant;

/// Whose time comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Whose {
    Session(StreamId),
    Connection(ConnId),
}

/// What is due when.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    by_owner: BTreeMap<Whose, Instant>,
    by_time: BTreeSet<(Instant, Whose)>,
}

impl Agenda {
    /// From now on this is the time of a session or a connection; none when nothing is due any more.
    pub(super) fn set(&mut self, whose: Whose, at: Option<Instant>) {
        let before = match at {
            Some(at) => self.by_owner.insert(whose, at),
            None => self.by_owner.remove(&whose),
        };
        if before != at {
            if let Some(before) = before {
                self.by_time.remove(&(before, whose));
            }
            self.by_time.extend(at.map(|at| (at, whose)));
        }
    }

    /// The earliest time.
    pub(super) fn first(&self) -> Option<Instant> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Those whose time has come.
    pub(super) fn due(&self, now: Instant) -> Vec<Whose> {
        self.by_time.iter().take_while(|(at, _)| *at <= now).map(|(_, whose)| *whose).collect()
    }
}
