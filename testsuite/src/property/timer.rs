//! TMR: session timers (RFC 4028).
//!
//! - TMR-1: intervals that are too short, and what is asked for after a 422 (sections 5 to 9).
//! - TMR-2: the refresher refreshes, and whoever waits in vain ends the session (section 10).
//! - TMR-3: who refreshes (section 9).
//! - TMR-4: a refresh that is answered with 408 or 481 ends the session (section 10).

use std::time::Duration;

use sipsimple_core::time::Instant;

use crate::model::{ClientKey, ServerKey, Step};
use crate::sip::{Sip, param};

use super::{LARGE, Memory, Owed, Property, Seen, Side, Violations, lists, within_datagram};

/// The shortest interval there is.
const FLOOR: u32 = 90;

/// How much later than it should be something may come that another request is in the way of.
const SLACK: Duration = Duration::from_secs(5);

/// The session timers of all dialogs.
#[derive(Debug, Default)]
pub struct SessionTimer {
    refreshes: Owed<Side>,
    ends: Owed<Side>,
    failures: Owed<Side>,
    over: Memory<Side, ()>,
    /// The dialogs whose INVITE was accepted: before that there is no session to refresh.
    begun: Memory<Side, ()>,
    /// What a 422 has asked for, and the CSeq of what it refused.
    least: Memory<(usize, String), (u32, u32)>,
}

impl Property for SessionTimer {
    fn seen(&mut self, seen: &Seen<'_>, broken: &mut Violations) {
        let (sight, sip) = (seen.sight, seen.sight.sip);
        match seen.step {
            Step::RequestSent { key, first: true } if refreshes(&key.method) => self.asked(seen, broken),
            Step::ResponseSent { key: Some(key) } if refreshes(&key.method) && sip.code() >= 200 => {
                self.answered(seen, key, broken);
            }
            Step::ResponseGot { key: Some(key), fresh: true } if refreshes(&key.method) && sip.code() >= 200 => {
                self.heard(seen, key);
            }
            Step::RequestSent { key, .. } if key.method == "BYE" => {
                self.over(Side::of(sight.host, sip, true), sight.at)
            }
            Step::RequestGot { key, .. } if key.method == "BYE" => {
                self.over(Side::of(sight.host, sip, false), sight.at)
            }
            _ => {}
        }
    }

    fn passed(&mut self, now: Instant, broken: &mut Violations) {
        while let Some((by, side)) = self.refreshes.missed(now) {
            broken.add("TMR-2", side.host, by, format!("{} is not refreshed", side.call_id));
        }
        while let Some((by, side)) = self.ends.missed(now) {
            broken.add("TMR-2", side.host, by, format!("{} was not refreshed, and goes on", side.call_id));
        }
        while let Some((by, side)) = self.failures.missed(now) {
            broken.add("TMR-4", side.host, by, format!("the refresh of {} has failed, and it goes on", side.call_id));
        }
    }
}

/// Whether requests of this method refresh a session.
fn refreshes(method: &str) -> bool {
    matches!(method, "INVITE" | "UPDATE")
}

/// The interval, and who refreshes.
fn interval(sip: &Sip) -> Option<(u32, Option<&str>)> {
    let value = sip.header("session-expires").or_else(|| sip.header("x"))?;
    let seconds = value.split(';').next()?.trim().parse().ok()?;
    Some((seconds, param(value, "refresher").flatten()))
}

fn min_se(sip: &Sip) -> Option<u32> {
    sip.header("min-se")?.split(';').next()?.trim().parse().ok()
}

impl SessionTimer {
    /// A host asks for an interval.
    fn asked(&mut self, seen: &Seen<'_>, broken: &mut Violations) {
        let (sight, sip) = (seen.sight, seen.sight.sip);
        if !sip.to_tag().is_empty() {
            self.refreshes.settle(&Side::of(sight.host, sip, true));
        }
        let least = min_se(sip).unwrap_or(FLOOR);
        broken.unless(least >= FLOOR, "TMR-1", seen, "Min-SE is too short");
        let Some((seconds, _)) = interval(sip) else { return };
        broken.unless(seconds >= least, "TMR-1", seen, format!("it is shorter than {least}"));
        broken.unless(lists(sip, "supported", "timer"), "TMR-1", seen, "who asks for an interval supports timers");
        if let Some((wanted, refused)) = self.least.get(&(sight.host, sip.call_id().to_owned())) {
            broken.unless(seconds >= *wanted, "TMR-1", seen, format!("a 422 has asked for {wanted}"));
            broken.unless(sip.cseq().0 > *refused, "TMR-1", seen, "it has the CSeq of the one that was refused");
        }
    }

