//! The composed client: sans-IO, deterministic, one value.
//!
//! An [`Agent`] takes what the world did by [`handle`](Agent::handle) and what the application wants by
//! [`intend`](Agent::intend) (or by the handles [`AccountMut`] and [`SessionMut`], which are veneers over it). What follows
//! comes out by [`poll_effect`](Agent::poll_effect), work for the driver, and [`poll_event`](Agent::poll_event), news for the
//! application; [`poll_timeout`](Agent::poll_timeout) says when it wants to be told the time.
//!
//! Draining changes nothing: no poll is required between two calls, and each queue keeps its order. A late, early or
//! repeated [`Input::Tick`] is harmless. Intents are legal at any time, also while events wait; there are no callbacks.
//!
//! ```text
//! datagram / bytes ─► Transports ─► Table (transactions) ─► Session ─► Event
//!                         ▲                ▲                   │ ▲
//! Effect ◄────────────────┴────────────────┴───────────────────┘ └─ Intent, media::Event
//! ```
//!
//! | file | what it does |
//! |---|---|
//! | `world` | inputs, and the outputs of the transports |
//! | `wish` | intents |
//! | `requests` | what to do with a request: sessions, OPTIONS, refusals |
//! | `calls` | the sessions, and whose a stream is |
//! | `owner` | who owns which transaction and dialog |
//! | `sending` | sending for any owner: flows, local addresses, hops |
//! | `outgoing` | what sessions ask for: requests, ACKs, responses |
//! | `streams` | the sockets and connections of streams |
//! | `transfers` | sessions that follow from others |
//! | `asks` | questions to the driver |
//! | `nat` | keep-alive, and our public addresses |
//! | `usages`, `machine` | registrations, and what other usages there are |
//! | `subscriptions`, `publications`, `messages` | event state both ways, and messages |
//! | `composing` | who is composing a message |
//! | `supervised` | what an account keeps subscribed to and published by itself |
//! | `accounts`, `activation` | the accounts, whose a request is, and how they come and go |
//! | `settings` | the settings: loading, changing, storing, and what changes of them do |
//! | `dns` | location: the resolver, its sockets, and whom it answers |
//! | `handles` | [`AccountMut`] and [`SessionMut`] |
//!
//! A trace of all that goes in and out is written by an agent made by [`Agent::new_traced`]; see [`trace`](crate::trace).

mod accounts;
mod activation;
mod asks;
mod calls;
mod composing;
mod dns;
mod effect;
mod event;
mod handles;
mod input;
mod intent;
mod machine;
mod messages;
mod msrp;
mod msrp_account;
mod nat;
mod outgoing;
mod owner;
mod publications;
mod requests;
mod sending;
mod settings;
mod streams;
mod subscriptions;
mod supervised;
#[cfg(test)]
mod tests;
mod transfers;
mod usages;
mod wish;
mod world;

pub use crate::config::{Config, Listen, RtpConfig};
pub use crate::session::SessionError;
pub use crate::stream::StreamError;
pub use effect::{Deadline, Effect, Question, TimeoutReason, TlsFiles};
pub use event::{AccountEvent, Event, EventKind, ManagerEvent, SipTrace, Stats, TransportEvent};
pub use handles::{AccountMut, SessionMut};
pub use input::{Answer, Input, NetworkChange, SocketEvent, StreamEvent as ConnectionEvent};
pub use intent::{
    AccountError, AccountSpec, ConnectError, Intent, IntentError, ListenError, LookupStartError, Outcome,
    SettingsRefusal, UsageError,
};
pub use msrp_account::MsrpAccount;
pub use supervised::{Published, Supervised};

use std::collections::VecDeque;
use std::sync::Arc;

use crate::dns::Resolver;
use crate::id::{ConnId, Counter, TransactionId};
use crate::msrp::Endpoint;
use crate::outbox::Outbox;
use crate::random::{Random, Seed};
use crate::session;
use crate::settings::ConfigurationManager;
use crate::sip::Text;
use crate::stream::{Registry, StreamFactory};
use crate::time::{Clock, Instant, Utc};
use crate::trace::{Entry, Recorder};
use crate::transaction::{self, Table};
use crate::transport::{self, Flow, TransportConfig, Transports};

use accounts::Accounts;
use asks::Asks;
use calls::Calls;
use composing::Compositions;
use dns::Locations;
use messages::Messages;
use nat::PublicAddresses;
use owner::Owners;
use settings::Managed;
use streams::Wires;
use subscriptions::Subscriptions;
use usages::Usages;

