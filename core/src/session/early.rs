//! What the early dialogs of an outgoing session have agreed on, each with its own peer, and offers that come outside of INVITE (RFC 3262 section 5, RFC 3311).

use bytes::Bytes;

use crate::config::Context;
use crate::dialog::DialogId;
use crate::negotiation::Negotiator;
use crate::outbox::Outbox;
use crate::sdp;

use super::late::Slots;
use super::start::{Disagreement, Settled};
use super::{Originator, Output, Session, SessionEvent, SessionState};

/// An early dialog in which an offer was answered already.
#[derive(Debug)]
pub(super) struct Early {
    dialog: DialogId,
    negotiator: Negotiator,
    agreed: Settled,
    slots: Slots,
}

impl Early {
    pub(super) const fn new(dialog: DialogId, negotiator: Negotiator, agreed: Settled, slots: Slots) -> Self {
        Self { dialog, negotiator, agreed, slots }
    }
}

impl Session {
    /// A reliable provisional response brought the answer of one fork: media starts, or goes to the fork that spoke last. An answer that cannot be used is judged when the INVITE is accepted with it.
    pub(super) fn early_answer(
        &mut self,
        cx: &mut Context<'_>,
        dialog: DialogId,
        answer: &[u8],
        out: &mut Outbox<Output>,
    ) {
        let Ok(answer) = sdp::Session::parse(answer, &cx.config.limits) else { return };
        let Some(mut negotiator) = self.negotiator.clone() else { return };
        let Ok(agreed) = negotiator.remote_answer(&answer) else { return };
        if agreed.is_empty() || self.early.len() >= cx.config.limits.forks {
            return;
        }
        let Some(agreed) = Settled::of(agreed, &negotiator) else { return };
        self.agreed = Some(agreed.clone());
        self.begin_early(cx, Early::new(dialog, negotiator, agreed, self.slots()), out);
    }

    /// Something was agreed on in an early dialog: media starts, or goes there.
    pub(super) fn begin_early(&mut self, cx: &mut Context<'_>, early: Early, out: &mut Outbox<Output>) {
        self.early.push(early);
        if !self.started {
            out.push(Output::Event(SessionEvent::WillStart));
        }
        self.apply_agreement(cx, false, out);
    }

    /// The INVITE was accepted in this dialog: whether it had brought its answer before, so that nothing is left to negotiate.
    pub(super) fn settle_early(&mut self, dialog: &DialogId) -> bool {
        let chosen = std::mem::take(&mut self.early).into_iter().find(|early| early.dialog == *dialog);
        match chosen {
            Some(early) => {
                self.set_slots(&early.slots);
                self.negotiator = Some(early.negotiator);
                self.agreed = Some(early.agreed);
                true
            }
            None => false,
        }
    }

    /// An offer came in an UPDATE or a PRACK: it is answered at once, with the streams there are.
    pub(super) fn offered(&mut self, cx: &mut Context<'_>, dialog: &DialogId, offer: &Bytes, out: &mut Outbox<Output>) {
        let live = self.state.is_established()
            || matches!(self.state, SessionState::Outgoing | SessionState::Incoming | SessionState::Accepting);
        let before = self.agreed.clone();
        let early = self.early.iter().position(|early| early.dialog == *dialog);
        let answer = if live { self.consider_in(cx, early, offer) } else { Err("the session has ended".to_owned()) };
        match answer {
            Ok(answer) => {
                if let (Some(early), Some(agreed)) = (early.and_then(|index| self.early.get_mut(index)), &self.agreed) {
                    early.agreed = agreed.clone();
                }
                self.with_invitation(cx, out, |invitation, cx, usage| {
                    // The offer waits, and the answer is ours.
                    let _ = invitation.accept_offer(cx, &answer, usage);
                });
                let removed = self.apply_agreement(cx, early.is_none(), out);
                self.tell_hold(out);
                self.tell_removed(Originator::Remote, removed, out);
            }
            Err(error) => {
                self.agreed = before;
                let headers = [super::incoming::warning(&error)];
                self.with_invitation(cx, out, |invitation, cx, usage| {
                    // The offer waits, and the headers were made to be written.
                    let _ = invitation.refuse_offer(cx, 488, &headers, usage);
                });
            }
        }
    }

    /// Considers an offer that came in an early dialog, or in the one that there is.
    fn consider_in(&mut self, cx: &mut Context<'_>, early: Option<usize>, offer: &[u8]) -> Result<Bytes, Disagreement> {
        if let Some(early) = early.and_then(|index| self.early.get(index)) {
            let slots = early.slots.clone();
            self.set_slots(&slots);
        } else if self.state == SessionState::Outgoing && self.awaits_offer() {
            return Err("nothing was agreed on in this dialog".to_owned());
        }
        self.exchange_early(early);
        let answer = self.consider(cx, offer);
        self.exchange_early(early);
        answer
    }

    /// Changes places between the negotiator of the session and that of one early dialog.
    fn exchange_early(&mut self, early: Option<usize>) {
        if let Some(early) = early.and_then(|index| self.early.get_mut(index))
            && let Some(own) = &mut self.negotiator
        {
            std::mem::swap(own, &mut early.negotiator);
        }
    }
}
