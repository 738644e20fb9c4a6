//! The receiving end of events (RFC 4733 section 2.5.2): each is told once, by its first report that comes, whatever is lost, doubled or late.

use super::{Digit, Report, media_units};

/// Events that are remembered. Packets more than 100 behind are not valid any more, and an event takes several.
const MEMORY: usize = 32;

/// An event or a segment of one, by its timestamp.
#[derive(Clone, Copy, Debug)]
struct Heard {
    timestamp: u32,
    event: u8,
    /// The longest duration reported.
    lasted: u16,
    ended: bool,
}

/// Tells the digits in the event packets of one source.
#[derive(Clone, Debug)]
pub struct Receiver {
    clock_rate: u32,
    media_clock_rate: u32,
    /// A ring: the entry that is overwritten next is the oldest.
    heard: [Option<Heard>; MEMORY],
    next: usize,
    /// The timestamp of the entry that was overwritten last.
    forgotten: Option<u32>,
}

impl Receiver {
    /// A receiver for durations of `clock_rate` Hz in a stream with timestamps of `media_clock_rate` Hz.
    #[must_use]
    pub const fn new(clock_rate: u32, media_clock_rate: u32) -> Self {
        Self { clock_rate, media_clock_rate, heard: [None; MEMORY], next: 0, forgotten: None }
    }

    /// Takes a packet's timestamp, marker and payload, and calls `told` for each digit that begins in it. Events that are no digits, and those with no duration, are passed over.
    pub fn packet(&mut self, timestamp: u32, marker: bool, payload: &[u8], mut told: impl FnMut(Digit)) {
        let mut start = timestamp;
        // Events in one packet follow each other without a gap (RFC 4733 section 2.5.2.4).
        for bytes in payload.as_chunks::<{ Report::LEN }>().0 {
            let report = Report::read(*bytes);
            if let Some(digit) = Digit::from_event(report.event)
                && report.duration > 0
                && self.is_new(start, marker, &report)
            {
                told(digit);
            }
            start = start.wrapping_add(self.media_units(report.duration));
        }
    }

    /// Whether this report is the first of its event; it is remembered.
    fn is_new(&mut self, timestamp: u32, marker: bool, report: &Report) -> bool {
        if let Some(known) = self.heard.iter_mut().flatten().find(|heard| heard.timestamp == timestamp) {
            if known.event == report.event {
                known.lasted = known.lasted.max(report.duration);
                known.ended |= report.end;
            }
            return false;
        }
        if self.is_forgotten(timestamp) {
            return false;
        }
        let continues = !marker && self.heard.iter().flatten().any(|heard| self.continues(heard, timestamp, report));
        let heard = Heard { timestamp, event: report.event, lasted: report.duration, ended: report.end };
        if let Some(slot) = self.heard.get_mut(self.next) {
            self.forgotten = slot.replace(heard).map_or(self.forgotten, |old| Some(old.timestamp));
        }
        self.next = (self.next + 1) % MEMORY;
        !continues
    }

    /// Whether a report is of the segment that follows one that has been heard: the same event, not ended, and no gap between (RFC 4733 section 2.5.2.3).
    fn continues(&self, heard: &Heard, timestamp: u32, report: &Report) -> bool {
        let gap = timestamp.wrapping_sub(heard.timestamp);
        heard.event == report.event
            && !heard.ended
            && (gap == self.media_units(u16::MAX) || gap == self.media_units(heard.lasted))
    }

    /// Whether the event is shortly before one that is no longer remembered, and so must have been told. Timestamps far from it are of a sender that began anew.
    fn is_forgotten(&self, timestamp: u32) -> bool {
        let near = self.media_clock_rate.saturating_mul(10);
        self.forgotten.is_some_and(|forgotten| forgotten.wrapping_sub(timestamp) < near)
    }

    fn media_units(&self, units: u16) -> u32 {
        media_units(u64::from(units), self.clock_rate, self.media_clock_rate)
    }
}
