//! One lookup: asks what its rules need, until they have a result or its time is up.
//!
//! The lifetime is a budget for the whole: a question that the lookup can do without may use half of what is left, so that a name server
//! that is silent to NAPTR or SRV queries leaves time for the next step.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::client::{Asked, Client, Finished, QuestionId, is_address};
use super::known::{Known, Weight};
use super::location::{self, Target};
use super::query::Question;
use super::service::By;
use super::{
    Answer, Context, Kind, LookupError, LookupEvent, LookupId, LookupResult, Name, Output, Service, Trace, Unanswered,
    authority, service, xcap,
};
use crate::outbox::Outbox;
use crate::sip::{Host, SipUri, Text};
use crate::time::{Instant, earliest};
use crate::transport::Transport;

/// What is looked up.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Where a SIP request to this URI goes (`lookup_sip_proxy`).
    SipProxy {
        /// The URI.
        uri: SipUri,
        /// The supported transports, in the order of preference.
        transports: Vec<Transport>,
    },
    /// The servers of a service of the domain in this URI (`lookup_service`).
    Service {
        /// The URI.
        uri: SipUri,
        /// The service.
        service: Service,
    },
    /// The servers that the domain in this URI names for a service. Without SRV records it has none.
    Discovery {
        /// The URI.
        uri: SipUri,
        /// The service.
        service: Service,
    },
    /// The addresses of the host in this URI, at the port there, or that of the service.
    Host {
        /// The URI.
        uri: SipUri,
        /// The service.
        service: Service,
    },
    /// The XCAP servers of the domain in this URI (`lookup_xcap_server`).
    XcapServer {
        /// The URI.
        uri: SipUri,
    },
}

impl Request {
    const fn uri(&self) -> &SipUri {
        match self {
            Self::SipProxy { uri, .. }
            | Self::Service { uri, .. }
            | Self::Discovery { uri, .. }
            | Self::Host { uri, .. }
            | Self::XcapServer { uri } => uri,
        }
    }

    const fn context(&self) -> &'static str {
        match self {
            Self::SipProxy { .. } => "lookup_sip_proxy",
            Self::Service { .. } | Self::Discovery { .. } | Self::Host { .. } => "lookup_service",
            Self::XcapServer { .. } => "lookup_xcap_server",
        }
    }
}

/// The rules that a lookup follows.
#[derive(Debug)]
enum Rules {
    SipProxy(Target),
    Service(Service, Host, Option<u16>, By),
    XcapServer(Host),
    Refused(LookupError),
}

/// A question on its way.
#[derive(Debug)]
struct Pending {
    name: Name,
    kind: Kind,
    /// Whether it is to find the servers that the lookup's own questions go to.
    for_authority: bool,
    since: Instant,
    servers: Vec<SocketAddr>,
}

/// Whom a lookup asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Servers<'a> {
    pub(super) configured: &'a [SocketAddr],
    pub(super) authoritative_first: bool,
}

/// A lookup.
#[derive(Debug)]
pub(super) struct Lookup {
    id: LookupId,
    rules: Rules,
    context: &'static str,
    service: Option<Service>,
    uri: Text,
    timeout: Duration,
    until: Instant,
    known: Known,
    /// What is known of the servers that speak for the zones.
    authority: Known,
    pending: BTreeMap<QuestionId, Pending>,
    asked: usize,
}

fn of_service(uri: &SipUri, service: Service, by: By) -> (Rules, Option<Service>) {
    (Rules::Service(service, uri.host.clone(), uri.port, by), Some(service))
}

impl Lookup {
    pub(super) fn new(id: LookupId, request: &Request, timeout: Duration, until: Instant) -> Self {
        let (rules, service) = match request {
            Request::SipProxy { uri, transports } => {
                (Target::new(uri, transports).map_or_else(Rules::Refused, Rules::SipProxy), None)
            }
            Request::Service { uri, service } => of_service(uri, *service, By::Either),
            Request::Discovery { uri, service } => of_service(uri, *service, By::Srv),
            Request::Host { uri, service } => of_service(uri, *service, By::Address),
            Request::XcapServer { uri } => (Rules::XcapServer(uri.host.clone()), None),
        };
        Self {
            id,
            rules,
            context: request.context(),
            service,
            uri: Text::from(request.uri().to_string()),
            timeout,
            until,
            known: Known::default(),
            authority: Known::default(),
            pending: BTreeMap::new(),
            asked: 0,
        }
    }

    /// Goes on as far as it can. Its result, when it has one.
    pub(super) fn advance(
        &mut self,
        cx: &mut Context<'_>,
        client: &mut Client,
        servers: Servers<'_>,
        out: &mut Outbox<Output>,
    ) -> Option<Result<LookupResult, LookupError>> {
        loop {
            if let Some(result) = self.evaluate(cx) {
                return Some(result);
            }
            let mut answered = false;
            for ((name, kind), weight) in self.known.take_needs() {
                let own = if servers.authoritative_first {
                    match authority::servers(&mut self.authority, &name) {
                        Some(own) => own,
                        None => continue,
                    }
                } else {
                    Vec::new()
                };
                let whom = if own.is_empty() { servers.configured.to_vec() } else { own };
                answered |= self.ask(cx, client, (name, kind), weight, whom, false, out);
            }
            for ((name, kind), weight) in self.authority.take_needs() {
                answered |= self.ask(cx, client, (name, kind), weight, servers.configured.to_vec(), true, out);
            }
            if !answered {
                return None;
            }
        }
    }

