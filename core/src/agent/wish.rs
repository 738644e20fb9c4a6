//! What the application wants.

use crate::dns::{Request, Resolver};
use crate::id::{AccountId, SessionId, SocketId};
use crate::session::{Connect, Session, SessionError};
use crate::sip::{HeaderName, Text};
use crate::stream::{SessionInfo, StreamSpec};
use crate::transport::{BindError, Local, Route};
use crate::uac::Destination;

use super::calls::{Call, Waiting};
use super::intent::{AccountError, ConnectError, Intent, IntentError, ListenError, Outcome};
use super::owner::Owner;
use super::sending::{is_named, party};
use super::transfers::Follows;
use super::{Agent, Listen, Shutdown};
use super::{publications, subscriptions};

/// What the INVITE of a new session says.
pub(super) struct Terms<'a> {
    /// The streams that are wanted.
    pub(super) streams: &'a [StreamSpec],
    /// Whether it leaves the offer to the remote party.
    pub(super) late_offer: bool,
    /// More header fields.
    pub(super) headers: Vec<(HeaderName, Text)>,
}

impl Agent {
    pub(super) fn take_intent(&mut self, intent: Intent) -> Result<Outcome, IntentError> {
        match intent {
            Intent::Start { settings, listen } => self.start_settings(settings, listen).map_err(Into::into),
            Intent::ChangeSettings { object, changes } => self.change_object(&object, &changes).map_err(Into::into),
            Intent::CreateAccount { id, changes } => self.create_account(&id, &changes).map_err(Into::into),
            Intent::RenameSettings { object, id } => self.rename_object(&object, &id).map_err(Into::into),
            Intent::DeleteSettings(object) => self.delete_object(&object).map_err(Into::into),
            Intent::Listen(listen) => {
                let socket = self.listen(&listen)?;
                Ok(Outcome::Socket(socket))
            }
            Intent::Unlisten(socket) => {
                self.transports.unbind(socket, &mut self.transport_out).map_err(listen_error)?;
                Ok(Outcome::Done)
            }
            Intent::AddAccount(spec) => Ok(Outcome::Account(self.add_account(spec, None)?)),
            Intent::ChangeAccount { account, .. } if self.managed.has_settings(account) => {
                Err(AccountError::HasSettings(account).into())
            }
            Intent::ChangeAccount { account, spec } => {
                self.change_account(account, spec)?;
                Ok(Outcome::Done)
            }
            Intent::SetDefaultAccount(id) => {
                self.set_default_account(id)?;
                Ok(Outcome::Done)
            }
            Intent::RemoveAccount(id) => {
                if let Some(object) = self.managed.object_of(id) {
                    return self.delete_object(&object).map_err(Into::into);
                }
                self.remove_account(id)?;
                Ok(Outcome::Done)
            }
            Intent::Connect { account, to, routes, streams, late_offer } => {
                let terms = Terms { streams: &streams, late_offer, headers: Vec::new() };
                let id = self.connect(account, &to, routes, terms, None)?;
                Ok(Outcome::Session(id))
            }
            Intent::SendRingIndication { session } => {
                self.with_session(session, |session, cx, out| session.send_ring_indication(cx, out))
            }
            Intent::Accept { session, streams, relay_password } => {
                self.with_session(session, |session, cx, out| session.accept(cx, &streams, relay_password, out))
            }
            Intent::AcceptOffering { session, streams, relay_password } => {
                self.accept_offering(session, &streams, relay_password)
            }
            Intent::Reject { session, code, reason } => {
                self.with_session(session, |session, cx, out| session.reject(cx, code, reason.as_deref(), out))
            }
            Intent::End { session } => self.with_session(session, |session, cx, out| {
                session.end(cx, out);
                Ok(())
            }),
            Intent::AddStreams { session, streams } => self.add_streams(session, &streams),
            Intent::RemoveStreams { session, streams } => {
                self.with_session(session, |session, cx, out| session.remove_streams(cx, &streams, out))
            }
            Intent::AcceptProposal { session, streams } => {
                self.with_session(session, |session, cx, out| session.accept_proposal(cx, &streams, out))
            }
            Intent::RejectProposal { session, code, reason } => {
                self.with_session(session, |session, cx, out| session.reject_proposal(cx, code, reason.as_deref(), out))
            }
            Intent::CancelProposal { session } => {
                self.with_session(session, |session, cx, out| session.cancel_proposal(cx, out))
            }
            Intent::Hold { session } => self.with_session(session, |session, cx, out| {
                session.hold(cx, out);
                Ok(())
            }),
            Intent::Unhold { session } => self.with_session(session, |session, cx, out| {
                session.unhold(cx, out);
                Ok(())
            }),
            Intent::SendInfo { session, package, content } => self.with_session(session, |session, cx, out| {
                session.send_info(cx, package.as_deref(), content.as_ref(), out)
            }),
            Intent::SendMessageInside { session, content } => {
                self.with_session(session, |session, cx, out| session.send_message(cx, &content, out))
            }
            Intent::Transfer { session, target, replaced } => self.transfer(session, &target, replaced),
            Intent::AcceptTransfer { session, routes, streams } => self.accept_transfer(session, routes, &streams),
            Intent::RejectTransfer { session, code } => {
                self.with_session(session, |session, cx, out| session.reject_transfer(cx, code, out))
            }
            Intent::AcceptRefer { subscription, routes, streams } => self.accept_refer(subscription, routes, &streams),
            Intent::Refer { account, to, target, subscription, routes } => {
                Ok(Outcome::Subscription(self.refer(account, &to, &target, subscription, routes)?))
            }
            Intent::Stream { stream, command } => self.stream_command(stream, &command),
            Intent::Subscribe { account, to, event, expires, content, eventlist, persistent, routes } => {
                let wish = subscriptions::Wish { to, event, expires, content, eventlist, persistent, routes };
                Ok(Outcome::Subscription(self.subscribe(account, wish)?))
            }
            Intent::RefreshSubscription(id) => self.refresh_subscription(id).map_err(Into::into),
            Intent::EndSubscription(id) => self.end_subscription(id).map_err(Into::into),
            Intent::AcceptSubscription { subscription, pending, content } => self
                .with_notifier(subscription, |notifier, cx, out| notifier.accept(cx, pending, content, out))
                .map_err(Into::into),
            Intent::RejectSubscription { subscription, code, reason } => self
                .with_notifier(subscription, |notifier, cx, out| notifier.reject(cx, code, reason.as_deref(), out))
                .map_err(Into::into),
            Intent::Notify { subscription, content } => self
                .with_notifier(subscription, |notifier, cx, out| notifier.notify(cx, content, out))
                .map_err(Into::into),
            Intent::EndIncomingSubscription { subscription, reason, retry_after, content } => self
                .with_notifier(subscription, |notifier, cx, out| notifier.end(cx, &reason, retry_after, content, out))
                .map_err(Into::into),
            Intent::Publish { account, event, content, expires, persistent, routes } => {
                let wish = publications::Wish { event, content, expires, persistent, routes };
                Ok(Outcome::Publication(self.publish(account, wish)?))
            }
            Intent::ChangePublication { publication, content } => {
                self.change_publication(publication, content).map_err(Into::into)
            }
            Intent::EndPublication(id) => self.end_publication(id).map_err(Into::into),
            Intent::SetState { account, published, content } => {
                self.set_state(account, published, content)?;
                Ok(Outcome::Done)
            }
            Intent::SendMessage { account, to, content, cpim, routes } => {
                Ok(Outcome::Message(self.send_message(account, &to, content, cpim, routes)?))
            }
            Intent::Composing { account, to, routes } => {
                self.composing(account, &to, routes)?;
                Ok(Outcome::Done)
            }
            Intent::LookupSipProxy { uri, transports, timeout, lifetime } => {
                let request = |uri| Request::SipProxy { uri, transports };
                Ok(Outcome::Lookup(self.look_up(&uri, request, timeout, lifetime)?))
            }
            Intent::LookupService { uri, service, timeout, lifetime } => {
                let request = |uri| Request::Service { uri, service };
                Ok(Outcome::Lookup(self.look_up(&uri, request, timeout, lifetime)?))
            }
            Intent::LookupXcapServer { uri, timeout, lifetime } => {
                let request = |uri| Request::XcapServer { uri };
                Ok(Outcome::Lookup(self.look_up(&uri, request, timeout, lifetime)?))
            }
            Intent::StartDnsManager => {
                if self.shutdown == Shutdown::No {
                    self.resolve(Resolver::start_manager);
                }
                Ok(Outcome::Done)
            }
            Intent::StopDnsManager => {
                self.resolve(|resolver, _, out| resolver.stop_manager(out));
                Ok(Outcome::Done)
            }
            Intent::ShutDown => {
                self.shut_down();
                Ok(Outcome::Done)
            }
        }
    }

