//! MSR-4, MSR-5, MSR-7, MSR-10, MSR-14, MSR-16: what becomes of messages, as the wire shows it and as the application is told.
//!
//! - MSR-4: a request that wants failures and is not answered in 30 s has failed (RFC 4975 section 7.1.1). Told once.
//! - MSR-5: a message is delivered once, when all of it has come (section 7.3.1).
//! - MSR-7: one that was given up is not (section 7.1.1).
//! - MSR-10: a message whose receiver reports all of it is told to have arrived (section 7.1.3).
//! - MSR-14: a connection that is lost fails what had not arrived, once.
//! - MSR-16: `message/cpim` is what RFC 3862 says.

use std::collections::BTreeMap;
use std::time::Duration;

use sipsimple_core::agent::{Event, EventKind};
use sipsimple_core::id::ConnId;
use sipsimple_core::stream::{ChatEvent, FileTransferEvent, StreamEvent};
use sipsimple_core::time::Instant;

use crate::msrp::Start;
use crate::wire::{Fate, MsrpSight};

use super::{Memory, Owed, Property, Violations};

const CPIM: &str = "message/cpim";
/// How long an answer may take, and the application to be told.
const ANSWER: Duration = Duration::from_secs(31);
const SOON: Duration = Duration::from_secs(5);

/// Watches the messages of every host.
#[derive(Debug, Default)]
pub struct MsrpMessages {
    /// By host and name.
    sent: Memory<(usize, String), Sent>,
    /// By host, our session, and name.
    come: Memory<(usize, String, String), Come>,
    /// Whose chunk a transaction carries; nobody's, when one that came was answered.
    transactions: Memory<(usize, ConnId, String), String>,
    owed: Owed<(usize, String, Due)>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// The answer to this transaction, or the news that there is none.
    Answer(String),
    /// The news that it has arrived.
    Arrived,
    /// The news that it has not.
    Failed,
    /// The message, at its receiver.
    Message,
}

#[derive(Debug)]
struct Sent {
    conn: ConnId,
    cpim: bool,
    fails: bool,
    total: Option<u64>,
    /// Its last chunk is written, or it was given up.
    over: bool,
    reported: u64,
    told: u32,
}

impl Sent {
    /// Whether its fate is still to be told.
    const fn is_open(&self) -> bool {
        self.fails && self.told == 0
    }
}

#[derive(Debug, Default)]
struct Come {
    bytes: BTreeMap<u64, Vec<u8>>,
    ended: bool,
    aborted: bool,
    told: u32,
}

impl Come {
    /// All of it, if it is there. Where bytes came twice, those that came last would count; the hosts here send none twice.
    fn whole(&self) -> Option<Vec<u8>> {
        let mut whole = Vec::new();
        for (start, bytes) in &self.bytes {
            let at = usize::try_from(*start - 1).ok()?;
            (at == whole.len()).then(|| whole.extend_from_slice(bytes))?;
        }
        self.ended.then_some(whole)
    }
}

impl Property for MsrpMessages {
    fn frame(&mut self, sight: &MsrpSight<'_>, broken: &mut Violations) {
        let MsrpSight { at, host, conn, frame, .. } = *sight;
        match (&frame.start, sight.fate) {
            (Start::Request(method), Fate::Sent) if method == "SEND" && frame.flag == '#' => {
                // It was given up: nobody waits for it.
                if let Some(sent) = self.sent.get_mut(at, &(host, frame.message())) {
                    sent.fails = false;
                    self.forget(host, &frame.message());
                }
            }
            (Start::Request(method), Fate::Sent) if method == "SEND" && frame.success() => {
                let cpim = frame.field("Content-Type") == Some(CPIM);
                if cpim && frame.flag == '$' && frame.range().is_some_and(|range| range.start == 1) {
                    let body = frame.body.as_deref().unwrap_or_default();
                    if let Some(why) = misses(body) {
                        broken.msrp("MSR-16", sight, why);
                    }
                }
                let id = frame.message();
                let total = frame.range().and_then(|range| range.total);
                let new =
                    || Sent { conn, cpim, fails: frame.failure() == "yes", total, over: false, reported: 0, told: 0 };
                let sent = self.sent.entry(at, (host, id.clone()), new);
                sent.over |= frame.flag != '+';
                if sent.fails && sent.told == 0 {
                    self.owed.owe((host, id.clone(), Due::Answer(frame.transaction.clone())), at + ANSWER);
                }
                self.transactions.put(at, (host, conn, frame.transaction.clone()), id);
            }
            (Start::Response(code), Fate::Arrived) => {
                let key = (host, conn, frame.transaction.clone());
                let Some(id) = self.transactions.get(&key).cloned() else { return };
                self.owed.settle(&(host, id.clone(), Due::Answer(frame.transaction.clone())));
                if *code != 200 && self.sent.get(&(host, id.clone())).is_some_and(Sent::is_open) {
                    self.owed.owe((host, id, Due::Failed), at + SOON);
                }
            }
            (Start::Request(method), Fate::Arrived) if method == "REPORT" => self.reported(sight),
            (Start::Request(method), Fate::Arrived) if method == "SEND" && !frame.is_empty() => self.came(sight),
            (Start::Request(method), Fate::Arrived) if method == "SEND" && frame.flag == '#' => self.came(sight),
            (Start::Response(code), Fate::Sent) => {
                let key = (host, conn, frame.transaction.clone());
                match self.transactions.get(&key).cloned() {
                    // It is taken, whatever becomes of the connection.
                    Some(_) if *code == 200 => self.transactions.put(at, key, String::new()),
                    Some(id) => drop(self.owed.settle(&(host, id, Due::Message))),
                    // It was refused before it came whole.
                    None if *code != 200 => self.transactions.put(at, key, String::new()),
                    None => {}
                }
            }
            _ => {}
        }
    }

