//! One of a crowd.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use sipsimple_core::agent::{Agent, Event, EventKind, Intent, Outcome};
use sipsimple_core::id::{AccountId, IncomingSubscriptionId, PublicationId, SessionId, SubscriptionId};
use sipsimple_core::notifier::NotifierEvent;
use sipsimple_core::random::Random;
use sipsimple_core::session::{SessionEvent, SessionState};
use sipsimple_core::stream::{AudioSpec, StreamSpec};
use sipsimple_core::time::Instant;
use sipsimple_core::transport::{Route, Transport};
use sipsimple_core::usage::Content;

use crate::application::{Alarms, Application};
use crate::sip::address_of;

/// The alarm at which everything is ended.
pub(super) const FINISH: u64 = u64::MAX;
/// The alarm at which something new is done.
const ACT: u64 = 0;

const ACCOUNT: AccountId = AccountId::from_u64(0);

/// What one means to do.
#[derive(Clone, Debug)]
enum Plan {
    Ring(SessionId),
    Answer(SessionId),
    End(SessionId),
    Transfer(SessionId),
    Decide(SessionId),
    Unsubscribe(SubscriptionId),
    Tell(IncomingSubscriptionId),
    Unpublish(PublicationId),
}

/// A user.
pub(super) struct Member {
    number: usize,
    uris: Rc<[String]>,
    random: Random,
    plans: BTreeMap<u64, Plan>,
    next: u64,
    sessions: Vec<SessionId>,
    /// With whom.
    parties: BTreeMap<SessionId, String>,
    subscriptions: Vec<SubscriptionId>,
    publications: Vec<PublicationId>,
    finishing: bool,
}

impl Member {
    pub(super) fn new(number: usize, uris: Rc<[String]>, random: Random) -> Self {
        Self {
            number,
            uris,
            random,
            plans: BTreeMap::new(),
            next: 1,
            sessions: Vec::new(),
            parties: BTreeMap::new(),
            subscriptions: Vec::new(),
            publications: Vec::new(),
            finishing: false,
        }
    }

    fn plan(&mut self, alarms: &mut Alarms, least: u64, most: u64, plan: Plan) {
        let after = self.random.duration(Duration::from_millis(least), Duration::from_millis(most));
        self.plans.insert(self.next, plan);
        alarms.set.push((after, self.next));
        self.next += 1;
    }

    /// Somebody: seldom this one.
    fn somebody(&mut self) -> String {
        let number = usize::try_from(self.random.below(self.uris.len() as u64)).unwrap_or(0);
        let other =
            if number == self.number && self.random.below(8) > 0 { (number + 1) % self.uris.len() } else { number };
        self.uris[other].clone()
    }

    fn routes(&mut self, uri: &str) -> Vec<Route> {
        let transport = if self.random.below(6) == 0 { Transport::Tcp } else { Transport::Udp };
        address_of(uri).map(|address| Route::new(transport, address)).into_iter().collect()
    }

    /// Something new.
    fn act(&mut self, now: Instant, agent: &mut Agent, alarms: &mut Alarms) {
        let to = self.somebody();
        let routes = self.routes(&to);
        let intent = match self.random.below(10) {
            0..6 => Intent::Connect {
                account: ACCOUNT,
                to: to.as_str().into(),
                routes,
                streams: audio(),
                late_offer: false,
            },
            6 | 7 => Intent::Subscribe {
                account: ACCOUNT,
                to: to.as_str().into(),
                event: if self.random.below(10) == 0 { "gossip".into() } else { "weather".into() },
                expires: Some(u32::try_from(self.random.between(60, 200)).unwrap_or(60)),
                content: None,
                eventlist: false,
                persistent: self.random.below(2) == 0,
                routes,
            },
            8 => Intent::SendMessage {
                account: ACCOUNT,
                to: to.as_str().into(),
                content: Content::new("text/plain", "hello"),
                cpim: false,
                routes,
            },
            _ => Intent::Publish {
                account: ACCOUNT,
                event: "presence".into(),
                content: Content::new("application/pidf+xml", "<presence/>"),
                expires: Some(120),
                persistent: self.random.below(2) == 0,
                routes: vec![Route::new(Transport::Udp, super::COMPOSITOR.parse().expect("an address"))],
            },
        };
        match agent.intend(now, intent) {
            Ok(Outcome::Session(id)) => {
                self.sessions.push(id);
                self.parties.insert(id, to);
                if self.random.below(6) == 0 {
                    self.plan(alarms, 0, 8000, Plan::End(id));
                }
            }
            Ok(Outcome::Subscription(id)) => {
                self.subscriptions.push(id);
                self.plan(alarms, 1000, 300_000, Plan::Unsubscribe(id));
            }
            Ok(Outcome::Publication(id)) => {
                self.publications.push(id);
                self.plan(alarms, 1000, 300_000, Plan::Unpublish(id));
            }
            Ok(_) | Err(_) => {}
        }
    }

    /// Asks the other side of a call to call somebody else: the other side of another call, or anybody.
    fn transfer(&mut self, now: Instant, id: SessionId, agent: &mut Agent) {
        let others: Vec<SessionId> = self.sessions.iter().copied().filter(|other| *other != id).collect();
        let other = others.first().copied().filter(|other| {
            agent.session(now, *other).is_some_and(|session| session.state() == SessionState::Connected)
        });
        let target = match other.and_then(|other| self.parties.get(&other).cloned()) {
            Some(party) => party,
            None => self.somebody(),
        };
        let replaced = other.filter(|other| self.parties.contains_key(other));
        // A call that has moved on by then refuses it.
        let _ = agent.intend(now, Intent::Transfer { session: id, target: target.as_str().into(), replaced });
    }

