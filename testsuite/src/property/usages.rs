//! DLG-12, DLG-15, DLG-16, OA-8: what ends a call that is up, and what does not (RFC 5057 section 5.1, RFC 6337 section 3).
//!
//! - DLG-12: an INVITE or UPDATE within a dialog that is answered with 481 or 408, or not at all, ends the call; another refusal leaves
//!   it as it was. That the parameters are those of before is asserted by OA-4 and OA-5.
//! - DLG-15: the other responses that end the usage or the dialog. That those to other requests end nothing of the call cannot be seen
//!   on the wire: `tests/verdicts` does that.
//! - DLG-16: an ACK whose answer does not fit the offer of the 2xx ends the call by BYE.
//! - OA-8: a 2xx with an offer of which nothing can be used is acknowledged with all ports 0, and BYE follows. That an INVITE of which
//!   nothing can be used is refused, and not accepted with all ports 0, [`OfferAnswer`](super::OfferAnswer) asserts.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sipsimple_core::agent::{Event, EventKind};
use sipsimple_core::id::SessionId;
use sipsimple_core::session::{SessionEvent, SessionState};
use sipsimple_core::stream::Originator;
use sipsimple_core::time::Instant;
use sipsimple_core::transport::Transport;

use crate::model::{Client, ClientKey, Step};
use crate::sdp::Sdp;

use super::{Memory, Owed, Property, Seen, Side, Violations, within_datagram};

/// How long a BYE may take that is due.
const SOON: Duration = Duration::from_secs(1);

/// The responses that end the usage, or the dialog with all its usages (RFC 5057 section 5.1).
const ENDING: [u16; 15] = [404, 405, 408, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 502, 604];

/// A call that is up, at one side.
#[derive(Clone, Copy, Debug, Default)]
struct Call {
    over: bool,
    /// When a refusal came last that ends nothing but its transaction.
    refused: Option<Instant>,
}

/// Watches what ends calls.
#[derive(Debug, Default)]
pub struct Usages {
    calls: Memory<Side, Call>,
    /// The BYEs that are due, each with the property that wants it.
    byes: Owed<(Side, &'static str)>,
    /// The requests within dialogs that are not answered at all.
    silent: Owed<(Side, ClientKey)>,
    /// The offers in 2xx of ours, by the number of the INVITE.
    offers: Memory<(Side, u32), Sdp>,
    /// Those in 2xx of the other side.
    others: Memory<(Side, u32), Sdp>,
    /// The calls that were left at the moment of a refusal that ends nothing: their user has wanted that, or it was wrong.
    left: Owed<Side>,
    /// The sessions of a host that end by themselves.
    ending: BTreeMap<usize, BTreeSet<SessionId>>,
}

impl Property for Usages {
    fn seen(&mut self, seen: &Seen<'_>, _broken: &mut Violations) {
        let (sight, sip) = (seen.sight, seen.sight.sip);
        let within = |key: &ClientKey| matches!(key.method.as_str(), "INVITE" | "UPDATE") && !sip.to_tag().is_empty();
        match seen.step {
            Step::RequestSent { key, first } if key.method == "BYE" => {
                let side = Side::of(sight.host, sip, true);
                if *first {
                    self.left(seen, &side);
                }
                self.over(side, sight.at);
            }
            Step::RequestGot { key, .. } if key.method == "BYE" => {
                self.over(Side::of(sight.host, sip, false), sight.at);
            }
            Step::RequestSent { key, first: true } if within(key) && sight.transport == Transport::Udp => {
                let side = Side::of(sight.host, sip, true);
                if self.is_up(&side) {
                    let by = sight.at + seen.model.timers(sight.host).timeout() + SOON;
                    self.silent.owe((side, key.clone()), by);
                }
            }
            Step::ResponseGot { key: Some(key), fresh } => {
                let side = Side::of(sight.host, sip, true);
                self.silent.settle(&(side.clone(), key.clone()));
                let Some(client) = seen.model.client(key) else { return };
                if key.method == "INVITE"
                    && (200..300).contains(&sip.code())
                    && client.request.description().is_none()
                    && let Some(offer) = sip.description().and_then(Sdp::read)
                {
                    self.others.put(sight.at, (side.clone(), sip.cseq().0), offer);
                }
                if *fresh
                    && sip.code() >= 300
                    && !client.uncertain
                    && !client.request.to_tag().is_empty()
                    && within(key)
                {
                    self.refused(seen, side, client);
                }
            }
            Step::ResponseSent { key: Some(key) } if key.method == "INVITE" && (200..300).contains(&sip.code()) => {
                let asked = seen.model.server(key).is_some_and(|server| server.request.description().is_none());
                if let Some(offer) = sip.description().filter(|_| asked).and_then(Sdp::read) {
                    self.offers.put(sight.at, (Side::of(sight.host, sip, false), sip.cseq().0), offer);
                }
            }
            Step::AckGot { refused: None } => {
                let side = Side::of(sight.host, sip, false);
                self.up(&side, sight.at);
                let answer = sip.description().and_then(Sdp::read);
                if let Some(offer) = self.offers.get(&(side.clone(), sip.cseq().0))
                    && !answer.is_some_and(|answer| fits(offer, &answer))
                    && sight.transport == Transport::Udp
                    && self.is_up(&side)
                {
                    self.byes.owe((side, "DLG-16"), sight.at + SOON);
                }
            }
            Step::AckSent { refused: None } => {
                let side = Side::of(sight.host, sip, true);
                self.up(&side, sight.at);
                let nothing = |sdp: &Sdp| sdp.media.iter().all(|media| !media.is_used());
                let answer = sip.description().and_then(Sdp::read);
                if let Some(offer) = self.others.get(&(side.clone(), sip.cseq().0))
                    && answer.is_some_and(|answer| nothing(&answer) && !nothing(offer))
                    && self.is_up(&side)
                {
                    self.byes.owe((side, "OA-8"), sight.at + SOON);
                }
            }
            _ => {}
        }
    }

