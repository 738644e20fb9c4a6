//! Streams over MSRP between two agents in the simulator.

mod chat;
mod desktop;
mod file;
mod scene;
