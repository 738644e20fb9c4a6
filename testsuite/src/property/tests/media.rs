//! Those who watch the packets of media, and what streams tell of it.

use std::net::SocketAddr;

use bytes::Bytes;

use sipsimple_core::stun::{BINDING, Builder, Class, TransactionId, attribute};
use sipsimple_core::time::Instant;

use super::super::{MediaSight, Packets};
use super::{Stage, theirs};
use crate::draft::audio;
use crate::wire::Fate;

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// The host's media socket, the one that the peer's description names, and one of nobody.
const OURS: &str = "10.0.0.1:50000";
const NAMED: &str = "192.0.2.7:40000";
const NOBODY: &str = "203.0.113.9:40000";

impl Stage {
    fn media(mut self, fate: Fate, peer: &str, data: Vec<u8>) -> Self {
        let (from, to) = if fate == Fate::Sent { (at(OURS), at(peer)) } else { (at(peer), at(OURS)) };
        let data = Bytes::from(data);
        self.watch.media(&MediaSight { at: Instant::from_millis(self.at), fate, host: 0, from, to, data: &data });
        self
    }

    fn sends(self, to: &str, data: Vec<u8>) -> Self {
        self.media(Fate::Sent, to, data)
    }
}

/// The host has a description of the peer's.
fn stage() -> Stage {
    let body = audio(at(NAMED), 40_000);
    Stage::new(Packets::default()).got(&theirs("INVITE", "media").body("application/sdp", body))
}

fn rtp(number: u16) -> Vec<u8> {
    [&[0x80, 0][..], &number.to_be_bytes(), &[0, 0, 0, 0, 1, 2, 3, 4], &[0xff; 160]].concat()
}

/// An event: its mark, time, end and duration.
fn event(number: u16, marked: bool, timestamp: u32, end: bool, duration: u16) -> Vec<u8> {
    let kind = 101 | (u8::from(marked) << 7);
    let flags = 10 | (u8::from(end) << 7);
    let head = [&[0x80, kind][..], &number.to_be_bytes(), &timestamp.to_be_bytes(), &[1, 2, 3, 4]].concat();
    [&head[..], &[5, flags], &duration.to_be_bytes()].concat()
}

#[test]
fn media_goes_where_it_is_named_or_came_from() {
    stage().sends(NAMED, rtp(1)).sends("192.0.2.7:40001", vec![0x80, 201, 0, 1, 1, 2, 3, 4]).breaks(&[]);
    stage().sends(NOBODY, rtp(1)).breaks(&["RTP-1"]);
    stage().media(Fate::Arrived, NOBODY, rtp(9)).sends(NOBODY, rtp(1)).breaks(&[]);
    stage().sends(NAMED, vec![0xff; 20]).breaks(&["RTP-1"]);
}

#[test]
fn numbers_follow_one_another() {
    stage().sends(NAMED, rtp(0xffff)).sends(NAMED, rtp(0)).sends(NAMED, rtp(1)).breaks(&[]);
    for next in [7, 9, 6] {
        stage().sends(NAMED, rtp(7)).sends(NAMED, rtp(next)).breaks(&["SRT-1"]);
    }
    let channel = |data: Vec<u8>| [&[0x40, 0, 0, 172][..], &data].concat();
    stage().sends(NAMED, rtp(7)).sends(NOBODY, channel(rtp(8))).breaks(&[]);
    stage().sends(NAMED, rtp(7)).sends(NOBODY, channel(rtp(7))).breaks(&["SRT-1"]);
}

#[test]
fn control_packets_keep_their_pace() {
    let report = || vec![0x80, 201, 0, 1, 1, 2, 3, 4];
    stage().sends(NAMED, report()).wait(3000).sends(NAMED, report()).wait(100).sends(NAMED, report()).breaks(&[]);
    let hasty = stage().sends(NAMED, report()).wait(100).sends(NAMED, report()).wait(3000).sends(NAMED, report());
    hasty.breaks(&["RTP-1"]);
}

#[test]
fn an_event_is_marked_once_grows_and_ends_three_times() {
    type Packets<'a> = &'a [(bool, u32, bool, u16)];
    let run = |packets: Packets<'_>| {
        let numbered = packets.iter().zip(1..);
        numbered.fold(stage(), |stage, ((marked, timestamp, end, duration), number)| {
            stage.sends(NAMED, event(number, *marked, *timestamp, *end, *duration))
        })
    };
    let sound = [(true, 9, false, 160), (false, 9, false, 320), (false, 9, true, 480), (false, 9, true, 480)];
    run(&[&sound[..], &sound[3..], &[(true, 900, false, 160)]].concat()).breaks(&[]);
    // A long one goes on in another segment.
    run(&[(true, 9, false, 0xffff), (false, 9 + 0xffff, false, 160)]).breaks(&[]);
    run(&[&sound[..], &sound[3..], &sound[3..]].concat()).breaks(&["DTM-1"]);
    run(&[(false, 9, false, 160)]).breaks(&["DTM-1"]);
    run(&[(true, 9, false, 160), (true, 9, false, 320)]).breaks(&["DTM-1"]);
    run(&[(true, 9, false, 160), (false, 9, false, 80)]).breaks(&["DTM-1"]);
    run(&[(true, 9, true, 160), (false, 9, false, 160)]).breaks(&["DTM-1"]);
}

fn request(id: u8, check: bool) -> Vec<u8> {
    let request = Builder::new(Class::Request, BINDING, TransactionId([id; 12]));
    let request = if check { request.attribute(attribute::USERNAME, b"a:b") } else { request };
    request.finish().to_vec()
}

#[test]
fn requests_go_to_who_is_named_and_again_at_pauses_that_double() {
    stage().sends(NAMED, request(1, true)).sends(NOBODY, request(2, false)).breaks(&[]);
    stage().sends(NOBODY, request(1, true)).breaks(&["ICE-2"]);
    let again = |pauses: &[u64]| {
        let first = stage().sends(NAMED, request(1, true));
        pauses.iter().fold(first, |stage, pause| stage.wait(*pause).sends(NAMED, request(1, true)))
    };
    again(&[500, 1000, 2000, 4000, 8000, 16_000]).breaks(&[]);
    again(&[100]).breaks(&["STN-1"]);
    again(&[500, 500]).breaks(&["STN-1"]);
    again(&[500, 1000, 2000, 4000, 8000, 16_000, 32_000]).breaks(&["STN-1"]);
    let answer = Builder::new(Class::Success, BINDING, TransactionId([1; 12])).finish().to_vec();
    stage().sends(NAMED, answer.clone()).breaks(&["STN-1"]);
    stage().media(Fate::Arrived, NAMED, request(1, true)).sends(NAMED, answer).breaks(&[]);
}
