//! DLG: dialogs (RFC 3261 sections 12 to 15).
//!
//! - DLG-1: requests with two tags belong to a dialog that was made (12.1).
//! - DLG-2, DLG-3: the Request-URI and the routes (12.2.1.1).
//! - DLG-4: CSeq of requests that are sent (12.2.1.1).
//! - DLG-5: CSeq of requests that come (12.2.2).
//! - DLG-6: which requests and responses name another target (12.2.1.2, RFC 6141 section 4).
//! - DLG-13: no BYE of the callee before the ACK or 64·T1 (15).
//! - DLG-14: BYE is answered with 200, or 481 where it is unknown (15.1.2).

use std::collections::{BTreeMap, BTreeSet};

use sipsimple_core::time::Instant;
use sipsimple_core::transport::Transport;

use crate::model::{Client, Server, ServerKey, Step};
use crate::sip::{address_of, param, uri_of};
use crate::wire::Fate;

use super::{Memory, Property, Seen, Side, Violations};

#[derive(Clone, Debug)]
struct Dialog {
    caller: bool,
    confirmed: bool,
    routes: Vec<String>,
    target: String,
    /// The target that a reliable provisional response has named: whether it came in order is not looked at (RFC 6141 section 4).
    named: Option<String>,
    /// All targets that anything that came has named.
    contacts: BTreeSet<String>,
    /// The number of the last request that was sent, if one was, and when.
    local: Option<(u32, Instant)>,
    /// The numbers of the INVITEs that were sent.
    invites: Vec<u32>,
    /// The highest number that came, and the highest that may count or not.
    remote: Option<u32>,
    perhaps: Option<u32>,
    /// When the 2xx to the initial INVITE was sent.
    accepted: Option<Instant>,
    acknowledged: bool,
    over: bool,
    /// When the request came or went that made it.
    since: Instant,
}

/// How the CSeq of a request that came compares with those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    InOrder,
    /// It is lower: 500 is due.
    Low,
    /// It is lower, if its dialog is there at all.
    LowOrUnknown,
}

/// The refusals that a request may get before anyone looks at its dialog (RFC 3261 section 8.2): then its CSeq may count, or not.
const INSPECTED: [u16; 8] = [400, 405, 406, 415, 416, 420, 422, 482];

/// Watches what happens inside of dialogs.
#[derive(Debug, Default)]
pub struct Dialogs {
    dialogs: Memory<Side, Dialog>,
    /// Requests that came: how their CSeq compares, and the highest before.
    low: Memory<ServerKey, (Number, Option<u32>)>,
    /// When each host has lost a connection last.
    lost: BTreeMap<usize, Instant>,
    /// BYEs that came: whether their dialog was there.
    byes: Memory<ServerKey, bool>,
    /// The subscriptions that hosts have asked for, by Call-ID and tag: the number of the SUBSCRIBE, and when it was sent. A NOTIFY makes their dialogs too.
    asked: Memory<(usize, String, String), (u32, Instant)>,
}

