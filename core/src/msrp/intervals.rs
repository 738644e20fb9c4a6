//! Sets of bytes of a message, as disjoint intervals.

use std::collections::BTreeMap;
use std::ops::Range;

/// Too many intervals: what comes has more gaps than the limit allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there are too many gaps")]
pub struct TooManyGaps;

/// A set of byte positions. Touching intervals are one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Intervals {
    /// The end, which is not included, by the start.
    ends: BTreeMap<u64, u64>,
    covered: u64,
}

impl Intervals {
    /// The empty set.
    pub const EMPTY: Self = Self { ends: BTreeMap::new(), covered: 0 };

    /// Adds the positions of `range`; costs what the intervals that it joins do.
    ///
    /// # Errors
    /// When there would be more than `most` intervals; nothing is added then.
    pub fn insert(&mut self, range: Range<u64>, most: usize) -> Result<(), TooManyGaps> {
        if range.is_empty() {
            return Ok(());
        }
        let Range { mut start, mut end } = range;
        let before = self.ends.range(..=start).next_back().map(|(start, end)| (*start, *end));
        let before = before.filter(|(_, before)| *before >= start);
        let joins = before.is_some() || self.ends.range(start..=end).next().is_some();
        if !joins && self.ends.len() >= most {
            return Err(TooManyGaps);
        }
        if let Some((first, last)) = before {
            (start, end) = (first, end.max(last));
            self.remove(first, last);
        }
        while let Some((first, last)) = self.ends.range(start..=end).next().map(|(first, last)| (*first, *last)) {
            end = end.max(last);
            self.remove(first, last);
        }
        self.ends.insert(start, end);
        self.covered += end - start;
        Ok(())
    }

    fn remove(&mut self, start: u64, end: u64) {
        self.ends.remove(&start);
        self.covered -= end - start;
    }

    /// How many positions it has.
    #[must_use]
    pub const fn covered(&self) -> u64 {
        self.covered
    }

    /// How many intervals it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The first position at or behind `start` that it does not have.
    #[must_use]
    pub fn first_gap(&self, start: u64) -> u64 {
        let before = self.ends.range(..=start).next_back();
        before.map_or(start, |(_, end)| start.max(*end))
    }

    /// Behind the last position that it has.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.ends.last_key_value().map_or(0, |(_, end)| *end)
    }
}
