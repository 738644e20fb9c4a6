//! Numbers, none below 0.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Unfit, kind_of_text};

macro_rules! time {
    ($($(#[$doc:meta])* $name:ident $from:ident $expected:literal;)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl $name {
            /// The same as a duration.
            #[must_use]
            pub const fn duration(self) -> Duration {
                Duration::$from(self.0 as u64)
            }
        }

        impl FromStr for $name {
            type Err = Unfit;

            fn from_str(text: &str) -> Result<Self, Unfit> {
                text.parse().map(Self).map_err(|_| Unfit::new($expected))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        kind_of_text! { $name: $expected }
    )* };
}

time! {
    /// A time in whole seconds.
    Seconds from_secs "a time in seconds, 0 or more";
    /// A time in whole milliseconds.
    Milliseconds from_millis "a time in milliseconds, 0 or more";
}

/// Ports from the first to the last, both included. `0-0` lets the system pick any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortRange {
    first: u16,
    last: u16,
}

const PORT_RANGE: &str = "a range of ports, FIRST-LAST, 1 to 65535, or 0-0";

impl PortRange {
    /// The ports from `first` to `last`. None unless `first` is at most `last`, and 0 only when both are.
    #[must_use]
    pub const fn new(first: u16, last: u16) -> Option<Self> {
        if first <= last && (first != 0 || last == 0) { Some(Self { first, last }) } else { None }
    }

    /// 50000 to 50500.
    pub const RTP: Self = Self { first: 50_000, last: 50_500 };

    /// The first port.
    #[must_use]
    pub const fn first(self) -> u16 {
        self.first
    }

    /// The last port.
    #[must_use]
    pub const fn last(self) -> u16 {
        self.last
    }
}

impl FromStr for PortRange {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        let wrong = || Unfit::new(PORT_RANGE);
        let (first, last) = text.split_once('-').ok_or_else(wrong)?;
        let port = |text: &str| text.trim().parse().map_err(|_| wrong());
        Self::new(port(first)?, port(last)?).ok_or_else(wrong)
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// Samples per second of the mixers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SampleRate(u32);

const SAMPLE_RATE: &str = "one of 16000, 32000, 44100, 48000";

impl SampleRate {
    /// 44100 Hz.
    pub const HZ_44100: Self = Self(44_100);

    /// This rate, if it is one of 16000, 32000, 44100, 48000.
    #[must_use]
    pub const fn new(hz: u32) -> Option<Self> {
        if matches!(hz, 16_000 | 32_000 | 44_100 | 48_000) { Some(Self(hz)) } else { None }
    }

    /// Samples per second.
    #[must_use]
    pub const fn hz(self) -> u32 {
        self.0
    }
}

impl FromStr for SampleRate {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        text.parse().ok().and_then(Self::new).ok_or(Unfit::new(SAMPLE_RATE))
    }
}

impl fmt::Display for SampleRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// How much is logged: 0 for nothing but failures, 5 for everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LogLevel(u8);

const LOG_LEVEL: &str = "a level, 0 to 5";

impl LogLevel {
    /// Everything.
    pub const ALL: Self = Self(5);

    /// This level, if it is at most 5.
    #[must_use]
    pub const fn new(level: u8) -> Option<Self> {
        if level <= 5 { Some(Self(level)) } else { None }
    }

    /// The level.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl FromStr for LogLevel {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        text.parse().ok().and_then(Self::new).ok_or(Unfit::new(LOG_LEVEL))
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

kind_of_text! { PortRange: PORT_RANGE, SampleRate: SAMPLE_RATE, LogLevel: LOG_LEVEL }
