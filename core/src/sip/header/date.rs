//! Date, Timestamp and Warning (RFC 3261 sections 20.17, 20.38, 20.43).

use std::fmt;

use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::{tag, tag_no_case, take_while_m_n};
use nom::character::complete::{char, digit0, digit1};
use nom::combinator::{map_opt, opt, recognize};
use nom::error::Error;
use nom::sequence::{separated_pair, terminated};

use super::Header;
use crate::sip::cursor;
use crate::sip::grammar::{self, BARE, DIGIT};
use crate::sip::{Cursor, HeaderError, HeaderName, Text};
use crate::time::Utc;

/// When the message was first sent, to the second (RFC 3261 section 20.17). GMT is the only time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date(pub Utc);

impl Header for Date {
    const NAME: HeaderName = HeaderName::Date;

    fn read(cursor: &mut Cursor<'_>) -> Result<Self, HeaderError> {
        cursor.space();
        let date = cursor.take("a date in GMT", map_opt(rfc1123_date, Stamp::utc))?;
        cursor.end()?;
        Ok(Self(date))
    }

    fn is_sound(&self) -> bool {
        self.0.unix_millis % 1000 == 0 && (0..=9999).contains(&self.0.civil().year)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.http_date())
    }
}

/// A date taken apart, its month counted from 1.
struct Stamp {
    year: u32,
    month: u32,
    day: u32,
    time: [u32; 3],
}

impl Stamp {
    /// The date, unless there is no such day or hour.
    fn utc(self) -> Option<Utc> {
        let [_, _, second] = self.time;
        Utc::from_civil(self.year, self.month, self.day, self.time).filter(|_| second < 60)
    }
}

type Parsed<'a, T> = nom::IResult<&'a [u8], T, Error<&'a [u8]>>;

/// `rfc1123-date`: `Sat, 13 Nov 2010 23:29:00 GMT`. The name of the day is not checked against the date.
fn rfc1123_date(input: &[u8]) -> Parsed<'_, Stamp> {
    let weekday = alt((tag("Mon"), tag("Tue"), tag("Wed"), tag("Thu"), tag("Fri"), tag("Sat"), tag("Sun")));
    let time = (terminated(number(2), char(':')), terminated(number(2), char(':')), number(2));
    let (input, _) = (weekday, tag(", ")).parse(input)?;
    let (input, (day, _, month, _, year, _)) =
        (number(2), char(' '), month, char(' '), number(4), char(' ')).parse(input)?;
    let (input, ((hour, minute, second), _)) = (time, tag_no_case(" GMT")).parse(input)?;
    Ok((input, Stamp { year, month, day, time: [hour, minute, second] }))
}

/// A number of so many digits.
fn number<'a>(digits: usize) -> impl Parser<&'a [u8], Output = u32, Error = Error<&'a [u8]>> {
    let to_number = |digits: &[u8]| cursor::number(digits, 9999).and_then(|number| u32::try_from(number).ok());
    map_opt(take_while_m_n(digits, digits, |byte| grammar::is(byte, DIGIT)), to_number)
}

/// The number of a month.
fn month(input: &[u8]) -> Parsed<'_, u32> {
    const MONTHS: [&[u8]; 12] =
        [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
    let name = take_while_m_n(3, 3, |byte: u8| byte.is_ascii_alphabetic());
    map_opt(name, |name| (1..).zip(MONTHS).find(|(_, month)| *month == name).map(|(number, _)| number)).parse(input)
}

/// When the request was sent, in seconds of a clock of the sender, and how long the answer took (RFC 3261 section 20.38).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timestamp {
    /// The time as it is written, such as `54.2`; it is sent back unchanged.
    pub sent: Text,
    /// The delay as it is written.
    pub delay: Option<Text>,
}

impl Header for Timestamp {
    const NAME: HeaderName = HeaderName::Timestamp;

    fn read(cursor: &mut Cursor<'_>) -> Result<Self, HeaderError> {
        cursor.space();
        let start = cursor.at();
        cursor.take("a number of seconds", decimal)?;
        let sent = cursor.slice(start..cursor.at());
        cursor.space();
        let start = cursor.at();
        if cursor.is_done() {
            return Ok(Self { sent, delay: None });
        }
        cursor.take("a delay in seconds", recognize((digit0, opt((char('.'), digit0)))))?;
        let delay = cursor.slice(start..cursor.at());
        cursor.end()?;
        Ok(Self { sent, delay: Some(delay) })
    }

