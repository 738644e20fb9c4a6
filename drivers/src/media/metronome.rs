//! The beat of the sound: every 20 ms, however late the thread gets to run.

use std::time::Duration;

use sipsimple_core::time::Instant;

/// The time of a frame.
const FRAME: Duration = Duration::from_millis(20);

/// Frames that are made up for after a delay. What is older is skipped: it would only fill the peer's buffer.
const CATCH_UP: u64 = 10;

/// Says when frames are due. Each is due 20 ms after the one before, not after the moment the one before was worked off,
/// so that delays do not add up.
#[derive(Debug, Default)]
pub(super) struct Metronome {
    next: Option<Instant>,
}

impl Metronome {
    /// When the next frame is due; `None` while nothing is `busy`.
    pub(super) fn next(&mut self, busy: bool, now: Instant) -> Option<Instant> {
        self.next = if busy { Some(self.next.unwrap_or(now)) } else { None };
        self.next
    }

    /// The frames that are due at `now`, oldest first.
    pub(super) fn due(&mut self, now: Instant) -> impl Iterator<Item = Instant> + use<> {
        let first = self.next.filter(|next| *next <= now);
        let late = first.map_or(0, |first| nanos(now - first) / nanos(FRAME) + 1);
        let first = first.map(|first| first + after(late.saturating_sub(CATCH_UP)));
        let count = late.min(CATCH_UP);
        if let Some(first) = first {
            self.next = Some(first + after(count));
        }
        first.into_iter().flat_map(move |first| (0..count).map(move |frame| first + after(frame)))
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn after(frames: u64) -> Duration {
    Duration::from_nanos(frames.saturating_mul(nanos(FRAME)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    #[test]
    fn frames_come_every_20_ms_however_late_the_caller_is() {
        let mut metronome = Metronome::default();
        assert_eq!(metronome.next(true, at(5)), Some(at(5)));
        assert_eq!(metronome.due(at(4)).count(), 0);
        assert_eq!(metronome.due(at(5)).collect::<Vec<_>>(), [at(5)]);
        assert_eq!(metronome.next(true, at(12)), Some(at(25)));
        assert_eq!(metronome.due(at(44)).collect::<Vec<_>>(), [at(25)]);
        assert_eq!(metronome.due(at(45)).collect::<Vec<_>>(), [at(45)]);
        assert_eq!(metronome.due(at(104)).collect::<Vec<_>>(), [at(65), at(85)]);
        assert_eq!(metronome.next(true, at(104)), Some(at(105)));
    }

    #[test]
    fn a_long_sleep_is_not_made_up_for() {
        let mut metronome = Metronome::default();
        metronome.next(true, at(0));
        let due: Vec<Instant> = metronome.due(at(3_600_001)).collect();
        assert_eq!(due.len(), 10);
        assert_eq!(due.last(), Some(&at(3_600_000)));
        assert_eq!(metronome.next(true, at(3_600_001)), Some(at(3_600_020)));
    }

    #[test]
    fn it_rests_while_nothing_is_busy() {
        let mut metronome = Metronome::default();
        metronome.next(true, at(0));
        assert_eq!(metronome.next(false, at(7)), None);
        assert_eq!(metronome.due(at(100)).count(), 0);
        assert_eq!(metronome.next(true, at(1000)), Some(at(1000)));
    }
}
