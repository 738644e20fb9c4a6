//! The INVITE usage of a dialog (RFC 3261 sections 13 to 15, RFC 3262, RFC 3311): from the INVITE to the BYE and what lingers after it.
//!
//! An [`Invitation`] is one call as SIP sees it. It speaks to the layers below by [`Output`]s and names its client
//! transactions by [`Ticket`]s; session descriptions pass through as bytes, marked with what they are ([`Description`]).
//! Its states and their diagram stand at [`State`].
//!
//! | file | what it does |
//! |---|---|
//! | `caller` | the initial INVITE that we sent: responses, forks, the next route |
//! | `callee` | the initial INVITE that came: answers, ACK, CANCEL |
//! | `proposal` | re-INVITEs, both ways, and glare |
//! | `authentication` | challenges to our requests |
//! | `ending` | CANCEL, BYE, and who waits for whom |
//! | `prack`, `reliable` | provisional responses that are sure to arrive |
//! | `update` | UPDATE, both ways, and the answers to offers outside of INVITE |
//! | `within` | requests of other usages in the dialog |
//! | `timer` | session timers (RFC 4028) |
//! | `leg` | one dialog, and its exchange of offers and answers |
//! | `client`, `server` | one INVITE transaction's usage, sent or received |
//! | `body` | which body is the session description |

mod authentication;
mod body;
mod callee;
mod caller;
mod client;
mod ending;
mod incoming;
mod leg;
mod output;
mod prack;
mod proposal;
mod reliable;
mod server;
mod state;
#[cfg(test)]
mod tests;
mod timer;
mod update;
mod within;

pub use body::{BodyFault, attachments, judge_body};
pub use incoming::{ALLOWED, Incoming, supported, supported_value};
pub use output::{Description, Event, Hop, Output, Ticket};
pub use state::{State, SubState};
pub use timer::judge_interval;

use std::collections::VecDeque;

use bytes::Bytes;

use crate::cause::{By, Cause};
use crate::config::Context;
use crate::dialog::{Dialog, DialogId, Role};
use crate::id::TransactionId;
use crate::outbox::Outbox;
use crate::payload::mime::Entity;
use crate::sip::digest::Authenticator;
use crate::sip::{BuildError, CSeq, Method, NameAddr, Reason, Response, ServiceRoute, Text, Uri};
use crate::time::{Instant, earliest};
use crate::transaction::End;

use authentication::Sent;
use client::ClientInvite;
use ending::Bye;
use leg::Leg;
use server::{Due, ServerInvite};
use update::ClientUpdate;

/// Why the usage refuses a call. Nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvitationError {
    /// Not in this state.
    #[error("cannot {what} while {state}")]
    IllegalState {
        /// What was tried.
        what: &'static str,
        /// The state.
        state: State,
    },
    /// A re-INVITE is under way already, ours or the peer's.
    #[error("a proposal is pending")]
    ProposalPending,
    /// What the application gave cannot be written into a message.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// A place to send the initial INVITE to.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Where.
    pub hop: Hop,
    /// Our Contact URI toward there.
    pub contact: Uri,
}

/// What an initial INVITE says.
#[derive(Clone, Debug)]
pub struct Invite {
    /// Our name and URI; the tag is ours to add.
    pub from: NameAddr,
    /// The peer's name and URI.
    pub to: NameAddr,
    /// The proxies to visit before (RFC 3608), in order.
    pub routes: Vec<ServiceRoute>,
    /// Where to send it, tried in order (design decision 1).
    pub targets: Vec<Target>,
    /// The offer; `None` asks the peer for one.
    pub offer: Option<Bytes>,
    /// What the offer refers to: it goes along.
    pub attached: Vec<Entity>,
    /// More header fields: Replaces, Referred-By.
    pub headers: Vec<(crate::sip::HeaderName, Text)>,
}

