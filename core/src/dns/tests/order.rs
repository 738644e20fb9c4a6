use std::net::IpAddr;

use proptest::prelude::*;

use super::super::{address, srv};
use super::*;
use crate::random::{Random, Seed};

fn server(priority: u16, weight: u16, port: u16) -> Srv {
    Srv { priority, weight, port, target: name("sip.lab.test") }
}

#[test]
fn addresses_go_by_the_precedence_of_rfc_6724() {
    let shuffled = ["192.0.2.2", "fd00::1", "2001:db8::2", "2002::1", "192.0.2.1", "::1", "2001:db8::1", "192.0.2.1"];
    let ordered = ["::1", "2001:db8::1", "2001:db8::2", "192.0.2.1", "192.0.2.2", "2002::1", "fd00::1"];
    let parse = |texts: &[&str]| texts.iter().map(|text| text.parse::<IpAddr>().unwrap()).collect::<Vec<_>>();
    assert_eq!(address::in_order(parse(&shuffled)), parse(&ordered));
}

#[test]
fn the_first_server_is_drawn_by_weight() {
    // RFC 2782: of a priority, a share of the weights; one of weight 0 in 1 of sum + 1 draws while others have a weight.
    for (weights, shares) in [
        (&[75, 25][..], &[0.74257, 0.25743][..]),
        (&[0, 100], &[0.0099, 0.9901]),
        (&[10, 20, 30, 40], &[0.10891, 0.19802, 0.29703, 0.39604]),
        (&[1, 0], &[0.5, 0.5]),
    ] {
        let servers: Vec<Srv> = (1..).zip(weights).map(|(port, weight)| server(10, *weight, port)).collect();
        let mut counts = vec![0.0; weights.len()];
        let draws = 20_000;
        let mut random = Random::new(&Seed::from_u64(2782));
        for _ in 0..draws {
            let first = srv::in_order(servers.clone(), &mut random)[0].port;
            counts[usize::from(first) - 1] += 1.0;
        }
        // The number 0 goes to whoever stands first, which is where those of weight 0 stand, or else the lightest.
        let chi: f64 = counts
            .iter()
            .zip(shares)
            .map(|(count, share): (&f64, &f64)| {
                let expected = share * f64::from(draws);
                (count - expected).powi(2) / expected
            })
            .sum();
        // The 99.9 % quantile of chi-squared with 3 degrees of freedom is 16.3.
        assert!(chi < 16.3, "{weights:?}: {counts:?}, chi² {chi}");
    }
}

#[test]
fn equal_weights_of_0_come_in_the_same_order() {
    let servers = vec![server(1, 0, 1), server(1, 0, 2)];
    let mut random = Random::new(&Seed::from_u64(1));
    let ports: Vec<u16> = srv::in_order(servers, &mut random).iter().map(|server| server.port).collect();
    assert_eq!(ports, [1, 2]);
}

#[test]
fn servers_that_reach_nobody_are_left_out() {
    let dot = Srv { target: Name::ROOT, ..server(0, 0, 5060) };
    assert_eq!(srv::usable(vec![dot], 9), (vec![], true));
    assert_eq!(srv::usable(vec![server(0, 0, 0)], 9), (vec![], true));
    assert_eq!(srv::usable(vec![], 9), (vec![], false));
    let many: Vec<Srv> = (1..=500).rev().map(|port| server(port, 0, port)).collect();
    let (kept, _) = srv::usable(many, 64);
    assert_eq!(kept.iter().map(|server| server.port).collect::<Vec<_>>(), (1..=64).collect::<Vec<_>>());
}

proptest! {
    #[test]
    fn every_server_comes_once_by_ascending_priority_whatever_order_they_came_in(
        numbers in prop::collection::vec((0_u16..4, 0_u16..4, 1_u16..50), 0..20),
        seed: u64,
    ) {
        let servers: Vec<Srv> = numbers.iter().map(|(priority, weight, port)| server(*priority, *weight, *port)).collect();
        let mut reversed = servers.clone();
        reversed.reverse();
        let ordered = srv::in_order(servers.clone(), &mut Random::new(&Seed::from_u64(seed)));
        prop_assert_eq!(&ordered, &srv::in_order(reversed, &mut Random::new(&Seed::from_u64(seed))));
        prop_assert!(ordered.is_sorted_by_key(|server| server.priority));
        let (mut all, mut came) = (servers, ordered);
        all.sort();
        all.dedup();
        came.sort();
        prop_assert_eq!(all, came);
    }
}
