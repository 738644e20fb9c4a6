//! A scripted name server: a zone, and what goes wrong when it answers. Its messages are read and written here, without the core's help.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;

use sipsimple_core::id::ConnId;
use sipsimple_core::random::Random;
use sipsimple_core::time::Instant;
use sipsimple_core::transport::CloseHow;

use crate::post::Letter;
use crate::script::{Script, Turn, Way};

/// The address that every lie tells.
pub const LIE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 66);

/// The types of record that a zone may hold, as zone files and messages have them.
const KINDS: [(&str, u16); 8] =
    [("A", 1), ("NS", 2), ("CNAME", 5), ("SOA", 6), ("TXT", 16), ("AAAA", 28), ("SRV", 33), ("NAPTR", 35)];

const CNAME: u16 = 5;

/// What goes wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// It never comes.
    Silence,
    /// It comes after two seconds.
    Late,
    /// It comes twice.
    Twice,
    /// It does not fit into a datagram, whatever its size.
    Truncation,
    /// It says that the server has failed.
    Failure,
    /// It says that the server refuses.
    Refusal,
    /// It is noise.
    Garbage,
    /// It breaks off.
    Cut,
    /// A name in it points at itself.
    Loop,
    /// A lie with another id comes before it.
    WrongId,
    /// A lie that answers another question comes before it.
    WrongQuestion,
    /// A lie from another address comes before it.
    Spoof,
    /// The connection is closed instead.
    Close,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Silence,
        Self::Late,
        Self::Twice,
        Self::Truncation,
        Self::Failure,
        Self::Refusal,
        Self::Garbage,
        Self::Cut,
        Self::Loop,
        Self::WrongId,
        Self::WrongQuestion,
        Self::Spoof,
        Self::Close,
    ];
}

/// A query that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// When.
    pub at: Instant,
    /// Where from; of a connection, the name of that.
    pub from: Result<SocketAddr, ConnId>,
    /// Its id.
    pub id: u16,
    /// The name.
    pub name: String,
    /// The type of record.
    pub kind: &'static str,
}

/// The records of a name server, by name and type.
#[derive(Clone, Debug, Default)]
pub struct Zone {
    records: BTreeMap<(String, u16), Vec<Vec<u8>>>,
}

impl Zone {
    /// Reads lines of `NAME TYPE DATA`; `-` is an empty string.
    ///
    /// # Panics
    /// When a line is none.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut zone = Self::default();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let kind = KINDS.iter().find(|(name, _)| *name == words[1]).expect("a type of record").1;
            zone.records.entry((words[0].to_owned(), kind)).or_default().push(rdata(kind, &words[2..]));
        }
        zone
    }

    /// The answer to a query: its id and question, and the records. `None` when it is no query.
    #[must_use]
    pub fn respond(&self, query: &[u8]) -> Option<Vec<u8>> {
        let (name, end) = read_name(query, 12)?;
        let kind = u16::from_be_bytes([*query.get(end)?, *query.get(end + 1)?]);
        let id = u16::from_be_bytes([*query.first()?, *query.get(1)?]);
        Some(self.answer(id, &name, kind, query.get(12..end + 4)?))
    }

    fn answer(&self, id: u16, name: &str, kind: u16, question: &[u8]) -> Vec<u8> {
        let found = self.find(name, kind);
        let code = if found.is_empty() && !self.exists(name) { 3 } else { 0 };
        let mut message = header(id, 0x8580 | code, found.len(), usize::from(found.is_empty()));
        message.extend_from_slice(question);
        for (owner, kind, data) in &found {
            // The question's name is there already.
            let owner = if owner == name { vec![0xc0, 12] } else { wire_name(owner) };
            record(&mut message, &owner, *kind, data);
        }
        if found.is_empty() {
            let mut soa = vec![0, 0];
            for number in [1_u32, 3600, 600, 86_400, 30] {
                soa.extend_from_slice(&number.to_be_bytes());
            }
            record(&mut message, &[0], 6, &soa);
        }
        message
    }

    /// The records of a name and the aliases that lead to them: owner, type and data.
    fn find(&self, name: &str, kind: u16) -> Vec<(String, u16, Vec<u8>)> {
        let mut found = Vec::new();
        let mut name = name.to_owned();
        for _ in 0..16 {
            if let Some(records) = self.records.get(&(name.clone(), kind)) {
                found.extend(records.iter().map(|data| (name.clone(), kind, data.clone())));
                return found;
            }
            let alias = self.records.get(&(name.clone(), CNAME)).and_then(|records| records.first());
            let Some(alias) = alias else { return found };
            found.push((name.clone(), CNAME, alias.clone()));
            name = read_name(alias, 0).map(|(name, _)| name).unwrap_or_default();
        }
        found
    }

    fn exists(&self, name: &str) -> bool {
        self.records.keys().any(|(known, _)| known == name || known.ends_with(&format!(".{name}")))
    }
}

