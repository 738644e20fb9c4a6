//! CAN-4, DLG-8, DLG-9: what is left of an INVITE that was sent, when it is answered or given up (RFC 3261 sections 9.1 and 13.2.2).
//!
//! - CAN-4: 64·T1 after its CANCEL an INVITE that nobody has answered is over: what comes then is not acknowledged. That it is freed,
//!   GEN-5 asserts.
//! - DLG-8: of several who accept all but the first get ACK and BYE; and 64·T1 after the first 2xx nothing is sent in a dialog that is
//!   still early. That a request which comes in one is answered with 481, DLG-14 asserts of BYE, as far as the wire tells what is there.
//! - DLG-9: after a refusal nothing is sent in the early dialogs of the INVITE.

use std::time::Duration;

use sipsimple_core::time::Instant;
use sipsimple_core::transport::Transport;

use crate::model::{Client, ClientKey, Step};

use super::{Memory, Owed, Property, Seen, Side, Violations, within_datagram};

/// How long the BYE of one call too many may take.
const SOON: Duration = Duration::from_secs(1);

/// A dialog that a response to an INVITE of ours has made.
#[derive(Clone, Debug)]
struct Dialog {
    invite: ClientKey,
    confirmed: bool,
    /// Its INVITE was refused before it was confirmed.
    refused: bool,
}

/// Watches what follows the responses to INVITEs.
#[derive(Debug, Default)]
pub struct Forks {
    dialogs: Memory<Side, Dialog>,
    /// The tag of the first who accepted an INVITE, and when.
    accepted: Memory<ClientKey, (String, Instant)>,
    /// The INVITEs of a call, by their number.
    invites: Memory<(usize, String, String, u32), ClientKey>,
    acks: Owed<Side>,
    byes: Owed<Side>,
    /// The calls that have ended by BYE.
    ended: Memory<Side, ()>,
}

impl Property for Forks {
    fn seen(&mut self, seen: &Seen<'_>, broken: &mut Violations) {
        let (sight, sip) = (seen.sight, seen.sight.sip);
        match seen.step {
            Step::RequestSent { key, first: true } if key.method == "INVITE" => {
                let name = (sight.host, sip.call_id().to_owned(), sip.from_tag().to_owned(), sip.cseq().0);
                self.invites.put(sight.at, name, key.clone());
                self.within(seen, broken);
            }
            Step::RequestSent { key, first: true } if key.method != "CANCEL" && !sip.to_tag().is_empty() => {
                self.within(seen, broken);
                if key.method == "BYE" {
                    self.over(Side::of(sight.host, sip, true), sight.at);
                }
            }
            Step::RequestGot { key, .. } if key.method == "BYE" => {
                self.over(Side::of(sight.host, sip, false), sight.at);
            }
            Step::ResponseGot { key: Some(key), .. } if key.method == "INVITE" => {
                if let Some(client) = seen.model.client(key).filter(|client| client.request.to_tag().is_empty()) {
                    self.got(seen, key, client);
                }
            }
            Step::AckSent { refused } => {
                let name = (sight.host, sip.call_id().to_owned(), sip.from_tag().to_owned(), sip.cseq().0);
                let key = refused.as_ref().or_else(|| self.invites.get(&name));
                if let Some(client) = key.and_then(|key| seen.model.client(key)) {
                    let until = seen.model.timers(sight.host).timeout();
                    let over = client.cancelled.is_some_and(|cancelled| sight.at > cancelled + until);
                    broken.unless(!over || client.answer.is_some(), "CAN-4", seen, "the INVITE was cancelled long ago");
                }
                self.acks.settle(&Side::of(sight.host, sip, true));
            }
            _ => {}
        }
    }

    fn passed(&mut self, now: Instant, broken: &mut Violations) {
        while let Some((by, side)) = self.acks.missed(now) {
            broken.add("DLG-8", side.host, by, format!("the 2xx of another fork is not acknowledged: {side:?}"));
        }
        while let Some((by, side)) = self.byes.missed(now) {
            broken.add("DLG-8", side.host, by, format!("the call with another fork is not ended: {side:?}"));
        }
    }
}

impl Forks {
    fn over(&mut self, side: Side, now: Instant) {
        self.byes.settle(&side);
        self.acks.settle(&side);
        self.ended.put(now, side, ());
    }

    /// A response to an INVITE that began a call.
    fn got(&mut self, seen: &Seen<'_>, key: &ClientKey, client: &Client) {
        let (sight, sip) = (seen.sight, seen.sight.sip);
        let side = Side::of(sight.host, sip, true);
        if sip.code() >= 300 {
            if client.answer.as_ref().is_some_and(|answer| answer.at == sight.at) && !client.uncertain {
                let early: Vec<Side> =
                    (self.dialogs.range(Side { local: String::new(), remote: String::new(), ..side }))
                        .take_while(|(of, _)| of.host == sight.host && of.call_id == sip.call_id())
                        .filter(|(_, dialog)| dialog.invite == *key && !dialog.confirmed)
                        .map(|(side, _)| side.clone())
                        .collect();
                for side in early {
                    if let Some(dialog) = self.dialogs.get_mut(sight.at, &side) {
                        dialog.refused = true;
                    }
                }
            }
            return;
        }
        // What follows a refusal is absorbed.
        let refused = client.answer.as_ref().is_some_and(|answer| answer.sip.code() >= 300);
        if sip.code() <= 100 || sip.to_tag().is_empty() || refused || client.uncertain {
            return;
        }
        let new = || Dialog { invite: key.clone(), confirmed: false, refused: false };
        let dialog = self.dialogs.entry(sight.at, side.clone(), new);
        (dialog.invite, dialog.refused) = (key.clone(), false);
        if sip.code() < 200 || std::mem::replace(&mut dialog.confirmed, true) {
            return;
        }
        let (first, at) = self.accepted.entry(sight.at, key.clone(), || (sip.to_tag().to_owned(), sight.at));
        // Who accepts when Timer M is over finds nobody.
        let late = sight.at >= *at + seen.model.timers(sight.host).timeout();
        let plain =
            sight.transport == Transport::Udp && !sip.contact().contains("transport=") && within_datagram(client);
        if first != sip.to_tag() && !late && plain && sip.count("contact") == 1 && self.ended.get(&side).is_none() {
            self.acks.owe(side.clone(), sight.at + SOON);
            self.byes.owe(side, sight.at + SOON);
        }
    }

    /// A request is sent within a dialog.
    fn within(&self, seen: &Seen<'_>, broken: &mut Violations) {
        let sight = seen.sight;
        let Some(dialog) = self.dialogs.get(&Side::of(sight.host, sight.sip, true)).filter(|it| !it.confirmed) else {
            return;
        };
        broken.unless(!dialog.refused, "DLG-9", seen, "its INVITE was refused");
        let until = seen.model.timers(sight.host).timeout();
        let gone = self.accepted.get(&dialog.invite).is_some_and(|(_, at)| sight.at > *at + until);
        broken.unless(!gone, "DLG-8", seen, "another has accepted the INVITE, long ago");
    }
}
