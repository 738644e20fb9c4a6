//! Sequence numbers of one source (RFC 3550 appendix A.1): probation, cycles, restarts, duplicates.
//!
//! ```text
//!              a run of `required` consecutive numbers
//!  probation ───────────────────────────────────────────► valid ◄─┐
//!      │ ▲                                                   │    │ the next number follows: restarted
//!      └─┘ a gap starts the run again        a large jump    ▼    │
//!                                                         suspect ┘
//!                          any other number in range ──► valid
//! ```

/// How far ahead of the highest number a packet may be (RFC 3550 appendix A.1, MAX_DROPOUT).
const MAX_DROPOUT: u16 = 3000;
/// How far behind the highest number a packet may be (RFC 3550 appendix A.1, MAX_MISORDER).
const MAX_MISORDER: u16 = 100;
/// Numbers in a cycle. Extended numbers start in the second cycle, so that there is room below the first packet for those that it overtook.
const CYCLE: u64 = 1 << 16;

/// What a packet's number means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The source is not valid yet; the packet is the `run`th with consecutive numbers. A run of 1 forgets those before.
    Unproven {
        /// Packets in this run.
        run: u8,
    },
    /// The run is long enough: its packets are valid, this one being the last.
    Proven {
        /// The extended number.
        number: u64,
    },
    /// A number higher than all before.
    Newer {
        /// The extended number.
        number: u64,
        /// Numbers left out since the highest before.
        skipped: u16,
    },
    /// A number that was left out before.
    Older {
        /// The extended number.
        number: u64,
    },
    /// A number that has come before.
    Duplicate,
    /// A number far off: not valid, unless the next one follows it.
    Suspect,
    /// The second of two consecutive numbers far off: the source restarted, and counting with it.
    Restarted {
        /// The extended number, higher than all before.
        number: u64,
    },
}

/// The sequence state of one source.
#[derive(Clone, Debug)]
pub struct Sequence {
    /// Packets that the run still lacks; 0 when the source is valid.
    lacking: u8,
    required: u8,
    /// Whether any packet has come at all.
    started: bool,
    /// The extended number of the newest packet.
    highest: u64,
    /// The extended number of the first packet.
    base: u64,
    /// Valid packets, duplicates included (RFC 3550 appendix A.3).
    received: u64,
    duplicates: u64,
    /// Bit `i` is set when `highest - i` has come.
    window: u128,
    /// The number that would make a jump a restart.
    suspect: Option<u16>,
}

impl Sequence {
    /// A source that is valid after `required` packets with consecutive numbers (at least one).
    #[must_use]
    pub fn new(required: u8) -> Self {
        let required = required.max(1);
        Self {
            lacking: required,
            required,
            started: false,
            highest: 0,
            base: 0,
            received: 0,
            duplicates: 0,
            window: 0,
            suspect: None,
        }
    }

    /// Takes note of a packet.
    pub fn update(&mut self, sequence: u16) -> Arrival {
        if self.lacking > 0 {
            return self.prove(sequence);
        }
        let ahead = sequence.wrapping_sub(low(self.highest));
        let behind = low(self.highest).wrapping_sub(sequence);
        if ahead == 0 {
            self.duplicate()
        } else if ahead < MAX_DROPOUT {
            self.highest += u64::from(ahead);
            self.window = self.window.checked_shl(u32::from(ahead)).unwrap_or(0) | 1;
            self.accept();
            Arrival::Newer { number: self.highest, skipped: ahead - 1 }
        } else if behind < MAX_MISORDER {
            let bit = 1 << behind;
            if self.window & bit != 0 {
                return self.duplicate();
            }
            self.window |= bit;
            self.accept();
            let number = self.highest - u64::from(behind);
            self.base = self.base.min(number);
            Arrival::Older { number }
        } else if self.suspect == Some(sequence) {
            let number = (self.highest & !(CYCLE - 1)) + CYCLE + u64::from(sequence);
            self.begin(number, 1);
            Arrival::Restarted { number }
        } else {
            self.suspect = Some(sequence.wrapping_add(1));
            Arrival::Suspect
        }
    }

