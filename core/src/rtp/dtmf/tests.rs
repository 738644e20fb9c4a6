//! Events: the table of the standard, segments, copies, losses, and hostile reports.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::rtp::Packet;
use crate::time::Instant;

const PACE: Pace = Pace { interval: Duration::from_millis(20), clock_rate: 8000, media_clock_rate: 8000 };

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn digit(digit: char) -> Digit {
    Digit::from_char(digit).unwrap()
}

/// Runs a sender over its deadlines, on media that moves on with the time; every packet with when it was sent.
fn run(sender: &mut Sender, start: Instant) -> Vec<(Instant, EventPacket)> {
    let mut sent = Vec::new();
    let mut now = start;
    loop {
        while let Some(packet) = sender.poll(now, timestamp(now)) {
            sent.push((now, packet));
        }
        match sender.deadline() {
            None => return sent,
            Some(deadline) => {
                assert!(deadline > now, "a poll deals with what is due");
                now = deadline;
            }
        }
    }
}

/// The media clock of 8 kHz.
fn timestamp(now: Instant) -> u32 {
    u32::try_from(now.as_nanos() / 125_000 % (1 << 32)).unwrap()
}

fn told(receiver: &mut Receiver, packets: &[EventPacket]) -> String {
    let mut digits = String::new();
    for packet in packets {
        receiver
            .packet(packet.timestamp, packet.marker, &packet.report.to_bytes(), |digit| digits.push(digit.as_char()));
    }
    digits
}

fn receiver() -> Receiver {
    Receiver::new(8000, 8000)
}

fn report(event: u8, end: bool, duration: u16) -> Report {
    Report { event, end, volume: 10, duration }
}

#[test]
fn digits_and_event_codes_are_those_of_the_registry() {
    for (event, character) in "0123456789*#ABCD".chars().enumerate() {
        let known = digit(character);
        assert_eq!(
            (usize::from(known.event()), known.as_char(), known.to_string()),
            (event, character, character.into())
        );
        assert_eq!(Digit::from_event(known.event()), Some(known));
    }
    assert_eq!(digit('d'), digit('D'));
    assert_eq!(Digit::from_event(16), None);
    for character in ['E', ' ', '٣', '＃'] {
        assert_eq!(Digit::from_char(character), None);
    }
}

#[test]
fn the_example_packet_of_the_standard() {
    // RFC 4733 figure 3.
    let bytes = [0x80, 100, 0, 18, 0, 0, 0x2b, 0xc0, 0, 0x52, 0x34, 0xa8, 1, 0x80 | 20, 0x06, 0xe0];
    let packet = Packet::parse(Bytes::copy_from_slice(&bytes)).unwrap();
    assert_eq!((packet.header.timestamp, packet.header.sequence, packet.header.marker), (11_200, 18, false));
    let payload: [u8; 4] = packet.payload[..].try_into().unwrap();
    let report = Report::read(payload);
    assert_eq!(report, Report { event: 1, end: true, volume: 20, duration: 1760 });
    assert_eq!(report.to_bytes(), payload);
    assert_eq!(
        Report::read([1, 0xff, 0, 0]),
        Report { event: 1, end: true, volume: 63, duration: 0 },
        "the reserved bit is ignored"
    );
}

