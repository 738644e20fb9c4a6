//! Class D of hostile inputs: messages that no sound server sends.

use std::time::Duration;

use proptest::prelude::*;

use super::zone::{Asked, message, write_name};
use super::*;
use crate::limits::Limits;
use wire::{WireError, response};

fn read(data: &[u8]) -> Result<wire::Response, WireError> {
    response(data, &Limits::default())
}

/// A response with one answer of type A, whose owner is these bytes, at offset 12.
fn owned_by(owner: &[u8]) -> Vec<u8> {
    let mut data = b"\0\x07\x80\0\0\0\0\x01\0\0\0\0".to_vec();
    data.extend_from_slice(owner);
    data.extend_from_slice(b"\0\x01\0\x01\0\0\0\x3c\0\x04\x7f\0\0\x01");
    data
}

#[test]
fn d1_pointers_that_do_not_lead_back_are_refused() {
    for (what, owner) in [
        ("at itself", &b"\xc0\x0c"[..]),
        ("forward", b"\xc0\x20"),
        ("past the end", b"\xff\xff"),
        ("at itself behind a label", b"\x01a\xc0\x0c"),
        ("at its own second half", b"\xc0\x0d"),
        ("into the header, which holds no name", b"\xc0\x02"),
        ("a label of type 01", b"\x40a\0"),
        ("a label of type 10", b"\x80a\0"),
        ("a label of 64 octets", &[&b"\x40"[..], &[b'a'; 64], b"\0"].concat()),
        ("cut in the middle", b"\xc0"),
    ] {
        assert_eq!(read(&owned_by(owner)), Err(WireError::Malformed), "{what}");
    }
    // Two that point at each other.
    let mut data = owned_by(b"\x01a\xc0\x20");
    data[7] = 2;
    data.extend_from_slice(&[0; 2]);
    data.resize(0x20, 0);
    data.extend_from_slice(b"\x01b\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x7f\0\0\x01");
    assert_eq!(read(&data), Err(WireError::Malformed));
}

#[test]
fn d1_long_names_are_refused_and_chains_cost_no_more_than_their_length() {
    let label = [&[63][..], &[b'a'; 63]].concat();
    assert!(read(&owned_by(&[&label.repeat(3)[..], b"\x3d", &[b'b'; 61], b"\0"].concat())).is_ok());
    assert!(read(&owned_by(&[&label.repeat(4)[..], b"\0"].concat())).is_err());
    // Pointers in a row, each of which leads to the one before, inside a record that may hold anything: a few are followed.
    for (count, followed) in [(1, true), (2, true), (16, true), (17, false), (127, false)] {
        let mut data = b"\0\x07\x80\0\0\0\0\x02\0\0\0\0\x01a\0\0\x10\0\x01\0\0\0\x3c".to_vec();
        let string = u8::try_from(2 * (count - 1)).unwrap();
        data.extend_from_slice(&[0, string + 1, string]);
        let mut last = 12_u16;
        for _ in 1..count {
            let at = u16::try_from(data.len()).unwrap();
            data.extend_from_slice(&(0xc000 | last).to_be_bytes());
            last = at;
        }
        data.extend_from_slice(&(0xc000 | last).to_be_bytes());
        data.extend_from_slice(b"\0\x01\0\x01\0\0\0\x3c\0\x04\x7f\0\0\x01");
        match read(&data) {
            Ok(read) => assert!(followed && read.answers.last().unwrap().name == name("a"), "{count}"),
            Err(error) => assert!(!followed && error == WireError::Malformed, "{count}"),
        }
    }
}

