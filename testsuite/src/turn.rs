//! A STUN and TURN server of the simulator (RFC 8489, RFC 8656): it answers Binding requests, and lends addresses to those who know the password.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;

use sipsimple_core::sip::digest::Secret;
use sipsimple_core::stun::{Algorithm, Builder, Class, Integrity, Key, Message, TransactionId, attribute, is_stun};
use sipsimple_core::time::Instant;
use sipsimple_core::turn::{ALLOCATE, CHANNEL_BIND, CREATE_PERMISSION, DATA, REFRESH, SEND, channel};

const REALM: &str = "lab.test";
const PERMISSION: Duration = Duration::from_secs(300);
const CHANNEL: Duration = Duration::from_secs(600);
const FIRST_PORT: u16 = 49_152;

/// Something that the server sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// From which of its addresses.
    pub from: SocketAddr,
    /// Where to.
    pub to: SocketAddr,
    /// Its bytes.
    pub data: Bytes,
}

#[derive(Debug)]
struct Allocation {
    relayed: SocketAddr,
    until: Instant,
    permissions: BTreeMap<IpAddr, Instant>,
    channels: BTreeMap<u16, (SocketAddr, Instant)>,
}

/// A server with one user.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    key: Key,
    username: String,
    /// Answers every Allocate with this code.
    pub refuses: Option<u16>,
    /// How long a nonce is fresh.
    pub nonce_time: Duration,
    /// How long an allocation lasts.
    pub lifetime: Duration,
    /// By the client's address.
    allocations: BTreeMap<SocketAddr, Allocation>,
    next_port: u16,
    /// How many datagrams it has relayed.
    pub relayed: usize,
}

impl Server {
    /// A server at this address; allocations are at the same host.
    #[must_use]
    pub fn new(address: SocketAddr, username: &str, password: &str) -> Self {
        Self {
            address,
            key: Key::long_term(Algorithm::Md5, username, REALM, &Secret::from(password)),
            username: username.to_owned(),
            refuses: None,
            nonce_time: Duration::from_secs(600),
            lifetime: Duration::from_secs(600),
            allocations: BTreeMap::new(),
            next_port: FIRST_PORT,
            relayed: 0,
        }
    }

    /// Its address.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many allocations live.
    #[must_use]
    pub fn allocations(&self, now: Instant) -> usize {
        self.allocations.values().filter(|allocation| allocation.until > now).count()
    }

