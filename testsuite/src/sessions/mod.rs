//! Session programs: the users of two or three hosts do with their sessions whatever there is to be done, over a network that does anything.
//!
//! A program is drawn step by step, from what each side may do just then, and kept as it was drawn; so it can be printed, and
//! run again without some of its steps. What each session may do and must tell is what the [reference model](mod@reference) of Session says;
//! what goes over the wire is watched by the [properties](crate::property). In the end the network is healed and nothing is
//! done any more but what the other side waits for: then both sides of each session see the same, and when everybody has hung up
//! nothing is left. A program that fails is made as short as it still fails, and told with its ladder.
//!
//! | file | what it is |
//! |---|---|
//! | `act` | what can be done |
//! | `draw` | what is done next |
//! | `reference` | what must come of it |
//! | `traffic` | what goes over the streams of MSRP |
//! | `user` | where files lie |
//! | `views` | what both sides of a session see |
//! | `shrink` | a program that fails is made short |

mod act;
mod draw;
pub mod reference;
mod shrink;
mod traffic;
mod user;
mod views;
mod watcher;

pub use act::{Act, Choice, Kind, Step, Subject};
pub use shrink::Failure;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use sipsimple_core::agent::{AccountSpec, Config, EventKind, Intent, MsrpAccount};
use sipsimple_core::id::SessionId;
use sipsimple_core::random::Random;
use sipsimple_core::session::SessionState;
use sipsimple_core::settings::kind::{ConnectionModel, MsrpTransport};

use crate::host::{Place, Tracing};
use crate::link::Faults;
use crate::property;
use crate::text::TextFactory;
use crate::world::{Standing, World, v4};

use draw::Draw;
use reference::{Reference, Transfer};
use user::User;
use watcher::Watcher;

/// A program.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// Everything is drawn from it.
    pub seed: u64,
    /// How many steps.
    pub steps: usize,
    /// Whether the network has faults.
    pub faults: bool,
}

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Sessions, of both sides.
    pub sessions: usize,
    /// Those that were established.
    pub established: usize,
    /// Sessions whose two sides were compared in the end.
    pub compared: usize,
    /// Messages that have arrived, and files.
    pub arrived: (usize, usize),
    /// How much time has passed in the world.
    pub time: Duration,
    /// How often something was told, by the seeds' names.
    pub told: std::collections::BTreeMap<&'static str, usize>,
}

impl Report {
    /// Adds another.
    pub fn add(&mut self, other: &Self) {
        self.sessions += other.sessions;
        self.established += other.established;
        self.compared += other.compared;
        self.arrived.0 += other.arrived.0;
        self.arrived.1 += other.arrived.1;
        self.time += other.time;
        for (name, count) in &other.told {
            *self.told.entry(name).or_default() += count;
        }
    }
}

/// How long a program may take to settle when nothing more is done: longer than the longest timer of a session that is not established.
const SETTLING: Duration = Duration::from_secs(300);
/// How long nothing must change until it counts as settled: longer than a retransmission, or a back-off.
const REST: Duration = Duration::from_secs(40);

/// A program as it runs.
pub(crate) struct Run {
    world: World,
    reference: Rc<RefCell<Reference>>,
    hosts: usize,
}