    fn told(&mut self, host: usize, at: Instant, event: &Event, broken: &mut Violations) {
        let EventKind::Stream { event, .. } = &event.kind else { return };
        match event {
            StreamEvent::Chat(
                ChatEvent::DidDeliverMessage { message_id, .. } | ChatEvent::DidNotDeliverMessage { message_id, .. },
            )
            | StreamEvent::FileTransfer(FileTransferEvent::DidNotDeliverChunk { message_id, .. }) => {
                let id = message_id.to_string();
                if let Some(sent) = self.sent.get_mut(at, &(host, id.clone())) {
                    sent.told += 1;
                    if sent.told > 1 {
                        broken.add("MSR-4", host, at, format!("the fate of {id} is told twice"));
                    }
                }
                self.forget(host, &id);
            }
            StreamEvent::FileTransfer(FileTransferEvent::DidFinish { .. } | FileTransferEvent::DidNotFinish { .. }) => {
                // The fate of a file, whatever the message was called that carried it.
                let files: Vec<String> = (self.sent.range((host, String::new())))
                    .take_while(|((of, _), _)| *of == host)
                    .filter(|(_, sent)| !sent.cpim && sent.told == 0)
                    .map(|((_, id), _)| id.clone())
                    .collect();
                for id in files {
                    if let Some(sent) = self.sent.get_mut(at, &(host, id.clone())) {
                        sent.fails = false;
                    }
                    self.forget(host, &id);
                }
            }
            StreamEvent::Chat(ChatEvent::GotMessage { message }) => {
                self.got(host, at, &message.id, &message.content, broken)
            }
            _ => {}
        }
    }

    fn closed(&mut self, host: usize, conn: ConnId, at: Instant, _broken: &mut Violations) {
        let lost: Vec<String> = (self.sent.range((host, String::new())))
            .take_while(|((of, _), _)| *of == host)
            .filter(|(_, sent)| sent.conn == conn && sent.fails && sent.told == 0)
            .filter(|(_, sent)| !sent.total.is_some_and(|total| sent.over && sent.reported >= total))
            .map(|((_, id), _)| id.clone())
            .collect();
        for id in lost {
            self.owed.owe((host, id, Due::Failed), at + SOON);
        }
        // What waits for its session when the connection is lost was not taken: its sender is told so.
        let waiting: Vec<String> = (self.transactions.range((host, conn, String::new())))
            .take_while(|((of, on, _), _)| *of == host && *on == conn)
            .map(|(_, id)| id.clone())
            .collect();
        for id in waiting {
            self.owed.settle(&(host, id, Due::Message));
        }
    }

    fn passed(&mut self, now: Instant, broken: &mut Violations) {
        while let Some((at, (host, id, due))) = self.owed.missed(now) {
            let (property, why) = match due {
                Due::Answer(_) => ("MSR-4", "nobody is told that it was not answered"),
                Due::Arrived => ("MSR-10", "nobody is told that it has arrived"),
                Due::Failed => ("MSR-14", "nobody is told that it has failed"),
                Due::Message => ("MSR-5", "it has come and is not told"),
            };
            broken.add(property, host, at, format!("{id}: {why}"));
        }
    }
}

