//! What to do with a request that is not a retransmission (RFC 3261 section 8.2).

use std::net::SocketAddr;

use crate::dialog::DialogId;
use crate::id::{AccountId, TransactionId};
use crate::invitation::{ALLOWED, BodyFault, Incoming, judge_body, judge_interval, supported, supported_value};
use crate::package::AllowEvents;
use crate::session::{Session, SessionState};
use crate::sip::{
    Accept, Essentials, HeaderName, Host, MediaType, Method, NameAddr, Params, Received, Request, SipUri, Uri,
};
use crate::stream::{Registry, SessionInfo, Source};
use crate::transport::{Flow, Local, Route, Transport};

use super::calls::{Call, Waiting};
use super::owner::Owner;
use super::transfers::Follows;
use super::{Agent, Shutdown};

/// The methods that are answered otherwise than with 405.
const UNDERSTOOD: &[Method] = &[
    Method::Invite,
    Method::Bye,
    Method::Options,
    Method::Info,
    Method::Prack,
    Method::Update,
    Method::Refer,
    Method::Subscribe,
    Method::Notify,
    Method::Message,
];

/// A name and a URI, without tags.
fn plain(address: NameAddr) -> NameAddr {
    NameAddr { params: Params::default(), ..address }
}

/// How a request came.
#[derive(Debug)]
pub(super) struct Arrived {
    pub(super) flow: Flow,
    pub(super) transport: Transport,
    pub(super) local: SocketAddr,
    pub(super) received: Received,
    pub(super) essentials: Essentials,
}

impl Agent {
    /// A request came, in a transaction of its own.
    pub(super) fn requested(
        &mut self,
        incoming: Incoming,
        cancels: Option<TransactionId>,
        flow: Flow,
        transport: Transport,
        local: SocketAddr,
    ) {
        let method = incoming.request.method().clone();
        if method == Method::Cancel {
            self.cancel_requested(&incoming, cancels);
            return;
        }
        if let Err((code, headers)) = self.inspect(&incoming, &method) {
            self.refuse(&incoming, code, &headers);
            return;
        }
        let dialog = incoming.essentials.to.tag().map(|local_tag| {
            let remote_tag = incoming.essentials.from.tag().unwrap_or_default();
            DialogId::new(&incoming.essentials.call_id, local_tag, remote_tag)
        });
        if dialog.is_none() {
            self.calls.outside.insert(&incoming);
        }
        match (dialog, method) {
            (dialog, Method::Notify) => self.notified(incoming, dialog),
            (Some(dialog), Method::Message) => self.messaged_inside(&incoming, &dialog),
            (None, Method::Subscribe) => self.subscribed(incoming, flow, transport, local),
            (None, Method::Refer) => self.referred(incoming, flow, transport, local),
            (None, Method::Message) => self.messaged(&incoming),
            (Some(dialog), Method::Options | Method::Info) => self.asked_inside(&incoming, &dialog),
            (None, Method::Options) => self.options(&incoming),
            (Some(dialog), _) => self.requested_inside(incoming, &dialog),
            (None, Method::Invite) => self.invited(incoming, flow, transport, local),
            // BYE, and whatever else belongs into a dialog (RFC 3261 section 15.1.2).
            (None, _) => self.refuse(&incoming, 481, &[]),
        }
    }

