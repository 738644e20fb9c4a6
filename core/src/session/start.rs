//! From an agreement to an established session: the descriptions are negotiated, the streams start.

use std::net::IpAddr;

use bytes::Bytes;

use crate::config::Context;
use crate::id::StreamId;
use crate::invitation::{Description, State};
use crate::negotiation::{self, Agreed, LocalAnswer, LocalMedia, Negotiator, Origin};
use crate::outbox::Outbox;
use crate::payload::mime::Entity;
use crate::sdp;
use crate::stream::{self, Agreement, Line};

use super::streams::agree;
use super::{Direction, Output, Session, SessionEvent, SessionState};

/// Why descriptions do not lead to an agreement, in words for `failure_reason`.
pub(super) type Disagreement = String;

/// What was agreed on, and the two descriptions that say it.
#[derive(Clone, Debug)]
pub(super) struct Settled {
    agreed: Agreed,
    local: sdp::Session,
    remote: sdp::Session,
}

impl Settled {
    /// What the last exchange of a negotiator came to.
    pub(super) fn of(agreed: Agreed, negotiator: &Negotiator) -> Option<Self> {
        Some(Self { agreed, local: negotiator.local()?.clone(), remote: negotiator.remote()?.clone() })
    }

    /// What was agreed on for this media line.
    pub(super) fn slot(&self, slot: usize) -> Option<Agreement<'_>> {
        let media = self.agreed.slot(slot)?;
        Some(Agreement { slot, media, local: &self.local, remote: &self.remote })
    }
}

/// The largest id of a session that is drawn: it fits into the numbers of every peer's.
const SESSION_IDS: u64 = (1 << 62) - 1;

/// A negotiator for a new session. Its id is drawn: of two sessions that begin in the same second the seconds since 1900, which RFC 8866
/// section 5.2 suggests, would make one.
pub(super) fn negotiator(cx: &mut Context<'_>, address: IpAddr) -> Negotiator {
    let origin = Origin { username: "-".into(), session_id: cx.random.between(1, SESSION_IDS), address };
    Negotiator::new(origin, cx.config.user_agent.clone())
}

impl Session {
    /// A stream is initialised: when all are, the description goes out.
    pub(super) fn initialized(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        if !self.waits_for(super::Wait::Initialize) || !self.streams.iter().all(Line::is_initialized) {
            return;
        }
        match self.direction {
            Direction::Outgoing => self.send_offer(cx, out),
            Direction::Incoming => self.send_answer(cx, out),
        }
    }

    /// Our description for the 200: the answer to the peer's offer, or an offer when it made none.
    pub(super) fn describe(&mut self, cx: &mut Context<'_>) -> Result<Bytes, Disagreement> {
        let Some(negotiator) = &mut self.negotiator else { return Err("nothing was offered".to_owned()) };
        let Some(proposal) = negotiator.proposal() else { return self.describe_offer(cx) };
        let answers: Vec<LocalAnswer> = proposal
            .slots
            .iter()
            .enumerate()
            .map(|(slot, offered)| {
                let ours = self.ours.iter_mut().filter(|ours| ours.is_starting()).flat_map(|ours| &mut ours.lines);
                let theirs = self.theirs.iter_mut().flat_map(|theirs| &mut theirs.lines);
                let mut lines = self.streams.iter_mut().chain(ours).chain(theirs);
                let line = lines.find(|line| line.slot() == Some(slot) && !line.is_over());
                line.map_or(LocalAnswer::Reject(slot), |line| {
                    let mut cx = stream::Context::new(cx, &self.info, line.id());
                    line.answer(&mut cx, slot, offered)
                })
            })
            .collect();
        let (answer, agreed) = negotiator.local_answer(&answers).map_err(|error| error.to_string())?;
        self.agreed = Settled::of(agreed, negotiator);
        self.again = super::sent::Again::default();
        Ok(Bytes::copy_from_slice(answer.as_bytes()))
    }

    /// An offer of all streams, and of those that we propose; the lines that belong to no stream any more are closed.
    pub(super) fn describe_offer(&mut self, cx: &mut Context<'_>) -> Result<Bytes, Disagreement> {
        let mut media: Vec<LocalMedia> = self.orphans().map(LocalMedia::Removed).collect();
        let Some(negotiator) = &mut self.negotiator else { return Err("no local address".to_owned()) };
        let proposed = self.ours.as_mut().filter(|ours| ours.adds() && !ours.is_tidying()).map(|ours| &mut ours.lines);
        let accepted = self.theirs.as_mut().filter(|theirs| theirs.is_starting()).map(|theirs| &mut theirs.lines);
        let lines = self.streams.iter_mut().chain(proposed.into_iter().flatten());
        let lines = lines.chain(accepted.into_iter().flatten()).filter(|line| !line.is_over());
        let mut free = negotiator.free_slots();
        for line in lines {
            media.push(line.offer(&mut stream::Context::new(cx, &self.info, line.id())));
            if line.slot().is_none()
                && let Some(slot) = free.next()
            {
                line.set_slot(slot);
            }
        }
        drop(free);
        let offer = negotiator.local_offer(&media).map_err(|error| error.to_string())?;
        Ok(Bytes::copy_from_slice(offer.as_bytes()))
    }

