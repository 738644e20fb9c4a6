//! The engine from outside: what goes in tick by tick and packet by packet, and what comes out.

mod allocations;
mod calls;
mod net;
mod noise;
mod ports;
