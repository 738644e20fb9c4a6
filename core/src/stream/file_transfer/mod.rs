//! A file transfer (seed class FileTransferStream): one file as one MSRP message (RFC 5547).
//!
//! ```text
//!  sender:    start ──► message ── wants bytes ──► reads ──► feeds ──► reported ──► all of it: finished
//!  receiver:  start ──► piece ──► writes ──► written: reports ──► whole ──► hash is right: reports the last, finished
//! ```
//!
//! An offer with another `file-transfer-id` begins the transfer of the same file anew, and one with the same id goes on with it; one that means
//! another file than before is refused, since nobody has asked the application about that file. Once the file has arrived, an offer of ours for
//! another reason has its line with port 0 and the same id, and the stream ends with that (RFC 5547 section 8.1).
//!
//! The file is read only as fast as the connection takes it, and the connection is read only as fast as the file is written: memory
//! does not grow with the file. What the receiver reports is on its disk, so that an interrupted transfer resumes from there.

mod described;
mod event;
mod factory;
mod receiver;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use bytes::Bytes;

use described::Described;
pub use event::{FileTransferCommand, FileTransferEvent, FileTransferSpec};
pub use factory::FileTransferFactory;
use receiver::Receiver;

use crate::limits::Limits;
use crate::msrp::{self, ByteRange, Chunk, Content, Delivery, FileDetails, FileSelector, Wish};
use crate::outbox::Outbox;
use crate::payload::mime::Entity;
use crate::sdp::{Attribute, Direction, Media};
use crate::sip::{Part, Text};

use super::msrp::{Base, Fate, MsrpProfile, MsrpStream, Offered};
use super::{Agreement, Command, Context, FileAnswer, FileQuestion, Output, StreamError, StreamEvent};

/// How far a transfer is.
#[derive(Debug)]
enum State {
    /// It has not started.
    Waiting,
    /// This side sends, under this name.
    Sending(Text),
    Receiving(Box<Receiver>),
    /// Its end was told; whether the file has arrived.
    Over {
        arrived: bool,
    },
}

/// A file transfer.
#[derive(Debug)]
pub struct FileTransferStream {
    base: Base,
    described: Described,
    sends: bool,
    file: Option<Text>,
    /// The longest message that the peer takes.
    max_size: Option<u64>,
    /// The id of a transfer that the peer offers in place of this one, and whether that is to begin.
    renewal: Option<Text>,
    renewed: bool,
    state: State,
    /// Bytes that the application was given and has not worked off.
    untaken: u64,
    /// How many questions were asked, how many of them are not answered, and how many of those nobody wants to know any more.
    asked: u64,
    unanswered: u64,
    stale: u64,
    /// How many bytes were asked for by those about the file that is sent, oldest first.
    reads: VecDeque<u64>,
}

impl FileTransferStream {
    /// How file transfers present themselves.
    pub const PROFILE: MsrpProfile =
        MsrpProfile { media_type: "message", accept_types: &["*"], accept_wrapped_types: &[], use_msrp_session: true };

    fn new(described: Described, sends: bool, file: Option<Text>, offered: Option<Offered>) -> Self {
        let direction = if sends { Direction::SendOnly } else { Direction::RecvOnly };
        Self {
            base: Base::new(Self::PROFILE, direction, offered),
            described,
            sends,
            file,
            max_size: None,
            renewal: None,
            renewed: false,
            state: State::Waiting,
            untaken: 0,
            asked: 0,
            unanswered: 0,
            stale: 0,
            reads: VecDeque::new(),
        }
    }

    /// Which file it is (attribute `file_selector`).
    #[must_use]
    pub const fn selector(&self) -> &FileSelector {
        &self.described.selector
    }

    /// Whether this side sends it.
    #[must_use]
    pub const fn sends(&self) -> bool {
        self.sends
    }

