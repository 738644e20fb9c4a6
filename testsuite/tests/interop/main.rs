//! Calls with peers that we did not write, over real sockets on loopback.
//!
//! A test whose peer is missing skips, saying so; with `SIPSIMPLE_REQUIRE_PEERS=1` that is a failure.

mod baresip;
mod challenges;
mod conference;
mod connectivity;
mod coturn;
mod dtmf;
mod events;
mod extensions;
mod kamailio;
mod knot;
mod located;
mod msrp_relay;
mod msrp_signalling;
mod nat;
mod peer;
mod pjsua;
#[path = "../../../drivers/tests/pki/mod.rs"]
mod pki;
mod presence;
mod proposals;
mod relay;
mod rtp_echo;
mod silence;
mod sipp;
mod stranger;
mod vnc;
