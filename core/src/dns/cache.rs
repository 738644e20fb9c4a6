//! What is known for a while: answers, and that there are none (RFC 1035 section 7.4, RFC 2308).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::wire::MAX_TTL;
use super::{Answer, Kind, Name};
use crate::time::Instant;

/// The cache of a resolver.
#[derive(Debug, Default)]
pub struct Cache {
    entries: BTreeMap<(Name, Kind), (Instant, Answer)>,
    ends: BTreeSet<(Instant, (Name, Kind))>,
}

impl Cache {
    /// What is known.
    pub fn get(&mut self, now: Instant, name: &Name, kind: Kind) -> Option<Answer> {
        self.expire(now);
        self.entries.get(&(name.clone(), kind)).map(|(_, answer)| answer.clone())
    }

    /// Keeps an answer for `ttl` seconds, an hour at most; 0 is not kept. With more than `room` of them, those go that end soonest.
    pub fn insert(&mut self, now: Instant, name: Name, kind: Kind, answer: Answer, ttl: u32, room: usize) {
        self.expire(now);
        let key = (name, kind);
        self.remove(&key);
        if ttl == 0 || room == 0 {
            return;
        }
        while self.entries.len() >= room {
            let Some((_, soonest)) = self.ends.pop_first() else { break };
            self.entries.remove(&soonest);
        }
        let end = now + Duration::from_secs(u64::from(ttl.min(MAX_TTL)));
        self.ends.insert((end, key.clone()));
        self.entries.insert(key, (end, answer));
    }

    /// Forgets everything: other servers may see another world.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.ends.clear();
    }

    /// How many answers are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn remove(&mut self, key: &(Name, Kind)) {
        if let Some((end, _)) = self.entries.remove(key) {
            self.ends.remove(&(end, key.clone()));
        }
    }

    fn expire(&mut self, now: Instant) {
        while let Some((_, key)) = self.ends.first().filter(|(end, _)| *end <= now) {
            let key = key.clone();
            self.remove(&key);
        }
    }
}
