//! When RTCP packets are due (RFC 3550 sections 6.2, 6.3 and appendix A.7): intervals that grow with the session, are random, and are reconsidered when the session grows or shrinks while one waits.
//!
//! ```text
//!            due: the interval drawn anew is over ──► send, draw the next
//!           ┌────────────────────────────────────┐
//!  report ──┤ due: it is not yet over ──► wait for its end
//!    │      └────────────────────────────────────┘
//!    │ leave with 50 members or more
//!    ▼
//!   bye ── the same, counting goodbyes instead of members ──► send BYE
//! ```

use std::time::Duration;

use crate::random::Random;
use crate::time::Instant;

/// The least interval on average (RFC 3550 section 6.2); half of it before the first packet.
const MIN_INTERVAL: Duration = Duration::from_secs(5);
/// Members from which on a BYE is held back (RFC 3550 section 6.3.7).
const BYE_BACKOFF_MEMBERS: u32 = 50;
/// Silent intervals after which a member is gone (RFC 3550 section 6.3.5).
const TIMEOUT_MULTIPLIER: u32 = 5;

/// How large the session is, ourselves included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Participants.
    pub members: u32,
    /// Those of them that sent data lately.
    pub senders: u32,
}

/// The transmission timer.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// What all members may use for RTCP, in bytes a second (rtcp_bw).
    bandwidth: u32,
    /// The average size of compound packets in bytes, times 16 (avg_rtcp_size).
    average: u64,
    /// When the last packet was sent (tp).
    last: Instant,
    /// When the next is to be considered (tn).
    next: Instant,
    /// Members when `next` was last computed (pmembers).
    before: u32,
    /// Whether no packet has been sent yet.
    initial: bool,
    /// The interval drawn last (T).
    interval: Duration,
    /// Goodbyes counted while ours waits, our own included.
    leaving: Option<u32>,
}

impl Schedule {
    /// Joins a session in which all members together may use `bandwidth` bytes a second, lower layers' headers included; the first packet will have about `size` bytes.
    #[must_use]
    pub fn new(now: Instant, random: &mut Random, bandwidth: u32, size: usize) -> Self {
        let mut schedule = Self {
            bandwidth: bandwidth.max(1),
            average: scaled(size),
            last: now,
            next: now,
            before: 1,
            initial: true,
            interval: Duration::ZERO,
            leaving: None,
        };
        schedule.interval = schedule.draw(random, Counts { members: 1, senders: 0 }, false);
        schedule.next = now + schedule.interval;
        schedule
    }

    /// When [`Schedule::expire`] is to be called.
    #[must_use]
    pub const fn due(&self) -> Instant {
        self.next
    }

    /// The time has come: whether a packet is to be sent now. If so, [`Schedule::sent`] follows; if not, there is another [`Schedule::due`].
    #[must_use]
    pub fn expire(&mut self, now: Instant, random: &mut Random, counts: Counts, we_sent: bool) -> bool {
        let (counts, we_sent) = match self.leaving {
            Some(members) => (Counts { members, senders: 0 }, false),
            None => (counts, we_sent),
        };
        let next = self.last + self.draw(random, counts, we_sent);
        self.before = counts.members;
        if next <= now {
            return true;
        }
        self.next = next;
        false
    }

    /// A packet of `size` bytes was sent.
    pub fn sent(&mut self, now: Instant, random: &mut Random, counts: Counts, we_sent: bool, size: usize) {
        self.learn(size);
        self.last = now;
        self.initial = false;
        self.interval = self.draw(random, counts, we_sent);
        self.next = now + self.interval;
        self.before = counts.members;
    }

    /// A compound of `size` bytes came that held `byes` sources' goodbyes.
    pub fn received(&mut self, size: usize, byes: u32) {
        match &mut self.leaving {
            None => self.learn(size),
            Some(members) if byes > 0 => {
                *members = members.saturating_add(byes);
                self.learn(size);
            }
            Some(_) => {}
        }
    }

    /// The session shrank to `members`, or may have: the next packet comes earlier in proportion (reverse reconsideration, RFC 3550 section 6.3.4).
    pub fn shrink(&mut self, now: Instant, members: u32) {
        if self.leaving.is_some() || members >= self.before {
            return;
        }
        let part = |whole: Duration| nanos(whole.as_nanos() * u128::from(members) / u128::from(self.before));
        let (ahead, behind) = (part(self.next - now), part(now - self.last));
        self.next = now + ahead;
        self.last = Instant::from_nanos(now.as_nanos().saturating_sub(nanos_of(behind)));
        self.before = members;
    }