impl Property for Dialogs {
    fn seen(&mut self, seen: &Seen<'_>, broken: &mut Violations) {
        let (sight, sip) = (seen.sight, seen.sight.sip);
        if sight.fate == Fate::Arrived && sip.count("contact") == 1 {
            let side = Side::of(sight.host, sip, sip.request().is_empty());
            if let Some(dialog) = self.dialogs.get_mut(sight.at, &side) {
                dialog.contacts.insert(sip.contact().to_owned());
            }
        }
        match seen.step {
            Step::ResponseGot { key: Some(key), .. } if matches!(key.method.as_str(), "INVITE" | "SUBSCRIBE") => {
                // What follows a refusal is absorbed by the transaction.
                let refused = |client: &&Client| client.answer.as_ref().is_some_and(|answer| answer.sip.code() >= 300);
                if let Some(client) = seen.model.client(key).filter(|client| !refused(client)) {
                    self.made_by_response(seen, client);
                }
            }
            Step::ResponseSent { key: Some(key) } => {
                let number = self.low.get(key).copied();
                let inspected = INSPECTED.contains(&sip.code());
                let low = matches!(number, Some((Number::Low, _)));
                broken.unless(!low || sip.code() == 500 || inspected, "DLG-5", seen, "500 was due");
                if let Some((Number::InOrder, before)) = number
                    && inspected
                    && let Some(dialog) = self.dialogs.get_mut(sight.at, &Side::of(sight.host, sip, false))
                    && dialog.remote == Some(sip.cseq().0)
                {
                    dialog.remote = before;
                    dialog.perhaps = dialog.perhaps.max(Some(sip.cseq().0));
                }
                let side = Side::of(sight.host, sip, false);
                if let Some(dialog) = self.dialogs.get_mut(sight.at, &side).filter(|_| sip.code() == 481) {
                    // A BYE that no connection took has ended it all the same.
                    dialog.over |= matches!(key.method.as_str(), "INVITE" | "UPDATE");
                }
                match (key.method.as_str(), self.byes.get(key)) {
                    ("BYE", Some(known)) => {
                        let fits = sip.code() == 200 || (sip.code() == 481 && !known);
                        broken.unless(fits || low, "DLG-14", seen, format!("the dialog is there: {known}"));
                    }
                    ("INVITE" | "SUBSCRIBE", _) => {
                        if let Some(server) = seen.model.server(key) {
                            self.answered(seen, server);
                        }
                    }
                    ("NOTIFY" | "UPDATE", _) if (200..300).contains(&sip.code()) => {
                        let contact = seen.model.server(key).map_or("", |server| server.request.contact());
                        self.refreshed(Side::of(sight.host, sip, false), contact, sight.at);
                    }
                    _ => {}
                }
            }
            Step::ResponseGot { key: Some(key), .. } if key.method == "UPDATE" && (200..300).contains(&sip.code()) => {
                self.refreshed(Side::of(sight.host, sip, true), sip.contact(), sight.at);
            }
            Step::RequestSent { key, first: true } if key.method == "SUBSCRIBE" && sip.to_tag().is_empty() => {
                let name = (sight.host, sip.call_id().to_owned(), sip.from_tag().to_owned());
                self.asked.put(sight.at, name, (sip.cseq().0, sight.at));
            }
            Step::RequestSent { first: true, .. } | Step::AckSent { refused: None } if !sip.to_tag().is_empty() => {
                self.sent(seen, broken);
            }
            Step::RequestGot { key, first: true } if !sip.to_tag().is_empty() => self.got(seen, key),
            Step::AckGot { refused: None } => {
                if let Some(dialog) = self.dialogs.get_mut(sight.at, &Side::of(sight.host, sip, false)) {
                    dialog.acknowledged = true;
                }
            }
            _ => {}
        }
    }

    fn lost(&mut self, host: usize, at: Instant) {
        self.lost.insert(host, at);
    }
}

impl Dialogs {
    /// A response to an INVITE of ours makes, confirms or refreshes a dialog (RFC 3261 sections 12.1.2, 13.2.2.4).
    fn made_by_response(&mut self, seen: &Seen<'_>, client: &Client) {
        let (sight, sip, invite) = (seen.sight, seen.sight.sip, &client.request);
        let success = (200..300).contains(&sip.code());
        if sip.to_tag().is_empty() || sip.code() <= 100 || sip.code() >= 300 {
            return;
        }
        let mut routes: Vec<String> = sip.list("record-route").into_iter().map(str::to_owned).collect();
        routes.reverse();
        let contact = if sip.count("contact") == 1 { sip.contact() } else { "" };
        let key = Side::of(sight.host, sip, true);
        let initial = invite.to_tag().is_empty();
        let dialog = self.dialogs.entry(sight.at, key, || Dialog {
            caller: true,
            confirmed: false,
            routes: routes.clone(),
            target: if contact.is_empty() { invite.uri().to_owned() } else { contact.to_owned() },
            named: None,
            contacts: BTreeSet::from([contact.to_owned()]),
            local: Some((invite.cseq().0, client.begun())),
            invites: vec![invite.cseq().0],
            remote: None,
            perhaps: None,
            accepted: None,
            acknowledged: false,
            over: false,
            since: client.begun(),
        });
        if !success && !contact.is_empty() && sip.count("rseq") > 0 {
            dialog.named = Some(contact.to_owned());
        }
        if success && !contact.is_empty() {
            if initial && !dialog.confirmed {
                dialog.routes = routes;
            }
            if !dialog.confirmed || !initial {
                dialog.target = contact.to_owned();
            }
            dialog.confirmed = true;
        }
    }

