//! Handles that borrow the agent: a veneer over its intents, with errors of their own.

use std::time::Duration;

use crate::id::{AccountId, SessionId, StreamId};
use crate::invitation::Invitation;
use crate::registration::Registration;
use crate::session::{Direction, Session, SessionError, SessionState};
use crate::sip::digest::{Credentials, Secret};
use crate::sip::{NameAddr, ServiceRoute, SipUri, Text, Uri};
use crate::stream::{Command, Line, MediaStream, StreamError, StreamSpec};
use crate::time::{Instant, Utc};
use crate::transport::{Local, Route, Transport};
use crate::usage::Content;

use super::Agent;
use super::accounts::Account;
use super::intent::{AccountSpec, ConnectError, Intent, IntentError, Outcome};
use super::requests::contact_uri;

impl Agent {
    /// The handle of an account; `None` when there is no such account.
    pub fn account(&mut self, now: Instant, id: AccountId) -> Option<AccountMut<'_>> {
        self.accounts.get(id)?;
        Some(AccountMut { agent: self, now, id })
    }

    /// All sessions that have not ended, oldest first (attribute `sessions` of the seeds' SessionManager).
    #[must_use]
    pub fn sessions(&self) -> Vec<SessionId> {
        let mut sessions = self.calls.ids();
        sessions.retain(|id| self.is_live(*id));
        sessions
    }

    /// The handle of a session; `None` when there is no such session, or it has ended.
    pub fn session(&mut self, now: Instant, id: SessionId) -> Option<SessionMut<'_>> {
        self.is_live(id).then_some(SessionMut { agent: self, now, id })
    }
}

/// What the agent's accounts are (seed class AccountManager).
impl Agent {
    /// Whether there is an account of this name, such as `alice@example.com`.
    #[must_use]
    pub fn has_account(&self, name: &str) -> bool {
        self.get_account(name).is_some()
    }

    /// The account of this name, such as `alice@example.com`.
    #[must_use]
    pub fn get_account(&self, name: &str) -> Option<AccountId> {
        self.accounts.iter().find(|(_, account)| *account.name() == *name).map(|(id, _)| id)
    }

    /// All accounts, oldest first.
    #[must_use]
    pub fn get_accounts(&self) -> Vec<AccountId> {
        self.iter_accounts().collect()
    }

    /// All accounts, oldest first.
    pub fn iter_accounts(&self) -> impl Iterator<Item = AccountId> {
        self.accounts.iter().map(|(id, _)| id)
    }

    /// The enabled account that a request to this URI is for.
    #[must_use]
    pub fn find_account(&self, uri: &SipUri) -> Option<AccountId> {
        self.accounts.find(uri)
    }

    /// The default account: the first that was enabled, unless another was chosen.
    #[must_use]
    pub const fn default_account(&self) -> Option<AccountId> {
        self.accounts.default
    }
}

/// The handle of an account (seed class Account).
#[derive(Debug)]
pub struct AccountMut<'a> {
    agent: &'a mut Agent,
    now: Instant,
    id: AccountId,
}

