//! Streams over MSRP between two agents in the simulator.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

mod chat;
mod described;
mod desktop;
mod examples;
mod file;
mod files;
mod pressure;
mod relay;
mod room;
mod scene;
mod sharing;
mod talk;
