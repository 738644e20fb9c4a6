//! What streams over MSRP have in common (seed class MSRPStreamBase): the place in a session description, the listener or
//! the connection, the relay, and the session on it.
//!
//! ```text
//!  initialize ─┬─ active ───────────────────────────────────► Initialized ── start ──► opens, binds ──► Started
//!              ├─ passive, actpass ── listens ── bound ─────► Initialized ── start ──► is bound ──────► Started
//!              └─ relay ── connects, AUTH ── path granted ──► Initialized ── start ───────────────────► Started
//! ```
//!
//! A relay that grants another path later makes it want to be offered again (RFC 4976 section 5.1, RFC 4975 section 8.4).
//!
//! With the connection model `relay` the side that offers opens the connection (RFC 4975 section 5.4); with `acm` the attribute `setup`
//! says which one does (RFC 6135).

mod kind;
mod line;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

pub use kind::MsrpProfile;
pub(super) use kind::{Fate, MsrpStream};
pub use line::{Offered, Role};

use crate::dns::{Request, Service};
use crate::msrp::{
    self, Connect, Content, Delivery, End, Endpoint, Event, FailureReport, Message, MsrpUri, Path, RelaySetup,
    SendError, SessionStart, Setup,
};
use crate::negotiation::{Description, Proposed};
use crate::outbox::Outbox;
use crate::sdp::{Attribute, Direction};
use crate::settings::kind::{ConnectionModel, MsrpRelayAddress, MsrpTransport};
use crate::sip::{Host, SipUri, Text};
use crate::time::Instant;
use crate::transport::{CloseCause, Fingerprint, Security, SocketKind, TlsPolicy};

use super::{Agreement, Context, Input, Originator, Output};

/// How long the signalling may lag behind a peer that has closed the connection in good order, as it does when it ends the session.
const PARTING: Duration = Duration::from_secs(2);

/// What a stream wants to know the place of.
#[derive(Debug)]
enum Locating {
    /// The relay that the settings name.
    Relay(Host),
    /// A relay of this domain; there may be none.
    Domain(Host),
    /// The peer; and its address by its media line, where nobody knows a better one.
    Peer(Box<Path>, Vec<Fingerprint>, Option<IpAddr>),
}

/// What streams over MSRP have in common.
#[derive(Debug)]
pub(super) struct Base {
    profile: MsrpProfile,
    /// How it wants messages.
    delivery: Delivery,
    pub(super) direction: Direction,
    /// What the peer offered, if it did.
    offered: Option<Offered>,
    secure: bool,
    role: Role,
    local: Option<MsrpUri>,
    /// The path that leads to us; the one that our line told last; and the one that the peer has agreed on.
    path: Option<Path>,
    described: Option<Path>,
    agreed: Option<Path>,
    relayed: bool,
    /// Whether its line is known.
    initialized: bool,
    /// Whether the peer is not read.
    held: bool,
    /// What it asked the place of.
    locating: Option<Locating>,
    /// The peer's path, once it is known.
    remote: Option<Path>,
    started: bool,
    /// Whether it is about to end, so that the peer may close the connection.
    leaving: bool,
    /// Why it cannot go on, and when that is told.
    failure: Option<(Text, Instant)>,
}

impl Base {
    pub(super) fn new(profile: MsrpProfile, direction: Direction, offered: Option<Offered>) -> Self {
        Self {
            profile,
            delivery: Delivery::Whole,
            direction,
            offered,
            secure: true,
            role: Role::Active,
            local: None,
            path: None,
            described: None,
            agreed: None,
            relayed: false,
            initialized: false,
            held: false,
            locating: None,
            remote: None,
            started: false,
            leaving: false,
            failure: None,
        }
    }

    /// Whether messages can be sent and received.
    pub(super) const fn is_started(&self) -> bool {
        self.started
    }

    /// Whether it is about to end.
    pub(super) const fn is_leaving(&self) -> bool {
        self.leaving
    }

