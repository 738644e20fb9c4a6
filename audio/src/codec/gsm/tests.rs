//! Frames as bytes; and the test sequences of the standard, if the environment variable `GSM_0610_SEQUENCES` names the folder with them.

use proptest::prelude::*;

use super::*;
use crate::codec::signal::{fingerprint, swelling_noise};
use crate::measure;
use crate::tone::sine;

/// The words of a file of the sequences.
fn words(folder: &str, name: &str) -> Vec<i16> {
    let bytes = std::fs::read(std::path::Path::new(folder).join(name)).unwrap();
    bytes.as_chunks::<2>().0.iter().map(|word| i16::from_le_bytes(*word)).collect()
}

fn flat(parameters: &Parameters) -> Vec<i16> {
    let mut words = parameters.ratios.to_vec();
    for quarter in &parameters.quarters {
        words.extend([quarter.lag, quarter.gain, quarter.grid, quarter.largest]);
        words.extend(quarter.pulses);
    }
    words
}

fn from_flat(words: &[i16]) -> Parameters {
    let mut parameters = Parameters { ratios: words[..8].try_into().unwrap(), ..Parameters::default() };
    for (quarter, words) in parameters.quarters.iter_mut().zip(words[8..].chunks(17)) {
        *quarter = Quarter {
            lag: words[0],
            gain: words[1],
            grid: words[2],
            largest: words[3],
            pulses: words[4..].try_into().unwrap(),
        };
    }
    parameters
}

#[test]
fn the_sequences_of_the_standard_come_out_bit_by_bit() {
    let Ok(folder) = std::env::var("GSM_0610_SEQUENCES") else {
        println!("skipped: GSM_0610_SEQUENCES names no folder");
        return;
    };
    for name in ["Seq01", "Seq02", "Seq03"] {
        let (input, coded, output) = (
            words(&folder, &format!("{name}.inp")),
            words(&folder, &format!("{name}.cod")),
            words(&folder, &format!("{name}.out")),
        );
        let (mut encoder, mut decoder) = (Analysis::default(), Synthesis::default());
        let frames = input.as_chunks::<FRAME>().0;
        assert_eq!((frames.len(), frames.len()), (coded.len() / 76, output.len() / FRAME));
        for (number, frame) in frames.iter().enumerate() {
            let expected = &coded[76 * number..][..76];
            assert_eq!(flat(&encoder.encode(frame)), expected, "{name}, frame {number}");
            let heard = decoder.decode(&from_flat(expected));
            assert_eq!(heard[..], output[FRAME * number..][..FRAME], "{name}, frame {number}");
        }
    }
}

/// Made by the code that passed the sequences.
#[test]
fn what_was_right_once_stays_as_it_is() {
    let (mut encoder, mut decoder) = (GsmEncoder::default(), GsmDecoder::default());
    let mut coded = vec![0; 250 * FRAME_BYTES];
    assert_eq!(encoder.encode(&swelling_noise(250 * FRAME), &mut coded), coded.len());
    assert_eq!(fingerprint(coded.iter().copied()), 11_669_810_673_614_154_238);
    let mut heard = vec![0; 250 * FRAME];
    assert_eq!(decoder.decode(&coded, &mut heard), Ok(heard.len()));
    assert_eq!(fingerprint(heard.iter().flat_map(|sample| sample.to_le_bytes())), 16_898_293_035_428_984_542);
}

#[test]
fn a_frame_is_packed_as_in_rtp() {
    let mut frame = Parameters { ratios: [0x3f, 0, 0x1f, 0, 0xf, 0, 7, 0], ..Parameters::default() };
    frame.quarters[3].pulses[12] = 5;
    frame.quarters[0].lag = 0x55;
    let bytes = frame.to_bytes();
    assert_eq!(bytes[..7], [0xdf, 0xc0, 0xf8, 0x3c, 0x38, 0xaa, 0]);
    assert_eq!(bytes[32], 5);
    assert_eq!(Parameters::from_bytes(&bytes), Some(frame));
}

#[test]
fn what_is_no_frame_is_refused() {
    let (mut decoder, mut heard) = (GsmDecoder::default(), [0; 320]);
    for payload in [&[][..], &[0xd0; 32], &[0xd0; 34], &[0xc0; 33]] {
        assert_eq!(decoder.decode(payload, &mut heard), Err(DecodeError { encoding: "GSM", bytes: payload.len() }));
    }
    assert_eq!(decoder.decode(&[0xd0; 66], &mut heard), Ok(320));
    assert_eq!(decoder.decode(&[0xd0; 99], &mut heard), Ok(320), "what does not fit is left out");
}

#[test]
fn a_tone_survives() {
    let (mut encoder, mut decoder) = (GsmEncoder::default(), GsmDecoder::default());
    let mut coded = vec![0; 50 * FRAME_BYTES];
    encoder.encode(&sine(440.0, -10.0, 8_000, 50 * FRAME), &mut coded);
    let mut heard = vec![0; 50 * FRAME];
    decoder.decode(&coded, &mut heard).unwrap();
    let tone = measure::tone(&heard[1_600..], 8_000, 440.0);
    assert!((tone.level + 10.0).abs() < 1.0 && tone.ratio > 12.0, "{tone:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_frame_is_packed_and_read_again(bytes in proptest::array::uniform32(any::<u8>()), last: u8) {
        let mut frame = [0; FRAME_BYTES];
        frame[..32].copy_from_slice(&bytes);
        frame[32] = last;
        frame[0] = 0xd0 | frame[0] & 0x0f;
        let read = Parameters::from_bytes(&frame).unwrap();
        prop_assert_eq!(read.to_bytes(), frame);
        let mut decoder = Synthesis::default();
        for _ in 0..4 {
            decoder.decode(&read);
        }
    }

    #[test]
    fn any_samples_are_encoded(samples in proptest::collection::vec(
        prop_oneof![Just(i16::MIN), Just(i16::MAX), any::<i16>()], 4 * FRAME..=4 * FRAME,
    )) {
        let (mut encoder, mut decoder) = (Analysis::default(), Synthesis::default());
        for frame in samples.as_chunks().0 {
            let coded = encoder.encode(frame);
            prop_assert!(coded.quarters.iter().all(|quarter| quarter.pulses.iter().all(|pulse| (0..8).contains(pulse))));
            prop_assert_eq!(Parameters::from_bytes(&coded.to_bytes()), Some(coded.clone()));
            decoder.decode(&coded);
        }
    }
}
