//! What a chat stream is asked for, and what it tells.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::msrp::Chunk;
use crate::payload::composing::State;
use crate::payload::cpim::{Address, Field, FieldName, Subject};
use crate::sdp::Direction;
use crate::sip::Text;
use crate::time::Utc;

/// A chat stream to offer (seed class ChatStream).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChatSpec {
    /// The direction to offer.
    pub direction: Direction,
}

/// A message to send (`ChatStream.send_message`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatMessage {
    /// Its name, of 4 to 32 letters and digits: the events that tell its fate have it. No other message of the stream has the same.
    pub id: Text,
    /// What it holds.
    #[serde(serialize_with = "crate::trace::data::serialize", deserialize_with = "crate::trace::data::deserialize")]
    pub content: Bytes,
    /// The type of that.
    pub content_type: Text,
    /// To whom; to the peer where nobody is named. Others only where private messages are allowed.
    pub recipients: Vec<Address>,
    /// Who gets a courtesy copy.
    pub courtesy_recipients: Vec<Address>,
    /// What it is about, in several languages.
    pub subjects: Vec<Subject>,
    /// When it was written; now where nothing is said.
    pub timestamp: Option<Utc>,
    /// What the recipient must understand.
    pub required: Vec<FieldName>,
    /// Further header fields.
    pub additional_headers: Vec<Field>,
    /// What the recipient's side is asked to tell of it (RFC 5438).
    pub notifications: Vec<Notified>,
}

impl ChatMessage {
    /// A message of plain text to the peer.
    #[must_use]
    pub fn text(id: impl Into<Text>, text: &str) -> Self {
        Self::new(id, "text/plain", Bytes::copy_from_slice(text.as_bytes()))
    }

    /// A message of another type to the peer.
    #[must_use]
    pub fn new(id: impl Into<Text>, content_type: &str, content: Bytes) -> Self {
        Self {
            id: id.into(),
            content,
            content_type: content_type.into(),
            recipients: Vec::new(),
            courtesy_recipients: Vec::new(),
            subjects: Vec::new(),
            timestamp: None,
            required: Vec::new(),
            additional_headers: Vec::new(),
            notifications: Vec::new(),
        }
    }

    /// Whether it says more than plain MSRP can.
    pub(super) const fn needs_cpim(&self) -> bool {
        !self.courtesy_recipients.is_empty()
            || !self.subjects.is_empty()
            || self.timestamp.is_some()
            || !self.required.is_empty()
            || !self.additional_headers.is_empty()
            || !self.notifications.is_empty()
    }
}

/// What the recipient's side tells of a message (RFC 5438 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notified {
    /// It was delivered.
    Delivered,
    /// It could not be.
    NotDelivered,
    /// It was shown.
    Displayed,
    /// Something on the way has processed it.
    Processed,
    /// That is not told (RFC 5438 section 5): nothing that can be asked for.
    Forbidden,
}

/// What an application wants of a chat stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatCommand {
    /// Send a message. Before the stream has started it waits.
    SendMessage(Box<ChatMessage>),
    /// Tell whether somebody is writing (`ChatStream.send_composing_indication`).
    SendComposingIndication {
        /// Whether.
        state: State,
        /// After how many seconds that is not true any longer unless it is said again.
        refresh: Option<u32>,
        /// When something was written last.
        last_active: Option<Utc>,
        /// To whom; to the peer where nobody is named.
        recipients: Vec<Address>,
    },
    /// Ask for a nickname in a chat room; an empty one gives it back (RFC 7701 section 7).
    SetNickname(Text),
    /// Tell the sender of a message that it was shown, if that was asked for (RFC 5438 section 7.2.1.2).
    Displayed {
        /// The message.
        message: Box<ReceivedMessage>,
    },
    /// Tell the sender of a message that it could not be delivered to whom it is for, if that was asked for: as a gateway does, or one who does not
    /// understand what it requires (RFC 5438 sections 5.1 and 7.2.1.1). Who wants to know of deliveries has been told of it already, and is told no
    /// more.
    NotDelivered {
        /// The message.
        message: Box<ReceivedMessage>,
    },
}

