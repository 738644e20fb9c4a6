//! An INVITE without an offer of ours (RFC 3261 section 13.2.1): the peer makes one, in a reliable provisional response or in the 2xx, and the PRACK or
//! the ACK answers it (RFC 6337 section 2.2).
//!
//! ```text
//!  reliable 18x,                                      PRACK                2xx in this dialog
//!  2xx with an offer ──► Pending ─── streams ready ──┬──────► early dialog ──────────────────► (agreed)
//!                           │                        │ ACK                                        ▲
//!                           │                        └────────────────────────────────────────────┘
//!                           └── no stream fits ──► refused: PRACK, and CANCEL unless another early dialog is left; or ACK and BYE
//! ```
//!
//! Nobody can be asked in between: until the answer is there the peer repeats what it said. So the streams that the application has named when it called
//! decide. Each gets the first line that is of its kind and that it can use; other lines are refused by port 0, and streams without a line end.

use bytes::Bytes;

use crate::config::Context;
use crate::dialog::DialogId;
use crate::id::StreamId;
use crate::invitation::{Description, Invitation};
use crate::negotiation::Negotiator;
use crate::outbox::Outbox;
use crate::sdp;
use crate::stream::{Line, Registry};
use crate::time::{Instant, earliest};

use super::early::Early;
use super::start::Disagreement;
use super::streams::call_line;
use super::{Originator, Output, Session, SessionState};

/// The media lines of streams.
pub(super) type Slots = Vec<(StreamId, usize)>;

/// What came of an INVITE without an offer, until it is settled.
#[derive(Debug, Default)]
pub(super) struct Late {
    /// An offer has come just now.
    arrived: Option<Arrived>,
    pending: Vec<Pending>,
    /// The early dialogs whose offer was refused.
    refused: Vec<DialogId>,
}

/// An offer that has come.
#[derive(Debug)]
struct Arrived {
    dialog: DialogId,
    offer: Bytes,
    carrier: Carrier,
}

/// Which message brought an offer, and so which one answers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Carrier {
    /// A reliable provisional response: PRACK.
    Provisional,
    /// The 2xx: ACK.
    Final,
}

/// An offer whose streams get ready.
#[derive(Debug)]
struct Pending {
    arrived: Arrived,
    negotiator: Negotiator,
    slots: Slots,
    /// Whether the INVITE was accepted in this dialog meanwhile.
    accepted: bool,
    deadline: Instant,
}

impl Late {
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.pending.iter().map(|pending| Some(pending.deadline)).fold(None, earliest)
    }

    fn arrive(&mut self, dialog: &DialogId, offer: Bytes, carrier: Carrier) {
        self.arrived = Some(Arrived { dialog: dialog.clone(), offer, carrier });
    }
}

impl Session {
    /// Whether its INVITE had no offer.
    pub(super) fn awaits_offer(&self) -> bool {
        self.connect.as_ref().is_some_and(|connect| connect.late_offer)
    }

    /// A reliable provisional response brought an offer.
    pub(super) fn offered_early(&mut self, dialog: &DialogId, offer: Bytes) {
        self.late.arrive(dialog, offer, Carrier::Provisional);
    }

    /// The INVITE without an offer was accepted.
    pub(super) fn accepted_late(
        &mut self,
        cx: &mut Context<'_>,
        dialog: &DialogId,
        description: Option<Description>,
        out: &mut Outbox<Output>,
    ) {
        self.late.pending.retain(|pending| pending.arrived.dialog == *dialog);
        if let Some(Description::Offer(offer)) = description {
            self.early.clear();
            self.late.arrive(dialog, offer, Carrier::Final);
        } else if let Some(pending) = self.late.pending.first_mut() {
            pending.accepted = true;
        } else if self.settle_early(dialog) {
            self.agreed_on(cx, out);
        } else {
            let why = if self.late.refused.contains(dialog) { NOTHING_FITS } else { "the offer is missing" };
            self.fail_with(cx, 488, &words(why), out);
        }
    }

    /// Looks at an offer that has come just now: the streams that it has lines for get ready.
    pub(super) fn take_late_offer(&mut self, cx: &mut Context<'_>, registry: &Registry, out: &mut Outbox<Output>) {
        let Some(arrived) = self.late.arrived.take() else { return };
        if self.state != SessionState::Outgoing {
            return;
        }
        match self.match_lines(cx, &arrived.offer, registry, out) {
            Ok((negotiator, slots)) => {
                for line in self.streams.iter_mut().filter(|line| slots.iter().any(|(id, _)| *id == line.id())) {
                    call_line(&self.info, cx, line, out, |line, cx, out| line.initialize(cx, Originator::Remote, out));
                }
                let deadline = cx.now + cx.config.limits.ask_time;
                let accepted = arrived.carrier == Carrier::Final;
                self.late.pending.push(Pending { arrived, negotiator, slots, accepted, deadline });
            }
            Err(why) => self.refuse_late(cx, &arrived, false, &why, out),
        }
    }

