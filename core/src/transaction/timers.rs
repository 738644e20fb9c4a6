//! The timers of transactions (RFC 3261 table 4, RFC 6026).

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The base intervals from which every timer of RFC 3261 is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timers {
    /// The round-trip time estimate.
    pub t1: Duration,
    /// The longest interval between retransmissions of a non-INVITE request and of a response.
    pub t2: Duration,
    /// How long a message may live in the network.
    pub t4: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        Self { t1: Duration::from_millis(500), t2: Duration::from_secs(4), t4: Duration::from_secs(5) }
    }
}

/// The longest T1, T2 and T4 that make sense: with more, 64·T1 would be longer than a day.
const LONGEST: Duration = Duration::from_secs(1000);

impl Timers {
    /// Whether the machines can work with them: T1 is some time, T2 is no shorter, and none is absurdly long. With a T1 of nothing, or a
    /// T2 of nothing, messages would be repeated without a pause.
    #[must_use]
    pub fn are_sound(&self) -> bool {
        let some = |time: Duration| time >= Duration::from_millis(1) && time <= LONGEST;
        some(self.t1) && some(self.t2) && self.t1 <= self.t2 && self.t4 <= LONGEST
    }

    /// 64·T1: how long a transaction waits for a response, and how long its remains stay.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.t1.saturating_mul(64)
    }

    /// Timer D: how long an INVITE client transaction over an unreliable transport absorbs a refused INVITE's responses, 32 s at least.
    #[must_use]
    pub fn d(&self) -> Duration {
        self.timeout().max(Duration::from_secs(32))
    }

    /// The longest interval between retransmissions: T2, which is no shorter than T1.
    #[must_use]
    pub fn cap(&self) -> Duration {
        self.t2.max(self.t1)
    }

    /// When a client's timer E comes to be set to T2, counted from its request: from then on a non-INVITE request must not stay without a
    /// response, and before that no 100 may be sent over an unreliable transport (RFC 4320 section 4.1). 3.5 s by default.
    #[must_use]
    pub fn slowed(&self) -> Duration {
        let (mut elapsed, mut interval) = (Duration::ZERO, self.t1);
        while interval < self.cap() && !interval.is_zero() {
            elapsed = elapsed.saturating_add(interval);
            interval = interval.saturating_mul(2);
        }
        elapsed
    }
}

/// The timers, by their letters in the RFCs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Timer {
    /// INVITE request retransmission, UDP only.
    A,
    /// INVITE client transaction timeout.
    B,
    /// How long responses to an INVITE are awaited for after a final one.
    D,
    /// Non-INVITE request retransmission, UDP only.
    E,
    /// Non-INVITE client transaction timeout.
    F,
    /// INVITE response retransmission, UDP only.
    G,
    /// How long an ACK is awaited.
    H,
    /// How long ACK retransmissions are absorbed.
    I,
    /// How long retransmissions of a non-INVITE request are answered.
    J,
    /// How long retransmissions of a final response to a non-INVITE are absorbed.
    K,
    /// How long retransmissions of an accepted INVITE are absorbed (RFC 6026).
    L,
    /// How long retransmitted and forked 2xx are passed up (RFC 6026).
    M,
    /// How long a final response to a cancelled INVITE is awaited, counted from the CANCEL (RFC 3261 section 9.1).
    Cancel,
    /// The 200 ms after which an unanswered INVITE is answered with 100 (RFC 3261 section 17.2.1), and the time after which another request is (RFC 4320 section 4.1).
    Trying,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timer_e_reaches_t2_where_the_schedule_says() {
        let ms = Duration::from_millis;
        let timers = |t1, t2| Timers { t1: ms(t1), t2: ms(t2), t4: ms(5000) };
        // Fires at 0.5, 1.5 and 3.5 s; the last of them sets it to 4 s.
        assert_eq!(Timers::default().slowed(), ms(3500));
        assert_eq!(timers(100, 4000).slowed(), ms(100 + 200 + 400 + 800 + 1600 + 3200));
        assert_eq!(timers(4000, 4000).slowed(), Duration::ZERO);
        assert_eq!(timers(5000, 4000).slowed(), Duration::ZERO);
        assert_eq!(timers(0, 4000).slowed(), Duration::ZERO);
    }

    #[test]
    fn timer_d_does_not_shrink_with_t1() {
        let fast = Timers { t1: Duration::from_millis(10), ..Timers::default() };
        assert_eq!(fast.d(), Duration::from_secs(32));
        let slow = Timers { t1: Duration::from_secs(1), ..Timers::default() };
        assert_eq!(slow.d(), Duration::from_secs(64));
    }
}