    /// We leave with a BYE of `size` bytes. True when it may be sent at once; otherwise it waits its turn, so that a crowd that leaves together does not flood the network (RFC 3550 section 6.3.7).
    #[must_use]
    pub fn leave(&mut self, now: Instant, random: &mut Random, members: u32, size: usize) -> bool {
        if members < BYE_BACKOFF_MEMBERS {
            return true;
        }
        self.last = now;
        self.before = 1;
        self.initial = true;
        self.average = scaled(size);
        self.leaving = Some(1);
        self.interval = self.draw(random, Counts { members: 1, senders: 0 }, false);
        self.next = now + self.interval;
        false
    }

    /// How long a member may be silent.
    #[must_use]
    pub fn member_timeout(&self, counts: Counts) -> Duration {
        self.deterministic(counts, false, MIN_INTERVAL) * TIMEOUT_MULTIPLIER
    }

    /// How long a sender may send no data and still count as one: two intervals.
    #[must_use]
    pub fn sender_timeout(&self) -> Duration {
        self.interval * 2
    }

    fn learn(&mut self, size: usize) {
        self.average = self.average - self.average / 16 + scaled(size) / 16;
    }

    /// The interval before chance has its say (Td).
    fn deterministic(&self, counts: Counts, we_sent: bool, least: Duration) -> Duration {
        let Counts { members, senders } = counts;
        // A quarter of the bandwidth is for the senders, unless they are more than a quarter.
        let (sharers, quarters) = if u64::from(senders) * 4 <= u64::from(members) {
            if we_sent { (senders, 1) } else { (members.saturating_sub(senders), 3) }
        } else {
            (members, 4)
        };
        let bytes = u128::from(self.average) * u128::from(sharers);
        nanos(bytes * 4 * 1_000_000_000 / (u128::from(self.bandwidth) * quarters * 16)).max(least)
    }

    /// A random interval (T): half to one and a half of the deterministic one, less what reconsideration adds to it (e − 3/2).
    fn draw(&self, random: &mut Random, counts: Counts, we_sent: bool) -> Duration {
        let least = if self.initial { MIN_INTERVAL / 2 } else { MIN_INTERVAL };
        let factor = 500_000 + u128::from(random.below(1_000_001));
        nanos(self.deterministic(counts, we_sent, least).as_nanos() * factor / 1_218_280)
    }
}

fn scaled(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX).saturating_mul(16)
}

