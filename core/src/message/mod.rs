//! Instant messages outside of sessions (RFC 3428), and who is composing one (RFC 3994).
//!
//! | file | what it does |
//! |---|---|
//! | `outgoing` | one MESSAGE that we send |
//! | `incoming` | one that came |
//! | `composing` | is-composing, on both sides |

mod composing;
mod incoming;
mod outgoing;
#[cfg(test)]
mod tests;

pub use composing::{Composer, Watched};
pub use incoming::{ReceivedMessage, Unreadable};
pub use outgoing::{MessageError, MessageEvent, OutgoingMessage, SendMessage};
