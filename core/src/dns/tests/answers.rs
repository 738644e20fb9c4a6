use super::super::answer::{Absence, Reading, read};
use super::zone::{Asked, message};
use super::*;
use crate::limits::Limits;

fn reading(text: &str, kind: Kind, answers: &Zone, authority: &[Record], code: u8) -> (Reading, Vec<Name>) {
    let asked = Asked { id: 1, name: name(text), kind };
    let data = message(&asked, code, &answers.records, authority, &[]);
    let response = wire::response(&data, &Limits::default()).unwrap();
    let mut aliases = Vec::new();
    let reading = read(&response, &name(text), kind, &mut aliases, 8);
    (reading, aliases)
}

fn soa(zone: &str, ttl: u32, minimum: u32) -> Record {
    Record { name: name(zone), ttl, data: Data::Soa { minimum } }
}

#[test]
fn only_the_records_of_the_name_and_its_aliases_count() {
    let zone = Zone::parse(
        "other.test A 192.0.2.9
         b.test CNAME c.test
         c.test A 192.0.2.1
         c.test AAAA 2001:db8::1
         a.test CNAME b.test
         c.test A 192.0.2.2",
    );
    let (found, aliases) = reading("A.test", Kind::A, &zone, &[], 0);
    let Reading::Records { records, ttl } = found else { panic!("{found:?}") };
    assert_eq!(records.iter().map(|record| record.data.to_string()).collect::<Vec<_>>(), ["192.0.2.1", "192.0.2.2"]);
    assert_eq!(ttl, 60);
    assert_eq!(aliases, [name("a.test"), name("b.test")]);
    let (found, _) = reading("nobody.test", Kind::A, &zone, &[], 0);
    assert_eq!(found, Reading::Nothing { absence: Absence::Data, ttl: 0 });
}

#[test]
fn the_answer_holds_as_long_as_its_shortest_part() {
    let mut zone = Zone::parse("a.test CNAME b.test\nb.test A 192.0.2.1\nb.test A 192.0.2.2");
    zone.records[0].ttl = 7;
    zone.records[2].ttl = 9;
    let (found, _) = reading("a.test", Kind::A, &zone, &[], 0);
    assert!(matches!(found, Reading::Records { ttl: 7, .. }), "{found:?}");
}

#[test]
fn absence_holds_as_long_as_its_zone_says() {
    // RFC 2308 section 5: the smaller of the SOA's TTL and MINIMUM; without a SOA it is not kept.
    let none = Zone::default();
    for (code, authority, absence, ttl) in [
        (3, vec![soa("test", 300, 30)], Absence::Name, 30),
        (3, vec![soa("test", 20, 30)], Absence::Name, 20),
        (0, vec![soa("test", 300, 30)], Absence::Data, 30),
        (0, vec![soa("other", 300, 30)], Absence::Data, 0),
        (0, vec![], Absence::Data, 0),
        (3, vec![], Absence::Name, 0),
    ] {
        let (found, _) = reading("a.test", Kind::Srv, &none, &authority, code);
        assert_eq!(found, Reading::Nothing { absence, ttl }, "{code} {authority:?}");
    }
}

#[test]
fn an_alias_without_more_is_asked_for_itself() {
    let zone = Zone::parse("a.test CNAME b.other");
    assert_eq!(reading("a.test", Kind::A, &zone, &[], 0).0, Reading::Alias { to: name("b.other"), ttl: 60 });
    // Where the server says that there is nothing behind it, that is so.
    let (found, _) = reading("a.test", Kind::A, &zone, &[soa("other", 5, 5)], 0);
    assert_eq!(found, Reading::Nothing { absence: Absence::Data, ttl: 5 });
    let (found, _) = reading("a.test", Kind::A, &zone, &[], 3);
    assert_eq!(found, Reading::Nothing { absence: Absence::Name, ttl: 0 });
}

#[test]
fn aliases_in_a_circle_are_left() {
    for zone in ["a.test CNAME a.test", "a.test CNAME b.test\nb.test CNAME a.test"] {
        assert_eq!(reading("a.test", Kind::A, &Zone::parse(zone), &[], 0).0, Reading::Circle, "{zone}");
    }
    let chain = |length: usize| {
        let lines: Vec<String> = (0..length).map(|at| format!("a{at}.test CNAME a{}.test", at + 1)).collect();
        Zone::parse(&format!("{}\na{length}.test A 192.0.2.1", lines.join("\n")))
    };
    assert!(matches!(reading("a0.test", Kind::A, &chain(8), &[], 0).0, Reading::Records { .. }));
    assert_eq!(reading("a0.test", Kind::A, &chain(9), &[], 0).0, Reading::Circle);
}

#[test]
fn refusals_are_told() {
    for code in [1, 2, 4, 5] {
        assert_eq!(reading("a.test", Kind::A, &lab(), &[], code).0, Reading::Failure(code));
    }
}
