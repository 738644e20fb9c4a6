//! One question on its way, at one name server after the other (RFC 1035 sections 4.2 and 7, RFC 5452).
//!
//! ```text
//!   ask ──► Binding ──bound──► Waiting ──answer──────────────────► (answered)
//!              ▲                │ │ ▲ └─again─┘
//!              │   time is up,  │ └─truncated─► Opening ──open──► Reading ──answer──► (answered)
//!              └───refusal,─────┴──────────────────┴─────────────────┘
//!                  fault: the next server
//! ```
//!
//! A server that refuses, or speaks nonsense, is struck; one that is silent is asked again after the others. When all are struck the
//! question has failed, when its time is up it has timed out.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::{Kind, Name};
use crate::id::{ConnId, SocketId};
use crate::time::Instant;

/// How often a silent server gets the same datagram, each time after a third of the time that it has.
pub(super) const SENDS: u32 = 3;

/// The shortest time that a server has.
const SHORTEST: Duration = Duration::from_millis(30);

/// What is asked, and whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name.
    pub name: Name,
    /// The type of record.
    pub kind: Kind,
    /// The name servers, best first.
    pub servers: Vec<SocketAddr>,
    /// How long one server may take.
    pub timeout: Duration,
    /// When the question has timed out.
    pub until: Instant,
    /// Whether it is asked although the answer is known.
    pub fresh: bool,
}

/// How far the attempt at one server is.
#[derive(Debug)]
pub(super) enum State {
    /// The driver binds a socket.
    Binding(SocketId),
    /// The query is sent.
    Waiting(SocketId),
    /// The answer was truncated: the driver opens a connection.
    Opening(ConnId),
    /// The query is written.
    Reading(ConnId, BytesMut),
}

/// A question on its way.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) question: Question,
    /// What is asked at the moment: the name, or what it is an alias of.
    pub(super) name: Name,
    /// The names that led there.
    pub(super) aliases: Vec<Name>,
    /// How long the aliases hold, in seconds.
    pub(super) ttl: u32,
    /// The id of the message.
    pub(super) id: u16,
    pub(super) message: Bytes,
    pub(super) state: State,
    /// The server that is asked, by its place in the list.
    pub(super) server: usize,
    struck: BTreeSet<usize>,
    /// What the last server that was struck said.
    pub(super) failure: u8,
    /// When the next server is asked.
    pub(super) give_up: Instant,
    /// When the datagram is sent again.
    pub(super) again: Option<Instant>,
    /// How often the server was sent it.
    sends: u32,
}

impl Query {
    /// A question that the first server is about to be asked.
    pub(super) fn new(question: Question, state: State) -> Self {
        let give_up = question.until;
        Self {
            name: question.name.clone(),
            question,
            aliases: Vec::new(),
            ttl: super::wire::MAX_TTL,
            id: 0,
            message: Bytes::new(),
            state,
            server: 0,
            struck: BTreeSet::new(),
            failure: 0,
            give_up,
            again: None,
            sends: 0,
        }
    }

    /// The address of the server that is asked.
    pub(super) fn server(&self) -> Option<SocketAddr> {
        self.question.servers.get(self.server).copied()
    }

    /// The server is asked no more.
    pub(super) fn strike(&mut self, failure: u8) {
        self.struck.insert(self.server);
        self.failure = failure;
    }

    /// Moves on to the next server that is not struck; false when there is none.
    pub(super) fn next_server(&mut self) -> bool {
        let servers = self.question.servers.len();
        for step in 1..=servers {
            let next = (self.server + step) % servers;
            if !self.struck.contains(&next) {
                self.server = next;
                return true;
            }
        }
        false
    }

    /// The server has its time from now on.
    pub(super) fn begin(&mut self, now: Instant) {
        self.give_up = (now + self.question.timeout.max(SHORTEST)).min(self.question.until);
        self.again = None;
        self.sends = 0;
    }

    /// The datagram is sent, and will be again unless that was the last time (a third of the time may be rounded down).
    pub(super) fn sent(&mut self, now: Instant) {
        self.sends += 1;
        let again = now + self.question.timeout.max(SHORTEST) / SENDS;
        self.again = Some(again).filter(|again| self.sends < SENDS && *again < self.give_up);
    }

    pub(super) fn deadline(&self) -> Instant {
        self.again.unwrap_or(self.give_up).min(self.give_up)
    }
}
