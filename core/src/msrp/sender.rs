//! What is written on one connection, and in which order (RFC 4975 section 7.1.1).
//!
//! ```text
//!  responses, reports ──────────────► urgent ─┐ first, between chunks
//!  messages ─► turn ─► open chunk ────────────┴► written, while there is credit
//!                ▲         │ 2048 bytes, and somebody waits: `+`
//!                └─────────┘
//! ```
//!
//! A chunk of more than 2048 bytes is never promised whole: it ends early when something else waits. Bytes that were written and that the
//! system has not taken are bounded, so that what is urgent never stands behind much.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::outgoing::{Ends, Outgoing};
use super::window::{Pace, Window};
use super::{ByteRange, Chunk, Continuation, FailureReport, Field, Head, Message, Method, Unwritable, Writer};
use super::{end_line, has_end_line, reason_phrase};
use crate::id::StreamId;
use crate::limits::Limits;
use crate::random::Random;
use crate::sip::Text;
use crate::time::{Instant, earliest};

/// The largest chunk that need not be interruptible, and the smallest that is interrupted.
const QUANTUM: usize = 2048;
/// The longest chunk: what it takes until its sender knows that it has arrived.
const CHUNK: usize = 256 * 1024;
/// The longest chunk that goes through a relay, which may keep it until it is whole.
const RELAYED_CHUNK: usize = 2048;
/// Bytes of a body that are written at once.
const SLICE: usize = 16 * 1024;
/// How long a response may take.
const RESPONSE: Duration = Duration::from_secs(30);
/// How long a connection may be silent before it is proved to be alive.
const KEEP_ALIVE: Duration = Duration::from_secs(60);
/// Messages whose report is awaited.
const WATCHED: usize = 4096;
/// Transactions that are only answered when they fail, and may be.
const LOOSE: usize = 256;

/// What is told to the owner of the connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    /// Write this.
    Write(Bytes),
    /// A message wants so many bytes, from this one on, counted from 0.
    Wants { stream: StreamId, id: Text, at: u64, len: u64 },
    /// A message was written whole.
    Sent { stream: StreamId, id: Text, chunk: Chunk },
    /// The receiver has so many bytes of a message, without a gap.
    Reported { stream: StreamId, id: Text, bytes: u64, chunk: Chunk },
    /// A message has arrived.
    Delivered { stream: StreamId, id: Text, code: u16, reason: Text, chunk: Option<Chunk> },
    /// A message has not arrived.
    NotDelivered { stream: StreamId, id: Text, code: u16, reason: Text, chunk: Option<Chunk> },
    /// A request other than of a message's chunk is answered, or with 408 is not.
    Answered { stream: StreamId, what: Asked, code: u16, reason: Text },
}

/// What was asked with a request that carries no chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// To bind the session to the connection.
    Bind,
    /// Whether the peer is still there.
    KeepAlive,
    /// For a nickname.
    Nickname,
    /// For a URI of a relay.
    Auth,
}

#[derive(Clone, Copy, Debug)]
enum Purpose {
    /// A chunk of the message with this key; and the bytes that it has and when it was sent, once it was.
    Chunk(u64, Option<(u64, Instant)>),
    Other(StreamId, Asked),
}

/// The chunk that is being written.
#[derive(Debug)]
struct Open {
    key: u64,
    transaction: Text,
    head: Bytes,
    len: usize,
    /// The last bytes that were written of it.
    tail: Vec<u8>,
}

/// The writing half of a connection.
#[derive(Debug, Default)]
pub(super) struct Sender {
    urgent: VecDeque<Bytes>,
    urgent_bytes: usize,
    messages: BTreeMap<u64, Outgoing>,
    keys: BTreeMap<(StreamId, Text), u64>,
    count: u64,
    turn: VecDeque<u64>,
    open: Option<Open>,
    transactions: BTreeMap<Text, Purpose>,
    timers: VecDeque<(Instant, Text)>,
    loose: VecDeque<Text>,
    /// Messages that were sent and whose receiver was asked to report, oldest first; some of them may be settled.
    watched: VecDeque<u64>,
    /// Messages that were not sent whole, and their bytes, by stream.
    unsent: BTreeMap<StreamId, (usize, u64)>,
    /// Bytes written that the system has not taken.
    unwritten: usize,
    last_written: Option<Instant>,
    /// How long answers to chunks take.
    pace: Pace,
}

