//! What a receiver knows of one source: loss, interarrival jitter and the last sender report, from which reception reports are made (RFC 3550 sections 6.4.1, A.3, A.8).

use std::time::Duration;

use super::ntp::{self, Ntp};
use super::rtcp::ReportBlock;
use super::sequence::{Arrival, Sequence};
use crate::time::Instant;

/// The reception of one source.
#[derive(Clone, Debug)]
pub struct Reception {
    ssrc: u32,
    sequence: Sequence,
    jitter: Jitter,
    expected_before: u64,
    received_before: u64,
    /// The middle bits of the last sender report's timestamp, and when it came.
    sender_report: Option<(u32, Instant)>,
}

impl Reception {
    /// A source whose sequence numbers have been followed so far by `sequence`.
    #[must_use]
    pub fn new(ssrc: u32, sequence: Sequence) -> Self {
        Self { ssrc, sequence, jitter: Jitter::default(), expected_before: 0, received_before: 0, sender_report: None }
    }

    /// Takes note of the sequence number of a packet.
    pub fn arrived(&mut self, sequence: u16) -> Arrival {
        let arrival = self.sequence.update(sequence);
        if matches!(arrival, Arrival::Restarted { .. }) {
            self.jitter = Jitter::default();
            self.expected_before = 0;
            self.received_before = 0;
        }
        arrival
    }

    /// Takes note of when a valid packet came and what its timestamp was, in units of `clock_rate` Hz.
    pub fn timed(&mut self, now: Instant, timestamp: u32, clock_rate: u32) {
        self.jitter.update(now, timestamp, clock_rate);
    }

    /// Takes note of a sender report of this source.
    pub fn sender_report(&mut self, now: Instant, ntp: Ntp) {
        self.sender_report = Some((ntp.middle(), now));
    }

    /// The source.
    #[must_use]
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Its sequence numbers.
    #[must_use]
    pub const fn sequence(&self) -> &Sequence {
        &self.sequence
    }

    /// The interarrival jitter.
    #[must_use]
    pub fn jitter(&self) -> Duration {
        self.jitter.duration()
    }

    /// Whether packets came since the last report block.
    #[must_use]
    pub const fn heard_since_report(&self) -> bool {
        self.sequence.received() != self.received_before
    }

    /// The block of the next report about this source: what it says of a fraction is counted from the block before.
    #[must_use]
    pub fn report(&mut self, now: Instant) -> ReportBlock {
        let (expected, received) = (self.sequence.expected(), self.sequence.received());
        let expected_interval = expected.saturating_sub(self.expected_before);
        let received_interval = received.saturating_sub(self.received_before);
        self.expected_before = expected;
        self.received_before = received;
        let lost = expected_interval.saturating_sub(received_interval);
        let fraction = (lost << 8).checked_div(expected_interval).unwrap_or(0);
        let (last_sr, delay) = self.sender_report.map_or((0, 0), |(middle, when)| (middle, ntp::to_short(now - when)));
        ReportBlock {
            ssrc: self.ssrc,
            fraction_lost: u8::try_from(fraction).unwrap_or(u8::MAX),
            lost: cumulative(expected, received),
            highest: self.sequence.highest(),
            jitter: self.jitter.units(),
            last_sr,
            delay,
        }
    }
}

/// Packets lost in 24 signed bits; it is negative when there were more duplicates than losses (RFC 3550 appendix A.3).
fn cumulative(expected: u64, received: u64) -> i32 {
    const MAX: i32 = 0x7f_ffff;
    let lost = i128::from(expected) - i128::from(received);
    i32::try_from(lost.clamp(i128::from(-MAX - 1), i128::from(MAX))).unwrap_or(MAX)
}

/// The interarrival jitter (RFC 3550 appendix A.8): a mean of how much longer or shorter each packet travelled than the one before.
#[derive(Clone, Debug, Default)]
struct Jitter {
    clock_rate: u32,
    /// The last packet's arrival less its timestamp, in timestamp units modulo 2^32.
    transit: Option<u32>,
    /// The estimate, times 16.
    scaled: u64,
}

