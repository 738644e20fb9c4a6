//! NCT: the client transaction of every request but INVITE and ACK (RFC 3261 section 17.1.2).
//!
//! - NCT-1, NCT-2: when a request is sent again, before and after a provisional response (17.1.2.2).
//! - NCT-4: never after a final response (17.1.2.2).

use std::time::Duration;

use sipsimple_core::time::Instant;
use sipsimple_core::transport::Transport;

use crate::model::{ClientKey, Step};

use super::{Memory, Owed, Property, Seen, Violations};

/// Watches requests that hosts send.
#[derive(Debug, Default)]
pub struct NonInviteClient {
    again: Owed<ClientKey>,
    schedules: Memory<ClientKey, Schedule>,
}

/// When timer E fires next, and what it was set to.
#[derive(Clone, Copy, Debug)]
struct Schedule {
    due: Instant,
    interval: Duration,
}

impl Property for NonInviteClient {
    fn seen(&mut self, seen: &Seen<'_>, broken: &mut Violations) {
        match seen.step {
            Step::RequestSent { key, first } if key.method != "INVITE" => self.sent(seen, key, *first, broken),
            Step::ResponseGot { key: Some(key), .. } if key.method != "INVITE" && seen.sight.sip.code() >= 200 => {
                self.again.settle(key);
            }
            _ => {}
        }
    }

    fn passed(&mut self, now: Instant, broken: &mut Violations) {
        while let Some((by, key)) = self.again.missed(now) {
            broken.add("NCT-1", key.host, by, format!("the {} of branch {} is not sent again", key.method, key.branch));
        }
    }
}

impl NonInviteClient {
    fn sent(&mut self, seen: &Seen<'_>, key: &ClientKey, first: bool, broken: &mut Violations) {
        let Some(client) = seen.model.client(key) else { return };
        let (sight, timers) = (seen.sight, seen.model.timers(seen.sight.host));
        if sight.transport != Transport::Udp {
            broken.unless(first, "NCT-1", seen, "a request is sent twice over a stream");
            return;
        }
        let until = client.begun() + timers.timeout();
        let schedule =
            self.schedules.entry(sight.at, key.clone(), || Schedule { due: sight.at + timers.t1, interval: timers.t1 });
        if !first {
            let id = if client.provisional.is_some() { "NCT-2" } else { "NCT-1" };
            broken.unless(sight.at == schedule.due, id, seen, format!("it was due at {}", schedule.due));
            broken.unless(sight.at < until, "NCT-1", seen, "it is sent after timer F");
            broken.unless(client.answer.is_none(), "NCT-4", seen, "it is sent again after a final response");
            broken.unless(sight.sip == &client.request, "NCT-1", seen, "it is not the same as before");
            let doubled = schedule.interval.saturating_mul(2).min(timers.cap());
            schedule.interval = if client.provisional.is_some() { timers.cap() } else { doubled };
            schedule.due = sight.at + schedule.interval;
        }
        self.again.settle(key);
        if schedule.due < until && client.answer.is_none() {
            self.again.owe(key.clone(), schedule.due);
        }
    }
}
