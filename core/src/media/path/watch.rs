//! The notice that no packet comes: looked at once each interval while the stream receives; and once before that, when none has ever come
//! (seed 000: SCSessionGotNoAudio).
//!
//! A peer that has said that it is silent (RFC 3389) need not send packets for as long as it is. Its RTCP shows then that it is there.

use std::time::Duration;

use crate::time::{Instant, earliest};

/// When a stream is known to begin in silence.
const FIRST: Duration = Duration::from_secs(5);

/// Watches whether packets come.
#[derive(Debug, Default)]
pub(super) struct Watch {
    interval: Option<Duration>,
    next: Option<Instant>,
    /// When to look for the first time, until anything has come.
    first: Option<Instant>,
    heard: bool,
    reported: bool,
    got_any: bool,
}

impl Watch {
    /// Looks every `interval` from now on, or never; the same interval as before goes on.
    pub(super) fn set(&mut self, now: Instant, interval: Option<Duration>) {
        let interval = interval.filter(|interval| !interval.is_zero());
        if interval != self.interval {
            self.interval = interval;
            self.next = interval.map(|interval| now + interval);
            self.first = interval.filter(|interval| *interval > FIRST && !self.got_any).map(|_| now + FIRST);
            self.heard = false;
            self.reported = false;
        }
    }

    /// A packet of the peer came.
    pub(super) const fn heard(&mut self) {
        self.heard = true;
        self.got_any = true;
        self.first = None;
    }

    /// RTCP of the peer came.
    pub(super) const fn reported(&mut self) {
        self.reported = true;
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        earliest(self.next, self.first)
    }

    /// When an interval is over in which nothing came: whether anything ever came. `silent` is whether the peer has said that it is.
    pub(super) fn expire(&mut self, now: Instant, silent: bool) -> Option<bool> {
        let interval = self.interval?;
        if self.first.is_some_and(|first| now >= first) {
            self.first = None;
            return Some(false);
        }
        if self.next.is_some_and(|next| now < next) {
            return None;
        }
        self.next = Some(now + interval);
        let (heard, reported) = (std::mem::take(&mut self.heard), std::mem::take(&mut self.reported));
        let is_there = heard || (silent && reported);
        (!is_there).then_some(self.got_any)
    }
}
