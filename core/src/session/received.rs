//! Proposals of the peer: re-INVITEs (RFC 3261 section 14.2).
//!
//! ```text
//!                    ┌── accept_proposal ──► Initializing ── 200 ──► Starting ── all started ──► (done)
//!  adds streams ► Undecided
//!                    └── reject_proposal ──► Rejecting ── ACK, or 1 s ──► (done)
//!
//!  without an offer ► Requested (our 200 makes it) ── ACK with the answer ──► (done)
//!
//!  anything else, such as hold or the end of a stream: answered at once
//! ```

use bytes::Bytes;

use crate::config::Context;
use crate::id::StreamId;
use crate::invitation::{Description, Invitation};
use crate::negotiation::{self, Change};
use crate::outbox::Outbox;
use crate::sdp;
use crate::sip::{HeaderName, Part, Text, reason_phrase};
use crate::stream::{Line, Originator, Source};
use crate::time::Instant;

use super::start::Disagreement;
use super::streams::{REMOVED, agree, call_line, check_chosen, end_lines, ids, initialize_lines};
use super::{AckReceived, Output, Session, SessionError, SessionEvent, SessionState, StreamAction};

/// A proposal of the peer that is not settled yet.
#[derive(Debug)]
pub(super) struct Theirs {
    /// Its new streams; once it is accepted only those that were.
    pub(super) lines: Vec<Line>,
    /// The names of all of its new streams.
    streams: Vec<StreamId>,
    phase: Phase,
    /// When the phase has taken too long.
    pub(super) deadline: Option<Instant>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    Undecided,
    Initializing,
    Starting,
    Rejecting { code: u16, reason: Text },
    Requested,
}

/// A proposal that adds streams and came while we were busy.
#[derive(Debug)]
pub(super) struct Deferred {
    offer: Bytes,
    lines: Vec<Line>,
}

/// Why an offer is refused.
struct Refusal {
    code: u16,
    why: String,
}

impl Refusal {
    fn because(why: impl ToString) -> Self {
        Self { code: 488, why: why.to_string() }
    }
}

impl Theirs {
    const fn new(lines: Vec<Line>, streams: Vec<StreamId>, phase: Phase) -> Self {
        Self { lines, streams, phase, deadline: None }
    }

    /// The names of its new streams.
    pub(super) fn streams(&self) -> &[StreamId] {
        &self.streams
    }

    /// Whether it was answered, and its streams start.
    pub(super) fn is_starting(&self) -> bool {
        self.phase == Phase::Starting
    }
}

impl Session {
    /// A re-INVITE came.
    pub(super) fn proposed(
        &mut self,
        cx: &mut Context<'_>,
        offer: Option<Bytes>,
        parts: &[Part],
        source: &mut Source<'_>,
        out: &mut Outbox<Output>,
    ) {
        let live = matches!(self.state, SessionState::Outgoing | SessionState::Accepting);
        if !live && !self.state.is_established() {
            self.refuse_proposal(cx, 488, None, out);
            return;
        }
        let considered = match offer {
            Some(offer) => self.weigh(cx, &offer, parts, source).map(|lines| (offer, lines)),
            None => return self.requested(cx, out),
        };
        match considered {
            Err(Refusal { code, why }) => {
                self.roll_back();
                self.refuse_proposal(cx, code, Some(&why), out);
            }
            Ok((_, lines)) if lines.is_empty() => self.answer_at_once(cx, out),
            Ok((offer, lines)) => self.propose_to_application(cx, Deferred { offer, lines }, out),
        }
    }

