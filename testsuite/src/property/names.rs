//! DNS: questions to name servers, as they stand on the wire (RFC 1035 sections 4.1 and 7.3, RFC 5452 section 9).
//!
//! - DNS-7: one question in a message, under an id that nobody can guess, from a socket of its own; it is sent again as it was, not more often
//!   nor sooner than the first time, and never after its answer.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use sipsimple_core::time::Instant;

use crate::dns::read_name;
use crate::wire::Fate;

use super::{Memory, Property, Violations};

/// A datagram between a host and a name server.
#[derive(Clone, Copy, Debug)]
pub struct NameSight<'a> {
    /// When.
    pub at: Instant,
    /// Whether it was sent or arrived.
    pub fate: Fate,
    /// The host.
    pub host: usize,
    /// Its sender.
    pub from: SocketAddr,
    /// Whom it is for.
    pub to: SocketAddr,
    /// What it says.
    pub data: &'a [u8],
}

/// How often a server is asked the same in a row.
const SENDS: usize = 3;

/// The least pause before a question is sent again.
const SHORTEST: Duration = Duration::from_millis(10);

/// From so many questions on it is judged how their ids are chosen.
const MANY: usize = 16;

/// A question that a server was asked from one socket.
#[derive(Clone, Debug)]
struct Asked {
    data: Vec<u8>,
    sent: Vec<Instant>,
    answered: bool,
}

/// Watches questions to name servers.
#[derive(Debug, Default)]
pub struct Names {
    asked: Memory<(usize, SocketAddr, SocketAddr), Asked>,
    /// Whom each socket has asked.
    sockets: Memory<(usize, SocketAddr), SocketAddr>,
    /// The ids of each host, in order.
    ids: BTreeMap<usize, Vec<u16>>,
}

fn word(data: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*data.get(at)?, *data.get(at + 1)?]))
}

/// The name, the type and the class of the first question, in lower case.
fn question(data: &[u8]) -> Option<Vec<u8>> {
    let (_, end) = read_name(data, 12)?;
    Some(data.get(12..end + 4)?.to_ascii_lowercase())
}

impl Property for Names {
    fn named(&mut self, sight: &NameSight<'_>, broken: &mut Violations) {
        match sight.fate {
            Fate::Sent => self.asks(sight, broken),
            Fate::Arrived => self.hears(sight),
        }
    }

    fn finished(&mut self, now: Instant, broken: &mut Violations) {
        for (host, ids) in std::mem::take(&mut self.ids).into_iter().filter(|(_, ids)| ids.len() >= MANY) {
            let mut different = ids.clone();
            different.sort_unstable();
            different.dedup();
            let steps = ids.windows(2).filter(|pair| pair[1].wrapping_sub(pair[0]) <= 1).count();
            if different.len() * 4 < ids.len() * 3 || steps * 4 > ids.len() {
                broken.add("DNS-7", host, now, format!("its ids can be guessed: {ids:?}"));
            }
        }
    }
}

impl Names {
    fn asks(&mut self, sight: &NameSight<'_>, broken: &mut Violations) {
        let NameSight { at, host, from, to, data, .. } = *sight;
        let mut unless = |holds: bool, why: &str| {
            if !holds {
                broken.add("DNS-7", host, at, format!("{why}: {from} → {to} {}", data.escape_ascii()));
            }
        };
        // A query, of the standard kind, with one question and no records but what EDNS adds.
        let plain = word(data, 2).is_some_and(|flags| flags & 0xf800 == 0)
            && (word(data, 4), word(data, 6), word(data, 8)) == (Some(1), Some(0), Some(0))
            && question(data).is_some();
        unless(plain, "it is not one question");
        let other = self.sockets.get(&(host, from)).is_some_and(|known| *known != to);
        unless(!other, "the socket has asked another server");
        self.sockets.put(at, (host, from), to);
        let asked = self.asked.get_mut(at, &(host, from, to)).filter(|asked| asked.data == data);
        let Some(asked) = asked else {
            self.ids.entry(host).or_default().extend(word(data, 0));
            let asked = Asked { data: data.to_vec(), sent: vec![at], answered: false };
            self.asked.put(at, (host, from, to), asked);
            return;
        };
        unless(!asked.answered, "it has its answer");
        asked.sent.push(at);
        let pauses: Vec<Duration> = asked.sent.windows(2).map(|pair| pair[1].saturating_since(pair[0])).collect();
        let first = pauses.first().copied().unwrap_or_default();
        unless(first >= SHORTEST && pauses.iter().all(|pause| *pause >= first), "it is sent again too soon");
        let row = pauses.iter().rev().take_while(|pause| **pause == first).count() + 1;
        unless(row <= SENDS, "it is sent again too often");
    }

    /// Something came from where a question went: if it answers it, that is the end of it.
    fn hears(&mut self, sight: &NameSight<'_>) {
        let NameSight { at, host, from, to, data, .. } = *sight;
        let Some(asked) = self.asked.get_mut(at, &(host, to, from)) else { return };
        let Some(flags) = word(data, 2) else { return };
        let same = word(data, 0) == word(&asked.data, 0) && question(data) == question(&asked.data);
        // A response, not truncated, that has found something or says that there is nothing.
        let good = flags & 0x8000 != 0 && flags & 0x0200 == 0 && matches!(flags & 0xf, 0 | 3);
        asked.answered |= same && good;
    }
}
