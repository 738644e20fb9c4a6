//! Re-INVITEs of the peer: the streams there are go on otherwise; new ones are refused until the application can be asked (step 3 of the project).

use bytes::Bytes;

use crate::config::Context;
use crate::invitation::Description;
use crate::outbox::Outbox;
use crate::sdp;
use crate::sip::Text;

use super::start::Disagreement;
use super::{AckReceived, Originator, Output, Session, SessionState};

impl Session {
    /// A re-INVITE came. With an offer it is answered at once; without one our streams are offered again, and the ACK brings the answer.
    pub(super) fn proposed(&mut self, cx: &mut Context<'_>, offer: Option<Bytes>, out: &mut Outbox<Output>) {
        if !matches!(self.state, SessionState::Outgoing | SessionState::Accepting | SessionState::Connected) {
            self.refuse_proposal(cx, 488, None, out);
            return;
        }
        let description = match offer {
            Some(offer) => self.consider(cx, &offer),
            None => self.describe_offer(cx),
        };
        match description {
            Ok(description) => {
                self.with_invitation(cx, out, |invitation, cx, usage| {
                    // The re-INVITE waits, and the description is ours.
                    let _ = invitation.accept(cx, Some(&description), usage);
                });
                let ack = Some(AckReceived::Unknown);
                self.report(Originator::Remote, "INVITE", 200, "OK".into(), ack, out);
                if !self.offer_outstanding() {
                    self.apply_agreement(cx, true, out);
                }
            }
            Err(error) => {
                if let Some(negotiator) = &mut self.negotiator {
                    negotiator.roll_back();
                }
                self.refuse_proposal(cx, 488, Some(&error), out);
            }
        }
    }

    pub(super) fn consider(&mut self, cx: &mut Context<'_>, offer: &[u8]) -> Result<Bytes, Disagreement> {
        let offer = sdp::Session::parse(offer, &cx.config.limits).map_err(|error| error.to_string())?;
        let negotiator = self.negotiator.as_mut().ok_or_else(|| "nothing was negotiated".to_owned())?;
        negotiator.remote_offer(&offer).map_err(|error| error.to_string())?;
        self.describe(cx)
    }

    /// The session is to be refreshed, and the peer does not understand UPDATE: it is offered once more as it is (RFC 4028 section 7.4).
    pub(super) fn refresh(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        if self.offer_outstanding() {
            return;
        }
        let Ok(offer) = self.describe_offer(cx) else { return };
        let mut sent = Ok(());
        self.with_invitation(cx, out, |invitation, cx, usage| sent = invitation.refresh(cx, &offer, usage));
        if let (Err(_), Some(negotiator)) = (sent, &mut self.negotiator) {
            negotiator.roll_back();
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
            && self.take_answer(cx, Some(answer)).is_ok()
        {
            self.apply_agreement(cx, true, out);
        } else if let Some(negotiator) = &mut self.negotiator {
            negotiator.roll_back();
        }
    }

    fn refuse_proposal(&mut self, cx: &mut Context<'_>, code: u16, why: Option<&str>, out: &mut Outbox<Output>) {
        let headers: Vec<_> = why.map(super::incoming::warning).into_iter().collect();
        self.with_invitation(cx, out, |invitation, cx, usage| {
            // The re-INVITE waits, and the headers were made to be written.
            let _ = invitation.reject(cx, code, None, &headers, usage);
        });
        let reason = Text::from(crate::sip::reason_phrase(code));
        self.report(Originator::Remote, "INVITE", code, reason, Some(AckReceived::Unknown), out);
    }
}
