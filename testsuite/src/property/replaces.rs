//! RPL: one call in place of another (RFC 3891 section 3).
//!
//! - RPL-1: which Replaces is refused with what; what is replaced ends, and what is not goes on.

use std::time::Duration;

use sipsimple_core::time::Instant;
use sipsimple_core::transport::Transport;

use crate::model::{ServerKey, Step};
use crate::sip::{Sip, param};

use super::{Memory, Owed, Property, Seen, Side, Violations};

/// How long the end of what is replaced may take: media have to start before.
const SOON: Duration = Duration::from_secs(20);

/// A dialog of a call.
#[derive(Clone, Copy, Debug, Default)]
struct Dialog {
    caller: bool,
    confirmed: bool,
    over: bool,
}

/// What is to become of an INVITE with Replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Due {
    /// With what it is refused; nothing where it may be accepted.
    codes: Vec<u16>,
    /// The dialog whose place it takes, or would have taken.
    old: Option<Side>,
}

/// Watches INVITEs with Replaces.
#[derive(Debug, Default)]
pub struct Replaces {
    dialogs: Memory<Side, Dialog>,
    due: Memory<ServerKey, Due>,
    /// The dialogs that take the place of others.
    taking: Memory<Side, Side>,
    ends: Owed<Side>,
    /// When a host refused to replace a dialog, and when it ended one.
    kept: Memory<Side, Instant>,
    ended: Memory<Side, Instant>,
}

impl Property for Replaces {
    fn seen(&mut self, seen: &Seen<'_>, broken: &mut Violations) {
        let (sight, sip) = (seen.sight, seen.sight.sip);
        match seen.step {
            Step::RequestGot { key, first: true } if key.method == "INVITE" && sip.to_tag().is_empty() => {
                if let Some(due) = self.judge(sight.host, sip) {
                    self.due.put(sight.at, key.clone(), due);
                }
            }
            Step::ResponseSent { key: Some(key) } if key.method == "INVITE" => {
                if let Some(due) = self.due.get(key).cloned().filter(|_| sip.code() >= 200) {
                    self.answered(seen, &due, broken);
                }
                let initial = seen.model.server(key).is_some_and(|server| server.request.to_tag().is_empty());
                self.note(seen, false, initial);
            }
            Step::ResponseGot { key: Some(key), .. } if key.method == "INVITE" => {
                let initial = seen.model.client(key).is_some_and(|client| client.request.to_tag().is_empty());
                self.note(seen, true, initial);
            }
            Step::AckGot { refused: None } if sight.transport == Transport::Udp => {
                let side = Side::of(sight.host, sip, false);
                if let Some(old) = self.taking.get(&side).cloned()
                    && self.dialogs.get(&old).is_some_and(|dialog| !dialog.over)
                    && self.dialogs.get(&side).is_some_and(|dialog| !dialog.over)
                {
                    self.ends.owe(old, sight.at + SOON);
                }
            }
            Step::RequestSent { key, .. } if key.method == "BYE" => {
                self.ends(seen, Side::of(sight.host, sip, true), broken);
                self.over(sight.at, Side::of(sight.host, sip, true))
            }
            Step::RequestGot { key, .. } if key.method == "BYE" => {
                self.over(sight.at, Side::of(sight.host, sip, false))
            }
            // What is replaced while it is early is cancelled; a re-INVITE may be for other reasons.
            Step::RequestSent { key, .. } if key.method == "CANCEL" && sip.to_tag().is_empty() => {
                let from = Side { remote: String::new(), ..Side::of(sight.host, sip, true) };
                let own =
                    |side: &Side| (side.host, &side.call_id, &side.local) == (from.host, &from.call_id, &from.local);
                let sides: Vec<Side> =
                    self.dialogs.range(from.clone()).map(|(side, _)| side.clone()).take_while(own).collect();
                for side in sides {
                    self.ends.settle(&side);
                    self.ends(seen, side, broken);
                }
            }
            _ => {}
        }
    }

    fn passed(&mut self, now: Instant, broken: &mut Violations) {
        while let Some((by, side)) = self.ends.missed(now) {
            broken.add("RPL-1", side.host, by, format!("{} was replaced, and goes on", side.call_id));
        }
    }
}

