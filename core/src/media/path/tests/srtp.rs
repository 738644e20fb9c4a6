//! SRTP on the path: two paths under their keys, and what others send.

use super::*;
use crate::media::Keys;
use crate::random::Random;
use crate::rtp::srtp::{MasterKey, Suite};

fn key(number: u64) -> MasterKey {
    MasterKey::generate(Suite::AesCm128HmacSha1_80, &mut Random::new(&Seed::from_u64(number)))
}

fn ours() -> SocketAddr {
    address("192.0.2.1:5000")
}

/// Two paths that send to each other, each under its own key.
fn pair() -> (Path, Path) {
    let alice = started(Parameters { srtp: Some(Box::new(Keys { send: key(1), receive: key(2) })), ..parameters() });
    let mut bob = Path::new(&Setup { ssrc: PEER_SSRC, ..setup(2) }, Instant::ZERO, Utc { unix_millis: 0 });
    bob.start(Instant::ZERO, of_bob(Keys { send: key(2), receive: key(1) }));
    assert_eq!(bob.poll_event(), Some(Event::Started));
    (alice, bob)
}

fn of_bob(keys: Keys) -> Parameters {
    Parameters {
        remote_rtp: Some(ours()),
        remote_rtcp: Some(address("192.0.2.1:5001")),
        formats: vec![format("PCMU", 96, 0)],
        telephone_event: Some(TelephoneEvent { send_payload: 102, receive_payload: 101, clock_rate: 8000 }),
        srtp: Some(Box::new(keys)),
        ..parameters()
    }
}

/// Hands what one sends to the other; gives the datagrams.
fn carry(now: Instant, from: &mut Path, address: SocketAddr, to: &mut Path) -> Vec<Transmit> {
    let sent: Vec<Transmit> = std::iter::from_fn(|| from.poll_transmit()).collect();
    for Transmit { component, data, .. } in &sent {
        let port = address.port() + u16::from(*component == Component::Rtcp);
        to.datagram(now, *component, SocketAddr::new(address.ip(), port), data.clone());
    }
    sent
}

/// Bob sends these frames, and Alice hears so many of them.
fn talk(alice: &mut Path, bob: &mut Path, frames: std::ops::Range<u64>) -> u64 {
    let before = alice.statistics().rx.packets;
    for index in frames {
        let now = ms(index * 20);
        bob.push(now, &index.to_be_bytes(), 160);
        carry(now, bob, peer(), alice);
        while alice.pull(now) != Pull::Wait {}
    }
    alice.statistics().rx.packets - before
}

#[test]
fn media_digits_and_reports_arrive_and_are_not_readable_on_the_way() {
    let (mut alice, mut bob) = pair();
    let mut digits = Vec::new();
    for index in 0..1500 {
        let now = ms(index * 20);
        bob.push(now, b"a frame that is long enough to be seen", 160);
        alice.push(now, &[0xff; 160], 160);
        if index == 100 {
            bob.send_dtmf(now, '7', Duration::from_millis(100)).unwrap();
        }
        bob.timeout(now);
        alice.timeout(now);
        let sent = carry(now, &mut bob, peer(), &mut alice);
        assert!(sent.iter().all(|sent| !sent.data.windows(12).any(|bytes| bytes == b"long enough ")));
        carry(now, &mut alice, ours(), &mut bob);
        while let Pull::Packet { payload, .. } = alice.pull(now) {
            assert_eq!(&payload[..], b"a frame that is long enough to be seen");
        }
        while let Some(event) = alice.poll_event() {
            if let Event::Dtmf { digit } = event {
                digits.push(digit);
            }
        }
        while bob.poll_event().is_some() {}
    }
    let heard = alice.statistics();
    assert_eq!(digits, ['7']);
    assert!(heard.rx.packets > 1400 && heard.rx.discarded == 0 && heard.rx.lost == 0, "{heard:?}");
    assert!(heard.round_trip.is_some() && bob.statistics().round_trip.is_some());
    bob.stop(ms(30_000));
    assert_eq!(carry(ms(30_000), &mut bob, peer(), &mut alice).len(), 1);
    assert_eq!(alice.statistics().rx.discarded, 0);
}

