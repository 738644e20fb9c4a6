//! What is told of an audio stream when its lines change in the middle of a call: AudioStreamDidChangeRTPParameters for what packets are, and
//! AudioPortDidChangeSlots for who is heard.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use sipsimple_audio::engine::AudioEvent;
use sipsimple_core::media::Parameters;
use sipsimple_core::negotiation::Codec;
use sipsimple_core::stream::{Command, Originator, StreamEvent};
use sipsimple_testsuite::call::{ALICE, BOB, Call, Party};
use sipsimple_testsuite::change::{Change, Changes, ChangingFactory};

const SECOND: Duration = Duration::from_secs(1);
const ELSEWHERE: u16 = 61_000;

/// A call, and what changes the line of this side.
fn call(host: usize) -> (Call, Changes) {
    let mut call = Call::between(Party::both());
    let changes = Changes::default();
    let factory = Arc::new(ChangingFactory(changes.clone()));
    call.world.with(host, |agent, _| agent.register_stream(factory));
    call.connect();
    call.world.run_for(SECOND * 3);
    (call, changes)
}

fn changed(call: &Call, host: usize) -> Vec<Parameters> {
    call.news(host, |_, event| match event {
        StreamEvent::DidChangeParameters { parameters } => Some(parameters.clone()),
        _ => None,
    })
}

/// What the port of a side's stream told of its slots: whether it consumes, and whether it produces, before and after.
fn slots(call: &Call, host: usize) -> Vec<[[bool; 2]; 2]> {
    let media = &call.world.host(host).media;
    let engine = media.engine().expect("there is sound");
    let leg = engine.leg(call.stream(host)).expect("it has not ended").port();
    let slot = engine.slot(leg);
    let told = media.audio_events().iter().filter_map(|event| match event {
        AudioEvent::AudioPortDidChangeSlots {
            port,
            consumer_slot_changed,
            producer_slot_changed,
            old_consumer_slot,
            new_consumer_slot,
            old_producer_slot,
            new_producer_slot,
        } if *port == leg => {
            for slots in [old_consumer_slot, new_consumer_slot, old_producer_slot, new_producer_slot] {
                assert!(slots.is_none() || *slots == slot, "its slot stays the same");
            }
            assert_eq!(*consumer_slot_changed, old_consumer_slot != new_consumer_slot);
            assert_eq!(*producer_slot_changed, old_producer_slot != new_producer_slot);
            Some([
                [old_consumer_slot.is_some(), old_producer_slot.is_some()],
                [new_consumer_slot.is_some(), new_producer_slot.is_some()],
            ])
        }
        _ => None,
    });
    told.collect()
}

#[test]
fn another_codec_and_another_port_are_told_and_the_slots_stay() {
    let pcma = || Some(vec![Codec::new("PCMA", 8000)]);
    for (codecs, port) in [(pcma(), None), (None, Some(ELSEWHERE)), (pcma(), Some(ELSEWHERE))] {
        for host in [ALICE, BOB] {
            let what = format!("{codecs:?} {port:?} of {host}");
            let (mut call, changes) = call(host);
            let begun = [[[false, false], [true, true]]];
            let stream = call.stream(host);
            if let Some(port) = port {
                call.world.host_mut(host).media.move_to(stream, [port, port + 1]);
            }
            changes.set(Change { offer: true, codecs: codecs.clone(), port, ..Change::default() });
            let wake = Command::Custom { name: "wake".into(), data: Bytes::new() };
            call.with(host, |mut session| session.command(stream, wake)).unwrap();
            call.world.run_for(SECOND * 2);
            for side in [ALICE, BOB] {
                let changed = changed(&call, side);
                // That a side's own port is another one is nothing that was agreed on with it.
                let expected = usize::from(codecs.is_some() || side != host);
                assert_eq!(changed.len(), expected, "{what}: {side}");
                for parameters in changed {
                    let codec = if codecs.is_some() { "PCMA" } else { "PCMU" };
                    assert_eq!(parameters.formats[0].encoding.as_str(), codec, "{what}: {side}");
                    if let Some(port) = port.filter(|_| side != host) {
                        assert_eq!(parameters.remote_rtp.unwrap().port(), port, "{what}: {side}");
                    }
                }
                assert_eq!(slots(&call, side), begun, "{what}: {side}");
            }
            call.hang_up();
            call.world.finish();
            call.assert_heard(0.5..1.5);
        }
    }
}

#[test]
fn a_hold_changes_who_is_heard_and_no_parameters() {
    for host in [ALICE, BOB] {
        let (mut call, _) = call(host);
        call.hold(host, SECOND);
        for side in [ALICE, BOB] {
            assert_eq!(changed(&call, side), [], "{host}: {side}");
            let holds = call.news(side, |_, event| match event {
                StreamEvent::DidChangeHoldState { originator, on_hold } => Some((*originator, *on_hold)),
                _ => None,
            });
            let originator = if side == host { Originator::Local } else { Originator::Remote };
            assert_eq!(holds, [(originator, true), (originator, false)], "{host}: {side}");
            // Who holds hears nothing and says nothing, and hears again when that is agreed on; the other goes on listening.
            let (none, both, hears, speaks) = ([false, false], [true, true], [false, true], [true, false]);
            let expected = if side == host {
                vec![[none, both], [both, none], [none, speaks], [speaks, both]]
            } else {
                vec![[none, both], [both, hears], [hears, both]]
            };
            assert_eq!(slots(&call, side), expected, "{host}: {side}");
        }
        call.hang_up();
        call.world.finish();
        call.assert_heard(0.2..0.8);
    }
}
