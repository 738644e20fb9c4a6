//! Messages on the wire (RFC 1035 section 4), by the codec of simple-dns.
//!
//! What comes is hostile until it is read whole: a message with one fault is refused, never used in part. The codec follows compression
//! pointers backwards only and refuses names over 255 octets (RFC 9267). What it would have to make room for is counted here before it
//! begins, and so are the pointers that lead to pointers: the work is linear in the length of the message.

use std::net::{Ipv4Addr, Ipv6Addr};

use bytes::Bytes;
use simple_dns::rdata::{NAPTR, RData, SRV};
use simple_dns::{CLASS, CharacterString, Packet, PacketFlag, QCLASS, QTYPE, Question, ResourceRecord, TYPE};

use super::{Data, Kind, Name, Naptr, Record, Srv};
use crate::limits::Limits;
use crate::sip::Text;

/// The port of name servers.
pub const PORT: u16 = 53;

/// The most seconds that an answer is kept.
pub const MAX_TTL: u32 = 3600;

/// The bytes of a header, of the shortest question and of the shortest record.
const HEADER: usize = 12;
const QUESTION: usize = 5;
const RECORD: usize = 11;

/// The places that a pointer can lead to.
const POINTABLE: usize = 1 << 14;

/// The most pointers that may follow each other.
const CHAIN: u8 = 16;

/// A response that was read whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The id of the query.
    pub id: u16,
    /// How it went.
    pub code: Code,
    /// Whether the rest did not fit: the answer is to be had over TCP.
    pub truncated: bool,
    /// The one question that it answers; `None` when it holds none, several, or one of another kind.
    pub question: Option<(Name, Kind)>,
    /// What was asked for, with the aliases that lead there.
    pub answers: Vec<Record>,
    /// The zone that speaks.
    pub authority: Vec<Record>,
    /// What will be asked next.
    pub additional: Vec<Record>,
}

/// How a query went (RFC 1035 section 4.1.1, RCODE).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// It was answered.
    NoError,
    /// The name does not exist.
    NameError,
    /// The server cannot, or will not, answer.
    Failure(u8),
}

/// Why a message is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// It is longer than [`Limits::dns_message`].
    #[error("the message has {0} bytes")]
    TooLarge(usize),
    /// It says that it holds more records than fit into it, or than [`Limits::dns_records`].
    #[error("the message says that it holds {0} records")]
    TooManyRecords(usize),
    /// It is a query.
    #[error("the message is no response")]
    NoResponse,
    /// It cannot be taken apart.
    #[error("the message is malformed")]
    Malformed,
}

/// A query, which asks the server to ask further servers where it must.
///
/// # Errors
/// When the name does not fit on the wire, which no [`Name`] does.
pub fn query(id: u16, name: &Name, kind: Kind) -> Result<Bytes, WireError> {
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let name = name.on_wire().map_err(|_| WireError::Malformed)?;
    packet.questions.push(Question::new(name, QTYPE::TYPE(kind.on_wire()), QCLASS::CLASS(CLASS::IN), false));
    packet.build_bytes_vec().map(Bytes::from).map_err(|_| WireError::Malformed)
}

/// The query as it goes over TCP: with its length in front (RFC 1035 section 4.2.2).
#[must_use]
pub fn framed(message: &[u8]) -> Bytes {
    let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes()[..], message].concat().into()
}

/// The first whole message of what came over TCP, and how many bytes it took.
#[must_use]
pub fn unframed(data: &[u8]) -> Option<(&[u8], usize)> {
    let (length, rest) = data.split_first_chunk::<2>()?;
    let length = usize::from(u16::from_be_bytes(*length));
    Some((rest.get(..length)?, length + 2))
}

/// The id of a message.
#[must_use]
pub fn id(data: &[u8]) -> Option<u16> {
    data.first_chunk::<2>().map(|id| u16::from_be_bytes(*id))
}

/// Reads a response.
///
/// # Errors
/// See [`WireError`].
pub fn response(data: &[u8], limits: &Limits) -> Result<Response, WireError> {
    check_counts(data, limits)?;
    check_pointers(data)?;
    let packet = Packet::parse(data).map_err(|_| WireError::Malformed)?;
    if !packet.has_flags(PacketFlag::RESPONSE) {
        return Err(WireError::NoResponse);
    }
    let question = match packet.questions.as_slice() {
        [question] => asked(question),
        _ => None,
    };
    Ok(Response {
        id: packet.id(),
        code: match data.get(3).map_or(0, |flags| flags & 15) {
            0 => Code::NoError,
            3 => Code::NameError,
            code => Code::Failure(code),
        },
        truncated: packet.has_flags(PacketFlag::TRUNCATION),
        question,
        answers: records(&packet.answers)?,
        authority: records(&packet.name_servers)?,
        additional: records(&packet.additional_records)?,
    })
}

/// Refuses what says that it holds more than it can.
fn check_counts(data: &[u8], limits: &Limits) -> Result<(), WireError> {
    if data.len() > limits.dns_message {
        return Err(WireError::TooLarge(data.len()));
    }
    let header = data.get(..HEADER).ok_or(WireError::Malformed)?;
    let mut counts = header.chunks_exact(2).skip(2).map(|count| match count {
        [high, low] => usize::from(u16::from_be_bytes([*high, *low])),
        _ => 0,
    });
    let questions = counts.next().unwrap_or_default();
    let records: usize = counts.sum();
    let fit = questions * QUESTION + records * RECORD <= data.len() - HEADER;
    if !fit || questions + records > limits.dns_records {
        return Err(WireError::TooManyRecords(questions + records));
    }
    Ok(())
}

