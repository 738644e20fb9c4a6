//! What the peer's checks bring: an answer, roles that are told apart, new candidates, and checks in return (RFC 8445 section 7.3).

use std::net::SocketAddr;

use super::{Agent, Arrival, MAX_LOCALS, MAX_REMOTES};
use crate::ice::pair::{Pair, pair_priority};
use crate::ice::{Candidate, Foundation, Kind, Local, PairState, Role, State};
use crate::stun::{BINDING, Builder, Class, Integrity, Key, Message, TransactionId, attribute};
use crate::time::Instant;

/// Checks that are kept until the peer's description comes.
const MAX_EARLY: usize = 16;

/// The attributes of a check that must be understood, and are.
const KNOWN: [u16; 5] = [
    attribute::USERNAME,
    attribute::MESSAGE_INTEGRITY,
    attribute::MESSAGE_INTEGRITY_SHA256,
    attribute::PRIORITY,
    attribute::USE_CANDIDATE,
];

/// What a check of the peer's says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Early {
    arrival: Arrival,
    priority: u32,
    nominates: bool,
    id: TransactionId,
}

impl Agent {
    /// Answers a request. Only what our password vouches for changes anything.
    pub(super) fn answer(&mut self, now: Instant, arrival: Arrival, request: &Message) {
        let Some((key, integrity, is_former)) = self.asker(request) else {
            let code =
                if request.integrity().is_none() || request.text(attribute::USERNAME).is_none() { 400 } else { 401 };
            // Without a phrase: an answer must not be much longer than what asks for it.
            let answer = Builder::new(Class::Error, BINDING, request.transaction()).error(code, "").finish();
            return self.transmit(arrival.component, arrival.base, arrival.from, answer);
        };
        let reject = |code, phrase| Builder::new(Class::Error, BINDING, request.transaction()).error(code, phrase);
        let mut unknown = request.not_understood(&KNOWN).peekable();
        let answer = if unknown.peek().is_some() {
            Err(reject(420, "Unknown Attribute").unknown_attributes(unknown))
        } else if is_former {
            Ok(None)
        } else {
            match request.word(attribute::PRIORITY).filter(|priority| *priority > 0) {
                None => Err(reject(400, "Bad Request")),
                Some(_) if self.role_is_taken(request) => Err(reject(487, "Role Conflict")),
                Some(priority) => Ok(Some(Early {
                    arrival,
                    priority,
                    nominates: request.attribute(attribute::USE_CANDIDATE).is_some(),
                    id: request.transaction(),
                })),
            }
        };
        let (answer, check) = match answer {
            Ok(check) => {
                let success = Builder::new(Class::Success, BINDING, request.transaction());
                (success.mapped_address(arrival.from), check)
            }
            Err(answer) => (answer, None),
        };
        self.transmit(arrival.component, arrival.base, arrival.from, answer.finish_with(integrity, &key));
        match check {
            Some(check) if self.peer.is_none() && self.early.len() < MAX_EARLY => self.early.push(check),
            Some(check) => self.checked(now, check),
            None => {}
        }
    }

    /// The key that vouches for a request, and whether it is that of before a restart.
    fn asker(&self, request: &Message) -> Option<(Key, Integrity, bool)> {
        let (ufrag, _) = request.text(attribute::USERNAME)?.split_once(':')?;
        let (key, is_former) = match &self.former {
            _ if ufrag == self.ours.ufrag.as_str() => (&self.our_key, false),
            Some((former, key)) if ufrag == former.as_str() => (key, true),
            _ => return None,
        };
        if !request.is_from(key) {
            return None;
        }
        Some((key.clone(), request.integrity()?, is_former))
    }

    /// Tells two sides of the same role apart: the one with the higher number decides which (section 7.3.1.1). True when the peer is to switch.
    fn role_is_taken(&mut self, request: &Message) -> bool {
        let (theirs, kind) = match self.role {
            Role::Controlling => (request.long(attribute::ICE_CONTROLLING), Role::Controlling),
            Role::Controlled => (request.long(attribute::ICE_CONTROLLED), Role::Controlled),
        };
        let Some(theirs) = theirs else { return false };
        // The higher number controls.
        let stays = match kind {
            Role::Controlling => self.tie_breaker >= theirs,
            Role::Controlled => self.tie_breaker < theirs,
        };
        if !stays {
            self.switch(kind.other());
        }
        stays
    }

