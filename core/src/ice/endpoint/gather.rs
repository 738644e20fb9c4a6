//! Gathering (RFC 8445 section 5.1.1): a server at a time is asked, and what they tell stays alive until a pair is chosen.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use super::relay::Relay;
use super::{Endpoint, Event, Local, MAX_SERVERS, Phase, State, Transmit};
use crate::random::Random;
use crate::stun::{BINDING, Binding, Builder, Class, Message, Step, TransactionId};
use crate::time::{Instant, earliest};
use crate::turn;

/// The time between two requests to servers (RFC 8445 section 14.2).
const PACE: Duration = Duration::from_millis(50);

/// A question to a STUN server, from one socket.
#[derive(Debug)]
pub(super) struct Asking {
    component: u8,
    host: SocketAddr,
    server: SocketAddr,
    step: Asked,
}

#[derive(Debug)]
enum Asked {
    Queued,
    Waiting(Binding),
    /// Answered; the way back stays open by another word at this time.
    Answered(Instant),
    Silent,
}

/// A TURN server that is yet to be asked, from one socket.
#[derive(Clone, Debug)]
pub(super) struct Queued {
    pub(super) component: u8,
    pub(super) host: SocketAddr,
    pub(super) server: turn::Server,
}

impl Asking {
    /// A server that needs no question, as it has answered another: only the way to it is kept open.
    pub(super) fn answered(
        now: Instant,
        component: u8,
        host: SocketAddr,
        server: SocketAddr,
        random: &mut Random,
    ) -> Self {
        Self { component, host, server, step: Asked::Answered(now + keep_open(random)) }
    }
}

impl Endpoint {
    /// Puts the servers into the order in which they are asked: those that lend first, as that takes longest.
    pub(super) fn queue_servers(&mut self) {
        for (component, host) in self.hosts.clone() {
            let fits = |address: SocketAddr| address.is_ipv4() == host.is_ipv4();
            for server in self.servers.turn.iter().filter(|server| fits(server.address)).take(MAX_SERVERS) {
                self.to_lend.push_back(Queued { component, host, server: server.clone() });
            }
            for server in self.servers.stun.iter().filter(|server| fits(**server)).take(MAX_SERVERS) {
                self.asking.push(Asking { component, host, server: *server, step: Asked::Queued });
            }
        }
    }

    /// Asks the next server when it is time, repeats what was not answered, and keeps open what was.
    pub(super) fn gather_on(&mut self, now: Instant) {
        let gathering = matches!(self.phase, Phase::Gathering { .. });
        if gathering && now >= self.next_start {
            self.ask_next(now);
        }
        let mut sent = Vec::new();
        for asking in &mut self.asking {
            let data = match &mut asking.step {
                Asked::Waiting(_) if !gathering => {
                    asking.step = Asked::Silent;
                    continue;
                }
                Asked::Waiting(binding) => match binding.timeout(now) {
                    Step::Wait => continue,
                    Step::Send(data) => data,
                    Step::Failed => {
                        asking.step = Asked::Silent;
                        continue;
                    }
                },
                // Until a pair is chosen: then its own traffic does.
                Asked::Answered(again) if now >= *again => {
                    *again = now + keep_open(&mut self.random);
                    let id = TransactionId::random(&mut self.random);
                    Builder::new(Class::Indication, BINDING, id).finish()
                }
                Asked::Queued | Asked::Answered(_) | Asked::Silent => continue,
            };
            sent.push(Transmit { component: asking.component, base: asking.host, to: asking.server, data });
        }
        sent.into_iter().for_each(|transmit| self.transmit(transmit));
        if matches!(self.agent.state(), State::Completed | State::Failed) {
            self.asking.clear();
        }
    }

    fn ask_next(&mut self, now: Instant) {
        if let Some(queued) = self.to_lend.pop_front() {
            let random = Random::new(&self.random.seed());
            self.relays.push(Relay::new(now, &queued, random));
        } else if let Some(asking) = self.asking.iter_mut().find(|asking| matches!(asking.step, Asked::Queued)) {
            let (binding, data) = Binding::start(now, &mut self.random);
            asking.step = Asked::Waiting(binding);
            let transmit = Transmit { component: asking.component, base: asking.host, to: asking.server, data };
            self.transmit(transmit);
        } else {
            return;
        }
        self.next_start = now + PACE;
    }

    pub(super) fn gather_deadline(&self) -> Option<Instant> {
        let asked = self.asking.iter().filter_map(|asking| match &asking.step {
            Asked::Waiting(binding) => Some(binding.deadline()),
            Asked::Answered(again) => Some(*again),
            Asked::Queued | Asked::Silent => None,
        });
        let queued = self.asking.iter().any(|asking| matches!(asking.step, Asked::Queued));
        match self.phase {
            Phase::Gathering { until } => {
                let next = (queued || !self.to_lend.is_empty()).then_some(self.next_start);
                earliest(earliest(asked.min(), Some(until)), next)
            }
            Phase::Gathered => asked.min(),
            Phase::New | Phase::Released => None,
        }
    }

    /// A message that may be a STUN server's answer. Whether it is.
    pub(super) fn told(&mut self, now: Instant, host: SocketAddr, from: SocketAddr, data: Bytes) -> bool {
        let asked = |asking: &&mut Asking| asking.host == host && asking.server == from;
        let mut of_server = self.asking.iter_mut().filter(asked).peekable();
        if of_server.peek().is_none() {
            return false;
        }
        let Ok(message) = Message::parse(data) else { return false };
        for asking in of_server {
            let Asked::Waiting(binding) = &asking.step else { continue };
            let Some(mapped) = binding.response(&message) else { continue };
            asking.step = match mapped {
                Some(mapped) => {
                    let local = Local::reflexive(asking.component, host, mapped, from.ip(), u16::MAX);
                    self.agent.add_local(local);
                    Asked::Answered(now + keep_open(&mut self.random))
                }
                None => Asked::Silent,
            };
            return true;
        }
        false
    }

    /// Ends gathering when there is nothing to wait for, or no more time. A server that is silent is not waited for where another has answered for its socket.
    pub(super) fn end_gathering(&mut self, now: Instant) {
        let Phase::Gathering { until } = self.phase else { return };
        let answered = |host: SocketAddr| {
            self.asking.iter().any(|asking| asking.host == host && matches!(asking.step, Asked::Answered(_)))
        };
        let waits =
            |asking: &Asking| matches!(asking.step, Asked::Queued | Asked::Waiting(_)) && !answered(asking.host);
        let pending =
            self.asking.iter().any(waits) || !self.to_lend.is_empty() || self.relays.iter().any(Relay::is_pending);
        if pending && now < until {
            return;
        }
        self.phase = Phase::Gathered;
        self.to_lend.clear();
        self.asking.retain(|asking| matches!(asking.step, Asked::Answered(_)));
        // What comes too late to be told is given back.
        self.relays.iter_mut().filter(|relay| relay.is_pending()).for_each(|relay| relay.client.release(now));
        self.events.push_back(Event::Gathered { description: Box::new(self.agent.description()) });
    }
}

fn keep_open(random: &mut Random) -> Duration {
    random.duration(Duration::from_secs(20), Duration::from_secs(25))
}
