//! Comfort noise (RFC 3389) between two agents in the simulator: what their settings come to, and that a silent side is there.

use std::time::Duration;

use sipsimple_audio::measure;
use sipsimple_core::media::{ComfortNoise, Parameters, Statistics};
use sipsimple_core::stream::StreamEvent;
use sipsimple_testsuite::call::{ALICE, BOB, Call, Party};
use sipsimple_testsuite::media::LEVEL;

/// Alice calls Bob for 20 s. Nobody speaks on Alice's side, and a tone sounds on Bob's.
fn talk(suppress: [bool; 2], codecs: &[&'static str]) -> Call {
    let mut parties = Party::both();
    parties[ALICE].hertz = 0.0;
    for (party, silence_suppression) in parties.iter_mut().zip(suppress) {
        let rtp = &mut party.config.rtp;
        (rtp.silence_suppression, rtp.timeout) = (silence_suppression, Some(Duration::from_secs(7)));
        rtp.audio_codecs = codecs.iter().map(|name| (*name).into()).collect();
    }
    let mut call = Call::between(parties);
    call.connect();
    call.world.run_for(Duration::from_secs(21));
    call
}

/// What the stream of a host was last told to go on with.
fn parameters(call: &Call, host: usize) -> Parameters {
    call.parameters(host).pop().expect("the stream has started")
}

fn statistics(call: &Call, host: usize) -> Statistics {
    let all = call.news(host, |_, event| match event {
        StreamEvent::Statistics(statistics) => Some((**statistics).clone()),
        _ => None,
    });
    all.last().expect("statistics are told every few seconds").clone()
}

#[test]
fn who_suppresses_silence_offers_noise_and_sends_little() {
    let mut call = talk([true, false], &["G722", "PCMU"]);
    let noise = Some(ComfortNoise { send_payload: 13, receive_payload: 13, clock_rate: 8_000 });
    for host in [ALICE, BOB] {
        let parameters = parameters(&call, host);
        assert_eq!((parameters.comfort_noise, parameters.suppress_silence), (noise, host == ALICE));
    }
    call.hang_up();
    let [alice, bob] = [ALICE, BOB].map(|host| statistics(&call, host));
    assert!((10..40).contains(&bob.rx.packets) && alice.tx.packets < 41, "{alice:?} {bob:?}");
    assert_eq!((bob.rx.lost, bob.rx.discarded), (0, 0), "the silence is none of Bob's losses");
    assert!(alice.rx.packets > 700, "a tone is no silence, and Bob does not suppress it: {alice:?}");
    for host in [ALICE, BOB] {
        let silent = call.news(host, |_, event| matches!(event, StreamEvent::GotNoAudio { .. }).then_some(()));
        assert_eq!(silent, [], "host {host} thinks that nobody is there");
    }
    let tone = call.tone(ALICE, 11.0..19.0);
    assert!((tone.level - LEVEL).abs() < 0.5 && tone.ratio > 30.0, "{tone:?}");
    let heard = call.heard(BOB);
    assert!(measure::level(&heard[8_000..]) < -80.0, "{}", measure::level(heard));
}

#[test]
fn who_suppresses_nothing_offers_no_noise_and_sends_everything() {
    let mut call = talk([false, true], &["PCMA"]);
    for host in [ALICE, BOB] {
        assert_eq!(parameters(&call, host).comfort_noise, None);
    }
    call.hang_up();
    assert!(statistics(&call, BOB).rx.packets > 700);
}

#[test]
fn opus_has_no_use_for_it() {
    let mut call = talk([true, true], &["opus"]);
    assert_eq!(parameters(&call, BOB).comfort_noise, None);
    call.hang_up();
}

#[test]
fn a_hold_keeps_what_was_agreed_on() {
    let mut call = talk([true, false], &["PCMU"]);
    // Bob never offers noise by himself, but he goes on with what there is.
    call.hold(BOB, Duration::from_secs(3));
    for host in [ALICE, BOB] {
        assert!(parameters(&call, host).comfort_noise.is_some(), "host {host}");
    }
    call.hang_up();
}
