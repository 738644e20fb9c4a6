//! The buffer: order, losses, silences, drift, leaps, bounds.

use proptest::prelude::*;

use super::*;

fn ms(ms: u64) -> Instant {
    Instant::from_millis(ms)
}

/// A buffer of frames that are their own numbers, 20 ms of 8 kHz each.
#[derive(Default)]
struct Fixture {
    buffer: Buffer<u64>,
}

impl Fixture {
    /// Packet `number`, sent at `number` × 20 ms, arrives.
    fn arrives(&mut self, now: u64, number: u64) -> Insert {
        self.buffer.insert(ms(now), number, u32::try_from(number).unwrap() * 160, 8000, number)
    }

    /// Everything due by then.
    fn pull(&mut self, now: u64) -> Vec<Option<u64>> {
        let mut out = Vec::new();
        loop {
            match self.buffer.pull(ms(now)) {
                Pull::Frame(number) => out.push(Some(number)),
                Pull::Lost => out.push(None),
                Pull::Wait => return out,
            }
        }
    }
}

#[test]
fn a_frame_waits_sixty_milliseconds() {
    let mut fixture = Fixture::default();
    assert_eq!(fixture.pull(0), []);
    assert_eq!(fixture.arrives(100, 5), Insert::Kept);
    assert_eq!(fixture.pull(159), []);
    assert_eq!(fixture.pull(160), [Some(5)]);
    assert_eq!(fixture.pull(1000), []);
}

#[test]
fn order_is_restored() {
    let mut fixture = Fixture::default();
    for (now, number) in [(0, 1), (40, 3), (50, 2), (60, 4), (119, 6), (120, 5)] {
        fixture.arrives(now, number);
    }
    // Number 1 came at 0 and was sent at 20: the floor is −20, number n is due at 20·n + 40.
    assert_eq!(fixture.pull(59), []);
    assert_eq!(fixture.pull(60), [Some(1)]);
    assert_eq!(fixture.pull(140), [Some(2), Some(3), Some(4), Some(5)]);
    assert_eq!(fixture.pull(160), [Some(6)]);
}

#[test]
fn the_first_to_play_is_the_first_sent_and_not_the_first_to_come() {
    let mut fixture = Fixture::default();
    fixture.arrives(40, 2);
    fixture.arrives(55, 1);
    assert_eq!(fixture.pull(100), [Some(1), Some(2)]);
}

#[test]
fn a_loss_is_told_at_its_time_when_a_later_frame_is_here() {
    let mut fixture = Fixture::default();
    for number in [0, 1, 4, 5] {
        fixture.arrives(number * 20, number);
    }
    assert_eq!(fixture.pull(80), [Some(0), Some(1)]);
    assert_eq!(fixture.pull(99), []);
    assert_eq!(fixture.pull(100), [None]);
    assert_eq!(fixture.arrives(101, 2), Insert::Late);
    assert_eq!(fixture.arrives(110, 3), Insert::Kept, "its time has not come yet");
    assert_eq!(fixture.pull(120), [Some(3)]);
    assert_eq!(fixture.pull(160), [Some(4), Some(5)]);
}

#[test]
fn what_was_lived_through_in_silence_is_not_lost_again() {
    let mut fixture = Fixture::default();
    fixture.arrives(0, 0);
    assert_eq!(fixture.pull(60), [Some(0)]);
    // An outage of a second: nothing tells a loss from a silence.
    for now in (80..=1080).step_by(20) {
        assert_eq!(fixture.pull(now), []);
    }
    fixture.arrives(1040, 52);
    // Of the 51 missing, those from number 49 on were due at 1040 or later.
    assert_eq!(fixture.pull(1120), [None, None, None, Some(52)]);
}

#[test]
fn a_silence_is_no_loss() {
    let mut buffer = Buffer::default();
    for (now, number, timestamp) in [(0, 10, 0), (20, 11, 160), (5000, 12, 40_000), (5020, 13, 40_160)] {
        buffer.insert(ms(now), number, timestamp, 8000, number);
    }
    assert_eq!(buffer.pull(ms(80)), Pull::Frame(10));
    assert_eq!(buffer.pull(ms(80)), Pull::Frame(11));
    assert_eq!(buffer.pull(ms(5059)), Pull::Wait);
    assert_eq!(buffer.pull(ms(5060)), Pull::Frame(12));
    assert_eq!(buffer.pull(ms(5079)), Pull::Wait);
    assert_eq!(buffer.pull(ms(5080)), Pull::Frame(13));
}

#[test]
fn packets_that_are_no_frames_are_not_missing() {
    let mut fixture = Fixture::default();
    fixture.buffer.pass_over(ms(0), 9);
    assert_eq!(fixture.arrives(0, 0), Insert::Kept, "before the first frame there is nothing to miss");
    fixture.arrives(20, 1);
    for number in 2..6 {
        fixture.buffer.pass_over(ms(number * 20), number);
    }
    fixture.arrives(120, 6);
    assert_eq!(fixture.pull(1000), [Some(0), Some(1), Some(6)]);
}

