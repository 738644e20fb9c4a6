//! An established call between two agents, and what each tells of it.

use std::sync::Arc;
use std::time::Duration;

use sipsimple_core::agent::{AccountSpec, Config, EventKind, Intent, SessionMut};
use sipsimple_core::id::{SessionId, StreamId};
use sipsimple_core::session::SessionState;
use sipsimple_core::stream::{AudioSpec, StreamSpec};
use sipsimple_testsuite::application::Idle;
use sipsimple_testsuite::brittle::{BrittleFactory, Habit};
use sipsimple_testsuite::link::Faults;
use sipsimple_testsuite::property;
use sipsimple_testsuite::text::TextFactory;
use sipsimple_testsuite::words;
use sipsimple_testsuite::world::World;

pub(crate) const ALICE: usize = 0;
pub(crate) const BOB: usize = 1;

/// Alice has called Bob.
pub(crate) struct Duo {
    pub(crate) world: World,
    pub(crate) sessions: [SessionId; 2],
    told: [usize; 2],
}

pub(crate) fn audio() -> StreamSpec {
    StreamSpec::Audio(AudioSpec::default())
}

impl Duo {
    /// The INVITE is on its way.
    pub(crate) fn calling(streams: &[StreamSpec]) -> Self {
        Self::calling_with(&Config::default(), Habit::SOUND, streams)
    }

    /// The same, where both have these settings, and streams that are brittle behave so at Bob's.
    pub(crate) fn calling_with(config: &Config, offered: Habit, streams: &[StreamSpec]) -> Self {
        let mut world = World::new(5, Faults::none());
        world.watch(property::all());
        for name in ["alice", "bob"] {
            let number = world.add(config.clone(), Box::new(Idle));
            world.with(number, |agent, _| agent.register_stream(Arc::new(TextFactory)));
            world.with(number, |agent, _| agent.register_stream(Arc::new(BrittleFactory { offered })));
            let account = AccountSpec::new(format!("sip:{name}@{}", world.host(number).addresses[0]));
            world.with(number, |agent, now| agent.intend(now, Intent::AddAccount(account))).unwrap();
        }
        world.run_for(Duration::from_millis(1));
        let caller = world.call(ALICE, BOB, "bob", streams);
        Self { world, sessions: [caller, SessionId::from_u64(u64::MAX)], told: [0, 0] }
    }

    /// The call has come.
    pub(crate) fn ringing(streams: &[StreamSpec]) -> Self {
        Self::calling(streams).rung()
    }

    /// The call that was on its way comes.
    pub(crate) fn rung(mut self) -> Self {
        let duo = &mut self;
        duo.pass(500);
        let callee = duo.world.host(BOB).incoming_sessions().next();
        duo.sessions[BOB] = callee.expect("no call came");
        self
    }

    /// The call is established; what was told of that is forgotten.
    pub(crate) fn established(streams: &[StreamSpec]) -> Self {
        Self::ringing(streams).accepted()
    }

    /// The call that has come is accepted.
    pub(crate) fn accepted(mut self) -> Self {
        let proposed = self.with(BOB, |session| session.streams());
        self.with(BOB, |session| session.accept(&proposed).unwrap());
        self.pass(1000);
        self.told(ALICE);
        self.told(BOB);
        self
    }

    pub(crate) fn pass(&mut self, millis: u64) {
        self.world.run_for(Duration::from_millis(millis));
    }

    pub(crate) fn with<T>(&mut self, host: usize, act: impl FnOnce(&mut SessionMut<'_>) -> T) -> T {
        let id = self.sessions[host];
        self.world.with(host, |agent, now| act(&mut agent.session(now, id).expect("the session is over")))
    }

    pub(crate) fn state(&mut self, host: usize) -> SessionState {
        self.with(host, |session| session.state())
    }

    pub(crate) fn streams(&mut self, host: usize) -> Vec<StreamId> {
        self.with(host, |session| session.streams())
    }

    pub(crate) fn proposed(&mut self, host: usize) -> Vec<StreamId> {
        self.with(host, |session| session.proposed_streams()).expect("nothing is proposed")
    }

    /// What a session has told since it was asked last, in short words; of streams only how many.
    pub(crate) fn told(&mut self, host: usize) -> Vec<String> {
        let events = &self.world.host(host).events;
        let news = events[self.told[host]..].iter().filter_map(|(_, event)| match &event.kind {
            EventKind::Session { event, .. } => words::of(event),
            _ => None,
        });
        let news = news.collect();
        self.told[host] = events.len();
        news
    }

    /// Everything ends, and nothing is left.
    pub(crate) fn over(mut self) {
        if let Some(id) = self.world.with(ALICE, |agent, _| agent.sessions()).first().copied() {
            self.world.with(ALICE, |agent, now| agent.session(now, id).unwrap().end().unwrap());
        }
        assert!(self.world.run_until_quiescent(Duration::from_secs(200)));
        self.world.finish();
    }
}