    /// Whether it has been agreed on.
    pub(super) const fn is_agreed(&self) -> bool {
        self.remote.is_some()
    }

    /// Whether the peer has offered it.
    pub(super) const fn was_offered(&self) -> bool {
        self.offered.is_some()
    }

    /// Says how it wants messages, before it is initialised: whole where nothing is said.
    pub(super) const fn set_delivery(&mut self, delivery: Delivery) {
        self.delivery = delivery;
    }

    pub(super) fn initialize(&mut self, cx: &mut Context<'_>, proposer: Originator, out: &mut Outbox<Output>) {
        let settings = &cx.session.settings;
        self.secure = settings.msrp.transport == MsrpTransport::Tls;
        let (nat, model) = (&settings.nat_traversal, settings.msrp.connection_model);
        let incoming = proposer == Originator::Remote;
        let wants_relay = if incoming { nat.use_msrp_relay_for_inbound } else { nat.use_msrp_relay_for_outbound };
        self.role = match (&self.offered, model) {
            (Some(offered), _) => offered.role.answered(),
            (None, ConnectionModel::Relay) => Role::Active,
            (None, ConnectionModel::Acm) => Role::ActPass,
        };
        let wants_relay = wants_relay && model == ConnectionModel::Relay;
        match nat.msrp_relay.clone().filter(|_| wants_relay) {
            Some(relay) if (relay.transport == MsrpTransport::Tls) != self.secure => {
                out.push(failed("MSRP relay transport conflicts with MSRP transport setting"));
            }
            Some(MsrpRelayAddress { host, port, .. }) => match host.ip() {
                Some(ip) => self.meet(cx, host, SocketAddr::new(ip, port), out),
                None => {
                    let uri = SipUri::new(None, host.clone(), Some(port));
                    self.locating = Some(Locating::Relay(host));
                    out.push(Output::Locate(self.whereabouts(uri, port == MsrpRelayAddress::DEFAULT_PORT)));
                }
            },
            // Who has no password has no relay.
            None => match cx.session.domain.clone().filter(|domain| domain.ip().is_none()) {
                Some(domain) if wants_relay && self.secure && cx.session.own_credentials.is_some() => {
                    let (uri, service) = (SipUri::new(None, domain.clone(), None), Service::MsrpRelay);
                    self.locating = Some(Locating::Domain(domain));
                    out.push(Output::Locate(Request::Discovery { uri, service }));
                }
                Some(_) | None => self.stand(cx, out),
            },
        }
    }

    /// How to find the place of a relay or a peer: SRV records are for those over TLS that name no port of their own.
    const fn whereabouts(&self, uri: SipUri, by_srv: bool) -> Request {
        let service = Service::MsrpRelay;
        if by_srv && self.secure { Request::Service { uri, service } } else { Request::Host { uri, service } }
    }

    /// The place of its relay is known: it asks the relay for a path.
    fn meet(&mut self, cx: &mut Context<'_>, host: Host, to: SocketAddr, out: &mut Outbox<Output>) {
        self.relayed = true;
        self.prepare(cx, MsrpUri::PORT);
        let uri = MsrpUri { session: None, ..MsrpUri::new(self.secure, host, to.port(), "") };
        let setup = RelaySetup {
            conn: cx.msrp.name_connection(),
            to,
            security: self.security(cx, TlsPolicy::Chain),
            uri,
            credentials: cx.session.own_credentials.clone(),
            expires: None,
        };
        let stream = cx.stream;
        // What it asks for is a connection, and nothing of the session yet.
        let mut events = Vec::new();
        self.call(cx, out, &mut events, |endpoint, cx, out| endpoint.relay(cx, stream, &setup, out));
    }

