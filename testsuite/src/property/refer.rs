//! REF: REFER and the subscription that it makes (RFC 3515, RFC 4488).
//!
//! - REF-1: one Refer-To, else 400; NOTIFYs with the status line of the new call, the last of them `terminated`; none where nobody wants
//!   them.
//! - GEN-7: a transfer that begins ends once, before its session does.

use std::collections::BTreeMap;
use std::time::Duration;

use sipsimple_core::agent::{Event, EventKind};
use sipsimple_core::id::SessionId;
use sipsimple_core::session::SessionEvent;
use sipsimple_core::time::Instant;
use sipsimple_core::transport::Transport;

use crate::model::{ServerKey, Step};
use crate::sip::{Sip, param};

use super::{LARGE, Memory, Owed, Property, Seen, Side, Violations};

/// How soon the first NOTIFY follows.
const SOON: Duration = Duration::from_secs(1);

/// How long what becomes of it may be told: somebody's time to think, and all of the subscription.
const LONG: Duration = Duration::from_secs(260);

/// The subscription that a REFER has made.
#[derive(Clone, Debug)]
struct Told {
    /// The CSeq number of the REFER: its id.
    number: u32,
    over: bool,
}

/// Watches REFERs, and what follows from them.
#[derive(Debug, Default)]
pub struct Refer {
    told: Memory<Side, Vec<Told>>,
    first: Owed<(Side, u32)>,
    last: Owed<(Side, u32)>,
    /// Whether a REFER that came can be followed at all.
    sound: Memory<ServerKey, bool>,
    /// When a REFER came last, in a dialog.
    came: Memory<Side, Instant>,
    /// When each host has lost a connection last: what it answered there may have failed unseen.
    lost: BTreeMap<usize, Instant>,
    /// How many transfers of a session have begun, and not ended.
    begun: Memory<(usize, SessionId), u32>,
}

impl Property for Refer {
    fn seen(&mut self, seen: &Seen<'_>, broken: &mut Violations) {
        let (sight, sip) = (seen.sight, seen.sight.sip);
        match seen.step {
            Step::RequestSent { key, first: true } if key.method == "REFER" => {
                broken.unless(sip.list("refer-to").len() == 1, "REF-1", seen, "a REFER has one Refer-To");
            }
            Step::RequestGot { key, first: true } if key.method == "REFER" => {
                self.sound.put(sight.at, key.clone(), sip.count("refer-to") == 1);
                self.came.put(sight.at, Side::of(sight.host, sip, false), sight.at);
            }
            Step::ResponseSent { key: Some(key) } if key.method == "REFER" => self.answered(seen, key, broken),
            Step::RequestSent { key, first: true } if key.method == "NOTIFY" && is_refer(sip) => {
                self.notified(seen, broken);
            }
            Step::RequestSent { key, .. } if key.method == "BYE" => self.over(&Side::of(sight.host, sip, true)),
            Step::RequestGot { key, .. } if key.method == "BYE" => self.over(&Side::of(sight.host, sip, false)),
            _ => {}
        }
    }

    fn told(&mut self, host: usize, at: Instant, event: &Event, broken: &mut Violations) {
        let EventKind::Session { id, event } = &event.kind else { return };
        let begun = self.begun.entry(at, (host, *id), || 0);
        match event {
            SessionEvent::TransferNewIncoming { .. } | SessionEvent::TransferNewOutgoing { .. } => *begun += 1,
            SessionEvent::TransferDidEnd | SessionEvent::TransferDidFail { .. } => match begun.checked_sub(1) {
                Some(left) => *begun = left,
                None => broken.add("GEN-7", host, at, format!("{id}: a transfer ends that has not begun")),
            },
            SessionEvent::DidEnd { .. } | SessionEvent::DidFail { .. } if *begun > 0 => {
                broken.add("GEN-7", host, at, format!("{id} ends before its transfers: {begun}"));
            }
            _ => {}
        }
    }

    fn lost(&mut self, host: usize, at: Instant) {
        self.lost.insert(host, at);
    }

