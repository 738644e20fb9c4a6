//! Two paths back to back over a link in virtual time that loses, doubles and delays: what the paths say is compared with what the link did.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::random::Random;
use crate::rtp::dtmf::{Digit, Report};

/// What the link does to datagrams, from `since` on: before, it only takes its time.
#[derive(Clone, Debug)]
struct Faults {
    since: u64,
    /// Lost, in a hundred.
    loss: u64,
    /// Doubled, in a hundred.
    doubled: u64,
    /// The least time a datagram takes, in ms.
    delay: u64,
    /// The most that it takes longer, in ms.
    spread: u64,
}

/// What the link did to the media of one direction, by the order of arrival.
#[derive(Debug, Default)]
struct Log {
    sent: u64,
    delivered: Vec<Packet>,
}

impl Log {
    /// Sequence numbers unwrapped: counted from the first packet sent.
    fn number(&self, packet: &Packet, first: u16) -> u64 {
        // Below 65,536 packets each number is met once.
        u64::from(packet.header.sequence.wrapping_sub(first))
    }

    /// (packets, duplicates, reordered, lost) as a receiver should count them that hears from the first packet on.
    fn expected(&self, first: u16) -> (u64, u64, u64, u64) {
        let (mut seen, mut duplicates, mut reordered) = (BTreeSet::new(), 0, 0);
        for packet in &self.delivered {
            let number = self.number(packet, first);
            if seen.contains(&number) {
                duplicates += 1;
            } else if seen.last().is_some_and(|highest| *highest > number) {
                reordered += 1;
            }
            seen.insert(number);
        }
        let lost = seen.last().map_or(0, |highest| highest + 1 - seen.len() as u64);
        (self.delivered.len() as u64, duplicates, reordered, lost)
    }

    /// Digits in the order in which the first packet of each event came; a segment that follows another is no event of its own.
    fn digits(&self, payload_type: u8) -> String {
        let mut seen = BTreeSet::new();
        let mut digits = String::new();
        for packet in self.delivered.iter().filter(|packet| packet.header.payload_type == payload_type) {
            let event = Report::read(packet.payload[..].try_into().unwrap()).event;
            let timestamp = packet.header.timestamp;
            let follows = seen.contains(&(timestamp.wrapping_sub(0xffff), event));
            if seen.insert((timestamp, event)) && !follows {
                digits.push(Digit::from_event(event).unwrap().as_char());
            }
        }
        digits
    }
}

/// One end: a path, what it played and told, and what it will be asked to key.
struct End {
    path: Path,
    address: SocketAddr,
    played: Vec<Option<u16>>,
    told: String,
    statistics: Vec<Statistics>,
    keys: BTreeMap<Instant, Vec<(char, Duration)>>,
    log: Log,
    first_sequence: Option<u16>,
}

impl End {
    fn new(number: u64, ssrc: u32, here: &str, there: &str) -> Self {
        let control = |address: SocketAddr| SocketAddr::new(address.ip(), address.port() + 1);
        let there = address(there);
        let mut path =
            Path::new(&Setup { ssrc, ..setup(number) }, Instant::ZERO, Utc { unix_millis: 1_700_000_000_000 });
        // Both sides give the formats the same numbers here.
        let telephone_event = Some(TelephoneEvent { send_payload: 101, receive_payload: 101, clock_rate: 8000 });
        path.start(
            Instant::ZERO,
            Parameters {
                remote_rtp: Some(there),
                remote_rtcp: Some(control(there)),
                formats: vec![format("PCMU", 0, 0)],
                telephone_event,
                ..parameters()
            },
        );
        Self {
            path,
            address: address(here),
            played: Vec::new(),
            told: String::new(),
            statistics: Vec::new(),
            keys: BTreeMap::new(),
            log: Log::default(),
            first_sequence: None,
        }
    }
}

/// The two ends, the link and the clock.
struct World {
    ends: [End; 2],
    faults: Faults,
    random: Random,
    now: Instant,
    /// Datagrams on their way: by arrival and order of sending, with the end they go to.
    on_the_way: BTreeMap<(Instant, u64), (usize, Component, SocketAddr, Bytes)>,
    order: u64,
    transcript: Vec<String>,
}

const FRAME: Duration = Duration::from_millis(20);

impl World {
    fn new(seed: u64, faults: Faults) -> Self {
        let (a, b) = ("192.0.2.1:4000", "192.0.2.2:5000");
        Self {
            ends: [End::new(seed, 0xa, a, b), End::new(seed + 1, 0xb, b, a)],
            faults,
            random: Random::new(&Seed::from_u64(seed + 2)),
            now: Instant::ZERO,
            on_the_way: BTreeMap::new(),
            order: 0,
            transcript: Vec::new(),
        }
    }

    /// Runs until `end`; frames are sent while `talking` says so.
    fn run(&mut self, end: Instant, talking: bool) {
        let mut tick = self.now;
        while self.now < end {
            let deadlines = self.ends.iter().filter_map(|end| end.path.deadline());
            let keys = self.ends.iter().filter_map(|end| end.keys.keys().next().copied());
            let arrival = self.on_the_way.keys().next().map(|(at, _)| *at);
            self.now = deadlines.chain(keys).chain(arrival).fold(tick, Instant::min).max(self.now);
            for side in 0..2 {
                self.serve(side, tick, talking);
            }
            self.arrive();
            if self.now >= tick {
                tick += FRAME;
            }
        }
    }

