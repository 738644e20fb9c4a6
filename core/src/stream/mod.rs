//! Media streams of a session (seed class IMediaStream).

mod event;
mod spec;

pub use event::StreamEvent;
pub use spec::{AudioSpec, StreamSpec};
