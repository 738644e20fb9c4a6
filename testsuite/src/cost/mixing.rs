//! Mixing a conference in which everybody hears all others.

use std::hint::black_box;

use sipsimple_audio::mixer::AudioMixer;
use sipsimple_audio::port::Roles;
use sipsimple_audio::rate::SampleRate;

use super::{Round, Work, allocations};

/// The pieces of work of this file.
pub const WORKS: &[Work] = &[
    Work { name: "mix_2", unit: "20 ms", units: 1, target: allocations(0), prepare: || mixing(2) },
    Work { name: "mix_8", unit: "20 ms", units: 1, target: allocations(0), prepare: || mixing(8) },
    Work { name: "mix_32", unit: "20 ms", units: 1, target: allocations(0), prepare: || mixing(32) },
    Work { name: "mix_100", unit: "20 ms", units: 1, target: allocations(0), prepare: || mixing(100) },
    Work { name: "mix_128", unit: "20 ms", units: 1, target: allocations(0), prepare: || mixing(128) },
    Work { name: "mix_254", unit: "20 ms", units: 1, target: allocations(0), prepare: || mixing(254) },
];

/// A tick of a conference at 16 kHz.
fn mixing(participants: usize) -> Round {
    let mut mixer = AudioMixer::new(SampleRate::HZ_16000, AudioMixer::SLOT_COUNT);
    let slots: Vec<_> = (0..participants).map(|_| mixer.add_slot().expect("there is room")).collect();
    for (number, slot) in (0_i16..).zip(&slots) {
        mixer.set_roles(*slot, Roles { producer: true, consumer: true });
        for other in slots.iter().filter(|other| *other != slot) {
            mixer.connect_slots(*slot, *other).expect("both are in use");
        }
        for (at, sample) in (0_i16..).zip(mixer.input(*slot).expect("it is in use")) {
            *sample = at.wrapping_mul(number + 3) % 8_000;
        }
    }
    Box::new(move || {
        mixer.mix();
        black_box(&mixer);
    })
}
