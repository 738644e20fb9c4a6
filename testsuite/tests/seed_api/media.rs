//! The audio of a call: what was agreed on, where it comes from, and what goes wrong with it.

use std::net::SocketAddr;
use std::time::Duration;

use sipsimple_core::agent::{EventKind, Input};
use sipsimple_core::id::StreamId;
use sipsimple_core::media;
use sipsimple_core::session::{SessionEvent, SessionState};
use sipsimple_core::stream::{Rtp, StreamEvent};
use sipsimple_core::transport::CloseCause;

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
    let mut call = Call::new();
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
