//! The check list: pairs, in the order in which they are checked (RFC 8445 sections 6.1.2 and 6.1.4.2).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::pair::{Pair, pair_priority};
use super::{Candidate, Foundation, Local, PairState, Role};

/// Pairs of a check list (RFC 8445 section 6.1.2.5).
pub(super) const MAX_PAIRS: usize = 100;

/// The foundation of a pair: those of both candidates.
type PairFoundation = (Foundation, Foundation);

/// The check list of a stream. Pairs keep their places.
#[derive(Debug, Default)]
pub(super) struct CheckList {
    pub(super) pairs: Vec<Pair>,
    /// Pairs whose check goes before all others.
    triggered: VecDeque<usize>,
}

impl CheckList {
    /// Pairs the candidates of the same component and family, leaves out those that would be checked twice, and thaws the first of each foundation.
    pub(super) fn form(role: Role, locals: &[Local], remotes: &[Candidate]) -> Self {
        let mut pairs = Vec::new();
        let mut seen = BTreeSet::new();
        let mut all = Vec::new();
        for (local, ours) in locals.iter().enumerate() {
            for (remote, theirs) in remotes.iter().enumerate() {
                if pairs_up(ours, theirs) {
                    let priority = pair_priority(role, ours.candidate.priority, theirs.priority);
                    all.push(Pair::new(local, remote, theirs.component, priority, PairState::Frozen));
                }
            }
        }
        all.sort_by_key(|pair| std::cmp::Reverse(pair.priority));
        for mut pair in all {
            // What is sent from a reflexive candidate leaves from its base (section 6.1.2.4).
            let Some(base) = locals.get(pair.local).map(|local| local.base) else { continue };
            let sender = locals.iter().position(|local| {
                local.candidate.component == pair.component && local.base == base && local.candidate.address == base
            });
            pair.local = sender.unwrap_or(pair.local);
            if pairs.len() < MAX_PAIRS && seen.insert((pair.component, base, pair.remote)) {
                pairs.push(pair);
            }
        }
        let mut list = Self { pairs, triggered: VecDeque::new() };
        list.thaw_first(locals, remotes);
        list
    }

    /// Of each foundation the pair with the lowest component, and among those the highest priority, waits (section 6.1.2.6).
    fn thaw_first(&mut self, locals: &[Local], remotes: &[Candidate]) {
        let mut first: BTreeMap<PairFoundation, usize> = BTreeMap::new();
        for (index, pair) in self.pairs.iter().enumerate() {
            let Some(foundation) = foundation(pair, locals, remotes) else { continue };
            let best = first.entry(foundation).or_insert(index);
            if self.pairs.get(*best).is_some_and(|best| pair.component < best.component) {
                *best = index;
            }
        }
        for index in first.into_values() {
            if let Some(pair) = self.pairs.get_mut(index) {
                pair.state = PairState::Waiting;
            }
        }
    }

    /// The pair that is checked next: a triggered one, or the best that waits. Where none waits, foundations of which nothing is under way thaw.
    pub(super) fn next(&mut self, locals: &[Local], remotes: &[Candidate]) -> Option<usize> {
        while let Some(index) = self.triggered.pop_front() {
            if self.pairs.get(index).is_some_and(|pair| pair.state == PairState::Waiting || pair.nominate) {
                return Some(index);
            }
        }
        if !self.pairs.iter().any(|pair| pair.state == PairState::Waiting) {
            for index in self.thawable(locals, remotes) {
                if let Some(pair) = self.pairs.get_mut(index) {
                    pair.state = PairState::Waiting;
                }
            }
        }
        let waiting = self.pairs.iter().enumerate().filter(|(_, pair)| pair.state == PairState::Waiting);
        waiting.max_by_key(|(_, pair)| (pair.priority, std::cmp::Reverse(pair.component))).map(|(index, _)| index)
    }

    /// The first frozen pair of each foundation of which nothing is under way, or only what was not answered at once: behind NATs a component that
    /// sends nothing is not reached either, and the 39.5 s of a check are longer than negotiation.
    fn thawable(&self, locals: &[Local], remotes: &[Candidate]) -> Vec<usize> {
        let in_state = |state| self.pairs.iter().enumerate().filter(move |(_, pair)| pair.state == state);
        let fresh = |pair: &Pair| pair.checks.iter().any(|check| !check.transaction.is_repeated());
        let under_way = in_state(PairState::InProgress).filter(|(_, pair)| fresh(pair));
        let busy = under_way.chain(in_state(PairState::Waiting));
        let mut seen: BTreeSet<_> = busy.filter_map(|(_, pair)| foundation(pair, locals, remotes)).collect();
        let frozen = in_state(PairState::Frozen);
        frozen
            .filter(|(_, pair)| foundation(pair, locals, remotes).is_some_and(|foundation| seen.insert(foundation)))
            .map(|(index, _)| index)
            .collect()
    }

