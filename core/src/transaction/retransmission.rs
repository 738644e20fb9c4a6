//! A timer that fires again and again, at intervals that double (timers A, E and G of RFC 3261 section 17).

use std::time::Duration;

use crate::time::Instant;

/// When a message is due to be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Retransmission {
    at: Instant,
    interval: Duration,
    cap: Duration,
}

impl Retransmission {
    /// First due `interval` after `now`, then after twice as long each time, up to `cap`.
    pub(super) fn start(now: Instant, interval: Duration, cap: Duration) -> Self {
        Self { at: now + interval, interval, cap: cap.max(interval) }
    }

    /// When it is due.
    pub(super) const fn at(&self) -> Instant {
        self.at
    }

    /// From the next time on at intervals of `cap`.
    pub(super) const fn slow_down(&mut self) {
        self.interval = self.cap;
    }

    /// Whether it is due, and if so sets it to its next time after `now`. Times that were missed are skipped: a driver that comes late causes
    /// no burst.
    ///
    /// The machines ask only before the end of their 64·T1, so that not more than 64 times can have been missed.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let due = self.at <= now;
        while self.at <= now && !self.interval.is_zero() {
            self.interval = self.interval.saturating_mul(2).min(self.cap);
            self.at += self.interval;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn seconds(s: u64) -> Instant {
        Instant::from_millis(s * 1000)
    }

    #[test]
    fn intervals_double_up_to_the_cap() {
        let mut again = Retransmission::start(Instant::ZERO, SECOND, 4 * SECOND);
        for at in [1, 3, 7, 11, 15] {
            assert_eq!(again.at(), seconds(at));
            assert!(!again.take(Instant::from_nanos(seconds(at).as_nanos() - 1)));
            assert!(again.take(seconds(at)));
            assert!(!again.take(seconds(at)));
        }
    }

    #[test]
    fn missed_times_are_skipped_and_the_schedule_is_kept() {
        let mut again = Retransmission::start(Instant::ZERO, SECOND, 4 * SECOND);
        assert!(again.take(seconds(8)));
        assert_eq!(again.at(), seconds(11));
    }

    #[test]
    fn slowing_down_keeps_the_next_time() {
        let mut again = Retransmission::start(Instant::ZERO, SECOND, 4 * SECOND);
        again.slow_down();
        assert!(again.take(seconds(1)));
        assert_eq!(again.at(), seconds(5));
    }

    #[test]
    fn the_cap_is_never_below_the_first_interval() {
        let mut again = Retransmission::start(Instant::ZERO, 2 * SECOND, SECOND);
        assert!(again.take(seconds(2)));
        assert_eq!(again.at(), seconds(4));
    }
}