/// Why a configuration is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A limit is too small to work with.
    #[error("the limit {0} is too small")]
    Limit(&'static str),
    /// A socket for TLS needs certificates.
    #[error("TLS is not configured")]
    NoTls,
    /// T1, T2 or T4 cannot be worked with (see [`Timers::are_sound`](crate::transaction::Timers::are_sound)).
    #[error("T1 must be 1 ms to T2, and no timer longer than 1000 s")]
    Timers,
    /// The user agent holds a line break or another control character.
    #[error("the user agent holds a control character")]
    UserAgent,
    /// The instance id is not a URN.
    #[error("the instance id is not a URN")]
    InstanceId,
}

/// The composed client.
///
/// ```
/// use sipsimple_core::agent::{AccountSpec, Agent, Config, Intent};
/// use sipsimple_core::random::Seed;
/// use sipsimple_core::time::{Instant, Utc};
///
/// let now = Instant::ZERO;
/// let mut agent = Agent::new(Config::default(), Seed::from_u64(1), now, Utc::default()).unwrap();
/// let account = AccountSpec { any_user: true, ..AccountSpec::new("sip:alice@192.0.2.1") };
/// agent.intend(now, Intent::AddAccount(account)).unwrap();
/// assert_eq!(agent.poll_event().unwrap().names(), ["SIPAccountManagerDidAddAccount"]);
/// assert!(agent.poll_effect().is_none() && agent.poll_timeout().is_none() && agent.is_quiescent());
/// ```
#[derive(Debug)]
pub struct Agent {
    config: Config,
    random: Random,
    clock: Clock,
    now: Instant,
    transports: Transports,
    table: Table<Flow>,
    accounts: Accounts,
    calls: Calls,
    owners: Owners,
    usages: Usages,
    subscriptions: Subscriptions,
    publication_ids: Counter,
    messages: Messages,
    compositions: Compositions,
    asks: Asks,
    public: PublicAddresses,
    resolver: Resolver,
    locations: Locations,
    settings: ConfigurationManager,
    managed: Managed,
    stats: Stats,
    shutdown: Shutdown,
    effects: VecDeque<Effect>,
    events: VecDeque<Event>,
    recorder: Option<Recorder>,
    transport_out: Outbox<transport::Output>,
    table_out: Outbox<transaction::Output<Flow>>,
    /// What one request that arrives makes the transactions say.
    arrival_out: Outbox<transaction::Output<Flow>>,
    session_out: Outbox<session::Output>,
    /// What makes streams.
    registry: Registry,
    /// The sockets and connections that streams have in the world.
    wires: Wires,
    /// The MSRP sessions of all streams.
    msrp: Endpoint,
    msrp_out: Outbox<crate::msrp::Output>,
    resolver_out: Outbox<crate::dns::Output>,
    settings_out: Outbox<crate::settings::Output>,
    /// The To tag of every answer that no session gives, so that a CANCEL and its INVITE get the same (RFC 3261 section 9.2).
    tag: Text,
}

/// How far the shutdown is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shutdown {
    /// It was not asked for.
    No,
    /// Sessions end.
    Sessions,
    /// The transactions that they left behind end, up to the last one of then: what peers begin later is not waited for.
    Transactions(Option<TransactionId>),
    /// Sockets and connections close.
    Transports,
    /// Done, and told.
    Done,
}

// An agent moves between threads, and is used by one at a time.
const _: () = {
    const fn is_send<T: Send>() {}
    is_send::<Agent>();
};

impl Agent {
    /// A new agent. `now` and `utc` are the time and the date of its start; everything random comes from `seed`.
    ///
    /// # Errors
    /// When the configuration contradicts itself.
    pub fn new(config: Config, seed: Seed, now: Instant, utc: Utc) -> Result<Self, ConfigError> {
        Self::start(config, &seed, now, utc, None)
    }

    /// The same, writing a trace: see [`poll_trace`](Self::poll_trace).
    ///
    /// # Errors
    /// When the configuration contradicts itself.
    pub fn new_traced(config: Config, seed: Seed, now: Instant, utc: Utc) -> Result<Self, ConfigError> {
        let recorder = Recorder::new(&config, &seed, now, utc);
        Self::start(config, &seed, now, utc, Some(recorder))
    }

