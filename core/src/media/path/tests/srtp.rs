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
    // Bob has another key. What he sent before still arrives, until he uses it.
    bob.push(ms(400), &20u64.to_be_bytes(), 160);
    let late = bob.poll_transmit().unwrap();
    bob.push(ms(420), &21u64.to_be_bytes(), 160);
    let too_late = bob.poll_transmit().unwrap();
    alice.update(ms(420), Parameters { srtp: Some(Box::new(Keys { send: key(1), receive: key(3) })), ..parameters() });
    bob.update(ms(420), of_bob(Keys { send: key(3), receive: key(1) }));
    alice.datagram(ms(430), Component::Rtp, peer(), late.data);
    assert_eq!(alice.statistics().rx.discarded, 0);
    assert_eq!(talk(&mut alice, &mut bob, 22..30), 8);
    let before = alice.statistics().rx.clone();
    alice.datagram(ms(600), Component::Rtp, peer(), too_late.data);
    assert_eq!((before.discarded, alice.statistics().rx.discarded), (0, 1));
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