    /// Something has come to one of its addresses.
    pub fn datagram(&mut self, now: Instant, from: SocketAddr, to: SocketAddr, data: &Bytes) -> Vec<Sent> {
        self.allocations.retain(|_, allocation| allocation.until > now);
        if to != self.address {
            return self.peer_sent(now, from, to, data).into_iter().collect();
        }
        if !is_stun(data) {
            return self.through_channel(now, from, data).into_iter().collect();
        }
        let Ok(message) = Message::parse(data.clone()) else { return Vec::new() };
        match (message.class(), message.method()) {
            (Class::Request, _) if message.is_binding() => {
                let answer = Builder::new(Class::Success, message.method(), message.transaction());
                vec![self.to_client(from, answer.mapped_address(from).finish())]
            }
            (Class::Request, _) => vec![self.request(now, from, &message)],
            (Class::Indication, SEND) => self.send(now, from, &message).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    fn to_client(&self, to: SocketAddr, data: Bytes) -> Sent {
        Sent { from: self.address, to, data }
    }

    /// The nonce of this time.
    fn nonce(&self, now: Instant) -> String {
        format!("nonce-{}", now.as_nanos() / self.nonce_time.as_nanos().max(1) as u64)
    }

    fn request(&mut self, now: Instant, from: SocketAddr, request: &Message) -> Sent {
        let reject = |code| Builder::new(Class::Error, request.method(), request.transaction()).error(code, "");
        let nonce = self.nonce(now);
        let challenge = |code| {
            let answer = reject(code).attribute(attribute::REALM, REALM.as_bytes());
            answer.attribute(attribute::NONCE, nonce.as_bytes()).finish()
        };
        let known = request.text(attribute::USERNAME) == Some(&self.username);
        if request.integrity().is_none() || !known || !request.is_from(&self.key) {
            return self.to_client(from, challenge(401));
        }
        if request.text(attribute::NONCE) != Some(&nonce) {
            return self.to_client(from, challenge(438));
        }
        let answer = match self.serve(now, from, request) {
            Ok(add) => add(Builder::new(Class::Success, request.method(), request.transaction())),
            Err(code) => reject(code),
        };
        self.to_client(from, answer.finish_with(Integrity::Sha1, &self.key))
    }

    /// Does what an authentic request asks for: what is to be added to the answer, or the code of the error.
    fn serve(
        &mut self,
        now: Instant,
        from: SocketAddr,
        request: &Message,
    ) -> Result<Box<dyn FnOnce(Builder) -> Builder>, u16> {
        let lifetime = u32::try_from(self.lifetime.as_secs()).unwrap_or(u32::MAX);
        if request.method() == ALLOCATE {
            if let Some(code) = self.refuses {
                return Err(code);
            }
            if request.word(attribute::REQUESTED_TRANSPORT) != Some(17 << 24) {
                return Err(442);
            }
            let relayed = match self.allocations.get(&from) {
                // The answer to an earlier one was lost: the same again.
                Some(allocation) => allocation.relayed,
                None => SocketAddr::new(self.address.ip(), self.take_port()),
            };
            let until = now + self.lifetime;
            let fresh = Allocation { relayed, until, permissions: BTreeMap::new(), channels: BTreeMap::new() };
            self.allocations.entry(from).or_insert(fresh);
            return Ok(Box::new(move |answer| {
                let answer = answer.xor_address(attribute::XOR_RELAYED_ADDRESS, relayed).mapped_address(from);
                answer.word(attribute::LIFETIME, lifetime)
            }));
        }
        let duration = self.lifetime;
        let allocation = self.allocations.get_mut(&from).ok_or(437_u16)?;
        let peer = request.xor_address(attribute::XOR_PEER_ADDRESS);
        match request.method() {
            REFRESH if request.word(attribute::LIFETIME) == Some(0) => {
                self.allocations.remove(&from);
                Ok(Box::new(|answer| answer.word(attribute::LIFETIME, 0)))
            }
            REFRESH => {
                allocation.until = now + duration;
                Ok(Box::new(move |answer| answer.word(attribute::LIFETIME, lifetime)))
            }
            CREATE_PERMISSION => {
                allocation.permissions.insert(peer.ok_or(400_u16)?.ip(), now + PERMISSION);
                Ok(Box::new(|answer| answer))
            }
            CHANNEL_BIND => {
                let peer = peer.ok_or(400_u16)?;
                let number =
                    request.word(attribute::CHANNEL_NUMBER).and_then(|number| u16::try_from(number >> 16).ok());
                let number = number.filter(|number| channel::NUMBERS.contains(number)).ok_or(400_u16)?;
                if allocation.channels.get(&number).is_some_and(|(bound, _)| *bound != peer) {
                    return Err(400);
                }
                allocation.channels.insert(number, (peer, now + CHANNEL));
                allocation.permissions.insert(peer.ip(), now + PERMISSION);
                Ok(Box::new(|answer| answer))
            }
            _ => Err(400),
        }
    }

    fn take_port(&mut self) -> u16 {
        let port = self.next_port;
        self.next_port = if port == u16::MAX { FIRST_PORT } else { port + 1 };
        port
    }

    fn send(&mut self, now: Instant, from: SocketAddr, indication: &Message) -> Option<Sent> {
        let to = indication.xor_address(attribute::XOR_PEER_ADDRESS)?;
        let data = indication.slice(attribute::DATA)?;
        let allocation = self.allocations.get(&from)?;
        allocation.permissions.get(&to.ip()).filter(|until| **until > now)?;
        self.relayed += 1;
        Some(Sent { from: allocation.relayed, to, data })
    }

    fn through_channel(&mut self, now: Instant, from: SocketAddr, data: &Bytes) -> Option<Sent> {
        let (number, data) = channel::unwrap(data)?;
        let allocation = self.allocations.get(&from)?;
        let (to, _) = *allocation.channels.get(&number).filter(|(_, until)| *until > now)?;
        self.relayed += 1;
        Some(Sent { from: allocation.relayed, to, data })
    }

    fn peer_sent(&mut self, now: Instant, from: SocketAddr, to: SocketAddr, data: &Bytes) -> Option<Sent> {
        let (client, allocation) = self.allocations.iter().find(|(_, allocation)| allocation.relayed == to)?;
        allocation.permissions.get(&from.ip()).filter(|until| **until > now)?;
        self.relayed += 1;
        let open = |channel: &(&u16, &(SocketAddr, Instant))| channel.1.0 == from && channel.1.1 > now;
        let data = match allocation.channels.iter().find(open) {
            Some((number, _)) => channel::wrap(*number, data)?,
            None => {
                let indication = Builder::new(Class::Indication, DATA, TransactionId([0; 12]));
                indication.xor_address(attribute::XOR_PEER_ADDRESS, from).attribute(attribute::DATA, data).finish_bare()
            }
        };
        Some(self.to_client(*client, data))
    }
}