    /// What our offer of these streams refers to, and is to go along with it.
    pub(super) fn attached(&self) -> Vec<Entity> {
        let proposed = self.ours.as_ref().filter(|ours| ours.adds() && !ours.is_tidying()).map(|ours| &ours.lines);
        let lines = self.streams.iter().chain(proposed.into_iter().flatten()).filter(|line| !line.is_over());
        lines.flat_map(|line| line.stream().attached()).collect()
    }

    /// Whether our offer waits for its answer.
    pub(super) fn offer_outstanding(&self) -> bool {
        self.negotiator.as_ref().is_some_and(|negotiator| negotiator.state() == negotiation::State::LocalOffer)
    }

    /// Takes the peer's answer to our offer.
    pub(super) fn take_answer(
        &mut self,
        cx: &Context<'_>,
        answer: Option<Bytes>,
        may_be_empty: bool,
    ) -> Result<(), Disagreement> {
        let answer = answer.ok_or_else(|| "the answer is missing".to_owned())?;
        let answer = sdp::Session::parse(&answer, &cx.config.limits).map_err(|error| error.to_string())?;
        let negotiator = self.negotiator.as_mut().ok_or_else(|| "nothing was offered".to_owned())?;
        let agreed = negotiator.remote_answer(&answer).map_err(|error| error.to_string())?;
        if agreed.is_empty() && !may_be_empty {
            return Err("all streams were refused".to_owned());
        }
        self.agreed = Settled::of(agreed, negotiator);
        self.again = super::sent::Again::default();
        Ok(())
    }

    /// A description in a provisional response starts the streams before the answer (early media).
    pub(super) fn early_media(&mut self, cx: &mut Context<'_>, preview: &[u8], out: &mut Outbox<Output>) {
        if self.started {
            return;
        }
        let (Some(negotiator), Ok(preview)) = (&self.negotiator, sdp::Session::parse(preview, &cx.config.limits))
        else {
            return;
        };
        let agreed = negotiator.remote_preview(&preview).ok().filter(|agreed| !agreed.is_empty());
        // A preview that cannot be used is no harm: the answer is still to come.
        let (Some(agreed), Some(offer)) = (agreed, negotiator.offer()) else { return };
        self.agreed = Some(Settled { agreed, local: offer.clone(), remote: preview });
        out.push(Output::Event(SessionEvent::WillStart));
        self.apply_agreement(cx, false, out);
    }

    /// The INVITE was accepted: the answer is taken, and the streams start, or go on with it if they had started early.
    pub(super) fn negotiated(
        &mut self,
        cx: &mut Context<'_>,
        description: Option<Description>,
        out: &mut Outbox<Output>,
    ) {
        let answer = match description {
            Some(Description::Answer(answer)) => Some(answer),
            Some(Description::Offer(_) | Description::Preview(_)) | None => None,
        };
        if let Err(error) = self.take_answer(cx, answer, false) {
            let reason = format!("SDP negotiation failed: {error}");
            self.fail(cx, &reason, out);
            return;
        }
        self.agreed_on(cx, out);
    }

    /// The answer is there, and the INVITE accepted.
    pub(super) fn agreed_on(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        self.wait(cx, super::Wait::Start, Some(cx.config.media_stream_timeout));
        if !self.started {
            out.push(Output::Event(SessionEvent::WillStart));
        }
        self.apply_agreement(cx, true, out);
        self.progress(cx, out);
    }

    /// The streams start, or go on, with what was agreed on now. Those that were refused end once that `is_final`: a preview takes no stream away, since another fork may accept it.
    pub(super) fn apply_agreement(
        &mut self,
        cx: &mut Context<'_>,
        is_final: bool,
        out: &mut Outbox<Output>,
    ) -> Vec<StreamId> {
        let Some(settled) = &self.agreed else { return Vec::new() };
        self.started = true;
        let ours = self.ours.as_mut().filter(|ours| ours.is_starting()).map(|ours| &mut ours.lines);
        let theirs = self.theirs.as_mut().filter(|theirs| theirs.is_starting()).map(|theirs| &mut theirs.lines);
        for lines in ours.into_iter().chain(theirs) {
            agree(&self.info, settled, cx, lines, &mut self.leaving, is_final, out);
        }
        agree(&self.info, settled, cx, &mut self.streams, &mut self.leaving, is_final, out)
    }

    /// Something of what a session needs to be established is there: when all is, it is.
    pub(super) fn progress(&mut self, cx: &Context<'_>, out: &mut Outbox<Output>) {
        let connected = self.invitation.as_ref().is_some_and(|usage| usage.state() == State::Connected);
        let open = matches!(self.state, SessionState::Outgoing | SessionState::Accepting);
        if !open || !connected || !self.started || !self.streams.iter().all(Line::is_started) {
            return;
        }
        if self.streams.is_empty() {
            return;
        }
        self.wait = None;
        self.start_time = Some(cx.utc);
        self.enter(SessionState::Connected, out);
        let streams = self.streams.iter().map(Line::id).collect();
        out.push(Output::Event(SessionEvent::DidStart { streams }));
        self.tell_hold(out);
    }
}
