//! What the users of a program do, one thing at a time.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use sipsimple_core::agent::{Intent, IntentError, Outcome};
use sipsimple_core::id::{AccountId, SessionId, StreamId};
use sipsimple_core::stream::{
    AudioSpec, ChatCommand, ChatMessage, ChatSpec, Command, FileTransferCommand, FileTransferSpec, StreamSpec,
};
use sipsimple_core::transport::{Route, Transport};

use crate::link::Faults;
use crate::text;
use crate::world::World;

use super::traffic;

/// A kind of stream that the programs use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Audio.
    Audio,
    /// Text, which knows nothing of hold.
    Text,
    /// Chat.
    Chat,
    /// A file transfer.
    File {
        /// How long the file is.
        length: usize,
        /// Whether the file is sent to the peer; otherwise the peer is asked for it.
        sends: bool,
        /// Whether it has the hash that is told.
        sound: bool,
    },
}

impl Kind {
    fn spec(self) -> StreamSpec {
        match self {
            Self::Audio => StreamSpec::Audio(AudioSpec::default()),
            Self::Text => text::spec(),
            Self::Chat => StreamSpec::Chat(ChatSpec::default()),
            Self::File { length, sends, sound } => {
                let file = sends.then(|| traffic::name(length).as_str().into());
                let selector = traffic::selector(length, sound);
                StreamSpec::FileTransfer(FileTransferSpec { selector, sends, file, ..FileTransferSpec::default() })
            }
        }
    }
}

/// Which of some streams, by their places: those whose bits are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice(pub u8);

impl Choice {
    /// All.
    pub const ALL: Self = Self(u8::MAX);

    /// Those of these that are meant.
    #[must_use]
    pub fn of(self, streams: &[StreamId]) -> Vec<StreamId> {
        let meant = |(place, stream): (usize, &StreamId)| (self.0 >> place & 1 == 1).then_some(*stream);
        streams.iter().take(8).enumerate().filter_map(meant).collect()
    }
}

/// One thing that is done.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// Calls the user of another host.
    Connect {
        /// The host.
        to: usize,
        /// With these streams.
        streams: Vec<Kind>,
        /// Over TCP, not UDP.
        tcp: bool,
        /// Without an offer.
        late_offer: bool,
    },
    /// `send_ring_indication`.
    Ring,
    /// `accept`, with some of the proposed streams.
    Accept(Choice),
    /// `reject`.
    Reject(u16),
    /// `end`.
    End,
    /// `hold`.
    Hold,
    /// `unhold`.
    Unhold,
    /// `add_streams`.
    Add(Vec<Kind>),
    /// `remove_streams`, some of the active ones.
    Remove(Choice),
    /// `accept_proposal`, with some of the proposed streams.
    AcceptProposal(Choice),
    /// `reject_proposal`.
    RejectProposal(u16),
    /// `cancel_proposal`.
    CancelProposal,
    /// A digit on the first stream.
    Dtmf(char),
    /// A message on one of the chats.
    Say {
        /// Which chat, counted from 0 and from the beginning again.
        chat: usize,
        /// How long the text is.
        length: usize,
    },
    /// `FileTransferStream.cancel`, of the first file transfer.
    GiveUp,
    /// `transfer` to the user of another host, in place of another session if one is named.
    Transfer {
        /// The host.
        to: usize,
        /// The number of the session, at this host.
        replaced: Option<usize>,
    },
    /// `accept_transfer`.
    AcceptTransfer,
    /// `reject_transfer`.
    RejectTransfer(u16),
    /// From now on the network is so, everywhere.
    Network(Faults),
    /// From now on nothing gets from this host to the other.
    Cut(usize),
    /// The connections between this host and the other are lost.
    Reset(usize),
}

/// One step of a program.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// So long after the step before.
    pub after: Duration,
    /// Where.
    pub host: usize,
    /// On which of the host's sessions, counted from 0 as they begin.
    pub session: usize,
    /// What.
    pub act: Act,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.after.as_secs_f64();
        match &self.act {
            Act::Network(_) => write!(f, "after {seconds:.3} {:?}", self.act),
            Act::Connect { .. } | Act::Cut(_) | Act::Reset(_) => {
                write!(f, "after {seconds:.3} host {} {:?}", self.host, self.act)
            }
            _ => write!(f, "after {seconds:.3} host {} session {} {:?}", self.host, self.session, self.act),
        }
    }
}

/// The account of a host.
const ACCOUNT: AccountId = AccountId::from_u64(0);
/// How long a digit lasts.
const DIGIT: Duration = Duration::from_millis(100);

/// The URI of the user of a host.
#[must_use]
pub(super) fn uri(address: IpAddr) -> String {
    format!("sip:user@{address}")
}