#[test]
fn copies_and_stragglers_are_dropped() {
    let mut fixture = Fixture::default();
    assert_eq!(fixture.arrives(0, 0), Insert::Kept);
    assert_eq!(fixture.arrives(20, 1), Insert::Kept);
    assert_eq!(fixture.arrives(21, 0), Insert::Late);
    assert_eq!(fixture.arrives(21, 1), Insert::Late);
    assert_eq!(fixture.pull(80), [Some(0), Some(1)]);
    assert_eq!(fixture.arrives(90, 1), Insert::Late);
}

#[test]
fn nobody_pulls_and_nothing_grows() {
    let mut fixture = Fixture::default();
    for number in 0..1000 {
        let expected = if number < 64 { Insert::Kept } else { Insert::Shed };
        assert_eq!(fixture.arrives(number * 20, number), expected);
        assert!(fixture.buffer.len() <= MAX_PACKETS);
    }
    let played = fixture.pull(1000 * 20 + 60);
    assert_eq!(played, (936..1000).map(Some).collect::<Vec<_>>(), "the newest are kept, and no loss is made up");
}

#[test]
fn a_leap_of_the_timestamps_costs_no_frame() {
    let mut buffer = Buffer::default();
    let mut played = Vec::new();
    for number in 0..100u64 {
        // The timestamps leap forwards and back while the numbers go on.
        let leap = match number {
            0..30 => 0u32,
            30..60 => 4_000_000_000,
            _ => 77,
        };
        let timestamp = leap.wrapping_add(u32::try_from(number).unwrap() * 160);
        assert_eq!(buffer.insert(ms(number * 20), number, timestamp, 8000, number), Insert::Kept);
        if let Pull::Frame(frame) = buffer.pull(ms(number * 20)) {
            played.push(frame);
        }
    }
    assert_eq!(played, (0..97).collect::<Vec<_>>());
}

#[test]
fn another_clock_rate_goes_on_in_order() {
    let mut buffer = Buffer::default();
    buffer.insert(ms(0), 0, 0, 8000, 0);
    buffer.insert(ms(20), 1, 960, 48_000, 1);
    buffer.insert(ms(40), 2, 1920, 48_000, 2);
    assert_eq!(buffer.pull(ms(60)), Pull::Frame(0));
    assert_eq!(buffer.pull(ms(100)), Pull::Frame(1));
    assert_eq!(buffer.pull(ms(100)), Pull::Frame(2));
}

#[test]
fn clocks_that_drift_apart_keep_the_delay() {
    for drift in [-200i64, 200] {
        let mut buffer = Buffer::default();
        let mut worst = 0;
        // 15 hours with a sender whose clock is wrong by 200 ppm: 10.8 s in the end, and the timestamps wrap, and their half.
        for number in 0..2_700_000u64 {
            let sent = i64::try_from(number * 20_000_000).unwrap();
            let now = Instant::from_nanos((sent + sent / 1_000_000 * drift).unsigned_abs());
            let timestamp = (u32::MAX - 1000).wrapping_add(u32::try_from(number * 960 % (1 << 32)).unwrap());
            buffer.insert(now, number, timestamp, 48_000, now);
            while let Pull::Frame(arrived) = buffer.pull(now) {
                worst = worst.max((now - arrived).as_millis());
            }
            assert!(buffer.len() <= 4, "{drift} {number} {}", buffer.len());
        }
        assert!(worst <= 80, "{drift} {worst}");
    }
}

/// A call of so many seconds over a network that delays each packet by a random part of `most` ms; how much of each second came too late, in percent, and the delay then.
fn call(fixture: &mut Fixture, start: u64, seconds: u64, most: u64) -> Vec<(u64, Duration)> {
    let mut random = crate::random::Random::new(&crate::random::Seed::from_u64(start));
    let mut arrivals: Vec<(u64, u64)> =
        (start * 50..(start + seconds) * 50).map(|number| (number * 20 + random.below(most + 1), number)).collect();
    arrivals.sort_unstable();
    let mut arrivals = arrivals.into_iter().peekable();
    let mut seen = Vec::new();
    for second in start..start + seconds {
        let mut late = 0;
        for now in second * 1000..(second + 1) * 1000 {
            while let Some((_, number)) = arrivals.next_if(|(at, _)| *at <= now) {
                late += u64::from(fixture.arrives(now, number) == Insert::Late);
            }
            fixture.pull(now);
        }
        seen.push((late * 2, fixture.buffer.delay()));
    }
    seen
}

