//! The requirements of RFC 4787, by their sections.

use std::time::Duration;

use super::*;

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn nat(kind: Kind) -> Nat {
    Nat::new("198.51.100.1".parse().unwrap(), kind)
}

const NOW: Instant = Instant::ZERO;

#[test]
fn a_mapping_depends_on_the_peer_as_the_kind_says() {
    let inside = at("10.0.0.1:5060");
    let peers = [at("192.0.2.1:1"), at("192.0.2.1:2"), at("192.0.2.2:1")];
    for (mapping, distinct) in [(Dependence::Endpoint, 1), (Dependence::Address, 2), (Dependence::AddressAndPort, 3)] {
        let mut nat = nat(Kind { mapping, ..Kind::open() });
        let seen: BTreeSet<_> = peers.iter().map(|peer| nat.outbound(NOW, inside, *peer).unwrap()).collect();
        assert_eq!(seen.len(), distinct, "{mapping:?}");
        assert!(seen.iter().all(|seen| seen.ip() == nat.outside()));
        assert_eq!(nat.mappings(NOW), distinct);
    }
}

#[test]
fn a_filter_lets_in_whom_the_kind_says() {
    let inside = at("10.0.0.1:5060");
    let sent_to = at("192.0.2.1:1");
    let others = [at("192.0.2.1:2"), at("192.0.2.2:1")];
    for (kind, lets_in) in [
        (Kind::open(), [true, true]),
        (Kind::address_restricted(), [true, false]),
        (Kind::port_restricted(), [false, false]),
        (Kind::symmetric(), [false, false]),
    ] {
        let mut nat = nat(kind);
        assert_eq!(nat.inbound(NOW, sent_to, 5060), None, "nothing was sent yet");
        let outside = nat.outbound(NOW, inside, sent_to).unwrap();
        assert_eq!(nat.inbound(NOW, sent_to, outside.port()), Some(inside));
        let let_in = others.map(|other| nat.inbound(NOW, other, outside.port()).is_some());
        assert_eq!(let_in, lets_in, "{kind:?}");
    }
}

#[test]
fn a_port_stays_where_it_is_free_and_is_never_shared() {
    let peer = at("192.0.2.1:5060");
    let mut nat = nat(Kind::open());
    assert_eq!(nat.outbound(NOW, at("10.0.0.1:5060"), peer).unwrap().port(), 5060);
    let second = nat.outbound(NOW, at("10.0.0.2:5060"), peer).unwrap();
    assert_ne!(second.port(), 5060);
    assert_eq!(nat.inbound(NOW, peer, second.port()), Some(at("10.0.0.2:5060")));
}

#[test]
fn a_mapping_dies_when_it_is_not_used() {
    let (inside, peer) = (at("10.0.0.1:5060"), at("192.0.2.1:5060"));
    for refreshed_from_outside in [true, false] {
        let kind = Kind { refreshed_from_outside, lifetime: Duration::from_secs(30), ..Kind::open() };
        let mut nat = nat(kind);
        let outside = nat.outbound(NOW, inside, peer).unwrap();
        let later = NOW + Duration::from_secs(20);
        assert_eq!(nat.inbound(later, peer, outside.port()), Some(inside));
        let latest = later + Duration::from_secs(20);
        assert_eq!(nat.inbound(latest, peer, outside.port()).is_some(), refreshed_from_outside);
    }
}

#[test]
fn what_is_forgotten_lets_nothing_in() {
    let (inside, peer) = (at("10.0.0.1:5060"), at("192.0.2.1:5060"));
    let mut nat = nat(Kind::open());
    let outside = nat.outbound(NOW, inside, peer).unwrap();
    nat.forget();
    assert_eq!(nat.inbound(NOW, peer, outside.port()), None);
}