    /// A response of ours to an INVITE makes, confirms or refreshes a dialog (RFC 3261 sections 12.1.1, 12.2.2).
    fn answered(&mut self, seen: &Seen<'_>, server: &Server) {
        let (sight, sip, invite) = (seen.sight, seen.sight.sip, &server.request);
        if sip.code() <= 100 || sip.code() >= 300 {
            return;
        }
        let key = Side::of(sight.host, sip, false);
        let dialog = self.dialogs.entry(sight.at, key, || Dialog {
            caller: false,
            confirmed: false,
            routes: invite.list("record-route").into_iter().map(str::to_owned).collect(),
            target: invite.contact().to_owned(),
            named: None,
            contacts: BTreeSet::from([invite.contact().to_owned()]),
            local: None,
            invites: Vec::new(),
            remote: Some(invite.cseq().0),
            perhaps: None,
            accepted: None,
            acknowledged: false,
            over: false,
            since: server.got.first().copied().unwrap_or(sight.at),
        });
        if sip.code() >= 200 {
            dialog.confirmed = true;
            // On another connection than the INVITE's it may have waited for that to open: when it was given is not seen.
            let direct = server.answer.as_ref().is_none_or(|answer| answer.direct);
            let first = if direct { None } else { server.got.first().copied() };
            dialog.accepted.get_or_insert_with(|| first.unwrap_or(sight.at));
            if invite.count("contact") == 1 && !invite.to_tag().is_empty() {
                dialog.target = invite.contact().to_owned();
            }
        }
    }

    /// A request that refreshes the target was accepted (RFC 3261 section 12.2).
    fn refreshed(&mut self, side: Side, contact: &str, now: Instant) {
        if let Some(dialog) = self.dialogs.get_mut(now, &side).filter(|_| !contact.is_empty()) {
            dialog.target = contact.to_owned();
        }
    }

    /// A NOTIFY came before any answer to its SUBSCRIBE, or from another who got it (RFC 6665 section 4.4.1).
    fn made_by_notify(&mut self, seen: &Seen<'_>, side: &Side) {
        let (sight, sip) = (seen.sight, seen.sight.sip);
        let Some((number, asked)) = self.asked.get(&(side.host, side.call_id.clone(), side.local.clone())).copied()
        else {
            return;
        };
        self.dialogs.entry(sight.at, side.clone(), || Dialog {
            caller: true,
            confirmed: true,
            routes: sip.list("record-route").into_iter().map(str::to_owned).collect(),
            target: sip.contact().to_owned(),
            named: None,
            contacts: BTreeSet::from([sip.contact().to_owned()]),
            local: Some((number, asked)),
            invites: Vec::new(),
            remote: None,
            perhaps: None,
            accepted: None,
            acknowledged: false,
            over: false,
            since: asked,
        });
    }

    fn sent(&mut self, seen: &Seen<'_>, broken: &mut Violations) {
        let (sight, sip) = (seen.sight, seen.sight.sip);
        let key = Side::of(sight.host, sip, true);
        let timers = seen.model.timers(sight.host);
        let Some(dialog) = self.dialogs.get_mut(sight.at, &key) else {
            broken.seen("DLG-1", seen, "there is no such dialog");
            return;
        };
        if let Some(named) = dialog.named.take_if(|named| named == sip.uri()) {
            dialog.target = named;
        }
        // A CANCEL goes where its request went (CAN-2), whatever the target is now.
        if sip.request() != "CANCEL" {
            addressed(seen, dialog, broken);
        }
        let number = sip.cseq().0;
        if sip.request() == "ACK" {
            broken.unless(dialog.invites.contains(&number), "DLG-4", seen, "the ACK is of no INVITE");
            dialog.acknowledged = true;
            return;
        }
        if sip.request() == "CANCEL" {
            broken.unless(dialog.invites.contains(&number), "DLG-4", seen, "the CANCEL is of no INVITE");
            return;
        }
        let lost = self.lost.get(&sight.host).copied();
        match dialog.local {
            // What was written to a broken connection was not seen.
            Some((last, at)) if lost.is_some_and(|lost| lost >= at) => {
                broken.unless(number > last, "DLG-4", seen, format!("the last CSeq was {last}"));
            }
            Some((last, _)) => broken.unless(number == last + 1, "DLG-4", seen, format!("the last CSeq was {last}")),
            None => broken.unless(number < 1 << 31, "DLG-4", seen, "the first CSeq is too high"),
        }
        dialog.local = Some((number, sight.at));
        if sip.request() == "INVITE" {
            dialog.invites.push(number);
        }
        if sip.request() == "BYE" {
            if !dialog.caller {
                let waited = dialog.accepted.is_some_and(|accepted| sight.at >= accepted + timers.timeout());
                broken.unless(dialog.acknowledged || waited, "DLG-13", seen, "the callee has no ACK yet");
                broken.unless(dialog.accepted.is_some(), "DLG-13", seen, "the dialog is early");
            }
            dialog.over = true;
        }
    }