    fn prove(&mut self, sequence: u16) -> Arrival {
        if self.started && sequence == low(self.highest) {
            return Arrival::Duplicate;
        }
        if self.started && sequence == low(self.highest).wrapping_add(1) {
            self.highest += 1;
        } else {
            self.highest = CYCLE + u64::from(sequence);
            self.lacking = self.required;
        }
        self.started = true;
        self.lacking -= 1;
        if self.lacking == 0 {
            self.begin(self.highest, self.required);
            return Arrival::Proven { number: self.highest };
        }
        Arrival::Unproven { run: self.required - self.lacking }
    }

    /// Starts counting: `run` packets up to `number` have come.
    fn begin(&mut self, number: u64, run: u8) {
        self.highest = number;
        self.base = number - u64::from(run - 1);
        self.received = u64::from(run);
        self.duplicates = 0;
        self.window = (1 << run.min(127)) - 1;
        self.suspect = None;
    }

    fn accept(&mut self) {
        self.received += 1;
        self.suspect = None;
    }

    fn duplicate(&mut self) -> Arrival {
        self.received += 1;
        self.duplicates += 1;
        Arrival::Duplicate
    }

    /// Whether the source has passed its probation.
    #[must_use]
    pub const fn is_valid(&self) -> bool {
        self.lacking == 0
    }

    /// The extended highest sequence number received, as reception reports say it (RFC 3550 section 6.4.1).
    #[must_use]
    pub fn highest(&self) -> u32 {
        u32::try_from(self.highest.saturating_sub(CYCLE) & u64::from(u32::MAX)).unwrap_or(0)
    }

    /// Packets that should have come since counting began (RFC 3550 appendix A.3).
    #[must_use]
    pub const fn expected(&self) -> u64 {
        if self.lacking > 0 { 0 } else { self.highest - self.base + 1 }
    }

    /// Packets that came since counting began, duplicates and late ones included (RFC 3550 appendix A.3).
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// Packets that have not come since counting began, whatever else came twice.
    #[must_use]
    pub const fn missing(&self) -> u64 {
        self.expected().saturating_sub(self.received - self.duplicates)
    }
}