    /// Without a relay it stands for itself: it waits for the peer, or will connect.
    fn stand(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        if self.role == Role::Active {
            self.prepare(cx, MsrpUri::PORT);
            return self.is_initialized(out);
        }
        let identity = cx.config.tls.as_ref().and_then(|tls| tls.identity.as_ref());
        if self.secure && identity.is_none() {
            return out.push(failed("cannot create incoming MSRP stream without a certificate and private key"));
        }
        let kind = SocketKind::Listen(self.security(cx, TlsPolicy::Fingerprint));
        let (stream, addr, port) = (cx.stream, cx.session.local, cx.config.msrp.port);
        let mut events = Vec::new();
        self.call(cx, out, &mut events, |endpoint, _, out| endpoint.listen(stream, kind, addr, port, out));
    }

    /// What it asked for was found, or was not.
    fn located(
        &mut self,
        cx: &mut Context<'_>,
        found: Result<Vec<SocketAddr>, Text>,
        out: &mut Outbox<Output>,
        events: &mut Vec<Event>,
    ) {
        let place = found.as_ref().ok().and_then(|places| places.first().copied());
        let reason = found.err().unwrap_or_else(|| Text::from_static("there is no address"));
        match (self.locating.take().filter(|_| !self.leaving), place) {
            (Some(Locating::Relay(host) | Locating::Domain(host)), Some(to)) => self.meet(cx, host, to, out),
            (Some(Locating::Domain(_)), None) => self.stand(cx, out),
            (Some(Locating::Peer(path, fingerprints, _)), Some(to)) => {
                let connect = self.connect(cx, to, &fingerprints);
                self.begin(cx, *path, connect, fingerprints, out, events);
            }
            (Some(Locating::Peer(path, fingerprints, Some(ip))), None) => {
                let connect = self.connect(cx, SocketAddr::new(ip, path.first().port()), &fingerprints);
                self.begin(cx, *path, connect, fingerprints, out, events);
            }
            (Some(Locating::Relay(_)), None) => {
                let reason = format!("the address of the MSRP relay is not known: {reason}").into();
                out.push(Output::Failed { reason, for_now: true });
            }
            (Some(Locating::Peer(_, _, None)), None) => {
                let reason = format!("the address of the peer is not known: {reason}").into();
                out.push(Output::Failed { reason, for_now: false });
            }
            (None, _) => {}
        }
    }

    /// How to come to the peer, whose place is known. Without a fingerprint its certificate must name it.
    fn connect(&self, cx: &mut Context<'_>, to: SocketAddr, fingerprints: &[Fingerprint]) -> Connect {
        let policy = if fingerprints.is_empty() { TlsPolicy::Chain } else { TlsPolicy::Fingerprint };
        Connect::Active { conn: cx.msrp.name_connection(), to, security: self.security(cx, policy) }
    }

    fn begin(
        &mut self,
        cx: &mut Context<'_>,
        remote: Path,
        connect: Connect,
        fingerprints: Vec<Fingerprint>,
        out: &mut Outbox<Output>,
        events: &mut Vec<Event>,
    ) {
        let start = SessionStart { remote, connect, fingerprints };
        let stream = cx.stream;
        self.call(cx, out, events, |endpoint, cx, out| endpoint.start(cx, stream, start, out));
    }

    fn security(&self, cx: &Context<'_>, policy: TlsPolicy) -> Security {
        if !self.secure {
            return Security::Plain;
        }
        let tls = cx.config.tls.as_ref();
        let policy = match (policy, cx.session.settings.tls.verify_server) {
            (TlsPolicy::Chain, Some(false)) => TlsPolicy::None,
            (TlsPolicy::Chain, None) => tls.map_or(policy, |tls| tls.servers),
            (TlsPolicy::Chain | TlsPolicy::Fingerprint | TlsPolicy::None, _) => policy,
        };
        Security::Tls { identity: tls.and_then(|tls| tls.identity.clone()), server_name: None, policy }
    }

    /// Our URI is known.
    fn prepare(&mut self, cx: &mut Context<'_>, port: u16) {
        let host = Host::from(cx.config.msrp.address.unwrap_or(cx.session.local));
        let local = MsrpUri::new(self.secure, host, port, cx.random.token(20));
        self.path = Some(Path::of(local.clone()));
        self.local = Some(local);
        self.register(cx);
    }

