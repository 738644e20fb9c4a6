//! Transfers and replacements: which session follows from which, and what is told to whom (RFC 3515, RFC 3891).

use std::net::SocketAddr;

use crate::dialog::{DialogId, Role};
use crate::id::{AccountId, IncomingSubscriptionId, SessionId};
use crate::invitation::{Incoming, State};
use crate::notifier::Notifier;
use crate::session::{SessionError, SessionEvent, SessionState};
use crate::sip::{HeaderName, Replaces, Text, Uri};
use crate::stream::StreamSpec;
use crate::transfer::ReferTarget;
use crate::transport::{Flow, Route, Transport};

use super::intent::{IntentError, UsageError};
use super::owner::Owner;
use super::sending::party;
use super::wish::Terms;
use super::{Agent, Outcome};

/// Why a session is there beside being called or calling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Follows {
    /// A transfer of this session asked for it.
    Transfer(SessionId),
    /// A REFER outside of any dialog asked for it, which brought this subscription along.
    Refer(IncomingSubscriptionId),
    /// It takes the place of this session.
    Replaces(SessionId),
}

/// News of a session for the one that it follows.
#[derive(Debug)]
pub(super) enum Told {
    /// How far it has got.
    Progress(u16, Text),
    /// It is established.
    Started,
}

/// What of its news is of interest for another session.
pub(super) fn told(event: &SessionEvent) -> Option<Told> {
    match event {
        SessionEvent::GotProvisionalResponse { code, reason } => Some(Told::Progress(*code, reason.clone())),
        SessionEvent::DidStart { .. } => Some(Told::Started),
        SessionEvent::DidFail { code: code @ 300.., reason, .. } => Some(Told::Progress(*code, reason.clone())),
        SessionEvent::DidFail { .. } => Some(Told::Progress(500, Text::from_static("Server Internal Error"))),
        SessionEvent::ChangedState { .. }
        | SessionEvent::NewIncoming { .. }
        | SessionEvent::NewOutgoing { .. }
        | SessionEvent::GotRingIndication
        | SessionEvent::WillStart
        | SessionEvent::WillEnd { .. }
        | SessionEvent::DidEnd { .. }
        | SessionEvent::DidChangeHoldState { .. }
        | SessionEvent::GotProposal { .. }
        | SessionEvent::GotAcceptProposal { .. }
        | SessionEvent::GotRejectProposal { .. }
        | SessionEvent::HadProposalFailure { .. }
        | SessionEvent::DidRenegotiateStreams { .. }
        | SessionEvent::TransferNewIncoming { .. }
        | SessionEvent::TransferNewOutgoing { .. }
        | SessionEvent::TransferDidStart
        | SessionEvent::TransferGotProgress { .. }
        | SessionEvent::TransferDidEnd
        | SessionEvent::TransferDidFail { .. }
        | SessionEvent::DidProcessTransaction { .. } => None,
    }
}

impl Agent {
    /// Asks the remote party of a session to call somebody else.
    pub(super) fn transfer(
        &mut self,
        session: SessionId,
        target: &Text,
        replaced: Option<SessionId>,
    ) -> Result<Outcome, IntentError> {
        let to = party(target).ok_or_else(|| SessionError::BadUri(target.clone()))?;
        let replaces = match replaced {
            None => None,
            Some(other) => {
                let known = self.calls.get(other).filter(|_| self.is_live(other));
                let dialog = known.and_then(|call| call.session.invitation()?.dialog());
                let id = dialog.ok_or(SessionError::Unknown(other))?.id();
                Some(Replaces::new(id.call_id(), id.remote_tag(), id.local_tag()))
            }
        };
        self.with_session(session, |session, cx, out| session.transfer(cx, &to, replaces.as_ref(), out))
    }

    /// Calls whom the remote party of a session asks us to call.
    pub(super) fn accept_transfer(
        &mut self,
        session: SessionId,
        routes: Vec<Route>,
        streams: &[StreamSpec],
    ) -> Result<Outcome, IntentError> {
        let call = self.calls.get(session).filter(|_| self.is_live(session)).ok_or(SessionError::Unknown(session))?;
        let (account, target) = (call.session.account(), call.session.transfer_target().cloned());
        let target = target.ok_or(SessionError::NoTransfer)?;
        let id = self.connect_as_referred(account, target, routes, streams, Follows::Transfer(session))?;
        self.with_session(session, |session, cx, out| session.accept_transfer(cx, out))?;
        Ok(Outcome::Session(id))
    }

