//! MSR-1 to MSR-3, MSR-6, MSR-8 to MSR-11, MSR-13: the frames that a host writes (RFC 4975 section 7).
//!
//! - MSR-1: frames follow each other, and end with their own identifier (section 7.1). What cannot be cut so is told by the cutter.
//! - MSR-2: a REPORT asks for no report, and nothing answers one; responses have no body (section 7.1.2).
//! - MSR-3: requests are answered as their Failure-Report says, once (section 7.2).
//! - MSR-6: a range says what the body is (section 7.1.1).
//! - MSR-8: a chunk of more than 2048 bytes promises no end, and an answer waits for no more than so many (section 7.1.1).
//! - MSR-9: the chunks of a message follow each other (section 7.1.1).
//! - MSR-10: what is reported has come, all of it, and was asked for (section 7.1.3).
//! - MSR-11: paths (sections 7.1.3 and 7.2).
//! - MSR-13: who opens a connection binds it (section 5.4). OA-12: once for each pair of paths (section 8).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sipsimple_core::agent::{Event, EventKind};
use sipsimple_core::id::ConnId;
use sipsimple_core::stream::{FileTransferEvent, StreamEvent};
use sipsimple_core::time::Instant;

use crate::msrp::{Frame, Start};
use crate::wire::{Fate, MsrpSight};

use super::{Memory, Owed, Property, Violations};

/// The longest chunk that need not be interruptible.
const QUANTUM: u64 = 2048;
/// Bytes of a frame that are none of its body, as far as a cutter cannot tell them apart before it ends.
const LINE: u64 = 64;
/// How long an answer may take that a full connection holds up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Watches the frames of every connection.
#[derive(Debug, Default)]
pub struct MsrpFrames {
    wires: Memory<(usize, ConnId), Wire>,
    owed: Owed<(usize, ConnId, Due)>,
    /// The pairs of paths that were bound.
    bound: BTreeSet<(usize, String, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Answer(String),
    Report(String, String),
}

/// What went over a connection, at one end.
#[derive(Debug, Default)]
struct Wire {
    written: bool,
    /// Requests that came, by their transactions.
    asked: BTreeMap<String, Asked>,
    /// Answers to requests that have not come whole.
    early: BTreeMap<String, Frame>,
    /// Messages that go out, by our session and their names.
    sent: BTreeMap<(String, String), Sent>,
    /// Messages that come in, likewise.
    come: BTreeMap<(String, String), Come>,
    /// Our sessions that have sent or answered something. What comes before a session begins may wait for it.
    begun: BTreeSet<String>,
}

#[derive(Debug)]
struct Asked {
    frame: Frame,
    /// Bytes of bodies that had been written when it came.
    bodies: u64,
    /// Whether its session had sent or answered something by then.
    begun: bool,
    answered: bool,
}

#[derive(Debug)]
struct Sent {
    next: u64,
    total: Option<u64>,
    success: bool,
    failure: String,
    over: bool,
}

#[derive(Debug)]
struct Come {
    from: Vec<String>,
    success: bool,
    failure: String,
    last: u64,
    reported: u64,
}

fn whole(path: &[&str]) -> Vec<String> {
    path.iter().map(|uri| (*uri).to_owned()).collect()
}

impl Property for MsrpFrames {
    fn frame(&mut self, sight: &MsrpSight<'_>, broken: &mut Violations) {
        let key = (sight.host, sight.conn);
        let wire = self.wires.entry(sight.at, key, Wire::default);
        let mut wrong = |id, why: &str| broken.msrp(id, sight, why);
        match (&sight.frame.start, sight.fate) {
            (Start::Request(method), Fate::Arrived) => {
                wire.come(sight);
                if method != "REPORT"
                    && sight.frame.failure() == "yes"
                    && !wire.early.contains_key(&sight.frame.transaction)
                {
                    let due = Due::Answer(sight.frame.transaction.clone());
                    self.owed.owe((sight.host, sight.conn, due), sight.at + PATIENCE);
                }
                if let Some((session, id)) = wire.to_report(sight.frame) {
                    self.owed.owe((sight.host, sight.conn, Due::Report(session, id)), sight.at + PATIENCE);
                }
                if let Some(early) = wire.early.remove(&sight.frame.transaction) {
                    wire.answered(&early, sight.bodies, &mut wrong);
                }
            }
            (Start::Response(_), Fate::Arrived) => {}
            (start, Fate::Sent) => {
                let names: Vec<&str> = sight.frame.fields.iter().take(2).map(|(name, _)| name.as_str()).collect();
                if names != ["To-Path", "From-Path"] {
                    wrong("MSR-11", "the paths are not its first fields");
                }
                // One without a body asks for the session.
                if matches!(start, Start::Request(_)) && sight.frame.body.is_some() {
                    wire.begun.insert(sight.frame.last("From-Path"));
                }
                let first = !std::mem::replace(&mut wire.written, true);
                let binds = sight.frame.is("SEND") || sight.frame.is("AUTH");
                if first && sight.opened && !binds {
                    wrong("MSR-13", "the first frame binds nothing");
                }
                match start {
                    Start::Response(code) => {
                        self.owed.settle(&(sight.host, sight.conn, Due::Answer(sight.frame.transaction.clone())));
                        if *code != 200
                            && let Some(asked) = wire.asked.get(&sight.frame.transaction)
                        {
                            let due = Due::Report(asked.frame.last("To-Path"), asked.frame.message());
                            self.owed.settle(&(sight.host, sight.conn, due));
                        }
                        if sight.frame.body.is_some() {
                            wrong("MSR-2", "a response has a body");
                        }
                        wire.answered(sight.frame, sight.bodies, &mut wrong);
                    }
                    Start::Request(method) if method == "SEND" => {
                        let frame = sight.frame;
                        if frame.body.is_none() && frame.flag == '$' && frame.field("Keep-Alive").is_none() {
                            let path = |name| frame.field(name).unwrap_or_default().to_owned();
                            let pair = (sight.host, path("From-Path"), path("To-Path"));
                            if frame.range().is_some_and(|range| range.total == Some(0)) && !self.bound.insert(pair) {
                                wrong("OA-12", "a session is bound that was bound before");
                            }
                        }
                        wire.sent(frame, &mut wrong);
                    }
                    Start::Request(method) if method == "REPORT" => {
                        if let Some(due) = wire.report(sight.frame, &mut wrong) {
                            self.owed.settle(&(sight.host, sight.conn, due));
                        }
                    }
                    Start::Request(_) => {}
                }
            }
        }
    }

