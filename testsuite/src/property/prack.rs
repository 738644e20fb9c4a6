//! PRK: provisional responses that are sure to arrive (RFC 3262).
//!
//! - PRK-1: only where the INVITE knows of them, and all of them where it requires them (section 3).
//! - PRK-2: numbers, and one at a time (section 3).
//! - PRK-3: when one is sent again, and the refusal when no PRACK comes (section 3).
//! - PRK-4: which PRACK is answered how (section 3).
//! - PRK-5: which responses have a PRACK, and that once (section 4).
//! - PRK-6: no 2xx while a description is not acknowledged, no repetition after a final response (sections 3 and 5).

use std::time::Duration;

use sipsimple_core::time::Instant;
use sipsimple_core::transport::Transport;

use crate::model::{ClientKey, ServerKey, Step};
use crate::sip::Sip;

use super::{Memory, Owed, Property, Seen, Side, Violations, lists, within_datagram};

/// How soon a host does what needs nobody else.
const SOON: Duration = Duration::from_millis(10);

/// A reliable response that a host sent.
#[derive(Clone, Debug)]
struct Reliable {
    invite: ServerKey,
    rseq: u32,
    cseq: u32,
    at: Instant,
    describes: bool,
    acknowledged: bool,
}

/// What a PRACK that came is to be answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Success,
    Any,
    Unknown,
}

/// The reliable responses of one dialog that a host got.
#[derive(Clone, Debug, Default)]
struct Got {
    /// The number of the last that was in order, by the CSeq of the INVITE.
    last: Vec<(u32, u32)>,
    /// Those that have a PRACK, and its transaction.
    acknowledged: Vec<(u32, u32, ClientKey)>,
}

/// Watches reliable provisional responses, both ways.
#[derive(Debug, Default)]
pub struct Prack {
    sent: Memory<Side, Vec<Reliable>>,
    again: Owed<(Side, u32)>,
    refusals: Owed<ServerKey>,
    pracks: Memory<ServerKey, Due>,
    got: Memory<Side, Got>,
    due: Owed<(Side, u32, u32)>,
    /// The calls that hosts have ended by BYE: host, Call-ID and own tag.
    ended: Memory<(usize, String, String), ()>,
}

impl Property for Prack {
    fn seen(&mut self, seen: &Seen<'_>, broken: &mut Violations) {
        let (sight, sip) = (seen.sight, seen.sight.sip);
        match seen.step {
            Step::ResponseSent { key: Some(key) } if key.method == "INVITE" => self.answered(seen, key, broken),
            Step::ResponseSent { key: Some(key) } if key.method == "PRACK" && sip.code() >= 200 => {
                let fits = |due: &Due| match due {
                    // One that is out of order, or whose body is refused, acknowledges all the same.
                    Due::Success => sip.code() != 481,
                    Due::Any => true,
                    Due::Unknown => sip.code() >= 300,
                };
                if let Some(due) = self.pracks.get(key) {
                    broken.unless(fits(due), "PRK-4", seen, format!("{due:?} is due"));
                }
            }
            Step::RequestGot { key, first: true } if key.method == "PRACK" => self.acknowledged(seen, key),
            Step::ResponseGot { key: Some(key), fresh } if key.method == "INVITE" => self.heard(seen, key, *fresh),
            Step::ResponseGot { key: Some(key), .. } if key.method == "PRACK" && matches!(sip.code(), 401 | 407) => {
                let side = Side::of(sight.host, sip, true);
                if let Some(got) = self.got.get_mut(sight.at, &side) {
                    got.acknowledged.retain(|(.., prack)| prack != key);
                }
            }
            Step::RequestSent { key, first: true } if key.method == "PRACK" => self.sent(seen, key, broken),
            // Who does not want the call any more need not acknowledge what it says.
            Step::RequestSent { key, first: true } if matches!(key.method.as_str(), "CANCEL" | "BYE") => {
                if key.method == "BYE" {
                    let call = (sight.host, sip.call_id().to_owned(), sip.from_tag().to_owned());
                    self.ended.put(sight.at, call, ());
                }
                self.forget(sight.host, sip.call_id(), sip.from_tag());
            }
            _ => {}
        }
    }

    fn passed(&mut self, now: Instant, broken: &mut Violations) {
        while let Some((by, (side, rseq))) = self.again.missed(now) {
            broken.add("PRK-3", side.host, by, format!("the response {rseq} of {} is not sent again", side.call_id));
        }
        while let Some((by, key)) = self.refusals.missed(now) {
            broken.add("PRK-3", key.host, by, format!("the INVITE of branch {} has no PRACK, and goes on", key.branch));
        }
        while let Some((by, (side, _, rseq))) = self.due.missed(now) {
            broken.add("PRK-5", side.host, by, format!("the response {rseq} of {} has no PRACK", side.call_id));
        }
    }
}

