//! The kinds of streams over MSRP: what each adds to what all have in common.

use std::any::Any;
use std::fmt::Debug;

use bytes::Bytes;

use crate::id::ConnId;
use crate::limits::Limits;
use crate::msrp::{Chunk, Event, Wish};
use crate::negotiation::{Description, Proposed};
use crate::outbox::Outbox;
use crate::payload::mime::Entity;
use crate::sdp::{Attribute, Media};
use crate::sip::{Part, Text};
use crate::time::{Instant, earliest};

use super::super::{Agreement, Command, Context, FileAnswer, Input, MediaStream, Originator, Output, StreamError};
use super::{Base, Offered};

/// How streams of one kind present themselves (the attributes of seed class MSRPStreamBase).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MsrpProfile {
    /// The media type of their line.
    pub media_type: &'static str,
    /// The types that they take.
    pub accept_types: &'static [&'static str],
    /// The types that they take within `message/cpim`.
    pub accept_wrapped_types: &'static [&'static str],
    /// Whether the fate of their messages is asked for and told; otherwise only failures are, and end the stream.
    pub use_msrp_session: bool,
}

/// What became of a message of ours.
#[derive(Debug)]
pub(in crate::stream) struct Fate {
    pub(in crate::stream) id: Text,
    pub(in crate::stream) code: u16,
    pub(in crate::stream) reason: Text,
    pub(in crate::stream) chunk: Option<Chunk>,
}

/// One kind of stream over MSRP. All of them are media streams in the same way.
pub(in crate::stream) trait MsrpStream: Any + Debug + Send {
    /// The name of the kind.
    const KIND: &'static str;

    /// What it has in common with the others.
    fn base(&self) -> &Base;

    /// What it has in common with the others.
    fn base_mut(&mut self) -> &mut Base;

