//! Names of the things that live in an agent. Counters, so that they replay.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident $prefix:literal;)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(u64);

        impl $name {
            /// The name with this number.
            #[must_use]
            pub const fn from_u64(number: u64) -> Self {
                Self(number)
            }

            /// The number of this name.
            #[must_use]
            pub const fn as_u64(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    )* };
}

id! {
    /// An account of the agent (seed classes Account and BonjourAccount).
    AccountId "account-";
    /// A session (seed class Session).
    SessionId "session-";
    /// A media stream of a session (seed class IMediaStream).
    StreamId "stream-";
    /// A subscription of ours (the reference's Subscription).
    SubscriptionId "subscription-";
    /// A subscription of somebody else's to something of ours (the reference's IncomingSubscription).
    IncomingSubscriptionId "incoming-subscription-";
    /// A publication (the reference's Publication).
    PublicationId "publication-";
    /// A message that we send outside of sessions (the reference's Message).
    MessageId "message-";
    /// A transaction of an agent's table.
    TransactionId "transaction-";
    /// A bound socket: UDP, listening or multicast.
    SocketId "socket-";
    /// A lookup of the resolver (seed class DNSLookup).
    LookupId "lookup-";
    /// A question that the core asked the driver.
    AskId "ask-";
    /// A connection. See [`ConnId::opened`] and [`ConnId::accepted`] for who picks the number.
    ConnId "conn-";
}

impl ConnId {
    /// The `count`th connection that the core opened: even numbers, picked by the core.
    #[must_use]
    pub const fn opened(count: u64) -> Self {
        Self(count.wrapping_mul(2))
    }

    /// The `count`th connection that the driver accepted: odd numbers, picked by the driver.
    #[must_use]
    pub const fn accepted(count: u64) -> Self {
        Self(count.wrapping_mul(2).wrapping_add(1))
    }

    /// Whether the driver picked this number for a connection that a peer opened.
    #[must_use]
    pub const fn is_accepted(self) -> bool {
        self.0 % 2 == 1
    }
}

/// The sockets and connections of media streams are counted from here, so that nobody else has their names.
const OF_STREAMS: u64 = 1 << 48;

/// Those of MSRP, which streams share, are counted from here.
const OF_MSRP: u64 = 1 << 47;

/// How many names one stream has for its sockets, and for its connections.
const PER_STREAM: u64 = 1 << 8;

/// The stream that gave this number to a socket or connection.
const fn stream_of(number: u64) -> Option<StreamId> {
    if number >= OF_STREAMS { Some(StreamId((number - OF_STREAMS) / PER_STREAM)) } else { None }
}

impl SocketId {
    /// The socket with this number of a media stream.
    #[must_use]
    pub const fn of_stream(stream: StreamId, number: u8) -> Self {
        Self(OF_STREAMS + (stream.0 % (OF_STREAMS / PER_STREAM)) * PER_STREAM + number as u64)
    }

    /// Whose it is, if it is a media stream's.
    #[must_use]
    pub const fn stream(self) -> Option<StreamId> {
        stream_of(self.0)
    }

    /// The `count`th listener of MSRP.
    #[must_use]
    pub const fn of_msrp(count: u64) -> Self {
        Self(OF_MSRP + count % (OF_STREAMS - OF_MSRP))
    }

    /// Whether it is a listener of MSRP.
    #[must_use]
    pub const fn is_msrp(self) -> bool {
        self.0 >= OF_MSRP && self.0 < OF_STREAMS
    }
}

impl ConnId {
    /// The connection with this number that a media stream opened.
    #[must_use]
    pub const fn of_stream(stream: StreamId, number: u8) -> Self {
        Self::opened(SocketId::of_stream(stream, number).0)
    }

    /// Whose it is, if a media stream opened it.
    #[must_use]
    pub const fn stream(self) -> Option<StreamId> {
        if self.is_accepted() { None } else { stream_of(self.0 / 2) }
    }

    /// The `count`th connection that was opened for MSRP.
    #[must_use]
    pub const fn of_msrp(count: u64) -> Self {
        Self::opened(SocketId::of_msrp(count).0)
    }

    /// Whether it was opened for MSRP. One that was accepted may be of MSRP nevertheless.
    #[must_use]
    pub const fn is_msrp(self) -> bool {
        !self.is_accepted() && SocketId(self.0 / 2).is_msrp()
    }
}

/// Hands out the names of one kind, 0 first.
#[derive(Debug, Default)]
pub struct Counter {
    next: u64,
}

impl Counter {
    /// What [`take`](Self::take) will give.
    #[must_use]
    pub const fn upcoming(&self) -> u64 {
        self.next
    }

    /// The next number.
    pub fn take(&mut self) -> u64 {
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        number
    }
}