    /// What an offer of the peer adds that we know; other lines are refused with port 0, and the offer as a whole if it does nothing else. The negotiator holds it then.
    fn weigh(
        &mut self,
        cx: &Context<'_>,
        offer: &[u8],
        parts: &[Part],
        source: &mut Source<'_>,
    ) -> Result<Vec<Line>, Refusal> {
        let offer = sdp::Session::parse(offer, &cx.config.limits).map_err(Refusal::because)?;
        let negotiator = self.negotiator.as_mut().ok_or_else(|| Refusal::because("nothing was negotiated"))?;
        let proposal = negotiator
            .remote_offer(&offer)
            .map_err(|error| Refusal { code: error.response(), why: error.to_string() })?;
        let (mut added, mut removed, mut changed) = (Vec::new(), false, false);
        for (slot, proposed) in proposal.slots.iter().enumerate() {
            match proposed.change {
                Change::Added => added.push(slot),
                Change::Removed => removed = true,
                Change::Replaced => {
                    removed = true;
                    added.push(slot);
                }
                change @ (Change::Changed | Change::Unchanged) => {
                    changed |= change == Change::Changed;
                    let starting = self.ours.iter().filter(|ours| ours.is_starting()).flat_map(|ours| &ours.lines);
                    let theirs = self.theirs.iter().filter(|theirs| theirs.is_starting());
                    let mut lines = self.streams.iter().chain(starting).chain(theirs.flat_map(|theirs| &theirs.lines));
                    let line = lines.find(|line| line.slot() == Some(slot));
                    if let Some(Err(why)) = line.map(|line| line.stream().validate_update(proposed)) {
                        return Err(Refusal::because(format!("Failed to update media stream index {slot}: {why}")));
                    }
                }
                Change::Unused => {}
            }
        }
        if removed && !added.is_empty() {
            let why = "Both removing AND adding a media stream is currently not supported";
            return Err(Refusal::because(why));
        }
        let mut lines = Vec::new();
        for slot in &added {
            let offered = proposal.slots.get(*slot);
            let stream = offered.and_then(|offered| source.registry.recognize(cx.config, &self.info, offered, parts));
            if let Some(stream) = stream {
                lines.push(Line::at(source.next_id(), *slot, stream));
            }
        }
        if lines.is_empty() && !added.is_empty() && !changed {
            return Err(Refusal::because("None of the added media streams is supported"));
        }
        Ok(lines)
    }

    /// New streams are proposed: the application decides, as soon as we are not busy.
    fn propose_to_application(&mut self, cx: &mut Context<'_>, proposal: Deferred, out: &mut Outbox<Output>) {
        if self.ours.as_ref().is_some_and(super::sent::Ours::is_initializing) {
            // Nothing has been said yet: ours yields.
            self.ours_failed(cx, "received stream proposal", out);
        }
        let waits = self.ours.as_ref().is_none_or(super::sent::Ours::can_wait);
        let idle = matches!(self.state, SessionState::Connected | SessionState::SendingProposal);
        if !waits || !idle {
            self.roll_back();
            self.deferred = Some(proposal);
            return;
        }
        let event = SessionEvent::got_proposal(Originator::Remote, &proposal.lines);
        let streams = ids(&proposal.lines);
        self.theirs = Some(Theirs::new(proposal.lines, streams, Phase::Undecided));
        self.enter(SessionState::ReceivedProposal, out);
        out.push(Output::Event(event));
    }

    /// We are no longer busy: a proposal that had to wait is looked at.
    pub(super) fn take_deferred(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        let Some(deferred) = self.deferred.take() else { return };
        let offered = sdp::Session::parse(&deferred.offer, &cx.config.limits).map_err(|error| error.to_string());
        let offered = offered.and_then(|offer| match &mut self.negotiator {
            Some(negotiator) => negotiator.remote_offer(&offer).map(drop).map_err(|error| error.to_string()),
            None => Err("nothing was negotiated".to_owned()),
        });
        match offered {
            Ok(()) => self.propose_to_application(cx, deferred, out),
            Err(why) => self.refuse_proposal(cx, 488, Some(&why), out),
        }
    }

    /// Nothing for the application to decide: hold, another address, a stream that ends.
    fn answer_at_once(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        match self.describe(cx) {
            Ok(answer) => {
                self.answer_proposal(cx, &answer, out);
                let removed = self.apply_agreement(cx, true, out);
                self.tell_hold(out);
                self.tell_removed(Originator::Remote, removed, out);
            }
            Err(error) => {
                self.roll_back();
                self.refuse_proposal(cx, 488, Some(&error), out);
            }
        }
    }