impl AccountMut<'_> {
    /// Starts an outgoing session (`Session.connect` of the seeds): see [`Intent::Connect`].
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub fn connect(&mut self, to: &str, routes: &[Route], streams: &[StreamSpec]) -> Result<SessionId, ConnectError> {
        self.connect_with(to, routes, streams, false)
    }

    /// The same by an INVITE without an offer: the remote party makes one, of which such streams are accepted.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub fn connect_without_offer(
        &mut self,
        to: &str,
        routes: &[Route],
        streams: &[StreamSpec],
    ) -> Result<SessionId, ConnectError> {
        self.connect_with(to, routes, streams, true)
    }

    fn connect_with(
        &mut self,
        to: &str,
        routes: &[Route],
        streams: &[StreamSpec],
        late_offer: bool,
    ) -> Result<SessionId, ConnectError> {
        let intent = Intent::Connect {
            account: self.id,
            to: Text::from(to),
            routes: routes.to_vec(),
            streams: streams.to_vec(),
            late_offer,
        };
        match self.agent.intend(self.now, intent) {
            Ok(Outcome::Session(session)) => Ok(session),
            Err(IntentError::Connect(error)) => Err(error),
            // No other answer is given to this intent.
            Ok(_) | Err(_) => Err(ConnectError::UnknownAccount(self.id)),
        }
    }

    /// Its name, as in `alice@example.com` (attribute `id`).
    #[must_use]
    pub fn name(&self) -> Text {
        self.agent.accounts.get(self.id).map(Account::name).unwrap_or_default()
    }

    /// Its settings.
    #[must_use]
    pub fn spec(&self) -> AccountSpec {
        self.agent.accounts.get(self.id).map(|account| account.spec.clone()).unwrap_or_default()
    }

    /// Its URI (attribute `uri`).
    #[must_use]
    pub fn uri(&self) -> Option<SipUri> {
        self.agent.accounts.get(self.id)?.uri().cloned()
    }

    /// Who it is to servers that ask for authentication (attribute `credentials`).
    #[must_use]
    pub fn credentials(&self) -> Option<Credentials> {
        self.spec().credentials
    }

    /// Its Contact over this transport (attribute `contact`): with its own random user, and our address toward `route` as far as that is known.
    #[must_use]
    pub fn contact(&self, route: Route) -> Option<Uri> {
        let Local::Known(local) = self.agent.transports.local(route) else { return None };
        let user = &self.agent.accounts.get(self.id)?.contact_user;
        Some(contact_uri(Some(user), self.agent.contact_address(route, local), route.transport))
    }

    /// Whether it is registered.
    #[must_use]
    pub fn is_registered(&self) -> bool {
        self.registration().is_some_and(Registration::is_registered)
    }

    /// The routes to its home proxy that its registrar told (RFC 3608).
    #[must_use]
    pub fn service_route(&self) -> Vec<ServiceRoute> {
        self.agent.service_route(self.id)
    }

    /// The URI that reaches this device from anywhere, where the registrar gave one (RFC 5627).
    #[must_use]
    pub fn public_gruu(&self) -> Option<Uri> {
        self.agent.public_gruu(self.id)
    }

    fn registration(&self) -> Option<&Registration> {
        self.agent.usages.registration(self.id)
    }
}

/// The handle of a session (seed class Session).
#[derive(Debug)]
pub struct SessionMut<'a> {
    agent: &'a mut Agent,
    now: Instant,
    id: SessionId,
}

