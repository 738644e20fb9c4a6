//! Several agents, and what goes over the wire between them.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use sipsimple_core::agent::{AccountSpec, Config, Intent, Outcome, SessionMut};
use sipsimple_core::id::{AccountId, SessionId};
use sipsimple_core::stream::{AudioSpec, StreamSpec};
use sipsimple_core::transport::{Route, Transport};
use sipsimple_testsuite::application::Idle;
use sipsimple_testsuite::link::Faults;
use sipsimple_testsuite::property::{self, Property, Seen, Violations};
use sipsimple_testsuite::sip::Sip;
use sipsimple_testsuite::wire::Fate;
use sipsimple_testsuite::world::World;

pub(crate) const ALICE: usize = 0;
pub(crate) const BOB: usize = 1;
pub(crate) const CAROL: usize = 2;

const NAMES: [&str; 3] = ["alice", "bob", "carol"];

/// The messages in the order in which they were sent: by whom, to which address.
type Tape = Rc<RefCell<Vec<(usize, std::net::SocketAddr, Sip)>>>;

struct Recorder(Tape);

impl Property for Recorder {
    fn seen(&mut self, seen: &Seen<'_>, _: &mut Violations) {
        if seen.sight.fate == Fate::Sent {
            self.0.borrow_mut().push((seen.sight.host, seen.sight.to, seen.sight.sip.clone()));
        }
    }
}

pub(crate) struct Scene {
    pub(crate) world: World,
    tape: Tape,
}

pub(crate) fn audio() -> Vec<StreamSpec> {
    vec![StreamSpec::Audio(AudioSpec::default())]
}

impl Scene {
    /// Alice, Bob and Carol, whose users do what the test says.
    pub(crate) fn new() -> Self {
        Self::watched(property::all())
    }

    /// The same, watched by these.
    pub(crate) fn watched(mut watchers: Vec<Box<dyn Property>>) -> Self {
        let mut world = World::new(5589, Faults::none());
        let tape = Tape::default();
        watchers.push(Box::new(Recorder(Rc::clone(&tape))));
        world.watch(watchers);
        for name in NAMES {
            let number = world.add(Config::default(), Box::new(Idle));
            let account = AccountSpec::new(format!("sip:{name}@{}", world.host(number).addresses[0]));
            world.with(number, |agent, now| agent.intend(now, Intent::AddAccount(account))).unwrap();
        }
        world.run_for(Duration::from_millis(1));
        Self { world, tape }
    }

    pub(crate) fn uri(&self, of: usize) -> String {
        format!("sip:{}@{}", NAMES[of], self.world.address(of))
    }

    pub(crate) fn wait(&mut self, millis: u64) {
        self.world.run_for(Duration::from_millis(millis));
    }

    pub(crate) fn intend(&mut self, host: usize, intent: Intent) -> Outcome {
        let outcome = self.world.with(host, |agent, now| agent.intend(now, intent)).unwrap();
        // Before anything is repeated.
        self.wait(400);
        outcome
    }

    /// Somebody calls somebody, whose device rings; both their sessions.
    pub(crate) fn call(&mut self, from: usize, to: usize) -> (SessionId, SessionId) {
        let routes = vec![Route::new(Transport::Udp, self.world.address(to))];
        let (account, target) = (AccountId::from_u64(0), self.uri(to).as_str().into());
        let outcome =
            self.intend(from, Intent::Connect { account, to: target, routes, streams: audio(), late_offer: false });
        let Outcome::Session(caller) = outcome else { panic!("{outcome:?}") };
        let callee = self.rings(to);
        (caller, callee)
    }

    /// The device of somebody rings.
    pub(crate) fn rings(&mut self, host: usize) -> SessionId {
        let id = self.incoming(host).expect("no call has come");
        self.intend(host, Intent::SendRingIndication { session: id });
        id
    }

    /// The last session that came.
    pub(crate) fn incoming(&self, host: usize) -> Option<SessionId> {
        self.world.host(host).incoming_sessions().next_back()
    }

    pub(crate) fn accept(&mut self, host: usize, session: SessionId) {
        let streams = self.with(host, session, |session| session.streams());
        self.intend(host, Intent::Accept { session, streams, relay_password: None });
    }

    /// A call that is established; both sessions.
    pub(crate) fn talk(&mut self, from: usize, to: usize) -> (SessionId, SessionId) {
        let (caller, callee) = self.call(from, to);
        self.accept(to, callee);
        (caller, callee)
    }

    pub(crate) fn with<T>(&mut self, host: usize, id: SessionId, act: impl FnOnce(SessionMut<'_>) -> T) -> T {
        self.world.with(host, |agent, now| act(agent.session(now, id).expect("the session is over")))
    }

    pub(crate) fn is_over(&mut self, host: usize, id: SessionId) -> bool {
        self.world.with(host, |agent, now| agent.session(now, id).is_none())
    }

    /// How often a host told an event of this name.
    pub(crate) fn count(&self, host: usize, name: &str) -> usize {
        self.world.host(host).names().into_iter().filter(|known| *known == name).count()
    }

    /// What went between two, as in `alice INVITE`, since this was asked last.
    pub(crate) fn between(&self, one: usize, other: usize) -> Vec<String> {
        self.sips(one, other).into_iter().map(|(from, sip)| format!("{} {sip}", NAMES[from])).collect()
    }

    /// The same, whole.
    pub(crate) fn sips(&self, one: usize, other: usize) -> Vec<(usize, Sip)> {
        let places = [one, other].map(|host| self.world.address(host));
        let mut found = Vec::new();
        self.tape.borrow_mut().retain(|(from, to, sip)| {
            let is_it = (*from == one && *to == places[1]) || (*from == other && *to == places[0]);
            if is_it && sip.code() != 100 {
                found.push((*from, sip.clone()));
            }
            !is_it
        });
        found
    }

    /// Whoever still talks hangs up, and nothing is left.
    pub(crate) fn over(mut self) {
        for host in [ALICE, BOB, CAROL] {
            for session in self.world.with(host, |agent, _| agent.sessions()) {
                self.world.with(host, |agent, now| agent.session(now, session).map(|mut session| session.end()));
                self.wait(1500);
            }
        }
        assert!(self.world.run_until_quiescent(Duration::from_secs(300)));
        self.world.finish();
    }
}
