//! What MSRP tells for logs (seed notifications MSRPTransportTrace and MSRPLibraryLog).

use bytes::{Bytes, BytesMut};
use serde::{Deserialize, Serialize};

use super::{Continuation, Field, Frame, Framer, end_line};
use crate::limits::Limits;
use crate::sip::Text;

/// Bytes of a body that a trace shows.
const SHOWN: usize = 16 * 1024;
/// What stands for bytes that a trace does not show.
const STRIPPED: &[u8] = b"<stripped data>";

/// Which way a frame went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TraceDirection {
    /// It came.
    Incoming,
    /// It was written.
    Outgoing,
}

/// How grave it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum LogLevel {
    /// Of interest to those who look for a fault.
    Debug,
    /// As it should be.
    Info,
    /// Something did not go as it should.
    Warning,
    /// Something had to be given up.
    Error,
    /// Nothing works any longer.
    Critical,
}

impl LogLevel {
    /// From which value of the setting `logs.level` on it is told.
    const fn least_setting(self) -> u8 {
        match self {
            Self::Critical => 0,
            Self::Error => 1,
            Self::Warning => 2,
            Self::Info => 3,
            Self::Debug => 4,
        }
    }
}

/// News for logs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LogEvent {
    /// A frame came or was written (`MSRPTransportTrace`); where traces are asked for.
    TransportTrace {
        /// Which way.
        direction: TraceDirection,
        /// The frame. A body that is no text stands there as `<stripped data>`, and so does what is long of one that is.
        data: Text,
    },
    /// Something to be noted (`MSRPLibraryLog`).
    LibraryLog {
        /// In words.
        message: Text,
        /// How grave it is.
        level: LogLevel,
    },
}

impl LogEvent {
    /// A line of the log.
    pub(super) fn line(level: LogLevel, message: impl Into<Text>) -> Self {
        Self::LibraryLog { message: message.into(), level }
    }

    /// Whether it is told where so much is to be logged (setting `logs.level`). Traces have a setting of their own.
    #[must_use]
    pub const fn is_told_at(&self, setting: u8) -> bool {
        match self {
            Self::TransportTrace { .. } => true,
            Self::LibraryLog { level, .. } => level.least_setting() <= setting,
        }
    }

    /// The seeds' names.
    #[must_use]
    pub const fn names(&self) -> &'static [&'static str] {
        match self {
            Self::TransportTrace { .. } => &["MSRPTransportTrace"],
            Self::LibraryLog { .. } => &["MSRPLibraryLog"],
        }
    }
}

/// What goes one way on a connection, taken apart for traces.
#[derive(Debug, Default)]
struct Tap {
    framer: Framer,
    frame: BytesMut,
    transaction: Text,
    /// Whether its body can be shown, how much of it was, and whether something of it was not.
    shows: bool,
    shown: usize,
    has_body: bool,
    stripped: bool,
}

impl Tap {
    /// The frames that have ended with these bytes.
    fn feed(&mut self, data: Bytes, limits: &Limits) -> Vec<Text> {
        self.framer.feed(data);
        let mut frames = Vec::new();
        while let Some(Ok(frame)) = self.framer.next(limits) {
            match frame {
                Frame::Head(head) => {
                    let content_type = head.value(Field::ContentType).unwrap_or_default().to_ascii_lowercase();
                    self.shows = content_type.starts_with("text/") || content_type.starts_with("message/");
                    (self.shown, self.stripped, self.has_body) = (0, false, head.has_body());
                    self.transaction = head.transaction().detached();
                    self.frame = BytesMut::from(head.bytes().as_ref());
                    if self.has_body {
                        self.frame.extend_from_slice(b"\r\n");
                    }
                }
                Frame::Body(data) => {
                    let room = if self.shows { SHOWN - self.shown } else { 0 };
                    let part = data.get(..room.min(data.len())).unwrap_or_default();
                    self.frame.extend_from_slice(part);
                    self.shown += part.len();
                    self.stripped |= part.len() < data.len();
                }
                Frame::End(flag) => frames.push(self.ended(flag)),
            }
        }
        frames
    }

    fn ended(&mut self, flag: Continuation) -> Text {
        if self.stripped {
            self.frame.extend_from_slice(STRIPPED);
        }
        let line = end_line(&self.transaction, flag);
        self.frame.extend_from_slice(if self.has_body { &line } else { line.get(2..).unwrap_or_default() });
        Text::from_utf8_lossy(self.frame.split().freeze())
    }
}

/// Both ways of a connection.
#[derive(Debug, Default)]
pub(super) struct Taps {
    incoming: Tap,
    outgoing: Tap,
}

impl Taps {
    /// What there is to trace of these bytes.
    pub(super) fn feed(
        &mut self,
        direction: TraceDirection,
        data: Bytes,
        limits: &Limits,
    ) -> impl Iterator<Item = LogEvent> {
        let tap = match direction {
            TraceDirection::Incoming => &mut self.incoming,
            TraceDirection::Outgoing => &mut self.outgoing,
        };
        tap.feed(data, limits).into_iter().map(move |data| LogEvent::TransportTrace { direction, data })
    }
}