impl SessionMut<'_> {
    /// Sends 180 Ringing.
    ///
    /// # Errors
    /// See [`SessionError`].
    pub fn send_ring_indication(&mut self) -> Result<(), SessionError> {
        self.intend(Intent::SendRingIndication { session: self.id })
    }

    /// Accepts an incoming session with these of its proposed streams; the others are refused.
    ///
    /// # Errors
    /// See [`SessionError`].
    pub fn accept(&mut self, streams: &[StreamId]) -> Result<(), SessionError> {
        self.accept_by(streams, None)
    }

    /// The same, with the password for the account's MSRP relay, where it is not the account's (`accept` of seed 000).
    ///
    /// # Errors
    /// See [`SessionError`].
    pub fn accept_with_relay_password(
        &mut self,
        streams: &[StreamId],
        password: impl Into<Secret>,
    ) -> Result<(), SessionError> {
        self.accept_by(streams, Some(password.into()))
    }

    /// Accepts an incoming session whose INVITE brought no offer, with an offer of these streams; their names.
    ///
    /// # Errors
    /// See [`SessionError`].
    pub fn accept_offering(&mut self, streams: &[StreamSpec]) -> Result<Vec<StreamId>, SessionError> {
        let streams = streams.to_vec();
        self.streams_by(Intent::AcceptOffering { session: self.id, streams, relay_password: None })
    }

    fn accept_by(&mut self, streams: &[StreamId], relay_password: Option<Secret>) -> Result<(), SessionError> {
        self.intend(Intent::Accept { session: self.id, streams: streams.to_vec(), relay_password })
    }

    /// Rejects an incoming session with a status code, 300 to 699; the seeds' default is 603. `None` is the code's own reason phrase.
    ///
    /// # Errors
    /// See [`SessionError`].
    pub fn reject(&mut self, code: u16, reason: Option<&str>) -> Result<(), SessionError> {
        self.intend(Intent::Reject { session: self.id, code, reason: reason.map(Text::from) })
    }

    /// Asks the remote party to call somebody else instead, in place of another session of ours if one is named (`Session.transfer`).
    ///
    /// # Errors
    /// See [`SessionError`].
    pub fn transfer(&mut self, target: &str, replaced: Option<SessionId>) -> Result<(), SessionError> {
        self.intend(Intent::Transfer { session: self.id, target: Text::from(target), replaced })
    }

    /// Calls whom the remote party asks us to call (`Session.accept_transfer`); the new session.
    ///
    /// # Errors
    /// See [`IntentError`].
    pub fn accept_transfer(&mut self, routes: &[Route], streams: &[StreamSpec]) -> Result<SessionId, IntentError> {
        let intent = Intent::AcceptTransfer { session: self.id, routes: routes.to_vec(), streams: streams.to_vec() };
        let outcome = self.agent.intend(self.now, intent)?;
        // No other answer is given to this intent.
        if let Outcome::Session(session) = outcome { Ok(session) } else { Err(SessionError::Unknown(self.id).into()) }
    }

    /// Refuses to call whom the remote party asks us to call (`Session.reject_transfer`); the usual code is 603.
    ///
    /// # Errors
    /// See [`SessionError`].
    pub fn reject_transfer(&mut self, code: u16) -> Result<(), SessionError> {
        self.intend(Intent::RejectTransfer { session: self.id, code })
    }

    /// Proposes to add streams; their names.
    ///
    /// # Errors
    /// See [`SessionError`].
    pub fn add_streams(&mut self, streams: &[StreamSpec]) -> Result<Vec<StreamId>, SessionError> {
        self.streams_by(Intent::AddStreams { session: self.id, streams: streams.to_vec() })
    }

    /// What makes streams.
    fn streams_by(&mut self, intent: Intent) -> Result<Vec<StreamId>, SessionError> {
        match self.agent.intend(self.now, intent) {
            Ok(Outcome::Streams(streams)) => Ok(streams),
            Err(IntentError::Session(error)) => Err(error),
            // No other answer is given to this intent.
            Ok(_) | Err(_) => Err(SessionError::Unknown(self.id)),
        }
    }

    /// Removes streams: whatever the remote party says to that, they go.
    ///
    /// # Errors
    /// See [`SessionError`].
    pub fn remove_streams(&mut self, streams: &[StreamId]) -> Result<(), SessionError> {
        self.intend(Intent::RemoveStreams { session: self.id, streams: streams.to_vec() })
    }

    /// Accepts these of the streams that the remote party proposes to add; the others are refused.
    ///
    /// # Errors
    /// See [`SessionError`].
    pub fn accept_proposal(&mut self, streams: &[StreamId]) -> Result<(), SessionError> {
        self.intend(Intent::AcceptProposal { session: self.id, streams: streams.to_vec() })
    }

    /// Rejects what the remote party proposes to add; the seeds' default code is 488.
    ///
    /// # Errors
    /// See [`SessionError`].
    pub fn reject_proposal(&mut self, code: u16, reason: Option<&str>) -> Result<(), SessionError> {
        self.intend(Intent::RejectProposal { session: self.id, code, reason: reason.map(Text::from) })
    }

    /// Withdraws our proposal to add streams.
    ///
    /// # Errors
    /// See [`SessionError`].
    pub fn cancel_proposal(&mut self) -> Result<(), SessionError> {
        self.intend(Intent::CancelProposal { session: self.id })
    }

    /// Puts the session on hold, in any state.
    ///
    /// # Errors
    /// See [`SessionError`].
    pub fn hold(&mut self) -> Result<(), SessionError> {
        self.intend(Intent::Hold { session: self.id })
    }

    /// Takes the session off hold, in any state.
    ///
    /// # Errors
    /// See [`SessionError`].
    pub fn unhold(&mut self) -> Result<(), SessionError> {
        self.intend(Intent::Unhold { session: self.id })
    }

    /// Sends an INFO inside the dialog: see [`Intent::SendInfo`].
    ///
    /// # Errors
    /// See [`SessionError`].
    pub fn send_info(&mut self, package: Option<&str>, content: Option<Content>) -> Result<(), SessionError> {
        self.intend(Intent::SendInfo { session: self.id, package: package.map(Text::from), content })
    }

    /// Sends a MESSAGE inside the dialog: see [`Intent::SendMessageInside`].
    ///
    /// # Errors
    /// See [`SessionError`].
    pub fn send_message(&mut self, content: Content) -> Result<(), SessionError> {
        self.intend(Intent::SendMessageInside { session: self.id, content })
    }

    /// Ends the session, in any state.
    ///
    /// # Errors
    /// See [`SessionError`].
    pub fn end(&mut self) -> Result<(), SessionError> {
        self.intend(Intent::End { session: self.id })
    }

    /// Sends a DTMF digit on an audio stream that has started.
    ///
    /// # Errors
    /// See [`StreamError`].
    pub fn send_dtmf(&mut self, stream: StreamId, digit: char, duration: Duration) -> Result<(), StreamError> {
        self.command(stream, Command::SendDtmf { digit, duration })
    }

    /// Begins ICE anew on an audio stream that has started, by an offer: see [`Command::RestartIce`].
    ///
    /// # Errors
    /// See [`StreamError`].
    pub fn restart_ice(&mut self, stream: StreamId) -> Result<(), StreamError> {
        self.command(stream, Command::RestartIce)
    }

    /// Wants something of one of its streams.
    ///
    /// # Errors
    /// See [`StreamError`].
    pub fn command(&mut self, stream: StreamId, command: Command) -> Result<(), StreamError> {
        match self.agent.intend(self.now, Intent::Stream { stream, command }) {
            Ok(_) => Ok(()),
            Err(IntentError::Stream(error)) => Err(error),
            // No other error is given to this intent.
            Err(_) => Err(StreamError::Unknown(stream)),
        }
    }

    /// One of its streams: of what kind it is, whether it is on hold, and, by its own type, all else.
    #[must_use]
    pub fn stream(&self, stream: StreamId) -> Option<&dyn MediaStream> {
        let session = &self.agent.calls.get(self.id)?.session;
        session.lines().find(|line| line.id() == stream).map(Line::stream)
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> SessionState {
        self.agent.calls.get(self.id).map_or(SessionState::Terminated, |call| call.session.state())
    }

    /// Its account (attribute `account`).
    #[must_use]
    pub fn account(&self) -> Option<AccountId> {
        self.agent.calls.get(self.id).map(|call| call.session.account())
    }

    /// Which side started it (attribute `direction`).
    #[must_use]
    pub fn direction(&self) -> Option<Direction> {
        self.agent.calls.get(self.id).map(|call| call.session.direction())
    }

    /// When it was established (attribute `start_time`).
    #[must_use]
    pub fn start_time(&self) -> Option<Utc> {
        self.agent.calls.get(self.id).and_then(|call| call.session.start_time())
    }

    /// What its challenges are answered with, if it is outgoing (attribute `credentials` of seed 000).
    #[must_use]
    pub fn credentials(&self) -> Option<Credentials> {
        self.session().and_then(Session::credentials).cloned()
    }

    /// The route that its INVITE takes, if it is outgoing (attribute `route` of seed 000).
    #[must_use]
    pub fn route(&self) -> Option<Route> {
        self.session().and_then(Session::route)
    }

    /// Whether either side holds a stream (attribute `on_hold`).
    #[must_use]
    pub fn on_hold(&self) -> bool {
        self.session().is_some_and(Session::on_hold)
    }

    /// Whether this side holds a stream (attribute `on_hold_by_local` of seed 000).
    #[must_use]
    pub fn on_hold_by_local(&self) -> bool {
        self.session().is_some_and(Session::on_hold_by_local)
    }

    /// Whether the remote party holds a stream (attribute `on_hold_by_remote` of seed 000).
    #[must_use]
    pub fn on_hold_by_remote(&self) -> bool {
        self.session().is_some_and(Session::on_hold_by_remote)
    }

    /// The streams that are proposed by either side and not decided upon; `None` without a proposal (attribute `proposed_streams`).
    #[must_use]
    pub fn proposed_streams(&self) -> Option<Vec<StreamId>> {
        self.session().and_then(Session::proposed_streams)
    }

    /// Our name and URI in this session (attribute `local_identity`; `local_uri` of seed 000).
    #[must_use]
    pub fn local_identity(&self) -> Option<NameAddr> {
        self.session().map(|session| session.info().local_identity.clone())
    }

    /// The remote party's (attribute `remote_identity`; `remote_uri` of seed 000). Of an incoming session it is a claim, not a proof.
    #[must_use]
    pub fn remote_identity(&self) -> Option<NameAddr> {
        self.session().map(|session| session.info().remote_identity.clone())
    }

    /// Who called (attribute `caller_uri` of seed 000).
    #[must_use]
    pub fn caller(&self) -> Option<NameAddr> {
        if self.direction()? == Direction::Outgoing { self.local_identity() } else { self.remote_identity() }
    }

    /// Who was called (attribute `callee_uri` of seed 000).
    #[must_use]
    pub fn callee(&self) -> Option<NameAddr> {
        if self.direction()? == Direction::Outgoing { self.remote_identity() } else { self.local_identity() }
    }

    /// What the remote party's device says that it is (attribute `remote_user_agent`).
    #[must_use]
    pub fn remote_user_agent(&self) -> Option<Text> {
        self.session().and_then(Session::remote_user_agent).cloned()
    }

    /// The transport that its last message took (attribute `transport`).
    #[must_use]
    pub fn transport(&self) -> Option<Transport> {
        let (flow, _) = self.agent.calls.get(self.id)?.sending.flow?;
        self.agent.transports.transport(flow)
    }

    /// The Call-ID of its dialog, once there is one, by which both sides and all logs know it.
    #[must_use]
    pub fn call_id(&self) -> Option<Text> {
        let dialog = self.session().and_then(Session::invitation).and_then(Invitation::dialog)?;
        Some(dialog.id().call_id().clone())
    }

    fn session(&self) -> Option<&Session> {
        self.agent.calls.get(self.id).map(|call| &call.session)
    }

    /// The streams: those proposed, and once the session is established those that are active.
    #[must_use]
    pub fn streams(&self) -> Vec<StreamId> {
        let streams = self.agent.calls.get(self.id).map(|call| call.session.streams());
        streams.unwrap_or_default().iter().map(Line::id).collect()
    }

    /// Its chat, if it has one (attribute `chat_transport` of seed 000).
    #[must_use]
    pub fn chat_transport(&self) -> Option<StreamId> {
        let chat = |line: &&Line| line.stream().kind() == "chat";
        self.session().and_then(|session| session.streams().iter().find(chat)).map(Line::id)
    }

    /// Whether it has a chat (attribute `has_chat` of seed 000).
    #[must_use]
    pub fn has_chat(&self) -> bool {
        self.chat_transport().is_some()
    }

    fn intend(&mut self, intent: Intent) -> Result<(), SessionError> {
        match self.agent.intend(self.now, intent) {
            Ok(_) => Ok(()),
            Err(IntentError::Session(error)) => Err(error),
            // No other error is given to these intents.
            Err(_) => Err(SessionError::Unknown(self.id)),
        }
    }
}
