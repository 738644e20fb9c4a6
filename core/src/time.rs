//! Time as data.
//!
//! The core never reads a clock. The driver tells it the time with every call, as an [`Instant`] counted from a start
//! that the driver chose, and the date now and then, as a [`Utc`]. Both can be built in a test, printed in a trace and
//! compared in a replay.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

mod rfc3339;
mod rfc5322;

/// A point in time: nanoseconds since a start that the driver picked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Instant(u64);

impl Instant {
    /// The start itself.
    pub const ZERO: Self = Self(0);

    /// The instant `ns` nanoseconds after the start.
    #[must_use]
    pub const fn from_nanos(ns: u64) -> Self {
        Self(ns)
    }

    /// The instant `ms` milliseconds after the start; saturates after 584 years.
    #[must_use]
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms.saturating_mul(1_000_000))
    }

    /// Nanoseconds since the start.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whole milliseconds since the start.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// The time from `earlier` to `self`, zero if `earlier` is later.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        let ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(ns))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.saturating_since(earlier)
    }
}

impl fmt::Display for Instant {
    /// Seconds with nine decimals, as in `12.000500000`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}", self.0 / 1_000_000_000, self.0 % 1_000_000_000)
    }
}

/// The earlier of two optional instants; `None` means that nothing is pending.
#[must_use]
pub fn earliest(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// A date, for the places where a wire format, a file or a notification wants one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Utc {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub unix_millis: i64,
}

/// Seconds from 1900-01-01 (the epoch of NTP, and of SDP's `o=` and `t=`) to 1970-01-01.
const NTP_OFFSET: u64 = 2_208_988_800;

impl Utc {
    /// Seconds since 1900-01-01, as SDP session ids are made of (RFC 8866 section 5.2).
    #[must_use]
    pub fn ntp_seconds(self) -> u64 {
        u64::try_from(self.unix_millis.div_euclid(1000)).map_or(0, |unix| unix + NTP_OFFSET)
    }

    /// The 64-bit NTP timestamp of RTCP sender reports: seconds since 1900 in the upper half (modulo 2^32), the fraction in the lower (RFC 3550 section 4).
    #[must_use]
    pub fn ntp_timestamp(self) -> u64 {
        let millis = u64::try_from(self.unix_millis.rem_euclid(1000)).unwrap_or(0);
        ((self.ntp_seconds() & 0xffff_ffff) << 32) | ((millis << 32) / 1000)
    }

    /// Year, month 1–12, day 1–31, hour, minute, second, of the proleptic Gregorian calendar.
    #[must_use]
    pub fn civil(self) -> Civil {
        let seconds = self.unix_millis.div_euclid(1000);
        let (days, second_of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        // Days counted from 0000-03-01, in eras of 400 years, so that leap days come last.
        let z = days + 719_468;
        let (era, day_of_era) = (z.div_euclid(146_097), z.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        Civil {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month: small(month),
            day: small(day_of_year - (153 * shifted_month + 2) / 5 + 1),
            hour: small(second_of_day / 3600),
            minute: small(second_of_day / 60 % 60),
            second: small(second_of_day % 60),
            // 1970-01-01 was a Thursday.
            weekday: small((days + 4).rem_euclid(7)),
        }
    }

    /// The date as SIP and HTTP write it: `Sat, 13 Nov 2010 23:29:00 GMT` (RFC 3261 section 20.17).
    #[must_use]
    pub fn http_date(self) -> String {
        const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
        let c = self.civil();
        let day = DAYS.get(usize::from(c.weekday)).unwrap_or(&"");
        let month = rfc5322::MONTHS.get(usize::from(c.month.saturating_sub(1))).unwrap_or(&"");
        format!("{day}, {:02} {month} {:04} {:02}:{:02}:{:02} GMT", c.day, c.year, c.hour, c.minute, c.second)
    }
}

impl Add<Duration> for Utc {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        let ms = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self { unix_millis: self.unix_millis.saturating_add(ms) }
    }
}

impl fmt::Display for Utc {
    /// RFC 3339 with milliseconds: `2010-12-08T10:18:00.000Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = self.civil();
        let millis = self.unix_millis.rem_euclid(1000);
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{millis:03}Z",
            c.year, c.month, c.day, c.hour, c.minute, c.second
        )
    }
}

/// A [`Utc`] taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// Year, negative before year 0.
    pub year: i64,
    /// Month, 1 to 12.
    pub month: u8,
    /// Day of the month, 1 to 31.
    pub day: u8,
    /// Hour, 0 to 23.
    pub hour: u8,
    /// Minute, 0 to 59.
    pub minute: u8,
    /// Second, 0 to 59.
    pub second: u8,
    /// Day of the week, 0 is Sunday.
    pub weekday: u8,
}

fn small(value: i64) -> u8 {
    u8::try_from(value).unwrap_or(0)
}

/// The date, carried forward between the driver's tellings: the last [`Utc`] plus the time elapsed since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    at: Instant,
    utc: Utc,
}

impl Clock {
    /// At `at` it was `utc`.
    #[must_use]
    pub const fn new(at: Instant, utc: Utc) -> Self {
        Self { at, utc }
    }

    /// The date at `now`.
    #[must_use]
    pub fn utc(&self, now: Instant) -> Utc {
        self.utc + now.saturating_since(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates() {
        let end = Instant::from_nanos(u64::MAX);
        assert_eq!(end + Duration::from_secs(1), end);
        assert_eq!(Instant::ZERO - end, Duration::ZERO);
        assert_eq!(Instant::from_millis(1500).to_string(), "1.500000000");
    }

    #[test]
    fn earliest_ignores_what_is_not_pending() {
        let (a, b) = (Instant::from_nanos(1), Instant::from_nanos(2));
        assert_eq!(earliest(Some(a), Some(b)), Some(a));
        assert_eq!(earliest(None, Some(b)), Some(b));
        assert_eq!(earliest(None, None), None);
    }

    #[test]
    fn dates_are_written_as_the_standards_do() {
        // The example of RFC 3261 section 20.17.
        let utc = Utc { unix_millis: 1_289_690_940_000 };
        assert_eq!(utc.http_date(), "Sat, 13 Nov 2010 23:29:00 GMT");
        assert_eq!(utc.to_string(), "2010-11-13T23:29:00.000Z");
        let leap = Utc { unix_millis: 1_709_164_800_123 };
        assert_eq!(leap.to_string(), "2024-02-29T00:00:00.123Z");
        let before = Utc { unix_millis: -1 };
        assert_eq!(before.to_string(), "1969-12-31T23:59:59.999Z");
    }

    #[test]
    fn ntp_counts_from_1900() {
        let utc = Utc { unix_millis: 500 };
        assert_eq!(utc.ntp_seconds(), 2_208_988_800);
        assert_eq!(utc.ntp_timestamp(), (2_208_988_800 << 32) | 0x8000_0000);
    }

    #[test]
    fn the_clock_runs_between_ticks() {
        let clock = Clock::new(Instant::from_millis(10), Utc { unix_millis: 1000 });
        assert_eq!(clock.utc(Instant::from_millis(250)).unix_millis, 1240);
        assert_eq!(clock.utc(Instant::ZERO).unix_millis, 1000);
    }
}
