//! SIPp plays a recording to us, and what we echo is counted and compared on the wire.

use std::fs;
use std::time::Duration;

use crate::peer::{LOOPBACKS, PLAIN_CODECS, Running, find, free_port, has_address, host_port, sipsimple};
use crate::sipp::scenario;

const LIMIT: Duration = Duration::from_secs(60);

/// One RTP packet of a capture.
pub(crate) struct Rtp {
    pub(crate) from: u16,
    to: u16,
    pub(crate) payload_type: u8,
    pub(crate) marker: bool,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) payload: Vec<u8>,
}

/// Reads the UDP datagrams of a capture of the loopback interface that look like RTP.
pub(crate) fn read_capture(bytes: &[u8]) -> Vec<Rtp> {
    let u32_at = |place: usize| u32::from_le_bytes(bytes[place..place + 4].try_into().expect("four bytes"));
    assert_eq!(u32_at(0), 0xa1b2_c3d4, "a capture in the byte order of this machine");
    assert_eq!(u32_at(20), 1, "frames of Ethernet");
    let mut packets = Vec::new();
    let mut place = 24;
    while place + 16 <= bytes.len() {
        let length = u32_at(place + 8) as usize;
        let frame = &bytes[place + 16..place + 16 + length];
        place += 16 + length;
        let udp = match u16::from_be_bytes([frame[12], frame[13]]) {
            0x0800 => &frame[14 + usize::from(frame[14] & 15) * 4..],
            0x86dd => &frame[14 + 40..],
            _ => continue,
        };
        let (from, to) = (u16::from_be_bytes([udp[0], udp[1]]), u16::from_be_bytes([udp[2], udp[3]]));
        let rtp = &udp[8..];
        // Version 2, no header extension, and not RTCP.
        if rtp.len() > 12 && rtp[0] == 0x80 && !(200..=204).contains(&rtp[1]) {
            packets.push(Rtp {
                from,
                to,
                payload_type: rtp[1] & 0x7f,
                marker: rtp[1] & 0x80 != 0,
                sequence: u16::from_be_bytes([rtp[2], rtp[3]]),
                timestamp: u32::from_be_bytes(rtp[4..8].try_into().expect("four bytes")),
                payload: rtp[12..].to_vec(),
            });
        }
    }
    packets
}

#[test]
fn what_sipp_plays_comes_back_the_same() {
    for address in LOOPBACKS.into_iter().filter(|address| has_address(address)) {
        let (Some(sipp), Some(tcpdump)) = (find("sipp"), find("tcpdump")) else { return };
        let port = free_port(address);
        let listen = format!("udp:{}", host_port(address, port));
        let answer = ["answer", "--listen", &listen, "--codec", PLAIN_CODECS, "--echo", "--count", "1"];
        let mut answering = Running::start(sipsimple(), &answer);
        answering.wait_for("listening", Duration::from_secs(20));
        let (own, media) = (free_port(address).to_string(), free_port(address));
        let filter = format!("udp port {media}");
        let mut capture = Running::start(&tcpdump, &["-i", "lo", "-U", "-w", "capture.pcap", &filter]);
        capture.wait_for("listening on lo", Duration::from_secs(10));
        let (scenario, media_port, remote) = (scenario("uac_rtp"), media.to_string(), host_port(address, port));
        let args = [
            remote.as_str(),
            "-sf",
            &scenario,
            "-i",
            address,
            "-p",
            &own,
            "-mi",
            address,
            "-mp",
            &media_port,
            "-m",
            "1",
            "-nostdin",
            "-timeout",
            "40",
            "-timeout_error",
        ];
        let mut sipp = Running::start(&sipp, &args);
        sipp.succeed(LIMIT);
        answering.succeed(LIMIT);
        capture.terminate(Duration::from_secs(10));
        let packets = read_capture(&fs::read(capture.folder().join("capture.pcap")).expect("the capture"));
        let (played, echoed): (Vec<_>, Vec<_>) = packets.iter().partition(|packet| packet.from == media);
        assert!(echoed.iter().all(|packet| packet.to == media));
        // g711a.pcap holds 8 s in packets of 30 ms; we send 20 ms in each.
        assert!(played.len() > 200, "{address}: SIPp played {} packets", played.len());
        assert!(played.iter().chain(&echoed).all(|packet| packet.payload_type == 8), "all is PCMA");
        let bytes = |packets: &[&Rtp]| packets.iter().flat_map(|packet| packet.payload.clone()).collect::<Vec<u8>>();
        let (played, echoed) = (bytes(&played), bytes(&echoed));
        assert!(
            echoed.len() + 8000 > played.len(),
            "{address}: of {} bytes of audio {} came back",
            played.len(),
            echoed.len()
        );
        // Every tenth of a second of what was played is in the echo, in order, byte for byte; a few may fall into a gap of SIPp's clock.
        let mut place = 0;
        let pieces: Vec<&[u8]> = played.chunks_exact(800).collect();
        let found = pieces
            .iter()
            .filter(|piece| {
                let here = echoed[place..].windows(piece.len()).position(|window| window == **piece);
                place += here.map_or(0, |here| here + piece.len());
                here.is_some()
            })
            .count();
        assert!(found * 10 >= pieces.len() * 8, "{address}: {found} of {} pieces came back the same", pieces.len());
    }
}
