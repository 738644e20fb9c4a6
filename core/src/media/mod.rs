//! The packet path of one media stream, sans-IO: it lies beside the agent, and is run alike by the driver and by the simulator.

mod command;
mod path;

pub use command::{
    Candidate, ComfortNoise, Command, Component, Event, Format, Ice, Keys, Parameters, Setup, Statistics,
    StreamStatistics, TelephoneEvent,
};
pub use path::{DtmfError, Path, Pull, Transmit};
