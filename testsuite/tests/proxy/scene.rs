//! Alice, callees, and proxies between them.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use sipsimple_core::agent::{AccountSpec, Config, Event, EventKind, Intent, Outcome};
use sipsimple_core::id::{AccountId, SessionId};
use sipsimple_core::session::SessionEvent;
use sipsimple_core::sip::digest::Credentials;
use sipsimple_core::stream::{AudioSpec, StreamSpec};
use sipsimple_core::time::Instant;
use sipsimple_core::trace;
use sipsimple_core::transport::{Route, Transport};
use sipsimple_testsuite::application::{Answering, Application, Idle};
use sipsimple_testsuite::host::Place;
use sipsimple_testsuite::link::Faults;
use sipsimple_testsuite::property;
use sipsimple_testsuite::proxy::{Location, Logbook, Plan, Proxy};
use sipsimple_testsuite::world::World;

pub(crate) const ALICE: usize = 0;
/// The first callee.
pub(crate) const BOB: usize = 1;

/// A proxy of the scene: where it is, and what it shares.
pub(crate) struct Between {
    pub(crate) address: SocketAddr,
    pub(crate) post: usize,
    pub(crate) book: Rc<RefCell<Logbook>>,
}

impl Between {
    pub(crate) fn route(&self, transport: Transport) -> Route {
        Route::new(transport, self.address)
    }

    /// The methods that it got, each transaction once.
    pub(crate) fn methods(&self) -> Vec<String> {
        self.book.borrow().methods().into_iter().map(str::to_owned).collect()
    }
}

pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) proxies: Vec<Between>,
    seed: u64,
}

impl Scene {
    /// Alice, and callees with their users, each on one transport.
    pub(crate) fn new(seed: u64, callees: Vec<(Transport, Box<dyn Application>)>) -> Self {
        let mut world = World::new(seed, Faults::none());
        world.watch(property::all());
        let own = AccountSpec {
            credentials: Some(Credentials::new("alice", "secret")),
            ..AccountSpec::new("sip:alice@10.0.0.1")
        };
        let alice = world.add(Config::default(), Box::new(Idle));
        world.with(alice, |agent, now| agent.intend(now, Intent::AddAccount(own))).unwrap();
        for (transport, user) in callees {
            let place = Place { transports: vec![transport], ..Place::default() };
            let bob = world.add_at(place, Config::default(), user);
            let own = AccountSpec::new(format!("sip:bob@{}", world.address(bob)));
            world.with(bob, |agent, now| agent.intend(now, Intent::AddAccount(own))).unwrap();
        }
        world.run_for(Duration::from_millis(1));
        Self { world, proxies: Vec::new(), seed }
    }

    /// One callee who answers after two seconds.
    pub(crate) fn answered(seed: u64, transport: Transport) -> Self {
        Self::new(seed, vec![(transport, Box::new(Answering::after(Duration::from_secs(2))))])
    }

    /// Adds a proxy that knows all callees as `bob`.
    pub(crate) fn add_proxy(&mut self, mut plan: Plan, transports: &[Transport]) -> usize {
        let address: SocketAddr = format!("10.9.0.{}:5060", self.proxies.len() + 1).parse().unwrap();
        let places = transports.iter().enumerate().map(|(at, transport)| {
            let udp = *transport == Transport::Udp;
            let param = if udp { String::new() } else { format!(";transport={transport}") };
            Location::new(format!("sip:bob@{}{param}", self.world.address(BOB + at)))
        });
        plan.users.entry("bob".to_owned()).or_insert_with(|| places.collect());
        let (proxy, book) = Proxy::new(plan);
        let post = self.world.add_script(address, proxy);
        self.proxies.push(Between { address, post, book });
        self.proxies.len() - 1
    }

    /// Alice calls bob at the first proxy.
    pub(crate) fn call(&mut self, routes: Vec<Route>) -> SessionId {
        let to = format!("sip:bob@{}", self.proxies[0].address);
        let intent = Intent::Connect {
            account: AccountId::from_u64(0),
            to: to.as_str().into(),
            routes,
            streams: vec![StreamSpec::Audio(AudioSpec::default())],
            late_offer: false,
        };
        match self.world.with(ALICE, |agent, now| agent.intend(now, intent)).unwrap() {
            Outcome::Session(session) => session,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn end(&mut self, host: usize, session: SessionId) {
        self.world.with(host, |agent, now| agent.intend(now, Intent::End { session })).unwrap();
    }

    /// Ends all sessions of a host that are not over.
    pub(crate) fn end_all(&mut self, host: usize) {
        let sessions: BTreeSet<SessionId> = self.told(host).into_iter().map(|(_, session, _)| session).collect();
        for session in sessions {
            if self.world.with(host, |agent, now| agent.session(now, session).is_some()) {
                self.end(host, session);
            }
        }
    }

    pub(crate) fn wait(&mut self, ms: u64) {
        self.world.run_for(Duration::from_millis(ms));
    }

    /// The events of sessions of a host.
    pub(crate) fn told(&self, host: usize) -> Vec<(Instant, SessionId, SessionEvent)> {
        let session = |(at, event): &(Instant, Event)| match &event.kind {
            EventKind::Session { id, event } => Some((*at, *id, event.clone())),
            _ => None,
        };
        self.world.host(host).events.iter().filter_map(session).collect()
    }

    /// How often a host told an event of this name.
    pub(crate) fn count(&self, host: usize, name: &str) -> usize {
        self.world.host(host).names().into_iter().filter(|known| *known == name).count()
    }

    pub(crate) fn started(&self, host: usize) -> bool {
        self.count(host, "SIPSessionDidStart") > 0
    }

    /// The code of the failure of the only session of a host that failed.
    pub(crate) fn failure(&self, host: usize) -> Option<u16> {
        self.told(host).iter().find_map(|(_, _, event)| match event {
            SessionEvent::DidFail { code, .. } => Some(*code),
            _ => None,
        })
    }

    /// The network is healed, nothing more happens, and nothing is owed; and the traces replay.
    #[track_caller]
    pub(crate) fn quiet(&mut self) {
        self.world.heal();
        let quiet = self.world.run_until_quiescent(Duration::from_secs(600));
        let seed = self.seed;
        for (number, host) in self.world.hosts().iter().enumerate() {
            assert!(host.is_quiescent(), "seed {seed}: host {number}: {:#?}", host.agent);
            trace::replay(host.trace.iter()).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        }
        assert!(quiet);
        self.world.finish();
    }
}

/// Fixed seeds and one that is drawn anew and printed, or the one in `SIPSIMPLE_SEED`.
pub(crate) fn seeds(fixed: u64) -> Vec<u64> {
    if let Some(seed) = std::env::var("SIPSIMPLE_SEED").ok().and_then(|seed| seed.parse().ok()) {
        return vec![seed];
    }
    let drawn = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |now| u64::from(now.subsec_nanos()));
    println!("seed {drawn}");
    (0..fixed).chain([drawn]).collect()
}
