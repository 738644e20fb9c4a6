//! Packets of media, as they stand on the wire of a host.
//!
//! - RTP-1, ICE-2: media and checks go only where descriptions of the peer say, or where something came from (RFC 8445 section 7, RFC 3264 section
//!   8.3.1); control packets keep a pace (RFC 3550 section 6.2).
//! - SRT-1: the numbers under one SSRC follow one another, also over changes of keys, so that no index is encrypted twice (RFC 3711 section 3.3.1).
//! - DTM-1: an event has its mark on its first packet only, it never gets shorter, and three packets at most say that it has ended (RFC 4733
//!   section 2.5.1).
//! - STN-1: a request is sent again at pauses that double, seven times at most; nobody is answered who did not ask (RFC 8489 section 6.2.1).

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;

use sipsimple_core::rtp::is_rtcp;
use sipsimple_core::stun::{BINDING, Class, Message, TransactionId, attribute};
use sipsimple_core::time::Instant;
use sipsimple_core::turn::{DATA, SEND};

use crate::wire::Fate;

use super::{Memory, Property, Seen, Violations};

/// A datagram of a media socket.
#[derive(Clone, Copy, Debug)]
pub struct MediaSight<'a> {
    /// When.
    pub at: Instant,
    /// Whether it was sent or arrived.
    pub fate: Fate,
    /// The host.
    pub host: usize,
    /// Its sender, as the host sees it.
    pub from: SocketAddr,
    /// Whom it is for, as the host sees it.
    pub to: SocketAddr,
    /// Its bytes.
    pub data: &'a Bytes,
}

/// The shortest time before a request is sent again, and how late a clock that ticks may be.
const SHORTEST: Duration = Duration::from_millis(500);
const TICK: Duration = Duration::from_millis(25);
/// How often a request is sent.
const SENDS: usize = 7;
/// Control packets of one source are not closer to each other, but for the last.
const CLOSEST: Duration = Duration::from_millis(500);
/// Bytes of the header of RTP, and of an event behind it when it is not encrypted.
const HEADER: usize = 12;
const EVENT: usize = 4;
/// How many packets say that an event has ended.
const ENDS: u8 = 3;

/// An event of RFC 4733 that is sent.
#[derive(Clone, Copy, Debug)]
struct Key {
    timestamp: u32,
    duration: u16,
    ends: u8,
}

/// When control packets of a source were sent.
#[derive(Clone, Copy, Debug)]
struct Control {
    last: Instant,
    /// Whether its last packet came so soon that it must have been the BYE.
    over: bool,
}

/// Watches the packets of media.
#[derive(Debug, Default)]
pub struct Packets {
    /// The addresses and ports in the descriptions that a host got.
    named: Memory<usize, (BTreeSet<IpAddr>, BTreeSet<u16>)>,
    /// The numbers that the peers of a host give to events.
    keys: Memory<usize, BTreeSet<u8>>,
    heard: Memory<(usize, SocketAddr), ()>,
    /// The last number under each SSRC.
    numbers: Memory<(usize, u32), u16>,
    events: Memory<(usize, u32), Key>,
    control: Memory<(usize, u32), Control>,
    /// When each request was sent.
    sent: Memory<(usize, SocketAddr, TransactionId), Vec<Instant>>,
    asked: Memory<(usize, SocketAddr, TransactionId), ()>,
}

impl Property for Packets {
    fn seen(&mut self, seen: &Seen<'_>, _broken: &mut Violations) {
        let sight = seen.sight;
        if sight.fate == Fate::Arrived
            && let Ok(body) = std::str::from_utf8(sight.sip.body())
        {
            self.read(sight.at, sight.host, body);
        }
    }

    fn media(&mut self, sight: &MediaSight<'_>, broken: &mut Violations) {
        let MediaSight { at, fate, host, from, to, data } = *sight;
        match fate {
            Fate::Arrived => {
                self.heard.put(at, (host, from), ());
                match Message::parse(data.clone()) {
                    Ok(message) if message.class() == Class::Request => {
                        self.asked.put(at, (host, from, message.transaction()), ());
                    }
                    // Something came by a server that lends an address.
                    Ok(message) if message.class() == Class::Indication && message.method() == DATA => {
                        if let Some(peer) = message.xor_address(attribute::XOR_PEER_ADDRESS) {
                            self.heard.put(at, (host, peer), ());
                        }
                    }
                    Ok(_) | Err(_) => {}
                }
            }
            Fate::Sent => self.sends(sight, to, data, broken),
        }
    }
}

