use super::zone::{Asked, message};
use super::*;
use crate::limits::Limits;
use wire::{Code, WireError, query, response};

fn read(data: &[u8]) -> Result<wire::Response, WireError> {
    response(data, &Limits::default())
}

#[test]
fn a_query_is_what_rfc_1035_section_4_1_says() {
    let query = query(0xbeef, &name("_sip._udp.Lab.test"), Kind::Srv).unwrap();
    let wanted = b"\xbe\xef\x01\x00\0\x01\0\0\0\0\0\0\x04_sip\x04_udp\x03lab\x04test\0\0\x21\0\x01";
    assert_eq!(&query[..], wanted);
}

#[test]
fn pointers_are_followed_as_in_rfc_1035_section_4_1_4() {
    // F.ISI.ARPA at 20, FOO.F.ISI.ARPA by a pointer to it, ARPA by one into it, and the root: as owners of four records.
    let mut data = b"\0\x07\x80\0\0\0\0\x04\0\0\0\0\0\0".to_vec();
    data.truncate(12);
    let record = |data: &mut Vec<u8>, owner: &[u8]| {
        data.extend_from_slice(owner);
        data.extend_from_slice(b"\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01");
    };
    record(&mut data, b"\x01F\x03ISI\x04ARPA\0");
    record(&mut data, b"\x03FOO\xc0\x0c");
    record(&mut data, b"\xc0\x12");
    record(&mut data, b"\0");
    let names: Vec<String> = read(&data).unwrap().answers.iter().map(|record| record.name.to_string()).collect();
    assert_eq!(names, ["f.isi.arpa", "foo.f.isi.arpa", "arpa", "."]);
}

#[test]
fn every_type_of_record_is_read() {
    let zone = lab();
    for record in &zone.records {
        let asked = Asked { id: 7, name: record.name.clone(), kind: Kind::A };
        let data = message(&asked, 0, std::slice::from_ref(record), &[], &[]);
        let read = read(&data).unwrap();
        assert_eq!(read.answers, std::slice::from_ref(record));
        assert_eq!((read.id, read.code, read.truncated), (7, Code::NoError, false));
        assert_eq!(read.question, Some((record.name.clone(), Kind::A)));
    }
}

#[test]
fn records_read_as_in_zone_files() {
    let shown: Vec<String> = lab().records.iter().map(|record| record.data.to_string()).collect();
    assert_eq!(shown[0], "50 50 \"s\" \"SIPS+D2T\" \"\" _sips._tcp.lab.test");
    assert_eq!(shown[5], "10 60 5070 sip1.lab.test");
    assert!(shown[11].starts_with("\"http://192.0.2.1:8070/xcap-root\" \"ftp://no\""), "{}", shown[11]);
}

#[test]
fn times_to_live_are_clamped() {
    // RFC 2181 section 8: with the highest bit set it is 0. Nothing is kept longer than an hour.
    for (sent, kept) in [(0, 0), (60, 60), (3601, 3600), (0x7fff_ffff, 3600), (0x8000_0000, 0), (u32::MAX, 0)] {
        let record = Record { name: name("a.test"), ttl: sent, data: Data::A([192, 0, 2, 1].into()) };
        let asked = Asked { id: 1, name: name("a.test"), kind: Kind::A };
        let read = read(&message(&asked, 0, &[record], &[], &[])).unwrap();
        assert_eq!(read.answers[0].ttl, kept, "{sent}");
    }
}

#[test]
fn frames_are_cut_by_their_length() {
    let framed = wire::framed(b"abc");
    assert_eq!(&framed[..], b"\0\x03abc");
    assert_eq!(wire::unframed(&framed), Some((&b"abc"[..], 5)));
    for len in 0..framed.len() {
        assert_eq!(wire::unframed(&framed[..len]), None);
    }
    assert_eq!(wire::unframed(b"\0\0\0"), Some((&b""[..], 2)));
}