    /// From which byte on it is transferred.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.described.offset()
    }

    /// The number of its last byte that is transferred, counted from 1; none for the end of the file.
    #[must_use]
    pub const fn end(&self) -> Option<u64> {
        self.described.range.stop
    }

    /// What its sender tells of it; the icon is there when it came along with the offer.
    #[must_use]
    pub const fn details(&self) -> &FileDetails {
        &self.described.details
    }

    /// The name of the transfer, which all descriptions of it have in common.
    #[must_use]
    pub fn transfer_id(&self) -> Option<&str> {
        self.described.transfer_id.as_deref()
    }

    fn ask(&mut self, question: FileQuestion, out: &mut Outbox<Output>) {
        out.push(Output::Ask { number: self.asked, question });
        self.asked += 1;
        self.unanswered += 1;
    }

    fn begin(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        if !self.sends {
            self.state = State::Receiving(Box::new(Receiver::new(&self.described, self.file.clone())));
            return;
        }
        let (size, offset) = (self.described.selector.size, self.described.offset());
        let Some(end) = self.described.end().filter(|end| self.file.is_some() && size.is_some() && *end >= offset)
        else {
            return self.over("file descriptor not specified", out);
        };
        if size.is_some_and(|size| end > size) {
            return self.over("the file is shorter than what is asked for", out);
        }
        if self.max_size.is_some_and(|most| end - offset > most) {
            return self.over("the peer takes no file of this size", out);
        }
        let id = Text::from(cx.random.token(16));
        let octets = Text::from_static("application/octet-stream");
        let content_type = self.described.selector.content_type.clone().unwrap_or(octets);
        let message = self.base.message(id.clone(), content_type, Content::Fed(end - offset));
        self.state = State::Sending(id);
        let mut events = Vec::new();
        if self.base.send(cx, message, out, &mut events).is_err() {
            self.over("the file cannot be sent", out);
        }
        self.tell(cx, events, out);
    }

    /// It ends without the file.
    fn over(&mut self, reason: &str, out: &mut Outbox<Output>) {
        if !matches!(self.state, State::Over { .. }) {
            self.state = State::Over { arrived: false };
            self.base.hold(false, out);
            tell(FileTransferEvent::DidNotFinish { received: !self.sends, reason: reason.into() }, out);
        }
    }

    /// Gives up what is under way, in either direction.
    fn stop(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        let stream = cx.stream;
        match &self.state {
            State::Sending(id) => {
                let id = id.clone();
                self.base.call(cx, out, &mut Vec::new(), |endpoint, cx, out| endpoint.cancel(cx, stream, &id, out));
            }
            State::Receiving(receiver) => match (receiver.whole(), receiver.id()) {
                // Nothing more comes that could be refused: a report says it.
                (Some((wish, bytes)), _) => self.base.report(cx, &wish, ByteRange::first(bytes, Some(bytes)), 413, out),
                (None, Some(id)) => self.refuse(cx, &id, out),
                // Whatever comes is refused then.
                (None, None) => {}
            },
            State::Waiting | State::Over { .. } => {}
        }
    }

    /// Nothing more of this message is wanted.
    fn refuse(&mut self, cx: &mut Context<'_>, id: &Text, out: &mut Outbox<Output>) {
        let stream = cx.stream;
        self.base.call(cx, out, &mut Vec::new(), |endpoint, _, _| endpoint.refuse(stream, id));
    }

    /// The peer wants it from the beginning once more.
    fn renew(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        self.stop(cx, out);
        self.over("the transfer begins anew", out);
        self.stale = self.unanswered;
        self.reads.clear();
        self.state = State::Waiting;
    }

    fn is_sending(&self, id: &Text) -> bool {
        matches!(&self.state, State::Sending(own) if own == id)
    }

    /// What was written is reported, and what is whole is looked at.
    fn progress(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        let State::Receiving(receiver) = &mut self.state else { return };
        if !receiver.is_behind() && self.untaken <= receiver::BEHIND {
            self.base.hold(false, out);
        }
        let State::Receiving(receiver) = &mut self.state else { return };
        let total = self.described.len();
        for (wish, bytes) in receiver.reportable() {
            self.base.report(cx, &wish, ByteRange::first(bytes, total), 200, out);
        }
        let State::Receiving(receiver) = &mut self.state else { return };
        match receiver.verdict(&self.described) {
            None => {}
            Some(receiver::Verdict::Ask(question)) => self.ask(question, out),
            Some(receiver::Verdict::Right(wish, bytes)) => {
                self.base.report(cx, &wish, ByteRange::first(bytes, Some(bytes)), 200, out);
                self.state = State::Over { arrived: true };
                tell(FileTransferEvent::DidFinish { received: true }, out);
            }
            Some(receiver::Verdict::Wrong(wish, bytes, reason)) => {
                self.base.report(cx, &wish, ByteRange::first(bytes, Some(bytes)), 400, out);
                self.over(reason, out);
            }
        }
    }
}

fn tell(event: FileTransferEvent, out: &mut Outbox<Output>) {
    out.push(Output::Event(StreamEvent::FileTransfer(event)));
}

