//! A reorder buffer: packets are handed out in the order of their numbers, each 60 ms after it would have come had it travelled as fast as the fastest of late.
//! Where more than 2 % are slower than that, the delay grows by steps of 20 ms to 200 ms at most, and falls again when fewer than 0.5 % need it.
//!
//! ```text
//!  insert ──► by number ──► the next number is there and its time has come ──► Frame
//!                           a later one is there, the next one's time has come ──► Lost
//!                           nothing is due ──► Wait
//! ```
//!
//! The sender's clock is followed by the least transit time of the last one to two seconds, so that two clocks may drift
//! apart for days; a leap of the timestamps, their wrap after hours, or a network that stalls starts the measure anew.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Instant;

/// How long the fastest packets wait at least, in nanoseconds: what slower ones may come later by.
const DELAY: i64 = 60_000_000;
/// By how much longer it is at a time, and how many times.
const STEP: i64 = 20_000_000;
const STEPS: usize = 7;
/// How far a packet may be off its time before its timestamp is no longer believed, in nanoseconds.
const LEAP: i64 = 200_000_000;
/// The most packets that wait; more than a second of the usual 20 ms.
const MAX_PACKETS: usize = 64;

/// What the buffer has to say at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pull<T> {
    /// The next frame, whose time has come.
    Frame(T),
    /// The next frame's time has come and it is not here, but a later one is.
    Lost,
    /// Nothing is due.
    Wait,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Insert {
    /// It waits for its time.
    Kept,
    /// It waits, and the oldest had to go for it, because nobody pulls.
    Shed,
    /// It came after its turn, or is here already, and was dropped.
    Late,
}

/// The buffer; `T` is what a frame is to the caller.
#[derive(Debug)]
pub struct Buffer<T> {
    /// Sorted by number.
    packets: VecDeque<Waiting<T>>,
    /// The last number that was handed out or passed over, and its media time.
    last: Option<(u64, i64)>,
    clock: Option<MediaClock>,
    floor: Floor,
    slowness: Slowness,
}

/// One packet. Times are nanoseconds; media time is the sender's clock, set so that it differs from ours by the transit time.
#[derive(Debug)]
struct Waiting<T> {
    number: u64,
    media: i64,
    arrival: i64,
    /// `None` holds the place of a packet that is no frame.
    frame: Option<T>,
}

impl<T> Default for Buffer<T> {
    fn default() -> Self {
        Self {
            packets: VecDeque::new(),
            last: None,
            clock: None,
            floor: Floor::default(),
            slowness: Slowness::default(),
        }
    }
}

impl<T> Buffer<T> {
    /// Takes a frame with its extended sequence number, and its timestamp in units of `clock_rate` Hz.
    pub fn insert(&mut self, now: Instant, number: u64, timestamp: u32, clock_rate: u32, frame: T) -> Insert {
        let arrival = nanos(now);
        let clock = match &mut self.clock {
            Some(clock) if clock.rate == clock_rate.max(1) => clock,
            slot => slot.insert(MediaClock::new(timestamp, clock_rate, arrival)),
        };
        let mut media = clock.media(timestamp);
        if let Some(least) = self.floor.least() {
            let slower = arrival.saturating_sub(media).saturating_sub(least);
            if !(-LEAP..=DELAY + LEAP).contains(&slower) {
                // As if this packet had travelled as fast as the fastest.
                media = arrival.saturating_sub(least);
                *clock = MediaClock::new(timestamp, clock_rate, media);
            }
            self.slowness.note(arrival.saturating_sub(media).saturating_sub(least));
        }
        self.floor.note(arrival, arrival.saturating_sub(media));
        self.put(Waiting { number, media, arrival, frame: Some(frame) })
    }

    /// Takes note of a packet that is no frame, such as an event: its number is not missing.
    pub fn pass_over(&mut self, now: Instant, number: u64) {
        let arrival = nanos(now);
        if let Some(least) = self.floor.least() {
            self.put(Waiting { number, media: arrival.saturating_sub(least), arrival, frame: None });
        }
    }

    fn put(&mut self, packet: Waiting<T>) -> Insert {
        if self.last.is_some_and(|(last, _)| packet.number <= last) {
            return Insert::Late;
        }
        let behind = self.packets.iter().rev().take_while(|waiting| waiting.number > packet.number).count();
        let place = self.packets.len() - behind;
        if place.checked_sub(1).and_then(|before| self.packets.get(before)).is_some_and(|w| w.number == packet.number) {
            return Insert::Late;
        }
        self.packets.insert(place, packet);
        if self.packets.len() <= MAX_PACKETS {
            return Insert::Kept;
        }
        if let Some(oldest) = self.packets.pop_front() {
            self.advance(oldest.number, oldest.media);
        }
        Insert::Shed
    }

