//! SRTP between two agents in the simulator: what their settings come to, and that keys are given and media is heard.

mod changes;

use std::time::Duration;

use sipsimple_audio::measure;
use sipsimple_core::agent::{AccountSpec, Config, EventKind, Intent, Outcome};
use sipsimple_core::id::{AccountId, SessionId, StreamId};
use sipsimple_core::media::{Keys, Parameters};
use sipsimple_core::rtp::srtp::Suite;
use sipsimple_core::session::SessionEvent;
use sipsimple_core::settings::kind::SrtpEncryption::{self, Disabled, Mandatory, Optional};
use sipsimple_core::stream::{AudioSpec, StreamEvent, StreamSpec};
use sipsimple_core::transport::{Route, Transport};
use sipsimple_testsuite::application::{Answering, Idle};
use sipsimple_testsuite::host::Place;
use sipsimple_testsuite::link::Faults;
use sipsimple_testsuite::media::{LEVEL, Mode};
use sipsimple_testsuite::property;
use sipsimple_testsuite::world::World;

const ALICE: usize = 0;
const BOB: usize = 1;

/// How Alice and Bob encrypt, and whether they give out keys without TLS.
fn world(encryption: [SrtpEncryption; 2], without_tls: bool) -> World {
    let mut world = World::new(5, Faults::none());
    world.watch(property::all());
    for (number, (name, srtp_encryption)) in ["alice", "bob"].into_iter().zip(encryption).enumerate() {
        let application: Box<dyn sipsimple_testsuite::application::Application> =
            if number == ALICE { Box::new(Idle) } else { Box::new(Answering::after(Duration::from_secs(1))) };
        let media = Mode::Sound { hertz: [440.0, 1_000.0][number], keep: 8_000 * 30 };
        world.add_at(Place { media, ..Place::default() }, Config::default(), application);
        let uri = format!("sip:{name}@{}", world.host(number).addresses[0]);
        let spec = AccountSpec { srtp_encryption, use_srtp_without_tls: without_tls, ..AccountSpec::new(uri) };
        world.with(number, |agent, now| agent.intend(now, Intent::AddAccount(spec))).unwrap();
    }
    world.run_for(Duration::from_millis(1));
    world
}

fn connect(world: &mut World) -> SessionId {
    let route = Route::new(Transport::Udp, world.address(BOB));
    let to = format!("sip:bob@{}", route.address);
    let intent = Intent::Connect {
        account: AccountId::from_u64(0),
        to: to.as_str().into(),
        routes: vec![route],
        streams: vec![StreamSpec::Audio(AudioSpec::default())],
        late_offer: false,
    };
    match world.with(ALICE, |agent, now| agent.intend(now, intent)).unwrap() {
        Outcome::Session(session) => session,
        other => panic!("{other:?}"),
    }
}

/// What the streams of a host were started or went on with, one after the other.
fn parameters(world: &World, host: usize) -> Vec<(StreamId, Parameters)> {
    let events = world.host(host).events.iter().filter_map(|(_, event)| match &event.kind {
        EventKind::Stream { id: stream, event: StreamEvent::DidStart { rtp: Some(rtp), .. }, .. } => {
            Some((*stream, rtp.parameters.clone()))
        }
        EventKind::Stream { id: stream, event: StreamEvent::DidChangeParameters { parameters }, .. } => {
            Some((*stream, parameters.clone()))
        }
        _ => None,
    });
    events.collect()
}

fn keys(world: &World, host: usize) -> Vec<Keys> {
    parameters(world, host).into_iter().filter_map(|(_, parameters)| parameters.srtp).map(|keys| *keys).collect()
}

fn failure(world: &World, host: usize) -> Option<u16> {
    world.host(host).events.iter().find_map(|(_, event)| match &event.kind {
        EventKind::Session { event: SessionEvent::DidFail { code, .. }, .. } => Some(*code),
        _ => None,
    })
}

/// Both heard each other.
fn assert_heard(world: &World) {
    for (host, hertz) in [(ALICE, 440.0), (BOB, 1_000.0)] {
        let (stream, _) = parameters(world, host)[0];
        let heard = world.host(host).media.heard(stream).expect("it has ended");
        let tone = measure::tone(&heard[8_000..24_000], 8_000, [1_000.0, 440.0][host]);
        assert!((tone.level - LEVEL).abs() < 0.5 && tone.ratio > 30.0, "{host} {hertz}: {tone:?}");
    }
}

