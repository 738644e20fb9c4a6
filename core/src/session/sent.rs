//! Proposals of ours: streams are added and removed by re-INVITEs (RFC 3261 section 14.1), and holds said.
//!
//! ```text
//!  add_streams                 remove_streams, hold, unhold, what is left to tidy
//!      │                           │
//!      ▼          all ready        ▼   no INVITE is under way         2xx, streams start
//!  Initializing ───────────────► Waiting ──────────────────────► Sent ──────────────► Starting ── all started ──► (done)
//!                                   ▲                             │ │
//!                                   └───── 491, Retry-After ──────┘ └── refused, cancelled, or nothing starts ──► (done)
//! ```
//!
//! After 491 and Retry-After nothing is offered for a while, whatever it is.
//!
//! Streams are not added in one offer with the end of others, which peers refuse (behaviour 1.5): what is left to tidy is offered first. A hold, or the end of
//! a stream, that is refused for now is done all the same for the application, and said [`Again`] later.
//!
//! While we wait, the peer's proposals go first (design decision 6). Each re-INVITE of ours makes an offer: to ask the peer for one is of use to who
//! joins calls of others.

use std::time::Duration;

use crate::config::Context;
use crate::dialog::Role;
use crate::id::StreamId;
use crate::invitation::{Description, Invitation};
use crate::limits::Limits;
use crate::negotiation;
use crate::outbox::Outbox;
use crate::random::Random;
use crate::sip::{Text, reason_phrase};
use crate::stream::{Line, Originator};
use crate::time::Instant;

use super::streams::{REMOVED, agree, call_line, check_chosen, end_lines, ids, initialize_lines};
use super::{Output, Session, SessionError, SessionEvent, SessionState, StreamAction};

/// How often a proposal is sent again when it crosses one of the peer's (design decision 6).
const ATTEMPTS: u8 = 5;

/// How long what was refused for now is not said again, times the number of attempts.
const PAUSE: Duration = Duration::from_secs(5);

/// A proposal of ours.
#[derive(Debug)]
pub(super) struct Ours {
    purpose: Purpose,
    /// The streams that are added, or that leave.
    pub(super) lines: Vec<Line>,
    /// Their names, also of those that have gone since.
    streams: Vec<StreamId>,
    phase: Phase,
    /// When the phase has taken too long.
    pub(super) deadline: Option<Instant>,
    /// Until when it may be sent again, once it was sent.
    limit: Option<Instant>,
    attempts: u8,
    /// Whether the application has heard of it.
    told: bool,
    /// Whether the application has cancelled it.
    cancelled: bool,
    /// Whether what is left to tidy was offered before the streams that are added.
    tidied: Tidied,
}

/// Whether what is left to tidy was offered before the streams that are added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tidied {
    NotYet,
    UnderWay,
    Done,
}

/// What the peer has refused for now, and is to be told later: what we hold, or that media lines have nobody.
#[derive(Debug, Default)]
pub(super) struct Again {
    purpose: Option<Purpose>,
    /// When it is time; `None` as soon as we are not busy.
    at: Option<Instant>,
    attempts: u8,
}

impl Again {
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.purpose.and(self.at)
    }

    pub(super) fn timeout(&mut self, now: Instant) {
        self.at.take_if(|at| *at <= now);
    }

    /// What is to be said now.
    pub(super) fn take(&mut self) -> Option<Purpose> {
        self.purpose.take_if(|_| self.at.is_none())
    }

    /// This was refused: for now, or for good.
    fn refused(&mut self, now: Instant, purpose: Purpose, code: u16, pause: Duration) {
        let for_now = matches!(code, 487 | 491 | 500 | 503 | 504);
        if for_now && self.attempts < ATTEMPTS {
            self.attempts += 1;
            self.at = Some(now + PAUSE * self.attempts.into() + pause);
            self.purpose = Some(purpose);
        }
    }
}

/// What a proposal of ours is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To add streams.
    Add,
    /// To remove streams.
    Remove,
    /// To say that we hold, or hold no more.
    Hold,
    /// To close the media lines of streams that are gone.
    Tidy,
    /// To say what has changed in a stream's line by itself.
    Describe,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Initializing,
    Waiting,
    Sent,
    Starting,
}

impl Ours {
    fn new(purpose: Purpose, lines: Vec<Line>) -> Self {
        let streams = ids(&lines);
        Self {
            purpose,
            lines,
            streams,
            phase: Phase::Waiting,
            deadline: None,
            limit: None,
            attempts: 0,
            told: false,
            cancelled: false,
            tidied: Tidied::NotYet,
        }
    }

