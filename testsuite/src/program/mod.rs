//! Random programs: users of many hosts who do anything at any time, over a network that does anything at any time.
//!
//! Everything is drawn from the seed: the hosts, their settings, the faults of the network, who calls whom when, and what
//! everybody does then. After every step the [properties](crate::property) hold; in the end the network is healed,
//! everybody hangs up, and nothing may be left: no session, no transaction, no socket, no disagreement.

mod notes;
mod scene;
mod user;

pub use notes::{Notes, Outcome, Side};
pub use scene::Ways;

use std::cell::RefCell;
use std::fmt::Write;
use std::rc::Rc;
use std::time::Duration;

use sipsimple_core::agent::{Input, NetworkChange};
use sipsimple_core::time::Instant;

use crate::application::Alarms;
use crate::host::Tracing;
use crate::link::Faults;
use crate::media::Mode;
use crate::property;
use crate::world::{Standing, World};

use user::FINISH;

/// A random program.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// Everything is drawn from it.
    pub seed: u64,
    /// How many hosts.
    pub hosts: usize,
    /// How many calls.
    pub calls: usize,
    /// Calls that start in a second, on average.
    pub rate: u32,
    /// The transports, and the families of addresses.
    pub ways: Ways,
    /// Whether the network has faults.
    pub faults: bool,
    /// How media paths are run.
    pub media: Mode,
    /// What becomes of the traces: those that are kept are replayed in the end.
    pub tracing: Tracing,
    /// Whether every message and event is printed.
    pub show: bool,
}

impl Default for Program {
    fn default() -> Self {
        Self {
            seed: 0,
            hosts: 3,
            calls: 10,
            rate: 1,
            ways: Ways::default(),
            faults: true,
            media: Mode::Answered,
            tracing: Tracing::Keep,
            show: false,
        }
    }
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Calls that were started.
    pub calls: usize,
    /// Calls that were established on both sides.
    pub established: usize,
    /// Calls that were not established on any side.
    pub failed: usize,
    /// Intents that were refused, as they should be.
    pub refused: usize,
    /// How much time has passed in the world.
    pub time: Duration,
    /// How many things have happened.
    pub steps: u64,
    /// The hash of the traces of all hosts.
    pub digest: u64,
}

/// How long calls that were started last may go on before everybody hangs up.
const TAIL: Duration = Duration::from_secs(40);

impl Program {
    /// The command that runs it again.
    #[must_use]
    pub fn command(&self) -> String {
        let plain = Self::default();
        let mut line =
            format!("cargo run -p sipsimple-testsuite --bin sipsimple-test -- simulate --seed {}", self.seed);
        for (name, value, default) in [("hosts", self.hosts, plain.hosts), ("calls", self.calls, plain.calls)] {
            if value != default {
                let _ = write!(line, " --{name} {value}");
            }
        }
        if self.rate != plain.rate {
            let _ = write!(line, " --rate {}", self.rate);
        }
        line.push_str(self.ways.options());
        if !self.faults {
            line.push_str(" --calm");
        }
        match self.media {
            Mode::Answered => {}
            Mode::Paths => line.push_str(" --media rtcp"),
            Mode::Sound { .. } => line.push_str(" --media sound"),
        }
        match self.tracing {
            Tracing::Keep => {}
            Tracing::Digest => line.push_str(" --trace digest"),
            Tracing::Off => line.push_str(" --trace off"),
        }
        line
    }

    /// Runs it.
    ///
    /// # Panics
    /// When anything is not as it should be; the command that runs it again is printed then.
    #[must_use]
    pub fn run(&self) -> Report {
        let mut world = World::new(self.seed, Faults::none());
        world.set_rerun(self.command());
        if self.show {
            world.watch(vec![Box::new(property::Show)]);
        }
        world.watch(property::all());
        let notes = Rc::new(RefCell::new(Notes::new(self.calls)));
        let people = scene::people(self, &mut world, &notes);
        let end = self.start_calls(&mut world, people);
        self.trouble(&mut world, end);
        world.heal();
        for host in 0..self.hosts {
            world.set_alarms(host, Alarms { set: vec![(Duration::ZERO, FINISH)] });
        }
        let digest = world.wind_up(Standing::Nothing, &[]);
        let notes = notes.borrow();
        let (established, failed) = notes.agree();
        Report {
            calls: self.calls,
            established,
            failed,
            refused: notes.refused,
            time: world.now() - Instant::ZERO,
            steps: world.steps(),
            digest,
        }
    }

    /// Tells the users when to start which call. Tells when the last one is over, or should be.
    fn start_calls(&self, world: &mut World, people: usize) -> Instant {
        let each = Duration::from_secs(1) / self.rate.max(1);
        let window = each * u32::try_from(self.calls).unwrap_or(u32::MAX);
        for call in 0..self.calls {
            let host = usize::try_from(world.random().below(people as u64)).unwrap_or(0);
            let after = world.random().duration(Duration::ZERO, window);
            world.set_alarms(host, Alarms { set: vec![(after, call as u64)] });
        }
        world.now() + window + TAIL
    }

    /// What happens to the network and to the hosts while the calls go on.
    fn trouble(&self, world: &mut World, end: Instant) {
        if !self.faults {
            world.run_until(end);
            return;
        }
        let faults = Faults::draw(world.random());
        world.set_faults(faults);
        let mut cut = None;
        while world.now() < end {
            let pause = world.random().duration(Duration::from_millis(1), Duration::from_secs(20));
            world.run_until(end.min(world.now() + pause));
            if let Some((from, to)) = cut.take() {
                world.set_link(from, to, None);
            }
            let host = usize::try_from(world.random().below(self.hosts as u64)).unwrap_or(0);
            let other = usize::try_from(world.random().below(self.hosts as u64)).unwrap_or(0);
            let (from, to) = (world.address(host).ip(), world.address(other).ip());
            match world.random().below(8) {
                0 => {
                    world.set_link(from, to, Some(Faults::silence()));
                    cut = Some((from, to));
                }
                1 => world.reset_connections(from, to),
                2 => world.tell(host, Input::Network(NetworkChange::Addresses)),
                3 => {
                    let seed = world.random().seed();
                    world.tell(host, Input::Reseed(seed));
                }
                4 => world.tell(host, Input::Tick { utc: None }),
                5 => {
                    let faults = Faults::draw(world.random());
                    world.set_faults(faults);
                }
                _ => {}
            }
        }
    }
}