    fn start(
        config: Config,
        seed: &Seed,
        now: Instant,
        utc: Utc,
        recorder: Option<Recorder>,
    ) -> Result<Self, ConfigError> {
        config.check()?;
        let mut random = Random::new(seed);
        let transport = TransportConfig {
            datagram_bytes: config.datagram_bytes,
            tls: config.tls.clone(),
            limits: config.limits.clone(),
        };
        let table = Table::new(config.timers, &config.limits, &mut random);
        let tag = random.token(13).into();
        let mut resolver_out = Outbox::new();
        let resolver = Resolver::new(config.dns.clone(), &mut resolver_out);
        let mut agent = Self {
            random,
            tag,
            clock: Clock::new(now, utc),
            now,
            transports: Transports::new(transport),
            table,
            accounts: Accounts::default(),
            calls: Calls::default(),
            owners: Owners::default(),
            usages: Usages::default(),
            subscriptions: Subscriptions::default(),
            publication_ids: Counter::default(),
            messages: Messages::default(),
            compositions: Compositions::default(),
            asks: Asks::default(),
            public: PublicAddresses::default(),
            resolver,
            locations: Locations::default(),
            settings: settings::classes(&config.limits),
            managed: Managed::default(),
            stats: Stats::default(),
            shutdown: Shutdown::No,
            effects: VecDeque::new(),
            events: VecDeque::new(),
            recorder,
            transport_out: Outbox::new(),
            table_out: Outbox::new(),
            arrival_out: Outbox::new(),
            session_out: Outbox::new(),
            registry: Registry::default(),
            wires: Wires::default(),
            msrp: Endpoint::new(),
            msrp_out: Outbox::new(),
            resolver_out,
            settings_out: Outbox::new(),
            config,
        };
        for listen in agent.config.listen.clone() {
            agent
                .transports
                .bind(listen.transport, listen.address, listen.port, &mut agent.transport_out)
                .map_err(|_| ConfigError::NoTls)?;
        }
        agent.settle();
        agent.record_what_followed(0, 0);
        Ok(agent)
    }

    /// From now on streams of this kind can be proposed, and offers of the peers' are shown to this factory (seed class MediaStreamRegistrar). It belongs
    /// to the program, as the configuration does, and not into a trace: a replay needs it too.
    pub fn register_stream(&mut self, factory: Arc<dyn StreamFactory>) {
        self.registry.add(factory);
    }

    /// What makes streams (seed class MediaStreamRegistry).
    #[must_use]
    pub const fn streams(&self) -> &Registry {
        &self.registry
    }

    /// The one way in from the world. Cannot fail, cannot panic: what a peer did wrong comes out as an event or is counted, what the driver did wrong is ignored and counted.
    pub fn handle(&mut self, now: Instant, input: Input) {
        let (effects, events) = (self.effects.len(), self.events.len());
        self.advance(now);
        let input = self.admit(input);
        if let Some(recorder) = &mut self.recorder {
            recorder.write(&Entry::Input { at: now, input: Box::new(input.clone()) });
        }
        self.take_input(input);
        self.settle();
        self.record_what_followed(effects, events);
    }

    /// The one way in from the application, as data.
    ///
    /// # Errors
    /// When it is wrong in this state: nothing changed. Whatever happens later comes as an event.
    pub fn intend(&mut self, now: Instant, intent: Intent) -> Result<Outcome, IntentError> {
        let (effects, events) = (self.effects.len(), self.events.len());
        self.advance(now);
        let recorded = self.recorder.is_some().then(|| intent.clone());
        let result = self.take_intent(intent);
        self.settle();
        if let (Some(recorder), Some(intent)) = (&mut self.recorder, recorded) {
            let intent = Box::new(intent);
            recorder.write(&Entry::Intent { at: now, intent, result: result.clone() });
        }
        self.record_what_followed(effects, events);
        result
    }

    /// Work for the driver, oldest first. Draining is never required between two calls.
    #[must_use]
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// News for the application, oldest first.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The next line of the trace, JSON without a line break, oldest first; always `None` for an agent that is not traced. See [`trace`](crate::trace).
    #[must_use]
    pub fn poll_trace(&mut self) -> Option<String> {
        self.recorder.as_mut().and_then(Recorder::pop)
    }