fn nanos(nanos: u128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

fn nanos_of(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::random::Seed;

    const COMPENSATION: f64 = std::f64::consts::E - 1.5;

    fn random(number: u64) -> Random {
        Random::new(&Seed::from_u64(number))
    }

    fn two(senders: u32) -> Counts {
        Counts { members: 2, senders }
    }

    /// The deterministic part of rtcp_interval() of appendix A.7.
    fn standard(counts: Counts, mut bandwidth: f64, we_sent: bool, average: f64, initial: bool) -> f64 {
        let least = if initial { 2.5 } else { 5.0 };
        let (members, senders) = (f64::from(counts.members), f64::from(counts.senders));
        let mut n = members;
        if senders <= members * 0.25 {
            if we_sent {
                bandwidth *= 0.25;
                n = senders;
            } else {
                bandwidth *= 0.75;
                n -= senders;
            }
        }
        (average * n / bandwidth).max(least)
    }

    /// Runs until the next packet; when it was sent.
    fn run(schedule: &mut Schedule, random: &mut Random, counts: Counts, we_sent: bool) -> Instant {
        loop {
            let now = schedule.due();
            if schedule.expire(now, random, counts, we_sent) {
                schedule.sent(now, random, counts, we_sent, 100);
                return now;
            }
            assert!(schedule.due() > now, "each expiry moves on");
        }
    }

    #[test]
    fn two_parties_report_every_five_seconds_on_average() {
        let mut random = random(1);
        let mut schedule = Schedule::new(Instant::ZERO, &mut random, 500, 100);
        let mut last = Instant::ZERO;
        let mut sum = 0.0;
        for packet in 0..2000 {
            let now = run(&mut schedule, &mut random, two(2), true);
            let interval = (now - last).as_secs_f64();
            let least = if packet == 0 { 2.5 } else { 5.0 };
            assert!(
                (least * 0.5 / COMPENSATION - 1e-3..least * 1.5 / COMPENSATION + 1e-3).contains(&interval),
                "{interval}"
            );
            sum += interval;
            last = now;
        }
        let mean = sum / 2000.0;
        assert!((4.7..5.3).contains(&mean), "{mean}");
    }

    #[test]
    fn the_first_packet_comes_after_half_the_minimum() {
        let mut earliest = f64::MAX;
        let mut latest = 0.0f64;
        for seed in 0..500 {
            let schedule = Schedule::new(Instant::ZERO, &mut random(seed), 500, 100);
            earliest = earliest.min((schedule.due() - Instant::ZERO).as_secs_f64());
            latest = latest.max((schedule.due() - Instant::ZERO).as_secs_f64());
        }
        assert!((1.026..1.05).contains(&earliest) && (3.0..3.079).contains(&latest), "{earliest} {latest}");
    }

    #[test]
    fn a_crowd_that_joins_holds_the_first_packet_back() {
        let mut random = random(3);
        let mut schedule = Schedule::new(Instant::ZERO, &mut random, 500, 100);
        let due = schedule.due();
        // 1000 members of 100 bytes in 375 bytes a second: at least 267 s × 0.5 / 1.218.
        assert!(!schedule.expire(due, &mut random, Counts { members: 1000, senders: 0 }, false));
        assert!(schedule.due() - Instant::ZERO > Duration::from_secs(109));
    }

    #[test]
    fn a_crowd_that_leaves_brings_the_next_packet_forward() {
        let mut random = random(4);
        let mut schedule = Schedule::new(Instant::ZERO, &mut random, 500, 100);
        let start = Instant::from_millis(200_000);
        let crowd = Counts { members: 1000, senders: 0 };
        schedule.sent(start, &mut random, crowd, false, 100);
        let (ahead, now) = (schedule.due() - start, start + Duration::from_secs(10));
        schedule.shrink(now, 100);
        let left = (ahead - Duration::from_secs(10)) / 10;
        assert!(
            schedule.due() - now - left < Duration::from_millis(1)
                && left - (schedule.due() - now) < Duration::from_millis(1)
        );
        assert_eq!(schedule.last, start + Duration::from_secs(9));
        let due = schedule.due();
        schedule.shrink(now, 100);
        assert_eq!(schedule.due(), due, "once for each departure");
    }

    #[test]
    fn a_goodbye_waits_only_in_a_crowd() {
        let mut random = random(5);
        let mut schedule = Schedule::new(Instant::ZERO, &mut random, 500, 100);
        assert!(schedule.leave(Instant::ZERO, &mut random, 2, 60));
        assert!(schedule.leave(Instant::ZERO, &mut random, 49, 60));
        assert!(!schedule.leave(Instant::ZERO, &mut random, 50, 60));
        let due = schedule.due();
        assert!(due - Instant::ZERO < Duration::from_millis(3100), "alone it takes half the minimum");
        // 900 others leave at once: ours has to wait for its share.
        schedule.received(60, 900);
        schedule.received(5000, 0);
        assert!(!schedule.expire(due, &mut random, two(2), true));
        let interval = 901.0 * 60.0 / 375.0;
        let waits = (schedule.due() - Instant::ZERO).as_secs_f64();
        assert!((interval * 0.5 / COMPENSATION..interval * 1.5 / COMPENSATION).contains(&waits), "{waits}");
    }

    #[test]
    fn the_average_size_is_smoothed() {
        let mut schedule = Schedule::new(Instant::ZERO, &mut random(6), 500, 160);
        schedule.received(320, 0);
        assert_eq!(schedule.average, 170 * 16);
    }

    proptest! {
        #[test]
        fn the_interval_is_that_of_the_standard(
            members in 1..5000u32, share in 0..=100u32, we_sent: bool, initial: bool, average in 60..500usize, bandwidth in 100..10_000u32,
        ) {
            let senders = (members * share / 100).max(u32::from(we_sent));
            let counts = Counts { members, senders };
            let mut schedule = Schedule::new(Instant::ZERO, &mut random(7), bandwidth, average);
            schedule.initial = initial;
            let least = if initial { MIN_INTERVAL / 2 } else { MIN_INTERVAL };
            let ours = schedule.deterministic(counts, we_sent, least).as_secs_f64();
            let theirs = standard(counts, f64::from(bandwidth), we_sent, average as f64, initial);
            prop_assert!((ours - theirs).abs() < 1e-6 * theirs, "{} {}", ours, theirs);
        }

        #[test]
        fn extremes_do_not_overflow(now: u64, bandwidth: u32, size: usize, members: u32, senders: u32, seed: u64) {
            let (now, counts) = (Instant::from_nanos(now), Counts { members, senders });
            let mut random = random(seed);
            let mut schedule = Schedule::new(now, &mut random, bandwidth, size);
            schedule.received(size, senders);
            let _ = schedule.expire(now, &mut random, counts, true);
            schedule.shrink(now, 1);
            let _ = schedule.leave(now, &mut random, members, size);
            schedule.received(size, members);
            let _ = schedule.expire(now, &mut random, counts, true);
        }
    }
}
