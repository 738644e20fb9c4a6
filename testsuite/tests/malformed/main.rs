//! Malformed INVITEs: those that are generated here, and those of the PROTOS suite if it is at hand. No panic, at most one final answer, nothing
//! that is left behind, and a cost that grows no faster than the request.

mod anomaly;
mod generated;
mod live;
mod suite;