type Out<'a> = &'a mut Vec<News>;

/// What a code means, as its comment says, if it has one.
fn words(code: u16, comment: &Text) -> Text {
    if comment.is_empty() { reason_phrase(code).into() } else { comment.detached() }
}

impl Sender {
    /// A message is to be sent.
    pub(super) fn send(&mut self, stream: StreamId, ends: Arc<Ends>, message: Message, limits: &Limits, out: Out<'_>) {
        let key = self.count;
        self.count += 1;
        self.keys.insert((stream, message.id.clone()), key);
        let unsent = self.unsent.entry(stream).or_default();
        *unsent = (unsent.0 + 1, unsent.1 + message.content.ready());
        self.messages.insert(key, Outgoing::new(stream, ends, message, Window::new(limits.msrp_unanswered)));
        self.queue(key);
        self.ask(key, out);
    }

    /// Bytes that a message wanted.
    pub(super) fn feed(&mut self, stream: StreamId, id: &Text, data: Bytes) {
        if let Some(key) = self.key(stream, id) {
            if let Some(message) = self.messages.get_mut(&key) {
                message.feed(data);
            }
            self.queue(key);
        }
    }

    fn key(&self, stream: StreamId, id: &Text) -> Option<u64> {
        self.keys.get(&(stream, id.clone())).copied()
    }

    /// Queues a message for its turn when there is something of it to send.
    fn queue(&mut self, key: u64) {
        if self.open.as_ref().is_some_and(|open| open.key == key) {
            return;
        }
        if let Some(message) = self.messages.get_mut(&key) {
            let can = !message.sent && (message.queued > 0 || message.left() == 0);
            if can && !message.waits && message.window.is_open() {
                message.waits = true;
                self.turn.push_back(key);
            }
        }
    }

    fn ask(&mut self, key: u64, out: Out<'_>) {
        if let Some(message) = self.messages.get_mut(&key)
            && let Some((at, len)) = message.wants()
        {
            out.push(News::Wants { stream: message.stream, id: message.id.clone(), at, len });
        }
    }

    /// A response or a report, which goes before all messages.
    pub(super) fn urgent(&mut self, frame: Bytes) {
        self.urgent_bytes += frame.len();
        self.urgent.push_back(frame);
    }

    /// A request without a body that awaits an answer.
    pub(super) fn ask_for(
        &mut self,
        now: Instant,
        stream: StreamId,
        what: Asked,
        transaction: Text,
        frame: Result<Bytes, Unwritable>,
    ) -> Result<(), Unwritable> {
        self.urgent(frame?);
        self.transactions.insert(transaction.clone(), Purpose::Other(stream, what));
        self.timers.push_back((now + RESPONSE, transaction));
        Ok(())
    }

    /// An empty SEND: it binds a session to the connection, or proves that the peer is still there.
    pub(super) fn empty(&mut self, now: Instant, stream: StreamId, what: Asked, ends: &Ends, random: &mut Random) {
        let transaction = Text::from(random.token(16));
        let mut writer = Writer::request(&transaction, &Method::Send, &ends.to, &ends.from)
            .field(Field::MessageId, random.token(16))
            .field(Field::ByteRange, ByteRange { start: 1, end: Some(0), total: Some(0) });
        if what == Asked::KeepAlive {
            writer = writer.field(Field::KeepAlive, "yes");
        }
        let frame = writer.finish(Continuation::Complete);
        // Nothing of it can be unwritable.
        let _ = self.ask_for(now, stream, what, transaction, frame);
    }

    /// Bytes of responses and reports that wait.
    pub(super) const fn backlog(&self) -> usize {
        self.urgent_bytes
    }

    /// Messages of a stream that were not sent whole, and their bytes.
    pub(super) fn unsent(&self, stream: StreamId) -> (usize, u64) {
        self.unsent.get(&stream).copied().unwrap_or_default()
    }

    /// The system took so many bytes.
    pub(super) const fn drained(&mut self, len: usize) {
        self.unwritten = self.unwritten.saturating_sub(len);
    }

