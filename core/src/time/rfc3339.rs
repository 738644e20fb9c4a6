//! Dates as RFC 3339 and `xsd:dateTime` write them.

use super::Utc;

impl Utc {
    /// The date of a day and an hour of the Gregorian calendar; none when there is no such day or hour. Second 60 is the one that follows 59.
    #[must_use]
    pub fn from_civil(year: u32, month: u32, day: u32, [hour, minute, second]: [u32; 3]) -> Option<Self> {
        if year > 9999
            || !(1..=12).contains(&month)
            || !(1..=31).contains(&day)
            || hour > 23
            || minute > 59
            || second > 60
        {
            return None;
        }
        // Days are counted from 0000-03-01, so that leap days come last in their year.
        let shifted = i64::from(year) - i64::from(month < 3);
        let (era, year_of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
        let day_of_year = (153 * ((i64::from(month) + 9) % 12) + 2) / 5 + i64::from(day) - 1;
        let days = era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468;
        let midnight = Self { unix_millis: days * 86_400_000 };
        let civil = midnight.civil();
        let is_real = u32::from(civil.month) == month && u32::from(civil.day) == day;
        let seconds = i64::from(hour * 3600 + minute * 60 + second);
        is_real.then_some(Self { unix_millis: midnight.unix_millis + seconds * 1000 })
    }

    /// Reads `2010-12-08T10:18:00.25+01:00` (RFC 3339 section 5.6). What is finer than a millisecond is dropped. A date without an offset, which
    /// `xsd:dateTime` allows, is taken as UTC. White space around it is skipped.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let mut rest = text.trim_ascii().as_bytes();
        let year = number(&mut rest, 4)?;
        byte(&mut rest, b"-")?;
        let month = number(&mut rest, 2)?;
        byte(&mut rest, b"-")?;
        let day = number(&mut rest, 2)?;
        byte(&mut rest, b"Tt ")?;
        let hour = number(&mut rest, 2)?;
        byte(&mut rest, b":")?;
        let minute = number(&mut rest, 2)?;
        byte(&mut rest, b":")?;
        let second = number(&mut rest, 2)?;
        let utc = Self::from_civil(year, month, day, [hour, minute, second])?;
        let millis = if byte(&mut rest, b".").is_some() { fraction(&mut rest)? } else { 0 };
        let offset = offset_minutes(&mut rest)?;
        rest.is_empty().then_some(Self { unix_millis: utc.unix_millis + millis - offset * 60_000 })
    }

    /// The date with `Z`, and with milliseconds only if it has any: `2010-12-08T10:18:00Z` (RFC 3339 section 5.6). Years beyond the four digits
    /// that the format has are written as its first or last second.
    #[must_use]
    pub fn rfc3339(self) -> String {
        let year = self.civil().year;
        if year < 0 {
            return "0000-01-01T00:00:00Z".to_owned();
        }
        if year > 9999 {
            return "9999-12-31T23:59:59Z".to_owned();
        }
        let mut text = self.to_string();
        if self.unix_millis.rem_euclid(1000) == 0 {
            text.truncate(text.len() - ".000Z".len());
            text.push('Z');
        }
        text
    }
}

/// Takes one byte, if it is one of `set`.
fn byte(rest: &mut &[u8], set: &[u8]) -> Option<u8> {
    let (first, after) = rest.split_first()?;
    if !set.contains(first) {
        return None;
    }
    *rest = after;
    Some(*first)
}

/// Takes a number of exactly so many digits.
fn number(rest: &mut &[u8], digits: usize) -> Option<u32> {
    let (head, after) = rest.split_at_checked(digits)?;
    if !head.iter().all(u8::is_ascii_digit) {
        return None;
    }
    *rest = after;
    Some(head.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0')))
}

/// Takes the digits of a fraction of a second, one at least: milliseconds.
fn fraction(rest: &mut &[u8]) -> Option<i64> {
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (head, after) = rest.split_at_checked(digits)?;
    *rest = after;
    let padded = head.iter().copied().chain([b'0'; 3]).take(3);
    (digits > 0).then(|| padded.fold(0, |value, digit| value * 10 + i64::from(digit - b'0')))
}

/// Takes `Z`, an offset, or nothing.
fn offset_minutes(rest: &mut &[u8]) -> Option<i64> {
    if rest.is_empty() || byte(rest, b"Zz").is_some() {
        return Some(0);
    }
    let sign = byte(rest, b"+-")?;
    let hours = number(rest, 2)?;
    byte(rest, b":")?;
    let minutes = number(rest, 2)?;
    let offset = i64::from(hours * 60 + minutes);
    (hours < 24 && minutes < 60).then_some(if sign == b'-' { -offset } else { offset })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_are_read_with_offsets_and_fractions() {
        for (text, millis) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1985-04-12T23:20:50.52Z", Some(482_196_050_520)),
            ("1996-12-19T16:39:57-08:00", Some(851_042_397_000)),
            ("1990-12-31T23:59:60Z", Some(662_688_000_000)),
            ("1937-01-01T12:00:27.87+00:20", Some(-1_041_337_172_130)),
            (" 2003-01-01t10:00:00z\n", Some(1_041_415_200_000)),
            ("2003-01-01T10:00:00", Some(1_041_415_200_000)),
            ("2003-02-29T10:00:00Z", None),
            ("2003-13-01T10:00:00Z", None),
            ("2003-01-00T10:00:00Z", None),
            ("2003-01-01T24:00:00Z", None),
            ("2003-01-01T10:00:00.Z", None),
            ("2003-01-01T10:00:00+1:00", None),
            ("2003-01-01T10:00:00+24:00", None),
            ("2003-01-01T10:00:00Zx", None),
            ("2003-01-01", None),
            ("", None),
        ] {
            assert_eq!(Utc::parse_rfc3339(text).map(|utc| utc.unix_millis), millis, "{text}");
        }
    }

    #[test]
    fn years_that_have_no_four_digits_are_clamped() {
        assert_eq!(Utc { unix_millis: i64::MAX }.rfc3339(), "9999-12-31T23:59:59Z");
        assert_eq!(Utc { unix_millis: i64::MIN }.rfc3339(), "0000-01-01T00:00:00Z");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(unix_millis in -62_167_219_200_000_i64..253_402_300_800_000) {
            let utc = Utc { unix_millis };
            prop_assert_eq!(Utc::parse_rfc3339(&utc.rfc3339()), Some(utc));
        }

        #[test]
        fn reading_never_panics(text in "[-0-9TZ:.+ ]{0,40}") {
            let _ = Utc::parse_rfc3339(&text);
        }
    }
}
