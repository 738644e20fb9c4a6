//! What a stream asks of the layers below it, and what it tells.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;

use crate::dns::Request;
use crate::id::{ConnId, SocketId};
use crate::media;
use crate::msrp;
use crate::sip::Text;
use crate::transport::{CloseHow, Port, Security, SocketKind};

use super::{FileQuestion, Rtp, StreamEvent};

/// What a stream says, in order.
#[derive(Debug)]
#[non_exhaustive]
pub enum Output {
    /// It is initialised: its media line is known.
    Initialized,
    /// It has started; a stream over RTP tells its media path.
    Started(Option<Rtp>),
    /// It cannot go on.
    Failed {
        /// Why, in words.
        reason: Text,
        /// Whether there was no room for it, such as a port: later there may be.
        for_now: bool,
    },
    /// It has ended: nothing more comes from it.
    Ended,
    /// News for the application: heard from its start to its end.
    Event(StreamEvent),
    /// A command to its media path of RTP.
    Media(media::Command),
    /// Bind a socket, of datagrams or listening; [`Input::Bound`](super::Input::Bound) or [`Input::Unbound`](super::Input::Unbound) comes.
    Bind {
        /// Its name, by [`Context::socket`](super::Context::socket).
        socket: SocketId,
        /// Its kind.
        kind: SocketKind,
        /// The local address.
        addr: IpAddr,
        /// The port.
        port: Port,
    },
    /// Close a socket.
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
        data: Bytes,
    },
    /// Open a connection; [`Input::Opened`](super::Input::Opened) or [`Input::Closed`](super::Input::Closed) comes.
    Open {
        /// Its name, by [`Context::conn`](super::Context::conn).
        conn: ConnId,
        /// Where to.
        to: SocketAddr,
        /// Its security.
        security: Security,
    },
    /// Write to a connection. It spends credit that [`Input::Drained`](super::Input::Drained) gives back.
    Write {
        /// The connection.
        conn: ConnId,
        /// The bytes.
        data: Bytes,
    },
    /// Close a connection; [`Input::Closed`](super::Input::Closed) comes.
    Close {
        /// The connection.
        conn: ConnId,
        /// How.
        how: CloseHow,
    },
    /// The read budget of this connection was 0 and has risen.
    Resume(ConnId),
    /// Where something is; [`Input::Located`](super::Input::Located) tells it.
    Locate(Request),
    /// What follows of a call to the MSRP sessions, for the driver and for other streams.
    Msrp(msrp::Output),
    /// What comes for its MSRP session is to wait, or not any longer.
    MsrpHold(bool),
    /// A question about a file; [`Input::Answer`](super::Input::Answer) brings the answer, unless the stream ends before.
    Ask {
        /// The stream's own name for it.
        number: u64,
        /// The question.
        question: FileQuestion,
    },
}