    /// The checks that every request must pass, in the order of RFC 3261 section 8.2: method, whom it is for, extensions, body.
    fn inspect(&self, incoming: &Incoming, method: &Method) -> Result<(), (u16, Vec<(HeaderName, String)>)> {
        if !UNDERSTOOD.contains(method) {
            return Err((405, vec![(HeaderName::Allow, ALLOWED.to_owned())]));
        }
        if !incoming.request.uri().is_ok_and(|uri| uri.as_sip().is_some()) {
            return Err((416, Vec::new()));
        }
        let outside = incoming.essentials.to.tag().is_none();
        if outside && matches!(method, Method::Invite | Method::Subscribe | Method::Refer | Method::Message) {
            let uri = incoming.request.uri().ok();
            if uri.as_ref().and_then(Uri::as_sip).and_then(|uri| self.accounts.find(uri)).is_none() {
                return Err((404, Vec::new()));
            }
        }
        // The same request by another way: a proxy forked it, and both branches lead here (RFC 3261 section 8.2.2.2).
        if outside && self.calls.outside.knows(incoming) {
            return Err((482, Vec::new()));
        }
        let unsupported: Vec<String> = incoming
            .request
            .values(HeaderName::Require)
            .filter_map(Result::ok)
            .filter(|option| !supported(&self.config).any(|known| known.eq_ignore_ascii_case(option)))
            .map(|option| option.to_string())
            .take(self.config.limits.list_members)
            .collect();
        if !unsupported.is_empty() {
            return Err((420, vec![(HeaderName::Unsupported, unsupported.join(", "))]));
        }
        if matches!(method, Method::Invite | Method::Update | Method::Prack) {
            match judge_body(&incoming.request) {
                Ok(()) => {}
                Err(BodyFault::Encoding) => {
                    return Err((415, vec![(HeaderName::AcceptEncoding, "identity".to_owned())]));
                }
                Err(BodyFault::Type) => return Err((415, vec![(HeaderName::Accept, "application/sdp".to_owned())])),
            }
        }
        if matches!(method, Method::Invite | Method::Update)
            && let Err(least) = judge_interval(&self.config, &incoming.request)
        {
            return Err((422, vec![(HeaderName::MinSe, least.to_string())]));
        }
        // The answer to an INVITE is a session description (RFC 3261 section 13.2.1).
        let sdp = MediaType::new("application", "sdp");
        if *method == Method::Invite
            && incoming.request.has(HeaderName::Accept)
            && !incoming.request.all::<Accept>().flatten().any(|range| range.accepts(&sdp))
        {
            return Err((406, Vec::new()));
        }
        Ok(())
    }

    fn cancel_requested(&mut self, incoming: &Incoming, cancels: Option<TransactionId>) {
        let session = cancels.and_then(|invite| self.owners.server_session(invite));
        if let Some(session) = session.filter(|session| self.calls.get(*session).is_some()) {
            self.call(session, |session, cx, out| session.cancel(cx, cancels, incoming, out));
            return;
        }
        match cancels {
            None => self.refuse(incoming, 481, &[]),
            Some(invite) => {
                self.refuse(incoming, 200, &[]);
                if let Some(waiting) = self.calls.waiting.remove(&invite) {
                    self.refuse(&waiting.incoming, 487, &[]);
                }
            }
        }
    }

    fn options(&mut self, incoming: &Incoming) {
        let uri = incoming.request.uri().ok();
        let ours = uri.as_ref().and_then(Uri::as_sip).and_then(|uri| self.accounts.find(uri));
        let for_host = uri.as_ref().and_then(Uri::as_sip).is_some_and(|uri| uri.user.is_none());
        if ours.is_none() && !for_host {
            self.refuse(incoming, 404, &[]);
            return;
        }
        // The answer is what an INVITE would get (RFC 3261 section 11.2).
        let code = if self.has_room() { 200 } else { 486 };
        self.tell_capabilities(incoming, code);
    }

    /// Requests inside a dialog that have no effect on it: OPTIONS is always answered with 200 (RFC 3261 section 11.2), INFO as one of nobody's packages.
    fn asked_inside(&mut self, incoming: &Incoming, dialog: &DialogId) {
        let session = self.owners.dialogs.get(dialog).and_then(|owner| owner.session());
        let in_order = session
            .and_then(|id| self.call(id, |session, _, _| session.receive(dialog, &incoming.essentials.cseq)).flatten());
        match in_order {
            Some(true) if *incoming.request.method() == Method::Info => self.inform(incoming),
            Some(true) => self.tell_capabilities(incoming, 200),
            Some(false) => self.refuse(incoming, 500, &[]),
            None => self.refuse(incoming, 481, &[]),
        }
    }

    /// No INFO package was agreed on, and no body of older uses is understood (RFC 6086 section 4.2.2).
    fn inform(&mut self, incoming: &Incoming) {
        let response = |code| incoming.reply(code, None, &self.tag, &self.config.user_agent);
        let response = if incoming.request.other("Info-Package").next().is_some() {
            response(469).other("Recv-Info", "")
        } else if incoming.request.body().is_empty() {
            response(200)
        } else {
            response(415).field(HeaderName::Accept, "")
        };
        if let Ok(response) = response.finish() {
            self.respond(incoming.transaction, &response);
        }
    }

    fn tell_capabilities(&mut self, incoming: &Incoming, code: u16) {
        self.refuse(
            incoming,
            code,
            &[
                (HeaderName::Allow, ALLOWED.to_owned()),
                (HeaderName::Accept, "application/sdp".to_owned()),
                (HeaderName::AcceptEncoding, "identity".to_owned()),
                (HeaderName::AcceptLanguage, "en".to_owned()),
                (HeaderName::Supported, supported_value(&self.config).to_owned()),
                (HeaderName::AllowEvents, AllowEvents(&self.config.packages).to_string()),
            ],
        );
    }

