//! A crowd: users of many hosts who register, call one another with reliable provisional responses and session timers, transfer their calls,
//! subscribe to one another, publish and send messages, over a network that does anything.
//!
//! Beside [`program`](crate::program), whose users know what must come of everything they do in a call, these use all of SIP at once; what
//! must hold is left to the [properties](crate::property), and to the end, at which nothing may be left.

mod compositor;
mod member;

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use sipsimple_core::agent::{AccountSpec, Config, Input, Intent, NetworkChange};
use sipsimple_core::package::{Forking, Package};
use sipsimple_core::random::Random;
use sipsimple_core::sip::digest::Credentials;
use sipsimple_core::time::Instant;

use crate::application::Alarms;
use crate::link::Faults;
use crate::property;
use crate::registrar::Registrar;
use crate::world::{Standing, World, v4};

use compositor::Compositor;
use member::{FINISH, Member};

/// A crowd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crowd {
    /// Everything is drawn from it.
    pub seed: u64,
    /// How many users.
    pub members: usize,
    /// For how long they do what they like.
    pub time: Duration,
    /// Whether the network has faults.
    pub faults: bool,
    /// Whether every message and event is printed.
    pub show: bool,
}

/// How often something was told, by the seeds' names.
pub type Count = std::collections::BTreeMap<&'static str, usize>;

/// The address of the registrar, in all accounts.
const REGISTRAR: &str = "10.9.0.9:5060";
/// The address of the one who is published to.
const COMPOSITOR: &str = "10.9.0.8:5060";

impl Crowd {
    /// Runs it, and counts what was told.
    ///
    /// # Panics
    /// When anything is not as it should be.
    #[must_use]
    pub fn run(&self) -> Count {
        let mut world = World::new(self.seed, Faults::none());
        if self.show {
            world.watch(vec![Box::new(property::Show)]);
        }
        world.watch(property::all());
        let (registrar, books) = Registrar::new(Random::new(&world.random().seed()), "SHA-256");
        books.borrow_mut().bad = world.random().below(3);
        world.add_script(REGISTRAR.parse().expect("an address"), registrar);
        let compositor = Compositor::new(Random::new(&world.random().seed()));
        world.add_script(COMPOSITOR.parse().expect("an address"), compositor);
        self.gather(&mut world);
        let end = world.now() + self.time;
        self.trouble(&mut world, end);
        world.heal();
        books.borrow_mut().bad = 0;
        for host in 0..self.members {
            world.set_alarms(host, Alarms { set: vec![(Duration::ZERO, FINISH)] });
        }
        world.run_for(Duration::from_secs(200));
        world.wind_up(Standing::Anything, &[]);
        count(&world)
    }

    fn gather(&self, world: &mut World) {
        let uris: Rc<[String]> = (0..self.members)
            .map(|number| format!("sip:member{number}@{}", SocketAddr::new(v4(number), 5060)))
            .collect();
        for number in 0..self.members {
            let config = config(world.random());
            let chance = Random::new(&world.random().seed());
            let host = world.add(config, Box::new(Member::new(number, Rc::clone(&uris), chance)));
            let spec = AccountSpec {
                credentials: Some(Credentials::new("member", "secret")),
                register: true,
                register_interval: 120,
                ..AccountSpec::new(format!("sip:member{number}@{REGISTRAR}"))
            };
            world.with(host, |agent, now| agent.intend(now, Intent::AddAccount(spec))).expect("a sound account");
            world.set_alarms(host, Alarms { set: vec![(Duration::from_secs(1), 0)] });
        }
    }

    fn trouble(&self, world: &mut World, end: Instant) {
        while world.now() < end {
            let pause = world.random().duration(Duration::from_secs(1), Duration::from_secs(60));
            world.run_until(end.min(world.now() + pause));
            if !self.faults {
                continue;
            }
            let host = usize::try_from(world.random().below(self.members as u64)).unwrap_or(0);
            match world.random().below(6) {
                0 => world.heal(),
                1 | 2 => {
                    let faults = Faults::draw(world.random());
                    world.set_faults(faults);
                }
                3 => world.tell(host, Input::Network(NetworkChange::Addresses)),
                4 => world.tell(host, Input::Tick { utc: None }),
                _ => {}
            }
        }
    }
}

fn count(world: &World) -> Count {
    let mut count = Count::new();
    for (_, event) in world.hosts().iter().flat_map(|host| &host.events) {
        for name in event.names().iter().take(1) {
            *count.entry(name).or_default() += 1;
        }
    }
    count
}

fn config(random: &mut Random) -> Config {
    let mut config = Config::default();
    config.reliable_provisionals = random.below(3) == 0;
    config.session_timer.enabled = random.below(5) > 0;
    config.session_timer.expires = match random.below(3) {
        0 => None,
        _ => u32::try_from(random.between(90, 200)).ok(),
    };
    config.session_timer.min_se = u32::try_from(random.between(60, 150)).unwrap_or(90);
    config.invite_timeout = Some(Duration::from_secs(40));
    config.packages.push(Package::new("weather", &["text/plain"], Forking::One).with_notifier());
    config
}
