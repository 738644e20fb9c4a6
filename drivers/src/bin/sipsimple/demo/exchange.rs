//! The exchange of the demo: alice and bob say something to each other in a chat, and alice sends bob a file in the same session.
//!
//! ```text
//!   alice ── calls ──► bob ── takes both streams ──► each says something, the file moves ──all has its fate──► alice hangs up
//! ```

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sipsimple_core::agent::{EventKind as AgentEvent, Intent};
use sipsimple_core::id::{SessionId, StreamId};
use sipsimple_core::session::SessionEvent;
use sipsimple_core::stream::{
    ChatCommand, ChatEvent, ChatMessage, ChatSpec, Command, FileTransferCommand, FileTransferEvent, StreamEvent,
    StreamSpec,
};
use sipsimple_core::transport::Transport;
use sipsimple_drivers::EventKind;

use super::party::{Party, next};
use super::receipt::Receipt;
use crate::failure::Failure;
use crate::output::Output;
use crate::{receive, send, words};

/// What each side says, the caller first.
const SAID: [&str; 2] = ["Here comes a file, Bob.", "Thanks, Alice."];

/// How many bytes the file has, in words of eight.
const WORDS: u64 = 1024 * 1024 / 8;

/// How long it may take altogether.
const PATIENCE: Duration = Duration::from_secs(20);

/// What became of something; not known yet where it is `None`.
type Fate = Option<Result<(), String>>;

/// The session from the first party to the second.
pub(super) struct Exchange<'a> {
    parties: [&'a Party; 2],
    transport: Transport,
    out: Output,
    /// The file that is sent.
    file: PathBuf,
    /// Where the other side stores files, and where it stores this one.
    store: PathBuf,
    stored: Option<PathBuf>,
    session: Option<SessionId>,
    sides: [Side; 2],
}

/// One side of the session.
#[derive(Debug, Default)]
struct Side {
    /// What it got in the chat, and what became of what it said.
    got: Vec<String>,
    said: Fate,
    /// What became of the file.
    file: Fate,
    ended: bool,
}

