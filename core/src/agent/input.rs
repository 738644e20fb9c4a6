//! What the world tells the agent.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::id::{AskId, ConnId, SocketId, StreamId};
use crate::media;
use crate::random::Seed;
use crate::sip::Text;
use crate::sip::digest::Secret;
use crate::stream::FileAnswer;
use crate::time::Utc;
use crate::transport::{CloseCause, Fingerprint, TlsInfo};

/// Something that happened in the world. [`Agent::handle`](super::Agent::handle) takes it, and cannot fail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Input {
    /// Time passed: deadlines that have come are worked off. Late, early and repeated ticks are harmless.
    Tick {
        /// The date, if the driver looked at it.
        utc: Option<Utc>,
    },
    /// News of a socket that the agent asked to bind.
    Socket {
        /// The socket of `Effect::Bind`.
        socket: SocketId,
        /// The news.
        event: SocketEvent,
    },
    /// A datagram came.
    Datagram {
        /// The socket it came on.
        socket: SocketId,
        /// Where it came from.
        from: SocketAddr,
        /// The address it was sent to, where the driver can tell: it matters on multicast and wildcard sockets.
        to: Option<IpAddr>,
        /// The index of the interface it came on, where the driver can tell.
        interface: Option<u32>,
        /// Its time to live or hop limit, where the driver can tell.
        ttl: Option<u8>,
        /// Its bytes.
        #[serde(
            serialize_with = "crate::trace::data::serialize",
            deserialize_with = "crate::trace::data::deserialize"
        )]
        data: Bytes,
    },
    /// A datagram that was sent could not be delivered: the network said so (ICMP).
    Undelivered {
        /// The socket it was sent from.
        socket: SocketId,
        /// Where it was to go.
        to: SocketAddr,
        /// Why it did not get there.
        cause: CloseCause,
    },
    /// A peer opened a connection; `Stream { event: Open }` follows when it is ready.
    Accepted {
        /// The connection, a [`ConnId::accepted`] that the driver picked.
        conn: ConnId,
        /// The listening socket.
        on: SocketId,
        /// The peer's address.
        peer: SocketAddr,
    },
    /// News of a connection.
    Stream {
        /// The connection.
        conn: ConnId,
        /// The news.
        event: StreamEvent,
    },
    /// News of a media path.
    Media {
        /// The stream of `Effect::Media`.
        stream: StreamId,
        /// The news.
        event: media::Event,
    },
    /// The answer to a question.
    Answer {
        /// The question of `Effect::Ask`.
        ask: AskId,
        /// The answer.
        answer: Answer,
    },
    /// The network changed: addresses or routes may be others now.
    Network(NetworkChange),
    /// The system's name servers are these now, best first: the driver has read them, at the start or anew.
    Nameservers(Vec<SocketAddr>),
    /// The driver shows another certificate under the name of this identity from now on: the file that holds it was renewed.
    Certificate {
        /// The identity.
        identity: Text,
        /// The fingerprint of the certificate.
        fingerprint: Fingerprint,
    },
    /// Fresh chance, mixed into what is left of the old.
    Reseed(Seed),
}

/// News of a socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SocketEvent {
    /// It is bound, to this address.
    Bound {
        /// The local address and port.
        local: SocketAddr,
    },
    /// It could not be bound, or broke.
    Failed(CloseCause),
    /// It is closed, as asked.
    Closed,
}

/// News of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamEvent {
    /// It is open.
    Open {
        /// The local address.
        local: SocketAddr,
        /// The peer's address.
        peer: SocketAddr,
        /// What the TLS handshake told; the core judges it before a byte is written or delivered.
        tls: Option<TlsInfo>,
    },
    /// Bytes came.
    Data(
        #[serde(
            serialize_with = "crate::trace::data::serialize",
            deserialize_with = "crate::trace::data::deserialize"
        )]
        Bytes,
    ),
    /// The system took so many bytes of what `Effect::Write` handed over: credit comes back.
    Drained(usize),
    /// It is closed, or could not be opened. The last news of it.
    Closed(CloseCause),
}

/// The answer to a [`Question`](super::Question).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Answer {
    /// The local address toward the one asked for; `None` where there is no route.
    LocalAddress(Option<IpAddr>),
    /// Something about a file.
    File(FileAnswer),
    /// TLS is done with the files from now on, with the fingerprint of the certificate in them if there is one; or why it cannot be.
    Tls(Result<Option<Fingerprint>, Text>),
    /// The stored settings, nothing if nothing is stored, or why they cannot be read.
    Settings(Result<Option<Secret>, Text>),
    /// The settings are stored, or why they cannot be.
    Persisted(Result<(), Text>),
}

/// How the network changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NetworkChange {
    /// The machine's addresses or routes are others now.
    Addresses,
    /// The machine slept, and time may have jumped.
    Woke,
}
