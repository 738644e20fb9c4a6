//! Transfers: the call is handed over to somebody else, by this side or by the other (behaviour of `Session.transfer` in the reference; RFC 3515).

use crate::config::Context;
use crate::dialog::DialogId;
use crate::invitation::{self, Incoming};
use crate::outbox::Outbox;
use crate::sip::{Event, HeaderName, Method, NameAddr, ReferTo, ReferredBy, Replaces, Response, Text, reason_phrase};
use crate::time::{Instant, earliest};
use crate::transaction::End;
use crate::transfer::{
    BadRefer, CONTENT_TYPE, News, Notification, ReferTarget, Referee, Referral, refer_to, status_line,
};
use crate::uac::Ticket;

use super::{Output, Session, SessionError, SessionEvent, SessionState};

/// The transfers of a session: at most one at a time, either way.
#[derive(Debug, Default)]
pub(super) struct Transfers {
    sent: Option<(Ticket, Referral)>,
    came: Option<Box<Came>>,
    /// Whether a REFER came before, so that the next subscription needs a name.
    before: bool,
}

/// A REFER that came.
#[derive(Debug)]
struct Came {
    incoming: Incoming,
    /// The answer when the session ends before anybody has decided (RFC 3261 section 15.1.2).
    terminated: Option<Response>,
    referee: Referee,
    /// The NOTIFY that has no answer yet.
    notify: Option<Ticket>,
    /// Whether the session ends when all is told: the new call has taken its place.
    done: bool,
    /// Whether the application knows what has become of it.
    ended: bool,
}

impl Transfers {
    fn are_under_way(&self) -> bool {
        let sent = self.sent.as_ref().is_some_and(|(_, referral)| !referral.is_over());
        // Whoever cannot be told any more what becomes of the call still has one under way.
        let goes_on = |came: &Came| !came.ended || !came.referee.is_over() || came.notify.is_some();
        sent || self.came.as_deref().is_some_and(goes_on)
    }

    /// What came and waits for a decision, while the session goes on.
    fn undecided(&mut self, state: SessionState) -> Result<&mut Came, SessionError> {
        let came = self.came.as_deref_mut().filter(|came| state.is_established() && came.referee.is_undecided());
        came.ok_or(SessionError::NoTransfer)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let sent = self.sent.as_ref().and_then(|(_, referral)| referral.deadline());
        earliest(sent, self.came.as_ref().and_then(|came| came.referee.deadline()))
    }
}

impl Session {
    /// Asks the remote party to call somebody else instead, in place of the dialog that `replaces` names if there is one (`Session.transfer`). When that has succeeded this session ends.
    ///
    /// # Errors
    /// In any state but `Connected`, while another transfer is under way, or when the request cannot be written.
    pub fn transfer(
        &mut self,
        cx: &mut Context<'_>,
        to: &NameAddr,
        replaces: Option<&Replaces>,
        out: &mut Outbox<Output>,
    ) -> Result<(), SessionError> {
        self.require(SessionState::Connected, "transfer")?;
        if self.transfers.are_under_way() {
            return Err(SessionError::TransferPending);
        }
        let by =
            self.invitation.as_ref().and_then(|invitation| invitation.dialog()).map(|dialog| dialog.local().clone());
        let by = by.map(|by| NameAddr { params: crate::sip::Params::default(), ..by });
        let (target, refer_to) = (Text::from(to.uri.to_string()), ReferTo(refer_to(to, replaces)));
        let mut sent = None;
        self.with_invitation(cx, out, |invitation, cx, usage| {
            let fill = |builder: crate::sip::Builder<crate::sip::Request>| {
                let builder = builder.header(&refer_to);
                by.into_iter().fold(builder, |builder, by| builder.header(&ReferredBy(by)))
            };
            sent = invitation.send_within(cx, Method::Refer, fill, usage).ok();
        });
        let Some((ticket, number)) = sent else {
            return Err(SessionError::IllegalState { method: Text::from_static("transfer"), state: self.state });
        };
        self.transfers.sent = Some((ticket, Referral::sent(cx.now, number)));
        out.push(Output::Event(SessionEvent::TransferNewOutgoing { target }));
        Ok(())
    }

