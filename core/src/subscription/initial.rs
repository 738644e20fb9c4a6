//! The SUBSCRIBE outside of any dialog (RFC 6665 section 4.1.2.1).

use crate::cause::{By, Cause};
use crate::config::Context;
use crate::dialog::Dialog;
use crate::package::Forking;
use crate::sip::{Contact, NameAddr, ReferSub, Response, Text, Uri};
use crate::transaction::End;
use crate::transport::CloseCause;
use crate::uac::{Done, Exchange, Failure, Located, Output, Target, Ticket};
use crate::usage::{Retry, longer, patience, retry_of, retry_of_failure, targets};

use super::leg::Leg;
use super::{Out, State, Subscription};

impl Subscription {
    /// The places to send the SUBSCRIBE to are known; without any it has failed.
    pub fn located(&mut self, cx: &Context<'_>, located: Result<Vec<Located>, Text>, out: Out<'_>) {
        if self.state != State::Null {
            return;
        }
        let located = match located {
            Ok(located) if !located.is_empty() => located,
            unknown => {
                let cause = unknown.map_or_else(
                    |reason| Cause::new(By::Network, reason),
                    |_| Failure::Transport(CloseCause::Unreachable).cause(),
                );
                self.answered = true;
                self.over(cause, None, Retry::Later, out);
                return;
            }
        };
        out.push(Output::DialogBegan(self.half()));
        self.timer_n = Some(cx.now + cx.config.timers.timeout());
        self.change(State::Sent, out);
        let mut targets = targets(&located, Some(&self.contact_user));
        for target in &mut targets {
            match (&self.gruu, &mut target.contact) {
                (Some(gruu), contact) => *contact = Some(NameAddr::new(gruu.clone())),
                (None, Some(NameAddr { uri: Uri::Sip(uri), .. })) if self.outbound => uri.params.set("ob", None),
                (None, _) => {}
            }
        }
        self.send(cx, targets, out);
    }

    fn send(&mut self, cx: &Context<'_>, targets: Vec<Target>, out: Out<'_>) {
        let patience = self.patience.unwrap_or_else(|| patience(targets.len(), cx.config.timers.timeout()));
        let request = self.words.open(cx, &mut self.sender, self.refer.as_ref(), self.expires);
        let request = request.map_err(Failure::Unwritable);
        let exchange =
            request.and_then(|request| Exchange::start(cx, &mut self.client, request, targets, patience, out));
        match exchange {
            Ok(exchange) => {
                self.exchange = Some(exchange);
                self.sent(cx);
            }
            Err(failure) => {
                self.answered = true;
                self.over(failure.cause(), None, retry_of_failure(&failure), out);
            }
        }
    }

    /// It was sent, once more or for the first time: dialogs are made of what was sent last, and timer N begins anew.
    fn sent(&mut self, cx: &Context<'_>) {
        let Some(exchange) = &self.exchange else { return };
        let request = exchange.request();
        let contact = request.contacts().next().and_then(Result::ok);
        self.contact = contact.as_ref().and_then(Contact::address).map(NameAddr::detached);
        self.request = Some(request.clone());
        self.timer_n = Some(cx.now + cx.config.timers.timeout());
    }

    pub(super) fn initial_response(&mut self, cx: &mut Context<'_>, ticket: Ticket, response: &Response, out: Out<'_>) {
        let Some(exchange) = &mut self.exchange else { return };
        let (said, number) = (out.len(), exchange.number());
        let done = exchange.response(cx, &mut self.client, ticket, response, out);
        let resent = out.len() > said || exchange.number() != number;
        self.went_on(cx, done, resent, out);
    }

    pub(super) fn initial_ended(&mut self, cx: &Context<'_>, ticket: Ticket, end: &End, out: Out<'_>) {
        let Some(exchange) = &mut self.exchange else { return };
        let said = out.len();
        let done = exchange.client_ended(cx, &mut self.client, ticket, end, out);
        let resent = out.len() > said;
        self.went_on(cx, done, resent, out);
    }

