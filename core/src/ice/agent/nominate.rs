//! Which of the valid pairs are used (RFC 8445 section 8): the controlling side nominates one of each component, once; what an older peer nominates
//! with every check is taken by priority (RFC 5245 section 8.1.1.2).

use std::time::Duration;

use super::{Agent, Kept, Valid};
use crate::ice::pair::Pair;
use crate::ice::{Event, Role, Selected, State};
use crate::time::Instant;

/// How long better pairs are waited for, once every component has one that works: as long as one repetition of a check, and its way.
const PATIENCE: Duration = Duration::from_millis(600);

impl Agent {
    /// Nominates, if it is ours to do and time.
    pub(super) fn nominate(&mut self, now: Instant) {
        if self.role != Role::Controlling || self.state != State::Running {
            return;
        }
        let open: Vec<u8> = self.components.iter().copied().filter(|one| !self.selected_now(*one)).collect();
        if !open.iter().all(|component| self.best(*component).is_some()) {
            self.all_valid = None;
            return;
        }
        let since = *self.all_valid.get_or_insert(now);
        let patient = now < since + PATIENCE;
        if patient && open.iter().any(|component| self.may_improve(*component)) {
            return;
        }
        for component in open {
            let Some(index) = self.best(component).map(|valid| valid.pair) else { continue };
            let mut of_component = self.list.pairs.iter().filter(|pair| pair.component == component);
            if !of_component.any(Pair::is_being_nominated)
                && let Some(pair) = self.list.pairs.get_mut(index)
            {
                pair.nominate = true;
                self.list.trigger(index);
            }
        }
    }

    pub(super) fn nomination_deadline(&self) -> Option<Instant> {
        let since = self.all_valid.filter(|_| self.role == Role::Controlling)?;
        (!self.list.pairs.iter().any(Pair::is_being_nominated)).then(|| since + PATIENCE)
    }

    /// Whether a component has its pair, in this negotiation.
    fn selected_now(&self, component: u8) -> bool {
        self.selected.get(&component).is_some_and(|kept| kept.is_of(self.peer.as_ref()))
    }

    /// The best valid pair of a component.
    fn best(&self, component: u8) -> Option<&Valid> {
        let works = |valid: &&Valid| self.list.pairs.get(valid.pair).is_some_and(|pair| pair.valid.is_some());
        let of_component = self.valid.iter().filter(|valid| valid.component == component).filter(works);
        of_component.max_by_key(|valid| valid.priority)
    }

    /// Whether a pair that has not been decided is better than the best valid one.
    fn may_improve(&self, component: u8) -> bool {
        let Some(best) = self.best(component).map(|valid| valid.priority) else { return false };
        self.list.pairs.iter().any(|pair| pair.component == component && pair.is_open() && pair.priority > best)
    }

    /// Whether this pair is better than the one in use.
    pub(super) fn is_better(&self, component: u8, local: usize, remote: usize) -> bool {
        let used = self.selected.get(&component).map_or(0, |kept| kept.priority);
        self.priority_of(local, remote).is_some_and(|priority| priority > used)
    }

    /// A valid pair was nominated: it is used, unless a better one is.
    pub(super) fn select(&mut self, now: Instant, index: usize) {
        let Some(valid) = self.valid.get(index).cloned() else { return };
        let (Some(local), Some(remote)) = (self.locals.get(valid.local), self.remotes.get(valid.remote)) else {
            return;
        };
        let Some(peer) = self.peer.clone() else { return };
        let better = |kept: &Kept| !kept.is_of(Some(&peer)) || valid.priority > kept.priority;
        if !self.selected.get(&valid.component).is_none_or(better) {
            return;
        }
        let selected = Selected { base: local.base, local: local.candidate.clone(), remote: remote.clone() };
        let kept = Kept::new(now, &mut self.random, selected.clone(), valid.priority, local.reflexive_priority(), peer);
        self.selected.insert(valid.component, kept);
        // Who controls has decided; who is controlled may be told of a better one.
        let decided = if self.role == Role::Controlling { u64::MAX } else { valid.priority };
        self.list.conclude(valid.component, decided);
        if self.state == State::Completed {
            self.event(Event::Moved { component: valid.component, selected: Box::new(selected) });
        } else if self.components.iter().all(|component| self.selected_now(*component)) {
            self.state = State::Completed;
            self.former = None;
            let components = &self.components;
            self.selected.retain(|component, _| components.contains(component));
            let outcome = self.outcome(now);
            self.event(Event::Succeeded(Box::new(outcome)));
        }
    }
}