    /// Whether it adds streams.
    pub(super) const fn adds(&self) -> bool {
        matches!(self.purpose, Purpose::Add)
    }

    /// Whether what is offered now is only the end of others.
    pub(super) fn is_tidying(&self) -> bool {
        self.tidied == Tidied::UnderWay
    }

    /// The names of its streams.
    pub(super) fn streams(&self) -> &[StreamId] {
        &self.streams
    }

    /// Whether its answer is there, and streams start.
    pub(super) fn is_starting(&self) -> bool {
        self.phase == Phase::Starting
    }

    /// Whether the peer can be heard before it.
    pub(super) fn can_wait(&self) -> bool {
        self.phase == Phase::Waiting
    }

    /// Whether its streams are not ready yet.
    pub(super) fn is_initializing(&self) -> bool {
        self.phase == Phase::Initializing
    }
}

impl Session {
    /// Proposes to add streams (`Session.add_stream`).
    ///
    /// # Errors
    /// In any state but `Connected`, without a stream, or with more than a description may have.
    pub fn add_streams(
        &mut self,
        cx: &mut Context<'_>,
        streams: Vec<Line>,
        out: &mut Outbox<Output>,
    ) -> Result<(), SessionError> {
        self.can_add(&cx.config.limits, streams.len())?;
        self.enter(SessionState::SendingProposal, out);
        let mut ours = Ours::new(Purpose::Add, streams);
        ours.phase = Phase::Initializing;
        ours.deadline = Some(cx.now + cx.config.limits.ask_time);
        initialize_lines(&self.info, cx, &mut ours.lines, Originator::Local, out);
        self.ours = Some(ours);
        self.follow_up(cx, out);
        Ok(())
    }

    /// Whether so many streams could be added now.
    ///
    /// # Errors
    /// As [`add_streams`](Self::add_streams).
    pub fn can_add(&self, limits: &Limits, streams: usize) -> Result<(), SessionError> {
        self.require(SessionState::Connected, "add_stream")?;
        if streams == 0 {
            return Err(SessionError::NoStreams);
        }
        let free = self.negotiator.as_ref().map_or(0, |negotiator| {
            negotiator.free_slots().take_while(|slot| *slot < limits.sdp_media).take(streams).count()
        });
        if free < streams { Err(SessionError::TooManyStreams) } else { Ok(()) }
    }

    /// Removes streams (`Session.remove_stream`): whatever the peer says to that, they go.
    ///
    /// # Errors
    /// In any state but `Connected`, without a stream, or with one that is not active in this session.
    pub fn remove_streams(
        &mut self,
        cx: &mut Context<'_>,
        streams: &[StreamId],
        out: &mut Outbox<Output>,
    ) -> Result<(), SessionError> {
        self.require(SessionState::Connected, "remove_stream")?;
        check_chosen(streams, |stream| self.has_stream(stream))?;
        let mut lines: Vec<Line> = self.streams.extract_if(.., |line| streams.contains(&line.id())).collect();
        for line in &mut lines {
            call_line(&self.info, cx, line, out, |line, cx, _| line.deactivate(cx));
        }
        self.begin_removal(lines, out);
        self.follow_up(cx, out);
        Ok(())
    }

    /// Proposes the end of streams that were taken out of the session.
    pub(super) fn begin_removal(&mut self, lines: Vec<Line>, out: &mut Outbox<Output>) {
        self.enter(SessionState::SendingProposal, out);
        self.ours = Some(Ours::new(Purpose::Remove, lines));
    }

    /// Withdraws our proposal to add streams (`Session.cancel_proposal`). If it is accepted meanwhile, the session ends.
    ///
    /// # Errors
    /// In any state but `SendingProposal`, and when that is not to add streams.
    pub fn cancel_proposal(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) -> Result<(), SessionError> {
        self.require(SessionState::SendingProposal, "cancel_proposal")?;
        let Some(ours) = self.ours.as_mut().filter(|ours| ours.adds()) else { return Err(SessionError::NoProposal) };
        if ours.phase != Phase::Sent || ours.is_tidying() {
            self.ours_rejected(cx, 487, reason_phrase(487).into(), out);
            self.follow_up(cx, out);
            return Ok(());
        }
        ours.cancelled = true;
        ours.deadline = None;
        self.enter(SessionState::CancellingProposal, out);
        self.cancel_reinvite(cx, out);
        self.follow_up(cx, out);
        Ok(())
    }

