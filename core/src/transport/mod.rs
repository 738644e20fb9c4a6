//! Transports: flows, framing of streams, keep-alive, Via (RFC 3261 section 18, RFC 3581, RFC 5626 section 3.5).

mod route;
mod security;

pub use route::{Route, Transport};
pub use security::{CertificateChain, CloseCause, CloseHow, Port, Security, SocketKind, TlsInfo, TlsPolicy};
