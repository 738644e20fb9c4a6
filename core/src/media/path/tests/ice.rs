//! A restart of ICE while media flows (RFC 8445 section 9): two paths whose datagrams reach each other at once.

use super::*;
use crate::ice::{Credentials, Description, Exchange, Role, Servers};
use crate::media::{Candidate, Ice};
use crate::time::Utc;

/// The RTP sockets of the two.
const SOCKETS: [&str; 2] = ["192.0.2.1:4000", "192.0.2.2:4000"];

/// A path that seeks its way, and what it has told.
struct Side {
    path: Path,
    told: Option<Description>,
    succeeded: usize,
}

struct Pair {
    now: Instant,
    sides: [Side; 2],
}

impl Pair {
    fn new() -> Self {
        let now = Instant::ZERO;
        let side = |role, number: usize| {
            let ice = Some(Box::new(Ice { role, servers: Servers::default() }));
            let setup = Setup { ssrc: number as u32 + 1, ice, ..setup(number as u64 + 1) };
            let mut path = Path::new(&setup, now, Utc::default());
            path.bound(now, vec![Candidate { component: Component::Rtp, address: SOCKETS[number].parse().unwrap() }]);
            Side { path, told: None, succeeded: 0 }
        };
        let mut pair = Self { now, sides: [side(Role::Controlling, 0), side(Role::Controlled, 1)] };
        pair.run(10);
        pair
    }

    /// What side `index` is told when these are the credentials of the two.
    fn told(&self, index: usize, credentials: &[Credentials; 2]) -> Parameters {
        let there = 1 - index;
        let theirs = self.sides[there].told.clone().unwrap();
        let theirs = Description::new(credentials[there].clone(), theirs.candidates);
        let ice = Exchange { ours: credentials[index].clone(), theirs };
        Parameters {
            remote_rtp: SOCKETS[there].parse().ok(),
            remote_rtcp: None,
            formats: vec![format("PCMU", 0, 0)],
            ice: Some(Box::new(ice)),
            ..parameters()
        }
    }

    /// Lets milliseconds pass.
    fn run(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        while self.now < end {
            for index in [0, 1] {
                let side = &mut self.sides[index];
                side.path.timeout(self.now);
                while let Some(event) = side.path.poll_event() {
                    let Event::Ice(event) = event else { continue };
                    if let crate::ice::Event::Gathered { description } = *event {
                        side.told = Some(*description);
                    } else if let crate::ice::Event::Succeeded(_) = *event {
                        side.succeeded += 1;
                    }
                }
                while let Some(transmit) = self.sides[index].path.poll_transmit() {
                    let (to, from) = (1 - index, SOCKETS[index].parse().unwrap());
                    assert_eq!(transmit.to, SOCKETS[to].parse().unwrap());
                    self.sides[to].path.datagram(self.now, transmit.component, from, transmit.data);
                }
            }
            self.now += Duration::from_millis(1);
        }
    }

    /// Frames of each side reach the other; the first of a source may be doubted.
    fn talk(&mut self) {
        let before = self.sides.each_ref().map(|side| side.path.statistics().rx.packets);
        for _ in 0..4 {
            let now = self.now;
            self.sides.iter_mut().for_each(|side| side.path.push(now, &[0; 160], 160));
            self.run(20);
        }
        let after = self.sides.each_ref().map(|side| side.path.statistics().rx.packets);
        assert!(after[0] >= before[0] + 3 && after[1] >= before[1] + 3, "{before:?} {after:?}");
    }
}

#[test]
fn a_restart_of_ice_keeps_media_flowing_and_finds_a_way_again() {
    let mut pair = Pair::new();
    let first = pair.sides.each_ref().map(|side| side.told.as_ref().unwrap().credentials());
    for index in [0, 1] {
        let parameters = pair.told(index, &first);
        pair.sides[index].path.start(pair.now, parameters);
    }
    pair.run(2000);
    assert_eq!(pair.sides.each_ref().map(|side| side.succeeded), [1, 1]);
    pair.talk();
    // The same once more is no restart.
    for index in [0, 1] {
        let parameters = pair.told(index, &first);
        pair.sides[index].path.update(pair.now, parameters);
    }
    pair.run(2000);
    assert_eq!(pair.sides.each_ref().map(|side| side.succeeded), [1, 1]);
    let mut random = Random::new(&Seed::from_u64(9));
    let second = [Credentials::new(&mut random), Credentials::new(&mut random)];
    for index in [1, 0] {
        let parameters = pair.told(index, &second);
        pair.sides[index].path.update(pair.now, parameters);
        // Between the answer and its arrival, too.
        pair.talk();
        pair.run(300);
    }
    pair.run(2000);
    assert_eq!(pair.sides.each_ref().map(|side| side.succeeded), [2, 2]);
    pair.talk();
}
