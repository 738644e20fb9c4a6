//! One dialog of a subscription: who notifies, for how long, and the refreshes.

use std::time::Duration;

use crate::config::Context;
use crate::dialog::Dialog;
use crate::invitation::{ALLOWED, supported_value};
use crate::package::AllowEvents;
use crate::sip::{
    BuildError, Contact, Event, HeaderName, Method, NameAddr, Params, ReferTo, ReferredBy, Request, Text,
};
use crate::time::{Instant, earliest};
use crate::uac::Exchange;
use crate::usage::{Content, Sender, refresh_after};

use super::known::Known;
use super::{Refer, State};

/// Expiries that differ by less are the same, rounded or delayed on the way.
const SLACK: Duration = Duration::from_secs(2);

/// One dialog of a subscription.
#[derive(Debug)]
pub(super) struct Leg {
    pub(super) dialog: Dialog,
    /// Accepted, Pending or Active.
    pub(super) state: State,
    /// When it expires.
    pub(super) until: Instant,
    /// When it is refreshed; none while a SUBSCRIBE is under way, or after one that could not be answered.
    pub(super) refresh_at: Option<Instant>,
    /// Until when a NOTIFY must have come (timer N), if one is awaited.
    pub(super) timer_n: Option<Instant>,
    /// The SUBSCRIBE that is under way, and for how many seconds it asks.
    pub(super) in_flight: Option<(Exchange, u32)>,
    /// Whether a SUBSCRIBE that ends it was sent.
    pub(super) ending: bool,
    /// What its NOTIFYs add up to.
    pub(super) known: Known,
}

/// What every SUBSCRIBE of a subscription says.
#[derive(Clone, Debug)]
pub(super) struct Words {
    pub(super) event: Event,
    pub(super) accept: Vec<Text>,
    pub(super) content: Option<Content>,
    pub(super) eventlist: bool,
}

impl Words {
    /// The request outside of any dialog: a SUBSCRIBE, or the REFER that makes the subscription.
    pub(super) fn open(
        &self,
        cx: &Context<'_>,
        sender: &mut Sender,
        refer: Option<&Refer>,
        expires: u32,
    ) -> Result<Request, BuildError> {
        let Some(refer) = refer else {
            return self.finish(cx, sender.request(Method::Subscribe), None, expires, true);
        };
        let by = NameAddr { params: Params::default(), ..sender.from().clone() };
        let mut builder = sender
            .request(Method::Refer)
            .header(&ReferTo(refer.refer_to.clone()))
            .header(&ReferredBy(by))
            .field(HeaderName::Allow, ALLOWED)
            .field(HeaderName::Supported, supported_value(cx.config))
            .field(HeaderName::UserAgent, &cx.config.user_agent);
        builder = AllowEvents(&cx.config.packages).on(builder);
        if !refer.subscription {
            builder = builder.field(HeaderName::ReferSub, "false");
        }
        builder.finish()
    }

    /// Adds them to a request.
    pub(super) fn finish(
        &self,
        cx: &Context<'_>,
        builder: crate::sip::Builder<Request>,
        contact: Option<&NameAddr>,
        expires: u32,
        with_content: bool,
    ) -> Result<Request, BuildError> {
        let mut builder = builder
            .header(&self.event)
            .field(HeaderName::Expires, expires)
            .field(HeaderName::UserAgent, &cx.config.user_agent);
        builder = AllowEvents(&cx.config.packages).on(builder);
        if let Some(contact) = contact {
            builder = builder.header(&Contact::Address(contact.clone()));
        }
        if !self.accept.is_empty() {
            let accept: Vec<&str> = self.accept.iter().map(Text::as_str).collect();
            builder = builder.field(HeaderName::Accept, accept.join(", "));
        }
        if self.eventlist {
            builder = builder.field(HeaderName::Supported, "eventlist");
        }
        if let Some(content) = self.content.as_ref().filter(|_| with_content) {
            builder = builder.body(&content.content_type, &content.body);
        }
        builder.finish()
    }
}

impl Leg {
    pub(super) fn new(dialog: Dialog, state: State, now: Instant, expires: u32) -> Self {
        let mut leg = Self {
            dialog,
            state,
            until: now,
            refresh_at: None,
            timer_n: None,
            in_flight: None,
            ending: false,
            known: Known::default(),
        };
        leg.lasts(now, expires);
        leg
    }

    /// It lasts for so many seconds from now: that is when it is refreshed, before its end.
    pub(super) fn lasts(&mut self, now: Instant, expires: u32) {
        let expires = Duration::from_secs(expires.into());
        self.until = now + expires;
        self.refresh_at = Some(now + refresh_after(expires));
    }

    /// A NOTIFY says that it lasts for so many seconds from now.
    pub(super) fn told(&mut self, now: Instant, expires: u32) {
        let until = now + Duration::from_secs(expires.into());
        if until + SLACK < self.until || self.until + SLACK < until {
            let waits = self.refresh_at.is_some();
            self.lasts(now, expires);
            if !waits {
                self.refresh_at = None;
            }
        }
    }

    /// When something is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let until = if self.ending { None } else { Some(self.until) };
        let answer = self.in_flight.as_ref().map_or(self.timer_n, |(exchange, _)| Some(exchange.deadline()));
        earliest(earliest(self.refresh_at, answer), until)
    }

    /// The next SUBSCRIBE inside the dialog.
    pub(super) fn subscribe(
        &mut self,
        cx: &Context<'_>,
        words: &Words,
        contact: &NameAddr,
        expires: u32,
    ) -> Result<Request, BuildError> {
        self.refresh_at = None;
        self.timer_n = Some(cx.now + cx.config.timers.timeout());
        self.ending |= expires == 0;
        let builder = self.dialog.request(Method::Subscribe);
        words.finish(cx, builder, Some(contact), expires, expires > 0)
    }
}
