//! UPD: UPDATE (RFC 3311 section 5).
//!
//! - UPD-1: an UPDATE is answered without anybody being asked; one with an offer with 491 while an offer of this side is open, with 500
//!   while one of the other side is.

use std::time::Duration;

use sipsimple_core::time::Instant;
use sipsimple_core::transport::Transport;

use crate::model::{ClientKey, ServerKey, Step};

use super::{Memory, Owed, Property, Seen, Side, Violations, lists};

/// How long the answer to an UPDATE may take.
const SOON: Duration = Duration::from_millis(500);

/// What may be said of an offer that comes now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    /// An offer of this side waits for its answer.
    Pending,
    /// An offer of the other side waits for its answer.
    Later,
    /// No offer is open.
    Free,
    /// It cannot be told from here.
    Unsure,
}

/// The offers of one side that are open.
#[derive(Clone, Debug, Default)]
struct Open {
    /// Requests of this side with an offer.
    own: Vec<ClientKey>,
    /// Requests of the other side with an offer.
    theirs: Vec<ServerKey>,
    /// Whether an offer of this side has gone in a response: what answers it is not looked at.
    unsure: bool,
}

/// Watches UPDATEs.
#[derive(Debug, Default)]
pub struct Update {
    open: Memory<Side, Open>,
    /// The INVITEs of a call that this side began: their dialogs are not known before they are answered.
    begun: Memory<(usize, String, String), ClientKey>,
    /// The INVITEs that began a call without an offer: the offer is this side's to make.
    bare: Memory<(usize, String, String), ServerKey>,
    due: Memory<ServerKey, Due>,
    answers: Owed<ServerKey>,
}

impl Property for Update {
    fn seen(&mut self, seen: &Seen<'_>, broken: &mut Violations) {
        let (sight, sip) = (seen.sight, seen.sight.sip);
        let inside = !sip.to_tag().is_empty();
        match seen.step {
            Step::RequestGot { key, first: true }
                if !inside && key.method == "INVITE" && sip.description().is_none() =>
            {
                let call = (sight.host, sip.call_id().to_owned(), sip.from_tag().to_owned());
                self.bare.put(sight.at, call, key.clone());
            }
            Step::RequestGot { key, first: true } if inside && carries(&key.method) => {
                let side = Side::of(sight.host, sip, false);
                let offers = sip.description().is_some();
                if key.method == "UPDATE" {
                    self.got(seen, key, &side, offers);
                }
                if offers && key.method != "PRACK" {
                    self.open.entry(sight.at, side, Open::default).theirs.push(key.clone());
                }
            }
            Step::ResponseSent { key: Some(key) } if carries(&key.method) => {
                let code = sip.code();
                self.answers.settle(key);
                if let Some(due) = self.due.get(key).copied().filter(|_| code >= 200) {
                    judge(seen, due, broken);
                }
                let side = Side::of(sight.host, sip, false);
                let answers = code >= 200 || (sip.description().is_some() && lists(sip, "require", "100rel"));
                if let Some(open) = self.open.get_mut(sight.at, &side).filter(|_| answers) {
                    open.theirs.retain(|known| known != key);
                }
                // An INVITE without an offer brings one of this side.
                let asked = seen.model.server(key).is_some_and(|server| server.request.description().is_none());
                if asked && key.method == "INVITE" && code < 300 && sip.description().is_some() {
                    self.open.entry(sight.at, side, Open::default).unsure = true;
                }
            }
            Step::RequestSent { key, first: true } if carries(&key.method) => {
                if key.method == "UPDATE" {
                    broken.unless(sip.count("contact") == 1, "UPD-1", seen, "an UPDATE has one Contact");
                }
                let offers = sip.description().is_some() && key.method != "PRACK";
                if !inside {
                    let call = (sight.host, sip.call_id().to_owned(), sip.from_tag().to_owned());
                    self.begun.put(sight.at, call, key.clone());
                }
                if inside && offers {
                    let side = Side::of(sight.host, sip, true);
                    let open = self.open.entry(sight.at, side, Open::default);
                    if key.method == "UPDATE" {
                        let free = open.own.is_empty() && open.theirs.is_empty();
                        broken.unless(free, "UPD-1", seen, "another offer is open");
                    }
                    open.own.push(key.clone());
                }
            }
            Step::ResponseGot { key: Some(key), .. } if carries(&key.method) => {
                let side = Side::of(sight.host, sip, true);
                let answers = sip.code() >= 200 || (sip.description().is_some() && lists(sip, "require", "100rel"));
                if let Some(open) = self.open.get_mut(sight.at, &side).filter(|_| answers) {
                    open.own.retain(|known| known != key);
                }
            }
            _ => {}
        }
    }

