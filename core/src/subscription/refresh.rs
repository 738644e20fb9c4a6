//! The SUBSCRIBEs inside the dialogs (RFC 6665 sections 4.1.2.2 and 4.1.2.3): refreshes, and the one that ends.

use std::time::Duration;

use crate::cause::{By, Cause};
use crate::config::Context;
use crate::sip::Response;
use crate::transaction::End;
use crate::uac::{Done, Exchange, Hop, Patience, Target, Ticket};
use crate::usage::{ends_subscription, longer, retry_after, retry_of, retry_of_failure};

use super::{Out, Subscription};

impl Subscription {
    /// Sends a SUBSCRIBE inside a dialog; with 0 it ends it.
    pub(super) fn subscribe_inside(&mut self, cx: &Context<'_>, index: usize, expires: u32, out: Out<'_>) {
        let (Some(leg), Some(contact)) = (self.legs.get_mut(index), &self.contact) else { return };
        // All that goes in was written into the first SUBSCRIBE, or was read.
        let Ok(request) = leg.subscribe(cx, &self.words, contact, expires) else { return };
        let target = vec![Target { hop: Hop::Uri(leg.dialog.next_hop().clone()), contact: None }];
        let patience = Patience::of(cx.config.timers.timeout());
        match Exchange::start(cx, &mut self.client, request, target, patience, out) {
            Ok(exchange) => leg.in_flight = Some((exchange, expires)),
            Err(failure) => {
                self.drop_leg(index, out);
                self.settle(failure.cause(), retry_of_failure(&failure), out);
            }
        }
    }

    /// Ends every leg that no SUBSCRIBE is under way for; the others follow when it is answered.
    pub(super) fn end_legs(&mut self, cx: &Context<'_>, out: Out<'_>) {
        for index in 0..self.legs.len() {
            if self.legs.get(index).is_some_and(|leg| leg.in_flight.is_none() && !leg.ending) {
                self.subscribe_inside(cx, index, 0, out);
            }
        }
    }

    pub(super) fn refresh_response(&mut self, cx: &mut Context<'_>, ticket: Ticket, response: &Response, out: Out<'_>) {
        let client = &mut self.client;
        let done = self.legs.iter_mut().enumerate().find_map(|(index, leg)| {
            let (exchange, asked) = leg.in_flight.as_mut()?;
            exchange.response(cx, client, ticket, response, out).map(|done| (index, *asked, done))
        });
        self.refresh_done(cx, done, out);
    }

    pub(super) fn refresh_ended(&mut self, cx: &Context<'_>, ticket: Ticket, end: &End, out: Out<'_>) {
        let client = &mut self.client;
        let done = self.legs.iter_mut().enumerate().find_map(|(index, leg)| {
            let (exchange, asked) = leg.in_flight.as_mut()?;
            exchange.client_ended(cx, client, ticket, end, out).map(|done| (index, *asked, done))
        });
        self.refresh_done(cx, done, out);
    }

    pub(super) fn refresh_timeout(&mut self, cx: &Context<'_>, out: Out<'_>) {
        for index in (0..self.legs.len()).rev() {
            let Some((exchange, asked)) = self.legs.get_mut(index).and_then(|leg| leg.in_flight.as_mut()) else {
                continue;
            };
            let asked = *asked;
            let done = exchange.timeout(cx, &mut self.client, out).map(|done| (index, asked, done));
            self.refresh_done(cx, done, out);
        }
    }

    /// A SUBSCRIBE inside a dialog has its answer.
    fn refresh_done(&mut self, cx: &Context<'_>, done: Option<(usize, u32, Done)>, out: Out<'_>) {
        let Some((index, asked, done)) = done else { return };
        let Some(leg) = self.legs.get_mut(index) else { return };
        leg.in_flight = None;
        leg.dialog.continue_from(done.number);
        let response = match done.result {
            Ok(response) => response,
            Err(failure) => {
                // No answer ends this usage (RFC 5057 section 5.1).
                self.drop_leg(index, out);
                self.settle(failure.cause(), retry_of_failure(&failure), out);
                return;
            }
        };
        let code = response.code();
        if response.is_success() {
            leg.dialog.refresh_target(&response);
            if code == 204 {
                // Nothing has changed, and no NOTIFY says so (RFC 5839).
                leg.timer_n = None;
            }
            if !leg.ending {
                let expires = response.expires().ok().flatten().unwrap_or(asked).min(asked);
                leg.lasts(cx.now, expires);
            }
        } else if leg.ending || ends_subscription(code) {
            self.drop_leg(index, out);
            let cause = Cause::status(By::Remote, code, response.reason().detached());
            self.settle(cause, retry_of(code, Some(&response)), out);
            return;
        } else {
            // It goes on until it expires (RFC 6665 section 4.1.2.2); there may be time for another attempt.
            leg.timer_n = None;
            let left = leg.until.saturating_since(cx.now);
            let wait = retry_after(&response).unwrap_or(left / 2).max(Duration::from_secs(1));
            leg.refresh_at = Some(cx.now + wait).filter(|at| *at < leg.until);
            if code == 423
                && let Some(min) = longer(&response, asked)
                && !self.lengthened
            {
                self.lengthened = true;
                self.expires = min;
                self.subscribe_inside(cx, index, min, out);
            }
        }
        if self.ending {
            self.end_legs(cx, out);
        }
    }
}