impl MsrpStream for FileTransferStream {
    const KIND: &'static str = "file-transfer";

    fn base(&self) -> &Base {
        &self.base
    }

    fn base_mut(&mut self) -> &mut Base {
        &mut self.base
    }

    fn prepare(&mut self, cx: &mut Context<'_>) {
        self.base.set_delivery(Delivery::Pieces(self.described.len()));
        self.described.name(|| cx.random.token(32));
    }

    fn attributes(&self) -> Vec<Attribute> {
        self.described.attributes(self.sends, !self.base.was_offered(), !self.base.is_agreed())
    }

    fn attachments(&self) -> Vec<Entity> {
        let brings = self.sends && !self.base.was_offered() && !self.base.is_agreed();
        self.described.icon_part().filter(|_| brings).into_iter().collect()
    }

    fn attachments_came(&mut self, limits: &Limits, parts: &[Part]) {
        self.described.find_icon(limits, parts);
    }

    fn considers(&mut self, media: &Media<'_>) -> bool {
        self.renewal = None;
        let id = media.attribute("file-transfer-id").flatten().map(Text::from);
        let turned = match media.direction() {
            Direction::SendOnly => self.sends,
            Direction::RecvOnly => !self.sends,
            Direction::SendRecv | Direction::Inactive => false,
        };
        if turned || !self.described.is_same_file(media) {
            return false;
        }
        if self.base.is_agreed() && id.is_some() && id != self.described.transfer_id {
            self.renewal = id.clone();
            self.described.transfer_id = id;
        }
        true
    }

    fn has_done(&self) -> bool {
        matches!(self.state, State::Over { arrived: true })
    }

    fn agreed(&mut self, agreement: &Agreement<'_>, remote: Offered) {
        self.max_size = remote.max_size;
        if let Some(media) = agreement.remote_media() {
            self.described.learn(&media);
        }
        self.renewed |= self.renewal.take().is_some();
    }

    fn go_on(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        if std::mem::take(&mut self.renewed) && !matches!(self.state, State::Waiting) {
            self.renew(cx, out);
        }
        if self.base.is_agreed() && matches!(self.state, State::Waiting) {
            self.begin(cx, out);
        }
    }

    fn wants(&mut self, at: u64, len: u64, out: &mut Outbox<Output>) {
        if let (State::Sending(_), Some(file)) = (&self.state, self.file.clone()) {
            self.reads.push_back(len);
            self.ask(FileQuestion::Read { file, at: self.described.offset() + at, len }, out);
        }
    }

    fn reported(&mut self, id: Text, bytes: u64, chunk: Chunk, out: &mut Outbox<Output>) {
        if self.is_sending(&id) {
            let transferred_bytes = self.described.offset() + bytes;
            let file_size = self.described.selector.size.unwrap_or_default();
            let (message_id, code, reason) = (id, 200, msrp::reason_phrase(200).into());
            let news =
                FileTransferEvent::DidDeliverChunk { message_id, chunk, code, reason, transferred_bytes, file_size };
            tell(news, out);
        }
    }

    fn delivered(&mut self, fate: Fate, out: &mut Outbox<Output>) {
        if self.is_sending(&fate.id) {
            self.state = State::Over { arrived: true };
            tell(FileTransferEvent::DidFinish { received: false }, out);
        }
    }

    fn not_delivered(&mut self, Fate { id, code, reason, chunk }: Fate, out: &mut Outbox<Output>) {
        if self.is_sending(&id) {
            let words = reason.clone();
            tell(FileTransferEvent::DidNotDeliverChunk { message_id: id, chunk, code, reason }, out);
            self.over(&words, out);
        }
    }