    /// Calls whom a REFER outside of any dialog asks us to call.
    pub(super) fn accept_refer(
        &mut self,
        subscription: IncomingSubscriptionId,
        routes: Vec<Route>,
        streams: &[StreamSpec],
    ) -> Result<Outcome, IntentError> {
        let owner = Owner::Notifier(subscription);
        let machine = self.usages.get(owner).ok_or(UsageError::Unknown)?;
        let target = machine.as_notifier().and_then(Notifier::refer_target).cloned();
        let target = target.ok_or_else(|| UsageError::IllegalState("no REFER waits for a decision".into()))?;
        let account = self.usages.account(owner).ok_or(UsageError::Unknown)?;
        let id = self.connect_as_referred(account, target, routes, streams, Follows::Refer(subscription))?;
        self.with_notifier(subscription, |notifier, cx, out| notifier.accept(cx, false, None, out))?;
        Ok(Outcome::Session(id))
    }

    fn connect_as_referred(
        &mut self,
        account: AccountId,
        target: ReferTarget,
        routes: Vec<Route>,
        streams: &[StreamSpec],
        follows: Follows,
    ) -> Result<SessionId, IntentError> {
        let mut headers = Vec::new();
        headers.extend(target.replaces.map(|replaces| (HeaderName::Replaces, Text::from(replaces.to_string()))));
        headers.extend(target.referred_by.map(|by| (HeaderName::ReferredBy, by)));
        let to = Text::from(target.to.to_string());
        let terms = Terms { streams, late_offer: false, headers };
        Ok(self.connect(account, &to, routes, terms, Some(follows))?)
    }

    /// A REFER outside of any dialog (RFC 3515 section 2.4.2).
    pub(super) fn referred(&mut self, incoming: Incoming, flow: Flow, transport: Transport, local: SocketAddr) {
        let uri = incoming.request.uri().ok();
        let account = uri.as_ref().and_then(Uri::as_sip).and_then(|uri| self.accounts.find(uri));
        let Some(account) = account else {
            self.refuse(&incoming, 404, &[]);
            return;
        };
        if self.check_room().is_err() {
            self.shed(&incoming);
            return;
        }
        self.start_located(incoming, account, flow, transport, local);
    }

    /// Tells the session that another follows what has become of that one.
    pub(super) fn follow(&mut self, follows: Option<Follows>, news: Vec<Told>) {
        for told in news {
            match (follows, told) {
                (Some(Follows::Transfer(session)), Told::Progress(code, reason)) => {
                    self.call(session, |session, cx, out| session.transfer_progress(cx, code, &reason, out));
                }
                (Some(Follows::Transfer(session)), Told::Started) => {
                    let reason = Text::from_static("OK");
                    self.call(session, |session, cx, out| session.transfer_progress(cx, 200, &reason, out));
                }
                (Some(Follows::Refer(id)), told) => {
                    let (code, reason) = match told {
                        Told::Progress(code, reason) => (code, reason),
                        Told::Started => (200, Text::from_static("OK")),
                    };
                    // Whoever sent the REFER may not be interested any more.
                    let _ = self.with_notifier(id, |notifier, cx, out| {
                        notifier.refer_progress(cx, code, &reason, out);
                        Ok(())
                    });
                }
                (Some(Follows::Replaces(session)), Told::Started) => {
                    self.call(session, |session, cx, out| session.end(cx, out));
                }
                (Some(Follows::Replaces(_)), Told::Progress(..)) | (None, _) => {}
            }
        }
    }

    /// The session whose place an INVITE is to take (RFC 3891 section 3).
    ///
    /// # Errors
    /// With the code that refuses the INVITE; the session that it named is left as it was.
    pub(super) fn replaced(&self, incoming: &Incoming) -> Result<Option<SessionId>, u16> {
        let request = &incoming.request;
        let replaces = match (request.count(HeaderName::Replaces), request.has(HeaderName::Join)) {
            (0, _) => return Ok(None),
            (1, false) => request.get::<Replaces>().map_err(|_| 400_u16)?.ok_or(400_u16)?,
            _ => return Err(400),
        };
        let (ours, theirs) = (replaces.receivers_tag().unwrap_or_default(), replaces.others_tag().unwrap_or_default());
        let dialog = DialogId::new(&replaces.call_id, ours, theirs);
        let session = self.owners.dialogs.get(&dialog).copied().and_then(Owner::session).ok_or(481_u16)?;
        let session = self.calls.get(session).map(|call| &call.session).ok_or(481_u16)?;
        if matches!(session.state(), SessionState::Terminating | SessionState::Terminated) {
            return Err(603);
        }
        let invitation = session.invitation().ok_or(481_u16)?;
        match invitation.state() {
            State::Connecting | State::Connected if replaces.is_early_only() => Err(486),
            // An early dialog can only be replaced by its caller's wish.
            State::Outgoing | State::Incoming | State::Early if invitation.role() == Role::Callee => Err(481),
            State::Disconnecting | State::Disconnected => Err(603),
            State::Outgoing | State::Incoming | State::Early | State::Connecting | State::Connected => {
                Ok(Some(session.id()))
            }
        }
    }
}
