//! Sound cards in real time: a PulseAudio of the test's own, whose sinks lead nowhere, is the machine's sound.
//!
//! The system's sound library reads from the environment where the server is, so each test runs itself once more with that said. A test whose
//! server is not installed skips, saying so; with `SIPSIMPLE_REQUIRE_PEERS=1` that is a failure.

#![cfg(feature = "device")]

mod card;
mod kept;
mod server;
