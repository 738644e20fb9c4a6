//! The vectors of RFC 5769, and what is wrong.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::random::{Random, Seed};
use crate::time::Instant;

mod integrity;
mod long_term;

const REQUEST: &[u8] = include_bytes!("../../../vectors/stun/request.bin");
const V4: &[u8] = include_bytes!("../../../vectors/stun/response-ipv4.bin");
const V6: &[u8] = include_bytes!("../../../vectors/stun/response-ipv6.bin");
const LONG_TERM: &[u8] = include_bytes!("../../../vectors/stun/request-long-term.bin");

fn parse(data: &[u8]) -> Result<Message, StunError> {
    Message::parse(Bytes::copy_from_slice(data))
}

#[test]
fn the_vectors_are_read_as_rfc_5769_says() {
    let request = parse(REQUEST).unwrap();
    assert_eq!((request.class(), request.method()), (Class::Request, BINDING));
    assert_eq!(request.transaction().0, *b"\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae");
    assert_eq!(request.attribute(attribute::USERNAME).unwrap(), b"evtj:h6vY");
    assert_eq!(request.attribute(attribute::SOFTWARE).unwrap(), b"STUN test client");
    assert!(request.has_fingerprint() && is_stun(REQUEST));
    for (response, mapped) in [(V4, "192.0.2.1:32853"), (V6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853")] {
        let response = parse(response).unwrap();
        assert_eq!(response.class(), Class::Success);
        assert_eq!(response.mapped_address(), Some(mapped.parse().unwrap()));
        assert!(response.has_fingerprint());
    }
    let long_term = parse(LONG_TERM).unwrap();
    assert!(!long_term.has_fingerprint());
    // PRIORITY and ICE-CONTROLLED: the second need not be understood.
    let known = [attribute::USERNAME, attribute::MESSAGE_INTEGRITY];
    assert_eq!(request.not_understood(&known).collect::<Vec<_>>(), [0x0024]);
}

#[test]
fn every_shorter_message_and_every_changed_bit_is_refused() {
    for vector in [REQUEST, V4, V6] {
        for length in 0..vector.len() {
            assert!(parse(&vector[..length]).is_err(), "{length}");
        }
        for bit in 0..vector.len() * 8 {
            let mut changed = vector.to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            // In the type of the FINGERPRINT and in its length a change may hide it: then nothing vouches for the message.
            assert!(parse(&changed).map_or(true, |message| !message.has_fingerprint()), "bit {bit}");
        }
    }
}

/// A Binding response with these attributes, and no FINGERPRINT.
fn response(attributes: &[u8]) -> Vec<u8> {
    let mut message = vec![1, 1, 0, u8::try_from(attributes.len()).unwrap(), 0x21, 0x12, 0xa4, 0x42];
    message.extend([7; 12]);
    message.extend(attributes);
    message
}

#[test]
fn what_does_not_fit_is_refused_and_what_makes_no_sense_is_not_there() {
    for (attributes, error) in [
        (&[0, 0x20, 0, 8][..], StunError::Attribute(20)),
        (&[0, 0x20, 0xff, 0xff], StunError::Attribute(20)),
        (&[0x80, 0x28, 0, 4, 0, 0, 0, 0], StunError::Fingerprint),
        (&[0x80, 0x28, 0, 3, 0, 0, 0, 0], StunError::Attribute(20)),
        (&[0x80, 0x28, 0, 4, 0, 0, 0, 0, 0, 1, 0, 0], StunError::AfterFingerprint),
    ] {
        assert_eq!(parse(&response(attributes)).unwrap_err(), error, "{attributes:?}");
    }
    let many = [0x80, 0x22, 0, 0].repeat(63);
    assert!(parse(&response(&many)).is_ok());
    for address in [
        &[0, 0x20, 0, 0][..],
        &[0, 0x20, 0, 4, 0, 1, 0, 0],
        // No such family, and too many octets for one.
        &[0, 0x20, 0, 8, 0, 3, 1, 2, 3, 4, 5, 6],
        &[0, 0x20, 0, 12, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0],
    ] {
        assert_eq!(parse(&response(address)).unwrap().mapped_address(), None, "{address:?}");
    }
    for (code, expected) in [
        (&[0, 9, 0, 4, 0, 0, 4, 20][..], Some(420)),
        (&[0, 9, 0, 0], None),
        (&[0, 9, 0, 4, 0, 0, 2, 0], None),
        (&[0, 9, 0, 4, 0, 0, 4, 100], None),
    ] {
        assert_eq!(parse(&response(code)).unwrap().error_code(), expected);
    }
    // What stands behind the MESSAGE-INTEGRITY was not vouched for.
    let mut hidden = vec![0, 8, 0, 20];
    hidden.extend([0; 20]);
    hidden.extend([0, 1, 0, 8, 0, 1, 0, 9, 192, 0, 2, 1]);
    assert_eq!(parse(&response(&hidden)).unwrap().mapped_address(), None);
    assert_eq!(
        parse(&response(&[0, 1, 0, 8, 0, 1, 0, 9, 192, 0, 2, 1])).unwrap().mapped_address(),
        Some("192.0.2.1:9".parse().unwrap())
    );
}

#[test]
fn what_is_built_reads_back() {
    let transaction = TransactionId([9; 12]);
    for class in [Class::Request, Class::Indication, Class::Success, Class::Error] {
        for method in [BINDING, 0x0003, 0x0fff, 0x0555] {
            for mapped in ["192.0.2.1:1", "[2001:db8::1]:65535"] {
                let mapped: SocketAddr = mapped.parse().unwrap();
                let built = Builder::new(class, method, transaction).attribute(attribute::SOFTWARE, b"x");
                let read = Message::parse(built.mapped_address(mapped).finish()).unwrap();
                assert_eq!((read.class(), read.method(), read.transaction()), (class, method, transaction));
                assert_eq!((read.mapped_address(), read.has_fingerprint()), (Some(mapped), true));
                assert_eq!(read.attribute(attribute::SOFTWARE).unwrap(), b"x");
            }
        }
    }
    let long = Builder::new(Class::Request, BINDING, transaction).attribute(attribute::SOFTWARE, &[0; 70_000]);
    assert_eq!(long.finish().len(), 28);
}

#[test]
fn a_request_is_repeated_as_the_rfc_says_and_then_given_up() {
    let (mut now, mut random) = (Instant::from_millis(1000), Random::new(&Seed::from_u64(1)));
    let start = now;
    let (mut binding, request) = Binding::start(now, &mut random);
    assert_eq!(binding.timeout(now), Step::Wait);
    let mut times = Vec::new();
    loop {
        now = binding.deadline();
        match binding.timeout(now) {
            Step::Send(again) => assert_eq!(again, request),
            Step::Failed => break,
            Step::Wait => panic!("woken for nothing"),
        }
        times.push((now - start).as_millis());
    }
    // RFC 8489 section 6.2.1, with an RTO of 500 ms.
    assert_eq!(times, [500, 1500, 3500, 7500, 15500, 31500]);
    assert_eq!(now - start, Duration::from_millis(39_500));
}

#[test]
fn what_is_cancelled_is_not_repeated_but_ends_when_it_would_have() {
    for repeated in 0..7 {
        let id = TransactionId([3; 12]);
        let mut transaction = Transaction::start(Instant::ZERO, id, Bytes::new(), RTO);
        for _ in 0..repeated {
            transaction.timeout(transaction.deadline());
        }
        transaction.cancel();
        assert_eq!(transaction.deadline(), Instant::from_millis(39_500), "{repeated}");
        assert_eq!(transaction.timeout(transaction.deadline()), Step::Failed);
    }
}

#[test]
fn only_the_response_answers() {
    let mut random = Random::new(&Seed::from_u64(1));
    let (binding, request) = Binding::start(Instant::ZERO, &mut random);
    let id = Message::parse(request.clone()).unwrap().transaction();
    let mapped: SocketAddr = "192.0.2.1:7".parse().unwrap();
    let says = |class, method, id| {
        binding.response(&Message::parse(Builder::new(class, method, id).mapped_address(mapped).finish()).unwrap())
    };
    assert_eq!(says(Class::Success, BINDING, id), Some(Some(mapped)));
    assert_eq!(says(Class::Error, BINDING, id), Some(None));
    assert_eq!(says(Class::Request, BINDING, id), None);
    assert_eq!(says(Class::Success, 3, id), None);
    assert_eq!(says(Class::Success, BINDING, TransactionId([0; 12])), None);
    assert_eq!(binding.response(&Message::parse(request).unwrap()), None);
}
