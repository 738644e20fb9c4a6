//! Simulator, properties and conformance of the SIP SIMPLE client.
//!
//! The simulator is a [`World`](world::World) of hosts in virtual time: each holds an agent of the core, and between them lie
//! links that lose, repeat, reorder and delay. Everything is drawn from one seed, so a run that fails runs again from
//! the line that it prints.

pub mod application;
pub mod cost;
pub mod host;
pub mod link;
pub mod media;
pub mod stream;
pub mod wire;
pub mod world;
