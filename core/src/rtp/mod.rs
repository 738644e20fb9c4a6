//! RTP (RFC 3550), its control protocol, SRTP (RFC 3711), reordering and DTMF (RFC 4733).
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
pub mod srtp;
mod wire;

pub use packet::{Csrcs, Extension, Header, Packet, PacketError, is_rtcp};
pub use reception::Reception;
pub use sequence::{Arrival, Sequence};
