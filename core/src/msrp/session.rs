//! One MSRP session: its two ends, what it takes, and the messages that come on it (RFC 4975 sections 5.4, 7.3 and 8).
//!
//! ```text
//!  Prepared ── start ──► Starting ── bound to a connection ──► Bound ── closed, lost, refused ──► (gone)
//!                            └── not in time, refused, lost ──────────────────────────────────────► (gone)
//! ```
//!
//! Its own URI is known to the peer before the peer's is to us: what comes while it is prepared waits.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::kept::Kept;
use super::outgoing::Ends;
use super::relay::Relay;
use super::{Assembly, Content, Delivery, Message, MsrpUri, Path};
use crate::id::ConnId;
use crate::sip::Text;
use crate::time::Instant;
use crate::transport::Fingerprint;

/// Messages that are over and whose late chunks are known.
const FINISHED: usize = 256;

/// What is known of a session before its peer is.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Its own URI.
    pub local: MsrpUri,
    /// How its messages are delivered.
    pub delivery: Delivery,
    /// The types that it takes, such as `text/plain`, `text/*`, `*`.
    pub accept: Vec<Text>,
}

/// How a session gets its connection.
#[derive(Clone, Debug)]
pub enum Connect {
    /// We open it, under this name; an open one to the same place is shared.
    Active {
        /// Its name.
        conn: ConnId,
        /// Where to.
        to: std::net::SocketAddr,
        /// Its security.
        security: crate::transport::Security,
    },
    /// The peer opens it.
    Passive,
    /// It is the one to the relay, which is already there: we bind the session, or the peer does, by a SEND through the relay.
    Relay {
        /// Whether we do.
        active: bool,
    },
}

/// What the peer's description tells.
#[derive(Clone, Debug)]
pub struct Start {
    /// The peer's path.
    pub remote: Path,
    /// How to come to a connection.
    pub connect: Connect,
    /// The fingerprints that the peer's certificate may have; none when nobody is asked for one.
    pub fingerprints: Vec<Fingerprint>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Prepared,
    /// Until then it must be bound.
    Starting(Instant),
    Bound,
}

/// A message that comes in.
#[derive(Debug)]
pub(super) struct Coming {
    pub(super) assembly: Assembly,
    pub(super) content_type: Text,
}

#[derive(Debug)]
pub(super) struct Session {
    pub(super) local: MsrpUri,
    pub(super) delivery: Delivery,
    accept: Vec<Text>,
    pub(super) state: State,
    /// Whether the peer binds it.
    pub(super) passive: bool,
    pub(super) conn: Option<ConnId>,
    pub(super) ends: Option<Arc<Ends>>,
    /// Its relay, and the URIs that the relay has granted.
    pub(super) relay: Option<Box<Relay>>,
    pub(super) granted: Option<Path>,
    pub(super) fingerprints: Vec<Fingerprint>,
    /// Messages that wait for it to be bound.
    pub(super) waiting: VecDeque<Message>,
    pub(super) waiting_bytes: u64,
    /// Those of them that were given up, and whose receiver is to hear of that.
    pub(super) given_up: Vec<Text>,
    /// Messages that come in.
    pub(super) coming: BTreeMap<Text, Coming>,
    finished: VecDeque<(Text, u16)>,
    /// Whether what comes for it is to wait, and what waits.
    pub(super) held: bool,
    pub(super) kept: Kept,
}

impl Session {
    pub(super) fn new(setup: Setup) -> Self {
        Self {
            local: setup.local,
            delivery: setup.delivery,
            accept: setup.accept,
            state: State::Prepared,
            passive: true,
            conn: None,
            ends: None,
            relay: None,
            granted: None,
            fingerprints: Vec::new(),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            given_up: Vec::new(),
            coming: BTreeMap::new(),
            finished: VecDeque::new(),
            held: false,
            kept: Kept::default(),
        }
    }

    /// The path of what goes to the peer: by our relay, if there is one.
    pub(super) fn path_to(&self, remote: &Path) -> Path {
        self.granted.as_ref().map_or_else(|| remote.clone(), |relay| relay.then(remote))
    }

    /// Whether it takes this type.
    pub(super) fn accepts(&self, content_type: &str) -> bool {
        accepts(&self.accept, content_type)
    }

    /// A message that waits is given up; the receiver of one that is fed is told that when it can be.
    pub(super) fn give_up(&mut self, id: &Text) {
        let Some(at) = self.waiting.iter().position(|message| message.id == *id) else { return };
        if matches!(self.waiting.get(at), Some(Message { content: Content::Fed(_), .. })) {
            if !self.given_up.contains(id) {
                self.given_up.push(id.clone());
            }
        } else if let Some(message) = self.waiting.remove(at) {
            self.waiting_bytes -= message.content.ready();
        }
    }

    /// A message is over: its later chunks are answered with this code.
    pub(super) fn finish(&mut self, id: &Text, code: u16) {
        self.coming.remove(id);
        self.finished.retain(|(known, _)| known != id);
        self.finished.push_back((id.detached(), code));
        if self.finished.len() > FINISHED {
            self.finished.pop_front();
        }
    }

    /// How chunks of a message are answered that is over.
    pub(super) fn finished(&self, id: &Text) -> Option<u16> {
        self.finished.iter().find(|(known, _)| known == id).map(|(_, code)| *code)
    }

    /// Bytes kept of messages that come in.
    pub(super) fn kept(&self) -> usize {
        self.coming.values().map(|coming| coming.assembly.kept()).sum()
    }
}

/// Whether one of these patterns, such as `text/plain`, `text/*`, `*`, is of this type; its parameters do not count.
#[must_use]
pub fn accepts(patterns: &[Text], content_type: &str) -> bool {
    let content_type = content_type.split(';').next().unwrap_or_default().trim();
    let Some((kind, _)) = content_type.split_once('/') else { return false };
    patterns.iter().any(|pattern| match pattern.split_once('/') {
        None => pattern == "*",
        Some((own, "*")) => own == "*" || own.eq_ignore_ascii_case(kind),
        Some(_) => pattern.eq_ignore_ascii_case(content_type),
    })
}
