//! NOTIFYs (RFC 6665 section 4.1.3): judged, answered, and what they change.

use std::time::Duration;

use crate::cause::{By, Cause};
use crate::config::Context;
use crate::dialog::{Dialog, DialogId};
use crate::invitation::Incoming;
use crate::package::Forking;
use crate::sip::{Event, HeaderName, MediaType, SubscriptionState, Text};
use crate::uac::Output;
use crate::usage::{Content, Retry};

use super::event::Notify;
use super::known::{Known, News};
use super::leg::Leg;
use super::{Out, State, Subscription, SubscriptionEvent};

impl Subscription {
    /// A NOTIFY came: inside one of our dialogs, or as the first of one that it makes (section 4.4.1).
    pub fn notified(&mut self, cx: &Context<'_>, incoming: &Incoming, out: Out<'_>) {
        match self.take(cx, incoming, out) {
            Ok((index, header)) => self.apply(cx, index, incoming, &header, out),
            Err((code, header)) => self.refuse(cx, incoming, code, header, out),
        }
    }

    /// Judges a NOTIFY; finds the leg that it belongs to, or makes one, where it does not terminate what never was.
    #[expect(clippy::type_complexity, reason = "a status code, and the header that goes with it")]
    fn take(
        &mut self,
        cx: &Context<'_>,
        incoming: &Incoming,
        out: Out<'_>,
    ) -> Result<(Option<usize>, SubscriptionState), (u16, Option<(HeaderName, String)>)> {
        let request = &incoming.request;
        let essentials = &incoming.essentials;
        let remote_tag = essentials.from.tag().unwrap_or_default();
        let local_tag = essentials.to.tag().unwrap_or_default();
        let id = DialogId::new(&essentials.call_id, local_tag, remote_tag);
        let ours = essentials.call_id == *self.sender.call_id() && local_tag == self.sender.tag().as_str();
        let index = self.legs.iter().position(|leg| *leg.dialog.id() == id);
        if !ours || self.state == State::Terminated {
            return Err((481, None));
        }
        if let Some(leg) = index.and_then(|index| self.legs.get_mut(index))
            && leg.dialog.receive(&essentials.cseq).is_err()
        {
            return Err((500, None));
        }
        match request.get::<Event>() {
            Ok(Some(event)) if self.is_of(&event) => {}
            Ok(Some(_) | None) => return Err((481, None)),
            Err(_) => return Err((400, None)),
        }
        let header = request.need::<SubscriptionState>().map_err(|_| (400, None))?;
        if let Some(accept) = self.refuses_body(incoming) {
            return Err((415, Some(accept)));
        }
        let Some(index) = index else {
            if self.timer_n.is_none() || self.gone.iter().any(|gone| gone.as_str() == remote_tag) {
                return Err((481, None));
            }
            if self.forking == Forking::One && !(self.legs.is_empty() && self.gone.is_empty()) {
                return Err((481, None));
            }
            if self.legs.len() + self.gone.len() >= cx.config.limits.forks {
                return Err((481, None));
            }
            if header.is("terminated") {
                self.gone.push(Text::from(remote_tag));
                return Ok((None, header));
            }
            let subscribe = self.request.as_ref().ok_or((481, None))?;
            let dialog = Dialog::from_notify(subscribe, request, essentials).map_err(|_| (400, None))?;
            out.push(Output::DialogBegan(dialog.id().clone()));
            self.legs.push(Leg::new(dialog, State::Accepted, cx.now, self.expires));
            return Ok((Some(self.legs.len() - 1), header));
        };
        if let Some(leg) = self.legs.get_mut(index) {
            if leg.state == State::Accepted {
                let _ = leg.dialog.confirm_by_notify(request);
            }
            leg.dialog.refresh_target(request);
        }
        Ok((Some(index), header))
    }

    /// Whether an Event header names this subscription; that of a REFER may be named by the REFER's number (RFC 3515 section 2.4.6).
    fn is_of(&self, event: &Event) -> bool {
        let number =
            || self.request.as_ref().and_then(|request| request.cseq().ok()).map(|cseq| cseq.number.to_string());
        let by_number = || event.value == self.words.event.value && event.id() == number().as_deref();
        event.matches(&self.words.event) || (self.refer.is_some() && by_number())
    }

