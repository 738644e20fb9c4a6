//! Dates as mails and file transfers write them: `Mon, 15 May 2006 15:01:31 +0300` (RFC 5322 section 3.3).

use super::Utc;

/// The months, in their order.
pub(super) const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl Utc {
    /// Reads a date with a numeric offset, or with `GMT`. The day of the week and the seconds may be missing; comments are not understood.
    #[must_use]
    pub fn parse_rfc5322(text: &str) -> Option<Self> {
        let text = text.trim_ascii();
        let date = text.split_once(',').map_or(text, |(_, date)| date);
        let mut words = date.split_ascii_whitespace();
        let mut next = || words.next();
        let day = number(next()?, 1..=2)?;
        let month = next()?;
        let month = MONTHS.iter().position(|known| month.eq_ignore_ascii_case(known))?;
        let year = number(next()?, 4..=4)?;
        let mut clock = next()?.split(':');
        let mut part = || clock.next().map_or(Some(None), |part| number(part, 2..=2).map(Some));
        let (hour, minute, second) = (part()??, part()??, part()?.unwrap_or(0));
        let offset = offset_minutes(next()?)?;
        if words.next().is_some() || clock.next().is_some() {
            return None;
        }
        let utc = Self::from_civil(year, u32::try_from(month).ok()? + 1, day, [hour, minute, second])?;
        Some(Self { unix_millis: utc.unix_millis - offset * 60_000 })
    }

    /// The date with the offset `+0000`. Milliseconds are left out.
    #[must_use]
    pub fn rfc5322(self) -> String {
        self.http_date().replace("GMT", "+0000")
    }
}

fn number(text: &str, digits: std::ops::RangeInclusive<usize>) -> Option<u32> {
    let is_number = digits.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

fn offset_minutes(text: &str) -> Option<i64> {
    if text == "GMT" {
        return Some(0);
    }
    let (sign, digits) =
        text.strip_prefix('+').map(|digits| (1, digits)).or_else(|| Some((-1, text.strip_prefix('-')?)))?;
    let value = number(digits, 4..=4)?;
    let (hours, minutes) = (value / 100, value % 100);
    (hours < 24 && minutes < 60).then_some(sign * i64::from(hours * 60 + minutes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_are_read_with_their_offsets() {
        for (text, millis) in [
            ("Mon, 15 May 2006 15:01:31 +0300", Some(1_147_694_491_000)),
            ("15 May 2006 12:01 GMT", Some(1_147_694_460_000)),
            ("Mon, 15 may 2006 08:01:31 -0400", Some(1_147_694_491_000)),
            ("Thu,  1 Jan 1970 00:00:00 +0000", Some(0)),
            ("15 May 2006 15:01:31", None),
            ("31 Jun 2006 15:01:31 +0000", None),
            ("15 Foo 2006 15:01:31 +0000", None),
            ("15 May 06 15:01:31 +0000", None),
            ("15 May 2006 15:01:31:00 +0000", None),
            ("15 May 2006 15:01:31 +0060", None),
            ("15 May 2006 15:01:31 +0000 x", None),
            ("+5 May 2006 15:01:31 +0000", None),
            ("", None),
        ] {
            assert_eq!(Utc::parse_rfc5322(text).map(|utc| utc.unix_millis), millis, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(seconds in -62_167_219_200_i64..253_402_300_800) {
            let utc = Utc { unix_millis: seconds * 1000 };
            prop_assert_eq!(Utc::parse_rfc5322(&utc.rfc5322()), Some(utc));
        }

        #[test]
        fn reading_never_panics(text in "[-0-9A-Za-z:+, ]{0,40}") {
            let _ = Utc::parse_rfc5322(&text);
        }
    }
}