/// The number on the wire.
fn low(number: u64) -> u16 {
    u16::try_from(number & (CYCLE - 1)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// A source made valid by a run that ends with `last`.
    fn valid(last: u16) -> Sequence {
        let mut sequence = Sequence::new(2);
        sequence.update(last.wrapping_sub(1));
        assert!(matches!(sequence.update(last), Arrival::Proven { .. }));
        sequence
    }

    #[test]
    fn a_source_is_valid_after_a_run_of_consecutive_numbers() {
        let mut sequence = Sequence::new(3);
        assert_eq!(sequence.update(10), Arrival::Unproven { run: 1 });
        assert_eq!(sequence.update(11), Arrival::Unproven { run: 2 });
        assert_eq!(sequence.update(13), Arrival::Unproven { run: 1 });
        assert_eq!(sequence.update(14), Arrival::Unproven { run: 2 });
        assert!(!sequence.is_valid());
        assert_eq!(sequence.expected(), 0);
        assert_eq!(sequence.update(14), Arrival::Duplicate, "a duplicate proves nothing and breaks nothing");
        assert_eq!(sequence.update(15), Arrival::Proven { number: CYCLE + 15 });
        assert!(sequence.is_valid());
        assert_eq!((sequence.expected(), sequence.received(), sequence.missing()), (3, 3, 0));
        assert_eq!(sequence.highest(), 15);
    }

    #[test]
    fn a_run_goes_on_over_the_end_of_the_cycle() {
        let mut sequence = Sequence::new(2);
        sequence.update(0xffff);
        assert_eq!(sequence.update(0), Arrival::Proven { number: 2 * CYCLE });
        assert_eq!(sequence.expected(), 2);
        assert_eq!(sequence.highest(), 0x1_0000);
    }

    #[test]
    fn gaps_and_late_packets_are_valid_and_told_apart() {
        let mut sequence = valid(100);
        assert_eq!(sequence.update(103), Arrival::Newer { number: CYCLE + 103, skipped: 2 });
        assert_eq!(sequence.missing(), 2);
        assert_eq!(sequence.update(101), Arrival::Older { number: CYCLE + 101 });
        assert_eq!(sequence.update(101), Arrival::Duplicate);
        assert_eq!(sequence.update(103), Arrival::Duplicate);
        assert_eq!((sequence.expected(), sequence.received(), sequence.missing()), (5, 6, 1));
    }

    #[test]
    fn the_cycle_wraps_both_ways() {
        let mut sequence = valid(0xfffe);
        assert_eq!(sequence.update(1), Arrival::Newer { number: 2 * CYCLE + 1, skipped: 2 });
        assert_eq!(sequence.update(0xffff), Arrival::Older { number: 2 * CYCLE - 1 });
        assert_eq!(sequence.update(0xffff), Arrival::Duplicate);
        assert_eq!(sequence.update(0), Arrival::Older { number: 2 * CYCLE });
        assert_eq!(sequence.highest(), 0x1_0001);
        assert_eq!(sequence.missing(), 0);
    }

    #[test]
    fn packets_that_the_first_one_overtook_belong_to_the_count() {
        let mut sequence = valid(1);
        assert_eq!(sequence.update(0xffff), Arrival::Older { number: CYCLE - 1 });
        assert_eq!((sequence.expected(), sequence.received(), sequence.missing()), (3, 3, 0));
    }

    #[test]
    fn a_jump_is_believed_when_the_next_number_follows() {
        let mut sequence = valid(100);
        assert_eq!(sequence.update(100 + MAX_DROPOUT), Arrival::Suspect);
        assert_eq!(sequence.update(101), Arrival::Newer { number: CYCLE + 101, skipped: 0 });
        assert_eq!(sequence.update(100 + MAX_DROPOUT + 1 + 1), Arrival::Suspect, "the run was broken");
        assert_eq!(sequence.received(), 3);
        let restarted = 100 + MAX_DROPOUT + 3;
        assert_eq!(sequence.update(restarted), Arrival::Restarted { number: 2 * CYCLE + u64::from(restarted) });
        assert_eq!((sequence.expected(), sequence.received(), sequence.missing()), (1, 1, 0));
        assert_eq!(
            sequence.update(restarted + 1 + MAX_MISORDER),
            Arrival::Newer { number: 2 * CYCLE + u64::from(restarted) + 101, skipped: 100 }
        );
    }

    #[test]
    fn the_limits_are_those_of_the_standard() {
        assert!(matches!(valid(500).update(500 + 2999), Arrival::Newer { skipped: 2998, .. }));
        assert_eq!(valid(500).update(500 + 3000), Arrival::Suspect);
        assert!(matches!(valid(500).update(500 - 99), Arrival::Older { .. }));
        assert_eq!(valid(500).update(500 - 100), Arrival::Suspect);
    }

    proptest! {
        /// Whatever the order within the window, what is counted is what came.
        #[test]
        fn counting_agrees_with_a_set(first: u16, steps in proptest::collection::vec((-40..60i64, 1..3usize), 1..300)) {
            let mut sequence = Sequence::new(2);
            sequence.update(first);
            sequence.update(first.wrapping_add(1));
            let mut seen: BTreeSet<i64> = [0, 1].into();
            let (mut highest, mut received) = (1i64, 2u64);
            for (step, copies) in steps {
                let number = highest + step;
                for _ in 0..copies {
                    let wire = u16::try_from((i64::from(first) + number).rem_euclid(65_536)).unwrap();
                    let arrival = sequence.update(wire);
                    received += 1;
                    prop_assert_eq!(arrival == Arrival::Duplicate, !seen.insert(number));
                }
                highest = highest.max(number);
            }
            let lowest = *seen.first().unwrap();
            prop_assert_eq!(sequence.expected(), u64::try_from(highest - lowest + 1).unwrap());
            prop_assert_eq!(sequence.received(), received);
            prop_assert_eq!(sequence.missing(), sequence.expected() - seen.len() as u64);
        }
    }
}
