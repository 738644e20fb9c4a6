//! Comfort noise (RFC 3389) between two agents in the simulator: what their settings come to, and that a silent side is there.

use std::time::Duration;

use sipsimple_audio::measure;
use sipsimple_core::agent::{AccountSpec, Config, EventKind, Intent, Outcome};
use sipsimple_core::id::{AccountId, SessionId, StreamId};
use sipsimple_core::media::{ComfortNoise, Parameters, Statistics};
use sipsimple_core::stream::{AudioSpec, StreamEvent, StreamSpec};
use sipsimple_core::transport::{Route, Transport};
use sipsimple_testsuite::application::{Answering, Application, Idle};
use sipsimple_testsuite::host::Place;
use sipsimple_testsuite::link::Faults;
use sipsimple_testsuite::media::{LEVEL, Mode};
use sipsimple_testsuite::world::World;

const ALICE: usize = 0;
const BOB: usize = 1;

/// Alice calls Bob for 20 s. Nobody speaks on Alice's side, and a tone sounds on Bob's.
fn call(suppress: [bool; 2], codecs: &[&'static str]) -> (World, SessionId) {
    let mut world = World::new(5, Faults::none());
    for (number, name) in ["alice", "bob"].into_iter().enumerate() {
        let application: Box<dyn Application> =
            if number == ALICE { Box::new(Idle) } else { Box::new(Answering::after(Duration::from_secs(1))) };
        let media = Mode::Sound { hertz: [0.0, 1_000.0][number], keep: 8_000 * 10 };
        let mut config = Config::default();
        config.rtp.silence_suppression = suppress[number];
        config.rtp.timeout = Some(Duration::from_secs(7));
        config.rtp.audio_codecs = codecs.iter().map(|name| (*name).into()).collect();
        world.add_at(Place { media, ..Place::default() }, config, application);
        let uri = format!("sip:{name}@{}", world.host(number).addresses[0]);
        let spec = AccountSpec::new(uri);
        world.with(number, |agent, now| agent.intend(now, Intent::AddAccount(spec))).unwrap();
    }
    world.run_for(Duration::from_millis(1));
    let route = Route::new(Transport::Udp, world.address(BOB));
    let to = format!("sip:bob@{}", route.address);
    let intent = Intent::Connect {
        account: AccountId::from_u64(0),
        to: to.as_str().into(),
        routes: vec![route],
        streams: vec![StreamSpec::Audio(AudioSpec::default())],
        late_offer: false,
    };
    let session = match world.with(ALICE, |agent, now| agent.intend(now, intent)).unwrap() {
        Outcome::Session(session) => session,
        other => panic!("{other:?}"),
    };
    world.run_for(Duration::from_secs(21));
    (world, session)
}

fn end(world: &mut World, session: SessionId) {
    world.with(ALICE, |agent, now| agent.session(now, session).unwrap().end()).unwrap();
    assert!(world.run_until_quiescent(Duration::from_secs(120)));
}

fn news<T>(world: &World, host: usize, look: impl Fn(StreamId, &StreamEvent) -> Option<T>) -> Vec<T> {
    let events = world.host(host).events.iter().filter_map(|(_, event)| match &event.kind {
        EventKind::Stream { id, event, .. } => look(*id, event),
        _ => None,
    });
    events.collect()
}

/// What the stream of a host was last told to go on with.
fn parameters(world: &World, host: usize) -> (StreamId, Parameters) {
    let all = news(world, host, |stream, event| match event {
        StreamEvent::DidStart { rtp: Some(rtp) } => Some((stream, rtp.parameters.clone())),
        StreamEvent::DidChangeParameters { parameters } => Some((stream, parameters.clone())),
        _ => None,
    });
    all.last().expect("the stream has started").clone()
}

fn statistics(world: &World, host: usize) -> Statistics {
    let all = news(world, host, |_, event| match event {
        StreamEvent::Statistics(statistics) => Some((**statistics).clone()),
        _ => None,
    });
    all.last().expect("statistics are told every few seconds").clone()
}

#[test]
fn who_suppresses_silence_offers_noise_and_sends_little() {
    let (mut world, session) = call([true, false], &["G722", "PCMU"]);
    let noise = Some(ComfortNoise { send_payload: 13, receive_payload: 13, clock_rate: 8_000 });
    for host in [ALICE, BOB] {
        let (_, parameters) = parameters(&world, host);
        assert_eq!((parameters.comfort_noise, parameters.suppress_silence), (noise, host == ALICE));
    }
    end(&mut world, session);
    let [alice, bob] = [ALICE, BOB].map(|host| statistics(&world, host));
    assert!((10..40).contains(&bob.rx.packets) && alice.tx.packets < 41, "{alice:?} {bob:?}");
    assert_eq!((bob.rx.lost, bob.rx.discarded), (0, 0), "the silence is none of Bob's losses");
    assert!(alice.rx.packets > 700, "a tone is no silence, and Bob does not suppress it: {alice:?}");
    for host in [ALICE, BOB] {
        let silent = news(&world, host, |_, event| matches!(event, StreamEvent::GotNoAudio { .. }).then_some(()));
        assert_eq!(silent, [], "host {host} thinks that nobody is there");
    }
    let (stream, _) = parameters(&world, ALICE);
    let heard = world.host(ALICE).media.heard(stream).unwrap();
    let tone = measure::tone(&heard[8_000..72_000], 8_000, 1_000.0);
    assert!((tone.level - LEVEL).abs() < 0.5 && tone.ratio > 30.0, "{tone:?}");
    let (stream, _) = parameters(&world, BOB);
    let heard = world.host(BOB).media.heard(stream).unwrap();
    assert!(measure::level(&heard[8_000..]) < -80.0, "{}", measure::level(heard));
}

#[test]
fn who_suppresses_nothing_offers_no_noise_and_sends_everything() {
    let (mut world, session) = call([false, true], &["PCMA"]);
    for host in [ALICE, BOB] {
        assert_eq!(parameters(&world, host).1.comfort_noise, None);
    }
    end(&mut world, session);
    assert!(statistics(&world, BOB).rx.packets > 700);
}

#[test]
fn opus_has_no_use_for_it() {
    let (mut world, session) = call([true, true], &["opus"]);
    assert_eq!(parameters(&world, BOB).1.comfort_noise, None);
    end(&mut world, session);
}

#[test]
fn a_hold_keeps_what_was_agreed_on() {
    let (mut world, session) = call([true, false], &["PCMU"]);
    // Bob never offers noise by himself, but he goes on with what there is.
    let there = SessionId::from_u64(0);
    world.with(BOB, |agent, now| agent.session(now, there).unwrap().hold()).unwrap();
    world.run_for(Duration::from_secs(3));
    world.with(BOB, |agent, now| agent.session(now, there).unwrap().unhold()).unwrap();
    world.run_for(Duration::from_secs(3));
    for host in [ALICE, BOB] {
        assert!(parameters(&world, host).1.comfort_noise.is_some(), "host {host}");
    }
    end(&mut world, session);
}