    pub(super) fn requested_inside(&mut self, incoming: Incoming, dialog: &DialogId) {
        let Some(owner) = self.owners.dialogs.get(dialog).copied() else {
            self.refuse(&incoming, 481, &[]);
            return;
        };
        if *incoming.request.method() == Method::Invite {
            self.owners.servers.insert(incoming.transaction, owner);
        }
        match owner {
            Owner::Session(id) => {
                let registry = std::mem::replace(&mut self.registry, Registry::empty());
                let mut ids = std::mem::take(&mut self.calls.stream_ids);
                let mut source = Source { registry: &registry, ids: &mut ids };
                self.call(id, |session, cx, out| session.request(cx, dialog, incoming, &mut source, out));
                (self.registry, self.calls.stream_ids) = (registry, ids);
            }
            Owner::Notifier(_) => self.subscribed_inside(owner, &incoming),
            // Inside the dialog of a subscription only NOTIFYs come; the others have none.
            Owner::Subscription(_) | Owner::Registration(_) | Owner::Publication(_) | Owner::Message(_) => {
                self.refuse(&incoming, 481, &[]);
            }
        }
    }

    /// An INVITE outside of any dialog.
    fn invited(&mut self, incoming: Incoming, flow: Flow, transport: Transport, local: SocketAddr) {
        if !self.has_room() {
            self.shed(&incoming);
            return;
        }
        let uri = incoming.request.uri().ok();
        let account = uri.as_ref().and_then(Uri::as_sip).and_then(|uri| self.accounts.find(uri));
        let Some(account) = account else {
            self.refuse(&incoming, 404, &[]);
            return;
        };
        self.start_located(incoming, account, flow, transport, local);
    }

    /// Goes on with a request that makes a dialog when our address toward its sender is known.
    pub(super) fn start_located(
        &mut self,
        incoming: Incoming,
        account: AccountId,
        flow: Flow,
        transport: Transport,
        local: SocketAddr,
    ) {
        if !local.ip().is_unspecified() {
            self.start_incoming(incoming, account, flow, transport, local);
            return;
        }
        let route = Route::new(transport, incoming.received.from);
        match self.transports.local(route) {
            Local::Known(local) => self.start_incoming(incoming, account, flow, transport, local),
            // Where there was no way before there must be one now: the INVITE came.
            Local::Ask { .. } | Local::NoRoute => {
                self.calls.waiting.insert(incoming.transaction, Waiting { incoming, flow, route });
                self.ask_local(route.socket_addr());
            }
            Local::NoSocket => self.refuse(&incoming, 480, &[]),
        }
    }

    /// Refuses a request for which there is no room, without state: that is what we have too much of.
    pub(super) fn shed(&mut self, incoming: &Incoming) {
        let builder = incoming.reply(503, None, &self.tag, &self.config.user_agent);
        if let Ok(response) = builder.field(HeaderName::RetryAfter, "10").finish() {
            self.table.turn_away(incoming.transaction, &response, &mut self.table_out);
        }
        self.stats.shed += 1;
    }

    pub(super) fn has_room(&self) -> bool {
        self.shutdown == Shutdown::No
            && self.calls.len() < self.config.limits.sessions
            && self.calls.unanswered() < self.config.limits.unanswered_sessions
    }

    fn start_incoming(
        &mut self,
        incoming: Incoming,
        account: AccountId,
        flow: Flow,
        transport: Transport,
        local: SocketAddr,
    ) {
        if matches!(incoming.request.method(), Method::Subscribe | Method::Refer) {
            self.start_notifier(incoming, account, flow, transport, local);
            return;
        }
        let replaced = match self.replaced(&incoming) {
            Ok(replaced) => replaced,
            Err(code) => {
                self.refuse(&incoming, code, &[]);
                return;
            }
        };
        let transaction = incoming.transaction;
        let from = incoming.received.from.ip();
        let uri = incoming.request.uri().ok();
        let user = uri.as_ref().and_then(Uri::as_sip).and_then(|uri| uri.user.clone());
        let seen = self.contact_address(Route::new(transport, incoming.received.from), local);
        let contact = self.dialog_contact(account, user.as_deref(), seen, transport);
        let contact = if asks_for_sips(&incoming.request) { contact.secured() } else { contact };
        let id = self.calls.next_session();
        self.owners.servers.insert(transaction, Owner::Session(id));
        let mut out = std::mem::take(&mut self.session_out);
        let mut info = SessionInfo::new(
            id,
            account,
            plain(incoming.essentials.to.clone()),
            plain(incoming.essentials.from.clone()),
        );
        info.local = local.ip();
        info.secure = transport == Transport::Tls;
        info.credentials = self.known_credentials(account);
        if let Some(account) = self.accounts.get(account) {
            account.tell(&mut info);
        }
        let mut cx = crate::config::Context {
            now: self.now,
            utc: self.clock.utc(self.now),
            random: &mut self.random,
            config: &self.config,
            msrp: &mut self.msrp,
        };
        let mut source = Source { registry: &self.registry, ids: &mut self.calls.stream_ids };
        let invited = crate::session::Invited { info, incoming, contact, replaced };
        let session = Session::incoming(&mut cx, invited, &mut source, &mut out);
        let mut call = Box::new(Call::new(session));
        call.follows = replaced.map(Follows::Replaces);
        self.use_flow(&mut call.sending.flow, flow, from);
        self.finish_call(call, out);
    }

