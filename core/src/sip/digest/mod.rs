//! Digest access authentication (RFC 3261 section 22, RFC 7616, RFC 8760): the client's side.
//!
//! An [`Authenticator`] holds somebody's [`Credentials`] and what servers have asked of them. It takes the challenges of a 401 or 407, and
//! gives the credentials for the request that follows and for all later ones, with the nonce counted. Whether one request has
//! been challenged too often is told by its [`Attempt`].
//!
//! ```text
//!            request, with what earlier challenges left
//!  usage ─────────────────────────────────────────────► server
//!    ▲                                                    │
//!    │ 401/407: Authenticator::challenged ◄───────────────┤
//!    │   Ok: the request again, CSeq + 1, credentials     │
//!    │   Err: authentication failed                       │
//!    └ 2xx: Authenticator::accepted (nextnonce) ◄─────────┘
//! ```
//!
//! A challenge is answered once; a second one for the same realm is a failure, unless it says that the nonce was stale and brings another.
//! Of several challenges for one realm the first that is understood is answered: servers list the ones they like best first
//! (RFC 8760 section 2.4). Challenges of different realms, of proxies and of the server, are answered side by side.

mod algorithm;
mod authenticator;
mod credentials;
mod space;
#[cfg(test)]
mod tests;

pub use algorithm::Algorithm;
pub use authenticator::{Attempt, Authenticator, Refusal};
pub use credentials::{Credentials, Secret};
pub(crate) use space::{Space, Subject};
