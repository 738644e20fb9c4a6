//! MSRP: cutting a stream into frames, and sending a message over two endpoints.

use std::hint::black_box;

use bytes::Bytes;
use sipsimple_core::limits::Limits;
use sipsimple_core::msrp::{Continuation, Field, Framer, Method, Path, Writer, end_line};

use super::{Round, Work};

/// The pieces of work of this file.
pub const WORKS: &[Work] = &[
    Work { name: "msrp_frames_long", unit: "KiB", units: LONG as u64 / 1024, target: None, prepare: long },
    Work { name: "msrp_frames_short", unit: "frame", units: SHORT as u64, target: None, prepare: short },
];

/// Bytes of a long chunk, which come in reads of 64 KiB.
const LONG: usize = 1024 * 1024;
/// Short chunks in one read.
const SHORT: usize = 100;

fn chunk(body: &[u8]) -> Vec<u8> {
    let path: Path = "msrp://192.0.2.1:2855/jshA7weztas;tcp".parse().expect("a path");
    let head = Writer::request("a786hjs2", &Method::Send, &path, &path).field(Field::MessageId, "87652491");
    let head = head.with_body("text/plain").expect("a head");
    [&head, body, &end_line("a786hjs2", Continuation::Complete)].concat()
}

/// Cuts these reads into frames.
fn frames(reads: Vec<Bytes>) -> Round {
    let limits = Limits::default();
    Box::new(move || {
        let mut framer = Framer::new();
        for read in &reads {
            framer.feed(read.clone());
            while let Some(frame) = framer.next(&limits) {
                black_box(frame.expect("a frame"));
            }
        }
    })
}

/// One chunk of a mebibyte that looks like a compressed file.
fn long() -> Round {
    let mut state = 1_u32;
    let body: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    })
    .take(LONG)
    .collect();
    frames(chunk(&body).chunks(64 * 1024).map(Bytes::copy_from_slice).collect())
}

/// Messages of 40 bytes.
fn short() -> Round {
    frames(vec![chunk(b"Would you like to have lunch with me, Bob").repeat(SHORT).into()])
}