    /// Whom the remote party asks us to call, while nobody has decided and the session goes on.
    #[must_use]
    pub fn transfer_target(&self) -> Option<&ReferTarget> {
        let came = self.transfers.came.as_ref().filter(|came| came.referee.is_undecided());
        came.filter(|_| self.state.is_established()).map(|came| came.referee.target())
    }

    /// Agrees to call whom the remote party asks us to call; what becomes of that call is told by [`transfer_progress`](Self::transfer_progress).
    ///
    /// # Errors
    /// When no transfer waits for a decision, or the session ends: then nobody could be told what becomes of it.
    pub fn accept_transfer(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) -> Result<(), SessionError> {
        let came = self.transfers.undecided(self.state)?;
        let mut builder = came.incoming.reply(202, None, "", &cx.config.user_agent);
        if let Some(invitation) = &self.invitation {
            builder = builder.header(&invitation.contact());
        }
        if !came.referee.target().subscribes {
            builder = builder.field(HeaderName::ReferSub, "false");
        }
        let transaction = came.incoming.transaction;
        let first = came.referee.accept(cx.now);
        // What the request itself brought can be written.
        if let Ok(response) = builder.finish() {
            out.push(Output::Usage(invitation::Output::Respond { transaction, response }));
        }
        out.push(Output::Event(SessionEvent::TransferDidStart));
        self.notify(cx, first, out);
        Ok(())
    }

    /// Refuses to call whom the remote party asks us to call.
    ///
    /// # Errors
    /// When no transfer waits for a decision, or the code does not refuse.
    pub fn reject_transfer(
        &mut self,
        cx: &Context<'_>,
        code: u16,
        out: &mut Outbox<Output>,
    ) -> Result<(), SessionError> {
        if !(300..700).contains(&code) {
            return Err(SessionError::BadCode(code));
        }
        let came = self.transfers.undecided(self.state)?;
        came.referee.refuse();
        came.ended = true;
        answer(cx, &came.incoming, code, out);
        let reason = reason_phrase(code).into();
        out.push(Output::Event(SessionEvent::TransferDidFail { code, reason }));
        Ok(())
    }

    /// The call that a transfer asked for has got this far. A final 2xx ends this session, when the remote party has been told.
    pub fn transfer_progress(&mut self, cx: &mut Context<'_>, code: u16, reason: &Text, out: &mut Outbox<Output>) {
        let Some(came) = self.transfers.came.as_mut().filter(|came| !came.ended) else { return };
        came.ended = code >= 200;
        let next = came.referee.tell(cx.now, code, reason);
        let reason = reason.clone();
        out.push(Output::Event(SessionEvent::TransferGotProgress { code, reason: reason.clone() }));
        match code {
            ..=199 => {}
            200..=299 => {
                came.done = true;
                out.push(Output::Event(SessionEvent::TransferDidEnd));
            }
            _ => out.push(Output::Event(SessionEvent::TransferDidFail { code, reason })),
        }
        self.notify(cx, next, out);
        // Nobody is left who could be told: nothing is awaited.
        if self.transfers.came.as_ref().is_some_and(|came| came.done && came.notify.is_none() && came.referee.is_over())
        {
            self.end(cx, out);
        }
    }

    /// A REFER, a SUBSCRIBE or a NOTIFY came inside a dialog of this session.
    pub(super) fn requested_within(
        &mut self,
        cx: &mut Context<'_>,
        dialog: &DialogId,
        incoming: Incoming,
        out: &mut Outbox<Output>,
    ) {
        match self.receive(dialog, &incoming.essentials.cseq) {
            Some(true) if *incoming.request.method() == Method::Refer => self.referred(cx, incoming, out),
            Some(true) if *incoming.request.method() == Method::Subscribe => self.subscribed(cx, &incoming, out),
            Some(true) => self.notified(cx, &incoming, out),
            Some(false) => answer(cx, &incoming, 500, out),
            None => answer(cx, &incoming, 481, out),
        }
    }

