//! One allocation on a server (RFC 8656 sections 7 to 12).
//!
//! ```text
//!               401: signed, 438: fresh nonce, 300: another server
//!                    ┌──┐
//!  new ──Allocate──► Allocating ──success──► Allocated ──release, Refresh 0──► Releasing ──► Gone
//!                        │                    │   ▲                              │            ▲
//!                        │ refused, silent    │   └── Refresh, before it ends    └── 2 s ─────┤
//!                        └────────────────────┴──────────── refused, silent ──► Failed        │
//!                                                            release ──────────────┴──────────┘
//! ```

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::peers::{Peers, Wish};
use super::{ALLOCATE, CHANNEL_BIND, CREATE_PERMISSION, DATA, REFRESH, SEND, UDP, channel};
use crate::random::Random;
use crate::sip::Text;
use crate::sip::digest::Secret;
use crate::stun::{
    Builder, Class, LongTerm, Message, RTO, Step, Transaction, TransactionId, Verdict, attribute, is_stun,
};
use crate::time::{Instant, earliest};

/// Datagrams that wait to be sent; what is beyond is shed.
const MAX_QUEUE: usize = 64;

/// Requests that wait for their answers.
const MAX_PENDING: usize = 32;

/// Other servers that are tried on the word of one.
const MAX_ALTERNATES: u8 = 3;

/// How long the last Refresh is repeated.
const RELEASE: Duration = Duration::from_secs(2);

/// How long an allocation lasts when the server does not say (RFC 8656 section 7.2).
const LIFETIME: u32 = 600;

/// The attributes of a server's messages that must be understood, and are.
const KNOWN: [u16; 14] = [
    attribute::MAPPED_ADDRESS,
    attribute::MESSAGE_INTEGRITY,
    attribute::MESSAGE_INTEGRITY_SHA256,
    attribute::ERROR_CODE,
    attribute::UNKNOWN_ATTRIBUTES,
    attribute::CHANNEL_NUMBER,
    attribute::LIFETIME,
    attribute::XOR_PEER_ADDRESS,
    attribute::DATA,
    attribute::REALM,
    attribute::NONCE,
    attribute::XOR_RELAYED_ADDRESS,
    attribute::XOR_MAPPED_ADDRESS,
    attribute::USERNAME,
];

/// A server, and who we are to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// Its address, for UDP.
    pub address: SocketAddr,
    /// Our name there.
    pub username: Text,
    /// Our password there.
    pub password: Secret,
}

/// Why there is no allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The server does not answer.
    #[error("the TURN server does not answer")]
    TimedOut,
    /// It does not take our credentials.
    #[error("the TURN server refuses our credentials")]
    Unauthorized,
    /// It answers with this code: 486 when we have too many, 508 when it has no more.
    #[error("the TURN server answers {0}")]
    Refused(u16),
    /// Its answer makes no sense.
    #[error("the TURN server's answer makes no sense")]
    Nonsense,
}

/// News of an allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It is there.
    Allocated {
        /// The address on the server.
        relayed: SocketAddr,
        /// The address that the server sees us at.
        mapped: SocketAddr,
    },
    /// It is not, or no longer.
    Failed(Failure),
}

/// How far an allocation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Allocating,
    Allocated { refresh: Instant },
    Releasing { until: Instant },
    Failed,
    Gone,
}

/// What a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Purpose {
    Allocate,
    Refresh,
    Release,
    Wish(Wish),
}

#[derive(Clone, Debug)]
struct Pending {
    transaction: Transaction,
    purpose: Purpose,
}

/// An allocation, sans-IO: all that it sends goes to [`Client::server`], and what comes from there goes into [`Client::datagram`].
#[derive(Debug)]
pub struct Client {
    server: SocketAddr,
    tried: Vec<SocketAddr>,
    credentials: LongTerm,
    random: Random,
    state: State,
    relayed: Option<SocketAddr>,
    peers: Peers,
    pending: Vec<Pending>,
    transmits: VecDeque<Bytes>,
    events: VecDeque<Event>,
}

impl Client {
    /// Asks for an allocation.
    #[must_use]
    pub fn new(now: Instant, server: &Server, random: Random) -> Self {
        let mut client = Self {
            server: server.address,
            tried: vec![server.address],
            credentials: LongTerm::new(server.username.clone(), server.password.clone()),
            random,
            state: State::Allocating,
            relayed: None,
            peers: Peers::default(),
            pending: Vec::new(),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
        };
        client.request(now, Purpose::Allocate);
        client
    }

    /// Where all that it sends goes. Another one than at first, when that has sent us there.
    #[must_use]
    pub const fn server(&self) -> SocketAddr {
        self.server
    }

    /// The address on the server, while it is ours.
    #[must_use]
    pub const fn relayed(&self) -> Option<SocketAddr> {
        self.relayed
    }

