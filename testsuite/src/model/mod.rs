//! What the wire tells of the transactions of all hosts: what a watcher needs to know to judge the next message.
//!
//! The model believes nothing of what an agent says of itself. It is made of the messages that hosts sent and got, and
//! of the timers in their configurations.

mod client;
mod server;

pub use client::{Answer, Client, ClientKey};
pub use server::{Final, Server, ServerKey};

use std::collections::BTreeMap;
use std::time::Duration;

use sipsimple_core::time::Instant;
use sipsimple_core::transaction::Timers;

use crate::sip::Start;
use crate::wire::{Fate, Sight};

/// What a message is in the life of its transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A host sent a request of its own; `first` unless it has sent it before.
    RequestSent {
        /// Its client transaction.
        key: ClientKey,
        /// Whether it is no retransmission.
        first: bool,
    },
    /// A host sent an ACK: of the INVITE whose branch it shares, or of a 2xx.
    AckSent {
        /// The INVITE that was refused.
        refused: Option<ClientKey>,
    },
    /// A host got a response; no key when it has no such transaction.
    ResponseGot {
        /// The client transaction that it answers.
        key: Option<ClientKey>,
        /// Whether it is provisional before any final one, or the first final one.
        fresh: bool,
    },
    /// A host got a request; `first` unless it has got it before.
    RequestGot {
        /// Its server transaction.
        key: ServerKey,
        /// Whether it is no retransmission.
        first: bool,
    },
    /// A host got an ACK: of the INVITE whose branch it shares and that it refused, or another.
    AckGot {
        /// The INVITE that was refused.
        refused: Option<ServerKey>,
    },
    /// A host sent a response.
    ResponseSent {
        /// The server transaction that it answers.
        key: Option<ServerKey>,
    },
    /// Something that tells nothing: a request without a branch that RFC 3261 knows.
    Other,
}

/// All transactions that may still matter.
#[derive(Debug, Default)]
pub struct Model {
    timers: Vec<Timers>,
    clients: BTreeMap<ClientKey, Client>,
    servers: BTreeMap<ServerKey, Server>,
    swept: Instant,
}

/// How long after its last message a transaction is remembered: longer than any timer of any host.
const MEMORY: Duration = Duration::from_secs(400);

impl Model {
    /// There is one more host, with these timers.
    pub fn add_host(&mut self, timers: Timers) {
        self.timers.push(timers);
    }

    /// The timers of a host.
    #[must_use]
    pub fn timers(&self, host: usize) -> Timers {
        self.timers.get(host).copied().unwrap_or_default()
    }

    /// A client transaction.
    #[must_use]
    pub fn client(&self, key: &ClientKey) -> Option<&Client> {
        self.clients.get(key)
    }

    /// A server transaction.
    #[must_use]
    pub fn server(&self, key: &ServerKey) -> Option<&Server> {
        self.servers.get(key)
    }

    /// Takes in what was seen, and says what it is. What the message itself changes is in the model already.
    pub fn note(&mut self, sight: &Sight<'_>) -> Step {
        self.sweep(sight.at);
        if !sight.sip.branch().starts_with("z9hG4bK") || sight.sip.branch().len() <= "z9hG4bK".len() {
            return Step::Other;
        }
        match (sight.fate, sight.sip.start()) {
            (Fate::Sent, Start::Request { method, .. }) => self.request_sent(sight, method),
            (Fate::Arrived, Start::Response { .. }) => self.response_got(sight),
            (Fate::Arrived, Start::Request { method, .. }) => self.request_got(sight, method),
            (Fate::Sent, Start::Response { .. }) => self.response_sent(sight),
        }
    }

    fn request_sent(&mut self, sight: &Sight<'_>, method: &str) -> Step {
        let key = ClientKey::of(sight);
        if method == "ACK" {
            let refused = ClientKey { method: "INVITE".to_owned(), ..key };
            return Step::AckSent { refused: self.clients.contains_key(&refused).then_some(refused) };
        }
        if method == "CANCEL"
            && let Some(invite) = self.clients.get_mut(&ClientKey { method: "INVITE".to_owned(), ..key.clone() })
        {
            invite.cancelled.get_or_insert(sight.at);
        }
        let first = match self.clients.get_mut(&key) {
            Some(client) => {
                client.sent.push(sight.at);
                false
            }
            None => {
                self.clients.insert(key.clone(), Client::new(sight));
                true
            }
        };
        Step::RequestSent { key, first }
    }

    fn response_got(&mut self, sight: &Sight<'_>) -> Step {
        let key = ClientKey::of(sight);
        let timers = self.timers(sight.host);
        let client = self.clients.get_mut(&key).filter(|client| client.is_answered_by(sight.sip));
        match client.and_then(|client| client.got(sight, &timers)) {
            Some(fresh) => Step::ResponseGot { key: Some(key), fresh },
            None => Step::ResponseGot { key: None, fresh: false },
        }
    }

    fn request_got(&mut self, sight: &Sight<'_>, method: &str) -> Step {
        let key = ServerKey::of(sight);
        if method == "ACK" {
            let invite = ServerKey { method: "INVITE".to_owned(), ..key };
            let refused = match self.servers.get_mut(&invite) {
                Some(server) if server.answer.as_ref().is_some_and(|answer| answer.code >= 300) => {
                    server.acknowledged.get_or_insert(sight.at);
                    Some(invite)
                }
                _ => None,
            };
            return Step::AckGot { refused };
        }
        let timers = self.timers(sight.host);
        let first = match self.servers.get_mut(&key) {
            // The transaction of the same name is over: this one is another.
            Some(server) if server.is_over(sight.at, &timers) => {
                *server = Server::new(sight);
                true
            }
            Some(server) => {
                server.got.push(sight.at);
                false
            }
            None => {
                self.servers.insert(key.clone(), Server::new(sight));
                true
            }
        };
        Step::RequestGot { key, first }
    }

    fn response_sent(&mut self, sight: &Sight<'_>) -> Step {
        let key = ServerKey::of(sight);
        let Some(server) = self.servers.get_mut(&key) else { return Step::ResponseSent { key: None } };
        server.sent(sight);
        Step::ResponseSent { key: Some(key) }
    }

    /// Forgets what is long over, now and then.
    fn sweep(&mut self, now: Instant) {
        if now - self.swept < MEMORY {
            return;
        }
        self.swept = now;
        self.clients.retain(|_, client| now - client.last < MEMORY);
        self.servers.retain(|_, server| now - server.last < MEMORY);
    }
}
