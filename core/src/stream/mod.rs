//! Media streams of a session (seed interface IMediaStream, and the classes that implement it).
//!
//! [`MediaStream`] is what a stream is to its session, and says how one plugs in. A [`StreamFactory`] makes streams of one
//! kind, and the [`Registry`] holds the factories. A [`Line`] is a stream with its place in a session: it keeps the order
//! of the calls and of the notifications, whatever the stream does.

mod agreement;
mod audio;
mod chat;
mod command;
mod context;
mod desktop_sharing;
mod error;
mod event;
mod file;
mod file_transfer;
mod ice;
mod input;
mod line;
mod media_stream;
mod msrp;
mod originator;
mod output;
mod registry;
mod spec;
#[cfg(test)]
mod tests;

pub use agreement::Agreement;
pub use audio::{AudioFactory, AudioStream};
pub use chat::{ChatCommand, ChatEvent, ChatFactory, ChatMessage, ChatSpec, ChatStream, Notified, ReceivedMessage};
pub use command::Command;
pub use context::{Context, SessionInfo};
pub use desktop_sharing::{
    DesktopSharingCommand, DesktopSharingEvent, DesktopSharingFactory, DesktopSharingHandler, DesktopSharingSpec,
    DesktopSharingStream, HandlerContext,
};
pub use error::StreamError;
pub use event::{IceState, Rtp, StreamEvent};
pub use file::{FileAnswer, FileQuestion};
pub use file_transfer::{
    FileTransferCommand, FileTransferEvent, FileTransferFactory, FileTransferSpec, FileTransferStream,
};
pub use input::Input;
pub use line::{Failure, Line};
pub use media_stream::MediaStream;
pub use msrp::{MsrpProfile, Offered, Role};
pub use originator::Originator;
pub use output::Output;
pub use registry::{Recognized, Registry, Source, StreamFactory};
pub use spec::{AudioSpec, StreamSpec};
