//! The sending end of events (RFC 4733 section 2.5.1).
//!
//! ```text
//!  queued ──► begun ──► one update each interval ──► the segment is full: 3 full reports ──┐
//!               ▲                │      ▲                                                  │
//!               │                │      └──────────── the next segment ◄───────────────────┘
//!               │                ▼ the event is over
//!               └── pause ◄── 3 reports with the end bit
//! ```

use std::collections::VecDeque;
use std::time::Duration;

use super::{Digit, Report, media_units};
use crate::time::Instant;

/// Digits that wait their turn.
const MAX_QUEUE: usize = 64;
/// The shortest tone that switches are sure to recognise (RFC 4733 section 3.1).
const MIN_DURATION: Duration = Duration::from_millis(40);
/// The pause between two digits (RFC 4733 section 3.1).
const PAUSE: Duration = Duration::from_millis(50);
/// How often the last report of an event or a segment is sent (RFC 4733 section 2.5.1.4).
const COPIES: u8 = 3;
/// The longest duration that a report can say.
const MAX_SEGMENT: u64 = 0xffff;
/// The level of the tones in −dBm0.
const VOLUME: u8 = 10;

/// How events are timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Time between two reports.
    pub interval: Duration,
    /// The clock rate of durations in Hz.
    pub clock_rate: u32,
    /// The clock rate of timestamps in Hz: that of the audio whose place the events take.
    pub media_clock_rate: u32,
}

/// A packet to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventPacket {
    /// The marker bit: the first packet of an event.
    pub marker: bool,
    /// The timestamp: when the event or its segment began.
    pub timestamp: u32,
    /// The payload.
    pub report: Report,
}

/// Too many digits wait already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many digits are waiting")]
pub struct QueueFull;

/// The event that is being sent.
#[derive(Clone, Copy, Debug)]
struct Event {
    digit: Digit,
    pace: Pace,
    started: Instant,
    /// Timestamp of the segment.
    timestamp: u32,
    /// The whole event, in units.
    total: u64,
    /// What earlier segments have reported of it.
    before: u64,
    /// Whether a packet has been sent.
    begun: bool,
    /// How often the last report of the event or segment has been sent.
    copies: u8,
    next: Instant,
}

/// Sends digits one after the other.
#[derive(Debug)]
pub struct Sender {
    pace: Pace,
    queue: VecDeque<(Digit, Duration)>,
    event: Option<Event>,
    /// When the next event may begin.
    free: Instant,
    /// The timestamp at which the next event begins at the earliest, for a while after the one before.
    earliest: Option<u32>,
}

impl Sender {
    /// A sender with nothing to send.
    #[must_use]
    pub const fn new(pace: Pace) -> Self {
        Self { pace, queue: VecDeque::new(), event: None, free: Instant::ZERO, earliest: None }
    }

    /// Events that have not begun yet are sent at this pace.
    pub const fn set_pace(&mut self, pace: Pace) {
        self.pace = pace;
    }

    /// Queues a digit; what is shorter than 40 ms is sent as 40 ms.
    ///
    /// # Errors
    /// When 64 digits wait already.
    pub fn queue(&mut self, digit: Digit, duration: Duration) -> Result<(), QueueFull> {
        if self.queue.len() >= MAX_QUEUE {
            return Err(QueueFull);
        }
        self.queue.push_back((digit, duration.max(MIN_DURATION)));
        Ok(())
    }

    /// Breaks off the event and forgets those that wait.
    pub fn clear(&mut self) {
        self.queue.clear();
        self.event = None;
    }

    /// Whether an event is being sent: audio keeps silent.
    #[must_use]
    pub const fn is_sending(&self) -> bool {
        self.event.is_some()
    }

    /// When [`Sender::poll`] is to be called next.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match &self.event {
            Some(event) => Some(event.next),
            None if self.queue.is_empty() => None,
            None => Some(self.free),
        }
    }

    /// Does what is due: begins the next event, whose first packet comes one interval later, or makes a packet.
    ///
    /// `timestamp` is where the media stands: an event that begins now begins there.
    pub fn poll(&mut self, now: Instant, timestamp: u32) -> Option<EventPacket> {
        let event = match &mut self.event {
            Some(event) => event,
            slot => {
                if now < self.free {
                    return None;
                }
                let (digit, duration) = self.queue.pop_front()?;
                slot.insert(Event::begin(now, self.pace, digit, duration, after(timestamp, self.earliest)))
            }
        };
        if now < event.next {
            return None;
        }
        let (packet, over) = event.report(now);
        if over {
            let pause =
                media_units(units(PAUSE, event.pace.clock_rate), event.pace.clock_rate, event.pace.media_clock_rate);
            self.earliest = Some(event.end_timestamp().wrapping_add(pause));
            self.free = now.max(event.end() + PAUSE);
            self.event = None;
        }
        Some(packet)
    }
}

impl Event {
    fn begin(now: Instant, pace: Pace, digit: Digit, duration: Duration, timestamp: u32) -> Self {
        Self {
            digit,
            pace,
            started: now,
            timestamp,
            total: units(duration, pace.clock_rate).max(1),
            before: 0,
            begun: false,
            copies: 0,
            next: now + pace.interval,
        }
    }

    /// The packet that is due now, and whether it is the last.
    fn report(&mut self, now: Instant) -> (EventPacket, bool) {
        let elapsed = units(now - self.started, self.pace.clock_rate).min(self.total);
        let last = self.total - self.before <= MAX_SEGMENT;
        let full = if last { self.total - self.before } else { MAX_SEGMENT };
        let lasted = elapsed.saturating_sub(self.before).clamp(1, full);
        let complete = lasted == full;
        let packet = EventPacket {
            marker: !self.begun,
            timestamp: self.timestamp,
            report: Report {
                event: self.digit.event(),
                end: complete && last,
                volume: VOLUME,
                duration: u16::try_from(lasted).unwrap_or(u16::MAX),
            },
        };
        self.begun = true;
        self.copies += u8::from(complete);
        let over = self.copies == COPIES && last;
        if self.copies == COPIES && !last {
            self.timestamp = self.timestamp.wrapping_add(self.media_units(MAX_SEGMENT));
            self.before += MAX_SEGMENT;
            self.copies = 0;
        }
        self.next += self.pace.interval;
        if self.next <= now {
            self.next = now + self.pace.interval;
        }
        (packet, over)
    }

    fn media_units(&self, units: u64) -> u32 {
        media_units(units, self.pace.clock_rate, self.pace.media_clock_rate)
    }

    /// The timestamp at which the event ends.
    fn end_timestamp(&self) -> u32 {
        self.timestamp.wrapping_add(self.media_units(self.total - self.before))
    }

    /// When the event ends.
    fn end(&self) -> Instant {
        let nanos = u128::from(self.total) * 1_000_000_000 / u128::from(self.pace.clock_rate.max(1));
        self.started + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// Whole units in a duration.
fn units(duration: Duration, clock_rate: u32) -> u64 {
    u64::try_from(duration.as_nanos() * u128::from(clock_rate) / 1_000_000_000).unwrap_or(u64::MAX)
}

/// `timestamp`, or `earliest` if that is later: two events never share a timestamp, even when no audio moved it on between them. What is far ahead is of another time.
fn after(timestamp: u32, earliest: Option<u32>) -> u32 {
    const NEAR: u32 = 1 << 24;
    match earliest {
        Some(earliest) if earliest.wrapping_sub(timestamp) < NEAR => earliest,
        _ => timestamp,
    }
}