/// One INVITE usage.
#[derive(Debug)]
pub struct Invitation {
    role: Role,
    state: State,
    local_tag: Text,
    contact: Uri,
    targets: VecDeque<Target>,
    hop: Option<Hop>,
    /// The initial INVITE that we sent, until its transaction has ended.
    invite: Option<ClientInvite>,
    /// The re-INVITEs that we sent, until their transactions have ended. At most one is unanswered.
    reinvites: Vec<ClientInvite>,
    /// The INVITEs that came and are unanswered, or whose final response is not acknowledged. At most one is unanswered.
    received: Vec<ServerInvite>,
    /// The dialogs: early ones side by side, then the one that was confirmed first.
    legs: Vec<Leg>,
    /// The dialog as it ended, while a re-INVITE of ours had no final response: a late 2xx is acknowledged all the same.
    past: Option<Box<Dialog>>,
    /// The UPDATE that we sent, until it is answered.
    update: Option<ClientUpdate>,
    /// The UPDATE or PRACK that came with an offer that waits for our answer.
    asked: Option<Incoming>,
    /// The reliable provisional responses that had no PRACK when their INVITE was answered, by CSeq and RSeq.
    late: Vec<(u32, u32)>,
    /// The PRACKs that we sent, until their transactions have ended.
    pracks: Vec<Sent>,
    /// The requests of other usages that we sent in the dialog, until their transactions have ended.
    others: Vec<Sent>,
    bye: Option<Bye>,
    /// Why the INVITE was cancelled, if it was not the application's wish.
    cause: Option<Cause>,
    /// BYEs for confirmed forks that we do not want.
    fork_byes: Vec<Ticket>,
    tickets: u32,
    /// What challenges are answered with, if they are.
    authenticator: Option<Box<Authenticator>>,
}

impl Invitation {
    /// Its state.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// What a connected usage is busy with.
    #[must_use]
    pub fn sub_state(&self) -> SubState {
        if self.state != State::Connected {
            SubState::Normal
        } else if self.reinvites.iter().any(|invite| !invite.answered) {
            SubState::SentProposal
        } else if self.received.iter().any(ServerInvite::is_unanswered) {
            SubState::ReceivedProposal
        } else {
            SubState::Normal
        }
    }

    /// Which side sent the initial INVITE.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// Where the initial INVITE went, if we sent it: of several targets the last that was tried.
    #[must_use]
    pub const fn hop(&self) -> Option<&Hop> {
        self.hop.as_ref()
    }

    /// The dialog that was confirmed, or else the first early one.
    #[must_use]
    pub fn dialog(&self) -> Option<&Dialog> {
        self.legs.first().map(|leg| &leg.dialog)
    }

    /// All of its dialogs: early ones side by side, or the one that was confirmed.
    pub fn dialogs(&self) -> impl Iterator<Item = &DialogId> {
        self.legs.iter().map(|leg| leg.dialog.id())
    }

    /// Why it ends by our BYE, if that is not the application's wish.
    #[must_use]
    pub fn ending(&self) -> Option<&Cause> {
        self.bye.as_ref()?.cause()
    }

