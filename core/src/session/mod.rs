//! A SIP session (seed class Session): an INVITE usage and its media streams.
//!
//! The [`Session`] joins an [`Invitation`], a [`Negotiator`] and streams, and turns what they tell into the seeds'
//! notifications, in the seeds' order. Its states and their diagram stand at [`SessionState`].
//!
//! | file | what it does |
//! |---|---|
//! | `outgoing` | connect: streams initialise, the INVITE, its responses |
//! | `incoming` | ring, accept, reject; ACK and CANCEL |
//! | `streams` | what the streams are told, and what they say |
//! | `start` | the agreed streams start; the session is established |
//! | `sent` | proposals of ours: streams added and removed, holds said, glare |
//! | `received` | proposals of the peer |
//! | `hold` | who holds what |
//! | `transfer` | REFER: transfers, both ways |
//! | `inside` | INFO and MESSAGE of the application in the dialog |
//! | `late` | an INVITE without an offer of ours |
//! | `early` | answers of early dialogs, and offers in UPDATE and PRACK |
//! | `ending` | end, failures, BYE |

mod early;
mod ending;
mod error;
mod event;
mod hold;
mod incoming;
mod inside;
mod late;
mod outgoing;
mod received;
mod sent;
mod start;
mod state;
mod streams;
mod transfer;

pub use crate::stream::Originator;
pub use error::SessionError;
pub use event::{AckReceived, SessionEvent, StreamAction};
pub use incoming::Invited;
pub use outgoing::Connect;
pub use state::{Direction, SessionState};

use bytes::Bytes;

use crate::config::Context;
use crate::dialog::DialogId;
use crate::id::{AccountId, SessionId, StreamId, TransactionId};
use crate::invitation::{self, Incoming, Invitation, Target, Ticket, attachments};
use crate::negotiation::Negotiator;
use crate::outbox::Outbox;
use crate::sip::digest::Credentials;
use crate::sip::{CSeq, HeaderName, Headers, Method, Request, Response, Text};
use crate::stream::{self, Line, Registry, SessionInfo, Source, StreamEvent};
use crate::time::{Instant, Utc, earliest};
use crate::transaction::End;
use crate::transport::Route;
use crate::uac::Hop;

/// Work for the layers below, and news for the application, in order.
#[derive(Debug)]
pub enum Output {
    /// What the INVITE usage asks of the layers below it. Never an [`invitation::Output::Event`].
    Usage(invitation::Output),
    /// What a stream asks of the layers below it. Its own progress, and its events, are among its news.
    Stream {
        /// The stream.
        stream: StreamId,
        /// What it says.
        output: stream::Output,
    },
    /// News of a stream.
    News {
        /// The stream.
        stream: StreamId,
        /// What kind of stream it is.
        kind: Text,
        /// The news.
        event: StreamEvent,
    },
    /// News of the session.
    Event(SessionEvent),
}

/// What a session waits for, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    /// The local address toward the routes.
    Route,
    /// The streams' media paths.
    Initialize,
    /// The answer to the INVITE (setting `sip.invite_timeout`).
    Answer,
    /// The streams' start, and the ACK.
    Start,
    /// The peer's word on our ending it.
    End,
    /// The answer to a re-INVITE that was under way when the session ended.
    Rest,
}

/// One session.
#[derive(Debug)]
pub struct Session {
    info: Box<SessionInfo>,
    direction: Direction,
    state: SessionState,
    connect: Option<Connect>,
    targets: Vec<Target>,
    invitation: Option<Invitation>,
    negotiator: Option<Negotiator>,
    streams: Vec<Line>,
    /// Streams that were removed and have not ended yet.
    leaving: Vec<Line>,
    /// Our proposal that is not settled yet.
    ours: Option<sent::Ours>,
    /// The peer's.
    theirs: Option<received::Theirs>,
    /// A proposal of the peer that waits until we are not busy.
    deferred: Option<received::Deferred>,
    /// A re-INVITE has come just now, with this offer.
    arrived: Option<Option<Bytes>>,
    hold: hold::Hold,
    /// Whether the peer has refused to close the media lines of streams that are gone.
    untidy: bool,
    /// What is to be said again.
    again: sent::Again,
    /// Until when nothing is offered, since the last offer was refused for now.
    pause: Option<Instant>,
    /// What was agreed on last.
    agreed: Option<start::Settled>,
    /// The early dialogs in which an offer was answered already.
    early: Vec<early::Early>,
    /// What came of an INVITE without an offer.
    late: late::Late,
    transfers: transfer::Transfers,
    inside: inside::Inside,
    remote_user_agent: Option<Text>,
    start_time: Option<Utc>,
    wait: Option<(Wait, Option<Instant>)>,
    /// Whether the streams were told to start.
    started: bool,
    /// The initial INVITE that came: whether its ACK did too.
    acknowledged: bool,
    /// The final response that we sent to the initial INVITE and that is not reported yet.
    rejection: Option<(u16, Text)>,
    /// Who ends the session, and in what words, while it is `Terminating`.
    ending: Option<ending::Ending>,
}