/// Refuses chains of pointers. No sound message has a pointer that leads to a pointer more than once or twice; thousands of them, which fit,
/// would cost that many steps for each name that leads there.
fn check_pointers(data: &[u8]) -> Result<(), WireError> {
    let data = data.get(..data.len().min(POINTABLE)).unwrap_or_default();
    // How many pointers follow each other from each place on. Those lead back, so the places that they lead to are known.
    let mut chains = vec![0_u8; data.len()];
    for (at, bytes) in data.windows(2).enumerate() {
        let [high @ 0xc0..=0xff, low] = bytes else { continue };
        let to = usize::from(u16::from_be_bytes([high & 0x3f, *low]));
        let before = if to < at { chains.get(to).copied().unwrap_or(0) } else { 0 };
        if before >= CHAIN {
            return Err(WireError::Malformed);
        }
        if let Some(chain) = chains.get_mut(at) {
            *chain = before + 1;
        }
    }
    Ok(())
}

fn asked(question: &Question<'_>) -> Option<(Name, Kind)> {
    const KINDS: [Kind; 6] = [Kind::A, Kind::Aaaa, Kind::Ns, Kind::Naptr, Kind::Srv, Kind::Txt];
    let kind = KINDS.into_iter().find(|kind| question.qtype == QTYPE::TYPE(kind.on_wire()))?;
    if question.qclass != QCLASS::CLASS(CLASS::IN) {
        return None;
    }
    Some((name(&question.qname)?, kind))
}

fn records(section: &[ResourceRecord<'_>]) -> Result<Vec<Record>, WireError> {
    let mut records = Vec::new();
    for record in section.iter().filter(|record| record.class == CLASS::IN) {
        if let Some(data) = data(&record.rdata)? {
            let name = name(&record.name).ok_or(WireError::Malformed)?;
            records.push(Record { name, ttl: ttl(record.ttl), data });
        }
    }
    Ok(records)
}

/// The types of record that are read, none of which can be empty.
const NEVER_EMPTY: [TYPE; 8] =
    [TYPE::A, TYPE::AAAA, TYPE::CNAME, TYPE::NS, TYPE::SOA, TYPE::SRV, TYPE::NAPTR, TYPE::TXT];

/// What a record says; `None` of types that are of no use here.
#[expect(clippy::wildcard_enum_match_arm, reason = "the codec knows forty types")]
fn data(data: &RData<'_>) -> Result<Option<Data>, WireError> {
    let read = match data {
        RData::A(a) => Some(Data::A(Ipv4Addr::from(a.address))),
        RData::AAAA(aaaa) => Some(Data::Aaaa(Ipv6Addr::from(aaaa.address))),
        RData::CNAME(cname) => name(cname).map(Data::Cname),
        RData::NS(ns) => name(ns).map(Data::Ns),
        RData::SOA(soa) => Some(Data::Soa { minimum: ttl(soa.minimum) }),
        RData::SRV(srv) => server(srv).map(Data::Srv),
        RData::NAPTR(naptr) => rule(naptr).map(Data::Naptr),
        RData::TXT(txt) => Some(Data::Txt(txt.iter_raw().map(|(key, value)| string(key, value)).collect())),
        RData::Empty(kind) if NEVER_EMPTY.contains(kind) => None,
        _ => return Ok(None),
    };
    read.map(Some).ok_or(WireError::Malformed)
}

fn name(name: &simple_dns::Name<'_>) -> Option<Name> {
    Name::from_labels(name.as_bytes())
}

fn server(srv: &SRV<'_>) -> Option<Srv> {
    Some(Srv { priority: srv.priority, weight: srv.weight, port: srv.port, target: name(&srv.target)? })
}

fn rule(naptr: &NAPTR<'_>) -> Option<Naptr> {
    let text = |string: &CharacterString<'_>| Text::from(string.to_string());
    Some(Naptr {
        order: naptr.order,
        preference: naptr.preference,
        flags: text(&naptr.flags),
        services: text(&naptr.services),
        regexp: text(&naptr.regexp),
        replacement: name(&naptr.replacement)?,
    })
}

/// A string of a TXT record, which the codec splits at its first `=`.
fn string(key: &[u8], value: Option<&[u8]>) -> Text {
    let whole = match value {
        Some(value) => [key, b"=", value].concat(),
        None => key.to_vec(),
    };
    Text::from_utf8_lossy(Bytes::from(whole))
}

/// A time to live: one with the highest bit set counts as 0 (RFC 2181 section 8), and none is longer than an hour.
fn ttl(seconds: u32) -> u32 {
    if i32::try_from(seconds).is_err() { 0 } else { seconds.min(MAX_TTL) }
}

/// Whether a response says that the rest of it did not fit. It may break off anywhere.
pub(super) fn is_truncated(data: &[u8]) -> bool {
    data.get(2).is_some_and(|flags| flags & 0b1000_0010 == 0b1000_0010)
}
