//! MSRP, the Message Session Relay Protocol (RFC 4975), with its relays (RFC 4976).
//!
//! ```text
//!  bytes ─► Framer ─► Frame: Head, Body…, End
//!                       │
//!  bytes ◄─ head, body, end line
//! ```
//!
//! The parts stand alone: someone may take only the [`Framer`], only the URIs, only the reassembly.

mod fault;
mod field;
mod framer;
mod head;
mod method;
mod range;
mod status;
#[cfg(test)]
mod tests;
mod uri;
mod write;

pub use fault::{Fault, UriFault};
pub use field::Field;
pub use framer::{Frame, FrameFault, Framer};
pub use head::{FailureReport, Head, Start};
pub use method::Method;
pub use range::{ByteRange, RangeFault};
pub use status::{Status, reason_phrase};
pub use uri::{MsrpUri, Path};
pub use write::{Continuation, Unwritable, Writer, end_line, has_end_line};
