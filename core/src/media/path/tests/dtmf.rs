//! Digits in place of the audio, and digits that come.

use super::*;
use crate::rtp::dtmf::Report;

/// A frame each 20 ms and the timers between; the data packets with the time they were sent.
fn run(path: &mut Path, from: u64, until: u64) -> Vec<(u64, Packet)> {
    let mut out = Vec::new();
    for now in from..until {
        if now % 20 == 0 {
            path.push(ms(now), &[0; 160], 160);
        }
        if path.deadline().is_some_and(|deadline| deadline <= ms(now)) {
            path.timeout(ms(now));
        }
        out.extend(sent(path).into_iter().map(|packet| (now, packet)));
    }
    out
}

fn report(packet: &Packet) -> Report {
    Report::read(packet.payload[..].try_into().unwrap())
}

#[test]
fn a_digit_takes_the_place_of_the_audio_and_the_time_goes_on() {
    let mut path = started(parameters());
    let mut packets = run(&mut path, 0, 205);
    path.send_dtmf(ms(205), '5', Duration::from_millis(100)).unwrap();
    packets.extend(run(&mut path, 205, 600));
    let first = packets[0].1.header;
    let numbers: Vec<u16> = packets.iter().map(|(_, packet)| packet.header.sequence - first.sequence).collect();
    assert_eq!(numbers, (0..u16::try_from(packets.len()).unwrap()).collect::<Vec<_>>(), "one numbering for both");
    let (audio, events): (Vec<_>, Vec<_>) = packets.iter().partition(|(_, packet)| packet.header.payload_type == 0);
    // Pressed at 205 ms: the media stands at 220 ms, as the frame of 200 to 220 has begun.
    let start = first.timestamp.wrapping_add(220 * 8);
    assert!(events.iter().all(|(_, packet)| packet.header.payload_type == 101 && packet.header.timestamp == start));
    let told: Vec<(u64, u16, bool)> =
        events.iter().map(|(now, packet)| (*now, report(packet).duration, report(packet).end)).collect();
    assert_eq!(
        told,
        [
            (225, 160, false),
            (245, 320, false),
            (265, 480, false),
            (285, 640, false),
            (305, 800, true),
            (325, 800, true),
            (345, 800, true)
        ]
    );
    let markers: Vec<bool> = events.iter().map(|(_, packet)| packet.header.marker).collect();
    assert_eq!(markers, [true, false, false, false, false, false, false]);
    // No audio in between, and audio that goes on where the time is then.
    assert!(audio.iter().all(|(now, _)| *now <= 200 || *now >= 360));
    for (now, packet) in audio {
        assert_eq!(packet.header.timestamp.wrapping_sub(first.timestamp), u32::try_from(*now).unwrap() * 8);
        assert_eq!(packet.header.marker, *now == 0 || *now == 360);
    }
}

#[test]
fn digits_go_on_when_nobody_pushes_and_never_share_a_timestamp() {
    let mut path = started(parameters());
    path.push(ms(0), &[0; 160], 160);
    for digit in "11".chars() {
        path.send_dtmf(ms(10_000), digit, Duration::from_millis(40)).unwrap();
    }
    let mut packets = sent(&mut path);
    while let Some(deadline) = path.deadline().filter(|deadline| *deadline < ms(11_000)) {
        path.timeout(deadline);
        packets.extend(sent(&mut path));
    }
    let first = packets[0].header.timestamp;
    let mut times: Vec<u32> = packets.iter().map(|packet| packet.header.timestamp.wrapping_sub(first)).collect();
    times.dedup();
    assert_eq!(times[..2], [0, 80_160], "ten seconds have passed, and the frame");
    assert!(times.len() == 3 && times[2] >= 80_160 + 320 + 400, "{times:?}");
    path.push(ms(11_000), &[0; 160], 160);
    let next = sent(&mut path)[0].header.timestamp.wrapping_sub(first);
    assert!(next >= times[2], "time does not run backwards");
}