    /// A re-INVITE without an offer: our streams are offered afresh, and the ACK brings the answer.
    fn requested(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        let (info, lines) = self.agreed_lines_mut();
        for line in lines {
            call_line(info, cx, line, out, |line, cx, _| line.reset(cx));
        }
        match self.describe_offer(cx) {
            Ok(offer) => {
                self.answer_proposal(cx, &offer, out);
                if self.state == SessionState::Connected {
                    self.theirs = Some(Theirs::new(Vec::new(), Vec::new(), Phase::Requested));
                    self.enter(SessionState::ReceivedProposalRequest, out);
                }
            }
            Err(error) => self.refuse_proposal(cx, 488, Some(&error), out),
        }
    }

    /// The ACK brought the answer to the offer that a re-INVITE had asked for.
    pub(super) fn request_answered(&mut self, out: &mut Outbox<Output>) {
        if self.theirs.as_ref().is_some_and(|theirs| theirs.phase == Phase::Requested) {
            self.theirs = None;
            self.resume(out);
        }
    }

    pub(super) fn consider(&mut self, cx: &mut Context<'_>, offer: &[u8]) -> Result<Bytes, Disagreement> {
        let offer = sdp::Session::parse(offer, &cx.config.limits).map_err(|error| error.to_string())?;
        let negotiator = self.negotiator.as_mut().ok_or_else(|| "nothing was negotiated".to_owned())?;
        negotiator.remote_offer(&offer).map_err(|error| error.to_string())?;
        self.describe(cx).inspect_err(|_| self.roll_back())
    }

    /// Sends the 200 to a re-INVITE.
    fn answer_proposal(&mut self, cx: &mut Context<'_>, description: &[u8], out: &mut Outbox<Output>) {
        self.with_invitation(cx, out, |invitation, cx, usage| {
            // The re-INVITE waits, and the description is ours.
            let _ = invitation.accept(cx, Some(description), usage);
        });
        self.report(Originator::Remote, "INVITE", 200, "OK".into(), Some(AckReceived::Unknown), out);
    }

    /// Accepts these of the streams that the peer proposes; the others are refused (`Session.accept_proposal`).
    ///
    /// # Errors
    /// In any state but `ReceivedProposal`, when a stream is not one of those proposed, or none is named.
    pub fn accept_proposal(
        &mut self,
        cx: &mut Context<'_>,
        streams: &[StreamId],
        out: &mut Outbox<Output>,
    ) -> Result<(), SessionError> {
        self.require(SessionState::ReceivedProposal, "accept_proposal")?;
        let Some(theirs) = &mut self.theirs else { return Err(SessionError::NoProposal) };
        check_chosen(streams, |stream| theirs.streams.contains(&stream))?;
        let refused = theirs.lines.extract_if(.., |line| !streams.contains(&line.id())).collect();
        self.leaving.extend(end_lines(&self.info, cx, refused, out));
        theirs.phase = Phase::Initializing;
        theirs.deadline = Some(cx.now + cx.config.limits.ask_time);
        initialize_lines(&self.info, cx, &mut theirs.lines, Originator::Remote, out);
        self.enter(SessionState::AcceptingProposal, out);
        self.follow_up(cx, out);
        Ok(())
    }

    /// Rejects what the peer proposes (`Session.reject_proposal`); the usual code is 488.
    ///
    /// # Errors
    /// In any state but `ReceivedProposal`, or when the code does not reject or the reason cannot be written.
    pub fn reject_proposal(
        &mut self,
        cx: &mut Context<'_>,
        code: u16,
        reason: Option<&str>,
        out: &mut Outbox<Output>,
    ) -> Result<(), SessionError> {
        self.require(SessionState::ReceivedProposal, "reject_proposal")?;
        super::incoming::check_rejection(code, reason)?;
        let Some(theirs) = &mut self.theirs else { return Err(SessionError::NoProposal) };
        self.leaving.extend(end_lines(&self.info, cx, std::mem::take(&mut theirs.lines), out));
        theirs.phase = Phase::Rejecting { code, reason: reason.unwrap_or_else(|| reason_phrase(code)).into() };
        theirs.deadline = Some(cx.now + cx.config.end_timeout);
        self.enter(SessionState::RejectingProposal, out);
        self.roll_back();
        self.with_invitation(cx, out, |invitation, cx, usage| {
            // The re-INVITE waits, and the reason was checked.
            let _ = invitation.reject(cx, code, reason, &[], usage);
        });
        self.follow_up(cx, out);
        Ok(())
    }