    /// Writes what there is credit for.
    pub(super) fn pump(&mut self, now: Instant, limits: &Limits, random: &mut Random, out: Out<'_>) {
        while self.unwritten < limits.msrp_window {
            let interruptible = self.open.as_ref().is_none_or(|open| open.len >= QUANTUM);
            if interruptible && !self.urgent.is_empty() {
                self.close_chunk(now, Continuation::More, out);
                while let Some(frame) = self.urgent.pop_front() {
                    self.urgent_bytes -= frame.len();
                    self.write(now, frame, out);
                }
            } else if let Some(open) = self.open.take() {
                if !self.go_on(now, open, out) {
                    break;
                }
            } else if self.transactions.len() < limits.msrp_transactions
                && let Some(key) = self.turn.pop_front()
            {
                self.begin(now, key, random, out);
            } else {
                break;
            }
        }
    }

    fn write(&mut self, now: Instant, data: Bytes, out: Out<'_>) {
        self.unwritten += data.len();
        self.last_written = Some(now);
        out.push(News::Write(data));
    }

    fn begin(&mut self, now: Instant, key: u64, random: &mut Random, out: Out<'_>) {
        let Some(message) = self.messages.get_mut(&key) else { return };
        message.waits = false;
        let whole = message.left() <= QUANTUM as u64 && message.queued == message.left();
        let mut body = BytesMut::new();
        let start = message.next;
        while whole && message.queued > 0 {
            body.extend_from_slice(&message.take(QUANTUM));
        }
        let mut transaction = random.token(16);
        while has_end_line(&body, &transaction) {
            transaction = random.token(16);
        }
        let end = whole.then(|| message.next - 1);
        let range = ByteRange { start, end, total: Some(message.total) };
        let mut writer = Writer::request(&transaction, &Method::Send, &message.ends.to, &message.ends.from)
            .field(Field::MessageId, &message.id)
            .field(Field::ByteRange, range);
        if message.success {
            writer = writer.field(Field::SuccessReport, "yes");
        }
        if message.failure != FailureReport::Yes {
            writer = writer.field(Field::FailureReport, message.failure.as_str());
        }
        // What cannot stand there was refused before.
        let Ok(head) = writer.with_body(&message.content_type) else { return };
        let transaction = Text::from(transaction);
        if message.failure != FailureReport::No {
            message.unanswered += 1;
            self.transactions.insert(transaction.clone(), Purpose::Chunk(key, None));
        }
        let (len, tail) = (body.len(), Vec::new());
        self.open = Some(Open { key, transaction: transaction.clone(), head: head.clone(), len, tail });
        if whole {
            let frame = [&*head, &*body, &*end_line(&transaction, Continuation::Complete)].concat();
            self.write(now, Bytes::from(frame), out);
            self.ended(now, Continuation::Complete, out);
        } else {
            self.write(now, head, out);
        }
    }

    /// Goes on with the chunk that is being written. False when it waits for bytes, and nothing else does.
    fn go_on(&mut self, now: Instant, mut open: Open, out: Out<'_>) -> bool {
        let crowded = !self.turn.is_empty() || !self.urgent.is_empty();
        let Some(message) = self.messages.get_mut(&open.key) else {
            self.open = Some(open);
            self.close_chunk(now, Continuation::Abort, out);
            return true;
        };
        let most = if message.ends.to.is_direct() { CHUNK } else { RELAYED_CHUNK };
        if open.len >= most || (crowded && (open.len >= QUANTUM || message.queued == 0)) {
            self.open = Some(open);
            self.close_chunk(now, Continuation::More, out);
            return true;
        }
        if message.queued == 0 {
            self.open = Some(open);
            return false;
        }
        let part = message.take(if crowded { QUANTUM - open.len } else { SLICE.min(most - open.len) });
        let needle = 7 + open.transaction.len();
        open.tail.extend_from_slice(part.get(..part.len().min(needle)).unwrap_or_default());
        if has_end_line(&open.tail, &open.transaction) || has_end_line(&part, &open.transaction) {
            // Under another identifier it is data.
            message.give_back(part);
            self.open = Some(open);
            self.close_chunk(now, Continuation::More, out);
            return true;
        }
        if part.len() >= needle {
            open.tail.clear();
            open.tail.extend_from_slice(part.get(part.len() - needle..).unwrap_or_default());
        } else {
            let excess = open.tail.len().saturating_sub(needle);
            open.tail.drain(..excess);
        }
        open.len += part.len();
        let (key, is_last) = (open.key, message.left() == 0);
        self.open = Some(open);
        self.write(now, part, out);
        self.ask(key, out);
        if is_last {
            self.close_chunk(now, Continuation::Complete, out);
        }
        true
    }