impl Packets {
    /// What a description that came names.
    fn read(&mut self, at: Instant, host: usize, body: &str) {
        let (addresses, ports) = self.named.entry(at, host, Default::default);
        let mut name = |address: Option<&str>, port: Option<&str>| {
            addresses.extend(address.and_then(|address| address.parse::<IpAddr>().ok()));
            if let Some(port) = port.and_then(|port| port.parse::<u16>().ok()) {
                ports.extend([Some(port), port.checked_add(1)].into_iter().flatten());
            }
        };
        for line in body.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            match line.split([':', '=']).collect::<Vec<_>>()[..] {
                ["c", ..] => name(words.last().copied(), None),
                ["m", ..] => name(None, words.get(1).copied()),
                ["a", "candidate", ..] => name(words.get(4).copied(), words.get(5).copied()),
                ["a", "rtcp", port, ..] => name(words.get(3).copied(), port.split(' ').next()),
                ["a", "rtpmap", format, ..] if format.contains("telephone-event") => {
                    let number = format.split(' ').next().and_then(|number| number.parse::<u8>().ok());
                    self.keys.entry(at, host, BTreeSet::new).extend(number);
                }
                _ => {}
            }
        }
    }

    /// Whether the host may know this address.
    fn may_send(&self, host: usize, to: SocketAddr) -> bool {
        let named = self.named.get(&host);
        self.heard.get(&(host, to)).is_some()
            || named.is_some_and(|(addresses, ports)| addresses.contains(&to.ip()) && ports.contains(&to.port()))
    }

    /// The host sends a datagram to this address, itself or by a TURN server.
    fn sends(&mut self, sight: &MediaSight<'_>, to: SocketAddr, data: &Bytes, broken: &mut Violations) {
        match data.first() {
            Some(0..4) => self.sends_stun(sight, to, data, broken),
            // Through a channel; whose it is, is between the host and its server.
            Some(0x40..0x80) => self.sends_media(sight, &data.slice(4..), broken),
            Some(0x80..0xc0) => {
                if !self.may_send(sight.host, to) {
                    broken.add("RTP-1", sight.host, sight.at, format!("media goes to {to}, which nobody named"));
                }
                self.sends_media(sight, data, broken);
            }
            _ => broken.add("RTP-1", sight.host, sight.at, format!("it sends {} to {to}", data.escape_ascii())),
        }
    }

    fn sends_stun(&mut self, sight: &MediaSight<'_>, to: SocketAddr, data: &Bytes, broken: &mut Violations) {
        let MediaSight { at, host, .. } = *sight;
        let Ok(message) = Message::parse(data.clone()) else {
            return broken.add("STN-1", host, at, format!("no STUN: {}", data.escape_ascii()));
        };
        let is_check = message.method() == BINDING && message.attribute(attribute::USERNAME).is_some();
        match message.class() {
            Class::Request => {
                if is_check && !self.may_send(host, to) {
                    broken.add("ICE-2", host, at, format!("a check goes to {to}, which nobody named"));
                }
                let times = self.sent.entry(at, (host, to, message.transaction()), Vec::new);
                times.push(at);
                let pauses: Vec<Duration> = times.windows(2).map(|two| two[1].saturating_since(two[0])).collect();
                let soon = pauses.first().is_some_and(|first| *first + TICK < SHORTEST);
                let uneven = pauses.windows(2).any(|two| two[1] + TICK * 2 < two[0] * 2);
                if soon || uneven || times.len() > SENDS {
                    broken.add("STN-1", host, at, format!("a request is repeated after {pauses:?}"));
                }
            }
            Class::Success | Class::Error => {
                if self.asked.get(&(host, to, message.transaction())).is_none() {
                    broken.add("STN-1", host, at, format!("{to} is answered and has not asked"));
                }
            }
            Class::Indication if message.method() == SEND => {
                let peer = message.xor_address(attribute::XOR_PEER_ADDRESS);
                if let (Some(peer), Some(data)) = (peer, message.slice(attribute::DATA))
                    && data.first().is_some_and(|first| (0x80..0xc0).contains(first))
                {
                    if !self.may_send(host, peer) {
                        broken.add("RTP-1", host, at, format!("media is relayed to {peer}, which nobody named"));
                    }
                    self.sends_media(sight, &data, broken);
                }
            }
            Class::Indication => {}
        }
    }

    fn sends_media(&mut self, sight: &MediaSight<'_>, data: &Bytes, broken: &mut Violations) {
        let MediaSight { at, host, .. } = *sight;
        if data.first().is_none_or(|first| first >> 6 != 2) {
            return;
        }
        if is_rtcp(data) {
            return self.sends_control(sight, data, broken);
        }
        let Some([_, kind, n0, n1, t0, t1, t2, t3, s0, s1, s2, s3]) = data.first_chunk::<HEADER>().copied() else {
            return broken.add("RTP-1", host, at, format!("too short: {}", data.escape_ascii()));
        };
        let (number, ssrc) = (u16::from_be_bytes([n0, n1]), u32::from_be_bytes([s0, s1, s2, s3]));
        let before = self.numbers.get(&(host, ssrc)).copied();
        if before.is_some_and(|before| number != before.wrapping_add(1)) {
            broken.add("SRT-1", host, at, format!("number {number} follows {before:?} under {ssrc:08x}"));
        }
        self.numbers.put(at, (host, ssrc), number);
        let is_event = self.keys.get(&host).is_some_and(|keys| keys.contains(&(kind & 0x7f)));
        if let (true, Some(&[_, flags, d0, d1])) = (is_event, data.get(HEADER..).and_then(|event| event.first_chunk()))
            && data.len() == HEADER + EVENT
        {
            let duration = u16::from_be_bytes([d0, d1]);
            let key = Key { timestamp: u32::from_be_bytes([t0, t1, t2, t3]), duration, ends: flags >> 7 };
            self.sends_key(sight, ssrc, kind & 0x80 != 0, key, broken);
        }
    }

    fn sends_key(&mut self, sight: &MediaSight<'_>, ssrc: u32, marked: bool, mut key: Key, broken: &mut Violations) {
        let MediaSight { at, host, .. } = *sight;
        let before = self.events.get(&(host, ssrc)).copied();
        let same = before.filter(|before| before.timestamp == key.timestamp);
        let continued =
            before.is_some_and(|before| key.timestamp == before.timestamp.wrapping_add(before.duration.into()));
        let wrong = match same {
            Some(before) => {
                let shorter = key.duration < before.duration;
                let went_on = before.ends > 0 && (key.ends == 0 || key.duration != before.duration);
                key.ends += before.ends;
                marked || shorter || went_on || key.ends > ENDS
            }
            None => !marked && !continued,
        };
        if wrong {
            broken.add("DTM-1", host, at, format!("{key:?}, marked: {marked}, after {before:?}"));
        }
        self.events.put(at, (host, ssrc), key);
    }

    fn sends_control(&mut self, sight: &MediaSight<'_>, data: &Bytes, broken: &mut Violations) {
        let MediaSight { at, host, .. } = *sight;
        let Some([_, _, _, _, s0, s1, s2, s3]) = data.first_chunk::<8>().copied() else {
            return broken.add("RTP-1", host, at, format!("too short: {}", data.escape_ascii()));
        };
        let ssrc = u32::from_be_bytes([s0, s1, s2, s3]);
        let before = self.control.get(&(host, ssrc)).copied();
        if before.is_some_and(|before| before.over) {
            broken.add("RTP-1", host, at, "control packets follow one another too soon");
        }
        let over = before.is_some_and(|before| at.saturating_since(before.last) < CLOSEST);
        self.control.put(at, (host, ssrc), Control { last: at, over });
    }
}