    /// Keys, timers and frames of one end.
    fn serve(&mut self, side: usize, tick: Instant, talking: bool) {
        let (now, end) = (self.now, &mut self.ends[side]);
        while let Some(entry) = end.keys.first_entry().filter(|entry| *entry.key() <= now) {
            for (digit, duration) in entry.remove() {
                end.path.send_dtmf(now, digit, duration).unwrap();
            }
        }
        if end.path.deadline().is_some_and(|deadline| deadline <= now) {
            end.path.timeout(now);
            assert!(end.path.deadline().is_none_or(|next| next > now), "a deadline in the past without progress");
        }
        if now >= tick {
            if talking {
                let count = u16::try_from(now.as_millis() / 20).unwrap();
                end.path.push(now, &count.to_be_bytes(), 160);
            }
            let played = pull(&mut end.path, now);
            for frame in &played {
                self.transcript.push(format!("{now} {side} plays {frame:?}"));
            }
            end.played.extend(played);
            assert!(end.path.reader_len() <= 64);
        }
        self.drain(side);
    }

    /// Hands what a path sends to the link, and notes what it tells.
    fn drain(&mut self, side: usize) {
        while let Some(Transmit { component, to, data }) = self.ends[side].path.poll_transmit() {
            self.transcript.push(format!("{} {side} sends {component:?} {to} {data:?}", self.now));
            let end = &mut self.ends[side];
            if !is_rtcp(&data) {
                end.log.sent += 1;
                let packet = Packet::parse(data.clone()).unwrap();
                end.first_sequence.get_or_insert(packet.header.sequence);
            }
            let from = SocketAddr::new(end.address.ip(), end.address.port() + u16::from(component == Component::Rtcp));
            let faulty = self.now >= ms(self.faults.since);
            if faulty && self.random.below(100) < self.faults.loss {
                continue;
            }
            let copies = 1 + u64::from(faulty && self.random.below(100) < self.faults.doubled);
            for _ in 0..copies {
                let longer = if faulty { self.random.between(0, self.faults.spread * 1000) } else { 0 };
                let at = self.now + Duration::from_micros(self.faults.delay * 1000 + longer);
                self.order += 1;
                self.on_the_way.insert((at, self.order), (1 - side, component, from, data.clone()));
            }
        }
        let end = &mut self.ends[side];
        while let Some(event) = end.path.poll_event() {
            self.transcript.push(format!("{} {side} tells {event:?}", self.now));
            match event {
                Event::Dtmf { digit } => end.told.push(digit),
                Event::Stats(statistics) => end.statistics.push(*statistics),
                Event::Started | Event::Source(_) => {}
                Event::Ready { .. } | Event::Failed(_) | Event::NoRtp { .. } | Event::Ice(_) => panic!("{event:?}"),
            }
        }
    }

    fn arrive(&mut self) {
        while let Some(entry) = self.on_the_way.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let (side, component, from, data) = entry.remove();
            if !is_rtcp(&data) {
                self.ends[1 - side].log.delivered.push(Packet::parse(data.clone()).unwrap());
            }
            self.ends[side].path.datagram(self.now, component, from, data);
            self.drain(side);
        }
    }

    /// Compares what the ends say with what the link did.
    fn check(&self) {
        for (side, other) in [(0, 1), (1, 0)] {
            let (here, there) = (&self.ends[side], &self.ends[other]);
            let first = there.first_sequence.unwrap();
            let rx = &here.path.statistics().rx;
            assert_eq!((rx.packets, rx.duplicate, rx.reordered, rx.lost), there.log.expected(first), "side {side}");
            let bytes: usize = there.log.delivered.iter().map(|packet| packet.payload.len()).sum();
            assert_eq!(rx.bytes, bytes as u64);
            let tx = &there.path.statistics().tx;
            assert_eq!((tx.packets, tx.discarded), (there.log.sent, 0));
            assert_eq!(here.told, there.log.digits(101), "each digit once, in the order of their first packets");

            // What is played is what came, in order; what came too late is counted.
            let frames: Vec<u16> = here.played.iter().copied().flatten().collect();
            assert!(frames.is_sorted_by(|a, b| a < b), "{frames:?}");
            let audio = there.log.delivered.iter().filter(|packet| packet.header.payload_type == 0);
            let came: BTreeSet<u16> =
                audio.map(|packet| u16::from_be_bytes(packet.payload[..].try_into().unwrap())).collect();
            let missed = came.difference(&frames.iter().copied().collect()).count();
            assert_eq!(missed as u64, rx.discarded, "frames that are not played are counted");
            if self.faults.spread <= 60 {
                assert_eq!(rx.discarded, 0, "60 ms of delay are borne");
                let lost = here.played.iter().filter(|frame| frame.is_none()).count();
                assert!(lost as u64 <= rx.lost, "{lost} told, {} lost", rx.lost);
            }

            // Reports of the other side lag behind what it has counted since.
            assert!(
                here.path.statistics().tx.lost
                    <= there.path.statistics().rx.lost + there.path.statistics().rx.discarded
            );
            let (least, most) = (self.faults.delay * 2, (self.faults.delay + self.faults.spread) * 2);
            if let Some(time) = here.path.statistics().round_trip {
                let bounds = Duration::from_millis(least.saturating_sub(1))..=Duration::from_millis(most + 1);
                assert!(bounds.contains(&time), "{time:?} not in {bounds:?}");
            }
            assert!(rx.jitter <= Duration::from_millis(self.faults.spread + 20));
            assert_eq!(here.path.control.members.counts(false).members, 2);
        }
    }
}

