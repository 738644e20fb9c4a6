//! The user agent client (RFC 3261 section 8.1): what every usage that sends requests has in common.

mod hop;

pub use hop::{Hop, Ticket};