    /// A piece of the file came.
    fn piece(
        &mut self,
        cx: &mut Context<'_>,
        wish: &Wish,
        content_type: &Text,
        at: u64,
        data: Bytes,
        out: &mut Outbox<Output>,
    ) {
        let State::Receiving(receiver) = &mut self.state else { return self.refuse(cx, &wish.id, out) };
        if content_type.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("message/cpim")) {
            self.refuse(cx, &wish.id, out);
            self.over("CPIM wrapper is not supported", out);
            return out.push(super::msrp::failed("CPIM wrapper is not supported"));
        }
        let Some(write) = receiver.piece(wish, at, &data) else {
            self.stop(cx, out);
            self.refuse(cx, &wish.id, out);
            return self.over("a second message came", out);
        };
        let (transferred_bytes, file_size) = (receiver.come(), self.described.selector.size);
        let content_type = content_type.clone();
        if write.is_none() {
            self.untaken += data.len() as u64;
        }
        if receiver.is_behind() || self.untaken > receiver::BEHIND {
            self.base.hold(true, out);
        }
        let content = if let Some(question) = write {
            self.ask(question, out);
            Bytes::new()
        } else {
            data
        };
        tell(FileTransferEvent::GotChunk { content, content_type, transferred_bytes, file_size }, out);
    }

    fn chunk_ended(&mut self, cx: &mut Context<'_>, wish: Wish, bytes: u64, whole: bool, out: &mut Outbox<Output>) {
        if let State::Receiving(receiver) = &mut self.state {
            receiver.chunk_ended(wish, bytes, whole);
        } else if whole {
            // It came too fast to be refused.
            self.base.report(cx, &wish, ByteRange::first(bytes, Some(bytes)), 413, out);
        }
        self.progress(cx, out);
    }

    fn aborted(&mut self, out: &mut Outbox<Output>) {
        self.over("the transfer was given up, or brought more than was announced", out);
    }

    fn told(&mut self, out: &mut Outbox<Output>) {
        if self.base.has_failed() {
            self.over("Interrupted transfer", out);
        }
    }

    fn answered(&mut self, cx: &mut Context<'_>, answer: FileAnswer, out: &mut Outbox<Output>) {
        self.unanswered = self.unanswered.saturating_sub(1);
        if self.stale > 0 {
            self.stale -= 1;
            return;
        }
        match (&mut self.state, answer) {
            (State::Sending(id), FileAnswer::Read(data)) => {
                let (id, stream, mut events) = (id.clone(), cx.stream, Vec::new());
                if self.reads.pop_front().is_none_or(|wanted| wanted > data.len() as u64) {
                    self.base.call(cx, out, &mut events, |endpoint, cx, out| endpoint.cancel(cx, stream, &id, out));
                    return self.over("the file is shorter than it was", out);
                }
                self.base.call(cx, out, &mut events, |endpoint, cx, out| endpoint.feed(cx, stream, &id, data, out));
                self.tell(cx, events, out);
            }
            (State::Receiving(receiver), FileAnswer::Written(bytes)) => {
                receiver.written(bytes);
                self.progress(cx, out);
            }
            (State::Receiving(receiver), FileAnswer::Read(data)) => {
                receiver.read_back(&data);
                self.progress(cx, out);
            }
            (State::Sending(_) | State::Receiving(_), FileAnswer::Failed(reason)) => {
                self.stop(cx, out);
                self.over(&reason, out);
            }
            (State::Waiting | State::Over { .. } | State::Sending(_), _) => {}
        }
    }

    fn wanted(&mut self, cx: &mut Context<'_>, command: &Command, out: &mut Outbox<Output>) -> Result<(), StreamError> {
        let Command::FileTransfer(command) = command else { return Err(StreamError::Unsupported(cx.stream)) };
        match (command, &self.state) {
            (FileTransferCommand::SetFile(file), State::Waiting) => self.file = Some(file.clone()),
            (FileTransferCommand::SetFile(_), State::Sending(_) | State::Receiving(_) | State::Over { .. }) => {
                return Err(StreamError::Refused("the transfer has started".into()));
            }
            (FileTransferCommand::Describe(selector), State::Waiting) if !self.base.is_agreed() => {
                if !self.sends || !self.described.selector.may_be(selector) {
                    return Err(StreamError::Refused("it is another file".into()));
                }
                self.described.selector.complete(selector.clone());
            }
            (FileTransferCommand::Describe(_), _) => {
                return Err(StreamError::Refused("the transfer has started".into()));
            }
            (FileTransferCommand::Taken(bytes), _) => {
                self.untaken = self.untaken.saturating_sub(*bytes);
                self.progress(cx, out);
            }
            (FileTransferCommand::Cancel, State::Sending(_) | State::Receiving(_)) => {
                self.stop(cx, out);
                self.over("Cancelled", out);
            }
            (FileTransferCommand::Cancel, State::Waiting | State::Over { .. }) => {
                return Err(StreamError::NotStarted(cx.stream));
            }
        }
        Ok(())
    }

    fn leave(&mut self, _cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        if !matches!(self.state, State::Waiting) {
            self.over("Interrupted transfer", out);
        }
    }
}