    fn cancel_reinvite(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        self.with_invitation(cx, out, |invitation, _, usage| {
            // It may have been answered, and the word of that be on its way.
            let _ = invitation.cancel_proposal(usage);
        });
    }

    /// Begins a proposal that the application did not ask for now: what we hold has changed, or media lines have nobody.
    pub(super) fn begin_ours(&mut self, purpose: Purpose, out: &mut Outbox<Output>) {
        self.enter(SessionState::SendingProposal, out);
        self.ours = Some(Ours::new(purpose, Vec::new()));
    }

    /// Takes our proposal as far as it can go now.
    pub(super) fn ours_go_on(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        let Some(ours) = &mut self.ours else { return };
        if ours.phase == Phase::Initializing && ours.lines.iter().all(Line::is_initialized) {
            ours.phase = Phase::Waiting;
            ours.deadline = None;
        }
        if ours.phase == Phase::Waiting && self.state == SessionState::SendingProposal && self.may_propose() {
            self.send_ours(cx, out);
        }
        match self.ours.as_ref().filter(|ours| ours.is_starting()) {
            Some(ours) if ours.lines.is_empty() => self.ours_failed(cx, REMOVED, out),
            Some(ours) if ours.lines.iter().all(Line::is_started) => self.ours_accepted(out),
            _ => {}
        }
    }

    /// Whether a re-INVITE with an offer may be sent now.
    pub(super) fn may_propose(&self) -> bool {
        self.theirs.is_none()
            && self.pause.is_none()
            && self.invitation.as_ref().is_some_and(Invitation::is_idle)
            && self.negotiator.as_ref().is_some_and(|known| known.state() == negotiation::State::Stable)
    }

    fn send_ours(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        let Some(ours) = &mut self.ours else { return };
        if ours.attempts == 0 {
            ours.limit = cx.config.invite_timeout.map(|time| cx.now + time);
        }
        if ours.limit.is_some_and(|limit| limit <= cx.now) && ours.attempts > 0 {
            self.ours_refused(cx, 491, reason_phrase(491).into(), out);
            return;
        }
        if ours.adds() && ours.tidied == Tidied::NotYet {
            // Peers refuse offers that close lines and add others.
            let tidies = self.orphans().next().is_some() || self.streams.iter().any(|line| line.stream().is_done());
            let Some(ours) = &mut self.ours else { return };
            ours.tidied = if tidies { Tidied::UnderWay } else { Tidied::Done };
        }
        let Some(ours) = &mut self.ours else { return };
        for line in ours.lines.iter_mut().filter(|_| ours.purpose == Purpose::Add) {
            line.clear_slot();
        }
        let offer = match self.describe_offer(cx) {
            Ok(offer) => offer,
            Err(error) => {
                self.ours_failed(cx, &format!("SDP negotiation failed: {error}"), out);
                return;
            }
        };
        let (mut sent, attached) = (Ok(()), self.attached());
        let offer = Some((&*offer, &*attached));
        self.with_invitation(cx, out, |invitation, cx, usage| sent = invitation.propose(cx, offer, usage));
        if let Err(error) = sent {
            self.roll_back();
            self.ours_failed(cx, &format!("SIP core error: {error}"), out);
            return;
        }
        let Some(ours) = &mut self.ours else { return };
        ours.phase = Phase::Sent;
        ours.deadline = ours.limit;
        ours.attempts += 1;
        if ours.adds() && !ours.is_tidying() && !std::mem::replace(&mut ours.told, true) {
            let event = SessionEvent::got_proposal(Originator::Local, &ours.lines);
            out.push(Output::Event(event));
        }
    }

    /// A provisional response to our re-INVITE.
    pub(super) fn ours_provisional(&self, code: u16, reason: Text, out: &mut Outbox<Output>) {
        if self.ours.as_ref().is_some_and(|ours| ours.phase == Phase::Sent) {
            if code == 180 {
                out.push(Output::Event(SessionEvent::GotRingIndication));
            }
            out.push(Output::Event(SessionEvent::GotProvisionalResponse { code, reason }));
        }
    }