    /// Whether nothing more will be sent.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        matches!(self.state, State::Failed | State::Gone) && self.transmits.is_empty()
    }

    /// Lets this peer send to the relayed address, and us to it.
    pub fn permit(&mut self, now: Instant, peer: SocketAddr) {
        self.peers.permit(peer.ip());
        self.ask(now);
    }

    /// Opens a channel to this peer: what goes through it has four bytes of header instead of thirty-six.
    pub fn bind(&mut self, now: Instant, peer: SocketAddr) {
        self.peers.bind(peer);
        self.ask(now);
    }

    /// Sends to a peer from the relayed address. What the server does not permit yet waits until it does.
    pub fn send(&mut self, now: Instant, peer: SocketAddr, data: Bytes) {
        if !matches!(self.state, State::Allocated { .. }) {
            return;
        }
        if let Some(number) = self.peers.channel_to(now, peer) {
            if let Some(message) = channel::wrap(number, &data) {
                self.transmit(message);
            }
        } else if self.peers.is_permitted(now, peer.ip()) {
            self.indicate(peer, &data);
        } else {
            self.peers.wait(peer, data);
            self.permit(now, peer);
        }
    }

    /// Gives the allocation back. What is pending for it is forgotten.
    pub fn release(&mut self, now: Instant) {
        self.pending.clear();
        self.relayed = None;
        match self.state {
            State::Allocated { .. } => {
                self.state = State::Releasing { until: now + RELEASE };
                self.request(now, Purpose::Release);
            }
            State::Allocating | State::Failed => self.state = State::Gone,
            State::Releasing { .. } | State::Gone => {}
        }
    }

    /// Something came from the server. What a peer has sent is handed on, with the peer.
    pub fn datagram(&mut self, now: Instant, data: Bytes) -> Option<(SocketAddr, Bytes)> {
        if !is_stun(&data) {
            let (number, data) = channel::unwrap(&data)?;
            return Some((self.peers.peer_of(number)?, data)).filter(|_| self.relayed.is_some());
        }
        let message = Message::parse(data).ok()?;
        if message.class() == Class::Indication {
            let peer = message.xor_address(attribute::XOR_PEER_ADDRESS)?;
            let is_data = message.method() == DATA && message.not_understood(&KNOWN).next().is_none();
            let permitted = is_data && self.relayed.is_some() && self.peers.is_permitted(now, peer.ip());
            return message.slice(attribute::DATA).filter(|_| permitted).map(|data| (peer, data));
        }
        let index = self.pending.iter().position(|pending| pending.transaction.is_answered_by(&message))?;
        match self.credentials.judge(&message) {
            Verdict::Ignored => {}
            Verdict::Retry => {
                let Pending { purpose, .. } = self.pending.remove(index);
                self.request(now, purpose);
            }
            Verdict::Refused => {
                self.pending.remove(index);
                self.fail(Failure::Unauthorized);
            }
            Verdict::Authentic => {
                let Pending { purpose, .. } = self.pending.remove(index);
                self.answered(now, purpose, &message);
            }
        }
        None
    }

    fn answered(&mut self, now: Instant, purpose: Purpose, answer: &Message) {
        let success = answer.class() == Class::Success && answer.not_understood(&KNOWN).next().is_none();
        match purpose {
            Purpose::Allocate if success => self.allocated(now, answer),
            Purpose::Allocate if answer.error_code() == Some(300) => self.go_to(now, answer),
            Purpose::Refresh if success => self.refreshed(now, answer),
            Purpose::Allocate | Purpose::Refresh => {
                self.fail(answer.error_code().map_or(Failure::Nonsense, Failure::Refused));
            }
            Purpose::Release => self.state = State::Gone,
            Purpose::Wish(wish) if success => {
                for (peer, data) in self.peers.given(now, &wish) {
                    self.indicate(peer, &data);
                }
            }
            Purpose::Wish(wish) => self.peers.refused(&wish),
        }
    }

    fn allocated(&mut self, now: Instant, answer: &Message) {
        let relayed = answer.xor_address(attribute::XOR_RELAYED_ADDRESS);
        let (Some(relayed), Some(mapped)) = (relayed, answer.mapped_address()) else {
            return self.fail(Failure::Nonsense);
        };
        self.relayed = Some(relayed);
        self.events.push_back(Event::Allocated { relayed, mapped });
        self.refreshed(now, answer);
        self.ask(now);
    }

    /// The allocation lasts anew: it is refreshed a minute before its end, or at half of a short time.
    fn refreshed(&mut self, now: Instant, answer: &Message) {
        let lifetime = answer.word(attribute::LIFETIME).unwrap_or(LIFETIME).clamp(2, 86_400);
        let wait = if lifetime > 120 { lifetime - 60 } else { lifetime / 2 };
        self.state = State::Allocated { refresh: now + Duration::from_secs(u64::from(wait)) };
    }

    /// Tries the server that this one names (section 7.4): of the same family, and none that was tried.
    fn go_to(&mut self, now: Instant, answer: &Message) {
        let other = answer.plain_address(attribute::ALTERNATE_SERVER);
        let fits = |other: &SocketAddr| {
            other.is_ipv4() == self.server.is_ipv4()
                && !self.tried.contains(other)
                && self.tried.len() <= usize::from(MAX_ALTERNATES)
                && other.ip().is_loopback() == self.server.ip().is_loopback()
                && !other.ip().is_multicast()
                && !other.ip().is_unspecified()
        };
        match other.filter(fits) {
            Some(other) => {
                self.server = other;
                self.tried.push(other);
                self.request(now, Purpose::Allocate);
            }
            None => self.fail(Failure::Refused(300)),
        }
    }

    fn fail(&mut self, why: Failure) {
        self.relayed = None;
        self.pending.clear();
        match self.state {
            State::Releasing { .. } | State::Gone => self.state = State::Gone,
            State::Failed => {}
            State::Allocating | State::Allocated { .. } => {
                self.state = State::Failed;
                self.events.push_back(Event::Failed(why));
            }
        }
    }

    /// Does what is due at `now`.
    pub fn timeout(&mut self, now: Instant) {
        match self.state {
            State::Allocated { refresh } if now >= refresh => {
                // Until it is answered: the end of the allocation is then told by its failure.
                self.state = State::Allocated { refresh: now + Duration::from_secs(86_400) };
                self.request(now, Purpose::Refresh);
            }
            State::Releasing { until } if now >= until => self.fail(Failure::TimedOut),
            State::Allocated { .. } | State::Allocating | State::Releasing { .. } | State::Failed | State::Gone => {}
        }
        let mut again = Vec::new();
        let mut silent = Vec::new();
        self.pending.retain_mut(|pending| match pending.transaction.timeout(now) {
            Step::Wait => true,
            Step::Send(request) => {
                again.push(request);
                true
            }
            Step::Failed => {
                silent.push(pending.purpose.clone());
                false
            }
        });
        again.into_iter().for_each(|request| self.transmit(request));
        for purpose in silent {
            match purpose {
                Purpose::Allocate | Purpose::Refresh => self.fail(Failure::TimedOut),
                Purpose::Release => self.state = State::Gone,
                Purpose::Wish(wish) => self.peers.refused(&wish),
            }
        }
        self.ask(now);
    }

    /// When [`timeout`](Self::timeout) is next wanted.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let own = match self.state {
            State::Allocated { refresh } => earliest(Some(refresh), self.peers.deadline()),
            State::Releasing { until } => Some(until),
            State::Allocating => None,
            State::Failed | State::Gone => return None,
        };
        earliest(own, self.pending.iter().map(|pending| pending.transaction.deadline()).min())
    }

    /// The next datagram for the server, oldest first.
    #[must_use]
    pub fn poll_transmit(&mut self) -> Option<Bytes> {
        self.transmits.pop_front()
    }

    /// The next event, oldest first.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Asks for the permissions and channels that are wanted.
    fn ask(&mut self, now: Instant) {
        if matches!(self.state, State::Allocated { .. }) {
            for wish in self.peers.wishes(now) {
                self.request(now, Purpose::Wish(wish));
            }
        }
    }

    fn request(&mut self, now: Instant, purpose: Purpose) {
        let id = TransactionId::random(&mut self.random);
        let start = |method| Builder::new(Class::Request, method, id);
        let request = match &purpose {
            Purpose::Allocate => {
                let request = start(ALLOCATE).word(attribute::REQUESTED_TRANSPORT, UDP);
                // Without the attribute an address of IPv4 is asked for.
                let family = self.server.is_ipv6();
                if family { request.word(attribute::REQUESTED_ADDRESS_FAMILY, 2 << 24) } else { request }
            }
            Purpose::Refresh => start(REFRESH).word(attribute::LIFETIME, LIFETIME),
            Purpose::Release => start(REFRESH).word(attribute::LIFETIME, 0),
            Purpose::Wish(Wish::Permission(ip)) => {
                start(CREATE_PERMISSION).xor_address(attribute::XOR_PEER_ADDRESS, SocketAddr::new(*ip, 0))
            }
            Purpose::Wish(Wish::Channel(peer, number)) => start(CHANNEL_BIND)
                .word(attribute::CHANNEL_NUMBER, u32::from(*number) << 16)
                .xor_address(attribute::XOR_PEER_ADDRESS, *peer),
        };
        let request = self.credentials.sign(request);
        if self.pending.len() < MAX_PENDING {
            let transaction = Transaction::start(now, id, request.clone(), RTO);
            self.pending.push(Pending { transaction, purpose });
        }
        self.transmit(request);
    }

    fn indicate(&mut self, peer: SocketAddr, data: &[u8]) {
        let id = TransactionId::random(&mut self.random);
        let indication = Builder::new(Class::Indication, SEND, id)
            .xor_address(attribute::XOR_PEER_ADDRESS, peer)
            .attribute(attribute::DATA, data);
        self.transmit(indication.finish_bare());
    }

    fn transmit(&mut self, data: Bytes) {
        if self.transmits.len() < MAX_QUEUE {
            self.transmits.push_back(data);
        }
    }
}