    fn referred(&mut self, cx: &Context<'_>, incoming: Incoming, out: &mut Outbox<Output>) {
        let target = match ReferTarget::read(&incoming.request) {
            Err(BadRefer(code)) => return answer(cx, &incoming, code, out),
            // For the peer the dialog is over, although it does not know yet (RFC 5407 section 3.3.3).
            Ok(_) if self.state == SessionState::Terminating => return answer(cx, &incoming, 481, out),
            Ok(_) if !self.state.is_established() => return answer(cx, &incoming, 480, out),
            Ok(_) if self.transfers.are_under_way() => return answer(cx, &incoming, 491, out),
            Ok(target) => target,
        };
        let first = !std::mem::replace(&mut self.transfers.before, true);
        out.push(Output::Event(SessionEvent::TransferNewIncoming {
            target: target.to.uri.to_string().into(),
            referred_by: target.referred_by.clone(),
            attended: target.replaces.is_some(),
        }));
        let referee = Referee::asked(cx.now, target, incoming.essentials.cseq.number, first);
        let terminated = incoming.plain(487, None, "", &cx.config.user_agent).ok();
        self.transfers.came =
            Some(Box::new(Came { incoming, terminated, referee, notify: None, done: false, ended: false }));
    }

    /// A SUBSCRIBE for what becomes of a REFER that came: no other subscription shares the dialog of a call.
    fn subscribed(&mut self, cx: &mut Context<'_>, incoming: &Incoming, out: &mut Outbox<Output>) {
        let Ok(Some(event)) = incoming.request.get::<Event>() else { return answer(cx, incoming, 400, out) };
        let expires = incoming.request.expires().ok().flatten();
        let taken =
            self.transfers.came.as_mut().map_or(Err(481), |came| came.referee.subscribed(cx.now, &event, expires));
        let (expires, notification) = match taken {
            Ok(taken) => taken,
            Err(code) => return answer(cx, incoming, code, out),
        };
        let mut builder = incoming.reply(200, None, "", &cx.config.user_agent).field(HeaderName::Expires, expires);
        if let Some(invitation) = &self.invitation {
            builder = builder.header(&invitation.contact());
        }
        if let Ok(response) = builder.finish() {
            out.push(Output::Usage(invitation::Output::Respond { transaction: incoming.transaction, response }));
        }
        self.notify(cx, notification, out);
    }

    fn notified(&mut self, cx: &mut Context<'_>, incoming: &Incoming, out: &mut Outbox<Output>) {
        let Some((_, referral)) = &mut self.transfers.sent else { return answer(cx, incoming, 481, out) };
        let (code, news) = referral.notified(&incoming.request);
        answer(cx, incoming, code, out);
        self.transfer_news(cx, news, out);
    }

    /// Sends a NOTIFY of the transfer that came.
    fn notify(&mut self, cx: &mut Context<'_>, notification: Option<Notification>, out: &mut Outbox<Output>) {
        let Some(Notification { event, state, code, reason }) = notification else { return };
        let mut sent = None;
        self.with_invitation(cx, out, |invitation, cx, usage| {
            let fill = |builder: crate::sip::Builder<crate::sip::Request>| {
                builder
                    .field(HeaderName::Event, &event)
                    .field(HeaderName::SubscriptionState, &state)
                    .body(CONTENT_TYPE, status_line(code, &reason).as_bytes())
            };
            sent = invitation.send_within(cx, Method::Notify, fill, usage).ok();
        });
        let Some(came) = &mut self.transfers.came else { return };
        came.notify = sent.map(|(ticket, _)| ticket);
        if sent.is_none() {
            // Without a call there is nobody to tell.
            came.referee.refuse();
        }
    }

    /// A request of a transfer was challenged and sent again.
    pub(super) fn transfer_sent_again(&mut self, ticket: Ticket, again: Ticket, number: u32) {
        if let Some((sent, referral)) = self.transfers.sent.as_mut().filter(|(sent, _)| *sent == ticket) {
            *sent = again;
            referral.sent_again(number);
        }
        if let Some(came) = self.transfers.came.as_mut().filter(|came| came.notify == Some(ticket)) {
            came.notify = Some(again);
        }
    }