impl Jitter {
    fn update(&mut self, now: Instant, timestamp: u32, clock_rate: u32) {
        let arrival = (u128::from(now.as_nanos()) * u128::from(clock_rate) / 1_000_000_000) & u128::from(u32::MAX);
        let transit = u32::try_from(arrival).unwrap_or(0).wrapping_sub(timestamp);
        if self.clock_rate != clock_rate {
            // Other units: the estimate is kept as a time, the difference starts anew.
            let scaled = u128::from(self.scaled) * u128::from(clock_rate) / u128::from(self.clock_rate.max(1));
            self.scaled = u64::try_from(scaled).unwrap_or(0);
            self.clock_rate = clock_rate;
            self.transit = None;
        }
        if let Some(before) = self.transit.replace(transit) {
            let further = transit.wrapping_sub(before);
            let difference = u64::from(further.min(further.wrapping_neg()));
            self.scaled = self.scaled + difference - ((self.scaled + 8) >> 4);
        }
    }

    fn units(&self) -> u32 {
        u32::try_from(self.scaled >> 4).unwrap_or(u32::MAX)
    }

    fn duration(&self) -> Duration {
        let nanos = u128::from(self.scaled) * 1_000_000_000 / (u128::from(self.clock_rate.max(1)) << 4);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    /// A reception that has had the packets `first` and `first + 1`.
    fn reception(first: u16) -> Reception {
        let mut sequence = Sequence::new(2);
        sequence.update(first);
        sequence.update(first.wrapping_add(1));
        Reception::new(7, sequence)
    }

    #[test]
    fn a_report_tells_the_loss_of_its_interval_and_the_sum() {
        let mut source = reception(10);
        let first = source.report(ms(0));
        assert_eq!((first.ssrc, first.fraction_lost, first.lost, first.highest), (7, 0, 0, 11));
        // 12 to 19 should come: 12 and 16 do not.
        for number in [13, 14, 15, 17, 18, 19] {
            source.arrived(number);
        }
        let second = source.report(ms(0));
        assert_eq!((second.fraction_lost, second.lost, second.highest), (64, 2, 19), "a quarter of 256");
        assert!(!source.heard_since_report());
        source.arrived(20);
        assert!(source.heard_since_report());
        let third = source.report(ms(0));
        assert_eq!((third.fraction_lost, third.lost), (0, 2));
    }

    #[test]
    fn duplicates_make_the_loss_negative_and_the_fraction_zero() {
        let mut source = reception(10);
        for _ in 0..3 {
            source.arrived(11);
        }
        let block = source.report(ms(0));
        assert_eq!((block.fraction_lost, block.lost), (0, -3));
        assert_eq!(source.sequence().missing(), 0, "nothing is missing all the same");
    }

    #[test]
    fn a_full_loss_but_for_the_last_packet_fits_the_fraction() {
        let mut source = reception(10);
        let _ = source.report(ms(0));
        source.arrived(11 + 2999);
        assert_eq!(source.report(ms(0)).fraction_lost, 255);
    }

    #[test]
    fn loss_is_counted_over_the_end_of_the_cycle() {
        let mut source = reception(0xfffd);
        for number in [0xffff, 1, 2] {
            source.arrived(number);
        }
        let block = source.report(ms(0));
        assert_eq!((block.lost, block.highest), (1, 0x1_0002));
    }

    #[test]
    fn the_sum_is_clamped_to_24_bits() {
        assert_eq!(cumulative(0x80_0000, 0), 0x7f_ffff);
        assert_eq!(cumulative(0, 0x80_0001), -0x80_0000);
        assert_eq!(cumulative(u64::MAX, 0), 0x7f_ffff);
        assert_eq!(cumulative(5, 7), -2);
    }

    #[test]
    fn the_delay_since_the_last_sender_report_is_exact() {
        let mut source = reception(10);
        let before = source.report(ms(0));
        assert_eq!((before.last_sr, before.delay), (0, 0));
        source.sender_report(ms(1000), Ntp(0xb44d_b705_2000_0000));
        let block = source.report(ms(6250));
        assert_eq!((block.last_sr, block.delay), (0xb705_2000, 0x0005_4000));
    }

    #[test]
    fn jitter_is_zero_when_packets_keep_their_pace_over_the_wrap() {
        let mut source = reception(10);
        let first = u32::MAX - 400;
        for packet in 0..50u32 {
            // The arrival clock in 8 kHz units wraps as well: 2^32 units are 536,870,912 ms.
            let now = ms(536_870_912 - 300 + u64::from(packet) * 20);
            source.timed(now, first.wrapping_add(packet * 160), 8000);
        }
        assert_eq!(source.jitter(), Duration::ZERO);
    }

    #[test]
    fn jitter_follows_the_formula() {
        let mut source = reception(10);
        source.timed(ms(0), 0, 8000);
        source.timed(ms(30), 160, 8000);
        // |D| = 80 units: J = 80/16 = 5.
        assert_eq!(source.report(ms(0)).jitter, 5);
        assert_eq!(source.jitter(), Duration::from_micros(625));
        source.timed(ms(40), 320, 8000);
        // D = −80 units: J = 5 + (80 − 5)/16 = 9.69.
        assert_eq!(source.report(ms(0)).jitter, 9);
    }

    #[test]
    fn another_clock_rate_is_no_jitter() {
        let mut source = reception(10);
        source.timed(ms(0), 0, 8000);
        source.timed(ms(30), 160, 8000);
        let before = source.jitter();
        source.timed(ms(50), 1_000_000, 48_000);
        assert_eq!(source.jitter(), before);
        source.timed(ms(70), 1_000_960, 48_000);
        assert!(source.jitter() < before);
    }

    #[test]
    fn a_restart_starts_the_report_anew() {
        let mut source = reception(10);
        source.arrived(50);
        let _ = source.report(ms(0));
        source.arrived(20_000);
        assert!(matches!(source.arrived(20_001), Arrival::Restarted { .. }));
        let block = source.report(ms(0));
        assert_eq!((block.fraction_lost, block.lost), (0, 0));
    }

    proptest! {
        /// The integer estimate stays within one unit and a half of the formula in real numbers.
        #[test]
        fn jitter_agrees_with_real_numbers(
            start in 0..1u64 << 40,
            timestamp: u32,
            delays in proptest::collection::vec(0..400u64, 2..200),
        ) {
            let mut jitter = Jitter::default();
            let mut real = 0.0f64;
            for (index, delay) in delays.iter().enumerate() {
                let index = index as u64;
                // Whole timestamp units at 8 kHz: 125 µs each.
                let now = Instant::from_nanos((start + index * 160 + delay) * 125_000);
                jitter.update(now, timestamp.wrapping_add(u32::try_from(index * 160).unwrap()), 8000);
                if index > 0 {
                    let difference = (*delay as f64 - delays[index as usize - 1] as f64).abs();
                    real += (difference - real) / 16.0;
                }
            }
            prop_assert!((jitter.scaled as f64 / 16.0 - real).abs() < 1.5, "{} and {real}", jitter.scaled as f64 / 16.0);
        }

        #[test]
        fn no_arrival_overflows(packets in proptest::collection::vec((any::<u64>(), any::<u32>(), any::<u32>(), any::<u16>()), 0..100)) {
            let mut source = reception(0);
            for (now, timestamp, rate, number) in packets {
                source.timed(Instant::from_nanos(now), timestamp, rate);
                source.arrived(number);
                let _ = (source.report(Instant::from_nanos(now)), source.jitter());
            }
        }
    }
}