    /// Takes this role from now on.
    pub(super) fn switch(&mut self, role: Role) {
        self.role = role;
        self.list.recompute(role, &self.locals, &self.remotes);
        for pair in &mut self.list.pairs {
            (pair.nominate, pair.nominated_by_peer) = (false, false);
        }
        for valid in &mut self.valid {
            if let (Some(local), Some(remote)) = (self.locals.get(valid.local), self.remotes.get(valid.remote)) {
                valid.priority = pair_priority(role, local.candidate.priority, remote.priority);
            }
        }
        self.all_valid = None;
    }

    /// The peer has checked a pair: it is checked from here, too (section 7.3.1.4), and used if it is nominated and works.
    pub(super) fn checked(&mut self, now: Instant, check: Early) {
        let Early { arrival, nominates, .. } = check;
        if !matches!(self.state, State::Running | State::Completed) || !self.components.contains(&arrival.component) {
            return;
        }
        let sender = |local: &Local| {
            local.candidate.component == arrival.component
                && local.base == arrival.base
                && local.candidate.address == arrival.base
        };
        let Some(local) = self.locals.iter().position(sender) else { return };
        let Some(remote) = self.remote_at(arrival, check.priority) else { return };
        let nominated = nominates && self.role == Role::Controlled;
        if self.state == State::Completed && !(nominated && self.is_better(arrival.component, local, remote)) {
            return;
        }
        let Some(index) = self.pair_of(arrival.component, local, remote) else { return };
        let Some(pair) = self.list.pairs.get_mut(index) else { return };
        pair.nominated_by_peer |= nominated;
        let repeated = pair.triggered_by.replace(check.id) == Some(check.id);
        match pair.state {
            PairState::Succeeded => {
                if let Some(valid) = pair.valid.filter(|_| nominated) {
                    self.select(now, valid);
                }
            }
            // One that nominates goes on, as the way is known to be open; and so does one that was replaced already: two that
            // lose their first requests to each other would else replace them for ever.
            PairState::InProgress if repeated || pair.is_being_nominated() || pair.checks.len() > 1 => {}
            PairState::InProgress => {
                // What is under way may have come too early for the peer's NAT: another request goes out at once.
                pair.checks.iter_mut().for_each(|check| check.transaction.cancel());
                pair.state = PairState::Waiting;
                self.list.trigger(index);
            }
            PairState::Frozen | PairState::Waiting | PairState::Failed => {
                pair.state = PairState::Waiting;
                self.list.trigger(index);
            }
        }
    }

    /// The candidate of the peer's with this address; a new one is learned (section 7.3.1.3).
    fn remote_at(&mut self, arrival: Arrival, priority: u32) -> Option<usize> {
        let Arrival { component, from: address, .. } = arrival;
        let known = |known: &Candidate| known.component == component && known.address == address;
        if let Some(index) = self.remotes.iter().position(known) {
            return Some(index);
        }
        let kind = Kind::PeerReflexive;
        let foundation = Foundation::learned(self.learned);
        let candidate = Candidate { foundation, component, priority, address, kind, related: None };
        if self.remotes.len() >= MAX_REMOTES || !self.may_check(&candidate) {
            return None;
        }
        self.learned += 1;
        self.remotes.push(candidate);
        Some(self.remotes.len() - 1)
    }

    /// The pair of these two; one that is not there is added.
    fn pair_of(&mut self, component: u8, local: usize, remote: usize) -> Option<usize> {
        if let Some(index) = self.list.find(local, remote) {
            return Some(index);
        }
        let priority = self.priority_of(local, remote)?;
        self.list.add(Pair::new(local, remote, component, priority, PairState::Waiting))
    }

    pub(super) fn priority_of(&self, local: usize, remote: usize) -> Option<u64> {
        let (local, remote) = (self.locals.get(local)?, self.remotes.get(remote)?);
        Some(pair_priority(self.role, local.candidate.priority, remote.priority))
    }

    /// The candidate of ours with this address, seen when we sent from `base`; a new one is learned (section 7.2.5.3.1).
    pub(super) fn local_at(&mut self, sender: &Local, mapped: SocketAddr) -> Option<usize> {
        let component = sender.candidate.component;
        let known = |known: &Local| known.candidate.component == component && known.candidate.address == mapped;
        if let Some(index) = self.locals.iter().position(known) {
            return Some(index);
        }
        if self.locals.len() >= MAX_LOCALS {
            return None;
        }
        self.locals.push(Local {
            candidate: Candidate {
                foundation: Foundation::new(Kind::PeerReflexive, sender.base.ip(), None),
                component,
                priority: sender.reflexive_priority(),
                address: mapped,
                kind: Kind::PeerReflexive,
                related: Some(sender.base),
            },
            base: sender.base,
        });
        Some(self.locals.len() - 1)
    }
}
