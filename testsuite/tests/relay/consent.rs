//! Consent that is lost in the middle of a call (RFC 7675): the way of media dies, while signalling lives.

use std::net::IpAddr;
use std::time::Duration;

use sipsimple_audio::measure;
use sipsimple_core::agent::{AccountSpec, EventKind, MsrpAccount};
use sipsimple_core::id::{SessionId, StreamId};
use sipsimple_core::session::{SessionEvent, SessionState};
use sipsimple_core::settings::kind::MsrpTransport;
use sipsimple_core::stream::{AudioSpec, ChatSpec, IceState, StreamEvent, StreamSpec};
use sipsimple_core::time::Instant;
use sipsimple_core::transport::Transport;
use sipsimple_testsuite::call::{Call, Party};
use sipsimple_testsuite::link::Faults;
use sipsimple_testsuite::media::LEVEL;
use sipsimple_testsuite::nat::Kind;
use sipsimple_testsuite::world::World;

use super::{ALICE, BOB, behind, news, outcome};

const SECOND: Duration = Duration::from_secs(1);
/// How long consent lasts.
const CONSENT: Duration = Duration::from_secs(30);
const LOST: &str = "the peer no longer consents to receive";

/// Alice and Bob, who talk SIP over TCP, so that what becomes of datagrams is the affair of media alone.
fn call(streams: &[StreamSpec]) -> World {
    let parties = Party::both().map(|party| {
        let msrp = MsrpAccount { transport: MsrpTransport::Tcp, ..MsrpAccount::default() };
        Party { account: AccountSpec { use_ice: true, msrp, ..party.account }, ..party }
    });
    let mut call = Call::between(parties);
    call.connect_by(Transport::Tcp, streams);
    call.world.run_for(SECOND * 5);
    for host in [ALICE, BOB] {
        assert!(outcome(&call.world, host).is_some(), "ICE has succeeded");
    }
    call.world
}

/// Nothing is carried between these two any more, or again.
fn cut(world: &mut World, ends: [IpAddr; 2], dead: bool) {
    for [from, to] in [ends, [ends[1], ends[0]]] {
        world.set_link(from, to, dead.then(Faults::silence));
    }
}

fn hosts(world: &World) -> [IpAddr; 2] {
    [ALICE, BOB].map(|host| world.host(host).addresses[0])
}

/// When the audio stream of a host failed, and why.
fn failure(world: &World, host: usize) -> Option<(Instant, String)> {
    world.host(host).events.iter().find_map(|(at, event)| match &event.kind {
        EventKind::Stream { event: StreamEvent::DidFail { reason }, .. } => Some((*at, reason.to_string())),
        _ => None,
    })
}

/// How the session of a host ended: by whom, and why.
fn end(world: &World, host: usize) -> Option<String> {
    world.host(host).events.iter().find_map(|(_, event)| match &event.kind {
        EventKind::Session { event: SessionEvent::DidEnd { originator, end_reason, .. }, .. } => {
            Some(format!("{originator:?} {end_reason}"))
        }
        _ => None,
    })
}

/// What both say of ICE, in its end.
fn assert_told(world: &World, host: usize) {
    let of_ice: Vec<StreamEvent> =
        news(world, host).into_iter().map(|(_, event)| event).filter(StreamEvent::is_of_start).collect();
    let expected = [
        StreamEvent::IceNegotiationStateDidChange { state: IceState::Failed },
        StreamEvent::IceNegotiationDidFail { reason: LOST.into() },
    ];
    assert!(of_ice.ends_with(&expected), "{of_ice:?}");
}