    /// A host answers.
    fn answered(&mut self, seen: &Seen<'_>, key: &ServerKey, broken: &mut Violations) {
        let (sight, sip) = (seen.sight, seen.sight.sip);
        let Some(server) = seen.model.server(key) else { return };
        if server.answer.as_ref().is_some_and(|answer| !answer.again.is_empty()) {
            return;
        }
        let (request, supported) = (&server.request, lists(&server.request, "supported", "timer"));
        let asked = interval(request);
        if sip.code() == 422 {
            let least = min_se(sip).unwrap_or(0);
            broken.unless(least >= FLOOR, "TMR-1", seen, "422 has a Min-SE of at least 90");
            let short = asked.is_some_and(|(seconds, _)| seconds < least);
            broken.unless(short, "TMR-1", seen, "the interval was long enough");
        }
        if sip.code() >= 300 {
            // With it an early dialog is over, and what was agreed on in there.
            if request.to_tag().is_empty() {
                self.over(Side::of(sight.host, sip, false), sight.at);
            }
            return;
        }
        let short = supported && asked.is_some_and(|(seconds, _)| seconds < FLOOR);
        broken.unless(!short, "TMR-1", seen, "422 was due");
        let side = Side::of(sight.host, sip, false);
        self.begins(&side, sip, sight.at);
        let Some((seconds, refresher)) = interval(sip) else {
            self.stop(&side);
            return;
        };
        broken.unless(matches!(refresher, Some("uac" | "uas")), "TMR-3", seen, "it says who refreshes");
        if let Some((most, wish)) = asked {
            broken.unless(seconds <= most, "TMR-3", seen, format!("only {most} were asked for"));
            let follows = !supported || wish.is_none() || wish == refresher;
            broken.unless(follows, "TMR-3", seen, format!("the refresher was to be {wish:?}"));
        }
        // Who asks for less than it allows gets what it asks for.
        let most = asked.map_or(u32::MAX, |(most, _)| most);
        let least = min_se(request).unwrap_or(0).max(FLOOR).min(most);
        broken.unless(seconds >= least, "TMR-3", seen, format!("it is shorter than {least}"));
        if refresher == Some("uac") {
            broken.unless(supported, "TMR-3", seen, "the caller cannot refresh");
            broken.unless(lists(sip, "require", "timer"), "TMR-3", seen, "the caller has to know of timers");
        }
        let plain = !sip.contact().contains("transport=") && !request.contact().contains("transport=");
        self.start(seen, side, seconds, refresher == Some("uas"), plain && sip.data().len() <= LARGE);
    }

    /// A host gets an answer.
    fn heard(&mut self, seen: &Seen<'_>, key: &ClientKey) {
        let (sight, sip) = (seen.sight, seen.sight.sip);
        let Some(client) = seen.model.client(key) else { return };
        if sip.code() == 422 {
            if let Some(least) = min_se(sip) {
                self.least.put(sight.at, (sight.host, sip.call_id().to_owned()), (least, sip.cseq().0));
            }
            return;
        }
        let side = Side::of(sight.host, sip, true);
        if matches!(sip.code(), 408 | 481) && !client.request.to_tag().is_empty() {
            if within_datagram(client) && self.over.get(&side).is_none() {
                self.failures.owe(side, sight.at + SLACK);
            }
            return;
        }
        if sip.code() >= 300 {
            return;
        }
        self.begins(&side, sip, sight.at);
        match interval(sip).filter(|_| lists(&client.request, "supported", "timer")) {
            Some((seconds, refresher)) => {
                let plain = !sip.contact().contains("transport=") && sip.list("record-route").is_empty();
                let sure = plain && within_datagram(client) && client.cancelled.is_none();
                self.start(seen, side, seconds.max(FLOOR), refresher != Some("uas"), sure);
            }
            None => self.stop(&side),
        }
    }

    fn begins(&mut self, side: &Side, sip: &Sip, now: Instant) {
        if sip.cseq().1 == "INVITE" {
            self.begun.put(now, side.clone(), ());
        }
    }

    fn start(&mut self, seen: &Seen<'_>, side: Side, seconds: u32, own: bool, sure: bool) {
        self.stop(&side);
        if !sure || self.over.get(&side).is_some() || self.begun.get(&side).is_none() {
            return;
        }
        let (now, whole) = (seen.sight.at, Duration::from_secs(u64::from(seconds)));
        if own {
            self.refreshes.owe(side.clone(), now + whole / 2 + SLACK);
        }
        let early = Duration::from_secs(32).min(whole / 3);
        self.ends.owe(side, now + (whole - early) + SLACK);
    }

    fn stop(&mut self, side: &Side) {
        self.refreshes.settle(side);
        self.ends.settle(side);
    }

    fn over(&mut self, side: Side, now: Instant) {
        self.stop(&side);
        self.failures.settle(&side);
        self.over.put(now, side, ());
    }
}
