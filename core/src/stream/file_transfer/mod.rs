//! A file transfer (seed class FileTransferStream): one file as one MSRP message (RFC 5547).
//!
//! ```text
//!  sender:    start ──► message ── wants bytes ──► reads ──► feeds ──► reported ──► all of it: finished
//!  receiver:  start ──► piece ──► writes ──► written: reports ──► whole ──► hash is right: reports the last, finished
//! ```
//!
//! The file is read only as fast as the connection takes it, and the connection is read only as fast as the file is written: memory
//! does not grow with the file. What the receiver reports is on its disk, so that an interrupted transfer resumes from there.

mod event;
mod receiver;

use std::collections::VecDeque;

use bytes::Bytes;

pub use event::{FileTransferCommand, FileTransferEvent, FileTransferSpec};
use receiver::Receiver;

use crate::config::Config;
use crate::msrp::{self, ByteRange, Content, Delivery, Event, FileRange, FileSelector};
use crate::negotiation::Proposed;
use crate::outbox::Outbox;
use crate::sdp::{Attribute, Direction, Media};
use crate::sip::Text;

use super::msrp::{Base, MsrpProfile, MsrpStream, Offered};
use super::{
    Agreement, Command, Context, FileAnswer, FileQuestion, MediaStream, Output, Recognized, SessionInfo, StreamError,
    StreamEvent, StreamFactory, StreamSpec,
};

/// How far a transfer is.
#[derive(Debug)]
enum State {
    /// It has not started.
    Waiting,
    /// This side sends, under this name.
    Sending(Text),
    Receiving(Box<Receiver>),
    /// Its end was told.
    Over,
}

/// A file transfer.
#[derive(Debug)]
pub struct FileTransferStream {
    base: Base,
    selector: FileSelector,
    sends: bool,
    file: Option<Text>,
    offset: u64,
    /// Names the transfer (RFC 5547 section 6): the same in all descriptions of it.
    transfer_id: Option<Text>,
    state: State,
    /// How many questions were asked.
    asked: u64,
    /// How many bytes were asked for by those about the file that is sent, oldest first.
    reads: VecDeque<u64>,
}

/// Makes file transfers.
#[derive(Clone, Copy, Debug)]
pub struct FileTransferFactory;

impl FileTransferStream {
    /// How file transfers present themselves.
    pub const PROFILE: MsrpProfile =
        MsrpProfile { media_type: "message", accept_types: &["*"], accept_wrapped_types: &[], use_msrp_session: true };

    fn new(spec: &FileTransferSpec, offered: Option<Offered>) -> Self {
        let direction = if spec.sends { Direction::SendOnly } else { Direction::RecvOnly };
        Self {
            base: Base::new(Self::PROFILE, direction, offered),
            selector: spec.selector.clone(),
            sends: spec.sends,
            file: spec.file.clone(),
            offset: spec.offset,
            transfer_id: None,
            state: State::Waiting,
            asked: 0,
            reads: VecDeque::new(),
        }
    }

    /// Which file it is (attribute `file_selector`).
    #[must_use]
    pub const fn selector(&self) -> &FileSelector {
        &self.selector
    }

    /// Whether this side sends it.
    #[must_use]
    pub const fn sends(&self) -> bool {
        self.sends
    }

