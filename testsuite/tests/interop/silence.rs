//! SIPp plays a talker who does not send his silence but describes it (RFC 3389): it is heard as loud as it is said to be.

use std::fs;
use std::path::Path;
use std::time::Duration;

use sipsimple_audio::codec::{Codec, Pcma};
use sipsimple_audio::measure;
use sipsimple_audio::tone::sine;
use sipsimple_audio::wave::Wave;
use sipsimple_core::media::Format;

use crate::peer::{Running, find, free_port, host_port, sipsimple};
use crate::sipp::scenario;

const LIMIT: Duration = Duration::from_secs(60);
const ADDRESS: &str = "127.0.0.1";

/// A capture as SIPp reads it, of one RTP stream over Ethernet, IPv4 and UDP.
struct Capture {
    bytes: Vec<u8>,
    sequence: u16,
}

impl Capture {
    fn new() -> Self {
        let header = [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, 1_u32];
        Self { bytes: header.iter().flat_map(|word| word.to_le_bytes()).collect(), sequence: 100 }
    }

    /// A packet that is sent so many milliseconds after the beginning.
    fn packet(&mut self, millis: u32, payload_type: u8, payload: &[u8]) {
        let mut rtp = vec![0x80, payload_type];
        rtp.extend(self.sequence.to_be_bytes());
        rtp.extend((millis * 8).to_be_bytes());
        rtp.extend([0xca, 0xfe, 0xba, 0xbe]);
        rtp.extend(payload);
        self.sequence += 1;
        let length = |bytes: usize| u16::try_from(bytes).expect("a datagram").to_be_bytes();
        let mut frame = vec![0; 12];
        frame.extend([0x08, 0x00]);
        frame.extend([0x45, 0]);
        frame.extend(length(28 + rtp.len()));
        frame.extend([0, 0, 0, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1]);
        frame.extend([0x0f, 0xa0, 0x0f, 0xa0]);
        frame.extend(length(8 + rtp.len()));
        frame.extend([0, 0]);
        frame.extend(rtp);
        let size = u32::try_from(frame.len()).expect("a frame");
        for word in [millis / 1_000, millis % 1_000 * 1_000, size, size] {
            self.bytes.extend(word.to_le_bytes());
        }
        self.bytes.extend(frame);
    }
}

/// What the encoder of FFmpeg 8.1.2 makes of noise at -55 dBov whose neighbouring samples differ.
const FFMPEG: [u8; 11] = [0x37, 0xcb, 0x7f, 0x84, 0x83, 0x90, 0x78, 0x81, 0x89, 0x82, 0x8f];

/// Half a second of a tone, 2 s of noise at -40 dBov, 2 s at -55 dBov, and half a second of the tone again.
fn talker() -> Vec<u8> {
    let format = Format {
        send_payload: 8,
        receive_payload: 8,
        encoding: "PCMA".into(),
        clock_rate: 8_000,
        channels: 1,
        remote_fmtp: None,
        local_fmtp: None,
    };
    let mut encoder = Pcma.encoder(&format);
    let mut capture = Capture::new();
    let samples = sine(440.0, -12.0, 8_000, 160 * 25);
    let mut tone = |capture: &mut Capture, start: u32| {
        for (number, samples) in (0..).zip(samples.chunks(160)) {
            let mut payload = [0; 160];
            encoder.encode(samples, &mut payload);
            let marker = if number == 0 { 0x80 } else { 0 };
            capture.packet(start + number * 20, marker | 8, &payload);
        }
    };
    tone(&mut capture, 0);
    capture.packet(500, 13, &[40]);
    capture.packet(2_500, 13, &FFMPEG);
    tone(&mut capture, 4_500);
    capture.bytes
}

/// How long this level was heard, in dBov, in seconds.
fn heard(file: &Path, level: f64) -> f64 {
    let wave = Wave::open(file).expect("a recording");
    let step = wave.rate() as usize / 10;
    // A full-scale sine has -3 dBov.
    let near = |piece: &&[i16]| (measure::level(piece) - 3.01 - level).abs() < 1.5;
    wave.samples().chunks_exact(step).filter(near).count() as f64 / 10.0
}

#[test]
fn described_silence_is_heard_as_loud_as_it_is_said_to_be() {
    let Some(sipp) = find("sipp") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let record = folder.path().join("heard.wav");
    let port = free_port(ADDRESS);
    let listen = format!("udp:{}", host_port(ADDRESS, port));
    let file = record.display().to_string();
    let args = ["answer", "--listen", &listen, "--count", "1", "--codec", "PCMA", "--record", &file];
    let mut answering = Running::start(sipsimple(), &args);
    answering.wait_for("listening", Duration::from_secs(20));
    let (own, media, remote) =
        (free_port(ADDRESS).to_string(), free_port(ADDRESS).to_string(), host_port(ADDRESS, port));
    let scenario = scenario("uac_silence");
    let args = [&remote, "-sf", &scenario, "-i", ADDRESS, "-p", &own, "-mi", ADDRESS, "-mp", &media, "-m", "1"];
    let args = [&args[..], &["-nostdin", "-timeout", "40", "-timeout_error"]].concat();
    let sipp_folder = tempfile::tempdir().expect("a folder");
    fs::write(sipp_folder.path().join("silence.pcap"), talker()).expect("a capture");
    Running::start_in(&sipp, &args, sipp_folder).succeed(LIMIT);
    answering.succeed(LIMIT);
    for (level, seconds) in [(-40.0, 1.5), (-55.0, 1.5), (-15.0, 0.6)] {
        let heard = heard(&record, level);
        assert!(heard >= seconds, "{level} dBov was heard for {heard} s: {}", answering.output());
    }
}
