//! A host of the world: an agent, its sockets, and its user.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;

use sipsimple_core::agent::{Agent, Answer, Event, EventKind};
use sipsimple_core::id::{AskId, ConnId, SessionId, SocketId};
use sipsimple_core::session::SessionEvent;
use sipsimple_core::sip::digest::Secret;
use sipsimple_core::stream::{FileAnswer, FileQuestion};
use sipsimple_core::time::Instant;
use sipsimple_core::transport::{TlsInfo, Transport};

use crate::application::Application;
use crate::media::{Media, Mode};
use crate::stream::Pipe;

/// What becomes of the trace of a host's agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tracing {
    /// It is kept, to be replayed.
    #[default]
    Keep,
    /// Only its hash is kept, to compare two runs.
    Digest,
    /// None is written.
    Off,
}

/// Where a host is, and what it keeps.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its addresses; none for the next free IPv4 address.
    pub addresses: Vec<IpAddr>,
    /// The transports it binds port 5060 for.
    pub transports: Vec<Transport>,
    /// Whether its sockets are bound to no address in particular, so that the agent has to ask for its own.
    pub wildcard: bool,
    /// Whether its driver can tell which address a datagram was sent to.
    pub tells_destination: bool,
    /// What becomes of the agent's trace.
    pub tracing: Tracing,
    /// Whether its events are kept.
    pub keep_events: bool,
    /// How its media paths are run.
    pub media: Mode,
    /// The certificates that it shows where TLS asks for them, and what everybody's driver thinks of their chain.
    pub shows: Option<TlsInfo>,
}

impl Default for Place {
    fn default() -> Self {
        Self {
            addresses: Vec::new(),
            transports: vec![Transport::Udp, Transport::Tcp],
            wildcard: false,
            tells_destination: false,
            tracing: Tracing::Keep,
            keep_events: true,
            media: Mode::Answered,
            shows: None,
        }
    }
}