    fn carry_out(&mut self, now: Instant, plan: &Plan, agent: &mut Agent, alarms: &mut Alarms) {
        // Whatever has moved on by then refuses these, and that is all right.
        let _ = match plan {
            Plan::Ring(id) => agent.intend(now, Intent::SendRingIndication { session: *id }),
            Plan::Answer(id) => {
                if self.random.below(5) == 0 {
                    agent.intend(now, Intent::Reject { session: *id, code: 486, reason: None })
                } else {
                    let streams = agent.session(now, *id).map(|session| session.streams()).unwrap_or_default();
                    agent.intend(now, Intent::Accept { session: *id, streams, relay_password: None })
                }
            }
            Plan::End(id) => agent.intend(now, Intent::End { session: *id }),
            Plan::Transfer(id) => return self.transfer(now, *id, agent),
            Plan::Decide(id) => {
                if self.random.below(5) == 0 {
                    agent.intend(now, Intent::RejectTransfer { session: *id, code: 603 })
                } else {
                    let streams = audio();
                    let result =
                        agent.intend(now, Intent::AcceptTransfer { session: *id, routes: Vec::new(), streams });
                    if let Ok(Outcome::Session(id)) = result {
                        self.sessions.push(id);
                    }
                    result
                }
            }
            Plan::Unsubscribe(id) => agent.intend(now, Intent::EndSubscription(*id)),
            Plan::Unpublish(id) => agent.intend(now, Intent::EndPublication(*id)),
            Plan::Tell(id) => {
                let content = Content::new("text/plain", "rain");
                let result = if self.random.below(6) == 0 {
                    let (reason, retry_after) = ("deactivated".into(), None);
                    agent.intend(
                        now,
                        Intent::EndIncomingSubscription { subscription: *id, reason, retry_after, content: None },
                    )
                } else {
                    agent.intend(now, Intent::Notify { subscription: *id, content })
                };
                if result.is_ok() {
                    self.plan(alarms, 100, 60_000, Plan::Tell(*id));
                }
                result
            }
        };
    }

    fn finish(&mut self, now: Instant, agent: &mut Agent) {
        self.finishing = true;
        for id in self.sessions.drain(..) {
            let _ = agent.intend(now, Intent::End { session: id });
        }
        for id in self.subscriptions.drain(..) {
            let _ = agent.intend(now, Intent::EndSubscription(id));
        }
        for id in self.publications.drain(..) {
            let _ = agent.intend(now, Intent::EndPublication(id));
        }
    }

    fn told(&mut self, id: SessionId, event: &SessionEvent, alarms: &mut Alarms) {
        match event {
            SessionEvent::NewIncoming { .. } => {
                self.sessions.push(id);
                if self.finishing {
                    self.plan(alarms, 0, 100, Plan::End(id));
                    return;
                }
                if self.random.below(4) > 0 {
                    self.plan(alarms, 0, 1500, Plan::Ring(id));
                }
                self.plan(alarms, 0, 6000, Plan::Answer(id));
            }
            SessionEvent::DidStart { .. } => {
                if self.random.below(3) == 0 {
                    self.plan(alarms, 100, 20_000, Plan::Transfer(id));
                }
                // Long enough for a session timer, now and then.
                if self.random.below(2) == 0 {
                    self.plan(alarms, 0, 400_000, Plan::End(id));
                }
            }
            SessionEvent::TransferNewIncoming { .. } => self.plan(alarms, 0, 22_000, Plan::Decide(id)),
            SessionEvent::DidEnd { .. } | SessionEvent::DidFail { .. } => {
                self.sessions.retain(|known| *known != id);
                self.parties.remove(&id);
            }
            _ => {}
        }
    }
}

fn audio() -> Vec<StreamSpec> {
    vec![StreamSpec::Audio(AudioSpec::default())]
}

impl Application for Member {
    fn event(&mut self, now: Instant, event: &Event, agent: &mut Agent, alarms: &mut Alarms) {
        match &event.kind {
            EventKind::Session { id, event } => self.told(*id, event, alarms),
            EventKind::IncomingSubscription { id, event: NotifierEvent::GotSubscribe { .. }, .. } => {
                let content = Some(Content::new("text/plain", "sun"));
                let pending = self.random.below(4) == 0;
                // Somebody who does not answer is answered for, and one who asks once is gone already.
                if self.random.below(6) > 0 {
                    let _ = agent.intend(now, Intent::AcceptSubscription { subscription: *id, pending, content });
                }
                self.plan(alarms, 100, 60_000, Plan::Tell(*id));
            }
            _ => {}
        }
    }

    fn alarm(&mut self, now: Instant, number: u64, agent: &mut Agent, alarms: &mut Alarms) {
        match number {
            FINISH => self.finish(now, agent),
            ACT if !self.finishing => {
                self.act(now, agent, alarms);
                let after = self.random.duration(Duration::from_secs(1), Duration::from_secs(30));
                alarms.set.push((after, ACT));
            }
            number => {
                if let Some(plan) = self.plans.remove(&number) {
                    self.carry_out(now, &plan, agent, alarms);
                }
            }
        }
    }
}
