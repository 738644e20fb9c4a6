//! What happens next: drawn from what each side may do now, and now and then from what it may not.

use std::time::Duration;

use sipsimple_core::random::Random;
use sipsimple_core::session::SessionState;

use crate::link::Faults;

use super::act::{Act, Choice, Kind, Step};
use super::reference::{Known, Reference, Transfer};

const REJECTIONS: [u16; 6] = [302, 404, 480, 486, 500, 603];
/// How long files are: none at all, one chunk, many.
pub(super) const FILES: [usize; 4] = [0, 700, 5_000, 20_000];
/// How long messages are: a word, or several chunks.
const TEXTS: [usize; 4] = [5, 60, 900, 7_000];

/// Draws the steps of a program.
#[derive(Debug)]
pub(super) struct Draw {
    random: Random,
    hosts: usize,
    /// Whether the network has faults.
    faults: bool,
}

impl Draw {
    pub(super) const fn new(random: Random, hosts: usize, faults: bool) -> Self {
        Self { random, hosts, faults }
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        let index = usize::try_from(self.random.below(from.len() as u64)).unwrap_or(0);
        from[index].clone()
    }

    fn number(&mut self, below: usize) -> usize {
        usize::try_from(self.random.below(below.max(1) as u64)).unwrap_or(0)
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.random.below(100) < percent
    }

    fn kinds(&mut self) -> Vec<Kind> {
        let count = self.pick(&[1, 1, 1, 2, 3]);
        (0..count).map(|_| self.kind()).collect()
    }

    fn kind(&mut self) -> Kind {
        match self.random.below(100) {
            0..45 => Kind::Audio,
            45..60 => Kind::Text,
            60..82 => Kind::Chat,
            _ => Kind::File { length: self.pick(&FILES), sends: self.chance(65), sound: self.chance(90) },
        }
    }

    fn say(&mut self) -> Act {
        Act::Say { chat: self.number(3), length: self.pick(&TEXTS) }
    }

    fn choice(&mut self) -> Choice {
        if self.chance(75) { Choice::ALL } else { Choice(u8::try_from(self.random.below(8)).unwrap_or(1)) }
    }

    /// How long until then: sometimes no time at all, mostly short, sometimes long.
    fn pause(&mut self) -> Duration {
        let most = match self.random.below(10) {
            0 | 1 => return Duration::ZERO,
            2..5 => 60,
            5..8 => 600,
            8 => 4_000,
            _ => 12_000,
        };
        self.random.duration(Duration::from_millis(1), Duration::from_millis(most))
    }

    /// The next step.
    pub(super) fn step(&mut self, reference: &Reference) -> Step {
        let after = self.pause();
        let host = self.number(self.hosts);
        if self.faults && self.chance(6) {
            let act = match self.random.below(4) {
                0 => Act::Cut(self.other(host)),
                1 => Act::Reset(self.other(host)),
                _ => Act::Network(Faults::draw(&mut self.random)),
            };
            return Step { after, host, session: 0, act };
        }
        let live: Vec<(usize, Known)> = reference.live(host).map(|(number, known)| (number, known.clone())).collect();
        if live.is_empty() || (live.len() < 3 && self.chance(8)) {
            if live.is_empty() && reference.count(host) > 0 && self.chance(10) {
                // Anything, on what has ended.
                let session = self.number(reference.count(host));
                let act = self.anything(host);
                return Step { after, host, session, act };
            }
            let (to, streams, tcp) = (self.other(host), self.kinds(), self.chance(10));
            // Which file is meant only an offer tells.
            let is_file = |kind: &Kind| matches!(kind, Kind::File { .. });
            let late_offer = self.chance(15) && !streams.iter().any(is_file);
            let act = Act::Connect { to, streams, tcp, late_offer };
            return Step { after, host, session: 0, act };
        }
        let (session, known) = self.pick(&live);
        let id = reference.id(host, session);
        let runs = |kind| id.is_some_and(|id| reference.traffic.runs(host, id, kind));
        let act = if self.chance(6) {
            self.anything(host)
        } else if runs("chat") && self.chance(40) {
            self.say()
        } else if runs("file-transfer") && self.chance(6) {
            Act::GiveUp
        } else {
            self.fitting(host, &known, &live)
        };
        Step { after, host, session, act }
    }

    fn other(&mut self, host: usize) -> usize {
        (host + 1 + self.number(self.hosts - 1)) % self.hosts
    }

    fn hold(&mut self) -> Act {
        if self.chance(50) { Act::Hold } else { Act::Unhold }
    }

    /// What can be done in this state.
    fn fitting(&mut self, host: usize, known: &Known, live: &[(usize, Known)]) -> Act {
        use SessionState as S;
        if known.transfers[1] == Transfer::Asked && self.chance(60) {
            return if self.chance(70) { Act::AcceptTransfer } else { Act::RejectTransfer(603) };
        }
        let roll = self.random.below(100);
        match known.state {
            S::Incoming => match roll {
                0..20 => Act::Ring,
                20..80 => Act::Accept(self.choice()),
                80..92 => Act::Reject(self.pick(&REJECTIONS)),
                92..96 => Act::End,
                _ => self.hold(),
            },
            S::Connected => match roll {
                0..30 => self.hold(),
                30..62 if known.streams.len() < 5 => Act::Add(self.kinds()),
                30..80 if !known.streams.is_empty() => Act::Remove(self.choice()),
                80..86 => Act::Dtmf(self.pick(&['0', '5', '#'])),
                86..94 => self.transfer(host, live),
                94..97 => Act::End,
                _ => self.hold(),
            },
            S::SendingProposal => match roll {
                0..40 => Act::CancelProposal,
                40..92 => self.hold(),
                _ => Act::End,
            },
            S::ReceivedProposal => match roll {
                0..55 => Act::AcceptProposal(self.choice()),
                55..75 => Act::RejectProposal(self.pick(&[486, 488, 603])),
                75..80 => Act::Ring,
                80..96 => self.hold(),
                _ => Act::End,
            },
            S::Outgoing => match roll {
                0..45 => self.hold(),
                45..70 => self.say(),
                70..85 => Act::End,
                _ => Act::Dtmf('1'),
            },
            _ => match roll {
                0..85 => self.hold(),
                _ => Act::End,
            },
        }
    }

    fn transfer(&mut self, host: usize, live: &[(usize, Known)]) -> Act {
        let attended = self.chance(50);
        let others: Vec<usize> = live
            .iter()
            .filter(|(_, other)| other.state == SessionState::Connected)
            .map(|(number, _)| *number)
            .collect();
        let replaced = if attended && !others.is_empty() { Some(self.pick(&others)) } else { None };
        Act::Transfer { to: self.other(host), replaced }
    }

    /// Anything: mostly what is wrong now.
    fn anything(&mut self, host: usize) -> Act {
        match self.random.below(17) {
            0 => Act::Ring,
            1 => Act::Accept(self.choice()),
            2 => Act::Reject(486),
            3 => Act::End,
            4 => Act::Hold,
            5 => Act::Unhold,
            6 => Act::Add(self.kinds()),
            7 => Act::Remove(self.choice()),
            8 => Act::AcceptProposal(self.choice()),
            9 => Act::RejectProposal(488),
            10 => Act::CancelProposal,
            11 => Act::Dtmf('7'),
            12 => Act::Transfer { to: self.other(host), replaced: None },
            13 => Act::AcceptTransfer,
            14 => self.say(),
            15 => Act::GiveUp,
            _ => Act::RejectTransfer(480),
        }
    }
}
