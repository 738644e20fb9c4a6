//! Pieces of work whose cost is measured: how many instructions they take, how often they allocate, what they keep.
//!
//! A [`Work`] prepares what it needs, and then does the same again and again. The benchmarks run all of them; the test
//! `allocations` holds them to the bars that stand at the works themselves.

pub mod call;
pub mod coding;
pub mod description;
pub mod ice;
pub mod location;
pub mod media;
pub mod message;
pub mod mixing;
pub mod msrp;
pub mod payload;
pub mod playout;
pub mod srtp;
pub mod transaction;

use std::fmt;

/// One round of a piece of work, ready to be done again and again.
pub type Round = Box<dyn FnMut()>;

/// A piece of work.
#[derive(Clone, Copy)]
pub struct Work {
    /// A name without spaces, for the command line.
    pub name: &'static str,
    /// What one unit of it is.
    pub unit: &'static str,
    /// Units in one round.
    pub units: u64,
    /// What a unit may cost by design.
    pub target: Option<Cost>,
    /// Gets everything ready.
    pub prepare: fn() -> Round,
}

/// What a unit of work costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Instructions; none where there is no bar.
    pub instructions: Option<u64>,
    /// Allocations; growing something counts as one.
    pub allocations: u64,
}

impl Work {
    /// All pieces of work.
    #[must_use]
    pub fn all() -> Vec<Self> {
        [
            message::WORKS,
            description::WORKS,
            transaction::WORKS,
            call::WORKS,
            location::WORKS,
            media::WORKS,
            playout::WORKS,
            mixing::WORKS,
            coding::WORKS,
            srtp::WORKS,
            ice::WORKS,
            msrp::WORKS,
            payload::WORKS,
        ]
        .concat()
    }

    /// The piece of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::all().into_iter().find(|work| work.name == name)
    }
}

/// Its name, as tables show it.
impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A bar on instructions and allocations.
const fn bar(instructions: u64, allocations: u64) -> Option<Cost> {
    Some(Cost { instructions: Some(instructions), allocations })
}

/// A bar on allocations alone.
const fn allocations(allocations: u64) -> Option<Cost> {
    Some(Cost { instructions: None, allocations })
}
