//! The notifications of a session.

use serde::{Deserialize, Serialize};

use crate::cause::Cause;
use crate::id::{AccountId, SessionId, StreamId};
use crate::sip::Text;
use crate::stream::{Line, Originator};
use crate::time::Utc;

use super::SessionState;

/// Whether the ACK of an INVITE that we answered came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AckReceived {
    /// It came.
    True,
    /// It did not come in time.
    False,
    /// It was not waited for.
    Unknown,
}

/// What became of streams of an established session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StreamAction {
    /// They were added.
    Add,
    /// They were removed.
    Remove,
}

/// News of a session. Each start has exactly one end, never both: `DidEnd` after `WillEnd`, when the INVITE had been accepted, else `DidFail`. An incoming session whose acceptance is never acknowledged fails.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SessionEvent {
    /// The state changed (`SCSessionChangedState`).
    ChangedState {
        /// The state before.
        prev_state: SessionState,
        /// The state now.
        state: SessionState,
    },
    /// An INVITE came: `accept` or `reject` it (`SIPSessionNewIncoming`).
    NewIncoming {
        /// The account it is for.
        account: AccountId,
        /// The remote party's name and URI, from the From header: a claim, not a proof.
        remote_identity: Text,
        /// The streams proposed.
        streams: Vec<StreamId>,
        /// Whether the remote party leaves the offer to us: `accept` offers the stream that is named here, `accept_offering` others.
        without_offer: bool,
        /// Whether one of them is audio (seed 000).
        has_audio: bool,
        /// Whether one of them is chat (seed 000).
        has_chat: bool,
        /// The session whose place it takes when it starts (RFC 3891).
        replaced: Option<SessionId>,
    },
    /// `connect` was called (`SIPSessionNewOutgoing`).
    NewOutgoing {
        /// The account it is from.
        account: AccountId,
        /// The streams that are offered.
        streams: Vec<StreamId>,
    },
    /// The remote device rings (`SIPSessionGotRingIndication`).
    GotRingIndication,
    /// A provisional response came (`SIPSessionGotProvisionalResponse`).
    GotProvisionalResponse {
        /// Its status code.
        code: u16,
        /// Its reason phrase.
        reason: Text,
    },
    /// The streams are about to start (`SIPSessionWillStart`).
    WillStart,
    /// Established (`SIPSessionDidStart`).
    DidStart {
        /// The active streams.
        streams: Vec<StreamId>,
    },
    /// Ended before it started (`SIPSessionDidFail`).
    DidFail {
        /// Which side ended it.
        originator: Originator,
        /// The SIP status code; 0 where there is none.
        code: u16,
        /// The SIP reason phrase.
        reason: Text,
        /// Why, in words: `user request`, `missing ACK`, `timeout` …
        failure_reason: Text,
        /// The Contact headers of a 3xx, which the application may follow.
        redirect_identities: Vec<Text>,
        /// When it was over (attribute `stop_time`).
        stop_time: Utc,
        /// The same, structured.
        cause: Cause,
    },
    /// About to end (`SIPSessionWillEnd`).
    WillEnd {
        /// Which side ends it.
        originator: Originator,
    },
    /// Ended (`SIPSessionDidEnd`).
    DidEnd {
        /// Which side ended it.
        originator: Originator,
        /// Why, in words: `user request` …
        end_reason: Text,
        /// When it was established (attribute `start_time`).
        start_time: Option<Utc>,
        /// When it was over (attribute `stop_time`).
        stop_time: Utc,
        /// The same, structured.
        cause: Cause,
    },
    /// A side has put the session on hold, or taken it off (`SIPSessionDidChangeHoldState`).
    DidChangeHoldState {
        /// Which side.
        originator: Originator,
        /// Whether that side holds at least one stream.
        on_hold: bool,
        /// Whether it holds at least one, and not all that know of hold.
        partial: bool,
    },
    /// A side proposes to add streams (`SIPSessionGotProposal`): accept or reject them if it is the peer.
    GotProposal {
        /// Which side.
        originator: Originator,
        /// The streams.
        streams: Vec<StreamId>,
        /// Whether one of them is audio (seed 000).
        adds_audio: bool,
        /// Whether one of them is chat (seed 000).
        adds_chat: bool,
    },
    /// A proposal was accepted (`SIPSessionGotAcceptProposal`).
    GotAcceptProposal {
        /// Which side had made it.
        originator: Originator,
        /// The streams that were accepted.
        streams: Vec<StreamId>,
        /// All that were proposed.
        proposed_streams: Vec<StreamId>,
    },
    /// A proposal was rejected or withdrawn (`SIPSessionGotRejectProposal`).
    GotRejectProposal {
        /// Which side had made it.
        originator: Originator,
        /// The status code.
        code: u16,
        /// Its reason phrase.
        reason: Text,
        /// The streams that were proposed.
        streams: Vec<StreamId>,
    },
    /// A proposal came to nothing, for a reason of this side (`SIPSessionHadProposalFailure`).
    HadProposalFailure {
        /// Which side had made it.
        originator: Originator,
        /// Why, in words.
        failure_reason: Text,
        /// The streams that were proposed.
        streams: Vec<StreamId>,
    },
    /// Streams were added to the session, or removed from it (`SIPSessionDidRenegotiateStreams`).
    DidRenegotiateStreams {
        /// Which side wanted it.
        originator: Originator,
        /// What became of them.
        action: StreamAction,
        /// The streams.
        streams: Vec<StreamId>,
    },
    /// The remote party asks us to call somebody else instead: accept or reject that within 20 seconds (`SIPSessionTransferNewIncoming`).
    TransferNewIncoming {
        /// Whom.
        target: Text,
        /// Who asks, from the Referred-By header: a claim, not a proof.
        referred_by: Option<Text>,
        /// Whether the new call is to take the place of one that the remote party has (RFC 3891).
        attended: bool,
    },
    /// `transfer` was called (`SIPSessionTransferNewOutgoing`).
    TransferNewOutgoing {
        /// Whom the remote party is to call.
        target: Text,
    },
    /// The transfer was accepted (`SIPSessionTransferDidStart`).
    TransferDidStart,
    /// What the one who is called has said (`SIPSessionTransferGotProgress`).
    TransferGotProgress {
        /// The status code.
        code: u16,
        /// The reason phrase.
        reason: Text,
    },
    /// The transfer has succeeded: this session ends (`SIPSessionTransferDidEnd`).
    TransferDidEnd,
    /// The transfer came to nothing: this session goes on (`SIPSessionTransferDidFail`).
    TransferDidFail {
        /// The status code; 0 where there is none.
        code: u16,
        /// Why, in words.
        reason: Text,
    },
    /// A transaction of the INVITE dialog is complete (`SIPSessionDidProcessTransaction`).
    DidProcessTransaction {
        /// Which side sent the request.
        originator: Originator,
        /// The request's method.
        method: Text,
        /// The status code of the final response.
        code: u16,
        /// Its reason phrase.
        reason: Text,
        /// For an INVITE that we answered: whether the ACK came.
        ack_received: Option<AckReceived>,
    },
}