impl Program {
    /// The program of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let faults = !seed.is_multiple_of(4);
        Self { seed, steps: 40, faults }
    }

    /// The command that runs it again.
    #[must_use]
    pub fn command(&self) -> String {
        format!(
            "cargo run -p sipsimple-testsuite --bin sipsimple-test -- simulate sessions --seed {} --steps {}{}",
            self.seed,
            self.steps,
            if self.faults { "" } else { " --calm" }
        )
    }

    /// Runs it.
    ///
    /// # Errors
    /// When anything is not as it should be: the program is made as short as it still fails.
    pub fn run(&self) -> Result<Report, Box<Failure>> {
        let mut steps = Vec::new();
        match shrink::attempt(|| self.draw(&mut steps)) {
            Ok(report) => Ok(report),
            Err(why) => Err(Box::new(shrink::shrink(self, steps, why))),
        }
    }

    fn draw(&self, steps: &mut Vec<Step>) -> Report {
        let mut run = Run::new(self, None);
        run.draw(self, steps);
        run.finish()
    }

    /// What everybody is told when the program runs over a network that delays, and nothing else: when, by which host, and of what.
    /// Connections may be `cut` into pieces of at most so many bytes, and the SIP datagram with a number, counted from 0 as they
    /// arrive, may arrive `twice`. Neither changes anything of that. (GEN-3: framing, whatever the pieces are. GEN-6: of what comes
    /// twice an application is told once; only provisional responses of which nobody tells whether they are new are left out.)
    #[must_use]
    pub fn told(&self, cut: usize, twice: Option<u64>) -> Vec<String> {
        let calm = Self { faults: false, ..self.clone() };
        let mut run = Run::new(&calm, None);
        run.world.set_faults(Faults { segment: cut, ..Faults::none() });
        if let Some(number) = twice {
            run.world.repeat_arrival(number);
        }
        run.draw(&calm, &mut Vec::new());
        run.finish();
        let mut lines = Vec::new();
        for (host, (at, event)) in run
            .world
            .hosts()
            .iter()
            .enumerate()
            .flat_map(|(number, host)| host.events.iter().map(move |it| (number, it)))
        {
            let of = match &event.kind {
                EventKind::Session { id, .. } => id.as_u64(),
                EventKind::Stream { id, .. } => id.as_u64(),
                _ => 0,
            };
            let name = event.names().first().copied().unwrap_or_default();
            if !UNTOLD.contains(&name) {
                lines.push(format!("{at} host {host} {name} {of}"));
            }
        }
        lines.sort();
        lines
    }

    /// Runs these steps instead.
    ///
    /// # Panics
    /// When anything is not as it should be.
    #[must_use]
    pub fn repeat(&self, steps: &[Step], ladder: Option<property::Lines>) -> Report {
        let mut run = Run::new(self, ladder);
        // What has drawn the steps had its own chance.
        let _ = run.world.random().seed();
        for step in steps {
            run.step(step);
        }
        run.finish()
    }
}

/// What depends on how bytes arrive: how large the chunks are, and how often it rings.
const UNTOLD: [&str; 6] = [
    "FileTransferStreamGotChunk",
    "FileTransferStreamDidDeliverChunk",
    "MSRPLibraryLog",
    "MSRPTransportTrace",
    "SIPSessionGotProvisionalResponse",
    "SIPSessionGotRingIndication",
];

impl Run {
    fn draw(&mut self, program: &Program, steps: &mut Vec<Step>) {
        let random = Random::new(&self.world.random().seed());
        let mut draw = Draw::new(random, self.hosts, program.faults);
        for _ in 0..program.steps {
            let step = draw.step(&self.reference.borrow());
            steps.push(step.clone());
            self.step(&step);
        }
    }

    fn new(program: &Program, ladder: Option<property::Lines>) -> Self {
        let mut world = World::new(program.seed, Faults::none());
        let reference = Rc::new(RefCell::new(Reference::default()));
        if let Some(lines) = ladder {
            world.watch(vec![Box::new(property::Ladder::new(lines))]);
        }
        world.watch(property::all());
        world.watch(vec![Box::new(Watcher::new(Rc::clone(&reference)))]);
        let hosts = usize::try_from(world.random().between(2, 3)).unwrap_or(2);
        for number in 0..hosts {
            let config = config(world.random());
            // The traces of some are replayed.
            let tracing = if program.seed % 16 == 1 { Tracing::Keep } else { Tracing::Off };
            let place = Place { tracing, ..Place::default() };
            let host = world.add_at(place, config, Box::new(User::new(number, Rc::clone(&reference))));
            world.with(host, |agent, _| agent.register_stream(Arc::new(TextFactory)));
            world.host_mut(host).files.extend(draw::FILES.map(|length| (traffic::name(length), traffic::file(length))));
            let msrp = msrp(world.random());
            let spec = AccountSpec { any_user: true, msrp, ..AccountSpec::new(act::uri(v4(number))) };
            world.with(host, |agent, now| agent.intend(now, Intent::AddAccount(spec))).expect("a sound account");
        }
        world.run_for(Duration::from_millis(1));
        Self { world, reference, hosts }
    }

