//! The path from outside: what is sent, what is played, who is listened to.

mod control;
mod dtmf;
mod hostile;
mod ice;
mod latch;
mod link;
mod noise;
mod srtp;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::*;
use crate::media::{Format, StreamStatistics, TelephoneEvent};
use crate::random::Seed;
use crate::rtp::{Header, Packet, is_rtcp};
use crate::sip::Text;

const OUR_SSRC: u32 = 0x0a0a_0a0a;
const PEER_SSRC: u32 = 0x0b0b_0b0b;

fn ms(ms: u64) -> Instant {
    Instant::from_millis(ms)
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// Where the peer's description says RTP goes; RTCP goes to the next port.
fn peer() -> SocketAddr {
    address("192.0.2.2:5000")
}

fn setup(number: u64) -> Setup {
    Setup {
        local: address("192.0.2.1:0").ip(),
        ports: (0, 0),
        seed: Seed::from_u64(number),
        ssrc: OUR_SSRC,
        cname: Text::from_static("alice@192.0.2.1"),
        ice: None,
    }
}

fn format(encoding: &'static str, send_payload: u8, receive_payload: u8) -> Format {
    Format {
        send_payload,
        receive_payload,
        encoding: Text::from_static(encoding),
        clock_rate: 8000,
        channels: 1,
        remote_fmtp: None,
        local_fmtp: None,
    }
}

/// PCMU, which the two sides number differently, PCMA, and events.
fn parameters() -> Parameters {
    Parameters {
        remote_rtp: Some(peer()),
        remote_rtcp: Some(address("192.0.2.2:5001")),
        direction: Direction::SendRecv,
        formats: vec![format("PCMU", 0, 96), format("PCMA", 8, 8)],
        telephone_event: Some(TelephoneEvent { send_payload: 101, receive_payload: 102, clock_rate: 8000 }),
        comfort_noise: None,
        suppress_silence: false,
        ptime: 20,
        symmetric: true,
        timeout: None,
        srtp: None,
        ice: None,
    }
}

fn started(parameters: Parameters) -> Path {
    let mut path = Path::new(&setup(1), Instant::ZERO, Utc { unix_millis: 1_700_000_000_000 });
    path.start(Instant::ZERO, parameters);
    assert_eq!(path.poll_event(), Some(Event::Started));
    path
}

/// A packet of the peer in its format PCMU.
fn packet(sequence: u16, timestamp: u32) -> Packet {
    let header = Header { marker: false, payload_type: 96, sequence, timestamp, ssrc: PEER_SSRC };
    let payload = Bytes::copy_from_slice(&sequence.to_be_bytes());
    Packet { header, payload, ..Packet::default() }
}

fn bytes(packet: &Packet) -> Bytes {
    let mut out = BytesMut::new();
    packet.write(&mut out);
    out.freeze()
}

/// The `index`th packet of 20 ms, with that number and its time.
fn frame(index: u16) -> Packet {
    packet(index, u32::from(index) * 160)
}

fn receive(path: &mut Path, now: Instant, from: SocketAddr, packet: &Packet) {
    path.datagram(now, Component::Rtp, from, bytes(packet));
}

/// Frames 0 to `count`, one each 20 ms from 0 ms.
fn receive_frames(path: &mut Path, count: u16) {
    for index in 0..count {
        receive(path, ms(u64::from(index) * 20), peer(), &frame(index));
    }
}

/// The payloads that are due, as numbers; `None` is a loss.
fn pull(path: &mut Path, now: Instant) -> Vec<Option<u16>> {
    let mut out = Vec::new();
    loop {
        match path.pull(now) {
            Pull::Packet { payload, .. } => out.push(Some(u16::from_be_bytes(payload[..].try_into().unwrap()))),
            Pull::Lost => out.push(None),
            Pull::Noise { .. } => {}
            Pull::Wait => return out,
        }
    }
}

fn transmits(path: &mut Path) -> Vec<Transmit> {
    std::iter::from_fn(|| path.poll_transmit()).collect()
}

/// The data packets that wait to be sent.
fn sent(path: &mut Path) -> Vec<Packet> {
    let media = transmits(path).into_iter().filter(|transmit| !is_rtcp(&transmit.data));
    media.map(|transmit| Packet::parse(transmit.data).unwrap()).collect()
}

fn events(path: &mut Path) -> Vec<Event> {
    std::iter::from_fn(|| path.poll_event()).collect()
}

#[test]
fn frames_are_sent_in_the_first_format_with_numbers_and_times_that_go_on() {
    let mut path = started(parameters());
    for index in 0..3u8 {
        path.push(ms(u64::from(index) * 20), &[index; 160], 160);
    }
    let transmits = transmits(&mut path);
    assert!(transmits.iter().all(|transmit| transmit.to == peer() && transmit.component == Component::Rtp));
    let packets: Vec<Packet> = transmits.into_iter().map(|transmit| Packet::parse(transmit.data).unwrap()).collect();
    let first = packets[0].header;
    for (index, packet) in (0..3u8).zip(&packets) {
        assert_eq!(packet.payload, vec![index; 160]);
        assert_eq!(packet.header.payload_type, 0, "the peer's number of the format");
        assert_eq!(packet.header.ssrc, OUR_SSRC);
        assert_eq!(packet.header.sequence, first.sequence + u16::from(index));
        assert_eq!(packet.header.timestamp, first.timestamp.wrapping_add(u32::from(index) * 160));
        assert_eq!(packet.header.marker, index == 0);
    }
    assert!(first.sequence < 0x8000);
    assert_eq!(path.statistics().tx, StreamStatistics { packets: 3, bytes: 480, ..StreamStatistics::default() });
}

#[test]
fn time_goes_on_in_silence_and_the_next_packet_is_marked() {
    let mut path = started(parameters());
    path.push(ms(0), &[0; 160], 160);
    path.skip(ms(20), 160);
    path.skip(ms(40), 160);
    path.push(ms(60), &[0; 160], 160);
    path.push(ms(80), &[0; 160], 160);
    let packets = sent(&mut path);
    let times: Vec<u32> =
        packets.iter().map(|p| p.header.timestamp.wrapping_sub(packets[0].header.timestamp)).collect();
    assert_eq!(times, [0, 480, 640]);
    assert_eq!(packets.iter().map(|p| p.header.marker).collect::<Vec<_>>(), [true, true, false]);
    assert_eq!(packets[2].header.sequence, packets[0].header.sequence + 2);
}

#[test]
fn the_same_seed_sends_the_same_bytes_and_another_seed_others() {
    let run = |seed| {
        let mut path = Path::new(&setup(seed), Instant::ZERO, Utc { unix_millis: 0 });
        path.start(Instant::ZERO, parameters());
        path.push(ms(0), &[1; 160], 160);
        while let Some(deadline) = path.deadline().filter(|deadline| *deadline < ms(20_000)) {
            path.timeout(deadline);
        }
        transmits(&mut path)
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn frames_are_played_in_order_after_sixty_milliseconds() {
    let mut path = started(parameters());
    for (now, index) in [(0, 0), (20, 1), (60, 3), (75, 2)] {
        receive(&mut path, ms(now), peer(), &frame(index));
    }
    assert_eq!(pull(&mut path, ms(59)), []);
    assert_eq!(pull(&mut path, ms(60)), [Some(0)]);
    assert_eq!(pull(&mut path, ms(120)), [Some(1), Some(2), Some(3)]);
    let rx = &path.statistics().rx;
    assert_eq!((rx.packets, rx.bytes, rx.lost, rx.reordered, rx.discarded), (4, 8, 0, 1, 0));
    assert_eq!(events(&mut path), [Event::Source(peer())]);
}

#[test]
fn a_frame_tells_its_format_and_header() {
    let mut path = started(parameters());
    receive(&mut path, ms(0), peer(), &frame(0));
    let mut second = frame(1);
    (second.header.payload_type, second.header.marker) = (8, true);
    receive(&mut path, ms(20), peer(), &second);
    assert!(matches!(path.pull(ms(60)), Pull::Packet { format: 0, timestamp: 0, marker: false, .. }));
    assert!(matches!(path.pull(ms(80)), Pull::Packet { format: 1, timestamp: 160, marker: true, .. }));
    assert_eq!(path.pull(ms(80)), Pull::Wait);
}

#[test]
fn a_frame_whose_format_is_given_up_is_not_played() {
    let mut path = started(parameters());
    receive_frames(&mut path, 3);
    let mut other = parameters();
    other.formats.remove(0);
    path.update(ms(50), other);
    assert_eq!(path.pull(ms(1000)), Pull::Wait);
}

#[test]
fn losses_and_late_packets_are_told_and_counted() {
    let mut path = started(parameters());
    for index in [0, 1, 2, 4] {
        receive(&mut path, ms(index * 20), peer(), &frame(u16::try_from(index).unwrap()));
    }
    assert_eq!(path.statistics().rx.lost, 1);
    assert_eq!(pull(&mut path, ms(140)), [Some(0), Some(1), Some(2), None, Some(4)]);
    receive(&mut path, ms(150), peer(), &frame(3));
    receive(&mut path, ms(150), peer(), &frame(4));
    let rx = path.statistics().rx.clone();
    assert_eq!((rx.lost, rx.discarded, rx.reordered, rx.duplicate, rx.packets), (0, 1, 1, 1, 6));
    assert_eq!(pull(&mut path, ms(1000)), []);
}

#[test]
fn unknown_payload_types_are_dropped_and_no_loss() {
    let mut path = started(parameters());
    receive_frames(&mut path, 2);
    let mut unknown = frame(2);
    unknown.header.payload_type = 0;
    receive(&mut path, ms(40), peer(), &unknown);
    receive(&mut path, ms(60), peer(), &frame(3));
    assert_eq!(pull(&mut path, ms(1000)), [Some(0), Some(1), Some(3)]);
    let rx = &path.statistics().rx;
    assert_eq!((rx.packets, rx.discarded, rx.lost), (4, 1, 0));
}

#[test]
fn what_is_no_packet_is_dropped_and_counted() {
    let mut path = started(parameters());
    receive_frames(&mut path, 2);
    let before = path.statistics().clone();
    // The last begins a handshake of DTLS.
    let hostile: [&[u8]; 7] = [
        &[],
        &[0x80],
        &[0x80, 96, 0],
        &[0xff; 12],
        &[0xb0, 96, 0, 2, 0, 0, 1, 64, 11, 11, 11, 11],
        &[0x80; 11],
        &[22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 1],
    ];
    for bytes in hostile {
        path.datagram(ms(40), Component::Rtp, peer(), Bytes::copy_from_slice(bytes));
        path.datagram(ms(40), Component::Rtcp, peer(), Bytes::copy_from_slice(bytes));
    }
    // A data packet does not belong on the socket of RTCP.
    path.datagram(ms(40), Component::Rtcp, peer(), bytes(&frame(2)));
    let mut expected = before;
    expected.rx.discarded += 15;
    assert_eq!(*path.statistics(), expected);
}

#[test]
fn nothing_flows_before_the_start_and_after_the_stop() {
    let mut path = Path::new(&setup(1), Instant::ZERO, Utc { unix_millis: 0 });
    assert_eq!(path.deadline(), None);
    path.update(ms(0), parameters());
    path.push(ms(0), &[0; 160], 160);
    receive_frames(&mut path, 3);
    assert_eq!(
        (path.pull(ms(500)), path.poll_transmit(), path.poll_event(), path.deadline()),
        (Pull::Wait, None, None, None)
    );
    assert_eq!(path.statistics().rx.discarded, 3);

    path.start(ms(1000), parameters());
    path.stop(ms(2000));
    assert_eq!(path.deadline(), None);
    path.start(ms(2000), parameters());
    path.push(ms(2000), &[0; 160], 160);
    path.timeout(ms(60_000));
    receive_frames(&mut path, 3);
    assert_eq!(path.pull(ms(60_000)), Pull::Wait);
    assert!(path.is_finished(), "who never sent anything does not say goodbye");
    assert!(matches!(&events(&mut path)[..], [Event::Started, Event::Stats(_)]));
}

#[test]
fn the_direction_is_respected_both_ways() {
    for direction in [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive] {
        let mut path = started(Parameters { direction, ..parameters() });
        receive_frames(&mut path, 3);
        path.push(ms(60), &[0; 160], 160);
        assert_eq!(pull(&mut path, ms(1000)).len(), if direction.receives() { 3 } else { 0 });
        assert_eq!(sent(&mut path).len(), usize::from(direction.sends()));
        assert_eq!(path.statistics().rx.packets, 3, "what comes is counted all the same");
        path.timeout(ms(5000));
        assert!(transmits(&mut path).iter().any(|transmit| is_rtcp(&transmit.data)), "RTCP is sent in any direction");
    }
}

#[test]
fn hold_and_resume_go_on_with_the_same_numbers_and_times() {
    let mut path = started(parameters());
    path.push(ms(0), &[0; 160], 160);
    path.update(ms(10), Parameters { direction: Direction::RecvOnly, ..parameters() });
    path.push(ms(20), &[0; 160], 160);
    path.update(ms(30), Parameters { remote_rtp: None, ..parameters() });
    path.push(ms(40), &[0; 160], 160);
    path.update(ms(50), parameters());
    path.push(ms(60), &[0; 160], 160);
    let packets = sent(&mut path);
    assert_eq!(packets.len(), 2);
    assert_eq!(packets[1].header.sequence, packets[0].header.sequence + 1);
    assert_eq!(packets[1].header.timestamp.wrapping_sub(packets[0].header.timestamp), 480);
    assert!(packets[1].header.marker);
}

#[test]
fn what_waited_before_a_hold_is_not_played_after_it() {
    let mut path = started(parameters());
    receive_frames(&mut path, 3);
    path.update(ms(50), Parameters { direction: Direction::SendOnly, ..parameters() });
    receive(&mut path, ms(60), peer(), &frame(3));
    path.update(ms(5000), parameters());
    assert_eq!(pull(&mut path, ms(5000)), []);
    receive(&mut path, ms(5000), peer(), &frame(4));
    assert_eq!(pull(&mut path, ms(5060)), [Some(4)]);
    assert_eq!(path.statistics().rx.lost, 0);
}

#[test]
fn silence_is_told_each_interval_while_receiving() {
    let timeout = Some(Duration::from_secs(5));
    let mut path = started(Parameters { timeout, ..parameters() });
    let notices = |path: &mut Path, until: u64| {
        let mut told = Vec::new();
        while let Some(deadline) = path.deadline().filter(|deadline| *deadline <= ms(until)) {
            path.timeout(deadline);
            assert!(path.deadline().is_none_or(|next| next > deadline));
            for event in events(path) {
                if let Event::NoRtp { got_any } = event {
                    told.push((deadline.as_millis(), got_any));
                }
            }
        }
        told
    };
    assert_eq!(notices(&mut path, 10_000), [(5000, false), (10_000, false)]);
    receive(&mut path, ms(12_000), peer(), &frame(0));
    receive(&mut path, ms(12_020), peer(), &frame(1));
    assert_eq!(notices(&mut path, 20_000), [(20_000, true)]);
    path.update(ms(21_000), Parameters { timeout, direction: Direction::SendOnly, ..parameters() });
    assert_eq!(notices(&mut path, 60_000), []);
    path.update(ms(60_000), Parameters { timeout, ..parameters() });
    assert_eq!(notices(&mut path, 65_000), [(65_000, true)]);
    for second in 66..=69 {
        path.update(ms(second * 1000), Parameters { timeout, ..parameters() });
    }
    assert_eq!(notices(&mut path, 71_000), [(70_000, true)], "a negotiation is no sign of life");
    path.update(ms(72_000), Parameters { timeout: Some(Duration::ZERO), ..parameters() });
    assert_eq!(notices(&mut path, 90_000), []);
}

#[test]
fn a_stream_that_begins_in_silence_is_told_after_five_seconds() {
    let timeout = Some(Duration::from_secs(30));
    let told = |path: &mut Path, now| {
        path.timeout(ms(now));
        events(path)
            .into_iter()
            .find_map(|event| if let Event::NoRtp { got_any } = event { Some(got_any) } else { None })
    };
    let mut silent = started(Parameters { timeout, ..parameters() });
    assert!(silent.deadline().is_some_and(|deadline| deadline <= ms(5000)));
    let seen = [4999, 5000, 5001, 29_999, 30_000, 60_000].map(|now| told(&mut silent, now));
    assert_eq!(seen, [None, Some(false), None, None, Some(false), Some(false)]);
    let mut heard = started(Parameters { timeout, ..parameters() });
    receive(&mut heard, ms(4000), peer(), &frame(0));
    receive(&mut heard, ms(4020), peer(), &frame(1));
    assert_eq!([5000, 30_000, 60_000].map(|now| told(&mut heard, now)), [None, None, Some(true)]);
}

#[test]
fn packets_of_others_are_no_sign_of_life() {
    let timeout = Some(Duration::from_secs(5));
    let mut path = started(Parameters { timeout, ..parameters() });
    receive(&mut path, ms(1000), address("203.0.113.9:9"), &frame(0));
    path.datagram(ms(1000), Component::Rtp, peer(), Bytes::from_static(&[0x80; 4]));
    path.timeout(ms(5000));
    assert!(events(&mut path).contains(&Event::NoRtp { got_any: false }));
}

#[test]
fn a_driver_that_does_not_drain_makes_nothing_grow() {
    let mut path = started(parameters());
    for index in 0..10_000u64 {
        let now = ms(index * 20);
        path.push(now, &[0; 160], 160);
        receive(&mut path, now, peer(), &frame(u16::try_from(index % 65_536).unwrap()));
        let _ = path.send_dtmf(now, '1', Duration::from_millis(40));
        path.timeout(now);
    }
    assert!(path.transmits.len() <= MAX_QUEUE + CONTROL_ROOM, "{}", path.transmits.len());
    assert!(path.events.len() <= MAX_QUEUE + 1);
    assert!(path.statistics().tx.discarded > 0 && path.statistics().rx.discarded > 0);
}

#[test]
fn the_output_buffer_is_used_again() {
    let mut path = started(parameters());
    let mut places = std::collections::BTreeSet::new();
    for index in 0..1000 {
        path.push(ms(index * 20), &[0; 160], 160);
        for transmit in transmits(&mut path) {
            places.insert(transmit.data.as_ptr() as usize);
        }
    }
    assert!(places.len() <= 2 * BUFFER / 172, "{} places", places.len());
}

#[test]
fn a_restart_of_the_peer_is_followed() {
    let mut path = started(parameters());
    receive_frames(&mut path, 5);
    assert_eq!(pull(&mut path, ms(140)).len(), 5);
    // The numbers leap; the first is doubted, from the second on it is believed.
    for index in 0..4u16 {
        receive(
            &mut path,
            ms(200 + u64::from(index) * 20),
            peer(),
            &packet(30_000 + index, 9_000_000 + u32::from(index) * 160),
        );
    }
    assert_eq!(pull(&mut path, ms(400)), [Some(30_001), Some(30_002), Some(30_003)]);
    assert_eq!(path.statistics().rx.lost, 0);
}