    /// Whether it is over and nothing lingers: no transaction, no acknowledgement, no BYE is owed or awaited.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.is_over()
            && self.invite.is_none()
            && self.reinvites.is_empty()
            && self.bye.is_none()
            && self.update.is_none()
            && self.pracks.is_empty()
            && self.others.is_empty()
    }

    /// Whether it is over for the peer, too: it has our BYE or has sent one, and each INVITE its answer and its ACK. Transactions may live on for what comes
    /// again, until it [is done](Self::is_done).
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.state == State::Disconnected
            && self.invite.iter().chain(&self.reinvites).all(ClientInvite::is_settled)
            && self.received.is_empty()
            && self.fork_byes.is_empty()
    }

    /// When [`timeout`](Self::timeout) is next wanted.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.received.iter().map(ServerInvite::deadline).fold(self.timer_deadline(), earliest)
    }

    /// Works off the deadlines that have come.
    pub fn timeout(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        let mut due = Vec::new();
        for invite in &mut self.received {
            let what = invite.timeout(cx.now, &cx.config.timers, out);
            if what != Due::Nothing {
                due.push((invite.transaction(), what));
            }
        }
        for (transaction, what) in due {
            match what {
                Due::Nothing => {}
                Due::NoAck => self.not_acknowledged(cx, transaction, out),
                Due::NoPrack => self.not_pracked(cx, out),
                Due::Refresh(code) => self.ring_again(cx, code, out),
                Due::Expired => self.expired(cx, out),
            }
        }
        self.timer_due(cx, out);
    }

    /// The transaction of a request that we sent has ended. Exactly one call for each [`Output::Request`].
    pub fn client_ended(&mut self, cx: &mut Context<'_>, ticket: Ticket, end: &End, out: &mut Outbox<Output>) {
        if self.invite.as_ref().is_some_and(|invite| invite.ticket == ticket) {
            self.invite_ended(end, out);
        } else if self.reinvites.iter().any(|invite| invite.ticket == ticket) {
            self.reinvite_ended(cx, ticket, end, out);
        } else if self.bye.as_ref().is_some_and(|bye| bye.ticket == Some(ticket)) {
            self.bye_ended(end, out);
        } else if self.is_prack(ticket) {
            self.prack_ended(cx, ticket, end, out);
        } else if self.is_update(ticket) {
            self.update_ended(cx, end, out);
        } else {
            self.others.retain(|other| other.ticket != ticket);
            self.fork_byes.retain(|bye| *bye != ticket);
        }
    }

    /// A response came to a request that we sent.
    pub fn response(&mut self, cx: &mut Context<'_>, ticket: Ticket, response: &Response, out: &mut Outbox<Output>) {
        if self.within_challenged(cx, ticket, response, out) {
            return;
        }
        if self.invite.as_ref().is_some_and(|invite| invite.ticket == ticket) {
            self.invite_answered(cx, response, out);
        } else if self.reinvites.iter().any(|invite| invite.ticket == ticket) {
            self.reinvite_answered(cx, ticket, response, out);
        } else if self.bye.as_ref().is_some_and(|bye| bye.ticket == Some(ticket)) {
            self.bye_answered(cx, response, out);
        } else if self.is_prack(ticket) {
            self.prack_answered(cx, ticket, response, out);
        } else if self.is_update(ticket) {
            self.update_answered(cx, response, out);
        } else if self.others.iter().any(|other| other.ticket == ticket) {
            self.other_answered(cx, response, out);
        }
    }

    /// A request came inside one of our dialogs: INVITE, UPDATE, PRACK or BYE. ACK comes by [`acknowledged`](Self::acknowledged), CANCEL by [`cancelled`](Self::cancelled).
    pub fn request(&mut self, cx: &mut Context<'_>, dialog: &DialogId, incoming: Incoming, out: &mut Outbox<Output>) {
        match self.receive(dialog, &incoming.essentials.cseq) {
            Some(true) => {}
            Some(false) => {
                self.respond(cx, &incoming, 500, None, out);
                if *incoming.request.method() == Method::Prack {
                    self.pracked_late(cx, &incoming, out);
                }
                return;
            }
            None => {
                self.respond(cx, &incoming, 481, None, out);
                return;
            }
        }
        if *incoming.request.method() == Method::Invite {
            self.reinvited(cx, incoming, out);
        } else if *incoming.request.method() == Method::Bye {
            self.bye_received(cx, &incoming, out);
        } else if *incoming.request.method() == Method::Prack {
            self.pracked(cx, dialog, incoming, out);
        } else if *incoming.request.method() == Method::Update {
            self.updated(cx, dialog, incoming, out);
        } else {
            self.respond(cx, &incoming, 405, None, out);
        }
    }

    /// Whether a request inside one of our dialogs comes in order (RFC 3261 section 12.2.2): one that does not is answered with 500. `None`: the dialog is not ours.
    pub fn receive(&mut self, dialog: &DialogId, cseq: &CSeq) -> Option<bool> {
        let found = self.leg_mut(dialog)?;
        Some(found.dialog.receive(cseq).is_ok())
    }

    /// The server transaction of an INVITE that we refused, or accepted, has ended.
    pub fn server_ended(&mut self, transaction: TransactionId, end: &End, out: &mut Outbox<Output>) {
        let Some(index) = self.received.iter().position(|invite| invite.transaction() == transaction) else { return };
        if self.received.get(index).is_some_and(ServerInvite::is_accepted) {
            // The 2xx is ours to repeat and to give up; the transaction's end (timer L) comes at the same time.
            return;
        }
        self.received.remove(index);
        self.refusal_done(matches!(end, End::Done), out);
    }

    /// The ACK of a refusal came.
    pub fn refusal_acknowledged(&mut self, transaction: TransactionId, out: &mut Outbox<Output>) {
        if self.received.iter().any(|invite| invite.transaction() == transaction) {
            self.received.retain(|invite| invite.transaction() != transaction);
            self.refusal_done(true, out);
        }
    }

    fn refusal_done(&mut self, acknowledged: bool, out: &mut Outbox<Output>) {
        if self.state == State::Disconnecting && self.role == Role::Callee && self.bye.is_none() {
            self.disconnected(out);
            out.push(Output::Event(Event::RefusalDone { acknowledged }));
        }
    }

    fn ticket(&mut self) -> Ticket {
        let ticket = Ticket::new(self.tickets);
        self.tickets = self.tickets.wrapping_add(1);
        ticket
    }

    /// Answers a request with a status code and nothing else.
    fn respond(
        &self,
        cx: &Context<'_>,
        incoming: &Incoming,
        code: u16,
        reason: Option<&str>,
        out: &mut Outbox<Output>,
    ) {
        // What the request itself brought can always be written: it was read.
        if let Ok(response) = incoming.plain(code, reason, &self.local_tag, &cx.config.user_agent) {
            out.push(Output::Respond { transaction: incoming.transaction, response });
        }
    }

    /// Where requests inside the dialog go.
    fn next_hop(dialog: &Dialog) -> Hop {
        Hop::Uri(dialog.next_hop().clone())
    }

    /// The state at the end; every dialog ends with it.
    fn disconnected(&mut self, out: &mut Outbox<Output>) {
        self.state = State::Disconnected;
        self.asked = None;
        // Who has ended the call owes our re-INVITE an answer; if none comes, nobody waits for it for ever (RFC 3261 section 9.1).
        for invite in self.reinvites.iter_mut().filter(|invite| !invite.answered && !invite.cancelled) {
            invite.cancelled = true;
            out.push(Output::Cancel { ticket: invite.ticket, reason: None });
        }
        if self.reinvites.iter().any(|invite| !invite.is_settled()) {
            self.past = self.legs.first().map(|leg| Box::new(leg.dialog.clone()));
        }
        for leg in self.legs.drain(..) {
            out.push(Output::DialogEnded(leg.dialog.id().clone()));
            if let Some(invite) = &mut self.invite {
                invite.remember(&leg.dialog);
            }
        }
    }
}

