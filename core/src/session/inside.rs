//! Requests of the application inside the dialog of a call: INFO (RFC 6086; without a package as RFC 2976 had it) and MESSAGE (RFC 3428 section 4).
//! Their answers are told as transactions of the dialog; they leave the call as it is.

use crate::config::Context;
use crate::outbox::Outbox;
use crate::sip::{Builder, HeaderName, Method, Request, Response, Text, reason_phrase};
use crate::transaction::End;
use crate::uac::Ticket;
use crate::usage::{Content, check};

use super::{Originator, Output, Session, SessionError};

/// The requests that have no answer yet: at most one of each method.
#[derive(Debug, Default)]
pub(super) struct Inside(Vec<(Ticket, Method)>);

impl Session {
    /// Sends an INFO: of a package that the remote party listens to, or of none.
    ///
    /// # Errors
    /// While the last one has no answer, without a confirmed dialog, when the remote party has not asked for the package, or when it cannot be written.
    pub fn send_info(
        &mut self,
        cx: &mut Context<'_>,
        package: Option<&str>,
        content: Option<&Content>,
        out: &mut Outbox<Output>,
    ) -> Result<(), SessionError> {
        let takes = |package: &&str| self.invitation.as_ref().is_some_and(|invitation| invitation.takes_info(package));
        if let Some(unknown) = package.filter(|package| !takes(package)) {
            return Err(SessionError::UnknownPackage(unknown.into()));
        }
        let fill = |builder: Builder<Request>| {
            let Some(package) = package else { return builder };
            let builder = builder.other("Info-Package", package);
            if content.is_some() { builder.field(HeaderName::ContentDisposition, "Info-Package") } else { builder }
        };
        self.send_inside(cx, Method::Info, fill, content, out)
    }

    /// Sends a MESSAGE (`Session.send_message` of the reference).
    ///
    /// # Errors
    /// While the last one has no answer, without a confirmed dialog, or when it cannot be written.
    pub fn send_message(
        &mut self,
        cx: &mut Context<'_>,
        content: &Content,
        out: &mut Outbox<Output>,
    ) -> Result<(), SessionError> {
        self.send_inside(cx, Method::Message, |builder| builder, Some(content), out)
    }

    fn send_inside(
        &mut self,
        cx: &mut Context<'_>,
        method: Method,
        fill: impl FnOnce(Builder<Request>) -> Builder<Request>,
        content: Option<&Content>,
        out: &mut Outbox<Output>,
    ) -> Result<(), SessionError> {
        let called = Text::from_static(if method == Method::Info { "send_info" } else { "send_message" });
        let illegal = SessionError::IllegalState { method: called, state: self.state };
        if !self.state.is_established() {
            return Err(illegal);
        }
        if self.inside.0.iter().any(|(_, pending)| *pending == method) {
            return Err(SessionError::RequestPending(method.to_string().into()));
        }
        check(content).map_err(|error| SessionError::Unwritable(error.to_string().into()))?;
        let mut sent = None;
        self.with_invitation(cx, out, |invitation, cx, usage| {
            let fill = |builder| {
                let builder = fill(builder);
                content.into_iter().fold(builder, |builder, content| builder.body(&content.content_type, &content.body))
            };
            sent = invitation.send_within(cx, method.clone(), fill, usage).ok();
        });
        let Some((ticket, _)) = sent else { return Err(illegal) };
        self.inside.0.push((ticket, method));
        Ok(())
    }

    /// It was challenged and sent again.
    pub(super) fn inside_sent_again(&mut self, ticket: Ticket, again: Ticket) {
        if let Some((sent, _)) = self.inside.0.iter_mut().find(|(sent, _)| *sent == ticket) {
            *sent = again;
        }
    }

    /// It has an answer.
    pub(super) fn inside_answered(&mut self, ticket: Ticket, response: &Response, out: &mut Outbox<Output>) {
        if response.code() >= 200 {
            self.inside_over(ticket, response.code(), || response.reason(), out);
        }
    }

    /// Its transaction is over.
    pub(super) fn inside_unanswered(&mut self, ticket: Ticket, end: &End, out: &mut Outbox<Output>) {
        let code = if matches!(end, End::TransportFailed(_)) { 503 } else { 408 };
        self.inside_over(ticket, code, || reason_phrase(code).into(), out);
    }

    /// The session is over: nobody waits for answers any more.
    pub(super) fn end_inside(&mut self, out: &mut Outbox<Output>) {
        for (_, method) in std::mem::take(&mut self.inside.0) {
            self.report(Originator::Local, method.as_str(), 487, reason_phrase(487).into(), None, out);
        }
    }

    fn inside_over(&mut self, ticket: Ticket, code: u16, reason: impl FnOnce() -> Text, out: &mut Outbox<Output>) {
        let Some(index) = self.inside.0.iter().position(|(sent, _)| *sent == ticket) else { return };
        let (_, method) = self.inside.0.remove(index);
        self.report(Originator::Local, method.as_str(), code, reason(), None, out);
    }
}