impl Replaces {
    /// An INVITE came to a host: what is to become of it, if it is to take the place of a call.
    fn judge(&self, host: usize, sip: &Sip) -> Option<Due> {
        let refuse = |codes: &[u16]| Some(Due { codes: codes.to_vec(), old: None });
        let keep = |codes: &[u16], old: Side| Some(Due { codes: codes.to_vec(), old: Some(old) });
        let value = match (sip.count("replaces"), sip.count("join")) {
            (0, _) => return None,
            (1, 0) => sip.header("replaces")?,
            _ => return refuse(&[400]),
        };
        let tag = |name| param(value, name).flatten().map(str::to_owned);
        let (Some(local), Some(remote)) = (tag("to-tag"), tag("from-tag")) else { return refuse(&[400]) };
        let call_id = value.split(';').next()?.trim().to_owned();
        let early_only = param(value, "early-only").is_some();
        let side = Side { host, call_id, local, remote };
        match self.dialogs.get(&side) {
            None => refuse(&[481]),
            // It is remembered for a while that there was one.
            Some(Dialog { over: true, .. }) => refuse(&[603, 481]),
            Some(Dialog { confirmed: false, caller: false, .. }) => keep(&[481], side),
            // An answer that is on its way is not seen here, and one that is sent may count or not.
            Some(Dialog { confirmed: true, .. }) if early_only => keep(&[486], side),
            Some(_) => keep(&[], side),
        }
    }

    fn answered(&mut self, seen: &Seen<'_>, due: &Due, broken: &mut Violations) {
        let (sight, sip) = (seen.sight, seen.sight.sip);
        if let Some(old) = due.old.clone().filter(|_| sip.code() >= 300) {
            // Who hangs up on all ends the one and declines the other, or cancels it: no sign that the refusal has ended it.
            let untouched = matches!(sip.code(), 487 | 603) || self.ended.get(&old) != Some(&sight.at);
            broken.unless(untouched, "RPL-1", seen, "the call that it does not replace has ended");
            self.kept.put(sight.at, old, sight.at);
        }
        if due.codes.is_empty() {
            if let Some(old) = due.old.clone().filter(|_| sip.code() < 300) {
                self.taking.put(sight.at, Side::of(sight.host, sip, false), old);
            }
            return;
        }
        // What is wrong with the request itself, or with whom it is for, goes before; and it may be cancelled.
        let other = [404, 405, 406, 415, 416, 420, 422, 482, 487, 503];
        let fits = due.codes.contains(&sip.code()) || other.contains(&sip.code());
        broken.unless(fits, "RPL-1", seen, format!("{:?} was due", due.codes));
    }

    /// A host ends a dialog, or its INVITE: not because it refused to replace it.
    fn ends(&mut self, seen: &Seen<'_>, side: Side, broken: &mut Violations) {
        let at = seen.sight.at;
        let untouched = self.kept.get(&side) != Some(&at);
        broken.unless(untouched, "RPL-1", seen, "what was to replace it was refused: it goes on");
        self.ended.put(at, side, at);
    }

    /// A response to an INVITE makes or ends a dialog.
    fn note(&mut self, seen: &Seen<'_>, caller: bool, initial: bool) {
        let (sight, sip) = (seen.sight, seen.sight.sip);
        if !initial || sip.code() <= 100 || sip.to_tag().is_empty() {
            return;
        }
        let side = Side::of(sight.host, sip, caller);
        if sip.code() < 300 {
            let dialog = self.dialogs.entry(sight.at, side, || Dialog { caller, ..Dialog::default() });
            dialog.confirmed |= sip.code() >= 200;
            return;
        }
        // A refusal ends all early dialogs of its INVITE.
        let from = Side { remote: String::new(), ..side };
        let own = |known: &Side| (known.host, &known.call_id, &known.local) == (from.host, &from.call_id, &from.local);
        let sides: Vec<Side> = self.dialogs.range(from.clone()).map(|(side, _)| side.clone()).take_while(own).collect();
        for side in sides {
            if self.dialogs.get(&side).is_some_and(|dialog| !dialog.confirmed) {
                self.over(sight.at, side);
            }
        }
    }

    fn over(&mut self, now: Instant, side: Side) {
        self.ends.settle(&side);
        if let Some(old) = self.taking.get(&side) {
            self.ends.settle(old);
        }
        if let Some(dialog) = self.dialogs.get_mut(now, &side) {
            dialog.over = true;
        }
    }
}