/// The number of a reliable provisional response.
fn number(sip: &Sip) -> Option<u32> {
    let reliable = (101..200).contains(&sip.code()) && lists(sip, "require", "100rel");
    reliable.then(|| sip.header("rseq").and_then(|text| text.trim().parse().ok()).unwrap_or(0))
}

/// RSeq and CSeq number of a RAck.
fn rack(sip: &Sip) -> Option<(u32, u32)> {
    let mut words = sip.header("rack")?.split_whitespace();
    let (rseq, cseq) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    (words.next()? == "INVITE").then_some((rseq, cseq))
}

impl Prack {
    /// A host answers an INVITE.
    fn answered(&mut self, seen: &Seen<'_>, key: &ServerKey, broken: &mut Violations) {
        let (sight, sip) = (seen.sight, seen.sight.sip);
        let Some(server) = seen.model.server(key) else { return };
        let side = Side::of(sight.host, sip, false);
        if sip.code() >= 200 {
            self.refusals.settle(key);
            let known = self.sent.get(&side).into_iter().flatten();
            let open: Vec<&Reliable> = known.filter(|known| known.invite == *key && !known.acknowledged).collect();
            let first = server.answer.as_ref().is_some_and(|answer| answer.again.is_empty());
            if sip.code() < 300 && first {
                let held = open.iter().any(|known| known.describes);
                broken.unless(!held, "PRK-6", seen, "a description that was sent before is not acknowledged");
            }
            for known in open {
                self.again.settle(&(side.clone(), known.rseq));
            }
            return;
        }
        let (asked, required) = (
            lists(&server.request, "supported", "100rel") || lists(&server.request, "require", "100rel"),
            lists(&server.request, "require", "100rel"),
        );
        let Some(rseq) = number(sip) else {
            broken.unless(!required || sip.code() == 100, "PRK-1", seen, "the caller requires it to be reliable");
            broken.unless(!lists(sip, "require", "100rel"), "PRK-1", seen, "100 cannot be reliable");
            return;
        };
        broken.unless(asked, "PRK-1", seen, "the caller does not know of it");
        broken.unless(server.answer.is_none(), "PRK-6", seen, "it is sent after the final response");
        let timers = seen.model.timers(sight.host);
        let told = self.sent.entry(sight.at, side.clone(), Vec::new);
        let own = |known: &&Reliable| known.invite == *key;
        let last = told.iter().rfind(own).cloned();
        let describes = sip.description().is_some();
        match last {
            Some(last) if last.rseq == rseq => {
                let prompted = server.got.len() > 1 && server.got.last() == Some(&sight.at);
                broken.unless(prompted || !last.acknowledged, "PRK-3", seen, "its PRACK has come");
                let scheduled =
                    schedule(last.at, timers.t1).take_while(|due| *due <= sight.at).any(|at| at == sight.at);
                let late = sight.transport != Transport::Udp;
                broken.unless(prompted || scheduled || late, "PRK-3", seen, "it is sent again when it is not due");
            }
            Some(last) => {
                broken.unless(last.acknowledged, "PRK-2", seen, format!("{} has no PRACK yet", last.rseq));
                broken.unless(rseq == last.rseq + 1, "PRK-2", seen, format!("the last RSeq was {}", last.rseq));
            }
            None => {
                broken.unless((1..1 << 31).contains(&rseq), "PRK-2", seen, "the first RSeq is out of its range");
            }
        }
        let at = match told.iter_mut().rfind(|known| known.invite == *key && known.rseq == rseq) {
            Some(known) => known.at,
            None => {
                let (cseq, invite) = (sip.cseq().0, key.clone());
                told.push(Reliable { invite, rseq, cseq, at: sight.at, describes, acknowledged: false });
                if sight.transport == Transport::Udp {
                    self.refusals.owe(key.clone(), sight.at + timers.timeout());
                }
                sight.at
            }
        };
        let open = told.iter().any(|known| known.invite == *key && known.rseq == rseq && !known.acknowledged);
        let next = schedule(at, timers.t1).find(|due| *due > sight.at);
        if let Some(next) = next.filter(|next| open && *next < at + timers.timeout())
            && sight.transport == Transport::Udp
        {
            self.again.owe((side, rseq), next);
        } else {
            self.again.settle(&(side, rseq));
        }
    }