    /// Writes the end line of the chunk that is being written, if one is.
    fn close_chunk(&mut self, now: Instant, flag: Continuation, out: Out<'_>) {
        if let Some(open) = &self.open {
            let line = end_line(&open.transaction, flag);
            self.write(now, line, out);
            self.ended(now, flag, out);
        }
    }

    /// The chunk that was being written has ended.
    fn ended(&mut self, now: Instant, flag: Continuation, out: Out<'_>) {
        let Some(open) = self.open.take() else { return };
        let Some(message) = self.messages.get_mut(&open.key) else {
            self.transactions.remove(&open.transaction);
            return;
        };
        if let Some(Purpose::Chunk(_, sent)) = self.transactions.get_mut(&open.transaction)
            && message.failure == FailureReport::Yes
        {
            *sent = Some((open.len as u64, now));
            message.window.sent(open.len as u64);
        }
        match message.failure {
            FailureReport::Yes => self.timers.push_back((now + RESPONSE, open.transaction)),
            FailureReport::Partial => self.loose.push_back(open.transaction),
            FailureReport::No => {}
        }
        if flag == Continuation::Complete {
            message.sent = true;
            out.push(News::Sent { stream: message.stream, id: message.id.clone(), chunk: Chunk::written(&open.head) });
            let (stream, ready, watched) = (message.stream, message.ready, message.success);
            self.count_off(stream, ready);
            if watched {
                self.watched.push_back(open.key);
            }
        }
        while self.watched.len() > WATCHED {
            if let Some(oldest) = self.watched.pop_front() {
                self.fail(oldest, 408, &Text::new(), None, out);
            }
        }
        while self.loose.len() > LOOSE {
            let oldest = self.loose.pop_front().and_then(|transaction| self.transactions.remove(&transaction));
            if let Some(Purpose::Chunk(key, _)) = oldest
                && self.messages.get(&key).is_some_and(Outgoing::is_unwatched)
            {
                // Its failure would be told by now.
                self.forget(key);
            }
        }
        self.queue(open.key);
        self.settle(open.key, None, out);
    }

    /// Tells of a message that has arrived, and forgets one of which nothing more is told.
    fn settle(&mut self, key: u64, told: Option<&Head>, out: Out<'_>) {
        let Some(message) = self.messages.get(&key) else { return };
        if message.has_arrived() {
            let (stream, id) = (message.stream, message.id.clone());
            let (reason, chunk) = (reason_phrase(200).into(), told.map(Chunk::from));
            out.push(News::Delivered { stream, id, code: 200, reason, chunk });
            self.forget(key);
        } else if message.is_unwatched() && message.failure == FailureReport::No {
            self.forget(key);
        }
    }

    /// A message is not unsent any longer.
    fn count_off(&mut self, stream: StreamId, ready: u64) {
        if let Some((messages, bytes)) = self.unsent.get_mut(&stream) {
            (*messages, *bytes) = (*messages - 1, *bytes - ready);
            if *messages == 0 {
                self.unsent.remove(&stream);
            }
        }
    }

    fn forget(&mut self, key: u64) -> Option<Outgoing> {
        let message = self.messages.remove(&key)?;
        self.keys.remove(&(message.stream, message.id.clone()));
        if !message.sent {
            self.count_off(message.stream, message.ready);
        }
        if message.waits {
            self.turn.retain(|waits| *waits != key);
        }
        Some(message)
    }

    /// A message has not arrived, and no more of it is sent.
    fn fail(&mut self, key: u64, code: u16, reason: &Text, told: Option<&Head>, out: Out<'_>) {
        let Some(message) = self.forget(key) else { return };
        let reason = words(code, reason);
        let chunk = told.map(Chunk::from);
        out.push(News::NotDelivered { stream: message.stream, id: message.id, code, reason, chunk });
    }

    /// Writes responses and reports whether there is credit or not: the connection closes.
    pub(super) fn flush(&mut self, now: Instant, out: Out<'_>) {
        self.close_chunk(now, Continuation::Abort, out);
        while let Some(frame) = self.urgent.pop_front() {
            self.urgent_bytes -= frame.len();
            self.write(now, frame, out);
        }
    }