    /// The local address toward somewhere is known now, or is known not to be.
    pub(super) fn local_learned(&mut self) {
        let waiting: Vec<TransactionId> = self.calls.waiting.keys().copied().collect();
        for transaction in waiting {
            let Some(route) = self.calls.waiting.get(&transaction).map(|waiting| waiting.route) else { continue };
            let local = self.transports.local(route);
            if matches!(local, Local::Ask { .. }) {
                continue;
            }
            let Some(Waiting { incoming, flow, .. }) = self.calls.waiting.remove(&transaction) else { continue };
            let uri = incoming.request.uri().ok();
            let account = uri.as_ref().and_then(Uri::as_sip).and_then(|uri| self.accounts.find(uri));
            match (local, account) {
                (Local::Known(_), Some(_)) if !self.has_room() => self.shed(&incoming),
                (Local::Known(local), Some(account)) => {
                    self.start_incoming(incoming, account, flow, route.transport, local);
                }
                _ => self.refuse(&incoming, 480, &[]),
            }
        }
        for session in self.calls.unrouted() {
            self.route(session);
            self.send_waiting(session);
        }
        self.usages_learned();
    }

    /// An ACK for a 2xx, or for nothing: then it is silently dropped.
    pub(super) fn acknowledged(&mut self, ack: &Request) {
        let Ok(essentials) = ack.validate() else { return };
        let remote_tag = essentials.from.tag().unwrap_or_default();
        let local_tag = essentials.to.tag().unwrap_or_default();
        let dialog = DialogId::new(&essentials.call_id, local_tag, remote_tag);
        match self.owners.dialogs.get(&dialog).and_then(|owner| owner.session()) {
            Some(session) => {
                self.call(session, |session, cx, out| session.ack(cx, &dialog, ack, out));
            }
            None => self.stats.stray += 1,
        }
    }

    /// Answers a request that no session answers.
    pub(super) fn refuse(&mut self, incoming: &Incoming, code: u16, headers: &[(HeaderName, String)]) {
        let mut builder = incoming.reply(code, None, &self.tag, &self.config.user_agent);
        for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
            builder = builder.field(*name, value);
        }
        if let Ok(response) = builder.finish() {
            self.respond(incoming.transaction, &response);
        }
    }

    /// Whether the session of this transaction goes on for the application.
    pub(super) fn is_live(&self, session: crate::id::SessionId) -> bool {
        self.calls.get(session).is_some_and(|call| call.session.state() != SessionState::Terminated)
    }
}

/// The Contact URI for a local address; UDP is what a URI without a transport means.
pub(super) fn contact_uri(user: Option<&str>, local: SocketAddr, transport: Transport) -> Uri {
    let mut uri = SipUri::new(user, Host::from(local.ip()), Some(local.port()));
    if transport != Transport::Udp {
        uri.params.set("transport", Some(transport.as_str()));
    }
    Uri::Sip(uri)
}

/// Whether the answer to this request must carry a `sips` Contact (RFC 3261 section 12.1.1).
fn asks_for_sips(request: &Request) -> bool {
    let is_secure = |uri: &Uri| uri.as_sip().is_some_and(|uri| uri.secure);
    let recorded = request.record_routes().next();
    let contact = || {
        request
            .contacts()
            .next()
            .and_then(Result::ok)
            .and_then(|contact| contact.address().map(|address| address.uri.clone()))
    };
    request.uri().is_ok_and(|uri| is_secure(&uri))
        || match recorded {
            Some(route) => route.is_ok_and(|route| is_secure(&route.uri)),
            None => contact().is_some_and(|uri| is_secure(&uri)),
        }
}