    pub(super) fn initial_timeout(&mut self, cx: &Context<'_>, out: Out<'_>) {
        let Some(exchange) = &mut self.exchange else { return };
        let said = out.len();
        let done = exchange.timeout(cx, &mut self.client, out);
        let resent = out.len() > said;
        self.went_on(cx, done, resent, out);
    }

    fn went_on(&mut self, cx: &Context<'_>, done: Option<Done>, resent: bool, out: Out<'_>) {
        match done {
            Some(done) => self.initial_done(cx, done, out),
            None if resent => self.sent(cx),
            None => {}
        }
    }

    /// It has its final answer, or none will come.
    fn initial_done(&mut self, cx: &Context<'_>, done: Done, out: Out<'_>) {
        self.exchange = None;
        self.sender.used(done.number);
        for leg in &mut self.legs {
            leg.dialog.continue_from(done.number);
        }
        let response = match done.result {
            Ok(response) => response,
            Err(failure) => {
                self.answered = true;
                // A NOTIFY that came says that it was taken, whatever became of the answer.
                if self.legs.is_empty() {
                    self.over(failure.cause(), None, retry_of_failure(&failure), out);
                } else if self.ending {
                    self.end_legs(cx, out);
                }
                return;
            }
        };
        let code = response.code();
        if response.is_success() {
            self.accepted(cx, &response, out);
            return;
        }
        let longer = if code == 423 { longer(&response, self.expires) } else { None };
        if let Some(min) = longer
            && !self.lengthened
            && !self.ending
        {
            self.lengthened = true;
            self.expires = min;
            let targets = vec![Target { hop: done.hop, contact: self.contact.clone() }];
            self.send(cx, targets, out);
            return;
        }
        self.answered = true;
        let cause = Cause::status(By::Remote, code, response.reason().detached());
        self.over(cause, longer, retry_of(code, Some(&response)), out);
    }

    fn accepted(&mut self, cx: &Context<'_>, response: &Response, out: Out<'_>) {
        self.answered = true;
        let expires = response.expires().ok().flatten().unwrap_or(self.expires).min(self.expires);
        self.start(out);
        let told =
            matches!(response.get::<ReferSub>(), Ok(Some(ReferSub(item))) if item.value.eq_ignore_ascii_case("false"));
        if self.refer.is_some() && told {
            // It does what it was asked, and says no more (RFC 4488 section 4).
            self.over(Cause::new(By::Remote, "norefersub"), None, Retry::Never, out);
            return;
        }
        if let (Ok(essentials), Some(request)) = (response.validate(), &self.request) {
            let tag = essentials.to.tag().unwrap_or_default();
            // Where the NOTIFY overtook it, what that said is newer.
            let known = self.legs.iter().any(|leg| leg.dialog.id().remote_tag().as_str() == tag);
            let gone = self.gone.iter().any(|gone| gone.as_str() == tag);
            if !known
                && !gone
                && !tag.is_empty()
                && (self.forking == Forking::Several || (self.legs.is_empty() && self.gone.is_empty()))
                && self.legs.len() + self.gone.len() < cx.config.limits.forks
                && let Ok(dialog) = Dialog::from_response(request, response, &essentials)
            {
                out.push(Output::DialogBegan(dialog.id().clone()));
                let mut leg = Leg::new(dialog, State::Accepted, cx.now, expires);
                leg.timer_n = self.timer_n;
                if expires == 0 {
                    // The state was asked for once: the NOTIFY that brings it ends it, too.
                    leg.ending = true;
                    leg.refresh_at = None;
                }
                self.legs.push(leg);
            }
        }
        if self.state < State::Accepted {
            self.change(State::Accepted, out);
        }
        if self.ending {
            self.end_legs(cx, out);
        }
        if self.legs.is_empty() && !self.gone.is_empty() {
            // All there was to say came before.
            self.over(Cause::new(By::Remote, "terminated"), None, Retry::Later, out);
        }
    }
}
