//! The REGISTER, and where it goes (RFC 3261 section 10.2).

use crate::config::Context;
use crate::outbox::Outbox;
use crate::sip::{
    BuildError, Builder, CSeq, Contact, From, HeaderName, Host, Method, NameAddr, Request, SipUri, To, Uri,
};
use crate::transport::Transport;
use crate::uac::{Client, Done, Exchange, Failure, Hop, Located, Patience, Target};

use super::{APART, Output, PARTING, Phase, Registration, RegistrationEvent};

/// The extensions of registration that we understand (RFC 3327, 5627, 5626).
const PATH: &str = "path";
const PATH_AND_DEVICE: &str = "path, gruu, outbound";

impl Registration {
    /// Begins to register, or to refresh; a moment later if the last attempt was just now.
    pub(super) fn begin(&mut self, cx: &Context<'_>, out: &mut Outbox<Output>) {
        if let Some(earliest) = self.began.map(|began| began + APART).filter(|earliest| *earliest > cx.now) {
            self.phase = Phase::Waiting(earliest);
            return;
        }
        if self.binding.is_none()
            && let Some(next) = self.next.take()
        {
            self.apply(next);
        }
        self.again = false;
        self.began = Some(cx.now);
        self.phase = Phase::Locating;
        let event = if self.registered { RegistrationEvent::WillRefresh } else { RegistrationEvent::WillRegister };
        out.push(Output::Event(event));
        out.push(Output::Locate(self.settings.destination.clone()));
    }

    /// Sends the REGISTER to the places that were found.
    pub(super) fn send(&mut self, cx: &mut Context<'_>, places: &[Located], out: &mut Outbox<Output>) {
        let targets: Vec<Target> = places
            .iter()
            .map(|place| Target { hop: Hop::Route(place.route), contact: Some(self.contact(place)) })
            .collect();
        // A binding to an address that is not ours any more is removed with the same request.
        let lost = self.binding.as_ref().map(|binding| &binding.contact).filter(|old| {
            !targets.iter().filter_map(|target| target.contact.as_ref()).any(|new| new.uri.equivalent(&old.uri))
        });
        let lost = lost.map(|old| Contact::Address(old.clone().with_param("expires", Some("0"))));
        let mut builder = self.request(cx).field(HeaderName::Expires, self.interval);
        if let Some(lost) = &lost {
            builder = builder.header(lost);
        }
        let started = self.start(cx, builder.finish(), targets, Patience::USUAL, out);
        match started {
            Ok(exchange) => self.phase = Phase::Registering(Box::new(exchange)),
            Err(failure) => self.failed(cx, &failure, out),
        }
    }

    /// Leaves the registrar, if it holds a binding of ours.
    pub(super) fn part(&mut self, cx: &Context<'_>, out: &mut Outbox<Output>) {
        let Some(binding) = self.binding.clone().filter(|binding| binding.until > cx.now) else {
            self.parted(cx, out);
            return;
        };
        out.push(Output::Event(RegistrationEvent::WillEnd));
        let target = Target { hop: Hop::Route(binding.registrar), contact: Some(binding.contact) };
        let request = self.request(cx).field(HeaderName::Expires, 0).finish();
        match self.start(cx, request, vec![target], Patience::of(PARTING), out) {
            Ok(exchange) => self.phase = Phase::Unregistering(Box::new(exchange)),
            Err(failure) => {
                self.not_ended(&failure, out);
                self.parted(cx, out);
            }
        }
    }

    /// Nothing binds us to the registrar any more.
    pub(super) fn parted(&mut self, cx: &Context<'_>, out: &mut Outbox<Output>) {
        self.phase = Phase::Idle;
        self.binding = None;
        self.registered = false;
        self.service_route.clear();
        if self.wanted {
            self.begin(cx, out);
        }
    }

    fn start(
        &mut self,
        cx: &Context<'_>,
        request: Result<Request, BuildError>,
        targets: Vec<Target>,
        patience: Patience,
        out: &mut Outbox<Output>,
    ) -> Result<Exchange, Failure> {
        let request = request.map_err(Failure::Unwritable)?;
        Exchange::start(cx, &mut self.client, request, targets, patience, out)
    }

    /// What every REGISTER says, under the next CSeq number.
    fn request(&mut self, cx: &Context<'_>) -> Builder<Request> {
        self.cseq = (self.cseq + 1).min(0x7fff_ffff);
        let identity = &self.settings.identity;
        let supported = if self.settings.instance_id.is_some() { PATH_AND_DEVICE } else { PATH };
        Request::build(Method::Register, &registrar(&identity.uri))
            .field(HeaderName::MaxForwards, 70)
            .header(&From(identity.clone().with_tag(&self.tag)))
            .header(&To(identity.clone()))
            .field(HeaderName::CallId, &self.call_id)
            .header(&CSeq::new(self.cseq, Method::Register))
            .field(HeaderName::Supported, supported)
            .field(HeaderName::Allow, crate::invitation::ALLOWED)
            .field(HeaderName::UserAgent, &cx.config.user_agent)
    }

    /// Our Contact toward a place: with the transport that leads there, and the name of this device if it has one.
    fn contact(&self, place: &Located) -> NameAddr {
        let local = place.local;
        let mut uri = SipUri::new(Some(&self.settings.contact_user), Host::from(local.ip()), Some(local.port()));
        if self.settings.identity.uri.as_sip().is_some_and(|uri| uri.secure) {
            uri.secure = true;
        } else if place.route.transport != Transport::Udp {
            uri.params.set("transport", Some(place.route.transport.as_str()));
        }
        let contact = NameAddr::new(Uri::Sip(uri));
        match &self.settings.instance_id {
            None => contact,
            Some(urn) => contact.with_param("+sip.instance", Some(&format!("<{urn}>"))).with_param("reg-id", Some("1")),
        }
    }

    /// Calls the exchange, and works off its end.
    pub(super) fn with_exchange(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut Outbox<Output>,
        call: impl FnOnce(&mut Exchange, &mut Client, &mut Context<'_>, &mut Outbox<Output>) -> Option<Done>,
    ) {
        let (Phase::Registering(exchange) | Phase::Unregistering(exchange)) = &mut self.phase else { return };
        let Some(done) = call(exchange, &mut self.client, cx, out) else {
            return;
        };
        self.cseq = done.number;
        let contact = exchange.request().contacts().flatten().last().and_then(|contact| contact.address().cloned());
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Registering(_) => self.answered(cx, done, contact, out),
            Phase::Unregistering(_) => self.parting_answered(cx, &done, out),
            other @ (Phase::Idle | Phase::Locating | Phase::Waiting(_)) => self.phase = other,
        }
    }
}

/// The URI of the registrar for an address of record: without its user and parameters (RFC 3261 section 10.2).
fn registrar(address: &Uri) -> Uri {
    let Some(address) = address.as_sip() else { return address.clone() };
    let mut uri = SipUri::new(None, address.host.clone(), address.port);
    uri.secure = address.secure;
    Uri::Sip(uri)
}