    /// Whether a check can be made.
    pub(super) fn has_work(&self, locals: &[Local], remotes: &[Candidate]) -> bool {
        !self.triggered.is_empty()
            || self.pairs.iter().any(|pair| pair.state == PairState::Waiting)
            || !self.thawable(locals, remotes).is_empty()
    }

    /// The check of this pair goes before all that are not triggered.
    pub(super) fn trigger(&mut self, index: usize) {
        if !self.triggered.contains(&index) {
            self.triggered.push_back(index);
        }
    }

    /// Pairs of the same foundation thaw: one of them has succeeded (section 7.2.5.3.3).
    pub(super) fn thaw_like(&mut self, index: usize, locals: &[Local], remotes: &[Candidate]) {
        let Some(like) = self.pairs.get(index).and_then(|pair| foundation(pair, locals, remotes)) else { return };
        for pair in self.pairs.iter_mut().filter(|pair| pair.state == PairState::Frozen) {
            if foundation(pair, locals, remotes).as_ref() == Some(&like) {
                pair.state = PairState::Waiting;
            }
        }
    }

    /// Nothing of this component that has not begun is checked any more, and what is under way and worse than `priority` is not repeated (section 8.1.1).
    pub(super) fn conclude(&mut self, component: u8, priority: u64) {
        let of_component = |pair: &Pair| pair.component == component;
        for (index, pair) in self.pairs.iter_mut().enumerate().filter(|(_, pair)| of_component(pair)) {
            match pair.state {
                PairState::Frozen | PairState::Waiting => {
                    pair.state = PairState::Failed;
                    self.triggered.retain(|triggered| *triggered != index);
                }
                PairState::InProgress if pair.priority < priority => {
                    pair.checks.iter_mut().for_each(|check| check.transaction.cancel());
                }
                PairState::InProgress | PairState::Succeeded | PairState::Failed => {}
            }
        }
    }

    /// The roles have been switched (section 7.3.1.1).
    pub(super) fn recompute(&mut self, role: Role, locals: &[Local], remotes: &[Candidate]) {
        for pair in &mut self.pairs {
            if let (Some(local), Some(remote)) = (locals.get(pair.local), remotes.get(pair.remote)) {
                pair.priority = pair_priority(role, local.candidate.priority, remote.priority);
            }
        }
    }

    /// The pair of these candidates.
    pub(super) fn find(&self, base: usize, remote: usize) -> Option<usize> {
        self.pairs.iter().position(|pair| pair.local == base && pair.remote == remote)
    }

    /// Adds a pair. A full list makes room by the worst of those that have not begun.
    pub(super) fn add(&mut self, pair: Pair) -> Option<usize> {
        if self.pairs.len() < MAX_PAIRS {
            self.pairs.push(pair);
            return Some(self.pairs.len() - 1);
        }
        let idle = |pair: &Pair| pair.valid.is_none() && !matches!(pair.state, PairState::InProgress);
        let open = self.pairs.iter().enumerate().filter(|(_, pair)| idle(pair));
        let (worst, _) = open.min_by_key(|(_, pair)| (pair.is_open(), pair.priority))?;
        self.triggered.retain(|triggered| *triggered != worst);
        *self.pairs.get_mut(worst)? = pair;
        Some(worst)
    }
}

/// Whether these two can talk: the same component and family, and addresses of the link or of the host only with each other (section 6.1.2.2).
pub(super) fn pairs_up(local: &Local, remote: &Candidate) -> bool {
    let (ours, theirs) = (local.candidate.address, remote.address);
    let is_link_local = |at: std::net::SocketAddr| match at.ip() {
        std::net::IpAddr::V4(_) => false,
        std::net::IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    local.candidate.component == remote.component
        && ours.is_ipv4() == theirs.is_ipv4()
        && is_link_local(ours) == is_link_local(theirs)
        && ours.ip().is_loopback() == theirs.ip().is_loopback()
}

fn foundation(pair: &Pair, locals: &[Local], remotes: &[Candidate]) -> Option<PairFoundation> {
    let local = locals.get(pair.local)?.candidate.foundation.clone();
    Some((local, remotes.get(pair.remote)?.foundation.clone()))
}
