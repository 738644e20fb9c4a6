//! Requests that do not belong to the INVITE usage but share its dialog (RFC 5057 section 3): REFER and its NOTIFYs, INFO, MESSAGE. What they mean is not for the INVITE usage to know; it lends them the dialog.

use crate::cause::{By, Cause};
use crate::config::Context;
use crate::outbox::Outbox;
use crate::sip::{Builder, Contact, HeaderName, Method, NameAddr, Request, Response};
use crate::uac::Ticket;

use super::authentication::Sent;
use super::incoming::supported_value;
use super::output::Output;
use super::state::State;
use super::{ALLOWED, Invitation, InvitationError};

impl Invitation {
    /// Sends a request of another usage inside the confirmed dialog; `fill` adds what it says. Its name, and its CSeq number.
    ///
    /// # Errors
    /// When there is no confirmed dialog, the usage is ending, or the request cannot be written.
    pub fn send_within(
        &mut self,
        cx: &Context<'_>,
        method: Method,
        fill: impl FnOnce(Builder<Request>) -> Builder<Request>,
        out: &mut Outbox<Output>,
    ) -> Result<(Ticket, u32), InvitationError> {
        let refused = InvitationError::IllegalState { what: "send a request inside the dialog", state: self.state };
        let live = matches!(self.state, State::Connecting | State::Connected);
        let Some(leg) = self.legs.first_mut().filter(|_| live) else { return Err(refused) };
        // A MESSAGE has no Contact (RFC 3428 section 4), and an INFO changes no target (RFC 6086 section 4.2.1).
        let targets = !matches!(method, Method::Info | Method::Message);
        let mut builder = leg.dialog.request(method);
        if targets {
            builder = builder.header(&Contact::Address(NameAddr::new(self.contact.clone())));
        }
        let builder = builder
            .field(HeaderName::Allow, ALLOWED)
            .field(HeaderName::Supported, supported_value(cx.config))
            .field(HeaderName::UserAgent, &cx.config.user_agent);
        let request = fill(builder).finish()?;
        let (number, hop) = (leg.dialog.local_cseq(), Self::next_hop(&leg.dialog));
        let dialog = leg.dialog.id().clone();
        let request = self.authorize(request);
        let ticket = self.ticket();
        self.others.push(Sent::new(ticket, dialog, request.clone()));
        out.push(Output::Request { ticket, request, hop });
        Ok((ticket, number))
    }

    /// Whether the peer listens to this INFO package (RFC 6086 section 5.2).
    #[must_use]
    pub fn takes_info(&self, package: &str) -> bool {
        let known = self.legs.first().map(|leg| leg.info_packages.as_slice()).unwrap_or_default();
        known.iter().any(|known| known.eq_ignore_ascii_case(package))
    }

    /// Our Contact, for the answers of other usages.
    #[must_use]
    pub fn contact(&self) -> Contact {
        Contact::Address(NameAddr::new(self.contact.clone()))
    }

    /// A request of another usage has its final answer: some mean that nothing in the dialog goes on (RFC 5057 section 5.1).
    pub(super) fn other_answered(&mut self, cx: &Context<'_>, response: &Response, out: &mut Outbox<Output>) {
        let code = response.code();
        if matches!(code, 404 | 410 | 416 | 482..=485 | 502 | 604) {
            self.end_for(cx, Cause::status(By::Remote, code, response.reason()), out);
        }
    }
}
