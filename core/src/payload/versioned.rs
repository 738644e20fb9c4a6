//! Documents that come in versions, some of them telling only what has changed.
//!
//! ```text
//!            full, higher version ─► replaces everything                     Applied
//! document ─ partial, the next version ─► merged into what is known           Applied
//!            partial, and a version was missed, or nothing is known yet ─►    Gap: ask for full state
//!            a version that is not higher ─►                                  Stale: nothing happens
//! ```
//!
//! (RFC 3680 section 5.2, 3858 section 5, 4235 section 4.3, 4575 section 4.6, 4662 section 5.) Some of these let the document behind a gap be used
//! before full state comes; none is here, so that what is told was always true at one time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::limits::Limits;

/// What came of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[must_use]
pub enum Merge {
    /// What is known has changed.
    Applied,
    /// The document is older than what is known, or the same again. Nothing has changed.
    Stale,
    /// A document is missing: refresh the subscription, so that full state comes. Nothing has changed.
    Gap,
}

/// Whether a document of this version, full or partial, is to be applied to what is known as of `known`.
pub(super) fn judge(known: Option<u64>, version: u64, full: bool) -> Merge {
    match known {
        Some(known) if version <= known => Merge::Stale,
        Some(known) if full || version == known + 1 => Merge::Applied,
        None if full => Merge::Applied,
        Some(_) | None => Merge::Gap,
    }
}

/// A row of a [`Table`].
pub trait Row: Sized {
    /// What tells rows apart.
    type Key: Ord;

    /// Which row it is.
    fn key(&self) -> Self::Key;

    /// Whether it was told of for the last time: the next document that is applied removes it.
    fn is_over(&self) -> bool {
        false
    }

    /// Removes the rows within it that are over.
    fn settle(&mut self) {}

    /// Takes the place of what is known, or joins it; `most` rows are kept within it.
    fn update(&mut self, new: Self, most: usize) {
        let _ = most;
        *self = new;
    }
}

/// A document whose rows add up to a [`Table`].
pub trait Versioned {
    /// Its rows.
    type Row: Row;

    /// Its version, whether it tells everything, and its rows.
    fn into_rows(self) -> (u64, bool, Vec<Self::Row>);
}

/// What is known from all documents of a subscription. A new subscription begins with a new one. Rows that the last document told to be over are in it
/// once more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table<R> {
    version: Option<u64>,
    rows: Vec<R>,
}

impl<R> Default for Table<R> {
    fn default() -> Self {
        Self { version: None, rows: Vec::new() }
    }
}

impl<R: Row> Table<R> {
    /// The rows, in the order in which they were first told.
    #[must_use]
    pub fn rows(&self) -> &[R] {
        &self.rows
    }

    /// Merges a document.
    pub fn apply(&mut self, document: impl Versioned<Row = R>, limits: &Limits) -> Merge {
        let (version, full, news) = document.into_rows();
        let merge = judge(self.version, version, full);
        if merge != Merge::Applied {
            return merge;
        }
        self.version = Some(version);
        if full {
            self.rows.clear();
        }
        self.rows.retain(|row| !row.is_over());
        self.rows.iter_mut().for_each(Row::settle);
        let most = limits.state_rows;
        merge_rows(&mut self.rows, news, most, Row::key, |known, new| known.update(new, most));
        merge
    }
}

/// Puts each of `news` in the place of the row with its key, or behind the last row. When there are `most` rows, further ones are not added.
pub(super) fn merge_rows<T, K: Ord>(
    rows: &mut Vec<T>,
    news: Vec<T>,
    most: usize,
    key: impl Fn(&T) -> K,
    mut update: impl FnMut(&mut T, T),
) {
    let mut index: BTreeMap<K, usize> = rows.iter().enumerate().map(|(at, row)| (key(row), at)).collect();
    for new in news {
        let key = key(&new);
        if let Some(at) = index.get(&key) {
            if let Some(row) = rows.get_mut(*at) {
                update(row, new);
            }
        } else if rows.len() < most {
            index.insert(key, rows.len());
            rows.push(new);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_judged() {
        for (known, version, full, due) in [
            (None, 0, true, Merge::Applied),
            (None, 7, true, Merge::Applied),
            (None, 0, false, Merge::Gap),
            (Some(3), 4, false, Merge::Applied),
            (Some(3), 5, false, Merge::Gap),
            (Some(3), 5, true, Merge::Applied),
            (Some(3), 3, true, Merge::Stale),
            (Some(3), 3, false, Merge::Stale),
            (Some(3), 2, true, Merge::Stale),
            (Some(u64::MAX), u64::MAX, true, Merge::Stale),
        ] {
            assert_eq!(judge(known, version, full), due, "{known:?} {version} {full}");
        }
    }

    #[test]
    fn rows_are_replaced_added_and_bounded() {
        let mut rows = vec![(1, 'a'), (2, 'b')];
        merge_rows(&mut rows, vec![(2, 'c'), (3, 'd'), (4, 'e'), (3, 'f')], 3, |row| row.0, |row, new| *row = new);
        assert_eq!(rows, [(1, 'a'), (2, 'c'), (3, 'f')]);
    }
}
