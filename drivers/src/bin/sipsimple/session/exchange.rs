//! Chats and files of the calls: what is said and sent over MSRP.

use std::collections::BTreeMap;
use std::path::PathBuf;

use sipsimple_core::agent::{Agent, Intent};
use sipsimple_core::id::{SessionId, StreamId};
use sipsimple_core::stream::{
    ChatCommand, ChatEvent, ChatMessage, ChatSpec, Command, FileTransferCommand, FileTransferEvent, FileTransferSpec,
    StreamEvent, StreamSpec,
};
use sipsimple_core::time::Instant;
use sipsimple_drivers::Application;

use crate::failure::Failure;
use crate::output::Output;
use crate::progress::Progress;
use crate::{receive, words};

/// The chats and files of all calls.
#[derive(Debug)]
pub(super) struct Exchange {
    out: Output,
    /// Where files go that come.
    directory: PathBuf,
    /// The chats that have begun, and in which calls.
    chats: BTreeMap<StreamId, SessionId>,
    /// The files that move, with their names here.
    files: BTreeMap<StreamId, (PathBuf, Progress)>,
    /// How much was said.
    said: u64,
}

/// A chat to propose.
pub(super) fn chat() -> Vec<StreamSpec> {
    vec![StreamSpec::Chat(ChatSpec::default())]
}

/// A file to propose.
pub(super) fn file(spec: FileTransferSpec) -> Vec<StreamSpec> {
    vec![StreamSpec::FileTransfer(spec)]
}

impl Exchange {
    pub(super) const fn new(out: Output, directory: PathBuf) -> Self {
        Self { out, directory, chats: BTreeMap::new(), files: BTreeMap::new(), said: 0 }
    }

    /// Says something in the chat of a call.
    ///
    /// # Errors
    /// When it has none.
    pub(super) fn say(&mut self, application: &Application, session: SessionId, text: &str) -> Result<(), Failure> {
        let chat = self.chats.iter().find(|(_, of)| **of == session).map(|(stream, _)| *stream);
        let stream = chat.ok_or_else(|| Failure::new("the call has no chat; commands begin with /, as in /chat"))?;
        self.said += 1;
        let message = ChatMessage::text(format!("m{:07}", self.said), text);
        let command = Command::Chat(ChatCommand::SendMessage(Box::new(message)));
        Ok(application.intend(Intent::Stream { stream, command }).map(drop)?)
    }

    /// What is proposed is about to be accepted: the files in it get their places.
    ///
    /// # Errors
    /// When a directory cannot be made.
    pub(super) fn make_room(
        &mut self,
        application: &Application,
        session: SessionId,
        streams: &[StreamId],
    ) -> Result<(), Failure> {
        for offered in receive::offered(application, session, streams.to_vec())? {
            let directory = &self.directory;
            std::fs::create_dir_all(directory)
                .map_err(|error| Failure::new(format!("cannot make {}: {error}", directory.display())))?;
            let place = receive::place(directory, &offered)?;
            let command = FileTransferCommand::SetFile(place.to_string_lossy().as_ref().into());
            let (stream, size) = (offered.stream, offered.selector.size.unwrap_or_default());
            application.intend(Intent::Stream { stream, command: Command::FileTransfer(command) })?;
            let progress = Progress::new(self.out, application.now(), size, offered.offset);
            self.files.insert(stream, (place, progress));
        }
        Ok(())
    }

    /// A file was proposed by us.
    pub(super) fn sends(&mut self, stream: StreamId, at: Instant, file: PathBuf, size: u64) {
        self.files.insert(stream, (file, Progress::new(self.out, at, size, 0)));
    }

    /// Takes news of a stream of a call.
    pub(super) fn stream(
        &mut self,
        application: &Application,
        at: Instant,
        call: u64,
        (session, stream): (SessionId, StreamId),
        news: &StreamEvent,
    ) -> Result<(), Failure> {
        match news {
            StreamEvent::DidStart { rtp: None } if is_chat(application, session, stream)? => {
                self.chats.insert(stream, session);
                self.out
                    .at(at, format_args!("call {call}: the chat has begun; what does not begin with / is said in it"));
            }
            StreamEvent::Chat(news) => self.chat(at, call, news),
            StreamEvent::FileTransfer(news) => self.file(at, call, stream, news),
            StreamEvent::DidEnd | StreamEvent::DidFail { .. } => {
                self.chats.remove(&stream);
                if let Some((_, progress)) = self.files.remove(&stream) {
                    progress.end();
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn chat(&self, at: Instant, call: u64, news: &ChatEvent) {
        match news {
            ChatEvent::GotMessage { message } => {
                let text = String::from_utf8_lossy(&message.content);
                let sender = words::printable(&message.sender.uri);
                self.out.at(at, format_args!("call {call}: {sender}: {}", words::printable(&text)));
            }
            ChatEvent::DidNotDeliverMessage { code, reason, .. } => {
                self.out.at(at, format_args!("call {call}: it was not delivered: {code} {}", words::printable(reason)));
            }
            _ => {}
        }
    }

    fn file(&mut self, at: Instant, call: u64, stream: StreamId, news: &FileTransferEvent) {
        let Some((file, progress)) = self.files.get_mut(&stream) else { return };
        let shown = file.display();
        match news {
            FileTransferEvent::DidDeliverChunk { transferred_bytes, .. }
            | FileTransferEvent::GotChunk { transferred_bytes, .. } => progress.set(at, *transferred_bytes),
            FileTransferEvent::DidFinish { received } => {
                progress.end();
                let verb = if *received { "received" } else { "sent" };
                self.out.at(at, format_args!("call {call}: {verb} {shown}, and its hash is right"));
            }
            FileTransferEvent::DidNotFinish { reason, .. } => {
                progress.end();
                self.out.at(at, format_args!("call {call}: {shown} is not whole: {}", words::printable(reason)));
            }
            _ => {}
        }
    }
}

fn is_chat(application: &Application, session: SessionId, stream: StreamId) -> Result<bool, Failure> {
    let look = move |agent: &mut Agent, now| {
        agent.session(now, session).and_then(|session| Some(session.stream(stream)?.kind() == "chat"))
    };
    Ok(application.with_agent(look)?.unwrap_or_default())
}
