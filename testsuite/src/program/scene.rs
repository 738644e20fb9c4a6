//! The hosts of a random program, and their settings.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use sipsimple_core::agent::{AccountSpec, Config, Intent};
use sipsimple_core::random::Random;
use sipsimple_core::transport::Transport;

use crate::host::Place;
use crate::world::{World, v4, v6};

use super::user::{Person, User};
use super::{Notes, Program};

/// The transports and the families of addresses that a program uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ways {
    /// UDP only.
    Udp,
    /// TCP only.
    Tcp,
    /// Some hosts have both, and some only one; IPv4, IPv6 or both.
    #[default]
    Mixed,
}

impl Ways {
    /// Its option on the command line.
    pub(super) const fn options(self) -> &'static str {
        match self {
            Self::Udp => " --udp",
            Self::Tcp => " --tcp",
            Self::Mixed => "",
        }
    }
}

/// Adds the hosts of a program and tells their users of each other; tells how many there are.
pub(super) fn people(program: &Program, world: &mut World, notes: &Rc<RefCell<Notes>>) -> usize {
    let places: Vec<Place> = (0..program.hosts).map(|number| place(program, number, world.random())).collect();
    let people: Rc<[Person]> = places
        .iter()
        .enumerate()
        .map(|(number, place)| Person {
            uri: format!("sip:user{number}@{}", bracketed(place.addresses[0])),
            addresses: place.addresses.clone(),
            transports: place.transports.clone(),
        })
        .collect();
    for (number, place) in places.into_iter().enumerate() {
        let config = config(program, world.random());
        let chance = Random::new(&world.random().seed());
        let user = User::new(number, program.calls as u64, Rc::clone(&people), chance, Rc::clone(notes));
        let host = world.add_at(place, config, Box::new(user));
        let uri = people[number].uri.as_str();
        let spec = AccountSpec { any_user: true, ..AccountSpec::new(uri) };
        world.with(host, |agent, now| agent.intend(now, Intent::AddAccount(spec))).expect("a sound account");
    }
    world.run_for(Duration::from_millis(1));
    people.len()
}

fn bracketed(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// The last host of a mixed world has the other family alone, so that some cannot reach it.
fn place(program: &Program, number: usize, random: &mut Random) -> Place {
    let (udp, tcp) = (Transport::Udp, Transport::Tcp);
    let (transports, addresses) = match program.ways {
        Ways::Udp => (vec![udp], vec![v4(number)]),
        Ways::Tcp => (vec![tcp], vec![v4(number)]),
        Ways::Mixed => {
            let transports = match random.below(6) {
                0 => vec![udp],
                1 => vec![tcp, udp],
                _ => vec![udp, tcp],
            };
            let addresses = match random.below(6) {
                0 => vec![v6(number)],
                1 => vec![v4(number)],
                2 => vec![v6(number), v4(number)],
                _ => vec![v4(number), v6(number)],
            };
            (transports, addresses)
        }
    };
    Place {
        addresses,
        transports,
        wildcard: random.below(3) == 0,
        tells_destination: random.below(2) == 0,
        tracing: program.tracing,
        keep_events: program.calls <= 1000,
        media: program.media,
        shows: None,
    }
}

fn config(program: &Program, random: &mut Random) -> Config {
    let mut config = Config::default();
    // Most keep the timers of the RFC; a few have others, as RFC 3261 section 17.1.1.1 allows.
    match random.below(8) {
        0 => config.timers.t1 = Duration::from_millis(250),
        1 => config.timers.t1 = Duration::from_secs(1),
        2 => config.timers.t2 = Duration::from_secs(2),
        _ => {}
    }
    if random.below(4) == 0 {
        config.invite_timeout = Some(random.duration(Duration::from_secs(1), Duration::from_secs(30)));
    }
    if program.calls > 1000 {
        // Large worlds need room.
        config.limits.sessions = 100_000;
        config.limits.unanswered_sessions = 100_000;
        config.limits.transactions = 1_000_000;
        config.limits.connections = 100_000;
        config.limits.effects = 100_000;
    }
    config
}