    fn passed(&mut self, now: Instant, broken: &mut Violations) {
        while let Some((by, (side, number))) = self.first.missed(now) {
            broken.add("REF-1", side.host, by, format!("REFER {number} of {} has no NOTIFY", side.call_id));
        }
        while let Some((by, (side, number))) = self.last.missed(now) {
            broken.add("REF-1", side.host, by, format!("REFER {number} of {} has no last NOTIFY", side.call_id));
        }
    }
}

fn is_refer(sip: &Sip) -> bool {
    sip.header("event").is_some_and(|event| event.split(';').next().is_some_and(|name| name.trim() == "refer"))
}

/// Whether Refer-Sub says that nobody wants to be told.
fn is_silent(sip: &Sip) -> bool {
    sip.header("refer-sub").is_some_and(|value| value.trim().eq_ignore_ascii_case("false"))
}

impl Refer {
    fn answered(&mut self, seen: &Seen<'_>, key: &ServerKey, broken: &mut Violations) {
        let (sight, sip) = (seen.sight, seen.sight.sip);
        let Some(server) = seen.model.server(key).filter(|_| sip.code() >= 200) else { return };
        if self.sound.get(key) == Some(&false) {
            // What is wrong with its place in the dialog goes before.
            broken.unless(matches!(sip.code(), 400 | 481 | 500), "REF-1", seen, "400 was due");
        }
        if sip.code() >= 300 {
            return;
        }
        if is_silent(sip) {
            broken.unless(is_silent(&server.request), "REF-1", seen, "the other side wants to be told");
            return;
        }
        let (side, number) = (Side::of(sight.host, sip, false), sip.cseq().0);
        let told = self.told.entry(sight.at, side.clone(), Vec::new);
        if told.iter().any(|known| known.number == number) {
            return;
        }
        told.push(Told { number, over: false });
        let plain = !server.request.contact().contains("transport=") && server.request.data().len() <= LARGE;
        if sight.transport == Transport::Udp && plain {
            self.first.owe((side.clone(), number), sight.at + SOON);
            self.last.owe((side, number), sight.at + LONG);
        }
    }

    fn notified(&mut self, seen: &Seen<'_>, broken: &mut Violations) {
        let (sight, sip) = (seen.sight, seen.sight.sip);
        let side = Side::of(sight.host, sip, true);
        let id = sip.header("event").and_then(|event| param(event, "id").flatten());
        let id: Option<u32> = id.and_then(|id| id.parse().ok());
        let state = sip.header("subscription-state").unwrap_or_default();
        let terminated = state.trim_start().starts_with("terminated");
        let line = std::str::from_utf8(sip.body()).ok().and_then(|body| body.strip_prefix("SIP/2.0 "));
        let code = line.and_then(|line| line.get(..3)?.parse::<u16>().ok());
        let sipfrag = sip.header("content-type").is_some_and(|value| value.starts_with("message/sipfrag"));
        broken.unless(sipfrag && code.is_some(), "REF-1", seen, "a NOTIFY of a REFER tells a status line");
        if let Some(code) = code.filter(|code| *code >= 200) {
            let reason = param(state, "reason").flatten();
            let last = terminated && matches!(reason, Some("noresource" | "timeout"));
            broken.unless(last, "REF-1", seen, format!("after {code} nothing more is told"));
        }
        // One that was challenged is sent again.
        let again = sip.header("authorization").is_some();
        let told = self.told.get_mut(sight.at, &side);
        let fits = |known: &&mut Told| id.is_none_or(|id| id == known.number) && (!known.over || again);
        let Some(known) = told.and_then(|told| told.iter_mut().rev().find(fits)) else {
            let lost = self.lost.get(&sight.host);
            let unseen = self.came.get(&side).is_some_and(|came| lost.is_some_and(|lost| lost >= came));
            broken.unless(unseen, "REF-1", seen, "there is no REFER that this could tell of");
            return;
        };
        known.over |= terminated;
        let name = (side, known.number);
        self.first.settle(&name);
        if terminated {
            self.last.settle(&name);
        }
    }

    /// The call is over, and with it what is told in its dialog.
    fn over(&mut self, side: &Side) {
        let numbers: Vec<u32> = self.told.get(side).into_iter().flatten().map(|known| known.number).collect();
        for number in numbers {
            self.first.settle(&(side.clone(), number));
            self.last.settle(&(side.clone(), number));
        }
    }
}
