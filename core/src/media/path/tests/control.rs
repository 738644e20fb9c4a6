//! RTCP of the path: reports, statistics, goodbyes, collisions.

use super::*;
use crate::rtp::ntp::Ntp;
use crate::rtp::rtcp::{self, Compound, ItemKind, ReportBlock, SenderInfo};

fn peer_control() -> SocketAddr {
    address("192.0.2.2:5001")
}

/// The compounds that wait to be sent.
fn reports(path: &mut Path) -> Vec<(Transmit, Vec<rtcp::Packet>)> {
    let control = transmits(path).into_iter().filter(|transmit| is_rtcp(&transmit.data));
    control
        .map(|transmit| {
            let packets = Compound::parse(transmit.data.clone()).unwrap().packets().collect();
            (transmit, packets)
        })
        .collect()
}

/// Runs the timers, with a frame sent each 20 ms or none, and gives the first report.
fn next_report(path: &mut Path, from: u64, sending: bool) -> (u64, Transmit, Vec<rtcp::Packet>) {
    for now in (from..from + 20_000).step_by(20) {
        if sending {
            path.push(ms(now), &[0; 160], 160);
        }
        path.timeout(ms(now));
        if let Some((transmit, packets)) = reports(path).into_iter().next() {
            return (now, transmit, packets);
        }
    }
    panic!("no report within 20 s");
}