    /// It is about to be initialised.
    fn prepare(&mut self, _cx: &mut Context<'_>) {}

    /// Attributes of its media line behind those of MSRP.
    fn attributes(&self) -> Vec<Attribute> {
        Vec::new()
    }

    /// What its media line refers to and goes along with the offer.
    fn attachments(&self) -> Vec<Entity> {
        Vec::new()
    }

    /// What came along with the peer's offer of it.
    fn attachments_came(&mut self, _limits: &Limits, _parts: &[Part]) {}

    /// The peer offers this line, which is one of MSRP: whether it goes on with it. Otherwise the line is refused, and the stream ends.
    fn considers(&mut self, _media: &Media<'_>) -> bool {
        true
    }

    /// Whether it has done what it was for.
    fn has_done(&self) -> bool {
        false
    }

    /// It is agreed on, once more perhaps.
    fn agreed(&mut self, agreement: &Agreement<'_>, remote: Offered);

    /// What the MSRP session tells: each kind of stream hears what it knows of.
    fn tell(&mut self, cx: &mut Context<'_>, events: Vec<Event>, out: &mut Outbox<Output>) {
        for event in events {
            match event {
                Event::Message { wish, content_type, content } => self.message(cx, &wish, &content_type, content, out),
                Event::Piece { wish, content_type, at, data, .. } => {
                    self.piece(cx, &wish, &content_type, at, data, out);
                }
                Event::ChunkEnded { wish, bytes, whole, .. } => self.chunk_ended(cx, wish, bytes, whole, out),
                Event::Aborted { .. } => self.aborted(out),
                Event::Wants { at, len, .. } => self.wants(at, len, out),
                Event::Sent { id, chunk } => self.sent(cx, id, chunk, out),
                Event::Reported { id, bytes, chunk } => self.reported(id, bytes, chunk, out),
                Event::Delivered { id, code, reason, chunk } => {
                    self.delivered(Fate { id, code, reason, chunk }, out);
                }
                Event::NotDelivered { id, code, reason, chunk } => {
                    self.not_delivered(Fate { id, code, reason, chunk }, out);
                }
                Event::Nickname { code, reason } => self.nickname_answered(code, reason, out),
                Event::Writable => self.writable(out),
                // What all kinds have in common has taken note of those.
                Event::Started | Event::Relayed { .. } | Event::Ended(_) => {}
            }
        }
        self.told(out);
        self.base_mut().settle(cx, out);
    }

    /// A message came.
    fn message(
        &mut self,
        _cx: &mut Context<'_>,
        _wish: &Wish,
        _content_type: &Text,
        _content: Bytes,
        _out: &mut Outbox<Output>,
    ) {
    }

    /// A piece of a message came, which begins here, counted from 0.
    fn piece(
        &mut self,
        _cx: &mut Context<'_>,
        _wish: &Wish,
        _content_type: &Text,
        _at: u64,
        _data: Bytes,
        _out: &mut Outbox<Output>,
    ) {
    }

    /// A chunk ended of which pieces came: how much of the message has come without a gap, and whether it is whole.
    fn chunk_ended(
        &mut self,
        _cx: &mut Context<'_>,
        _wish: Wish,
        _bytes: u64,
        _whole: bool,
        _out: &mut Outbox<Output>,
    ) {
    }

    /// The peer gave up a message, or it was refused on the way.
    fn aborted(&mut self, _out: &mut Outbox<Output>) {}

    /// A message of ours wants so many bytes from here on, counted from 0.
    fn wants(&mut self, _at: u64, _len: u64, _out: &mut Outbox<Output>) {}

    /// A message of ours was written whole.
    fn sent(&mut self, _cx: &mut Context<'_>, _id: Text, _chunk: Chunk, _out: &mut Outbox<Output>) {}

    /// So much of a message of ours has arrived.
    fn reported(&mut self, _id: Text, _bytes: u64, _chunk: Chunk, _out: &mut Outbox<Output>) {}

    /// A message of ours has arrived.
    fn delivered(&mut self, _fate: Fate, _out: &mut Outbox<Output>) {}

    /// A message of ours has not arrived.
    fn not_delivered(&mut self, _fate: Fate, _out: &mut Outbox<Output>) {}

    /// The nickname that was asked for is ours, or is not.
    fn nickname_answered(&mut self, _code: u16, _reason: Text, _out: &mut Outbox<Output>) {}

    /// There is room for messages again.
    fn writable(&mut self, _out: &mut Outbox<Output>) {}

    /// All that the session has to tell was told.
    fn told(&mut self, _out: &mut Outbox<Output>) {}

    /// It was agreed on, or something has happened to its connections: does what can be done now.
    fn go_on(&mut self, _cx: &mut Context<'_>, _out: &mut Outbox<Output>) {}

    /// A question about a file is answered.
    fn answered(&mut self, _cx: &mut Context<'_>, _answer: FileAnswer, _out: &mut Outbox<Output>) {}

    /// Takes what happened to sockets and connections that are not of MSRP; gives back all else.
    fn outside(&mut self, _cx: &mut Context<'_>, input: Input, _out: &mut Outbox<Output>) -> Option<Input> {
        Some(input)
    }

    /// The application wants something of it.
    fn wanted(&mut self, cx: &mut Context<'_>, command: &Command, out: &mut Outbox<Output>) -> Result<(), StreamError>;

    /// It ends: what is to be told before its session closes.
    fn leave(&mut self, _cx: &mut Context<'_>, _out: &mut Outbox<Output>) {}

    /// When `late` is next wanted.
    fn due(&self) -> Option<Instant> {
        None
    }

    /// Works off what is due.
    fn late(&mut self, _cx: &mut Context<'_>, _out: &mut Outbox<Output>) {}

    /// How many bytes this connection may be fed, if it is none of MSRP.
    fn outside_budget(&self, _conn: ConnId) -> Option<usize> {
        None
    }
}

fn agree<S: MsrpStream>(stream: &mut S, cx: &mut Context<'_>, agreement: &Agreement<'_>, out: &mut Outbox<Output>) {
    let (remote, events) = match stream.base_mut().agree(cx, agreement, out) {
        Ok(agreed) => agreed,
        Err(reason) => return out.push(Output::Failed { reason, for_now: false }),
    };
    stream.agreed(agreement, remote);
    stream.tell(cx, events, out);
    stream.go_on(cx, out);
}

impl<S: MsrpStream> MediaStream for S {
    fn kind(&self) -> &'static str {
        S::KIND
    }

    fn initialize(&mut self, cx: &mut Context<'_>, proposer: Originator, out: &mut Outbox<Output>) {
        self.prepare(cx);
        self.base_mut().initialize(cx, proposer, out);
    }

    fn local_media(&mut self, cx: &mut Context<'_>, offered: Option<&Proposed<'_>>) -> Description {
        let goes_on = match offered {
            Some(offered) => self.considers(&offered.media),
            None => !self.has_done(),
        };
        let own = self.attributes();
        let description = self.base_mut().describe(cx, offered, own);
        if goes_on { description } else { Description { port: 0, ..description } }
    }

    fn attached(&self) -> Vec<Entity> {
        self.attachments()
    }

    fn attach(&mut self, limits: &Limits, parts: &[Part]) {
        self.attachments_came(limits, parts);
    }

    fn start(&mut self, cx: &mut Context<'_>, agreement: &Agreement<'_>, out: &mut Outbox<Output>) {
        agree(self, cx, agreement, out);
    }

    fn validate_update(&self, offered: &Proposed<'_>) -> Result<(), Text> {
        Offered::read(&offered.media).map(drop)
    }

    fn update(&mut self, cx: &mut Context<'_>, agreement: &Agreement<'_>, out: &mut Outbox<Output>) {
        agree(self, cx, agreement, out);
    }

    fn wants_offer(&self) -> bool {
        self.base().wants_offer()
    }

    fn is_done(&self) -> bool {
        self.has_done()
    }

    fn deactivate(&mut self, _cx: &mut Context<'_>) {
        self.base_mut().deactivate();
    }

    fn abandon(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        self.leave(cx, out);
    }

    fn end(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        self.leave(cx, out);
        let events = self.base_mut().end(cx, out);
        self.tell(cx, events, out);
        out.push(Output::Ended);
    }

    fn input(&mut self, cx: &mut Context<'_>, input: Input, out: &mut Outbox<Output>) {
        if let Input::Answer { answer, .. } = input {
            return self.answered(cx, answer, out);
        }
        if let Some(input) = self.outside(cx, input, out) {
            let events = self.base_mut().input(cx, input, out);
            self.tell(cx, events, out);
            self.go_on(cx, out);
        }
    }

    fn command(
        &mut self,
        cx: &mut Context<'_>,
        command: &Command,
        out: &mut Outbox<Output>,
    ) -> Result<(), StreamError> {
        self.wanted(cx, command, out)
    }

    fn deadline(&self) -> Option<Instant> {
        earliest(self.base().deadline(), self.due())
    }

    fn timeout(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        self.late(cx, out);
        self.tell(cx, Vec::new(), out);
    }

    fn read_budget(&self, conn: ConnId) -> usize {
        self.outside_budget(conn).unwrap_or(0)
    }
}
