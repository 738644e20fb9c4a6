//! From packets that come as the network likes to frames of a mixer: the jitter buffer, the playout, comfort noise.

use std::hint::black_box;
use std::time::Duration;

use sipsimple_audio::codec::Codecs;
use sipsimple_audio::comfort_noise::{Description, NoiseGenerator, Suppressor};
use sipsimple_audio::playout::Playout;
use sipsimple_audio::rate::SampleRate;
use sipsimple_audio::tone::sine;
use sipsimple_core::media::Format;
use sipsimple_core::rtp::jitter::{Buffer, Pull};
use sipsimple_core::time::Instant;

use super::{Round, Work, allocations};

/// The pieces of work of this file.
pub const WORKS: &[Work] = &[
    Work { name: "jitter_buffer", unit: "packet", units: 1_000, target: allocations(0), prepare: jitter },
    Work { name: "playout_pcmu_5_percent_lost", unit: "20 ms", units: 100, target: allocations(0), prepare: playout },
    Work { name: "comfort_noise", unit: "20 ms", units: 50, target: allocations(0), prepare: noise },
    Work { name: "suppress_silence", unit: "20 ms", units: 50, target: allocations(0), prepare: suppress },
];

const TICK: Duration = Duration::from_millis(20);
/// Samples in 20 ms at 8 kHz.
const FRAME: usize = 160;

/// Packets of which every seventh comes after the one that follows it, and every eleventh not at all.
fn jitter() -> Round {
    let mut buffer = Buffer::default();
    let (mut now, mut number) = (Instant::ZERO, 0_u64);
    Box::new(move || {
        for _ in 0..500 {
            let swapped = number.is_multiple_of(7);
            for number in if swapped { [number + 1, number] } else { [number, number + 1] } {
                if !number.is_multiple_of(11) {
                    let timestamp = u32::try_from((number * 160) & u64::from(u32::MAX)).unwrap_or(0);
                    black_box(buffer.insert(now, number, timestamp, 8_000, number));
                }
            }
            number += 2;
            now += TICK * 2;
            while !matches!(black_box(buffer.pull(now)), Pull::Wait) {}
        }
    })
}

/// A tone in PCMU, of which every twentieth packet is lost, for a mixer at 16 kHz.
fn playout() -> Round {
    let codec = Codecs::default().select(["PCMU"]).codecs.pop().expect("it is built in");
    let format = Format {
        send_payload: 0,
        receive_payload: 0,
        encoding: codec.encoding().into(),
        clock_rate: 8_000,
        channels: 1,
        remote_fmtp: None,
        local_fmtp: None,
    };
    let mut encoder = codec.encoder(&format);
    let samples = sine(440.0, -10.0, 8_000, FRAME * 100);
    let payloads: Vec<[u8; FRAME]> = samples
        .chunks_exact(FRAME)
        .map(|samples| {
            let mut payload = [0; FRAME];
            encoder.encode(samples, &mut payload);
            payload
        })
        .collect();
    let rate = SampleRate::HZ_16000;
    let mut playout = Playout::new(&[(codec, format)], None, rate).expect("the rates go together");
    let mut frame = vec![0; rate.frame_len()];
    Box::new(move || {
        for (number, payload) in payloads.iter().enumerate() {
            if number % 20 == 19 {
                playout.lost()
            } else {
                playout.packet(0, payload)
            }
            playout.fill(&mut frame);
            black_box(&frame);
        }
    })
}

/// Noise with a spectrum of ten coefficients.
fn noise() -> Round {
    let description = Description::read(&[45, 60, 150, 100, 140, 120, 130, 125, 128, 127, 126]);
    let mut generator = NoiseGenerator::default();
    generator.describe(&description.expect("it is one"));
    let mut samples = [0; FRAME];
    Box::new(move || {
        for _ in 0..50 {
            generator.fill(&mut samples);
            black_box(&samples);
        }
    })
}

/// A second of noise, looked at packet by packet.
fn suppress() -> Round {
    let mut generator = NoiseGenerator::default();
    generator.describe(&Description::white(55));
    let mut samples = [0; FRAME];
    let mut suppressor = Suppressor::new(8_000, 8_000);
    Box::new(move || {
        for _ in 0..50 {
            generator.fill(&mut samples);
            black_box(suppressor.judge(&samples));
        }
    })
}
