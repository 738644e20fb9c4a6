//! EVT: subscriptions and publications (RFC 6665, RFC 3903).
//!
//! - EVT-1: a 2xx to SUBSCRIBE is followed by a NOTIFY (RFC 6665 section 4.2.1.2).
//! - EVT-4: how a NOTIFY is answered (sections 4.1.3, 7.2).
//! - EVT-5: nothing lasts longer than was asked for, and after the last NOTIFY comes none (sections 4.2.1.1, 4.2.2).
//! - EVT-7: which entity-tag a PUBLISH names, and when it has a body (RFC 3903 section 4).

use std::time::Duration;

use sipsimple_core::time::Instant;
use sipsimple_core::transport::Transport;

use crate::model::{ClientKey, ServerKey, Step};
use crate::sip::{Sip, param};

use super::{LARGE, Memory, Owed, Property, Seen, Side, Violations};

/// How soon a NOTIFY follows, and a NOTIFY is answered.
const SOON: Duration = Duration::from_secs(1);

/// A subscription at its notifier.
#[derive(Clone, Debug, Default)]
struct Told {
    /// When it is over at the latest.
    until: Instant,
    event: String,
    over: bool,
}

/// How a NOTIFY that came is to be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Any,
    /// 481: nobody subscribed.
    Stranger,
    /// 400 or 489: it has no Event.
    Nameless,
    /// It has no Subscription-State.
    Stateless,
}

/// What is published.
#[derive(Clone, Debug, Default)]
struct Published {
    tag: Option<String>,
}

/// Watches subscriptions and publications.
#[derive(Debug, Default)]
pub struct Events {
    told: Memory<Side, Told>,
    first: Owed<Side>,
    /// The Call-IDs and tags under which hosts have asked to be told.
    asked: Memory<(usize, String, String), ()>,
    due: Memory<ServerKey, Due>,
    answers: Owed<ServerKey>,
    published: Memory<(usize, String), Published>,
}

impl Property for Events {
    fn seen(&mut self, seen: &Seen<'_>, broken: &mut Violations) {
        let (sight, sip) = (seen.sight, seen.sight.sip);
        match seen.step {
            Step::RequestSent { key, first: true } => match key.method.as_str() {
                "SUBSCRIBE" | "REFER" => {
                    let name = (sight.host, sip.call_id().to_owned(), sip.from_tag().to_owned());
                    self.asked.put(sight.at, name, ());
                    let named = key.method == "REFER" || sip.count("event") == 1;
                    broken.unless(named, "EVT-5", seen, "a SUBSCRIBE has one Event");
                }
                "NOTIFY" => self.notifies(seen, broken),
                "PUBLISH" => self.publishes(seen, broken),
                _ => {}
            },
            Step::RequestGot { key, first: true } if key.method == "NOTIFY" => self.notified(seen, key),
            Step::ResponseSent { key: Some(key) } if key.method == "NOTIFY" => self.answers_notify(seen, key, broken),
            Step::ResponseSent { key: Some(key) } if key.method == "SUBSCRIBE" => self.accepts(seen, key, broken),
            Step::ResponseGot { key: Some(key), fresh: true } if key.method == "PUBLISH" => self.published(seen, key),
            // Who does not know of the subscription is told no more (RFC 6665 section 4.2.2).
            Step::ResponseGot { key: Some(key), fresh: true } if key.method == "NOTIFY" && sip.code() == 481 => {
                self.first.settle(&Side::of(sight.host, sip, true));
            }
            _ => {}
        }
    }

    fn passed(&mut self, now: Instant, broken: &mut Violations) {
        while let Some((by, side)) = self.first.missed(now) {
            broken.add("EVT-1", side.host, by, format!("the SUBSCRIBE of {} has no NOTIFY", side.call_id));
        }
        while let Some((by, key)) = self.answers.missed(now) {
            broken.add("EVT-4", key.host, by, format!("the NOTIFY of branch {} is not answered", key.branch));
        }
    }
}

fn seconds(sip: &Sip, name: &str) -> Option<u64> {
    sip.header(name)?.trim().parse().ok()
}

fn package(sip: &Sip) -> &str {
    sip.header("event").and_then(|event| event.split(';').next()).unwrap_or_default().trim()
}

impl Events {
    /// A host answers a SUBSCRIBE.
    fn accepts(&mut self, seen: &Seen<'_>, key: &ServerKey, broken: &mut Violations) {
        let (sight, sip) = (seen.sight, seen.sight.sip);
        let Some(server) = seen.model.server(key) else { return };
        if sip.code() == 489 {
            broken.unless(sip.count("allow-events") > 0, "EVT-4", seen, "489 has Allow-Events");
        }
        if server.answer.as_ref().is_some_and(|answer| !answer.again.is_empty()) || !(200..300).contains(&sip.code()) {
            return;
        }
        let granted = seconds(sip, "expires");
        broken.unless(granted.is_some(), "EVT-5", seen, "a 2xx to SUBSCRIBE has Expires");
        if let (Some(granted), Some(asked)) = (granted, seconds(&server.request, "expires")) {
            broken.unless(granted <= asked, "EVT-5", seen, format!("only {asked} were asked for"));
        }
        let side = Side::of(sight.host, sip, false);
        let until = sight.at + Duration::from_secs(granted.unwrap_or(0));
        let event = package(&server.request).to_owned();
        let told = self.told.entry(sight.at, side.clone(), || Told { until, event, over: false });
        told.until = until;
        let plain = !server.request.contact().contains("transport=") && server.request.list("record-route").is_empty();
        if sight.transport == Transport::Udp && plain && server.request.data().len() <= LARGE {
            // One NOTIFY at a time: another may be on its way, for as long as it takes.
            self.first.owe(side, sight.at + seen.model.timers(sight.host).timeout() + SOON);
        }
    }