/// What an act may be about, as the host's agent knows it now.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    /// The session.
    pub session: Option<SessionId>,
    /// Its streams.
    pub streams: Vec<StreamId>,
    /// Those that are chats.
    pub chats: Vec<StreamId>,
    /// Those that are file transfers.
    pub files: Vec<StreamId>,
    /// What is proposed in it.
    pub proposed: Vec<StreamId>,
    /// The name and the text of the message that is said.
    pub message: (String, String),
    /// Another session.
    pub other: Option<SessionId>,
}

impl Act {
    /// The intent that it is; `None` for what is done to the network, and on a session that there never was.
    #[must_use]
    pub fn intent(&self, world: &World, subject: &Subject) -> Option<Intent> {
        if let Self::Connect { to, streams, tcp, late_offer } = self {
            let transport = if *tcp { Transport::Tcp } else { Transport::Udp };
            return Some(Intent::Connect {
                account: ACCOUNT,
                to: uri(world.address(*to).ip()).as_str().into(),
                routes: vec![Route::new(transport, world.address(*to))],
                streams: streams.iter().map(|kind| kind.spec()).collect(),
                late_offer: *late_offer,
            });
        }
        let session = subject.session?;
        Some(match self {
            Self::Connect { .. } | Self::Network(_) | Self::Cut(_) | Self::Reset(_) => return None,
            Self::Ring => Intent::SendRingIndication { session },
            Self::Accept(choice) => {
                Intent::Accept { session, streams: choice.of(&subject.streams), relay_password: None }
            }
            Self::Reject(code) => Intent::Reject { session, code: *code, reason: None },
            Self::End => Intent::End { session },
            Self::Hold => Intent::Hold { session },
            Self::Unhold => Intent::Unhold { session },
            Self::Add(kinds) => Intent::AddStreams { session, streams: kinds.iter().map(|kind| kind.spec()).collect() },
            Self::Remove(choice) => Intent::RemoveStreams { session, streams: choice.of(&subject.streams) },
            Self::AcceptProposal(choice) => Intent::AcceptProposal { session, streams: choice.of(&subject.proposed) },
            Self::RejectProposal(code) => Intent::RejectProposal { session, code: *code, reason: None },
            Self::CancelProposal => Intent::CancelProposal { session },
            Self::Dtmf(digit) => Intent::Stream {
                stream: *subject.streams.first()?,
                command: Command::SendDtmf { digit: *digit, duration: DIGIT },
            },
            Self::Say { .. } => {
                let (id, text) = &subject.message;
                let message = Box::new(ChatMessage::text(id.as_str(), text));
                let command = Command::Chat(ChatCommand::SendMessage(message));
                Intent::Stream { stream: self.chat(subject)?, command }
            }
            Self::GiveUp => Intent::Stream {
                stream: *subject.files.first()?,
                command: Command::FileTransfer(FileTransferCommand::Cancel),
            },
            Self::Transfer { to, replaced } => Intent::Transfer {
                session,
                target: uri(world.address(*to).ip()).as_str().into(),
                replaced: if replaced.is_some() { Some(subject.other?) } else { None },
            },
            Self::AcceptTransfer => {
                Intent::AcceptTransfer { session, routes: Vec::new(), streams: vec![Kind::Audio.spec()] }
            }
            Self::RejectTransfer(code) => Intent::RejectTransfer { session, code: *code },
        })
    }

    /// The chat that something is said in.
    #[must_use]
    pub fn chat(&self, subject: &Subject) -> Option<StreamId> {
        let Self::Say { chat, .. } = self else { return None };
        subject.chats.get(chat.checked_rem(subject.chats.len())?).copied()
    }

    /// The method of the seeds that it calls.
    #[must_use]
    pub const fn method(&self) -> &'static str {
        match self {
            Self::Connect { .. } => "connect",
            Self::Ring => "send_ring_indication",
            Self::Accept(_) => "accept",
            Self::Reject(_) => "reject",
            Self::End => "end",
            Self::Hold => "hold",
            Self::Unhold => "unhold",
            Self::Add(_) => "add_stream",
            Self::Remove(_) => "remove_stream",
            Self::AcceptProposal(_) => "accept_proposal",
            Self::RejectProposal(_) => "reject_proposal",
            Self::CancelProposal => "cancel_proposal",
            Self::Dtmf(_) => "send_dtmf",
            Self::Transfer { .. } => "transfer",
            Self::AcceptTransfer => "accept_transfer",
            Self::RejectTransfer(_) => "reject_transfer",
            Self::Say { .. } => "send_message",
            Self::GiveUp => "cancel",
            Self::Network(_) | Self::Cut(_) | Self::Reset(_) => "",
        }
    }
}

/// What came of an intent.
pub(super) type Answer = Result<Outcome, IntentError>;
