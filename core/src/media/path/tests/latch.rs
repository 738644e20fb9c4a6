//! Who is listened to, and where packets go: design decision 15 of symmetric RTP, and new sources of the peer.

use super::*;

/// Where the peer's packets come from behind its NAT.
fn nat() -> SocketAddr {
    address("198.51.100.7:31000")
}

fn intruder() -> SocketAddr {
    address("203.0.113.66:6666")
}

/// Where the next frame is sent.
fn destination(path: &mut Path, now: Instant) -> Option<SocketAddr> {
    path.push(now, &[0; 160], 160);
    transmits(path).pop().map(|transmit| transmit.to)
}

/// A packet of another source with these numbers.
fn of(ssrc: u32, sequence: u16) -> Packet {
    let mut packet = frame(sequence);
    packet.header.ssrc = ssrc;
    packet
}

#[test]
fn three_packets_in_a_row_move_the_stream_and_none_is_lost() {
    let mut path = started(parameters());
    for index in 0..2 {
        receive(&mut path, ms(u64::from(index) * 20), nat(), &frame(index));
        assert_eq!(destination(&mut path, ms(30)), Some(peer()));
    }
    assert_eq!(path.statistics().rx.discarded, 2, "not heard yet");
    receive(&mut path, ms(40), nat(), &frame(2));
    assert_eq!(destination(&mut path, ms(50)), Some(nat()));
    assert_eq!(events(&mut path), [Event::Source(nat())]);
    assert_eq!(pull(&mut path, ms(120)), [Some(0), Some(1), Some(2)], "those held before are played");
    let rx = &path.statistics().rx;
    assert_eq!((rx.packets, rx.lost, rx.discarded), (3, 0, 0));
}

#[test]
fn the_run_is_of_consecutive_numbers_one_source_and_negotiated_types() {
    let run = |packets: &[Packet]| {
        let mut path = started(parameters());
        for (index, packet) in packets.iter().enumerate() {
            receive(&mut path, ms(index as u64 * 20), nat(), packet);
        }
        destination(&mut path, ms(1000)) == Some(nat())
    };
    assert!(run(&[frame(7), frame(8), frame(9)]));
    assert!(run(&[frame(65_535), packet(0, 0), frame(1)]));
    assert!(run(&[frame(7), frame(8), frame(8), frame(9)]), "a double breaks nothing");
    assert!(!run(&[frame(7), frame(8), frame(10), frame(11)]));
    assert!(!run(&[frame(7), of(1, 8), of(2, 9)]));
    let mut unknown = frame(9);
    unknown.header.payload_type = 0;
    assert!(!run(&[frame(7), frame(8), unknown]));
    let mut event = frame(9);
    (event.header.payload_type, event.payload) = (102, Bytes::from_static(&[1, 10, 0, 160]));
    assert!(run(&[frame(7), frame(8), event]), "events are negotiated as well");
}

#[test]
fn once_latched_nobody_else_is_heard() {
    let mut path = started(parameters());
    for index in 0..3 {
        receive(&mut path, ms(u64::from(index) * 20), nat(), &frame(index));
    }
    // Not even the address of the description, and not with the peer's own SSRC.
    for index in 3..100 {
        receive(&mut path, ms(u64::from(index) * 20), intruder(), &of(1, index));
        receive(&mut path, ms(u64::from(index) * 20), intruder(), &frame(index));
        receive(&mut path, ms(u64::from(index) * 20), peer(), &frame(index));
    }
    assert_eq!(destination(&mut path, ms(2000)), Some(nat()));
    assert_eq!(pull(&mut path, ms(2000)), [Some(0), Some(1), Some(2)]);
    let rx = &path.statistics().rx;
    assert_eq!((rx.packets, rx.discarded), (3, 97 * 3));
    assert_eq!(events(&mut path), [Event::Source(nat())]);
}

#[test]
fn the_address_of_the_description_latches_as_well() {
    let mut path = started(parameters());
    receive_frames(&mut path, 3);
    for index in 0..10 {
        receive(&mut path, ms(100), intruder(), &of(1, index));
    }
    assert_eq!(destination(&mut path, ms(200)), Some(peer()));
    assert_eq!(path.statistics().rx.packets, 3);
}

#[test]
fn the_address_of_the_description_is_heard_after_two() {
    let mut path = started(parameters());
    receive_frames(&mut path, 2);
    assert_eq!(pull(&mut path, ms(80)), [Some(0), Some(1)]);
}

#[test]
fn a_flood_before_the_answer_keeps_the_peer_out_only_while_it_lasts() {
    let mut path = started(parameters());
    for index in 0..500u16 {
        receive(&mut path, ms(u64::from(index)), intruder(), &of(u32::from(index) + 1000, index));
    }
    assert!(path.sources.on_probation() <= 4);
    for index in 0..3 {
        receive(&mut path, ms(1000), nat(), &frame(index));
    }
    assert_eq!(destination(&mut path, ms(1000)), Some(nat()));
}

#[test]
fn without_the_setting_others_are_heard_but_not_sent_to() {
    let mut path = started(Parameters { symmetric: false, ..parameters() });
    for index in 0..3 {
        receive(&mut path, ms(u64::from(index) * 20), nat(), &frame(index));
    }
    assert_eq!(destination(&mut path, ms(50)), Some(peer()));
    assert_eq!(pull(&mut path, ms(120)).len(), 3);
}

#[test]
fn nothing_is_sent_to_a_latch_when_the_description_says_nowhere() {
    let mut path = started(Parameters { remote_rtp: None, ..parameters() });
    for index in 0..3 {
        receive(&mut path, ms(u64::from(index) * 20), nat(), &frame(index));
    }
    assert_eq!(destination(&mut path, ms(50)), None);
}