    fn closed(&mut self, host: usize, conn: ConnId, _at: Instant, _broken: &mut Violations) {
        if let Some(wire) = self.wires.get(&(host, conn)) {
            for transaction in wire.asked.keys() {
                self.owed.settle(&(host, conn, Due::Answer(transaction.clone())));
            }
            for (session, id) in wire.come.keys() {
                self.owed.settle(&(host, conn, Due::Report(session.clone(), id.clone())));
            }
        }
    }

    fn told(&mut self, host: usize, _at: Instant, event: &Event, _broken: &mut Violations) {
        let EventKind::Stream { event: StreamEvent::FileTransfer(event), .. } = &event.kind else { return };
        // A receiver that has told its application that the file is not there has nothing to report.
        if matches!(event, FileTransferEvent::DidNotFinish { received: true, .. }) {
            for ((_, conn), wire) in
                self.wires.range((host, ConnId::from_u64(0))).take_while(|((of, _), _)| *of == host)
            {
                for (session, id) in wire.come.keys() {
                    self.owed.settle(&(host, *conn, Due::Report(session.clone(), id.clone())));
                }
            }
        }
    }

    fn passed(&mut self, now: Instant, broken: &mut Violations) {
        while let Some((at, (host, conn, due))) = self.owed.missed(now) {
            let id = if matches!(due, Due::Answer(_)) { "MSR-3" } else { "MSR-10" };
            broken.add(id, host, at, format!("missing on {conn}: {due:?}"));
        }
    }
}

impl Wire {
    /// A request came.
    fn come(&mut self, sight: &MsrpSight<'_>) {
        let frame = sight.frame;
        if frame.is("SEND") {
            let key = (frame.last("To-Path"), frame.message());
            let come = self.come.entry(key).or_insert_with(|| Come {
                from: whole(&frame.path("From-Path")),
                success: frame.success(),
                failure: frame.failure().to_owned(),
                last: 0,
                reported: 0,
            });
            let start = frame.range().map_or(1, |range| range.start);
            come.last = come.last.max((start + frame.len()).saturating_sub(1));
        }
        let begun = self.begun.contains(&frame.last("To-Path"));
        let asked = Asked { frame: frame.clone(), bodies: sight.bodies, begun, answered: false };
        self.asked.insert(frame.transaction.clone(), asked);
    }