    fn register(&self, cx: &mut Context<'_>) {
        if let Some(local) = self.local.clone() {
            let accept = self.profile.accept_types.iter().copied().map(Text::from_static).collect();
            cx.msrp.prepare(cx.stream, Setup { local, delivery: self.delivery, accept });
        }
    }

    /// Whether another path leads to us than our line told.
    pub(super) fn wants_offer(&self) -> bool {
        self.agreed.is_some() && self.path != self.described
    }

    /// Its media line, with attributes of the kind of stream behind those of MSRP; in an answer to what the peer offers, which leaves nobody
    /// the choice of the role any more (RFC 4145 section 4.1).
    pub(super) fn describe(
        &mut self,
        cx: &Context<'_>,
        offered: Option<&Proposed<'_>>,
        own: Vec<Attribute>,
    ) -> Description {
        let role = match (self.role, offered.map(|offered| Role::of(&offered.media))) {
            (Role::ActPass, Some(Role::Active)) => Role::Passive,
            (Role::ActPass, Some(Role::Passive | Role::ActPass)) => Role::Active,
            (own, _) => own,
        };
        self.described.clone_from(&self.path);
        let port = self.local.as_ref().and_then(|local| local.port).unwrap_or(MsrpUri::PORT);
        let mut attributes = Vec::new();
        if let Some(path) = &self.path {
            attributes.push(Attribute::new("path", path.to_string()));
        }
        attributes.push(Attribute::new("accept-types", self.profile.accept_types.join(" ")));
        if !self.profile.accept_wrapped_types.is_empty() {
            attributes.push(Attribute::new("accept-wrapped-types", self.profile.accept_wrapped_types.join(" ")));
        }
        attributes.push(Attribute::new("setup", role.as_str()));
        // The certificate that the peer sees is the relay's where there is one.
        if self.secure && !self.relayed {
            for fingerprint in &cx.config.msrp.fingerprints {
                attributes.push(Attribute::new("fingerprint", format!("sha-256 {fingerprint}")));
            }
        }
        attributes.extend(own);
        let protocol = if self.secure { "TCP/TLS/MSRP" } else { "TCP/MSRP" };
        Description::opaque(self.profile.media_type, protocol, port, attributes).with_direction(self.direction)
    }

    /// It is agreed on, once more perhaps: goes on if the paths are the same or leave by the same hop, and begins a new session if not (RFC 4975
    /// section 8.4).
    ///
    /// # Errors
    /// Why it cannot start, in words.
    pub(super) fn agree(
        &mut self,
        cx: &mut Context<'_>,
        agreement: &Agreement<'_>,
        out: &mut Outbox<Output>,
    ) -> Result<(Offered, Vec<Event>), Text> {
        let media = agreement.remote_media().ok_or("the peer's media line is missing")?;
        let remote = Offered::read(&media)?;
        if remote.path.last().secure != self.secure {
            let [theirs, ours] = [remote.path.last().secure, self.secure].map(transport);
            return Err(format!("remote transport ('{theirs}') different from local transport ('{ours}')").into());
        }
        let mut events = Vec::new();
        let moved = self.agreed != self.described;
        self.agreed.clone_from(&self.described);
        if self.remote.as_ref() == Some(&remote.path) && !moved {
            return Ok((remote, events));
        }
        let active = match self.role {
            Role::ActPass => remote.role != Role::Active,
            Role::Active => true,
            Role::Passive => false,
        };
        let again = self.remote.replace(remote.path.clone()).is_some();
        if again {
            let (stream, path) = (cx.stream, &remote.path);
            let goes_on =
                self.call(cx, out, &mut events, |endpoint, cx, out| endpoint.redirect(cx, stream, path, active, out));
            if goes_on {
                return Ok((remote, events));
            }
            self.call(cx, out, &mut events, |endpoint, cx, out| endpoint.close(cx, stream, out));
            self.register(cx);
        }
        // Whom we meet first is the peer's relay where it has one: the fingerprint is not that one's.
        let fingerprints = if remote.path.is_direct() { remote.fingerprints.clone() } else { Vec::new() };
        let (path, first) = (remote.path.clone(), remote.path.first());
        let connect = match first.host.ip() {
            _ if self.relayed => Connect::Relay { active },
            _ if !active => Connect::Passive,
            Some(ip) => self.connect(cx, SocketAddr::new(ip, first.port()), &fingerprints),
            None => {
                let uri = SipUri::new(None, first.host.clone(), Some(first.port()));
                let by_line = media.connection().and_then(|connection| connection.ip());
                out.push(Output::Locate(self.whereabouts(uri, first.port.is_none())));
                self.locating = Some(Locating::Peer(Box::new(path), fingerprints, by_line));
                return Ok((remote, events));
            }
        };
        self.begin(cx, path, connect, fingerprints, out, &mut events);
        Ok((remote, events))
    }