fn compound(write: impl FnOnce(&mut rtcp::Writer<'_>)) -> Bytes {
    let mut out = BytesMut::new();
    write(&mut rtcp::Writer::new(&mut out));
    out.freeze()
}

fn from_peer(path: &mut Path, now: Instant, write: impl FnOnce(&mut rtcp::Writer<'_>)) {
    path.datagram(now, Component::Rtcp, peer_control(), compound(write));
}

#[test]
fn who_only_listens_reports_what_it_hears() {
    let mut path = started(parameters());
    for index in [0, 1, 2, 3, 5, 6, 7] {
        receive(&mut path, ms(u64::from(index) * 20), peer(), &frame(index));
    }
    let (now, transmit, packets) = next_report(&mut path, 140, false);
    assert!((1026..3100).contains(&now), "{now}");
    assert_eq!((transmit.component, transmit.to), (Component::Rtcp, peer_control()));
    let [rtcp::Packet::ReceiverReport(report), rtcp::Packet::SourceDescription(description)] = &packets[..] else {
        panic!("{packets:?}")
    };
    assert_eq!(report.ssrc, OUR_SSRC);
    let blocks: Vec<ReportBlock> = report.reports.iter().collect();
    assert_eq!(blocks.len(), 1);
    assert_eq!((blocks[0].ssrc, blocks[0].lost, blocks[0].fraction_lost, blocks[0].highest), (PEER_SSRC, 1, 32, 7));
    let chunk = description.chunks().next().unwrap();
    assert_eq!((chunk.ssrc, &chunk.cname().unwrap()[..]), (OUR_SSRC, &b"alice@192.0.2.1"[..]));
    assert_eq!(chunk.items().count(), 1);
    assert!(matches!(&events(&mut path)[..], [Event::Source(_), Event::Stats(statistics)] if statistics.rx.lost == 1));
    // Nothing came since: no block.
    let (later, _, packets) = next_report(&mut path, now + 20, false);
    assert!((2052..6300).contains(&(later - now)), "{now} {later}");
    assert!(matches!(&packets[0], rtcp::Packet::ReceiverReport(report) if report.reports.iter().count() == 0));
}

#[test]
fn who_sends_reports_its_clock_and_counts() {
    let mut path = started(parameters());
    path.push(ms(0), &[0; 160], 160);
    let first = sent(&mut path)[0].header.timestamp;
    let (now, _, packets) = next_report(&mut path, 20, true);
    let rtcp::Packet::SenderReport(report) = &packets[0] else { panic!("{packets:?}") };
    assert_eq!(u64::from(report.info.packets), now / 20 + 1);
    assert_eq!(report.info.octets, report.info.packets * 160);
    // The frame pushed at `now` ends then.
    assert_eq!(report.info.timestamp.wrapping_sub(first), report.info.packets * 160);
    let utc = Utc { unix_millis: 1_700_000_000_000 };
    assert_eq!(report.info.ntp.0 >> 32, utc.ntp_seconds() + now / 1000);
    // After two intervals of silence it is a listener again.
    let mut now = now;
    for _ in 0..4 {
        now = next_report(&mut path, now + 20, false).0;
    }
    let (_, _, packets) = next_report(&mut path, now + 20, false);
    assert!(matches!(packets[0], rtcp::Packet::ReceiverReport(_)));
}

#[test]
fn the_clock_of_a_report_runs_while_no_frame_moves_it() {
    let mut path = started(parameters());
    path.push(ms(0), &[0; 160], 160);
    let first = sent(&mut path)[0].header.timestamp;
    let (now, _, packets) = next_report(&mut path, 20, false);
    let rtcp::Packet::SenderReport(report) = &packets[0] else { panic!("{packets:?}") };
    assert_eq!(u64::from(report.info.timestamp.wrapping_sub(first)), 160 + now * 8);
}

#[test]
fn reports_of_the_peer_make_our_statistics() {
    let mut path = started(parameters());
    let (now, _, packets) = next_report(&mut path, 0, true);
    let rtcp::Packet::SenderReport(report) = &packets[0] else { panic!("{packets:?}") };
    let last_sr = report.info.ntp.middle();
    let block = ReportBlock { ssrc: OUR_SSRC, lost: 4, jitter: 80, last_sr, delay: 0x8000, ..ReportBlock::default() };
    let other = ReportBlock { ssrc: 99, lost: 1000, jitter: 9999, ..ReportBlock::default() };
    from_peer(&mut path, ms(now + 620), |writer| writer.receiver_report(PEER_SSRC, &[other, block]));
    let statistics = path.statistics();
    assert_eq!((statistics.tx.lost, statistics.tx.jitter), (4, Duration::from_millis(10)));
    let time = statistics.round_trip.unwrap();
    assert!(time.abs_diff(Duration::from_millis(120)) < Duration::from_millis(1), "{time:?}");
    // A report that answers none of ours makes no round-trip time; duplicates there are no loss.
    let block = ReportBlock { lost: -3, last_sr: 0x1234_5678, ..block };
    from_peer(&mut path, ms(now + 700), |writer| writer.receiver_report(PEER_SSRC, &[block]));
    assert_eq!((path.statistics().tx.lost, path.statistics().round_trip), (0, Some(time)));
}

#[test]
fn the_peers_sender_report_is_answered() {
    let mut path = started(parameters());
    receive_frames(&mut path, 3);
    let info = SenderInfo { ntp: Ntp(0x1111_2222_3333_4444), ..SenderInfo::default() };
    from_peer(&mut path, ms(500), |writer| writer.sender_report(PEER_SSRC, &info, &[]));
    let (now, _, packets) = next_report(&mut path, 500, false);
    let rtcp::Packet::ReceiverReport(report) = &packets[0] else { panic!("{packets:?}") };
    let block = report.reports.iter().next().unwrap();
    assert_eq!(block.last_sr, 0x2222_3333);
    assert_eq!(u64::from(block.delay), (now - 500) * 65_536 / 1000);
}

#[test]
fn a_malformed_compound_changes_nothing() {
    let mut path = started(parameters());
    let (now, _, _) = next_report(&mut path, 0, true);
    let block = ReportBlock { ssrc: OUR_SSRC, lost: 4, ..ReportBlock::default() };
    let good = compound(|writer| {
        writer.receiver_report(PEER_SSRC, &[block]);
        writer.bye(&[PEER_SSRC], None);
    });
    let mut bad = good.to_vec();
    bad[33] = 0xcb;
    let last = bad.len() - 5;
    bad[last] = 200;
    path.datagram(ms(now), Component::Rtcp, peer_control(), Bytes::from(bad));
    assert_eq!((path.statistics().tx.lost, path.statistics().rx.discarded), (0, 1));
    path.datagram(ms(now), Component::Rtcp, peer_control(), good);
    assert_eq!((path.statistics().tx.lost, path.statistics().rx.discarded), (4, 1));
}

#[test]
fn reports_of_others_are_not_believed() {
    let mut path = started(parameters());
    receive_frames(&mut path, 3);
    let block = ReportBlock { ssrc: OUR_SSRC, lost: 4, ..ReportBlock::default() };
    let report = || compound(|writer| writer.receiver_report(PEER_SSRC, &[block]));
    path.datagram(ms(100), Component::Rtcp, address("203.0.113.66:6666"), report());
    assert_eq!(path.statistics().tx.lost, 0);
    // The address of the media is the peer's as well: some send both from one socket.
    path.datagram(ms(100), Component::Rtp, peer(), report());
    assert_eq!(path.statistics().tx.lost, 4);
}

#[test]
fn a_peer_that_only_listens_may_report_from_the_address_of_its_media() {
    let mut path = started(parameters());
    let block = ReportBlock { ssrc: OUR_SSRC, lost: 4, ..ReportBlock::default() };
    path.datagram(ms(0), Component::Rtp, peer(), compound(|writer| writer.receiver_report(PEER_SSRC, &[block])));
    assert_eq!(path.statistics().tx.lost, 4);
    let (_, transmit, _) = next_report(&mut path, 0, false);
    assert_eq!((transmit.component, transmit.to), (Component::Rtcp, peer_control()), "ours go where they are wanted");
}

#[test]
fn reports_go_where_the_peers_come_from_once_its_media_has_shown_the_host() {
    let mut path = started(parameters());
    let (media, control) = (address("198.51.100.7:31000"), address("198.51.100.7:31777"));
    let report = || compound(|writer| writer.receiver_report(PEER_SSRC, &[]));
    path.datagram(ms(0), Component::Rtcp, control, report());
    for index in 0..3 {
        receive(&mut path, ms(u64::from(index) * 20), media, &frame(index));
    }
    let (now, transmit, _) = next_report(&mut path, 60, false);
    assert_eq!(transmit.to, peer_control());
    // Another source's report from the same host is not the peer's.
    path.datagram(
        ms(now),
        Component::Rtcp,
        address("198.51.100.7:9"),
        compound(|writer| writer.receiver_report(5, &[])),
    );
    path.datagram(ms(now), Component::Rtcp, control, report());
    path.datagram(ms(now), Component::Rtcp, address("198.51.100.7:10"), report());
    let (_, transmit, _) = next_report(&mut path, now + 20, false);
    assert_eq!((transmit.component, transmit.to), (Component::Rtcp, control), "once");
}

#[test]
fn one_address_for_both_is_one_socket_for_both() {
    let mut path = started(Parameters { remote_rtcp: Some(peer()), ..parameters() });
    let block = ReportBlock { ssrc: OUR_SSRC, lost: 4, ..ReportBlock::default() };
    path.datagram(ms(0), Component::Rtp, peer(), compound(|writer| writer.receiver_report(PEER_SSRC, &[block])));
    assert_eq!(path.statistics().tx.lost, 4);
    let (now, transmit, _) = next_report(&mut path, 0, false);
    assert_eq!((transmit.component, transmit.to), (Component::Rtp, peer()));
    let nat = address("198.51.100.7:31000");
    for index in 0..3 {
        receive(&mut path, ms(now), nat, &frame(index));
    }
    let (_, transmit, _) = next_report(&mut path, now + 20, false);
    assert_eq!((transmit.component, transmit.to), (Component::Rtp, nat));
}

#[test]
fn a_stop_says_goodbye_and_tells_the_statistics() {
    let mut path = started(parameters());
    path.push(ms(0), &[0; 160], 160);
    let _ = transmits(&mut path);
    path.stop(ms(100));
    assert!(!path.is_finished());
    let sent = reports(&mut path);
    let [rtcp::Packet::SenderReport(_), rtcp::Packet::SourceDescription(_), rtcp::Packet::Bye(bye)] = &sent[0].1[..]
    else {
        panic!("{sent:?}")
    };
    assert!(bye.sources().eq([OUR_SSRC]));
    assert!(path.is_finished());
    assert!(matches!(&events(&mut path)[..], [Event::Stats(statistics)] if statistics.tx.packets == 1));
    path.stop(ms(200));
    assert_eq!((path.poll_transmit(), path.poll_event(), path.deadline()), (None, None, None));
}

#[test]
fn a_goodbye_waits_in_a_crowd_and_comes() {
    let mut path = started(parameters());
    path.push(ms(0), &[0; 160], 160);
    let mut mixed = frame(0);
    for index in 0..8u16 {
        let csrcs: Vec<u32> = (0..15).map(|source| u32::from(index) * 15 + source).collect();
        mixed.header.sequence = index;
        mixed.csrcs = crate::rtp::Csrcs::new(&csrcs);
        receive(&mut path, ms(u64::from(index) * 20), peer(), &mixed);
    }
    let _ = transmits(&mut path);
    path.stop(ms(200));
    assert_eq!(path.poll_transmit(), None);
    assert!(!path.is_finished());
    receive(&mut path, ms(220), peer(), &frame(9));
    from_peer(&mut path, ms(220), |writer| {
        writer.receiver_report(PEER_SSRC, &[]);
        writer.bye(&(0..31).collect::<Vec<_>>(), None);
    });
    let mut waited = ms(200);
    while let Some(deadline) = path.deadline() {
        assert!(deadline > waited);
        waited = deadline;
        path.timeout(deadline);
    }
    // 32 goodbyes of some 120 bytes in 375 bytes a second: ten seconds, times 0.5 to 1.5, by 1.218.
    assert!((4200..13_500).contains(&(waited.as_millis() - 200)), "{waited}");
    let sent = reports(&mut path);
    assert_eq!(sent.len(), 1);
    assert!(matches!(sent[0].1.last(), Some(rtcp::Packet::Bye(bye)) if bye.sources().eq([OUR_SSRC])));
    assert!(path.is_finished());
}

#[test]
fn members_come_with_a_name_and_go_with_a_goodbye() {
    let mut path = started(parameters());
    let members = |path: &Path| path.control.members.counts(false).members;
    from_peer(&mut path, ms(0), |writer| writer.receiver_report(PEER_SSRC, &[]));
    assert_eq!(members(&path), 1, "a report without a name may be anybody's");
    from_peer(&mut path, ms(0), |writer| {
        writer.receiver_report(PEER_SSRC, &[]);
        writer.source_description(PEER_SSRC, &[(ItemKind::Cname, "bob")]);
    });
    assert_eq!(members(&path), 2);
    from_peer(&mut path, ms(0), |writer| {
        writer.receiver_report(PEER_SSRC, &[]);
        writer.bye(&[PEER_SSRC, 7, OUR_SSRC], Some("bye"));
    });
    assert_eq!(members(&path), 1);
    receive_frames(&mut path, 2);
    assert_eq!(members(&path), 2);
    let _ = next_report(&mut path, 60_000, false);
    assert_eq!(members(&path), 1, "silent for five intervals");
}

#[test]
fn a_peer_with_our_ssrc_makes_us_take_another_and_is_heard_then() {
    let mut path = started(parameters());
    path.push(ms(0), &[0; 160], 160);
    let _ = transmits(&mut path);
    let of_ours = |index: u16| {
        let mut packet = frame(index);
        packet.header.ssrc = OUR_SSRC;
        packet
    };
    receive(&mut path, ms(10), peer(), &of_ours(0));
    let goodbye = reports(&mut path);
    assert!(matches!(goodbye[0].1.last(), Some(rtcp::Packet::Bye(bye)) if bye.sources().eq([OUR_SSRC])));
    assert_ne!(path.ssrc(), OUR_SSRC);
    path.push(ms(20), &[0; 160], 160);
    assert_eq!(sent(&mut path)[0].header.ssrc, path.ssrc());
    for index in 1..4 {
        receive(&mut path, ms(10 + u64::from(index) * 20), peer(), &of_ours(index));
    }
    assert_eq!(pull(&mut path, ms(200)), [Some(1), Some(2), Some(3)]);
    let (_, _, packets) = next_report(&mut path, 40, true);
    assert!(matches!(&packets[0], rtcp::Packet::SenderReport(report) if report.ssrc == path.ssrc()));
}

#[test]
fn our_own_packets_coming_back_change_the_ssrc_once() {
    let mut path = started(parameters());
    let mut names = std::collections::BTreeSet::new();
    let mut goodbyes = 0;
    for index in 0..500 {
        let now = ms(index * 20);
        path.push(now, &[0; 160], 160);
        path.timeout(now);
        for transmit in transmits(&mut path) {
            if is_rtcp(&transmit.data) {
                let packets = Compound::parse(transmit.data.clone()).unwrap().packets();
                goodbyes += packets.filter(|packet| matches!(packet, rtcp::Packet::Bye(_))).count();
            }
            let from = if transmit.component == Component::Rtp { peer() } else { peer_control() };
            path.datagram(now, transmit.component, from, transmit.data);
        }
        names.insert(path.ssrc());
    }
    // Once for the media, once for the control packets.
    assert!(names.len() <= 3, "{names:?}");
    assert!(goodbyes <= 2, "{goodbyes}");
}

/// What is sent is of a payload type that may come.
fn alike() -> Parameters {
    Parameters { formats: vec![format("PCMU", 96, 96)], telephone_event: None, ..parameters() }
}

/// Sends a frame each 20 ms, which comes back 40 ms later with what else comes then; the frames that were heard, by the time.
fn reflecting(path: &mut Path, frames: u64, other: impl Fn(u64) -> Option<Packet>) -> Vec<u64> {
    let (mut way, mut heard) = (VecDeque::new(), Vec::new());
    for index in 0..frames {
        let now = ms(index * 20);
        path.push(now, &[u8::try_from(index % 256).unwrap(); 2], 160);
        path.timeout(now);
        for transmit in transmits(path).into_iter().filter(|transmit| transmit.component == Component::Rtp) {
            way.push_back((index + 2, transmit.data));
        }
        while let Some((_, data)) = way.pop_front_if(|(at, _)| *at <= index) {
            path.datagram(now, Component::Rtp, peer(), data);
        }
        if let Some(packet) = other(index) {
            receive(path, now, peer(), &packet);
        }
        heard.extend(pull(path, now).into_iter().map(|_| index));
    }
    heard
}

#[test]
fn a_peer_that_only_sends_our_packets_back_is_heard_after_a_second() {
    let mut path = started(alike());
    let heard = reflecting(&mut path, 200, |_| None);
    // What was on its way when we took another SSRC may be heard at once; then a second passes.
    let echo: Vec<u64> = heard.iter().copied().filter(|index| *index > 20).collect();
    assert!((50..70).contains(&echo[0]), "{echo:?}");
    assert!(echo.len() > 120, "{echo:?}");
}

#[test]
fn our_packets_are_not_heard_beside_the_peers() {
    let mut path = started(alike());
    let peers = |index: u64| Some(frame(u16::try_from(index).unwrap()));
    let heard = reflecting(&mut path, 200, peers).len();
    assert!((190..=200).contains(&heard), "{heard}");
    // The peer begins to speak: the echo is not heard any more.
    let mut path = started(alike());
    let late = |index: u64| (index >= 100).then(|| frame(u16::try_from(index).unwrap()));
    let heard = reflecting(&mut path, 300, late);
    let after = heard.iter().filter(|index| **index >= 110).count();
    assert!((185..=190).contains(&after), "{after}");
    assert_eq!(path.sources.current.as_ref().unwrap().reception.ssrc(), PEER_SSRC);
}

#[test]
fn strangers_cannot_make_us_change_our_ssrc() {
    let mut path = started(parameters());
    path.push(ms(0), &[0; 160], 160);
    let mut forged = frame(0);
    forged.header.ssrc = OUR_SSRC;
    receive(&mut path, ms(10), address("203.0.113.66:6666"), &forged);
    let report = compound(|writer| writer.receiver_report(OUR_SSRC, &[]));
    path.datagram(ms(10), Component::Rtcp, address("203.0.113.66:6667"), report);
    assert_eq!(path.ssrc(), OUR_SSRC);
    assert_eq!(path.statistics().rx.discarded, 2);
}

#[test]
fn ipv6_is_no_different() {
    let there = address("[2001:db8::2]:5000");
    let mut path = started(Parameters {
        remote_rtp: Some(there),
        remote_rtcp: Some(address("[2001:db8::2]:5001")),
        ..parameters()
    });
    for index in 0..3 {
        receive(&mut path, ms(u64::from(index) * 20), there, &frame(index));
    }
    assert_eq!(pull(&mut path, ms(100)).len(), 3);
    let (_, transmit, _) = next_report(&mut path, 60, true);
    assert_eq!(transmit.to, address("[2001:db8::2]:5001"));
}
