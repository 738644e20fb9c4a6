//! What goes over the streams of MSRP: chat messages, and files.
//!
//! - SES-5: a message that was accepted comes to something, once; one that has arrived is there.
//! - SES-6: a message that comes was sent so in the same session, and comes once.
//! - SES-7: a file that is said to be there is the one that was offered, on both sides; of each transfer that starts the end is told, once.

use std::collections::BTreeMap;

use sipsimple_core::id::{SessionId, StreamId};
use sipsimple_core::msrp::{FileHasher, FileSelector, HashAlgorithm};
use sipsimple_core::stream::{ChatEvent, FileTransferEvent, StreamEvent};

/// What is wrong: the property, and how.
pub(super) type Fault = (&'static str, String);

/// A message that was accepted to be sent.
#[derive(Clone, Debug)]
struct Message {
    host: usize,
    session: SessionId,
    stream: StreamId,
    length: usize,
    /// Whether it was told to have been written.
    written: bool,
    /// Whether it has arrived, once that is told.
    arrived: Option<bool>,
    /// The session that it came out of, at which host.
    came: Option<(usize, SessionId)>,
}

/// A file transfer at one side.
#[derive(Clone, Debug)]
struct Transfer {
    sends: bool,
    /// How long the file is, and whether its hash is the one that was told.
    size: usize,
    sound: bool,
    /// What came of it piece by piece.
    pieces: Vec<u8>,
    finished: Option<bool>,
}

/// A stream, from its start to its end.
#[derive(Clone, Debug)]
struct Running {
    session: SessionId,
    kind: String,
}

/// All that goes over streams.
#[derive(Debug, Default)]
pub struct Traffic {
    messages: Vec<Message>,
    running: BTreeMap<(usize, StreamId), Running>,
    transfers: BTreeMap<(usize, StreamId), Transfer>,
    /// Files that are said to be there, and were not looked at.
    stored: Vec<(usize, StreamId)>,
}

/// The file of a length that every host has.
#[must_use]
pub(super) fn file(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from((at * 31 + length) % 253).unwrap_or(0)).collect()
}

/// Its name there.
#[must_use]
pub(super) fn name(length: usize) -> String {
    format!("file{length}")
}

/// Where a stream stores what it gets, if the driver stores it.
#[must_use]
pub(super) fn place(stream: StreamId) -> String {
    format!("stored{}", stream.as_u64())
}

/// What is told of the file of a length; with another file's hash unless it is `sound`.
#[must_use]
pub(super) fn selector(length: usize, sound: bool) -> FileSelector {
    let mut hasher = FileHasher::new(HashAlgorithm::Sha1);
    hasher.update(&file(length));
    if !sound {
        hasher.update(b"more");
    }
    FileSelector::for_file(&name(length), None, Some(length as u64), Some(hasher.finish()))
}

/// The text of a message.
fn text(number: usize, length: usize) -> String {
    format!("message {number} ").chars().cycle().take(length).collect()
}

impl Traffic {
    /// The name and the text of the message that is sent next.
    #[must_use]
    pub(super) fn next(&self, length: usize) -> (String, String) {
        let number = self.messages.len();
        (format!("m{number:04}"), text(number, length))
    }

    /// A message was accepted.
    pub(super) fn said(&mut self, host: usize, session: SessionId, stream: StreamId, length: usize) {
        self.messages.push(Message { host, session, stream, length, written: false, arrived: None, came: None });
    }

    /// A file transfer is there: what is told of its file.
    pub(super) fn transfers(&mut self, host: usize, stream: StreamId, sends: bool, told: &FileSelector) {
        let size = usize::try_from(told.size.unwrap_or_default()).unwrap_or(0);
        let sound = selector(size, true).hash == told.hash;
        let new = Transfer { sends, size, sound, pieces: Vec::new(), finished: None };
        self.transfers.entry((host, stream)).or_insert(new);
    }

    /// Whether a session has streams of a kind that run.
    #[must_use]
    pub(super) fn runs(&self, host: usize, session: SessionId, kind: &str) -> bool {
        let of = |running: &Running| running.session == session && running.kind == kind;
        self.running.iter().any(|((at, _), running)| *at == host && of(running))
    }

    /// A stream tells something.
    ///
    /// # Errors
    /// When that is wrong.
    pub(super) fn told(
        &mut self,
        host: usize,
        session: SessionId,
        stream: StreamId,
        kind: &str,
        event: &StreamEvent,
    ) -> Result<(), Fault> {
        match event {
            StreamEvent::DidStart { .. } => {
                self.running.insert((host, stream), Running { session, kind: kind.to_owned() });
                Ok(())
            }
            StreamEvent::DidEnd | StreamEvent::DidFail { .. } => {
                let started = self.running.remove(&(host, stream)).is_some();
                match self.transfers.get(&(host, stream)) {
                    Some(transfer) if started && transfer.finished.is_none() => {
                        Err(("SES-7", format!("{stream} is over, and its transfer is not: {transfer:?}")))
                    }
                    _ => Ok(()),
                }
            }
            StreamEvent::Chat(event) => self.chat(host, session, stream, event),
            StreamEvent::FileTransfer(event) => self.file(host, stream, event),
            _ => Ok(()),
        }
    }

    fn message(&mut self, id: &str) -> Option<&mut Message> {
        self.messages.get_mut(id.strip_prefix('m')?.parse::<usize>().ok()?)
    }

