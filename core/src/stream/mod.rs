//! Media streams of a session (seed class IMediaStream).

mod audio;
mod error;
mod event;
mod output;
mod spec;

pub use audio::{AudioStream, Progress};
pub use error::StreamError;
pub use event::StreamEvent;
pub use output::Output;
pub use spec::{AudioSpec, StreamSpec};
