//! Hosts, the network between them, and virtual time.
//!
//! | file | what it does |
//! |---|---|
//! | `closing` | how it ends |
//! | `effects` | what the agents ask of their drivers |
//! | `datagrams` | datagrams, of SIP and of media |
//! | `connections` | connections: opened, cut into pieces, reset, closed |
//! | `realms` | who is behind which NAT |
//! | `posts` | the mailboxes of the tests, and their scripts |

mod closing;
mod connections;
mod datagrams;
mod effects;
mod posts;
mod realms;

pub use closing::Standing;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use sipsimple_core::agent::{Agent, Config, ConnectionEvent, Input, Listen};
use sipsimple_core::id::{AccountId, SessionId};
use sipsimple_core::random::{Random, Seed};
use sipsimple_core::stream::StreamSpec;
use sipsimple_core::time::{Instant, Utc};
use sipsimple_core::transport::{Port, Route, Transport};

use crate::application::{Alarms, Application};
use crate::host::{Host, Place, Tracing};
use crate::link::Faults;
use crate::nat::Nat;
use crate::post::Post;
use crate::property::{Property, Violation, Watch};
use crate::script::{Act, Script};
use crate::stream::{End, Node};
use crate::turn::Server;
use crate::wire::Packet;

/// A world.
pub struct World {
    seed: u64,
    now: Instant,
    random: Random,
    hosts: Vec<Host>,
    posts: Vec<Post>,
    scripts: BTreeMap<usize, Box<dyn Script>>,
    by_address: BTreeMap<IpAddr, usize>,
    by_post: BTreeMap<SocketAddr, usize>,
    faults: Faults,
    links: BTreeMap<(IpAddr, IpAddr), Faults>,
    /// Until when the links with a rate are occupied.
    occupied: BTreeMap<(IpAddr, IpAddr), Instant>,
    nats: Vec<Nat>,
    /// TURN servers.
    relays: Vec<Server>,
    /// Which NAT an address is behind.
    behind: BTreeMap<IpAddr, usize>,
    queue: BTreeMap<(Instant, u64), Happening>,
    count: u64,
    steps: u64,
    /// SIP datagrams that arrived at hosts.
    arrivals: u64,
    /// Which of them is to arrive twice.
    repeated: Option<u64>,
    watch: Watch,
    rerun: Option<String>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("seed", &self.seed).field("now", &self.now).finish_non_exhaustive()
    }
}

impl Drop for World {
    /// A run that failed says how to run it again.
    fn drop(&mut self) {
        if let Some(rerun) = self.rerun.as_ref().filter(|_| std::thread::panicking()) {
            eprintln!("to run this again: {rerun}");
        }
    }
}

#[derive(Debug)]
enum Happening {
    Datagram(Packet),
    Input(usize, Box<Input>),
    /// A connection reaches the node it was opened to.
    Connect {
        from: End,
        transport: Transport,
        local: SocketAddr,
        to: SocketAddr,
    },
    Stream {
        to: End,
        event: ConnectionEvent,
        from: Option<End>,
    },
    /// One end of a connection reads on.
    Read(End),
    /// What was sent to one end of a connection is less than the window again, and the other learns of it.
    Reopen(End),
    Wake(usize),
    MediaWake(usize),
    Alarm(usize, u64),
    /// A mailbox, or its script, does something.
    Act(usize, Act),
}

/// 2010-12-08T10:18:00Z: when every world begins.
const BEGINNING: Utc = Utc { unix_millis: 1_291_803_480_000 };

/// The port of SIP on every host; that of SIP over TLS is the next.
pub const SIP_PORT: u16 = 5060;

impl World {
    /// An empty world.
    #[must_use]
    pub fn new(seed: u64, faults: Faults) -> Self {
        Self {
            seed,
            now: Instant::ZERO,
            random: Random::new(&Seed::from_u64(seed)),
            hosts: Vec::new(),
            posts: Vec::new(),
            scripts: BTreeMap::new(),
            by_address: BTreeMap::new(),
            by_post: BTreeMap::new(),
            faults,
            links: BTreeMap::new(),
            occupied: BTreeMap::new(),
            nats: Vec::new(),
            relays: Vec::new(),
            behind: BTreeMap::new(),
            queue: BTreeMap::new(),
            count: 0,
            steps: 0,
            arrivals: 0,
            repeated: None,
            watch: Watch::default(),
            rerun: None,
        }
    }

    /// The command that runs this world again, to be printed when it fails.
    pub fn set_rerun(&mut self, command: String) {
        self.rerun = Some(command);
    }

    /// The time.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// Everything random of the world that is not the agents'.
    pub const fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    /// How many things have happened.
    #[must_use]
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// How many SIP datagrams have arrived at hosts.
    #[must_use]
    pub const fn arrivals(&self) -> u64 {
        self.arrivals
    }