    fn passed(&mut self, now: Instant, broken: &mut Violations) {
        while let Some((by, key)) = self.answers.missed(now) {
            broken.add("UPD-1", key.host, by, format!("the UPDATE of branch {} is not answered", key.branch));
        }
    }
}

/// Whether requests of this method may carry an offer.
fn carries(method: &str) -> bool {
    matches!(method, "INVITE" | "UPDATE" | "PRACK")
}

impl Update {
    fn got(&mut self, seen: &Seen<'_>, key: &ServerKey, side: &Side, offers: bool) {
        let sight = seen.sight;
        if sight.transport == Transport::Udp {
            self.answers.owe(key.clone(), sight.at + SOON);
        }
        let begun = self.begun.get(&(side.host, side.call_id.clone(), side.local.clone()));
        let bare = self.bare.get(&(side.host, side.call_id.clone(), side.remote.clone()));
        let early = begun.and_then(|key| seen.model.client(key)).is_some_and(|client| client.answer.is_none())
            || bare.and_then(|key| seen.model.server(key)).is_some_and(|server| server.answer.is_none());
        let due = match self.open.get(side).filter(|_| offers) {
            _ if early => Due::Unsure,
            Some(open) if open.unsure => Due::Unsure,
            Some(open) if self.is_pending(seen, open) => Due::Pending,
            Some(open) if !open.theirs.is_empty() => Due::Later,
            Some(_) | None => Due::Free,
        };
        self.due.put(sight.at, key.clone(), due);
    }

    /// Whether a request of this side with an offer still waits: one that timed out does not.
    #[expect(clippy::unused_self, reason = "it is said of what is open")]
    fn is_pending(&self, seen: &Seen<'_>, open: &Open) -> bool {
        let timers = seen.model.timers(seen.sight.host);
        open.own.iter().any(|key| {
            let client = seen.model.client(key);
            client.is_some_and(|client| {
                client.answer.is_none() && client.awaited_until(&timers).is_none_or(|until| until > seen.sight.at)
            })
        })
    }
}

fn judge(seen: &Seen<'_>, due: Due, broken: &mut Violations) {
    let sip = seen.sight.sip;
    // What is wrong with the request itself, or with its dialog, goes before.
    if matches!(sip.code(), 400 | 401 | 405 | 407 | 415 | 420 | 422 | 481) {
        return;
    }
    match due {
        Due::Pending => {
            broken.unless(matches!(sip.code(), 491 | 500), "UPD-1", seen, "491 was due: an offer of this side is open");
        }
        Due::Later => {
            broken.unless(sip.code() == 500, "UPD-1", seen, "500 was due: an offer of the other side is open");
        }
        Due::Unsure => {}
        Due::Free => broken.unless(sip.code() != 491, "UPD-1", seen, "no offer of this side is open"),
    }
    if sip.code() == 500 && due == Due::Later {
        let after = sip.header("retry-after").and_then(|text| text.split([';', ' ']).next()?.parse::<u32>().ok());
        broken.unless(after.is_some_and(|after| after <= 10), "UPD-1", seen, "Retry-After is 0 to 10 seconds");
    }
}
