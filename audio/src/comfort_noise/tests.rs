//! Levels and spectra of noise, in and out; hostile payloads.

use proptest::prelude::*;

use super::describe::Autocorrelation;
use super::*;
use crate::measure;
use crate::tone::sine;

/// The level of a square wave of the greatest amplitude is 0 dBov; a sine's is 3 dB less.
fn dbov(samples: &[i16]) -> f64 {
    measure::level(samples) - 10.0 * 2_f64.log10()
}

fn noise(payload: &[u8], len: usize) -> Vec<i16> {
    let mut generator = NoiseGenerator::default();
    generator.describe(&Description::read(payload).unwrap());
    let mut samples = vec![1; len];
    generator.fill(&mut samples);
    samples
}

/// How much a sample is like the one before, from -1 to 1.
fn likeness(samples: &[i16]) -> f64 {
    let product = |lag: usize| -> f64 {
        samples[lag..].iter().zip(samples).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>()
    };
    product(1) / product(0)
}

#[test]
fn levels_are_decibels_below_the_overload_point() {
    for level in [10, 20, 40, 60, 75] {
        let heard = dbov(&noise(&[level], 16_000));
        assert!((heard + f64::from(level)).abs() < 0.5, "-{level} dBov: {heard}");
    }
    assert!(noise(&[127], 1_000).iter().all(|sample| *sample == 0));
    assert_eq!(noise(&[0x80 | 40], 100), noise(&[40], 100), "the highest bit means nothing");
    assert_eq!(dbov(&[32_767; 100]).round(), 0.0);
}

#[test]
fn white_noise_is_white_and_coefficients_colour_it() {
    assert!(likeness(&noise(&[30], 16_000)).abs() < 0.05);
    assert!(likeness(&noise(&[30, 127, 127, 127], 16_000)).abs() < 0.05, "coefficients of 0");
    for (index, expected) in [(27, 0.787), (77, 0.394), (177, -0.394), (227, -0.787)] {
        let samples = noise(&[30, index], 32_000);
        // Of a model of one coefficient it is that coefficient, negated.
        assert!((likeness(&samples) - expected).abs() < 0.05, "{index}: {}", likeness(&samples));
        assert!((dbov(&samples) + 30.0).abs() < 0.5, "{index}: {} dBov", dbov(&samples));
    }
}

/// Descriptions by the encoder of FFmpeg 8.1.2, which nobody here has written: of white and coloured noise, of this level in dBov and this likeness.
#[test]
fn what_another_encoder_describes_sounds_like_what_it_heard() {
    let described: [(f64, f64, [u8; 11]); 9] = [
        (-20.0, -0.009, [0x15, 0x7b, 0x73, 0x71, 0x75, 0x7f, 0x7b, 0x83, 0x84, 0x96, 0x78]),
        (-20.0, 0.794, [0x15, 0x16, 0x7b, 0x72, 0x74, 0x7f, 0x84, 0x89, 0x6e, 0x8c, 0x79]),
        (-20.0, -0.599, [0x15, 0xcc, 0x83, 0x7c, 0x81, 0x79, 0x79, 0x7f, 0x7a, 0x80, 0x7f]),
        (-40.0, -0.004, [0x28, 0x73, 0x93, 0x80, 0x92, 0x7d, 0x79, 0x77, 0x81, 0x7a, 0x6d]),
        (-40.0, 0.802, [0x29, 0x18, 0x7a, 0x89, 0x82, 0x84, 0x81, 0x87, 0x87, 0x6c, 0x76]),
        (-40.0, -0.6, [0x29, 0xc6, 0x89, 0x82, 0x77, 0x83, 0x88, 0x7b, 0x89, 0x85, 0x7f]),
        (-55.0, -0.002, [0x38, 0x82, 0x71, 0x83, 0x8d, 0x79, 0x75, 0x89, 0x79, 0x86, 0x6f]),
        (-55.0, 0.806, [0x37, 0x15, 0x85, 0x7a, 0x83, 0x75, 0x7d, 0x87, 0x72, 0x87, 0x85]),
        (-55.0, -0.596, [0x38, 0xba, 0x84, 0x7d, 0x7d, 0x8f, 0x85, 0x7d, 0x7b, 0x8d, 0x75]),
    ];
    for (level, expected, payload) in described {
        let heard = noise(&payload, 32_000);
        assert!((dbov(&heard) - level).abs() < 1.6, "{level}, {expected}: {}", dbov(&heard));
        // It describes 80 ms of the noise.
        assert!((likeness(&heard) - expected).abs() < 0.15, "{level}, {expected}: {}", likeness(&heard));
    }
    // And what its decoder makes of these is as like itself.
    for (payload, expected) in [(&[30, 27][..], 0.786), (&[30, 177], -0.387), (&[45, 60, 150, 100, 140], 0.528)] {
        let heard = likeness(&noise(payload, 32_000));
        assert!((heard - expected).abs() < 0.03, "{payload:?}: {heard}");
    }
}

