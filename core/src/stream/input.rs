//! What a stream is told of the world.

use std::net::SocketAddr;

use bytes::Bytes;

use crate::id::{ConnId, SocketId};
use crate::media;
use crate::msrp;
use crate::sip::Text;
use crate::transport::{CloseCause, TlsInfo};

use super::FileAnswer;

/// Something happened to what a stream has in the world.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Input {
    /// News of its media path.
    Media(media::Event),
    /// A socket is bound.
    Bound {
        /// The socket.
        socket: SocketId,
        /// Its local address.
        local: SocketAddr,
    },
    /// A socket could not be bound, broke, or is closed as asked.
    Unbound {
        /// The socket.
        socket: SocketId,
        /// Why, if it was not asked for.
        cause: Option<CloseCause>,
    },
    /// A datagram came.
    Datagram {
        /// The socket it came on.
        socket: SocketId,
        /// Where it came from.
        from: SocketAddr,
        /// Its bytes.
        data: Bytes,
    },
    /// A peer opened a connection to a listening socket; `Opened` follows when it is ready.
    Accepted {
        /// The connection; the driver picked its name.
        conn: ConnId,
        /// The listening socket.
        on: SocketId,
        /// The peer's address.
        peer: SocketAddr,
    },
    /// A connection is open.
    Opened {
        /// The connection.
        conn: ConnId,
        /// The local address.
        local: SocketAddr,
        /// The peer's address.
        peer: SocketAddr,
        /// What the TLS handshake told: the stream judges it before a byte is written or believed.
        tls: Option<TlsInfo>,
    },
    /// Bytes came.
    Data {
        /// The connection.
        conn: ConnId,
        /// The bytes.
        data: Bytes,
    },
    /// The system took so many bytes of what was written.
    Drained {
        /// The connection.
        conn: ConnId,
        /// How many.
        bytes: usize,
    },
    /// News of its MSRP session.
    Msrp(msrp::Event),
    /// Where the peer of its MSRP session can connect to, or why it cannot.
    MsrpListening(Result<SocketAddr, CloseCause>),
    /// Where something is that it asked for, the best place first; or why nobody knows.
    Located(Result<Vec<SocketAddr>, Text>),
    /// The answer to a question.
    Answer {
        /// The stream's own name for it.
        number: u64,
        /// The answer.
        answer: FileAnswer,
    },
    /// A connection is closed, or could not be opened. The last news of it.
    Closed {
        /// The connection.
        conn: ConnId,
        /// Why.
        cause: CloseCause,
    },
}
