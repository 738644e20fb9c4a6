//! What the transports ask of the driver, and what they tell the layers above.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;

use super::frame::FrameFault;
use super::{CloseCause, CloseHow, Flow, Port, Security, SocketKind, Transport};
use crate::id::{ConnId, SocketId};
use crate::sip::{Essentials, Fault, Message, Rejection, Request, Text};

/// Work for the driver, or news for the layer above.
#[derive(Debug)]
#[must_use]
pub enum Output {
    /// Bind a socket.
    Bind {
        /// Its name.
        socket: SocketId,
        /// Its kind.
        kind: SocketKind,
        /// The local address; unspecified for all.
        addr: IpAddr,
        /// The port.
        port: Port,
    },
    /// Close a bound socket.
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
    /// Open a connection.
    Open {
        /// Its name.
        conn: ConnId,
        /// Where to.
        to: SocketAddr,
        /// Its security.
        security: Security,
        /// The local address to open it from, if it matters.
        from: Option<IpAddr>,
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
    /// A socket is bound: requests can come.
    Listening {
        /// The socket.
        socket: SocketId,
        /// Its transport.
        transport: Transport,
        /// The local address and port.
        local: SocketAddr,
    },
    /// A socket could not be bound, or broke: the flows that lie on it have failed.
    SocketFailed {
        /// The socket.
        socket: SocketId,
        /// Its transport.
        transport: Transport,
        /// Why.
        cause: CloseCause,
    },
    /// A socket is closed, as asked: the flows that lie on it are over.
    SocketClosed {
        /// The socket.
        socket: SocketId,
        /// Its transport.
        transport: Transport,
    },
    /// A message came that holds what every message must.
    Received(Box<Received>),
    /// Something came that is not a valid request or response.
    Malformed {
        /// The way it came.
        flow: Flow,
        /// Where it came from.
        from: SocketAddr,
        /// What is wrong with it.
        fault: Malformed,
        /// The status code with which it was answered, without state; `None` where no answer is due or possible.
        answered: Option<u16>,
    },
    /// A request that only its size had brought to TCP was sent again over UDP, because nobody listens there for TCP
    /// (RFC 3261 section 18.1.1). Its transaction goes on there, with retransmissions.
    FellBack {
        /// Where it was.
        failed: Flow,
        /// The branch of its Via, which stays the same.
        branch: Text,
        /// Where it is now.
        sent: Sent,
    },
    /// A flow that is kept alive told for the first time from which address its peer sees us.
    PublicAddress {
        /// The flow.
        flow: Flow,
        /// Our address and port, as seen from there.
        public: SocketAddr,
    },
    /// A connection failed or was closed, by whomever: told once for each that was opened, in the call that made it so. Or the flow of
    /// datagrams that is kept alive has failed, or a datagram could not be delivered.
    FlowFailed {
        /// The flow.
        flow: Flow,
        /// Why; [`CloseCause::Local`] when it was idle or the transports shut down.
        cause: CloseCause,
    },
}

/// A message that came.
#[derive(Debug)]
pub struct Received {
    /// The way it came.
    pub flow: Flow,
    /// Over which transport.
    pub transport: Transport,
    /// Where it came from.
    pub from: SocketAddr,
    /// The way that responses to a request take (RFC 3261 section 18.2.2, RFC 3581 section 4); of a response, where it came from.
    pub reply: Flow,
    /// The local address it came to, where that is known; otherwise the one the socket is bound to.
    pub local: SocketAddr,
    /// The message.
    pub message: Message,
    /// The fields every message has.
    pub essentials: Essentials,
}

/// What is wrong with something that came.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It cannot be taken apart.
    #[error("byte {at}: {fault}")]
    Parse {
        /// The offset of the byte at fault.
        at: usize,
        /// What is wrong with it.
        fault: Fault,
    },
    /// A field that every message must have is missing or wrong.
    #[error(transparent)]
    Invalid(#[from] Rejection),
    /// The stream cannot be cut into messages any further.
    #[error(transparent)]
    Frame(#[from] FrameFault),
    /// The rest of a message did not come in time.
    #[error("the rest of the message did not come in time")]
    TooSlow,
}

/// A request that is on its way.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The way it goes. Retransmissions, the CANCEL and the ACK of a failure go there too, by [`send_on`](super::Transports::send_on).
    pub flow: Flow,
    /// The transport, as its Via has it.
    pub transport: Transport,
    /// The request with its Via.
    pub request: Request,
}

impl Sent {
    /// Whether the transport delivers every byte, so that the request need not be sent again.
    #[must_use]
    pub const fn is_reliable(&self) -> bool {
        self.transport.is_reliable()
    }
}

/// Why a message cannot be sent. Nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// No socket of this transport and of the destination's version of IP is bound.
    #[error("no {0} socket is bound that reaches {1}")]
    NoSocket(Transport, SocketAddr),
    /// The local address toward the destination is not known yet: see [`local`](super::Transports::local).
    #[error("the local address toward {0} is not known")]
    LocalUnknown(SocketAddr),
    /// A `sips` URI is reached over TLS only (RFC 3261 section 26.2.2).
    #[error("a sips URI is not reached over {0}")]
    Insecure(Transport),
    /// The operating system knows no way there.
    #[error("there is no route to {0}")]
    NoRoute(SocketAddr),
    /// The socket or the connection is gone.
    #[error("the flow is gone")]
    Gone,
    /// Too much waits to be written on the connection.
    #[error("too much waits to be written on the connection")]
    Full,
    /// No further connection may be opened.
    #[error("there are too many connections")]
    TooManyConnections,
    /// The Via of a response names no address that it could go to.
    #[error("the Via of the response names no address")]
    NoAddress,
    /// The transports shut down.
    #[error("the transports are shutting down")]
    ShuttingDown,
}

/// Why a socket cannot be bound or unbound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BindError {
    /// TLS is not configured.
    #[error("TLS is not configured")]
    NoTls,
    /// There is no such socket, or it is being closed.
    #[error("there is no {0}")]
    Unknown(SocketId),
    /// The transports shut down.
    #[error("the transports are shutting down")]
    ShuttingDown,
}

/// What was counted since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Messages taken in.
    pub received: u64,
    /// Messages sent, retransmissions included.
    pub sent: u64,
    /// Messages that could not be read.
    pub malformed: u64,
    /// Responses that answer nothing we sent.
    pub stray: u64,
    /// Connections and messages that were shed because a limit was reached.
    pub shed: u64,
    /// Keep-alives: pings and pongs on streams, datagrams that hold no SIP.
    pub keep_alives: u64,
    /// News of unknown things, or in the wrong order: faults of the driver.
    pub driver_faults: u64,
}
