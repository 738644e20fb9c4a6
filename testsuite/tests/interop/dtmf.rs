//! Keys (RFC 4733) that SIPp plays from its captures are heard, and those that we press are judged on the wire.

use std::fs;
use std::time::Duration;

use crate::peer::{
    LOOPBACKS, PLAIN_CODECS, Running, find, free_port, has_address, host_port, sipsimple, wait_until_bound,
};
use crate::rtp_echo::{Rtp, read_capture};
use crate::sipp::scenario;

const LIMIT: Duration = Duration::from_secs(60);

/// The payload type of events in SIPp's answers.
const EVENTS: u8 = 101;

#[test]
fn keys_that_sipp_plays_are_heard() {
    for address in LOOPBACKS.into_iter().filter(|address| has_address(address)) {
        let Some(sipp) = find("sipp") else { return };
        let port = free_port(address);
        let listen = format!("udp:{}", host_port(address, port));
        let mut answering = Running::start(sipsimple(), &["answer", "--listen", &listen, "--count", "1"]);
        answering.wait_for("listening", Duration::from_secs(20));
        let (own, media, remote) = (free_port(address), free_port(address), host_port(address, port));
        let (own, media, scenario) = (own.to_string(), media.to_string(), scenario("uac_dtmf"));
        let args = [&remote, "-sf", &scenario, "-i", address, "-p", &own, "-mi", address, "-mp", &media, "-m", "1"];
        let args = [&args[..], &["-nostdin", "-timeout", "40", "-timeout_error"]].concat();
        Running::start(&sipp, &args).succeed(LIMIT);
        answering.succeed(LIMIT);
        let said = answering.output();
        let heard: Vec<&str> = said.lines().filter_map(|line| line.split("DTMF ").nth(1)).collect();
        assert_eq!(heard, ["4", "*", "9"], "{address}: {said}");
    }
}

/// What the packets of one event say: its key, the durations one after the other, and how often its end was told.
fn event(packets: &[&Rtp]) -> (u8, Vec<u16>, usize) {
    let key = packets[0].payload[0];
    assert!(packets.iter().all(|packet| packet.payload[0] == key), "one event, one key");
    assert!(packets[0].marker && !packets[1..].iter().any(|packet| packet.marker), "only the first is marked");
    let durations = packets.iter().map(|packet| u16::from_be_bytes([packet.payload[2], packet.payload[3]]));
    (key, durations.collect(), packets.iter().filter(|packet| packet.payload[1] & 0x80 != 0).count())
}

#[test]
fn keys_that_we_press_are_right_on_the_wire() {
    for address in LOOPBACKS.into_iter().filter(|address| has_address(address)) {
        let (Some(sipp), Some(tcpdump)) = (find("sipp"), find("tcpdump")) else { return };
        let (own, media) = (free_port(address), free_port(address));
        let filter = format!("udp port {media}");
        let mut capture = Running::start(&tcpdump, &["-i", "lo", "-U", "-w", "capture.pcap", &filter]);
        capture.wait_for("listening on lo", Duration::from_secs(10));
        let (port, media_port, scenario) = (own.to_string(), media.to_string(), scenario("uas_plain"));
        let args = ["-sf", &scenario, "-i", address, "-p", &port, "-mi", address, "-mp", &media_port, "-m", "1"];
        let mut sipp = Running::start(&sipp, &[&args[..], &["-nostdin", "-timeout", "40", "-timeout_error"]].concat());
        wait_until_bound(address, own);
        let uri = format!("sip:service@{}", host_port(address, own));
        Running::start(sipsimple(), &["call", &uri, "--codec", PLAIN_CODECS, "--dtmf", "15#", "--duration", "3"])
            .succeed(LIMIT);
        sipp.succeed(LIMIT);
        capture.terminate(Duration::from_secs(10));
        let packets = read_capture(&fs::read(capture.folder().join("capture.pcap")).expect("the capture"));
        let ours: Vec<&Rtp> = packets.iter().filter(|packet| packet.from != media).collect();
        for pair in ours.windows(2) {
            assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1), "one numbering for all");
        }
        let keys: Vec<&Rtp> = ours.iter().filter(|packet| packet.payload_type == EVENTS).copied().collect();
        let events: Vec<_> = keys.chunk_by(|one, next| one.timestamp == next.timestamp).map(event).collect();
        assert_eq!(events.iter().map(|(key, ..)| *key).collect::<Vec<_>>(), [1, 5, 11], "{address}");
        for (key, durations, ends) in events {
            assert!(durations.is_sorted() && durations.last() > durations.first(), "{address}: {key}: {durations:?}");
            assert_eq!(ends, 3, "{address}: the end of {key} is told three times");
        }
    }
}
