//! An outgoing session (behaviour of `Session.connect` in the reference).

use std::net::IpAddr;

use bytes::Bytes;

use crate::cause::{By, Cause};
use crate::config::Context;
use crate::dialog::DialogId;
use crate::invitation::{Description, Invitation, Invite, Target};
use crate::outbox::Outbox;
use crate::sip::digest::Credentials;
use crate::sip::{HeaderName, NameAddr, ServiceRoute, Text};
use crate::stream::{Line, SessionInfo};
use crate::transport::Transport;
use crate::uac::Hop;

use super::streams::initialize_lines;
use super::{Direction, Originator, Output, Session, SessionEvent, SessionState, Wait};

/// What an outgoing session was asked to do.
#[derive(Clone, Debug)]
pub struct Connect {
    /// The account's name and URI.
    pub from: NameAddr,
    /// The remote party's.
    pub to: NameAddr,
    /// The proxies to visit before (RFC 3608), in order.
    pub routes: Vec<ServiceRoute>,
    /// More header fields of the INVITE: Replaces, Referred-By.
    pub headers: Vec<(HeaderName, Text)>,
    /// Whether the offer is left to the remote party.
    pub late_offer: bool,
    /// What challenges are answered with.
    pub credentials: Option<Credentials>,
}

impl Session {
    /// Starts an outgoing session (`Session.connect` of the seeds). [`routed`](Self::routed) or [`unroutable`](Self::unroutable) comes next.
    pub fn connect(
        cx: &Context<'_>,
        info: SessionInfo,
        connect: Connect,
        streams: Vec<Line>,
        out: &mut Outbox<Output>,
    ) -> Self {
        let account = info.account;
        let mut session = Self::new(info, Direction::Outgoing, Some(connect), streams);
        session.enter(SessionState::Outgoing, out);
        let streams = session.streams.iter().map(Line::id).collect();
        out.push(Output::Event(SessionEvent::NewOutgoing { account, streams }));
        session.wait(cx, Wait::Route, None);
        session
    }

    /// The routes to the remote party, and the local address toward the first: the streams initialise.
    pub fn routed(&mut self, cx: &mut Context<'_>, targets: Vec<Target>, local: IpAddr, out: &mut Outbox<Output>) {
        if !self.waits_for(Wait::Route) {
            return;
        }
        self.info.local = local;
        self.info.secure = !targets.is_empty() && targets.iter().all(is_encrypted);
        self.negotiator = Some(super::start::negotiator(cx, local));
        // A call to a `sips` URI is answered by a `sips` Contact (RFC 3261 section 8.1.1.8).
        let to = self.connect.as_ref().and_then(|connect| connect.to.uri.as_sip());
        let is_secure = to.is_some_and(|uri| uri.secure);
        let secured = |target: Target| Target { contact: target.contact.secured(), ..target };
        self.targets = if is_secure { targets.into_iter().map(secured).collect() } else { targets };
        if self.awaits_offer() {
            self.send_invite(cx, None, out);
            self.follow_up(cx, out);
            return;
        }
        self.wait(cx, Wait::Initialize, Some(cx.config.limits.ask_time));
        initialize_lines(&self.info, cx, &mut self.streams, Originator::Local, out);
        self.follow_up(cx, out);
    }

    /// There is no way to the remote party, for this reason.
    pub fn unroutable(&mut self, cx: &mut Context<'_>, reason: &str, out: &mut Outbox<Output>) {
        if !self.waits_for(Wait::Route) {
            return;
        }
        self.finish_failed(cx, Originator::Local, reason, Vec::new(), Cause::new(By::Network, reason), out);
    }

    /// Every stream of an outgoing session is initialised: the INVITE goes out with the offer.
    pub(super) fn send_offer(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        match self.describe_offer(cx) {
            Ok(offer) => self.send_invite(cx, Some(offer), out),
            Err(error) => {
                let reason = format!("SDP negotiation failed: {error}");
                self.fail(cx, &reason, out);
            }
        }
    }

