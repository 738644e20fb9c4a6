//! The test sequences of ITU-T's software tools (G.191), if the environment variable `G722_SEQUENCES` names the folder with them; and what holds without.

use proptest::prelude::*;

use super::*;
use crate::codec::signal::{fingerprint, swelling_noise};
use crate::measure;
use crate::tone::sine;

fn words(folder: &str, name: &str) -> Vec<i16> {
    let bytes = std::fs::read(std::path::Path::new(folder).join(name)).unwrap();
    bytes.as_chunks::<2>().0.iter().map(|word| i16::from_le_bytes(*word)).collect()
}

#[test]
fn the_sequences_of_the_itu_come_out_bit_by_bit() {
    let Ok(folder) = std::env::var("G722_SEQUENCES") else {
        println!("skipped: G722_SEQUENCES names no folder");
        return;
    };
    let input = words(&folder, "inpsp.bin");
    let expected: Vec<u8> = words(&folder, "codspw.cod").iter().map(|word| word.to_le_bytes()[0]).collect();
    let mut coded = vec![0; input.len() / 2];
    assert_eq!(G722Encoder::default().encode(&input, &mut coded), expected.len());
    let differs = coded.iter().zip(&expected).position(|(a, b)| a != b);
    assert_eq!(differs, None);
    for (mode, name) in [(Mode::Kbit64, "outsp1.bin"), (Mode::Kbit56, "outsp2.bin"), (Mode::Kbit48, "outsp3.bin")] {
        let expected = words(&folder, name);
        let mut heard = vec![0; input.len()];
        assert_eq!(G722Decoder::new(mode).decode(&coded, &mut heard), Ok(expected.len()));
        let differs = heard.iter().zip(&expected).position(|(a, b)| a != b);
        assert_eq!(differs, None, "{mode:?}");
    }
}

/// Made by the code that passed the sequences.
#[test]
fn what_was_right_once_stays_as_it_is() {
    let mut coded = vec![0; 40_000];
    assert_eq!(G722Encoder::default().encode(&swelling_noise(80_000), &mut coded), 40_000);
    assert_eq!(fingerprint(coded.iter().copied()), 12_840_797_350_784_719_267);
    for (mode, expected) in [
        (Mode::Kbit64, 4_039_227_230_514_765_133),
        (Mode::Kbit56, 17_902_951_610_065_662_374),
        (Mode::Kbit48, 12_705_125_288_689_901_610),
    ] {
        let mut heard = vec![0; 80_000];
        assert_eq!(G722Decoder::new(mode).decode(&coded, &mut heard), Ok(80_000));
        assert_eq!(fingerprint(heard.iter().flat_map(|sample| sample.to_le_bytes())), expected, "{mode:?}");
    }
}

#[test]
fn the_bits_of_others_are_not_heard() {
    let mut coded = vec![0; 8_000];
    G722Encoder::default().encode(&sine(440.0, -10.0, 16_000, 16_000), &mut coded);
    let mut ratios = Vec::new();
    for (mode, theirs) in [(Mode::Kbit64, 0), (Mode::Kbit56, 1), (Mode::Kbit48, 3)] {
        let mut heard = [vec![0; 16_000], vec![0; 16_000]];
        for (heard, data) in heard.iter_mut().zip([0x00, 0xff]) {
            let octets: Vec<u8> = coded.iter().map(|octet| octet & !theirs | data & theirs).collect();
            G722::with_mode(mode).decoder(&format()).decode(&octets, heard).unwrap();
        }
        assert_eq!(heard[0], heard[1], "{mode:?}");
        ratios.push(measure::tone(&heard[0][1_600..], 16_000, 440.0).ratio);
    }
    assert!(ratios.is_sorted_by(|better, worse| better > worse) && ratios[2] > 12.0, "{ratios:?}");
}

fn format() -> Format {
    Format {
        send_payload: 9,
        receive_payload: 9,
        encoding: "G722".into(),
        clock_rate: 8_000,
        channels: 1,
        remote_fmtp: None,
        local_fmtp: None,
    }
}

#[test]
fn tones_of_both_bands_survive() {
    for hz in [440.0, 2_000.0, 5_000.0, 6_500.0] {
        let mut coded = vec![0; 8_000];
        G722Encoder::default().encode(&sine(hz, -10.0, 16_000, 16_000), &mut coded);
        let mut heard = vec![0; 16_000];
        G722Decoder::new(Mode::Kbit64).decode(&coded, &mut heard).unwrap();
        let tone = measure::tone(&heard[1_600..], 16_000, hz);
        assert!((tone.level + 10.0).abs() < 0.6 && tone.ratio > 12.0, "{hz}: {tone:?}");
    }
}

#[test]
fn what_does_not_fit_is_left_out() {
    assert_eq!(G722Encoder::default().encode(&[1; 321], &mut [0; 200]), 160);
    assert_eq!(G722Encoder::default().encode(&[1; 320], &mut [0; 3]), 3);
    assert_eq!(G722Decoder::new(Mode::Kbit64).decode(&[1; 160], &mut [0; 319]), Ok(318));
    assert_eq!(G722Decoder::new(Mode::Kbit64).decode(&[], &mut [0; 4]), Ok(0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_octets_and_any_samples_are_taken(
        octets in proptest::collection::vec(any::<u8>(), 0..400),
        samples in proptest::collection::vec(prop_oneof![Just(i16::MIN), Just(i16::MAX), any::<i16>()], 0..800),
    ) {
        let mut heard = vec![0; 800];
        prop_assert_eq!(G722Decoder::new(Mode::Kbit64).decode(&octets, &mut heard), Ok(2 * octets.len()));
        let mut coded = vec![0; 400];
        prop_assert_eq!(G722Encoder::default().encode(&samples, &mut coded), samples.len() / 2);
    }
}
