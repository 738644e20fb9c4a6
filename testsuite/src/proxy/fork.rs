//! One INVITE that a scripted proxy forwards with a state (RFC 3261 section 16.7): its branches, their retransmissions, and the best answer.

use std::time::Duration;

use sipsimple_core::time::Instant;
use sipsimple_core::transport::Transport;

use crate::draft::Draft;
use crate::post::Letter;
use crate::sip::Sip;

use super::route::Onward;

pub(super) const T1: Duration = Duration::from_millis(500);
pub(super) const T2: Duration = Duration::from_secs(4);
const TIMEOUT: Duration = Duration::from_secs(32);

/// What the proxy is to do for it.
#[derive(Clone, Debug)]
pub(super) enum Said {
    /// Send this on.
    Down(Onward),
    /// Answer the INVITE.
    Up(Draft),
    /// Pass on this response that came on this branch.
    Back(String, Sip),
    /// Call [`Fork::alarm`] so long from now.
    Wake(Duration),
}

/// Something that is sent again and again until it is answered.
#[derive(Clone, Debug)]
pub(super) struct Repeated {
    began: Instant,
    due: Instant,
    pause: Duration,
}

impl Repeated {
    pub(super) fn new(now: Instant) -> Self {
        Self { began: now, due: now + T1, pause: T1 }
    }

    /// Whether it is due; `None` when its time is over.
    pub(super) fn is_due(&mut self, now: Instant, most: Duration) -> Option<bool> {
        if now >= self.began + TIMEOUT {
            return None;
        }
        let due = now >= self.due;
        if due {
            self.pause = (self.pause * 2).min(most);
            self.due = now + self.pause;
        }
        Some(due)
    }
}

#[derive(Clone, Debug)]
struct Branch {
    name: String,
    way: Onward,
    /// While no answer has come.
    asking: Option<Repeated>,
    heard: bool,
    /// Whether it is to be cancelled, once it has been heard of.
    unwanted: bool,
    cancelling: Option<Repeated>,
    answer: Option<Sip>,
}

impl Branch {
    /// CANCEL and the ACK of a refusal are those of this hop (RFC 3261 sections 9.1, 17.1.1.3).
    fn hop_by_hop(&self, draft: Draft) -> Said {
        Said::Down(Onward { draft, hop: self.way.hop })
    }

    fn cancel(&mut self, now: Instant, said: &mut Vec<Said>) {
        self.unwanted = true;
        if self.heard && self.answer.is_none() && self.cancelling.is_none() {
            self.cancelling = Some(Repeated::new(now));
            said.push(self.hop_by_hop(Draft::cancel(&self.way.draft.sip())));
            said.push(Said::Wake(T1));
        }
    }
}

/// One INVITE.
#[derive(Clone, Debug)]
pub(super) struct Fork {
    pub(super) invite: Letter,
    branches: Vec<Branch>,
    keeps_losers: bool,
    /// What was answered last.
    last: Draft,
    accepted: bool,
    /// A refusal that has no ACK yet.
    refusing: Option<Repeated>,
    done: bool,
}

impl Fork {
    pub(super) fn new(
        invite: &Letter,
        ways: Vec<(String, Onward)>,
        keeps_losers: bool,
        now: Instant,
    ) -> (Self, Vec<Said>) {
        let trying = Draft::response(&invite.sip, 100, "proxy").without("Record-Route");
        let mut said = vec![Said::Up(trying.clone()), Said::Wake(T1), Said::Wake(TIMEOUT)];
        let mut branches = Vec::new();
        for (name, way) in ways {
            said.push(Said::Down(way.clone()));
            let asking = Some(Repeated::new(now));
            let (heard, unwanted, cancelling, answer) = (false, false, None, None);
            branches.push(Branch { name, way, asking, heard, unwanted, cancelling, answer });
        }
        let invite = invite.clone();
        let fork = Self { invite, branches, keeps_losers, last: trying, accepted: false, refusing: None, done: false };
        (fork, said)
    }

    pub(super) fn has(&self, branch: &str) -> bool {
        self.branches.iter().any(|known| known.name == branch)
    }

    /// The INVITE came again: the last answer is sent again, but no 2xx.
    pub(super) fn repeated(&self) -> Vec<Said> {
        if self.accepted { Vec::new() } else { vec![Said::Up(self.last.clone())] }
    }

    /// The ACK of a refusal came.
    pub(super) fn acknowledged(&mut self) -> Vec<Said> {
        self.refusing = None;
        Vec::new()
    }

