//! ICE in the simulator: NATs of all kinds (RFC 4787), bad networks, both roles, and a TURN server (ICE-1, ICE-2, STN-1).

use std::time::Duration;

use sipsimple_core::ice::{Event, Failure, Kind as Found, RTCP, RTP, Role, State};
use sipsimple_testsuite::ice::{Knows, Lab};
use sipsimple_testsuite::link::Faults;
use sipsimple_testsuite::nat::Kind;

const KINDS: [Option<Kind>; 5] = [
    None,
    Some(Kind::open()),
    Some(Kind::address_restricted()),
    Some(Kind::port_restricted()),
    Some(Kind::symmetric()),
];
const BOTH: [u8; 2] = [RTP, RTCP];
const ROLES: [Role; 2] = [Role::Controlling, Role::Controlled];
const SECOND: Duration = Duration::from_secs(1);

/// Whether two behind these NATs can reach each other without a relay: not when one gives every peer another port, and the other lets in only who was sent to.
fn meet(one: Option<Kind>, other: Option<Kind>) -> bool {
    let is_symmetric = |kind: Option<Kind>| kind == Some(Kind::symmetric());
    let is_strict = |kind: Option<Kind>| is_symmetric(kind) || kind == Some(Kind::port_restricted());
    !(is_symmetric(one) && is_strict(other) || is_strict(one) && is_symmetric(other))
}

#[test]
fn nats_of_every_kind_are_passed_where_that_can_be() {
    for one in KINDS {
        for other in KINDS {
            for roles in [ROLES, [Role::Controlled, Role::Controlling]] {
                let mut lab = Lab::new(1, Faults::none(), roles, [one, other], [Knows::Stun; 2]);
                lab.negotiate(&BOTH, Duration::from_millis(80));
                lab.run(SECOND * 11);
                if meet(one, other) {
                    assert_eq!(lab.states(), [State::Completed; 2], "{one:?} {other:?}");
                    lab.assert_agreed(&BOTH);
                } else {
                    assert_eq!(lab.states(), [State::Failed; 2], "{one:?} {other:?}");
                    assert_eq!(lab.sides[0].events.last(), Some(&Event::Failed(Failure::TimedOut)));
                }
            }
        }
    }
}

#[test]
fn a_relay_joins_those_whom_nothing_else_does() {
    let symmetric = Some(Kind::symmetric());
    for (knows, seed) in [([Knows::Turn; 2], 1), ([Knows::Turn, Knows::Stun], 2), ([Knows::Stun, Knows::Turn], 3)] {
        let mut lab = Lab::new(seed, Faults::none(), ROLES, [symmetric; 2], knows);
        lab.negotiate(&BOTH, Duration::from_millis(80));
        lab.run(SECOND * 5);
        lab.assert_agreed(&BOTH);
        let relayed = |side: usize| {
            let agent = lab.sides[side].endpoint.agent();
            let chosen = agent.selected(RTP).unwrap();
            chosen.local.kind == Found::Relayed || chosen.remote.kind == Found::Relayed
        };
        assert!(relayed(0) && relayed(1));
        // Media goes both ways for longer than permissions, channels and NATs last.
        for round in 0..70 {
            assert!(lab.send(0, RTP, b"\x80 from the first") && lab.send(1, RTP, b"\x80 from the second"));
            lab.run(SECOND * 10);
            assert_eq!([0, 1].map(|side| lab.sides[side].media.len()), [round + 1; 2]);
        }
        lab.assert_agreed(&BOTH);
        let allocations = lab.server.allocations(lab.now);
        assert!((2..=4).contains(&allocations), "those that were not chosen were given back: {allocations}");
        let now = lab.now;
        lab.sides.iter_mut().for_each(|side| side.endpoint.release(now));
        lab.run(SECOND * 3);
        assert_eq!(lab.server.allocations(lab.now), 0);
        assert!(lab.sides.iter().all(|side| side.endpoint.is_finished() && side.endpoint.deadline().is_none()));
    }
}

#[test]
fn bad_networks_only_take_longer() {
    let kinds = |seed: u64| [KINDS[seed as usize % 5], KINDS[seed as usize / 5 % 5]];
    for seed in 0..50 {
        let faults = Faults {
            loss: 50_000,
            duplicate: 100_000,
            reorder: 200_000,
            jitter: Duration::from_millis(40),
            ..Faults::none()
        };
        for roles in [ROLES, [Role::Controlling; 2], [Role::Controlled; 2]] {
            let mut lab = Lab::new(seed, Faults::none(), roles, kinds(seed), [Knows::Turn; 2]);
            lab.gather(&[RTP]);
            lab.degrade(faults.clone());
            lab.connect(Duration::from_millis(seed * 17 % 400));
            lab.run(SECOND * 12);
            assert_eq!(lab.states(), [State::Completed; 2], "seed {seed}, {roles:?}");
            lab.assert_agreed(&[RTP]);
        }
    }
}

#[test]
fn the_same_seed_runs_the_same() {
    let run = || {
        let faults = Faults { loss: 100_000, ..Faults::none() };
        let mut lab = Lab::new(9, faults, ROLES, [Some(Kind::symmetric()); 2], [Knows::Turn; 2]);
        lab.negotiate(&BOTH, Duration::from_millis(80));
        lab.run(SECOND * 30);
        format!("{:?} {:?}", lab.sides.each_ref().map(|side| &side.events), lab.server.relayed)
    };
    assert_eq!(run(), run());
}

#[test]
fn a_server_that_refuses_or_is_silent_costs_only_its_candidates() {
    let restricted = Some(Kind::port_restricted());
    let mut lab = Lab::new(1, Faults::none(), ROLES, [restricted; 2], [Knows::Turn; 2]);
    lab.server.refuses = Some(508);
    lab.negotiate(&BOTH, Duration::ZERO);
    for side in &lab.sides {
        assert!(matches!(side.events[0], Event::Gathered { .. }));
        let candidates = side.endpoint.description().candidates;
        assert!(candidates.iter().all(|candidate| candidate.kind == Found::Host));
    }
    let mut silent = Lab::new(1, Faults::silence(), ROLES, [None; 2], [Knows::Turn, Knows::Stun]);
    silent.negotiate(&BOTH, Duration::ZERO);
    silent.heal();
    silent.run(SECOND * 5);
    silent.assert_agreed(&BOTH);
}

#[test]
fn what_was_gathered_lives_until_the_call_is_answered() {
    // Longer than a mapping lives, and with nonces that go stale.
    let mut lab = Lab::new(4, Faults::none(), ROLES, [Some(Kind::port_restricted()); 2], [Knows::Turn, Knows::Stun]);
    lab.server.nonce_time = SECOND * 40;
    lab.server.lifetime = SECOND * 100;
    lab.gather(&BOTH);
    lab.run(SECOND * 120);
    lab.connect(Duration::from_millis(50));
    lab.run(SECOND * 2);
    lab.assert_agreed(&BOTH);
}

#[test]
fn a_peer_that_is_gone_gets_nothing_more() {
    let mut lab = Lab::new(6, Faults::none(), ROLES, [Some(Kind::symmetric()); 2], [Knows::Turn; 2]);
    lab.negotiate(&BOTH, Duration::ZERO);
    lab.run(SECOND * 60);
    lab.assert_agreed(&BOTH);
    lab.degrade(Faults::silence());
    lab.run(SECOND * 31);
    for side in &lab.sides {
        assert_eq!(side.events.last(), Some(&Event::Failed(Failure::ConsentLost)));
    }
    assert!(!lab.send(0, RTP, b"\x80 too late"));
}
