//! What the resolver tells the application (seed classes DNSLookup and DNSManager).

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{Kind, LookupError, Name, Service, Unanswered};
use crate::sip::Text;
use crate::transport::Route;

/// News of a lookup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LookupEvent {
    /// It has a result (`DNSLookupDidSucceed`).
    DidSucceed {
        /// The result.
        result: LookupResult,
    },
    /// It has none (`DNSLookupDidFail`).
    DidFail {
        /// Why.
        error: LookupError,
    },
    /// A question is answered, or will not be (`DNSLookupTrace`).
    Trace(Trace),
}

impl LookupEvent {
    /// The name that the seeds give it.
    #[must_use]
    pub const fn names(&self) -> &'static [&'static str] {
        match self {
            Self::DidSucceed { .. } => &["DNSLookupDidSucceed"],
            Self::DidFail { .. } => &["DNSLookupDidFail"],
            Self::Trace(_) => &["DNSLookupTrace"],
        }
    }
}

/// What a lookup has found, best first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LookupResult {
    /// Where a SIP request goes.
    Routes(Vec<Route>),
    /// The servers of a service.
    Servers(Vec<SocketAddr>),
    /// The roots of XCAP servers.
    Uris(Vec<Text>),
}

/// One question of a lookup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// The type of record that was asked for.
    pub query_type: Kind,
    /// The name that was asked for.
    pub query_name: Name,
    /// The name servers that were there to be asked.
    pub nameservers: Vec<SocketAddr>,
    /// The records of the answer, as zone files have them; `None` when there is none.
    pub answer: Option<Vec<Text>>,
    /// Why there is no answer.
    pub error: Option<Unanswered>,
    /// The method of the seeds that asks.
    pub context: Text,
    /// The service, where one is looked up.
    pub service: Option<Service>,
    /// The URI that is looked up.
    pub uri: Text,
}

/// News of the name servers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ResolverEvent {
    /// Name servers are there for the first time (`DNSResolverDidInitialize`).
    DidInitialize {
        /// The name servers, best first.
        nameservers: Vec<SocketAddr>,
    },
    /// Others are asked from now on (`DNSNameserversDidChange`).
    NameserversDidChange {
        /// The name servers, best first.
        nameservers: Vec<SocketAddr>,
    },
}

impl ResolverEvent {
    /// The name that the seeds give it.
    #[must_use]
    pub const fn names(&self) -> &'static [&'static str] {
        match self {
            Self::DidInitialize { .. } => &["DNSResolverDidInitialize"],
            Self::NameserversDidChange { .. } => &["DNSNameserversDidChange"],
        }
    }
}