#[test]
fn a_digit_needs_a_key_an_agreement_and_a_direction() {
    let duration = Duration::from_millis(100);
    let mut path = started(parameters());
    assert_eq!(path.send_dtmf(ms(0), 'x', duration), Err(DtmfError::NotADigit('x')));
    for _ in 0..65 {
        path.send_dtmf(ms(0), '1', duration).unwrap();
    }
    assert_eq!(path.send_dtmf(ms(0), '1', duration), Err(DtmfError::QueueFull), "one is being sent, 64 wait");
    let mut path = started(Parameters { telephone_event: None, ..parameters() });
    assert_eq!(path.send_dtmf(ms(0), '1', duration), Err(DtmfError::NotNegotiated));
    let mut path = started(Parameters { direction: Direction::RecvOnly, ..parameters() });
    assert_eq!(path.send_dtmf(ms(0), '1', duration), Err(DtmfError::NotSending));
    let mut path = Path::new(&setup(1), Instant::ZERO, Utc { unix_millis: 0 });
    assert_eq!(path.send_dtmf(ms(0), '1', duration), Err(DtmfError::NotSending));
}

#[test]
fn a_hold_breaks_off_the_digits() {
    let mut path = started(parameters());
    path.send_dtmf(ms(0), '1', Duration::from_secs(5)).unwrap();
    path.send_dtmf(ms(0), '2', Duration::from_secs(5)).unwrap();
    assert_eq!(run(&mut path, 0, 100).len(), 4);
    path.update(ms(100), Parameters { direction: Direction::RecvOnly, ..parameters() });
    assert_eq!(run(&mut path, 100, 1000), []);
    path.update(ms(1000), parameters());
    let packets = run(&mut path, 1000, 1100);
    assert!(packets.iter().all(|(_, packet)| packet.header.payload_type == 0) && packets.len() == 5);
}

#[test]
fn the_pace_of_reports_is_bounded_whatever_the_peer_asks_for() {
    for (ptime, pace) in [(0, 20), (1, 10), (20, 20), (30, 30), (60, 50), (u32::MAX, 50)] {
        let mut path = started(Parameters { ptime, ..parameters() });
        path.send_dtmf(ms(0), '1', Duration::from_millis(500)).unwrap();
        let times: Vec<u64> = run(&mut path, 1, 200)
            .into_iter()
            .filter(|(_, p)| p.header.payload_type == 101)
            .map(|(now, _)| now)
            .collect();
        assert_eq!(times, (pace..200).step_by(usize::try_from(pace).unwrap()).collect::<Vec<_>>());
    }
}

/// An event packet of the peer.
fn event(sequence: u16, timestamp: u32, event: u8, duration: u16, end: bool) -> Packet {
    let mut packet = packet(sequence, timestamp);
    packet.header.payload_type = 102;
    packet.payload = Bytes::copy_from_slice(&Report { event, end, volume: 10, duration }.to_bytes());
    packet
}

#[test]
fn digits_that_come_are_told_once_and_are_no_gap_in_the_audio() {
    let mut path = started(parameters());
    receive_frames(&mut path, 4);
    for (index, duration) in [(4, 160), (5, 320), (6, 480), (7, 480), (8, 480)] {
        let now = u64::from(index) * 20;
        receive(&mut path, ms(now), peer(), &event(index, 640, 11, duration, index >= 6));
    }
    receive(&mut path, ms(180), peer(), &frame(9));
    assert_eq!(pull(&mut path, ms(1000)), [0, 1, 2, 3, 9].map(Some));
    let told: Vec<Event> = events(&mut path).into_iter().filter(|event| matches!(event, Event::Dtmf { .. })).collect();
    assert_eq!(told, [Event::Dtmf { digit: '#' }]);
    assert_eq!(path.statistics().rx.lost, 0);
}

#[test]
fn digits_during_a_hold_are_not_told() {
    let mut path = started(Parameters { direction: Direction::SendOnly, ..parameters() });
    for index in 0..5 {
        receive(&mut path, ms(u64::from(index) * 20), peer(), &event(index, 0, 1, 160, false));
    }
    assert_eq!(events(&mut path), [Event::Source(peer())]);
}

#[test]
fn a_flood_of_ends_is_bounded() {
    let mut path = started(parameters());
    receive_frames(&mut path, 2);
    for index in 2..5000u16 {
        receive(&mut path, ms(100), peer(), &event(index, u32::from(index) * 1000, 1, 160, true));
    }
    assert!(events(&mut path).len() <= 65);
}
