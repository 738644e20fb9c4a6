//! Transports: flows, framing of streams, keep-alive, Via (RFC 3261 section 18, RFC 3581, RFC 5626 section 3.5).

mod certificate;
mod connection;
mod flow;
mod frame;
mod judge;
mod keep_alive;
mod layer;
mod output;
mod receive;
mod reply;
mod route;
mod security;
mod send;
mod socket;
mod stream;
#[cfg(test)]
mod tests;

pub use certificate::Identities;
pub(crate) use connection::source_of;
pub use flow::Flow;
pub use frame::{Frame, FrameError, FrameFault, Framer};
pub use judge::{Distrust, Fingerprint, Peer, judge};
pub use keep_alive::{KeepAlive, seen_address};
pub use layer::{TlsConfig, TransportConfig, Transports};
pub use output::{BindError, Counters, Malformed, Output, Received, SendError, Sent};
pub use route::{Route, Transport};
pub use security::{CertificateChain, CloseCause, CloseHow, Port, Security, SocketKind, TlsInfo, TlsPolicy};
pub use send::Target;
pub use socket::Local;