impl SessionEvent {
    /// These streams are proposed.
    pub(super) fn got_proposal(originator: Originator, lines: &[Line]) -> Self {
        let adds = |kind| lines.iter().any(|line| line.stream().kind() == kind);
        let streams = lines.iter().map(Line::id).collect();
        Self::GotProposal { originator, streams, adds_audio: adds("audio"), adds_chat: adds("chat") }
    }

    /// The seeds' names: 002's first, then 000's. What 000 sends as DidFail followed by DidEnd is one event with both names.
    #[must_use]
    pub const fn names(&self) -> &'static [&'static str] {
        match self {
            Self::ChangedState { .. } => &["SCSessionChangedState"],
            Self::NewIncoming { .. } => &["SIPSessionNewIncoming", "SCSessionNewIncoming"],
            Self::NewOutgoing { .. } => &["SIPSessionNewOutgoing", "SCSessionNewOutgoing"],
            Self::GotRingIndication => &["SIPSessionGotRingIndication", "SCSessionGotRingIndication"],
            Self::GotProvisionalResponse { .. } => &["SIPSessionGotProvisionalResponse"],
            Self::WillStart => &["SIPSessionWillStart", "SCSessionWillStart"],
            Self::DidStart { .. } => &["SIPSessionDidStart", "SCSessionDidStart"],
            Self::DidFail { .. } => &["SIPSessionDidFail", "SCSessionDidFail", "SCSessionDidEnd"],
            Self::WillEnd { .. } => &["SIPSessionWillEnd", "SCSessionWillEnd"],
            Self::DidEnd { .. } => &["SIPSessionDidEnd", "SCSessionDidEnd"],
            Self::DidProcessTransaction { .. } => &["SIPSessionDidProcessTransaction"],
            Self::DidChangeHoldState { on_hold: true, .. } => {
                &["SIPSessionDidChangeHoldState", "SCSessionGotHoldRequest"]
            }
            Self::DidChangeHoldState { on_hold: false, .. } => {
                &["SIPSessionDidChangeHoldState", "SCSessionGotUnholdRequest"]
            }
            Self::GotProposal { .. } => &["SIPSessionGotProposal", "SCSessionGotStreamProposal"],
            Self::GotAcceptProposal { .. } => &["SIPSessionGotAcceptProposal", "SCSessionAcceptedStreamProposal"],
            Self::GotRejectProposal { .. } => &["SIPSessionGotRejectProposal", "SCSessionRejectedStreamProposal"],
            Self::HadProposalFailure { .. } => &["SIPSessionHadProposalFailure", "SCSessionRejectedStreamProposal"],
            Self::DidRenegotiateStreams { .. } => &["SIPSessionDidRenegotiateStreams"],
            Self::TransferNewIncoming { .. } => &["SIPSessionTransferNewIncoming"],
            Self::TransferNewOutgoing { .. } => &["SIPSessionTransferNewOutgoing"],
            Self::TransferDidStart => &["SIPSessionTransferDidStart"],
            Self::TransferGotProgress { .. } => &["SIPSessionTransferGotProgress"],
            Self::TransferDidEnd => &["SIPSessionTransferDidEnd"],
            Self::TransferDidFail { .. } => &["SIPSessionTransferDidFail"],
        }
    }
}