#[test]
fn the_settings_of_both_sides_decide() {
    for (encryption, expected) in [
        ([Disabled, Disabled], Ok(false)),
        ([Disabled, Optional], Ok(false)),
        ([Disabled, Mandatory], Err(488)),
        ([Optional, Disabled], Ok(false)),
        ([Optional, Optional], Ok(true)),
        ([Optional, Mandatory], Ok(true)),
        ([Mandatory, Disabled], Err(488)),
        ([Mandatory, Optional], Ok(true)),
        ([Mandatory, Mandatory], Ok(true)),
    ] {
        let mut world = world(encryption, true);
        let session = connect(&mut world);
        world.run_for(Duration::from_secs(7));
        match expected {
            Ok(encrypted) => {
                let (ours, theirs) = (keys(&world, ALICE), keys(&world, BOB));
                assert_eq!(
                    (ours.len(), theirs.len()),
                    (usize::from(encrypted), usize::from(encrypted)),
                    "{encryption:?}"
                );
                for (ours, theirs) in ours.iter().zip(&theirs) {
                    assert_eq!((&ours.send, &ours.receive), (&theirs.receive, &theirs.send));
                    assert_eq!(ours.send.suite(), Suite::AesCm128HmacSha1_80);
                }
                world.with(ALICE, |agent, now| agent.session(now, session).unwrap().end()).unwrap();
            }
            Err(code) => assert_eq!(failure(&world, ALICE), Some(code), "{encryption:?}"),
        }
        assert!(world.run_until_quiescent(Duration::from_secs(120)));
        if expected.is_ok() {
            assert_heard(&world);
        }
    }
}

#[test]
fn without_tls_keys_are_not_given_out() {
    let mut optional = world([Optional, Optional], false);
    let session = connect(&mut optional);
    optional.run_for(Duration::from_secs(7));
    assert_eq!((parameters(&optional, ALICE).len(), keys(&optional, ALICE).len()), (1, 0));
    optional.with(ALICE, |agent, now| agent.session(now, session).unwrap().end()).unwrap();
    assert!(optional.run_until_quiescent(Duration::from_secs(120)));
    assert_heard(&optional);
    let mut mandatory = world([Mandatory, Optional], false);
    connect(&mut mandatory);
    mandatory.run_for(Duration::from_secs(7));
    assert!(failure(&mandatory, ALICE).is_some());
    assert!(!mandatory.host(BOB).names().contains(&"SIPSessionNewIncoming"), "no INVITE is sent");
}

/// Hold and its end are offers of the same keys: the counters go on, and what is said afterwards is heard.
#[test]
fn offers_that_keep_the_keys_keep_what_is_heard() {
    let mut world = world([Mandatory, Mandatory], true);
    let session = connect(&mut world);
    world.run_for(Duration::from_secs(3));
    world.with(ALICE, |agent, now| agent.session(now, session).unwrap().hold()).unwrap();
    world.run_for(Duration::from_secs(1));
    world.with(ALICE, |agent, now| agent.session(now, session).unwrap().unhold()).unwrap();
    world.run_for(Duration::from_secs(4));
    for host in [ALICE, BOB] {
        let keys = keys(&world, host);
        assert_eq!(keys.len(), 3, "the call, its hold and the end of that");
        assert!(keys.iter().all(|one| *one == keys[0]));
    }
    world.with(ALICE, |agent, now| agent.session(now, session).unwrap().end()).unwrap();
    assert!(world.run_until_quiescent(Duration::from_secs(120)));
    for host in [ALICE, BOB] {
        let (stream, _) = parameters(&world, host)[0];
        let heard = world.host(host).media.heard(stream).expect("it has ended");
        let tone = measure::tone(&heard[heard.len() - 24_000..heard.len() - 8_000], 8_000, [1_000.0, 440.0][host]);
        assert!((tone.level - LEVEL).abs() < 0.5 && tone.ratio > 30.0, "{host}: {tone:?}");
    }
}