    /// From which byte on it is transferred.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    fn ask(&mut self, question: FileQuestion, out: &mut Outbox<Output>) {
        out.push(Output::Ask { number: self.asked, question });
        self.asked += 1;
    }

    fn begin(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        if !self.sends {
            self.state = State::Receiving(Box::new(Receiver::new(&self.selector, self.offset, self.file.clone())));
            return;
        }
        let Some(size) = self.selector.size.filter(|size| self.file.is_some() && *size >= self.offset) else {
            return self.over("file descriptor not specified", out);
        };
        let id = Text::from(cx.random.token(16));
        let octets = Text::from_static("application/octet-stream");
        let content_type = self.selector.content_type.clone().unwrap_or(octets);
        let message = self.base.message(id.clone(), content_type, Content::Fed(size - self.offset));
        self.state = State::Sending(id);
        let mut events = Vec::new();
        if self.base.send(cx, message, out, &mut events).is_err() {
            self.over("the file cannot be sent", out);
        }
        self.tell(cx, events, out);
    }

    /// It ends without the file.
    fn over(&mut self, reason: &str, out: &mut Outbox<Output>) {
        if !matches!(std::mem::replace(&mut self.state, State::Over), State::Over) {
            self.base.hold(false, out);
            tell(FileTransferEvent::DidNotFinish { received: !self.sends, reason: reason.into() }, out);
        }
    }

    fn is_sending(&self, id: &Text) -> bool {
        matches!(&self.state, State::Sending(own) if own == id)
    }

    /// A piece of the file came.
    fn piece(
        &mut self,
        cx: &mut Context<'_>,
        wish: &msrp::Wish,
        content_type: &Text,
        at: u64,
        data: Bytes,
        out: &mut Outbox<Output>,
    ) {
        let State::Receiving(receiver) = &mut self.state else { return };
        if content_type.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("message/cpim")) {
            let (stream, id) = (cx.stream, wish.id.clone());
            self.base.call(cx, out, &mut Vec::new(), |endpoint, _, _| endpoint.refuse(stream, &id));
            self.over("CPIM wrapper is not supported", out);
            return out.push(super::msrp::failed("CPIM wrapper is not supported"));
        }
        let Some(write) = receiver.piece(wish, at, &data) else {
            return self.over("a second message came", out);
        };
        let (transferred_bytes, file_size) = (receiver.come(), self.selector.size);
        let content_type = content_type.clone();
        let content = if let Some(question) = write {
            if receiver.is_behind() {
                self.base.hold(true, out);
            }
            self.ask(question, out);
            Bytes::new()
        } else {
            data
        };
        tell(FileTransferEvent::GotChunk { content, content_type, transferred_bytes, file_size }, out);
    }

    /// What was written is reported, and what is whole is looked at.
    fn progress(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        let State::Receiving(receiver) = &mut self.state else { return };
        if !receiver.is_behind() {
            self.base.hold(false, out);
        }
        let State::Receiving(receiver) = &mut self.state else { return };
        let total = self.selector.size.map(|size| size.saturating_sub(self.offset));
        for (wish, bytes) in receiver.reportable() {
            self.base.report(cx, &wish, ByteRange::first(bytes, total), 200, out);
        }
        let State::Receiving(receiver) = &mut self.state else { return };
        match receiver.verdict(&self.selector) {
            None => {}
            Some(receiver::Verdict::Ask(question)) => self.ask(question, out),
            Some(receiver::Verdict::Right(wish, bytes)) => {
                self.base.report(cx, &wish, ByteRange::first(bytes, Some(bytes)), 200, out);
                self.state = State::Over;
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

/// The file that a media line names.
fn selector(media: &Media<'_>) -> Option<FileSelector> {
    FileSelector::parse(media.attribute("file-selector")?.unwrap_or_default()).ok()
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
        let most = self.selector.size.map(|size| size.saturating_sub(self.offset));
        self.base.set_delivery(Delivery::Pieces(most));
        if self.transfer_id.is_none() {
            self.transfer_id = Some(cx.random.token(32).into());
        }
    }

    fn attributes(&self) -> Vec<Attribute> {
        let mut attributes = vec![Attribute::new("file-selector", self.selector.sdp_repr())];
        if let Some(id) = &self.transfer_id {
            attributes.push(Attribute::new("file-transfer-id", id.clone()));
        }
        if self.offset > 0 {
            let range = FileRange { start: self.offset + 1, stop: None };
            attributes.push(Attribute::new("file-range", range.to_string()));
        }
        attributes
    }

    fn validate(&self, media: &Media<'_>) -> Result<(), Text> {
        let id = media.attribute("file-transfer-id").flatten();
        // Another name is another transfer, which wants a line of its own.
        if id.is_some() && self.transfer_id.as_deref() != id {
            return Err("it is another file transfer".into());
        }
        Ok(())
    }

    fn agreed(&mut self, agreement: &Agreement<'_>, _remote: Offered) {
        if let Some(media) = agreement.remote_media()
            && let Some(answered) = selector(&media)
        {
            // The one who has the file knows what was not told.
            self.selector.size = self.selector.size.or(answered.size);
            self.selector.hash = self.selector.hash.take().or(answered.hash);
            self.selector.name = self.selector.name.take().or(answered.name);
            self.selector.content_type = self.selector.content_type.take().or(answered.content_type);
        }
    }

    fn go_on(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        if self.base.is_agreed() && matches!(self.state, State::Waiting) {
            self.begin(cx, out);
        }
    }

    fn tell(&mut self, cx: &mut Context<'_>, events: Vec<Event>, out: &mut Outbox<Output>) {
        for event in events {
            match event {
                Event::Wants { at, len, .. } => {
                    if let (State::Sending(_), Some(file)) = (&self.state, self.file.clone()) {
                        self.reads.push_back(len);
                        self.ask(FileQuestion::Read { file, at: self.offset + at, len }, out);
                    }
                }
                Event::Reported { id, bytes, chunk } if self.is_sending(&id) => {
                    let (transferred_bytes, file_size) = (self.offset + bytes, self.selector.size.unwrap_or_default());
                    let (code, reason) = (200, msrp::reason_phrase(200).into());
                    let news = FileTransferEvent::DidDeliverChunk {
                        message_id: id,
                        chunk,
                        code,
                        reason,
                        transferred_bytes,
                        file_size,
                    };
                    tell(news, out);
                }
                Event::Delivered { id, .. } if self.is_sending(&id) => {
                    self.state = State::Over;
                    tell(FileTransferEvent::DidFinish { received: false }, out);
                }
                Event::NotDelivered { id, code, reason, chunk } if self.is_sending(&id) => {
                    let words = reason.clone();
                    tell(FileTransferEvent::DidNotDeliverChunk { message_id: id, chunk, code, reason }, out);
                    self.over(&words, out);
                }
                Event::Piece { wish, content_type, at, data, .. } => {
                    self.piece(cx, &wish, &content_type, at, data, out);
                }
                Event::ChunkEnded { wish, bytes, whole, .. } => {
                    if let State::Receiving(receiver) = &mut self.state {
                        receiver.chunk_ended(wish, bytes, whole);
                    }
                    self.progress(cx, out);
                }
                Event::Aborted { .. } => {
                    self.over("the transfer was given up, or brought more than was announced", out)
                }
                Event::Message { .. }
                | Event::Started
                | Event::Relayed { .. }
                | Event::Sent { .. }
                | Event::Reported { .. }
                | Event::Delivered { .. }
                | Event::NotDelivered { .. }
                | Event::Nickname { .. }
                | Event::Writable
                | Event::Ended(_) => {}
            }
        }
        if self.base.has_failed() {
            self.over("Interrupted transfer", out);
        }
        self.base.settle(cx, out);
    }

    fn answered(&mut self, cx: &mut Context<'_>, answer: FileAnswer, out: &mut Outbox<Output>) {
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
            (State::Sending(id), FileAnswer::Failed(reason)) => {
                let (id, stream) = (id.clone(), cx.stream);
                self.base.call(cx, out, &mut Vec::new(), |endpoint, cx, out| endpoint.cancel(cx, stream, &id, out));
                self.over(&reason, out);
            }
            (State::Receiving(receiver), FileAnswer::Failed(reason)) => {
                let (id, whole, stream) = (receiver.id(), receiver.whole(), cx.stream);
                if let Some((wish, bytes)) = whole {
                    // No chunk comes that could be refused.
                    self.base.report(cx, &wish, ByteRange::first(bytes, Some(bytes)), 413, out);
                } else if let Some(id) = id {
                    self.base.call(cx, out, &mut Vec::new(), |endpoint, _, _| endpoint.refuse(stream, &id));
                }
                self.over(&reason, out);
            }
            (State::Waiting | State::Over | State::Sending(_), _) => {}
        }
    }

    fn wanted(&mut self, cx: &mut Context<'_>, command: &Command, out: &mut Outbox<Output>) -> Result<(), StreamError> {
        let Command::FileTransfer(command) = command else { return Err(StreamError::Unsupported(cx.stream)) };
        match (command, &self.state) {
            (FileTransferCommand::SetFile(file), State::Waiting) => self.file = Some(file.clone()),
            (FileTransferCommand::SetFile(_), State::Sending(_) | State::Receiving(_) | State::Over) => {
                return Err(StreamError::Refused("the transfer has started".into()));
            }
            (FileTransferCommand::Cancel, State::Sending(id)) => {
                let (id, stream) = (id.clone(), cx.stream);
                self.base.call(cx, out, &mut Vec::new(), |endpoint, cx, out| endpoint.cancel(cx, stream, &id, out));
                self.over("Cancelled", out);
            }
            (FileTransferCommand::Cancel, State::Receiving(receiver)) => {
                let (id, stream) = (receiver.id(), cx.stream);
                if let Some(id) = id {
                    self.base.call(cx, out, &mut Vec::new(), |endpoint, _, _| endpoint.refuse(stream, &id));
                }
                self.over("Cancelled", out);
            }
            (FileTransferCommand::Cancel, State::Waiting | State::Over) => {
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

impl StreamFactory for FileTransferFactory {
    fn kind(&self) -> &'static str {
        "file-transfer"
    }

    fn priority(&self) -> i32 {
        10
    }

    fn create(
        &self,
        _config: &Config,
        _session: &SessionInfo,
        spec: &StreamSpec,
    ) -> Result<Box<dyn MediaStream>, Text> {
        let StreamSpec::FileTransfer(spec) = spec else { return Err("it is no file transfer".into()) };
        if spec.sends && (spec.file.is_none() || spec.selector.size.is_none()) {
            return Err("a file that is sent needs a place and a size".into());
        }
        Ok(Box::new(FileTransferStream::new(spec, None)))
    }

    fn recognize(&self, _config: &Config, session: &SessionInfo, offered: &Proposed<'_>) -> Recognized {
        let media = &offered.media;
        let is_ours = media.media_type().eq_ignore_ascii_case("message")
            && Offered::is_msrp(media)
            && media.attribute("file-selector").is_some();
        if !is_ours {
            return Recognized::Unknown;
        }
        let Some(selector) = selector(media) else {
            return Recognized::Invalid("its file selector does not read".into());
        };
        let read = match Offered::recognize(session, media) {
            Ok(read) => read,
            Err(reason) => return Recognized::Invalid(reason),
        };
        let sends = match read.direction {
            Direction::SendOnly => false,
            Direction::RecvOnly => true,
            Direction::SendRecv | Direction::Inactive => {
                return Recognized::Invalid("it is neither sent nor received".into());
            }
        };
        let range = media.attribute("file-range").flatten();
        let offset = match range.map(FileRange::parse) {
            None => 0,
            Some(Some(FileRange { start, stop: None })) => start - 1,
            Some(_) => return Recognized::Invalid("its file range is not understood".into()),
        };
        let spec = FileTransferSpec { selector, sends, file: None, offset };
        let mut stream = FileTransferStream::new(&spec, Some(read));
        stream.transfer_id = media.attribute("file-transfer-id").flatten().map(Text::from);
        Recognized::Stream(Box::new(stream))
    }
}
