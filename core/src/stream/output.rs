//! What a stream asks of the layers below it, and what it tells.

use crate::media;

use super::StreamEvent;

/// Work for the media path of a stream, and news of the stream, in order.
#[derive(Debug)]
pub enum Output {
    /// A command to its media path.
    Media(media::Command),
    /// News.
    Event(StreamEvent),
}
