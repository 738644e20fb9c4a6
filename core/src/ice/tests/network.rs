//! The network: every datagram takes 20 ms, unless a rule of the test loses it.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::stun::Message;
use crate::time::Instant;

/// How long a datagram is on its way.
const WAY: Duration = Duration::from_millis(20);

/// Something on its way.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) data: Bytes,
    pub(super) component: u8,
}

/// Says whether a datagram is lost.
type Rule = Box<dyn FnMut(Instant, &Flight) -> bool>;

pub(super) struct Network {
    pub(super) now: Instant,
    pub(super) agents: [Agent; 2],
    pub(super) events: [Vec<Event>; 2],
    /// All that was sent, by whom and when.
    pub(super) sent: Vec<(Instant, usize, Flight)>,
    flights: BTreeMap<(Instant, usize), Flight>,
    lose: Rule,
}

impl Network {
    pub(super) fn new(agents: [Agent; 2]) -> Self {
        Self {
            now: Instant::from_millis(1000),
            agents,
            events: [Vec::new(), Vec::new()],
            sent: Vec::new(),
            flights: BTreeMap::new(),
            lose: Box::new(|_, _| false),
        }
    }

    pub(super) fn lose(&mut self, rule: impl FnMut(Instant, &Flight) -> bool + 'static) {
        self.lose = Box::new(rule);
    }

    /// Both learn of each other, the first one so much later.
    pub(super) fn start(&mut self, later: Duration) {
        let descriptions = [self.agents[0].description(), self.agents[1].description()];
        self.agents[1].negotiate(self.now, &descriptions[0]);
        self.run(later);
        self.agents[0].negotiate(self.now, &descriptions[1]);
        self.drain();
    }

    fn drain(&mut self) {
        for (side, agent) in self.agents.iter_mut().enumerate() {
            while let Some(Transmit { component, base, to, data }) = agent.poll_transmit() {
                let flight = Flight { from: base, to, data, component };
                self.sent.push((self.now, side, flight.clone()));
                if !(self.lose)(self.now, &flight) {
                    self.flights.insert((self.now + WAY, self.sent.len()), flight);
                }
            }
            while let Some(event) = agent.poll_event() {
                self.events[side].push(event);
            }
        }
    }

    /// Lets this time pass.
    pub(super) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        self.drain();
        loop {
            let deadline = self.agents.iter().filter_map(Agent::deadline).min();
            let arrival = self.flights.keys().next().map(|(at, _)| *at);
            let Some(next) = crate::time::earliest(deadline, arrival).filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            let now = self.now;
            while let Some(at) = self.flights.keys().next().copied().filter(|(at, _)| *at <= now) {
                let flight = self.flights.remove(&at).unwrap();
                self.arrive(flight);
            }
            for agent in &mut self.agents {
                agent.timeout(now);
                assert!(agent.deadline().is_none_or(|deadline| deadline > now), "an agent that does not rest");
            }
            self.drain();
        }
        self.now = end;
    }

    pub(super) fn arrive(&mut self, flight: Flight) {
        let Flight { from, to, data, component } = flight;
        let to_us = |agent: &Agent| agent.description().candidates.iter().any(|candidate| candidate.address == to);
        let Some(side) = self.agents.iter().position(to_us) else { return };
        let message = Message::parse(data).unwrap();
        self.agents[side].datagram(self.now, Arrival { component, base: to, from }, &message);
        self.drain();
    }

    /// What each side has chosen for RTP and RTCP: our address, and the peer's.
    pub(super) fn chosen(&self, side: usize) -> Vec<(SocketAddr, SocketAddr)> {
        let pair = |selected: &Selected| (selected.local.address, selected.remote.address);
        [RTP, RTCP].iter().filter_map(|component| self.agents[side].selected(*component).map(pair)).collect()
    }

    /// Both have completed, with the same pairs, and different roles.
    pub(super) fn assert_agreed(&self) {
        assert_eq!(self.agents.each_ref().map(Agent::state), [State::Completed; 2], "{:?}", self.events);
        let other = self.chosen(1).into_iter().map(|(local, remote)| (remote, local)).collect::<Vec<_>>();
        assert_eq!(self.chosen(0), other);
        assert_eq!(self.agents[0].role(), self.agents[1].role().other());
    }
}