    /// The next frame if its time has come. To be called until it says `Wait`, as often as frames are played.
    ///
    /// A frame that is missing is `Lost` when its time comes and a later one is here already. If none is, there is nothing to
    /// tell a loss from a silence, and the answer is `Wait`; what turns out later to have been lost then is not told again.
    pub fn pull(&mut self, now: Instant) -> Pull<T> {
        let (now, delay) = (nanos(now), self.slowness.delay());
        loop {
            let (Some(head), Some(least)) = (self.packets.front(), self.floor.least()) else { return Pull::Wait };
            let due = |media: i64| media.saturating_add(least).saturating_add(delay);
            if let Some((last, last_media)) = self.last
                && let missing = head.number - last - 1
                && missing > 0
            {
                // The missing frames stand at equal distances between the last one and the one at the head.
                let missing = i64::try_from(missing).unwrap_or(i64::MAX);
                let step = head.media.saturating_sub(last_media) / missing.saturating_add(1);
                let lived_through = head.arrival.saturating_sub(due(last_media)).saturating_sub(1);
                let silent = if step <= 0 { missing } else { lived_through.div_euclid(step).clamp(0, missing) };
                if silent > 0 {
                    self.advance(last + silent.unsigned_abs(), last_media.saturating_add(step.saturating_mul(silent)));
                    continue;
                }
                let media = last_media.saturating_add(step);
                if due(media) > now {
                    return Pull::Wait;
                }
                self.advance(last + 1, media);
                return Pull::Lost;
            }
            if due(head.media) > now {
                return Pull::Wait;
            }
            let Some(head) = self.packets.pop_front() else { return Pull::Wait };
            self.advance(head.number, head.media);
            if let Some(frame) = head.frame {
                return Pull::Frame(frame);
            }
        }
    }

    /// `number` is dealt with. Media time does not run backwards, whatever the packets say.
    fn advance(&mut self, number: u64, media: i64) {
        let before = self.last.map_or(i64::MIN, |(_, media)| media);
        self.last = Some((number, media.max(before)));
    }

    /// Forgets everything: another source follows, or none.
    pub fn reset(&mut self) {
        self.packets.clear();
        self.last = None;
        self.clock = None;
        self.floor = Floor::default();
        self.slowness = Slowness::default();
    }

    /// Packets that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// Whether no packet waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// How long the fastest packets wait at present.
    #[must_use]
    pub fn delay(&self) -> Duration {
        Duration::from_nanos(self.slowness.delay().unsigned_abs())
    }
}

fn nanos(now: Instant) -> i64 {
    i64::try_from(now.as_nanos()).unwrap_or(i64::MAX)
}

/// Timestamps turned into media time.
#[derive(Clone, Copy, Debug)]
struct MediaClock {
    rate: u32,
    timestamp: u32,
    media: i64,
}

impl MediaClock {
    fn new(timestamp: u32, rate: u32, media: i64) -> Self {
        Self { rate: rate.max(1), timestamp, media }
    }

    fn media(&self, timestamp: u32) -> i64 {
        let span = timestamp.wrapping_sub(self.timestamp).cast_signed();
        self.media.saturating_add(i64::from(span) * 1_000_000_000 / i64::from(self.rate))
    }
}

/// The least transit time of the last one to two seconds.
#[derive(Clone, Copy, Debug, Default)]
struct Floor {
    /// When the current second began.
    since: i64,
    current: Option<i64>,
    previous: Option<i64>,
}

impl Floor {
    const SECOND: i64 = 1_000_000_000;

    fn note(&mut self, now: i64, transit: i64) {
        let age = now.saturating_sub(self.since);
        if age >= Self::SECOND {
            self.previous = if age < 2 * Self::SECOND { self.current } else { None };
            self.current = None;
            self.since = now;
        }
        self.current = Some(self.current.map_or(transit, |least| least.min(transit)));
    }

    fn least(&self) -> Option<i64> {
        match (self.current, self.previous) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
}

/// How many packets are slower than the fastest by more than each of the delays, and which of those is in use.
#[derive(Clone, Copy, Debug, Default)]
struct Slowness {
    /// The part of the packets of late that is slower than each but the longest, where [`Self::ALL`] is all of them.
    slower: [u32; STEPS],
    steps: usize,
}

impl Slowness {
    const ALL: u32 = 1 << 20;
    /// One in so many is what the latest packet counts: at 20 ms, five seconds go in.
    const WEIGHT: u32 = 256;
    /// What makes the delay longer, and what lets it be shorter.
    const MANY: u32 = Self::ALL / 50;
    const FEW: u32 = Self::ALL / 200;

    /// A packet was slower than the fastest by so much.
    fn note(&mut self, slower: i64) {
        let mut delay = DELAY;
        for part in &mut self.slower {
            *part -= *part / Self::WEIGHT;
            if slower > delay {
                *part += Self::ALL / Self::WEIGHT;
            }
            delay += STEP;
        }
        let part = |steps: usize| self.slower.get(steps).copied();
        if part(self.steps).is_some_and(|part| part > Self::MANY) {
            self.steps += 1;
        } else if self.steps.checked_sub(1).and_then(part).is_some_and(|part| part < Self::FEW) {
            self.steps -= 1;
        }
    }

    fn delay(&self) -> i64 {
        DELAY + STEP * i64::try_from(self.steps).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests;
