//! Coding and decoding of 20 ms, by each codec.

use std::hint::black_box;

use sipsimple_audio::codec::Codecs;
use sipsimple_core::media::Format;

use super::{Round, Work, allocations};

/// The pieces of work of this file.
pub const WORKS: &[Work] = &[
    encoding("encode_pcmu", || encoder("PCMU"), true),
    encoding("decode_pcmu", || decoder("PCMU"), true),
    encoding("encode_pcma", || encoder("PCMA"), true),
    encoding("decode_pcma", || decoder("PCMA"), true),
    encoding("encode_g722", || encoder("G722"), true),
    encoding("decode_g722", || decoder("G722"), true),
    encoding("encode_gsm", || encoder("GSM"), true),
    encoding("decode_gsm", || decoder("GSM"), true),
    encoding("encode_opus", || encoder("opus"), false),
    encoding("decode_opus", || decoder("opus"), false),
];

const fn encoding(name: &'static str, prepare: fn() -> Round, allocates_nothing: bool) -> Work {
    let target = if allocates_nothing { allocations(0) } else { None };
    Work { name, unit: "20 ms", units: 50, target, prepare }
}

/// A codec, a format of it, and a second of speech-like noise at its rate, in frames of 20 ms.
fn prepare(name: &str) -> (std::sync::Arc<dyn sipsimple_audio::codec::Codec>, Format, Vec<Vec<i16>>) {
    let codec = Codecs::default().select([name]).codecs.pop().expect("it is built in");
    let format = Format {
        send_payload: 96,
        receive_payload: 96,
        encoding: codec.encoding().into(),
        clock_rate: codec.clock_rate(),
        channels: codec.channels(),
        remote_fmtp: None,
        local_fmtp: None,
    };
    let (mut state, mut low) = (1u32, 0i32);
    let mut sample = || {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        low += (i32::from((state >> 16) as u16) - 32_768 - low) >> 3;
        i16::try_from(low).unwrap_or(0)
    };
    let len = codec.sample_rate() as usize / 50;
    let frames = (0..50).map(|_| (0..len).map(|_| sample()).collect()).collect();
    (codec, format, frames)
}

fn encoder(name: &str) -> Round {
    let (codec, format, frames) = prepare(name);
    let mut encoder = codec.encoder(&format);
    let mut payload = [0; 1_400];
    Box::new(move || {
        for frame in &frames {
            black_box(encoder.encode(frame, &mut payload));
        }
    })
}

fn decoder(name: &str) -> Round {
    let (codec, format, frames) = prepare(name);
    let (mut encoder, mut decoder) = (codec.encoder(&format), codec.decoder(&format));
    let mut samples = frames[0].clone();
    let mut code = |frame: &Vec<i16>| {
        let mut payload = vec![0; 1_400];
        let len = encoder.encode(frame, &mut payload);
        payload.truncate(len);
        payload
    };
    let payloads: Vec<Vec<u8>> = frames.iter().map(&mut code).collect();
    Box::new(move || {
        for payload in &payloads {
            let _ = black_box(decoder.decode(payload, &mut samples));
        }
    })
}