    /// Our re-INVITE has its final answer.
    pub(super) fn ours_answered(
        &mut self,
        cx: &mut Context<'_>,
        (code, reason): (u16, Text),
        description: Option<Description>,
        retry_after: Option<Duration>,
        out: &mut Outbox<Output>,
    ) {
        let pauses = self.pause_after(cx, code, retry_after);
        if self.ours.as_ref().is_none_or(|ours| ours.phase != Phase::Sent) {
            self.refreshed(cx, code, description, out);
            return;
        }
        self.report(Originator::Local, "INVITE", code, reason.clone(), None, out);
        if let Some(ours) = self.ours.as_mut().filter(|ours| ours.is_tidying() && code != 491) {
            // The streams come next, whatever was said to that.
            ours.tidied = Tidied::Done;
            ours.phase = Phase::Waiting;
            self.refreshed(cx, code, description, out);
            return;
        }
        if (200..300).contains(&code) {
            self.ours_agreed(cx, (code, reason), description, out);
            return;
        }
        self.roll_back();
        if !(pauses && self.offers_again()) {
            self.ours_refused(cx, code, reason, out);
        }
    }

    /// Offers nothing for a while after some answers; false after others. Who owns the Call-ID waits longer than the other after 491 (RFC 3261 section 14.1).
    fn pause_after(&mut self, cx: &mut Context<'_>, code: u16, retry_after: Option<Duration>) -> bool {
        let owner = self.invitation.as_ref().is_some_and(|usage| usage.role() == Role::Caller);
        // What nobody waits for any longer holds nothing up for long.
        let sent = self.ours.as_ref().filter(|ours| ours.phase == Phase::Sent);
        let in_time =
            |pause: &Duration| sent.is_some_and(|ours| ours.limit.is_none_or(|limit| cx.now + *pause < limit));
        let pause = match code {
            491 => glare_pause(cx.random, owner),
            500 => match retry_after.filter(in_time) {
                Some(pause) => pause,
                None => return false,
            },
            _ => return false,
        };
        self.pause = Some(cx.now + pause);
        true
    }

    /// Whether our proposal is sent again when the pause after its refusal is over: then it waits.
    fn offers_again(&mut self) -> bool {
        let (Some(ours), Some(at)) = (&mut self.ours, self.pause) else { return false };
        if ours.cancelled || ours.attempts > ATTEMPTS || ours.limit.is_some_and(|limit| limit <= at) {
            return false;
        }
        ours.phase = Phase::Waiting;
        ours.deadline = None;
        true
    }

    /// A 2xx came.
    fn ours_agreed(
        &mut self,
        cx: &mut Context<'_>,
        (code, reason): (u16, Text),
        description: Option<Description>,
        out: &mut Outbox<Output>,
    ) {
        let answer = match description {
            Some(Description::Answer(answer)) => Some(answer),
            Some(Description::Offer(_) | Description::Preview(_)) | None => None,
        };
        if let Err(error) = self.take_answer(cx, answer, true) {
            self.roll_back();
            self.ours_failed(cx, &format!("SDP negotiation failed: {error}"), out);
            return;
        }
        let removed = self.apply_agreement(cx, true, out);
        let Some(ours) = &mut self.ours else { return };
        if ours.cancelled {
            // It was accepted all the same (behaviour 1.6): nobody knows any more what the other side believes.
            self.ours_rejected(cx, 487, reason_phrase(487).into(), out);
            self.end(cx, out);
            return;
        }
        if !ours.adds() {
            self.ours_done(cx, out);
            self.tell_removed(Originator::Remote, removed, out);
            return;
        }
        if let Some(settled) = &self.agreed {
            agree(&self.info, settled, cx, &mut ours.lines, &mut self.leaving, true, out);
        }
        if ours.lines.is_empty() {
            self.ours_rejected(cx, code, reason, out);
        } else {
            ours.phase = Phase::Starting;
            ours.deadline = Some(cx.now + cx.config.media_stream_timeout);
            self.tell_hold(out);
        }
        self.tell_removed(Originator::Remote, removed, out);
    }

    /// Every accepted stream of our proposal has started.
    fn ours_accepted(&mut self, out: &mut Outbox<Output>) {
        let Some(ours) = self.ours.take() else { return };
        let Ours { lines, streams: proposed_streams, .. } = ours;
        let streams = ids(&lines);
        self.enter(SessionState::Connected, out);
        let accepted = SessionEvent::GotAcceptProposal {
            originator: Originator::Local,
            streams: streams.clone(),
            proposed_streams,
        };
        out.push(Output::Event(accepted));
        self.streams.extend(lines);
        let (originator, action) = (Originator::Local, StreamAction::Add);
        out.push(Output::Event(SessionEvent::DidRenegotiateStreams { originator, action, streams }));
        self.tell_hold(out);
    }

