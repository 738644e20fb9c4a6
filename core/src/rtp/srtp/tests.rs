//! Vectors of RFC 3711 appendix B, RFC 6188 section 7 and RFC 7714 sections 16 and 17; whole packets in counter mode, computed with OpenSSL;
//! and what no vector says: windows, roll-over, forgeries.

use aes::cipher::KeyInit;
use aes::{Aes128Enc, Aes256Enc};
use bytes::BytesMut;
use proptest::prelude::*;

use super::counter::key_stream;
use super::derive::{Label, derive};
use super::galois::Galois;
use super::index::Window;
use super::transform::{Place, Transform};
use super::*;
use crate::random::{Random, Seed};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}

fn buffer(bytes: &[u8]) -> BytesMut {
    BytesMut::from(bytes)
}

fn key_128() -> MasterKey {
    let bytes = hex("e1f97a0d3e018be0d64fa32c06de4139 0ec675ad498afeebb6960b3aabe6");
    MasterKey::new(Suite::AesCm128HmacSha1_80, &bytes).unwrap()
}

fn key_256() -> MasterKey {
    let bytes = hex("f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6 3b04803de51ee7c96423ab5b78d2");
    MasterKey::new(Suite::Aes256CmHmacSha1_32, &bytes).unwrap()
}

fn derived(master: &MasterKey, label: Label, len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    derive(master, label, &mut out);
    out
}

#[test]
fn key_streams_are_those_of_rfc_3711_b_2_and_rfc_6188_7_1() {
    let first = hex("f0f1f2f3f4f5f6f7f8f9fafbfcfd0000").try_into().unwrap();
    let last = hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff").try_into().unwrap();
    let cipher = Aes128Enc::new_from_slice(&hex("2b7e151628aed2a6abf7158809cf4f3c")).unwrap();
    let mut stream = [0; 48];
    key_stream(&cipher, first, &mut stream);
    assert_eq!(
        stream[..],
        hex("e03ead0935c95e80e166b16dd92b4eb4 d23513162b02d0f72a43a2fe4a5f97ab 41e95b3bb0a2e8dd477901e4fca894c0")
    );
    stream = [0; 48];
    key_stream(&cipher, last, &mut stream);
    assert_eq!(
        stream[..],
        hex("ec8cdf7398607cb0f2d21675ea9ea1e4 362b7c3c6773516318a077d7fc5073ae 6a2cc3787889374fbeb4c81b17ba6c44")
    );
    let cipher =
        Aes256Enc::new_from_slice(&hex("57f82fe3613fd170a85ec93c40b1f0922ec4cb0dc025b58272147cc438944a98")).unwrap();
    stream = [0; 48];
    key_stream(&cipher, last, &mut stream);
    assert_eq!(
        stream[..],
        hex("cea518c90fd91ced9cbb18c078a54711 3dbc4814f4da5f00a08772b63c6a046d 6eb246913062a16891433e97dd01a57f")
    );
}

