//! Media, on a thread of its own: signalling never delays audio, and audio never delays signalling.
//!
//! The agent's loop hands over the commands of `Effect::Media` and takes back what the packet paths have to tell.

mod ports;
mod task;

pub(crate) use task::start;

use sipsimple_core::id::StreamId;
use sipsimple_core::media::{Command, Event};
use smol::channel::{Receiver, Sender};

/// What the loop of the agent asks of the media thread.
#[derive(Debug)]
pub(crate) enum Order {
    /// A command to the packet path of a stream.
    Path { stream: StreamId, command: Command },
}

/// What the media thread tells.
#[derive(Debug)]
pub(crate) enum News {
    /// News of the packet path of a stream.
    Path { stream: StreamId, event: Event },
}

/// The ends of the media thread's channels that the loop of the agent holds.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) orders: Sender<Order>,
    pub(crate) news: Receiver<News>,
}

impl Link {
    /// Passes on a command of the agent.
    pub(crate) fn command(&self, stream: StreamId, command: Command) {
        let _ = self.orders.try_send(Order::Path { stream, command });
    }
}
