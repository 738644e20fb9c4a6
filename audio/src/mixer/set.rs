//! A set of slots, as bits.

use super::Slot;

const WORDS: usize = 16;

/// A set of slots.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SlotSet([u64; WORDS]);

impl SlotSet {
    /// Slots that a set can hold: 0 to 1,023.
    pub(crate) const CAPACITY: usize = WORDS * 64;

    pub(crate) const fn insert(&mut self, slot: Slot) {
        self.0[slot.index() / 64] |= 1 << (slot.index() % 64);
    }

    pub(crate) const fn remove(&mut self, slot: Slot) {
        self.0[slot.index() / 64] &= !(1 << (slot.index() % 64));
    }

    pub(crate) const fn contains(&self, slot: Slot) -> bool {
        self.0[slot.index() / 64] & 1 << (slot.index() % 64) != 0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0 == [0; WORDS]
    }

    pub(crate) fn union(mut self, other: &Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(word, other)| *word |= other);
        self
    }

    pub(crate) fn intersection(mut self, other: &Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(word, other)| *word &= other);
        self
    }

    pub(crate) fn without(mut self, slot: Slot) -> Self {
        self.remove(slot);
        self
    }

    /// The slots, lowest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Slot> {
        self.0.into_iter().zip(0..).flat_map(|(mut word, number)| {
            std::iter::from_fn(move || {
                let bit = (word != 0).then(|| word.trailing_zeros())?;
                word &= word - 1;
                Some(Slot::new(number * 64 + u16::try_from(bit).unwrap_or(0)))
            })
        })
    }
}

impl std::fmt::Debug for SlotSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_keeps_what_is_put_in() {
        let mut set = SlotSet::default();
        let slots = [0, 1, 63, 64, 200, 1_023].map(Slot::new);
        slots.iter().rev().for_each(|slot| set.insert(*slot));
        assert!(set.iter().eq(slots));
        assert!(set.contains(Slot::new(64)) && !set.contains(Slot::new(65)));
        set.remove(Slot::new(64));
        assert!(set.iter().eq([0, 1, 63, 200, 1_023].map(Slot::new)));
        assert!(set.intersection(&SlotSet::default()).is_empty());
    }
}