    fn is_sound(&self) -> bool {
        let is_decimal = |text: &Text| decimal(text.as_bytes()).is_ok_and(|(rest, _)| rest.is_empty());
        is_decimal(&self.sent) && self.delay.as_ref().is_none_or(is_decimal)
    }
}

fn decimal(input: &[u8]) -> Parsed<'_, &[u8]> {
    recognize((digit1, opt((char('.'), digit0)))).parse(input)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sent)?;
        match &self.delay {
            Some(delay) => write!(f, " {delay}"),
            None => Ok(()),
        }
    }
}

/// What else is to be said about a response (RFC 3261 section 20.43).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The code: three digits, 3xx for SIP.
    pub code: u16,
    /// Who warns: a host with or without a port, or a pseudonym.
    pub agent: Text,
    /// The text for humans.
    pub text: Text,
}

impl Header for Warning {
    const NAME: HeaderName = HeaderName::Warning;

    fn read(cursor: &mut Cursor<'_>) -> Result<Self, HeaderError> {
        cursor.space();
        let code =
            cursor.take("a code of three digits", separated_pair(number(3), tag(" "), nom::combinator::success(())))?.0;
        cursor.space();
        let agent = cursor.some(BARE, "a host or a pseudonym")?;
        cursor.space();
        let quoted = cursor.quoted()?;
        let text = cursor::unquoted(&cursor.slice(quoted));
        cursor.end()?;
        Ok(Self { code: u16::try_from(code).unwrap_or_default(), agent, text })
    }

    fn is_sound(&self) -> bool {
        (100..1000).contains(&self.code) && grammar::all(self.agent.as_bytes(), BARE) && cursor::is_quotable(&self.text)
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03} {} ", self.code, self.agent)?;
        cursor::quote(&self.text, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Result<Date, HeaderError> {
        Date::parse(&Text::from(text))
    }

    #[test]
    fn a_date_is_read_and_printed() {
        let date = date("Sat, 13 Nov 2010 23:29:00 GMT").unwrap();
        assert_eq!(date.0.unix_millis, 1_289_690_940_000);
        assert_eq!(date.to_string(), "Sat, 13 Nov 2010 23:29:00 GMT");
        assert_eq!(self::date("Thu, 01 Jan 1970 00:00:00 GMT").unwrap().0.unix_millis, 0);
        assert_eq!(self::date("Thu, 29 Feb 2024 23:59:59 GMT").unwrap().to_string(), "Thu, 29 Feb 2024 23:59:59 GMT");
    }

    #[test]
    fn what_is_no_date_in_gmt_is_refused() {
        for (text, at) in [
            ("Fri, 01 Jan 2010 16:00:00 EST", 25),
            ("Fri, 01 Jan 2010 16:00:00 UTC", 25),
            ("Fri, 1 Jan 2010 16:00:00 GMT", 5),
            ("Fry, 01 Jan 2010 16:00:00 GMT", 0),
            ("Fri, 01 Yan 2010 16:00:00 GMT", 8),
            ("Fri, 01 Jan 2010 16:00 GMT", 22),
            ("Fri, 01 Jan 2010 16:00:00 GMT+1", 29),
            ("Fri, 30 Feb 2010 16:00:00 GMT", 0),
            ("Fri, 00 Jan 2010 16:00:00 GMT", 0),
            ("Fri, 01 Jan 2010 24:00:00 GMT", 0),
            ("", 0),
        ] {
            assert_eq!(date(text).unwrap_err().at, at, "{text}");
        }
    }

    #[test]
    fn timestamps_are_kept_as_written() {
        let stamp = |text: &str| Timestamp::parse(&Text::from(text));
        assert_eq!(stamp("54.").unwrap(), Timestamp { sent: Text::from("54."), delay: None });
        assert_eq!(stamp(" 054.20  .5").unwrap().to_string(), "054.20 .5");
        assert!(stamp(".5").is_err());
        assert!(stamp("5 x").is_err());
    }

    #[test]
    fn warnings_have_a_code_an_agent_and_a_text() {
        let warning = |text: &str| Warning::parse(&Text::from(text));
        let text = r#"370 devnull:5060 "Choose a \"bigger\" pipe""#;
        assert_eq!(warning(text).unwrap().text, "Choose a \"bigger\" pipe");
        assert_eq!(warning(text).unwrap().to_string(), text);
        assert_eq!(warning("1812 overture \"In Progress\"").unwrap_err().at, 3);
        assert!(warning("307 isi.edu unquoted").is_err());
    }
}