    /// Lets the SIP datagram of this number, counted from 0 as they arrive at hosts, arrive twice.
    pub fn repeat_arrival(&mut self, number: u64) {
        self.repeated = Some(number);
    }

    /// From now on these watch, and the first violation ends the run with a panic.
    pub fn watch(&mut self, properties: Vec<Box<dyn Property>>) {
        self.watch.properties.extend(properties);
    }

    /// Everything has ended: what the properties wanted to see by now must have been seen.
    ///
    /// # Panics
    /// When a property does not hold.
    pub fn finish(&mut self) {
        self.watch.finish(self.now);
        self.check();
    }

    /// Takes out what was violated so far, for tests of the properties themselves.
    pub fn take_violations(&mut self) -> Vec<Violation> {
        self.watch.take()
    }

    fn check(&self) {
        if let Some(violation) = self.watch.first() {
            panic!("seed {}: {violation}", self.seed);
        }
    }

    /// Adds a host with an agent at a place of its own, and tells its number.
    ///
    /// # Panics
    /// When the configuration is refused.
    pub fn add(&mut self, config: Config, application: Box<dyn Application>) -> usize {
        self.add_at(Place::default(), config, application)
    }

    /// Adds a host with an agent, and tells its number.
    ///
    /// # Panics
    /// When the configuration is refused, or an address is taken.
    pub fn add_at(&mut self, mut place: Place, mut config: Config, application: Box<dyn Application>) -> usize {
        let number = self.hosts.len();
        if place.addresses.is_empty() {
            place.addresses.push(v4(number));
        }
        for transport in &place.transports {
            for address in &place.addresses {
                let unspecified = if address.is_ipv4() {
                    IpAddr::V4(Ipv4Addr::UNSPECIFIED)
                } else {
                    IpAddr::V6(Ipv6Addr::UNSPECIFIED)
                };
                let address = if place.wildcard { unspecified } else { *address };
                let port = Port::Fixed(transport.default_port());
                config.listen.push(Listen { transport: *transport, address, port });
            }
        }
        let seed = self.random.seed();
        self.watch.model.add_host(config.timers);
        let agent = match place.tracing {
            Tracing::Keep | Tracing::Digest => Agent::new_traced(config, seed, self.now, BEGINNING),
            Tracing::Off => Agent::new(config, seed, self.now, BEGINNING),
        };
        for address in &place.addresses {
            assert!(self.by_address.insert(*address, number).is_none(), "{address} is taken");
        }
        self.hosts.push(Host::new(place, agent.expect("the configuration is sound"), application));
        self.drain(number);
        number
    }

    /// A host.
    #[must_use]
    pub fn host(&self, number: usize) -> &Host {
        &self.hosts[number]
    }

    /// A host, to be changed.
    pub fn host_mut(&mut self, number: usize) -> &mut Host {
        &mut self.hosts[number]
    }

    /// All hosts.
    #[must_use]
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// The first SIP address of a host.
    #[must_use]
    pub fn address(&self, number: usize) -> SocketAddr {
        SocketAddr::new(self.hosts[number].addresses[0], SIP_PORT)
    }

    /// Does something with a host's agent.
    pub fn with<T>(&mut self, number: usize, act: impl FnOnce(&mut Agent, Instant) -> T) -> T {
        let result = act(&mut self.hosts[number].agent, self.now);
        self.drain(number);
        self.check();
        result
    }

    /// The first account of a host calls another host over UDP, by this name.
    pub fn call(&mut self, caller: usize, callee: usize, name: &str, streams: &[StreamSpec]) -> SessionId {
        let route = Route::new(Transport::Udp, self.address(callee));
        let to = format!("sip:{name}@{}", route.address);
        self.with(caller, |agent, now| {
            agent.account(now, AccountId::from_u64(0)).unwrap().connect(&to, &[route], streams).unwrap()
        })
    }

    /// Lets something happen to a host, as its driver would tell it.
    pub fn tell(&mut self, number: usize, input: Input) {
        self.input(number, input);
        self.check();
    }

    /// From now on the network is without faults.
    pub fn heal(&mut self) {
        self.faults = Faults::none();
        self.links.clear();
    }

    /// From now on the network has these faults.
    pub fn set_faults(&mut self, faults: Faults) {
        self.faults = faults;
    }

    /// From now on what one address sends to another has these faults; `None` for those of the network.
    pub fn set_link(&mut self, from: IpAddr, to: IpAddr, faults: Option<Faults>) {
        match faults {
            Some(faults) => self.links.insert((from, to), faults),
            None => self.links.remove(&(from, to)),
        };
    }

    fn link(&self, from: IpAddr, to: IpAddr) -> &Faults {
        self.links.get(&(from, to)).unwrap_or(&self.faults)
    }

