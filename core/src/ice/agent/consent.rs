//! The pairs in use: the peer's consent to receive (RFC 7675), and what keeps their way open (RFC 8445 section 11).

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use super::{Agent, Arrival, Peer};
use crate::ice::{Failure, Role, Selected, State};
use crate::random::Random;
use crate::stun::{BINDING, Builder, Class, Integrity, Message, TransactionId, attribute};
use crate::time::{Instant, earliest};

/// How long consent holds after an answer (RFC 7675 section 5.1).
const CONSENT: Duration = Duration::from_secs(30);

/// Questions for consent that may still be answered.
const MAX_ASKED: usize = 8;

/// A pair in use.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) selected: Selected,
    pub(super) base: SocketAddr,
    pub(super) priority: u64,
    /// The PRIORITY that its requests tell.
    told: u32,
    /// To whom the pair leads.
    peer: Peer,
    asked: VecDeque<TransactionId>,
    next_question: Instant,
    expires: Instant,
    keep_alive: Instant,
}

impl Kept {
    pub(super) fn new(
        now: Instant,
        random: &mut Random,
        selected: Selected,
        priority: u64,
        told: u32,
        peer: Peer,
    ) -> Self {
        Self {
            base: selected.base,
            selected,
            priority,
            told,
            peer,
            asked: VecDeque::new(),
            next_question: now + interval(random),
            expires: now + CONSENT,
            keep_alive: now + keep_alive(random),
        }
    }

    /// Whether it was found in the negotiation with these credentials.
    pub(super) fn is_of(&self, peer: Option<&Peer>) -> bool {
        peer.is_some_and(|peer| peer.username == self.peer.username)
    }
}

/// The time to the next question: 5 s, more or less (RFC 7675 section 5.1).
fn interval(random: &mut Random) -> Duration {
    random.duration(Duration::from_secs(4), Duration::from_secs(6))
}

/// The time without a packet after which one is sent only to keep the way open.
fn keep_alive(random: &mut Random) -> Duration {
    random.duration(Duration::from_secs(20), Duration::from_secs(25))
}

impl Agent {
    /// Asks for consent, keeps the way open, and gives up the pair whose peer answers no more: that is the end, unless ICE has begun anew.
    pub(super) fn keep(&mut self, now: Instant) {
        let mut sent = Vec::new();
        let mut lost = None;
        for (component, kept) in &mut self.selected {
            let (base, to) = (kept.base, kept.selected.remote.address);
            if self.config.consent && now >= kept.expires {
                lost = Some(*component);
            } else if self.config.consent && now >= kept.next_question {
                let id = TransactionId::random(&mut self.random);
                let role = match self.role {
                    Role::Controlling => attribute::ICE_CONTROLLING,
                    Role::Controlled => attribute::ICE_CONTROLLED,
                };
                let request = Builder::new(Class::Request, BINDING, id)
                    .attribute(attribute::USERNAME, kept.peer.username.as_bytes())
                    .word(attribute::PRIORITY, kept.told)
                    .long(role, self.tie_breaker);
                sent.push((*component, base, to, request.finish_with(Integrity::Sha1, &kept.peer.key)));
                if kept.asked.len() >= MAX_ASKED {
                    kept.asked.pop_front();
                }
                kept.asked.push_back(id);
                kept.next_question = now + interval(&mut self.random);
                kept.keep_alive = now + keep_alive(&mut self.random);
            } else if now >= kept.keep_alive {
                let id = TransactionId::random(&mut self.random);
                sent.push((*component, base, to, Builder::new(Class::Indication, BINDING, id).finish()));
                kept.keep_alive = now + keep_alive(&mut self.random);
            }
        }
        for (component, base, to, data) in sent {
            self.transmit(component, base, to, data);
        }
        match lost {
            // Another pair is being sought already: this one is given up.
            Some(component) if self.state == State::Running => drop(self.selected.remove(&component)),
            Some(_) => self.fail(Failure::ConsentLost),
            None => {}
        }
    }

    pub(super) fn keep_deadline(&self) -> Option<Instant> {
        let due = |deadline, kept: &Kept| {
            let consent = self.config.consent.then(|| kept.next_question.min(kept.expires));
            earliest(deadline, Some(consent.map_or(kept.keep_alive, |consent| consent.min(kept.keep_alive))))
        };
        self.selected.values().fold(None, due)
    }

    /// Something else was sent on the pair of this component: its way is open.
    pub fn sent(&mut self, now: Instant, component: u8) {
        if let Some(kept) = self.selected.get_mut(&component) {
            // Exactness is not worth a draw per packet.
            kept.keep_alive = now + Duration::from_secs(20);
        }
    }

    /// Whether this is the answer to a question for consent. Any authentic one will do, if it came the way that was asked (RFC 7675 section 5.1).
    pub(super) fn consented(&mut self, now: Instant, arrival: Arrival, answer: &Message) -> bool {
        let Some(kept) = self.selected.get_mut(&arrival.component) else { return false };
        if !kept.asked.contains(&answer.transaction()) {
            return false;
        }
        let came_back = arrival.base == kept.base && arrival.from == kept.selected.remote.address;
        if came_back && answer.class() == Class::Success && answer.is_from(&kept.peer.key) {
            kept.asked.clear();
            kept.expires = now + CONSENT;
        }
        true
    }
}