    fn got(&mut self, seen: &Seen<'_>, server: &ServerKey) {
        let (sight, sip) = (seen.sight, seen.sight.sip);
        let key = Side::of(sight.host, sip, false);
        let bye = sip.request() == "BYE";
        self.low.put(sight.at, server.clone(), (Number::InOrder, None));
        if sip.request() == "NOTIFY" {
            self.made_by_notify(seen, &key);
        }
        let Some(dialog) = self.dialogs.get_mut(sight.at, &key) else {
            if bye {
                self.byes.put(sight.at, server.clone(), false);
            }
            return;
        };
        if sip.request() != "CANCEL" {
            let number = sip.cseq().0;
            if dialog.remote.is_some_and(|last| number < last) {
                // An early dialog may have ended unseen, and one that is over may linger.
                let known = dialog.confirmed && !dialog.over;
                let number = if known { Number::Low } else { Number::LowOrUnknown };
                self.low.put(sight.at, server.clone(), (number, dialog.remote));
                return;
            }
            if dialog.perhaps.is_some_and(|last| number < last) {
                self.low.put(sight.at, server.clone(), (Number::LowOrUnknown, dialog.remote));
                return;
            }
            self.low.put(sight.at, server.clone(), (Number::InOrder, dialog.remote));
            dialog.remote = Some(number.max(dialog.remote.unwrap_or(0)));
        }
        if bye {
            // An early dialog may have ended unseen, by a refusal or on another fork's behalf. With a connection that was lost in its time
            // an INVITE may have failed, so that its 2xx was nobody's (RFC 3261 section 17.1.4), or a BYE was written that was not seen.
            let unseen = self.lost.get(&sight.host).is_some_and(|lost| *lost >= dialog.since);
            let sure = !unseen && (!dialog.caller || dialog.acknowledged);
            let there = dialog.confirmed && !dialog.over && sure;
            dialog.over = true;
            self.byes.put(sight.at, server.clone(), there);
        }
    }
}

/// The Request-URI, the Route, and the next hop (RFC 3261 sections 12.2.1.1 and 8.1.2).
fn addressed(seen: &Seen<'_>, dialog: &Dialog, broken: &mut Violations) {
    let (sight, sip) = (seen.sight, seen.sight.sip);
    let routes: Vec<&str> = sip.list("route").into_iter().map(uri_of).collect();
    let known: Vec<&str> = dialog.routes.iter().map(|route| uri_of(route)).collect();
    let loose = known.first().is_none_or(|first| param(first, "lr").is_some());
    let (uri, expected): (&str, Vec<&str>) = if loose {
        (&dialog.target, known.clone())
    } else {
        let mut rest = known[1..].to_vec();
        rest.push(&dialog.target);
        (known[0], rest)
    };
    broken.unless(routes == expected, "DLG-2", seen, format!("the routes are {expected:?}"));
    let asked = if loose { sip.uri() == uri } else { uri.starts_with(sip.uri()) };
    // What it names instead has been its target, or would be if all that names one did.
    let id = if dialog.contacts.contains(sip.uri()) { "DLG-6" } else { "DLG-3" };
    broken.unless(asked, id, seen, format!("the Request-URI should be {uri}"));
    let hop = known.first().copied().unwrap_or(&dialog.target);
    let plain = sight.transport == Transport::Udp && sight.fate == Fate::Sent && param(hop, "maddr").is_none();
    if let Some(address) = address_of(hop).filter(|_| plain) {
        broken.unless(sight.to == address, "DLG-3", seen, format!("the next hop is {address}"));
    }
}