    fn step(&mut self, step: &Step) {
        self.world.run_for(step.after);
        self.look();
        match &step.act {
            Act::Network(faults) => {
                self.world.heal();
                self.world.set_faults(faults.clone());
                return;
            }
            Act::Cut(to) => {
                let (from, to) = (self.world.address(step.host).ip(), self.world.address(*to).ip());
                self.world.set_link(from, to, Some(Faults::silence()));
                return;
            }
            Act::Reset(to) => {
                let (from, to) = (self.world.address(step.host).ip(), self.world.address(*to).ip());
                self.world.reset_connections(from, to);
                return;
            }
            _ => {}
        }
        self.act(step.host, step.session, &step.act);
        self.look();
    }

    fn act(&mut self, host: usize, number: usize, act: &Act) {
        let session = self.reference.borrow().id(host, number);
        let other = match act {
            Act::Transfer { replaced: Some(other), .. } => self.reference.borrow().id(host, *other),
            _ => None,
        };
        let mut subject = Subject { session, other, ..Subject::default() };
        if let Act::Say { length, .. } = act {
            subject.message = self.reference.borrow().traffic.next(*length);
        }
        if let Some(id) = session {
            self.world.with(host, |agent, now| {
                let Some(session) = agent.session(now, id) else { return };
                let all = session.streams();
                let of = |kind: &str| {
                    let is = |id: &&_| session.stream(**id).is_some_and(|stream| stream.kind() == kind);
                    all.iter().filter(is).copied().collect()
                };
                (subject.chats, subject.files) = (of("chat"), of("file-transfer"));
                subject.proposed = session.proposed_streams().unwrap_or_default();
                subject.streams = all;
            });
        }
        let Some(intent) = act.intent(&self.world, &subject) else { return };
        let reference = Rc::clone(&self.reference);
        self.world.with(host, |agent, now| {
            let answer = agent.intend(now, intent);
            reference.borrow_mut().done(host, now, act, &subject, &answer);
        });
    }

    /// What every session says of itself is what it has told.
    fn look(&mut self) {
        let reference = Rc::clone(&self.reference);
        for host in 0..self.hosts {
            let look = |agent: &mut sipsimple_core::agent::Agent, now| reference.borrow_mut().look(host, now, agent);
            self.world.with(host, look);
            let result = self.reference.borrow_mut().traffic.look(host, &self.world.host(host).files);
            self.reference.borrow_mut().judge(host, self.world.now(), result);
        }
        let broken = self.reference.borrow().broken.first().cloned();
        if let Some((property, host, at, text)) = broken {
            panic!("{property} is broken by host {host} at {at}: {text}");
        }
    }

    /// Nothing is done any more but what somebody waits for, until nothing changes.
    fn settle(&mut self) {
        self.world.heal();
        let mut quiet = self.world.now();
        let until = self.world.now() + SETTLING;
        while self.world.now() < until {
            self.world.run_for(Duration::from_millis(500));
            self.look();
            let mut decisions = Vec::new();
            let mut settled = true;
            for host in 0..self.hosts {
                for (number, known) in self.reference.borrow().live(host) {
                    settled &= known.is_settled();
                    if known.transfers[1] == Transfer::Asked {
                        decisions.push((host, number, Act::RejectTransfer(603)));
                    }
                    match known.state {
                        SessionState::Incoming => decisions.push((host, number, Act::Accept(Choice::ALL))),
                        SessionState::ReceivedProposal => {
                            decisions.push((host, number, Act::AcceptProposal(Choice::ALL)));
                        }
                        _ => {}
                    }
                }
            }
            for (host, number, act) in &decisions {
                self.act(*host, *number, act);
            }
            if !settled || !decisions.is_empty() {
                quiet = self.world.now();
            }
            if self.world.now() - quiet > REST {
                let waits = self.reference.borrow().traffic.waits(false);
                assert_eq!(waits, None, "something waits and waits");
                return;
            }
        }
        for (host, id, known) in self.reference.borrow().all() {
            let settled = known.outcome.is_some() || known.is_settled();
            assert!(settled, "SES-3: host {host}: {id} has not settled: {known:?}");
        }
        panic!("SES-3: something goes on and on");
    }

