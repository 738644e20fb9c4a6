//! The resolver: location of SIP servers and of other services by DNS (RFC 1035, 2782, 3263, 3403; seed classes DNSLookup, DNSManager).
//!
//! | file | what it does |
//! |---|---|
//! | `name`, `record` | names and records |
//! | `wire` | messages, by the codec of simple-dns |
//! | `answer` | what a response says to a question, aliases followed |
//! | `cache` | what is known for a while |
//! | `query`, `client` | one question at one server after the other; all of them, with their sockets and connections |
//! | `known` | what a lookup knows, and what it has to ask next |
//! | `location`, `service`, `xcap` | the rules of the three lookups |
//! | `srv`, `address` | the order of servers, and of the addresses of a host |
//! | `authority` | the servers that speak for a zone themselves |
//! | `lookup` | one lookup |
//! | `manager` | which name servers are asked |
//! | `resolver` | all of it as one machine |

mod address;
mod answer;
mod authority;
mod cache;
mod client;
mod config;
mod error;
mod event;
mod known;
mod location;
mod lookup;
mod manager;
mod name;
mod output;
mod query;
mod record;
mod resolver;
mod service;
mod srv;
#[cfg(test)]
pub(crate) mod tests;
pub mod wire;
mod xcap;

pub use crate::id::LookupId;
pub use cache::Cache;
pub use client::{Asked, Client, Finished, QuestionId};
pub use config::DnsConfig;
pub use error::{Answer, LookupError, Unanswered};
pub use event::{LookupEvent, LookupResult, ResolverEvent, Trace};
pub use lookup::Request;
pub use name::{Name, NameError};
pub use output::{Context, Output};
pub use query::Question;
pub use record::{Data, Kind, Naptr, Record, Srv};
pub use resolver::Resolver;
pub use service::{Service, UnknownService};
