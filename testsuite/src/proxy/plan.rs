//! What a scripted proxy is told to do, and what it has done. Shared with the test.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use sipsimple_core::time::Instant;

use crate::sip::Sip;

use super::Hop;

/// Where somebody is: a URI, and the proxies on the way there (RFC 3327).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The URI.
    pub uri: String,
    /// The routes, in order.
    pub path: Vec<String>,
}

impl Location {
    /// A URI that is reached directly.
    #[must_use]
    pub fn new(uri: impl Into<String>) -> Self {
        Self { uri: uri.into(), path: Vec::new() }
    }
}

/// How the proxy is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    /// It works.
    #[default]
    Well,
    /// It hears nothing, and says nothing.
    Silent,
    /// It refuses every request with this code.
    Refusing(u16),
    /// It resets every connection on which something comes.
    Resetting,
}

/// What the proxy puts into a REGISTER that it forwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Path {
    /// Nothing.
    #[default]
    None,
    /// Itself (RFC 3327).
    Plain,
    /// Itself, with the name of the flow on which the REGISTER came (RFC 5626 section 5.1).
    Flow,
}

/// What the proxy is to do.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// How it is.
    pub mood: Mood,
    /// The address in the URIs of its domain, where that is another than its own.
    pub domain: Option<SocketAddr>,
    /// Where the users of its domain are. Who has more than one place is called at all of them at once.
    pub users: BTreeMap<String, Vec<Location>>,
    /// Where REGISTERs go; without it they go where their Request-URI says.
    pub registrar: Option<SocketAddr>,
    /// Whether it stays in dialogs (RFC 3261 section 16.6, item 4), with two routes where the transport changes (RFC 5658).
    pub records_route: bool,
    /// Whether it asks callers for the password `secret` in the realm `proxy`.
    pub challenges: bool,
    /// Whether it has transactions of its own for INVITEs (RFC 3261 section 16.7); who is called at many places needs it.
    pub stateful: bool,
    /// Whether it leaves the other branches alone when one has answered, so that many may.
    pub keeps_losers: bool,
    /// What it puts into REGISTERs.
    pub path: Path,
    /// Whether it does not answer keep-alives.
    pub deaf: bool,
}

/// A request that the proxy got, the first time that it came.
#[derive(Clone, Debug)]
pub struct Passed {
    /// The request as it came.
    pub sip: Sip,
    /// The routes of its own that it carried.
    pub routed: usize,
    /// Where it went on to: nowhere when it was refused, or is for nobody.
    pub to: Vec<Hop>,
}

/// What the proxy was told and has done.
#[derive(Clone, Debug, Default)]
pub struct Logbook {
    /// What it is to do.
    pub plan: Plan,
    /// What has come, apart from retransmissions.
    pub passed: Vec<Passed>,
    /// How many requests had right credentials.
    pub authenticated: usize,
    /// When keep-alives came.
    pub pings: Vec<Instant>,
}

impl Logbook {
    /// The methods of the requests that came, in order.
    #[must_use]
    pub fn methods(&self) -> Vec<&str> {
        self.passed.iter().map(|passed| passed.sip.request()).collect()
    }
}