    /// A PRACK came to a host.
    fn acknowledged(&mut self, seen: &Seen<'_>, key: &ServerKey) {
        let (sight, sip) = (seen.sight, seen.sight.sip);
        let side = Side::of(sight.host, sip, false);
        let named = rack(sip);
        let told = self.sent.get_mut(sight.at, &side);
        let fits = |known: &&mut Reliable| Some((known.rseq, known.cseq)) == named && !known.acknowledged;
        let found = told.and_then(|told| told.iter_mut().find(fits));
        let due = match found {
            None => Due::Unknown,
            Some(known) => {
                let answered = seen.model.server(&known.invite).is_none_or(|server| server.answer.is_some());
                // One that comes late, or before its time in the order of the dialog, may be for nothing.
                known.acknowledged = true;
                self.again.settle(&(side, known.rseq));
                self.refusals.settle(&known.invite);
                if answered { Due::Any } else { Due::Success }
            }
        };
        self.pracks.put(sight.at, key.clone(), due);
    }

    /// A host gets an answer to its INVITE.
    fn heard(&mut self, seen: &Seen<'_>, key: &ClientKey, fresh: bool) {
        let (sight, sip) = (seen.sight, seen.sight.sip);
        let cseq = sip.cseq().0;
        if sip.code() >= 200 {
            self.forget(sight.host, sip.call_id(), sip.from_tag());
            return;
        }
        let Some(client) = seen.model.client(key).filter(|_| fresh) else { return };
        let Some(rseq) = number(sip).filter(|rseq| *rseq > 0 && !sip.to_tag().is_empty()) else { return };
        let side = Side::of(sight.host, sip, true);
        let got = self.got.entry(sight.at, side.clone(), Got::default);
        let in_order = match got.last.iter_mut().find(|(known, _)| *known == cseq) {
            None => {
                got.last.push((cseq, rseq));
                true
            }
            Some((_, last)) => {
                let next = rseq == last.saturating_add(1);
                if next {
                    *last = rseq;
                }
                next
            }
        };
        // An offer is answered by the PRACK, and its answer may take a while; and a connection may not open.
        let offered = client.request.description().is_some() || sip.description().is_none();
        let direct = sip.list("record-route").is_empty() && !sip.contact().contains("transport=");
        let call = (sight.host, sip.call_id().to_owned(), sip.from_tag().to_owned());
        let wanted = client.cancelled.is_none() && self.ended.get(&call).is_none();
        if in_order && wanted && offered && direct && within_datagram(client) && !sip.contact().is_empty() {
            self.due.owe((side, cseq, rseq), sight.at + SOON);
        }
    }

    /// A host sends a PRACK.
    fn sent(&mut self, seen: &Seen<'_>, key: &ClientKey, broken: &mut Violations) {
        let (sight, sip) = (seen.sight, seen.sight.sip);
        let side = Side::of(sight.host, sip, true);
        let Some((rseq, cseq)) = rack(sip) else {
            broken.seen("PRK-5", seen, "its RAck cannot be read");
            return;
        };
        self.due.settle(&(side.clone(), cseq, rseq));
        let Some(got) = self.got.get_mut(sight.at, &side) else {
            broken.seen("PRK-5", seen, "nothing waits for a PRACK in this dialog");
            return;
        };
        let in_order = got.last.iter().any(|(known, last)| *known == cseq && rseq <= *last);
        broken.unless(in_order, "PRK-5", seen, "the response that it names did not come in order");
        let once = got.acknowledged.iter().all(|(known, number, _)| (*known, *number) != (cseq, rseq));
        broken.unless(once, "PRK-5", seen, "that response has a PRACK already");
        got.acknowledged.push((cseq, rseq, key.clone()));
    }

    /// What a caller got in this call needs no PRACK any more.
    fn forget(&mut self, host: usize, call_id: &str, tag: &str) {
        let (call_id, local) = (call_id.to_owned(), tag.to_owned());
        let from = Side { host, call_id: call_id.clone(), local: local.clone(), remote: String::new() };
        let is_of = |side: &Side| side.host == host && side.call_id == call_id && side.local == local;
        let sides: Vec<(Side, u32, u32)> = self
            .got
            .range(from)
            .take_while(|(side, _)| is_of(side))
            .flat_map(|(side, got)| got.last.iter().map(move |(cseq, rseq)| (side.clone(), *cseq, *rseq)))
            .collect();
        for due in sides {
            self.due.settle(&due);
        }
    }
}

/// T1, 3·T1, 7·T1 … after the first time, without an end.
fn schedule(first: Instant, t1: Duration) -> impl Iterator<Item = Instant> {
    std::iter::successors(Some((first + t1, t1)), |(at, pause)| Some((*at + *pause * 2, *pause * 2)))
        .map(|(at, _)| at)
        .take(30)
}
