//! Checks of ours (RFC 8445 section 7.2).

use std::time::Duration;

use bytes::Bytes;

use super::{Agent, Arrival, Valid};
use crate::ice::pair::Check;
use crate::ice::{Local, PairState, Role, State};
use crate::stun::{BINDING, Builder, Class, Integrity, Message, RTO, Step, Transaction, TransactionId, attribute};
use crate::time::Instant;

/// Requests of one pair that wait for an answer at a time.
const MAX_CHECKS: usize = 4;

impl Agent {
    /// Makes the next check, if it is time.
    pub(super) fn check_next(&mut self, now: Instant) {
        if now < self.next_check {
            return;
        }
        let Some(index) = self.list.next(&self.locals, &self.remotes) else { return };
        self.next_check = now + self.config.pace;
        let rto = self.rto();
        let Some(pair) = self.list.pairs.get(index) else { return };
        let Some(local) = self.locals.get(pair.local).cloned() else { return };
        let Some(remote) = self.remotes.get(pair.remote) else { return };
        let (component, to) = (pair.component, remote.address);
        let nominates = pair.nominate && self.role == Role::Controlling;
        let Some((id, request)) = self.request(&local, nominates) else { return };
        let Some(pair) = self.list.pairs.get_mut(index) else { return };
        pair.state = PairState::InProgress;
        pair.nominate = false;
        if pair.checks.len() >= MAX_CHECKS {
            pair.checks.remove(0);
        }
        let transaction = Transaction::start(now, id, request.clone(), rto);
        pair.checks.push(Check { transaction, role: self.role, nominates });
        self.transmit(component, local.base, to, request);
    }

    /// The time to the first repetition: it grows with the checks that are under way (section 14.3).
    fn rto(&self) -> Duration {
        let under_way = |state| matches!(state, PairState::Waiting | PairState::InProgress);
        let count = self.list.pairs.iter().filter(|pair| under_way(pair.state)).count();
        RTO.max(self.config.pace * u32::try_from(count).unwrap_or(0))
    }

    /// A check, to be sent from this candidate.
    fn request(&mut self, local: &Local, nominates: bool) -> Option<(TransactionId, Bytes)> {
        let peer = self.peer.as_ref()?;
        let id = TransactionId::random(&mut self.random);
        let role = match self.role {
            Role::Controlling => attribute::ICE_CONTROLLING,
            Role::Controlled => attribute::ICE_CONTROLLED,
        };
        let mut request = Builder::new(Class::Request, BINDING, id)
            .attribute(attribute::USERNAME, peer.username.as_bytes())
            .word(attribute::PRIORITY, local.reflexive_priority())
            .long(role, self.tie_breaker);
        if nominates {
            request = request.attribute(attribute::USE_CANDIDATE, &[]);
        }
        Some((id, request.finish_with(Integrity::Sha1, &peer.key)))
    }

    /// Repeats what has not been answered, and gives up what was repeated long enough.
    pub(super) fn time_checks(&mut self, now: Instant) {
        for index in 0..self.list.pairs.len() {
            let mut again = Vec::new();
            let mut lost_nomination = false;
            let Some(pair) = self.list.pairs.get_mut(index) else { continue };
            pair.checks.retain_mut(|check| match check.transaction.timeout(now) {
                Step::Wait => true,
                Step::Send(request) => {
                    again.push(request);
                    true
                }
                Step::Failed => {
                    lost_nomination |= check.nominates;
                    false
                }
            });
            if pair.checks.is_empty() && pair.state == PairState::InProgress || lost_nomination {
                self.fail_pair(index);
                continue;
            }
            let (component, local, remote) = (pair.component, pair.local, pair.remote);
            let base = self.locals.get(local).map(|local| local.base);
            let to = self.remotes.get(remote).map(|remote| remote.address);
            if let (Some(base), Some(to)) = (base, to) {
                again.into_iter().for_each(|request| self.transmit(component, base, to, request));
            }
        }
    }

    /// A pair does not work, or no longer.
    fn fail_pair(&mut self, index: usize) {
        let Some(pair) = self.list.pairs.get_mut(index) else { return };
        pair.state = PairState::Failed;
        pair.checks.clear();
        pair.nominate = false;
        if pair.valid.take().is_some() {
            // Another one is to be nominated.
            self.all_valid = None;
        }
    }

    /// An answer came: to a check, or to a question for consent.
    pub(super) fn answered(&mut self, now: Instant, arrival: Arrival, answer: &Message) {
        if self.consented(now, arrival, answer) {
            return;
        }
        let Some(peer) = &self.peer else { return };
        let is_answered = |check: &Check| check.transaction.is_answered_by(answer);
        let found = self.list.pairs.iter().position(|pair| pair.checks.iter().any(is_answered));
        let Some(index) = found.filter(|_| answer.is_from(&peer.key)) else { return };
        let Some(pair) = self.list.pairs.get_mut(index) else { return };
        let Some(at) = pair.checks.iter().position(is_answered) else { return };
        let check = pair.checks.remove(at);
        let (local, remote) = (pair.local, pair.remote);
        if answer.class() == Class::Error {
            return self.rejected(index, &check, answer.error_code());
        }
        let sender = self.locals.get(local).cloned();
        let to = self.remotes.get(remote).map(|remote| remote.address);
        let (Some(sender), Some(to)) = (sender, to) else { return };
        let mapped = answer.mapped_address().filter(|_| arrival.from == to && arrival.base == sender.base);
        match mapped {
            Some(mapped) => self.succeeded(now, index, &check, &sender, mapped),
            // Addresses that are not symmetric, or none at all (section 7.2.5.2.1).
            None => self.fail_pair(index),
        }
    }

    fn rejected(&mut self, index: usize, check: &Check, code: Option<u16>) {
        if code != Some(487) {
            return self.fail_pair(index);
        }
        if check.role == self.role {
            self.switch(check.role.other());
        }
        if let Some(pair) = self.list.pairs.get_mut(index)
            && matches!(pair.state, PairState::InProgress)
        {
            pair.state = PairState::Waiting;
            self.list.trigger(index);
        }
    }

    /// A check was answered: a valid pair is made of it (section 7.2.5.3).
    fn succeeded(&mut self, now: Instant, index: usize, check: &Check, sender: &Local, mapped: std::net::SocketAddr) {
        let Some(local) = self.local_at(sender, mapped) else { return self.fail_pair(index) };
        let Some(pair) = self.list.pairs.get(index) else { return };
        let (component, remote) = (pair.component, pair.remote);
        let Some(priority) = self.priority_of(local, remote) else { return };
        let known = self.valid.iter().position(|valid| valid.local == local && valid.remote == remote);
        let valid = known.unwrap_or_else(|| {
            self.valid.push(Valid { local, remote, component, priority, pair: index });
            self.valid.len() - 1
        });
        let Some(pair) = self.list.pairs.get_mut(index) else { return };
        pair.state = PairState::Succeeded;
        pair.valid = Some(valid);
        pair.checks.retain(|check| check.nominates);
        let by_us = check.nominates && self.role == Role::Controlling;
        let by_peer = pair.nominated_by_peer && self.role == Role::Controlled;
        self.list.thaw_like(index, &self.locals, &self.remotes);
        if by_us || by_peer {
            self.select(now, valid);
        } else if self.state == State::Running {
            self.nominate(now);
        }
    }
}