/// A message that came (seed classes ChatMessage and CPIMMessage).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceivedMessage {
    /// Its name in MSRP.
    pub id: Text,
    /// Who sent it: as it says itself, or the peer.
    pub sender: Address,
    /// To whom it is.
    pub recipients: Vec<Address>,
    /// Who gets a courtesy copy.
    pub courtesy_recipients: Vec<Address>,
    /// What it is about.
    pub subjects: Vec<Subject>,
    /// When it was written: as it says itself, or when it came.
    pub timestamp: Utc,
    /// What must be understood to understand it.
    pub required: Vec<FieldName>,
    /// Its other header fields.
    pub additional_headers: Vec<Field>,
    /// The type of what it holds.
    pub content_type: Text,
    /// What it holds.
    #[serde(serialize_with = "crate::trace::data::serialize", deserialize_with = "crate::trace::data::deserialize")]
    pub content: Bytes,
    /// Whether it came in `message/cpim`.
    pub cpim: bool,
}

/// News of a chat stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ChatEvent {
    /// A message came (`ChatStreamGotMessage`).
    GotMessage {
        /// The message.
        message: Box<ReceivedMessage>,
    },
    /// A message was written to the connection (`ChatStreamDidSendMessage`).
    DidSendMessage {
        /// Which.
        message_id: Text,
        /// Its last chunk as it was written.
        message: Chunk,
    },
    /// A message has arrived (`ChatStreamDidDeliverMessage`). Told once.
    DidDeliverMessage {
        /// Which.
        message_id: Text,
        /// 200.
        code: u16,
        /// The words for it.
        reason: Text,
        /// The report, or the response where none is asked for.
        chunk: Option<Chunk>,
    },
    /// A message has not arrived (`ChatStreamDidNotDeliverMessage`). Told once.
    DidNotDeliverMessage {
        /// Which.
        message_id: Text,
        /// The code; 0 when the stream ended before.
        code: u16,
        /// The words for it.
        reason: Text,
        /// The report or the response that says so, if one does.
        chunk: Option<Chunk>,
    },
    /// Somebody writes, or does not any longer (`ChatStreamGotComposingIndication`).
    GotComposingIndication {
        /// Whether.
        state: State,
        /// After how many seconds that is not true any longer unless it is said again.
        refresh: Option<u32>,
        /// When something was written last.
        last_active: Option<Utc>,
        /// The type of what is written.
        content_type: Option<Text>,
        /// Who.
        sender: Address,
        /// To whom.
        recipients: Vec<Address>,
    },
    /// The nickname is ours.
    DidSetNickname {
        /// The nickname.
        nickname: Text,
    },
    /// The nickname is not ours.
    DidNotSetNickname {
        /// The nickname.
        nickname: Text,
        /// The code: 404 without a room, 423 when nobody may have it, 425 when somebody has.
        code: u16,
        /// The words for it.
        reason: Text,
    },
    /// The recipient's side told what became of a message (RFC 5438).
    GotNotification {
        /// Which: its name in the field `imdn.Message-ID`.
        message_id: Text,
        /// What became of it.
        notified: Notified,
        /// Who tells.
        sender: Address,
    },
    /// There is room for messages again, after one was refused because there was none.
    Writable,
}

impl ChatEvent {
    /// The seeds' names: 002's first, then 000's.
    #[must_use]
    pub const fn names(&self) -> &'static [&'static str] {
        match self {
            Self::GotMessage { .. } => &["ChatStreamGotMessage", "MSRPChatGotMessage", "SCSessionGotMessage"],
            Self::DidSendMessage { .. } => &["ChatStreamDidSendMessage"],
            Self::DidDeliverMessage { .. } => {
                &["ChatStreamDidDeliverMessage", "MSRPChatDidDeliverMessage", "SCSessionDidDeliverMessage"]
            }
            Self::DidNotDeliverMessage { .. } => {
                &["ChatStreamDidNotDeliverMessage", "MSRPChatDidNotDeliverMessage", "SCSessionDidNotDeliverMessage"]
            }
            Self::GotComposingIndication { .. } => &["ChatStreamGotComposingIndication"],
            Self::DidSetNickname { .. } => &["ChatStreamDidSetNickname"],
            Self::DidNotSetNickname { .. } => &["ChatStreamDidNotSetNickname"],
            Self::GotNotification { .. } | Self::Writable => &[],
        }
    }
}