#[test]
fn d2_counts_and_lengths_are_not_believed() {
    let header = |counts: [u16; 4]| {
        let mut data = b"\0\x07\x80\0".to_vec();
        counts.iter().for_each(|count| data.extend_from_slice(&count.to_be_bytes()));
        data
    };
    for counts in [[65_535; 4], [0, 65_535, 0, 0], [65_535, 0, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0]] {
        let all = counts.iter().map(|count| usize::from(*count)).sum();
        assert_eq!(read(&header(counts)), Err(WireError::TooManyRecords(all)));
    }
    let mut padded = header([0, 65_535, 0, 0]);
    padded.resize(64 * 1024, 0);
    assert_eq!(read(&padded), Err(WireError::TooManyRecords(65_535)));
    padded.push(0);
    assert_eq!(read(&padded), Err(WireError::TooLarge(64 * 1024 + 1)));
    let asked = Asked { id: 7, name: name("a.test"), kind: Kind::A };
    let good = message(&asked, 0, &lab().records[4..5], &[], &[]);
    let length = good.len() - 5;
    for wrong in [0_u8, 1, 3, 5, 255] {
        let mut data = good.clone();
        data[length] = wrong;
        assert_eq!(read(&data), Err(WireError::Malformed), "RDLENGTH {wrong}");
    }
}

#[test]
fn d2_records_that_are_empty_or_cut_spoil_the_message() {
    let asked = Asked { id: 7, name: name("a.test"), kind: Kind::A };
    for kind in [1_u16, 2, 5, 6, 16, 28, 33, 35] {
        let mut data = message(&asked, 0, &[], &[], &[]);
        data[7] = 1;
        write_name(&mut data, &name("a.test"));
        data.extend_from_slice(&kind.to_be_bytes());
        data.extend_from_slice(b"\0\x01\0\0\0\x3c\0\0");
        assert_eq!(read(&data), Err(WireError::Malformed), "an empty record of type {kind}");
    }
    let zone = lab();
    let records = &zone.records[..zone.records.len().min(12)];
    let data = message(&asked, 0, records, &[], &[]);
    assert_eq!(read(&data).unwrap().answers.len(), records.len());
    for len in 0..data.len() {
        assert!(read(&data[..len]).is_err(), "cut at {len}");
    }
}

#[test]
fn d3_addresses_of_other_domains_are_not_taken_along() {
    // A server that is asked for a service of evil.test tells where sip.lab.test is. It is asked for that itself.
    let zone = Zone::parse(
        "_sip._udp.evil.test SRV 0 0 5060 sip.lab.test
         sip.lab.test A 192.0.2.1",
    );
    let lie = Zone::parse("sip.lab.test A 203.0.113.66").records;
    let mut script = Script::new(move |_, _, asked| {
        let found = zone.find(&asked.name, asked.kind);
        let additional = if asked.kind == Kind::Srv { lie.as_slice() } else { &[] };
        vec![Reply::Now(message(asked, 0, &found, &[], additional))]
    });
    assert_eq!(script.routes("sip:evil.test;transport=udp", "udp"), "udp:192.0.2.1:5060");
    // Nor is it kept for others.
    assert_eq!(script.routes("sip:sip.lab.test:5060", "udp"), "udp:192.0.2.1:5060");
}

#[test]
fn d4_500_servers_and_servers_that_are_themselves_end() {
    let lines: Vec<String> = (0..500).map(|at| format!("_sip._udp.big.test SRV {at} 0 5060 h{at}.big.test")).collect();
    let mut script = Script::zone(Zone::parse(&lines.join("\n")));
    let start = script.now;
    assert!(script.routes("sip:big.test;transport=udp", "udp").starts_with("No routes"));
    assert_eq!(script.now, start);
    assert!(script.sent.len() <= 1 + 2 * script.limits.dns_targets);
    let own = Zone::parse(
        "_sip._udp.self.test SRV 0 0 5060 _sip._udp.self.test
         self.test NAPTR 0 0 s SIP+D2U - self.test
         self.test NAPTR 65535 65535 s SIP+D2U - _sip._udp.self.test",
    );
    let mut script = Script::zone(own);
    assert_eq!(script.routes("sip:self.test", "udp"), "No routes found for SIP URI sip:self.test");
}