impl Session {
    /// Its name.
    #[must_use]
    pub const fn id(&self) -> SessionId {
        self.info.session
    }

    /// The account it belongs to.
    #[must_use]
    pub const fn account(&self) -> AccountId {
        self.info.account
    }

    /// Whose it is, and with whom.
    #[must_use]
    pub const fn info(&self) -> &SessionInfo {
        &self.info
    }

    /// Which side started it.
    #[must_use]
    pub const fn direction(&self) -> Direction {
        self.direction
    }

    /// Its state.
    #[must_use]
    pub const fn state(&self) -> SessionState {
        self.state
    }

    /// Its streams: those proposed, and once it is established those that are active.
    #[must_use]
    pub fn streams(&self) -> &[Line] {
        &self.streams
    }

    /// When it was established (`start_time` of the seeds).
    #[must_use]
    pub const fn start_time(&self) -> Option<Utc> {
        self.start_time
    }

    /// What challenges are answered with, in an outgoing session (attribute `credentials` of seed 000).
    #[must_use]
    pub fn credentials(&self) -> Option<&Credentials> {
        self.connect.as_ref()?.credentials.as_ref()
    }

    /// The route that the INVITE of an outgoing session takes: of several the one that is being tried, or that has worked (attribute `route` of seed 000).
    #[must_use]
    pub fn route(&self) -> Option<Route> {
        let hop = match &self.invitation {
            Some(invitation) => invitation.hop(),
            None => self.targets.first().map(|target| &target.hop),
        };
        match hop? {
            Hop::Route(route) => Some(*route),
            Hop::Uri(_) => None,
        }
    }

    /// What the peer's device says that it is (attribute `remote_user_agent`).
    #[must_use]
    pub const fn remote_user_agent(&self) -> Option<&Text> {
        self.remote_user_agent.as_ref()
    }

    /// Takes from the first message that says it what the peer's device is.
    fn note_user_agent(&mut self, message: &Headers) {
        if self.remote_user_agent.is_none() {
            let said = |name| message.text(name).ok().flatten();
            self.remote_user_agent = said(HeaderName::UserAgent).or_else(|| said(HeaderName::Server));
        }
    }

    /// One that has not begun.
    fn new(info: SessionInfo, direction: Direction, connect: Option<Connect>, streams: Vec<Line>) -> Self {
        Self {
            info: Box::new(info),
            direction,
            state: SessionState::Null,
            connect,
            targets: Vec::new(),
            invitation: None,
            negotiator: None,
            streams,
            leaving: Vec::new(),
            ours: None,
            theirs: None,
            deferred: None,
            arrived: None,
            hold: hold::Hold::default(),
            untidy: false,
            again: sent::Again::default(),
            pause: None,
            agreed: None,
            early: Vec::new(),
            late: late::Late::default(),
            transfers: transfer::Transfers::default(),
            inside: inside::Inside::default(),
            remote_user_agent: None,
            start_time: None,
            wait: None,
            started: false,
            acknowledged: false,
            rejection: None,
            ending: None,
        }
    }

    /// The INVITE usage below, once there is one.
    #[must_use]
    pub const fn invitation(&self) -> Option<&Invitation> {
        self.invitation.as_ref()
    }

