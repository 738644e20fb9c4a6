//! What is told of a file beside its selector (RFC 5547 section 6): which part of it is meant, its dates, what is to be done with it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::sip::Text;
use crate::time::Utc;

/// Which part of a file is meant (RFC 5547 section 6): `1-*`, `4097-10000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRange {
    /// The number of the first byte, 1 at least.
    pub start: u64,
    /// The number of the last byte; none for the end of the file.
    pub stop: Option<u64>,
}

impl FileRange {
    /// The whole file, as is meant where no range is told.
    pub const WHOLE: Self = Self { start: 1, stop: None };

    /// The part behind the first `offset` bytes, up to the byte with the number `end` where one is given.
    #[must_use]
    pub const fn behind(offset: u64, end: Option<u64>) -> Self {
        Self { start: offset.saturating_add(1), stop: end }
    }

    /// How many bytes stand before it.
    #[must_use]
    pub const fn offset(self) -> u64 {
        self.start.saturating_sub(1)
    }

    /// Reads the value of the attribute `file-range`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let number = |text: &str| -> Option<u64> {
            if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
        };
        let (start, stop) = text.split_once('-')?;
        let start = number(start).filter(|start| *start > 0)?;
        let stop = if stop == "*" { None } else { Some(number(stop).filter(|stop| *stop >= start)?) };
        Some(Self { start, stop })
    }
}

impl fmt::Display for FileRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-", self.start)?;
        match self.stop {
            Some(stop) => write!(f, "{stop}"),
            None => f.write_str("*"),
        }
    }
}

/// When a file was made, changed, and read last: what is told of that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FileDates {
    /// When it was made.
    pub creation: Option<Utc>,
    /// When it was changed last.
    pub modification: Option<Utc>,
    /// When it was read last.
    pub read: Option<Utc>,
}

impl FileDates {
    /// Reads the value of the attribute `file-date`: `creation:"Mon, 15 May 2006 15:01:31 +0300"`. None when it says something twice, or something of it is
    /// no date.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut dates = Self::default();
        let mut rest = text.trim_ascii();
        while !rest.is_empty() {
            let (kind, value) = rest.split_once(":\"")?;
            let (date, after) = value.split_once('"')?;
            let place = match kind {
                "creation" => &mut dates.creation,
                "modification" => &mut dates.modification,
                "read" => &mut dates.read,
                _ => return None,
            };
            if place.replace(Utc::parse_rfc5322(date)?).is_some() || !(after.is_empty() || after.starts_with(' ')) {
                return None;
            }
            rest = after.trim_ascii_start();
        }
        Some(dates)
    }

    /// Whether nothing is told.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.creation.is_none() && self.modification.is_none() && self.read.is_none()
    }
}

impl fmt::Display for FileDates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dates = [("creation", self.creation), ("modification", self.modification), ("read", self.read)];
        let told = dates.into_iter().filter_map(|(kind, date)| date.map(|date| (kind, date)));
        for (number, (kind, date)) in told.enumerate() {
            let gap = if number == 0 { "" } else { " " };
            write!(f, "{gap}{kind}:\"{}\"", date.rfc5322())?;
        }
        Ok(())
    }
}

/// What its sender suggests to do with a file (RFC 5547 section 7).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileDisposition {
    /// To show it at once, as is meant where nothing is told.
    #[default]
    Render,
    /// To show it when its receiver asks for that.
    Attachment,
    /// Something else, by its name.
    Other(Text),
}

impl FileDisposition {
    /// Reads the value of the attribute `file-disposition`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text {
            _ if text.eq_ignore_ascii_case("render") => Self::Render,
            _ if text.eq_ignore_ascii_case("attachment") => Self::Attachment,
            _ => Self::Other(text.into()),
        }
    }
}

impl fmt::Display for FileDisposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Render => "render",
            Self::Attachment => "attachment",
            Self::Other(name) => name,
        })
    }
}

/// A small picture of a file, which goes with the offer (RFC 5547 section 8.8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileIcon {
    /// Its type.
    pub content_type: Text,
    /// Its bytes.
    #[serde(serialize_with = "crate::trace::data::serialize", deserialize_with = "crate::trace::data::deserialize")]
    pub content: bytes::Bytes,
}

/// What the sender of a file tells beside what selects it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FileDetails {
    /// What its receiver is to do with it.
    pub disposition: FileDisposition,
    /// Its dates.
    pub dates: FileDates,
    /// A small picture of it.
    pub icon: Option<FileIcon>,
}