    /// Whoever sees a chat can say something in it, and it arrives.
    fn chat(&mut self, sides: &[(usize, SessionId)]) {
        for (host, id) in sides {
            let chats = self.world.with(*host, |agent, now| {
                // Its timer may have ended it since both were compared: a 2xx that comes late begins it late (RFC 4028 section 7.2).
                let Some(session) = agent.session(now, *id) else { return 0 };
                let is_chat = |id: &_| session.stream(*id).is_some_and(|stream| stream.kind() == "chat");
                session.streams().into_iter().filter(is_chat).count()
            });
            let live: Vec<usize> = self.reference.borrow().live(*host).map(|(number, _)| number).collect();
            let number = live.into_iter().find(|number| self.reference.borrow().id(*host, *number) == Some(*id));
            for chat in 0..chats {
                self.act(*host, number.expect("it goes on"), &Act::Say { chat, length: 3000 });
                self.world.run_for(Duration::from_secs(5));
                self.look();
                let arrived = self.reference.borrow().traffic.last_arrived();
                assert!(arrived, "OA-14: host {host}: {id}: what is said in chat {chat} does not arrive");
            }
        }
    }

    /// Everybody hangs up, and nothing is left.
    fn finish(&mut self) -> Report {
        self.settle();
        let sides = views::compare(&mut self.world, &self.reference.borrow());
        let compared = sides.len() / 2;
        self.chat(&sides);
        for host in 0..self.hosts {
            let live: Vec<usize> = self.reference.borrow().live(host).map(|(number, _)| number).collect();
            for number in live {
                self.act(host, number, &Act::End);
            }
        }
        self.world.wind_up(Standing::Nothing, &[Arc::new(TextFactory)]);
        self.look();
        for (host, id, known) in self.reference.borrow().all() {
            assert!(known.outcome.is_some(), "GEN-7: host {host}: {id} has never ended: {known:?}");
        }
        assert_eq!(self.reference.borrow().traffic.waits(true), None, "nobody waits any more");
        assert_eq!(self.reference.borrow().matched(), Ok(()));
        self.report(compared)
    }

    fn report(&self, compared: usize) -> Report {
        let reference = self.reference.borrow();
        let mut report =
            Report { compared, time: self.world.now() - sipsimple_core::time::Instant::ZERO, ..Report::default() };
        report.arrived = reference.traffic.count();
        for (_, _, known) in reference.all() {
            report.sessions += 1;
            report.established += usize::from(known.started);
        }
        for (_, event) in self.world.hosts().iter().flat_map(|host| &host.events) {
            for name in event.names().iter().take(1) {
                *report.told.entry(name).or_default() += 1;
            }
        }
        report
    }
}

fn msrp(random: &mut Random) -> MsrpAccount {
    let connection_model = if random.below(2) == 0 { ConnectionModel::Relay } else { ConnectionModel::Acm };
    MsrpAccount { transport: MsrpTransport::Tcp, connection_model, ..MsrpAccount::default() }
}

fn config(random: &mut Random) -> Config {
    let mut config = Config::default();
    config.reliable_provisionals = random.below(3) == 0;
    config.session_timer.enabled = random.below(3) > 0;
    if random.below(3) == 0 {
        config.session_timer.expires = Some(90);
    }
    if random.below(2) == 0 {
        config.invite_timeout = Some(random.duration(Duration::from_secs(2), Duration::from_secs(40)));
    }
    config
}