    /// Whether it is over for the application, and for the peer: nothing lingers.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.state == SessionState::Terminated
            && self.invitation.as_ref().is_none_or(Invitation::is_done)
            && self.lines().all(Line::is_ended)
    }

    /// Whether it is over for the application, and for the peer; what the peer repeats may still have to be answered.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.state == SessionState::Terminated && self.invitation.as_ref().is_none_or(Invitation::is_over)
    }

    /// When [`timeout`](Self::timeout) is next wanted.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let wait = self.wait.and_then(|(_, until)| until);
        let invitation = self.invitation.as_ref().and_then(Invitation::deadline);
        let ours = self.ours.as_ref().and_then(|ours| ours.deadline);
        let theirs = self.theirs.as_ref().and_then(|theirs| theirs.deadline);
        let lines = self.lines().map(Line::deadline).fold(wait, earliest);
        let lines = earliest(lines, earliest(ours, theirs));
        let lines = earliest(lines, earliest(self.late.deadline(), self.again.deadline()));
        earliest(earliest(lines, invitation), earliest(self.pause, self.transfers.deadline()))
    }

    /// Works off the deadlines that have come.
    pub fn timeout(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        self.with_invitation(cx, out, |invitation, cx, usage| invitation.timeout(cx, usage));
        self.transfers_due(cx, out);
        self.streams_due(cx, out);
        self.ours_due(cx, out);
        self.theirs_due(cx, out);
        self.again.timeout(cx.now);
        self.pause.take_if(|until| *until <= cx.now);
        self.late_due(cx, out);
        self.wait_due(cx, out);
        self.follow_up(cx, out);
    }

    fn wait_due(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        let Some((wait, Some(until))) = self.wait else { return };
        if until > cx.now {
            return;
        }
        self.wait = None;
        match wait {
            Wait::Route => self.unroutable(cx, "no route to the remote party", out),
            Wait::Initialize => self.fail(cx, "media stream timed out while initializing", out),
            Wait::Answer => self.unanswered(cx, out),
            Wait::Start => self.not_started(cx, out),
            Wait::End => self.end_unheard(cx, out),
            Wait::Rest => self.with_invitation(cx, out, |invitation, _, usage| invitation.give_up(usage)),
        }
    }

    /// A response to a request of this session.
    pub fn response(
        &mut self,
        cx: &mut Context<'_>,
        ticket: Ticket,
        response: &Response,
        registry: &Registry,
        out: &mut Outbox<Output>,
    ) {
        self.note_user_agent(response);
        self.with_invitation(cx, out, |invitation, cx, usage| invitation.response(cx, ticket, response, usage));
        self.take_late_offer(cx, registry, out);
        match self.invitation.as_ref().and_then(|invitation| invitation.sent_again(ticket)) {
            Some((again, number)) => {
                self.transfer_sent_again(ticket, again, number);
                self.inside_sent_again(ticket, again);
            }
            None => {
                self.transfer_answered(cx, ticket, response, out);
                self.inside_answered(ticket, response, out);
            }
        }
        self.follow_up(cx, out);
    }

    /// The transaction of a request of this session is over.
    pub fn client_ended(&mut self, cx: &mut Context<'_>, ticket: Ticket, end: &End, out: &mut Outbox<Output>) {
        self.with_invitation(cx, out, |invitation, cx, usage| invitation.client_ended(cx, ticket, end, usage));
        self.transfer_unanswered(cx, ticket, end, out);
        self.inside_unanswered(ticket, end, out);
        self.follow_up(cx, out);
    }

    /// The transaction of an INVITE that came for this session is over.
    pub fn server_ended(
        &mut self,
        cx: &mut Context<'_>,
        transaction: TransactionId,
        end: &End,
        out: &mut Outbox<Output>,
    ) {
        self.with_invitation(cx, out, |invitation, _, usage| invitation.server_ended(transaction, end, usage));
        self.follow_up(cx, out);
    }

    /// The ACK of a refusal came.
    pub fn refusal_acknowledged(&mut self, cx: &mut Context<'_>, transaction: TransactionId, out: &mut Outbox<Output>) {
        self.with_invitation(cx, out, |invitation, _, usage| invitation.refusal_acknowledged(transaction, usage));
        self.follow_up(cx, out);
    }

    /// A request came in a dialog of this session: INVITE, UPDATE, PRACK, BYE, REFER, SUBSCRIBE or NOTIFY.
    pub fn request(
        &mut self,
        cx: &mut Context<'_>,
        dialog: &DialogId,
        incoming: Incoming,
        source: &mut Source<'_>,
        out: &mut Outbox<Output>,
    ) {
        self.note_user_agent(&incoming.request);
        if matches!(incoming.request.method(), Method::Refer | Method::Subscribe | Method::Notify) {
            self.requested_within(cx, dialog, incoming, out);
            return;
        }
        let parts = attachments(&incoming.request);
        self.with_invitation(cx, out, |invitation, cx, usage| invitation.request(cx, dialog, incoming, usage));
        if let Some(offer) = self.arrived.take() {
            self.proposed(cx, offer, &parts, source, out);
        }
        self.follow_up(cx, out);
    }

    /// Whether a request inside a dialog of this session comes in order: see [`Invitation::receive`].
    pub fn receive(&mut self, dialog: &DialogId, cseq: &CSeq) -> Option<bool> {
        self.invitation.as_mut()?.receive(dialog, cseq)
    }

    /// An ACK came in a dialog of this session.
    pub fn ack(&mut self, cx: &mut Context<'_>, dialog: &DialogId, ack: &Request, out: &mut Outbox<Output>) {
        self.with_invitation(cx, out, |invitation, cx, usage| invitation.acknowledged(cx, dialog, ack, usage));
        self.follow_up(cx, out);
    }

    /// A CANCEL came for an INVITE of the peer.
    pub fn cancel(
        &mut self,
        cx: &mut Context<'_>,
        invite: Option<TransactionId>,
        cancel: &Incoming,
        out: &mut Outbox<Output>,
    ) {
        self.with_invitation(cx, out, |invitation, cx, usage| invitation.cancelled(cx, invite, cancel, usage));
        self.follow_up(cx, out);
    }

    /// Calls the INVITE usage, passes on what it asks, and works off what it tells.
    fn with_invitation(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut Outbox<Output>,
        call: impl FnOnce(&mut Invitation, &mut Context<'_>, &mut Outbox<invitation::Output>),
    ) {
        let Some(invitation) = &mut self.invitation else { return };
        let mut usage = Outbox::new();
        call(invitation, cx, &mut usage);
        while let Some(output) = usage.pop() {
            if let invitation::Output::Event(event) = output {
                self.usage_event(cx, event, out);
            } else {
                out.push(Output::Usage(output));
            }
        }
    }

    fn usage_event(&mut self, cx: &mut Context<'_>, event: invitation::Event, out: &mut Outbox<Output>) {
        use invitation::Event;
        match event {
            Event::Provisional { dialog, code, reason, description } => {
                self.provisional(cx, dialog, code, reason, description, out);
            }
            Event::Accepted { dialog, code, reason, description } => {
                self.accepted(cx, &dialog, code, reason, description, out);
            }
            Event::ProvisionalNotAcknowledged { code } => self.not_pracked(cx, code, out),
            Event::Offered { dialog, offer } => self.offered(cx, &dialog, &offer, out),
            Event::Refused { cause, text, answered, contacts } => {
                self.refused(cx, cause, text, answered, contacts, out);
            }
            Event::Acknowledged { awaited, description } => self.acknowledged(cx, awaited, description, out),
            Event::RefusalDone { acknowledged } => self.refusal_done(cx, acknowledged, out),
            Event::NotAcknowledged => self.not_acknowledged(cx, out),
            Event::Cancelled { reason } => self.cancelled(cx, reason, out),
            Event::Proposal { offer } => self.arrived = Some(offer),
            Event::ProposalCancelled => self.proposal_cancelled(cx, out),
            // This side offers nothing in a provisional response or an UPDATE.
            Event::ProvisionalAnswered { .. } | Event::UpdateAnswered { .. } => {}
            Event::RefreshDue => self.refresh(cx, out),
            Event::ProposalAnswered { code, reason, retry_after, description } => {
                self.ours_answered(cx, (code, reason), description, retry_after, out);
            }
            Event::Ended { cause, by_peer, code, reason } => self.ended(cx, cause, by_peer, code, reason, out),
        }
    }

    fn enter(&mut self, state: SessionState, out: &mut Outbox<Output>) {
        if self.state != state {
            let prev_state = std::mem::replace(&mut self.state, state);
            out.push(Output::Event(SessionEvent::ChangedState { prev_state, state }));
        }
    }

    fn wait(&mut self, cx: &Context<'_>, wait: Wait, time: Option<std::time::Duration>) {
        self.wait = Some((wait, time.map(|time| cx.now + time)));
    }

    fn waits_for(&self, wanted: Wait) -> bool {
        self.wait.is_some_and(|(wait, _)| wait == wanted)
    }

    fn report(
        &self,
        originator: Originator,
        method: &str,
        code: u16,
        reason: Text,
        ack_received: Option<AckReceived>,
        out: &mut Outbox<Output>,
    ) {
        let method = Text::from(method);
        out.push(Output::Event(SessionEvent::DidProcessTransaction { originator, method, code, reason, ack_received }));
    }
}
