//! The tables of `vectors`, and how a reading of a message is judged by a line of one. `vectors/README.md` tells the formats.

mod facts;
pub(crate) mod judge;
pub(crate) mod table;
