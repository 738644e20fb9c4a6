//! The clocks of the system, in the core's terms.

use std::time::{Duration, SystemTime};

use sipsimple_core::time::{Instant, Utc};

/// The monotonic clock, counted in nanoseconds from the moment this value was made.
///
/// Everything that works on one agent counts from the same start: a clock is copied, not made twice.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: std::time::Instant,
}

impl Clock {
    /// A clock that starts now.
    #[must_use]
    pub fn start() -> Self {
        Self { start: std::time::Instant::now() }
    }

    /// The time since the start.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.convert(std::time::Instant::now())
    }

    /// A time of the system's monotonic clock, counted from the start; the start itself for what lies before it.
    #[must_use]
    pub fn convert(&self, at: std::time::Instant) -> Instant {
        Instant::ZERO + at.saturating_duration_since(self.start)
    }

    /// The same instant on the system's monotonic clock; `None` when it is too far away for that clock.
    #[must_use]
    pub fn system(&self, at: Instant) -> Option<std::time::Instant> {
        self.start.checked_add(Duration::from_nanos(at.as_nanos()))
    }

    /// The date, as the system's clock tells it now; 1970 for a clock that is set before it.
    #[must_use]
    pub fn utc() -> Utc {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Utc { unix_millis: i64::try_from(since.as_millis()).unwrap_or(i64::MAX) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_convert_both_ways() {
        let clock = Clock::start();
        let at = Instant::from_nanos(1_234_567_891);
        assert_eq!(clock.convert(clock.system(at).unwrap()), at);
        assert!(clock.now() <= clock.now());
        assert!(Clock::utc().unix_millis > 1_600_000_000_000);
    }

    #[test]
    fn what_lies_before_the_start_is_the_start() {
        let earlier = std::time::Instant::now();
        assert_eq!(Clock::start().convert(earlier), Instant::ZERO);
    }
}