    fn evaluate(&mut self, cx: &mut Context<'_>) -> Option<Result<LookupResult, LookupError>> {
        let (known, limits) = (&mut self.known, cx.limits);
        Some(match &self.rules {
            Rules::Refused(error) => Err(error.clone()),
            Rules::SipProxy(target) => location::sip_proxy(target, known, cx.random, limits)?.map(LookupResult::Routes),
            Rules::Service(service, host, port, by) => {
                service::servers(*service, host, *port, *by, known, cx.random, limits)?.map(LookupResult::Servers)
            }
            Rules::XcapServer(host) => xcap::servers(host, known)?.map(LookupResult::Uris),
        })
    }

    /// Asks a question, unless it is on its way; whether its answer is there at once.
    #[expect(clippy::too_many_arguments, reason = "what is asked, whom, and for how long")]
    fn ask(
        &mut self,
        cx: &mut Context<'_>,
        client: &mut Client,
        (name, kind): (Name, Kind),
        weight: Weight,
        servers: Vec<SocketAddr>,
        for_authority: bool,
        out: &mut Outbox<Output>,
    ) -> bool {
        let same =
            |pending: &Pending| pending.name == name && pending.kind == kind && pending.for_authority == for_authority;
        if self.pending.values().any(same) || self.pending.len() >= cx.limits.dns_questions_at_once {
            return false;
        }
        if self.asked >= cx.limits.dns_questions {
            self.answered(name, kind, servers, for_authority, Err(Unanswered::Failure(0)), out);
            return true;
        }
        self.asked += 1;
        let left = self.until.saturating_since(cx.now);
        let until = match weight {
            Weight::Optional => cx.now + left / 2,
            Weight::Decisive => self.until,
        };
        let (asked, asking) = (name.clone(), servers.clone());
        let question = Question { name: asked, kind, servers: asking, timeout: self.timeout, until, fresh: false };
        match client.ask(cx, question, out) {
            Asked::Known(answer) => {
                self.answered(name, kind, servers, for_authority, answer, out);
                true
            }
            Asked::Pending(id) => {
                self.pending.insert(id, Pending { name, kind, for_authority, since: cx.now, servers });
                false
            }
        }
    }

    /// A question of this lookup is over.
    pub(super) fn finished(&mut self, finished: Finished, out: &mut Outbox<Output>) {
        let Some(pending) = self.pending.remove(&finished.id) else { return };
        let Pending { name, kind, for_authority, servers, .. } = pending;
        let known = if for_authority { &mut self.authority } else { &mut self.known };
        known.insert_additional(&name, finished.additional);
        self.answered(name, kind, servers, for_authority, finished.answer, out);
    }

    fn answered(
        &mut self,
        name: Name,
        kind: Kind,
        nameservers: Vec<SocketAddr>,
        for_authority: bool,
        answer: Answer,
        out: &mut Outbox<Output>,
    ) {
        let text = |records: &Vec<super::Record>| {
            records.iter().map(|record| Text::from(record.data.to_string())).collect::<Vec<_>>()
        };
        let trace = Trace {
            query_type: kind,
            query_name: name.clone(),
            nameservers,
            answer: answer.as_ref().ok().map(text),
            error: answer.as_ref().err().copied(),
            context: Text::from_static(self.context),
            service: self.service,
            uri: self.uri.clone(),
        };
        out.push(Output::Lookup { id: self.id, event: LookupEvent::Trace(trace) });
        let known = if for_authority { &mut self.authority } else { &mut self.known };
        known.insert(name, kind, answer);
    }

    /// When [`timeout`](Self::timeout) is next wanted: the questions themselves time out in the client.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let known = |pending: &Pending| self.known_otherwise(pending).then_some(pending.since + self.timeout);
        self.pending.values().map(known).fold(None, earliest)
    }

    /// A host whose addresses of one version are known is not waited for any longer than one name server may take to tell the others: there
    /// are routers that never answer AAAA queries.
    pub(super) fn timeout(&mut self, now: Instant, client: &mut Client, out: &mut Outbox<Output>) {
        let late = |pending: &Pending| self.known_otherwise(pending) && pending.since + self.timeout <= now;
        let late: Vec<QuestionId> =
            self.pending.iter().filter(|(_, pending)| late(pending)).map(|(id, _)| *id).collect();
        for id in late {
            client.cancel(id, out);
            let finished = Finished { id, answer: Err(Unanswered::Timeout), additional: Vec::new() };
            self.finished(finished, out);
        }
    }

    fn known_otherwise(&self, pending: &Pending) -> bool {
        let known = if pending.for_authority { &self.authority } else { &self.known };
        is_address(pending.kind) && known.has_other_address(&pending.name, pending.kind)
    }

    /// The questions that are on their way.
    pub(super) fn pending(&self) -> impl Iterator<Item = QuestionId> {
        self.pending.keys().copied()
    }
}
