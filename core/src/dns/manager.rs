//! The manager of the name servers (seed class DNSManager): those of the system where they answer as they should, else public ones.
//!
//! ```text
//!   (stopped) ──start──► Local ──NAPTR and SRV answered──► (the system's are used)
//!                          │ failed      ▲
//!                          ▼             │ 15 s later
//!                       Fallback ──NAPTR answered──► (the fallback is used) ── Resting
//!                          │ failed                                              ▲
//!                          └──────────► (the system's are used) ─────────────────┘
//! ```
//!
//! A change of the network or of the system's servers begins a new probe.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use super::client::{Asked, Client, QuestionId};
use super::query::Question;
use super::{Answer, Context, DnsConfig, Kind, Name, Output};
use crate::outbox::Outbox;
use crate::time::Instant;

/// The time from a probe that did not find the system's servers well to the next.
const REST: Duration = Duration::from_secs(15);

/// How long one of the system's servers may take, and all of them.
const LOCAL: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(3));

/// How long one of the fallback servers may take, and all of them.
const FALLBACK: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(4));

/// How far the manager is.
#[derive(Debug)]
enum State {
    /// It does not probe.
    Stopped,
    /// The system's servers are well.
    Content,
    /// The system's servers are being asked; these questions are open.
    Local(BTreeSet<QuestionId>),
    /// The fallback servers are being asked; these questions are open.
    Fallback(BTreeSet<QuestionId>),
    /// The next probe comes then.
    Resting(Instant),
}

/// What a probe has shown: the name servers to use.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Those of the system.
    System,
    /// The fallback.
    Fallback,
}

/// The manager.
#[derive(Debug)]
pub(super) struct Manager {
    state: State,
}

impl Manager {
    pub(super) const fn new() -> Self {
        Self { state: State::Stopped }
    }

    /// Begins to probe, if it does not yet.
    pub(super) fn start(
        &mut self,
        cx: &mut Context<'_>,
        config: &DnsConfig,
        client: &mut Client,
        out: &mut Outbox<Output>,
    ) -> Option<Verdict> {
        if matches!(self.state, State::Stopped) { self.probe(cx, config, client, out) } else { None }
    }

    /// Probes no more. The servers stay as they are.
    pub(super) fn stop(&mut self, client: &mut Client, out: &mut Outbox<Output>) {
        self.leave(State::Stopped, client, out);
    }

    /// The network or the system's servers have changed: begins anew.
    pub(super) fn changed(
        &mut self,
        cx: &mut Context<'_>,
        config: &DnsConfig,
        client: &mut Client,
        out: &mut Outbox<Output>,
    ) -> Option<Verdict> {
        if matches!(self.state, State::Stopped) { None } else { self.probe(cx, config, client, out) }
    }

    pub(super) const fn is_running(&self) -> bool {
        !matches!(self.state, State::Stopped)
    }

