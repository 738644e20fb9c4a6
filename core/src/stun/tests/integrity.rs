//! What vouches for messages: RFC 5769, and appendix B of RFC 8489.

use super::*;
use crate::sip::digest::Secret;

/// The request of RFC 8489 appendix B.1 as it is printed. Its header counts itself into the length, and so does the HMAC.
const USERHASH: &[u8] = include_bytes!("../../../../vectors/stun/request-userhash.bin");

const USERNAME: &str = "\u{30DE}\u{30C8}\u{30EA}\u{30C3}\u{30AF}\u{30B9}";

fn short_term() -> Key {
    Key::short_term(&Secret::from("VOkJxbRl1RmTxUk/WvJxBt"))
}

#[test]
fn the_vectors_are_vouched_for() {
    for vector in [REQUEST, V4, V6] {
        let message = parse(vector).unwrap();
        assert_eq!(message.integrity(), Some(Integrity::Sha1));
        assert!(message.is_from(&short_term()));
        assert!(!message.is_from(&Key::short_term(&Secret::from("VOkJxbRl1RmTxUk/WvJxBT"))));
    }
    let long_term = parse(LONG_TERM).unwrap();
    let name = long_term.text(attribute::USERNAME).unwrap();
    assert_eq!((name, long_term.text(attribute::REALM)), (USERNAME, Some("example.org")));
    assert_eq!(long_term.text(attribute::NONCE), Some("f//499k954d6OL34oL9FSTvy64sA"));
    let key = |password| Key::long_term(Algorithm::Md5, name, "example.org", &Secret::from(password));
    assert!(long_term.is_from(&key("TheMatrIX")));
    assert!(!long_term.is_from(&key("TheMatrix")));
}

#[test]
fn appendix_b_is_computed_as_it_is_printed_and_as_it_should_be() {
    assert_eq!(parse(USERHASH).unwrap_err(), StunError::NotStun, "the length is wrong");
    let key = Key::long_term(Algorithm::Sha256, USERNAME, "example.org", &Secret::from("TheMatrIX"));
    let (covered, value) = USERHASH.split_at(USERHASH.len() - 36);
    assert_eq!(Integrity::Sha256.compute(&key, &[covered]), value[4..]);
    let mut amended = USERHASH.to_vec();
    amended[3] -= 20;
    assert!(!parse(&amended).unwrap().is_from(&key), "the HMAC is over the wrong length");
    let head = amended[..USERHASH.len() - 36].to_vec();
    amended.splice(USERHASH.len() - 32.., Integrity::Sha256.compute(&key, &[&head]));
    let amended = parse(&amended).unwrap();
    assert!(amended.is_from(&key));
    assert_eq!(amended.attribute(attribute::USERHASH).unwrap(), userhash(USERNAME, "example.org"));
    assert_eq!(amended.text(attribute::NONCE), Some("obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA"));
}

#[test]
fn what_is_vouched_for_reads_back_and_no_bit_of_it_can_change() {
    let key = short_term();
    for integrity in [Integrity::Sha1, Integrity::Sha256] {
        let built = Builder::new(Class::Request, BINDING, TransactionId([5; 12]))
            .attribute(attribute::USERNAME, b"evtj:h6vY")
            .word(attribute::PRIORITY, 0x6e00_01ff)
            .long(attribute::ICE_CONTROLLED, 0x932f_f9b1_5126_3b36)
            .finish_with(integrity, &key);
        let read = Message::parse(built.clone()).unwrap();
        assert!(read.is_from(&key) && read.has_fingerprint());
        assert_eq!(read.integrity(), Some(integrity));
        assert_eq!(read.word(attribute::PRIORITY), Some(0x6e00_01ff));
        assert_eq!(read.long(attribute::ICE_CONTROLLED), Some(0x932f_f9b1_5126_3b36));
        let end = built.len() - 8;
        for bit in 0..end * 8 {
            let mut changed = built[..end].to_vec();
            changed[3] -= 8;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(parse(&changed).map_or(true, |message| !message.is_from(&key)), "bit {bit}");
        }
    }
}

#[test]
fn the_stronger_of_two_counts_and_a_cut_one_does_not() {
    let key = short_term();
    let start = || Builder::new(Class::Request, BINDING, TransactionId([5; 12]));
    let sha1 = start().finish_with(Integrity::Sha1, &key);
    let mac = Message::parse(sha1).unwrap().slice(attribute::MESSAGE_INTEGRITY).unwrap();
    let both = || start().attribute(attribute::MESSAGE_INTEGRITY, &mac);
    let right = Message::parse(both().finish_with(Integrity::Sha256, &key)).unwrap();
    assert_eq!((right.integrity(), right.is_from(&key)), (Some(Integrity::Sha256), true));
    for wrong in [&[0; 32][..], &[], &[0; 16]] {
        let message = both().attribute(attribute::MESSAGE_INTEGRITY_SHA256, wrong).finish();
        assert!(!Message::parse(message).unwrap().is_from(&key));
    }
    let full = Message::parse(start().finish_with(Integrity::Sha256, &key)).unwrap();
    let cut = full.slice(attribute::MESSAGE_INTEGRITY_SHA256).unwrap().slice(..16);
    let message = start().attribute(attribute::MESSAGE_INTEGRITY_SHA256, &cut).finish();
    assert!(!Message::parse(message).unwrap().is_from(&key));
    assert!(!Message::parse(start().finish()).unwrap().is_from(&key), "nothing vouches for it");
    // What stands behind the integrity is not there.
    let behind = both().attribute(attribute::USE_CANDIDATE, &[]).finish();
    assert_eq!(Message::parse(behind).unwrap().attribute(attribute::USE_CANDIDATE), None);
}

#[test]
fn errors_are_told_and_read() {
    let transaction = TransactionId([1; 12]);
    let answer = |code| Builder::new(Class::Error, BINDING, transaction).error(code, "Why");
    for code in [300, 400, 420, 487, 699] {
        let read = Message::parse(answer(code).unknown_attributes([0x24, 0x7fff]).finish()).unwrap();
        assert_eq!((read.error_code(), read.error_reason()), (Some(code), "Why"));
        assert_eq!(read.unknown_attributes().collect::<Vec<_>>(), [0x24, 0x7fff]);
    }
    let relayed = "[2001:db8::7]:49170".parse().unwrap();
    let built = Builder::new(Class::Success, 3, transaction).xor_address(attribute::XOR_RELAYED_ADDRESS, relayed);
    let read = Message::parse(built.finish_bare()).unwrap();
    assert_eq!(read.xor_address(attribute::XOR_RELAYED_ADDRESS), Some(relayed));
    assert!(!read.has_fingerprint());
}

#[test]
fn no_key_is_printed() {
    let key = short_term();
    assert_eq!(format!("{key:?}"), "Key(..)");
    let long_term = LongTerm::new("alice".into(), Secret::from("hunter2"));
    assert!(!format!("{long_term:?}").contains("hunter2"));
}
