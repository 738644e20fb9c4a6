//! RTP (RFC 3550), its control protocol, reordering and DTMF (RFC 4733).
//!
//! The parts stand alone: someone may take only the packets, only the RTCP schedule, only the reorder buffer.
//! [`media::Path`](crate::media::Path) composes them.

pub mod dtmf;
pub mod jitter;
pub mod ntp;
pub mod packet;
pub mod reception;
pub mod rtcp;
pub mod sequence;
mod wire;

pub use packet::{Csrcs, Extension, Header, Packet, PacketError, is_rtcp};
pub use reception::Reception;
pub use sequence::{Arrival, Sequence};
