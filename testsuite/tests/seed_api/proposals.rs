//! Hold, and streams that come and go.

use std::sync::Arc;

use sipsimple_core::agent::{AccountSpec, Agent};
use sipsimple_core::id::StreamId;
use sipsimple_core::session::{Originator, SessionEvent, SessionState, StreamAction};
use sipsimple_core::stream::{AudioSpec, AudioStream, MediaStream, StreamSpec};
use sipsimple_testsuite::text::{self, TextFactory};

use super::sessions::{ALICE, BOB, Call};
use super::table::Table;

pub(crate) fn scenarios(table: &mut Table) {
    hold(table);
    accepted(table);
    rejected(table);
    cancelled(table);
    failed(table);
    audio(table);
}

fn audio_spec() -> StreamSpec {
    StreamSpec::Audio(AudioSpec::default())
}

/// A call with these streams, between two who know text.
fn established(streams: &[StreamSpec]) -> Call {
    let knows_text = |_, agent: &mut Agent| agent.register_stream(Arc::new(TextFactory));
    Call::with_streams(&AccountSpec::default(), streams, knows_text).accepted()
}

fn hold(table: &mut Table) {
    let mut call = established(&[audio_spec()]);
    call.with(ALICE, |mut session| session.hold()).unwrap();
    for seed in ["000 Session.", "002 Session."] {
        table.does(&format!("{seed}hold"), call.told(BOB, "SIPSessionDidChangeHoldState"));
        let on_hold = [ALICE, BOB].map(|host| call.with(host, |session| session.on_hold()));
        table.is(&format!("{seed}on_hold"), on_hold, [true, true]);
    }
    let by_local = [ALICE, BOB].map(|host| call.with(host, |session| session.on_hold_by_local()));
    table.is("000 Session.on_hold_by_local", by_local, [true, false]);
    let by_remote = [ALICE, BOB].map(|host| call.with(host, |session| session.on_hold_by_remote()));
    table.is("000 Session.on_hold_by_remote", by_remote, [false, true]);
    call.with(ALICE, |mut session| session.unhold()).unwrap();
    for seed in ["000 Session.", "002 Session."] {
        let on_hold = [ALICE, BOB].map(|host| call.with(host, |session| session.on_hold()));
        table.is(&format!("{seed}unhold"), on_hold, [false, false]);
    }
    for (host, side) in [(ALICE, Originator::Local), (BOB, Originator::Remote)] {
        let holds = call.news(host).filter_map(|(_, news)| match news {
            SessionEvent::DidChangeHoldState { originator, on_hold, partial } => {
                Some((*originator, *on_hold, *partial))
            }
            _ => None,
        });
        assert_eq!(holds.collect::<Vec<_>>(), [(side, true, false), (side, false, false)]);
    }
    call.with(ALICE, |mut session| session.end()).unwrap();
    call.over(table);
}

/// Bob is asked for one more stream, takes it, and Alice takes it back.
fn accepted(table: &mut Table) {
    let mut call = established(&[audio_spec()]);
    let added = call.with(ALICE, |mut session| session.add_streams(&[text::spec()])).unwrap();
    table.is("002 Session.add_stream", call.state(BOB), SessionState::ReceivedProposal);
    let proposed = [ALICE, BOB].map(|host| call.with(host, |session| session.proposed_streams()));
    table.is("002 Session.proposed_streams", proposed[0].as_deref(), Some(&*added));
    let at_bob = proposed[1].clone().unwrap();
    call.with(BOB, |mut session| session.accept_proposal(&at_bob)).unwrap();
    for seed in ["000 Session.", "002 Session."] {
        let streams = [ALICE, BOB].map(|host| call.with(host, |session| session.streams().len()));
        table.is(&format!("{seed}accept_proposal"), streams, [2, 2]);
    }
    call.with(ALICE, |mut session| session.remove_streams(&added)).unwrap();
    table.is("002 Session.remove_stream", call.with(BOB, |session| session.streams().len()), 1);
    let renegotiated: Vec<(StreamAction, Vec<StreamId>)> = call
        .news(ALICE)
        .filter_map(|(_, news)| match news {
            SessionEvent::DidRenegotiateStreams { action, streams, .. } => Some((*action, streams.clone())),
            _ => None,
        })
        .collect();
    assert_eq!(renegotiated, [(StreamAction::Add, added.clone()), (StreamAction::Remove, added)]);
    call.with(ALICE, |mut session| session.end()).unwrap();
    call.over(table);
}

fn rejection(call: &Call, host: usize) -> Option<(Originator, u16)> {
    call.news(host).find_map(|(_, news)| match news {
        SessionEvent::GotRejectProposal { originator, code, .. } => Some((*originator, *code)),
        _ => None,
    })
}

fn rejected(table: &mut Table) {
    let mut call = established(&[audio_spec()]);
    call.with(ALICE, |mut session| session.add_streams(&[text::spec()])).unwrap();
    call.with(BOB, |mut session| session.reject_proposal(488, Some("No text"))).unwrap();
    let told = rejection(&call, ALICE);
    table.is("002 Session.reject_proposal", told, Some((Originator::Local, 488)));
    table.is("000 Session.reject_proposal", told, Some((Originator::Local, 488)));
    call.with(ALICE, |mut session| session.end()).unwrap();
    call.over(table);
}

fn cancelled(table: &mut Table) {
    let mut call = established(&[audio_spec()]);
    call.with(ALICE, |mut session| session.add_streams(&[text::spec()])).unwrap();
    call.with(ALICE, |mut session| session.cancel_proposal()).unwrap();
    table.is("002 Session.cancel_proposal", rejection(&call, BOB), Some((Originator::Remote, 487)));
    call.with(ALICE, |mut session| session.end()).unwrap();
    call.over(table);
}

/// What is proposed when a session ends comes to nothing.
fn failed(table: &mut Table) {
    let mut call = established(&[audio_spec()]);
    call.with(ALICE, |mut session| session.add_streams(&[text::spec()])).unwrap();
    call.with(ALICE, |mut session| session.end()).unwrap();
    assert!(call.told(BOB, "SIPSessionHadProposalFailure"));
    call.over(table);
}

/// Audio is added to a call without it, and removed.
fn audio(table: &mut Table) {
    let mut call = established(&[text::spec()]);
    let is_audio = |stream: Option<&dyn MediaStream>| {
        let stream: Option<&dyn std::any::Any> = stream.map(|stream| stream as _);
        stream.and_then(|stream| stream.downcast_ref::<AudioStream>()).is_some_and(|audio| audio.local_rtp().is_some())
    };
    let added = call.with(ALICE, |mut session| session.add_streams(&[audio_spec()])).unwrap();
    let proposed = call.with(BOB, |session| session.proposed_streams()).unwrap();
    call.with(BOB, |mut session| session.accept_proposal(&proposed)).unwrap();
    let transport = call.with(BOB, |session| is_audio(session.stream(proposed[0])));
    table.is("000 Session.audio_transport", transport, true);
    table.is("000 Session.add_audio", call.with(ALICE, |session| is_audio(session.stream(added[0]))), true);
    call.with(ALICE, |mut session| session.remove_streams(&added)).unwrap();
    table.is("000 Session.remove_audio", call.with(BOB, |session| session.stream(proposed[0]).is_some()), false);
    call.with(ALICE, |mut session| session.end()).unwrap();
    call.over(table);
}
