//! The notifications of a stream.

use std::net::SocketAddr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::ice;
use crate::media;
use crate::sip::Text;

use super::{ChatEvent, DesktopSharingEvent, FileTransferEvent, Originator};

/// The media path of a stream over RTP, as it starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rtp {
    /// What was agreed on.
    pub parameters: media::Parameters,
    /// The local RTP address.
    pub local: SocketAddr,
}

/// How far ICE is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IceState {
    /// Addresses are asked for.
    Gathering,
    /// Those that there are, are known.
    GatheringComplete,
    /// Checks are made.
    InProgress,
    /// Pairs have been found.
    Succeeded,
    /// None have.
    Failed,
}

impl IceState {
    /// The state in the reference's words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gathering => "ICE Candidates Gathering",
            Self::GatheringComplete => "ICE Candidates Gathering Complete",
            Self::InProgress => "ICE Negotiation In Progress",
            Self::Succeeded => "ICE Negotiation Succeeded",
            Self::Failed => "ICE Negotiation Failed",
        }
    }
}

/// News of a stream. `DidInitialize` comes once, `DidStart` once, and one of `DidEnd` and `DidFail` ends it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StreamEvent {
    /// Its sockets are bound (`MediaStreamDidInitialize`).
    DidInitialize,
    /// Media can flow (`MediaStreamDidStart`).
    DidStart {
        /// For a stream over RTP, its media path.
        rtp: Option<Rtp>,
    },
    /// The parameters changed, and not only the direction (`AudioStreamDidChangeRTPParameters`).
    DidChangeParameters {
        /// What is agreed on now.
        parameters: media::Parameters,
    },
    /// ICE has come further (`AudioStreamICENegotiationStateDidChange`).
    IceNegotiationStateDidChange {
        /// How far, in the reference's words.
        state: IceState,
    },
    /// ICE has found the pairs that are used (`AudioStreamICENegotiationDidSucceed`).
    IceNegotiationDidSucceed {
        /// The pairs, how long it took, all candidates, and what became of each check.
        outcome: Box<ice::Outcome>,
    },
    /// ICE has found none: the addresses of the descriptions are used (`AudioStreamICENegotiationDidFail`).
    IceNegotiationDidFail {
        /// Why.
        reason: Text,
    },
    /// A side has put it on hold, or taken it off (`AudioStreamDidChangeHoldState`).
    DidChangeHoldState {
        /// Which side.
        originator: Originator,
        /// Whether that side has it on hold now.
        on_hold: bool,
    },
    /// It failed (`MediaStreamDidFail`).
    DidFail {
        /// Why.
        reason: Text,
    },
    /// About to end (`MediaStreamWillEnd`).
    WillEnd,
    /// Ended (`MediaStreamDidEnd`).
    DidEnd,
    /// The peer pressed a key (`AudioStreamGotDTMF`).
    GotDtmf {
        /// The digit.
        digit: char,
    },
    /// No audio has come for 5 s since the stream began, or for the time in the configuration (`SCSessionGotNoAudio`).
    GotNoAudio {
        /// Whether any has ever come.
        got_any: bool,
    },
    /// The first packet came, or packets now come from another address.
    Source {
        /// The address.
        address: SocketAddr,
    },
    /// A report of the packet counters.
    Statistics(Box<media::Statistics>),
    /// News of a chat stream.
    Chat(ChatEvent),
    /// News of a file transfer.
    FileTransfer(FileTransferEvent),
    /// News of a desktop sharing stream.
    DesktopSharing(DesktopSharingEvent),
    /// News of a stream of the application's own.
    Custom {
        /// What.
        name: Text,
        /// With what.
        #[serde(
            serialize_with = "crate::trace::data::serialize",
            deserialize_with = "crate::trace::data::deserialize"
        )]
        data: Bytes,
    },
}

impl StreamEvent {
    /// Whether it may come before media flows.
    #[must_use]
    pub const fn is_of_start(&self) -> bool {
        matches!(
            self,
            Self::IceNegotiationStateDidChange { .. }
                | Self::IceNegotiationDidSucceed { .. }
                | Self::IceNegotiationDidFail { .. }
        )
    }

    /// Whether it may come until the stream has ended, though media never flowed or flows no longer: what became of something that the
    /// application gave to the stream.
    #[must_use]
    pub const fn is_of_fate(&self) -> bool {
        matches!(
            self,
            Self::Chat(ChatEvent::DidNotDeliverMessage { .. } | ChatEvent::DidNotSetNickname { .. })
                | Self::FileTransfer(
                    FileTransferEvent::DidNotDeliverChunk { .. } | FileTransferEvent::DidNotFinish { .. }
                )
        )
    }

    /// The seeds' names where a stream of this kind tells it: 002's first, then 000's.
    #[must_use]
    pub fn names_of(&self, kind: &str) -> &'static [&'static str] {
        match (kind, self) {
            ("chat", Self::DidInitialize) => &["MediaStreamDidInitialize", "MSRPChatDidInitialize"],
            ("chat", Self::DidStart { .. }) => &["MediaStreamDidStart", "MSRPChatDidStart"],
            ("chat", Self::DidFail { .. }) => &["MediaStreamDidFail", "MSRPChatDidFail"],
            ("chat", Self::WillEnd) => &["MediaStreamWillEnd", "MSRPChatWillEnd"],
            ("chat", Self::DidEnd) => &["MediaStreamDidEnd", "MSRPChatDidEnd"],
            ("file-transfer", Self::DidInitialize) => &["MediaStreamDidInitialize", "MSRPFileTransferDidInitialize"],
            ("file-transfer", Self::DidStart { .. }) => &["MediaStreamDidStart", "MSRPFileTransferDidStart"],
            ("file-transfer", Self::DidFail { .. }) => &["MediaStreamDidFail", "MSRPFileTransferDidFail"],
            ("file-transfer", Self::WillEnd) => &["MediaStreamWillEnd", "MSRPFileTransferWillEnd"],
            ("file-transfer", Self::DidEnd) => &["MediaStreamDidEnd", "MSRPFileTransferDidEnd"],
            _ => self.names(),
        }
    }

    /// The seeds' names, whatever stream tells it: 002's first, then 000's.
    #[must_use]
    pub const fn names(&self) -> &'static [&'static str] {
        match self {
            Self::DidInitialize => &["MediaStreamDidInitialize"],
            Self::DidStart { .. } => &["MediaStreamDidStart"],
            Self::DidChangeParameters { .. } => &["AudioStreamDidChangeRTPParameters"],
            Self::IceNegotiationStateDidChange { .. } => &["AudioStreamICENegotiationStateDidChange"],
            Self::IceNegotiationDidSucceed { .. } => &["AudioStreamICENegotiationDidSucceed"],
            Self::IceNegotiationDidFail { .. } => &["AudioStreamICENegotiationDidFail"],
            Self::DidChangeHoldState { .. } => &["AudioStreamDidChangeHoldState"],
            Self::DidFail { .. } => &["MediaStreamDidFail"],
            Self::WillEnd => &["MediaStreamWillEnd"],
            Self::DidEnd => &["MediaStreamDidEnd"],
            Self::GotDtmf { .. } => &["AudioStreamGotDTMF", "SCSessionGotDTMF"],
            Self::GotNoAudio { .. } => &["SCSessionGotNoAudio"],
            Self::Chat(event) => event.names(),
            Self::DesktopSharing(event) => event.names(),
            Self::FileTransfer(event) => event.names(),
            Self::Source { .. } | Self::Statistics(_) | Self::Custom { .. } => &[],
        }
    }
}
