//! Thin drivers that give the pure core of sipsimple its sockets, timers, files and sound.

mod application;
mod clock;
mod event_loop;
mod media;
mod network;
mod trace_file;

pub use application::{
    Application, ApplicationError, ApplicationEvent, AudioError, Event, EventKind, Settings, StartError, listen,
};
pub use clock::Clock;
pub use network::local_address;
pub use trace_file::TraceFile;