/// What all servers of a world have heard, in order.
pub type Log = Rc<RefCell<Vec<Query>>>;

/// A name server.
#[derive(Debug)]
pub struct NameServer {
    zone: Zone,
    /// The faults that come up, each with its chance in a million.
    faults: Vec<(Fault, u32)>,
    random: Random,
    log: Log,
    streams: BTreeMap<ConnId, Vec<u8>>,
}

impl NameServer {
    /// A server of this zone. Its faults are drawn from `random`, one at most for each query.
    #[must_use]
    pub fn new(zone: Zone, faults: Vec<(Fault, u32)>, random: Random, log: Log) -> Self {
        Self { zone, faults, random, log, streams: BTreeMap::new() }
    }

    fn query(&mut self, way: Way, data: &[u8], turn: &mut Turn) {
        let Some((name, end)) = read_name(data, 12) else { return };
        let kind = u16::from_be_bytes([data[end], data[end + 1]]);
        let id = u16::from_be_bytes([data[0], data[1]]);
        let from = match way {
            Way::Datagram(from) => Ok(from),
            Way::Stream(conn) => Err(conn),
        };
        let shown = KINDS.iter().find(|(_, number)| *number == kind).map_or("?", |(name, _)| name);
        self.log.borrow_mut().push(Query { at: turn.now, from, id, name: name.clone(), kind: shown });
        let question = &data[12..end + 4];
        let good = self.zone.answer(id, &name, kind, question);
        let fault = self.faults.iter().find(|(_, chance)| self.random.one_in_million(*chance)).map(|(fault, _)| *fault);
        Self::send(way, fault, id, question, good, turn);
    }

    fn send(way: Way, fault: Option<Fault>, id: u16, question: &[u8], good: Vec<u8>, turn: &mut Turn) {
        let stream = matches!(way, Way::Stream(_));
        let frame = |data: Vec<u8>| {
            let length = u16::try_from(data.len()).unwrap_or(u16::MAX).to_be_bytes();
            if stream { Bytes::from([&length[..], &data].concat()) } else { Bytes::from(data) }
        };
        let lie = |id: u16, question: &[u8]| {
            let mut message = header(id, 0x8580, 1, 0);
            message.extend_from_slice(question);
            record(&mut message, &[0xc0, 12], 1, &LIE.octets());
            message
        };
        let short = |code: u16| [header(id, 0x8580 | code, 0, 0), question.to_vec()].concat();
        let answer = match fault {
            Some(Fault::Silence) => return,
            Some(Fault::Late) => return turn.send_after(Duration::from_secs(2), way, frame(good)),
            Some(Fault::Truncation) if !stream => short(0x0200),
            Some(Fault::Failure) => short(2),
            Some(Fault::Refusal) => short(5),
            Some(Fault::Garbage) => [&id.to_be_bytes()[..], &[0xff; 40]].concat(),
            Some(Fault::Cut) => good[..good.len() - 3].to_vec(),
            Some(Fault::Loop) => {
                let mut message = [header(id, 0x8580, 1, 0), question.to_vec()].concat();
                let here = u16::try_from(message.len()).unwrap_or_default() | 0xc000;
                record(&mut message, &here.to_be_bytes(), 1, &LIE.octets());
                message
            }
            Some(Fault::Close) => {
                if let Way::Stream(conn) = way {
                    turn.close(conn, CloseHow::Flush);
                    return;
                }
                good
            }
            Some(Fault::WrongId) => {
                turn.send(way, frame(lie(id ^ 1, question)));
                good
            }
            Some(Fault::WrongQuestion) => {
                turn.send(way, frame(lie(id, b"\x05other\x04test\0\0\x01\0\x01")));
                good
            }
            Some(Fault::Twice) => {
                turn.send(way, frame(good.clone()));
                good
            }
            Some(Fault::Spoof) => {
                if let Way::Datagram(to) = way {
                    turn.inject(SocketAddr::new(turn.own.ip(), 5353), to, lie(id, question));
                }
                good
            }
            Some(Fault::Truncation) | None => good,
        };
        turn.send(way, frame(answer));
    }
}