    /// The CANCEL came.
    pub(super) fn cancelled(&mut self, now: Instant) -> Vec<Said> {
        let mut said = Vec::new();
        for branch in &mut self.branches {
            branch.cancel(now, &mut said);
        }
        said
    }

    /// An answer to the INVITE or to its CANCEL came on a branch.
    pub(super) fn answered(&mut self, name: &str, response: &Sip, now: Instant) -> Vec<Said> {
        let mut said = Vec::new();
        let Some(at) = self.branches.iter().position(|known| known.name == name) else { return said };
        let branch = &mut self.branches[at];
        if response.cseq().1 == "CANCEL" {
            branch.cancelling = None;
            return said;
        }
        branch.asking = None;
        branch.heard = true;
        let code = response.code();
        match code {
            100 => {}
            101..=199 => {
                if !self.accepted && !self.done && branch.answer.is_none() {
                    if let Some((draft, _)) = super::route::back(response) {
                        self.last = draft;
                    }
                    said.push(Said::Back(name.to_owned(), response.clone()));
                }
            }
            200..=299 => {
                // Every 2xx goes on, and each time that it comes.
                branch.answer.get_or_insert_with(|| response.clone());
                self.accepted = true;
                said.push(Said::Back(name.to_owned(), response.clone()));
                self.end_others(at, now, &mut said);
            }
            _ => {
                let ack = Draft::ack(&branch.way.draft.sip(), response);
                said.push(branch.hop_by_hop(ack));
                branch.answer.get_or_insert_with(|| response.clone());
                if code >= 600 {
                    self.end_others(at, now, &mut said);
                }
            }
        }
        // One that was not heard of until now, and is wanted no more.
        if self.branches[at].unwanted {
            self.branches[at].cancel(now, &mut said);
        }
        self.conclude(now, &mut said);
        said
    }

    fn end_others(&mut self, but: usize, now: Instant, said: &mut Vec<Said>) {
        if self.keeps_losers {
            return;
        }
        for (at, branch) in self.branches.iter_mut().enumerate() {
            if at != but {
                branch.cancel(now, said);
            }
        }
    }

    /// When every branch has refused, the best refusal goes back (RFC 3261 section 16.7, item 6).
    fn conclude(&mut self, now: Instant, said: &mut Vec<Said>) {
        if self.accepted || self.done {
            return;
        }
        let answers: Option<Vec<&Sip>> = self.branches.iter().map(|branch| branch.answer.as_ref()).collect();
        let rank = |sip: &&Sip| if sip.code() >= 600 { 0 } else { sip.code() };
        let Some(best) = answers.and_then(|answers| answers.into_iter().min_by_key(rank)) else { return };
        let Some((draft, _)) = super::route::back(best) else { return };
        self.done = true;
        self.refuse(draft, now, said);
    }

    fn refuse(&mut self, draft: Draft, now: Instant, said: &mut Vec<Said>) {
        self.last = draft.clone();
        said.push(Said::Up(draft));
        if self.invite.transport == Transport::Udp {
            self.refusing = Some(Repeated::new(now));
            said.push(Said::Wake(T1));
        }
    }

    /// Time has passed.
    pub(super) fn alarm(&mut self, now: Instant) -> Vec<Said> {
        let mut said = Vec::new();
        for branch in &mut self.branches {
            let udp = branch.way.hop.transport() == Transport::Udp;
            if let Some(asking) = &mut branch.asking {
                match asking.is_due(now, TIMEOUT) {
                    Some(true) if udp => said.push(Said::Down(branch.way.clone())),
                    Some(_) => {}
                    None => {
                        branch.asking = None;
                        branch.answer = Some(Draft::response(&branch.way.draft.sip(), 408, "proxy").sip());
                    }
                }
            }
            if let Some(cancelling) = &mut branch.cancelling {
                match cancelling.is_due(now, T2) {
                    Some(true) if udp => {
                        let cancel = Draft::cancel(&branch.way.draft.sip());
                        said.push(Said::Down(Onward { draft: cancel, hop: branch.way.hop }));
                    }
                    Some(_) => {}
                    None => branch.cancelling = None,
                }
            }
        }
        if let Some(refusing) = &mut self.refusing {
            match refusing.is_due(now, T2) {
                Some(true) => said.push(Said::Up(self.last.clone())),
                Some(false) => {}
                None => self.refusing = None,
            }
        }
        self.conclude(now, &mut said);
        let busy = |branch: &Branch| branch.asking.is_some() || branch.cancelling.is_some();
        if self.refusing.is_some() || self.branches.iter().any(busy) {
            // Often enough for every schedule.
            said.push(Said::Wake(T1));
        }
        said
    }
}
