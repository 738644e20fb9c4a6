//! The audio of a call: what was agreed on, where it comes from, and what goes wrong with it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use sipsimple_core::agent::{AccountSpec, Config, EventKind, Input};
use sipsimple_core::id::{AccountId, SessionId, StreamId};
use sipsimple_core::negotiation::Codec;
use sipsimple_core::outbox::Outbox;
use sipsimple_core::random::{Random, Seed};
use sipsimple_core::session::{SessionEvent, SessionState};
use sipsimple_core::sip::{NameAddr, Text};
use sipsimple_core::stream::{
    self, AudioSpec, AudioStream, Context, MediaStream, Rtp, SessionInfo, StreamEvent, StreamSpec,
};
use sipsimple_core::time::{Instant, Utc};
use sipsimple_core::transport::CloseCause;
use sipsimple_core::{ice, media};
use sipsimple_testsuite::change::{Change, Changes, ChangingFactory};

use super::sessions::{ALICE, BOB, Call};
use super::table::Table;

fn news<T>(call: &Call, host: usize, look: impl Fn(&StreamEvent) -> Option<T>) -> Option<T> {
    call.world.host(host).events.iter().find_map(|(_, event)| match &event.kind {
        EventKind::Stream { event, .. } => look(event),
        _ => None,
    })
}

/// What was agreed on, and the local address.
fn start(call: &Call, host: usize) -> (media::Parameters, SocketAddr) {
    let start = news(call, host, |event| match event {
        StreamEvent::DidStart { rtp: Some(Rtp { parameters, local }) } => Some((parameters.clone(), *local)),
        _ => None,
    });
    start.expect("the stream has not started")
}

fn accepted(table: &mut Table) -> (Call, StreamId) {
    accept(table, Call::new())
}

fn accept(table: &mut Table, mut call: Call) -> (Call, StreamId) {
    let streams = call.with(BOB, |session| session.streams());
    call.with(BOB, |mut session| session.accept(&streams)).unwrap();
    table.is("000 Session.accept", call.state(ALICE), SessionState::Connected);
    let stream = call.with(ALICE, |session| session.streams()[0]);
    (call, stream)
}

pub(crate) fn scenarios(table: &mut Table) {
    agreement(table);
    silence(table);
    failure(table);
    change(table);
    connectivity(table);
}

/// Another codec, in the middle of a call.
fn change(table: &mut Table) {
    let changes = Changes::default();
    let call =
        Call::with_streams(&AccountSpec::default(), &[StreamSpec::Audio(AudioSpec::default())], |number, agent| {
            if number == ALICE {
                agent.register_stream(Arc::new(ChangingFactory(changes.clone())));
            }
        });
    let (mut call, stream) = accept(table, call);
    let before = start(&call, BOB).0.formats;
    changes.set(Change { offer: true, codecs: Some(vec![Codec::new("PCMA", 8_000)]), ..Change::default() });
    let wake = stream::Command::Custom { name: "wake".into(), data: Bytes::new() };
    call.with(ALICE, |mut session| session.command(stream, wake)).unwrap();
    for host in [ALICE, BOB] {
        let now = news(&call, host, |event| match event {
            StreamEvent::DidChangeParameters { parameters } => Some(parameters.formats.clone()),
            _ => None,
        });
        let encoding = |formats: &[media::Format]| formats[0].encoding.to_string();
        assert_ne!(encoding(&before), "PCMA");
        assert_eq!(now.map(|formats| encoding(&formats)).as_deref(), Some("PCMA"));
    }
    call.with(ALICE, |mut session| session.end()).unwrap();
    call.over(table);
}

