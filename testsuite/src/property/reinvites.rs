//! DLG-10, DLG-11, OA-1: one thing at a time within a dialog (RFC 3261 section 14, RFC 3264 section 4, RFC 6337 section 3).
//!
//! - DLG-10: nobody sends an INVITE while another waits, its own or the other side's. One that comes while one of our own waits is
//!   answered with 491, a second one with 500 and Retry-After (14.1, 14.2).
//! - DLG-11: after 491 the one who owns the Call-ID waits at least 2.1 s. That the other waits at most 2 s, and that glare ends, is
//!   asserted by OA-14 and SES-3: what users want besides cannot be told from a retry.
//! - OA-1: no offer is sent while another is open, of either side. A PRACK may answer or offer: which, only the session knows.

use std::collections::BTreeMap;
use std::time::Duration;

use sipsimple_core::time::Instant;

use crate::model::{ClientKey, ServerKey, Step};

use super::{Memory, Property, Seen, Side, Violations, lists};

/// The shortest wait of the one who owns the Call-ID, less what virtual time rounds away.
const OWNER: Duration = Duration::from_millis(2_099);

/// What may be said of an INVITE that comes now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    /// One of this side waits: 491.
    Pending,
    /// One of the other side waits: 500.
    Later,
}

/// The refusals that a request may get whatever its dialog is busy with (RFC 3261 sections 8.2 and 12.2.2, RFC 5057).
const OTHERWISE: [u16; 13] = [400, 401, 403, 405, 406, 407, 415, 416, 420, 422, 481, 482, 503];

/// What is under way in a dialog, at one side.
#[derive(Clone, Debug, Default)]
struct Dialog {
    /// The INVITE of this side that was sent last.
    invite: Option<ClientKey>,
    /// The INVITEs of the other side that are not answered.
    invites: Vec<ServerKey>,
    /// The requests of this side with an offer, and those of the other, that are not answered.
    own: Vec<ClientKey>,
    theirs: Vec<ServerKey>,
    /// An offer in a response of ours, which an ACK or a PRACK will answer: until when.
    response: Option<Instant>,
    /// When 491 came last.
    refused: Option<Instant>,
}

/// Watches INVITEs and offers within dialogs.
#[derive(Debug, Default)]
pub struct Reinvites {
    dialogs: Memory<Side, Dialog>,
    /// The calls that a host began: it owns their Call-IDs.
    begun: Memory<(usize, String, String), ()>,
    due: Memory<ServerKey, Due>,
    /// When each host has lost a connection last: what it wrote there may have failed unseen.
    lost: BTreeMap<usize, Instant>,
}

impl Property for Reinvites {
    fn seen(&mut self, seen: &Seen<'_>, broken: &mut Violations) {
        let (sight, sip) = (seen.sight, seen.sight.sip);
        let inside = !sip.to_tag().is_empty();
        match seen.step {
            Step::RequestSent { key, first: true } if key.method == "INVITE" && !inside => {
                self.begun.put(sight.at, (sight.host, sip.call_id().to_owned(), sip.from_tag().to_owned()), ());
            }
            Step::RequestSent { key, first: true } if matches!(key.method.as_str(), "INVITE" | "UPDATE") => {
                self.sent(seen, key, broken);
            }
            Step::RequestGot { key, first: true } if inside && matches!(key.method.as_str(), "INVITE" | "UPDATE") => {
                self.got(seen, key);
            }
            Step::RequestGot { first: true, .. } if sip.request() == "PRACK" => self.answered(seen),
            Step::AckGot { refused: None } => self.answered(seen),
            Step::ResponseSent { key: Some(key) } => {
                let side = Side::of(sight.host, sip, false);
                if sip.code() >= 200
                    && let Some(due) = self.due.get(key)
                {
                    judge(seen, *due, broken);
                }
                let reliable = lists(sip, "require", "100rel");
                let asked = seen.model.server(key).is_some_and(|server| server.request.description().is_none());
                let offers = key.method == "INVITE" && asked && sip.description().is_some() && sip.code() < 300;
                let dialog = self.dialogs.entry(sight.at, side, Dialog::default);
                if sip.code() >= 200 {
                    dialog.invites.retain(|known| known != key);
                }
                if sip.code() >= 200 || (reliable && sip.description().is_some()) {
                    dialog.theirs.retain(|known| known != key);
                }
                if offers
                    && (sip.code() >= 200 || reliable)
                    && seen.model.server(key).is_some_and(|it| it.got.len() == 1)
                {
                    dialog.response = Some(sight.at + seen.model.timers(sight.host).timeout());
                }
            }
            Step::ResponseGot { key: Some(key), .. } => {
                let side = Side::of(sight.host, sip, true);
                let Some(dialog) = self.dialogs.get_mut(sight.at, &side) else { return };
                if sip.code() >= 200 || (lists(sip, "require", "100rel") && sip.description().is_some()) {
                    dialog.own.retain(|known| known != key);
                }
                if sip.code() == 491
                    && matches!(key.method.as_str(), "INVITE" | "UPDATE")
                    && let Some(client) = seen.model.client(key)
                    && client.answer.as_ref().is_some_and(|answer| answer.at == sight.at)
                {
                    dialog.refused = Some(sight.at);
                }
            }
            _ => {}
        }
    }

