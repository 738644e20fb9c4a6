//! What the agent asks of the driver.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::id::{AskId, ConnId, SocketId, StreamId};
use crate::media;
use crate::settings::kind::{FilePath, Milliseconds, TlsProtocol};
use crate::sip::Text;
use crate::sip::digest::Secret;
use crate::stream::FileQuestion;
use crate::time::Instant;
use crate::transport::{CloseHow, Port, Security, SocketKind};

/// Work for the driver. Draining is never required between two calls; effects keep their order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[must_use]
pub enum Effect {
    /// Bind a socket; answered by `Input::Socket`.
    Bind {
        /// Its name from now on.
        socket: SocketId,
        /// Its kind.
        kind: SocketKind,
        /// The local address; unspecified for all.
        addr: IpAddr,
        /// The port.
        port: Port,
    },
    /// Close a bound socket; answered by `SocketEvent::Closed`.
    Unbind {
        /// The socket.
        socket: SocketId,
    },
    /// Send a datagram.
    Send {
        /// The socket to send it from.
        on: SocketId,
        /// Where to.
        to: SocketAddr,
        /// Its bytes.
        #[serde(
            serialize_with = "crate::trace::data::serialize",
            deserialize_with = "crate::trace::data::deserialize"
        )]
        data: Bytes,
    },
    /// Open a connection; answered by `StreamEvent::Open` or `StreamEvent::Closed`.
    Open {
        /// Its name from now on, a [`ConnId::opened`].
        conn: ConnId,
        /// Where to.
        to: SocketAddr,
        /// Its security.
        security: Security,
        /// The local address to open it from, if it matters.
        from: Option<IpAddr>,
    },
    /// Write to a connection. Spends credit that `StreamEvent::Drained` gives back.
    Write {
        /// The connection.
        conn: ConnId,
        /// The bytes.
        #[serde(
            serialize_with = "crate::trace::data::serialize",
            deserialize_with = "crate::trace::data::deserialize"
        )]
        data: Bytes,
    },
    /// Close a connection; answered by `StreamEvent::Closed`.
    Close {
        /// The connection.
        conn: ConnId,
        /// How.
        how: CloseHow,
    },
    /// The read budget of this connection was 0 and has risen.
    Resume(ConnId),
    /// A question that the core cannot answer without IO. Exactly one `Input::Answer` or one `Effect::Abandon` closes it.
    Ask {
        /// Its name.
        ask: AskId,
        /// The question.
        question: Question,
    },
    /// The answer is no longer wanted.
    Abandon {
        /// The question's name.
        ask: AskId,
    },
    /// A command to a media path.
    Media {
        /// The stream.
        stream: StreamId,
        /// The command.
        command: media::Command,
    },
}

/// What the core asks because it cannot know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Question {
    /// Which local address would packets to this one carry?
    LocalAddress {
        /// The remote address.
        toward: SocketAddr,
    },
    /// Something about a file.
    File(FileQuestion),
    /// Can TLS be done with these files? From then on it is: they are read anew, and connections that are opened or accepted later see them.
    Tls(TlsFiles),
    /// What settings are stored? Of a text longer than `max` bytes, one more is enough.
    LoadSettings {
        /// The most bytes that are looked at.
        max: usize,
    },
    /// Store these settings instead of what is stored, all or nothing. There is one such question at a time.
    PersistSettings {
        /// The text. It holds passwords.
        text: Secret,
    },
}

/// What TLS is done with, as the settings say (`tls.*`). Where they say nothing, the driver goes by what it was started with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsFiles {
    /// The authorities to trust, in PEM.
    pub ca_list: Option<FilePath>,
    /// The certificate of the identity [`TlsFiles::IDENTITY`], those that lead to its authority, and its key, in PEM.
    pub certificate: Option<FilePath>,
    /// The oldest version that is spoken.
    pub protocol: Option<TlsProtocol>,
    /// How long a handshake may take.
    pub timeout: Option<Milliseconds>,
}

impl TlsFiles {
    /// The name of the identity that the settings give.
    pub const IDENTITY: Text = Text::from_static("settings");
}

/// When `Input::Tick` is next wanted, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadline {
    /// The time.
    pub at: Instant,
    /// The reason.
    pub why: TimeoutReason,
}

/// Why the agent wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TimeoutReason {
    /// A timer of a transaction.
    Transaction(crate::transaction::Timer),
    /// A timer of a transport: a connection that opens, idles, or has begun a message.
    Transport,
    /// A timer of a session, such as the invite timeout, or of its INVITE usage, such as the retransmission of a 2xx.
    Session,
    /// A timer of an MSRP session or connection.
    Msrp,
    /// A timer of a registration, or of another usage.
    Usage,
    /// A lookup: a name server is silent, or is to be probed again.
    Lookup,
    /// A question whose answer is overdue.
    Ask,
}
