//! A media stream of an application's own, in sessions both ways: offered at once, added later, refused where it is unknown.

use std::sync::Arc;
use std::time::Duration;

use sipsimple_core::agent::{AccountSpec, Agent, Config, EventKind, Intent, SessionMut};
use sipsimple_core::id::SessionId;
use sipsimple_core::session::SessionState;
use sipsimple_core::stream::{AudioSpec, StreamEvent, StreamSpec};
use sipsimple_core::trace;
use sipsimple_testsuite::application::{Answering, Idle};
use sipsimple_testsuite::link::Faults;
use sipsimple_testsuite::property;
use sipsimple_testsuite::text::{self, TextFactory};
use sipsimple_testsuite::world::World;

const ALICE: usize = 0;
const BOB: usize = 1;

struct Call {
    world: World,
    sessions: [SessionId; 2],
    who_knows_text: Vec<usize>,
}

impl Call {
    /// Alice calls Bob, who accepts what he knows.
    fn new(streams: &[StreamSpec], who_knows_text: &[usize]) -> Self {
        let mut world = World::new(3, Faults::none());
        world.watch(property::all());
        let alice = world.add(Config::default(), Box::new(Idle));
        let bob = world.add(Config::default(), Box::new(Answering::after(Duration::ZERO)));
        for number in who_knows_text {
            world.with(*number, |agent, _| agent.register_stream(Arc::new(TextFactory)));
        }
        for (number, name) in [(alice, "alice"), (bob, "bob")] {
            let account = AccountSpec::new(format!("sip:{name}@{}", world.host(number).addresses[0]));
            world.with(number, |agent, now| agent.intend(now, Intent::AddAccount(account))).unwrap();
        }
        world.run_for(Duration::from_millis(1));
        let caller = world.call(ALICE, BOB, "bob", streams);
        world.run_for(Duration::from_secs(1));
        let callee = world.host(BOB).incoming_sessions().next();
        Self { world, sessions: [caller, callee.expect("no call came")], who_knows_text: who_knows_text.to_vec() }
    }

    fn with<T>(&mut self, host: usize, act: impl FnOnce(&mut SessionMut<'_>) -> T) -> T {
        let id = self.sessions[host];
        let result = self.world.with(host, |agent, now| act(&mut agent.session(now, id).expect("it is over")));
        self.world.run_for(Duration::from_secs(1));
        result
    }

    fn types(&mut self, host: usize, typed: &str) {
        self.with(host, |session| {
            let stream = text::of(session)[0];
            session.command(stream, text::typing(typed)).unwrap();
        });
    }

    fn heard(&mut self, host: usize) -> String {
        self.with(host, |session| {
            let stream = text::of(session)[0];
            text::heard(session.stream(stream).unwrap()).unwrap().to_owned()
        })
    }

    /// Everything ends, nothing is left open, and both traces replay.
    fn over(mut self) {
        self.with(ALICE, |session| session.end().unwrap());
        assert!(self.world.run_until_quiescent(Duration::from_secs(100)));
        self.world.finish();
        for (number, host) in self.world.hosts().iter().enumerate() {
            let knows = self.who_knows_text.contains(&number);
            let prepare = |agent: &mut Agent| {
                if knows {
                    agent.register_stream(Arc::new(TextFactory));
                }
            };
            trace::replay_with(host.trace.iter(), prepare).unwrap();
        }
    }
}

#[test]
fn text_is_typed_both_ways() {
    let mut call = Call::new(&[StreamSpec::Audio(AudioSpec::default()), text::spec()], &[ALICE, BOB]);
    for host in [ALICE, BOB] {
        assert_eq!(call.with(host, |session| (session.state(), session.streams().len())), (SessionState::Connected, 2));
    }
    call.types(ALICE, "héllo");
    call.types(BOB, "hi");
    assert_eq!((call.heard(ALICE), call.heard(BOB)), ("hi".to_owned(), "héllo".to_owned()));
    let told = call.world.host(BOB).events.iter().filter(|(_, event)| {
        matches!(&event.kind, EventKind::Stream { event: StreamEvent::Custom { name, .. }, .. } if *name == text::TYPED)
    });
    assert_eq!(told.count(), 5, "one for each character");
    call.over();
}

#[test]
fn text_is_added_and_removed_while_audio_goes_on() {
    let mut call = Call::new(&[StreamSpec::Audio(AudioSpec::default())], &[ALICE, BOB]);
    let added = call.with(ALICE, |session| session.add_streams(&[text::spec()]).unwrap());
    let proposed = call.with(BOB, |session| session.proposed_streams().unwrap());
    call.with(BOB, |session| session.accept_proposal(&proposed).unwrap());
    call.types(ALICE, "now");
    assert_eq!(call.heard(BOB), "now");
    call.with(ALICE, |session| session.remove_streams(&added).unwrap());
    for host in [ALICE, BOB] {
        assert_eq!(call.with(host, |session| (session.state(), session.streams().len())), (SessionState::Connected, 1));
    }
    call.over();
}

#[test]
fn who_does_not_know_text_refuses_its_line_and_takes_the_others() {
    let mut call = Call::new(&[text::spec(), StreamSpec::Audio(AudioSpec::default())], &[ALICE]);
    for host in [ALICE, BOB] {
        assert_eq!(call.with(host, |session| (session.state(), session.streams().len())), (SessionState::Connected, 1));
    }
    call.over();
}

#[test]
fn who_does_not_know_text_cannot_propose_it() {
    let mut call = Call::new(&[StreamSpec::Audio(AudioSpec::default())], &[ALICE]);
    let refused = call.with(BOB, |session| session.add_streams(&[text::spec()]).unwrap_err());
    assert_eq!(refused.to_string(), "stream 0 cannot be proposed: streams of type 'text' are not known");
    assert_eq!(call.with(BOB, |session| session.state()), SessionState::Connected);
    call.over();
}
