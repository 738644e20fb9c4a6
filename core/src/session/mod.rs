//! A SIP session (seed class Session): an INVITE usage and its media streams.

mod event;
mod state;

pub use event::{AckReceived, Originator, SessionEvent};
pub use state::SessionState;