    /// Takes the peer's proposal as far as it can go now.
    pub(super) fn theirs_go_on(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        let Some(theirs) = &self.theirs else { return };
        match theirs.phase {
            Phase::Initializing if theirs.lines.iter().all(Line::is_initialized) => self.accept_theirs(cx, out),
            Phase::Rejecting { .. } if self.invitation.as_ref().is_some_and(Invitation::is_idle) => {
                self.theirs_rejected(AckReceived::True, out);
            }
            Phase::Undecided | Phase::Initializing | Phase::Starting | Phase::Rejecting { .. } | Phase::Requested => {}
        }
        match self.theirs.as_ref().filter(|theirs| theirs.is_starting()) {
            Some(theirs) if theirs.lines.is_empty() => self.theirs_failed(cx, REMOVED, out),
            Some(theirs) if theirs.lines.iter().all(Line::is_started) => self.theirs_accepted(out),
            _ => {}
        }
    }

    /// Every accepted stream is initialised: the 200 goes out, and they start.
    fn accept_theirs(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        let answer = match self.describe(cx) {
            Ok(answer) => answer,
            Err(error) => {
                self.theirs_failed(cx, &format!("SDP negotiation failed: {error}"), out);
                return;
            }
        };
        self.answer_proposal(cx, &answer, out);
        let removed = self.apply_agreement(cx, true, out);
        self.tell_hold(out);
        let Some(theirs) = &mut self.theirs else { return };
        theirs.phase = Phase::Starting;
        theirs.deadline = Some(cx.now + cx.config.media_stream_timeout);
        if let Some(settled) = &self.agreed {
            agree(&self.info, settled, cx, &mut theirs.lines, &mut self.leaving, true, out);
        }
        if theirs.lines.is_empty() {
            self.theirs_failed(cx, "SDP negotiation failed: no stream is acceptable", out);
        }
        self.tell_removed(Originator::Remote, removed, out);
    }

    /// Every accepted stream has started.
    fn theirs_accepted(&mut self, out: &mut Outbox<Output>) {
        let Some(Theirs { lines, streams: proposed_streams, .. }) = self.theirs.take() else { return };
        let (originator, streams) = (Originator::Remote, ids(&lines));
        self.resume(out);
        let accepted = SessionEvent::GotAcceptProposal { originator, streams: streams.clone(), proposed_streams };
        out.push(Output::Event(accepted));
        self.streams.extend(lines);
        let action = StreamAction::Add;
        out.push(Output::Event(SessionEvent::DidRenegotiateStreams { originator, action, streams }));
        self.tell_hold(out);
    }

    fn theirs_rejected(&mut self, ack: AckReceived, out: &mut Outbox<Output>) {
        let Some(Theirs { streams, phase: Phase::Rejecting { code, reason }, .. }) = self.theirs.take() else { return };
        self.report(Originator::Remote, "INVITE", code, reason.clone(), Some(ack), out);
        self.resume(out);
        let originator = Originator::Remote;
        out.push(Output::Event(SessionEvent::GotRejectProposal { originator, code, reason, streams }));
    }

    /// Something of our own has failed the peer's proposal.
    pub(super) fn theirs_failed(&mut self, cx: &mut Context<'_>, words: &str, out: &mut Outbox<Output>) {
        let Some(theirs) = self.theirs.take() else { return };
        let unanswered = matches!(theirs.phase, Phase::Undecided | Phase::Initializing);
        self.leaving.extend(end_lines(&self.info, cx, theirs.lines, out));
        if unanswered {
            self.roll_back();
            self.refuse_proposal(cx, 500, None, out);
        }
        let (originator, failure_reason) = (Originator::Remote, Text::from(words));
        self.resume(out);
        let streams = theirs.streams;
        out.push(Output::Event(SessionEvent::HadProposalFailure { originator, failure_reason, streams }));
    }

