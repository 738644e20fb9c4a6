//! A peer that suppresses its silence (RFC 3389), and what the other side hears of it.

use std::time::Duration;

use crate::net::{Net, parameters, stream};
use sipsimple_audio::device::NullDevice;
use sipsimple_audio::measure;
use sipsimple_audio::port::{AudioPort, Roles};
use sipsimple_audio::rate::SampleRate;
use sipsimple_core::media::{ComfortNoise, Command, Component, Event, Parameters};

/// Levels are given in dBov here: a full-scale sine has -3.
const SINE: f64 = -3.01;

/// A microphone in a room: noise, and from time to time somebody hums a tone over it.
#[derive(Debug)]
struct Room {
    rate: SampleRate,
    /// The greatest sample of the noise.
    noise: f64,
    random: u32,
    ticks: u32,
    hum: fn(u32) -> bool,
}

impl Room {
    /// A room whose noise has this level in dBov; `hum` tells in which ticks there is the tone.
    fn new(rate: SampleRate, level: f64, hum: fn(u32) -> bool) -> Self {
        let noise = 32_768.0 * 10_f64.powf(level / 20.0) * 3_f64.sqrt();
        Self { rate, noise, random: 1, ticks: 0, hum }
    }
}

impl AudioPort for Room {
    fn roles(&self) -> Roles {
        Roles { producer: true, consumer: false }
    }

    fn produce(&mut self, frame: &mut [i16]) {
        let hums = (self.hum)(self.ticks);
        for (at, sample) in frame.iter_mut().enumerate() {
            self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = self.noise * f64::from(self.random.cast_signed()) / 2_147_483_648.0;
            let phase = at as f64 / f64::from(self.rate.hz()) * 500.0 * std::f64::consts::TAU;
            let tone = if hums { 6_000.0 * phase.sin() } else { 0.0 };
            *sample = (noise + tone).round() as i16;
        }
        self.ticks += 1;
    }
}

/// The rooms of the tests: seconds 2 and 3 of each 8 hold the tone.
fn sometimes(tick: u32) -> bool {
    (100..200).contains(&(tick % 400))
}

fn with_noise(suppress_silence: bool) -> Parameters {
    let comfort_noise = Some(ComfortNoise { send_payload: 13, receive_payload: 13, clock_rate: 8_000 });
    Parameters { comfort_noise, suppress_silence, timeout: Some(Duration::from_secs(5)), ..parameters() }
}

/// RTP packets that the first engine sent: the marker bit, payload type and payload.
fn packets(net: &Net) -> Vec<(bool, u8, Vec<u8>)> {
    let rtp = net.sent.iter().filter(|(from, _, _)| {
        let leg = crate::net::address((0, stream(1)), Component::Rtp);
        *from == leg
    });
    rtp.map(|(_, _, data)| (data[1] & 0x80 != 0, data[1] & 0x7f, data[12..].to_vec())).collect()
}

/// What the second engine's device heard in these ticks.
fn heard(net: &Net, ticks: std::ops::Range<usize>) -> &[i16] {
    let frame = net.engines[1].sample_rate().frame_len();
    &net.heard(1)[ticks.start * frame..ticks.end * frame]
}

fn call(rates: [SampleRate; 2], parameters: &Parameters, level: f64) -> Net {
    let [a, b] = rates;
    let mut net = Net::pair(a, b);
    net.engines[0].set_device(Room::new(a, level, sometimes)).unwrap();
    net.device(1, 1_000.0, -90.0);
    net.join((0, stream(1)), (1, stream(1)), parameters);
    net
}

#[test]
fn the_noise_of_a_silent_peer_is_heard_at_its_level() {
    for (rates, level) in [
        ([SampleRate::HZ_8000, SampleRate::HZ_8000], -50.0),
        ([SampleRate::HZ_16000, SampleRate::HZ_44100], -60.0),
        ([SampleRate::HZ_48000, SampleRate::HZ_16000], -45.0),
    ] {
        let mut net = call(rates, &with_noise(true), level);
        net.run(600);
        let sent = packets(&net);
        let noise = sent.iter().filter(|(_, payload_type, _)| *payload_type == 13).count();
        assert!(sent.len() < 400 && (3..30).contains(&noise), "{rates:?}: {} packets, {noise} of noise", sent.len());
        // Narrow-band telephony keeps as much of white noise as fits below 4 kHz.
        let band = 10.0 * (8_000.0 / f64::from(rates[0].hz())).log10();
        let heard_level = measure::level(heard(&net, 250..480)) + SINE;
        assert!((heard_level - level - band).abs() < 2.0, "{rates:?}: {heard_level} dBov");
        // Without holes or bangs: every 100 ms are like the others.
        for (number, piece) in heard(&net, 250..480).chunks(rates[1].samples_in(100)).enumerate() {
            let level = measure::level(piece) + SINE;
            assert!((level - heard_level).abs() < 3.0, "{rates:?}, piece {number}: {level} dBov");
        }
        let tone = measure::tone(heard(&net, 530..590), rates[1].hz(), 500.0);
        assert!(tone.ratio > 10.0, "{rates:?}: {tone:?}");
    }
}