    /// The Accept header for a body that we did not ask for.
    fn refuses_body(&self, incoming: &Incoming) -> Option<(HeaderName, String)> {
        let request = &incoming.request;
        if request.body().is_empty() {
            return None;
        }
        let encoded = request
            .values(HeaderName::ContentEncoding)
            .any(|encoding| !encoding.is_ok_and(|encoding| encoding.eq_ignore_ascii_case("identity")));
        if encoded {
            return Some((HeaderName::AcceptEncoding, "identity".to_owned()));
        }
        let content_type = request.content_type().ok().flatten();
        let accepted = self.words.accept.iter().filter_map(|accept| MediaType::parse(accept).ok());
        let fits =
            content_type.is_some_and(|content_type| accepted.into_iter().any(|accept| accept.accepts(&content_type)));
        if fits || self.words.accept.is_empty() {
            return None;
        }
        let accept: Vec<&str> = self.words.accept.iter().map(Text::as_str).collect();
        Some((HeaderName::Accept, accept.join(", ")))
    }

    /// Answers a NOTIFY with 200, and does what it says.
    fn apply(
        &mut self,
        cx: &Context<'_>,
        index: Option<usize>,
        incoming: &Incoming,
        header: &SubscriptionState,
        out: Out<'_>,
    ) {
        self.refuse(cx, incoming, 200, None, out);
        self.start(out);
        let request = &incoming.request;
        let event = request.text(HeaderName::Event).ok().flatten().unwrap_or_default();
        let content = Content::of(request);
        let leg = index.and_then(|index| self.legs.get_mut(index));
        let news = match (&content, leg) {
            (Some(content), Some(leg)) => leg.known.take(content, &cx.config.limits),
            // It is the first and the last.
            (Some(content), None) => Known::default().take(content, &cx.config.limits),
            (None, _) => News::default(),
        };
        let notify = Notify {
            from: incoming.essentials.from.to_string().into(),
            to: incoming.essentials.to.to_string().into(),
            request_uri: request.uri_text().detached(),
            event: event.detached(),
            subscription_state: header.to_string().into(),
            content,
            state: news.state,
            merge: news.merge,
        };
        let terminated = header.is("terminated");
        if let Some(leg) = index.and_then(|index| self.legs.get_mut(index)) {
            leg.state = if header.is("pending") { State::Pending } else { State::Active };
            leg.timer_n = leg.timer_n.filter(|_| leg.ending && !terminated);
            if let Some(expires) = header.expires().filter(|_| !terminated && !leg.ending) {
                leg.told(cx.now, expires.min(self.expires));
            }
        }
        if !terminated {
            let best = self.legs.iter().map(|leg| leg.state).max().unwrap_or(self.state);
            self.change(best, out);
        }
        out.push(Output::Event(SubscriptionEvent::GotNotify(Box::new(notify))));
        if terminated {
            if let Some(index) = index {
                self.drop_leg(index, out);
            }
            let reason = header.reason().unwrap_or("terminated");
            self.settle(Cause::new(By::Remote, reason), retry(header), out);
        } else if self.ending {
            self.end_legs(cx, out);
        } else if news.ask
            && let Some(index) = index
            && self.legs.get(index).is_some_and(|leg| leg.in_flight.is_none() && !leg.ending)
        {
            self.subscribe_inside(cx, index, self.expires, out);
        }
    }

    fn refuse(
        &self,
        cx: &Context<'_>,
        incoming: &Incoming,
        code: u16,
        header: Option<(HeaderName, String)>,
        out: Out<'_>,
    ) {
        let mut builder = incoming.reply(code, None, self.sender.tag(), &cx.config.user_agent);
        if let Some((name, value)) = header {
            builder = builder.field(name, value);
        }
        if let Ok(response) = builder.finish() {
            out.push(Output::Respond { transaction: incoming.transaction, response });
        }
    }
}

/// When another attempt makes sense after a subscription was terminated (RFC 6665 section 4.1.3).
fn retry(header: &SubscriptionState) -> Retry {
    let after = header.retry_after().map(|seconds| Duration::from_secs(seconds.into()));
    let is = |name: &str| header.reason().is_some_and(|reason| reason.eq_ignore_ascii_case(name));
    if is("rejected") || is("noresource") || is("invariant") {
        Retry::Never
    } else if is("deactivated") || is("timeout") {
        Retry::Now
    } else {
        // probation, giveup, and what is not known.
        after.map_or(Retry::Later, Retry::After)
    }
}