    /// Lets time pass.
    pub fn run_for(&mut self, time: Duration) {
        self.run_until(self.now + time);
    }

    /// Lets time pass.
    pub fn run_until(&mut self, until: Instant) {
        while let Some((&(at, _), _)) = self.queue.first_key_value()
            && at <= until
        {
            self.step();
        }
        self.now = self.now.max(until);
    }

    /// Lets things happen until nothing more does, or so much time has passed; whether all hosts are quiescent then.
    pub fn run_until_quiescent(&mut self, limit: Duration) -> bool {
        let until = self.now + limit;
        while let Some((&(at, _), _)) = self.queue.first_key_value()
            && at <= until
        {
            self.step();
        }
        self.hosts.iter().all(Host::is_quiescent)
    }

    /// The next thing happens. False when there is none.
    ///
    /// # Panics
    /// When an agent wants to be woken again and again without making progress (GEN-5), or a property does not hold.
    pub fn step(&mut self) -> bool {
        let Some(((at, _), happening)) = self.queue.pop_first() else { return false };
        self.now = self.now.max(at);
        self.steps += 1;
        match happening {
            Happening::Datagram(packet) => self.arrive(&packet),
            Happening::Input(host, input) => {
                // What was given up in the meantime is not answered.
                let wanted = match &*input {
                    Input::Answer { ask, answer } => {
                        self.hosts[host].count(answer);
                        self.hosts[host].asked.remove(ask)
                    }
                    _ => true,
                };
                if wanted {
                    self.input(host, *input);
                }
            }
            Happening::Connect { from, transport, local, to } => self.connect(from, transport, local, to),
            Happening::Stream { to, event, from } => self.stream(to, event, from),
            Happening::Read(end) => self.read_on(end, None),
            Happening::Reopen(end) => self.reopen(end),
            Happening::Wake(host) => self.wake(host),
            Happening::Act(post, act) => self.act(post, act),
            Happening::MediaWake(host) => {
                if self.hosts[host].media_wake.is_some_and(|wake| wake <= self.now) {
                    self.hosts[host].media_wake = None;
                    self.hosts[host].media.timeout(self.now);
                    self.drain_media(host);
                }
            }
            Happening::Alarm(host, number) => {
                let mut alarms = Alarms::default();
                let Host { application, agent, .. } = &mut self.hosts[host];
                application.alarm(self.now, number, agent, &mut alarms);
                self.set_alarms(host, alarms);
                self.drain(host);
            }
        }
        self.check();
        true
    }

    fn wake(&mut self, host: usize) {
        if self.hosts[host].wake.is_none_or(|wake| wake > self.now) {
            return;
        }
        self.hosts[host].wake = None;
        let wanted = self.hosts[host].agent.poll_timeout();
        self.input(host, Input::Tick { utc: None });
        let again = self.hosts[host].agent.poll_timeout();
        assert!(
            again.is_none_or(|deadline| deadline.at > self.now),
            "seed {}: GEN-5: host {host} was woken at {} for {wanted:?} and is not done with {again:?}",
            self.seed,
            self.now
        );
    }

    /// Sets alarms of a host's user.
    pub fn set_alarms(&mut self, host: usize, alarms: Alarms) {
        for (after, number) in alarms.set {
            self.schedule(after, Happening::Alarm(host, number));
        }
    }

    fn schedule(&mut self, after: Duration, happening: Happening) {
        self.count += 1;
        self.queue.insert((self.now + after, self.count), happening);
    }

    fn input(&mut self, host: usize, input: Input) {
        let now = self.now;
        self.hosts[host].agent.handle(now, input);
        self.drain(host);
    }

    /// An answer of the driver: it comes by itself, not inside the call that asked for it.
    fn later(&mut self, host: usize, input: Input) {
        self.schedule(Duration::ZERO, Happening::Input(host, Box::new(input)));
    }
}

/// The IPv4 address of the host with this number.
#[must_use]
pub fn v4(number: usize) -> IpAddr {
    let number = u32::try_from(number + 1).unwrap_or(u32::MAX);
    IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + number))
}

/// The IPv6 address of the host with this number.
#[must_use]
pub fn v6(number: usize) -> IpAddr {
    let number = u128::try_from(number + 1).unwrap_or(u128::MAX);
    IpAddr::V6(Ipv6Addr::from(0x2001_0db8_0000_0000_0000_0000_0000_0000 + number))
}

/// Where an end of the wire is.
impl World {
    fn node_at(&self, address: SocketAddr) -> Option<Node> {
        let post = self.by_post.get(&address).copied().map(Node::Post);
        post.or_else(|| self.by_address.get(&address.ip()).copied().map(Node::Host))
    }
}
