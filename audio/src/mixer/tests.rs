use proptest::prelude::*;

use super::*;
use crate::measure;
use crate::tone::sine;

const RATE: SampleRate = SampleRate::HZ_8000;

/// A mixer with `count` slots beside the device's in use, all of which produce and consume.
fn mixer(count: usize) -> (AudioMixer, Vec<Slot>) {
    let mut mixer = AudioMixer::new(RATE, AudioMixer::SLOT_COUNT);
    let slots: Vec<_> = (0..count).map(|_| mixer.add_slot().unwrap()).collect();
    for slot in &slots {
        mixer.set_roles(*slot, Roles::BOTH);
    }
    (mixer, slots)
}

fn put(mixer: &mut AudioMixer, slot: Slot, value: i16) {
    mixer.input(slot).unwrap().fill(value);
}

/// The value of all samples that a slot heard.
fn heard(mixer: &AudioMixer, slot: Slot) -> i16 {
    let output = mixer.output(slot).unwrap();
    assert!(output.iter().all(|sample| *sample == output[0]));
    output[0]
}

#[test]
fn slots_are_taken_lowest_first_and_given_back() {
    let mut mixer = AudioMixer::new(RATE, 3);
    assert_eq!((mixer.slot_count(), mixer.used_slot_count()), (3, 0));
    let slots: Vec<_> = (0..3).map(|_| mixer.add_slot().unwrap().number()).collect();
    assert_eq!(slots, [1, 2, 3]);
    assert_eq!(mixer.add_slot(), Err(MixerFull { slot_count: 3 }));
    mixer.set_roles(Slot(2), Roles::BOTH);
    mixer.remove_slot(Slot(2));
    mixer.remove_slot(Slot(2));
    assert_eq!(mixer.roles(Slot(2)), Roles::NONE);
    assert_eq!(mixer.used_slot_count(), 2);
    assert_eq!(mixer.connect_slots(Slot(2), Slot(1)), Err(UnusedSlot(Slot(2))));
    assert_eq!(mixer.connect_slots(Slot(1), Slot(900)), Err(UnusedSlot(Slot(900))));
    assert_eq!(mixer.add_slot(), Ok(Slot(2)));
    assert_eq!(AudioMixer::new(RATE, usize::MAX).slot_count(), 1_023);
}

#[test]
fn a_slot_taken_again_has_no_connections_left() {
    let (mut mixer, slots) = mixer(2);
    mixer.connect_slots(slots[0], slots[1]).unwrap();
    mixer.connect_slots(slots[1], slots[0]).unwrap();
    let mut heard = SlotSet::default();
    heard.insert(slots[0]);
    mixer.set_bridged(slots[1], heard);
    mixer.remove_slot(slots[0]);
    assert_eq!(mixer.add_slot(), Ok(slots[0]));
    mixer.set_roles(slots[0], Roles::BOTH);
    assert_eq!(mixer.connected_slots(), []);
    mixer.connect_slots(Slot::DEVICE, slots[0]).unwrap();
    mixer.remove_slot(Slot::DEVICE);
    assert_eq!(mixer.connected_slots(), []);
    assert!(mixer.output(Slot::DEVICE).is_some(), "the device's slot stays in use");
}

#[test]
fn connections_are_made_once_and_listed_sorted() {
    let (mut mixer, slots) = mixer(3);
    let [a, b, c] = slots[..] else { unreachable!() };
    for (source, destination) in [(c, a), (a, b), (a, b), (b, a), (Slot::DEVICE, c), (a, a)] {
        mixer.connect_slots(source, destination).unwrap();
    }
    assert_eq!(mixer.connected_slots(), [(Slot::DEVICE, c), (a, a), (a, b), (b, a), (c, a)]);
    mixer.disconnect_slots(a, b).unwrap();
    mixer.disconnect_slots(a, b).unwrap();
    mixer.disconnect_slots(a, c).unwrap();
    assert_eq!(mixer.connected_slots(), [(Slot::DEVICE, c), (a, a), (b, a), (c, a)]);
}

