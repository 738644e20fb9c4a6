//! How a world ends: all that was begun comes to its end, every agent is shut down, and nothing is left.

use std::sync::Arc;
use std::time::Duration;

use sipsimple_core::agent::{Agent, Event, EventKind, Intent};
use sipsimple_core::stream::StreamFactory;
use sipsimple_core::trace::{self, Entry, Reader};

use crate::host::{Host, Tracing};

use super::World;

/// How long it may take until nothing is left: some times 64·T1, and the last pauses of registrations and subscriptions.
const AFTERMATH: Duration = Duration::from_secs(600);

/// What goes on in a world until its agents are shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing: what was begun ends by itself.
    Nothing,
    /// Whatever its users keep up, such as registrations.
    Anything,
}

impl World {
    /// Winds the world up: nothing is owed to anyone, by any agent; each tells one shutdown, and has no sockets then. The traces that
    /// are kept replay, byte for byte; `streams` are those of an application's own that were registered. Tells the hash of all traces.
    ///
    /// # Panics
    /// When anything is left (GEN-5), a trace does not replay (GEN-2), or what the properties wanted to see was not seen.
    pub fn wind_up(&mut self, standing: Standing, streams: &[Arc<dyn StreamFactory>]) -> u64 {
        if standing == Standing::Nothing {
            self.come_to_rest();
        }
        for host in 0..self.hosts.len() {
            self.with(host, |agent, now| agent.intend(now, Intent::ShutDown)).expect("a shutdown is always legal");
        }
        self.come_to_rest();
        let seed = self.seed;
        let mut digest = 0_u64;
        for (number, host) in self.hosts.iter().enumerate() {
            assert!(host.is_closed(), "seed {seed}: GEN-5: host {number} has sockets after its shutdown");
            let told = |(_, event): &&(_, Event)| event.kind == EventKind::ShutDown;
            let kept = host.events.iter().filter(told).count();
            assert!(kept == 1 || host.events.is_empty(), "seed {seed}: GEN-5: host {number} told {kept} shutdowns");
            digest = digest.wrapping_mul(31).wrapping_add(host.digest);
            if host.place.tracing == Tracing::Keep {
                let prepare = |agent: &mut Agent| streams.iter().for_each(|it| agent.register_stream(Arc::clone(it)));
                let replayed = trace::replay_with(host.trace.iter(), prepare);
                replayed.unwrap_or_else(|error| panic!("seed {seed}: GEN-2: host {number}: {error}"));
                without_refused(number, &host.trace, prepare);
            }
        }
        self.finish();
        digest
    }

    fn come_to_rest(&mut self) {
        let quiet = self.run_until_quiescent(AFTERMATH);
        let seed = self.seed;
        for (number, Host { agent, media, .. }) in self.hosts.iter().enumerate() {
            let rests = self.hosts[number].is_quiescent();
            assert!(rests, "seed {seed}: GEN-5: host {number} is not quiescent: {media:?}\n{agent:#?}");
            let faults = agent.stats().driver_faults;
            assert_eq!(faults, 0, "seed {seed}: host {number}: the world did what no driver may do");
        }
        assert!(quiet, "seed {seed}: GEN-5");
    }
}

/// Runs an agent over a trace once more, without the intents that were refused: those changed nothing, so the same effects and events
/// come out.
fn without_refused(number: usize, lines: &[String], prepare: impl Fn(&mut Agent)) {
    let mut reader = Reader::default();
    let mut entries = lines.iter().map(|line| reader.read(line).expect("it was read before"));
    let Some(Entry::Header(header)) = entries.next() else { panic!("host {number}: a trace without header") };
    let mut agent =
        Agent::new(header.config, header.seed, header.start, header.utc).expect("the configuration was good before");
    prepare(&mut agent);
    let changed = format!("GEN-2: host {number}: refused intents changed something");
    for entry in entries {
        match entry {
            Entry::Input { at, input } => agent.handle(at, *input),
            Entry::Intent { at, intent, result } => {
                if result.is_ok() {
                    assert_eq!(agent.intend(at, *intent), result, "{changed}");
                }
            }
            Entry::Effect(effect) => assert_eq!(agent.poll_effect().as_ref(), Some(&*effect), "{changed}"),
            Entry::Event(event) => assert_eq!(agent.poll_event().as_ref(), Some(&*event), "{changed}"),
            Entry::Header(_) => panic!("host {number}: a second header"),
        }
    }
}