    fn lost(&mut self, host: usize, at: Instant) {
        self.lost.insert(host, at);
    }
}

impl Reinvites {
    /// Whether a request of this side still waits for its final response.
    fn waits(&self, seen: &Seen<'_>, key: &ClientKey) -> bool {
        let timers = seen.model.timers(seen.sight.host);
        let lost = self.lost.get(&seen.sight.host).copied();
        seen.model.client(key).is_some_and(|client| {
            client.answer.is_none()
                && client.awaited_until(&timers).is_none_or(|until| until > seen.sight.at)
                && lost.is_none_or(|lost| lost < client.begun())
        })
    }

    /// Whether a request of the other side waits for its final response.
    fn open(&self, seen: &Seen<'_>, key: &ServerKey) -> bool {
        let lost = self.lost.get(&seen.sight.host).copied();
        seen.model.server(key).is_some_and(|server| {
            server.answer.is_none() && lost.is_none_or(|lost| server.got.first().is_some_and(|got| lost < *got))
        })
    }

    fn sent(&mut self, seen: &Seen<'_>, key: &ClientKey, broken: &mut Violations) {
        let (sight, sip) = (seen.sight, seen.sight.sip);
        let side = Side::of(sight.host, sip, true);
        let dialog = self.dialogs.entry(sight.at, side.clone(), Dialog::default).clone();
        let (invite, offers) = (key.method == "INVITE", sip.description().is_some());
        if invite {
            let own = dialog.invite.as_ref().is_some_and(|invite| self.waits(seen, invite));
            broken.unless(!own, "DLG-10", seen, "another INVITE of its own waits");
            let theirs = dialog.invites.iter().any(|invite| self.open(seen, invite));
            broken.unless(!theirs, "DLG-10", seen, "an INVITE of the other side waits");
            let owner = self.begun.get(&(side.host, side.call_id.clone(), side.local.clone())).is_some();
            let early = dialog.refused.is_some_and(|at| sight.at < at + OWNER);
            broken.unless(!owner || !early, "DLG-11", seen, "the owner of the Call-ID has not waited");
        }
        if offers {
            let own = dialog.own.iter().any(|key| self.waits(seen, key));
            let theirs = dialog.theirs.iter().any(|key| self.open(seen, key));
            let response = dialog.response.is_some_and(|until| sight.at < until);
            broken.unless(!own && !theirs && !response, "OA-1", seen, "another offer is open");
        }
        if let Some(dialog) = self.dialogs.get_mut(sight.at, &side) {
            if invite {
                dialog.invite = Some(key.clone());
            }
            if offers {
                dialog.own.push(key.clone());
            }
        }
    }

    fn got(&mut self, seen: &Seen<'_>, key: &ServerKey) {
        let (sight, sip) = (seen.sight, seen.sight.sip);
        let side = Side::of(sight.host, sip, false);
        let dialog = self.dialogs.entry(sight.at, side.clone(), Dialog::default).clone();
        if key.method == "INVITE" {
            let own = dialog.invite.as_ref().is_some_and(|invite| self.waits(seen, invite));
            let theirs = dialog.invites.iter().any(|invite| self.open(seen, invite));
            if own || theirs {
                self.due.put(sight.at, key.clone(), if own { Due::Pending } else { Due::Later });
            }
        }
        if let Some(dialog) = self.dialogs.get_mut(sight.at, &side) {
            if key.method == "INVITE" {
                dialog.invites.push(key.clone());
            }
            if sip.description().is_some() {
                dialog.theirs.push(key.clone());
            }
        }
    }

    /// An offer in a response is answered.
    fn answered(&mut self, seen: &Seen<'_>) {
        let (sight, sip) = (seen.sight, seen.sight.sip);
        if let Some(dialog) = self.dialogs.get_mut(sight.at, &Side::of(sight.host, sip, false)) {
            dialog.response = None;
        }
    }
}

fn judge(seen: &Seen<'_>, due: Due, broken: &mut Violations) {
    let sip = seen.sight.sip;
    if OTHERWISE.contains(&sip.code()) {
        return;
    }
    let after = sip.header("retry-after").and_then(|text| text.split([';', ' ']).next()?.parse::<u32>().ok());
    match due {
        // What is of a lower number than another is refused with 500 in any case (RFC 3261 section 12.2.2).
        Due::Pending => broken.unless(matches!(sip.code(), 491 | 500), "DLG-10", seen, "491 was due"),
        Due::Later => {
            let fits = sip.code() == 500 && after.is_some_and(|after| after <= 10);
            broken.unless(fits, "DLG-10", seen, "500 was due, with Retry-After");
        }
    }
}
