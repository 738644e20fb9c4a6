//! Comfort noise (RFC 3389): what is sent, what is played, and what silence means.

use super::*;
use crate::media::ComfortNoise;
use crate::rtp::rtcp;

/// The two sides number it differently.
fn with_noise() -> Parameters {
    let comfort_noise = Some(ComfortNoise { send_payload: 13, receive_payload: 97, clock_rate: 8000 });
    Parameters { comfort_noise, ..parameters() }
}

/// A description of noise in place of the `index`th packet, at the time of `at` packets of 20 ms.
fn noise(index: u16, at: u32, payload: &'static [u8]) -> Packet {
    let mut packet = packet(index, at * 160);
    (packet.header.payload_type, packet.payload) = (97, Bytes::from_static(payload));
    packet
}

/// What is due, in words.
fn play(path: &mut Path, now: Instant) -> Vec<String> {
    let next = || match path.pull(now) {
        Pull::Packet { timestamp, marker, .. } => Some(format!("{timestamp}{}", if marker { "!" } else { "" })),
        Pull::Noise { payload, timestamp } => Some(format!("{timestamp} noise {payload:?}")),
        Pull::Lost => Some("lost".into()),
        Pull::Wait => None,
    };
    std::iter::from_fn(next).collect()
}

fn no_rtp(path: &mut Path) -> bool {
    events(path).iter().any(|event| matches!(event, Event::NoRtp { .. }))
}

fn report(path: &mut Path, now: Instant) {
    let mut out = BytesMut::new();
    rtcp::Writer::new(&mut out).receiver_report(PEER_SSRC, &[]);
    path.datagram(now, Component::Rtcp, address("192.0.2.2:5001"), out.freeze());
}

#[test]
fn noise_is_sent_without_marker_and_a_talk_spurt_follows() {
    let mut path = started(with_noise());
    path.push(ms(0), &[1; 160], 160);
    path.push_noise(ms(20), &[70, 127], 160);
    path.skip(ms(40), 160);
    path.push_noise(ms(60), &[71], 160);
    path.push(ms(80), &[1; 160], 160);
    path.push(ms(100), &[1; 160], 160);
    let packets = sent(&mut path);
    let first = packets[0].header;
    let told: Vec<_> = packets
        .iter()
        .map(|Packet { header, payload, .. }| {
            let (number, time) = (header.sequence - first.sequence, header.timestamp.wrapping_sub(first.timestamp));
            (number, time, header.payload_type, header.marker, payload.len())
        })
        .collect();
    assert_eq!(
        told,
        [
            (0, 0, 0, true, 160),
            (1, 160, 13, false, 2),
            (2, 480, 13, false, 1),
            (3, 640, 0, true, 160),
            (4, 800, 0, false, 160)
        ]
    );
}

#[test]
fn noise_that_is_not_agreed_on_is_not_sent() {
    let other_clock = ComfortNoise { send_payload: 98, receive_payload: 98, clock_rate: 16_000 };
    for comfort_noise in [None, Some(other_clock)] {
        let mut path = started(Parameters { comfort_noise, ..parameters() });
        path.push_noise(ms(0), &[70], 160);
        path.push(ms(20), &[1; 160], 160);
        let packets = sent(&mut path);
        assert_eq!(packets.len(), 1);
        assert_eq!((packets[0].header.payload_type, packets[0].header.marker), (0, true));
    }
    let mut path = started(Parameters { direction: Direction::RecvOnly, ..with_noise() });
    path.push_noise(ms(0), &[70], 160);
    assert_eq!(sent(&mut path), []);
}

#[test]
fn noise_is_played_in_its_place_and_the_silence_after_it_is_no_loss() {
    let mut path = started(with_noise());
    receive(&mut path, ms(0), peer(), &frame(0));
    receive(&mut path, ms(20), peer(), &noise(1, 1, &[70]));
    // 1 s later.
    let mut spurt = packet(2, 51 * 160);
    spurt.header.marker = true;
    receive(&mut path, ms(1_020), peer(), &spurt);
    assert_eq!(play(&mut path, ms(70)), ["0"]);
    assert_eq!(play(&mut path, ms(1_000)), ["160 noise b\"F\""]);
    assert_eq!(play(&mut path, ms(1_079)), Vec::<String>::new());
    assert_eq!(play(&mut path, ms(1_080)), ["8160!"]);
    let rx = &path.statistics().rx;
    assert_eq!((rx.packets, rx.lost, rx.discarded), (3, 0, 0));
    assert!(rx.jitter < Duration::from_millis(2), "the second of silence is none: {:?}", rx.jitter);
}

#[test]
fn noise_that_is_empty_or_not_agreed_on_any_more_is_not_played() {
    let mut path = started(with_noise());
    receive(&mut path, ms(0), peer(), &frame(0));
    receive(&mut path, ms(20), peer(), &noise(1, 1, &[]));
    receive(&mut path, ms(40), peer(), &frame(2));
    assert_eq!(play(&mut path, ms(100)), ["0", "320"], "and its number is not missing");
    receive(&mut path, ms(100), peer(), &noise(3, 5, &[70]));
    path.update(ms(110), parameters());
    assert_eq!(play(&mut path, ms(1_000)), Vec::<String>::new());
    receive(&mut path, ms(1_000), peer(), &noise(4, 50, &[70]));
    assert_eq!(path.statistics().rx.discarded, 1, "it is of no format now");
}

#[test]
fn a_peer_that_said_it_is_silent_is_there_while_it_reports() {
    let timeout = Some(Duration::from_secs(5));
    let mut path = started(Parameters { timeout, ..with_noise() });
    receive(&mut path, ms(0), peer(), &frame(0));
    receive(&mut path, ms(20), peer(), &noise(1, 1, &[70]));
    receive(&mut path, ms(30), peer(), &frame(0));
    for at in [5_000, 10_000, 15_000] {
        path.timeout(ms(at));
        assert!(!no_rtp(&mut path), "{at}");
        report(&mut path, ms(at + 2_000));
    }
    path.timeout(ms(20_000));
    assert!(!no_rtp(&mut path));
    path.timeout(ms(25_000));
    assert!(no_rtp(&mut path), "neither packets nor reports come");
    // It speaks, and stops without a word.
    receive(&mut path, ms(26_000), peer(), &packet(2, 1_300 * 160));
    report(&mut path, ms(26_000));
    path.timeout(ms(30_000));
    assert!(!no_rtp(&mut path));
    report(&mut path, ms(32_000));
    path.timeout(ms(35_000));
    assert!(no_rtp(&mut path), "its reports do not say that it is silent");
}

#[test]
fn noise_is_of_the_peer_like_any_packet_of_a_format() {
    let elsewhere = address("203.0.113.9:9");
    let mut path = started(with_noise());
    for index in 0..3 {
        receive(&mut path, ms(u64::from(index) * 20), elsewhere, &noise(index, u32::from(index), &[70]));
    }
    assert!(events(&mut path).contains(&Event::Source(elsewhere)));
}