#[test]
fn d5_answers_that_hold_for_no_time_are_used_once() {
    let mut script = Script::new(|_, _, asked| {
        let record = Record { name: asked.name.clone(), ttl: u32::MAX, data: Data::A([192, 0, 2, 1].into()) };
        vec![Reply::Now(message(asked, 0, &[record], &[], &[]))]
    });
    for asked in [2, 4] {
        assert_eq!(script.routes("sip:a.test:5060", "udp"), "udp:192.0.2.1:5060");
        assert_eq!(script.sent.len(), asked);
    }
}

#[test]
fn a_server_that_only_babbles_ends_nothing_but_the_wait() {
    // 500 wrong answers, and never the right one.
    let record = lab().records[4..5].to_vec();
    let mut script = Script::new(move |_, _, asked| {
        let wrong = (1..=500).map(|number: u16| Asked { id: asked.id.wrapping_add(number), ..asked.clone() });
        wrong.map(|wrong| Reply::Now(message(&wrong, 0, &record, &[], &[]))).collect()
    });
    script.limits.dns_questions = 1;
    let start = script.now;
    assert!(script.routes("sip:a.test:5060", "udp").starts_with("Timeout"));
    assert!(script.now - start <= Duration::from_secs(15));
}

/// Bytes that resemble a response.
fn responses() -> impl Strategy<Value = Vec<u8>> {
    let zone = lab();
    let count = zone.records.len();
    let edits = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8);
    (0..count, 0..count, edits, any::<bool>()).prop_map(move |(from, to, edits, cut)| {
        let (from, to) = (from.min(to), from.max(to));
        let asked = Asked { id: 7, name: zone.records[from].name.clone(), kind: Kind::Srv };
        let mut data = message(&asked, 0, &zone.records[from..to], &zone.records[to..], &[]);
        for (place, byte) in edits {
            let at = place.index(data.len());
            data[at] = byte;
        }
        if cut {
            data.truncate(data.len() / 2);
        }
        data
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes_are_read_or_refused(data in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = read(&data);
    }

    #[test]
    fn edited_responses_are_read_or_refused(data in responses()) {
        if let Ok(read) = read(&data) {
            let all = read.answers.iter().chain(&read.authority).chain(&read.additional);
            prop_assert!(all.clone().count() <= data.len() / 11);
            for record in all {
                prop_assert_eq!(&Name::parse(&record.name.to_string()).unwrap(), &record.name);
                prop_assert!(record.ttl <= wire::MAX_TTL);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn whatever_servers_say_every_lookup_ends_once_and_in_time(
        replies in prop::collection::vec((0_u8..8, responses()), 1..12),
        seed: u16,
    ) {
        let zone = lab();
        let mut turn = usize::from(seed);
        let mut script = Script::new(move |_, tcp, asked| {
            turn += 1;
            let (kind, data) = &replies[turn % replies.len()];
            let mut data = data.clone();
            if data.len() > 2 {
                data[..2].copy_from_slice(&asked.id.to_be_bytes());
            }
            match kind {
                0 => vec![],
                1 => vec![Reply::Now(data)],
                2 => vec![Reply::Now(zone.respond(asked)), Reply::Now(data)],
                3 => {
                    let mut short = message(asked, 0, &[], &[], &[]);
                    short[2] |= 2;
                    vec![Reply::Now(short)]
                }
                4 => vec![Reply::Now(message(asked, 2, &[], &[], &[]))],
                5 => vec![Reply::After(Duration::from_millis(1500), zone.respond(asked))],
                6 if tcp => vec![Reply::Close],
                _ => vec![Reply::Now(zone.respond(asked))],
            }
        });
        let start = script.now;
        let result = script.routes("sip:lab.test", "tls,tcp,udp");
        prop_assert!(!result.is_empty());
        prop_assert!(script.now - start <= Duration::from_secs(15));
        script.run_for(Duration::from_secs(60));
        prop_assert_eq!(script.ended.len(), 1);
        prop_assert!(script.resolver.is_quiescent());
        prop_assert_eq!(script.sockets(), 0);
    }
}