    /// What was not to add streams is done.
    fn ours_done(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        let Some(ours) = self.drop_ours(cx, out) else { return };
        self.enter(SessionState::Connected, out);
        self.tell_hold(out);
        if ours.purpose == Purpose::Remove {
            self.tell_removed(Originator::Local, ours.streams, out);
        }
    }

    /// Our re-INVITE was refused for good.
    fn ours_refused(&mut self, cx: &mut Context<'_>, code: u16, reason: Text, out: &mut Outbox<Output>) {
        match self.ours.as_ref().map(|ours| ours.purpose) {
            Some(Purpose::Add) => self.ours_rejected(cx, code, reason, out),
            // Whatever the peer says to it, media has stopped (behaviour 1.7).
            Some(Purpose::Hold) => {
                self.give_up_saying_hold();
                self.refused_for_now(cx, Purpose::Hold, code);
                self.ours_done(cx, out);
            }
            // What it was to say holds without the peer knowing.
            Some(Purpose::Describe) => self.ours_done(cx, out),
            Some(Purpose::Remove | Purpose::Tidy) => {
                self.untidy = true;
                self.refused_for_now(cx, Purpose::Tidy, code);
                self.ours_done(cx, out);
            }
            None => {}
        }
    }

    fn refused_for_now(&mut self, cx: &mut Context<'_>, purpose: Purpose, code: u16) {
        let owner = self.invitation.as_ref().is_some_and(|usage| usage.role() == Role::Caller);
        self.again.refused(cx.now, purpose, code, glare_pause(cx.random, owner));
    }

    /// The streams that we proposed were rejected, or are not wanted any more.
    pub(super) fn ours_rejected(&mut self, cx: &mut Context<'_>, code: u16, reason: Text, out: &mut Outbox<Output>) {
        let Some(ours) = self.drop_ours(cx, out) else { return };
        self.enter(SessionState::Connected, out);
        let (originator, streams) = (Originator::Local, ours.streams);
        out.push(Output::Event(SessionEvent::GotRejectProposal { originator, code, reason, streams }));
        self.tell_hold(out);
    }

    /// Something of our own has failed our proposal.
    pub(super) fn ours_failed(&mut self, cx: &mut Context<'_>, words: &str, out: &mut Outbox<Output>) {
        let Some(ours) = &mut self.ours else { return };
        if !ours.adds() {
            self.give_up_saying_hold();
            self.ours_done(cx, out);
            return;
        }
        let streams = ours.streams.clone();
        if ours.phase == Phase::Sent {
            // The peer may still accept it: then the lines are closed again.
            ours.purpose = Purpose::Tidy;
            ours.deadline = None;
            let lines = std::mem::take(&mut ours.lines);
            self.leaving.extend(end_lines(&self.info, cx, lines, out));
            self.cancel_reinvite(cx, out);
        } else {
            self.drop_ours(cx, out);
            if self.state == SessionState::SendingProposal {
                self.enter(SessionState::Connected, out);
            }
        }
        let (originator, failure_reason) = (Originator::Local, Text::from(words));
        out.push(Output::Event(SessionEvent::HadProposalFailure { originator, failure_reason, streams }));
    }

    /// Forgets our proposal; its streams end.
    pub(super) fn drop_ours(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) -> Option<Ours> {
        let mut ours = self.ours.take()?;
        let lines = std::mem::take(&mut ours.lines);
        self.leaving.extend(end_lines(&self.info, cx, lines, out));
        Some(ours)
    }

    /// A deadline of our proposal has come.
    pub(super) fn ours_due(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        let Some(ours) = self.ours.as_mut().filter(|ours| ours.deadline.is_some_and(|at| at <= cx.now)) else { return };
        ours.deadline = None;
        match ours.phase {
            Phase::Initializing => self.ours_failed(cx, "media stream timed out while initializing", out),
            // If it is accepted all the same, what was accepted stays: nobody has asked for its end, and a CANCEL that comes too late
            // changes nothing (RFC 3261 section 9.1).
            Phase::Sent => self.cancel_reinvite(cx, out),
            Phase::Starting => self.ours_failed(cx, "media stream timed out while starting", out),
            Phase::Waiting => {}
        }
    }
}

/// How long a re-INVITE waits that has crossed one of the peer's, in steps of 10 ms: who owns the Call-ID waits longer (RFC 3261 section 14.1).
fn glare_pause(random: &mut Random, owner: bool) -> Duration {
    let (least, most) = if owner { (210, 400) } else { (0, 200) };
    Duration::from_millis(random.between(least, most) * 10)
}
