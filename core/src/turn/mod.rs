//! A client of TURN (RFC 8656): an address on a server that relays to us what peers send there, over UDP.
//!
//! | of RFC 8656 | here |
//! |---|---|
//! | 7, 8: allocations, refreshed and given back | [`Client`] |
//! | 9, 10: permissions | [`Client::permit`] |
//! | 11: Send and Data | [`Client::send`], [`Client::datagram`] |
//! | 12: channels | [`Client::bind`] |
//! | 14: attributes | [`stun::attribute`](crate::stun::attribute) |
//! | reservations, ICMP, both families at once, TCP and TLS to the server | not here |

pub mod channel;
mod client;
mod peers;
#[cfg(test)]
mod tests;

pub use client::{Client, Event, Failure, Server};

/// Allocate.
pub const ALLOCATE: u16 = 3;
/// Refresh.
pub const REFRESH: u16 = 4;
/// Send, an indication.
pub const SEND: u16 = 6;
/// Data, an indication.
pub const DATA: u16 = 7;
/// CreatePermission.
pub const CREATE_PERMISSION: u16 = 8;
/// ChannelBind.
pub const CHANNEL_BIND: u16 = 9;

/// UDP, as REQUESTED-TRANSPORT tells it.
pub const UDP: u32 = 17 << 24;