#[test]
fn keys_are_derived_as_in_rfc_3711_b_3_and_rfc_6188_7_2() {
    let master = key_128();
    assert_eq!(derived(&master, Label::RtpKey, 16), hex("c61e7a93744f39ee10734afe3ff7a087"));
    assert_eq!(derived(&master, Label::RtpSalt, 14), hex("30cbbc08863d8c85d49db34a9ae1"));
    assert_eq!(
        derived(&master, Label::RtpAuth, 94),
        hex("cebe321f6ff7716b6fd4ab49af256a15 6d38baa48f0a0acf3c34e2359e6cdbce e049646c43d9327ad175578ef7227098
             6371c10c9a369ac2f94a8c5fbcdddc25 6d6e919a48b610ef17c2041e47403576 6b68642c59bbfc2f34db60dbdfb2")
    );
    let master = key_256();
    assert_eq!(
        derived(&master, Label::RtpKey, 32),
        hex("5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4")
    );
    assert_eq!(derived(&master, Label::RtpSalt, 14), hex("fa31791685ca444a9e07c6c64e93"));
    assert_eq!(derived(&master, Label::RtpAuth, 20), hex("fd9c32d39ed5fbb5a9dc96b30818454d1313dc05"));
}

const RTP: &str = "800f1234decafbadcafebabe abababababababababababababababab";
const RTCP: &str = "81c8000dcafebabe4e5450314e545032525450200000042a0000e9304c756e61
                    deadbeefdeadbeefdeadbeefdeadbeefdeadbeef";

/// Seals, compares, opens, compares.
fn there_and_back(master: &MasterKey, sealed_rtp: &str, sealed_rtcp: &str) {
    let (mut sender, mut receiver) = (Sender::new(master).unwrap(), Receiver::new(master).unwrap());
    let mut packet = buffer(&hex(RTP));
    sender.protect(&mut packet).unwrap();
    assert_eq!(packet[..], hex(sealed_rtp));
    receiver.unprotect(&mut packet).unwrap();
    assert_eq!(packet[..], hex(RTP));
    let mut packet = buffer(&hex(RTCP));
    sender.protect_rtcp(&mut packet).unwrap();
    assert_eq!(packet[..], hex(sealed_rtcp));
    receiver.unprotect_rtcp(&mut packet).unwrap();
    assert_eq!(packet[..], hex(RTCP));
}

#[test]
fn packets_in_counter_mode_are_those_that_openssl_makes() {
    there_and_back(
        &key_128(),
        "800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb",
        "81c8000dcafebabe5463da00ed9497e31fe27580551f11be2f364bd2d7fa6208d02f44f8d407a1bc0a46d1380a658b3f6680c5a4
         8000000092b70ddc8756cd350b90",
    );
    there_and_back(
        &key_256(),
        "800f1234decafbadcafebabef1d9de17ff251ff1aa007774b0b4b40da08d9d9a",
        "81c8000dcafebabe8732d4ee0bf2d451b71bd689d8f74a3fd31b100b07411c9f3a8e9c18daa3b38b8e495889b3afbd2c03bb9b36
         80000000d7d1ced567df9226d3d6",
    );
}

#[test]
fn the_roll_over_counter_is_in_the_key_stream_and_in_the_tag() {
    let (mut sender, mut receiver) = (Sender::new(&key_128()).unwrap(), Receiver::new(&key_128()).unwrap());
    let sealed = [0x1234u16, 0x9000, 0xf000, 0x1234].map(|sequence| {
        let mut packet = buffer(&hex(RTP));
        packet[2..4].copy_from_slice(&sequence.to_be_bytes());
        sender.protect(&mut packet).unwrap();
        receiver.unprotect(&mut packet.clone()).unwrap();
        packet
    });
    assert_eq!(sealed[3][..], hex("800f1234decafbadcafebabe179265c8bf303e4c24e7279f739bb5a6f8b3916fd670057bf1dc"));
}

const SALT: &[u8; 12] = b"Quid pro quo";
const GALLIA: &str = "8040f17b8041f8d35501a0b2
    47616c6c696120657374206f6d6e697320646976697361 20696e207061727465732074726573";
const REPORT: &str = "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61
    deadbeefdeadbeefdeadbeefdeadbeefdeadbeef";

fn bytes_to(end: u8) -> Vec<u8> {
    (0..=end).collect()
}

#[test]
fn packets_in_galois_counter_mode_are_those_of_rfc_7714_16() {
    fn check(galois: &impl Transform, sealed: &str) {
        let place = Place { ssrc: 0x5501_a0b2, index: 0xf17b };
        let mut packet = buffer(&hex(GALLIA));
        assert!(galois.seal_rtp(&mut packet, 12, place, None));
        assert_eq!(packet[..], hex(sealed));
        assert!(galois.open_rtp(&mut packet, 12, place, None));
        assert_eq!(packet[..], hex(GALLIA));
    }
    check(
        &Galois::<Aes128Enc>::new(&bytes_to(0x0f), *SALT).unwrap(),
        "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf
         8833899d7f27beb16a9152cf765ee4390cce",
    );
    check(
        &Galois::<Aes256Enc>::new(&bytes_to(0x1f), *SALT).unwrap(),
        "8040f17b8041f8d35501a0b232b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799
         b87b7aa3db36dfffd6b0f9bb7878d7a76c13",
    );
}

#[test]
fn reports_in_galois_counter_mode_are_those_of_rfc_7714_17() {
    let (short, long) = (
        Galois::<Aes128Enc>::new(&bytes_to(0x0f), *SALT).unwrap(),
        Galois::<Aes256Enc>::new(&bytes_to(0x1f), *SALT).unwrap(),
    );
    fn check(galois: &impl Transform, word: u32, sealed: &str) {
        let mut packet = buffer(&hex(sealed));
        assert_eq!(galois.rtcp_word(&packet, None), Some(word));
        assert!(galois.open_rtcp(&mut packet, 0x4d61_7273, word, None));
        assert_eq!(packet[..], hex(REPORT));
        if word & ENCRYPTED != 0 {
            assert!(galois.seal_rtcp(&mut packet, Place { ssrc: 0x4d61_7273, index: 0x5d4 }, None));
            assert_eq!(packet[..], hex(sealed));
        }
    }
    check(
        &short,
        0x8000_05d4,
        "81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded
         0bb9275bc84aa45896cf4d2fc5abf87245d9eade800005d4",
    );
    check(
        &long,
        0x8000_05d4,
        "81c8000d4d617273d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50a2eaa5c1110555be8415f658c61de047
         6f1b6fad1d1eb30c4446839f57ff6f6cb26ac3be800005d4",
    );
    // Tagged only: the E flag is not set.
    let tagged = |tag: &str| format!("{REPORT}{tag}000005d4");
    check(&short, 0x5d4, &tagged("841dd9683dd78ec92ae58790125f62b3"));
    check(&long, 0x5d4, &tagged("91db4afbfeee5a978fab4393ed2615fe"));
}

fn packet(sequence: u16, ssrc: u32) -> BytesMut {
    let mut packet = buffer(&[0x80, 0]);
    packet.extend_from_slice(&sequence.to_be_bytes());
    packet.extend_from_slice(&[0; 4]);
    packet.extend_from_slice(&ssrc.to_be_bytes());
    packet.extend_from_slice(b"some sound");
    packet
}

fn report(ssrc: u32) -> BytesMut {
    let mut packet = buffer(&[0x80, 201, 0, 1]);
    packet.extend_from_slice(&ssrc.to_be_bytes());
    packet
}

fn pair(suite: Suite) -> (Sender, Receiver) {
    let key = MasterKey::generate(suite, &mut Random::new(&Seed::from_u64(1)));
    (Sender::new(&key).unwrap(), Receiver::new(&key).unwrap())
}

#[test]
fn an_index_is_never_sent_twice() {
    for suite in Suite::ALL {
        let (mut sender, _) = pair(suite);
        sender.protect(&mut packet(7, 1)).unwrap();
        assert_eq!(sender.protect(&mut packet(7, 1)), Err(Unsafe::Reused));
        assert_eq!(sender.protect(&mut packet(6, 1)), Err(Unsafe::Reused));
        sender.protect(&mut packet(8, 1)).unwrap();
        // Another source has indices of its own; the first one's are not forgotten for that.
        sender.protect(&mut packet(7, 2)).unwrap();
        assert_eq!(sender.protect(&mut packet(8, 1)), Err(Unsafe::Reused));
        let mut reports = [report(1), report(1), report(2)];
        for report in &mut reports {
            sender.protect_rtcp(report).unwrap();
        }
        assert_ne!(reports[0], reports[1]);
    }
}

#[test]
fn a_key_serves_so_many_sources_and_no_more() {
    let (mut sender, _) = pair(Suite::AesCm128HmacSha1_80);
    for ssrc in 0..16 {
        sender.protect(&mut packet(1, ssrc)).unwrap();
    }
    assert_eq!(sender.protect(&mut packet(1, 16)), Err(Unsafe::KeyUsedUp));
    sender.protect(&mut packet(2, 15)).unwrap();
}

#[test]
fn a_packet_that_comes_again_is_dropped() {
    for suite in Suite::ALL {
        let (mut sender, mut receiver) = pair(suite);
        let mut sealed: Vec<BytesMut> = (0..200).map(|sequence| packet(sequence, 9)).collect();
        sealed.iter_mut().for_each(|packet| sender.protect(packet).unwrap());
        receiver.unprotect(&mut sealed[150].clone()).unwrap();
        receiver.unprotect(&mut sealed[149].clone()).unwrap();
        assert_eq!(receiver.unprotect(&mut sealed[150].clone()), Err(Refused::Replayed));
        assert_eq!(receiver.unprotect(&mut sealed[149].clone()), Err(Refused::Replayed));
        // The window is 128 wide.
        receiver.unprotect(&mut sealed[23].clone()).unwrap();
        assert_eq!(receiver.unprotect(&mut sealed[23].clone()), Err(Refused::Replayed));
        assert_eq!(receiver.unprotect(&mut sealed[22].clone()), Err(Refused::Replayed));
        let (mut first, mut second) = (report(9), report(9));
        sender.protect_rtcp(&mut first).unwrap();
        sender.protect_rtcp(&mut second).unwrap();
        receiver.unprotect_rtcp(&mut second).unwrap();
        let mut again = first.clone();
        receiver.unprotect_rtcp(&mut first).unwrap();
        assert_eq!(receiver.unprotect_rtcp(&mut again), Err(Refused::Replayed));
    }
}

#[test]
fn what_was_tampered_with_is_dropped_and_changes_nothing() {
    for suite in Suite::ALL {
        let (mut sender, mut receiver) = pair(suite);
        let mut sealed = packet(40_000, 9);
        sender.protect(&mut sealed).unwrap();
        for at in 0..sealed.len() {
            let mut forged = sealed.clone();
            forged[at] ^= 1;
            assert!(receiver.unprotect(&mut forged).is_err(), "{suite:?}, byte {at}");
        }
        for len in 0..sealed.len() {
            assert!(receiver.unprotect(&mut buffer(&sealed[..len])).is_err(), "{suite:?}, {len} bytes");
        }
        receiver.unprotect(&mut sealed).unwrap();
        let mut sealed = report(9);
        sender.protect_rtcp(&mut sealed).unwrap();
        for at in 0..sealed.len() {
            let mut forged = sealed.clone();
            forged[at] ^= 1;
            assert!(receiver.unprotect_rtcp(&mut forged).is_err(), "{suite:?}, byte {at}");
        }
        for len in 0..sealed.len() {
            assert!(receiver.unprotect_rtcp(&mut buffer(&sealed[..len])).is_err(), "{suite:?}, {len} bytes");
        }
        receiver.unprotect_rtcp(&mut sealed).unwrap();
    }
}

#[test]
fn strangers_make_no_sources() {
    let (mut sender, mut receiver) = pair(Suite::AeadAes128Gcm);
    for ssrc in 100..300 {
        assert_eq!(receiver.unprotect(&mut packet(1, ssrc)), Err(Refused::Forged));
    }
    let mut sealed = packet(1, 9);
    sender.protect(&mut sealed).unwrap();
    receiver.unprotect(&mut sealed).unwrap();
}

#[test]
fn the_identifier_stands_in_each_packet() {
    let mki = Mki { value: 0x0102_0304, len: 4 };
    for suite in Suite::ALL {
        let plain = MasterKey::generate(suite, &mut Random::new(&Seed::from_u64(1)));
        let named = plain.clone().with_mki(mki);
        let (mut sender, mut receiver) = (Sender::new(&named).unwrap(), Receiver::new(&named).unwrap());
        let mut shorter = packet(1, 9);
        Sender::new(&plain).unwrap().protect(&mut shorter).unwrap();
        let mut sealed = packet(1, 9);
        sender.protect(&mut sealed).unwrap();
        assert_eq!(sealed.len(), shorter.len() + 4);
        assert!(sealed.windows(4).any(|window| window == [1, 2, 3, 4]));
        receiver.unprotect(&mut sealed).unwrap();
        assert_eq!(sealed, packet(1, 9));
        let mut sealed = report(9);
        sender.protect_rtcp(&mut sealed).unwrap();
        receiver.unprotect_rtcp(&mut sealed).unwrap();
        assert_eq!(sealed, report(9));
    }
    assert_eq!(Mki { value: 7, len: 16 }.bytes(), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
}

#[test]
fn sources_and_extensions_stay_readable() {
    let header = [0x91, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 1, 2, 3, 4, 0xbe, 0xde, 0, 1, 5, 6, 7, 8];
    let whole = [&header[..], b"payload"].concat();
    for suite in Suite::ALL {
        let (mut sender, mut receiver) = pair(suite);
        let mut packet = buffer(&whole);
        sender.protect(&mut packet).unwrap();
        assert_eq!(packet[..header.len()], header);
        assert_ne!(&packet[header.len()..header.len() + 7], b"payload");
        receiver.unprotect(&mut packet).unwrap();
        assert_eq!(packet[..], whole);
    }
}

#[test]
fn the_likeliest_roll_over_counter_is_taken() {
    let mut window = Window::starting(0xfff0);
    assert_eq!(window.estimate(0x0005), 0x1_0005);
    assert_eq!(window.estimate(0xffff), 0xffff);
    window.take(0x1_0005);
    assert_eq!(window.estimate(0xfff1), 0xfff1);
    assert!(window.admits(0xfff1) && !window.admits(0xfff0) && !window.admits(0x1_0005));
    // Nothing is before the first cycle.
    assert_eq!(Window::starting(2).estimate(0xffff), 0xffff);
    assert_eq!(Window::starting(0x2_0002).estimate(0xffff), 0x1_ffff);
}

#[test]
fn keys_are_not_printed_and_stand_in_traces() {
    let key = key_256().with_mki(Mki { value: 1, len: 4 });
    assert_eq!(format!("{key:?}"), "MasterKey(AES_256_CM_HMAC_SHA1_32)");
    let text = serde_json::to_string(&key).unwrap();
    assert_eq!(serde_json::from_str::<MasterKey>(&text).unwrap(), key);
    let (sender, receiver) = (Sender::new(&key).unwrap(), Receiver::new(&key).unwrap());
    for printed in [format!("{sender:?}"), format!("{receiver:?}")] {
        assert!(printed.contains("Transform(..)") && !printed.contains("240"), "{printed}");
    }
}

#[test]
fn base64_is_read_with_padding_and_without() {
    let key = key_128();
    let text = key.to_base64();
    assert_eq!(MasterKey::from_base64(key.suite(), &text).unwrap(), key);
    let long = key_256();
    let text = long.to_base64();
    assert!(text.ends_with("=="));
    assert_eq!(MasterKey::from_base64(long.suite(), text.trim_end_matches('=')).unwrap(), long);
    assert_eq!(MasterKey::from_base64(long.suite(), &key.to_base64()), Err(KeyError::Length));
    assert_eq!(MasterKey::from_base64(long.suite(), "no base64!"), Err(KeyError::Base64));
    assert_eq!(MasterKey::from_base64(long.suite(), &"A".repeat(4000)), Err(KeyError::Base64));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// SRT-1: sender and receiver agree on every index, whatever is lost, late or repeated within half a cycle.
    #[test]
    fn any_order_within_half_a_cycle_is_read_once(
        start: u16,
        steps in proptest::collection::vec((1..9000u16, 0..3usize), 1..60),
    ) {
        let (mut sender, mut receiver) = pair(Suite::AesCm128HmacSha1_32);
        let mut sequence = start >> 1;
        let mut waiting: Vec<BytesMut> = Vec::new();
        for (step, late) in steps {
            let mut sealed = packet(sequence, 9);
            prop_assert_eq!(sender.protect(&mut sealed), Ok(()));
            waiting.push(sealed);
            if late == 0 {
                let at = waiting.len() - 1;
                let first = waiting.swap_remove(at);
                let mut once = first.clone();
                prop_assert_eq!(receiver.unprotect(&mut once), Ok(()));
                prop_assert_eq!(&once[12..], &b"some sound"[..]);
                prop_assert_eq!(receiver.unprotect(&mut first.clone()), Err(Refused::Replayed));
            } else if waiting.len() > late {
                // Too late for the window, or read; but never taken for one of another cycle.
                let outcome = receiver.unprotect(&mut waiting.remove(0));
                prop_assert!(matches!(outcome, Ok(()) | Err(Refused::Replayed)), "{:?}", outcome);
            }
            waiting.retain(|sealed| {
                let behind = sequence.wrapping_sub(u16::from_be_bytes([sealed[2], sealed[3]]));
                behind < 0x4000
            });
            sequence = sequence.wrapping_add(step);
        }
    }

    #[test]
    fn any_bytes_are_refused_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120), suite in 0..6usize) {
        let (_, mut receiver) = pair(Suite::ALL[suite]);
        prop_assert!(receiver.unprotect(&mut buffer(&bytes)).is_err());
        prop_assert!(receiver.unprotect_rtcp(&mut buffer(&bytes)).is_err());
        let mut sender = pair(Suite::ALL[suite]).0;
        let _ = sender.protect(&mut buffer(&bytes));
        let _ = sender.protect_rtcp(&mut buffer(&bytes));
    }
}
