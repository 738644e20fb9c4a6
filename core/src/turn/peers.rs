//! The peers of an allocation: who may send to it, and through which channel.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;

use super::channel::NUMBERS;
use crate::time::Instant;

/// Permissions and channels of one allocation.
const MAX_PEERS: usize = 64;

/// Datagrams that wait for a permission.
const MAX_WAITING: usize = 16;

/// How long before its end a permission (5 minutes) or a channel (10 minutes) is asked for again.
const AHEAD: Duration = Duration::from_secs(60);

const PERMISSION: Duration = Duration::from_secs(300);
const CHANNEL: Duration = Duration::from_secs(600);

/// How far a permission or a channel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grant {
    /// To be asked for.
    Wanted,
    /// Asked for.
    Asked,
    /// Given until then, and asked for again.
    Renewing(Instant),
    /// Given until then.
    Given(Instant),
    /// The server does not give it.
    Refused,
}

impl Grant {
    pub(super) fn holds(self, now: Instant) -> bool {
        matches!(self, Self::Given(until) | Self::Renewing(until) if now < until)
    }

    /// Whether it is to be asked for at `now`. Then it has been.
    fn ask(&mut self, now: Instant) -> bool {
        match *self {
            Self::Wanted => *self = Self::Asked,
            Self::Given(until) if now + AHEAD >= until => *self = Self::Renewing(until),
            Self::Given(_) | Self::Asked | Self::Renewing(_) | Self::Refused => return false,
        }
        true
    }

    fn due(self) -> Option<Instant> {
        match self {
            Self::Given(until) => Some(Instant::from_nanos(until.as_nanos().saturating_sub(60_000_000_000))),
            Self::Wanted | Self::Asked | Self::Renewing(_) | Self::Refused => None,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Channel {
    number: u16,
    grant: Grant,
}

/// What is to be asked of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Permission(IpAddr),
    Channel(SocketAddr, u16),
}

#[derive(Debug, Default)]
pub(super) struct Peers {
    permissions: BTreeMap<IpAddr, Grant>,
    channels: BTreeMap<SocketAddr, Channel>,
    /// What is to be sent once its peer is permitted.
    waiting: Vec<(SocketAddr, Bytes)>,
}

impl Peers {
    pub(super) fn permit(&mut self, peer: IpAddr) {
        if self.permissions.len() < MAX_PEERS {
            self.permissions.entry(peer).or_insert(Grant::Wanted);
        }
    }

    pub(super) fn bind(&mut self, peer: SocketAddr) {
        let number = u16::try_from(self.channels.len()).ok().and_then(|count| NUMBERS.start().checked_add(count));
        if let Some(number) = number.filter(|_| self.channels.len() < MAX_PEERS) {
            self.channels.entry(peer).or_insert(Channel { number, grant: Grant::Wanted });
        }
    }

    pub(super) fn is_permitted(&self, now: Instant, peer: IpAddr) -> bool {
        self.permissions.get(&peer).is_some_and(|grant| grant.holds(now))
    }

    /// The channel that is open to this peer.
    pub(super) fn channel_to(&self, now: Instant, peer: SocketAddr) -> Option<u16> {
        self.channels.get(&peer).filter(|channel| channel.grant.holds(now)).map(|channel| channel.number)
    }

    /// Whose channel this is. The server may use it as soon as we have asked for it.
    pub(super) fn peer_of(&self, number: u16) -> Option<SocketAddr> {
        let asked = |channel: &Channel| !matches!(channel.grant, Grant::Wanted | Grant::Refused);
        let found = self.channels.iter().find(|(_, channel)| channel.number == number && asked(channel));
        found.map(|(peer, _)| *peer)
    }

    /// Keeps what cannot be sent yet, if its peer may yet be permitted.
    pub(super) fn wait(&mut self, peer: SocketAddr, data: Bytes) {
        let refused = self.permissions.get(&peer.ip()) == Some(&Grant::Refused);
        if !refused && self.waiting.len() < MAX_WAITING {
            self.waiting.push((peer, data));
        }
    }

    /// What is to be asked for now; it counts as asked.
    pub(super) fn wishes(&mut self, now: Instant) -> Vec<Wish> {
        let permissions = self.permissions.iter_mut().filter_map(|(peer, grant)| grant.ask(now).then_some(*peer));
        let mut wishes: Vec<Wish> = permissions.map(Wish::Permission).collect();
        for (peer, channel) in &mut self.channels {
            if channel.grant.ask(now) {
                wishes.push(Wish::Channel(*peer, channel.number));
            }
        }
        wishes
    }

    /// The server has given it: what may be sent now that waited.
    pub(super) fn given(&mut self, now: Instant, wish: &Wish) -> Vec<(SocketAddr, Bytes)> {
        let ip = match wish {
            Wish::Permission(ip) => *ip,
            Wish::Channel(peer, _) => {
                if let Some(channel) = self.channels.get_mut(peer) {
                    channel.grant = Grant::Given(now + CHANNEL);
                }
                peer.ip()
            }
        };
        self.permissions.insert(ip, Grant::Given(now + PERMISSION));
        self.waiting.extract_if(.., |(peer, _)| peer.ip() == ip).collect()
    }

    /// The server has not.
    pub(super) fn refused(&mut self, wish: &Wish) {
        match wish {
            Wish::Permission(ip) => {
                self.permissions.insert(*ip, Grant::Refused);
                self.waiting.retain(|(peer, _)| peer.ip() != *ip);
            }
            Wish::Channel(peer, _) => {
                if let Some(channel) = self.channels.get_mut(peer) {
                    channel.grant = Grant::Refused;
                }
            }
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let grants = self.permissions.values().copied().chain(self.channels.values().map(|channel| channel.grant));
        grants.filter_map(Grant::due).min()
    }
}
