//! The SIP SIMPLE client as pure state machines.
//!
//! Nothing here opens a socket, reads a clock, starts a thread or draws from the randomness of the system: what happened
//! comes in as data, what is to be done goes out as data, and the same inputs give the same outputs, byte for byte.

pub mod agent;
pub mod cause;
pub mod config;
pub mod dialog;
pub mod dns;
pub mod ice;
pub mod id;
pub mod invitation;
pub mod limits;
pub mod media;
pub mod message;
pub mod msrp;
pub mod negotiation;
pub mod notifier;
pub mod outbox;
pub mod package;
pub mod payload;
pub mod publication;
pub mod random;
pub mod registration;
pub mod rtp;
pub mod sdp;
pub mod session;
pub mod settings;
pub mod sip;
pub mod stream;
pub mod stun;
pub mod subscription;
pub mod time;
pub mod trace;
pub mod transaction;
pub mod transfer;
pub mod transport;
pub mod turn;
pub mod uac;
pub mod usage;