#[test]
fn a_negotiation_lets_the_latch_move_again_and_until_then_keeps_it() {
    let mut path = started(parameters());
    for index in 0..3 {
        receive(&mut path, ms(u64::from(index) * 20), nat(), &frame(index));
    }
    path.update(ms(100), parameters());
    assert_eq!(destination(&mut path, ms(100)), Some(nat()), "the description still names the address behind the NAT");
    // The NAT gave the peer another port: the same source goes on from there.
    let moved = address("198.51.100.7:40000");
    for index in 3..6 {
        receive(&mut path, ms(u64::from(index) * 20), moved, &frame(index));
    }
    assert_eq!(destination(&mut path, ms(120)), Some(moved));
    assert_eq!(pull(&mut path, ms(200)), (0..6).map(Some).collect::<Vec<_>>());
    assert_eq!(events(&mut path), [Event::Source(nat()), Event::Source(moved)]);
    assert_eq!(path.statistics().rx.lost, 0);
    // And that was the one time.
    for index in 6..9 {
        receive(&mut path, ms(u64::from(index) * 20), intruder(), &frame(index));
    }
    assert_eq!(destination(&mut path, ms(300)), Some(moved));
}

#[test]
fn a_hold_without_an_address_keeps_the_latch() {
    let mut path = started(parameters());
    for index in 0..3 {
        receive(&mut path, ms(u64::from(index) * 20), nat(), &frame(index));
    }
    path.update(ms(100), Parameters { remote_rtp: None, remote_rtcp: None, ..parameters() });
    assert_eq!(destination(&mut path, ms(100)), None);
    path.update(ms(200), parameters());
    assert_eq!(destination(&mut path, ms(200)), Some(nat()));
    for index in 3..6 {
        receive(&mut path, ms(u64::from(index) * 20), nat(), &frame(index));
    }
    assert_eq!(destination(&mut path, ms(300)), Some(nat()));
}

#[test]
fn a_negotiation_does_not_help_an_intruder_against_a_peer_that_goes_on() {
    let mut path = started(parameters());
    receive_frames(&mut path, 3);
    path.update(ms(60), parameters());
    for index in 3..6 {
        receive(&mut path, ms(u64::from(index) * 20), peer(), &frame(index));
        receive(&mut path, ms(u64::from(index) * 20), intruder(), &of(1, index));
    }
    receive(&mut path, ms(120), intruder(), &of(1, 6));
    assert_eq!(destination(&mut path, ms(200)), Some(peer()));
}

#[test]
fn stragglers_from_the_address_before_do_not_latch_after_a_move() {
    let mut path = started(parameters());
    for index in 0..3 {
        receive(&mut path, ms(u64::from(index) * 20), nat(), &frame(index));
    }
    let next = address("192.0.2.99:7000");
    path.update(ms(60), Parameters { remote_rtp: Some(next), ..parameters() });
    for index in 3..9 {
        receive(&mut path, ms(u64::from(index) * 20), nat(), &frame(index));
    }
    assert_eq!(destination(&mut path, ms(200)), Some(next));
    assert_eq!(pull(&mut path, ms(300)).len(), 9, "they are heard all the same");
    for index in 0..5 {
        receive(&mut path, ms(300), nat(), &of(55, index));
    }
    assert_eq!(path.statistics().rx.packets, 9, "but no other source there");
    for index in 0..3 {
        receive(&mut path, ms(300), next, &of(9, index));
    }
    for index in 9..20 {
        receive(&mut path, ms(2000), nat(), &frame(index));
    }
    assert_eq!(destination(&mut path, ms(2000)), Some(next));
}

#[test]
fn a_peer_that_still_sends_from_its_address_long_after_a_move_is_followed() {
    let mut path = started(parameters());
    for index in 0..3 {
        receive(&mut path, ms(u64::from(index) * 20), nat(), &frame(index));
    }
    path.update(ms(60), Parameters { remote_rtp: Some(address("192.0.2.99:7000")), ..parameters() });
    for index in 3..80 {
        receive(&mut path, ms(u64::from(index) * 20), nat(), &frame(index));
    }
    assert_eq!(destination(&mut path, ms(1600)), Some(nat()));
}

#[test]
fn another_source_of_the_peer_takes_over_when_the_first_is_silent() {
    let mut path = started(parameters());
    receive_frames(&mut path, 5);
    assert_eq!(pull(&mut path, ms(140)).len(), 5);
    // Interleaved with the first it is not heard.
    for index in 5..10 {
        receive(&mut path, ms(u64::from(index) * 20), peer(), &of(77, 1000 + index));
        receive(&mut path, ms(u64::from(index) * 20), peer(), &frame(index));
    }
    assert_eq!(pull(&mut path, ms(240)), (5..10).map(Some).collect::<Vec<_>>());
    // Alone it is, from its first packet.
    for index in 10..13 {
        receive(&mut path, ms(u64::from(index) * 20), peer(), &of(77, 1000 + index));
    }
    assert_eq!(pull(&mut path, ms(340)), [Some(1010), Some(1011), Some(1012)]);
    assert_eq!(path.statistics().rx.lost, 0);
    assert_eq!(events(&mut path), [Event::Source(peer())], "the address is the same");
}

#[test]
fn losses_of_an_earlier_source_stay_counted() {
    let mut path = started(parameters());
    for index in [0, 1, 4] {
        receive(&mut path, ms(u64::from(index) * 20), peer(), &frame(index));
    }
    for index in [0, 1, 3] {
        receive(&mut path, ms(200 + u64::from(index) * 20), peer(), &of(77, index));
    }
    assert_eq!(path.statistics().rx.lost, 3);
}
