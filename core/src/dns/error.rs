//! Why a question has no answer, and why a lookup has no result.

use serde::{Deserialize, Serialize};

use super::{Name, Record, Service};
use crate::sip::Text;
use crate::transport::Transport;

/// What became of a question.
pub type Answer = Result<Vec<Record>, Unanswered>;

/// Why a question has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unanswered {
    /// The name does not exist.
    #[error("the name does not exist")]
    NoName,
    /// The name has no record of this type.
    #[error("there is no such record")]
    NoData,
    /// No name server has answered in time.
    #[error("no name server has answered in time")]
    Timeout,
    /// Every name server has refused, or spoke nonsense; with the RCODE of the last (RFC 1035 section 4.1.1).
    #[error("no name server could answer (RCODE {0})")]
    Failure(u8),
    /// The aliases lead in a circle, or are too many.
    #[error("the aliases lead nowhere")]
    Aliases,
    /// No name server is known.
    #[error("no name server is known")]
    NoNameservers,
    /// The text is no domain name.
    #[error("this is not a domain name")]
    NotAName,
}

/// Why a lookup has no result (`DNSLookupError` of the seeds): its text is the `error` of DNSLookupDidFail.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LookupError {
    /// The list of supported transports is empty.
    #[error("No transports are supported")]
    NoTransports,
    /// The URI demands a transport that is not among the supported ones.
    #[error("Transport {0} dictated by URI is not supported")]
    Dictated(Text),
    /// There is none.
    #[error("No routes found for SIP URI {0}")]
    NoRoutes(Text),
    /// Name servers did not answer in time, and what others said leads nowhere.
    #[error("Timeout in lookup for routes for SIP URI {0}")]
    RoutesTimeout(Text),
    /// There is none.
    #[error("No {service} servers found for domain {domain}")]
    NoServers {
        /// Which servers.
        service: Service,
        /// The domain.
        domain: Text,
    },
    /// Name servers did not answer in time, and what others said leads nowhere.
    #[error("Timeout in lookup for {service} servers for domain {domain}")]
    ServersTimeout {
        /// Which servers.
        service: Service,
        /// The domain.
        domain: Text,
    },
    /// There is none.
    #[error("No XCAP servers found for domain {0}")]
    NoXcapServers(Text),
    /// Name servers did not answer in time.
    #[error("Timeout in lookup for XCAP servers for domain {0}")]
    XcapTimeout(Text),
    /// An address has no XCAP servers.
    #[error("No XCAP servers can be looked up for the IP address {0}")]
    IpAddress(Text),
    /// No name server is configured.
    #[error("No name server is known to look up {0}")]
    NoNameservers(Name),
    /// The application has no use for it any more.
    #[error("The lookup was cancelled")]
    Cancelled,
}

impl LookupError {
    pub(super) fn dictated(transport: Transport) -> Self {
        Self::Dictated(Text::from_static(transport.as_str()))
    }
}