    pub(super) fn listen(&mut self, listen: &Listen) -> Result<SocketId, ListenError> {
        if self.shutdown != Shutdown::No {
            return Err(ListenError::ShuttingDown);
        }
        let Listen { transport, address, port } = *listen;
        self.transports.bind(transport, address, port, &mut self.transport_out).map_err(listen_error)
    }

    pub(super) fn connect(
        &mut self,
        account_id: AccountId,
        to: &Text,
        routes: Vec<Route>,
        Terms { streams, late_offer, headers }: Terms<'_>,
        follows: Option<Follows>,
    ) -> Result<SessionId, ConnectError> {
        if self.shutdown != Shutdown::No {
            return Err(ConnectError::ShuttingDown);
        }
        let account = self.accounts.get(account_id).ok_or(ConnectError::UnknownAccount(account_id))?;
        let to = party(to).ok_or_else(|| ConnectError::BadUri(to.clone()))?;
        let preloaded = self.service_route(account_id);
        let next = preloaded.first().map_or(&to.uri, |route| &route.uri);
        let destination = match next.as_sip() {
            Some(uri) if routes.is_empty() => account.destination(uri),
            Some(_) | None => Destination::Routes(routes),
        };
        let named = match &destination {
            Destination::Uri(uri) if is_named(uri) => Some(uri.clone()),
            Destination::Uri(_) | Destination::Routes(_) => None,
        };
        let routes = match self.routes(&destination) {
            Ok(routes) => routes,
            Err(_) if named.is_some() => Vec::new(),
            Err(_) => return Err(ConnectError::NoRoute(to.uri.to_string().into())),
        };
        if let Some(first) = routes.first().filter(|first| self.transports.local(**first) == Local::NoSocket) {
            return Err(ConnectError::NoSocket(*first));
        }
        if streams.is_empty() {
            return Err(ConnectError::NoStreams);
        }
        let waits =
            |spec: &StreamSpec| matches!(spec, StreamSpec::Audio(_) | StreamSpec::Chat(_) | StreamSpec::Custom { .. });
        if let Some(index) = streams.iter().position(|spec| late_offer && !waits(spec)) {
            let reason = Text::from_static("it cannot wait for an offer");
            return Err(ConnectError::BadStream { index, reason });
        }
        if self.calls.len() >= self.config.limits.sessions {
            return Err(ConnectError::TooManySessions);
        }
        let id = self.calls.upcoming_session();
        let mut info = SessionInfo::new(id, account_id, account.identity.clone(), to.clone());
        info.credentials.clone_from(&account.spec.credentials);
        account.tell(&mut info);
        let streams =
            self.make_streams(&info, streams).map_err(|(index, reason)| ConnectError::BadStream { index, reason })?;
        let connect = Connect {
            from: account.identity.clone(),
            to,
            routes: preloaded,
            headers,
            late_offer,
            credentials: account.spec.credentials.clone(),
        };
        let streams = self.name_streams(streams);
        let id = self.calls.next_session();
        let mut out = std::mem::take(&mut self.session_out);
        let session = Session::connect(&self.context(), info, connect, streams, &mut out);
        let mut call = Box::new(Call::new(session));
        call.follows = follows;
        call.sending.locate(routes);
        self.finish_call(call, out);
        match named {
            Some(uri) => self.locate_uri(Owner::Session(id), &uri, false),
            None => self.route(id),
        }
        Ok(id)
    }