    /// When [`timeout`](Self::timeout) is next wanted.
    pub(super) const fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Resting(until) => Some(until),
            State::Stopped | State::Content | State::Local(_) | State::Fallback(_) => None,
        }
    }

    /// The time for the next probe has come.
    pub(super) fn timeout(
        &mut self,
        cx: &mut Context<'_>,
        config: &DnsConfig,
        client: &mut Client,
        out: &mut Outbox<Output>,
    ) -> Option<Verdict> {
        let due = self.deadline().is_some_and(|at| at <= cx.now);
        if due { self.probe(cx, config, client, out) } else { None }
    }

    /// A question of a probe is over.
    pub(super) fn answered(
        &mut self,
        cx: &mut Context<'_>,
        id: QuestionId,
        answer: &Answer,
        config: &DnsConfig,
        client: &mut Client,
        out: &mut Outbox<Output>,
    ) -> Option<Verdict> {
        let (State::Local(open) | State::Fallback(open)) = &mut self.state else { return None };
        if !open.remove(&id) {
            return None;
        }
        let local = matches!(self.state, State::Local(_));
        match (answer, local) {
            (Err(_), true) => self.fall_back(cx, config, client, out),
            (Err(_), false) => Some(self.rest(cx, Verdict::System, client, out)),
            (Ok(_), _) => self.progress(cx, client, out),
        }
    }

    fn probe(
        &mut self,
        cx: &mut Context<'_>,
        config: &DnsConfig,
        client: &mut Client,
        out: &mut Outbox<Output>,
    ) -> Option<Verdict> {
        let names = probed(config);
        self.leave(State::Local(BTreeSet::new()), client, out);
        let Some((naptr, srv)) = names else { return self.fall_back(cx, config, client, out) };
        let asked = [(naptr, Kind::Naptr), (srv, Kind::Srv)];
        match ask(cx, client, &asked, &config.nameservers, LOCAL, out) {
            Some(open) => {
                self.state = State::Local(open);
                None
            }
            None => self.fall_back(cx, config, client, out),
        }
    }

    fn fall_back(
        &mut self,
        cx: &mut Context<'_>,
        config: &DnsConfig,
        client: &mut Client,
        out: &mut Outbox<Output>,
    ) -> Option<Verdict> {
        self.leave(State::Fallback(BTreeSet::new()), client, out);
        let asked = probed(config).map(|(naptr, _)| [(naptr, Kind::Naptr)]);
        match asked.and_then(|asked| ask(cx, client, &asked, &config.fallback_nameservers, FALLBACK, out)) {
            Some(open) => {
                self.state = State::Fallback(open);
                None
            }
            None => Some(self.rest(cx, Verdict::System, client, out)),
        }
    }

    /// When all questions of a probe are answered, its servers are used.
    fn progress(&mut self, cx: &Context<'_>, client: &mut Client, out: &mut Outbox<Output>) -> Option<Verdict> {
        match &self.state {
            State::Local(open) if open.is_empty() => {
                self.state = State::Content;
                Some(Verdict::System)
            }
            State::Fallback(open) if open.is_empty() => Some(self.rest(cx, Verdict::Fallback, client, out)),
            State::Stopped | State::Content | State::Local(_) | State::Fallback(_) | State::Resting(_) => None,
        }
    }

    fn rest(&mut self, cx: &Context<'_>, verdict: Verdict, client: &mut Client, out: &mut Outbox<Output>) -> Verdict {
        self.leave(State::Resting(cx.now + REST), client, out);
        verdict
    }

    /// Goes on to another state; open questions are of no interest any more.
    fn leave(&mut self, next: State, client: &mut Client, out: &mut Outbox<Output>) {
        if let State::Local(open) | State::Fallback(open) = std::mem::replace(&mut self.state, next) {
            for id in open {
                client.cancel(id, out);
            }
        }
    }
}

/// The names that are asked for: the domain, and its SIP servers over UDP.
fn probed(config: &DnsConfig) -> Option<(Name, Name)> {
    let domain = Name::parse(&config.probe_domain).ok()?;
    let service = domain.under("_sip._udp").ok()?;
    Some((domain, service))
}

/// Asks these questions anew, whatever is known; `None` when they cannot be asked.
fn ask(
    cx: &mut Context<'_>,
    client: &mut Client,
    asked: &[(Name, Kind)],
    servers: &[SocketAddr],
    (timeout, lifetime): (Duration, Duration),
    out: &mut Outbox<Output>,
) -> Option<BTreeSet<QuestionId>> {
    let mut open = BTreeSet::new();
    for (name, kind) in asked {
        let until = cx.now + lifetime;
        let question =
            Question { name: name.clone(), kind: *kind, servers: servers.to_vec(), timeout, until, fresh: true };
        match client.ask(cx, question, out) {
            Asked::Pending(id) => {
                open.insert(id);
            }
            Asked::Known(_) => {
                for id in open {
                    client.cancel(id, out);
                }
                return None;
            }
        }
    }
    Some(open)
}