    /// News of its listener or session; what follows for the kind of stream.
    pub(super) fn input(&mut self, cx: &mut Context<'_>, input: Input, out: &mut Outbox<Output>) -> Vec<Event> {
        let mut events = Vec::new();
        match input {
            Input::Msrp(event) => self.news(cx, event, out, &mut events),
            Input::MsrpListening(place) => self.listening(cx, place, out),
            Input::Located(found) => self.located(cx, found, out, &mut events),
            Input::Media(_)
            | Input::Bound { .. }
            | Input::Unbound { .. }
            | Input::Datagram { .. }
            | Input::Accepted { .. }
            | Input::Opened { .. }
            | Input::Data { .. }
            | Input::Drained { .. }
            | Input::Closed { .. }
            | Input::Answer { .. } => {}
        }
        events
    }

    /// Its line is known. Told once.
    fn is_initialized(&mut self, out: &mut Outbox<Output>) {
        if !std::mem::replace(&mut self.initialized, true) {
            out.push(Output::Initialized);
        }
    }

    fn listening(&mut self, cx: &mut Context<'_>, place: Result<SocketAddr, CloseCause>, out: &mut Outbox<Output>) {
        match place {
            Ok(local) => {
                self.prepare(cx, local.port());
                self.is_initialized(out);
            }
            Err(_) if self.leaving => {}
            Err(cause) => out.push(Output::Failed { reason: cause.to_string().into(), for_now: self.local.is_none() }),
        }
    }

    fn news(&mut self, cx: &Context<'_>, event: Event, out: &mut Outbox<Output>, events: &mut Vec<Event>) {
        match event {
            Event::Started => {
                if !std::mem::replace(&mut self.started, true) {
                    out.push(Output::Started(None));
                }
            }
            Event::Relayed { path } => {
                self.path = Some(path);
                self.is_initialized(out);
            }
            Event::Ended(end) => {
                let grace = if end == End::Connection(CloseCause::Peer) { PARTING } else { Duration::ZERO };
                self.failure = Some((words(&end), cx.now + grace));
            }
            event @ (Event::Message { .. }
            | Event::Piece { .. }
            | Event::ChunkEnded { .. }
            | Event::Aborted { .. }
            | Event::Wants { .. }
            | Event::Sent { .. }
            | Event::Reported { .. }
            | Event::Delivered { .. }
            | Event::NotDelivered { .. }
            | Event::Nickname { .. }
            | Event::Writable) => events.push(event),
        }
    }