    fn chat(&mut self, host: usize, session: SessionId, stream: StreamId, event: &ChatEvent) -> Result<(), Fault> {
        let (id, property) = match event {
            ChatEvent::GotMessage { message } => (&message.id, "SES-6"),
            ChatEvent::DidSendMessage { message_id, .. }
            | ChatEvent::DidDeliverMessage { message_id, .. }
            | ChatEvent::DidNotDeliverMessage { message_id, .. } => (message_id, "SES-5"),
            _ => return Ok(()),
        };
        let number = id.strip_prefix('m').and_then(|number| number.parse().ok()).unwrap_or(0);
        let Some(known) = self.message(id) else { return Err((property, format!("{id}: nobody has sent it"))) };
        let wrong = |known: &Message, why: &str| Err((property, format!("{id}: {why}: {event:?}\n{known:?}")));
        if let ChatEvent::GotMessage { message } = event {
            if known.came.replace((host, session)).is_some() {
                return wrong(known, "it comes twice");
            }
            if (known.host, known.stream) == (host, stream) {
                return wrong(known, "it comes back");
            }
            if message.content != text(number, known.length).as_bytes() {
                return wrong(known, "it has changed");
            }
            return Ok(());
        }
        if (known.host, known.stream) != (host, stream) {
            return wrong(known, "it is not of this stream");
        }
        if known.arrived.is_some() {
            return wrong(known, "its fate was told before");
        }
        match event {
            ChatEvent::DidSendMessage { .. } if std::mem::replace(&mut known.written, true) => {
                wrong(known, "it is written twice")
            }
            ChatEvent::DidDeliverMessage { code, .. } => {
                known.arrived = Some(true);
                if *code != 200 || known.came.is_none() || !known.written {
                    return wrong(known, "it cannot have arrived");
                }
                Ok(())
            }
            ChatEvent::DidNotDeliverMessage { code, .. } => {
                known.arrived = Some(false);
                if *code == 200 { wrong(known, "that is no failure") } else { Ok(()) }
            }
            _ => Ok(()),
        }
    }

    fn file(&mut self, host: usize, stream: StreamId, event: &FileTransferEvent) -> Result<(), Fault> {
        let finished = |transfers: &BTreeMap<(usize, StreamId), Transfer>, size, sends| {
            let of = |transfer: &&Transfer| {
                transfer.finished == Some(true) && transfer.size == size && transfer.sends == sends
            };
            transfers.values().filter(of).count()
        };
        let Some(known) = self.transfers.get_mut(&(host, stream)) else {
            return Err(("SES-7", format!("{stream} is no file transfer: {event:?}")));
        };
        if known.finished.is_some() {
            return Err(("SES-7", format!("{stream} is finished already: {event:?}\n{known:?}")));
        }
        match event {
            FileTransferEvent::GotChunk { content, .. } => known.pieces.extend_from_slice(content),
            FileTransferEvent::DidFinish { received } => {
                known.finished = Some(true);
                if *received == known.sends || !known.sound {
                    return Err(("SES-7", format!("{stream} cannot have finished: {known:?}")));
                }
                let size = known.size;
                if *received {
                    self.stored.push((host, stream));
                } else if finished(&self.transfers, size, true) > finished(&self.transfers, size, false) {
                    return Err(("SES-7", format!("{stream}: nobody has got that file: {event:?}")));
                }
            }
            // The peer has begun another transfer on its line.
            FileTransferEvent::DidNotFinish { reason, .. } if reason == "the transfer begins anew" => {
                known.pieces.clear();
            }
            FileTransferEvent::DidNotFinish { received, .. } => {
                known.finished = Some(false);
                if *received == known.sends {
                    return Err(("SES-7", format!("{stream} is the other side: {event:?}")));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The files that have come since this was asked last are what they should be.
    ///
    /// # Errors
    /// When one is not.
    pub(super) fn look(&mut self, host: usize, files: &BTreeMap<String, Vec<u8>>) -> Result<(), Fault> {
        for (_, stream) in self.stored.extract_if(.., |(at, _)| *at == host) {
            let Some(transfer) = self.transfers.get_mut(&(host, stream)) else { continue };
            let pieces = std::mem::take(&mut transfer.pieces);
            let got = files.get(&place(stream)).unwrap_or(&pieces);
            if *got != file(transfer.size) {
                return Err(("SES-7", format!("{stream}: the file is another, of {} bytes: {transfer:?}", got.len())));
            }
        }
        Ok(())
    }

    /// What still waits: of messages, for what became of them; of transfers that have started, for their end. `over`: also of streams that are.
    #[must_use]
    pub(super) fn waits(&self, over: bool) -> Option<Fault> {
        let runs = |host, stream| over || self.running.contains_key(&(host, stream));
        let message = self
            .messages
            .iter()
            .enumerate()
            .find(|(_, message)| message.arrived.is_none() && runs(message.host, message.stream));
        if let Some((number, message)) = message {
            return Some(("SES-5", format!("nobody is told what became of message {number}: {message:?}")));
        }
        let open = self
            .transfers
            .iter()
            .find(|(key, transfer)| self.running.contains_key(*key) && transfer.finished.is_none());
        open.map(|((host, stream), transfer)| ("SES-7", format!("host {host}: {stream} goes on and on: {transfer:?}")))
    }

    /// Whether the last message has arrived.
    #[must_use]
    pub(super) fn last_arrived(&self) -> bool {
        self.messages.last().is_some_and(|message| message.arrived == Some(true))
    }

    /// Messages that have come, each with the sessions at both ends.
    pub(super) fn came(&self) -> impl Iterator<Item = ((usize, SessionId), (usize, SessionId))> {
        self.messages.iter().filter_map(|message| Some(((message.host, message.session), message.came?)))
    }

    /// How many messages have arrived, and how many files.
    #[must_use]
    pub(super) fn count(&self) -> (usize, usize) {
        let messages = self.messages.iter().filter(|message| message.arrived == Some(true)).count();
        let got = |transfer: &&Transfer| transfer.finished == Some(true) && !transfer.sends;
        (messages, self.transfers.values().filter(got).count())
    }
}