    /// Gives up a message of ours. Its chunk, if one is being written, ends with `#`; if it was begun, or is fed, an empty chunk says so.
    pub(super) fn cancel(&mut self, stream: StreamId, id: &Text, random: &mut Random) {
        let Some(message) = self.key(stream, id).and_then(|key| self.forget(key)) else { return };
        let is_open = self.open.as_ref().is_some_and(|open| !self.messages.contains_key(&open.key));
        if (message.next > 1 || message.fed) && !message.sent && !is_open {
            let range = ByteRange { start: message.next, end: None, total: Some(message.total) };
            let writer = Writer::request(&random.token(16), &Method::Send, &message.ends.to, &message.ends.from)
                .field(Field::MessageId, &message.id)
                .field(Field::ByteRange, range)
                .field(Field::FailureReport, FailureReport::No.as_str());
            if let Ok(frame) = writer.finish(Continuation::Abort) {
                self.urgent(frame);
            }
        }
    }

    /// A response came; or none did, which comes to 408.
    pub(super) fn response(
        &mut self,
        now: Instant,
        transaction: &Text,
        code: u16,
        comment: &Text,
        told: Option<&Head>,
        out: Out<'_>,
    ) {
        match self.transactions.remove(transaction) {
            Some(Purpose::Chunk(key, sent)) if code == 200 => {
                if let Some(message) = self.messages.get_mut(&key) {
                    message.unanswered = message.unanswered.saturating_sub(1);
                    if let Some((bytes, at)) = sent {
                        message.window.answered(bytes, self.pace.judge(now - at));
                    }
                }
                self.queue(key);
                self.settle(key, told, out);
            }
            Some(Purpose::Chunk(key, _)) => self.fail(key, code, comment, told, out),
            Some(Purpose::Other(stream, what)) => {
                out.push(News::Answered { stream, what, code, reason: words(code, comment) });
            }
            None => {}
        }
        while self.timers.front().is_some_and(|(_, transaction)| !self.transactions.contains_key(transaction)) {
            self.timers.pop_front();
        }
    }

    /// The receiver reported on bytes of a message.
    pub(super) fn report(&mut self, stream: StreamId, told: &Head, limits: &Limits, out: Out<'_>) {
        let (Ok(id), Ok(range), Ok(status)) = (told.message_id(), told.byte_range(), told.status()) else { return };
        // What other namespaces mean is not known here.
        let Some(key) = self.key(stream, &id).filter(|_| status.namespace == 0) else { return };
        if status.code != 200 {
            return self.fail(key, status.code, &status.comment, Some(told), out);
        }
        let Some(message) = self.messages.get_mut(&key).filter(|message| message.success) else { return };
        // Nothing can have arrived that was not sent.
        let end = range.end.unwrap_or(message.total).min(message.next - 1);
        message.heard = true;
        let before = message.reported.first_gap(1);
        let _ = message.reported.insert(range.start..end.saturating_add(1), limits.msrp_gaps);
        let bytes = message.reported.first_gap(1) - 1;
        if bytes >= before {
            out.push(News::Reported { stream, id: message.id.clone(), bytes, chunk: told.into() });
        }
        self.settle(key, Some(told), out);
    }

    /// The session or the connection is over: what has not arrived never will.
    pub(super) fn fail_all(&mut self, stream: StreamId, code: u16, reason: &Text, out: Out<'_>) {
        let keys: Vec<u64> = self.messages.iter().filter(|(_, m)| m.stream == stream).map(|(key, _)| *key).collect();
        for key in keys {
            if self.messages.get(&key).is_some_and(Outgoing::is_unwatched) {
                self.forget(key);
            } else {
                self.fail(key, code, reason, None, out);
            }
        }
        self.transactions.retain(|_, purpose| !matches!(purpose, Purpose::Other(of, _) if *of == stream));
    }

    /// When something is due: an answer, or a sign of life on a connection that carries a session.
    pub(super) fn deadline(&self, carries: bool) -> Option<Instant> {
        let alive = self.last_written.filter(|_| carries).map(|at| at + KEEP_ALIVE);
        earliest(self.timers.front().map(|(at, _)| *at), alive)
    }

    /// Whether a sign of life is due.
    pub(super) fn is_silent(&self, now: Instant) -> bool {
        self.last_written.is_some_and(|at| at + KEEP_ALIVE <= now)
    }

    /// What was not answered in time.
    pub(super) fn timeout(&mut self, now: Instant, out: Out<'_>) {
        while let Some((_, transaction)) = self.timers.pop_front_if(|(at, _)| *at <= now) {
            self.response(now, &transaction, 408, &Text::new(), None, out);
        }
    }
}
