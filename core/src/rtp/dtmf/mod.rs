//! DTMF as named telephone events (RFC 4733): digits, event reports, and the two ends of an event.

mod receiver;
mod sender;

use std::fmt;

pub use receiver::Receiver;
pub use sender::{EventPacket, Pace, QueueFull, Sender};

/// The characters of events 0 to 15 (RFC 4733 section 3.2).
const DIGITS: &[u8; 16] = b"0123456789*#ABCD";

/// A key of a telephone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digit(u8);

impl Digit {
    /// The digit that this character names: `0`–`9`, `*`, `#`, `A`–`D` in any case.
    ///
    /// ```
    /// use sipsimple_core::rtp::dtmf::Digit;
    ///
    /// assert_eq!(Digit::from_char('#').map(Digit::event), Some(11));
    /// assert_eq!(Digit::from_char('x'), None);
    /// ```
    #[must_use]
    pub fn from_char(digit: char) -> Option<Self> {
        let position = DIGITS.iter().position(|known| char::from(*known) == digit.to_ascii_uppercase())?;
        u8::try_from(position).ok().map(Self)
    }

    /// The digit of this event code, if it is a DTMF event.
    #[must_use]
    pub const fn from_event(event: u8) -> Option<Self> {
        if event < 16 { Some(Self(event)) } else { None }
    }

    /// The event code, 0 to 15.
    #[must_use]
    pub const fn event(self) -> u8 {
        self.0
    }

    /// The character: `0`–`9`, `*`, `#`, `A`–`D`.
    #[must_use]
    pub fn as_char(self) -> char {
        DIGITS.get(usize::from(self.0)).map_or('0', |digit| char::from(*digit))
    }
}

impl fmt::Display for Digit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_char())
    }
}

/// The payload that reports one event (RFC 4733 section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// The event code.
    pub event: u8,
    /// Whether the event has ended.
    pub end: bool,
    /// The level below 0 dBm0, in dB, at most 63.
    pub volume: u8,
    /// How long the event or its segment has lasted so far, in timestamp units.
    pub duration: u16,
}

impl Report {
    /// Bytes of a report.
    pub const LEN: usize = 4;

    /// Reads a report; the reserved bit is ignored.
    #[must_use]
    pub const fn read(bytes: [u8; Self::LEN]) -> Self {
        let [event, flags, high, low] = bytes;
        Self { event, end: flags & 0x80 != 0, volume: flags & 0x3f, duration: u16::from_be_bytes([high, low]) }
    }

    /// The bytes of this report.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let [high, low] = self.duration.to_be_bytes();
        [self.event, (u8::from(self.end) << 7) | (self.volume & 0x3f), high, low]
    }
}

/// `units` of the event's clock, in units of the media's, whose timestamps the packets carry.
fn media_units(units: u64, clock_rate: u32, media_clock_rate: u32) -> u32 {
    let scaled = u128::from(units) * u128::from(media_clock_rate) / u128::from(clock_rate.max(1));
    u32::try_from(scaled & u128::from(u32::MAX)).unwrap_or(0)
}

#[cfg(test)]
mod tests;