    /// The message that is to be reported whole from now on, if this ends one.
    fn to_report(&self, frame: &Frame) -> Option<(String, String)> {
        let key = (frame.last("To-Path"), frame.message());
        let ends = frame.is("SEND") && frame.flag == '$' && frame.success() && !frame.is_empty();
        // One that was refused on the way is not.
        let refused = self.early.contains_key(&frame.transaction);
        (ends && !refused && self.come.contains_key(&key)).then_some(key)
    }

    fn answered(&mut self, response: &Frame, bodies: u64, wrong: &mut impl FnMut(&'static str, &str)) {
        let Some(asked) = self.asked.get_mut(&response.transaction) else {
            self.early.insert(response.transaction.clone(), response.clone());
            return;
        };
        let Start::Response(code) = response.start else { return };
        if asked.frame.is("REPORT") {
            return wrong("MSR-2", "a REPORT is answered");
        }
        if std::mem::replace(&mut asked.answered, true) {
            wrong("MSR-3", "it is answered twice");
        }
        match asked.frame.failure() {
            "no" => wrong("MSR-3", "it wants no answer"),
            "partial" if code == 200 => wrong("MSR-3", "it wants failures only"),
            _ => {}
        }
        let from = asked.frame.path("From-Path");
        let back = if asked.frame.is("SEND") { whole(from.get(..1).unwrap_or_default()) } else { whole(&from) };
        if whole(&response.path("To-Path")) != back {
            wrong("MSR-11", "the answer goes elsewhere");
        }
        self.begun.insert(response.last("From-Path"));
        if asked.begun && bodies.saturating_sub(asked.bodies) > QUANTUM + LINE {
            wrong("MSR-8", "the answer has waited for more than a quantum");
        }
    }

    fn sent(&mut self, frame: &Frame, wrong: &mut impl FnMut(&'static str, &str)) {
        let Some(range) = frame.range() else { return wrong("MSR-6", "there is no range") };
        let len = frame.len();
        let last = (range.start + len).saturating_sub(1);
        if range.start == 0 || range.total.is_some_and(|total| last > total) {
            wrong("MSR-6", "the range is none of the message");
        }
        if range.end.is_some_and(|end| end != last) && frame.flag != '#' {
            wrong("MSR-6", "the range is another than that of the body");
        }
        if len > QUANTUM && range.end.is_some() {
            wrong("MSR-8", "a long chunk promises its end");
        }
        let first = !self.sent.contains_key(&(frame.last("From-Path"), frame.message()));
        let sent = self.sent.entry((frame.last("From-Path"), frame.message())).or_insert_with(|| Sent {
            next: 1,
            total: range.total,
            success: frame.success(),
            failure: frame.failure().to_owned(),
            over: false,
        });
        let alike = sent.total == range.total && sent.success == frame.success() && sent.failure == frame.failure();
        if !first && !alike && frame.flag != '#' {
            wrong("MSR-9", "its chunks are not alike");
        }
        if sent.over || range.start != sent.next {
            wrong("MSR-9", "it does not follow the chunk before");
        }
        sent.next = range.start + len;
        sent.over = frame.flag != '+';
        if frame.flag == '$' && range.total.is_some_and(|total| total != last) {
            wrong("MSR-9", "the last chunk is not the last");
        }
    }

    /// A report is written; what is no longer owed with it.
    fn report(&mut self, frame: &Frame, wrong: &mut impl FnMut(&'static str, &str)) -> Option<Due> {
        if frame.field("Success-Report").is_some() || frame.field("Failure-Report").is_some() {
            wrong("MSR-2", "a report asks for reports");
        }
        let key = (frame.last("From-Path"), frame.message());
        let Some(come) = self.come.get_mut(&key) else {
            wrong("MSR-10", "there is no such message");
            return None;
        };
        let success = frame.field("Status").is_some_and(|status| status.starts_with("000 200"));
        if if success { !come.success } else { come.failure == "no" } {
            wrong("MSR-10", "nobody wants this report");
        }
        if whole(&frame.path("To-Path")) != come.from {
            wrong("MSR-11", "the report goes elsewhere");
        }
        let end = frame.range().and_then(|range| range.end).unwrap_or(0);
        if end > come.last {
            wrong("MSR-10", "it reports what has not come");
        }
        come.reported = come.reported.max(end);
        (!success || come.reported >= come.last).then_some(Due::Report(key.0, key.1))
    }
}
