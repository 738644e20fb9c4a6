//! What the MSRP room asks of the driver, and what it tells of sessions.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;

use super::{Chunk, FailureReport, LogEvent, LogLevel, Path};
use crate::id::{ConnId, SocketId, StreamId};
use crate::sip::Text;
use crate::transport::{CloseCause, CloseHow, Port, Security, SocketKind};

/// Work for the driver, or news of a session.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// Bind a listener.
    Bind {
        /// Its name.
        socket: SocketId,
        /// Its kind.
        kind: SocketKind,
        /// The local address.
        addr: IpAddr,
        /// The port.
        port: Port,
    },
    /// Close a listener.
    Unbind {
        /// The listener.
        socket: SocketId,
    },
    /// Open a connection.
    Open {
        /// Its name.
        conn: ConnId,
        /// Where to.
        to: SocketAddr,
        /// Its security.
        security: Security,
    },
    /// Write to a connection.
    Write {
        /// The connection.
        conn: ConnId,
        /// The bytes.
        data: Bytes,
    },
    /// Close a connection.
    Close {
        /// The connection.
        conn: ConnId,
        /// How.
        how: CloseHow,
    },
    /// The read budget of this connection was 0 and has risen.
    Resume(ConnId),
    /// Where the peer of a session can connect to, or why it cannot.
    Listening(StreamId, Result<SocketAddr, CloseCause>),
    /// News of a session.
    Session(StreamId, Event),
    /// News of a connection for logs.
    Log(ConnId, LogEvent),
}

/// News of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It is bound to a connection: messages flow.
    Started,
    /// The relay has granted a path, which begins our own.
    Relayed {
        /// The relay's URIs, the one that the peer visits first in front.
        path: Path,
    },
    /// A message came.
    Message {
        /// What it asks to be told.
        wish: Wish,
        /// Its type.
        content_type: Text,
        /// What it holds.
        content: Bytes,
    },
    /// A piece of a message came.
    Piece {
        /// What its message asks to be told.
        wish: Wish,
        /// The type of the message.
        content_type: Text,
        /// Where the piece begins, counted from 0.
        at: u64,
        /// How long the message is, as far as is known.
        total: Option<u64>,
        /// The piece.
        data: Bytes,
    },
    /// A chunk ended that came in pieces: what of the message has come can be reported.
    ChunkEnded {
        /// What its message asks to be told.
        wish: Wish,
        /// How many bytes have come without a gap.
        bytes: u64,
        /// How long the message is, as far as is known.
        total: Option<u64>,
        /// Whether the message is whole.
        whole: bool,
    },
    /// The peer gave up a message, or it was refused on the way.
    Aborted {
        /// Its name.
        id: Text,
    },
    /// A message wants so many bytes to go on.
    Wants {
        /// Its name.
        id: Text,
        /// From which byte on, counted from 0.
        at: u64,
        /// How many.
        len: u64,
    },
    /// A message was handed to the driver whole.
    Sent {
        /// Its name.
        id: Text,
        /// Its last chunk.
        chunk: Chunk,
    },
    /// The receiver has so many bytes of a message without a gap.
    Reported {
        /// Its name.
        id: Text,
        /// How many.
        bytes: u64,
        /// The report.
        chunk: Chunk,
    },
    /// A message has arrived. Told once, and then nothing else of it.
    Delivered {
        /// Its name.
        id: Text,
        /// The code.
        code: u16,
        /// The words for it.
        reason: Text,
        /// The report or response that says so.
        chunk: Option<Chunk>,
    },
    /// A message has not arrived. Told once, and then nothing else of it.
    NotDelivered {
        /// Its name.
        id: Text,
        /// The code; 0 when the session ended.
        code: u16,
        /// The words for it.
        reason: Text,
        /// The report or response that says so, if one does.
        chunk: Option<Chunk>,
    },
    /// A request for a nickname was answered.
    Nickname {
        /// The code; 200 when the nickname is ours now.
        code: u16,
        /// The words for it.
        reason: Text,
    },
    /// There is room for messages again.
    Writable,
    /// It is over. The last news of it.
    Ended(End),
}

/// What a message asks to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Its name.
    pub id: Text,
    /// The way that it came, which reports go back.
    pub from: Arc<Path>,
    /// Whether success is to be reported.
    pub success: bool,
    /// Whether failure is.
    pub failure: FailureReport,
}

/// Why a session is over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum End {
    /// Its connection is.
    #[error("{0}")]
    Connection(CloseCause),
    /// The peer does not know it, or refuses to bind it, with this code.
    #[error("refused with {0}")]
    Refused(u16),
    /// It was not bound in time.
    #[error("no connection in time")]
    NotBound,
    /// The peer is not who it should be.
    #[error("{0}")]
    Distrusted(Text),
    /// The relay refuses us.
    #[error("the relay refuses: {0}")]
    Relay(Text),
}

impl End {
    /// How grave it is for the log.
    pub(super) const fn level(&self) -> LogLevel {
        match self {
            Self::Connection(CloseCause::Peer | CloseCause::Local) => LogLevel::Info,
            Self::Connection(_) | Self::Refused(_) | Self::NotBound => LogLevel::Warning,
            Self::Distrusted(_) | Self::Relay(_) => LogLevel::Error,
        }
    }
}

/// Why a message cannot be sent. Nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// There is no such session.
    #[error("there is no such session")]
    NoSession,
    /// Too much waits to be sent; `Writable` tells when there is room.
    #[error("too much waits to be sent")]
    Full,
    /// Something of it cannot stand in a frame.
    #[error("the message cannot be written")]
    Unwritable,
}