    /// The peer cancelled its re-INVITE, which was answered with 487.
    pub(super) fn proposal_cancelled(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        let (code, reason) = (487, Text::from(reason_phrase(487)));
        self.report(Originator::Remote, "INVITE", code, reason.clone(), Some(AckReceived::Unknown), out);
        if self.deferred.take().is_some() {
            return;
        }
        let open = |theirs: &Theirs| matches!(theirs.phase, Phase::Undecided | Phase::Initializing);
        let Some(theirs) = self.theirs.take_if(|theirs| open(theirs)) else { return };
        self.roll_back();
        self.leaving.extend(end_lines(&self.info, cx, theirs.lines, out));
        self.resume(out);
        let (originator, streams) = (Originator::Remote, theirs.streams);
        out.push(Output::Event(SessionEvent::GotRejectProposal { originator, code, reason, streams }));
    }

    /// A deadline of the peer's proposal has come.
    pub(super) fn theirs_due(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        let due = |theirs: &&mut Theirs| theirs.deadline.is_some_and(|at| at <= cx.now);
        let Some(theirs) = self.theirs.as_mut().filter(due) else { return };
        theirs.deadline = None;
        match theirs.phase {
            Phase::Initializing => self.theirs_failed(cx, "media stream timed out while initializing", out),
            Phase::Starting => self.theirs_failed(cx, "media stream timed out while starting", out),
            Phase::Rejecting { .. } => self.theirs_rejected(AckReceived::False, out),
            Phase::Undecided | Phase::Requested => {}
        }
    }

    /// The peer's proposal is settled: ours goes on, if there is one.
    fn resume(&mut self, out: &mut Outbox<Output>) {
        let next = if self.ours.is_some() { SessionState::SendingProposal } else { SessionState::Connected };
        self.enter(next, out);
    }

    /// The session is to be refreshed, and the peer does not understand UPDATE: it is offered once more as it is (RFC 4028 section 7.4).
    pub(super) fn refresh(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        if self.negotiator.as_ref().is_none_or(|known| known.state() != negotiation::State::Stable) {
            return;
        }
        let Ok(offer) = self.describe_offer(cx) else { return };
        let mut sent = Ok(());
        self.with_invitation(cx, out, |invitation, cx, usage| sent = invitation.refresh(cx, &offer, usage));
        if sent.is_err() {
            self.roll_back();
        }
    }

    /// The offer that refreshed the session has its answer.
    pub(super) fn refreshed(
        &mut self,
        cx: &mut Context<'_>,
        code: u16,
        description: Option<Description>,
        out: &mut Outbox<Output>,
    ) {
        if !self.offer_outstanding() {
            return;
        }
        if let (200..=299, Some(Description::Answer(answer))) = (code, description)
            && self.take_answer(cx, Some(answer), true).is_ok()
        {
            let removed = self.apply_agreement(cx, true, out);
            self.tell_hold(out);
            self.tell_removed(Originator::Remote, removed, out);
        } else {
            self.roll_back();
        }
    }

    /// Whatever was offered last came to nothing.
    pub(super) fn roll_back(&mut self) {
        if let Some(negotiator) = &mut self.negotiator {
            negotiator.roll_back();
        }
    }

    fn refuse_proposal(&mut self, cx: &mut Context<'_>, code: u16, why: Option<&str>, out: &mut Outbox<Output>) {
        let headers: Vec<(HeaderName, Text)> = why.map(super::incoming::warning).into_iter().collect();
        self.with_invitation(cx, out, |invitation, cx, usage| {
            // The re-INVITE waits, and the headers were made to be written.
            let _ = invitation.reject(cx, code, None, &headers, usage);
        });
        let reason = Text::from(reason_phrase(code));
        self.report(Originator::Remote, "INVITE", code, reason, Some(AckReceived::Unknown), out);
    }
}