#[test]
fn a_talk_spurt_begins_with_a_marker_and_no_noise_does() {
    let mut net = call([SampleRate::HZ_8000; 2], &with_noise(true), -50.0);
    net.run(600);
    let mut after_noise = true;
    for (marker, payload_type, payload) in packets(&net) {
        match payload_type {
            13 => {
                assert!(!marker && u8::abs_diff(payload[0], 50) <= 1 && payload.len() == 7, "{payload:?}");
                after_noise = true;
            }
            _ => assert_eq!(marker, std::mem::take(&mut after_noise)),
        }
    }
    let media = packets(&net);
    assert_eq!(media.iter().filter(|(marker, _, _)| *marker).count(), 3, "the beginning, and twice the tone");
}

#[test]
fn silence_is_neither_loss_nor_the_end() {
    let mut net = call([SampleRate::HZ_8000; 2], &with_noise(true), -50.0);
    net.run(1_500);
    let leg = net.engines[1].leg(stream(1)).unwrap();
    let (path, playout) = (leg.path().statistics().rx.clone(), leg.playout());
    assert_eq!((path.lost, path.discarded, playout.concealed, playout.skipped), (0, 0, 0, 0), "{path:?} {playout:?}");
    assert_eq!(playout.starved, 0, "{playout:?}");
    assert!(playout.descriptions > 10, "{playout:?}");
    assert!(!net.media.iter().any(|(_, _, event)| matches!(event, Event::NoRtp { .. })));
}

#[test]
fn losses_around_silence_do_not_spoil_it() {
    let mut net = call([SampleRate::HZ_8000; 2], &with_noise(true), -50.0);
    net.loss = 20;
    net.run(2_000);
    // The tone is in the ticks 100 to 200 of each 400; the noise is between, wherever its description was not lost.
    let mut good = 0;
    for second in [500..590, 900..990, 1_300..1_390, 1_700..1_790].map(|tone| tone.start - 140..tone.start) {
        let level = measure::level(heard(&net, second)) + SINE;
        assert!(level < -45.0, "no louder than it is: {level} dBov");
        good += u32::from((level + 50.0).abs() < 2.0);
    }
    assert!(good >= 3, "{good} of 4");
    let playout = net.engines[1].leg(stream(1)).unwrap().playout();
    assert!(playout.skipped < 20, "what was lost does not pile up: {playout:?}");
}

#[test]
fn noise_is_received_by_who_suppresses_nothing_and_sent_only_where_it_is_agreed_on() {
    let mut net = call([SampleRate::HZ_8000; 2], &with_noise(false), -50.0);
    net.run(300);
    assert!(packets(&net).len() >= 299 && packets(&net).iter().all(|(_, payload_type, _)| *payload_type == 0));
    let mut net = call([SampleRate::HZ_8000; 2], &Parameters { suppress_silence: true, ..parameters() }, -50.0);
    net.run(300);
    assert!(packets(&net).len() >= 299, "the peer would not understand");
    // It is agreed on in a later negotiation.
    net.start((0, stream(1)), (1, stream(1)), &with_noise(true));
    net.start((1, stream(1)), (0, stream(1)), &with_noise(false));
    net.run(300);
    assert!(packets(&net).iter().any(|(_, payload_type, _)| *payload_type == 13));
    assert!(net.engines[1].leg(stream(1)).unwrap().playout().descriptions > 0);
}

#[test]
fn a_microphone_that_is_away_is_silence() {
    let mut net = call([SampleRate::HZ_8000; 2], &with_noise(true), -50.0);
    net.engines[0].set_device(NullDevice).unwrap();
    net.command((0, stream(1)), &Command::Hold(true));
    net.run(200);
    let sent = packets(&net);
    assert!(sent.len() < 20, "{}", sent.len());
    assert_eq!(sent.last().unwrap(), &(false, 13, vec![127]));
    assert!(heard(&net, 100..200).iter().all(|sample| *sample == 0));
}