#[test]
fn a_slot_hears_the_sum_of_what_is_connected() {
    let (mut mixer, slots) = mixer(4);
    for (slot, value) in slots.iter().zip([1, 10, 100, 1_000]) {
        put(&mut mixer, *slot, value);
    }
    mixer.connect_slots(slots[0], slots[3]).unwrap();
    mixer.connect_slots(slots[1], slots[3]).unwrap();
    mixer.connect_slots(slots[2], slots[2]).unwrap();
    mixer.mix();
    assert_eq!(slots.iter().map(|slot| heard(&mixer, *slot)).collect::<Vec<_>>(), [0, 0, 100, 11]);
    assert!(mixer.hears(slots[3]) && !mixer.hears(slots[0]));
    mixer.disconnect_slots(slots[0], slots[3]).unwrap();
    mixer.disconnect_slots(slots[2], slots[2]).unwrap();
    mixer.mix();
    assert_eq!(slots.iter().map(|slot| heard(&mixer, *slot)).collect::<Vec<_>>(), [0, 0, 0, 10]);
}

#[test]
fn what_has_no_role_is_neither_heard_nor_hears() {
    let (mut mixer, slots) = mixer(2);
    mixer.connect_slots(slots[0], slots[1]).unwrap();
    for (producer, consumer, expected) in [(true, true, 7), (false, true, 0), (true, false, 0), (true, true, 7)] {
        put(&mut mixer, slots[0], 7);
        mixer.set_roles(slots[0], Roles { producer, consumer: true });
        mixer.set_roles(slots[1], Roles { producer: true, consumer });
        mixer.mix();
        assert_eq!(heard(&mixer, slots[1]), expected);
    }
}

#[test]
fn sums_clip_and_do_not_wrap() {
    let (mut mixer, slots) = mixer(254);
    for value in [i16::MAX, i16::MIN] {
        for slot in &slots {
            put(&mut mixer, *slot, value);
            for other in &slots {
                mixer.connect_slots(*slot, *other).unwrap();
            }
        }
        mixer.mix();
        assert!(slots.iter().all(|slot| heard(&mixer, *slot) == value));
    }
}

#[test]
fn clipping_comes_after_the_sum_and_its_volume() {
    let (mut mixer, slots) = mixer(3);
    for (slot, value) in slots.iter().zip([30_000, 30_000, -20_000]) {
        put(&mut mixer, *slot, value);
        mixer.connect_slots(*slot, Slot::DEVICE).unwrap();
    }
    mixer.set_roles(Slot::DEVICE, Roles::CONSUMER);
    mixer.mix();
    assert_eq!(heard(&mixer, Slot::DEVICE), i16::MAX);
    mixer.set_output_volume(Slot::DEVICE, Volume::from_percent(50)).unwrap();
    mixer.mix();
    assert_eq!(heard(&mixer, Slot::DEVICE), 20_000);
}

#[test]
fn volumes_and_muting() {
    let (mut mixer, slots) = mixer(2);
    mixer.connect_slots(slots[0], slots[1]).unwrap();
    mixer.connect_slots(slots[1], slots[0]).unwrap();
    mixer.set_input_volume(slots[0], Volume::from_percent(50)).unwrap();
    mixer.set_output_volume(slots[1], Volume::from_percent(300)).unwrap();
    for (muted, expected) in [(false, 1_500), (true, 0), (false, 1_500)] {
        mixer.set_muted(slots[0], muted).unwrap();
        put(&mut mixer, slots[0], 1_000);
        put(&mut mixer, slots[1], 1_000);
        mixer.mix();
        assert_eq!((heard(&mixer, slots[1]), heard(&mixer, slots[0])), (expected, 1_000));
        assert_eq!(
            (mixer.muted(slots[0]), mixer.input_volume(slots[0]).percent()),
            (muted, 50),
            "muting keeps the volume"
        );
    }
}