    /// A request of a transfer has its final answer.
    pub(super) fn transfer_answered(
        &mut self,
        cx: &mut Context<'_>,
        ticket: Ticket,
        response: &Response,
        out: &mut Outbox<Output>,
    ) {
        if response.code() < 200 {
            return;
        }
        if let Some((_, referral)) = self.transfers.sent.as_mut().filter(|(sent, _)| *sent == ticket) {
            let news = referral.answered(response);
            self.transfer_news(cx, news, out);
        }
        self.notify_answered(cx, ticket, response.code(), out);
    }

    /// The transaction of a request of a transfer is over.
    pub(super) fn transfer_unanswered(
        &mut self,
        cx: &mut Context<'_>,
        ticket: Ticket,
        end: &End,
        out: &mut Outbox<Output>,
    ) {
        let code = if matches!(end, End::TransportFailed(_)) { 503 } else { 408 };
        if let Some((_, referral)) = self.transfers.sent.as_mut().filter(|(sent, _)| *sent == ticket) {
            let news = referral.unanswered(code, reason_phrase(code));
            self.transfer_news(cx, news, out);
        }
        self.notify_answered(cx, ticket, code, out);
    }

    fn notify_answered(&mut self, cx: &mut Context<'_>, ticket: Ticket, code: u16, out: &mut Outbox<Output>) {
        let Some(came) = self.transfers.came.as_mut().filter(|came| came.notify == Some(ticket)) else { return };
        came.notify = None;
        let next = came.referee.notified(cx.now, code);
        let (done, more) = (came.done, next.is_some());
        self.notify(cx, next, out);
        if done && !more {
            self.end(cx, out);
        }
    }

    /// Works off the deadlines of transfers.
    pub(super) fn transfers_due(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        if let Some((_, referral)) = &mut self.transfers.sent {
            let news = referral.timeout(cx.now);
            self.transfer_news(cx, news, out);
        }
        let Some(came) = &mut self.transfers.came else { return };
        let (undecided, last) = came.referee.timeout(cx.now);
        if undecided {
            came.ended = true;
            answer(cx, &came.incoming, 480, out);
            out.push(Output::Event(SessionEvent::TransferDidFail { code: 480, reason: reason_phrase(480).into() }));
        }
        self.notify(cx, last, out);
    }

    /// The session is over, and with it its transfers.
    pub(super) fn end_transfers(&mut self, out: &mut Outbox<Output>) {
        if let Some((_, referral)) = &mut self.transfers.sent {
            for news in referral.abandoned() {
                out.push(told(news));
            }
        }
        if let Some(came) = &mut self.transfers.came {
            let transaction = came.incoming.transaction;
            if let Some(response) = came.terminated.take().filter(|_| came.referee.is_undecided()) {
                out.push(Output::Usage(invitation::Output::Respond { transaction, response }));
            }
            came.referee.refuse();
            if !std::mem::replace(&mut came.ended, true) {
                out.push(told(News::Failed(0, Text::from_static("session ended"))));
            }
        }
    }

    fn transfer_news(&mut self, cx: &mut Context<'_>, news: Vec<News>, out: &mut Outbox<Output>) {
        let ended = news.contains(&News::Ended);
        for news in news {
            out.push(told(news));
        }
        if ended {
            self.end(cx, out);
        }
    }
}

fn told(news: News) -> Output {
    Output::Event(match news {
        News::Started => SessionEvent::TransferDidStart,
        News::Progress(code, reason) => SessionEvent::TransferGotProgress { code, reason },
        News::Ended => SessionEvent::TransferDidEnd,
        News::Failed(code, reason) => SessionEvent::TransferDidFail { code, reason },
    })
}

/// Answers a request inside the dialog.
fn answer(cx: &Context<'_>, incoming: &Incoming, code: u16, out: &mut Outbox<Output>) {
    // What the request itself brought can be written. Inside a dialog To has its tag.
    if let Ok(response) = incoming.plain(code, None, "", &cx.config.user_agent) {
        out.push(Output::Usage(invitation::Output::Respond { transaction: incoming.transaction, response }));
    }
}