impl MsrpMessages {
    /// The fate of a message is told: nothing more is owed.
    fn forget(&mut self, host: usize, id: &str) {
        self.owed.settle(&(host, id.to_owned(), Due::Arrived));
        self.owed.settle(&(host, id.to_owned(), Due::Failed));
        let open: Vec<_> = self
            .transactions
            .range((host, ConnId::from_u64(0), String::new()))
            .take_while(|((of, ..), _)| *of == host)
            .filter(|(_, of)| *of == id)
            .map(|((_, _, transaction), _)| transaction.clone())
            .collect();
        for transaction in open {
            self.owed.settle(&(host, id.to_owned(), Due::Answer(transaction)));
        }
    }

    fn reported(&mut self, sight: &MsrpSight<'_>) {
        let (host, id, at) = (sight.host, sight.frame.message(), sight.at);
        let success = sight.frame.field("Status").is_some_and(|status| status.starts_with("000 200"));
        let Some(sent) = self.sent.get_mut(at, &(host, id.clone())).filter(|sent| sent.told == 0) else { return };
        if success {
            sent.reported = sent.reported.max(sight.frame.range().and_then(|range| range.end).unwrap_or(0));
            if sent.cpim && sent.over && sent.total.is_some_and(|total| sent.reported >= total) {
                self.owed.owe((host, id, Due::Arrived), at + SOON);
            }
        } else {
            if sent.fails {
                self.owed.owe((host, id, Due::Failed), at + SOON);
            }
        }
    }

    fn came(&mut self, sight: &MsrpSight<'_>) {
        let MsrpSight { at, host, conn, frame, .. } = *sight;
        let id = frame.message();
        let come = self.come.entry(at, (host, frame.last("To-Path"), id.clone()), Come::default);
        come.aborted |= frame.flag == '#';
        if frame.field("Content-Type") != Some(CPIM) {
            return;
        }
        let start = frame.range().map_or(1, |range| range.start).max(1);
        come.bytes.insert(start, frame.body.clone().unwrap_or_default());
        come.ended |= frame.flag == '$';
        let transaction = (host, conn, frame.transaction.clone());
        if self.transactions.get(&transaction).is_some_and(String::is_empty) {
            return;
        }
        self.transactions.put(at, transaction, id.clone());
        if come.told == 0 && !come.aborted && come.whole().is_some_and(|whole| is_for_a_reader(&whole)) {
            self.owed.owe((host, id, Due::Message), at + SOON);
        }
    }

    fn got(&mut self, host: usize, at: Instant, id: &str, content: &[u8], broken: &mut Violations) {
        self.owed.settle(&(host, id.to_owned(), Due::Message));
        let keys: Vec<_> = (self.come.range((host, String::new(), String::new())))
            .take_while(|((of, ..), _)| *of == host)
            .filter(|((_, _, name), _)| name == id)
            .map(|(key, _)| key.clone())
            .collect();
        for key in keys {
            let Some(come) = self.come.get_mut(at, &key) else { continue };
            come.told += 1;
            if come.aborted {
                broken.add("MSR-7", host, at, format!("{id} was given up and is told"));
            }
            let whole = come.whole();
            if !come.bytes.is_empty() && !whole.is_some_and(|whole| whole.ends_with(content)) {
                broken.add("MSR-5", host, at, format!("{id} is not what has come"));
            }
            if come.told > 1 {
                broken.add("MSR-5", host, at, format!("{id} is told twice"));
            }
        }
    }
}

/// Whether a wrapped message is for somebody to read, and no indication or notification.
fn is_for_a_reader(whole: &[u8]) -> bool {
    let text = String::from_utf8_lossy(whole).to_ascii_lowercase();
    misses(whole).is_none() && !text.contains("im-iscomposing+xml") && !text.contains("message/imdn+xml")
}

/// What a message in `message/cpim` lacks.
fn misses(body: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(body);
    let mut parts = text.splitn(3, "\r\n\r\n");
    let (fields, content) = (parts.next()?, parts.next());
    let has = |part: &str, name: &str| part.lines().any(|line| line.to_ascii_lowercase().starts_with(name));
    match content {
        None => Some("there is no content"),
        Some(_) if !has(fields, "from:") || !has(fields, "to:") => Some("it is from nobody or to nobody"),
        Some(_) if !has(fields, "datetime:") => Some("it has no date"),
        Some(content) if !has(content, "content-type:") => Some("its content has no type"),
        Some(_) if parts.next().is_none() => Some("no empty line stands before its content"),
        Some(_) => None,
    }
}