#[test]
fn in_a_conference_everybody_hears_all_but_himself() {
    const RATE: u32 = 8_000;
    let (mut mixer, slots) = mixer(12);
    for slot in &slots {
        for other in slots.iter().filter(|other| *other != slot) {
            mixer.connect_slots(*other, *slot).unwrap();
        }
    }
    let frequency = |number: usize| 300.0 + 240.0 * number as f64;
    let voices: Vec<_> = (0..12).map(|number| sine(frequency(number), -32.0, RATE, 8_000)).collect();
    let mut heard: Vec<Vec<i16>> = vec![Vec::new(); 12];
    for tick in 0..50 {
        for (slot, voice) in slots.iter().zip(&voices) {
            mixer.input(*slot).unwrap().copy_from_slice(&voice[tick * 160..][..160]);
        }
        mixer.mix();
        for (slot, heard) in slots.iter().zip(&mut heard) {
            heard.extend_from_slice(mixer.output(*slot).unwrap());
        }
    }
    for (listener, heard) in heard.iter().enumerate() {
        for speaker in 0..12 {
            let level = measure::tone(heard, RATE, frequency(speaker)).level;
            if speaker == listener {
                assert!(level < -60.0, "{listener} hears himself at {level} dB");
            } else {
                assert!((level + 32.0).abs() < 1.0, "{listener} hears {speaker} at {level} dB");
            }
        }
    }
}

/// What a tick of a conference of so many costs, in frames that are added up or handed out.
fn work(participants: usize, but: &[(usize, usize)]) -> usize {
    let (mut mixer, slots) = mixer(participants);
    for (listener, slot) in slots.iter().enumerate() {
        for (speaker, other) in slots.iter().enumerate() {
            if speaker != listener && !but.contains(&(speaker, listener)) {
                mixer.connect_slots(*other, *slot).unwrap();
            }
        }
    }
    mixer.mix();
    let first = mixer.frames;
    mixer.mix();
    assert_eq!(mixer.frames, 2 * first, "every tick costs the same");
    first
}

#[test]
fn a_conference_costs_two_frames_for_each_of_its_participants() {
    for participants in [2, 3, 8, 32, 128, 254] {
        assert_eq!(work(participants, &[]), 2 * participants);
    }
    // Who hears others than the rest do is summed for himself.
    assert_eq!(work(100, &[(0, 1)]), 2 * 100 + 99);
}

proptest! {
    /// The grouped sums are those that the definition gives, whatever is connected.
    #[test]
    fn any_connections_give_the_sums_of_the_definition(
        pairs in proptest::collection::btree_set((0_usize..9, 0_usize..9), 0..60),
        roles in proptest::collection::vec((any::<bool>(), any::<bool>()), 9),
        values in proptest::collection::vec(any::<i16>(), 9),
        volumes in proptest::collection::vec((0_u16..200, 0_u16..200), 9),
    ) {
        let (mut mixer, mut slots) = mixer(8);
        slots.insert(0, Slot::DEVICE);
        for (number, slot) in slots.iter().enumerate() {
            let (producer, consumer) = roles[number];
            mixer.set_roles(*slot, Roles { producer, consumer });
            mixer.set_input_volume(*slot, Volume::from_percent(volumes[number].0)).unwrap();
            mixer.set_output_volume(*slot, Volume::from_percent(volumes[number].1)).unwrap();
            put(&mut mixer, *slot, values[number]);
        }
        // Half of the connections come from bridges.
        let mut bridged = vec![SlotSet::default(); 9];
        for (number, (source, destination)) in pairs.iter().enumerate() {
            if number % 2 == 0 {
                mixer.connect_slots(slots[*source], slots[*destination]).unwrap();
            } else {
                bridged[*destination].insert(slots[*source]);
            }
        }
        for (slot, sources) in slots.iter().zip(bridged) {
            mixer.set_bridged(*slot, sources);
        }
        mixer.mix();
        for (destination, slot) in slots.iter().enumerate() {
            let mut sum = 0;
            for (source, (value, (volume, _))) in values.iter().zip(&volumes).enumerate() {
                if pairs.contains(&(source, destination)) && roles[source].0 && roles[destination].1 {
                    sum += (i64::from(*value) * i64::from(*volume) / 100).clamp(-32_768, 32_767);
                }
            }
            let expected = (sum * i64::from(volumes[destination].1) / 100).clamp(-32_768, 32_767);
            prop_assert_eq!(i64::from(heard(&mixer, *slot)), expected);
        }
        let with_roles = |(number, (source, destination)): &(usize, &(usize, usize))| {
            number % 2 == 0 || (roles[*source].0 && roles[*destination].1)
        };
        let expected: Vec<_> =
            pairs.iter().enumerate().filter(with_roles).map(|(_, pair)| (slots[pair.0], slots[pair.1])).collect();
        prop_assert_eq!(mixer.connected_slots(), expected);
    }
}