    fn told(&mut self, host: usize, _at: Instant, event: &Event, _broken: &mut Violations) {
        let EventKind::Session { id, event } = &event.kind else { return };
        match event {
            SessionEvent::ChangedState { state: SessionState::Terminating, .. } => {
                self.ending.entry(host).or_default().insert(*id);
            }
            SessionEvent::ChangedState { state: SessionState::Terminated, .. } => {
                self.ending.entry(host).or_default().remove(id);
            }
            SessionEvent::DidEnd { originator: Originator::Local, end_reason, .. } if *end_reason == "user request" => {
                let left: Vec<Side> = self.left.keys().filter(|side| side.host == host).cloned().collect();
                for side in left {
                    self.left.settle(&side);
                }
            }
            _ => {}
        }
    }

    fn lost(&mut self, host: usize, _at: Instant) {
        // What went there may have been the BYE.
        let due: Vec<_> = self.byes.keys().filter(|(side, _)| side.host == host).cloned().collect();
        for key in due {
            self.byes.settle(&key);
        }
    }

    fn passed(&mut self, now: Instant, broken: &mut Violations) {
        while let Some((by, (side, property))) = self.byes.missed(now) {
            broken.add(property, side.host, by, format!("a BYE was due: {side:?}"));
        }
        while let Some((by, side)) = self.left.missed(now) {
            let why = format!("the refusal that came ends nothing but its transaction: {side:?}");
            broken.add("DLG-12", side.host, by, why);
        }
        while let Some((by, (side, key))) = self.silent.missed(now) {
            let why = format!("nobody has answered the {} of branch {}, and no BYE followed", key.method, key.branch);
            broken.add("DLG-12", side.host, by, format!("{why}: {side:?}"));
        }
    }
}

/// Whether an answer has the lines of the offer.
fn fits(offer: &Sdp, answer: &Sdp) -> bool {
    let same = |(asked, said): (&crate::sdp::Media, &crate::sdp::Media)| asked.kind == said.kind;
    offer.media.len() == answer.media.len() && offer.media.iter().zip(&answer.media).all(same)
}

impl Usages {
    fn up(&mut self, side: &Side, now: Instant) {
        self.calls.entry(now, side.clone(), Call::default);
    }

    fn is_up(&self, side: &Side) -> bool {
        self.calls.get(side).is_some_and(|call| !call.over)
    }

    fn over(&mut self, side: Side, now: Instant) {
        for property in ["DLG-12", "DLG-15", "DLG-16", "OA-8"] {
            self.byes.settle(&(side.clone(), property));
        }
        let silent: Vec<_> = self.silent.keys().filter(|(of, _)| *of == side).cloned().collect();
        for key in silent {
            self.silent.settle(&key);
        }
        self.calls.entry(now, side, Call::default).over = true;
    }

    /// A request within a dialog was refused.
    fn refused(&mut self, seen: &Seen<'_>, side: Side, client: &Client) {
        let (at, code) = (seen.sight.at, seen.sight.sip.code());
        if !self.is_up(&side) {
            return;
        }
        if !ENDING.contains(&code) {
            // What it has taken back itself it may have taken back to leave.
            if let Some(call) = self.calls.get_mut(at, &side).filter(|_| client.cancelled.is_none()) {
                call.refused = Some(at);
            }
        } else if within_datagram(client) {
            let property = if matches!(code, 408 | 481) { "DLG-12" } else { "DLG-15" };
            self.byes.owe((side, property), at + SOON);
        }
    }

    /// The host leaves a call: not on account of a refusal that ends nothing, in the same moment.
    fn left(&mut self, seen: &Seen<'_>, side: &Side) {
        let refused = self.calls.get(side).is_some_and(|call| !call.over && call.refused == Some(seen.sight.at));
        let ending = self.ending.get(&side.host).is_some_and(|sessions| !sessions.is_empty());
        if refused && !ending {
            // How it has ended is told when the BYE is answered, or given up.
            let timeout = seen.model.timers(side.host).timeout();
            self.left.owe(side.clone(), seen.sight.at + timeout * 2);
        }
    }
}
