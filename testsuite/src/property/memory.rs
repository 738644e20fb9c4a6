//! What properties remember, and what they wait for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sipsimple_core::time::Instant;

/// How long something is remembered after it was last touched: longer than any timer of any host, and than a subscription that nothing
/// happens in.
const MEMORY: Duration = Duration::from_secs(2 * 3600);

/// A map that forgets what was not touched for long, so that a world may go on for ever.
#[derive(Clone, Debug)]
pub struct Memory<K, V> {
    entries: BTreeMap<K, (Instant, V)>,
    swept: Instant,
}

impl<K, V> Default for Memory<K, V> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), swept: Instant::ZERO }
    }
}

impl<K: Ord, V> Memory<K, V> {
    /// What is remembered under this key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: std::borrow::Borrow<Q>,
    {
        self.entries.get(key).map(|(_, value)| value)
    }

    /// What is remembered under this key, to be changed.
    pub fn get_mut(&mut self, now: Instant, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key).map(|(at, value)| {
            *at = now;
            value
        })
    }

    /// What is remembered under this key, or what is remembered from now on.
    pub fn entry(&mut self, now: Instant, key: K, new: impl FnOnce() -> V) -> &mut V {
        if now - self.swept > MEMORY {
            self.swept = now;
            self.entries.retain(|_, (at, _)| now - *at < MEMORY);
        }
        let (at, value) = self.entries.entry(key).or_insert_with(|| (now, new()));
        *at = now;
        value
    }

    /// Remembers this under this key, whatever was remembered before.
    pub fn put(&mut self, now: Instant, key: K, value: V) {
        self.entries.remove(&key);
        self.entry(now, key, || value);
    }

    /// Everything that is remembered from this key on, in order.
    pub fn range(&self, from: K) -> impl Iterator<Item = (&K, &V)> {
        self.entries.range(from..).map(|(key, (_, value))| (key, value))
    }
}

/// What must happen, and by when.
#[derive(Clone, Debug)]
pub struct Owed<K> {
    by_key: BTreeMap<K, Instant>,
    by_time: BTreeSet<(Instant, K)>,
}

impl<K> Default for Owed<K> {
    fn default() -> Self {
        Self { by_key: BTreeMap::new(), by_time: BTreeSet::new() }
    }
}

impl<K: Ord + Clone> Owed<K> {
    /// This must happen by `by`, that instant included. What was owed under the same key is replaced.
    pub fn owe(&mut self, key: K, by: Instant) {
        self.settle(&key);
        self.by_time.insert((by, key.clone()));
        self.by_key.insert(key, by);
    }

    /// It happened, or is not owed any more; whether it was.
    pub fn settle(&mut self, key: &K) -> bool {
        match self.by_key.remove(key) {
            Some(by) => self.by_time.remove(&(by, key.clone())),
            None => false,
        }
    }

    /// All that is owed.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.by_key.keys()
    }

    /// By when this is owed.
    #[must_use]
    pub fn by(&self, key: &K) -> Option<Instant> {
        self.by_key.get(key).copied()
    }

    /// Something that should have happened before `now` and did not; it is told once.
    pub fn missed(&mut self, now: Instant) -> Option<(Instant, K)> {
        let (by, key) = self.by_time.first().filter(|(by, _)| *by < now)?.clone();
        self.settle(&key);
        Some((by, key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_owed_is_missed_after_its_time_and_not_before() {
        let mut owed = Owed::default();
        let at = Instant::from_millis;
        owed.owe("a", at(5));
        owed.owe("b", at(3));
        owed.owe("a", at(7));
        assert_eq!(owed.missed(at(3)), None);
        assert_eq!(owed.missed(at(4)), Some((at(3), "b")));
        assert_eq!((owed.missed(at(7)), owed.by(&"a")), (None, Some(at(7))));
        assert!(owed.settle(&"a") && !owed.settle(&"a"));
        assert_eq!(owed.missed(at(100)), None);
    }

    #[test]
    fn memory_fades() {
        let mut memory = Memory::default();
        let at = |seconds: u64| Instant::from_millis(seconds * 1000);
        *memory.entry(at(0), 1, || 10) += 1;
        memory.entry(at(6000), 2, || 20);
        memory.entry(at(8000), 3, || 30);
        assert_eq!((memory.get(&1), memory.get(&2)), (None, Some(&20)));
    }
}
