//! What a file transfer is asked for, and what it tells.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::msrp::{Chunk, FileDetails, FileSelector};
use crate::sip::Text;

/// A file transfer to offer (seed class FileTransferStream).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FileTransferSpec {
    /// Which file. A file that is sent needs its size.
    pub selector: FileSelector,
    /// Whether this side sends it; otherwise the peer is asked for it.
    pub sends: bool,
    /// Where the driver finds it, or is to store it. A file that comes without a place is given to the application, piece by piece.
    pub file: Option<Text>,
    /// Bytes at its beginning that the receiver has already: the transfer resumes behind them.
    pub offset: u64,
    /// The number of the last byte that is transferred, counted from 1; none for the end of the file.
    pub end: Option<u64>,
    /// What else is told of a file that is sent.
    pub details: Box<FileDetails>,
}

/// What an application wants of a file transfer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileTransferCommand {
    /// The driver finds the file here, or is to store it here. Before it has started.
    SetFile(Text),
    /// The file that the peer asks for is this one: what the peer does not say, its size above all, goes into the answer. Before it has started.
    Describe(FileSelector),
    /// So many bytes were worked off of a file that is given to the application: of one that lags behind the peer is not read.
    Taken(u64),
    /// Gives up the transfer; the session goes on.
    Cancel,
}

/// News of a file transfer. One of `DidFinish` and `DidNotFinish` is the last, unless the peer begins it anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FileTransferEvent {
    /// The receiver has so much of the file (`FileTransferStreamDidDeliverChunk`).
    DidDeliverChunk {
        /// The name of the message in MSRP.
        message_id: Text,
        /// The report.
        chunk: Chunk,
        /// 200.
        code: u16,
        /// The words for it.
        reason: Text,
        /// How many bytes, from the beginning of the file.
        transferred_bytes: u64,
        /// How long the file is.
        file_size: u64,
    },
    /// Something of the file has not arrived (`FileTransferStreamDidNotDeliverChunk`).
    DidNotDeliverChunk {
        /// The name of the message in MSRP.
        message_id: Text,
        /// The report or the response that says so, if one does.
        chunk: Option<Chunk>,
        /// The code.
        code: u16,
        /// The words for it.
        reason: Text,
    },
    /// A part of the file came (`FileTransferStreamGotChunk`).
    GotChunk {
        /// The part; empty when the driver stores it.
        #[serde(
            serialize_with = "crate::trace::data::serialize",
            deserialize_with = "crate::trace::data::deserialize"
        )]
        content: Bytes,
        /// The type of the file.
        content_type: Text,
        /// How many bytes have come, from the beginning of the file.
        transferred_bytes: u64,
        /// How long the file is, if that is known.
        file_size: Option<u64>,
    },
    /// The file is there, whole, and its hash is right (`FileTransferStreamDidFinish`).
    DidFinish {
        /// Whether this side has received it.
        received: bool,
    },
    /// The file is not there.
    DidNotFinish {
        /// Whether this side should have received it.
        received: bool,
        /// Why.
        reason: Text,
    },
}

impl FileTransferEvent {
    /// The seeds' names: 002's first, then 000's.
    #[must_use]
    pub const fn names(&self) -> &'static [&'static str] {
        match self {
            Self::DidDeliverChunk { .. } => &["FileTransferStreamDidDeliverChunk"],
            Self::DidNotDeliverChunk { .. } => &["FileTransferStreamDidNotDeliverChunk"],
            Self::GotChunk { .. } => &["FileTransferStreamGotChunk"],
            Self::DidFinish { received: true } => &["FileTransferStreamDidFinish", "MSRPFileTransferGotFile"],
            Self::DidFinish { received: false } => &["FileTransferStreamDidFinish", "MSRPFileTransferDidDeliverFile"],
            Self::DidNotFinish { received: false, .. } => &["MSRPFileTransferDidNotDeliverFile"],
            Self::DidNotFinish { received: true, .. } => &[],
        }
    }
}