    /// Calls a session that the application still knows.
    pub(super) fn with_session(
        &mut self,
        id: SessionId,
        act: impl FnOnce(
            &mut Session,
            &mut crate::config::Context<'_>,
            &mut crate::outbox::Outbox<crate::session::Output>,
        ) -> Result<(), SessionError>,
    ) -> Result<Outcome, IntentError> {
        if !self.is_live(id) {
            return Err(SessionError::Unknown(id).into());
        }
        self.call(id, act).unwrap_or(Err(SessionError::Unknown(id)))?;
        Ok(Outcome::Done)
    }

    /// Ends every session, then closes every socket; unanswered sessions get 480, since nobody said no (design decision 7).
    fn shut_down(&mut self) {
        if self.shutdown != Shutdown::No {
            return;
        }
        self.shutdown = Shutdown::Sessions;
        self.managers_will_end();
        for Waiting { incoming, .. } in std::mem::take(&mut self.calls.waiting).into_values() {
            self.refuse(&incoming, 480, &[]);
        }
        for id in self.calls.ids() {
            self.call(id, |session, cx, out| session.end_with(cx, 480, out));
        }
        self.deactivate_accounts();
        self.compositions.forget(None);
        self.drop_messages(None);
    }
}

const fn listen_error(error: BindError) -> ListenError {
    match error {
        BindError::NoTls => ListenError::NoTls,
        BindError::Unknown(socket) => ListenError::Unknown(socket),
        BindError::ShuttingDown => ListenError::ShuttingDown,
    }
}