#[test]
fn a_payload_is_read_and_written() {
    let description = Description::read(&[0x8c, 0, 127, 254, 255]).unwrap();
    assert_eq!(description.level(), 12);
    let coefficients: Vec<_> = description.coefficients().map(|k| (k * 1e4).round()).collect();
    assert_eq!(coefficients, [-9_999.0, 0.0, 9_999.0, 9_999.0]);
    let mut payload = [7; 8];
    assert_eq!(description.write(&mut payload), 5);
    assert_eq!(payload, [12, 0, 127, 254, 254, 7, 7, 7]);
    assert_eq!(description.write(&mut payload[..2]), 2);
    assert_eq!(Description::read(&[]), None);
    assert_eq!(Description::read(&[9]), Some(Description::white(9)));
    let long = Description::read(&[50; 201]).unwrap();
    assert_eq!(long.coefficients().count(), MAX_ORDER);
}

#[test]
fn what_is_heard_is_described_and_sounds_alike() {
    for payload in [&[40_u8] as &[u8], &[35, 40], &[50, 200, 90], &[45, 60, 150, 100, 140]] {
        let original = noise(payload, 32_000);
        let described = Autocorrelation::of(&original).describe(true);
        let mut written = [0; 16];
        let len = described.write(&mut written);
        assert!(u8::abs_diff(written[0], payload[0]) <= 1, "{payload:?} became {:?}", &written[..len]);
        for (place, index) in written[1..len].iter().enumerate() {
            let expected = payload.get(place + 1).copied().unwrap_or(127);
            assert!(u8::abs_diff(*index, expected) <= 4, "{payload:?} became {:?}", &written[..len]);
        }
    }
    let silence = Autocorrelation::of(&[0; 160]).describe(true);
    assert_eq!(silence, Description::white(127));
    let level_only = Autocorrelation::of(&noise(&[35, 40], 32_000)).describe(false);
    assert_eq!(level_only.coefficients().count(), 0);
}

/// What becomes of packets of 20 ms: `s`peech, `n`oise, `-` nothing.
fn judge(suppressor: &mut Suppressor, samples: &[i16]) -> String {
    let word = |samples| match suppressor.judge(samples) {
        Activity::Speech => 's',
        Activity::Noise(_) => 'n',
        Activity::Silence => '-',
    };
    samples.chunks_exact(160).map(word).collect()
}

#[test]
fn speech_is_sent_with_a_hang_over_and_noise_is_described_every_two_seconds() {
    let mut suppressor = Suppressor::new(8_000, 8_000);
    let room = noise(&[60], 160 * 150);
    let voice = sine(300.0, -20.0, 8_000, 160 * 20);
    assert_eq!(&judge(&mut suppressor, &room[..160 * 20]), "ssssssssssn---------");
    assert_eq!(judge(&mut suppressor, &voice), "s".repeat(20));
    let told = judge(&mut suppressor, &room);
    assert_eq!(told[..10], *"ssssssssss", "the hang-over");
    assert_eq!(told[10..], *format!("n{}n{}", "-".repeat(99), "-".repeat(39)));
}

#[test]
fn noise_that_becomes_louder_is_described_anew_and_loud_tones_are_no_noise() {
    let mut suppressor = Suppressor::new(8_000, 8_000);
    judge(&mut suppressor, &noise(&[64], 160 * 40));
    let louder = judge(&mut suppressor, &noise(&[60], 160 * 40));
    assert!(louder.find('n').is_some_and(|packet| packet < 5), "{louder}");
    assert!(louder.matches('n').count() <= 2 && !louder.contains('s'), "{louder}");
    let mut suppressor = Suppressor::new(8_000, 8_000);
    let tone = judge(&mut suppressor, &sine(440.0, -30.0, 8_000, 160 * 1_000));
    assert_eq!(tone, "s".repeat(1_000), "20 s of music on hold");
}

#[test]
fn packets_of_any_length_are_judged() {
    let mut suppressor = Suppressor::new(8_000, 8_000);
    for len in [0, 1, 80, 960, 0, 100_000] {
        suppressor.judge(&vec![i16::MIN; len]);
    }
    let mut nowhere = Suppressor::new(0, 8_000);
    assert_eq!(nowhere.judge(&[i16::MAX; 160]), Activity::Speech);
}

proptest! {
    /// However wild the coefficients and their changes are, noise stays noise.
    #[test]
    fn any_payloads_make_noise(payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..220), 1..8)) {
        let mut generator = NoiseGenerator::default();
        let mut samples = [0; 1_600];
        for payload in &payloads {
            if let Some(description) = Description::read(payload) {
                generator.describe(&description);
            }
            generator.fill(&mut samples);
        }
        generator.describe(&Description::white(40));
        generator.fill(&mut samples);
        prop_assert!((dbov(&samples) + 40.0).abs() < 2.0, "{} dBov afterwards", dbov(&samples));
    }
}
