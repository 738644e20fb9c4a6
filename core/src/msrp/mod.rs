//! MSRP, the Message Session Relay Protocol (RFC 4975), with its relays (RFC 4976).
//!
//! ```text
//!  bytes ─► Framer ─► Frame: Head, Body…, End ─► Endpoint ─► Session ─► Assembly ─► Event
//!                                                   │
//!  bytes ◄─────────── head, body, end line ◄── one sender for each connection ◄── Message
//! ```
//!
//! The parts stand alone: someone may take only the [`Framer`], only the URIs, only the [`Assembly`]. An [`Endpoint`] has any number of
//! sessions on any number of connections.

mod agenda;
mod assembly;
mod chunk;
mod connection;
mod endpoint;
mod event;
mod fault;
mod field;
mod file_description;
mod framer;
mod hash;
mod head;
mod incoming;
mod intervals;
mod kept;
mod listener;
mod log;
mod method;
mod outgoing;
mod range;
mod relay;
mod relayed;
mod selector;
mod sender;
mod session;
mod status;
#[cfg(test)]
mod tests;
mod uri;
mod window;
mod write;

pub use assembly::{Assembly, Delivery, Progress, Refused};
pub use chunk::Chunk;
pub use endpoint::{Context, Endpoint};
pub use event::{End, Event, Output, SendError, Wish};
pub use fault::{Fault, UriFault};
pub use field::Field;
pub use file_description::{FileDates, FileDetails, FileDisposition, FileIcon, FileRange};
pub use framer::{Frame, FrameFault, Framer};
pub use hash::{FileHash, FileHasher, HashAlgorithm};
pub use head::{FailureReport, Head, Start};
pub use intervals::{Intervals, TooManyGaps};
pub use log::{LogEvent, LogLevel, TraceDirection};
pub use method::Method;
pub use outgoing::{Content, Message};
pub use range::{ByteRange, RangeFault};
pub use relay::RelaySetup;
pub(crate) use selector::percent_decoded;
pub use selector::{FileSelector, NotASelector, safe_name};
pub use session::{Connect, Setup, Start as SessionStart, accepts};
pub use status::{Status, reason_phrase};
pub use uri::{MsrpUri, Path};
pub use write::{Continuation, Unwritable, Writer, end_line, has_end_line};