    /// Calls the sessions of all streams; what they tell of this one is left to the kind of stream, all else goes out.
    pub(super) fn call<T>(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut Outbox<Output>,
        events: &mut Vec<Event>,
        act: impl FnOnce(&mut Endpoint, &mut msrp::Context<'_>, &mut Outbox<msrp::Output>) -> T,
    ) -> T {
        let mut said = Outbox::new();
        let mut inner = msrp::Context {
            now: cx.now,
            random: &mut *cx.random,
            limits: &cx.config.limits,
            trace: cx.config.msrp.trace,
        };
        let result = act(cx.msrp, &mut inner, &mut said);
        while let Some(output) = said.pop() {
            match output {
                msrp::Output::Session(stream, event) if stream == cx.stream => self.news(cx, event, out, events),
                msrp::Output::Listening(stream, place) if stream == cx.stream => self.listening(cx, place, out),
                other @ (msrp::Output::Bind { .. }
                | msrp::Output::Unbind { .. }
                | msrp::Output::Open { .. }
                | msrp::Output::Write { .. }
                | msrp::Output::Close { .. }
                | msrp::Output::Resume(_)
                | msrp::Output::Listening(..)
                | msrp::Output::Log(..)
                | msrp::Output::Session(..)) => out.push(Output::Msrp(other)),
            }
        }
        result
    }

    /// Whether it cannot go on.
    pub(super) const fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// The peer is not read any longer, or is again: what it sends cannot be worked off as fast as it comes.
    pub(super) fn hold(&mut self, held: bool, out: &mut Outbox<Output>) {
        if std::mem::replace(&mut self.held, held) != held {
            out.push(Output::MsrpHold(held));
        }
    }

    /// Tells that it cannot go on, if that is so and all else has been told.
    pub(super) fn settle(&mut self, cx: &Context<'_>, out: &mut Outbox<Output>) {
        if let Some((reason, _)) = self.failure.take_if(|(_, at)| *at <= cx.now)
            && !self.leaving
        {
            out.push(Output::Failed { reason, for_now: false });
        }
    }

    /// A message, of which is told what streams of this kind tell of messages.
    pub(super) fn message(&self, id: Text, content_type: Text, content: Content) -> Message {
        let success_report = self.profile.use_msrp_session;
        let failure_report = if success_report { FailureReport::Yes } else { FailureReport::Partial };
        Message { id, content_type, content, success_report, failure_report }
    }

    /// Sends a message.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub(super) fn send(
        &mut self,
        cx: &mut Context<'_>,
        message: Message,
        out: &mut Outbox<Output>,
        events: &mut Vec<Event>,
    ) -> Result<(), SendError> {
        let stream = cx.stream;
        self.call(cx, out, events, |endpoint, cx, out| endpoint.send(cx, stream, message, out))
    }

    /// Tells the sender of a message what became of it, if it wants to know.
    pub(super) fn report(
        &mut self,
        cx: &mut Context<'_>,
        wish: &msrp::Wish,
        range: msrp::ByteRange,
        code: u16,
        out: &mut Outbox<Output>,
    ) {
        let wanted = if code == 200 { wish.success } else { wish.failure != FailureReport::No };
        if wanted {
            let stream = cx.stream;
            self.call(cx, out, &mut Vec::new(), |endpoint, cx, out| {
                endpoint.report(cx, stream, wish, range, code, out);
            });
        }
    }

    /// That the peer closes the connection now is no failure.
    pub(super) const fn deactivate(&mut self) {
        self.leaving = true;
    }

    pub(super) fn end(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) -> Vec<Event> {
        self.leaving = true;
        let mut events = Vec::new();
        let stream = cx.stream;
        self.call(cx, out, &mut events, |endpoint, cx, out| endpoint.close(cx, stream, out));
        self.call(cx, out, &mut events, |endpoint, _, out| endpoint.unlisten(stream, out));
        events
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.failure.as_ref().map(|(_, at)| *at)
    }
}

const fn transport(secure: bool) -> &'static str {
    if secure { "tls" } else { "tcp" }
}

fn words(end: &End) -> Text {
    format!("MSRP: {end}").into()
}

/// It cannot be.
pub(super) fn failed(reason: &'static str) -> Output {
    Output::Failed { reason: Text::from_static(reason), for_now: false }
}
