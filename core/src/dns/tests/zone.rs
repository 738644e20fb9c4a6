//! A zone as text, and what a name server would answer from it.

use super::super::{Data, Kind, Name, Naptr, Record, Srv, wire};
use crate::sip::Text;

/// Records.
#[derive(Clone, Debug, Default)]
pub(crate) struct Zone {
    pub(crate) records: Vec<Record>,
}

/// A query, as a server reads it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) id: u16,
    pub(crate) name: Name,
    pub(crate) kind: Kind,
}

/// RCODE of a name that does not exist.
pub(crate) const NXDOMAIN: u8 = 3;

impl Zone {
    /// Reads lines of `NAME TYPE DATA`; `-` is an empty string.
    pub(crate) fn parse(text: &str) -> Self {
        let records = text.lines().map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let number = |at: usize| words[at].parse().unwrap();
            let name = |at: usize| Name::parse(words[at]).unwrap();
            let text = |at: usize| if words[at] == "-" { Text::new() } else { Text::from(words[at]) };
            let data = match words[1] {
                "A" => Data::A(words[2].parse().unwrap()),
                "AAAA" => Data::Aaaa(words[2].parse().unwrap()),
                "CNAME" => Data::Cname(name(2)),
                "NS" => Data::Ns(name(2)),
                "SRV" => Data::Srv(Srv { priority: number(2), weight: number(3), port: number(4), target: name(5) }),
                "NAPTR" => Data::Naptr(Naptr {
                    order: number(2),
                    preference: number(3),
                    flags: text(4),
                    services: text(5),
                    regexp: text(6),
                    replacement: name(7),
                }),
                "TXT" => Data::Txt(words[2].split('|').map(Text::from).collect()),
                other => panic!("{other}"),
            };
            Record { name: name(0), ttl: 60, data }
        });
        Self { records: records.collect() }
    }

    /// The records of a name, with the aliases that lead to them.
    pub(crate) fn find(&self, name: &Name, kind: Kind) -> Vec<Record> {
        let mut found = Vec::new();
        let mut current = name.clone();
        for _ in 0..20 {
            let own = |record: &&Record| record.name == current;
            let records: Vec<Record> =
                self.records.iter().filter(own).filter(|record| record.data.is(kind)).cloned().collect();
            if !records.is_empty() {
                found.extend(records);
                return found;
            }
            let alias = self.records.iter().filter(own).find(|record| matches!(record.data, Data::Cname(_)));
            let Some(alias) = alias else { return found };
            found.push(alias.clone());
            let Data::Cname(to) = &alias.data else { unreachable!() };
            current = to.clone();
        }
        found
    }

    pub(crate) fn exists(&self, name: &Name) -> bool {
        self.records.iter().any(|record| record.name.is_within(name))
    }

    /// What a server that knows this zone answers.
    pub(crate) fn respond(&self, asked: &Asked) -> Vec<u8> {
        let answers = self.find(&asked.name, asked.kind);
        let code = if answers.is_empty() && !self.exists(&asked.name) { NXDOMAIN } else { 0 };
        let soa = Record { name: Name::parse("test").unwrap(), ttl: 300, data: Data::Soa { minimum: 30 } };
        let authority = if answers.iter().any(|record| record.data.is(asked.kind)) { vec![] } else { vec![soa] };
        message(asked, code, &answers, &authority, &[])
    }
}

/// Reads a query.
pub(crate) fn asked(query: &[u8]) -> Asked {
    let packet = simple_dns::Packet::parse(query).unwrap();
    assert!(!packet.has_flags(simple_dns::PacketFlag::RESPONSE));
    assert!(packet.has_flags(simple_dns::PacketFlag::RECURSION_DESIRED));
    assert_eq!(packet.questions.len(), 1);
    let question = &packet.questions[0];
    let kinds = [Kind::A, Kind::Aaaa, Kind::Ns, Kind::Naptr, Kind::Srv, Kind::Txt];
    let kind = kinds.into_iter().find(|kind| question.qtype == simple_dns::QTYPE::TYPE(kind.on_wire())).unwrap();
    Asked { id: packet.id(), name: Name::parse(&question.qname.to_string()).unwrap(), kind }
}

/// A response with this RCODE and these records, without compression.
pub(crate) fn message(
    asked: &Asked,
    code: u8,
    answers: &[Record],
    authority: &[Record],
    additional: &[Record],
) -> Vec<u8> {
    let mut data = wire::query(asked.id, &asked.name, asked.kind).unwrap().to_vec();
    data[2] |= 0x80;
    data[3] = 0x80 | code;
    for (place, section) in [answers, authority, additional].into_iter().enumerate() {
        let count = u16::try_from(section.len()).unwrap().to_be_bytes();
        data[6 + 2 * place..8 + 2 * place].copy_from_slice(&count);
        for record in section {
            write(&mut data, record);
        }
    }
    data
}

pub(crate) fn write_name(data: &mut Vec<u8>, name: &Name) {
    for label in name.as_str().split('.').filter(|label| !label.is_empty()) {
        data.push(u8::try_from(label.len()).unwrap());
        data.extend_from_slice(label.as_bytes());
    }
    data.push(0);
}

fn write(data: &mut Vec<u8>, record: &Record) {
    let string = |data: &mut Vec<u8>, text: &Text| {
        data.push(u8::try_from(text.len()).unwrap());
        data.extend_from_slice(text.as_bytes());
    };
    let mut rdata = Vec::new();
    let kind: u16 = match &record.data {
        Data::A(address) => {
            rdata.extend_from_slice(&address.octets());
            1
        }
        Data::Aaaa(address) => {
            rdata.extend_from_slice(&address.octets());
            28
        }
        Data::Cname(name) => {
            write_name(&mut rdata, name);
            5
        }
        Data::Ns(name) => {
            write_name(&mut rdata, name);
            2
        }
        Data::Soa { minimum } => {
            rdata.extend_from_slice(&[0, 0]);
            for number in [1, 3600, 600, 86_400, *minimum] {
                rdata.extend_from_slice(&number.to_be_bytes());
            }
            6
        }
        Data::Srv(srv) => {
            for number in [srv.priority, srv.weight, srv.port] {
                rdata.extend_from_slice(&number.to_be_bytes());
            }
            write_name(&mut rdata, &srv.target);
            33
        }
        Data::Naptr(naptr) => {
            for number in [naptr.order, naptr.preference] {
                rdata.extend_from_slice(&number.to_be_bytes());
            }
            for text in [&naptr.flags, &naptr.services, &naptr.regexp] {
                string(&mut rdata, text);
            }
            write_name(&mut rdata, &naptr.replacement);
            35
        }
        Data::Txt(strings) => {
            strings.iter().for_each(|text| string(&mut rdata, text));
            16
        }
    };
    write_name(data, &record.name);
    data.extend_from_slice(&kind.to_be_bytes());
    data.extend_from_slice(&1_u16.to_be_bytes());
    data.extend_from_slice(&record.ttl.to_be_bytes());
    data.extend_from_slice(&u16::try_from(rdata.len()).unwrap().to_be_bytes());
    data.extend_from_slice(&rdata);
}