/// The path is sought by ICE, and found; and then it is lost.
fn connectivity(table: &mut Table) {
    let (mut call, stream) = accept(table, Call::between(&AccountSpec { use_ice: true, ..AccountSpec::default() }));
    let outcome = news(&call, ALICE, |event| match event {
        StreamEvent::IceNegotiationDidSucceed { outcome } => Some(outcome.clone()),
        _ => None,
    });
    let outcome = outcome.expect("ICE has succeeded");
    let (_, local) = start(&call, ALICE);
    assert_eq!(outcome.selected[0].local.address, local);
    assert_eq!(outcome.selected[0].remote.address, start(&call, BOB).1);
    assert!(outcome.checks.iter().any(|check| check.nominated));
    let config = Config::default();
    let identity = NameAddr::parse(&Text::from_static("<sip:alice@example.com>")).unwrap();
    let session = SessionInfo::new(SessionId::from_u64(0), AccountId::from_u64(0), identity.clone(), identity);
    let mut audio = AudioStream::new(&AudioSpec::default(), &config, &session).unwrap();
    let mut random = Random::new(&Seed::from_u64(1));
    let (now, utc) = (Instant::ZERO, Utc::default());
    let mut cx = Context {
        now,
        utc,
        random: &mut random,
        config: &config,
        msrp: &mut sipsimple_core::msrp::Endpoint::new(),
        session: &session,
        stream,
    };
    table.is("002 AudioStream.ice_active", audio.ice_active(), false);
    for (event, active) in
        [(ice::Event::Succeeded(outcome), true), (ice::Event::Failed(ice::Failure::ConsentLost), false)]
    {
        let event = media::Event::Ice(Box::new(event));
        audio.input(&mut cx, stream::Input::Media(event.clone()), &mut Outbox::new());
        table.is("002 AudioStream.ice_active", audio.ice_active(), active);
        let host = active.then_some(ice::Kind::Host);
        table.is("002 AudioStream.local_rtp_candidate_type", audio.local_rtp_candidate_type(), host);
        table.is("002 AudioStream.remote_rtp_candidate_type", audio.remote_rtp_candidate_type(), host);
        call.world.tell(ALICE, Input::Media { stream, event });
    }
    call.world.run_for(Duration::from_millis(1));
    let reason = news(&call, ALICE, |event| match event {
        StreamEvent::IceNegotiationDidFail { reason } => Some(reason.clone()),
        _ => None,
    });
    assert_eq!(reason.as_deref(), Some("the peer no longer consents to receive"));
    // That is the end of the session, too: it has no other stream.
    call.world.run_for(Duration::from_secs(1));
    call.over(table);
}

fn agreement(table: &mut Table) {
    let (mut call, _) = accepted(table);
    let (ours, local) = start(&call, ALICE);
    let (theirs, remote) = start(&call, BOB);
    let [address, remote_address] = [ALICE, BOB].map(|host| call.world.host(host).addresses[0]);
    for seed in ["002 AudioStream.", "000 Session.audio_"] {
        let row = |name: &str| format!("{seed}{name}");
        table.is(&row("codec"), &ours.formats[0].encoding, &theirs.formats[0].encoding);
        table.is(&row("local_rtp_address"), local.ip(), address);
        table.is(&row("local_rtp_port"), Some(local.port()), theirs.remote_rtp.map(|rtp| rtp.port()));
        table.is(&row("remote_rtp_address_sdp"), ours.remote_rtp.map(|rtp| rtp.ip()), Some(remote_address));
        table.is(&row("srtp_active"), ours.srtp.is_some(), true);
        table.is(&row("remote_rtp_port_sdp"), ours.remote_rtp.map(|rtp| rtp.port()), Some(remote.port()));
    }
    // The first packet tells where packets come from.
    let there = call.with(BOB, |session| session.streams()[0]);
    call.with(BOB, |mut session| session.send_dtmf(there, '1', Duration::from_millis(100))).unwrap();
    call.world.run_for(Duration::from_secs(1));
    let source = news(&call, ALICE, |event| match event {
        StreamEvent::Source { address } => Some(*address),
        _ => None,
    });
    for seed in ["002 AudioStream.", "000 Session.audio_"] {
        let row = |name: &str| format!("{seed}{name}");
        table.is(&row("remote_rtp_address_received"), source.map(|source| source.ip()), Some(remote_address));
        table.is(&row("remote_rtp_port_received"), source.map(|source| source.port()), Some(remote.port()));
    }
    call.with(ALICE, |mut session| session.end()).unwrap();
    call.over(table);
}

fn silence(table: &mut Table) {
    let (mut call, stream) = accepted(table);
    call.world.tell(ALICE, Input::Media { stream, event: media::Event::NoRtp { got_any: false } });
    call.world.run_for(Duration::from_millis(1));
    let got_any = news(&call, ALICE, |event| match event {
        StreamEvent::GotNoAudio { got_any } => Some(*got_any),
        _ => None,
    });
    table.is("000 Session.audio_was_received", got_any, Some(false));
    call.with(ALICE, |mut session| session.end()).unwrap();
    call.over(table);
}

fn failure(table: &mut Table) {
    let (mut call, stream) = accepted(table);
    let event = media::Event::Failed(CloseCause::AddressUnavailable);
    call.world.tell(ALICE, Input::Media { stream, event });
    call.world.run_for(Duration::from_secs(1));
    let ended = call
        .world
        .host(BOB)
        .events
        .iter()
        .any(|(_, event)| matches!(event.kind, EventKind::Session { event: SessionEvent::DidEnd { .. }, .. }));
    assert!(ended, "a session without streams ends");
    call.over(table);
}
