//! What is asked for is kept to, tones survive, losses are made up for.

use std::sync::Arc;

use proptest::prelude::*;
use sipsimple_core::sip::Text;

use super::*;
use crate::codec::signal::swelling_noise;
use crate::measure;
use crate::playout::Playout;
use crate::rate::SampleRate;
use crate::tone::sine;

const FRAME: usize = 960;

fn format(remote_fmtp: &'static str) -> Format {
    Format {
        send_payload: 111,
        receive_payload: 111,
        encoding: Text::from_static("opus"),
        clock_rate: 48_000,
        channels: 2,
        remote_fmtp: Some(Text::from_static(remote_fmtp)),
        local_fmtp: None,
    }
}

fn packets(samples: &[i16], fmtp: &'static str) -> Vec<Vec<u8>> {
    let mut encoder = Opus.encoder(&format(fmtp));
    let mut payload = [0; 1_400];
    let encode = |frame| {
        let len = encoder.encode(frame, &mut payload);
        payload[..len].to_vec()
    };
    samples.chunks(FRAME).map(encode).collect()
}

fn bitrate(packets: &[Vec<u8>]) -> usize {
    packets.iter().map(Vec::len).sum::<usize>() * 8 * 50 / packets.len()
}

#[test]
fn a_tone_survives() {
    let packets = packets(&sine(1_000.0, -10.0, 48_000, 50 * FRAME), "");
    let mut decoder = Opus.decoder(&format(""));
    let mut heard = vec![0; 50 * FRAME];
    for (payload, place) in packets.iter().zip(heard.chunks_mut(FRAME)) {
        assert_eq!(decoder.decode(payload, place), Ok(FRAME));
    }
    let tone = measure::tone(&heard[10 * FRAME..], 48_000, 1_000.0);
    assert!((tone.level + 10.0).abs() < 1.0 && tone.ratio > 15.0, "{tone:?}");
}

#[test]
fn format_parameters_are_read() {
    let usual = Wishes::read("");
    assert_eq!(usual, Wishes::read("; =;stereo=1;maxplaybackrate=x;usedtx;minptime=10"));
    assert!(!usual.error_correction && !usual.silence && !usual.constant);
    let read = Wishes::read("maxplaybackrate=16000; MaxAverageBitrate=20000;cbr=1;useinbandfec=1;usedtx=1");
    assert_eq!(
        read,
        Wishes { bitrate: 20_000, playback_rate: 16_000, constant: true, error_correction: true, silence: true }
    );
    assert_eq!(read.bandwidth(), Bandwidth::Wideband);
    assert_eq!(Wishes::read("maxaveragebitrate=510000").bitrate, BITRATE, "a limit is no demand");
    assert_eq!(Wishes::read("maxaveragebitrate=1").bitrate, 6_000);
    assert_eq!(Wishes::read("maxplaybackrate=8000").bandwidth(), Bandwidth::Narrowband);
}

#[test]
fn the_bit_rate_that_is_asked_for_is_kept_to() {
    let noise = swelling_noise(100 * FRAME);
    let (usual, low) = (bitrate(&packets(&noise, "")), bitrate(&packets(&noise, "maxaveragebitrate=16000")));
    assert!((30_000..50_000).contains(&usual), "{usual}");
    assert!((10_000..20_000).contains(&low), "{low}");
    let constant = packets(&noise, "cbr=1");
    assert!(constant.iter().all(|packet| packet.len() == constant[0].len()));
}

#[test]
fn silence_is_not_sent_if_the_peer_likes_that() {
    let sent = |fmtp| packets(&vec![0; 100 * FRAME], fmtp).iter().filter(|packet| !packet.is_empty()).count();
    assert_eq!(sent(""), 100);
    assert!(sent("usedtx=1") < 50, "{}", sent("usedtx=1"));
}

/// A voice of some harmonics that glides up and down three times a second.
fn voice(len: usize) -> Vec<i16> {
    let mut phase = 0.0f64;
    (0..len)
        .map(|at| {
            let swing = (at as f64 / 48_000.0 * 3.0 * std::f64::consts::TAU).sin();
            phase += (180.0 + 80.0 * swing) / 48_000.0 * std::f64::consts::TAU;
            let sum: f64 = (1..9).map(|harmonic| (phase * f64::from(harmonic)).sin() / f64::from(harmonic)).sum();
            (sum * 6_000.0 * (1.2 + swing) / 2.2) as i16
        })
        .collect()
}

/// Hears a voice of which every fifth packet is lost: the level of what was heard wrong, under that of the voice.
fn error(recovering: bool) -> f64 {
    let packets = packets(&voice(200 * FRAME), "useinbandfec=1;maxplaybackrate=16000");
    let hear = |lossy: bool| {
        let mut decoder = Opus.decoder(&format(""));
        let mut heard = vec![0; 200 * FRAME];
        for (number, place) in heard.chunks_mut(FRAME).enumerate() {
            if !lossy || number % 5 != 4 {
                decoder.decode(&packets[number], place).unwrap();
            } else if recovering && number + 1 < 200 {
                assert!(decoder.recover(&packets[number + 1], place));
            } else {
                assert!(decoder.conceal(place));
            }
        }
        heard
    };
    let (whole, lossy) = (hear(false), hear(true));
    let apart: Vec<i16> = whole.iter().zip(&lossy).map(|(a, b)| a.saturating_sub(*b)).collect();
    measure::level(&apart) - measure::level(&whole)
}

#[test]
fn error_correction_beats_concealment() {
    let (with, without) = (error(true), error(false));
    assert!(with < without - 3.0, "{with} dB and {without} dB");
}

#[test]
fn the_playout_makes_use_of_error_correction() {
    let codec: Arc<dyn Codec> = Arc::new(Opus);
    let mut playout = Playout::new(&[(codec, format(""))], None, SampleRate::HZ_16000).unwrap();
    let mut frame = [0; 320];
    for (number, payload) in packets(&voice(100 * FRAME), "useinbandfec=1;maxplaybackrate=16000").iter().enumerate() {
        match number {
            // Two in a row: one is recovered.
            40 | 41 => playout.lost(),
            _ if number % 10 == 5 => playout.lost(),
            _ => playout.packet(0, payload),
        }
        playout.fill(&mut frame);
    }
    let counted = playout.statistics();
    assert_eq!((counted.concealed, counted.recovered, counted.starved, counted.skipped), (12, 11, 0, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_decoded_or_refused(payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 1..6)) {
        let mut decoder = Opus.decoder(&format(""));
        let mut heard = vec![0; 10 * FRAME];
        for payload in payloads {
            if let Ok(len) = decoder.decode(&payload, &mut heard) {
                prop_assert!(len <= heard.len() && !payload.is_empty());
            }
            decoder.recover(&payload, &mut heard[..FRAME]);
            decoder.conceal(&mut heard[..FRAME]);
        }
    }
}
