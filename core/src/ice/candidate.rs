//! Candidates: addresses at which a component may be reached (RFC 8445 sections 5.1.1 and 5.1.2, RFC 8839 section 5.1).

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::sip::Text;

/// How an address was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It is an address of the host.
    Host,
    /// A peer saw a check come from it.
    PeerReflexive,
    /// A STUN server saw us come from it.
    ServerReflexive,
    /// A TURN server lends it.
    Relayed,
}

impl Kind {
    /// The type preference (RFC 8445 section 5.1.2.2): what costs least comes first.
    #[must_use]
    pub const fn preference(self) -> u32 {
        match self {
            Self::Host => 126,
            Self::PeerReflexive => 110,
            Self::ServerReflexive => 100,
            Self::Relayed => 0,
        }
    }

    /// Its name in SDP.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::PeerReflexive => "prflx",
            Self::ServerReflexive => "srflx",
            Self::Relayed => "relay",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Host, Self::PeerReflexive, Self::ServerReflexive, Self::Relayed]
            .into_iter()
            .find(|kind| kind.name().eq_ignore_ascii_case(name))
    }

    const fn letter(self) -> char {
        match self {
            Self::Host => 'H',
            Self::PeerReflexive => 'P',
            Self::ServerReflexive => 'S',
            Self::Relayed => 'R',
        }
    }

    /// The priority of a candidate of this kind (RFC 8445 section 5.1.2.1). Of the bases of one kind the better has the higher `preference`.
    #[must_use]
    pub fn priority(self, preference: u16, component: u8) -> u32 {
        (self.preference() << 24) + (u32::from(preference) << 8) + (256 - u32::from(component))
    }
}

/// What candidates have in common whose checks are likely to end alike: 1 to 32 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Foundation(Text);

impl Foundation {
    /// That of a candidate of ours: the same for the same kind, address of the base, and server (RFC 8445 section 5.1.1.3).
    #[must_use]
    pub fn new(kind: Kind, base: IpAddr, server: Option<IpAddr>) -> Self {
        // FNV-1a: it need only tell a handful of addresses apart.
        let octets = |ip: IpAddr| match ip {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        let bytes = octets(base).into_iter().chain([0]).chain(server.map(octets).unwrap_or_default());
        let hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        Self(format!("{}{hash:08x}", kind.letter()).into())
    }

    /// That of the `count`th candidate of the peer that checks brought to light: like no other (RFC 8445 section 7.3.1.3).
    pub(super) fn learned(count: usize) -> Self {
        Self(format!("learned-{count}").into())
    }

    /// Its characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// A candidate, as its line in SDP tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its foundation.
    pub foundation: Foundation,
    /// The component, from 1 on.
    pub component: u8,
    /// Its priority, 1 to 2^31 − 1.
    pub priority: u32,
    /// The address.
    pub address: SocketAddr,
    /// How it was found.
    pub kind: Kind,
    /// For the curious: the base of a reflexive candidate, the mapped address of a relayed one.
    pub related: Option<SocketAddr>,
}

impl Candidate {
    /// Reads what follows `candidate:` in SDP. `None` for what cannot be read, and for what is no use to us: other transports than UDP, names instead of
    /// addresses, components beyond 255.
    #[must_use]
    pub fn read(value: &str) -> Option<Self> {
        let mut words = value.split(' ').filter(|word| !word.is_empty());
        let foundation = words.next().filter(|word| is_ice_word(word, 1, 32))?;
        let component = words.next()?.parse().ok().filter(|component| *component > 0)?;
        words.next().filter(|transport| transport.eq_ignore_ascii_case("UDP"))?;
        let priority = words.next()?.parse().ok().filter(|priority| (1..=u32::MAX >> 1).contains(priority))?;
        let ip: IpAddr = words.next()?.parse().ok()?;
        let port = words.next()?.parse().ok()?;
        words.next().filter(|word| *word == "typ")?;
        let kind = Kind::from_name(words.next()?)?;
        let (mut related_ip, mut related_port) = (None, None);
        while let (Some(name), Some(value)) = (words.next(), words.next()) {
            match name {
                "raddr" => related_ip = value.parse().ok(),
                "rport" => related_port = value.parse().ok(),
                _ => {}
            }
        }
        let related = related_ip.zip(related_port).map(|(ip, port): (IpAddr, u16)| SocketAddr::new(ip, port));
        let foundation = Foundation(foundation.into());
        Some(Self { foundation, component, priority, address: SocketAddr::new(ip, port), kind, related })
    }
}

impl fmt::Display for Candidate {
    /// What follows `candidate:` in SDP.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { foundation, component, priority, address, kind, related } = self;
        let (ip, port) = (address.ip(), address.port());
        write!(f, "{} {component} UDP {priority} {ip} {port} typ {}", foundation.as_str(), kind.name())?;
        match related {
            Some(related) => write!(f, " raddr {} rport {}", related.ip(), related.port()),
            None => Ok(()),
        }
    }
}

/// Whether a word is of so many ice-chars (RFC 8839 section 5.1). The peer's may hold more than that grammar says, but no space and no control characters.
pub(super) fn is_ice_word(word: &str, least: usize, most: usize) -> bool {
    (least..=most).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A candidate of ours, and where what is sent from it leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local {
    /// The candidate.
    pub candidate: Candidate,
    /// The base (RFC 8445 section 4): the host's address, or the relayed one of a relayed candidate.
    pub base: SocketAddr,
}

impl Local {
    /// An address of the host. `preference` orders the addresses of a host, the better higher.
    #[must_use]
    pub fn host(component: u8, address: SocketAddr, preference: u16) -> Self {
        Self::new(Kind::Host, component, address, address, None, preference)
    }

    /// What `server` saw when we sent from `base`.
    #[must_use]
    pub fn reflexive(component: u8, base: SocketAddr, mapped: SocketAddr, server: IpAddr, preference: u16) -> Self {
        Self::new(Kind::ServerReflexive, component, base, mapped, Some(server), preference)
    }

    /// What `server` lent, to one whom it saw come from `mapped`.
    #[must_use]
    pub fn relayed(component: u8, relayed: SocketAddr, mapped: SocketAddr, server: IpAddr, preference: u16) -> Self {
        let mut local = Self::new(Kind::Relayed, component, relayed, relayed, Some(server), preference);
        local.candidate.related = Some(mapped);
        local
    }

    fn new(
        kind: Kind,
        component: u8,
        base: SocketAddr,
        address: SocketAddr,
        server: Option<IpAddr>,
        preference: u16,
    ) -> Self {
        let candidate = Candidate {
            foundation: Foundation::new(kind, base.ip(), server),
            component,
            priority: kind.priority(preference, component),
            address,
            kind,
            related: (kind == Kind::ServerReflexive).then_some(base),
        };
        Self { candidate, base }
    }

    /// The priority that a check from here tells: that of the peer-reflexive candidate which it may bring to light (RFC 8445 section 7.1.1).
    pub(super) fn reflexive_priority(&self) -> u32 {
        let preference = u16::try_from((self.candidate.priority >> 8) & 0xffff).unwrap_or(0);
        Kind::PeerReflexive.priority(preference, self.candidate.component)
    }
}