    /// Finds for the lines of an offer the streams that the application has named.
    fn match_lines(
        &mut self,
        cx: &mut Context<'_>,
        offer: &[u8],
        registry: &Registry,
        out: &mut Outbox<Output>,
    ) -> Result<(Negotiator, Slots), Disagreement> {
        let offer = sdp::Session::parse(offer, &cx.config.limits).map_err(|error| error.to_string())?;
        let mut negotiator = self.negotiator.clone().ok_or_else(|| "no local address".to_owned())?;
        let proposal = negotiator.remote_offer(&offer).map_err(|error| error.to_string())?;
        let mut slots = Slots::new();
        for (slot, offered) in proposal.slots.iter().enumerate() {
            let Some(stream) = registry.recognize(cx.config, &self.info, offered, &[]) else { continue };
            let free = |line: &&mut Line| {
                let is_kind = line.stream().kind() == stream.kind() && !line.is_over();
                is_kind && !slots.iter().any(|(taken, _)| *taken == line.id())
            };
            let Some(line) = self.streams.iter_mut().find(free) else { continue };
            let taken = call_line(&self.info, cx, line, out, |line, cx, out| line.offered(cx, offered, stream, out));
            if taken {
                slots.push((line.id(), slot));
            }
        }
        if slots.is_empty() { Err(NOTHING_FITS.to_owned()) } else { Ok((negotiator, slots)) }
    }

    /// Answers the offers whose streams are ready.
    pub(super) fn answer_late(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        while let Some(index) = self.late.pending.iter().position(|pending| self.is_ready(pending)) {
            let pending = self.late.pending.remove(index);
            self.answer_one(cx, pending, out);
        }
    }

    fn is_ready(&self, pending: &Pending) -> bool {
        let is_ready = |id| self.streams.iter().any(|line| line.id() == id && line.is_initialized());
        pending.slots.iter().all(|(id, _)| is_ready(*id))
    }

    fn answer_one(&mut self, cx: &mut Context<'_>, pending: Pending, out: &mut Outbox<Output>) {
        let Pending { arrived, negotiator, slots, accepted, .. } = pending;
        self.set_slots(&slots);
        let before = self.negotiator.replace(negotiator);
        let answer = match self.describe(cx) {
            Ok(answer) => answer,
            Err(why) => {
                self.negotiator = before;
                self.refuse_late(cx, &arrived, accepted, &why, out);
                return;
            }
        };
        self.with_invitation(cx, out, |invitation, cx, usage| {
            // What brought the offer waits for it unless the INVITE has gone elsewhere since, and the answer is ours.
            let _ = match arrived.carrier {
                Carrier::Provisional => invitation.acknowledge_provisional(cx, &arrived.dialog, &answer, usage),
                Carrier::Final => invitation.acknowledge(cx, &answer, usage),
            };
        });
        if accepted {
            self.agreed_on(cx, out);
            return;
        }
        let settled = std::mem::replace(&mut self.negotiator, before);
        if let (Some(negotiator), Some(agreed)) = (settled, self.agreed.clone()) {
            self.begin_early(cx, Early::new(arrived.dialog, negotiator, agreed, slots), out);
        }
    }

    /// Refuses an offer with which nothing can be done. It cannot be refused as such: it is answered with port 0 for every line, and then the call is
    /// cancelled, or ended.
    fn refuse_late(
        &mut self,
        cx: &mut Context<'_>,
        arrived: &Arrived,
        accepted: bool,
        why: &str,
        out: &mut Outbox<Output>,
    ) {
        let is_final = arrived.carrier == Carrier::Final;
        if !is_final {
            self.with_invitation(cx, out, |invitation, cx, usage| {
                // It waits for its PRACK unless the INVITE has gone elsewhere since.
                let _ = invitation.refuse_provisional(cx, &arrived.dialog, &arrived.offer, usage);
            });
            self.late.refused.push(arrived.dialog.clone());
        }
        let refused = |invitation: &Invitation| invitation.dialogs().all(|dialog| self.late.refused.contains(dialog));
        if is_final || accepted || self.invitation.as_ref().is_none_or(refused) {
            self.fail_with(cx, 488, &words(why), out);
        }
    }

    /// Streams that an offer has lines for did not get ready in time.
    pub(super) fn late_due(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        if self.late.deadline().is_some_and(|at| at <= cx.now) {
            self.fail(cx, "media stream timed out while initializing", out);
        }
    }

    /// The streams take the media lines that they have in one dialog.
    pub(super) fn set_slots(&mut self, slots: &Slots) {
        for line in &mut self.streams {
            match slots.iter().find(|(id, _)| *id == line.id()) {
                Some((_, slot)) => line.set_slot(*slot),
                None => line.clear_slot(),
            }
        }
    }

    /// The media lines of the streams.
    pub(super) fn slots(&self) -> Slots {
        self.streams.iter().filter_map(|line| Some((line.id(), line.slot()?))).collect()
    }
}

/// Why an offer without any stream that is wanted is refused.
const NOTHING_FITS: &str = "no stream is acceptable";

fn words(why: &str) -> String {
    format!("SDP negotiation failed: {why}")
}