impl<'a> Exchange<'a> {
    /// Makes the file that is to be sent.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn new(parties: [&'a Party; 2], transport: Transport, dir: &Path, out: Output) -> Result<Self, Failure> {
        let (file, store) = (dir.join(format!("{}.bin", parties[0].name)), dir.join(parties[1].name));
        std::fs::write(&file, noise())?;
        std::fs::create_dir_all(&store)?;
        let (stored, session, sides) = (None, None, <[Side; 2]>::default());
        Ok(Self { parties, transport, out, file, store, stored, session, sides })
    }

    /// Does it. What came of the chat, and of the file.
    ///
    /// # Errors
    /// When the session fails, or does not end.
    pub(super) fn run(mut self) -> Result<[Receipt; 2], Failure> {
        let [caller, callee] = self.parties;
        let address = callee.address(self.transport);
        let (to, route) = address.ok_or_else(|| Failure::new("the callee has no socket"))?;
        let (file, _) = send::look(&self.file, 0, self.out)?;
        let streams = [StreamSpec::Chat(ChatSpec::default()), StreamSpec::FileTransfer(file)];
        let session = caller.application.connect(caller.account, &to, &[route], &streams)?;
        self.session = Some(session);
        let give_up = Instant::now() + PATIENCE;
        while !self.sides.iter().all(|side| side.ended) {
            let next = next(&self.parties, give_up, self.out)?;
            let (number, event) = next.ok_or_else(|| Failure::new("what was said and sent did not arrive in time"))?;
            match event.kind {
                EventKind::Agent(AgentEvent::Session { id, event }) => self.session(number, id, &event)?,
                EventKind::Agent(AgentEvent::Stream { id, kind, event, .. }) => {
                    self.stream(number, (id, &kind), &event)?;
                }
                _ => continue,
            }
            if self.session.is_some() && self.sides.iter().all(Side::is_done) {
                caller.application.end(session)?;
                self.session = None;
            }
        }
        Ok([self.chat_receipt(), self.file_receipt()?])
    }

    fn session(&mut self, number: usize, id: SessionId, news: &SessionEvent) -> Result<(), Failure> {
        let Party { name, application, .. } = self.parties[number];
        match news {
            SessionEvent::NewIncoming { streams, .. } => {
                for offered in receive::offered(application, id, streams.clone())? {
                    let place = receive::place(&self.store, &offered)?;
                    let command = FileTransferCommand::SetFile(place.to_string_lossy().as_ref().into());
                    let (stream, command) = (offered.stream, Command::FileTransfer(command));
                    application.intend(Intent::Stream { stream, command })?;
                    self.stored = Some(place);
                }
                application.accept(id, streams)?;
            }
            SessionEvent::DidFail { originator, code, reason, failure_reason, .. } => {
                let words = words::ending(*originator, *code, reason, failure_reason);
                return Err(Failure::new(format!("the session with a chat and a file failed at {name}: {words}")));
            }
            SessionEvent::DidEnd { .. } => self.sides[number].ended = true,
            _ => {}
        }
        Ok(())
    }

    fn stream(&mut self, number: usize, (id, kind): (StreamId, &str), news: &StreamEvent) -> Result<(), Failure> {
        let side = &mut self.sides[number];
        match news {
            StreamEvent::DidStart { .. } if kind == "chat" => {
                let message = ChatMessage::text("m0000001", SAID[number]);
                let command = Command::Chat(ChatCommand::SendMessage(Box::new(message)));
                self.parties[number].application.intend(Intent::Stream { stream: id, command })?;
            }
            StreamEvent::Chat(ChatEvent::GotMessage { message }) => {
                side.got.push(String::from_utf8_lossy(&message.content).into_owned());
            }
            StreamEvent::Chat(ChatEvent::DidDeliverMessage { .. }) => side.said = Some(Ok(())),
            StreamEvent::Chat(ChatEvent::DidNotDeliverMessage { reason, .. }) => {
                side.said = Some(Err(words::printable(reason)));
            }
            StreamEvent::FileTransfer(FileTransferEvent::DidFinish { .. }) => side.file = Some(Ok(())),
            StreamEvent::FileTransfer(FileTransferEvent::DidNotFinish { reason, .. }) => {
                side.file = Some(Err(words::printable(reason)));
            }
            _ => {}
        }
        Ok(())
    }

    fn chat_receipt(&self) -> Receipt {
        let [caller, callee] = &self.sides;
        match self.first_fault(|side| &side.said) {
            Some((name, reason)) => {
                Receipt::missing("chat", format!("what {name} said in the chat did not arrive: {reason}"))
            }
            None => Receipt::of_chat(SAID, [&caller.got, &callee.got]),
        }
    }

    fn file_receipt(&self) -> Result<Receipt, Failure> {
        Ok(match (self.first_fault(|side| &side.file), &self.stored) {
            (Some((name, reason)), _) => {
                Receipt::missing("file", format!("bob has not got the file, says {name}: {reason}"))
            }
            (None, None) => Receipt::missing("file", "bob was offered no file".into()),
            (None, Some(stored)) => Receipt::of_file(
                &stored.display().to_string(),
                &send::measure(&self.file, self.out)?,
                &send::measure(stored, self.out)?,
            ),
        })
    }

    /// Whose fate of this kind is bad or not known, and why. The callee's word is first: who gets a file knows what is wrong with it.
    fn first_fault(&self, fate: impl Fn(&Side) -> &Fate) -> Option<(&'static str, String)> {
        self.parties.iter().zip(&self.sides).rev().find_map(|(party, side)| match fate(side) {
            Some(Ok(())) => None,
            Some(Err(reason)) => Some((party.name, reason.clone())),
            None => Some((party.name, "the session ended before".into())),
        })
    }
}

impl Side {
    /// Whether all that it said and sent has come to something.
    const fn is_done(&self) -> bool {
        self.said.is_some() && self.file.is_some()
    }
}

/// Bytes that follow no pattern, the same in each run (xorshift).
fn noise() -> Vec<u8> {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let word = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..WORDS).flat_map(word).collect()
}