#[test]
fn what_is_open_or_under_another_key_moves_nothing() {
    let (mut alice, mut bob) = pair();
    assert_eq!(talk(&mut alice, &mut bob, 0..10), 10);
    while alice.poll_event().is_some() {}
    let stranger = address("203.0.113.9:7000");
    for index in 0..20 {
        receive(&mut alice, ms(200), stranger, &frame(index));
        receive(&mut alice, ms(200), peer(), &frame(200 + index));
    }
    let mut other = Path::new(&Setup { ssrc: 77, ..setup(3) }, Instant::ZERO, Utc { unix_millis: 0 });
    other.start(Instant::ZERO, of_bob(Keys { send: key(9), receive: key(1) }));
    for index in 0..20 {
        other.push(ms(200 + index * 20), &[1; 160], 160);
    }
    let forged = carry(ms(600), &mut other, stranger, &mut alice);
    assert_eq!(forged.len(), 20);
    assert_eq!(alice.statistics().rx.discarded, 60);
    assert_eq!((alice.statistics().rx.packets, alice.poll_event()), (10, None));
    alice.push(ms(600), &[0xff; 160], 160);
    assert_eq!(alice.poll_transmit().unwrap().to, peer());
}

#[test]
fn only_authentic_packets_latch() {
    let (mut alice, mut bob) = pair();
    let moved = address("198.51.100.7:9000");
    for index in 0..5 {
        let now = ms(index * 20);
        bob.push(now, &[1; 160], 160);
        carry(now, &mut bob, moved, &mut alice);
    }
    alice.push(ms(100), &[0xff; 160], 160);
    assert_eq!(alice.poll_transmit().unwrap().to, moved);
}

#[test]
fn a_key_that_stays_keeps_its_counters_and_another_begins_anew() {
    let (mut alice, mut bob) = pair();
    assert_eq!(talk(&mut alice, &mut bob, 0..10), 10);
    // The same keys again.
    alice.update(ms(200), Parameters { srtp: Some(Box::new(Keys { send: key(1), receive: key(2) })), ..parameters() });
    bob.update(ms(200), of_bob(Keys { send: key(2), receive: key(1) }));
    assert_eq!(talk(&mut alice, &mut bob, 10..20), 10);
    // Bob has another key. What he sent before still arrives, and for a second after he uses it.
    let mut sent = Vec::new();
    for index in 20..24_u64 {
        bob.push(ms(index * 20), &index.to_be_bytes(), 160);
        sent.push(bob.poll_transmit().unwrap().data);
    }
    alice.update(ms(480), Parameters { srtp: Some(Box::new(Keys { send: key(1), receive: key(3) })), ..parameters() });
    bob.update(ms(480), of_bob(Keys { send: key(3), receive: key(1) }));
    // Whether one of them is opened, if it comes at that time.
    let opens = |alice: &mut Path, now, index: usize| {
        let before = alice.statistics().rx.packets;
        alice.datagram(ms(now), Component::Rtp, peer(), sent[index].clone());
        alice.statistics().rx.packets > before
    };
    assert!(opens(&mut alice, 480, 0));
    assert_eq!(talk(&mut alice, &mut bob, 24..26), 2);
    assert!(opens(&mut alice, 521, 2), "overtaken by the new key");
    assert!(!opens(&mut alice, 522, 2), "but never twice");
    assert_eq!(talk(&mut alice, &mut bob, 26..74), 48);
    assert!(!opens(&mut alice, 1481, 3), "too late");
}

/// The numbers have gone over their cycle under the old key: the new one begins with roll-over counter 0, in another suite.
#[test]
fn a_new_suite_begins_with_counters_of_its_own() {
    let (mut alice, mut bob) = pair();
    assert_eq!(talk(&mut alice, &mut bob, 0..66_000), 66_000);
    let gcm = |number| MasterKey::generate(Suite::AeadAes256Gcm, &mut Random::new(&Seed::from_u64(number)));
    let keys = || Keys { send: gcm(11), receive: gcm(12) };
    alice.update(ms(1_320_000), Parameters { srtp: Some(Box::new(keys())), ..parameters() });
    bob.update(ms(1_320_000), of_bob(Keys { send: keys().receive, receive: keys().send }));
    assert_eq!(talk(&mut alice, &mut bob, 66_000..66_500), 500);
    assert_eq!((alice.statistics().rx.discarded, alice.statistics().rx.lost), (0, 0));
}

#[test]
fn another_ssrc_after_a_collision_is_protected_too() {
    let (mut alice, mut bob) = pair();
    assert_eq!(talk(&mut alice, &mut bob, 0..5), 5);
    // Another of the session, who has the key, has Bob's SSRC.
    let mut twin = Path::new(&Setup { ssrc: PEER_SSRC, ..setup(4) }, Instant::ZERO, Utc { unix_millis: 0 });
    twin.start(
        Instant::ZERO,
        Parameters { srtp: Some(Box::new(Keys { send: key(1), receive: key(2) })), ..parameters() },
    );
    twin.push(ms(100), &[1; 160], 160);
    carry(ms(100), &mut twin, ours(), &mut bob);
    assert_ne!(bob.ssrc(), PEER_SSRC);
    assert_eq!(talk(&mut alice, &mut bob, 5..60), 55);
}