#[test]
fn the_delay_follows_the_jitter_and_is_bounded() {
    let millis = Duration::from_millis;
    let mut fixture = Fixture::default();
    let calm = call(&mut fixture, 0, 5, 50);
    assert!(calm.iter().all(|second| *second == (0, millis(60))), "{calm:?}");
    let rough = call(&mut fixture, 5, 20, 150);
    assert!(rough[0].0 > 10, "at first many are too late: {rough:?}");
    assert!(rough[3..].iter().all(|(late, delay)| *late <= 2 && *delay <= millis(160)), "{rough:?}");
    let mad = call(&mut fixture, 25, 20, 250);
    assert!(mad[5..].iter().all(|(_, delay)| *delay == millis(200)), "no more than that: {mad:?}");
    let calm = call(&mut fixture, 45, 40, 50);
    assert_eq!(calm[39], (0, millis(60)), "{calm:?}");
}

#[test]
fn a_few_stragglers_do_not_delay_the_rest() {
    let mut fixture = Fixture::default();
    for number in 0..3_000 {
        // One in a hundred is 100 ms late.
        let late = if number % 100 == 50 { 100 } else { 0 };
        fixture.arrives(number * 20 + late, number);
        fixture.pull(number * 20);
        assert_eq!(fixture.buffer.delay(), Duration::from_millis(60), "{number}");
    }
}

#[test]
fn a_reset_forgets_numbers_and_times() {
    let mut fixture = Fixture::default();
    fixture.arrives(0, 500);
    assert_eq!(fixture.pull(60), [Some(500)]);
    fixture.buffer.reset();
    assert!(fixture.buffer.is_empty());
    fixture.arrives(5000, 3);
    assert_eq!(fixture.pull(5059), []);
    assert_eq!(fixture.pull(5060), [Some(3)]);
}

proptest! {
    /// Packets delayed by at most 60 ms more than the fastest all come out, in order, none told as lost.
    #[test]
    fn sixty_milliseconds_of_reordering_are_undone(
        start in 0..1u64 << 40,
        first in 1..1u64 << 32,
        timestamp: u32,
        delays in proptest::collection::vec(0..=60_000u64, 1..200),
    ) {
        let mut arrivals: Vec<(u64, u64)> =
            delays.iter().enumerate().map(|(i, delay)| (start + i as u64 * 20_000 + 100_000 + delay, i as u64)).collect();
        // The fastest is told first, as it would be in a call that is under way.
        arrivals.push((start + 80_000, 0));
        arrivals.sort_unstable();
        let end = arrivals[arrivals.len() - 1].0;
        let mut buffer = Buffer::default();
        let mut played = Vec::new();
        let mut arrivals = arrivals.into_iter().peekable();
        let mut anchor = true;
        for now in (start..end + 200_000).step_by(1000) {
            while let Some((_, index)) = arrivals.next_if(|(at, _)| *at <= now) {
                let number = if anchor { first - 1 } else { first + index };
                let timestamp = timestamp.wrapping_add(u32::try_from((number + 1 - first) * 160).unwrap());
                anchor = false;
                buffer.insert(Instant::from_nanos(now * 1000), number, timestamp, 8000, number);
            }
            loop {
                match buffer.pull(Instant::from_nanos(now * 1000)) {
                    Pull::Frame(number) => played.push(number),
                    Pull::Lost => prop_assert!(false, "lost after {played:?}"),
                    Pull::Wait => break,
                }
            }
        }
        prop_assert_eq!(played, (first - 1..first + delays.len() as u64).collect::<Vec<_>>());
    }

    /// Any input: frames come in order, each at most once, and the buffer stays bounded.
    #[test]
    fn hostile_packets_neither_panic_nor_grow(
        packets in proptest::collection::vec((0..500u64, 0..2000u64, any::<u32>(), prop_oneof![Just(8000u32), any::<u32>()], 0..4u8), 0..300),
    ) {
        let mut buffer = Buffer::default();
        let (mut now, mut base, mut last) = (0, 1000, None);
        for (wait, ahead, timestamp, rate, what) in packets {
            now += wait;
            base += ahead / 10;
            match what {
                0 => buffer.pass_over(ms(now), base + ahead),
                1 => { buffer.insert(ms(now), base - ahead.min(base), timestamp, rate, base - ahead.min(base)); }
                _ => { buffer.insert(ms(now), base + ahead, timestamp, rate, base + ahead); }
            }
            prop_assert!(buffer.len() <= MAX_PACKETS);
            let mut answers = 0;
            loop {
                match buffer.pull(ms(now)) {
                    Pull::Frame(number) => {
                        prop_assert!(last.is_none_or(|last| number > last));
                        last = Some(number);
                    }
                    Pull::Lost => {}
                    Pull::Wait => break,
                }
                answers += 1;
                prop_assert!(answers < 10_000);
            }
        }
    }

    #[test]
    fn extremes_do_not_overflow(packets in proptest::collection::vec((any::<u64>(), any::<u64>(), any::<u32>(), any::<u32>()), 0..50)) {
        let mut buffer = Buffer::default();
        for (now, number, timestamp, rate) in packets {
            let now = Instant::from_nanos(now);
            buffer.insert(now, number, timestamp, rate, ());
            buffer.pass_over(now, number / 2);
            for _ in 0..3 {
                let _ = buffer.pull(now);
            }
        }
    }
}