/// A call of some seconds with these faults and keys; everything is over at its end.
fn call(seed: u64, faults: &Faults, keys: &[(u64, u8, u64)]) -> World {
    let mut world = World::new(seed, faults.clone());
    let mut at = 300;
    for (pause, event, duration) in keys {
        let side = usize::from(pause % 2 == 1);
        let key = (Digit::from_event(*event).unwrap().as_char(), Duration::from_millis(*duration));
        world.ends[side].keys.entry(ms(at)).or_default().push(key);
        at += pause;
    }
    let keyed: u64 = keys.iter().map(|(_, _, duration)| duration + 110).sum();
    world.run(ms(at + keyed + 12_000), true);
    world.run(world.now + Duration::from_secs(1), false);
    assert!(world.ends.iter().all(|end| end.path.reader_len() == 0), "everything was played");
    world
}

#[test]
fn a_clean_link_loses_nothing_and_measures_itself() {
    let faults = Faults { since: 0, loss: 0, doubled: 0, delay: 35, spread: 0 };
    let world = call(1, &faults, &[(500, 1, 100), (501, 2, 100), (0, 3, 100)]);
    world.check();
    let (a, b) = (&world.ends[0], &world.ends[1]);
    assert_eq!((b.told.as_str(), a.told.as_str()), ("13", "2"));
    for end in &world.ends {
        assert!(end.played.iter().all(Option::is_some));
        let statistics = end.path.statistics();
        assert!(statistics.round_trip.unwrap().abs_diff(Duration::from_millis(70)) < Duration::from_millis(1));
        assert_eq!((statistics.tx.lost, statistics.rx.lost), (0, 0));
        assert!(!end.statistics.is_empty());
    }
}

#[test]
fn the_same_seed_gives_the_same_transcript() {
    let faults = Faults { since: 100, loss: 10, doubled: 10, delay: 20, spread: 40 };
    let keys = [(400, 5, 100), (401, 5, 100), (400, 11, 9000)];
    let (first, second) = (call(7, &faults, &keys), call(7, &faults, &keys));
    assert!(first.transcript.len() > 2000);
    assert_eq!(first.transcript, second.transcript);
    assert_ne!(first.transcript, call(8, &faults, &keys).transcript);
}

#[test]
fn a_quarter_lost_is_what_the_reports_say() {
    let faults = Faults { since: 200, loss: 25, doubled: 0, delay: 10, spread: 0 };
    let world = call(3, &faults, &[]);
    world.check();
    for end in &world.ends {
        let statistics = end.path.statistics();
        let told = end.played.iter().filter(|frame| frame.is_none()).count() as u64;
        assert!(statistics.rx.lost > 100, "{statistics:?}");
        // Losses at the very end have no later frame that would show them.
        assert!(statistics.rx.lost - told <= 3, "{told} told of {}", statistics.rx.lost);
        assert!(statistics.tx.lost > 0, "{statistics:?}");
    }
}

#[test]
fn an_hour_leaves_nothing_behind() {
    let faults = Faults { since: 100, loss: 2, doubled: 2, delay: 20, spread: 50 };
    let mut world = World::new(5, faults);
    // The frame counter of the payload holds twenty minutes.
    for _ in 0..3 {
        let end = world.now + Duration::from_secs(1200);
        while world.now < end {
            let step = (world.now + Duration::from_secs(60)).min(end);
            world.run(step, world.now < ms(1_200_000));
            world.transcript.clear();
            for end in &mut world.ends {
                end.log.delivered.clear();
                end.played.clear();
                end.statistics.clear();
                assert!(end.path.transmits.capacity() <= 64 && end.path.events.capacity() <= 64);
                assert!(end.path.reader_len() <= 16);
            }
        }
    }
    let last = |end: &End| end.path.statistics().clone();
    assert!(world.ends.iter().all(|end| last(end).rx.packets > 50_000));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_paths_say_what_the_link_did(
        seed: u64,
        loss in 0..60u64,
        doubled in 0..40u64,
        delay in 0..200u64,
        spread in prop_oneof![0..=60u64, 60..150u64],
        keys in proptest::collection::vec((0..700u64, 0..16u8, prop_oneof![40..300u64, Just(9000u64)]), 0..8),
    ) {
        let faults = Faults { since: delay + 200, loss, doubled, delay, spread };
        call(seed % (1 << 60), &faults, &keys).check();
    }
}