#[test]
fn the_table_of_the_standard_is_sent() {
    let table: Value =
        serde_json::from_str(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../vectors/rtp/rfc4733-table5.json")))
            .unwrap();
    let mut sender = Sender::new(Pace { interval: ms(50), ..PACE });
    let mut sent = Vec::new();
    for event in table["events"].as_array().unwrap() {
        let code = u8::try_from(event["event"].as_u64().unwrap()).unwrap();
        sender.queue(Digit::from_event(code).unwrap(), ms(event["duration"].as_u64().unwrap())).unwrap();
        sent.extend(run(&mut sender, Instant::from_millis(event["start"].as_u64().unwrap())));
    }
    assert_eq!(sent.len(), 20);
    for row in table["packets"].as_array().unwrap() {
        let number = |name: &str| row[name].as_u64().unwrap();
        let (now, packet) = sent[usize::try_from(number("sequence") - 1).unwrap()];
        assert_eq!(now.as_millis(), number("time"));
        assert_eq!(u64::from(packet.timestamp), number("timestamp"));
        assert_eq!(u64::from(packet.report.event), number("event"));
        assert_eq!(u64::from(packet.report.duration), number("duration"));
        assert_eq!(packet.marker, row["marker"].as_bool().unwrap());
        // The table's sender learns one report late that a digit has ended (section 2.5.1.4 lets it); ours knows beforehand.
        let early = [4, 11].contains(&number("sequence"));
        assert_eq!(packet.report.end, early || row["end"].as_bool().unwrap());
    }
}

#[test]
fn the_table_of_the_standard_is_told_as_911() {
    let table: Value =
        serde_json::from_str(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../vectors/rtp/rfc4733-table5.json")))
            .unwrap();
    let mut receiver = receiver();
    let mut digits = String::new();
    for row in table["packets"].as_array().unwrap() {
        let number = |name: &str| row[name].as_u64().unwrap();
        let report = report(
            u8::try_from(number("event")).unwrap(),
            row["end"].as_bool().unwrap(),
            u16::try_from(number("duration")).unwrap(),
        );
        let timestamp = u32::try_from(number("timestamp")).unwrap();
        receiver.packet(timestamp, row["marker"].as_bool().unwrap(), &report.to_bytes(), |digit| {
            digits.push(digit.as_char())
        });
    }
    assert_eq!(digits, "911");
}

#[test]
fn an_event_has_one_marker_a_growing_duration_and_three_ends() {
    let mut sender = Sender::new(PACE);
    sender.queue(digit('5'), ms(130)).unwrap();
    let sent: Vec<_> = run(&mut sender, Instant::from_millis(1000)).into_iter().map(|(_, packet)| packet).collect();
    let durations: Vec<u16> = sent.iter().map(|packet| packet.report.duration).collect();
    assert_eq!(durations, [160, 320, 480, 640, 800, 960, 1040, 1040, 1040]);
    assert!(sent.iter().all(|packet| packet.timestamp == 8000 && packet.report.event == 5));
    assert_eq!(sent.iter().map(|packet| packet.marker).collect::<Vec<_>>(), [[true].as_slice(), &[false; 8]].concat());
    assert_eq!(sent.iter().filter(|packet| packet.report.end).count(), 3);
    assert!(sent[6..].iter().all(|packet| packet.report.end));
    assert!(!sender.is_sending());
}

#[test]
fn repeated_digits_are_events_of_their_own_with_a_pause_between() {
    let mut sender = Sender::new(PACE);
    for character in "1155".chars() {
        sender.queue(digit(character), ms(100)).unwrap();
    }
    let sent = run(&mut sender, Instant::ZERO);
    let mut starts: Vec<u32> = sent.iter().map(|(_, packet)| packet.timestamp).collect();
    starts.dedup();
    assert_eq!(starts, [0, 1200, 2400, 3600]);
    let begun: Vec<u64> = sent.iter().filter(|(_, packet)| packet.marker).map(|(now, _)| now.as_millis()).collect();
    assert_eq!(begun, [20, 170, 320, 470]);
    let packets: Vec<_> = sent.into_iter().map(|(_, packet)| packet).collect();
    assert_eq!(told(&mut receiver(), &packets), "1155");
}

#[test]
fn digits_are_told_apart_on_media_that_stands_still() {
    let mut sender = Sender::new(PACE);
    sender.queue(digit('1'), ms(100)).unwrap();
    sender.queue(digit('1'), ms(100)).unwrap();
    let mut packets = Vec::new();
    for now in (0..1000).step_by(5) {
        packets.extend(sender.poll(Instant::from_millis(now), 77));
    }
    assert_eq!(packets.first().unwrap().timestamp, 77);
    assert_eq!(packets.last().unwrap().timestamp, 77 + 800 + 400, "after the first and a pause");
    assert_eq!(told(&mut receiver(), &packets), "11");
}

#[test]
fn a_long_event_is_cut_into_segments() {
    let mut sender = Sender::new(PACE);
    // 20 s are 160,000 units: two full segments and 28,930 units.
    sender.queue(digit('#'), ms(20_000)).unwrap();
    let packets: Vec<_> = run(&mut sender, Instant::ZERO).into_iter().map(|(_, packet)| packet).collect();
    assert_eq!(packets.iter().filter(|packet| packet.marker).count(), 1);
    assert!(packets[0].marker);
    for (timestamp, last, end) in [(0, 0xffff, false), (0xffff, 0xffff, false), (0x1_fffe, 28_930, true)] {
        let segment: Vec<_> = packets.iter().filter(|packet| packet.timestamp == timestamp).collect();
        assert!(segment.is_sorted_by_key(|packet| packet.report.duration));
        let copies = &segment[segment.len() - 3..];
        assert!(copies.iter().all(|packet| packet.report.duration == last && packet.report.end == end), "{copies:?}");
        assert!(segment[..segment.len() - 3].iter().all(|packet| packet.report.duration < last && !packet.report.end));
    }
    assert!(packets.is_sorted_by_key(|packet| packet.timestamp));
    assert_eq!(told(&mut receiver(), &packets), "#");
    let without_full: Vec<_> = packets.iter().copied().filter(|packet| packet.report.duration != 0xffff).collect();
    assert_eq!(told(&mut receiver(), &without_full), "#", "the end of a segment may be lost");
}

#[test]
fn an_event_of_exactly_one_segment_ends_in_it() {
    let mut sender = Sender::new(Pace { clock_rate: 1000, media_clock_rate: 1000, ..PACE });
    sender.queue(digit('1'), ms(65_535)).unwrap();
    let packets = run(&mut sender, Instant::ZERO);
    assert!(packets.iter().all(|(_, packet)| packet.timestamp == 0));
    assert_eq!(packets.iter().filter(|(_, packet)| packet.report.end).count(), 3);
}

#[test]
fn durations_count_their_own_clock_and_timestamps_that_of_the_audio() {
    let mut sender = Sender::new(Pace { media_clock_rate: 48_000, ..PACE });
    sender.queue(digit('7'), ms(10_000)).unwrap();
    let packets: Vec<_> = run(&mut sender, Instant::ZERO).into_iter().map(|(_, packet)| packet).collect();
    let last = packets[packets.len() - 1];
    assert_eq!((last.timestamp, last.report.duration), (0xffff * 6, 14_465));
    let mut receiver = Receiver::new(8000, 48_000);
    assert_eq!(told(&mut receiver, &packets), "7");
}

#[test]
fn a_late_poll_sends_what_is_true_then() {
    let mut sender = Sender::new(PACE);
    sender.queue(digit('3'), ms(100)).unwrap();
    assert_eq!(sender.poll(Instant::ZERO, 0), None);
    let packet = sender.poll(Instant::from_millis(5000), 40_000).unwrap();
    assert!(packet.marker && packet.report.end);
    assert_eq!((packet.timestamp, packet.report.duration), (0, 800));
    assert_eq!(sender.poll(Instant::from_millis(5000), 40_000), None, "no burst");
    assert_eq!(sender.deadline(), Some(Instant::from_millis(5020)));
}

#[test]
fn the_queue_is_bounded_and_can_be_cleared() {
    let mut sender = Sender::new(PACE);
    for _ in 0..64 {
        sender.queue(digit('0'), ms(1)).unwrap();
    }
    assert_eq!(sender.queue(digit('0'), ms(1)), Err(QueueFull));
    assert_eq!(sender.poll(Instant::ZERO, 0), None);
    assert!(sender.is_sending());
    sender.clear();
    assert!(!sender.is_sending());
    assert_eq!(sender.deadline(), None);
}

#[test]
fn a_digit_too_short_to_be_heard_is_made_longer() {
    let mut sender = Sender::new(PACE);
    sender.queue(digit('0'), Duration::ZERO).unwrap();
    let packets = run(&mut sender, Instant::ZERO);
    assert_eq!(packets[packets.len() - 1].1.report.duration, 320);
}

#[test]
fn a_digit_is_told_once_whichever_reports_come() {
    let mut receiver = receiver();
    let mut digits = String::new();
    let mut packet = |timestamp, marker, report: Report| {
        receiver.packet(timestamp, marker, &report.to_bytes(), |digit| digits.push(digit.as_char()));
    };
    packet(1000, false, report(4, true, 800));
    packet(1000, true, report(4, false, 160));
    packet(1000, false, report(4, true, 800));
    packet(1000, false, report(5, true, 800));
    // The same digit again, directly after: its marker says so.
    packet(1800, true, report(4, false, 160));
    // And again, with the marker lost: the one before had ended.
    packet(1800, false, report(4, true, 320));
    packet(2120, false, report(4, false, 160));
    // A straggler of the first.
    packet(1000, false, report(4, false, 400));
    assert_eq!(digits, "444");
}

#[test]
fn what_is_no_digit_is_passed_over() {
    let mut receiver = receiver();
    let mut digits = String::new();
    let mut payload =
        |timestamp, bytes: &[u8]| receiver.packet(timestamp, true, bytes, |digit| digits.push(digit.as_char()));
    payload(0, &report(16, false, 800).to_bytes());
    payload(10, &report(255, true, 800).to_bytes());
    payload(20, &report(1, true, 0).to_bytes());
    payload(30, &[1, 0, 0]);
    payload(40, &[]);
    assert_eq!(digits, "");
    let mut receiver = self::receiver();
    let bytes = report(1, false, 160).to_bytes();
    receiver.packet(20, true, &bytes, |digit| digits.push(digit.as_char()));
    assert_eq!(digits, "1", "a report without duration does not spend the event");
}

#[test]
fn contiguous_events_in_one_packet_are_told_each() {
    let mut receiver = receiver();
    let mut digits = String::new();
    let both = [report(1, true, 400).to_bytes(), report(2, false, 80).to_bytes()].concat();
    receiver.packet(5000, true, &both, |digit| digits.push(digit.as_char()));
    receiver.packet(5400, false, &report(2, true, 400).to_bytes(), |digit| digits.push(digit.as_char()));
    assert_eq!(digits, "12");
}

#[test]
fn events_long_forgotten_are_not_told_again_unless_the_sender_began_anew() {
    let mut receiver = receiver();
    let mut digits = String::new();
    let mut event = |timestamp| {
        receiver.packet(timestamp, true, &report(9, true, 400).to_bytes(), |digit| digits.push(digit.as_char()))
    };
    for index in 0..40u32 {
        event(1_000_000 + index * 1000);
    }
    event(1_000_000);
    event(1_007_000);
    event(500_000);
    assert_eq!(digits.len(), 41, "the first eight are forgotten and still known to be old");
}

proptest! {
    /// Digits over a link that loses, doubles and delays: each event of which a packet comes is told exactly once.
    #[test]
    fn each_digit_is_told_once_if_any_of_its_packets_comes(
        digits in proptest::collection::vec((0..16u8, 40..300u64), 1..20),
        start in 0..1u64 << 40,
        fates in proptest::collection::vec((0..100u8, 0..150u64, 0..3u8), 1..400),
        loss in 0..100u8,
    ) {
        let mut sender = Sender::new(PACE);
        for (event, duration) in &digits {
            sender.queue(Digit::from_event(*event).unwrap(), ms(*duration)).unwrap();
        }
        let sent = run(&mut sender, Instant::from_nanos(start));
        let mut arrivals = Vec::new();
        let mut expected = Vec::new();
        for (index, (now, packet)) in sent.iter().enumerate() {
            let (fate, delay, copies) = fates[index % fates.len()];
            if fate < loss {
                continue;
            }
            for copy in 0..=u64::from(copies) {
                arrivals.push((now.as_millis() + delay * (copy + 1), *packet));
            }
            if expected.last() != Some(&(packet.timestamp, packet.report.event)) {
                expected.push((packet.timestamp, packet.report.event));
            }
        }
        arrivals.sort_by_key(|(now, _)| *now);
        let mut receiver = receiver();
        let mut heard = Vec::new();
        for (_, packet) in &arrivals {
            receiver.packet(packet.timestamp, packet.marker, &packet.report.to_bytes(), |digit| {
                heard.push((packet.timestamp, digit.event()));
            });
        }
        heard.sort_by_key(|(timestamp, _)| timestamp.wrapping_sub(sent[0].1.timestamp));
        prop_assert_eq!(heard, expected);
    }

    #[test]
    fn hostile_reports_are_told_at_most_once_each(
        packets in proptest::collection::vec((any::<u32>(), any::<bool>(), proptest::collection::vec(any::<u8>(), 0..40)), 0..200),
        rates in any::<(u32, u32)>(),
    ) {
        let mut receiver = Receiver::new(rates.0, rates.1);
        for (timestamp, marker, payload) in packets {
            let mut told = 0;
            receiver.packet(timestamp, marker, &payload, |_| told += 1);
            prop_assert!(told <= payload.len() / 4);
        }
    }
}
