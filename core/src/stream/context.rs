//! What comes with every call into a stream.

use std::net::IpAddr;

use crate::config::{self, Config};
use crate::id::{AccountId, ConnId, SessionId, SocketId, StreamId};
use crate::msrp::Endpoint;
use crate::random::Random;
use crate::settings::AccountSettings;
use crate::sip::digest::Credentials;
use crate::sip::{Host, NameAddr};
use crate::time::{Instant, Utc};
use crate::turn;

/// What a stream may know of its session: whose it is, and with whom.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SessionInfo {
    /// The session.
    pub session: SessionId,
    /// Its account.
    pub account: AccountId,
    /// Our name and URI.
    pub local_identity: NameAddr,
    /// The peer's.
    pub remote_identity: NameAddr,
    /// Our address toward the peer, which descriptions name; unspecified until it is known, which is before a stream is initialised.
    pub local: IpAddr,
    /// Whether its signalling is encrypted as far as we see it, so that keys in descriptions are not readable on the way.
    pub secure: bool,
    /// Who we are to whom challenges our requests: of a session that came in, only to the registrar's realm.
    pub credentials: Option<Credentials>,
    /// Who we are to servers of the account's own, such as its MSRP relay.
    pub own_credentials: Option<Credentials>,
    /// The account's domain.
    pub domain: Option<Host>,
    /// What the account's settings say of media (groups `rtp`, `msrp`, `nat_traversal`, `tls`).
    pub settings: AccountSettings,
    /// The account's TURN servers.
    pub turn_servers: Vec<turn::Server>,
}

impl SessionInfo {
    /// A session of nobody's settings.
    #[must_use]
    pub fn new(session: SessionId, account: AccountId, local_identity: NameAddr, remote_identity: NameAddr) -> Self {
        Self {
            session,
            account,
            local_identity,
            remote_identity,
            local: IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
            secure: false,
            credentials: None,
            own_credentials: None,
            domain: None,
            settings: AccountSettings::default(),
            turn_servers: Vec::new(),
        }
    }
}

/// What comes with every call into a stream: the time, the date, chance, the configuration, and whose it is.
#[derive(Debug)]
pub struct Context<'a> {
    /// Now.
    pub now: Instant,
    /// The date.
    pub utc: Utc,
    /// Chance.
    pub random: &'a mut Random,
    /// The configuration.
    pub config: &'a Config,
    /// The MSRP sessions of all streams, on connections that they share.
    pub msrp: &'a mut Endpoint,
    /// Its session.
    pub session: &'a SessionInfo,
    /// Its own name.
    pub stream: StreamId,
}

impl<'a> Context<'a> {
    /// The context of a stream, made of its session's.
    pub fn new(cx: &'a mut config::Context<'_>, session: &'a SessionInfo, stream: StreamId) -> Self {
        let config::Context { now, utc, random, config, msrp } = cx;
        Self { now: *now, utc: *utc, random, config, msrp, session, stream }
    }

    /// The name of this stream's socket with this number of its own choice.
    #[must_use]
    pub const fn socket(&self, number: u8) -> SocketId {
        SocketId::of_stream(self.stream, number)
    }

    /// The name of this stream's connection with this number of its own choice. A connection that is opened anew gets another number.
    #[must_use]
    pub const fn conn(&self, number: u8) -> ConnId {
        ConnId::of_stream(self.stream, number)
    }
}