    fn send_invite(&mut self, cx: &mut Context<'_>, offer: Option<Bytes>, out: &mut Outbox<Output>) {
        let attached = if offer.is_some() { self.attached() } else { Vec::new() };
        let Some(connect) = &self.connect else { return };
        let invite = Invite {
            from: connect.from.clone(),
            to: connect.to.clone(),
            routes: connect.routes.clone(),
            targets: std::mem::take(&mut self.targets),
            offer,
            attached,
            headers: connect.headers.clone(),
        };
        let mut usage = Outbox::new();
        match Invitation::invite(cx, invite, &mut usage) {
            Ok(mut invitation) => {
                invitation.set_credentials(connect.credentials.clone());
                self.invitation = Some(invitation);
            }
            Err(error) => {
                let reason = format!("SIP core error: {error}");
                self.fail(cx, &reason, out);
                return;
            }
        }
        self.wait(cx, Wait::Answer, cx.config.invite_timeout);
        self.with_invitation(cx, out, |_, _, outbox| std::mem::swap(outbox, &mut usage));
    }

    /// A provisional response: 180 is told twice, and a description in it starts the streams early.
    pub(super) fn provisional(
        &mut self,
        cx: &mut Context<'_>,
        dialog: Option<DialogId>,
        code: u16,
        reason: Text,
        description: Option<Description>,
        out: &mut Outbox<Output>,
    ) {
        if self.state != SessionState::Outgoing {
            self.ours_provisional(code, reason, out);
            return;
        }
        if code == 180 {
            out.push(Output::Event(SessionEvent::GotRingIndication));
        }
        out.push(Output::Event(SessionEvent::GotProvisionalResponse { code, reason }));
        match (description, dialog) {
            (Some(Description::Preview(preview)), _) => self.early_media(cx, &preview, out),
            (Some(Description::Answer(answer)), Some(dialog)) => self.early_answer(cx, dialog, &answer, out),
            (Some(Description::Offer(offer)), Some(dialog)) => self.offered_early(&dialog, offer),
            // Only a dialog can bring them reliably.
            (Some(Description::Offer(_) | Description::Answer(_)), None) | (None, _) => {}
        }
    }

    /// The INVITE was accepted.
    pub(super) fn accepted(
        &mut self,
        cx: &mut Context<'_>,
        dialog: &DialogId,
        code: u16,
        reason: Text,
        description: Option<Description>,
        out: &mut Outbox<Output>,
    ) {
        if self.state != SessionState::Outgoing {
            return;
        }
        self.report(Originator::Local, "INVITE", code, reason, None, out);
        self.wait = None;
        if self.awaits_offer() {
            self.accepted_late(cx, dialog, description, out);
        } else if self.settle_early(dialog) {
            self.agreed_on(cx, out);
        } else {
            self.negotiated(cx, description, out);
        }
    }

    /// The INVITE was refused, cancelled, or never answered.
    pub(super) fn refused(
        &mut self,
        cx: &mut Context<'_>,
        cause: Cause,
        text: Option<Text>,
        answered: bool,
        contacts: Vec<Text>,
        out: &mut Outbox<Output>,
    ) {
        if self.state == SessionState::Terminated {
            return;
        }
        if answered {
            let (code, reason) = (cause.code.unwrap_or(0), cause.reason.clone().unwrap_or_default());
            self.report(Originator::Local, "INVITE", code, reason, None, out);
        }
        if self.state == SessionState::Terminating {
            self.finish_cancelled(cx, out);
            return;
        }
        let words = match cause.by {
            By::Remote | By::Local => text.unwrap_or_else(|| "user request".into()),
            By::Timeout => "timeout".into(),
            By::Network => cause.reason.clone().unwrap_or_default(),
        };
        let originator = if cause.by == By::Remote { Originator::Remote } else { Originator::Local };
        self.finish_failed(cx, originator, &words, contacts, cause, out);
    }

    /// Nobody answered for `sip.invite_timeout`.
    pub(super) fn unanswered(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        self.end(cx, out);
    }
}

/// Whether what goes there is encrypted up to the next hop.
const fn is_encrypted(target: &Target) -> bool {
    match &target.hop {
        Hop::Route(route) => matches!(route.transport, Transport::Tls),
        Hop::Uri(_) => false,
    }
}
