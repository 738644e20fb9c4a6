//! Keys in descriptions (RFC 4568): lines, choices, and what both sides agree on.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::*;
use crate::media::Keys;
use crate::random::{Random, Seed};
use crate::rtp::srtp::{Mki, Suite};

/// The example key of RFC 4568 section 9.1.
const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";
const BOTH: [Suite; 2] = [Suite::AesCm128HmacSha1_80, Suite::AesCm128HmacSha1_32];

/// Where the streams of `alice` and `bob` are.
const HERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 4000);
const THERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)), 4000);

fn random(number: u64) -> Random {
    Random::new(&Seed::from_u64(number))
}

#[test]
fn lines_are_read_and_written() {
    let crypto = Crypto::read(&format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}")).unwrap();
    assert_eq!((crypto.tag, crypto.key.suite()), (1, Suite::AesCm128HmacSha1_80));
    assert_eq!(crypto.attribute().value.as_deref(), Some(&*format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}")));
    let named =
        Crypto::read(&format!("999999999 AES_CM_128_HMAC_SHA1_32 INLINE:{KEY}|2^20|1:4 WSH=64 -later")).unwrap();
    assert_eq!((named.tag, named.key.mki()), (999_999_999, Some(Mki { value: 1, len: 4 })));
    assert!(named.attribute().value.unwrap().ends_with("|1:4"));
    let gcm = "7 AEAD_AES_256_GCM inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    assert_eq!(Crypto::read(gcm).unwrap().attribute().value.as_deref(), Some(gcm));
}

#[test]
fn lines_that_cannot_be_used_are_passed_over() {
    for line in [
        "",
        "1",
        "1 AES_CM_128_HMAC_SHA1_80",
        "x AES_CM_128_HMAC_SHA1_80 inline:KEY",
        "1234567890 AES_CM_128_HMAC_SHA1_80 inline:KEY",
        "1 F8_128_HMAC_SHA1_80 inline:KEY",
        "1 aes_cm_128_hmac_sha1_80 inline:KEY",
        "1 AEAD_AES_128_GCM inline:KEY",
        "1 AES_CM_128_HMAC_SHA1_80 KEY",
        "1 AES_CM_128_HMAC_SHA1_80 uri:KEY",
        "1 AES_CM_128_HMAC_SHA1_80 inline:KEY!",
        "1 AES_CM_128_HMAC_SHA1_80 inline:KEY|1:4;inline:KEY|2:4",
        "1 AES_CM_128_HMAC_SHA1_80 inline:KEY|1:0",
        "1 AES_CM_128_HMAC_SHA1_80 inline:KEY|1:200",
        "1 AES_CM_128_HMAC_SHA1_80 inline:KEY KDR=3",
        "1 AES_CM_128_HMAC_SHA1_80 inline:KEY UNENCRYPTED_SRTP",
        "1 AES_CM_128_HMAC_SHA1_80 inline:KEY UNAUTHENTICATED_SRTP",
        "1 AES_CM_128_HMAC_SHA1_80 inline:KEY FEC_ORDER=FEC_SRTP",
    ] {
        assert_eq!(Crypto::read(&line.replace("KEY", KEY)), None, "{line}");
    }
}

fn secured(attributes: Vec<Attribute>, protocol: &'static str) -> Description {
    Description { attributes, protocol: protocol.into(), ..audio(4000) }
}

/// The keys of the only slot on both sides.
fn keys(ours: &Agreed, theirs: &Agreed) -> (Box<Keys>, Box<Keys>) {
    let keys = |agreed: &Agreed| agreed.slot(0).unwrap().srtp.clone().unwrap();
    (keys(ours), keys(theirs))
}

#[test]
fn both_sides_agree_on_the_keys_of_the_chosen_line() {
    for protocol in ["RTP/AVP", "RTP/SAVP"] {
        let (mut alice, mut bob) = pair();
        let (mut of_alice, mut of_bob) = (Sdes::default(), Sdes::default());
        let (mut chance_a, mut chance_b) = (random(1), random(2));
        let lines = of_alice.offer(&BOTH, HERE, &mut chance_a);
        assert_eq!(lines.len(), 2);
        let offer = offer_of(&mut alice, &[LocalMedia::New(secured(lines, protocol))]);
        let section = offer.media_at(0).unwrap();
        assert!(has_srtp(&section) && demands_srtp(&section) == (protocol == "RTP/SAVP"));
        bob.remote_offer(&offer).unwrap();
        let line = of_bob.answer(&section, &[Suite::AesCm128HmacSha1_32], THERE, &mut chance_b).unwrap();
        assert!(line.value.as_deref().unwrap().starts_with("2 AES_CM_128_HMAC_SHA1_32 "));
        let accept = LocalAnswer::Accept(0, secured(vec![line.clone()], protocol));
        let (answer, theirs) = bob.local_answer(&[accept]).unwrap();
        let answer = parse(&answer.to_string());
        let ours = alice.remote_answer(&answer).unwrap();
        of_alice.agreed(&section, &answer.media_at(0).unwrap());
        of_bob.agreed(&answer.media_at(0).unwrap(), &section);
        let (ours, theirs) = keys(&ours, &theirs);
        assert_eq!((&ours.send, &ours.receive), (&theirs.receive, &theirs.send));
        assert_ne!(ours.send, ours.receive);
        // A later offer of either side repeats the keys in use, and so does its answer.
        let again = of_alice.offer(&BOTH, HERE, &mut chance_a);
        assert_eq!(again.len(), 1);
        assert!(again[0].value.as_deref().unwrap().ends_with(&*ours.send.to_base64()));
        assert_eq!(of_bob.answer(&section, &BOTH[1..], THERE, &mut chance_b), Some(line.clone()));
        assert_eq!(of_bob.offer(&BOTH, THERE, &mut chance_b), std::slice::from_ref(&line));
        // Who has moved gives another key (RFC 4568 section 7.1.4), and until that is agreed on, the one in use stays.
        let moved = of_bob.answer(&section, &BOTH[1..], HERE, &mut chance_b).unwrap();
        assert_ne!(moved, line);
        assert_eq!(of_bob.answer(&section, &BOTH[1..], HERE, &mut chance_b), Some(moved));
        let lines = of_bob.offer(&BOTH, HERE, &mut chance_b);
        assert!(lines.len() == 2 && !lines.contains(&line));
        assert_eq!(of_bob.offer(&BOTH, HERE, &mut chance_b), lines);
        assert_eq!(of_bob.offer(&BOTH, THERE, &mut chance_b), std::slice::from_ref(&line));
        // Keys that an agreement leaves out do not come back, nor do those that were forgotten.
        let open = peer("m=audio 9 RTP/AVP 0\n");
        of_bob.agreed(&answer.media_at(0).unwrap(), &open.media_at(0).unwrap());
        let again = of_bob.offer(&BOTH, THERE, &mut chance_b);
        assert!(again.len() == 2 && !again.contains(&line) && again != lines);
        of_bob.reset();
        assert_ne!(of_bob.offer(&BOTH, THERE, &mut chance_b), again);
    }
}

#[test]
fn a_new_key_of_the_offerer_gets_a_new_key_in_return() {
    let mut sdes = Sdes::default();
    let mut chance = random(1);
    let section = |key: &str| peer(&format!("m=audio 9 RTP/AVP 0\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}\n"));
    let first = sdes.answer(&section(KEY).media_at(0).unwrap(), &BOTH, HERE, &mut chance);
    assert_eq!(first, sdes.answer(&section(KEY).media_at(0).unwrap(), &BOTH, HERE, &mut chance));
    let second = sdes.answer(&section(&KEY.replace('W', "X")).media_at(0).unwrap(), &BOTH, HERE, &mut chance);
    assert!(second.is_some() && second != first);
}

#[test]
fn optional_keys_may_stay_unanswered_and_a_secure_profile_may_not() {
    let mut sdes = Sdes::default();
    for (protocol, usable) in [("RTP/AVP", true), ("RTP/SAVP", false)] {
        let mut alice = side("192.0.2.1");
        let lines = sdes.offer(&BOTH, HERE, &mut random(1));
        offer_of(&mut alice, &[LocalMedia::New(secured(lines, protocol))]);
        let agreed = alice.remote_answer(&peer(&format!("m=audio 9 {protocol} 0\n"))).unwrap();
        assert_eq!(agreed.slot(0).is_some(), usable);
        assert!(agreed.slot(0).is_none_or(|media| media.srtp.is_none()));
        assert_eq!(agreed.unusable.len(), usize::from(!usable));
    }
}

#[test]
fn an_answer_with_another_tag_or_suite_agrees_on_nothing() {
    for line in ["3 AES_CM_128_HMAC_SHA1_80", "2 AES_CM_128_HMAC_SHA1_80"] {
        let mut alice = side("192.0.2.1");
        let mut sdes = Sdes::default();
        let lines = sdes.offer(&BOTH, HERE, &mut random(1));
        let offer = offer_of(&mut alice, &[LocalMedia::New(secured(lines, "RTP/SAVP"))]);
        let answer = peer(&format!("m=audio 9 RTP/SAVP 0\na=crypto:{line} inline:{KEY}\n"));
        let agreed = alice.remote_answer(&answer).unwrap();
        sdes.agreed(&offer.media_at(0).unwrap(), &answer.media_at(0).unwrap());
        assert_eq!((agreed.slot(0), agreed.unusable.len()), (None, 1));
        assert_eq!(sdes.offer(&BOTH, HERE, &mut random(2)).len(), 2);
    }
}