    /// A host sends a NOTIFY.
    fn notifies(&mut self, seen: &Seen<'_>, broken: &mut Violations) {
        let (sight, sip) = (seen.sight, seen.sight.sip);
        let state = sip.header("subscription-state").unwrap_or_default();
        let word = state.split(';').next().unwrap_or_default().trim();
        let known = matches!(word, "active" | "pending" | "terminated");
        broken.unless(known, "EVT-4", seen, "a NOTIFY says what state the subscription is in");
        broken.unless(sip.count("event") == 1, "EVT-4", seen, "a NOTIFY has one Event");
        if package(sip) == "refer" {
            return;
        }
        let side = Side::of(sight.host, sip, true);
        self.first.settle(&side);
        let again = sip.header("authorization").is_some();
        let Some(told) = self.told.get_mut(sight.at, &side) else {
            broken.seen("EVT-5", seen, "nobody has subscribed to this");
            return;
        };
        broken.unless(!told.over || again, "EVT-5", seen, "the subscription is over");
        broken.unless(told.event == package(sip), "EVT-5", seen, format!("{} was subscribed to", told.event));
        told.over |= word == "terminated";
        if let Some(left) = param(state, "expires").flatten().and_then(|text| text.parse::<u64>().ok()) {
            let most = told.until.saturating_since(sight.at) + SOON;
            let fits = Duration::from_secs(left) <= most;
            broken.unless(fits, "EVT-5", seen, format!("it ends at {}", told.until));
        }
    }

    /// A host gets a NOTIFY.
    fn notified(&mut self, seen: &Seen<'_>, key: &ServerKey) {
        let (sight, sip) = (seen.sight, seen.sight.sip);
        let name = (sight.host, sip.call_id().to_owned(), sip.to_tag().to_owned());
        let due = if sip.count("event") == 0 {
            Due::Nameless
        } else if self.asked.get(&name).is_none() {
            Due::Stranger
        } else if sip.count("subscription-state") == 0 {
            Due::Stateless
        } else {
            Due::Any
        };
        self.due.put(sight.at, key.clone(), due);
        if sight.transport == Transport::Udp {
            self.answers.owe(key.clone(), sight.at + SOON);
        }
    }

    fn answers_notify(&mut self, seen: &Seen<'_>, key: &ServerKey, broken: &mut Violations) {
        let sip = seen.sight.sip;
        if sip.code() < 200 {
            return;
        }
        self.answers.settle(key);
        let fits = match self.due.get(key) {
            None | Some(Due::Any) => true,
            // What the package or the form of the request says goes before, and so does the order of the dialog.
            Some(Due::Stranger) => matches!(sip.code(), 481 | 489 | 400 | 420 | 500),
            Some(Due::Nameless | Due::Stateless) => sip.code() >= 300,
        };
        broken.unless(fits, "EVT-4", seen, format!("{:?}", self.due.get(key)));
        if sip.code() == 489 {
            broken.unless(sip.count("allow-events") > 0, "EVT-4", seen, "489 has Allow-Events");
        }
    }

    /// A host sends a PUBLISH.
    fn publishes(&mut self, seen: &Seen<'_>, broken: &mut Violations) {
        let (sight, sip) = (seen.sight, seen.sight.sip);
        let known = self.published.entry(sight.at, (sight.host, sip.call_id().to_owned()), Published::default);
        let named = sip.header("sip-if-match").map(str::to_owned);
        broken.unless(named == known.tag, "EVT-7", seen, format!("the entity-tag is {:?}", known.tag));
        let body = !sip.body().is_empty();
        broken.unless(named.is_some() || body, "EVT-7", seen, "what is published first has a body");
        if seconds(sip, "expires") == Some(0) {
            broken.unless(!body && named.is_some(), "EVT-7", seen, "what is removed is named, and has no body");
        }
    }

    /// A host gets an answer to a PUBLISH.
    fn published(&mut self, seen: &Seen<'_>, key: &ClientKey) {
        let (sight, sip) = (seen.sight, seen.sight.sip);
        let removed = seen.model.client(key).is_some_and(|client| seconds(&client.request, "expires") == Some(0));
        let known = self.published.entry(sight.at, (sight.host, sip.call_id().to_owned()), Published::default);
        match sip.code() {
            200..=299 if removed => known.tag = None,
            200..=299 => known.tag = sip.header("sip-etag").map(str::to_owned),
            412 => known.tag = None,
            _ => {}
        }
    }
}