    /// When [`Input::Tick`] is next wanted, and why; `None` when nothing is pending. Pure: the same answer until the next input or intent.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Deadline> {
        let transaction = self.table.deadline().map(|(at, timer)| (at, TimeoutReason::Transaction(timer)));
        let transport = self.transports.deadline().map(|at| (at, TimeoutReason::Transport));
        let session = self.calls.deadline().map(|at| (at, TimeoutReason::Session));
        let ask = self.asks.deadline().map(|at| (at, TimeoutReason::Ask));
        let usage = self.usages.deadline().map(|at| (at, TimeoutReason::Usage));
        let composing = self.compositions.deadline().map(|at| (at, TimeoutReason::Usage));
        let lookup = self.resolver.deadline().map(|at| (at, TimeoutReason::Lookup));
        let msrp = self.msrp.deadline().map(|at| (at, TimeoutReason::Msrp));
        let all = [transaction, transport, session, msrp, usage, composing, ask, lookup];
        all.into_iter().flatten().min_by_key(|(at, _)| *at).map(|(at, why)| Deadline { at, why })
    }

    /// How many more bytes this connection may be fed now; 0: stop reading the socket until `Effect::Resume`.
    #[must_use]
    pub fn read_budget(&self, conn: ConnId) -> usize {
        if let Some(stream) = self.wires.stream(conn) {
            return self.stream_read_budget(stream, conn);
        }
        if self.msrp.owns_connection(conn) {
            return if self.msrp.is_paused(conn) { 0 } else { self.config.limits.read_bytes };
        }
        if Resolver::owns_connection(conn) {
            return self.resolver.read_budget(conn);
        }
        self.transports.read_budget(conn)
    }

    /// Whether a session is not over for its peer, although the application may have been told that it is: a BYE waits for the ACK, or for its answer.
    #[must_use]
    pub fn has_calls(&self) -> bool {
        self.calls.any_goes_on()
    }

    /// True when nothing is owed to anyone: no transaction, no session, no lookup, no question, nothing to write, no effect to do. Bound sockets, idle connections and registrations that will be refreshed may remain until `Intent::ShutDown`. The leak oracle of the tests.
    #[must_use]
    pub fn is_quiescent(&self) -> bool {
        self.table.is_empty()
            && self.calls.is_empty()
            && self.wires.is_empty()
            && self.msrp.is_idle()
            && self.usages.are_idle()
            && self.messages.is_empty()
            && self.compositions.are_idle()
            && self.asks.is_empty()
            && self.resolver.is_quiescent()
            && self.transports.is_quiescent()
            && self.effects.is_empty()
    }

    /// What was counted since the start.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let transport = self.transports.counters();
        let mut stats = self.stats.clone();
        stats.received += transport.received;
        stats.sent += transport.sent;
        stats.malformed += transport.malformed;
        stats.stray += transport.stray + self.resolver.stray();
        stats.shed += transport.shed;
        stats.driver_faults += transport.driver_faults;
        stats
    }

    /// Sheds a datagram while too much waits to be taken out. In a trace only the time is left of it: a replay takes everything out at once, and would not shed it.
    fn admit(&mut self, input: Input) -> Input {
        let limits = &self.config.limits;
        let full = self.effects.len() >= limits.effects || self.events.len() >= limits.events;
        if full && matches!(input, Input::Datagram { .. }) {
            self.stats.shed += 1;
            return Input::Tick { utc: None };
        }
        input
    }

    /// Time does not go back, whatever the driver says.
    fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    /// What comes with every call into the rooms below.
    fn context(&mut self) -> crate::config::Context<'_> {
        crate::config::Context {
            now: self.now,
            utc: self.clock.utc(self.now),
            random: &mut self.random,
            config: &self.config,
            msrp: &mut self.msrp,
        }
    }

    fn tell(&mut self, kind: EventKind) {
        let timestamp = self.clock.utc(self.now);
        self.events.push_back(Event { timestamp, kind });
    }

    /// Writes into the trace what an input or an intent has made us do.
    fn record_what_followed(&mut self, effects: usize, events: usize) {
        let Some(recorder) = &mut self.recorder else { return };
        for effect in self.effects.iter().skip(effects) {
            recorder.write(&Entry::Effect(Box::new(effect.clone())));
        }
        for event in self.events.iter().skip(events) {
            recorder.write(&Entry::Event(Box::new(event.clone())));
        }
    }
}

impl Config {
    fn check(&self) -> Result<(), ConfigError> {
        let limits = &self.limits;
        let least = [
            ("head_bytes", limits.head_bytes, 1024),
            ("header_fields", limits.header_fields, 16),
            ("write_bytes", limits.write_bytes, 4096),
            ("read_bytes", limits.read_bytes, 1),
            ("transactions", limits.transactions, 4),
            ("sessions", limits.sessions, 1),
            ("forks", limits.forks, 1),
            ("sdp_media", limits.sdp_media, 1),
            ("effects", limits.effects, 16),
            ("events", limits.events, 16),
            ("dns_message", limits.dns_message, 512),
            ("dns_records", limits.dns_records, 16),
            ("dns_questions", limits.dns_questions, 8),
            ("dns_questions_at_once", limits.dns_questions_at_once, 1),
        ];
        if let Some((name, _, _)) = least.iter().find(|(_, is, least)| is < least) {
            return Err(ConfigError::Limit(name));
        }
        if !self.timers.are_sound() {
            return Err(ConfigError::Timers);
        }
        if self.user_agent.chars().any(char::is_control) {
            return Err(ConfigError::UserAgent);
        }
        let sound = |urn: &Text| {
            urn.starts_with("urn:") && urn.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'>')
        };
        if self.instance_id.as_ref().is_some_and(|urn| !sound(urn)) {
            return Err(ConfigError::InstanceId);
        }
        Ok(())
    }
}
