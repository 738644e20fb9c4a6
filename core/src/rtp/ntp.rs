//! NTP timestamps of sender reports, and the round-trip time (RFC 3550 sections 4 and 6.4.1).

use std::time::Duration;

use crate::time::{Instant, Utc};

/// A 64-bit NTP timestamp: seconds since 1900 modulo 2^32 in the upper half, the fraction of a second in the lower.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ntp(pub u64);

impl Ntp {
    /// The middle 32 bits, 16 of seconds and 16 of fraction, as LSR holds them. They wrap around every 18 hours.
    #[must_use]
    pub fn middle(self) -> u32 {
        u32::try_from((self.0 >> 16) & u64::from(u32::MAX)).unwrap_or(0)
    }
}

/// The wall clock of one path: set once, then carried by the monotonic clock, so that differences between its timestamps are differences in time.
#[derive(Clone, Copy, Debug)]
pub struct NtpClock {
    start: Instant,
    at_start: u64,
}

impl NtpClock {
    /// At `now` it is `utc`.
    #[must_use]
    pub fn new(now: Instant, utc: Utc) -> Self {
        Self { start: now, at_start: utc.ntp_timestamp() }
    }

    /// The timestamp at `now`.
    #[must_use]
    pub fn at(&self, now: Instant) -> Ntp {
        let elapsed = (now - self.start).as_nanos();
        let fixed = u64::try_from(((elapsed << 32) / 1_000_000_000) & u128::from(u64::MAX)).unwrap_or(0);
        Ntp(self.at_start.wrapping_add(fixed))
    }
}

/// A duration in units of 1/65536 s, as DLSR holds it; what is longer than 18 hours is cut.
#[must_use]
pub fn to_short(duration: Duration) -> u32 {
    u32::try_from((duration.as_nanos() << 16) / 1_000_000_000).unwrap_or(u32::MAX)
}

/// The duration of `short` units of 1/65536 s.
#[must_use]
pub fn from_short(short: u32) -> Duration {
    Duration::from_nanos((u64::from(short) * 1_000_000_000) >> 16)
}

/// The round-trip time from a reception report that arrived at `arrival` and says that our report of `last_sr` was received `delay` before it was sent: A − LSR − DLSR, modulo 18 hours.
///
/// Clocks tick in steps, so a time that comes out negative by less than a second is zero; otherwise the report contradicts itself and says nothing.
#[must_use]
pub fn round_trip(arrival: Ntp, last_sr: u32, delay: u32) -> Option<Duration> {
    let away = arrival.middle().wrapping_sub(last_sr);
    match away.checked_sub(delay) {
        Some(time) => Some(from_short(time)),
        None if delay - away < 1 << 16 => Some(Duration::ZERO),
        None => None,
    }
}

/// The sender reports that a peer may answer: only these make a round-trip time, whatever else a reception report claims.
#[derive(Clone, Debug, Default)]
pub struct SentReports {
    stamps: [Option<u32>; 8],
    next: usize,
}

impl SentReports {
    /// A sender report with this timestamp was sent.
    pub fn sent(&mut self, ntp: Ntp) {
        if let Some(stamp) = self.stamps.get_mut(self.next) {
            *stamp = Some(ntp.middle());
        }
        self.next = (self.next + 1) % self.stamps.len();
    }

    /// The round-trip time that a reception report tells, if it answers one of the latest reports.
    #[must_use]
    pub fn answered(&self, arrival: Ntp, last_sr: u32, delay: u32) -> Option<Duration> {
        if self.stamps.contains(&Some(last_sr)) { round_trip(arrival, last_sr, delay) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_standard() {
        // RFC 3550 figure 2: A = b710:8000, LSR = b705:2000, DLSR = 0005:4000, delay 0006:2000 (6.125 s).
        let arrival = Ntp(0xb44d_b710_8000_0000);
        assert_eq!(arrival.middle(), 0xb710_8000);
        assert_eq!(round_trip(arrival, 0xb705_2000, 0x0005_4000), Some(Duration::from_millis(6125)));
        assert_eq!(Ntp(0xb44d_b705_2000_0000).middle(), 0xb705_2000);
        assert_eq!(to_short(Duration::from_millis(5250)), 0x0005_4000);
    }

    #[test]
    fn the_round_trip_survives_the_wrap_of_the_middle_bits() {
        let sent = Ntp(0x0000_ffff_f000_0000);
        let arrival = Ntp(0x0001_0000_7000_0000);
        assert!(arrival.middle() < sent.middle());
        assert_eq!(round_trip(arrival, sent.middle(), 0x4000), Some(Duration::from_millis(250)));
    }

    #[test]
    fn a_time_below_zero_is_zero_or_nonsense() {
        let arrival = Ntp(0x0000_0010_0000_0000);
        assert_eq!(round_trip(arrival, 0x0010_0000, 1), Some(Duration::ZERO));
        assert_eq!(round_trip(arrival, 0x000f_0000, 0x0003_0000), None);
    }

    #[test]
    fn the_clock_counts_in_full_fractions() {
        let clock = NtpClock::new(Instant::from_millis(5), Utc { unix_millis: 250 });
        let start = (2_208_988_800 << 32) | 0x4000_0000;
        assert_eq!(clock.at(Instant::from_millis(5)).0, start);
        assert_eq!(clock.at(Instant::from_millis(1755)).0, start + (1 << 32) + 0xc000_0000);
        let step = clock.at(Instant::from_nanos(5_000_001)).0 - start;
        assert_eq!(step, 4, "a nanosecond is 4.29 units");
        assert_eq!(clock.at(Instant::ZERO).0, start, "time does not run backwards");
        // A century later, over the end of the era in 2036.
        let later = clock.at(Instant::from_millis(5 + 3_155_760_000_000));
        assert_eq!(later.0, start.wrapping_add(3_155_760_000 << 32));
    }

    #[test]
    fn only_our_own_reports_can_be_answered() {
        let mut reports = SentReports::default();
        assert_eq!(reports.answered(Ntp(1 << 32), 0, 0), None, "no report was sent yet");
        for second in 1..=9u64 {
            reports.sent(Ntp(second << 32));
        }
        let arrival = Ntp(10 << 32);
        assert_eq!(reports.answered(arrival, 9 << 16, 0x8000), Some(Duration::from_millis(500)));
        assert_eq!(reports.answered(arrival, 2 << 16, 0), Some(Duration::from_secs(8)));
        assert_eq!(reports.answered(arrival, 1 << 16, 0), None, "too long ago");
        assert_eq!(reports.answered(arrival, 0x1234, 0), None, "never sent");
    }

    #[test]
    fn short_times_are_cut_and_not_wrapped() {
        assert_eq!(to_short(Duration::from_secs(1 << 20)), u32::MAX);
        assert_eq!(from_short(0x0001_8000), Duration::from_millis(1500));
    }
}