/// A host.
pub struct Host {
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Its agent.
    pub agent: Agent,
    /// Its user.
    pub application: Box<dyn Application>,
    /// Everything that its agent told, in order, if that is kept.
    pub events: Vec<(Instant, Event)>,
    /// The trace of its agent, if that is kept.
    pub trace: Vec<String>,
    /// The hash of the trace so far (64-bit FNV-1a).
    pub digest: u64,
    /// Its media paths.
    pub media: Media,
    /// Its files.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The first byte that is kept of a file whose beginning is not.
    pub origins: BTreeMap<String, u64>,
    /// How many more bytes can be written.
    pub disk: u64,
    /// Whether its disk has got stuck: nothing that is asked about a file is answered.
    pub disk_is_stuck: bool,
    /// How many bytes its disk reads or writes in a second; 0 for any number.
    pub disk_rate: u64,
    /// Until when it is busy with them.
    disk_busy: Instant,
    /// How many bytes its agent has been given from files, and knows to be in files.
    pub disk_bytes: [u64; 2],
    /// The settings that its agent has stored.
    pub stored: Option<Secret>,
    pub(crate) place: Place,
    pub(crate) udp: BTreeMap<SocketId, SocketAddr>,
    /// The sockets that it accepts connections on, and whether those are to be protected.
    pub(crate) listening: BTreeMap<SocketId, (SocketAddr, bool)>,
    pub(crate) pipes: BTreeMap<ConnId, Pipe>,
    pub(crate) opening: BTreeSet<ConnId>,
    /// What its agent has asked, and is to be answered.
    pub(crate) asked: BTreeSet<AskId>,
    /// The connections whose end the agent was not told of.
    pub(crate) conns: BTreeSet<ConnId>,
    pub(crate) accepted: u64,
    pub(crate) next_port: u16,
    pub(crate) wake: Option<Instant>,
    pub(crate) media_wake: Option<Instant>,
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl Host {
    /// Does what is asked about a file.
    pub(crate) fn file(&mut self, question: &FileQuestion) -> FileAnswer {
        let (FileQuestion::Read { file, .. } | FileQuestion::Write { file, .. }) = question;
        let origin = self.origins.get(file.as_str()).copied().unwrap_or(0);
        let place = |at: u64| usize::try_from(at.saturating_sub(origin)).unwrap_or(usize::MAX);
        match question {
            FileQuestion::Read { file, at, len } => match self.files.get(file.as_str()) {
                Some(file) => {
                    let end = place(at + len).min(file.len());
                    FileAnswer::Read(Bytes::copy_from_slice(&file[place(*at).min(end)..end]))
                }
                None => FileAnswer::Failed("there is no such file".into()),
            },
            FileQuestion::Write { data, .. } if data.len() as u64 > self.disk => {
                FileAnswer::Failed("no space left on device".into())
            }
            FileQuestion::Write { file, at, data } => {
                self.disk -= data.len() as u64;
                let file = self.files.entry(file.to_string()).or_default();
                let end = place(*at) + data.len();
                file.resize(file.len().max(end), 0);
                file[place(*at)..end].copy_from_slice(data);
                FileAnswer::Written(data.len() as u64)
            }
        }
    }

    /// How long it takes until what is asked about a file is done.
    pub(crate) fn disk_takes(&mut self, now: Instant, question: &FileQuestion) -> Duration {
        let bytes = match question {
            FileQuestion::Read { len, .. } => *len,
            FileQuestion::Write { data, .. } => data.len() as u64,
        };
        let nanos = bytes.saturating_mul(1_000_000_000).checked_div(self.disk_rate);
        self.disk_busy = self.disk_busy.max(now) + nanos.map_or(Duration::ZERO, Duration::from_nanos);
        self.disk_busy - now
    }

    /// Counts bytes of files.
    pub(crate) fn count(&mut self, answer: &Answer) {
        match answer {
            Answer::File(FileAnswer::Read(data)) => self.disk_bytes[0] += data.len() as u64,
            Answer::File(FileAnswer::Written(bytes)) => self.disk_bytes[1] += bytes,
            _ => {}
        }
    }

    /// Its connections that carry no SIP.
    pub fn media_pipes(&self) -> impl Iterator<Item = &Pipe> {
        self.pipes.values().filter(|pipe| !pipe.sip)
    }

    pub(crate) fn new(place: Place, agent: Agent, application: Box<dyn Application>) -> Self {
        Self {
            addresses: place.addresses.clone(),
            agent,
            application,
            events: Vec::new(),
            trace: Vec::new(),
            digest: 0xcbf2_9ce4_8422_2325,
            media: Media::new(place.media),
            files: BTreeMap::new(),
            origins: BTreeMap::new(),
            disk: u64::MAX,
            disk_is_stuck: false,
            disk_rate: 0,
            disk_busy: Instant::ZERO,
            disk_bytes: [0; 2],
            stored: None,
            place,
            udp: BTreeMap::new(),
            listening: BTreeMap::new(),
            pipes: BTreeMap::new(),
            opening: BTreeSet::new(),
            asked: BTreeSet::new(),
            conns: BTreeSet::new(),
            accepted: 0,
            next_port: 0,
            wake: None,
            media_wake: None,
        }
    }

    /// The names of all events so far, in the seeds' words.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        self.events.iter().filter_map(|(_, event)| event.names().first().copied()).collect()
    }

    /// Whether its agent owes nothing, and none of its media paths goes on.
    #[must_use]
    pub fn is_quiescent(&self) -> bool {
        self.agent.is_quiescent() && self.media.is_empty()
    }

    /// Whether it has neither sockets nor connections, as after a shutdown.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.udp.is_empty() && self.listening.is_empty() && self.conns.is_empty()
    }

    /// The sessions that came to its agent, in their order.
    pub fn incoming_sessions(&self) -> impl DoubleEndedIterator<Item = SessionId> {
        self.events.iter().filter_map(|(_, event)| match &event.kind {
            EventKind::Session { id, event: SessionEvent::NewIncoming { .. } } => Some(*id),
            _ => None,
        })
    }

    /// How many connections it has.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.conns.len()
    }

    /// Its address of the same family as another.
    #[must_use]
    pub fn address_toward(&self, other: IpAddr) -> Option<IpAddr> {
        self.addresses.iter().copied().find(|address| address.is_ipv4() == other.is_ipv4())
    }

    pub(crate) fn traced(&mut self, line: String) {
        for byte in line.bytes() {
            self.digest = (self.digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if self.place.tracing == Tracing::Keep {
            self.trace.push(line);
        }
    }

    pub(crate) fn free_port(&mut self) -> u16 {
        self.next_port = (self.next_port + 1) % 9_000;
        40_000 + self.next_port
    }
}