impl Script for NameServer {
    fn got(&mut self, _: &Letter, _: &mut Turn) {}

    fn data(&mut self, way: Way, data: &Bytes, turn: &mut Turn) {
        let Way::Stream(conn) = way else {
            self.query(way, data, turn);
            return;
        };
        let buffer = self.streams.entry(conn).or_default();
        buffer.extend_from_slice(data);
        while let Some((length, rest)) = self.streams.get(&conn).and_then(|buffer| buffer.split_first_chunk::<2>()) {
            let length = usize::from(u16::from_be_bytes(*length));
            let Some(message) = rest.get(..length).map(<[u8]>::to_vec) else { break };
            self.streams.entry(conn).or_default().drain(..length + 2);
            self.query(way, &message, turn);
        }
    }

    fn closed(&mut self, conn: ConnId, _: &mut Turn) {
        self.streams.remove(&conn);
    }
}

fn header(id: u16, flags: u16, answers: usize, authority: usize) -> Vec<u8> {
    let count = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
    let words = [id, flags, 1, count(answers), count(authority), 0];
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

fn record(message: &mut Vec<u8>, owner: &[u8], kind: u16, data: &[u8]) {
    message.extend_from_slice(owner);
    message.extend_from_slice(&kind.to_be_bytes());
    message.extend_from_slice(&[0, 1, 0, 0, 0, 60]);
    message.extend_from_slice(&u16::try_from(data.len()).unwrap_or(u16::MAX).to_be_bytes());
    message.extend_from_slice(data);
}

/// The name without pointers that begins at `at`, and where it ends.
pub(crate) fn read_name(data: &[u8], mut at: usize) -> Option<(String, usize)> {
    let mut labels = Vec::new();
    loop {
        let length = usize::from(*data.get(at)?);
        if length == 0 {
            return Some((labels.join("."), at + 1));
        }
        labels.push(String::from_utf8_lossy(data.get(at + 1..at + 1 + length)?).to_ascii_lowercase());
        at += length + 1;
    }
}

fn wire_name(name: &str) -> Vec<u8> {
    let mut data = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        data.push(u8::try_from(label.len()).expect("a short label"));
        data.extend_from_slice(label.as_bytes());
    }
    data.push(0);
    data
}

/// The data of a record from its words in a zone file.
fn rdata(kind: u16, words: &[&str]) -> Vec<u8> {
    let numbers = |count: usize| {
        let number = |word: &&str| word.parse::<u16>().expect("a number").to_be_bytes();
        words[..count].iter().flat_map(number).collect::<Vec<u8>>()
    };
    let string = |word: &str| {
        let word = if word == "-" { "" } else { word };
        [&[u8::try_from(word.len()).expect("a short string")], word.as_bytes()].concat()
    };
    match kind {
        1 | 28 => match words[0].parse().expect("an address") {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        },
        16 => words.iter().flat_map(|word| string(word)).collect(),
        33 => [numbers(3), wire_name(words[3])].concat(),
        35 => {
            let strings: Vec<u8> = words[2..5].iter().flat_map(|word| string(word)).collect();
            [numbers(2), strings, wire_name(words[5])].concat()
        }
        _ => wire_name(words[0]),
    }
}