#[test]
fn a_session_of_nothing_else_ends_and_says_why() {
    let mut world = call(&[StreamSpec::Audio(AudioSpec::default())]);
    let (dead, ends) = (world.now(), hosts(&world));
    cut(&mut world, ends, true);
    world.run_for(SECOND * 40);
    // Whoever finds out first ends the session; the other may have found out itself.
    let failures = [ALICE, BOB].map(|host| failure(&world, host));
    let (at, reason) = failures.iter().flatten().min().expect("somebody found out");
    assert!(*at >= dead + (CONSENT - SECOND * 7) && *at <= dead + CONSENT, "{at} after {dead}");
    assert_eq!(reason, LOST);
    let first = usize::from(failures[ALICE].as_ref().is_none_or(|(one, _)| one != at));
    assert_told(&world, first);
    assert_eq!(end(&world, first).unwrap(), format!("Local media stream failed: {LOST}"));
    assert!(end(&world, 1 - first).unwrap().ends_with(&format!("media stream failed: {LOST}")));
    assert!(world.run_until_quiescent(SECOND * 120));
    world.finish();
}

#[test]
fn where_there_is_more_only_the_stream_goes() {
    let mut world = call(&[StreamSpec::Audio(AudioSpec::default()), StreamSpec::Chat(ChatSpec::default())]);
    let ends = hosts(&world);
    cut(&mut world, ends, true);
    world.run_for(SECOND * 45);
    let session = SessionId::from_u64(0);
    world.with(ALICE, |agent, now| {
        let session = agent.session(now, session).expect("it goes on");
        let kinds: Vec<_> =
            session.streams().into_iter().map(|stream| session.stream(stream).unwrap().kind()).collect();
        assert_eq!((session.state(), kinds), (SessionState::Connected, vec!["chat"]));
    });
    let removed = |host: usize| {
        let mut of_host = world.host(host).events.iter().filter_map(|(_, event)| match &event.kind {
            EventKind::Session { event: SessionEvent::DidRenegotiateStreams { action, streams, .. }, .. } => {
                Some((format!("{action:?}"), streams.clone()))
            }
            _ => None,
        });
        (of_host.next(), of_host.next())
    };
    for host in [ALICE, BOB] {
        let (stream, _): (StreamId, _) = news(&world, host)[0];
        assert_eq!(removed(host), (Some(("Remove".to_owned(), vec![stream])), None), "{host}");
    }
    assert!([ALICE, BOB].into_iter().any(|host| failure(&world, host).is_some_and(|(_, reason)| reason == LOST)));
    world.with(ALICE, |agent, now| agent.session(now, session).unwrap().end()).unwrap();
    assert!(world.run_until_quiescent(SECOND * 120));
    world.finish();
}

#[test]
fn a_way_that_comes_back_in_time_is_used_on() {
    for dead in [10, 20] {
        let mut world = call(&[StreamSpec::Audio(AudioSpec::default())]);
        let ends = hosts(&world);
        cut(&mut world, ends, true);
        world.run_for(SECOND * dead);
        cut(&mut world, ends, false);
        world.run_for(SECOND * 20);
        let session = SessionId::from_u64(0);
        world.with(ALICE, |agent, now| agent.session(now, session).expect("it goes on").end()).unwrap();
        assert!(world.run_until_quiescent(SECOND * 120));
        for host in [ALICE, BOB] {
            assert_eq!(failure(&world, host), None);
            let (stream, _) = news(&world, host)[0];
            let heard = world.host(host).media.heard(stream).expect("it has ended");
            let last = &heard[heard.len() - 40_000..heard.len() - 4_000];
            let tone = measure::tone(last, 8_000, [1_000.0, 440.0][host]);
            assert!((tone.level - LEVEL).abs() < 0.5 && tone.ratio > 30.0, "{host}: {tone:?}");
        }
    }
}

/// Between two NATs, one of which is cut off from the other, while both reach the proxy.
#[test]
fn between_nats_that_lose_each_other_the_call_ends_through_the_proxy() {
    let mut world = super::world([behind(Kind::open()), behind(Kind::port_restricted())]);
    let ends = ["198.51.100.1", "198.51.100.2"].map(|text| text.parse().unwrap());
    cut(&mut world, ends, true);
    world.run_for(SECOND * 45);
    let ended = [ALICE, BOB].map(|host| end(&world, host).expect("it is over"));
    assert!(ended.iter().all(|end| end.ends_with(LOST)), "{ended:?}");
    let (now, relay) = (world.now(), 0);
    assert_eq!(world.relay(relay).allocations(now), 0, "what was lent was given back");
}