/// Whether this is the code of a challenge (RFC 3261 sections 21.4.2 and 21.4.8).
const fn is_challenge(code: u16) -> bool {
    matches!(code, 401 | 407)
}

/// The text of a Reason header (RFC 3326), which replaces the default words for an ending: of the first value that has one, and of SIP's before others'. Malformed values are passed over.
fn reason_text(message: &crate::sip::Headers) -> Option<Text> {
    let mut reasons: Vec<Reason> = message.all().flatten().take(REASONS).collect();
    reasons.sort_by_key(|reason| !reason.value.eq_ignore_ascii_case("SIP"));
    reasons.iter().find_map(|reason| reason.text().filter(|text| !text.is_empty()))
}

/// How many values of a Reason header are looked at.
const REASONS: usize = 16;

/// Whether this answer to a request inside the dialog ends the INVITE usage (RFC 5057 section 5.1).
const fn ends_usage(code: u16) -> bool {
    matches!(code, 404 | 405 | 408 | 410 | 416 | 480..=485 | 489 | 501 | 502 | 604)
}

/// What ended a transaction that had no answer.
fn cause_of(end: &End) -> Cause {
    match end {
        End::TransportFailed(cause) => Cause { by: By::Network, code: None, reason: Some(cause.to_string().into()) },
        End::Timeout | End::NoAck | End::Done | End::Cancelled | End::Unanswered => {
            Cause::status(By::Timeout, 408, "Request Timeout")
        }
    }
}
