//! The user agent client (RFC 3261 section 8.1): what every usage that sends requests has in common.
//!
//! An [`Exchange`] is one request until its final answer: it is tried over its [`Target`]s in order (RFC 3263 section 4.3), challenges
//! are answered (RFC 3261 section 22), and what takes too long is given up.
//!
//! ```text
//!                 503, 408, no answer, transport failed: the next target, same CSeq
//!                ┌───┐
//!                ▼   │
//!  start ──► Waiting ┼── 401/407: once more with credentials, CSeq + 1 ──► Waiting
//!                │   └── any other final answer ─────────────────────────► Done
//!                └────── the last target, or the time, is used up ───────► Done
//! ```
//!
//! How a usage (a registration, a subscription, a publication, a message) plugs in:
//!
//! - It keeps a [`Client`], with its credentials and what servers asked of them, for as long as it lives, and an [`Exchange`] while a
//!   request is under way.
//! - When it has something to send it pushes [`Output::Locate`]; `located` brings the places, each with our address toward it. It makes
//!   its request, whose CSeq number is its own to count, and starts an exchange over them. Inside a dialog there is nothing to locate:
//!   the only target is `Hop::Uri` of the dialog's next hop.
//! - Its `response`, `client_ended` and `timeout` go to the exchange, which says when it is [`Done`]: under which CSeq number, so
//!   that the usage counts on from there, over which hop, and with what result.
//! - What else it has to say goes through the same queue: [`Output`] is generic over the usage's own events.
//!
//! The agent holds all usages in one table, by owner: a usage is added there by its variant of `Owner` and of `Machine`.

mod exchange;
mod hop;
mod output;
#[cfg(test)]
mod tests;

pub use exchange::{Client, Done, Exchange, Failure, Patience};
pub use hop::{Hop, Located, Target, Ticket};
pub use output::{Destination, Output};
